# SPDX-License-Identifier: BSD-3-Clause
"""Snapshots of shunt-vmm with guests of a few bytes, which run even where KVM interprets them."""

import json
import os
import shutil
import socket
import struct
import subprocess

import pytest

from vmm import LIMIT_S, POWEROFF, ROUTINES, VMM, Vmm, assemble, elf

if not os.path.exists("/dev/kvm"):
    pytest.skip("no /dev/kvm", allow_module_level=True)

MEMORY, STATE = 4 << 20, 4096  # where they lie in the file
HEADER = "<8sIIQQ"  # magic, version, bytes of state, bytes of memory, checksum
# For each byte of input it counts in a register and in memory, and says both; q turns it off.
COUNTER = assemble("""
        xor %r9, %r9
        movl $0, 0x400000
1:      mov $0x3fd, %edx
        in %dx, %al
        test $1, %al
        jz 1b
        mov $0x3f8, %edx
        in %dx, %al
        cmp $'q', %al
        je 2f
        inc %r9
        incl 0x400000
        mov %r9d, %eax
        call say_hex
        mov 0x400000, %eax
        call say_hex
        jmp 1b
2:
""" + POWEROFF + ROUTINES)


class Machine(Vmm):
    """A counter whose serial port is a pair of pipes."""

    def __init__(self, folder, *words, memory="32M", **options):
        stdin, self.input = os.pipe()
        self.said = 0
        super().__init__(folder, elf(COUNTER), "--memory", memory, *words, stdin=stdin, **options)
        os.close(stdin)

    def count(self):
        """Have it count once; returns both counters."""
        os.write(self.input, b"+")
        self.said += 16
        self.until(lambda: len(self.out()) >= self.said, "count")
        text = self.out()[self.said - 16:self.said]
        return int(text[:8], 16), int(text[8:], 16)

    def snapshot(self, folder, disks=0):
        """The reply; all files of a snapshot are made in the folder."""
        os.mkdir(folder)
        names = ["machine", *(f"disk{i}" for i in range(disks))]
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
        super().end()
        if self.input >= 0:
            os.close(self.input)
        self.input = -1


@pytest.fixture
def machine(tmp_path):
    made = []

    def make(*words, **options):
        made.append(Machine(tmp_path, *map(str, words), **options))
        return made[-1]

    yield make
    for one in made:
        one.end()
        log = one.log()
        assert "ERROR: AddressSanitizer" not in log and "runtime error:" not in log, log


@pytest.fixture
def taken(machine, tmp_path):
    """A snapshot of a machine that has counted to 3, and has ended since."""
    folder = tmp_path / "snapshot"
    first = machine()
    for _ in range(3):
        first.count()
    assert first.snapshot(folder) == {"jsonrpc": "2.0", "id": 1, "result": {}}
    first.end()
    return folder


def test_guest_goes_on_where_it_was_in_another_process(machine, taken):
    again = machine("--restore", taken)
    assert again.count() == (4, 4)
    os.write(again.input, b"q")
    assert again.wait() == 0
