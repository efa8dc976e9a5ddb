# SPDX-License-Identifier: BSD-3-Clause
"""Bridges and their controllers: programs that nobody here wrote, and clients that misbehave."""

import select
import socket
import struct
import subprocess
import time

import pytest

import of_client
from controllers import (COMES_S, Report, flows_of, free_port, osken, ovs_controller,
                         reach_each_other)
from daemon import wait_for
from of_client import Client, in_port, listen, output
from openflow import Bridge
from ports import assert_sums_hold
from vhost_guest import BROADCAST, frame, mac

A, B, C = mac(0xa), mac(0xb), mac(0xc)
ANSWER_S = 5  # a request of somebody beside a flood, on a machine that does other work too
OUT_BYTES = 4 << 20  # what may wait for a controller that does not read
TABLE_FULL = (5, 1)
ROLE_REQUEST_FAILED, STALE, IS_SLAVE = 11, 0, (1, 10)


@pytest.fixture
def listener():
    with listen() as made:
        yield made


def target_of(listener):
    return f"tcp:127.0.0.1:{listener.getsockname()[1]}"


def service(bridge):
    """A connection of our own to the bridge's management socket."""
    return Client.to(f"{bridge.switch.run_dir}/br0.mgmt")


def is_normal(bridge):
    """Whether a frame to an unknown address floods, as it does on a bridge that learns."""
    return set(bridge.send(1, frame(C, A))) == {2, 3}


def rss_bytes(switch):
    """0 under the address sanitizer, which holds back what is freed."""
    with open(f"/proc/{switch.pid}/maps") as f:
        if "libasan" in f.read():
            return 0
    with open(f"/proc/{switch.pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS:"))


# A reactive controller

@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_guests_reach_each_other_through_ovs_testcontroller(make_bridge, started, tmp_path, kind):
    port = free_port()
    where = f"127.0.0.1:{port}" if kind == "tcp" else f"{tmp_path}/controller.sock"
    started(ovs_controller, f"ptcp:{port}:127.0.0.1" if kind == "tcp" else f"punix:{where}")
    reach_each_other(make_bridge(f"{kind}:{where}"))


def test_guests_reach_each_other_through_os_ken(make_bridge, started):
    port = free_port()
    started(osken, port, "osken_switch.py")
    reach_each_other(make_bridge(f"tcp:127.0.0.1:{port}"))


def test_one_controller_serves_two_bridges(make_switch, started):
    port = free_port()
    started(ovs_controller, f"ptcp:{port}:127.0.0.1")
    fields = f'fail_mode: secure, controllers: ["tcp:127.0.0.1:{port}"]'
    bridges = [Bridge(make_switch, fields=fields) for _ in range(2)]
    for bridge in bridges:
        reach_each_other(bridge)
        bridge.close()


# An application that uses most of OpenFlow

@pytest.fixture
def application(make_bridge, started, tmp_path):
    port = free_port()
    started(osken, port, "osken_app.py")
    bridge = make_bridge(f"tcp:127.0.0.1:{port}",
                         fields='fail_mode: secure, datapath_id: "00000000000000ab"')
    report = Report(tmp_path)
    report.wait("barrier")
    return bridge, report


def test_an_os_ken_application_is_master_of_the_switch_that_it_set_up(application):
    bridge, report = application
    assert report.all("features") == [{"what": "features", "dpid": "00000000000000ab",
                                       "tables": 254}]
    report.wait("role", role=of_client.MASTER, generation_id=11)
    assert len(flows_of(bridge, "priority=100")) in (2, 3)  # one leaves after a second
    assert report.all("error") == []


def test_an_os_ken_application_hears_that_a_flow_timed_out(application):
    bridge, report = application
    bridge.send(3, frame(B, C))
    gone = report.wait("flow_removed", cookie=0x1234)
    assert gone["reason"] == 1 and gone["in_port"] == 3 and gone["n_packets"] <= 1
    assert flows_of(bridge, "in_port=3") == []


def test_an_os_ken_application_sends_on_what_it_was_sent(application):
    bridge, report = application
    sent = frame(A, B, payload=b"to the controller")
    bridge.guests[2].send(sent)
    assert bridge.guests[1].recv(COMES_S) == sent
    got = report.wait("packet_in", in_port=2)
    assert got["data"] == sent.hex() and got["reason"] == 1 and got["total_len"] == len(sent)
    assert report.wait("port_desc")["ports"].items() >= {"p1": 1, "p2": 2, "p3": 3}.items()
    assert report.all("error") == []


def test_an_os_ken_application_limits_by_a_meter_and_copies_by_a_group(application):
    bridge, report = application
    bridge.guests[1].send_many([frame(B, A)] * 40)
    got = {port: len(frames) for port, frames in bridge.received().items()}
    assert got[2] == got[3] and 4 <= got[2] <= 12, got
    bridge.guests[2].send(frame(A, B))  # the application asks when it hears of it
    meter = report.wait("meter_stats", meter=5)
    assert (meter["flows"], meter["n_packets"], meter["n_dropped"]) == (1, 40, 40 - got[2])
    group = report.wait("group_stats", group=7)
    assert group["refs"] == 1 and group["n_packets"] == got[2]
    assert group["buckets"] == [got[2], got[2]]
    assert report.wait("group_desc")["ports"] == [2, 3]
    assert report.wait("meter_config") == {"what": "meter_config", "meter": 5, "rate": 4,
                                           "flags": 2}
    assert_sums_hold(bridge.switch)


def test_an_os_ken_application_hears_of_ports(application):
    bridge, report = application
    bridge.switch.cli("port", "set", "p2", "--enabled", "false")
    report.wait("port_status", name="p2", reason=2, is_disabled=True)
    bridge.switch.cli("port", "set", "p2", "--enabled", "true")
    report.wait("port_status", name="p2", reason=2, is_disabled=False)
    bridge.guests.pop(3).close()
    report.wait("port_status", name="p3", reason=2, is_down=True)
    bridge.switch.cli("port", "add", "p9", "--bridge", "br0", "--ofport", "9")
    report.wait("port_status", name="p9", reason=0, port=9)
    # A change that fails makes it anew, and then as it was.
    done = bridge.switch.run("port", "set", "p9", "--type", "uplink", "--device", "packet:nosuch")
    assert done.returncode == 1
    bridge.switch.cli("port", "del", "p9")
    wait_for(lambda: [e["reason"] for e in report.all("port_status")
                      if e["name"] == "p9" and e["reason"] != 2] == [0, 1, 0, 1],
             COMES_S, "it came, went, came back and went")


def test_a_bridge_takes_another_datapath_id_and_nobodys_socket(make_bridge, listener):
    bridge = make_bridge(target_of(listener))
    controller = Client.accept(listener)
    bridge.switch.cli("bridge", "set", "br0", "--datapath-id", "00000000000000ee")
    with pytest.raises(ConnectionError):  # so that it asks anew
        while True:
            controller.recv()
    assert "dpid:00000000000000ee" in bridge.ofctl("show")
    done = bridge.switch.run("bridge", "set", "br0", "--controllers", "punix:shunt.sock")
    assert done.returncode == 1 and "already in use" in done.stderr, done
    assert bridge.switch.json("bridge", "show", "br0")["controllers"] == [target_of(listener)]


# When the controller is away

def test_a_standalone_bridge_learns_until_a_controller_answers_and_again_when_it_left(
        make_bridge, listener):
    bridge = make_bridge(target_of(listener), fields="fail_mode: standalone, fail_after_s: 1")
    assert is_normal(bridge)  # it is connected, but nobody has said hello
    controller = Client.accept(listener)
    wait_for(lambda: not is_normal(bridge), COMES_S, "the controller's word alone")
    assert controller.add_flow(in_port(1), output(3)) is None
    assert set(bridge.send(1, frame(C, A))) == {3}
    controller.close()
    listener.close()
    wait_for(lambda: is_normal(bridge), COMES_S, "learning again")
    assert len(flows_of(bridge, "actions=output:3")) == 1
    with listen(address=listener_address(bridge)) as again:
        controller = Client.accept(again)
        wait_for(lambda: set(bridge.send(1, frame(C, A))) == {3}, COMES_S, "its flow again")
        controller.close()


def listener_address(bridge):
    target = bridge.switch.json("bridge", "show", "br0")["controllers"]
    target = target[0] if isinstance(target, list) else target
    return target.split(":")[1], int(target.split(":")[2])


def test_a_standalone_bridge_keeps_to_its_flows_for_a_time_after_the_controller_left(
        make_bridge, listener):
    bridge = make_bridge(target_of(listener), fields="fail_mode: standalone")
    assert bridge.switch.json("bridge", "show", "br0")["fail_after_s"] == 15
    controller = Client.accept(listener)
    controller.add_flow(in_port(1), output(3))
    address = listener.getsockname()
    listener.close()
    controller.close()
    wait_for(lambda: "controller tcp" in bridge.switch.log() and "left" in bridge.switch.log(),
             COMES_S, "its leaving")
    assert set(bridge.send(1, frame(C, A))) == {3}
    with listen(address=address) as again:
        controller = Client.accept(again)
        assert set(bridge.send(1, frame(C, A))) == {3}
        controller.close()


def test_a_secure_bridge_keeps_its_flows_and_does_not_learn(make_bridge, listener):
    secure, other = (make_bridge(target_of(listener), fields=f"fail_mode: {mode}, fail_after_s: 1")
                     for mode in ("secure", "standalone"))
    assert secure.send(1, frame(BROADCAST, A)) == {}
    controllers = [Client.accept(listener) for _ in range(2)]
    for controller in controllers:
        controller.add_flow(in_port(1), output(3))
    assert not is_normal(other)
    listener.close()
    for controller in controllers:
        controller.close()
    wait_for(lambda: is_normal(other), COMES_S, "the other bridge to fall back")
    assert set(secure.send(1, frame(BROADCAST, A))) == {3}
    assert secure.send(2, frame(BROADCAST, B)) == {}


def test_a_bridge_that_is_only_connected_to_forwards_by_what_it_is_told(make_bridge):
    bridge = make_bridge(f"ptcp:{free_port()}", fields="fail_mode: standalone")
    assert is_normal(bridge)
    bridge.flows("in_port=1,actions=output:3")
    assert set(bridge.send(1, frame(C, A))) == {3}


def test_a_controller_that_restarts_is_found_again(make_bridge, started):
    port = free_port()
    controller = started(ovs_controller, f"ptcp:{port}:127.0.0.1")
    bridge = make_bridge(f"tcp:127.0.0.1:{port}")
    wait_for(lambda: flows_of(bridge, "CONTROLLER"), 20, "a table-miss flow")
    controller.stop()
    bridge.ofctl("del-flows")
    controller.start()
    reach_each_other(bridge)


def test_a_controller_that_hangs_up_is_tried_more_and_more_seldom(make_bridge, listener):
    make_bridge(target_of(listener))
    listener.settimeout(20)
    times = []
    for _ in range(4):
        listener.accept()[0].close()
        times.append(time.monotonic())
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert gaps[1] > gaps[0] + 0.5 and gaps[2] > gaps[1] + 0.5, gaps


# Several controllers

def test_of_two_controllers_one_is_master_and_the_other_may_only_look(make_bridge, listener):
    with listen() as other:
        bridge = make_bridge(target_of(listener), target_of(other))
        first, second = Client.accept(listener), Client.accept(other)
        assert first.add_flow(in_port(1), output(2)) is None  # both are equal at first
        assert second.add_flow(in_port(2), output(1)) is None
        assert first.role(of_client.MASTER, 10) == of_client.MASTER
        assert second.role(of_client.SLAVE, 10) == of_client.SLAVE
        assert second.add_flow(in_port(3), output(1)) == IS_SLAVE
        assert first.add_flow(in_port(3), output(of_client.TO_CONTROLLER)) is None
        bridge.guests[3].send(frame(A, C))
        assert first.expect(of_client.PACKET_IN).endswith(frame(A, C))
        second.barrier()
        assert of_client.PACKET_IN not in second.passed
        bridge.switch.cli("port", "set", "p1", "--enabled", "false")  # both hear of ports
        assert first.expect(of_client.PORT_STATUS) == second.expect(of_client.PORT_STATUS)
        # The other takes over; who comes with an older election comes too late.
        assert second.role(of_client.MASTER, 11) == of_client.MASTER
        assert first.role(of_client.MASTER, 10) == (ROLE_REQUEST_FAILED, STALE)
        assert first.role(0) == of_client.SLAVE
        assert first.add_flow(in_port(1), output(3)) == IS_SLAVE
        assert second.add_flow(in_port(1), output(3)) is None
        second.close()  # nobody is master now, and the one that is left may become it
        assert first.role(of_client.MASTER, 12) == of_client.MASTER
        first.close()


def test_one_controller_of_two_is_enough(make_bridge, listener):
    bridge = make_bridge(target_of(listener), f"tcp:127.0.0.1:{free_port()}",
                         fields="fail_mode: standalone, fail_after_s: 1")
    controller = Client.accept(listener)
    wait_for(lambda: not is_normal(bridge), COMES_S, "the controller's word alone")
    controller.add_flow(in_port(1), output(3))
    assert set(bridge.send(1, frame(C, A))) == {3}
    controller.close()


# Limits that are configured

def test_flows_beyond_the_limit_are_refused_and_those_that_are_there_stay(make_bridge):
    bridge = make_bridge(f"ptcp:{free_port()}", fields="fail_mode: secure, flow_limit: 2")
    client = service(bridge)
    assert [client.add_flow(in_port(i), output(3)) for i in (1, 2, 3)] == [None, None, TABLE_FULL]
    assert client.add_flow(in_port(2), output(1)) is None  # in place of the one that is there
    bridge.switch.cli("bridge", "set", "br0", "--flow-limit", "3")
    assert client.add_flow(in_port(3), output(1)) is None
    bridge.switch.cli("bridge", "set", "br0", "--flow-limit", "1")
    assert client.add_flow(in_port(4), output(1)) == TABLE_FULL
    assert len(flows_of(bridge, "in_port=")) == 3
    client.close()


def test_a_controller_is_sent_as_many_packets_as_its_limit_allows(make_bridge, listener):
    bridge = make_bridge(target_of(listener), fields="fail_mode: secure, controller_rate_limit: 1")
    controller = Client.accept(listener)
    controller.add_flow(in_port(1), output(of_client.TO_CONTROLLER))

    def came():
        controller.barrier()
        return controller.passed.count(of_client.PACKET_IN)

    begin = time.monotonic()
    bridge.offer(1, [frame(B, A)] * 100)
    wait_for(lambda: bridge.switch.json("bridge", "show", "br0")["packet_ins"] == 100, COMES_S,
             "all at the control thread")
    assert 1 <= came() <= 2 + time.monotonic() - begin
    bridge.switch.cli("bridge", "set", "br0", "--controller-rate-limit", "0")
    bridge.offer(1, [frame(B, A)] * 100)
    n = 0

    def all_came():
        nonlocal n
        n += came()
        return n == 100

    wait_for(all_came, COMES_S, "100 packet-ins")
    controller.close()


# Bad manners

def fill(sock, data):
    """Send until the other side has not read for a second; returns how many bytes went."""
    sock.setblocking(False)
    sent = 0
    while select.select([], [sock], [], 1)[1]:
        try:
            sent += sock.send(data)
        except BlockingIOError:
            continue
        assert sent < 1 << 30, "it takes everything"
    return sent


@pytest.mark.bad_input
def test_one_that_never_reads_costs_a_few_mebibytes_and_nobody_waits_for_it(make_bridge):
    bridge = make_bridge(f"ptcp:{free_port()}")
    bridge.flows(*(f"priority={i},in_port=1,actions=output:2" for i in range(1, 2001)))
    bridge.ofctl("dump-flows")
    before = rss_bytes(bridge.switch)
    deaf = service(bridge)
    everything = of_client.message(of_client.MULTIPART_REQUEST, of_client.all_flows())
    fill(deaf.sock, everything * 100)
    assert rss_bytes(bridge.switch) - before < 3 * OUT_BYTES
    assert bridge.ofctl("dump-flows").count("actions=") == 2000
    deaf.sock.settimeout(20)
    assert deaf.expect(of_client.MULTIPART_REPLY)  # it was served all the time, as far as it read
    deaf.close()
    assert_sums_hold(bridge.switch)


@pytest.mark.bad_input
def test_a_gigabyte_of_flow_mods_stops_nobody_else_and_is_not_kept(make_bridge):
    bridge = make_bridge(f"ptcp:{free_port()}")
    other, flood = service(bridge), service(bridge)
    long = of_client.message(of_client.FLOW_MOD, of_client.add_flow(in_port(1), output(3) * 4000))
    flood.sock.sendall(long * 20)
    flood.barrier()
    before = rss_bytes(bridge.switch)
    sent, slowest = 0, 0
    while sent < 1 << 30:
        flood.sock.sendall(long * 20)
        sent += len(long) * 20
        begin = time.monotonic()
        assert other.add_flow(in_port(2), output(1)) is None
        slowest = max(slowest, time.monotonic() - begin)
    flood.barrier()
    assert slowest < ANSWER_S
    assert rss_bytes(bridge.switch) - before < 2 * OUT_BYTES
    assert set(bridge.send(2, frame(A, B))) == {1}
    assert set(bridge.send(1, frame(B, A))) == {3}
    flood.close()
    other.close()


@pytest.mark.bad_input
def test_packets_for_a_controller_that_never_reads_are_dropped(make_bridge, tmp_path):
    path = str(tmp_path / "deaf.sock")
    with listen(socket.AF_UNIX, path) as listener:
        bridge = make_bridge(f"unix:{path}")
        deaf = Client.accept(listener)
    deaf.add_flow(in_port(1), output(of_client.TO_CONTROLLER))
    before = rss_bytes(bridge.switch)
    other = service(bridge)
    other.send(of_client.SET_CONFIG, struct.pack("!HH", 0, 0xffff))
    other.barrier()
    n = 0
    while n * 1500 < 4 * OUT_BYTES:  # as much as it would take if nothing were dropped
        bridge.guests[1].send_many([frame(B, A, length=1514)] * 200)
        other.barrier()
        n += other.passed.count(of_client.PACKET_IN)
    assert rss_bytes(bridge.switch) - before < 2 * OUT_BYTES
    deaf.close()
    other.close()
    assert_sums_hold(bridge.switch)


@pytest.mark.bad_input
@pytest.mark.parametrize("greets", [False, True])
def test_a_thousand_reconnects_leave_nothing_behind(make_bridge, greets):
    port = free_port()
    bridge = make_bridge(f"ptcp:{port}")

    before, memory = bridge.switch.n_descriptors(), rss_bytes(bridge.switch)
    for _ in range(1000):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            if greets:
                client = Client(sock).greet()
                client.send(of_client.FEATURES_REQUEST)
    wait_for(lambda: bridge.switch.n_descriptors() == before, 20, "all connections closed")
    assert rss_bytes(bridge.switch) - memory < OUT_BYTES
    bridge.flows("in_port=1,actions=output:2")
    assert set(bridge.send(1, frame(B, A))) == {2}


@pytest.mark.bad_input
def test_a_controller_that_closes_at_every_point_of_a_message_is_only_gone(make_bridge):
    port = free_port()
    bridge = make_bridge(f"ptcp:{port}")
    words = of_client.message(of_client.HELLO) + of_client.message(
        of_client.FLOW_MOD, of_client.add_flow(in_port(1), output(2)))
    for n in range(0, len(words)):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(words[:n])
    assert flows_of(bridge, "in_port=1") == []
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(words)
    wait_for(lambda: flows_of(bridge, "in_port=1"), COMES_S, "the flow of the whole message")


# ovs-ofctl that watches

class Watch:
    """A program whose lines are read as they come."""

    def __init__(self, *argv):
        self.process = subprocess.Popen(["stdbuf", "-oL", *argv], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.text = ""

    def wait(self, *words, seconds=COMES_S):
        """Until each of these words was printed; returns all that was printed."""
        def seen():
            if select.select([self.process.stdout], [], [], 0.05)[0]:
                more = self.process.stdout.read1(65536).decode()
                assert more, f"it ended: {self.text}"
                self.text += more
            return all(word in self.text for word in words)

        wait_for(seen, seconds, f"{words} in {self.text}")
        return self.text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def monitor(bridge, *arguments, name="a"):
    control = f"--unixctl={bridge.switch.folder}/monitor-{name}.ctl"
    return Watch("ovs-ofctl", "-O", "OpenFlow13", control, "monitor", bridge.target, *arguments)


def test_ovs_ofctl_monitor_sees_packets_ports_and_removals(make_bridge):
    bridge = make_bridge(f"ptcp:{free_port()}")
    bridge.flows("in_port=1,cookie=0x5,actions=controller",
                 "send_flow_rem,in_port=2,cookie=0x77,actions=drop")
    with monitor(bridge, "65534") as watch:
        wait_for(lambda: bridge.send(1, frame(B, A)) == {} and "PACKET_IN" in watch.wait(),
                 COMES_S, "the first packet-in")
        bridge.switch.cli("port", "set", "p3", "--enabled", "false")
        watch.wait("OFPT_PORT_STATUS", "3(p3)")
        bridge.ofctl("mod-port", "2", "no-forward")  # another connection's doing
        watch.wait("OFPT_PORT_STATUS", "2(p2)", "NO_FWD")
        bridge.ofctl("del-flows", "in_port=2")
        assert "cookie:0x77" in watch.wait("OFPT_FLOW_REMOVED", "reason=delete")
        assert "in_port=1" in watch.text and "cookie=0x5" in watch.text


def test_ovs_ofctl_monitor_without_a_length_gets_no_packets(make_bridge):
    bridge = make_bridge(f"ptcp:{free_port()}")
    bridge.flows("in_port=1,actions=controller")
    with monitor(bridge, name="b") as quiet, monitor(bridge, "65534") as watch:
        wait_for(lambda: bridge.send(1, frame(B, A)) == {} and "PACKET_IN" in watch.wait(),
                 COMES_S, "the first packet-in")
        assert "PACKET_IN" not in quiet.wait()


def test_ovs_ofctl_watch_sees_flows_come_change_and_go(make_bridge):
    bridge = make_bridge(f"ptcp:{free_port()}")
    bridge.flows("in_port=1,actions=output:2")
    with monitor(bridge, "watch:") as watch:
        watch.wait("event=ADDED", "in_port=1")
        watch.text = ""
        bridge.ofctl("add-flow", "in_port=2,actions=output:3")
        watch.wait("event=ADDED", "in_port=2")
        bridge.ofctl("mod-flows", "in_port=2,actions=drop")
        watch.wait("event=MODIFIED")
        bridge.ofctl("del-flows", "in_port=1")
        watch.wait("event=DELETED", "reason=delete", "in_port=1 actions=output:2")
