/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A conjunction whose clauses are exchanged, the new one first, while another thread searches: it
 * must be found by each lookup. To be run with the address and the thread sanitizer.
 */
#include "unit.h"

#include <pthread.h>
#include <sched.h>

#include "clauses_by_hand.h"

#define N_CHANGES 20000

struct race {
	struct dp_table *table;
	const struct dp_flow *wanted;
	_Atomic bool stops;
	_Atomic unsigned n_lookups;
	unsigned n_wrong;
	struct dp_program *program;
	/* given back when nobody searches any more */
	struct {
		void *p;
		void (*fn)(void *p);
	} deferred[16 * N_CHANGES];
	unsigned n_deferred;
};

static void defer(void *ctx, void *p, void (*fn)(void *p))
{
	struct race *r = ctx;

	assert_true(r->n_deferred < 16 * N_CHANGES);
	r->deferred[r->n_deferred].p = p;
	r->deferred[r->n_deferred++].fn = fn;
}

static void *search(void *arg)
{
	struct sh_flow_key key = key_from_to(1, 2);
	const struct sh_flow_key *keys[] = { &key };
	const struct dp_flow *found;
	struct race *r = arg;

	while (!atomic_load(&r->stops)) {
		dp_table_lookup(r->table, keys, 1, &found);
		r->n_wrong += found != r->wanted;
		atomic_fetch_add(&r->n_lookups, 1);
	}
	return NULL;
}

static struct dp_flow *add_clause(struct race *r, const struct rule *rule, uint8_t k)
{
	struct clause clause = { 7, k, 2 };
	struct dp_program *program = clauses_program(&clause, 1);
	struct dp_flow *flow;

	assert_int_equal(
		dp_table_add_clause(r->table, &rule->value, &rule->mask, 5, 0, 0, program, &flow),
		0);
	defer(r, program, free);
	return flow;
}

/* The second clause, of another mask each time: it stands in another group. */
static struct dp_flow *add_second(struct race *r, unsigned i)
{
	struct rule rule = rule_of(5);

	rule_to(&rule, 2, 32 - i % 5);
	return add_clause(r, &rule, 1);
}

static void start(struct race *r)
{
	struct sh_flow_key mask = { 0 }, value = { 0 };
	struct rule from = rule_of(5);
	struct dp_flow *flow;

	put_be32(mask.conj_id, UINT32_MAX);
	put_be32(value.conj_id, 7);
	assert_int_equal(dp_table_add(r->table, &value, &mask, 1, 0, 0, NULL, &flow), 0);
	r->wanted = flow;
	rule_from(&from, 1, 32);
	(void)add_clause(r, &from, 0);
}

static void conjunction_is_found_by_every_lookup_while_its_clauses_are_exchanged(void **state)
{
	struct race *r = calloc(1, sizeof(*r));
	const struct dp_reclaim reclaim = { .defer = defer, .ctx = r };
	struct dp_flow *second;
	pthread_t thread;

	assert_non_null(r);
	assert_int_equal(dp_table_new(&reclaim, 0, &r->table), 0);
	start(r);
	second = add_second(r, 0);
	assert_int_equal(pthread_create(&thread, NULL, search, r), 0);
	for (unsigned i = 1; i < N_CHANGES; i++) {
		struct dp_flow *old = second;
		unsigned before = atomic_load(&r->n_lookups);

		second = add_second(r, i);
		dp_table_del(r->table, old);
		/* No more than a few changes a lookup: it looks again only so often. */
		while (atomic_load(&r->n_lookups) == before)
			(void)sched_yield();
	}
	atomic_store(&r->stops, true);
	pthread_join(thread, NULL);
	assert_int_equal(r->n_wrong, 0);
	for (unsigned i = 0; i < r->n_deferred; i++)
		r->deferred[i].fn(r->deferred[i].p);
	dp_table_free(r->table);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			conjunction_is_found_by_every_lookup_while_its_clauses_are_exchanged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
