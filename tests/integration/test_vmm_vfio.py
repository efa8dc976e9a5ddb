# SPDX-License-Identifier: BSD-3-Clause
"""A VF in a virtual machine under shunt-vmm: guests of a stock kernel on KVM of an emulated machine
that has an igb NIC with VFs behind an IOMMU. The PF, eth0 with 10.9.0.1, is the host's."""

import json
import re

import pytest

from daemon import SHUNT, SHUNTD, SMALL, SRIOV, wait_for
from docs import blocks
from guest import MACHINE
from nested import NESTED, VMM, NestedGuest, NestedMachine
from sriov import CHANGE_S, SYS, VFS

MACS = [f"02:00:00:00:02:0{i}" for i in range(3)]
SHARED = ("0000:03:01.0", "0000:03:02.0")  # behind one bridge: one IOMMU group
WANTED = """sriov:
  - pf: eth0
    num_vfs: 3
    drivers_autoprobe: false
    vfs:
      - { vf: "0-1", driver: vfio-pci }
""" + "".join(f'      - {{ vf: "{i}", mac: "{mac}" }}\n' for i, mac in enumerate(MACS))


class VfMachine(NestedMachine):
    def __init__(self, folder):
        super().__init__(folder, n_nics=1, more=[
            "-device", "pcie-root-port,id=rp9,chassis=9", "-device", "pcie-pci-bridge,id=pb,bus=rp9",
            *(word for i in (1, 2) for word in ("-device", f"e1000,bus=pb,addr={i}"))])

    def prepare(self):
        super().prepare()
        self.do("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
        self.load("igb", "igbvf", "vfio-pci", "e1000")
        self.write("/tmp/want.yaml", WANTED)
        self.do("ip link set eth0 up && ip addr add 10.9.0.1/24 dev eth0")
        self.do(f"{SRIOV} apply /tmp/want.yaml", CHANGE_S)
        return self

    def driver(self, address):
        return self.do(f"basename $(readlink {SYS}/{address}/driver) || true").strip()

    def vfs(self):
        return json.loads(self.do(f"{SRIOV} -j show eth0"))["vfs"]

    def refusal(self, vf, before="", options="", **fields):
        """The one line of a machine that is not started."""
        self.write("/tmp/no.json", json.dumps(
            {"kernel": "/dev/null", "serial": "off", "nics": [{"vf": vf}], **fields}))
        status, output = self.run(f"{before} {VMM} -d /tmp/no.json {options} 2>&1 </dev/null")
        assert (status, output.count("\n")) == (1, 1), output
        return output.strip()


class World:
    """The machine and a guest with VF 0, which has given up all its rights."""

    def __init__(self, factory):
        self.factory = factory

    def start(self):
        self.machine = VfMachine(str(self.factory.mktemp("machine"))).prepare()
        self.machine.do("mkdir -p /tmp/empty")
        self.guest = NestedGuest(self.machine, "a", "10.9.0.2/24", nics=[{"vf": "eth0/0"}],
                                 options="--user nobody --chroot /tmp/empty").ready(150)
        return self


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory)
    try:
        yield made.start()
    finally:
        made.machine.stop()


@pytest.fixture
def machine(world):
    return world.machine


@pytest.fixture
def guest(world):
    return world.guest


def reaches_the_pf(guest):
    wait_for(lambda: guest.pings("10.9.0.1"), 60, "an answer of the PF")


def test_guest_reaches_the_pf_with_the_address_that_was_declared(guest):
    assert guest.do("cat /sys/class/net/eth0/address") == MACS[0]
    assert guest.do("basename $(readlink /sys/class/net/eth0/device/driver)") == "igbvf"
    reaches_the_pf(guest)
    interrupts = guest.do("grep eth0 /proc/interrupts")
    assert interrupts.count("MSI") >= 2 and "IO-APIC" not in interrupts
    assert guest.ask("vm.info")["nics"] == [{"vf": "eth0/0", "device": VFS[0], "gone": False}]


def test_vm_that_has_a_vf_is_named_and_nobody_else_gets_it(machine, guest):
    pid = machine.do("echo ${pid[a]}").strip()
    assert f"shunt-vmm ({pid})" in machine.vfs()[0]["users"]
    assert "in use by another process" in machine.refusal("eth0/0")


def test_memory_of_a_machine_with_a_vf_is_locked_and_has_no_balloon(machine, guest):
    assert int(machine.do("awk '/VmLck/ {print $2}' /proc/${pid[a]}/status")) >= 128 << 10
    said = machine.do("ask a vm.balloon '{\"size\": 1048576}'")
    assert "its memory is locked for a VF" in said
    assert "nics[0] is a VF" in machine.do("ask a vm.snapshot {}")
    assert "no snapshot has a VF" in machine.refusal("eth0/1", options="--restore /tmp/empty")
    assert "memory.mergeable: a VF cannot reach" in machine.refusal(
        "eth0/1", memory={"size": "64M", "mergeable": True})


def test_vf_that_cannot_be_had_is_one_line_that_says_what_to_do(machine):
    said = machine.refusal("eth0/2")
    assert said.startswith("shunt-vmm: vf 'eth0/2': it is bound to no driver, not to vfio-pci")
    bind = re.search("'shunt (sriov bind .*)'", said)[1]
    machine.do(f"{SHUNT} {bind}", CHANGE_S)
    assert machine.driver(VFS[2]) == "vfio-pci"
    assert "see 'shunt sriov show eth0'" in machine.refusal("eth0/7")
    assert "there is no such PCI device" in machine.refusal("0000:09:00.0")
    machine.do("chmod 666 /dev/kvm /dev/vfio/vfio")
    nobody = "setpriv --reuid 65534 --clear-groups"
    assert "permission denied" in machine.refusal(VFS[2], nobody)
    machine.do(f"chmod 666 /dev/vfio/$(basename $(readlink {SYS}/{VFS[2]}/iommu_group))")
    assert "(128 MiB) cannot be locked: raise the limit" in machine.refusal(
        VFS[2], f"prlimit --memlock=65536 {nobody}", memory={"size": "128M"})


def test_group_with_a_device_of_the_host_is_refused_and_the_device_named(machine):
    ours, theirs = SHARED
    machine.do(f"echo vfio-pci >{SYS}/{ours}/driver_override; "
               f"echo {ours} >{SYS}/{ours}/driver/unbind; echo {ours} >/sys/bus/pci/drivers_probe")
    assert f"are in use by the host: {theirs} (e1000): unbind" in machine.refusal(ours)


def test_the_walk_through_of_the_page_gives_a_vf_to_a_vm(machine):
    """What the page has in other places: a kernel, a disk, the guest's address."""
    run = f"{SHUNT} --run-dir /tmp/run"
    text = dict(blocks("doc/sriov.md"))["sh vf-shunt"]
    create, *then = text.replace("\\\n", " ").splitlines()
    machine.do(f"mkdir /tmp/state /tmp/run; ln -s {MACHINE}/tree/vmlinuz {NESTED}/nested.gz /tmp/state; "
               f"cp --sparse=always {NESTED}/root.img /tmp/state/web1.raw")
    machine.write("/tmp/state/config.yaml", SMALL)
    machine.do(f"{SHUNTD} --run-dir /tmp/run --state-dir /tmp/state 2>/tmp/shuntd.log & switch=$!; "
               f"shunt() {{ {run} \"$@\"; }}")
    wait_for(lambda: machine.run(f"{run} show")[0] == 0, 60, "the switch")
    for old, new in (("512M", "128M"), ("initrd.gz", "nested.gz"), ("eth0/0", "eth0/1"),
                     ("root=/dev/vda", "quiet shunt.ip=10.9.0.3/24")):
        assert old in create
        create = create.replace(old, new)
    machine.do(f"{create} --serial off")
    said = [machine.do(line, CHANGE_S) for line in then]
    pid = json.loads(machine.do(f"{run} -j vm info web1"))["pid"]
    assert VFS[1] in said[1] and f"shunt-vmm ({pid}), vm web1" in said[2]
    assert "eth0/1" in machine.do(f"{run} vm list")
    wait_for(lambda: machine.run("ping -q -c 1 -W 2 10.9.0.3")[0] == 0, 120, "the guest answers")
    assert "its memory is locked for a VF" in machine.run(
        f"{run} vm balloon web1 --size 1M 2>&1")[1]
    machine.do(f"{run} vm kill web1; kill $switch; wait $switch", 60)


def test_vf_that_comes_back_is_one_as_before(machine):
    assert (machine.vfs()[1]["users"], machine.vfs()[1]["mac"]) == (None, MACS[1])
    machine.do(f"{SRIOV} bind eth0 --vf 1 --driver igbvf", CHANGE_S)
    machine.do(f"ip netns add x; ip link set $(ls {SYS}/{VFS[1]}/net) netns x name v; "
               "ip -n x addr add 10.9.0.4/24 dev v; ip -n x link set v up")
    assert MACS[1] in machine.do("ip -n x link show v")
    wait_for(lambda: machine.run("ip netns exec x ping -q -c 1 -W 2 10.9.0.1")[0] == 0, 60,
             "an answer to the VF in a namespace")


def test_guest_has_its_vf_after_a_reboot(world):
    """QEMU, which emulates AMD-V here, now and then ends when a guest of a guest reboots: then all
    is tried once more in another machine."""
    for last in (False, False, True):
        try:
            return reboot_once(world)
        except (AssertionError, OSError):
            if last or world.machine.process.poll() is None:
                raise
        world.machine.stop()
        world.start()


def reboot_once(world):
    world.machine.do("echo reboot -f >/tmp/a.in")
    world.guest.ready(150)
    reaches_the_pf(world.guest)
    info = world.guest.ask("vm.info")
    assert (info["resets"], info["nics"][0]["gone"]) == (1, False)


def test_guest_runs_on_without_its_vf_when_the_host_takes_it_back(machine, guest):
    machine.do(f"echo {VFS[0]} >{SYS}/{VFS[0]}/driver/unbind", CHANGE_S)
    assert guest.ask("vm.info")["nics"][0]["gone"]
    assert f"the host takes {VFS[0]} back" in machine.do("cat /tmp/a.log")
    assert guest.do("echo it runs") == "it runs"
    guest.ask("vm.kill")
    assert guest.end() == 0
