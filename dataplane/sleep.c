/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How an adaptive worker sleeps: it asks every queue for a wake-up, looks once more, and waits on
 * the queues' descriptors, which are edge-triggered so that nothing has to be read from them.
 */
#include <sys/epoll.h>
#include <unistd.h>
#include <rte_cycles.h>

#include "dp_private.h"

#define POLLED_SLEEP_MS 1 /* for queues that cannot wake anybody */

static void watch(struct dp_worker *w, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.fd = fd };

	/* A descriptor that just closed belongs to a queue that the next snapshot will not have. */
	(void)epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* Descriptors change only with the snapshot. */
static void watch_all(struct dp_worker *w)
{
	const struct dp_snapshot *s = w->snapshot;

	if (w->epoll_generation == s->generation && w->epoll_fd >= 0)
		return;
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->sleep_ms = -1;
	watch(w, w->wake_fd);
	for (uint32_t i = 0; i < s->polls[w->index].n; i++) {
		const struct dp_snap_rxq *q = &s->polls[w->index].queues[i];
		int fd = q->port->ops->rx_fd(q->port->port, q->queue);

		if (fd >= 0)
			watch(w, fd);
		else
			w->sleep_ms = POLLED_SLEEP_MS;
	}
	w->epoll_generation = s->generation;
}

static void arm_all(struct dp_worker *w, bool on)
{
	const struct dp_snapshot *s = w->snapshot;

	for (uint32_t i = 0; i < s->polls[w->index].n; i++) {
		const struct dp_snap_rxq *q = &s->polls[w->index].queues[i];

		if (q->port->ops->rx_arm)
			q->port->ops->rx_arm(q->port->port, q->queue, on);
	}
}

void dp_worker_sleep(struct dp_worker *w)
{
	struct epoll_event events[8];

	watch_all(w);
	arm_all(w, true);
	/* A frame that came before the queue was armed wakes nobody. */
	if (dp_worker_poll(w, rte_rdtsc()) == 0) {
		rte_rcu_qsbr_thread_offline(w->dp->qsbr, w->index);
		(void)epoll_wait(w->epoll_fd, events, 8, w->sleep_ms);
		rte_rcu_qsbr_thread_online(w->dp->qsbr, w->index);
		w->snapshot = atomic_load_explicit(&w->dp->snapshot, memory_order_acquire);
	}
	arm_all(w, false);
}
