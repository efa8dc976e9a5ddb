/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A connection to a vhost-user back end: finding its socket again and again, learning what it
 * offers, and telling it of memory and rings. Owned by a network device, under whose lock all of it
 * runs; sockets are served in the device's loop.
 */
#pragma once

#include <pthread.h>

#include "loop.h"
#include "mem.h"
#include "vhost_msg.h"

#define VHOST_F_PROTOCOL_FEATURES 30

struct vmm_vhost_ops {
	/* The back end is there and has said what it offers. */
	void (*ready)(void *ctx);
	/* It has gone. */
	void (*lost)(void *ctx);
};

struct vmm_vhost {
	/* set by the owner */
	const char *name; /* for the log */
	const char *path; /* of the back end's socket */
	const struct vmm_vhost_ops *ops;
	void *ctx;
	const struct vmm_mem *mem;
	struct vmm_loop *loop;
	pthread_mutex_t *lock;

	/* what the back end offers, since it is ready */
	bool is_ready;
	uint64_t features, protocol_features;
	unsigned n_pairs;

	/* of vhost_user.c */
	uint32_t asked; /* the request whose answer is awaited before it is ready */
	struct vhost_answer answer;
	struct vmm_source socket; /* fd -1: none */

	/* of vhost_socket.c */
	struct vmm_source inotify, timer;
	int folder_fd; /* of the socket, from before the process was shut in; -1: none */
	int watch;     /* on that folder; -1: none */
	unsigned n_tries;
	bool has_said; /* that it waits */
};

/* A ring as the back end is told of it. */
struct vmm_vhost_ring {
	uint16_t size, base; /* base: where the used ring has come to */
	uint64_t desc_gpa, avail_gpa, used_gpa;
	int kick_fd, call_fd; /* call_fd -1: none */
};

/**
 * Begin to look for the back end. What is "set by the owner" is set, the lock is not taken.
 *
 * errors:  -EMFILE, -errno
 * thread:  main
 */
int vmm_vhost_open(struct vmm_vhost *v);
void vmm_vhost_close(struct vmm_vhost *v);

/**
 * Hang up; ops->lost is called, and the back end looked for again: at once, or, after a failure,
 * in a second.
 */
void vmm_vhost_hang_up(struct vmm_vhost *v, bool failed);

/* What follows is for a back end that is ready. Each returns 0 or -errno, after which the owner
 * hangs up; a back end that does not answer within seconds fails by -ETIMEDOUT. */

/** Tell it of features (cut to what it offers) and of the guest's memory. */
int vmm_vhost_start(struct vmm_vhost *v, uint64_t features, uint16_t mtu);
int vmm_vhost_ring_start(struct vmm_vhost *v, unsigned ring, const struct vmm_vhost_ring *r);
int vmm_vhost_ring_enable(struct vmm_vhost *v, unsigned ring, bool on);
int vmm_vhost_ring_call(struct vmm_vhost *v, unsigned ring, int call_fd);

/** When it returns the back end touches the ring no more. */
int vmm_vhost_ring_stop(struct vmm_vhost *v, unsigned ring);

/** Have it announce an address, if it knows how to. */
int vmm_vhost_announce(struct vmm_vhost *v, const uint8_t mac[6]);

/* vhost_socket.c to vhost_user.c: there is a connection. */
void vmm_vhost_connected(struct vmm_vhost *v, int fd);

/* vhost_user.c to vhost_socket.c: */
int vmm_vhost_search(struct vmm_vhost *v);
void vmm_vhost_search_again(struct vmm_vhost *v, bool failed);
void vmm_vhost_search_end(struct vmm_vhost *v);
