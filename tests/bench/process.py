# SPDX-License-Identifier: BSD-3-Clause
"""Programs that a bench starts: each in a folder of its own, ended by its own process id."""

import contextlib
import os
import select
import signal
import subprocess
import time


class Failed(Exception):
    """A program of the bench did not do what the bench needs; the text says which and why."""


@contextlib.contextmanager
def on_cpu(cpu):
    """The bench is on this CPU meanwhile, and what it starts then stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Process:
    """One program with its output in a file; stop() ends it and waits. fds: it inherits these."""

    def __init__(self, argv, log, env=None, stdin=None, fds=()):
        self.argv = argv
        self.log_path = log
        self.log = open(log, "wb")
        self.popen = subprocess.Popen(argv, stdin=stdin or subprocess.DEVNULL, stdout=self.log,
                                      stderr=subprocess.STDOUT, env=env, pass_fds=fds)

    def output(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def tail(self, lines=5):
        return "\n".join(self.output().splitlines()[-lines:])

    def rss_mib(self):
        with open(f"/proc/{self.popen.pid}/status") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
        return 0.0

    def ends_within(self, seconds):
        try:
            self.popen.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            return False

    def stop(self, seconds=10):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.log.close()


class Testpmd:
    """An interactive dpdk-testpmd. Commands go in by say(); ask() returns what it printed."""

    PROMPT = "testpmd> "

    def __init__(self, argv, folder, name):
        self.log_path = os.path.join(folder, f"{name}.log")
        self.text = ""
        # Line by line, or its answers come long after its prompt.
        self.popen = subprocess.Popen(["stdbuf", "-oL", *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, cwd=folder)
        os.set_blocking(self.popen.stdout.fileno(), False)

    def ready(self):
        """Wait for the first prompt. A virtio-user server shows it when all its peers are there."""
        self._until_prompt(30)

    def _until_prompt(self, seconds, echo=""):
        """Text from the echo of a command up to the next prompt."""
        start, deadline = len(self.text), time.monotonic() + seconds
        while True:
            at = self.text.find(echo, start)
            if at >= 0 and self.text[at + len(echo):].endswith(self.PROMPT):
                return self.text[at:]
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.popen.stdout], [], [], left)[0]:
                raise Failed(f"testpmd did not answer in {seconds} s:\n{self.text[-800:]}")
            chunk = os.read(self.popen.stdout.fileno(), 65536)
            if not chunk:
                raise Failed(f"testpmd ended:\n{self.text[-800:]}")
            self.text += chunk.decode(errors="replace")

    def ask(self, command, seconds=20):
        """Give a command; returns what it printed. What came unasked before it is left out."""
        self.popen.stdin.write(command.encode() + b"\n")
        self.popen.stdin.flush()
        return self._until_prompt(seconds, command)

    def rx_packets(self, ports):
        """Frames that came back to these ports."""
        lines = [line for port in ports for line in self.ask(f"show port stats {port}").splitlines()]
        return sum(int(line.split()[1]) for line in lines if "RX-packets:" in line)

    def stop(self):
        if self.popen.poll() is None:
            try:
                self.ask("stop")
                self.popen.stdin.write(b"quit\n")
                self.popen.stdin.flush()
                self.popen.wait(10)
            except (Failed, BrokenPipeError, subprocess.TimeoutExpired):
                self.popen.kill()
                self.popen.wait()
        with open(self.log_path, "w") as f:
            f.write(self.text)
