/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Multipart requests: descriptions, statistics and features (OpenFlow 1.3.5, 7.3.5). Flows go
 * through conn_dump.c, all else is written at once. Control thread.
 */
#include <errno.h>

#include "conn_private.h"

static void begin(struct of_conn *conn, const struct of_request *request, struct of_multipart *mp)
{
	conn->version->begin(mp, &conn->out, request->xid, (enum of_request_kind)request->kind);
}

int conn_desc(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	struct of_multipart mp;

	begin(conn, request, &mp);
	conn->version->put_desc(&mp, &conn->conns->conf.desc);
	conn->version->end(&mp);
	return 0;
}

static unsigned put_flow(struct of_conn *conn, struct of_multipart *mp, const struct of_flow *flow)
{
	struct of_flow_info info;

	of_switch_flow_info(conn->conns->sw, flow, conn->conns->now_ns, &info);
	conn->version->put_flow(mp, &info);
	return 1;
}

int conn_flow_stats(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	struct conn_dump dump = { .put = put_flow, .may_be_empty = true };

	dump.n = of_switch_flows(conn->conns->sw, &request->flows, &dump.flows, reterr_of);
	if (dump.n < 0)
		return dump.n;
	conn_dump_begin(conn, &dump, request->xid, OF_REQ_FLOW_STATS);
	return 0;
}

int conn_aggregate(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;
	uint64_t n_packets = 0, n_bytes = 0;
	struct of_multipart mp;
	struct of_flow **flows = NULL;
	int n = of_switch_flows(conns->sw, &request->flows, &flows, reterr_of);

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		struct of_counts counts;

		conns->provider->flow_counts(conns->provider_ctx, flows[i], &counts);
		n_packets += counts.n_packets;
		n_bytes += counts.n_bytes;
	}
	of_switch_flows_done(conns->sw, flows, n);
	begin(conn, request, &mp);
	conn->version->put_aggregate(&mp, n_packets, n_bytes, (uint32_t)n);
	conn->version->end(&mp);
	return 0;
}

static int put_tables(struct of_conn *conn, const struct of_request *request,
	void (*put)(struct of_multipart *mp, const struct of_table_info *table))
{
	struct of_multipart mp;

	begin(conn, request, &mp);
	for (unsigned i = 0; i < OF_N_TABLES; i++) {
		struct of_table_info info;

		of_switch_table_info(conn->conns->sw, (uint8_t)i, &info);
		put(&mp, &info);
	}
	conn->version->end(&mp);
	return 0;
}

int conn_table_stats(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	return put_tables(conn, request, conn->version->put_table_stats);
}

/* Tables are as they are (OpenFlow 1.3.5, 7.3.5.5). */
int conn_table_features(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	if (request->table_features.has_body && conn->role == OF_ROLE_SLAVE)
		return of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_IS_SLAVE);
	if (request->table_features.has_body)
		return of_err_set(reterr_of, OF_ET_TABLE_FEATURES_FAILED, OF_TF_EPERM);
	return put_tables(conn, request, conn->version->put_table_features);
}

/* Ports, groups and meters come by a callback. */
struct writing {
	const struct of_version *version;
	struct of_multipart mp;
};

static int put_port_stats(
	void *arg, const struct of_port_info *port, const struct of_port_stats *stats)
{
	struct writing *w = arg;

	w->version->put_port_stats(&w->mp, stats);
	return 0;
}

static int put_port_desc(
	void *arg, const struct of_port_info *port, const struct of_port_stats *stats)
{
	struct writing *w = arg;

	w->version->put_port_desc(&w->mp, port);
	return 0;
}

int conn_port_stats(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;
	struct writing w = { .version = conn->version };
	struct of_port_stats stats;
	struct of_port_info info;

	if (request->port != OF_PORT_ANY &&
		conns->provider->port(conns->provider_ctx, request->port, &info, &stats) < 0)
		return of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_BAD_PORT);
	begin(conn, request, &w.mp);
	if (request->port == OF_PORT_ANY)
		conns->provider->ports(conns->provider_ctx, put_port_stats, &w);
	else
		put_port_stats(&w, &info, &stats);
	conn->version->end(&w.mp);
	return 0;
}

int conn_port_desc(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;
	struct writing w = { .version = conn->version };

	begin(conn, request, &w.mp);
	conns->provider->ports(conns->provider_ctx, put_port_desc, &w);
	conn->version->end(&w.mp);
	return 0;
}

/* No port has a queue. */
int conn_queue_stats(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;
	struct of_port_info info;
	struct of_port_stats stats;
	struct of_multipart mp;

	if (request->queue.port != OF_PORT_ANY &&
		conns->provider->port(conns->provider_ctx, request->queue.port, &info, &stats) < 0)
		return of_err_set(reterr_of, OF_ET_QUEUE_OP_FAILED, OF_QO_BAD_PORT);
	if (request->queue.queue != OF_QUEUE_ALL)
		return of_err_set(reterr_of, OF_ET_QUEUE_OP_FAILED, OF_QO_BAD_QUEUE);
	begin(conn, request, &mp);
	conn->version->end(&mp);
	return 0;
}

/* Undo what was begun for a request that is refused after all. */
static int finish(struct of_conn *conn, struct writing *w, size_t begin_len, int r)
{
	if (r < 0)
		conn->out.len = begin_len;
	else
		conn->version->end(&w->mp);
	return r < 0 ? r : 0;
}

static int put_groups(struct of_conn *conn, const struct of_request *request,
	int (*put)(void *arg, const struct of_group_info *group), struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;
	struct writing w = { .version = conn->version };
	size_t before = conn->out.len;

	begin(conn, request, &w.mp);
	return finish(conn, &w, before,
		of_switch_groups(conns->sw, request->group, conns->now_ns, put, &w, reterr_of));
}

static int put_group_stats(void *arg, const struct of_group_info *group)
{
	struct writing *w = arg;

	w->version->put_group_stats(&w->mp, group);
	return 0;
}

static int put_group_desc(void *arg, const struct of_group_info *group)
{
	struct writing *w = arg;

	w->version->put_group_desc(&w->mp, group);
	return 0;
}

int conn_group_stats(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	return put_groups(conn, request, put_group_stats, reterr_of);
}

int conn_group_desc(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	request->group = OF_GROUP_ALL; /* the request has no body */
	return put_groups(conn, request, put_group_desc, reterr_of);
}

int conn_group_features(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	struct of_multipart mp;

	begin(conn, request, &mp);
	conn->version->put_group_features(&mp, of_switch_limits(conn->conns->sw)->max_groups);
	conn->version->end(&mp);
	return 0;
}

static int put_meters(struct of_conn *conn, const struct of_request *request,
	int (*put)(void *arg, const struct of_meter_info *meter), struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;
	struct writing w = { .version = conn->version };
	size_t before = conn->out.len;

	begin(conn, request, &w.mp);
	return finish(conn, &w, before,
		of_switch_meters(conns->sw, request->meter, conns->now_ns, put, &w, reterr_of));
}

static int put_meter_stats(void *arg, const struct of_meter_info *meter)
{
	struct writing *w = arg;

	w->version->put_meter_stats(&w->mp, meter);
	return 0;
}

static int put_meter_config(void *arg, const struct of_meter_info *meter)
{
	struct writing *w = arg;

	w->version->put_meter_config(&w->mp, meter);
	return 0;
}

int conn_meter_stats(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	return put_meters(conn, request, put_meter_stats, reterr_of);
}

int conn_meter_config(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	return put_meters(conn, request, put_meter_config, reterr_of);
}

int conn_meter_features(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	struct of_multipart mp;

	begin(conn, request, &mp);
	conn->version->put_meter_features(&mp, of_switch_limits(conn->conns->sw)->max_meters);
	conn->version->end(&mp);
	return 0;
}
