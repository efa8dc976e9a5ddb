# SPDX-License-Identifier: BSD-3-Clause
"""An Open vSwitch of a test's own: database, sockets and run folder in a folder of its own, and a
datapath of dummy ports, so that it needs no kernel module, no device and no root.

A dummy port is a stream socket that carries frames behind their length (two bytes, big endian)."""

import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

from daemon import wait_for

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
VSWITCHD = "/usr/lib/openvswitch-switch/ovs-vswitchd"  # not the one that is linked with DPDK
START_S = 20


class StreamPort:
    """The far end of a dummy port."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.bytes = b""

    def send(self, frame):
        self.socket.sendall(struct.pack("!H", len(frame)) + frame)

    def recv(self, timeout):
        """The next frame, or None when none came in time."""
        deadline = time.monotonic() + timeout
        while not (frame := self._take()):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            chunk = self.socket.recv(65536)
            assert chunk, "Open vSwitch closed a port"
            self.bytes += chunk
        return frame

    def _take(self):
        if len(self.bytes) < 2:
            return None
        end = 2 + struct.unpack_from("!H", self.bytes)[0]
        if len(self.bytes) < end:
            return None
        frame, self.bytes = self.bytes[2:end], self.bytes[end:]
        return frame

    def close(self):
        self.socket.close()


class Ovs:
    """The database and the switch; all that they keep is in a folder of their own. Those who derive
    from it call run_daemons() in start()."""

    def __init__(self, *arguments):
        self.folder = tempfile.mkdtemp(prefix="ovs-test-")
        self.env = dict(os.environ, OVS_RUNDIR=self.folder, OVS_LOGDIR=self.folder,
                        OVS_DBDIR=self.folder, OVS_SYSCONFDIR=self.folder)
        self.processes = []
        try:
            self.start(*arguments)
        except BaseException:
            self.close()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def popen(self, *argv, **options):
        return subprocess.Popen(argv, **options)

    def _spawn(self, *argv):
        with open(self.path(os.path.basename(argv[0]) + ".log"), "wb") as log:
            self.processes.append(self.popen(*argv, "--no-chdir", env=self.env, stdout=log,
                                             stdin=subprocess.DEVNULL, stderr=log))

    def run_daemons(self, *options, settings=()):
        """options: of ovs-vswitchd; settings: of the database's one row."""
        subprocess.run(["ovsdb-tool", "create", self.path("conf.db"), SCHEMA], env=self.env,
                       check=True, capture_output=True)
        self._spawn("ovsdb-server", f"--remote=punix:{self.path('db.sock')}",
                    f"--unixctl={self.path('db.ctl')}", self.path("conf.db"))
        wait_for(lambda: os.path.exists(self.path("db.sock")), START_S, "ovsdb-server")
        words = ["--", "set", "Open_vSwitch", ".", *settings] if settings else []
        self.vsctl("--no-wait", "init", *words)
        self._spawn(VSWITCHD, "--disable-system", *options, f"--unixctl={self.path('vs.ctl')}",
                    f"unix:{self.path('db.sock')}")

    def vsctl(self, *words):
        """Change the database, and wait until the switch has done it unless --no-wait is said."""
        return subprocess.run(["ovs-vsctl", f"--db=unix:{self.path('db.sock')}", "-t",
                               str(START_S), *words], env=self.env, check=True, text=True,
                              capture_output=True).stdout

    def appctl(self, method, *words):
        """Ask the switch itself over its control socket, which talks JSON-RPC 1.0."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(START_S)
            s.connect(self.path("vs.ctl"))
            s.sendall(json.dumps({"id": 0, "method": method, "params": words}).encode())
            text = b""
            while True:
                chunk = s.recv(65536)
                assert chunk, f"{method}: no answer"
                text += chunk
                try:
                    answer = json.loads(text)
                except ValueError:
                    continue
                assert answer.get("error") is None, answer
                return answer["result"]

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGCONT)  # it may be stopped
            process.terminate()
            process.wait(START_S)
        shutil.rmtree(self.folder, ignore_errors=True)


class OpenVSwitch(Ovs):
    """br0 with dummy ports p1 to pn, ports[1] to ports[n]; OpenFlow 1.3 at mgmt."""

    def __init__(self, n=3):
        self.ports = {}
        super().__init__(n)
        self.mgmt = self.path("br0.mgmt")

    def start(self, n):
        self.run_daemons("--enable-dummy", "--disable-system-route",
                         settings=["other_config:vlan-limit=2"])
        words = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy",
                 "fail-mode=secure", "protocols=OpenFlow13"]
        for i in range(1, n + 1):
            words += ["--", "add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}",
                      "type=dummy", f"ofport_request={i}",
                      f"options:pstream=punix:{self.path(f'p{i}.sock')}"]
        self.vsctl(*words)
        for i in range(1, n + 1):
            self.ports[i] = StreamPort(self.path(f"p{i}.sock"))

    def count(self):
        """Have all that the datapath counted stand in the flows, and forget what it cached of
        them: a barrier does not wait for that."""
        self.appctl("revalidator/purge")

    def set_link(self, port, up):
        self.appctl("netdev-dummy/set-admin-state", f"p{port}", "up" if up else "down")

    def close(self):
        for port in self.ports.values():
            port.close()
        super().close()
