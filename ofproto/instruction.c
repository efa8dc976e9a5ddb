/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Instructions of a flow (OpenFlow 1.3.5, 7.2.4): at most one of each, read in whatever order they
 * come, kept and written in the order in which they are carried out. Any thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "action_kind.h"
#include "ofproto/request.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

#define HEADER_LEN 8 /* of those that hold actions */

enum type {
	GOTO_TABLE = 1,
	WRITE_METADATA = 2,
	WRITE_ACTIONS = 3,
	APPLY_ACTIONS = 4,
	CLEAR_ACTIONS = 5,
	METER = 6,
	N_TYPES,
	EXPERIMENTER = 0xffff,
};

/* Where each lies, or NULL. */
struct found {
	struct of_cursor at[N_TYPES];
};

void of_instructions_done(struct of_instructions *instructions)
{
	of_actions_done(&instructions->apply);
	of_actions_done(&instructions->write);
	*instructions = (struct of_instructions){ 0 };
}

static int refuse(struct of_err *reterr_of, enum of_bad_instruction code)
{
	return of_err_set(reterr_of, OF_ET_BAD_INSTRUCTION, code);
}

static bool length_ok(unsigned type, size_t n)
{
	if (type == WRITE_METADATA)
		return n == 24;
	return type == APPLY_ACTIONS || type == WRITE_ACTIONS || n == HEADER_LEN;
}

static int find_one(struct of_cursor *c, struct found *found, struct of_err *reterr_of)
{
	size_t n = c->left >= HEADER_LEN ? of_get_u16(c->at + 2) : 0;
	const uint8_t *at = n >= HEADER_LEN && n % 8 == 0 ? of_take(c, n) : NULL;
	unsigned type;

	if (!at)
		return refuse(reterr_of, OF_BI_BAD_LEN);
	type = of_get_u16(at);
	if (type == EXPERIMENTER)
		return refuse(reterr_of, OF_BI_BAD_EXPERIMENTER);
	if (type == 0 || type >= N_TYPES)
		return refuse(reterr_of, OF_BI_UNKNOWN_INST);
	if (!length_ok(type, n))
		return refuse(reterr_of, OF_BI_BAD_LEN);
	if (found->at[type].at)
		return refuse(reterr_of, OF_BI_DUP_INST);
	found->at[type] = (struct of_cursor){ at, n };
	return 0;
}

static int find_all(struct of_cursor *c, struct found *found, struct of_err *reterr_of)
{
	while (c->left > 0) {
		int r = find_one(c, found, reterr_of);

		if (r < 0)
			return r;
	}
	return 0;
}

static int take_meter(
	const struct found *found, struct of_instructions *ret, struct of_err *reterr_of)
{
	const uint8_t *at = found->at[METER].at;

	if (!at)
		return 0;
	ret->has_meter = true;
	ret->meter = of_get_u32(at + 4);
	if (ret->meter == 0 || ret->meter > OF_METER_MAX)
		return of_err_set(reterr_of, OF_ET_METER_MOD_FAILED, OF_MM_INVALID_METER);
	return 0;
}

static int take_actions(const struct found *found, enum type type,
	const struct of_action_limits *limits, struct of_actions *ret, struct of_err *reterr_of)
{
	struct of_cursor c = found->at[type];

	if (!c.at)
		return 0;
	of_take(&c, HEADER_LEN);
	return of_actions_decode_unchecked(&c, c.left, limits, ret, reterr_of);
}

static int take_goto(const struct found *found, uint8_t table_id, struct of_instructions *ret,
	struct of_err *reterr_of)
{
	const uint8_t *at = found->at[GOTO_TABLE].at;

	if (!at)
		return 0;
	ret->has_goto = true;
	ret->goto_table = at[4];
	if (ret->goto_table >= OF_N_TABLES ||
		(table_id != OF_TABLE_ALL && ret->goto_table <= table_id))
		return refuse(reterr_of, OF_BI_BAD_TABLE_ID);
	return 0;
}

static void take_metadata(const struct found *found, struct of_instructions *ret)
{
	const uint8_t *at = found->at[WRITE_METADATA].at;

	ret->has_metadata = at;
	if (!at)
		return;
	ret->metadata_mask = of_get_u64(at + 16);
	ret->metadata = of_get_u64(at + 8);
}

static bool has_clause(const struct of_instructions *in)
{
	for (unsigned i = 0; i < in->apply.n; i++)
		if (in->apply.list[i].type == OF_ACTION_CONJUNCTION)
			return true;
	return false;
}

/* The flow as a whole: what apply-actions leaves of the headers is what the action set finds. */
static int check_all(
	const struct of_instructions *in, const struct of_match *match, struct of_err *reterr_of)
{
	struct of_action_state state;
	int r;

	if (has_clause(in) && (in->has_meter || in->has_clear || in->has_write ||
				      in->has_metadata || in->has_goto))
		return of_bad_nicira(reterr_of, OF_NICIRA_BAD_CONJUNCTION);
	of_action_state_init(&state, match);
	r = of_actions_check(&state, &in->apply, false, reterr_of);
	return r < 0 ? r : of_actions_check(&state, &in->write, true, reterr_of);
}

static int take_all(const struct found *found, const struct of_action_limits *limits,
	struct of_instructions *ret, struct of_err *reterr_of)
{
	struct of_action_limits in_list = *limits, in_set = *limits;
	int r = take_meter(found, ret, reterr_of);

	in_list.is_set = false;
	in_set.is_set = true;
	if (r == 0)
		r = take_actions(found, APPLY_ACTIONS, &in_list, &ret->apply, reterr_of);
	if (r == 0)
		r = take_actions(found, WRITE_ACTIONS, &in_set, &ret->write, reterr_of);
	/* An empty list is none: nothing is done, and nothing is said about it. */
	ret->has_apply = ret->apply.n > 0;
	ret->has_write = found->at[WRITE_ACTIONS].at;
	ret->has_clear = found->at[CLEAR_ACTIONS].at;
	take_metadata(found, ret);
	return r;
}

int of_instructions_decode(struct of_cursor *c, uint8_t table_id,
	const struct of_action_limits *limits, struct of_instructions *ret,
	struct of_err *reterr_of)
{
	struct of_action_limits none = { .max_port = 0xfeff };
	struct of_instructions in = { 0 };
	struct found found = { 0 };
	int r = find_all(c, &found, reterr_of);

	if (!limits)
		limits = &none;
	if (r == 0)
		r = take_all(&found, limits, &in, reterr_of);
	if (r == 0)
		r = take_goto(&found, table_id, &in, reterr_of);
	if (r == 0)
		r = check_all(&in, limits->match, reterr_of);
	if (r < 0) {
		of_instructions_done(&in);
		return r;
	}
	*ret = in;
	return 0;
}

static void put_header(struct of_buf *out, enum type type, uint16_t n)
{
	of_buf_put_u16(out, (uint16_t)type);
	of_buf_put_u16(out, n);
}

static void put_actions(struct of_buf *out, enum type type, const struct of_actions *actions)
{
	size_t start = out->len;

	put_header(out, type, 0);
	of_buf_put_u32(out, 0);
	of_actions_encode(actions, out);
	of_buf_set_u16(out, start + 2, (uint16_t)(out->len - start));
}

void of_instructions_encode(const struct of_instructions *in, struct of_buf *out)
{
	if (in->has_meter) {
		put_header(out, METER, 8);
		of_buf_put_u32(out, in->meter);
	}
	if (in->has_apply)
		put_actions(out, APPLY_ACTIONS, &in->apply);
	if (in->has_clear) {
		put_header(out, CLEAR_ACTIONS, 8);
		of_buf_put_u32(out, 0);
	}
	if (in->has_write)
		put_actions(out, WRITE_ACTIONS, &in->write);
	if (in->has_metadata) {
		put_header(out, WRITE_METADATA, 24);
		of_buf_put_u32(out, 0);
		of_buf_put_u64(out, in->metadata);
		of_buf_put_u64(out, in->metadata_mask);
	}
	if (in->has_goto) {
		put_header(out, GOTO_TABLE, 8);
		of_buf_put_u32(out, (uint32_t)in->goto_table << 24);
	}
}

static void format_metadata(const struct of_instructions *in, struct of_buf *out)
{
	of_buf_printf(out, "write_metadata:%#" PRIx64, in->metadata);
	if (in->metadata_mask != UINT64_MAX)
		of_buf_printf(out, "/%#" PRIx64, in->metadata_mask);
	of_buf_put_u8(out, ',');
}

void of_instructions_format(const struct of_instructions *in, struct of_buf *out)
{
	size_t start = out->len;

	if (in->has_meter)
		of_buf_printf(out, "meter:%" PRIu32 ",", in->meter);
	if (in->has_apply) {
		of_actions_format(&in->apply, out);
		of_buf_put_u8(out, ',');
	}
	if (in->has_clear)
		of_buf_puts(out, "clear_actions,");
	if (in->has_write) {
		of_buf_puts(out, "write_actions(");
		of_actions_format(&in->write, out);
		of_buf_puts(out, "),");
	}
	if (in->has_metadata)
		format_metadata(in, out);
	if (in->has_goto)
		of_buf_printf(out, "goto_table:%u,", in->goto_table);
	of_buf_chomp(out, start, ',');
	if (out->len == start)
		of_buf_puts(out, "drop");
}

bool of_instructions_equal(const struct of_instructions *a, const struct of_instructions *b)
{
	if (a->has_meter != b->has_meter || a->has_apply != b->has_apply ||
		a->has_clear != b->has_clear || a->has_write != b->has_write ||
		a->has_metadata != b->has_metadata || a->has_goto != b->has_goto)
		return false;
	if ((a->has_meter && a->meter != b->meter) ||
		(a->has_goto && a->goto_table != b->goto_table))
		return false;
	if (a->has_metadata && (a->metadata != b->metadata || a->metadata_mask != b->metadata_mask))
		return false;
	return of_actions_equal(&a->apply, &b->apply) && of_actions_equal(&a->write, &b->write);
}
