# SPDX-License-Identifier: BSD-3-Clause
"""Virtio devices of shunt-vmm driven by guests of a few instructions, which run even where KVM
interprets them."""

import os

import pytest

from vmm import POWEROFF, ROUTINES, Vmm, assemble, elf

if not os.path.exists("/dev/kvm"):
    pytest.skip("no /dev/kvm", allow_module_level=True)

SECTOR = 512
DESC, AVAIL, USED, BUFFER = 0x300000, 0x301000, 0x302000, 0x303000
# %rbx: the registers of the device in slot 1; accepted: VERSION_1 alone; queue 0 of 8 runs.
START = f"""
        mov $0x80000804, %eax
        mov $0xcf8, %edx
        out %eax, %dx
        mov $0xcfc, %edx
        mov $6, %eax
        out %eax, %dx
        mov $0x80000810, %eax
        mov $0xcf8, %edx
        out %eax, %dx
        mov $0xcfc, %edx
        in %dx, %eax
        and $~15, %eax
        mov %eax, %ebx
        movb $3, 20(%rbx)
        movl $1, 8(%rbx)
        movl $1, 12(%rbx)
        movb $11, 20(%rbx)
        movw $0, 22(%rbx)
        movw $8, 24(%rbx)
        movl ${DESC}, 32(%rbx)
        movl ${AVAIL}, 40(%rbx)
        movl ${USED}, 48(%rbx)
        movw $1, 28(%rbx)
        movb $15, 20(%rbx)
"""
# Offers what begins at descriptor 0 and waits for it; %eax: how much was written.
OFFER = f"""
        movl $0x10000, {AVAIL}
        movw $0, 0x3000(%rbx)
1:      cmpw $1, {USED} + 2
        jne 1b
        mov {USED} + 8, %eax
        call say_hex
"""
STATUS = """
        movzbl 20(%rbx), %eax
        call say_hex
"""


def descriptor(i, address, length, flags=0, following=0):
    """flags: 1 another one follows, 2 the device writes."""
    return f"""
        movl ${address}, {DESC} + {16 * i}
        movl $0, {DESC} + {16 * i} + 4
        movl ${length}, {DESC} + {16 * i} + 8
        movl ${following << 16 | flags}, {DESC} + {16 * i} + 12
"""


@pytest.fixture
def says(tmp_path):
    """Run a guest with one device; returns what it said."""
    made = []

    def run(text, **definition):
        code = assemble(text + POWEROFF + ROUTINES)
        definition = {"balloon": False, "rng": False, "memory": {"size": "32M"}, **definition}
        made.append(Vmm(tmp_path, elf(code), definition=definition))
        assert made[-1].wait() == 0, made[-1].log()
        return made[-1].out().decode(errors="replace")

    yield run
    for machine in made:
        machine.end()
        assert "ERROR: AddressSanitizer" not in machine.log(), machine.log()


def test_rng_fills_a_buffer(says):
    assert says(START + descriptor(0, BUFFER, 8, 2) + OFFER, rng=True) == "00000008"


def test_disk_reads_its_first_sector(says, tmp_path):
    image = tmp_path / "disk.raw"
    image.write_bytes(b"\x21\x43\x65\x87".ljust(8 * SECTOR, b"\0"))
    read = (descriptor(0, BUFFER, 16, 1, 1) + descriptor(1, BUFFER + 16, SECTOR, 3, 2) +
            descriptor(2, BUFFER + 16 + SECTOR, 1, 2))
    said = says(START + read + OFFER + f"""
        mov {BUFFER} + 16, %eax
        call say_hex
        movzbl {BUFFER} + 16 + {SECTOR}, %eax
        call say_hex
""", disks=[{"file": str(image)}])
    assert said == f"{SECTOR + 1:08x}" + "87654321" + "00000000"


def test_disk_is_made_and_written(says, tmp_path):
    image = tmp_path / "disk.raw"
    write = (f"movl $1, {BUFFER}\n movl $1, {BUFFER} + 8\n movl $0x64636261, {BUFFER} + 16\n" +
             descriptor(0, BUFFER, 16 + SECTOR, 1, 1) + descriptor(1, BUFFER + 0x1000, 1, 2))
    assert says(START + write + OFFER, disks=[{"file": str(image), "size": 4096}]) == "00000001"
    assert image.read_bytes() == (bytes(SECTOR) + b"abcd").ljust(4096, b"\0")


def test_disk_that_may_only_be_read_is_not_written(says, tmp_path):
    """The one byte of its answer is VIRTIO_BLK_S_IOERR."""
    image = tmp_path / "disk.raw"
    image.write_bytes(bytes(8 * SECTOR))
    write = (f"movl $1, {BUFFER}\n movl $1, {BUFFER} + 8\n movl $0x64636261, {BUFFER} + 16\n" +
             descriptor(0, BUFFER, 16 + SECTOR, 1, 1) + descriptor(1, BUFFER + 0x1000, 1, 2))
    status = f"movzbl {BUFFER} + 0x1000, %eax\n call say_hex\n"
    said = says(START + write + OFFER + status, disks=[{"file": str(image), "readonly": True}])
    assert said == "00000001" + "00000001"
    assert image.read_bytes() == bytes(8 * SECTOR)


def test_console_writes_to_a_file(says, tmp_path):
    path = tmp_path / "console"
    # Its second queue sends.
    start = START.replace("movw $0, 22(%rbx)", "movw $1, 22(%rbx)")
    offer = OFFER.replace("movw $0, 0x3000(%rbx)", "movw $1, 0x3004(%rbx)")
    text = f"movl $0x6f6c6c61, {BUFFER}\n"
    assert says(start + text + descriptor(0, BUFFER, 4) + offer, console=str(path)) == "00000000"
    assert path.read_text() == "allo"


@pytest.mark.bad_input
@pytest.mark.parametrize("ring", [
    descriptor(0, 0x40000000, 8, 2),
    descriptor(0, 0xfffffff8, 16, 2),
    descriptor(0, BUFFER, 8, 3, 0),
    descriptor(0, BUFFER, 8, 3, 9),
], ids=["outside of memory", "over the end of it", "a loop", "no such descriptor"])
def test_bad_ring_is_the_end_of_its_device_and_of_nothing_else(says, ring):
    """DEVICE_NEEDS_RESET comes, and the guest lives to say so."""
    said = says(START + ring + f"""
        movl $0x10000, {AVAIL}
        movw $0, 0x3000(%rbx)
1:      testb $0x40, 20(%rbx)
        jz 1b
""" + STATUS, rng=True)
    assert said == "0000004f"


@pytest.mark.bad_input
def test_registers_anywhere_and_of_any_width_hurt_nobody(says):
    said = says(START + """
        mov $0x4000, %ecx
1:      dec %ecx
        mov (%rbx, %rcx), %al
        mov %al, (%rbx, %rcx)
        test %ecx, %ecx
        jnz 1b
        movb $0, 20(%rbx)
""" + STATUS, rng=True)
    assert said == "00000000"
