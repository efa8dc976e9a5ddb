/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Meters as the control thread makes and changes them: the bands are replaced as a whole.
 */
#include <errno.h>
#include <stdlib.h>

#include "pipeline.h"

int dp_meter_new(struct dp_bridge *bridge, struct dp_meter **ret)
{
	struct dp_meter *meter = calloc(1, sizeof(*meter));
	int r;

	if (!meter)
		return -ENOMEM;
	meter->bridge = bridge;
	r = dp_slot_take(bridge->dp->counts, &meter->slot);
	if (r < 0) {
		free(meter);
		return r;
	}
	*ret = meter;
	return 0;
}

static void bands_release(struct dp *dp, struct dp_bands *bands)
{
	if (!bands)
		return;
	for (unsigned i = 0; i < bands->n; i++)
		dp_slot_defer(dp, bands->of[i].slot);
	dp_defer_call(dp->defer, bands, free);
}

/* As Open vSwitch: a second's worth may come at once, and the burst beyond it. */
static void set_rate(const struct dp *dp, struct dp_band_live *band,
	const struct dp_band_conf *conf, bool counts_packets)
{
	uint64_t per_second = counts_packets ? conf->rate : (uint64_t)conf->rate * 125;
	uint64_t burst = counts_packets ? conf->burst : (uint64_t)conf->burst * 125;

	if (!per_second)
		per_second = 1;
	band->per_second = conf->rate;
	band->rate.tsc_per_unit_q16 =
		(uint64_t)(((unsigned __int128)dp->tsc_hz << 16) / per_second);
	band->rate.burst_tsc =
		(uint64_t)((unsigned __int128)band->rate.tsc_per_unit_q16 * (per_second + burst) >>
			   16);
}

static int bands_new(struct dp *dp, bool counts_packets, const struct dp_band_conf *conf,
	unsigned n, struct dp_bands **ret)
{
	struct dp_bands *bands = calloc(1, sizeof(*bands) + n * sizeof(bands->of[0]));

	if (!bands)
		return -ENOMEM;
	bands->counts_packets = counts_packets;
	for (; bands->n < n; bands->n++) {
		struct dp_band_live *band = &bands->of[bands->n];
		int r = dp_slot_take(dp->counts, &band->slot);

		if (r < 0) {
			bands_release(dp, bands);
			return r;
		}
		band->remarks = conf[bands->n].remarks;
		band->levels = conf[bands->n].levels;
		set_rate(dp, band, &conf[bands->n], counts_packets);
	}
	*ret = bands;
	return 0;
}

int dp_meter_set(
	struct dp_meter *meter, bool counts_packets, const struct dp_band_conf *bands, unsigned n)
{
	struct dp *dp = meter->bridge->dp;
	struct dp_bands *fresh;
	int r = bands_new(dp, counts_packets, bands, n, &fresh);

	if (r < 0)
		return r;
	bands_release(dp, atomic_exchange_explicit(&meter->bands, fresh, memory_order_acq_rel));
	return 0;
}

void dp_meter_free(struct dp_meter *meter)
{
	struct dp *dp;

	if (!meter)
		return;
	dp = meter->bridge->dp;
	bands_release(dp, atomic_load(&meter->bands));
	dp_slot_defer(dp, meter->slot);
	dp_defer_call(dp->defer, meter, free);
}

void dp_meter_get_counts(
	const struct dp_meter *meter, struct dp_counts *ret, struct dp_counts *bands)
{
	const struct dp *dp = meter->bridge->dp;
	const struct dp_bands *of = atomic_load(&meter->bands);
	uint32_t now_s = atomic_load(&dp->now_s);

	*ret = (struct dp_counts){ .age_s = UINT32_MAX };
	dp_slot_read(dp->counts, meter->slot, now_s, ret);
	for (unsigned i = 0; of && i < of->n; i++) {
		bands[i] = (struct dp_counts){ .age_s = UINT32_MAX };
		dp_slot_read(dp->counts, of->of[i].slot, now_s, &bands[i]);
	}
}
