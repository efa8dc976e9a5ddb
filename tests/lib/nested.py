# SPDX-License-Identifier: BSD-3-Clause
"""Guests of shunt-vmm on real KVM, which is one level down: inside of an emulated machine that has
AMD-V. Their init obeys virtio's console, which here is a pair of FIFOs of the machine's."""

import json
import os
import subprocess

from daemon import BUILD, TOP
from guest import MACHINE, Machine

NESTED = os.environ.get("SHUNT_NESTED", os.path.join(TOP, "build", "nested"))
VMM = os.path.join(BUILD, "vmm", "shunt-vmm")
# g NAME SECONDS LINE: have a guest run a line; its output, and its status as our own.
# ask NAME METHOD PARAMS [FILE...]: a method of its API socket, with new files if it wants some; its
# result.
HELPERS = r"""
g() {
	local line deadline=$(($SECONDS + $2))
	[ -z "$3" ] || echo "$3" >/tmp/$1.in
	while [ $SECONDS -le $deadline ]; do
		IFS= read -r -t $2 line <&${out[$1]} || return 99
		line=${line%$'\r'}
		case $line in
		--READY--) return 0 ;;
		"--END "*) line=${line#--END }; return ${line%--} ;;
		esac
		echo "$line"
	done
	return 98
}
ask() {
	python3 -c '
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": sys.argv[2],
                   "params": json.loads(sys.argv[3])}).encode() + b"\n"
files = [os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600) for name in sys.argv[4:]]
socket.send_fds(s, [line], files)
print(s.makefile().readline())' /tmp/$1.api "${@:2}"
}
declare -A out pid
"""


class NestedMachine(Machine):
    """The emulated machine with KVM loaded."""

    def __init__(self, folder, n_nics=0, memory="2048M", **options):
        subprocess.run([os.path.join(TOP, "tests", "lib", "guest-nested"), MACHINE, NESTED],
                       check=True)
        super().__init__("machine", folder, n_nics=n_nics, memory=memory, cpu="max,+svm",
                         **options)

    def prepare(self):
        self.ready()
        self.load("kvm-amd")
        self.write("/tmp/helpers", HELPERS)
        self.do(". /tmp/helpers")
        return self

    def write(self, path, text):
        self.do(f"printf %s {quote(text)} >{path}")


class NestedGuest:
    """One shunt-vmm in the machine, with a root file system of its own."""

    def __init__(self, machine, name, address=None, memory="128M", vcpus=1, options="",
                 **fields):
        self.machine, self.name = machine, name
        cmdline = "console=ttyS0 panic=-1 quiet"
        if address:
            cmdline += f" shunt.ip={address}"
        definition = {
            "name": name, "vcpus": vcpus, "memory": {"size": memory},
            "kernel": f"{MACHINE}/tree/vmlinuz", "initrd": f"{NESTED}/nested.gz",
            "cmdline": cmdline, "serial": f"/tmp/{name}.serial", "console": "stdio",
            "disks": [{"file": f"/tmp/{name}.img", "discard": True}], **fields,
        }
        machine.write(f"/tmp/{name}.json", json.dumps(definition))
        self.prepare()
        self.start(options)
        self.listen()

    def prepare(self):
        """Its disk, and the FIFOs that are its console."""
        self.machine.do(f"cp --sparse=always {NESTED}/root.img /tmp/{self.name}.img; "
                        f"mkfifo /tmp/{self.name}.in /tmp/{self.name}.out")

    def start(self, options=""):
        """A process; its output goes on in the FIFO of the last one."""
        self.start_program(f"{VMM} --api-socket /tmp/{self.name}.api -d /tmp/{self.name}.json "
                           f"{options}")

    def start_program(self, command):
        name = self.name
        self.machine.do(f"{command} <>/tmp/{name}.in >/tmp/{name}.out 2>>/tmp/{name}.log & "
                        f"pid[{name}]=$!")

    def listen(self):
        self.machine.do(f"exec {{fd}}</tmp/{self.name}.out; out[{self.name}]=$fd")

    def why(self):
        return self.machine.run(f"tail -n 5 /tmp/{self.name}.log /tmp/{self.name}.serial")[1]

    def ready(self, seconds=120):
        status, output = self.machine.run(f"g {self.name} {seconds} ''", seconds + 10)
        assert status == 0, f"{self.name}: {status}: {output} {self.why()}"
        return self

    def run(self, line, seconds=30):
        """Run a line of shell; returns (status, output)."""
        status, output = self.machine.run(f"g {self.name} {seconds} {quote(line)}", seconds + 10)
        assert status < 98, f"{self.name}: {line}: no answer: {self.why()}"
        return status, output

    def do(self, line, seconds=30):
        status, output = self.run(line, seconds)
        assert status == 0, f"{self.name}: {line}: {status}: {output}"
        return output.strip()

    def ask(self, method, *files, **params):
        reply = json.loads(self.machine.do(
            f"ask {self.name} {method} {quote(json.dumps(params))} {' '.join(files)}"))
        assert "result" in reply, reply
        return reply["result"]

    def pings(self, address):
        return self.run(f"ping -q -c 2 -W 2 {address}")[0] == 0

    def end(self, seconds=60):
        """Wait for its end; returns the exit status."""
        return self.machine.run(f"wait ${{pid[{self.name}]}}", seconds)[0]


class QemuGuest(NestedGuest):
    """The same guest in QEMU, on a port's socket."""

    def __init__(self, machine, name, address, vhost_socket, mac):
        self.machine, self.name = machine, name
        self.prepare()
        self.start_program(
            "qemu-system-x86_64 -M q35,accel=kvm -cpu host -m 128M -nodefaults -no-user-config "
            f"-display none -no-reboot -serial file:/tmp/{name}.serial "
            f"-kernel {MACHINE}/tree/vmlinuz -initrd {NESTED}/nested.gz "
            f"-append 'console=ttyS0 panic=-1 quiet shunt.ip={address}' "
            "-object memory-backend-memfd,id=m0,size=128M,share=on -numa node,memdev=m0 "
            f"-drive if=virtio,format=raw,file=/tmp/{name}.img "
            "-chardev stdio,id=hvc0 -device virtio-serial-pci -device virtconsole,chardev=hvc0 "
            f"-chardev socket,id=s0,path={vhost_socket},reconnect=1 "
            f"-netdev vhost-user,id=n0,chardev=s0 -device virtio-net-pci,netdev=n0,mac={mac}")
        self.listen()


def quote(text):
    """A word of bash on one line."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace(
        "\t", "\\t")
    return f"$'{escaped}'"
