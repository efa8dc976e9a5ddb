/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Replies of one message each, hello, errors, and the pieces that other files write messages with.
 * Any thread.
 */
#include <string.h>

#include "of13_wire.h"

#define MOST_HEAD 16 /* bytes of an error in front of its data */

void of13_put_header(struct of_buf *out, uint8_t type, uint32_t xid, uint16_t len)
{
	of_buf_put_u8(out, OF13_VERSION);
	of_buf_put_u8(out, type);
	of_buf_put_u16(out, len);
	of_buf_put_u32(out, xid);
}

size_t of13_begin(struct of_buf *out, enum of13_type type, uint32_t xid)
{
	size_t begin = out->len;

	of13_put_header(out, (uint8_t)type, xid, 0);
	return begin;
}

void of13_end(struct of_buf *out, size_t begin)
{
	if (!out->failed)
		of_buf_set_u16(out, begin + 2, (uint16_t)(out->len - begin));
}

void of13_put_zeros(struct of_buf *out, size_t n)
{
	(void)of_buf_add(out, n);
}

void of13_put_duration(struct of_buf *out, uint64_t duration_ns)
{
	of_buf_put_u32(out, (uint32_t)(duration_ns / 1000000000u));
	of_buf_put_u32(out, (uint32_t)(duration_ns % 1000000000u));
}

void of13_put_text(struct of_buf *out, const char *text, size_t n)
{
	char *at = of_buf_add(out, n);

	if (at && text)
		memcpy(at, text, strnlen(text, n - 1));
}

/* OpenFlow 1.3.5, 7.5.1: the header says the highest version, the element all of them. */
void of13_put_hello(struct of_buf *out, uint32_t xid, uint32_t versions)
{
	size_t begin = of13_begin(out, OF13_HELLO, xid);

	of_buf_put_u16(out, OFPHET_VERSIONBITMAP);
	of_buf_put_u16(out, 8);
	of_buf_put_u32(out, versions);
	of13_end(out, begin);
}

/* OpenFlow 1.3.5, 7.4.4. Of HELLO_FAILED the data is a text. */
void of13_put_error(
	struct of_buf *out, uint32_t xid, const struct of_err *err, const uint8_t *data, size_t n)
{
	size_t begin = of13_begin(out, OF13_ERROR, xid), most = UINT16_MAX - MOST_HEAD;

	of_buf_put_u16(out, err->type);
	of_buf_put_u16(out, err->code);
	if (err->type == OF_ET_EXPERIMENTER)
		of_buf_put_u32(out, err->experimenter);
	of_buf_put(out, data, n < most ? n : most);
	of13_end(out, begin);
}

void of13_put_echo_request(struct of_buf *out, uint32_t xid)
{
	of13_put_header(out, OF13_ECHO_REQUEST, xid, OF_HEADER_LEN);
}

void of13_put_echo_reply(struct of_buf *out, uint32_t xid, const uint8_t *data, size_t n)
{
	size_t begin = of13_begin(out, OF13_ECHO_REPLY, xid);

	of_buf_put(out, data, n);
	of13_end(out, begin);
}

/* OpenFlow 1.3.5, 7.3.1 */
void of13_put_features(struct of_buf *out, uint32_t xid, const struct of_features *features)
{
	size_t begin = of13_begin(out, OF13_FEATURES_REPLY, xid);

	of_buf_put_u64(out, features->datapath_id);
	of_buf_put_u32(out, features->n_buffers);
	of_buf_put_u8(out, features->n_tables);
	of_buf_put_u8(out, features->auxiliary_id);
	of13_put_zeros(out, 2);
	of_buf_put_u32(out, features->capabilities);
	of13_put_zeros(out, 4);
	of13_end(out, begin);
}

void of13_put_config(struct of_buf *out, uint32_t xid, uint16_t flags, uint16_t miss_send_len)
{
	of13_put_header(out, OF13_GET_CONFIG_REPLY, xid, OF_HEADER_LEN + 4);
	of_buf_put_u16(out, flags);
	of_buf_put_u16(out, miss_send_len);
}

void of13_put_barrier(struct of_buf *out, uint32_t xid)
{
	of13_put_header(out, OF13_BARRIER_REPLY, xid, OF_HEADER_LEN);
}

void of13_put_role(struct of_buf *out, uint32_t xid, enum of_role role, uint64_t generation_id)
{
	of13_put_header(out, OF13_ROLE_REPLY, xid, OF_HEADER_LEN + 16);
	of_buf_put_u32(out, role);
	of13_put_zeros(out, 4);
	of_buf_put_u64(out, generation_id);
}

void of13_put_async(struct of_buf *out, uint32_t xid, const struct of_async *async)
{
	const uint32_t *const masks[] = { async->packet_in, async->port_status,
		async->flow_removed };

	of13_put_header(out, OF13_GET_ASYNC_REPLY, xid, OF_HEADER_LEN + 24);
	for (unsigned i = 0; i < 3; i++) {
		of_buf_put_u32(out, masks[i][0]);
		of_buf_put_u32(out, masks[i][1]);
	}
}

/* No queue is configured by OpenFlow's means. */
void of13_put_queue_config(struct of_buf *out, uint32_t xid, uint32_t port)
{
	of13_put_header(out, OF13_QUEUE_GET_CONFIG_REPLY, xid, OF_HEADER_LEN + 8);
	of_buf_put_u32(out, port);
	of13_put_zeros(out, 4);
}

/* OpenFlow 1.3.5, 7.2.1 */
void of13_put_port(struct of_buf *out, const struct of_port_info *port)
{
	const uint32_t rest[] = { port->config, port->state, port->curr, port->advertised,
		port->supported, port->peer, port->curr_speed_kbps, port->max_speed_kbps };

	of_buf_put_u32(out, port->no);
	of13_put_zeros(out, 4);
	of_buf_put(out, port->mac, 6);
	of13_put_zeros(out, 2);
	of13_put_text(out, port->name, OF_PORT_NAME_LEN);
	for (unsigned i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		of_buf_put_u32(out, rest[i]);
}
