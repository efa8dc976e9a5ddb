/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Steps on either kind of ring, for the functions that walk them. `packed` is a constant in each
 * caller, so that every caller is compiled for one kind.
 */
#pragma once

#include <rte_prefetch.h>

#include "vhost/vq.h"

#define PACKED_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED  (1u << VRING_PACKED_DESC_F_USED)

/* fast path */

/* A descriptor, copied before it is looked at. */
static inline struct vring_desc vq_read_desc(const struct vring_desc *at)
{
	struct vring_desc d;

	d.addr = *(const volatile __u64 *)&at->addr;
	d.len = *(const volatile __u32 *)&at->len;
	d.flags = *(const volatile __u16 *)&at->flags;
	d.next = *(const volatile __u16 *)&at->next;
	return d;
}

static inline struct vring_packed_desc vq_read_packed(const struct vring_packed_desc *at)
{
	struct vring_packed_desc d;

	d.flags = __atomic_load_n(&at->flags, __ATOMIC_ACQUIRE);
	d.addr = *(const volatile __u64 *)&at->addr;
	d.len = *(const volatile __u32 *)&at->len;
	d.id = *(const volatile __u16 *)&at->id;
	return d;
}

/* virtio 1.2, 2.8.1 */
static inline bool vq_packed_is_avail(uint16_t flags, bool wrap)
{
	return !!(flags & PACKED_AVAIL) == wrap && !!(flags & PACKED_USED) != wrap;
}

static inline void vq_advance(const struct vq *vq, uint16_t *pos, bool *wrap, uint32_t by)
{
	uint32_t next = *pos + by;

	if (next >= vq->size) {
		next -= vq->size;
		*wrap = !*wrap;
	}
	*pos = (uint16_t)next;
}

/* How many buffers of a split ring wait; an index that jumped breaks the ring. */
static inline uint16_t vq_split_waiting(struct vq *vq)
{
	uint16_t idx = __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE);
	uint16_t n = (uint16_t)(idx - vq->next_avail);

	if (unlikely(n > vq->size)) {
		atomic_store_explicit(&vq->broken, true, memory_order_relaxed);
		return 0;
	}
	return n;
}

/* Call the descriptors of n buffers from this many behind the next one on. The other core wrote
 * them, four a line, and a loop over them would wait for one line after the other. */
static inline void vq_call_descs(const struct vq *vq, unsigned behind, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint16_t at = (uint16_t)(vq->next_avail + behind + i) & vq->mask;

		rte_prefetch0(&vq->desc[*(const volatile __u16 *)&vq->avail->ring[at] & vq->mask]);
	}
}

/* Call the used entries that will be written next, two lines at least. */
static inline void vq_call_used(const struct vq *vq)
{
	const uint8_t *at = (const uint8_t *)&vq->used->ring[vq->next_used & vq->mask];

	for (unsigned i = 0; i < DP_BURST * sizeof(struct vring_used_elem); i += 64)
		dp_prefetch_write(at + i);
}

/* Buffers that go back, made visible to the driver together. */
struct vq_return {
	uint16_t n, first_pos, first_flags; /* packed: the first is shown last */
};

static inline void vq_give_back(struct vq *vq, struct vq_return *ret, uint16_t id, uint16_t n_desc,
	uint32_t len, bool packed)
{
	if (!packed) {
		struct vring_used_elem *e = &vq->used->ring[vq->next_used & vq->mask];

		e->id = id;
		e->len = len;
		if (unlikely(vq->log))
			vq_log_used(vq,
				offsetof(struct vring_used, ring) +
					sizeof(*e) * (vq->next_used & vq->mask),
				sizeof(*e));
		vq->next_used++;
	} else {
		struct vring_packed_desc *d = &vq->packed_desc[vq->next_used];
		uint16_t flags = (uint16_t)((vq->used_wrap ? PACKED_AVAIL | PACKED_USED : 0) |
					    (len ? VRING_DESC_F_WRITE : 0));

		d->id = id;
		d->len = len;
		if (ret->n == 0) {
			ret->first_pos = vq->next_used;
			ret->first_flags = flags;
		} else {
			__atomic_store_n(&d->flags, flags, __ATOMIC_RELEASE);
		}
		if (unlikely(vq->log))
			vq_log_packed(vq, d, sizeof(*d));
		vq_advance(vq, &vq->next_used, &vq->used_wrap, n_desc);
	}
	ret->n++;
}

static inline void vq_show(struct vq *vq, const struct vq_return *ret, bool packed)
{
	if (!packed) {
		__atomic_store_n(&vq->used->idx, vq->next_used, __ATOMIC_RELEASE);
		if (unlikely(vq->log))
			vq_log_used(vq, offsetof(struct vring_used, idx), sizeof(vq->used->idx));
	} else {
		struct vring_packed_desc *d = &vq->packed_desc[ret->first_pos];

		__atomic_store_n(&d->flags, ret->first_flags, __ATOMIC_RELEASE);
		if (unlikely(vq->log))
			vq_log_packed(vq, d, sizeof(*d));
	}
}
