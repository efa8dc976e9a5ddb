/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Flow monitors (Nicira's and ONF's extension 187): a controller names flows, is told which there
 * are, and from then on what becomes of them. One that reads too slowly is told that it is paused,
 * and gets what it missed, as far as it still holds, when it has read all (conn_dump.c). So what
 * waits for it is bounded: flows added and modified while it is behind are not told, and there is a
 * limit to those that are removed. Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "conn_private.h"

#define MAX_MONITORS 256 /* of a connection */

#define FLAG_INITIAL 0x01 /* NXFMF_* */
#define FLAG_ADD     0x02
#define FLAG_DELETE  0x04
#define FLAG_MODIFY  0x08
#define FLAG_ACTIONS 0x10
#define FLAG_OWN     0x20
#define FLAG_ALL     0x3f

enum event {
	EVENT_ADDED, /* NXFME_* */
	EVENT_DELETED,
	EVENT_MODIFIED,
	EVENT_ABBREV
};

#define NX_EXPERIMENTER      0x2320u
#define NX_ERROR_EXISTS      6
#define NX_ERROR_BAD_FLAGS   7
#define NX_ERROR_UNKNOWN     8
#define ONF_EXPERIMENTER     0x4f4e4600u
#define ONF_TYPE_PAUSED      1871
#define ONF_TYPE_RESUMED     1872
#define EXPERIMENTER_MSG_LEN 16
#define NS_PER_S             UINT64_C(1000000000)

static int nx_error(struct of_err *reterr_of, uint16_t code)
{
	*reterr_of = (struct of_err){ OF_ET_EXPERIMENTER, code, NX_EXPERIMENTER };
	return -EINVAL;
}

static struct conn_monitor **find(struct conn_monitors *m, uint32_t id)
{
	struct conn_monitor **at = &m->first;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void remove_at(struct of_conn *conn, struct conn_monitor **at)
{
	struct conn_monitor *monitor = *at;

	*at = monitor->next;
	free(monitor);
	conn->monitors.n--;
	conn->conns->n_monitors--;
}

void conn_monitors_done(struct of_conn *conn)
{
	while (conn->monitors.first)
		remove_at(conn, &conn->monitors.first);
	of_buf_done(&conn->monitors.held);
}

int conn_monitor_cancel(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	struct conn_monitor **at = find(&conn->monitors, request->monitor_id);

	if (!*at)
		return nx_error(reterr_of, NX_ERROR_UNKNOWN);
	remove_at(conn, at);
	return 0;
}

static bool outputs(const struct of_actions *actions, uint32_t port, uint32_t group)
{
	for (unsigned i = 0; i < actions->n; i++) {
		const struct of_action *a = &actions->list[i];

		if (a->type == OF_ACTION_OUTPUT && a->output.port == port)
			return true;
		if (a->type == OF_ACTION_GROUP && a->group == group && group != OF_GROUP_ANY)
			return true;
	}
	return false;
}

static bool sends_to(const struct of_instructions *in, uint32_t port, uint32_t group)
{
	return outputs(&in->apply, port, group) || outputs(&in->write, port, group);
}

static bool covers(const struct of_match *outer, const struct of_match *inner)
{
	for (unsigned i = 0; i < SH_KEY_WORDS; i++) {
		uint64_t mask = outer->mask.words[i];

		if ((inner->mask.words[i] & mask) != mask ||
			((inner->value.words[i] ^ outer->value.words[i]) & mask) != 0)
			return false;
	}
	return true;
}

static bool is_meant(const struct of_flow_filter *filter, const struct of_flow_info *flow)
{
	if (filter->table != OF_TABLE_ALL && filter->table != flow->table)
		return false;
	if ((filter->cookie ^ flow->cookie) & filter->cookie_mask)
		return false;
	if (filter->out_port != OF_PORT_ANY &&
		!sends_to(flow->instructions, filter->out_port, OF_GROUP_ANY))
		return false;
	if (filter->out_group != OF_GROUP_ANY &&
		!sends_to(flow->instructions, OF_PORT_ANY, filter->out_group))
		return false;
	return covers(&filter->match, &flow->match);
}

static uint16_t flag_of(enum event event)
{
	static const uint16_t flags[] = { FLAG_ADD, FLAG_DELETE, FLAG_MODIFY };

	return flags[event];
}

/* return: the flags of all monitors that want to know this, together */
static uint16_t wanted(
	const struct of_conn *conn, enum event event, const struct of_flow_info *flow)
{
	uint16_t flags = 0;

	for (const struct conn_monitor *m = conn->monitors.first; m; m = m->next)
		if (m->flags & flag_of(event) && is_meant(&m->filter, flow))
			flags |= m->flags;
	return flags;
}

static void put_update(const struct of_conn *conn, struct of_multipart *mp, enum event event,
	unsigned reason, const struct of_flow_info *flow, uint16_t flags)
{
	static const struct of_instructions none;
	struct of_flow_info bare;

	if (!(flags & FLAG_ACTIONS)) {
		bare = *flow;
		bare.instructions = &none;
		flow = &bare;
	}
	conn->version->put_flow_update(mp, event, reason, flow);
}

static void put_pause(struct of_conn *conn, uint32_t type)
{
	conn->version->put_header(&conn->out, OF_TYPE_EXPERIMENTER, 0, EXPERIMENTER_MSG_LEN);
	of_buf_put_u32(&conn->out, ONF_EXPERIMENTER);
	of_buf_put_u32(&conn->out, type);
}

static void fall_behind(struct of_conn *conn)
{
	struct conn_monitors *m = &conn->monitors;

	if (m->is_behind)
		return;
	m->is_behind = true;
	m->n_deleted = 0;
	m->has_missed = m->has_missed_modified = false;
	m->behind_ns = conn->conns->now_ns;
}

/* During a dump all else waits: a flow's removal must not come before the flow. */
static void flush(struct of_conn *conn)
{
	struct conn_monitors *m = &conn->monitors;
	size_t before = conn_unsent(conn);

	if (m->mp_is_open)
		conn->version->end(&m->mp);
	m->mp_is_open = false;
	if (m->held.failed)
		conn->out.failed = true;
	if (m->is_dumping || m->held.len == 0)
		return;
	of_buf_put(&conn->out, m->held.data, m->held.len);
	conn_buf_empty(&m->held);
	if (!m->is_behind && !conn_may_send_async(conn, 1)) {
		fall_behind(conn);
		m->is_paused = true;
		put_pause(conn, ONF_TYPE_PAUSED);
	}
	conn_woke(conn, before);
}

void conn_monitors_flush(struct of_conns *conns)
{
	if (conns->n_monitors == 0)
		return;
	for (struct of_conn *conn = conns->first; conn; conn = conn->next)
		flush(conn);
}

/* The switch says that a flow is gone, not why: what a request did not do, time did. */
static enum of_removed_reason removed_reason(
	const struct of_conns *conns, const struct of_flow_info *flow)
{
	if (conns->source)
		return conns->source_kind == OF_REQ_GROUP_MOD ? OF_RR_GROUP_DELETE : OF_RR_DELETE;
	if (flow->hard_timeout_s && flow->duration_ns >= flow->hard_timeout_s * NS_PER_S)
		return OF_RR_HARD_TIMEOUT;
	return flow->idle_timeout_s ? OF_RR_IDLE_TIMEOUT : OF_RR_DELETE;
}

static struct of_multipart *open_update(struct of_conn *conn)
{
	struct conn_monitors *m = &conn->monitors;

	if (!m->mp_is_open) {
		conn->version->begin(&m->mp, &m->held, 0, OF_REQ_NX_FLOW_MONITOR);
		m->mp_is_open = true;
		m->has_abbreviation = false;
	}
	return &m->mp;
}

/* Something that the connection did itself: one word for all of it. */
static void tell_own(struct of_conn *conn)
{
	struct of_multipart *mp = open_update(conn);

	if (!conn->monitors.has_abbreviation)
		conn->version->put_flow_update(mp, EVENT_ABBREV, conn->conns->source_xid, NULL);
	conn->monitors.has_abbreviation = true;
}

/* Which flows the connection knows is not kept, so all removals are told. Flows may come and go
 * without end: when more have gone than it can have known, twice, the connection ends, since what
 * it knows would be wrong without them. */
static void tell_deleted_behind(
	struct of_conn *conn, const struct of_flow_info *flow, uint16_t flags)
{
	const struct of_conns *conns = conn->conns;

	if (conn->monitors.n_deleted++ >= UINT64_C(2) * of_switch_limits(conns->sw)->max_flows) {
		conn_fail(conn, -ENOBUFS);
		return;
	}
	put_update(
		conn, open_update(conn), EVENT_DELETED, removed_reason(conns, flow), flow, flags);
}

static void miss(struct conn_monitors *m, enum event event)
{
	m->has_missed = true;
	if (event == EVENT_MODIFIED)
		m->has_missed_modified = true;
}

static void tell(struct of_conn *conn, enum event event, const struct of_flow_info *flow)
{
	struct conn_monitors *m = &conn->monitors;
	const struct of_conns *conns = conn->conns;
	uint16_t flags = wanted(conn, event, flow);

	if (flags == 0)
		return;
	if (!m->is_behind && m->held.len >= conns->conf.max_out_bytes)
		flush(conn); /* and pause */
	if (m->is_behind && event != EVENT_DELETED)
		miss(m, event);
	else if (m->is_behind)
		tell_deleted_behind(conn, flow, flags);
	else if (conns->source == conn && !(flags & FLAG_OWN))
		tell_own(conn);
	else
		put_update(conn, open_update(conn), event,
			event == EVENT_DELETED ? removed_reason(conns, flow) : 0, flow, flags);
}

void conn_flow_changed(void *ctx, unsigned what, const struct of_flow_info *flow)
{
	static const enum event events[] = { EVENT_ADDED, EVENT_MODIFIED, EVENT_DELETED };
	struct of_conns *conns = ctx;

	if (conns->n_monitors == 0)
		return;
	for (struct of_conn *conn = conns->first; conn; conn = conn->next) {
		if (!conn->monitors.first || !of_conn_is_up(conn))
			continue;
		tell(conn, events[what], flow);
		if (!conns->source)
			flush(conn);
	}
}

/* Dumps: the initial flows of a monitor, and what changed while the connection was behind. */

static void dump_ended(struct of_conn *conn)
{
	conn->monitors.is_dumping = false;
	flush(conn);
	conn_monitors_go_on(conn);
}

static void begin_dump(struct of_conn *conn, const struct conn_dump *dump, uint32_t xid)
{
	struct conn_monitors *m = &conn->monitors;

	m->is_dumping = true;
	m->n_deleted = 0;
	m->dump_ns = conn->conns->now_ns;
	conn_dump_begin(conn, dump, xid, OF_REQ_NX_FLOW_MONITOR);
}

/* Of the latest monitor, which is the first in the list. */
static unsigned put_initial(
	struct of_conn *conn, struct of_multipart *mp, const struct of_flow *flow)
{
	struct of_flow_info info;

	of_switch_flow_info(conn->conns->sw, flow, conn->conns->now_ns, &info);
	put_update(conn, mp, EVENT_ADDED, 0, &info, conn->monitors.first->flags);
	return 1;
}

/* Flows do not tell when they were modified: if one was, all are told as they are. */
static unsigned put_changed(
	struct of_conn *conn, struct of_multipart *mp, const struct of_flow *flow)
{
	const struct conn_monitors *m = &conn->monitors;
	enum event event = flow->made_ns >= m->behind_ns ? EVENT_ADDED : EVENT_MODIFIED;
	struct of_flow_info info;
	uint16_t flags;

	if (event == EVENT_MODIFIED && !m->tells_modified)
		return 0;
	of_switch_flow_info(conn->conns->sw, flow, conn->conns->now_ns, &info);
	flags = wanted(conn, event, &info);
	if (flags == 0)
		return 0;
	put_update(conn, mp, event, 0, &info, flags);
	return 1;
}

static void changed_ended(struct of_conn *conn)
{
	conn->monitors.behind_ns = conn->monitors.dump_ns;
	dump_ended(conn);
}

static void catch_up(struct of_conn *conn)
{
	static const struct of_flow_filter all = {
		.table = OF_TABLE_ALL,
		.out_port = OF_PORT_ANY,
		.out_group = OF_GROUP_ANY,
	};
	struct conn_dump dump = { .put = put_changed, .ended = changed_ended };
	struct conn_monitors *m = &conn->monitors;

	dump.n = of_switch_flows(conn->conns->sw, &all, &dump.flows, NULL);
	if (dump.n < 0) {
		conn->out.failed = true;
		return;
	}
	m->tells_modified = m->has_missed_modified;
	m->has_missed = m->has_missed_modified = false;
	begin_dump(conn, &dump, 0);
}

void conn_monitors_go_on(struct of_conn *conn)
{
	struct conn_monitors *m = &conn->monitors;

	if (!m->is_behind || conn->dump.is_on || (m->is_paused && conn_unsent(conn) > 0))
		return;
	if (m->has_missed) {
		catch_up(conn);
		return;
	}
	m->is_behind = false;
	if (m->is_paused)
		put_pause(conn, ONF_TYPE_RESUMED);
	m->is_paused = false;
}

static void put_empty_reply(struct of_conn *conn, uint32_t xid)
{
	struct of_multipart mp;

	conn->version->begin(&mp, &conn->out, xid, OF_REQ_NX_FLOW_MONITOR);
	conn->version->end(&mp);
}

static int check_new(
	struct of_conn *conn, const struct of_request *request, struct of_err *reterr_of)
{
	if (request->monitor.flags & ~FLAG_ALL)
		return nx_error(reterr_of, NX_ERROR_BAD_FLAGS);
	if (*find(&conn->monitors, request->monitor.id))
		return nx_error(reterr_of, NX_ERROR_EXISTS);
	if (conn->monitors.n >= MAX_MONITORS)
		return of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_EPERM);
	return 0;
}

static int add(struct of_conn *conn, const struct of_request *request)
{
	struct conn_monitor *monitor = calloc(1, sizeof(*monitor));

	if (!monitor)
		return -ENOMEM;
	monitor->id = request->monitor.id;
	monitor->flags = request->monitor.flags;
	monitor->filter = request->monitor.flows;
	monitor->next = conn->monitors.first;
	conn->monitors.first = monitor;
	conn->monitors.n++;
	conn->conns->n_monitors++;
	return 0;
}

int conn_monitor_add(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	struct conn_dump dump = { .put = put_initial, .ended = dump_ended, .may_be_empty = true };
	int r = check_new(conn, request, reterr_of);

	if (r < 0)
		return r;
	/* Refuses a table that is none, even if nobody asks for what is in it. */
	dump.n = of_switch_flows(conn->conns->sw, &request->monitor.flows, &dump.flows, reterr_of);
	if (dump.n < 0)
		return dump.n;
	r = add(conn, request);
	if (r < 0 || !(request->monitor.flags & FLAG_INITIAL)) {
		of_switch_flows_done(conn->conns->sw, dump.flows, dump.n);
		if (r == 0)
			put_empty_reply(conn, request->xid);
		return r;
	}
	fall_behind(conn);
	begin_dump(conn, &dump, request->xid);
	return 0;
}
