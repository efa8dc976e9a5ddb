# SPDX-License-Identifier: BSD-3-Clause
"""No wrong checksum on any wire: real kernels and a guest send by every kind of port to every other,
with everything left to be done and with nothing, and tshark looks at what there was on each wire."""

import hashlib
import socket
import struct
import threading

import pytest

import checksums
from capture import Capture
from checksums import Wire, write_pcap
from daemon import wait_for
from netns import Netns, PhysicalNetwork
from ports import assert_sums_hold, config, link_is, plug
from vhost_guest import (BROADCAST, F_CSUM, F_HOST_ECN, F_HOST_TSO4, F_HOST_TSO6, F_HOST_USO, frame,
                         mac)

LEAVES = F_CSUM | F_HOST_TSO4 | F_HOST_TSO6 | F_HOST_ECN | F_HOST_USO
A = mac(0xa)
TAGGED, UNTAGGED = VLANS = 100, 200
UPLINK = f"type: uplink, vlan: {UNTAGGED}, trunk: \"{TAGGED}\", vlan_mode: native-untagged"
PORTS = {
    "pk": f"{UPLINK}, device: \"packet:{{pk}}\"",
    "xd": f"{UPLINK}, device: \"xdp:{{xd}}\", host: none",
    "in100": f"type: internal, vlan: {TAGGED}", "in200": f"type: internal, vlan: {UNTAGGED}",
    "g": f"vlan: {UNTAGGED}", "gt": "trunk: all",
}
PLACES = {"in": 1, "pk": 2, "xd": 3}  # the last byte of the address there
BYTES = 1 << 20
TCP, UDP = 6, 17


def address(place, vlan, version):
    i = PLACES[place]
    return f"10.{vlan}.0.{i}" if version == 4 else f"fd00:{vlan}::{i}"


class Site:
    """Three hosts, each with an address in both VLANs: the switch's own by internal ports, and one
    behind packet: and one behind xdp:, by wires that carry one VLAN tagged."""

    def __init__(self, make_switch):
        self.ns, self.networks = Netns("sw"), {}
        try:
            self._build(make_switch)
        except BaseException:
            self.delete()
            raise

    def _build(self, make_switch):
        self._no_dad(self.ns)
        for place in ("pk", "xd"):
            self.networks[place] = PhysicalNetwork(
                {TAGGED: f"{address(place, TAGGED, 4)}/24", 0: f"{address(place, UNTAGGED, 4)}/24"},
                self.ns)
            for vlan in VLANS:
                host = self.host(place, vlan)
                self._no_dad(host)
                host.ip("addr", "add", f"{address(place, vlan, 6)}/64", "dev", "eth0", "nodad")
        # A veth hands over what the stack left undone, and an AF_XDP socket cannot know.
        self.networks["xd"].net.leave_nothing("trunk0")
        names = {place: network.interface for place, network in self.networks.items()}
        ports = {name: fields.format(**names) for name, fields in PORTS.items()}
        self.switch = make_switch(config(ports), prefix=self.ns.command())
        for name in ("pk", "xd", "in100", "in200"):
            link_is(self.switch, name)
        for vlan in VLANS:
            for version, bits in ((4, 24), (6, 64)):
                self.ns.ip("addr", "add", f"{address('in', vlan, version)}/{bits}", "dev",
                           f"in{vlan}", *(["nodad"] if version == 6 else []))

    @staticmethod
    def _no_dad(ns):
        ns.run("sysctl", "-q", "-w", "net.ipv6.conf.all.accept_dad=0",
               "net.ipv6.conf.default.accept_dad=0", check=True)

    def host(self, place, vlan):
        """The namespace that has this place's address in the VLAN."""
        if place == "in":
            return self.ns
        return self.networks[place].hosts[0 if vlan == UNTAGGED else vlan]

    def hosts(self):
        return [self.ns, *(h for n in self.networks.values() for h in n.hosts.values())]

    def delete(self):
        for network in self.networks.values():
            network.delete()
        self.ns.delete()

    def wires(self):
        return {**{place: Wire(network.net, "trunk0") for place, network in self.networks.items()},
                **{name: Wire(self.ns, name) for name in ("in100", "in200")}}


@pytest.fixture(scope="module")
def site(make_lasting_switch):
    made = Site(make_lasting_switch)
    yield made
    made.delete()


@pytest.fixture(params=["all", "csum", "none"])
def offload(request, site):
    """Every port lets this be left, from now on."""
    for name in PORTS:
        site.switch.cli("port", "set", name, "--offload", request.param)
    return request.param


@pytest.fixture
def wires(site):
    made = site.wires()
    yield made
    for wire in made.values():
        wire.stop()


def check(wires, tmp_path, protocols):
    """No checksum is wrong, and on every wire there were some of these protocols to be so."""
    for name, wire in wires.items():
        path = str(tmp_path / f"{name}.pcap")
        write_pcap(path, wire.stop())
        assert checksums.bad(path) == [], name
        assert wire.lost == 0
        for protocol in protocols:
            assert checksums.good(path, protocol), (name, protocol)


def family(version):
    return socket.AF_INET if version == 4 else socket.AF_INET6


def transfer(site, sender, receiver, vlan, version):
    """A megabyte by TCP."""
    data = hashlib.shake_128(b"data").digest(BYTES)
    target = (address(receiver, vlan, version), 5000)
    listener = site.host(receiver, vlan).make(
        lambda: socket.create_server(target, family=family(version)))
    client = site.host(sender, vlan).make(lambda: socket.socket(family(version)))
    with listener, client:
        client.settimeout(10)
        listener.settimeout(10)
        client.connect(target)
        connection, _ = listener.accept()
        pump = threading.Thread(target=lambda: (client.sendall(data), client.close()))
        with connection:
            connection.settimeout(10)
            pump.start()
            came = b"".join(iter(lambda: connection.recv(1 << 18), b""))
        pump.join()
    assert came == data


def send_datagram(site, sender, receiver, vlan, version, n, segment=0):
    """A UDP datagram, or with segment a run of such, by one call."""
    target = (address(receiver, vlan, version), 5001)
    take = site.host(receiver, vlan).make(lambda: socket.socket(family(version), socket.SOCK_DGRAM))
    give = site.host(sender, vlan).make(lambda: socket.socket(family(version), socket.SOCK_DGRAM))
    data = bytes(i * 7 % 251 for i in range(n))
    with take, give:
        take.bind(target)
        take.settimeout(5)
        if segment:
            give.setsockopt(socket.IPPROTO_UDP, 103, segment)  # UDP_SEGMENT
        give.sendto(data, target)
        came = b""
        while len(came) < n:
            came += take.recv(65536)
    assert came == data


def test_what_hosts_send_is_right_on_every_wire(site, offload, wires, tmp_path):
    """TCP, UDP whole, in fragments and in a run, over IPv4 and IPv6, tagged and not, from the
    switch's host to each uplink, back, and from uplink to uplink."""
    for vlan in VLANS:
        for version in (4, 6):
            for sender, receiver in (("in", "pk"), ("pk", "xd"), ("xd", "in")):
                transfer(site, sender, receiver, vlan, version)
                send_datagram(site, receiver, sender, vlan, version, 700)
                send_datagram(site, sender, receiver, vlan, version, 5000)
                send_datagram(site, receiver, sender, vlan, version, 5000, 1100)
    check(wires, tmp_path, ("tcp", "udp", "ip"))
    assert wires["xd"].left == 0
    if offload != "all":
        assert not any(w.cut for n, w in wires.items() if n != "pk")
    assert (wires["in100"].cut > 0) == (offload == "all")
    # What comes off the wire in segments is put together for those who take it so.
    here = socket.inet_aton(address("in", TAGGED, 4))
    assert any(f[23] == TCP and f[30:34] == here and len(f) > 2000
               for f in wires["in100"].frames if f[12:14] == b"\x08\x00") == (offload == "all")
    assert_sums_hold(site.switch)


class Unfinished:
    """A packet of a guest that leaves its checksum, and with mss its segmentation, to be done."""

    def __init__(self, protocol, version, n, mss=0, tag=None):
        size = 20 if protocol == TCP else 8
        ends = [socket.inet_pton(family(version), f"10.9.0.{i}" if version == 4 else f"fd09::{i}")
                for i in (1, 2)]
        length = size + n
        pseudo = checksums.fold(b"".join(ends) + struct.pack("!HH", protocol, length))
        l4 = (struct.pack("!HHIIBBHHH", 1000, 2000, 1, 1, 5 << 4, 0x10, 500, pseudo, 0)
              if protocol == TCP else struct.pack("!HHHH", 1000, 2000, length, pseudo))
        if version == 4:
            l3 = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 7, 0, 64, protocol, 0, *ends)
            l3 = l3[:10] + struct.pack("!H", ~checksums.fold(l3) & 0xffff) + l3[12:]
        else:
            l3 = struct.pack("!IHBB16s16s", 6 << 28, length, protocol, 64, *ends)
        kind = 0 if not mss else 5 if protocol == UDP else 1 if version == 4 else 4
        start = (14 if tag is None else 18) + len(l3)
        self.header = struct.pack("<BBHHHHH", 1, kind, start + size if mss else 0, mss, start,
                                  16 if protocol == TCP else 6, 0)
        self.frame = frame(BROADCAST, A, tag, 0x800 if version == 4 else 0x86dd,
                           l3 + l4 + bytes(i * 3 % 251 for i in range(n)), 0)


def test_what_a_guest_leaves_is_right_on_every_wire(site, offload, wires, tmp_path):
    """Flooded, so that each kind of port has every frame; the guests take nothing unfinished."""
    to_guests = [Capture(site.switch, name, tmp_path / name, "--dir", "out") for name in ("g", "gt")]
    with plug(site.switch, "g", offloads=LEAVES, tx_bytes=66000, ring_size=32) as g, \
            plug(site.switch, "gt", offloads=LEAVES, tx_bytes=66000, ring_size=32) as trunk:
        for protocol in (TCP, UDP):
            for version in (4, 6):
                for n, mss in ((0, 0), (1, 0), (777, 0), (1401, 1400), (20001, 1399), (60000, 1400)):
                    for guest, tag in ((g, None), (trunk, TAGGED), (trunk, UNTAGGED)):
                        p = Unfinished(protocol, version, n, mss, tag)
                        guest.send_many([p.frame], header=p.header)
        for guest, tag in ((g, None), (trunk, TAGGED), (trunk, UNTAGGED)):
            guest.send(frame(BROADCAST, A, tag, 0x88b5, b"the end"))
        for name, n_ends in (("in100", 1), ("in200", 2), ("pk", 3), ("xd", 3)):
            wait_for(lambda: sum(b"the end" in f for f in wires[name].frames) == n_ends, 10,
                     f"the last frames on {name}")
        assert "bad_offload" not in site.switch.stats("g")["drops"]
    check(wires, tmp_path, ("tcp", "udp", "ip"))
    for capture in to_guests:  # g has what gt sends to its VLAN, gt all that g sends
        capture.stop()
        assert checksums.bad(capture.path) == []
        for protocol in ("tcp", "udp"):
            assert checksums.good(capture.path, protocol) == 2 * (3 + 2 + 15 + 43), capture.port
    for name in ("in100", "in200"):
        assert (wires[name].cut > 0) == (offload == "all")
        assert offload != "none" or wires[name].left == 0
    assert wires["xd"].left == 0
    # Of each protocol and version: three that are not cut, and one each into 2, 15 and 43.
    if offload == "none":
        for name, vlans in (("in100", 1), ("pk", 3), ("xd", 3)):
            segments = [f for f in wires[name].frames if f[6:12] == A and b"the end" not in f]
            assert len(segments) == vlans * 4 * (3 + 2 + 15 + 43), name
    assert_sums_hold(site.switch)


def test_hosts_have_seen_no_wrong_checksum(site):
    """What the kernels of all the hosts counted while the tests above ran."""
    for ns in site.hosts():
        for line in ns.run("cat", "/proc/net/snmp6").stdout.splitlines():
            name, value = line.split()
            assert not name.endswith("InCsumErrors") or int(value) == 0, line
        rows = ns.run("cat", "/proc/net/snmp").stdout.splitlines()
        for names, values in zip(rows[::2], rows[1::2]):
            for name, value in zip(names.split(), values.split()):
                assert name != "InCsumErrors" or value == "0", names
