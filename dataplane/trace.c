/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Traces: the walk that workers do, with a sink that tells instead of sending. The control thread
 * is the one that changes tables and snapshots, so here it may read them as they are. Control
 * thread.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "frame.h"
#include "walk.h"

struct trace {
	void (*fn)(void *ctx, const struct dp_trace_event *event);
	void *ctx;
	bool is_normal;          /* NORMAL was begun, and has said nothing yet */
	unsigned depth;          /* of the step that goes on */
	struct sh_flow_key left; /* the frame as it leaves by a port */
	struct dp_output outputs[DP_MAX_PORTS];
	uint8_t *bytes; /* of a frame that leaves */
	struct dp_walk_space space;
};

static void tell(struct trace *t, const struct dp_trace_event *event)
{
	t->fn(t->ctx, event);
}

/* NORMAL that gave no verdict: nothing leaves, for the reason that the walk has now. */
static void end_normal(struct trace *t, const struct dp_walk *walk)
{
	struct dp_trace_event e = {
		.kind = DP_TRACE_NORMAL, .depth = t->depth, .key = &walk->key, .drop = walk->why
	};

	if (t->is_normal)
		tell(t, &e);
	t->is_normal = false;
}

#define MAX_CLAUSES 256

static unsigned clauses_of(
	struct dp_walk_ctx *c, const struct dp_walk *walk, uint8_t table, void *ret[MAX_CLAUSES])
{
	const struct dp_table *t = atomic_load(&c->pipeline->tables[table]);
	const struct dp_flow *flows[MAX_CLAUSES];
	unsigned n = t ? dp_table_clauses(t, &walk->key, flows, MAX_CLAUSES) : 0;

	for (unsigned i = 0; i < n; i++)
		ret[i] = *dp_flow_owner(flows[i]);
	return n;
}

static void on_table(struct dp_walk_ctx *c, const struct dp_walk *walk, uint8_t table,
	const struct dp_flow *flow)
{
	struct trace *t = c->arg;
	void *clauses[MAX_CLAUSES];
	struct dp_trace_event e = { .kind = DP_TRACE_TABLE,
		.depth = walk->depth,
		.key = &walk->key,
		.table = table,
		.owner = flow ? *dp_flow_owner(flow) : NULL,
		.clauses = clauses,
		.n_clauses = clauses_of(c, walk, table, clauses) };

	end_normal(t, walk);
	tell(t, &e);
}

/* Of the action set, at the end: not of the list that the flow applies, nor of a bucket. */
static bool is_of_set(const struct dp_walk *walk, const struct dp_op *op)
{
	const struct dp_program *program = walk->flow ? atomic_load(&walk->flow->program) : NULL;
	const uint64_t *at = (const uint64_t *)op;

	return walk->depth == 0 && program &&
	       (at < program->words || at >= program->words + program->n_apply);
}

static void on_operation(struct dp_walk_ctx *c, const struct dp_walk *walk, const struct dp_op *op)
{
	struct trace *t = c->arg;
	struct dp_trace_event e = { .kind = DP_TRACE_OPERATION,
		.depth = walk->depth,
		.key = &walk->key,
		.op = op,
		.is_of_set = is_of_set(walk, op),
		.ends_tcp = walk->is_parsed && dp_walk_ends_tcp(walk) };

	end_normal(t, walk);
	tell(t, &e);
	t->depth = walk->depth;
	t->is_normal = op->code == DP_OP_OUTPUT && op->arg == DP_OUT_NORMAL;
}

/* The bytes of a frame as it leaves, its tag pushed, popped or set. */
static uint32_t write_frame(struct trace *t, const struct dp_frame *f, uint8_t tag_op, uint16_t tci)
{
	const struct dp_item item = { .frame = f, .tci = tci, .tag_op = tag_op };
	uint32_t n = dp_item_put_head(&item, t->bytes);

	memcpy(t->bytes + n, f->rest, f->n_rest);
	return n + f->n_rest;
}

void dp_frame_key(const uint8_t *frame, uint32_t n_frame, struct sh_flow_key *ret)
{
	struct dp_layers layers;

	memset(ret, 0, sizeof(*ret));
	if (n_frame >= 14)
		(void)dp_parse(
			frame, RTE_MIN(n_frame, (uint32_t)DP_HEAD_BYTES), n_frame, ret, &layers);
}

static void tell_output(
	struct dp_walk_ctx *c, const struct dp_frame *f, const struct dp_output *output)
{
	struct trace *t = c->arg;
	const struct dp_snap_port *port = c->decide.snapshot->ports[output->port];
	struct dp_trace_event e = { .kind = DP_TRACE_OUTPUT,
		.depth = t->depth,
		.key = &t->left,
		.port = port->port,
		.ofport = port->ofport,
		.drop = output->drop };

	e.n_frame = write_frame(t, f, output->tag_op, output->out_tci);
	e.frame = t->bytes;
	dp_frame_key(t->bytes, e.n_frame, &t->left);
	tell(t, &e);
}

static void tell_normal(struct dp_walk_ctx *c, const struct dp_verdict *v)
{
	struct trace *t = c->arg;
	struct dp_trace_event e = { .kind = DP_TRACE_NORMAL,
		.depth = t->depth,
		.drop = DP_N_DROPS,
		.vlan = v->vlan,
		.learns = v->learn };
	unsigned known = v->kind == DP_VERDICT_MANY ? v->known_port_plus1 : v->port + 1u;

	if (known)
		e.port = c->decide.snapshot->ports[known - 1]->port;
	t->is_normal = false;
	tell(t, &e);
}

/* Several, or none: then it is the port where it came from that says why. */
static void tell_many(struct dp_walk_ctx *c, const struct dp_frame *f, const struct dp_verdict *v)
{
	struct trace *t = c->arg;
	unsigned n = dp_decide_outputs(&c->decide, f, v, t->outputs);
	bool to_itself = v->known_port_plus1 == c->decide.in->index + 1;
	const struct dp_output none = { .port = c->decide.in->index,
		.drop = to_itself ? DP_DROP_SAME_PORT : DP_DROP_NO_DESTINATION };

	for (unsigned i = 0; i < n; i++)
		tell_output(c, f, &t->outputs[i]);
	if (n == 0)
		tell_output(c, f, &none);
}

static void on_frame(struct dp_walk_ctx *c, const struct dp_frame *f, const struct dp_verdict *v)
{
	const struct trace *t = c->arg;
	const struct dp_output one = { .port = v->port,
		.tag_op = v->tag_op,
		.out_tci = v->out_tci,
		.drop = v->kind == DP_VERDICT_DROP ? v->drop : DP_N_DROPS };

	if (t->is_normal)
		tell_normal(c, v);
	if (v->kind == DP_VERDICT_MANY || v->kind == DP_VERDICT_ALL)
		tell_many(c, f, v);
	else
		tell_output(c, f, &one);
}

static void on_control(struct dp_walk_ctx *c, const struct dp_frame *f, struct dp_to_control *to)
{
	struct trace *t = c->arg;
	struct dp_trace_event e = { .kind = DP_TRACE_CONTROLLER,
		.depth = t->depth,
		.key = &to->key,
		.to = to,
		.n_frame = write_frame(t, f, DP_TAG_KEEP, 0),
		.frame = t->bytes };

	tell(t, &e);
}

static void on_learn(struct dp_walk_ctx *c, const struct dp_walk *walk, const struct dp_op *op)
{
	const struct dp_trace_event e = {
		.kind = DP_TRACE_LEARN, .depth = walk->depth, .key = &walk->key, .op = op
	};

	tell(c->arg, &e);
}

static void on_done(struct dp_walk_ctx *c, const struct dp_walk *walk)
{
	const struct dp_trace_event e = { .kind = DP_TRACE_END,
		.key = &walk->key,
		.n_out = walk->n_out,
		.drop = walk->n_out ? DP_N_DROPS : walk->why,
		.is_cut = walk->is_dropped };

	end_normal(c->arg, walk);
	tell(c->arg, &e);
}

static const struct dp_sink sink = {
	.frame = on_frame,
	.control = on_control,
	.learn = on_learn,
	.done = on_done,
	.looked_up = on_table,
	.operation = on_operation,
};

/* Without tables: the learning bridge decides, and that is the end. */
static void bridge_alone(struct dp_walk_ctx *c, const struct dp_frame *f)
{
	struct trace *t = c->arg;
	struct dp_trace_event e = { .kind = DP_TRACE_END, .n_out = 1, .drop = DP_N_DROPS };
	struct dp_verdict v;

	dp_decide_burst(&c->decide, f, 1, &v);
	t->is_normal = true;
	if (v.kind == DP_VERDICT_DROP && v.port == c->decide.in->index) {
		e.n_out = 0;
		e.drop = v.drop;
	} else {
		on_frame(c, f, &v);
	}
	tell(t, &e);
}

static void follow(struct dp_bridge *bridge, const struct dp_snap_bridge *snap,
	const struct dp_trace_conf *conf, struct trace *t)
{
	struct dp *dp = bridge->dp;
	const struct dp_frame frame = { .head = conf->frame,
		.n_head = RTE_MIN(conf->n_frame, (uint32_t)DP_HEAD_BYTES),
		.len = conf->n_frame,
		.rest = (uint8_t *)(uintptr_t)conf->frame +
			RTE_MIN(conf->n_frame, (uint32_t)DP_HEAD_BYTES),
		.n_rest = conf->n_frame - RTE_MIN(conf->n_frame, (uint32_t)DP_HEAD_BYTES) };
	struct dp_walk_ctx c = { .decide = { .snapshot = atomic_load(&dp->snapshot),
					 .in = snap->controller,
					 .now_tsc = rte_rdtsc(),
					 .now_s = atomic_load(&dp->now_s),
					 .is_trace = true },
		.pipeline = bridge->pipeline,
		.space = &t->space,
		.sink = &sink,
		.arg = t };
	const struct dp_snap_port *in = dp_walk_port(&c, conf->in_port);

	if (in)
		c.decide.in = in;
	if (conf->by_tables)
		dp_walk_burst(&c, &frame, 1);
	else
		bridge_alone(&c, &frame);
}

/* A frame that leaves is longer by what was pushed, and by a tag. */
#define MOST_PUSHED (DP_EDIT_ROOM + 8)

int dp_trace(struct dp_bridge *bridge, const struct dp_trace_conf *conf,
	void (*fn)(void *ctx, const struct dp_trace_event *event), void *ctx)
{
	const struct dp_snapshot *s = atomic_load(&bridge->dp->snapshot);
	const struct dp_snap_bridge *snap = s ? dp_snapshot_bridge(s, bridge->pipeline) : NULL;
	struct trace *t;

	if (!snap)
		return -ENODEV;
	t = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*t), 64));
	if (!t)
		return -ENOMEM;
	t->fn = fn;
	t->ctx = ctx;
	t->is_normal = false;
	t->depth = 0;
	t->bytes = malloc(conf->n_frame + MOST_PUSHED);
	if (!t->bytes) {
		free(t);
		return -ENOMEM;
	}
	follow(bridge, snap, conf, t);
	free(t->bytes);
	free(t);
	return 0;
}
