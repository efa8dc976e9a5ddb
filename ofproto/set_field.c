/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Set-field and Nicira's reg_load: two forms of one action, a value under a mask for a field
 * (OpenFlow 1.3.5, 7.2.5). Set-field writes a whole field; whatever else is to be written has to
 * be reg_load. Pure; any thread.
 */
#include <inttypes.h>
#include <string.h>

#include "action_kind.h"
#include "format.h"
#include "ofproto/request.h"
#include "oxm.h"
#include "subfield.h"

#define REG_LOAD     7
#define REG_LOAD_LEN 24

/* ONF's error for a mask in set-field, which OpenFlow 1.3 has no code for. */
#define ONF_BAD_SET_MASK 4250

static int refuse_mask(struct of_err *reterr_of)
{
	int r = of_err_set(reterr_of, OF_ET_EXPERIMENTER, ONF_BAD_SET_MASK);

	if (reterr_of)
		reterr_of->experimenter = OF_ONF;
	return r;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

/* A VLAN's id is set with the bit that says that it is one; the port where a frame came in is not
 * a header to be set. */
static bool may_set(enum of_field_id id, const uint8_t *value)
{
	if (!of_field(id)->writable || id == OF_FIELD_IN_PORT || !of_oxm_value_ok(id, value))
		return false;
	return id != OF_FIELD_VLAN_VID || value[0] & SH_VLAN_THERE >> 8;
}

/* One that is known, and whose value has its length. */
static int take_field(struct of_cursor *c, struct of_oxm *ret, struct of_err *reterr_of)
{
	struct of_err ignored;

	if (of_oxm_take(c, ret, &ignored) < 0)
		return ignored.code == OF_BM_BAD_LEN ? of_bad_action(reterr_of, OF_BA_BAD_SET_LEN)
						     : refuse_mask(reterr_of);
	if (ret->id < 0 || ret->id >= OF_N_FIELDS)
		return of_bad_action(reterr_of, OF_BA_BAD_SET_TYPE);
	return ret->fits ? 0 : of_bad_action(reterr_of, OF_BA_BAD_SET_LEN);
}

int of_set_field_decode(const struct of_body *body, struct of_action *a, struct of_err *reterr_of)
{
	struct of_cursor c = { body->at, body->n };
	struct of_oxm oxm;
	enum of_field_id id;
	int r = take_field(&c, &oxm, reterr_of);

	if (r < 0)
		return r;
	if (oxm.mask)
		return refuse_mask(reterr_of);
	id = (enum of_field_id)oxm.id;
	if (!may_set(id, oxm.value) || !is_zero(c.at, c.left))
		return of_bad_action(reterr_of, OF_BA_BAD_SET_ARGUMENT);
	a->set.field = (uint8_t)id;
	memcpy(a->set.value, oxm.value, oxm.n_bytes);
	of_field_ones(id, a->set.mask);
	return 0;
}

void of_set_field_encode(const struct of_action *a, struct of_buf *out)
{
	of_oxm_put(out, a->set.field, a->set.value, NULL);
}

bool of_set_is_whole(const struct of_action *a)
{
	uint8_t ones[16];

	of_field_ones(a->set.field, ones);
	return !memcmp(a->set.mask, ones, of_field(a->set.field)->n_bytes);
}

void of_set_field_format(const struct of_action *a, struct of_buf *out)
{
	of_buf_puts(out, "set_field:");
	of_format_value(out, a->set.field, a->set.value, a->set.mask);
	of_buf_printf(out, "->%s", of_field(a->set.field)->name);
}

/* Bits of big endian fields, bit 0 the lowest. */
static bool bit_of(const uint8_t *bytes, unsigned n_bytes, unsigned bit)
{
	return bytes[n_bytes - 1 - bit / 8] >> bit % 8 & 1;
}

static void put_bit(uint8_t *bytes, unsigned n_bytes, unsigned bit, bool on)
{
	if (on)
		bytes[n_bytes - 1 - bit / 8] |= (uint8_t)(1 << bit % 8);
}

/* All of NXM's 16-bit port is all of the port. */
static void set_whole_port(struct of_action *a, uint64_t value)
{
	uint32_t port = of_port_from_16((uint16_t)value);

	for (unsigned i = 0; i < 4; i++)
		a->set.value[i] = (uint8_t)(port >> (24 - 8 * i));
	of_field_ones(OF_FIELD_IN_PORT, a->set.mask);
}

static void set_bits(struct of_action *a, const struct of_subfield *to, uint64_t value)
{
	unsigned n_bytes = of_field(to->field)->n_bytes;

	for (unsigned i = 0; i < to->n_bits; i++) {
		put_bit(a->set.value, n_bytes, to->offset + i, value >> i & 1);
		put_bit(a->set.mask, n_bytes, to->offset + i, true);
	}
}

/* NXM_OF_IP_TOS as a whole is DSCP with two bits of nothing below. */
static void narrow_tos(uint32_t header, unsigned *offset, unsigned *n_bits, uint64_t *value)
{
	if (of_oxm_id_by_header(header) == OF_NXM_IP_TOS && *offset == 0 && *n_bits == 8) {
		*offset = 2;
		*n_bits = 6;
		*value >>= 2;
	}
}

int of_reg_load_decode(const struct of_body *body, struct of_action *a, struct of_err *reterr_of)
{
	unsigned bits = of_get_u16(body->at), offset = bits >> 6, n_bits = (bits & 0x3f) + 1;
	uint32_t header = of_get_u32(body->at + 2);
	uint64_t value = of_get_u64(body->at + 6);
	struct of_subfield to;
	int r;

	if (n_bits < 64 && value >> n_bits)
		return of_bad_action(reterr_of, OF_BA_BAD_ARGUMENT);
	narrow_tos(header, &offset, &n_bits, &value);
	r = of_subfield_decode(header, offset, n_bits, &to, reterr_of);
	if (r < 0)
		return r;
	if (!of_field(to.field)->writable)
		return of_bad_action(reterr_of, OF_BA_BAD_SET_ARGUMENT);
	a->set.field = to.field;
	if (to.is_nxm && to.field == OF_FIELD_IN_PORT && n_bits == 16)
		set_whole_port(a, value);
	else
		set_bits(a, &to, value);
	return 0;
}

/* The value of a field, under a mask or not, as a match has it. */
int of_reg_load2_decode(const struct of_body *body, struct of_action *a, struct of_err *reterr_of)
{
	struct of_cursor c = { body->at, body->n };
	struct of_oxm oxm;
	int r = take_field(&c, &oxm, reterr_of);

	if (r < 0)
		return r;
	if (!may_set((enum of_field_id)oxm.id, oxm.value) || !is_zero(c.at, c.left))
		return of_bad_action(reterr_of, OF_BA_BAD_SET_ARGUMENT);
	if (oxm.mask && !of_oxm_value_ok((enum of_field_id)oxm.id, oxm.mask))
		return refuse_mask(reterr_of);
	a->set.field = (uint8_t)oxm.id;
	a->is_nx = oxm.mask != NULL;
	memcpy(a->set.value, oxm.value, oxm.n_bytes);
	of_field_ones(a->set.field, a->set.mask);
	if (oxm.mask)
		memcpy(a->set.mask, oxm.mask, oxm.n_bytes);
	return 0;
}

/* A run of bits of a set action, as reg_load has it. */
struct run {
	struct of_subfield to;
	uint64_t value;
};

/* NXM's own field is the older name of three fields; of a port only if its 16 bits can say it. */
static bool is_older(const struct of_action *a)
{
	uint32_t port = of_get_u32(a->set.value);

	if (a->set.field == OF_FIELD_IN_PORT)
		return of_set_is_whole(a) && (port < 0xff00 || port >= OF_PORT_MAX);
	return a->set.field == OF_FIELD_VLAN_VID || a->set.field == OF_FIELD_VLAN_PCP ||
	       a->set.field == OF_FIELD_IP_DSCP;
}

/* The next run at or above a bit; false when there is none. */
static bool next_run(const struct of_action *a, unsigned from, struct run *ret)
{
	unsigned n_bytes = of_field(a->set.field)->n_bytes;
	unsigned n_bits = of_subfield_bits(a->set.field), end;

	while (from < n_bits && !bit_of(a->set.mask, n_bytes, from))
		from++;
	if (from == n_bits)
		return false;
	ret->value = 0;
	for (end = from; end < n_bits && end < from + 64; end++) {
		if (!bit_of(a->set.mask, n_bytes, end))
			break;
		ret->value |= (uint64_t)bit_of(a->set.value, n_bytes, end) << (end - from);
	}
	ret->to = (struct of_subfield){ .field = a->set.field,
		.offset = (uint8_t)from,
		.n_bits = (uint8_t)(end - from),
		.is_nxm = is_older(a) };
	return true;
}

void of_reg_load_encode_all(const struct of_action *a, struct of_buf *out)
{
	struct run run;
	unsigned offset, n_bits;

	for (unsigned from = 0; next_run(a, from, &run); from = run.to.offset + run.to.n_bits) {
		uint32_t header = of_subfield_header(&run.to, &offset, &n_bits);

		of_buf_put_u16(out, OF_ACTION_EXPERIMENTER);
		of_buf_put_u16(out, REG_LOAD_LEN);
		of_buf_put_u32(out, OF_NICIRA);
		of_buf_put_u16(out, REG_LOAD);
		of_buf_put_u16(out, (uint16_t)(offset << 6 | (n_bits - 1)));
		of_buf_put_u32(out, header);
		of_buf_put_u64(
			out, n_bits < 64 ? run.value & ((UINT64_C(1) << n_bits) - 1) : run.value);
	}
}

void of_reg_load_format(const struct of_action *a, struct of_buf *out)
{
	struct run run;
	size_t start = out->len;
	unsigned offset, n_bits;

	for (unsigned from = 0; next_run(a, from, &run); from = run.to.offset + run.to.n_bits) {
		of_subfield_header(&run.to, &offset, &n_bits);
		if (n_bits < 64)
			run.value &= (UINT64_C(1) << n_bits) - 1;
		of_buf_printf(out, "load:%#" PRIx64 "->", run.value);
		of_subfield_format(out, &run.to);
		of_buf_put_u8(out, ',');
	}
	of_buf_chomp(out, start, ',');
}
