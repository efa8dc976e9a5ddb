/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A switch as a whole: made, reset, freed, and told about. What requests do to it is in the files
 * of what they change. Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "state.h"

int of_refuse(int r, enum of_err_type type, unsigned no_space, unsigned no_memory,
	struct of_err *reterr_of)
{
	if (r == -EINVAL)
		return r;
	return of_err_set(reterr_of, type, r == -ENOSPC ? no_space : no_memory);
}

int of_switch_new(const struct of_switch_conf *conf, const struct of_provider *provider,
	void *provider_ctx, struct of_switch **ret)
{
	struct of_switch *sw = calloc(1, sizeof(*sw));

	if (!sw)
		return -ENOMEM;
	sw->conf = *conf;
	sw->provider = provider;
	sw->provider_ctx = provider_ctx;
	TAILQ_INIT(&sw->expiring);
	*ret = sw;
	return 0;
}

static int remove_one(void *arg, struct of_entry *entry)
{
	of_entry_remove(arg, entry, OF_REMOVED_SILENTLY, entry->flow.made_ns);
	return 0;
}

static void clear(struct of_switch *sw, uint64_t now_ns)
{
	static const struct of_minimatch everything;

	(void)of_flow_table_each(&sw->flows, OF_TABLE_ALL, &everything, remove_one, sw);
	of_groups_clear(sw, now_ns);
	of_meters_clear(sw, now_ns);
}

void of_switch_free(struct of_switch *sw)
{
	if (!sw)
		return;
	sw->events = (struct of_switch_events){ 0 };
	clear(sw, 0);
	of_flow_table_done(&sw->flows);
	of_ids_done(&sw->groups);
	of_ids_done(&sw->meters);
	free(sw);
}

void of_switch_set_events(struct of_switch *sw, const struct of_switch_events *events)
{
	sw->events = *events;
}

const struct of_provider *of_switch_provider(const struct of_switch *sw, void **ret_ctx)
{
	*ret_ctx = sw->provider_ctx;
	return sw->provider;
}

static int add_normal(struct of_switch *sw, uint64_t now_ns)
{
	struct of_flow_mod mod = { .command = OF_FC_ADD,
		.out_port = OF_PORT_ANY,
		.out_group = OF_GROUP_ANY,
		.buffer_id = OF_NO_BUFFER };
	struct of_action *action = calloc(1, sizeof(*action));
	int r;

	if (!action)
		return -ENOMEM;
	action->type = OF_ACTION_OUTPUT;
	action->output.port = OF_PORT_NORMAL;
	mod.instructions.has_apply = true;
	mod.instructions.apply = (struct of_actions){ 1, action };
	r = of_switch_flow_mod(sw, &mod, now_ns, NULL);
	of_instructions_done(&mod.instructions);
	return r < 0 ? -ENOMEM : 0;
}

int of_switch_reset(struct of_switch *sw, bool standalone, uint64_t now_ns)
{
	clear(sw, now_ns);
	return standalone ? add_normal(sw, now_ns) : 0;
}

bool of_switch_is_normal(const struct of_switch *sw)
{
	return sw->flows.n == 1 && sw->n_normal == 1;
}

static uint64_t since(uint64_t then_ns, uint64_t now_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

void of_switch_flow_info(const struct of_switch *sw, const struct of_flow *flow, uint64_t now_ns,
	struct of_flow_info *info)
{
	const struct of_entry *entry = (const struct of_entry *)flow;
	struct of_counts counts;

	if (entry->bunch)
		sw->provider->flow_counts(sw->provider_ctx, flow, &counts);
	else
		counts = entry->last;
	*info = (struct of_flow_info){
		.table = flow->table,
		.priority = flow->priority,
		.idle_timeout_s = flow->idle_timeout_s,
		.hard_timeout_s = flow->hard_timeout_s,
		.flags = flow->flags,
		.cookie = flow->cookie,
		.n_packets = counts.n_packets,
		.n_bytes = counts.n_bytes,
		.duration_ns = since(flow->made_ns, now_ns),
		.instructions = &flow->instructions,
	};
	of_minimatch_expand(flow->match, &info->match);
}

static void group_info(const struct of_switch *sw, const struct of_group_entry *entry,
	uint64_t now_ns, struct of_counts *counts, struct of_group_info *info)
{
	const struct of_group *group = &entry->group;
	struct of_counts all;

	sw->provider->group_counts(sw->provider_ctx, group, &all, counts);
	info->group = group->id;
	info->n_refs = entry->target.n + entry->n_chained;
	info->type = group->type;
	info->n_packets = all.n_packets;
	info->n_bytes = all.n_bytes;
	info->duration_ns = since(group->made_ns, now_ns);
	info->n_buckets = group->n_buckets;
	info->buckets = group->buckets;
	for (unsigned i = 0; i < group->n_buckets; i++) {
		info->bucket_stats[i].n_packets = counts[i].n_packets;
		info->bucket_stats[i].n_bytes = counts[i].n_bytes;
	}
}

int of_switch_groups(const struct of_switch *sw, uint32_t group, uint64_t now_ns,
	int (*fn)(void *arg, const struct of_group_info *info), void *arg, struct of_err *reterr_of)
{
	_cleanup_free_ struct of_counts *counts = calloc(OF_MAX_BUCKETS, sizeof(*counts));
	struct of_group_info info = { 0 };
	_cleanup_free_ void *stats = calloc(OF_MAX_BUCKETS, sizeof(*info.bucket_stats));
	int r = 0;

	if (!counts || !stats)
		return -ENOMEM;
	info.bucket_stats = stats;
	for (uint32_t i = 0; i < sw->groups.n && r == 0; i++) {
		if (group != OF_GROUP_ALL && group != sw->groups.list[i].id)
			continue;
		group_info(sw, sw->groups.list[i].what, now_ns, counts, &info);
		r = fn(arg, &info);
	}
	return r;
}

static void meter_info(const struct of_switch *sw, const struct of_meter_entry *entry,
	uint64_t now_ns, struct of_meter_info *info)
{
	const struct of_meter *meter = &entry->meter;
	struct of_counts all, counts[OF_MAX_BANDS];

	sw->provider->meter_counts(sw->provider_ctx, meter, &all, counts);
	info->meter = meter->id;
	info->n_flows = entry->target.n;
	info->flags = meter->flags;
	info->n_packets = all.n_packets;
	info->n_bytes = all.n_bytes;
	info->duration_ns = since(meter->made_ns, now_ns);
	info->n_bands = meter->n_bands;
	info->bands = meter->bands;
	for (unsigned i = 0; i < meter->n_bands; i++) {
		info->band_stats[i].n_packets = counts[i].n_packets;
		info->band_stats[i].n_bytes = counts[i].n_bytes;
	}
}

int of_switch_meters(const struct of_switch *sw, uint32_t meter, uint64_t now_ns,
	int (*fn)(void *arg, const struct of_meter_info *info), void *arg, struct of_err *reterr_of)
{
	struct of_meter_info info = { 0 };
	__typeof__(*info.band_stats) stats[OF_MAX_BANDS];
	int r = 0;

	if (meter != OF_METER_ALL && !of_switch_meter(sw, meter))
		return of_err_set(reterr_of, OF_ET_METER_MOD_FAILED, OF_MM_UNKNOWN_METER);
	info.band_stats = stats;
	for (uint32_t i = 0; i < sw->meters.n && r == 0; i++) {
		if (meter != OF_METER_ALL && meter != sw->meters.list[i].id)
			continue;
		meter_info(sw, sw->meters.list[i].what, now_ns, &info);
		r = fn(arg, &info);
	}
	return r;
}

void of_switch_table_info(const struct of_switch *sw, uint8_t table, struct of_table_info *ret)
{
	*ret = (struct of_table_info){
		.table = table,
		.n_flows = of_flow_table_n(&sw->flows, table),
		.max_flows = sw->conf.max_flows,
	};
	sw->provider->table_counts(sw->provider_ctx, table, &ret->n_lookups, &ret->n_matches);
}

const struct of_switch_conf *of_switch_limits(const struct of_switch *sw)
{
	return &sw->conf;
}

void of_switch_set_max_flows(struct of_switch *sw, uint32_t max_flows)
{
	sw->conf.max_flows = max_flows;
}
