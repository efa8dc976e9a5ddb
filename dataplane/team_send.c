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

#define MAX_TAGS 2

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

/* Fragments have no ports but the first: all of a datagram go by the addresses alone. */
static inline uint64_t mix_ipv4(uint64_t h, const uint8_t *ip, uint32_t n)
{
	uint32_t header = n >= IPV4_BYTES ? (ip[0] & 0x0fu) * 4u : 0;

	if (header < IPV4_BYTES)
		return h;
	h = dp_hash_mix(h, load64(ip + 12));
	if (has_ports(ip[9]) && !(dp_load_be16(ip + 6) & 0x3fff) && n >= header + 4)
		h = dp_hash_mix(h, (uint64_t)dp_load_be32(ip + header) << 8 | ip[9]);
	return h;
}

static inline uint64_t mix_ipv6(uint64_t h, const uint8_t *ip, uint32_t n)
{
	if (n < 40)
		return h;
	for (unsigned i = 8; i < 40; i += 8)
		h = dp_hash_mix(h, load64(ip + i));
	if (has_ports(ip[6]) && n >= 44)
		h = dp_hash_mix(h, (uint64_t)dp_load_be32(ip + 40) << 8 | ip[6]);
	return h;
}

/* Addresses and ports as they are in the frame's head; a head is at least an Ethernet header. */
static unsigned bucket_of_flow(const struct dp_frame *f)
{
	const uint8_t *p = f->head + 12;
	uint32_t left = f->n_head - 12;
	uint64_t h = dp_hash_mix(load64(f->head), load64(f->head + 4) >> 32);

	for (unsigned i = 0; i < MAX_TAGS && left >= 6; i++) {
		if (dp_load_be16(p) != ETHERTYPE_VLAN && dp_load_be16(p) != ETHERTYPE_QINQ)
			break;
		p += 4;
		left -= 4;
	}
	if (left >= 2 && dp_load_be16(p) == ETHERTYPE_IPV4)
		h = mix_ipv4(h, p + 2, left - 2);
	else if (left >= 2 && dp_load_be16(p) == ETHERTYPE_IPV6)
		h = mix_ipv6(h, p + 2, left - 2);
	return (unsigned)(dp_hash_mix(h, left) >> 58);
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

/* Those of one member together, in order; the others again, until none is left. */
static void transmit_sorted(
	struct dp_worker *w, const uint16_t *to, struct dp_item *items, unsigned n)
{
	uint32_t left = n == DP_BURST ? UINT32_MAX : (UINT32_C(1) << n) - 1;
	struct dp_item some[DP_BURST];

	while (left) {
		uint16_t member = to[__builtin_ctz(left)];
		uint8_t at[DP_BURST];
		unsigned n_some = 0;

		for (uint32_t bits = left; bits; bits &= bits - 1) {
			unsigned i = (unsigned)__builtin_ctz(bits);

			if (to[i] != member)
				continue;
			some[n_some] = items[i];
			at[n_some++] = (uint8_t)i;
			left &= ~(UINT32_C(1) << i);
		}
		transmit(w, member, some, n_some);
		for (unsigned i = 0; i < n_some; i++)
			items[at[i]].drop = some[i].drop;
	}
}

void dp_team_transmit(struct dp_worker *w, const struct dp_snap_port *in,
	const struct dp_snap_port *out, struct dp_item *items, unsigned n)
{
	const struct dp_snap_team *team = out->team;
	const struct dp_snap_use *use =
		&team->uses[in->team_use_of == out->index + 1 ? in->team_use : 0];
	bool by_mac = team->mode == DP_TEAM_BALANCE_MAC;
	bool looks = team->is_many_links && out->bridge->has_unlearned;
	uint16_t to[DP_BURST] = { 0 };
	bool differ = false;

	if (unlikely(use->n == 0)) {
		for (unsigned i = 0; i < n; i++)
			items[i].drop = DP_DROP_LINK_DOWN;
		return;
	}
	if (use->n == 1 && !looks) {
		transmit(w, use->by_bucket[0], items, n);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		const struct dp_frame *f = items[i].frame;

		to[i] = use->by_bucket[by_mac ? dp_team_bucket_of_mac(f->head + 6)
					      : bucket_of_flow(f)];
		if (unlikely(looks) && team->uses[0].n && is_of_copies(out, &items[i]))
			to[i] = team->uses[0].first;
		differ |= to[i] != to[0];
	}
	if (differ)
		transmit_sorted(w, to, items, n);
	else
		transmit(w, to[0], items, n);
}
