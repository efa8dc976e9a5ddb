/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The workers' side of captures.
 */
#pragma once

#include "dataplane/capture.h"
#include "frame.h"
#include "worker.h"

/**
 * A burst that came in by a captured port, after it was delivered.
 *
 * shape:   why[n]: enum dp_drop, DP_N_DROPS for a frame that went somewhere
 * units:   now in TSC cycles: when the burst came
 * thread:  the worker
 */
void dp_capture_received(
	struct dp_worker *w, const struct dp_snap_port *in, const uint8_t *why, uint64_t now);

/** Frames that were handed to a captured port, with what became of each in its item. */
void dp_capture_sent(struct dp_worker *w, const struct dp_snap_port *out,
	const struct dp_item *items, unsigned n);

/** The port goes: its captures are over. No worker sees it any more. thread: control. */
void dp_capture_port_gone(struct dp_port *port);
