/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Roles of controllers: at most one is master, and a generation id keeps late messages of an
 * election from counting (OpenFlow 1.3.5, 6.3.6 and 7.3.9). Control thread.
 */
#include <errno.h>

#include "conn_private.h"

/* A distance of two's complement, so that ids may wrap around. */
static bool is_stale(const struct of_conns *conns, uint64_t id)
{
	return conns->has_generation_id && (int64_t)(id - conns->generation_id) < 0;
}

static void take_role(struct of_conn *conn, enum of_role role)
{
	if (role == OF_ROLE_MASTER)
		for (struct of_conn *other = conn->conns->first; other; other = other->next)
			if (other->role == OF_ROLE_MASTER)
				other->role = OF_ROLE_SLAVE;
	conn->role = role;
}

static int set_role(struct of_conn *conn, const struct of_request *request, struct of_err *reterr)
{
	struct of_conns *conns = conn->conns;
	uint32_t role = request->role.role;

	if (role > OF_ROLE_SLAVE)
		return of_err_set(reterr, OF_ET_ROLE_REQUEST_FAILED, OF_RR_BAD_ROLE);
	if (role == OF_ROLE_NOCHANGE)
		return 0;
	if (role != OF_ROLE_EQUAL) {
		if (is_stale(conns, request->role.generation_id))
			return of_err_set(reterr, OF_ET_ROLE_REQUEST_FAILED, OF_RR_STALE);
		conns->generation_id = request->role.generation_id;
		conns->has_generation_id = true;
	}
	take_role(conn, (enum of_role)role);
	return 0;
}

int conn_role(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;
	int r = set_role(conn, request, reterr_of);

	if (r < 0)
		return r;
	conn->version->put_role(&conn->out, request->xid, conn->role,
		conns->has_generation_id ? conns->generation_id : UINT64_MAX);
	return 0;
}
