# SPDX-License-Identifier: BSD-3-Clause
"""`./run test`: every suite in turn, and one closing line that adds them up."""

import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FUZZ_S = 6  # each target
TWO = ("-n", "2")  # at once, whatever the number of CPUs
FEW = 40  # failures that are looked at once more, alone: a machine that ends fails its whole file
MORE_SEEDS = {"config": ["corpus/config"]}
PYTHON = "/usr/bin/python3"


def meson_suite(build):
    """(passed, failed, skipped) of the unit tests of a build folder."""
    subprocess.run(["meson", "test", "-C", build, "--suite", "unit", "--print-errorlogs",
                    "--num-processes", "2"], check=False)
    counts = [0, 0, 0]
    with open(os.path.join(build, "meson-logs", "testlog.json")) as f:
        for line in f:
            result = json.loads(line)["result"]
            counts[0 if result == "OK" else 2 if result == "SKIP" else 1] += 1
    return counts


def run_pytest(name, build, *arguments):
    """The report's test cases; none when there is no whole report."""
    report = os.path.join(TOP, "build", f"pytest-{name}.xml")
    env = dict(os.environ, SHUNT_BUILD=build, PYTHONDONTWRITEBYTECODE="1")
    subprocess.run([PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=5",
                    f"--junitxml={report}", *arguments], cwd=TOP, env=env, check=False)
    try:
        return xml.etree.ElementTree.parse(report).getroot().findall("testsuite/testcase")
    except (OSError, xml.etree.ElementTree.ParseError):
        return []


def has_failed(case):
    return case.find("failure") is not None or case.find("error") is not None


def count(cases):
    """(passed, failed, skipped); no test at all is a failure."""
    failed = sum(map(has_failed, cases))
    skipped = sum(case.find("skipped") is not None for case in cases)
    return [len(cases) - failed - skipped, failed if cases else 1, skipped]


def node_id(case):
    return f"{case.get('classname').replace('.', '/')}.py::{case.get('name')}"


def integration_suite(name, build, *arguments):
    """Two files at once. A few that fail so are asked again, alone: what a machine that is too busy
    did to them, or QEMU, which ends now and then, is no word on the switch. What fails twice has
    failed."""
    cases = run_pytest(name, build, *TWO, "--dist", "loadfile", *arguments, "tests/integration")
    failed = [node_id(case) for case in cases if has_failed(case)]
    counts = count(cases)
    if 0 < len(failed) <= FEW:
        print(f"{name}: again, alone: {' '.join(failed)}", flush=True)
        again = count(run_pytest(f"{name}-again", build, *failed))
        if sum(again) == len(failed):
            counts = [counts[0] + again[0], again[1], counts[2] + again[2]]
    return counts


def fuzz_target(build, target):
    """Run one from its seeds; returns whether it stayed clean, and a line or the crash."""
    name = os.path.basename(target)[len("fuzz_"):]
    corpus = os.path.join(build, "corpus", name)
    os.makedirs(corpus, exist_ok=True)
    seeds = [os.path.join(TOP, "tests", d) for d in
             (f"fuzz/seeds/{name}", f"fuzz/regress/{name}", *MORE_SEEDS.get(name, ()))]
    done = subprocess.run([target, f"-max_total_time={FUZZ_S}", "-max_len=8192", "-timeout=20",
                           "-rss_limit_mb=2048", "-verbosity=0", "-print_final_stats=1",
                           f"-artifact_prefix={name}-", corpus, *filter(os.path.isdir, seeds)],
                          cwd=build, capture_output=True, text=True, errors="replace")
    runs = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    if done.returncode == 0 and runs:
        return True, f"clean, {runs.group(1)} inputs"
    return False, done.stderr[-3000:]


def fuzz_suite():
    """Each target for a while; a crash leaves its input in build-fuzz/, and belongs into
    tests/fuzz/regress/TARGET/ with its fix."""
    build = os.path.join(TOP, "build-fuzz")
    counts = [0, 0, 0]
    targets = [t for t in sorted(glob.glob(os.path.join(build, "tests", "fuzz", "fuzz_*")))
               if os.path.isfile(t) and os.access(t, os.X_OK)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda target: fuzz_target(build, target), targets)
        for target, (clean, what) in zip(targets, results):
            print(f"{os.path.basename(target)}: {what}", flush=True)
            counts[0 if clean else 1] += 1
    return counts if any(counts) else [0, 1, 0]


def build_folder(kind=""):
    return os.path.join(TOP, "build" + kind)


SUITES = {
    "lint": lambda: count(run_pytest("lint", build_folder(), *TWO, "tests/lint")),
    "unit": lambda: meson_suite(build_folder()),
    "asan": lambda: meson_suite(build_folder("-asan")),
    "fuzz": fuzz_suite,
    "integration": lambda: integration_suite("integration", build_folder()),
    # What strangers can send, again under the sanitizers.
    "bad-input": lambda: integration_suite("bad-input", build_folder("-asan"), "-m", "bad_input"),
}


def main(names):
    unknown = [n for n in names if n not in SUITES]
    if unknown:
        print(f"run test: no suite '{unknown[0]}': {' '.join(SUITES)}", file=sys.stderr)
        return 2
    totals = [0, 0, 0]
    for name in names or SUITES:
        print(f"\n==> {name}", flush=True)
        begin = time.monotonic()
        counts = SUITES[name]()
        print(f"{name}: {counts[0]} ok, {counts[1]} not ok, {counts[2]} left out, "
              f"{time.monotonic() - begin:.0f} s", flush=True)
        totals = [a + b for a, b in zip(totals, counts)]
    print(f"\n{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped", flush=True)
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
