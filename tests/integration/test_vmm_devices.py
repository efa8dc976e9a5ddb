# SPDX-License-Identifier: BSD-3-Clause
"""Devices of shunt-vmm with a stock kernel in it, on KVM of an emulated machine: three guests with a
root file system each, on a real shuntd. Each test leaves them as it found them."""

import json

import pytest

from daemon import SHUNT, SHUNTD, SMALL, wait_for
from nested import NestedGuest, NestedMachine, QemuGuest

MIB = 1 << 20
MEMORY, BALLOON = 192 * MIB, 48 * MIB
CONFIG = SMALL + """
bridges: [ { name: br0 } ]
portgroups:
  - { name: production, bridge: br0, vlan: 100 }
  - { name: development, bridge: br0, vlan: 200 }
ports:
  - { name: a, portgroup: production }
  - { name: b, portgroup: production, queues: 2 }
  - { name: c, portgroup: development }
  - { name: q, portgroup: production }
"""


class World:
    def __init__(self, folder):
        self.machine = NestedMachine(folder)
        self.guests = {}

    def start(self):
        self.machine.prepare()
        self.machine.do("mkdir -p /tmp/state /tmp/run")
        self.machine.write("/tmp/state/config.yaml", CONFIG)
        self.start_switch()
        for i, name in enumerate("abc", 1):
            n = 2 if name == "b" else 1
            nic = {"socket": f"/tmp/run/{name}.sock", "mac": f"02:00:00:00:00:0{i}", "queues": n}
            self.guests[name] = NestedGuest(
                self.machine, name, f"10.9.0.{i}/24", memory=MEMORY, vcpus=n, nics=[nic])
        for guest in self.guests.values():
            guest.ready(150)
        return self

    def start_switch(self):
        self.machine.do(f"{SHUNTD} --run-dir /tmp/run --state-dir /tmp/state 2>>/tmp/shuntd.log & "
                        "switch=$!")
        wait_for(lambda: self.machine.run(
            f"{SHUNT} --run-dir /tmp/run show >/dev/null 2>&1")[0] == 0, 60, "the switch")

    def stop_switch(self):
        self.machine.do("kill $switch; wait $switch", 60)

    def __getattr__(self, name):
        return self.guests[name]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(str(tmp_path_factory.mktemp("world")))
    try:
        yield made.start()
    finally:
        made.machine.stop()


def reaches(guest, address):
    wait_for(lambda: guest.pings(address), 30, f"an answer of {address}")


def resident(guest):
    return guest.ask("vm.info")["memory"]["resident"]


def test_root_is_ext4_on_virtio_blk_and_what_is_synced_is_in_the_file(world):
    mounts = world.a.do("cat /proc/mounts")
    assert "/dev/vda / ext4 rw" in mounts or "/dev/root / ext4 rw" in mounts
    world.a.do("echo it is kept >/kept; sync")
    assert "it is kept" in world.machine.do("debugfs -R 'cat /kept' /tmp/a.img 2>/dev/null")
    world.a.do("rm /kept")


def test_what_is_trimmed_is_given_back_to_the_host(world):
    def allocated():
        return world.b.ask("vm.info")["disks"][0]["allocated"]

    before = allocated()
    world.b.do("dd if=/dev/urandom of=/big bs=1M count=8 && sync", 60)
    assert allocated() >= before + 7 * MIB
    world.b.do("rm /big && sync && fstrim /", 60)
    assert allocated() < before + 2 * MIB


def test_disk_in_use_is_refused_to_another_machine(world):
    vmm = world.machine.do("tr '\\0' '\\n' </proc/${pid[a]}/cmdline | head -n 1").strip()
    status, output = world.machine.run(f"{vmm} -d /tmp/a.json 2>&1 </dev/null")
    assert status == 1
    assert "disk '/tmp/a.img' is in use by another machine" in output


def test_random_numbers_come_from_the_host(world):
    assert "virtio_rng" in world.a.do("cat /sys/class/misc/hw_random/rng_current")
    assert world.a.do("head -c 16 /dev/hwrng | od -An -tx1") != ""


def test_nic_has_its_mac_and_the_offloads_of_the_switch(world):
    assert world.b.do("cat /sys/class/net/eth0/address") == "02:00:00:00:00:02"
    features = world.b.do("cat /sys/class/net/eth0/device/features")
    named = {"CSUM": 0, "GUEST_CSUM": 1, "GUEST_TSO4": 7, "HOST_TSO4": 11, "HOST_TSO6": 12,
             "MRG_RXBUF": 15, "STATUS": 16, "CTRL_VQ": 17, "EVENT_IDX": 29, "VERSION_1": 32,
             "GUEST_USO4": 54, "GUEST_USO6": 55, "HOST_USO": 56}
    assert [name for name, bit in named.items() if features[bit] != "1"] == []


def test_guest_of_two_vcpus_uses_two_queue_pairs(world):
    assert world.b.do("ls /sys/class/net/eth0/queues").split() == ["rx-0", "rx-1", "tx-0", "tx-1"]
    port = world.machine.do(f"{SHUNT} --run-dir /tmp/run -j port show b")
    assert json.loads(port)["rx_queues"] == 2
    reaches(world.b, "10.9.0.1")


def test_guests_of_one_port_group_reach_each_other_and_no_other(world):
    reaches(world.a, "10.9.0.2")
    reaches(world.b, "10.9.0.1")
    assert not world.a.pings("10.9.0.3")
    assert not world.c.pings("10.9.0.1")


def test_guest_of_qemu_is_reached_from_its_port_group_and_from_no_other(world):
    qemu = QemuGuest(world.machine, "q", "10.9.0.4/24", "/tmp/run/q.sock", "02:00:00:00:00:04")
    qemu.ready()
    reaches(world.a, "10.9.0.4")
    reaches(qemu, "10.9.0.1")
    assert not world.c.pings("10.9.0.4")
    assert not qemu.pings("10.9.0.3")
    world.machine.do("kill ${pid[q]}")
    qemu.end()


@pytest.fixture
def talk(world):
    """A TCP connection from b to a, over which the first line has gone."""
    # A nc whose input ends closes, so that of the listener stays open.
    world.a.do("mkfifo /tmp/quiet; nc -l -p 5000 <>/tmp/quiet >/tmp/got & listener=$!")
    world.b.do("mkfifo /tmp/say; nc 10.9.0.1 5000 </tmp/say & talker=$!; exec 5<>/tmp/say; "
               "echo before >&5")
    wait_for(lambda: world.a.run("grep before /tmp/got")[0] == 0, 30, "the first line")
    yield
    world.b.do("exec 5>&-; kill $talker; rm /tmp/say")
    world.a.do("kill $listener 2>/dev/null; rm /tmp/quiet")


def test_tcp_connection_outlives_a_restart_of_the_switch(world, talk):
    world.stop_switch()
    world.b.do("echo while >&5")
    world.start_switch()
    world.b.do("echo after >&5")
    wait_for(lambda: world.a.run("grep after /tmp/got")[0] == 0, 60, "the last line")
    assert world.a.do("cat /tmp/got").split() == ["before", "while", "after"]
    assert world.a.ask("vm.info")["nics"][0]["link"] == "up"


def test_tcp_connection_outlives_a_snapshot_and_another_process(world, talk):
    uptime = float(world.b.do("echo one >/kept; cut -d ' ' -f 1 /proc/uptime"))
    world.machine.do("mkdir /tmp/snapshot")
    world.b.ask("vm.snapshot", "/tmp/snapshot/machine", "/tmp/snapshot/disk0")
    world.b.do("echo two >/kept; sync")
    world.b.ask("vm.kill")
    assert world.b.end() == 0
    world.machine.do(f"{SHUNT} --run-dir /tmp/run fdb flush")
    world.b.start("--restore /tmp/snapshot")
    wait_for(lambda: "02:00:00:00:00:02" in world.machine.do(
        f"{SHUNT} --run-dir /tmp/run fdb list"), 30, "its announcement")
    world.b.do("echo after >&5", 60)
    wait_for(lambda: world.a.run("grep after /tmp/got")[0] == 0, 60, "the last line")
    assert world.a.do("cat /tmp/got").split() == ["before", "after"]
    assert world.b.do("sync; echo 3 >/proc/sys/vm/drop_caches; cat /kept; rm /kept") == "one"
    assert 0 <= float(world.b.do("cut -d ' ' -f 1 /proc/uptime")) - uptime < 60
    assert "kvm-clock" in world.b.do("cat /sys/devices/system/clocksource/*/current_clocksource")
    assert world.b.run("dmesg | grep -i 'stall\\|lockup'")[0] == 1


def test_balloon_gives_memory_to_the_host_and_takes_it_again(world):
    def given():
        return world.c.ask("vm.info")["balloon"]["size"]

    fill = "dd if=/dev/zero of=/tmp/fill bs=1M count=60"
    world.c.do(f"{fill} && rm /tmp/fill", 60)
    world.c.ask("vm.balloon", size=BALLOON)
    wait_for(lambda: given() == BALLOON, 60, "the balloon")
    low = resident(world.c)
    assert low <= MEMORY - BALLOON
    world.c.ask("vm.balloon", size=0)
    wait_for(lambda: given() == 0, 60, "the end of the balloon")
    world.c.do(fill, 60)
    assert resident(world.c) >= low + 16 * MIB
    world.c.do("rm /tmp/fill")
    wait_for(lambda: resident(world.c) <= low + 32 * MIB, 60, "free pages reported")
    stats = world.c.ask("vm.info")["balloon"]
    assert 0 < stats["free"] < MEMORY and stats["reported"] > 0


def test_paused_guest_goes_on_with_its_disk_and_its_network(world):
    world.a.ask("vm.pause")
    assert not world.b.pings("10.9.0.1")
    world.a.ask("vm.resume")
    reaches(world.b, "10.9.0.1")
    world.a.do("dd if=/dev/vda of=/dev/null bs=1M count=4")


def test_power_button_reaches_a_program_of_the_guests_which_turns_it_off(world):
    """As an input device, where a distribution's logind or acpid reads it. The last test: it is."""
    world.c.do("mkdir -p /etc/acpi/PWRF /var/log /var/run; cd /etc/acpi/PWRF; "
               "echo '#!/bin/sh' >00000080; echo 'poweroff -f' >>00000080; chmod +x 00000080; "
               "acpid -f </dev/null &")
    wait_for(lambda: world.c.run("ls -l /proc/$(pidof acpid)/fd | grep /dev/input/event")[0] == 0,
             30, "a reader of the button")
    world.c.ask("vm.stop")
    assert world.c.end() == 0
    assert "c: powered off by the guest" in world.machine.do("cat /tmp/c.log")
