# SPDX-License-Identifier: BSD-3-Clause
"""vhost-user ports: every kind of ring, many queues, MTUs, reconnection, wake-ups."""

import os
import select
import statistics
import time

import pytest

from daemon import SMALL, wait_for
from ports import assert_sums_hold, config, learned, link_is, plug
from vhost_guest import BROADCAST, VhostGuest, frame, mac

A, B = mac(0xa), mac(0xb)
RINGS = {
    "split": {},
    "split without mergeable buffers": {"mrg": False},
    "split, indirect": {"indirect": True},
    "split with event index": {"event_idx": True},
    "split of 1024": {"ring_size": 1024},
    "packed": {"packed": True},
    "packed, indirect": {"packed": True, "indirect": True},
    "packed with event index": {"packed": True, "event_idx": True},
    "8 queue pairs": {"queues": 8},
    "8 packed queue pairs": {"queues": 8, "packed": True},
}


@pytest.mark.parametrize("poll", ["adaptive", "busy"])
@pytest.mark.parametrize("rings", RINGS)
def test_frames_of_all_sizes_arrive_whole_and_in_order(make_switch, rings, poll):
    head = SMALL + f"workers: {{ poll: {poll} }}\nbridges: [ {{ name: br0 }} ]\n"
    fields = "queues: 8, mtu: 9000, vlan: 10"
    switch = make_switch(config({"a": fields, "b": fields}, head=head))
    options = RINGS[rings]
    with plug(switch, "a", **options) as a, plug(switch, "b", **options) as b:
        link_is(switch, "b")
        b.send(frame(BROADCAST, B))
        assert a.recv()
        learned(switch, "b", B)
        for queue in range(options.get("queues", 1)):
            sizes = [60, 61, 1514, 1515, 2036, 2037, 4096, 9014]
            frames = [frame(B, A, length=n, payload=bytes([i, queue])) for i, n in enumerate(sizes)]
            a.send_many(frames, queue=queue)
            assert [b.recv() for _ in frames] == frames
    assert_sums_hold(switch)


def test_queue_pairs_are_all_polled_and_shown(make_switch):
    switch = make_switch(config({"a": "queues: 4"}))
    with plug(switch, "a", queues=4):
        wait_for(lambda: switch.port("a")["rx_queues"] == 4, 5, "4 queues ready")
        assert switch.port("a")["tx_queues"] == 4


def test_more_queue_pairs_than_configured_are_refused_with_a_word(make_switch):
    switch = make_switch(config({"a": "queues: 2", "b": ""}))
    with plug(switch, "a", queues=4):
        wait_for(lambda: "raise its queues" in switch.log(), 5, "the warning")
        assert switch.port("a")["rx_queues"] == 2


@pytest.mark.parametrize("mtu", [68, 1500, 9000])
def test_the_mtu_is_kept_to_the_byte_on_both_sides(make_switch, mtu):
    switch = make_switch(config({"a": "mtu: 9000", "b": f"mtu: {mtu}", "c": f"mtu: {mtu}"}))
    with plug(switch, "a") as a, plug(switch, "b") as b, plug(switch, "c") as c:
        for guest, address, name in ((a, A, "a"), (b, B, "b")):
            guest.send(frame(BROADCAST, address))
            learned(switch, name, address)
        for guest in (a, b, c):
            guest.recv_all(0.05)
        fits, too_long = frame(A, B, length=mtu + 14), frame(A, B, length=mtu + 15)
        b.send(fits)
        assert a.recv() == fits
        b.send(too_long)
        assert a.recv(0.05) is None
        assert switch.stats("b")["drops"] == {"oversize": 1}
        a.send(frame(B, A, length=mtu + 14))
        assert b.recv() == frame(B, A, length=mtu + 14)
        if mtu < 9000:
            a.send(frame(B, A, length=mtu + 15))
            assert b.recv(0.05) is None
            assert switch.stats("b")["drops"] == {"oversize": 1, "tx_oversize": 1}
    assert_sums_hold(switch)


def test_runts_and_cut_tags_are_counted(make_switch):
    switch = make_switch(config({"a": "", "b": ""}))
    with plug(switch, "a") as a, plug(switch, "b") as b:
        a.send_many([frame(BROADCAST, A, 5, length=17)[:n] for n in (1, 13, 14, 16, 17)])
        assert b.recv(0.1) is None
        assert switch.stats("a")["drops"] == {"runt": 5}


def test_rarp_is_sent_for_a_guest_that_has_migrated(make_switch):
    switch = make_switch(config({"a": "", "b": ""}))
    with plug(switch, "a") as a, plug(switch, "b") as b:
        a.send_rarp(A)
        a.kick = a.rings[1].kick
        a.kick()
        got = b.recv()
        assert got[:12] == BROADCAST + A and got[12:14] == b"\x80\x35"
        learned(switch, "a", A)


def test_a_client_port_is_connected_within_50_ms_of_listen(make_switch):
    switch = make_switch(config({"a": "mode: client", "b": ""}))
    path = switch.socket("a")
    with plug(switch, "b") as b:
        times = []
        for i in range(5):
            guest = VhostGuest(path, listen=True, start=False)
            begin = time.monotonic()
            guest.start()
            guest.send(frame(BROADCAST, mac(i)))
            assert b.recv(2) == frame(BROADCAST, mac(i))
            times.append(time.monotonic() - begin)
            guest.close()
            link_is(switch, "a", "down")
        assert statistics.median(times) < 0.05, times


def test_a_client_port_waits_for_a_folder_that_is_not_there_yet(make_switch, tmp_path):
    folder = tmp_path / "later"
    switch = make_switch(config({"a": f"mode: client, socket: \"{folder}/a.sock\""}))
    assert switch.port("a")["link"] == "down"
    os.mkdir(folder)
    with VhostGuest(str(folder / "a.sock"), listen=True):
        link_is(switch, "a")


def test_a_client_port_finds_its_peer_again_after_a_restart_of_the_switch(make_switch):
    switch = make_switch(config({"a": "mode: client", "b": ""}))
    guest = VhostGuest(switch.socket("a"), listen=True)
    link_is(switch, "a")
    guest.close()
    assert switch.terminate() == 0
    guest.listen()  # anew: the old one may hold a connection that died with the old switch
    switch.start()
    guest.start()
    link_is(switch, "a")
    guest.close()


def test_a_server_port_takes_guest_after_guest_and_survives_a_killed_switch(make_switch):
    switch = make_switch(config({"a": "", "b": ""}))
    for _ in range(5):
        with plug(switch, "a") as a, plug(switch, "b") as b:
            a.send(frame(BROADCAST, A))
            assert b.recv()
        link_is(switch, "a", "down")
    switch.kill()
    assert os.path.exists(switch.socket("a"))
    switch.start()
    with plug(switch, "a") as a, plug(switch, "b") as b:
        a.send(frame(BROADCAST, A))
        assert b.recv()


def test_a_socket_that_another_program_serves_is_left_to_it(make_switch, tmp_path):
    switch = make_switch(config({"b": ""}))
    path = str(tmp_path / "other.sock")
    with VhostGuest(path, listen=True, start=False) as other:
        done = switch.run("port", "add", "a", "--bridge", "br0", "--socket", path)
        assert done.returncode == 1 and "another program" in done.stderr
        assert os.path.exists(path) and other.listener


def test_an_adaptive_worker_answers_a_kick_within_100_us_of_its_wake_up(make_switch):
    """Half of a round trip from Python through two sleeping ends: the median must leave no room for
    a poll interval of a millisecond."""
    switch = make_switch(config({"a": "", "b": ""}))
    with plug(switch, "a") as a, plug(switch, "b") as b:
        for guest, address, name in ((a, A, "a"), (b, B, "b")):
            guest.send(frame(BROADCAST, address))
            learned(switch, name, address)
        for guest in (a, b):
            guest.recv_all(0.05)
        times, ring = [], b.rings[0]
        for _ in range(200):
            wait_for(switch.worker_sleeps, 2, "a worker that sleeps", 0.001)
            ring.drain_call()
            begin = time.perf_counter()
            a.send(frame(B, A))
            assert select.select([ring.call_fd], [], [], 2)[0]
            times.append(time.perf_counter() - begin)
            assert b.recv(0.5) == frame(B, A)
        # What Python itself needs to put a frame into its ring is in it too.
        assert statistics.median(times) < 0.0005, statistics.median(times)


def test_ports_come_and_go_while_others_lose_no_frame(make_switch):
    switch = make_switch(config({"a": "vlan: 10", "b": "vlan: 10"}))
    # On a busy machine all that waits in a's ring comes at once: b's has room for it.
    with plug(switch, "a") as a, plug(switch, "b", ring_size=1024) as b:
        b.send(frame(BROADCAST, B))
        learned(switch, "b", B)
        n_sent = n_received = 0

        def traffic(rounds):
            nonlocal n_sent, n_received
            for _ in range(rounds):
                a.send_many([frame(B, A)] * 64)
                n_sent += 64
                for _ in range(64):
                    n_received += b.recv_only(frame(B, A), 5)
        for i in range(20):
            traffic(10)
            switch.cli("port", "add", f"c{i}", "--bridge", "br0", "--vlan", "10")
            traffic(10)
            switch.cli("port", "set", f"c{i}", "--vlan", "20")
            with VhostGuest(switch.socket(f"c{i}")):
                traffic(10)
            switch.cli("port", "del", f"c{i}")
        assert n_received == n_sent
        assert_sums_hold(switch)
