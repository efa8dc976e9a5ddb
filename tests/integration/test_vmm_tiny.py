# SPDX-License-Identifier: BSD-3-Clause
"""shunt-vmm with guests of a few bytes, which run even where KVM interprets them."""

import os
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from vmm import LOAD, POWEROFF, ROUTINES, VMM, Vmm, assemble, bzimage, elf, pvh_note

if not os.path.exists("/dev/kvm"):
    pytest.skip("no /dev/kvm", allow_module_level=True)


def guest(text, bits=64):
    return assemble(text + POWEROFF + ROUTINES if bits == 64 else text, bits)


HELLO = guest("mov $'h', %al\n call say")
FOREVER = guest("""
1:      mov $'x', %al
        call say
        jmp 1b""")
# Sleeps with interrupts off: only its end from outside ends it.
ASLEEP = guest("""
        mov $'z', %al
        call say
1:      hlt
        jmp 1b""")
ECHO = guest("""
        mov $'r', %al
        call say
1:      call hear
        cmp $'q', %al
        je 2f
        out %al, %dx
        jmp 1b
2:""")


@pytest.fixture
def vmm(tmp_path):
    made = []

    def make(kernel, *words, **options):
        made.append(Vmm(tmp_path, kernel, "--memory", "32M", *words, **options))
        return made[-1]

    yield make
    for machine in made:
        machine.end()
        log = machine.log()
        assert "ERROR: AddressSanitizer" not in log and "runtime error:" not in log, log


def says(machine):
    """What a guest said before it powered itself off."""
    status = machine.wait()
    assert status == 0, machine.log()
    return machine.out().decode(errors="replace")


def refused(*words, prefix=(), program=VMM):
    """The one line of a shunt-vmm that fails."""
    done = subprocess.run([*prefix, program, *words], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 1, (done.returncode, done.stderr)
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("shunt-vmm: "), done.stderr
    return lines[0]


# Boot


@pytest.mark.parametrize("image", [elf(HELLO), bzimage(HELLO)], ids=["vmlinux", "bzimage"])
def test_kernel_runs_and_powers_off_with_status_0(vmm, image):
    assert says(vmm(image)) == "h"


def test_pvh_note_starts_the_kernel_in_protected_mode_with_its_start_info(vmm):
    code = assemble("""
        mov (%ebx), %eax
        cmp $0x336ec578, %eax
        jne 1f
        mov 24(%ebx), %esi
        mov $0x3f8, %edx
        outsb
        outsb
1:      mov $0x604, %edx
        mov $0x3400, %eax
        out %ax, %dx
        hlt""", bits=32)
    machine = vmm(elf(code, note=pvh_note(), entry=0xdead000), "--cmdline", "ok pvh")
    assert says(machine) == "ok"


def test_boot_params_lead_to_the_command_line(vmm):
    code = guest("""
        mov 0x228(%rsi), %esi
        mov $0x3f8, %edx
        mov $5, %ecx
        rep outsb""")
    assert says(vmm(bzimage(code), "--cmdline", "12345 quiet")) == "12345"


def test_initrd_lies_where_boot_params_say(vmm, tmp_path):
    (tmp_path / "initrd").write_bytes(b"initrd!")
    code = guest("""
        mov 0x21c(%rsi), %ecx
        mov 0x218(%rsi), %esi
        mov $0x3f8, %edx
        rep outsb""")
    assert says(vmm(bzimage(code), "--initrd", tmp_path / "initrd")) == "initrd!"


def test_acpi_is_where_boot_params_say(vmm):
    code = guest("""
        mov 0x70(%rsi), %rsi
        mov $0x3f8, %edx
        mov $8, %ecx
        rep outsb""")
    assert says(vmm(bzimage(code))) == "RSD PTR "


def test_memory_above_4_gib_is_there(vmm):
    """The guest itself maps the first of it."""
    code = guest("""
        mov $0x100000083, %rax
        mov %rax, 0x5000
        movq $0x5003, 0xa020
        mov %cr3, %rax
        mov %rax, %cr3
        mov $0x100000000, %rdi
        movl $0x12345678, 0x100(%rdi)
        mov 0x100(%rdi), %eax
        call say_hex""")
    machine = vmm(elf(code), "--memory", "4G")
    assert says(machine) == "12345678"


@pytest.mark.parametrize("vcpus", [3, 64])
def test_each_vcpu_starts_when_it_is_told(vmm, vcpus):
    """The first one sends INIT and SIPI to all others, which begin in real mode at 0x8000 and
    count themselves."""
    code = guest("""
        lea ap(%rip), %rsi
        mov $0x8000, %edi
        mov $ap_end - ap, %ecx
        rep movsb
        mov $0xfee00000, %edi
        movl $0x1ff, 0xf0(%rdi)
        movl $0xc4500, 0x300(%rdi)
        movl $0xc4608, 0x300(%rdi)
1:      cmpb $VCPUS - 1, 0x5000
        jb 1b
        movzbl 0x5000, %eax
        call say_hex
        jmp end
ap:     .code16
        lock incb 0x5000
2:      hlt
        jmp 2b
ap_end: .code64
end:""".replace("VCPUS", str(vcpus)))
    assert says(vmm(elf(code), "--vcpus", str(vcpus))) == f"{vcpus - 1:08x}"


# Ports and configuration space


def test_ecam_and_ports_show_the_host_bridge(vmm):
    code = guest("""
        mov $0xe0000000, %esi
        mov (%rsi), %eax
        call say_hex
        mov $0xcf8, %edx
        mov $0x80000000, %eax
        out %eax, %dx
        mov $0xcfc, %edx
        in %dx, %eax
        call say_hex""")
    assert says(vmm(elf(code))) == "00081b36" * 2


@pytest.mark.bad_input
def test_wild_accesses_hurt_nobody(vmm):
    """Every port is read by bytes and words, and a part of them written; memory that is none is read
    and written at both sides of everything that lies there."""
    code = guest("""
        xor %edx, %edx
1:      in %dx, %al
        in %dx, %eax
        add $1, %dx
        jnc 1b
        mov $0x700, %edx
2:      xor %eax, %eax
        out %eax, %dx
        add $1, %dx
        cmp $0xcf0, %dx
        jb 2b
        lea places(%rip), %rsi
3:      lodsl
        test %eax, %eax
        jz 4f
        mov (%rax), %rbx
        mov %rbx, (%rax)
        mov %bl, 3(%rax)
        mov 1(%rax), %ebx
        jmp 3b
4:      mov $'k', %al
        call say
        jmp 5f
places: .long 0xbffffff8, 0xc0000000, 0xdffffff8, 0xe0000ff8, 0xe0008000, 0xe00ffff8
        .long 0xe0100000, 0xfec00f00, 0xfffffff0, 0
5:""")
    assert says(vmm(elf(code))) == "k"


@pytest.mark.parametrize("text, by", [
    ("mov $0xcf9, %edx\n mov $6, %al\n out %al, %dx\n hlt", "the guest"),
    ("mov $0x64, %edx\n mov $0xfe, %al\n out %al, %dx\n hlt", "the guest"),
    ("ud2", "a triple fault of vCPU 0")],
                         ids=["reset register", "keyboard controller", "triple fault"])
def test_reset_runs_the_kernel_again(vmm, text, by):
    """The guest counts its starts in memory that no kernel is loaded to."""
    code = guest(f"""
        incb 0x5000
        mov 0x5000, %al
        add $'0', %al
        call say
        cmpb $3, 0x5000
        jae 1f
        movl $0x11111111, {LOAD + 0x200}
        {text}
1:      mov {LOAD + 0x200}, %al
        call say""").ljust(0x200, b"\x90") + b"."
    machine = vmm(elf(code))
    assert says(machine) == "123."
    assert f"reset by {by} (1 so far)" in machine.log()


def test_reset_is_the_end_where_no_reboot_is_wanted(vmm):
    code = guest("mov $0xcf9, %edx\n mov $6, %al\n out %al, %dx\n hlt")
    assert vmm(elf(code), "--no-reboot").wait() == 3


def test_instruction_that_kvm_cannot_run_is_a_failure_with_its_address(vmm):
    """Instructions are fetched from where no memory is."""
    machine = vmm(elf(guest("mov $0xd0000000, %eax\n jmp *%rax")))
    assert machine.wait() == 1
    assert "0xd0000000" in machine.log()


# Serial ports


def test_serial_port_takes_what_comes_on_stdin(vmm):
    read, write = os.pipe()
    machine = vmm(elf(ECHO), stdin=read)
    os.close(read)
    machine.has_said(b"r")
    # More than the port holds: nothing may be lost.
    text = bytes(33 + i % 64 for i in range(5000))
    os.write(write, text + b"q")
    os.close(write)
    assert says(machine).encode() == b"r" + text


def test_serial_port_is_a_pseudo_terminal(vmm):
    machine = vmm(elf(ECHO), serial="pty")
    path = machine.call("vm.info")["serial"]
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        assert os.read(fd, 1) == b"r"
        os.write(fd, b"hi")
        assert os.read(fd, 1) + os.read(fd, 1) == b"hi"
        os.write(fd, b"q")
        assert machine.wait() == 0
    finally:
        os.close(fd)


def test_pseudo_terminal_that_nobody_reads_does_not_stop_the_guest(vmm):
    code = guest("""
        mov $100000, %ebx
1:      mov $'x', %al
        call say
        dec %ebx
        jnz 1b""")
    assert vmm(elf(code), serial="pty").wait() == 0


def test_pipe_that_nobody_reads_keeps_nobody_from_ending_the_machine(vmm, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    end = os.open(tmp_path / "pipe", os.O_RDWR)
    try:
        machine = vmm(elf(FOREVER), serial=str(tmp_path / "pipe"))
        machine.call("vm.info")
        pipe_is_full = select.poll()
        pipe_is_full.register(end, select.POLLOUT)
        machine.until(lambda: not pipe_is_full.poll(0), "full pipe")
        machine.call("vm.pause")
        machine.call("vm.kill")
        assert machine.wait() == 0
    finally:
        os.close(end)


def test_serial_port_is_a_file_that_grows(vmm, tmp_path):
    path = tmp_path / "console"
    path.write_text("before ")
    assert vmm(elf(HELLO), serial=str(path)).wait() == 0
    assert path.read_text() == "before h"


def test_second_serial_port_is_another_one(vmm, tmp_path):
    code = guest("mov $'2', %al\n mov $0x2f8, %edx\n out %al, %dx")
    machine = vmm(elf(code), "--serial", str(tmp_path / "second"))
    assert says(machine) == ""
    assert (tmp_path / "second").read_text() == "2"


# Life


def test_info_tells_what_the_machine_is(vmm):
    machine = vmm(elf(FOREVER), "--vcpus", "2", "--name", "web1", serial="off")
    info = machine.call("vm.info")
    assert info["name"] == "web1" and info["pid"] == machine.process.pid
    assert info["state"] == "running" and info["resets"] == 0
    assert info["memory"]["size"] == 32 << 20
    assert 0 < info["memory"]["resident"] <= 32 << 20
    assert [v["vcpu"] for v in info["vcpus"]] == [0, 1]
    machine.until(lambda: machine.call("vm.info")["vcpus"][0]["run_ns"] > 0, "time of running")
    with open(f"/proc/{machine.process.pid}/task/{info['vcpus'][1]['tid']}/comm") as f:
        assert f.read() == "vcpu1\n"


def test_paused_guest_does_nothing_until_it_is_resumed(vmm):
    machine = vmm(elf(FOREVER))
    machine.has_said(b"x")
    machine.call("vm.pause")
    assert machine.call("vm.info")["state"] == "paused"
    before = len(machine.out())
    for _ in range(50):
        machine.call("vm.info")
    assert len(machine.out()) == before
    machine.call("vm.resume")
    machine.until(lambda: len(machine.out()) > before, "further output")


def test_pausing_twice_is_refused(vmm):
    machine = vmm(elf(ASLEEP))
    machine.call("vm.pause")
    assert "paused already" in machine.ask("vm.pause")["error"]["message"]
    machine.call("vm.resume")
    assert "running already" in machine.ask("vm.resume")["error"]["message"]


def test_pinned_vcpu_runs_where_it_is_told(vmm):
    definition = {"vcpus": 2, "pin": [{"vcpu": 1, "cpus": [0]}]}
    machine = vmm(elf(ASLEEP), definition=definition)
    cpus = sorted(os.sched_getaffinity(0))
    assert machine.call("vm.info")["vcpus"][1]["cpus"] == [0]
    machine.call("vm.pin", vcpu=0, cpus=cpus[-1:])
    info = machine.call("vm.info")["vcpus"][0]
    assert info["cpus"] == cpus[-1:] and os.sched_getaffinity(info["tid"]) == set(cpus[-1:])


@pytest.mark.parametrize("params", [{}, {"vcpu": 1, "cpus": [0]}, {"vcpu": 0, "cpus": []},
                                    {"vcpu": -1, "cpus": [0]}, {"vcpu": 0, "cpus": [4096]}])
def test_wrong_pins_are_refused(vmm, params):
    error = vmm(elf(ASLEEP)).ask("vm.pin", **params)["error"]
    assert error["code"] == -32602 and "a number below 1" in error["message"]


def test_kill_ends_it_at_once(vmm):
    machine = vmm(elf(ASLEEP))
    machine.has_said(b"z")
    machine.call("vm.kill")
    assert machine.wait() == 0
    assert not os.path.exists(machine.api)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_at_once(vmm, number):
    machine = vmm(elf(FOREVER), "--vcpus", "4", serial="off")
    machine.call("vm.info")
    machine.process.send_signal(number)
    assert machine.wait() == 0


def test_power_button_that_the_guest_does_not_listen_to_is_refused(vmm):
    error = vmm(elf(ASLEEP)).ask("vm.stop")["error"]
    assert error["data"]["errno"] == "ENOTCONN" and "kill" in error["message"]


def test_power_button_is_seen_by_the_guest(vmm):
    code = guest("""
        mov $0x602, %edx
        mov $0x100, %eax
        out %ax, %dx
        mov $'e', %al
        call say
        mov $0x600, %edx
1:      in %dx, %ax
        test $0x100, %ax
        jz 1b
        mov $'b', %al
        call say""")
    machine = vmm(elf(code)).has_said(b"e")
    machine.call("vm.stop")
    assert says(machine) == "eb"


@pytest.mark.bad_input
@pytest.mark.parametrize("line", [b"{}", b"garbage", b"[1]", b'{"jsonrpc": "2.0", "id": 1, "method": "vm.fly"}'])
def test_wrong_requests_are_answered_with_an_error(vmm, line):
    with vmm(elf(ASLEEP)).connect() as client:
        client.sendall(line + b"\n")
        assert b'"error"' in client.makefile("rb").readline()


def test_more_clients_than_there_may_be_are_turned_away(vmm):
    machine = vmm(elf(ASLEEP))
    clients = [machine.connect() for _ in range(40)]
    for client in clients:
        client.close()
    assert machine.call("vm.info")["state"] == "running"


def test_second_machine_does_not_take_the_socket_of_the_first(vmm):
    machine = vmm(elf(ASLEEP))
    machine.call("vm.info")
    assert "another machine" in refused("--kernel", machine.out_path, "--api-socket", machine.api)
    machine.call("vm.info")


def test_socket_that_a_killed_machine_left_is_replaced(vmm, tmp_path):
    path = str(tmp_path / "stale.sock")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    assert vmm(elf(HELLO), "--api-socket", path).wait() == 0


# Isolation


def statuses(machine):
    """Of each thread, the fields of its status."""
    folder = f"/proc/{machine.process.pid}/task"
    for task in os.listdir(folder):
        with open(f"{folder}/{task}/status") as f:
            yield dict(line.split(":\t", 1) for line in f.read().splitlines())


def test_no_thread_has_a_capability_or_goes_without_a_filter(vmm):
    machine = vmm(elf(ASLEEP), "--vcpus", "2")
    machine.has_said(b"z")
    machine.call("vm.info")
    found = list(statuses(machine))
    assert len(found) >= 3
    for status in found:
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[kind], 16) == 0, status
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"


def test_machine_runs_as_another_user_in_another_folder(vmm, tmp_path):
    (tmp_path / "jail").mkdir()
    machine = vmm(elf(ASLEEP), "--user", "nobody", "--chroot", str(tmp_path / "jail"))
    machine.has_said(b"z")
    nobody = pwd.getpwnam("nobody")
    for status in statuses(machine):
        assert status["Uid"].split() == [str(nobody.pw_uid)] * 4
        assert status["Gid"].split() == [str(nobody.pw_gid)] * 4
        assert status["Groups"].strip() == ""
    assert os.readlink(f"/proc/{machine.process.pid}/root") == str(tmp_path / "jail")
    assert machine.call("vm.info")["vcpus"][0]["run_ns"] >= 0
    machine.call("vm.kill")
    assert machine.wait() == 0


# Errors: one line, exit status 1


def test_kvm_that_interprets_is_refused_unless_that_is_wanted(vmm, tmp_path):
    with open("/proc/cpuinfo") as f:
        if {"vmx", "svm"} & set(f.read().split()):
            pytest.skip("KVM of this machine runs ordinary guests")
    (tmp_path / "kernel").write_bytes(elf(HELLO))
    line = refused("--kernel", str(tmp_path / "kernel"))
    assert "vmx" in line and "--slow-kvm" in line
    assert refused("--check") == line
    done = subprocess.run([VMM, "--check", "--slow-kvm"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "KVM runs guests here\n")


def test_machine_without_kvm_says_so(tmp_path):
    (tmp_path / "kernel").write_bytes(elf(HELLO))
    line = refused("--slow-kvm", "--kernel", str(tmp_path / "kernel"), "--serial", "off",
                   prefix=["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev && exec "$@"', "sh"])
    assert "no KVM (/dev/kvm)" in line


@pytest.mark.skipif(os.stat("/dev/kvm").st_mode & 6 != 0, reason="everybody may use /dev/kvm here")
def test_user_without_the_right_to_kvm_is_told_the_group():
    with tempfile.TemporaryDirectory(prefix="shunt-everybody-") as folder:
        os.chmod(folder, 0o755)
        program, kernel = shutil.copy(VMM, folder), os.path.join(folder, "kernel")
        with open(kernel, "wb") as f:
            f.write(elf(HELLO))
        line = refused("--slow-kvm", "--kernel", kernel, "--serial", "off", program=program,
                       prefix=["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"])
    assert "permission denied" in line and "(kvm)" in line


@pytest.mark.bad_input
@pytest.mark.parametrize("image, words", [
    (b"", "empty"),
    (b"MZ" + bytes(4000), "neither a bzImage nor an ELF file"),
    (elf(HELLO)[:100], "cut off"),
    (bzimage(HELLO)[:0x210], "cut off"),
    (bzimage(HELLO, version=0x20b), "64-bit"),
    (bzimage(HELLO, xloadflags=0), "64-bit"),
    (bzimage(HELLO, init_size=64 << 20), "more memory"),
    (elf(HELLO, load=64 << 20), "more memory"),
    (elf(HELLO, load=4096), "memory at 0x1000"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_kernel_that_is_none_or_does_not_fit_is_named(tmp_path, image, words):
    path = tmp_path / "kernel"
    path.write_bytes(image)
    line = refused("--slow-kvm", "--kernel", str(path), "--memory", "32M", "--serial", "off")
    assert str(path) in line and words in line


def test_file_that_is_not_there_is_named(tmp_path):
    assert "kernel /nonexistent/k: No such file" in refused("--kernel", "/nonexistent/k")
    (tmp_path / "kernel").write_bytes(elf(HELLO))
    assert "initrd /nonexistent/i: No such file" in refused(
        "--kernel", str(tmp_path / "kernel"), "--initrd", "/nonexistent/i")


def test_machine_without_a_kernel_is_asked_for_one():
    assert "give the kernel's file" in refused()


def test_initrd_that_does_not_fit_is_named(tmp_path):
    (tmp_path / "kernel").write_bytes(bzimage(HELLO))
    with open(tmp_path / "initrd", "wb") as f:
        f.truncate(40 << 20)
    line = refused("--slow-kvm", "--kernel", str(tmp_path / "kernel"), "--memory", "32M",
                   "--initrd", str(tmp_path / "initrd"), "--serial", "off")
    assert str(tmp_path / "initrd") in line and "more memory" in line


def test_command_line_that_is_too_long_is_refused(tmp_path):
    (tmp_path / "kernel").write_bytes(bzimage(HELLO))
    line = refused("--slow-kvm", "--kernel", str(tmp_path / "kernel"), "--cmdline", "x" * 3000,
                   "--serial", "off")
    assert "3000 bytes" in line and "2047" in line


def test_memory_that_cannot_be_had_is_refused(tmp_path):
    (tmp_path / "kernel").write_bytes(elf(HELLO))
    (tmp_path / "definition").write_text('{"memory": {"size": "512G", "hugepages": "2M"}}')
    line = refused("--slow-kvm", "--kernel", str(tmp_path / "kernel"), "--serial", "off",
                   "--definition", str(tmp_path / "definition"))
    assert "huge pages of 2M" in line


def test_disk_is_written_by_one_machine_or_read_by_many(vmm, tmp_path):
    (tmp_path / "disk").write_bytes(bytes(4096))

    def definition(readonly):
        return {"disks": [{"file": str(tmp_path / "disk"), "readonly": readonly}]}

    vmm(elf(ASLEEP), definition=definition(True), serial="off").call("vm.info")
    vmm(elf(ASLEEP), definition=definition(True), serial="off").call("vm.info")
    writer = vmm(elf(ASLEEP), definition=definition(False), serial="off")
    assert writer.wait() == 1
    assert f"disk '{tmp_path}/disk' is in use by another machine" in writer.log()


def test_user_that_is_not_there_is_named(vmm):
    machine = vmm(elf(HELLO), "--user", "no-such-user", serial="off")
    assert machine.wait() == 1
    assert "no-such-user: no such user" in machine.log()


@pytest.mark.parametrize("words", [["--vcpus", "65"], ["--vcpus", "0"], ["--memory", "lots"],
                                   ["--seccomp", "maybe"], ["--serial", "a", "--serial", "b",
                                                            "--serial", "c"], ["extra"], ["--fly"]])
def test_wrong_usage_is_status_2(words):
    done = subprocess.run([VMM, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "--help" in done.stderr


# Definition


def huge_pages(change):
    """Reserve so many more of 2 MiB; returns how many are free now."""
    path = "/proc/sys/vm/nr_hugepages"
    with open(path) as f:
        count = int(f.read()) + change
    with open(path, "w") as f:
        f.write(str(max(count, 0)))
    with open("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages") as f:
        return int(f.read())


def test_memory_lies_in_huge_pages_where_that_is_wanted(vmm):
    try:
        assert huge_pages(16) >= 16
        machine = vmm(elf(ASLEEP), definition={"memory": {"size": "32M", "hugepages": "2M"}})
        machine.has_said(b"z")
        with open(f"/proc/{machine.process.pid}/smaps") as f:
            mapping = f.read().split("memfd:guest-memory")[1]
        assert re.search(r"KernelPageSize: +2048 kB", mapping[:500])
        machine.end()
    finally:
        huge_pages(-16)


def test_mergeable_memory_is_offered_to_ksm(vmm):
    machine = vmm(elf(ASLEEP), definition={"memory": {"size": "32M", "mergeable": True}})
    machine.has_said(b"z")
    memory = machine.call("vm.info")["memory"]
    assert 0 < memory["resident"] <= 48 << 20 and memory["merged"] >= 0
    with open(f"/proc/{machine.process.pid}/smaps") as f:
        assert any(line.startswith("VmFlags:") and " mg" in line for line in f)


def test_definition_comes_from_stdin_and_options_win(vmm, tmp_path):
    (tmp_path / "kernel").write_bytes(elf(HELLO))
    (tmp_path / "text").write_text('{"name": "a", "vcpus": 2, "memory": {"size": "64M"}, '
                                   f'"kernel": "{tmp_path}/kernel", "serial": "{tmp_path}/out"}}')
    with open(tmp_path / "text") as text:
        machine = vmm(None, "--definition", "-", "--name", "b", serial=None, stdin=text)
        assert machine.wait() == 0
    assert "b: powered off" in machine.log()
    assert (tmp_path / "out").read_text() == "h"


def test_definition_with_an_unknown_field_is_refused(tmp_path):
    (tmp_path / "definition").write_text('{"memory": {"sice": "64M"}}')
    line = refused("--definition", str(tmp_path / "definition"))
    assert "memory.sice: there is no such field" in line
