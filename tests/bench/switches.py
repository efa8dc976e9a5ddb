# SPDX-License-Identifier: BSD-3-Clause
"""The switches that are measured. Each polls on core 1 and connects to the generator's sockets.

A switch has start(folder, sockets), cycles() and stop(). cycles() is busy cycles a packet since
the last call; the first call may have none to tell of and returns None then."""

import json
import os
import re
import subprocess
import time

from process import Failed, Process, Testpmd

WORKER_CPU = 1


class Testpmd_io:
    """dpdk-testpmd with vhost ports in io mode: no lookup, the ceiling of two copies."""

    name = "testpmd io"

    def start(self, folder, sockets):
        vdevs = [f"--vdev=net_vhost{i},iface={s},client=1,queues=1" for i, s in enumerate(sockets)]
        self.pmd = Testpmd(
            ["dpdk-testpmd", "--lcores", f"0@0,1@{WORKER_CPU}", "--no-pci", "--in-memory",
             "--file-prefix=bench-io", "-m", "256", *vdevs, "--", "-i", "--nb-cores=1",
             "--total-num-mbufs=32768"], folder, "testpmd-io")
        self.pmd.ready()
        self.pmd.ask("set fwd io")
        self.pmd.ask("set record-core-cycles on")
        self.pmd.ask("start")

    def cycles(self):
        found = re.search(r"CPU cycles/packet=([\d.]+)", self.pmd.ask("show fwd stats all"))
        self.pmd.ask("clear fwd stats all")
        return float(found.group(1)) if found else None

    def stop(self):
        self.pmd.stop()


class Ovs:
    """Open vSwitch DPDK with the action NORMAL between access ports of one VLAN."""

    name = "Open vSwitch NORMAL"

    def _tool(self, *argv):
        done = subprocess.run(argv, env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout

    def start(self, folder, sockets):
        run = os.path.join(folder, "ovs")
        os.makedirs(run, exist_ok=True)
        db = os.path.join(run, "conf.db")
        self.db_socket = f"unix:{run}/db.sock"
        self.ctl = os.path.join(run, "vswitchd.ctl")
        self.env = dict(os.environ, OVS_RUNDIR=run, OVS_DBDIR=run, OVS_LOGDIR=run)
        if os.path.exists(db):
            os.unlink(db)
        self._tool("ovsdb-tool", "create", db, "/usr/share/openvswitch/vswitch.ovsschema")
        self.processes = [Process(
            ["ovsdb-server", db, f"--remote=p{self.db_socket}",
             f"--unixctl={run}/db.ctl"], f"{run}/db.log", self.env)]
        self._until(lambda: os.path.exists(f"{run}/db.sock"), "ovsdb-server")
        self._vsctl("--no-wait", "init")
        self._vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                    f"other_config:pmd-cpu-mask={1 << WORKER_CPU:#x}",
                    "other_config:dpdk-socket-mem=512",
                    'other_config:dpdk-extra="--no-pci --file-prefix=bench-ovs"')
        self.processes.append(Process(
            ["/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk", self.db_socket,
             f"--unixctl={self.ctl}"], f"{run}/vswitchd.log", self.env))
        self._until(lambda: os.path.exists(self.ctl), "ovs-vswitchd")
        self._vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        for i, s in enumerate(sockets):
            self._vsctl("add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}",
                        "type=dpdkvhostuserclient", f"options:vhost-server-path={s}",
                        *self.port_options(i))

    def port_options(self, i):
        return ["--", "set", "port", f"p{i}", f"tag={100 + i // 2}"]

    def management(self):
        return os.path.join(self.env["OVS_RUNDIR"], "br0.mgmt")

    def rss_mib(self):
        return self.processes[-1].rss_mib()

    def _vsctl(self, *argv):
        return self._tool("ovs-vsctl", f"--db={self.db_socket}", *argv)

    def _until(self, condition, what):
        deadline = time.monotonic() + 20
        while not condition():
            if self.processes[-1].ends_within(0.05) or time.monotonic() > deadline:
                raise Failed(f"{what} did not start: {self.processes[-1].tail()}")

    def cycles(self):
        text = self._tool("ovs-appctl", "-t", self.ctl, "dpif-netdev/pmd-stats-show")
        self._tool("ovs-appctl", "-t", self.ctl, "dpif-netdev/pmd-stats-clear")
        for line in text.splitlines():
            if "avg processing cycles per packet" in line:
                return float(line.split(":")[1].split()[0])
        return None

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


class Shunt:
    """shuntd: a learning bridge, pairs of access ports of one VLAN a pair."""

    name = "Shunt"

    def __init__(self, build, poll="busy"):
        self.shuntd = os.path.join(build, "control", "shuntd")
        self.shunt = os.path.join(build, "cli", "shunt")
        self.poll = poll

    def config(self, sockets):
        lines = [f"workers: {{ cpus: [{WORKER_CPU}], poll: {self.poll} }}",
                 "memory: { size: 512M, hugepages: on }",
                 "bridges: [ { name: br0 } ]", "ports:"]
        for i, s in enumerate(sockets):
            lines.append(f"  - {{ name: p{i}, bridge: br0, vlan: {100 + i // 2}, "
                         f"type: vhost-user, mode: client, socket: \"{s}\" }}")
        return "\n".join(lines) + "\n"

    def start(self, folder, sockets):
        self.run = os.path.join(folder, "shunt")
        os.makedirs(self.run, exist_ok=True)
        path = os.path.join(self.run, "bench.yaml")
        with open(path, "w") as f:
            f.write(self.config(sockets))
        begin = time.monotonic()
        self.process = self.launch([self.shuntd, "-c", path, "--run-dir", self.run],
                                   os.path.join(self.run, "shuntd.log"))
        while subprocess.run([self.shunt, "--run-dir", self.run, "worker", "list"],
                             capture_output=True).returncode:
            if self.process.ends_within(0.01) or time.monotonic() > begin + 20:
                raise Failed(f"shuntd did not start: {self.process.tail()}")
        self.ready_s = time.monotonic() - begin

    def launch(self, argv, log):
        return Process(argv, log)

    def do(self, *argv):
        done = subprocess.run([self.shunt, "--run-dir", self.run, *argv], capture_output=True,
                              text=True)
        if done.returncode:
            raise Failed(done.stderr.strip())
        return done.stdout

    def ask(self, *argv):
        return json.loads(self.do("-j", *argv))

    def cycles(self):
        stats = self.ask("worker", "stats", "--clear")
        received = sum(w["rx_packets"] for w in stats)
        return sum(w["busy_cycles"] for w in stats) / received if received else None

    def management(self):
        return os.path.join(self.run, "br0.mgmt")

    def rss_mib(self):
        return self.process.rss_mib()

    def stop(self):
        self.process.stop()
