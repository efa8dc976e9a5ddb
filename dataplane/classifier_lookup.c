/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The search of a burst of keys in one table. Group by group, and within a group step by step for
 * all keys: hash and fetch the lines, look at the lines' tags and fetch flows, compare. So the
 * cache misses of one step overlap. Workers; see classifier_private.h for what may change beneath.
 */
#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "classifier_private.h"

struct search {
	const struct sh_flow_key *const *keys;
	const struct dp_flow **found;
	int best[DP_TABLE_BURST]; /* priority of what was found; -1: nothing */
	/* keys that this group may still find a flow for, and those that have a line to look at */
	uint8_t open[DP_TABLE_BURST], pending[DP_TABLE_BURST];
	unsigned n_open, n_pending;
	/* by key */
	const struct dp_line *lines[DP_TABLE_BURST];
	uint64_t tags[DP_TABLE_BURST];
	uint8_t hits[DP_TABLE_BURST]; /* bit map of slots */
};

static void begin(struct search *s, const struct sh_flow_key *const keys[], unsigned n,
	const struct dp_flow *found[])
{
	s->keys = keys;
	s->found = found;
	s->n_open = n;
	for (unsigned i = 0; i < n; i++) {
		s->open[i] = (uint8_t)i;
		s->best[i] = -1;
		found[i] = NULL;
	}
}

/* Drop keys that no flow of this group or of a later one can win any more. */
static void close_decided(struct search *s, int max_priority)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_open; i++) {
		uint8_t k = s->open[i];

		s->open[n] = k;
		n += s->best[k] < max_priority;
	}
	s->n_open = n;
}

static void hash_keys(struct search *s, const struct dp_probe *probe, uint64_t seed)
{
	for (unsigned i = 0; i < s->n_open; i++) {
		uint8_t k = s->open[i];
		uint32_t hash = dp_mask_hash(probe->mask, s->keys[k]->words, seed);

		s->lines[k] = &probe->lines[hash & probe->index];
		rte_prefetch0(s->lines[k]);
		s->tags[k] = dp_line_tag(hash);
		s->pending[i] = k;
	}
	s->n_pending = s->n_open;
}

/* A flow of one or two words may lie across two cache lines. */
static inline void prefetch_flow(const struct dp_flow *flow)
{
	rte_prefetch0(flow);
	rte_prefetch0((const char *)flow + 63);
}

static void match_tags(struct search *s)
{
	for (unsigned i = 0; i < s->n_pending; i++) {
		uint8_t k = s->pending[i];
		const struct dp_line *line = s->lines[k];
		unsigned hits = 0;

		for (unsigned j = 0; j < DP_LINE_SLOTS; j++) {
			uint64_t word = atomic_load_explicit(&line->slots[j], memory_order_relaxed);

			if (word >> 48 != s->tags[k])
				continue;
			hits |= 1u << j;
			prefetch_flow(dp_line_flow(word));
		}
		s->hits[k] = (uint8_t)hits;
	}
}

/* By the flow's own mask, which may be finer than the group's. */
static inline bool is_match(const struct dp_flow *flow, const struct sh_flow_key *key)
{
	const struct dp_mask *mask = flow->mask;
	uint64_t differ = 0;

	for (unsigned i = 0; i < mask->n; i++)
		differ |= (key->words[mask->at[i]] & mask->bits[i]) ^ flow->values[i];
	return differ == 0;
}

static inline void compare_flow(struct search *s, uint8_t k, const _Atomic uint64_t *slot)
{
	/* The slot may have been emptied, or filled by another, since its tag was looked at. */
	uint64_t word = atomic_load_explicit(slot, memory_order_acquire);
	const struct dp_flow *flow = dp_line_flow(word);

	if (unlikely(word >> 48 != s->tags[k]) || flow->priority <= s->best[k])
		return;
	if (!is_match(flow, s->keys[k]))
		return;
	s->best[k] = flow->priority;
	s->found[k] = flow;
}

static void compare_flows(struct search *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_pending; i++) {
		uint8_t k = s->pending[i];
		const struct dp_line *line = s->lines[k];

		for (unsigned hits = s->hits[k]; hits; hits &= hits - 1)
			compare_flow(s, k, &line->slots[__builtin_ctz(hits)]);
		line = atomic_load_explicit(&line->more, memory_order_acquire);
		if (likely(!line))
			continue;
		rte_prefetch0(line);
		s->lines[k] = line;
		s->pending[n++] = k;
	}
	s->n_pending = n;
}

void dp_table_search(const struct dp_table *table, const struct dp_probes *probes,
	const struct sh_flow_key *const keys[], unsigned n, const struct dp_flow *ret[])
{
	struct search s;

	begin(&s, keys, n, ret);
	for (uint32_t i = 0; i < probes->n; i++) {
		const struct dp_probe *probe = &probes->probes[i];

		close_decided(&s, probe->max_priority);
		if (!s.n_open)
			return;
		hash_keys(&s, probe, table->seed);
		while (s.n_pending) {
			match_tags(&s);
			compare_flows(&s);
		}
	}
}

uint32_t dp_table_used(const struct dp_table *table)
{
	return atomic_load_explicit(&table->probes, memory_order_acquire)->used;
}

void dp_table_lookup(const struct dp_table *table, const struct sh_flow_key *const keys[],
	unsigned n, const struct dp_flow *ret[])
{
	const struct dp_probes *probes = atomic_load_explicit(&table->probes, memory_order_acquire);

	dp_table_search(table, probes, keys, n, ret);
	if (likely(!probes->clauses))
		return;
	for (unsigned i = 0; i < n; i++)
		dp_conjunction_find(table, probes, keys[i], &ret[i]);
}
