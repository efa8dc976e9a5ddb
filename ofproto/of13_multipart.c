/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Multipart messages (OpenFlow 1.3.5, 7.3.5): which requests there are, and replies that are cut
 * into messages of at most 64 KiB, always between two entries. Any thread.
 */
#include <string.h>

#include "of13_wire.h"

static int decode_port(struct of13_in *in)
{
	in->ret->port = of13_u32(&in->body);
	return 0;
}

static int decode_queue(struct of13_in *in)
{
	in->ret->queue.port = of13_u32(&in->body);
	in->ret->queue.queue = of13_u32(&in->body);
	return 0;
}

static int decode_group(struct of13_in *in)
{
	in->ret->group = of13_u32(&in->body);
	return 0;
}

static int decode_meter(struct of13_in *in)
{
	in->ret->meter = of13_u32(&in->body);
	return 0;
}

static int decode_table_features(struct of13_in *in)
{
	in->ret->table_features.has_body = in->body.left > 0;
	return 0;
}

static const struct of13_row rows[] = {
	{ OF13_MP_DESC, 0, OF13_EXACTLY, OF_REQ_DESC, NULL },
	{ OF13_MP_FLOW, 32, OF13_WORDS, OF_REQ_FLOW_STATS, of13_decode_flow_filter },
	{ OF13_MP_AGGREGATE, 32, OF13_WORDS, OF_REQ_AGGREGATE, of13_decode_flow_filter },
	{ OF13_MP_TABLE, 0, OF13_EXACTLY, OF_REQ_TABLE_STATS, NULL },
	{ OF13_MP_PORT_STATS, 8, OF13_EXACTLY, OF_REQ_PORT_STATS, decode_port },
	{ OF13_MP_QUEUE, 8, OF13_EXACTLY, OF_REQ_QUEUE_STATS, decode_queue },
	{ OF13_MP_GROUP, 8, OF13_EXACTLY, OF_REQ_GROUP_STATS, decode_group },
	{ OF13_MP_GROUP_DESC, 0, OF13_EXACTLY, OF_REQ_GROUP_DESC, NULL },
	{ OF13_MP_GROUP_FEATURES, 0, OF13_EXACTLY, OF_REQ_GROUP_FEATURES, NULL },
	{ OF13_MP_METER, 8, OF13_EXACTLY, OF_REQ_METER_STATS, decode_meter },
	{ OF13_MP_METER_CONFIG, 8, OF13_EXACTLY, OF_REQ_METER_CONFIG, decode_meter },
	{ OF13_MP_METER_FEATURES, 0, OF13_EXACTLY, OF_REQ_METER_FEATURES, NULL },
	{ OF13_MP_TABLE_FEATURES, 0, OF13_WORDS, OF_REQ_TABLE_FEATURES, decode_table_features },
	{ OF13_MP_PORT_DESC, 0, OF13_EXACTLY, OF_REQ_PORT_DESC, NULL },
};

static const struct of13_row onf_rows[] = {
	{ OF13_ONF_MP_FLOW_MONITOR, 16, OF13_WORDS, OF_REQ_NX_FLOW_MONITOR,
		of13_decode_flow_monitor },
};

static int decode_experimenter(struct of13_in *in)
{
	uint32_t experimenter, subtype;

	if (in->body.left < 8)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
	experimenter = of13_u32(&in->body);
	subtype = of13_u32(&in->body);
	if (experimenter == NX_VENDOR_ID)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_EXP_TYPE);
	if (experimenter != ONF_VENDOR_ID)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_EXPERIMENTER);
	return of13_dispatch(
		onf_rows, sizeof(onf_rows) / sizeof(onf_rows[0]), subtype, OF_BR_BAD_EXP_TYPE, in);
}

int of13_decode_multipart(struct of13_in *in)
{
	uint16_t type = of13_u16(&in->body);
	uint16_t flags = of13_u16(&in->body);
	int r;

	of13_skip(&in->body, 4);
	if (type == OF13_MP_EXPERIMENTER)
		r = decode_experimenter(in);
	else
		r = of13_dispatch(
			rows, sizeof(rows) / sizeof(rows[0]), type, OF_BR_BAD_MULTIPART, in);
	/* Requests in more than one message: a change of tables alone may need it, and that is
	 * refused as such. */
	if (r == 0 && flags & OFPMPF13_REQ_MORE && in->ret->kind != OF_REQ_TABLE_FEATURES)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_MULTIPART_BUFFER_OVERFLOW);
	return r;
}

/* Replies have the numbers of their requests. */
static uint16_t type_of(enum of_request_kind kind)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].kind == kind)
			return (uint16_t)rows[i].number;
	return OF13_MP_EXPERIMENTER;
}

static size_t header_len(const struct of_multipart *mp)
{
	return mp->type == OF13_MP_EXPERIMENTER ? OF13_MP_HEADER_LEN + 8 : OF13_MP_HEADER_LEN;
}

static void put_message(struct of_multipart *mp)
{
	mp->begin = of13_begin(mp->out, OF13_MULTIPART_REPLY, mp->xid);
	of_buf_put_u16(mp->out, mp->type);
	of13_put_zeros(mp->out, 6); /* flags, padding */
	if (mp->type == OF13_MP_EXPERIMENTER) {
		of_buf_put_u32(mp->out, mp->experimenter);
		of_buf_put_u32(mp->out, mp->subtype);
	}
}

void of13_multipart_begin(
	struct of_multipart *mp, struct of_buf *out, uint32_t xid, enum of_request_kind of)
{
	*mp = (struct of_multipart){
		.version = &of13_version,
		.out = out,
		.xid = xid,
		.type = type_of(of),
		.experimenter = ONF_VENDOR_ID,
		.subtype = OF13_ONF_MP_FLOW_MONITOR,
	};
	put_message(mp);
}

void of13_multipart_end(struct of_multipart *mp)
{
	of13_end(mp->out, mp->begin);
}

struct of_buf *of13_entry(struct of_multipart *mp)
{
	mp->entry_begin = mp->out->len;
	return mp->out;
}

/* The message is full: end it before the entry, and begin another in front of it. */
static void split(struct of_multipart *mp, size_t n)
{
	struct of_buf *out = mp->out;
	size_t header = header_len(mp);

	if (!of_buf_add(out, header))
		return;
	memmove(out->data + mp->entry_begin + header, out->data + mp->entry_begin, n);
	out->len = mp->entry_begin;
	of13_end(out, mp->begin);
	of_buf_set_u16(out, mp->begin + 10, OFPSF_REPLY_MORE);
	put_message(mp);
	out->len += n;
}

void of13_entry_end(struct of_multipart *mp)
{
	size_t n = mp->out->len - mp->entry_begin;

	if (mp->out->failed)
		return;
	/* No request can set up so much (OF13_MAX_*), but then it is left out, not cut. */
	if (header_len(mp) + n > OF13_MAX_LEN)
		mp->out->len = mp->entry_begin;
	else if (mp->out->len - mp->begin > OF13_MAX_LEN)
		split(mp, n);
}

void of13_entry_end_len(struct of_multipart *mp, size_t at)
{
	size_t n = mp->out->len - mp->entry_begin;

	if (!mp->out->failed)
		of_buf_set_u16(mp->out, mp->entry_begin + at, (uint16_t)n);
	of13_entry_end(mp);
}
