# SPDX-License-Identifier: BSD-3-Clause
"""shunt vm: definitions in the store, processes that shuntd starts, finds again and ends. Guests are
a few bytes long and run even where KVM interprets them."""

import json
import os
import pwd
import re
import select
import signal
import subprocess
import time

import pytest

from daemon import CommandFailed, SHUNT, SMALL, wait_for
from vmm import POWEROFF, ROUTINES, VMM, assemble, elf

if not os.path.exists("/dev/kvm"):
    pytest.skip("no /dev/kvm", allow_module_level=True)

CONFIG = SMALL + """
bridges: [ { name: br0 } ]
portgroups:
  - { name: production, bridge: br0, vlan: 100, mtu: 1400 }
  - { name: development, bridge: br0, vlan: 200 }
"""
SLEEPER = "1:      hlt\n        jmp 1b"
ECHO = """
1:      call hear
        out %al, %dx
        jmp 1b"""
SLOW_S = 30
ANSWER_S = 5  # what a client waits for at most while a virtual machine says nothing


def kernel(folder, text):
    path = os.path.join(folder, "kernel")
    with open(path, "wb") as f:
        f.write(elf(assemble(text + POWEROFF + ROUTINES)))
    return path


def script(folder, text):
    path = os.path.join(folder, "program")
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\n{text}\n")
    os.chmod(path, 0o755)
    return path


@pytest.fixture
def make_host(make_switch, tmp_path):
    """A switch that can run virtual machines; those that still run are ended with the test."""
    made = []

    def make(config=CONFIG, program=f'exec {VMM} --slow-kvm "$@"'):
        made.append(make_switch(config, arguments=["--vmm", script(tmp_path, program)]))
        return made[-1]

    yield make
    for host in made:
        for vm in host.json("vm", "list") if host.is_alive() else []:
            if vm["state"] != "stopped":
                host.cli("vm", "kill", vm["name"])


@pytest.fixture
def host(make_host):
    return make_host()


def create(host, tmp_path, *options, name="web1", guest=SLEEPER):
    host.cli("vm", "create", name, "--memory", "size=32M", "--kernel", kernel(tmp_path, guest),
             *options)


def state(host, name="web1"):
    return next(vm["state"] for vm in host.json("vm", "list") if vm["name"] == name)


def refusal(host, *argv):
    with pytest.raises(CommandFailed) as failure:
        host.cli(*argv)
    assert failure.value.status == 1
    return failure.value.stderr.strip()


def test_vm_is_started_told_of_and_killed(host, tmp_path):
    disk = tmp_path / "disk.raw"
    with open(disk, "wb") as f:
        f.write(b"x" * 4096)
        f.truncate(1 << 20)
    create(host, tmp_path, "--vcpus", "2", "--disks", f"{disk},discard=true", "--nics", "production",
           "--memory", "32M")
    assert state(host) == "stopped"
    assert re.search(r"^web1 +stopped +2 +32M +web1-0 *$", host.cli("vm", "list"), re.M)
    host.cli("vm", "start", "web1")
    info = host.json("vm", "info", "web1")
    assert (info["state"], len(info["vcpus"])) == ("running", 2)
    assert info["memory"]["size"] == 32 << 20
    assert info["disks"][0]["size"] == 1 << 20 and info["disks"][0]["allocated"] < 1 << 20
    assert info["nics"][0]["port"] == "web1-0" and info["nics"][0]["rx_packets"] == 0
    assert info["host"]["vcpus"] == 2 and info["host"]["memory_asked"] == 32 << 20
    assert info["definition"]["nics"] == [{"portgroup": "production"}]
    told = host.cli("vm", "info", "web1")
    assert re.search(r"^memory +size=32M resident=", told, re.M)
    assert re.search(r"^vcpus +vcpu=0 tid=\d+ .*\nvcpus +vcpu=1 tid=\d+ ", told, re.M)
    assert re.search(rf"^disks +file={disk} discard=true size=1M allocated=\d+K", told, re.M)
    assert re.search(r"^definition\n  name +web1\n(?:  .*\n)*  nics +portgroup=production$", told, re.M)
    assert "{" not in told
    os.kill(info["pid"], 0)
    assert refusal(host, "vm", "start", "web1") == (
        "shunt: vm start web1: it is running already")
    host.cli("vm", "kill", "web1")
    assert state(host) == "stopped"
    with pytest.raises(ProcessLookupError):
        os.kill(info["pid"], 0)
    assert host.json("vm", "info", "web1")["state"] == "stopped"
    for verb, *more in (("stop",), ("kill",), ("pause",), ("resume",), ("console",),
                        ("balloon", "--size", "1M"), ("snapshot", tmp_path / "kept")):
        assert refusal(host, "vm", verb, "web1", *more) == (
            f"shunt: vm {verb} web1: it is not running")


def test_port_comes_follows_and_goes_with_its_interface(host, tmp_path):
    create(host, tmp_path, "--nics", "portgroup=production", "--nics",
           "portgroup=development,mac=02:00:00:00:00:07,queues=2")
    first, second = host.json("port", "list")
    assert (first["name"], first["portgroup"], first["vlan"]) == ("web1-0", "production", 100)
    assert int(first["mac"][:2], 16) & 3 == 2
    assert (second["mac"], second["queues"]) == ("02:00:00:00:00:07", 2)
    assert refusal(host, "port", "del", "web1-0").endswith("is in use by VM 'web1'")
    host.cli("vm", "set", "web1", "--nics", "portgroup=development")
    (port,) = host.json("port", "list")
    assert (port["name"], port["vlan"], port["mac"], port["ofport"]) == (
        "web1-0", 200, first["mac"], first["ofport"])
    text = host.cli("config", "show")
    assert host.cli("apply", "-", stdin=text) == "nothing to change\n"
    host.cli("vm", "del", "web1")
    assert host.json("port", "list") == []
    host.cli("apply", "-", stdin=text)
    assert host.json("port", "list")[0]["mac"] == first["mac"]


def test_interface_does_not_take_a_port_that_is_there(host, tmp_path):
    host.cli("port", "add", "web1-0", "--bridge", "br0")
    assert "there is already a port 'web1-0'" in refusal(
        host, "vm", "create", "web1", "--nics", "portgroup=production")
    assert host.json("vm", "list") == []
    create(host, tmp_path, "--nics", "port=web1-0")
    host.cli("vm", "del", "web1")
    assert [port["name"] for port in host.json("port", "list")] == ["web1-0"]


def test_vm_has_nothing_of_an_earlier_one_of_its_name(host):
    for _ in range(2):
        host.cli("vm", "create", "web1")
        assert "error" not in host.json("vm", "list")[0]
        refusal(host, "vm", "start", "web1")
        assert "kernel" in host.json("vm", "list")[0]["error"]
        host.cli("vm", "del", "web1")


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_vm_runs_on_while_shuntd_is_away_and_is_found_again(host, tmp_path, end):
    create(host, tmp_path, "--nics", "portgroup=production")
    host.cli("vm", "start", "web1")
    pid = host.json("vm", "info", "web1")["pid"]
    getattr(host, end)()
    os.kill(pid, 0)
    host.start()
    wait_for(lambda: state(host) == "running", what="shuntd finds its virtual machine")
    assert host.json("vm", "info", "web1")["pid"] == pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: state(host) == "stopped", what="shuntd sees its end")


def test_memory_that_is_merged_and_a_nic_exclude_each_other(host, tmp_path):
    said = refusal(host, "vm", "create", "web1", "--memory", "mergeable=true", "--nics",
                   "portgroup=production")
    assert "nics[0]" in said and "a switch cannot reach memory that is merged" in said
    assert "a VF cannot reach memory that is merged" in refusal(
        host, "vm", "create", "web1", "--memory", "mergeable=true", "--nics", "vf=eth0/0")
    assert host.json("port", "list") == [] and host.json("vm", "list") == []


@pytest.mark.skipif(os.path.exists("/run/systemd/system"), reason="systemd runs here")
def test_host_without_systemd_is_told_of_once(host, tmp_path):
    for name in "web1", "web2":
        create(host, tmp_path, name=name)
        host.cli("vm", "start", name)
    assert host.log().count("no cgroups of their own: systemd does not run here") == 1


def test_vm_that_cannot_start_says_why(host, tmp_path):
    create(host, tmp_path)
    os.unlink(tmp_path / "kernel")
    said = refusal(host, "vm", "start", "web1")
    assert said.startswith("shunt: vm start web1: kernel ") and "No such file" in said
    assert "No such file" in host.json("vm", "list")[0]["error"]


def test_program_that_is_not_there_is_named(make_switch):
    host = make_switch(CONFIG, arguments=["--vmm", "/nonexistent/shunt-vmm"])
    host.cli("vm", "create", "web1", "--kernel", "vmlinuz")
    assert "cannot run /nonexistent/shunt-vmm" in refusal(host, "vm", "start", "web1")


def test_guest_that_powers_off_leaves_a_stopped_vm(host, tmp_path):
    create(host, tmp_path, guest="")
    host.cli("vm", "start", "web1")
    wait_for(lambda: state(host) == "stopped", SLOW_S, "the guest has powered off")
    assert "error" not in host.json("vm", "info", "web1")
    host.cli("vm", "start", "web1")


def test_stop_presses_the_power_button(host, tmp_path):
    create(host, tmp_path, guest="""
        mov $0x602, %edx
        mov $0x100, %eax
        out %ax, %dx
        mov $0x600, %edx
1:      in %dx, %ax
        test $0x100, %ax
        jz 1b""")
    host.cli("vm", "start", "web1")
    wait_for(lambda: stop_is_heard(host), SLOW_S, "the guest listens to its button")
    wait_for(lambda: state(host) == "stopped", SLOW_S, "the guest has powered off")
    assert "error" not in host.json("vm", "info", "web1")


def stop_is_heard(host):
    """False as long as the guest does not listen to its button."""
    try:
        host.cli("vm", "stop", "web1")
    except CommandFailed as failure:
        assert "does not listen to its power button" in failure.stderr
        return False
    return True


def test_paused_vm_is_shown_paused_until_it_goes_on(host, tmp_path):
    create(host, tmp_path)
    host.cli("vm", "start", "web1")
    host.cli("vm", "pause", "web1")
    assert state(host) == "paused"
    assert host.terminate() == 0
    host.start()
    wait_for(lambda: state(host) == "paused", what="shuntd finds it paused")
    host.cli("vm", "resume", "web1")
    assert host.json("vm", "info", "web1")["state"] == state(host) == "running"


def test_pin_holds_now_and_at_the_next_start(host, tmp_path):
    cpu = min(os.sched_getaffinity(0))
    create(host, tmp_path, "--vcpus", "2")
    host.cli("vm", "start", "web1")
    for start in (False, True):
        if start:
            host.cli("vm", "kill", "web1")
            host.cli("vm", "start", "web1")
        else:
            host.cli("vm", "pin", "web1", "--vcpu", "1", "--cpus", cpu)
        vcpus = host.json("vm", "info", "web1")["vcpus"]
        assert vcpus[1]["cpus"] == [cpu]
        assert os.sched_getaffinity(vcpus[1]["tid"]) == {cpu}
    definition = host.json("vm", "info", "web1")["definition"]
    assert definition["pin"] == [{"vcpu": 1, "cpus": [cpu]}]
    assert "there is no virtual CPU 2" in refusal(
        host, "vm", "pin", "web1", "--vcpu", "2", "--cpus", cpu)
    refusal(host, "vm", "pin", "web1", "--vcpu", "0", "--cpus", "1000")
    assert host.json("vm", "info", "web1")["definition"] == definition


def test_balloon_has_the_size_that_was_asked_for(host, tmp_path):
    create(host, tmp_path)
    host.cli("vm", "start", "web1")
    host.cli("vm", "balloon", "web1", "--size", "8M")
    assert host.json("vm", "info", "web1")["balloon"]["target"] == 8 << 20
    assert refusal(host, "vm", "balloon", "web1", "--size", "x").endswith("give a size like 64M")


def test_running_vm_is_not_removed(host, tmp_path):
    create(host, tmp_path, "--nics", "portgroup=production")
    host.cli("vm", "start", "web1")
    before = host.cli("config", "show")
    assert refusal(host, "vm", "del", "web1") == (
        "shunt: vm del web1: it is running: 'shunt vm stop' or 'shunt vm kill' first")
    assert "VM 'web1': it is running" in refusal(host, "apply", "/dev/null")
    assert host.cli("config", "show") == before
    assert state(host) == "running"


def test_process_is_another_users_in_another_folder(host, tmp_path):
    """Its socket lies outside of that folder: whoever comes next finds none of the last one's."""
    jail = tmp_path / "jail"
    jail.mkdir()
    create(host, tmp_path, "--user", "nobody", "--chroot", jail, "--nics", "portgroup=production")
    for _ in range(2):
        host.cli("vm", "start", "web1")
        info = host.json("vm", "info", "web1")
        assert (info["definition"]["user"], info["definition"]["chroot"]) == ("nobody", str(jail))
        assert os.readlink(f"/proc/{info['pid']}/root") == str(jail)
        assert os.stat(f"/proc/{info['pid']}").st_uid == pwd.getpwnam("nobody").pw_uid
        link_is_up(host)
        if host.terminate() == 0:
            host.start()
        link_is_up(host)
        host.cli("vm", "kill", "web1")
        assert not os.path.exists(os.path.join(host.run_dir, "vm", "web1.sock"))
    host.cli("vm", "set", "web1", "--chroot", tmp_path / "none")
    assert refusal(host, "vm", "start", "web1") == (
        f"shunt: vm start web1: chroot {tmp_path}/none: No such file or directory")
    host.cli("vm", "set", "web1", "--chroot", "none", "--user", "none")
    host.cli("vm", "start", "web1")
    assert os.readlink(f"/proc/{host.json('vm', 'info', 'web1')['pid']}/root") == "/"
    assert os.stat(os.path.join(host.run_dir, "web1-0.sock")).st_uid == os.geteuid()


def link_is_up(host):
    wait_for(lambda: state(host) == "running" and
             host.json("vm", "info", "web1")["nics"][0]["link"] == "up", SLOW_S, "its link")


def test_autostart_starts_with_shuntd(make_host, tmp_path):
    vms = [{"name": name, "memory": {"size": "32M"}, "kernel": kernel(tmp_path, SLEEPER),
            "autostart": start} for name, start in (("now", True), ("later", False))]
    host = make_host(CONFIG + f"vms: {json.dumps(vms)}\n")
    wait_for(lambda: state(host, "now") == "running", what="it has started")
    assert state(host, "later") == "stopped"


def test_shuntd_answers_while_a_vm_says_nothing(make_host):
    """A process that never serves its socket: who asked for its start waits, and nobody else."""
    host = make_host(program="exec tail -f /dev/null")
    host.cli("vm", "create", "web1", "--kernel", "vmlinuz")
    start = subprocess.Popen([SHUNT, "--run-dir", host.run_dir, "vm", "start", "web1"],
                             stderr=subprocess.PIPE, text=True)
    wait_for(lambda: state(host) == "starting", what="its process is there")
    since = time.monotonic()
    host.cli("bridge", "add", "br1")
    assert time.monotonic() - since < ANSWER_S
    host.cli("vm", "kill", "web1")
    assert "signal 9" in start.communicate(timeout=SLOW_S)[1]
    assert start.returncode == 1


def test_definition_is_taken_from_a_file_and_options_win(host, tmp_path):
    path = tmp_path / "vm.json"
    path.write_text(json.dumps({"vcpus": 2, "memory": {"size": "1G"},
                                "disks": [{"file": "a"}, {"file": "b", "readonly": True}]}))
    host.cli("vm", "create", "web1", path, "--vcpus", "4")
    assert host.json("vm", "info", "web1")["definition"] == {
        "name": "web1", "vcpus": 4, "memory": {"size": "1G"},
        "disks": [{"file": "a"}, {"file": "b", "readonly": True}]}
    path.write_text("{\n  nonsense")
    assert f"{path}:2: " in refusal(host, "vm", "create", "web2", path)


COUNTER = """
        xor %r9d, %r9d
1:      call hear
        inc %r9d
        mov %r9d, %eax
        call say_hex
        jmp 1b"""


def count(host, name="web1"):
    """Have a COUNTER count once."""
    console = subprocess.Popen([SHUNT, "--run-dir", host.run_dir, "vm", "console", name],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    console.stdin.write(b"+")
    console.stdin.flush()
    said = b""
    while len(said) < 8:
        assert select.select([console.stdout], [], [], SLOW_S)[0], f"the guest says only {said}"
        said += os.read(console.stdout.fileno(), 8 - len(said))
    console.communicate(b"\x1d", timeout=SLOW_S)
    return int(said, 16)


def test_vm_goes_on_from_its_snapshot(host, tmp_path):
    disk, folder = tmp_path / "disk.raw", tmp_path / "snapshot"
    disk.write_bytes(b"then".ljust(4096))
    create(host, tmp_path, "--disks", f"file={disk}", "--nics", "portgroup=production",
           guest=COUNTER)
    host.cli("vm", "start", "web1")
    assert [count(host), count(host)] == [1, 2]
    host.cli("vm", "snapshot", "web1", folder)
    assert sorted(os.listdir(folder)) == ["disk0", "machine"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert count(host) == 3
    assert refusal(host, "vm", "restore", "web1", folder).endswith("it is running already")
    for _ in range(2):
        host.cli("vm", "kill", "web1")
        disk.write_bytes(b"now!".ljust(4096))
        host.cli("vm", "restore", "web1", folder)
        assert state(host) == "running"
        assert count(host) == 3
        assert disk.read_bytes() == b"then".ljust(4096)
    wait_for(lambda: host.json("vm", "info", "web1")["nics"][0]["link"] == "up", what="its link")


def test_snapshot_that_fails_leaves_nothing(host, tmp_path):
    create(host, tmp_path)
    folder = tmp_path / "snapshot"
    assert refusal(host, "vm", "snapshot", "web1", folder) == (
        "shunt: vm snapshot web1: it is not running")
    assert not folder.exists()
    assert "No such file" in refusal(host, "vm", "restore", "web1", folder)
    assert "No such file" in refusal(host, "vm", "snapshot", "web1", folder / "deep")
    host.cli("vm", "start", "web1")
    host.cli("vm", "snapshot", "web1", folder)
    before = (folder / "machine").read_bytes()
    assert refusal(host, "vm", "snapshot", "web1", folder).endswith(
        f"{folder}/machine: a snapshot lies there already")
    assert (folder / "machine").read_bytes() == before
    with pytest.raises(CommandFailed) as failure:
        host.cli("vm", "snapshot", "web1")
    assert failure.value.status == 2 and "DIR is missing" in failure.value.stderr


def test_folder_of_a_snapshot_is_relative_to_who_asks(host, tmp_path):
    create(host, tmp_path)
    host.cli("vm", "start", "web1")
    subprocess.run([SHUNT, "--run-dir", host.run_dir, "vm", "snapshot", "web1", "here"],
                   cwd=tmp_path, check=True)
    assert (tmp_path / "here" / "machine").exists()


def test_console_carries_both_ways_until_it_is_left(host, tmp_path):
    create(host, tmp_path, guest=ECHO)
    host.cli("vm", "start", "web1")
    console = subprocess.Popen([SHUNT, "--run-dir", host.run_dir, "vm", "console", "web1"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    console.stdin.write(b"!")
    console.stdin.flush()
    assert select.select([console.stdout], [], [], SLOW_S)[0], "the guest says nothing"
    assert os.read(console.stdout.fileno(), 1) == b"!"
    assert console.communicate(b"\x1d", timeout=SLOW_S)[0] is not None
    assert console.returncode == 0
    assert state(host) == "running"
