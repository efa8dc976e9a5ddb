/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which members of a team send and receive. Pure; any thread.
 */
#pragma once

#include "dataplane/team.h"

#define DP_TEAM_BUCKETS 64 /* a frame's hash falls into one, and a bucket belongs to a member */

/* What is known when members are chosen. Members are slots; a set of them is a mask of bits. */
struct dp_team_view {
	enum dp_team_mode mode; /* DP_TEAM_LACP only when it does not fall back */
	uint8_t n_active, n_standby;
	uint8_t active[DP_MAX_MEMBERS], standby[DP_MAX_MEMBERS]; /* in order of preference */
	uint8_t usable;                                          /* can send now */
	uint8_t settled;                                         /* for long enough */
	uint8_t collects; /* of mode DP_TEAM_LACP: may be received from */
	int preferred;    /* used whenever it is settled, -1: none */
};

/* What came of it. The same struct goes in again the next time, so that what works stays. */
struct dp_team_choice {
	uint8_t n;
	uint8_t slots[DP_MAX_MEMBERS];    /* that send, in order of preference */
	uint8_t unicast;                  /* members from which unicast frames are taken */
	uint8_t group;                    /* members from which others are */
	uint8_t buckets[DP_TEAM_BUCKETS]; /* slots; of no meaning when n is 0 */
};

/**
 * errors:  none: with no usable member nothing is chosen
 * shape:   now is what was chosen before; *ret may be the same
 */
void dp_team_choose(const struct dp_team_view *view, const struct dp_team_choice *now,
	struct dp_team_choice *ret);

/** Buckets that belong to another member than before. return: mask of bits */
uint64_t dp_team_moved(const struct dp_team_choice *from, const struct dp_team_choice *to);

/* fast path */

/** The bucket of an address: 48 bits, the first byte on top. */
static inline unsigned dp_team_bucket_of_address(uint64_t address)
{
	return (unsigned)(address * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

/** The same of 6 bytes at mac. */
static inline unsigned dp_team_bucket_of_mac(const uint8_t *mac)
{
	return dp_team_bucket_of_address((uint64_t)mac[0] << 40 | (uint64_t)mac[1] << 32 |
					 (uint64_t)mac[2] << 24 | (uint64_t)mac[3] << 16 |
					 (uint64_t)mac[4] << 8 | mac[5]);
}
