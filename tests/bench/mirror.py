# SPDX-License-Identifier: BSD-3-Clause
"""What mirrors cost: nothing where none is, and a copy where one is. They come and go on one switch
under one load, so that nothing else differs. With a second build, as --build-before that of the
commit before, the cost of having them at all."""

import time

from load import SETTLE_S, Circle, running
from rounds import alternate, compare, record
from switches import Shunt

MEASURE_S = 1.0
ROUNDS_A_RUN = 3  # a round is of a few seconds


class Mirrored(Shunt):
    """With two ports more, which send nothing, and on demand a mirror to one of them."""

    def config(self, sockets):
        return super().config(sockets) + (
            "  - { name: idle, bridge: br0, vlan: 100, type: \"null\" }\n"
            "  - { name: out, bridge: br0, type: \"null\" }\n")

    def with_mirror_of(self, source):
        """Cycles a packet with a mirror of a port, or without one."""
        if source:
            self.do("mirror", "add", "m", "--bridge", "br0", "--select-src-port", source,
                    "--output-port", "out")
        time.sleep(SETTLE_S)
        self.cycles()
        time.sleep(MEASURE_S)
        cycles = self.cycles()
        if source:
            self.do("mirror", "del", "m")
        return cycles


def _rounds(build, frame_bytes, runs, folder):
    """Cycles without a mirror, with one of an idle port, and of a busy one; a tuple a round."""
    load, switch = Circle(frame_bytes), Mirrored(build)
    with running(load, switch, folder):
        return [tuple(switch.with_mirror_of(s) for s in (None, "idle", "p0"))
                for _ in range(ROUNDS_A_RUN * runs)]


def run(report, build, runs, folder):
    for frame_bytes in (64, 1500):
        print(f"\n{frame_bytes}-byte frames between two VMs, and mirrors")
        none, other, mirrored = zip(*_rounds(build, frame_bytes, runs, folder))
        for name, cycles in (("no mirror", none), ("a mirror of an idle port", other),
                             ("p0 mirrored", mirrored)):
            report.series(f"Shunt, {name}, {frame_bytes} B, busy", "cycles/packet", cycles)
        report.ratio(f"{frame_bytes} B: cycles with a mirror of another port", other, none, 1.01,
                     False)
        report.ratio(f"{frame_bytes} B: cycles with half the frames mirrored", mirrored, none, 1.5,
                     False)


def before(report, build, runs, folder, build_before):
    print("\n64-byte frames between two VMs, by two builds")
    switches = [Shunt(build_before), Shunt(build)]
    switches[0].name = "Shunt before"
    results = alternate([(Circle(64), s) for s in switches], runs, build, folder)
    old, new = (record(report, f"{s.name}, 64 B", r) for s, r in zip(switches, results))
    compare(report, "64 B: cycles against the build before", "cycles", new, old, 1.01, False)
