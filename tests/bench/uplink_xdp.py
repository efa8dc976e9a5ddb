# SPDX-License-Identifier: BSD-3-Clause
"""Uplinks by AF_XDP: frames come in by one veth pair and leave by another. Shunt with two ports
xdp:, beside testpmd with two net_af_xdp in io mode, which looks at nothing. The generator, a testpmd
too, has core 0 and the other ends of the pairs, and sends each frame on that comes back; all of it
is in a namespace of its own."""

import os
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from load import CPU as LOAD_CPU  # noqa: E402
from load import MEASURE_S, SETTLE_S  # noqa: E402
from netns import Netns  # noqa: E402
from process import Process, Testpmd  # noqa: E402
from rounds import alternate, compare, record  # noqa: E402
from switches import WORKER_CPU, Shunt, Testpmd_io  # noqa: E402

BURSTS = 8  # of 32 frames that a port of the generator begins with


def _outer(n):
    return [f"outer{i}" for i in range(n)]


def inner(n):
    """Names of the ends that a switch has, of n wires."""
    return [f"inner{i}" for i in range(n)]


def _mac(i):
    return f"02:00:00:00:00:{i + 10:02x}"


class Wires:
    """A namespace with veth pairs that carry no frame but the generator's."""

    def __init__(self, n):
        self.ns = Netns("be")
        self.ns.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1",
                    "net.ipv6.conf.default.disable_ipv6=1")
        for i, pair in enumerate(zip(_outer(n), inner(n))):
            self.ns.ip("link", "add", pair[0], "address", _mac(i), "type", "veth", "peer", "name",
                       pair[1])
            for name in pair:
                self.ns.ip("link", "set", name, "up")

    def delete(self):
        self.ns.delete()


def _testpmd(ns, folder, name, cpu, interfaces, arguments):
    vdevs = [f"--vdev=net_af_xdp{i},iface={n}" for i, n in enumerate(interfaces)]
    pmd = Testpmd(
        ns.command("dpdk-testpmd", "--lcores", f"0@{LOAD_CPU},1@{cpu}", "--no-pci", "--in-memory",
                   f"--file-prefix=bench-{name}", "-m", "256", *vdevs, "--", "-i", "--nb-cores=1",
                   f"--total-num-mbufs={16384 * len(interfaces)}", *arguments), folder, name)
    pmd.ready()
    return pmd


class Generator:
    """64-byte frames of many flows that circle by n wires: in by one, back by the next or the one
    before (0 and 1, 2 and 3), so that each address is always behind the same wire."""

    def __init__(self, ns, folder, n):
        peers = [f"--eth-peer={i},{_mac(i ^ 1)}" for i in range(n)]
        self.ports = range(n)
        self.pmd = _testpmd(ns, folder, "wire-load", LOAD_CPU, _outer(n),
                            [*peers, "--txonly-multi-flow"])

    def begin(self):
        for word in ("set fwd io", "set txpkts 64", f"start tx_first {BURSTS}"):
            self.pmd.ask(word)

    def received(self):
        return self.pmd.rx_packets(self.ports)

    def stop(self):
        self.pmd.stop()


class Testpmd_xdp(Testpmd_io):
    name = "testpmd net_af_xdp io"

    def attach(self, ns, folder):
        self.pmd = _testpmd(ns, folder, "wire-io", WORKER_CPU, inner(2), [])
        self.pmd.ask("set fwd io")
        self.pmd.ask("set record-core-cycles on")
        self.pmd.ask("start")


class Shunt_xdp(Shunt):
    def config(self, sockets):
        lines = [f"workers: {{ cpus: [{WORKER_CPU}], poll: {self.poll} }}",
                 "memory: { size: 256M, hugepages: auto }", "bridges: [ { name: br0 } ]", "ports:"]
        lines += [f"  - {{ name: {n}, bridge: br0, type: uplink, device: \"xdp:{n}\", host: none }}"
                  for n in inner(2)]
        return "\n".join(lines) + "\n"

    def attach(self, ns, folder):
        self.ns = ns
        self.start(folder, [])

    def launch(self, argv, log):
        return Process(self.ns.command(*argv), log)


def measure(wires, switch, folder):
    """wires: (n that carry frames, n in all). Returns frames a second, in millions, that came back
    by them, and the cycles of the switch's core."""
    n, n_wires = wires
    wires = Wires(n_wires)
    try:
        generator = Generator(wires.ns, folder, n)
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
    results = alternate([((2, 2), s) for s in switches], runs, build, folder, measure)
    peer, shunt = (record(report, f"{s.name}, wire to wire", r) for s, r in zip(switches, results))
    compare(report, "AF_XDP on veth pairs against testpmd's net_af_xdp", "mpps", shunt, peer, 0.9,
            True)
