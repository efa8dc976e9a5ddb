/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One message of a connection that is up: read, judged by the connection's role, carried out by
 * one function a kind (conn_config.c, conn_multipart.c, conn_role.c and so on; what changes the
 * switch is here), answered. Control thread.
 */
#include <errno.h>
#include <string.h>

#include "conn_private.h"

static int nothing(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	return 0;
}

static int echo(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	conn->version->put_echo_reply(
		&conn->out, request->xid, request->echo.data, request->echo.n);
	return 0;
}

static int barrier(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;

	conns->provider->barrier(conns->provider_ctx);
	conn->version->put_barrier(&conn->out, request->xid);
	return 0;
}

static bool deletes(const struct of_flow_mod *mod)
{
	return mod->command == OF_FC_DELETE || mod->command == OF_FC_DELETE_STRICT;
}

static int flow_mod(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	struct of_conns *conns = conn->conns;
	struct of_flow_mod *mod = &request->flow_mod;

	/* Nothing is buffered, so no buffer is known. */
	if (mod->buffer_id != OF_NO_BUFFER && !deletes(mod))
		return of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_BUFFER_UNKNOWN);
	return of_switch_flow_mod(conns->sw, mod, conns->now_ns, reterr_of);
}

static int group_mod(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	struct of_conns *conns = conn->conns;

	return of_switch_group_mod(conns->sw, &request->group_mod, conns->now_ns, reterr_of);
}

static int meter_mod(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	struct of_conns *conns = conn->conns;

	return of_switch_meter_mod(conns->sw, &request->meter_mod, conns->now_ns, reterr_of);
}

/* OpenFlow 1.3.5, 7.3.7: a packet comes from a port, or from the controller. */
static bool may_come_from(const struct of_conn *conn, uint32_t port)
{
	if (port >= 1 && port <= of_switch_limits(conn->conns->sw)->max_port)
		return true;
	return port == OF_PORT_CONTROLLER || port == OF_PORT_LOCAL || port == OF_PORT_ANY;
}

/* Nothing to be sent to nobody: some ask so whether they may ask at all. */
static bool is_nothing(const struct of_packet_out *out)
{
	return out->n_data == 0 && out->actions.n == 0;
}

static int check_packet_out(
	const struct of_conn *conn, const struct of_packet_out *out, struct of_err *reterr_of)
{
	if (out->buffer_id != OF_NO_BUFFER)
		return of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_BUFFER_UNKNOWN);
	if (is_nothing(out))
		return 0;
	if (!may_come_from(conn, out->in_port))
		return of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_BAD_PORT);
	if (out->n_data == 0)
		return of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_BAD_PACKET);
	return 0;
}

int conn_packet_out_check(
	struct of_conn *conn, const struct of_packet_out *out, struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;
	int r = check_packet_out(conn, out, reterr_of);

	if (r < 0 || is_nothing(out))
		return r;
	return conns->provider->packet_check(conns->provider_ctx, out, reterr_of);
}

static int packet_out(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;
	const struct of_packet_out *out = &request->packet_out;
	int r = check_packet_out(conn, out, reterr_of);

	if (r < 0 || is_nothing(out))
		return r;
	r = conns->provider->packet_out(conns->provider_ctx, out, reterr_of);
	if (r != -EAGAIN)
		return r;
	/* As a full queue anywhere on its way: there is no error for it. */
	conn->counts.n_out_dropped++;
	return 0;
}

/* One row a kind. no_room: what a failure is that was not given an OpenFlow error. */
struct row {
	conn_handler *handle;
	bool writes; /* not for slaves (OpenFlow 1.3.5, 6.3.6) */
	struct of_err no_room;
};

/* clang-format off */
static const struct row rows[OF_N_REQUESTS] = {
	[OF_REQ_HELLO] = { .handle = nothing },
	[OF_REQ_ERROR] = { .handle = nothing },
	[OF_REQ_ECHO] = { .handle = echo },
	[OF_REQ_ECHO_REPLY] = { .handle = nothing },
	[OF_REQ_FEATURES] = { .handle = conn_features },
	[OF_REQ_GET_CONFIG] = { .handle = conn_get_config },
	[OF_REQ_SET_CONFIG] = { .handle = conn_set_config },
	[OF_REQ_PACKET_OUT] = { .handle = packet_out, .writes = true },
	[OF_REQ_FLOW_MOD] = { .handle = flow_mod, .writes = true,
		.no_room = { OF_ET_FLOW_MOD_FAILED, OF_FM_TABLE_FULL, 0 } },
	[OF_REQ_GROUP_MOD] = { .handle = group_mod, .writes = true,
		.no_room = { OF_ET_GROUP_MOD_FAILED, OF_GM_OUT_OF_GROUPS, 0 } },
	[OF_REQ_PORT_MOD] = { .handle = conn_port_mod, .writes = true,
		.no_room = { OF_ET_PORT_MOD_FAILED, OF_PM_EPERM, 0 } },
	[OF_REQ_TABLE_MOD] = { .handle = conn_table_mod, .writes = true },
	[OF_REQ_METER_MOD] = { .handle = meter_mod, .writes = true,
		.no_room = { OF_ET_METER_MOD_FAILED, OF_MM_OUT_OF_METERS, 0 } },
	[OF_REQ_BARRIER] = { .handle = barrier },
	[OF_REQ_QUEUE_GET_CONFIG] = { .handle = conn_queue_get_config },
	[OF_REQ_ROLE] = { .handle = conn_role },
	[OF_REQ_GET_ASYNC] = { .handle = conn_get_async },
	[OF_REQ_SET_ASYNC] = { .handle = conn_set_async },
	[OF_REQ_DESC] = { .handle = conn_desc },
	[OF_REQ_FLOW_STATS] = { .handle = conn_flow_stats },
	[OF_REQ_AGGREGATE] = { .handle = conn_aggregate },
	[OF_REQ_TABLE_STATS] = { .handle = conn_table_stats },
	[OF_REQ_PORT_STATS] = { .handle = conn_port_stats },
	[OF_REQ_QUEUE_STATS] = { .handle = conn_queue_stats },
	[OF_REQ_GROUP_STATS] = { .handle = conn_group_stats },
	[OF_REQ_GROUP_DESC] = { .handle = conn_group_desc },
	[OF_REQ_GROUP_FEATURES] = { .handle = conn_group_features },
	[OF_REQ_METER_STATS] = { .handle = conn_meter_stats },
	[OF_REQ_METER_CONFIG] = { .handle = conn_meter_config },
	[OF_REQ_METER_FEATURES] = { .handle = conn_meter_features },
	[OF_REQ_TABLE_FEATURES] = { .handle = conn_table_features },
	[OF_REQ_PORT_DESC] = { .handle = conn_port_desc },
	[OF_REQ_NX_SET_PACKET_IN_FORMAT] = { .handle = conn_set_packet_in_format },
	[OF_REQ_NX_SET_CONTROLLER_ID] = { .handle = conn_set_controller_id },
	[OF_REQ_NX_FLOW_MONITOR] = { .handle = conn_monitor_add },
	[OF_REQ_NX_FLOW_MONITOR_CANCEL] = { .handle = conn_monitor_cancel },
	[OF_REQ_BUNDLE_CONTROL] = { .handle = conn_bundle_control, .writes = true,
		.no_room = { OF_ET_EXPERIMENTER, OF_ERR_BUNDLE + OF_BF_UNKNOWN, OF_ERR_ONF } },
	[OF_REQ_BUNDLE_ADD] = { .handle = conn_bundle_add, .writes = true,
		.no_room = { OF_ET_EXPERIMENTER, OF_ERR_BUNDLE + OF_BF_MSG_TOO_MANY, OF_ERR_ONF } },
};
/* clang-format on */

/* A message that could not be read may be of no kind. */
static bool writes(const struct of_request *request)
{
	return request->kind < OF_N_REQUESTS && rows[request->kind].writes;
}

void conn_put_error(struct of_conn *conn, const struct of_err *err, const uint8_t *msg, size_t n)
{
	conn_version(conn)->put_error(&conn->out, of_get_u32(msg + 4), err, msg, n);
	conn->counts.n_errors++;
}

int conn_do(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	const struct row *row = &rows[request->kind];
	int r = row->handle(conn, request, reterr_of);

	if (r < 0 && r != -EINVAL && row->no_room.type != 0) {
		*reterr_of = row->no_room;
		r = -EINVAL;
	}
	return r;
}

/* Carry out; what it changes is known to be of this request. */
static int carry_out(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	struct of_conns *conns = conn->conns;
	int r;

	conns->source = conn;
	conns->source_xid = request->xid;
	conns->source_kind = request->kind;
	r = conn_do(conn, request, reterr_of);
	conns->source = NULL;
	conn_monitors_flush(conns);
	return r;
}

int conn_decode(struct of_conn *conn, const uint8_t *msg, size_t n, struct of_request *ret,
	struct of_err *reterr_of)
{
	const struct of_action_limits limits = {
		.max_port = of_switch_limits(conn->conns->sw)->max_port,
	};

	if (msg[0] != conn->version->wire)
		return of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_BAD_VERSION);
	return conn->version->decode(msg, n, &limits, ret, reterr_of);
}

int conn_request(struct of_conn *conn, const uint8_t *msg, size_t n)
{
	struct of_request request = { .kind = OF_REQ_HELLO };
	struct of_err err = { 0, 0, 0 };
	int r;

	/* Whatever the version: errors are not answered, and a second hello says nothing. */
	if (msg[1] == OF_TYPE_HELLO || msg[1] == OF_TYPE_ERROR)
		return 0;
	conn->counts.n_requests++;
	r = conn_decode(conn, msg, n, &request, &err);
	if (conn->role == OF_ROLE_SLAVE && writes(&request)) {
		if (r == 0)
			of_request_done(&request);
		r = of_err_set(&err, OF_ET_BAD_REQUEST, OF_BR_IS_SLAVE);
	} else if (r == 0) {
		r = carry_out(conn, &request, &err);
		of_request_done(&request);
	}
	if (r == -EINVAL) {
		conn_put_error(conn, &err, msg, n);
		r = 0;
	}
	return r < 0 ? r : 0;
}
