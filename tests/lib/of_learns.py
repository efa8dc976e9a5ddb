# SPDX-License-Identifier: BSD-3-Clause
"""Scripts of flows that are learned for Shunt and Open vSwitch, as those of of_scripts.py."""

import of_wire as of
from differential import Ask, Frame, Script
from of_frames import FRAMES
from of_scripts import IP4, TCP4, TCP6, UDP4, one_flow
from of_wire import learn_load, learn_match, learn_output, oxm

WHERE = learn_match("nx_eth_dst", "nx_eth_src", 48)
BACK = learn_output("nx_in_port", 16)
DELETE_LEARNED = 2


def teacher(*specs, oxms=(), label="teacher", then=(of.output(3),), **fields):
    return one_flow(list(oxms), of.learn(*specs, **fields), *then, label=label)


def taught(name="udp", port=1, n=1):
    return Frame(name, port, FRAMES[name], learns=n)


def fin_timeouts():
    """A flow's timeouts go down when a connection ends, and not up."""
    flows = Ask("flows then", of.flow_stats())
    tcp = [name for name in FRAMES if name.startswith("tcp")]
    for name in [*tcp, "udp", "icmp"]:
        yield Script(f"fin_timeout {name}", [
            one_flow(TCP4, of.fin_timeout(5, 10), of.output(2), label="4"),
            one_flow(TCP6, of.fin_timeout(5, 10), of.output(2), label="6"),
            Frame(name, 1, FRAMES[name]), flows])
    for label, timeout, fields in [
            ("of both", of.fin_timeout(5, 100), {"idle": 20, "hard": 200}),
            ("below it already", of.fin_timeout(50, 100), {"idle": 20, "hard": 90}),
            ("of the idle one", of.fin_timeout(5), {"hard": 9}),
            ("of the hard one", of.fin_timeout(0, 5), {"idle": 9}),
            ("of nothing", of.fin_timeout(), {"idle": 9})]:
        yield Script(f"fin_timeout {label}", [
            one_flow(TCP4, of.output(2), timeout, **fields), Frame("data", 1, FRAMES["tcp data"]),
            flows, Frame("fin", 1, FRAMES["tcp fin"]), flows,
            Ask("modify", of.flow_mod(of.MODIFY, instructions=of.apply(of.output(3)))), flows,
            one_flow(TCP4, of.output(2), timeout, label="again", **fields), flows,
            Frame("fin again", 1, FRAMES["tcp fin"]), flows])
    yield Script("fin_timeout in another table", [
        one_flow(TCP4, of.fin_timeout(9), of.resubmit(1)), Ask("in 1", of.add(
            TCP4, of.apply(of.fin_timeout(7), of.output(2)), of.goto(2), table=1)),
        Ask("in 2", of.add([], of.apply(of.output(3)), table=2)),
        Frame("fin", 1, FRAMES["tcp fin"]), flows])
    yield Script("fin_timeout behind a change of the frame", [
        one_flow(TCP4, of.set_field("ipv4_dst", 7), of.fin_timeout(9), of.output(2)),
        Frame("fin", 1, FRAMES["tcp fin"]), flows])
    yield Script("wrong fin_timeouts", [
        Ask("without tcp", of.add(IP4, of.apply(of.fin_timeout(5)))),
        Ask("of udp", of.add(UDP4, of.apply(of.fin_timeout(5)))),
        Ask("padding", of.add(TCP4, of.apply(of.fin_timeout(5, 6, 7)))),
        Ask("too long", of.add(TCP4, of.apply(of.nicira(19, bytes(14))))),
        Ask("in an action set", of.add(TCP4, of.write(of.fin_timeout(5)))),
        Ask("in a bucket", of.group_mod(0, of.INDIRECT, 1, of.bucket(of.fin_timeout(5)))),
        Ask("in a packet-out", of.packet_out(FRAMES["tcp fin"], of.fin_timeout(5)))])


def learns():
    """What is made of fields and numbers, with which times and flags; and what no learn may be."""
    reply = Frame("arp reply", 2, FRAMES["arp reply"])
    flows = Ask("learned", of.flow_stats())
    for label, specs, fields in [
            ("where an address is", [WHERE, BACK], {}),
            ("with times", [WHERE, BACK], {"idle": 100, "hard": 200}),
            ("with a cookie", [WHERE, BACK], {"cookie": 0x77, "priority": 9}),
            ("a number to match", [learn_match("nx_eth_type", 0x800, 16), WHERE, BACK], {}),
            ("numbers to match and load", [
                learn_match("nx_eth_type", 0x800, 16), learn_match("nx_ip_proto", 17, 8),
                learn_load("reg1", 0x1234, 16), learn_load("reg0", 5, 4, target=8)], {}),
            ("parts of fields", [
                learn_match("reg2", "nx_eth_src", 8, 0, 4), learn_load("reg3", "nx_eth_dst", 16,
                                                                       8, 16)], {}),
            ("a field to load", [WHERE, learn_load("reg0", "nx_in_port", 16)], {}),
            ("nothing at all", [], {}), ("no match", [BACK], {}),
            ("a table of its own", [WHERE, BACK], {"table": 7}),
    ]:
        # A guest that has moved; what is taught the same again is no news.
        moved = [taught("icmp", 2), flows] if BACK in specs else []
        yield Script(f"learn {label}", [teacher(*specs, **fields), flows, taught(), flows, reply,
                                        *moved])
    udp = [learn_match("nx_eth_type", 0x800, 16), learn_match("nx_ip_proto", 17, 8)]
    yield Script("learn ports the other way round", [
        teacher(*udp, learn_match("nx_udp_src", "nx_udp_dst", 16),
                learn_match("nx_udp_dst", "nx_udp_src", 16),
                learn_match("nx_ip_src", "nx_ip_dst", 32), BACK, oxms=UDP4), taught()])
    yield Script("learn and look there", [
        one_flow([], of.resubmit(1), label="look", priority=0),
        one_flow([oxm("in_port", 1)], of.learn(WHERE, BACK), of.output(3), label="teacher"),
        taught(), reply, flows])
    tcp = [learn_match("nx_eth_type", 0x800, 16), learn_match("nx_ip_proto", 6, 8)]
    for name in ("tcp data", "tcp fin"):
        yield Script(f"learn what ends with a connection, from {name}", [
            teacher(*tcp, BACK, fin=(3, 4), oxms=TCP4, label="teacher"), taught(name),
            one_flow([], of.resubmit(1), label="look", priority=9), Frame(
                "reply", 2, FRAMES["tcp fin"]), flows])
    yield Script("learn with one timeout after fin, without tcp", [
        teacher(WHERE, BACK, fin=(0, 4)), taught(), flows])
    yield Script("learn twice in a flow", [
        one_flow(IP4, of.learn(WHERE, BACK), of.learn(WHERE, BACK, table=2, hard=9), of.output(2),
                 label="teacher"), taught(n=2), flows])
    yield Script("what is learned goes with its teacher", [
        teacher(WHERE, BACK, cookie=0x99, flags=DELETE_LEARNED), taught(), flows,
        Ask("teacher goes", of.flow_mod(of.DELETE)), flows])
    yield Script("what is learned stays with another teacher", [
        teacher(WHERE, BACK, cookie=0x99, flags=DELETE_LEARNED), taught(),
        teacher(WHERE, BACK, cookie=0x99, flags=DELETE_LEARNED, oxms=IP4, label="second"),
        Ask("first goes", of.flow_mod(of.DELETE_STRICT)), flows])
    yield Script("wrong learns", [Ask(label, of.add(UDP4, of.apply(action))) for label, action in {
        "table 255": of.learn(WHERE, table=255), "flags 8": of.learn(WHERE, flags=8),
        "without a prerequisite": of.learn(learn_match("nx_udp_src", 7, 16)),
        "a field that is not there": of.learn(learn_match("nx_eth_dst", "nx_arp_sha", 48)),
        "to a read-only field": of.learn(*udp, learn_load("nx_ip_frag", 1, 2)),
        "too wide": of.learn(learn_load("reg0", "reg1", 33)),
        "beyond": of.learn(learn_load("reg0", "reg1", 16, 0, 20)),
        "cut": of.nicira(16, bytes(8)),
        "prerequisite before it": of.learn(*udp, learn_match("nx_udp_src", 7, 16))}.items()])
