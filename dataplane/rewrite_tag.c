/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Headers that are pushed and popped: VLAN tags, MPLS label stack entries and PBB's I-TAG. What is
 * in front of them moves, at the most some addresses and tags; what is behind stays where it is.
 * Fields of a new header are OpenFlow 1.3.5, 5.12.1's. Runs in workers.
 */
#include "rewrite_private.h"
#include "wire.h"

#define PBB_BYTES 18 /* ethertype, TCI, customer addresses */
#define IN_FRONT  12 /* the addresses, before any tag */

/* Where the sender's offload notes point, when what they point to has moved. */
static void move_offloads(struct dp_edit *e, int by)
{
	e->csum_start = (uint16_t)(e->csum_start + by);
	e->l3_start = (uint16_t)(e->l3_start + by);
	e->hdr_len = (uint16_t)(e->hdr_len + by);
}

/* Insert n bytes, yet to be written, in front of an offset. */
static bool push(struct dp_edit *e, uint32_t at, uint32_t n)
{
	if (e->room < n)
		return false;
	e->head -= n;
	e->room -= n;
	e->n += n;
	e->len += n;
	memmove(e->head, e->head + n, at);
	if (e->offloads)
		move_offloads(e, (int)n);
	return true;
}

static void pop(struct dp_edit *e, uint32_t at, uint32_t n)
{
	memmove(e->head + n, e->head, at);
	e->head += n;
	e->room += n;
	e->n -= n;
	e->len -= n;
	/* A checksum in what was taken is nobody's. */
	if (e->offloads && e->csum_start < at + n)
		e->offloads = 0;
	if (e->offloads)
		move_offloads(e, -(int)n);
}

/* The TCI that a new tag has from the outer one. */
static uint32_t outer_tci(const struct dp_edit *e)
{
	return (dp_load_be16(e->key->vlan_vid) & 0xfffu) | (uint32_t)e->key->vlan_pcp << 13;
}

bool dp_edit_push_vlan(struct dp_edit *e, uint16_t eth_type)
{
	uint32_t tci = outer_tci(e);

	if (e->n < ETH_BYTES || !push(e, IN_FRONT, VLAN_BYTES))
		return false;
	dp_store_be16(e->head + IN_FRONT, eth_type);
	dp_store_be16(e->head + IN_FRONT + 2, tci);
	dp_edit_parse(e);
	return true;
}

bool dp_edit_pop_vlan(struct dp_edit *e)
{
	if (e->layers.vlan == DP_NO_LAYER)
		return false;
	pop(e, e->layers.vlan, VLAN_BYTES);
	dp_edit_parse(e);
	return true;
}

/* IEEE 802.3 frames with SNAP count what is behind their length. */
static void grow_length(struct dp_edit *e, uint32_t type_at, int by)
{
	uint8_t *length = e->head + type_at - 8;
	int n;

	if (type_at < IN_FRONT + 8)
		return;
	n = dp_load_be16(length) + by;
	if (dp_load_be16(length) < ETHERTYPE_MIN && n >= 0 && n < ETHERTYPE_MIN)
		dp_store_be16(length, (uint32_t)n);
}

/* Label, TC and TTL of the outer entry, or none and IP's TTL at the bottom of a new stack. */
static uint32_t new_entry(const struct dp_edit *e)
{
	if (e->layers.mpls != DP_NO_LAYER)
		return dp_load_be32(e->head + e->layers.mpls) & ~0x100u;
	return 0x100u | e->key->ip_ttl;
}

bool dp_edit_push_mpls(struct dp_edit *e, uint16_t eth_type)
{
	uint32_t at = e->layers.type, entry;
	bool is_cut = dp_key_has(e->key) & DP_HAS_MPLS && e->layers.mpls == DP_NO_LAYER;

	if (at == DP_NO_LAYER || is_cut)
		return false;
	entry = new_entry(e);
	if (!push(e, at + 2, MPLS_BYTES))
		return false;
	dp_store_be16(e->head + at, eth_type);
	dp_store_be32(e->head + at + 2, entry);
	grow_length(e, at, MPLS_BYTES);
	dp_edit_parse(e);
	return true;
}

bool dp_edit_pop_mpls(struct dp_edit *e, uint16_t eth_type)
{
	uint32_t at = e->layers.mpls;

	if (at == DP_NO_LAYER)
		return false;
	pop(e, at, MPLS_BYTES);
	dp_store_be16(e->head + at - 2, eth_type);
	grow_length(e, at - 2, -MPLS_BYTES);
	dp_edit_parse(e);
	return true;
}

/* PCP from the outer tag, no DEI, the customer's addresses in use, I-SID from an outer I-TAG. */
static uint32_t new_itag(const struct dp_edit *e)
{
	const uint8_t *isid = e->key->pbb_isid;

	return (uint32_t)e->key->vlan_pcp << 29 | (uint32_t)isid[0] << 16 | (uint32_t)isid[1] << 8 |
	       isid[2];
}

bool dp_edit_push_pbb(struct dp_edit *e, uint16_t eth_type)
{
	uint32_t itag = new_itag(e);

	if (e->n < ETH_BYTES || !push(e, IN_FRONT, PBB_BYTES))
		return false;
	dp_store_be16(e->head + IN_FRONT, eth_type);
	dp_store_be32(e->head + IN_FRONT + 2, itag);
	memcpy(e->head + IN_FRONT + 6, e->head, IN_FRONT);
	dp_edit_parse(e);
	return true;
}

/* The customer's addresses become the frame's; a backbone VLAN tag stays. */
bool dp_edit_pop_pbb(struct dp_edit *e)
{
	uint32_t at = e->layers.pbb;
	uint8_t addresses[IN_FRONT];

	if (at == DP_NO_LAYER || at + PBB_BYTES > e->n)
		return false;
	memcpy(addresses, e->head + at + 4, sizeof(addresses));
	pop(e, at - 2, PBB_BYTES);
	memcpy(e->head, addresses, sizeof(addresses));
	dp_edit_parse(e);
	return true;
}
