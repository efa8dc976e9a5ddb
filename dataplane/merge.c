/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Receive coalescing, a burst at a time, so that no frame waits for another. The rules are those of
 * Linux's GRO: what comes out could be cut into what came in. Runs in workers.
 */
#include <rte_tcp.h>

#include "merge.h"
#include "offload.h"
#include "sum.h"
#include "wire.h"

#define DONT_FRAGMENT 0x4000
#define TCP_BYTES     20u
#define TCP_CHECKSUM  16
#define IP_MAX        65535u

/* A segment with payload. Offsets in its head, bytes. */
struct segment {
	const struct dp_item *item;
	const uint8_t *ip, *tcp;
	uint32_t l3, l4, hdr_len, payload, seq;
	bool is_v4;
};

/* An item that may still grow. */
struct group {
	struct segment first;
	uint32_t payload, next_seq;
	uint8_t n, flags;
	bool is_open;
	uint8_t members[DP_BURST];
};

struct merge {
	const struct dp_item *items;
	unsigned n;
	struct group groups[DP_BURST];
};

static bool find_layers(struct segment *s)
{
	const struct dp_frame *f = s->item->frame;
	uint32_t at = 12;
	uint16_t type;

	if (f->n_head < ETH_BYTES + IPV4_BYTES + TCP_BYTES)
		return false;
	type = dp_load_be16(f->head + at);
	if (type == ETHERTYPE_VLAN) {
		at += 4;
		type = dp_load_be16(f->head + at);
	}
	s->l3 = at + 2;
	s->is_v4 = type == ETHERTYPE_IPV4;
	s->l4 = s->l3 + (s->is_v4 ? IPV4_BYTES : IPV6_BYTES);
	s->ip = f->head + s->l3;
	s->tcp = f->head + s->l4;
	return (s->is_v4 || type == ETHERTYPE_IPV6) && s->l4 + TCP_BYTES <= f->n_head;
}

/* No options, no fragment, no padding behind. */
static bool is_plain_ip(const struct segment *s)
{
	uint32_t behind = s->item->frame->len - s->l3;

	if (s->is_v4)
		return s->ip[0] == 0x45 && s->ip[9] == PROTO_TCP &&
		       (dp_load_be16(s->ip + 6) & ~DONT_FRAGMENT) == 0 &&
		       dp_load_be16(s->ip + 2) == behind;
	return s->ip[0] >> 4 == 6 && s->ip[6] == PROTO_TCP &&
	       dp_load_be16(s->ip + 4) + (uint32_t)IPV6_BYTES == behind;
}

static bool has_right_sums(const struct segment *s)
{
	const struct dp_frame *f = s->item->frame;
	struct sum ip = { 0 }, tcp = { 0 };

	if (s->is_v4) {
		sum_add(&ip, s->ip, IPV4_BYTES);
		if (sum_fold(&ip) != 0xffff)
			return false;
	}
	sum_add_pseudo(&tcp, s->ip, s->is_v4, PROTO_TCP, f->len - s->l4);
	sum_add(&tcp, s->tcp, f->n_head - s->l4);
	sum_add(&tcp, f->rest, f->n_rest);
	return sum_fold(&tcp) == 0xffff;
}

/* Data of an established connection and nothing else. */
static bool find_segment(const struct dp_item *item, struct segment *s)
{
	const struct dp_frame *f = item->frame;

	s->item = item;
	if (f->offloads || f->n_more || !find_layers(s) || !is_plain_ip(s))
		return false;
	s->hdr_len = s->l4 + (s->tcp[12] >> 4) * 4u;
	if (s->hdr_len < s->l4 + TCP_BYTES || s->hdr_len > f->n_head || s->hdr_len >= f->len ||
		(s->tcp[13] & ~RTE_TCP_PSH_FLAG) != RTE_TCP_ACK_FLAG)
		return false;
	s->payload = f->len - s->hdr_len;
	s->seq = (uint32_t)dp_load_be16(s->tcp + 4) << 16 | dp_load_be16(s->tcp + 6);
	return has_right_sums(s);
}

static bool is_same_connection(const struct segment *a, const struct segment *b)
{
	return a->is_v4 == b->is_v4 && a->l3 == b->l3 &&
	       memcmp(a->ip + (a->is_v4 ? 12 : 8), b->ip + (b->is_v4 ? 12 : 8),
		       a->is_v4 ? 8 : 32) == 0 &&
	       memcmp(a->tcp, b->tcp, 4) == 0;
}

/* All that a cut would copy into every piece. */
static bool has_same_headers(const struct group *g, const struct segment *s)
{
	const struct segment *a = &g->first;
	uint16_t id = (uint16_t)(dp_load_be16(a->ip + 4) + g->n);

	if (a->item->tag_op != s->item->tag_op || a->item->tci != s->item->tci ||
		a->hdr_len != s->hdr_len ||
		memcmp(a->item->frame->head, s->item->frame->head, a->l3) != 0)
		return false;
	if (a->is_v4 ? a->ip[1] != s->ip[1] || memcmp(a->ip + 6, s->ip + 6, 3) != 0
		     : memcmp(a->ip, s->ip, 4) != 0 || a->ip[7] != s->ip[7])
		return false;
	if (a->is_v4 && !(a->ip[6] & DONT_FRAGMENT >> 8) && dp_load_be16(s->ip + 4) != id)
		return false;
	return memcmp(a->tcp + 8, s->tcp + 8, 5) == 0 && memcmp(a->tcp + 14, s->tcp + 14, 2) == 0 &&
	       memcmp(a->tcp + 18, s->tcp + 18, a->hdr_len - a->l4 - 18) == 0;
}

static bool may_follow(const struct group *g, const struct segment *s)
{
	return s->seq == g->next_seq && s->payload <= g->first.payload &&
	       g->first.hdr_len - g->first.l3 + g->payload + s->payload <= IP_MAX &&
	       has_same_headers(g, s);
}

/* A shorter one, or one that is to be pushed to the reader, is the last. */
static void append(struct merge *m, struct group *g, const struct segment *s)
{
	g->members[g->n++] = (uint8_t)(s->item - m->items);
	g->payload += s->payload;
	g->next_seq = s->seq + s->payload;
	g->flags |= s->tcp[13];
	g->is_open = s->payload == g->first.payload && !(s->tcp[13] & RTE_TCP_PSH_FLAG);
}

static struct group *begin(struct merge *m, const struct dp_item *item)
{
	struct group *g = &m->groups[m->n++];

	g->first.item = item;
	g->n = g->flags = 0;
	g->payload = 0;
	g->is_open = false;
	return g;
}

/* return: the group that it goes into. One of the same connection that it does not continue ends.
 */
static struct group *find_group(struct merge *m, const struct segment *s)
{
	struct group *g;

	for (unsigned i = m->n; i-- > 0;) {
		g = &m->groups[i];
		if (!g->is_open || !is_same_connection(&g->first, s))
			continue;
		if (may_follow(g, s))
			return g;
		g->is_open = false;
		break;
	}
	g = begin(m, s->item);
	g->first = *s;
	return g;
}

static void sort(struct merge *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct segment s;

		if (find_segment(&m->items[i], &s)) {
			append(m, find_group(m, &s), &s);
			continue;
		}
		/* Of what connection it is nobody knows: none may overtake it. */
		for (unsigned k = 0; k < m->n; k++)
			m->groups[k].is_open = false;
		begin(m, &m->items[i])->members[0] = (uint8_t)i;
		m->groups[m->n - 1].n = 1;
	}
}

/* The payload is in one piece or two: what of it is in the head, and the rest. */
static void add_payload(struct dp_merger *out, const struct dp_frame *f, uint32_t hdr_len)
{
	/* Nobody writes to what is sent. */
	uint8_t *in_head = (uint8_t *)(uintptr_t)f->head + hdr_len;
	uint32_t n_in_head = f->n_head - hdr_len;

	if (in_head + n_in_head == f->rest) {
		out->segs[out->n_segs++] = (struct dp_seg){ in_head, n_in_head + f->n_rest };
		return;
	}
	if (n_in_head)
		out->segs[out->n_segs++] = (struct dp_seg){ in_head, n_in_head };
	if (f->n_rest)
		out->segs[out->n_segs++] = (struct dp_seg){ f->rest, f->n_rest };
}

/* The first one's, with the length of all, and of TCP's checksum the pseudo header's part. */
static void write_head(const struct group *g, uint8_t *head)
{
	const struct segment *s = &g->first;
	uint8_t *ip = head + s->l3, *tcp = head + s->l4;
	uint32_t len = s->hdr_len - s->l3 + g->payload;
	struct sum sum = { 0 }, pseudo = { 0 };
	uint16_t v;

	memcpy(head, s->item->frame->head, s->hdr_len);
	if (s->is_v4) {
		dp_store_be16(ip + 2, len);
		memset(ip + 10, 0, 2);
		sum_add(&sum, ip, IPV4_BYTES);
		sum_store(&sum, ip + 10, false);
	} else {
		dp_store_be16(ip + 4, len - IPV6_BYTES);
	}
	tcp[13] = g->flags;
	sum_add_pseudo(&pseudo, s->ip, s->is_v4, PROTO_TCP, s->hdr_len - s->l4 + g->payload);
	v = sum_fold(&pseudo);
	memcpy(tcp + TCP_CHECKSUM, &v, sizeof(v));
}

static void put_together(struct dp_merger *out, const struct merge *m, unsigned i)
{
	const struct group *g = &m->groups[i];
	const struct segment *s = &g->first;
	struct dp_frame *f = &out->frames[i];
	struct dp_seg *segs = &out->segs[out->n_segs];

	for (unsigned k = 0; k < g->n; k++)
		add_payload(out, m->items[g->members[k]].frame, s->hdr_len);
	write_head(g, out->heads[i]);
	*f = (struct dp_frame){ .head = out->heads[i],
		.n_head = s->hdr_len,
		.len = s->hdr_len + g->payload,
		.rest = segs[0].at,
		.n_rest = segs[0].len,
		.more = segs + 1,
		.n_more = (uint16_t)(&out->segs[out->n_segs] - segs - 1),
		.offloads = DP_OFFLOAD_CSUM | (s->is_v4 ? DP_OFFLOAD_TSO4 : DP_OFFLOAD_TSO6),
		.csum_start = (uint16_t)s->l4,
		.csum_offset = TCP_CHECKSUM,
		.l3_start = (uint16_t)s->l3,
		.hdr_len = (uint16_t)s->hdr_len,
		.gso_size = (uint16_t)s->payload };
	out->items[i].frame = f;
	out->items[i].len = f->len + (uint32_t)dp_tag_shift(s->item->tag_op);
}

bool dp_merge(struct dp_merger *out, const struct dp_item *items, unsigned n)
{
	struct merge m = { .items = items };

	sort(&m, n);
	if (m.n == n)
		return false;
	out->n = (uint16_t)m.n;
	out->n_segs = 0;
	for (unsigned i = 0; i < m.n; i++) {
		out->items[i] = *m.groups[i].first.item;
		out->n_members[i] = m.groups[i].n;
		if (m.groups[i].n > 1)
			put_together(out, &m, i);
	}
	return true;
}
