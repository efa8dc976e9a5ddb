/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Replies about many flows: the flows are pinned when the request comes, and written a slice at a
 * time as the other side reads, so that a million flows cost an output buffer of bounded size and
 * asynchronous messages still get through between two parts. Control thread.
 */
#include <errno.h>
#include <string.h>

#include "conn_private.h"

/* Parts that are whole go to the output; the one that is open stays, at the begin of the buffer. */
static void move_whole(struct of_conn *conn, size_t n)
{
	struct conn_dump *dump = &conn->dump;

	if (n == 0)
		return;
	of_buf_put(&conn->out, dump->buf.data, n);
	dump->buf.len -= n;
	memmove(dump->buf.data, dump->buf.data + n, dump->buf.len);
	dump->mp.begin = 0;
	dump->mp.entry_begin = 0; /* of no entry, between two */
}

void conn_dump_drop(struct of_conn *conn)
{
	struct conn_dump *dump = &conn->dump;

	if (!dump->is_on)
		return;
	of_switch_flows_done(conn->conns->sw, dump->flows, dump->n);
	of_buf_done(&dump->buf);
	*dump = (struct conn_dump){ .is_on = false };
}

static void end(struct of_conn *conn)
{
	struct conn_dump *dump = &conn->dump;
	void (*ended)(struct of_conn *) = dump->ended;

	if (dump->n_put > 0 || dump->may_be_empty) {
		conn->version->end(&dump->mp);
		move_whole(conn, dump->buf.len);
	}
	if (dump->buf.failed)
		conn->out.failed = true;
	conn_dump_drop(conn);
	if (ended)
		ended(conn);
}

static bool has_room(const struct of_conn *conn)
{
	size_t n = conn_unsent(conn);

	return n == 0 || n < conn->conns->conf.max_out_bytes / 2;
}

void conn_dump_go_on(struct of_conn *conn)
{
	struct conn_dump *dump = &conn->dump;

	while (dump->is_on && has_room(conn)) {
		if (dump->at == dump->n || dump->buf.failed || conn->out.failed) {
			end(conn);
			return;
		}
		dump->n_put += dump->put(conn, &dump->mp, dump->flows[dump->at++]);
		if (dump->mp.begin > 0)
			move_whole(conn, dump->mp.begin);
	}
}

void conn_dump_begin(
	struct of_conn *conn, const struct conn_dump *dump, uint32_t xid, enum of_request_kind of)
{
	conn->dump = *dump;
	conn->dump.is_on = true;
	conn->version->begin(&conn->dump.mp, &conn->dump.buf, xid, of);
	conn_dump_go_on(conn);
}
