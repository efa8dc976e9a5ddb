# SPDX-License-Identifier: BSD-3-Clause
"""What a team costs: frames from wire to wire by AF_XDP on veth pairs, where each end is one device,
and where it is a team of two. With active-backup the second device is idle; with balance-tcp both
carry frames, and so do as many single uplinks beside, on two bridges. And what the team itself
costs: teamcost.c, whose devices are rings in memory that cost nothing."""

import json
import os
import statistics
import subprocess

from process import Failed
from rounds import alternate, compare, record
from switches import WORKER_CPU
from uplink_xdp import Shunt_xdp, measure

N_WIRES = 4


class Shunt_wires(Shunt_xdp):
    """ends: [(bridge, [wires], mode)]; one wire is a single device; n wires carry frames."""

    def __init__(self, build, name, n, ends):
        super().__init__(build)
        self.name, self.n, self.ends = name, n, ends

    def config(self, sockets):
        bridges = sorted({bridge for bridge, _, _ in self.ends})
        lines = [f"workers: {{ cpus: [{WORKER_CPU}], poll: {self.poll} }}",
                 "memory: { size: 256M, hugepages: auto }", "bridges:"]
        lines += [f"  - {{ name: {b} }}" for b in bridges] + ["ports:"]
        for i, (bridge, wires, mode) in enumerate(self.ends):
            devices = ", ".join(f"\"xdp:inner{w}\"" for w in wires)
            what = f"devices: [ {devices} ], team: {mode}" if mode else f"device: {devices}"
            lines.append(f"  - {{ name: up{i}, bridge: {bridge}, type: uplink, {what}, host: none }}")
        return "\n".join(lines) + "\n"


def _compare(report, build, runs, folder, text, one, team):
    cases = [((s.n, N_WIRES), s) for s in (one, team)]
    results = alternate(cases, runs, build, folder, measure)
    single, teamed = (record(report, s.name, r) for (_, s), r in zip(cases, results))
    compare(report, text, "cycles", teamed, single, 1.05, False)


def run(report, build, runs, folder):
    print("\nA team of two against one device, wire to wire by AF_XDP, 64 bytes, one worker")
    _compare(report, build, runs, folder, "cycles a packet: active-backup of two against one device",
             Shunt_wires(build, "one device an end", 2, [("br0", [0], None), ("br0", [1], None)]),
             Shunt_wires(build, "active-backup of two an end", 2,
                         [("br0", [0, 2], "active-backup"), ("br0", [1, 3], "active-backup")]))
    _compare(report, build, runs, folder, "cycles a packet: balance-tcp of two against two single devices",
             Shunt_wires(build, "two bridges of one device an end", 4,
                         [("br0", [0], None), ("br0", [1], None), ("br1", [2], None),
                          ("br1", [3], None)]),
             Shunt_wires(build, "balance-tcp of two an end", 4,
                         [("br0", [0, 2], "balance-tcp"), ("br0", [1, 3], "balance-tcp")]))


def cost(report, build, runs, folder):
    print("\nA team of two against one device, from ring to ring in memory, 64 bytes, one worker")
    tool = os.path.join(build, "tests", "bench", "teamcost")
    done = subprocess.run([tool, str(WORKER_CPU), str(runs)], capture_output=True, text=True)
    if done.returncode:
        raise Failed(done.stderr)
    cycles = json.loads(done.stdout)
    for name, values in cycles.items():
        report.series(f"{name}, in memory", "cycles/packet", values)
    report.ratio("cycles a packet in memory: active-backup of two against one device",
                 cycles["active-backup"], cycles["one"], 1.05, False)
    for mode in ("balance-mac", "balance-tcp"):
        more = [a - b for a, b in zip(cycles[mode], cycles["two"])]
        report.promise(f"cycles a packet that {mode} of two adds", statistics.median(more), 25,
                       False)
