/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A split virtqueue that this process serves (virtio 1.2, 2.7). Pure over the guest's memory. All
 * of it is the guest's and may change at any moment: each word is read once and checked. A ring
 * that makes no sense is broken and stays so until it is started again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <linux/virtio_ring.h>

#include "mem.h"

#define VMM_VIRTQ_MAX 256 /* descriptors of a queue, and so of a chain (virtio 1.2, 2.7.5.3.1) */

struct vmm_virtq {
	const struct vmm_mem *mem;

	/* what the driver has set */
	uint16_t size;
	uint64_t desc_gpa, avail_gpa, used_gpa;
	bool has_event_idx, has_indirect;

	/* where it has come to */
	uint16_t next_avail, next_used;
	uint16_t signalled; /* the used index at the last look for who wants an interrupt */
	bool broken;

	/* where its parts are; NULL: not started */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
};

/* A chain of buffers: first those that the device reads, then those that it writes. */
struct vmm_chain {
	uint16_t head;
	unsigned n_out, n_in;
	uint64_t out_bytes, in_bytes;
	struct iovec iov[VMM_VIRTQ_MAX]; /* n_out, then n_in */
};

/**
 * Find the ring's parts and go on where its used ring says.
 *
 * errors:  -EINVAL (no power of 2, too long, misaligned, or not in the guest's memory)
 * thread:  who serves the ring, as all below
 */
int vmm_virtq_start(struct vmm_virtq *q);
void vmm_virtq_stop(struct vmm_virtq *q);

/**
 * Take the next chain.
 *
 * return:  1, or 0 when there is none
 * errors:  -EPROTO (the ring is broken)
 */
int vmm_virtq_pop(struct vmm_virtq *q, struct vmm_chain *ret);

/** The chain that was popped last has only been looked at: it comes again. */
void vmm_virtq_unpop(struct vmm_virtq *q);

/** Give a chain back, of which n_written bytes were written. Seen after vmm_virtq_publish. */
void vmm_virtq_push(struct vmm_virtq *q, uint16_t head, uint32_t n_written);

/** Show the driver what was pushed. return: whether it wants an interrupt. */
bool vmm_virtq_publish(struct vmm_virtq *q);

/** Ask the driver for a notification of the next chain. return: whether one is there already. */
bool vmm_virtq_arm(struct vmm_virtq *q);

/** Ask for none, as long as the ring is being served. */
void vmm_virtq_disarm(struct vmm_virtq *q);

/**
 * Copy between n bytes and pieces, from an offset on.
 *
 * return:  how many bytes were copied, fewer than n where the pieces end
 */
size_t vmm_iov_read(const struct iovec *iov, unsigned n_iov, uint64_t offset, void *to, size_t n);
size_t vmm_iov_write(
	const struct iovec *iov, unsigned n_iov, uint64_t offset, const void *from, size_t n);
