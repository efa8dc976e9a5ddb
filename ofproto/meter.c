/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Meters (OpenFlow 1.3.5, 5.7 and 6.8). One that is removed takes the flows that use it along.
 * Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "state.h"

struct op {
	struct of_switch *sw;
	struct of_meter_mod *mod;
	uint64_t now_ns;
	struct of_err *reterr_of;
};

static int fail(const struct op *op, enum of_meter_mod_failed code)
{
	return of_err_set(op->reterr_of, OF_ET_METER_MOD_FAILED, code);
}

static int refuse(const struct op *op, int r)
{
	return of_refuse(
		r, OF_ET_METER_MOD_FAILED, OF_MM_OUT_OF_METERS, OF_MM_UNKNOWN, op->reterr_of);
}

static int check(const struct op *op)
{
	const struct of_meter_mod *mod = op->mod;
	uint16_t known = OF_MF_KBPS | OF_MF_PKTPS | OF_MF_BURST | OF_MF_STATS;

	if (mod->meter == 0 || mod->meter > OF_METER_MAX)
		return fail(op, OF_MM_INVALID_METER);
	if (mod->flags & ~known || (mod->flags & OF_MF_KBPS && mod->flags & OF_MF_PKTPS))
		return fail(op, OF_MM_BAD_FLAGS);
	if (mod->n_bands > OF_MAX_BANDS)
		return fail(op, OF_MM_OUT_OF_BANDS);
	for (unsigned i = 0; i < mod->n_bands; i++)
		if (mod->bands[i].type != OF_MB_DROP && mod->bands[i].type != OF_MB_DSCP_REMARK)
			return fail(op, OF_MM_BAD_BAND);
	return 0;
}

static void entry_free(struct of_meter_entry *entry)
{
	free(entry->meter.bands);
	free(entry);
}

/* Exchange flags and bands of a request and a meter. */
static void swap(struct of_meter *meter, struct of_meter_mod *mod)
{
	struct of_meter old = *meter;

	meter->flags = mod->flags;
	meter->n_bands = mod->n_bands;
	meter->bands = mod->bands;
	mod->flags = old.flags;
	mod->n_bands = old.n_bands;
	mod->bands = old.bands;
}

static int set(const struct op *op, struct of_meter *meter)
{
	int r;

	swap(meter, op->mod);
	r = op->sw->provider->meter_set(op->sw->provider_ctx, meter, op->reterr_of);
	if (r < 0)
		swap(meter, op->mod);
	return r;
}

static int entry_insert(const struct op *op, struct of_meter_entry *entry)
{
	int r = of_ids_insert(&op->sw->meters, op->mod->meter, entry);

	if (r < 0)
		return r;
	r = set(op, &entry->meter);
	if (r < 0)
		of_ids_remove(&op->sw->meters, op->mod->meter);
	return r;
}

static int add(struct op *op)
{
	struct of_meter_entry *entry;
	int r;

	if (of_switch_meter(op->sw, op->mod->meter))
		return fail(op, OF_MM_METER_EXISTS);
	if (op->sw->meters.n >= op->sw->conf.max_meters)
		return fail(op, OF_MM_OUT_OF_METERS);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return refuse(op, -ENOMEM);
	entry->meter.id = op->mod->meter;
	entry->meter.made_ns = op->now_ns;
	LIST_INIT(&entry->target.refs);
	r = entry_insert(op, entry);
	if (r < 0) {
		entry_free(entry);
		return refuse(op, r);
	}
	return 0;
}

static int modify(struct op *op)
{
	struct of_meter *meter = of_switch_meter(op->sw, op->mod->meter);
	int r;

	if (!meter)
		return fail(op, OF_MM_UNKNOWN_METER);
	r = set(op, meter);
	if (r < 0)
		return refuse(op, r);
	free(op->mod->bands);
	op->mod->bands = NULL;
	op->mod->n_bands = 0;
	return 0;
}

static void entry_remove(
	struct of_switch *sw, struct of_meter_entry *entry, unsigned reason, uint64_t now_ns)
{
	of_entries_remove_by(sw, &entry->target, reason, now_ns);
	of_ids_remove(&sw->meters, entry->meter.id);
	sw->provider->meter_del(sw->provider_ctx, &entry->meter);
	entry_free(entry);
}

/* From the end, where nothing has to move. */
static void remove_all(struct of_switch *sw, unsigned reason, uint64_t now_ns)
{
	while (sw->meters.n > 0)
		entry_remove(sw, sw->meters.list[sw->meters.n - 1].what, reason, now_ns);
}

void of_meters_clear(struct of_switch *sw, uint64_t now_ns)
{
	remove_all(sw, OF_REMOVED_SILENTLY, now_ns);
}

/* One that is not there is no error. */
static int delete (struct op *op)
{
	struct of_meter_entry *entry = of_ids_find(&op->sw->meters, op->mod->meter);

	if (op->mod->meter == OF_METER_ALL)
		remove_all(op->sw, OF_RR_DELETE, op->now_ns);
	else if (entry)
		entry_remove(op->sw, entry, OF_RR_DELETE, op->now_ns);
	return 0;
}

static int run(struct op *op)
{
	uint16_t command = op->mod->command;
	int r;

	if (command > OF_MC_DELETE)
		return fail(op, OF_MM_BAD_COMMAND);
	if (command == OF_MC_DELETE)
		return delete (op);
	r = check(op);
	if (r < 0)
		return r;
	return command == OF_MC_ADD ? add(op) : modify(op);
}

int of_switch_meter_mod(
	struct of_switch *sw, struct of_meter_mod *mod, uint64_t now_ns, struct of_err *reterr_of)
{
	struct of_err ignored;
	struct op op = { sw, mod, now_ns, reterr_of ? reterr_of : &ignored };
	int r = run(&op);

	of_taught_flush(sw, now_ns);
	return r;
}

struct of_meter *of_switch_meter(const struct of_switch *sw, uint32_t id)
{
	struct of_meter_entry *entry = of_ids_find(&sw->meters, id);

	return entry ? &entry->meter : NULL;
}
