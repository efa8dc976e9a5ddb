# SPDX-License-Identifier: BSD-3-Clause
"""Scripts of bundles for Shunt and Open vSwitch, as those of of_scripts.py: how they are opened,
filled and ended, in order and not, and what is then there."""

import random
import struct

import of_wire as of
from differential import ADDRESSES, Ask, Frame, Leave, Script, Talk, Told
from of_frames import FRAMES, PLAIN
from of_scripts import IP4, UDP4, any_oxms
from of_wire import ATOMIC, CLOSE, COMMIT, DISCARD, OPEN, ORDERED

FLAGS = {"": 0, " atomic": ATOMIC, " ordered": ORDERED, " atomic and ordered": ATOMIC | ORDERED}
BOTH = ATOMIC | ORDERED
NO_PACKET_IN = 0x40
N_BUNDLES = 256  # more there cannot be of a connection


def flow(port=2, oxms=UDP4, **fields):
    return of.add(oxms, of.apply(of.output(port)), **fields)


def overlapping(**fields):
    return flow(3, IP4, flags=of.CHECK_OVERLAP, **fields)


def port_mod(port, config, mask, address=None):
    return of.message(of.PORT_MOD, struct.pack("!I4x6s2xIII4x", port, address or ADDRESSES.get(
        port, bytes(6)), config, mask, 0))


def control(kind, number=1, flags=BOTH, more=b""):
    return of.bundle_control(kind, number, flags, more)


def put(inner, number=1, flags=BOTH, more=b""):
    return of.bundle_add(inner, number, flags, more)


def head(kind, n, xid=0, version=4):
    return of.message(kind, version=version, length=n, xid=xid)


SEEN = [Frame("udp", 1, FRAMES["udp"]), Ask("flows then", of.flow_stats())]


def lives():
    """Each way that a bundle may go, right and wrong."""
    one, more = put(flow()), put(flow(3, priority=7))
    for label, messages in {
            "committed": [control(OPEN), one, more, control(CLOSE), control(COMMIT)],
            "committed without a close": [control(OPEN), one, control(COMMIT)],
            "opened by its first message": [one, more, control(COMMIT)],
            "empty": [control(OPEN), control(CLOSE), control(COMMIT)],
            "empty and not closed": [control(OPEN), control(COMMIT)],
            "committed twice": [control(OPEN), one, control(COMMIT), control(COMMIT)],
            "used again": [control(OPEN), one, control(COMMIT), control(OPEN), more,
                           control(COMMIT)],
            "discarded": [control(OPEN), one, control(DISCARD), control(COMMIT)],
            "discarded when closed": [control(OPEN), one, control(CLOSE), control(DISCARD)],
            "discarded with other flags": [control(OPEN), one, control(DISCARD, flags=0),
                                           control(COMMIT)],
            "opened twice": [control(OPEN), one, control(OPEN), more, control(COMMIT)],
            "closed twice": [control(OPEN), one, control(CLOSE), control(CLOSE), control(COMMIT)],
            "closed with other flags": [control(OPEN), one, control(CLOSE, flags=ATOMIC),
                                        control(COMMIT)],
            "committed with other flags": [control(OPEN), one, control(COMMIT, flags=ORDERED),
                                           control(COMMIT)],
            "added to with other flags": [control(OPEN), one, put(flow(3), flags=0),
                                          control(COMMIT)],
            "added to when closed": [control(OPEN), one, control(CLOSE), more, control(COMMIT)],
            "not there": [control(kind) for kind in (CLOSE, COMMIT, DISCARD)],
            "ended by a wrong flag in a control": [control(OPEN), one, control(CLOSE, flags=7),
                                                   control(COMMIT)],
    }.items():
        yield Script(f"bundle {label}", [Talk("messages", messages), *SEEN])
    for label, flags in FLAGS.items():
        yield Script(f"bundle{label or ' of no flags'}", [
            Talk("messages", of.bundle(1, [flow(), flow(3, priority=7)], flags)), *SEEN])
    yield Script("bundles of unknown flags and kinds", [
        *(Talk(f"flags {flags:#x}", [control(OPEN, flags=flags), control(DISCARD, flags=flags)])
          for flags in (4, 7, 0x8000)),
        *(Talk(f"added with flags {flags:#x}", [put(flow(), flags=flags),
                                                control(DISCARD, flags=flags)])
          for flags in (4, 0xffff)),
        *(Talk(f"kind {kind}", [control(OPEN), control(kind), control(DISCARD)])
          for kind in (1, 3, 5, 7, 8, 0xffff))])


def wrong_messages():
    """What cannot be in a bundle is refused when it is added, and the rest goes on."""
    good, bad = flow(), of.flow_mod(command=9)
    whole = {
        "hello": of.message(of.HELLO), "echo": of.message(of.ECHO),
        "barrier": of.message(of.BARRIER), "meter-mod": of.meter_mod(0, of.KBPS, 1, of.band(1, 9)),
        "table-mod": of.message(of.TABLE_MOD, bytes(8)), "statistics": of.flow_stats(),
        "role": of.message(of.ROLE, bytes(16)), "unknown kind": of.message(99),
        "a bundle": control(OPEN), "a message for a bundle": put(good, 2),
        "a message of a switch": of.message(of.FLOW_REMOVED, bytes(48)),
        "another version": head(of.FLOW_MOD, 8, version=1),
        "another xid": of.message(of.FLOW_MOD, good[8:], xid=0x7777),
        "longer than it is": head(of.FLOW_MOD, 9), "shorter than a header": head(of.FLOW_MOD, 7),
        "a header alone": head(of.FLOW_MOD, 8), "half a header": good[:4],
        "nothing": b"", "bytes behind it": good + bytes(8),
        "unknown command": bad, "no such table": flow(table=254),
        "group of no kind": of.group_mod(0, 9, 1), "output to no port": flow(0xffffff10),
        "wrong match": flow(oxms=[of.oxm("udp_src", 1)]),
        "buffer": flow(buffer_id=77), "packet-out of a buffer": of.packet_out(b"", buffer_id=77),
        "port-mod of no port": port_mod(77, 0, 0),
        "port-mod of another address": port_mod(1, 0, 0, bytes(6)),
    }
    for label, inner in whole.items():
        yield Script(f"in a bundle {label}", [
            Talk("messages", [control(OPEN, flags=ORDERED), put(flow(3, priority=7), flags=ORDERED),
                              put(inner, flags=ORDERED), control(COMMIT, flags=ORDERED)]), *SEEN])
    yield Script("bundle messages that are cut", [Talk(f"{n} bytes", [
        of.message(of.EXPERIMENTER, put(good)[8:n])]) for n in (8, 12, 16, 20, 22, 24, 28, 32)] + [
            Talk("control of 20 bytes", [of.message(of.EXPERIMENTER, control(OPEN)[8:20])]),
            Talk("a property", [control(OPEN, more=struct.pack("!HHII", 0xffff, 12, 1, 2).ljust(
                16, b"\0")), control(DISCARD)]),
            Talk("a property behind a message", [put(good, more=struct.pack(
                "!HHII", 0xffff, 12, 1, 2).ljust(16, b"\0")), control(DISCARD)])])


def failures():
    """A message that cannot be done: all is as it was."""
    before = [Ask("before", flow(priority=3, cookie=5, flags=of.SEND_FLOW_REM, idle=90)),
              Ask("group", of.group_mod(0, of.INDIRECT, 9, of.bucket(of.output(3)))), *SEEN]
    for label, flags in FLAGS.items():
        for name, messages in {
                "overlap": [flow(priority=8), of.flow_mod(of.DELETE), flow(3, priority=5),
                            overlapping(priority=5), flow(2, priority=9)],
                "group twice": [of.group_mod(0, of.GROUP_ALL, n) for n in (1, 2, 1)],
                "no such group": [flow(priority=8), of.group_mod(1, of.GROUP_ALL, 77)],
                "output to no such group": [of.add(UDP4, of.apply(of.group(77)), priority=9)],
                "group that is gone": [of.group_mod(2, 0, 9),
                                       of.add(UDP4, of.apply(of.group(9)), priority=9)],
                "first of all": [overlapping(priority=3), flow(priority=8)],
                "last of all": [of.flow_mod(of.MODIFY, instructions=of.apply(of.output(3))),
                                of.flow_mod(of.DELETE), flow(3, priority=5),
                                overlapping(priority=5)],
                "two of them": [overlapping(priority=3), overlapping(priority=3)],
                "no such meter": [flow(priority=8), of.add(UDP4, of.meter(77), priority=9)],
        }.items():
            yield Script(f"bundle fails{label}: {name}", [
                *before, Talk("messages", of.bundle(1, messages, flags)), Told("told", 0), *SEEN])


def what_is_done():
    """Flows, groups, ports and packets of a bundle, by each flag."""
    for label, flags in FLAGS.items():
        for name, first, messages in [
                ("flow replaced", [flow()], [flow(3)]),
                ("flow there and gone", [], [flow(), of.flow_mod(of.DELETE)]),
                ("flow gone and there", [flow()], [of.flow_mod(of.DELETE), flow(3)]),
                ("flow changed and gone", [flow()], [
                    of.flow_mod(of.MODIFY, instructions=of.apply(of.output(3))),
                    of.flow_mod(of.DELETE_STRICT, of.match(*UDP4))]),
                ("flow changed", [flow(cookie=4, idle=70)], [of.flow_mod(
                    of.MODIFY, instructions=of.apply(of.output(3)), cookie=9, cookie_mask=0)]),
                ("flow changed, counters reset", [flow()], [of.flow_mod(
                    of.MODIFY, instructions=of.apply(of.output(3)), flags=of.RESET_COUNTS)]),
                ("flow changed by cookie", [flow(cookie=4), flow(cookie=5, priority=2)], [
                    of.flow_mod(of.DELETE, cookie=4, cookie_mask=0xff)]),
                ("group and flow", [], [
                    of.group_mod(0, of.GROUP_ALL, 1, of.bucket(of.output(2)),
                                 of.bucket(of.output(3))), of.add(UDP4, of.apply(of.group(1)))]),
                ("group replaced with its flow",
                 [of.group_mod(0, of.INDIRECT, 1, of.bucket(of.output(2))),
                  of.add(UDP4, of.apply(of.group(1)))],
                 [of.group_mod(2, 0, 1), of.group_mod(0, of.INDIRECT, 1, of.bucket(of.output(3))),
                  of.add(IP4, of.apply(of.group(1)), priority=5)]),
                ("group changed", [of.group_mod(0, of.INDIRECT, 1, of.bucket(of.output(2))),
                                   of.add(UDP4, of.apply(of.group(1)))],
                 [of.group_mod(1, of.INDIRECT, 1, of.bucket(of.output(3)))]),
                ("packet-out by its flows", [], [
                    flow(3), of.packet_out(FRAMES["udp"], of.output(of.TABLE), in_port=1)]),
        ]:
            yield Script(f"bundle done{label}: {name}", [
                *(Ask(f"first {i}", m) for i, m in enumerate(first)), *SEEN,
                Talk("messages", of.bundle(1, messages, flags)), *SEEN])
        yield from port_mods(label, flags)
    told = {"flags": of.SEND_FLOW_REM, "cookie": 7}
    yield Script("who is told of a bundle", [
        Ask("first", flow(**told)),
        Talk("messages", of.bundle(1, [of.flow_mod(of.DELETE), flow(3, **told)])), Told("told", 1),
        Talk("and away", of.bundle(2, [flow(2, priority=9, **told), of.flow_mod(of.DELETE)])),
        Told("told again", 2)])


def port_mods(label, flags):
    """What a port is told to be, with flows, and with one that fails."""
    ports = Ask("ports", of.multipart(of.MP_PORT_DESC))
    silent = port_mod(1, NO_PACKET_IN, NO_PACKET_IN)
    for name, more in (("port-mod", flow(3, priority=9)), ("port-mod that is undone",
                                                          overlapping(priority=5))):
        yield Script(f"bundle done{label}: {name}", [
            Ask("kept", flow(2, priority=5)),
            Talk("messages", of.bundle(1, [silent, more], flags)), ports, *SEEN,
            Ask("as before", port_mod(1, 0, NO_PACKET_IN)), ports])


def several():
    """Bundles beside each other, and what is done between their messages."""
    other = put(flow(3, priority=9), 2)
    yield Script("two bundles at once", [
        Talk("messages", [control(OPEN), control(OPEN, 2), put(flow()), other, control(COMMIT, 2),
                          control(COMMIT)]), *SEEN])
    yield Script("port-mods in no bundle", [Ask("of unknown bits", port_mod(1, 0x80, 0x80))])
    yield Script("two bundles of the same flow", [
        Talk("messages", [put(flow(2)), put(flow(3), 2), control(COMMIT, 2), control(COMMIT)]),
        *SEEN])
    yield Script("a bundle that another made fail", [
        Talk("messages", [put(overlapping(priority=4)), put(flow(priority=4), 2),
                          control(COMMIT, 2), control(COMMIT)]), *SEEN])
    yield Script("messages beside a bundle", [
        Talk("messages", [control(OPEN), put(flow(2, priority=5)), flow(3, priority=9),
                          of.flow_stats(), put(of.flow_mod(of.DELETE, of.match(*IP4))),
                          of.message(of.ECHO, b"12345678"), flow(3, [], priority=2),
                          control(COMMIT), of.flow_stats()]), *SEEN])
    yield Script("bundles of two connections by one number", [
        Talk("one", [control(OPEN), put(flow(2))]), Talk("other", [control(OPEN), put(flow(3))], 1),
        Talk("one's end", [control(COMMIT)]), *SEEN, Talk("other's end", [control(COMMIT)], 1),
        *SEEN])
    yield Script("a bundle of another connection", [
        Talk("one", [control(OPEN), put(flow(2))]),
        Talk("other", [control(CLOSE), control(COMMIT), control(DISCARD)], 1),
        Talk("one's end", [control(COMMIT)]), *SEEN])
    yield Script("a bundle of a connection that ends", [
        Talk("one", [control(OPEN), put(flow(2)), control(CLOSE)], 1), Leave("ends", 1), *SEEN,
        Talk("another", [control(COMMIT)], 1), *SEEN])
    yield Script("a bundle of a slave", [
        Talk("messages", [of.message(of.ROLE, struct.pack("!I4xQ", 3, 1)), control(OPEN),
                          put(flow()), control(COMMIT)], 1), *SEEN])
    yield Script("more bundles than a connection has", [
        Talk("messages", [control(OPEN, n) for n in range(N_BUNDLES)], 1),
        Talk("one more", [control(OPEN, N_BUNDLES)], 1),
        Talk("one less", [control(DISCARD, 5), control(OPEN, N_BUNDLES + 1)], 1)])


def some_bundles(seed):
    """Bundles of flow-mods and group-mods, some of which fail."""
    r, steps = random.Random(seed), []
    universe = [any_oxms(r)[0] for _ in range(4)]

    def any_message():
        oxms, fields = r.choice(universe), {"priority": r.choice([1, 2]),
                                            "cookie": r.randrange(4)}
        out, to = of.apply(of.output(3)), of.apply(of.group(r.randrange(3)))
        number, bucket = r.randrange(3), of.bucket(of.output(r.choice([2, 3])))
        return r.choice([
            lambda: of.add(oxms, to, flags=r.choice([0, 0, of.CHECK_OVERLAP, of.RESET_COUNTS]),
                           **fields),
            lambda: of.add(oxms, of.apply(of.output(2)), **fields),
            lambda: of.flow_mod(r.choice([of.MODIFY, of.MODIFY_STRICT]), of.match(*oxms), out,
                                **fields),
            lambda: of.flow_mod(r.choice([of.DELETE, of.DELETE_STRICT]), of.match(*oxms),
                                priority=fields["priority"]),
            lambda: of.group_mod(r.choice([0, 0, 1]), of.INDIRECT, number, bucket),
            lambda: of.group_mod(2, of.INDIRECT, number)])()

    for i in range(6):
        flags = r.choice(list(FLAGS.values()))
        messages = [any_message() for _ in range(r.randrange(1, 6))]
        steps.append(Talk(f"bundle {i}", of.bundle(i, messages, flags)))
        name, port = r.choice(PLAIN), r.choice([1, 2, 3])
        steps += [Frame(f"{name} {i}", port, FRAMES[name]), Ask(f"flows {i}", of.flow_stats()),
                  Ask(f"groups {i}", of.multipart(of.MP_GROUP_DESC))]
    return Script(f"bundles {seed}", steps)


def bundles():
    yield from lives()
    yield from wrong_messages()
    yield from failures()
    yield from what_is_done()
    yield from several()
    for seed in range(12):
        yield some_bundles(seed)
