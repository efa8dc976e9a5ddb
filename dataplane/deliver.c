/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The second half of a frame's way: drop and count, collect into a batch a port, send. A learning
 * bridge fills no batch more than once a burst; flow tables may, and then it is sent at once. Runs
 * in workers.
 */
#include "capture.h"
#include "deliver.h"
#include "dp_private.h"
#include "fresh.h"
#include "mirror.h"
#include "team.h"
#include "walk_worker.h"

/* The control thread hears of an address behind at most MOVES_TOLD + 1 ports in a moment. */
#define MOMENTS_A_SECOND 100
#define MOVES_TOLD       4
#define ASKED_A_SECOND   5000

static struct dp_port_counters *counters(struct dp_worker *w, uint16_t port)
{
	return &w->snapshot->ports[port]->port->counters[w->index];
}

static void count_drop(struct dp_worker *w, uint16_t port, unsigned reason, unsigned n)
{
	counters(w, port)->drops[reason] += n;
	w->dropped += n;
}

/* For captures: why a frame of the burst goes nowhere. A copy that a flow changed is none of it. */
static inline void note(struct dp_worker *w, const struct dp_frame *f, unsigned reason)
{
	const struct dp_burst *b = &w->burst;

	if (unlikely(w->why) && f >= b->frames && f < b->frames + b->n)
		w->why[f - b->frames] = (uint8_t)reason;
}

static void count_copies(struct dp_worker *w, uint16_t in, unsigned n)
{
	counters(w, in)->copied += n;
	w->copied += n;
}

static inline void send(struct dp_worker *w, uint16_t in, const struct dp_snap_port *out,
	struct dp_item *items, unsigned n)
{
	unsigned sent;

	if (unlikely(out->team))
		dp_team_transmit(w, w->snapshot->ports[in], out, items, n);
	else
		dp_transmit(w, out, items, n);
	sent = dp_count_items(&out->port->counters[w->index], items, n);
	w->tx_packets += sent;
	w->dropped += n - sent;
}

static void send_noted(struct dp_worker *w, uint16_t in, const struct dp_snap_port *out,
	struct dp_item *items, unsigned n)
{
	send(w, in, out, items, n);
	if (out->captures)
		dp_capture_sent(w, out, items, n);
}

static void send_segments(struct dp_worker *w, uint16_t in, const struct dp_snap_port *out,
	const struct dp_item *item)
{
	struct dp_segmenter *s = &w->segmenter;
	uint16_t n;

	count_copies(w, in, dp_segment_begin(s, item) - 1);
	while ((n = dp_segment_next(s)))
		send_noted(w, in, out, s->items, n);
}

/* A frame that has something left to be done has its head in private memory. */
static void finish_checksum(const struct dp_frame *f)
{
	dp_offload_checksum((struct dp_frame *)(uintptr_t)f, (uint8_t *)(uintptr_t)f->head);
}

/* What may be left to be done on the way from one port to the other. */
static inline unsigned takes_of(
	const struct dp_worker *w, uint16_t in, const struct dp_snap_port *out)
{
	return atomic_load_explicit(&out->port->takes, memory_order_relaxed) & out->offloads &
	       w->snapshot->ports[in]->offloads;
}

/* To a port that does not take all that is left to be done, or from one that may leave nothing: do
 * it. Frames keep their order. */
static void send_finished(struct dp_worker *w, uint16_t in, const struct dp_snap_port *out,
	struct dp_item *items, unsigned n)
{
	unsigned takes = takes_of(w, in, out), first = 0;

	for (unsigned i = 0; i < n; i++) {
		struct dp_item *item = &items[i];

		if (!(item->frame->offloads & ~takes))
			continue;
		if (!(item->frame->offloads & DP_OFFLOAD_GSO)) {
			finish_checksum(item->frame);
			continue;
		}
		if (i > first)
			send_noted(w, in, out, items + first, i - first);
		send_segments(w, in, out, item);
		first = i + 1;
	}
	if (n > first)
		send_noted(w, in, out, items + first, n - first);
}

/* What is left to be done is done, and captures and mirrors get what they want. */
static __rte_noinline void flush_slowly(
	struct dp_worker *w, uint16_t in, const struct dp_snap_port *out, struct dp_batch *batch)
{
	if (batch->offloads)
		send_finished(w, in, out, batch->items, batch->n);
	else
		send_noted(w, in, out, batch->items, batch->n);
	if (out->mirrors_out)
		dp_mirror_sent(w, in, out, batch->items, batch->n);
}

/* What was put together counts for all that it was put together from. */
static void count_members(struct dp_worker *w, const struct dp_snap_port *out)
{
	const struct dp_merger *m = &w->merger;

	for (unsigned i = 0; i < m->n; i++) {
		unsigned more = m->n_members[i] - 1u;

		if (m->items[i].drop == DP_N_DROPS) {
			out->port->counters[w->index].tx_packets += more;
			w->tx_packets += more;
		} else {
			count_drop(w, out->index, m->items[i].drop, more);
		}
	}
}

/* From a wire to a guest that takes long frames. Where somebody watches, frames are as they came.
 */
static __rte_noinline void send_merged(
	struct dp_worker *w, uint16_t in, const struct dp_snap_port *out, struct dp_batch *batch)
{
	if (!dp_merge(&w->merger, batch->items, batch->n)) {
		send(w, in, out, batch->items, batch->n);
		return;
	}
	send(w, in, out, w->merger.items, w->merger.n);
	count_members(w, out);
}

static bool merges(
	const struct dp_worker *w, uint16_t in, const struct dp_snap_port *out, unsigned n)
{
	const unsigned needs = DP_OFFLOAD_CSUM | DP_OFFLOAD_TSO;

	return unlikely(w->snapshot->ports[in]->merges) && n > 1 &&
	       (takes_of(w, in, out) & needs) == needs;
}

static void flush(struct dp_worker *w, uint16_t in, uint16_t index)
{
	const struct dp_snap_port *out = w->snapshot->ports[index];
	struct dp_batch *batch = &w->batches[index];

	if (unlikely(batch->offloads | out->is_watched))
		flush_slowly(w, in, out, batch);
	else if (unlikely(merges(w, in, out, batch->n)))
		send_merged(w, in, out, batch);
	else
		send(w, in, out, batch->items, batch->n);
	batch->n = 0;
	batch->offloads = 0;
}

static void flush_all(struct dp_worker *w, uint16_t in)
{
	for (uint32_t i = 0; i < w->n_touched; i++) {
		struct dp_batch *batch = &w->batches[w->touched[i]];

		batch->is_touched = false;
		if (batch->n)
			flush(w, in, w->touched[i]);
	}
	w->n_touched = 0;
}

static inline void output(
	struct dp_worker *w, const struct dp_frame *f, uint16_t port, uint8_t tag_op, uint16_t tci)
{
	struct dp_batch *batch = &w->batches[port];
	struct dp_item *item = &batch->items[batch->n];

	if (!batch->is_touched) {
		batch->is_touched = true;
		w->touched[w->n_touched++] = port;
	}
	item->frame = f;
	item->len = f->len + (uint32_t)dp_tag_shift(tag_op);
	item->tci = tci;
	item->tag_op = tag_op;
	batch->offloads |= f->offloads;
	batch->n++;
}

static inline void output_and_flush(struct dp_worker *w, const struct dp_decide_ctx *ctx,
	const struct dp_frame *f, const struct dp_output *o)
{
	output(w, f, o->port, o->tag_op, o->out_tci);
	if (unlikely(w->batches[o->port].n == DP_BURST))
		flush(w, ctx->in->index, o->port);
}

static void deliver_many(struct dp_worker *w, const struct dp_decide_ctx *ctx,
	const struct dp_frame *frame, const struct dp_verdict *v)
{
	uint16_t in = ctx->in->index;
	unsigned n = dp_decide_outputs(ctx, frame, v, w->outputs);

	if (n == 0) {
		bool to_itself = v->known_port_plus1 == in + 1;
		unsigned reason = to_itself ? DP_DROP_SAME_PORT : DP_DROP_NO_DESTINATION;

		note(w, frame, reason);
		count_drop(w, in, reason, 1);
		return;
	}
	count_copies(w, in, n - 1);
	for (unsigned i = 0; i < n; i++) {
		const struct dp_output *o = &w->outputs[i];

		if (o->drop != DP_N_DROPS)
			count_drop(w, o->port, o->drop, 1);
		else
			output_and_flush(w, ctx, frame, o);
	}
}

/* The control thread need not hear of one address with every frame until it has taken it in, nor of
 * every move of one that two ports claim: some of them are enough to follow it. */
static bool told_lately(struct dp_worker *w, const struct dp_decide_ctx *ctx, uint64_t key)
{
	uint64_t hz = w->dp->tsc_hz;
	struct dp_told *t = &w->told[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 58];

	static_assert(DP_N_TOLD == 1 << (64 - 58), "the slot is the top of the product");
	if (t->key != key || ctx->now_tsc >= t->until_tsc)
		*t = (struct dp_told){ .key = key,
			.until_tsc = ctx->now_tsc + hz / MOMENTS_A_SECOND };
	else if (t->port == ctx->in->index ? ctx->now_tsc < t->again_tsc
					   : t->n_moves++ >= MOVES_TOLD)
		return true;
	t->port = ctx->in->index;
	t->again_tsc = ctx->now_tsc + hz / ASKED_A_SECOND;
	return false;
}

static void tell(struct dp_worker *w, const struct dp_decide_ctx *ctx, const struct dp_verdict *v)
{
	struct dp_learn_msg msg = { v->src_key, ctx->in->index };

	if (unlikely(ctx->in->bridge->fresh) && !ctx->in->team)
		dp_fresh_note(ctx->in->bridge->fresh, v->src_key, ctx->now_s);
	if (told_lately(w, ctx, v->src_key))
		return;
	/* A full ring loses nothing for good: the next frame from there asks again. */
	if (rte_ring_sp_enqueue_elem(w->learns, &msg, sizeof(msg)) == 0)
		w->has_learns = true;
}

static void drop(struct dp_worker *w, const struct dp_decide_ctx *ctx, const struct dp_frame *f,
	const struct dp_verdict *v)
{
	note(w, f, v->drop);
	count_drop(w, v->port, v->drop, 1);
	if (unlikely(ctx->received_by) && v->port == ctx->in->index)
		counters(w, ctx->received_by->index)->drops[v->drop]++;
}

static inline void deliver(struct dp_worker *w, const struct dp_decide_ctx *ctx,
	const struct dp_frame *f, const struct dp_verdict *v)
{
	if (unlikely(v->learn))
		tell(w, ctx, v);
	if (likely(v->kind == DP_VERDICT_ONE))
		output(w, f, v->port, v->tag_op, v->out_tci);
	else if (v->kind == DP_VERDICT_DROP)
		drop(w, ctx, f, v);
	else
		deliver_many(w, ctx, f, v);
}

void dp_deliver_one(struct dp_worker *w, const struct dp_decide_ctx *ctx,
	const struct dp_frame *frame, const struct dp_verdict *v)
{
	deliver(w, ctx, frame, v);
	if (v->kind == DP_VERDICT_ONE && unlikely(w->batches[v->port].n == DP_BURST))
		flush(w, ctx->in->index, v->port);
}

void dp_deliver_end(struct dp_worker *w, uint16_t in)
{
	flush_all(w, in);
	if (unlikely(w->has_learns)) {
		w->has_learns = false;
		if (atomic_exchange(&w->dp->armed, false))
			dp_wake_control(w->dp);
	}
}

void dp_deliver_burst(struct dp_worker *w, const struct dp_decide_ctx *ctx,
	const struct dp_frame *frames, const struct dp_verdict *verdicts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		deliver(w, ctx, &frames[i], &verdicts[i]);
	dp_deliver_end(w, ctx->in->index);
}

void dp_deliver_copies(struct dp_worker *w, uint16_t in, const struct dp_snap_port *out,
	struct dp_item *items, unsigned n)
{
	if (n == 0)
		return;
	count_copies(w, in, n);
	send_finished(w, in, out, items, n);
}

void dp_count_copy_drop(struct dp_worker *w, uint16_t in, uint16_t out, uint8_t reason)
{
	count_copies(w, in, 1);
	count_drop(w, out, reason, 1);
}

void dp_count_walk(struct dp_worker *w, uint16_t in, uint32_t n_out, uint8_t why)
{
	if (likely(n_out == 1))
		return;
	if (n_out == 0)
		count_drop(w, in, why, 1);
	else
		count_copies(w, in, n_out - 1);
}

void dp_count_received(struct dp_worker *w, const struct dp_snap_port *port, uint32_t len)
{
	struct dp_port_counters *c = counters(w, port->index);

	c->rx_packets++;
	c->rx_bytes += len;
	w->rx_packets++;
}

void dp_count_control(
	struct dp_worker *w, const struct dp_snap_port *port, uint32_t len, bool taken)
{
	struct dp_port_counters *c = counters(w, port->index);

	if (!taken) {
		count_drop(w, port->index, DP_DROP_CONTROLLER, 1);
		return;
	}
	c->tx_packets++;
	c->tx_bytes += len;
	w->tx_packets++;
}
