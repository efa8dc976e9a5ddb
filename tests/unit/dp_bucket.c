/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The rate limit, on a clock of the test's own: 1 GHz, 1000 units a second, a burst of 10.
 */
#include "bucket.h"
#include "unit.h"

#define HZ UINT64_C(1000000000)

static const struct dp_bucket_rate rate = {
	.tsc_per_unit_q16 = (HZ << 16) / 1000,
	.burst_tsc = HZ / 100,
};

static unsigned take_all(struct dp_bucket *b, uint64_t now)
{
	unsigned n = 0;

	while (dp_bucket_take(b, &rate, now, 1))
		n++;
	return n;
}

static void burst_is_taken_at_once_and_no_more(void **state)
{
	struct dp_bucket b = { 0 };

	assert_int_equal(take_all(&b, HZ), 11);
	assert_int_equal(take_all(&b, HZ), 0);
}

static void rate_is_kept_over_a_long_time(void **state)
{
	struct dp_bucket b = { 0 };
	unsigned n = 0;

	for (uint64_t now = HZ; now < 11 * HZ; now += HZ / 10000)
		n += dp_bucket_take(&b, &rate, now, 1);
	/* Ten seconds at 1000 a second, and the burst. */
	assert_in_range(n, 10000, 10011);
}

static void idle_time_is_not_saved_beyond_the_burst(void **state)
{
	struct dp_bucket b = { 0 };

	take_all(&b, HZ);
	assert_int_equal(take_all(&b, 1000 * HZ), 11);
}

static void large_units_cost_in_proportion(void **state)
{
	struct dp_bucket b = { 0 };

	assert_true(dp_bucket_take(&b, &rate, HZ, 1000));
	assert_false(dp_bucket_take(&b, &rate, HZ + HZ * 98 / 100, 1));
	assert_true(dp_bucket_take(&b, &rate, HZ + HZ, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(burst_is_taken_at_once_and_no_more),
		cmocka_unit_test(rate_is_kept_over_a_long_time),
		cmocka_unit_test(idle_time_is_not_saved_beyond_the_burst),
		cmocka_unit_test(large_units_cost_in_proportion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
