/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From a frame's first bytes to the key that flow tables look at, and to where its headers begin.
 * Pure; workers and the trace call it, and the rewriting of headers when it has added or taken one.
 */
#pragma once

#include <stdbool.h>

#include "base/flow_key.h"
#include "dataplane/program.h"

#define DP_NO_LAYER     0xff
#define DP_UNSEEN_LAYER 0xfe /* l4: the frame has one, but not whole within the head */

/* Bytes of the key that come from the frame. */
#define DP_KEY_FRAME_BEGIN offsetof(struct sh_flow_key, eth_dst)
#define DP_KEY_FRAME_END   offsetof(struct sh_flow_key, tunnel_id)

/* Offsets of headers in the head, bytes; DP_NO_LAYER: not there, or not whole within the head. */
struct dp_layers {
	uint8_t vlan;     /* the outermost tag's ethertype; 12 if it is there */
	uint8_t mpls;     /* first label stack entry */
	uint8_t pbb;      /* I-TAG's TCI, behind the ethertype 0x88e7 */
	uint8_t type;     /* the ethertype behind all VLAN tags, or behind LLC and SNAP */
	uint8_t proto;    /* the byte that says the key's ip_proto */
	uint8_t l3;       /* IPv4, IPv6 or ARP that makes sense */
	uint8_t l4;       /* TCP, UDP, SCTP, ICMP; not of a later fragment */
	uint8_t nd;       /* neighbour discovery message, at its ICMPv6 type */
	uint8_t sll, tll; /* link-layer address options' addresses */
};

/**
 * Fill in the fields of the key that come from the frame, and zero those that it does not have.
 * in_port, metadata, registers and the other fields that are not of the frame stay.
 *
 * shape:   head[n], n >= 14; no more than the first 240 bytes are read; len is of the whole frame
 * units:   bytes
 * return:  false when a header is cut or makes no sense: its fields are 0, those before it hold
 * thread:  any
 * source:  OpenFlow 1.3.5, 7.2.3.8 and ovs-fields(7): two VLAN tags are looked through, the first
 *          MPLS label, the I-TAG of PBB; IPv6 extension headers up to the upper layer; an IPv4
 *          total length beyond the frame is not IP
 */
bool dp_parse(const uint8_t *head, uint32_t n, uint32_t len, struct sh_flow_key *key,
	struct dp_layers *layers);

/** What the frame of a key has: DP_HAS_*. A field whose prerequisite is not among them is another
 * one's place in the key. thread: any. */
uint32_t dp_key_has(const struct sh_flow_key *key);
