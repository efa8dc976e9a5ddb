# SPDX-License-Identifier: BSD-3-Clause
"""What a team costs: frames from wire to wire by AF_XDP on veth pairs, where each end is one device,
and where it is a team of two. With active-backup the second device is idle; with balance-tcp both
carry frames, and so do as many single uplinks beside, on two bridges."""

import os
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from load import CPU as LOAD_CPU  # noqa: E402
from load import MEASURE_S, SETTLE_S  # noqa: E402
from netns import Netns  # noqa: E402
from process import Process, Testpmd  # noqa: E402
from switches import WORKER_CPU, Shunt  # noqa: E402

N_WIRES, N_FLOWS = 4, 64


def _mac(i):
    return f"02:00:00:00:00:{i + 10:02x}"


class Wires:
    """A namespace with veth pairs outer0 to inner0, ..., that carry the generator's frames alone."""

    def __init__(self):
        self.ns = Netns("be")
        self.ns.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1",
                    "net.ipv6.conf.default.disable_ipv6=1")
        for i in range(N_WIRES):
            self.ns.ip("link", "add", f"outer{i}", "address", _mac(i), "type", "veth", "peer",
                       "name", f"inner{i}")
            for name in (f"outer{i}", f"inner{i}"):
                self.ns.ip("link", "set", name, "up")

    def delete(self):
        self.ns.delete()


class Generator:
    """Sends 64-byte frames into the first n wires without end, to the address of the next or the
    one before: 0 and 1, 2 and 3."""

    def __init__(self, ns, folder, n):
        vdevs = [f"--vdev=net_af_xdp{i},iface=outer{i}" for i in range(n)]
        peers = [f"--eth-peer={i},{_mac(i ^ 1)}" for i in range(n)]
        self.ports = range(n)
        self.pmd = Testpmd(
            ns.command("dpdk-testpmd", "--lcores", f"0@{LOAD_CPU},1@{LOAD_CPU}", "--no-pci",
                       "--in-memory", "--file-prefix=bench-team", "-m", "256", *vdevs, "--", "-i",
                       "--nb-cores=1", "--total-num-mbufs=65536", *peers,
                       f"--flowgen-flows={N_FLOWS}"), folder, "team-load")
        self.pmd.ready()

    def begin(self):
        for word in ("set fwd flowgen", "set txpkts 64", "start"):
            self.pmd.ask(word)

    def received(self):
        return self.pmd.rx_packets(self.ports)

    def stop(self):
        self.pmd.stop()


class Shunt_wires(Shunt):
    """ends: [(bridge, [wires], mode)]; one wire is a single device."""

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

    def attach(self, ns, folder):
        self.ns = ns
        self.start(folder, [])

    def launch(self, argv, log):
        return Process(self.ns.command(*argv), log)


def _measure(switch, folder):
    wires = Wires()
    try:
        generator = Generator(wires.ns, folder, switch.n)
        try:
            switch.attach(wires.ns, folder)
            try:
                generator.begin()
                time.sleep(SETTLE_S)
                switch.cycles()
                before, begin = generator.received(), time.monotonic()
                time.sleep(MEASURE_S)
                after, end = generator.received(), time.monotonic()
                return {"mpps": (after - before) / (end - begin) / 1e6, "cycles": switch.cycles()}
            finally:
                switch.stop()
        finally:
            generator.stop()
    finally:
        wires.delete()


def _compare(report, runs, folder, text, one, team):
    results = ([], [])
    for _ in range(runs):
        for switch, mine in zip((one, team), results):
            mine.append(_measure(switch, folder))
    for switch, mine in zip((one, team), results):
        report.series(switch.name, "Mpps", [r["mpps"] for r in mine])
        report.series(f"{switch.name}, busy", "cycles/packet", [r["cycles"] for r in mine])
    report.ratio(text, *([r["cycles"] for r in mine] for mine in reversed(results)), 1.05, False)


def run(report, build, runs, folder):
    print("\nA team of two against one device, wire to wire by AF_XDP, 64 bytes, one worker")
    _compare(report, runs, folder, "cycles a packet: active-backup of two against one device",
             Shunt_wires(build, "one device an end", 2, [("br0", [0], None), ("br0", [1], None)]),
             Shunt_wires(build, "active-backup of two an end", 2,
                         [("br0", [0, 2], "active-backup"), ("br0", [1, 3], "active-backup")]))
    _compare(report, runs, folder, "cycles a packet: balance-tcp of two against two single devices",
             Shunt_wires(build, "two bridges of one device an end", 4,
                         [("br0", [0], None), ("br0", [1], None), ("br1", [2], None),
                          ("br1", [3], None)]),
             Shunt_wires(build, "balance-tcp of two an end", 4,
                         [("br0", [0, 2], "balance-tcp"), ("br0", [1, 3], "balance-tcp")]))
