/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A group whose mask is too coarse for some of its flows: they lie in one long chain, since the
 * group's mask does not tell them apart. A finer mask is looked for that does, and the flows which
 * have its bits get a group of their own (TupleMerge, ToN 2019, 4.2). Both groups are made anew and
 * shown at once, so that workers see all flows before or all flows after. Control thread.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "classifier_private.h"

#define N_CHAIN 128 /* flows of a chain that are looked at */

/* The flows of a chain, and the mask that would tell them apart best. */
struct chain {
	struct dp_table *table;
	const struct dp_mask_group *group;
	struct dp_flow *flows[N_CHAIN];
	unsigned n;
	const struct dp_mask *best; /* a reference */
	unsigned left;              /* length of the longest chain that it would leave */
};

static int compare_hash(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static unsigned longest_run(uint32_t *hashes, unsigned n)
{
	unsigned run = 0, longest = 0;

	qsort(hashes, n, sizeof(*hashes), compare_hash);
	for (unsigned i = 0; i < n; i++) {
		run = i && hashes[i] == hashes[i - 1] ? run + 1 : 1;
		longest = run > longest ? run : longest;
	}
	return longest;
}

static unsigned left_by(const struct chain *c, const struct dp_mask *mask)
{
	unsigned n = 0, longest;
	uint32_t hashes[N_CHAIN];

	for (unsigned i = 0; i < c->n; i++) {
		struct sh_flow_key value;

		if (!dp_mask_covers(mask, c->flows[i]->mask))
			continue;
		dp_mask_unpack(c->flows[i]->mask, c->flows[i]->values, &value);
		hashes[n++] = dp_mask_hash(mask, value.words, c->table->seed);
	}
	longest = longest_run(hashes, n);
	return longest > c->n - n ? longest : c->n - n;
}

static bool is_candidate(const struct chain *c, const struct dp_mask *mask)
{
	return mask != c->best && dp_mask_covers(c->group->mask, mask) &&
	       !dp_table_find_group(c->table, mask);
}

/* Better is what leaves less, or as much with fewer bits. */
static bool is_better(const struct chain *c, const struct dp_mask *mask, unsigned left)
{
	if (left != c->left || !c->best)
		return left < c->left;
	return dp_mask_n_bits(mask) < dp_mask_n_bits(c->best);
}

static void consider(struct chain *c, const struct sh_flow_key *key)
{
	struct dp_masks *masks = &c->table->masks;
	const struct dp_mask *mask = dp_masks_get(masks, key), *drop = mask;
	unsigned left;

	if (!mask)
		return;
	left = is_candidate(c, mask) ? left_by(c, mask) : UINT_MAX;
	if (is_better(c, mask, left)) {
		drop = c->best;
		c->best = mask;
		c->left = left;
	}
	if (drop)
		dp_masks_put(masks, drop, c->table->reclaim);
}

/* What it leaves must be a good deal shorter, or the chains would be split again and again. */
static void find_best(struct chain *c)
{
	struct sh_flow_key key;

	c->left = c->n - c->n / 4;
	for (unsigned i = 0; i < c->n; i++) {
		const struct dp_mask *mask = c->flows[i]->mask;

		if (i && mask == c->flows[i - 1]->mask)
			continue;
		dp_mask_unpack(mask, mask->bits, &key);
		consider(c, &key);
		dp_mask_make_coarse(&key);
		consider(c, &key);
	}
}

/* Two groups in the place of one. */
struct split {
	struct dp_table *table;
	struct dp_mask_group *old, *rest, *finer;
	const struct dp_mask *mask; /* of finer */
	uint32_t n_finer;
};

static int count(void *ctx, struct dp_flow *flow)
{
	struct split *s = ctx;

	s->n_finer += dp_mask_covers(s->mask, flow->mask);
	return 0;
}

static int copy(void *ctx, struct dp_flow *flow)
{
	struct split *s = ctx;
	struct dp_mask_group *group = s->rest;
	_Atomic uint64_t *slot;
	unsigned chain;

	if (dp_mask_covers(s->mask, flow->mask)) {
		group = s->finer;
		dp_mask_group_claim(s->table, group, flow);
	}
	slot = dp_mask_group_reserve(group, flow, &chain);
	if (!slot)
		return -ENOMEM;
	dp_lines_link(slot, flow);
	return 0;
}

static int claim_back(void *ctx, struct dp_flow *flow)
{
	struct split *s = ctx;

	dp_mask_group_claim(s->table, s->old, flow);
	return 0;
}

static int make_halves(struct split *s)
{
	int r;

	(void)dp_lines_each(s->old->lines, count, s);
	r = dp_mask_group_new(s->old->mask, dp_lines_n_for(s->old->n_flows - s->n_finer), &s->rest);
	if (r < 0)
		return r;
	return dp_mask_group_new(s->mask, dp_lines_n_for(s->n_finer), &s->finer);
}

static int show_halves(struct split *s)
{
	int r;

	dp_table_take_group(s->table, s->old);
	s->rest->id = s->old->id;
	dp_table_put_group(s->table, s->rest);
	dp_table_put_group(s->table, s->finer);
	r = dp_lines_each(s->old->lines, copy, s);
	return r < 0 ? r : dp_table_publish(s->table);
}

static void hide_halves(struct split *s)
{
	dp_table_take_group(s->table, s->rest);
	dp_table_take_group(s->table, s->finer);
	dp_table_put_group(s->table, s->old);
	(void)dp_lines_each(s->old->lines, claim_back, s);
}

static void split_by(
	struct dp_table *table, struct dp_mask_group *group, const struct dp_mask *mask)
{
	struct split s = { .table = table, .old = group, .mask = mask };

	if (make_halves(&s) == 0) {
		if (show_halves(&s) == 0) {
			dp_mask_group_retire(table, group);
			return;
		}
		hide_halves(&s);
	}
	if (s.rest)
		dp_mask_group_retire(table, s.rest);
	if (s.finer)
		dp_mask_group_retire(table, s.finer);
}

void dp_mask_group_split(struct dp_table *table, struct dp_mask_group *group, uint32_t hash)
{
	struct chain c = { .table = table, .group = group };

	c.n = dp_lines_same(group->lines, hash, c.flows, N_CHAIN);
	find_best(&c);
	if (!c.best)
		return;
	split_by(table, group, c.best);
	dp_masks_put(&table->masks, c.best, table->reclaim);
}
