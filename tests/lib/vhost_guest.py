# SPDX-License-Identifier: BSD-3-Clause
"""A virtual machine's NIC in Python: the front end of a vhost-user socket, with real rings in shared
memory. Slow, but it can do what no driver does; tests/lib/hostile.py builds on it.

Standards: virtio 1.2 (2.7 split rings, 2.8 packed rings, 5.1 network device); vhost-user protocol."""

import array
import ctypes
import mmap
import os
import select
import socket
import struct
import time

GET_FEATURES, SET_FEATURES, SET_OWNER, RESET_OWNER, SET_MEM_TABLE = 1, 2, 3, 4, 5
SET_LOG_BASE, SET_LOG_FD = 6, 7
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR = 12, 13, 14
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM = 15, 16, 17
SET_VRING_ENABLE, SEND_RARP, NET_SET_MTU = 18, 19, 20
POSTCOPY_ADVISE, POSTCOPY_LISTEN, POSTCOPY_END = 28, 29, 30
GET_MAX_MEM_SLOTS, ADD_MEM_REG, REM_MEM_REG = 36, 37, 38
VERSION, REPLY, NEED_REPLY = 1, 4, 8
VRING_NOFD = 0x100

F_CSUM, F_GUEST_CSUM, F_GUEST_TSO4, F_GUEST_TSO6, F_GUEST_ECN = (
    1 << 0, 1 << 1, 1 << 7, 1 << 8, 1 << 9)
F_HOST_TSO4, F_HOST_TSO6, F_HOST_ECN = 1 << 11, 1 << 12, 1 << 13
F_GUEST_USO4, F_GUEST_USO6, F_HOST_USO = 1 << 54, 1 << 55, 1 << 56
F_MRG_RXBUF, F_CTRL_VQ, F_ANNOUNCE, F_MQ = 1 << 15, 1 << 17, 1 << 21, 1 << 22
F_LOG_ALL, F_INDIRECT, F_EVENT_IDX, F_PROTOCOL, F_VERSION_1, F_PACKED, F_IN_ORDER = (
    1 << 26, 1 << 28, 1 << 29, 1 << 30, 1 << 32, 1 << 34, 1 << 35)
P_MQ, P_LOG_SHMFD, P_RARP, P_REPLY_ACK, P_NET_MTU, P_MEM_SLOTS = (
    1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 15)

D_NEXT, D_WRITE, D_INDIRECT = 1, 2, 4
D_AVAIL, D_USED = 1 << 7, 1 << 15
EVENT_ENABLE, EVENT_DISABLE, EVENT_DESC = 0, 1, 2
NET_HDR = 12          # struct virtio_net_hdr_mrg_rxbuf; without VERSION_1 and MRG_RXBUF 10
VRING_F_LOG = 1
PAGE = 4096
GUEST_BASE = 0x40000000   # guest physical address of the memory
USER_BASE = 0x7f0000000000  # where the front end claims to have mapped it
RX_BUFFER, TX_BUFFER = 2048, 10240
LINE = 64


def _align(n, to=LINE):
    return (n + to - 1) // to * to


class Patchwork:
    """Memory that lies in many files, one after the other in our addresses: what crosses from one
    to the next is in two mappings of the switch."""

    LIBC = ctypes.CDLL(None, use_errno=True)
    LIBC.mmap.restype = ctypes.c_void_p
    LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                          ctypes.c_long]
    LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    FIXED = 0x10

    def __init__(self, fds, sizes):
        read_write, self.size = mmap.PROT_READ | mmap.PROT_WRITE, sum(sizes)
        self.at = at = self.LIBC.mmap(None, self.size, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1,
                                      0)
        for fd, size in zip(fds, sizes):
            self.LIBC.mmap(at, size, read_write, mmap.MAP_SHARED | self.FIXED, fd, 0)
            at += size
        self.view = memoryview((ctypes.c_ubyte * self.size).from_address(self.at)).cast("B")

    def close(self):
        self.view.release()
        self.LIBC.munmap(self.at, self.size)


class Ring:
    """What a split and a packed ring have in common: buffers, descriptors of events, memory.

    A buffer has the number of the first descriptor that it is offered with. `free` has the
    descriptors (split) or ids (packed) that are not with the switch."""

    def __init__(self, guest, index, size, offset, buffer_bytes):
        self.guest, self.index, self.size, self.buffer_bytes = guest, index, size, buffer_bytes
        self.offset = offset
        self.buffers = _align(offset + self.ring_bytes(size), PAGE)
        self.end = self.buffers + size * buffer_bytes
        self.kick_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.call_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.free = list(range(size))
        self.chains = {}  # first descriptor: all of a chain
        self.wants_signals = True

    def buffer(self, i):
        return self.buffers + i * self.buffer_bytes

    def kick(self):
        os.eventfd_write(self.kick_fd, 1)

    def drain_call(self):
        """Whether the switch had signalled."""
        try:
            return os.eventfd_read(self.call_fd) > 0
        except BlockingIOError:
            return False

    def close(self):
        os.close(self.kick_fd)
        os.close(self.call_fd)

    def pieces(self, i, parts):
        """Buffer i, cut: [(guest address, length)]."""
        at, cut = self.buffer(i), []
        for n in parts:
            cut.append((self.guest.gpa(at), n))
            at += n
        return cut

    def table(self, i, n):
        """Where the indirect table of a buffer is: at the buffer's end."""
        return (self.buffer(i) + self.buffer_bytes - 16 * n) & ~15

    # memory access, by offset from the memory's begin
    def u16(self, at, value=None):
        return self.guest.word("<H", at, value)

    def u32(self, at, value=None):
        return self.guest.word("<I", at, value)


class SplitRing(Ring):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.desc = self.offset
        self.avail = _align(self.desc + 16 * self.size)
        self.used = _align(self.avail + 6 + 2 * self.size)
        self.avail_idx = self.used_seen = 0

    @staticmethod
    def ring_bytes(size):
        return _align(16 * size) + _align(6 + 2 * size) + _align(6 + 8 * size) + LINE

    def addresses(self):
        return self.desc, self.used, self.avail

    base = 0

    def written(self):
        """(offset, bytes) that the switch writes, of the ring itself."""
        return [(self.used, 6 + 8 * self.size)]

    def put_desc(self, i, address, length, flags=0, following=0):
        struct.pack_into("<QIHH", self.guest.memory, self.desc + 16 * i, address, length, flags,
                         following)

    def put_avail(self, head):
        self.u16(self.avail + 4 + 2 * (self.avail_idx % self.size), head)
        self.avail_idx = (self.avail_idx + 1) & 0xffff

    def publish(self):
        self.u16(self.avail + 2, self.avail_idx)

    def offer(self, i, length, writable):
        self.put_desc(i, self.guest.gpa(self.buffer(i)), length, D_WRITE if writable else 0)
        self.put_avail(i)

    def offer_chain(self, i, parts, indirect, writable=False, following=()):
        """Offer a buffer as several descriptors: a table of its own, or i and those following."""
        way, cut = D_WRITE if writable else 0, self.pieces(i, parts)
        last = len(cut) - 1
        if indirect:
            table = self.table(i, len(cut))
            for k, (address, n) in enumerate(cut):
                struct.pack_into("<QIHH", self.guest.memory, table + 16 * k, address, n,
                                 way | (D_NEXT if k < last else 0), k + 1)
            self.put_desc(i, self.guest.gpa(table), 16 * len(cut), D_INDIRECT)
        else:
            chain = [i, *following]
            for k, (address, n) in enumerate(cut):
                self.put_desc(chain[k], address, n, way | (D_NEXT if k < last else 0),
                              chain[k + 1] if k < last else 0)
            self.chains[i] = chain
        self.put_avail(i)

    def take_used(self):
        """(descriptor, length) of the next used buffer, or None."""
        if self.used_seen == self.u16(self.used + 2):
            return None
        at = self.used + 4 + 8 * (self.used_seen % self.size)
        self.used_seen = (self.used_seen + 1) & 0xffff
        if self.wants_signals:  # EVENT_IDX: tell us of the very next one
            self.signal_after(0)
        return self.u32(at), self.u32(at + 4)

    def signal_after(self, n):
        """EVENT_IDX: a signal when n more than the next buffer are used."""
        self.u16(self.avail + 4 + 2 * self.size, (self.used_seen + n) & 0xffff)

    def want_signals(self, on):
        self.wants_signals = on
        self.u16(self.avail, 0 if on else 1)
        self.signal_after(0 if on else 0x8000)

    def resume(self):
        """Take up after another life of the switch; returns the base to tell it."""
        return self.u16(self.used + 2)


class PackedRing(Ring):
    base = 0x80008000  # both wrap counters start at 1

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.desc = self.offset
        self.driver_event = _align(self.desc + 16 * self.size)
        self.device_event = self.driver_event + LINE
        self.next_avail = self.next_used = 0
        self.avail_wrap = self.used_wrap = 1
        self.pending = []

    @staticmethod
    def ring_bytes(size):
        return _align(16 * size) + 3 * LINE

    def addresses(self):
        return self.desc, self.device_event, self.driver_event

    def written(self):
        return [(self.desc, 16 * self.size), (self.device_event, 4)]

    def _step(self, position, wrap, by=1):
        return (position + by - self.size, wrap ^ 1) if position + by >= self.size else (
            position + by, wrap)

    def _put(self, address, length, buffer_id, flags):
        flags |= D_AVAIL if self.avail_wrap else D_USED
        at = self.desc + 16 * self.next_avail
        struct.pack_into("<QIH", self.guest.memory, at, address, length, buffer_id)
        self.pending.append((at + 14, flags))
        self.next_avail, self.avail_wrap = self._step(self.next_avail, self.avail_wrap)

    def offer(self, i, length, writable):
        self._put(self.guest.gpa(self.buffer(i)), length, i, D_WRITE if writable else 0)

    def offer_chain(self, i, parts, indirect, writable=False, following=()):
        way, cut = D_WRITE if writable else 0, self.pieces(i, parts)
        if indirect:
            table = self.table(i, len(cut))
            for k, (address, n) in enumerate(cut):
                struct.pack_into("<QIHH", self.guest.memory, table + 16 * k, address, n, 0, way)
            self._put(self.guest.gpa(table), 16 * len(cut), i, D_INDIRECT)
            return
        self.chains[i] = [i, *following]
        for k, (address, n) in enumerate(cut):
            # virtio 1.2, 2.8.6: the id is in the last descriptor alone.
            self._put(address, n, i if k == len(cut) - 1 else 0xffff,
                      way | (D_NEXT if k < len(cut) - 1 else 0))

    def publish(self):
        # The first descriptor last, so that the device sees all or none (virtio 1.2, 2.8.21).
        for at, flags in reversed(self.pending):
            self.u16(at, flags)
        self.pending.clear()

    def take_used(self):
        at = self.desc + 16 * self.next_used
        flags = self.u16(at + 14)
        if bool(flags & D_AVAIL) != bool(flags & D_USED) or bool(flags & D_USED) != bool(
                self.used_wrap):
            return None
        i, length = self.u16(at + 12), self.u32(at + 8)
        self.next_used, self.used_wrap = self._step(self.next_used, self.used_wrap,
                                                    len(self.chains.get(i, (i,))))
        if self.wants_signals and self.guest.event_idx:
            self.signal_after(0)
        return i, length

    def signal_after(self, n):
        """EVENT_IDX: a signal when n descriptors more than the next one are used."""
        position, wrap = self._step(self.next_used, self.used_wrap, n)
        self.u16(self.driver_event, position | wrap << 15)
        self.u16(self.driver_event + 2, EVENT_DESC)

    def want_signals(self, on):
        self.wants_signals = on
        self.u16(self.driver_event + 2, EVENT_ENABLE if on else EVENT_DISABLE)


class VhostGuest:
    """One NIC. With listen=True the guest owns the socket and the switch connects (mode client).

    send() and recv() move whole Ethernet frames; wait_ready() waits for the handshake."""

    def __init__(self, path, listen=False, queues=1, packed=False, mrg=True, indirect=False,
                 event_idx=False, ring_size=256, start=True, version_1=True, in_order=False,
                 rx_bytes=None, tx_bytes=TX_BUFFER, rx_parts=None, regions=1, by_slots=False, log=False,
                 offloads=0):
        """rx_bytes, tx_bytes: of a buffer. rx_parts: offer each in descriptors of these lengths.
        regions: lay the memory out in so many, cut inside of buffers; by_slots: add one by one.
        log: be able to log dirty pages. offloads: features that it leaves or takes frames by."""
        self.path, self.queues, self.packed, self.indirect = path, queues, packed, indirect
        self.wanted = (offloads | F_PROTOCOL | F_ANNOUNCE | (F_MRG_RXBUF if mrg else 0) |
                       (F_VERSION_1 if version_1 else 0) | (F_IN_ORDER if in_order else 0) |
                       (F_MQ | F_CTRL_VQ if queues > 1 else 0) | (F_INDIRECT if indirect else 0) |
                       (F_EVENT_IDX if event_idx else 0) | (F_PACKED if packed else 0))
        self.protocol_wanted = (P_MQ | P_RARP | P_REPLY_ACK | (P_MEM_SLOTS if by_slots else 0) |
                                (P_LOG_SHMFD if log else 0))
        self.header_bytes = NET_HDR if version_1 or mrg else 10
        self.mrg, self.event_idx, self.ring_size = mrg, event_idx, ring_size
        self.rx_bytes, self.tx_bytes = rx_bytes or (RX_BUFFER if mrg else TX_BUFFER), tx_bytes
        self.rx_parts = rx_parts
        self.n_regions, self.by_slots, self.log_flag = regions, by_slots, 0
        self.listener = self.socket = self.memory = None
        if listen:
            self.listen()
        if start:
            self.start()

    # memory

    def _make_memory(self):
        kind = PackedRing if self.packed else SplitRing
        self.rings, at = [], PAGE
        for index in range(2 * self.queues):
            ring = kind(self, index, self.ring_size, at, self.tx_bytes if index & 1 else self.rx_bytes)
            self.rings.append(ring)
            at = _align(ring.end, PAGE)
        self.size = _align(at, 1 << 21)
        bounds = [0, *self._cuts(), self.size]
        sizes = [b - a for a, b in zip(bounds, bounds[1:])]
        self.region_list = [(GUEST_BASE + at, n, USER_BASE + at, 0) for at, n in zip(bounds, sizes)]
        self.memfds = [os.memfd_create("guest") for _ in sizes]
        for fd, n in zip(self.memfds, sizes):
            os.ftruncate(fd, n)
        self.memfd, self.patchwork = self.memfds[0], None
        if len(sizes) == 1:
            self.memory = mmap.mmap(self.memfd, self.size)
        else:
            self.patchwork = Patchwork(self.memfds, sizes)
            self.memory = self.patchwork.view

    def _cuts(self):
        """Where regions end: a page apart, inside of the first buffers of the rings."""
        n, cuts = len(self.rings), []
        for k in range(self.n_regions - 1):
            cuts.append(self.rings[k % n].buffers + PAGE * (1 + k // n))
        return sorted(cuts)

    def word(self, form, at, value=None):
        if value is None:
            return struct.unpack_from(form, self.memory, at)[0]
        # In one store: struct writes a zero first and then byte after byte, which the switch sees.
        size = struct.calcsize(form)
        with memoryview(self.memory) as bytes_, bytes_.cast(form[-1]) as words:
            words[at // size] = value
        return value

    def gpa(self, offset):
        return GUEST_BASE + offset

    # socket

    def listen(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()

    def connect(self, seconds=10):
        if self.listener:
            self.listener.settimeout(seconds)
            self.socket, _ = self.listener.accept()
            while self._has_left():  # a switch that ended while it waited for us
                self.socket.close()
                self.socket, _ = self.listener.accept()
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(self.path)
        self.socket.settimeout(seconds)

    def _has_left(self):
        try:
            return self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False

    def message(self, request, payload=b"", fds=(), flags=VERSION):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([struct.pack("<III", request, flags, len(payload)) + payload],
                            ancillary)

    def reply(self):
        header = self._exactly(12)
        return self._exactly(struct.unpack("<III", header)[2])

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            chunk = self.socket.recv(n - len(data))
            if not chunk:
                raise ConnectionError("the switch closed the socket")
            data += chunk
        return data

    def ask_u64(self, request):
        self.message(request)
        return struct.unpack("<Q", self.reply())[0]

    def acked(self, request, payload=b"", fds=()):
        """Send, and wait until the switch says that it has done it."""
        self.message(request, payload, fds, VERSION | NEED_REPLY)
        assert struct.unpack("<Q", self.reply())[0] == 0, f"request {request} was refused"

    # life

    def start(self):
        """Handshake, memory, rings; then the switch may use them."""
        self.connect()
        self._make_memory()
        self._set_up([ring.base for ring in self.rings])
        for queue in range(self.queues):
            self._fill(self.rings[2 * queue])
        return self

    def resume(self):
        """Connect to another life of the switch with the rings as the last one left them."""
        self.connect()
        self._set_up([ring.resume() for ring in self.rings])
        for ring in self.rings:
            ring.kick()

    def _set_up(self, bases):
        self.offered = self.ask_u64(GET_FEATURES)
        self.features = self.wanted & self.offered
        missing = self.wanted & ~self.offered
        assert not missing, f"the switch does not offer features {missing:#x}"
        protocol = self.ask_u64(GET_PROTOCOL_FEATURES) & self.protocol_wanted
        assert protocol == self.protocol_wanted
        self.message(SET_PROTOCOL_FEATURES, struct.pack("<Q", protocol))
        self.message(SET_OWNER)
        self.message(SET_FEATURES, struct.pack("<Q", self.features))
        if self.by_slots:
            self.slots = self.ask_u64(GET_MAX_MEM_SLOTS)
            for region, fd in zip(self.region_list, self.memfds):
                self.add_region(region, fd)
        else:
            self.set_memory()
        for ring, base in zip(self.rings, bases):
            self.start_ring(ring, base)
        for ring in self.rings:
            self.enable(ring, True)

    def set_memory(self, regions=None, fds=None):
        """regions: [(guest address, size, user address, offset)]"""
        if fds is None:
            fds = [self.memfd] * len(regions) if regions else self.memfds
        regions = regions or self.region_list
        payload = struct.pack("<II", len(regions), 0)
        payload += b"".join(struct.pack("<QQQQ", *r) for r in regions)
        self.message(SET_MEM_TABLE, payload, fds)

    def add_region(self, region, fd):
        self.acked(ADD_MEM_REG, struct.pack("<QQQQQ", 0, *region), [fd])

    def remove_region(self, region):
        self.acked(REM_MEM_REG, struct.pack("<QQQQQ", 0, *region))

    def set_addresses(self, ring):
        """log_flag: whether writes to the used ring are to be logged too."""
        desc, used, avail = ring.addresses()
        self.message(SET_VRING_ADDR, struct.pack(
            "<IIQQQQ", ring.index, self.log_flag, USER_BASE + desc, USER_BASE + used,
            USER_BASE + avail, self.gpa(used) if self.log_flag else 0))

    def start_ring(self, ring, base=None):
        self.message(SET_VRING_NUM, struct.pack("<II", ring.index, ring.size))
        self.message(SET_VRING_BASE, struct.pack(
            "<II", ring.index, ring.base if base is None else base))
        self.set_addresses(ring)
        self.message(SET_VRING_CALL, struct.pack("<Q", ring.index), [ring.call_fd])
        self.message(SET_VRING_KICK, struct.pack("<Q", ring.index), [ring.kick_fd])

    def stop_ring(self, ring):
        """The switch gives a ring back; returns its base."""
        self.message(GET_VRING_BASE, struct.pack("<II", ring.index, 0))
        return struct.unpack("<II", self.reply())[1]

    def set_features(self, extra=0):
        self.acked(SET_FEATURES, struct.pack("<Q", self.features | extra))

    def start_log(self):
        """Have dirty pages logged; returns the log: a byte has the bits of 8 pages."""
        size = (GUEST_BASE + self.size) // PAGE // 8
        fd = os.memfd_create("log")
        os.ftruncate(fd, size)
        log = mmap.mmap(fd, size)
        self.message(SET_LOG_BASE, struct.pack("<QQ", size, 0), [fd])
        self.reply()
        os.close(fd)
        self.set_features(F_LOG_ALL)
        self.log_flag = VRING_F_LOG
        for ring in self.rings:
            self.set_addresses(ring)
        self.ask_u64(GET_FEATURES)  # it has read them all
        return log

    def stop_log(self):
        self.set_features()
        self.log_flag = 0

    def enable(self, ring, on):
        self.acked(SET_VRING_ENABLE, struct.pack("<II", ring.index, int(on)))

    def _fill(self, ring):
        for i in range(0, ring.size, self._rx_step()):
            self._offer_rx(ring, i)
        ring.free = []
        ring.publish()
        ring.kick()

    def _rx_step(self):
        return len(self.rx_parts) if self.rx_parts and not self.indirect else 1

    def _offer_rx(self, ring, i):
        step = self._rx_step()
        if not self.rx_parts:
            ring.offer(i, ring.buffer_bytes, True)
        elif i + step <= ring.size:
            ring.offer_chain(i, self.rx_parts, self.indirect, True, range(i + 1, i + step))

    def stop(self):
        """End orderly: the switch gives each ring back."""
        for ring in self.rings:
            self.stop_ring(ring)
        self.abort()

    def abort(self):
        """End as a process that was killed."""
        if self.socket:
            self.socket.close()
            self.socket = None

    def close(self):
        self.abort()
        if self.listener:
            self.listener.close()
            os.unlink(self.path)
            self.listener = None
        if self.memory:
            for ring in self.rings:
                ring.close()
            (self.patchwork or self.memory).close()
            for fd in self.memfds:
                os.close(fd)
            self.memory = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # frames

    def _reclaim(self, ring):
        while (used := ring.take_used()) is not None:
            ring.free += ring.chains.pop(used[0], [used[0]])

    def _wait_free(self, ring, n):
        deadline = time.monotonic() + 5
        while True:
            self._reclaim(ring)
            if len(ring.free) >= n:
                return
            ring.publish()
            ring.kick()
            ring.drain_call()
            assert time.monotonic() < deadline, "the switch takes no frames"
            select.select([ring.call_fd], [], [], 0.001)

    def put_frame(self, ring, i, frame, header=b""):
        """Write a frame to a transmit buffer; returns its length there."""
        at, n = ring.buffer(i), self.header_bytes
        data = header.ljust(n, b"\0") + frame
        self.memory[at:at + len(data)] = data
        return len(data)

    def send_many(self, frames, queue=0, parts=None, header=b"", kick=True):
        """Offer frames and kick once. parts: cut each, behind its header, into descriptors of
        these lengths."""
        ring = self.rings[2 * queue + 1]
        for frame in frames:
            cut = parts or ([self.header_bytes, len(frame)] if self.indirect else None)
            n_desc = len(cut) if cut and not self.indirect else 1
            self._wait_free(ring, n_desc)
            i, *following = [ring.free.pop(0) for _ in range(n_desc)]
            length = self.put_frame(ring, i, frame, header)
            if cut:
                assert sum(cut) == length
                ring.offer_chain(i, cut, self.indirect, False, following)
            else:
                ring.offer(i, length, False)
        if kick:
            ring.publish()
            ring.kick()

    def send(self, frame, queue=0):
        self.send_many([frame], queue)

    def _take(self, ring):
        used = ring.take_used()
        if used is None:
            return None
        i, length = used
        at = ring.buffer(i)
        self.last_header = bytes(self.memory[at:at + self.header_bytes])
        n_buffers = self.word("<H", at + 10) if self.mrg else 1
        self.last_lengths = [length]
        frame = bytes(self.memory[at + self.header_bytes:at + length])
        taken = [i]
        deadline = time.monotonic() + 1
        while len(taken) < n_buffers:
            used = ring.take_used()
            if used is None:
                assert time.monotonic() < deadline, "the rest of a frame did not come"
                continue
            frame += bytes(self.memory[ring.buffer(used[0]):ring.buffer(used[0]) + used[1]])
            taken.append(used[0])
            self.last_lengths.append(used[1])
        for k in taken:
            self._offer_rx(ring, k)
        ring.publish()
        ring.kick()
        return frame

    def recv(self, timeout=2.0, queue=None):
        """The next frame, or None when none came in time."""
        rings = [self.rings[2 * q] for q in ([queue] if queue is not None else
                                             range(self.queues))]
        deadline = time.monotonic() + timeout
        while True:
            for ring in rings:
                ring.drain_call()
                frame = self._take(ring)
                if frame is not None:
                    return frame
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([r.call_fd for r in rings], [], [], left)[0]:
                return None

    def recv_all(self, quiet=0.2):
        """Frames until none came for a while."""
        frames = []
        while (frame := self.recv(quiet)) is not None:
            frames.append(frame)
        return frames

    def recv_only(self, wanted, timeout=2.0):
        """True when this very frame came within the time; others are let go."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            frame = self.recv(left)
            if frame == wanted:
                return True
            if frame is None:
                return False
        return False

    def send_rarp(self, mac):
        self.message(SEND_RARP, mac + bytes(2))


assert ctypes.sizeof(ctypes.c_void_p) == 8, "addresses here are of 64 bits"


def mac(i):
    """A locally administered address."""
    return bytes([2, 0]) + struct.pack("!I", i)


def frame(dst, src, tag=None, kind=0x0800, payload=b"", length=60, tpid=0x8100):
    """An Ethernet frame; tag is the whole TCI of an outer tag, or None."""
    head = dst + src + (struct.pack("!HH", tpid, tag) if tag is not None else b"")
    return (head + struct.pack("!H", kind) + payload).ljust(length, b"\0")


BROADCAST = b"\xff" * 6
