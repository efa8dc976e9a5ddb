/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Walks in a worker: where verdicts are delivered, what goes to the control thread, and what the
 * control thread has put in. Runs in workers, but for the last part.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "hash.h"
#include "walk.h"
#include "walk_worker.h"

/* In front of the bytes of a frame that goes to the control thread, in its first mbuf. */
struct report {
	struct dp_bridge *bridge;
	struct dp_to_control to;
};

/* In front of the bytes of a frame that the control thread sends. */
struct order {
	struct dp_bridge *bridge;
	const struct dp_program *program;
	uint32_t in_port;
};

static_assert(sizeof(struct report) <= 512, "fits the first mbuf");

/* Nothing is buffered, so the whole frame goes, whatever the action's max_len
 * (OpenFlow 1.3.5, 7.4.1): what is cut could not be sent on. */
#define MAX_REPORTED ((uint32_t)UINT16_MAX)

static void on_frame(struct dp_walk_ctx *c, const struct dp_frame *f, const struct dp_verdict *v)
{
	dp_deliver_one(c->arg, &c->decide, f, v);
}

/* Up to n bytes of the frame, the head as the walk has made it. */
static int append_frame(
	struct rte_mempool *pool, struct rte_mbuf *m, const struct dp_frame *f, uint32_t n)
{
	struct rte_mbuf *tail = m;
	uint32_t here = RTE_MIN(n, f->n_head);
	int r = dp_mbuf_append(m, &tail, pool, f->head, here);

	n -= here;
	here = RTE_MIN(n, f->n_rest);
	if (r == 0 && here)
		r = dp_mbuf_append(m, &tail, pool, f->rest, here);
	n -= here;
	for (unsigned i = 0; r == 0 && n && i < f->n_more; i++) {
		here = RTE_MIN(n, f->more[i].len);
		r = dp_mbuf_append(m, &tail, pool, f->more[i].at, here);
		n -= here;
	}
	return r;
}

static struct rte_mbuf *report_new(struct dp_walk_ctx *c, const struct dp_to_control *to)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(c->pipeline->bridge->dp->pool);
	struct report *report;

	if (!m)
		return NULL;
	report = (struct report *)rte_pktmbuf_append(m, sizeof(*report));
	report->bridge = c->pipeline->bridge;
	report->to = *to;
	return m;
}

/* m is NULL, or not complete: not taken. */
static bool hand_in(struct dp *dp, struct rte_mbuf *m, bool is_complete)
{
	bool is_taken = is_complete && rte_ring_enqueue(dp->to_control, m) == 0;

	if (is_taken && atomic_exchange(&dp->armed, false))
		dp_wake_control(dp);
	if (!is_taken)
		rte_pktmbuf_free(m);
	return is_taken;
}

static void on_control(struct dp_walk_ctx *c, const struct dp_frame *f, struct dp_to_control *to)
{
	struct dp_worker *w = c->arg;
	struct rte_mbuf *m;
	bool is_complete;

	to->n_bytes = RTE_MIN(f->len, MAX_REPORTED);
	m = report_new(c, to);
	is_complete = m && append_frame(w->dp->pool, m, f, to->n_bytes) == 0;
	dp_count_control(
		w, c->decide.in->bridge->controller, f->len, hand_in(w->dp, m, is_complete));
}

/* What a worker has handed in this second, and no flow was changed since, is not handed in again:
 * the control thread knows it. The place is that of the match, so that an address which moves
 * forth and back is learned each time. */
static struct dp_learned *place_of(struct dp_walk_ctx *c, const struct dp_walk *walk,
	const struct dp_learn *learn, struct dp_learned *ret)
{
	struct dp_worker *w = c->arg;
	uint64_t where = dp_hash_mix(c->pipeline->seed, learn->id);

	ret->what = where;
	for (uint32_t i = 0; i < learn->n_words; i++) {
		const struct dp_learn_word *word = &learn->words[i];

		where = dp_hash_mix(where, walk->key.words[word->at] & word->match);
		ret->what = dp_hash_mix(ret->what, walk->key.words[word->at] & word->all);
	}
	ret->n_changed = atomic_load_explicit(&c->pipeline->n_changed, memory_order_relaxed);
	ret->at_s = c->decide.now_s;
	return &w->learned[where % DP_N_LEARNED];
}

static void on_learn(struct dp_walk_ctx *c, const struct dp_walk *walk, const struct dp_op *op)
{
	const struct dp_learn *learn = (const struct dp_learn *)op->data;
	const struct dp_to_control to = {
		.kind = DP_TO_CONTROL_LEARN, .key = walk->key, .n_bytes = learn->n_bytes
	};
	struct dp_worker *w = c->arg;
	struct dp_learned now, *place = place_of(c, walk, learn, &now);
	struct rte_mbuf *m, *tail;
	bool is_taken;

	if (likely(place->what == now.what && place->n_changed == now.n_changed &&
		    place->at_s == now.at_s))
		return;
	tail = m = report_new(c, &to);
	is_taken = hand_in(w->dp, m,
		m && dp_mbuf_append(
			     m, &tail, w->dp->pool, dp_learn_template(learn), learn->n_bytes) == 0);
	dp_count_add(&c->counts[c->pipeline->learn_slot], is_taken, !is_taken, now.at_s);
	if (is_taken)
		*place = now;
}

static void on_done(struct dp_walk_ctx *c, const struct dp_walk *walk)
{
	struct dp_worker *w = c->arg;

	if (unlikely(w->why) && walk->n_out == 0)
		w->why[walk - w->space->walks] = walk->why;
	dp_count_walk(w, c->decide.in->index, walk->n_out, walk->why);
}

static const struct dp_sink sink = {
	.frame = on_frame,
	.control = on_control,
	.learn = on_learn,
	.done = on_done,
};

static void prepare(struct dp_worker *w, const struct dp_decide_ctx *ctx, struct dp_walk_ctx *c)
{
	c->decide = *ctx;
	c->pipeline = ctx->in->bridge->pipeline;
	c->space = w->space;
	c->counts = w->counts;
	c->sink = &sink;
	c->arg = w;
}

void dp_worker_walk(struct dp_worker *w, const struct dp_decide_ctx *ctx,
	const struct dp_frame *frames, unsigned n)
{
	struct dp_walk_ctx c;

	prepare(w, ctx, &c);
	dp_walk_burst(&c, frames, n);
	dp_deliver_end(w, ctx->in->index);
}

static void run_order(struct dp_worker *w, const struct dp_snap_bridge *bridge,
	const struct order *order, uint64_t now)
{
	struct dp_decide_ctx ctx = { .snapshot = w->snapshot,
		.in = bridge->controller,
		.now_tsc = now,
		.now_s = atomic_load_explicit(&w->dp->now_s, memory_order_relaxed) };
	const struct dp_snap_port *in;
	struct dp_walk_ctx c;

	prepare(w, &ctx, &c);
	in = dp_walk_port(&c, order->in_port);
	if (in)
		c.decide.in = in;
	dp_count_received(w, bridge->controller, w->burst.frames[0].len);
	dp_walk_program(&c, &w->burst.frames[0], order->in_port, order->program);
	dp_deliver_end(w, c.decide.in->index);
}

void dp_worker_take_orders(struct dp_worker *w, uint64_t now)
{
	void *mbufs[DP_BURST];
	unsigned n = rte_ring_dequeue_burst(w->dp->packet_outs, mbufs, DP_BURST, NULL);

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];
		struct order order = *rte_pktmbuf_mtod(m, struct order *);
		const struct dp_snap_bridge *bridge =
			dp_snapshot_bridge(w->snapshot, order.bridge->pipeline);

		rte_pktmbuf_adj(m, sizeof(order));
		w->burst.mbufs[0] = m;
		dp_burst_from_mbufs(&w->burst, 1);
		if (bridge)
			run_order(w, bridge, &order, now);
		rte_pktmbuf_free(m);
	}
	atomic_fetch_add(&w->dp->n_packet_outs_done, n);
}

/* Control thread */

#define TO_CONTROL_AT_ONCE 64

int dp_walk_start(struct dp *dp)
{
	dp->to_control = rte_ring_create("shunt-to-control", 1024, SOCKET_ID_ANY, RING_F_SC_DEQ);
	dp->packet_outs = rte_ring_create("shunt-packet-outs", DP_MAX_PACKET_OUTS, SOCKET_ID_ANY,
		RING_F_SP_ENQ | RING_F_SC_DEQ);
	return dp->to_control && dp->packet_outs ? 0 : -ENOMEM;
}

void dp_walk_stop(struct dp *dp)
{
	dp_mbuf_ring_free(dp->to_control);
	dp_mbuf_ring_free(dp->packet_outs);
	for (; dp->n_packet_outs_freed < dp->n_packet_outs; dp->n_packet_outs_freed++)
		free(dp->out_programs[dp->n_packet_outs_freed % DP_MAX_PACKET_OUTS]);
}

static void hand_over(struct dp *dp, struct rte_mbuf *m)
{
	const struct report *report = rte_pktmbuf_mtod(m, const struct report *);
	uint8_t *bytes = NULL;
	struct dp_to_control to = report->to;

	if (to.n_bytes) {
		bytes = malloc(to.n_bytes);
		if (!bytes)
			return;
		to.bytes = rte_pktmbuf_read(m, sizeof(*report), to.n_bytes, bytes);
	}
	if (dp->events.to_control)
		dp->events.to_control(dp->events.ctx, report->bridge, &to);
	free(bytes);
}

void dp_to_control_drain(struct dp *dp)
{
	void *m;

	for (unsigned i = 0; i < TO_CONTROL_AT_ONCE; i++) {
		if (rte_ring_dequeue(dp->to_control, &m) < 0)
			return;
		hand_over(dp, m);
		rte_pktmbuf_free(m);
	}
	/* More, after whatever else the control thread has to do. */
	dp_wake_control(dp);
}

void dp_to_control_forget(const struct dp_bridge *bridge)
{
	struct rte_ring *ring = bridge->dp->to_control;
	void *m;

	for (unsigned n = rte_ring_count(ring); n > 0 && rte_ring_dequeue(ring, &m) == 0; n--) {
		const struct report *report = rte_pktmbuf_mtod((struct rte_mbuf *)m, void *);

		if (report->bridge == bridge || rte_ring_enqueue(ring, m) < 0)
			rte_pktmbuf_free(m);
	}
}

static void free_done(struct dp *dp)
{
	uint64_t done = atomic_load(&dp->n_packet_outs_done);

	for (; dp->n_packet_outs_freed < done; dp->n_packet_outs_freed++)
		free(dp->out_programs[dp->n_packet_outs_freed % DP_MAX_PACKET_OUTS]);
}

int dp_packet_out(struct dp_bridge *bridge, uint32_t in_port, const void *frame, uint32_t len,
	struct dp_program *program)
{
	struct dp *dp = bridge->dp;
	struct rte_mbuf *m, *tail;
	struct order *order;

	free_done(dp);
	if (dp->n_packet_outs - dp->n_packet_outs_freed >= DP_MAX_PACKET_OUTS - 1)
		return -EAGAIN;
	tail = m = rte_pktmbuf_alloc(dp->pool);
	if (!m)
		return -ENOMEM;
	order = (struct order *)rte_pktmbuf_append(m, sizeof(*order));
	*order = (struct order){ bridge, program, in_port };
	if (dp_mbuf_append(m, &tail, dp->pool, frame, len) < 0 ||
		rte_ring_enqueue(dp->packet_outs, m) < 0) {
		rte_pktmbuf_free(m);
		return -ENOMEM;
	}
	dp->out_programs[dp->n_packet_outs++ % DP_MAX_PACKET_OUTS] = program;
	if (dp->n_workers)
		dp_worker_wake(dp->workers[0]);
	return 0;
}

void dp_barrier(struct dp *dp)
{
	while (dp->n_workers && !(rte_ring_empty(dp->packet_outs) && rte_ring_empty(dp->to_say)))
		sched_yield();
	dp_wait_for_workers(dp);
}
