# SPDX-License-Identifier: BSD-3-Clause
"""What a driver may make of its rings: sizes, layouts of buffers and headers, notification, regions
of memory; and how the switch takes a ring up again."""

import multiprocessing
import mmap
import random
import struct

import pytest

from daemon import wait_for
from ports import assert_sums_hold, config, learned, link_is, plug
from vhost_guest import BROADCAST, F_LOG_ALL, NET_HDR, PAGE, frame, mac

A, B = mac(0xa), mac(0xb)
KINDS = {"split": {}, "packed": {"packed": True}}
PLAIN = {"a": "", "b": ""}


def pattern(n, tag=None):
    """A frame from A to B whose every byte says where it belongs."""
    head = frame(B, A, tag, length=0)
    return head + bytes((i * 7 + n) % 251 for i in range(n - len(head)))


def counted(switch, port, reason, n=1):
    wait_for(lambda: switch.stats(port)["drops"].get(reason, 0) == n, 5, f"{n} {reason} on {port}")


def pair(switch, a_options=None, b_options=None, **both):
    """Guests on ports a and b; where B is, is known."""
    a = plug(switch, "a", **both, **(a_options or {}))
    b = plug(switch, "b", **both, **(b_options or {}))
    b.send(frame(BROADCAST, B))
    learned(switch, "b", B)
    assert a.recv()
    return a, b


def check_frames(a, b, frames, **how):
    """Each arrives as it was sent, in order."""
    for at in range(0, len(frames), 16):
        some = frames[at:at + 16]
        a.send_many(some, **how)
        for f in some:
            assert b.recv() == f, len(f)


def close(*guests):
    for guest in guests:
        guest.close()


# Reasons to drop

@pytest.mark.bad_input
@pytest.mark.parametrize("kind", KINDS)
def test_a_descriptor_out_of_memory_is_counted_and_the_frame_behind_it_goes(make_switch, kind):
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, **KINDS[kind])
    ring = a.rings[1]
    gpa, a.gpa = a.gpa, lambda offset: 1 << 40
    a.send_many([frame(B, A)], kick=False)
    a.gpa = gpa
    a.send(pattern(100))
    assert b.recv() == pattern(100)
    counted(switch, "a", "bad_descriptor")
    # Both came back, so the guest loses no descriptor.
    a._wait_free(ring, ring.size)
    assert_sums_hold(switch)
    close(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_longer_than_the_receivers_buffers_is_counted_and_a_small_one_still_goes(
        make_switch, kind):
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, b_options={"mrg": False, "rx_bytes": 512}, **KINDS[kind])
    a.send(pattern(1500))
    counted(switch, "b", "tx_no_buffer")
    a.send(pattern(501))
    counted(switch, "b", "tx_no_buffer", 2)
    a.send(pattern(500))
    assert b.recv() == pattern(500)
    assert_sums_hold(switch)
    close(a, b)


# Layouts

@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_is_spread_over_mergeable_buffers_of_600(make_switch, kind):
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, b_options={"rx_bytes": 600}, **KINDS[kind])
    for length, buffers in ((1500, [600, 600, 312]), (588, [600]), (589, [600, 1]),
                            (1188, [600, 600]), (1189, [600, 600, 1])):
        a.send(pattern(length))
        assert b.recv() == pattern(length)
        assert b.last_lengths == buffers
        assert b.last_header == bytes(10) + struct.pack("<H", len(buffers))
    assert_sums_hold(switch)
    close(a, b)


@pytest.mark.parametrize("options, header", [
    ({"version_1": False, "mrg": False}, 10), ({"version_1": False}, 12), ({"mrg": False}, 12),
    ({}, 12)], ids=str)
def test_the_header_has_the_length_that_was_negotiated(make_switch, options, header):
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, **options)
    assert a.header_bytes == header
    for f in [pattern(n) for n in (14, 60, 61, 128, 129, 1514)]:
        a.send(f)
        assert b.recv() == f
        # virtio 1.2, 5.1.6.4.1: one buffer, also where they are not mergeable.
        assert b.last_header == (bytes(10) + b"\1\0")[:header]
    close(a, b)


SIZES = [("split", n) for n in (1, 2, 8, 256, 1024, 32768)] + [
    ("packed", n) for n in (1, 2, 3, 8, 100, 257, 1024, 32768)]


@pytest.mark.parametrize("kind, size", SIZES, ids=str)
def test_a_ring_of_any_size_goes_round_many_times(make_switch, kind, size):
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, mrg=False, rx_bytes=256, tx_bytes=256, ring_size=size, **KINDS[kind])
    n = min(max(3 * size, 64), 2 * 32768 + 100)
    step = min(size, 64)
    for i in range(0, n, step):
        frames = [frame(B, A, payload=struct.pack("!I", k)) for k in range(i, i + step)]
        a.send_many(frames)
        for f in frames:
            assert b.recv() == f
    assert_sums_hold(switch)
    close(a, b)


def cut(total, n, rng):
    """n lengths of at least 1 whose sum is total."""
    at = sorted(rng.sample(range(1, total), n - 1))
    return [b - a for a, b in zip([0, *at], [*at, total])]


@pytest.mark.parametrize("indirect", [False, True], ids=["direct", "indirect"])
@pytest.mark.parametrize("kind", KINDS)
def test_frames_in_pieces_cut_anywhere_arrive_whole(make_switch, kind, indirect):
    """The header alone, cut inside of the header, one byte behind the private head, and at random:
    2 to 17 pieces."""
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, indirect=indirect, ring_size=128, **KINDS[kind])
    rng = random.Random(1)
    cuts = [(length, [first, 12 + length - first]) for length in (60, 300, 1514)
            for first in (1, 11, 12, 13, 25, 26, 40)]
    cuts += [(300, [12, 127, 173]), (300, [12, 128, 172]), (300, [12, 129, 171]),
             (300, [139, 173]), (300, [140, 172]), (300, [141, 171]), (128, [12, 128]),
             (129, [12, 128, 1]), (129, [1] * 12 + [129]), (60, [4, 4, 4, 6, 6, 2, 46])]
    cuts += [(length, cut(12 + length, n, rng)) for n in range(2, 18)
             for length in (14, 60, 127, 128, 129, 130, 300, 1514)]
    for length, parts in cuts:
        a.send_many([pattern(length)], parts=parts)
        assert b.recv() == pattern(length), parts
    assert_sums_hold(switch)
    close(a, b)


@pytest.mark.parametrize("parts", [[12, 2000], [5, 7, 1600], [1] * 30 + [1600],
                                   [13, 127, 1, 128, 1500], [300] * 6], ids=str)
@pytest.mark.parametrize("mrg", [False, True], ids=["one buffer", "mergeable"])
@pytest.mark.parametrize("indirect", [False, True], ids=["direct", "indirect"])
@pytest.mark.parametrize("kind", KINDS)
def test_receive_buffers_may_be_chains(make_switch, kind, indirect, mrg, parts):
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, b_options={"rx_parts": parts, "rx_bytes": 2560, "indirect": indirect,
                                   "mrg": mrg}, ring_size=1024, **KINDS[kind])
    check_frames(a, b, [pattern(n) for n in (14, 60, 127, 128, 129, 300, 1000, 1514)] * 3)
    assert_sums_hold(switch)
    close(a, b)


def test_mergeable_buffers_may_be_chains_too_short_for_a_frame(make_switch):
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, b_options={"rx_parts": [100, 60, 40], "rx_bytes": 200})
    check_frames(a, b, [pattern(n) for n in (14, 60, 188, 189, 300, 1000, 1514)] * 3)
    close(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_in_order_buffers_come_back_in_order(make_switch, kind):
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, in_order=True, ring_size=64, **KINDS[kind])
    check_frames(a, b, [pattern(n) for n in range(60, 260)])
    # Each descriptor in turn: a free list in another order would show one out of turn.
    a._wait_free(a.rings[1], 64)
    start = a.rings[1].free[0]
    assert a.rings[1].free == [(start + i) % 64 for i in range(64)]
    close(a, b)


@pytest.mark.parametrize("fields, tag_in, tag_out", [
    (("vlan: 10", "vlan: 10"), None, None),
    (("vlan: 10", "trunk: 10"), None, 10),
    (("trunk: 10", "vlan: 10"), 10, None),
    (("trunk: 10", "trunk: 10"), 10, 10)], ids=["keep", "push", "pop", "keep tag"])
@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_every_length_arrive_byte_by_byte(make_switch, kind, fields, tag_in, tag_out):
    switch = make_switch(config(dict(zip("ab", fields))))
    with plug(switch, "a", **KINDS[kind]) as a, plug(switch, "b", **KINDS[kind]) as b:
        b.send(frame(BROADCAST, B, 10 if tag_out else None))
        learned(switch, "b", B)
        assert a.recv()
        for begin in range(14, 1518, 16):
            bodies = [pattern(n)[14:] for n in range(begin, begin + 16) if n <= 1514]
            sent = [frame(B, A, tag_in, length=0) + body for body in bodies]
            a.send_many(sent)
            for body in bodies:
                assert b.recv() == frame(B, A, tag_out, length=0) + body, len(body)
        assert_sums_hold(switch)


# Notification

@pytest.mark.parametrize("event_idx", [False, True], ids=["flags", "event index"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_driver_that_wants_no_signal_gets_none(make_switch, kind, event_idx):
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, event_idx=event_idx, **KINDS[kind])
    ring = b.rings[0]

    def send_one(total):
        a.send(frame(B, A))
        # It signals before it counts.
        wait_for(lambda: switch.stats("b")["tx_packets"] == total, 5, "the count")
    sent = switch.stats("b")["tx_packets"]
    ring.want_signals(False)
    # The first after a start always signals; so one to begin with.
    send_one(sent + 1)
    ring.drain_call()
    for i in range(2, 12):
        send_one(sent + i)
    assert not ring.drain_call()
    ring.want_signals(True)
    assert len(b.recv_all(0.05)) == 11
    ring.drain_call()
    send_one(sent + 12)
    assert ring.drain_call()
    close(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_the_event_index_says_at_which_buffer_to_signal(make_switch, kind):
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, event_idx=True, ring_size=16, **KINDS[kind])
    ring, total = b.rings[0], switch.stats("b")["tx_packets"]
    a.send(frame(B, A))
    assert b.recv()
    total += 1
    for n_round in range(8):  # through the wrap of a packed ring at every place
        n = 3 + n_round
        ring.drain_call()
        ring.signal_after(n)
        for i in range(n + 1):
            assert not ring.drain_call(), (n_round, i)
            a.send(frame(B, A))
            total += 1
            wait_for(lambda: switch.stats("b")["tx_packets"] == total, 5, "the count")
        assert ring.drain_call(), n_round
        assert len(b.recv_all(0)) == n + 1
    close(a, b)


# Memory

@pytest.mark.parametrize("by_slots", [False, True], ids=["one table", "slot by slot"])
@pytest.mark.parametrize("kind", KINDS)
def test_memory_of_64_regions_that_buffers_cross(make_switch, kind, by_slots):
    """Regions of one page each, so that a buffer of 10 KiB lies in up to four of them."""
    switch = make_switch(config({"a": "mtu: 9000", "b": "mtu: 9000"}))
    a, b = pair(switch, mrg=False, ring_size=16, regions=64, by_slots=by_slots, **KINDS[kind])
    assert len(a.memfds) == 64 and (not by_slots or a.slots == 64)
    rng = random.Random(2)
    for n in (14, 60, 128, 129, 1514, 4000, 4096, 8192, 9014) * 8:
        f = pattern(n) if n < 60 else frame(B, A, payload=rng.randbytes(n - 14))
        a.send(f)
        assert b.recv() == f, n
    assert_sums_hold(switch)
    close(a, b)


def test_a_region_that_is_removed_is_used_no_more_and_one_that_is_added_again_is(make_switch):
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, mrg=False, ring_size=16, regions=2, by_slots=True)
    region, fd = a.region_list[1], a.memfds[1]
    a.remove_region(region)
    # Its transmit ring was in there.
    wait_for(lambda: switch.port("a")["rx_queues"] == 0, 5, "the ring to stop")
    a.add_region(region, fd)
    wait_for(lambda: switch.port("a")["rx_queues"] == 1, 5, "the ring to start")
    a.send(frame(B, A))
    assert b.recv() == frame(B, A)
    close(a, b)


# Stop and start

@pytest.mark.parametrize("event_idx", [False, True], ids=["flags", "event index"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_ring_that_was_stopped_goes_on_where_it_was(make_switch, kind, event_idx):
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, ring_size=16, event_idx=event_idx, **KINDS[kind])
    for i in range(40):
        guest, queue = ((a, 1), (b, 0))[i % 2]
        ring = guest.rings[queue]
        base = guest.stop_ring(ring)
        if not a.packed:
            assert base == ring.u16(ring.used + 2)
        # Offered while the ring stands still: goes out, or in, when it runs again.
        if guest is a:
            a.send(pattern(60 + i))
            assert b.recv(0) is None
        guest.start_ring(ring, base)
        guest.ask_u64(1)
        if guest is b:
            wait_for(lambda: switch.port("b")["tx_queues"] == 1, 5, "the ring to start")
            a.send(pattern(60 + i))
        assert b.recv() == pattern(60 + i), i
    assert_sums_hold(switch)
    close(a, b)


def test_no_frame_is_lost_for_good_when_the_switch_is_killed(make_switch):
    """What was offered and is not used is done again: at least once each, and nothing else."""
    switch = make_switch(config({**PLAIN, "c": ""}))
    a, b = pair(switch, ring_size=512)
    rng, sent, came = random.Random(3), [], set()
    for _ in range(8):
        for _ in range(rng.randrange(1, 6)):
            some = [frame(B, A, payload=struct.pack("!I", len(sent) + i)) for i in range(64)]
            sent += some
            a.send_many(some)
        switch.kill()
        for guest in (a, b):
            guest.abort()
        switch.start()
        b.resume()
        link_is(switch, "b")
        a.resume()
        link_is(switch, "a")
        last = sent[-1]
        while last not in came:
            got = b.recv(5)
            assert got is not None, f"{len(sent) - len(came)} of {len(sent)} missing"
            came.add(got)
    assert came == set(sent)
    close(a, b)


# Migration

def dirty(log, guest):
    """Offsets of the pages in the log."""
    first = guest.gpa(0) // PAGE
    return {(page - first) * PAGE for byte in range(len(log)) if log[byte]
            for page in range(8 * byte, 8 * byte + 8) if log[byte] >> page % 8 & 1}


def pages(at, n):
    return set(range(at - at % PAGE, at + n, PAGE))


@pytest.mark.bad_input
@pytest.mark.parametrize("length", [60, 1514, 5000])
@pytest.mark.parametrize("kind", KINDS)
def test_every_page_written_is_logged_and_no_other(make_switch, kind, length):
    switch = make_switch(config({"a": "mtu: 9000", "b": "mtu: 9000"}))
    a, b = pair(switch, b_options={"log": True}, ring_size=512, **KINDS[kind])
    # All pages as they are before: what changes afterwards was written by the switch.
    log = b.start_log()
    before = bytes(b.memory)
    sent = [pattern(length)] * 20
    a.send_many(sent)
    wait_for(lambda: switch.stats("b")["tx_packets"] == 20, 5, "20 frames")
    b.ask_u64(1)
    after, marked = bytes(b.memory), dirty(log, b)
    changed = {at for at in range(0, b.size, PAGE) if before[at:at + PAGE] != after[at:at + PAGE]}
    assert changed and changed <= marked
    # Descriptors are given back in place (packed) or in the used ring; frames go to the buffers.
    ring = b.rings[0]
    n_buffers = 20 * (1 + (length + 11) // ring.buffer_bytes)
    allowed = pages(ring.buffers, (n_buffers + 1) * ring.buffer_bytes)
    for one in b.rings:
        for at, n in one.written():
            allowed |= pages(at, n)
    assert marked <= allowed
    assert ring.buffers + (n_buffers + 4) * ring.buffer_bytes - 1 not in marked
    for f in sent:
        assert b.recv() == f
    # The log can be switched off and on while frames flow.
    b.stop_log()
    b.ask_u64(1)
    log[:] = bytes(len(log))
    a.send(pattern(60))
    assert b.recv() == pattern(60) and not dirty(log, b)
    b.set_features(F_LOG_ALL)
    a.send(pattern(60))
    assert b.recv() == pattern(60) and dirty(log, b)
    close(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_the_log_misses_no_page_while_frames_flow_and_the_log_is_read(make_switch, kind):
    """A migration: pages are copied when their bit is set, while the switch writes on; at the end,
    what is not marked must be the same at both ends."""
    switch = make_switch(config(PLAIN))
    a, b = pair(switch, b_options={"log": True}, ring_size=4096, rx_bytes=256, tx_bytes=256,
                **KINDS[kind])
    log, rng = b.start_log(), random.Random(4)
    copy = bytearray(b.memory)

    def fetch():
        for at in dirty(log, b):
            page = b.gpa(at) // PAGE
            log[page // 8] = log[page // 8] & ~(1 << page % 8) & 0xff
            copy[at:at + PAGE] = b.memory[at:at + PAGE]
    # The guest does not receive meanwhile: what it writes, its front end must track.
    for i in range(60):
        a.send_many([pattern(60 + i)] * rng.randrange(1, 40))
        fetch()
    a._wait_free(a.rings[1], 4096)
    for ring in b.rings:
        b.stop_ring(ring)
    fetch()
    assert copy == b.memory[:]
    close(a, b)


def _flip(memfd, size, offsets, good, bad, end):
    """Rewrite the headers of all these buffers, over and over: a process of the guest's own."""
    with mmap.mmap(memfd, size) as memory:
        while not end.is_set():
            for at in offsets:
                memory[at:at + len(bad)] = bad
            for at in offsets:
                memory[at:at + len(good)] = good


@pytest.mark.bad_input
@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_what_was_decided_is_what_is_delivered_whatever_the_guest_does_meanwhile(make_switch, packed):
    switch = make_switch(config({
        "evil": f"vlan: 10, forged_transmits: reject, mac: \"{':'.join(f'{b:02x}' for b in A)}\"",
        "friend": "vlan: 10", "stranger": "vlan: 20"}))
    good = BROADCAST + A + b"\x08\x00" + bytes(2)
    bad = BROADCAST + mac(0xbad) + b"\x81\x00" + struct.pack("!H", 20)
    with plug(switch, "evil", packed=packed, ring_size=32) as evil, plug(switch, "friend") as friend, \
            plug(switch, "stranger") as stranger:
        ring = evil.rings[1]
        offsets = [ring.buffer(i) + NET_HDR for i in range(ring.size)]
        context = multiprocessing.get_context("fork")
        end = context.Event()
        flipper = context.Process(target=_flip, args=(evil.memfd, evil.size, offsets, good, bad, end))
        flipper.start()
        n_good = 0
        try:
            for _ in range(300):
                evil.send_many([good + bytes(300)] * 32)
                while (got := friend.recv(0)) is not None:
                    assert got[6:12] == A and got[12:14] != bad[12:14]
                    n_good += 1
                assert stranger.recv(0) is None
        finally:
            end.set()
            flipper.join()
        for got in friend.recv_all(0.1):
            assert got[6:12] == A and got[12:14] != bad[12:14]
            n_good += 1
        drops = switch.stats("evil")["drops"]
    # Both were seen, or nothing was tried.
    assert n_good and drops["vlan_ingress"]
