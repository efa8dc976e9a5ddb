/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The first half of a frame's way: from its first bytes to a verdict. Nothing here sees an mbuf or
 * a payload, so it can be tested, traced and benchmarked alone.
 */
#pragma once

#include "snapshot.h"

#define DP_HEAD_MIN 18 /* Ethernet header and one tag */

struct dp_seg;

/* A frame. Deciding reads the head and the length alone. */
struct dp_frame {
	const uint8_t *head; /* private memory: nobody changes it meanwhile */
	uint32_t n_head;     /* bytes readable there */
	uint32_t len;        /* of the whole frame, bytes */
	uint8_t *rest;       /* what is behind the head, or its first piece */
	uint32_t n_rest;     /* bytes */
	uint16_t n_more;
	uint8_t refused_plus1;     /* given up for this reason; len is 0 if the port did it */
	uint8_t offloads;          /* DP_OFFLOAD_*: left to be done */
	const struct dp_seg *more; /* further pieces */
	/* of offloads; offsets in the head, bytes */
	uint16_t csum_start, csum_offset;
	uint16_t l3_start, hdr_len, gso_size; /* of DP_OFFLOAD_GSO alone */
};

/* What may be left to be done to a frame, and what a port takes undone. */
#define DP_OFFLOAD_CSUM 0x01
#define DP_OFFLOAD_TSO4 0x02
#define DP_OFFLOAD_TSO6 0x04
#define DP_OFFLOAD_ECN  0x08 /* TSO of a frame with CWR */
#define DP_OFFLOAD_USO4 0x10 /* segmentation of UDP */
#define DP_OFFLOAD_USO6 0x20
#define DP_OFFLOAD_TSO  (DP_OFFLOAD_TSO4 | DP_OFFLOAD_TSO6)
#define DP_OFFLOAD_USO  (DP_OFFLOAD_USO4 | DP_OFFLOAD_USO6)
#define DP_OFFLOAD_GSO  (DP_OFFLOAD_TSO | DP_OFFLOAD_USO)
#define DP_OFFLOAD_ALL  (DP_OFFLOAD_CSUM | DP_OFFLOAD_GSO | DP_OFFLOAD_ECN)

enum dp_verdict_kind {
	DP_VERDICT_DROP, /* for the reason in drop, counted on port */
	DP_VERDICT_ONE,  /* out of port, after tag_op */
	DP_VERDICT_MANY, /* dp_decide_outputs lists them */
	DP_VERDICT_ALL,  /* the same, of every port but the one it came from, whatever the VLAN */
};

struct dp_verdict {
	uint8_t kind;
	uint8_t drop;
	uint8_t tag_op;
	bool tagged; /* as received: an 802.1Q tag outside */
	bool learn;  /* the control thread should hear of the source address */
	uint16_t port;
	uint16_t tci;     /* of the frame as received, 0 without a tag */
	uint16_t out_tci; /* what PUSH and SET write */
	uint16_t vlan;
	uint16_t known_port_plus1; /* MANY: where the destination is; 0 for flooding */
	uint64_t src_key, dst_key;
};

struct dp_output {
	uint16_t port;
	uint8_t tag_op;
	uint8_t drop; /* DP_N_DROPS: deliver it; else count it on port */
	uint16_t out_tci;
};

/* What all frames of a burst share. */
struct dp_decide_ctx {
	const struct dp_snapshot *snapshot;
	const struct dp_snap_port *in;
	/* Of the team in, which they came by: if it may not take all frames for all ports; and in
	 * any case, for its counters. Else NULL. */
	const struct dp_snap_port *member, *received_by;
	uint64_t now_tsc;
	uint32_t now_s; /* the dataplane's coarse clock */
	bool is_trace;  /* nothing is learned, refreshed or taken off a rate limit */
};

/**
 * Decide a burst.
 *
 * shape:   frames[n], verdicts[n], n <= DP_BURST
 * return:  none; every verdict is complete
 * errors:  a frame that makes no sense has a drop verdict
 * thread:  any worker, lock-free
 */
void dp_decide_burst(const struct dp_decide_ctx *ctx, const struct dp_frame *frames, unsigned n,
	struct dp_verdict *verdicts);

/* What a walk through flow tables asks of the rules above, a frame at a time. */

/**
 * May the frame come in on ctx->in: its length, the port's state, address and rate.
 *
 * return:  DP_N_DROPS, or the reason
 * thread:  any worker
 */
int dp_decide_enter(
	const struct dp_decide_ctx *ctx, const struct dp_frame *frame, struct dp_verdict *verdict);

/** May it leave by a port as it is, whatever the VLAN. return: DP_N_DROPS, or the reason. */
int dp_decide_exit(const struct dp_decide_ctx *ctx, const struct dp_snap_port *out,
	const struct dp_frame *frame);

/** May a mirror's copy leave by a port. return: as dp_decide_exit. */
int dp_decide_copy(const struct dp_decide_ctx *ctx, const struct dp_snap_port *out,
	const struct dp_frame *frame);

/** Whether a frame is one that bridges keep to themselves. shape: head[8] is readable */
bool dp_is_link_local(const uint8_t *head);

/** What the learning bridge does with it: VLANs, learning, look-up. */
void dp_decide_normal(
	const struct dp_decide_ctx *ctx, const struct dp_frame *frame, struct dp_verdict *verdict);

/**
 * The outputs of a verdict MANY: flooding, or a known destination with promiscuous listeners.
 *
 * shape:   outputs[DP_MAX_PORTS]
 * return:  how many; 0 when no other port may have the frame
 * thread:  any worker
 */
unsigned dp_decide_outputs(const struct dp_decide_ctx *ctx, const struct dp_frame *frame,
	const struct dp_verdict *verdict, struct dp_output *outputs);
