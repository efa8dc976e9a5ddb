# SPDX-License-Identifier: BSD-3-Clause
"""A controller that sends flow-mods as fast as a switch takes them (OpenFlow 1.3.5, 7.3.4.1). The
messages are built before the clock starts, and a barrier reply stops it: every flow is then in."""

import select
import socket
import struct
import time

from process import Failed

HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY, FLOW_MOD, BARRIER_REQUEST, BARRIER_REPLY = (
    0, 1, 2, 3, 14, 20, 21)
ADD, DELETE, DELETE_STRICT = 0, 3, 4
ANY = 0xffffffff
IN_PORT, ETH_TYPE, IPV4_DST = 0, 5, 12
IPV4, FIRST_ADDRESS = 0x0800, 0x0afd0000  # 10.253.0.0: where testpmd's flowgen begins to count
CHUNK, WAIT_S = 1 << 20, 120


def _message(kind, body=b""):
    return struct.pack(">BBHI", 4, kind, 8 + len(body), 1) + body


def _field(number, value):
    return struct.pack(">HBB", 0x8000, number << 1, len(value)) + value


def _match(fields):
    length = 4 + len(fields)
    return struct.pack(">HH", 1, length) + fields + bytes(-length % 8)


def _output(port):
    """Apply-actions with one output."""
    return struct.pack(">HH4xHHIH6x", 4, 24, 0, 16, port, 0)


def flow_mod(command, fields=b"", out_port=None, table=0):
    head = struct.pack(">QQBBHHHIIIHxx", 0, 0, table, command, 0, 0, 100, ANY, ANY, ANY, 0)
    instructions = b"" if out_port is None else _output(out_port)
    return _message(FLOW_MOD, head + _match(fields) + instructions)


def delete_all():
    return flow_mod(DELETE, table=255)


def port_flows():
    """Everything from port 1 to port 2, and back."""
    return b"".join(flow_mod(ADD, _field(IN_PORT, struct.pack(">I", a)), b)
                    for a, b in ((1, 2), (2, 1)))


def _address_flow(command, port, i, out_port):
    fields = (_field(IN_PORT, struct.pack(">I", port)) + _field(ETH_TYPE, struct.pack(">H", IPV4)) +
              _field(IPV4_DST, struct.pack(">I", FIRST_ADDRESS + i)))
    return flow_mod(command, fields, out_port)


def address_flows(n, command=ADD):
    """n addresses with a /32 flow each from port 1 to port 2, and one back."""
    return b"".join(_address_flow(command, a, i, b if command == ADD else None)
                    for a, b in ((1, 2), (2, 1)) for i in range(n))


class Controller:
    """One connection to a switch's management socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.got = b""
        self.socket.sendall(_message(HELLO))
        self.socket.setblocking(False)

    def _replies(self):
        """Kind and body of each whole message that has come."""
        chunk = self.socket.recv(65536)
        if not chunk:
            raise Failed("the switch closed the OpenFlow connection")
        self.got += chunk
        while len(self.got) >= 8:
            _, kind, length, _ = struct.unpack_from(">BBHI", self.got)
            if len(self.got) < length:
                return
            yield kind, self.got[8:length]
            self.got = self.got[length:]

    def _is_done(self, waiting):
        """Take in what came; whether the barrier's reply was in it."""
        done = False
        for kind, body in self._replies():
            if kind == ERROR:
                raise Failed("the switch refused a flow-mod: type %d, code %d" %
                             struct.unpack_from(">HH", body))
            if kind == ECHO_REQUEST:
                waiting.append(memoryview(_message(ECHO_REPLY, body)))
            done = done or kind == BARRIER_REPLY
        return done

    def send(self, messages):
        """Send messages and a barrier; returns seconds until its reply."""
        waiting = [memoryview(messages + _message(BARRIER_REQUEST))]
        begin = time.monotonic()
        while True:
            events = select.POLLIN | (select.POLLOUT if waiting else 0)
            poll = select.poll()
            poll.register(self.socket, events)
            ready = poll.poll(WAIT_S * 1000)
            if not ready:
                raise Failed(f"the switch did not answer a barrier in {WAIT_S} s")
            if ready[0][1] & ~select.POLLOUT and self._is_done(waiting):
                return time.monotonic() - begin
            if ready[0][1] & select.POLLOUT:
                n = self.socket.send(waiting[0][:CHUNK])
                waiting[0] = waiting[0][n:]
                if not waiting[0]:
                    waiting.pop(0)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
