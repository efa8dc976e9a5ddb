# SPDX-License-Identifier: BSD-3-Clause
"""vhost_ping.py SOCKET MAC ADDRESS TARGET [SIZE...]: a guest on a vhost-user port that finds a host by
ARP and pings it with payloads of these sizes. Ends with 0 when all were answered. Runs where no test
can reach in: inside a test's machine, as a program of its own."""

import struct
import sys
import time

from vhost_guest import BROADCAST, VhostGuest, frame

ANSWER_S, TRIES = 3, 5


def fold(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def arp(mac, address, target):
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    return frame(BROADCAST, mac, kind=0x0806, payload=head + mac + address + bytes(6) + target)


def echo(to, mac, address, target, number, size):
    icmp = struct.pack("!BBHHH", 8, 0, 0, 77, number) + bytes(i % 251 for i in range(size))
    icmp = icmp[:2] + struct.pack("!H", fold(icmp + b"\0" * (size % 2))) + icmp[4:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(icmp), number, 0, 64, 1, 0) + address + target
    head = head[:10] + struct.pack("!H", fold(head)) + head[12:]
    return frame(to, mac, payload=head + icmp)


def ask(guest, question, is_answer):
    """Send until something is answered; the answer, or None."""
    for _ in range(TRIES):
        guest.send(question)
        deadline = time.monotonic() + ANSWER_S
        while (left := deadline - time.monotonic()) > 0:
            got = guest.recv(left)
            if got and is_answer(got):
                return got
    return None


def main(path, mac, address, target, *sizes):
    mac = bytes.fromhex(mac.replace(":", ""))
    address, target = (bytes(map(int, a.split("."))) for a in (address, target))
    with VhostGuest(path) as guest:
        reply = ask(guest, arp(mac, address, target),
                    lambda f: f[12:14] == b"\x08\x06" and f[20:22] == b"\0\2" and f[28:32] == target)
        if not reply:
            return f"no answer of ARP from {target}"
        for number, size in enumerate(map(int, sizes)):
            question = echo(reply[6:12], mac, address, target, number, size)
            wanted = question[42:42 + size]
            if not ask(guest, question, lambda f: f[23:24] == b"\1" and f[34:35] == b"\0" and
                       f[42:42 + size] == wanted):
                return f"no answer to {size} bytes"
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
