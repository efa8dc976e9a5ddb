# SPDX-License-Identifier: BSD-3-Clause
"""Uplinks on a NIC by its PCI address: shuntd inside an emulated machine with an IOMMU, two igb NICs,
an e1000e and a virtio one, all on one wire. The kernel keeps the first, 10.0.0.1, and 10.0.1.1 in VLAN
100; the switch gets one of the others, or a virtual function of the first. Its internal port, 10.0.0.2,
is in a namespace; its port vm, in VLAN 100, is a guest's. Teams, too, with such a NIC among their
devices, and against bonding, which this kernel has."""

import json
import os
import re
import subprocess

import pytest

from daemon import SHUNT, SHUNTD, TOP, wait_for
from guest import MACHINE, Machine, Monitor

KERNELS, OURS, FUNCTION = "0000:01:00.0", "0000:02:00.0", "0000:01:10.0"
# A wire each: one NIC of the switch's, one of the kernel's for a bond at the other end.
WIRES = {"0000:05:00.0": "0000:06:00.0", "0000:07:00.0": "0000:08:00.0"}
NICS = {"igb": (OURS, "n1"), "e1000e": ("0000:03:00.0", "n8"), "virtio": ("0000:04:00.0", "n9")}
CONFIG = """memory: { size: 64M, hugepages: off }
workers: { cpus: [ 0, 1 ] }
bridges: [ { name: br0 } ]
ports:
  - { name: in0, bridge: br0, type: internal, vlan: 0 }
  - { name: vm, bridge: br0, vlan: 100 }
"""
GUEST = "vm.sock 02:00:00:00:00:0a 10.0.1.9 10.0.1.1"


def nic(slot, device, options="", hub=0):
    """Words of QEMU for one more NIC on a wire."""
    return ["-device", f"pcie-root-port,id=rp{slot},chassis={slot + 1}",
            "-netdev", f"hubport,hubid={hub},id=n{slot}",
            "-device", f"{device},bus=rp{slot},netdev=n{slot},mac=02:00:00:00:01:0{slot}{options}"]


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    subprocess.run([os.path.join(TOP, "tests", "lib", "guest-machine"), MACHINE], check=True)
    folder = str(tmp_path_factory.mktemp("machine"))
    qmp = os.path.join(folder, "qmp")
    machine = Machine("pci", folder, more=[
        *nic(8, "e1000e"), *nic(9, "virtio-net-pci", ",disable-legacy=on,iommu_platform=on"),
        *(word for i in range(4) for word in nic(4 + i, "igb", hub=1 + i // 2)),
        *Monitor.words(qmp)])
    try:
        machine.ready()
        machine.monitor = Monitor(qmp)
        machine.load("igb", "igbvf", "vfio-pci", "tun", "8021q")
        text = CONFIG.replace("\n", "\\n")
        for line in ("ip link set eth0 up", "ip addr add 10.0.0.1/24 dev eth0",
                     "ip link add link eth0 name eth0.100 type vlan id 100",
                     "ip addr add 10.0.1.1/24 dev eth0.100", "ip link set eth0.100 up", "mkdir /tmp/state",
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


@pytest.fixture(autouse=True)
def no_uplink_is_left(machine):
    yield
    shunt(machine, "port del up0")


def shunt(machine, *words):
    return machine.run(f"{SHUNT} {' '.join(words)}", 60)


def add_uplink(machine, address, *options):
    return shunt(machine, "port add up0 --bridge br0 --type uplink --trunk all --device",
                 f"pci:{address}", *options)


def shown(machine, *words):
    status, output = shunt(machine, "-j", *words)
    assert status == 0, output
    return json.loads(output)


def give_to_vfio(machine, address):
    device = f"/sys/bus/pci/devices/{address}"
    machine.do(f"echo vfio-pci >{device}/driver_override")
    machine.do(f"[ ! -e {device}/driver ] || echo {address} >{device}/driver/unbind")
    machine.do(f"echo {address} >/sys/bus/pci/drivers_probe")
    assert machine.do(f"readlink {device}/driver").strip().endswith("/vfio-pci")


def interface_of(machine, address):
    """The kernel's interface of a NIC that its own driver has, or gets here."""
    device = f"/sys/bus/pci/devices/{address}"
    machine.do(f"echo >{device}/driver_override")
    machine.run(f"readlink {device}/driver | grep -q '/igb$' || "
                f"echo {address} >{device}/driver/unbind")
    machine.do(f"[ -e {device}/driver ] || echo {address} >/sys/bus/pci/drivers_probe")
    return machine.do(f"ls {device}/net").strip()


def link_is(machine, state):
    wait_for(lambda: shown(machine, "port show up0")["link"] == state, 20, f"link {state}", 0.2)


def is_pinged(machine):
    status, output = machine.run("ip netns exec x ping -q -c 3 -i 0.2 -W 2 10.0.0.1", 30)
    return status == 0 and " 0% packet loss" in output


def finds_by_multicast(machine):
    """IPv6's neighbour discovery of in0 asks a group that is in0's alone."""
    find = "$(ip -n x -6 -br addr show dev in0 scope link | grep -o 'fe80[^/]*')"
    machine.do("ip -6 neigh flush dev eth0")
    status, output = machine.run(f"ping -6 -q -c 2 -i 0.2 -W 2 {find}%eth0", 30)
    return status == 0 and " 0% packet loss" in output


def bond_answers(machine):
    status, output = machine.run("ip netns exec x ping -q -c 3 -i 0.2 -W 1 10.0.0.9", 30)
    return status == 0 and " 0% packet loss" in output


def guest_pings(machine):
    """A guest in VLAN 100 reaches the kernel's NIC through the uplink, with frames of many sizes."""
    script = os.path.join(TOP, "tests", "lib", "vhost_ping.py")
    return machine.run(f"python3 {script} /tmp/run/{GUEST} 0 1 500 1472", 90)


def set_link(machine, netdev, up):
    machine.monitor.ask("set_link", name=netdev, up=up)


def test_what_is_no_device_or_is_the_kernels_is_refused_with_what_to_do(machine):
    status, output = add_uplink(machine, OURS)
    assert status == 1 and output.count("\n") == 1
    assert ("the kernel's driver igb has it; bind it to vfio-pci: "
            f"dpdk-devbind.py --bind=vfio-pci {OURS}") in output
    assert machine.run("ip link show eth1")[0] == 0
    status, output = add_uplink(machine, "0000:7f:00.0")
    assert status == 1 and "there is no such PCI device" in output
    give_to_vfio(machine, OURS)
    machine.do(f"echo {OURS} >/sys/bus/pci/drivers/vfio-pci/unbind")
    status, output = add_uplink(machine, OURS)
    assert status == 1 and "no driver has it; bind it to vfio-pci: dpdk-devbind.py" in output


def test_a_nic_that_another_program_uses_is_refused_with_where_to_look(machine):
    give_to_vfio(machine, OURS)
    assert add_uplink(machine, OURS)[0] == 0
    machine.do("mkdir /tmp/state2 && cp /tmp/state/config.yaml /tmp/state2 && "
               "sed -i '/ports:/,$d' /tmp/state2/config.yaml")
    machine.do(f"{SHUNTD} --run-dir /tmp/run2 --state-dir /tmp/state2 >/tmp/log2 2>&1 & other=$!")
    wait_for(lambda: " ready" in machine.do("cat /tmp/log2; [ -d /proc/$other ]"), 60, "ready", 0.2)
    words = f"--run-dir /tmp/run2 port add up0 --bridge br0 --type uplink --device pci:{OURS}"
    status, output = shunt(machine, words)
    assert status == 1 and output.count("\n") == 1 and "another program may use it" in output
    command = re.search(r"'shunt (log set [^']*)'", output)[1]
    assert shunt(machine, f"--run-dir /tmp/run2 {command}")[0] == 0
    assert shunt(machine, words)[0] == 1
    assert "Device or resource busy" in machine.do("cat /tmp/log2")
    machine.do("kill $other; wait $other")
    link_is(machine, "up")
    assert is_pinged(machine)


@pytest.mark.parametrize("kind", NICS)
def test_a_nic_carries_frames_of_hosts_and_guests_and_its_link_goes_down_and_up(machine, kind):
    address, netdev = NICS[kind]
    give_to_vfio(machine, address)
    status, output = add_uplink(machine, address)
    assert status == 0, output
    link_is(machine, "up")
    assert is_pinged(machine)
    assert guest_pings(machine) == (0, "")
    assert finds_by_multicast(machine)
    assert "fallback" not in shown(machine, "port show up0")
    (stats,) = shown(machine, "port stats up0 --hw")
    assert stats["hw"]["rx_good_packets"] >= stats["rx_packets"] > 0
    assert stats["hw"]["tx_good_packets"] > 0
    text = shunt(machine, "port stats up0 --hw")[1]
    assert "up0 hw tx_good_packets" in text and " hw " not in shunt(machine, "port stats up0")[1]
    assert "hw" not in shown(machine, "port stats in0 --hw")[0]
    set_link(machine, netdev, False)
    link_is(machine, "down")
    assert not is_pinged(machine)
    set_link(machine, netdev, True)
    link_is(machine, "up")
    wait_for(lambda: is_pinged(machine), 30, "frames again", 0.2)
    assert shunt(machine, "port del up0")[0] == 0


def test_a_capture_shows_what_a_nic_receives_and_sends_with_its_tags(machine):
    give_to_vfio(machine, OURS)
    status, output = add_uplink(machine, OURS)
    assert status == 0, output
    link_is(machine, "up")
    for name, options in (("both", ""), ("in", "--dir in")):
        machine.do(f"{SHUNT} capture up0 -w /tmp/{name}.pcapng {options} -f 'vlan 100 and icmp' "
                   f"2>/tmp/{name}.said & {name}=$!")
    wait_for(lambda: machine.do("cat /tmp/log").count("capture of port 'up0': begun") == 2, 20,
             "the captures", 0.2)
    assert guest_pings(machine) == (0, "")
    machine.do("kill -INT $both $in; wait $both && wait $in")
    both, received = (machine.do(f"tcpdump -enr /tmp/{name}.pcapng 2>/dev/null").splitlines()
                      for name in ("both", "in"))
    n = len(received)  # of four pings, unless one was asked for again
    assert n >= 4 and all("vlan 100" in r and "echo reply" in r for r in received)
    assert [b for b in both if "echo reply" in b] == received and len(both) >= 2 * n
    assert f"{n} frames captured, 0 lost" in machine.do("cat /tmp/in.said")
    assert shunt(machine, "port del up0")[0] == 0


def test_a_nic_can_be_given_back_and_taken_again(machine):
    status, output = add_uplink(machine, OURS)
    assert status == 0, output
    link_is(machine, "up")
    assert is_pinged(machine)
    assert shunt(machine, "port del up0")[0] == 0
    assert not is_pinged(machine)


def test_what_a_nic_receives_is_spread_over_the_workers(machine):
    status, output = add_uplink(machine, OURS, "--queues 2")
    assert status == 0, output
    link_is(machine, "up")
    assert is_pinged(machine)
    port = shown(machine, "port show up0")
    assert port["rx_queues"] == 2 and "fallback" not in port
    shunt(machine, "worker stats --clear")
    machine.do("python3 -c 'import socket; s = socket.socket(2, 2); "
               "[s.sendto(b\"x\", (\"10.0.0.2\", p)) for p in range(2000, 2200)]'")
    wait_for(lambda: all(w["rx_packets"] > 20 for w in shown(machine, "worker stats")), 20,
             "frames at both workers", 0.2)
    assert shunt(machine, "port set up0 --queues 8")[0] == 0
    link_is(machine, "up")
    assert is_pinged(machine)
    assert shunt(machine, "port del up0")[0] == 0


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
    wait_for(lambda: machine.run(f"[ -e /sys/bus/pci/devices/{FUNCTION}/driver ]")[0] == 0, 20,
             "igbvf has the function", 0.2)
    status, output = add_uplink(machine, FUNCTION)
    command = f"shunt sriov bind {KERNELS} --vf 0 --driver vfio-pci"
    assert status == 1 and f"the kernel's driver igbvf has it; bind it to vfio-pci: {command}" in output
    assert shunt(machine, command.removeprefix("shunt "))[0] == 0
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


@pytest.fixture
def peer(machine):
    """The namespace of another host; no address of an earlier one is known any more."""
    machine.load("veth", "bonding")
    machine.do("ip netns add p && ip -n x neigh flush all")
    yield "p"
    shunt(machine, "port del up0")
    # Physical interfaces come back to the first namespace when theirs ends.
    machine.run("ip link del sw1; ip link del sw2; ip netns del p")


@pytest.mark.parametrize("team, bond", [
    ("active-backup --primary sw1", "active-backup"), ("balance-tcp", "balance-xor"),
    ("lacp --lacp-rate fast", "802.3ad lacp_rate fast")])
def test_a_team_and_linux_bonding_are_one_link_that_outlives_each_wire(machine, peer, team, bond):
    for i in (1, 2):
        machine.do(f"ip link add sw{i} type veth peer name p{i} netns {peer} && ip link set sw{i} up")
    machine.do(f"ip -n {peer} link add bond0 type bond mode {bond} miimon 20")
    for i in (1, 2):
        machine.do(f"ip -n {peer} link set p{i} master bond0")
    if bond == "active-backup":
        machine.do(f"ip -n {peer} link set bond0 type bond primary p1")
    machine.do(f"ip -n {peer} link set bond0 up && ip -n {peer} addr add 10.0.0.9/24 dev bond0")
    status, output = shunt(machine, "port add up0 --bridge br0 --type uplink --trunk all --devices",
                           "packet:sw1,packet:sw2 --failback-delay-ms 0 --team", team)
    assert status == 0, output

    wait_for(lambda: bond_answers(machine), 30, "the first ping")
    for i in (1, 2) if bond == "active-backup" else (1,):
        machine.do(f"ip -n {peer} link set p{i} down")
        wait_for(lambda: f"packet:sw{i} down" in shunt(machine, "port show up0")[1], 20, "no link",
                 0.2)
        wait_for(lambda: bond_answers(machine), 30, f"a ping without wire {i}")
        machine.do(f"ip -n {peer} link set p{i} up")
        wait_for(lambda: f"packet:sw{i} down" not in shunt(machine, "port show up0")[1], 30,
                 "the link is back", 0.2)
        wait_for(lambda: bond_answers(machine), 30, f"a ping with wire {i} again")


@pytest.mark.parametrize("kind", ["pci", "xdp"])
def test_lacp_with_linux_bonding_by_nics(machine, peer, kind):
    """Each NIC of the team has one of the bond's at the other end of its wire."""
    ours, theirs = list(WIRES), [interface_of(machine, address) for address in WIRES.values()]
    machine.do(f"ip -n {peer} link add bond0 type bond mode 802.3ad lacp_rate fast miimon 20")
    for name in theirs:
        machine.do(f"ip link set {name} netns {peer} && ip -n {peer} link set {name} master bond0")
    machine.do(f"ip -n {peer} link set bond0 up && ip -n {peer} addr add 10.0.0.9/24 dev bond0")
    if kind == "pci":
        for address in ours:
            give_to_vfio(machine, address)
        devices = [f"pci:{address}" for address in ours]
    else:
        names = [interface_of(machine, address) for address in ours]
        for name in names:
            machine.do(f"ip link set {name} up")
        devices = [f"xdp:{name}" for name in names]
    status, output = shunt(machine, "port add up0 --bridge br0 --type uplink --trunk all --devices",
                           ",".join(devices), "--team lacp --lacp-rate fast --failback-delay-ms 0")
    assert status == 0, output

    def members():
        return {m["device"]: m for m in shown(machine, "uplink show up0")["members"]}

    def in_use():
        return [d for d in devices if members()[d]["state"] == "active"]

    wait_for(lambda: in_use() == devices, 60, "both in use", 0.5)
    systems = {m["lacp"]["actor"]["system"] for m in members().values()}
    assert len(systems) == 1
    bond = machine.do(f"ip netns exec {peer} cat /proc/net/bonding/bond0")
    assert bond.count(f"system mac address: {systems.pop()}") == 2, bond
    if kind == "xdp":
        assert {m["xdp"] for m in members().values()} == {"native"}

    wait_for(lambda: bond_answers(machine), 30, "a ping")
    set_link(machine, "n4", False)
    wait_for(lambda: in_use() == devices[1:], 30, "the other alone", 0.2)
    wait_for(lambda: bond_answers(machine), 30, "a ping without the first wire")
    set_link(machine, "n4", True)
    wait_for(lambda: in_use() == devices, 60, "both in use again", 0.5)
