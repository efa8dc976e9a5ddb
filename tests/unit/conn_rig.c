/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A provider that records, and the other end of connections, for tests.
 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn_rig.h"

static int flow_add(void *ctx, struct of_flow *flow, struct of_err *reterr_of)
{
	struct rig *rig = ctx;

	flow->handle = rig;
	rig->n_flows++;
	rig->is_barrier_open = false;
	return 0;
}

static int flow_modify(void *ctx, struct of_flow *flow, const struct of_instructions *fresh,
	bool reset_counts, struct of_err *reterr_of)
{
	return 0;
}

static int group_set(void *ctx, struct of_group *group, struct of_err *reterr_of)
{
	group->handle = ctx;
	return 0;
}

static int group_new(void *ctx, struct of_group *group)
{
	return group_set(ctx, group, NULL);
}

static int group_stage(
	void *ctx, const struct of_group *group, void **ret_staged, struct of_err *reterr_of)
{
	return 0;
}

static int flow_stage(void *ctx, const struct of_flow *flow, bool reset_counts, void **ret_staged,
	struct of_err *reterr_of)
{
	return 0;
}

static void hold_or_release(void *ctx)
{
}

static int meter_set(void *ctx, struct of_meter *meter, struct of_err *reterr_of)
{
	return 0;
}

static void flow_del(void *ctx, struct of_flow *flow)
{
	struct rig *rig = ctx;

	rig->n_flows--;
}

static void group_del(void *ctx, struct of_group *group)
{
}

static void meter_del(void *ctx, struct of_meter *meter)
{
}

static void flow_counts(void *ctx, const struct of_flow *flow, struct of_counts *ret)
{
	*ret = (struct of_counts){ .n_packets = 2, .n_bytes = 128 };
}

static void flow_take_fin(
	void *ctx, const struct of_flow *flow, uint16_t *ret_idle_s, uint16_t *ret_hard_s)
{
	*ret_idle_s = *ret_hard_s = 0;
}

static void group_counts(
	void *ctx, const struct of_group *group, struct of_counts *ret, struct of_counts *buckets)
{
	*ret = (struct of_counts){ 0 };
	memset(buckets, 0, group->n_buckets * sizeof(*buckets));
}

static void meter_counts(
	void *ctx, const struct of_meter *meter, struct of_counts *ret, struct of_counts *bands)
{
	*ret = (struct of_counts){ 0 };
	memset(bands, 0, meter->n_bands * sizeof(*bands));
}

static void table_counts(void *ctx, uint8_t table, uint64_t *n_lookups, uint64_t *n_matches)
{
	*n_lookups = *n_matches = 0;
}

static int packet_check(void *ctx, const struct of_packet_out *out, struct of_err *reterr_of)
{
	return out->n_data < 14 ? of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_BAD_PACKET) : 0;
}

static int packet_out(void *ctx, const struct of_packet_out *out, struct of_err *reterr_of)
{
	struct rig *rig = ctx;

	rig->n_packet_outs++;
	rig->n_out_data = out->n_data;
	return rig->packet_out_r;
}

static void barrier(void *ctx)
{
	struct rig *rig = ctx;

	rig->n_barriers++;
	rig->is_barrier_open = true;
}

static int port(void *ctx, uint32_t no, struct of_port_info *info, struct of_port_stats *stats)
{
	if (no < 1 || no > 2)
		return -ENOENT;
	*info = (struct of_port_info){
		.no = no, .name = "port", .config = ((struct rig *)ctx)->port_config
	};
	*stats = (struct of_port_stats){ .no = no };
	return 0;
}

static int ports(void *ctx,
	int (*fn)(void *arg, const struct of_port_info *port, const struct of_port_stats *stats),
	void *arg)
{
	int r = 0;

	for (uint32_t no = 1; no <= 2 && r == 0; no++) {
		struct of_port_info info;
		struct of_port_stats stats;

		r = port(ctx, no, &info, &stats);
		if (r == 0)
			r = fn(arg, &info, &stats);
	}
	return r;
}

static int port_check(void *ctx, const struct of_port_mod *mod, struct of_err *reterr_of)
{
	return mod->port < 1 || mod->port > 2
		       ? of_err_set(reterr_of, OF_ET_PORT_MOD_FAILED, OF_PM_BAD_PORT)
		       : 0;
}

static int port_mod(void *ctx, const struct of_port_mod *mod, struct of_err *reterr_of)
{
	const struct of_port_info info = { .no = mod->port, .config = mod->config };
	struct rig *rig = ctx;

	if (mod->config == rig->refused_config)
		return of_err_set(reterr_of, OF_ET_PORT_MOD_FAILED, OF_PM_EPERM);
	rig->port_config = mod->config;
	rig->n_port_mods++;
	of_conns_port_status(rig->conns, &info, OF_PR_MODIFY);
	return 0;
}

static void set_fragments(void *ctx, unsigned handling)
{
	struct rig *rig = ctx;

	rig->fragments = handling;
}

static const struct of_provider provider = {
	.flow_add = flow_add,
	.flow_modify = flow_modify,
	.group_set = group_set,
	.meter_set = meter_set,
	.group_new = group_new,
	.group_stage = group_stage,
	.flow_stage = flow_stage,
	.hold = hold_or_release,
	.release = hold_or_release,
	.flow_del = flow_del,
	.group_del = group_del,
	.meter_del = meter_del,
	.flow_counts = flow_counts,
	.flow_take_fin = flow_take_fin,
	.group_counts = group_counts,
	.meter_counts = meter_counts,
	.table_counts = table_counts,
	.packet_check = packet_check,
	.packet_out = packet_out,
	.barrier = barrier,
	.ports = ports,
	.port = port,
	.port_check = port_check,
	.port_mod = port_mod,
	.set_fragments = set_fragments,
};

void rig_start(struct rig *rig, const struct of_conns_conf *conf)
{
	static const struct of_conns_conf usual = {
		.datapath_id = 0x0123456789abcdef,
		.desc = { "Shunt", "none", "test", "1", "br0" },
	};
	const struct of_switch_conf limits = {
		.max_flows = RIG_MAX_FLOWS,
		.max_groups = 100,
		.max_meters = 100,
		.max_port = RIG_MAX_PORT,
	};

	memset(rig, 0, sizeof(*rig));
	rig->refused_config = UINT32_MAX;
	rig->now_ns = 100 * RIG_S;
	assert_int_equal(of_switch_new(&limits, &provider, rig, &rig->sw), 0);
	assert_int_equal(of_conns_new(conf ? conf : &usual, rig->sw, &rig->conns), 0);
}

void rig_end(struct rig *rig)
{
	of_conns_free(rig->conns);
	of_switch_free(rig->sw);
	assert_int_equal(rig->n_flows, 0);
}

int rig_setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig_start(rig, NULL);
	*state = rig;
	return 0;
}

int rig_teardown(void **state)
{
	rig_end(*state);
	free(*state);
	return 0;
}

static void wake(void *ctx)
{
	struct peer *peer = ctx;

	peer->n_wakes++;
}

void peer_open(struct peer *peer, struct rig *rig, bool is_service)
{
	memset(peer, 0, sizeof(*peer));
	peer->rig = rig;
	assert_int_equal(of_conn_new(rig->conns, is_service, wake, peer, &peer->conn), 0);
}

void peer_connect(struct peer *peer, struct rig *rig, bool is_service)
{
	peer_open(peer, rig, is_service);
	assert_int_equal(peer_send(peer, T_HELLO, 1, NULL, 0), 0);
	peer_expect(peer, T_HELLO, 0);
	peer_expect_nothing(peer);
	assert_true(of_conn_is_up(peer->conn));
}

int peer_bytes(struct peer *peer, const uint8_t *bytes, size_t n, size_t *used)
{
	return of_conn_receive(peer->conn, bytes, n, peer->rig->now_ns, used);
}

int peer_send(struct peer *peer, unsigned type, uint32_t xid, const void *body, size_t n)
{
	struct of_buf msg = { 0 };
	size_t used;
	int r;

	of_buf_put_u8(&msg, OF13_VERSION);
	of_buf_put_u8(&msg, (uint8_t)type);
	of_buf_put_u16(&msg, (uint16_t)(OF_HEADER_LEN + n));
	of_buf_put_u32(&msg, xid);
	of_buf_put(&msg, body, n);
	r = peer_bytes(peer, msg.data, msg.len, &used);
	if (r == 0)
		assert_int_equal(used, msg.len);
	of_buf_done(&msg);
	return r;
}

int peer_send_buf(struct peer *peer, unsigned type, uint32_t xid, struct of_buf *body)
{
	int r = peer_send(peer, type, xid, body->data, body->len);

	of_buf_done(body);
	return r;
}

bool peer_read(struct peer *peer)
{
	size_t n;
	const uint8_t *out = of_conn_output(peer->conn, &n);

	if (n == 0)
		return false;
	/* What waits is whole messages, so that others may come between. */
	assert_true(n >= OF_HEADER_LEN);
	peer->n = of_get_u16(out + 2);
	assert_true(peer->n >= OF_HEADER_LEN && peer->n <= n);
	memcpy(peer->msg, out, peer->n);
	of_conn_sent(peer->conn, peer->n, peer->rig->now_ns);
	return true;
}

const uint8_t *peer_expect(struct peer *peer, unsigned type, uint32_t xid)
{
	assert_true(peer_read(peer));
	assert_int_equal(peer->msg[0], OF13_VERSION);
	assert_int_equal(peer->msg[1], type);
	assert_int_equal(of_get_u32(peer->msg + 4), xid);
	return peer->msg + OF_HEADER_LEN;
}

void peer_expect_error(struct peer *peer, uint32_t xid, unsigned type, unsigned code)
{
	const uint8_t *body = peer_expect(peer, T_ERROR, xid);

	assert_int_equal(of_get_u16(body), type);
	assert_int_equal(of_get_u16(body + 2), code);
}

void peer_expect_nothing(struct peer *peer)
{
	assert_false(peer_read(peer));
}

void peer_sync(struct peer *peer)
{
	assert_int_equal(peer_send(peer, T_BARRIER_REQUEST, 4711, NULL, 0), 0);
	peer_expect(peer, T_BARRIER_REPLY, 4711);
}

unsigned peer_read_all(struct peer *peer)
{
	unsigned n = 0;

	while (peer_read(peer))
		n++;
	return n;
}

static void put_zeros(struct of_buf *buf, size_t n)
{
	assert_non_null(of_buf_add(buf, n));
}

/* An ofp_match of everything. */
static void put_no_match(struct of_buf *buf)
{
	of_buf_put_u16(buf, 1);
	of_buf_put_u16(buf, 4);
	put_zeros(buf, 4);
}

/* Apply-actions with an output to port 1. */
static void put_output(struct of_buf *buf)
{
	of_buf_put_u16(buf, 4);
	of_buf_put_u16(buf, 24);
	put_zeros(buf, 4);
	of_buf_put_u16(buf, 0);
	of_buf_put_u16(buf, 16);
	of_buf_put_u32(buf, 1);
	of_buf_put_u16(buf, 0);
	put_zeros(buf, 6);
}

void peer_flow_mod(
	struct peer *peer, enum of_flow_command command, uint16_t priority, uint16_t flags)
{
	struct of_buf body = { 0 };

	put_zeros(&body, 16); /* cookie and mask */
	of_buf_put_u8(&body, 0);
	of_buf_put_u8(&body, (uint8_t)command);
	put_zeros(&body, 4); /* timeouts */
	of_buf_put_u16(&body, priority);
	of_buf_put_u32(&body, OF_NO_BUFFER);
	of_buf_put_u32(&body, OF_PORT_ANY);
	of_buf_put_u32(&body, OF_GROUP_ANY);
	of_buf_put_u16(&body, flags);
	put_zeros(&body, 2);
	put_no_match(&body);
	if (command == OF_FC_ADD)
		put_output(&body);
	assert_int_equal(peer_send_buf(peer, T_FLOW_MOD, 77, &body), 0);
}

void rig_add_flows(struct rig *rig, unsigned n)
{
	for (unsigned i = 1; i <= n; i++) {
		struct of_flow_mod mod = {
			.command = OF_FC_ADD,
			.priority = (uint16_t)i,
			.buffer_id = OF_NO_BUFFER,
			.out_port = OF_PORT_ANY,
			.out_group = OF_GROUP_ANY,
		};

		assert_int_equal(of_switch_flow_mod(rig->sw, &mod, rig->now_ns, NULL), 0);
	}
}

void peer_ask_flows(struct peer *peer, uint32_t xid, uint16_t multipart)
{
	struct of_buf body = { 0 };

	of_buf_put_u16(&body, multipart);
	put_zeros(&body, 6);
	of_buf_put_u8(&body, OF_TABLE_ALL);
	put_zeros(&body, 3);
	of_buf_put_u32(&body, OF_PORT_ANY);
	of_buf_put_u32(&body, OF_GROUP_ANY);
	put_zeros(&body, 4 + 16);
	put_no_match(&body);
	assert_int_equal(peer_send_buf(peer, T_MULTIPART_REQUEST, xid, &body), 0);
}
