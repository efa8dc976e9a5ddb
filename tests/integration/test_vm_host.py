# SPDX-License-Identifier: BSD-3-Clause
"""What a virtual machine takes of its host, on an emulated machine with two NUMA nodes, KVM and
systemd as the init of all that is tested: its cgroup, its memory's node, page size and sharing, and
its share of a CPU."""

import base64
import json
import os
import re

import pytest

from daemon import BUILD, SHUNT, SHUNTD, SMALL, TOP, wait_for
from nested import NestedMachine, quote
from vmm import POWEROFF, assemble, elf

DEMO = os.path.join(TOP, "tests", "demo.py")
MIB = 1 << 20
NODES = ["-object", "memory-backend-ram,id=r0,size=2G", "-numa", "node,memdev=r0,cpus=0-1",
         "-object", "memory-backend-ram,id=r1,size=2G", "-numa", "node,memdev=r1"]
N_EQUAL = 4 * MIB  # bytes of pages that are alike
# Of each page that a guest of KVM touches the host has one: this one touches memory at 16 MiB.
SLEEPER = elf(assemble("movb $1, 0x1000000\n1:      hlt\n        jmp 1b" + POWEROFF))
EQUAL = elf(assemble("1:      hlt\n        jmp 1b" + POWEROFF).ljust(4096 + N_EQUAL, b"\xaa"))
BUSY = elf(assemble("1:      jmp 1b" + POWEROFF))
# systemd alone with a bus: no service of the host's that this one copies its files from.
TARGET = "[Unit]\nDefaultDependencies=no\nWants=dbus.socket\n"
UNITS = "dbus.service", "dbus.socket", "machine.slice"


class Host(NestedMachine):
    """systemd with a shuntd in it; no more of the machine's processes are systemd's."""

    def __init__(self, folder):
        super().__init__(folder, memory="4096M", more=NODES,
                         cmdline="hugepagesz=1G hugepages=1:1")

    def prepare(self):
        super().prepare()
        self.start_systemd()
        for name, image in (("sleeper", SLEEPER), ("equal", EQUAL), ("busy", BUSY)):
            self.do(f"echo {base64.b64encode(image[:8192]).decode()} | base64 -d >/tmp/{name}")
        self.do(f"head -c {len(EQUAL) - 8192} /dev/zero | tr '\\0' '\\252' >>/tmp/equal")
        self.do("mkdir -p /tmp/run /tmp/state")
        self.write("/tmp/state/config.yaml", SMALL)
        self.do(f"within {SHUNTD} --log-level info --run-dir /tmp/run --state-dir /tmp/state "
                "2>/tmp/shuntd.log &")
        self.until(f"{SHUNT} --run-dir /tmp/run show", "shuntd")
        return self

    def start_systemd(self):
        self.do("mkdir /tmp/units")
        for unit in UNITS:
            self.do(f"sed 's/^.Unit.$/&\\nDefaultDependencies=no/' /usr/lib/systemd/system/{unit} "
                    f">/tmp/units/{unit}")
        self.write("/tmp/units/test.target", TARGET)
        self.do("env -i container=test SYSTEMD_UNIT_PATH=/tmp/units PATH=$PATH unshare -p -f -m -C "
                "--mount-proc sh -c 'mount -t cgroup2 none /sys/fs/cgroup && exec "
                "/lib/systemd/systemd --unit=test.target' >/tmp/systemd.log 2>&1 & outside=$!")
        self.until("test -S /run/dbus/system_bus_socket", "systemd")
        self.do("inside=$(pgrep -P $outside); "
                "within() { nsenter -t $inside -p -m -C -r -w \"$@\"; }")

    def until(self, line, what):
        wait_for(lambda: self.run(f"{line} >/dev/null 2>&1")[0] == 0, 60, what)

    def shunt(self, *words):
        return self.do(f"{SHUNT} --run-dir /tmp/run " + " ".join(map(quote, words)), 60)

    def create(self, name, *words, kernel="sleeper"):
        """Make a virtual machine and start it; returns its process id in the machine."""
        self.shunt("vm", "create", name, "--kernel", f"/tmp/{kernel}", *words)
        self.shunt("vm", "start", name)
        return self.do(f"pgrep -f /tmp/run/vm/{name}.sock").strip()

    def info(self, name):
        return json.loads(self.shunt("-j", "vm", "info", name))

    def delete(self, *names):
        for name in names:
            self.shunt("vm", "kill", name)
            self.shunt("vm", "del", name)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    made = Host(str(tmp_path_factory.mktemp("host")))
    try:
        yield made.prepare()
    finally:
        made.stop()


def test_process_is_in_a_scope_of_its_own_while_it_lives(machine):
    scope = "shunt-vm-web1.scope"
    pid = machine.create("web1", "--memory", "size=32M")
    machine.until(f"grep -x 0::/machine.slice/{scope} /proc/{pid}/cgroup", "the scope")
    assert "Description=Virtual machine web1" in machine.do(
        f"within systemctl show -p Description {scope}")
    machine.delete("web1")
    machine.until(f"! within systemctl is-active {scope}", "an end of the scope")
    assert f"VM 'web1': in {scope}" in machine.do("cat /tmp/shuntd.log")


def test_demo_runs_its_guests_in_shunt_vmm(machine):
    """Its network is made of veth pairs and a bridge."""
    machine.load("veth", "bridge", "8021q")
    status, said = machine.run(f"SHUNT_BUILD={BUILD} within python3 {DEMO} --vmm --exit "
                               "</dev/null 2>&1", 150)
    assert status == 0, said[-3000:]
    assert said.count("  ok  ") == 9 and "FAIL" not in said
    assert "Linux in shunt-vmm" in said and re.search("vm-b *running", said)
    assert machine.run("pgrep shunt-vmm")[0] == 1


def test_demo_with_shunt_vmm_that_is_interrupted_leaves_nothing(machine):
    """While it starts its guests, as Ctrl-C at a terminal does: all of its processes at once."""
    names = "ip -br link | cut -d ' ' -f 1; within ip netns list; pgrep -c shuntd"
    before = machine.do(names)
    machine.do("mkdir /tmp/demo")
    machine.do(f"SHUNT_BUILD={BUILD} TMPDIR=/tmp/demo within env --default-signal=INT setsid python3 "
               f"{DEMO} --vmm </dev/null >/tmp/demo.out 2>&1 & demo=$!")
    machine.until("test $(pgrep -c shunt-vmm) = 2", "the second guest")
    machine.do(f"kill -INT -- -$(pgrep -f '^python3 {DEMO}')")
    status, said = machine.run("wait $demo; status=$?; cat /tmp/demo.out; (exit $status)", 60)
    assert status == 130 and "Traceback" not in said, said[-3000:]
    machine.until("! pgrep shunt-vmm", "an end of all guests")
    assert machine.do(names) == before
    assert machine.do("ls -A /tmp/demo") == ""
    machine.until("! within systemctl list-units --plain --no-legend 'shunt-vm-*' | grep .",
                  "an end of all scopes")


def test_memory_comes_from_the_numa_node_that_was_asked_for(machine):
    pid = machine.create("web1", "--memory", "size=32M,numa_node=1")
    (line,) = [line for line in machine.do(f"cat /proc/{pid}/numa_maps").splitlines()
               if "memfd:guest-memory" in line]
    assert " bind:1 " in line and " N1=" in line and " N0=" not in line
    machine.delete("web1")


def test_pages_of_1_gib_are_taken_where_they_are_reserved(machine):
    """One of them is, on the second node."""
    pid = machine.create("web1", "--memory", "size=1G,hugepages=1G,numa_node=1")
    assert machine.do(f"grep -A 30 memfd:guest-memory /proc/{pid}/smaps | "
                   "awk '/KernelPageSize/ {print $2; exit}'").strip() == str(1 << 20)
    machine.shunt("vm", "create", "web2", "--kernel", "/tmp/sleeper", "--memory",
               "size=1G,hugepages=1G")
    status, said = machine.run(f"{SHUNT} --run-dir /tmp/run vm start web2 2>&1")
    assert status == 1 and "no 1024 MiB in huge pages of 1G: reserve them" in said
    machine.shunt("vm", "del", "web2")
    machine.delete("web1")


def test_transparent_huge_pages_are_taken_where_the_host_gives_them(machine):
    machine.do("echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled")

    def huge_kib(hugepages):
        pid = machine.create("web1", "--memory", f"size=32M,hugepages={hugepages}")
        wait_for(lambda: machine.info("web1")["memory"]["resident"] > 0, 30, "a touched page")
        kib = machine.do(f"awk '/ShmemPmdMapped/ {{sum+=$2}} END {{print sum}}' /proc/{pid}/smaps")
        machine.delete("web1")
        return int(kib)

    assert huge_kib("auto") >= 2048
    assert huge_kib("off") == 0
    machine.do("echo never >/sys/kernel/mm/transparent_hugepage/shmem_enabled")


def test_equal_pages_of_mergeable_guests_are_one_page(machine):
    for name in "web1", "web2":
        machine.create(name, "--memory", "size=32M,mergeable=true", kernel="equal")
    machine.do("cd /sys/kernel/mm/ksm && echo 2000 >pages_to_scan && echo 1 >run; cd /")
    for name in "web1", "web2":
        wait_for(lambda name=name: machine.info(name)["memory"]["merged"] >= N_EQUAL // 2, 60,
                 "merged pages")
    machine.do("echo 2 >/sys/kernel/mm/ksm/run")
    machine.delete("web1", "web2")


def test_time_that_another_takes_of_its_cpu_is_told_as_stolen(machine):
    for name in "web1", "web2":
        machine.create(name, "--memory", "size=32M", "--pin", "vcpu=0,cpus=1", kernel="busy")
    for name in "web1", "web2":
        wait_for(lambda name=name: machine.info(name)["vcpus"][0]["steal_ns"] > 50_000_000, 60,
                 "stolen time")
        vcpu = machine.info(name)["vcpus"][0]
        assert vcpu["cpus"] == [1] and vcpu["run_ns"] > 0
    used = machine.info("web1")["host"]
    assert (used["cpus"], used["vcpus"], used["memory_asked"]) == (2, 2, 64 * MIB)
    machine.delete("web1", "web2")
