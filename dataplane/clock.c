/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Two readings of the counter and of the host's clock make a line, on which the moments between
 * them lie. Control thread.
 */
#include <time.h>
#include <rte_cycles.h>

#include "clock.h"

#define TRUSTED  0.01 /* of a difference to hz: beyond it the clock was set */
#define READINGS 3u   /* of which the one that took least is taken */

void dp_clock_note(struct dp_clock *clock, uint64_t tsc, uint64_t ns, uint64_t hz)
{
	double nominal = (double)NS_PER_S / (double)hz;
	double by_clock = (double)(int64_t)(ns - clock->ns) / (double)(int64_t)(tsc - clock->tsc);
	double relation = by_clock / nominal;

	clock->ns_per_tsc = relation > 1 - TRUSTED && relation < 1 + TRUSTED ? by_clock : nominal;
	clock->tsc = tsc;
	clock->ns = ns;
}

void dp_clock_read(struct dp_clock *clock, uint64_t hz)
{
	uint64_t least = UINT64_MAX, tsc = 0, ns = 0;

	for (unsigned i = 0; i < READINGS; i++) {
		uint64_t before = rte_rdtsc(), took;
		struct timespec ts;

		clock_gettime(CLOCK_REALTIME, &ts);
		took = rte_rdtsc() - before;
		if (took >= least)
			continue;
		least = took;
		tsc = before + took / 2;
		ns = (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
	}
	dp_clock_note(clock, tsc, ns, hz);
}

uint64_t dp_clock_ns(const struct dp_clock *clock, uint64_t tsc)
{
	return clock->ns +
	       (uint64_t)(int64_t)((double)(int64_t)(tsc - clock->tsc) * clock->ns_per_tsc);
}
