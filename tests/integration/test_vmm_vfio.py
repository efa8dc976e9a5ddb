# SPDX-License-Identifier: BSD-3-Clause
"""A VF in a virtual machine under shunt-vmm: guests of a stock kernel on KVM of an emulated machine
that has an igb NIC with VFs behind an IOMMU. The PF, eth0 with 10.9.0.1, is the host's."""

import json
import re

import pytest

from daemon import SHUNT, SRIOV, wait_for
from nested import VMM, NestedGuest, NestedMachine
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

    def refusal(self, vf, before="", **fields):
        """The one line of a machine that is not started."""
        self.write("/tmp/no.json", json.dumps({"kernel": "/dev/null", "nics": [{"vf": vf}], **fields}))
        status, output = self.run(f"{before} {VMM} -d /tmp/no.json 2>&1 </dev/null")
        assert (status, output.count("\n")) == (1, 1), output
        return output.strip()


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    made = VfMachine(str(tmp_path_factory.mktemp("machine")))
    try:
        yield made.prepare()
    finally:
        made.stop()


def guest_with_vf(machine):
    machine.do("mkdir -p /tmp/empty")
    return NestedGuest(machine, "a", "10.9.0.2/24", nics=[{"vf": "eth0/0"}],
                       options="--user nobody --chroot /tmp/empty")


@pytest.fixture(scope="module")
def guest(machine):
    return guest_with_vf(machine).ready(150)


def test_guest_reaches_the_pf_with_the_address_that_was_declared(machine, guest):
    assert guest.do("cat /sys/class/net/eth0/address") == MACS[0]
    assert guest.do("basename $(readlink /sys/class/net/eth0/device/driver)") == "igbvf"
    wait_for(lambda: guest.pings("10.9.0.1"), 60, "an answer of the PF")
    interrupts = guest.do("grep eth0 /proc/interrupts")
    assert interrupts.count("MSI") >= 2 and "IO-APIC" not in interrupts
    assert guest.ask("vm.info")["nics"] == [{"vf": "eth0/0", "device": VFS[0], "gone": False}]
