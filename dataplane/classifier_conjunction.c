/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Conjunctions (ovs-fields(7), "Conjunctive Match Fields"): a flow that is clause k of n of a
 * number does nothing by itself. Where a frame matches flows for all n clauses, of one priority,
 * its table is searched again with the number as conj_id.
 *
 * The clauses that a frame matches are collected priority by priority, the highest first, down to
 * that of the ordinary flow that was found. Each has a list of numbers in ascending order, and
 * these are merged: no memory is needed but a place in each list. Workers; clauses change under it.
 */
#include <rte_branch_prediction.h>

#include "classifier_private.h"
#include "dataplane/program.h"

#define ANY_PRIORITY 0x10000
#define MAX_TRIES    8

/* The clauses of one priority that a frame matches. */
struct matched {
	int priority; /* -1: none */
	unsigned n;
	const struct dp_flow *flows[DP_CLAUSE_MASKS];
	const struct dp_program *programs[DP_CLAUSE_MASKS];
	uint16_t at[DP_CLAUSE_MASKS]; /* where the merge is in each */
};

struct conjunction {
	const struct dp_table *table;
	const struct dp_probes *probes;
	const struct sh_flow_key *key;
	uint32_t id; /* that led to what was found */
	struct matched matched;
};

static bool is_match(const struct dp_flow *flow, const struct sh_flow_key *key)
{
	const struct dp_mask *mask = flow->mask;
	uint64_t differ = 0;

	for (unsigned i = 0; i < mask->n; i++)
		differ |= (key->words[mask->at[i]] & mask->bits[i]) ^ flow->values[i];
	return differ == 0;
}

/* Only the highest priority below a bound is kept. */
static void keep(struct matched *m, const struct dp_flow *flow, int below)
{
	if (flow->priority < m->priority || flow->priority >= below)
		return;
	if (flow->priority > m->priority)
		m->n = 0;
	m->priority = flow->priority;
	if (unlikely(m->n == DP_CLAUSE_MASKS)) /* one came twice, while it was moved */
		return;
	m->flows[m->n] = flow;
	m->programs[m->n] = atomic_load_explicit(&flow->program, memory_order_acquire);
	m->at[m->n++] = 0;
}

static void collect_group(struct conjunction *c, const struct dp_probe *probe, int below)
{
	uint32_t hash = dp_mask_hash(probe->mask, c->key->words, c->probes->clauses->seed);
	const struct dp_line *line = &probe->lines[hash & probe->index];
	uint64_t tag = dp_line_tag(hash);

	for (; line; line = atomic_load_explicit(&line->more, memory_order_acquire)) {
		for (unsigned i = 0; i < DP_LINE_SLOTS; i++) {
			uint64_t word = atomic_load_explicit(&line->slots[i], memory_order_acquire);

			if (word >> 48 == tag && is_match(dp_line_flow(word), c->key))
				keep(&c->matched, dp_line_flow(word), below);
		}
	}
}

static void collect_once(struct conjunction *c, int above, int below)
{
	const struct dp_probes *probes =
		atomic_load_explicit(&c->probes->clauses->probes, memory_order_acquire);
	struct matched *m = &c->matched;

	m->priority = above + 1;
	m->n = 0;
	for (uint32_t i = 0; i < probes->n && probes->probes[i].max_priority >= m->priority; i++)
		collect_group(c, &probes->probes[i], below);
}

/* A clause that took another's place while they were collected may have been missed, and the other
 * too: then the frame would match as it never did. So a change means to look again, unless there is
 * no end to them. */
static bool collect(struct conjunction *c, int above, int below)
{
	const _Atomic uint32_t *n_changes = &c->probes->clauses->n_changes;

	for (unsigned i = 0; i < MAX_TRIES; i++) {
		uint32_t before = atomic_load_explicit(n_changes, memory_order_acquire);

		collect_once(c, above, below);
		atomic_thread_fence(memory_order_acquire);
		if (likely(atomic_load_explicit(n_changes, memory_order_relaxed) == before))
			break;
	}
	return c->matched.n > 0;
}

#define OP_WORDS 2 /* of DP_OP_CONJUNCTION */

/* Where the merge is in one flow's list: number << 8 | clauses. UINT64_MAX: at its end */
static uint64_t peek(const struct matched *m, unsigned i, uint64_t *ret_clause)
{
	const struct dp_program *program = m->programs[i];
	const struct dp_op *op = (const struct dp_op *)&program->words[m->at[i]];

	if (m->at[i] >= program->n_apply)
		return UINT64_MAX;
	*ret_clause = UINT64_C(1) << (op->data[0] & 63);
	return (uint64_t)op->arg << 8 | op->data[0] >> 8;
}

static uint64_t lowest(const struct matched *m)
{
	uint64_t low = UINT64_MAX, clause;

	for (unsigned i = 0; i < m->n; i++) {
		uint64_t next = peek(m, i, &clause);

		low = next < low ? next : low;
	}
	return low;
}

/* All clauses of a number that are there, as bits. */
static uint64_t take(struct matched *m, uint64_t number)
{
	uint64_t clauses = 0, clause;

	for (unsigned i = 0; i < m->n; i++) {
		while (peek(m, i, &clause) == number) {
			clauses |= clause;
			m->at[i] += OP_WORDS;
		}
	}
	return clauses;
}

/* The next number whose clauses are all there; false: there is none. */
static bool next_complete(struct matched *m, uint32_t *ret)
{
	uint64_t number;

	while ((number = lowest(m)) != UINT64_MAX) {
		unsigned n = number & 0xff;

		if (take(m, number) != UINT64_MAX >> (64 - n))
			continue;
		*ret = (uint32_t)(number >> 8);
		return true;
	}
	return false;
}

static const struct dp_flow *search_as(const struct conjunction *c, uint32_t id)
{
	struct sh_flow_key key = *c->key;
	const struct sh_flow_key *keys[] = { &key };
	const struct dp_flow *flow;

	for (unsigned i = 0; i < sizeof(key.conj_id); i++)
		key.conj_id[i] = (uint8_t)(id >> (24 - 8 * i));
	dp_table_search(c->table, c->probes, keys, 1, &flow);
	return flow;
}

/* Of several numbers that are complete: the one that finds the higher priority, then the lower. */
static const struct dp_flow *search_again(struct conjunction *c)
{
	const struct dp_flow *best = NULL;
	uint32_t id;

	while (next_complete(&c->matched, &id)) {
		const struct dp_flow *flow = search_as(c, id);

		if (!flow || (best && flow->priority <= best->priority))
			continue;
		best = flow;
		c->id = id;
	}
	return best;
}

/* A number for which nothing is found counts for nothing. */
static void resolve(struct conjunction *c, const struct dp_flow **found)
{
	int above = *found ? (*found)->priority : -1, below = ANY_PRIORITY;

	while (collect(c, above, below)) {
		const struct dp_flow *flow = search_again(c);

		if (flow) {
			*found = flow;
			return;
		}
		below = c->matched.priority;
	}
}

void dp_conjunction_find(const struct dp_table *table, const struct dp_probes *probes,
	const struct sh_flow_key *key, const struct dp_flow **found)
{
	struct conjunction c;

	c.table = table;
	c.probes = probes;
	c.key = key;
	resolve(&c, found);
}

static bool has_number(const struct dp_program *program, uint32_t id)
{
	for (unsigned i = 0; i < program->n_apply; i += OP_WORDS)
		if (((const struct dp_op *)&program->words[i])->arg == id)
			return true;
	return false;
}

unsigned dp_table_clauses(const struct dp_table *table, const struct sh_flow_key *key,
	const struct dp_flow *ret[], unsigned max)
{
	struct conjunction c = { .table = table, .key = key };
	const struct dp_flow *plain, *found;
	unsigned n = 0;

	c.probes = atomic_load_explicit(&table->probes, memory_order_acquire);
	if (!c.probes->clauses)
		return 0;
	dp_table_search(table, c.probes, &key, 1, &plain);
	found = plain;
	resolve(&c, &found);
	if (found == plain)
		return 0;
	for (unsigned i = 0; i < c.matched.n && n < max; i++)
		if (has_number(c.matched.programs[i], c.id))
			ret[n++] = c.matched.flows[i];
	return n;
}
