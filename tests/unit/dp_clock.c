/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The host's clock by the cycle counter, with readings of the test's own.
 */
#include "clock.h"
#include "unit.h"

#define HZ    2300000000u /* as it is said to be */
#define BEGIN UINT64_C(1790000000000000000)
#define TICK  UINT64_C(10000000) /* ns between readings */

/* The counter runs by a thousandth faster than said. */
static uint64_t tsc_at(uint64_t ns)
{
	return (ns - BEGIN) / 10 * 23 + (ns - BEGIN) / 10000 * 23 + 777;
}

static void read_at(struct dp_clock *clock, uint64_t ns)
{
	dp_clock_note(clock, tsc_at(ns), ns, HZ);
}

static void assert_near(uint64_t a, uint64_t b, uint64_t most)
{
	assert_true((a > b ? a - b : b - a) <= most);
}

static void a_counter_of_another_speed_than_said_does_not_run_away(void **state)
{
	struct dp_clock clock = { 0 };

	read_at(&clock, BEGIN);
	for (unsigned i = 10; i <= 3600; i++) {
		uint64_t now = BEGIN + i * TICK;

		read_at(&clock, now);
		assert_int_equal(dp_clock_ns(&clock, tsc_at(now)), now);
		assert_near(dp_clock_ns(&clock, tsc_at(now - TICK)), now - TICK, 1);
		assert_near(dp_clock_ns(&clock, tsc_at(now - TICK / 2)), now - TICK / 2, 1);
		assert_near(dp_clock_ns(&clock, tsc_at(now - 10 * TICK)), now - 10 * TICK, 2);
		assert_near(dp_clock_ns(&clock, tsc_at(now + TICK)), now + TICK, 2);
	}
}

static void a_clock_that_is_set_is_followed_at_once(void **state)
{
	static const int64_t steps[] = { 3600 * INT64_C(1000000000), -3600 * INT64_C(1000000000),
		INT64_C(5000000), -INT64_C(5000000) };

	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct dp_clock clock = { 0 };
		uint64_t now = BEGIN + 2 * TICK, set = now + (uint64_t)steps[i];

		read_at(&clock, BEGIN);
		read_at(&clock, BEGIN + TICK);
		dp_clock_note(&clock, tsc_at(now), set, HZ);
		assert_int_equal(dp_clock_ns(&clock, tsc_at(now)), set);
		assert_near(dp_clock_ns(&clock, tsc_at(now - TICK)), set - TICK, TICK / 500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_counter_of_another_speed_than_said_does_not_run_away),
		cmocka_unit_test(a_clock_that_is_set_is_followed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
