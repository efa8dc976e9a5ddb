/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A worker: one pinned thread that receives, decides and delivers until it is told to stop. It
 * takes no lock, allocates nothing and logs nothing; it counts.
 */
#pragma once

#include <pthread.h>
#include <rte_ring.h>

#include "counts.h"
#include "merge.h"
#include "offload.h"

#define DP_LEARN_RING 4096 /* addresses that wait for the control thread */
#define DP_N_TOLD     64

struct dp_mirror_marks;
struct dp_walk_space;

/* A source address that a worker saw on a port where the table does not have it. */
struct dp_learn_msg {
	uint64_t key;
	uint64_t port;
};

#define DP_N_LEARNED 1024

/* What flows learned from a frame last, a place by a hash of what they are found by. */
struct dp_learned {
	uint64_t what; /* a hash of all that was taken of the frame */
	uint32_t n_changed, at_s;
};

/* An address that the control thread was told of a moment ago. */
struct dp_told {
	uint64_t key, again_tsc, until_tsc;
	uint16_t port, n_moves; /* until then */
};

/* Frames on their way out of one port, sent when full or when the received burst is done. */
struct dp_batch {
	uint16_t n;
	uint8_t offloads; /* of all its frames */
	bool is_touched;
	struct dp_item items[DP_BURST];
} __rte_cache_aligned;

struct dp_worker {
	/* Written by this worker only; read by anybody, each field by itself. */
	uint64_t rx_packets, tx_packets, copied, dropped, busy_cycles, idle_cycles;

	struct dp *dp __rte_cache_aligned;
	unsigned index, cpu;
	bool adaptive;
	bool yields; /* shares its CPU with the control thread */
	const struct dp_snapshot *snapshot;
	uint32_t n_touched;
	uint16_t touched[DP_MAX_PORTS];
	struct dp_batch *batches; /* by port index */
	struct dp_burst burst;
	struct dp_output outputs[DP_MAX_PORTS];
	struct dp_segmenter segmenter;
	struct dp_merger merger;
	struct dp_walk_space *space;
	struct dp_mirror_marks *marks;
	struct dp_count *counts;
	struct rte_ring *learns;
	bool has_learns;
	uint8_t *why; /* [burst.n] enum dp_drop, to be written while the burst's port is captured */
	struct dp_told told[DP_N_TOLD];

	struct dp_learned learned[DP_N_LEARNED];

	int epoll_fd;
	uint64_t epoll_generation; /* snapshot that the descriptors in epoll_fd are of */
	int sleep_ms;              /* -1: until woken */

	/* control thread */
	pthread_t thread;
	bool running;
	_Atomic bool stop;
	_Atomic int started; /* 0: not yet, 1: running, -errno: failed */
	int wake_fd;
	struct dp_worker_stats baseline; /* what the statistics were when they were cleared */
};

int dp_worker_start(
	struct dp *dp, unsigned index, unsigned cpu, enum dp_poll poll, struct sh_err *err);
void dp_worker_stop(struct dp_worker *worker);
void dp_worker_wake(struct dp_worker *worker);

/**
 * Deliver a burst by its verdicts. The second half of a frame's way.
 *
 * shape:   frames[n], verdicts[n]
 * thread:  the worker
 */
void dp_deliver_burst(struct dp_worker *worker, const struct dp_decide_ctx *ctx,
	const struct dp_frame *frames, const struct dp_verdict *verdicts, unsigned n);

/* The same a frame at a time, for flow tables: each frame, then the end of the burst. A frame's
 * n_out calls of deliver_one or count_control are followed by count_walk. */
void dp_deliver_one(struct dp_worker *worker, const struct dp_decide_ctx *ctx,
	const struct dp_frame *frame, const struct dp_verdict *verdict);
void dp_deliver_end(struct dp_worker *worker, uint16_t in);
void dp_count_walk(struct dp_worker *worker, uint16_t in, uint32_t n_out, uint8_t why);
void dp_count_received(struct dp_worker *worker, const struct dp_snap_port *port, uint32_t len);

/**
 * Send copies by a port that dp_decide_copy has let through; they are counted on `in` as such.
 *
 * shape:   items[n], n <= DP_BURST
 * thread:  the worker
 */
void dp_deliver_copies(struct dp_worker *worker, uint16_t in, const struct dp_snap_port *out,
	struct dp_item *items, unsigned n);

/** A copy that is not let through. */
void dp_count_copy_drop(struct dp_worker *worker, uint16_t in, uint16_t out, uint8_t reason);

/** A frame for the control thread, taken or not. */
void dp_count_control(
	struct dp_worker *worker, const struct dp_snap_port *port, uint32_t len, bool is_taken);

/** One round over the worker's queues; returns how many frames it received. thread: the worker. */
unsigned dp_worker_poll(struct dp_worker *worker, uint64_t now_tsc);

/** Wait for a frame or for the control thread. thread: the worker. */
void dp_worker_sleep(struct dp_worker *worker);
