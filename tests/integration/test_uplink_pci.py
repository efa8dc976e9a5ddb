# SPDX-License-Identifier: BSD-3-Clause
"""Uplinks on a NIC by its PCI address: shuntd inside an emulated machine with an IOMMU and two igb
NICs on one wire. The kernel keeps the first, 10.0.0.1; the switch gets the second, or a virtual
function of the first; its internal port, 10.0.0.2, is in a namespace. Teams, too, with such a NIC
among their devices, and against bonding, which this kernel has."""

import os
import subprocess

import pytest

from daemon import SHUNT, SHUNTD, TOP, wait_for
from guest import MACHINE, Machine

KERNELS, OURS, FUNCTION = "0000:01:00.0", "0000:02:00.0", "0000:01:10.0"
CONFIG = """memory: { size: 64M, hugepages: off }
bridges: [ { name: br0 } ]
ports: [ { name: in0, bridge: br0, type: internal, vlan: 0 } ]
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    subprocess.run([os.path.join(TOP, "tests", "lib", "guest-machine"), MACHINE], check=True)
    machine = Machine("pci", str(tmp_path_factory.mktemp("machine")))
    try:
        machine.ready()
        machine.load("igb", "igbvf", "vfio-pci", "tun")
        text = CONFIG.replace("\n", "\\n")
        for line in ("ip link set eth0 up", "ip addr add 10.0.0.1/24 dev eth0", "mkdir /tmp/state",
                     f"printf '%b' '{text}' >/tmp/state/config.yaml",
                     "export SHUNT_RUN_DIR=/tmp/run",
                     f"{SHUNTD} --run-dir /tmp/run --state-dir /tmp/state >/tmp/log 2>&1 & pid=$!"):
            machine.do(line)
        wait_for(lambda: " ready" in machine.do("cat /tmp/log; [ -d /proc/$pid ]"), 60,
                 "shuntd is ready", 0.2)
        for line in ("ip netns add x", "ip link set in0 netns x", "ip -n x link set in0 up",
                     "ip -n x addr add 10.0.0.2/24 dev in0"):
            machine.do(line)
        yield machine
        machine.do("kill $pid; wait $pid", 60)
    finally:
        machine.stop()


def shunt(machine, *words):
    return machine.run(f"{SHUNT} {' '.join(words)}", 60)


def add_uplink(machine, address):
    return shunt(machine, "port add up0 --bridge br0 --type uplink --trunk all --device",
                 f"pci:{address}")


def give_to_vfio(machine, address):
    device = f"/sys/bus/pci/devices/{address}"
    machine.do(f"echo vfio-pci >{device}/driver_override")
    machine.do(f"[ ! -e {device}/driver ] || echo {address} >{device}/driver/unbind")
    machine.do(f"echo {address} >/sys/bus/pci/drivers_probe")
    assert machine.do(f"readlink {device}/driver").strip().endswith("/vfio-pci")


def link_is(machine, state):
    wait_for(lambda: f'"link": "{state}"' in shunt(machine, "-j port show up0")[1] or
             f'"link":"{state}"' in shunt(machine, "-j port show up0")[1], 20, f"link {state}", 0.2)


def is_pinged(machine):
    status, output = machine.run("ip netns exec x ping -q -c 3 -i 0.2 -W 2 10.0.0.1", 30)
    return status == 0 and " 0% packet loss" in output


def test_a_nic_that_the_kernel_has_is_refused_with_what_to_do(machine):
    status, output = add_uplink(machine, OURS)
    assert status == 1 and output.count("\n") == 1
    assert OURS in output and "vfio-pci" in output
    assert machine.run("ip link show eth1")[0] == 0


def test_a_nic_bound_to_vfio_carries_frames_and_can_be_given_back_and_taken_again(machine):
    give_to_vfio(machine, OURS)
    for _ in range(2):
        status, output = add_uplink(machine, OURS)
        assert status == 0, output
        link_is(machine, "up")
        assert is_pinged(machine)
        assert shunt(machine, "port del up0")[0] == 0
    assert not is_pinged(machine)


def test_a_device_by_its_pci_address_is_in_a_team_with_one_of_the_kernels(machine):
    machine.load("veth")
    machine.do("ip link add sw0 type veth peer name p0 && ip link set sw0 up && ip link set p0 up")
    give_to_vfio(machine, OURS)
    status, output = shunt(machine, "port add up0 --bridge br0 --type uplink --trunk all --devices",
                           f"pci:{OURS},packet:sw0", "--primary", f"pci:{OURS}")
    assert status == 0, output
    wait_for(lambda: f"pci:{OURS} active" in shunt(machine, "port show up0")[1], 20, "it is used",
             0.2)
    assert "packet:sw0 standby" in shunt(machine, "port show up0")[1]
    wait_for(lambda: is_pinged(machine), 20, "a ping")
    assert shunt(machine, "port set up0 --primary none")[0] == 0
    status, output = shunt(machine, f"uplink del up0 --device pci:{OURS}")
    assert status == 0, output
    assert not is_pinged(machine)
    assert shunt(machine, f"uplink add up0 --device pci:{OURS}")[0] == 0
    assert shunt(machine, f"port set up0 --primary pci:{OURS}")[0] == 0
    wait_for(lambda: is_pinged(machine), 20, "it is used again")
    assert shunt(machine, "port del up0")[0] == 0
    machine.do("ip link del sw0")


def test_a_virtual_function_carries_frames(machine):
    machine.do(f"echo 2 >/sys/bus/pci/devices/{KERNELS}/sriov_numvfs")
    machine.do("ip link set eth0 vf 0 mac 02:00:00:00:02:00")
    give_to_vfio(machine, FUNCTION)
    status, output = add_uplink(machine, FUNCTION)
    assert status == 0, output
    link_is(machine, "up")
    mac = "02:00:00:00:02:00"  # the function takes and sends no other address
    machine.do(f"ip -n x link set in0 address {mac}")
    # The emulated NIC shows a function its own broadcasts, and the address would move to up0.
    assert shunt(machine, f"fdb add --bridge br0 --vlan 0 --mac {mac} --port in0")[0] == 0
    # The kernel's NIC was reset for its functions, and it may know 10.0.0.2 by the address before.
    wait_for(lambda: machine.do("cat /sys/class/net/eth0/carrier").strip() == "1", 20,
             "eth0 has a carrier", 0.2)
    machine.do("ip neigh flush dev eth0")
    assert is_pinged(machine)
    assert shunt(machine, "port del up0")[0] == 0


@pytest.mark.parametrize("team, bond", [
    ("active-backup --primary sw1", "active-backup"), ("balance-tcp", "balance-xor"),
    ("lacp --lacp-rate fast", "802.3ad lacp_rate fast")])
def test_a_team_and_linux_bonding_are_one_link_that_outlives_each_wire(machine, team, bond):
    machine.load("veth", "bonding")
    machine.do("ip netns add p")
    for i in (1, 2):
        machine.do(f"ip link add sw{i} type veth peer name p{i} netns p && ip link set sw{i} up")
    machine.do(f"ip -n p link add bond0 type bond mode {bond} miimon 20")
    for i in (1, 2):
        machine.do(f"ip -n p link set p{i} master bond0")
    if bond == "active-backup":
        machine.do("ip -n p link set bond0 type bond primary p1")
    machine.do("ip -n p link set bond0 up && ip -n p addr add 10.0.0.9/24 dev bond0")
    status, output = shunt(machine, "port add up0 --bridge br0 --type uplink --trunk all --devices",
                           "packet:sw1,packet:sw2 --failback-delay-ms 0 --team", team)
    assert status == 0, output

    def answers():
        status, output = machine.run("ip netns exec x ping -q -c 3 -i 0.2 -W 1 10.0.0.9", 30)
        return status == 0 and " 0% packet loss" in output

    wait_for(answers, 30, "the first ping")
    for i in (1, 2) if bond == "active-backup" else (1,):
        machine.do(f"ip -n p link set p{i} down")
        wait_for(lambda: f"packet:sw{i} down" in shunt(machine, "port show up0")[1], 20, "no link",
                 0.2)
        wait_for(answers, 30, f"a ping without wire {i}")
        machine.do(f"ip -n p link set p{i} up")
        wait_for(lambda: f"packet:sw{i} down" not in shunt(machine, "port show up0")[1], 30,
                 "the link is back", 0.2)
        wait_for(answers, 30, f"a ping with wire {i} again")
    assert shunt(machine, "port del up0")[0] == 0
    machine.do("ip netns del p")
