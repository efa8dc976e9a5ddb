# SPDX-License-Identifier: BSD-3-Clause
"""An Open vSwitch in a namespace, with a bond that speaks LACP: the switch at the other end of a
team's wires. It forwards by itself, without a kernel module."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from daemon import wait_for
from ovs_peer import SCHEMA, START_S, VSWITCHD


class OvsBond:
    """br0 in the namespace with bond0 of these interfaces, and more ports."""

    def __init__(self, ns, members, ports, settings=("lacp=active",
                                                     "other_config:lacp-time=fast")):
        self.ns, self.folder, self.processes = ns, tempfile.mkdtemp(prefix="ovs-bond-"), []
        self.env = dict(os.environ, OVS_RUNDIR=self.folder, OVS_LOGDIR=self.folder,
                        OVS_DBDIR=self.folder, OVS_SYSCONFDIR=self.folder)
        try:
            self._start(members, ports, settings)
        except BaseException:
            self.close()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def _spawn(self, *argv):
        with open(self.path(os.path.basename(argv[0]) + ".log"), "wb") as log:
            self.processes.append(self.ns.popen(*argv, "--no-chdir", env=self.env, stdout=log,
                                                stdin=subprocess.DEVNULL, stderr=log))

    def _start(self, members, ports, settings):
        subprocess.run(["ovsdb-tool", "create", self.path("conf.db"), SCHEMA], env=self.env,
                       check=True, capture_output=True)
        self._spawn("ovsdb-server", f"--remote=punix:{self.path('db.sock')}",
                    f"--unixctl={self.path('db.ctl')}", self.path("conf.db"))
        wait_for(lambda: os.path.exists(self.path("db.sock")), START_S, "ovsdb-server")
        self.vsctl("--no-wait", "init")
        self._spawn(VSWITCHD, "--disable-system", f"--unixctl={self.path('vs.ctl')}",
                    f"unix:{self.path('db.sock')}")
        words = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                 "--", "add-bond", "br0", "bond0", *members, "bond_mode=balance-tcp", *settings]
        for port in ports:
            words += ["--", "add-port", "br0", port]
        self.vsctl(*words)

    def vsctl(self, *words):
        return subprocess.run(["ovs-vsctl", f"--db=unix:{self.path('db.sock')}", "-t",
                               str(START_S), *words], env=self.env, check=True, text=True,
                              capture_output=True).stdout

    def appctl(self, method, *words):
        """Ask the switch over its control socket, which talks JSON-RPC 1.0."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(START_S)
            s.connect(self.path("vs.ctl"))
            s.sendall(json.dumps({"id": 0, "method": method, "params": words}).encode())
            text = b""
            while True:
                text += s.recv(65536)
                try:
                    answer = json.loads(text)
                except ValueError:
                    continue
                assert answer.get("error") is None, answer
                return answer["result"]

    def in_use(self):
        """Members of bond0 by which it sends."""
        lines = self.appctl("bond/show", "bond0").splitlines()
        return sorted(line.split()[1].rstrip(":") for line in lines
                      if line.startswith(("member ", "slave ")) and line.endswith("enabled"))

    def pause(self):
        """It says nothing more; its links stay."""
        os.kill(self._pid(), signal.SIGSTOP)

    def go_on(self):
        os.kill(self._pid(), signal.SIGCONT)

    def _pid(self):
        return self.processes[1].pid

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(START_S)
        shutil.rmtree(self.folder, ignore_errors=True)
