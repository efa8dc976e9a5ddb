# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd as two virtual machines at full speed: it owns the sockets, the switch connects.
Frames circle between its two ports, each addressed to the other one."""

import os
import sys

import pytest

from daemon import TOP, wait_for
from ports import assert_sums_hold, config, link_is

sys.path.append(os.path.join(TOP, "tests", "bench"))
import process  # noqa: E402  (the bench has what starts and asks testpmd)

MANY = 100_000
HUGE_PAGES = "/proc/sys/vm/nr_hugepages"
PLAIN = "memory: { size: 64M, hugepages: off }\n"


class Generator:
    """Two virtio-user ports of one testpmd on CPU 0, with plain or huge memory."""

    MACS = "02:00:00:00:00:0a", "02:00:00:00:00:0b"

    def __init__(self, folder, queues=1, options="", memory=("--no-huge", "-m", "256")):
        self.folder = str(folder)
        self.sockets = [os.path.join(self.folder, f"vu{i}") for i in (0, 1)]
        vdevs = [f"--vdev=virtio_user{i},path={s},mac={m},server=1,queues={queues},queue_size=256"
                 f"{options}" for i, (s, m) in enumerate(zip(self.sockets, self.MACS))]
        peers = [f"--eth-peer={i},{self.MACS[1 - i]}" for i in (0, 1)]
        self.argv = ["dpdk-testpmd", "--lcores", "0@0,1@0", "--no-pci", "--no-telemetry",
                     "--file-prefix", f"test{os.getpid()}", *memory, *vdevs, "--", "-i",
                     "--nb-cores=1", "--total-num-mbufs=8192", f"--rxq={queues}", f"--txq={queues}",
                     *peers]
        self.pmd = None

    def start(self):
        for path in self.sockets:
            if os.path.exists(path):
                os.unlink(path)
        self.pmd = process.Testpmd(self.argv, self.folder, "testpmd")
        return self

    def circle(self):
        """Set 8 bursts a queue on their way."""
        self.pmd.ask("set fwd io")
        self.pmd.ask("start tx_first 8")

    def halt(self):
        """Stop forwarding; returns the frames that each port has sent since it started."""
        self.pmd.ask("stop")
        return [self._sent(port) for port in (0, 1)]

    def _sent(self, port):
        lines = self.pmd.ask(f"show port stats {port}").splitlines()
        return next(int(line.split()[1]) for line in lines if "TX-packets:" in line)

    def stop(self):
        if self.pmd:
            self.pmd.stop()
            self.pmd = None


@pytest.fixture
def make_generator(tmp_path):
    made = []

    def make(**options):
        made.append(Generator(tmp_path, **options))
        return made[-1].start()

    yield make
    for generator in made:
        generator.stop()


def two_ports(generator, queues=1, workers="cpus: [1]", memory=PLAIN):
    head = f"{memory}workers: {{ {workers} }}\nbridges: [ {{ name: br0 }} ]\n"
    return config({f"p{i}": f"vlan: 100, mode: client, queues: {queues}, socket: \"{path}\""
                   for i, path in enumerate(generator.sockets)}, head=head)


def both_up(switch):
    for name in ("p0", "p1"):
        link_is(switch, name, seconds=20)


def received(switch):
    """What each port has received, and all workers together."""
    ports = [switch.stats(name)["rx_packets"] for name in ("p0", "p1")]
    return ports, sum(w["rx_packets"] for w in switch.json("worker", "stats"))


def wait_for_many(switch):
    """Wait until frames have gone round for long on both ports."""
    before = received(switch)[0]
    wait_for(lambda: all(now > then + MANY for now, then in zip(received(switch)[0], before)), 30,
             "frames circle")


def at_rest(switch):
    """Wait until the workers have emptied all rings."""
    seen = []

    def no_news():
        seen.append(switch.json("worker", "stats"))
        counts = [[(w["rx_packets"], w["tx_packets"]) for w in s] for s in seen[-2:]]
        return len(counts) == 2 and counts[0] == counts[1]
    wait_for(no_news, 10, "no frame is on its way", interval=0.1)


def assert_all_counted(switch, generator):
    """What testpmd has sent, the switch has received, and it knows where each frame went."""
    sent = generator.halt()
    at_rest(switch)
    ports, workers = received(switch)
    assert ports == sent
    assert workers == sum(sent)
    assert_sums_hold(switch)


RINGS = {
    "split": {},
    "packed": {"options": ",packed_vq=1"},
    "packed, in order": {"options": ",packed_vq=1,in_order=1,mrg_rxbuf=0"},
    "split, not mergeable": {"options": ",mrg_rxbuf=0"},
    "2 queue pairs": {"queues": 2},
    "4 packed queue pairs": {"queues": 4, "options": ",packed_vq=1"},
}


@pytest.mark.parametrize("workers", ["cpus: [1], poll: busy", "cpus: [0, 1], poll: adaptive"])
@pytest.mark.parametrize("rings", RINGS)
def test_frames_circle_and_are_all_counted(make_generator, make_switch, rings, workers):
    generator = make_generator(**RINGS[rings])
    queues = RINGS[rings].get("queues", 1)
    switch = make_switch(two_ports(generator, queues, workers))
    generator.pmd.ready()
    both_up(switch)
    assert [switch.port(n)["rx_queues"] for n in ("p0", "p1")] == [queues, queues]
    generator.circle()
    wait_for_many(switch)
    assert_all_counted(switch, generator)
    if queues > 1 and "0, 1" in workers:
        assert all(w["rx_packets"] for w in switch.json("worker", "stats"))


def test_testpmd_and_the_switch_restart_in_any_order(make_generator, make_switch):
    generator = make_generator()
    switch = make_switch(two_ports(generator))
    generator.pmd.ready()

    def goes_on():
        both_up(switch)
        generator.circle()
        wait_for_many(switch)
        generator.pmd.ask("stop")
    goes_on()
    for _ in range(2):  # the virtual machines first
        generator.stop()
        for name in ("p0", "p1"):
            link_is(switch, name, "down")
        generator.start()
        generator.pmd.ready()
        goes_on()
    for end in ("terminate", "kill"):  # the switch first
        getattr(switch, end)()
        switch.start()
        goes_on()
    switch.kill()  # both, and the switch is there before its peer
    generator.stop()
    switch.start()
    generator.start()
    generator.pmd.ready()
    goes_on()
    switch.kill()  # both, the other way round
    generator.stop()
    generator.start()
    switch.start()
    generator.pmd.ready()
    goes_on()


def test_a_port_that_is_deleted_under_full_load_leaves_the_other_and_comes_back(make_generator,
                                                                               make_switch):
    generator = make_generator()
    switch = make_switch(two_ports(generator))
    generator.pmd.ready()
    both_up(switch)
    for _ in range(3):
        generator.circle()
        wait_for_many(switch)
        switch.cli("port", "del", "p1")
        switch.cli("port", "add", "p1", "--bridge", "br0", "--vlan", "100", "--mode", "client",
                   "--socket", generator.sockets[1])
        both_up(switch)
        generator.pmd.ask("stop")
    generator.circle()
    wait_for_many(switch)


@pytest.fixture
def huge_pages():
    """64 pages of 2 MiB more than there are, for the time of a test."""
    with open(HUGE_PAGES) as f:
        before = int(f.read())
    with open(HUGE_PAGES, "w") as f:
        f.write(str(before + 64))
    yield
    with open(HUGE_PAGES, "w") as f:
        f.write(str(before))


def huge_pages_in_use():
    with open("/proc/meminfo") as f:
        values = dict(line.split(":") for line in f)
    return int(values["HugePages_Total"]) - int(values["HugePages_Free"])


def test_the_same_with_huge_pages_which_are_given_back(huge_pages, make_generator, make_switch):
    in_use = huge_pages_in_use()
    generator = make_generator()
    switch = make_switch(two_ports(generator,
                                   memory="memory: { size: 64M, hugepages: on }\n"))
    assert huge_pages_in_use() >= in_use + 32
    generator.pmd.ready()
    both_up(switch)
    generator.circle()
    wait_for_many(switch)
    assert_all_counted(switch, generator)
    assert switch.terminate() == 0
    wait_for(lambda: huge_pages_in_use() <= in_use, 5, "the huge pages are free again")
