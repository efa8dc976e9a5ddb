/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Chains in an array that doubles. It does not shrink: what was once needed will be again. Control
 * thread.
 */
#include <stddef.h>
#include <stdlib.h>

#include "hash.h"

static struct of_hash_node **bucket(const struct of_hash *table, uint32_t hash)
{
	return table->buckets ? &table->buckets[hash & table->mask]
			      : (struct of_hash_node **)&table->one;
}

static void push(struct of_hash *table, struct of_hash_node *node)
{
	struct of_hash_node **at = bucket(table, node->hash);

	node->next = *at;
	*at = node;
}

static void push_all(struct of_hash *table, struct of_hash_node *node)
{
	while (node) {
		struct of_hash_node *next = node->next;

		push(table, node);
		node = next;
	}
}

static void grow(struct of_hash *table)
{
	struct of_hash old = *table;
	uint32_t n_old = old.mask + 1;
	struct of_hash_node **fresh = calloc(2 * (size_t)n_old, sizeof(struct of_hash_node *));

	if (!fresh)
		return;
	table->buckets = fresh;
	table->mask = 2 * n_old - 1;
	table->one = NULL;
	for (uint32_t i = 0; i < n_old; i++)
		push_all(table, *bucket(&old, i));
	free(old.buckets);
}

void of_hash_done(struct of_hash *table)
{
	free(table->buckets);
	*table = (struct of_hash){ 0 };
}

void of_hash_insert(struct of_hash *table, struct of_hash_node *node, uint32_t hash)
{
	if (table->n > table->mask && table->mask < UINT32_MAX / 2)
		grow(table);
	node->hash = hash;
	push(table, node);
	table->n++;
}

void of_hash_remove(struct of_hash *table, struct of_hash_node *node)
{
	struct of_hash_node **at = bucket(table, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	table->n--;
}

static struct of_hash_node *same(struct of_hash_node *node, uint32_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct of_hash_node *of_hash_first(const struct of_hash *table, uint32_t hash)
{
	return same(*bucket(table, hash), hash);
}

struct of_hash_node *of_hash_next(const struct of_hash_node *node)
{
	return same(node->next, node->hash);
}
