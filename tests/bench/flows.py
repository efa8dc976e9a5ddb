# SPDX-License-Identifier: BSD-3-Clause
"""Flow tables: what a frame costs with few flows and with many, how fast they come in by the
socket, and what memory they take. Beside testpmd's io forwarding and Open vSwitch."""

import re

import flowmods
from load import CPU as LOAD_CPU
from load import Circle, Flowgen
from process import on_cpu
from rounds import alternate, compare, record
from switches import Ovs, Shunt, Testpmd_io

COUNTS = (1, 1000, 100000)
N_MODS = 500000


class _Flows:
    """A switch whose bridge holds these flows and no others."""

    def __init__(self, name, messages, *arguments, **options):
        super().__init__(*arguments, **options)
        self.name, self.messages = name, messages

    def start(self, folder, sockets):
        super().start(folder, sockets)
        with flowmods.Controller(self.management()) as controller:
            controller.send(flowmods.delete_all() + self.messages)


class Shunt_flows(_Flows, Shunt):
    def config(self, sockets):
        numbers = iter(range(1, len(sockets) + 1))
        return re.sub(r"vlan: \d+", lambda _: f"ofport: {next(numbers)}", super().config(sockets))


class Ovs_flows(_Flows, Ovs):
    def port_options(self, i):
        return ["--", "set", "interface", f"p{i}", f"ofport_request={i + 1}"]


def speed(report, build, runs, folder):
    print("\n64-byte frames, two VMs, by flow tables")
    one = flowmods.port_flows()
    cases = [(Circle(64), Testpmd_io()), (Circle(64), Ovs_flows("Open vSwitch, 1 flow", one)),
             (Circle(64), Shunt(build)), (Circle(64), Shunt_flows("Shunt, 1 flow", one, build))]
    names = ["testpmd io", "Open vSwitch, 1 flow each way", "Shunt, learning bridge",
             "Shunt, 1 flow each way"]
    results = [record(report, f"{name}, 64 B", r)
               for name, r in zip(names, alternate(cases, runs, build, folder))]
    io, ovs, _, shunt = results
    compare(report, "1 flow: rate against Open vSwitch", "mpps", shunt, ovs, 1.3, True)
    compare(report, "1 flow: cycles against Open vSwitch", "cycles", shunt, ovs, 0.77, False)
    # Who looks at nothing shows what the generator's core can circle at all.
    compare(report, "1 flow: rate against testpmd io", "mpps", shunt, io, 0.95, True)


def many(report, build, runs, folder):
    print("\n64-byte frames to many addresses, a /32 flow each way for each")
    cases = [(Flowgen(n), Shunt_flows(f"{n} flows", flowmods.address_flows(n), build))
             for n in COUNTS]
    results = [record(report, f"Shunt, {n} /32 flows", r)
               for n, r in zip(COUNTS, alternate(cases, runs, build, folder))]
    for n, r in zip(COUNTS[1:], results[1:]):
        compare(report, f"{n} /32 flows: cycles against one", "cycles", r, results[0], 2.0, False)


def _change(switch, folder):
    """Flow-mods a second that a switch without ports takes, and what a flow takes of memory that
    it had not asked for before."""
    switch.start(folder, [])
    try:
        with on_cpu(LOAD_CPU), flowmods.Controller(switch.management()) as controller:
            controller.send(flowmods.delete_all())
            messages, before = flowmods.address_flows(N_MODS // 2), switch.rss_mib()
            added_s = controller.send(messages)
            taken = switch.rss_mib() - before
            messages = flowmods.address_flows(N_MODS // 2, flowmods.DELETE_STRICT)
            return {"add": N_MODS / added_s / 1000, "bytes": taken * (1 << 20) / N_MODS,
                    "delete": N_MODS / controller.send(messages) / 1000}
    finally:
        switch.stop()


def changes(report, build, runs, folder):
    print(f"\n{N_MODS} flows added by a socket, one flow-mod each, and deleted the same way")
    switches = [Ovs(), Shunt(build, "adaptive")]
    results = [[_change(switch, folder) for switch in switches] for _ in range(runs)]
    for switch, mine in zip(("Open vSwitch", "Shunt"), zip(*results)):
        added, deleted, taken = (
            report.series(f"{switch}, {what}", unit, [r[key] for r in mine])
            for key, what, unit in (("add", "flows added", "thousand/s"),
                                    ("delete", "flows deleted, strict", "thousand/s"),
                                    ("bytes", "memory", "bytes a flow")))
    report.promise("thousand flow-mods a second, adding", added, 100, True)
    report.promise("thousand flow-mods a second, deleting", deleted, 100, True)
    report.promise("bytes of memory a flow", taken, 1024, False)


def run(report, build, runs, folder):
    speed(report, build, runs, folder)
    many(report, build, runs, folder)
    changes(report, build, runs, folder)
