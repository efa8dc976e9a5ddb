/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The straight way: where the first table looks at nothing but the port, and its flow sends what
 * comes by that port to another, a burst needs one lookup and no walk of each frame. Runs in
 * workers.
 */
#include "walk_straight.h"

/* NULL: it does anything else, or may. */
static const struct dp_snap_port *only_output(
	const struct dp_walk_ctx *c, const struct dp_program *program)
{
	const struct dp_op *op = (const struct dp_op *)program->words;

	if (program->meter || program->clears || program->writes_metadata || program->n_write ||
		program->goto_table != DP_NO_TABLE)
		return NULL;
	if (program->n_apply == 0 || program->n_apply != op->n_words || op->code != DP_OP_OUTPUT ||
		op->arg == c->decide.in->ofport)
		return NULL;
	return dp_walk_port(c, op->arg);
}

bool dp_straight_find(const struct dp_walk_ctx *c, struct sh_flow_key *key, struct dp_straight *ret)
{
	const struct dp_table *table =
		atomic_load_explicit(&c->pipeline->tables[0], memory_order_acquire);
	const struct sh_flow_key *const keys[] = { key };

	if (unlikely(!table) || c->sink->looked_up || c->decide.in->bridge->drops_fragments ||
		dp_walk_reads_frame(dp_table_used(table)))
		return false;
	dp_table_lookup(table, keys, 1, &ret->flow);
	/* One that asks for more may have come since. */
	if (!ret->flow || dp_walk_reads_frame(ret->flow->mask->used))
		return false;
	ret->out = only_output(c, atomic_load_explicit(&ret->flow->program, memory_order_acquire));
	return ret->out;
}

static void send(struct dp_walk_ctx *c, const struct dp_snap_port *out, const struct dp_frame *f)
{
	struct dp_verdict v = { .kind = DP_VERDICT_ONE, .port = out->index };
	int reason = dp_decide_exit(&c->decide, out, f);

	if (unlikely(reason != DP_N_DROPS)) {
		v.kind = DP_VERDICT_DROP;
		v.drop = (uint8_t)reason;
	}
	c->sink->frame(c, f, &v);
}

/* Before any table: the walk, of which nothing else is looked at, ends where it begins. */
static void lose(struct dp_walk_ctx *c, struct dp_walk *walk, int reason)
{
	walk->n_out = 0;
	walk->why = (uint8_t)reason;
	c->sink->done(c, walk);
}

void dp_straight_burst(struct dp_walk_ctx *c, const struct dp_straight *way,
	const struct dp_frame *frames, unsigned n)
{
	uint64_t n_bytes = 0;
	unsigned n_sent = 0;
	struct dp_verdict v;

	for (unsigned i = 0; i < n; i++) {
		int reason = dp_decide_enter(&c->decide, &frames[i], &v);

		if (unlikely(reason != DP_N_DROPS)) {
			lose(c, &c->space->walks[i], reason);
			continue;
		}
		n_bytes += frames[i].len;
		n_sent++;
		send(c, way->out, &frames[i]);
	}
	if (unlikely(!n_sent || !c->counts))
		return;
	dp_count_add(&c->counts[__atomic_load_n(&way->flow->slot, __ATOMIC_RELAXED)], n_sent,
		n_bytes, c->decide.now_s);
	dp_count_add(&c->counts[c->pipeline->slots[0]], n_sent, n_sent, c->decide.now_s);
}
