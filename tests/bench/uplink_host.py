# SPDX-License-Identifier: BSD-3-Clause
"""TCP from a Linux guest to the host that it runs on: by vhost-user, Shunt and an internal port,
beside QEMU's own back end, a tap and the kernel's bridge. Both carry checksums and segmentation
through. The guest is on core 0; what is not the guest, the switch's worker and the receiving
program, is on core 1. The guest's CPU, emulated, bounds both."""

import json
import os
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from guest import Guest  # noqa: E402
from load import CPU, sockets  # noqa: E402
from netns import Netns  # noqa: E402
from process import Failed, Process, on_cpu  # noqa: E402
from switches import WORKER_CPU, Shunt  # noqa: E402
from tcp import SECONDS, SLOW_START_S  # noqa: E402

HOST, GUEST = "10.0.0.9", "10.0.0.1"


def _guest(folder, **back_end):
    with on_cpu(CPU):
        return Guest("g1", address=f"{GUEST}/24", mac="02:00:00:00:00:01", folder=folder,
                     program="iperf3", **back_end)


class Internal(Shunt):
    """Shunt in a namespace, where the host's end is a port of type internal."""

    name = "Shunt, internal port"

    def config(self, paths):
        return "\n".join([
            f"workers: {{ cpus: [{WORKER_CPU}], poll: {self.poll} }}",
            "memory: { size: 256M, hugepages: auto }", "bridges: [ { name: br0 } ]", "ports:",
            f"  - {{ name: vm, bridge: br0, type: vhost-user, mode: client, socket: \"{paths[0]}\" }}",
            "  - { name: host0, bridge: br0, type: internal }"]) + "\n"

    def launch(self, argv, log):
        return Process(self.ns.command(*argv), log)

    def attach(self, ns, folder):
        self.ns, paths = ns, sockets(folder, 1)
        guest = _guest(folder, vhost_socket=paths[0], server=True)
        self.start(folder, paths)
        ns.add_address("host0", f"{HOST}/24")
        return guest


class Bridge:
    """The kernel's bridge and a tap, which QEMU serves by itself."""

    name = "Linux bridge, tap"

    def attach(self, ns, folder):
        ns.ip("link", "add", "host0", "type", "bridge")
        ns.ip("tuntap", "add", "dev", "tap0", "mode", "tap", "vnet_hdr")
        ns.ip("link", "set", "tap0", "master", "host0")
        for name in ("tap0", "host0"):
            ns.ip("link", "set", name, "up")
        ns.add_address("host0", f"{HOST}/24")
        return _guest(folder, tap="tap0", prefix=ns.command())

    def stop(self):
        """All of it goes with the namespace."""


def _serve(ns, folder):
    with on_cpu(WORKER_CPU):
        server = Process(ns.command("iperf3", "-s", "-4", "-1", "-B", HOST, "--forceflush"),
                         os.path.join(folder, "iperf3.log"))
    while "listening" not in server.output():
        if server.ends_within(0.02):
            raise Failed(f"iperf3: {server.tail()}")
    return server


def _transfer(guest, ns, folder):
    server = _serve(ns, folder)
    try:
        line = f"iperf3 -c {HOST} -4 -i 0 -t {SECONDS} -O {SLOW_START_S} -J"
        status, output = guest.run(line, SECONDS + SLOW_START_S + 30)
        if status:
            raise Failed(f"{line}: exit {status}: {output}")
        return json.loads(output)["end"]["sum_received"]["bits_per_second"] / 1e6
    finally:
        server.stop()


def measure(switch, folder):
    for name in os.listdir(folder):
        if name.startswith("g1."):
            os.unlink(os.path.join(folder, name))
    subprocess.run(["rm", "-f", *sockets(folder, 1)], check=True)
    ns = Netns("bh")
    try:
        guest = switch.attach(ns, folder)
        try:
            return _transfer(guest.ready(), ns, folder)
        finally:
            guest.stop()
            switch.stop()
    finally:
        ns.delete()


def run(report, build, runs, folder):
    print("\nTCP, one stream from a Linux guest to its host, 1500 bytes of MTU")
    switches = [Bridge(), Internal(build, "adaptive")]
    results = [[] for _ in switches]
    for _ in range(runs):
        for switch, mine in zip(switches, results):
            mine.append(measure(switch, folder))
    for switch, mine in zip(switches, results):
        report.series(f"{switch.name}, TCP from a guest", "Mbit/s", mine)
    report.ratio("TCP from a guest to its host against a Linux bridge", results[1], results[0], 0.8,
                 True)
