/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The forwarding database's table, alone and with a reader beside its writer.
 */
#include <errno.h>
#include <pthread.h>

#include "fdb.h"
#include "unit.h"

static bool find(const struct dp_fdb *fdb, uint64_t key, struct dp_fdb_hit *hit)
{
	return dp_fdb_find(fdb, key, dp_fdb_hash(fdb, key), hit);
}

static uint64_t key_of(uint32_t i)
{
	return (uint64_t)(i + 1) << 24 | 100;
}

static void entry_is_found_until_it_is_removed(void **state)
{
	struct dp_fdb_hit hit;
	struct dp_fdb *fdb;

	assert_int_equal(dp_fdb_new(16, &fdb), 0);
	assert_false(find(fdb, key_of(1), &hit));
	assert_int_equal(dp_fdb_put(fdb, key_of(1), 7, 0, 5), 0);
	assert_true(find(fdb, key_of(1), &hit));
	assert_int_equal(hit.port_plus1, 8);
	assert_int_equal(hit.seen, 5);
	assert_int_equal(dp_fdb_remove(fdb, key_of(1)), 0);
	assert_false(find(fdb, key_of(1), &hit));
	assert_int_equal(dp_fdb_remove(fdb, key_of(1)), -ENOENT);
	dp_fdb_free(fdb);
}

static void same_address_in_two_vlans_is_two_entries(void **state)
{
	const uint8_t mac[8] = { 2, 0, 0, 0, 0, 1 };
	struct dp_fdb_hit hit;
	struct dp_fdb *fdb;

	assert_int_equal(dp_fdb_new(16, &fdb), 0);
	dp_fdb_put(fdb, dp_fdb_key(mac, 100), 1, 0, 0);
	dp_fdb_put(fdb, dp_fdb_key(mac, 200), 2, 0, 0);
	assert_true(find(fdb, dp_fdb_key(mac, 100), &hit));
	assert_int_equal(hit.port_plus1, 2);
	assert_true(find(fdb, dp_fdb_key(mac, 200), &hit));
	assert_int_equal(hit.port_plus1, 3);
	dp_fdb_free(fdb);
}

static void key_ignores_the_bytes_behind_the_address(void **state)
{
	const uint8_t a[8] = { 2, 0, 0, 0, 0, 1, 0x55, 0x66 }, b[8] = { 2, 0, 0, 0, 0, 1, 9, 9 };

	assert_int_equal(dp_fdb_key(a, 1), dp_fdb_key(b, 1));
}

/* By one seed for ever: by one in thousands an entry finds no room before the table is full. */
static struct dp_fdb *seeded(uint32_t size)
{
	struct dp_fdb *fdb;

	assert_int_equal(dp_fdb_new(size, &fdb), 0);
	fdb->seed = UINT64_C(0x243f6a8885a308d3);
	return fdb;
}

static void table_takes_its_size_to_the_last_entry_and_counts_the_rest(void **state)
{
	const uint32_t size = 65536;
	struct dp_fdb *fdb = seeded(size);
	struct dp_fdb_hit hit;

	for (uint32_t i = 0; i < size; i++)
		assert_int_equal(dp_fdb_put(fdb, key_of(i), (uint16_t)(i % 1000), 0, 0), 0);
	for (uint32_t i = size; i < size + 10; i++)
		assert_int_equal(dp_fdb_put(fdb, key_of(i), 1, 0, 0), -ENOSPC);
	assert_int_equal(fdb->n_full, 10);
	assert_int_equal(fdb->n_entries, size);
	for (uint32_t i = 0; i < size; i++) {
		assert_true(find(fdb, key_of(i), &hit));
		assert_int_equal(hit.port_plus1, i % 1000 + 1);
	}
	dp_fdb_free(fdb);
}

static bool is_odd_port(void *ctx, const struct dp_fdb_line *line)
{
	return line->port & 1;
}

static void walk_removes_what_the_rule_says_and_keeps_the_rest(void **state)
{
	struct dp_fdb *fdb = seeded(1000);
	struct dp_fdb_hit hit;
	uint32_t at = 0;

	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(
			dp_fdb_put(fdb, key_of(i), (uint16_t)i, i % 4 == 0 ? DP_FDB_STATIC : 0, 0),
			0);
	assert_int_equal(fdb->n_static, 250);
	assert_int_equal(dp_fdb_walk(fdb, &at, dp_fdb_n_buckets(fdb), is_odd_port, NULL), 500);
	assert_int_equal(fdb->n_entries, 500);
	assert_int_equal(fdb->n_static, 250);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(find(fdb, key_of(i), &hit), i % 2 == 0);
	dp_fdb_free(fdb);
}

/* A reader must never see the port of another key, however slots change hands. */
struct race {
	struct dp_fdb *fdb;
	_Atomic bool stop;
	uint64_t n_wrong, n_found;
};

static void *race_reader(void *arg)
{
	struct race *r = arg;

	while (!atomic_load(&r->stop)) {
		for (uint32_t i = 0; i < 64; i++) {
			struct dp_fdb_hit hit;

			if (!find(r->fdb, key_of(i), &hit))
				continue;
			r->n_found++;
			r->n_wrong += hit.port_plus1 != i + 1;
		}
	}
	return NULL;
}

static void reader_never_gets_the_port_of_another_address(void **state)
{
	struct race r = { 0 };
	pthread_t thread;

	/* Four buckets: every slot is reused by many keys. */
	assert_int_equal(dp_fdb_new(8, &r.fdb), 0);
	assert_int_equal(pthread_create(&thread, NULL, race_reader, &r), 0);
	for (uint32_t round = 0; round < 2000000; round++) {
		uint32_t i = (round * 2654435761u >> 8) % 64;

		if (dp_fdb_put(r.fdb, key_of(i), (uint16_t)i, 0, 0) < 0 || round & 1)
			(void)dp_fdb_remove(r.fdb, key_of((i * 7 + round) % 64));
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(r.n_wrong, 0);
	assert_true(r.n_found > 0);
	dp_fdb_free(r.fdb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entry_is_found_until_it_is_removed),
		cmocka_unit_test(same_address_in_two_vlans_is_two_entries),
		cmocka_unit_test(key_ignores_the_bytes_behind_the_address),
		cmocka_unit_test(table_takes_its_size_to_the_last_entry_and_counts_the_rest),
		cmocka_unit_test(walk_removes_what_the_rule_says_and_keeps_the_rest),
		cmocka_unit_test(reader_never_gets_the_port_of_another_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
