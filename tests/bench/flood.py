# SPDX-License-Identifier: BSD-3-Clause
"""A small stream beside a flood by the same worker: flood.c is the four virtual machines."""

import json
import os

from load import sockets
from process import Failed, Process
from switches import Ovs, Shunt

N_PORTS, SECONDS, START_S = 4, 5, 40
PERCENTILES = ("p50", "p99", "p99.9", "max")


def flood(build, switch, folder):
    """One run. Returns what flood.c printed."""
    paths = sockets(folder, N_PORTS)
    for path in paths:
        if os.path.exists(path):
            os.unlink(path)
    vdevs = [f"--vdev=virtio_user{i},path={p},mac=02:00:00:00:00:{10 + i:02x},server=1,queues=1,"
             "queue_size=1024" for i, p in enumerate(paths)]
    guests = Process(
        [os.path.join(build, "tests", "bench", "flood"), "--lcores", "0@0", "--no-pci",
         "--in-memory", "--file-prefix=bench-flood", "--socket-mem", "256",
         "--single-file-segments", *vdevs, "--", str(SECONDS)], os.path.join(folder, "flood.log"))
    try:
        switch.start(folder, paths)
        try:
            if not guests.ends_within(SECONDS + START_S) or guests.popen.returncode:
                raise Failed(f"the flood through {switch.name} failed: {guests.tail()}")
            return {"cycles": switch.cycles(), **json.loads(guests.tail(1))}
        finally:
            switch.stop()
    finally:
        guests.stop()


def _record(report, name, results):
    """Record what the runs of a switch brought; returns (frames lost in all, median p99 in us)."""
    def series(what, unit, key):
        return report.series(f"{name}, {what}", unit, [r[key] for r in results])
    for key in ("offered", "passed"):
        series(f"flood, {key}", "Mpps", key)
    series("busy cycles", "cycles/packet", "cycles")
    _, p99, *_ = [series(f"small stream, {key}", "us", key) for key in PERCENTILES]
    series("generator's longest pause", "us", "generator")
    series("small stream, lost", f"of {results[0]['sent']}", "lost")
    return sum(r["lost"] for r in results), p99


def run(report, build, runs, folder):
    print("\nOne VM floods another with 64-byte frames while a third sends a fourth 1,000 frames a "
          "second")
    switches = [Ovs(), Shunt(build)]
    results = [[] for _ in switches]
    for _ in range(runs):
        for switch, mine in zip(switches, results):
            mine.append(flood(build, switch, folder))
    for switch, mine in zip(switches, results):
        lost, p99 = _record(report, switch.name, mine)
    report.promise("frames of a small stream lost beside a flood", lost, 0, False)
    report.promise("us of latency beside a flood, p99", p99, 100, False)
