# SPDX-License-Identifier: BSD-3-Clause
"""OpenFlow 1.3 byte by byte: what a test writes itself, right or wrong, and a connection that asks
one question at a time. (OpenFlow 1.3.5, section 7; the numbers are the standard's.)"""

import select
import socket
import struct
import time

HELLO, ERROR, ECHO, ECHO_REPLY, EXPERIMENTER, FEATURES, FEATURES_REPLY = range(7)
GET_CONFIG, GET_CONFIG_REPLY, SET_CONFIG, PACKET_IN, FLOW_REMOVED, PORT_STATUS = range(7, 13)
PACKET_OUT, FLOW_MOD, GROUP_MOD, PORT_MOD, TABLE_MOD, MULTIPART, MULTIPART_REPLY = range(13, 20)
BARRIER, BARRIER_REPLY, QUEUE_CONFIG, QUEUE_CONFIG_REPLY, ROLE, ROLE_REPLY = range(20, 26)
GET_ASYNC, GET_ASYNC_REPLY, SET_ASYNC, METER_MOD = range(26, 30)

MP_DESC, MP_FLOW, MP_AGGREGATE, MP_TABLE, MP_PORT, MP_QUEUE, MP_GROUP, MP_GROUP_DESC = range(8)
MP_GROUP_FEATURES, MP_METER, MP_METER_CONFIG, MP_METER_FEATURES, MP_TABLE_FEATURES = range(8, 13)
MP_PORT_DESC = 13

ADD, MODIFY, MODIFY_STRICT, DELETE, DELETE_STRICT = range(5)
SEND_FLOW_REM, CHECK_OVERLAP, RESET_COUNTS, NO_PKT_COUNTS, NO_BYT_COUNTS = 1, 2, 4, 8, 16
IN_PORT, TABLE, NORMAL, FLOOD, ALL, CONTROLLER, LOCAL, ANY = range(0xfffffff8, 0x100000000)
GROUP_ALL, SELECT, INDIRECT, FAST_FAILOVER = range(4)
ALL_GROUPS, NO_BUFFER, ALL_METERS, ALL_TABLES = 0xfffffffc, 0xffffffff, 0xffffffff, 255
KBPS, PKTPS, BURST, METER_STATS = 1, 2, 4, 8
VLAN_PRESENT = 0x1000
NICIRA, ONF = 0x2320, 0x4f4e4600
OPEN, CLOSE, COMMIT, DISCARD = 0, 2, 4, 6  # a bundle
ATOMIC, ORDERED = 1, 2
BUNDLE_CONTROL, BUNDLE_ADD = 2300, 2301  # ONF's extension 230

# name: (class, number, bytes)
FIELDS = {name: (0x8000, number, n) for number, (name, n) in enumerate([
    ("in_port", 4), ("in_phy_port", 4), ("metadata", 8), ("eth_dst", 6), ("eth_src", 6),
    ("eth_type", 2), ("vlan_vid", 2), ("vlan_pcp", 1), ("ip_dscp", 1), ("ip_ecn", 1),
    ("ip_proto", 1), ("ipv4_src", 4), ("ipv4_dst", 4), ("tcp_src", 2), ("tcp_dst", 2),
    ("udp_src", 2), ("udp_dst", 2), ("sctp_src", 2), ("sctp_dst", 2), ("icmpv4_type", 1),
    ("icmpv4_code", 1), ("arp_op", 2), ("arp_spa", 4), ("arp_tpa", 4), ("arp_sha", 6),
    ("arp_tha", 6), ("ipv6_src", 16), ("ipv6_dst", 16), ("ipv6_flabel", 4), ("icmpv6_type", 1),
    ("icmpv6_code", 1), ("ipv6_nd_target", 16), ("ipv6_nd_sll", 6), ("ipv6_nd_tll", 6),
    ("mpls_label", 4), ("mpls_tc", 1), ("mpls_bos", 1), ("pbb_isid", 3), ("tunnel_id", 8),
    ("ipv6_exthdr", 2)])}
FIELDS.update({f"reg{i}": (1, i, 4) for i in range(16)})
FIELDS.update({
    "nx_in_port": (0, 0, 2), "nx_eth_dst": (0, 1, 6), "nx_eth_src": (0, 2, 6),
    "nx_eth_type": (0, 3, 2), "nx_vlan_tci": (0, 4, 2), "nx_ip_tos": (0, 5, 1),
    "nx_ip_proto": (0, 6, 1), "nx_ip_src": (0, 7, 4), "nx_ip_dst": (0, 8, 4),
    "nx_tcp_src": (0, 9, 2), "nx_tcp_dst": (0, 10, 2), "nx_udp_src": (0, 11, 2),
    "nx_udp_dst": (0, 12, 2), "nx_icmp_type": (0, 13, 1), "nx_icmp_code": (0, 14, 1),
    "nx_arp_op": (0, 15, 2), "nx_arp_spa": (0, 16, 4), "nx_arp_tpa": (0, 17, 4),
    "nx_tun_id": (1, 16, 8), "nx_arp_sha": (1, 17, 6), "nx_arp_tha": (1, 18, 6),
    "nx_ipv6_src": (1, 19, 16), "nx_ipv6_dst": (1, 20, 16), "nx_icmpv6_type": (1, 21, 1),
    "nx_icmpv6_code": (1, 22, 1), "nx_nd_target": (1, 23, 16), "nx_nd_sll": (1, 24, 6),
    "nx_nd_tll": (1, 25, 6), "nx_ip_frag": (1, 26, 1), "nx_ipv6_label": (1, 27, 4),
    "nx_ip_ecn": (1, 28, 1), "nx_ip_ttl": (1, 29, 1), "pkt_mark": (1, 33, 4),
    "nx_tcp_flags": (1, 34, 2), "conj_id": (1, 37, 4)})


def message(kind, body=b"", xid=0, version=4, length=None):
    return struct.pack("!BBHI", version, kind, 8 + len(body) if length is None else length,
                       xid) + body


def with_xid(data, xid):
    """The message, and what it carries for a bundle, with another xid."""
    xid = struct.pack("!I", xid)
    if data[1] == EXPERIMENTER and data[8:16] == struct.pack("!II", ONF, BUNDLE_ADD) and \
            data[4:8] == data[28:32]:
        data = data[:28] + xid + data[32:]
    return data[:4] + xid + data[8:]


def padded(data):
    return data.ljust((len(data) + 7) // 8 * 8, b"\0")


def oxm_header(name, has_mask=False, length=None):
    kind, number, n = FIELDS[name]
    return struct.pack("!HBB", kind, number << 1 | has_mask,
                       (2 * n if has_mask else n) if length is None else length)


def oxm(name, value, mask=None):
    """A field as it stands in a match; value and mask are numbers."""
    n = FIELDS[name][2]
    data = oxm_header(name, mask is not None) + value.to_bytes(n, "big")
    return data + (mask.to_bytes(n, "big") if mask is not None else b"")


def match(*oxms):
    data = b"".join(oxms)
    return padded(struct.pack("!HH", 1, 4 + len(data)) + data)


# actions

def action(kind, body=b""):
    body = body.ljust((len(body) + 4 + 7) // 8 * 8 - 4, b"\0")
    return struct.pack("!HH", kind, 4 + len(body)) + body


def output(port, max_len=0):
    return action(0, struct.pack("!IH6x", port, max_len))


def set_field(name, value, mask=None):
    return action(25, oxm(name, value, mask))


def push_vlan(kind=0x8100):
    return action(17, struct.pack("!H2x", kind))


def push_mpls(kind=0x8847):
    return action(19, struct.pack("!H2x", kind))


def pop_mpls(kind):
    return action(20, struct.pack("!H2x", kind))


def set_ip_ttl(ttl):
    return action(23, struct.pack("!B3x", ttl))


def set_mpls_ttl(ttl):
    return action(15, struct.pack("!B3x", ttl))


def group(number):
    return action(22, struct.pack("!I", number))


POP_VLAN, DEC_TTL, DEC_MPLS_TTL = action(18, bytes(4)), action(24, bytes(4)), action(16, bytes(4))
TTL_OUT, TTL_IN = action(11, bytes(4)), action(12, bytes(4))


def nicira(subtype, body):
    return action(0xffff, struct.pack("!IH", NICIRA, subtype) + body)


def resubmit(table=255, port=0xfff8):
    return nicira(14, struct.pack("!HB3x", port, table))


def move(source, offset, target, target_offset, n_bits):
    return nicira(6, struct.pack("!HHH", n_bits, offset, target_offset) + oxm_header(source) +
                  oxm_header(target))


def load(name, offset, n_bits, value):
    return nicira(7, struct.pack("!H", offset << 6 | (n_bits - 1)) + oxm_header(name) +
                  struct.pack("!Q", value))


# instructions

def output_reg(name, offset, n_bits, max_len=0xffff):
    return nicira(15, struct.pack("!H", offset << 6 | n_bits - 1) + oxm_header(name) + struct.pack(
        "!H6x", max_len))


def load2(name, value, mask=None):
    return nicira(33, oxm(name, value, mask))


def learn(*specs, idle=0, hard=0, priority=32768, cookie=0, flags=0, table=1, fin=(0, 0)):
    """Nicira's learn action of these specs: learn_match, learn_load, learn_output."""
    body = b"".join(specs)
    return nicira(16, struct.pack("!HHHQHBxHH", idle, hard, priority, cookie, flags, table,
                                  *fin) + body.ljust((len(body) + 7) // 8 * 8, b"\0"))


def fin_timeout(idle=0, hard=0, pad=0):
    return nicira(19, struct.pack("!HHH", idle, hard, pad))


def _learned(to, name, source, n_bits, offset, target):
    if isinstance(source, str):  # a field, or a number
        head, data = 0, oxm_header(source) + struct.pack("!H", offset)
    else:
        head, data = 0x2000, source.to_bytes((n_bits + 15) // 16 * 2, "big")
    end = oxm_header(name) + struct.pack("!H", target) if name else b""
    return struct.pack("!H", head | to << 11 | n_bits) + data + end


def learn_match(name, source, n_bits, offset=0, target=0):
    return _learned(0, name, source, n_bits, offset, target)


def learn_load(name, source, n_bits, offset=0, target=0):
    return _learned(1, name, source, n_bits, offset, target)


def learn_output(source, n_bits, offset=0):
    return _learned(2, None, source, n_bits, offset, 0)


def conjunction(number, k, n):
    """Clause k of n, from 1."""
    return nicira(34, struct.pack("!BBI", k - 1, n, number))


def instruction(kind, body):
    return struct.pack("!HH", kind, 4 + len(body)) + body


def goto(table):
    return instruction(1, struct.pack("!B3x", table))


def metadata(value, mask=0xffffffffffffffff):
    return instruction(2, struct.pack("!4xQQ", value, mask))


def write(*actions):
    return instruction(3, bytes(4) + b"".join(actions))


def apply(*actions):
    return instruction(4, bytes(4) + b"".join(actions))


CLEAR = instruction(5, bytes(4))


def meter(number):
    return instruction(6, struct.pack("!I", number))


# requests

def flow_mod(command=ADD, match_=match(), instructions=b"", table=0, priority=1, cookie=0,
             cookie_mask=0, idle=0, hard=0, flags=0, buffer_id=NO_BUFFER, out_port=ANY,
             out_group=ANY):
    return message(FLOW_MOD, struct.pack(
        "!QQBBHHHIIIH2x", cookie, cookie_mask, table, command, idle, hard, priority, buffer_id,
        out_port, out_group, flags) + match_ + instructions)


def add(oxms, *instructions, **fields):
    """A flow: its match as a list of fields, and its instructions."""
    return flow_mod(ADD, match(*oxms), b"".join(instructions), **fields)


def bucket(*actions, weight=0, watch_port=ANY, watch_group=ANY):
    data = b"".join(actions)
    return struct.pack("!HHII4x", 16 + len(data), weight, watch_port, watch_group) + data


def group_mod(command, kind, number, *buckets):
    return message(GROUP_MOD, struct.pack("!HBxI", command, kind, number) + b"".join(buckets))


def band(kind, rate, burst=0, level=0):
    return struct.pack("!HHIIB3x", kind, 16, rate, burst, level)


def meter_mod(command, flags, number, *bands):
    return message(METER_MOD, struct.pack("!HHI", command, flags, number) + b"".join(bands))


def multipart(kind, body=b"", flags=0):
    return message(MULTIPART, struct.pack("!HH4x", kind, flags) + body)


def flow_stats(table=ALL_TABLES, out_port=ANY, out_group=ANY, cookie=0, cookie_mask=0,
               match_=match(), kind=MP_FLOW):
    return multipart(kind, struct.pack("!B3xII4xQQ", table, out_port, out_group, cookie,
                                       cookie_mask) + match_)


def packet_out(frame, *actions, in_port=CONTROLLER, buffer_id=NO_BUFFER):
    data = b"".join(actions)
    return message(PACKET_OUT, struct.pack("!IIH6x", buffer_id, in_port, len(data)) + data + frame)


def bundle_control(kind, number=1, flags=ATOMIC | ORDERED, more=b""):
    return message(EXPERIMENTER, struct.pack("!IIIHH", ONF, BUNDLE_CONTROL, number, kind,
                                             flags) + more)


def bundle_add(inner, number=1, flags=ATOMIC | ORDERED, more=b""):
    return message(EXPERIMENTER, struct.pack("!IIIHH", ONF, BUNDLE_ADD, number, 0, flags) +
                   inner + more)


def bundle(number, messages, flags=ATOMIC | ORDERED):
    """All that is said of a bundle that is committed."""
    return [bundle_control(OPEN, number, flags),
            *(bundle_add(m, number, flags) for m in messages),
            bundle_control(COMMIT, number, flags)]


class Connection:
    """To a switch's unix socket. Messages that nobody asked for are kept in `unasked`."""

    def __init__(self, path, seconds=10):
        self.seconds, self.bytes, self.xid, self.unasked = seconds, b"", 0, []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(path)
        self.socket.sendall(message(HELLO))
        assert self.recv()[1] == HELLO

    def recv(self, seconds=None):
        """The next message, or None when none came in time or the switch has hung up."""
        deadline = time.monotonic() + (self.seconds if seconds is None else seconds)
        while (n := self._complete()) == 0:
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self.socket], [], [], left)[0]:
                return None
            chunk = self.socket.recv(65536)
            if not chunk:
                return None
            self.bytes += chunk
        data, self.bytes = self.bytes[:n], self.bytes[n:]
        return data

    def _complete(self):
        if len(self.bytes) < 8:
            return 0
        n = struct.unpack_from("!H", self.bytes, 2)[0]
        return n if len(self.bytes) >= n else 0

    def ask(self, data):
        """Send a message and a barrier; returns all answers to the message."""
        return self.talk([data])[0]

    def talk(self, messages):
        """Send messages and a barrier; returns a list of answers for each."""
        first, self.xid = self.xid + 1, self.xid + len(messages) + 1
        self.socket.sendall(b"".join(with_xid(data, xid) for xid, data in enumerate(
            messages, first)) + message(BARRIER, xid=self.xid))
        answers = [[] for _ in messages]
        while True:
            answer = self.recv()
            assert answer, f"no barrier reply; so far: {answers}"
            xid = struct.unpack_from("!I", answer, 4)[0]
            if xid == self.xid and answer[1] == BARRIER_REPLY:
                return answers
            if first <= xid < self.xid:
                answers[xid - first].append(answer)
            elif answer[1] == ECHO:
                self.socket.sendall(message(ECHO_REPLY, answer[8:], xid))
            else:
                self.unasked.append(answer)

    def close(self):
        self.socket.close()
