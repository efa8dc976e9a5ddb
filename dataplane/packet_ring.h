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
	unsigned next; /* slot that the kernel fills next */
	_Atomic uint64_t n_no_memory;
	uint64_t missed; /* control thread */
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

/** Frames that the kernel lost or for which there was no memory. thread: control. */
uint64_t packet_ring_missed(struct packet_ring *ring);

/** As a port's rx; the frames lie in mbufs of the pool. */
uint16_t packet_ring_rx(struct packet_ring *ring, struct rte_mempool *pool, struct dp_burst *burst);
