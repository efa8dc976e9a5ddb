/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The one place where bytes of a header change: with them change the sums over them, the IPv4
 * header's, and TCP's, UDP's, SCTP's and ICMP's. A frame whose sender left the checksum to be
 * done has the pseudo header's sum in its place, which only addresses change. Runs in workers.
 */
#include "checksum.h"
#include "rewrite_private.h"
#include "wire.h"

#define NO_SUM 0xff

/* Where the upper layer has its Internet checksum. */
static uint8_t l4_sum_offset(const struct dp_edit *e)
{
	switch (e->key->ip_proto) {
	case PROTO_TCP:
		return 16;
	case PROTO_UDP:
		return 6;
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		return 2;
	default:
		return NO_SUM;
	}
}

static void grow_l4(struct dp_edit *e, uint32_t growth, bool is_pseudo)
{
	uint8_t offset = l4_sum_offset(e), *sum = e->head + e->layers.l4 + offset;

	if (e->layers.l4 >= DP_UNSEEN_LAYER || offset == NO_SUM)
		return;
	if (is_pseudo && e->key->ip_proto == PROTO_ICMP)
		return;
	if (e->offloads & DP_OFFLOAD_CSUM && e->csum_start == e->layers.l4 &&
		e->csum_offset == offset) {
		if (is_pseudo)
			dp_sum_grow(sum, growth);
		return;
	}
	if (e->key->ip_proto != PROTO_UDP) {
		dp_checksum_grow(sum, growth);
	} else if (dp_load_be16(sum) != 0) {
		/* RFC 768: 0 says that there is none, and 0xffff is the same sum. */
		dp_checksum_grow(sum, growth);
		if (dp_load_be16(sum) == 0)
			dp_store_be16(sum, 0xffff);
	}
}

/* The end of the IP packet, offset in the frame. */
static uint32_t packet_end(const struct dp_edit *e)
{
	const uint8_t *ip = e->head + e->layers.l3;

	if (dp_load_be16(e->key->eth_type) == ETHERTYPE_IPV4)
		return e->layers.l3 + dp_load_be16(ip + 2);
	return (uint32_t)(e->layers.l3 + IPV6_BYTES) + dp_load_be16(ip + 4);
}

/* RFC 9260, 3.1: the CRC is over the whole packet, and its lowest byte comes first. */
static void change_sctp(struct dp_edit *e, uint32_t at, const uint8_t *bytes, uint32_t n)
{
	uint8_t *crc = e->head + e->layers.l4 + 8;
	uint32_t change;

	if (e->offloads & DP_OFFLOAD_CSUM && e->csum_start == e->layers.l4)
		return;
	change = dp_crc32c_change(e->head + at, bytes, n, packet_end(e) - at - n);
	for (unsigned i = 0; i < 4; i++)
		crc[i] ^= (uint8_t)(change >> 8 * i);
}

/* RFC 8200, 8.1: while a routing header has addresses left, the last one of them is summed up. */
static bool has_route_left(const struct dp_edit *e)
{
	uint32_t at = e->layers.l3 + (uint32_t)IPV6_BYTES;
	uint8_t proto = e->head[at - IPV6_BYTES + 6];

	/* The parser has found the chain whole up to there. */
	while (e->layers.l4 < DP_UNSEEN_LAYER && at < e->layers.l4) {
		const uint8_t *header = e->head + at;

		if (proto == PROTO_ROUTING && header[3] != 0)
			return true;
		if (proto == PROTO_FRAGMENT)
			at += 8;
		else
			at += proto == PROTO_AH ? (header[1] + 2u) * 4 : (header[1] + 1u) * 8;
		proto = header[0];
	}
	return false;
}

void dp_edit_write(
	struct dp_edit *e, uint32_t at, const uint8_t *bytes, uint32_t n, enum dp_sum sum)
{
	uint8_t *to = e->head + at;
	uint32_t growth;
	bool odd;

	if (sum == DP_SUM_NONE || memcmp(to, bytes, n) == 0) {
		memcpy(to, bytes, n);
		return;
	}
	/* All headers that have a sum begin at even places of each other. */
	odd = sum == DP_SUM_IPV6_PROTO || (at - e->layers.l3) & 1;
	growth = dp_sum_growth(to, bytes, n, odd);
	if (sum == DP_SUM_IPV4 || sum == DP_SUM_IPV4_PSEUDO)
		dp_checksum_grow(e->head + e->layers.l3 + 10, growth);
	if (sum == DP_SUM_IPV4_PSEUDO || sum == DP_SUM_IPV6_SRC || sum == DP_SUM_IPV6_PROTO ||
		(sum == DP_SUM_IPV6_DST && !has_route_left(e)))
		grow_l4(e, growth, true);
	if (sum == DP_SUM_L4 && e->key->ip_proto == PROTO_SCTP)
		change_sctp(e, at, bytes, n);
	else if (sum == DP_SUM_L4)
		grow_l4(e, growth, false);
	memcpy(to, bytes, n);
}

void dp_edit_parse(struct dp_edit *e)
{
	dp_parse(e->head, e->n, e->len, e->key, &e->layers);
}
