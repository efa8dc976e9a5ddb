/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Frames of LACP and LLDP between workers and the control thread.
 */
#pragma once

#include "worker.h"

struct dp_snap_port;

/** Hand to the control thread what the port takes for itself, and have it refused; LLDP on a bridge
 * with flows goes its way as well. thread: the worker. */
void dp_protocol_take(
	struct dp *dp, const struct dp_snap_port *in, struct dp_burst *burst, uint64_t now_tsc);

/** Send what the control thread has put in. thread: worker 0. */
void dp_protocol_send_all(struct dp_worker *w);

/* control thread */
int dp_protocol_start(struct dp *dp);
void dp_protocol_stop(struct dp *dp);

/** Hand to dp_events what workers took. */
void dp_protocol_drain(struct dp *dp);

/** The port goes: drop what came by it and waits. No worker has it any more. */
void dp_protocol_forget(const struct dp_port *port);
