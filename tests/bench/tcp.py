# SPDX-License-Identifier: BSD-3-Clause
"""TCP from one Linux guest to another, by iperf3: Shunt beside Open vSwitch, each with the offloads
that it offers unasked. The switch's worker has core 1, both guests core 0.

Open vSwitch with DPDK takes long frames and unfinished checksums from a guest only when it is told to
(userspace-tso-enable, "experimental" in its manual of 3.1), so its guests cut and sum by themselves.
What a guest got is printed beside the figures."""

import json
import os
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

import vhost_guest  # noqa: E402
from guest import Guest  # noqa: E402
from load import CPU, sockets  # noqa: E402
from process import Failed, on_cpu  # noqa: E402
from switches import Ovs, Shunt  # noqa: E402

SECONDS, SLOW_START_S = 10, 2
# GUEST: frames that come to the guest may be so; HOST, and CSUM: those that it sends.
OFFLOADS = ("CSUM", "HOST_TSO4", "HOST_TSO6", "HOST_ECN", "GUEST_CSUM", "GUEST_TSO4", "GUEST_TSO6",
            "GUEST_ECN", "MRG_RXBUF")
FEATURES = "/sys/bus/virtio/devices/virtio0/features"
# Its output tells when it listens; the pipe stays open for what it prints later.
SERVE = ("mkfifo /tmp/out; iperf3 -s -4 -1 --forceflush >/tmp/out 2>&1 & exec 3</tmp/out; "
         "grep -q listening <&3")


def _guests(folder, paths, nic):
    with on_cpu(CPU):
        return [Guest(f"g{i}", path, f"10.0.0.{i}/24", f"02:00:00:00:00:0{i}", server=True,
                      folder=folder, program="iperf3", nic=nic) for i, path in enumerate(paths, 1)]


def run_in(guest, line, seconds=30):
    status, output = guest.run(line, seconds)
    if status:
        raise Failed(f"{line}: exit {status}: {output}")
    return output


def offloads(guest):
    """What the guest's driver has taken of the offer, which is all that it knows."""
    bits = run_in(guest, f"cat {FEATURES}").strip()
    features = int(bits[::-1], 2)
    return [name for name in OFFLOADS if features & getattr(vhost_guest, f"F_{name}")]


def _transfer(client, server):
    run_in(server, SERVE)
    words = f"iperf3 -c {server.address} -4 -i 0 -t {SECONDS} -O {SLOW_START_S} -J"
    end = json.loads(run_in(client, words, SECONDS + SLOW_START_S + 30))["end"]
    return {"mbps": end["sum_received"]["bits_per_second"] / 1e6,
            "retransmits": end["sum_sent"]["retransmits"], "offloads": offloads(client)}


def measure(switch, parent, nic=""):
    """One run. The guests boot anew: a driver takes offloads when it starts. nic: properties."""
    folder = tempfile.mkdtemp(dir=parent)
    paths = sockets(folder, 2)
    guests = _guests(folder, paths, nic)
    try:
        switch.start(folder, paths)
        try:
            return _transfer(*[guest.ready() for guest in guests])
        finally:
            switch.stop()
    finally:
        for guest in guests:
            guest.stop()


def _record(report, name, results):
    """Returns the rate of each run."""
    print(f"  {name} offers a guest: {', '.join(results[0]['offloads'])}")
    rates = [r["mbps"] for r in results]
    report.series(f"{name}, TCP", "Mbit/s", rates)
    report.series(f"{name}, TCP, retransmitted", "segments", [r["retransmits"] for r in results])
    return rates


def run(report, build, runs, folder):
    print("\nTCP, one stream from a Linux guest to another, 1500 bytes of MTU")
    switches = [Ovs(), Shunt(build)]
    results = [[] for _ in switches]
    for _ in range(runs):
        for switch, mine in zip(switches, results):
            mine.append(measure(switch, folder))
    ovs, shunt = (_record(report, s.name, mine) for s, mine in zip(switches, results))
    report.ratio("TCP from guest to guest against Open vSwitch", shunt, ovs, 1.0, True)
