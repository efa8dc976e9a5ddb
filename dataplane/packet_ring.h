/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Receiving from a network interface by AF_PACKET: a ring that the kernel fills, so that receiving
 * makes no system call. Opened and closed by the control thread, read by one worker.
 */
#pragma once

#include "port.h"

struct packet_ring {
	int fd;
	uint8_t *slots;
	uint32_t slot_bytes, n_slots;
	uint64_t missed; /* control thread */

	/* the worker that receives */
	unsigned next;    /* slot that is taken next */
	unsigned n_taken; /* from there on, until the burst is done */
	uint8_t *room;    /* for frames longer than a slot */
	uint32_t room_used;
};

/**
 * Open a ring that gets nothing yet. What the host itself sends is not received.
 *
 * shape:   filter: a BPF program that picks the frames, -1: all of them
 * errors:  -errno
 * thread:  control
 */
int packet_ring_open(struct packet_ring *ring, int ifindex, int filter);

/** It may be reopened. Legal when it is not open: fd is -1. */
void packet_ring_close(struct packet_ring *ring);

/** Frames that the kernel lost. thread: control. */
uint64_t packet_ring_missed(struct packet_ring *ring);

/** As a port's rx. The frames lie where the kernel put them. */
uint16_t packet_ring_rx(struct packet_ring *ring, struct dp_burst *burst);

/** The burst was delivered: its slots go back to the kernel. */
void packet_ring_rx_done(struct packet_ring *ring);
