/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The burst loop of a worker, and how the control thread starts and stops one. The loop reports a
 * quiescent state once a round, so what the control thread replaced can be freed.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "base/cleanup.h"
#include "capture.h"
#include "dp_private.h"
#include "mirror.h"
#include "protocol.h"
#include "walk.h"
#include "walk_worker.h"

/* How long an adaptive worker looks for frames before it sleeps: longer than a guest on a sleeping
 * CPU needs to answer, so that a ping costs one wake-up of the worker and not two. */
#define SPIN_US       200
#define BATCHES_BYTES (DP_MAX_PORTS * sizeof(struct dp_batch))

static void forward(struct dp_worker *w, const struct dp_decide_ctx *ctx)
{
	struct dp_verdict verdicts[DP_BURST];
	struct dp_burst *b = &w->burst;

	if (unlikely(ctx->in->bridge->uses_tables)) {
		dp_worker_walk(w, ctx, b->frames, b->n);
		return;
	}
	dp_decide_burst(ctx, b->frames, b->n, verdicts);
	dp_deliver_burst(w, ctx, b->frames, verdicts, b->n);
}

static __rte_noinline void forward_watched(struct dp_worker *w, const struct dp_decide_ctx *ctx)
{
	uint64_t came_tsc = rte_rdtsc(); /* now_tsc may be from before the frames were sent */
	uint8_t why[DP_BURST];

	memset(why, DP_N_DROPS, sizeof(why));
	dp_mirror_begin(w, ctx->in);
	w->why = why;
	forward(w, ctx);
	w->why = NULL;
	if (ctx->in->captures)
		dp_capture_received(w, ctx->in, why, came_tsc);
	if (ctx->received_by && ctx->received_by->captures)
		dp_capture_received(w, ctx->received_by, why, came_tsc);
	dp_mirror_received(w, ctx, why);
}

static void count_received(
	struct dp_worker *w, const struct dp_snap_port *port, unsigned n, uint64_t bytes)
{
	struct dp_port_counters *c = &port->port->counters[w->index];

	c->rx_packets += n;
	c->rx_bytes += bytes;
}

/* What a member of a team received, the team received. */
static void process(struct dp_worker *w, struct dp_snap_port *by, uint64_t now)
{
	struct dp_snap_port *in = by->master ? by->master : by;
	struct dp_burst *b = &w->burst;
	struct dp_decide_ctx ctx = {
		.snapshot = w->snapshot,
		.in = in,
		.member = by->is_choosy ? by : NULL,
		.received_by = by->master ? by : NULL,
		.now_tsc = now,
		.now_s = atomic_load_explicit(&w->dp->now_s, memory_order_relaxed),
	};
	uint64_t bytes = 0;

	for (unsigned i = 0; i < b->n; i++)
		bytes += b->frames[i].len;
	count_received(w, in, b->n, bytes);
	if (in != by)
		count_received(w, by, b->n, bytes);
	w->rx_packets += b->n;
	if (by->takes_protocols)
		dp_protocol_take(w->dp, by, b, now);
	if (unlikely(in->is_watched))
		forward_watched(w, &ctx);
	else
		forward(w, &ctx);
}

unsigned dp_worker_poll(struct dp_worker *w, uint64_t now)
{
	const struct dp_snapshot *s = w->snapshot;
	unsigned total = 0;

	if (w->index == 0 && unlikely(!rte_ring_empty(w->dp->packet_outs)))
		dp_worker_take_orders(w, now);
	if (w->index == 0 && unlikely(!rte_ring_empty(w->dp->to_say)))
		dp_protocol_send_all(w);
	for (uint32_t i = 0; i < s->polls[w->index].n; i++) {
		const struct dp_snap_rxq *q = &s->polls[w->index].queues[i];
		uint16_t n = q->port->ops->rx(q->port->port, q->queue, &w->burst);

		if (n == 0)
			continue;
		process(w, q->port, now);
		if (q->port->ops->rx_done)
			q->port->ops->rx_done(q->port->port, q->queue, &w->burst);
		total += n;
	}
	return total;
}

/* Between bursts, as all who wait for workers to be are told. */
static void wait_for_release(struct dp_worker *w)
{
	while (atomic_load_explicit(&w->dp->is_held, memory_order_acquire)) {
		rte_rcu_qsbr_quiescent(w->dp->qsbr, w->index);
		sched_yield();
	}
}

static void loop(struct dp_worker *w)
{
	uint64_t spin_tsc = w->dp->tsc_hz / 1000000 * SPIN_US;
	uint64_t t = rte_rdtsc(), last_frame = t;

	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		uint64_t end;
		unsigned n;

		rte_rcu_qsbr_quiescent(w->dp->qsbr, w->index);
		if (unlikely(atomic_load_explicit(&w->dp->is_held, memory_order_relaxed)))
			wait_for_release(w);
		w->snapshot = atomic_load_explicit(&w->dp->snapshot, memory_order_acquire);
		n = dp_worker_poll(w, t);
		end = rte_rdtsc();
		if (n) {
			w->busy_cycles += end - t;
			last_frame = end;
		} else {
			if (end - last_frame > spin_tsc) {
				if (w->adaptive)
					dp_worker_sleep(w);
				else if (w->yields)
					sched_yield();
				end = rte_rdtsc();
			}
			w->idle_cycles += end - t;
		}
		t = end;
	}
}

static int pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *worker_main(void *arg)
{
	struct dp_worker *w = arg;
	char name[16];
	int r = pin(w->cpu);

	if (r == 0 && rte_thread_register() < 0)
		r = -rte_errno;
	if (r < 0) {
		atomic_store(&w->started, r);
		return NULL;
	}
	snprintf(name, sizeof(name), "shunt-w%u", w->index);
	pthread_setname_np(pthread_self(), name);
	rte_rcu_qsbr_thread_register(w->dp->qsbr, w->index);
	rte_rcu_qsbr_thread_online(w->dp->qsbr, w->index);
	atomic_store(&w->started, 1);
	loop(w);
	rte_rcu_qsbr_thread_offline(w->dp->qsbr, w->index);
	rte_rcu_qsbr_thread_unregister(w->dp->qsbr, w->index);
	rte_thread_unregister();
	return NULL;
}

static void worker_free(struct dp_worker *w)
{
	if (!w)
		return;
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	rte_ring_free(w->learns);
	if (w->batches)
		munmap(w->batches, BATCHES_BYTES);
	free(w->space);
	free(w->marks);
	free(w);
}

/* Most ports of the table do not exist, so most of its pages are never touched. */
static struct dp_batch *map_batches(void)
{
	void *p = mmap(
		NULL, BATCHES_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int worker_alloc(struct dp *dp, unsigned index, struct dp_worker **ret)
{
	struct dp_worker *w = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*w), 64));
	char name[32];

	if (!w)
		return -ENOMEM;
	memset(w, 0, sizeof(*w));
	w->dp = dp;
	w->index = index;
	w->epoll_fd = -1;
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->batches = map_batches();
	snprintf(name, sizeof(name), "shunt-learn-%u", index);
	w->learns = rte_ring_create_elem(name, sizeof(struct dp_learn_msg), DP_LEARN_RING,
		SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	w->space = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*w->space), 64));
	w->marks = calloc(1, sizeof(*w->marks));
	if (w->wake_fd < 0 || !w->batches || !w->learns || !w->space || !w->marks ||
		dp_counts_array(dp->counts, index, &w->counts) < 0) {
		worker_free(w);
		return -ENOMEM;
	}
	*ret = w;
	return 0;
}

int dp_worker_start(
	struct dp *dp, unsigned index, unsigned cpu, enum dp_poll poll, struct sh_err *err)
{
	cpu_set_t mine;
	struct dp_worker *w;
	int r = worker_alloc(dp, index, &w);

	if (r < 0)
		return sh_err_set(err, r, "no memory for worker %u", index);
	w->cpu = cpu;
	w->adaptive = poll == DP_POLL_ADAPTIVE;
	CPU_ZERO(&mine);
	sched_getaffinity(0, sizeof(mine), &mine);
	w->yields = CPU_COUNT(&mine) == 1;
	r = -pthread_create(&w->thread, NULL, worker_main, w);
	if (r < 0) {
		worker_free(w);
		return sh_err_set(
			err, r, "cannot start a thread for worker %u: %s", index, strerror(-r));
	}
	while ((r = atomic_load(&w->started)) == 0)
		sched_yield();
	if (r < 0) {
		pthread_join(w->thread, NULL);
		worker_free(w);
		return sh_err_set(
			err, r, "worker %u cannot run on CPU %u: %s", index, cpu, strerror(-r));
	}
	dp->workers[index] = w;
	return 0;
}

void dp_worker_wake(struct dp_worker *w)
{
	/* Fails only when the counter is full, and then the worker is being woken already. */
	(void)eventfd_write(w->wake_fd, 1);
}

void dp_worker_stop(struct dp_worker *w)
{
	atomic_store(&w->stop, true);
	dp_worker_wake(w);
	pthread_join(w->thread, NULL);
	w->dp->workers[w->index] = NULL;
	worker_free(w);
}
