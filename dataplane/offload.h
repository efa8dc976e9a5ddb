/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a guest or a kernel leaves to be done to a frame, checksum and segmentation of TCP and UDP
 * (virtio 1.3, 5.1.6.2): it is carried to a receiver that takes it as it is, and done here for one
 * that does not.
 */
#pragma once

#include "frame.h"

#define DP_SEGMENTS_MAX 256 /* of one frame; a guest that wants more is refused */

/* Newer than the headers of Debian 12: virtio 1.3, 5.1.3 and 5.1.6. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif
#ifndef VIRTIO_NET_F_HOST_USO
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO   56
#endif

/**
 * Take in what a guest's header asks for. A frame whose header makes no sense is given up for
 * DP_DROP_OFFLOAD, one that it has no feature for keeps to be a plain frame.
 *
 * shape:   the frame has its head; header is a private copy
 * thread:  any worker
 */
void dp_offload_take(struct dp_frame *f, const struct virtio_net_hdr *header);

/**
 * A long frame that a NIC has put together and verified: say what a sender of it would have said,
 * that its checksum is left to be done. What is no TCP or UDP over plain IP keeps its header.
 *
 * shape:   head[n_head] of a frame of len bytes
 * thread:  any worker
 */
void dp_offload_reopen(uint8_t *head, uint32_t n_head, uint32_t len, struct virtio_net_hdr *header);

/**
 * The header for a receiver that takes all that is left to do.
 *
 * units:   shift in bytes, by which the tag that the frame leaves with moves what is behind it
 * thread:  any worker
 */
void dp_offload_put(const struct dp_frame *f, int shift, struct virtio_net_hdr *header);

/** What a level lets through: a mask of DP_OFFLOAD_*. thread: any. */
uint8_t dp_offload_mask(enum dp_offload_level level);

/* fast path */

/** dp_offload_take, where there is anything to take. */
static inline void dp_offload_take_if_any(struct dp_frame *f, const struct virtio_net_hdr *header)
{
	/* Flags and type of segmentation; a plain frame has neither. */
	if (unlikely((header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) | header->gso_type))
		dp_offload_take(f, header);
}

/** The header of a frame as it leaves, with or without anything left to do. */
static inline void dp_offload_put_item(const struct dp_item *item, struct virtio_net_hdr *header)
{
	if (item->frame->offloads)
		dp_offload_put(item->frame, dp_tag_shift(item->tag_op), header);
	else
		memset(header, 0, sizeof(*header));
}

/* slow path again */

/**
 * Finish the checksum, in the frame's private head, for all its receivers.
 *
 * shape:   head is f->head
 * thread:  any worker
 */
void dp_offload_checksum(struct dp_frame *f, uint8_t *head);

/* Frames that one was cut into, a burst at a time. One a worker. */
struct dp_segmenter {
	const struct dp_item *item;
	uint32_t at, n_left; /* of the payload: bytes cut off, bytes to come */
	unsigned piece;      /* of the frame, where the next segment begins */
	uint32_t piece_at;
	uint16_t n_segs;
	struct dp_frame frames[DP_BURST];
	struct dp_item items[DP_BURST];
	struct dp_seg segs[DP_BURST_SEGS];
	uint8_t heads[DP_BURST][DP_HEAD_MAX];
};

/** Begin to cut a frame. return: how many frames it makes. thread: the worker. */
unsigned dp_segment_begin(struct dp_segmenter *s, const struct dp_item *item);

/** Cut the next ones into s->items. return: how many, 0 at the end. thread: the worker. */
uint16_t dp_segment_next(struct dp_segmenter *s);
