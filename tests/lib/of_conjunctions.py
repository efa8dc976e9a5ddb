# SPDX-License-Identifier: BSD-3-Clause
"""Scripts of conjunctions for Shunt and Open vSwitch, as those of of_scripts.py."""

import random

import of_wire as of
from differential import Ask, Frame, Script
from of_frames import FRAMES, PLAIN, frames
from of_scripts import ICMP4, IP4, IP_A, M_B, TCP4, UDP4, any_oxms, one_flow
from of_wire import oxm


def clause(oxms, *clauses, label, **fields):
    return one_flow(oxms, *(of.conjunction(*c) for c in clauses), label=label,
                    **{"priority": 50, **fields})


def conj(number, *actions, label, needs=(), **fields):
    """The flow that a conjunction leads to."""
    return one_flow([*needs, oxm("conj_id", number)], *actions, label=label, **fields)


def conjunctions():
    """Clauses that come together or not: by priority, by number, by table, and as they change."""
    source, port = [*IP4, oxm("ipv4_src", IP_A)], [*UDP4, oxm("udp_dst", 2000)]
    two = [clause(source, (7, 1, 2), label="source"), clause(port, (7, 2, 2), label="port")]
    last = one_flow([], of.output(3), label="last", priority=2)
    seen = frames("udp", "tcp syn", "icmp", "arp request", "udp6")
    out = conj(7, of.output(2), label="then")
    yield Script("two clauses", [*two, out, last, *seen])
    yield Script("two clauses, nothing below", [*two, out, *seen])
    yield Script("a clause alone", [two[0], out, last, *seen])
    yield Script("clauses without a flow for them", [*two, last, *seen])
    yield Script("clauses without any flow", [*two, *seen])
    for priority in (2, 49, 50, 51):
        yield Script(f"clauses and an ordinary flow of {priority}", [
            *two, out, one_flow(IP4, of.output(3), label="ordinary", priority=priority), *seen])
    for priority in (1, 2, 3, 50, 60):
        yield Script(f"a conjunction's flow of {priority}", [
            *two, last, conj(7, of.output(2), label="then", priority=priority), *seen])
    yield Script("clauses of two priorities", [
        two[0], clause(port, (7, 2, 2), label="port", priority=60), out, last, *seen])
    yield Script("a lower conjunction takes over", [
        *two, clause(IP4, (8, 1, 2), label="ip", priority=40),
        clause(UDP4, (8, 2, 2), label="udp", priority=40),
        conj(8, of.output(2), label="then"), *seen])
    yield Script("several numbers in a flow", [
        clause(IP4, (7, 1, 2), (8, 1, 2), label="ip"), clause(UDP4, (7, 2, 2), label="udp"),
        clause(TCP4, (8, 2, 2), label="tcp"), out, conj(8, of.output(3), label="then 8"), *seen])
    yield Script("a clause of two flows", [
        clause(UDP4, (7, 1, 2), label="udp"), clause(TCP4, (7, 1, 2), label="tcp"),
        clause([oxm("in_port", 1)], (7, 2, 2), label="port"), out, last, *seen])
    yield Script("three clauses", [
        clause(IP4, (9, 1, 3), label="ip"), clause(UDP4, (9, 2, 3), label="udp"), last,
        conj(9, of.output(2), label="then"), *seen,
        clause([oxm("in_port", 1)], (9, 3, 3), label="port"), *seen])
    yield Script("a conjunction's flow that asks for more", [
        *two, last, conj(7, of.DEC_TTL, of.output(2), label="ip", needs=IP4),
        conj(7, of.output(1), of.output(2), label="above", needs=[oxm("in_port", 3)],
             priority=9), *seen])
    yield Script("clauses in another table", [
        one_flow([], of.load("reg0", 0, 8, 1), of.resubmit(3), label="to it"),
        *(clause(o, (7, k, 2), label=f"{k}", table=3) for k, o in ((1, source), (2, port))),
        conj(7, of.output(2), label="then", table=3), last, *seen])
    yield Script("clauses that change", [
        *two, out, last, *seen,
        Ask("modify", of.flow_mod(of.MODIFY_STRICT, of.match(*port), of.apply(of.output(1)),
                                  priority=50)), *seen,
        Ask("back", of.flow_mod(of.MODIFY_STRICT, of.match(*port), of.apply(
            of.conjunction(7, 2, 2)), priority=50)), *seen,
        Ask("to another", of.flow_mod(of.MODIFY_STRICT, of.match(*port), of.apply(
            of.conjunction(8, 2, 2)), priority=50)), *seen,
        Ask("delete", of.flow_mod(of.DELETE_STRICT, of.match(*port), priority=50)), *seen])
    yield Script("conjunctions with what they do not go with", [
        Ask("note", of.add(IP4, of.apply(of.conjunction(1, 1, 2), of.nicira(8, bytes(6))))),
        Ask("output", of.add(IP4, of.apply(of.conjunction(1, 1, 2), of.output(2)))),
        Ask("goto", of.add(IP4, of.apply(of.conjunction(1, 1, 2)), of.goto(2))),
        Ask("write", of.add(IP4, of.apply(of.conjunction(1, 1, 2)), of.write(of.output(2)))),
        Ask("metadata", of.add(IP4, of.apply(of.conjunction(1, 1, 2)), of.metadata(1))),
        Ask("packet-out", of.packet_out(FRAMES["udp"], of.conjunction(1, 1, 2)))])
    for seed in range(12):
        yield some_conjunctions(seed)


def some_conjunctions(seed):
    """Clauses of two numbers, of which a frame is never told by both, and ordinary flows."""
    r, steps = random.Random(seed), []
    for number, (first, second) in ((1, (UDP4, [oxm("in_port", 1)])), (2, (TCP4, [oxm(
            "eth_dst", M_B)])), (3, (ICMP4, IP4))):
        priority = r.choice([10, 20, 30])
        steps += [clause(first, (number, 1, 2), label=f"{number} 1", priority=priority),
                  clause(second, (number, 2, 2), label=f"{number} 2", priority=priority),
                  conj(number, of.output(r.choice([2, 3])), label=f"{number}",
                       priority=r.choice([5, 15, 25]))]
    for i in range(6):
        steps.append(one_flow(any_oxms(r)[0], of.output(r.choice([2, 3])), label=f"ordinary {i}",
                              priority=r.randrange(1, 40)))
    r.shuffle(steps)
    shown = [Frame(f"{name} {i}", port, FRAMES[name]) for i, (name, port) in enumerate(
        (r.choice(PLAIN), r.choice([1, 2, 3])) for _ in range(12))]
    return Script(f"conjunctions {seed}", [*steps, *shown])
