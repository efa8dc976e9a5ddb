/* SPDX-License-Identifier: BSD-3-Clause
 *
 * IPv6, its extension headers up to the upper layer, and neighbour discovery. A chain that the
 * packet cuts leaves the addresses alone in the key, as Open vSwitch does; one that is longer than
 * the head leaves all but the upper layer. Runs in workers, for parse.c.
 */
#include "parse_walk.h"

/* OpenFlow 1.3.5, 7.2.3.8: ofp_ipv6exthdr_flags */
#define EXT_NONEXT 0x001
#define EXT_ESP    0x002
#define EXT_AUTH   0x004
#define EXT_DEST   0x008
#define EXT_FRAG   0x010
#define EXT_ROUTER 0x020
#define EXT_HOP    0x040
#define EXT_UNREP  0x080
#define EXT_UNSEQ  0x100

/* The order of RFC 8200, 4.1. Destination options stand in two places. */
enum rank {
	RANK_HOP,
	RANK_FIRST_DEST,
	RANK_ROUTER,
	RANK_FRAG,
	RANK_AUTH,
	RANK_ESP,
	RANK_LAST_DEST,
	RANK_NONE,
};

/* Where the walk along the extension headers is. */
struct chain {
	uint32_t at;
	uint32_t said; /* where the byte is that says proto */
	uint8_t proto; /* of what is there */
	uint8_t frag;
	uint16_t seen;   /* EXT_* */
	enum rank rank;  /* the highest so far */
	unsigned n_dest; /* destination options */
	bool is_unseen;  /* goes on behind the head */
};

static bool is_extension(uint8_t proto)
{
	static const uint64_t those = 1ull << PROTO_HOPOPTS | 1ull << PROTO_ROUTING |
				      1ull << PROTO_FRAGMENT | 1ull << PROTO_AH |
				      1ull << PROTO_DSTOPTS;

	return proto < 64 && those >> proto & 1;
}

static void note(struct chain *c, uint16_t bit, enum rank rank)
{
	bool again = bit == EXT_DEST ? c->n_dest++ >= 2 : c->seen & bit;

	if (again)
		c->seen |= EXT_UNREP;
	if (c->seen && rank < c->rank)
		c->seen |= EXT_UNSEQ;
	c->seen |= bit;
	c->rank = RTE_MAX(c->rank, rank);
}

static void note_header(struct chain *c)
{
	static const struct {
		uint8_t proto, rank;
		uint16_t bit;
	} rows[] = {
		{ PROTO_HOPOPTS, RANK_HOP, EXT_HOP },
		{ PROTO_DSTOPTS, RANK_FIRST_DEST, EXT_DEST },
		{ PROTO_ROUTING, RANK_ROUTER, EXT_ROUTER },
		{ PROTO_FRAGMENT, RANK_FRAG, EXT_FRAG },
		{ PROTO_AH, RANK_AUTH, EXT_AUTH },
		{ PROTO_ESP, RANK_ESP, EXT_ESP },
		{ PROTO_NONE, RANK_NONE, EXT_NONEXT },
	};

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		enum rank rank = rows[i].rank;

		if (rows[i].proto != c->proto)
			continue;
		if (rank == RANK_FIRST_DEST && c->rank >= rank)
			rank = RANK_LAST_DEST;
		note(c, rows[i].bit, rank);
	}
}

static uint32_t extension_bytes(uint8_t proto, const uint8_t *header)
{
	if (proto == PROTO_FRAGMENT)
		return 8;
	return proto == PROTO_AH ? (header[1] + 2u) * 4 : (header[1] + 1u) * 8;
}

/* RFC 8200, 4.5. return: whether the walk ends, since what follows is no header */
static bool take_fragment(struct chain *c, const uint8_t *header)
{
	uint16_t offset = dp_load_be16(header + 2);

	if (offset != 0)
		c->frag = SH_FRAG_ANY;
	if (!(offset & 0xfff8))
		return false;
	c->frag |= SH_FRAG_LATER;
	return true;
}

/* return: false when the packet ends within a header */
static bool walk_extensions(const struct dp_walk *w, struct chain *c)
{
	while (is_extension(c->proto)) {
		const uint8_t *header = w->head + c->at;
		uint8_t proto = c->proto;
		uint32_t n_bytes;

		if (c->at + 8 > w->end)
			return false;
		c->is_unseen = c->at + 8 > w->n;
		if (c->is_unseen)
			return true;
		note_header(c);
		n_bytes = extension_bytes(proto, header);
		if (c->at + n_bytes > w->end)
			return false;
		if (proto == PROTO_FRAGMENT && take_fragment(c, header))
			return true;
		c->said = c->at;
		c->proto = header[0];
		c->at += n_bytes;
	}
	if (c->proto == PROTO_ESP || c->proto == PROTO_NONE)
		note_header(c);
	return true;
}

bool dp_walk_ipv6(struct dp_walk *w, uint32_t at)
{
	const uint8_t *ip = w->head + at;
	struct sh_flow_key *key = w->key;
	struct chain c = { .at = at + IPV6_BYTES, .said = at + 6 };
	uint32_t flow;

	if (at + IPV6_BYTES > w->n || at + IPV6_BYTES + dp_load_be16(ip + 4) > w->len)
		return false;
	w->end = at + IPV6_BYTES + dp_load_be16(ip + 4);
	memcpy(key->ipv6_src, ip + 8, 16);
	memcpy(key->ipv6_dst, ip + 24, 16);
	c.proto = ip[6];
	if (unlikely(!walk_extensions(w, &c)))
		return false;
	w->layers->l3 = (uint8_t)at;
	flow = dp_load_be32(ip);
	key->ip_dscp = flow >> 22 & 0x3f;
	key->ip_ecn = flow >> 20 & 3;
	dp_store_be32(key->ipv6_flabel, flow & 0xfffff);
	key->ip_ttl = ip[7];
	key->ip_proto = c.proto;
	w->layers->proto = (uint8_t)c.said;
	key->ip_frag = c.frag;
	dp_store_be16(key->ipv6_exthdr, c.seen);
	if (unlikely(c.is_unseen))
		w->layers->l4 = DP_UNSEEN_LAYER;
	return !c.is_unseen && (c.frag & SH_FRAG_LATER || dp_walk_l4(w, c.at, true));
}

/* RFC 4861, 4.6.1. return: false when the address is there already */
static bool take_option(struct dp_walk *w, uint32_t at)
{
	static const sh_mac none;
	uint8_t type = w->head[at], *layer;
	uint8_t *address;

	if ((type != 1 && type != 2) || w->head[at + 1] != 1)
		return true;
	address = type == 1 ? w->key->nd_sll : w->key->nd_tll;
	layer = type == 1 ? &w->layers->sll : &w->layers->tll;
	if (memcmp(address, none, sizeof(none)) != 0)
		return false;
	memcpy(address, w->head + at + 2, sizeof(none));
	*layer = (uint8_t)(at + 2);
	return true;
}

/* An option of length 0 or longer than the packet ends them. */
static bool take_options(struct dp_walk *w, uint32_t at)
{
	while (at + 8 <= RTE_MIN(w->end, w->n)) {
		uint32_t n_bytes = w->head[at + 1] * 8u;

		if (n_bytes == 0 || at + n_bytes > w->end)
			return true;
		if (!take_option(w, at))
			return false;
		at += n_bytes;
	}
	return true;
}

/* RFC 4861, 4.3 and 4.4. An address that is there twice makes the message none. */
bool dp_walk_nd(struct dp_walk *w, uint32_t at)
{
	struct sh_flow_key *key = w->key;

	if (key->icmp_code != 0 || (key->icmp_type != ND_SOLICIT && key->icmp_type != ND_ADVERT))
		return true;
	if (at + 24 > RTE_MIN(w->end, w->n))
		return false;
	if (!take_options(w, at + 24)) {
		memset(key->nd_sll, 0, sizeof(key->nd_sll));
		memset(key->nd_tll, 0, sizeof(key->nd_tll));
		w->layers->sll = w->layers->tll = DP_NO_LAYER;
		return false;
	}
	memcpy(key->nd_target, w->head + at + 8, 16);
	w->layers->nd = (uint8_t)at;
	return true;
}
