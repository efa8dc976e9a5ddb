/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bundles in OpenFlow 1.3: ONF's extension 230, which is OpenFlow 1.4's (7.3.9) in experimenter
 * messages, with the structures of openflow-1.4.h. Any thread.
 */
#include <openflow/openflow-1.4.h>

#include "of13_wire.h"

static void decode_head(struct of13_in *in)
{
	in->ret->bundle.id = of13_u32(&in->body);
	in->ret->bundle.type = of13_u16(&in->body);
	in->ret->bundle.flags = of13_u16(&in->body);
	in->ret->bundle.msg = in->body.at - OF13_BUNDLE_INNER_AT;
	in->ret->bundle.n = OF13_BUNDLE_INNER_AT + in->body.left;
}

/* Properties would follow; there are none but experimenters'. */
int of13_decode_bundle_control(struct of13_in *in)
{
	decode_head(in);
	if (in->ret->bundle.type > OFPBCT_DISCARD_REQUEST || in->ret->bundle.type % 2)
		return of13_refuse_bundle(in, OF_BF_BAD_TYPE);
	return 0;
}

static bool may_be_added(uint8_t type)
{
	return type == OF13_FLOW_MOD || type == OF13_GROUP_MOD || type == OF13_PORT_MOD ||
	       type == OF13_PACKET_OUT;
}

int of13_decode_bundle_add(struct of13_in *in)
{
	const uint8_t *inner;
	size_t n;

	decode_head(in);
	inner = in->body.at;
	if (in->body.left < OF_HEADER_LEN)
		return of13_refuse_bundle(in, OF_BF_MSG_BAD_LEN);
	n = of_get_u16(inner + 2);
	if (n < OF_HEADER_LEN || n > in->body.left)
		return of13_refuse_bundle(in, OF_BF_MSG_BAD_LEN);
	if (of_get_u32(inner + 4) != in->ret->xid)
		return of13_refuse_bundle(in, OF_BF_MSG_BAD_XID);
	if (inner[0] != OF13_VERSION || !may_be_added(inner[1]))
		return of13_refuse_bundle(in, OF_BF_MSG_UNSUP);
	in->ret->bundle.n = OF13_BUNDLE_INNER_AT + n;
	return 0;
}

enum of_request_kind of13_bundle_kind(const uint8_t *msg)
{
	static const uint8_t kinds[] = {
		[OF13_FLOW_MOD] = OF_REQ_FLOW_MOD,
		[OF13_GROUP_MOD] = OF_REQ_GROUP_MOD,
		[OF13_PORT_MOD] = OF_REQ_PORT_MOD,
		[OF13_PACKET_OUT] = OF_REQ_PACKET_OUT,
	};

	return kinds[msg[OF13_BUNDLE_INNER_AT + 1]];
}

void of13_put_bundle(struct of_buf *out, uint32_t xid, uint32_t id, enum of_bundle_type type)
{
	size_t begin = of13_begin(out, OF13_EXPERIMENTER, xid);

	of_buf_put_u32(out, ONF_VENDOR_ID);
	of_buf_put_u32(out, OF13_ONF_BUNDLE_CONTROL);
	of_buf_put_u32(out, id);
	of_buf_put_u16(out, (uint16_t)(type + 1));
	of13_put_zeros(out, 2);
	of13_end(out, begin);
}
