# SPDX-License-Identifier: BSD-3-Clause
"""`vlan_splitter.py TRUNK VLAN:INTERFACE ...`: the switch of a physical network, for kernels whose
bridge knows no VLANs. A frame tagged VLAN on the trunk leaves untagged by INTERFACE, and the other
way round, VLAN 0 untagged on both; all else is dropped. What is left to be done to a frame goes on
with it. Runs in a namespace of its own until it is ended."""

import selectors
import socket
import struct
import sys

SOL_PACKET, PACKET_AUXDATA, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 8, 15, 23
TP_STATUS_VLAN_VALID = 1 << 4
ETH_P_ALL, ETH_P_8021Q = 3, 0x8100
AUXDATA = struct.Struct("=IIIHHHH")
VNET = struct.Struct("=BBHHHH")  # struct virtio_net_hdr
MAX_BYTES = 1 << 17


def packet_socket(interface, with_vnet=False):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    if with_vnet:
        s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    s.bind((interface, 0))
    return s


def receive(s):
    """(VLAN or 0, header and frame without its tag)."""
    frame, ancillary, _, _ = s.recvmsg(MAX_BYTES, 256)
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, _ = AUXDATA.unpack(data[:AUXDATA.size])
            if status & TP_STATUS_VLAN_VALID:
                return tci & 0xfff, frame
    return 0, frame


def tag(data, vlan):
    flags, kind, header_len, size, start, offset = VNET.unpack_from(data)
    frame = data[VNET.size:]
    return (VNET.pack(flags, kind, header_len and header_len + 4, size, start and start + 4, offset) +
            frame[:12] + struct.pack("!HH", ETH_P_8021Q, vlan) + frame[12:])


def main(trunk_name, *assignments):
    trunk = packet_socket(trunk_name, True)
    hosts = {}
    selector = selectors.DefaultSelector()
    selector.register(trunk, selectors.EVENT_READ, None)
    for assignment in assignments:
        vlan, interface = assignment.split(":")
        hosts[int(vlan)] = packet_socket(interface, True)
        selector.register(hosts[int(vlan)], selectors.EVENT_READ, int(vlan))
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            vlan, frame = receive(key.fileobj)
            if key.data is None and vlan in hosts:
                hosts[vlan].send(frame)
            elif key.data is not None and vlan == 0:
                trunk.send(tag(frame, key.data) if key.data else frame)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:  # a terminal's Ctrl-C reaches this one too
        sys.exit(130)
