/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The action set (OpenFlow 1.3.5, 5.10): the last action of a kind, and for set-field the last of a
 * field, in the standard's order at the end of the walk. Runs in workers and in traces.
 */
#include "walk.h"

#define BIT(code) (UINT32_C(1) << (code))

/* Output and output to the controller are one kind. */
static unsigned kind_of(const struct dp_op *op)
{
	return op->code == DP_OP_CONTROLLER ? DP_OP_OUTPUT : op->code;
}

static void merge_set(struct dp_action_set *set, const struct dp_op *op)
{
	for (unsigned i = 0; i < set->n_sets; i++) {
		if (set->sets[i]->offset != op->offset || set->sets[i]->n_bytes != op->n_bytes)
			continue;
		set->sets[i] = op;
		return;
	}
	if (set->n_sets < DP_MAX_SETS)
		set->sets[set->n_sets++] = op;
}

void dp_set_merge(struct dp_action_set *set, const uint64_t *words, unsigned n)
{
	for (unsigned i = 0; i < n;) {
		const struct dp_op *op = (const struct dp_op *)&words[i];

		set->has |= BIT(kind_of(op));
		if (op->code == DP_OP_SET)
			merge_set(set, op);
		else
			set->ops[kind_of(op)] = op;
		i += op->n_words;
	}
}

static void run_one(struct dp_walk_ctx *c, struct dp_walk *walk, unsigned kind)
{
	if (walk->set.has & BIT(kind))
		dp_walk_run(c, walk, (const uint64_t *)walk->set.ops[kind],
			walk->set.ops[kind]->n_words);
}

void dp_set_run(struct dp_walk_ctx *c, struct dp_walk *walk)
{
	static const uint8_t first[] = { DP_OP_COPY_TTL_IN, DP_OP_POP_PBB, DP_OP_POP_MPLS,
		DP_OP_POP_VLAN, DP_OP_PUSH_MPLS, DP_OP_PUSH_PBB, DP_OP_PUSH_VLAN,
		DP_OP_COPY_TTL_OUT, DP_OP_DEC_IP_TTL, DP_OP_DEC_MPLS_TTL, DP_OP_SET_IP_TTL,
		DP_OP_SET_MPLS_TTL };

	for (unsigned i = 0; i < RTE_DIM(first); i++)
		run_one(c, walk, first[i]);
	for (unsigned i = 0; i < walk->set.n_sets; i++)
		dp_walk_run(
			c, walk, (const uint64_t *)walk->set.sets[i], walk->set.sets[i]->n_words);
	run_one(c, walk, DP_OP_SET_QUEUE);
	if (walk->set.has & BIT(DP_OP_GROUP))
		run_one(c, walk, DP_OP_GROUP);
	else
		run_one(c, walk, DP_OP_OUTPUT);
}
