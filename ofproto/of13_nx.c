/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages of experimenters: Nicira's and ONF's, as Open vSwitch speaks them within OpenFlow 1.3
 * (nicira-ext.h, openflow-1.3.h), flow monitors among them; bundles are in of13_bundle.c. Any
 * thread.
 */
#include "of13_wire.h"

/* Errors of Nicira's in OpenFlow 1.2 and later. */
#define NX_MUST_BE_ZERO      4
#define NX_FM_BAD_FLAGS      7
#define NX_FORMAT_STANDARD   0
#define NX_FORMAT_PACKET_IN2 2
#define MONITOR_WHEN         (ONFFMF_ADD | ONFFMF_DELETE | ONFFMF_MODIFY)
#define MONITOR_ALL          (MONITOR_WHEN | ONFFMF_INITIAL | ONFFMF_ACTIONS | ONFFMF_OWN)

/* Of Nicira's formats only packet-in2 is written. */
static int decode_packet_in_format(struct of13_in *in)
{
	uint32_t format = of13_u32(&in->body);

	in->ret->packet_in_format.format = format;
	if (format != NX_FORMAT_STANDARD && format != NX_FORMAT_PACKET_IN2)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_EPERM);
	return 0;
}

static int decode_controller_id(struct of13_in *in)
{
	uint16_t high = of13_u16(&in->body);
	uint32_t low = of13_u32(&in->body);

	if (high || low)
		return of13_refuse_nx(in, NX_MUST_BE_ZERO);
	in->ret->controller_id = of13_u16(&in->body);
	return 0;
}

static int decode_monitor_cancel(struct of13_in *in)
{
	in->ret->monitor_id = of13_u32(&in->body);
	return 0;
}

static const struct of13_row nx_rows[] = {
	{ OF13_NX_SET_PACKET_IN_FORMAT, 4, OF13_EXACTLY, OF_REQ_NX_SET_PACKET_IN_FORMAT,
		decode_packet_in_format },
	{ OF13_NX_SET_ASYNC_CONFIG, 24, OF13_EXACTLY, OF_REQ_SET_ASYNC, of13_decode_async },
	{ OF13_NX_SET_CONTROLLER_ID, 8, OF13_EXACTLY, OF_REQ_NX_SET_CONTROLLER_ID,
		decode_controller_id },
};

static const struct of13_row onf_rows[] = {
	{ ONFT_FLOW_MONITOR_CANCEL, 4, OF13_EXACTLY, OF_REQ_NX_FLOW_MONITOR_CANCEL,
		decode_monitor_cancel },
	{ OF13_ONF_BUNDLE_ADD, 8, OF13_BYTES, OF_REQ_BUNDLE_ADD, of13_decode_bundle_add },
	{ OF13_ONF_BUNDLE_CONTROL, 8, OF13_WORDS, OF_REQ_BUNDLE_CONTROL,
		of13_decode_bundle_control },
};

int of13_decode_experimenter(struct of13_in *in)
{
	uint32_t experimenter = of13_u32(&in->body);
	uint32_t type = of13_u32(&in->body);

	if (experimenter == NX_VENDOR_ID)
		return of13_dispatch(nx_rows, sizeof(nx_rows) / sizeof(nx_rows[0]), type,
			OF_BR_BAD_EXP_TYPE, in);
	if (experimenter == ONF_VENDOR_ID)
		return of13_dispatch(onf_rows, sizeof(onf_rows) / sizeof(onf_rows[0]), type,
			OF_BR_BAD_EXP_TYPE, in);
	return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_EXPERIMENTER);
}

static int check_monitor(struct of13_in *in)
{
	const struct of_flow_filter *flows = &in->ret->monitor.flows;

	if (flows->table >= OF_N_TABLES && flows->table != OF_TABLE_ALL)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_TABLE_ID);
	if (!of13_port_is_possible(in, flows->out_port))
		return of13_refuse(in, OF_ET_BAD_ACTION, OF_BA_BAD_OUT_PORT);
	return 0;
}

/* A message has one request here; more in one are BAD_LEN. */
int of13_decode_flow_monitor(struct of13_in *in)
{
	struct of_flow_filter *flows = &in->ret->monitor.flows;
	uint16_t flags;
	uint32_t zeros;
	int r;

	in->ret->monitor.id = of13_u32(&in->body);
	flags = in->ret->monitor.flags = of13_u16(&in->body);
	of13_skip(&in->body, 2); /* the match tells its own length */
	flows->out_port = of13_u32(&in->body);
	flows->out_group = OF_GROUP_ANY;
	flows->table = of13_u8(&in->body);
	zeros = of13_u16(&in->body);
	zeros |= of13_u8(&in->body);
	if (!(flags & MONITOR_WHEN) || flags & ~MONITOR_ALL)
		return of13_refuse_nx(in, NX_FM_BAD_FLAGS);
	if (zeros)
		return of13_refuse_nx(in, NX_MUST_BE_ZERO);
	r = check_monitor(in);
	if (r == 0)
		r = of_match_decode(&in->body, &flows->match, in->reterr_of);
	if (r == 0 && in->body.left > 0)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
	return r;
}

static void put_abbreviated(struct of_multipart *mp, uint32_t xid)
{
	struct of_buf *out = of13_entry(mp);

	of_buf_put_u16(out, 8);
	of_buf_put_u16(out, ONFFME_ABBREV);
	of_buf_put_u32(out, xid);
	of13_entry_end(mp);
}

void of13_put_flow_update(
	struct of_multipart *mp, unsigned event, unsigned reason, const struct of_flow_info *flow)
{
	struct of_buf *out;
	size_t match;

	if (event == ONFFME_ABBREV) {
		put_abbreviated(mp, reason);
		return;
	}
	out = of13_entry(mp);
	of13_put_zeros(out, 2); /* length */
	of_buf_put_u16(out, (uint16_t)event);
	of_buf_put_u16(out, (uint16_t)reason);
	of_buf_put_u16(out, flow->priority);
	of_buf_put_u16(out, flow->idle_timeout_s);
	of_buf_put_u16(out, flow->hard_timeout_s);
	of13_put_zeros(out, 2); /* the match's length, which it tells itself too */
	of_buf_put_u8(out, flow->table);
	of13_put_zeros(out, 1);
	of_buf_put_u64(out, flow->cookie);
	match = out->len;
	of_match_encode(&flow->match, out);
	if (!out->failed)
		of_buf_set_u16(out, mp->entry_begin + 12, of_get_u16(out->data + match + 2));
	if (flow->instructions)
		of_instructions_encode(flow->instructions, out);
	of13_entry_end_len(mp, 0);
}
