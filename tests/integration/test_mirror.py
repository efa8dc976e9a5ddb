# SPDX-License-Identifier: BSD-3-Clause
"""Mirrors: copies of what ports send and get, to one more port or to a VLAN. In the tables of
learning bridges Open vSwitch does the same next to us, on dummy ports."""

import subprocess

import pytest

from daemon import CommandFailed, wait_for
from guest import Guest
from netns import Tap, unique, wire
from openflow import QUIET_S, Bridge, ofctl
from ovs_peer import OpenVSwitch
from ports import assert_sums_hold, config, learned, link_is, plug
from test_offloads import LEAVES, TAKES, Packet, l4_of
from vhost_guest import BROADCAST, frame, mac

A, B, C, T = mac(0xa), mac(0xb), mac(0xc), mac(0xf)
LLDP = b"\x01\x80\xc2\x00\x00\x0e"
PORTS = {"a": "vlan: 10", "b": "vlan: 10", "c": "vlan: 20", "t": "trunk: \"10,20,99\"", "m": ""}


def tagged(data, vlan):
    return data[:12] + b"\x81\x00" + bytes([vlan >> 8, vlan & 255]) + data[12:]


def copies(switch, name):
    return switch.json("mirror", "show", name)["tx_packets"]


@pytest.fixture
def guests(make_switch):
    """Guests on PORTS, those of VLAN 10 and the trunk known to the bridge."""
    made = {}
    switch = make_switch(config(PORTS))
    made.update({name: plug(switch, name) for name in PORTS})
    made["switch"] = switch
    for name, address, tag in (("b", B, None), ("a", A, None), ("t", T, 10)):
        made[name].send(frame(BROADCAST, address, tag))
        learned(switch, name, address)
    for name in PORTS:
        made[name].recv_all(QUIET_S)
    yield made
    for w in switch.json("worker", "stats"):
        assert w["rx_packets"] + w["copied"] == w["tx_packets"] + w["dropped"], w
    for name in PORTS:
        made[name].close()


def all_of(guest):
    return guest.recv_all(QUIET_S)


def sends(guests, name, *frames):
    """Send, and wait until the switch has done with them."""
    switch = guests["switch"]
    before = switch.stats(name)["rx_packets"]
    guests[name].send_many(frames)
    wait_for(lambda: switch.stats(name)["rx_packets"] >= before + len(frames), 10, "the frames")


def test_what_a_port_sends_is_copied_as_it_was_sent(guests):
    switch = guests["switch"]
    before = switch.stats("m")["tx_packets"]
    switch.cli("mirror", "add", "m1", "--bridge", "br0", "--select-src-port", "a,t",
               "--output-port", "m")
    out, other = frame(B, A, payload=b"out", length=1514), frame(BROADCAST, T, 10, payload=b"t", length=64)
    sends(guests, "a", out)
    assert guests["b"].recv() == out and guests["m"].recv() == out
    sends(guests, "t", other)
    assert guests["m"].recv() == other and guests["a"].recv_only(frame(BROADCAST, T, payload=b"t"))
    sends(guests, "b", frame(A, B))
    assert all_of(guests["m"]) == []
    (listed,) = switch.json("mirror", "list")
    assert (listed["tx_packets"], listed["tx_bytes"]) == (2, len(out) + len(other))
    assert switch.stats("m")["tx_packets"] == before + 2
    assert_sums_hold(switch)


def test_what_a_port_gets_is_copied_as_it_gets_it(guests):
    switch = guests["switch"]
    switch.cli("mirror", "add", "m1", "--bridge", "br0", "--select-dst-port", "b,t",
               "--output-port", "m")
    sends(guests, "a", frame(B, A, payload=b"1"))
    assert all_of(guests["m"]) == [frame(B, A, payload=b"1")]
    sends(guests, "a", frame(T, A, payload=b"2"))
    assert all_of(guests["m"]) == [frame(T, A, 10, payload=b"2", length=64)]
    sends(guests, "b", frame(A, B))
    assert all_of(guests["m"]) == []


def test_a_frame_is_copied_once_however_often_it_is_selected(guests):
    switch = guests["switch"]
    switch.cli("mirror", "add", "m1", "--bridge", "br0", "--output-port", "m")
    assert switch.json("mirror", "show", "m1")["select_all"] is True
    flood = frame(BROADCAST, A)
    sends(guests, "a", *[flood] * 40)
    assert all_of(guests["m"]) == [flood] * 40
    assert copies(switch, "m1") == 40
    assert len(all_of(guests["b"])) == 40 and len(all_of(guests["t"])) == 40
    assert_sums_hold(switch)


def test_two_mirrors_copy_the_same_frame_each_and_share_an_output(guests):
    switch = guests["switch"]
    for name, port in (("in", "--select-src-port"), ("out", "--select-dst-port")):
        switch.cli("mirror", "add", name, "--bridge", "br0", port, "a", "--output-port", "m")
    sends(guests, "a", frame(B, A))
    sends(guests, "b", frame(A, B))
    assert sorted(all_of(guests["m"])) == sorted([frame(B, A), frame(A, B)])
    assert (copies(switch, "in"), copies(switch, "out")) == (1, 1)
    switch.cli("mirror", "set", "out", "--select-src-port", "a")
    sends(guests, "a", frame(B, A))
    assert all_of(guests["m"]) == [frame(B, A)] * 2
    switch.cli("mirror", "del", "in")
    sends(guests, "a", frame(B, A))
    assert all_of(guests["m"]) == [frame(B, A)]


def test_vlans_select(guests):
    switch = guests["switch"]
    switch.cli("mirror", "add", "m1", "--bridge", "br0", "--select-vlan", "20-21",
               "--output-port", "m")
    sends(guests, "a", frame(B, A), frame(BROADCAST, A))
    sends(guests, "a", frame(B, A, 20))  # refused, and in no VLAN
    sends(guests, "c", frame(BROADCAST, C, payload=b"c"))
    sends(guests, "t", frame(BROADCAST, T, 20, payload=b"t"), frame(BROADCAST, T, 10))
    assert all_of(guests["m"]) == [frame(BROADCAST, C, payload=b"c"),
                                   frame(BROADCAST, T, 20, payload=b"t")]


def test_the_output_takes_and_brings_nothing_else(guests):
    switch = guests["switch"]
    sends(guests, "m", frame(BROADCAST, mac(0xe)))
    learned(switch, "m", mac(0xe))
    switch.cli("mirror", "add", "m1", "--bridge", "br0", "--select-src-port", "b",
               "--output-port", "m")
    assert all(e["port"] != "m" for e in switch.json("fdb", "list"))
    for name in PORTS:
        guests[name].recv_all(QUIET_S)
    sends(guests, "a", frame(BROADCAST, A), frame(mac(0xe), A))
    assert all_of(guests["m"]) == []
    sends(guests, "m", frame(BROADCAST, mac(0xe)), frame(A, mac(0xe), 10))
    assert switch.stats("m")["drops"]["from_mirror_port"] == 2
    switch.cli("fdb", "add", "--bridge", "br0", "--vlan", 10, "--mac", "02:00:00:00:00:0e", "--port",
               "m")
    sends(guests, "a", frame(mac(0xe), A))
    assert switch.stats("m")["drops"]["to_mirror_port"] == 1
    assert all_of(guests["m"]) == []
    switch.cli("mirror", "del", "m1")
    sends(guests, "a", frame(BROADCAST, A))
    assert guests["m"].recv_only(frame(BROADCAST, A, 10, length=64))


def test_copies_to_a_vlan_go_tagged_to_the_trunks_that_carry_it(guests):
    switch = guests["switch"]
    switch.cli("mirror", "add", "rspan", "--bridge", "br0", "--select-src-port", "a,t",
               "--output-vlan", "99")
    sends(guests, "a", frame(B, A, payload=b"1"))
    assert guests["b"].recv() == frame(B, A, payload=b"1")
    assert all_of(guests["t"]) == [frame(B, A, 99, payload=b"1", length=64)]
    assert all_of(guests["m"]) == [frame(B, A, 99, payload=b"1", length=64)]  # a trunk of all
    assert all_of(guests["c"]) == []
    # a tag gives way to it, and keeps its priority; what tells switches of each other stays here
    sends(guests, "t", frame(B, T, 5 << 13 | 10), frame(LLDP, T, 10))
    assert all_of(guests["t"]) == [frame(B, T, 5 << 13 | 99)]
    assert copies(switch, "rspan") == 4


def test_in_the_vlan_of_copies_nothing_is_learned_and_all_is_flooded(guests):
    switch = guests["switch"]
    sends(guests, "t", frame(BROADCAST, T, 99))
    learned(switch, "t", T)
    switch.cli("mirror", "add", "rspan", "--bridge", "br0", "--select-src-port", "a",
               "--output-vlan", "99")
    all_of(guests["m"])
    sends(guests, "t", frame(mac(0xd), mac(0xe), 99), frame(mac(0xe), mac(0xd), 99))
    assert guests["m"].recv() == frame(mac(0xd), mac(0xe), 99)
    assert guests["m"].recv() == frame(mac(0xe), mac(0xd), 99)
    assert all(e["vlan"] != 99 for e in switch.json("fdb", "list"))
    assert copies(switch, "rspan") == 0
    switch.cli("mirror", "del", "rspan")
    sends(guests, "t", frame(BROADCAST, mac(0xe), 99))
    learned(switch, "t", mac(0xe))


def test_snaplen_cuts_copies_alone(guests):
    switch = guests["switch"]
    switch.cli("mirror", "add", "m1", "--bridge", "br0", "--select-src-port", "a", "--output-port",
               "m", "--snaplen", 200)
    switch.cli("mirror", "add", "rspan", "--bridge", "br0", "--select-src-port", "a",
               "--output-vlan", "99", "--snaplen", 14)
    long, short = frame(B, A, payload=bytes(range(256)) * 5, length=0), frame(B, A)
    sends(guests, "a", long, short)
    assert guests["b"].recv() == long and guests["b"].recv() == short
    assert all_of(guests["m"]) == [long[:200], short]
    assert all_of(guests["t"]) == [tagged(long, 99)[:18], tagged(short, 99)[:18]]


def test_a_full_output_loses_copies_and_slows_nobody(guests):
    switch = guests["switch"]
    switch.cli("mirror", "add", "m1", "--bridge", "br0", "--select-src-port", "a",
               "--output-port", "m")
    n, before = 0, switch.stats("m")["tx_packets"]
    while switch.stats("m")["drops"].get("tx_full", 0) < 100:
        sends(guests, "a", *[frame(B, A)] * 32)
        assert all(guests["b"].recv() for _ in range(32))
        n += 32
    assert copies(switch, "m1") == n
    stats = switch.stats("m")
    assert stats["tx_packets"] - before + stats["tx_dropped"] == n
    assert switch.stats("b")["tx_packets"] >= n
    guests["m"].stop()
    link_is(switch, "m", "down")
    sends(guests, "a", frame(B, A))
    assert guests["b"].recv() and switch.stats("m")["drops"]["link_down"] == 1


def test_an_output_has_its_own_rate_and_mtu(guests):
    switch = guests["switch"]
    switch.cli("port", "set", "m", "--mtu", 500)
    switch.cli("mirror", "add", "m1", "--bridge", "br0", "--select-src-port", "a",
               "--output-port", "m")
    sends(guests, "a", frame(B, A, length=1000), frame(B, A))
    assert all_of(guests["m"]) == [frame(B, A)] and len(all_of(guests["b"])) == 2
    assert switch.stats("m")["drops"] == {"tx_oversize": 1}
    switch.cli("port", "set", "m", "--rate-limit-out", "8K")
    sends(guests, "a", *[frame(B, A, length=500)] * 200)
    assert switch.stats("m")["drops"]["rate_limit_out"] > 20
    assert len(all_of(guests["b"])) == 200


def test_offloads_are_carried_to_an_output_that_takes_them_and_done_for_one_that_does_not(
        make_switch):
    switch = make_switch(config({"a": "", "b": "", "m": "", "n": ""}))
    with plug(switch, "a", offloads=LEAVES, tx_bytes=66000, ring_size=32) as a, \
            plug(switch, "b", offloads=TAKES) as b, plug(switch, "m", offloads=TAKES) as m, \
            plug(switch, "n") as n:
        b.send(frame(BROADCAST, B))
        learned(switch, "b", B)
        for guest in (a, m, n):
            assert guest.recv_only(frame(BROADCAST, B))
        switch.cli("mirror", "add", "m1", "--bridge", "br0", "--select-src-port", "a",
                   "--output-port", "m")
        switch.cli("mirror", "add", "m2", "--bridge", "br0", "--select-dst-port", "b",
                   "--output-port", "n")
        p = Packet(4000)
        a.send_many([p.bytes], header=p.header(mss=1000))
        assert b.recv() == p.bytes and b.last_header[:12] == p.left(mss=1000, n_buffers=2)
        assert m.recv() == p.bytes
        pieces = [l4_of(n.recv()) for _ in range(4)]
        assert b"".join(payload for _, _, payload in pieces) == p.payload
        assert m.recv(QUIET_S) is None and n.recv(QUIET_S) is None
        assert_sums_hold(switch)


def test_a_flow_bridge_copies_what_it_was_given_and_what_it_made_of_it(make_switch):
    bridge = Bridge(make_switch, n=4)
    switch = bridge.switch
    switch.cli("mirror", "add", "m1", "--bridge", "br0", "--select-src-port", "p1",
               "--select-dst-port", "p2", "--output-port", "p4")
    bridge.flows("in_port=1,dl_dst=02:00:00:00:00:0b,actions=output:2",
                 "in_port=1,dl_dst=02:00:00:00:00:0c,actions=mod_dl_dst:02:00:00:00:00:77,output:2",
                 "in_port=3,actions=output:2,output:4")
    plain, changed, dropped = frame(B, A), frame(C, A), frame(T, A)
    assert bridge.send(1, plain) == {2: [plain], 4: [plain]}
    other = mac(0x77) + changed[6:]
    got = bridge.send(1, changed)
    assert got[2] == [other] and sorted(got[4]) == sorted([changed, other])
    assert bridge.send(1, dropped) == {4: [dropped]}
    assert bridge.send(3, frame(A, C)) == {2: [frame(A, C)], 4: [frame(A, C)]}
    assert switch.stats("p4")["drops"] == {"to_mirror_port": 1}
    assert bridge.send(4, frame(A, C)) == {}
    ofctl(bridge.target, "packet-out", f"in_port=controller,packet={plain.hex()},actions=output:2")
    assert bridge.guests[2].recv_only(plain) and bridge.guests[4].recv_only(plain)
    assert_sums_hold(switch)
    bridge.close()


def test_a_capture_of_the_output_shows_the_copies(guests, tmp_path):
    from test_capture import Capture
    switch = guests["switch"]
    switch.cli("mirror", "add", "m1", "--bridge", "br0", "--select-src-port", "a",
               "--output-port", "m")
    at_m, at_a = (Capture(switch, p, tmp_path / p) for p in ("m", "a"))
    sends(guests, "a", frame(B, A))
    assert guests["m"].recv() == frame(B, A)
    assert [(f["frame"], f["dir"]) for f in at_m.end()] == [(frame(B, A), "out")]
    assert [(f["frame"], f["dir"]) for f in at_a.end()] == [(frame(B, A), "in")]


@pytest.mark.parametrize("source", ["packet", "xdp", "internal"])
def test_interfaces_are_mirrored_and_mirror_outputs(make_switch, make_netns, source):
    """From one kind of interface to each of them."""
    ns, far = make_netns("sw"), make_netns("fa")
    for space in (ns, far):
        space.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1",
                  "net.ipv6.conf.default.disable_ipv6=1")
    for i in (1, 2):
        wire(ns, f"eth{i}", far, f"far{i}")
    switch = make_switch(config({
        "packet": "type: uplink, device: \"packet:eth1\"", "tap": "type: internal",
        "xdp": "type: uplink, device: \"xdp:eth2\", host: none", "internal": "type: internal",
        "a": ""}), prefix=ns.command())
    for name in ("tap", "internal"):
        ns.ip("link", "set", name, "up")
    wires = {"packet": Tap(far, "far1"), "xdp": Tap(far, "far2"), "internal": Tap(ns, "internal"),
             "tap": Tap(ns, "tap")}
    with plug(switch, "a") as a:
        for name in ("packet", "xdp"):
            link_is(switch, name)
        a.send(frame(BROADCAST, A))
        learned(switch, "a", A)
        for output in set(wires) - {source}:
            switch.cli("mirror", "add", "m", "--bridge", "br0", "--select-src-port", source,
                       "--select-dst-port", source, "--output-port", output)
            data = frame(A, B, payload=output.encode())
            wires[source].send(data)
            assert a.recv_only(data) and wires[output].recv_only(data), (source, output)
            data = frame(BROADCAST, A, payload=output.encode())
            a.send(data)
            assert wires[source].recv_only(data) and wires[output].recv_only(data)
            switch.cli("mirror", "del", "m")
    for tap in wires.values():
        tap.close()


def test_a_port_in_use_by_a_mirror_stays_until_the_mirror_goes(guests):
    switch = guests["switch"]
    switch.cli("mirror", "add", "m1", "--bridge", "br0", "--select-src-port", "a,b",
               "--output-port", "m")
    for port in ("b", "m"):
        with pytest.raises(CommandFailed) as failed:
            switch.cli("port", "del", port)
        assert f"port '{port}' is in use by mirror 'm1'" in failed.value.stderr
    with pytest.raises(CommandFailed) as failed:
        switch.cli("bridge", "del", "br0")
    assert "in use by" in failed.value.stderr
    switch.cli("mirror", "set", "m1", "--select-src-port", "a")
    switch.cli("port", "del", "b")
    sends(guests, "a", frame(BROADCAST, A))
    assert guests["m"].recv() == frame(BROADCAST, A)


def test_a_mirror_finds_its_ports_again_when_they_are_made_anew(guests):
    switch = guests["switch"]
    switch.cli("mirror", "add", "m1", "--bridge", "br0", "--select-src-port", "a",
               "--output-port", "m")
    switch.cli("port", "set", "m", "--queues", 2)  # another port in its place
    switch.cli("port", "set", "a", "--queues", 2)
    with plug(switch, "m") as m, plug(switch, "a") as a:
        a.send(frame(B, A))
        assert m.recv() == frame(B, A)
    assert copies(switch, "m1") == 1


def test_vlans_that_no_port_has_any_more_leave_a_mirror_without_work(guests):
    switch = guests["switch"]
    switch.cli("mirror", "add", "v", "--bridge", "br0", "--select-vlan", "20", "--output-vlan", "99")
    sends(guests, "c", frame(BROADCAST, C))
    assert guests["t"].recv_only(frame(BROADCAST, C, 99, length=64))
    for port, trunk in (("t", "10,20"), ("m", "10,20")):
        switch.cli("port", "set", port, "--trunk", trunk)
    before = copies(switch, "v")
    sends(guests, "c", frame(BROADCAST, C))
    assert copies(switch, "v") == before
    switch.cli("port", "set", "c", "--vlan", "30")
    switch.cli("port", "set", "t", "--trunk", "10,99")
    sends(guests, "c", frame(BROADCAST, C))
    assert copies(switch, "v") == before
    assert switch.json("mirror", "show", "v")["select_vlan"] == "20"


def test_mirrors_are_kept_shown_and_applied(make_switch, tmp_path):
    text = config({"a": "", "b": "", "m": ""}) + """
mirrors:
  - { name: m1, bridge: br0, select_src_port: [ a ], select_dst_port: [ a, b ], output_port: m }
  - { name: m2, bridge: br0, output_vlan: 99, snaplen: 128 }
"""
    switch = make_switch(text)
    listed = {m["name"]: m for m in switch.json("mirror", "list")}
    assert listed["m1"]["select_dst_port"] == ["a", "b"] and listed["m1"]["output_tags"] == "as-is"
    assert listed["m1"]["select_all"] is False and listed["m2"]["select_all"] is True
    shown = switch.cli("show")
    assert "from a, to a, to b > m" in shown and "all > VLAN 99" in shown
    assert len(switch.json("show")["mirrors"]) == 2
    assert "m1" in switch.cli("mirror", "list") and "99" in switch.cli("mirror", "show", "m2")
    saved = switch.cli("config", "show")
    path = tmp_path / "again.yaml"
    path.write_text(saved)
    assert switch.json("apply", path)["changed"] is False
    path.write_text(text.replace("snaplen: 128", "snaplen: 64").replace("output_port: m", "output_port: b")
                    .replace("[ a, b ]", "[ a ]"))
    steps = switch.json("apply", path)["steps"]
    assert [(s["action"], s["noun"], s["name"]) for s in steps] == [
        ("set", "mirror", "m1"), ("set", "mirror", "m2")]
    assert switch.json("mirror", "show", "m1")["output_port"] == "b"
    path.write_text(config({"a": "", "b": ""}))
    switch.cli("apply", path)
    assert switch.json("mirror", "list") == [] and switch.json("show")["mirrors"] == []
    offered = switch.cli("complete", "mirror", "")
    assert {"add", "del", "list", "set", "show"} <= set(offered.split())
    assert set(switch.cli("complete", "mirror", "add", "x", "--output-port", "").split()) == {
        "a", "b"}


@pytest.mark.parametrize("words, sentence", [
    (["--output-port", "m"], "bridge is missing"),
    (["--bridge", "br0"], "give an output_port or an output_vlan"),
    (["--bridge", "br0", "--output-port", "m", "--output-vlan", "9"], "not both"),
    (["--bridge", "br0", "--output-port", "x"], "output_port: no such port 'x'"),
    (["--bridge", "br0", "--output-port", "o"], "output_port: port 'o' is not on bridge 'br0'"),
    (["--bridge", "br0", "--output-port", "m", "--select-src-port", "a,x"],
     "select_src_port: no such port 'x'"),
    (["--bridge", "br0", "--output-port", "m", "--select-dst-port", "a,m"],
     "select_dst_port: port 'm' is the output of mirror 'z'"),
    (["--bridge", "br0", "--output-port", "m", "--select-all", "false"], "nothing is selected"),
    (["--bridge", "br0", "--output-port", "m", "--select-src-port", "a b"],
     "select_src_port: 'a b' is not allowed: a list of names"),
    (["--bridge", "br0", "--output-port", "m", "--snaplen", "13"], "snaplen: '13' is not allowed"),
    (["--bridge", "br0", "--output-vlan", "9", "--select-vlan", "9"],
     "select_vlan: 9 is the output_vlan"),
    (["--bridge", "br0", "--output-port", "a", "--select-src-port", "a"],
     "select_src_port: port 'a' is the output of mirror 'z'"),
    (["--bridge", "br0", "--output-vlan", "9", "--output-tags", "by-vlan"],
     "output_tags: belongs to an output_port"),
])
def test_what_cannot_be_mirrored_is_one_line(make_lasting_switch, words, sentence):
    switch = lasting(make_lasting_switch)
    with pytest.raises(CommandFailed) as failed:
        switch.cli("mirror", "add", "z", *words)
    assert sentence in failed.value.stderr and failed.value.stderr.count("\n") == 1
    assert switch.json("mirror", "list") == []


def lasting(make, made=[]):  # pylint: disable=dangerous-default-value
    """The one switch of the test above's cases."""
    if not made:
        text = config({"a": "", "m": "", "o": "bridge: br1"}).replace(
            "name: o, bridge: br0, ", "name: o, ").replace("{ name: br0 }", "{ name: br0 }, { name: br1 }")
        made.append(make(text))
    return made[0]


class Peer:
    """Open vSwitch with our ports and mirror: p1 and p2 in VLAN 10, p3 in 20, p4 a trunk, p5 the
    output."""

    def __init__(self):
        self.ovs = OpenVSwitch(5)
        self.ovs.vsctl("del-fail-mode", "br0", "--", "set", "port", "p1", "tag=10", "--", "set",
                       "port", "p2", "tag=10", "--", "set", "port", "p3", "tag=20")

    def mirror(self, output_tag, **fields):
        words = ["--", "clear", "bridge", "br0", "mirrors"]
        for i in range(1, 6):
            words += ["--", f"--id=@p{i}", "get", "port", f"p{i}"]
        words += ["--", "--id=@m", "create", "mirror", "name=m"]
        words += [f"{k.replace('_', '-')}={v}" for k, v in fields.items()]
        words += ["--", "set", "bridge", "br0", "mirrors=@m"]
        words += ["--", "set", "port", "p5", f"tag={output_tag}" if output_tag else "tag=[]"]
        self.ovs.vsctl(*words[1:])
        self.ovs.count()

    def received(self):
        return {i: frames for i in range(1, 6) if (frames := self._received(i))}

    def _received(self, port):
        frames = []
        while (got := self.ovs.ports[port].recv(QUIET_S)) is not None:
            frames.append(got)
        return sorted(frames)


# Each is known by its payload again.
SENT = [(port, frame(*how, payload=bytes([i])))
        for i, (port, *how) in enumerate([
            (1, B, A), (1, BROADCAST, A), (1, B, A, 77), (2, A, B), (3, BROADCAST, C), (4, A, T, 10),
            (4, A, T, 3 << 13 | 10), (4, BROADCAST, T, 20), (4, BROADCAST, T), (4, LLDP, T, 10),
            (5, BROADCAST, mac(9))])]


@pytest.fixture(scope="module")
def pair(make_lasting_switch):
    """Our switch and Open vSwitch, who know A and B."""
    ports = {"p1": "vlan: 10", "p2": "vlan: 10", "p3": "vlan: 20", "p4": "", "p5": ""}
    switch = make_lasting_switch(config(ports))
    guests = {i: plug(switch, f"p{i}") for i in range(1, 6)}
    peer = Peer()
    try:
        for port, data in ((1, frame(BROADCAST, A)), (2, frame(BROADCAST, B))):
            peer.ovs.ports[port].send(data)
            guests[port].send(data)
            learned(switch, f"p{port}", data[6:12])
        wait_for(lambda: peer.ovs.appctl("fdb/show", "br0").count("02:00:00:00:00:0") == 2, 10,
                 "what Open vSwitch learns")
        yield switch, guests, peer
    finally:
        peer.ovs.close()
        for guest in guests.values():
            guest.close()


@pytest.mark.parametrize("selected, output_tag", [
    ({}, None), ({}, 50), ({"select_src_port": ["p1"]}, None),
    ({"select_dst_port": ["p1", "p4"]}, None), ({"select_dst_port": ["p1", "p4"]}, 50),
    ({"select_src_port": ["p4"], "select_dst_port": ["p2"]}, None), ({"select_vlan": "10"}, None),
    ({"select_src_port": ["p4"], "select_vlan": "20"}, None)])
def test_by_vlan_copies_are_those_of_open_vswitch(pair, selected, output_tag):
    compare(pair, selected, {"output_port": "p5", "output_tags": "by-vlan"}, output_tag)


@pytest.mark.parametrize("selected", [{"select_src_port": ["p1"]}, {"select_dst_port": ["p2"]}, {}])
def test_copies_to_a_vlan_are_those_of_open_vswitch(pair, selected):
    compare(pair, selected, {"output_vlan": 99})


def compare(pair, selected, output, output_tag=None):
    switch, guests, peer = pair
    switch.cli("port", "set", "p5", "--vlan", output_tag or "none")
    words = [w for k, v in (selected | output).items()
             for w in ("--" + k.replace("_", "-"), ",".join(v) if isinstance(v, list) else v)]
    switch.cli("mirror", "add", "m", "--bridge", "br0", *words)
    theirs = {k: "[" + ",".join(f"@{p}" for p in v) + "]" if isinstance(v, list) else v
              for k, v in selected.items()}
    if not any(k.endswith("port") for k in selected):
        theirs["select_all"] = "true"
    theirs |= {"output_port": "@p5"} if "output_port" in output else output
    peer.mirror(output_tag, **theirs)
    peer.received()
    for guest in guests.values():
        guest.recv_all(QUIET_S)
    for port, data in SENT:
        peer.ovs.ports[port].send(data)
        before = switch.stats(f"p{port}")["rx_packets"]
        guests[port].send(data)
        wait_for(lambda: switch.stats(f"p{port}")["rx_packets"] > before, 10, "a frame")
    ours = {i: got for i, guest in guests.items() if (got := sorted(guest.recv_all(QUIET_S)))}
    assert ours == peer.received()
    switch.cli("mirror", "del", "m")


def test_a_real_guest_sees_the_talk_of_two_others(make_switch, tmp_path):
    """Linux pings Linux; what tcpdump hears in an internal port's interface is their talk."""
    mon = unique("mon")
    switch = make_switch(config({"s1": "vlan: 10", "s2": "vlan: 10", mon: "type: internal"}))
    one, two = (Guest(n, switch.socket(n), f"10.0.0.{i}/24", f"02:00:00:00:00:0{i}",
                      folder=str(tmp_path)) for i, n in ((1, "s1"), (2, "s2")))
    try:
        one.ready()
        two.ready()
        switch.cli("mirror", "add", "m", "--bridge", "br0", "--select-src-port", "s1",
                   "--select-dst-port", "s1", "--output-port", mon)
        subprocess.run(["ip", "link", "set", mon, "up"], check=True)
        with subprocess.Popen(["tcpdump", "-nli", mon, "-c", "4", "icmp"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as tcpdump:
            one.ping("10.0.0.2", count=10)
            lines = tcpdump.communicate(timeout=20)[0]
        assert lines.count("10.0.0.1 > 10.0.0.2: ICMP echo request") == 2
        assert lines.count("10.0.0.2 > 10.0.0.1: ICMP echo reply") == 2
    finally:
        one.stop()
        two.stop()
