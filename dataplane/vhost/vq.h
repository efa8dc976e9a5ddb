/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One virtqueue as the device side walks it: virtio 1.2, 2.7 (split) and 2.8 (packed). The control
 * thread sets a ring up while no worker is in it and then makes it active. A queue that a guest
 * sends by is walked by the one worker that polls it; a queue that a guest receives by, by any
 * worker that holds its lock.
 *
 * Buffers are used in the order in which they were offered, and none stays out over the end of a
 * burst: so the used index alone says where a ring is to be taken up again.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/virtio_ring.h>
#include <rte_spinlock.h>

#include "frame.h"
#include "vhost/mem.h"

#define VQ_MAX_SIZE   32768
#define VQ_SLOTS      64   /* receive buffers translated ahead; a frame may take as many */
#define VQ_MAX_PIECES 1024 /* pieces of one frame in guest memory */

/* One bit a page of guest memory that was written: live migration. */
struct vhost_log {
	uint8_t *bits;
	uint64_t n_pages;
	void *mapping;
	uint64_t mapping_len;
};

/* A receive buffer of the guest, read and translated once. */
struct vq_slot {
	uint8_t *at; /* NULL: a chain, an indirect one or nonsense, to be walked when its turn comes
		      */
	uint32_t len;
	uint16_t id;     /* what the driver wants back */
	uint16_t pos;    /* of its first descriptor */
	uint16_t n_desc; /* descriptors it takes in a packed ring */
};

struct vq {
	/* written by the control thread while the ring is not active */
	_Atomic bool active;
	bool packed, event_idx, mergeable;
	bool has_offloads;  /* the guest may leave a checksum or segmentation to us */
	uint8_t header_len; /* of virtio_net_hdr as negotiated, bytes */
	uint16_t size, mask;
	union {
		struct vring_desc *desc;
		struct vring_packed_desc *packed_desc;
	};
	union {
		struct vring_avail *avail;
		struct vring_packed_desc_event *driver_event;
	};
	union {
		struct vring_used *used;
		struct vring_packed_desc_event *device_event;
	};
	const struct vhost_mem *mem;
	const struct vhost_log *log; /* NULL: nobody migrates */
	bool logs_ring;              /* what is written of the ring is logged too */
	uint64_t log_used_gpa;       /* of a split ring */
	int call_fd;                 /* -1: the driver polls */

	/* written by the worker that walks the ring */
	uint16_t next_avail, next_used, signalled;
	bool avail_wrap, used_wrap, signalled_valid;
	uint16_t peek_pos;
	bool peek_wrap;
	uint16_t first_slot, n_slots;
	rte_spinlock_t lock;
	_Atomic bool broken; /* the driver broke the protocol: hang up */
	struct vq_slot slots[VQ_SLOTS] __rte_cache_aligned;
};

/** Take up an active ring at its indexes. thread: control, before active is set. */
void vq_start(struct vq *vq);

/**
 * Read what the guest offers to send. The buffers stay out until vq_receive_done.
 *
 * return:  frames taken, at most DP_BURST; each has its head in private memory
 * thread:  the worker that polls the queue
 */
uint16_t vq_receive(struct vq *vq, struct dp_burst *burst);
void vq_receive_done(struct vq *vq, const struct dp_burst *burst);

/**
 * Copy frames into the guest's receive buffers and tell it.
 *
 * return:  how many were sent; those that were not have their reason in items[].drop
 * thread:  any worker, one at a time
 */
uint16_t vq_send(struct vq *vq, struct dp_item *items, uint16_t n);

/** Ask the guest for kicks, or to leave them. thread: the worker that polls the queue, control. */
void vq_want_kicks(struct vq *vq, bool on);

/* A chain of descriptors as it was read, once: the guest may change it meanwhile. */
struct vq_chain {
	struct dp_seg *segs; /* in: room for max of them */
	unsigned max;
	bool writable; /* in: what its descriptors must be */
	unsigned n;
	uint32_t len; /* bytes in all */
	uint16_t id, n_desc;
};

/**
 * Walk any form of chain. The id and the count of descriptors are right even on an error, so that
 * the chain can be given back.
 *
 * errors:  -EINVAL (out of memory, wrong direction, not there), -ELOOP, -E2BIG (more pieces than
 * max) thread:  the worker that walks the ring
 */
int vq_walk(const struct vq *vq, uint16_t pos, struct vq_chain *chain);

/* Log what was written, when somebody migrates: after it is written, or the page may be fetched
 * before. */
void vq_log_bytes(const struct vq *vq, const void *at, uint64_t len);
void vq_log_used(const struct vq *vq, uint64_t offset, uint64_t len);
void vq_log_packed(const struct vq *vq, const void *at, uint64_t len);

/** Wake the driver if it wants that. thread: the worker that walks the ring. */
void vq_signal(struct vq *vq);
