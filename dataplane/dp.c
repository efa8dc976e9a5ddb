/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The dataplane as a whole: its start and end, publication of snapshots, and the control thread's
 * wake-ups. Control thread, but for dp_wake_control and dp_wait_for_workers.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <rte_cycles.h>

#include "pipeline.h"
#include "walk_worker.h"
#include "eal.h"
#include "links.h"
#include "protocol.h"
#include "sigbus.h"
#include "team.h"
#include "vhost/vhost.h"

#define CLOCK_START_S (UINT32_C(1) << 20) /* so that no age reaches behind 0 */

static int watch(struct dp *dp, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(dp->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_events(struct dp *dp)
{
	int r;

	dp->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	dp->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	dp->team_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (dp->epoll_fd < 0 || dp->wake_fd < 0 || dp->team_fd < 0)
		return -errno;
	r = watch(dp, dp->wake_fd);
	if (r == 0)
		r = dp_vhost_start(dp);
	if (r == 0)
		r = dp_links_start(dp);
	if (r == 0)
		r = watch(dp, dp->timer_fd);
	if (r == 0)
		r = watch(dp, dp->inotify_fd);
	if (r == 0)
		r = watch(dp, dp->link_fd);
	if (r == 0)
		r = watch(dp, dp->vhost_fd);
	if (r == 0)
		r = watch(dp, dp->team_fd);
	return r;
}

static void dp_destroy(struct dp *dp)
{
	int fds[] = { dp->epoll_fd, dp->wake_fd, dp->timer_fd, dp->inotify_fd, dp->link_fd,
		dp->vhost_fd, dp->team_fd };

	for (unsigned i = 0; i < RTE_DIM(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	dp_snapshot_free(atomic_load(&dp->snapshot));
	dp_walk_stop(dp);
	dp_protocol_stop(dp);
	dp_defer_free(dp->defer);
	dp_counts_free(dp->counts);
	rte_mempool_free(dp->pool);
	free(dp->qsbr);
	free(dp);
}

static int alloc_qsbr(struct dp *dp)
{
	size_t bytes = rte_rcu_qsbr_get_memsize(DP_MAX_WORKERS);

	dp->qsbr = aligned_alloc(64, RTE_ALIGN_CEIL(bytes, 64));
	if (!dp->qsbr)
		return -ENOMEM;
	return rte_rcu_qsbr_init(dp->qsbr, DP_MAX_WORKERS) ? -EINVAL : 0;
}

static void on_interrupt(int signal_number)
{
}

/* Not restarted, so that it ends a system call. */
static void catch_interrupts(void)
{
	struct sigaction action = { .sa_handler = on_interrupt };

	sigemptyset(&action.sa_mask);
	sigaction(SIGURG, &action, NULL);
}

int dp_new(const struct dp_conf *conf, struct sh_err *err, struct dp **ret)
{
	struct dp *dp = calloc(1, sizeof(*dp));
	struct dp_snapshot *empty;
	int r;

	if (!dp)
		return sh_err_set(err, -ENOMEM, "no memory for the dataplane");
	dp->epoll_fd = dp->wake_fd = dp->timer_fd = dp->inotify_fd = dp->link_fd = -1;
	dp->vhost_fd = dp->team_fd = -1;
	atomic_store(&dp->now_s, CLOCK_START_S);
	atomic_store(&dp->armed, true);
	r = dp_eal_start(conf, err, &dp->pool);
	if (r < 0) {
		free(dp);
		return r;
	}
	dp->tsc_hz = rte_get_tsc_hz();
	r = alloc_qsbr(dp);
	if (r == 0)
		r = dp_defer_new(dp, &dp->defer);
	if (r == 0)
		r = dp_counts_new(&dp->counts);
	if (r == 0)
		r = dp_walk_start(dp);
	if (r == 0)
		r = dp_protocol_start(dp);
	if (r == 0)
		r = dp_snapshot_new(dp, &empty);
	if (r == 0) {
		atomic_store(&dp->snapshot, empty);
		r = open_events(dp);
	}
	if (r < 0) {
		dp_destroy(dp);
		return sh_err_set(err, r, "dataplane does not start: %s", strerror(-r));
	}
	dp_sigbus_install();
	catch_interrupts();
	*ret = dp;
	return 0;
}

/* Members go with their team. */
static struct dp_port *first_to_delete(const struct dp *dp)
{
	struct dp_port *port;

	LIST_FOREACH (port, &dp->ports, link)
		if (!port->is_controller && !port->team)
			return port;
	return NULL;
}

void dp_free(struct dp *dp)
{
	struct dp_port *port;

	if (!dp)
		return;
	while (dp->n_workers)
		dp_worker_stop(dp->workers[--dp->n_workers]);
	while ((port = first_to_delete(dp)))
		dp_port_del(port);
	while (!LIST_EMPTY(&dp->bridges))
		dp_bridge_del(LIST_FIRST(&dp->bridges));
	dp_destroy(dp);
	dp_eal_stop();
}

int dp_event_fd(struct dp *dp)
{
	return dp->epoll_fd;
}

void dp_set_events(struct dp *dp, const struct dp_events *events)
{
	dp->events = *events;
}

void dp_wake_control(struct dp *dp)
{
	(void)eventfd_write(dp->wake_fd, 1);
}

/* A guest can make a worker wait in the one system call that is done for it (vq_signal). */
static void interrupt_workers(struct dp *dp)
{
	for (unsigned i = 0; i < dp->n_workers; i++)
		pthread_kill(dp->workers[i]->thread, SIGURG);
}

/* Sleeping workers are offline, so only those in a burst are waited for: microseconds. */
void dp_wait_for_workers(struct dp *dp)
{
	uint64_t token = rte_rcu_qsbr_start(dp->qsbr), patience = dp->tsc_hz / 10;
	uint64_t deadline = rte_rdtsc() + patience;

	while (!rte_rcu_qsbr_check(dp->qsbr, token, false)) {
		sched_yield();
		if (rte_rdtsc() < deadline)
			continue;
		interrupt_workers(dp);
		deadline += patience;
	}
}

/* A worker looks at is_held after it has told that it is between bursts, or is awake again; so one
 * that is waited for, or was asleep, has seen it before its next burst. */
void dp_hold(struct dp *dp)
{
	atomic_store(&dp->is_held, true);
	atomic_thread_fence(memory_order_seq_cst);
	dp_wait_for_workers(dp);
}

void dp_release(struct dp *dp)
{
	atomic_store_explicit(&dp->is_held, false, memory_order_release);
}

void dp_wake_workers(struct dp *dp)
{
	for (unsigned i = 0; i < dp->n_workers; i++)
		dp_worker_wake(dp->workers[i]);
}

static void tell_committed(struct dp *dp)
{
	struct dp_port *port;

	LIST_FOREACH (port, &dp->ports, link)
		if (port->ops->committed)
			port->ops->committed(port);
}

int dp_commit(struct dp *dp, struct sh_err *err)
{
	struct dp_snapshot *fresh, *old;
	int r = dp_snapshot_new(dp, &fresh);

	if (r < 0)
		return sh_err_set(err, r, "no memory to publish the change");
	old = atomic_exchange(&dp->snapshot, fresh);
	/* One that sleeps on the descriptors of the old snapshot must look at the new one. */
	dp_wake_workers(dp);
	dp_wait_for_workers(dp);
	dp_snapshot_free(old);
	tell_committed(dp);
	dp->stale = false;
	return 0;
}

static void announce(struct dp *dp, struct dp_port *port)
{
	bool up = dp_port_link_up(port);

	if (up == port->was_up)
		return;
	port->was_up = up;
	if (port->team) {
		if (dp->events.member_changed)
			dp->events.member_changed(dp->events.ctx, port->team, port->team_slot, up);
		return;
	}
	if (!up) {
		dp_fdb_flush(port->bridge, port, -1);
		dp_port_forget_own_mac(port);
	}
	if (dp->events.link_changed)
		dp->events.link_changed(dp->events.ctx, port, up);
}

static void serve_ports(struct dp *dp)
{
	struct dp_port *port, *next;

	for (port = LIST_FIRST(&dp->ports); port; port = next) {
		next = LIST_NEXT(port, link);
		if (!atomic_exchange(&port->notified, false))
			continue;
		if (port->ops->event)
			port->ops->event(port);
		dp->stale = true;
	}
}

void dp_dispatch(struct dp *dp)
{
	struct dp_port *port, *next;
	struct sh_err err;
	eventfd_t ignored;

	(void)eventfd_read(dp->wake_fd, &ignored);
	dp_learn_drain(dp);
	dp_protocol_drain(dp);
	dp_to_control_drain(dp);
	dp_defer_poll(dp->defer);
	dp_vhost_dispatch(dp);
	dp_links_dispatch(dp);
	serve_ports(dp);
	dp_teams_dispatch(dp);
	if (!dp->stale)
		return;
	if (dp_commit(dp, &err) < 0)
		sh_log_err("dataplane: %s", err.text);
	for (port = LIST_FIRST(&dp->ports); port; port = next) {
		next = LIST_NEXT(port, link);
		announce(dp, port);
	}
}

void dp_tick(struct dp *dp)
{
	struct dp_port *port;

	atomic_fetch_add_explicit(&dp->now_s, 1, memory_order_relaxed);
	dp_wait_for_workers(dp);
	dp_learn_drain(dp);
	dp_learn_age(dp);
	dp_defer_poll(dp->defer);
	dp_vhost_tick();
	LIST_FOREACH (port, &dp->ports, link)
		if (port->ops->tick)
			port->ops->tick(port);
}
