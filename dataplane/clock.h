/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The host's clock by the processor's cycle counter: both are read now and then, and what was
 * counted between two readings lies between their times. How fast the counter runs is known to
 * some thousandths alone, which by itself would be seconds an hour. Pure but for dp_clock_read().
 */
#pragma once

#include <stdint.h>

struct dp_clock {
	uint64_t tsc, ns;  /* of the last reading; ns since 1970 */
	double ns_per_tsc; /* up to there from the one before */
};

/** Take a reading. Where the clock was set meanwhile, hz is held to be right. */
void dp_clock_note(struct dp_clock *clock, uint64_t tsc, uint64_t ns, uint64_t hz);

/** Read both and take it. thread: any, the clock is the caller's. */
void dp_clock_read(struct dp_clock *clock, uint64_t hz);

/** return: ns since 1970 of a moment shortly before, or after, the last reading */
uint64_t dp_clock_ns(const struct dp_clock *clock, uint64_t tsc);
