# SPDX-License-Identifier: BSD-3-Clause
"""LLDP on uplinks, with lldpd at the other end of the wire, and with frames made by hand."""

import os

import pytest

from daemon import CommandFailed, wait_for
from lldp_peer import Lldpd, lldpdu, tlv
from netns import wire
from ports import assert_sums_hold, config, link_is, plug
from vhost_guest import BROADCAST, frame, mac

A = mac(0xa)
HEAD = ("memory: { size: 64M, hugepages: off }\n"
        "lldp: { interval_s: 1, system_name: \"shunt-test\", management_address: \"192.0.2.1\" }\n"
        "bridges: [ { name: br0 } ]\n")
GROUPS = {"production": "vlan: 100", "development": "vlan: 200", "elsewhere": "vlan: 300"}
ADDRESSES = [bytes.fromhex(f"0180c20000{last}") for last in ("0e", "03", "00")]


def uplink(kind, more="trunk: \"100,200\""):
    return f"type: uplink, device: \"{kind}:eth1\", {more}"


class Site:
    """A switch with an uplink eth1, and what is at its other end."""

    def __init__(self, make_netns, make_switch, text, more_wires, address):
        self.ns, self.far = make_netns("sw"), make_netns("fa")
        for ns in (self.ns, self.far):
            ns.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1",
                   "net.ipv6.conf.default.disable_ipv6=1")
        wire(self.ns, "eth1", self.far, "eth0")
        for i in range(more_wires):
            wire(self.ns, f"eth{i + 2}", self.far, f"eth{i + 3}")
        if address:
            self.ns.add_address("eth1", address)
        self.switch = make_switch(text, prefix=self.ns.command())
        link_is(self.switch, "up0")

    def neighbors(self, *argv):
        return self.switch.json("uplink", "neighbors", *argv)

    def wait_neighbors(self, n, what):
        wait_for(lambda: len(self.neighbors()) == n, 10, what)
        return self.neighbors()


@pytest.fixture
def make_site(make_netns, make_switch):
    def make(ports, groups=(), head=HEAD, more_wires=0, address=None):
        return Site(make_netns, make_switch, config(ports, groups, head=head), more_wires, address)
    return make


@pytest.fixture
def lldpd():
    started = []

    def start(ns, interface):
        started.append(Lldpd(ns, interface))
        return started[-1]
    yield start
    for daemon in started:
        daemon.close()


@pytest.mark.parametrize("kind", ["packet", "xdp"])
def test_switch_and_lldpd_read_each_other_and_hear_each_other_leave(make_site, lldpd, kind):
    site = make_site({"up0": uplink(kind)}, GROUPS)
    peer = lldpd(site.far, "eth0")
    wait_for(peer.neighbors, 10, "lldpd heard the switch")
    heard = peer.neighbors()[0]
    chassis, port = heard["chassis"], heard["port"]
    assert chassis["name"][0]["value"] == "shunt-test"
    assert chassis["descr"][0]["value"].startswith("Shunt ")
    assert chassis["mgmt-ip"][0]["value"] == "192.0.2.1"
    assert {c["type"]: c["enabled"] for c in chassis["capability"]} == {"Bridge": True}
    assert port["id"][0] == {"type": "ifname", "value": "eth1"}
    assert port["descr"][0]["value"] == "port up0 of bridge br0"
    assert port["ttl"][0]["value"] == "5"
    assert port["mfs"][0]["value"] == "1522"
    assert {(v["vlan-id"], v["value"]) for v in heard["vlan"]} == {("100", "production"),
                                                                  ("200", "development")}
    theirs = site.wait_neighbors(1, "the switch heard lldpd")[0]
    own = site.far.run("cat", "/sys/class/net/eth0/address").stdout.strip()
    assert (theirs["port"], theirs["device"]) == ("up0", f"{kind}:eth1")
    assert (theirs["chassis_id_type"], theirs["mac"]) == ("mac", own)
    assert theirs["system_description"] == "a peer" and "bridge" in theirs["capabilities"]
    # A change is heard at once, and so is that nothing is said any more.
    site.switch.cli("port", "set", "up0", "--vlan", "100", "--trunk", "200", "--vlan-mode",
                    "native-untagged")
    wait_for(lambda: any(v.get("pvid") for v in peer.neighbors()[0].get("vlan", [])), 10, "pvid")
    site.switch.cli("port", "set", "up0", "--lldp", "receive")
    wait_for(lambda: not peer.neighbors(), 4, "lldpd heard that the switch is silent")
    assert len(site.neighbors()) == 1
    site.switch.cli("port", "set", "up0", "--lldp", "both")
    wait_for(peer.neighbors, 10, "lldpd heard the switch again")
    peer.process.terminate()
    peer.process.wait(20)
    wait_for(lambda: not site.neighbors(), 10, "the switch heard that lldpd ended")
    assert_sums_hold(site.switch)


@pytest.mark.parametrize("kind", ["packet", "xdp"])
def test_a_port_that_goes_and_a_switch_that_ends_say_so(make_site, tap, kind):
    site = make_site({"up0": uplink(kind)})
    far = tap(site.far, "eth0")

    def left():
        """The shutdown LLDPDU comes, and nothing behind it."""
        f = wait_for(lambda: (f := far.recv(2)) and b"\x06\x02\x00\x00" in f and f, 10, "shutdown")
        assert f[12:14] == b"\x88\xcc" and far.recv(1.5) is None
    wait_for(lambda: (f := far.recv(2)) and f[:6] == ADDRESSES[0], 10, "LLDP")
    site.switch.cli("port", "set", "up0", "--enabled", "false")
    left()
    site.switch.cli("port", "set", "up0", "--enabled", "true")
    wait_for(lambda: (f := far.recv(2)) and f[:6] == ADDRESSES[0], 10, "LLDP")
    site.switch.cli("port", "del", "up0")
    left()
    site.switch.cli("port", "add", "up0", "--bridge", "br0", "--type", "uplink", "--device",
                    f"{kind}:eth1")
    wait_for(lambda: (f := far.recv(2)) and f[:6] == ADDRESSES[0], 10, "LLDP")
    assert site.switch.terminate() == 0
    left()


def test_neighbours_are_forgotten_when_their_time_is_up_or_the_link_goes(make_site, tap):
    site = make_site({"up0": uplink("packet")})
    far = tap(site.far, "eth0")
    far.send(lldpdu(ttl_s=2, port=b"short"))
    far.send(lldpdu(ttl_s=600, port=b"long", more=tlv(5, b"a\x1b[2Jswitch")))
    both = site.wait_neighbors(2, "two neighbours")
    assert {n["port_id"] for n in both} == {"short", "long"}
    assert [n["system_name"] for n in both if n["port_id"] == "long"] == ["a?[2Jswitch"]
    assert site.wait_neighbors(1, "one fell silent")[0]["port_id"] == "long"
    table = site.switch.cli("uplink", "neighbors", "up0").splitlines()
    assert table[0].split()[:3] == ["PORT", "DEVICE", "SYSTEM"] and "a?[2Jswitch" in table[1]
    assert site.switch.port("up0")["lldp_stats"]["aged"] == 1
    site.far.ip("link", "set", "eth0", "down")
    site.wait_neighbors(0, "the link went")


@pytest.mark.parametrize("kind", ["packet", "xdp"])
def test_lldp_of_any_group_address_and_vlan_is_heard_and_reaches_no_guest(make_site, tap, kind):
    """No port but the guest's, of VLAN 100, is there: the frames are of VLANs that nobody uses."""
    site = make_site({"up0": uplink(kind, "trunk: \"0,100,300\""), "a": "vlan: 100"})
    far = tap(site.far, "eth0")
    with plug(site.switch, "a") as a:
        for i, to in enumerate(ADDRESSES):
            far.send(lldpdu(port=b"p%d" % i, to=to))
        far.send(lldpdu(port=b"used", tag=100))
        far.send(lldpdu(port=b"unused", tag=300))
        far.send(frame(BROADCAST, mac(0xb), 100, payload=b"behind"))
        assert a.recv()[:6] == BROADCAST and a.recv(0.05) is None
        # A tagged one is not LLDP's (802.1AB-2016, 7.3).
        assert {n["port_id"] for n in site.wait_neighbors(3, "heard")} == {"p0", "p1", "p2"}
        # What a guest sends to those addresses stays with the switch, and is not heard.
        a.send(lldpdu(port=b"guest"))
        a.send(frame(BROADCAST, A, payload=b"behind"))
        while (f := far.recv(2)) and f[6:12] != A:
            assert f[12:14] == b"\x88\xcc"
        assert f[:6] == BROADCAST and len(site.neighbors()) == 3
        site.switch.cli("port", "set", "up0", "--lldp", "off")
        far.send(lldpdu(port=b"late"))
        wait_for(lambda: site.switch.stats("up0")["drops"].get("link_local", 0) >= 1, 5, "drop")
        site.wait_neighbors(0, "all forgotten")
        assert a.recv(0.05) is None
    assert_sums_hold(site.switch)


def test_the_host_of_a_shared_interface_hears_lldp_too_unless_it_gets_nothing(make_site, tap):
    site = make_site({"up0": uplink("xdp", "trunk: \"100\""), "a": "vlan: 100"})
    far, own = tap(site.far, "eth0"), tap(site.ns, "eth1")
    far.send(lldpdu(port=b"both"))
    assert own.recv_only(lldpdu(port=b"both"))
    site.wait_neighbors(1, "the switch heard it too")
    site.switch.cli("port", "set", "up0", "--host", "none")
    far.send(lldpdu(port=b"switch"))
    site.wait_neighbors(2, "the switch heard it")
    assert not own.recv_only(lldpdu(port=b"switch"), 0.2)


def test_on_a_bridge_with_flows_lldp_is_heard_and_the_flows_get_it_as_well(make_site, tap):
    site = make_site({"up0": uplink("packet", "ofport: 1"), "a": "ofport: 2"},
                     head=HEAD.replace("name: br0", "name: br0, fail_mode: secure"))
    far = tap(site.far, "eth0")
    site.switch.cli("flow", "add", "dl_type=0x88cc,actions=2")
    with plug(site.switch, "a") as a:
        said = lldpdu(port=b"controller")
        far.send(said)
        assert a.recv() == said
        site.wait_neighbors(1, "heard")
    assert_sums_hold(site.switch)


def test_each_device_of_a_team_speaks_for_itself_and_one_taken_out_says_so(make_site, tap):
    site = make_site({"up0": "type: uplink, devices: [ \"packet:eth1\", \"packet:eth2\" ]"},
                     more_wires=1)
    wires = [tap(site.far, "eth0"), tap(site.far, "eth3")]

    def said(wire, what):
        wait_for(lambda: (f := wire.recv(2)) and f[12:14] == b"\x88\xcc" and what in f, 10, what)
    for i, far in enumerate(wires, 1):
        said(far, b"\x04\x05\x05eth%d" % i)
        far.send(lldpdu(port=b"p%d" % i))
    assert {(n["device"], n["port_id"]) for n in site.wait_neighbors(2, "both heard")} == {
        ("packet:eth1", "p1"), ("packet:eth2", "p2")}
    site.switch.cli("uplink", "del", "up0", "--device", "packet:eth2")
    said(wires[1], b"\x05eth2\x06\x02\x00\x00")
    site.wait_neighbors(1, "the other one is forgotten")
    said(wires[0], b"\x05eth1")


def test_a_flood_of_lldp_is_cut_short_and_harms_nobody(make_site, tap):
    site = make_site({"up0": uplink("packet", "trunk: \"0,100\""), "a": "vlan: 100"})
    far = tap(site.far, "eth0")
    with plug(site.switch, "a") as a:
        for i in range(5000):
            far.send(lldpdu(port=b"%d" % i))

        def passes():  # once the kernel's ring has room again
            far.send(frame(BROADCAST, mac(0xb), 100, payload=b"behind"))
            return a.recv(0.1)
        assert wait_for(passes, 10, "frames pass")[:6] == BROADCAST
        site.wait_neighbors(16, "as many as there is room for")
        stats = site.switch.port("up0")["lldp_stats"]
        assert 16 <= stats["received"] < 5000 and stats["discarded"] == stats["received"] - 16
    assert_sums_hold(site.switch)


def test_the_host_goes_by_its_name_and_address_unless_told_otherwise(make_site, lldpd, tmp_path):
    head = HEAD.replace(", system_name: \"shunt-test\", management_address: \"192.0.2.1\"", "")
    site = make_site({"up0": uplink("packet")}, head=head, address="198.51.100.7/24")
    peer = lldpd(site.far, "eth0")

    def heard(key):
        return [n["chassis"][key][0]["value"] for n in peer.neighbors() if key in n["chassis"]]
    wait_for(lambda: heard("name") == [os.uname().nodename], 10, "the host's name")
    assert heard("mgmt-ip") == ["198.51.100.7"]
    path = tmp_path / "none.yaml"
    path.write_text(config({"up0": uplink("packet")}, head=HEAD.replace("192.0.2.1", "none")))
    site.switch.cli("apply", path)
    wait_for(lambda: heard("name") == ["shunt-test"], 10, "the name given")
    assert heard("mgmt-ip") == []


def test_lldp_belongs_to_uplinks_and_its_settings_are_checked(make_site, tmp_path):
    site = make_site({"up0": uplink("packet"), "a": ""})
    with pytest.raises(CommandFailed, match="lldp: belongs to type uplink"):
        site.switch.cli("port", "set", "a", "--lldp", "off")
    with pytest.raises(CommandFailed, match="port 'a' is no uplink"):
        site.switch.cli("uplink", "neighbors", "a")
    assert site.switch.port("up0")["lldp"] == "both" and "lldp" not in site.switch.port("a")
    path = tmp_path / "bad.yaml"
    path.write_text("lldp: { management_address: \"nowhere\" }\n")
    with pytest.raises(CommandFailed, match="bad.yaml:1: .*an IPv4 or IPv6 address, or none"):
        site.switch.cli("apply", path)
    text = site.switch.cli("config", "show")
    path.write_text(text.replace("interval_s: 1", "interval_s: 1\n  mode: receive"))
    assert "lldp" in site.switch.cli("apply", path)
    assert site.switch.port("up0")["lldp"] == "receive"
