# SPDX-License-Identifier: BSD-3-Clause
"""Guests that attack: each hurts its own port, while a stream between two others loses nothing."""

import threading

import pytest

import hostile
from ports import assert_sums_hold, config, learned, link_is, plug
from vhost_guest import BROADCAST, VhostGuest, frame, mac

pytestmark = pytest.mark.bad_input
A, B = mac(0xa), mac(0xb)


class Stream(threading.Thread):
    """Frames from a to b, one burst after the other has arrived, until it is told to end."""

    def __init__(self, a, b):
        super().__init__()
        self.a, self.b = a, b
        self.end = threading.Event()
        self.n_sent = self.n_received = 0

    def run(self):
        while not self.end.is_set() or not self.n_sent:
            self.a.send_many([frame(B, A)] * 32)
            self.n_sent += 32
            for _ in range(32):
                if not self.b.recv_only(frame(B, A), 5):
                    return
                self.n_received += 1


class Feed(threading.Thread):
    """Broadcasts of all lengths from a guest, a burst after the other, until it is told to end."""

    def __init__(self, guest):
        super().__init__()
        self.guest, self.end, self.n_sent = guest, threading.Event(), 0
        self.more = threading.Condition()
        self.frames = [frame(BROADCAST, mac(0xfeed), length=n) for n in (60, 129, 700, 1514)]

    def run(self):
        while not self.end.is_set():
            self.guest.send_many(self.frames * 4)
            # All of them were delivered or dropped when they are back.
            self.guest._wait_free(self.guest.rings[1], 256)
            with self.more:
                self.n_sent += 16
                self.more.notify_all()

    def fed(self, n):
        with self.more:
            until = self.n_sent + n
            if not self.more.wait_for(lambda: self.n_sent >= until, 10):
                raise RuntimeError("the feeder is held up")


CONFIG = {"a": "vlan: 10", "b": "vlan: 10", "evil": "vlan: 20", "feed": "vlan: 20",
          "sink": "vlan: 20, type: \"null\""}


@pytest.mark.parametrize("attack", hostile.RECEIVERS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_a_receiver_costs_nobody_but_itself(make_switch, attack, packed):
    switch = make_switch(config(CONFIG))
    with plug(switch, "a") as a, plug(switch, "b") as b, plug(switch, "feed") as feeder:
        b.send(frame(BROADCAST, B))
        learned(switch, "b", B)
        a.recv_all(0.05)
        stream, feed = Stream(a, b), Feed(feeder)
        stream.start()
        feed.start()
        try:
            attack(switch.socket("evil"), packed, feed.fed)
        finally:
            for thread in (stream, feed):
                thread.end.set()
                thread.join()
        assert stream.n_received == stream.n_sent > 0
        assert switch.is_alive()
        link_is(switch, "evil", "down")
        with VhostGuest(switch.socket("evil"), packed=packed) as good:
            link_is(switch, "evil")
            feeder.send(frame(BROADCAST, mac(0x600d)))
            assert good.recv_only(frame(BROADCAST, mac(0x600d)))
        assert_sums_hold(switch)


@pytest.mark.parametrize("attack", hostile.ATTACKS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("poll", ["adaptive", "busy"])
def test_costs_nobody_but_itself(make_switch, attack, poll):
    # The victims are on another VLAN, so that what the attacker gets through does not reach them.
    switch = make_switch(config({"a": "vlan: 10", "b": "vlan: 10", "evil": "vlan: 20",
                                 "sink": "vlan: 20, type: \"null\""},
                                head="memory: { size: 64M, hugepages: off }\n"
                                     f"workers: {{ poll: {poll} }}\n"
                                     "bridges: [ { name: br0 } ]\n"))
    with plug(switch, "a") as a, plug(switch, "b") as b:
        b.send(frame(BROADCAST, B))
        learned(switch, "b", B)
        a.recv_all(0.05)
        stream = Stream(a, b)
        stream.start()
        try:
            attack(switch.socket("evil"))
        finally:
            stream.end.set()
            stream.join()
        assert stream.n_received == stream.n_sent > 0, switch.cli("port", "stats")
        assert switch.is_alive()
        # The port can be used again at once by a guest that behaves.
        link_is(switch, "evil", "down")
        with VhostGuest(switch.socket("evil")) as good:
            link_is(switch, "evil")
            before = switch.stats("sink")["tx_packets"]
            good.send(frame(BROADCAST, mac(0x600d)))
            learned(switch, "evil", mac(0x600d))
            assert switch.stats("sink")["tx_packets"] > before
        assert_sums_hold(switch)
