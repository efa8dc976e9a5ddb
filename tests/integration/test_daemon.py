# SPDX-License-Identifier: BSD-3-Clause
"""shuntd as a service: readiness, watchdog, signals, one CPU, an idle switch."""

import os
import signal
import subprocess
import time

import pytest

from daemon import SHUNTD, SMALL, Switch, wait_for


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_sigterm_is_answered_with_stopping_and_status_0(make_switch):
    switch = make_switch()
    switch.process.send_signal(signal.SIGTERM)
    switch.wait_notify("STOPPING=1", 10)
    assert switch.process.wait(10) == 0


def test_sighup_reads_the_file_again_and_says_reloading(make_switch):
    switch = make_switch(SMALL + "bridges: [ { name: br0 } ]\n", store=False)
    with open(os.path.join(switch.folder, "config.yaml"), "w") as f:
        f.write(SMALL + "bridges: [ { name: br0 }, { name: br1 } ]\n")
    switch.notifications.clear()
    switch.process.send_signal(signal.SIGHUP)
    switch.wait_notify("RELOADING=1", 10)
    switch.wait_notify("READY=1", 10)
    assert [b["name"] for b in switch.json("bridge", "list")] == ["br0", "br1"]


def test_watchdog_is_fed_as_often_as_the_manager_asks(make_switch):
    switch = Switch()
    switch.env = {"WATCHDOG_USEC": "600000"}
    try:
        switch.start()
        for _ in range(3):
            switch.notifications.clear()
            switch.wait_notify("WATCHDOG=1", 2)
    finally:
        switch.cleanup()


def test_a_second_shuntd_on_the_same_run_folder_is_refused(switch):
    done = subprocess.run([SHUNTD, "--run-dir", switch.run_dir, "--state-dir", switch.state_dir],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert switch.run_dir in done.stderr
    assert switch.cli("show")


@pytest.mark.parametrize("poll", ["adaptive", "busy"])
def test_one_cpu_for_worker_and_control_thread_is_enough(make_switch, poll):
    switch = make_switch(SMALL + f"workers: {{ cpus: [0], poll: {poll} }}\n",
                         prefix=("taskset", "-c", "0"))
    begin = time.monotonic()
    switch.cli("bridge", "add", "br0")
    for i in range(10):
        switch.cli("port", "add", f"n{i}", "--bridge", "br0", "--type", "null")
    assert time.monotonic() - begin < 10
    assert len(switch.json("port", "list")) == 10


def test_an_idle_adaptive_switch_costs_under_5_percent_of_a_core(make_switch):
    switch = make_switch(SMALL + """
bridges: [ { name: br0 } ]
ports:
  - { name: web1, bridge: br0, vlan: 100 }
  - { name: null1, bridge: br0, type: "null" }
""")
    before, begin = cpu_seconds(switch.pid), time.monotonic()
    # Nothing to wait for but the time itself: the measurement is over three seconds of idling.
    with pytest.raises(AssertionError):
        wait_for(lambda: False, 3)
    used = cpu_seconds(switch.pid) - before
    assert used / (time.monotonic() - begin) < 0.05


def test_workers_change_their_number_and_cpus_while_the_switch_runs(make_switch):
    switch = make_switch(SMALL + "workers: { cpus: [1] }\nbridges: [ { name: br0 } ]\n")
    text = SMALL + "workers: { cpus: [0, 1], poll: busy }\nbridges: [ { name: br0 } ]\n"
    assert "workers" in switch.cli("apply", "-", stdin=text)
    assert [w["cpu"] for w in switch.json("worker", "list")] == [0, 1]
    assert {w["poll"] for w in switch.json("worker", "list")} == {"busy"}


def test_check_needs_nothing_and_names_file_line_and_field(tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("bridges:\n  - name: br0\n")
    bad.write_text("bridges:\n  - name: br0\n    colour: red\n")
    assert subprocess.run([SHUNTD, "--check", "-c", good]).returncode == 0
    done = subprocess.run([SHUNTD, "--check", "-c", bad], capture_output=True, text=True)
    assert done.returncode == 1
    assert str(bad) in done.stderr and "3" in done.stderr and "colour" in done.stderr
