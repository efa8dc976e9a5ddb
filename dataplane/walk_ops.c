/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Operations of a program, one function each. Runs in workers and in traces.
 */
#include "base/bits.h"
#include "walk.h"

#define REASON_ACTION      1 /* OFPR_ACTION */
#define REASON_INVALID_TTL 2 /* OFPR_INVALID_TTL */

#define FIRST_RESERVED_16 0xff00u

typedef void op_fn(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op);

static void drop(struct dp_walk *walk, enum dp_drop why)
{
	walk->is_dropped = true;
	walk->why = (uint8_t)why;
}

static void op_output(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	dp_walk_output(c, walk, op->arg);
}

static void op_group(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	dp_walk_group(c, walk, (const struct dp_group *)(uintptr_t)op->data[0]);
}

/* Fields that share a place in the key are told apart by what the frame is. */
static bool has(const struct dp_walk *walk, const struct dp_op *op)
{
	return !op->arg || op->arg & dp_key_has(&walk->key);
}

static void op_set(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	const uint8_t *value = (const uint8_t *)op->data;
	const uint8_t *mask = value + RTE_ALIGN_CEIL(op->n_bytes, 8u);

	if (has(walk, op) && dp_walk_own(c, walk))
		dp_edit_set(&walk->edit, op->offset, op->n_bytes, value, mask);
}

static void op_move(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	struct dp_move m;
	uint8_t value[16], mask[16];
	sh_u128 bits, ones;

	memcpy(&m, op->data, sizeof(m));
	ones = sh_ones(m.n_bits);
	bits = sh_load_be((const uint8_t *)&walk->key + m.from_offset, m.from_bytes) >> m.from_bit;
	sh_store_be(value, m.to_bytes, (bits & ones) << m.to_bit);
	sh_store_be(mask, m.to_bytes, ones << m.to_bit);
	if (has(walk, op) && dp_walk_own(c, walk))
		dp_edit_set(&walk->edit, m.to_offset, m.to_bytes, value, mask);
}

/* As an output to the number that the bits say. NXM's numbers have 16 bits: the reserved ones are
 * at their end. */
static void op_output_reg(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	unsigned bit = op->data[0] & 0xff, n_bits = op->data[0] >> 8 & 0xff;
	sh_u128 v = sh_load_be((const uint8_t *)&walk->key + op->offset, op->n_bytes) >> bit;
	uint64_t words[2] = { 0, (uint64_t)REASON_ACTION << 16 };
	struct dp_op *report = (struct dp_op *)words;
	uint32_t port;

	v &= ((sh_u128)1 << n_bits) - 1;
	if (v > UINT32_MAX)
		return;
	port = (uint32_t)v;
	if (port >= FIRST_RESERVED_16 && port <= UINT16_MAX)
		port |= 0xffff0000u;
	if (port != DP_OUT_CONTROLLER) {
		dp_walk_output(c, walk, port);
		return;
	}
	report->code = DP_OP_CONTROLLER;
	report->arg = (uint16_t)(op->data[0] >> 16);
	dp_walk_control(c, walk, report);
}

/* A header that is not there leaves the frame as it is: OpenFlow 1.3.5, 5.12, is silent, and so
 * does Open vSwitch. One that no longer fits in front drops it. */
static void op_push(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	uint16_t type = (uint16_t)op->arg;
	bool fits;

	if (!dp_walk_own(c, walk))
		return;
	if (op->code == DP_OP_PUSH_VLAN)
		fits = dp_edit_push_vlan(&walk->edit, type);
	else if (op->code == DP_OP_PUSH_MPLS)
		fits = dp_edit_push_mpls(&walk->edit, type);
	else
		fits = dp_edit_push_pbb(&walk->edit, type);
	if (!fits)
		drop(walk, DP_DROP_PUSH);
}

static void op_pop(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	if (!dp_walk_own(c, walk))
		return;
	if (op->code == DP_OP_POP_VLAN)
		(void)dp_edit_pop_vlan(&walk->edit);
	else if (op->code == DP_OP_POP_MPLS)
		(void)dp_edit_pop_mpls(&walk->edit, (uint16_t)op->arg);
	else
		(void)dp_edit_pop_pbb(&walk->edit);
}

static void op_ttl(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	if (!dp_walk_own(c, walk))
		return;
	if (op->code == DP_OP_SET_IP_TTL)
		(void)dp_edit_set_ip_ttl(&walk->edit, (uint8_t)op->arg);
	else if (op->code == DP_OP_SET_MPLS_TTL)
		(void)dp_edit_set_mpls_ttl(&walk->edit, (uint8_t)op->arg);
	else if (op->code == DP_OP_COPY_TTL_OUT)
		(void)dp_edit_copy_ttl_out(&walk->edit);
	else
		(void)dp_edit_copy_ttl_in(&walk->edit);
}

static void op_dec_ttl(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	uint64_t words[2] = { 0, (uint64_t)REASON_INVALID_TTL << 16 };
	struct dp_op *report = (struct dp_op *)words;
	enum dp_ttl ttl;

	if (!dp_walk_own(c, walk))
		return;
	ttl = op->code == DP_OP_DEC_IP_TTL ? dp_edit_dec_ip_ttl(&walk->edit)
					   : dp_edit_dec_mpls_ttl(&walk->edit);
	if (ttl != DP_TTL_EXPIRED)
		return;
	report->code = DP_OP_CONTROLLER;
	report->arg = UINT16_MAX;
	dp_walk_control(c, walk, report);
	dp_walk_lose(c, walk, DP_DROP_TTL);
}

static void op_controller(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	dp_walk_control(c, walk, op);
}

static void op_learn(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	c->sink->learn(c, walk, op);
}

/* A packet-out is no flow's. */
static void op_fin_timeout(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	uint32_t slot;

	if (!dp_walk_ends_tcp(walk) || !walk->flow || !c->counts)
		return;
	slot = __atomic_load_n(&walk->flow->slot, __ATOMIC_RELAXED);
	dp_count_fin(&c->counts[slot], (uint16_t)(op->arg >> 16), (uint16_t)op->arg);
}

static void op_nothing(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
}

static void op_resubmit(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	const struct dp_flow *flow = walk->flow;
	uint8_t table = op->offset == DP_NO_TABLE ? (flow ? flow->table : 0) : op->offset;

	if (!dp_walk_deeper(walk))
		return;
	dp_walk_resubmit(c, walk, table, op->arg);
	walk->depth--;
	/* A table that has nothing for it ends the resubmission, not the walk. */
	if (walk->is_dropped && walk->why == DP_DROP_SECURE)
		walk->is_dropped = false;
	walk->flow = flow;
}

static op_fn *const functions[DP_N_OPS] = {
	[DP_OP_OUTPUT] = op_output,
	[DP_OP_OUTPUT_REG] = op_output_reg,
	[DP_OP_CONTROLLER] = op_controller,
	[DP_OP_GROUP] = op_group,
	[DP_OP_SET] = op_set,
	[DP_OP_MOVE] = op_move,
	[DP_OP_PUSH_VLAN] = op_push,
	[DP_OP_POP_VLAN] = op_pop,
	[DP_OP_PUSH_MPLS] = op_push,
	[DP_OP_POP_MPLS] = op_pop,
	[DP_OP_PUSH_PBB] = op_push,
	[DP_OP_POP_PBB] = op_pop,
	[DP_OP_COPY_TTL_OUT] = op_ttl,
	[DP_OP_COPY_TTL_IN] = op_ttl,
	[DP_OP_SET_IP_TTL] = op_ttl,
	[DP_OP_DEC_IP_TTL] = op_dec_ttl,
	[DP_OP_SET_MPLS_TTL] = op_ttl,
	[DP_OP_DEC_MPLS_TTL] = op_dec_ttl,
	[DP_OP_SET_QUEUE] = op_nothing, /* every port has one queue */
	[DP_OP_RESUBMIT] = op_resubmit,
	[DP_OP_CONJUNCTION] = op_nothing,
	[DP_OP_LEARN] = op_learn,
	[DP_OP_FIN_TIMEOUT] = op_fin_timeout,
};

void dp_walk_run(struct dp_walk_ctx *c, struct dp_walk *walk, const uint64_t *words, unsigned n)
{
	for (unsigned i = 0; i < n && likely(!walk->is_dropped);) {
		const struct dp_op *op = (const struct dp_op *)&words[i];

		if (unlikely(c->sink->operation))
			c->sink->operation(c, walk, op);
		if (likely(op->code == DP_OP_OUTPUT)) {
			dp_walk_output(c, walk, op->arg);
		} else {
			dp_walk_need_key(walk);
			functions[op->code](c, walk, op);
		}
		i += op->n_words;
	}
}
