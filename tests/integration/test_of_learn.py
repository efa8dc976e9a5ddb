# SPDX-License-Identifier: BSD-3-Clause
"""Flows that frames teach: learn, as ovs-ofctl asks for it."""

import re
import struct

import pytest

import of_wire as of
from daemon import wait_for
from openflow import Bridge
from scapy.all import Ether, IP, Raw, TCP, UDP
from vhost_guest import frame, mac

A, B, C = mac(0xa), mac(0xb), mac(0xc)

# ovs-actions(7): a learning bridge of flows.
LEARN = "learn(table=1,{more}NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])"


def learning(more=""):
    return [f"table=0 actions={LEARN.format(more=more)},resubmit(,1)",
            "table=1,priority=0 actions=flood"]


@pytest.fixture
def bridge(make_switch):
    bridge = Bridge(make_switch)
    yield bridge
    bridge.close()


def learned(bridge, table=1):
    """{match and timeouts: actions} of the flows that were learned."""
    flows = {}
    for line in bridge.ofctl("dump-flows", f"table={table}", "--no-stats").splitlines():
        match, _, actions = line.strip().partition(" actions=")
        if actions and "priority=0" not in match:
            flows[re.sub(rf"table={table},? ?", "", match)] = actions
    return flows


def wait_learned(bridge, flows, table=1):
    wait_for(lambda: learned(bridge, table) == flows, 5, f"learned flows {flows}")


def stats(bridge):
    return bridge.switch.json("bridge", "show", "br0")


def test_a_bridge_of_flows_learns_where_a_guest_is(bridge):
    bridge.flows(*learning())
    assert set(bridge.send(1, frame(B, A))) == {2, 3}
    wait_learned(bridge, {"dl_dst=02:00:00:00:00:0a": "output:1"})
    assert bridge.send(2, frame(A, B)) == {1: [frame(A, B)]}
    wait_learned(bridge, {"dl_dst=02:00:00:00:00:0a": "output:1",
                          "dl_dst=02:00:00:00:00:0b": "output:2"})
    assert bridge.send(1, frame(B, A)) == {2: [frame(B, A)]}


def test_the_learning_bridge_of_ovs_actions_works_with_its_register(bridge):
    bridge.flows("table=0 actions=learn(table=1,NXM_OF_VLAN_TCI[0..11],"
                 "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]),"
                 "resubmit(,1),resubmit(,2)",
                 "table=1,priority=0 actions=drop",
                 "table=2,reg0=0 actions=flood",
                 "table=2,priority=0 actions=output:NXM_NX_REG0[]")
    assert set(bridge.send(1, frame(B, A))) == {2, 3}
    wait_learned(bridge, {"vlan_tci=0x0000/0x0fff,dl_dst=02:00:00:00:00:0a":
                          "load:0x1->NXM_NX_REG0[0..15]"})
    assert bridge.send(2, frame(A, B)) == {1: [frame(A, B)]}


def test_a_guest_that_moves_is_learned_anew_each_time(bridge):
    bridge.flows(*learning())
    for port in (1, 2, 1, 3, 1, 2):
        bridge.send(port, frame(B, A))
        wait_learned(bridge, {"dl_dst=02:00:00:00:00:0a": f"output:{port}"})


def test_a_flow_that_was_learned_and_deleted_is_learned_again_by_the_next_frame(bridge):
    bridge.flows(*learning())
    for _ in range(3):
        bridge.send(1, frame(B, A))
        wait_learned(bridge, {"dl_dst=02:00:00:00:00:0a": "output:1"})
        bridge.ofctl("del-flows", "table=1,dl_dst=02:00:00:00:00:0a")


def test_a_stream_of_one_guest_is_handed_to_the_control_thread_once_a_second(bridge):
    bridge.flows(*learning())
    before = stats(bridge)["learns"]
    for _ in range(20):
        bridge.offer(1, [frame(B, A)] * 50)
        bridge.received()
    # The clock by which a second counts may have ticked a few times.
    assert 1 <= stats(bridge)["learns"] - before < 200
    assert bridge.packets("table=0") == 1000


def test_what_is_learned_has_all_that_the_action_says(bridge):
    bridge.flows("table=0,ip,udp actions=learn(table=9,priority=77,idle_timeout=100,"
                 "hard_timeout=200,cookie=0x1234,send_flow_rem,eth_type=0x800,nw_proto=17,"
                 "NXM_OF_IP_DST[]=NXM_OF_IP_SRC[],NXM_OF_UDP_DST[]=NXM_OF_UDP_SRC[],"
                 "NXM_OF_VLAN_TCI[0..11],NXM_NX_REG3[8..15]=0x5,load:0x7->NXM_NX_REG0[4..7],"
                 "load:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],"
                 "load:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15],output:NXM_OF_IN_PORT[])")
    bridge.send(3, bytes(Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b") /
                         IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1000, dport=80) /
                         Raw(bytes(30))))
    wait_for(lambda: "table=9" in bridge.ofctl("dump-flows"), 5, "a flow in table 9")
    line, = [x for x in bridge.ofctl("dump-flows", "table=9").splitlines() if "table=9" in x]
    assert re.sub(r"duration=[0-9.]+s", "duration=", line).strip() == (
        "cookie=0x1234, duration=, table=9, n_packets=0, n_bytes=0, idle_timeout=100, "
        "hard_timeout=200, send_flow_rem priority=77,udp,reg3=0x500/0xff00,"
        "vlan_tci=0x0000/0x0fff,nw_dst=10.0.0.1,tp_dst=1000 "
        "actions=load:0x7->NXM_NX_REG0[4..7],set_field:02:00:00:00:00:0a->eth_dst,"
        "load:0x3->NXM_NX_REG1[0..15],output:3")


def test_a_frame_that_teaches_again_prolongs_the_hard_timeout_and_silence_ends_it(bridge):
    bridge.flows(*learning("hard_timeout=5,"))
    bridge.send(1, frame(B, A))
    known = {"hard_timeout=5, dl_dst=02:00:00:00:00:0a": "output:1"}
    wait_learned(bridge, known)

    def age():
        bridge.send(1, frame(B, A))
        assert learned(bridge) == known
        flow, = [f for f in bridge.ofctl("dump-flows", "table=1").splitlines() if "dl_dst" in f]
        return float(re.search(r"duration=([0-9.]+)s", flow)[1])

    wait_for(lambda: age() > 7, 40, "a flow that is older than its timeout")
    wait_for(lambda: learned(bridge) == {}, 30, "the end of the flow")


def test_a_learned_flow_that_is_idle_goes_and_controllers_are_told(bridge):
    connection = of.Connection(bridge.target.removeprefix("unix:"))
    # miss_send_len: a service connection gets such messages once it has said so.
    assert not connection.ask(of.message(of.SET_CONFIG, struct.pack("!HH", 0, 0xffff)))
    bridge.flows(*learning("idle_timeout=1,send_flow_rem,cookie=0x99,"))
    bridge.offer(1, [frame(B, A)])

    def is_told():
        data = connection.recv(1)
        return data and data[1] == of.FLOW_REMOVED and struct.unpack_from("!Q", data, 8) == (0x99,)

    wait_for(is_told, 30, "flow-removed")
    assert learned(bridge) == {}
    connection.close()


def test_a_flood_of_addresses_leaves_the_control_thread_its_time(bridge):
    bridge.flows(*learning())
    n = 3000
    for first in range(0, n, 250):
        bridge.offer(1, [frame(B, mac(0x10000 + first + i)) for i in range(250)])
        bridge.guests[2].recv_all(0)
        bridge.guests[3].recv_all(0)
        assert bridge.ofctl("show")
    told = stats(bridge)
    assert told["learns"] + told["learns_lost"] >= n
    wait_for(lambda: len(learned(bridge)) >= told["learns"], 20, "what was handed over")


def test_a_trace_tells_what_would_be_learned_and_learns_nothing(bridge):
    bridge.flows(*learning())
    told = bridge.switch.json("trace", "--in-port", "1", "--frame", frame(B, A).hex())
    made, = [s["learn"] for s in told["steps"] if "learn" in s]
    assert (made["table"], made["match"], made["actions"]) == (
        1, "dl_dst=02:00:00:00:00:0a", "output:1")
    text = bridge.switch.cli("trace", "--in-port", "1", "--frame", frame(B, A).hex())
    assert LEARN.format(more="") in text
    assert "learns: table 1, priority 32768, dl_dst=02:00:00:00:00:0a, actions output:1" in text
    assert learned(bridge) == {}


def test_shunt_takes_learn_and_lists_it(bridge):
    cli = bridge.switch.cli
    cli("flow", "del")
    for flow in learning():
        cli("flow", "add", flow.replace(" actions", ",actions"))
    assert {f["actions"] for f in bridge.switch.json("flow", "list")} == {
        LEARN.format(more="") + ",resubmit(,1)", "FLOOD"}
    bridge.send(1, frame(B, A))
    wait_learned(bridge, {"dl_dst=02:00:00:00:00:0a": "output:1"})


def test_a_group_and_a_packet_out_learn_too(bridge):
    bridge.ofctl("add-group", "group_id=1,type=all,bucket=" + LEARN.format(more=""))
    bridge.flows("table=0 actions=group:1")
    bridge.send(2, frame(B, A))
    wait_learned(bridge, {"dl_dst=02:00:00:00:00:0a": "output:2"})
    bridge.ofctl("packet-out", f"in_port=3,packet={frame(B, C).hex()},"
                 f"actions={LEARN.format(more='')}")
    wait_learned(bridge, {"dl_dst=02:00:00:00:00:0a": "output:2",
                          "dl_dst=02:00:00:00:00:0c": "output:3"})


def test_what_a_flow_taught_goes_with_it(bridge):
    bridge.flows(*learning("cookie=0x77,delete_learned,"))
    bridge.send(1, frame(B, A))
    wait_learned(bridge, {"cookie=0x77, dl_dst=02:00:00:00:00:0a": "output:1"})
    bridge.ofctl("del-flows", "table=0")
    assert learned(bridge) == {}


def tcp(flags, sport=1000):
    return bytes(Ether(src=A, dst=B) / IP(src="10.0.0.1", dst="10.0.0.2") /
                 TCP(sport=sport, dport=80, flags=flags) / Raw(bytes(30)))


CONNECTION = ("table=0,tcp,tp_dst=80 actions=learn(table=1,idle_timeout=600,fin_idle_timeout=1,"
              "send_flow_rem,eth_type=0x800,nw_proto=6,NXM_OF_TCP_SRC[]),resubmit(,1),output:2")


@pytest.mark.parametrize("flags", ["FA", "R"])
def test_a_learned_connection_leaves_soon_after_it_has_ended(bridge, flags):
    flow = "send_flow_rem tcp,tp_src={}"
    connection = of.Connection(bridge.target.removeprefix("unix:"))
    connection.ask(of.message(of.SET_CONFIG, b"\0\0\xff\xff"))
    bridge.flows(CONNECTION)
    for sport in (1000, 2000):
        bridge.send(1, tcp("A", sport))
    both = {f"idle_timeout=600, {flow.format(sport)}": "fin_timeout(idle_timeout=1)"
            for sport in (1000, 2000)}
    wait_learned(bridge, both)
    # It goes on to what is in the frame's way; then only the other one is left.
    assert set(bridge.send(1, tcp(flags))) == {2}
    assert f"idle_timeout=1, {flow.format(1000)}" in learned(bridge)
    removed = connection.recv(10)
    assert removed[1] == of.FLOW_REMOVED and removed[18] == 0  # OFPRR_IDLE_TIMEOUT
    assert learned(bridge) == {f"idle_timeout=600, {flow.format(2000)}":
                               "fin_timeout(idle_timeout=1)"}
    connection.close()


def test_fin_timeout_is_told_in_traces_and_lists(bridge):
    cli = bridge.switch.cli
    action = "fin_timeout(idle_timeout=5,hard_timeout=10)"
    bridge.flows(f"tcp actions={action},output:2")
    listed, = [f for f in bridge.switch.json("flow", "list")]
    assert listed["actions"] == action + ",output:2"
    text = cli("trace", "--in-port", "1", "--frame", tcp("FA").hex())
    assert action in text
    assert "ends a connection: the flow's timeouts are at most 5 s idle, 10 s in all" in text
    assert "ends a connection" not in cli("trace", "--in-port", "1", "--frame", tcp("A").hex())
    # A trace changes nothing.
    assert "_timeout" not in bridge.ofctl("dump-flows", "--no-stats").partition("actions")[0]
    cli("flow", "add", "tcp,priority=7,actions=" + action)
    assert f"priority=7,tcp actions={action}" in bridge.ofctl("dump-flows", "--no-stats")
