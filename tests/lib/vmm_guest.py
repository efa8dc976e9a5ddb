# SPDX-License-Identifier: BSD-3-Clause
"""A guest that shuntd has in shunt-vmm: the test guests' kernel and init, which obeys its only serial
port."""

import json
import os
import socket
import tty

from guest import BOOT_S, GUEST, Guest

END_S = 10


class Terminal:
    """A pseudo-terminal, with the part of a socket's face that a console needs."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)

    def fileno(self):
        return self.fd

    def recv(self, size):
        return os.read(self.fd, size)

    def sendall(self, data):
        while data:
            data = data[os.write(self.fd, data):]

    def close(self):
        os.close(self.fd)


class VmmGuest(Guest):
    """One virtual machine of a switch's configuration, started; run() runs a line of shell in it."""

    @staticmethod
    def item(name, portgroup, address, mac):
        """Its item of vms:, in YAML."""
        return (f'{{ name: {name}, kernel: "{GUEST}/vmlinuz", initrd: "{GUEST}/initrd.gz", '
                f'memory: {{ size: 128M }}, cmdline: "console=ttyS1 panic=-1 quiet ipv6.disable=1 '
                f'shunt.tty=ttyS0 shunt.ip={address}", '
                f'nics: [ {{ portgroup: {portgroup}, mac: "{mac}" }} ] }}')

    def __init__(self, switch, name, address, mac):
        self.switch, self.name, self.text, self.control = switch, name, "", None
        self.address, self.mac = address.split("/")[0], mac
        self.api = os.path.join(switch.run_dir, "vm", f"{name}.sock")

    def start(self):
        self.switch.cli("vm", "start", self.name)
        self.control = Terminal(self.switch.json("vm", "info", self.name)["serial"])

    def _why(self):
        return f"guest {self.name}: {self.text[-500:]}"

    def ready(self, seconds=BOOT_S):
        self._until("--READY--\n", seconds)
        return self

    def stop(self):
        """By its own socket: its switch may have ended before."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(END_S)
            try:
                client.connect(self.api)
                client.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "vm.kill",
                                           "params": {}}).encode() + b"\n")
                while client.recv(4096):
                    pass
            except (ConnectionError, FileNotFoundError):
                pass  # it does not run
        if self.control:
            self.control.close()
