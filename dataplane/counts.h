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
	uint32_t fin;    /* the lowest timeouts asked for: idle << 16 | hard, each 0: none */
	uint32_t pad_[2];
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

/** The lowest timeouts of all workers that dp_count_fin() was told since the last call.
 * thread: control. */
void dp_slot_take_fin(
	struct dp_counts_pool *pool, uint32_t slot, uint16_t *ret_idle_s, uint16_t *ret_hard_s);

static inline uint16_t dp_lower_timeout(uint16_t a, uint16_t b)
{
	return !a || (b && b < a) ? b : a;
}

/** A worker asks for timeouts, seldom; the control thread may take them at the same time. */
static inline void dp_count_fin(struct dp_count *c, uint16_t idle_s, uint16_t hard_s)
{
	uint32_t old = __atomic_load_n(&c->fin, __ATOMIC_RELAXED), fresh;

	do
		fresh = (uint32_t)dp_lower_timeout((uint16_t)(old >> 16), idle_s) << 16 |
			dp_lower_timeout((uint16_t)old, hard_s);
	while (fresh != old && !__atomic_compare_exchange_n(&c->fin, &old, fresh, false,
				       __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

/* fast path */

static inline void dp_count_add(
	struct dp_count *c, uint64_t n_packets, uint64_t n_bytes, uint32_t now_s)
{
	c->n_packets += n_packets;
	c->n_bytes += n_bytes;
	c->used_s = now_s;
}
