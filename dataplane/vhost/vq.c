/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What both kinds of ring and both directions share: chains of any form, notification, the log of
 * dirty pages. Workers, but for vq_start.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/eventfd.h>

#include "vhost/vq_ring.h"

#define LOG_PAGE 4096u

void vq_start(struct vq *vq)
{
	vq->first_slot = vq->n_slots = 0;
	vq->signalled_valid = false;
	atomic_store(&vq->broken, false);
	if (!vq->packed) {
		/* What was offered and not used before the last device went is done again. */
		vq->next_used = __atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE);
	}
	vq->peek_pos = vq->next_avail = vq->next_used;
	vq->peek_wrap = vq->avail_wrap = vq->used_wrap;
	vq_want_kicks(vq, false);
}

/* Add a buffer to a chain, in as many pieces as the regions it crosses. */
static int add_buffer(const struct vq *vq, struct vq_chain *c, uint64_t gpa, uint32_t len)
{
	while (len > 0) {
		uint32_t here = len;
		uint8_t *at = vhost_mem_at(vq->mem, gpa, &here);

		if (!at)
			return -EINVAL;
		if (c->n == c->max)
			return -E2BIG;
		c->segs[c->n].at = at;
		c->segs[c->n++].len = here;
		if (__builtin_add_overflow(c->len, here, &c->len))
			return -EINVAL;
		gpa += here;
		len -= here;
	}
	return 0;
}

static int add_desc(
	const struct vq *vq, struct vq_chain *c, uint64_t gpa, uint32_t len, uint16_t flags)
{
	if (!!(flags & VRING_DESC_F_WRITE) != c->writable || (flags & VRING_DESC_F_INDIRECT))
		return -EINVAL;
	return add_buffer(vq, c, gpa, len);
}

/* One entry of an indirect table, which lies anywhere, at any alignment. */
static int read_indirect(const struct vq *vq, uint64_t table, uint32_t i, void *ret)
{
	uint32_t len = sizeof(struct vring_desc);
	uint8_t *at = vhost_mem_at(vq->mem, table + (uint64_t)i * len, &len);

	if (!at || len < sizeof(struct vring_desc))
		return -EINVAL;
	memcpy(ret, at, sizeof(struct vring_desc));
	return 0;
}

static int indirect_count(const struct vq *vq, uint32_t len, uint32_t *ret)
{
	*ret = len / (uint32_t)sizeof(struct vring_desc);
	/* virtio 1.2, 2.7.5.3.1: a chain may not be longer than the queue. */
	return len % sizeof(struct vring_desc) || *ret == 0 || *ret > VQ_MAX_SIZE ? -EINVAL : 0;
}

static int walk_split_indirect(
	const struct vq *vq, const struct vring_desc *head, struct vq_chain *c)
{
	uint32_t n_table, i = 0;
	int r = indirect_count(vq, head->len, &n_table);

	for (uint32_t n_seen = 0; r == 0; n_seen++) {
		struct vring_desc d;

		if (i >= n_table)
			return -EINVAL;
		if (n_seen == n_table)
			return -ELOOP;
		r = read_indirect(vq, head->addr, i, &d);
		if (r < 0)
			return r;
		r = add_desc(vq, c, d.addr, d.len, d.flags);
		if (!(d.flags & VRING_DESC_F_NEXT))
			return r;
		i = d.next;
	}
	return r;
}

static int walk_split(const struct vq *vq, uint16_t head, struct vq_chain *c)
{
	uint32_t i = head;

	c->id = head;
	c->n_desc = 1;
	for (uint32_t n_seen = 0;; n_seen++) {
		struct vring_desc d;
		int r;

		if (i >= vq->size)
			return -EINVAL;
		if (n_seen == vq->size)
			return -ELOOP;
		d = vq_read_desc(&vq->desc[i]);
		if (d.flags & VRING_DESC_F_INDIRECT)
			return n_seen || (d.flags & VRING_DESC_F_NEXT)
				       ? -EINVAL
				       : walk_split_indirect(vq, &d, c);
		r = add_desc(vq, c, d.addr, d.len, d.flags);
		if (r < 0 || !(d.flags & VRING_DESC_F_NEXT))
			return r;
		i = d.next;
	}
}

static int walk_packed_indirect(
	const struct vq *vq, const struct vring_packed_desc *head, struct vq_chain *c)
{
	uint32_t n_table;
	int r = indirect_count(vq, head->len, &n_table);

	for (uint32_t i = 0; r == 0 && i < n_table; i++) {
		struct vring_packed_desc d;

		r = read_indirect(vq, head->addr, i, &d);
		if (r == 0)
			r = add_desc(vq, c, d.addr, d.len, d.flags & VRING_DESC_F_WRITE);
	}
	return r;
}

/* Goes to the end of the chain in any case, where its id is. */
static int walk_packed(const struct vq *vq, uint16_t pos, struct vq_chain *c)
{
	int r = 0;

	for (c->n_desc = 0;;) {
		struct vring_packed_desc d = vq_read_packed(&vq->packed_desc[pos]);

		c->id = d.id;
		c->n_desc++;
		if (r == 0 && (d.flags & VRING_DESC_F_INDIRECT))
			r = c->n_desc > 1 || (d.flags & VRING_DESC_F_NEXT)
				    ? -EINVAL
				    : walk_packed_indirect(vq, &d, c);
		else if (r == 0)
			r = add_desc(vq, c, d.addr, d.len, d.flags);
		if (!(d.flags & VRING_DESC_F_NEXT))
			return r;
		if (c->n_desc == vq->size)
			return -ELOOP;
		pos = pos + 1 == vq->size ? 0 : (uint16_t)(pos + 1);
	}
}

int vq_walk(const struct vq *vq, uint16_t pos, struct vq_chain *c)
{
	c->n = 0;
	c->len = 0;
	return vq->packed ? walk_packed(vq, pos, c) : walk_split(vq, pos, c);
}

/* Several workers and the front end write the same bytes. */
static void log_gpa(const struct vhost_log *log, uint64_t gpa, uint64_t len)
{
	for (uint64_t page = gpa / LOG_PAGE; len && page <= (gpa + len - 1) / LOG_PAGE; page++) {
		if (page >= log->n_pages)
			return;
		__atomic_fetch_or(
			&log->bits[page / 8], (uint8_t)(1u << (page % 8)), __ATOMIC_RELAXED);
	}
}

void vq_log_bytes(const struct vq *vq, const void *at, uint64_t len)
{
	uint64_t gpa = vhost_mem_gpa(vq->mem, at);

	if (gpa != UINT64_MAX)
		log_gpa(vq->log, gpa, len);
}

void vq_log_used(const struct vq *vq, uint64_t offset, uint64_t len)
{
	if (vq->logs_ring)
		log_gpa(vq->log, vq->log_used_gpa + offset, len);
}

void vq_log_packed(const struct vq *vq, const void *at, uint64_t len)
{
	if (vq->logs_ring)
		vq_log_bytes(vq, at, len);
}

static bool passed(uint16_t event, uint16_t now, uint16_t before)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

static bool split_wants_signal(struct vq *vq, uint16_t before, bool valid)
{
	if (!vq->event_idx)
		return !(*(volatile __u16 *)&vq->avail->flags & VRING_AVAIL_F_NO_INTERRUPT);
	return !valid ||
	       passed(*(volatile __u16 *)&vq->avail->ring[vq->size], vq->next_used, before);
}

/* virtio 1.2, 2.8.10 */
static bool packed_wants_signal(struct vq *vq, uint16_t before, bool valid)
{
	uint16_t flags = *(volatile __le16 *)&vq->driver_event->flags;
	uint16_t off_wrap, event;

	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return false;
	if (!vq->event_idx || flags != VRING_PACKED_EVENT_FLAG_DESC || !valid)
		return true;
	off_wrap = *(volatile __le16 *)&vq->driver_event->off_wrap;
	event = off_wrap & 0x7fff;
	if (!!(off_wrap & 0x8000) != vq->used_wrap)
		event = (uint16_t)(event - vq->size);
	if (vq->next_used <= before)
		before = (uint16_t)(before - vq->size);
	return passed(event, vq->next_used, before);
}

/* The driver shares the descriptor and may have made it block, with a counter at its limit: so say
 * each time that we do not wait. One that is quicker than that is waited for until the control
 * thread interrupts us (dp_wait_for_workers), and hung up. */
static void write_signal(struct vq *vq)
{
	(void)fcntl(vq->call_fd, F_SETFL, O_RDWR | O_NONBLOCK);
	if (eventfd_write(vq->call_fd, 1) < 0 && errno == EINTR)
		atomic_store_explicit(&vq->broken, true, memory_order_relaxed);
}

void vq_signal(struct vq *vq)
{
	uint16_t before = vq->signalled;
	bool valid = vq->signalled_valid;

	/* What we show must be seen before we look whether the driver sleeps. One locked
	 * instruction is the cheapest full fence there is. */
	rte_smp_mb();
	vq->signalled = vq->next_used;
	vq->signalled_valid = true;
	if (vq->packed ? !packed_wants_signal(vq, before, valid)
		       : !split_wants_signal(vq, before, valid))
		return;
	if (vq->call_fd >= 0)
		write_signal(vq);
}

static void log_want_kicks(const struct vq *vq)
{
	if (vq->packed)
		vq_log_packed(vq, vq->device_event, sizeof(*vq->device_event));
	else if (!vq->event_idx)
		vq_log_used(vq, offsetof(struct vring_used, flags), sizeof(vq->used->flags));
	else
		vq_log_used(vq, offsetof(struct vring_used, ring) + 8ull * vq->size, sizeof(__u16));
}

void vq_want_kicks(struct vq *vq, bool on)
{
	if (vq->packed)
		*(volatile __le16 *)&vq->device_event->flags =
			on ? VRING_PACKED_EVENT_FLAG_ENABLE : VRING_PACKED_EVENT_FLAG_DISABLE;
	else if (!vq->event_idx)
		*(volatile __u16 *)&vq->used->flags = on ? 0 : VRING_USED_F_NO_NOTIFY;
	else if (on)
		*(volatile __u16 *)&vq->used->ring[vq->size] = vq->next_avail;
	if (unlikely(vq->log))
		log_want_kicks(vq);
	/* The caller looks at the ring once more, after the driver can see this. */
	if (on)
		rte_smp_mb();
}
