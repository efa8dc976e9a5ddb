/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A hash table whose nodes lie in what they find. Inserting cannot fail: a table that cannot grow
 * becomes slower.
 */
#pragma once

#include <stdint.h>

struct of_hash_node {
	struct of_hash_node *next;
	uint32_t hash;
};

struct of_hash {
	struct of_hash_node **buckets; /* NULL: the only one is below */
	struct of_hash_node *one;
	uint32_t n, mask;
};

/* All zeros is an empty one. */
void of_hash_done(struct of_hash *hash);
void of_hash_insert(struct of_hash *table, struct of_hash_node *node, uint32_t hash);
void of_hash_remove(struct of_hash *table, struct of_hash_node *node);

/** The nodes with this hash value, one after another; NULL at the end. */
struct of_hash_node *of_hash_first(const struct of_hash *table, uint32_t hash);
struct of_hash_node *of_hash_next(const struct of_hash_node *node);

/** Mix one more word into a hash value. */
static inline uint32_t of_hash_add(uint32_t hash, uint64_t word)
{
	uint64_t x = (word ^ hash) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(x >> 32) ^ (uint32_t)x * 5;
}
