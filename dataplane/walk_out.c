/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Outputs: the frame as it is at this moment of its walk goes to a port, to several, through the
 * learning bridge, or to the control thread. Runs in workers and in traces.
 */
#include "walk.h"

const struct dp_frame *dp_walk_freeze(struct dp_walk *walk)
{
	struct dp_variant *v = walk->variant;
	const struct dp_edit *e = &walk->edit;

	if (likely(!v))
		return walk->frame;
	if (!v->is_shared) {
		v->frame.head = e->head;
		v->frame.n_head = e->n;
		v->frame.len = e->len;
		v->frame.offloads = e->offloads;
		v->frame.csum_start = e->csum_start;
		v->frame.csum_offset = e->csum_offset;
		v->frame.l3_start = e->l3_start;
		v->frame.hdr_len = e->hdr_len;
		v->is_shared = true;
	}
	return &v->frame;
}

static inline void emit(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_verdict *v)
{
	walk->n_out++;
	c->sink->frame(c, dp_walk_freeze(walk), v);
}

void dp_walk_lose(struct dp_walk_ctx *c, struct dp_walk *walk, enum dp_drop reason)
{
	const struct dp_verdict v = {
		.kind = DP_VERDICT_DROP, .drop = (uint8_t)reason, .port = c->decide.in->index
	};

	emit(c, walk, &v);
	walk->is_dropped = true;
}

static void to_port(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_snap_port *out)
{
	struct dp_verdict v = { .kind = DP_VERDICT_ONE, .port = out->index };
	int reason = dp_decide_exit(&c->decide, out, dp_walk_freeze(walk));

	if (unlikely(reason != DP_N_DROPS)) {
		v.kind = DP_VERDICT_DROP;
		v.drop = (uint8_t)reason;
	}
	emit(c, walk, &v);
}

static void to_all(struct dp_walk_ctx *c, struct dp_walk *walk)
{
	struct dp_verdict v = { .kind = DP_VERDICT_ALL };

	emit(c, walk, &v);
}

static void to_normal(struct dp_walk_ctx *c, struct dp_walk *walk)
{
	struct dp_verdict v;

	dp_decide_normal(&c->decide, dp_walk_freeze(walk), &v);
	if (v.kind == DP_VERDICT_DROP && v.port == c->decide.in->index)
		walk->why =
			v.drop; /* nothing leaves: it is the walk that says so, if no other does */
	else
		emit(c, walk, &v);
}

static void to_in_port(struct dp_walk_ctx *c, struct dp_walk *walk)
{
	const struct dp_snap_port *in = dp_walk_port(c, dp_be32(walk->key.in_port));

	if (in)
		to_port(c, walk, in);
	else
		walk->why = DP_DROP_NO_PORT;
}

/* For packet-outs, but a flow that sends its frame there may be the one that is found. */
static void to_table(struct dp_walk_ctx *c, struct dp_walk *walk)
{
	if (!dp_walk_deeper(walk))
		return;
	dp_walk_from(c, walk, 0);
	walk->depth--;
}

void dp_walk_output(struct dp_walk_ctx *c, struct dp_walk *walk, uint32_t ofport)
{
	const struct dp_snap_port *out;

	if (unlikely(walk->n_out >= DP_MAX_OUTPUTS))
		return;
	out = dp_walk_port(c, ofport);
	if (likely(out)) {
		/* OpenFlow 1.3.5, 4.5: not where it came from, unless IN_PORT says so. */
		if (likely(ofport != dp_be32(walk->key.in_port)))
			to_port(c, walk, out);
		else
			walk->why = DP_DROP_SAME_PORT;
		return;
	}
	switch (ofport) {
	case DP_OUT_NORMAL:
		to_normal(c, walk);
		break;
	case DP_OUT_FLOOD:
	case DP_OUT_ALL:
		to_all(c, walk);
		break;
	case DP_OUT_IN_PORT:
		to_in_port(c, walk);
		break;
	case DP_OUT_TABLE:
		to_table(c, walk);
		break;
	default:
		walk->why = DP_DROP_NO_PORT;
	}
}

void dp_walk_control(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op)
{
	const struct dp_frame *f = dp_walk_freeze(walk);
	struct dp_to_control to = {
		.kind = DP_TO_CONTROL_FRAME,
		.table = walk->flow ? walk->flow->table : 0,
		.cookie = walk->flow ? __atomic_load_n(&walk->flow->cookie, __ATOMIC_RELAXED)
				     : UINT64_MAX,
		.max_len = (uint16_t)op->arg,
		.reason = (uint8_t)(op->data[0] >> 16),
		.controller_id = (uint16_t)op->data[0],
		.key = walk->key,
		.frame_len = f->len,
	};

	if (c->decide.in->no_packet_in)
		return;
	walk->n_out++;
	c->sink->control(c, f, &to);
}
