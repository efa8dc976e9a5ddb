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

#define DP_N_FRESH 256

struct dp_fresh {
	struct {
		_Atomic uint64_t key;
		_Atomic uint32_t at_s;
	} lines[DP_N_FRESH];
};

/* fast path */

static inline unsigned dp_fresh_line(uint64_t key)
{
	return (unsigned)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) % DP_N_FRESH;
}

static inline void dp_fresh_note(struct dp_fresh *fresh, uint64_t key, uint32_t now_s)
{
	unsigned i = dp_fresh_line(key);

	atomic_store_explicit(&fresh->lines[i].key, key, memory_order_relaxed);
	atomic_store_explicit(&fresh->lines[i].at_s, now_s, memory_order_relaxed);
}

static inline bool dp_fresh_has(struct dp_fresh *fresh, uint64_t key, uint32_t now_s)
{
	unsigned i = dp_fresh_line(key);

	return atomic_load_explicit(&fresh->lines[i].key, memory_order_relaxed) == key &&
	       now_s - atomic_load_explicit(&fresh->lines[i].at_s, memory_order_relaxed) <= 1;
}
