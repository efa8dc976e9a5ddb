# SPDX-License-Identifier: BSD-3-Clause
"""Uplinks by AF_XDP: frames come in by one veth pair and leave by another. Shunt with two ports
xdp:, beside testpmd with two net_af_xdp in io mode, which looks at nothing. The generator, a testpmd
too, has core 0 and the other ends of the pairs; all of it is in a namespace of its own."""

import os
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from load import CPU as LOAD_CPU  # noqa: E402
from load import MEASURE_S, SETTLE_S  # noqa: E402
from netns import Netns  # noqa: E402
from process import Process, Testpmd  # noqa: E402
from switches import WORKER_CPU, Shunt, Testpmd_io  # noqa: E402

OUTER, INNER = ("outer0", "outer1"), ("inner0", "inner1")
MACS = ("02:00:00:00:00:0a", "02:00:00:00:00:0b")
N_FLOWS = 64


class Wires:
    """A namespace with two veth pairs that carry no frame but the generator's."""

    def __init__(self):
        self.ns = Netns("be")
        self.ns.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1",
                    "net.ipv6.conf.default.disable_ipv6=1")
        for outer, inner, mac in zip(OUTER, INNER, MACS):
            self.ns.ip("link", "add", outer, "address", mac, "type", "veth", "peer", "name", inner)
            for name in (outer, inner):
                self.ns.ip("link", "set", name, "up")

    def delete(self):
        self.ns.delete()


def _testpmd(ns, folder, name, cpu, interfaces, arguments):
    vdevs = [f"--vdev=net_af_xdp{i},iface={n}" for i, n in enumerate(interfaces)]
    pmd = Testpmd(
        ns.command("dpdk-testpmd", "--lcores", f"0@{LOAD_CPU},1@{cpu}", "--no-pci", "--in-memory",
                   f"--file-prefix=bench-{name}", "-m", "256", *vdevs, "--", "-i", "--nb-cores=1",
                   "--total-num-mbufs=32768", *arguments), folder, name)
    pmd.ready()
    return pmd


class Generator:
    """Sends 64-byte frames into both wires without end, each end to the other's address."""

    def __init__(self, ns, folder):
        peers = [f"--eth-peer={i},{MACS[1 - i]}" for i in (0, 1)]
        self.pmd = _testpmd(ns, folder, "wire-load", LOAD_CPU, OUTER,
                            [*peers, f"--flowgen-flows={N_FLOWS}"])

    def begin(self):
        self.pmd.ask("set fwd flowgen")
        self.pmd.ask("set txpkts 64")
        self.pmd.ask("start")

    def received(self):
        return self.pmd.rx_packets((0, 1))

    def stop(self):
        self.pmd.stop()


class Testpmd_xdp(Testpmd_io):
    name = "testpmd net_af_xdp io"

    def attach(self, ns, folder):
        self.pmd = _testpmd(ns, folder, "wire-io", WORKER_CPU, INNER, [])
        self.pmd.ask("set fwd io")
        self.pmd.ask("set record-core-cycles on")
        self.pmd.ask("start")


class Shunt_xdp(Shunt):
    def config(self, sockets):
        lines = [f"workers: {{ cpus: [{WORKER_CPU}], poll: {self.poll} }}",
                 "memory: { size: 256M, hugepages: auto }", "bridges: [ { name: br0 } ]", "ports:"]
        lines += [f"  - {{ name: {n}, bridge: br0, type: uplink, device: \"xdp:{n}\", host: none }}"
                  for n in INNER]
        return "\n".join(lines) + "\n"

    def attach(self, ns, folder):
        self.ns = ns
        self.start(folder, [])

    def launch(self, argv, log):
        return Process(self.ns.command(*argv), log)


def measure(switch, folder):
    """Frames a second, in millions, that came back, both wires together."""
    wires = Wires()
    try:
        generator = Generator(wires.ns, folder)
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


def run(report, build, runs, folder):
    print("\nFrom wire to wire by AF_XDP, 64 bytes, veth pairs, one worker")
    switches = [Testpmd_xdp(), Shunt_xdp(build)]
    results = [[] for _ in switches]
    for _ in range(runs):
        for switch, mine in zip(switches, results):
            mine.append(measure(switch, folder))
    for switch, mine in zip(switches, results):
        report.series(f"{switch.name}, wire to wire", "Mpps", [r["mpps"] for r in mine])
        report.series(f"{switch.name}, wire to wire, busy", "cycles/packet",
                      [r["cycles"] for r in mine])
    peer, shunt = ([r["mpps"] for r in mine] for mine in results)
    report.ratio("AF_XDP on veth pairs against testpmd's net_af_xdp", shunt, peer, 0.9, True)
