/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Counters of flows, tables, group buckets and meter bands: slots in an array that each worker has
 * for itself, so that no two write to one line. The arrays are address space; memory comes with
 * use.
 */
#pragma once

#include <stdint.h>

#include "dataplane/pipeline.h"

#define DP_MAX_SLOTS (UINT32_C(1) << 23)

struct dp_count {
	uint64_t n_packets, n_bytes;
	uint32_t used_s; /* the dataplane's coarse clock; 0: never */
	uint32_t pad_[3];
};

struct dp_counts_pool;

int dp_counts_new(struct dp_counts_pool **ret);
void dp_counts_free(struct dp_counts_pool *pool);

/** A worker's array, for as long as the pool lives. errors: -ENOMEM. thread: control. */
int dp_counts_array(struct dp_counts_pool *pool, unsigned worker, struct dp_count **ret);

/** A slot that counts from 0. errors: -ENOSPC. thread: control. */
int dp_slot_take(struct dp_counts_pool *pool, uint32_t *ret);

/** No worker counts in it any more. thread: control. */
void dp_slot_give(struct dp_counts_pool *pool, uint32_t slot);

/** Sum over the workers, added to ret; age_s becomes the smaller. thread: control. */
void dp_slot_read(
	const struct dp_counts_pool *pool, uint32_t slot, uint32_t now_s, struct dp_counts *ret);

/* fast path */

static inline void dp_count_add(
	struct dp_count *c, uint64_t n_packets, uint64_t n_bytes, uint32_t now_s)
{
	c->n_packets += n_packets;
	c->n_bytes += n_bytes;
	c->used_s = now_s;
}
