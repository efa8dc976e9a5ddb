/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A rate limit that several workers may use at once: the generic cell rate algorithm (ITU-T I.371,
 * virtual scheduling), whose whole state is one time stamp. One compare-and-swap, no division.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct dp_bucket {
	_Atomic uint64_t due_tsc; /* when the next unit would be due at the rate */
};

/* The rate as the fast path wants it; lives in the snapshot. */
struct dp_bucket_rate {
	uint64_t tsc_per_unit_q16; /* cycles a byte or frame, 16 fractional bits; 0: no limit */
	uint64_t burst_tsc;
};

/* fast path */

/**
 * Take units if the rate allows it.
 *
 * units:   now in TSC cycles; units are bytes or frames, below 2^16
 * thread:  any worker
 */
static inline bool dp_bucket_take(
	struct dp_bucket *bucket, const struct dp_bucket_rate *rate, uint64_t now, uint32_t units)
{
	uint64_t cost = (rate->tsc_per_unit_q16 * units) >> 16;
	uint64_t due = atomic_load_explicit(&bucket->due_tsc, memory_order_relaxed);
	uint64_t start;

	do {
		start = due > now ? due : now;
		if (start - now > rate->burst_tsc)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&bucket->due_tsc, &due, start + cost, memory_order_relaxed, memory_order_relaxed));
	return true;
}
