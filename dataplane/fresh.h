/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Addresses that ports of a bridge sent from a moment ago and that the control thread may not have
 * learned yet: their first broadcast, come back by another member of a team, must not be taken for
 * somebody else's. One a bridge; any worker writes and reads, a lost line costs one such frame.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define DP_N_FRESH 4096

struct dp_fresh {
	struct {
		_Atomic uint64_t key;
		_Atomic uint32_t at_s;
	} lines[DP_N_FRESH];
};

/* fast path */

/* A key has two places, and takes the second while somebody fresh has the first. */
static inline unsigned dp_fresh_place(uint64_t key, unsigned which)
{
	return (unsigned)(key * UINT64_C(0x9e3779b97f4a7c15) >> (which ? 52 : 24)) % DP_N_FRESH;
}

static inline bool dp_fresh_is(
	const struct dp_fresh *fresh, unsigned at, uint64_t key, uint32_t now_s)
{
	return atomic_load_explicit(&fresh->lines[at].key, memory_order_relaxed) == key &&
	       now_s - atomic_load_explicit(&fresh->lines[at].at_s, memory_order_relaxed) <= 1;
}

static inline void dp_fresh_note(struct dp_fresh *fresh, uint64_t key, uint32_t now_s)
{
	unsigned at = dp_fresh_place(key, 0);
	uint64_t there = atomic_load_explicit(&fresh->lines[at].key, memory_order_relaxed);

	if (there != key && dp_fresh_is(fresh, at, there, now_s))
		at = dp_fresh_place(key, 1);
	atomic_store_explicit(&fresh->lines[at].key, key, memory_order_relaxed);
	atomic_store_explicit(&fresh->lines[at].at_s, now_s, memory_order_relaxed);
}

static inline bool dp_fresh_has(const struct dp_fresh *fresh, uint64_t key, uint32_t now_s)
{
	return dp_fresh_is(fresh, dp_fresh_place(key, 0), key, now_s) ||
	       dp_fresh_is(fresh, dp_fresh_place(key, 1), key, now_s);
}
