/* SPDX-License-Identifier: BSD-3-Clause
 *
 * To the guest: frames from wherever they lie into its receive buffers, in one copy. Buffers are
 * translated and called into the cache a burst ahead (slots), so that a copy finds them there. One
 * buffer of one descriptor a frame is the fast form; several buffers (mergeable), chains and
 * indirect tables share put_pieces. A receiver without room costs its frames and nobody's time.
 * Runs in workers.
 */
#include <rte_memcpy.h>
#include <rte_prefetch.h>

#include "offload.h"
#include "vhost/vq_ring.h"

#define HEADER_MERGEABLE 12 /* struct virtio_net_hdr_mrg_rxbuf */

/* What one frame takes of the ring. */
struct claim {
	unsigned n_pieces, n_slots;
	uint32_t room;
	bool nonsense; /* the last buffer taken is none that a guest may offer */
	uint32_t sizes[VQ_SLOTS];
	uint16_t ids[VQ_SLOTS], n_descs[VQ_SLOTS];
	struct dp_seg pieces[VQ_MAX_PIECES];
};

static inline struct vq_slot *slot_at(struct vq *vq, unsigned i)
{
	return &vq->slots[(vq->first_slot + i) % VQ_SLOTS];
}

static inline void fill_slot(
	struct vq *vq, struct vq_slot *s, uint64_t addr, uint32_t len, uint16_t flags)
{
	uint32_t here = len;

	s->at = NULL;
	s->len = len;
	if (unlikely((flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE)) !=
		     VRING_DESC_F_WRITE))
		return;
	s->at = vhost_mem_at(vq->mem, addr, &here);
	if (unlikely(here != len))
		s->at = NULL;
	if (likely(s->at)) {
		dp_prefetch_write(s->at);
		dp_prefetch_write(s->at + 64);
	}
}

static void look_ahead_split(struct vq *vq, unsigned want)
{
	unsigned have = vq_split_waiting(vq);

	if (want > have)
		want = have;
	if (want <= vq->n_slots)
		return;
	/* As many descriptors as slots are filled now: the ones before were called before. */
	vq_call_descs(vq, want, RTE_MIN(have - want, want - vq->n_slots));
	vq_call_used(vq);
	for (; vq->n_slots < want; vq->n_slots++) {
		struct vq_slot *s = slot_at(vq, vq->n_slots);
		uint16_t at = (uint16_t)(vq->next_avail + vq->n_slots) & vq->mask;

		s->id = s->pos = *(volatile __u16 *)&vq->avail->ring[at];
		s->n_desc = 1;
		s->at = NULL;
		if (likely(s->pos < vq->size)) {
			struct vring_desc d = vq_read_desc(&vq->desc[s->pos]);

			fill_slot(vq, s, d.addr, d.len, d.flags);
		}
	}
}

static void look_ahead_packed(struct vq *vq, unsigned want)
{
	for (; vq->n_slots < want; vq->n_slots++) {
		struct vq_slot *s = slot_at(vq, vq->n_slots);
		struct vring_packed_desc d = vq_read_packed(&vq->packed_desc[vq->peek_pos]);
		uint16_t flags = d.flags;

		if (!vq_packed_is_avail(flags, vq->peek_wrap))
			return;
		s->pos = vq->peek_pos;
		s->id = d.id;
		s->n_desc = 1;
		fill_slot(vq, s, d.addr, d.len, flags);
		vq_advance(vq, &vq->peek_pos, &vq->peek_wrap, 1);
		for (; unlikely(flags & VRING_DESC_F_NEXT) && s->n_desc < vq->size; s->n_desc++) {
			flags = vq->packed_desc[vq->peek_pos].flags;
			vq_advance(vq, &vq->peek_pos, &vq->peek_wrap, 1);
		}
	}
}

/* Have slots for up to `want` buffers, as far as the guest has offered them. */
static inline void look_ahead(struct vq *vq, unsigned want, bool packed)
{
	if (packed)
		look_ahead_packed(vq, want);
	else
		look_ahead_split(vq, want);
}

static inline void take_slots(struct vq *vq, unsigned n, bool packed)
{
	vq->first_slot = (uint16_t)((vq->first_slot + n) % VQ_SLOTS);
	vq->n_slots = (uint16_t)(vq->n_slots - n);
	if (!packed)
		vq->next_avail = (uint16_t)(vq->next_avail + n);
}

/* virtio 1.2, 5.1.6.4: what is left to be done, and how many buffers the frame takes. */
static __rte_noinline void put_header(
	const struct vq *vq, uint8_t *at, uint16_t n_buffers, const struct dp_item *item)
{
	struct virtio_net_hdr_mrg_rxbuf h = { .num_buffers = n_buffers };

	if (item->frame->offloads)
		dp_offload_put(item->frame, dp_tag_shift(item->tag_op), &h.hdr);
	memcpy(at, &h, vq->header_len);
}

/* With nothing left to be done all of it is zero but the buffer count. A buffer
 * that comes round again mostly says so already, and a line that is only read need not be taken
 * away from the guest's core. */
static inline void put_plain_header(const struct vq *vq, uint8_t *at)
{
	const uint32_t high = 1u << 16; /* one buffer */
	uint64_t low;
	uint32_t have;

	memcpy(&low, at, sizeof(low));
	if (likely(vq->header_len == HEADER_MERGEABLE)) {
		memcpy(&have, at + 8, sizeof(have));
		if (unlikely(low || have != high)) {
			memset(at, 0, 8);
			memcpy(at + 8, &high, sizeof(high));
		}
		return;
	}
	memset(at, 0, 10);
}

/* Call what is behind the head: it is read next. */
static inline void call_rest(const struct dp_frame *f)
{
	for (uint32_t at = 0; at < f->n_rest; at += 64)
		rte_prefetch0(f->rest + at);
}

static __rte_always_inline void put_single(
	struct vq *vq, uint8_t *at, const struct dp_item *item, bool offloads)
{
	const struct dp_frame *f = item->frame;
	uint8_t *to = at + vq->header_len;

	if (offloads && f->offloads)
		put_header(vq, at, 1, item);
	else
		put_plain_header(vq, at);
	to += dp_item_put_head(item, to);
	if (f->n_rest)
		rte_memcpy(to, f->rest, f->n_rest);
	if (unlikely(f->n_more)) {
		to += f->n_rest;
		for (unsigned i = 0; i < f->n_more; i++) {
			rte_memcpy(to, f->more[i].at, f->more[i].len);
			to += f->more[i].len;
		}
	}
	if (unlikely(vq->log))
		vq_log_bytes(vq, at, vq->header_len + item->len);
}

/* Take the next buffer into the claim. return: false when the guest offers no more. */
static bool claim_buffer(struct vq *vq, struct claim *c, bool packed)
{
	struct vq_chain chain = { .segs = &c->pieces[c->n_pieces],
		.max = VQ_MAX_PIECES - c->n_pieces,
		.writable = true };
	struct vq_slot *s;

	if (c->n_slots == vq->n_slots)
		look_ahead(vq, RTE_MIN(c->n_slots + DP_BURST, (unsigned)VQ_SLOTS), packed);
	if (c->n_slots == vq->n_slots)
		return false;
	s = slot_at(vq, c->n_slots);
	if (s->at) {
		chain.segs[0] = (struct dp_seg){ s->at, s->len };
		chain.n = 1;
		chain.len = s->len;
		c->nonsense = false;
	} else {
		c->nonsense = vq_walk(vq, s->pos, &chain) < 0 || chain.len == 0;
		s->id = chain.id;
	}
	c->ids[c->n_slots] = s->id;
	c->n_descs[c->n_slots] = s->n_desc;
	c->sizes[c->n_slots++] = c->nonsense ? 0 : chain.len;
	if (!c->nonsense) {
		c->n_pieces += chain.n;
		c->room += chain.len;
	}
	return true;
}

/* return: DP_N_DROPS with a claim that the frame fits, else why it does not. */
static uint8_t claim_room(struct vq *vq, struct claim *c, uint32_t need, bool packed)
{
	c->n_pieces = c->n_slots = 0;
	c->room = 0;
	do {
		if (c->n_slots == VQ_SLOTS || c->n_pieces == VQ_MAX_PIECES)
			return DP_DROP_TX_BUFFERS;
		if (!claim_buffer(vq, c, packed))
			return DP_DROP_TX_FULL;
		if (c->nonsense)
			return DP_DROP_TX_BUFFERS;
	} while (c->room < need && vq->mergeable);
	return c->room < need ? DP_DROP_TX_BUFFERS : DP_N_DROPS;
}

/* Writes on into the pieces of a claim. */
struct cursor {
	const struct dp_seg *piece;
	uint32_t at;
};

static void put_bytes(struct vq *vq, struct cursor *c, const uint8_t *from, uint32_t n)
{
	while (n > 0) {
		uint32_t here = RTE_MIN(n, c->piece->len - c->at);

		rte_memcpy(c->piece->at + c->at, from, here);
		if (unlikely(vq->log))
			vq_log_bytes(vq, c->piece->at + c->at, here);
		from += here;
		n -= here;
		c->at += here;
		if (c->at == c->piece->len) {
			c->piece++;
			c->at = 0;
		}
	}
}

static void put_pieces(struct vq *vq, const struct claim *c, const struct dp_item *item)
{
	uint8_t head[HEADER_MERGEABLE + DP_HEAD_MAX + 4];
	const struct dp_frame *f = item->frame;
	struct cursor to = { c->pieces, 0 };

	put_header(vq, head, (uint16_t)c->n_slots, item);
	put_bytes(vq, &to, head, vq->header_len + dp_item_put_head(item, head + vq->header_len));
	put_bytes(vq, &to, f->rest, f->n_rest);
	for (unsigned i = 0; i < f->n_more; i++)
		put_bytes(vq, &to, f->more[i].at, f->more[i].len);
}

/* Give back the claimed buffers with need bytes in them; 0 gives them back unused. */
static void return_claim(
	struct vq *vq, struct vq_return *ret, const struct claim *c, uint32_t need, bool packed)
{
	for (unsigned i = 0; i < c->n_slots; i++) {
		uint32_t here = RTE_MIN(need, c->sizes[i]);

		vq_give_back(vq, ret, c->ids[i], c->n_descs[i], here, packed);
		take_slots(vq, 1, packed);
		need -= here;
	}
}

static __rte_noinline uint8_t put_general(
	struct vq *vq, struct vq_return *ret, const struct dp_item *item, bool packed)
{
	uint32_t need = vq->header_len + item->len;
	struct claim c;
	uint8_t r = claim_room(vq, &c, need, packed);

	if (r == DP_N_DROPS) {
		put_pieces(vq, &c, item);
		return_claim(vq, ret, &c, need, packed);
	} else if (c.n_slots && c.nonsense) {
		/* It would be in the way for ever. */
		return_claim(vq, ret, &c, 0, packed);
	}
	return r;
}

/* Frames that each fit one buffer of one descriptor. First all are copied and then all buffers
 * given back: the fewer other stores lie between, the more lines are on their way from the guest's
 * core at a time. return: how many of them, the first ones. */
static __rte_always_inline unsigned put_run(struct vq *vq, struct vq_return *ret,
	struct dp_item *items, unsigned n, bool packed, bool offloads)
{
	unsigned n_put = 0;

	if (n > vq->n_slots)
		n = vq->n_slots;
	for (; n_put < n; n_put++) {
		const struct vq_slot *s = slot_at(vq, n_put);

		if (unlikely(!s->at || s->len < vq->header_len + items[n_put].len))
			break;
		if (n_put + 1 < n)
			call_rest(items[n_put + 1].frame);
		put_single(vq, s->at, &items[n_put], offloads);
	}
	for (unsigned i = 0; i < n_put; i++) {
		vq_give_back(vq, ret, slot_at(vq, i)->id, 1, vq->header_len + items[i].len, packed);
		items[i].drop = DP_N_DROPS;
	}
	take_slots(vq, n_put, packed);
	return n_put;
}

static inline bool any_offloads(const struct dp_item *items, unsigned n)
{
	unsigned any = 0;

	for (unsigned i = 0; i < n; i++)
		any |= items[i].frame->offloads;
	return any;
}

static __rte_always_inline uint16_t send(
	struct vq *vq, struct dp_item *items, uint16_t n, bool packed)
{
	struct vq_return ret = { 0 };
	bool offloads = any_offloads(items, n);
	unsigned sent = 0;

	if (unlikely(vq->n_slots < n))
		look_ahead(vq, DP_BURST, packed);
	for (unsigned i = 0; i < n;) {
		unsigned n_put = offloads ? put_run(vq, &ret, items + i, n - i, packed, true)
					  : put_run(vq, &ret, items + i, n - i, packed, false);

		i += n_put;
		sent += n_put;
		if (likely(i == n))
			break;
		items[i].drop = put_general(vq, &ret, &items[i], packed);
		sent += items[i++].drop == DP_N_DROPS;
	}
	if (likely(ret.n)) {
		vq_show(vq, &ret, packed);
		vq_signal(vq);
	}
	look_ahead(vq, DP_BURST, packed);
	return (uint16_t)sent;
}

uint16_t vq_send(struct vq *vq, struct dp_item *items, uint16_t n)
{
	return vq->packed ? send(vq, items, n, true) : send(vq, items, n, false);
}
