/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A vhost-user back end that a test plays: a thread behind a socket, which answers as the
 * specification says, or as the test wants, and notes what it was told.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vhost_msg.h"

#define BACK_END_RINGS 32

struct back_end_ring {
	uint32_t size, base;
	struct vhost_addr addr;
	int kick_fd, call_fd;
	bool enabled;
	unsigned n_stops;
};

struct back_end {
	/* of the test, before it starts */
	const char *path;
	uint64_t offers, protocol_offers, n_pairs;
	uint32_t refuses;    /* a request that is answered by "failed"; 0: none */
	uint32_t spoils;     /* one whose answer makes no sense */
	uint32_t is_mute_at; /* one that is never answered: it leaves instead */

	/* what it was told; under the lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned n_messages, n_connections, n_seen[64];
	bool is_connected;
	uint64_t features, protocol_features, mtu, rarp;
	struct vhost_regions mem;
	int mem_fd;
	struct back_end_ring rings[BACK_END_RINGS];

	pthread_t thread;
	int listen_fd, stop_fd, fd;
};

/* Serve the path. Aborts when it cannot. */
void back_end_start(struct back_end *b);

/* Leave, as a program that ends: the connection is cut and the socket removed. */
void back_end_stop(struct back_end *b);
