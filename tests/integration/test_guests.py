# SPDX-License-Identifier: BSD-3-Clause
"""Real guests: Linux in QEMU with its own virtio driver, four of them on one bridge. Two connect to
sockets of the switch (s1, s2), two own the socket and the switch connects (c1, c2)."""

import hashlib
import json
import os
import socket
import statistics
import time

import pytest

import netns
from daemon import Switch, wait_for
from guest import Guest, Monitor
from netns import unique
from ports import config, link_is

GUESTS = {  # name: port group, mode, last byte of its addresses
    "s1": ("left", "server", 1),
    "s2": ("left", "server", 2),
    "c1": ("right", "client", 3),
    "c2": ("right", "client", 4),
}
GROUPS = {"left": "vlan: 100, mtu: 9000", "right": "vlan: 200, mtu: 9000"}
RESTARTS = 5


class Api:
    """A connection of its own: asking costs no start of a program, so it can be asked often."""

    def __init__(self, switch):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(os.path.join(switch.run_dir, "shunt.sock"))
        self.lines = self.socket.makefile()

    def ask(self, method, **params):
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(self.lines.readline())["result"]

    def received_by(self, *names):
        """The least that any of these ports' guests has received."""
        return min(self.ask("port.stats", name=n)[0]["tx_packets"] for n in names)

    def close(self):
        self.lines.close()
        self.socket.close()


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """Guests boot once for the module; each test leaves them as it found them."""
    folder = str(tmp_path_factory.mktemp("guests"))
    ports = {n: f"portgroup: {g}, mode: {m}, queues: 2" for n, (g, m, _) in GUESTS.items()}
    switch = Switch(config(ports, GROUPS)).start()
    guests = {}
    try:
        for name, (_, mode, i) in GUESTS.items():
            guests[name] = guest_on(switch, name, i, folder, server=mode == "client")
        for guest in guests.values():
            guest.ready()
        for guest in guests.values():
            for other in guests.values():
                if other is not guest:
                    guest.meet(other)
        yield switch, guests
        for w in switch.json("worker", "stats"):  # ports that were deleted took theirs with them
            assert w["rx_packets"] + w["copied"] == w["tx_packets"] + w["dropped"], w
        assert switch.terminate() == 0
    finally:
        for guest in guests.values():
            guest.stop()
        switch.cleanup()


def guest_on(switch, name, i, folder, **options):
    return Guest(name, switch.socket(name), f"10.0.0.{i}/24", f"02:00:00:00:00:0{i}", folder=folder,
                 **options)


def reach(one, other, **options):
    return one.ping(other.address, count=1, **options)


def carrier(guest):
    return guest.run("cat /sys/class/net/eth0/carrier")[1].strip()


def test_guests_reach_their_own_group_and_no_other(four):
    switch, g = four
    assert reach(g["s1"], g["s2"]) and reach(g["c1"], g["c2"])
    assert not reach(g["s1"], g["c1"]) and not reach(g["c2"], g["s2"])
    assert switch.stats("s1")["drops"].keys() <= {"no_destination"}


def test_a_guests_address_is_learned_on_its_port_and_vlan(four):
    switch, g = four
    assert reach(g["s1"], g["s2"]) and reach(g["c1"], g["c2"])
    seen = {(e["mac"], e["vlan"]): e["port"] for e in switch.json("fdb", "list")}
    assert seen == {(g[n].mac, 100 if group == "left" else 200): n
                    for n, (group, _, _) in GUESTS.items()}


def mean_frame_bytes(switch, port, before):
    after = switch.stats(port)
    return ((after["tx_bytes"] - before["tx_bytes"]) /
            (after["tx_packets"] - before["tx_packets"]))


def make_file(guest):
    """Returns its sum."""
    return guest.run("head -c 8000000 /dev/urandom >/tmp/file; md5sum </tmp/file")[1]


def test_tcp_between_guests_goes_in_frames_far_longer_than_the_mtu(four):
    """Their kernels leave checksums and segmentation to each other."""
    switch, g = four
    a, b = g["s1"], g["s2"]
    digest, before = make_file(a), switch.stats("s2")
    # Its own input never ends, or it would end the connection.
    b.run("mkfifo /tmp/mute; (nc -l -p 5000 <>/tmp/mute | md5sum >/tmp/sum) &")
    a.run(f"until nc {b.address} 5000 </tmp/file; do :; done", 60)
    assert b.run("wait; cat /tmp/sum", 30)[1] == digest
    assert mean_frame_bytes(switch, "s2", before) > 4000
    assert "bad_offload" not in switch.stats("s1")["drops"]


@pytest.mark.parametrize("offload, address", [("all", "10.0.0.9"), ("csum", "10.0.0.10"),
                                              ("none", "10.0.0.11")])
def test_tcp_to_the_host_goes_in_long_frames_unless_the_port_is_told_otherwise(
        four, make_netns, offload, address):
    """The host's kernel checks every sum. Each has an address that no guest knows from another."""
    switch, g = four
    host, name = make_netns("host"), unique("in")
    switch.cli("port", "add", name, "--portgroup", "left", "--type", "internal", "--mtu", "1500")
    switch.cli("port", "set", name, "--offload", offload)
    try:
        netns.ip("link", "set", name, "netns", host.name)
        host.ip("link", "set", name, "up")
        host.add_address(name, f"{address}/24")
        listener = host.make(lambda: socket.create_server((address, 5000)))
        digest, before = make_file(g["s1"]), switch.stats(name)
        g["s1"].run(f"nc {address} 5000 </tmp/file &")
        connection, _ = listener.accept()
        with listener, connection:
            came = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        assert f"{hashlib.md5(came).hexdigest()}  -\n" == digest
        if offload == "all":
            assert mean_frame_bytes(switch, name, before) > 1600
        else:
            assert 1000 < mean_frame_bytes(switch, name, before) <= 1514
    finally:
        switch.cli("port", "del", name)


def test_ports_come_and_go_while_two_guests_lose_no_ping(four):
    switch, g = four
    g["s1"].start_pings(g["s2"].address)
    g["c1"].start_pings(g["c2"].address)
    for i in range(10):
        switch.cli("port", "add", f"x{i}", "--portgroup", "left")
        switch.cli("port", "set", f"x{i}", "--vlan", "7")
        switch.cli("port", "add", f"n{i}", "--portgroup", "right", "--type", "null")
        switch.cli("port", "del", f"x{i}")
        switch.cli("port", "del", f"n{i}")
    for name in ("s1", "c1"):
        sent, answered = g[name].end_pings()
        assert sent == answered >= 10, (name, sent, answered, switch.json("port", "stats"))


def test_a_group_takes_its_guests_to_another_vlan_without_a_lost_ping(four):
    switch, g = four
    g["s1"].start_pings(g["s2"].address)
    g["c1"].start_pings(g["c2"].address)
    for vlan in (300, 301, 302, 303, 100):
        switch.cli("portgroup", "set", "left", "--vlan", vlan)
        before = switch.stats("s1")["tx_packets"]
        wait_for(lambda: switch.stats("s1")["tx_packets"] > before + 5, 10, f"pings on {vlan}")
    for name in ("s1", "c1"):
        sent, answered = g[name].end_pings()
        assert sent == answered >= 10, (name, sent, answered, switch.json("port", "stats"))


def test_a_guest_that_moves_alone_is_not_reached_until_it_is_back(four):
    switch, g = four
    switch.cli("port", "set", "s2", "--vlan", "200")
    assert not reach(g["s1"], g["s2"])
    assert reach(g["c1"], g["s2"])
    switch.cli("port", "set", "s2", "--vlan", "none")
    assert reach(g["s1"], g["s2"])
    assert not reach(g["c1"], g["s2"])


def test_two_groups_that_are_given_one_vlan_reach_each_other(four):
    switch, g = four
    switch.cli("portgroup", "set", "right", "--vlan", "100")
    assert reach(g["s1"], g["c1"]) and reach(g["c2"], g["s2"])
    switch.cli("portgroup", "set", "right", "--vlan", "200")
    assert not reach(g["s1"], g["c1"])


def test_a_disabled_port_carries_nothing_until_it_is_enabled(four):
    """The guest does not see it: vhost-user has no message that tells a guest its link."""
    switch, g = four
    before = switch.stats("s2")["drops"].get("rx_disabled", 0)
    switch.cli("port", "set", "s2", "--enabled", "false")
    try:
        assert not reach(g["s1"], g["s2"])
        assert not reach(g["s2"], g["s1"])
        assert switch.stats("s2")["drops"]["rx_disabled"] > before
        assert carrier(g["s2"]) == "1"
    finally:
        switch.cli("port", "set", "s2", "--enabled", "true")
    assert reach(g["s1"], g["s2"]) and reach(g["s2"], g["s1"])


def test_pings_of_9000_bytes_pass_between_guests_and_none_longer(four):
    switch, g = four
    for name in ("s1", "s2"):
        assert g[name].run("ip link set eth0 mtu 9000")[0] == 0
    try:
        assert g["s1"].ping(g["s2"].address, count=5, size=8972)
        switch.cli("port", "set", "s1", "--mtu", "8999")
        before = switch.stats("s1")["drops"].get("oversize", 0)
        assert not g["s1"].ping(g["s2"].address, count=1, size=8972)
        assert switch.stats("s1")["drops"]["oversize"] > before
        assert g["s1"].ping(g["s2"].address, count=1, size=8971)
    finally:
        switch.cli("port", "set", "s1", "--mtu", "none")
        for name in ("s1", "s2"):
            g[name].run("ip link set eth0 mtu 1500")


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_traffic_goes_on_after_a_restart_of_the_switch(four, end):
    """A client port is connected at once, since the guest's socket is there: traffic again within
    50 ms. A server port waits for QEMU, which tries once a second."""
    switch, g = four
    pairs = {"server": ("s1", "s2"), "client": ("c1", "c2")}
    times = {mode: [] for mode in pairs}
    for one, other in pairs.values():
        g[one].start_pings(g[other].address, count=1000000)
    for _ in range(RESTARTS):
        getattr(switch, end)()
        switch.start()
        begin, api = time.monotonic(), Api(switch)
        waiting = set(pairs)
        while waiting:
            for mode in list(waiting):
                if api.received_by(*pairs[mode]) > 0:
                    times[mode].append(time.monotonic() - begin)
                    waiting.discard(mode)
            assert time.monotonic() - begin < 10, f"no traffic between guests of {waiting}"
        api.close()
    for one, _ in pairs.values():
        sent, answered = g[one].end_pings(at_once=True)
        assert answered >= RESTARTS, f"{answered} of {sent}"
    print(f"traffic after a restart, s: {times}")
    assert statistics.median(times["client"]) < 0.05, times
    assert max(times["server"]) < 2, times


def test_a_guest_sees_its_link_go_and_come_with_the_switch(four):
    switch, g = four
    assert carrier(g["s1"]) == carrier(g["c1"]) == "1"
    switch.terminate()
    for name in ("s1", "c1"):
        wait_for(lambda: carrier(g[name]) == "0", 10, f"no carrier in {name}")
    switch.start()
    for name in ("s1", "c1"):
        wait_for(lambda: carrier(g[name]) == "1", 10, f"carrier in {name}")
    assert reach(g["s1"], g["s2"]) and reach(g["c1"], g["c2"])


def test_guests_that_end_and_start_again_are_found_in_both_modes(four, tmp_path):
    switch, g = four
    for name in ("s2", "c2"):
        g[name].stop()
        link_is(switch, name, "down")
    for name in ("s2", "c2"):
        _, mode, i = GUESTS[name]
        g[name] = guest_on(switch, name, i, str(tmp_path), server=mode == "client")
    for name in ("s2", "c2"):
        g[name].ready()
        link_is(switch, name)
    assert g["s1"].ping(g["s2"].address, count=5) and g["c1"].ping(g["c2"].address, count=5)


def test_a_guest_with_two_queue_pairs_is_reached_through_both(four, tmp_path):
    switch, g = four
    switch.cli("port", "add", "q", "--portgroup", "left", "--queues", "2")
    guest = guest_on(switch, "q", 5, str(tmp_path), queues=2, cpus=2)
    try:
        guest.ready()
        wait_for(lambda: switch.port("q")["rx_queues"] == 2, 10, "both queues")
        queues = guest.run("ls /sys/class/net/eth0/queues")[1].split()
        assert sorted(queues) == ["rx-0", "rx-1", "tx-0", "tx-1"]
        for cpu in (0, 1):  # Linux sends on the queue of the CPU that a program runs on
            ping = f"ping -c 5 -i 0.05 -W 1 {g['s1'].address}"
            assert guest.run(f"taskset {1 << cpu:x} {ping}")[0] == 0
    finally:
        guest.stop()
        switch.cli("port", "del", "q")


def test_a_guest_is_reached_on_its_new_port_after_it_has_migrated(four, tmp_path):
    """It sends nothing of its own accord, so only its announcement can have moved its address."""
    switch, g = four
    folders = {n: tmp_path / n for n in ("from", "to")}
    incoming = f"unix:{tmp_path}/migration"
    guests, monitor = {}, None
    for name, more in (("from", ()), ("to", ("-incoming", incoming))):
        folders[name].mkdir()
        switch.cli("port", "add", name, "--portgroup", "left")
        guests[name] = guest_on(switch, name, 6, str(folders[name]),
                                more=(*Monitor.words(f"{folders[name]}/qmp"), *more))
    try:
        guests["from"].ready()
        guests["to"].attached()
        assert g["s1"].ping("10.0.0.6")
        g["s1"].meet(guests["to"])
        monitor = Monitor(f"{folders['from']}/qmp")
        monitor.ask("migrate", uri=incoming)
        wait_for(lambda: monitor.ask("query-migrate")["status"] in ("completed", "failed"), 60,
                 "the migration ends")
        assert monitor.ask("query-migrate")["status"] == "completed"
        wait_for(lambda: [e["port"] for e in switch.json("fdb", "list")
                          if e["mac"] == "02:00:00:00:00:06"] == ["to"], 5, "announced on its port")
        guests["from"].stop()
        assert g["s1"].ping("10.0.0.6", count=5)
        assert guests["to"].run("true")[0] == 0
    finally:
        if monitor:
            monitor.close()
        for name, guest in guests.items():
            guest.stop()
            switch.cli("port", "del", name)
