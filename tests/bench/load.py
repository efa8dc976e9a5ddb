# SPDX-License-Identifier: BSD-3-Clause
"""Generators: dpdk-testpmd on core 0 as the virtual machines behind the switch's ports."""

import contextlib
import os
import struct
import time

from process import Testpmd

CPU = 0
SETTLE_S, MEASURE_S = 1.0, 2.0
GENERATOR_MEMORY_MIB = 512
MBUF_HEADROOM, TX_MULTI_SEGS = 128, 0x8000


def _testpmd(folder, vdevs, arguments, mbufs=32768):
    return Testpmd(
        ["dpdk-testpmd", "--lcores", f"0@{CPU},1@{CPU}", "--no-pci", "--in-memory",
         "--file-prefix=bench-load", "--socket-mem", str(GENERATOR_MEMORY_MIB),
         "--single-file-segments", *vdevs, "--", "-i", "--nb-cores=1",
         f"--total-num-mbufs={mbufs}", *arguments], folder, "load")


def _mac(port):
    return f"02:00:00:00:00:{port + 10:02x}"


def sockets(folder, n):
    return [os.path.join(folder, f"vu{i}") for i in range(n)]


def _clear(paths):
    """A generator that was ended leaves its sockets behind."""
    for path in paths:
        if os.path.exists(path):
            os.unlink(path)
    return paths


class Circle:
    """Pairs of VMs between which frames circle for ever. Frames of one size, two MACs a pair.

    burst: frames that a VM offers at a time. buffers: bytes of a receive buffer, where a frame is
    to take several."""

    def __init__(self, frame_bytes=64, pairs=1, packed=False, burst=32, buffers=None):
        self.frame_bytes, self.packed, self.burst, self.buffers = frame_bytes, packed, burst, buffers
        self.n_ports = 2 * pairs
        self.receivers = range(self.n_ports)

    def start(self, folder):
        paths = _clear(sockets(folder, self.n_ports))
        packed = ",packed_vq=1" if self.packed else ""
        vdevs = [f"--vdev=virtio_user{i},path={p},mac={_mac(i)},server=1,queues=1,queue_size=1024"
                 f"{packed}" for i, p in enumerate(paths)]
        arguments = [f"--eth-peer={i},{_mac(i ^ 1)}" for i in range(self.n_ports)]
        if self.buffers:
            arguments += [f"--mbuf-size={self.buffers + MBUF_HEADROOM}", "--enable-scatter",
                          f"--tx-offloads={TX_MULTI_SEGS:#x}"]
        self.pmd = _testpmd(folder, vdevs, arguments)

    def _pieces(self):
        """Lengths of the mbufs that a frame is made of."""
        size = self.buffers or self.frame_bytes
        return ",".join(str(min(size, self.frame_bytes - at))
                        for at in range(0, self.frame_bytes, size))

    def begin(self):
        self.pmd.ask("set fwd io")
        self.pmd.ask(f"set txpkts {self._pieces()}")
        self.pmd.ask(f"set burst {self.burst}")
        self.pmd.ask("start tx_first 8")

    def stop(self):
        self.pmd.stop()


class Flowgen:
    """Two VMs that each send to n IPv4 addresses in turn, from 10.253.0.0 on."""

    n_ports = 2
    receivers = (0, 1)

    def __init__(self, n_flows):
        self.n_flows = n_flows

    def start(self, folder):
        vdevs = [f"--vdev=virtio_user{i},path={path},mac={_mac(i)},server=1,queues=1,queue_size=1024"
                 for i, path in enumerate(_clear(sockets(folder, 2)))]
        self.pmd = _testpmd(folder, vdevs, [f"--flowgen-flows={self.n_flows}"])

    def begin(self):
        self.pmd.ask("set fwd flowgen")
        self.pmd.ask("set txpkts 64")
        self.pmd.ask("start")

    def stop(self):
        self.pmd.stop()


class Many_macs:
    """Two VMs that each send from and to n MACs in turn, endlessly, from memory."""

    n_ports = 2
    receivers = (1, 3)

    def __init__(self, n_macs):
        self.n_macs = n_macs

    def _write(self, path, source, target):
        """A pcap file of one 64-byte frame an address pair, in an order with no pattern."""
        half = max(self.n_macs // 2, 1)
        with open(path, "wb") as f:
            f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
            for i in range(half):
                j = (i * 40503 + 17) % half if half > 1 else 0
                frame = (struct.pack(">HI", target, j) + struct.pack(">HI", source, i) +
                         b"\x08\x00" + bytes(50))
                f.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)

    def start(self, folder):
        files = [os.path.join(folder, f"macs{i}.pcap") for i in (0, 1)]
        self._write(files[0], 0x020a, 0x020b)
        self._write(files[1], 0x020b, 0x020a)
        vdevs = []
        for i, path in enumerate(_clear(sockets(folder, 2))):
            vdevs.append(f"--vdev=net_pcap{i},rx_pcap={files[i]},infinite_rx=1")
            vdevs.append(f"--vdev=virtio_user{i},path={path},server=1,queues=1,queue_size=1024")
        # io mode joins ports 0 and 1, 2 and 3: a file and its VM.
        self.pmd = _testpmd(folder, vdevs, ["--no-flush-rx"], mbufs=131072)

    def begin(self):
        self.pmd.ask("set fwd io")
        self.pmd.ask("start")

    def stop(self):
        self.pmd.stop()


@contextlib.contextmanager
def running(load, switch, folder):
    """The load goes through the switch, and has for a moment."""
    load.start(folder)
    try:
        switch.start(folder, sockets(folder, load.n_ports))
        try:
            load.pmd.ready()
            load.begin()
            time.sleep(SETTLE_S)
            yield
        finally:
            switch.stop()
    finally:
        load.stop()


def measure(load, switch, folder):
    """Run one load through one switch. Returns {mpps, cycles}."""
    with running(load, switch, folder):
        switch.cycles()
        before, begin = load.pmd.rx_packets(load.receivers), time.monotonic()
        time.sleep(MEASURE_S)
        after, end = load.pmd.rx_packets(load.receivers), time.monotonic()
        return {"mpps": (after - before) / (end - begin) / 1e6, "cycles": switch.cycles()}
