# SPDX-License-Identifier: BSD-3-Clause
"""Bundles, as ovs-ofctl sends them: all of it or nothing, for the controller and for frames."""

import threading

import pytest

import of_wire as of
from openflow import Bridge
from scapy.all import Ether, IP, Raw, UDP

N, FLIPS = 10000, 5000


@pytest.fixture(scope="module")
def lasting(make_lasting_switch):
    bridge = Bridge(make_lasting_switch, 3)
    yield bridge
    bridge.close()


@pytest.fixture
def bridge(lasting):
    lasting.ofctl("del-flows")
    lasting.ofctl("del-groups")
    return lasting


def address(n):
    return f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"


def many(n, port, first=0):
    return "".join(f"priority=5,ip,nw_dst={address(i)} actions=output:{port}\n"
                   for i in range(first, first + n))


def frame(n):
    return bytes(Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b") /
                 IP(src="10.99.0.1", dst=address(n)) / UDP(sport=1000, dport=80) / Raw(bytes(30)))


def out(bridge, data):
    return {n for n, frames in bridge.send(1, data).items() if data in frames}


def state(bridge):
    return (sorted(bridge.ofctl("dump-flows", "--no-stats").splitlines()),
            bridge.ofctl("dump-groups").splitlines()[1:])


def n_flows(bridge):
    return int(bridge.ofctl("dump-aggregate").split("flow_count=")[1])


def bundle(bridge, *lines, **options):
    return bridge.ofctl("bundle", "-", stdin="\n".join(lines) + "\n", **options)


def test_ten_thousand_flows_come_and_are_replaced_in_one_bundle(bridge):
    bridge.ofctl("add-flows", "--bundle", "-", stdin=many(N, 2))
    assert n_flows(bridge) == N
    assert out(bridge, frame(N - 1)) == {2}
    bridge.ofctl("replace-flows", "--bundle", "-", stdin=many(N, 3, first=N // 2))
    assert n_flows(bridge) == N
    assert out(bridge, frame(N - 1)) == {3}
    assert out(bridge, frame(N // 2 - 1)) == set()
    # What it kept has its counters, what it did not is gone.
    assert bridge.packets(f"nw_dst={address(N - 1)} ") >= 1


def test_a_message_that_fails_leaves_all_as_it_was(bridge):
    bridge.ofctl("add-flows", "-", stdin=many(100, 2))
    bridge.ofctl("add-flow", "priority=9,udp,nw_dst=10.0.0.0/8 actions=drop")
    assert out(bridge, frame(3)) == set()
    before, counted = state(bridge), bridge.packets("priority=9")
    flows = ["flow add " + line for line in many(2000, 3).splitlines()]
    flows[1000:1000] = ["flow delete_strict priority=9,udp,nw_dst=10.0.0.0/8",
                        "group add group_id=1,type=all,bucket=output:2",
                        "flow modify ip actions=group:1",
                        "flow add check_overlap,priority=5,ip,nw_src=1.2.3.4 actions=drop"]
    said = bundle(bridge, *flows, status=1)
    assert "OFPFMFC_OVERLAP" in said
    assert "OFPBFC_MSG_FAILED" in said
    assert state(bridge) == before
    assert bridge.packets("priority=9") == counted
    assert out(bridge, frame(3)) == set()
    assert bridge.packets("priority=9") == counted + 1


def test_nobody_is_told_of_what_a_failed_bundle_did(bridge):
    connection = of.Connection(bridge.target.removeprefix("unix:"))
    connection.ask(of.message(of.SET_CONFIG, b"\0\0\xff\xff"))
    bridge.ofctl("add-flow", "send_flow_rem,idle_timeout=50,cookie=7,priority=9,ip actions=drop")
    before = state(bridge)
    said = bundle(bridge, "flow delete", "flow add send_flow_rem,priority=8,ip actions=drop",
                  "flow delete", "flow add check_overlap,priority=3,ip actions=drop",
                  "flow add check_overlap,priority=3,udp actions=drop", status=1)
    assert "OFPFMFC_OVERLAP" in said
    connection.ask(of.message(of.ECHO))
    assert [m for m in connection.unasked if m[1] == of.FLOW_REMOVED] == []
    assert state(bridge) == before
    bundle(bridge, "flow delete", "flow add priority=8,ip actions=drop")
    connection.ask(of.message(of.ECHO))
    assert [m[8:16] for m in connection.unasked if m[1] == of.FLOW_REMOVED] == [
        (7).to_bytes(8, "big")]
    connection.close()


def path(number):
    """Frames go to 2 by the register's number; others in between, so that it takes its time."""
    others = [of.add([of.oxm("reg0", i)], of.apply(of.output(number)), table=2)
              for i in range(200)]
    return [of.add([], of.apply(of.set_field("reg0", number)), of.goto(1)), *others,
            of.add([of.oxm("reg0", number)], of.apply(of.output(2)), table=1),
            of.add([of.oxm("reg0", 3 - number)], table=1)]


def test_each_frame_sees_all_of_an_atomic_bundle_or_nothing(bridge):
    """None is dropped, so each went by one number or the other."""
    connection = of.Connection(bridge.target.removeprefix("unix:"))
    assert not any(connection.ask(m) for m in path(1))
    added = [b"".join(of.bundle(1, path(number))[:-1]) for number in (2, 1)]
    over, frames = threading.Event(), [frame(i) for i in range(64)]

    def send():
        while not over.is_set():
            bridge.guests[1].send_many(frames)
            bridge.guests[2].recv_all(0)

    before = bridge.switch.stats("p1")
    sender = threading.Thread(target=send)
    sender.start()
    try:
        for flip in range(FLIPS):
            connection.socket.sendall(added[flip % 2])
            answers = connection.ask(of.bundle_control(of.COMMIT))
            assert not any(answer[1] == of.ERROR for answer in answers), answers
    finally:
        over.set()
        sender.join()
    connection.close()
    after = bridge.switch.stats("p1")
    assert after["rx_packets"] - before["rx_packets"] > FLIPS
    assert after["drops"].get("flow_drop", 0) == before["drops"].get("flow_drop", 0)


def test_flows_and_groups_that_need_each_other_come_together(bridge):
    bundle(bridge, "group add group_id=1,type=all,bucket=output:2,bucket=output:3",
           "group add group_id=2,type=indirect,bucket=group:1",
           "flow add priority=5,ip actions=group:2")
    assert out(bridge, frame(1)) == {2, 3}
    # The old group goes with its flow, and another of the same number comes.
    bundle(bridge, "group delete group_id=2", "group delete group_id=1",
           "group add group_id=1,type=all,bucket=output:3",
           "flow add priority=6,ip actions=group:1")
    assert out(bridge, frame(1)) == {3}
    assert n_flows(bridge) == 1
    bundle(bridge, "group modify group_id=1,type=all,bucket=output:2",
           "flow modify ip actions=group:1")
    assert out(bridge, frame(1)) == {2}


def test_a_packet_out_leaves_by_the_flows_of_its_bundle(bridge):
    data = frame(7)
    bundle(bridge, "flow add priority=5,ip actions=output:3",
           f"packet-out in_port=controller packet={data.hex()} actions=table")
    assert {n for n, frames in bridge.received().items() if data in frames} == {3}


def test_mod_flows_keeps_counters_and_del_flows_takes_the_flow(bridge):
    bridge.ofctl("add-flow", "--bundle", "priority=5,ip actions=output:2")
    assert out(bridge, frame(1)) == {2}
    bridge.ofctl("mod-flows", "--bundle", "ip actions=output:3")
    assert out(bridge, frame(1)) == {3}
    assert bridge.packets("priority=5") == 2
    bridge.ofctl("del-flows", "--bundle", "ip")
    assert n_flows(bridge) == 0


def test_a_flow_that_becomes_a_clause_in_a_bundle_keeps_its_counters(bridge):
    bridge.ofctl("add-flow", "priority=5,ip actions=output:2")
    assert out(bridge, frame(1)) == {2}
    bundle(bridge, "flow modify_strict priority=5,ip actions=conjunction(9,2/2)",
           "flow add priority=5,udp actions=conjunction(9,1/2)",
           "flow add priority=1,conj_id=9 actions=output:3")
    assert out(bridge, frame(1)) == {3}
    assert bridge.packets("priority=5,ip") == 1
    bundle(bridge, "flow modify_strict reset_counts,priority=5,ip actions=output:2")
    assert out(bridge, frame(1)) == {2}
    assert bridge.packets("priority=5,ip") == 1
