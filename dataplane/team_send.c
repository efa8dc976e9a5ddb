/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sending by a team: each frame by the member that its hash falls to, frames of one flow always by
 * the same one, in order. Runs in workers.
 */
#include "capture.h"
#include "deliver.h"
#include "hash.h"
#include "snapshot.h"
#include "team.h"
#include "wire.h"
#include "worker.h"

#define MAX_TAGS   2
#define IPV4_PLAIN 0x45 /* version 4, a header of 20 bytes */

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline bool has_ports(uint8_t protocol)
{
	return protocol == PROTO_TCP || protocol == PROTO_UDP || protocol == PROTO_SCTP;
}

/* Ports and protocol, where there are both. */
static inline uint64_t ports_word(const uint8_t *l4, uint8_t protocol)
{
	return (uint64_t)dp_load_be32(l4) << 8 | protocol;
}

/* Fragments have no ports but the first: all of a datagram go by the addresses alone.
 * header: its bytes */
static inline uint64_t hash_ipv4(uint64_t h, const uint8_t *ip, uint32_t header, uint32_t n)
{
	uint64_t ports = 0;

	if (has_ports(ip[9]) && !(dp_load_be16(ip + 6) & 0x3fff) && n >= header + 4)
		ports = ports_word(ip + header, ip[9]);
	return dp_hash_two(h ^ load64(ip + 12), ports);
}

static inline uint64_t hash_ipv6(uint64_t h, const uint8_t *ip, uint32_t n)
{
	uint64_t ports = 0;

	if (n < 40)
		return h;
	if (has_ports(ip[6]) && n >= 44)
		ports = ports_word(ip + 40, ip[6]);
	h = dp_hash_two(h ^ load64(ip + 8), load64(ip + 16));
	h = dp_hash_two(h ^ load64(ip + 24), load64(ip + 32));
	return dp_hash_two(h, ports);
}

/* Behind the addresses: up to two tags, and then whatever it is. */
static __rte_noinline uint64_t hash_any(uint64_t h, const uint8_t *p, uint32_t left)
{
	for (unsigned i = 0; i < MAX_TAGS && left >= 6; i++) {
		if (dp_load_be16(p) != ETHERTYPE_VLAN && dp_load_be16(p) != ETHERTYPE_QINQ)
			break;
		p += 4;
		left -= 4;
	}
	if (left >= 2 + IPV4_BYTES && dp_load_be16(p) == ETHERTYPE_IPV4) {
		uint32_t header = (p[2] & 0x0fu) * 4u;

		return header < IPV4_BYTES ? h : hash_ipv4(h, p + 2, header, left - 2);
	}
	if (left >= 2 && dp_load_be16(p) == ETHERTYPE_IPV6)
		return hash_ipv6(h, p + 2, left - 2);
	return h;
}

/* Addresses and ports as they are in the frame's head; a head is at least an Ethernet header. The
 * fast form is IPv4 without a tag and without options. */
static inline unsigned bucket_of_flow(const struct dp_frame *f)
{
	const uint8_t *p = f->head + 12;
	uint32_t left = f->n_head - 12;
	uint64_t h = dp_hash_two(load64(f->head), load64(f->head + 4) >> 32);

	if (likely(left >= 2 + IPV4_BYTES &&
		    dp_load_be32(p) >> 8 == (ETHERTYPE_IPV4 << 8 | IPV4_PLAIN)))
		h = hash_ipv4(h, p + 2, IPV4_BYTES, left - 2);
	else
		h = hash_any(h, p, left);
	return (unsigned)(h >> 58);
}

static inline unsigned bucket_of_source(const struct dp_frame *f)
{
	return dp_team_bucket_of_address(be64toh(load64(f->head + 6)) >> 16);
}

/* Which member each frame goes by. return: whether all go by the first one's */
static bool share_out(const struct dp_snap_team *team, const struct dp_snap_use *use,
	const struct dp_item *items, unsigned n, uint16_t *to)
{
	unsigned differ = 0;

	if (team->mode == DP_TEAM_BALANCE_MAC)
		for (unsigned i = 0; i < n; i++)
			to[i] = use->by_bucket[bucket_of_source(items[i].frame)];
	else
		for (unsigned i = 0; i < n; i++)
			to[i] = use->by_bucket[bucket_of_flow(items[i].frame)];
	for (unsigned i = 1; i < n; i++)
		differ |= (unsigned)(to[i] ^ to[0]);
	return differ == 0;
}

/* In a VLAN of copies: the network floods them back, and nothing else tells them from others'. */
static bool is_of_copies(const struct dp_snap_port *out, const struct dp_item *item)
{
	uint16_t vlan = dp_vlan_ingress(&out->vlan, dp_tag_on_port(item));

	return vlan != VLAN_NOT_THERE && dp_vlan_set_has(out->bridge->unlearned, vlan);
}

static void transmit(struct dp_worker *w, uint16_t member, struct dp_item *items, unsigned n)
{
	const struct dp_snap_port *out = w->snapshot->ports[member];

	dp_transmit(w, out, items, n);
	if (unlikely(out->captures))
		dp_capture_sent(w, out, items, n);
	dp_count_items(&out->port->counters[w->index], items, n);
}

/* Those of one member together, in order; the others again, until none is left. Which member a
 * frame goes by is as good as random, so no branch depends on it. */
static void transmit_sorted(
	struct dp_worker *w, const uint16_t *to, struct dp_item *items, unsigned n)
{
	uint32_t left = n == DP_BURST ? UINT32_MAX : (UINT32_C(1) << n) - 1;
	struct dp_item some[DP_BURST];
	uint8_t at[DP_BURST];

	while (left) {
		uint16_t member = to[__builtin_ctz(left)];
		unsigned n_some = 0;

		for (unsigned i = 0; i < n; i++) {
			uint32_t is_one = to[i] == member;

			some[n_some] = items[i];
			at[n_some] = (uint8_t)i;
			n_some += is_one;
			left &= ~(is_one << i);
		}
		transmit(w, member, some, n_some);
		for (unsigned i = 0; i < n_some; i++)
			items[at[i]].drop = some[i].drop;
	}
}

/* Copies go by one member, whatever their flow. return: as share_out */
static bool share_out_copies(
	const struct dp_snap_port *out, const struct dp_item *items, unsigned n, uint16_t *to)
{
	bool differ = false;

	for (unsigned i = 0; i < n; i++) {
		if (is_of_copies(out, &items[i]))
			to[i] = out->team->uses[0].first;
		differ |= to[i] != to[0];
	}
	return !differ;
}

void dp_team_transmit(struct dp_worker *w, const struct dp_snap_port *in,
	const struct dp_snap_port *out, struct dp_item *items, unsigned n)
{
	const struct dp_snap_team *team = out->team;
	const struct dp_snap_use *use =
		&team->uses[in->team_use_of == out->index + 1 ? in->team_use : 0];
	bool has_copies = team->is_many_links && out->bridge->has_unlearned && team->uses[0].n;
	uint16_t to[DP_BURST];
	bool together;

	if (unlikely(use->n == 0)) {
		for (unsigned i = 0; i < n; i++)
			items[i].drop = DP_DROP_LINK_DOWN;
		return;
	}
	if (use->n == 1 && !has_copies) {
		transmit(w, use->by_bucket[0], items, n);
		return;
	}
	together = share_out(team, use, items, n, to);
	if (unlikely(has_copies))
		together = share_out_copies(out, items, n, to);
	if (together)
		transmit(w, to[0], items, n);
	else
		transmit_sorted(w, to, items, n);
}
