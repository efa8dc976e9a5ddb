/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages that the switch sends without being asked: packet-in, also as Nicira's packet-in2,
 * flow-removed and port-status (OpenFlow 1.3.5, 7.4; nicira-ext.h). Any thread.
 */
#include <string.h>

#include "of13_wire.h"

/* Fields that are told when they are not 0, beside the port. */
static const enum of_field_id metadata_fields[] = { OF_FIELD_METADATA, OF_FIELD_TUNNEL_ID,
	OF_FIELD_PKT_MARK };

static bool is_zero(const uint8_t *value, size_t n)
{
	while (n > 0 && value[n - 1] == 0)
		n--;
	return n == 0;
}

static void copy_field(
	const struct sh_flow_key *key, enum of_field_id id, bool always, struct of_match *match)
{
	const struct of_field *field = of_field(id);
	const uint8_t *value = (const uint8_t *)key + field->offset;

	if (always || !is_zero(value, field->n_bytes))
		of_match_set(match, id, value, NULL);
}

/* What the frame itself does not tell (OpenFlow 1.3.5, 7.4.1). */
static struct of_match metadata_of(const struct sh_flow_key *key)
{
	struct of_match match = { 0 };

	copy_field(key, OF_FIELD_IN_PORT, true, &match);
	if (memcmp(key->in_phy_port, key->in_port, sizeof(key->in_port)) != 0)
		copy_field(key, OF_FIELD_IN_PHY_PORT, false, &match);
	for (unsigned i = 0; i < sizeof(metadata_fields) / sizeof(metadata_fields[0]); i++)
		copy_field(key, metadata_fields[i], false, &match);
	for (unsigned i = 0; i < SH_N_REGS; i++)
		copy_field(key, (enum of_field_id)(OF_FIELD_REG0 + i), false, &match);
	return match;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

void of13_put_packet_in(
	struct of_buf *out, const struct of_packet_in *in, uint32_t buffer_id, uint16_t n_data)
{
	size_t begin = of13_begin(out, OF13_PACKET_IN, 0);
	struct of_match match = metadata_of(&in->key);
	size_t n = least(n_data, in->n_frame);

	of_buf_put_u32(out, buffer_id);
	of_buf_put_u16(out, (uint16_t)least(in->total_len, UINT16_MAX));
	of_buf_put_u8(out, in->reason);
	of_buf_put_u8(out, in->table);
	of_buf_put_u64(out, in->cookie);
	of_match_encode(&match, out);
	of13_put_zeros(out, 2);
	of_buf_put(out, in->frame, least(n, OF13_MAX_LEN - (out->len - begin)));
	of13_end(out, begin);
}

static size_t property_begin(struct of_buf *out, enum nx_packet_in2_prop_type type)
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

static void put_u8_property(struct of_buf *out, enum nx_packet_in2_prop_type type, uint8_t v)
{
	size_t begin = property_begin(out, type);

	of_buf_put_u8(out, v);
	property_end(out, begin);
}

static void put_u32_property(struct of_buf *out, enum nx_packet_in2_prop_type type, uint32_t v)
{
	size_t begin = property_begin(out, type);

	of_buf_put_u32(out, v);
	property_end(out, begin);
}

static void put_frame(struct of_buf *out, const struct of_packet_in *in, size_t n)
{
	size_t begin = property_begin(out, NXPINT_PACKET);

	of_buf_put(out, in->frame, n);
	property_end(out, begin);
	if (n < in->total_len)
		put_u32_property(out, NXPINT_FULL_LEN, (uint32_t)in->total_len);
}

static void put_cookie(struct of_buf *out, uint64_t cookie)
{
	size_t begin = property_begin(out, NXPINT_COOKIE);

	of13_put_zeros(out, 4);
	of_buf_put_u64(out, cookie);
	property_end(out, begin);
}

static void put_metadata(struct of_buf *out, const struct sh_flow_key *key)
{
	struct of_match match = metadata_of(key);
	size_t begin = property_begin(out, NXPINT_METADATA);

	of_oxm_encode(&match, out);
	property_end(out, begin);
}

/* Room in the message for what is not the frame. */
#define PACKET_IN2_REST 512

void of13_put_nx_packet_in2(
	struct of_buf *out, const struct of_packet_in *in, uint32_t buffer_id, uint16_t n_data)
{
	size_t begin = of13_begin(out, OF13_EXPERIMENTER, 0);
	size_t n = least(n_data, in->n_frame);

	of_buf_put_u32(out, NX_VENDOR_ID);
	of_buf_put_u32(out, OF13_NX_PACKET_IN2);
	put_frame(out, in, least(n, OF13_MAX_LEN - PACKET_IN2_REST));
	if (buffer_id != OF_NO_BUFFER)
		put_u32_property(out, NXPINT_BUFFER_ID, buffer_id);
	put_u8_property(out, NXPINT_TABLE_ID, in->table);
	if (in->cookie != UINT64_MAX)
		put_cookie(out, in->cookie);
	put_u8_property(out, NXPINT_REASON, in->reason);
	put_metadata(out, &in->key);
	of13_end(out, begin);
}

void of13_put_flow_removed(
	struct of_buf *out, const struct of_flow_info *flow, enum of_removed_reason reason)
{
	size_t begin = of13_begin(out, OF13_FLOW_REMOVED, 0);

	of_buf_put_u64(out, flow->cookie);
	of_buf_put_u16(out, flow->priority);
	of_buf_put_u8(out, (uint8_t)reason);
	of_buf_put_u8(out, flow->table);
	of13_put_duration(out, flow->duration_ns);
	of_buf_put_u16(out, flow->idle_timeout_s);
	of_buf_put_u16(out, flow->hard_timeout_s);
	of_buf_put_u64(out, flow->n_packets);
	of_buf_put_u64(out, flow->n_bytes);
	of_match_encode(&flow->match, out);
	of13_end(out, begin);
}

void of13_put_port_status(
	struct of_buf *out, const struct of_port_info *port, enum of_port_reason reason)
{
	size_t begin = of13_begin(out, OF13_PORT_STATUS, 0);

	of_buf_put_u8(out, (uint8_t)reason);
	of13_put_zeros(out, 7);
	of13_put_port(out, port);
	of13_end(out, begin);
}
