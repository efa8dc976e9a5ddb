/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A table that changes in every way it can while two threads search it. Some flows stay all the
 * time, and each lookup of their keys must find just them. To be run with the address sanitizer,
 * which sees what is freed too early, and the thread sanitizer, which sees what is not ordered.
 */
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "classifier_private.h"
#include "rules_by_seed.h"

#define N_READERS  2
#define N_STAYING  64
#define N_OTHERS   256
#define N_PASSING  3000
#define N_DEFERRED 500

struct reader {
	struct race *race;
	pthread_t thread;
	/* Counted on where it holds nothing of the table. */
	alignas(64) _Atomic unsigned n_quiet;
	uint64_t n_found, n_wrong;
};

struct race {
	struct dp_table *table;
	struct reader readers[N_READERS];
	_Atomic bool stops;
	struct rule rules[N_STAYING];
	struct sh_flow_key keys[N_STAYING];
	struct dp_flow *flows[N_STAYING];
	struct sh_flow_key others[N_OTHERS];
	struct {
		void *p;
		void (*fn)(void *p);
	} deferred[N_DEFERRED];
	unsigned n_deferred;
	uint64_t seed;
};

/* Read-modify-writes on both sides: what was unlinked before this one is not seen by a reader
 * whose own comes after it. */
static void wait_until_quiet(struct race *r)
{
	unsigned before[N_READERS];

	for (unsigned i = 0; i < N_READERS; i++)
		before[i] = atomic_fetch_add(&r->readers[i].n_quiet, 0);
	for (unsigned i = 0; i < N_READERS; i++)
		while (!atomic_load(&r->stops) && atomic_load(&r->readers[i].n_quiet) == before[i])
			(void)sched_yield();
}

static void free_deferred(struct race *r)
{
	wait_until_quiet(r);
	for (unsigned i = 0; i < r->n_deferred; i++)
		r->deferred[i].fn(r->deferred[i].p);
	r->n_deferred = 0;
}

static void defer(void *ctx, void *p, void (*fn)(void *p))
{
	struct race *r = ctx;

	if (r->n_deferred == N_DEFERRED)
		free_deferred(r);
	r->deferred[r->n_deferred].p = p;
	r->deferred[r->n_deferred++].fn = fn;
}

/* What is found may leave at any moment, but until this reader is quiet it is a flow. */
static bool is_wrong(const struct dp_flow *flow, const struct sh_flow_key *key)
{
	uint64_t differ = 0;

	for (unsigned i = 0; flow && i < flow->mask->n; i++)
		differ |= (key->words[flow->mask->at[i]] & flow->mask->bits[i]) ^ flow->values[i];
	return differ != 0;
}

/* A burst of keys whose flow stays, and between them keys that others may match. */
static void search(struct reader *reader, unsigned first)
{
	const struct sh_flow_key *keys[DP_TABLE_BURST];
	const struct dp_flow *found[DP_TABLE_BURST];
	struct race *r = reader->race;

	for (unsigned i = 0; i < DP_TABLE_BURST; i++)
		keys[i] = i % 4 ? &r->keys[(first + i) % N_STAYING] : &r->others[first % N_OTHERS];
	dp_table_lookup(r->table, keys, DP_TABLE_BURST, found);
	for (unsigned i = 0; i < DP_TABLE_BURST; i++) {
		if (i % 4)
			reader->n_wrong += found[i] != r->flows[(first + i) % N_STAYING];
		else
			reader->n_wrong += is_wrong(found[i], keys[i]);
		reader->n_found++;
	}
	atomic_fetch_add(&reader->n_quiet, 1);
}

static void *read_along(void *arg)
{
	struct reader *reader = arg;

	for (unsigned i = 0; !atomic_load_explicit(&reader->race->stops, memory_order_relaxed); i++)
		search(reader, i * 7);
	return NULL;
}

/* They match only traffic from port 9, above all others. */
static void add_staying(struct race *r)
{
	for (unsigned i = 0; i < N_STAYING; i++) {
		struct rule *rule = &r->rules[i];
		struct sh_flow_key mask;

		make_mask(&r->seed, &mask);
		memset(mask.in_port, 0xff, 4);
		put_be32(mask.ipv4_dst, UINT32_MAX);
		make_rule(&r->seed, &mask, rule);
		put_be32(rule->value.in_port, 9);
		put_be32(rule->value.ipv4_dst, i);
		rule->priority = (uint16_t)(30000 + 100 * (i % 5));
		make_key_of(&r->seed, rule, &r->keys[i]);
		assert_int_equal(dp_table_add(r->table, &rule->value, &rule->mask, rule->priority,
					 0, 0, NULL, &r->flows[i]),
			0);
	}
}

/* One that never wins a key of those that stay: below them, or of another port. In turn of any
 * mask, of none, and of masks of those that stay, whose groups then grow. */
static void make_passing(struct race *r, unsigned i, struct rule *rule)
{
	struct sh_flow_key mask = { 0 };

	if (i % 3 == 0)
		make_mask(&r->seed, &mask);
	if (i % 3 == 2)
		mask = r->rules[i % 2 ? 0 : i % N_STAYING].mask;
	if (i % 2)
		memset(mask.in_port, 0xff, 4);
	make_rule(&r->seed, &mask, rule);
	if (mask.in_port[0])
		put_be32(rule->value.in_port, 10 + i);
	else
		rule->priority = (uint16_t)(i % 30000);
}

static struct dp_flow *add_passing(struct race *r, unsigned i)
{
	struct dp_flow *flow;
	struct rule rule;

	make_passing(r, i, &rule);
	assert_int_equal(
		dp_table_add(r->table, &rule.value, &rule.mask, rule.priority, 0, 0, NULL, &flow),
		0);
	return flow;
}

/* The flows that pass come, some are exchanged, and all go: in the order of their coming, or not.
 */
static void change(struct race *r, unsigned n, bool backward)
{
	struct dp_flow *flows[N_PASSING];

	for (unsigned i = 0; i < n; i++)
		flows[i] = add_passing(r, i);
	for (unsigned i = 0; i < n; i += 1 + seed_below(&r->seed, 8)) {
		dp_table_del(r->table, flows[i]);
		flows[i] = add_passing(r, i);
	}
	for (unsigned i = 0; i < n; i++)
		dp_table_del(r->table, flows[backward ? n - 1 - i : i]);
}

static void start(struct race *r)
{
	for (unsigned i = 0; i < N_READERS; i++) {
		r->readers[i].race = r;
		assert_int_equal(
			pthread_create(&r->readers[i].thread, NULL, read_along, &r->readers[i]), 0);
	}
}

static void stop(struct race *r)
{
	atomic_store(&r->stops, true);
	for (unsigned i = 0; i < N_READERS; i++) {
		pthread_join(r->readers[i].thread, NULL);
		assert_int_equal(r->readers[i].n_wrong, 0);
		assert_true(r->readers[i].n_found > 0);
	}
}

/* So that what is published is what was asked for, not only right for its readers. */
static void check_settled(const struct race *r)
{
	struct dp_table_info info;

	dp_table_get_info(r->table, &info);
	assert_int_equal(info.n_flows, N_STAYING);
}

static void flow_that_stays_is_found_by_every_lookup_while_others_come_and_go(void **state)
{
	struct race *r = aligned_alloc(alignof(struct race), sizeof(*r));
	struct dp_reclaim reclaim = { .defer = defer, .ctx = r };

	assert_non_null(r);
	memset(r, 0, sizeof(*r));
	r->seed = 5;
	assert_int_equal(dp_table_new(&reclaim, 0, &r->table), 0);
	add_staying(r);
	for (unsigned i = 0; i < N_OTHERS; i++)
		make_key(&r->seed, &r->others[i]);
	start(r);
	for (unsigned round = 0; round < 20; round++)
		change(r, round % 2 ? N_PASSING : 10 * (round + 1), round % 4 > 1);
	check_settled(r);
	stop(r);
	free_deferred(r);
	dp_table_free(r->table);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flow_that_stays_is_found_by_every_lookup_while_others_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
