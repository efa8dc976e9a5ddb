# SPDX-License-Identifier: BSD-3-Clause
"""An lldpd of a test's own in a namespace, and what it says of its neighbours; and LLDPDUs made by
hand."""

import json
import os
import shutil
import struct
import subprocess
import tempfile

from daemon import wait_for

START_S = 20
NEAREST = b"\x01\x80\xc2\x00\x00\x0e"


def one(value):
    """json0 has a list everywhere; most have one element."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


class Lldpd:
    """lldpd on one interface of a namespace, announcing once a second."""

    def __init__(self, ns, interface, description="a peer"):
        self.folder = tempfile.mkdtemp(prefix="lldpd-")
        os.chmod(self.folder, 0o755)  # it gives up being root
        self.socket = os.path.join(self.folder, "socket")
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = ns.popen("lldpd", "-d", "-u", self.socket, "-I", interface, "-O",
                                    "/nonexistent", "-S", description, stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log)
        try:
            wait_for(lambda: self._cli("configure", "lldp", "tx-interval", "1").returncode == 0,
                     START_S, "lldpd")
            # It waits for a child that reads its configuration to say so, which may be overtaken.
            assert self._cli("resume").returncode == 0
        except BaseException:
            self.close()
            raise

    def _cli(self, *words):
        return subprocess.run(["lldpcli", "-u", self.socket, *words], capture_output=True,
                              text=True)

    def neighbors(self):
        """[{"chassis": {...}, "port": {...}, ...}] as lldpcli tells them."""
        done = self._cli("-f", "json0", "show", "neighbors", "details")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)["lldp"][0].get("interface", [])
        return [{key: one(value) for key, value in i.items()} for i in found]

    def close(self):
        """It tells its neighbours, and ends."""
        self.process.terminate()
        self.process.wait(START_S)
        shutil.rmtree(self.folder, ignore_errors=True)


def tlv(kind, value):
    return struct.pack("!H", kind << 9 | len(value)) + value


FAR = b"\x02\x00\x00\x00\x00\xfa"


def lldpdu(ttl_s=120, port=b"1/1", more=b"", to=NEAREST, source=FAR, tag=None):
    """A frame of LLDP."""
    tagged = b"" if tag is None else struct.pack("!HH", 0x8100, tag)
    return (to + source + tagged + b"\x88\xcc" + tlv(1, b"\x04" + source) + tlv(2, b"\x05" + port) +
            tlv(3, struct.pack("!H", ttl_s)) + more + tlv(0, b"")).ljust(60, b"\0")
