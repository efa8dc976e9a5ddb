/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Flows and keys made from a seed: rules as filter sets have them (pairs of prefixes, protocols,
 * ports, after ClassBench, INFOCOM 2005), and a generator of numbers that is the same everywhere.
 */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "base/flow_key.h"

struct rule {
	struct sh_flow_key value, mask;
	uint16_t priority;
};

static inline uint32_t seed_next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

static inline uint32_t seed_below(uint64_t *seed, uint32_t n)
{
	return seed_next(seed) % n;
}

static inline void put_be32(uint8_t *to, uint32_t n)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(n >> (24 - 8 * i));
}

static inline uint32_t prefix_of(unsigned length)
{
	return length ? UINT32_MAX << (32 - length) : 0;
}

/* IPv4 addresses come in clusters: 32 networks of /12, in which few subnets are used. */
static inline uint32_t rule_address(uint64_t *seed)
{
	uint32_t network = seed_below(seed, 32) * 0x06100000u, subnet = seed_below(seed, 64) << 14;

	return network ^ subnet ^ seed_below(seed, 1 << 14);
}

static inline unsigned rule_prefix(uint64_t *seed)
{
	uint32_t percent = seed_below(seed, 100);

	if (percent < 15)
		return 0;
	if (percent < 40)
		return 32;
	if (percent < 75)
		return 24 + seed_below(seed, 8);
	return percent < 95 ? 16 + seed_below(seed, 8) : 8 + seed_below(seed, 8);
}

/* Any, one, or a power of two of ports. */
static inline uint16_t rule_port_mask(uint64_t *seed)
{
	uint32_t percent = seed_below(seed, 100);

	if (percent < 50)
		return 0;
	return percent < 85 ? 0xffff : (uint16_t)(0xffff << seed_below(seed, 16));
}

static inline void put_be16(uint8_t *to, uint16_t n)
{
	to[0] = (uint8_t)(n >> 8);
	to[1] = (uint8_t)n;
}

/* A key of the protocol, whole. */
static inline void make_key(uint64_t *seed, struct sh_flow_key *key)
{
	static const uint8_t protocols[] = { 6, 17, 1 };

	memset(key, 0, sizeof(*key));
	put_be32(key->in_port, 1 + seed_below(seed, 4));
	put_be16(key->eth_type, 0x0800);
	put_be32(key->ipv4_src, rule_address(seed));
	put_be32(key->ipv4_dst, rule_address(seed));
	key->ip_proto = protocols[seed_below(seed, 3)];
	if (key->ip_proto == 1)
		return;
	put_be16(key->l4_src, (uint16_t)(1024 + seed_below(seed, 64)));
	put_be16(key->l4_dst, (uint16_t)seed_below(seed, 128));
}

static inline void make_mask(uint64_t *seed, struct sh_flow_key *mask)
{
	memset(mask, 0, sizeof(*mask));
	put_be16(mask->eth_type, 0xffff);
	put_be32(mask->ipv4_src, prefix_of(rule_prefix(seed)));
	put_be32(mask->ipv4_dst, prefix_of(rule_prefix(seed)));
	if (seed_below(seed, 4) == 0)
		return;
	mask->ip_proto = 0xff;
	put_be16(mask->l4_src, rule_port_mask(seed));
	put_be16(mask->l4_dst, rule_port_mask(seed));
}

static inline void make_rule(uint64_t *seed, const struct sh_flow_key *mask, struct rule *ret)
{
	ret->mask = *mask;
	make_key(seed, &ret->value);
	for (unsigned i = 0; i < SH_KEY_WORDS; i++)
		ret->value.words[i] &= mask->words[i];
	ret->priority = (uint16_t)seed_below(seed, 65536);
}

static inline bool rule_matches(const struct rule *rule, const struct sh_flow_key *key)
{
	for (unsigned i = 0; i < SH_KEY_WORDS; i++)
		if ((key->words[i] & rule->mask.words[i]) != rule->value.words[i])
			return false;
	return true;
}

/* A key that the rule matches, at random otherwise. */
static inline void make_key_of(uint64_t *seed, const struct rule *rule, struct sh_flow_key *key)
{
	make_key(seed, key);
	for (unsigned i = 0; i < SH_KEY_WORDS; i++)
		key->words[i] = (key->words[i] & ~rule->mask.words[i]) | rule->value.words[i];
}
