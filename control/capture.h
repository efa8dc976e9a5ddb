/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Captures that clients asked for: each has a socket in the run folder, and whoever connects to it
 * gets pcapng until he closes, or until the port goes. Control thread.
 */
#pragma once

#include <stdint.h>

#include "dataplane/capture.h"

#define CAPTURE_SNAPLEN                                                                            \
	262144u         /* bytes, unless said otherwise: whole frames, as tcpdump has it           \
			 */
#define CAPTURE_MAX 16u /* at a time */

struct ctl;
struct capture;

/**
 * Capture on a port, or on the hidden one of a team's device; end by oneself after n_frames, unless
 * it is 0. conf's filter is the capture's then.
 *
 * return:  0 and the socket's path in *ret_socket, valid until the next call
 * errors:  those of dp_capture_new; -EBUSY (too many), -errno of the socket
 */
int capture_start(struct ctl *ctl, struct dp_port *dp, const struct dp_capture_conf *conf,
	uint64_t n_frames, const char **ret_socket, struct sh_err *err);

/** End all, while the dataplane is still there. */
void capture_stop_all(struct ctl *ctl);
