/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Connections: their life, and bytes in and out. Cuts the stream into messages, of which
 * conn_hello.c takes the first and conn_request.c the others, and keeps what is to be sent until
 * it is. Control thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn_private.h"

#define DEFAULT_MAX_OUT (1u << 20)
#define KEPT_ROOM       (64u << 10) /* bytes that an empty buffer may keep */

int of_conns_new(const struct of_conns_conf *conf, struct of_switch *sw, struct of_conns **ret)
{
	struct of_conns *conns = calloc(1, sizeof(*conns));
	struct of_switch_events events = {
		.flow_removed = conn_flow_removed,
		.flow_changed = conn_flow_changed,
		.step = conn_bundle_step,
		.ctx = conns,
	};

	if (!conns)
		return -ENOMEM;
	conns->conf = *conf;
	if (conns->conf.max_out_bytes == 0)
		conns->conf.max_out_bytes = DEFAULT_MAX_OUT;
	conns->sw = sw;
	conns->provider = of_switch_provider(sw, &conns->provider_ctx);
	of_switch_set_events(sw, &events);
	*ret = conns;
	return 0;
}

void of_conns_free(struct of_conns *conns)
{
	static const struct of_switch_events nobody;

	if (!conns)
		return;
	while (conns->first)
		of_conn_free(conns->first);
	of_switch_set_events(conns->sw, &nobody);
	free(conns);
}

void of_conns_set_rate(struct of_conns *conns, uint32_t packet_in_rate, uint32_t packet_in_burst)
{
	conns->conf.packet_in_rate = packet_in_rate;
	conns->conf.packet_in_burst = packet_in_burst;
}

void of_conns_set_datapath_id(struct of_conns *conns, uint64_t datapath_id)
{
	conns->conf.datapath_id = datapath_id;
}

static void link_conn(struct of_conn *conn)
{
	struct of_conns *conns = conn->conns;

	conn->next = conns->first;
	if (conn->next)
		conn->next->prev = conn;
	conns->first = conn;
	conns->n++;
}

static void unlink_conn(struct of_conn *conn)
{
	struct of_conns *conns = conn->conns;

	if (conn->prev)
		conn->prev->next = conn->next;
	else
		conns->first = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	conns->n--;
}

int of_conn_new(struct of_conns *conns, bool is_service, void (*wake)(void *ctx), void *ctx,
	struct of_conn **ret)
{
	struct of_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return -ENOMEM;
	conn->conns = conns;
	conn->is_service = is_service;
	conn->wake = wake;
	conn->wake_ctx = ctx;
	conn->role = OF_ROLE_EQUAL;
	conn_async_init(conn);
	link_conn(conn);
	conn_hello_send(conn);
	if (conn->out.failed) {
		of_conn_free(conn);
		return -ENOMEM;
	}
	*ret = conn;
	return 0;
}

void of_conn_free(struct of_conn *conn)
{
	if (!conn)
		return;
	conn_dump_drop(conn);
	conn_monitors_done(conn);
	conn_bundles_done(conn);
	unlink_conn(conn);
	of_buf_done(&conn->in);
	of_buf_done(&conn->out);
	free(conn);
}

void conn_set_now(struct of_conns *conns, uint64_t now_ns)
{
	if (now_ns > conns->now_ns)
		conns->now_ns = now_ns;
}

int conn_fail(struct of_conn *conn, int r)
{
	if (!conn->failed)
		conn->failed = r;
	return conn->failed;
}

size_t conn_unsent(const struct of_conn *conn)
{
	return conn->out.len - conn->n_sent;
}

bool conn_is_full(const struct of_conn *conn)
{
	return conn->dump.is_on || conn_unsent(conn) >= conn->conns->conf.max_out_bytes;
}

bool conn_may_send_async(const struct of_conn *conn, unsigned n_limits)
{
	uint64_t limit = (uint64_t)conn->conns->conf.max_out_bytes * n_limits;

	return conn_unsent(conn) < limit;
}

void conn_woke(struct of_conn *conn, size_t unsent_before)
{
	if (conn->wake && !conn->is_receiving && unsent_before == 0 && conn_unsent(conn) > 0)
		conn->wake(conn->wake_ctx);
}

/* A buffer that was large once need not stay so. */
void conn_buf_empty(struct of_buf *buf)
{
	bool failed = buf->failed;

	buf->len = 0;
	if (buf->room > KEPT_ROOM) {
		of_buf_done(buf);
		*buf = (struct of_buf){ .failed = failed };
	}
}

static int take_message(struct of_conn *conn, const uint8_t *msg, size_t n)
{
	return conn->version ? conn_request(conn, msg, n) : conn_hello_take(conn, msg, n);
}

/* The length that a header names; where the next message begins cannot be known when it is less
 * than a header's. */
static int message_len(struct of_conn *conn, const uint8_t header[OF_HEADER_LEN], size_t *ret)
{
	size_t len = of_get_u16(header + 2);
	struct of_err err;

	if (len < OF_HEADER_LEN) {
		of_err_set(&err, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
		conn_put_error(conn, &err, header, OF_HEADER_LEN);
		return -EPROTO;
	}
	*ret = len;
	return 0;
}

/* Into the buffer, up to `until` bytes of the message there. return: how many were taken */
static size_t gather(struct of_conn *conn, const uint8_t *bytes, size_t n, size_t until)
{
	size_t want = until > conn->in.len ? until - conn->in.len : 0;

	if (want > n)
		want = n;
	of_buf_put(&conn->in, bytes, want);
	return want;
}

/* A message that comes in pieces. */
static int take_piece(struct of_conn *conn, const uint8_t *bytes, size_t n, size_t *used)
{
	size_t len, taken = gather(conn, bytes, n, OF_HEADER_LEN);
	int r;

	*used += taken;
	if (conn->in.failed)
		return -ENOMEM;
	if (conn->in.len < OF_HEADER_LEN)
		return 0;
	r = message_len(conn, conn->in.data, &len);
	if (r < 0)
		return r;
	*used += gather(conn, bytes + taken, n - taken, len);
	if (conn->in.failed)
		return -ENOMEM;
	if (conn->in.len < len)
		return 0;
	r = take_message(conn, conn->in.data, len);
	conn_buf_empty(&conn->in);
	return r;
}

/* A message that lies there whole is read where it lies. */
static int take(struct of_conn *conn, const uint8_t *bytes, size_t n, size_t *used)
{
	size_t len;
	int r;

	if (conn->in.len > 0 || n < OF_HEADER_LEN)
		return take_piece(conn, bytes, n, used);
	r = message_len(conn, bytes, &len);
	if (r < 0)
		return r;
	if (n < len)
		return take_piece(conn, bytes, n, used);
	*used += len;
	return take_message(conn, bytes, len);
}

int of_conn_receive(
	struct of_conn *conn, const uint8_t *bytes, size_t n, uint64_t now_ns, size_t *used)
{
	int r = conn->failed;

	*used = 0;
	conn_set_now(conn->conns, now_ns);
	if (n > 0)
		conn_heard(conn, now_ns);
	conn->is_receiving = true;
	while (r == 0 && *used < n && !conn_is_full(conn))
		r = take(conn, bytes + *used, n - *used, used);
	conn->is_receiving = false;
	if (r == 0 && conn->out.failed)
		r = -ENOMEM;
	return r < 0 ? conn_fail(conn, r) : 0;
}

const uint8_t *of_conn_output(struct of_conn *conn, size_t *n)
{
	*n = conn_unsent(conn);
	return *n ? conn->out.data + conn->n_sent : NULL;
}

/* Give back the room of what is sent; moves at most as many bytes as were sent since the last
 * move. */
static void drop_sent(struct of_conn *conn)
{
	size_t left = conn_unsent(conn);

	if (left == 0) {
		conn_buf_empty(&conn->out);
		conn->n_sent = 0;
	} else if (conn->n_sent >= KEPT_ROOM && conn->n_sent >= left) {
		memmove(conn->out.data, conn->out.data + conn->n_sent, left);
		conn->out.len = left;
		conn->n_sent = 0;
	}
}

void of_conn_sent(struct of_conn *conn, size_t n, uint64_t now_ns)
{
	assert(n <= conn_unsent(conn));
	conn_set_now(conn->conns, now_ns);
	/* Its own bytes may wait, so that it reads is all the life it can show. */
	if (n > 0 && conn_is_full(conn))
		conn_heard(conn, now_ns);
	conn->n_sent += n;
	drop_sent(conn);
	if (conn->failed)
		return;
	conn->is_receiving = true;
	conn_dump_go_on(conn);
	conn_monitors_go_on(conn);
	conn->is_receiving = false;
}

bool of_conn_is_up(const struct of_conn *conn)
{
	return conn->version && !conn->failed;
}

enum of_role of_conn_role(const struct of_conn *conn)
{
	return conn->role;
}

void of_conn_counts(const struct of_conn *conn, struct of_conn_counts *ret)
{
	*ret = conn->counts;
}

bool of_conns_controlled(const struct of_conns *conns)
{
	for (const struct of_conn *conn = conns->first; conn; conn = conn->next)
		if (!conn->is_service && of_conn_is_up(conn))
			return true;
	return false;
}

unsigned of_conns_n(const struct of_conns *conns)
{
	return conns->n;
}
