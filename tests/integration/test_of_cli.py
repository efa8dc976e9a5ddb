# SPDX-License-Identifier: BSD-3-Clause
"""Flows by shunt's own command line, and the trace, which says where frames then go."""

import json
import re
import subprocess

import pytest

from daemon import SHUNT, CommandFailed
from openflow import Bridge
from ports import assert_sums_hold, config, learned
from scapy.all import Dot1Q, Ether, IP, Raw, TCP, UDP, wrpcap
from vhost_guest import BROADCAST, frame, mac

A, B = mac(0xa), mac(0xb)
MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


@pytest.fixture
def bridge(make_switch):
    bridge = Bridge(make_switch)
    yield bridge
    bridge.close()


@pytest.fixture
def cli(bridge):
    return bridge.switch.cli


def texts(bridge):
    """The flows as pairs of match and actions."""
    return {(f["match"], f["actions"]) for f in bridge.switch.json("flow", "list")}


def udp(**ip):
    return bytes(Ether(src=MAC_A, dst=MAC_B) / IP(src="10.0.0.1", dst="10.0.0.2", **ip) /
                 UDP(sport=1000, dport=2000) / Raw(b"payload of some bytes"))


def refusal(cli, *argv):
    with pytest.raises(CommandFailed) as failed:
        cli(*argv)
    assert failed.value.status == 1
    return failed.value.stderr.split(": ", 2)[2].strip()


def trace(bridge, data, port=1):
    return bridge.switch.json("trace", "--bridge", "br0", "--in-port", port, "--frame", data.hex())


def traced_outputs(told):
    """{port number: [frames]} of guests, as Bridge.send tells what came."""
    got = {}
    for output in told["outputs"]:
        if "frame" in output and output["port"] != "CONTROLLER":
            got.setdefault(output["ofport"], []).append(bytes.fromhex(output["frame"]))
    return got


def test_a_flow_that_is_added_is_listed_and_forwards_the_next_frame(bridge, cli):
    cli("flow", "del", "--bridge", "br0")
    assert texts(bridge) == set()
    for out in (2, 3, 2):
        cli("flow", "add", "--bridge", "br0", f"in_port=p1,udp,tp_dst=2000,actions=p{out}")
        assert set(bridge.send(1, udp())) == {out}
    assert texts(bridge) == {("udp,in_port=1,tp_dst=2000", "output:2")}
    assert "udp,in_port=1,tp_dst=2000 actions=output:2" in bridge.ofctl("dump-flows")


def test_flows_are_deleted_by_match_and_strictly(bridge, cli):
    cli("flow", "del")
    for flow in ("priority=5,tcp,actions=drop", "priority=6,tcp,tp_dst=80,actions=drop",
                 "priority=7,udp,actions=drop", "table=3,udp,actions=drop"):
        cli("flow", "add", flow)
    cli("flow", "del", "--strict", "priority=9,tcp")
    cli("flow", "del", "--strict", "tcp")
    assert len(texts(bridge)) == 4 - 1  # two of the four have one text
    cli("flow", "del", "tcp,tp_dst=80")
    assert texts(bridge) == {("tcp", "drop"), ("udp", "drop")}
    cli("flow", "del", "--strict", "priority=5,tcp")
    cli("flow", "del", "table=0,udp")
    assert [f["table"] for f in bridge.switch.json("flow", "list")] == [3]
    cli("flow", "del")
    assert texts(bridge) == set()


def test_what_ovs_ofctl_lists_can_be_added_again(bridge, cli):
    flows = ["priority=9,tcp,nw_dst=10.0.0.0/8,tp_dst=0x50/0xfff0,actions=dec_ttl,output:2",
             "table=1,dl_vlan=100,dl_vlan_pcp=3,actions=pop_vlan,goto_table:2",
             "cookie=0x5,idle_timeout=60,reg3=0x5/0xff,actions=load:0x1->NXM_NX_REG0[0..3],resubmit(,2)",
             "arp,arp_op=1,actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:2->arp_op,IN_PORT",
             "icmp6,icmp_type=135,nd_target=fe80::1,actions=CONTROLLER:128",
             "table=2,actions=write_actions(output:3),write_metadata:0x1/0xff,goto_table:5"]
    bridge.flows(*flows)
    plain = bridge.ofctl("dump-flows", "--no-stats")
    listed = [line.strip() for line in bridge.ofctl("dump-flows").splitlines() if "actions=" in line]
    cli("flow", "del")
    for line in listed:
        cli("flow", "add", line)
    assert len(listed) == len(flows) and bridge.ofctl("dump-flows", "--no-stats") == plain


def test_groups_are_listed_as_ovs_ofctl_lists_them(bridge, cli):
    groups = {1: "all,bucket=output:2,bucket=set_field:192.168.9.9->ip_dst,output:3", 2: "all",
              3: "select,bucket=weight:1,output:2,bucket=weight:30,output:3",
              4: "ff,bucket=watch_port:2,output:2,bucket=watch_port:3,watch_group:1,output:3",
              5: "indirect,bucket=group:1", 6: "select,bucket=watch_port:1,output:1"}
    for number, text in groups.items():
        bridge.ofctl("add-group", f"group_id={number},type={text}")
    theirs = [re.match(r" group_id=(\d+),type=(\w+),?(.*)$", line).groups()
              for line in bridge.ofctl("dump-groups").splitlines() if "group_id=" in line]
    rows = [row.split() for row in cli("group", "list").splitlines()[1:]]
    assert len(rows) == len(groups)
    assert sorted((row[1], row[2], row[5] if row[5:] else "") for row in rows) == sorted(theirs)
    bridge.ofctl("del-groups")
    for row in rows:
        bridge.ofctl("add-group", f"group_id={row[1]},type={row[2]},{','.join(row[5:])}")
    assert [row.split() for row in cli("group", "list").splitlines()[1:]] == rows
    watched = {g["group"]: g["buckets"] for g in bridge.switch.json("group", "list")}
    assert (watched[4][1]["watch_port"], watched[4][1]["watch_group"]) == (3, 1)
    assert "watch_port" not in watched[1][0]


def test_meters_are_listed_as_ovs_ofctl_lists_them(bridge, cli):
    meters = {1: "pktps,bands=type=drop,rate=5", 2: "kbps,burst,bands=type=drop,rate=1000,burst_size=64",
              3: "kbps,bands=type=dscp_remark,rate=5,prec_level=1,type=drop,rate=9"}
    for number, text in meters.items():
        bridge.ofctl("add-meter", f"meter={number},{text}")
    theirs = " ".join(bridge.ofctl("dump-meters").split("\n", 1)[1].split()).split("meter=")[1:]
    rows = [line[line.index("bands="):] for line in cli("meter", "list").splitlines()[1:]]
    assert sorted(rows) == sorted("bands=" + t.split("bands=")[1].strip() for t in theirs)
    bridge.ofctl("del-meters")
    for number, row in enumerate(rows, 1):
        bridge.ofctl("add-meter", f"meter={number} {'burst ' if 'burst' in row else ''}kbps {row}")
    assert [line[line.index("bands="):] for line in cli("meter", "list").splitlines()[1:]] == rows


@pytest.mark.parametrize("argv, sentence", [
    (("flow", "add", "foo=1,actions=drop"), "'foo' is no field"),
    (("flow", "add", "tcp"), "actions are missing: 'actions=...'"),
    (("flow", "add", "in_port=web9,actions=drop"), "in_port: no such port 'web9'"),
    (("flow", "add", "actions=group:7"), "group: there is no such group"),
    (("flow", "add", "actions=meter:7"), "meter: there is no such meter"),
    (("flow", "add", "--bridge", "br7", "actions=drop"), "no such bridge 'br7'"),
    (("flow", "del", "priority=3"), "priority names one flow: it is for a strict command alone"),
    (("trace",), "give a match or a frame"),
    (("trace", "reg0=1"), "reg0: no frame can be made that has it"),
    (("trace", "--frame", "0g"), "frame: '0g' is no pair of hexadecimal digits"),
    (("trace", "in_port=77"), "in_port: bridge 'br0' has no port 77"),
    (("trace", "--pcap", "no-such-file"), "no-such-file: No such file or directory"),
])
def test_a_mistake_is_one_sentence(cli, argv, sentence):
    assert refusal(cli, *argv).endswith(sentence)


def test_a_bridge_must_be_named_where_there_are_two(make_switch):
    switch = make_switch(config({"p1": "ofport: 1"}))
    switch.cli("bridge", "add", "br1")
    assert refusal(switch.cli, "flow", "add", "actions=drop").endswith("bridge is missing: there are 2")
    switch.cli("flow", "add", "--bridge", "br1", "in_port=9,actions=drop")
    assert {f["bridge"] for f in switch.json("flow", "list") if "in_port=9" in f["match"]} == {"br1"}


PIPELINES = {
    "outputs": ["in_port=1,actions=output:2,output:3"],
    "a change between outputs": ["udp,actions=output:2,set_field:192.168.9.9->ip_dst,dec_ttl,output:3"],
    "tables and metadata": ["in_port=1,actions=write_metadata:0x7/0xff,goto_table:1",
                            "table=1,priority=9,metadata=0x6,actions=output:3",
                            "table=1,priority=8,metadata=0x7,actions=set_field:1->reg0,goto_table:9",
                            "table=9,reg0=1,actions=output:2"],
    "an action set": ["actions=write_actions(output:3),goto_table:1",
                      "table=1,udp,actions=write_actions(set_field:9->udp_dst,output:2)"],
    "a cleared action set": ["actions=write_actions(output:3),goto_table:1",
                             "table=1,actions=clear_actions"],
    "resubmits": ["actions=resubmit(,4),output:3", "table=4,udp,actions=mod_dl_src:02:00:00:00:00:77,"
                                                    "output:2"],
    "a tag": ["actions=push_vlan:0x8100,set_field:4196->vlan_vid,output:2,pop_vlan,output:3"],
    "a label": ["actions=push_mpls:0x8847,set_field:5->mpls_label,output:2"],
    "a flow that drops": ["actions=drop"],
    "no flow": [],
    "a table without a match": ["actions=goto_table:7"],
    "back where it came from": ["actions=output:1"],
    "in_port": ["actions=in_port"],
    "one port to another": ["in_port=1,actions=output:2", "in_port=2,actions=output:1"],
    "one port to another, another flow beside": ["priority=1,in_port=1,actions=output:2",
                                                 "priority=2,tcp,actions=output:3"],
    "no such port": ["actions=output:77"],
    "flood": ["actions=flood"],
    "normal": ["priority=0,actions=NORMAL", "in_port=3,actions=drop"],
}


@pytest.mark.parametrize("name", PIPELINES)
def test_a_frame_goes_where_the_trace_said_and_looks_as_it_said(bridge, name):
    bridge.flows(*PIPELINES[name])
    for data in (udp(), udp(ttl=1), bytes(Ether(src=MAC_A, dst=MAC_B) / Dot1Q(vlan=9) / IP() / TCP())):
        data = data.ljust(60, b"\0")
        told = trace(bridge, data)
        assert traced_outputs(told) == bridge.send(1, data), told
        sent = [o for o in told["outputs"] if "frame" in o]
        assert (told["drop"] is None) == bool(sent)


def test_a_frame_that_the_trace_says_is_dropped_is_counted_for_that_reason(bridge):
    for flows, reason in (([], "no_flow"), (["actions=drop"], "flow_drop"),
                          (["actions=output:77"], "no_port"), (["actions=output:1"], "same_port")):
        bridge.flows(*flows)
        before = bridge.switch.stats("p1")["drops"].get(reason, 0)
        data = udp(ttl=1)
        told = trace(bridge, data)
        assert told["drop"] == reason and told["reason"]
        assert bridge.switch.stats("p1")["drops"].get(reason, 0) == before
        assert bridge.send(1, data) == {}
        assert bridge.switch.stats("p1")["drops"][reason] == before + 1


def test_a_flow_from_port_to_port_counts_and_drops_as_others_do(bridge, cli):
    """Whole bursts go its way without a walk of each frame."""
    counted = {}
    for flow in ("in_port=1,actions=output:2", "in_port=1,ip,actions=output:2"):
        cli("port", "set", "p1", "--mac", MAC_A, "--forged-transmits", "reject")
        bridge.flows(flow)
        before, drops = bridge.table(0), [bridge.switch.stats(p)["drops"] for p in ("p1", "p2")]
        forged = udp().replace(A, mac(0x66))
        bridge.offer(1, [udp(), forged, udp(), udp() + bytes(40)])
        assert bridge.received() == {2: [udp(), udp(), udp() + bytes(40)]}
        cli("port", "set", "p2", "--enabled", "false")
        assert bridge.send(1, udp()) == {}
        cli("port", "set", "p2", "--enabled", "true")
        (line,) = bridge.switch.json("flow", "list")
        assert (line["n_packets"], line["n_bytes"]) == (4, 4 * len(udp()) + 40)
        after = bridge.table(0)
        now = [bridge.switch.stats(p)["drops"] for p in ("p1", "p2")]
        counted[flow] = ([after[k] - before[k] for k in ("lookups", "matches")],
                         [{k: n - then.get(k, 0) for k, n in d.items() if n != then.get(k, 0)}
                          for d, then in zip(now, drops)])
    straight, walked = counted.values()
    assert straight == walked == ([4, 4], [{"forged_transmit": 1}, {"link_down": 1}])
    assert_sums_hold(bridge.switch)


def test_a_frame_for_the_controller_is_traced_with_its_reason(bridge):
    bridge.flows("ip,actions=dec_ttl,controller(max_len=20,id=3,reason=no_match),output:2")
    (first, second) = trace(bridge, udp())["outputs"]
    assert first["packet_in"] == "no_match" and first["controller_id"] == 3
    assert len(first["frame"]) == 2 * 20 and second["port"] == "p2"
    (sent, lost) = trace(bridge, udp(ttl=1))["outputs"]
    assert sent["port"] == "CONTROLLER" and sent["packet_in"] == "invalid_ttl"
    assert lost["port"] == "p1" and lost["drop"] == "ttl_expired"


def test_a_frame_that_its_only_port_cannot_send_goes_nowhere(bridge):
    bridge.flows("actions=output:2")
    bridge.switch.cli("port", "set", "p2", "--enabled", "false")
    told = trace(bridge, udp())
    assert told["drop"] == "link_down" and told["outputs"][0]["drop"] == "link_down"
    assert bridge.send(1, udp()) == {}


def test_groups_are_traced_as_they_forward(bridge):
    bridge.flows()
    bridge.ofctl("add-group", "group_id=1,type=all,bucket=set_field:192.168.9.9->ip_dst,output:2,"
                              "bucket=output:3")
    bridge.ofctl("add-group", "group_id=2,type=select,bucket=weight:1,output:2,bucket=weight:1,output:3")
    for group in (1, 2):
        bridge.ofctl("add-flow", f"in_port=1,udp,actions=group:{group}")
        for ttl in range(8):
            data = udp(ttl=9 + ttl)
            assert traced_outputs(trace(bridge, data)) == bridge.send(1, data)


def test_a_trace_counts_and_learns_nothing(bridge):
    bridge.flows("priority=0,actions=NORMAL", "in_port=3,actions=drop")
    for _ in range(3):
        trace(bridge, frame(BROADCAST, A))
    assert bridge.switch.json("fdb", "list") == []
    assert all(p["rx_packets"] == p["tx_packets"] == 0 for p in bridge.switch.json("port", "stats"))
    assert bridge.packets("priority=0") == 0


def test_normal_tells_its_vlan_and_whether_the_destination_is_known(bridge):
    bridge.flows("priority=0,actions=NORMAL", "in_port=3,actions=drop")
    (normal,) = [s["normal"] for s in trace(bridge, frame(B, A))["steps"] if "normal" in s]
    assert normal == {"vlan": 0, "known": None, "floods": True, "learns": True}
    bridge.send(2, frame(A, B))
    learned(bridge.switch, "p2", B)
    told = trace(bridge, frame(B, A))
    (normal,) = [s["normal"] for s in told["steps"] if "normal" in s]
    assert normal["known"] == "p2" and not normal["floods"]
    assert set(traced_outputs(told)) == {2}
    (normal,) = [s["normal"] for s in trace(bridge, frame(B, b"\1" * 6))["steps"]
                 if "normal" in s]
    assert normal["drop"] == "invalid_source" and "multicast" in normal["reason"]


def test_a_learning_bridge_is_traced_by_its_one_flow(bridge):
    told = trace(bridge, frame(B, A))
    assert [s["lookup"]["actions"] for s in told["steps"] if "lookup" in s] == ["NORMAL"]
    assert set(traced_outputs(told)) == {2, 3} == set(bridge.send(1, frame(B, A)))


def test_a_trace_is_printed_a_block_a_table(bridge, cli):
    bridge.flows("cookie=0x5,priority=100,tcp,in_port=1,actions=dec_ttl,output:2,goto_table:3",
                 "table=3,priority=1,actions=resubmit(,9)", "table=9,actions=output:77,p3")
    assert cli("trace", "--bridge", "br0", "in_port=p1,tcp,tp_dst=80").splitlines() == [
        "in_port=p1,tcp,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,nw_src=10.0.0.1,"
        "nw_dst=10.0.0.2,nw_ttl=64,tp_src=1000,tp_dst=80,tcp_flags=ack",
        "table 0: priority 100, tcp,in_port=1  cookie 0x5",
        "    dec_ttl",
        "    output:2",
        "        -> p2: 72 bytes, tcp,nw_ttl=63",
        "    goto_table:3",
        "table 3: priority 1  cookie 0x0",
        "    resubmit(,9)",
        "    table 9: priority 32768  cookie 0x0",
        "        output:77",
        "        output:3",
        "            -> p3: 72 bytes, tcp,nw_ttl=63",
        "outputs:",
        "    -> p2: 72 bytes, tcp,nw_ttl=63",
        "    -> p3: 72 bytes, tcp,nw_ttl=63",
    ]
    assert cli("trace", "in_port=p1,udp").splitlines()[1:] == [
        "table 0: no flow matches", "outputs:",
        "    none: no_flow (no flow of the bridge matches)"]


def test_a_capture_is_traced_by_its_first_frame(bridge, tmp_path):
    path = str(tmp_path / "two.pcap")
    wrpcap(path, [Ether(udp()), Ether(frame(B, A))])
    bridge.flows("udp,actions=output:2")
    told = bridge.switch.json("trace", "--pcap", path, "--in-port", "p1")
    assert told["in_port"] == "p1" and told["frame"] == udp().hex()
    assert traced_outputs(told) == {2: [udp()]}
    with open(path, "rb") as f:
        done = subprocess.run([SHUNT, "--run-dir", bridge.switch.run_dir, "-j", "trace", "--pcap", "-",
                               "--in-port", "p1"], stdin=f, capture_output=True, text=True)
    assert json.loads(done.stdout) == told


@pytest.mark.parametrize("match", [
    "tcp,tp_dst=80,tcp_flags=+syn-ack", "udp,nw_src=10.1.2.3,nw_tos=40,nw_ecn=1,nw_ttl=9", "sctp,tp_src=7",
    "icmp,icmp_type=0", "ip,nw_proto=47", "ip,nw_frag=later", "udp,nw_frag=first", "arp,arp_op=2", "rarp",
    "ipv6,ipv6_label=0x12345", "tcp6,ipv6_dst=2001:db8::/32", "udp6,nw_frag=first", "icmp6,icmp_type=128",
    "icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=02:00:00:00:00:01",
    "icmp6,icmp_type=136,nd_tll=02:00:00:00:00:01", "sctp6,tp_dst=7", "mpls,mpls_label=5,mpls_tc=3",
    "mpls,mpls_bos=0", "dl_type=0x88e7,pbb_isid=0x777,pbb_uca=1", "dl_vlan=100,dl_vlan_pcp=5",
    "dl_vlan=7,tcp", "dl_dst=ff:ff:ff:ff:ff:ff", "dl_type=0x88b5", "dl_type=0x05ff",
])
def test_a_match_makes_a_frame_that_it_hits_and_that_is_right(bridge, match):
    bridge.flows("priority=1,actions=output:3")
    bridge.switch.cli("flow", "add", f"priority=9,in_port=1,{match},actions=output:2")
    told = bridge.switch.json("trace", f"in_port=1,{match}")
    data = bytes.fromhex(told["frame"])
    assert len(data) >= 60
    assert traced_outputs(told) == {2: [data]} == bridge.send(1, data)
    again = Ether(data)
    layer = again
    while layer and "frag=" not in match and "mpls" not in match:  # what MPLS carries is a guess
        for field in ("chksum", "cksum", "len", "plen", "ihl", "dataofs"):
            if field in layer.fields and "dl_type" not in match:
                delattr(layer, field)
        layer = layer.payload
    assert bytes(again) == data
