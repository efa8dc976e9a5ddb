/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The table of actions, one row a form on the wire: OpenFlow 1.3.5, 7.2.5, and those of Nicira's
 * that clients use. Set-field and learn have files of their own. Pure; any thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "action_kind.h"
#include "format.h"
#include "ofproto/request.h"
#include "oxm.h"
#include "subfield.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

#define ANY_LEN 0xfff8

int of_bad_action(struct of_err *reterr_of, enum of_bad_action code)
{
	return of_err_set(reterr_of, OF_ET_BAD_ACTION, code);
}

int of_bad_nicira(struct of_err *reterr_of, uint16_t type)
{
	int r = of_err_set(reterr_of, OF_ET_EXPERIMENTER, type);

	if (reterr_of)
		reterr_of->experimenter = OF_NICIRA;
	return r;
}

static bool port_ok(uint32_t port, const struct of_action_limits *limits)
{
	if (port >= OF_PORT_MAX)
		return port >= OF_PORT_IN_PORT && port != OF_PORT_ANY;
	return port > 0 && port <= limits->max_port;
}

static int output_decode(const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	a->output.port = of_get_u32(b->at);
	a->output.max_len = of_get_u16(b->at + 4);
	return port_ok(a->output.port, b->limits) ? 0
						  : of_bad_action(reterr_of, OF_BA_BAD_OUT_PORT);
}

static void output_encode(const struct of_action *a, struct of_buf *out)
{
	of_buf_put_u32(out, a->output.port);
	of_buf_put_u16(out, a->output.max_len);
}

static void output_format(const struct of_action *a, struct of_buf *out)
{
	if (a->output.port < OF_PORT_MAX)
		of_buf_puts(out, "output:");
	of_format_port(out, a->output.port);
	if (a->output.port == OF_PORT_CONTROLLER)
		of_buf_printf(out, ":%u", a->output.max_len);
}

static int group_decode(const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	a->group = of_get_u32(b->at);
	return a->group <= OF_GROUP_MAX ? 0 : of_bad_action(reterr_of, OF_BA_BAD_OUT_GROUP);
}

static void group_encode(const struct of_action *a, struct of_buf *out)
{
	of_buf_put_u32(out, a->group);
}

static void group_format(const struct of_action *a, struct of_buf *out)
{
	of_buf_printf(out, "group:%" PRIu32, a->group);
}

static int queue_decode(const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	a->queue = of_get_u32(b->at);
	return 0;
}

static void queue_encode(const struct of_action *a, struct of_buf *out)
{
	of_buf_put_u32(out, a->queue);
}

static void queue_format(const struct of_action *a, struct of_buf *out)
{
	of_buf_printf(out, "set_queue:%" PRIu32, a->queue);
}

/* Actions without an argument. */
static int bare_decode(const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	return 0;
}

static void bare_encode(const struct of_action *a, struct of_buf *out)
{
}

static void bare_format(const struct of_action *a, struct of_buf *out)
{
	static const char *const names[OF_N_ACTION_TYPES] = {
		[OF_ACTION_POP_VLAN] = "pop_vlan",
		[OF_ACTION_POP_QUEUE] = "pop_queue",
		[OF_ACTION_POP_PBB] = "pop_pbb",
		[OF_ACTION_COPY_TTL_OUT] = "copy_ttl_out",
		[OF_ACTION_COPY_TTL_IN] = "copy_ttl_in",
		[OF_ACTION_DEC_NW_TTL] = "dec_ttl",
		[OF_ACTION_DEC_MPLS_TTL] = "dec_mpls_ttl",
	};

	of_buf_puts(out, names[a->type]);
}

static int ttl_decode(const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	a->ttl = *b->at;
	return 0;
}

static void ttl_encode(const struct of_action *a, struct of_buf *out)
{
	of_buf_put_u8(out, a->ttl);
}

static void ttl_format(const struct of_action *a, struct of_buf *out)
{
	of_buf_printf(out, a->type == OF_ACTION_SET_NW_TTL ? "mod_nw_ttl:%u" : "set_mpls_ttl(%u)",
		a->ttl);
}

/* Ethernet types that a header can be pushed with; pop_mpls takes any. */
static bool type_ok(uint8_t type, uint16_t eth_type)
{
	switch (type) {
	case OF_ACTION_PUSH_VLAN:
		return eth_type == 0x8100 || eth_type == 0x88a8;
	case OF_ACTION_PUSH_MPLS:
		return eth_type == 0x8847 || eth_type == 0x8848;
	case OF_ACTION_PUSH_PBB:
		return eth_type == 0x88e7;
	default:
		return true;
	}
}

static int type_decode(const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	a->eth_type = of_get_u16(b->at);
	return type_ok(a->type, a->eth_type) ? 0 : of_bad_action(reterr_of, OF_BA_BAD_ARGUMENT);
}

static void type_encode(const struct of_action *a, struct of_buf *out)
{
	of_buf_put_u16(out, a->eth_type);
}

static void type_format(const struct of_action *a, struct of_buf *out)
{
	static const char *const names[OF_N_ACTION_TYPES] = {
		[OF_ACTION_PUSH_VLAN] = "push_vlan",
		[OF_ACTION_PUSH_MPLS] = "push_mpls",
		[OF_ACTION_POP_MPLS] = "pop_mpls",
		[OF_ACTION_PUSH_PBB] = "push_pbb",
	};

	of_buf_printf(out, "%s:0x%04x", names[a->type], a->eth_type);
}

static int move_decode(const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	unsigned n_bits = of_get_u16(b->at), from = of_get_u16(b->at + 2),
		 to = of_get_u16(b->at + 4);
	int r = of_subfield_decode(of_get_u32(b->at + 6), from, n_bits, &a->move.from, reterr_of);

	if (r == 0)
		r = of_subfield_decode(of_get_u32(b->at + 10), to, n_bits, &a->move.to, reterr_of);
	if (r == 0 && !of_field(a->move.to.field)->writable)
		r = of_bad_action(reterr_of, OF_BA_BAD_SET_ARGUMENT);
	return r;
}

static void move_encode(const struct of_action *a, struct of_buf *out)
{
	unsigned from, to, n_bits;
	uint32_t from_header = of_subfield_header(&a->move.from, &from, &n_bits);
	uint32_t to_header = of_subfield_header(&a->move.to, &to, &n_bits);

	of_buf_put_u16(out, (uint16_t)n_bits);
	of_buf_put_u16(out, (uint16_t)from);
	of_buf_put_u16(out, (uint16_t)to);
	of_buf_put_u32(out, from_header);
	of_buf_put_u32(out, to_header);
}

static void move_format(const struct of_action *a, struct of_buf *out)
{
	of_buf_puts(out, "move:");
	of_subfield_format(out, &a->move.from);
	of_buf_puts(out, "->");
	of_subfield_format(out, &a->move.to);
}

static int output_reg_decode(const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	unsigned bits = of_get_u16(b->at);

	for (unsigned i = 8; i < b->n; i++)
		if (b->at[i])
			return of_bad_action(reterr_of, OF_BA_BAD_ARGUMENT);
	a->output_reg.max_len = of_get_u16(b->at + 6);
	return of_subfield_decode(of_get_u32(b->at + 2), bits >> 6, (bits & 0x3f) + 1,
		&a->output_reg.from, reterr_of);
}

static void output_reg_encode(const struct of_action *a, struct of_buf *out)
{
	unsigned offset, n_bits;
	uint32_t header = of_subfield_header(&a->output_reg.from, &offset, &n_bits);

	of_buf_put_u16(out, (uint16_t)(offset << 6 | (n_bits - 1)));
	of_buf_put_u32(out, header);
	of_buf_put_u16(out, a->output_reg.max_len);
}

static void output_reg_format(const struct of_action *a, struct of_buf *out)
{
	of_buf_puts(out, "output:");
	of_subfield_format(out, &a->output_reg.from);
}

static int resubmit_decode(const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	a->resubmit.in_port = of_port_from_16(of_get_u16(b->at));
	a->resubmit.table = OF_TABLE_ALL;
	return 0;
}

static int resubmit_table_decode(
	const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	resubmit_decode(b, a, reterr_of);
	a->resubmit.table = b->at[2];
	return b->at[3] || b->at[4] || b->at[5] ? of_bad_action(reterr_of, OF_BA_BAD_ARGUMENT) : 0;
}

static void resubmit_encode(const struct of_action *a, struct of_buf *out)
{
	of_buf_put_u16(out, (uint16_t)a->resubmit.in_port);
	if (a->resubmit.table != OF_TABLE_ALL)
		of_buf_put_u8(out, a->resubmit.table);
}

static void resubmit_format(const struct of_action *a, struct of_buf *out)
{
	bool has_port = a->resubmit.in_port != OF_PORT_IN_PORT;
	bool has_table = a->resubmit.table != OF_TABLE_ALL;

	of_buf_puts(out, has_port && !has_table ? "resubmit:" : "resubmit(");
	if (has_port)
		of_format_port(out, a->resubmit.in_port);
	if (has_port && !has_table)
		return;
	of_buf_put_u8(out, ',');
	if (has_table)
		of_buf_printf(out, "%u", a->resubmit.table);
	of_buf_put_u8(out, ')');
}

static int conjunction_decode(
	const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	a->conjunction.clause = b->at[0];
	a->conjunction.n_clauses = b->at[1];
	a->conjunction.id = of_get_u32(b->at + 2);
	if (a->conjunction.n_clauses < 2 || a->conjunction.n_clauses > 64 ||
		a->conjunction.clause >= a->conjunction.n_clauses)
		return of_bad_nicira(reterr_of, OF_NICIRA_BAD_CONJUNCTION);
	return 0;
}

static void conjunction_encode(const struct of_action *a, struct of_buf *out)
{
	of_buf_put_u8(out, a->conjunction.clause);
	of_buf_put_u8(out, a->conjunction.n_clauses);
	of_buf_put_u32(out, a->conjunction.id);
}

static void conjunction_format(const struct of_action *a, struct of_buf *out)
{
	of_buf_printf(out, "conjunction(%" PRIu32 ",%d/%u)", a->conjunction.id,
		a->conjunction.clause + 1, a->conjunction.n_clauses);
}

static int note_decode(const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	a->note.data = malloc(b->n);
	if (!a->note.data)
		return -ENOMEM;
	memcpy(a->note.data, b->at, b->n);
	a->note.len = (uint16_t)b->n;
	return 0;
}

static void note_encode(const struct of_action *a, struct of_buf *out)
{
	of_buf_put(out, a->note.data, a->note.len);
}

static void note_format(const struct of_action *a, struct of_buf *out)
{
	of_buf_puts(out, "note:");
	for (unsigned i = 0; i < a->note.len; i++)
		of_buf_printf(out, "%s%02x", i ? "." : "", a->note.data[i]);
}

static int controller_decode(const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	a->controller.max_len = of_get_u16(b->at);
	a->controller.controller_id = of_get_u16(b->at + 2);
	a->controller.reason = b->at[4];
	return 0;
}

static void controller_encode(const struct of_action *a, struct of_buf *out)
{
	of_buf_put_u16(out, a->controller.max_len);
	of_buf_put_u16(out, a->controller.controller_id);
	of_buf_put_u8(out, a->controller.reason);
}

#define REASON_ACTION 1

static void put_reason(struct of_buf *out, unsigned reason)
{
	static const char *const names[] = { "no_match", "action", "invalid_ttl", "action_set",
		"group", "packet_out" };

	if (reason < N(names))
		of_buf_printf(out, "reason=%s,", names[reason]);
	else
		of_buf_printf(out, "reason=%u,", reason);
}

static void controller_format(const struct of_action *a, struct of_buf *out)
{
	size_t start;

	if (a->controller.reason == REASON_ACTION && !a->controller.controller_id) {
		of_buf_printf(out, "CONTROLLER:%u", a->controller.max_len);
		return;
	}
	of_buf_puts(out, "controller(");
	start = out->len;
	if (a->controller.reason != REASON_ACTION)
		put_reason(out, a->controller.reason);
	if (a->controller.max_len != UINT16_MAX)
		of_buf_printf(out, "max_len=%u,", a->controller.max_len);
	if (a->controller.controller_id)
		of_buf_printf(out, "id=%u,", a->controller.controller_id);
	of_buf_chomp(out, start, ',');
	of_buf_put_u8(out, ')');
}

static int fin_timeout_decode(
	const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	a->fin_timeout.idle_s = of_get_u16(b->at);
	a->fin_timeout.hard_s = of_get_u16(b->at + 2);
	return 0;
}

static void fin_timeout_encode(const struct of_action *a, struct of_buf *out)
{
	of_buf_put_u16(out, a->fin_timeout.idle_s);
	of_buf_put_u16(out, a->fin_timeout.hard_s);
}

static void fin_timeout_format(const struct of_action *a, struct of_buf *out)
{
	size_t start;

	of_buf_puts(out, "fin_timeout(");
	start = out->len;
	if (a->fin_timeout.idle_s)
		of_buf_printf(out, "idle_timeout=%u,", a->fin_timeout.idle_s);
	if (a->fin_timeout.hard_s)
		of_buf_printf(out, "hard_timeout=%u,", a->fin_timeout.hard_s);
	of_buf_chomp(out, start, ',');
	of_buf_put_u8(out, ')');
}

/* Nicira's ways to decrement a TTL are the standard's, and written back as that. */
static int dec_ttl_decode(const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	a->is_nx = false;
	return 0;
}

static int dec_ttl_ids_decode(
	const struct of_body *b, struct of_action *a, struct of_err *reterr_of)
{
	a->is_nx = false;
	if (b->n - 6 < of_get_u16(b->at) * 2u)
		return of_bad_action(reterr_of, OF_BA_BAD_LEN);
	return 0;
}

/* clang-format off */
static const struct of_action_kind standard[] = {
	{ 0, 16, 16, OF_ACTION_OUTPUT, output_decode, output_encode, output_format },
	{ 11, 8, 8, OF_ACTION_COPY_TTL_OUT, bare_decode, bare_encode, bare_format },
	{ 12, 8, 8, OF_ACTION_COPY_TTL_IN, bare_decode, bare_encode, bare_format },
	{ 15, 8, 8, OF_ACTION_SET_MPLS_TTL, ttl_decode, ttl_encode, ttl_format },
	{ 16, 8, 8, OF_ACTION_DEC_MPLS_TTL, bare_decode, bare_encode, bare_format },
	{ 17, 8, 8, OF_ACTION_PUSH_VLAN, type_decode, type_encode, type_format },
	{ 18, 8, 8, OF_ACTION_POP_VLAN, bare_decode, bare_encode, bare_format },
	{ 19, 8, 8, OF_ACTION_PUSH_MPLS, type_decode, type_encode, type_format },
	{ 20, 8, 8, OF_ACTION_POP_MPLS, type_decode, type_encode, type_format },
	{ 21, 8, 8, OF_ACTION_SET_QUEUE, queue_decode, queue_encode, queue_format },
	{ 22, 8, 8, OF_ACTION_GROUP, group_decode, group_encode, group_format },
	{ 23, 8, 8, OF_ACTION_SET_NW_TTL, ttl_decode, ttl_encode, ttl_format },
	{ 24, 8, 8, OF_ACTION_DEC_NW_TTL, bare_decode, bare_encode, bare_format },
	{ 25, 8, ANY_LEN, OF_ACTION_SET_FIELD, of_set_field_decode, of_set_field_encode,
		of_set_field_format },
	{ 26, 8, 8, OF_ACTION_PUSH_PBB, type_decode, type_encode, type_format },
	{ 27, 8, 8, OF_ACTION_POP_PBB, bare_decode, bare_encode, bare_format },
};
/* The first of a type is the one that is written. */
static const struct of_action_kind nicira[] = {
	{ 14, 16, 16, OF_ACTION_RESUBMIT, resubmit_table_decode, resubmit_encode, resubmit_format },
	{ 1, 16, 16, OF_ACTION_RESUBMIT, resubmit_decode, resubmit_encode, resubmit_format },
	{ 5, 16, 16, OF_ACTION_POP_QUEUE, bare_decode, bare_encode, bare_format },
	{ 6, 24, 24, OF_ACTION_MOVE, move_decode, move_encode, move_format },
	{ 7, 24, 24, OF_ACTION_SET_FIELD, of_reg_load_decode, NULL, of_reg_load_format },
	{ 8, 16, ANY_LEN, OF_ACTION_NOTE, note_decode, note_encode, note_format },
	{ 15, 24, 24, OF_ACTION_OUTPUT_REG, output_reg_decode, output_reg_encode,
		output_reg_format },
	{ 16, 32, ANY_LEN, OF_ACTION_LEARN, of_learn_decode, of_learn_encode, of_learn_format },
	{ 18, 16, 16, OF_ACTION_DEC_NW_TTL, dec_ttl_decode, bare_encode, bare_format },
	{ 19, 16, 16, OF_ACTION_FIN_TIMEOUT, fin_timeout_decode, fin_timeout_encode,
		fin_timeout_format },
	{ 20, 16, 16, OF_ACTION_CONTROLLER, controller_decode, controller_encode,
		controller_format },
	{ 21, 16, ANY_LEN, OF_ACTION_DEC_NW_TTL, dec_ttl_ids_decode, bare_encode, bare_format },
	{ 33, 16, ANY_LEN, OF_ACTION_SET_FIELD, of_reg_load2_decode, NULL, of_reg_load_format },
	{ 34, 16, 16, OF_ACTION_CONJUNCTION, conjunction_decode, conjunction_encode,
		conjunction_format },
};
/* clang-format on */

static const struct of_action_kind *find(
	const struct of_action_kind *kinds, size_t n, uint16_t number)
{
	for (size_t i = 0; i < n; i++)
		if (kinds[i].number == number)
			return &kinds[i];
	return NULL;
}

const struct of_action_kind *of_action_kind_standard(uint16_t type)
{
	return find(standard, N(standard), type);
}

const struct of_action_kind *of_action_kind_nicira(uint16_t subtype)
{
	return find(nicira, N(nicira), subtype);
}

static const struct of_action_kind *find_type(
	const struct of_action_kind *kinds, size_t n, uint8_t type)
{
	for (size_t i = 0; i < n; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

#define RESUBMIT 1

const struct of_action_kind *of_action_kind_of(const struct of_action *a, bool *ret_is_nx)
{
	const struct of_action_kind *kind = find_type(standard, N(standard), a->type);

	*ret_is_nx = !kind || (a->type == OF_ACTION_SET_FIELD && a->is_nx);
	if (a->type == OF_ACTION_RESUBMIT && a->resubmit.table == OF_TABLE_ALL)
		return of_action_kind_nicira(RESUBMIT);
	return *ret_is_nx ? find_type(nicira, N(nicira), a->type) : kind;
}
