# SPDX-License-Identifier: BSD-3-Clause
"""shunt-vmm: how long it takes to its guest's first instruction, here, and beside QEMU's smallest
machine, on KVM of one emulated machine, how long a distribution's kernel takes to boot in it and how
much memory it needs for itself."""

import json
import os
import statistics
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from guest import GUEST  # noqa: E402
from nested import VMM, NestedMachine, quote  # noqa: E402
from process import Failed  # noqa: E402
from vmm import POWEROFF, assemble, elf  # noqa: E402

BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot.py")
N_STARTS = 20
MEMORY_MIB = 256
CMDLINE = "console=ttyS0 panic=-1 quiet rdinit=/bin/busybox -- echo --BOOTED--"
KERNEL = f"{GUEST}/vmlinuz"
INITRD = f"{GUEST}/initrd.gz"
FIRST_WORD = "mov $0x3f8, %edx\n mov $'!', %al\n out %al, %dx\n"
SHUNT = [VMM, "--kernel", KERNEL, "--initrd", INITRD, "--memory", f"{MEMORY_MIB}M", "--serial",
         "stdio", "--cmdline", CMDLINE]
# As QEMU's own documentation makes it smallest; of its firmwares the one that starts sooner.
MICROVM = ["qemu-system-x86_64", "-M",
           "microvm,accel=kvm,x-option-roms=off,pit=off,pic=off,rtc=off", "-bios", "qboot.rom",
           "-cpu", "host", "-m", f"{MEMORY_MIB}M", "-nodefaults", "-no-user-config", "-no-reboot",
           "-display", "none", "-serial", "stdio", "-kernel", KERNEL, "-initrd", INITRD,
           "-append", CMDLINE]


def _start_ms(argv):
    """From exec to what the guest's third instruction says."""
    begin = time.perf_counter()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as vmm:
        said = vmm.stdout.read(1)
        ms = (time.perf_counter() - begin) * 1e3
        if said != b"!":
            raise Failed(f"shunt-vmm: {vmm.stderr.read().decode()}")
    return ms


def starts(report, build, runs, folder):
    """The guest's kernel is three instructions, in a file as large as a distribution's."""
    print("\nFrom exec to the guest's first instruction")
    path = os.path.join(folder, "tiny")
    with open(path, "wb") as f:
        f.write(elf(assemble(FIRST_WORD + POWEROFF).ljust(os.path.getsize(KERNEL), b"\0")))
    argv = [os.path.join(build, "vmm", "shunt-vmm"), "--slow-kvm", "--kernel", path, "--initrd",
            INITRD, "--memory", f"{MEMORY_MIB}M", "--serial", "stdio"]
    times = [statistics.median(_start_ms(argv) for _ in range(N_STARTS)) for _ in range(runs)]
    report.promise("ms from exec to the guest's first instruction",
                   report.series("exec to first instruction", "ms", times), 20, False)


def _boot(machine, argv):
    """{"ms", "kib"} of one boot in the machine."""
    line = " ".join(map(quote, ["python3", BOOT, str(MEMORY_MIB << 20), *argv]))
    _, output = machine.run(line + " 2>/dev/null", 150)
    try:
        result = json.loads(output)
    except ValueError:
        raise Failed(f"{argv[0]}: {output}") from None
    if "failed" in result:
        raise Failed(f"{argv[0]}: {result['failed']}")
    return result


def boots(report, _, runs, folder):
    print("\nA distribution's kernel from exec to its init, on KVM of an emulated machine")
    machine = NestedMachine(folder)
    try:
        machine.prepare()
        # Once unmeasured: then their files are in the machine's memory.
        _boot(machine, SHUNT), _boot(machine, MICROVM)
        ours, peers = zip(*((_boot(machine, SHUNT), _boot(machine, MICROVM)) for _ in range(runs)))
    finally:
        machine.stop()
    for name, results in (("shunt-vmm", ours), ("QEMU microvm", peers)):
        report.series(f"boot, {name}", "ms", [r["ms"] for r in results])
        report.series(f"beside the guest's memory, {name}", "MiB", [r["kib"] / 1024 for r in results])
    report.ratio("time to init against QEMU microvm", [r["ms"] for r in ours],
                 [r["ms"] for r in peers], 1.1, False)
    report.promise("MiB of the process beside its guest's memory",
                   max(r["kib"] for r in ours) / 1024, 8, False)


def run(report, build, runs, folder):
    starts(report, build, runs, folder)
    boots(report, build, runs, folder)
