/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Slots and the workers' arrays behind them. A slot that is given back is the next to be taken, so
 * that the arrays stay as small as what is in use. Control thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "counts.h"

#define ARRAY_BYTES ((size_t)DP_MAX_SLOTS * sizeof(struct dp_count))

static_assert(sizeof(struct dp_count) == 32, "two in a cache line, none across");

struct dp_counts_pool {
	struct dp_count *arrays[DP_MAX_WORKERS];
	uint32_t n_used; /* slots ever taken */
	uint32_t *given;
	uint32_t n_given, given_room;
};

int dp_counts_new(struct dp_counts_pool **ret)
{
	struct dp_counts_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	*ret = pool;
	return 0;
}

void dp_counts_free(struct dp_counts_pool *pool)
{
	if (!pool)
		return;
	for (unsigned i = 0; i < DP_MAX_WORKERS; i++)
		if (pool->arrays[i])
			munmap(pool->arrays[i], ARRAY_BYTES);
	free(pool->given);
	free(pool);
}

int dp_counts_array(struct dp_counts_pool *pool, unsigned worker, struct dp_count **ret)
{
	if (!pool->arrays[worker]) {
		void *p = mmap(NULL, ARRAY_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED)
			return -ENOMEM;
		pool->arrays[worker] = p;
	}
	*ret = pool->arrays[worker];
	return 0;
}

static void clear(struct dp_counts_pool *pool, uint32_t slot)
{
	for (unsigned i = 0; i < DP_MAX_WORKERS; i++)
		if (pool->arrays[i])
			memset(&pool->arrays[i][slot], 0, sizeof(struct dp_count));
}

/* Room to give back every slot there is, so that giving back never fails. */
static int reserve(struct dp_counts_pool *pool)
{
	uint32_t room = pool->given_room ? 2 * pool->given_room : 1024;
	uint32_t *grown;

	if (pool->n_used < pool->given_room)
		return 0;
	grown = realloc(pool->given, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	pool->given = grown;
	pool->given_room = room;
	return 0;
}

int dp_slot_take(struct dp_counts_pool *pool, uint32_t *ret)
{
	if (pool->n_given) {
		*ret = pool->given[--pool->n_given];
		clear(pool, *ret);
		return 0;
	}
	if (pool->n_used == DP_MAX_SLOTS)
		return -ENOSPC;
	if (reserve(pool) < 0)
		return -ENOMEM;
	*ret = pool->n_used++;
	return 0;
}

void dp_slot_give(struct dp_counts_pool *pool, uint32_t slot)
{
	pool->given[pool->n_given++] = slot;
}

void dp_slot_read(
	const struct dp_counts_pool *pool, uint32_t slot, uint32_t now_s, struct dp_counts *ret)
{
	for (unsigned i = 0; i < DP_MAX_WORKERS; i++) {
		const struct dp_count *c = pool->arrays[i] ? &pool->arrays[i][slot] : NULL;
		uint32_t used;

		if (!c)
			continue;
		ret->n_packets += __atomic_load_n(&c->n_packets, __ATOMIC_RELAXED);
		ret->n_bytes += __atomic_load_n(&c->n_bytes, __ATOMIC_RELAXED);
		used = __atomic_load_n(&c->used_s, __ATOMIC_RELAXED);
		if (used && now_s - used < ret->age_s)
			ret->age_s = now_s - used;
	}
}

void dp_slot_take_fin(
	struct dp_counts_pool *pool, uint32_t slot, uint16_t *ret_idle_s, uint16_t *ret_hard_s)
{
	*ret_idle_s = *ret_hard_s = 0;
	for (unsigned i = 0; i < DP_MAX_WORKERS; i++) {
		struct dp_count *c = pool->arrays[i] ? &pool->arrays[i][slot] : NULL;
		uint32_t fin;

		/* Its line is the worker's, and is left alone while there is nothing to take. */
		if (!c || !__atomic_load_n(&c->fin, __ATOMIC_RELAXED))
			continue;
		fin = __atomic_exchange_n(&c->fin, 0, __ATOMIC_RELAXED);
		*ret_idle_s = dp_lower_timeout(*ret_idle_s, (uint16_t)(fin >> 16));
		*ret_hard_s = dp_lower_timeout(*ret_hard_s, (uint16_t)fin);
	}
}
