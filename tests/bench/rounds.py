# SPDX-License-Identifier: BSD-3-Clause
"""Cases that are measured in turn, round after round, and compared within a round.

How fast two CPUs hand data to each other decides what a switch costs, and on a virtual machine it
changes when the host moves it: between cores with one cache and cores with two, say, fivefold, and
for every program alike. So it is measured beside each case, all cases of a round must have found the
machine in one state, and states are reported apart."""

import os
import subprocess

from load import CPU as LOAD_CPU
from load import measure as measure_by_rings
from process import Failed
from switches import WORKER_CPU

NEAR_CYCLES = 200  # within one cache it is below 100, between two above 300
MAX_TRIES = 8


def _state(build):
    tool = os.path.join(build, "tests", "bench", "handoff")
    done = subprocess.run([tool, str(LOAD_CPU), str(WORKER_CPU)], capture_output=True, text=True)
    if done.returncode:
        raise Failed(done.stderr)
    return "near" if int(done.stdout) < NEAR_CYCLES else "far"


def _steady(measure, load, switch, build, folder):
    """Measure until the machine was in one state from begin to end."""
    for _ in range(MAX_TRIES):
        before = _state(build)
        result = measure(load, switch, folder)
        if _state(build) == before:
            return {**result, "state": before}
    raise Failed(f"the machine changed its state during each of {MAX_TRIES} measurements")


def _round(measure, cases, build, folder):
    for _ in range(MAX_TRIES):
        results = []
        for load, switch in cases:
            results.append(_steady(measure, load, switch, build, folder))
            if results[-1]["state"] != results[0]["state"]:
                break
        else:
            return results
    raise Failed(f"the machine changed its state during each of {MAX_TRIES} rounds")


def alternate(cases, runs, build, folder, measure=measure_by_rings):
    """Run each (load, switch) in turn, the whole round again and again. Returns a list a case of
    what measure(load, switch, folder) returns and "state", one a round."""
    return list(zip(*(_round(measure, cases, build, folder) for _ in range(runs))))


def states(results):
    return sorted({r["state"] for r in results}, reverse=True)


def record(report, name, results):
    """Print and keep rate and cycles of a case, a state at a time. Returns the results."""
    for state in states(results):
        chosen = [r for r in results if r["state"] == state]
        report.series(f"{name}, {state}", "Mpps", [r["mpps"] for r in chosen])
        report.series(f"{name}, {state}, busy", "cycles/packet", [r["cycles"] for r in chosen])
    return results


def compare(report, text, key, ours, peers, bound, at_least):
    """A promise about ours against a peer's, held in each state by itself."""
    for state in states(ours):
        pairs = [(a[key], b[key]) for a, b in zip(ours, peers) if a["state"] == state]
        report.ratio(f"{text}, {state}", *zip(*pairs), bound, at_least)
