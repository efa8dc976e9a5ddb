# SPDX-License-Identifier: BSD-3-Clause
"""What suites of conformance ask beyond what Open vSwitch does, in our own words and frames: the
differential test cannot tell whether it is right."""

import struct

import pytest

import of_wire as of
from of_wire import oxm
from openflow import Bridge
from scapy.all import ARP, Dot1Q, Ether, IP, IPv6, Raw, TCP, UDP
from scapy.contrib.mpls import MPLS
from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop

MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
PAYLOAD = Raw(b"bytes that nobody looks at")
NAMES = {0x800: IP, 0x86dd: IPv6, 0x806: ARP}


@pytest.fixture(scope="module")
def bridge(make_lasting_switch):
    bridge = Bridge(make_lasting_switch, fields="fail_mode: secure")
    bridge.connection = of.Connection(bridge.target.removeprefix("unix:"))
    yield bridge
    bridge.connection.close()
    bridge.close()


def ask(bridge, data):
    """[(type, code)] of the errors that a message brings."""
    return [struct.unpack_from("!HH", a, 8) for a in bridge.connection.ask(data)
            if a[1] == of.ERROR]


def through(bridge, oxms, *actions, frame):
    """What one flow makes of a frame on its way from port 1 to 2."""
    assert ask(bridge, of.flow_mod(of.DELETE, table=of.ALL_TABLES)) == []
    assert ask(bridge, of.add(oxms, of.apply(*actions, of.output(2)))) == []
    got = bridge.send(1, bytes(frame))
    assert set(got) == {2} and len(got[2]) == 1, got
    return got[2][0]


def ether(payload, kind=None):
    if kind:
        return Ether(src=MAC_A, dst=MAC_B, type=kind) / payload
    return Ether(src=MAC_A, dst=MAC_B) / payload


@pytest.mark.parametrize("inner", [IP() / UDP() / PAYLOAD, IPv6() / TCP() / PAYLOAD, ARP()],
                         ids=["ip", "ipv6", "arp"])
@pytest.mark.parametrize("is_tagged", [False, True])
def test_the_ethernet_type_can_be_set(bridge, inner, is_tagged):
    before = bytes(ether(Dot1Q(vlan=7) / inner if is_tagged else inner)).ljust(60, b"\0")
    at = 16 if is_tagged else 12
    after = through(bridge, [], of.set_field("eth_type", 0x8848), frame=before)
    assert after == before[:at] + b"\x88\x48" + before[at + 2:]


def test_what_lies_behind_a_type_that_was_set_is_matched_and_set_by_it(bridge):
    packet = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP() / PAYLOAD)
    again = bytes(IP(src="10.0.0.1", dst="10.0.0.9") / UDP() / PAYLOAD)
    assert through(bridge, [oxm("eth_type", 0x88b5)], of.set_field("eth_type", 0x800),
                   of.set_field("ipv4_dst", 0x0a000009),
                   frame=bytes(ether(Raw(packet), 0x88b5))) == bytes(ether(Raw(again), 0x800))


@pytest.mark.parametrize("head, field", [
    (IP(src="10.0.0.1", dst="10.0.0.2"), "proto"),
    (IPv6(src="2001:db8::1", dst="2001:db8::2"), "nh"),
    (IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(), "nh"),
], ids=["ip", "ipv6", "extension headers"])
def test_the_protocol_can_be_set_and_the_checksum_covers_it(bridge, head, field):
    """TCP's place and sum, and another protocol in front: as the sender would have written it."""
    tcp = bytes(ether(head / TCP(sport=1000, dport=80) / PAYLOAD))
    kind = struct.unpack_from("!H", tcp, 12)[0]
    after = through(bridge, [oxm("eth_type", kind), oxm("ip_proto", 6)],
                    of.set_field("ip_proto", 253), frame=tcp)
    want = Ether(tcp)
    last = want[NAMES[kind]]
    while last.payload and not isinstance(last.payload, TCP):
        last = last.payload
    setattr(last, field, 253)
    if kind == 0x800:
        del want[IP].chksum
    # The pseudo header has one number more than before, so the sum has that much less.
    grown = 253 - 6
    was = Ether(tcp)[TCP].chksum
    want[TCP].chksum = ((was - grown - 1) % 0xffff + 1) & 0xffff
    assert after == bytes(want)


def test_the_bottom_of_a_stack_can_be_set(bridge):
    stack = [MPLS(label=5, cos=3, s=1, ttl=9), MPLS(label=5, cos=3, s=0, ttl=9)]
    before, after = (bytes(ether(m / PAYLOAD, 0x8847)).ljust(60, b"\0") for m in stack)
    assert through(bridge, [oxm("eth_type", 0x8847)], of.set_field("mpls_bos", 0),
                   frame=before) == after


def test_shunts_own_words_set_them_too(bridge):
    assert ask(bridge, of.flow_mod(of.DELETE, table=of.ALL_TABLES)) == []
    flow = "ip,actions=set_field:0x88b5->eth_type,output:2"
    bridge.switch.cli("flow", "add", flow, "--bridge", "br0")
    assert "set_field:0x88b5->eth_type" in bridge.switch.cli("flow", "list", "--bridge", "br0")
    before = bytes(ether(IP() / UDP() / PAYLOAD))
    assert bridge.send(1, before) == {2: [before[:12] + b"\x88\xb5" + before[14:]]}


def test_a_field_that_changes_what_follows_ends_what_the_match_said(bridge):
    tcp = [oxm("eth_type", 0x800), oxm("ip_proto", 6)]
    port = of.set_field("tcp_dst", 1)
    assert ask(bridge, of.add(tcp, of.apply(port))) == []
    for first in (of.set_field("ip_proto", 17), of.set_field("eth_type", 0x86dd)):
        assert ask(bridge, of.add(tcp, of.apply(first, port))) == [(2, 10)]


def test_a_packet_out_of_nothing_to_nobody_is_no_mistake(bridge):
    """How a suite asks whether a slave is refused, which an equal or a master is not."""
    nothing = of.message(of.PACKET_OUT, struct.pack("!IIH6x", of.NO_BUFFER, 0, 0))
    assert ask(bridge, nothing) == []
    assert ask(bridge, of.packet_out(b"", of.output(1))) == [(1, 12)]
    assert ask(bridge, of.packet_out(bytes(60), of.output(1), in_port=0)) == [(1, 11)]
    role = of.message(of.ROLE, struct.pack("!I4xQ", 3, 0))
    assert bridge.connection.ask(role)[0][1] == of.ROLE_REPLY
    assert ask(bridge, nothing) == [(1, 10)]
    role = of.message(of.ROLE, struct.pack("!I4xQ", 1, 0))
    assert bridge.connection.ask(role)[0][1] == of.ROLE_REPLY


def test_a_select_group_needs_a_weight(bridge):
    buckets = of.bucket(of.output(2)), of.bucket(of.output(3))
    assert ask(bridge, of.group_mod(0, of.SELECT, 1, *buckets)) == [(6, 1)]
    assert ask(bridge, of.group_mod(0, of.SELECT, 1)) == []
    assert ask(bridge, of.group_mod(1, of.SELECT, 1, *buckets)) == [(6, 1)]
    assert ask(bridge, of.group_mod(2, 0, of.ALL_GROUPS)) == []


def test_port_mod_refuses_bits_that_no_port_has(bridge):
    port = bridge.connection.ask(of.multipart(of.MP_PORT_DESC))[0][16:]
    mac = port[8:14]
    for config, error in ((0x40, []), (0, []), (0x8000, [(7, 2)]), (0x8, [(7, 2)])):
        mask = config or 0x40
        assert ask(bridge, of.message(of.PORT_MOD, struct.pack(
            "!I4x6s2xIII4x", 1, mac, config, mask, 0))) == error


def packet_in_cookie(bridge):
    """Of the packet-in that a frame into port 1 brings."""
    bridge.offer(1, [bytes(ether(IP() / UDP() / PAYLOAD))])
    while True:
        data = (bridge.connection.unasked.pop(0) if bridge.connection.unasked
                else bridge.connection.recv())
        assert data, "no packet-in"
        if data[1] == of.PACKET_IN:
            return struct.unpack_from("!Q", data, 16)[0]


def test_a_packet_in_has_the_cookie_that_its_flow_has(bridge):
    """Modify leaves it (7.3.4.1, 6.4), an add in the flow's place does not."""
    assert ask(bridge, of.message(of.SET_CONFIG, struct.pack("!HH", 0, 0xffff))) == []
    assert ask(bridge, of.flow_mod(of.DELETE, table=of.ALL_TABLES)) == []
    up = of.apply(of.output(of.CONTROLLER, 0xffff))
    assert ask(bridge, of.add([oxm("in_port", 1)], up, cookie=1)) == []
    assert packet_in_cookie(bridge) == 1
    assert ask(bridge, of.flow_mod(of.MODIFY, instructions=up, cookie=2)) == []
    assert packet_in_cookie(bridge) == 1
    assert ask(bridge, of.add([oxm("in_port", 1)], up, cookie=3)) == []
    assert packet_in_cookie(bridge) == 3
