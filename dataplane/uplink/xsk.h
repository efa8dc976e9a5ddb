/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One AF_XDP socket: a receive and a send queue of an interface over memory of its own. Received
 * frames are read where the kernel put them and sent on from there; frames to be sent are copied
 * in. Opened and closed by the control thread; receiving is one worker's, sending any worker's.
 */
#pragma once

#include "frame.h"

#define XSK_FRAME_BYTES 4096
/* What the kernel leaves free in front of a received frame. */
#define XSK_HEADROOM 256

struct xsk;

struct xsk_conf {
	int ifindex;
	unsigned queue;
	bool by_copy;       /* the program is the generic one: the driver has no part in it */
	bool segmented;     /* frames may be longer than XSK_FRAME_BYTES less the headroom */
	uint32_t max_frame; /* bytes; a longer one is not sent */
};

/**
 * Make a socket and bind it to its queue, without a copy by the kernel if the driver can.
 *
 * errors:  -EOPNOTSUPP (no such socket, or no segmented frames, in this kernel), -EINVAL,
 *          -EBUSY (somebody has the queue), -ENOMEM, -EPERM
 * thread:  control
 */
int xsk_new(const struct xsk_conf *conf, struct xsk **ret);
void xsk_free(struct xsk *x);

/** The interface's MTU changed. units: bytes of a frame. */
void xsk_set_max_frame(struct xsk *x, uint32_t max_frame);

int xsk_fd(const struct xsk *x);
bool xsk_is_zero_copy(const struct xsk *x);

/** Frames that came and found no buffer or no room. thread: control. */
uint64_t xsk_missed(const struct xsk *x);

uint16_t xsk_rx(struct xsk *x, struct dp_burst *burst);

/** The burst was delivered: its buffers go back to the kernel. */
void xsk_rx_done(struct xsk *x);

/** As a port's tx. is_shared: other workers may send here at the same time. */
uint16_t xsk_tx(struct xsk *x, struct dp_item *items, uint16_t n, bool is_shared);

/** Try again to send what the kernel was not ready for. */
void xsk_flush(struct xsk *x, bool is_shared);
