/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A disk's reads and writes by io_uring. The ring is closed to all but reads, writes and syncs of
 * this one file (IORING_REGISTER_RESTRICTIONS), since no seccomp filter sees what is asked of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct vmm_uring;

/**
 * return:  0
 * errors:  -ENOSYS, -EPERM and like them: the host has none for us; the caller does without
 * thread:  one at a time, as all below
 */
int vmm_uring_new(int fd, unsigned n_requests, struct vmm_uring **ret);
void vmm_uring_free(struct vmm_uring *uring);

/** Readable when a request is done. */
int vmm_uring_fd(const struct vmm_uring *uring);

/**
 * Ask for one; it begins with vmm_uring_submit. iov stays until it is done.
 *
 * flags:   RWF_*
 * return:  false when there is no room
 */
bool vmm_uring_read(struct vmm_uring *uring, const struct iovec *iov, unsigned n_iov,
	uint64_t offset, void *request);
bool vmm_uring_write(struct vmm_uring *uring, const struct iovec *iov, unsigned n_iov,
	uint64_t offset, int flags, void *request);
bool vmm_uring_sync(struct vmm_uring *uring, void *request);
void vmm_uring_submit(struct vmm_uring *uring);

/**
 * Take a request that is done.
 *
 * return:  NULL when none is, or, with wait, when the ring has failed
 */
void *vmm_uring_reap(struct vmm_uring *uring, bool wait, int *ret_result);
