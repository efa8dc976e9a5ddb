# SPDX-License-Identifier: BSD-3-Clause
"""VM to VM over vhost-user, one worker: Shunt beside testpmd's io forwarding and Open vSwitch."""

from load import Circle, Many_macs
from rounds import alternate, compare, record
from switches import Ovs, Shunt, Testpmd_io

# Bytes of a frame: at most so much of testpmd's cycles, at least so much of its rate.
SIZES = {64: (0.90, 0.75), 512: (0.50, None), 1500: (0.65, 0.9)}


def sizes(report, build, runs, folder):
    for frame_bytes, (cycles_bound, rate_bound) in SIZES.items():
        print(f"\n{frame_bytes}-byte frames, two VMs, VLAN access ports, both MACs learned")
        switches = [Testpmd_io(), Ovs(), Shunt(build)]
        results = alternate([(Circle(frame_bytes), s) for s in switches], runs, build, folder)
        io, ovs, shunt = (record(report, f"{s.name}, {frame_bytes} B", r)
                          for s, r in zip(switches, results))
        if rate_bound:
            compare(report, f"{frame_bytes} B: rate against testpmd io", "mpps",
                    shunt, io, rate_bound, True)
        compare(report, f"{frame_bytes} B: cycles against testpmd io", "cycles",
                shunt, io, cycles_bound, False)
        if frame_bytes == 64:
            compare(report, "64 B: rate against Open vSwitch NORMAL", "mpps", shunt, ovs, 1.3, True)
            compare(report, "64 B: cycles against Open vSwitch NORMAL", "cycles",
                    shunt, ovs, 0.5, False)


def forms(report, build, runs, folder):
    print("\n1500-byte frames into three mergeable buffers of 600 bytes each")
    load = Circle(1500, buffers=600)
    results = alternate([(load, Testpmd_io()), (load, Shunt(build))], runs, build, folder)
    io, shunt = (record(report, f"{name}, 3 buffers of 600 B", r)
                 for name, r in zip(("testpmd io", "Shunt"), results))
    compare(report, "1500 B in 3 buffers: cycles against testpmd io", "cycles",
            shunt, io, 0.9, False)
    print("\n64-byte frames by packed rings")
    results = alternate([(Circle(64, packed=packed), Shunt(build)) for packed in (False, True)],
                        runs, build, folder)
    split, packed = (record(report, f"Shunt, {name}", r)
                     for name, r in zip(("split", "packed"), results))
    compare(report, "packed rings: cycles against split", "cycles", packed, split, 1.1, False)


def bursts(report, build, runs, folder):
    """No cliff: what few frames at a time cost more is no more than it is for testpmd."""
    print("\n64-byte frames, few at a time")
    counts, switches = (1, 4, 16, 32), (Testpmd_io(), Shunt(build))
    cases = [(Circle(64, burst=n), s) for n in counts for s in switches]
    series = [record(report, f"{s.name}, bursts of {load.burst}", r)
              for (load, s), r in zip(cases, alternate(cases, runs, build, folder))]
    for n, io, shunt in zip(counts, series[::2], series[1::2]):
        compare(report, f"bursts of {n}: cycles against testpmd io", "cycles", shunt, io, 0.9, False)


def macs(report, build, runs, folder):
    print("\n64-byte frames among many learned MACs")
    counts = (2, 1000, 60000)
    results = alternate([(Many_macs(n), Shunt(build)) for n in counts], runs, build, folder)
    series = [record(report, f"Shunt, {n} MACs", r) for n, r in zip(counts, results)]
    for n, s in zip(counts[1:], series[1:]):
        compare(report, f"{n} MACs: cycles against one MAC a side", "cycles",
                s, series[0], 1.25, False)


def pairs(report, build, runs, folder):
    print("\n64-byte frames, 1 and 8 pairs of VMs on one worker")
    results = alternate([(Circle(64, n), Shunt(build)) for n in (1, 8)], runs, build, folder)
    one, eight = (record(report, f"Shunt, {n} pairs", r) for n, r in zip((1, 8), results))
    compare(report, "8 pairs: total against one pair's", "mpps", eight, one, 0.85, True)


def size(report, build, runs, folder):
    print("\nMemory and start")
    rss, ready = [], []
    for _ in range(runs):
        switch = Shunt(build)
        switch.start(folder, [])
        rss.append(switch.rss_mib())
        ready.append(switch.ready_s)
        switch.stop()
    # Huge pages are not in a process's RSS, so this is what comes beyond the packet memory.
    report.promise("MiB of RSS beyond the packet memory",
                   report.series("RSS beyond packet memory", "MiB", rss), 150, False)
    report.promise("seconds until shuntd answers", report.series("ready", "s", ready), 1.0, False)


def run(report, build, runs, folder):
    sizes(report, build, runs, folder)
    forms(report, build, runs, folder)
    bursts(report, build, runs, folder)
    macs(report, build, runs, folder)
    pairs(report, build, runs, folder)
    size(report, build, runs, folder)
