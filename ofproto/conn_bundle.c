/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bundles of a connection (OpenFlow 1.4, 7.3.9, and ONF's extension 230 for 1.3): messages are read
 * and judged when they are added, kept as bytes, and read again when they are carried out, all of
 * them or none (of_switch_bundle_*). Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "conn_private.h"

#define MAX_BUNDLES 256          /* of a connection */
#define MAX_BYTES   (256u << 20) /* of messages, a connection */
#define MAX_ALL     (512u << 20) /* and all of a switch */
#define TIMEOUT_NS  UINT64_C(10000000000)
#define ERROR_BYTES 64
#define FLAGS       (OF_BUNDLE_ATOMIC | OF_BUNDLE_ORDERED)

static struct conn_bundle *find(const struct of_conn *conn, uint32_t id)
{
	struct conn_bundle *bundle = conn->bundles;

	while (bundle && bundle->id != id)
		bundle = bundle->next;
	return bundle;
}

static void bundle_free(struct of_conn *conn, struct conn_bundle *bundle)
{
	struct conn_bundle **at = &conn->bundles;

	while (*at != bundle)
		at = &(*at)->next;
	*at = bundle->next;
	conn->n_bundles--;
	conn->n_bundle_bytes -= bundle->msgs.len;
	conn->conns->n_bundle_bytes -= bundle->msgs.len;
	of_buf_done(&bundle->opened);
	of_buf_done(&bundle->msgs);
	free(bundle);
}

void conn_bundles_done(struct of_conn *conn)
{
	while (conn->bundles)
		bundle_free(conn, conn->bundles);
}

/* An error that ends the bundle. */
static int end(struct of_conn *conn, struct conn_bundle *bundle, enum of_bundle_failed code,
	struct of_err *reterr_of)
{
	bundle_free(conn, bundle);
	return of_err_set_bundle(reterr_of, code);
}

static int open_bundle(struct of_conn *conn, const struct of_request *request,
	struct conn_bundle **ret, struct of_err *reterr_of)
{
	struct conn_bundle *bundle;

	if (request->bundle.flags & ~FLAGS)
		return of_err_set_bundle(reterr_of, OF_BF_BAD_FLAGS);
	if (conn->n_bundles >= MAX_BUNDLES)
		return of_err_set_bundle(reterr_of, OF_BF_OUT_OF_BUNDLES);
	bundle = calloc(1, sizeof(*bundle));
	if (bundle)
		of_buf_put(&bundle->opened, request->bundle.msg,
			request->bundle.n < ERROR_BYTES ? request->bundle.n : ERROR_BYTES);
	if (!bundle || bundle->opened.failed) {
		free(bundle);
		return of_err_set_bundle(reterr_of, OF_BF_OUT_OF_BUNDLES);
	}
	bundle->id = request->bundle.id;
	bundle->flags = request->bundle.flags;
	bundle->used_ns = conn->conns->now_ns;
	bundle->next = conn->bundles;
	conn->bundles = bundle;
	conn->n_bundles++;
	*ret = bundle;
	return 0;
}

/* Reading what was added */

static bool next_message(struct conn_bundle_walk *walk)
{
	const struct of_buf *msgs = &walk->bundle->msgs;

	if (walk->next >= msgs->len)
		return false;
	walk->step += walk->next > 0;
	walk->n = of_get_u16(msgs->data + walk->next + 2);
	walk->next += walk->n;
	return true;
}

static const uint8_t *message(const struct conn_bundle_walk *walk)
{
	return walk->bundle->msgs.data + walk->next - walk->n;
}

/* The one that is carried, as a request. */
static int read_message(struct of_conn *conn, const struct conn_bundle_walk *walk,
	struct of_request *ret, struct of_err *reterr_of)
{
	size_t inner_at = conn->version->bundle_inner_at;

	return conn_decode(conn, message(walk) + inner_at, walk->n - inner_at, ret, reterr_of);
}

static bool is_of_switch(const struct of_request *request)
{
	return request->kind == OF_REQ_FLOW_MOD || request->kind == OF_REQ_GROUP_MOD;
}

struct commit {
	struct conn_bundle_walk walk;
	struct of_port_mod *ports; /* what leads back to what they were */
	size_t n_ports;
};

/* Called for each message of a bundle. */
typedef int message_fn(struct of_conn *conn, struct commit *commit, struct of_request *request,
	struct of_err *reterr_of);

static int each(
	struct of_conn *conn, struct commit *commit, message_fn *fn, struct of_err *reterr_of)
{
	int r = 0;

	while (r == 0 && next_message(&commit->walk)) {
		struct of_request request;

		r = read_message(conn, &commit->walk, &request, reterr_of);
		if (r < 0)
			return r;
		r = fn(conn, commit, &request, reterr_of);
		of_request_done(&request);
	}
	return r;
}

/* Commit */

static int plan(struct of_conn *conn, struct commit *commit, struct of_request *request,
	struct of_err *reterr_of)
{
	const struct of_conns *conns = conn->conns;

	if (request->kind == OF_REQ_PORT_MOD)
		return conns->provider->port_check(
			conns->provider_ctx, &request->port_mod, reterr_of);
	if (request->kind == OF_REQ_PACKET_OUT)
		return 0;
	of_switch_bundle_step(conns->sw, commit->walk.step);
	return conn_do(conn, request, reterr_of);
}

static int note_port(struct of_conn *conn, struct commit *commit, const struct of_port_mod *mod)
{
	const struct of_conns *conns = conn->conns;
	size_t n = (commit->n_ports + 1) * sizeof(*commit->ports);
	struct of_port_mod *ports = realloc(commit->ports, n);
	struct of_port_info info;
	struct of_port_stats stats;

	if (!ports)
		return -ENOMEM;
	commit->ports = ports;
	if (conns->provider->port(conns->provider_ctx, mod->port, &info, &stats) < 0)
		return 0; /* port_mod says so */
	ports[commit->n_ports] = *mod;
	ports[commit->n_ports++].config = info.config & mod->mask;
	return 0;
}

static int do_port(struct of_conn *conn, struct commit *commit, struct of_request *request,
	struct of_err *reterr_of)
{
	if (request->kind != OF_REQ_PORT_MOD)
		return 0;
	if (note_port(conn, commit, &request->port_mod) < 0)
		return of_err_set(reterr_of, OF_ET_PORT_MOD_FAILED, OF_PM_EPERM);
	return conn_do(conn, request, reterr_of);
}

/* Best effort: there is no more than to ask again. */
static void undo_ports(struct of_conn *conn, struct commit *commit)
{
	const struct of_conns *conns = conn->conns;
	struct of_err ignored;

	while (commit->n_ports-- > 0)
		(void)conns->provider->port_mod(
			conns->provider_ctx, &commit->ports[commit->n_ports], &ignored);
}

/* A frame is judged when flows and groups have their final form, by which it leaves. */
static int check_packet(struct of_conn *conn, struct commit *commit, struct of_request *request,
	struct of_err *reterr_of)
{
	return request->kind == OF_REQ_PACKET_OUT
		       ? conn_packet_out_check(conn, &request->packet_out, reterr_of)
		       : 0;
}

/* What there is no memory for any more is lost, as anywhere on its way. */
static int send_packet(struct of_conn *conn, struct commit *commit, struct of_request *request,
	struct of_err *reterr_of)
{
	if (request->kind == OF_REQ_PACKET_OUT && conn_do(conn, request, reterr_of) < 0)
		conn->counts.n_out_dropped++;
	return 0;
}

static void rewind_walk(struct conn_bundle_walk *walk)
{
	*walk = (struct conn_bundle_walk){ .bundle = walk->bundle };
}

static int stage_switch(struct of_conn *conn, struct commit *commit, struct of_err *reterr_of)
{
	struct conn_bundle_walk *walk = &commit->walk;
	uint32_t step;
	int r = of_switch_bundle_stage(conn->conns->sw, &step, reterr_of);

	rewind_walk(walk);
	while (r < 0 && next_message(walk) && walk->step < step)
		;
	return r;
}

/* All that may fail; the walk ends at the message that did. */
static int try(struct of_conn *conn, struct commit *commit, struct of_err *reterr_of)
{
	bool has_others = commit->walk.bundle->has_others;
	int r = each(conn, commit, plan, reterr_of);

	if (r == 0 && has_others) {
		rewind_walk(&commit->walk);
		r = each(conn, commit, do_port, reterr_of);
	}
	if (r == 0)
		r = stage_switch(conn, commit, reterr_of);
	if (r == 0 && has_others)
		r = each(conn, commit, check_packet, reterr_of);
	return r;
}

/* The events of a commit come in the order of the messages. */
void conn_bundle_step(void *ctx, uint32_t step)
{
	struct of_conns *conns = ctx;
	struct conn_bundle_walk *walk = conns->committing;

	while (walk && (walk->n == 0 || walk->step < step) && next_message(walk))
		;
	if (!walk)
		return;
	conns->source_xid = of_get_u32(message(walk) + 4);
	conns->source_kind = conns->source->version->bundle_kind(message(walk));
}

static void finish(struct of_conn *conn, struct commit *commit)
{
	struct of_conns *conns = conn->conns;
	struct of_err ignored;

	rewind_walk(&commit->walk);
	conns->committing = &commit->walk;
	of_switch_bundle_commit(conns->sw, conns->now_ns);
	conns->committing = NULL;
	rewind_walk(&commit->walk);
	if (commit->walk.bundle->has_others)
		(void)each(conn, commit, send_packet, &ignored);
}

static int commit_all(
	struct of_conn *conn, const struct conn_bundle *bundle, struct of_err *reterr_of)
{
	struct of_conns *conns = conn->conns;
	struct commit commit = { .walk.bundle = bundle };
	struct of_err err = { 0 };
	int r;

	of_switch_bundle_begin(conns->sw, bundle->flags & OF_BUNDLE_ATOMIC);
	r = try(conn, &commit, &err);
	if (r == 0) {
		finish(conn, &commit);
	} else {
		of_switch_bundle_abort(conns->sw, conns->now_ns);
		undo_ports(conn, &commit);
	}
	free(commit.ports);
	if (r != -EINVAL)
		return r;
	conn_put_error(conn, &err, message(&commit.walk), commit.walk.n);
	return of_err_set_bundle(reterr_of, OF_BF_MSG_FAILED);
}

/* Control */

static int do_open(struct of_conn *conn, const struct of_request *request, struct of_err *reterr_of)
{
	struct conn_bundle *bundle = find(conn, request->bundle.id);

	if (bundle)
		return end(conn, bundle, OF_BF_BAD_ID, reterr_of);
	return open_bundle(conn, request, &bundle, reterr_of);
}

static int do_close(
	struct of_conn *conn, const struct of_request *request, struct of_err *reterr_of)
{
	struct conn_bundle *bundle = find(conn, request->bundle.id);

	if (!bundle)
		return of_err_set_bundle(reterr_of, OF_BF_BAD_ID);
	if (bundle->is_closed)
		return end(conn, bundle, OF_BF_BUNDLE_CLOSED, reterr_of);
	if (bundle->flags != request->bundle.flags)
		return end(conn, bundle, OF_BF_BAD_FLAGS, reterr_of);
	bundle->is_closed = true;
	bundle->used_ns = conn->conns->now_ns;
	return 0;
}

/* Whatever comes of it, the bundle is over. */
static int do_commit(
	struct of_conn *conn, const struct of_request *request, struct of_err *reterr_of)
{
	struct conn_bundle *bundle = find(conn, request->bundle.id);
	int r;

	if (!bundle)
		return of_err_set_bundle(reterr_of, OF_BF_BAD_ID);
	if (bundle->flags != request->bundle.flags)
		return end(conn, bundle, OF_BF_BAD_FLAGS, reterr_of);
	r = commit_all(conn, bundle, reterr_of);
	bundle_free(conn, bundle);
	return r;
}

static int do_discard(
	struct of_conn *conn, const struct of_request *request, struct of_err *reterr_of)
{
	struct conn_bundle *bundle = find(conn, request->bundle.id);

	if (!bundle)
		return of_err_set_bundle(reterr_of, OF_BF_BAD_ID);
	bundle_free(conn, bundle);
	return 0;
}

int conn_bundle_control(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	static int (*const of_type[])(struct of_conn * conn, const struct of_request *request,
		struct of_err *reterr_of) = {
		[OF_BT_OPEN] = do_open,
		[OF_BT_CLOSE] = do_close,
		[OF_BT_COMMIT] = do_commit,
		[OF_BT_DISCARD] = do_discard,
	};
	enum of_bundle_type type = request->bundle.type;
	int r = of_type[type](conn, request, reterr_of);

	if (r == 0)
		conn->version->put_bundle(&conn->out, request->xid, request->bundle.id, type);
	return r;
}

/* Adding */

static int need_bundle(struct of_conn *conn, const struct of_request *request,
	struct conn_bundle **ret, struct of_err *reterr_of)
{
	struct conn_bundle *bundle = find(conn, request->bundle.id);

	if (!bundle)
		return open_bundle(conn, request, ret, reterr_of);
	if (bundle->is_closed)
		return end(conn, bundle, OF_BF_BUNDLE_CLOSED, reterr_of);
	if (bundle->flags != request->bundle.flags)
		return end(conn, bundle, OF_BF_BAD_FLAGS, reterr_of);
	*ret = bundle;
	return 0;
}

static int add(struct of_conn *conn, struct conn_bundle *bundle, const struct of_request *request,
	bool is_other, struct of_err *reterr_of)
{
	struct of_conns *conns = conn->conns;
	size_t begin = bundle->msgs.len, n = request->bundle.n;

	bundle->used_ns = conns->now_ns;
	if (conn->n_bundle_bytes + n > MAX_BYTES || conns->n_bundle_bytes + n > MAX_ALL)
		return of_err_set_bundle(reterr_of, OF_BF_MSG_TOO_MANY);
	of_buf_put(&bundle->msgs, request->bundle.msg, n);
	if (bundle->msgs.failed) {
		bundle->msgs.failed = false;
		return of_err_set_bundle(reterr_of, OF_BF_MSG_TOO_MANY);
	}
	of_buf_set_u16(&bundle->msgs, begin + 2, (uint16_t)n);
	conn->n_bundle_bytes += n;
	conns->n_bundle_bytes += n;
	bundle->has_others |= is_other;
	return 0;
}

/* What is wrong with a message itself is told now, and the bundle goes on without it. */
int conn_bundle_add(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of)
{
	size_t at = conn->version->bundle_inner_at;
	struct conn_bundle *bundle;
	struct of_request inner;
	bool is_other;
	int r;

	r = conn_decode(conn, request->bundle.msg + at, request->bundle.n - at, &inner, reterr_of);
	if (r < 0)
		return r;
	is_other = !is_of_switch(&inner);
	of_request_done(&inner);
	r = need_bundle(conn, request, &bundle, reterr_of);
	return r < 0 ? r : add(conn, bundle, request, is_other, reterr_of);
}

void conn_bundles_expire(struct of_conn *conn)
{
	struct conn_bundle *bundle = conn->bundles, *next;
	size_t before = conn_unsent(conn);
	struct of_err err;

	for (; bundle; bundle = next) {
		next = bundle->next;
		if (conn->conns->now_ns - bundle->used_ns < TIMEOUT_NS)
			continue;
		(void)of_err_set_bundle(&err, OF_BF_TIMEOUT);
		conn_put_error(conn, &err, bundle->opened.data, bundle->opened.len);
		bundle_free(conn, bundle);
	}
	conn_woke(conn, before);
}
