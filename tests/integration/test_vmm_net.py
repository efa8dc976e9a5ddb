# SPDX-License-Identifier: BSD-3-Clause
"""The network device of shunt-vmm on a real shuntd: its front end, driven by a program in the place
of a guest (tests/lib/vmm_nic.c)."""

import contextlib
import os
import subprocess
import time

import pytest

from daemon import BUILD, wait_for
from ports import config
from vhost_guest import BROADCAST, frame, mac

NIC = os.path.join(BUILD, "tests", "vmm_nic")
PROMISED_S = 0.1
A, B, C = mac(0xa), mac(0xb), mac(0xc)


class Nic:
    """A NIC at a port's socket, ready when this returns unless told otherwise."""

    def __init__(self, switch, port, address, ready=True):
        self.log = open(os.path.join(switch.folder, f"{port}.nic"), "w+")
        self.process = subprocess.Popen([NIC, switch.socket(port), address.hex(":")], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, bufsize=1)
        if ready:
            assert self.answer() == "ready"

    def answer(self):
        return self.process.stdout.readline().strip()

    def tell(self, line):
        self.process.stdin.write(line + "\n")

    def send(self, data, n=1):
        self.tell(f"send {data.hex()} {n}")

    def expect(self, n, seconds=10):
        """How many frames came since the last call, once there are n."""
        self.tell(f"expect {n} {int(1000 * seconds)}")
        return int(self.answer().removeprefix("got "))

    def link(self):
        self.tell("link")
        return self.answer()

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
        self.log.close()


@contextlib.contextmanager
def nics(switch, *ports):
    made = [Nic(switch, name, address) for name, address in ports]
    try:
        yield made
    finally:
        for nic in made:
            nic.close()


def ports():
    return config({"a": "vlan: 100", "b": "vlan: 100", "c": "vlan: 200"})


def met(a, b):
    """Both addresses are learned."""
    a.send(frame(BROADCAST, A))
    assert b.expect(1) == 1
    b.send(frame(A, B))
    assert a.expect(1) == 1


def test_frames_go_to_the_same_vlan_and_to_no_other(make_switch):
    switch = make_switch(ports())
    with nics(switch, ("a", A), ("b", B), ("c", C)) as (a, b, c):
        met(a, b)
        a.send(frame(BROADCAST, A), 100)
        assert b.expect(100) == 100
        assert c.expect(1, 0.2) == 0


def test_nic_waits_for_a_switch_with_one_line_in_its_log(make_switch):
    switch = make_switch(ports())
    switch.terminate()
    nic = Nic(switch, "a", A, ready=False)
    try:
        wait_for(lambda: "nobody serves" in nic.said(), 10, "the line")
        switch.start()
        assert nic.answer() == "ready"
        assert nic.said().count("nobody serves") == 1
    finally:
        nic.close()


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_traffic_goes_on_after_a_restart_of_the_switch(make_switch, end):
    """Nothing that was in the ring is lost: a ring of 16 is full while the switch is away."""
    switch = make_switch(ports())
    with nics(switch, ("a", A), ("b", B)) as (a, b):
        met(a, b)
        getattr(switch, end)()
        a.send(frame(BROADCAST, A), 16)
        switch.start()
        assert b.expect(16) >= 16
        assert a.link() == "link up"
        a.expect(0)
        b.send(frame(BROADCAST, B))
        assert a.expect(1) >= 1


def test_network_is_back_within_100_ms_of_the_socket(make_switch):
    switch = make_switch(ports())
    with nics(switch, ("a", A), ("b", B)) as (a, b):
        met(a, b)
        times = []
        for _ in range(3):
            switch.cli("port", "del", "a")
            a.send(frame(BROADCAST, A))
            b.expect(0)
            switch.cli("port", "add", "a", "--bridge", "br0", "--vlan", "100")
            begin = time.monotonic()
            assert b.expect(1) >= 1
            times.append(time.monotonic() - begin)
        assert min(times) < PROMISED_S, times


def test_link_goes_down_while_the_switch_stays_away(make_switch):
    switch = make_switch(ports())
    with nics(switch, ("a", A)) as (a,):
        assert a.link() == "link up"
        switch.terminate()
        wait_for(lambda: a.link() == "link down", 10, "link down")
        switch.start()
        wait_for(lambda: a.link() == "link up", 10, "link up")


def test_driver_may_reset_its_device_at_any_time(make_switch):
    switch = make_switch(ports())
    with nics(switch, ("a", A), ("b", B)) as (a, b):
        met(a, b)
        for _ in range(5):
            a.tell("reset")
            a.send(frame(BROADCAST, A), 10)
            assert b.expect(10) >= 10
            b.send(frame(BROADCAST, B), 10)
            assert a.expect(10) >= 10
