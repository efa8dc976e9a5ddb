/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Operations back to actions, which ofproto prints. Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "of_op_text.h"
#include "ofproto/learn.h"
#include "ofproto/match.h"
#include "ofproto/request.h"

static const struct {
	uint8_t code, type;
} codes[] = {
	{ DP_OP_GROUP, OF_ACTION_GROUP },
	{ DP_OP_PUSH_VLAN, OF_ACTION_PUSH_VLAN },
	{ DP_OP_POP_VLAN, OF_ACTION_POP_VLAN },
	{ DP_OP_PUSH_MPLS, OF_ACTION_PUSH_MPLS },
	{ DP_OP_POP_MPLS, OF_ACTION_POP_MPLS },
	{ DP_OP_PUSH_PBB, OF_ACTION_PUSH_PBB },
	{ DP_OP_POP_PBB, OF_ACTION_POP_PBB },
	{ DP_OP_COPY_TTL_OUT, OF_ACTION_COPY_TTL_OUT },
	{ DP_OP_COPY_TTL_IN, OF_ACTION_COPY_TTL_IN },
	{ DP_OP_SET_IP_TTL, OF_ACTION_SET_NW_TTL },
	{ DP_OP_DEC_IP_TTL, OF_ACTION_DEC_NW_TTL },
	{ DP_OP_SET_MPLS_TTL, OF_ACTION_SET_MPLS_TTL },
	{ DP_OP_DEC_MPLS_TTL, OF_ACTION_DEC_MPLS_TTL },
	{ DP_OP_SET_QUEUE, OF_ACTION_SET_QUEUE },
};

/* Fields share places in the key; the prerequisite tells them apart, where it is known. */
static uint8_t field_at(unsigned offset, unsigned n_bytes, const uint32_t *prereq)
{
	for (int i = 0; i < OF_N_FIELDS; i++) {
		const struct of_field *f = of_field((enum of_field_id)i);

		if (f->name && f->offset == offset && f->n_bytes == n_bytes &&
			(!prereq || f->prereq == *prereq))
			return (uint8_t)i;
	}
	return OF_FIELD_METADATA;
}

static void to_set(const struct dp_op *op, struct of_action *a)
{
	unsigned n_words = (op->n_bytes + 7u) / 8u;
	uint8_t ones[16];

	a->type = OF_ACTION_SET_FIELD;
	a->set.field = field_at(op->offset, op->n_bytes, &op->arg);
	memcpy(a->set.value, op->data, op->n_bytes);
	memcpy(a->set.mask, op->data + n_words, op->n_bytes);
	of_field_ones(a->set.field, ones);
	a->is_nx = memcmp(ones, a->set.mask, op->n_bytes) != 0;
}

static void to_move(const struct dp_op *op, struct of_action *a)
{
	struct dp_move m;

	memcpy(&m, op->data, sizeof(m));
	a->type = OF_ACTION_MOVE;
	a->move.from = (struct of_subfield){ .field = field_at(m.from_offset, m.from_bytes, NULL),
		.offset = m.from_bit,
		.n_bits = m.n_bits };
	a->move.to = (struct of_subfield){ .field = field_at(m.to_offset, m.to_bytes, &op->arg),
		.offset = m.to_bit,
		.n_bits = m.n_bits };
}

/* One without a reason and an id of its own is printed as the standard's output. */
static void to_controller(const struct dp_op *op, struct of_action *a)
{
	a->type = OF_ACTION_CONTROLLER;
	a->controller.max_len = (uint16_t)op->arg;
	a->controller.controller_id = (uint16_t)op->data[0];
	a->controller.reason = (uint8_t)(op->data[0] >> 16);
}

static void to_output_reg(const struct dp_op *op, struct of_action *a)
{
	a->type = OF_ACTION_OUTPUT_REG;
	a->output_reg.from = (struct of_subfield){ .field = field_at(op->offset, op->n_bytes, NULL),
		.offset = (uint8_t)op->data[0],
		.n_bits = (uint8_t)(op->data[0] >> 8) };
}

static void to_learn(const struct dp_op *op, struct of_buf *out)
{
	const struct dp_learn *learn = (const struct dp_learn *)op->data;
	struct of_action a = { .type = OF_ACTION_LEARN, .is_nx = true };
	const struct of_actions one = { 1, &a };

	if (of_learn_unpack(dp_learn_template(learn), learn->n_bytes, &a.learn) < 0)
		return;
	of_actions_format(&one, out);
	free(a.learn);
}

/* The rest is one number, in the width that the action keeps it in. */
static void to_plain(const struct dp_op *op, struct of_action *a)
{
	for (unsigned i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].code == op->code)
			a->type = codes[i].type;
	if (op->code == DP_OP_GROUP || op->code == DP_OP_SET_QUEUE)
		a->group = op->arg;
	else if (op->code == DP_OP_SET_IP_TTL || op->code == DP_OP_SET_MPLS_TTL)
		a->ttl = (uint8_t)op->arg;
	else
		a->eth_type = (uint16_t)op->arg;
}

void of_op_text(const struct dp_op *op, struct of_buf *out)
{
	struct of_action a = { .type = OF_ACTION_OUTPUT };
	const struct of_actions one = { 1, &a };

	switch (op->code) {
	case DP_OP_OUTPUT:
		a.output.port = op->arg;
		break;
	case DP_OP_OUTPUT_REG:
		to_output_reg(op, &a);
		break;
	case DP_OP_SET:
		to_set(op, &a);
		break;
	case DP_OP_MOVE:
		to_move(op, &a);
		break;
	case DP_OP_CONTROLLER:
		to_controller(op, &a);
		break;
	case DP_OP_RESUBMIT:
		a.type = OF_ACTION_RESUBMIT;
		a.resubmit.in_port = op->arg;
		a.resubmit.table = op->offset;
		break;
	case DP_OP_CONJUNCTION:
		a.type = OF_ACTION_CONJUNCTION;
		a.conjunction.id = op->arg;
		a.conjunction.n_clauses = (uint8_t)(op->data[0] >> 8);
		a.conjunction.clause = (uint8_t)op->data[0];
		break;
	case DP_OP_FIN_TIMEOUT:
		a.type = OF_ACTION_FIN_TIMEOUT;
		a.is_nx = true;
		a.fin_timeout.idle_s = (uint16_t)(op->arg >> 16);
		a.fin_timeout.hard_s = (uint16_t)op->arg;
		break;
	case DP_OP_LEARN:
		to_learn(op, out);
		return;
	default:
		to_plain(op, &a);
	}
	of_actions_format(&one, out);
}

static bool differs(
	const struct of_field *f, const struct sh_flow_key *a, const struct sh_flow_key *b)
{
	return memcmp((const uint8_t *)a + f->offset, (const uint8_t *)b + f->offset, f->n_bytes) !=
	       0;
}

static void keep(struct of_match *m, const struct sh_flow_key *key, enum of_field_id id)
{
	of_match_set(m, id, (const uint8_t *)key + of_field(id)->offset, NULL);
}

/* Said so that the fields behind it have their names. */
static void keep_protocol(struct of_match *m, const struct sh_flow_key *key, uint32_t held)
{
	keep(m, key, OF_FIELD_ETH_TYPE);
	if (held & (OF_PREREQ_IPV4 | OF_PREREQ_IPV6))
		keep(m, key, OF_FIELD_IP_PROTO);
	if (held & OF_PREREQ_ND)
		keep(m, key, OF_FIELD_ICMPV6_TYPE);
}

void of_change_text(const struct sh_flow_key *was, const struct sh_flow_key *is, struct of_buf *out)
{
	uint32_t held = of_prereqs_held(is, NULL);
	struct of_match m = { 0 };
	bool has_changed = false;

	for (int i = OF_FIELD_ETH_DST; i <= OF_FIELD_IP_FRAG; i++) {
		const struct of_field *f = of_field((enum of_field_id)i);

		if (!f->name || i == OF_FIELD_TUNNEL_ID || i == OF_FIELD_ACTSET_OUTPUT ||
			(f->prereq && !(f->prereq & held)) || !differs(f, was, is))
			continue;
		keep(&m, is, (enum of_field_id)i);
		has_changed = true;
	}
	if (!has_changed)
		return;
	if (m.mask.vlan_pcp)
		keep(&m, is, OF_FIELD_VLAN_VID);
	keep_protocol(&m, is, held);
	of_match_format(&m, out);
}
