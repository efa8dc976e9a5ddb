/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A function a kind of action, found by a table. Control thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "of_compile.h"
#include "ofproto/learn.h"

/* A field whose prerequisite does not hold is another frame's: the dataplane looks, by the same
 * numbers. */
static_assert((unsigned)OF_PREREQ_ND_NA == DP_HAS_ND_NA && (unsigned)OF_PREREQ_TCP == DP_HAS_TCP &&
		      (unsigned)OF_PREREQ_VLAN == DP_HAS_VLAN,
	"one set of numbers");

#define REASON_NO_MATCH 0
#define REASON_ACTION   1
#define WORDS(bytes)    (((bytes) + 7u) / 8u)

struct compile {
	const struct of_compile_ctx *ctx;
	struct dp_builder builder;
	struct of_err *reterr_of;
};

typedef int compile_fn(struct compile *c, const struct of_action *a);

static int op(struct compile *c, enum dp_op_code code, uint32_t arg)
{
	return dp_builder_op(&c->builder, code, arg, 0) ? 0 : -ENOMEM;
}

static int to_controller(struct compile *c, uint16_t max_len, unsigned reason, unsigned id)
{
	struct dp_op *o = dp_builder_op(&c->builder, DP_OP_CONTROLLER, max_len, 1);

	if (!o)
		return -ENOMEM;
	o->data[0] = reason << 16 | id;
	return 0;
}

static int output(struct compile *c, const struct of_action *a)
{
	if (a->output.port == OF_PORT_CONTROLLER)
		return to_controller(
			c, a->output.max_len, c->ctx->is_miss ? REASON_NO_MATCH : REASON_ACTION, 0);
	return op(c, DP_OP_OUTPUT, a->output.port);
}

static int output_reg(struct compile *c, const struct of_action *a)
{
	const struct of_subfield *from = &a->output_reg.from;
	const struct of_field *field = of_field(from->field);
	struct dp_op *o = dp_builder_op(&c->builder, DP_OP_OUTPUT_REG, 0, 1);

	if (!o)
		return -ENOMEM;
	o->offset = field->offset;
	o->n_bytes = field->n_bytes;
	o->data[0] =
		from->offset | (uint64_t)from->n_bits << 8 | (uint64_t)a->output_reg.max_len << 16;
	return 0;
}

static int controller(struct compile *c, const struct of_action *a)
{
	return to_controller(
		c, a->controller.max_len, a->controller.reason, a->controller.controller_id);
}

static int group(struct compile *c, const struct of_action *a)
{
	const struct of_group *found = of_switch_group(c->ctx->sw, a->group);
	struct dp_op *o;

	if (!found)
		return of_err_set(c->reterr_of, OF_ET_BAD_ACTION, OF_BA_BAD_OUT_GROUP);
	o = dp_builder_op(&c->builder, DP_OP_GROUP, a->group, 1);
	if (!o)
		return -ENOMEM;
	o->data[0] = (uintptr_t)found->handle;
	return 0;
}

static int set_field(struct compile *c, const struct of_action *a)
{
	const struct of_field *field = of_field(a->set.field);
	unsigned n = WORDS(field->n_bytes);
	struct dp_op *o = dp_builder_op(&c->builder, DP_OP_SET, 0, 2 * n);

	if (!o)
		return -ENOMEM;
	o->offset = field->offset;
	o->n_bytes = field->n_bytes;
	o->arg = field->prereq;
	memcpy(o->data, a->set.value, field->n_bytes);
	memcpy(o->data + n, a->set.mask, field->n_bytes);
	return 0;
}

static int move(struct compile *c, const struct of_action *a)
{
	const struct of_field *from = of_field(a->move.from.field);
	const struct of_field *to = of_field(a->move.to.field);
	const struct dp_move m = { .from_offset = from->offset,
		.from_bytes = from->n_bytes,
		.from_bit = a->move.from.offset,
		.to_offset = to->offset,
		.to_bytes = to->n_bytes,
		.to_bit = a->move.to.offset,
		.n_bits = a->move.to.n_bits };
	struct dp_op *o = dp_builder_op(&c->builder, DP_OP_MOVE, to->prereq, 1);

	if (!o)
		return -ENOMEM;
	memcpy(o->data, &m, sizeof(m));
	return 0;
}

static int resubmit(struct compile *c, const struct of_action *a)
{
	struct dp_op *o = dp_builder_op(&c->builder, DP_OP_RESUBMIT, a->resubmit.in_port, 0);

	if (!o)
		return -ENOMEM;
	o->offset = a->resubmit.table;
	return 0;
}

static int tag(struct compile *c, const struct of_action *a)
{
	static const uint8_t codes[OF_N_ACTION_TYPES] = {
		[OF_ACTION_PUSH_VLAN] = DP_OP_PUSH_VLAN,
		[OF_ACTION_POP_VLAN] = DP_OP_POP_VLAN,
		[OF_ACTION_PUSH_MPLS] = DP_OP_PUSH_MPLS,
		[OF_ACTION_POP_MPLS] = DP_OP_POP_MPLS,
		[OF_ACTION_PUSH_PBB] = DP_OP_PUSH_PBB,
		[OF_ACTION_POP_PBB] = DP_OP_POP_PBB,
	};

	return op(c, codes[a->type], a->eth_type);
}

static int ttl(struct compile *c, const struct of_action *a)
{
	static const uint8_t codes[OF_N_ACTION_TYPES] = {
		[OF_ACTION_COPY_TTL_OUT] = DP_OP_COPY_TTL_OUT,
		[OF_ACTION_COPY_TTL_IN] = DP_OP_COPY_TTL_IN,
		[OF_ACTION_SET_NW_TTL] = DP_OP_SET_IP_TTL,
		[OF_ACTION_DEC_NW_TTL] = DP_OP_DEC_IP_TTL,
		[OF_ACTION_SET_MPLS_TTL] = DP_OP_SET_MPLS_TTL,
		[OF_ACTION_DEC_MPLS_TTL] = DP_OP_DEC_MPLS_TTL,
	};

	return op(c, codes[a->type], a->ttl);
}

static int queue(struct compile *c, const struct of_action *a)
{
	return op(c, DP_OP_SET_QUEUE, a->queue);
}

static uint64_t hash_of(const struct of_buf *bytes)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < bytes->len; i++)
		h = (h ^ bytes->data[i]) * UINT64_C(0x100000001b3);
	return h;
}

static uint32_t put_learn_words(const struct of_learn *learn, struct dp_learn_word *words)
{
	struct sh_flow_key match, all;
	uint32_t n = 0;

	of_learn_reads(learn, &match, &all);
	for (unsigned i = 0; i < SH_KEY_WORDS; i++)
		if (all.words[i])
			words[n++] = (struct dp_learn_word){ i, match.words[i], all.words[i] };
	return n;
}

static int put_learn(struct compile *c, const struct of_learn *from, const struct of_buf *packed)
{
	struct dp_learn_word words[SH_KEY_WORDS];
	struct dp_learn head = { .n_bytes = (uint32_t)packed->len };
	size_t n_words, n_bytes;
	struct dp_op *o;

	head.n_words = put_learn_words(from, words);
	head.id = hash_of(packed);
	n_words = head.n_words * sizeof(words[0]);
	n_bytes = sizeof(head) + n_words + packed->len;
	if (1 + WORDS(n_bytes) > DP_MAX_OP_WORDS)
		return of_err_set(c->reterr_of, OF_ET_BAD_ACTION, OF_BA_TOO_MANY);
	o = dp_builder_op(&c->builder, DP_OP_LEARN, 0, WORDS(n_bytes));
	if (!o)
		return -ENOMEM;
	memcpy(o->data, &head, sizeof(head));
	memcpy((uint8_t *)o->data + sizeof(head), words, n_words);
	memcpy((uint8_t *)o->data + sizeof(head) + n_words, packed->data, packed->len);
	return 0;
}

static int fin_timeout(struct compile *c, const struct of_action *a)
{
	return op(c, DP_OP_FIN_TIMEOUT,
		(uint32_t)a->fin_timeout.idle_s << 16 | a->fin_timeout.hard_s);
}

static int learn(struct compile *c, const struct of_action *a)
{
	struct of_buf packed = { 0 };
	int r;

	of_learn_pack(a->learn, &packed);
	r = packed.failed ? -ENOMEM : put_learn(c, a->learn, &packed);
	of_buf_done(&packed);
	return r;
}

/* One that is done, as in a packet-out, does nothing: it is looked at where its flow matches. */
static int conjunction(struct compile *c, const struct of_action *a)
{
	struct dp_op *o = dp_builder_op(&c->builder, DP_OP_CONJUNCTION, a->conjunction.id, 1);

	if (!o)
		return -ENOMEM;
	o->data[0] = (uint64_t)a->conjunction.n_clauses << 8 | a->conjunction.clause;
	c->builder.head.is_clause = true;
	return 0;
}

static int nothing(struct compile *c, const struct of_action *a)
{
	return 0;
}

static compile_fn *const functions[OF_N_ACTION_TYPES] = {
	[OF_ACTION_OUTPUT] = output,
	[OF_ACTION_GROUP] = group,
	[OF_ACTION_SET_QUEUE] = queue,
	[OF_ACTION_SET_FIELD] = set_field,
	[OF_ACTION_PUSH_VLAN] = tag,
	[OF_ACTION_POP_VLAN] = tag,
	[OF_ACTION_PUSH_MPLS] = tag,
	[OF_ACTION_POP_MPLS] = tag,
	[OF_ACTION_PUSH_PBB] = tag,
	[OF_ACTION_POP_PBB] = tag,
	[OF_ACTION_COPY_TTL_OUT] = ttl,
	[OF_ACTION_COPY_TTL_IN] = ttl,
	[OF_ACTION_SET_NW_TTL] = ttl,
	[OF_ACTION_DEC_NW_TTL] = ttl,
	[OF_ACTION_SET_MPLS_TTL] = ttl,
	[OF_ACTION_DEC_MPLS_TTL] = ttl,
	[OF_ACTION_MOVE] = move,
	[OF_ACTION_RESUBMIT] = resubmit,
	[OF_ACTION_LEARN] = learn,
	[OF_ACTION_CONJUNCTION] = conjunction,
	[OF_ACTION_NOTE] = nothing,
	[OF_ACTION_POP_QUEUE] = nothing,
	[OF_ACTION_CONTROLLER] = controller,
	[OF_ACTION_OUTPUT_REG] = output_reg,
	[OF_ACTION_FIN_TIMEOUT] = fin_timeout,
};

static int add_list(struct compile *c, const struct of_actions *from)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < from->n; i++)
		r = functions[from->list[i].type](c, &from->list[i]);
	return r;
}

static int end(struct compile *c, int r, struct dp_program **ret)
{
	if (r < 0) {
		free(c->builder.words);
		return r;
	}
	return dp_builder_end(&c->builder, ret);
}

static uint64_t to_be64(uint64_t v)
{
	uint8_t bytes[8];
	uint64_t word;

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(v >> 8 * (7 - i));
	memcpy(&word, bytes, sizeof(word));
	return word;
}

static int add_meter(struct compile *c, uint32_t id)
{
	const struct of_meter *meter = of_switch_meter(c->ctx->sw, id);

	if (!meter)
		return of_err_set(c->reterr_of, OF_ET_METER_MOD_FAILED, OF_MM_UNKNOWN_METER);
	c->builder.head.meter = meter->handle;
	return 0;
}

/* dp_program.is_clause */
static int by_number(const void *a, const void *b)
{
	const struct dp_op *x = a, *y = b;

	if (x->arg != y->arg)
		return x->arg < y->arg ? -1 : 1;
	return (x->data[0] > y->data[0]) - (x->data[0] < y->data[0]);
}

static void sort_clauses(struct dp_builder *b)
{
	size_t size = sizeof(struct dp_op) + sizeof(uint64_t);

	if (b->head.is_clause)
		qsort(b->words, b->n * sizeof(uint64_t) / size, size, by_number);
}

int of_compile_instructions(const struct of_compile_ctx *ctx, const struct of_instructions *from,
	struct dp_program **ret, struct of_err *reterr_of)
{
	struct compile c = { .ctx = ctx, .reterr_of = reterr_of };
	struct dp_program *head = &c.builder.head;
	int r = 0;

	head->goto_table = from->has_goto ? from->goto_table : DP_NO_TABLE;
	head->clears = from->has_clear;
	head->miss = ctx->is_miss;
	head->writes_metadata = from->has_metadata;
	head->metadata = to_be64(from->metadata & from->metadata_mask);
	head->metadata_mask = to_be64(from->metadata_mask);
	if (from->has_meter)
		r = add_meter(&c, from->meter);
	if (r == 0 && from->has_apply)
		r = add_list(&c, &from->apply);
	sort_clauses(&c.builder);
	dp_builder_begin_write(&c.builder);
	if (r == 0 && from->has_write)
		r = add_list(&c, &from->write);
	return end(&c, r, ret);
}

int of_compile_actions(const struct of_compile_ctx *ctx, const struct of_actions *from,
	struct dp_program **ret, struct of_err *reterr_of)
{
	struct compile c = { .ctx = ctx, .reterr_of = reterr_of };

	c.builder.head.goto_table = DP_NO_TABLE;
	return end(&c, add_list(&c, from), ret);
}

/* OpenFlow 1.3.5, 5.10: 0 is first. Output is not done when there is a group. */
static const uint8_t ranks[OF_N_ACTION_TYPES] = {
	[OF_ACTION_COPY_TTL_IN] = 0,
	[OF_ACTION_POP_PBB] = 1,
	[OF_ACTION_POP_MPLS] = 2,
	[OF_ACTION_POP_VLAN] = 3,
	[OF_ACTION_PUSH_MPLS] = 4,
	[OF_ACTION_PUSH_PBB] = 5,
	[OF_ACTION_PUSH_VLAN] = 6,
	[OF_ACTION_COPY_TTL_OUT] = 7,
	[OF_ACTION_DEC_NW_TTL] = 8,
	[OF_ACTION_DEC_MPLS_TTL] = 8,
	[OF_ACTION_SET_FIELD] = 9,
	[OF_ACTION_SET_NW_TTL] = 9,
	[OF_ACTION_SET_MPLS_TTL] = 9,
	[OF_ACTION_MOVE] = 9,
	[OF_ACTION_SET_QUEUE] = 10,
	[OF_ACTION_POP_QUEUE] = 10,
	[OF_ACTION_NOTE] = 10,
	[OF_ACTION_LEARN] = 10,
	[OF_ACTION_CONJUNCTION] = 10,
	[OF_ACTION_FIN_TIMEOUT] = 10,
	[OF_ACTION_GROUP] = 11,
	[OF_ACTION_OUTPUT] = 12,
	[OF_ACTION_CONTROLLER] = 12,
	[OF_ACTION_OUTPUT_REG] = 12,
	[OF_ACTION_RESUBMIT] = 12,
};
#define N_RANKS  13
#define RANK_OUT 12

static bool has_group(const struct of_actions *from)
{
	for (unsigned i = 0; i < from->n; i++)
		if (from->list[i].type == OF_ACTION_GROUP)
			return true;
	return false;
}

int of_compile_bucket(const struct of_compile_ctx *ctx, const struct of_actions *from,
	struct dp_program **ret, struct of_err *reterr_of)
{
	struct compile c = { .ctx = ctx, .reterr_of = reterr_of };
	unsigned n_ranks = has_group(from) ? RANK_OUT : N_RANKS;
	int r = 0;

	c.builder.head.goto_table = DP_NO_TABLE;
	for (unsigned rank = 0; rank < n_ranks; rank++)
		for (unsigned i = 0; r == 0 && i < from->n; i++)
			if (ranks[from->list[i].type] == rank)
				r = functions[from->list[i].type](&c, &from->list[i]);
	return end(&c, r, ret);
}
