# SPDX-License-Identifier: BSD-3-Clause
"""A machine whose NICs have virtual functions, and shunt-sriov in it.

What the tests hold shunt-sriov to is what iproute2 and sysfs say; both are used here by hand."""

import json
import os
import shlex
import subprocess

from daemon import SRIOV, TOP, wait_for
from guest import MACHINE, Machine, Monitor

SYS = "/sys/bus/pci/devices"
PF, OTHER, NVME = "0000:01:00.0", "0000:02:00.0", "0000:03:00.0"
VFS = [f"0000:01:{slot}" for slot in ("10.0", "10.2", "10.4", "10.6", "11.0", "11.2", "11.4")]
N_VFS = 4  # that a test finds
MODULES = ("igb", "igbvf", "vfio-pci", "nvme")
CHANGE_S = 60  # a change of igb's number of VFs takes seconds where nothing else runs


class SriovMachine(Machine):
    """Two ports of igb on one wire, eth0 and eth1, and an nvme controller, each with VFs."""

    def __init__(self, folder):
        self.qmp = os.path.join(folder, "qmp")
        super().__init__("sriov", folder, more=[
            "-device", "pcie-root-port,id=rp8,chassis=9", "-device", "nvme-subsys,id=s0",
            "-device", "nvme,serial=n0,bus=rp8,subsys=s0,sriov_max_vfs=4,sriov_vq_flexible=8,"
                       "sriov_vi_flexible=4", *Monitor.words(self.qmp)])

    def ready(self, seconds=120):
        super().ready(seconds)
        self.do("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
        self.load(*MODULES)
        return self

    def tool(self, *words, status=0, seconds=CHANGE_S, program=SRIOV):
        """What shunt-sriov prints; of one that fails, its one line of complaint."""
        line = " ".join(shlex.quote(str(w)) for w in words)
        done, output = self.run(f"{program} {line} 2>/tmp/stderr", seconds)
        complaint = self.do("cat /tmp/stderr")
        assert done == status, f"shunt-sriov {line}: exit {done}: {output}{complaint}"
        if status:
            assert complaint.count("\n") == 1, complaint
            return complaint
        return output

    def json(self, *words):
        return json.loads(self.tool("-j", *words))

    def file(self, text, name="want"):
        """A file with the key sriov: what eth0 shall be."""
        path = f"/tmp/{name}.yaml"
        self.write(path, "sriov:\n" + text)
        return path

    def vfs(self, netdev="eth0"):
        """The VFs as iproute2 tells them."""
        return json.loads(self.do(f"ip -d -j link show {netdev}"))[0].get("vfinfo_list", [])

    def vf(self, index=0):
        return self.vfs()[index]

    def n_vfs(self, address=PF):
        return int(self.do(f"cat {SYS}/{address}/sriov_numvfs"))

    def set_n_vfs(self, n, address=PF):
        """By hand, with no driver bound to a new one."""
        self.do(f"cd {SYS}/{address}; echo 0 >sriov_drivers_autoprobe; [ $(cat sriov_numvfs) = {n} ] || "
                f"{{ echo 0 >sriov_numvfs; echo {n} >sriov_numvfs; }}; cd /", CHANGE_S)

    def driver(self, address):
        return os.path.basename(self.do(f"readlink {SYS}/{address}/driver || true").strip())

    def netdev(self, address):
        return self.do(f"ls {SYS}/{address}/net").strip()

    def reset(self):
        """eth0 up with VFs that have no driver and the driver's own settings."""
        self.do(f"ip link set eth0 up; cd /; for a in {SYS}/0000:01:1*; do [ -e $a ] || continue; "
                "[ ! -e $a/driver ] || echo ${a##*/} >$a/driver/unbind; "
                "echo >$a/driver_override; done", CHANGE_S)
        self.set_n_vfs(N_VFS)
        self.wait_for_link()  # igb takes no rate without
        self.write("/tmp/reset", "".join(
            f"link set eth0 vf {i} {words}\n" for i in range(N_VFS) for words in
            ("mac 00:00:00:00:00:00 vlan 0 spoofchk on", "trust off", "max_tx_rate 0")))
        self.do("ip -batch /tmp/reset")

    def wait_for_link(self):
        """igb loses its link when VFs are made."""
        wait_for(lambda: self.run("grep -q 1 /sys/class/net/eth0/carrier 2>/dev/null")[0] == 0,
                 CHANGE_S, "eth0 has a carrier", 0.1)

    def hold(self, address):
        """A program that has a VF of vfio-pci open: its name and process id."""
        group = os.path.basename(self.do(f"readlink {SYS}/{address}/iommu_group").strip())
        pid = self.do(f"tail -f /dev/null 9<>/dev/vfio/{group} & echo $!").strip()
        wait_for(lambda: f"/dev/vfio/{group}" in self.run(f"readlink /proc/{pid}/fd/9")[1]
                 and "tail" in self.do(f"cat /proc/{pid}/comm"), 20, "the VF is open", 0.1)
        return "tail", pid

    def end(self, pid):
        self.do(f"kill {pid}; wait {pid}; true")

    def register(self, address, offset):
        """A register of the emulated NIC, which the kernel does not let others map."""
        bar = int(self.do(f"head -n 1 {SYS}/{address}/resource").split()[0], 16)
        monitor = Monitor(self.qmp)
        try:
            answer = monitor.ask("human-monitor-command",
                                 **{"command-line": f"xp /1xw {bar + offset:#x}"})
            return int(answer.split()[-1], 16)
        finally:
            monitor.close()


class Watch:
    """shunt-sriov --watch on a file, in the background; with a log."""

    def __init__(self, machine, path, *words):
        self.machine = machine
        self.pid = machine.do(f"{SRIOV} --watch -c {path} {' '.join(words)} >/tmp/watch 2>&1 & "
                              "echo $!").strip()

    def log(self):
        return self.machine.do("cat /tmp/watch")

    def waits_for(self, condition, what, seconds=CHANGE_S):
        def holds():
            assert self.machine.run(f"[ -d /proc/{self.pid} ]")[0] == 0, self.log()
            return condition()
        try:
            wait_for(holds, seconds, what, 0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def stop(self):
        status, _ = self.machine.run(f"kill {self.pid}; wait {self.pid}")
        return status


def make_machine(folder):
    subprocess.run([os.path.join(TOP, "tests", "lib", "guest-machine"), MACHINE], check=True)
    return SriovMachine(folder)
