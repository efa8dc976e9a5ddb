# SPDX-License-Identifier: BSD-3-Clause
"""Virtual machines that attack the switch: what each does to one port. A function takes the port's
socket path; what it raises on the way is part of being thrown out."""

import os
import random
import socket
import struct
import time

from vhost_guest import (D_AVAIL, D_INDIRECT, D_NEXT, D_USED, D_WRITE, F_LOG_ALL,
                         GUEST_BASE, NET_HDR, PAGE, SET_FEATURES, SET_LOG_BASE, SET_MEM_TABLE,
                         SET_OWNER, SET_VRING_ADDR, SET_VRING_KICK, SET_VRING_NUM, USER_BASE,
                         VERSION, VhostGuest, frame, mac)

FRAME = frame(mac(0xdead), mac(0xbad))


def _raw(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(path)
    return s


def _send(path, *chunks):
    """Send and wait for the end. The switch may hang up before it has read all."""
    with _raw(path) as s:
        try:
            for chunk in chunks:
                s.sendall(chunk)
            s.shutdown(socket.SHUT_WR)
            while s.recv(4096):
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass


def garbage(path):
    rng = random.Random(1)
    for _ in range(20):
        _send(path, rng.randbytes(rng.randrange(1, 600)))


def truncated_header(path):
    for n in range(1, 12):
        _send(path, struct.pack("<III", SET_OWNER, VERSION, 0)[:n])


def half_a_message(path):
    _send(path, struct.pack("<III", SET_FEATURES, VERSION, 8) + b"\0\0\0")


def half_a_message_and_silence(path):
    """Returns when the switch has lost its patience."""
    with _raw(path) as s:
        s.sendall(struct.pack("<III", SET_FEATURES, VERSION, 8) + b"\0\0\0")
        assert s.recv(1) == b""


def oversized_payload(path):
    for size in (0x1000, 0x7fffffff, 0xffffffff):
        _send(path, struct.pack("<III", SET_FEATURES, VERSION, size) + bytes(512))


def every_request_number(path):
    for request in range(0, 64):
        _send(path, struct.pack("<III", request, VERSION, 8) + bytes(8))


def _with_guest(path, attack, **options):
    guest = VhostGuest(path, **options)
    try:
        attack(guest)
    except (ConnectionError, TimeoutError, BrokenPipeError, AssertionError):
        pass
    finally:
        guest.close()


def absurd_memory(path):
    tables = [
        [(GUEST_BASE, 0, USER_BASE, 0)],
        [(GUEST_BASE, 1 << 40, USER_BASE, 0)],
        [(GUEST_BASE, 0xffffffffffffffff, USER_BASE, 0xffffffffffff0000)],
        [(GUEST_BASE, 1 << 21, USER_BASE, 1 << 40)],
        [(GUEST_BASE, 1 << 21, USER_BASE, 0), (GUEST_BASE, 1 << 21, USER_BASE, 0)],
        [(0xfffffffffffff000, 1 << 21, USER_BASE, 0)],
    ]
    for table in tables:
        def attack(guest, table=table):
            guest.set_memory(table)
            guest.send(FRAME)
            guest.ask_u64(1)
        _with_guest(path, attack)

    def too_many(guest):
        guest.message(SET_MEM_TABLE, struct.pack("<II", 0xffffffff, 0) + bytes(8 * 32))
        guest.ask_u64(1)
    _with_guest(path, too_many)

    def no_descriptor(guest):
        guest.set_memory(fds=[])
        guest.ask_u64(1)
    _with_guest(path, no_descriptor)


def absurd_rings(path):
    def attack_of(number, addresses):
        def attack(guest):
            guest.message(SET_VRING_NUM, struct.pack("<II", 1, number))
            guest.message(SET_VRING_ADDR, struct.pack("<IIQQQQ", 1, 0, *addresses, 0))
            guest.send(FRAME)
            guest.ask_u64(1)
        return attack
    for number in (0, 1, 3, 0x8000, 0x10000, 0xffffffff):
        _with_guest(path, attack_of(number, (USER_BASE, USER_BASE, USER_BASE)))
    for address in (0, USER_BASE - 1, USER_BASE + (1 << 40), 0xffffffffffffffff):
        _with_guest(path, attack_of(256, (address, address, address)))

    def wrong_index(guest):
        for index in (2, 17, 255, 0xffffffff):
            guest.message(SET_VRING_NUM, struct.pack("<II", index, 256))
        guest.ask_u64(1)
    _with_guest(path, wrong_index)


def _offer_raw(guest, address, length, flags=0, following=0, head=0):
    """Offer one hand-made descriptor of the transmit ring."""
    ring = guest.rings[1]
    ring.put_desc(head, address, length, flags, following)
    ring.put_avail(head)
    ring.publish()
    ring.kick()


def descriptors_out_of_memory(path):
    for address, length in ((0, 64), (GUEST_BASE - 64, 128), (GUEST_BASE + (1 << 40), 64),
                            (0xffffffffffffffc0, 128), (GUEST_BASE, 0xffffffff)):
        _with_guest(path, lambda g, a=address, n=length: (_offer_raw(g, a, n), g.ask_u64(1)))


def length_past_the_region(path):
    def attack(guest):
        _offer_raw(guest, guest.gpa(guest.size - 32), 4096)
        guest.ask_u64(1)
    _with_guest(path, attack)


def next_out_of_range(path):
    def attack(guest):
        _offer_raw(guest, guest.gpa(8192), 12, D_NEXT, 0xffff)
        guest.ask_u64(1)
    _with_guest(path, attack)


def chain_loop(path):
    def attack(guest):
        ring = guest.rings[1]
        for i in range(ring.size):
            ring.put_desc(i, guest.gpa(ring.buffer(0)), 64, D_NEXT, (i + 1) % ring.size)
        _offer_raw(guest, guest.gpa(ring.buffer(0)), 64, D_NEXT, 0)
        guest.ask_u64(1)
    _with_guest(path, attack)


def indirect_loop(path):
    def attack(guest):
        ring = guest.rings[1]
        table = ring.buffer(3)
        for i in range(64):
            struct.pack_into("<QIHH", guest.memory, table + 16 * i, guest.gpa(ring.buffer(0)), 64,
                             D_NEXT, (i + 1) % 64)
        _offer_raw(guest, guest.gpa(table), 16 * 64, D_INDIRECT)
        _offer_raw(guest, guest.gpa(table), 15, D_INDIRECT)
        _offer_raw(guest, guest.gpa(table), 16, D_INDIRECT | D_NEXT, 1)
        guest.ask_u64(1)
    _with_guest(path, attack, indirect=True)


def wrong_direction(path):
    def attack(guest):
        _offer_raw(guest, guest.gpa(guest.rings[1].buffer(0)), 128, D_WRITE)
        # And receive buffers that may only be read, of no length, and out of memory.
        ring = guest.rings[0]
        for i in range(ring.size):
            ring.put_desc(i, guest.gpa(ring.buffer(i)), 0 if i & 1 else 2048, 0)
        guest.ask_u64(1)
    _with_guest(path, attack)


def frames_of_absurd_length(path):
    def attack(guest):
        ring = guest.rings[1]
        for length in (0, 1, NET_HDR - 1, NET_HDR, NET_HDR + 1, NET_HDR + 13):
            _offer_raw(guest, guest.gpa(ring.buffer(0)), length)
        guest.send_many([FRAME[:n] for n in range(0, 60, 7)])
        guest.send_many([bytes(10200)])
        guest.ask_u64(1)
    _with_guest(path, attack)


def index_jumps(path):
    def attack(guest):
        ring = guest.rings[1]
        for jump in (257, 1000, 0x7fff, 0x8000, 0xffff, 3):
            ring.u16(ring.avail + 2, (ring.avail_idx + jump) & 0xffff)
            ring.kick()
        for i in range(ring.size):
            ring.u16(ring.avail + 4 + 2 * i, 0xffff - i)
        ring.kick()
        guest.ask_u64(1)
    _with_guest(path, attack)


def packed_flags_flip(path):
    def attack(guest):
        rng = random.Random(2)
        ring = guest.rings[1]
        for _ in range(3000):
            at = ring.desc + 16 * rng.randrange(ring.size)
            struct.pack_into("<QIHH", guest.memory, at, guest.gpa(rng.randrange(guest.size)),
                             rng.randrange(1 << 16), rng.randrange(1 << 16),
                             rng.randrange(1 << 16))
        ring.kick()
        guest.ask_u64(1)
    _with_guest(path, attack, packed=True)


def rings_rewritten_while_in_use(path):
    def attack(guest):
        rng = random.Random(3)
        begin, end = guest.rings[0].offset, guest.rings[1].buffers
        for _ in range(200):
            for _ in range(50):
                at = rng.randrange(begin, end - 8)
                guest.memory[at:at + 8] = rng.randbytes(8)
            guest.rings[1].kick()
        guest.ask_u64(1)
    _with_guest(path, attack)


def memory_shrunk_while_in_use(path):
    def attack(guest):
        guest.send_many([FRAME] * 32)
        # Our own mapping must go first, or the test dies of what the switch survives.
        rings = guest.rings
        guest.memory.close()
        guest.memory = None
        os.ftruncate(guest.memfd, 0)
        for ring in rings:
            ring.kick()
        # Hung up: the socket ends.
        guest.socket.settimeout(10)
        while guest.socket.recv(4096):
            pass
        for ring in rings:
            ring.close()
        os.close(guest.memfd)
    _with_guest(path, attack)


def kick_that_is_no_eventfd(path):
    def attack(guest):
        null = os.open("/dev/null", os.O_RDWR)
        guest.message(SET_VRING_KICK, struct.pack("<Q", 1), [null])
        os.close(null)
        guest.message(SET_VRING_KICK, struct.pack("<Q", 0x1ff))
        guest.ask_u64(1)
    _with_guest(path, attack)


def call_that_blocks(path):
    """An event descriptor at its limit: a write to it would wait for ever."""
    def attack(guest):
        for ring in guest.rings:
            os.set_blocking(ring.call_fd, True)
            os.eventfd_write(ring.call_fd, 0xfffffffffffffffe)
        guest.send_many([FRAME] * 64)
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:  # one write of the switch, many of ours
            for ring in guest.rings:
                os.set_blocking(ring.call_fd, True)
            guest.rings[1].kick()
        guest.ask_u64(1)
    _with_guest(path, attack)


def connect_storm(path):
    for _ in range(200):
        try:
            _raw(path).close()
        except BlockingIOError:
            pass  # its listen queue is full: that is the switch's right


def start_and_vanish(path):
    for _ in range(20):
        VhostGuest(path).close()


def offloads_that_make_no_sense(path):
    def attack(guest):
        rng = random.Random(5)
        for _ in range(20):
            for _ in range(32):
                guest.send_many([FRAME], header=rng.randbytes(NET_HDR), kick=False)
            guest.send(FRAME)
        guest.ask_u64(1)
    _with_guest(path, attack)


def packed_chains(path):
    """Of the whole ring without an end, of tables in tables, out of memory, ids that nobody has."""
    def attack_of(n, flags, address=None, length=64):
        def attack(guest):
            ring = guest.rings[1]
            for _ in range(n):
                at = guest.gpa(ring.buffer(0)) if address is None else address
                ring._put(at, length, 0xffff, flags)
            ring.publish()
            ring.kick()
            guest.ask_u64(1)
            ring.kick()
            guest.ask_u64(1)
        return attack
    for attack in (attack_of(256, D_NEXT), attack_of(255, D_NEXT), attack_of(64, D_INDIRECT | D_NEXT),
                   attack_of(64, D_INDIRECT, length=15), attack_of(64, D_INDIRECT, length=0),
                   attack_of(64, D_INDIRECT, length=16 * 40000), attack_of(64, D_WRITE),
                   attack_of(64, 0, 1 << 50), attack_of(64, 0, 0xfffffffffffffff0),
                   attack_of(64, D_INDIRECT, 0xfffffffffffffff0),
                   attack_of(64, 0, length=0xffffffff)):
        _with_guest(path, attack, packed=True)


def log_that_is_shorter_than_it_says(path):
    """The log of dirty pages ends, or comes to end, where the switch writes to it."""
    def attack_of(bytes_there, shrinks):
        def attack(guest):
            size = (GUEST_BASE + guest.size) // PAGE // 8
            log = os.memfd_create("log")
            os.ftruncate(log, size if shrinks else bytes_there)
            guest.message(SET_LOG_BASE, struct.pack("<QQ", size, 0), [log])
            guest.reply()
            guest.set_features(F_LOG_ALL)
            guest.log_flag = 1
            for ring in guest.rings:
                guest.set_addresses(ring)
            guest.ask_u64(1)
            if shrinks:
                os.ftruncate(log, bytes_there)
            os.close(log)
            for _ in range(20):
                guest.send_many([FRAME] * 32)
            guest.ask_u64(1)
        return attack
    for shrinks in (False, True):
        _with_guest(path, attack_of(0, shrinks), log=True)


ATTACKS = [garbage, truncated_header, half_a_message, half_a_message_and_silence,
           oversized_payload, every_request_number, absurd_memory, absurd_rings,
           descriptors_out_of_memory, length_past_the_region, next_out_of_range, chain_loop,
           indirect_loop, wrong_direction, frames_of_absurd_length, index_jumps,
           packed_flags_flip, rings_rewritten_while_in_use, memory_shrunk_while_in_use,
           kick_that_is_no_eventfd, call_that_blocks, connect_storm, start_and_vanish,
           offloads_that_make_no_sense, packed_chains, log_that_is_shorter_than_it_says]


# Receivers. Each takes the socket's path, whether the rings are packed, and a function that returns
# when some frames more have been sent to the port.

def _rewrite(ring, i, address=None, length=None, flags=D_WRITE, following=0):
    """Change receive descriptor i, which the switch may have looked at already or not."""
    address = ring.guest.gpa(ring.buffer(i)) if address is None else address
    length = ring.buffer_bytes if length is None else length
    if not ring.guest.packed:
        ring.put_desc(i, address, length, flags, following)
        return
    at = ring.desc + 16 * i
    struct.pack_into("<QI", ring.guest.memory, at, address, length)
    ring.u16(at + 14, ring.u16(at + 14) & (D_AVAIL | D_USED) | flags)


def _receiver(path, packed, fed, change, **options):
    """A guest whose receive descriptors `change` rewrites, while frames come for it; what the
    switch gives back is offered anew."""
    def attack(guest):
        ring = guest.rings[0]
        for _ in range(4):
            for i in range(ring.size):
                change(guest, ring, i)
            fed(100)
            guest.ask_u64(1)
            for _ in range(ring.size):
                used = ring.take_used()
                if used is None:
                    break
                ring.offer(used[0] % ring.size, ring.buffer_bytes, True)
            ring.publish()
    _with_guest(path, attack, packed=packed, **options)


def receive_buffers_out_of_memory(path, packed, fed):
    for address, length in ((0, 2048), (GUEST_BASE - 64, 2048), (GUEST_BASE + (1 << 40), 2048),
                            (0xffffffffffffffc0, 2048), (GUEST_BASE, 0xffffffff)):
        _receiver(path, packed, fed, lambda g, r, i, a=address, n=length: _rewrite(r, i, a, n))


def receive_buffers_past_the_region(path, packed, fed):
    _receiver(path, packed, fed, lambda g, r, i: _rewrite(r, i, g.gpa(g.size - 8 * i - 1), 4096))


def receive_chains_out_of_range(path, packed, fed):
    _receiver(path, packed, fed,
              lambda g, r, i: _rewrite(r, i, length=12, flags=D_WRITE | D_NEXT, following=0xffff))


def receive_chains_without_end(path, packed, fed):
    for length in (0, 1, 2048):
        _receiver(path, packed, fed,
                  lambda g, r, i, n=length: _rewrite(r, i, length=n, flags=D_WRITE | D_NEXT,
                                                     following=(i + 1) % r.size))


def receive_tables_without_end(path, packed, fed):
    def change(guest, ring, i):
        table = ring.buffer(i)
        for k in range(64):
            struct.pack_into("<QIHH", guest.memory, table + 16 * k, guest.gpa(table), 1,
                             D_NEXT | D_WRITE, (k + 1) % 64)
        length = (16 * 64, 15, 0, 16 * 40000)[i % 4]
        _rewrite(ring, i, guest.gpa(table), length, D_INDIRECT | (D_NEXT if i % 8 == 7 else 0))
    _receiver(path, packed, fed, change, indirect=True)


def receive_tables_in_tables(path, packed, fed):
    def change(guest, ring, i):
        struct.pack_into("<QIHH", guest.memory, ring.buffer(i), guest.gpa(ring.buffer(i)), 16,
                         D_INDIRECT | D_WRITE, D_INDIRECT)
        _rewrite(ring, i, length=16, flags=D_INDIRECT)
    _receiver(path, packed, fed, change, indirect=True)


def receive_buffers_that_may_only_be_read(path, packed, fed):
    _receiver(path, packed, fed, lambda g, r, i: _rewrite(r, i, flags=0))


def receive_buffers_of_few_bytes(path, packed, fed):
    for length in (0, 1, 9, 11, 12, 13):
        for mrg in (False, True):
            _receiver(path, packed, fed, lambda g, r, i, n=length: _rewrite(r, i, length=n),
                      mrg=mrg)


def receive_buffers_that_are_the_ring(path, packed, fed):
    _receiver(path, packed, fed, lambda g, r, i: _rewrite(r, i, g.gpa(r.offset + 16 * i)))


def receive_index_jumps(path, packed, fed):
    def change(guest, ring, i):
        if packed:
            ring.u16(ring.desc + 16 * random.Random(i).randrange(ring.size) + 14, 0x5a5a * i & 0xffff)
        else:
            ring.u16(ring.avail + 2, (ring.avail_idx + i * i) & 0xffff)
            ring.u16(ring.avail + 4 + 2 * i, 0xffff - i)
    _receiver(path, packed, fed, change)


def receive_ring_rewritten_while_in_use(path, packed, fed):
    def attack(guest):
        rng, ring = random.Random(6), guest.rings[0]
        for _ in range(100):
            for _ in range(50):
                at = rng.randrange(ring.offset, ring.buffers - 8)
                guest.memory[at:at + 8] = rng.randbytes(8)
            fed(1)
        guest.ask_u64(1)
    _with_guest(path, attack, packed=packed)


def memory_table_replaced_while_in_use(path, packed, fed):
    def attack(guest):
        tables = [guest.region_list, [(GUEST_BASE, PAGE, USER_BASE, 0)],
                  [(GUEST_BASE + (1 << 30), guest.size, USER_BASE, 0)],
                  [(GUEST_BASE, guest.size // 2, USER_BASE, 0)], guest.region_list]
        for table in tables * 5:
            guest.set_memory(table, [guest.memfd])
            guest.send_many([FRAME])
            fed(10)
            guest.ask_u64(1)
    _with_guest(path, attack, packed=packed)


def memory_region_removed_while_in_use(path, packed, fed):
    def attack(guest):
        regions = list(zip(guest.region_list, guest.memfds))
        for region, fd in regions * 2:
            guest.remove_region(region)
            guest.send_many([FRAME])
            fed(10)
            guest.add_region(region, fd)
            fed(10)
    _with_guest(path, attack, packed=packed, regions=8, by_slots=True, mrg=False, ring_size=16)


def memory_shrunk_under_a_receiver(path, packed, fed):
    def attack(guest):
        rings = guest.rings
        guest.memory.close()
        guest.memory = None
        os.ftruncate(guest.memfd, 0)
        fed(100)
        guest.socket.settimeout(10)
        try:
            while guest.socket.recv(4096):
                pass
        finally:
            for ring in rings:
                ring.close()
            os.close(guest.memfd)
    _with_guest(path, attack, packed=packed)


RECEIVERS = [receive_buffers_out_of_memory, receive_buffers_past_the_region,
             receive_chains_out_of_range, receive_chains_without_end, receive_tables_without_end,
             receive_tables_in_tables, receive_buffers_that_may_only_be_read,
             receive_buffers_of_few_bytes, receive_buffers_that_are_the_ring, receive_index_jumps,
             receive_ring_rewritten_while_in_use, memory_table_replaced_while_in_use,
             memory_region_removed_while_in_use, memory_shrunk_under_a_receiver]
