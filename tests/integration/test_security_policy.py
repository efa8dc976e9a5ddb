# SPDX-License-Identifier: BSD-3-Clause
"""Security policy of groups and ports: who may send, who hears what, how much."""

import time

from ports import assert_sums_hold, config, learned, plug
from vhost_guest import BROADCAST, frame, mac

A, B, C = mac(0xa), mac(0xb), mac(0xc)


def start(make_switch, group="", **ports):
    """Ports a, b, c of one group and their guests; ports: extra fields of single ones."""
    names = "abc"
    switch = make_switch(config({n: ", ".join(filter(None, ("portgroup: g", ports.get(n, ""))))
                                 for n in names}, {"g": ", ".join(filter(None, ("vlan: 10", group)))}))
    guests = {n: plug(switch, n) for n in names}
    for name, address in zip(names, (A, B, C)):
        guests[name].send(frame(BROADCAST, address))
        learned(switch, name, address)
    for guest in guests.values():
        guest.recv_all(0.05)
    return switch, guests


def finish(switch, guests):
    assert_sums_hold(switch)
    for guest in guests.values():
        guest.close()


def drops(switch, port, reason):
    return switch.stats(port)["drops"].get(reason, 0)


def test_forged_source_is_dropped_and_counted(make_switch):
    switch, g = start(make_switch, "forged_transmits: reject")
    g["a"].send(frame(B, mac(0x66)))
    assert g["b"].recv(0.1) is None
    assert drops(switch, "a", "forged_transmit") == 1
    g["a"].send(frame(B, A))
    assert g["b"].recv() == frame(B, A)
    finish(switch, g)


def test_configured_address_is_the_ports_own_from_the_first_frame_on(make_switch):
    switch = make_switch(config({"a": "forged_transmits: reject, mac: \"02:00:00:00:00:0a\"",
                                 "b": ""}))
    g = {n: plug(switch, n) for n in "ab"}
    g["a"].send(frame(BROADCAST, mac(0x66)))
    assert g["b"].recv(0.1) is None
    g["a"].send(frame(BROADCAST, A))
    assert g["b"].recv() is not None
    finish(switch, g)


def test_a_port_overrides_its_group(make_switch):
    switch, g = start(make_switch, "forged_transmits: reject", b="forged_transmits: accept")
    g["b"].send(frame(A, mac(0x66)))
    assert g["a"].recv() == frame(A, mac(0x66))
    finish(switch, g)


def test_changed_address_is_not_learned_and_hears_nothing(make_switch):
    switch, g = start(make_switch, "mac_changes: reject")
    other = mac(0x66)
    g["a"].send(frame(B, other))
    assert g["b"].recv() == frame(B, other)
    g["b"].send(frame(other, B))
    assert g["a"].recv(0.1) is None
    g["b"].send(frame(A, B))
    assert g["a"].recv() == frame(A, B)
    finish(switch, g)


def test_promiscuous_port_hears_the_unicast_of_its_vlan_and_others_do_not(make_switch):
    switch, g = start(make_switch)
    g["a"].send(frame(B, A))
    assert g["b"].recv() and g["c"].recv(0.1) is None
    switch.cli("port", "set", "c", "--promiscuous", "accept")
    g["a"].send(frame(B, A))
    assert g["b"].recv() == frame(B, A)
    assert g["c"].recv() == frame(B, A)
    switch.cli("port", "set", "c", "--promiscuous", "none")
    g["a"].send(frame(B, A))
    assert g["b"].recv() and g["c"].recv(0.1) is None
    finish(switch, g)


def test_isolated_ports_reach_only_those_that_are_not(make_switch):
    switch, g = start(make_switch, a="isolated: true", b="isolated: true")
    g["a"].send(frame(B, A))
    assert g["b"].recv(0.1) is None
    assert drops(switch, "b", "isolated") == 1
    g["a"].send(frame(BROADCAST, A))
    assert g["c"].recv() and g["b"].recv(0.1) is None
    g["a"].send(frame(C, A))
    assert g["c"].recv() == frame(C, A)
    finish(switch, g)


def test_addresses_beyond_the_limit_are_dropped(make_switch):
    switch, g = start(make_switch, "mac_limit: 3")
    for i in (1, 2):
        g["a"].send(frame(B, mac(0x70 + i)))
        learned(switch, "a", mac(0x70 + i))
    g["b"].recv_all(0.05)
    g["a"].send(frame(B, mac(0x79)))
    assert g["b"].recv(0.1) is None
    assert drops(switch, "a", "mac_limit") == 1
    g["a"].send(frame(B, A))
    assert g["b"].recv() == frame(B, A)
    assert switch.port("a")["macs"] == 3
    finish(switch, g)


def pass_through(guests, seconds, payload_bytes=1000):
    """How many frames get from a to b when a sends as fast as it can."""
    sent = received = 0
    burst = [frame(B, A, length=payload_bytes)] * 32
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        guests["a"].send_many(burst)
        sent += len(burst)
        while guests["b"].recv(0) is not None:
            received += 1
    received += len(guests["b"].recv_all(0.1))
    return sent, received


def test_rate_limits_hold_in_both_directions(make_switch):
    switch, g = start(make_switch)
    for option, port, reason in (("--rate-limit-in", "a", "rate_limit_in"),
                                 ("--rate-limit-out", "b", "rate_limit_out")):
        switch.cli("port", "set", port, option, "8M")
        begin = time.monotonic()
        sent, received = pass_through(g, 1.0)
        elapsed = time.monotonic() - begin
        # 8 Mbit/s are 1000 frames of 1000 bytes a second, and 64 KiB may come at once.
        assert received <= 1000 * elapsed + 67, (sent, received)
        assert received >= 0.8 * 1000 * 1.0, (sent, received)
        assert drops(switch, port, reason) == sent - received
        switch.cli("port", "set", port, option, "none")
    finish(switch, g)


def test_storm_limit_holds_broadcast_and_spares_known_unicast(make_switch):
    switch, g = start(make_switch, "storm_limit: 100")
    for _ in range(10):
        g["a"].send_many([frame(BROADCAST, A)] * 100)
    assert len(g["b"].recv_all(0.1)) <= 10 + 1 + 100
    assert drops(switch, "a", "storm_limit") >= 800
    for _ in range(5):
        g["a"].send_many([frame(B, A)] * 100)
        assert len([f for f in g["b"].recv_all(0.05) if f == frame(B, A)]) == 100
    finish(switch, g)


def test_a_disabled_port_carries_nothing(make_switch):
    switch, g = start(make_switch)
    switch.cli("port", "set", "a", "--enabled", "false")
    g["a"].send(frame(B, A))
    assert g["b"].recv(0.1) is None
    assert drops(switch, "a", "rx_disabled") == 1
    switch.cli("port", "set", "a", "--enabled", "true")
    g["a"].send(frame(B, A))
    assert g["b"].recv() == frame(B, A)
    finish(switch, g)
