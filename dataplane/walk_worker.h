/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Walks in a worker, and the two rings between workers and the control thread that go with them.
 */
#pragma once

#include "worker.h"

/** Decide and deliver a burst by the bridge's tables. thread: the worker. */
void dp_worker_walk(struct dp_worker *w, const struct dp_decide_ctx *ctx,
	const struct dp_frame *frames, unsigned n);

/** Do what dp_packet_out has put in. thread: worker 0. */
void dp_worker_take_orders(struct dp_worker *w, uint64_t now_tsc);

/* control thread */
int dp_walk_start(struct dp *dp);
void dp_walk_stop(struct dp *dp);

/** Hand to dp_events what workers sent, some of it at a time. */
void dp_to_control_drain(struct dp *dp);

/** The bridge goes: drop what of it still waits. No worker has it any more. */
void dp_to_control_forget(const struct dp_bridge *bridge);
