# SPDX-License-Identifier: BSD-3-Clause
"""Conjunctions, as ovs-ofctl asks for them and as guests' frames see them."""

import pytest

from openflow import Bridge
from scapy.all import Ether, IP, Raw, UDP

FLOWS = ["priority=100,ip,nw_src=10.0.0.1 actions=conjunction(7,1/2)",
         "priority=100,ip,nw_src=10.0.0.3 actions=conjunction(7,1/2),conjunction(8,1/2)",
         "priority=100,udp,tp_dst=80 actions=conjunction(7,2/2)",
         "priority=100,udp,tp_dst=0x0100/0xff00 actions=conjunction(8,2/2)",
         "priority=100,conj_id=7,ip actions=output:2",
         "priority=100,conj_id=8,ip actions=output:3",
         "priority=1 actions=output:4"]


@pytest.fixture
def bridge(make_switch):
    bridge = Bridge(make_switch, 4)
    yield bridge
    bridge.close()


def udp(source, port):
    return bytes(Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b") /
                 IP(src=source, dst="10.0.0.9") / UDP(sport=1000, dport=port) / Raw(bytes(30)))


def out(bridge, source, port):
    """The port that the frame leaves by."""
    frame = udp(source, port)
    return {n for n, frames in bridge.send(1, frame).items() if frame in frames}


def test_a_frame_for_which_all_clauses_match_goes_by_its_conj_id(bridge):
    bridge.flows(*FLOWS)
    assert out(bridge, "10.0.0.1", 80) == {2}
    assert out(bridge, "10.0.0.3", 80) == {2}
    assert out(bridge, "10.0.0.3", 300) == {3}
    assert out(bridge, "10.0.0.1", 300) == {4}
    assert out(bridge, "10.0.0.2", 80) == {4}
    assert bridge.packets("conj_id=7") == 2
    assert bridge.packets("conj_id=8") == 1


def test_conjunctions_are_listed_as_they_were_given(bridge):
    bridge.flows(*FLOWS)
    listed = bridge.ofctl("dump-flows", "--no-stats").splitlines()
    assert {line.strip() for line in listed} == {f.replace("0x0100", "0x100") for f in FLOWS}
    assert {(f["match"], f["actions"]) for f in bridge.switch.json("flow", "list")} >= {
        ("ip,nw_src=10.0.0.3", "conjunction(7,1/2),conjunction(8,1/2)"),
        ("conj_id=8,ip", "output:3")}


def test_a_flow_becomes_a_clause_and_stops_being_one_while_its_counters_stay(bridge):
    bridge.flows("priority=5,ip actions=output:2", "priority=1,conj_id=9 actions=output:3",
                 "priority=5,udp actions=conjunction(9,1/2)")
    assert out(bridge, "10.0.0.1", 80) == {2}
    bridge.ofctl("mod-flows", "--strict", "priority=5,ip actions=conjunction(9,2/2)")
    assert out(bridge, "10.0.0.1", 80) == {3}
    assert bridge.packets("priority=5,ip") == 1
    bridge.ofctl("mod-flows", "--strict", "priority=5,ip actions=output:2")
    assert out(bridge, "10.0.0.1", 80) == {2}
    assert bridge.packets("priority=5,ip") == 2


def test_each_table_has_conjunctions_of_its_own(bridge):
    bridge.flows("table=0,priority=5,ip actions=conjunction(1,1/2)",
                 "table=0,priority=5,udp actions=conjunction(1,2/2)",
                 "table=0,conj_id=1 actions=goto_table:4",
                 "table=4,priority=5,ip actions=conjunction(1,1/2)",
                 "table=4,priority=5,udp,tp_dst=80 actions=conjunction(1,2/2)",
                 "table=4,conj_id=1 actions=output:2", "table=4,priority=0 actions=output:3")
    assert out(bridge, "10.0.0.1", 80) == {2}
    assert out(bridge, "10.0.0.1", 81) == {3}


def test_shunt_takes_conjunctions_and_its_trace_tells_the_clauses(bridge):
    cli = bridge.switch.cli
    cli("flow", "del")
    for flow in FLOWS:
        cli("flow", "add", flow.replace(" actions", ",actions"))
    assert out(bridge, "10.0.0.3", 300) == {3}
    lookup = bridge.switch.json("trace", "--in-port", "1", "--frame",
                                udp("10.0.0.3", 300).hex())["steps"][0]["lookup"]
    assert lookup["match"] == "conj_id=8,ip"
    assert {c["match"] for c in lookup["clauses"]} == {
        "ip,nw_src=10.0.0.3", "udp,tp_dst=0x100/0xff00"}
    told = cli("trace", "--in-port", "1", "--frame", udp("10.0.0.3", 300).hex())
    assert "table 0: priority 100, conj_id=8,ip" in told
    assert "by ip,nw_src=10.0.0.3: conjunction(7,1/2),conjunction(8,1/2)" in told
