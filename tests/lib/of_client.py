# SPDX-License-Identifier: BSD-3-Clause
"""One end of an OpenFlow 1.3 connection, in bytes: what controllers and services in tests say that
no program would, or say badly."""

import socket
import struct

VERSION = 4
HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY, FEATURES_REQUEST, FEATURES_REPLY = 0, 1, 2, 3, 5, 6
SET_CONFIG, PACKET_IN, PORT_STATUS, FLOW_MOD = 9, 10, 12, 14
MULTIPART_REQUEST, MULTIPART_REPLY, BARRIER_REQUEST, BARRIER_REPLY = 18, 19, 20, 21
ROLE_REQUEST, ROLE_REPLY = 24, 25
EQUAL, MASTER, SLAVE = 1, 2, 3
ANY, NO_BUFFER = 0xffffffff, 0xffffffff
TO_CONTROLLER = 0xfffffffd


def message(kind, body=b"", xid=1):
    return struct.pack("!BBHI", VERSION, kind, 8 + len(body), xid) + body


def listen(family=socket.AF_INET, address=("127.0.0.1", 0)):
    """A socket that a bridge can be told to connect to."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(16)
    return listener


def add_flow(match=b"", actions=b"", priority=1):
    """The body of a flow-mod that applies encoded actions to what encoded fields match."""
    length = 4 + len(match)
    padded = struct.pack("!HH", 1, length) + match + bytes(-length % 8)
    apply = struct.pack("!HH4x", 4, 8 + len(actions)) + actions
    return struct.pack("!QQBBHHHIIIH2x", 0, 0, 0, 0, 0, 0, priority, NO_BUFFER, ANY, ANY,
                       0) + padded + apply


def in_port(number):
    return struct.pack("!HBBI", 0x8000, 0, 4, number)


def output(port, max_len=0xffff):
    return struct.pack("!HHIH6x", 0, 16, port, max_len)


def all_flows():
    """The body of a multipart request for the flows of all tables."""
    request = struct.pack("!B3xII4xQQ", 0xff, ANY, ANY, 0, 0)
    return struct.pack("!HH4x", 1, 0) + request + struct.pack("!HH4x", 1, 4)


class Client:
    """Waits for everything that it expects."""

    def __init__(self, sock, seconds=20):
        self.sock, self.xid, self.rest = sock, 100, b""
        sock.settimeout(seconds)

    @classmethod
    def to(cls, path):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(path)
        return cls(sock).greet()

    @classmethod
    def accept(cls, listener, seconds=20):
        listener.settimeout(seconds)
        return cls(listener.accept()[0]).greet()

    def greet(self):
        self.send(HELLO)
        self.expect(HELLO)
        return self

    def send(self, kind, body=b""):
        self.xid += 1
        self.sock.sendall(message(kind, body, self.xid))
        return self.xid

    def recv(self):
        """(kind, xid, body) of the next message; echo requests are answered on the way."""
        while True:
            _, kind, length, xid = struct.unpack("!BBHI", self._exactly(8))
            body = self._exactly(length - 8)
            if kind != ECHO_REQUEST:
                return kind, xid, body
            self.sock.sendall(message(ECHO_REPLY, body, xid))

    def _exactly(self, n):
        while len(self.rest) < n:
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionResetError("the switch has closed")
            self.rest += more
        got, self.rest = self.rest[:n], self.rest[n:]
        return got

    def expect(self, kind):
        """The body of the next message of a kind; others are passed over."""
        while True:
            got, _, body = self.recv()
            if got == kind:
                return body

    def ask(self, kind, body=b""):
        """(kind, body) of the answer, after others; kinds that came before it are in self.passed."""
        xid, self.passed = self.send(kind, body), []
        while True:
            kind, got, body = self.recv()
            if got == xid:
                return kind, body
            self.passed.append(kind)

    def barrier(self):
        assert self.ask(BARRIER_REQUEST) == (BARRIER_REPLY, b"")
        return self.passed

    def role(self, role, generation_id=0):
        """The role that the switch says then, or (type, code) of its error."""
        kind, body = self.ask(ROLE_REQUEST, struct.pack("!I4xQ", role, generation_id))
        if kind == ERROR:
            return struct.unpack("!HH", body[:4])
        return struct.unpack("!I", body[:4])[0]

    def add_flow(self, *arguments, **options):
        """None, or (type, code) of the switch's error."""
        xid = self.send(FLOW_MOD, add_flow(*arguments, **options))
        barrier, error = self.send(BARRIER_REQUEST), None
        while True:
            kind, got, body = self.recv()
            if got == xid and kind == ERROR:
                error = struct.unpack("!HH", body[:4])
            if got == barrier:
                return error

    def close(self):
        self.sock.close()
