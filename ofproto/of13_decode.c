/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One message off the wire becomes a request: header, length, and the small messages; those with a
 * subject of their own are read in its file. Any thread.
 */
#include <errno.h>
#include <string.h>

#include "of13_wire.h"

static bool length_fits(const struct of13_row *row, size_t n)
{
	switch (row->length) {
	case OF13_EXACTLY:
		return n == row->n_bytes;
	case OF13_WORDS:
		return n >= row->n_bytes && (n - row->n_bytes) % 8 == 0;
	default:
		return n >= row->n_bytes;
	}
}

int of13_dispatch(const struct of13_row *rows, unsigned n_rows, uint32_t number,
	enum of_bad_request unknown, struct of13_in *in)
{
	const struct of13_row *row = rows, *end = rows + n_rows;

	while (row < end && row->number != number)
		row++;
	if (row == end)
		return of13_refuse(in, OF_ET_BAD_REQUEST, unknown);
	in->ret->kind = row->kind;
	if (!length_fits(row, in->body.left))
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
	return row->decode ? row->decode(in) : 0;
}

int of13_refuse_nx(struct of13_in *in, uint16_t code)
{
	int r = of13_refuse(in, OF_ET_EXPERIMENTER, code);

	if (in->reterr_of)
		in->reterr_of->experimenter = NX_VENDOR_ID;
	return r;
}

int of13_refuse_bundle(struct of13_in *in, enum of_bundle_failed code)
{
	return of_err_set_bundle(in->reterr_of, code);
}

/* The first 32 versions of a bit map element; what else is in it is for others. */
static void hello_element(const uint8_t *element, size_t n, uint32_t *versions)
{
	uint32_t map;

	if (of_get_u16(element) != OFPHET_VERSIONBITMAP || n < 8)
		return;
	map = of_get_u32(element + 4) & ~UINT32_C(1);
	if (map)
		*versions = map;
}

/* OpenFlow 1.3.5, 7.5.1: elements that are unknown or broken are ignored. */
static int decode_hello(struct of13_in *in)
{
	uint8_t highest = in->ret->version < 31 ? in->ret->version : 31;
	uint32_t versions = (uint32_t)(UINT64_C(2) << highest) - 2;

	while (in->body.left >= 4) {
		size_t n = of_get_u16(in->body.at + 2);
		size_t padded = (n + 7) / 8 * 8;
		const uint8_t *element = n < 4 ? NULL : of_take(&in->body, padded);

		if (!element)
			break;
		hello_element(element, n, &versions);
	}
	in->ret->hello.versions = versions;
	return 0;
}

static int decode_echo(struct of13_in *in)
{
	in->ret->echo.n = in->body.left;
	in->ret->echo.data = of_take(&in->body, in->body.left);
	return 0;
}

static int decode_set_config(struct of13_in *in)
{
	in->ret->config.flags = of13_u16(&in->body);
	in->ret->config.miss_send_len = of13_u16(&in->body);
	if (in->ret->config.flags & ~OFPC_FRAG_MASK)
		return of13_refuse(in, OF_ET_SWITCH_CONFIG_FAILED, OF_SC_BAD_FLAGS);
	return 0;
}

/* OpenFlow 1.3.5, 7.3.4.3 */
static int decode_port_mod(struct of13_in *in)
{
	struct of_port_mod *mod = &in->ret->port_mod;

	mod->port = of13_u32(&in->body);
	of13_skip(&in->body, 4);
	memcpy(mod->mac, of_take(&in->body, 6), 6);
	of13_skip(&in->body, 2);
	mod->config = of13_u32(&in->body);
	mod->mask = of13_u32(&in->body);
	mod->advertise = of13_u32(&in->body);
	mod->config &= mod->mask;
	return 0;
}

/* OpenFlow 1.3.5, 7.3.3 */
static int decode_table_mod(struct of13_in *in)
{
	in->ret->table_mod.table = of13_u8(&in->body);
	of13_skip(&in->body, 3);
	in->ret->table_mod.config = of13_u32(&in->body);
	if (in->ret->table_mod.table >= OF_N_TABLES && in->ret->table_mod.table != OF_TABLE_ALL)
		return of13_refuse(in, OF_ET_TABLE_MOD_FAILED, OF_TM_BAD_TABLE);
	if (in->ret->table_mod.config & ~(uint32_t)OFPTC13_DEPRECATED_MASK)
		return of13_refuse(in, OF_ET_TABLE_MOD_FAILED, OF_TM_BAD_CONFIG);
	return 0;
}

static int decode_queue_get_config(struct of13_in *in)
{
	in->ret->queue.port = of13_u32(&in->body);
	in->ret->queue.queue = OF_QUEUE_ALL;
	return 0;
}

static int decode_role(struct of13_in *in)
{
	in->ret->role.role = of13_u32(&in->body);
	of13_skip(&in->body, 4);
	in->ret->role.generation_id = of13_u64(&in->body);
	if (in->ret->role.role > OF_ROLE_SLAVE)
		return of13_refuse(in, OF_ET_ROLE_REQUEST_FAILED, OF_RR_BAD_ROLE);
	return 0;
}

int of13_decode_async(struct of13_in *in)
{
	struct of_async *async = &in->ret->async;
	uint32_t *const masks[] = { async->packet_in, async->port_status, async->flow_removed };

	for (unsigned i = 0; i < 3; i++) {
		masks[i][0] = of13_u32(&in->body);
		masks[i][1] = of13_u32(&in->body);
	}
	return 0;
}

/* Everything that a switch is sent; what it sends itself is BAD_TYPE. */
static const struct of13_row rows[] = {
	{ OF13_FLOW_MOD, 40, OF13_WORDS, OF_REQ_FLOW_MOD, of13_decode_flow_mod },
	{ OF13_PACKET_OUT, 16, OF13_BYTES, OF_REQ_PACKET_OUT, of13_decode_packet_out },
	{ OF13_HELLO, 0, OF13_BYTES, OF_REQ_HELLO, decode_hello },
	{ OF13_ERROR, 4, OF13_BYTES, OF_REQ_ERROR, decode_echo },
	{ OF13_ECHO_REQUEST, 0, OF13_BYTES, OF_REQ_ECHO, decode_echo },
	{ OF13_ECHO_REPLY, 0, OF13_BYTES, OF_REQ_ECHO_REPLY, decode_echo },
	{ OF13_EXPERIMENTER, 8, OF13_BYTES, OF_N_REQUESTS, of13_decode_experimenter },
	{ OF13_FEATURES_REQUEST, 0, OF13_EXACTLY, OF_REQ_FEATURES, NULL },
	{ OF13_GET_CONFIG_REQUEST, 0, OF13_EXACTLY, OF_REQ_GET_CONFIG, NULL },
	{ OF13_SET_CONFIG, 4, OF13_EXACTLY, OF_REQ_SET_CONFIG, decode_set_config },
	{ OF13_GROUP_MOD, 8, OF13_WORDS, OF_REQ_GROUP_MOD, of13_decode_group_mod },
	{ OF13_PORT_MOD, 32, OF13_EXACTLY, OF_REQ_PORT_MOD, decode_port_mod },
	{ OF13_TABLE_MOD, 8, OF13_EXACTLY, OF_REQ_TABLE_MOD, decode_table_mod },
	{ OF13_MULTIPART_REQUEST, 8, OF13_BYTES, OF_N_REQUESTS, of13_decode_multipart },
	{ OF13_BARRIER_REQUEST, 0, OF13_EXACTLY, OF_REQ_BARRIER, NULL },
	{ OF13_QUEUE_GET_CONFIG_REQUEST, 8, OF13_EXACTLY, OF_REQ_QUEUE_GET_CONFIG,
		decode_queue_get_config },
	{ OF13_ROLE_REQUEST, 16, OF13_EXACTLY, OF_REQ_ROLE, decode_role },
	{ OF13_GET_ASYNC_REQUEST, 0, OF13_EXACTLY, OF_REQ_GET_ASYNC, NULL },
	{ OF13_SET_ASYNC, 24, OF13_EXACTLY, OF_REQ_SET_ASYNC, of13_decode_async },
	{ OF13_METER_MOD, 8, OF13_WORDS, OF_REQ_METER_MOD, of13_decode_meter_mod },
};

/* Messages that must be understood before both sides know which version they speak, and after. */
static bool is_of_every_version(uint8_t type)
{
	return type <= OF13_ECHO_REPLY;
}

static int decode_message(struct of13_in *in)
{
	const uint8_t *header = of_take(&in->body, OF_HEADER_LEN);
	uint8_t type;

	if (!header)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
	in->ret->version = header[0];
	type = header[1];
	in->ret->xid = of_get_u32(header + 4);
	if (of_get_u16(header + 2) != OF_HEADER_LEN + in->body.left)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
	if (in->ret->version != OF13_VERSION && !is_of_every_version(type))
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_VERSION);
	return of13_dispatch(rows, sizeof(rows) / sizeof(rows[0]), type, OF_BR_BAD_TYPE, in);
}

int of13_decode(const uint8_t *msg, size_t n, const struct of_action_limits *limits,
	struct of_request *ret, struct of_err *reterr_of)
{
	struct of13_in in = {
		.body = { .at = msg, .left = n },
		.limits = limits,
		.ret = ret,
		.reterr_of = reterr_of,
	};
	int r;

	*ret = (struct of_request){ .kind = OF_N_REQUESTS };
	r = decode_message(&in);
	if (r < 0)
		of_request_done(ret);
	return r;
}
