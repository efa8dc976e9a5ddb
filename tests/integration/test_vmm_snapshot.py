# SPDX-License-Identifier: BSD-3-Clause
"""Snapshots of shunt-vmm with guests of a few bytes, which run even where KVM interprets them."""

import os
import re
import struct
import subprocess

import pytest

from vmm import COUNTER, LIMIT_S, VMM, Vmm, assemble, elf

if not os.path.exists("/dev/kvm"):
    pytest.skip("no /dev/kvm", allow_module_level=True)

KERNEL = elf(assemble(COUNTER))
MEMORY = 4 << 20  # where it lies in the file
HEAD = 24  # bytes before what the checksum is of
CPU, TSC_KHZ = HEAD + 8, HEAD + 16
MSRS, MSR = 512, 16  # how many a vCPU's state has room for; bytes of one


class Machine(Vmm):
    """A counter whose serial port is a pair of pipes."""

    def __init__(self, folder, *words, memory="32M", **options):
        stdin, self.input = os.pipe()
        self.said = 0
        super().__init__(folder, KERNEL, "--memory", memory, *words, stdin=stdin, **options)
        os.close(stdin)

    def count(self):
        """Have it count once; returns both counters."""
        os.write(self.input, b"+")
        self.said += 16
        self.until(lambda: len(self.out()) >= self.said, "count")
        text = self.out()[self.said - 16:self.said]
        return int(text[:8], 16), int(text[8:], 16)

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


def contents(folder):
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)}


def sealed(data):
    """The same with a checksum that fits."""
    checksum = 0xcbf29ce484222325
    for byte in data[HEAD:struct.unpack_from("<I", data, 12)[0]]:
        checksum = (checksum ^ byte) * 0x100000001b3 & (1 << 64) - 1
    struct.pack_into("<Q", data, 16, checksum)
    return data


def test_guest_goes_on_where_it_was_in_another_process(machine, taken):
    again = machine("--restore", taken)
    assert again.count() == (4, 4)
    os.write(again.input, b"q")
    assert again.wait() == 0


def test_snapshot_is_restored_again_and_again(machine, taken):
    before = contents(taken)
    for _ in range(2):
        again = machine("--restore", taken)
        assert [again.count() for _ in range(2)] == [(4, 4), (5, 5)]
        again.end()
    assert contents(taken) == before


def test_two_machines_go_on_from_one_snapshot_at_once(machine, taken):
    one, other = machine("--restore", taken), machine("--restore", taken)
    assert [one.count(), other.count(), one.count()] == [(4, 4), (4, 4), (5, 5)]


def test_machine_that_was_restored_has_a_snapshot_too(machine, taken, tmp_path):
    again = machine("--restore", taken)
    again.count()
    again.until(lambda: "has all of its memory" in again.log(), "memory")
    assert "result" in again.snapshot(tmp_path / "second")
    assert machine("--restore", tmp_path / "second").count() == (5, 5)


@pytest.mark.parametrize("state", ["running", "paused"])
def test_machine_is_afterwards_what_it_was_before(machine, tmp_path, state):
    one = machine()
    one.count()
    if state == "paused":
        one.call("vm.pause")
    assert "result" in one.snapshot(tmp_path / "snapshot")
    assert one.call("vm.info")["state"] == state
    if state == "paused":
        one.call("vm.resume")
    assert one.count() == (2, 2)
    assert machine("--restore", tmp_path / "snapshot").count() == (2, 2)


def test_memory_is_kept_sparse_and_comes_back_byte_by_byte(machine, tmp_path):
    """An initial RAM disk fills some of it with no work of the guest's."""
    initrd = tmp_path / "initrd"
    initrd.write_bytes(os.urandom(24 << 20))
    words = ["--initrd", initrd]
    one = machine(*words, memory="128M")
    one.count()
    assert "result" in one.snapshot(tmp_path / "snapshot")
    one.end()
    kept = tmp_path / "snapshot" / "machine"
    assert 24 << 20 < kept.stat().st_blocks * 512 < 32 << 20
    again = machine("--restore", tmp_path / "snapshot", *words, memory="128M")
    again.until(lambda: "has all of its memory" in again.log(), "memory")
    again.call("vm.pause")
    fds = f"/proc/{again.process.pid}/fd"
    (memory,) = {os.path.join(fds, fd) for fd in os.listdir(fds)
                 if "memfd:guest-memory" in os.readlink(os.path.join(fds, fd))}
    with open(memory, "rb") as f:
        assert f.read() == kept.read_bytes()[MEMORY:]


@pytest.mark.parametrize("memory", [{"hugepages": "off"}, {"mergeable": True}],
                         ids=["no huge pages", "private memory"])
def test_memory_of_other_kinds_is_kept_as_well(machine, tmp_path, memory):
    definition = {"memory": {"size": "32M", **memory}}
    one = machine(definition=definition)
    one.count()
    assert "result" in one.snapshot(tmp_path / "snapshot")
    one.end()
    assert machine("--restore", tmp_path / "snapshot", definition=definition).count() == (2, 2)


def test_memory_is_read_at_once_where_faults_cannot_be_had(machine, taken):
    without = ["setpriv", "--inh-caps=-sys_ptrace", "--bounding-set=-sys_ptrace"]
    with open("/proc/sys/vm/unprivileged_userfaultfd") as f:
        if f.read().strip() != "0":
            pytest.skip("everybody may have faults here")
    again = machine("--restore", taken, prefix=without)
    again.has_said(b"")
    assert again.count() == (4, 4)
    assert again.log().index("has all of") > 0


def test_disk_is_what_it_was(machine, tmp_path):
    disk, fixed = tmp_path / "disk.raw", tmp_path / "fixed.raw"
    with open(disk, "wb") as f:
        f.write(b"then".ljust(4096, b"."))
        f.truncate(64 << 20)
    fixed.write_bytes(bytes(4096))
    definition = {"disks": [{"file": str(fixed), "readonly": True}, {"file": str(disk)}]}
    one = machine(definition=definition)
    one.count()
    folder = tmp_path / "snapshot"
    refused = one.snapshot(tmp_path / "wrong")
    assert "2 files are needed" in refused["error"]["message"]
    assert "result" in one.snapshot(folder, "disk1")
    one.end()
    assert (folder / "disk1").stat().st_size == 64 << 20
    assert (folder / "disk1").stat().st_blocks * 512 < 1 << 20
    for spoil in (lambda: disk.write_bytes(b"now"), disk.unlink):
        spoil()
        again = machine("--restore", folder, definition=definition)
        assert again.count() == (2, 2)
        again.end()
        assert disk.read_bytes()[:4096] == b"then".ljust(4096, b".")
        assert disk.stat().st_size == 64 << 20
        assert disk.stat().st_blocks * 512 < 1 << 20


@pytest.fixture
def reflinks(tmp_path):
    """A folder of a file system whose files can share their blocks: XFS, in a file."""
    image, folder = tmp_path / "xfs.img", tmp_path / "xfs"
    subprocess.run(["modprobe", "-q", "xfs"], check=False)
    with open("/proc/filesystems") as f:
        if "xfs" not in f.read().split():
            pytest.skip("this kernel has no XFS")
    with open(image, "wb") as f:
        f.truncate(320 << 20)
    folder.mkdir()
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def shared(path):
    """Whether all that the file holds is another's as well."""
    said = subprocess.run(["filefrag", "-s", "-v", path], check=True, capture_output=True,
                          text=True).stdout
    extents = [line for line in said.splitlines() if re.match(r" *\d+: ", line)]
    assert extents, said
    return all("shared" in line for line in extents)


def test_disk_is_not_copied_where_blocks_can_be_shared(reflinks, machine):
    """Neither into the snapshot nor back, and what is written to one is not in the other."""
    disk, folder = reflinks / "disk.raw", reflinks / "snapshot"
    then = os.urandom(8 << 20)
    disk.write_bytes(then)
    definition = {"disks": [{"file": str(disk)}]}
    one = machine(definition=definition)
    one.count()
    assert not shared(disk)
    assert "result" in one.snapshot(folder, "disk0")
    one.end()
    assert shared(disk) and shared(folder / "disk0")
    with open(disk, "r+b") as f:
        f.write(b"now")
        os.fsync(f.fileno())
    assert not shared(disk)
    again = machine("--restore", folder, definition=definition)
    assert again.count() == (2, 2)
    again.end()
    assert shared(disk) and disk.read_bytes() == then == (folder / "disk0").read_bytes()


def test_confined_machine_takes_one_and_goes_on_from_one(machine, taken, tmp_path):
    (tmp_path / "jail").mkdir()
    again = machine("--restore", taken, "--user", "nobody", "--chroot", tmp_path / "jail")
    assert again.count() == (4, 4)
    again.until(lambda: "has all of its memory" in again.log(), "memory")
    assert "result" in again.snapshot(tmp_path / "second")
    again.end()
    assert machine("--restore", tmp_path / "second").count() == (5, 5)


def test_guest_that_resets_itself_boots_its_kernel(machine, taken):
    """A machine that was restored is one like any other."""
    again = machine("--restore", taken)
    again.count()
    os.write(again.input, b"r")
    again.until(lambda: "reset by the guest" in again.log(), "reset")
    assert again.count() == (1, 1)


# Files that are none: one line, exit status 1


def spoil_version(data):
    data[8] += 1
    return data


def spoil_state(data):
    data[HEAD + 100] ^= 1
    return data


def other_cpu(data):
    data[CPU] ^= 1
    return sealed(data)


def other_clock(data):
    data[TSC_KHZ + 2] ^= 0xff
    return sealed(data)


def registers_that_cannot_be(data):
    """More model-specific registers than there is room for; they and the counter come last."""
    at = struct.unpack_from("<I", data, 12)[0] - 8 - MSRS * MSR - 8
    assert 0 < struct.unpack_from("<I", data, at)[0] <= MSRS
    struct.pack_into("<I", data, at, 1 << 31)
    return sealed(data)


@pytest.mark.parametrize("spoil, words", [
    (lambda data: b"", "it is none"),
    (lambda data: bytes(8) + data[8:], "was not finished"),
    (lambda data: data[:4096], "it is cut off"),
    (lambda data: data[:-4096], "it is cut off"),
    (lambda data: data + b"x", "it is cut off"),
    (spoil_version, "it is of version 2, this program's are of 1"),
    (spoil_state, "it is damaged"),
    (other_cpu, "it is of another CPU"),
    (other_clock, "it is of another CPU"),
    (registers_that_cannot_be, "KVM takes no such state"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_file_that_is_no_snapshot_is_refused(machine, taken, spoil, words):
    path = taken / "machine"
    path.write_bytes(spoil(bytearray(path.read_bytes())))
    again = machine("--restore", taken)
    assert again.wait() == 1
    assert words in again.log() and len(again.log().splitlines()) == 1


@pytest.mark.parametrize("definition, words", [
    ({"vcpus": 2}, "had 32 MiB and 1 vCPUs, its definition says 32 and 2"),
    ({"rng": False}, "other devices"),
    ({"disks": [{"file": "new.raw", "size": 4096}]}, "other devices"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_snapshot_of_another_machine_is_refused_and_nothing_is_made(
        machine, taken, definition, words, tmp_path):
    for disk in definition.get("disks", ()):
        disk["file"] = str(tmp_path / "new.raw")
    again = machine("--restore", taken, definition=definition)
    assert again.wait() == 1
    assert words in again.log()
    assert not (tmp_path / "new.raw").exists()


def test_folder_without_a_snapshot_is_named(tmp_path):
    (tmp_path / "kernel").write_bytes(KERNEL)
    done = subprocess.run([VMM, "--slow-kvm", "--kernel", tmp_path / "kernel", "--serial", "off",
                           "--restore", tmp_path], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 1
    assert done.stderr == f"shunt-vmm: snapshot {tmp_path}: No such file or directory\n"
