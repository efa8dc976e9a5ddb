/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Is the other side still there? One that has been silent is asked; one that does not answer is
 * given up (OpenFlow 1.3.5, 6.3.2 and 7.5.2). Any message is an answer. Control thread.
 */
#include <errno.h>

#include "conn_private.h"

#define IDLE_NS    (5 * UINT64_C(1000000000))
#define TIMEOUT_NS (15 * UINT64_C(1000000000))

void conn_heard(struct of_conn *conn, uint64_t now_ns)
{
	conn->heard_ns = now_ns;
	conn->asked_ns = 0;
}

static bool is_over(uint64_t since_ns, uint64_t now_ns, uint64_t limit_ns)
{
	return since_ns != 0 && now_ns >= since_ns && now_ns - since_ns >= limit_ns;
}

static void ask(struct of_conn *conn, uint64_t now_ns)
{
	size_t before = conn_unsent(conn);

	conn->version->put_echo_request(&conn->out, 0);
	conn->asked_ns = now_ns;
	conn_woke(conn, before);
}

int of_conn_tick(struct of_conn *conn, uint64_t now_ns)
{
	conn_set_now(conn->conns, now_ns);
	if (conn->failed || conn->out.failed)
		return conn_fail(conn, -ENOMEM);
	if (conn->heard_ns == 0) /* the clock begins */
		conn->heard_ns = now_ns;
	if (!conn->version)
		return is_over(conn->heard_ns, now_ns, TIMEOUT_NS) ? -ETIMEDOUT : 0;
	conn_bundles_expire(conn);
	if (conn->is_service)
		return 0;
	if (is_over(conn->asked_ns, now_ns, TIMEOUT_NS))
		return -ETIMEDOUT;
	if (conn->asked_ns == 0 && is_over(conn->heard_ns, now_ns, IDLE_NS))
		ask(conn, now_ns);
	return 0;
}
