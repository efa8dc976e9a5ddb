# SPDX-License-Identifier: BSD-3-Clause
"""`./run bench [NAME]`: measure what doc/specification.md promises, each figure against peers that
the bench starts itself, in the same run. Needs root, huge pages and two cores with nothing else
on them."""

import argparse
import os
import sys
import tempfile

import flood
import flows
import idle
import mirror
import restore
import tcp
import uplink
import uplink_host
import uplink_offloads
import uplink_team
import uplink_xdp
import vhost
import vm
from process import Failed
from report import Report

BENCHES = {
    "vhost": vhost.run, "idle": idle.run, "flood": flood.run, "tcp": tcp.run, "flows": flows.run,
    "uplink": uplink.run, "mirror": mirror.run, "restore": restore.run, "vm": vm.run,
}
PARTS = {
    "sizes": vhost.sizes, "forms": vhost.forms, "bursts": vhost.bursts, "macs": vhost.macs,
    "pairs": vhost.pairs, "size": vhost.size, "flowspeed": flows.speed, "flowcounts": flows.many,
    "flowmods": flows.changes, "uplinkxdp": uplink_xdp.run, "uplinkoffloads": uplink_offloads.run,
    "uplinkhost": uplink_host.run, "uplinkteam": uplink_team.run, "teamcost": uplink_team.cost,
    "vmstarts": vm.starts, "vmboots": vm.boots,
}


def main():
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=[*BENCHES, *PARTS])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--build", default=os.path.join(top, "build"))
    parser.add_argument("--build-before", help="another build, to be measured beside")
    parser.add_argument("--json", default=os.path.join(top, "build", "bench.json"))
    arguments = parser.parse_args()
    chosen = {**BENCHES, **PARTS}
    report = Report(arguments.runs)
    try:
        with tempfile.TemporaryDirectory(prefix="shunt-bench-") as folder:
            if arguments.build_before:
                mirror.before(report, arguments.build, arguments.runs, folder,
                              arguments.build_before)
            for name in [arguments.name] if arguments.name else BENCHES:
                chosen[name](report, arguments.build, arguments.runs, folder)
    except Failed as e:
        print(f"bench: {e}", file=sys.stderr)
        return 1
    report.write(arguments.json)
    return 0 if report.all_held() else 1


if __name__ == "__main__":
    sys.exit(main())
