/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Meters (OpenFlow 1.3.5, 5.7): of the bands whose rate the traffic is over, the one with the
 * highest rate is applied. Runs in workers; a trace takes nothing and is never over.
 */
#include "walk.h"

static struct dp_band_live *over(struct dp_bands *bands, uint64_t now, uint32_t len)
{
	uint32_t units = bands->counts_packets ? 1 : RTE_MIN(len, (uint32_t)UINT16_MAX);
	struct dp_band_live *highest = NULL;

	for (unsigned i = 0; i < bands->n; i++) {
		struct dp_band_live *band = &bands->of[i];

		if (!dp_bucket_take(&band->bucket, &band->rate, now, units) &&
			(!highest || band->per_second > highest->per_second))
			highest = band;
	}
	return highest;
}

bool dp_walk_meter(struct dp_walk_ctx *c, struct dp_walk *walk, struct dp_meter *meter)
{
	struct dp_bands *bands = atomic_load_explicit(&meter->bands, memory_order_acquire);
	uint32_t len = dp_walk_len(walk);
	struct dp_band_live *band;

	if (!c->counts || !bands)
		return true;
	dp_count_add(&c->counts[meter->slot], 1, len, c->decide.now_s);
	band = over(bands, c->decide.now_tsc, len);
	if (likely(!band))
		return true;
	dp_count_add(&c->counts[band->slot], 1, len, c->decide.now_s);
	if (band->remarks) {
		if (dp_walk_own(c, walk))
			(void)dp_edit_remark_dscp(&walk->edit, band->levels);
		return !walk->is_dropped;
	}
	walk->is_dropped = true;
	walk->why = DP_DROP_METER;
	return false;
}
