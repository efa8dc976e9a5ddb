/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Conjunctions in a table against a list that is searched as ovs-fields(7) says it. With one
 * thread; what is deferred is freed at once.
 */
#include "unit.h"

#include <errno.h>

#include "clauses_by_hand.h"

#define MAX_LIVE    120
#define MAX_CLAUSES 4
#define N_IDS       5

static void free_at_once(void *ctx, void *p, void (*fn)(void *p))
{
	fn(p);
}

static const struct dp_reclaim at_once = { .defer = free_at_once };

struct live {
	struct rule rule;
	struct dp_flow *flow;
	struct dp_program *program; /* NULL: no clause */
	struct clause clauses[MAX_CLAUSES];
	unsigned n_clauses;
};

/* A table and the list of what must be in it. */
struct pair {
	struct dp_table *table;
	struct live live[MAX_LIVE];
	unsigned n;
	uint64_t seed;
};

static struct pair *pair_new(uint64_t seed)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->seed = seed;
	assert_int_equal(dp_table_new(&at_once, 0, &p->table), 0);
	return p;
}

static void pair_free(struct pair *p)
{
	dp_table_free(p->table);
	for (unsigned i = 0; i < p->n; i++)
		free(p->live[i].program);
	free(p);
}

static bool pair_has(const struct pair *p, const struct rule *rule)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->live[i].rule.priority == rule->priority &&
			memcmp(&p->live[i].rule.value, &rule->value, sizeof(rule->value)) == 0 &&
			memcmp(&p->live[i].rule.mask, &rule->mask, sizeof(rule->mask)) == 0)
			return true;
	return false;
}

/* Without clauses an ordinary flow. */
static struct live *pair_add(
	struct pair *p, const struct rule *rule, const struct clause *clauses, unsigned n)
{
	struct live *live = &p->live[p->n];
	int r;

	if (p->n == MAX_LIVE || pair_has(p, rule))
		return NULL;
	*live = (struct live){ .rule = *rule, .n_clauses = n };
	memcpy(live->clauses, clauses, n * sizeof(*clauses));
	if (n)
		live->program = clauses_program(live->clauses, n);
	r = (n ? dp_table_add_clause : dp_table_add)(p->table, &rule->value, &rule->mask,
		rule->priority, 0, 0, live->program, &live->flow);
	assert_int_equal(r, 0);
	p->n++;
	return live;
}

static void pair_del(struct pair *p, unsigned i)
{
	dp_table_del(p->table, p->live[i].flow);
	free(p->live[i].program);
	p->live[i] = p->live[--p->n];
}

static struct live *add(struct pair *p, struct rule rule)
{
	return pair_add(p, &rule, (struct clause[]){ 0 }, 0);
}

static struct live *add_clause(
	struct pair *p, struct rule rule, uint32_t id, unsigned k, unsigned n)
{
	struct clause one = { id, (uint8_t)(k - 1), (uint8_t)n };

	return pair_add(p, &rule, &one, 1);
}

static const struct dp_flow *find(const struct pair *p, struct sh_flow_key key)
{
	const struct sh_flow_key *keys[] = { &key };
	const struct dp_flow *found;

	dp_table_lookup(p->table, keys, 1, &found);
	return found;
}

/* The list */

static int best_ordinary(const struct pair *p, const struct sh_flow_key *key)
{
	int best = -1;

	for (unsigned i = 0; i < p->n; i++)
		if (!p->live[i].n_clauses && p->live[i].rule.priority > best &&
			rule_matches(&p->live[i].rule, key))
			best = p->live[i].rule.priority;
	return best;
}

static bool has_clause(const struct pair *p, const struct sh_flow_key *key, int priority,
	const struct clause *wanted)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct live *live = &p->live[i];

		if (live->rule.priority != priority || !rule_matches(&live->rule, key))
			continue;
		for (unsigned j = 0; j < live->n_clauses; j++)
			if (clause_compare(&live->clauses[j], wanted) == 0)
				return true;
	}
	return false;
}

static bool is_complete(
	const struct pair *p, const struct sh_flow_key *key, int priority, uint32_t id, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		if (!has_clause(p, key, priority, &(struct clause){ id, (uint8_t)k, (uint8_t)n }))
			return false;
	return true;
}

/* The priority that a lookup finds; ids are those that led to it, as bits. */
static int best_of_list(const struct pair *p, const struct sh_flow_key *key, uint32_t *ids)
{
	int ordinary = best_ordinary(p, key);

	*ids = 0;
	for (int priority = 50; priority > ordinary; priority--) {
		int best = -1;

		for (uint32_t id = 1; id <= N_IDS; id++) {
			struct sh_flow_key again = *key;
			int found;

			put_be32(again.conj_id, id);
			if (!is_complete(p, key, priority, id, 2) &&
				!is_complete(p, key, priority, id, 3))
				continue;
			*ids |= 1u << id;
			found = best_ordinary(p, &again);
			best = found > best ? found : best;
		}
		if (best >= 0)
			return best;
		*ids = 0;
	}
	return ordinary;
}

static bool matches_as(const struct rule *rule, const struct sh_flow_key *key, uint32_t ids)
{
	struct sh_flow_key again = *key;

	if (!ids)
		return rule_matches(rule, key);
	for (uint32_t id = 1; id <= N_IDS; id++) {
		put_be32(again.conj_id, id);
		if (ids & 1u << id && rule_matches(rule, &again))
			return true;
	}
	return false;
}

static void check(const struct pair *p, const struct sh_flow_key *key, const struct dp_flow *found)
{
	uint32_t ids;
	unsigned i;

	assert_int_equal(best_of_list(p, key, &ids), found ? found->priority : -1);
	for (i = 0; found && i < p->n && p->live[i].flow != found; i++)
		;
	if (!found)
		return;
	assert_true(i < p->n);
	assert_int_equal(p->live[i].n_clauses, 0);
	assert_true(matches_as(&p->live[i].rule, key, ids));
}

/* A world in which most keys match several clauses: 16 addresses, prefixes, 2 ports. */

static struct sh_flow_key some_key(struct pair *p)
{
	struct sh_flow_key key = key_from_to(seed_below(&p->seed, 16), seed_below(&p->seed, 16));

	put_be32(key.in_port, 1 + seed_below(&p->seed, 2));
	return key;
}

static struct rule some_rule(struct pair *p)
{
	static const unsigned prefixes[] = { 0, 28, 29, 30, 31, 32 };
	struct rule rule = rule_of((uint16_t)(10 * (1 + seed_below(&p->seed, 4))));

	rule_from(&rule, seed_below(&p->seed, 16), prefixes[seed_below(&p->seed, 6)]);
	rule_to(&rule, seed_below(&p->seed, 16), prefixes[seed_below(&p->seed, 6)]);
	if (seed_below(&p->seed, 4))
		return rule;
	put_be32(rule.mask.in_port, UINT32_MAX);
	put_be32(rule.value.in_port, 1 + seed_below(&p->seed, 2));
	return rule;
}

static void add_some(struct pair *p)
{
	struct clause clauses[MAX_CLAUSES];
	struct rule rule = some_rule(p);
	unsigned n = 0;

	if (seed_below(&p->seed, 3))
		n = 1 + seed_below(&p->seed, MAX_CLAUSES);
	else if (seed_below(&p->seed, 4))
		rule_conj_id(&rule, 1 + seed_below(&p->seed, N_IDS));
	for (unsigned i = 0; i < n; i++) {
		clauses[i].id = 1 + seed_below(&p->seed, N_IDS);
		clauses[i].n = (uint8_t)(2 + seed_below(&p->seed, 2));
		clauses[i].k = (uint8_t)seed_below(&p->seed, clauses[i].n);
	}
	(void)pair_add(p, &rule, clauses, n);
}

static void check_burst(struct pair *p)
{
	struct sh_flow_key keys[DP_TABLE_BURST];
	const struct sh_flow_key *at[DP_TABLE_BURST];
	const struct dp_flow *found[DP_TABLE_BURST];

	for (unsigned i = 0; i < DP_TABLE_BURST; i++) {
		keys[i] = some_key(p);
		at[i] = &keys[i];
	}
	dp_table_lookup(p->table, at, DP_TABLE_BURST, found);
	for (unsigned i = 0; i < DP_TABLE_BURST; i++)
		check(p, &keys[i], found[i]);
}

static void conjunctions_are_found_as_in_a_list(void **state)
{
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct pair *p = pair_new(seed);

		for (unsigned i = 0; i < 300; i++) {
			if (p->n && seed_below(&p->seed, 5) < 2)
				pair_del(p, seed_below(&p->seed, p->n));
			else
				add_some(p);
			check_burst(p);
		}
		while (p->n) {
			pair_del(p, p->n - 1);
			if (p->n % 8 == 0)
				check_burst(p);
		}
		pair_free(p);
	}
}

/* Two clauses of number 7 at priority 100 for frames from 1 to 2, and what they lead to. */
static const struct dp_flow *add_seven(struct pair *p, uint16_t priority)
{
	struct rule from = rule_of(100), to = rule_of(100), then = rule_of(priority);

	rule_from(&from, 1, 32);
	rule_to(&to, 2, 32);
	rule_conj_id(&then, 7);
	add_clause(p, from, 7, 1, 2);
	add_clause(p, to, 7, 2, 2);
	return add(p, then)->flow;
}

static void frame_that_matches_all_clauses_matches_their_conj_id(void **state)
{
	struct pair *p = pair_new(0);
	const struct dp_flow *seven = add_seven(p, 1);

	assert_ptr_equal(find(p, key_from_to(1, 2)), seven);
	assert_null(find(p, key_from_to(1, 3)));
	assert_null(find(p, key_from_to(3, 2)));
	pair_free(p);
}

static void clause_that_leaves_takes_its_conjunction_along(void **state)
{
	struct pair *p = pair_new(0);

	(void)add_seven(p, 1);
	pair_del(p, 1);
	assert_null(find(p, key_from_to(1, 2)));
	pair_free(p);
}

static void ordinary_flow_of_the_same_priority_hides_a_conjunction(void **state)
{
	struct pair *p = pair_new(0);
	const struct dp_flow *seven = add_seven(p, 200), *hides;

	add(p, rule_of(99));
	assert_ptr_equal(find(p, key_from_to(1, 2)), seven);
	hides = add(p, rule_of(100))->flow;
	assert_ptr_equal(find(p, key_from_to(1, 2)), hides);
	pair_free(p);
}

static void clauses_of_two_priorities_do_not_come_together(void **state)
{
	struct pair *p = pair_new(0);
	struct rule from = rule_of(100), to = rule_of(90), then = rule_of(1);

	rule_from(&from, 1, 32);
	rule_to(&to, 2, 32);
	rule_conj_id(&then, 7);
	add_clause(p, from, 7, 1, 2);
	add_clause(p, to, 7, 2, 2);
	add(p, then);
	assert_null(find(p, key_from_to(1, 2)));
	pair_free(p);
}

static void conjunction_without_a_flow_for_it_gives_way_to_a_lower_one(void **state)
{
	struct pair *p = pair_new(0);
	const struct dp_flow *seven = add_seven(p, 1);
	struct rule from = rule_of(300), to = rule_of(300);

	rule_from(&from, 0, 28);
	rule_to(&to, 0, 28);
	add_clause(p, from, 9, 1, 2);
	add_clause(p, to, 9, 2, 2);
	assert_ptr_equal(find(p, key_from_to(1, 2)), seven);
	pair_free(p);
}

static void sixty_four_clauses_are_all_asked_for(void **state)
{
	struct pair *p = pair_new(0);
	struct rule then = rule_of(1);
	const struct dp_flow *flow;

	rule_conj_id(&then, UINT32_MAX);
	flow = add(p, then)->flow;
	for (unsigned k = 1; k <= 64; k++) {
		struct rule rule = rule_of(5);

		put_be32(rule.mask.regs[k % 16], 1u << k / 16);
		assert_null(find(p, key_from_to(0, 0)));
		add_clause(p, rule, UINT32_MAX, k, 64);
	}
	assert_ptr_equal(find(p, key_from_to(0, 0)), flow);
	pair_free(p);
}

static void clauses_that_led_to_a_flow_are_told(void **state)
{
	struct pair *p = pair_new(0);
	struct sh_flow_key key = key_from_to(1, 2), other = key_from_to(1, 3);
	const struct dp_flow *told[4];
	struct rule also = rule_of(100);

	(void)add_seven(p, 1);
	rule_to(&also, 2, 31);
	add_clause(p, also, 8, 1, 2);
	assert_int_equal(dp_table_clauses(p->table, &key, told, 4), 2);
	assert_true((told[0] == p->live[0].flow && told[1] == p->live[1].flow) ||
		    (told[1] == p->live[0].flow && told[0] == p->live[1].flow));
	assert_int_equal(dp_table_clauses(p->table, &key, told, 1), 1);
	assert_int_equal(dp_table_clauses(p->table, &other, told, 4), 0);
	pair_free(p);
}

static void masks_of_clauses_are_bounded(void **state)
{
	struct pair *p = pair_new(0);
	struct clause one = { 1, 0, 2 };
	struct dp_program *program = clauses_program(&one, 1);
	struct sh_flow_key mask = { 0 }, value = { 0 };
	struct dp_flow *flow;
	unsigned n = 0;
	int r = 0;

	while (r == 0 && n < 2 * DP_CLAUSE_MASKS) {
		put_be32(mask.ipv4_src, ++n);
		r = dp_table_add_clause(p->table, &value, &mask, 1, 0, 0, program, &flow);
	}
	assert_int_equal(r, -ENOSPC);
	assert_in_range(n, DP_CLAUSE_MASKS - DP_GROUPS_MAX, DP_CLAUSE_MASKS + 1);
	put_be32(mask.ipv4_src, 1);
	put_be32(value.ipv4_src, 1);
	dp_table_del(p->table, flow);
	assert_int_equal(dp_table_add_clause(p->table, &value, &mask, 1, 0, 0, program, &flow), 0);
	pair_free(p);
	free(program);
}

static void table_without_clauses_is_the_table_that_it_was(void **state)
{
	struct pair *p = pair_new(0);

	(void)add_seven(p, 1);
	assert_non_null(atomic_load(&p->table->probes)->clauses);
	while (p->n)
		pair_del(p, 0);
	assert_null(atomic_load(&p->table->probes)->clauses);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_that_matches_all_clauses_matches_their_conj_id),
		cmocka_unit_test(clause_that_leaves_takes_its_conjunction_along),
		cmocka_unit_test(ordinary_flow_of_the_same_priority_hides_a_conjunction),
		cmocka_unit_test(clauses_of_two_priorities_do_not_come_together),
		cmocka_unit_test(conjunction_without_a_flow_for_it_gives_way_to_a_lower_one),
		cmocka_unit_test(sixty_four_clauses_are_all_asked_for),
		cmocka_unit_test(clauses_that_led_to_a_flow_are_told),
		cmocka_unit_test(masks_of_clauses_are_bounded),
		cmocka_unit_test(table_without_clauses_is_the_table_that_it_was),
		cmocka_unit_test(conjunctions_are_found_as_in_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
