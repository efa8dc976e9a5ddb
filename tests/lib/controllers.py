# SPDX-License-Identifier: BSD-3-Clause
"""Controllers that are programs of their own: Open vSwitch's, and applications of os-ken."""

import json
import os
import socket
import subprocess
import sys

from daemon import TOP, wait_for
from ports import assert_sums_hold
from vhost_guest import BROADCAST, frame, mac

COMES_S = 10  # what comes by way of a controller
LIB = os.path.join(TOP, "tests", "lib")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Controller:
    """A program that runs until the test ends it, with what it says in a file."""

    def __init__(self, argv, log_path, **env):
        self.argv, self.log_path = argv, str(log_path)
        self.env = dict(os.environ, **env)
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.env)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()


def ovs_controller(folder, method, *options):
    """Open vSwitch's learning controller at a connection method like ptcp:PORT:127.0.0.1."""
    return Controller(["ovs-testcontroller", f"--unixctl={folder}/ctl", "-vconsole:info",
                       "-vsyslog:off", *options, method], folder / "testcontroller.log")


def osken(folder, port, app, *options):
    """os-ken with an application of tests/lib on a port of the loopback address."""
    argv = [sys.executable, "-m", "os_ken.cmd.manager", "--ofp-listen-host", "127.0.0.1",
            *(options or ("--ofp-tcp-listen-port", str(port))), os.path.join(LIB, app)]
    return Controller(argv, folder / "osken.log", SHUNT_REPORT=str(folder / "report"),
                      PYTHONDONTWRITEBYTECODE="1")


class Report:
    """What the application osken_app.py has told so far, and the way to tell it something."""

    def __init__(self, folder):
        self.path = folder / "report"

    def all(self, what):
        if not self.path.exists():
            return []
        lines = [json.loads(line) for line in self.path.read_text().splitlines(keepends=True)
                 if line.endswith("\n")]
        return [line for line in lines if line["what"] == what]

    def wait(self, what, n=1, seconds=20, **fields):
        """The n-th thing of its kind that has these fields, when it has come."""
        def found():
            fit = [e for e in self.all(what) if all(e.get(k) == v for k, v in fields.items())]
            return fit[n - 1] if len(fit) >= n else None

        return wait_for(found, seconds, f"{what} {fields} number {n}")


def flows_of(bridge, *words):
    return [line for line in bridge.ofctl("dump-flows").splitlines() if
            all(word in line for word in words)]


def count(line):
    return int(line.split("n_packets=")[1].split(",")[0])


def reach_each_other(bridge):
    """Two guests find each other by way of a controller that learns, and then without it."""
    wait_for(lambda: flows_of(bridge, "priority=0", "CONTROLLER"), 20, "a table-miss flow")
    a, b = mac(0xa), mac(0xb)
    there, back = frame(BROADCAST, a), frame(a, b)
    bridge.guests[1].send(there)
    assert [bridge.guests[i].recv(COMES_S) for i in (2, 3)] == [there, there]
    bridge.guests[2].send(back)
    assert bridge.guests[1].recv(COMES_S) == back
    flow = wait_for(lambda: flows_of(bridge, "priority=", "actions=output:1"), COMES_S, "a flow")
    misses = count(flows_of(bridge, "CONTROLLER")[0])
    assert misses == 2
    before = count(flow[0])
    assert bridge.send(2, back) == {1: [back]}
    assert count(flows_of(bridge, "actions=output:1")[0]) == before + 1
    assert count(flows_of(bridge, "CONTROLLER")[0]) == misses
    assert bridge.guests[3].recv_all(0) == []
    assert_sums_hold(bridge.switch)
