# SPDX-License-Identifier: BSD-3-Clause
"""A shuntd of a test's own: own run and state folder, ended by its process id."""

import glob
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SHUNT_BUILD", os.path.join(TOP, "build"))
SHUNTD = os.path.join(BUILD, "control", "shuntd")
SHUNT = os.path.join(BUILD, "cli", "shunt")
SRIOV = os.path.join(BUILD, "sriov", "shunt-sriov")
START_S = 20

# Nothing on a wire but what the test sends.
SMALL = "memory: { size: 64M, hugepages: off }\nlldp: { mode: off }\n"


class CommandFailed(Exception):
    """A command of shunt ended with another status than 0."""

    def __init__(self, argv, status, stderr):
        super().__init__(f"{' '.join(argv)}: exit {status}: {stderr.strip()}")
        self.status, self.stderr = status, stderr


class Switch:
    """shuntd and its command line. `config` is YAML; with `store` it is the state folder's file,
    which shuntd then owns, else it is given read-only with -c."""

    def __init__(self, config=SMALL, store=True, arguments=(), prefix=(), folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="shunt-test-")
        self.owns_folder = folder is None
        self.run_dir = os.path.join(self.folder, "run")
        self.state_dir = os.path.join(self.folder, "state")
        self.log_path = os.path.join(self.folder, "shuntd.log")
        os.makedirs(self.run_dir, exist_ok=True)
        os.makedirs(self.state_dir, exist_ok=True)
        self.argv = [*prefix, SHUNTD, "--run-dir", self.run_dir, "--state-dir", self.state_dir,
                     *arguments]
        path = os.path.join(self.state_dir if store else self.folder, "config.yaml")
        if config is not None:
            with open(path, "w") as f:
                f.write(config)
        if not store:
            self.argv += ["-c", path]
        self.process = None
        self.notifications = []

    def start(self):
        """Start shuntd and wait until it says by sd_notify that it is ready."""
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = os.path.join(self.folder, f"notify.{time.monotonic_ns()}")
        self.notify.bind(path)
        env = dict(os.environ, NOTIFY_SOCKET=path, **getattr(self, "env", {}))
        self.log_file = open(self.log_path, "ab")
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=self.log_file,
                                        stderr=self.log_file, env=env)
        self.wait_notify("READY=1", START_S)
        return self

    def wait_notify(self, word, seconds):
        """Wait until shuntd has notified `word`; returns all it notified up to then."""
        deadline = time.monotonic() + seconds
        pidfd = os.pidfd_open(self.process.pid)
        try:
            while True:
                left = deadline - time.monotonic()
                ready = select.select([self.notify, pidfd], [], [], max(left, 0))[0]
                if self.notify in ready:
                    self.notifications += self.notify.recv(4096).decode().split("\n")
                    if word in self.notifications:
                        return self.notifications
                elif pidfd in ready:
                    raise AssertionError(f"shuntd ended:\n{self.log()[-2000:]}")
                else:
                    raise AssertionError(f"no {word} in {seconds} s:\n{self.log()[-2000:]}")
        finally:
            os.close(pidfd)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    @property
    def pid(self):
        return self.process.pid

    def is_alive(self):
        return self.process.poll() is None

    def worker_sleeps(self, index=0):
        """Whether a worker waits for something to come, as the kernel sees its thread."""
        for task in glob.glob(f"/proc/{self.pid}/task/*"):
            with open(f"{task}/stat") as f:
                name, state = f.read().split("(", 1)[1].rsplit(")", 1)
            if name == f"shunt-w{index}":
                return state.split()[0] == "S"
        raise AssertionError(f"no worker {index}")

    def run(self, *argv, stdin=None, timeout=60):
        """Run shunt; returns the finished process, whatever its status."""
        return subprocess.run([SHUNT, "--run-dir", self.run_dir, *map(str, argv)], input=stdin,
                              capture_output=True, text=True, timeout=timeout)

    def cli(self, *argv, stdin=None):
        done = self.run(*argv, stdin=stdin)
        if done.returncode:
            raise CommandFailed(["shunt", *map(str, argv)], done.returncode, done.stderr)
        return done.stdout

    def json(self, *argv):
        return json.loads(self.cli("-j", *argv))

    def port(self, name):
        return self.json("port", "show", name)

    def stats(self, name):
        return self.json("port", "stats", name)[0]

    def n_descriptors(self):
        """How many shuntd has open. Connections whose peers have ended are closed by then: shuntd
        hears of that before it answers what is asked now."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(os.path.join(self.run_dir, "shunt.sock"))
            with asking.makefile("rw") as lines:
                for _ in range(2):
                    lines.write('{"jsonrpc": "2.0", "id": 1, "method": "version"}\n')
                    lines.flush()
                    assert lines.readline()
                return len(os.listdir(f"/proc/{self.pid}/fd")) - 1

    def socket(self, name):
        """Path of a vhost-user port's socket."""
        return os.path.join(self.run_dir, f"{name}.sock")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._close()

    def terminate(self, seconds=20):
        """End shuntd as a service manager does; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._close()
        return self.process.returncode

    def _close(self):
        self.log_file.close()
        self.notify.close()

    def cleanup(self):
        if self.process and self.process.poll() is None:
            self.terminate()
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.cleanup()


def wait_for(condition, seconds=10, what="condition", interval=0.02):
    """Wait until condition() is true; returns its value. For state that has no event to wait on,
    as what another program reports when asked."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        select.select([], [], [], interval)
