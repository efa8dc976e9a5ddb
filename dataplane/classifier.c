/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A table as its owner sees it: flows come and go, and what workers search is published. In a
 * change all that can fail is done before workers see any of it. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "classifier_private.h"

static size_t flow_size(const struct dp_mask *mask)
{
	return sizeof(struct dp_flow) + mask->n * sizeof(uint64_t) + sizeof(void *);
}

/* What malloc takes for it. */
static size_t flow_bytes(const struct dp_mask *mask)
{
	return (flow_size(mask) + 8 + 15) & ~(size_t)15;
}

int dp_table_new(const struct dp_reclaim *reclaim, uint8_t number, struct dp_table **ret)
{
	struct dp_table *table = aligned_alloc(alignof(struct dp_table), sizeof(*table));

	if (!table)
		return -ENOMEM;
	memset(table, 0, sizeof(*table));
	table->reclaim = reclaim;
	table->number = number;
	/* Without a secret seed a guest could choose addresses that all fall into one line. */
	if (getrandom(&table->seed, sizeof(table->seed), 0) < 0)
		table->seed = (uint64_t)(uintptr_t)table;
	if (dp_table_publish(table) < 0) {
		free(table);
		return -ENOMEM;
	}
	*ret = table;
	return 0;
}

void dp_flow_get_match(
	const struct dp_flow *flow, struct sh_flow_key *ret_value, struct sh_flow_key *ret_mask)
{
	dp_mask_unpack(flow->mask, flow->values, ret_value);
	dp_mask_unpack(flow->mask, flow->mask->bits, ret_mask);
}

static void free_now(void *ctx, void *p, void (*fn)(void *p))
{
	fn(p);
}

static int free_flow(void *ctx, struct dp_flow *flow)
{
	struct dp_table *table = ctx;

	dp_masks_put(&table->masks, flow->mask, table->reclaim);
	free(flow);
	return 0;
}

void dp_table_free(struct dp_table *table)
{
	static const struct dp_reclaim reclaim = { .defer = free_now };

	if (!table)
		return;
	dp_table_free(table->clauses);
	table->reclaim = &reclaim;
	for (unsigned i = 0; i < DP_GROUPS_MAX; i++) {
		if (!table->groups[i])
			continue;
		(void)dp_lines_each(table->groups[i]->lines, free_flow, table);
		dp_mask_group_retire(table, table->groups[i]);
	}
	dp_masks_done(&table->masks);
	free(atomic_load_explicit(&table->probes, memory_order_relaxed));
	free(table);
}

static uint32_t used_of(const struct dp_mask_group *group)
{
	return group->n_finer ? UINT32_MAX : group->mask->used;
}

static void insert_probe(struct dp_probes *probes, const struct dp_mask_group *group)
{
	struct dp_probe probe = {
		.mask = group->mask,
		.lines = group->lines->lines,
		.index = group->lines->n - 1,
		.max_priority = (uint16_t)dp_priorities_max(&group->priorities),
	};
	uint32_t i = probes->n++;

	probes->used |= used_of(group);
	for (; i && probes->probes[i - 1].max_priority < probe.max_priority; i--)
		probes->probes[i] = probes->probes[i - 1];
	probes->probes[i] = probe;
}

static void retire_empty_groups(struct dp_table *table)
{
	for (unsigned i = 0; i < DP_GROUPS_MAX; i++) {
		struct dp_mask_group *group = table->groups[i];

		if (!group || group->n_flows)
			continue;
		dp_table_take_group(table, group);
		dp_mask_group_retire(table, group);
	}
}

int dp_table_publish(struct dp_table *table)
{
	struct dp_probes *old = atomic_load_explicit(&table->probes, memory_order_relaxed);
	struct dp_probes *probes =
		malloc(sizeof(*probes) + table->n_groups * sizeof(struct dp_probe));

	table->is_stale = !probes;
	if (!probes)
		return -ENOMEM;
	probes->n = 0;
	probes->used = table->clauses && table->clauses->n_flows ? UINT32_MAX : 0;
	probes->clauses = table->clauses && table->clauses->n_flows ? table->clauses : NULL;
	for (unsigned i = 0; i < DP_GROUPS_MAX; i++) {
		struct dp_mask_group *group = table->groups[i];

		if (!group || !group->n_flows)
			continue;
		insert_probe(probes, group);
		group->published_max = dp_priorities_max(&group->priorities);
	}
	atomic_store_explicit(&table->probes, probes, memory_order_release);
	if (old)
		dp_table_defer(table, old, free);
	retire_empty_groups(table);
	return 0;
}

static int make_flow(struct dp_table *table, const struct sh_flow_key *value,
	const struct sh_flow_key *mask_key, struct dp_flow **ret)
{
	const struct dp_mask *mask = dp_masks_get(&table->masks, mask_key);
	struct dp_flow *flow = mask ? malloc(flow_size(mask)) : NULL;

	if (!flow) {
		if (mask)
			dp_masks_put(&table->masks, mask, table->reclaim);
		return -ENOMEM;
	}
	assert(dp_line_flow((uintptr_t)flow) == flow); /* its address leaves room for a tag */
	memset(flow, 0, sizeof(*flow));
	flow->mask = mask;
	*dp_flow_owner(flow) = NULL;
	flow->table = table->number;
	for (unsigned i = 0; i < mask->n; i++)
		flow->values[i] = value->words[mask->at[i]];
	*ret = flow;
	return 0;
}

/* What workers see must cover the flow before they can see it: its group, its priority, and the
 * words that it looks at. */
static int cover(struct dp_table *table, const struct dp_mask_group *group)
{
	if (dp_priorities_max(&group->priorities) > group->published_max ||
		used_of(group) & ~dp_table_used(table))
		return dp_table_publish(table);
	if (table->is_stale)
		(void)dp_table_publish(table);
	return 0;
}

static bool is_long(const struct dp_table *table, const struct dp_mask_group *group, unsigned chain)
{
	unsigned limit = table->n_groups < DP_GROUPS_MANY ? DP_CHAIN_MAX : DP_CHAIN_LONG;

	if (table->n_groups + 2 >= DP_GROUPS_MAX || !group->n_finer)
		return false;
	/* A chain that cannot be split is not looked at each time. */
	return chain >= limit && chain % 8 == 0;
}

/* Make up for what the flow did to its group; if there is no memory for it, it stays as it is. */
static void improve(
	struct dp_table *table, struct dp_mask_group *group, uint32_t hash, unsigned chain)
{
	if (is_long(table, group, chain))
		dp_mask_group_split(table, group, hash);
	else if (group->n_flows > group->lines->n * DP_LINE_LOAD)
		dp_mask_group_resize(table, group, group->lines->n * 2);
}

static void drop_if_unused(struct dp_table *table, struct dp_mask_group *group)
{
	if (group->n_flows || group->published_max >= 0)
		return;
	dp_table_take_group(table, group);
	dp_mask_group_retire(table, group);
}

static int link_flow(struct dp_table *table, struct dp_flow *flow)
{
	struct dp_mask_group *group = dp_table_choose_group(table, flow->mask);
	_Atomic uint64_t *slot;
	unsigned chain;
	int r = -ENOMEM;

	if (!group)
		return -ENOMEM;
	dp_mask_group_claim(table, group, flow);
	slot = dp_mask_group_reserve(group, flow, &chain);
	if (slot && (r = cover(table, group)) < 0)
		dp_mask_group_uncount(group, flow);
	if (r < 0) {
		drop_if_unused(table, group);
		return r;
	}
	dp_lines_link(slot, flow);
	improve(table, group, flow->hash, chain);
	return 0;
}

int dp_table_add(struct dp_table *table, const struct sh_flow_key *value,
	const struct sh_flow_key *mask, uint16_t priority, uint64_t cookie, uint32_t slot,
	const struct dp_program *program, struct dp_flow **ret)
{
	struct dp_flow *flow;

	if (make_flow(table, value, mask, &flow) < 0)
		return -ENOMEM;
	atomic_init(&flow->program, program);
	flow->cookie = cookie;
	flow->slot = slot;
	flow->priority = priority;
	if (link_flow(table, flow) < 0) {
		dp_masks_put(&table->masks, flow->mask, table->reclaim);
		free(flow);
		return -ENOMEM;
	}
	dp_mask_count_flow(flow->mask, 1);
	table->flow_bytes += flow_bytes(flow->mask);
	table->n_flows++;
	*ret = flow;
	return 0;
}

static void shrink(struct dp_table *table, struct dp_mask_group *group)
{
	if (group->lines->n > 1 && group->n_flows < group->lines->n)
		dp_mask_group_resize(table, group, group->lines->n / 2);
}

static void del_flow(struct dp_table *table, struct dp_flow *flow)
{
	struct dp_mask_group *group = table->groups[flow->group];

	dp_lines_unlink(group->lines, flow);
	dp_mask_group_uncount(group, flow);
	if (dp_priorities_max(&group->priorities) != group->published_max || table->is_stale)
		(void)dp_table_publish(table);
	else
		shrink(table, group);
	dp_mask_count_flow(flow->mask, -1);
	table->flow_bytes -= flow_bytes(flow->mask);
	table->n_flows--;
	dp_masks_put(&table->masks, flow->mask, table->reclaim);
	dp_table_defer(table, flow, free);
}

/* Clauses */

static int need_clauses(struct dp_table *table)
{
	return table->clauses ? 0 : dp_table_new(table->reclaim, table->number, &table->clauses);
}

/* Workers may see none of them, or may see them where there are none. */
static bool is_hidden(const struct dp_table *table)
{
	const struct dp_probes *probes = atomic_load_explicit(&table->probes, memory_order_relaxed);

	return !probes->clauses != !table->clauses->n_flows;
}

void dp_table_clause_changed(struct dp_table *table)
{
	atomic_fetch_add(&table->clauses->n_changes, 1);
}

/* Of one priority a frame matches at most one clause a mask: so many must fit where they are
 * collected. */
static int add_clause(struct dp_table *table, const struct sh_flow_key *value,
	const struct sh_flow_key *mask_key, uint16_t priority, uint64_t cookie, uint32_t slot,
	const struct dp_program *program, struct dp_flow **ret)
{
	struct dp_table *clauses = table->clauses;
	const struct dp_mask *mask = dp_masks_get(&clauses->masks, mask_key);
	int r = -ENOMEM;

	if (!mask)
		return r;
	r = clauses->masks.n > DP_CLAUSE_MASKS
		    ? -ENOSPC
		    : dp_table_add(clauses, value, mask_key, priority, cookie, slot, program, ret);
	dp_masks_put(&clauses->masks, mask, table->reclaim);
	return r;
}

int dp_table_add_clause(struct dp_table *table, const struct sh_flow_key *value,
	const struct sh_flow_key *mask, uint16_t priority, uint64_t cookie, uint32_t slot,
	const struct dp_program *program, struct dp_flow **ret)
{
	struct dp_flow *flow;
	int r = need_clauses(table);

	if (r == 0)
		r = add_clause(table, value, mask, priority, cookie, slot, program, &flow);
	if (r < 0)
		return r;
	flow->is_clause = true;
	dp_table_clause_changed(table);
	if (is_hidden(table) && dp_table_publish(table) < 0) {
		del_flow(table->clauses, flow);
		return -ENOMEM;
	}
	*ret = flow;
	return 0;
}

void dp_table_del(struct dp_table *table, struct dp_flow *flow)
{
	if (!flow->is_clause) {
		del_flow(table, flow);
		return;
	}
	del_flow(table->clauses, flow);
	dp_table_clause_changed(table);
	if (is_hidden(table))
		(void)dp_table_publish(table);
}

static void add_info(const struct dp_table *table, struct dp_table_info *ret)
{
	ret->n_flows += table->n_flows;
	ret->n_masks += dp_masks_n_used(&table->masks);
	ret->n_groups += atomic_load_explicit(&table->probes, memory_order_relaxed)->n;
	ret->bytes += sizeof(*table) + table->flow_bytes + table->masks.n_bytes +
		      table->n_groups * sizeof(struct dp_probe);
	for (unsigned i = 0; i < DP_GROUPS_MAX; i++) {
		const struct dp_mask_group *group = table->groups[i];

		if (group)
			ret->bytes += sizeof(*group) + group->lines->n_bytes +
				      dp_priorities_n_bytes(&group->priorities);
	}
}

void dp_table_get_info(const struct dp_table *table, struct dp_table_info *ret)
{
	*ret = (struct dp_table_info){ 0 };
	add_info(table, ret);
	if (table->clauses)
		add_info(table->clauses, ret);
}
