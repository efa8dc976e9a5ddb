/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-net (virtio 1.2, 5.1) whose frames are moved by a vhost-user back end: shuntd. Here is
 * what is not frames: registers, the control queue, and the back end's coming and going.
 */
#pragma once

#include "virtio.h"

struct vmm_net;

struct vmm_net_conf {
	const char *name;   /* for the log; kept, as the path */
	const char *socket; /* path that the back end serves */
	uint8_t mac[6];
	uint16_t mtu;     /* told to the guest and the back end; 0: neither */
	unsigned n_pairs; /* of queues, 1 to 8, if the back end has as many */
};

/**
 * The device is on the bus at once, but the guest may not run before the back end has said what it
 * offers: see vmm_net_ready_fd.
 *
 * errors:  -EINVAL (a path too long, memory that cannot be shared), as vmm_virtio_add
 * thread:  main, before vCPUs start
 */
int vmm_net_new(struct vmm_virtio_set *set, const struct vmm_net_conf *conf, struct vmm_net **ret,
	struct sh_err *err);

/** Readable for good once the back end has been there, and whether it has. thread: any. */
int vmm_net_ready_fd(const struct vmm_net *net);

bool vmm_net_has_been_ready(const struct vmm_net *net);

/** Whether the guest sees the link up. thread: any. */
bool vmm_net_link_is_up(struct vmm_net *net);

/** All of the guest's memory is there now (vmm_mem_is_whole): the switch may have it. thread: main.
 */
void vmm_net_memory_is_whole(struct vmm_net *net);

/** The guest has come from elsewhere: tell the network, now or when it resumes. thread: main. */
void vmm_net_announce(struct vmm_net *net);
