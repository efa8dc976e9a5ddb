/* SPDX-License-Identifier: BSD-3-Clause
 *
 * classify [CPU]: what a search in a flow table costs, in cycles a key, by bursts of 32 keys at
 * random: 1 to 1,000,000 flows of one mask, 1,000 masks of a filter set, and keys that miss. Keys
 * are made before, and are more than the caches hold where the flows are.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <rte_cycles.h>

#include "classifier.h"
#include "rules_by_seed.h"

#define N_KEYS   (1u << 16)
#define N_ROUNDS 8 /* the quickest is one that nobody interrupted */
#define N_MASKS  1000

static struct sh_flow_key keys[N_KEYS];
static struct dp_table *table;
static uint64_t seed = 1;

/* Nobody else reads. */
static void free_at_once(void *ctx, void *p, void (*fn)(void *p))
{
	fn(p);
}

static const struct dp_reclaim at_once = { .defer = free_at_once };

static void add(const struct rule *rule)
{
	struct dp_flow *flow;

	if (dp_table_add(table, &rule->value, &rule->mask, rule->priority, 0, 0, NULL, &flow) < 0)
		exit(1);
}

static unsigned look_up_burst(unsigned first)
{
	const struct sh_flow_key *at[DP_TABLE_BURST];
	const struct dp_flow *found[DP_TABLE_BURST];
	unsigned n_hits = 0;

	for (unsigned i = 0; i < DP_TABLE_BURST; i++)
		at[i] = &keys[first + i];
	dp_table_lookup(table, at, DP_TABLE_BURST, found);
	for (unsigned i = 0; i < DP_TABLE_BURST; i++)
		n_hits += found[i] != NULL;
	return n_hits;
}

static void measure(const char *what)
{
	uint64_t best = UINT64_MAX, took;
	struct dp_table_info info;
	unsigned n_hits = 0;

	for (unsigned round = 0; round < N_ROUNDS; round++) {
		uint64_t begin = rte_rdtsc();

		n_hits = 0;
		for (unsigned i = 0; i < N_KEYS; i += DP_TABLE_BURST)
			n_hits += look_up_burst(i);
		took = rte_rdtsc() - begin;
		best = took < best ? took : best;
	}
	dp_table_get_info(table, &info);
	printf("%-16s %8u %6u %6u %10zu %7.1f %5.1f\n", what, info.n_flows, info.n_masks,
		info.n_groups, info.bytes, 100.0 * n_hits / N_KEYS, (double)best / N_KEYS);
}

/* Spread over all addresses. */
static uint32_t address_of(uint32_t i)
{
	return i * 2654435761u;
}

static void measure_addresses(uint32_t n_flows)
{
	if (dp_table_new(&at_once, 0, &table) < 0)
		exit(1);
	for (uint32_t i = 0; i < n_flows; i++) {
		struct rule rule = { .priority = 1 };

		put_be16(rule.mask.eth_type, 0xffff);
		put_be16(rule.value.eth_type, 0x0800);
		put_be32(rule.mask.ipv4_dst, UINT32_MAX);
		put_be32(rule.value.ipv4_dst, address_of(i));
		add(&rule);
	}
	for (unsigned i = 0; i < N_KEYS; i++) {
		make_key(&seed, &keys[i]);
		put_be32(keys[i].ipv4_dst, address_of(seed_below(&seed, n_flows)));
	}
	measure("addresses");
	for (unsigned i = 0; i < N_KEYS; i++)
		put_be32(keys[i].ipv4_dst, address_of(n_flows + seed_below(&seed, n_flows)));
	measure("addresses, miss");
	dp_table_free(table);
}

static void measure_masks(unsigned n_flows)
{
	static struct sh_flow_key masks[N_MASKS];
	struct rule *rules = calloc(n_flows, sizeof(*rules));

	if (!rules || dp_table_new(&at_once, 0, &table) < 0)
		exit(1);
	for (unsigned i = 0; i < N_MASKS; i++)
		make_mask(&seed, &masks[i]);
	for (unsigned i = 0; i < n_flows; i++) {
		make_rule(&seed, &masks[i % N_MASKS], &rules[i]);
		add(&rules[i]);
	}
	for (unsigned i = 0; i < N_KEYS; i++)
		make_key_of(&seed, &rules[seed_below(&seed, n_flows)], &keys[i]);
	measure("masks");
	for (unsigned i = 0; i < N_KEYS; i++)
		make_key(&seed, &keys[i]);
	measure("masks, any key");
	dp_table_free(table);
	free(rules);
}

int main(int argc, char **argv)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (argc > 1) {
		CPU_SET((unsigned)atoi(argv[1]), &set);
		if (sched_setaffinity(0, sizeof(set), &set) < 0) {
			perror("classify: sched_setaffinity");
			return 1;
		}
	}
	printf("%-16s %8s %6s %6s %10s %7s %5s\n", "keys", "flows", "masks", "groups", "bytes",
		"hits_%", "cycles");
	for (uint32_t n = 1; n <= 1000000; n *= n == 1 ? 1000 : n == 1000 ? 100 : 10)
		measure_addresses(n);
	measure_masks(N_MASKS);
	measure_masks(20 * N_MASKS);
	return 0;
}
