/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Frames of the protocols that the switch itself speaks on its uplinks: from a worker to the
 * control thread, and from there out by one device. Part of dp.h; control thread.
 */
#pragma once

#include <stdint.h>

struct dp_port;

#define DP_TAKES_SLOW 0x1 /* to 01:80:c2:00:00:02, Ethertype 8809 */
#define DP_TAKES_LLDP 0x2 /* to 01:80:c2:00:00:0x, Ethertype 88cc */

#define DP_PROTOCOL_MAX 1514 /* bytes of a frame */

struct dp_protocol_frame {
	struct dp_port *port; /* a team, or another uplink */
	unsigned slot;        /* of a team */
	const uint8_t *bytes; /* the whole frame, as it was received; valid during the call */
	uint32_t len;
};

/**
 * Send a frame as it is by a member of a team, or by another uplink (slot 0): standby or not. It is
 * not among the port's tx_packets. dp_barrier returns when it has left.
 *
 * errors:  -ENOENT (no such member), -ENETDOWN (no link), -EMSGSIZE (not 14 to DP_PROTOCOL_MAX
 *          bytes), -EAGAIN (too many under way), -ENOMEM
 */
int dp_protocol_send(struct dp_port *port, unsigned slot, const void *frame, uint32_t len);
