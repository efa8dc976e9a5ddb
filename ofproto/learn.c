/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Nicira's learn: a flow to be made of a frame, as a list of bits and where they go. Here its wire
 * form, checks and text; action_kind.c's table has the row. Pure; any thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "action_kind.h"
#include "format.h"
#include "ofproto/learn.h"
#include "oxm.h"
#include "subfield.h"

#define FIXED_LEN 22 /* behind Nicira's header */

/* A spec's first 16 bits. */
#define N_BITS       0x03ff
#define TO           0x1800
#define TO_MATCH     0x0000
#define TO_LOAD      0x0800
#define TO_OUTPUT    0x1000
#define FROM_VALUE   0x2000
#define KNOWN        (N_BITS | TO | FROM_VALUE)
#define MAX_BITS     128
#define SUBFIELD_LEN 6

#define DEFAULT_PRIORITY 0x8000

static int take_subfield(
	struct of_cursor *c, unsigned n_bits, struct of_subfield *ret, struct of_err *reterr_of)
{
	const uint8_t *at = of_take(c, SUBFIELD_LEN);

	if (!at)
		return of_bad_action(reterr_of, OF_BA_BAD_LEN);
	return of_subfield_decode(of_get_u32(at), of_get_u16(at + 4), n_bits, ret, reterr_of);
}

/* A constant lies at the low end of whole 16-bit words. */
static int take_value(
	struct of_cursor *c, unsigned n_bits, struct of_learn_spec *ret, struct of_err *reterr_of)
{
	unsigned n = (n_bits + 15) / 16 * 2;
	const uint8_t *at = of_take(c, n);
	unsigned spare = 128 - n_bits;

	if (!at)
		return of_bad_action(reterr_of, OF_BA_BAD_LEN);
	memcpy(ret->value + 16 - n, at, n);
	memset(ret->value, 0, spare / 8);
	if (spare % 8)
		ret->value[spare / 8] &= (uint8_t)(0xff >> spare % 8);
	return 0;
}

/* NXM's 16-bit port, where all of it goes to all of a port: the key's 32 bits. */
static void widen_port(struct of_learn_spec *spec)
{
	struct of_subfield *from = spec->from_field ? &spec->from : NULL;
	struct of_subfield *to = spec->is_output ? NULL : &spec->to;
	uint32_t port;

	if ((from && (!from->is_nxm || from->field != OF_FIELD_IN_PORT)) ||
		(to && (!to->is_nxm || to->field != OF_FIELD_IN_PORT)) || spec->n_bits != 16)
		return;
	spec->n_bits = 32;
	if (from)
		from->n_bits = 32;
	if (to)
		to->n_bits = 32;
	port = of_port_from_16(of_get_u16(spec->value + 14));
	for (unsigned i = 0; !from && i < 4; i++)
		spec->value[12 + i] = (uint8_t)(port >> (24 - 8 * i));
}

static int check_target(const struct of_learn_spec *spec, struct of_err *reterr_of)
{
	const struct of_field *f = of_field(spec->to.field);

	if (!spec->to_match && !f->writable)
		return of_bad_action(reterr_of, OF_BA_BAD_SET_ARGUMENT);
	if (spec->to_match && !f->maskable && spec->to.n_bits != f->n_bits)
		return of_bad_action(reterr_of, OF_BA_BAD_SET_LEN);
	return 0;
}

static int take_spec_to(
	struct of_cursor *c, unsigned to, struct of_learn_spec *ret, struct of_err *reterr_of)
{
	int r;

	ret->to_match = to == TO_MATCH;
	ret->is_output = to == TO_OUTPUT;
	if (!ret->is_output) {
		r = take_subfield(c, ret->n_bits, &ret->to, reterr_of);
		if (r < 0)
			return r;
	}
	widen_port(ret);
	return ret->is_output ? 0 : check_target(ret, reterr_of);
}

static int take_spec(
	struct of_cursor *c, unsigned bits, struct of_learn_spec *ret, struct of_err *reterr_of)
{
	unsigned to = bits & TO, n_bits = bits & N_BITS;
	int r;

	if (bits & ~(unsigned)KNOWN || to == TO || (to == TO_OUTPUT && bits & FROM_VALUE))
		return of_bad_action(reterr_of, OF_BA_BAD_ARGUMENT);
	if (n_bits == 0 || n_bits > MAX_BITS)
		return of_bad_action(reterr_of, OF_BA_BAD_SET_LEN);
	*ret = (struct of_learn_spec){ .n_bits = (uint8_t)n_bits,
		.from_field = !(bits & FROM_VALUE) };
	r = ret->from_field ? take_subfield(c, n_bits, &ret->from, reterr_of)
			    : take_value(c, n_bits, ret, reterr_of);
	return r < 0 ? r : take_spec_to(c, to, ret, reterr_of);
}

/* Walk the specs up to the padding; specs may be NULL, to count them. */
static int take_specs(
	struct of_cursor c, struct of_learn_spec *specs, unsigned *ret_n, struct of_err *reterr_of)
{
	struct of_learn_spec spec;
	unsigned n = 0;

	while (c.left >= 2 && of_get_u16(c.at)) {
		int r = take_spec(
			&c, of_get_u16(of_take(&c, 2)), specs ? &specs[n] : &spec, reterr_of);

		if (r < 0)
			return r;
		n++;
	}
	for (size_t i = 0; i < c.left; i++)
		if (c.at[i])
			return of_bad_action(reterr_of, OF_BA_BAD_ARGUMENT);
	*ret_n = n;
	return 0;
}

static void take_fixed(const uint8_t *at, struct of_learn *ret)
{
	ret->idle_timeout_s = of_get_u16(at);
	ret->hard_timeout_s = of_get_u16(at + 2);
	ret->priority = of_get_u16(at + 4);
	ret->cookie = of_get_u64(at + 6);
	ret->flags = of_get_u16(at + 14);
	ret->table = at[16];
	ret->fin_idle_timeout_s = of_get_u16(at + 18);
	ret->fin_hard_timeout_s = of_get_u16(at + 20);
}

int of_learn_decode(const struct of_body *body, struct of_action *a, struct of_err *reterr_of)
{
	struct of_cursor specs = { body->at + FIXED_LEN, body->n - FIXED_LEN };
	struct of_learn *learn;
	unsigned n;
	int r;

	if (body->at[17] || body->at[16] >= OF_N_TABLES ||
		of_get_u16(body->at + 14) & ~(OF_LEARN_SEND_FLOW_REM | OF_LEARN_DELETE_LEARNED))
		return of_bad_action(reterr_of, OF_BA_BAD_ARGUMENT);
	r = take_specs(specs, NULL, &n, reterr_of);
	if (r < 0)
		return r;
	learn = calloc(1, sizeof(*learn) + n * sizeof(*learn->specs));
	if (!learn)
		return -ENOMEM;
	take_fixed(body->at, learn);
	take_specs(specs, learn->specs, &learn->n_specs, NULL);
	a->learn = learn;
	return 0;
}

static void put_subfield(const struct of_subfield *sf, struct of_buf *out)
{
	unsigned offset, n_bits;
	uint32_t header = of_subfield_header(sf, &offset, &n_bits);

	of_buf_put_u32(out, header);
	of_buf_put_u16(out, (uint16_t)offset);
}

/* As it goes over the wire: all of a port may be NXM's 16 bits. */
static unsigned wire_bits(const struct of_learn_spec *spec)
{
	unsigned offset, n_bits = spec->n_bits;

	if (spec->from_field)
		of_subfield_header(&spec->from, &offset, &n_bits);
	else if (!spec->is_output)
		of_subfield_header(&spec->to, &offset, &n_bits);
	return n_bits;
}

static void put_spec(const struct of_learn_spec *spec, struct of_buf *out)
{
	unsigned n_bits = wire_bits(spec), n = (n_bits + 15) / 16 * 2;
	unsigned to = spec->is_output ? TO_OUTPUT : spec->to_match ? TO_MATCH : TO_LOAD;

	of_buf_put_u16(out, (uint16_t)(n_bits | to | (spec->from_field ? 0 : FROM_VALUE)));
	if (spec->from_field)
		put_subfield(&spec->from, out);
	else
		of_buf_put(out, spec->value + 16 - n, n);
	if (!spec->is_output)
		put_subfield(&spec->to, out);
}

void of_learn_encode(const struct of_action *a, struct of_buf *out)
{
	const struct of_learn *learn = a->learn;

	of_buf_put_u16(out, learn->idle_timeout_s);
	of_buf_put_u16(out, learn->hard_timeout_s);
	of_buf_put_u16(out, learn->priority);
	of_buf_put_u64(out, learn->cookie);
	of_buf_put_u16(out, learn->flags);
	of_buf_put_u8(out, learn->table);
	of_buf_put_u8(out, 0);
	of_buf_put_u16(out, learn->fin_idle_timeout_s);
	of_buf_put_u16(out, learn->fin_hard_timeout_s);
	for (unsigned i = 0; i < learn->n_specs; i++)
		put_spec(&learn->specs[i], out);
}

void of_learn_pack(const struct of_learn *learn, struct of_buf *out)
{
	const struct of_action a = { .type = OF_ACTION_LEARN,
		.learn = (struct of_learn *)(uintptr_t)learn };

	of_learn_encode(&a, out);
}

int of_learn_unpack(const uint8_t *packed, size_t n, struct of_learn **ret)
{
	const struct of_body body = { .at = packed, .n = n };
	struct of_action a = { .type = OF_ACTION_LEARN };
	struct of_err ignored;
	int r = n < FIXED_LEN ? -EINVAL : of_learn_decode(&body, &a, &ignored);

	if (r == 0)
		*ret = a.learn;
	return r;
}

struct of_learn *of_learn_copy(const struct of_learn *learn)
{
	size_t n = sizeof(*learn) + learn->n_specs * sizeof(*learn->specs);
	struct of_learn *copy = malloc(n);

	return copy ? memcpy(copy, learn, n) : NULL;
}

static bool spec_equal(const struct of_learn_spec *a, const struct of_learn_spec *b)
{
	return a->to_match == b->to_match && a->is_output == b->is_output &&
	       a->from_field == b->from_field && a->n_bits == b->n_bits &&
	       of_subfield_equal(&a->from, &b->from) && of_subfield_equal(&a->to, &b->to) &&
	       !memcmp(a->value, b->value, sizeof(a->value));
}

static bool fixed_equal(const struct of_learn *a, const struct of_learn *b)
{
	return a->idle_timeout_s == b->idle_timeout_s && a->hard_timeout_s == b->hard_timeout_s &&
	       a->priority == b->priority && a->flags == b->flags && a->cookie == b->cookie &&
	       a->table == b->table && a->fin_idle_timeout_s == b->fin_idle_timeout_s &&
	       a->fin_hard_timeout_s == b->fin_hard_timeout_s;
}

bool of_learn_equal(const struct of_learn *a, const struct of_learn *b)
{
	if (!fixed_equal(a, b) || a->n_specs != b->n_specs)
		return false;
	for (unsigned i = 0; i < a->n_specs; i++)
		if (!spec_equal(&a->specs[i], &b->specs[i]))
			return false;
	return true;
}

static bool is_there(const struct of_subfield *sf, const struct of_match *match)
{
	uint32_t prereq = of_field(sf->field)->prereq;

	return sf->is_nxm || !prereq || !match ||
	       prereq & of_prereqs_held(&match->value, &match->mask);
}

/* What a constant says about the new flow's match is known to the specs behind it. */
static void learn_constant(struct of_match *match, const struct of_learn_spec *spec)
{
	const struct of_field *f = of_field(spec->to.field);

	if (!spec->from_field && spec->to.n_bits == f->n_bits)
		of_match_set(match, spec->to.field, spec->value + 16 - f->n_bytes, NULL);
}

int of_learn_check(
	const struct of_learn *learn, const struct of_match *flow, struct of_err *reterr_of)
{
	struct of_match made = { 0 };

	for (unsigned i = 0; i < learn->n_specs; i++) {
		const struct of_learn_spec *spec = &learn->specs[i];

		if ((spec->from_field && !is_there(&spec->from, flow)) ||
			(!spec->is_output && !is_there(&spec->to, &made)))
			return of_bad_action(reterr_of, OF_BA_MATCH_INCONSISTENT);
		if (spec->to_match)
			learn_constant(&made, spec);
	}
	return 0;
}

static void format_constant(const struct of_learn_spec *spec, struct of_buf *out)
{
	unsigned n = ((unsigned)spec->n_bits + 7) / 8;

	of_format_hex(out, spec->value + 16 - n, n);
}

static void format_match(const struct of_learn_spec *spec, struct of_buf *out)
{
	const struct of_field *f = of_field(spec->to.field);

	if (!spec->from_field && spec->to.n_bits == of_subfield_bits(spec->to.field)) {
		of_buf_printf(out, "%s=", f->name);
		of_format_value(out, spec->to.field, spec->value + 16 - f->n_bytes, NULL);
		return;
	}
	of_subfield_format(out, &spec->to);
	if (spec->from_field && of_subfield_equal(&spec->from, &spec->to))
		return;
	of_buf_put_u8(out, '=');
	if (spec->from_field)
		of_subfield_format(out, &spec->from);
	else
		format_constant(spec, out);
}

static void format_spec(const struct of_learn_spec *spec, struct of_buf *out)
{
	if (spec->to_match) {
		format_match(spec, out);
		return;
	}
	of_buf_puts(out, spec->is_output ? "output:" : "load:");
	if (spec->from_field)
		of_subfield_format(out, &spec->from);
	else
		format_constant(spec, out);
	if (spec->is_output)
		return;
	of_buf_puts(out, "->");
	of_subfield_format(out, &spec->to);
}

static void format_nonzero(struct of_buf *out, const char *name, unsigned value)
{
	if (value)
		of_buf_printf(out, ",%s=%u", name, value);
}

void of_learn_format(const struct of_action *a, struct of_buf *out)
{
	const struct of_learn *learn = a->learn;

	of_buf_printf(out, "learn(table=%u", learn->table);
	format_nonzero(out, "idle_timeout", learn->idle_timeout_s);
	format_nonzero(out, "hard_timeout", learn->hard_timeout_s);
	format_nonzero(out, "fin_idle_timeout", learn->fin_idle_timeout_s);
	format_nonzero(out, "fin_hard_timeout", learn->fin_hard_timeout_s);
	if (learn->priority != DEFAULT_PRIORITY)
		of_buf_printf(out, ",priority=%u", learn->priority);
	if (learn->flags & OF_LEARN_SEND_FLOW_REM)
		of_buf_puts(out, ",send_flow_rem");
	if (learn->flags & OF_LEARN_DELETE_LEARNED)
		of_buf_puts(out, ",delete_learned");
	if (learn->cookie)
		of_buf_printf(out, ",cookie=%#" PRIx64, learn->cookie);
	for (unsigned i = 0; i < learn->n_specs; i++) {
		of_buf_put_u8(out, ',');
		format_spec(&learn->specs[i], out);
	}
	of_buf_put_u8(out, ')');
}
