# SPDX-License-Identifier: BSD-3-Clause
"""Uplinks by XDP on an interface that the host goes on using. shuntd runs in the host's namespace,
where eth1 has an address; the wire leads to another host in its own."""

import collections
import contextlib
import os
import re
import signal
import socket
import struct

import pytest

from daemon import BUILD, SMALL, Switch, wait_for
from netns import Tap, ip, unique
from ports import HEAD, assert_sums_hold, config, learned, link_is, plug
from vhost_guest import BROADCAST, frame, mac

A, B, FAR, NOBODY = mac(0xa), mac(0xb), mac(0xfa), mac(0xdead)
MULTICAST = b"\x33\x33\x00\x00\x00\x01"
LLDP = b"\x01\x80\xc2\x00\x00\x0e"
ALL = "type: uplink, device: \"xdp:eth1\", mtu: 9000, trunk: all"
NATIVE = ALL.replace("trunk: all", "vlan: 100")
HERE, THERE = "10.0.0.1", "10.0.0.2"


def lay(ns, far, queues=1, far_queues=1, mtu=1500):
    """eth1 of the host, eth0 of the far end, with queues; a wire that takes whole frames as they
    are, with tags and checksums in them."""
    a, b = unique("wa"), unique("wb")
    ip("link", "add", a, "mtu", str(mtu), "numtxqueues", str(queues), "numrxqueues", str(queues),
       "type", "veth", "peer", "name", b, "mtu", str(mtu), "numtxqueues", str(far_queues),
       "numrxqueues", str(far_queues))
    for side, temporary, name in ((ns, a, "eth1"), (far, b, "eth0")):
        ip("link", "set", temporary, "netns", side.name)
        side.ip("link", "set", temporary, "name", name)
        side.ip("link", "set", name, "up")


class Host:
    """The host with the switch, and its far end."""

    def __init__(self, make_netns):
        self.ns, self.far, self.taps = make_netns("sw"), make_netns("fa"), []
        for ns in (self.ns, self.far):  # no frame but the test's own
            ns.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1",
                   "net.ipv6.conf.default.disable_ipv6=1")

    def address(self):
        self.ns.add_address("eth1", HERE + "/24")
        self.far.add_address("eth0", THERE + "/24")

    def tap(self, ns, interface):
        self.taps.append(Tap(ns, interface))
        return self.taps[-1]

    def mac(self):
        return bytes.fromhex(self.ns.run("cat", "/sys/class/net/eth1/address").stdout.strip()
                             .replace(":", ""))

    def has_program(self):
        return "xdp" in self.ns.run("ip", "link", "show", "eth1").stdout


@pytest.fixture
def make_host(make_netns, make_switch):
    """make_host({port: fields}, ...): a switch with these ports, its wire laid, link up."""
    hosts = []

    def make(ports, addresses=False, head=HEAD, **wire_options):
        host = Host(make_netns)
        hosts.append(host)
        lay(host.ns, host.far, **wire_options)
        if addresses:
            host.address()
        host.switch = make_switch(config(ports, head=head), prefix=host.ns.command())
        link_is(host.switch, "up0")
        return host
    yield make
    for host in hosts:
        for tap in host.taps:
            tap.close()


def test_an_uplink_says_how_its_interface_is_used(make_host):
    host = make_host({"up0": ALL})
    port = host.switch.port("up0")
    assert (port["xdp"], port["zero_copy"], port["host"]) == ("native", False, "own")
    assert "fallback" not in port and host.has_program()
    assert "native XDP, 1 queue, with a copy" in host.switch.log()


def test_the_host_gets_its_own_frames_and_the_switch_those_for_its_guests(make_host):
    host = make_host({"up0": ALL, "a": "trunk: all"})
    far, own = host.tap(host.far, "eth0"), host.tap(host.ns, "eth1")
    with plug(host.switch, "a") as a:
        a.send(frame(FAR, A, payload=b"learn me"))
        assert far.recv_only(frame(FAR, A, payload=b"learn me"))
        learned(host.switch, "a", A)
        to_host, to_guest = frame(host.mac(), FAR), frame(A, FAR)
        far.send(to_host)
        far.send(to_guest)
        assert a.recv() == to_guest and a.recv(0.05) is None
        assert own.recv() == to_host and own.recv(0.05) is None
        far.send(frame(NOBODY, FAR, payload=b"flooded"))
        assert a.recv() == frame(NOBODY, FAR, payload=b"flooded")
        assert own.recv(0.05) is None
    stats = host.switch.stats("up0")
    assert (stats["host_packets"], stats["shared_packets"], stats["rx_packets"]) == (1, 0, 2)
    assert_sums_hold(host.switch)


@pytest.mark.parametrize("group", [BROADCAST, MULTICAST, LLDP], ids=["broadcast", "nd", "lldp"])
def test_frames_to_a_group_reach_the_host_and_the_switch_once_each(make_host, group):
    host = make_host({"up0": ALL, "a": "trunk: all"})
    far, own = host.tap(host.far, "eth0"), host.tap(host.ns, "eth1")
    shared = frame(group, FAR, payload=b"all")
    with plug(host.switch, "a") as a:
        far.send(shared)
        assert own.recv() == shared and own.recv(0.05) is None
        if group == LLDP:  # a bridge forwards no such frame, but it has seen it
            wait_for(lambda: host.switch.stats("up0")["drops"] == {"link_local": 1}, 5, "LLDP")
        else:
            assert a.recv() == shared
        assert a.recv(0.05) is None
    stats = host.switch.stats("up0")
    assert (stats["host_packets"], stats["shared_packets"], stats["rx_packets"]) == (0, 1, 1)


def test_a_vlan_that_no_port_uses_is_dropped_in_front_of_the_switch(make_host):
    host = make_host({"up0": ALL, "a": "vlan: 100"})
    far, own = host.tap(host.far, "eth0"), host.tap(host.ns, "eth1")
    with plug(host.switch, "a") as a:
        for to in (BROADCAST, NOBODY, A):
            far.send(frame(to, FAR, 300, length=64))
        far.send(frame(BROADCAST, FAR, 5 << 13 | 100, payload=b"used"))
        assert a.recv() == frame(BROADCAST, FAR, payload=b"used", length=56)
        wait_for(lambda: host.switch.stats("up0")["drops"] == {"vlan_unused": 3}, 5, "drops")
        assert own.recv(0.05) is None  # nor has the host a use for VLAN 100
        worker = host.switch.json("worker", "stats")[0]
        assert worker["rx_packets"] == 1
        # Any change of the ports is followed at once.
        host.switch.cli("port", "set", "a", "--vlan", "300")
        far.send(frame(BROADCAST, FAR, 300, payload=b"now"))
        assert a.recv() == frame(BROADCAST, FAR, payload=b"now", length=56)
        far.send(frame(BROADCAST, FAR, 100))
        wait_for(lambda: host.switch.stats("up0")["drops"] == {"vlan_unused": 4}, 5, "drops")
    assert host.switch.stats("up0")["rx_packets"] == 6
    assert_sums_hold(host.switch)


def test_tagged_frames_for_the_hosts_address_are_its_own_in_any_vlan(make_host):
    host = make_host({"up0": ALL, "a": "vlan: 100"})
    far, own = host.tap(host.far, "eth0"), host.tap(host.ns, "eth1")
    for tag in (100, 300):
        tagged = frame(host.mac(), FAR, tag, length=64)
        far.send(tagged)
        assert own.recv() == tagged
    assert host.switch.stats("up0")["host_packets"] == 2


def test_an_access_uplink_takes_untagged_frames_alone(make_host):
    host = make_host({"up0": NATIVE, "a": "vlan: 100", "b": "vlan: 200"})
    far = host.tap(host.far, "eth0")
    with plug(host.switch, "a") as a, plug(host.switch, "b") as b:
        far.send(frame(BROADCAST, FAR))
        assert a.recv() == frame(BROADCAST, FAR)
        far.send(frame(BROADCAST, FAR, 200))
        wait_for(lambda: host.switch.stats("up0")["drops"] == {"vlan_unused": 1}, 5, "drop")
        assert b.recv(0.05) is None
        a.send(frame(NOBODY, A, payload=b"out"))
        assert far.recv_only(frame(NOBODY, A, payload=b"out"))


def test_host_none_gives_the_host_nothing(make_host):
    host = make_host({"up0": ALL + ", host: none", "a": "trunk: all"})
    far, own = host.tap(host.far, "eth0"), host.tap(host.ns, "eth1")
    assert host.switch.port("up0")["host"] == "none"
    with plug(host.switch, "a") as a:
        for to in (BROADCAST, host.mac(), NOBODY):
            far.send(frame(to, FAR))
            assert a.recv() == frame(to, FAR)
        assert own.recv(0.05) is None
        # It may change while frames flow, in both directions.
        host.switch.cli("port", "set", "up0", "--host", "own")
        far.send(frame(host.mac(), FAR, payload=b"own"))
        assert own.recv() == frame(host.mac(), FAR, payload=b"own") and a.recv(0.05) is None
        host.switch.cli("port", "set", "up0", "--host", "none")
        far.send(frame(host.mac(), FAR))
        assert a.recv() == frame(host.mac(), FAR) and own.recv(0.05) is None
    assert_sums_hold(host.switch)


def test_host_all_but_vms_gives_it_what_no_guest_has(make_host):
    host = make_host({"up0": ALL + ", host: all-but-vms", "a": "vlan: 100", "b": "trunk: \"0,200\""})
    far, own = host.tap(host.far, "eth0"), host.tap(host.ns, "eth1")
    others = [frame(NOBODY, FAR), frame(A, FAR), frame(BROADCAST, FAR, 300, length=64)]
    with plug(host.switch, "a") as a:
        for f in others:
            far.send(f)
            assert own.recv() == f
        a.send(frame(B, A))
        learned(host.switch, "a", A)
        far.send(frame(A, FAR, 100, payload=b"known"))
        assert a.recv() == frame(A, FAR, payload=b"known", length=56)
        far.send(frame(A, FAR))  # the address is known in another VLAN
        assert own.recv() == frame(A, FAR)
        # Who was learned before the mode came counts too, and who is forgotten no longer.
        for mode in ("own", "all-but-vms"):
            host.switch.cli("port", "set", "up0", "--host", mode)
        far.send(frame(A, FAR, 100, payload=b"again"))
        assert a.recv() == frame(A, FAR, payload=b"again", length=56)
        host.switch.cli("fdb", "flush")
        far.send(frame(A, FAR, 100, payload=b"forgotten"))
        assert own.recv() == frame(A, FAR, 100, payload=b"forgotten", length=60)
        assert a.recv(0.05) is None


# Frames of each class by address and tag, and who gets them by `host`: the host, the guest, both, or
# the drop counter; "seen" by the host and by the switch, which lets no guest see LLDP.
WHO_GETS = [
    ("own", None, {"own": "host", "none": "guest", "all-but-vms": "host"}),
    ("own", 100, {"own": "host", "none": "guest", "all-but-vms": "host"}),
    ("own", 300, {"own": "host", "none": "drop", "all-but-vms": "host"}),
    ("group", None, {"own": "both", "none": "guest", "all-but-vms": "both"}),
    ("group", 100, {"own": "guest", "none": "guest", "all-but-vms": "both"}),
    ("group", 300, {"own": "drop", "none": "drop", "all-but-vms": "host"}),
    ("lldp", None, {"own": "seen", "none": "nobody", "all-but-vms": "seen"}),
    ("guest", 100, {"own": "guest", "none": "guest", "all-but-vms": "guest"}),
    ("guest", None, {"own": "guest", "none": "guest", "all-but-vms": "host"}),
    ("other", 100, {"own": "guest", "none": "guest", "all-but-vms": "host"}),
    ("other", 300, {"own": "drop", "none": "drop", "all-but-vms": "host"}),
]
# Where ports have no use for untagged frames, and the host has.
WHO_GETS_UNTAGGED = [
    ("group", None, {"own": "host", "none": "drop", "all-but-vms": "host"}),
    ("other", None, {"own": "drop", "none": "drop", "all-but-vms": "host"}),
]
COUNTED = {"host": "host_packets", "both": "shared_packets", "seen": "shared_packets"}


@pytest.mark.parametrize("trunk, rows", [("0,100", WHO_GETS), ("100", WHO_GETS_UNTAGGED)])
def test_each_class_of_frames_goes_where_the_mode_says_and_is_counted_there(make_host, trunk, rows):
    host = make_host({"up0": ALL, "a": f"trunk: \"{trunk}\""})
    far, own = host.tap(host.far, "eth0"), host.tap(host.ns, "eth1")
    to = {"own": host.mac(), "group": BROADCAST, "lldp": LLDP, "guest": A, "other": NOBODY}
    with plug(host.switch, "a") as a:
        a.send(frame(B, A, 100, length=64))
        learned(host.switch, "a", A)
        for mode in ("own", "none", "all-but-vms"):
            host.switch.cli("port", "set", "up0", "--host", mode)
            before, gets = host.switch.stats("up0"), [r[2][mode] for r in rows]
            sent = [frame(to[r[0]], FAR, r[1], payload=bytes([i]), length=64 if r[1] else 60)
                    for i, r in enumerate(rows)]
            for f in sent:
                far.send(f)
            for side, words in ((own, ("host", "both", "seen")), (a, ("guest", "both"))):
                wanted = sorted(f for f, who in zip(sent, gets) if who in words)
                assert sorted(side.recv() for _ in wanted) == wanted, mode
                assert side.recv(0.05) is None, mode
            after = host.switch.stats("up0")
            for name in ("host_packets", "shared_packets"):
                assert after[name] - before[name] == sum(COUNTED.get(w) == name for w in gets), mode
            for name, who in (("vlan_unused", ("drop",)), ("link_local", ("seen", "nobody"))):
                assert after["drops"].get(name, 0) - before["drops"].get(name, 0) == sum(
                    w in who for w in gets), (mode, name)
            assert after["rx_packets"] - before["rx_packets"] == sum(w != "host" for w in gets)
    assert_sums_hold(host.switch)


def connect(host):
    """A TCP connection from the far end to the host: (its socket, the host's)."""
    listener = host.ns.make(socket.socket)
    with listener:
        listener.bind((HERE, 0))
        listener.listen()
        there = host.far.make(socket.socket)
        there.settimeout(20)
        there.connect((HERE, listener.getsockname()[1]))
        here, _ = listener.accept()
        here.settimeout(20)
    return there, here


def talk(there, here, n=100):
    """Both ways, more than one segment."""
    data = os.urandom(3000)
    for _ in range(n):
        for one, other in ((there, here), (here, there)):
            one.sendall(data)
            got = b""
            while len(got) < len(data):
                got += other.recv(len(data) - len(got))
            assert got == data


def test_a_connection_of_the_host_lives_through_attach_detach_and_a_crash(make_netns, make_switch):
    host = Host(make_netns)
    lay(host.ns, host.far)
    host.address()
    there, here = connect(host)
    with there, here:
        talk(there, here)
        switch = make_switch(config({"a": ""}), prefix=host.ns.command())
        for _ in range(3):
            switch.cli("port", "add", "up0", "--bridge", "br0", "--type", "uplink", "--device",
                       "xdp:eth1")
            link_is(switch, "up0")
            assert host.has_program()
            talk(there, here)
            switch.cli("port", "del", "up0")
            assert not host.has_program()
            talk(there, here)
        switch.cli("port", "add", "up0", "--bridge", "br0", "--type", "uplink", "--device",
                   "xdp:eth1")
        talk(there, here)
        switch.kill()
        talk(there, here)


def test_the_host_and_a_guest_share_the_wire(make_host):
    """Both are spoken to in turn, with addresses resolved by ARP anew."""
    host = make_host({"up0": ALL, "a": "trunk: all"}, addresses=True)
    far = host.tap(host.far, "eth0")
    with plug(host.switch, "a") as a:
        a.send(frame(BROADCAST, A, payload=b"here I am"))
        assert far.recv_only(frame(BROADCAST, A, payload=b"here I am"))
        learned(host.switch, "a", A)
        for i in range(5):
            for ns, address in ((host.far, HERE), (host.ns, THERE)):
                ns.run("ip", "neigh", "flush", "all")
                assert ns.ping(address, count=2, seconds=5)
            mine = frame(A, FAR, payload=bytes([i]))
            far.send(mine)
            assert a.recv_only(mine)
    stats = host.switch.stats("up0")
    assert stats["host_packets"] >= 20 and stats["shared_packets"] >= 5


def test_after_a_crash_the_interface_is_the_hosts_and_can_be_had_again(make_host, make_switch):
    host = make_host({"up0": ALL, "a": "trunk: all"}, addresses=True)
    os.kill(host.switch.pid, signal.SIGKILL)
    host.switch.kill()
    wait_for(lambda: not host.has_program(), 10, "the program is gone")
    assert host.far.ping(HERE, seconds=5)
    again = make_switch(config({"up0": ALL, "a": "trunk: all"}), prefix=host.ns.command())
    link_is(again, "up0")
    assert again.port("up0")["xdp"] == "native"
    far = host.tap(host.far, "eth0")
    with plug(again, "a") as a:
        far.send(frame(A, FAR))
        assert a.recv_only(frame(A, FAR))


def test_an_orderly_end_takes_the_program_off(make_host):
    host = make_host({"up0": ALL}, addresses=True)
    assert host.has_program()
    assert host.switch.terminate() == 0
    assert not host.has_program() and host.far.ping(HERE, seconds=5)


def udp(dst, src, port):
    """A frame whose flow is its port's: cards spread such over their queues."""
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 46, 0, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
    return frame(dst, src, payload=header + struct.pack("!HHHH", port, port, 26, 0))


@pytest.mark.skipif(os.cpu_count() < 2, reason="two workers need two CPUs")
def test_every_queue_has_a_socket_and_workers_share_them(make_host):
    head = HEAD + "workers: { cpus: [0, 1] }\n"
    host = make_host({"up0": ALL, "a": "trunk: all"}, head=head, queues=2, far_queues=2)
    port = host.switch.port("up0")
    assert (port["xdp"], port["rx_queues"], port["tx_queues"]) == ("native", 3, 2)
    far = host.tap(host.far, "eth0")
    sent = [udp(A, FAR, 1000 + i) for i in range(200)]
    with plug(host.switch, "a", queues=1) as a:
        for at in range(0, len(sent), 50):
            for f in sent[at:at + 50]:
                far.send(f)
            got = [a.recv() for _ in range(50)]
            assert sorted(got) == sorted(sent[at:at + 50])
        for i in range(50):
            a.send(udp(FAR, A, 2000 + i))
            assert far.recv_only(udp(FAR, A, 2000 + i))
    workers = host.switch.json("worker", "stats")
    assert all(w["rx_packets"] >= 20 for w in workers), workers
    assert_sums_hold(host.switch)


@pytest.mark.parametrize("tag", [None, 100])
def test_frames_of_9000_bytes_pass_both_ways(make_host, tag):
    host = make_host({"up0": ALL if tag else NATIVE, "a": "vlan: 100, mtu: 9000"}, mtu=9000)
    far = host.tap(host.far, "eth0")
    extra = 4 if tag else 0
    with plug(host.switch, "a") as a:
        for n in (1514, 3820, 3840, 3841, 4096, 9014):
            tagged = frame(NOBODY, FAR, tag, payload=b"jumbo", length=n + extra)
            far.send(tagged)
            assert a.recv() == frame(NOBODY, FAR, payload=b"jumbo", length=n), n
            a.send(frame(BROADCAST, A, payload=b"jumbo", length=n))
            assert far.recv_only(frame(BROADCAST, A, tag, payload=b"jumbo", length=n + extra)), n
    assert_sums_hold(host.switch)


def test_a_frame_too_long_for_the_wire_is_counted_and_the_next_one_passes(make_host):
    host = make_host({"up0": ALL, "a": "mtu: 9000"})
    far = host.tap(host.far, "eth0")
    with plug(host.switch, "a") as a:
        a.send_many([frame(BROADCAST, A, length=n) for n in (3000, 60, 9014, 61)])
        assert [len(far.recv()) for _ in range(2)] == [60, 61]
        assert host.switch.stats("up0")["drops"] == {"tx_oversize": 2}
    assert_sums_hold(host.switch)


def test_another_ones_xdp_program_is_not_replaced(make_host, make_switch):
    host = make_host({"up0": ALL})
    other = make_switch(config({}), prefix=host.ns.command())
    done = other.run("port", "add", "up1", "--bridge", "br0", "--type", "uplink", "--device",
                     "xdp:eth1")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "'eth1' has an XDP program of somebody else" in done.stderr
    assert "ip link set dev eth1 xdp off" in done.stderr and "packet:eth1" in done.stderr
    assert host.has_program() and other.json("port", "list") == []


def test_a_program_of_any_kind_is_refused_with_the_command_that_ends_it(make_netns, make_switch):
    """ip-link(8) ends one that it does not name by its kind with success, and leaves it there."""
    host = Host(make_netns)
    lay(host.ns, host.far)
    program = os.path.join(BUILD, "dataplane", "xdp.bpf.o")
    switch = make_switch(config({"a": "trunk: all"}), prefix=host.ns.command())
    host.switch = switch
    for kind in ("xdpgeneric", "xdp"):
        host.ns.ip("link", "set", "dev", "eth1", kind, "obj", program, "sec", "xdp.frags")
        words = ("port", "add", "up0", "--bridge", "br0", "--type", "uplink", "--device", "xdp:eth1",
                 "--trunk", "all")
        done = switch.run(*words)
        assert done.returncode == 1 and ", shunt_uplink)" in done.stderr
        command = re.search(r"'(ip link set [^']*)'", done.stderr)[1]
        assert host.ns.run(*command.split()).returncode == 0
        switch.cli(*words)
        link_is(switch, "up0")
        assert_passes(host)
        switch.cli("port", "del", "up0")


def test_without_native_xdp_the_generic_one_is_used_and_said(make_host):
    """A veth end with fewer receive queues than its peer sends on takes no native program."""
    host = make_host({"up0": ALL, "a": "trunk: all"}, addresses=True, far_queues=2)
    port = host.switch.port("up0")
    assert port["xdp"] == "generic" and "no native XDP" in port["fallback"]
    assert "may send on more queues" in port["fallback"]
    assert "by generic XDP" in host.switch.log()
    far, own = host.tap(host.far, "eth0"), host.tap(host.ns, "eth1")
    with plug(host.switch, "a") as a:
        far.send(frame(NOBODY, FAR))
        assert a.recv_only(frame(NOBODY, FAR))
        far.send(frame(BROADCAST, FAR, payload=b"both"))
        assert a.recv_only(frame(BROADCAST, FAR, payload=b"both"))
        assert own.recv_only(frame(BROADCAST, FAR, payload=b"both"))
        a.send(frame(NOBODY, A, payload=b"out"))
        assert far.recv_only(frame(NOBODY, A, payload=b"out"))
    assert host.far.ping(HERE, seconds=5)
    assert_sums_hold(host.switch)


def test_with_too_many_queues_packet_is_used_and_said(make_host):
    host = make_host({"up0": ALL, "a": "trunk: all"}, addresses=True, queues=9)
    port = host.switch.port("up0")
    assert port["xdp"] == "packet" and "ethtool -L eth1" in port["fallback"]
    assert "by packet:" in host.switch.log() and not host.has_program()
    far = host.tap(host.far, "eth0")
    with plug(host.switch, "a") as a:
        far.send(frame(NOBODY, FAR))
        assert a.recv_only(frame(NOBODY, FAR))
    assert "host_packets" not in host.switch.stats("up0")


def test_without_the_capability_packet_is_used_and_says_what_is_missing(make_netns):
    host = Host(make_netns)
    lay(host.ns, host.far)
    gone = "-bpf,-sys_admin,-perfmon"
    with Switch(config({"up0": ALL}), prefix=host.ns.command(
            "setpriv", f"--bounding-set={gone}", f"--inh-caps={gone}")) as switch:
        link_is(switch, "up0")
        port = switch.port("up0")
        assert port["xdp"] == "packet" and "CAP_BPF" in port["fallback"]


def assert_passes(host):
    """A frame from the wire comes to the guest a, and its answer to the wire."""
    far = host.tap(host.far, "eth0")
    with plug(host.switch, "a") as a:
        far.send(frame(NOBODY, FAR))
        assert a.recv_only(frame(NOBODY, FAR))
        a.send(frame(FAR, A))
        assert far.recv_only(frame(FAR, A))


def test_an_interface_that_comes_home_from_another_namespace_is_taken_again(make_host):
    """It may come with the number that it had."""
    host = make_host({"up0": ALL, "a": "trunk: all"})
    host.ns.ip("link", "set", "eth1", "netns", host.far.name)
    link_is(host.switch, "up0", "down")
    assert "xdp" not in host.far.run("ip", "link", "show", "eth1").stdout
    host.far.ip("link", "set", "eth1", "netns", host.ns.name)
    host.ns.ip("link", "set", "eth1", "up")
    link_is(host.switch, "up0")
    assert_passes(host)


def test_an_interface_that_comes_back_is_taken_again(make_host):
    host = make_host({"up0": ALL, "a": "trunk: all"})
    for ns, interface in ((host.far, "eth0"), (host.ns, "eth1")):
        ns.ip("link", "set", interface, "down")
        link_is(host.switch, "up0", "down")
        ns.ip("link", "set", interface, "up")
        link_is(host.switch, "up0")
        assert_passes(host)
    host.ns.ip("link", "del", "eth1")
    link_is(host.switch, "up0", "down")
    lay(host.ns, host.far)
    link_is(host.switch, "up0")
    assert_passes(host)
    assert host.has_program()


def test_an_interface_that_got_another_name_is_missed_by_its_own(make_host):
    host = make_host({"up0": ALL, "a": "trunk: all"})

    def rename(old, new):
        host.ns.ip("link", "set", old, "down")
        host.ns.ip("link", "set", old, "name", new)
        host.ns.ip("link", "set", new, "up")
    assert not host.ns.takes_tags_off("eth1")
    rename("eth1", "lan0")
    gone = "no network interface 'eth1'"
    wait_for(lambda: gone in host.switch.port("up0").get("error", ""), 10, "it is said")
    assert gone in host.switch.cli("port", "list") and gone in host.switch.cli("uplink", "list")
    assert gone in host.switch.log()
    assert "xdp" not in host.ns.run("ip", "link", "show", "lan0").stdout
    assert host.ns.takes_tags_off("lan0")
    rename("lan0", "eth1")
    link_is(host.switch, "up0")
    assert "error" not in host.switch.port("up0")
    assert_passes(host)


def test_another_ones_program_on_an_interface_that_comes_back_is_said(make_host):
    host = make_host({"up0": ALL, "a": "trunk: all"})
    host.ns.ip("link", "del", "eth1")
    link_is(host.switch, "up0", "down")
    lay(host.far, host.ns)  # the end for the switch is called eth0 as yet
    host.ns.ip("link", "set", "dev", "eth0", "xdpgeneric", "obj",
               os.path.join(BUILD, "dataplane", "xdp.bpf.o"), "sec", "xdp.frags")
    host.ns.ip("link", "set", "eth0", "down")
    host.ns.ip("link", "set", "eth0", "name", "eth1")
    host.ns.ip("link", "set", "eth1", "up")
    wait_for(lambda: "XDP program of somebody else" in host.switch.port("up0").get("error", ""), 10,
             "it is said")
    host.ns.ip("link", "set", "dev", "eth1", "xdpgeneric", "off")
    link_is(host.switch, "up0")
    assert "error" not in host.switch.port("up0")
    host.far.ip("link", "set", "eth1", "down")
    host.far.ip("link", "set", "eth1", "name", "eth0")
    host.far.ip("link", "set", "eth0", "up")
    link_is(host.switch, "up0")
    assert_passes(host)


def test_the_best_way_is_taken_when_the_number_of_queues_changes(make_host):
    """As the line that says why packet: is used has advised, and the other way round."""
    host = make_host({"up0": ALL, "a": "trunk: all"}, queues=9)
    far = host.tap(host.far, "eth0")
    host.switch.cli("port", "set", "a", "--trunk", "100")
    ways = []
    for n in (9, 4, 9, 1):
        host.ns.set_queues("eth1", n)
        wanted = ("packet", 1) if n > 7 else ("native", n + 1)
        wait_for(lambda: (host.switch.port("up0")["xdp"], host.switch.port("up0")["rx_queues"])
                 == wanted, 10, f"{wanted} by {n} queues")
        link_is(host.switch, "up0")
        assert ("fallback" in host.switch.port("up0")) == (n > 7)
        ways.append(host.switch.stats("up0"))
        far.send(frame(BROADCAST, FAR, 300, length=64))
        wait_for(lambda: host.switch.stats("up0")["rx_packets"] == len(ways), 5, "it is counted")
    assert host.switch.stats("up0")["drops"]["vlan_unused"] == 2  # no way forgets the others'
    host.switch.cli("port", "set", "up0", "--host", "all-but-vms")
    with plug(host.switch, "a") as a:
        a.send(frame(B, A, 100, length=64))
        learned(host.switch, "a", A)
        far.send(frame(A, FAR, 100, length=64))
        assert a.recv() == frame(A, FAR, 100, length=64)
    assert_sums_hold(host.switch)


def test_an_uplink_that_comes_and_goes_leaves_nothing_behind(make_host):
    host = make_host({"up0": ALL})

    def there():
        """Descriptors and mapped rings, by kind."""
        process, kinds = f"/proc/{host.switch.pid}", collections.Counter()
        for fd in os.listdir(f"{process}/fd"):
            with contextlib.suppress(FileNotFoundError):
                kinds[os.readlink(f"{process}/fd/{fd}").split("[")[0]] += 1
        with open(f"{process}/maps") as maps:
            kinds["rings"] = sum("socket:" in line for line in maps)
        return kinds
    before = there()
    for _ in range(20):
        host.switch.cli("port", "del", "up0")
        host.switch.cli("port", "add", "up0", "--bridge", "br0", "--type", "uplink", "--device",
                        "xdp:eth1")
    link_is(host.switch, "up0")
    wait_for(lambda: not there() - before, 10, "no more than before")


def test_a_new_address_of_the_interface_is_the_hosts_at_once(make_host):
    host = make_host({"up0": ALL, "a": "trunk: all"})
    far, own = host.tap(host.far, "eth0"), host.tap(host.ns, "eth1")
    host.ns.ip("link", "set", "eth1", "address", "02:00:00:00:bb:01")
    fresh = mac(0xbb01)

    def is_known():
        far.send(frame(fresh, FAR))
        return host.switch.stats("up0")["host_packets"] > 0
    wait_for(is_known, 10, "the address is known")
    far.send(frame(fresh, FAR, payload=b"mine"))
    assert own.recv_only(frame(fresh, FAR, payload=b"mine"))


def test_a_bridge_with_flows_gets_every_vlan(make_host):
    host = make_host({"up0": ALL, "a": "vlan: 100"})
    far = host.tap(host.far, "eth0")
    with plug(host.switch, "a") as a:
        far.send(frame(NOBODY, FAR, 300))
        wait_for(lambda: host.switch.stats("up0")["drops"] == {"vlan_unused": 1}, 5, "drop")
        host.switch.cli("flow", "add", "dl_vlan=300,actions=strip_vlan,output:a")
        far.send(frame(NOBODY, FAR, 300, payload=b"flow", length=64))
        assert a.recv() == frame(NOBODY, FAR, payload=b"flow")
        host.switch.cli("flow", "del", "dl_vlan=300")


def test_host_belongs_to_xdp_alone(make_switch):
    switch = make_switch(config({}))
    for words in (["--type", "internal"], ["--type", "uplink", "--device", "packet:lo"]):
        done = switch.run("port", "add", "x", "--bridge", "br0", "--host", "own", *words)
        assert done.returncode == 1 and done.stderr.count("\n") == 1 and "host:" in done.stderr


def test_an_interface_that_is_not_there_is_one_line_of_error(make_switch):
    switch = make_switch(SMALL + "bridges: [ { name: br0 } ]\n")
    done = switch.run("port", "add", "up0", "--bridge", "br0", "--type", "uplink", "--device",
                      "xdp:nosuch0")
    assert done.returncode == 1 and "no network interface 'nosuch0'" in done.stderr
