# SPDX-License-Identifier: BSD-3-Clause
"""Every ingress mode, every kind of tag, every egress mode, end to end. Expected values are what
Open vSwitch does: they are written as rules here, and checked frame by frame there."""

import pytest

from daemon import Switch
from ports import assert_sums_hold, config, plug
from vhost_guest import BROADCAST, frame, mac

MODES = {
    "access": "vlan: 10",
    "trunk": "trunk: \"10,20\"",
    "all": "trunk: all",
    "untag": "vlan: 10, trunk: \"20\", vlan_mode: native-untagged",
    "nattag": "vlan: 10, trunk: \"20\", vlan_mode: native-tagged",
}
PCP = 5 << 13
TAGS = {"untagged": None, "VID 0": PCP, "VID 10": PCP | 10, "VID 20": PCP | 20, "VID 30": PCP | 30}


def vlan_of(mode, tag):
    """The VLAN that a port of this mode takes a frame into, or None."""
    vid = (tag or 0) & 0xfff
    if mode == "access":
        return 10 if vid == 0 else None
    if mode in ("untag", "nattag"):
        return {0: 10, 10: 10, 20: 20}.get(vid)
    if mode == "trunk":
        return vid if vid in (10, 20) else None
    return vid


def tag_out(mode, vlan, tag):
    """The tag with which a frame of the VLAN leaves: a number, None for none, False for not at
    all."""
    carried = {"access": [10], "trunk": [10, 20], "untag": [10, 20], "nattag": [10, 20],
               "all": range(4095)}[mode]
    if vlan not in carried:
        return False
    if vlan == 0 or mode == "access" or (mode == "untag" and vlan == 10):
        return None
    return ((tag or 0) & 0xe000) | vlan


@pytest.fixture(scope="module")
def fabric():
    """Two ports of each mode, so that each can also be heard by its like."""
    ports = {f"{m}{i}": f for m, f in MODES.items() for i in (1, 2)}
    with Switch(config(ports)) as switch:
        guests = {name: plug(switch, name) for name in ports}
        yield switch, guests
        assert_sums_hold(switch)
        for guest in guests.values():
            guest.close()


def expected(mode_in, mode_out, tag, build):
    vlan = vlan_of(mode_in, tag)
    out = False if vlan is None else tag_out(mode_out, vlan, tag)
    return None if out is False else build(out)


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("mode_in", MODES)
def test_a_broadcast_reaches_the_ports_of_its_vlan_with_the_right_tag(fabric, mode_in, tag):
    switch, guests = fabric
    source = mac(list(MODES).index(mode_in) * 16 + list(TAGS).index(tag))
    sent = frame(BROADCAST, source, TAGS[tag], payload=b"claim", length=80)
    dropped = switch.stats(f"{mode_in}1")["drops"].get("vlan_ingress", 0)
    guests[f"{mode_in}1"].send(sent)
    for mode_out in MODES:
        want = expected(mode_in, mode_out, TAGS[tag],
                        lambda t: frame(BROADCAST, source, t, payload=b"claim",
                                        length=80 - (4 if TAGS[tag] is not None else 0) +
                                        (4 if t is not None else 0)))
        got = guests[f"{mode_out}2"].recv(0.5 if want else 0.02)
        assert got == want, mode_out
        if mode_out != mode_in:
            assert guests[f"{mode_out}1"].recv(0.5 if want else 0.02) == want
    refused = vlan_of(mode_in, TAGS[tag]) is None
    assert switch.stats(f"{mode_in}1")["drops"].get("vlan_ingress", 0) == dropped + refused


@pytest.mark.parametrize("mode_out", MODES)
def test_a_provider_tag_is_opaque_and_inner_tags_are_left_alone(fabric, mode_out):
    _, guests = fabric
    provider = frame(BROADCAST, mac(200), 30, tpid=0x88a8, length=90)
    double = frame(BROADCAST, mac(201), PCP | 10, kind=0x8100, payload=b"\x00\x63\x08\x00inner",
                   length=90)
    guests["access1"].send(provider)  # untagged to the access port: VLAN 10
    out = tag_out(mode_out, 10, None)
    want = provider if out is None else provider[:12] + b"\x81\x00\x00\x0a" + provider[12:]
    assert guests[f"{mode_out}2"].recv() == want
    guests["trunk1"].send(double)
    want = double if tag_out(mode_out, 10, PCP | 10) is not None else double[:12] + double[16:]
    assert guests[f"{mode_out}2"].recv() == want
    for guest in guests.values():
        guest.recv_all(0.02)


def test_a_change_of_the_group_moves_all_its_ports_at_once(make_switch):
    switch = make_switch(config({"a": "portgroup: g", "b": "portgroup: g", "c": "vlan: 200"},
                                {"g": "vlan: 100"}))
    guests = {n: plug(switch, n) for n in "abc"}
    guests["a"].send(frame(BROADCAST, mac(1)))
    assert guests["b"].recv() and guests["c"].recv(0.1) is None
    switch.cli("portgroup", "set", "g", "--vlan", "200")
    guests["a"].send(frame(BROADCAST, mac(1)))
    assert guests["b"].recv() and guests["c"].recv()
    switch.cli("port", "set", "b", "--vlan", "300")
    assert switch.port("b")["overrides"] == ["vlan"]
    guests["a"].send(frame(BROADCAST, mac(1)))
    assert guests["c"].recv() and guests["b"].recv(0.1) is None
    for guest in guests.values():
        guest.close()
