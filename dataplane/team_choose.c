/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Choosing members: active-backup takes one and stays with it, the others take all that they may,
 * standby ones in the place of those that fail. Pure; any thread.
 */
#include <string.h>

#include "team_choose.h"

static uint8_t bit(unsigned slot)
{
	return (uint8_t)(1u << slot);
}

static uint8_t mask_of(const uint8_t *slots, unsigned n)
{
	uint8_t mask = 0;

	for (unsigned i = 0; i < n; i++)
		mask |= bit(slots[i]);
	return mask;
}

/* return: the first that is in the mask, -1: none */
static int first_in(const uint8_t *slots, unsigned n, uint8_t mask)
{
	for (unsigned i = 0; i < n; i++)
		if (mask & bit(slots[i]))
			return slots[i];
	return -1;
}

static int best_in(const struct dp_team_view *v, uint8_t mask)
{
	int slot = first_in(v->active, v->n_active, mask);

	if (v->preferred >= 0 && mask & bit((unsigned)v->preferred))
		return v->preferred;
	return slot >= 0 ? slot : first_in(v->standby, v->n_standby, mask);
}

/* What would be better than one that works: what is preferred to it, and settled. */
static int better_than(const struct dp_team_view *v, uint8_t settled, int slot)
{
	bool stands_by = !(mask_of(v->active, v->n_active) & bit((unsigned)slot));

	if (v->preferred >= 0 && settled & bit((unsigned)v->preferred))
		return v->preferred;
	return stands_by ? first_in(v->active, v->n_active, settled) : -1;
}

static void choose_one(
	const struct dp_team_view *v, uint8_t allowed, uint8_t now, struct dp_team_choice *ret)
{
	int slot = best_in(v, allowed & now), better;

	if (slot < 0)
		slot = best_in(v, allowed & v->settled);
	if (slot < 0)
		slot = best_in(v, allowed);
	if (slot < 0)
		return;
	better = better_than(v, allowed & v->settled, slot);
	ret->slots[ret->n++] = (uint8_t)(better >= 0 ? better : slot);
}

/* A place for each active member: itself, or a standby one, or nobody.
 * return: how many have somebody */
static unsigned fill_places(
	const struct dp_team_view *v, uint8_t allowed, int places[DP_MAX_MEMBERS])
{
	uint8_t spare = allowed & mask_of(v->standby, v->n_standby);
	unsigned n = 0;

	for (unsigned i = 0; i < v->n_active; i++) {
		places[i] = v->active[i];
		if (!(allowed & bit(v->active[i]))) {
			places[i] = first_in(v->standby, v->n_standby, spare);
			if (places[i] >= 0)
				spare &= (uint8_t)~bit((unsigned)places[i]);
		}
		n += places[i] >= 0;
	}
	return n;
}

/* Buckets of a member that fails go to all others; those of the others stay where they are. */
static void share_buckets(
	const int places[DP_MAX_MEMBERS], unsigned n_places, struct dp_team_choice *ret)
{
	for (unsigned b = 0; b < DP_TEAM_BUCKETS; b++) {
		int slot = places[b % n_places];

		ret->buckets[b] = slot >= 0 ? (uint8_t)slot : ret->slots[b / n_places % ret->n];
	}
}

static void choose_many(
	const struct dp_team_view *v, uint8_t allowed, uint8_t now, struct dp_team_choice *ret)
{
	uint8_t in_use_or_settled = allowed & (now | v->settled);
	int places[DP_MAX_MEMBERS];

	/* Better one that has not settled than none. */
	if (in_use_or_settled)
		allowed = in_use_or_settled;
	if (fill_places(v, allowed, places) == 0)
		return;
	for (unsigned i = 0; i < v->n_active; i++)
		if (places[i] >= 0)
			ret->slots[ret->n++] = (uint8_t)places[i];
	share_buckets(places, v->n_active, ret);
}

static void choose_receivers(const struct dp_team_view *v, struct dp_team_choice *ret)
{
	uint8_t sends = mask_of(ret->slots, ret->n);

	switch (v->mode) {
	case DP_TEAM_LACP:
		/* 802.1AX, 5.4.15: a partner may send before we do. */
		ret->unicast = ret->group = v->collects;
		return;
	case DP_TEAM_BALANCE_MAC:
		/* The other side floods to every member: one of them is enough. */
		ret->unicast = sends;
		ret->group = ret->n ? bit(ret->slots[0]) : 0;
		return;
	default:
		ret->unicast = ret->group = sends;
	}
}

void dp_team_choose(
	const struct dp_team_view *v, const struct dp_team_choice *now, struct dp_team_choice *ret)
{
	uint8_t named = mask_of(v->active, v->n_active) | mask_of(v->standby, v->n_standby);
	uint8_t in_use = mask_of(now->slots, now->n);

	memset(ret, 0, sizeof(*ret));
	if (v->mode == DP_TEAM_ACTIVE_BACKUP) {
		choose_one(v, v->usable & named, in_use, ret);
		memset(ret->buckets, ret->slots[0], sizeof(ret->buckets));
	} else {
		choose_many(v, v->usable & named, in_use, ret);
	}
	choose_receivers(v, ret);
}

uint64_t dp_team_moved(const struct dp_team_choice *from, const struct dp_team_choice *to)
{
	uint64_t moved = 0;

	if (to->n == 0)
		return 0;
	for (unsigned b = 0; b < DP_TEAM_BUCKETS; b++)
		if (from->n == 0 || from->buckets[b] != to->buckets[b])
			moved |= UINT64_C(1) << b;
	return moved;
}
