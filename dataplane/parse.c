/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ethernet, its tags, ARP and IP, and what lies in IP: the first bytes of a frame as a key. Each
 * header has its function, which reads nothing before it knows that it is there. It runs for every
 * frame of a bridge with flow tables, in its worker. IPv6's extension headers and neighbour
 * discovery are in parse_ipv6.c.
 */
#include "parse_walk.h"

#define MAX_HEAD  240u /* offsets are bytes, and the last ones mean something else */
#define MAX_VLANS 2

static_assert(DP_KEY_FRAME_BEGIN % 8 == 0 && DP_KEY_FRAME_END % 8 == 0, "cleared as words");

static bool is_vlan(uint16_t type)
{
	return type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ;
}

/* The outermost tag is in the key, the next is looked through. return: where the type is. */
static uint32_t skip_vlans(struct dp_walk *w)
{
	uint32_t at = 12;

	for (unsigned i = 0; i < MAX_VLANS; i++, at += VLAN_BYTES) {
		const uint8_t *tag = w->head + at;

		if (at + VLAN_BYTES + 2 > w->n || !is_vlan(dp_load_be16(tag)))
			break;
		if (i > 0)
			continue;
		w->layers->vlan = (uint8_t)at;
		dp_store_be16(w->key->vlan_vid, (dp_load_be16(tag + 2) & 0xfffu) | SH_VLAN_THERE);
		w->key->vlan_pcp = tag[2] >> 5;
	}
	return at;
}

/* IEEE 802.2: LLC and SNAP of the organization 0 carry an ethertype. return: where it is, or 0. */
static uint32_t find_snap_type(const struct dp_walk *w, uint32_t at)
{
	static const uint8_t snap[6] = { 0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00 };

	if (at + 10 > w->n || memcmp(w->head + at + 2, snap, sizeof(snap)) != 0 ||
		dp_load_be16(w->head + at + 8) < ETHERTYPE_MIN)
		return 0;
	return at + 8;
}

/* return: where what the type names begins */
static uint32_t take_type(struct dp_walk *w, uint32_t at, uint16_t *ret_type)
{
	uint16_t type = dp_load_be16(w->head + at);

	if (unlikely(type < ETHERTYPE_MIN)) {
		at = find_snap_type(w, at);
		type = at ? dp_load_be16(w->head + at) : ETHERTYPE_NONE;
	}
	if (at)
		w->layers->type = (uint8_t)at;
	dp_store_be16(w->key->eth_type, type);
	*ret_type = type;
	return at + 2;
}

static bool take_mpls(struct dp_walk *w, uint32_t at)
{
	uint32_t entry;

	if (at + MPLS_BYTES > w->n)
		return false;
	entry = dp_load_be32(w->head + at);
	dp_store_be32(w->key->mpls_label, entry >> 12);
	w->key->mpls_tc = entry >> 9 & 7;
	w->key->mpls_bos = entry >> 8 & 1;
	w->layers->mpls = (uint8_t)at;
	return true;
}

/* IEEE 802.1Q, 9.7: PCP, DEI and UCA in a byte, and the I-SID. */
static bool take_pbb(struct dp_walk *w, uint32_t at)
{
	const uint8_t *tci = w->head + at;

	if (at + 4 > w->n)
		return false;
	w->key->pbb_uca = tci[0] >> 3 & 1;
	memcpy(w->key->pbb_isid, tci + 1, 3);
	w->layers->pbb = (uint8_t)at;
	return true;
}

/* RFC 826, of Ethernet and IPv4 alone. */
static bool take_arp(struct dp_walk *w, uint32_t at)
{
	static const uint8_t begin[6] = { 0, 1, ETHERTYPE_IPV4 >> 8, ETHERTYPE_IPV4 & 0xff, 6, 4 };
	const uint8_t *arp = w->head + at;

	if (at + 28 > w->n || memcmp(arp, begin, sizeof(begin)) != 0)
		return false;
	w->layers->l3 = (uint8_t)at;
	memcpy(w->key->arp_op, arp + 6, 2);
	memcpy(w->key->arp_sha, arp + 8, 6);
	memcpy(w->key->arp_spa, arp + 14, 4);
	memcpy(w->key->arp_tha, arp + 18, 6);
	memcpy(w->key->arp_tpa, arp + 24, 4);
	return true;
}

/* The first bytes of the layer are there: in the packet, and in what can be read of it. */
static bool begin_l4(struct dp_walk *w, uint32_t at, uint32_t n_bytes)
{
	if (unlikely(at + n_bytes > w->end))
		return false;
	w->layers->l4 = at + n_bytes > w->n ? DP_UNSEEN_LAYER : (uint8_t)at;
	return w->layers->l4 != DP_UNSEEN_LAYER;
}

static bool take_ports(struct dp_walk *w, uint32_t at, uint32_t n_bytes)
{
	if (!begin_l4(w, at, n_bytes))
		return false;
	memcpy(w->key->l4_src, w->head + at, 2);
	memcpy(w->key->l4_dst, w->head + at + 2, 2);
	return true;
}

/* A header longer than the packet is none. */
static bool take_tcp(struct dp_walk *w, uint32_t at)
{
	uint32_t n_bytes;

	if (!begin_l4(w, at, 20))
		return false;
	n_bytes = (w->head[at + 12] >> 4) * 4u;
	if (unlikely(n_bytes < 20 || at + n_bytes > w->end)) {
		w->layers->l4 = DP_NO_LAYER;
		return false;
	}
	dp_store_be16(w->key->tcp_flags, dp_load_be16(w->head + at + 12) & 0xfffu);
	return take_ports(w, at, 20);
}

static bool take_icmp(struct dp_walk *w, uint32_t at)
{
	if (!begin_l4(w, at, 8))
		return false;
	w->key->icmp_type = w->head[at];
	w->key->icmp_code = w->head[at + 1];
	return true;
}

bool dp_walk_l4(struct dp_walk *w, uint32_t at, bool is_ipv6)
{
	switch (w->key->ip_proto) {
	case PROTO_TCP:
		return take_tcp(w, at);
	case PROTO_UDP:
		return take_ports(w, at, 8);
	case PROTO_SCTP:
		return take_ports(w, at, 12);
	case PROTO_ICMP:
		return is_ipv6 || take_icmp(w, at);
	case PROTO_ICMPV6:
		return !is_ipv6 || (take_icmp(w, at) && dp_walk_nd(w, at));
	default:
		return true;
	}
}

/* RFC 791. Bytes behind the total length are padding. */
static bool take_ipv4(struct dp_walk *w, uint32_t at)
{
	const uint8_t *ip = w->head + at;
	struct sh_flow_key *key = w->key;
	uint32_t n_bytes, total;
	uint16_t frag;

	if (at + IPV4_BYTES > w->n)
		return false;
	n_bytes = (ip[0] & 0xfu) * 4;
	total = dp_load_be16(ip + 2);
	if (n_bytes < IPV4_BYTES || at + n_bytes > w->n || total < n_bytes || at + total > w->len)
		return false;
	w->layers->l3 = (uint8_t)at;
	w->end = at + total;
	memcpy(key->ipv4_src, ip + 12, 4);
	memcpy(key->ipv4_dst, ip + 16, 4);
	key->ip_dscp = ip[1] >> 2;
	key->ip_ecn = ip[1] & 3;
	key->ip_ttl = ip[8];
	key->ip_proto = ip[9];
	w->layers->proto = (uint8_t)(at + 9);
	frag = dp_load_be16(ip + 6);
	if (unlikely(frag & 0x3fff))
		key->ip_frag = frag & 0x1fff ? SH_FRAG_ANY | SH_FRAG_LATER : SH_FRAG_ANY;
	return key->ip_frag & SH_FRAG_LATER || dp_walk_l4(w, at + n_bytes, false);
}

static bool take_by_type(struct dp_walk *w, uint16_t type, uint32_t at)
{
	switch (type) {
	case ETHERTYPE_IPV4:
		return take_ipv4(w, at);
	case ETHERTYPE_IPV6:
		return dp_walk_ipv6(w, at);
	case ETHERTYPE_ARP:
	case ETHERTYPE_RARP:
		return take_arp(w, at);
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_MC:
		return take_mpls(w, at);
	case ETHERTYPE_PBB:
		return take_pbb(w, at);
	case ETHERTYPE_VLAN:
	case ETHERTYPE_QINQ:
		/* A third tag is not looked into; a cut one makes no sense. */
		return at + VLAN_BYTES <= w->n;
	default:
		return true;
	}
}

bool dp_parse(const uint8_t *head, uint32_t n, uint32_t len, struct sh_flow_key *key,
	struct dp_layers *layers)
{
	struct dp_walk w = { head, RTE_MIN(RTE_MIN(n, len), MAX_HEAD), len, 0, key, layers };
	uint16_t type;
	uint32_t at;

	memset((uint8_t *)key + DP_KEY_FRAME_BEGIN, 0, DP_KEY_FRAME_END - DP_KEY_FRAME_BEGIN);
	memset(layers, DP_NO_LAYER, sizeof(*layers));
	if (w.n < ETH_BYTES)
		return false;
	memcpy(key->eth_dst, head, 6);
	memcpy(key->eth_src, head + 6, 6);
	at = skip_vlans(&w);
	at = take_type(&w, at, &type);
	return take_by_type(&w, type, at);
}

static uint32_t l4_of(const struct sh_flow_key *key, bool is_ipv6)
{
	switch (key->ip_proto) {
	case PROTO_TCP:
		return DP_HAS_TCP;
	case PROTO_UDP:
		return DP_HAS_UDP;
	case PROTO_SCTP:
		return DP_HAS_SCTP;
	case PROTO_ICMP:
		return is_ipv6 ? 0 : DP_HAS_ICMPV4;
	case PROTO_ICMPV6:
		break;
	default:
		return 0;
	}
	if (!is_ipv6)
		return 0;
	if (key->icmp_code != 0 || (key->icmp_type != ND_SOLICIT && key->icmp_type != ND_ADVERT))
		return DP_HAS_ICMPV6;
	return DP_HAS_ICMPV6 | DP_HAS_ND |
	       (key->icmp_type == ND_SOLICIT ? DP_HAS_ND_NS : DP_HAS_ND_NA);
}

static uint32_t ip_of(const struct sh_flow_key *key, uint32_t ip)
{
	return ip | (key->ip_frag & SH_FRAG_LATER ? 0 : l4_of(key, ip == DP_HAS_IPV6));
}

uint32_t dp_key_has(const struct sh_flow_key *key)
{
	uint32_t vlan = key->vlan_vid[0] & SH_VLAN_THERE >> 8 ? DP_HAS_VLAN : 0;

	switch (dp_load_be16(key->eth_type)) {
	case ETHERTYPE_IPV4:
		return vlan | ip_of(key, DP_HAS_IPV4);
	case ETHERTYPE_IPV6:
		return vlan | ip_of(key, DP_HAS_IPV6);
	case ETHERTYPE_ARP:
	case ETHERTYPE_RARP:
		return vlan | DP_HAS_ARP;
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_MC:
		return vlan | DP_HAS_MPLS;
	case ETHERTYPE_PBB:
		return vlan | DP_HAS_PBB;
	default:
		return vlan;
	}
}
