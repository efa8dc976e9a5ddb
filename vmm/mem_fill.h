/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Memory out of a snapshot's file, while the guest runs already. A page that is touched before its
 * turn is a fault (userfaultfd), which brings it at once; one thread does both. Other processes
 * may see the memory when it is whole: their faults are not ours to serve.
 */
#pragma once

#include <pthread.h>

#include "mem.h"

struct vmm_mem_fill {
	struct vmm_mem *mem;
	int file_fd, fault_fd, whole_fd; /* whole_fd: readable when all of it is there */
	uint64_t offset;                 /* of memory in the file */
	const uint8_t *from;             /* the same, mapped */
	void (*enter)(void);
	pthread_t thread;
	bool has_thread;
	_Atomic bool shall_stop;
};

/**
 * Begin: from here on nobody touches memory before vmm_mem_fill_start. The descriptor is the
 * fill's. Where faults cannot be had (rights, memory in huge pages) all is read here.
 *
 * lazily:  may be false to have that
 * errors:  -errno; vmm_mem_fill_done frees half of it
 * thread:  main, before rights are given up
 */
int vmm_mem_fill_open(
	struct vmm_mem_fill *fill, struct vmm_mem *mem, int file_fd, uint64_t offset, bool lazily);

/** enter: first in the thread. errors: -errno */
int vmm_mem_fill_start(struct vmm_mem_fill *fill, void (*enter)(void));

/** After all who touch memory have ended. */
void vmm_mem_fill_done(struct vmm_mem_fill *fill);
