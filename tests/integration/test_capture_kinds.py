# SPDX-License-Identifier: BSD-3-Clause
"""Captures of ports of every kind at the same time: a frame from each, and where it is seen. (A NIC
by pci: is in test_uplink_pci.)"""

import os

import pytest

from capture import Capture
from netns import Netns, Tap, wire
from ports import config, link_is, plug
from scapy.all import rdpcap
from vhost_guest import BROADCAST, VhostGuest, frame, mac

ACCESS, TRUNK = "vlan: 10", "type: uplink, trunk: all"
PORTS = {
    "srv": ACCESS, "cli": f"{ACCESS}, mode: client", "in0": f"{ACCESS}, type: internal",
    "nul": f"{ACCESS}, type: \"null\"", "pcp": f"{ACCESS}, type: pcap, device: \",{{out}}\"",
    "pk": f"{TRUNK}, device: \"packet:pk\"", "xd": f"{TRUNK}, device: \"xdp:xd\", host: none",
    "tm": f"{TRUNK}, devices: [\"packet:m1\", \"packet:m2\"], primary: \"packet:m1\"",
}
WIRES = ("pk", "xd", "m1", "m2")
ONLY_OURS = "ether proto 0x88b5 or (vlan and ether proto 0x88b5)"
STANDBY = "dropped: team_standby (came by a device of the team that is not in use for it)"


def quiet_netns(stem):
    ns = Netns(stem)
    ns.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1",
           "net.ipv6.conf.default.disable_ipv6=1", check=True)
    return ns


@pytest.fixture
def site(make_switch, tmp_path):
    """The switch, and who sends: {place: its far end}."""
    ns, far, ends = quiet_netns("sw"), quiet_netns("far"), {}
    try:
        for name in WIRES:
            wire(ns, name, far, name)
            ends[name] = Tap(far, name)
        fields = {n: f.format(out=tmp_path / "out.pcap") for n, f in PORTS.items()}
        switch = make_switch(config(fields), prefix=ns.command())
        for name in ("pk", "xd", "tm", "in0"):
            link_is(switch, name)
        ns.ip("link", "set", "in0", "up")
        ends["in0"] = Tap(ns, "in0")
        ends["srv"] = plug(switch, "srv")
        ends["cli"] = VhostGuest(switch.socket("cli"), listen=True)
        link_is(switch, "cli")
        yield switch, ends
        switch.terminate()
        for end in ends.values():
            end.close()
    finally:
        ns.delete()
        far.delete()


def sent_by(place, tagged):
    """The frame of a place, as ports with tags or without have it."""
    return frame(BROADCAST, mac(0x10 + sum(place.encode()) % 97), 10 if tagged else None, 0x88b5,
                 place.encode() * 30)


def test_ports_of_every_kind_show_what_goes_in_and_out(site, tmp_path):
    switch, ends = site
    wanted = {name: (name, ()) for name in PORTS}
    wanted.update(m1=("tm", ("--device", "packet:m1")), m2=("tm", ("--device", "m2")))
    wanted["in alone"] = ("pk", ("--dir", "in"))  # of a port that another one is of
    captures = {}
    for name, (port, options) in wanted.items():
        captures[name] = Capture(switch, port, tmp_path / name, "--filter", ONLY_OURS, *options)
    for place, end in ends.items():
        end.send(sent_by(place, place in WIRES))
        others = {"pk": "xd", "m2": None}.get(place, "pk")  # m2 is not in use
        if others:
            assert ends[others].recv_only(sent_by(place, True))
    assert ends["srv"].recv_only(sent_by("cli", False))
    seen = {name: sorted((f["dir"], f["frame"], f["comment"]) for f in capture.end())
            for name, capture in captures.items()}
    for name in PORTS:
        tagged = name in ("pk", "xd", "tm")
        own = {"tm": ["m1"], "nul": [], "pcp": []}.get(name, [name])
        out = [p for p in ends if p not in (*own, "m2")]
        due = [("in", sent_by(p, tagged), None) for p in own]
        due += [("out", sent_by(p, tagged), None) for p in out]
        due += [("in", sent_by("m2", True), STANDBY)] if name == "tm" else []
        assert seen[name] == sorted(due), name
    standby = [("in", sent_by("m2", True), STANDBY)]
    assert seen["m2"] == standby
    assert seen["m1"] == [f for f in seen["tm"] if f not in standby]
    assert seen["in alone"] == [("in", sent_by("pk", True), None)]
    switch.cli("port", "del", "pcp")
    swallowed = sorted(bytes(p) for p in rdpcap(str(tmp_path / "out.pcap")) if p.type == 0x88b5)
    assert swallowed == [f for _, f, _ in seen["pcp"]]


def test_what_the_switch_says_itself_by_a_device_is_captured_there(site, tmp_path):
    switch, ends = site
    captures = [Capture(switch, "tm", tmp_path / device, "--device", device, "-f",
                        "ether proto 0x8809", "-c", "1") for device in ("m1", "m2")]
    switch.cli("port", "set", "tm", "--team", "lacp", "--primary", "none")
    for capture in captures:
        (said,) = capture.end(how=None)
        assert said["dir"] == "out" and said["frame"][12:15] == b"\x88\x09\x01"
        assert ends[os.path.basename(capture.path)].recv_only(said["frame"])


def test_a_device_is_captured_until_it_leaves_its_team(site, tmp_path):
    switch, ends = site
    capture = Capture(switch, "tm", tmp_path / "m1", "--device", "m1", "--filter", ONLY_OURS)
    ends["m1"].send(sent_by("m1", True))
    assert ends["pk"].recv_only(sent_by("m1", True))
    switch.cli("port", "set", "tm", "--primary", "none")
    switch.cli("uplink", "del", "tm", "--device", "packet:m1")
    assert len(capture.end(how=None, why=": the port is gone")) == 1
    for words, why in ((("tm", "--device", "m1"), "no device 'm1' in it"),
                       (("pk", "--device", "pk"), "no device 'pk' in it: it is no team")):
        refused = switch.run("capture", *words, "-w", "/dev/null")
        assert refused.returncode == 1 and why in refused.stderr
