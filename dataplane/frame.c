/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Frames to and from mbufs and to the pieces that a system call takes: what ports that are no
 * guest's need. Runs in workers.
 */
#include <string.h>

#include "frame.h"
#include "vlan_rules.h"
#include "wire.h"

uint16_t dp_tag_of(const struct dp_frame *frame)
{
	return dp_load_be16(frame->head + 12) == ETHERTYPE_VLAN ? dp_load_be16(frame->head + 14)
								: 0;
}

uint16_t dp_tag_on_port(const struct dp_item *item)
{
	switch (item->tag_op) {
	case DP_TAG_KEEP:
		return dp_tag_of(item->frame);
	case DP_TAG_POP:
		return 0;
	default:
		return item->tci;
	}
}

unsigned dp_item_iov(const struct dp_item *item, uint8_t *head, struct iovec *iov, unsigned max)
{
	const struct dp_frame *f = item->frame;
	unsigned n = 0;

	if (f->n_more + 2u > max)
		return 0;
	iov[n].iov_base = head;
	iov[n++].iov_len = dp_item_put_head(item, head);
	if (f->n_rest) {
		iov[n].iov_base = f->rest;
		iov[n++].iov_len = f->n_rest;
	}
	for (unsigned i = 0; i < f->n_more; i++) {
		iov[n].iov_base = f->more[i].at;
		iov[n++].iov_len = f->more[i].len;
	}
	return n;
}

void dp_mbuf_ring_free(struct rte_ring *ring)
{
	void *m;

	while (ring && rte_ring_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(ring);
}

int dp_mbuf_append(struct rte_mbuf *head, struct rte_mbuf **tail, struct rte_mempool *pool,
	const uint8_t *at, uint32_t len)
{
	while (len > 0) {
		uint32_t room = rte_pktmbuf_tailroom(*tail);
		uint32_t n = RTE_MIN(room, len);

		if (n == 0) {
			struct rte_mbuf *fresh = rte_pktmbuf_alloc(pool);

			if (!fresh)
				return -1;
			(*tail)->next = fresh;
			*tail = fresh;
			head->nb_segs++;
			continue;
		}
		memcpy(rte_pktmbuf_mtod_offset(*tail, uint8_t *, (*tail)->data_len), at, n);
		(*tail)->data_len = (uint16_t)((*tail)->data_len + n);
		head->pkt_len += n;
		at += n;
		len -= n;
	}
	return 0;
}

struct rte_mbuf *dp_item_mbuf(const struct dp_item *item, struct rte_mempool *pool)
{
	const struct dp_frame *f = item->frame;
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool), *tail = head;
	int r;

	if (!head)
		return NULL;
	head->data_len = (uint16_t)dp_item_put_head(item, rte_pktmbuf_mtod(head, uint8_t *));
	head->pkt_len = head->data_len;
	r = dp_mbuf_append(head, &tail, pool, f->rest, f->n_rest);
	for (unsigned i = 0; r == 0 && i < f->n_more; i++)
		r = dp_mbuf_append(head, &tail, pool, f->more[i].at, f->more[i].len);
	if (r == 0)
		return head;
	rte_pktmbuf_free(head);
	return NULL;
}

static void take_segments(struct dp_burst *burst, struct dp_frame *f, const struct rte_mbuf *m)
{
	f->more = &burst->segs[burst->n_segs];
	for (; m && burst->n_segs < DP_BURST_SEGS; m = m->next) {
		burst->segs[burst->n_segs].at = rte_pktmbuf_mtod(m, uint8_t *);
		burst->segs[burst->n_segs++].len = m->data_len;
		f->n_more++;
	}
}

void dp_burst_from_mbufs(struct dp_burst *burst, uint16_t n)
{
	burst->n = n;
	burst->n_segs = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = burst->mbufs[i];
		struct dp_frame *f = &burst->frames[i];

		dp_frame_from_memory(f, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
		f->len = m->pkt_len;
		if (unlikely(m->next))
			take_segments(burst, f, m->next);
	}
}

struct rte_mbuf *dp_frame_from_bytes(struct rte_mempool *pool, const void *bytes, uint32_t len)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool), *tail = head;

	if (!head)
		return NULL;
	if (dp_mbuf_append(head, &tail, pool, bytes, len) == 0)
		return head;
	rte_pktmbuf_free(head);
	return NULL;
}
