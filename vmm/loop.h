/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A thread that waits for descriptors and calls functions. The VMM has one for its slow devices and
 * one a disk.
 *
 * A source may be added and removed by any thread. Its function may be called once more while it is
 * being removed by another thread, so the source must stay until the loop has ended, and its
 * function asks, under its device's lock, whether there is anything to do.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct vmm_source {
	int fd;
	void (*fn)(void *ctx);
	void *ctx;
};

struct vmm_loop {
	int epoll_fd, stop_fd;
	struct vmm_source stop;
	bool has_thread, stopped;
	pthread_t thread;
};

/** errors: -errno */
int vmm_loop_init(struct vmm_loop *loop);

/** End the thread, if there is one, and close what init opened. */
void vmm_loop_done(struct vmm_loop *loop);

/** events: of epoll, level-triggered. errors: -errno. thread: any. */
int vmm_loop_add(struct vmm_loop *loop, struct vmm_source *source, uint32_t events);
int vmm_loop_mod(struct vmm_loop *loop, struct vmm_source *source, uint32_t events);
void vmm_loop_del(struct vmm_loop *loop, struct vmm_source *source);

/** Serve what is ready, waiting for it at most so long (-1: for ever). return: whether any was. */
bool vmm_loop_once(struct vmm_loop *loop, int timeout_ms);

/** Serve in a thread of its own, named so. enter: called first in it; may be NULL. */
int vmm_loop_start(struct vmm_loop *loop, const char *name, void (*enter)(void));
