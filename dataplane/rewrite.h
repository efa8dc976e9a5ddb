/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Changes of a frame's headers, one function an action: the bytes, the checksums and the key
 * change together. Works on a private head with room in front, so that a header pushed moves the
 * addresses alone. Pure; workers and the trace call it.
 */
#pragma once

#include "decide.h"
#include "parse.h"

#define DP_EDIT_ROOM 64 /* bytes in front of the head for headers that are pushed */

/* A frame's head while it is changed. */
struct dp_edit {
	uint8_t *head;    /* the first byte of the frame */
	uint32_t n;       /* bytes of head */
	uint32_t len;     /* of the whole frame, bytes */
	uint32_t room;    /* bytes that may still be pushed in front of head */
	uint8_t offloads; /* DP_OFFLOAD_*: the checksum field holds the pseudo-header's sum only */
	uint16_t csum_start, csum_offset, l3_start,
		hdr_len; /* of offloads; moved with the headers */
	struct sh_flow_key *key;
	struct dp_layers layers;
};

/**
 * Write the bits of mask in a field of the key that lies at offset with n_bytes, wherever it is:
 * in the frame (with checksums: IPv4's, TCP's, UDP's, ICMP's, ICMPv6's, SCTP's CRC) and in the
 * key. A field that this frame does not have is left alone. Of the fields that are not of the
 * frame, the key alone.
 *
 * Fields that share their place in the key are told apart by what the frame has: an action that
 * means one of them alone asks dp_key_has() first.
 *
 * shape:   offset as offsetof(struct sh_flow_key, ...), of a whole field when it is of the frame;
 *          value[n_bytes], mask[n_bytes]
 * thread:  any
 * source:  RFC 1624 (incremental update); OpenFlow 1.3.5, 5.12
 */
void dp_edit_set(struct dp_edit *e, unsigned offset, unsigned n_bytes, const uint8_t *value,
	const uint8_t *mask);

/* The next return false, and change nothing, when there is no room or the header is not there
 * (or not whole in the head). New headers have the fields that OpenFlow 1.3.5, 5.12.1 (table 8)
 * says: copied from the outer of the same kind, else 0, TTL from IP. */
bool dp_edit_push_vlan(struct dp_edit *e, uint16_t eth_type);
bool dp_edit_pop_vlan(struct dp_edit *e);
bool dp_edit_push_mpls(struct dp_edit *e, uint16_t eth_type);
bool dp_edit_pop_mpls(struct dp_edit *e, uint16_t eth_type);
bool dp_edit_push_pbb(struct dp_edit *e, uint16_t eth_type);
bool dp_edit_pop_pbb(struct dp_edit *e);
bool dp_edit_set_ip_ttl(struct dp_edit *e, uint8_t ttl);
bool dp_edit_set_mpls_ttl(struct dp_edit *e, uint8_t ttl);
bool dp_edit_copy_ttl_out(struct dp_edit *e); /* MPLS to MPLS, or IP to MPLS */
bool dp_edit_copy_ttl_in(struct dp_edit *e);

/** A packet that a meter lets pass but that may be dropped sooner: drop precedence up (RFC 2597),
 * or the class selector down. return: false when it is not IP. */
bool dp_edit_remark_dscp(struct dp_edit *e, unsigned levels);

/* What a TTL that would reach 0 says: the frame goes to the controller instead. */
enum dp_ttl {
	DP_TTL_OK,
	DP_TTL_EXPIRED, /* was 0 or 1: unchanged */
	DP_TTL_NONE,    /* no such header */
};
enum dp_ttl dp_edit_dec_ip_ttl(struct dp_edit *e);
enum dp_ttl dp_edit_dec_mpls_ttl(struct dp_edit *e);
