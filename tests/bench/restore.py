# SPDX-License-Identifier: BSD-3-Clause
"""How long a snapshot of shunt-vmm takes to run again, with little and with much of its memory
touched. The guest is a few instructions long, so that KVM that interprets it is no part of the
figure; an initial RAM disk fills its memory. The files are in the page cache."""

import os
import re
import select
import shutil
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from process import Failed  # noqa: E402

MEMORY = "256M"
TOUCHED = {"8 MiB": 8 << 20, "224 MiB": 224 << 20}
PROMISE_MS = 50
WAIT_S = 30


def _words(folder):
    return ["--initrd", os.path.join(folder, "initrd"), "--memory", MEMORY]


def _make(vmm, folder, n_bytes):
    """A snapshot of a machine with so much of its memory in use."""
    os.mkdir(folder)
    with open(os.path.join(folder, "initrd"), "wb") as f:
        f.write(os.urandom(n_bytes))
    machine = vmm.Vmm(folder, vmm.elf(vmm.assemble(vmm.COUNTER)), *_words(folder))
    try:
        since = time.monotonic()
        reply = machine.snapshot(os.path.join(folder, "snapshot"))
        taken_ms = 1000 * (time.monotonic() - since)
        if "result" not in reply:
            raise Failed(f"no snapshot: {reply}")
        shutil.copy(os.path.join(machine.folder, "kernel"), folder)
    finally:
        machine.end()
    return taken_ms


def _restore(vmm, folder):
    """(ms to the guest's first word, ms to its run as the process says, ms to all of its memory)"""
    argv = [vmm.VMM, "--slow-kvm", "--kernel", os.path.join(folder, "kernel"), "--serial", "stdio",
            *_words(folder), "--restore", os.path.join(folder, "snapshot")]
    since = time.monotonic()
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    try:
        process.stdin.write(b"+")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], WAIT_S)[0]:
            raise Failed("the guest does not go on")
        said_ms = 1000 * (time.monotonic() - since)
        log = ""
        while "has all of its memory" not in log:
            if not select.select([process.stderr], [], [], WAIT_S)[0]:
                raise Failed(f"its memory does not come: {log}")
            log += os.read(process.stderr.fileno(), 4096).decode()
    finally:
        process.kill()
        process.communicate()
    runs, whole = (float(re.search(f"{what} after ([0-9.]+) ms", log).group(1))
                   for what in ("goes on from its snapshot", "has all of its memory"))
    return said_ms, runs, whole


def run(report, build, runs, folder):
    os.environ["SHUNT_BUILD"] = build
    import vmm  # it looks for the program when it is loaded

    print(f"a snapshot of a machine with {MEMORY} of memory runs again, touched:")
    for what, n_bytes in TOUCHED.items():
        place = os.path.join(folder, f"restore-{n_bytes}")
        report.series(f"{what}: taking it", "ms", [_make(vmm, place, n_bytes)])
        said, goes_on, whole = zip(*(_restore(vmm, place) for _ in range(runs)))
        median = report.series(f"{what}: from exec to the guest's first word", "ms", said)
        report.series(f"{what}: from main to a guest that runs", "ms", goes_on)
        report.series(f"{what}: from main to all of its memory", "ms", whole)
        report.promise(f"a snapshot of a 256 MiB guest, {what} of it touched, runs again (ms)",
                       median, PROMISE_MS, at_least=False)
        shutil.rmtree(place)
