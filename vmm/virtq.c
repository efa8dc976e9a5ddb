/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Walking a split virtqueue. Runs in the thread that serves the ring, under its device's lock.
 */
#include <errno.h>
#include <string.h>

#include "virtq.h"

/* virtio 1.2, 2.7: sizes and alignments of the three parts. */
int vmm_virtq_start(struct vmm_virtq *q)
{
	uint64_t n = q->size;

	vmm_virtq_stop(q);
	if (n == 0 || n > VMM_VIRTQ_MAX || (n & (n - 1)))
		return -EINVAL;
	if (q->desc_gpa % 16 || q->avail_gpa % 2 || q->used_gpa % 4)
		return -EINVAL;
	q->avail = vmm_mem_at(q->mem, q->avail_gpa, 6 + 2 * n);
	q->used = vmm_mem_at(q->mem, q->used_gpa, 6 + 8 * n);
	q->desc = vmm_mem_at(q->mem, q->desc_gpa, 16 * n);
	if (!q->avail || !q->used || !q->desc) {
		vmm_virtq_stop(q);
		return -EINVAL;
	}
	q->next_used = __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE);
	q->next_avail = q->signalled = q->next_used;
	q->broken = false;
	return 0;
}

void vmm_virtq_stop(struct vmm_virtq *q)
{
	q->desc = NULL;
	q->avail = NULL;
	q->used = NULL;
}

static int break_ring(struct vmm_virtq *q)
{
	q->broken = true;
	return -EPROTO;
}

static struct vring_desc read_desc(const void *at)
{
	struct vring_desc d;

	memcpy(&d, at, sizeof(d));
	/* What was read is what is checked: no second look at the guest's memory. */
	__asm__ volatile("" : : : "memory");
	return d;
}

static int add_buffer(const struct vmm_virtq *q, struct vmm_chain *c, const struct vring_desc *d)
{
	bool is_in = d->flags & VRING_DESC_F_WRITE;
	unsigned n = c->n_out + c->n_in;
	void *at;

	/* virtio 1.2, 2.7.4.2 */
	if (!is_in && c->n_in)
		return -EPROTO;
	if (d->len == 0)
		return 0;
	at = vmm_mem_at(q->mem, d->addr, d->len);
	if (!at || n == VMM_VIRTQ_MAX)
		return -EPROTO;
	c->iov[n] = (struct iovec){ at, d->len };
	if (is_in) {
		c->n_in++;
		c->in_bytes += d->len;
	} else {
		c->n_out++;
		c->out_bytes += d->len;
	}
	return 0;
}

/* A table of n descriptors, the ring's own or an indirect one, from one of them on. */
static int walk_table(const struct vmm_virtq *q, const uint8_t *table, uint32_t n, uint32_t i,
	struct vmm_chain *c)
{
	/* A chain that is longer than its table has a loop. */
	for (uint32_t n_seen = 0; n_seen < n && i < n; n_seen++) {
		struct vring_desc d = read_desc(table + i * sizeof(d));

		if (d.flags & VRING_DESC_F_INDIRECT)
			return -EPROTO;
		if (add_buffer(q, c, &d) < 0)
			return -EPROTO;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = d.next;
	}
	return -EPROTO;
}

/* virtio 1.2, 2.7.5.3 */
static int walk_indirect(const struct vmm_virtq *q, const struct vring_desc *d, struct vmm_chain *c)
{
	uint32_t n = d->len / (uint32_t)sizeof(*d);
	const uint8_t *table = vmm_mem_at(q->mem, d->addr, d->len);

	if (!q->has_indirect || !table || n == 0 || n > VMM_VIRTQ_MAX || d->len % sizeof(*d) ||
		(d->flags & VRING_DESC_F_NEXT))
		return -EPROTO;
	return walk_table(q, table, n, 0, c);
}

static int walk(const struct vmm_virtq *q, struct vmm_chain *c)
{
	struct vring_desc d;

	if (c->head >= q->size)
		return -EPROTO;
	d = read_desc(&q->desc[c->head]);
	if (d.flags & VRING_DESC_F_INDIRECT)
		return walk_indirect(q, &d, c);
	return walk_table(q, (const uint8_t *)q->desc, q->size, c->head, c);
}

int vmm_virtq_pop(struct vmm_virtq *q, struct vmm_chain *ret)
{
	uint16_t n;

	if (q->broken || !q->desc)
		return -EPROTO;
	n = (uint16_t)(__atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE) - q->next_avail);
	if (n == 0)
		return 0;
	if (n > q->size)
		return break_ring(q);
	ret->head =
		__atomic_load_n(&q->avail->ring[q->next_avail & (q->size - 1)], __ATOMIC_RELAXED);
	ret->n_out = ret->n_in = 0;
	ret->out_bytes = ret->in_bytes = 0;
	if (walk(q, ret) < 0)
		return break_ring(q);
	q->next_avail++;
	return 1;
}

void vmm_virtq_unpop(struct vmm_virtq *q)
{
	q->next_avail--;
}

void vmm_virtq_push(struct vmm_virtq *q, uint16_t head, uint32_t n_written)
{
	q->used->ring[q->next_used & (q->size - 1)] =
		(struct vring_used_elem){ .id = head, .len = n_written };
	q->next_used++;
}

/* virtio 1.2, 2.7.7 and 2.7.10. The used event lies behind the avail ring and the avail event
 * behind the used ring. */
bool vmm_virtq_publish(struct vmm_virtq *q)
{
	uint16_t before = q->signalled, event;

	if (q->next_used == before)
		return false;
	__atomic_store_n(&q->used->idx, q->next_used, __ATOMIC_RELEASE);
	q->signalled = q->next_used;
	/* The driver writes what it wants, then looks at the index; here it is the other way. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!q->has_event_idx)
		return !(__atomic_load_n(&q->avail->flags, __ATOMIC_RELAXED) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	event = __atomic_load_n(&q->avail->ring[q->size], __ATOMIC_RELAXED);
	return (uint16_t)(q->next_used - event - 1) < (uint16_t)(q->next_used - before);
}

bool vmm_virtq_arm(struct vmm_virtq *q)
{
	if (q->has_event_idx)
		__atomic_store_n(
			(uint16_t *)&q->used->ring[q->size], q->next_avail, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&q->used->flags, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&q->avail->idx, __ATOMIC_RELAXED) != q->next_avail;
}

void vmm_virtq_disarm(struct vmm_virtq *q)
{
	/* With events an old index is as good as none. */
	if (!q->has_event_idx)
		__atomic_store_n(&q->used->flags, VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
}

/* The piece that an offset is in, cut to n bytes and moved on. */
static size_t piece_at(
	const struct iovec *iov, unsigned n_iov, uint64_t offset, size_t n, uint8_t **ret)
{
	for (unsigned i = 0; i < n_iov; i++) {
		if (offset < iov[i].iov_len) {
			size_t left = iov[i].iov_len - (size_t)offset;

			*ret = (uint8_t *)iov[i].iov_base + offset;
			return left < n ? left : n;
		}
		offset -= iov[i].iov_len;
	}
	return 0;
}

size_t vmm_iov_read(const struct iovec *iov, unsigned n_iov, uint64_t offset, void *to, size_t n)
{
	size_t done = 0, here;
	uint8_t *at;

	while (done < n && (here = piece_at(iov, n_iov, offset + done, n - done, &at))) {
		memcpy((uint8_t *)to + done, at, here);
		done += here;
	}
	return done;
}

size_t vmm_iov_write(
	const struct iovec *iov, unsigned n_iov, uint64_t offset, const void *from, size_t n)
{
	size_t done = 0, here;
	uint8_t *at;

	while (done < n && (here = piece_at(iov, n_iov, offset + done, n - done, &at))) {
		memcpy(at, (const uint8_t *)from + done, here);
		done += here;
	}
	return done;
}
