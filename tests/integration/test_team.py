# SPDX-License-Identifier: BSD-3-Clause
"""Uplinks of several devices. shuntd runs in a namespace of its own with two or three wires to a
network in another: their ends p1, p2, p3 there are looked at one by one, or are ports of a bridge
of Linux's, which is then the physical switch."""

import statistics
import struct
import threading
import time

import pytest

from daemon import wait_for
from netns import Tap, wire
from ports import assert_sums_hold, config, learned, link_is, plug
from vhost_guest import BROADCAST, frame, mac

A, B, C, HOST = mac(0xa), mac(0xb), mac(0xc), mac(0xb0)
TEAM = "type: uplink, trunk: all, devices: [ \"packet:eth1\", \"packet:eth2\" ], team: "
BACKUP = TEAM + "active-backup, failback_delay_ms: 0"
RARP = 0x8035


class Site:
    """A namespace with a switch, one with the network, and wires eth1 to p1, eth2 to p2, ..."""

    def __init__(self, make_netns, n=2):
        self.ns, self.net = make_netns("sw"), make_netns("ne")
        for ns in (self.ns, self.net):  # no frame but the test's own
            ns.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1",
                   "net.ipv6.conf.default.disable_ipv6=1")
        for i in range(1, n + 1):
            self.lay_wire(i)
        self.taps, self.switch = [], None

    def lay_wire(self, i):
        wire(self.ns, f"eth{i}", self.net, f"p{i}")

    def tap(self, interface):
        self.taps.append(Tap(self.net, interface))
        return self.taps[-1]

    def bridge(self, n=2):
        """The physical switch: the wires' ends and h0 are ports of one bridge; frames of the host
        behind it are those of its other end, h1."""
        self.net.ip("link", "add", "br0", "type", "bridge", "ageing_time", "30000")
        self.net.ip("link", "set", "br0", "up")
        wire(self.net, "h0", self.net, "h1")
        for port in [f"p{i}" for i in range(1, n + 1)] + ["h0"]:
            self.net.ip("link", "set", port, "master", "br0")
        return self.tap("h1")

    def members(self):
        return {m["device"].split(":")[1]: m for m in self.switch.json("uplink", "show", "up0")[
            "members"]}

    def states(self):
        return {name: m["state"] for name, m in self.members().items()}

    def states_are(self, *states, seconds=5):
        wanted = {f"eth{i + 1}": s for i, s in enumerate(states)}
        wait_for(lambda: self.states() == wanted, seconds, f"{wanted}, not {self.states()}")


@pytest.fixture
def make_site(make_netns, make_switch):
    """make_site({port: fields}, groups, n wires): up0 is the team."""
    sites = []

    def make(ports, groups=(), n=2, wait=True):
        site = Site(make_netns, n)
        sites.append(site)
        site.switch = make_switch(config(ports, groups), prefix=site.ns.command())
        if wait:
            link_is(site.switch, "up0")
            wait_for(lambda: all(m["link"] == "up" for m in site.members().values()), 5, "links")
        return site
    yield make
    for site in sites:
        for tap in site.taps:
            tap.close()


def rarp(source, tci=None):
    """What is said of an address that moved (RFC 903)."""
    body = struct.pack("!HHBBH6s4x6s4x", 1, 0x0800, 6, 4, 3, source, source)
    return frame(BROADCAST, source, tci, kind=RARP, payload=body, length=64 if tci else 60)


def is_rarp(received, source):
    return received[6:12] == source and struct.pack("!H", RARP) in (received[12:14],
                                                                    received[16:18])


def received_without_rarp(tap, seconds=2.0):
    while (got := tap.recv(seconds)) is not None and got[12:14] == struct.pack("!H", RARP):
        pass
    return got


def test_one_device_sends_and_what_the_other_receives_is_dropped(make_site):
    site = make_site({"up0": BACKUP, "a": "vlan: 100"})
    p1, p2 = site.tap("p1"), site.tap("p2")
    site.states_are("active", "standby")
    with plug(site.switch, "a") as a:
        a.send(frame(BROADCAST, A, payload=b"out"))
        assert received_without_rarp(p1) == frame(BROADCAST, A, 100, payload=b"out", length=64)
        assert received_without_rarp(p2, 0.1) is None
        p2.send(frame(BROADCAST, HOST, 100, payload=b"by standby", length=64))
        wait_for(lambda: site.switch.stats("up0")["drops"] == {"team_standby": 1}, 5, "the drop")
        p1.send(frame(BROADCAST, HOST, 100, payload=b"in", length=64))
        assert a.recv() == frame(BROADCAST, HOST, payload=b"in")
        assert a.recv(0.05) is None
    members = site.members()
    assert (members["eth1"]["tx_packets"], members["eth2"]["tx_packets"]) == (1, 0)
    assert (members["eth2"]["rx_packets"], members["eth2"]["rx_dropped"]) == (1, 1)
    assert members["eth1"]["rx_dropped"] == 0 and members["eth1"]["mac"]
    assert_sums_hold(site.switch)


@pytest.mark.parametrize("way", ["peer down", "own down", "wire gone"])
def test_the_other_device_takes_over_and_says_where_addresses_are(make_site, way):
    site = make_site({"up0": BACKUP, "a": "vlan: 100", "b": "vlan: 200"})
    p1, p2 = site.tap("p1"), site.tap("p2")
    with plug(site.switch, "a") as a, plug(site.switch, "b") as b:
        a.send(frame(BROADCAST, A))
        b.send(frame(BROADCAST, B))
        learned(site.switch, "a", A)
        learned(site.switch, "b", B)
        p1.send(frame(A, HOST, 100))
        learned(site.switch, "up0", HOST)
        if way == "peer down":
            site.net.ip("link", "set", "p1", "down")
        elif way == "own down":
            site.ns.ip("link", "set", "eth1", "down")
        else:
            site.ns.ip("link", "del", "eth1")
        got = {p2.recv(), p2.recv()}
        assert got == {rarp(A, 100), rarp(B, 200)}
        learned(site.switch, "up0", HOST)  # behind the team, whichever device
        a.send(frame(HOST, A, payload=b"on"))
        assert p2.recv_only(frame(HOST, A, 100, payload=b"on", length=64))
        p2.send(frame(A, HOST, 100, payload=b"back", length=64))
        assert a.recv_only(frame(A, HOST, payload=b"back"))
    assert site.states() == {"eth1": "down", "eth2": "active"}
    assert site.members()["eth1"]["why"] == "no link"
    assert site.switch.json("uplink", "show", "up0")["announced"] >= 2
    assert "'up0': frames go by eth2, not by eth1 (no link)" in site.switch.log()
    assert site.switch.port("up0")["link"] == "up"


def test_a_device_that_comes_back_waits_and_without_primary_stays_in_reserve(make_site):
    site = make_site({"up0": TEAM + "active-backup, failback_delay_ms: 60000"})
    site.net.ip("link", "set", "p1", "down")
    site.states_are("down", "active")
    site.net.ip("link", "set", "p1", "up")
    site.states_are("waiting", "active")
    assert "others give way in" in site.members()["eth1"]["why"]
    site.switch.cli("port", "set", "up0", "--failback-delay-ms", "0")
    site.states_are("standby", "active")
    # Better one that has not worked for long than none.
    site.switch.cli("port", "set", "up0", "--failback-delay-ms", "60000")
    site.net.ip("link", "set", "p1", "down")
    site.net.ip("link", "set", "p2", "down")
    link_is(site.switch, "up0", "down")
    site.net.ip("link", "set", "p1", "up")
    site.states_are("active", "down")


def test_the_primary_device_is_used_again_after_the_delay(make_site):
    site = make_site({"up0": TEAM + "active-backup, failback_delay_ms: 300, primary: eth2",
                      "a": "vlan: 100"})
    site.states_are("standby", "active")
    with plug(site.switch, "a") as a:
        a.send(frame(BROADCAST, A))
        learned(site.switch, "a", A)
        site.net.ip("link", "set", "p2", "down")
        site.states_are("active", "down")
        began = time.monotonic()
        site.net.ip("link", "set", "p2", "up")
        p2 = site.tap("p2")
        assert p2.recv() == rarp(A, 100)
        assert time.monotonic() - began >= 0.3
    site.states_are("standby", "active")
    site.switch.cli("port", "set", "up0", "--primary", "packet:eth1")
    site.states_are("active", "standby")


class Stream:
    """Numbered frames a millisecond apart from send(frame) until it is stopped, and the span in
    which those that recv() did not see were sent."""

    def __init__(self, send, recv, to, source, tci=None):
        self.send, self.recv, self.head = send, recv, (to, source, tci)
        self.sent_at, self.seen, self.goes_on = [], set(), True
        self.threads = [threading.Thread(target=f) for f in (self._send, self._receive)]

    def _send(self):
        event, (to, source, tci) = threading.Event(), self.head
        while self.goes_on:
            number = struct.pack("!4sI", b"strm", len(self.sent_at))
            self.sent_at.append(time.monotonic())
            try:
                self.send(frame(to, source, tci, payload=number, length=64))
            except OSError:  # the interface is down: one lost
                pass
            event.wait(0.001)

    def _receive(self):
        while True:
            got = self.recv(0.3)
            if got is None and not self.goes_on:
                return
            at = got.find(b"strm") if got else -1
            if at >= 0:
                self.seen.add(struct.unpack_from("!I", got, at + 4)[0])

    def __enter__(self):
        for t in self.threads:
            t.start()
        wait_for(lambda: len(self.seen) > 20, 10, "the stream")
        return self

    def __exit__(self, *_):
        self.goes_on = False
        for t in self.threads:
            t.join()

    def lost_ms(self):
        """The longest time without a frame getting through: from the sending of the last before
        the gap to that of the first after it."""
        numbers = sorted(self.seen)
        return max(((self.sent_at[b] - self.sent_at[a]) * 1000
                    for a, b in zip(numbers, numbers[1:]) if b - a > 1), default=0)


@pytest.mark.parametrize("mode", ["active-backup", "balance-mac", "balance-tcp"])
def test_at_most_50_ms_of_a_stream_are_lost_when_a_link_goes(make_site, mode):
    """Both ways, through a bridge as the physical switch. Of five failures the one in the middle
    counts, since other tests run beside."""
    site = make_site({"up0": TEAM + f"{mode}, failback_delay_ms: 0", "a": "vlan: 100"})
    outside = site.bridge()
    lost = {"out": [], "in": []}
    with plug(site.switch, "a") as a:
        a.send(frame(BROADCAST, A))
        learned(site.switch, "a", A)
        outside.send(frame(A, HOST, 100, length=64))
        learned(site.switch, "up0", HOST)
        for _ in range(5):
            inwards = mode != "balance-tcp"  # the bridge's ports are no team
            streams = [Stream(a.send, outside.recv, HOST, A)]
            if inwards:
                streams.append(Stream(outside.send, a.recv, A, HOST, 100))
            busy = next(n for n, m in site.members().items() if m["state"] == "active")
            for s in streams:
                s.__enter__()
            before = {n: m["tx_packets"] for n, m in site.members().items()}
            wait_for(lambda: any(m["tx_packets"] > before[n] + 5
                                 for n, m in site.members().items()), 5, "frames")
            busy = max(site.members().values(), key=lambda m: m["tx_packets"] - before[
                m["device"].split(":")[1]])["device"][-1]
            site.net.ip("link", "set", f"p{busy}", "down")
            wait_for(lambda: site.members()[f"eth{busy}"]["state"] == "down", 5, "the failure")
            count = len(streams[0].seen)
            wait_for(lambda: len(streams[0].seen) > count + 50, 5, "the stream goes on")
            for s in streams:
                s.__exit__()
            lost["out"].append(streams[0].lost_ms())
            if inwards:
                lost["in"].append(streams[1].lost_ms())
            site.net.ip("link", "set", f"p{busy}", "up")
            wait_for(lambda: site.members()[f"eth{busy}"]["link"] == "up", 5, "the link")
    print(mode, lost)
    for way, spans in lost.items():
        assert not spans or statistics.median(spans) <= 50, (way, spans)


def one_of_each(site, name, taps):
    """Addresses whose frames leave by each of the devices: {"p1": address, "p2": address}."""
    found = {}
    with plug(site.switch, name) as guest:
        for i in range(1, 64):
            if len(found) == len(taps):
                return found
            guest.send(frame(BROADCAST, mac(i), payload=b"who"))
            wanted = frame(BROADCAST, mac(i), 100, payload=b"who", length=64)
            by = wait_for(lambda: [n for n, t in taps.items() if t.recv_only(wanted, 0.05)], 5)
            assert len(by) == 1
            found.setdefault(by[0], mac(i))
    raise AssertionError(f"all by {list(found)}")


def test_balance_mac_keeps_an_address_on_one_device_and_hears_itself_on_none(make_site):
    site = make_site({"up0": TEAM + "balance-mac, failback_delay_ms: 0", "a": "vlan: 100",
                      "b": "vlan: 100"})
    taps = {"p1": site.tap("p1"), "p2": site.tap("p2")}
    site.states_are("active", "active")
    who = one_of_each(site, "a", taps)
    with plug(site.switch, "a") as a, plug(site.switch, "b") as b:
        for _ in range(3):
            for name, address in who.items():
                a.send(frame(BROADCAST, address, payload=b"out"))
                assert b.recv() == frame(BROADCAST, address, payload=b"out")
                assert taps[name].recv_only(
                    frame(BROADCAST, address, 100, payload=b"out", length=64))
        # The physical switch floods a broadcast to the team's other device.
        other = {"p1": "p2", "p2": "p1"}
        for name, address in who.items():
            taps[other[name]].send(frame(BROADCAST, address, 100, payload=b"out", length=64))
        wait_for(lambda: site.switch.stats("up0")["drops"] ==
                 {"team_own": 1, "team_standby": 1}, 5, "its own frames are dropped")
        # What others send to a group is taken from one device, what is for a guest from each.
        taps["p1"].send(frame(BROADCAST, HOST, 100, payload=b"to all", length=64))
        taps["p2"].send(frame(BROADCAST, HOST, 100, payload=b"to all", length=64))
        learned(site.switch, "a", who["p1"])
        for tap in taps.values():
            tap.send(frame(who["p1"], HOST, 100, payload=b"to one", length=64))
        assert [a.recv()[14:21] for _ in range(3)] == [b"to all\0", b"to one\0", b"to one\0"]
        assert a.recv(0.05) is None
        site.net.ip("link", "set", "p1", "down")
        assert taps["p2"].recv_only(rarp(who["p1"], 100))
        site.states_are("down", "active")
        a.send(frame(BROADCAST, who["p1"], payload=b"over there"))
        assert taps["p2"].recv_only(frame(BROADCAST, who["p1"], 100, payload=b"over there",
                                          length=64))
    assert_sums_hold(site.switch)


def test_the_very_first_broadcast_of_a_guest_is_not_taken_for_somebody_elses(make_site):
    """It comes back at once, before its address is learned."""
    site = make_site({"up0": TEAM + "balance-mac, failback_delay_ms: 0", "a": "vlan: 100"})
    site.bridge()
    with plug(site.switch, "a") as a:
        for i in range(1, 40):
            a.send(frame(BROADCAST, mac(i), payload=b"first"))
        for i in range(1, 40):
            learned(site.switch, "a", mac(i))
        assert a.recv(0.05) is None
    assert "moved from port" not in site.switch.log()
    assert_sums_hold(site.switch)


def test_an_address_that_moved_away_is_believed_when_it_says_so_and_was_silent(make_site):
    site = make_site({"up0": TEAM + "balance-mac, failback_delay_ms: 0", "a": "vlan: 100"})
    p1 = site.tap("p1")
    with plug(site.switch, "a") as a:
        a.send(frame(BROADCAST, A))
        learned(site.switch, "a", A)
        p1.send(rarp(A, 100))
        wait_for(lambda: site.switch.stats("up0")["drops"].get("team_own") == 1, 5, "too soon")

        def announced():
            p1.send(frame(HOST, A, 100, length=64))  # says nothing: never believed
            p1.send(rarp(A, 100))
            return any(e["mac"] == "02:00:00:00:00:0a" and e["port"] == "up0"
                       for e in site.switch.json("fdb", "list"))
        began = time.monotonic()
        wait_for(announced, 10, "the move", interval=0.2)
        assert time.monotonic() - began > 3
