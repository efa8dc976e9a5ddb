/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages of bundles (ONF's extension 230) from a peer of a test of connections.
 */
#pragma once

#include "conn_rig.h"

#define BUNDLE_ONF     0x4f4e4600u
#define BUNDLE_CONTROL 2300
#define BUNDLE_ADD     2301
#define BUNDLE_BOTH    3 /* atomic and ordered */

static inline void bundle_put_head(
	struct of_buf *body, uint32_t what, uint32_t id, unsigned type, unsigned flags)
{
	of_buf_put_u32(body, BUNDLE_ONF);
	of_buf_put_u32(body, what);
	of_buf_put_u32(body, id);
	of_buf_put_u16(body, (uint16_t)type);
	of_buf_put_u16(body, (uint16_t)flags);
}

static inline void bundle_control(
	struct peer *peer, uint32_t xid, uint32_t id, unsigned type, unsigned flags)
{
	struct of_buf body = { 0 };

	bundle_put_head(&body, BUNDLE_CONTROL, id, type, flags);
	assert_int_equal(peer_send_buf(peer, T_EXPERIMENTER, xid, &body), 0);
}

/* A message in a message; n: what its header says */
static inline void bundle_add(
	struct peer *peer, uint32_t id, unsigned flags, const struct of_buf *inner)
{
	struct of_buf body = { 0 };

	bundle_put_head(&body, BUNDLE_ADD, id, 0, flags);
	of_buf_put(&body, inner->data, inner->len);
	assert_int_equal(peer_send_buf(peer, T_EXPERIMENTER, 7, &body), 0);
}

static inline void bundle_put_header(struct of_buf *msg, unsigned type, size_t n)
{
	of_buf_put_u8(msg, 4);
	of_buf_put_u8(msg, (uint8_t)type);
	of_buf_put_u16(msg, (uint16_t)n);
	of_buf_put_u32(msg, 7);
}

static inline void bundle_put_flow_mod(
	struct of_buf *msg, unsigned command, unsigned priority, unsigned flags)
{
	bundle_put_header(msg, T_FLOW_MOD, 56);
	of_buf_put_u64(msg, 0);
	of_buf_put_u64(msg, 0);
	of_buf_put_u8(msg, 0);
	of_buf_put_u8(msg, (uint8_t)command);
	of_buf_put_u32(msg, 0);
	of_buf_put_u16(msg, (uint16_t)priority);
	of_buf_put_u32(msg, OF_NO_BUFFER);
	of_buf_put_u32(msg, OF_PORT_ANY);
	of_buf_put_u32(msg, OF_GROUP_ANY);
	of_buf_put_u16(msg, (uint16_t)flags);
	of_buf_put_u16(msg, 0);
	of_buf_put_u16(msg, 1); /* an empty match */
	of_buf_put_u16(msg, 4);
	of_buf_put_u32(msg, 0);
}

static inline void bundle_add_flow(
	struct peer *peer, uint32_t id, unsigned flags, unsigned priority)
{
	struct of_buf msg = { 0 };

	bundle_put_flow_mod(&msg, OF_FC_ADD, priority, 0);
	bundle_add(peer, id, flags, &msg);
	of_buf_done(&msg);
}

static inline void bundle_add_port_mod(
	struct peer *peer, uint32_t id, uint32_t port, uint32_t config)
{
	struct of_buf msg = { 0 };

	bundle_put_header(&msg, T_PORT_MOD, 40);
	of_buf_put_u32(&msg, port);
	assert_non_null(of_buf_add(&msg, 12));
	of_buf_put_u32(&msg, config);
	of_buf_put_u32(&msg, 0x65);
	of_buf_put_u64(&msg, 0);
	bundle_add(peer, id, BUNDLE_BOTH, &msg);
	of_buf_done(&msg);
}

static inline void bundle_add_packet_out(struct peer *peer, uint32_t id, size_t n_data)
{
	struct of_buf msg = { 0 };

	bundle_put_header(&msg, T_PACKET_OUT, 32 + n_data);
	of_buf_put_u32(&msg, OF_NO_BUFFER);
	of_buf_put_u32(&msg, OF_PORT_CONTROLLER);
	of_buf_put_u16(&msg, 8);
	assert_non_null(of_buf_add(&msg, 6));
	of_buf_put_u64(&msg, UINT64_C(0x12) << 48 | UINT64_C(8) << 32); /* pop_vlan */
	assert_non_null(of_buf_add(&msg, n_data));
	bundle_add(peer, id, BUNDLE_BOTH, &msg);
	of_buf_done(&msg);
}

/* An indirect group that outputs to port 1, or without a bucket its deletion. */
static inline void bundle_add_group(
	struct peer *peer, uint32_t id, enum of_group_command command, uint32_t number)
{
	size_t n_buckets = command == OF_GC_DELETE ? 0 : 1;
	struct of_buf msg = { 0 };

	bundle_put_header(&msg, T_GROUP_MOD, 16 + n_buckets * 32);
	of_buf_put_u16(&msg, (uint16_t)command);
	of_buf_put_u16(&msg, OF_GT_INDIRECT << 8);
	of_buf_put_u32(&msg, number);
	if (n_buckets > 0) {
		of_buf_put_u32(&msg, 32u << 16);
		of_buf_put_u32(&msg, OF_PORT_ANY);
		of_buf_put_u32(&msg, OF_GROUP_ANY);
		of_buf_put_u32(&msg, 0);
		of_buf_put_u64(&msg, UINT64_C(16) << 32 | 1); /* output */
		of_buf_put_u64(&msg, 0);
	}
	bundle_add(peer, id, BUNDLE_BOTH, &msg);
	of_buf_done(&msg);
}
