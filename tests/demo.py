# SPDX-License-Identifier: BSD-3-Clause
"""`./run demo`: three virtual machines on two VLAN port groups, and an uplink into a physical
network that carries both VLANs tagged. Shows who reaches whom, and cleans up what it made. With
--xdp the uplink is an interface that this machine goes on using, with --vmm the machines run in
shunt-vmm where KVM can run them."""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from daemon import BUILD, SHUNT, TOP, Switch  # noqa: E402
from guest import Guest, accelerator  # noqa: E402
import netns  # noqa: E402
from netns import PhysicalNetwork  # noqa: E402
from vmm_guest import VmmGuest  # noqa: E402

VMS = {  # name: port group, address
    "vm-a": ("production", "10.0.0.1/24"),
    "vm-b": ("production", "10.0.0.2/24"),
    "vm-c": ("development", "10.0.0.3/24"),
}
VLANS = {"production": 100, "development": 200}
PEERS = {100: "10.0.0.101/24", 200: "10.0.0.102/24"}
HERE, THERE = "198.51.100.1", "198.51.100.2"  # of this machine by the shared interface, and beyond it
PICTURE = """
      VM A        VM B              VM C
        |           |                 |
   +----+-----------+----+    +-------+-------+
   |  production  (100)  |    | development   |
   |                     |    |     (200)     |
   +----------+----------+    +-------+-------+
              |         shuntd        |
              +-----------+-----------+
                          | uplink: both VLANs, tagged
                 physical network: a host on each VLAN
"""

ENDINGS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP

failures = []


def say(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def check(claim, held):
    print(f"  {'ok  ' if held else 'FAIL'}  {claim}", flush=True)
    if not held:
        failures.append(claim)


def runs_shunt_vmm():
    """Asks shunt-vmm itself, whose answer is shown."""
    program = os.path.join(BUILD, "vmm", "shunt-vmm")
    done = subprocess.run([program, "--check"], capture_output=True, text=True)
    if done.returncode:
        say(f"Guests run in QEMU instead of shunt-vmm: {done.stderr.strip()}")
    return done.returncode == 0


def mac(vm):
    return f"02:00:00:00:00:0{list(VMS).index(vm) + 1}"


def config(interface, by, vmm):
    lines = ["memory: { size: 64M, hugepages: off }", "bridges: [ { name: br0 } ]", "portgroups:"]
    lines += [f"  - {{ name: {g}, bridge: br0, vlan: {v} }}" for g, v in VLANS.items()]
    lines += ["ports:", f"  - {{ name: up0, bridge: br0, type: uplink, "
                        f"device: \"{by}:{interface}\", trunk: all, ofport: 1 }}"]
    if vmm:
        lines += ["vms:"]
        lines += ["  - " + VmmGuest.item(vm, group, ip, mac(vm)) for vm, (group, ip) in VMS.items()]
    else:
        lines += [f"  - {{ name: {vm}, portgroup: {group}, type: vhost-user }}"
                  for vm, (group, _) in VMS.items()]
    return "\n".join(lines) + "\n"


def address(vm):
    return VMS[vm][1].split("/")[0]


def start_guests(switch, folder, made, vmm):
    guests = {}
    for vm, (_, ip) in VMS.items():
        if vmm:
            guests[vm] = VmmGuest(switch, vm, ip, mac(vm))
        else:
            guests[vm] = Guest(vm, switch.socket(vm), ip, mac(vm), folder=folder)
        made.callback(guests[vm].stop)
        if vmm:
            guests[vm].start()
    return guests


def tag_on_wire(network, guest, peer):
    """The VLAN tags that a ping from the guest to a peer carries on the wire, as captured."""
    capture = network.net.popen("tcpdump", "-l", "-n", "-e", "-i", network.trunk, "-c", "2",
                                "icmp and host", peer, "or (vlan and icmp and host", peer + ")",
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    capture.stderr.readline()  # it is listening now
    answered = guest.ping(peer)
    try:
        text, _ = capture.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        capture.kill()
        text, _ = capture.communicate()
    for source, target, vlan, kind in re.findall(
            r"(\S+) > (\S+?), .*?vlan (\d+),.*ICMP echo (\w+)", text):
        print(f"        on the wire: {source} > {target}  VLAN {vlan}  echo {kind}")
    return answered, set(map(int, re.findall(r"vlan (\d+)", text)))


def show_pings(guests, network):
    say("Who reaches whom")
    check("VM A reaches VM B (both production)", guests["vm-a"].ping(address("vm-b")))
    check("VM A does not reach VM C (development)", not guests["vm-a"].ping(address("vm-c")))
    check("VM C does not reach VM B (production)", not guests["vm-c"].ping(address("vm-b")))
    say("What leaves by the uplink")
    for vm, group in (("vm-a", "production"), ("vm-c", "development")):
        vlan = VLANS[group]
        answered, tags = tag_on_wire(network, guests[vm], PEERS[vlan].split("/")[0])
        check(f"VM {vm[-1].upper()} reaches the host on the physical network's VLAN {vlan}",
              answered)
        check(f"its frames are tagged {vlan} on the wire", tags == {vlan})


def show_change(switch, guests):
    say("One command moves the group to the other VLAN, with all its virtual machines")
    for vlan, claim in ((VLANS["production"], "VM A reaches VM C"),
                        (VLANS["development"], "VM A does not reach VM C any more")):
        words = ["portgroup", "set", "development", "--vlan", str(vlan)]
        print(f"  $ shunt {' '.join(words)}")
        switch.cli(*words)
        check(claim, guests["vm-a"].ping(address("vm-c")) == (vlan == VLANS["production"]))


def ping_from_here(network):
    return subprocess.run(["ping", "-q", "-c", "2", "-W", "2", "-I", network.interface, THERE],
                          capture_output=True).returncode == 0


def share(network):
    """This machine has an address on the interface that becomes the uplink."""
    # A veth hands frames over unfinished, which nobody behind an XDP program can know of.
    network.net.leave_nothing(network.trunk)
    network.net.add_address(network.trunk, f"{THERE}/24")
    netns.ip("addr", "add", f"{HERE}/24", "dev", network.interface)


def show_sharing(switch, network):
    say("This machine shares the interface with its virtual machines")
    print(f"  $ ping -I {network.interface} {THERE}")
    check("it still reaches the physical network by it, untagged", ping_from_here(network))
    port, stats = switch.port("up0"), switch.stats("up0")
    print(f"        up0: xdp {port['xdp']}, zero-copy {port['zero_copy']}, to the host alone "
          f"{stats['host_packets']}, to both {stats['shared_packets']}, to the switch "
          f"{stats['rx_packets']}")
    check("an XDP program sorts the frames in the driver", port["xdp"] == "native")


def wait_for_enter(switch):
    say("Everything is running. Look around from another terminal, as root:")
    shunt = os.path.relpath(SHUNT, TOP)
    print(f"  cd {TOP}\n  export SHUNT_RUN_DIR={switch.run_dir}\n  {shunt} show\n"
          f"  {shunt} port stats\n  {shunt} fdb list\n"
          f"  {shunt} portgroup set development --vlan 100   # C joins A and B\n"
          f"  {shunt} --help")
    try:
        input("\nEnter ends the demo and cleans up. ")
    except EOFError:
        pass


def demo(leave, by, vmm, made):
    """by: how the uplink uses its interface; vmm: guests are wanted in shunt-vmm; made: what has to
    be cleaned up, as an ExitStack."""
    begin = time.monotonic()
    folder = made.enter_context(tempfile.TemporaryDirectory(prefix="shunt-demo-"))
    print(PICTURE)
    vmm = vmm and runs_shunt_vmm()
    network = PhysicalNetwork(PEERS)
    made.callback(network.delete)
    if by == "xdp":
        share(network)
    say("Starting shuntd with this configuration")
    text = config(network.interface, by, vmm)
    print("  " + text.replace("\n", "\n  ").rstrip())
    switch = Switch(text, folder=folder)
    made.callback(switch.cleanup)
    switch.start()
    say("Booting three virtual machines: Linux in " +
        ("shunt-vmm" if vmm else f"QEMU ({accelerator()}), about ten seconds"))
    guests = start_guests(switch, folder, made, vmm)
    for vm, guest in guests.items():
        guest.ready()
        print(f"  {vm} is up after {time.monotonic() - begin:.0f} s", flush=True)
    say("$ shunt show")
    print(switch.cli("show"))
    if vmm:
        say("$ shunt vm list")
        print(switch.cli("vm", "list"))
    show_pings(guests, network)
    if by == "xdp":
        show_sharing(switch, network)
    show_change(switch, guests)
    say("$ shunt port stats")
    print(switch.cli("port", "stats"))
    say(f"{time.monotonic() - begin:.0f} s since the start: " +
        ("all as it should be" if not failures else f"{len(failures)} not as it should be"))
    if not leave:
        wait_for_enter(switch)


@contextlib.contextmanager
def clean_up():
    """Undoes what was done, in reverse, and lets nobody hurry it."""
    with contextlib.ExitStack() as made:
        try:
            yield made
        finally:
            for number in ENDINGS:
                signal.signal(number, signal.SIG_IGN)


def main():
    parser = argparse.ArgumentParser(prog="./run demo", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="end at once instead of at Enter")
    parser.add_argument("--xdp", action="store_true",
                        help="the uplink shares its interface with this machine, by AF_XDP")
    parser.add_argument("--vmm", action="store_true",
                        help="guests in shunt-vmm instead of QEMU, where KVM can run them")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("demo: needs root, as ./run demo asks for it", file=sys.stderr)
        return 1
    for number in ENDINGS:
        signal.signal(number, lambda *_: sys.exit(130))
    with clean_up() as made:
        demo(arguments.exit, "xdp" if arguments.xdp else "packet", arguments.vmm, made)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
