/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A vhost-user port: its socket, what its front end has set up, and its rings. Owned by the control
 * thread, which serves the socket; workers see only rings that are active. Before anything changes
 * that a worker reads, all rings of the port are stopped and the workers waited for.
 */
#pragma once

#include <sys/queue.h>

#include "port.h"
#include "vhost/msg.h"
#include "vhost/vq.h"

#define VHOST_N_RINGS (2 * DP_MAX_QUEUES)

/* virtio 1.2, 5.1.2: ring 2N is what the guest receives by, 2N + 1 what it sends by. */
#define VHOST_TO_GUEST(queue)   (2 * (queue))
#define VHOST_FROM_GUEST(queue) (2 * (queue) + 1)

struct vhost_ring {
	struct vq vq;
	bool enabled, has_addr, has_kick;
	uint32_t size;
	int kick_fd; /* -1: the driver is polled */
	struct vhost_addr_msg addr;
};

struct vhost {
	LIST_ENTRY(vhost) link;
	struct dp_port *port;
	struct vhost_ring rings[VHOST_N_RINGS];
	struct vhost_mem mem;
	struct vhost_log log;
	uint64_t features, protocol_features;
	_Atomic uint64_t rarp; /* as a key: address << 16; announce it at the next receive */
	_Atomic bool broken;   /* the guest took back its memory or broke a ring: hang up */

	/* socket */
	bool is_client;
	bool warned_queues;
	bool has_spoken;   /* this peer has sent a message that makes sense */
	int listen_fd, fd; /* -1: none */
	struct vhost_user_msg msg;
	bool is_late; /* with the rest of a message, since the last tick */

	/* reconnection */
	unsigned n_tries;
	uint64_t next_try_ns; /* 0: none */
	int watch;            /* inotify's, of the socket's folder; -1: none */
};

/** What this device offers, by the number of queue pairs. */
uint64_t vhost_offered_features(unsigned n_queues);

/**
 * Do what a whole message says, and answer it on v->fd.
 *
 * errors:  any means to hang up
 * thread:  control
 */
int vhost_handle(struct vhost *v, struct vhost_user_msg *msg);

/** The front end is gone: forget all that it set up. thread: control. */
void vhost_reset(struct vhost *v);

/** Open what reconnection needs: a timer and a watch on folders. thread: control. */
int dp_vhost_start(struct dp *dp);

/** Serve the sockets of all ports. thread: control. */
void dp_vhost_dispatch(struct dp *dp);

/** Hang up on peers that have not finished a message since the last call. thread: control. */
void dp_vhost_tick(void);

/** Make the socket, or begin connecting to it. thread: control. */
int vhost_open_socket(struct vhost *v, struct sh_err *err);
void vhost_close_socket(struct vhost *v);

/** Hang up on a guest that is broken. thread: control. */
void vhost_serve(struct vhost *v);
