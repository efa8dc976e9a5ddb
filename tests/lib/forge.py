# SPDX-License-Identifier: BSD-3-Clause
"""forge.py FROM TO MAC...: in namespace FROM send a frame from each MAC out of its interface v, to
that of namespace TO; print the MACs of those that arrive, up to the last one's frame.

Frames keep their order, so what has not arrived before the last has been dropped."""

import ctypes
import socket
import sys

CLONE_NEWNET = 0x40000000
ETHERTYPE = 0x88b5  # for experiments
SECONDS = 20


def port(namespace):
    with open(f"/run/netns/{namespace}") as f:
        assert ctypes.CDLL(None).setns(f.fileno(), CLONE_NEWNET) == 0
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE))
    sock.bind(("v", ETHERTYPE))
    sock.settimeout(SECONDS)
    return sock


def main(sender, receiver, *sources):
    out, come = port(sender), port(receiver)
    destination = come.getsockname()[4]
    for i, source in enumerate(sources):
        address = bytes.fromhex(source.replace(":", ""))
        out.send(destination + address + ETHERTYPE.to_bytes(2, "big") + bytes([i]) * 46)
    while True:
        frame = come.recv(2048)
        print(frame[6:12].hex(":"))
        if frame[14] == len(sources) - 1:
            return


main(*sys.argv[1:])
