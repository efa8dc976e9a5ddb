/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Meters: meter-mod (OpenFlow 1.3.5, 7.3.4.4) with the rules on its bands, and the multipart
 * replies about meters (7.3.5.12 to 7.3.5.14). Any thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "of13_wire.h"
#include "ofproto/switch.h"

#define BAND_LEN  16 /* of either type */
#define ALL_FLAGS (OF_MF_KBPS | OF_MF_PKTPS | OF_MF_BURST | OF_MF_STATS)

static int bad_meter(struct of13_in *in, enum of_meter_mod_failed code)
{
	return of13_refuse(in, OF_ET_METER_MOD_FAILED, code);
}

static int decode_band(struct of13_in *in, struct of_band *band)
{
	uint16_t len;

	band->type = of13_u16(&in->body);
	len = of13_u16(&in->body);
	band->rate = of13_u32(&in->body);
	band->burst = of13_u32(&in->body);
	band->prec_level = of13_u8(&in->body);
	of13_skip(&in->body, 3);
	if (len != BAND_LEN)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
	if (band->type != OF_MB_DROP && band->type != OF_MB_DSCP_REMARK)
		return bad_meter(in, OF_MM_BAD_BAND);
	if (band->rate == 0)
		return bad_meter(in, OF_MM_BAD_RATE);
	if (band->type == OF_MB_DROP)
		band->prec_level = 0;
	return 0;
}

static int decode_bands(struct of13_in *in)
{
	struct of_meter_mod *mod = &in->ret->meter_mod;
	size_t n = in->body.left / BAND_LEN;
	int r = 0;

	if (in->body.left % BAND_LEN)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
	if (n > OF13_MAX_BANDS)
		return bad_meter(in, OF_MM_OUT_OF_BANDS);
	if (n == 0)
		return 0;
	mod->bands = calloc(n, sizeof(*mod->bands));
	if (!mod->bands)
		return -ENOMEM;
	mod->n_bands = (unsigned)n;
	for (size_t i = 0; i < n && r == 0; i++)
		r = decode_band(in, &mod->bands[i]);
	return r;
}

static int check_meter(struct of13_in *in)
{
	const struct of_meter_mod *mod = &in->ret->meter_mod;
	bool both = mod->flags & OF_MF_KBPS && mod->flags & OF_MF_PKTPS;

	if (both || mod->flags & ~ALL_FLAGS)
		return bad_meter(in, OF_MM_BAD_FLAGS);
	if (mod->meter == 0 || mod->meter > OF_METER_MAX)
		return bad_meter(in, OF_MM_INVALID_METER);
	return 0;
}

int of13_decode_meter_mod(struct of13_in *in)
{
	struct of_meter_mod *mod = &in->ret->meter_mod;
	int r;

	mod->command = of13_u16(&in->body);
	mod->flags = of13_u16(&in->body);
	mod->meter = of13_u32(&in->body);
	if (mod->command > OF_MC_DELETE)
		return bad_meter(in, OF_MM_BAD_COMMAND);
	if (mod->command == OF_MC_DELETE)
		return 0;
	r = check_meter(in);
	return r < 0 ? r : decode_bands(in);
}

void of13_put_meter_stats(struct of_multipart *mp, const struct of_meter_info *meter)
{
	struct of_buf *out = of13_entry(mp);

	of_buf_put_u32(out, meter->meter);
	of13_put_zeros(out, 8); /* length, padding */
	of_buf_put_u32(out, meter->n_flows);
	of_buf_put_u64(out, meter->n_packets);
	of_buf_put_u64(out, meter->n_bytes);
	of13_put_duration(out, meter->duration_ns);
	for (unsigned i = 0; i < meter->n_bands; i++) {
		of_buf_put_u64(out, meter->band_stats[i].n_packets);
		of_buf_put_u64(out, meter->band_stats[i].n_bytes);
	}
	of13_entry_end_len(mp, 4);
}

void of13_put_meter_config(struct of_multipart *mp, const struct of_meter_info *meter)
{
	struct of_buf *out = of13_entry(mp);

	of13_put_zeros(out, 2); /* length */
	of_buf_put_u16(out, meter->flags);
	of_buf_put_u32(out, meter->meter);
	for (unsigned i = 0; i < meter->n_bands; i++) {
		of_buf_put_u16(out, meter->bands[i].type);
		of_buf_put_u16(out, BAND_LEN);
		of_buf_put_u32(out, meter->bands[i].rate);
		of_buf_put_u32(out, meter->bands[i].burst);
		of_buf_put_u8(out, meter->bands[i].prec_level);
		of13_put_zeros(out, 3);
	}
	of13_entry_end_len(mp, 0);
}

void of13_put_meter_features(struct of_multipart *mp, uint32_t max_meters)
{
	struct of_buf *out = of13_entry(mp);

	of_buf_put_u32(out, max_meters);
	of_buf_put_u32(out, 1 << OF_MB_DROP | 1 << OF_MB_DSCP_REMARK);
	of_buf_put_u32(out, ALL_FLAGS);
	of_buf_put_u8(out, OF_MAX_BANDS);
	of13_put_zeros(out, 3); /* no colours; padding */
	of13_entry_end(mp);
}
