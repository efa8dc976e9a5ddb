/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups of flows: which of them a new flow goes to, what it counts there, and how their lines
 * grow. Few masks have a group each. Where there are many, a flow goes to a group with a coarser
 * mask (TupleMerge, ToN 2019, 4.1), and from a limit on no more groups come into being, whatever
 * the masks. Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "classifier_private.h"

int dp_mask_group_new(const struct dp_mask *mask, uint32_t n_lines, struct dp_mask_group **ret)
{
	struct dp_mask_group *group = calloc(1, sizeof(*group));

	if (!group)
		return -ENOMEM;
	if (dp_lines_new(n_lines, &group->lines) < 0) {
		free(group);
		return -ENOMEM;
	}
	dp_mask_ref(mask);
	group->mask = mask;
	group->published_max = -1;
	*ret = group;
	return 0;
}

void dp_mask_group_retire(struct dp_table *table, struct dp_mask_group *group)
{
	dp_table_defer(table, group->lines, dp_lines_free);
	dp_masks_put(&table->masks, group->mask, table->reclaim);
	dp_priorities_done(&group->priorities);
	free(group);
}

_Atomic uint64_t *dp_mask_group_reserve(
	struct dp_mask_group *group, struct dp_flow *flow, unsigned *ret_chain)
{
	_Atomic uint64_t *slot = dp_lines_reserve(group->lines, flow->hash, ret_chain);

	if (!slot || dp_priorities_add(&group->priorities, flow->priority) < 0)
		return NULL;
	group->n_flows++;
	group->n_finer += flow->mask != group->mask;
	return slot;
}

void dp_mask_group_uncount(struct dp_mask_group *group, const struct dp_flow *flow)
{
	dp_priorities_del(&group->priorities, flow->priority);
	group->n_flows--;
	group->n_finer -= flow->mask != group->mask;
}

void dp_mask_group_claim(
	const struct dp_table *table, const struct dp_mask_group *group, struct dp_flow *flow)
{
	struct sh_flow_key value;

	dp_mask_unpack(flow->mask, flow->values, &value);
	flow->group = group->id;
	flow->hash = dp_mask_hash(group->mask, value.words, table->seed);
}

static int copy_flow(void *ctx, struct dp_flow *flow)
{
	unsigned chain;
	_Atomic uint64_t *slot = dp_lines_reserve(ctx, flow->hash, &chain);

	if (!slot)
		return -ENOMEM;
	dp_lines_link(slot, flow);
	return 0;
}

void dp_mask_group_resize(struct dp_table *table, struct dp_mask_group *group, uint32_t n_lines)
{
	struct dp_lines *old = group->lines, *lines;

	if (dp_lines_new(n_lines, &lines) < 0)
		return;
	group->lines = lines;
	if (dp_lines_each(old, copy_flow, lines) < 0 || dp_table_publish(table) < 0) {
		group->lines = old;
		dp_lines_free(lines);
		return;
	}
	dp_table_defer(table, old, dp_lines_free);
}

void dp_table_put_group(struct dp_table *table, struct dp_mask_group *group)
{
	while (table->groups[group->id])
		group->id++;
	assert(group->id < DP_GROUPS_MAX);
	table->groups[group->id] = group;
	table->n_groups++;
}

void dp_table_take_group(struct dp_table *table, struct dp_mask_group *group)
{
	table->groups[group->id] = NULL;
	table->n_groups--;
}

struct dp_mask_group *dp_table_find_group(const struct dp_table *table, const struct dp_mask *mask)
{
	for (unsigned i = 0; i < DP_GROUPS_MAX; i++)
		if (table->groups[i] && table->groups[i]->mask == mask)
			return table->groups[i];
	return NULL;
}

static struct dp_mask_group *make_group(struct dp_table *table, const struct dp_mask *mask)
{
	struct dp_mask_group *group;

	if (dp_mask_group_new(mask, 1, &group) < 0)
		return NULL;
	dp_table_put_group(table, group);
	return group;
}

/* The group with the most bits that flows of the mask may be in. */
static struct dp_mask_group *finest_group(const struct dp_table *table, const struct dp_mask *mask)
{
	struct dp_mask_group *finest = NULL;
	unsigned most = 0;

	for (unsigned i = 0; i < DP_GROUPS_MAX; i++) {
		struct dp_mask_group *group = table->groups[i];
		unsigned n;

		if (!group || !dp_mask_covers(group->mask, mask))
			continue;
		n = dp_mask_n_bits(group->mask);
		if (finest && n <= most)
			continue;
		finest = group;
		most = n;
	}
	return finest;
}

/* The finest group if it is at least as fine as the coarse mask; else one with that mask, if there
 * are fewer than limit. *ret is untouched if neither. */
static int coarse_group(struct dp_table *table, const struct sh_flow_key *coarse, uint32_t limit,
	struct dp_mask_group *finest, struct dp_mask_group **ret)
{
	const struct dp_mask *mask = dp_masks_get(&table->masks, coarse);
	int r = 0;

	if (!mask)
		return -ENOMEM;
	if (finest && dp_mask_covers(mask, finest->mask)) {
		*ret = finest;
	} else if (table->n_groups < limit) {
		struct dp_mask_group *group = make_group(table, mask);

		if (group)
			*ret = group;
		else
			r = -ENOMEM;
	}
	dp_masks_put(&table->masks, mask, table->reclaim);
	return r;
}

/* What groups are made for a mask, in this order, while there are fewer than so many. */
static void keep_mask(struct sh_flow_key *mask)
{
}

static void keep_nothing(struct sh_flow_key *mask)
{
	*mask = (struct sh_flow_key){ 0 };
}

static const struct {
	void (*make_coarser)(struct sh_flow_key *mask);
	uint32_t limit;
} steps[] = {
	{ keep_mask, DP_GROUPS_OWN },
	{ dp_mask_make_coarse, DP_GROUPS_COARSE },
	{ keep_nothing, DP_GROUPS_MAX },
};

struct dp_mask_group *dp_table_choose_group(struct dp_table *table, const struct dp_mask *mask)
{
	struct dp_mask_group *ret = dp_table_find_group(table, mask), *finest;
	struct sh_flow_key coarse;

	if (ret)
		return ret;
	finest = finest_group(table, mask);
	dp_mask_unpack(mask, mask->bits, &coarse);
	for (unsigned i = 0; !ret && i < sizeof(steps) / sizeof(steps[0]); i++) {
		steps[i].make_coarser(&coarse);
		if (coarse_group(table, &coarse, steps[i].limit, finest, &ret) < 0)
			return NULL;
	}
	return ret;
}
