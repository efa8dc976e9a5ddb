/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Table features (OpenFlow 1.3.5, 7.3.5.5): what each table can do, from the table of fields. All
 * tables can do the same, but go to later tables only. Any thread.
 */
#include "of13_wire.h"
#include "oxm.h"

/* OpenFlow 1.3.5, 7.2.5 */
enum action_number {
	OUTPUT = 0,
	COPY_TTL_OUT = 11,
	COPY_TTL_IN = 12,
	SET_MPLS_TTL = 15,
	DEC_MPLS_TTL = 16,
	PUSH_VLAN = 17,
	POP_VLAN = 18,
	PUSH_MPLS = 19,
	POP_MPLS = 20,
	SET_QUEUE = 21,
	GROUP = 22,
	SET_NW_TTL = 23,
	DEC_NW_TTL = 24,
	SET_FIELD = 25,
	PUSH_PBB = 26,
	POP_PBB = 27,
};

uint32_t of13_actions_supported(void)
{
	static const uint8_t actions[] = { OUTPUT, COPY_TTL_OUT, COPY_TTL_IN, SET_MPLS_TTL,
		DEC_MPLS_TTL, PUSH_VLAN, POP_VLAN, PUSH_MPLS, POP_MPLS, SET_QUEUE, GROUP,
		SET_NW_TTL, DEC_NW_TTL, SET_FIELD, PUSH_PBB, POP_PBB };
	uint32_t map = 0;

	for (unsigned i = 0; i < sizeof(actions); i++)
		map |= UINT32_C(1) << actions[i];
	return map;
}

static uint32_t instructions_supported(bool is_last)
{
	uint32_t map = 1 << OFPIT11_WRITE_METADATA | 1 << OFPIT11_WRITE_ACTIONS |
		       1 << OFPIT11_APPLY_ACTIONS | 1 << OFPIT11_CLEAR_ACTIONS | 1 << OFPIT13_METER;

	return is_last ? map : map | 1 << OFPIT11_GOTO_TABLE;
}

static size_t property_begin(struct of_buf *out, unsigned type)
{
	size_t begin = out->len;

	of_buf_put_u16(out, (uint16_t)type);
	of13_put_zeros(out, 2); /* length */
	return begin;
}

/* The length is without the padding. */
static void property_end(struct of_buf *out, size_t begin)
{
	if (!out->failed)
		of_buf_set_u16(out, begin + 2, (uint16_t)(out->len - begin));
	of_buf_pad8(out, begin);
}

/* Instructions or actions: of each only type and length. */
static void put_numbers(struct of_buf *out, unsigned type, uint32_t map)
{
	size_t begin = property_begin(out, type);

	for (unsigned i = 0; i < 32; i++) {
		if (map & UINT32_C(1) << i) {
			of_buf_put_u16(out, (uint16_t)i);
			of_buf_put_u16(out, 4);
		}
	}
	property_end(out, begin);
}

static void put_next_tables(struct of_buf *out, unsigned type, uint8_t table)
{
	size_t begin = property_begin(out, type);

	for (unsigned i = table + 1u; i < OF_N_TABLES; i++)
		of_buf_put_u8(out, (uint8_t)i);
	property_end(out, begin);
}

/* What stands in front of a field's value, and of its mask, in a match. */
static void put_field_header(struct of_buf *out, enum of_field_id id, bool has_mask)
{
	static const uint8_t zeros[16];
	size_t n_value = of_field(id)->n_bytes * (has_mask ? 2u : 1u);

	of_oxm_put(out, id, zeros, has_mask ? zeros : NULL);
	if (!out->failed)
		out->len -= n_value;
}

enum which_fields {
	MATCHED,    /* with the mask bit where masks are allowed */
	WILDCARDED, /* may be left out: all */
	WRITABLE
};

static void put_fields(struct of_buf *out, unsigned type, enum which_fields which)
{
	size_t begin = property_begin(out, type);

	for (unsigned i = 0; i < OF_N_FIELDS; i++) {
		enum of_field_id id = (enum of_field_id)i;
		const struct of_field *field = of_field(id);

		if (which != WRITABLE || field->writable)
			put_field_header(out, id, which == MATCHED && field->maskable);
	}
	property_end(out, begin);
}

/* Those of flows, and with miss 1 those of the table-miss flow: their numbers are one higher. */
static void put_flow_properties(struct of_buf *out, uint8_t table, unsigned miss)
{
	uint32_t actions = of13_actions_supported();

	put_numbers(out, OFPTFPT13_INSTRUCTIONS + miss,
		instructions_supported(table + 1u >= OF_N_TABLES));
	put_next_tables(out, OFPTFPT13_NEXT_TABLES + miss, table);
	put_numbers(out, OFPTFPT13_WRITE_ACTIONS + miss, actions);
	put_fields(out, OFPTFPT13_WRITE_SETFIELD + miss, WRITABLE);
	put_numbers(out, OFPTFPT13_APPLY_ACTIONS + miss, actions);
	put_fields(out, OFPTFPT13_APPLY_SETFIELD + miss, WRITABLE);
}

void of13_put_table_features(struct of_multipart *mp, const struct of_table_info *table)
{
	struct of_buf *out = of13_entry(mp);

	of13_put_zeros(out, 2); /* length */
	of_buf_put_u8(out, table->table);
	of13_put_zeros(out, 5 + OFP_MAX_TABLE_NAME_LEN); /* no name */
	of_buf_put_u64(out, UINT64_MAX);                 /* metadata that is matched on */
	of_buf_put_u64(out, UINT64_MAX);                 /* metadata that is written */
	of13_put_zeros(out, 4);
	of_buf_put_u32(out, table->max_flows);
	put_flow_properties(out, table->table, 0);
	put_flow_properties(out, table->table, 1);
	put_fields(out, OFPTFPT13_MATCH, MATCHED);
	put_fields(out, OFPTFPT13_WILDCARDS, WILDCARDED);
	of13_entry_end_len(mp, 0);
}
