/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From the guest: descriptors to frames. What a guest offers is read once, and of each frame the
 * first bytes are copied to private memory; the rest stays where it is until it is delivered. One
 * descriptor a frame is the fast form; every other goes through vq_walk. Runs in workers.
 */
#include <rte_prefetch.h>

#include "offload.h"
#include "vhost/vq_ring.h"

/* Where a frame begins when it lies in one descriptor, else NULL. */
struct taken {
	uint8_t *at;
	uint32_t len;
};

static inline void take_single(
	const struct vq *vq, struct dp_burst *b, unsigned i, const struct taken *taken)
{
	uint8_t *at = taken->at + vq->header_len;
	uint32_t len = taken->len - vq->header_len;
	struct dp_frame *f = &b->frames[i];
	uint32_t n_head = RTE_MIN(len, (uint32_t)DP_HEAD_BYTES);

	f->head = b->heads[i];
	f->n_head = n_head;
	f->len = len;
	f->rest = at + n_head;
	f->n_rest = len - n_head;
	f->n_more = 0;
	f->refused_plus1 = 0;
	f->offloads = 0;
	dp_copy_small(b->heads[i], at, n_head);
	if (vq->has_offloads) {
		struct virtio_net_hdr header;

		memcpy(&header, taken->at, sizeof(header));
		dp_offload_take_if_any(f, &header);
	}
}

static void take_malformed(struct dp_burst *b, unsigned i)
{
	b->frames[i] =
		(struct dp_frame){ .head = b->heads[i], .refused_plus1 = DP_DROP_DESCRIPTOR + 1 };
}

/* Cut n bytes off the begin of the pieces, into to. */
static unsigned cut(struct dp_seg *segs, unsigned n_segs, uint32_t n, uint8_t *to)
{
	unsigned i = 0;

	while (n > 0 && i < n_segs) {
		uint32_t here = RTE_MIN(n, segs[i].len);

		memcpy(to, segs[i].at, here);
		to += here;
		segs[i].at += here;
		segs[i].len -= here;
		n -= here;
		if (segs[i].len == 0)
			i++;
	}
	return i;
}

static void take_chain(struct vq *vq, struct dp_burst *b, unsigned i, const struct vq_chain *c)
{
	struct dp_frame *f = &b->frames[i];
	struct dp_seg *segs = c->segs;
	struct virtio_net_hdr_mrg_rxbuf header;
	unsigned n = c->n, gone;

	*f = (struct dp_frame){ .head = b->heads[i], .len = c->len - vq->header_len };
	f->n_head = RTE_MIN(f->len, (uint32_t)DP_HEAD_BYTES);
	gone = cut(segs, n, vq->header_len, (uint8_t *)&header);
	segs += gone;
	n -= gone;
	gone = cut(segs, n, f->n_head, b->heads[i]);
	segs += gone;
	n -= gone;
	if (n) {
		f->rest = segs->at;
		f->n_rest = segs->len;
		f->more = segs + 1;
		f->n_more = (uint16_t)(n - 1);
	}
	if (vq->has_offloads)
		dp_offload_take_if_any(f, &header.hdr);
}

/* return: whether there was room for the pieces; if not, the burst ends before this frame. */
static bool take_general(struct vq *vq, struct dp_burst *b, unsigned i, uint16_t pos)
{
	struct vq_chain c = { .segs = &b->segs[b->n_segs] };
	int r;

	c.max = RTE_MIN((unsigned)(DP_BURST_SEGS - b->n_segs), (unsigned)VQ_MAX_PIECES);
	if (c.max < VQ_MAX_PIECES)
		return false;
	r = vq_walk(vq, pos, &c);
	b->ids[i] = c.id;
	b->n_descs[i] = c.n_desc;
	if (r < 0 || c.len <= vq->header_len) {
		take_malformed(b, i);
		return true;
	}
	b->n_segs = (uint16_t)(b->n_segs + c.n);
	take_chain(vq, b, i, &c);
	return true;
}

/* Translate one descriptor of the fast form; its frame is on its way to the cache then. */
static inline struct taken look(const struct vq *vq, uint64_t addr, uint32_t len, uint16_t flags)
{
	struct taken t = { NULL, len };

	if (likely(!(flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)) &&
		    len > vq->header_len)) {
		t.at = vhost_mem_at(vq->mem, addr, &t.len);
		if (unlikely(t.len != len))
			t.at = NULL;
		else
			rte_prefetch0(t.at + vq->header_len);
	}
	return t;
}

static uint16_t take_all(struct vq *vq, struct dp_burst *b, const struct taken *taken,
	const uint16_t *pos, unsigned n)
{
	b->n_segs = 0;
	for (unsigned i = 0; i < n; i++) {
		if (likely(taken[i].at))
			take_single(vq, b, i, &taken[i]);
		else if (!take_general(vq, b, i, pos[i]))
			return (uint16_t)i;
	}
	return (uint16_t)n;
}

static uint16_t receive_split(struct vq *vq, struct dp_burst *b)
{
	unsigned waiting = vq_split_waiting(vq), n = RTE_MIN(waiting, (unsigned)DP_BURST);
	struct taken taken[DP_BURST];

	if (n == 0)
		return 0;
	vq_call_descs(vq, 0, n);
	vq_call_used(vq);

	for (unsigned i = 0; i < n; i++) {
		uint16_t at = (uint16_t)(vq->next_avail + i) & vq->mask;
		uint16_t head = *(volatile __u16 *)&vq->avail->ring[at];

		b->ids[i] = head;
		taken[i].at = NULL;
		if (likely(head < vq->size)) {
			struct vring_desc d = vq_read_desc(&vq->desc[head]);

			taken[i] = look(vq, d.addr, d.len, d.flags);
		}
	}
	vq_call_descs(vq, n, RTE_MIN(waiting - n, (unsigned)DP_BURST));
	n = take_all(vq, b, taken, b->ids, n);
	vq->next_avail = (uint16_t)(vq->next_avail + n);
	return (uint16_t)n;
}

/* How many descriptors the chain at pos takes; it goes on until one has no NEXT. */
static uint16_t packed_chain_len(const struct vq *vq, uint16_t pos)
{
	uint16_t n = 1;

	while (n < vq->size && (vq->packed_desc[pos].flags & VRING_DESC_F_NEXT)) {
		pos = pos + 1 == vq->size ? 0 : (uint16_t)(pos + 1);
		n++;
	}
	return n;
}

static uint16_t receive_packed(struct vq *vq, struct dp_burst *b)
{
	uint16_t pos[DP_BURST], at = vq->next_avail;
	bool wrap = vq->avail_wrap;
	struct taken taken[DP_BURST];
	unsigned n = 0;

	for (; n < DP_BURST; n++) {
		struct vring_packed_desc d = vq_read_packed(&vq->packed_desc[at]);

		if (!vq_packed_is_avail(d.flags, wrap))
			break;
		pos[n] = at;
		b->ids[n] = d.id;
		b->n_descs[n] = 1;
		taken[n] = look(vq, d.addr, d.len, d.flags);
		vq_advance(vq, &at, &wrap,
			likely(!(d.flags & VRING_DESC_F_NEXT)) ? 1 : packed_chain_len(vq, at));
	}
	n = take_all(vq, b, taken, pos, n);
	/* Only now it is known how long the chains were that went through vq_walk. */
	for (unsigned i = 0; i < n; i++)
		vq_advance(vq, &vq->next_avail, &vq->avail_wrap, b->n_descs[i]);
	return (uint16_t)n;
}

uint16_t vq_receive(struct vq *vq, struct dp_burst *b)
{
	b->n_buffers = b->n = vq->packed ? receive_packed(vq, b) : receive_split(vq, b);
	return b->n;
}

void vq_receive_done(struct vq *vq, const struct dp_burst *b)
{
	struct vq_return ret = { 0 };

	if (b->n_buffers == 0)
		return;
	if (vq->packed)
		for (unsigned i = 0; i < b->n_buffers; i++)
			vq_give_back(vq, &ret, b->ids[i], b->n_descs[i], 0, true);
	else
		for (unsigned i = 0; i < b->n_buffers; i++)
			vq_give_back(vq, &ret, b->ids[i], 1, 0, false);
	vq_show(vq, &ret, vq->packed);
	vq_signal(vq);
}
