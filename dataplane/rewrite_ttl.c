/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Times to live of IP and of MPLS, copied between them and counted down, and the DSCP that a meter
 * remarks. Runs in workers.
 */
#include "checksum.h"
#include "rewrite_private.h"
#include "wire.h"

#define MPLS_TTL 3 /* where it is in a label stack entry */
#define IPV4_TTL 8
#define IPV6_TTL 7

static bool has_ip(const struct dp_edit *e)
{
	return e->layers.l3 != DP_NO_LAYER && dp_key_has(e->key) & (DP_HAS_IPV4 | DP_HAS_IPV6);
}

static void set_field(struct dp_edit *e, unsigned offset, uint8_t value)
{
	static const uint8_t all = 0xff;

	dp_edit_set(e, offset, 1, &value, &all);
}

bool dp_edit_set_ip_ttl(struct dp_edit *e, uint8_t ttl)
{
	if (!has_ip(e))
		return false;
	set_field(e, offsetof(struct sh_flow_key, ip_ttl), ttl);
	return true;
}

enum dp_ttl dp_edit_dec_ip_ttl(struct dp_edit *e)
{
	if (!has_ip(e))
		return DP_TTL_NONE;
	if (e->key->ip_ttl <= 1)
		return DP_TTL_EXPIRED;
	dp_edit_set_ip_ttl(e, (uint8_t)(e->key->ip_ttl - 1));
	return DP_TTL_OK;
}

static uint8_t *mpls_ttl(const struct dp_edit *e)
{
	return e->layers.mpls == DP_NO_LAYER ? NULL : e->head + e->layers.mpls + MPLS_TTL;
}

bool dp_edit_set_mpls_ttl(struct dp_edit *e, uint8_t ttl)
{
	uint8_t *at = mpls_ttl(e);

	if (!at)
		return false;
	*at = ttl;
	return true;
}

enum dp_ttl dp_edit_dec_mpls_ttl(struct dp_edit *e)
{
	uint8_t *at = mpls_ttl(e);

	if (!at)
		return DP_TTL_NONE;
	if (*at <= 1)
		return DP_TTL_EXPIRED;
	--*at;
	return DP_TTL_OK;
}

/* The TTL of what is right beneath the outer label: another one, or IP, which MPLS does not name
 * and which its version tells. */
struct beneath {
	uint8_t *ttl;      /* NULL: there is none */
	uint8_t *checksum; /* of IPv4 */
};

static struct beneath find_beneath(const struct dp_edit *e)
{
	uint32_t at = e->layers.mpls + (uint32_t)MPLS_BYTES;
	uint8_t *next = e->head + at;

	if (e->layers.mpls == DP_NO_LAYER)
		return (struct beneath){ NULL, NULL };
	if (!e->key->mpls_bos && at + MPLS_BYTES <= e->n)
		return (struct beneath){ next + MPLS_TTL, NULL };
	if (!e->key->mpls_bos)
		return (struct beneath){ NULL, NULL };
	if (at + IPV4_BYTES <= e->n && next[0] >> 4 == 4)
		return (struct beneath){ next + IPV4_TTL, next + 10 };
	if (at + IPV6_BYTES <= e->n && next[0] >> 4 == 6)
		return (struct beneath){ next + IPV6_TTL, NULL };
	return (struct beneath){ NULL, NULL };
}

bool dp_edit_copy_ttl_out(struct dp_edit *e)
{
	struct beneath b = find_beneath(e);

	return b.ttl && dp_edit_set_mpls_ttl(e, *b.ttl);
}

bool dp_edit_copy_ttl_in(struct dp_edit *e)
{
	struct beneath b = find_beneath(e);
	uint8_t ttl;

	if (!b.ttl)
		return false;
	ttl = *mpls_ttl(e);
	if (b.checksum && *b.ttl != ttl)
		dp_checksum_grow(b.checksum, dp_sum_growth(b.ttl, &ttl, 1, false));
	*b.ttl = ttl;
	return true;
}

/*
 * What a packet's DSCP is when it may be dropped sooner, by some levels. Assured forwarding (RFC
 * 2597) has three precedences in each of its classes. A class selector (RFC 2474, 4.2.2.2) has
 * none, but a lower one is served no better. Others mean nothing of the kind.
 */
static uint8_t remarked(uint8_t dscp, unsigned levels)
{
	unsigned class = dscp >> 3, precedence = dscp >> 1 & 3;

	if (dscp & 1)
		return dscp;
	if (precedence == 0)
		return (uint8_t)((class > levels ? class - levels : 0) << 3);
	if (class < 1 || class > 4)
		return dscp;
	precedence = levels < 3 - precedence ? precedence + levels : 3;
	return (uint8_t)(class << 3 | precedence << 1);
}

bool dp_edit_remark_dscp(struct dp_edit *e, unsigned levels)
{
	if (!has_ip(e))
		return false;
	set_field(e, offsetof(struct sh_flow_key, ip_dscp), remarked(e->key->ip_dscp, levels));
	return true;
}
