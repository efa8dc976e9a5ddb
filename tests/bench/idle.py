# SPDX-License-Identifier: BSD-3-Clause
"""An idle switch that sleeps (poll: adaptive) beside one that never does (poll: busy): what waking
up costs a ping, and what the sleep saves. The worker has core 1, the ends of the ping core 0."""

import contextlib
import mmap
import os
import re
import signal
import statistics
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from daemon import wait_for  # noqa: E402
from load import CPU as LOAD_CPU  # noqa: E402
from process import Failed, Process, on_cpu  # noqa: E402
from switches import WORKER_CPU, Shunt  # noqa: E402
from vhost_guest import BROADCAST, VhostGuest, frame, mac  # noqa: E402

A, B = mac(0xa), mac(0xb)
POLLS = ("adaptive", "busy")
N_PINGS = N_KICKS = 200
SETTLE_S = 0.02  # a hundred times what a worker looks for frames before it sleeps
N_PORTS, MEASURE_S = 8, 5.0


class Small_shunt(Shunt):
    """A switch in 64 MiB of plain memory with access ports of one VLAN."""

    def config(self, sockets):
        text = super().config(sockets).replace("size: 512M, hugepages: on",
                                               "size: 64M, hugepages: off")
        return re.sub(r"vlan: \d+", "vlan: 100", text)

    def cpu_seconds(self):
        with open(f"/proc/{self.process.popen.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_for_links(self, n):
        wait_for(lambda: sum(p["link"] == "up" for p in self.ask("port", "list")) == n, 10,
                 f"{n} links are up")


class Guests:
    """Virtual machines in Python on client ports of a switch; they and who asks are on core 0."""

    def __init__(self, build, folder, n, poll="adaptive"):
        paths = [os.path.join(folder, f"idle{i}") for i in range(n)]
        self.guests = [VhostGuest(p, listen=True, start=False) for p in paths]
        self.switch = Small_shunt(build, poll)
        self.switch.start(folder, paths)

    def __enter__(self):
        for guest in self.guests:
            guest.start()
        self.switch.wait_for_links(len(self.guests))
        os.sched_setaffinity(0, {LOAD_CPU})
        return self

    def __exit__(self, *_):
        os.sched_setaffinity(0, range(os.cpu_count()))
        self.switch.stop()
        for guest in self.guests:
            guest.close()


def _answer_for_ever(guest, answer):
    """A guest that sleeps until something comes, and answers it."""
    while True:
        if guest.recv(60):
            guest.send(answer)


def ping(build, poll, folder):
    """Median round trip of one run between two guests, each asleep while it waits."""
    times = []
    with Guests(build, folder, 2, poll) as g:
        a, b = g.guests
        request, answer = frame(B, A, payload=b"request"), frame(A, B, payload=b"answer")
        child = os.fork()
        if child == 0:
            _answer_for_ever(b, answer)
        try:
            for i in range(N_PINGS):
                time.sleep(SETTLE_S)
                begin = time.perf_counter()
                a.send(request)
                if a.recv(2) != answer:
                    raise Failed(f"ping {i} was not answered")
                times.append((time.perf_counter() - begin) * 1e6)
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return statistics.median(times)


def _us_until(has_come, kick):
    """From a kick to what comes of it."""
    time.sleep(SETTLE_S)
    begin = time.perf_counter()
    kick()
    while not has_come():  # by looking: nobody has to wake us up
        if time.perf_counter() > begin + 1:
            raise Failed("nothing came of a kick")
    return (time.perf_counter() - begin) * 1e6


def _one_kick_us(a, b, one):
    """The frame lies ready in the guest's memory; what is measured begins when it is shown."""
    out, ring = a.rings[1], b.rings[0]
    a.send_many([one], kick=False)

    def show_and_kick():
        out.publish()
        out.kick()

    us = _us_until(lambda: ring.used_seen != ring.u16(ring.used + 2), show_and_kick)
    b.recv(0)
    return us


def kick_to_delivered_us(build, folder):
    """From a guest's kick to the frame in another guest's memory, the worker asleep between."""
    with Guests(build, folder, 2) as g:
        a, b = g.guests
        b.send(frame(BROADCAST, B))
        if a.recv() is None:
            raise Failed("no frame from guest to guest")
        times = [_one_kick_us(a, b, frame(B, A)) for _ in range(N_KICKS)]
    return statistics.median(times)


@contextlib.contextmanager
def _sleeper(build, folder):
    """wake.c on the worker's CPU, asleep: (eventfd that wakes it, its count in memory)."""
    kick_fd, memfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC), os.memfd_create("wakes")
    os.ftruncate(memfd, mmap.PAGESIZE)
    tool = os.path.join(build, "tests", "bench", "wake")
    process = Process([tool, str(WORKER_CPU), str(kick_fd), str(memfd)],
                      os.path.join(folder, "wake.log"), fds=(kick_fd, memfd))
    try:
        with mmap.mmap(memfd, mmap.PAGESIZE) as memory, memoryview(memory) as bytes_, \
                bytes_.cast("I") as words:
            os.eventfd_write(kick_fd, 1)
            wait_for(lambda: words[0], 5, "wake.c wakes up")
            yield kick_fd, words
    finally:
        process.stop()
        os.close(kick_fd)
        os.close(memfd)


def wake_us(build, folder):
    """The part of kick_to_delivered_us that is the machine's: from a kick to a word in memory, by
    a thread that was asleep and does no more than to write it."""
    times = []
    with on_cpu(LOAD_CPU), _sleeper(build, folder) as (kick_fd, words):
        for _ in range(N_KICKS):
            before = words[0]
            times.append(_us_until(lambda: words[0] != before,
                                   lambda: os.eventfd_write(kick_fd, 1)))
    return statistics.median(times)


def cpu_percent(build, folder):
    with Guests(build, folder, N_PORTS) as g:
        before, begin = g.switch.cpu_seconds(), time.monotonic()
        time.sleep(MEASURE_S)
        return 100 * (g.switch.cpu_seconds() - before) / (time.monotonic() - begin)


def run(report, build, runs, folder):
    print("\nA ping between two virtual machines through a switch that is idle between pings")
    times = {poll: [] for poll in POLLS}
    for _ in range(runs):
        for poll in POLLS:
            times[poll].append(ping(build, poll, folder))
    for poll in POLLS:
        report.series(f"round trip, poll: {poll}", "us", times[poll])
    report.ratio("round trip of a ping, adaptive against busy",
                 times["adaptive"], times["busy"], 1.5, False)
    print(f"\nAn idle switch with {N_PORTS} virtual machines")
    wakes, delays, shares = [], [], []
    for _ in range(runs):
        wakes.append(wake_us(build, folder))
        delays.append(kick_to_delivered_us(build, folder))
        shares.append(cpu_percent(build, folder))
    machine = report.series("control: kick to a word from a woken thread", "us", wakes)
    report.promise("us from a guest's kick to delivery, worker asleep",
                   report.series("kick to delivered", "us", delays), 100, False,
                   f"; to wake any thread here: {machine:.2f}")
    report.promise("percent of a core, idle",
                   report.series("CPU, idle, adaptive", "%", shares), 5, False)
