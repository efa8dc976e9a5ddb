# SPDX-License-Identifier: BSD-3-Clause
"""The same script of messages and frames for Shunt and for Open vSwitch, and what each made of it.

A script is a list of steps, each with a name: Ask, Frame, Link. At its end stand the questions of
`closing`: flows, groups, meters. A side answers a step with text, so that two sides compare and a
difference reads well."""

import struct
import time
from dataclasses import dataclass, field

import of_wire as of
from openflow import Bridge
from ovs_peer import OpenVSwitch
from vhost_guest import BROADCAST, mac

# A frame of this kind goes out of all ports, by a flow that the harness keeps: behind it nothing
# of an earlier frame can come.
MARK_KIND, MARK_COOKIE = 0x88b7, 0xfeedfacecafe
FRAME_S = 5
MARK_FLOW = of.add([of.oxm("eth_type", MARK_KIND)], of.apply(of.output(of.ALL), of.output(of.IN_PORT)),
                   priority=65535, cookie=MARK_COOKIE)


@dataclass
class Ask:
    """A message; the answers up to a barrier's."""
    name: str
    data: bytes


@dataclass
class Frame:
    """A frame into a port; what comes out, and n packet-ins."""
    name: str
    port: int
    data: bytes
    packet_ins: int = 0


@dataclass
class Link:
    """A port that goes down or up."""
    name: str
    port: int
    up: bool


@dataclass
class Script:
    """accepted: {name of a step: key of the accepted difference}"""
    name: str
    steps: list
    accepted: dict = field(default_factory=dict)


def closing():
    return [Ask("flows", of.flow_stats()), Ask("aggregate", of.flow_stats(
        kind=of.MP_AGGREGATE, cookie=0, cookie_mask=1 << 40)),
            Ask("groups", of.multipart(of.MP_GROUP_DESC)),
            Ask("group counters", of.multipart(of.MP_GROUP, struct.pack("!I4x", of.ALL_GROUPS))),
            Ask("meters", of.multipart(of.MP_METER_CONFIG, struct.pack("!I4x", of.ALL_METERS)))]


# what an answer says, without what is free to differ

def _error(data):
    kind, code = struct.unpack_from("!HH", data, 8)
    # Of the request at least 64 bytes (OpenFlow 1.3.5, 7.4.4); its xid is ours.
    return [f"error {kind}/{code} {data[12:16].hex()}{data[20:12 + 64].hex()}"]


def _flow(data):
    """One of the flow statistics; None for the harness's own."""
    (table, _, _, priority, idle, hard, flags, cookie, packets, octets, length) = struct.unpack_from(
        "!BxIIHHHH4xQQQ2xH", data, 2)
    if cookie == MARK_COOKIE:
        return None
    end = 48 + (length + 7) // 8 * 8
    return (f"table={table} priority={priority} idle={idle} hard={hard} flags={flags:#x} "
            f"cookie={cookie:#x} packets={packets} bytes={octets} match={data[48:end].hex()} "
            f"instructions={data[end:].hex()}")


def _entries(data, at=0):
    """Cut at the length that each begins with."""
    while at < len(data):
        n = struct.unpack_from("!H", data, at)[0]
        assert n >= 8
        yield data[at:at + n]
        at += n


def _group_counters(data):
    _, number, refs = struct.unpack_from("!H2xII", data)
    counters = struct.unpack_from(f"!{(len(data) - 16 - 8) // 8}Q", data, 16)
    # Durations stand between the group's counters and the buckets'.
    buckets = struct.unpack_from(f"!{(len(data) - 40) // 8}Q", data, 40)
    return f"group={number} refs={refs} counters={counters[:2]} buckets={buckets}"


def _meter_config(data):
    return data.hex()


def _multipart(data):
    kind, _ = struct.unpack_from("!HH", data, 8)
    body = data[16:]
    if kind == of.MP_FLOW:
        return [f for f in map(_flow, _entries(body)) if f]
    if kind in (of.MP_GROUP_DESC, of.MP_METER_CONFIG):
        return [e.hex() for e in _entries(body)]
    if kind == of.MP_GROUP:
        return [_group_counters(e) for e in _entries(body)]
    if kind == of.MP_TABLE:
        return [body[i:i + 24].hex() for i in range(0, len(body), 24)
                if body[i + 4:i + 8] != bytes(4)]
    return [f"multipart {kind} {body.hex()}"]


def readable(answers):
    lines = []
    for data in answers:
        if data[1] == of.ERROR:
            lines += _error(data)
        elif data[1] == of.MULTIPART_REPLY:
            lines += _multipart(data)
        else:
            lines.append(f"type {data[1]} {data[8:].hex()}")
    return sorted(lines)


def packet_in(data):
    """Of a packet-in or a flow-removed: all but durations and buffers."""
    if data[1] == of.PACKET_IN:
        _, total, reason, table, cookie = struct.unpack_from("!IHBBQ", data, 8)
        return f"packet-in total={total} reason={reason} table={table} cookie={cookie:#x} " + \
            data[24:].hex()
    return f"type {data[1]} {data[8:].hex()}"


class Side:
    """One switch: its connection and its three ports."""

    def __init__(self, mgmt, ports):
        self.connection, self.ports, self.marked, self.n = of.Connection(mgmt), ports, False, 0
        # miss_send_len: a service connection gets packet-ins once it has said so.
        assert not self.connection.ask(of.message(of.SET_CONFIG, struct.pack("!HH", 0, 0xffff)))

    def reset(self):
        for data in (of.flow_mod(of.DELETE, table=of.ALL_TABLES),
                     of.group_mod(2, 0, of.ALL_GROUPS), of.meter_mod(2, 0, of.ALL_METERS)):
            assert not self.connection.ask(data)
        self.marked = False
        self.connection.unasked.clear()

    def ask(self, data):
        self.marked = False
        return readable(self.connection.ask(data))

    def frame(self, step):
        if not self.marked:
            assert not self.connection.ask(MARK_FLOW)
            self.marked = True
        self.ports[step.port].send(step.data)
        return self.received(step.port) + self.unasked(step.packet_ins)

    def received(self, port):
        """What came out since the last mark, by a mark that goes in at the port."""
        self.n += 1
        mark = BROADCAST + mac(self.n) + struct.pack("!H", MARK_KIND) + bytes(46)
        self.ports[port].send(mark)
        lines = []
        for number, end in self.ports.items():
            while (frame := end.recv(FRAME_S)) != mark:
                assert frame is not None, f"the mark did not come out of port {number}"
                lines.append(f"port {number}: {frame.hex()}")
        return lines

    def unasked(self, n):
        """The n messages that the switch sends by itself, and no more of them."""
        deadline = time.monotonic() + 1
        while len(self.connection.unasked) < n and (left := deadline - time.monotonic()) > 0:
            data = self.connection.recv(left)
            if data:
                self.connection.unasked.append(data)
        self.connection.ask(of.message(of.ECHO))
        lines = [packet_in(d) for d in self.connection.unasked if d[1] != of.PORT_STATUS]
        self.connection.unasked.clear()
        return lines

    def step(self, step):
        if isinstance(step, Frame):
            return self.frame(step)
        if isinstance(step, Link):
            self.link(step.port, step.up)
            return []
        self.before_count(step)
        return self.ask(step.data)

    def before_count(self, step):
        """Counters may be asked for."""


class ShuntSide(Side):
    def __init__(self, make_switch):
        self.bridge = Bridge(make_switch, fields="fail_mode: secure")
        self.switch = self.bridge.switch
        super().__init__(self.bridge.target.removeprefix("unix:"), self.bridge.guests)

    def link(self, port, up):
        self.switch.cli("port", "set", f"p{port}", "--enabled", "true" if up else "false")

    def close(self):
        self.connection.close()
        self.bridge.close()


class OvsSide(Side):
    def __init__(self):
        self.ovs = OpenVSwitch()
        super().__init__(self.ovs.mgmt, self.ovs.ports)

    def before_count(self, step):
        if step.data[1] == of.MULTIPART:
            self.ovs.count()

    def link(self, port, up):
        self.ovs.set_link(port, up)

    def close(self):
        self.connection.close()
        self.ovs.close()


@dataclass
class Difference:
    step: str
    shunt: list
    ovs: list

    def __str__(self):
        only = [f"    shunt: {line}" for line in self.shunt if line not in self.ovs]
        only += [f"    ovs:   {line}" for line in self.ovs if line not in self.shunt]
        return "\n".join([f"  {self.step}:", *(only or [f"    shunt: {self.shunt}",
                                                        f"    ovs:   {self.ovs}"])])


class Pair:
    def __init__(self, make_switch):
        self.shunt, self.ovs = ShuntSide(make_switch), OvsSide()

    def run(self, steps):
        """[Difference] of a script's steps and of its closing questions."""
        self.shunt.reset()
        self.ovs.reset()
        found = []
        for step in [*steps, *closing()]:
            shunt, ovs = self.shunt.step(step), self.ovs.step(step)
            if shunt != ovs:
                found.append(Difference(step.name, shunt, ovs))
        return found

    def close(self):
        self.shunt.close()
        self.ovs.close()
