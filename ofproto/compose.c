/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Frames from matches: Ethernet, a VLAN tag, MPLS or PBB, ARP, IPv4 and IPv6 with TCP, UDP, SCTP,
 * ICMP and neighbour discovery. First what is open is filled in, then it is written from the
 * outside in. Pure; any thread.
 */
#include <errno.h>
#include <string.h>

#include "ofproto/compose.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

#define MIN_FRAME     60     /* bytes, without the check sequence */
#define TYPE_FOR_TEST 0x88b5 /* IEEE 802, local experimental */
#define PAYLOAD       18     /* bytes behind the last header */

static bool is_open(const struct of_match *m, enum of_field_id id)
{
	const struct of_field *f = of_field(id);
	const uint8_t *mask = (const uint8_t *)&m->mask + f->offset;

	for (unsigned i = 0; i < f->n_bytes; i++)
		if (mask[i])
			return false;
	return true;
}

static void fill(struct of_match *m, enum of_field_id id, uint64_t value)
{
	unsigned n = of_field(id)->n_bytes;
	uint8_t bytes[16] = { 0 };

	for (unsigned i = 0; i < n && i < 8; i++)
		bytes[n - 1 - i] = (uint8_t)(value >> 8 * i);
	if (is_open(m, id))
		of_match_set(m, id, bytes, NULL);
}

static const uint8_t ipv6_first[16] = { 0xfd, [15] = 1 };
static const uint8_t ipv6_second[16] = { 0xfd, [15] = 2 };

static void fill_ipv6(struct of_match *m, enum of_field_id id, const uint8_t address[16])
{
	if (is_open(m, id))
		of_match_set(m, id, address, NULL);
}

/* What is in no frame, or more than is made here. */
static int check_fields(const struct of_match *m, struct sh_err *err)
{
	static const enum of_field_id no[] = { OF_FIELD_METADATA, OF_FIELD_TUNNEL_ID,
		OF_FIELD_PKT_MARK, OF_FIELD_CONJ_ID, OF_FIELD_ACTSET_OUTPUT, OF_FIELD_IPV6_EXTHDR };

	for (unsigned i = 0; i < N(no); i++)
		if (!is_open(m, no[i]))
			return sh_err_set(err, -EINVAL, "%s: no frame can be made that has it",
				of_field(no[i])->name);
	for (int id = OF_FIELD_REG0; id < OF_N_FIELDS; id++)
		if (!is_open(m, (enum of_field_id)id))
			return sh_err_set(err, -EINVAL, "%s: no frame can be made that has it",
				of_field((enum of_field_id)id)->name);
	return 0;
}

static void fill_ports(struct of_match *m, enum of_field_id src, enum of_field_id dst)
{
	fill(m, src, 1000);
	fill(m, dst, 2000);
}

static void fill_l4(struct of_match *m, uint32_t held)
{
	if (held & OF_PREREQ_TCP) {
		fill_ports(m, OF_FIELD_TCP_SRC, OF_FIELD_TCP_DST);
		fill(m, OF_FIELD_TCP_FLAGS, 0x10);
	} else if (held & OF_PREREQ_UDP) {
		fill_ports(m, OF_FIELD_UDP_SRC, OF_FIELD_UDP_DST);
	} else if (held & OF_PREREQ_SCTP) {
		fill_ports(m, OF_FIELD_SCTP_SRC, OF_FIELD_SCTP_DST);
	} else if (held & OF_PREREQ_ICMPV4) {
		fill(m, OF_FIELD_ICMPV4_TYPE, 8);
	} else if (held & OF_PREREQ_ICMPV6) {
		fill(m, OF_FIELD_ICMPV6_TYPE, 128);
	}
}

static void fill_l3(struct of_match *m, uint32_t held)
{
	if (held & OF_PREREQ_ARP) {
		fill(m, OF_FIELD_ARP_OP, m->value.eth_type[0] == 0x80 ? 3 : 1);
		fill(m, OF_FIELD_ARP_SPA, 0x0a000001);
		fill(m, OF_FIELD_ARP_TPA, 0x0a000002);
		if (is_open(m, OF_FIELD_ARP_SHA))
			of_match_set(m, OF_FIELD_ARP_SHA, m->value.eth_src, NULL);
	} else if (held & OF_PREREQ_IPV4) {
		fill(m, OF_FIELD_IPV4_SRC, 0x0a000001);
		fill(m, OF_FIELD_IPV4_DST, 0x0a000002);
	} else if (held & OF_PREREQ_IPV6) {
		fill_ipv6(m, OF_FIELD_IPV6_SRC, ipv6_first);
		fill_ipv6(m, OF_FIELD_IPV6_DST, ipv6_second);
	}
	if (held & (OF_PREREQ_IPV4 | OF_PREREQ_IPV6)) {
		fill(m, OF_FIELD_IP_TTL, 64);
		fill(m, OF_FIELD_IP_PROTO, 253); /* RFC 3692: for experiments */
	}
	if (held & OF_PREREQ_MPLS)
		fill(m, OF_FIELD_MPLS_BOS, 1);
}

static void fill_all(struct of_match *m)
{
	fill(m, OF_FIELD_ETH_SRC, UINT64_C(0x020000000001));
	fill(m, OF_FIELD_ETH_DST, UINT64_C(0x020000000002));
	fill(m, OF_FIELD_ETH_TYPE, TYPE_FOR_TEST);
	fill_l3(m, of_match_prereqs(m));
	fill_l4(m, of_match_prereqs(m));
}

/* Sums */

static uint32_t add_up(uint32_t sum, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint32_t crc32c(const uint8_t *bytes, size_t n)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return ~crc;
}

/* Of the addresses, the protocol and the length (RFC 9293, 3.1; RFC 8200, 8.1). */
static uint32_t pseudo_sum(const struct sh_flow_key *k, bool is_ipv6, size_t n)
{
	uint32_t sum = k->ip_proto + (uint32_t)n;

	if (is_ipv6)
		return add_up(add_up(sum, k->ipv6_src, 16), k->ipv6_dst, 16);
	return add_up(add_up(sum, k->ipv4_src, 4), k->ipv4_dst, 4);
}

/* Layer 4, at the end of out */

static void put_zeros(struct of_buf *out, size_t n)
{
	(void)of_buf_add(out, n);
}

static void put_tcp(const struct sh_flow_key *k, struct of_buf *out)
{
	of_buf_put(out, k->l4_src, 2);
	of_buf_put(out, k->l4_dst, 2);
	put_zeros(out, 8);
	of_buf_put_u16(out, (uint16_t)(5u << 12 | of_get_u16(k->tcp_flags)));
	of_buf_put_u16(out, UINT16_MAX);
	put_zeros(out, 4 + PAYLOAD);
}

static void put_udp(const struct sh_flow_key *k, struct of_buf *out)
{
	of_buf_put(out, k->l4_src, 2);
	of_buf_put(out, k->l4_dst, 2);
	of_buf_put_u16(out, 8 + PAYLOAD);
	put_zeros(out, 2 + PAYLOAD);
}

/* One DATA chunk behind the common header (RFC 9260, 3.3.1). */
static void put_sctp(const struct sh_flow_key *k, struct of_buf *out)
{
	of_buf_put(out, k->l4_src, 2);
	of_buf_put(out, k->l4_dst, 2);
	put_zeros(out, 8);
	of_buf_put_u16(out, 0x0003);
	of_buf_put_u16(out, 16 + 4);
	put_zeros(out, 12 + 4);
}

static void put_nd(const struct sh_flow_key *k, struct of_buf *out)
{
	bool is_ns = k->icmp_type == 135;

	put_zeros(out, 4);
	of_buf_put(out, k->nd_target, 16);
	of_buf_put_u8(out, is_ns ? 1 : 2);
	of_buf_put_u8(out, 1);
	of_buf_put(out, is_ns ? k->nd_sll : k->nd_tll, 6);
}

static void put_icmp(const struct sh_flow_key *k, uint32_t held, struct of_buf *out)
{
	of_buf_put_u8(out, k->icmp_type);
	of_buf_put_u8(out, k->icmp_code);
	of_buf_put_u16(out, 0);
	if (held & OF_PREREQ_ND)
		put_nd(k, out);
	else
		put_zeros(out, 4 + PAYLOAD);
}

/* Where the checksum lies in the header; 0: nowhere. */
static size_t sum_at(uint32_t held)
{
	if (held & OF_PREREQ_TCP)
		return 16;
	if (held & OF_PREREQ_UDP)
		return 6;
	return held & (OF_PREREQ_ICMPV4 | OF_PREREQ_ICMPV6) ? 2 : 0;
}

static void finish_sum(
	const struct sh_flow_key *k, uint32_t held, bool is_ipv6, size_t start, struct of_buf *out)
{
	size_t n = out->len - start, at = sum_at(held);
	uint32_t crc;

	if (out->failed)
		return;
	if (at) {
		uint32_t sum = held & OF_PREREQ_ICMPV4 ? 0 : pseudo_sum(k, is_ipv6, n);
		uint16_t folded = fold(add_up(sum, out->data + start, n));

		of_buf_set_u16(
			out, start + at, !folded && held & OF_PREREQ_UDP ? UINT16_MAX : folded);
	} else if (held & OF_PREREQ_SCTP) {
		crc = crc32c(out->data + start, n);
		for (int i = 0; i < 4; i++)
			out->data[start + 8 + (size_t)i] = (uint8_t)(crc >> 8 * i);
	}
}

static void put_l4(const struct sh_flow_key *k, uint32_t held, bool is_ipv6, struct of_buf *out)
{
	size_t start = out->len;

	if (held & OF_PREREQ_TCP)
		put_tcp(k, out);
	else if (held & OF_PREREQ_UDP)
		put_udp(k, out);
	else if (held & OF_PREREQ_SCTP)
		put_sctp(k, out);
	else if (held & (OF_PREREQ_ICMPV4 | OF_PREREQ_ICMPV6))
		put_icmp(k, held, out);
	else
		put_zeros(out, PAYLOAD);
	finish_sum(k, held, is_ipv6, start, out);
}

/* Layer 3 */

#define MORE_FRAGMENTS 0x2000

static void put_ipv4(const struct sh_flow_key *k, uint32_t held, struct of_buf *out)
{
	size_t start = out->len;
	uint16_t fragment = k->ip_frag & SH_FRAG_LATER ? 1 : k->ip_frag ? MORE_FRAGMENTS : 0;

	of_buf_put_u8(out, 0x45);
	of_buf_put_u8(out, (uint8_t)(k->ip_dscp << 2 | k->ip_ecn));
	of_buf_put_u16(out, 0);
	of_buf_put_u16(out, 0);
	of_buf_put_u16(out, fragment);
	of_buf_put_u8(out, k->ip_ttl);
	of_buf_put_u8(out, k->ip_proto);
	of_buf_put_u16(out, 0);
	of_buf_put(out, k->ipv4_src, 4);
	of_buf_put(out, k->ipv4_dst, 4);
	put_l4(k, fragment == 1 ? 0 : held, false, out);
	of_buf_set_u16(out, start + 2, (uint16_t)(out->len - start));
	if (!out->failed)
		of_buf_set_u16(out, start + 10, fold(add_up(0, out->data + start, 20)));
}

#define FRAGMENT_HEADER 44

static void put_fragment(const struct sh_flow_key *k, struct of_buf *out)
{
	of_buf_put_u8(out, k->ip_proto);
	of_buf_put_u8(out, 0);
	of_buf_put_u16(out, k->ip_frag & SH_FRAG_LATER ? 1 << 3 : 1);
	of_buf_put_u32(out, 0);
}

static void put_ipv6(const struct sh_flow_key *k, uint32_t held, struct of_buf *out)
{
	uint32_t class = (uint32_t)k->ip_dscp << 2 | k->ip_ecn;
	size_t start = out->len;

	of_buf_put_u32(out, 6u << 28 | class << 20 | of_get_u32(k->ipv6_flabel));
	of_buf_put_u16(out, 0);
	of_buf_put_u8(out, k->ip_frag ? FRAGMENT_HEADER : k->ip_proto);
	of_buf_put_u8(out, k->ip_ttl);
	of_buf_put(out, k->ipv6_src, 16);
	of_buf_put(out, k->ipv6_dst, 16);
	if (k->ip_frag)
		put_fragment(k, out);
	put_l4(k, k->ip_frag & SH_FRAG_LATER ? 0 : held, true, out);
	of_buf_set_u16(out, start + 4, (uint16_t)(out->len - start - 40));
}

static void put_arp(const struct sh_flow_key *k, struct of_buf *out)
{
	of_buf_put_u16(out, 1);
	of_buf_put_u16(out, 0x0800);
	of_buf_put_u16(out, 0x0604);
	of_buf_put(out, k->arp_op, 2);
	of_buf_put(out, k->arp_sha, 6);
	of_buf_put(out, k->arp_spa, 4);
	of_buf_put(out, k->arp_tha, 6);
	of_buf_put(out, k->arp_tpa, 4);
}

#define MPLS_TTL 64

static void put_mpls(const struct sh_flow_key *k, struct of_buf *out)
{
	of_buf_put_u32(out, of_get_u32(k->mpls_label) << 12 | (uint32_t)k->mpls_tc << 9 |
				    (uint32_t)k->mpls_bos << 8 | MPLS_TTL);
	if (!k->mpls_bos)
		of_buf_put_u32(out, 1u << 8 | MPLS_TTL);
}

/* The I-TAG, and in it a frame of the customer's (IEEE 802.1ah). */
static void put_pbb(const struct sh_flow_key *k, struct of_buf *out)
{
	of_buf_put_u8(out, (uint8_t)(k->pbb_uca << 3));
	of_buf_put(out, k->pbb_isid, 3);
	of_buf_put(out, k->eth_dst, 6);
	of_buf_put(out, k->eth_src, 6);
	of_buf_put_u16(out, TYPE_FOR_TEST);
}

static void put_l3(const struct sh_flow_key *k, uint32_t held, struct of_buf *out)
{
	if (held & OF_PREREQ_IPV4)
		put_ipv4(k, held, out);
	else if (held & OF_PREREQ_IPV6)
		put_ipv6(k, held, out);
	else if (held & OF_PREREQ_ARP)
		put_arp(k, out);
	else if (held & OF_PREREQ_MPLS)
		put_mpls(k, out);
	else if (held & OF_PREREQ_PBB)
		put_pbb(k, out);
}

static void put_tag(const struct sh_flow_key *k, struct of_buf *out)
{
	if (!(k->vlan_vid[0] & SH_VLAN_THERE >> 8))
		return;
	of_buf_put_u16(out, 0x8100);
	of_buf_put_u16(out, (uint16_t)((of_get_u16(k->vlan_vid) & 0xfff) | k->vlan_pcp << 13));
}

/* A type below is a length, of a frame that has none (IEEE 802.3). */
static void put_type(const struct sh_flow_key *k, struct of_buf *out)
{
	unsigned type = of_get_u16(k->eth_type);

	of_buf_put_u16(out, (uint16_t)(type < 0x0600 ? PAYLOAD : type));
}

int of_frame_compose(const struct of_match *match, struct of_buf *out, struct sh_err *err)
{
	struct of_match whole = *match;
	const struct sh_flow_key *k = &whole.value;
	size_t start = out->len;
	int r = check_fields(match, err);

	if (r < 0)
		return r;
	fill_all(&whole);
	of_buf_put(out, k->eth_dst, 6);
	of_buf_put(out, k->eth_src, 6);
	put_tag(k, out);
	put_type(k, out);
	put_l3(k, of_match_prereqs(&whole), out);
	if (out->len - start < MIN_FRAME)
		put_zeros(out, MIN_FRAME - (out->len - start));
	return out->failed ? sh_err_set(err, -ENOMEM, "out of memory") : 0;
}
