/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checksums and segmentation in software. Headers are read and changed in private memory alone; the
 * payload stays where it lies and is summed up there. A guest that changes it meanwhile gets a
 * wrong checksum, which it could have sent just as well. Runs in workers.
 */
#include <netinet/in.h>
#include <rte_tcp.h>

#include "offload.h"
#include "sum.h"
#include "wire.h"

#define TCP_CHECKSUM 16 /* where it is in its header */
#define UDP_CHECKSUM 6
#define FIRST_L4     18 /* behind an Ethernet header and a tag, which might be popped */
#define IP_MAX       65535u

/* Pieces of the frame behind its head: 0 is the rest. */
static struct dp_seg piece_of(const struct dp_frame *f, unsigned i)
{
	return i == 0 ? (struct dp_seg){ f->rest, f->n_rest } : f->more[i - 1];
}

/* Where the IP header begins. return: 0 when there is none. */
static uint32_t find_ip(const uint8_t *head, uint32_t n_head, uint16_t *ret_type)
{
	uint32_t at = 12;

	while (at + 4 < n_head) {
		*ret_type = dp_load_be16(head + at);
		if (*ret_type != ETHERTYPE_VLAN && *ret_type != ETHERTYPE_QINQ)
			return at + 2;
		at += 4;
	}
	return 0;
}

/* How a kind of segmentation is called in a header, and what it is of. */
struct gso_kind {
	uint8_t offload, protocol, version, csum_offset, min_header;
};

static bool find_kind(const struct dp_frame *f, uint32_t ip, uint8_t type, struct gso_kind *ret)
{
	static const struct gso_kind tcp4 = { DP_OFFLOAD_TSO4, IPPROTO_TCP, 4, TCP_CHECKSUM, 20 },
				     tcp6 = { DP_OFFLOAD_TSO6, IPPROTO_TCP, 6, TCP_CHECKSUM, 20 },
				     udp4 = { DP_OFFLOAD_USO4, IPPROTO_UDP, 4, UDP_CHECKSUM, 8 },
				     udp6 = { DP_OFFLOAD_USO6, IPPROTO_UDP, 6, UDP_CHECKSUM, 8 };

	switch (type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		*ret = tcp4;
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		*ret = tcp6;
		return true;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		*ret = f->head[ip] >> 4 == 4 ? udp4 : udp6;
		return true;
	default:
		return false;
	}
}

/* virtio 1.2, 5.1.6.2.1: what a frame to be cut must look like. IPv6 extension headers may stand
 * between: the guest says where TCP or UDP begins. */
static bool check_headers(struct dp_frame *f, uint32_t ip, uint16_t type, const struct gso_kind *k)
{
	uint32_t l4 = f->csum_start, header = k->min_header;

	if (l4 + k->min_header > f->n_head || f->csum_offset != k->csum_offset ||
		f->len - ip > IP_MAX || f->head[ip] >> 4 != k->version)
		return false;
	if (k->version == 4) {
		uint32_t ip_header = (f->head[ip] & 0xfu) * 4;

		if (type != ETHERTYPE_IPV4 || ip_header < 20 || ip + ip_header != l4 ||
			f->head[ip + 9] != k->protocol)
			return false;
	} else if (type != ETHERTYPE_IPV6 || ip + 40 > l4) {
		return false;
	}
	if (k->protocol == IPPROTO_TCP)
		header = (f->head[l4 + 12] >> 4) * 4u;
	f->l3_start = (uint16_t)ip;
	f->hdr_len = (uint16_t)(l4 + header);
	return header >= k->min_header && f->hdr_len <= f->n_head && f->len > f->hdr_len;
}

static bool take_gso(struct dp_frame *f, const struct virtio_net_hdr *header)
{
	uint16_t type = 0;
	uint32_t ip = find_ip(f->head, f->n_head, &type);
	struct gso_kind kind;

	if (header->gso_size == 0 || !ip ||
		!find_kind(f, ip, header->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN, &kind) ||
		!check_headers(f, ip, type, &kind))
		return false;
	f->gso_size = header->gso_size;
	f->offloads |= kind.offload;
	if (header->gso_type & VIRTIO_NET_HDR_GSO_ECN)
		f->offloads |= DP_OFFLOAD_ECN;
	return (f->len - f->hdr_len - 1) / f->gso_size < DP_SEGMENTS_MAX;
}

uint8_t dp_offload_mask(enum dp_offload_level level)
{
	switch (level) {
	case DP_OFFLOADS_ALL:
		return DP_OFFLOAD_ALL;
	case DP_OFFLOADS_TSO:
		return DP_OFFLOAD_CSUM | DP_OFFLOAD_TSO | DP_OFFLOAD_ECN;
	case DP_OFFLOADS_CSUM:
		return DP_OFFLOAD_CSUM;
	default:
		return 0;
	}
}

void dp_offload_take(struct dp_frame *f, const struct virtio_net_hdr *header)
{
	bool ok = header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && header->csum_start >= FIRST_L4 &&
		  (uint32_t)header->csum_start + header->csum_offset + 2 <= f->n_head;

	f->csum_start = header->csum_start;
	f->csum_offset = header->csum_offset;
	f->offloads = DP_OFFLOAD_CSUM;
	if (ok && header->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		ok = take_gso(f, header);
	if (!ok)
		*f = (struct dp_frame){ .head = f->head, .refused_plus1 = DP_DROP_OFFLOAD + 1 };
}

void dp_offload_reopen(uint8_t *head, uint32_t n_head, uint32_t len, struct virtio_net_hdr *header)
{
	bool is_udp = header->gso_type == VIRTIO_NET_HDR_GSO_UDP_L4;
	uint8_t offset = is_udp ? UDP_CHECKSUM : TCP_CHECKSUM, protocol;
	uint16_t type = 0, v;
	uint32_t ip = find_ip(head, n_head, &type), l4;
	struct sum sum = { 0 };

	if (!ip || ip + IPV6_BYTES > n_head)
		return;
	l4 = ip + (type == ETHERTYPE_IPV4 ? (head[ip] & 0xfu) * 4 : IPV6_BYTES);
	protocol = head[ip + (type == ETHERTYPE_IPV4 ? 9 : 6)];
	if ((type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6) || l4 + offset + 2 > n_head ||
		l4 > len || protocol != (is_udp ? IPPROTO_UDP : IPPROTO_TCP))
		return;
	sum_add_pseudo(&sum, head + ip, type == ETHERTYPE_IPV4, protocol, len - l4);
	v = sum_fold(&sum);
	memcpy(head + l4 + offset, &v, sizeof(v));
	header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header->csum_start = (uint16_t)l4;
	header->csum_offset = offset;
}

void dp_offload_put(const struct dp_frame *f, int shift, struct virtio_net_hdr *header)
{
	*header = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = (uint16_t)(f->csum_start + shift),
		.csum_offset = f->csum_offset };
	if (!(f->offloads & DP_OFFLOAD_GSO))
		return;
	header->gso_type = f->offloads & DP_OFFLOAD_TSO4   ? VIRTIO_NET_HDR_GSO_TCPV4
			   : f->offloads & DP_OFFLOAD_TSO6 ? VIRTIO_NET_HDR_GSO_TCPV6
							   : VIRTIO_NET_HDR_GSO_UDP_L4;
	if (f->offloads & DP_OFFLOAD_ECN)
		header->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	header->gso_size = f->gso_size;
	header->hdr_len = (uint16_t)(f->hdr_len + shift);
}

void dp_offload_checksum(struct dp_frame *f, uint8_t *head)
{
	struct sum s = { 0 };

	/* The field holds the sum of the pseudo header, which belongs to it. */
	sum_add(&s, head + f->csum_start, f->n_head - f->csum_start);
	sum_add(&s, f->rest, f->n_rest);
	for (unsigned i = 0; i < f->n_more; i++)
		sum_add(&s, f->more[i].at, f->more[i].len);
	sum_store(&s, head + f->csum_start + f->csum_offset, f->csum_offset == UDP_CHECKSUM);
	f->offloads = 0;
}

unsigned dp_segment_begin(struct dp_segmenter *s, const struct dp_item *item)
{
	const struct dp_frame *f = item->frame;

	s->item = item;
	s->at = s->piece = s->piece_at = 0;
	s->n_left = f->len - f->hdr_len;
	return (s->n_left + f->gso_size - 1) / f->gso_size;
}

/* The next n bytes of payload as pieces in s->segs; they are summed up on the way. */
static unsigned cut_payload(struct dp_segmenter *s, uint32_t n, struct sum *sum)
{
	const struct dp_frame *f = s->item->frame;
	struct dp_seg *to = &s->segs[s->n_segs];
	uint32_t in_head = f->n_head - f->hdr_len;
	unsigned n_pieces = 0;

	while (n > 0) {
		struct dp_seg from;
		uint32_t here;

		if (s->at < in_head)
			/* Nobody writes to what is sent. */
			from = (struct dp_seg){ (uint8_t *)(uintptr_t)f->head + f->hdr_len + s->at,
				in_head - s->at };
		else
			from = piece_of(f, s->piece);
		if (s->at >= in_head) {
			from.at += s->piece_at;
			from.len -= s->piece_at;
		}
		here = RTE_MIN(n, from.len);
		if (s->at >= in_head) {
			s->piece_at += here;
			if (here == from.len) {
				s->piece++;
				s->piece_at = 0;
			}
		}
		s->at += here;
		n -= here;
		if (here == 0)
			continue;
		to[n_pieces++] = (struct dp_seg){ from.at, here };
		sum_add(sum, from.at, here);
	}
	s->n_segs = (uint16_t)(s->n_segs + n_pieces);
	return n_pieces;
}

/* RFC 793 and 3168: what differs between the first, the middle and the last. */
static void change_tcp(uint8_t *tcp, uint32_t offset, bool first, bool last)
{
	rte_be32_t seq;

	memcpy(&seq, tcp + 4, sizeof(seq));
	seq = rte_cpu_to_be_32(rte_be_to_cpu_32(seq) + offset);
	memcpy(tcp + 4, &seq, sizeof(seq));
	if (!last)
		tcp[13] &= (uint8_t) ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	if (!first)
		tcp[13] &= (uint8_t)~RTE_TCP_CWR_FLAG;
}

/* Lengths and checksum of the IP header. return: where its addresses are, in *ret_n bytes. */
static const uint8_t *change_ip(uint8_t *ip, bool is_v4, uint32_t len, uint32_t i, uint32_t *ret_n)
{
	struct sum s = { 0 };

	if (!is_v4) {
		dp_store_be16(ip + 4, len - 40);
		*ret_n = 32;
		return ip + 8;
	}
	dp_store_be16(ip + 2, len);
	dp_store_be16(ip + 4, dp_load_be16(ip + 4) + i);
	memset(ip + 10, 0, 2);
	sum_add(&s, ip, (ip[0] & 0xfu) * 4);
	sum_store(&s, ip + 10, false);
	*ret_n = 8;
	return ip + 12;
}

/* What is to the l4 header of len bytes and payload, but for its checksum. */
static void change_l4(const struct dp_segmenter *s, uint8_t *l4, uint32_t len, uint32_t at)
{
	if (s->item->frame->offloads & DP_OFFLOAD_TSO)
		change_tcp(l4, at, at == 0, s->n_left == 0);
	else
		dp_store_be16(l4 + 4, len);
}

static void cut_one(struct dp_segmenter *s, unsigned i)
{
	const struct dp_frame *from = s->item->frame;
	bool is_v4 = from->offloads & (DP_OFFLOAD_TSO4 | DP_OFFLOAD_USO4);
	uint32_t at = s->at, n = RTE_MIN(s->n_left, (uint32_t)from->gso_size), n_addresses;
	uint32_t len = from->hdr_len + n, l4_len = len - from->csum_start;
	uint8_t *head = s->heads[i], *l4 = head + from->csum_start, pseudo[4] = { 0 };
	struct dp_seg *segs = &s->segs[s->n_segs];
	struct dp_frame *f = &s->frames[i];
	const uint8_t *addresses;
	struct sum payload = { 0 }, sum = { 0 };
	unsigned n_pieces;

	memcpy(head, from->head, from->hdr_len);
	n_pieces = cut_payload(s, n, &payload);
	s->n_left -= n;
	change_l4(s, l4, l4_len, at);
	addresses = change_ip(head + from->l3_start, is_v4, len - from->l3_start,
		at / from->gso_size, &n_addresses);
	pseudo[1] = from->offloads & DP_OFFLOAD_TSO ? IPPROTO_TCP : IPPROTO_UDP;
	dp_store_be16(pseudo + 2, l4_len);
	memset(l4 + from->csum_offset, 0, 2);
	sum_add(&sum, addresses, n_addresses);
	sum_add(&sum, pseudo, sizeof(pseudo));
	sum_add(&sum, l4, from->hdr_len - from->csum_start);
	sum.sum += payload.sum; /* both headers are of whole words */
	sum_store(&sum, l4 + from->csum_offset, pseudo[1] == IPPROTO_UDP);

	*f = (struct dp_frame){ .head = head, .n_head = from->hdr_len, .len = len };
	f->rest = segs[0].at;
	f->n_rest = segs[0].len;
	f->more = segs + 1;
	f->n_more = (uint16_t)(n_pieces - 1);
	s->items[i] = (struct dp_item){ .frame = f,
		.len = len + (uint32_t)dp_tag_shift(s->item->tag_op),
		.tci = s->item->tci,
		.tag_op = s->item->tag_op };
}

uint16_t dp_segment_next(struct dp_segmenter *s)
{
	uint16_t n = 0;

	s->n_segs = 0;
	while (n < DP_BURST && s->n_left > 0)
		cut_one(s, n++);
	return n;
}
