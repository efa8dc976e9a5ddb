/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Segments of TCP that came off a wire one by one, put together for a guest that takes long frames:
 * it then walks its stack once for all of them. The opposite of cutting, in offload.c.
 */
#pragma once

#include "frame.h"

/* What is left of a batch when its segments are put together. One a worker. */
struct dp_merger {
	uint16_t n;
	uint16_t n_segs;
	struct dp_item items[DP_BURST];
	uint8_t n_members[DP_BURST]; /* frames that each was put together from, 1: it is as it was
				      */
	struct dp_frame frames[DP_BURST];
	struct dp_seg segs[2 * DP_BURST];
	uint8_t heads[DP_BURST][DP_HEAD_BYTES];
};

/**
 * Put together what follows one another in one connection and differs in nothing but its place
 * there. Each checksum is verified before: a frame that has a wrong one stays as it is. The order
 * within a connection is kept. Payload is not copied.
 *
 * shape:   items[n], 1 <= n <= DP_BURST, with whole checksums; m->items[m->n] when it is done
 * return:  whether anything was put together
 * thread:  the worker
 */
bool dp_merge(struct dp_merger *m, const struct dp_item *items, unsigned n);
