/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A flow table whose allocations fail, one by one: a flow is added whole or not at all, and those
 * that are there are found, whatever could not be grown, split or published.
 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "classifier_private.h"
#include "fail_malloc.h"
#include "rules_by_seed.h"

#define N_RULES 600

static void free_at_once(void *ctx, void *p, void (*fn)(void *p))
{
	fn(p);
}

static const struct dp_reclaim at_once = { .defer = free_at_once };

/* Rules of their own address each, so that each key has one flow. */
struct poor {
	struct dp_table *table;
	struct rule rules[N_RULES];
	struct sh_flow_key keys[N_RULES];
	struct dp_flow *flows[N_RULES];
	unsigned n, at;
	uint64_t seed;
};

static int make_table(void *ctx)
{
	struct poor *p = ctx;

	return dp_table_new(&at_once, 0, &p->table);
}

static void check_table(void *ctx, int r, bool failed)
{
	struct poor *p = ctx;

	assert_int_equal(r, failed ? -ENOMEM : 0);
	assert_int_equal(p->table == NULL, failed);
	dp_table_free(p->table);
	p->table = NULL;
}

static void table_is_made_whole_or_not_at_all(void **state)
{
	struct poor p = { 0 };

	assert_true(fail_malloc_each(make_table, check_table, &p) >= 2);
}

static int add_one(void *ctx)
{
	struct poor *p = ctx;
	const struct rule *rule = &p->rules[p->at];

	return dp_table_add(
		p->table, &rule->value, &rule->mask, rule->priority, 0, 0, NULL, &p->flows[p->at]);
}

static int del_one(void *ctx)
{
	struct poor *p = ctx;

	dp_table_del(p->table, p->flows[p->at]);
	p->flows[p->at] = NULL;
	return 0;
}

/* Some of the keys of the flows that stay. */
static void check_found(const struct poor *p)
{
	for (unsigned i = p->n % 16; i < p->n; i += 16) {
		const struct sh_flow_key *key = &p->keys[i];
		const struct dp_flow *found;

		dp_table_lookup(p->table, &key, 1, &found);
		assert_ptr_equal(found, p->flows[i]);
	}
}

static void check_added(void *ctx, int r, bool failed)
{
	const struct sh_flow_key *key;
	const struct dp_flow *found;
	struct poor *p = ctx;

	key = &p->keys[p->at];
	dp_table_lookup(p->table, &key, 1, &found);
	if (r < 0) {
		assert_int_equal(r, -ENOMEM);
		assert_null(p->flows[p->at]);
	}
	assert_ptr_equal(found, p->flows[p->at]);
	check_found(p);
	if (r == 0)
		(void)del_one(p);
}

static void check_deleted(void *ctx, int r, bool failed)
{
	struct poor *p = ctx;

	check_found(p);
	assert_int_equal(add_one(p), 0);
}

/* The first half has a mask of its own each; the second has one chain to be split, if it may. */
static void make_rules(struct poor *p)
{
	for (unsigned i = 0; i < N_RULES; i++) {
		struct rule *rule = &p->rules[i];
		struct sh_flow_key mask;

		make_mask(&p->seed, &mask);
		if (i >= N_RULES / 2) {
			memset(&mask, 0, sizeof(mask));
			put_be16(mask.eth_type, 0xffff);
		}
		memset(mask.ipv4_dst, 0xff, 4);
		make_rule(&p->seed, &mask, rule);
		put_be32(rule->value.ipv4_dst, 0x0a000000 + i);
		make_key_of(&p->seed, rule, &p->keys[i]);
	}
}

static void flows_are_found_whatever_could_not_be_allocated(void **state)
{
	struct poor *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->seed = 11;
	make_rules(p);
	assert_int_equal(make_table(p), 0);
	for (; p->n < N_RULES; p->n++) {
		p->at = p->n;
		(void)fail_malloc_each(add_one, check_added, p);
		assert_int_equal(add_one(p), 0);
	}
	while (p->n--) {
		p->at = p->n;
		(void)fail_malloc_each(del_one, check_deleted, p);
		(void)del_one(p);
	}
	dp_table_free(p->table);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_made_whole_or_not_at_all),
		cmocka_unit_test(flows_are_found_whatever_could_not_be_allocated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
