# SPDX-License-Identifier: BSD-3-Clause
"""Checksums and segmentation that a guest leaves to be done: carried to a guest that takes them,
done for one that does not. What came is checked by a sum and a parser of the test's own."""

import struct

import pytest

from ports import assert_sums_hold, config, learned, plug
from vhost_guest import (BROADCAST, F_CSUM, F_GUEST_CSUM, F_GUEST_ECN, F_GUEST_TSO4, F_GUEST_TSO6,
                         F_GUEST_USO4, F_GUEST_USO6, F_HOST_ECN, F_HOST_TSO4, F_HOST_TSO6,
                         F_HOST_USO, frame, mac)

A, B, C = mac(0xa), mac(0xb), mac(0xc)
LEAVES = F_CSUM | F_HOST_TSO4 | F_HOST_TSO6 | F_HOST_ECN | F_HOST_USO
TAKES = F_GUEST_CSUM | F_GUEST_TSO4 | F_GUEST_TSO6 | F_GUEST_ECN | F_GUEST_USO4 | F_GUEST_USO6
NEEDS_CSUM = 1
TSO4, TSO6, USO, ECN = 1, 4, 5, 0x80
FIN, PSH, ACK, CWR = 0x01, 0x08, 0x10, 0x80
TCP, UDP = 6, 17


def fold(data):
    """RFC 1071, not complemented."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


class Packet:
    """A TCP or UDP packet whose checksum is left to be done, as a guest's kernel makes it."""

    def __init__(self, n, version=4, protocol=TCP, tag=None, flags=ACK, options=b"", target=B):
        self.payload = bytes(i * 7 % 251 for i in range(n))
        self.version, self.protocol = version, protocol
        self.l3 = 14 if tag is None else 18
        size = 20 + len(options) if protocol == TCP else 8
        self.l4 = self.l3 + (20 if version == 4 else 40)
        self.hdr_len = self.l4 + size
        addresses = bytes(range(8)) if version == 4 else bytes(range(32))
        pseudo = fold(addresses + struct.pack("!HH", protocol, (size + n) & 0xffff))
        if protocol == TCP:
            self.csum_offset = 16
            l4 = struct.pack("!HHIIBBHHH", 1000, 2000, 0xfffffff0, 7, size // 4 << 4, flags, 500,
                             pseudo, 0) + options
        else:
            self.csum_offset = 6
            l4 = struct.pack("!HHHH", 1000, 2000, size + n, pseudo)
        if version == 4:
            ip = struct.pack("!BBHHHBBH", 0x45, 0, (20 + size + n) & 0xffff, 0xffff, 0, 64,
                             protocol, 0)
            ip += addresses
            ip = ip[:10] + struct.pack("!H", ~fold(ip) & 0xffff) + ip[12:]
        else:
            ip = struct.pack("!IHBB", 6 << 28, (size + n) & 0xffff, protocol, 64) + addresses
        self.bytes = frame(target, A, tag, 0x0800 if version == 4 else 0x86dd,
                           ip + l4 + self.payload, 0)

    def header(self, mss=0, ecn=0, **changes):
        """struct virtio_net_hdr_mrg_rxbuf."""
        kind = USO if self.protocol == UDP else TSO4 if self.version == 4 else TSO6
        kind = kind | ecn if mss else 0
        h = {"flags": NEEDS_CSUM, "gso_type": kind, "hdr_len": self.hdr_len if mss else 0,
             "gso_size": mss, "csum_start": self.l4, "csum_offset": self.csum_offset,
             "num_buffers": 0, **changes}
        return struct.pack("<BBHHHHH", *h.values())

    def left(self, mss=0, ecn=0, n_buffers=1):
        """The header that a receiver should find."""
        return self.header(mss, ecn, num_buffers=n_buffers)


def l4_of(data):
    """Checked to be whole and right: (IP id or 0, header of TCP or UDP, payload)."""
    assert fold(data[14:34]) == 0xffff or data[12:14] == b"\x86\xdd"
    if data[12:14] == b"\x86\xdd":
        length, protocol = struct.unpack("!HB", data[18:21])
        addresses, at, ip_id = data[22:54], 54, 0
        assert 14 + 40 + length == len(data)
    else:
        protocol, addresses, at = data[23], data[26:34], 34
        length, ip_id = struct.unpack("!HH", data[16:20])
        length -= 20
        assert 34 + length == len(data)
    assert fold(addresses + struct.pack("!HH", protocol, length) + data[at:]) == 0xffff
    size = data[at + 12] // 16 * 4 if protocol == TCP else 8
    return ip_id, data[at:at + size], data[at + size:]


@pytest.fixture
def pair(make_switch):
    """pair(takes): the switch, a guest that leaves all there is to leave, one that takes this."""
    made = []

    def make(takes, ports=None, tag=None, **options):
        switch = make_switch(config(ports or {"a": "mtu: 1500", "b": "mtu: 1500"}))
        a = plug(switch, "a", offloads=LEAVES, tx_bytes=66000, ring_size=32)
        b = plug(switch, "b", offloads=takes, **options)
        made.extend((a, b))
        b.send(frame(BROADCAST, B, tag))
        assert a.recv() is not None
        learned(switch, "b", B)
        return switch, a, b
    yield make
    for guest in made:
        guest.close()


@pytest.mark.parametrize("protocol", [TCP, UDP])
@pytest.mark.parametrize("version", [4, 6])
def test_a_checksum_left_to_be_done_is_carried_as_it_is(pair, version, protocol):
    switch, a, b = pair(TAKES)
    p = Packet(777, version, protocol)
    a.send_many([p.bytes], header=p.header())
    assert b.recv() == p.bytes and b.last_header == p.left()


@pytest.mark.parametrize("protocol", [TCP, UDP])
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("n", [0, 1, 45, 74, 75, 777, 1440])
def test_a_checksum_is_finished_for_a_guest_that_does_not_take_it(pair, version, protocol, n):
    switch, a, b = pair(0)
    p = Packet(n, version, protocol)
    a.send_many([p.bytes], header=p.header())
    came = b.recv()
    assert l4_of(came)[2] == p.payload and b.last_header[:10] == bytes(10)


def test_a_checksum_over_odd_pieces_is_finished(pair):
    switch, a, b = pair(0)
    p = Packet(1001)
    a.send_many([p.bytes], header=p.header(), parts=[12, 201, 333, len(p.bytes) - 534])
    assert l4_of(b.recv())[2] == p.payload


def test_a_checksum_of_zero_is_sent_as_its_complement(pair):
    """RFC 768: zero says that there is none."""
    switch, a, b = pair(0)
    p = Packet(4, protocol=UDP)
    data = bytearray(p.bytes)
    # Make the sum of all the rest 0xffff, by a word of the payload.
    data[42:44] = b"\0\0"
    data[42:44] = struct.pack("!H", ~fold(bytes(data[34:])) & 0xffff)
    a.send_many([bytes(data)], header=p.header())
    assert b.recv()[40:42] == b"\xff\xff"


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("ecn", [0, ECN])
def test_a_frame_to_be_cut_is_carried_whole(pair, version, ecn):
    switch, a, b = pair(TAKES)
    p = Packet(20000, version)
    a.send_many([p.bytes], header=p.header(1400, ecn))
    assert b.recv() == p.bytes
    assert b.last_header == p.left(1400, ecn, n_buffers=-(-(len(p.bytes) + 12) // 2048))
    assert switch.stats("b")["tx_packets"] == 1
    assert_sums_hold(switch)


@pytest.mark.parametrize("options", [{"mrg": False, "rx_bytes": 66000}, {"packed": True}])
def test_other_forms_of_buffers_take_a_frame_whole_too(pair, options):
    switch, a, b = pair(TAKES, **options)
    p = Packet(30000)
    a.send_many([p.bytes], header=p.header(1400))
    assert b.recv() == p.bytes


def check_segments(p, frames, mss, flags):
    at = 0
    for i, data in enumerate(frames):
        ip_id, tcp, payload = l4_of(data)
        last = i == len(frames) - 1
        assert data[:12] == p.bytes[:12] and tcp[:4] == p.bytes[p.l4:p.l4 + 4]
        assert payload == p.payload[at:at + mss]
        assert struct.unpack("!I", tcp[4:8])[0] == (0xfffffff0 + at) & 0xffffffff
        assert tcp[8:13] == p.bytes[p.l4 + 8:p.l4 + 13] and tcp[20:] == p.bytes[p.l4 + 20:p.hdr_len]
        assert tcp[13] == flags & ~(0 if last else FIN | PSH) & ~(0 if i == 0 else CWR)
        assert p.version == 6 or ip_id == (0xffff + i) & 0xffff
        at += len(payload)
    assert at == len(p.payload)


@pytest.mark.parametrize("takes", [0, F_GUEST_CSUM, F_GUEST_CSUM | F_GUEST_ECN])
@pytest.mark.parametrize("version,n,mss", [
    (4, 5000, 1400), (6, 5000, 1399), (4, 1400, 1400), (4, 1401, 1400), (4, 65000, 1448),
    (6, 20, 500), (4, 2800, 11)])
def test_a_frame_is_cut_for_a_guest_that_does_not_take_it(pair, takes, version, n, mss):
    switch, a, b = pair(takes)
    flags = FIN | PSH | ACK | CWR
    p = Packet(n, version, flags=flags, options=bytes(range(1, 13)))
    a.send_many([p.bytes], header=p.header(mss, ECN))
    frames = [b.recv() for _ in range(-(-n // mss))]
    check_segments(p, frames, mss, flags)
    assert_sums_hold(switch)


@pytest.mark.parametrize("version", [4, 6])
def test_a_run_of_datagrams_is_carried_whole(pair, version):
    switch, a, b = pair(TAKES)
    assert switch.port("b")["takes"] == ["csum", "tso", "uso"]
    p = Packet(20000, version, UDP)
    a.send_many([p.bytes], header=p.header(1400))
    assert b.recv() == p.bytes
    assert b.last_header[:10] == p.left(1400)[:10]


@pytest.mark.parametrize("takes", [0, F_GUEST_CSUM | F_GUEST_TSO4 | F_GUEST_TSO6])
@pytest.mark.parametrize("version,n,mss", [(4, 5000, 1400), (6, 5000, 1399), (4, 65000, 1472)])
def test_a_run_of_datagrams_is_cut_for_a_guest_that_does_not_take_it(pair, takes, version, n, mss):
    switch, a, b = pair(takes)
    p, at = Packet(n, version, UDP), 0
    a.send_many([p.bytes], header=p.header(mss))
    for i in range(-(-n // mss)):
        ip_id, udp, payload = l4_of(b.recv())
        assert payload == p.payload[at:at + mss] and udp[:4] == p.bytes[p.l4:p.l4 + 4]
        assert struct.unpack("!H", udp[4:6])[0] == 8 + len(payload)
        assert version == 6 or ip_id == (0xffff + i) & 0xffff
        at += len(payload)
    assert at == n
    assert_sums_hold(switch)


LEVELS = {"all": ["csum", "tso", "uso"], "tso": ["csum", "tso"], "csum": ["csum"], "none": []}


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_port_is_told_what_may_be_left_while_its_guest_runs(pair, side):
    """Whether the sender's port or the receiver's."""
    switch, a, b = pair(TAKES)
    tcp, run, one = Packet(4000), Packet(4000, protocol=UDP), Packet(700)
    for level in ("none", "csum", "tso", "all"):
        switch.cli("port", "set", side, "--offload", level)
        assert side == "a" or switch.port("b")["takes"] == LEVELS[level]
        for p, what in ((tcp, "tso"), (run, "uso")):
            a.send_many([p.bytes], header=p.header(1000))
            if what in LEVELS[level]:
                assert b.recv() == p.bytes
            else:
                assert [len(l4_of(b.recv())[2]) for _ in range(4)] == [1000] * 4
                assert b.last_header[:10] == bytes(10)
        a.send_many([one.bytes], header=one.header())
        came = b.recv()
        if "csum" in LEVELS[level]:
            assert came == one.bytes and b.last_header[:10] == one.left()[:10]
        else:
            assert l4_of(came)[2] == one.payload and b.last_header[:10] == bytes(10)
    assert_sums_hold(switch)


def test_a_frame_in_many_pieces_is_cut(pair):
    switch, a, b = pair(0)
    p = Packet(9000)
    a.send_many([p.bytes], header=p.header(1000), parts=[12, 54, 1, 333, 4000, len(p.bytes) - 4388])
    check_segments(p, [b.recv() for _ in range(9)], 1000, ACK)


def test_frames_keep_their_order_around_one_that_is_cut(pair):
    switch, a, b = pair(0)
    p, first, last = Packet(3000), frame(B, A, payload=b"first"), frame(B, A, payload=b"last")
    a.send_many([first], kick=False)
    a.send_many([p.bytes], header=p.header(1000), kick=False)
    a.send_many([last])
    assert b.recv() == first
    check_segments(p, [b.recv() for _ in range(3)], 1000, ACK)
    assert b.recv() == last


def test_cwr_is_kept_from_a_guest_that_takes_frames_whole_but_not_with_it(pair):
    switch, a, b = pair(F_GUEST_CSUM | F_GUEST_TSO4)
    p = Packet(3000, flags=ACK | CWR)
    a.send_many([p.bytes], header=p.header(1000, ECN))
    check_segments(p, [b.recv() for _ in range(3)], 1000, ACK | CWR)


def test_a_tag_pushed_on_the_way_moves_where_the_checksum_begins(pair):
    switch, a, b = pair(TAKES, {"a": "vlan: 10, mtu: 1500", "b": "trunk: all, mtu: 1500"}, tag=10)
    for n, gso_size in ((300, 0), (5000, 1000)):
        p, tagged = Packet(n), Packet(n, tag=10)
        a.send_many([p.bytes], header=p.header(gso_size))
        assert b.recv() == tagged.bytes
        assert b.last_header[:10] == tagged.left(gso_size)[:10]


def test_a_tag_popped_on_the_way_moves_where_the_checksum_begins(pair):
    switch, a, b = pair(TAKES, {"a": "trunk: all, mtu: 1500", "b": "vlan: 10, mtu: 1500"})
    for n, gso_size in ((300, 0), (5000, 1000)):
        p, tagged = Packet(n), Packet(n, tag=10)
        a.send_many([tagged.bytes], header=tagged.header(gso_size))
        assert b.recv() == p.bytes
        assert b.last_header[:10] == p.left(gso_size)[:10]


def test_a_flooded_frame_is_cut_only_where_it_has_to_be(make_switch):
    switch = make_switch(config({"a": "", "b": "", "c": ""}))
    with plug(switch, "a", offloads=LEAVES, tx_bytes=66000, ring_size=32) as a, \
            plug(switch, "b", offloads=TAKES) as b, plug(switch, "c") as c:
        p = Packet(4000, target=BROADCAST)
        a.send_many([p.bytes], header=p.header(1000))
        assert b.recv() == p.bytes
        check_segments(p, [c.recv() for _ in range(4)], 1000, ACK)
        q = Packet(100, target=BROADCAST)
        a.send_many([q.bytes], header=q.header())
        assert l4_of(c.recv())[2] == q.payload
        # Finished for one is finished for all, or still to be done: right either way.
        came = b.recv()
        assert b.last_header[:10] == q.left()[:10] or l4_of(came)[2] == q.payload
        assert switch.stats("a")["rx_copied"] == 1 + 3 + 1
    assert_sums_hold(switch)


def test_what_a_frame_is_cut_into_must_fit_the_mtu(pair):
    switch, a, b = pair(TAKES)
    p = Packet(4000)
    a.send_many([p.bytes], header=p.header(1461))
    a.send_many([p.bytes], header=p.header(1460))
    assert b.recv() == p.bytes
    assert switch.stats("a")["drops"] == {"oversize": 1}


NONSENSE = {
    "checksum behind the head": {"csum_start": 127},
    "checksum field behind the head": {"csum_offset": 200},
    "checksum over everything": {"csum_start": 65535, "csum_offset": 65535},
    "checksum of the Ethernet header": {"csum_start": 0},
    "segmentation without a checksum": {"flags": 0},
    "segments of nothing": {"gso_size": 0},
    "too many segments": {"gso_size": 1},
    "fragmentation of UDP": {"gso_type": 3},
    "TCP said to be UDP": {"gso_type": USO},
    "segmentation of an unknown kind": {"gso_type": 0x7f},
    "IPv4 said to be IPv6": {"gso_type": TSO6},
    "TCP begins elsewhere": {"csum_start": 38},
    "checksum of TCP elsewhere": {"csum_offset": 6},
}


@pytest.mark.bad_input
@pytest.mark.parametrize("name", NONSENSE)
@pytest.mark.parametrize("takes", [0, TAKES])
def test_nonsense_is_dropped_and_counted_and_the_next_frame_goes_on(pair, name, takes):
    switch, a, b = pair(takes)
    p = Packet(4000)
    a.send_many([p.bytes], header=p.header(1000, **NONSENSE[name]))
    a.send(frame(B, A))
    assert b.recv() == frame(B, A)
    assert switch.stats("a")["drops"] == {"bad_offload": 1}
    assert_sums_hold(switch)


@pytest.mark.bad_input
@pytest.mark.parametrize("at,value", [(12, 0x08), (14, 0x55), (14, 0x4f), (23, UDP), (46, 0x40)],
                         ids=["type", "version", "options", "UDP", "short TCP"])
def test_headers_that_do_not_match_are_dropped(pair, at, value):
    switch, a, b = pair(0)
    p = Packet(4000)
    data = bytearray(p.bytes)
    data[at] = value + 1 if data[at] == value else value
    a.send_many([bytes(data)], header=p.header(1000))
    a.send(frame(B, A))
    assert b.recv() == frame(B, A)
    assert switch.stats("a")["drops"] == {"bad_offload": 1}


def test_a_guest_without_the_feature_is_not_listened_to(make_switch):
    """virtio 1.2, 5.1.6.2.1: it must leave the header zero."""
    switch = make_switch(config({"a": "", "b": ""}))
    with plug(switch, "a") as a, plug(switch, "b", offloads=TAKES) as b:
        p = Packet(100, target=BROADCAST)
        a.send_many([p.bytes], header=p.header(1000))
        assert b.recv() == p.bytes and b.last_header[:10] == bytes(10)
