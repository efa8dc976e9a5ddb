# SPDX-License-Identifier: BSD-3-Clause
"""TCP from one Linux guest to another with the offloads that the switch carries through, beside the
same guests with a NIC that has none. The switch is one and the same: what differs is how many frames
a megabyte is, for the guests as for the switch. Guests by TCG spend a multiple of what the switch
does on each frame, so it is they who bound both figures."""

import tcp
from switches import Shunt

NONE = "csum=off,gso=off,guest_csum=off," + ",".join(
    f"{side}_{what}=off" for side in ("host", "guest") for what in ("tso4", "tso6", "ecn", "ufo"))


def run(report, build, runs, folder):
    print("\nTCP, one stream from a Linux guest to another, with and without offloads")
    names, results = {"with offloads": "", "without": NONE}, {}
    for _ in range(runs):
        for name, nic in names.items():
            results.setdefault(name, []).append(tcp.measure(Shunt(build), folder, nic))
    rates = []
    for name, mine in results.items():
        print(f"  {name}: {', '.join(mine[0]['offloads'])}")
        rates.append([r["mbps"] for r in mine])
        report.series(f"Shunt, TCP {name}", "Mbit/s", rates[-1])
    report.ratio("TCP from guest to guest, offloads against none", *rates, 3.0, True)
