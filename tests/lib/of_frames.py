# SPDX-License-Identifier: BSD-3-Clause
"""The frames that Shunt and Open vSwitch are both sent: one of every kind, whole, cut and wrong."""

from differential import Frame
from scapy.all import ARP, Dot1AD, Dot1Q, Ether, ICMP, IP, IPv6, Raw, SCTP, TCP, UDP
from scapy.contrib.mpls import MPLS
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
                                ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, ICMPv6ND_RS,
                                IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting)

MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
A6, B6 = "2001:db8::a", "2001:db8::b"
BODY = Raw(b"payload of some more bytes than the least frame has")


def eth(**fields):
    return Ether(src=MAC_A, dst=MAC_B, **fields)


def ip(**fields):
    return IP(src="10.0.0.1", dst="10.0.0.2", **fields)


def ip6(**fields):
    return IPv6(src=A6, dst=B6, **fields)


def udp():
    return UDP(sport=1000, dport=2000) / BODY


def _frames():
    tcp = TCP(sport=1000, dport=80, seq=7, ack=9, window=500)
    made = {
        "udp": eth() / ip(tos=0xb9, ttl=64) / udp(),
        "udp no sum": eth() / ip() / UDP(sport=1000, dport=2000, chksum=0) / BODY,
        "udp ttl 1": eth() / ip(ttl=1) / udp(),
        "udp ttl 0": eth() / ip(ttl=0) / udp(),
        "udp options": eth() / ip(options=b"\x94\x04\0\0") / udp(),
        "tcp syn": eth() / ip() / TCP(sport=1000, dport=80, flags="S"),
        "tcp fin": eth() / ip() / TCP(sport=1000, dport=80, flags="FA"),
        "tcp rst": eth() / ip() / TCP(sport=1000, dport=80, flags="R"),
        "tcp6 fin": eth() / ip6() / TCP(sport=1000, dport=80, flags="FA"),
        "tcp data": eth() / ip() / tcp / BODY,
        "tcp all flags": eth() / ip() / TCP(sport=1000, dport=80, flags=0xff) / BODY,
        "sctp": eth() / ip() / SCTP(sport=1000, dport=3000) / BODY,
        "icmp": eth() / ip() / ICMP(type=8, code=0) / BODY,
        "icmp unreachable": eth() / ip() / ICMP(type=3, code=4) / BODY,
        "proto 0": eth() / ip(proto=0) / BODY,
        "igmp": eth() / ip(proto=2) / BODY,
        "first fragment": eth() / ip(flags="MF", id=9) / udp(),
        "later fragment": eth() / ip(frag=4, proto=17, id=9) / BODY,
        "last fragment tcp": eth() / ip(frag=4, proto=6, id=9) / BODY,
        "arp request": eth() / ARP(op=1, hwsrc=MAC_A, psrc="10.0.0.1", hwdst=MAC_B,
                                   pdst="10.0.0.2"),
        "arp reply": eth() / ARP(op=2, hwsrc=MAC_B, psrc="10.0.0.9", hwdst=MAC_A,
                                 pdst="10.0.0.1"),
        "rarp": eth(type=0x8035) / ARP(op=3, hwsrc=MAC_A, psrc="10.0.0.1", hwdst=MAC_A,
                                       pdst="10.0.0.1"),
        "udp6": eth() / ip6(tc=0xb9, fl=0x12345, hlim=64) / udp(),
        "udp6 hop 1": eth() / ip6(hlim=1) / udp(),
        "tcp6": eth() / ip6() / TCP(sport=1000, dport=80, flags="SA") / BODY,
        "sctp6": eth() / ip6() / SCTP(sport=1000, dport=3000) / BODY,
        "icmp6 echo": eth() / ip6() / ICMPv6EchoRequest(data=b"x" * 40),
        "nd solicit": eth() / ip6(hlim=255) / ICMPv6ND_NS(tgt=B6) /
        ICMPv6NDOptSrcLLAddr(lladdr=MAC_A),
        "nd solicit bare": eth() / ip6(hlim=255) / ICMPv6ND_NS(tgt=B6),
        "nd advert": eth() / ip6(hlim=255) / ICMPv6ND_NA(tgt=A6) /
        ICMPv6NDOptDstLLAddr(lladdr=MAC_B),
        "router solicit": eth() / ip6(hlim=255) / ICMPv6ND_RS() /
        ICMPv6NDOptSrcLLAddr(lladdr=MAC_A),
        "udp6 hop-by-hop": eth() / ip6() / IPv6ExtHdrHopByHop() / udp(),
        "udp6 routing dst": eth() / ip6() / IPv6ExtHdrRouting() / IPv6ExtHdrDestOpt() / udp(),
        "udp6 first fragment": eth() / ip6() / IPv6ExtHdrFragment(m=1, id=5) / udp(),
        "udp6 later fragment": eth() / ip6() / IPv6ExtHdrFragment(offset=9, id=5, nh=17) / BODY,
        "ip6 no next": eth() / ip6(nh=59) / BODY,
        "vlan": eth() / Dot1Q(vlan=100, prio=3) / ip() / udp(),
        "vlan 0": eth() / Dot1Q(vlan=0, prio=5) / ip() / udp(),
        "vlan 6": eth() / Dot1Q(vlan=101, prio=1) / ip6() / udp(),
        "vlan arp": eth() / Dot1Q(vlan=100) / ARP(op=1, psrc="10.0.0.1", pdst="10.0.0.2"),
        "vlan ad": eth(type=0x88a8) / Dot1AD(vlan=100, prio=2) / ip() / udp(),
        "two vlans": eth(type=0x88a8) / Dot1AD(vlan=200, prio=2) / Dot1Q(vlan=100, prio=3) / ip() /
        udp(),
        "two customer vlans": eth() / Dot1Q(vlan=201) / Dot1Q(vlan=102, prio=7) / ip() / udp(),
        "three vlans": eth() / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / ip() / udp(),
        "mpls": eth(type=0x8847) / MPLS(label=77, cos=5, s=1, ttl=60) / ip(ttl=50) / udp(),
        "mpls ttl 1": eth(type=0x8847) / MPLS(label=77, cos=5, s=1, ttl=1) / ip() / udp(),
        "two labels": eth(type=0x8847) / MPLS(label=77, cos=1, s=0, ttl=60) /
        MPLS(label=88, cos=2, s=1, ttl=40) / ip() / udp(),
        "mpls multicast": eth(type=0x8848) / MPLS(label=78, s=1, ttl=60) / ip() / udp(),
        "vlan mpls": eth() / Dot1Q(vlan=100, type=0x8847) / MPLS(label=77, s=1, ttl=60) / ip() /
        udp(),
        "pbb": eth(type=0x88e7) / Raw(bytes.fromhex("00012345")) / eth() / ip() / udp(),
        "experimental": eth(type=0x88b5) / BODY,
        "llc": Ether(src=MAC_A, dst=MAC_B, type=40) / Raw(b"\x42\x42\x03" + bytes(37)),
        "snap": Ether(src=MAC_A, dst=MAC_B, type=68) / Raw(b"\xaa\xaa\x03\0\0\0\x08\0") /
        ip() / udp(),
        "multicast": Ether(src=MAC_A, dst="01:00:5e:00:00:01") / ip() / udp(),
        "broadcast": Ether(src=MAC_A, dst="ff:ff:ff:ff:ff:ff") / ip() / udp(),
        "ip cut": eth(type=0x800) / Raw(bytes(ip() / udp())[:12]),
        "ip longer than said": eth() / ip(len=40) / udp(),
        "ip shorter than said": eth() / ip(len=400) / udp(),
        "ip version 5": eth() / ip(version=5) / udp(),
        "ip header of 4 words": eth() / ip(ihl=4) / udp(),
        "tcp cut": eth() / ip(proto=6) / Raw(bytes(tcp)[:8]),
        "udp cut": eth() / ip(proto=17) / Raw(bytes(4)),
        "icmp cut": eth() / ip(proto=1) / Raw(b"\x08"),
        "arp cut": eth(type=0x806) / Raw(bytes(ARP())[:20]),
        "arp of other kind": eth() / ARP(hwtype=6, op=1, psrc="10.0.0.1", pdst="10.0.0.2"),
        "ip6 cut": eth(type=0x86dd) / Raw(bytes(ip6() / udp())[:30]),
        "ip6 shorter than said": eth() / ip6(plen=400) / udp(),
        "mpls cut": eth(type=0x8847) / Raw(b"\0\0"),
        "vlan cut": eth(type=0x8100) / Raw(b"\0\x64"),
    }
    return {name: bytes(packet) for name, packet in made.items()}


FRAMES = _frames()
WELL_FORMED = [n for n in FRAMES if not any(w in n for w in ("cut", "said", "version", "4 words"))]
# Without those that have a difference of their own, whatever is done with them.
PLAIN = [n for n in WELL_FORMED if n not in (
    "proto 0", "arp of other kind", "snap", "first fragment", "later fragment",
    "last fragment tcp", "udp6 first fragment", "udp ttl 0", "udp ttl 1", "udp6 hop 1",
    "mpls ttl 1", "two vlans", "two customer vlans", "three vlans")]


def frames(*names, port=1):
    return [Frame(n, port, FRAMES[n]) for n in names or FRAMES]


def named(*words):
    """Names of the frames that have one of these words in their name."""
    return [n for n in WELL_FORMED if any(w in n for w in words)]
