# SPDX-License-Identifier: BSD-3-Clause
"""Teams that speak LACP, with Open vSwitch at the other end of the wires. A host stands behind it,
guests on the switch."""

import struct
import threading
import time

import pytest

from daemon import CommandFailed, wait_for
from netns import wire
from ovs_bond import OvsBond
from ports import assert_sums_hold, config, learned, link_is, plug
from vhost_guest import BROADCAST, frame, mac

A, HOST = mac(0xa), mac(0xb0)
TEAM = ("type: uplink, devices: [ \"packet:eth1\", \"packet:eth2\" ], team: lacp, lacp_rate: fast, "
        "trunk: all")
SLOW = b"\x88\x09"
OUTAGE_S = 0.05
ATTEMPTS = 3  # of something that a busy machine may spoil


class Site:
    """A switch with a team of eth1 and eth2, Open vSwitch at e1 and e2, and a host behind it."""

    def __init__(self, make_netns, make_switch, fields, head=None):
        self.ns, self.peer, self.host = make_netns("sw"), make_netns("pe"), make_netns("ho")
        for ns in (self.ns, self.peer, self.host):
            ns.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1",
                   "net.ipv6.conf.default.disable_ipv6=1")
        for i in (1, 2):
            wire(self.ns, f"eth{i}", self.peer, f"e{i}")
        wire(self.peer, "h0", self.host, "eth0")
        self.ovs = None
        options = {"head": head} if head else {}
        self.switch = make_switch(config({"up0": fields, "a": ""}, **options),
                                  prefix=self.ns.command())

    def members(self):
        """{device: member}"""
        return {m["device"]: m for m in self.switch.json("uplink", "show", "up0")["members"]}

    def in_use(self):
        return sorted(d for d, m in self.members().items() if m["state"] == "active")

    def wait_in_use(self, *devices, seconds=15):
        wait_for(lambda: self.in_use() == sorted(devices), seconds, f"{devices} in use")


BOTH = ("packet:eth1", "packet:eth2")


@pytest.fixture
def make_site(make_netns, make_switch):
    sites = []

    def make(fields=TEAM, settings=("lacp=active", "other_config:lacp-time=fast"), ovs=True,
             devices=BOTH, **options):
        site = Site(make_netns, make_switch, fields, **options)
        sites.append(site)
        if ovs:
            site.ovs = OvsBond(site.peer, ["e1", "e2"], ["h0"], settings)
            site.wait_in_use(*devices)
        return site
    yield make
    for site in sites:
        if site.ovs:
            site.ovs.close()


def flow(i):
    """A frame of UDP, another flow for each i."""
    udp = struct.pack("!HHHH", 1000 + i, 2000, 8, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, i, 0, 64, 17, 0, bytes([10, 0, 0, 1]),
                     bytes([10, 0, 0, 2]))
    return frame(HOST, A, payload=ip + udp)


def test_it_negotiates_shows_its_partner_and_shares_flows_out(make_site, tap):
    site = make_site()
    host = tap(site.host, "eth0")
    link_is(site.switch, "up0")
    wait_for(lambda: site.ovs.in_use() == ["e1", "e2"], 10, "the partner too")
    bond = site.ovs.appctl("lacp/show", "bond0")
    assert "status: active negotiated" in bond
    system = site.switch.json("uplink", "show", "up0")["members"][0]["lacp"]["actor"]["system"]
    assert f"partner sys_id: {system}" in bond
    for member in site.members().values():
        lacp = member["lacp"]
        assert (lacp["receive"], lacp["mux"], lacp["selected"]) == (
            "current", "collecting-distributing", True)
        both = {"activity", "short-timeout", "aggregation", "synchronization", "collecting",
                "distributing"}
        assert set(lacp["actor"]["state"]) == both == set(lacp["partner"]["state"])
        assert lacp["partner"]["system"] in bond and lacp["sent"] and lacp["received"]
    assert "port 'up0': 'eth1' is in use by LACP" in site.switch.log()
    shown = site.switch.cli("uplink", "show", "up0").split("\nLACP ")[1].splitlines()
    for row, (end, party) in zip(shown[3:5], (("this", lacp["actor"]), ("partner", lacp["partner"]))):
        words = [end, party["system"]] + [str(party[k]) for k in (
            "system_priority", "key", "port", "port_priority")] + [",".join(party["state"])]
        assert row.split()[-len(words):] == words
    assert shown[3].split()[:3] == ["packet:eth2", lacp["receive"], lacp["mux"]]
    with plug(site.switch, "a") as a:
        host.send(frame(BROADCAST, HOST, payload=b"hello"))
        assert a.recv()[:12] == BROADCAST + HOST
        learned(site.switch, "up0", HOST)
        before = {d: m["tx_packets"] for d, m in site.members().items()}
        for i in range(200):
            a.send(flow(i))
        got = 0
        while got < 200:
            f = host.recv(5)
            assert f
            got += f[6:12] == A
        sent = [m["tx_packets"] - before[d] for d, m in site.members().items()]
        assert sum(sent) == 200 and min(sent) > 40, sent
        # LACPDUs are nobody's but the switch's.
        assert a.recv(0.05) is None
    assert_sums_hold(site.switch)


@pytest.mark.parametrize("host_gets", ["own", "none", "all-but-vms"])
def test_lacp_by_xdp_is_the_switchs_alone_whatever_the_host_gets(make_site, tap, host_gets):
    devices = ("xdp:eth1", "xdp:eth2")
    site = make_site(TEAM.replace("packet:", "xdp:") + f", host: {host_gets}", devices=devices)
    wait_for(lambda: site.ovs.in_use() == ["e1", "e2"], 10, "the partner too")
    host, heard_by_host = tap(site.host, "eth0"), tap(site.ns, "eth1")
    assert site.switch.port("up0")["host"] == host_gets
    assert all(m["xdp"] == "native" for m in site.members().values())
    before = site.members()["xdp:eth1"]["lacp"]["received"]
    with plug(site.switch, "a") as a:
        host.send(frame(BROADCAST, HOST, payload=b"to all"))
        assert a.recv()[:12] == BROADCAST + HOST
        learned(site.switch, "up0", HOST)
        for i in range(50):
            a.send(flow(i))
        assert sum(f[6:12] == A for f in (host.recv(5) for _ in range(50)) if f) == 50
        wait_for(lambda: site.members()["xdp:eth1"]["lacp"]["received"] > before + 1, 10,
                 "two more LACPDUs")
        assert a.recv(0.05) is None
    while (f := heard_by_host.recv(0.05)) is not None:
        assert f[12:14] != SLOW, f
    # Without LACP such frames are the host's as before, which may have a bond of its own.
    site.switch.cli("port", "set", "up0", "--team", "balance-tcp", "--lacp-rate",
                    "none")
    if host_gets != "none":
        wait_for(lambda: (heard_by_host.recv(1) or bytes(14))[12:14] == SLOW, 10, "an LACPDU")
    site.switch.cli("port", "set", "up0", "--team", "lacp")
    site.wait_in_use(*devices)
    assert_sums_hold(site.switch)


class Stream:
    """A guest's numbered frames of many flows, one every 2 ms, and which of them the host got."""

    def __init__(self, guest, host):
        self.guest, self.host, self.sent, self.got = guest, host, [], set()
        self.done = threading.Event()
        self.threads = [threading.Thread(target=f) for f in (self._send, self._receive)]

    def _send(self):
        while not self.done.wait(0.002):
            n = len(self.sent)
            self.guest.send(flow(n % 64)[:42] + struct.pack("!I", n) + bytes(14))
            self.sent.append(time.monotonic())

    def _receive(self):
        while not self.done.is_set() or self.host.socket.gettimeout():
            f = self.host.recv(0.2)
            if f and f[6:12] == A:
                self.got.add(struct.unpack("!I", f[42:46])[0])
            elif self.done.is_set():
                return

    def __enter__(self):
        for t in self.threads:
            t.start()
        wait_for(lambda: len(self.got) > 50, 10, "the stream flows")
        return self

    def __exit__(self, *_):
        self.done.set()
        for t in self.threads:
            t.join()

    def outage_s(self):
        """From the first to behind the last frame that was lost."""
        lost = [i for i in range(len(self.sent)) if i not in self.got]
        if not lost:
            return 0
        end = min(lost[-1] + 1, len(self.sent) - 1)
        return self.sent[end] - self.sent[lost[0]]


def test_a_link_that_goes_costs_at_most_50_ms_of_a_stream(make_site, tap):
    site = make_site()
    host, outages = tap(site.host, "eth0"), []
    with plug(site.switch, "a") as a:
        host.send(frame(BROADCAST, HOST))
        assert a.recv()
        learned(site.switch, "up0", HOST)
        for i in range(ATTEMPTS):
            with Stream(a, host) as stream:
                site.peer.ip("link", "set", "e1", "down")
                site.wait_in_use("packet:eth2")
                n = len(stream.got)
                wait_for(lambda: len(stream.got) > n + 100, 10, "the stream goes on")
            outages.append(stream.outage_s())
            site.peer.ip("link", "set", "e1", "up")
            site.wait_in_use(*BOTH)
            if outages[-1] <= OUTAGE_S:
                break
    assert min(outages) <= OUTAGE_S, outages


def test_a_partner_that_falls_silent_is_out_of_use_and_the_team_falls_back_if_told_to(make_site,
                                                                                      tap):
    site = make_site()
    site.ovs.pause()
    site.wait_in_use(seconds=10)  # none
    link_is(site.switch, "up0", "down")
    wait_for(lambda: {m["lacp"]["receive"] for m in site.members().values()} == {"defaulted"}, 10,
             "defaulted")
    assert {m["why"] for m in site.members().values()} == {"LACP: nobody answers"}
    site.switch.cli("port", "set", "up0", "--lacp-fallback", "true")
    wait_for(lambda: len(site.in_use()) == 1, 10, "one device in use")
    link_is(site.switch, "up0")
    site.ovs.go_on()
    site.wait_in_use(*BOTH)


def test_a_device_taken_out_of_the_team_is_out_of_use_at_the_partner_at_once(make_site, tap):
    site = make_site(settings=("lacp=active",))  # slow: it would not notice for 90 s
    host = tap(site.host, "eth0")
    site.switch.cli("uplink", "del", "up0", "--device", "packet:eth1")
    wait_for(lambda: site.ovs.in_use() == ["e2"], 5, "e1 is out of use there")
    with plug(site.switch, "a") as a:
        host.send(frame(BROADCAST, HOST))
        assert a.recv()
        for i in range(50):
            a.send(flow(i))
        assert all(host.recv(5) for _ in range(50))
    site.switch.cli("uplink", "add", "up0", "--device", "packet:eth1")
    site.wait_in_use(*BOTH)
    # And one that the partner takes out goes by its time.
    uuid = site.ovs.vsctl("get", "interface", "e2", "_uuid").strip()
    site.ovs.vsctl("remove", "port", "bond0", "interfaces", uuid)
    site.wait_in_use("packet:eth1")


def test_a_device_that_leads_to_another_switch_is_used_when_the_others_are_gone(make_netns,
                                                                                make_switch):
    site = Site(make_netns, make_switch, TEAM.replace(" ]", ", \"packet:eth3\" ]"))
    stranger = make_netns("st")
    wire(site.ns, "eth3", stranger, "e3")
    wire(stranger, "more", stranger, "far")  # a bond has two at least
    site.ovs = OvsBond(site.peer, ["e1", "e2"], ["h0"])
    other = None
    try:
        site.wait_in_use(*BOTH)
        other = OvsBond(stranger, ["e3", "more"], [])
        wait_for(lambda: site.members()["packet:eth3"]["why"] == "LACP: another partner's", 10,
                 "another partner")
        partners = [m["partner"] for m in site.members().values()]
        assert partners[0] == partners[1] != partners[2]
        assert site.in_use() == sorted(BOTH) and other.in_use() == []
        for e in ("e1", "e2"):
            site.peer.ip("link", "set", e, "down")
        site.wait_in_use("packet:eth3")
    finally:
        site.ovs.close()
        if other:
            other.close()


def test_two_passive_ends_do_not_negotiate_and_an_active_one_is_answered(make_site):
    site = make_site(TEAM + ", lacp: passive")
    site.ovs.vsctl("set", "port", "bond0", "lacp=passive")
    assert site.members()["packet:eth1"]["lacp"]["actor"]["state"].count("activity") == 0
    site.wait_in_use(seconds=30)
    site.switch.cli("port", "set", "up0", "--lacp", "active")
    site.wait_in_use(*BOTH)


def test_lacp_fields_belong_to_a_team_with_lacp(make_site):
    site = make_site(ovs=False)
    for words in (["--lacp", "active"], ["--lacp-rate", "fast"], ["--lacp-fallback", "true"]):
        with pytest.raises(CommandFailed, match=f"{words[0][2:].replace('-', '_')}: belongs to"):
            site.switch.cli("port", "add", "up1", "--bridge", "br0", "--type", "uplink",
                            "--devices", "packet:eth3,packet:eth4", *words)
