/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A table's search against a list of its flows, and what the search costs: groups and memory. With
 * one thread; what is deferred is freed between two lookups.
 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "classifier_private.h"
#include "rules_by_seed.h"

/* Freed at once: whatever is used afterwards is the address sanitizer's. */
static void free_at_once(void *ctx, void *p, void (*fn)(void *p))
{
	fn(p);
}

static const struct dp_reclaim at_once = { .defer = free_at_once };

struct live {
	struct rule rule;
	struct dp_flow *flow;
};

/* A table and the list of what must be in it. */
struct pair {
	struct dp_table *table;
	struct live *live;
	unsigned n, room;
	uint64_t seed;
};

static void pair_init(struct pair *p, unsigned room, uint64_t seed)
{
	*p = (struct pair){ .room = room, .seed = seed };
	p->live = calloc(room, sizeof(*p->live));
	assert_non_null(p->live);
	assert_int_equal(dp_table_new(&at_once, 7, &p->table), 0);
}

static void pair_done(struct pair *p)
{
	dp_table_free(p->table);
	free(p->live);
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

static void pair_add(struct pair *p, const struct rule *rule)
{
	struct live *live = &p->live[p->n];

	if (p->n == p->room || pair_has(p, rule))
		return;
	live->rule = *rule;
	assert_int_equal(dp_table_add(p->table, &rule->value, &rule->mask, rule->priority, p->n,
				 p->n, NULL, &live->flow),
		0);
	assert_int_equal(live->flow->mask->used & ~dp_table_used(p->table), 0);
	p->n++;
}

static void pair_del(struct pair *p, unsigned i)
{
	dp_table_del(p->table, p->live[i].flow);
	p->live[i] = p->live[--p->n];
}

static int best_of_list(const struct pair *p, const struct sh_flow_key *key)
{
	int best = -1;

	for (unsigned i = 0; i < p->n; i++)
		if (p->live[i].rule.priority > best && rule_matches(&p->live[i].rule, key))
			best = p->live[i].rule.priority;
	return best;
}

/* The flow is one of the list that matches, of the priority that the list says. */
static void check(const struct pair *p, const struct sh_flow_key *key, const struct dp_flow *found)
{
	unsigned i;

	assert_int_equal(best_of_list(p, key), found ? found->priority : -1);
	for (i = 0; found && i < p->n && p->live[i].flow != found; i++)
		;
	if (!found)
		return;
	assert_true(i < p->n);
	assert_true(rule_matches(&p->live[i].rule, key));
	assert_int_equal(found->priority, p->live[i].rule.priority);
}

static void pair_check(struct pair *p, void (*make)(struct pair *p, struct sh_flow_key *key))
{
	struct sh_flow_key keys[DP_TABLE_BURST];
	const struct sh_flow_key *at[DP_TABLE_BURST];
	const struct dp_flow *found[DP_TABLE_BURST];
	unsigned n = 1 + seed_below(&p->seed, DP_TABLE_BURST);

	for (unsigned i = 0; i < n; i++) {
		make(p, &keys[i]);
		at[i] = &keys[i];
	}
	dp_table_lookup(p->table, at, n, found);
	for (unsigned i = 0; i < n; i++)
		check(p, &keys[i], found[i]);
}

static void key_of_some_rule(struct pair *p, struct sh_flow_key *key)
{
	if (p->n && seed_below(&p->seed, 8))
		make_key_of(&p->seed, &p->live[seed_below(&p->seed, p->n)].rule, key);
	else
		make_key(&p->seed, key);
}

static struct dp_table_info info_of(const struct dp_table *table)
{
	struct dp_table_info info;

	dp_table_get_info(table, &info);
	return info;
}

static const struct dp_flow *find(const struct dp_table *table, const struct sh_flow_key *key)
{
	const struct dp_flow *found;

	dp_table_lookup(table, &key, 1, &found);
	return found;
}

static struct dp_flow *add(struct dp_table *table, const struct rule *rule)
{
	struct dp_flow *flow = NULL;

	assert_int_equal(
		dp_table_add(table, &rule->value, &rule->mask, rule->priority, 0, 0, NULL, &flow),
		0);
	return flow;
}

static struct rule rule_to(uint32_t address, unsigned prefix, uint16_t priority)
{
	struct rule rule = { .priority = priority };

	put_be16(rule.mask.eth_type, 0xffff);
	put_be16(rule.value.eth_type, 0x0800);
	put_be32(rule.mask.ipv4_dst, prefix_of(prefix));
	put_be32(rule.value.ipv4_dst, address & prefix_of(prefix));
	return rule;
}

static struct sh_flow_key key_to(uint32_t address)
{
	struct sh_flow_key key = { .in_port = { 0, 0, 0, 3 } };

	put_be16(key.eth_type, 0x0800);
	put_be32(key.ipv4_dst, address);
	return key;
}

static void empty_table_finds_nothing(void **state)
{
	struct sh_flow_key key = { 0 };
	struct pair p;

	pair_init(&p, 1, 0);
	assert_null(find(p.table, &key));
	assert_int_equal(info_of(p.table).n_groups, 0);
	pair_done(&p);
}

static void flow_is_what_was_added_until_it_is_deleted(void **state)
{
	const struct dp_program *program = (const struct dp_program *)state;
	struct rule rule = rule_to(0x0a000001, 32, 5);
	struct sh_flow_key key = key_to(0x0a000001), other = key_to(0x0a000002);
	struct dp_flow *flow;
	struct pair p;

	pair_init(&p, 1, 0);
	assert_int_equal(
		dp_table_add(p.table, &rule.value, &rule.mask, 5, 99, 17, program, &flow), 0);
	assert_ptr_equal(find(p.table, &key), flow);
	assert_null(find(p.table, &other));
	assert_int_equal(flow->cookie, 99);
	assert_int_equal(flow->slot, 17);
	assert_int_equal(flow->table, 7);
	assert_int_equal(flow->priority, 5);
	assert_ptr_equal(atomic_load(&flow->program), program);
	assert_int_equal(flow->mask->used, sh_flow_key_used(&rule.mask));
	dp_table_del(p.table, flow);
	assert_null(find(p.table, &key));
	pair_done(&p);
}

static void table_uses_the_words_of_the_flows_that_it_has(void **state)
{
	struct rule by_port = { .mask.in_port = { 255, 255, 255, 255 }, .priority = 5 };
	struct rule by_type = { .mask.eth_type = { 255, 255 }, .priority = 5 };
	uint32_t type_word = UINT32_C(1) << offsetof(struct sh_flow_key, eth_type) / 8;
	struct pair p;

	pair_init(&p, 2, 1);
	assert_int_equal(dp_table_used(p.table), 0);
	pair_add(&p, &by_port);
	assert_int_equal(dp_table_used(p.table), 1);
	pair_add(&p, &by_type);
	assert_int_equal(dp_table_used(p.table), 1 | type_word);
	pair_del(&p, 1);
	assert_int_equal(dp_table_used(p.table), 1);
	pair_done(&p);
}

static void highest_priority_wins_in_whatever_order_flows_come_and_go(void **state)
{
	/* One match, so one slot's neighbours; and three matches, so three groups. */
	static const unsigned prefixes[][3] = { { 32, 32, 32 }, { 32, 24, 0 }, { 0, 24, 32 } };
	static const uint8_t orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
		{ 2, 0, 1 }, { 2, 1, 0 } };
	struct sh_flow_key key = key_to(0x0a000001);

	for (unsigned i = 0; i < 3 * 6; i++) {
		const uint8_t *order = orders[i / 3];
		struct dp_flow *flows[3];
		struct pair p;

		pair_init(&p, 1, 0);
		for (unsigned j = 0; j < 3; j++) {
			unsigned k = order[j];
			struct rule rule =
				rule_to(0x0a000001, prefixes[i % 3][k], (uint16_t)(65533 + k));

			flows[k] = add(p.table, &rule);
		}
		assert_ptr_equal(find(p.table, &key), flows[2]);
		dp_table_del(p.table, flows[2]);
		assert_ptr_equal(find(p.table, &key), flows[1]);
		dp_table_del(p.table, flows[1]);
		assert_ptr_equal(find(p.table, &key), flows[0]);
		pair_done(&p);
	}
}

static void empty_mask_matches_every_key(void **state)
{
	struct rule rule = { .priority = 0 }, higher = { .priority = 1 };
	struct dp_flow *flow;
	struct pair p;

	pair_init(&p, 1, 1);
	flow = add(p.table, &rule);
	for (unsigned i = 0; i < 100; i++) {
		struct sh_flow_key key;

		make_key(&p.seed, &key);
		assert_ptr_equal(find(p.table, &key), flow);
	}
	assert_int_equal(info_of(p.table).n_groups, 1);
	assert_int_equal(p.table->groups[flow->group]->mask->n, 0);
	flow = add(p.table, &higher);
	assert_ptr_equal(find(p.table, &(struct sh_flow_key){ 0 }), flow);
	pair_done(&p);
}

static struct dp_probes *probes_of(struct dp_table *table)
{
	return atomic_load(&table->probes);
}

static void search_stops_at_the_group_that_cannot_win(void **state)
{
	struct rule high = rule_to(0x0a000001, 32, 100), low = rule_to(0, 0, 100);
	struct sh_flow_key key = key_to(0x0a000001);
	struct dp_flow *flow;
	struct pair p;

	pair_init(&p, 1, 0);
	flow = add(p.table, &high);
	add(p.table, &low);
	assert_int_equal(probes_of(p.table)->n, 2);
	/* Who looked into the second group's lines would crash. */
	probes_of(p.table)->probes[1].lines = NULL;
	assert_ptr_equal(find(p.table, &key), flow);
	pair_done(&p);
}

static void check_order(struct dp_table *table)
{
	const struct dp_probes *probes = probes_of(table);

	for (uint32_t i = 1; i < probes->n; i++)
		assert_true(probes->probes[i - 1].max_priority >= probes->probes[i].max_priority);
}

static void group_moves_back_when_its_highest_flow_leaves(void **state)
{
	struct rule a1 = rule_to(0x0a000001, 32, 10), a2 = rule_to(0x0a000002, 32, 400);
	struct rule b = rule_to(0x0a000000, 24, 300);
	struct dp_flow *flow;
	struct pair p;

	pair_init(&p, 1, 0);
	add(p.table, &a1);
	add(p.table, &b);
	assert_int_equal(probes_of(p.table)->probes[0].max_priority, 300);
	flow = add(p.table, &a2);
	assert_int_equal(probes_of(p.table)->probes[0].max_priority, 400);
	check_order(p.table);
	dp_table_del(p.table, flow);
	assert_int_equal(probes_of(p.table)->probes[0].max_priority, 300);
	assert_int_equal(probes_of(p.table)->probes[1].max_priority, 10);
	pair_done(&p);
}

/* Changes at random, and now and then a burst of keys. */
static void run(struct pair *p, unsigned rounds, void (*make)(struct pair *p, struct rule *rule))
{
	for (unsigned round = 0; round < rounds; round++) {
		/* It grows for a while, and shrinks for a while. */
		bool grows = round * 5 / rounds % 2 == 0;
		struct rule rule;

		make(p, &rule);
		if (!p->n || seed_below(&p->seed, 10) < (grows ? 7u : 3u))
			pair_add(p, &rule);
		else
			pair_del(p, seed_below(&p->seed, p->n));
		if (round % 10)
			continue;
		pair_check(p, key_of_some_rule);
		check_order(p->table);
		assert_int_equal(info_of(p->table).n_flows, p->n);
	}
}

static void make_realistic(struct pair *p, struct rule *rule)
{
	struct sh_flow_key mask;

	make_mask(&p->seed, &mask);
	make_rule(&p->seed, &mask, rule);
}

static void realistic_rules_are_found_as_in_a_list(void **state)
{
	struct pair p;

	pair_init(&p, 4000, 1);
	run(&p, 30000, make_realistic);
	pair_done(&p);
}

/* Few addresses and priorities: most flows overlap, and many have the same priority. */
static void make_overlapping(struct pair *p, struct rule *rule)
{
	*rule = rule_to(seed_below(&p->seed, 8), 28 + seed_below(&p->seed, 5),
		(uint16_t)seed_below(&p->seed, 40));
	if (seed_below(&p->seed, 2))
		memset(rule->mask.in_port, 0xff, 4);
	put_be32(rule->value.in_port, seed_below(&p->seed, 3) & -(uint32_t)rule->mask.in_port[0]);
	rule->value.in_port[0] = rule->value.in_port[1] = rule->value.in_port[2] = 0;
}

static void make_key_near(struct pair *p, struct sh_flow_key *key)
{
	*key = key_to(seed_below(&p->seed, 8));
	put_be32(key->in_port, seed_below(&p->seed, 3));
}

static void overlapping_flows_are_found_as_in_a_list(void **state)
{
	struct pair p;

	pair_init(&p, 1500, 3);
	for (unsigned i = 0; i < 30; i++) {
		run(&p, 1000, make_overlapping);
		for (unsigned j = 0; j < 30; j++)
			pair_check(&p, make_key_near);
	}
	pair_done(&p);
}

/* Any bits of any word: nothing that groups are good at. */
static void make_arbitrary(struct pair *p, struct rule *rule)
{
	memset(rule, 0, sizeof(*rule));
	for (unsigned n = seed_below(&p->seed, 5); n; n--) {
		unsigned at = seed_below(&p->seed, SH_KEY_WORDS);

		rule->mask.words[at] |= (uint64_t)seed_next(&p->seed) << seed_below(&p->seed, 33) &
					(uint64_t)seed_next(&p->seed) << seed_below(&p->seed, 33);
		rule->value.words[at] = seed_next(&p->seed) * UINT64_C(0x100000001);
	}
	for (unsigned i = 0; i < SH_KEY_WORDS; i++)
		rule->value.words[i] &= rule->mask.words[i];
	rule->priority = (uint16_t)seed_below(&p->seed, 65536);
}

static void arbitrary_masks_are_found_as_in_a_list(void **state)
{
	struct pair p;

	pair_init(&p, 2500, 4);
	run(&p, 20000, make_arbitrary);
	assert_true(info_of(p.table).n_groups <= DP_GROUPS_MAX);
	pair_done(&p);
}

#define N_MASKS 1000

/* Masks that differ. */
static void make_masks(uint64_t *seed, struct sh_flow_key masks[N_MASKS])
{
	for (unsigned n = 0; n < N_MASKS;) {
		unsigned i = 0;

		make_mask(seed, &masks[n]);
		while (i < n && memcmp(&masks[i], &masks[n], sizeof(masks[n])) != 0)
			i++;
		n += i == n;
	}
}

static void thousand_masks_make_at_most_thirty_groups(void **state)
{
	struct sh_flow_key *masks = calloc(N_MASKS, sizeof(*masks));

	assert_non_null(masks);
	for (uint64_t seed = 10; seed < 14; seed++) {
		struct pair p;

		pair_init(&p, 8 * N_MASKS, seed);
		make_masks(&p.seed, masks);
		for (unsigned i = 0; i < 8 * N_MASKS; i++) {
			struct rule rule;

			make_rule(&p.seed, &masks[i % N_MASKS], &rule);
			pair_add(&p, &rule);
			if (i % 100 == 0)
				pair_check(&p, key_of_some_rule);
		}
		assert_int_equal(info_of(p.table).n_masks, N_MASKS);
		assert_in_range(info_of(p.table).n_groups, 2, 30);
		pair_done(&p);
	}
	free(masks);
}

/* So many groups that new masks get their coarse form. */
static void fill_groups(struct pair *p)
{
	for (unsigned i = 0; i < DP_GROUPS_OWN; i++) {
		struct rule rule = { .priority = 1 };

		memset(&rule.mask.regs[i], 0xff, 4);
		pair_add(p, &rule);
	}
}

static unsigned chain_of(const struct dp_table *table, const struct dp_flow *flow)
{
	struct dp_flow *same[2 * DP_CHAIN_MAX];

	return dp_lines_same(table->groups[flow->group]->lines, flow->hash, same, 2 * DP_CHAIN_MAX);
}

static void finer_masks_share_a_coarse_group(void **state)
{
	struct pair p;

	pair_init(&p, 100, 0);
	fill_groups(&p);
	for (unsigned prefix = 24; prefix <= 32; prefix++) {
		struct rule rule = rule_to(0x0a000000, prefix, (uint16_t)prefix);

		pair_add(&p, &rule);
	}
	assert_int_equal(info_of(p.table).n_masks, DP_GROUPS_OWN + 9);
	assert_int_equal(info_of(p.table).n_groups, DP_GROUPS_OWN + 1);
	for (unsigned i = 0; i < 256; i++) {
		struct sh_flow_key key = key_to(0x0a000000 + i);

		check(&p, &key, find(p.table, &key));
	}
	pair_done(&p);
}

static void long_chain_is_split_by_a_finer_mask(void **state)
{
	struct pair p;

	pair_init(&p, 1000, 0);
	fill_groups(&p);
	for (uint32_t i = 0; i < 256; i++) {
		struct rule rule = rule_to(0x0a000000 + i, 32, 9), subnet = rule_to(i << 8, 24, 8);

		pair_add(&p, &rule);
		pair_add(&p, &subnet);
		assert_true(chain_of(p.table, p.live[p.n - 2].flow) <= DP_CHAIN_MAX);
	}
	assert_int_equal(info_of(p.table).n_groups, DP_GROUPS_OWN + 2);
	for (unsigned i = 0; i < 256; i++) {
		struct sh_flow_key key = key_to(0x0a000000 + i);

		check(&p, &key, find(p.table, &key));
	}
	pair_done(&p);
}

static void chain_that_no_mask_shortens_is_left(void **state)
{
	struct rule subnet = rule_to(0x0a000000, 24, 1);
	struct sh_flow_key key = key_to(0x0a000001);
	struct pair p;

	pair_init(&p, 1000, 0);
	fill_groups(&p);
	pair_add(&p, &subnet);
	for (uint16_t i = 0; i < 200; i++) {
		struct rule rule = rule_to(0x0a000001, 32, i);

		pair_add(&p, &rule);
	}
	assert_int_equal(info_of(p.table).n_groups, DP_GROUPS_OWN + 1);
	assert_int_equal(chain_of(p.table, p.live[p.n - 1].flow), 2 * DP_CHAIN_MAX);
	check(&p, &key, find(p.table, &key));
	pair_done(&p);
}

#define N_MANY 1000000u

/* Cache lines of the hash table that a key's search walks, and flows that it looks at. */
static void count_touched(const struct dp_table *table, const struct sh_flow_key *key,
	unsigned *n_lines, unsigned *n_flows)
{
	const struct dp_probe *probe = &atomic_load(&table->probes)->probes[0];
	uint32_t hash = dp_mask_hash(probe->mask, key->words, table->seed);
	const struct dp_line *line = &probe->lines[hash & probe->index];

	for (; line; line = atomic_load(&line->more), ++*n_lines)
		for (unsigned i = 0; i < DP_LINE_SLOTS; i++)
			*n_flows += atomic_load(&line->slots[i]) >> 48 == dp_line_tag(hash);
}

static void million_flows_take_a_hundred_bytes_and_two_lines_each(void **state)
{
	struct dp_flow **flows = calloc(N_MANY, sizeof(struct dp_flow *));
	unsigned n_lines = 0, n_flows = 0;
	struct pair p;

	assert_non_null(flows);
	pair_init(&p, 1, 0);
	for (uint32_t i = 0; i < N_MANY; i++) {
		struct rule rule = rule_to(i * 4001, 32, 1);

		flows[i] = add(p.table, &rule);
	}
	for (uint32_t i = 0; i < N_MANY; i++) {
		struct sh_flow_key key = key_to(i * 4001);

		assert_ptr_equal(find(p.table, &key), flows[i]);
		count_touched(p.table, &key, &n_lines, &n_flows);
	}
	assert_true(n_lines < N_MANY + N_MANY / 8);
	assert_true(n_flows < N_MANY + N_MANY / 100);
	assert_int_equal(info_of(p.table).n_groups, 1);
	assert_true(info_of(p.table).bytes < N_MANY * (100 + flows[0]->mask->n * 8u));
	for (uint32_t i = 0; i < N_MANY; i++)
		dp_table_del(p.table, flows[i]);
	assert_int_equal(info_of(p.table).n_flows, 0);
	free(flows);
	pair_done(&p);
}

static void table_gives_its_memory_back(void **state)
{
	struct dp_table_info info;
	struct pair p;

	pair_init(&p, 5000, 6);
	run(&p, 5000, make_realistic);
	while (p.n)
		pair_del(&p, p.n - 1);
	info = info_of(p.table);
	assert_int_equal(info.n_groups, 0);
	assert_int_equal(info.n_masks, 0);
	/* What is left is the index of masks, which only grows. */
	assert_int_equal(info.bytes, sizeof(*p.table) + p.table->masks.n_buckets * sizeof(void *));
	pair_done(&p);
}

static void lines_shrink_when_flows_leave(void **state)
{
	struct pair p;

	pair_init(&p, 4096, 0);
	for (uint32_t i = 0; i < 4096; i++) {
		struct rule rule = rule_to(i, 32, 1);

		pair_add(&p, &rule);
	}
	assert_int_equal(probes_of(p.table)->probes[0].index, 1023);
	while (p.n > 10)
		pair_del(&p, p.n - 1);
	assert_in_range(probes_of(p.table)->probes[0].index, 0, 15);
	for (unsigned i = 0; i < 4096; i++) {
		struct sh_flow_key key = key_to(i);

		check(&p, &key, find(p.table, &key));
	}
	pair_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_table_finds_nothing),
		cmocka_unit_test(flow_is_what_was_added_until_it_is_deleted),
		cmocka_unit_test(table_uses_the_words_of_the_flows_that_it_has),
		cmocka_unit_test(highest_priority_wins_in_whatever_order_flows_come_and_go),
		cmocka_unit_test(empty_mask_matches_every_key),
		cmocka_unit_test(search_stops_at_the_group_that_cannot_win),
		cmocka_unit_test(group_moves_back_when_its_highest_flow_leaves),
		cmocka_unit_test(realistic_rules_are_found_as_in_a_list),
		cmocka_unit_test(overlapping_flows_are_found_as_in_a_list),
		cmocka_unit_test(arbitrary_masks_are_found_as_in_a_list),
		cmocka_unit_test(thousand_masks_make_at_most_thirty_groups),
		cmocka_unit_test(finer_masks_share_a_coarse_group),
		cmocka_unit_test(long_chain_is_split_by_a_finer_mask),
		cmocka_unit_test(chain_that_no_mask_shortens_is_left),
		cmocka_unit_test(lines_shrink_when_flows_leave),
		cmocka_unit_test(table_gives_its_memory_back),
		cmocka_unit_test(million_flows_take_a_hundred_bytes_and_two_lines_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
