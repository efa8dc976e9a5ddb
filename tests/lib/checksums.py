# SPDX-License-Identifier: BSD-3-Clause
"""Every checksum on a wire, looked at by tshark. Frames are taken from an interface with what the
kernel says is left to be done to them, and that is done first, as a NIC would: whatever is then
wrong was wrong on the wire."""

import socket
import struct
import subprocess
import threading

from netns import TP_STATUS_VLAN_TPID_VALID
from vlan_splitter import (AUXDATA, ETH_P_ALL, PACKET_AUXDATA, PACKET_VNET_HDR, SOL_PACKET,
                           TP_STATUS_VLAN_VALID, VNET)

SO_RCVBUFFORCE, PACKET_STATISTICS = 33, 6
NEEDS_CSUM = 1
# Zero and its complement say the same, but tshark takes only the one that it writes itself.
BAD = " || ".join(f"({p}.checksum.status == Bad && !({p}.checksum == 0xffff && "
                  f"{p}.checksum_calculated == 0x0000))" for p in ("ip", "tcp", "udp"))
BAD += " || icmp.checksum.status == Bad || icmpv6.checksum.status == Bad"
CHECKS = [w for p in ("ip", "tcp", "udp") for w in ("-o", f"{p}.check_checksum:TRUE")]


def fold(data):
    """RFC 1071, not complemented."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def finish(frame, start, offset):
    """The frame with the checksum that its sender left to be done."""
    value = ~fold(frame[start:]) & 0xffff or 0xffff
    at = start + offset
    return frame[:at] + struct.pack("!H", value) + frame[at + 2:]


class Wire:
    """All frames that come and go by an interface of a namespace, from now on. left: how many had
    something left to be done, cut: how many of these had to be cut; lost: the kernel's count."""

    def __init__(self, ns, interface):
        self.frames, self.left, self.cut, self.lost, self._stop = [], 0, 0, 0, threading.Event()
        self.socket = ns.make(lambda: self._open(interface))
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    @staticmethod
    def _open(interface):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        for option in (PACKET_AUXDATA, PACKET_VNET_HDR):
            s.setsockopt(SOL_PACKET, option, 1)
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
        s.settimeout(0.05)
        s.bind((interface, ETH_P_ALL))
        return s

    def _run(self):
        while True:
            over = self._stop.is_set()  # what was sent before is there by now
            try:
                self._take(*self.socket.recvmsg(1 << 17, 256)[:2])
            except TimeoutError:
                if over:
                    return

    def _take(self, data, ancillary):
        flags, gso, _, _, start, offset = VNET.unpack_from(data)
        frame = data[VNET.size:]
        if flags & NEEDS_CSUM:
            frame = finish(frame, start, offset)
        self.left += flags & NEEDS_CSUM
        self.cut += gso != 0
        for level, kind, aux in ancillary:
            if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
                continue
            status, _, _, _, _, tci, tpid = AUXDATA.unpack(aux[:AUXDATA.size])
            if status & TP_STATUS_VLAN_VALID:
                tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                frame = frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
        self.frames.append(frame)

    def stop(self):
        """No frame from now on; returns those that there were."""
        if not self._stop.is_set():
            self._stop.set()
            self.thread.join()
            statistics = self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
            self.lost = struct.unpack("II", statistics)[1]
            self.socket.close()
        return self.frames


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, 1))
        for i, frame in enumerate(frames):
            f.write(struct.pack("<IIII", i // 10**6, i % 10**6, len(frame), len(frame)) + frame)


def tshark(path, *words):
    done = subprocess.run(["tshark", "-n", "-r", path, *CHECKS, *words], capture_output=True,
                          text=True, check=True)
    return done.stdout.splitlines()


def bad(path):
    """A line for each frame of a pcap file with a checksum that is wrong, those of packets that
    came in fragments included."""
    return tshark(path, "-Y", BAD)


def good(path, protocol):
    """How many checksums of the protocol are right."""
    return len(tshark(path, "-Y", f"{protocol}.checksum.status == Good"))
