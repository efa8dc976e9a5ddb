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

static struct dp_action_set *set_of(const struct dp_walk_ctx *c, const struct dp_walk *walk)
{
	return &c->space->sets[walk - c->space->walks];
}

static void merge_set(struct dp_action_set *set, struct dp_walk *walk, const struct dp_op *op)
{
	for (unsigned i = 0; i < walk->n_sets; i++) {
		if (set->sets[i]->offset != op->offset || set->sets[i]->n_bytes != op->n_bytes)
			continue;
		set->sets[i] = op;
		return;
	}
	if (walk->n_sets < DP_MAX_SETS)
		set->sets[walk->n_sets++] = op;
}

void dp_set_merge(struct dp_walk_ctx *c, struct dp_walk *walk, const uint64_t *words, unsigned n)
{
	struct dp_action_set *set = set_of(c, walk);

	for (unsigned i = 0; i < n;) {
		const struct dp_op *op = (const struct dp_op *)&words[i];

		walk->set_has |= BIT(kind_of(op));
		if (op->code == DP_OP_SET)
			merge_set(set, walk, op);
		else
			set->ops[kind_of(op)] = op;
		i += op->n_words;
	}
}

static void run_op(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	dp_walk_run(c, walk, (const uint64_t *)op, op->n_words);
}

static void run_one(struct dp_walk_ctx *c, struct dp_walk *walk, unsigned kind)
{
	if (walk->set_has & BIT(kind))
		run_op(c, walk, set_of(c, walk)->ops[kind]);
}

void dp_set_run(struct dp_walk_ctx *c, struct dp_walk *walk)
{
	static const uint8_t first[] = { DP_OP_COPY_TTL_IN, DP_OP_POP_PBB, DP_OP_POP_MPLS,
		DP_OP_POP_VLAN, DP_OP_PUSH_MPLS, DP_OP_PUSH_PBB, DP_OP_PUSH_VLAN,
		DP_OP_COPY_TTL_OUT, DP_OP_DEC_IP_TTL, DP_OP_DEC_MPLS_TTL, DP_OP_SET_IP_TTL,
		DP_OP_SET_MPLS_TTL };

	for (unsigned i = 0; i < RTE_DIM(first); i++)
		run_one(c, walk, first[i]);
	for (unsigned i = 0; i < walk->n_sets; i++)
		run_op(c, walk, set_of(c, walk)->sets[i]);
	run_one(c, walk, DP_OP_SET_QUEUE);
	run_one(c, walk, walk->set_has & BIT(DP_OP_GROUP) ? DP_OP_GROUP : DP_OP_OUTPUT);
}
