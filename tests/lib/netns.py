# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces as hosts of a test, and the wires between them and the switch."""

import ctypes
import fcntl
import itertools
import os
import socket
import struct
import subprocess
import sys
import time

from vlan_splitter import AUXDATA, PACKET_AUXDATA, SOL_PACKET, TP_STATUS_VLAN_VALID, packet_socket

TP_STATUS_VLAN_TPID_VALID = 1 << 6
CLONE_NEWNET = 0x40000000

_serial = itertools.count()
_libc = ctypes.CDLL(None, use_errno=True)


def _enter(fd):
    if _libc.setns(fd, CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "setns")


def ip(*argv):
    subprocess.run(["ip", *argv], check=True, capture_output=True, text=True)


def unique(stem):
    """An interface or namespace name that no other test has, at most 15 characters."""
    return f"{stem}{os.getpid() % 100000}{next(_serial):x}"[:15]


def _ethtool(interface, *words):
    """A request of ethtool's, as 32-bit words; returns what the kernel made of them."""
    siocethtool = 0x8946
    value = (ctypes.c_uint32 * len(words))(*words)
    with socket.socket() as s:
        fcntl.ioctl(s, siocethtool, struct.pack("16sQ16x", interface.encode(), ctypes.addressof(value)))
    return list(value)


def _tx_checksums_off(interface):
    stxcsum = 0x17
    _ethtool(interface, stxcsum, 0)


def _set_queues(interface, n):
    gchannels, schannels, rx, tx = 0x3c, 0x3d, 5, 6
    words = _ethtool(interface, gchannels, *[0] * 8)
    words[0], words[rx], words[tx] = schannels, n, n
    _ethtool(interface, *words)


def _takes_tags_off(interface):
    gflags, rxvlan = 0x25, 1 << 8
    return bool(_ethtool(interface, gflags, 0)[1] & rxvlan)


class Netns:
    """A namespace; run() runs a command in it."""

    def __init__(self, stem="sh"):
        self.name = unique(stem)
        ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *argv):
        ip("-n", self.name, *argv)

    def command(self, *argv):
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, *argv, **options):
        return subprocess.run(self.command(*argv), capture_output=True, text=True, **options)

    def popen(self, *argv, **options):
        return subprocess.Popen(self.command(*argv), **options)

    def ping(self, address, count=3, seconds=1, size=56):
        """True if every echo request was answered."""
        done = self.run("ping", "-n", "-q", "-c", str(count), "-i", "0.2", "-W", str(seconds), "-s",
                        str(size), address)
        return done.returncode == 0 and f"{count} received" in done.stdout

    def make(self, opener):
        """What opener() returns, called in the namespace: a socket stays where it was made."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there)
            return opener()
        finally:
            _enter(home)
            os.close(home)
            os.close(there)

    def leave_nothing(self, interface):
        """As `ethtool -K INTERFACE tx off`: what is sent by it is finished before."""
        self.make(lambda: _tx_checksums_off(interface))

    def set_queues(self, interface, n):
        """As `ethtool -L INTERFACE rx n tx n`."""
        self.make(lambda: _set_queues(interface, n))

    def takes_tags_off(self, interface):
        """Whether `ethtool -k INTERFACE` says rx-vlan-offload: on."""
        return self.make(lambda: _takes_tags_off(interface))

    def add_address(self, interface, address):
        self.ip("addr", "add", address, "dev", interface)

    def delete(self):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


def wire(a, a_name, b, b_name, mtu=1500):
    """A veth pair. a and b are namespaces, or None for the test's own."""
    first, second = unique("wa"), unique("wb")
    ip("link", "add", first, "mtu", str(mtu), "type", "veth", "peer", "name", second, "mtu",
       str(mtu))
    for ns, temporary, name in ((a, first, a_name), (b, second, b_name)):
        if ns:
            ip("link", "set", temporary, "netns", ns.name)
            ns.ip("link", "set", temporary, "name", name)
            ns.ip("link", "set", name, "up")
        else:
            ip("link", "set", temporary, "name", name)
            ip("link", "set", name, "up")


class Tap:
    """Whole frames to and from an interface of a namespace, with the tags that the wire carries."""

    def __init__(self, ns, interface):
        self.socket = ns.make(lambda: packet_socket(interface))

    def send(self, frame):
        self.socket.send(frame)

    def recv(self, seconds=2.0):
        """The next frame, or None when none came in time."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            frame, ancillary, _, _ = self.socket.recvmsg(65536, 256)
        except TimeoutError:
            return None
        for level, kind, data in ancillary:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, _, _, _, _, tci, tpid = AUXDATA.unpack(data[:AUXDATA.size])
                if status & TP_STATUS_VLAN_VALID:
                    tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                    return frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
        return frame

    def recv_only(self, wanted, seconds=2.0):
        """True when this very frame came within the time; others are let go."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            frame = self.recv(left)
            if frame == wanted:
                return True
        return False

    def close(self):
        self.socket.close()


class PhysicalNetwork:
    """A VLAN-aware network behind one tagged wire, with a host on each VLAN.

    The wire's switch end is `interface`, in the test's own namespace unless another is given; the
    far end is `trunk`."""

    def __init__(self, addresses, ns=None):
        """addresses: {vlan: "10.0.0.101/24"}, VLAN 0 untagged"""
        self.interface, self.trunk, self.ns = unique("up"), "trunk0", ns
        self.net, self.hosts, self.splitter = None, {}, None
        try:
            self._build(addresses)
        except BaseException:
            self.delete()
            raise

    def _build(self, addresses):
        self.net = Netns("net")
        wire(self.ns, self.interface, self.net, self.trunk)
        for vlan, address in addresses.items():
            self.hosts[vlan] = self._host(vlan, address)
        splitter = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vlan_splitter.py")
        self.splitter = self.net.popen(
            sys.executable, splitter, self.trunk, *(f"{v}:access{v}" for v in self.hosts),
            stdout=subprocess.PIPE, text=True)
        if self.splitter.stdout.readline() != "ready\n":
            raise RuntimeError("the physical network did not start")

    def _host(self, vlan, address):
        host = Netns(f"h{vlan}")
        wire(self.net, f"access{vlan}", host, "eth0")
        host.add_address("eth0", address)
        return host

    def delete(self):
        if self.splitter:
            self.splitter.kill()
            self.splitter.wait()
            self.splitter.stdout.close()
        for ns in (*self.hosts.values(), self.net):
            if ns:
                ns.delete()
        if not self.ns:
            subprocess.run(["ip", "link", "del", self.interface], capture_output=True)
