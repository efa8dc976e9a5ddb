/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The set of workers: replaced as a whole, with a check of the CPUs before the first is stopped.
 * Also their statistics, which a clear does not touch but subtracts. Control thread.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "dp_private.h"

unsigned dp_default_cpu(void)
{
	cpu_set_t set;
	unsigned last = 0;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 0;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			last = cpu;
	return last;
}

static int check_cpus(const struct dp_workers_conf *conf, struct sh_err *err)
{
	cpu_set_t set;

	if (conf->n > DP_MAX_WORKERS)
		return sh_err_set(err, -EINVAL, "%u workers are too many: at most %u", conf->n,
			DP_MAX_WORKERS);
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (unsigned i = 0; i < conf->n; i++) {
		if (conf->cpus[i] < CPU_SETSIZE && CPU_ISSET(conf->cpus[i], &set))
			continue;
		return sh_err_set(err, -EINVAL,
			"CPU %u does not exist or is not allowed: the last one is %u",
			conf->cpus[i], dp_default_cpu());
	}
	return 0;
}

/* All workers have stopped: queues may be dealt anew. */
static void forget_queues(struct dp *dp)
{
	struct dp_port *port;

	LIST_FOREACH (port, &dp->ports, link)
		memset(port->rxq_worker, DP_NO_WORKER, sizeof(port->rxq_worker));
}

int dp_workers_set(struct dp *dp, const struct dp_workers_conf *conf, struct sh_err *err)
{
	int r = check_cpus(conf, err);

	if (r < 0)
		return r;
	while (dp->n_workers)
		dp_worker_stop(dp->workers[--dp->n_workers]);
	forget_queues(dp);
	dp->shares_queues = conf->n > 1;
	for (unsigned i = 0; i < conf->n; i++) {
		r = dp_worker_start(dp, i, conf->cpus[i], conf->poll, err);
		if (r < 0)
			break;
		dp->n_workers++;
	}
	/* Queues are dealt to the workers there are, also when not all could be started. */
	if (r < 0) {
		(void)dp_commit(dp, NULL);
		return r;
	}
	return dp_commit(dp, err);
}

unsigned dp_n_workers(const struct dp *dp)
{
	return dp->n_workers;
}

#define READ(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

static void read_raw(const struct dp_worker *w, struct dp_worker_stats *ret)
{
	ret->rx_packets = READ(w->rx_packets);
	ret->tx_packets = READ(w->tx_packets);
	ret->copied = READ(w->copied);
	ret->dropped = READ(w->dropped);
	ret->busy_cycles = READ(w->busy_cycles);
	ret->idle_cycles = READ(w->idle_cycles);
}

void dp_worker_get_stats(const struct dp *dp, unsigned worker, struct dp_worker_stats *ret)
{
	const struct dp_worker *w = dp->workers[worker];
	const struct dp_worker_stats *base = &w->baseline;

	memset(ret, 0, sizeof(*ret));
	read_raw(w, ret);
	ret->worker = worker;
	ret->cpu = w->cpu;
	ret->rx_packets -= base->rx_packets;
	ret->tx_packets -= base->tx_packets;
	ret->copied -= base->copied;
	ret->dropped -= base->dropped;
	ret->busy_cycles -= base->busy_cycles;
	ret->idle_cycles -= base->idle_cycles;
	ret->n_rx_queues = atomic_load(&dp->snapshot)->polls[worker].n;
}

void dp_worker_clear_stats(struct dp *dp)
{
	for (unsigned i = 0; i < dp->n_workers; i++)
		read_raw(dp->workers[i], &dp->workers[i]->baseline);
}
