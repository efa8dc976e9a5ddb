# SPDX-License-Identifier: BSD-3-Clause
"""The learning bridge: what it learns, forgets, refuses to forget, and floods."""

import time

import pytest

from daemon import CommandFailed, wait_for
from ports import assert_sums_hold, config, learned, plug
from vhost_guest import BROADCAST, frame, mac

A, B = mac(0xa), mac(0xb)


@pytest.fixture
def three(make_switch):
    """Ports a, b and c of VLAN 10 and d of VLAN 20, with a small table and quick ageing."""
    head = ("memory: { size: 64M, hugepages: off }\n"
            "bridges: [ { name: br0, fdb_size: 8, fdb_ageing_s: 2 } ]\n")
    switch = make_switch(config({"a": "vlan: 10", "b": "vlan: 10", "c": "vlan: 10",
                                 "d": "vlan: 20"}, head=head))
    guests = {n: plug(switch, n) for n in "abcd"}
    yield switch, guests
    assert_sums_hold(switch)
    for guest in guests.values():
        guest.close()


def entries(switch):
    return {(e["mac"], e["vlan"]): e["port"] for e in switch.json("fdb", "list")}


def test_unknown_destination_is_flooded_and_a_known_one_is_not(three):
    switch, g = three
    g["a"].send(frame(B, A))
    assert g["b"].recv() and g["c"].recv() and g["d"].recv(0.05) is None
    g["b"].send(frame(A, B))
    assert g["a"].recv() == frame(A, B)
    learned(switch, "b", B)
    g["c"].recv_all(0.05)
    g["a"].send(frame(B, A))
    assert g["b"].recv() == frame(B, A) and g["c"].recv(0.05) is None


def test_a_frame_for_its_own_port_is_not_reflected(three):
    switch, g = three
    g["a"].send(frame(BROADCAST, A))
    learned(switch, "a", A)
    g["a"].recv_all(0.05)
    g["a"].send(frame(A, mac(0x99)))
    assert g["a"].recv(0.05) is None
    assert switch.stats("a")["drops"]["same_port"] == 1


def test_a_station_that_moves_is_followed(three):
    switch, g = three
    g["a"].send(frame(BROADCAST, A))
    learned(switch, "a", A)
    g["b"].send(frame(BROADCAST, A))
    learned(switch, "b", A)
    assert "moved from port 'a' to 'b'" in switch.log()


def test_an_address_is_forgotten_after_its_age_and_kept_while_it_talks(three):
    switch, g = three
    g["a"].send(frame(BROADCAST, A))
    learned(switch, "a", A)
    wait_for(lambda: not entries(switch), 6, "the address is forgotten")
    g["b"].send(frame(BROADCAST, B))
    learned(switch, "b", B)

    def talk():
        g["b"].send(frame(BROADCAST, B))
        return False
    with pytest.raises(AssertionError):
        wait_for(talk, 4, interval=0.2)
    assert entries(switch) == {("02:00:00:00:00:0b", 10): "b"}


def test_a_full_table_floods_counts_and_keeps_its_static_entry(three):
    switch, g = three
    switch.cli("fdb", "add", "--bridge", "br0", "--vlan", "10", "--mac", "02:00:00:00:00:0b",
               "--port", "b")
    for i in range(40):
        g["a"].send(frame(BROADCAST, mac(0x1000 + i)))
    wait_for(lambda: switch.json("bridge", "show", "br0")["fdb_full"] > 0, 5, "the table is full")
    assert switch.json("bridge", "show", "br0")["fdb_entries"] == 8
    assert entries(switch)[("02:00:00:00:00:0b", 10)] == "b"
    g["b"].recv_all(0.05), g["c"].recv_all(0.05)
    g["a"].send(frame(mac(0x1000 + 39), A))
    assert g["b"].recv() and g["c"].recv()
    assert "full" in switch.log()


def test_a_static_entry_is_not_taken_over_by_another_port(three):
    switch, g = three
    switch.cli("fdb", "add", "--bridge", "br0", "--vlan", "10", "--mac", "02:00:00:00:00:0b",
               "--port", "b")
    g["a"].send(frame(BROADCAST, B))
    assert g["b"].recv(0.05) is None
    assert switch.stats("a")["drops"]["static_move"] == 1
    switch.cli("fdb", "del", "--bridge", "br0", "--vlan", "10", "--mac", "02:00:00:00:00:0b")
    g["a"].send(frame(BROADCAST, B))
    assert g["b"].recv()


def test_an_entry_is_in_the_vlan_of_its_port_unless_it_says_another(three):
    switch, _ = three
    switch.cli("fdb", "add", "--mac", "02:00:00:00:00:0b", "--port", "b")
    assert entries(switch) == {("02:00:00:00:00:0b", 10): "b"}
    switch.cli("fdb", "add", "--bridge", "br0", "--vlan", "0", "--mac", "02:00:00:00:00:0b", "--port", "b")
    with pytest.raises(CommandFailed, match="vlan is missing: the address is in 2 VLANs"):
        switch.cli("fdb", "del", "--bridge", "br0", "--mac", "02:00:00:00:00:0b")
    switch.cli("fdb", "del", "--bridge", "br0", "--vlan", "0", "--mac", "02:00:00:00:00:0b")
    assert "vlan: 10" in switch.cli("config", "show")
    switch.cli("fdb", "del", "--bridge", "br0", "--mac", "02:00:00:00:00:0b")
    assert entries(switch) == {}


def test_flush_forgets_what_was_learned_of_one_port(three):
    switch, g = three
    g["a"].send(frame(BROADCAST, A))
    g["b"].send(frame(BROADCAST, B))
    learned(switch, "a", A), learned(switch, "b", B)
    assert switch.json("fdb", "list")
    assert "1 address" in switch.cli("fdb", "flush", "--port", "a")
    assert entries(switch) == {("02:00:00:00:00:0b", 10): "b"}


def test_a_port_that_goes_down_takes_its_addresses_with_it(three):
    switch, g = three
    g["a"].send(frame(BROADCAST, A))
    learned(switch, "a", A)
    g["a"].abort()
    wait_for(lambda: not entries(switch), 5, "no address left")


def test_link_local_frames_are_not_forwarded(three):
    switch, g = three
    for last in range(16):
        g["a"].send(frame(bytes.fromhex("0180c20000") + bytes([last]), A))
    assert g["b"].recv(0.05) is None
    assert switch.stats("a")["drops"]["link_local"] == 16


def test_a_source_that_moves_10000_times_is_followed_and_costs_little(three):
    """The control thread hears of five ports in 10 ms at most, and logs a line a second."""
    switch, g = three
    begin, before = time.monotonic(), switch.log().count("moved from port")
    for _ in range(1000):
        for name in "ab":
            g[name].send_many([frame(mac(0x77), mac(0x55))] * 5)
        for name in "abc":
            g[name].recv_all(0)
    moves, seconds = switch.json("bridge", "show", "br0")["fdb_moves"], time.monotonic() - begin
    assert 0 < moves <= 5 + 500 * seconds
    assert switch.log().count("moved from port") - before <= 2 + seconds

    def follows():
        g["c"].send(frame(BROADCAST, mac(0x55)))
        return any(port == "c" for port in entries(switch).values())

    wait_for(follows, 5, "the address is behind c")


def test_a_million_addresses_can_be_configured(make_switch):
    switch = make_switch("memory: { size: 64M, hugepages: off }\n"
                         "bridges: [ { name: br0, fdb_size: 1048576 } ]\n")
    assert switch.json("bridge", "show", "br0")["fdb_size"] == 1048576
    assert switch.run("bridge", "set", "br0", "--fdb-size", "1048577").returncode == 1


N_MANY = 22000  # more than the command line prints as one block


def test_a_long_list_is_whole_and_tells_each_address_once(make_switch):
    head = "memory: { size: 64M, hugepages: off }\nbridges: [ { name: br0 } ]\n"
    switch = make_switch(config({"a": "vlan: 10", "b": "vlan: 10"}, head=head))
    guests = [plug(switch, name) for name in "ab"]
    addresses = [mac(0x1000 + i) for i in range(N_MANY)]

    def all_learned():
        """What is asked for while the queue to the control thread is full is asked for again."""
        guests[0].send_many([frame(B, address) for address in addresses])
        return switch.json("bridge", "show", "br0")["fdb_entries"] == N_MANY

    wait_for(all_learned, 60, f"{N_MANY} addresses are learned")
    wanted = sorted(":".join(f"{byte:02x}" for byte in address) for address in addresses)
    assert sorted(e["mac"] for e in switch.json("fdb", "list")) == wanted
    lines = switch.cli("fdb", "list").splitlines()
    assert lines[0].split()[:3] == ["BRIDGE", "VLAN", "MAC"]
    assert sorted(line.split()[2] for line in lines[1:]) == wanted
    for guest in guests:
        guest.close()
