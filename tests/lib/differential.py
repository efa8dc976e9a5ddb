# SPDX-License-Identifier: BSD-3-Clause
"""The same script of messages and frames for Shunt and for Open vSwitch, and what each made of it.

A script is a list of steps, each with a name: Ask, Talk, Leave, Told, Frame, Link. At its end
stand the questions of `closing`: flows, groups, meters. A side answers a step with text, so that
two sides compare and a difference reads well."""

import socket
import struct
import time
from dataclasses import dataclass

import of_wire as of
from daemon import wait_for
from openflow import Bridge
from ovs_peer import OpenVSwitch
from vhost_guest import BROADCAST, mac

# A frame of this kind goes out of all ports, by a flow that the harness keeps: behind it nothing
# of an earlier frame can come.
MARK_KIND, MARK_COOKIE = 0x88b7, 0xfeedfacecafe
# Where a message has this address it means that of port 1, 2 or 3, which is each side's own.
ADDRESSES = {port: b"port " + bytes([port]) for port in (1, 2, 3)}
FRAME_S = 5
UNASKED_S = 1
MARK_FLOW = of.add([of.oxm("eth_type", MARK_KIND)],
                   of.apply(of.output(of.ALL), of.output(of.IN_PORT)), priority=65535,
                   cookie=MARK_COOKIE)


@dataclass
class Ask:
    """A message; the answers up to a barrier's."""
    name: str
    data: bytes


@dataclass
class Talk:
    """Messages behind each other, and the answers to each up to a barrier's; from whom: 0 the
    connection of all other steps, others come when they are first named."""
    name: str
    data: list
    whose: int = 0


@dataclass
class Leave:
    """The end of another connection."""
    name: str
    whose: int


@dataclass
class Told:
    """What the switch says by itself, n messages and no more."""
    name: str
    n: int


@dataclass
class Frame:
    """A frame into a port; what comes out, n packet-ins, and what it teaches before the next step
    by n learn actions."""
    name: str
    port: int
    data: bytes
    packet_ins: int = 0
    learns: int = 0


@dataclass
class Link:
    """A port that goes down or up."""
    name: str
    port: int
    up: bool


@dataclass
class Script:
    """Named steps, under a name."""
    name: str
    steps: list


def closing():
    return [Ask("flows", of.flow_stats()), Ask("aggregate", of.flow_stats(
        kind=of.MP_AGGREGATE, cookie=0, cookie_mask=1 << 40)),
            Ask("groups", of.multipart(of.MP_GROUP_DESC)),
            Ask("group counters", of.multipart(of.MP_GROUP, struct.pack("!I4x", of.ALL_GROUPS))),
            Ask("meters", of.multipart(of.MP_METER_CONFIG, struct.pack("!I4x", of.ALL_METERS)))]


# what an answer says, without what is free to differ

def _error(data, request):
    kind, code = struct.unpack_from("!HH", data, 8)
    # Of the request at least 64 bytes (OpenFlow 1.3.5, 7.4.4), here all; its xid is the
    # connection's.
    name, told = f"{kind}/{code}", data[12:]
    if kind == 0xffff:
        name, told = f"experimenter {data[12:16].hex()} {code}", data[16:]
    told = of.with_xid(told, 0)
    return [f"error {name}" + ("" if told == request else f" of {told.hex()}")]


def _flow(data):
    """One of the flow statistics; None for the harness's own."""
    table, priority, idle, hard, flags, cookie, packets, octets, length = struct.unpack_from(
        "!Bx8xHHHH4xQQQ2xH", data, 2)
    if cookie == MARK_COOKIE:
        return None
    end = 48 + (length + 7) // 8 * 8
    oxms = " ".join(sorted(e.hex() for e in _oxms(data[52:48 + length])))  # in any order
    return (f"table={table} priority={priority} idle={idle} hard={hard} flags={flags:#x} "
            f"cookie={cookie:#x} packets={packets} bytes={octets} match={oxms} "
            f"instructions={data[end:].hex()}")


def _oxms(data):
    while data:
        n = 4 + data[3]
        yield data[:n]
        data = data[n:]


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
        # Lookups and hits count since the switch began, and scripts began at another time.
        return [f"table {t} has {n}" for t, n in struct.iter_unpack("!B3xI16x", body) if n]
    if kind == of.MP_PORT_DESC:
        # Of the three ports what both know of: names, addresses and speeds are their own.
        ports = [struct.unpack_from("!I28xI", body, at) for at in range(0, len(body), 64)]
        return [f"port {n} config={config:#x}" for n, config in ports if n in ADDRESSES]
    return [f"multipart {kind} {body.hex()}"]


def _flows(answers):
    """The flags of all flows but the harness's own."""
    return [struct.unpack_from("!H", entry, 18)[0] for data in answers
            for entry in _entries(data[16:])]


def readable(answers, request):
    lines = []
    for data in answers:
        if data[1] == of.ERROR:
            lines += _error(data, request)
        elif data[1] == of.MULTIPART_REPLY:
            lines += _multipart(data)
        else:
            lines.append(f"type {data[1]} {data[8:].hex()}")
    return sorted(lines)


def unasked(data):
    """Of a packet-in or a flow-removed: all but durations and buffers."""
    if data[1] == of.PACKET_IN:
        _, total, reason, table, cookie, length = struct.unpack_from("!IHBBQ2xH", data, 8)
        oxms = " ".join(sorted(e.hex() for e in _oxms(data[28:24 + length])))
        end = 24 + (length + 7) // 8 * 8
        return (f"packet-in total={total} reason={reason} table={table} cookie={cookie:#x} "
                f"match={oxms} {data[end:].hex()}")
    if data[1] == of.FLOW_REMOVED:
        return f"flow-removed {data[8:20].hex()} {data[28:].hex()}"
    return f"type {data[1]} {data[8:].hex()}"


def gave_up(data):
    """Whether Open vSwitch says that the rest of a multipart request of long ago never came."""
    return data[1] == of.ERROR and data[8:16] == struct.pack("!HHI", 0xffff, 2640, 0x4f4e4600)


class Side:
    """One switch: its connection and its three ports."""

    def __init__(self, mgmt, ports):
        self.connection, self.ports, self.marked, self.n = of.Connection(mgmt), ports, False, 0
        self.down, self.mgmt, self.others = set(), mgmt, {}
        # miss_send_len: a service connection gets packet-ins once it has said so.
        assert not self.connection.ask(of.message(of.SET_CONFIG, struct.pack("!HH", 0, 0xffff)))
        described = b"".join(d[16:] for d in self.connection.ask(of.multipart(of.MP_PORT_DESC)))
        self.addresses = dict(struct.unpack_from("!I4x6s", described, at)
                              for at in range(0, len(described), 64))

    def addressed(self, data):
        for port, address in ADDRESSES.items():
            data = data.replace(address, self.addresses[port])
        return data

    def reset(self):
        for whose in list(self.others):
            self.leave(whose)
        flows = _flows(self.connection.ask(of.flow_stats()))
        self.connection.unasked.clear()
        for data in (of.flow_mod(of.DELETE, table=of.ALL_TABLES),
                     of.group_mod(2, 0, of.ALL_GROUPS), of.meter_mod(2, 0, of.ALL_METERS)):
            assert not self.connection.ask(data)
        self.marked = False
        self.unasked(sum(bool(flags & of.SEND_FLOW_REM) for flags in flows))

    def ask(self, data):
        self.marked, data = False, self.addressed(data)
        return readable(self.connection.ask(data), data)

    def talk(self, step):
        self.marked = False
        if step.whose and step.whose not in self.others:
            self.others[step.whose] = of.Connection(self.mgmt)
        connection = self.others[step.whose] if step.whose else self.connection
        messages = [self.addressed(data) for data in step.data]
        return [f"{i} {line}" for i, (data, answers) in enumerate(zip(
            messages, connection.talk(messages))) for line in readable(answers, data)]

    def leave(self, whose):
        """Until the switch has seen it: it hangs up when it has read all that it will read."""
        connection = self.others.pop(whose)
        connection.socket.shutdown(socket.SHUT_WR)
        while connection.recv():
            pass
        connection.close()
        return []

    def frame(self, step):
        if not self.marked:
            assert not self.connection.ask(MARK_FLOW)
            self.marked = True
        self.settle()
        learned = self.learning(step.learns)
        self.ports[step.port].send(step.data)
        # Frames of one burst may overtake each other. When the first mark is out, the burst that
        # had the frame is done, and the second mark comes behind all of it.
        lines = self.received(step.port) + self.received(step.port)
        learned()
        return sorted(lines) + self.unasked(step.packet_ins)

    def received(self, port):
        """What came out before a mark that goes in at the port."""
        self.n += 1
        mark = BROADCAST + mac(self.n) + struct.pack("!H", MARK_KIND) + bytes(46)
        self.ports[port].send(mark)
        lines = []
        for number, end in self.ports.items():
            while number not in self.down and (frame := end.recv(FRAME_S)) != mark:
                assert frame is not None, f"{self.name}: no mark out of port {number}"
                if frame[12:14] != mark[12:14]:  # of when the port was down
                    lines.append(f"port {number}: {frame.hex()}")
        return lines

    def unasked(self, n):
        """The n messages that the switch sends by itself, and no more of them."""
        kept, deadline = self.connection.unasked, time.monotonic() + UNASKED_S
        while len(kept) < n and (left := deadline - time.monotonic()) > 0:
            if data := self.connection.recv(left):
                kept.append(data)
        self.connection.ask(of.message(of.ECHO))
        lines = sorted(unasked(d) for d in kept if d[1] != of.PORT_STATUS and not gave_up(d))
        kept.clear()
        return lines

    def step(self, step):
        if isinstance(step, Frame):
            return self.frame(step)
        if isinstance(step, Link):
            self.down ^= {step.port}
            self.link(step.port, step.up)
            self.told_of_link(step.port)
            return []
        if isinstance(step, Leave):
            return self.leave(step.whose)
        if isinstance(step, Told):
            return self.unasked(step.n)
        self.settle()
        return self.talk(step) if isinstance(step, Talk) else self.ask(step.data)

    def told_of_link(self, port):
        """Wait for the port's port-status."""
        deadline = time.monotonic() + FRAME_S
        while not any(d[1] == of.PORT_STATUS and struct.unpack_from("!I", d, 16)[0] == port
                      for d in self.connection.unasked):
            data = self.connection.recv(deadline - time.monotonic())
            assert data, f"{self.name}: no port-status of port {port}"
            self.connection.unasked.append(data)
        self.connection.unasked.clear()

    def settle(self):
        """All frames are counted, and the next ones go by what was asked for."""

    def learning(self, n):
        """A function that waits for what n learn actions make, if that is not there by itself."""
        return lambda: None


class ShuntSide(Side):
    name = "shunt"

    def __init__(self, make_switch):
        self.bridge = Bridge(make_switch, fields="fail_mode: secure")
        self.switch = self.bridge.switch
        super().__init__(self.bridge.target.removeprefix("unix:"), self.bridge.guests)

    def link(self, port, up):
        self.switch.cli("port", "set", f"p{port}", "--enabled", "true" if up else "false")

    def taught(self):
        return self.switch.json("bridge", "show", "br0")["learns"]

    def learning(self, n):
        """Frames that teach are handed to the control thread, which has then to find the time."""
        end = self.taught() + n if n else 0
        return lambda: n and wait_for(lambda: self.taught() >= end, FRAME_S, "learned flows")

    def close(self):
        self.connection.close()
        self.bridge.close()


class OvsSide(Side):
    name = "ovs"

    def __init__(self):
        self.ovs = OpenVSwitch()
        super().__init__(self.ovs.mgmt, self.ovs.ports)

    def settle(self):
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


def undo(data):
    """The message that takes back what only one side may have done."""
    if data[1] == of.FLOW_MOD:
        return data[:25] + bytes([of.DELETE_STRICT]) + data[26:]
    if data[1] == of.GROUP_MOD and data[8:10] == bytes(2):
        return of.group_mod(2, 0, struct.unpack_from("!I", data, 12)[0])
    if data[1] == of.METER_MOD and data[8:10] == bytes(2):
        return of.meter_mod(2, 0, struct.unpack_from("!I", data, 12)[0])
    return None


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
                self.take_back(step)
        return found

    def take_back(self, step):
        """After a difference, so that the next steps find both sides alike."""
        back = undo(step.data) if isinstance(step, Ask) else None
        if back:
            self.shunt.ask(back)
            self.ovs.ask(back)

    def close(self):
        self.shunt.close()
        self.ovs.close()
