# SPDX-License-Identifier: BSD-3-Clause
"""The vhost-user protocol, message by message: what each does, in which order and in which form it
is taken, and that a peer that is refused costs nobody but itself.

One switch serves all tests of this file. After each of them its port takes the next guest, and two
guests on other ports, connected since before the first test, still hear each other."""

import contextlib
import itertools
import os
import random
import re
import struct

import pytest

from daemon import TOP, wait_for
from ports import config, learned, link_is, plug
from vhost_guest import (
    ADD_MEM_REG, BROADCAST, F_LOG_ALL, F_MQ, F_PACKED, F_PROTOCOL, F_VERSION_1, GET_FEATURES,
    GET_MAX_MEM_SLOTS, GET_PROTOCOL_FEATURES, GET_QUEUE_NUM, GET_VRING_BASE, GUEST_BASE, NEED_REPLY,
    NET_SET_MTU, P_LOG_SHMFD, P_MEM_SLOTS, P_MQ, P_NET_MTU, P_RARP, P_REPLY_ACK, PAGE,
    POSTCOPY_ADVISE, POSTCOPY_END, POSTCOPY_LISTEN, REM_MEM_REG, REPLY, RESET_OWNER, SEND_RARP,
    SET_FEATURES, SET_LOG_BASE, SET_LOG_FD, SET_MEM_TABLE, SET_OWNER, SET_PROTOCOL_FEATURES,
    SET_VRING_ADDR, SET_VRING_BASE, SET_VRING_CALL, SET_VRING_ENABLE, SET_VRING_ERR, SET_VRING_KICK,
    SET_VRING_NUM, USER_BASE, VERSION, VRING_NOFD, VhostGuest, frame, mac)

pytestmark = pytest.mark.bad_input
A, B, P, Q = mac(0xa), mac(0xb), mac(0xe), mac(0xf)
PROTOCOL = P_MQ | P_LOG_SHMFD | P_RARP | P_REPLY_ACK | P_NET_MTU | P_MEM_SLOTS
MAX_REGIONS = 64
MAX_PAYLOAD = 8 + 32 * MAX_REGIONS
N_RINGS = 16  # of a device, whatever the port is configured for
RING_SIZE = 64


class Peer(VhostGuest):
    """A front end that does nothing by itself; its rings lie in memory that is not handed over."""

    def __init__(self, path, **options):
        super().__init__(path, start=False, ring_size=RING_SIZE, mrg=False, tx_bytes=2048,
                         rx_bytes=2048, **options)
        self.connect()
        self._make_memory()

    def ask(self, request, payload=b"", fds=(), flags=VERSION):
        """The answer's payload."""
        self.message(request, payload, fds, flags)
        answered, answer_flags, size = struct.unpack("<III", self._exactly(12))
        assert (answered, answer_flags) == (request, VERSION | REPLY)
        return self._exactly(size)

    def ack(self, request, payload=b"", fds=()):
        """What the switch says of a message that has no answer of its own: 0 for done."""
        answer = self.ask(request, payload, fds, VERSION | NEED_REPLY)
        assert len(answer) == 8
        return int.from_bytes(answer, "little")

    def negotiate(self, extra=0):
        assert self.ask(GET_FEATURES)
        self.message(SET_PROTOCOL_FEATURES, u64(PROTOCOL))
        self.features = self.wanted | extra
        self.acked(SET_FEATURES, u64(self.features))

    def bring_up(self):
        """Negotiated, with memory and both rings running."""
        self.negotiate()
        self.set_memory()
        for ring in self.rings:
            self.start_ring(ring)
            self.enable(ring, True)
        self._fill(self.rings[0])
        return self

    def is_hung_up(self):
        """Wait for the end, before which no answer comes. What the switch had not read yet makes it
        a reset."""
        with contextlib.suppress(ConnectionResetError):
            return self.socket.recv(1) == b""
        return True


class Bench:
    """Ports a and b with a guest each, q with a listener, p for the peer of each test."""

    def __init__(self, switch):
        self.switch = switch
        self.a, self.b, self.q = (plug(switch, name, ring_size=RING_SIZE) for name in "abq")
        self.b.send(frame(BROADCAST, B))
        learned(switch, "b", B)
        assert self.a.recv()
        self.n_descriptors = switch.n_descriptors()

    def queues(self):
        """Rings that run: (from the peer, to the peer). After an answer it is exact."""
        port = self.switch.port("p")
        return port["rx_queues"], port["tx_queues"]

    def passes_frames(self, peer):
        """Both ways between p and q."""
        wait_for(lambda: self.queues() == (1, 1), 5, "both rings")
        peer.send(frame(BROADCAST, P))
        assert self.q.recv_only(frame(BROADCAST, P))
        self.q.send(frame(BROADCAST, Q))
        assert peer.recv_only(frame(BROADCAST, Q))
        return True

    def has_forgotten_the_peer(self):
        wait_for(lambda: self.switch.n_descriptors() == self.n_descriptors, 5,
                 "as many descriptors as before")

    def is_undisturbed(self):
        self.a.send(frame(B, A))
        assert self.b.recv() == frame(B, A)
        assert self.switch.port("a")["link"] == self.switch.port("b")["link"] == "up"

    def close(self):
        for guest in (self.a, self.b, self.q):
            guest.close()


@pytest.fixture(scope="module")
def bench(make_lasting_switch):
    made = Bench(make_lasting_switch(config(
        {"a": "vlan: 10", "b": "vlan: 10", "p": "vlan: 20, queues: 2", "q": "vlan: 20"}),
        arguments=["--log-level", "info"]))
    yield made
    made.close()


@pytest.fixture
def make_peer(bench):
    """Connect to port p, one peer after the other."""
    made = []

    def make(**options):
        for peer in made:
            peer.close()
        made.append(Peer(bench.switch.socket("p"), **options))
        return made[-1]

    yield make
    for peer in made:
        peer.close()
    with VhostGuest(bench.switch.socket("p"), ring_size=RING_SIZE) as good:
        assert bench.passes_frames(good)
    link_is(bench.switch, "p", "down")
    bench.has_forgotten_the_peer()
    bench.is_undisturbed()


@pytest.fixture
def peer(make_peer):
    """Connected, and nothing said yet."""
    return make_peer()


def u64(value):
    return struct.pack("<Q", value)


def state(index, number):
    return struct.pack("<II", index, number)


def addresses(ring, shift=0):
    desc, used, avail = (USER_BASE + at + shift for at in ring.addresses())
    return struct.pack("<IIQQQQ", ring.index, 0, desc, used, avail, 0)


def one_region(region):
    return struct.pack("<QQQQQ", 0, *region)


def table(regions):
    return struct.pack("<II", len(regions), 0) + b"".join(struct.pack("<4Q", *r) for r in regions)


def spare_fd():
    """A page of memory that nobody needs."""
    fd = os.memfd_create("spare")
    os.ftruncate(fd, PAGE)
    return fd


@contextlib.contextmanager
def spare_fds(n):
    fds = [spare_fd() for _ in range(n)]
    yield fds
    for fd in fds:
        os.close(fd)


def requests_of_header():
    """{number: name} as dataplane/vhost/msg.h has them."""
    with open(os.path.join(TOP, "dataplane", "vhost", "msg.h")) as f:
        found = re.findall(r"^\tVHOST_USER_(\w+) = (\d+),", f.read(), re.M)
    return {int(number): name for name, number in found}


SPARE_REGION = (1 << 40, PAGE, 1 << 40, 0)

# Of each request: a payload in good form, for a peer with ring 1 running; how many descriptors come
# with it; and how many bytes of payload the answer has that it has in any case, 0 if it has none.
GOOD = {
    GET_FEATURES: (b"", 0, 8),
    SET_FEATURES: (u64(F_PROTOCOL | F_VERSION_1), 0, 0),
    SET_OWNER: (b"", 0, 0),
    RESET_OWNER: (b"", 0, 0),
    SET_MEM_TABLE: (table([SPARE_REGION]), 1, 0),
    SET_LOG_BASE: (struct.pack("<QQ", PAGE, 0), 1, 8),
    SET_LOG_FD: (b"", 1, 0),
    SET_VRING_NUM: (state(1, RING_SIZE), 0, 0),
    SET_VRING_ADDR: (struct.pack("<IIQQQQ", 1, 0, USER_BASE, USER_BASE, USER_BASE, 0), 0, 0),
    SET_VRING_BASE: (state(1, 0), 0, 0),
    GET_VRING_BASE: (state(1, 0), 0, 8),
    SET_VRING_KICK: (u64(1), 1, 0),
    SET_VRING_CALL: (u64(1), 1, 0),
    SET_VRING_ERR: (u64(1), 1, 0),
    GET_PROTOCOL_FEATURES: (b"", 0, 8),
    SET_PROTOCOL_FEATURES: (u64(PROTOCOL), 0, 0),
    GET_QUEUE_NUM: (b"", 0, 8),
    SET_VRING_ENABLE: (state(1, 1), 0, 0),
    SEND_RARP: (P + bytes(2), 0, 0),
    NET_SET_MTU: (u64(1500), 0, 0),
    GET_MAX_MEM_SLOTS: (b"", 0, 8),
    ADD_MEM_REG: (one_region(SPARE_REGION), 1, 0),
    REM_MEM_REG: (one_region(SPARE_REGION), 0, 0),
}
NAMES = requests_of_header()


def by_name(request):
    return NAMES.get(request, str(request))


def refused(make_peer, request, payload=b"", n_fds=0):
    """The peer, running until then, is told that this was not done, and hung up."""
    peer = make_peer().bring_up()
    with spare_fds(n_fds) as fds:
        assert peer.ack(request, payload, fds) != 0
    return peer.is_hung_up()


# Every request in good form

def test_every_request_of_the_header_is_in_the_table():
    assert set(NAMES) == set(GOOD)


@pytest.mark.parametrize("request_", GOOD, ids=by_name)
def test_a_request_in_good_form_is_answered_once(peer, request_):
    payload, n_fds, answer_bytes = GOOD[request_]
    peer.bring_up()
    with spare_fds(n_fds) as fds:
        answer = peer.ask(request_, payload, fds, VERSION | NEED_REPLY)
    if answer_bytes:
        assert len(answer) == answer_bytes
    else:
        assert answer == u64(0)
    # And once only: what comes next is the next question's.
    assert len(peer.ask(GET_QUEUE_NUM)) == 8


@pytest.mark.parametrize("request_", [r for r in GOOD if not GOOD[r][2]], ids=by_name)
def test_a_request_that_does_not_ask_for_it_has_no_answer(peer, request_):
    payload, n_fds, _ = GOOD[request_]
    peer.bring_up()
    with spare_fds(n_fds) as fds:
        peer.message(request_, payload, fds)
    assert len(peer.ask(GET_QUEUE_NUM)) == 8


def test_without_the_protocol_feature_nothing_is_acknowledged(peer):
    peer.message(SET_PROTOCOL_FEATURES, u64(PROTOCOL & ~P_REPLY_ACK))
    peer.message(SET_OWNER, flags=VERSION | NEED_REPLY)
    assert len(peer.ask(GET_FEATURES, flags=VERSION | NEED_REPLY)) == 8


def test_features_are_offered_by_what_the_port_has(bench, peer):
    offered, = struct.unpack("<Q", peer.ask(GET_FEATURES))
    wanted = F_PROTOCOL | F_VERSION_1 | F_PACKED | F_LOG_ALL | F_MQ
    assert offered & wanted == wanted
    assert struct.unpack("<Q", peer.ask(GET_QUEUE_NUM)) == (2,)
    # Port q has one pair of queues, and no use for more.
    assert bench.q.offered == offered & ~F_MQ


def test_protocol_features_are_those_that_are_served(peer):
    """No postcopy, no in-flight file, no channel back: each would bring messages of its own."""
    assert struct.unpack("<Q", peer.ask(GET_PROTOCOL_FEATURES)) == (PROTOCOL,)


@pytest.mark.parametrize("request_", [SET_FEATURES, SET_PROTOCOL_FEATURES], ids=by_name)
def test_a_feature_that_was_not_offered_is_refused(make_peer, request_):
    for bit in (14, 63):
        assert refused(make_peer, request_, u64(1 << bit))


def test_without_protocol_features_a_ring_needs_no_enabling(bench, peer):
    peer.message(SET_FEATURES, u64(F_VERSION_1))
    peer.set_memory()
    for ring in peer.rings:
        peer.start_ring(ring)
    peer._fill(peer.rings[0])
    assert bench.passes_frames(peer)


# Rings

def test_a_ring_runs_when_it_is_enabled_and_not_when_it_is_disabled(bench, peer):
    peer.bring_up()
    for running in (0, 1, 0, 1):
        peer.enable(peer.rings[1], running)
        assert bench.queues() == (running, 1)
    for number in (2, 0xffffffff):
        assert peer.ack(SET_VRING_ENABLE, state(1, number)) == 0
        assert bench.queues() == (0, 1)
    peer.enable(peer.rings[1], True)
    assert bench.passes_frames(peer)


def test_a_ring_gives_its_index_when_it_is_asked_and_stops(bench, peer):
    peer.bring_up()
    for n_sent in range(1, 4):
        assert bench.passes_frames(peer)
        peer._wait_free(peer.rings[1], RING_SIZE)
        assert peer.ask(GET_VRING_BASE, state(1, 0)) == state(1, n_sent)
        assert bench.queues() == (0, 1)
        # It does not go on by anything but its kick descriptor.
        peer.enable(peer.rings[1], True)
        peer.set_addresses(peer.rings[1])
        assert peer.ack(SET_VRING_CALL, u64(1), [peer.rings[1].call_fd]) == 0
        assert bench.queues() == (0, 1)
        assert peer.ack(SET_VRING_KICK, u64(1), [peer.rings[1].kick_fd]) == 0
        assert bench.queues() == (1, 1)


def test_a_packed_ring_gives_its_index_with_its_wrap_counter(bench, make_peer):
    peer = make_peer(packed=True).bring_up()
    assert peer.ask(GET_VRING_BASE, state(1, 0)) == state(1, 0x80008000)
    for base in (0x80008000, 5, 0x8007, 0x00050005):
        assert peer.ack(SET_VRING_BASE, state(1, base)) == 0
        index = base & 0xffff
        assert peer.ask(GET_VRING_BASE, state(1, 0)) == state(1, index << 16 | index)


def test_a_packed_ring_goes_on_at_the_base_that_it_is_given(bench, make_peer):
    peer = make_peer(packed=True)
    ring = peer.rings[1]
    # Both counters as after one round and 5 descriptors.
    ring.base = 0x00050005
    ring.next_avail = ring.next_used = 5
    ring.avail_wrap = ring.used_wrap = 0
    for at in range(RING_SIZE):
        used_before = 1 if at >= 5 else 0
        ring.u16(ring.desc + 16 * at + 14, 0x8080 if used_before else 0)
    peer.bring_up()
    assert bench.passes_frames(peer)
    # It signals before it is asked, so this waits for the buffer to be back.
    peer._wait_free(ring, RING_SIZE)
    assert peer.ask(GET_VRING_BASE, state(1, 0)) == state(1, 0x00060006)


def test_an_index_is_given_of_a_ring_that_never_ran(peer):
    peer.negotiate()
    assert peer.ask(GET_VRING_BASE, state(1, 0)) == state(1, 0)
    peer.message(SET_VRING_BASE, state(1, 77))
    assert peer.ask(GET_VRING_BASE, state(1, 0)) == state(1, 77)


def test_a_peer_that_gives_no_kick_descriptor_is_polled(bench, peer):
    peer.bring_up()
    assert peer.ack(SET_VRING_KICK, u64(1 | VRING_NOFD)) == 0
    assert bench.passes_frames(peer)


def test_a_peer_that_gives_no_call_descriptor_is_not_signalled(bench, peer):
    peer.bring_up()
    ring = peer.rings[0]
    assert peer.ack(SET_VRING_CALL, u64(VRING_NOFD)) == 0
    link_is(bench.switch, "p")
    ring.drain_call()
    bench.q.send(frame(BROADCAST, Q))
    wait_for(lambda: ring.u16(ring.used + 2) == 1, 5, "the frame")
    assert peer.ask(GET_VRING_BASE, state(0, 0)) == state(0, 1)
    assert not ring.drain_call()


def test_a_call_descriptor_that_is_replaced_is_signalled_no_more(bench, peer):
    peer.bring_up()
    ring, other = peer.rings[0], os.eventfd(0, os.EFD_NONBLOCK)
    assert peer.ack(SET_VRING_CALL, u64(0), [other]) == 0
    link_is(bench.switch, "p")
    ring.drain_call()
    bench.q.send(frame(BROADCAST, Q))
    wait_for(lambda: ring.u16(ring.used + 2) == 1, 5, "the frame")
    assert peer.ask(GET_VRING_BASE, state(0, 0)) == state(0, 1)
    assert os.eventfd_read(other) == 1 and not ring.drain_call()
    os.close(other)


def test_an_owner_that_resigns_disables_all_rings_and_keeps_what_it_set_up(bench, peer):
    peer.bring_up()
    assert peer.ack(RESET_OWNER) == 0
    assert bench.queues() == (0, 0)
    for ring in peer.rings:
        peer.enable(ring, True)
    assert bench.passes_frames(peer)


# Order

STEPS = {
    "memory": lambda p, ring: p.set_memory(),
    "size": lambda p, ring: p.message(SET_VRING_NUM, state(ring.index, ring.size)),
    "base": lambda p, ring: p.message(SET_VRING_BASE, state(ring.index, 0)),
    "address": lambda p, ring: p.message(SET_VRING_ADDR, addresses(ring)),
    "call": lambda p, ring: p.message(SET_VRING_CALL, u64(ring.index), [ring.call_fd]),
    "kick": lambda p, ring: p.message(SET_VRING_KICK, u64(ring.index), [ring.kick_fd]),
    "enable": lambda p, ring: p.message(SET_VRING_ENABLE, state(ring.index, 1)),
}
NEEDED = ("memory", "size", "address", "kick", "enable")


@pytest.mark.parametrize("last", NEEDED)
def test_a_ring_starts_with_the_last_of_what_it_needs(bench, make_peer, last):
    peer = make_peer()
    peer.negotiate()
    before = [step for step in STEPS if step != last]
    random.Random(last).shuffle(before)
    for step, ring in itertools.product(before, peer.rings):
        STEPS[step](peer, ring)
    assert peer.ask(GET_QUEUE_NUM) and bench.queues() == (0, 0)
    for ring in peer.rings:
        STEPS[last](peer, ring)
    peer._fill(peer.rings[0])
    assert bench.passes_frames(peer)


def test_a_ring_starts_whatever_the_order(bench, make_peer):
    rng = random.Random(7)
    for _ in range(12):
        steps = list(STEPS)
        rng.shuffle(steps)
        peer = make_peer()
        peer.negotiate()
        for step, ring in itertools.product(steps, peer.rings):
            STEPS[step](peer, ring)
        peer._fill(peer.rings[0])
        assert bench.passes_frames(peer), steps


def test_features_may_come_after_the_rings(bench, peer):
    for ring in peer.rings:
        for step in STEPS:
            STEPS[step](peer, ring)
    peer.negotiate()
    peer._fill(peer.rings[0])
    assert bench.passes_frames(peer)


# Form: sizes, descriptors, header

@pytest.mark.parametrize("request_", [r for r in GOOD if GOOD[r][0]], ids=by_name)
def test_a_payload_that_is_too_short_is_refused(make_peer, request_):
    payload, n_fds, _ = GOOD[request_]
    for n in (0, len(payload) - 1):
        assert refused(make_peer, request_, payload[:n], n_fds)


@pytest.mark.parametrize("request_", GOOD, ids=by_name)
def test_a_payload_longer_than_needed_is_read_to_its_end(peer, request_):
    payload, n_fds, _ = GOOD[request_]
    peer.bring_up()
    with spare_fds(n_fds) as fds:
        assert len(peer.ask(request_, payload.ljust(MAX_PAYLOAD, b"\xff"), fds,
                            VERSION | NEED_REPLY)) == 8
    assert len(peer.ask(GET_QUEUE_NUM)) == 8


def test_a_payload_longer_than_any_is_refused(make_peer):
    for size in (MAX_PAYLOAD + 1, 1 << 31, 0xffffffff):
        peer = make_peer().bring_up()
        peer.socket.sendall(struct.pack("<III", SET_OWNER, VERSION, size))
        assert peer.is_hung_up()


def test_a_message_may_come_byte_by_byte(bench, peer):
    """The descriptor comes with the first byte, as the kernel passes it."""
    peer.bring_up()
    assert peer.ask(GET_VRING_BASE, state(1, 0)) and bench.queues() == (0, 1)
    message = struct.pack("<III", SET_VRING_KICK, VERSION | NEED_REPLY, 8) + u64(1)
    peer.socket.sendmsg([message[:1]], [(1, 1, struct.pack("i", peer.rings[1].kick_fd))])
    for i in range(1, len(message)):
        assert bench.queues() == (0, 1)
        peer.socket.sendall(message[i:i + 1])
    assert peer._exactly(20)[12:] == u64(0)
    assert bench.queues() == (1, 1)


def test_many_messages_may_come_at_once(peer):
    peer.negotiate()
    one = struct.pack("<III", GET_FEATURES, VERSION, 0)
    peer.socket.sendall(one * 200)
    answers = peer._exactly(20 * 200)
    assert answers == answers[:20] * 200


@pytest.mark.parametrize("request_", [r for r in GOOD if GOOD[r][1] and r != SET_LOG_FD], ids=by_name)
def test_a_descriptor_that_is_missing_or_one_too_many_is_refused(make_peer, request_):
    payload, n_fds, _ = GOOD[request_]
    for n in (n_fds - 1, n_fds + 1):
        assert refused(make_peer, request_, payload, n)


@pytest.mark.parametrize("request_", [SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR], ids=by_name)
def test_a_descriptor_that_is_announced_as_missing_and_comes_is_refused(make_peer, request_):
    assert refused(make_peer, request_, u64(1 | VRING_NOFD), 1)


@pytest.mark.parametrize("request_", [r for r in GOOD if not GOOD[r][1]], ids=by_name)
def test_descriptors_that_nobody_asked_for_are_closed(bench, peer, request_):
    payload, _, _ = GOOD[request_]
    peer.bring_up()
    assert peer.ask(GET_QUEUE_NUM)  # by its answer all messages before are done with
    before = bench.switch.n_descriptors()
    with spare_fds(3) as fds:
        peer.ask(request_, payload, fds, VERSION | NEED_REPLY)
    # A ring that was stopped gives back its kick descriptor.
    left = before - (request_ == GET_VRING_BASE)
    wait_for(lambda: bench.switch.n_descriptors() == left, 5, f"{left} descriptors")


def test_more_descriptors_than_any_message_has_are_refused(make_peer):
    """The kernel cuts them off, and the rest would look like a message with the right number."""
    peer = make_peer()
    peer.negotiate()
    regions = [(GUEST_BASE + PAGE * i, PAGE, USER_BASE + PAGE * i, 0) for i in range(MAX_REGIONS)]
    with spare_fds(MAX_REGIONS + 1) as fds:
        peer.message(SET_MEM_TABLE, table(regions), fds, VERSION | NEED_REPLY)
    assert peer.is_hung_up()


@pytest.mark.parametrize("version", [0, 2, 3])
def test_another_version_is_refused(make_peer, version):
    peer = make_peer()
    peer.message(GET_FEATURES, flags=version)
    assert peer.is_hung_up()


def test_flags_that_nobody_knows_are_let_be(peer):
    assert len(peer.ask(GET_FEATURES, flags=VERSION | REPLY | 0xfffffff0)) == 8


UNKNOWN = [r for r in range(64) if r not in GOOD] + [255, 1 << 16, 0xffffffff]


def test_a_request_that_is_unknown_is_refused(make_peer):
    for request in UNKNOWN:
        assert refused(make_peer, request, u64(0)), request


@pytest.mark.parametrize("request_", [POSTCOPY_ADVISE, POSTCOPY_LISTEN, POSTCOPY_END], ids=str)
def test_postcopy_is_refused_with_a_word(bench, make_peer, request_):
    assert refused(make_peer, request_)
    assert f"port 'p': vhost-user message {request_} refused" in bench.switch.log()


def test_a_peer_that_does_not_read_its_answers_is_hung_up(make_peer):
    peer = make_peer()
    one = struct.pack("<III", GET_FEATURES, VERSION, 0)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(100000):
            peer.socket.sendall(one * 64)


# Values

VRING_REQUESTS = [SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE, SET_VRING_KICK,
                  SET_VRING_CALL, SET_VRING_ERR, SET_VRING_ENABLE]


@pytest.mark.parametrize("request_", VRING_REQUESTS, ids=by_name)
def test_a_ring_past_the_last_is_refused(make_peer, request_):
    payload, n_fds, _ = GOOD[request_]
    in_u64 = request_ in (SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR)
    for index in (N_RINGS, 0xff, 0x201 if in_u64 else 0x101, 0xffffffff):
        changed = u64(index) if in_u64 else struct.pack("<I", index) + payload[4:]
        assert refused(make_peer, request_, changed, n_fds), index


def test_a_ring_past_the_ports_queues_is_set_up_and_never_runs(bench, make_peer):
    """QEMU sets up all the pairs that its own command line names."""
    make_peer(queues=3).bring_up()
    assert bench.queues() == (2, 2)
    wait_for(lambda: "raise its queues" in bench.switch.log(), 5, "a word of it")


def test_a_ring_of_a_size_that_virtio_does_not_know_is_refused(make_peer):
    for size in (0, 32769, 65536, 0xffffffff):
        assert refused(make_peer, SET_VRING_NUM, state(1, size)), size


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_a_size_that_is_no_power_of_two_is_for_packed_rings_alone(bench, make_peer, packed):
    peer = make_peer(packed=packed).bring_up()
    for size in (3, 63, 100):
        assert peer.ack(SET_VRING_NUM, state(1, size)) == 0
        assert bench.queues() == (int(packed), 1), size
    assert peer.ack(SET_VRING_NUM, state(1, RING_SIZE)) == 0
    assert bench.passes_frames(peer)


def test_a_ring_that_does_not_lie_in_memory_does_not_run(bench, peer):
    peer.bring_up()
    ring = peer.rings[1]
    outside = (-USER_BASE, 1 << 40, peer.size - ring.desc, 8)  # the last one is misaligned
    for shift in outside:
        assert peer.ack(SET_VRING_ADDR, addresses(ring, shift)) == 0
        assert bench.queues() == (0, 1), shift
    assert peer.ack(SET_VRING_ADDR, addresses(ring)) == 0
    assert bench.passes_frames(peer)


def test_an_mtu_that_virtio_does_not_know_is_refused(make_peer):
    peer = make_peer().bring_up()
    for mtu in (68, 1500, 9000, 65535):
        assert peer.ack(NET_SET_MTU, u64(mtu)) == 0, mtu
    for mtu in (0, 67, 65536, 1 << 32 | 1500):
        assert refused(make_peer, NET_SET_MTU, u64(mtu)), mtu


def test_a_rarp_is_broadcast_in_the_guests_name(bench, peer):
    peer.bring_up()
    assert peer.ack(SEND_RARP, P + bytes(2)) == 0
    # Its own worker sees it at the next look.
    peer.rings[1].kick()
    got = bench.q.recv()
    assert len(got) == 60 and got[:14] == BROADCAST + P + b"\x80\x35"


# Memory

def test_a_memory_table_of_nothing_stops_the_rings_until_there_is_memory(bench, peer):
    peer.bring_up()
    assert peer.ack(SET_MEM_TABLE, table([])) == 0
    assert bench.queues() == (0, 0)
    assert peer.ack(SET_MEM_TABLE, table(peer.region_list), peer.memfds) == 0
    assert bench.passes_frames(peer)


@pytest.mark.parametrize("regions", [1, 2, MAX_REGIONS])
def test_a_memory_table_may_have_that_many_regions(bench, make_peer, regions):
    peer = make_peer(regions=regions).bring_up()
    assert len(peer.region_list) == regions and bench.passes_frames(peer)


def test_a_memory_table_of_65_regions_is_refused(make_peer):
    """It is longer than any message may be, whether it has 64 descriptors or the kernel cut it."""
    regions = [(PAGE * i, PAGE, PAGE * i, 0) for i in range(MAX_REGIONS + 1)]
    for n_fds in (MAX_REGIONS, MAX_REGIONS + 1):
        peer = make_peer()
        peer.negotiate()
        with spare_fds(n_fds) as fds:
            peer.message(SET_MEM_TABLE, table(regions), fds)
        assert peer.is_hung_up()


def test_a_memory_table_that_says_65_and_has_64_regions_is_refused(make_peer):
    regions = [(PAGE * i, PAGE, PAGE * i, 0) for i in range(MAX_REGIONS)]
    payload = struct.pack("<I", MAX_REGIONS + 1) + table(regions)[4:]
    assert refused(make_peer, SET_MEM_TABLE, payload, MAX_REGIONS)


BAD_REGIONS = {
    "empty": [(0, 0, 0, 0)],
    "past the end of guest addresses": [(-PAGE, 2 * PAGE, 0, 0)],
    "past the end of user addresses": [(0, 2 * PAGE, -PAGE, 0)],
    "past the end of the file's addresses": [(0, 2 * PAGE, 0, -PAGE)],
    "larger than any address space": [(0, 1 << 62, 0, 0)],
    "one upon the other": [(0, PAGE, 0, 0), (0, PAGE, PAGE, 0)],
    "one inside of the other": [(0, 8 * PAGE, 0, 0), (PAGE, PAGE, 16 * PAGE, 0)],
    "the last byte of one in the other": [(PAGE, PAGE, 0, 0), (1, PAGE, 16 * PAGE, 0)],
}


def wrapped(regions):
    return [tuple(value % (1 << 64) for value in region) for region in regions]


@pytest.mark.parametrize("name", BAD_REGIONS)
def test_regions_that_make_no_sense_are_refused(make_peer, name):
    regions = wrapped(BAD_REGIONS[name])
    assert refused(make_peer, SET_MEM_TABLE, table(regions), len(regions))
    peer = make_peer().bring_up()
    assert peer.ack(SET_MEM_TABLE, table([])) == 0
    with spare_fds(1) as fds:
        answers = [peer.ack(ADD_MEM_REG, one_region(region), fds) for region in regions]
    assert answers[:-1] == [0] * (len(regions) - 1) and answers[-1] != 0
    assert peer.is_hung_up()


def test_a_region_of_what_cannot_be_mapped_is_refused(make_peer):
    for request, payload in ((SET_MEM_TABLE, table([SPARE_REGION])),
                             (ADD_MEM_REG, one_region(SPARE_REGION))):
        peer = make_peer().bring_up()
        assert peer.ack(request, payload, [peer.rings[0].call_fd]) != 0
        assert peer.is_hung_up()


def test_regions_that_touch_are_no_overlap(peer):
    peer.negotiate()
    regions = [(PAGE, PAGE, PAGE, 0), (0, PAGE, 0, 0), (2 * PAGE, PAGE, 2 * PAGE, 0)]
    with spare_fds(3) as fds:
        assert peer.ack(SET_MEM_TABLE, table(regions), fds) == 0


def test_64_regions_can_be_added_and_no_more(bench, peer):
    assert struct.unpack("<Q", peer.ask(GET_MAX_MEM_SLOTS)) == (MAX_REGIONS,)
    peer.negotiate()
    regions = [(PAGE * i, PAGE, PAGE * i, 0) for i in range(MAX_REGIONS + 1)]
    with spare_fds(1) as fds:
        for region in regions[:-1]:
            assert peer.ack(ADD_MEM_REG, one_region(region), fds) == 0
        # One that is there already, as QEMU tells of it for each pair of queues.
        assert peer.ack(ADD_MEM_REG, one_region(regions[5]), fds) == 0
        # The place of one that was removed is free again.
        assert peer.ack(REM_MEM_REG, one_region(regions[5])) == 0
        assert peer.ack(ADD_MEM_REG, one_region(regions[-1]), fds) == 0
        assert peer.ack(ADD_MEM_REG, one_region(regions[5]), fds) != 0
    assert peer.is_hung_up()


def test_only_the_region_that_is_named_is_removed(bench, peer):
    """By guest address, user address and size; the offset does not count."""
    peer.bring_up()
    (gpa, size, uva, _), = peer.region_list
    for region in ((gpa + PAGE, size, uva, 0), (gpa, size - PAGE, uva, 0), (gpa, size, uva + 1, 0)):
        assert peer.ack(REM_MEM_REG, one_region(region)) == 0
        assert bench.queues() == (1, 1)
    with spare_fds(1) as fds:  # as some front ends send it
        assert peer.ack(REM_MEM_REG, one_region((gpa, size, uva, PAGE)), fds) == 0
    assert bench.queues() == (0, 0)
    assert peer.ack(ADD_MEM_REG, one_region((gpa, size, uva, 0)), peer.memfds) == 0
    assert bench.passes_frames(peer)


# Log

BAD_LOGS = {"of no size": (0, PAGE), "whose end overflows": (1 << 63, 1 << 63),
            "larger than any file": (1 << 63, 0), "larger than the address space": (1 << 62, 0)}


@pytest.mark.parametrize("name", BAD_LOGS)
def test_a_log_is_refused(make_peer, name):
    assert refused(make_peer, SET_LOG_BASE, struct.pack("<QQ", *BAD_LOGS[name]), 1)


def test_a_log_begins_where_its_offset_says(bench, peer):
    """Inside of a page, which no mapping could begin with."""
    peer.bring_up()
    size, offset = (GUEST_BASE + peer.size) // PAGE // 8, 4808
    fd = os.memfd_create("log")
    os.ftruncate(fd, offset + size)
    assert len(peer.ask(SET_LOG_BASE, struct.pack("<QQ", size, offset), [fd])) == 8
    peer.set_features(F_LOG_ALL)
    bench.q.send(frame(BROADCAST, Q))
    assert peer.recv_only(frame(BROADCAST, Q))
    assert peer.ask(GET_VRING_BASE, state(0, 0)) == state(0, 1)
    log = os.pread(fd, offset + size, 0)
    os.close(fd)
    page = peer.gpa(peer.rings[0].buffer(0)) // PAGE
    assert log[offset + page // 8] == 1 << page % 8
    assert sum(byte.bit_count() for byte in log) == 1


def test_a_log_file_shorter_than_it_says_costs_its_own_port_alone(bench, peer):
    peer.bring_up()
    size = (GUEST_BASE + peer.size) // PAGE // 8
    with spare_fds(1) as fds:
        peer.ask(SET_LOG_BASE, struct.pack("<QQ", size, 0), fds)
    peer.set_features(F_LOG_ALL)
    bench.q.send(frame(BROADCAST, Q))
    assert peer.is_hung_up()
