/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lists of actions: off the wire, onto it, as text, copied and compared. What one action is made
 * of is action_kind.c's, whether it fits is action_check.c's. Any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "action_kind.h"
#include "ofproto/request.h"
#include "subfield.h"

#define HEADER_LEN        4
#define NICIRA_HEADER_LEN 10
#define MIN_LEN           8
#define NICIRA_MIN_LEN    16

/* Without limits, ports are as Open vSwitch counts them. */
static const struct of_action_limits no_limits = { .max_port = 0xfeff };

static void action_done(struct of_action *a)
{
	if (a->type == OF_ACTION_NOTE)
		free(a->note.data);
	else if (a->type == OF_ACTION_LEARN)
		free(a->learn);
}

void of_actions_done(struct of_actions *actions)
{
	for (unsigned i = 0; i < actions->n; i++)
		action_done(&actions->list[i]);
	free(actions->list);
	*actions = (struct of_actions){ 0 };
}

static int copy_one(const struct of_action *from, struct of_action *ret)
{
	*ret = *from;
	if (from->type == OF_ACTION_LEARN) {
		ret->learn = of_learn_copy(from->learn);
		return ret->learn ? 0 : -ENOMEM;
	}
	if (from->type == OF_ACTION_NOTE && from->note.len > 0) {
		ret->note.data = malloc(from->note.len);
		if (!ret->note.data)
			return -ENOMEM;
		memcpy(ret->note.data, from->note.data, from->note.len);
	}
	return 0;
}

int of_actions_copy(const struct of_actions *from, struct of_actions *ret)
{
	struct of_actions copy = { 0 };

	if (from->n > 0) {
		copy.list = calloc(from->n, sizeof(*copy.list));
		if (!copy.list)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < from->n; i++) {
		if (copy_one(&from->list[i], &copy.list[i]) < 0) {
			of_actions_done(&copy);
			return -ENOMEM;
		}
		copy.n++;
	}
	*ret = copy;
	return 0;
}

static bool set_equal(const struct of_action *a, const struct of_action *b)
{
	unsigned n = of_field(a->set.field)->n_bytes;

	return a->set.field == b->set.field && !memcmp(a->set.value, b->set.value, n) &&
	       !memcmp(a->set.mask, b->set.mask, n);
}

static bool action_equal(const struct of_action *a, const struct of_action *b)
{
	if (a->type != b->type || a->is_nx != b->is_nx)
		return false;
	switch (a->type) {
	case OF_ACTION_OUTPUT:
		return a->output.port == b->output.port && a->output.max_len == b->output.max_len;
	case OF_ACTION_SET_FIELD:
		return set_equal(a, b);
	case OF_ACTION_MOVE:
		return of_subfield_equal(&a->move.from, &b->move.from) &&
		       of_subfield_equal(&a->move.to, &b->move.to);
	case OF_ACTION_RESUBMIT:
		return a->resubmit.in_port == b->resubmit.in_port &&
		       a->resubmit.table == b->resubmit.table;
	case OF_ACTION_LEARN:
		return of_learn_equal(a->learn, b->learn);
	case OF_ACTION_CONJUNCTION:
		return a->conjunction.id == b->conjunction.id &&
		       a->conjunction.clause == b->conjunction.clause &&
		       a->conjunction.n_clauses == b->conjunction.n_clauses;
	case OF_ACTION_NOTE:
		return a->note.len == b->note.len &&
		       (a->note.len == 0 || !memcmp(a->note.data, b->note.data, a->note.len));
	case OF_ACTION_CONTROLLER:
		return a->controller.max_len == b->controller.max_len &&
		       a->controller.controller_id == b->controller.controller_id &&
		       a->controller.reason == b->controller.reason;
	case OF_ACTION_FIN_TIMEOUT:
		return a->fin_timeout.idle_s == b->fin_timeout.idle_s &&
		       a->fin_timeout.hard_s == b->fin_timeout.hard_s;
	case OF_ACTION_OUTPUT_REG:
		return of_subfield_equal(&a->output_reg.from, &b->output_reg.from) &&
		       a->output_reg.max_len == b->output_reg.max_len;
	case OF_ACTION_GROUP:
	case OF_ACTION_SET_QUEUE:
		return a->group == b->group;
	case OF_ACTION_SET_NW_TTL:
	case OF_ACTION_SET_MPLS_TTL:
		return a->ttl == b->ttl;
	default:
		return a->eth_type == b->eth_type;
	}
}

bool of_actions_equal(const struct of_actions *a, const struct of_actions *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!action_equal(&a->list[i], &b->list[i]))
			return false;
	return true;
}

/* Which action lies at the cursor; -EINVAL for none that is known. */
static int identify(const struct of_cursor *c, const struct of_action_kind **ret, bool *ret_is_nx,
	struct of_err *reterr_of)
{
	uint32_t experimenter;

	if (c->left < MIN_LEN)
		return of_bad_action(reterr_of, OF_BA_BAD_LEN);
	*ret_is_nx = of_get_u16(c->at) == OF_ACTION_EXPERIMENTER;
	if (!*ret_is_nx) {
		*ret = of_action_kind_standard(of_get_u16(c->at));
		return *ret ? 0 : of_bad_action(reterr_of, OF_BA_BAD_TYPE);
	}
	experimenter = of_get_u32(c->at + 4);
	if (experimenter != OF_NICIRA && experimenter != OF_ONF)
		return of_bad_action(reterr_of, OF_BA_BAD_EXPERIMENTER);
	if (c->left < NICIRA_MIN_LEN)
		return of_bad_action(reterr_of, OF_BA_BAD_LEN);
	*ret = experimenter == OF_NICIRA ? of_action_kind_nicira(of_get_u16(c->at + 8)) : NULL;
	return *ret ? 0 : of_bad_action(reterr_of, OF_BA_BAD_EXP_TYPE);
}

static bool fits_set(uint8_t type)
{
	return type != OF_ACTION_LEARN && type != OF_ACTION_CONJUNCTION && type != OF_ACTION_NOTE &&
	       type != OF_ACTION_CONTROLLER && type != OF_ACTION_OUTPUT_REG &&
	       type != OF_ACTION_FIN_TIMEOUT && type != OF_ACTION_POP_QUEUE;
}

static int decode_one(struct of_cursor *c, const struct of_action_limits *limits,
	struct of_action *ret, struct of_err *reterr_of)
{
	const struct of_action_kind *kind;
	struct of_body body = { .limits = limits };
	size_t n, n_header;
	bool is_nx = false;
	int r = identify(c, &kind, &is_nx, reterr_of);

	if (r < 0)
		return r;
	n = of_get_u16(c->at + 2);
	n_header = is_nx ? NICIRA_HEADER_LEN : HEADER_LEN;
	if (n > c->left || n < kind->min || n > kind->max || n % 8)
		return of_bad_action(reterr_of, OF_BA_BAD_LEN);
	if ((limits->is_set && !fits_set(kind->type)) ||
		(limits->is_bucket && kind->type == OF_ACTION_FIN_TIMEOUT))
		return of_bad_action(reterr_of, OF_BA_BAD_TYPE);
	body.at = of_take(c, n) + n_header;
	body.n = n - n_header;
	*ret = (struct of_action){ .type = kind->type, .is_nx = is_nx };
	return kind->decode(&body, ret, reterr_of);
}

/* How many actions there are, by their lengths; at least as many as can be decoded. */
static unsigned count(struct of_cursor c)
{
	unsigned n = 0;

	while (c.left >= MIN_LEN) {
		size_t length = of_get_u16(c.at + 2);

		n++;
		if (length < MIN_LEN || !of_take(&c, length))
			break;
	}
	return n;
}

/* A clause of a conjunction does nothing else. */
static bool mixes_conjunction(const struct of_actions *actions)
{
	bool has_clause = false, has_other = false;

	for (unsigned i = 0; i < actions->n; i++) {
		uint8_t type = actions->list[i].type;

		has_clause |= type == OF_ACTION_CONJUNCTION;
		has_other |= type != OF_ACTION_CONJUNCTION && type != OF_ACTION_NOTE;
	}
	return has_clause && has_other;
}

static int decode_list(struct of_cursor c, const struct of_action_limits *limits,
	struct of_actions *ret, struct of_err *reterr_of)
{
	while (c.left > 0) {
		int r = decode_one(&c, limits, &ret->list[ret->n], reterr_of);

		if (r < 0)
			return r;
		ret->n++;
	}
	return mixes_conjunction(ret) ? of_bad_nicira(reterr_of, OF_NICIRA_BAD_CONJUNCTION) : 0;
}

int of_actions_decode_unchecked(struct of_cursor *c, size_t n_bytes,
	const struct of_action_limits *limits, struct of_actions *ret, struct of_err *reterr_of)
{
	struct of_cursor list = { c->at, n_bytes };
	struct of_actions actions = { 0 };
	int r;

	if (n_bytes == 0) {
		*ret = actions;
		return 0;
	}
	if (n_bytes % 8 || !of_take(c, n_bytes))
		return of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
	actions.list = calloc(count(list), sizeof(*actions.list));
	if (!actions.list)
		return -ENOMEM;
	r = decode_list(list, limits ? limits : &no_limits, &actions, reterr_of);
	if (r < 0) {
		of_actions_done(&actions);
		return r;
	}
	*ret = actions;
	return 0;
}

int of_actions_check(struct of_action_state *state, const struct of_actions *actions, bool is_set,
	struct of_err *reterr_of)
{
	if (is_set)
		return of_action_set_check(state, actions, reterr_of);
	for (unsigned i = 0; i < actions->n; i++) {
		int r = of_action_check(state, &actions->list[i], reterr_of);

		if (r < 0)
			return r;
	}
	return 0;
}

int of_actions_decode(struct of_cursor *c, size_t n_bytes, const struct of_action_limits *limits,
	struct of_actions *ret, struct of_err *reterr_of)
{
	struct of_action_state state;
	struct of_actions actions;
	int r = of_actions_decode_unchecked(c, n_bytes, limits, &actions, reterr_of);

	if (r < 0)
		return r;
	of_action_state_init(&state, limits ? limits->match : NULL);
	r = of_actions_check(&state, &actions, limits && limits->is_set, reterr_of);
	if (r < 0) {
		of_actions_done(&actions);
		return r;
	}
	*ret = actions;
	return 0;
}

static void encode_one(const struct of_action *a, struct of_buf *out)
{
	size_t start = out->len;
	bool is_nx;
	const struct of_action_kind *kind = of_action_kind_of(a, &is_nx);

	if (a->type == OF_ACTION_SET_FIELD && (is_nx || !of_set_is_whole(a))) {
		of_reg_load_encode_all(a, out);
		return;
	}
	of_buf_put_u16(out, is_nx ? OF_ACTION_EXPERIMENTER : kind->number);
	of_buf_put_u16(out, 0);
	if (is_nx) {
		of_buf_put_u32(out, OF_NICIRA);
		of_buf_put_u16(out, kind->number);
	}
	kind->encode(a, out);
	of_buf_pad8(out, start);
	if (out->len - start < kind->min && !out->failed)
		of_buf_add(out, kind->min - (out->len - start));
	of_buf_set_u16(out, start + 2, (uint16_t)(out->len - start));
}

void of_actions_encode(const struct of_actions *actions, struct of_buf *out)
{
	for (unsigned i = 0; i < actions->n; i++)
		encode_one(&actions->list[i], out);
}

void of_actions_format(const struct of_actions *actions, struct of_buf *out)
{
	bool is_nx;

	if (actions->n == 0)
		of_buf_puts(out, "drop");
	for (unsigned i = 0; i < actions->n; i++) {
		const struct of_action *a = &actions->list[i];

		if (i > 0)
			of_buf_put_u8(out, ',');
		of_action_kind_of(a, &is_nx)->format(a, out);
	}
}
