# SPDX-License-Identifier: BSD-3-Clause
"""Ports that lead out of the switch: uplinks by AF_PACKET, internal interfaces, pcap files. shuntd
runs in a namespace of its own, with a wire from there to a host in another."""

import hashlib
import os
import signal
import socket
import struct
import threading

import pytest

from daemon import SMALL, Switch, wait_for
from netns import SOL_PACKET, wire
from ports import assert_sums_hold, config, learned, link_is, plug
from vhost_guest import BROADCAST, frame, mac
from vlan_splitter import PACKET_VNET_HDR

A, HOST = mac(0xa), mac(0xb0)
UPLINK = "type: uplink, device: \"packet:eth1\", mtu: 9000, trunk: all"
MEGABYTES = 4


class Site:
    """A namespace with a switch, one with a host, and the wire between them (eth1 to eth0)."""

    def __init__(self, make_netns, mtu=1500):
        self.ns, self.host = make_netns("sw"), make_netns("ho")
        self.mtu, self.switch = mtu, None
        for ns in (self.ns, self.host):  # no frame but the test's own
            ns.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1",
                   "net.ipv6.conf.default.disable_ipv6=1")
        self.lay_wire()

    def lay_wire(self):
        wire(self.ns, "eth1", self.host, "eth0", self.mtu)

    def start(self, make_switch, ports):
        self.switch = make_switch(config(ports), prefix=self.ns.command())
        return self.switch


@pytest.fixture
def make_site(make_netns, make_switch):
    """make_site({port: fields}, mtu): the switch has these ports."""
    def make(ports, mtu=1500):
        site = Site(make_netns, mtu)
        site.start(make_switch, ports)
        return site
    return make


def test_frames_are_tagged_on_the_wire_and_untagged_at_the_access_port(make_site, tap):
    site = make_site({"up0": UPLINK, "a": "vlan: 100", "b": "vlan: 200"})
    host = tap(site.host, "eth0")
    with plug(site.switch, "a") as a, plug(site.switch, "b") as b:
        for tci in (100, 5 << 13 | 100):
            host.send(frame(BROADCAST, HOST, tci, payload=b"in", length=64))
            assert a.recv() == frame(BROADCAST, HOST, payload=b"in")
        host.send(frame(BROADCAST, HOST, 200, payload=b"in"))
        assert b.recv() and a.recv(0.05) is None
        host.send(frame(BROADCAST, HOST, payload=b"untagged"))
        host.send(frame(BROADCAST, HOST, 300, payload=b"nobody's"))
        a.send(frame(BROADCAST, A, payload=b"out"))
        assert host.recv() == frame(BROADCAST, A, 100, payload=b"out", length=64)
        b.send(frame(BROADCAST, A, payload=b"out"))
        assert host.recv() == frame(BROADCAST, A, 200, payload=b"out", length=64)
        assert a.recv(0.05) is None and b.recv(0.05) is None
    assert site.switch.stats("up0")["drops"] == {"no_destination": 2}
    assert_sums_hold(site.switch)


def test_native_vlan_of_an_uplink_is_untagged_on_the_wire(make_site, tap):
    native = UPLINK.replace("trunk: all", "vlan: 100, trunk: \"200\", vlan_mode: native-untagged")
    site = make_site({"up0": native, "a": "vlan: 100", "b": "vlan: 200"})
    host = tap(site.host, "eth0")
    with plug(site.switch, "a") as a, plug(site.switch, "b") as b:
        a.send(frame(BROADCAST, A))
        assert host.recv() == frame(BROADCAST, A)
        b.send(frame(BROADCAST, A))
        assert host.recv() == frame(BROADCAST, A, 200, length=64)
        host.send(frame(BROADCAST, HOST))
        assert a.recv() == frame(BROADCAST, HOST)


def test_provider_tags_pass_as_opaque(make_site, tap):
    site = make_site({"up0": UPLINK, "all": "trunk: all", "a": "vlan: 100"})
    host = tap(site.host, "eth0")
    provider = frame(BROADCAST, HOST, 30, tpid=0x88a8, kind=0x8100, payload=b"\x00\x63\x08\x00",
                     length=68)
    with plug(site.switch, "all") as trunk, plug(site.switch, "a") as a:
        host.send(provider)
        assert trunk.recv() == provider and a.recv(0.05) is None
        trunk.send(provider)
        assert host.recv() == provider
        a.send(provider)
        tagged = provider[:12] + b"\x81\x00\x00\x64" + provider[12:]
        assert host.recv() == tagged and trunk.recv() == tagged
        host.send(tagged)
        assert a.recv() == provider


@pytest.mark.parametrize("tag", [None, 100])
def test_frames_of_9000_bytes_pass_both_ways(make_site, tap, tag):
    native = UPLINK if tag else UPLINK.replace("trunk: all", "vlan: 100")
    site = make_site({"up0": native, "a": "vlan: 100, mtu: 9000"}, mtu=9000)
    host = tap(site.host, "eth0")
    with plug(site.switch, "a") as a:
        for n in (1514, 1515, 4096, 9014):
            tagged = frame(BROADCAST, HOST, tag, payload=b"jumbo", length=n + (4 if tag else 0))
            host.send(tagged)
            assert a.recv() == frame(BROADCAST, HOST, payload=b"jumbo", length=n), n
            a.send(frame(BROADCAST, A, payload=b"jumbo", length=n))
            assert host.recv() == frame(BROADCAST, A, tag, payload=b"jumbo",
                                        length=n + (4 if tag else 0)), n
    assert_sums_hold(site.switch)


def test_a_frame_too_long_for_the_wire_is_counted_and_the_next_one_passes(make_site, tap):
    site = make_site({"up0": UPLINK, "a": "mtu: 9000"})
    host = tap(site.host, "eth0")
    with plug(site.switch, "a") as a:
        a.send_many([frame(BROADCAST, A, length=n) for n in (3000, 60, 9014, 61)])
        assert [len(host.recv()) for _ in range(2)] == [60, 61]
        assert site.switch.stats("up0")["drops"] == {"tx_error": 2}
    assert_sums_hold(site.switch)


def test_link_follows_the_wires_other_end(make_site, tap):
    site = make_site({"up0": UPLINK, "a": ""})
    link_is(site.switch, "up0")
    site.host.ip("link", "set", "eth0", "down")
    link_is(site.switch, "up0", "down")
    with plug(site.switch, "a") as a:
        a.send(frame(BROADCAST, A))
        wait_for(lambda: site.switch.stats("a")["rx_dropped"] == 1 or
                 site.switch.stats("up0")["drops"].get("link_down") == 1, 5, "the drop is counted")
        site.host.ip("link", "set", "eth0", "up")
        link_is(site.switch, "up0")
        host = tap(site.host, "eth0")
        a.send(frame(BROADCAST, A))
        assert host.recv() == frame(BROADCAST, A)
    assert_sums_hold(site.switch)


def test_an_interface_that_goes_away_and_comes_back_is_used_again(make_site, tap):
    site = make_site({"up0": UPLINK, "a": ""})
    with plug(site.switch, "a") as a:
        for _ in range(2):
            link_is(site.switch, "up0")
            host = tap(site.host, "eth0")
            a.send(frame(BROADCAST, A))
            assert host.recv_only(frame(BROADCAST, A))
            host.send(frame(BROADCAST, HOST))
            assert a.recv_only(frame(BROADCAST, HOST))
            site.ns.ip("link", "del", "eth1")
            link_is(site.switch, "up0", "down")
            assert "no network interface 'eth1'" in site.switch.port("up0")["error"]
            site.lay_wire()
        link_is(site.switch, "up0")
        assert "error" not in site.switch.port("up0")
    assert_sums_hold(site.switch)


def test_an_interface_that_comes_home_from_another_namespace_is_used_again(make_site, tap):
    """It may come with the number that it had."""
    site = make_site({"up0": UPLINK, "a": ""})
    with plug(site.switch, "a") as a:
        site.ns.ip("link", "set", "eth1", "netns", site.host.name)
        link_is(site.switch, "up0", "down")
        site.host.ip("link", "set", "eth1", "netns", site.ns.name)
        site.ns.ip("link", "set", "eth1", "up")
        link_is(site.switch, "up0")
        host = tap(site.host, "eth0")
        a.send(frame(BROADCAST, A))
        assert host.recv_only(frame(BROADCAST, A))
        host.send(frame(BROADCAST, HOST))
        assert a.recv_only(frame(BROADCAST, HOST))


def tcp_to_be_cut(n, size):
    """A frame with n bytes to be cut into pieces of this size, with its virtio header in front."""
    needs_checksum, tcpv4 = 1, 1
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + n, 0, 0, 64, 6, 0, bytes(4), bytes(4))
    tcp = struct.pack("!HHIIBBHHH", 1, 2, 0, 0, 5 << 4, 0x10, 0, 0, 0)
    header = struct.pack("<BBHHHH", needs_checksum, tcpv4, 54, size, 34, 16)
    return header + BROADCAST + HOST + b"\x08\x00" + ip + tcp + bytes(n)


def test_a_frame_that_waits_for_segmentation_is_received_whole(make_site, tap):
    """tests/integration/test_checksums.py looks into what comes of it."""
    site = make_site({"up0": UPLINK, "a": "mtu: 1500"})
    host = tap(site.host, "eth0")
    with plug(site.switch, "a") as a:
        host.socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        for n in (3000, 60000):
            host.send(tcp_to_be_cut(n, 1000))
            assert [len(a.recv()) for _ in range(n // 1000)] == [1054] * (n // 1000)
    assert site.switch.stats("up0")["drops"] == {}
    assert_sums_hold(site.switch)


def test_long_frames_that_nobody_reads_in_time_are_counted_and_the_next_one_passes(make_site, tap):
    site = make_site({"up0": UPLINK, "a": ""})
    host = tap(site.host, "eth0")
    with plug(site.switch, "a"):
        host.socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        os.kill(site.switch.pid, signal.SIGSTOP)
        try:
            for _ in range(600):  # more than 8 MiB of buffer hold, twice over
                host.send(tcp_to_be_cut(60000, 1000))
        finally:
            os.kill(site.switch.pid, signal.SIGCONT)
        host.send(bytes(10) + frame(BROADCAST, HOST))
        wait_for(lambda: site.switch.stats("up0")["drops"].get("rx_unsegmented"), 5, "the drops")
        wait_for(lambda: site.switch.stats("up0")["rx_packets"] == 601, 10, "the last frame")
    assert_sums_hold(site.switch)


def test_an_uplink_that_is_not_there_at_the_start_is_made_when_it_comes(make_netns, make_switch, tap):
    site = Site(make_netns)
    site.ns.ip("link", "del", "eth1")
    site.start(make_switch, {"up0": UPLINK, "a": ""})
    assert "no network interface" in site.switch.port("up0")["error"]
    site.lay_wire()
    wait_for(lambda: "error" not in site.switch.port("up0"), 5, "the uplink")
    link_is(site.switch, "up0")
    host = tap(site.host, "eth0")
    with plug(site.switch, "a") as a:
        a.send(frame(BROADCAST, A))
        assert host.recv_only(frame(BROADCAST, A))


def test_an_internal_port_is_an_interface_of_the_host_that_pings(make_site):
    site = make_site({"up0": UPLINK, "in0": "type: internal, vlan: 0, mtu: 1400, "
                                            "mac: \"02:00:00:00:00:77\""})
    site.ns.add_address("in0", "10.1.0.1/24")
    site.host.add_address("eth0", "10.1.0.2/24")
    link = site.ns.run("ip", "link", "show", "in0").stdout
    assert "mtu 1400" in link and "02:00:00:00:00:77" in link and "UP" in link
    assert site.ns.ping("10.1.0.2") and site.host.ping("10.1.0.1")
    assert site.host.ping("10.1.0.1", size=1372)
    learned(site.switch, "in0", bytes.fromhex("020000000077"))
    site.switch.cli("port", "set", "in0", "--enabled", "false")
    assert "state DOWN" in site.ns.run("ip", "link", "show", "in0").stdout
    assert not site.host.ping("10.1.0.1", count=1)
    site.switch.cli("port", "set", "in0", "--enabled", "true", "--mtu", "1500")
    assert site.host.ping("10.1.0.1", size=1472)
    assert_sums_hold(site.switch)
    site.switch.cli("port", "del", "in0")
    assert site.ns.run("ip", "link", "show", "in0").returncode == 1


def serve(listener, data, result):
    """Take one connection, read all of it, answer with as much."""
    connection, _ = listener.accept()
    with connection:
        result["got"] = hashlib.sha256()
        while chunk := connection.recv(1 << 16):
            result["got"].update(chunk)
        connection.sendall(data)


def transfer(server, address, client):
    """Megabytes there and back over one TCP connection between two namespaces."""
    data, result = os.urandom(MEGABYTES << 20), {}
    with server.make(lambda: socket.create_server((address, 5001))) as listener:
        listener.settimeout(20)
        thread = threading.Thread(target=serve, args=(listener, data, result))
        thread.start()
        with client.make(lambda: socket.create_connection((address, 5001), timeout=20)) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            back = hashlib.sha256()
            while chunk := s.recv(1 << 16):
                back.update(chunk)
        thread.join(30)
    assert result["got"].digest() == back.digest() == hashlib.sha256(data).digest()


def snmp(ns, protocol, name):
    lines = [line.split() for line in ns.run("cat", "/proc/net/snmp").stdout.splitlines()
             if line.startswith(f"{protocol}:")]
    return int(dict(zip(*lines))[name])


def test_megabytes_of_tcp_pass_both_ways_with_checksums_left_to_a_nic(make_site):
    """veth leaves checksums to a NIC that is not there; a receiver must not see it. Segmentation,
    which it leaves too by default, is not the switch's yet: one segment a frame."""
    site = make_site({"up0": UPLINK.replace("trunk: all", "vlan: 10"),
                      "in0": "type: internal, vlan: 10"})
    site.host.ip("link", "set", "eth0", "gso_max_segs", "1")
    site.ns.add_address("in0", "10.1.0.1/24")
    site.host.add_address("eth0", "10.1.0.2/24")
    transfer(site.ns, "10.1.0.1", site.host)
    transfer(site.host, "10.1.0.2", site.ns)
    for ns in (site.ns, site.host):
        assert snmp(ns, "Tcp", "InCsumErrors") == 0
    assert_sums_hold(site.switch)


def test_udp_without_its_checksum_done_arrives_with_it(make_site):
    site = make_site({"up0": UPLINK, "in0": "type: internal, vlan: 0"})
    site.ns.add_address("in0", "10.1.0.1/24")
    site.host.add_address("eth0", "10.1.0.2/24")

    def udp(address):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(5)
        s.bind((address, 5001))
        return s
    with site.ns.make(lambda: udp("10.1.0.1")) as a, site.host.make(lambda: udp("10.1.0.2")) as b:
        for n in (1, 2, 3, 1471, 1472):
            for sender, receiver, to in ((a, b, "10.1.0.2"), (b, a, "10.1.0.1")):
                data = os.urandom(n)
                sender.sendto(data, (to, 5001))
                assert receiver.recv(2000) == data
    for ns in (site.ns, site.host):
        assert snmp(ns, "Udp", "InCsumErrors") == 0


def test_an_internal_port_is_no_uplink_of_its_own_bridge(make_netns, make_switch):
    """Of another it may be: a way from bridge to bridge."""
    ns = make_netns("sw")
    switch = make_switch(SMALL + "bridges: [ { name: br0 }, { name: br1 } ]\n", prefix=ns.command())
    uplink = ("--type", "uplink", "--device", "packet:in0")
    switch.cli("port", "add", "in0", "--bridge", "br0", "--type", "internal")
    done = switch.run("port", "add", "up0", "--bridge", "br0", *uplink)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "port 'in0' has interface in0 on bridge 'br0' already" in done.stderr
    switch.cli("port", "add", "up0", "--bridge", "br1", *uplink)
    link_is(switch, "up0")
    switch.cli("port", "del", "in0")
    done = switch.run("port", "add", "in0", "--bridge", "br1", "--type", "internal")
    assert "port 'up0' has interface in0 on bridge 'br1' already" in done.stderr


@pytest.mark.parametrize("kind", ["packet", "xdp"])
def test_an_interface_that_has_no_wire_is_no_uplink(make_netns, make_switch, kind):
    """Frames that lo is given come back from it, and a tunnel of packets has no frames."""
    ns = make_netns("sw")
    ns.ip("tuntap", "add", "tun0", "mode", "tun")
    switch = make_switch(config({}), prefix=ns.command())
    for name in ("lo", "tun0"):
        done = switch.run("port", "add", "up0", "--bridge", "br0", "--type", "uplink", "--device",
                          f"{kind}:{name}")
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert f"'{name}' carries no Ethernet frames" in done.stderr and "ip link" in done.stderr
    assert switch.json("port", "list") == []


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for one in frames:
            f.write(struct.pack("<IIII", 0, 0, len(one), len(one)) + one)


def read_pcap(path):
    with open(path, "rb") as f:
        data = f.read()
    frames, at = [], 24
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frames.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return frames


def test_a_pcap_port_plays_one_file_and_records_into_another(make_switch, tmp_path):
    played = [frame(BROADCAST, mac(i), payload=bytes([i]), length=60 + i) for i in range(1, 50)]
    write_pcap(tmp_path / "in.pcap", played)
    switch = make_switch(config({"a": "vlan: 10"}))
    with plug(switch, "a") as a:
        switch.cli("port", "add", "p", "--bridge", "br0", "--vlan", "10", "--type", "pcap",
                   "--device", f"{tmp_path}/in.pcap,{tmp_path}/out.pcap")
        assert [a.recv() for _ in played] == played
        sent = [frame(BROADCAST, A, payload=bytes([i]), length=200 + i) for i in range(20)]
        a.send_many(sent)
        wait_for(lambda: switch.stats("p")["tx_packets"] == len(sent), 5, "all is recorded")
    assert_sums_hold(switch)
    switch.cli("port", "del", "p")
    assert read_pcap(tmp_path / "out.pcap") == sent


def test_a_pcap_file_that_is_not_there_is_one_line_of_error(make_switch, tmp_path):
    switch = make_switch(config({}))
    done = switch.run("port", "add", "p", "--bridge", "br0", "--type", "pcap", "--device",
                      f"{tmp_path}/nosuch.pcap,")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "nosuch.pcap" in done.stderr


@pytest.mark.parametrize("device", ["pci:0000:ff:1f.7", "pci:ffff:ff:1f.7"])
def test_a_pci_device_that_is_not_there_says_what_to_do(make_switch, device):
    switch = make_switch(config({}))
    done = switch.run("port", "add", "up0", "--bridge", "br0", "--type", "uplink", "--device",
                      device)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert device[4:] in done.stderr
    assert switch.json("port", "list") == []


def test_without_capabilities_an_uplink_says_what_it_needs(make_netns, tmp_path):
    ns, host = make_netns("sw"), make_netns("ho")
    wire(ns, "eth1", host, "eth0")
    with Switch(SMALL + "bridges: [ { name: br0 } ]\n",
                prefix=ns.command("setpriv", "--bounding-set=-net_raw,-net_admin",
                                  "--inh-caps=-net_raw,-net_admin")) as switch:
        for words, needs in ((["--type", "uplink", "--device", "packet:eth1"], "CAP_NET_RAW"),
                             (["--type", "internal"], "CAP_NET_ADMIN")):
            done = switch.run("port", "add", "x", "--bridge", "br0", *words)
            assert done.returncode == 1 and done.stderr.count("\n") == 1
            assert needs in done.stderr, done.stderr
