# SPDX-License-Identifier: BSD-3-Clause
"""An uplink by XDP on a NIC with a driver that takes VLAN tags off: shuntd inside an emulated machine
with two igb NICs on one wire. The far end, 10.0.0.1 and 10.0.100.1 in VLAN 100, has the first; the
host with the switch has the second, with 10.0.0.3 on it; 10.0.100.2 is on an internal port."""

import json
import os
import re
import subprocess

import pytest

from daemon import SHUNT, SHUNTD, TOP, wait_for
from guest import MACHINE, Machine

CONFIG = """memory: { size: 64M, hugepages: off }
bridges: [ { name: br0 } ]
ports: [ { name: in0, bridge: br0, type: internal, vlan: 100 } ]
"""
START = f"{SHUNTD} --run-dir /tmp/run --state-dir /tmp/state >/tmp/log 2>&1 & pid=$!"


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    subprocess.run([os.path.join(TOP, "tests", "lib", "guest-machine"), MACHINE], check=True)
    machine = Machine("xdp", str(tmp_path_factory.mktemp("machine")))
    try:
        machine.ready()
        machine.load("igb", "8021q", "tun")
        text = CONFIG.replace("\n", "\\n")
        for line in ("ip netns add far", "ip link set eth0 netns far",
                     "ip -n far link add link eth0 name v100 type vlan id 100",
                     "ip -n far addr add 10.0.0.1/24 dev eth0",
                     "ip -n far addr add 10.0.100.1/24 dev v100",
                     "ip -n far link set eth0 up", "ip -n far link set v100 up",
                     "ip addr add 10.0.0.3/24 dev eth1", "ip link set eth1 up",
                     "mkdir /tmp/state", f"printf '%b' '{text}' >/tmp/state/config.yaml",
                     "export SHUNT_RUN_DIR=/tmp/run", START):
            machine.do(line)
        wait_for(lambda: " ready" in machine.do("cat /tmp/log; [ -d /proc/$pid ]"), 60,
                 "shuntd is ready", 0.2)
        for line in ("ip netns add x", "ip link set in0 netns x", "ip -n x link set in0 up",
                     "ip -n x addr add 10.0.100.2/24 dev in0"):
            machine.do(line)
        yield machine
        machine.do("kill $pid; wait $pid", 60)
    finally:
        machine.stop()


def shunt(machine, words):
    status, output = machine.run(f"{SHUNT} {words}", 60)
    assert status == 0, output
    return output


def port(machine):
    text = shunt(machine, "-j port show up0")
    return json.loads(text[text.index("{"):text.rindex("}") + 1])


def link_is_up(machine):
    wait_for(lambda: port(machine)["link"] == "up", 30, "link up", 0.2)


def is_pinged(machine, space, address):
    """A driver may start its NIC anew while a program comes or goes."""
    return re.search(r"[1-9]\d* received", machine.run(
        f"ip netns exec {space} ping -q -c 10 -i 0.2 -W 5 -w 20 {address}", 40)[1])


def test_the_driver_shares_the_nic_and_leaves_tags_to_the_switch(machine):
    assert is_pinged(machine, "far", "10.0.0.3")
    shunt(machine, "port add up0 --bridge br0 --type uplink --trunk all --device xdp:eth1")
    link_is_up(machine)
    assert port(machine)["xdp"] == "native", port(machine)
    assert is_pinged(machine, "far", "10.0.0.3")
    assert is_pinged(machine, "x", "10.0.100.1")
    assert is_pinged(machine, "far", "10.0.100.2")


def test_the_hosts_own_vlan_is_known(machine):
    """An ARP request in a VLAN that the switch has no port for reaches the host all the same."""
    machine.do("ip -n far link add link eth0 name v200 type vlan id 200")
    machine.do("ip -n far addr add 10.0.200.1/24 dev v200 && ip -n far link set v200 up")
    machine.do("ip link add link eth1 name v200 type vlan id 200")
    machine.do("ip addr add 10.0.200.3/24 dev v200 && ip link set v200 up")
    assert is_pinged(machine, "far", "10.0.200.3")


def test_the_host_has_its_nic_again(machine):
    shunt(machine, "port del up0")
    assert is_pinged(machine, "far", "10.0.0.3")
    assert is_pinged(machine, "far", "10.0.200.3")  # the driver takes tags off again
