/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Asynchronous messages: who gets which packet-in, flow-removed and port-status, and how many
 * (OpenFlow 1.3.5, 6.3.5, 7.3.10 and 7.4). One that there is no room for is dropped and counted.
 * Control thread.
 */
#include <errno.h>

#include "conn_private.h"

#define ALL_PACKET_IN    0x7u
#define ALL_PORT_STATUS  0x7u
#define ALL_FLOW_REMOVED 0xfu

#define DEFAULT_MISS_SEND_LEN 128
#define MAX_PACKET_IN_BYTES   (UINT16_MAX - 1024) /* leaves room for headers and match */

#define PACKET_IN_STANDARD 0 /* NXPIF_* */
#define PACKET_IN_NX2      2

#define NS_PER_S UINT64_C(1000000000)

/* OpenFlow 1.3.5, 6.3.6: a slave hears of ports alone. Invalid TTLs must be asked for. */
void conn_async_init(struct of_conn *conn)
{
	conn->async = (struct of_async){
		.packet_in = { 1u << OF_PI_NO_MATCH | 1u << OF_PI_ACTION, 0 },
		.port_status = { ALL_PORT_STATUS, ALL_PORT_STATUS },
		.flow_removed = { ALL_FLOW_REMOVED, 0 },
	};
	conn->miss_send_len = conn->is_service ? 0 : DEFAULT_MISS_SEND_LEN;
}

int conn_get_async(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	conn->version->put_async(&conn->out, request->xid, &conn->async);
	return 0;
}

/* A service that says what it wants wants something: as if it had set miss_send_len. */
int conn_set_async(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	for (unsigned i = 0; i < 2; i++) {
		conn->async.packet_in[i] = request->async.packet_in[i] & ALL_PACKET_IN;
		conn->async.port_status[i] = request->async.port_status[i] & ALL_PORT_STATUS;
		conn->async.flow_removed[i] = request->async.flow_removed[i] & ALL_FLOW_REMOVED;
	}
	if (conn->is_service && conn->miss_send_len == 0)
		conn->miss_send_len = DEFAULT_MISS_SEND_LEN;
	return 0;
}

int conn_set_packet_in_format(
	struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	uint32_t format = request->packet_in_format.format;

	if (format != PACKET_IN_STANDARD && format != PACKET_IN_NX2)
		return of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_EPERM);
	conn->packet_in_format = format;
	return 0;
}

int conn_set_controller_id(
	struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	conn->controller_id = request->controller_id;
	return 0;
}

/* shape: masks[2], of struct of_async */
static bool wants(const struct of_conn *conn, const uint32_t *masks, unsigned reason)
{
	if (!of_conn_is_up(conn) || (conn->is_service && conn->miss_send_len == 0))
		return false;
	return reason < 32 && masks[conn->role == OF_ROLE_SLAVE] >> reason & 1;
}

static bool has_room(struct of_conn *conn, unsigned n_limits)
{
	if (conn_may_send_async(conn, n_limits))
		return true;
	conn->counts.n_async_dropped++;
	return false;
}

/* The bucket fills by the time that passes, and a packet costs the time that the rate gives it. */
static bool is_within_rate(struct of_conn *conn, uint64_t now_ns)
{
	const struct of_conns_conf *conf = &conn->conns->conf;
	struct conn_bucket *bucket = &conn->bucket;
	uint64_t cost, full;

	if (conf->packet_in_rate == 0)
		return true;
	cost = NS_PER_S / conf->packet_in_rate;
	full = conf->packet_in_burst ? cost * conf->packet_in_burst : NS_PER_S;
	if (bucket->filled_ns == 0 || now_ns - bucket->filled_ns >= full - bucket->credit_ns)
		bucket->credit_ns = full;
	else
		bucket->credit_ns += now_ns - bucket->filled_ns;
	bucket->filled_ns = now_ns;
	if (bucket->credit_ns < cost)
		return false;
	bucket->credit_ns -= cost;
	return true;
}

/* No frame is kept here, so all of it goes out, whatever max_len says (OpenFlow 1.3.5, 7.4.1). */
static void send_packet_in(struct of_conn *conn, const struct of_packet_in *in)
{
	const struct of_version *version = conn->version;
	size_t before = conn_unsent(conn);
	uint16_t n =
		(uint16_t)(in->n_frame < MAX_PACKET_IN_BYTES ? in->n_frame : MAX_PACKET_IN_BYTES);

	if (conn->packet_in_format == PACKET_IN_NX2)
		version->put_nx_packet_in2(&conn->out, in, OF_NO_BUFFER, n);
	else
		version->put_packet_in(&conn->out, in, OF_NO_BUFFER, n);
	conn->counts.n_packet_ins++;
	conn_woke(conn, before);
}

void of_conns_packet_in(struct of_conns *conns, const struct of_packet_in *in, uint64_t now_ns)
{
	conn_set_now(conns, now_ns);
	for (struct of_conn *conn = conns->first; conn; conn = conn->next) {
		if (conn->controller_id != in->controller_id ||
			!wants(conn, conn->async.packet_in, in->reason))
			continue;
		if (!has_room(conn, 1))
			continue;
		if (is_within_rate(conn, conns->now_ns))
			send_packet_in(conn, in);
		else
			conn->counts.n_limited++;
	}
}

/* Before 1.5 a controller is not told what it did itself by a port-mod. */
void of_conns_port_status(
	struct of_conns *conns, const struct of_port_info *port, enum of_port_reason reason)
{
	for (struct of_conn *conn = conns->first; conn; conn = conn->next) {
		size_t before = conn_unsent(conn);

		if (conn == conns->source || !wants(conn, conn->async.port_status, reason) ||
			!has_room(conn, 2))
			continue;
		conn->version->put_port_status(&conn->out, port, reason);
		conn_woke(conn, before);
	}
}

void conn_flow_removed(void *ctx, const struct of_flow_info *flow, enum of_removed_reason reason)
{
	struct of_conns *conns = ctx;

	for (struct of_conn *conn = conns->first; conn; conn = conn->next) {
		size_t before = conn_unsent(conn);

		if (!wants(conn, conn->async.flow_removed, reason) || !has_room(conn, 2))
			continue;
		conn->version->put_flow_removed(&conn->out, flow, reason);
		conn_woke(conn, before);
	}
}
