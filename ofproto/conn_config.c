/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests about the switch as such: features, configuration, ports, tables, queues (OpenFlow
 * 1.3.5, 7.3.1 to 7.3.4). Control thread.
 */
#include <errno.h>

#include "conn_private.h"

#define CAPABILITY_FLOW_STATS  0x1
#define CAPABILITY_TABLE_STATS 0x2
#define CAPABILITY_PORT_STATS  0x4
#define CAPABILITY_GROUP_STATS 0x8

#define FRAGMENTS_NORMAL 0
#define FRAGMENTS_DROP   1

#define TABLE_CONFIG_DEPRECATED 0x3u

int conn_features(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	const struct of_features features = {
		.datapath_id = conn->conns->conf.datapath_id,
		.n_tables = OF_N_TABLES,
		.capabilities = CAPABILITY_FLOW_STATS | CAPABILITY_TABLE_STATS |
				CAPABILITY_PORT_STATS | CAPABILITY_GROUP_STATS,
	};

	conn->version->put_features(&conn->out, request->xid, &features);
	return 0;
}

int conn_get_config(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	conn->version->put_config(
		&conn->out, request->xid, conn->conns->fragments, conn->miss_send_len);
	return 0;
}

static void set_fragments(struct of_conns *conns, uint16_t handling)
{
	if (conns->fragments == handling)
		return;
	conns->fragments = handling;
	conns->provider->set_fragments(conns->provider_ctx, handling);
}

/* miss_send_len is the connection's own, so a slave may set it too; fragments are the switch's. */
int conn_set_config(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	uint16_t flags = request->config.flags;

	if (flags != FRAGMENTS_NORMAL && flags != FRAGMENTS_DROP)
		return of_err_set(reterr_of, OF_ET_SWITCH_CONFIG_FAILED, OF_SC_BAD_FLAGS);
	if (conn->role != OF_ROLE_SLAVE)
		set_fragments(conn->conns, flags);
	conn->miss_send_len = request->config.miss_send_len;
	return 0;
}

int conn_port_mod(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;

	return conns->provider->port_mod(conns->provider_ctx, &request->port_mod, reterr_of);
}

/* OpenFlow 1.3.5, 7.3.3: there is nothing left to configure. */
int conn_table_mod(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	if (request->table_mod.table >= OF_N_TABLES && request->table_mod.table != OF_TABLE_ALL)
		return of_err_set(reterr_of, OF_ET_TABLE_MOD_FAILED, OF_TM_BAD_TABLE);
	if (request->table_mod.config & ~TABLE_CONFIG_DEPRECATED)
		return of_err_set(reterr_of, OF_ET_TABLE_MOD_FAILED, OF_TM_BAD_CONFIG);
	return 0;
}

/* No port has a queue. */
int conn_queue_get_config(
	struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;
	struct of_port_info info;
	struct of_port_stats stats;

	if (request->port != OF_PORT_ANY &&
		conns->provider->port(conns->provider_ctx, request->port, &info, &stats) < 0)
		return of_err_set(reterr_of, OF_ET_QUEUE_OP_FAILED, OF_QO_BAD_PORT);
	conn->version->put_queue_config(&conn->out, request->xid, request->port);
	return 0;
}
