# SPDX-License-Identifier: BSD-3-Clause
"""shunt-vmm and guests of a few bytes: assembled here, wrapped as the kernel formats that it boots."""

import json
import os
import select
import socket
import struct
import subprocess
import tempfile
import time

from daemon import BUILD

VMM = os.path.join(BUILD, "vmm", "shunt-vmm")
LOAD = 0x200000  # where tiny guests lie
LIMIT_S = 60
# Of the sanitizers' build: a search for leaks at the end and a stack for signals take calls that a
# machine's threads are forbidden.
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:use_sigaltstack=0")

POWEROFF = """
        mov $0x604, %edx
        mov $0x3400, %eax
        out %ax, %dx
        hlt
"""
# say: send %al over the first serial port. say_hex: %eax as 8 digits. hear: wait for a byte there.
ROUTINES = """
hear:   mov $0x3fd, %edx
1:      in %dx, %al
        test $1, %al
        jz 1b
        mov $0x3f8, %edx
        in %dx, %al
        ret
say:    push %rdx
        mov $0x3f8, %edx
        out %al, %dx
        pop %rdx
        ret
say_hex:
        mov $8, %ecx
        mov %eax, %ebx
1:      rol $4, %ebx
        mov %ebx, %eax
        and $15, %al
        add $'0', %al
        cmp $'9', %al
        jbe 2f
        add $'a' - '0' - 10, %al
2:      call say
        loop 1b
        ret
"""


def assemble(text, bits=64):
    """The bytes of a text of GNU assembler."""
    with tempfile.TemporaryDirectory(prefix="shunt-asm-") as folder:
        source, obj, flat = (os.path.join(folder, name) for name in ("a.s", "a.o", "a.bin"))
        with open(source, "w") as f:
            f.write(f".code{bits}\n{text}\n")
        subprocess.run(["as", "--64", "-o", obj, source], check=True)
        subprocess.run(["objcopy", "-O", "binary", "-j", ".text", obj, flat], check=True)
        with open(flat, "rb") as f:
            return f.read()


def elf(code, note=b"", load=LOAD, entry=None):
    """A vmlinux with one segment, and one of notes."""
    count = 2 if note else 1
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1,
                         entry or load, 64, 0, 0, 64, 56, count, 0, 0, 0)
    header += struct.pack("<IIQQQQQQ", 1, 5, 4096, load, load, len(code), len(code), 4096)
    if note:
        header += struct.pack("<IIQQQQQQ", 4, 4, 1024, 0, 0, len(note), len(note), 4)
    return header.ljust(1024, b"\0") + note.ljust(3072, b"\0") + code


def pvh_note(entry=LOAD):
    return struct.pack("<III4sI", 4, 4, 18, b"Xen\0", entry)


def bzimage(code, version=0x20f, xloadflags=1, init_size=0x10000, pref_address=LOAD, sectors=1):
    """A bzImage whose protected-mode part is 512 bytes of nothing, then the 64-bit entry."""
    image = bytearray(512 * (sectors + 1))
    image[0x1f1] = sectors
    image[0x1fe:0x200] = b"\x55\xaa"
    image[0x200:0x202] = b"\xeb\x66"  # the jump whose length is that of the header
    struct.pack_into("<4sH", image, 0x202, b"HdrS", version)
    image[0x211] = 1
    struct.pack_into("<I", image, 0x22c, 0x7fffffff)
    struct.pack_into("<IBBHI", image, 0x230, 0x200000, 1, 21, xloadflags, 2047)
    struct.pack_into("<QI", image, 0x258, pref_address, init_size)
    return bytes(image) + bytes(512) + code


# For each byte of input it counts in a register and in memory, and says both; q turns it off.
COUNTER = """
        xor %r9, %r9
        movl $0, 0x400000
1:      call hear
        cmp $'q', %al
        je 2f
        cmp $'r', %al
        je 3f
        inc %r9
        incl 0x400000
        mov %r9d, %eax
        call say_hex
        mov 0x400000, %eax
        call say_hex
        jmp 1b
3:      mov $6, %eax
        mov $0xcf9, %edx
        out %al, %dx
        hlt
2:
""" + POWEROFF + ROUTINES


class Vmm:
    """One shunt-vmm. kernel: bytes, or a path; words: further options; prefix: in front of all of
    it. Its output is in log()."""

    def __init__(self, folder, kernel, *words, serial="stdio", definition=None, stdin=None,
                 prefix=()):
        self.folder = tempfile.mkdtemp(prefix="vmm-", dir=folder)
        self.api = os.path.join(self.folder, "api.sock")
        self.out_path = os.path.join(self.folder, "out")
        self.log_path = os.path.join(self.folder, "log")
        if isinstance(kernel, bytes):
            with open(os.path.join(self.folder, "kernel"), "wb") as f:
                f.write(kernel)
            kernel = f.name
        argv = [*prefix, VMM, "--slow-kvm", "--api-socket", self.api]
        argv += ["--kernel", kernel] if kernel else []
        argv += ["--serial", serial] if serial else []
        if definition is not None:
            path = os.path.join(self.folder, "definition")
            with open(path, "w") as f:
                json.dump(definition, f)
            argv += ["--definition", path]
        with open(self.out_path, "wb") as out, open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([*argv, *words], stdin=stdin or subprocess.DEVNULL,
                                            stdout=out, stderr=log, env=ENVIRONMENT)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def out(self):
        with open(self.out_path, "rb") as f:
            return f.read()

    def wait(self, seconds=LIMIT_S):
        """Wait for its end; returns the exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running; out {self.out()[-300:]} log {self.log()}") from None

    def until(self, claim, what, seconds=LIMIT_S):
        """Wait until claim() is true, or fail."""
        pidfd = os.pidfd_open(self.process.pid)
        deadline = time.monotonic() + seconds
        try:
            while not claim():
                ended = select.select([pidfd], [], [], 0.01)[0]
                if (ended and not claim()) or time.monotonic() > deadline:
                    raise AssertionError(f"no {what}: out {self.out()[-300:]} log {self.log()}")
        finally:
            os.close(pidfd)
        return self

    def has_said(self, text):
        return self.until(lambda: text in self.out(), text)

    def connect(self):
        """A connection to the API socket, once there is one."""
        self.until(lambda: os.path.exists(self.api), "API socket")
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(LIMIT_S)
        client.connect(self.api)
        return client

    def ask(self, method, **params):
        """A method's whole reply."""
        with self.connect() as client:
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            client.sendall(json.dumps(request).encode() + b"\n")
            with client.makefile() as lines:
                return json.loads(lines.readline())

    def call(self, method, **params):
        reply = self.ask(method, **params)
        assert "result" in reply, reply
        return reply["result"]

    def snapshot(self, folder, *disks):
        """The reply; all files of a snapshot are made in the folder."""
        os.mkdir(folder)
        names = ["machine", *disks]
        files = [os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                 for name in names]
        request = {"jsonrpc": "2.0", "id": 1, "method": "vm.snapshot"}
        with self.connect() as client:
            socket.send_fds(client, [json.dumps(request).encode() + b"\n"], files)
            with client.makefile() as lines:
                reply = json.loads(lines.readline())
        for fd in files:
            os.close(fd)
        return reply

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
