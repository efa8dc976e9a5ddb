# SPDX-License-Identifier: BSD-3-Clause
"""Small hosts: one CPU, no huge pages, no privileges."""

import os
import shutil
import statistics
import subprocess
import tempfile
import time

import pytest

import daemon
from daemon import SMALL, Switch
from netns import wire
from ports import assert_sums_hold, config, learned, link_is, plug
from vhost_guest import BROADCAST, frame, mac

A, B = mac(0xa), mac(0xb)
ON_CPU_0 = ("taskset", "-c", "0")
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


def show_times(switch, n=20):
    """Seconds that each of n commands took, on the CPU that the worker polls on."""
    times = []
    for _ in range(n):
        begin = time.monotonic()
        done = subprocess.run([*ON_CPU_0, daemon.SHUNT, "--run-dir", switch.run_dir, "show"],
                              capture_output=True, timeout=20)
        times.append(time.monotonic() - begin)
        assert done.returncode == 0, done.stderr
    return times


def test_a_busy_worker_on_the_only_cpu_lets_the_command_line_answer(make_switch):
    head = SMALL + "workers: { poll: busy }\nbridges: [ { name: br0 } ]\n"
    switch = make_switch(config({"a": "", "b": ""}, head=head), prefix=ON_CPU_0)
    assert [w["cpu"] for w in switch.json("worker", "list")] == [0]
    times = show_times(switch)
    assert statistics.median(times) < 0.2 and max(times) < 2, times


@pytest.mark.parametrize("poll", ["busy", "adaptive"])
def test_one_cpu_forwards_and_answers_under_load(make_switch, poll):
    head = SMALL + f"workers: {{ poll: {poll} }}\nbridges: [ {{ name: br0 }} ]\n"
    switch = make_switch(config({"a": "", "b": ""}, head=head), prefix=ON_CPU_0)
    # What waits in a's ring when the worker's turn comes must find room in b's.
    with plug(switch, "a") as a, plug(switch, "b", ring_size=1024) as b:
        b.send(frame(BROADCAST, B))
        learned(switch, "b", B)
        n_received = 0
        for i in range(100):
            a.send_many([frame(B, A, payload=bytes([i]))] * 32)
            if i % 10 == 0:
                assert max(show_times(switch, 2)) < 2
            while b.recv(0) is not None:
                n_received += 1
        n_received += len(b.recv_all(0.3))
        assert n_received == 3200, switch.stats("b")
    assert_sums_hold(switch)


def test_ports_come_and_go_under_a_busy_worker_on_one_cpu(make_switch):
    """Each change waits until the worker has seen it, and the worker has to get there."""
    head = SMALL + "workers: { poll: busy }\nbridges: [ { name: br0 } ]\n"
    switch = make_switch(config({}, head=head), prefix=ON_CPU_0)
    begin = time.monotonic()
    for i in range(10):
        switch.cli("port", "add", f"p{i}", "--bridge", "br0")
        with plug(switch, f"p{i}") as guest:
            guest.send(frame(BROADCAST, A))
            learned(switch, f"p{i}", A)
        link_is(switch, f"p{i}", "down")
        switch.cli("port", "del", f"p{i}")
    assert time.monotonic() - begin < 20


def test_a_large_memory_has_room_for_its_frames(make_switch):
    """More than 2^20 frames: the ring that holds them free is 16 MiB by itself."""
    head = "memory: { size: 2624M, hugepages: off }\nbridges: [ { name: br0 } ]\n"
    switch = make_switch(config({"a": "", "b": ""}, head=head))
    with plug(switch, "a") as a, plug(switch, "b") as b:
        a.send(frame(BROADCAST, A))
        assert b.recv() == frame(BROADCAST, A)


def free_huge_page_mib():
    with open("/proc/meminfo") as f:
        values = dict(line.split(":") for line in f)
    return int(values["HugePages_Free"]) * int(values["Hugepagesize"].split()[0]) // 1024


@pytest.mark.parametrize("hugepages", ["off", "auto"])
def test_plain_memory_serves_where_huge_pages_are_missing(make_switch, hugepages):
    """auto asks for more than there are, says so, and does without."""
    size = free_huge_page_mib() + 64
    head = (f"memory: {{ size: {size}M, hugepages: {hugepages} }}\n"
            "bridges: [ { name: br0 } ]\n")
    switch = make_switch(config({"a": "", "b": ""}, head=head))
    assert ("using plain memory" in switch.log()) == (hugepages == "auto")
    with plug(switch, "a") as a, plug(switch, "b") as b:
        a.send(frame(BROADCAST, A))
        assert b.recv() == frame(BROADCAST, A)


@pytest.fixture
def nobodys():
    """A folder of an unprivileged user with the programs in it: the checkout may be out of its
    reach."""
    folder = tempfile.mkdtemp(prefix="shunt-nobody-")
    for program in (daemon.SHUNTD, daemon.SHUNT):
        shutil.copy(program, folder)
    os.mkdir(os.path.join(folder, "own"))
    os.chown(os.path.join(folder, "own"), 65534, 65534)
    os.chmod(folder, 0o755)
    yield folder
    shutil.rmtree(folder)


def nobody_runs(folder, program, *argv):
    return subprocess.run([*NOBODY, os.path.join(folder, program), *argv], capture_output=True,
                          text=True, timeout=20, env={"PATH": os.environ["PATH"]})


@pytest.mark.parametrize("words", [
    [], ["--run-dir", "/proc/nosuch"], ["--state-dir", "FOLDER/own", "--run-dir", "FOLDER/root"]])
def test_a_folder_that_cannot_be_written_is_one_line_and_status_1(nobodys, words):
    os.mkdir(os.path.join(nobodys, "root"))
    done = nobody_runs(nobodys, "shuntd", *[w.replace("FOLDER", nobodys) for w in words])
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "cannot" in done.stderr, done.stderr
    if words:
        assert words[-1].replace("FOLDER", nobodys) in done.stderr
    else:  # the second, where this host has the first
        assert "/run/shunt" in done.stderr or "/var/lib/shunt" in done.stderr


def test_an_unprivileged_switch_carries_guests_and_says_what_the_rest_needs(nobodys, make_netns):
    """It is its user's own: no group, no interfaces, no huge pages."""
    own, ns = os.path.join(nobodys, "own"), make_netns("sw")
    wire(ns, "eth1", ns, "eth2")
    prefix = ns.command(*NOBODY)
    switch = Switch(config({"a": "", "b": ""}), folder=own, prefix=prefix)
    switch.argv[len(prefix)] = os.path.join(nobodys, "shuntd")
    for path in (switch.run_dir, switch.state_dir, os.path.join(switch.state_dir, "config.yaml")):
        os.chown(path, 65534, 65534)
    mask = os.umask(0)  # it may write to the socket where the test hears that it is ready
    with switch:
        os.umask(mask)
        for words, needs in ((["--type", "internal"], "CAP_NET_ADMIN"),
                             (["--type", "uplink", "--device", "packet:eth1"], "CAP_NET_RAW")):
            done = nobody_runs(nobodys, "shunt", "--run-dir", switch.run_dir, "port", "add", "x",
                               "--bridge", "br0", *words)
            assert done.returncode == 1 and done.stderr.count("\n") == 1
            assert "root" in done.stderr and needs in done.stderr
        with plug(switch, "a") as a, plug(switch, "b") as b:
            a.send(frame(BROADCAST, A))
            assert b.recv() == frame(BROADCAST, A)
        assert switch.terminate() == 0


def test_a_stranger_is_told_who_may_ask(nobodys, switch):
    os.chmod(switch.folder, 0o755)
    done = nobody_runs(nobodys, "shunt", "--run-dir", switch.run_dir, "show")
    assert done.returncode == 1 and done.stdout == ""
    assert "no permission" in done.stderr and "group" in done.stderr
    assert done.stderr.count("\n") == 1
