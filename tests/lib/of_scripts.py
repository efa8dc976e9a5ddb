# SPDX-License-Identifier: BSD-3-Clause
"""The scripts that Shunt and Open vSwitch are both given: every field, action, instruction, group
and request by itself, wrong ones, and seeded mixtures of all of them."""

import random
import struct

import of_wire as of
from differential import Ask, Frame, Link, Script
from of_frames import FRAMES, PLAIN, WELL_FORMED, frames, named
from of_wire import oxm


def kind(eth_type, ip_proto=None):
    oxms = [oxm("eth_type", eth_type)]
    return oxms + ([oxm("ip_proto", ip_proto)] if ip_proto is not None else [])


UNTAGGED, TAGGED = [oxm("vlan_vid", 0)], [oxm("vlan_vid", 0x1000, 0x1000)]
IP4, V6, ARP_, MPLS_ = kind(0x800), kind(0x86dd), kind(0x806), kind(0x8847)
TCP4, UDP4, SCTP4, ICMP4 = (kind(0x800, p) for p in (6, 17, 132, 1))
TCP6, UDP6, SCTP6, ICMP6 = (kind(0x86dd, p) for p in (6, 17, 132, 58))
NS = [*ICMP6, oxm("icmpv6_type", 135), oxm("icmpv6_code", 0)]
NA = [*ICMP6, oxm("icmpv6_type", 136), oxm("icmpv6_code", 0)]
V6_A, V6_B = (0x20010db8 << 96) + 0xa, (0x20010db8 << 96) + 0xb
M_A, M_B = 0x02000000000a, 0x02000000000b
IP_A, IP_B = 0x0a000001, 0x0a000002

# field: (what must be said first, value, a mask or None when it takes none, a value to set)
FIELDS = {
    "in_port": ([], 1, None, None),
    "metadata": ([], 0, 0xff, None),
    "eth_dst": ([], M_B, 0xff00000000ff, 0x020000000099),
    "eth_src": ([], M_A, 0x00000000000f, 0x020000000098),
    "eth_type": ([], 0x800, None, None),
    "vlan_vid": ([], 0x1064, 0x1fff, 0x10c8),
    "vlan_pcp": (TAGGED, 3, None, 6),
    "ip_dscp": (IP4, 0x2e, None, 10),
    "ip_ecn": (IP4, 1, None, 2),
    "ip_proto": (IP4, 17, None, None),
    "ipv4_src": (IP4, IP_A, 0xffffff00, 0xc0a80101),
    "ipv4_dst": (IP4, IP_B, 0xff0000ff, 0xc0a80102),
    "tcp_src": (TCP4, 1000, 0xff00, 1234),
    "tcp_dst": (TCP4, 80, 0xfff0, 81),
    "udp_src": (UDP4, 1000, 0xfff0, 5353),
    "udp_dst": (UDP4, 2000, 0xff00, 5354),
    "sctp_src": (SCTP4, 1000, 0xff00, 1001),
    "sctp_dst": (SCTP4, 3000, 0xff00, 3001),
    "icmpv4_type": (ICMP4, 8, None, 13),
    "icmpv4_code": (ICMP4, 4, None, 5),
    "arp_op": (ARP_, 1, None, 2),
    "arp_spa": (ARP_, IP_A, 0xffffff00, 0xc0a80101),
    "arp_tpa": (ARP_, IP_B, 0xffffff00, 0xc0a80102),
    "arp_sha": (ARP_, M_A, 0xffffffffff00, 0x020000000097),
    "arp_tha": (ARP_, M_B, 0xffffffffff00, 0x020000000096),
    "ipv6_src": (V6, V6_A, 0xffffffff << 96, V6_A + 0x100),
    "ipv6_dst": (V6, V6_B, 0xff, V6_B + 0x100),
    "ipv6_flabel": (V6, 0x12345, 0xf000f, 0x54321),
    "icmpv6_type": (ICMP6, 128, None, 129),
    "icmpv6_code": (ICMP6, 0, None, 3),
    "ipv6_nd_target": (NS, V6_B, 0xffffffff << 96, V6_B + 0x200),
    "ipv6_nd_sll": (NS, M_A, 0xffff, 0x020000000095),
    "ipv6_nd_tll": (NA, M_B, 0xffff, 0x020000000094),
    "mpls_label": (MPLS_, 77, None, 99),
    "mpls_tc": (MPLS_, 5, None, 6),
    "mpls_bos": (MPLS_, 1, None, None),
    "tunnel_id": ([], 0, 0xff, None),
    "reg0": ([], 0, 0xff, None),
    "pkt_mark": ([], 0, 0xff, None),
    "nx_tcp_flags": (TCP4, 0x002, 0xfff, None),
    "nx_ip_ttl": (IP4, 64, 0xff, None),
    "nx_ip_frag": (IP4, 1, 3, None),
    "nx_vlan_tci": ([], 0x7064, 0xf000, None),
    "nx_ip_tos": (IP4, 0xb8, None, None),
    "nx_ip_ecn": (IP4, 1, None, None),
    "nx_ip_src": (IP4, IP_A, 0xffff0000, None),
    "nx_arp_op": (ARP_, 2, None, None),
    "nx_in_port": ([], 1, None, None),
}


def one_flow(oxms, *actions, label="flow", **fields):
    return Ask(label, of.add(oxms, of.apply(*actions), **fields))


def matches():
    """A flow on each field, exact and masked; all frames come by."""
    out = of.output(2)
    for name, (first, value, mask, _) in FIELDS.items():
        yield Script(f"match {name}", [one_flow([*first, oxm(name, value)], out), *frames()])
        if mask is not None:
            yield Script(f"match {name} masked", [
                one_flow([*first, oxm(name, value & mask, mask)], out), *frames()])
    for label, oxms in {
            "no tag": [oxm("vlan_vid", 0)], "a tag": TAGGED,
            "vid without the present bit": [oxm("vlan_vid", 100)],
            "vid under a mask": [oxm("vlan_vid", 0x1060, 0x1ff0)],
            "ecn of ip6": [*V6, oxm("ip_ecn", 1)], "dscp of ip6": [*V6, oxm("ip_dscp", 0x2e)],
            "tcp6": [*TCP6, oxm("tcp_dst", 80)], "udp6": [*UDP6, oxm("udp_dst", 2000)],
            "sctp6": [*SCTP6, oxm("sctp_dst", 3000)], "proto of ip6": kind(0x86dd, 0),
            "rarp": [*kind(0x8035), oxm("arp_spa", IP_A)], "mpls multicast": kind(0x8848),
            "802.3": kind(0x05ff), "nd advert's target": [*NA, oxm("ipv6_nd_target", V6_A)],
            "fragments": [*IP4, oxm("nx_ip_frag", 3, 3)],
            "no fragments": [*IP4, oxm("nx_ip_frag", 0, 3)],
            "fragments of ip6": [*V6, oxm("nx_ip_frag", 1, 1)],
            "vlan and ip": [*TAGGED, *IP4], "vlan, pcp and ip6": [*TAGGED, oxm("vlan_pcp", 1), *V6],
            "802.1ad": kind(0x88a8), "802.1q": kind(0x8100),
    }.items():
        yield Script(f"match {label}", [one_flow(oxms, out), *frames()])


def wrong_matches():
    """Each field without what must stand first, of a wrong length, twice, beyond its bits."""
    for name, (first, value, mask, _) in FIELDS.items():
        out, steps = of.apply(of.output(2)), []
        one, n = oxm(name, value), of.FIELDS[name][2]
        bad = {
            "alone": [one], "twice": [*first, one, one],
            "masked": [*first, oxm(name, value, (1 << 8 * n) - 1)],
            "half masked": [*first, oxm(name, 0, 1)],
            "mask of nothing": [*first, oxm(name, 0, 0)],
            "value outside of the mask": [*first, oxm(name, (1 << 8 * n) - 1, 0)],
            "too short": [*first, one[:3] + bytes([n - 1]) + one[5:]],
            "too long": [*first, one[:3] + bytes([n + 1]) + one[4:] + b"\0"],
            "all ones": [*first, oxm(name, (1 << 8 * n) - 1)],
            "length says mask": [*first, oxm(name, value)[:2] + bytes(
                [one[2] | 1]) + one[3:]],
            "cut": [*first, one[:3]],
        }
        for label, oxms in bad.items():
            steps.append(Ask(label, of.add(oxms, out)))
        yield Script(f"wrong match {name}", steps)
    unknown = [Ask(f"class {c:#x}", of.add([struct.pack("!HBBI", c, 0, 4, 1)]))
               for c in (0, 1, 2, 0x7fff, 0x8001, 0xffff)]
    unknown += [Ask(f"field {n}", of.add([struct.pack("!HBBH", 0x8000, n << 1, 2, 1)]))
                for n in (39, 40, 41, 42, 43, 44, 100)]
    unknown += [
        Ask("match type 0", of.flow_mod(match_=struct.pack("!HH4x", 0, 4))),
        Ask("match type 7", of.flow_mod(match_=struct.pack("!HH4x", 7, 4))),
        Ask("match shorter than its head", of.flow_mod(match_=struct.pack("!HH4x", 1, 2))),
        Ask("match longer than the message", of.flow_mod(match_=struct.pack("!HH4x", 1, 60))),
        Ask("padding that is not zero", of.flow_mod(match_=struct.pack("!HH4s", 1, 4, b"abcd"))),
        Ask("onf tcp flags", of.add([*TCP4, struct.pack("!HBBIH", 0xffff, 42 << 1, 6, of.ONF, 2)])),
        Ask("onf tcp flags masked", of.add([*TCP4, struct.pack(
            "!HBBIHH", 0xffff, 42 << 1 | 1, 8, of.ONF, 2, 2)], priority=2)),
        Ask("onf unknown", of.add([struct.pack("!HBBIH", 0xffff, 99 << 1, 6, of.ONF, 2)])),
        Ask("onf actset output", of.add([struct.pack("!HBBII", 0xffff, 43 << 1, 8, of.ONF, 2)])),
    ]
    yield Script("wrong match, others", unknown)
    yield Script("matches that contradict", [
        Ask("tcp and udp", of.add([*TCP4, oxm("udp_dst", 1)])),
        Ask("ip and ip6", of.add([*IP4, oxm("ipv6_src", 1)])),
        Ask("pcp without a tag", of.add([oxm("vlan_vid", 0), oxm("vlan_pcp", 1)])),
        Ask("order", of.add([oxm("ip_proto", 6), oxm("eth_type", 0x800)])),
        Ask("nd of another type", of.add([*ICMP6, oxm("icmpv6_type", 128),
                                          oxm("ipv6_nd_target", 1)])),
        Ask("in_port 0", of.add([oxm("in_port", 0)])),
        Ask("in_port any", of.add([oxm("in_port", of.ANY)])),
        Ask("in_port local", of.add([oxm("in_port", of.LOCAL)])),
        Ask("in_port controller", of.add([oxm("in_port", of.CONTROLLER)])),
        Ask("in_port that is not there", of.add([oxm("in_port", 77)])),
    ])


def set_fields():
    """Each field set, in apply-actions and in the action set; and what is refused."""
    for name, (first, value, mask, new) in FIELDS.items():
        if new is None:
            continue
        act = of.set_field(name, new)
        few = [*named(name.split("_")[0].rstrip("v46").replace("ip", "udp")), *WELL_FORMED]
        few = frames(*dict.fromkeys(few))
        yield Script(f"set {name}", [one_flow(first, act, of.output(2)), *few])
        yield Script(f"write set {name}", [
            Ask("flow", of.add(first, of.write(act, of.output(2)))), *frames(*WELL_FORMED[::3])])
        if mask is not None:
            yield Script(f"set {name} masked", [
                one_flow(first, of.set_field(name, new & mask, mask), of.output(2)),
                *frames(*WELL_FORMED[::3])])
        n = of.FIELDS[name][2]
        head = of.oxm_header(name)
        yield Script(f"wrong set {name}", [one_flow(fits, action, label=label) for
                                           label, fits, action in [
            ("alone", [], act), ("all ones", first, of.set_field(name, (1 << 8 * n) - 1)),
            ("too long", first, of.action(25, head[:3] + bytes([n + 1]) + bytes(n + 1))),
            ("too short", first, of.action(25, head[:3] + bytes([n - 1]) + bytes(n - 1))),
            ("mask of nothing", first, of.set_field(name, 0, 0)),
            ("mask of all", first, of.set_field(name, 0, (1 << 8 * n) - 1)),
            ("value outside of the mask", first, of.set_field(name, 1, 0))]])
    yield Script("set what cannot be set", [
        one_flow(first, of.set_field(name, 1), label=name, priority=i)
        for i, (name, first) in enumerate([
            ("in_port", []), ("in_phy_port", []), ("eth_type", []), ("ip_proto", IP4),
            ("mpls_bos", MPLS_), ("ipv6_exthdr", V6), ("metadata", []), ("tunnel_id", []),
            ("pbb_isid", kind(0x88e7)), ("reg0", []), ("nx_ip_frag", IP4), ("pkt_mark", []),
            ("nx_tcp_flags", TCP4), ("nx_ip_ttl", IP4), ("conj_id", []), ("nx_vlan_tci", []),
            ("nx_in_port", []), ("nx_ip_tos", IP4), ("nx_ip_dst", IP4), ("nx_arp_op", ARP_)])])


def tags():
    """Push and pop of tags and labels, TTLs."""
    for label, first, actions in [
            ("push vlan", [], [of.push_vlan(), of.set_field("vlan_vid", 0x1123)]),
            ("push vlan ad", [], [of.push_vlan(0x88a8), of.set_field("vlan_vid", 0x1123)]),
            ("push two vlans", [], [of.push_vlan(), of.set_field("vlan_vid", 0x1123),
                                    of.push_vlan(0x88a8), of.set_field("vlan_vid", 0x1124),
                                    of.set_field("vlan_pcp", 4)]),
            ("pop vlan", TAGGED, [of.POP_VLAN]),
            ("pop two vlans", TAGGED, [of.POP_VLAN, of.POP_VLAN]),
            ("pop and push", TAGGED, [of.POP_VLAN, of.push_vlan(),
                                      of.set_field("vlan_vid", 0x1123),
                                      of.set_field("vlan_pcp", 2)]),
            ("push mpls", IP4, [of.push_mpls(), of.set_field("mpls_label", 5),
                                of.set_field("mpls_tc", 3), of.set_mpls_ttl(9)]),
            ("push mpls on mpls", MPLS_, [of.push_mpls(), of.set_field("mpls_label", 5)]),
            ("push mpls multicast", IP4, [of.push_mpls(0x8848), of.set_field("mpls_label", 5),
                                          of.set_field("mpls_tc", 0), of.set_mpls_ttl(9)]),
            ("pop mpls to ip", [*MPLS_, oxm("mpls_bos", 1)], [of.pop_mpls(0x800)]),
            ("pop mpls to ip above a label", [*MPLS_, oxm("mpls_bos", 0)], [of.pop_mpls(0x800)]),
            ("pop mpls to mpls", [*MPLS_, oxm("mpls_bos", 0)], [of.pop_mpls(0x8847)]),
            ("pop push mpls", [*MPLS_, oxm("mpls_bos", 1)],
             [of.pop_mpls(0x800), of.push_mpls(), of.set_field("mpls_label", 6),
              of.set_field("mpls_tc", 1), of.set_mpls_ttl(7)]),
            ("set mpls ttl", MPLS_, [of.set_mpls_ttl(9)]),
            ("set mpls ttl 0", MPLS_, [of.set_mpls_ttl(0)]),
            ("dec mpls ttl", MPLS_, [of.DEC_MPLS_TTL]),
            ("dec mpls ttl twice", MPLS_, [of.DEC_MPLS_TTL, of.DEC_MPLS_TTL]),
            ("copy ttl out", MPLS_, [of.TTL_OUT]), ("copy ttl in", MPLS_, [of.TTL_IN]),
            ("set ip ttl", IP4, [of.set_ip_ttl(9)]), ("set ip ttl 0", IP4, [of.set_ip_ttl(0)]),
            ("set hop limit", V6, [of.set_ip_ttl(9)]),
            ("dec ttl", IP4, [of.DEC_TTL]), ("dec hop limit", V6, [of.DEC_TTL]),
            ("dec ttl twice", IP4, [of.DEC_TTL, of.DEC_TTL]),
            ("output, dec ttl", IP4, [of.output(3), of.DEC_TTL]),
            ("vlan then mpls", IP4, [of.push_vlan(), of.set_field("vlan_vid", 0x1005),
                                     of.push_mpls(), of.set_field("mpls_label", 6),
                                     of.set_field("mpls_tc", 2), of.set_mpls_ttl(3)]),
    ]:
        yield Script(label, [one_flow(first, *actions, of.output(2)), *frames(*WELL_FORMED)])
    yield Script("wrong tags", [one_flow(first, *actions, label=label, priority=i)
                                for i, (label, first, *actions) in enumerate([
        ("pop vlan of any", [], of.POP_VLAN), ("pop vlan of none", UNTAGGED, of.POP_VLAN),
        ("push vlan 0x8101", [], of.push_vlan(0x8101)),
        ("push mpls 0x800", [], of.push_mpls(0x800)),
        ("push mpls of any", [], of.push_mpls()), ("pop mpls of any", [], of.pop_mpls(0x800)),
        ("pop mpls of ip", IP4, of.pop_mpls(0x800)), ("dec ttl of any", [], of.DEC_TTL),
        ("set ttl of any", [], of.set_ip_ttl(1)), ("set mpls ttl of any", [], of.set_mpls_ttl(1)),
        ("dec mpls ttl of any", [], of.DEC_MPLS_TTL), ("copy ttl in of any", [], of.TTL_IN),
        ("copy ttl out of any", [], of.TTL_OUT), ("dec ttl of arp", ARP_, of.DEC_TTL),
        ("vid of any", [], of.set_field("vlan_vid", 0x1001)),
        ("vid without the present bit", TAGGED, of.set_field("vlan_vid", 0x0001)),
        ("pcp of any", [], of.set_field("vlan_pcp", 1)),
        ("pcp after pop", TAGGED, of.POP_VLAN, of.set_field("vlan_pcp", 1)),
        ("label after pop", MPLS_, of.pop_mpls(0x800), of.set_field("mpls_label", 1)),
        ("ip after pop", MPLS_, of.pop_mpls(0x800), of.set_field("ipv4_src", 1)),
        ("ip6 after pop", MPLS_, of.pop_mpls(0x800), of.set_field("ipv6_src", 1)),
        ("ip after push", IP4, of.push_mpls(), of.set_field("ipv4_src", 1)),
        ("dec ttl after push", IP4, of.push_mpls(), of.DEC_TTL),
        ("push pbb", [], of.action(26, struct.pack("!H2x", 0x88e7))),
        ("pop pbb", [], of.action(27, bytes(4)))])])


def wrong_actions():
    """Lengths, types and arguments that no action has."""
    bad = {
        "unknown type": of.action(99, bytes(4)), "type 1": of.action(1, bytes(4)),
        "length 0": struct.pack("!HH4x", 0, 0), "length 4": struct.pack("!HH", 18, 4),
        "length 12": struct.pack("!HH8x", 0, 12), "too long": struct.pack("!HH12x", 0, 64),
        "output of 8": struct.pack("!HHI", 0, 8, 2), "output of 24": of.action(0, bytes(20)),
        "pop of 16": of.action(18, bytes(12)), "set-field of 8": of.action(25, bytes(4)),
        "set-field without pad": struct.pack("!HH", 25, 16) + oxm("eth_dst", 1)[:10],
        "set-field twice as long": of.action(25, oxm("eth_dst", 1) + bytes(8)),
        "set-field pad not zero": of.action(25, oxm("vlan_pcp", 1) + b"abc"),
        "set-field of unknown": of.action(25, struct.pack("!HBBI", 0x8000, 99 << 1, 4, 1)),
        "set-field of unknown class": of.action(25, struct.pack("!HBBI", 0x4000, 1 << 1, 4, 1)),
        "experimenter": of.action(0xffff, struct.pack("!I", 0x1234)),
        "experimenter too short": struct.pack("!HH4x", 0xffff, 8),
        "nicira unknown": of.nicira(999, bytes(6)), "nicira short": struct.pack(
            "!HHIH6x", 0xffff, 16, of.NICIRA, 7),
        "resubmit pad": of.nicira(14, struct.pack("!HB3s", 0xfff8, 1, b"abc")),
        "group any": of.group(0xffffffff), "group that is not there": of.group(7),
        "move too wide": of.move("reg0", 0, "reg1", 8, 32),
        "move nothing": of.move("reg0", 0, "reg1", 0, 0),
        "move to in_port": of.move("reg0", 0, "nx_in_port", 0, 16),
        "move to eth_type": of.move("reg0", 0, "nx_eth_type", 0, 16),
        "move without ip": of.move("reg0", 0, "nx_ip_dst", 0, 32),
        "load too big": of.load("reg0", 0, 4, 16), "load beyond": of.load("reg0", 30, 4, 1),
        "load eth_type": of.load("nx_eth_type", 0, 16, 1),
        "load without ip": of.load("nx_ip_dst", 0, 32, 1),
        "note": of.nicira(8, b"abcdef"), "set_queue": of.action(21, struct.pack("!I", 1)),
        "pop_queue": of.nicira(5, bytes(6)), "pop_queue too long": of.nicira(5, bytes(14)),
        "conjunction of 1": of.nicira(34, struct.pack("!BBI", 0, 1, 7)),
        "conjunction out of 3": of.nicira(34, struct.pack("!BBI", 3, 3, 7)),
    }
    bad.update({f"output to {port:#x}": of.output(port) for port in (
        0, 1, 4, 77, 0xfeff, 0xff00, 0x10000, 0xfffffeff, 0xffffff00, 0xfffffff0, *range(
            of.IN_PORT, of.ANY + 1))})
    for how, around in {"apply": of.apply, "write": of.write}.items():
        yield Script(f"wrong actions, {how}", [
            Ask(label, of.add([], around(action))) for label, action in bad.items()])
    yield Script("wrong actions, packet-out", [
        Ask(label, of.packet_out(FRAMES["udp"], action)) for label, action in bad.items()
        if "output" not in label or "of" in label])
    yield Script("wrong actions, bucket", [step for i, (label, action) in enumerate(bad.items())
                                           for step in [Ask(label, of.group_mod(
                                               0, of.GROUP_ALL, 100 + i, of.bucket(action)))]])


def instructions():
    """Instructions, right and wrong."""
    one = of.apply(of.output(2))
    bad = {
        "goto itself": of.goto(0), "goto 254": of.goto(254), "goto 255": of.goto(255),
        "goto 253": of.goto(253), "goto twice": of.goto(1) + of.goto(2),
        "apply twice": one + one, "write twice": of.write() * 2, "clear twice": of.CLEAR * 2,
        "meter 0": of.meter(0), "meter not there": of.meter(7), "meter all": of.meter(0xffffffff),
        "unknown": of.instruction(9, bytes(4)), "experimenter": of.instruction(
            0xffff, struct.pack("!I", 1234)),
        "nicira": of.instruction(0xffff, struct.pack("!I", of.NICIRA)),
        "length 0": struct.pack("!HH4x", 1, 0), "length 4": struct.pack("!HH", 5, 4),
        "too long": struct.pack("!HH4x", 4, 64), "goto of 16": of.instruction(1, bytes(12)),
        "clear of 16": of.instruction(5, bytes(12)), "metadata of 16": of.instruction(
            2, bytes(12)), "metadata": of.metadata(5, 0xf),
        "metadata outside": of.metadata(0xff, 1),
        "metadata of nothing": of.metadata(0, 0), "order": of.goto(1) + one,
        "order 2": of.write(of.output(2)) + one + of.CLEAR, "type 0": of.instruction(0, bytes(4)),
        "cut": b"\0\4", "apply nothing": of.apply(), "write nothing": of.write(),
        "clear with actions": of.instruction(5, bytes(4) + of.output(1)),
        "all": of.apply(of.output(2)) + of.CLEAR + of.write(of.output(3)) + of.metadata(1, 3) +
        of.goto(1),
        "backwards": of.goto(1),
    }
    yield Script("instructions", [Ask(label, of.add([oxm("in_port", 1)], data, priority=i))
                                  for i, (label, data) in enumerate(bad.items())])
    yield Script("instructions of table 5", [
        Ask(f"goto {i}", of.add([], of.goto(i), table=5, priority=i)) for i in (4, 5, 6, 253, 254)])
    yield Script("goto out of the last table", [
        Ask("253", of.add([], of.goto(253), table=252)), Ask("254", of.add(
            [], of.goto(254), table=253))])
    yield Script("a chain of tables", [
        *[Ask(f"{i}", of.add([oxm("metadata", i)] if i else [], of.metadata(i + 1), of.apply(
            of.load("reg1", 0, 8, i)), of.goto(i + 1), table=i)) for i in range(20)],
        Ask("last", of.add([oxm("reg1", 19)], of.apply(of.output(2)), table=20)),
        *frames("udp", "udp", "arp request")])
    yield Script("a chain to a table without flows", [
        Ask("flow", of.add([], of.write(of.output(2)), of.goto(9))), *frames("udp", "mpls")])
    yield Script("an action set in its order", [
        Ask("0", of.add(UDP4, of.write(
            of.output(2), of.set_field("udp_dst", 9), of.DEC_TTL, of.push_vlan()), of.goto(1))),
        Ask("1", of.add(UDP4, of.write(of.output(3), of.set_field("udp_dst", 10)), of.goto(2),
                        table=1)),
        Ask("2", of.add(UDP4, of.apply(of.output(2)), of.write(of.set_ip_ttl(70)), table=2)),
        *frames("udp", "vlan")])
    yield Script("an action set that is cleared", [
        Ask("0", of.add([], of.write(of.output(2)), of.goto(1))),
        Ask("1", of.add([], of.CLEAR, of.write(of.set_field("eth_dst", 5)), of.goto(2), table=1)),
        Ask("2", of.add([], of.write(of.output(3)), table=2)), *frames("udp", "arp request")])
    yield Script("an action set with group and output", [
        Ask("group", of.group_mod(0, of.INDIRECT, 1, of.bucket(of.output(3)))),
        Ask("0", of.add([], of.write(of.output(2), of.group(1)))), *frames("udp", "udp6")])
    yield Script("an action set of tags and labels", [
        Ask("0", of.add(IP4, of.write(of.output(2), of.push_mpls(), of.set_field("mpls_label", 8),
                                      of.set_field("mpls_tc", 1), of.set_mpls_ttl(5)))),
        Ask("1", of.add(MPLS_, of.write(of.pop_mpls(0x800), of.output(3), of.TTL_IN))),
        *frames("udp", "vlan", "mpls", "two labels", "vlan mpls")])
    yield Script("an action set whose order is another", [
        Ask("0", of.add(IP4, of.write(of.output(2), of.DEC_TTL, of.push_mpls())))])
    yield Script("an action set without output", [
        Ask("0", of.add([], of.write(of.set_field("eth_dst", 5)))), *frames("udp", "udp6")])
    yield Script("apply before write", [
        Ask("0", of.add(IP4, of.write(of.output(2)), of.apply(of.set_field("ipv4_dst", 5),
                                                            of.output(3), of.DEC_TTL))),
        *frames("udp", "tcp data", "udp ttl 1")])


def outputs():
    """Each port that is not a number, and ports twice."""
    for label, actions in {
            "in_port": [of.output(of.IN_PORT)], "its own number": [of.output(1)],
            "all": [of.output(of.ALL)], "flood": [of.output(of.FLOOD)],
            "twice": [of.output(2), of.output(2)], "none": [],
            "all and a change": [of.output(of.ALL), of.set_field("eth_dst", 9), of.output(2)],
            "a port that is not there": [of.output(77), of.output(2)],
            "controller": [of.output(of.CONTROLLER, 0xffff)],
            "controller 20": [of.output(of.CONTROLLER, 20)],
            "changed to controller": [of.set_field("eth_src", 7), of.output(of.CONTROLLER, 60),
                                      of.output(2)],
            "controller twice": [of.output(of.CONTROLLER, 0xffff)] * 2,
    }.items():
        n = sum(a[4:8] == struct.pack("!I", of.CONTROLLER) for a in actions)
        yield Script(f"output to {label}", [
            one_flow([], *actions, cookie=5),
            *[Frame(f"{name} {port}", port, FRAMES[name], n) for port in (1, 2)
              for name in ("udp", "vlan", "mpls", "broadcast")]])
    yield Script("a miss", [
        Ask("flow", of.add([], of.apply(of.output(of.CONTROLLER, 128)), priority=0, cookie=9)),
        Frame("udp", 1, FRAMES["udp"], 1), Frame("vlan", 3, FRAMES["vlan"], 1)])
    yield Script("a miss in a later table", [
        Ask("0", of.add([], of.metadata(0x77), of.apply(of.load("reg3", 0, 32, 9)), of.goto(4))),
        Ask("4", of.add([], of.write(of.output(of.CONTROLLER, 0xffff)), table=4, priority=0,
                        cookie=8)),
        Frame("udp", 1, FRAMES["udp"], 1), Frame("mpls", 2, FRAMES["mpls"], 1)])
    yield Script("an invalid ttl", [
        one_flow(IP4, of.DEC_TTL, of.output(2)), Frame("ttl 1", 1, FRAMES["udp ttl 1"], 0)])
    yield Script("packet-out", [
        Ask("in_port flow", of.add([oxm("in_port", 1)], of.apply(of.output(3)))),
        *[step for label, data in {
            "to 2": of.packet_out(FRAMES["udp"], of.output(2)),
            "to all": of.packet_out(FRAMES["udp"], of.output(of.ALL)),
            "to all but 1": of.packet_out(FRAMES["udp"], of.output(of.ALL), in_port=1),
            "to table": of.packet_out(FRAMES["udp"], of.output(of.TABLE), in_port=1),
            "changed": of.packet_out(FRAMES["udp"], of.set_field("ipv4_dst", 7), of.output(2)),
            "to nothing": of.packet_out(FRAMES["udp"]),
            "back": of.packet_out(FRAMES["udp"], of.output(of.IN_PORT), in_port=1),
            "without a frame": of.packet_out(b"", of.output(2)),
            "without a frame or actions": of.packet_out(b""),
            "without anything": of.packet_out(b"", in_port=0),
            "short frame": of.packet_out(FRAMES["udp"][:10], of.output(2)),
            "a buffer": of.packet_out(b"", of.output(2), buffer_id=5),
            "a buffer and a frame": of.packet_out(FRAMES["udp"], of.output(2), buffer_id=5),
            "in_port any": of.packet_out(FRAMES["udp"], of.output(2), in_port=of.ANY),
            "in_port local": of.packet_out(FRAMES["udp"], of.output(2), in_port=of.LOCAL),
        }.items() for step in (Ask(label, data), Frame(f"out of {label}", 2, FRAMES["icmp"]))]])


def registers():
    """Resubmit, registers, move and load."""
    yield Script("resubmit", [
        one_flow([], of.load("reg0", 0, 32, 7), of.resubmit(1), of.resubmit(2), of.output(3)),
        Ask("1", of.add([oxm("reg0", 7)], of.apply(of.load("reg0", 4, 4, 1), of.output(2)),
                        table=1)),
        Ask("2", of.add([oxm("reg0", 0x17)], of.apply(of.set_field("eth_dst", 3)), table=2)),
        *frames("udp", "arp request", "two vlans")])
    yield Script("resubmit with another in_port", [
        one_flow([oxm("in_port", 1)], of.resubmit(255, 2), priority=5),
        one_flow([oxm("in_port", 2)], of.output(3), of.output(1), priority=4), *frames("udp")])
    yield Script("resubmit that is not there", [one_flow([], of.resubmit(9), of.output(2)),
                                                *frames("udp")])
    yield Script("resubmit into an action set", [
        one_flow([], of.resubmit(1), of.output(3)),
        Ask("1", of.add([], of.write(of.output(2)), table=1)), *frames("udp")])
    yield Script("resubmit without end", [one_flow([], of.resubmit(0), of.output(2)),
                                          *frames("udp")])
    for label, oxms, action in [
            ("mac to reg", [], of.move("nx_eth_src", 0, "reg2", 0, 32)),
            ("swap", [], of.move("nx_eth_src", 0, "nx_eth_dst", 0, 48)),
            ("ip to ip", IP4, of.move("nx_ip_src", 0, "nx_ip_dst", 0, 32)),
            ("part", IP4, of.move("nx_ip_src", 0, "nx_ip_dst", 24, 8)),
            ("port to reg", UDP4, of.move("nx_udp_dst", 0, "reg2", 16, 16)),
            ("tos", IP4, of.move("nx_ip_tos", 2, "reg2", 0, 6)),
            ("ttl", IP4, of.move("nx_ip_ttl", 0, "reg2", 0, 8)),
            ("arp", ARP_, of.move("nx_arp_sha", 0, "nx_arp_tha", 0, 48)),
            ("arp op", ARP_, of.load("nx_arp_op", 0, 16, 2)),
            ("vlan tci", [], of.load("nx_vlan_tci", 0, 16, 0x3064)),
            ("vid part", TAGGED, of.load("nx_vlan_tci", 0, 12, 9)),
            ("ip6", V6, of.move("nx_ipv6_src", 0, "nx_ipv6_dst", 0, 128)),
            ("load mac part", [], of.load("nx_eth_dst", 8, 16, 0xabcd)),
            ("load tos", IP4, of.load("nx_ip_tos", 2, 6, 9)),
            ("load ttl", IP4, of.load("nx_ip_ttl", 0, 8, 9)),
            ("in_port to reg", [], of.move("nx_in_port", 0, "reg2", 0, 16)),
            ("metadata to reg", [], of.move("metadata", 0, "reg2", 0, 32)),
            ("load in_port", [], of.load("nx_in_port", 0, 16, 2)),
    ]:
        yield Script(f"move {label}", [
            one_flow(oxms, action, of.resubmit(1), of.output(2)),
            *[Ask(f"reg2 {value:#x}", of.add([oxm("reg2", value)], of.apply(of.output(3)), table=1))
              for value in (0, 0x0000000a, 0x07d00000, 0x2e, 0x40, 1, 2)],
            *frames(*WELL_FORMED[::2])])


def outputs_by_register():
    """Outputs to what a field says, and loads of a field as a match has it."""
    seen = frames("udp", "vlan", "arp request")
    for port in (1, 2, 3, 4, 0, 0xfeff, 0xfff8, 0xfffb, 0xfffc, 0xffff, 0x10002):
        yield Script(f"output to reg0 of {port:#x}", [
            one_flow([], of.load("reg0", 0, 32, port), of.output_reg("reg0", 0, 32),
                     of.output(3)), *seen])
    yield Script("output to the controller by a register", [
        one_flow([], of.load("reg0", 0, 16, 0xfffd), of.output_reg("reg0", 0, 16)),
        Frame("udp", 1, FRAMES["udp"], 1)])
    for label, action in {
            "a part": of.output_reg("reg0", 4, 4), "in_port": of.output_reg("nx_in_port", 0, 16),
            "metadata": of.output_reg("metadata", 0, 64), "port": of.output_reg("nx_udp_dst", 0, 16),
    }.items():
        yield Script(f"output to {label}", [
            one_flow(UDP4, of.load("reg0", 4, 4, 3), action, label="flow"), *seen])
    for label, action in {
            "reg": of.load2("reg1", 7), "eth": of.load2("eth_dst", M_A),
            "eth masked": of.load2("eth_dst", 0xaa00, 0xff00),
            "ip": of.load2("ipv4_dst", IP_A), "ip masked": of.load2("ipv4_dst", 9, 0xff)}.items():
        yield Script(f"load2 {label}", [one_flow(IP4, action, of.output(2)), *seen])
    yield Script("wrong load2 and output_reg", [Ask(label, of.add(IP4, of.apply(action)))
                                                for label, action in {
        "eth_type": of.load2("eth_type", 5),
        "pad": of.nicira(33, oxm("reg1", 7) + bytes(5) + b"\1"),
        "value outside of the mask": of.load2("reg1", 7, 3),
        "prerequisite": of.load2("tcp_dst", 5),
        "field": of.nicira(15, struct.pack("!HIH6x", 31, 0x00ff0004, 0)),
        "bits": of.output_reg("reg0", 8, 32),
        "zeros": of.output_reg("reg0", 0, 32)[:-1] + b"\1",
        "needs": of.output_reg("nx_tcp_flags", 0, 12)}.items()])


def flow_mods():
    """Add, modify, delete; strict and not; cookies, filters, flags, tables."""
    out2, out3 = of.apply(of.output(2)), of.apply(of.output(3))
    some = [Ask(f"add {i}", of.add(oxms, out2, priority=p, cookie=c, idle=100 + i, hard=200 + i,
                                   flags=of.SEND_FLOW_REM if i % 2 else 0, table=t))
            for i, (oxms, p, c, t) in enumerate([
                ([], 0, 1, 0), ([oxm("in_port", 1)], 5, 2, 0), (IP4, 5, 0x102, 0),
                ([*UDP4, oxm("udp_dst", 2000)], 9, 0x103, 0), (IP4, 6, 3, 1), (ARP_, 5, 3, 1),
                ([*IP4, oxm("ipv4_src", 0x0a000000, 0xff000000)], 7, 0x104, 0)])]
    mods = {
        "modify all": of.flow_mod(of.MODIFY, instructions=out3),
        "modify ip": of.flow_mod(of.MODIFY, of.match(*IP4), out3),
        "modify strict": of.flow_mod(of.MODIFY_STRICT, of.match(*IP4), out3, priority=5),
        "modify strict another priority": of.flow_mod(of.MODIFY_STRICT, of.match(*IP4), out3,
                                                      priority=4),
        "modify by cookie": of.flow_mod(of.MODIFY, instructions=out3, cookie=0x100,
                                        cookie_mask=0x100),
        "modify what is not there": of.flow_mod(of.MODIFY, of.match(*MPLS_), out3),
        "modify what is not there to no group": of.flow_mod(
            of.MODIFY, of.match(*MPLS_), of.apply(of.group(77))),
        "modify to no group": of.flow_mod(of.MODIFY, instructions=of.apply(of.group(77))),
        "modify in all tables": of.flow_mod(of.MODIFY, instructions=out3, table=255),
        "modify out_port": of.flow_mod(of.MODIFY, instructions=out3, out_port=3),
        "modify and reset": of.flow_mod(of.MODIFY, instructions=out3, flags=of.RESET_COUNTS),
        "modify with cookie": of.flow_mod(of.MODIFY, instructions=out3, cookie=77, idle=3, hard=4),
        "modify overlap": of.flow_mod(of.MODIFY, instructions=out3, flags=of.CHECK_OVERLAP),
        "delete all": of.flow_mod(of.DELETE), "delete every table": of.flow_mod(
            of.DELETE, table=255),
        "delete ip": of.flow_mod(of.DELETE, of.match(*IP4)),
        "delete strict": of.flow_mod(of.DELETE_STRICT, of.match(*IP4), priority=5),
        "delete strict every table": of.flow_mod(of.DELETE_STRICT, of.match(*IP4), priority=6,
                                                 table=255),
        "delete by cookie": of.flow_mod(of.DELETE, cookie=3, cookie_mask=0xff, table=255),
        "delete by out_port": of.flow_mod(of.DELETE, out_port=2),
        "delete by another out_port": of.flow_mod(of.DELETE, out_port=3),
        "delete by out_group": of.flow_mod(of.DELETE, out_group=3),
        "delete with instructions": of.flow_mod(of.DELETE, instructions=out3),
        "delete with a wrong goto": of.flow_mod(of.DELETE, instructions=of.goto(0)),
        "add again": of.add(IP4, out3, priority=5, cookie=55, idle=1000, hard=2000),
        "add again and reset": of.add(IP4, out3, priority=5, flags=of.RESET_COUNTS),
        "add overlap": of.add(ARP_, out3, priority=5, flags=of.CHECK_OVERLAP),
        "add overlap of the same": of.add(IP4, out3, priority=5, flags=of.CHECK_OVERLAP),
        "add overlap another priority": of.add(ARP_, out3, priority=4, flags=of.CHECK_OVERLAP),
        "add without instructions": of.add([oxm("in_port", 3)], priority=9),
        "add no counts": of.add([], out3, priority=50, flags=of.NO_PKT_COUNTS | of.NO_BYT_COUNTS),
        "add unknown flags": of.add([], out3, priority=50, flags=0x8000),
        "add flag 0x20": of.add([], out3, priority=50, flags=0x20),
        "add every table": of.add([], out3, table=255),
        "add table 254": of.add([], out3, table=254), "add table 253": of.add([], out3, table=253),
        "modify table 254": of.flow_mod(of.MODIFY, instructions=out3, table=254),
        "delete table 254": of.flow_mod(of.DELETE, table=254),
        "unknown command": of.flow_mod(9), "unknown command and table": of.flow_mod(9, table=254),
        "add a buffer": of.add([], out3, priority=50, buffer_id=7),
        "modify a buffer": of.flow_mod(of.MODIFY, of.match(*MPLS_), out3, buffer_id=7),
        "delete a buffer": of.flow_mod(of.DELETE, of.match(*MPLS_), buffer_id=7),
        "add cookie ones": of.add([], out3, priority=50, cookie=0xffffffffffffffff),
        "add cookie mask": of.add([], out3, priority=50, cookie=1, cookie_mask=1),
        "add timeouts": of.add([], out3, priority=50, idle=0xffff, hard=0xffff),
        "add priority 65534": of.add([], out3, priority=0xfffe),
        "delete out_port 0": of.flow_mod(of.DELETE, out_port=0),
        "delete out_port max": of.flow_mod(of.DELETE, out_port=0xffffff01),
        "delete out_port controller": of.flow_mod(of.DELETE, out_port=of.CONTROLLER),
        "delete out_group all": of.flow_mod(of.DELETE, out_group=of.ALL_GROUPS),
    }
    # How many of the flows with SEND_FLOW_REM go.
    gone = {"delete all": 2, "delete every table": 3, "delete ip": 1, "delete by cookie": 2,
            "delete by out_port": 2, "delete with instructions": 2}
    for label, data in mods.items():
        yield Script(f"flow-mod {label}", [
            *some, *frames("udp", "arp request"), Ask(label, data),
            Frame("removed", 1, FRAMES["experimental"], gone.get(label, 0)),
            *frames("udp", "tcp data", "arp request")])
    questions = {
        "all": {}, "table 0": {"table": 0}, "table 1": {"table": 1}, "table 254": {"table": 254},
        "ip": {"match_": of.match(*IP4)}, "out_port 2": {"out_port": 2},
        "out_port 3": {"out_port": 3}, "out_group": {"out_group": 4},
        "cookie": {"cookie": 0x100, "cookie_mask": 0x100}, "out_port 0": {"out_port": 0},
        "out_port all": {"out_port": of.ALL}, "out_port max": {"out_port": 0xffffff01},
    }
    yield Script("flow statistics", [
        *some, *frames("udp", "arp request", "tcp data"),
        *[Ask(f"flows {k}", of.flow_stats(**v)) for k, v in questions.items()],
        *[Ask(f"sum {k}", of.flow_stats(kind=of.MP_AGGREGATE, **v)) for k, v in questions.items()
          if k not in ("all", "table 0", "out_port 0", "out_port all", "out_port max")],
        Ask("tables", of.multipart(of.MP_TABLE))])


def groups():
    """Groups of each type, and wrong ones."""
    b2, b3 = of.bucket(of.output(2)), of.bucket(of.output(3))
    change = of.bucket(of.set_field("eth_dst", 5), of.output(3))
    ff = [of.bucket(of.output(2), watch_port=2), of.bucket(of.output(3), watch_port=3)]
    few = frames("udp", "arp request", "mpls", "udp ttl 1")
    for label, type_, buckets in [
            ("all", of.GROUP_ALL, [change, b2]), ("all of none", of.GROUP_ALL, []),
            ("all to in_port", of.GROUP_ALL, [of.bucket(of.output(of.IN_PORT)), b2]),
            ("all to its own port", of.GROUP_ALL, [of.bucket(of.output(1)), b2]),
            ("indirect", of.INDIRECT, [change]), ("fast-failover", of.FAST_FAILOVER, ff),
            ("select of one", of.SELECT, [of.bucket(of.output(2), weight=1)]),
            ("select by weight 0", of.SELECT, [of.bucket(of.output(2), weight=0),
                                               of.bucket(of.output(3), weight=5)]),
            ("select of none", of.SELECT, []), ("ff of none", of.FAST_FAILOVER, []),
            ("all, bucket without actions", of.GROUP_ALL, [of.bucket(), b2])]:
        yield Script(f"group {label}", [
            Ask("group", of.group_mod(0, type_, 1, *buckets)),
            Ask("flow", of.add([], of.apply(of.group(1), of.output(2)))), *few])
        yield Script(f"group {label} in the action set", [
            Ask("group", of.group_mod(0, type_, 1, *buckets)),
            Ask("flow", of.add([], of.write(of.group(1), of.output(2),
                                            of.set_field("eth_src", 9)))), *few])
    yield Script("fast-failover when links go", [
        Ask("group", of.group_mod(0, of.FAST_FAILOVER, 1, *ff)),
        Ask("flow", of.add([], of.apply(of.group(1)))), *frames("udp"), Link("down", 2, False),
        Frame("udp after", 1, FRAMES["udp"]), Link("up", 2, True),
        Frame("udp at last", 1, FRAMES["udp"])])
    yield Script("groups in groups", [
        Ask("1", of.group_mod(0, of.GROUP_ALL, 1, b2, change)),
        Ask("2", of.group_mod(0, of.INDIRECT, 2, of.bucket(of.set_field("eth_src", 8),
                                                         of.group(1)))),
        Ask("3", of.group_mod(0, of.GROUP_ALL, 3, of.bucket(of.group(2)), b3)),
        Ask("self", of.group_mod(0, of.GROUP_ALL, 9, of.bucket(of.group(9)))),
        Ask("not there", of.group_mod(0, of.GROUP_ALL, 10, of.bucket(of.group(99)))),
        Ask("flow", of.add([], of.apply(of.group(3)))), *few])
    yield Script("a loop of groups", [
        Ask("1", of.group_mod(0, of.GROUP_ALL, 1, b2)),
        Ask("2", of.group_mod(0, of.INDIRECT, 2, of.bucket(of.group(1)))),
        Ask("loop", of.group_mod(1, of.GROUP_ALL, 1, of.bucket(of.group(2))))])
    yield Script("a group that another needs", [
        Ask("1", of.group_mod(0, of.GROUP_ALL, 1, b2)),
        Ask("2", of.group_mod(0, of.INDIRECT, 2, of.bucket(of.group(1)))),
        Ask("delete", of.group_mod(2, 0, 1))])
    yield Script("group changes", [
        Ask("add", of.group_mod(0, of.GROUP_ALL, 1, b2)),
        Ask("flow", of.add([], of.apply(of.group(1)))), *few,
        Ask("modify", of.group_mod(1, of.GROUP_ALL, 1, b3)), *few,
        Ask("counters", of.multipart(of.MP_GROUP, struct.pack("!I4x", 1))),
        Ask("modify type", of.group_mod(1, of.INDIRECT, 1, change)), *few,
        Ask("delete", of.group_mod(2, 0, 1)), *few])
    yield Script("flows leave with their group", [
        Ask("add", of.group_mod(0, of.GROUP_ALL, 1, b2)),
        Ask("flow", of.add([], of.apply(of.group(1)), flags=of.SEND_FLOW_REM)),
        Ask("flow 2", of.add(IP4, of.write(of.group(1)))),
        Ask("flow 3", of.add(ARP_, of.apply(of.output(2)))),
        Ask("delete all", of.group_mod(2, 0, of.ALL_GROUPS)),
        Frame("after", 1, FRAMES["udp"], 1)])
    bad = {
        "exists": of.group_mod(0, of.GROUP_ALL, 1, b2), "unknown": of.group_mod(
            1, of.GROUP_ALL, 55, b2), "delete unknown": of.group_mod(2, 0, 55),
        "number all": of.group_mod(0, of.GROUP_ALL, of.ALL_GROUPS, b2),
        "number any": of.group_mod(0, of.GROUP_ALL, 0xffffffff, b2),
        "number max": of.group_mod(0, of.GROUP_ALL, 0xffffff00, b2),
        "number above max": of.group_mod(0, of.GROUP_ALL, 0xffffff01, b2),
        "modify all": of.group_mod(1, of.GROUP_ALL, of.ALL_GROUPS, b2),
        "bad type": of.group_mod(0, 4, 60, b2), "bad command": of.group_mod(9, 0, 61, b2),
        "delete of bad type": of.group_mod(2, 9, 55), "command 3": of.group_mod(3, 0, 61),
        "indirect of none": of.group_mod(0, of.INDIRECT, 62),
        "indirect of two": of.group_mod(0, of.INDIRECT, 63, b2, b3),
        "ff without watch": of.group_mod(0, of.FAST_FAILOVER, 64, b2),
        "ff watches group": of.group_mod(0, of.FAST_FAILOVER, 65, of.bucket(
            of.output(2), watch_group=1)),
        "ff watches unknown group": of.group_mod(0, of.FAST_FAILOVER, 66, of.bucket(
            of.output(2), watch_group=99)),
        "ff watches unknown port": of.group_mod(0, of.FAST_FAILOVER, 67, of.bucket(
            of.output(2), watch_port=99)),
        "all watches": of.group_mod(0, of.GROUP_ALL, 68, of.bucket(of.output(2), watch_port=2)),
        "all weighs": of.group_mod(0, of.GROUP_ALL, 69, of.bucket(of.output(2), weight=2)),
        "indirect weighs": of.group_mod(0, of.INDIRECT, 70, of.bucket(of.output(2), weight=2)),
        "ff weighs": of.group_mod(0, of.FAST_FAILOVER, 71, of.bucket(
            of.output(2), weight=2, watch_port=2)),
        "select watches": of.group_mod(0, of.SELECT, 72, of.bucket(
            of.output(2), weight=2, watch_port=2)),
        "bucket of 8": of.group_mod(0, 0, 73, struct.pack("!HH4x", 8, 0)),
        "bucket of 0": of.group_mod(0, 0, 74, bytes(16)),
        "bucket too long": of.group_mod(0, 0, 75, struct.pack("!HH12x", 64, 0)),
        "bucket of 20": of.group_mod(0, 0, 76, struct.pack("!HHII8x", 20, 0, of.ANY, of.ANY)),
        "cut": of.message(of.GROUP_MOD, bytes(4)), "delete with buckets": of.group_mod(2, 0, 1, b2),
        "output to an unknown port": of.group_mod(0, 0, 77, of.bucket(of.output(88))),
        "output to 0": of.group_mod(0, 0, 78, of.bucket(of.output(0))),
        "output to any": of.group_mod(0, 0, 79, of.bucket(of.output(of.ANY))),
        "output to table": of.group_mod(0, 0, 80, of.bucket(of.output(of.TABLE))),
        "two outputs": of.group_mod(0, 0, 81, of.bucket(of.output(2), of.output(3))),
        "set without ip": of.group_mod(0, 0, 82, of.bucket(of.set_field("ipv4_src", 1),
                                                          of.output(2))),
        "select without weights": of.group_mod(0, of.SELECT, 84, of.bucket(of.output(2)),
                                               of.bucket(of.output(3))),
        "resubmit": of.group_mod(0, 0, 83, of.bucket(of.resubmit(2))),
    }
    yield Script("wrong groups", [Ask("first", of.group_mod(0, of.GROUP_ALL, 1, b2)),
                                  *[Ask(k, v) for k, v in bad.items()]])
    yield Script("group requests", [
        Ask("1", of.group_mod(0, of.GROUP_ALL, 1, b2)), Ask("2", of.group_mod(
            0, of.SELECT, 2, of.bucket(of.output(2), weight=3))),
        Ask("flow", of.add([], of.apply(of.group(1), of.group(2)))), *few,
        *[Ask(f"counters {i:#x}", of.multipart(of.MP_GROUP, struct.pack("!I4x", i)))
          for i in (1, 2, 3, 0xffffff00, 0xfffffffe, 0xffffffff)],
        Ask("features", of.multipart(of.MP_GROUP_FEATURES))])


def meters():
    """Meters as they are kept and read."""
    drop, mark = of.band(1, 100, 10), of.band(2, 200, 20, 1)
    good = {
        "kbps": of.meter_mod(0, of.KBPS, 1, drop),
        "pktps burst stats": of.meter_mod(0, of.PKTPS | of.BURST | of.METER_STATS, 2, drop),
        "two bands": of.meter_mod(0, of.KBPS | of.BURST, 3, drop, of.band(1, 300, 30)),
        "dscp": of.meter_mod(0, of.KBPS, 4, mark),
        "exists": of.meter_mod(0, of.KBPS, 1, drop), "modify": of.meter_mod(
            1, of.PKTPS, 1, of.band(1, 7, 7)),
        "modify unknown": of.meter_mod(1, of.KBPS, 99, drop),
        "delete unknown": of.meter_mod(2, 0, 99), "number 0": of.meter_mod(0, of.KBPS, 0, drop),
        "number max": of.meter_mod(0, of.KBPS, 0xffff0000, drop),
        "number above max": of.meter_mod(0, of.KBPS, 0xffff0001, drop),
        "number all": of.meter_mod(0, of.KBPS, 0xffffffff, drop),
        "number slow path": of.meter_mod(0, of.KBPS, 0xfffffffd, drop),
        "modify all": of.meter_mod(1, of.KBPS, 0xffffffff, drop),
        "flags 0": of.meter_mod(0, 0, 5, drop), "flags both": of.meter_mod(
            0, of.KBPS | of.PKTPS, 6, drop), "flags unknown": of.meter_mod(0, 0x11, 7, drop),
        "no bands": of.meter_mod(0, of.KBPS, 8), "rate 0": of.meter_mod(
            0, of.KBPS, 9, of.band(1, 0)),
        "burst 0": of.meter_mod(0, of.KBPS | of.BURST, 10, of.band(1, 10, 0)),
        "unknown band": of.meter_mod(0, of.KBPS, 11, of.band(3, 10)),
        "experimenter band": of.meter_mod(0, of.KBPS, 12, of.band(0xffff, 10)),
        "bad command": of.meter_mod(7, of.KBPS, 13, drop),
        "band too long": of.meter_mod(0, of.KBPS, 14, struct.pack("!HHII4x", 1, 64, 1, 1)),
        "band too short": of.meter_mod(0, of.KBPS, 15, struct.pack("!HHI", 1, 8, 1)),
        "band of 0": of.meter_mod(0, of.KBPS, 16, struct.pack("!HHI8x", 1, 0, 1)),
        "cut": of.message(of.METER_MOD, bytes(4)), "delete": of.meter_mod(2, 0, 2),
        "delete with bands": of.meter_mod(2, 0, 3, drop),
        "two bands of a rate": of.meter_mod(0, of.KBPS, 17, drop, drop),
        "dscp level 0": of.meter_mod(0, of.KBPS, 18, of.band(2, 10, 0, 0)),
        "dscp level 255": of.meter_mod(0, of.KBPS, 19, of.band(2, 10, 0, 255)),
    }
    yield Script("meters", [*[Ask(k, v) for k, v in good.items()],
                            *[Ask(f"config {i:#x}", of.multipart(
                                of.MP_METER_CONFIG, struct.pack("!I4x", i)))
                              for i in (1, 4, 55, 0, 0xffff0000, 0xfffffffe)],
                            Ask("features", of.multipart(of.MP_METER_FEATURES))])
    yield Script("a flow with a meter", [
        Ask("meter", of.meter_mod(0, of.PKTPS, 1, of.band(1, 100000, 100000))),
        Ask("flow", of.add([oxm("in_port", 1)], of.meter(1), of.apply(of.output(2)))),
        Ask("flow 2", of.add([oxm("in_port", 2)], of.meter(1), of.write(of.output(1)))),
        *frames("udp", "mpls"), Ask("delete meter", of.meter_mod(2, 0, 1)), *frames("udp")])


def requests():
    """Requests of each type, cut, too long, unknown."""
    steps = []
    for kind_ in range(32):
        if kind_ in (of.HELLO, of.ERROR, of.ECHO_REPLY, of.SET_CONFIG, of.ROLE, of.SET_ASYNC,
                     of.FEATURES, of.GET_CONFIG, of.BARRIER):
            continue
        steps += [Ask(f"type {kind_} of {n}", of.message(kind_, bytes(n))) for n in (0, 4, 8)]
    steps += [Ask(f"type {kind_} of 8", of.message(kind_, bytes(8)))
              for kind_ in (of.FEATURES, of.GET_CONFIG, of.BARRIER)]
    yield Script("requests that are cut", steps)
    yield Script("requests", [
        Ask("config", of.message(of.GET_CONFIG)), Ask("echo", of.message(of.ECHO, b"some bytes")),
        Ask("async", of.message(of.GET_ASYNC)),
        Ask("role", of.message(of.ROLE, struct.pack("!I4xQ", 0, 0))),
        Ask("role 9", of.message(of.ROLE, struct.pack("!I4xQ", 9, 0))),
        Ask("role cut", of.message(of.ROLE, bytes(8))),
        Ask("config flags 9", of.message(of.SET_CONFIG, struct.pack("!HH", 9, 0xffff))),
        Ask("config cut", of.message(of.SET_CONFIG, bytes(2))),
        Ask("config after", of.message(of.GET_CONFIG)),
        Ask("config nx-match", of.message(of.SET_CONFIG, struct.pack("!HH", 3, 0xffff))),
        Ask("config back", of.message(of.SET_CONFIG, struct.pack("!HH", 0, 0xffff))),
        Ask("async cut", of.message(of.SET_ASYNC, bytes(8))),
        Ask("experimenter", of.message(of.EXPERIMENTER, struct.pack("!II", 0x1234, 1))),
        Ask("nicira unknown", of.message(of.EXPERIMENTER, struct.pack("!II", of.NICIRA, 999))),
        Ask("onf unknown", of.message(of.EXPERIMENTER, struct.pack("!II", of.ONF, 9999))),
        Ask("version 1", of.message(of.ECHO, version=1)),
        Ask("version 5", of.message(of.ECHO, version=5)),
        Ask("version 1 barrier", of.message(18, version=1)),
        *[Ask(f"multipart {i} of {n}", of.multipart(i, bytes(n)))
          for i in (*range(1, 13), 14, 99, 0xffff) for n in (0, 4, 8, 40)
          if (i, n) not in ((of.MP_TABLE, 0), (of.MP_TABLE_FEATURES, 0), (of.MP_METER_FEATURES, 0))
          and not (i == of.MP_PORT and n == 8)],
        Ask("port 9", of.multipart(of.MP_PORT, struct.pack("!I4x", 9))),
        Ask("port controller", of.multipart(of.MP_PORT, struct.pack("!I4x", of.CONTROLLER))),
        Ask("queue all", of.multipart(of.MP_QUEUE, struct.pack("!II", of.ANY, of.ANY))),
        Ask("queue 9", of.multipart(of.MP_QUEUE, struct.pack("!II", 1, 9))),
        Ask("queue of port 9", of.multipart(of.MP_QUEUE, struct.pack("!II", 9, of.ANY))),
        Ask("queues of 1", of.message(of.QUEUE_CONFIG, struct.pack("!I4x", 1))),
        Ask("queues of any", of.message(of.QUEUE_CONFIG, struct.pack("!I4x", of.ANY))),
        Ask("queues of 9", of.message(of.QUEUE_CONFIG, struct.pack("!I4x", 9))),
        Ask("port-mod of 9", of.message(of.PORT_MOD, struct.pack(
            "!I4x6s2xIII4x", 9, bytes(6), 0, 0, 0))),
        Ask("port-mod of another address", of.message(of.PORT_MOD, struct.pack(
            "!I4x6s2xIII4x", 1, bytes(5) + b"\1", 0, 0, 0))),
        Ask("port-mod cut", of.message(of.PORT_MOD, bytes(8))),
        Ask("table-mod", of.message(of.TABLE_MOD, struct.pack("!B3xI", 1, 0))),
        Ask("table-mod all", of.message(of.TABLE_MOD, struct.pack("!B3xI", 255, 0))),
        Ask("table-mod 254", of.message(of.TABLE_MOD, struct.pack("!B3xI", 254, 0))),
        Ask("table-mod bits", of.message(of.TABLE_MOD, struct.pack("!B3xI", 1, 3))),
        Ask("table-mod unknown bits", of.message(of.TABLE_MOD, struct.pack("!B3xI", 1, 0x10))),
        Ask("more to come", of.multipart(of.MP_DESC, flags=1)),
        Ask("unknown flags", of.multipart(of.MP_GROUP_DESC, flags=2)),
    ])


def any_oxms(r):
    """A random match of what the frames have."""
    oxms, first = [], r.choice([[], [], IP4, UDP4, TCP4, V6, UDP6, ARP_, MPLS_, TAGGED,
                                [*TAGGED, *IP4], UNTAGGED, [*UNTAGGED, *IP4]])
    oxms += first
    for name, (needs, value, mask, _) in FIELDS.items():
        if name.startswith("nx_") or name in ("eth_type", "ip_proto", "arp_op", "pkt_mark"):
            continue
        if needs and (len(needs) > len(first) or list(needs) != list(first)[-len(needs):]):
            continue
        if name == "vlan_vid" and (TAGGED[0] in first or UNTAGGED[0] in first):
            continue
        if r.random() < 0.2:
            value ^= r.choice([0, 0, 0, 1])
            masked = mask is not None and r.random() < 0.5
            oxms.append(oxm(name, value & mask, mask) if masked else oxm(name, value))
    return oxms, first


def any_actions(r, first, n):
    """Random actions that a match allows."""
    actions = []
    for _ in range(r.randrange(n + 1)):
        can = [of.output(r.choice([1, 2, 3, of.IN_PORT, of.ALL])), of.load("reg0", 0, 8, 1),
               of.set_field("eth_dst", r.randrange(9)), of.set_field("eth_src", 6)]
        sets = [of.set_field(name, new) for name, (needs, _, _, new) in FIELDS.items()
                if new is not None and needs and needs == first]
        if first[:1] in (IP4, V6):
            sets += [of.DEC_TTL, of.set_ip_ttl(r.choice([2, 99]))]
        if first == MPLS_:
            sets += [of.DEC_MPLS_TTL, of.set_mpls_ttl(33)]
        if first[:1] == TAGGED:
            sets += [of.set_field("vlan_pcp", 4), of.set_field("vlan_vid", 0x1007)]
        actions.append(r.choice(can + sets + sets))
    return actions


def any_last(r, first):
    """Random actions for the end: frames that become longer or shorter would be counted so."""
    vid, pcp = of.set_field("vlan_vid", 0x1008), of.set_field("vlan_pcp", 2)
    if first == TAGGED:
        return [of.POP_VLAN]
    if first == MPLS_:
        return [of.pop_mpls(0x800)]
    if first[:1] == UNTAGGED:
        return [of.push_vlan(r.choice([0x8100, 0x88a8])), vid, pcp]
    if first == IP4:
        return [of.push_mpls(), of.set_field("mpls_label", 4), of.set_field("mpls_tc", 3),
                of.set_mpls_ttl(8)]
    return []


def mixture(seed):
    """Seeded flows in four tables, groups, and frames by all ports."""
    r, steps = random.Random(seed), []
    # Without these a miss ends in different ways, which has a script of its own.
    steps += [Ask(f"miss {t}", of.add([], table=t, priority=0)) for t in range(4)]
    for i in range(1, 4):
        type_ = r.choice([of.GROUP_ALL, of.INDIRECT])
        steps.append(Ask(f"group {i}", of.group_mod(0, type_, i, of.bucket(
            of.set_field("eth_dst", 0x30 + i), of.output(r.choice([1, 2, 3]))))))
    for i in range(40):
        oxms, first = any_oxms(r)
        table, made = r.choice([0, 0, 1, 2, 3]), []
        applied = any_actions(r, first, 4) + ([of.group(r.randrange(1, 4))] if r.random() < 0.2
                                              else [])
        if applied:
            made.append(of.apply(*applied))
        if r.random() < 0.1:
            made.append(of.CLEAR)
        if r.random() < 0.4:
            last = any_last(r, first) if r.random() < 0.3 else any_actions(r, first, 3)
            made.append(of.write(*last, of.output(r.choice([2, 3]))))
        if r.random() < 0.3:
            made.append(of.metadata(r.randrange(2), 3))
        if table < 3 and r.random() < 0.6:
            made.append(of.goto(r.randrange(table + 1, 4)))
        steps.append(Ask(f"flow {i}", of.add(oxms, *made, table=table, cookie=i,
                                             priority=100 + i)))
        if i % 10 == 9:
            oxms = any_oxms(r)[0] or [oxm("in_port", 1)]
            steps.append(Ask(f"change {i}", of.flow_mod(r.choice(
                [of.MODIFY, of.DELETE]), of.match(*oxms), of.apply(of.output(3)), table=r.choice(
                    [0, 1, 2]))))
        if i % 8 == 7:
            steps += [Frame(f"{name} {i}", port, FRAMES[name])
                      for name, port in ((r.choice(PLAIN), r.choice([1, 2, 3]))
                                         for _ in range(8))]
    return Script(f"mixture {seed}", steps)


def mixtures(n=20):
    for seed in range(n):
        yield mixture(seed)


SUBJECTS = (matches, wrong_matches, set_fields, tags, wrong_actions, instructions, outputs,
            registers, outputs_by_register, flow_mods, groups, meters, requests, mixtures)
