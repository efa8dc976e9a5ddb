# SPDX-License-Identifier: BSD-3-Clause
"""Flows as ovs-ofctl adds them, and what frames make of them."""

import socket
import struct

import pytest

from daemon import wait_for
from openflow import Bridge
from ports import assert_sums_hold
from scapy.all import ARP, Dot1Q, Ether, IP, IPv6, Raw, TCP, UDP
from scapy.contrib.mpls import MPLS
from vhost_guest import BROADCAST, frame, mac

A, B, C = mac(0xa), mac(0xb), mac(0xc)
MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


@pytest.fixture
def bridge(make_switch):
    bridge = Bridge(make_switch)
    yield bridge
    bridge.close()


def udp(src="10.0.0.1", dst="10.0.0.2", sport=1000, dport=2000, **ip):
    return (Ether(src=MAC_A, dst=MAC_B) / IP(src=src, dst=dst, **ip) /
            UDP(sport=sport, dport=dport) / Raw(b"payload of some bytes"))


def through(bridge, actions, packet):
    """What a flow with these actions, and output to port 2, makes of a frame."""
    bridge.flows(f"in_port=1,actions={actions},output:2")
    got = bridge.send(1, bytes(packet))
    assert set(got) == {2} and len(got[2]) == 1, got
    return got[2][0]


def made_right(packet):
    """The same bytes with all checksums computed from nothing."""
    again = Ether(bytes(packet))
    layer = again
    while layer:
        for field in ("chksum", "cksum"):
            if field in layer.fields:
                delattr(layer, field)
        layer = layer.payload
    return bytes(again)


def test_a_new_bridge_has_one_flow_and_learns(bridge):
    assert bridge.ofctl("dump-flows").count("actions=") == 1
    assert "priority=0 actions=NORMAL" in bridge.ofctl("dump-flows")
    assert set(bridge.send(1, frame(BROADCAST, A))) == {2, 3}
    assert set(bridge.send(2, frame(A, B))) == {1}


def test_the_flow_of_a_bridge_that_learns_counts_what_it_forwards(bridge):
    for _ in range(3):
        bridge.send(1, frame(BROADCAST, A))
    assert bridge.packets("NORMAL") == 3
    bridge.ofctl("add-flow", "priority=5,in_port=2,actions=drop")
    bridge.send(1, frame(BROADCAST, A))
    assert bridge.packets("NORMAL") == 4
    bridge.flows("priority=0,actions=NORMAL")
    assert bridge.packets("NORMAL") == 0


def test_a_bridge_without_flows_drops_and_counts_it(bridge):
    bridge.flows()
    assert bridge.send(1, frame(BROADCAST, A)) == {}
    assert bridge.switch.stats("p1")["drops"] == {"no_flow": 1}
    assert_sums_hold(bridge.switch)


def test_normal_beside_other_flows_is_the_learning_bridge(bridge):
    bridge.flows("priority=0,actions=NORMAL", "in_port=3,actions=drop")
    assert set(bridge.send(1, frame(BROADCAST, A))) == {2, 3}
    assert set(bridge.send(2, frame(A, B))) == {1}
    assert bridge.send(3, frame(A, C)) == {}
    assert_sums_hold(bridge.switch)


def test_frames_go_to_each_output_once_and_counters_hold(bridge):
    bridge.flows("in_port=1,actions=output:2,output:3")
    got = bridge.send(1, frame(BROADCAST, A))
    assert got == {2: [frame(BROADCAST, A)], 3: [frame(BROADCAST, A)]}
    assert bridge.packets("in_port=1") == 1
    assert_sums_hold(bridge.switch)


def test_no_frame_goes_back_unless_in_port_says_so(bridge):
    bridge.flows("in_port=1,actions=output:1")
    assert bridge.send(1, frame(BROADCAST, A)) == {}
    bridge.flows("in_port=1,actions=in_port")
    assert set(bridge.send(1, frame(BROADCAST, A))) == {1}
    for word in ("ALL", "FLOOD"):
        bridge.flows(f"in_port=1,actions={word}")
        assert set(bridge.send(1, frame(BROADCAST, A))) == {2, 3}


def test_the_highest_priority_wins(bridge):
    bridge.flows("priority=1,actions=output:2", "priority=7,udp,actions=output:3",
                 "priority=5,ip,actions=drop")
    assert set(bridge.send(1, bytes(udp()))) == {3}
    assert bridge.send(1, bytes(Ether(src=MAC_A, dst=MAC_B) / IP() / TCP())) == {}
    assert set(bridge.send(1, frame(B, A, kind=0x88b5))) == {2}


@pytest.mark.parametrize("match, hit, miss", [
    ("dl_dst=02:00:00:00:00:0b", udp(), Ether(src=MAC_A, dst="02:00:00:00:00:0c") / IP() / UDP()),
    ("dl_src=02:00:00:00:00:00/ff:ff:ff:ff:ff:f0", udp(),
     Ether(src="02:00:00:00:01:0a", dst=MAC_B) / IP() / UDP()),
    ("dl_type=0x88b5", Ether(src=MAC_A, dst=MAC_B, type=0x88b5) / Raw(bytes(46)), udp()),
    ("dl_vlan=100", Ether(src=MAC_A, dst=MAC_B) / Dot1Q(vlan=100) / IP(),
     Ether(src=MAC_A, dst=MAC_B) / Dot1Q(vlan=101) / IP()),
    ("dl_vlan=100,dl_vlan_pcp=3", Ether(src=MAC_A, dst=MAC_B) / Dot1Q(vlan=100, prio=3) / IP(),
     Ether(src=MAC_A, dst=MAC_B) / Dot1Q(vlan=100, prio=2) / IP()),
    ("vlan_tci=0x1000/0x1000", Ether(src=MAC_A, dst=MAC_B) / Dot1Q(vlan=5) / IP(), udp()),
    ("vlan_tci=0", udp(), Ether(src=MAC_A, dst=MAC_B) / Dot1Q(vlan=5) / IP()),
    ("ip,nw_src=10.0.0.0/8", udp(), udp(src="11.0.0.1")),
    ("ip,nw_dst=10.0.0.2", udp(), udp(dst="10.0.0.3")),
    ("ip,nw_tos=40", udp(tos=40), udp(tos=44)),
    ("ip,nw_ecn=2", udp(tos=2), udp(tos=1)),
    ("ip,nw_proto=17", udp(), Ether(src=MAC_A, dst=MAC_B) / IP() / TCP()),
    ("udp,tp_src=1000", udp(), udp(sport=1001)),
    ("udp,tp_dst=0x7d0/0xfff0", udp(dport=2001), udp(dport=2020)),
    ("tcp,tcp_flags=+syn-ack", Ether(src=MAC_A, dst=MAC_B) / IP() / TCP(flags="S"),
     Ether(src=MAC_A, dst=MAC_B) / IP() / TCP(flags="SA")),
    ("arp,arp_op=1", Ether(src=MAC_A, dst=MAC_B) / ARP(op=1), Ether(src=MAC_A, dst=MAC_B) / ARP(op=2)),
    ("arp,arp_tpa=10.0.0.9", Ether(src=MAC_A, dst=MAC_B) / ARP(pdst="10.0.0.9"),
     Ether(src=MAC_A, dst=MAC_B) / ARP(pdst="10.0.0.8")),
    ("ipv6,ipv6_dst=2001:db8::/32", Ether(src=MAC_A, dst=MAC_B) / IPv6(dst="2001:db8::1"),
     Ether(src=MAC_A, dst=MAC_B) / IPv6(dst="2001:db9::1")),
    ("mpls,mpls_label=77", Ether(src=MAC_A, dst=MAC_B) / MPLS(label=77) / IP(),
     Ether(src=MAC_A, dst=MAC_B) / MPLS(label=78) / IP()),
])
def test_a_match_hits_what_it_names_and_nothing_else(bridge, match, hit, miss):
    bridge.flows(f"{match},actions=output:2")
    hit, miss = (bytes(p).ljust(60, b"\0") for p in (hit, miss))
    assert bridge.send(1, hit) == {2: [hit]}
    assert bridge.send(1, miss) == {}


@pytest.mark.parametrize("actions, change", [
    ("set_field:02:00:00:00:00:99->eth_dst", lambda p: setattr(p, "dst", "02:00:00:00:00:99")),
    ("set_field:02:00:00:00:00:99->eth_src", lambda p: setattr(p, "src", "02:00:00:00:00:99")),
    ("set_field:192.168.1.1->ip_src", lambda p: setattr(p[IP], "src", "192.168.1.1")),
    ("set_field:192.168.1.1->ip_dst", lambda p: setattr(p[IP], "dst", "192.168.1.1")),
    ("set_field:5353->udp_src", lambda p: setattr(p[UDP], "sport", 5353)),
    ("set_field:5353->udp_dst", lambda p: setattr(p[UDP], "dport", 5353)),
    ("set_field:10->ip_dscp", lambda p: setattr(p[IP], "tos", 40)),
    ("dec_ttl", lambda p: setattr(p[IP], "ttl", 63)),
    ("set_field:192.168.1.1->ip_src,set_field:5353->udp_dst,dec_ttl",
     lambda p: (setattr(p[IP], "src", "192.168.1.1"), setattr(p[UDP], "dport", 5353),
                setattr(p[IP], "ttl", 63))),
])
def test_a_field_that_is_set_is_set_with_its_checksums(bridge, actions, change):
    before, after = Ether(bytes(udp())), Ether(bytes(udp()))
    change(after)
    bridge.flows(f"in_port=1,udp,actions={actions},output:2")
    got = bridge.send(1, bytes(before))
    assert got == {2: [made_right(after)]}


def test_tags_are_pushed_and_popped(bridge):
    tagged = through(bridge, "push_vlan:0x8100,set_field:4196->vlan_vid", udp())
    assert Ether(tagged)[Dot1Q].vlan == 100 and Ether(tagged)[IP].dst == "10.0.0.2"
    bridge.flows("in_port=1,dl_vlan=100,actions=pop_vlan,output:2")
    assert bridge.send(1, tagged) == {2: [bytes(udp())]}
    labelled = through(bridge, "push_mpls:0x8847,set_field:5->mpls_label", udp())
    assert Ether(labelled)[MPLS].label == 5 and Ether(labelled)[MPLS].s == 1
    bridge.flows("in_port=1,mpls,actions=pop_mpls:0x0800,output:2")
    assert bridge.send(1, labelled) == {2: [bytes(udp())]}


def test_each_output_has_the_frame_as_it_was_then(bridge):
    bridge.flows("in_port=1,udp,actions=output:2,set_field:192.168.9.9->ip_dst,output:3")
    got = bridge.send(1, bytes(udp()))
    assert got[2] == [bytes(udp())]
    assert got[3] == [bytes(udp(dst="192.168.9.9"))]
    assert_sums_hold(bridge.switch)


def test_a_frame_goes_on_from_table_to_table_with_its_metadata(bridge):
    bridge.flows("table=0,in_port=1,actions=write_metadata:0x7/0xff,goto_table:1",
                 "table=1,priority=9,metadata=0x6,actions=output:3",
                 "table=1,priority=8,metadata=0x7,actions=set_field:1->reg0,goto_table:200",
                 "table=200,reg0=1,actions=output:2")
    assert set(bridge.send(1, frame(B, A))) == {2}
    assert bridge.packets("table=200") == 1


def test_an_action_set_is_done_at_the_end_and_its_last_output_counts(bridge):
    bridge.flows("table=0,in_port=1,udp,actions=write_actions(output:3),goto_table:1",
                 "table=1,udp,actions=write_actions(set_field:192.168.9.9->ip_dst,output:2)")
    assert bridge.send(1, bytes(udp())) == {2: [bytes(udp(dst="192.168.9.9"))]}
    bridge.flows("table=0,in_port=1,actions=write_actions(output:3),goto_table:1",
                 "table=1,actions=clear_actions")
    assert bridge.send(1, frame(B, A)) == {}
    assert_sums_hold(bridge.switch)


def test_a_group_of_all_sends_to_all_of_its_buckets_from_the_same_frame(bridge):
    bridge.flows()
    bridge.ofctl("add-group", "group_id=1,type=all,bucket=set_field:192.168.9.9->ip_dst,output:2,"
                              "bucket=output:3")
    bridge.ofctl("add-flow", "in_port=1,udp,actions=group:1")
    got = bridge.send(1, bytes(udp()))
    assert got == {2: [bytes(udp(dst="192.168.9.9"))], 3: [bytes(udp())]}
    assert_sums_hold(bridge.switch)


def test_a_select_group_keeps_a_flow_on_its_bucket_and_spreads_flows(bridge):
    bridge.flows()
    bridge.ofctl("add-group", "group_id=1,type=select,bucket=weight:1,output:2,"
                              "bucket=weight:1,output:3")
    bridge.ofctl("add-flow", "in_port=1,actions=group:1")
    seen = {2: 0, 3: 0}
    for i in range(40):
        packet = bytes(udp(src=f"10.0.1.{i}"))
        first = bridge.send(1, packet)
        assert first == bridge.send(1, packet) and len(first) == 1
        seen[next(iter(first))] += 1
    assert min(seen.values()) >= 8, seen


def test_fast_failover_takes_the_first_port_that_is_up(bridge):
    bridge.flows()
    bridge.ofctl("add-group", "group_id=1,type=ff,bucket=watch_port:2,output:2,"
                              "bucket=watch_port:3,output:3")
    bridge.ofctl("add-flow", "in_port=1,actions=group:1")
    assert set(bridge.send(1, frame(B, A))) == {2}
    bridge.switch.cli("port", "set", "p2", "--enabled", "false")
    assert set(bridge.send(1, frame(B, A))) == {3}
    bridge.switch.cli("port", "set", "p2", "--enabled", "true")
    assert set(bridge.send(1, frame(B, A))) == {2}


def test_a_meter_lets_its_rate_pass_and_drops_the_rest(bridge):
    bridge.flows()
    bridge.ofctl("add-meter", "meter=1,pktps,band=type=drop,rate=5")
    bridge.ofctl("add-flow", "in_port=1,actions=meter:1,output:2")
    bridge.offer(1, [frame(B, A)] * 50)
    got = len(bridge.received()[2])
    assert 5 <= got <= 8
    assert bridge.switch.stats("p1")["drops"] == {"meter": 50 - got}
    assert_sums_hold(bridge.switch)


def test_a_meter_remarks_what_is_over_its_rate(bridge):
    """By a flow that asks for the port alone: the frame is looked into for the meter's sake."""
    bridge.flows()
    bridge.ofctl("add-meter", "meter=2,pktps,band=type=dscp_remark,rate=5,prec_level=1")
    bridge.ofctl("add-flow", "in_port=1,actions=meter:2,output:2")
    before, after = Ether(bytes(udp())), Ether(bytes(udp()))
    before[IP].tos, after[IP].tos = 10 << 2, 12 << 2  # AF11, AF12
    before, after = made_right(before), made_right(after)
    bridge.offer(1, [before] * 50)
    got = bridge.received()[2]
    assert 5 <= got.count(before) <= 8
    assert got.count(after) == 50 - got.count(before)


def test_a_barrier_means_that_the_very_next_frame_is_forwarded_by_it(bridge):
    for i in range(20):
        out = 2 + i % 2
        bridge.flows(f"in_port=1,actions=output:{out}")
        assert set(bridge.send(1, frame(B, A))) == {out}


def test_a_packet_out_goes_through_its_actions(bridge):
    bridge.flows()
    bridge.ofctl("packet-out", "in_port=controller packet=" + frame(B, A).hex() + " actions=output:2")
    assert bridge.received() == {2: [frame(B, A)]}
    bridge.flows("in_port=1,actions=output:3")
    bridge.ofctl("packet-out", "in_port=1 packet=" + frame(B, A).hex() + " actions=table")
    assert bridge.received() == {3: [frame(B, A)]}


def test_a_frame_that_is_sent_round_for_ever_ends_and_is_counted(bridge):
    ports = range(1, 4)
    for actions in ("table", "resubmit(,0)"):
        bridge.flows(f"in_port=1,actions={actions}", "in_port=2,actions=output:3")
        assert bridge.send(1, frame(B, A)) == {}
        assert set(bridge.send(2, frame(B, A))) == {3}
    assert bridge.switch.stats("p1")["drops"] == {"too_deep": 2}
    assert all(bridge.switch.port(f"p{i}")["link"] == "up" for i in ports)
    assert_sums_hold(bridge.switch)


def test_a_frame_that_doubles_with_every_step_does_not_hold_up_the_others(bridge):
    doubling = [f"table={i},actions=resubmit(,{i + 1}),resubmit(,{i + 1})" for i in range(1, 60)]
    bridge.flows("in_port=1,actions=resubmit(,1)", "in_port=2,actions=output:3", *doubling)
    assert bridge.send(1, frame(B, A)) == {}
    assert set(bridge.send(2, frame(B, A))) == {3}
    bridge.flows("in_port=2,actions=output:3")
    for i in range(60, 0, -1):
        onwards = f"group:{i + 1}" if i < 60 else "output:2"
        bridge.ofctl("add-group", f"group_id={i},type=all,bucket={onwards},bucket={onwards}")
    bridge.ofctl("add-flow", "in_port=1,actions=group:1")
    assert set(bridge.send(1, frame(B, A))) <= {2}
    assert set(bridge.send(2, frame(B, A))) == {3}
    assert_sums_hold(bridge.switch)


def test_flows_time_out(bridge):
    bridge.flows("in_port=1,hard_timeout=1,actions=output:2", "in_port=2,actions=drop")
    assert "in_port=1" in bridge.ofctl("dump-flows")
    wait_for(lambda: "in_port=1" not in bridge.ofctl("dump-flows"), 5, "time-out")
    assert "in_port=2" in bridge.ofctl("dump-flows")


def test_a_bridge_learns_by_itself_until_a_new_set_of_controllers_is_there(bridge):
    listener = socket.create_server(("127.0.0.1", 0))
    target = f"tcp:127.0.0.1:{listener.getsockname()[1]}"
    bridge.switch.cli("bridge", "set", "br0", "--controllers", target)
    with listener.accept()[0] as controller:
        controller.sendall(struct.pack(">BBHI", 4, 0, 8, 1))
        wait_for(lambda: bridge.send(1, frame(BROADCAST, A)) == {}, 10, "a controller is there")
    listener.close()
    for target in ("none", "tcp:127.0.0.1:1"):
        bridge.switch.cli("bridge", "set", "br0", "--controllers", target)
        assert set(bridge.send(1, frame(BROADCAST, A))) == {2, 3}


def test_secure_bridge_starts_without_flows(make_switch):
    bridge = Bridge(make_switch, fields="fail_mode: secure")
    assert bridge.ofctl("dump-flows").count("actions=") == 0
    assert bridge.send(1, frame(BROADCAST, A)) == {}
    bridge.close()


def dropped(bridge, port, reason):
    return bridge.switch.stats(f"p{port}")["drops"].get(reason, 0)


@pytest.mark.parametrize("reason, actions, packet", [
    ("flow_drop", "drop", udp()),
    ("no_port", "output:99", udp()),
    ("same_port", "output:1", udp()),
    ("ttl_expired", "dec_ttl,output:2", udp(ttl=1)),
    ("no_room_to_push", "push_mpls:0x8847," * 20 + "output:2", udp()),
    ("too_deep", "resubmit(,0)", udp()),
])
def test_what_a_flow_does_not_deliver_is_counted_by_its_reason(bridge, reason, actions, packet):
    bridge.flows(f"in_port=1,udp,actions={actions}")
    assert bridge.send(1, bytes(packet)) == {}
    assert dropped(bridge, 1, reason) == 1
    assert_sums_hold(bridge.switch)


def test_fragments_are_dropped_when_the_controller_says_so(bridge):
    bridge.flows("in_port=1,actions=output:2")
    fragment = bytes(udp(flags="MF"))
    assert set(bridge.send(1, fragment)) == {2}
    bridge.ofctl("set-frags", "drop")
    assert bridge.send(1, fragment) == {}
    assert dropped(bridge, 1, "fragment") == 1
    assert set(bridge.send(1, bytes(udp()))) == {2}
    assert_sums_hold(bridge.switch)


def test_more_changes_than_a_burst_has_room_for_cost_their_own_frames(bridge):
    changes = "".join(f"set_field:{i}->udp_dst,output:3," for i in range(1, 31))
    bridge.flows(f"in_port=1,udp,actions={changes}output:2")
    bridge.offer(1, [bytes(udp())] * 32)
    got = bridge.received()
    lost = dropped(bridge, 1, "too_many_changes")
    assert 0 < len(got[2]) < 32 and len(got[2]) + lost <= 32
    assert_sums_hold(bridge.switch)
    assert set(bridge.send(1, bytes(udp()))) == {2, 3}


def test_frames_for_the_controller_beyond_what_it_takes_are_dropped_and_counted(bridge):
    """Ring by ring, so that the control thread, which shares the machine, falls behind."""
    bridge.flows("in_port=1,actions=CONTROLLER:65535")

    def is_busy():
        for _ in range(50):
            bridge.guests[1].send_many([frame(BROADCAST, A)] * 32)
        return bridge.switch.json("bridge", "show", "br0")["controller_drops"].get("controller_busy")

    wait_for(is_busy, 20, "the controller is busy")
    bridge.received()


def test_a_bucket_follows_the_group_that_it_watches(bridge):
    bridge.flows()
    bridge.ofctl("add-group", "group_id=2,type=ff,bucket=watch_port:2,output:2")
    bridge.ofctl("add-group", "group_id=1,type=ff,bucket=watch_group:2,output:2,"
                              "bucket=watch_port:3,output:3")
    bridge.ofctl("add-flow", "in_port=1,actions=group:1")
    assert set(bridge.send(1, frame(B, A))) == {2}
    bridge.switch.cli("port", "set", "p2", "--enabled", "false")
    assert set(bridge.send(1, frame(B, A))) == {3}
    bridge.switch.cli("port", "set", "p2", "--enabled", "true")
    bridge.ofctl("del-groups", "group_id=2")
    assert set(bridge.send(1, frame(B, A))) == {3}
    bridge.ofctl("add-group", "group_id=2,type=ff,bucket=watch_port:2,output:2")
    assert set(bridge.send(1, frame(B, A))) == {2}


SET_CONFIG, PACKET_IN, BARRIER_REQUEST, BARRIER_REPLY = 9, 10, 20, 21


class Listener:
    """A connection that has asked for packet-ins."""

    def __init__(self, bridge):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(f"{bridge.switch.run_dir}/br0.mgmt")
        for kind, body in ((0, b""), (SET_CONFIG, struct.pack(">HH", 0, 128)),
                           (BARRIER_REQUEST, b"")):
            self.socket.sendall(struct.pack(">BBHI", 4, kind, 8 + len(body), 1) + body)
        self.wait(BARRIER_REPLY)

    def wait(self, wanted):
        """The next message of a kind, without its header."""
        while True:
            head = self.socket.recv(8, socket.MSG_WAITALL)
            _, kind, length, _ = struct.unpack(">BBHI", head)
            body = self.socket.recv(length - 8, socket.MSG_WAITALL) if length > 8 else b""
            if kind == wanted:
                return body


def test_a_packet_in_has_the_whole_frame_since_no_buffer_keeps_the_rest(bridge):
    listener = Listener(bridge)
    long = frame(B, A, payload=bytes(range(256)) * 5)
    bridge.flows("in_port=1,actions=controller(max_len=20)", "in_port=2,actions=controller:64")
    for port in (1, 2):
        bridge.guests[port].send(long)
        assert listener.wait(PACKET_IN).endswith(long)
    assert_sums_hold(bridge.switch)
    listener.socket.close()
