/* SPDX-License-Identifier: BSD-3-Clause
 *
 * struct dp and struct dp_bridge: the model that the control thread owns.
 */
#pragma once

#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>

#include "base/log.h"
#include "counts.h"
#include "dataplane/mirror.h"
#include "defer.h"
#include "fresh.h"
#include "worker.h"

#define DP_MAX_PACKET_OUTS 1024

struct dp_bridge {
	LIST_ENTRY(dp_bridge) link;
	struct dp *dp;
	struct dp_bridge_conf conf;
	struct dp_fdb *fdb;
	struct dp_pipeline *pipeline;
	bool uses_tables, drops_fragments;
	unsigned n_ports;
	uint16_t snap_index; /* scratch of a drawing */
	uint64_t n_moves;
	struct dp_mirror *mirrors[DP_MAX_MIRRORS];
	struct sh_log_limit move_log, full_log;
	struct dp_fresh fresh;
};

struct dp {
	struct rte_mempool *pool;
	struct rte_rcu_qsbr *qsbr;
	_Atomic(struct dp_snapshot *) snapshot;
	_Atomic bool is_held;   /* workers begin no burst */
	_Atomic uint32_t now_s; /* coarse clock of table entries, advanced by dp_tick */
	uint64_t tsc_hz;
	bool shares_queues; /* more than one worker: a send queue may have several users */

	/* control thread */
	LIST_HEAD(, dp_bridge) bridges;
	LIST_HEAD(, dp_port) ports;
	struct dp_port *by_index[DP_MAX_PORTS];
	struct dp_worker *workers[DP_MAX_WORKERS];
	unsigned n_workers;
	struct dp_events events;
	uint64_t generation;
	struct dp_defer *defer;
	struct rte_ring *to_control;  /* mbufs, from any worker to the control thread */
	struct rte_ring *packet_outs; /* mbufs, from the control thread to worker 0 */
	_Atomic uint64_t n_packet_outs_done;
	uint64_t n_packet_outs, n_packet_outs_freed;
	struct dp_program *out_programs[DP_MAX_PACKET_OUTS]; /* those not freed yet, in turn */
	struct rte_ring *heard;  /* mbufs of LACP and LLDP, from any worker */
	struct rte_ring *to_say; /* and to worker 0 */
	struct dp_counts_pool *counts;
	bool stale; /* a link changed: draw anew at the end of dp_dispatch */

	/* wake-up of the control thread */
	int epoll_fd, wake_fd, timer_fd, inotify_fd, link_fd, vhost_fd, team_fd;
	_Atomic bool armed; /* a worker that finds it true clears it and writes wake_fd */
};

/** Wake the control thread. thread: any. */
void dp_wake_control(struct dp *dp);

/** Have sleeping workers look at their queues. thread: control. */
void dp_wake_workers(struct dp *dp);

/** Forget what was learned on a port. thread: control. */
void dp_learn_forget(struct dp_port *port);

/** Take in what workers saw. thread: control. */
void dp_learn_drain(struct dp *dp);

/** Sweep a slice of the entries past their age. thread: control. */
void dp_learn_age(struct dp *dp);
