# SPDX-License-Identifier: BSD-3-Clause
"""What mirrors cost: nothing where none is, and a copy where one is. With a second build, as
--build-before that of the commit before, the cost of having them at all."""

from load import Circle
from rounds import alternate, compare, record
from switches import Shunt


class Mirrored(Shunt):
    """With two ports more, which send nothing, and a mirror of one port to one of them."""

    def __init__(self, build, source):
        super().__init__(build)
        self.name, self.source = f"Shunt, {source} mirrored", source

    def config(self, sockets):
        return super().config(sockets) + (
            "  - { name: idle, bridge: br0, vlan: 100, type: \"null\" }\n"
            "  - { name: out, bridge: br0, type: \"null\" }\n"
            "mirrors:\n"
            f"  - {{ name: m, bridge: br0, select_src_port: [ {self.source} ], output_port: out }}\n")


def run(report, build, runs, folder):
    for frame_bytes in (64, 1500):
        print(f"\n{frame_bytes}-byte frames between two VMs, and mirrors")
        switches = [Shunt(build), Mirrored(build, "idle"), Mirrored(build, "p0")]
        results = alternate([(Circle(frame_bytes), s) for s in switches], runs, build, folder)
        none, other, mirrored = (record(report, f"{s.name}, {frame_bytes} B", r)
                                 for s, r in zip(switches, results))
        compare(report, f"{frame_bytes} B: cycles with a mirror of another port", "cycles", other,
                none, 1.01, False)
        compare(report, f"{frame_bytes} B: cycles with half the frames mirrored", "cycles",
                mirrored, none, 1.5, False)


def before(report, build, runs, folder, build_before):
    print("\n64-byte frames between two VMs, by two builds")
    switches = [Shunt(build_before), Shunt(build)]
    switches[0].name = "Shunt before"
    results = alternate([(Circle(64), s) for s in switches], runs, build, folder)
    old, new = (record(report, f"{s.name}, 64 B", r) for s, r in zip(switches, results))
    compare(report, "64 B: cycles against the build before", "cycles", new, old, 1.01, False)
