/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Flow tables of a bridge: made with their first flow, changed in place. What workers may still be
 * reading is handed to defer.c. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "pipeline.h"

static void defer(void *ctx, void *p, void (*fn)(void *p))
{
	dp_defer_call(ctx, p, fn);
}

struct given_slot {
	struct dp_counts_pool *counts;
	uint32_t slot;
};

static void give_slot(void *p)
{
	struct given_slot *given = p;

	dp_slot_give(given->counts, given->slot);
	free(given);
}

void dp_slot_defer(struct dp *dp, uint32_t slot)
{
	struct given_slot *given = malloc(sizeof(*given));

	if (!given) {
		dp_wait_for_workers(dp);
		dp_slot_give(dp->counts, slot);
		return;
	}
	*given = (struct given_slot){ dp->counts, slot };
	dp_defer_call(dp->defer, given, give_slot);
}

static int take_slots(struct dp_pipeline *pipeline)
{
	int r = dp_slot_take(pipeline->bridge->dp->counts, &pipeline->learn_slot);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < DP_N_TABLES; i++) {
		r = dp_slot_take(pipeline->bridge->dp->counts, &pipeline->slots[i]);

		if (r == 0)
			continue;
		while (i-- > 0)
			dp_slot_give(pipeline->bridge->dp->counts, pipeline->slots[i]);
		dp_slot_give(pipeline->bridge->dp->counts, pipeline->learn_slot);
		return r;
	}
	return 0;
}

int dp_pipeline_new(struct dp_bridge *bridge)
{
	struct dp_pipeline *pipeline = calloc(1, sizeof(*pipeline));
	int r;

	if (!pipeline)
		return -ENOMEM;
	pipeline->bridge = bridge;
	/* Else a guest could choose addresses that look like another's to what was learned. */
	if (getrandom(&pipeline->seed, sizeof(pipeline->seed), 0) < 0)
		pipeline->seed = (uint64_t)(uintptr_t)pipeline;
	pipeline->reclaim = (struct dp_reclaim){ defer, bridge->dp->defer };
	r = take_slots(pipeline);
	if (r == 0)
		r = dp_controller_port_new(bridge, &pipeline->controller);
	if (r < 0) {
		free(pipeline);
		return r;
	}
	bridge->pipeline = pipeline;
	return 0;
}

void dp_pipeline_free(struct dp_pipeline *pipeline)
{
	if (!pipeline)
		return;
	for (unsigned i = 0; i < DP_N_TABLES; i++) {
		dp_table_free(atomic_load(&pipeline->tables[i]));
		dp_slot_give(pipeline->bridge->dp->counts, pipeline->slots[i]);
	}
	dp_slot_give(pipeline->bridge->dp->counts, pipeline->learn_slot);
	dp_controller_port_free(pipeline->controller);
	free(pipeline);
}

void dp_bridge_use_tables(struct dp_bridge *bridge, bool use)
{
	bridge->uses_tables = use;
}

bool dp_bridge_uses_tables(const struct dp_bridge *bridge)
{
	return bridge->uses_tables;
}

void dp_bridge_drop_fragments(struct dp_bridge *bridge, bool drop)
{
	bridge->drops_fragments = drop;
}

static int need_table(struct dp_pipeline *pipeline, uint8_t table, struct dp_table **ret)
{
	struct dp_table *t = atomic_load(&pipeline->tables[table]);
	int r = t ? 0 : dp_table_new(&pipeline->reclaim, table, &t);

	if (r < 0)
		return r;
	atomic_store_explicit(&pipeline->tables[table], t, memory_order_release);
	*ret = t;
	return 0;
}

/* With the others, or with the clauses of conjunctions. */
static int put_flow(struct dp_table *table, const struct dp_flow_conf *conf, uint32_t slot,
	struct dp_program *program, struct dp_flow **ret)
{
	int r = program->is_clause ? dp_table_add_clause(table, &conf->value, &conf->mask,
					     conf->priority, conf->cookie, slot, program, ret)
				   : dp_table_add(table, &conf->value, &conf->mask, conf->priority,
					     conf->cookie, slot, program, ret);

	if (r == 0)
		*dp_flow_owner(*ret) = conf->owner;
	return r;
}

int dp_flow_add(struct dp_bridge *bridge, const struct dp_flow_conf *conf,
	struct dp_program *program, struct dp_flow **ret)
{
	struct dp_table *table = NULL;
	uint32_t slot;
	int r = need_table(bridge->pipeline, conf->table, &table);

	if (r == 0)
		r = dp_slot_take(bridge->dp->counts, &slot);
	if (r < 0)
		return r;
	r = put_flow(table, conf, slot, program, ret);
	if (r < 0)
		dp_slot_give(bridge->dp->counts, slot);
	return r;
}

static struct dp_table *table_of(const struct dp_bridge *bridge, const struct dp_flow *flow)
{
	return atomic_load(&bridge->pipeline->tables[flow->table]);
}

/* What workers were told to have been learned may be so no more. */
static void tell_change(const struct dp_bridge *bridge)
{
	atomic_fetch_add(&bridge->pipeline->n_changed, 1);
}

static void set_program(
	struct dp_bridge *bridge, struct dp_flow *flow, uint64_t cookie, struct dp_program *program)
{
	const struct dp_program *old =
		atomic_exchange_explicit(&flow->program, program, memory_order_acq_rel);

	__atomic_store_n(&flow->cookie, cookie, __ATOMIC_RELAXED);
	if (program->is_clause)
		dp_table_clause_changed(table_of(bridge, flow));
	dp_defer_call(bridge->dp->defer, (void *)(uintptr_t)old, free);
}

struct dp_change {
	struct dp_program *program;
	struct dp_flow *moved; /* a clause that is to be none, or the other way; NULL: neither */
	uint64_t cookie;
	uint32_t slot; /* if it resets */
	bool resets;
};

static int put_moved(struct dp_bridge *bridge, const struct dp_flow *flow, struct dp_change *change)
{
	struct dp_flow_conf conf = { .table = flow->table,
		.priority = flow->priority,
		.cookie = change->cookie,
		.owner = *dp_flow_owner(flow) };

	if (flow->is_clause == change->program->is_clause)
		return 0;
	dp_flow_get_match(flow, &conf.value, &conf.mask);
	return put_flow(
		table_of(bridge, flow), &conf, change->slot, change->program, &change->moved);
}

int dp_change_new(struct dp_bridge *bridge, const struct dp_flow *flow, uint64_t cookie,
	struct dp_program *program, bool resets, struct dp_change **ret)
{
	struct dp_change *change = calloc(1, sizeof(*change));
	int r = change ? 0 : -ENOMEM;

	if (r == 0) {
		*change = (struct dp_change){ program, NULL, cookie, flow->slot, resets };
		r = resets ? dp_slot_take(bridge->dp->counts, &change->slot) : 0;
	}
	if (r < 0) {
		free(change);
		return r;
	}
	r = put_moved(bridge, flow, change);
	if (r < 0) {
		if (resets)
			dp_slot_give(bridge->dp->counts, change->slot);
		free(change);
		return r;
	}
	*ret = change;
	return 0;
}

bool dp_change_make(struct dp_bridge *bridge, struct dp_flow **flow, struct dp_change *change)
{
	struct dp_flow *old = *flow;
	uint32_t old_slot = old->slot;
	bool resets = change->resets;

	if (change->moved) {
		const struct dp_program *old_program = atomic_load(&old->program);

		dp_table_del(table_of(bridge, old), old);
		dp_defer_call(bridge->dp->defer, (void *)(uintptr_t)old_program, free);
		*flow = change->moved;
	} else {
		__atomic_store_n(&old->slot, change->slot, __ATOMIC_RELAXED);
		set_program(bridge, old, change->cookie, change->program);
	}
	if (resets)
		dp_slot_defer(bridge->dp, old_slot);
	tell_change(bridge);
	free(change);
	return resets;
}

/* Where it moved, workers have seen it. */
void dp_change_drop(struct dp_bridge *bridge, struct dp_change *change)
{
	if (change->moved) {
		dp_table_del(table_of(bridge, change->moved), change->moved);
		dp_defer_call(bridge->dp->defer, change->program, free);
		if (change->resets)
			dp_slot_defer(bridge->dp, change->slot);
	} else {
		free(change->program);
		if (change->resets)
			dp_slot_give(bridge->dp->counts, change->slot);
	}
	free(change);
}

int dp_flow_set(struct dp_bridge *bridge, struct dp_flow **flow, uint64_t cookie,
	struct dp_program *program)
{
	struct dp_change *change;
	int r = dp_change_new(bridge, *flow, cookie, program, false, &change);

	if (r == 0)
		(void)dp_change_make(bridge, flow, change);
	return r;
}

int dp_flow_clear(struct dp_bridge *bridge, struct dp_flow *flow)
{
	uint32_t old = flow->slot, fresh;
	int r = dp_slot_take(bridge->dp->counts, &fresh);

	if (r < 0)
		return r;
	__atomic_store_n(&flow->slot, fresh, __ATOMIC_RELAXED);
	dp_slot_defer(bridge->dp, old);
	return 0;
}

void dp_flow_del(struct dp_bridge *bridge, struct dp_flow *flow)
{
	const struct dp_program *program = atomic_load(&flow->program);
	uint32_t slot = flow->slot;

	dp_table_del(table_of(bridge, flow), flow);
	tell_change(bridge);
	dp_defer_call(bridge->dp->defer, (void *)(uintptr_t)program, free);
	dp_slot_defer(bridge->dp, slot);
}

static void read_slot(const struct dp *dp, uint32_t slot, struct dp_counts *ret)
{
	*ret = (struct dp_counts){ .age_s = UINT32_MAX };
	dp_slot_read(dp->counts, slot, atomic_load(&dp->now_s), ret);
}

void dp_flow_get_counts(
	const struct dp_bridge *bridge, const struct dp_flow *flow, struct dp_counts *ret)
{
	read_slot(bridge->dp, flow->slot, ret);
}

void dp_flow_take_fin(struct dp_bridge *bridge, const struct dp_flow *flow, uint16_t *ret_idle_s,
	uint16_t *ret_hard_s)
{
	dp_slot_take_fin(bridge->dp->counts, flow->slot, ret_idle_s, ret_hard_s);
}

void dp_bridge_get_learn_stats(const struct dp_bridge *bridge, struct dp_learn_stats *ret)
{
	struct dp_counts counts;

	read_slot(bridge->dp, bridge->pipeline->learn_slot, &counts);
	*ret = (struct dp_learn_stats){ .n_taken = counts.n_packets, .n_lost = counts.n_bytes };
}

void dp_table_get_stats(
	const struct dp_bridge *bridge, uint8_t table, struct dp_pipeline_table_info *ret)
{
	const struct dp_pipeline *pipeline = bridge->pipeline;
	const struct dp_table *t = atomic_load(&pipeline->tables[table]);
	struct dp_table_info info = { 0 };
	struct dp_counts counts;

	if (t)
		dp_table_get_info(t, &info);
	read_slot(bridge->dp, pipeline->slots[table], &counts);
	*ret = (struct dp_pipeline_table_info){ .n_flows = info.n_flows,
		.n_masks = info.n_masks,
		.n_groups = info.n_groups,
		.n_bytes = info.bytes,
		.n_matches = counts.n_packets,
		.n_lookups = counts.n_bytes };
}
