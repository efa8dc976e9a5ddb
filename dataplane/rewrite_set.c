/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fields that an action sets: where each is in a frame, as a table by its offset in the key. Fields
 * that share their offset (ARP's and IPv4's addresses) are told apart by what the frame has, and
 * ports from ICMP's type by their size. Runs in workers.
 */
#include <assert.h>

#include "rewrite_private.h"
#include "wire.h"

#define FRAME_BEGIN offsetof(struct sh_flow_key, eth_dst)
#define FRAME_END   offsetof(struct sh_flow_key, tunnel_id)
#define HAS_ANY     0u
#define HAS_PORTS   (DP_HAS_TCP | DP_HAS_UDP | DP_HAS_SCTP)
#define HAS_ICMP    (DP_HAS_ICMPV4 | DP_HAS_ICMPV6)
#define ON_ETH      0xff

/* Where a field is in a frame that has what it needs. */
struct place {
	uint16_t has;     /* DP_HAS_*, any one of them */
	uint8_t n_bytes;  /* of the field in the key; 0: no place */
	uint8_t n_bits;   /* of it that are the field's */
	uint8_t layer;    /* which member of struct dp_layers */
	uint8_t at;       /* behind the layer's begin */
	uint8_t n_frame;  /* bytes there that it is in */
	uint8_t shift;    /* bits to its right in them */
	uint8_t sum;      /* enum dp_sum */
	bool says_layers; /* what follows is something else now */
};

#define KEY(field)   [offsetof(struct sh_flow_key, field)]
#define LAYER(field) offsetof(struct dp_layers, field)

static const struct place places[FRAME_END][2] = {
	KEY(eth_dst) = { { HAS_ANY, 6, 48, ON_ETH, 0, 6, 0, DP_SUM_NONE, false } },
	KEY(eth_src) = { { HAS_ANY, 6, 48, ON_ETH, 6, 6, 0, DP_SUM_NONE, false } },
	KEY(eth_type) = { { HAS_ANY, 2, 16, LAYER(type), 0, 2, 0, DP_SUM_NONE, true } },
	KEY(vlan_vid) = { { DP_HAS_VLAN, 2, 12, LAYER(vlan), 2, 2, 0, DP_SUM_NONE, false } },
	KEY(vlan_pcp) = { { DP_HAS_VLAN, 1, 3, LAYER(vlan), 2, 1, 5, DP_SUM_NONE, false } },
	KEY(ip_proto) = { { DP_HAS_IPV4, 1, 8, LAYER(proto), 0, 1, 0, DP_SUM_IPV4_PSEUDO, true },
		{ DP_HAS_IPV6, 1, 8, LAYER(proto), 0, 1, 0, DP_SUM_IPV6_PROTO, true } },
	KEY(ip_dscp) = { { DP_HAS_IPV4, 1, 6, LAYER(l3), 1, 1, 2, DP_SUM_IPV4, false },
		{ DP_HAS_IPV6, 1, 6, LAYER(l3), 0, 2, 6, DP_SUM_NONE, false } },
	KEY(ip_ecn) = { { DP_HAS_IPV4, 1, 2, LAYER(l3), 1, 1, 0, DP_SUM_IPV4, false },
		{ DP_HAS_IPV6, 1, 2, LAYER(l3), 0, 2, 4, DP_SUM_NONE, false } },
	KEY(ip_ttl) = { { DP_HAS_IPV4, 1, 8, LAYER(l3), 8, 1, 0, DP_SUM_IPV4, false },
		{ DP_HAS_IPV6, 1, 8, LAYER(l3), 7, 1, 0, DP_SUM_NONE, false } },
	KEY(mpls_tc) = { { DP_HAS_MPLS, 1, 3, LAYER(mpls), 2, 1, 1, DP_SUM_NONE, false } },
	KEY(mpls_bos) = { { DP_HAS_MPLS, 1, 1, LAYER(mpls), 2, 1, 0, DP_SUM_NONE, false } },
	KEY(ipv4_src) = { { DP_HAS_IPV4, 4, 32, LAYER(l3), 12, 4, 0, DP_SUM_IPV4_PSEUDO, false },
		{ DP_HAS_ARP, 4, 32, LAYER(l3), 14, 4, 0, DP_SUM_NONE, false } },
	KEY(ipv4_dst) = { { DP_HAS_IPV4, 4, 32, LAYER(l3), 16, 4, 0, DP_SUM_IPV4_PSEUDO, false },
		{ DP_HAS_ARP, 4, 32, LAYER(l3), 24, 4, 0, DP_SUM_NONE, false } },
	KEY(l4_src) = { { HAS_PORTS, 2, 16, LAYER(l4), 0, 2, 0, DP_SUM_L4, false },
		{ HAS_ICMP, 1, 8, LAYER(l4), 0, 1, 0, DP_SUM_L4, true } },
	KEY(l4_dst) = { { HAS_PORTS, 2, 16, LAYER(l4), 2, 2, 0, DP_SUM_L4, false },
		{ HAS_ICMP, 1, 8, LAYER(l4), 1, 1, 0, DP_SUM_L4, true } },
	KEY(tcp_flags) = { { DP_HAS_TCP, 2, 12, LAYER(l4), 12, 2, 0, DP_SUM_L4, false } },
	KEY(arp_op) = { { DP_HAS_ARP, 2, 16, LAYER(l3), 6, 2, 0, DP_SUM_NONE, false } },
	KEY(mpls_label) = { { DP_HAS_MPLS, 4, 20, LAYER(mpls), 0, 4, 12, DP_SUM_NONE, false } },
	KEY(pbb_isid) = { { DP_HAS_PBB, 3, 24, LAYER(pbb), 1, 3, 0, DP_SUM_NONE, false } },
	KEY(pbb_uca) = { { DP_HAS_PBB, 1, 1, LAYER(pbb), 0, 1, 3, DP_SUM_NONE, false } },
	KEY(ipv6_flabel) = { { DP_HAS_IPV6, 4, 20, LAYER(l3), 0, 4, 0, DP_SUM_NONE, false } },
	KEY(ipv6_src) = { { DP_HAS_IPV6, 16, 128, LAYER(l3), 8, 16, 0, DP_SUM_IPV6_SRC, false } },
	KEY(ipv6_dst) = { { DP_HAS_IPV6, 16, 128, LAYER(l3), 24, 16, 0, DP_SUM_IPV6_DST, false } },
	KEY(nd_target) = { { DP_HAS_ND, 16, 128, LAYER(nd), 8, 16, 0, DP_SUM_L4, false } },
	KEY(arp_sha) = { { DP_HAS_ARP, 6, 48, LAYER(l3), 8, 6, 0, DP_SUM_NONE, false },
		{ DP_HAS_ND_NS, 6, 48, LAYER(sll), 0, 6, 0, DP_SUM_L4, false } },
	KEY(arp_tha) = { { DP_HAS_ARP, 6, 48, LAYER(l3), 18, 6, 0, DP_SUM_NONE, false },
		{ DP_HAS_ND_NA, 6, 48, LAYER(tll), 0, 6, 0, DP_SUM_L4, false } },
};

static bool is_of_pseudo_header(const struct place *p)
{
	return p->sum == DP_SUM_IPV4_PSEUDO || p->sum == DP_SUM_IPV6_SRC ||
	       p->sum == DP_SUM_IPV6_DST || p->sum == DP_SUM_IPV6_PROTO;
}

/* return: where the layer begins, or DP_NO_LAYER when the place cannot be changed in this frame */
static uint32_t layer_of(const struct dp_edit *e, const struct place *p)
{
	uint32_t at = p->layer == ON_ETH ? 0 : ((const uint8_t *)&e->layers)[p->layer];

	if (at >= DP_UNSEEN_LAYER || at + p->at + p->n_frame > e->n)
		return DP_NO_LAYER;
	/* Nobody could correct a checksum that lies behind the head. */
	if (is_of_pseudo_header(p) && e->layers.l4 == DP_UNSEEN_LAYER)
		return DP_NO_LAYER;
	return at;
}

static const struct place *find_place(const struct dp_edit *e, unsigned offset, unsigned n_bytes)
{
	uint32_t has = dp_key_has(e->key);

	for (unsigned i = 0; i < 2; i++) {
		const struct place *p = &places[offset][i];

		if (p->n_bytes == n_bytes && (p->has == HAS_ANY || p->has & has))
			return p;
	}
	return NULL;
}

static uint32_t load_be(const uint8_t *from, unsigned n)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | from[i];
	return v;
}

static void store_be(uint8_t *to, unsigned n, uint32_t v)
{
	for (unsigned i = n; i > 0; i--, v >>= 8)
		to[i - 1] = (uint8_t)v;
}

static void set_bytes(uint8_t *to, const uint8_t *value, const uint8_t *mask, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = (uint8_t)((to[i] & ~mask[i]) | (value[i] & mask[i]));
}

/* The bits of a field to change, as a number. */
struct bits {
	uint32_t value, mask;
};

static struct bits bits_of(const struct place *p, const uint8_t *value, const uint8_t *mask)
{
	uint32_t all = p->n_bits == 32 ? UINT32_MAX : (1u << p->n_bits) - 1;
	uint32_t m = load_be(mask, p->n_bytes) & all;

	return (struct bits){ load_be(value, p->n_bytes) & m, m };
}

static void set_bits(uint8_t *to, unsigned n, unsigned shift, struct bits b)
{
	store_be(to, n, (load_be(to, n) & ~(b.mask << shift)) | b.value << shift);
}

void dp_edit_set(struct dp_edit *e, unsigned offset, unsigned n_bytes, const uint8_t *value,
	const uint8_t *mask)
{
	uint8_t *field = (uint8_t *)e->key + offset, bytes[16];
	const struct place *p;
	uint32_t at;

	assert(offset + n_bytes <= sizeof(*e->key));
	if (offset + n_bytes <= FRAME_BEGIN || offset >= FRAME_END) {
		set_bytes(field, value, mask, n_bytes);
		return;
	}
	p = find_place(e, offset, n_bytes);
	at = p ? layer_of(e, p) : DP_NO_LAYER;
	if (at == DP_NO_LAYER)
		return;
	at += p->at;
	memcpy(bytes, e->head + at, p->n_frame);
	if (n_bytes > 4)
		set_bytes(bytes, value, mask, n_bytes);
	else
		set_bits(bytes, p->n_frame, p->shift, bits_of(p, value, mask));
	/* The key comes behind: what it says of the frame so far is where the sums are. */
	dp_edit_write(e, at, bytes, p->n_frame, p->sum);
	if (p->says_layers)
		dp_edit_parse(e);
	else if (n_bytes > 4)
		set_bytes(field, value, mask, n_bytes);
	else
		set_bits(field, n_bytes, 0, bits_of(p, value, mask));
}
