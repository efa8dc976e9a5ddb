/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The straight way from one port to another, by a flow that looks at the port alone.
 */
#pragma once

#include "walk.h"

struct dp_straight {
	const struct dp_flow *flow;
	const struct dp_snap_port *out;
};

/**
 * Whether all that comes by ctx->decide.in goes straight to one port.
 *
 * shape:   of key, what a key has before its frame is parsed (DP_KEY_OWN_WORDS)
 * thread:  a worker
 */
bool dp_straight_find(
	const struct dp_walk_ctx *ctx, struct sh_flow_key *key, struct dp_straight *ret);

/**
 * Send a burst that way, and count it as walks would be.
 *
 * shape:   frames[n], n <= DP_BURST
 * thread:  a worker
 */
void dp_straight_burst(struct dp_walk_ctx *ctx, const struct dp_straight *way,
	const struct dp_frame *frames, unsigned n);
