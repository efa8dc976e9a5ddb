# SPDX-License-Identifier: BSD-3-Clause
"""Medians, ratios and promises: as a table for people and as JSON for programs."""

import json
import os
import platform
import statistics
import sys


def cpu_model():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "runs": len(values)}


class Report:
    def __init__(self, runs):
        self.data = {"cpu": cpu_model(), "kernel": platform.release(), "command": sys.argv,
                     "runs": runs, "series": {}, "promises": []}

    def series(self, name, unit, values):
        """Record a series; print and return its median."""
        s = spread(values)
        self.data["series"][name] = {"unit": unit, "values": values, **s}
        print(f"  {name:<48} {s['median']:>9.2f} {unit:<14} ({s['min']:.2f} to {s['max']:.2f}, "
              f"{s['runs']} runs)", flush=True)
        return s["median"]

    def ratio(self, text, ours, peers, bound, at_least):
        """A promise about ours against a peer's, both measured in the same rounds, by the ratio of
        each round."""
        ratios = [a / b for a, b in zip(ours, peers)]
        self.promise(text, statistics.median(ratios), bound, at_least,
                     f"; {min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} rounds")

    def promise(self, text, value, bound, at_least, note=""):
        """One promise of doc/specification.md: value against bound."""
        held = value >= bound if at_least else value <= bound
        self.data["promises"].append({"promise": text, "value": value, "bound": bound,
                                      "at_least": at_least, "held": held})
        sign = ">=" if at_least else "<="
        print(f"  {'held  ' if held else 'MISSED'}  {text}: {value:.2f} ({sign} {bound}{note})",
              flush=True)

    def all_held(self):
        return all(p["held"] for p in self.data["promises"])

    def write(self, path):
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(path, "w") as f:
            json.dump(self.data, f, indent=1)
        print(f"\n{len(self.data['promises'])} promises, "
              f"{sum(p['held'] for p in self.data['promises'])} held; details in {path}")
