/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which members of a team are chosen, by modes, orders and what works.
 */
#include <string.h>

#include "team_choose.h"
#include "unit.h"

/* Three members: all active, or two and a standby one. */
static struct dp_team_view view_of(enum dp_team_mode mode, unsigned n_active, unsigned n_standby)
{
	struct dp_team_view v = { .mode = mode, .usable = 0xff, .settled = 0xff, .preferred = -1 };

	for (unsigned i = 0; i < n_active; i++)
		v.active[v.n_active++] = (uint8_t)i;
	for (unsigned i = 0; i < n_standby; i++)
		v.standby[v.n_standby++] = (uint8_t)(n_active + i);
	return v;
}

static void choose(const struct dp_team_view *v, struct dp_team_choice *c)
{
	dp_team_choose(v, c, c);
}

static void assert_by(const struct dp_team_choice *c, unsigned n, uint8_t first, uint8_t second)
{
	assert_int_equal(c->n, n);
	if (n > 0)
		assert_int_equal(c->slots[0], first);
	if (n > 1)
		assert_int_equal(c->slots[1], second);
}

static unsigned buckets_of(const struct dp_team_choice *c, uint8_t slot)
{
	unsigned n = 0;

	for (unsigned b = 0; b < DP_TEAM_BUCKETS; b++)
		n += c->buckets[b] == slot;
	return n;
}

static void active_backup_stays_with_what_works(void **state)
{
	struct dp_team_view v = view_of(DP_TEAM_ACTIVE_BACKUP, 3, 0);
	struct dp_team_choice c = { 0 };

	choose(&v, &c);
	assert_by(&c, 1, 0, 0);
	assert_int_equal(c.unicast, 1);
	assert_int_equal(c.group, 1);
	v.usable = v.settled = 0x6;
	choose(&v, &c);
	assert_by(&c, 1, 1, 0);
	assert_int_equal(buckets_of(&c, 1), DP_TEAM_BUCKETS);
	v.usable = v.settled = 0x7;
	choose(&v, &c);
	assert_by(&c, 1, 1, 0);
	v.usable = 0;
	choose(&v, &c);
	assert_by(&c, 0, 0, 0);
	assert_int_equal(c.unicast, 0);
}

static void preferred_member_comes_back_once_it_is_settled(void **state)
{
	struct dp_team_view v = view_of(DP_TEAM_ACTIVE_BACKUP, 2, 0);
	struct dp_team_choice c = { 0 };

	v.preferred = 1;
	choose(&v, &c);
	assert_by(&c, 1, 1, 0);
	v.usable = v.settled = 0x1;
	choose(&v, &c);
	assert_by(&c, 1, 0, 0);
	v.usable = 0x3;
	choose(&v, &c);
	assert_by(&c, 1, 0, 0);
	v.settled = 0x3;
	choose(&v, &c);
	assert_by(&c, 1, 1, 0);
}

static void standby_member_gives_way_to_an_active_one(void **state)
{
	struct dp_team_view v = view_of(DP_TEAM_ACTIVE_BACKUP, 1, 2);
	struct dp_team_choice c = { 0 };

	v.usable = v.settled = 0x6;
	choose(&v, &c);
	assert_by(&c, 1, 1, 0);
	v.usable = 0x7;
	choose(&v, &c);
	assert_by(&c, 1, 1, 0);
	v.settled = 0x7;
	choose(&v, &c);
	assert_by(&c, 1, 0, 0);
}

static void a_member_that_has_not_settled_is_better_than_none(void **state)
{
	enum dp_team_mode modes[] = { DP_TEAM_ACTIVE_BACKUP, DP_TEAM_BALANCE_MAC,
		DP_TEAM_BALANCE_TCP };

	for (unsigned i = 0; i < 3; i++) {
		struct dp_team_view v = view_of(modes[i], 2, 0);
		struct dp_team_choice c = { 0 };

		v.usable = 0x2;
		v.settled = 0;
		choose(&v, &c);
		assert_by(&c, 1, 1, 0);
	}
}

static void one_in_use_stays_when_another_settles_first(void **state)
{
	struct dp_team_view v = view_of(DP_TEAM_BALANCE_TCP, 2, 0);
	struct dp_team_choice c = { 0 };

	v.settled = 0;
	choose(&v, &c);
	assert_by(&c, 2, 0, 1);
	v.settled = 0x2;
	choose(&v, &c);
	assert_by(&c, 2, 0, 1);
}

static void standby_takes_the_place_of_the_one_that_fails(void **state)
{
	struct dp_team_view v = view_of(DP_TEAM_BALANCE_MAC, 2, 1);
	struct dp_team_choice before = { 0 }, after;

	choose(&v, &before);
	assert_by(&before, 2, 0, 1);
	assert_int_equal(before.unicast, 0x3);
	v.usable = v.settled = 0x6;
	dp_team_choose(&v, &before, &after);
	assert_by(&after, 2, 2, 1);
	assert_int_equal(buckets_of(&after, 2), buckets_of(&before, 0));
	for (unsigned b = 0; b < DP_TEAM_BUCKETS; b++)
		assert_int_equal(after.buckets[b], before.buckets[b] == 0 ? 2 : 1);
}

static void buckets_of_the_others_stay_where_they_are(void **state)
{
	struct dp_team_view v = view_of(DP_TEAM_BALANCE_TCP, 3, 0);
	struct dp_team_choice before = { 0 }, after;
	uint64_t moved;

	choose(&v, &before);
	v.usable = v.settled = 0x5;
	dp_team_choose(&v, &before, &after);
	moved = dp_team_moved(&before, &after);
	for (unsigned b = 0; b < DP_TEAM_BUCKETS; b++)
		assert_int_equal(moved >> b & 1, before.buckets[b] == 1);
	assert_true(buckets_of(&after, 0) > DP_TEAM_BUCKETS / 3);
	assert_true(buckets_of(&after, 2) > DP_TEAM_BUCKETS / 3);
	assert_int_equal(buckets_of(&after, 1), 0);
	assert_true(dp_team_moved(&(struct dp_team_choice){ 0 }, &after) == UINT64_MAX);
	assert_true(dp_team_moved(&after, &(struct dp_team_choice){ 0 }) == 0);
}

static void groups_are_heard_from_one_where_the_peer_knows_of_no_team(void **state)
{
	struct dp_team_view mac = view_of(DP_TEAM_BALANCE_MAC, 3, 0);
	struct dp_team_view tcp = view_of(DP_TEAM_BALANCE_TCP, 3, 0);
	struct dp_team_choice c = { 0 };

	choose(&mac, &c);
	assert_int_equal(c.unicast, 0x7);
	assert_int_equal(c.group, 0x1);
	choose(&tcp, &c);
	assert_int_equal(c.group, 0x7);
}

static void lacp_receives_from_those_that_collect(void **state)
{
	struct dp_team_view v = view_of(DP_TEAM_LACP, 3, 0);
	struct dp_team_choice c = { 0 };

	v.usable = v.settled = 0x2;
	v.collects = 0x6;
	choose(&v, &c);
	assert_by(&c, 1, 1, 0);
	assert_int_equal(c.unicast, 0x6);
	assert_int_equal(c.group, 0x6);
}

static void a_member_that_nobody_names_is_never_chosen(void **state)
{
	for (int mode = DP_TEAM_ACTIVE_BACKUP; mode <= DP_TEAM_BALANCE_TCP; mode++) {
		struct dp_team_view v = view_of((enum dp_team_mode)mode, 1, 1);
		struct dp_team_choice c = { 0 };

		v.usable = v.settled = 0xfc;
		choose(&v, &c);
		assert_by(&c, 0, 0, 0);
		/* Nor by being preferred. */
		v.usable = v.settled = 0x7;
		v.preferred = 2;
		choose(&v, &c);
		assert_by(&c, 1, 0, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(active_backup_stays_with_what_works),
		cmocka_unit_test(preferred_member_comes_back_once_it_is_settled),
		cmocka_unit_test(standby_member_gives_way_to_an_active_one),
		cmocka_unit_test(a_member_that_has_not_settled_is_better_than_none),
		cmocka_unit_test(one_in_use_stays_when_another_settles_first),
		cmocka_unit_test(standby_takes_the_place_of_the_one_that_fails),
		cmocka_unit_test(buckets_of_the_others_stay_where_they_are),
		cmocka_unit_test(groups_are_heard_from_one_where_the_peer_knows_of_no_team),
		cmocka_unit_test(lacp_receives_from_those_that_collect),
		cmocka_unit_test(a_member_that_nobody_names_is_never_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
