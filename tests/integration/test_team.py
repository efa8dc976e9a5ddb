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
    why = "no network interface 'eth1'" if way == "wire gone" else "no link"
    assert site.members()["eth1"]["why"].startswith(why)
    assert site.switch.json("uplink", "show", "up0")["announced"] >= 2
    assert f"'up0': frames go by eth2, not by eth1 ({why}" in site.switch.log()
    assert site.switch.port("up0")["link"] == "up"


def test_an_announcement_has_the_tag_that_the_uplink_gives_its_vlan(make_site):
    site = make_site({"up0": BACKUP.replace("all", "\"100,200\", vlan: 100, "
                                            "vlan_mode: native-untagged"),
                      "a": "vlan: 100", "b": "vlan: 200", "c": "vlan: 300"})
    p2 = site.tap("p2")
    with plug(site.switch, "a") as a, plug(site.switch, "b") as b, plug(site.switch, "c") as c:
        for guest, port, source in ((a, "a", A), (b, "b", B), (c, "c", C)):
            guest.send(frame(BROADCAST, source))
            learned(site.switch, port, source)
        site.net.ip("link", "set", "p1", "down")
        told = [p2.recv() for _ in range(6)]  # three times each
    assert set(told) == {rarp(A), rarp(B, 200)} and p2.recv(0.3) is None


def test_a_device_that_comes_back_waits_and_without_primary_stays_in_reserve(make_site):
    site = make_site({"up0": TEAM + "active-backup, failback_delay_ms: 60000"})
    site.net.ip("link", "set", "p1", "down")
    site.states_are("down", "active")
    site.net.ip("link", "set", "p1", "up")
    site.states_are("waiting", "active")
    assert "works again, waits" in site.members()["eth1"]["why"]
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
    """Which begins anew when its link fails again."""
    site = make_site({"up0": TEAM + "active-backup, failback_delay_ms: 2000, primary: eth2",
                      "a": "vlan: 100"})

    def some_has_passed():
        member = site.members()["eth2"]
        assert member["state"] == "waiting", member
        return int(member["why"].split()[-3]) < 1500
    site.states_are("standby", "active")
    with plug(site.switch, "a") as a:
        a.send(frame(BROADCAST, A))
        learned(site.switch, "a", A)
        site.net.ip("link", "set", "p2", "down")
        site.states_are("active", "down")
        site.net.ip("link", "set", "p2", "up")
        site.states_are("active", "waiting")
        wait_for(some_has_passed, 5, "some of the delay")
        site.net.ip("link", "set", "p2", "down")
        site.states_are("active", "down")
        began = time.monotonic()
        site.net.ip("link", "set", "p2", "up")
        p2 = site.tap("p2")
        assert p2.recv(5) == rarp(A, 100)
        assert time.monotonic() - began >= 2
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


def flow(source_port, kind=0x0800, to=HOST, source=A, tci=None, fragment=0):
    """A UDP datagram, by IPv4 or IPv6."""
    ports = struct.pack("!HHHH", source_port, 53, 8, 0)
    if kind == 0x0800:
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 7, fragment, 64, 17, 0, bytes(4), bytes(4))
    else:
        ip = struct.pack("!IHBB16s16s", 6 << 28, 8, 17, 64, bytes(16), bytes(16))
    return frame(to, source, tci, kind=kind, payload=ip + ports, length=64 if tci else 60)


def test_balance_tcp_keeps_a_flow_on_one_device_and_spreads_flows(make_site):
    site = make_site({"up0": TEAM + "balance-tcp, failback_delay_ms: 0", "a": "vlan: 100",
                      "t": "trunk: all"})
    site.states_are("active", "active")

    def by_device(guest, frames):
        before = {n: m["tx_packets"] for n, m in site.members().items()}
        for f in frames:
            guest.send_many([f])
        wait_for(lambda: sum(m["tx_packets"] - before[n] for n, m in site.members().items()) ==
                 len(frames), 5, "all are sent")
        return [m["tx_packets"] - before[n] for n, m in site.members().items()]

    with plug(site.switch, "a") as a, plug(site.switch, "t") as t:
        for kind in (0x0800, 0x86dd):
            for guest, tci in ((a, None), (t, 100)):
                spread = by_device(guest, [flow(p, kind, tci=tci) for p in range(64)])
                assert min(spread) > 10, (kind, tci, spread)
            assert 0 in by_device(a, [flow(1000, kind)] * 20)
        # Fragments, that have no ports or look as if, stay with the other fragments.
        assert 0 in by_device(a, [flow(p, fragment=0x2000) for p in range(8)] +
                              [flow(p, fragment=100) for p in range(8)])
        # What is no IP goes by its addresses.
        assert min(by_device(a, [frame(mac(i), A) for i in range(100, 164)])) > 10
        # The other side has a team too: groups come by any device.
        while a.recv(0.05):  # the floods of t
            pass
        p2 = site.tap("p2")
        p2.send(frame(BROADCAST, HOST, 100, payload=b"in", length=64))
        assert a.recv() == frame(BROADCAST, HOST, payload=b"in")
    assert_sums_hold(site.switch)


def test_a_port_group_pins_its_own_order(make_site):
    """Two groups that prefer one device each and stand by for the other, as on vSphere."""
    site = make_site({"up0": BACKUP + ", active: [ \"packet:eth1\" ], standby: [ eth2 ]",
                      "a": "portgroup: prod", "b": "portgroup: move", "c": "portgroup: only",
                      "d": "vlan: 100"},
                     {"prod": "vlan: 100", "move": "vlan: 100, active: [ eth2 ], standby: [ eth1 ]",
                      "only": "vlan: 100, active: [ \"packet:eth2\" ]"})
    p1, p2 = site.tap("p1"), site.tap("p2")
    with plug(site.switch, "a") as a, plug(site.switch, "b") as b, plug(site.switch, "c") as c:
        for guest, source, by in ((a, A, p1), (b, B, p2), (c, C, p2)):
            guest.send(frame(HOST, source, payload=b"out"))
            assert by.recv_only(frame(HOST, source, 100, payload=b"out", length=64))
        for port, source in (("a", A), ("b", B), ("c", C)):
            learned(site.switch, port, source)
        for guest in (a, b, c):
            while guest.recv(0.05):  # the floods of the others
                pass
        # What the network floods comes by both; each port has it once.
        for tap in (p1, p2):
            tap.send(frame(BROADCAST, HOST, 100, payload=tap is p1 and b"one" or b"two", length=64))
        assert [g.recv()[14:17] for g in (a, b, c)] == [b"one", b"two", b"two"]
        assert all(g.recv(0.05) is None for g in (a, b, c))
        # Not by a device that the port does not use.
        p1.send(frame(B, HOST, 100, length=64))
        wait_for(lambda: site.switch.stats("up0")["drops"] == {"team_standby": 1}, 5, "the drop")
        orders = {o["port"]: o["devices"] for o in site.switch.json(
            "uplink", "show", "up0")["orders"]}
        assert orders == {"b": ["eth2"], "c": ["eth2"]}
        site.net.ip("link", "set", "p2", "down")
        assert p1.recv_only(rarp(B, 100))
        b.send(frame(HOST, B, payload=b"by the other"))
        assert p1.recv_only(frame(HOST, B, 100, payload=b"by the other", length=64))
        c.send(frame(HOST, C, payload=b"nowhere"))
        wait_for(lambda: site.switch.stats("up0")["drops"].get("link_down") == 1, 5, "no device")
        # The group changes, and its ports follow at once.
        site.switch.cli("portgroup", "set", "only", "--standby", "packet:eth1")
        c.send(frame(HOST, C, payload=b"now"))
        assert p1.recv_only(frame(HOST, C, 100, payload=b"now", length=64))
        site.switch.cli("portgroup", "set", "move", "--active", "none", "--standby", "none")
        assert [o["port"] for o in site.switch.json("uplink", "show", "up0")["orders"]] == ["c"]
    assert_sums_hold(site.switch)


def test_a_port_that_takes_another_order_is_announced_where_it_is_now(make_site):
    """Its group gives the order up, or it takes one that others have already."""
    site = make_site({"up0": BACKUP, "a": "portgroup: prod", "b": "portgroup: move"},
                     {"prod": "vlan: 100", "move": "vlan: 200, active: [ eth2 ]"})
    p1, p2 = site.tap("p1"), site.tap("p2")
    with plug(site.switch, "a") as a, plug(site.switch, "b") as b:
        for guest, port, source in ((a, "a", A), (b, "b", B)):
            guest.send(frame(BROADCAST, source))
            learned(site.switch, port, source)
        for words, by, told in (
                (("portgroup", "set", "prod", "--active", "eth2"), p2, rarp(A, 100)),
                (("portgroup", "set", "prod", "--active", "none"), p1, rarp(A, 100)),
                (("portgroup", "set", "move", "--active", "none"), p1, rarp(B, 200))):
            for tap in (p1, p2):  # until all is said that began before
                while tap.recv(0.5):
                    pass
            site.switch.cli(*words)
            assert by.recv_only(told), words
            assert (p2 if by is p1 else p1).recv(0.3) is None, words


def test_the_primary_is_the_uplinks_own_and_no_port_group_that_has_an_order(make_site):
    site = make_site({"up0": BACKUP + ", primary: eth1", "a": "vlan: 100", "b": "portgroup: move",
                      "c": "portgroup: only"},
                     {"move": "vlan: 100, active: [ eth2 ], standby: [ eth1 ]",
                      "only": "vlan: 100, active: [ eth2 ]"})

    def orders():
        return {o["port"]: o["devices"] for o in site.switch.json("uplink", "show", "up0")[
            "orders"]}
    site.states_are("active", "standby")
    assert orders() == {"b": ["eth2"], "c": ["eth2"]}
    site.net.ip("link", "set", "p2", "down")
    site.states_are("active", "down")
    assert orders() == {"b": ["eth1"], "c": []}
    site.net.ip("link", "set", "p2", "up")
    site.states_are("active", "standby")
    assert orders() == {"b": ["eth2"], "c": ["eth2"]}


def test_devices_come_and_go_while_frames_go_by_the_others(make_site):
    site = make_site({"up0": BACKUP, "a": "vlan: 100"}, n=3)
    outside = site.bridge(3)
    with plug(site.switch, "a") as a:
        a.send(frame(BROADCAST, A))
        learned(site.switch, "a", A)
        with Stream(a.send, outside.recv, HOST, A) as s:
            site.switch.cli("uplink", "add", "up0", "--device", "packet:eth3")
            site.states_are("active", "standby", "standby")
            site.switch.cli("uplink", "del", "up0", "--device", "eth2")
            site.switch.cli("port", "set", "up0", "--failback-delay-ms", "5")
            count = len(s.seen)
            wait_for(lambda: len(s.seen) > count + 20, 5, "the stream goes on")
        assert s.lost_ms() == 0
        # The one in use goes; frames on their way in it are lost at most.
        with Stream(a.send, outside.recv, HOST, A) as s:
            site.switch.cli("uplink", "del", "up0", "--device", "packet:eth1")
            count = len(s.seen)
            wait_for(lambda: len(s.seen) > count + 20, 5, "the stream goes on")
        assert s.lost_ms() < 50
    assert site.states() == {"eth3": "active"}
    for wrong, why in (("packet:eth9", "no network interface 'eth9'"), ("eth2", "is not allowed"),
                       ("packet:eth3", "given twice"), ("xdp:eth3", "given twice")):
        done = site.switch.run("uplink", "add", "up0", "--device", wrong)
        assert done.returncode == 1 and why in done.stderr, done.stderr
    assert "last device" in site.switch.run("uplink", "del", "up0", "--device", "eth3").stderr
    assert "no device" in site.switch.run("uplink", "del", "up0", "--device", "eth7").stderr
    assert "is no uplink" in site.switch.run("uplink", "show", "a").stderr
    assert site.states() == {"eth3": "active"}
    assert_sums_hold(site.switch)


def test_a_device_that_is_missing_at_the_start_is_taken_in_when_it_comes(make_site):
    site = make_site({"up0": BACKUP.replace("eth2", "eth5")}, wait=False)
    assert site.states() == {"eth1": "active", "eth5": "down"}
    assert "no network interface 'eth5'" in site.members()["eth5"]["why"]
    assert "without 'eth5' for now" in site.switch.log()
    site.lay_wire(5)
    wait_for(lambda: site.states() == {"eth1": "active", "eth5": "standby"}, 5, "eth5")
    # Who asks for one that is not there should hear.
    done = site.switch.run("port", "add", "up1", "--bridge", "br0", "--type", "uplink", "--devices",
                           "packet:eth2,packet:eth7")
    assert done.returncode == 1 and "'eth7'" in done.stderr
    assert [p["name"] for p in site.switch.json("port", "list")] == ["up0"]


def test_devices_by_xdp_and_by_packet_are_a_team(make_site):
    site = make_site({"up0": BACKUP.replace("packet:eth1", "xdp:eth1") + ", host: none",
                      "a": "vlan: 100"})
    p1, p2 = site.tap("p1"), site.tap("p2")
    with plug(site.switch, "a") as a:
        a.send(frame(HOST, A, payload=b"out"))
        assert p1.recv_only(frame(HOST, A, 100, payload=b"out", length=64))
        p1.send(frame(A, HOST, 100, payload=b"in", length=64))
        assert a.recv() == frame(A, HOST, payload=b"in")
        site.net.ip("link", "set", "p1", "down")
        assert p2.recv_only(rarp(A, 100))
        a.send(frame(HOST, A, payload=b"by packet"))
        assert p2.recv_only(frame(HOST, A, 100, payload=b"by packet", length=64))
    assert site.members()["eth1"]["xdp"] in ("native", "generic")
    assert site.states() == {"eth1": "down", "eth2": "active"}


def test_what_makes_no_sense_is_refused_with_the_field(make_site):
    site = make_site({"up0": BACKUP, "a": "vlan: 100"}, {"g": "vlan: 1"})
    for argv, why in (
            (("port", "set", "up0", "--primary", "eth9"), "'eth9' is not one of the devices"),
            (("port", "set", "up0", "--device", "packet:eth1"), "device or devices, not both"),
            (("port", "set", "up0", "--active", "eth9"), "no device of a team on bridge 'br0'"),
            (("port", "set", "up0", "--standby", "eth1"), "needs active"),
            (("port", "set", "up0", "--active", "eth1", "--standby", "packet:eth1"), "given twice"),
            (("port", "set", "up0", "--team", "balance-mac", "--primary", "eth1"), "active-backup"),
            (("port", "set", "up0", "--primary", "eth2", "--active", "eth1"),
             "primary: 'eth2' is neither active nor standby"),
            (("port", "set", "a", "--team", "balance-mac"), "team: belongs to type uplink"),
            (("portgroup", "set", "g", "--active", "packet:eth7"), "no device of a team"),
            (("port", "del", "up0"), None)):
        done = site.switch.run(*argv)
        assert (done.returncode == 1 and why in done.stderr) if why else done.returncode == 0, done


def test_uplinks_are_listed_device_by_device(make_site):
    site = make_site({"up0": BACKUP, "a": "vlan: 100"})
    lines = site.switch.cli("uplink", "list").splitlines()
    assert lines[0].split()[:4] == ["NAME", "DEVICE", "STATE", "LINK"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["up0", "packet:eth1", "active", "up"], ["up0", "packet:eth2", "standby", "up"]]
    assert "packet:eth2 standby" in site.switch.port("up0")["members"]
    assert "packet:eth1,packet:eth2" in site.switch.cli("show")
    shown = site.switch.cli("uplink", "show", "up0")
    assert "active-backup" in shown and "packet:eth1" in shown


def mirrored(site, name):
    return site.switch.json("mirror", "show", name)["tx_packets"]


def received(*taps):
    """What came until nothing did for a moment, without announcements."""
    got = []
    for tap in taps:
        while (f := tap.recv(0.2)) is not None:
            if not is_rarp(f, f[6:12]):
                got.append(f)
    return got


@pytest.mark.parametrize("mode", ["balance-mac", "active-backup"])
def test_a_mirror_of_a_team_copies_what_goes_by_any_of_its_devices_once_each(make_site, mode):
    site = make_site({"up0": TEAM + mode, "a": "vlan: 100", "b": "vlan: 100", "m": ""})
    taps = [site.tap("p1"), site.tap("p2")]
    with plug(site.switch, "a") as a, plug(site.switch, "b") as b, plug(site.switch, "m") as m:
        site.switch.cli("mirror", "add", "w", "--bridge", "br0", "--select-src-port", "up0",
                        "--select-dst-port", "up0", "--output-port", "m")
        sources = [mac(0x100 + i) for i in range(8)]
        for source in sources:
            a.send(frame(HOST, source))
        expected = sorted(frame(HOST, s, 100, length=64) for s in sources)
        sent = [received(t) for t in taps]
        assert sorted(sum(sent, [])) == expected
        assert all(sent) == (mode == "balance-mac")
        assert sorted(m.recv_all()) == expected
        b.recv_all()
        # The network floods to both devices: what is dropped at one is not copied from there.
        came = [frame(a_mac, HOST, 100, payload=p, length=64)
                for a_mac, p in ((sources[0], b"1"), (BROADCAST, b"2"))]
        for t in taps:
            for f in came:
                t.send(f)
        wait_for(lambda: site.switch.stats("up0")["rx_packets"] == 4, 5, "four frames")
        taken = came + came[:1] if mode == "balance-mac" else came
        assert sorted(m.recv_all()) == sorted(taken)
        assert site.switch.stats("up0")["drops"].get("team_standby", 0) == (
            1 if mode == "balance-mac" else 2)
        assert mirrored(site, "w") == 8 + len(taken)
    assert_sums_hold(site.switch)


def test_what_is_flooded_is_copied_once_where_ports_have_orders_of_their_own(make_site):
    """By the device of the first order that there is in the VLAN."""
    order = ", active: [ eth2 ]"
    site = make_site({"up0": BACKUP, "a": "vlan: 100", "b": "vlan: 100" + order,
                      "c": "vlan: 200" + order, "m": ""})
    p1, p2 = site.tap("p1"), site.tap("p2")
    site.switch.cli("mirror", "add", "w", "--bridge", "br0", "--select-src-port", "up0",
                    "--output-port", "m")
    with plug(site.switch, "m") as m:
        for vlan in (100, 200):
            for tap, payload in ((p1, b"1"), (p2, b"2")):
                tap.send(frame(BROADCAST, HOST, vlan, payload=payload, length=64))
        wait_for(lambda: site.switch.stats("up0")["rx_packets"] == 4, 5, "four frames")
        assert sorted(m.recv_all()) == [frame(BROADCAST, HOST, 100, payload=b"1", length=64),
                                        frame(BROADCAST, HOST, 200, payload=b"2", length=64)]


def test_a_team_is_a_mirrors_output_and_takes_nothing_else(make_site):
    site = make_site({"up0": BACKUP, "a": "vlan: 100", "b": "vlan: 100"})
    p1, p2 = site.tap("p1"), site.tap("p2")
    with plug(site.switch, "a") as a, plug(site.switch, "b") as b:
        a.send(frame(BROADCAST, A))
        assert b.recv_only(frame(BROADCAST, A))
        learned(site.switch, "a", A)
        site.switch.cli("mirror", "add", "w", "--bridge", "br0", "--select-src-port", "b",
                        "--output-port", "up0")
        received(p1, p2)
        copied = frame(A, B, payload=b"copied")
        b.send(copied)
        assert a.recv() == copied and p1.recv() == copied
        a.send(frame(BROADCAST, A))
        p1.send(frame(BROADCAST, HOST, 100))
        wait_for(lambda: site.switch.stats("up0")["drops"] == {"from_mirror_port": 1}, 5, "dropped")
        # The other device goes on with it, and announces nobody, since nobody is behind.
        announced = site.switch.json("uplink", "show", "up0")["announced"]
        site.net.ip("link", "set", "p1", "down")
        wait_for(lambda: site.states()["eth2"] == "active", 5, "eth2 takes over")
        b.send(copied)
        assert p2.recv() == copied and p2.recv(0.7) is None
    assert site.switch.json("uplink", "show", "up0")["announced"] == announced
    assert_sums_hold(site.switch)


@pytest.mark.parametrize("mode", ["balance-mac", "active-backup", "balance-tcp", "pinned"])
def test_copies_in_a_vlan_leave_a_team_once_and_do_not_come_back(make_site, mode):
    """The network floods what it has not learned: to the other device as well, where that is no
    part of one link. Pinned: the source's and the listener's frames go by the other device."""
    order = ", active: [ eth2 ], standby: [ eth1 ]" if mode == "pinned" else ""
    team = mode if mode != "pinned" else "active-backup, active: [ eth1 ], standby: [ eth2 ]"
    site = make_site({"up0": TEAM + team, "a": "vlan: 100" + order, "b": "vlan: 100",
                      "ids": "vlan: 999" + order})
    taps = [site.tap("p1"), site.tap("p2")] if mode == "balance-tcp" else [site.bridge()]
    with plug(site.switch, "a") as a, plug(site.switch, "b") as b, \
            plug(site.switch, "ids") as ids:
        site.switch.cli("mirror", "add", "far", "--bridge", "br0", "--select-src-port", "a,up0",
                        "--output-vlan", "999", "--select-vlan", "100")
        sources = [mac(0x100 + i) for i in range(8)]
        for source in sources:
            a.send(frame(BROADCAST, source))
            learned(site.switch, "a", source)
        got = received(*taps)
        assert sorted(f for f in got if f[14:16] == b"\x03\xe7") == sorted(
            frame(BROADCAST, s, 999, length=64) for s in sources)
        assert sorted(ids.recv_all()) == sorted(frame(BROADCAST, s) for s in sources)
        b.recv_all()
        # And what came by the team: its copy goes back there, once.
        taps[0].send(frame(BROADCAST, HOST, 100, payload=b"in", length=64))
        assert a.recv_only(frame(BROADCAST, HOST, payload=b"in"))
        got = received(*taps)
        assert got.count(frame(BROADCAST, HOST, 999, payload=b"in", length=64)) == 1
        assert ids.recv_all() == [frame(BROADCAST, HOST, payload=b"in")]
        # Another host's copies in that VLAN are taken, once each.
        taps[0].send(frame(mac(0x77), HOST, 999, payload=b"far", length=64))
        assert ids.recv_all() == [frame(mac(0x77), HOST, payload=b"far")]
    assert_sums_hold(site.switch)
