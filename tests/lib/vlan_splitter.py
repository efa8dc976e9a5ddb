# SPDX-License-Identifier: BSD-3-Clause
"""`vlan_splitter.py TRUNK VLAN:INTERFACE ...`: the switch of a physical network, for kernels whose
bridge knows no VLANs. A frame tagged VLAN on the trunk leaves untagged by INTERFACE, and the other
way round; all else is dropped. Runs in a namespace of its own until it is ended."""

import selectors
import socket
import struct
import sys

SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
TP_STATUS_VLAN_VALID = 1 << 4
ETH_P_ALL, ETH_P_8021Q = 3, 0x8100
AUXDATA = struct.Struct("=IIIHHHH")


def packet_socket(interface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    s.bind((interface, 0))
    return s


def receive(s):
    """(VLAN or 0, the frame without its tag)."""
    frame, ancillary, _, _ = s.recvmsg(65536, 256)
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, _ = AUXDATA.unpack(data[:AUXDATA.size])
            if status & TP_STATUS_VLAN_VALID:
                return tci & 0xfff, frame
    return 0, frame


def main(trunk_name, *assignments):
    trunk = packet_socket(trunk_name)
    hosts = {}
    selector = selectors.DefaultSelector()
    selector.register(trunk, selectors.EVENT_READ, None)
    for assignment in assignments:
        vlan, interface = assignment.split(":")
        hosts[int(vlan)] = packet_socket(interface)
        selector.register(hosts[int(vlan)], selectors.EVENT_READ, int(vlan))
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            vlan, frame = receive(key.fileobj)
            if key.data is None and vlan in hosts:
                hosts[vlan].send(frame)
            elif key.data is not None and vlan == 0:
                trunk.send(frame[:12] + struct.pack("!HH", ETH_P_8021Q, key.data) + frame[12:])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:  # a terminal's Ctrl-C reaches this one too
        sys.exit(130)
