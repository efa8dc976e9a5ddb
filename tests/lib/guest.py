# SPDX-License-Identifier: BSD-3-Clause
"""Real guests: QEMU with a Debian cloud kernel and busybox, attached by vhost-user."""

import base64
import contextlib
import json
import os
import re
import select
import socket
import subprocess
import tempfile
import time

from daemon import TOP

GUEST = os.environ.get("SHUNT_GUEST", os.path.join(TOP, "build", "guest"))
MACHINE = os.environ.get("SHUNT_MACHINE", os.path.join(TOP, "build", "machine"))
BOOT_S = 120


def accelerator():
    """KVM only where the CPU says that it has it: /dev/kvm alone may interpret guests."""
    with open("/proc/cpuinfo") as f:
        flags = set(f.read().split())
    has_kvm = bool(flags & {"vmx", "svm"}) and os.access("/dev/kvm", os.R_OK | os.W_OK)
    return "kvm" if has_kvm else "tcg"


class Monitor:
    """QEMU's own socket (QMP) of a guest that was given Monitor.words(path)."""

    @staticmethod
    def words(path):
        return "-qmp", f"unix:{path},server=on,wait=off"

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.lines = self.socket.makefile()
        self.lines.readline()  # the greeting
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        """Events that come before the answer are left out."""
        request = {"execute": command, "arguments": arguments}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            message = json.loads(self.lines.readline())
            if "event" not in message:
                assert "return" in message, f"{command}: {message}"
                return message["return"]

    def close(self):
        self.lines.close()
        self.socket.close()


class Console:
    """A QEMU whose init runs lines of shell that come over its second serial port."""

    def __init__(self, name, folder):
        self.name, self.folder, self.text, self.control = name, folder, "", None
        self.console = os.path.join(folder, f"{name}.console")
        self.path = os.path.join(folder, f"{name}.ctl")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.log = open(os.path.join(folder, f"{name}.qemu"), "wb")

    def start(self, argv):
        self.process = subprocess.Popen(
            [*argv, "-serial", f"file:{self.console}", "-chardev",
             f"socket,id=ctl,path={self.path}", "-serial", "chardev:ctl"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def _why(self):
        with open(self.log.name, errors="replace") as log:
            ended = self.process.poll()
            status = "" if ended is None else f"QEMU ended with {ended} "
            return f"guest {self.name}: {status}{log.read()[-500:]} {self.text[-500:]}"

    def _until(self, pattern, seconds):
        deadline = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text)
            if found:
                before, self.text = self.text[:found.start()], self.text[found.end():]
                return before, found
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.control], [], [], left)[0]:
                raise AssertionError(f"no answer in {seconds} s from {self._why()}")
            chunk = self.control.recv(65536)
            if not chunk:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(5)
                raise AssertionError(f"ended: {self._why()}")
            self.text += chunk.decode(errors="replace").replace("\r", "")

    def ready(self, seconds=BOOT_S):
        """Wait until the guest has booted; returns it."""
        self.attached(seconds)
        self._until("--READY--\n", seconds)
        return self

    def attached(self, seconds=BOOT_S):
        """Wait until QEMU has started, as with -incoming, where no boot follows; returns it."""
        self.listener.settimeout(seconds)
        self.control, _ = self.listener.accept()
        return self

    def run(self, line, seconds=30):
        """Run a line of shell; returns (status, output). The line goes with its length, since the
        serial port of a guest that is short of time may lose some bytes: it is then sent again."""
        data = line.encode()
        while True:
            self.control.sendall(b"%d:%s\n" % (len(data), data))
            output, found = self._until(r"--END (\d+)--\n|--AGAIN--\n", seconds)
            if found.group(1):
                return int(found.group(1)), output

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()
        self.listener.close()
        if self.control:
            self.control.close()


class Guest(Console):
    """One QEMU. ready() waits for its init; run() runs a line of shell in it.

    The NIC has no MSI-X: Debian 12's QEMU 7.2 crashes when a vhost-user device starts with it under
    TCG (a null pointer behind msix_set_vector_notifiers)."""

    def __init__(self, name, vhost_socket=None, address=None, mac=None, server=False, memory="128M",
                 queues=1, cpus=1, mtu=1500, folder=None, more=(), program=None, nic="", tap=None,
                 prefix=(), cpu="max"):
        """server: QEMU owns the socket and waits for the switch. more: further words for QEMU.
        program: what guest-kernel has put into its initramfs. nic: properties of the NIC. tap: an
        interface in place of a socket. prefix: words in front of the command. cpu: model and features."""
        self.address, self.mac = address.split("/")[0], mac
        super().__init__(name, folder or tempfile.mkdtemp(prefix=f"shunt-guest-{name}-"))
        mode = "server=on,wait=on" if server else "reconnect=1"
        mq = ",mq=on" if queues > 1 else ""
        back_end = (["-netdev", f"tap,id=n0,ifname={tap},script=no,downscript=no"] if tap else
                    ["-chardev", f"socket,id=net0,path={vhost_socket},{mode}",
                     "-netdev", f"vhost-user,id=n0,chardev=net0,queues={queues}"])
        properties = f",{nic}" if nic else ""
        initrd = f"initrd-{program}.gz" if program else "initrd.gz"
        self.start(
            [*prefix, "qemu-system-x86_64", "-accel", accelerator(), "-M", "q35", "-cpu", cpu,
             "-smp", str(cpus), "-m", memory, "-nodefaults", "-no-user-config",
             "-display", "none", "-no-reboot",
             "-kernel", os.path.join(GUEST, "vmlinuz"), "-initrd", os.path.join(GUEST, initrd),
             "-append", "console=ttyS0 panic=-1 quiet ipv6.disable=1 "
                        f"shunt.ip={address} shunt.mtu={mtu}",
             "-object", f"memory-backend-memfd,id=m0,size={memory},share=on",
             "-numa", "node,memdev=m0",
             *back_end,
             "-device", f"virtio-net-pci,netdev=n0,mac={mac}{mq},vectors=0{properties}",
             *more])

    def ping(self, address, count=2, seconds=1, size=56):
        """True if an echo request was answered."""
        status, _ = self.run(f"ping -q -c {count} -W {seconds} -s {size} {address}",
                             seconds=count * (seconds + 2) + 20)
        return status == 0

    def meet(self, other):
        """Know the other's address for good: no frame of ARP is between a test and a ping then."""
        status, output = self.run(f"arp -s {other.address} {other.mac}")
        assert status == 0, output

    def start_pings(self, address, size=56, count=10):
        """Ping every 10 ms until end_pings(). In tens, since what is on the way when a ping is
        interrupted counts as lost; a row that loses some pauses for a second, so where losses are
        expected let it be one long row."""
        self.run(f"rm -f /tmp/stop; ( while [ ! -e /tmp/stop ]; do ping -q -c {count} -i 0.01 -W 1 "
                 f"-s {size} {address} | grep transmitted; done >/tmp/pings ) &")

    def end_pings(self, at_once=False, seconds=60):
        """(sent, answered) since start_pings()."""
        interrupt = "killall -INT ping;" if at_once else ""
        _, output = self.run(f"touch /tmp/stop; {interrupt} wait; cat /tmp/pings", seconds)
        counts = re.findall(r"(\d+) packets transmitted, (\d+) packets received", output)
        assert counts, f"{self.name} has not pinged: {output}"
        return tuple(sum(int(c[i]) for c in counts) for i in (0, 1))


class Machine(Console):
    """A whole machine with an IOMMU and NICs that have virtual functions (igb), on which the host's
    programs run: its files are the host's, written to a layer of its own.

    n_nics NICs are on one wire; more: further words for QEMU, cmdline for its kernel. The kernel and the QEMU are not the
    guests': see guest-machine."""

    def __init__(self, name, folder, n_nics=2, memory="1536M", cpu="max", more=(), cmdline=""):
        super().__init__(name, folder)
        tree = os.path.join(MACHINE, "tree")
        words = []
        for i in range(n_nics):
            words += ["-device", f"pcie-root-port,id=rp{i},chassis={i + 1}",
                      "-netdev", f"hubport,hubid=0,id=n{i}",
                      "-device", f"igb,bus=rp{i},netdev=n{i},mac=02:00:00:00:01:0{i}"]
        self.start(
            [f"{tree}/usr/bin/qemu-system-x86_64", "-L", f"{tree}/usr/share/qemu",
             "-L", "/usr/share/seabios", "-L", "/usr/lib/ipxe/qemu",
             "-M", "q35,kernel-irqchip=split", "-accel", "tcg,thread=multi", "-cpu", cpu,
             "-smp", "2", "-m", memory, "-nodefaults", "-no-user-config", "-display", "none",
             "-no-reboot", "-kernel", f"{tree}/vmlinuz", "-initrd", f"{MACHINE}/initrd.gz",
             "-append", f"console=ttyS0 panic=-1 quiet intel_iommu=on iommu=pt {cmdline}",
             "-device", "intel-iommu,intremap=on,caching-mode=on", *words, *more,
             "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on"])

    def do(self, line, seconds=30):
        """Run a line that must succeed; returns its output."""
        status, output = self.run(line, seconds)
        assert status == 0, f"{line}: exit {status}: {output}"
        return output

    def load(self, *modules):
        self.do(f"modprobe -d {MACHINE}/tree -a {' '.join(modules)}")

    def write(self, path, text):
        """A file of the machine's own."""
        self.do(f"echo {base64.b64encode(text.encode()).decode()} | base64 -d >{path}")
