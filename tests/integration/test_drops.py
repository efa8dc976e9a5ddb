# SPDX-License-Identifier: BSD-3-Clause
"""Drop reasons that need a whole switch to come about; the others are in the tests of what they
belong to."""

from daemon import wait_for
from ports import assert_sums_hold, config, learned, plug
from vhost_guest import BROADCAST, frame, mac

A, B = mac(0xa), mac(0xb)


def drops(switch, port, reason):
    return switch.stats(port)["drops"].get(reason, 0)


def test_a_frame_that_no_other_port_may_have_is_counted_where_it_came_in(make_switch):
    switch = make_switch(config({"a": "vlan: 10", "b": "vlan: 20"}))
    a, b = plug(switch, "a"), plug(switch, "b")
    a.send(frame(BROADCAST, A))
    wait_for(lambda: drops(switch, "a", "no_destination") == 1, what="no_destination on a")
    assert b.recv(0.02) is None
    assert_sums_hold(switch)
    a.close()
    b.close()


def test_a_guest_that_does_not_read_costs_its_own_frames_alone(make_switch):
    """Its queue takes what fits, the rest is counted on its port."""
    switch = make_switch(config({"a": "", "b": "", "c": ""}))
    a, c = plug(switch, "a"), plug(switch, "c")
    b = plug(switch, "b", ring_size=16)
    b.send(frame(BROADCAST, B))
    learned(switch, "b", B)
    assert a.recv() is not None and c.recv() is not None
    for _ in range(40):
        a.send(frame(B, A))
    wait_for(lambda: drops(switch, "b", "tx_full") + switch.stats("b")["tx_packets"] == 40,
             what="40 frames for b")
    assert drops(switch, "b", "tx_full") >= 40 - 16
    a.send(frame(BROADCAST, A, payload=b"after"))
    assert c.recv() == frame(BROADCAST, A, payload=b"after")
    assert_sums_hold(switch)
    for guest in (a, b, c):
        guest.close()
