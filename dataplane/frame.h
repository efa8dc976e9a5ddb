/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A frame while a worker has it: its first bytes in private memory, and where the rest lies. A
 * frame is never moved for its own sake: a send function copies it from where it lies to where it
 * goes, once. All of it is valid until the burst that it came in is done.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <linux/virtio_net.h>
#include <sys/uio.h>
#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "decide.h"

#define DP_HEAD_BYTES 128 /* private copy of a frame's begin: all that deciding may read */
#define DP_HEAD_PUSH  64  /* bytes of headers that a flow may push in front of it */
#define DP_HEAD_MAX   (DP_HEAD_BYTES + DP_HEAD_PUSH + 8)
#define DP_BURST_SEGS 2048
#define DP_MAX_PIECES 64 /* of a frame for a system call; more are refused */

/* A piece of a frame, in memory that a guest may change or in an mbuf. */
struct dp_seg {
	uint8_t *at;
	uint32_t len;
};

/* What one receive function call brought. One a worker. */
struct dp_burst {
	uint16_t n;
	struct dp_frame frames[DP_BURST];
	struct rte_mbuf *mbufs[DP_BURST]; /* where the frames lie in mbufs, else unused */

	/* of a port of a guest: which buffers to give back */
	uint16_t n_buffers, n_segs;
	uint16_t ids[DP_BURST], n_descs[DP_BURST];
	struct dp_seg segs[DP_BURST_SEGS];
	uint8_t heads[DP_BURST][DP_HEAD_BYTES] __rte_cache_aligned;
};

/* A frame as it leaves by one port. */
struct dp_item {
	const struct dp_frame *frame;
	uint32_t len; /* bytes, with the tag as it leaves */
	uint16_t tci;
	uint8_t tag_op;
	uint8_t drop; /* written by the send function: DP_N_DROPS when it was sent */
};

/* fast path */

/** Call a line for writing. The compiler's own builtin asks for a shared copy unless it compiles
 * for one CPU, and a store then waits for the other core once more. */
static inline void dp_prefetch_write(const void *at)
{
#ifdef __x86_64__
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)at));
#else
	__builtin_prefetch(at, 1, 3);
#endif
}

/** Copy of a head, to the byte. */
static inline void dp_copy_small(uint8_t *to, const uint8_t *from, uint32_t n)
{
	typedef uint8_t block __attribute__((vector_size(16), aligned(1), may_alias));

	if (unlikely(n < 16)) {
		memcpy(to, from, n);
		return;
	}
	for (uint32_t i = 0; i + 16 < n; i += 16)
		*(block *)(to + i) = *(const block *)(from + i);
	/* The last block overlaps the one before it. */
	*(block *)(to + n - 16) = *(const block *)(from + n - 16);
}

static inline void dp_put_tag(uint8_t *at, uint16_t tci)
{
	at[0] = 0x81;
	at[1] = 0x00;
	at[2] = (uint8_t)(tci >> 8);
	at[3] = (uint8_t)tci;
}

/** By how much a change of the tag moves what is behind it. units: bytes. */
static inline int dp_tag_shift(uint8_t tag_op)
{
	return tag_op == DP_TAG_PUSH ? 4 : tag_op == DP_TAG_POP ? -4 : 0;
}

/** The tag of a frame as it came in, 0 without one. */
uint16_t dp_tag_of(const struct dp_frame *frame);

/** And as it stands on the port that it leaves by. */
uint16_t dp_tag_on_port(const struct dp_item *item);

/**
 * Write the frame's private head as it leaves: the tag pushed, popped or set on the way.
 *
 * shape:   to has room for DP_HEAD_MAX + 4
 * return:  bytes written
 * thread:  any worker
 */
static inline uint32_t dp_item_put_head(const struct dp_item *item, uint8_t *to)
{
	const struct dp_frame *f = item->frame;

	switch (item->tag_op) {
	case DP_TAG_PUSH:
		memcpy(to, f->head, 12);
		dp_put_tag(to + 12, item->tci);
		dp_copy_small(to + 16, f->head + 12, f->n_head - 12);
		return f->n_head + 4;
	case DP_TAG_POP:
		memcpy(to, f->head, 12);
		dp_copy_small(to + 12, f->head + 16, f->n_head - 16);
		return f->n_head - 4;
	case DP_TAG_SET:
		dp_copy_small(to, f->head, f->n_head);
		dp_put_tag(to + 12, item->tci);
		return f->n_head;
	default:
		dp_copy_small(to, f->head, f->n_head);
		return f->n_head;
	}
}

/**
 * The frame as it leaves, as pieces for a system call.
 *
 * shape:   head[DP_HEAD_MAX + 4], iov[max]
 * return:  how many pieces, 0 when there are more than max
 * thread:  any worker
 */
unsigned dp_item_iov(const struct dp_item *item, uint8_t *head, struct iovec *iov, unsigned max);

/**
 * The frame as it leaves, as a new mbuf.
 *
 * return:  NULL when the pool is empty or the frame has too many pieces for it
 * thread:  any worker
 */
struct rte_mbuf *dp_item_mbuf(const struct dp_item *item, struct rte_mempool *pool);

/**
 * Take frames in mbufs into the burst: heads are read where they lie.
 *
 * shape:   burst->mbufs[n]
 * thread:  the worker
 */
void dp_burst_from_mbufs(struct dp_burst *burst, uint16_t n);

/** A frame that lies in one piece in private memory; its head is read where it is. */
static inline void dp_frame_from_memory(struct dp_frame *f, uint8_t *at, uint32_t len)
{
	f->head = at;
	f->n_head = RTE_MIN(len, (uint32_t)DP_HEAD_BYTES);
	f->len = len;
	f->rest = at + f->n_head;
	f->n_rest = len - f->n_head;
	f->n_more = 0;
	f->refused_plus1 = 0;
	f->offloads = 0;
}

/**
 * Append bytes to a frame under construction; *tail is its last mbuf.
 *
 * return:  0, or -1 when the pool is empty
 * thread:  any
 */
int dp_mbuf_append(struct rte_mbuf *head, struct rte_mbuf **tail, struct rte_mempool *pool,
	const uint8_t *at, uint32_t len);

/** Free a ring of mbufs with all that is still in it; NULL is none. thread: any, the last user. */
void dp_mbuf_ring_free(struct rte_ring *ring);

/**
 * Copy bytes into a new frame, as many mbufs as they need.
 *
 * return:  the frame, or NULL when the pool is empty
 * thread:  any worker
 */
struct rte_mbuf *dp_frame_from_bytes(struct rte_mempool *pool, const void *bytes, uint32_t len);
