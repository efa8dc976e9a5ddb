/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Matches as flows keep them: only the words that they use. Comparisons walk the bit maps, so they
 * cost what the matches use and not what the key has. Any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ofproto/match.h"

static const uint64_t *values_of(const struct of_minimatch *mini)
{
	return mini->words;
}

static const uint64_t *masks_of(const struct of_minimatch *mini)
{
	return mini->words + mini->n;
}

/* Where word number bit is in the lists, or -1. */
static int rank(const struct of_minimatch *mini, unsigned bit)
{
	if (!(mini->used >> bit & 1))
		return -1;
	return __builtin_popcount(mini->used & ((1u << bit) - 1));
}

static unsigned next_bit(uint32_t *used)
{
	unsigned bit = (unsigned)__builtin_ctz(*used);

	*used &= *used - 1;
	return bit;
}

int of_minimatch_new(const struct of_match *match, struct of_minimatch **ret)
{
	uint32_t used = sh_flow_key_used(&match->mask);
	unsigned n = (unsigned)__builtin_popcount(used);
	struct of_minimatch *mini = malloc(sizeof(*mini) + 2 * n * sizeof(*mini->words));

	if (!mini)
		return -ENOMEM;
	mini->used = used;
	mini->n = (uint16_t)n;
	for (unsigned i = 0; i < n; i++) {
		unsigned bit = next_bit(&used);

		mini->words[i] = match->value.words[bit] & match->mask.words[bit];
		mini->words[n + i] = match->mask.words[bit];
	}
	*ret = mini;
	return 0;
}

void of_minimatch_expand(const struct of_minimatch *mini, struct of_match *ret)
{
	uint32_t used = mini->used;

	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < mini->n; i++) {
		unsigned bit = next_bit(&used);

		ret->value.words[bit] = values_of(mini)[i];
		ret->mask.words[bit] = masks_of(mini)[i];
	}
}

bool of_minimatch_equal(const struct of_minimatch *a, const struct of_minimatch *b)
{
	return a->used == b->used && !memcmp(a->words, b->words, 2 * a->n * sizeof(*a->words));
}

uint32_t of_minimatch_hash(const struct of_minimatch *mini)
{
	uint64_t hash = mini->used;

	for (unsigned i = 0; i < 2u * mini->n; i++) {
		hash = (hash ^ mini->words[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return (uint32_t)hash;
}

bool of_minimatch_covers(const struct of_minimatch *outer, const struct of_minimatch *inner)
{
	uint32_t used = outer->used;

	if (used & ~inner->used)
		return false;
	for (unsigned i = 0; i < outer->n; i++) {
		int at = rank(inner, next_bit(&used));
		uint64_t mask = masks_of(outer)[i];

		if (mask & ~masks_of(inner)[at] ||
			(values_of(inner)[at] & mask) != values_of(outer)[i])
			return false;
	}
	return true;
}

bool of_minimatch_overlaps(const struct of_minimatch *a, const struct of_minimatch *b)
{
	uint32_t both = a->used & b->used;

	while (both) {
		unsigned bit = next_bit(&both);
		int at_a = rank(a, bit), at_b = rank(b, bit);
		uint64_t mask = masks_of(a)[at_a] & masks_of(b)[at_b];

		if ((values_of(a)[at_a] ^ values_of(b)[at_b]) & mask)
			return false;
	}
	return true;
}

bool of_minimatch_matches(const struct of_minimatch *mini, const struct sh_flow_key *key)
{
	uint32_t used = mini->used;

	for (unsigned i = 0; i < mini->n; i++)
		if ((key->words[next_bit(&used)] ^ values_of(mini)[i]) & masks_of(mini)[i])
			return false;
	return true;
}
