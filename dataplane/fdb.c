/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The writer's side of the forwarding database. A slot is filled value first, key last, and
 * emptied key first, so a reader that finds its key and finds it again after reading the value has
 * a value of that key. Control thread only.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "fdb.h"

int dp_fdb_new(uint32_t size, struct dp_fdb **ret)
{
	struct dp_fdb *fdb = calloc(1, sizeof(*fdb));
	/* Twice the slots: then a key finds both its buckets full about never. */
	uint64_t n_buckets = rte_align64pow2((uint64_t)size * 2 / DP_FDB_WAYS + 1);

	if (!fdb)
		return -ENOMEM;
	if (n_buckets < 4)
		n_buckets = 4;
	fdb->buckets = aligned_alloc(64, n_buckets * sizeof(*fdb->buckets));
	if (!fdb->buckets) {
		free(fdb);
		return -ENOMEM;
	}
	memset(fdb->buckets, 0, n_buckets * sizeof(*fdb->buckets));
	fdb->mask = n_buckets - 1;
	fdb->size = size;
	/* Without a secret seed a guest could choose addresses that all fall into one bucket. */
	if (getrandom(&fdb->seed, sizeof(fdb->seed), 0) < 0)
		fdb->seed = (uint64_t)(uintptr_t)fdb;
	*ret = fdb;
	return 0;
}

void dp_fdb_free(struct dp_fdb *fdb)
{
	if (!fdb)
		return;
	free(fdb->buckets);
	free(fdb);
}

static int find_slot(struct dp_fdb_bucket *bucket, uint64_t key)
{
	for (int i = 0; i < DP_FDB_WAYS; i++)
		if (atomic_load_explicit(&bucket->keys[i], memory_order_relaxed) == key &&
			bucket->cells[i].port_plus1)
			return i;
	return -ENOENT;
}

static int free_slot(const struct dp_fdb_bucket *bucket)
{
	for (int i = 0; i < DP_FDB_WAYS; i++)
		if (bucket->cells[i].port_plus1 == 0)
			return i;
	return -ENOSPC;
}

static struct dp_fdb_bucket *find_bucket(struct dp_fdb *fdb, uint64_t key, int *ret_slot)
{
	uint64_t hash = dp_fdb_hash(fdb, key);
	struct dp_fdb_bucket *bucket = dp_fdb_first(fdb, hash);

	*ret_slot = find_slot(bucket, key);
	if (*ret_slot >= 0)
		return bucket;
	bucket = dp_fdb_second(fdb, hash);
	*ret_slot = find_slot(bucket, key);
	return *ret_slot >= 0 ? bucket : NULL;
}

static uint64_t cell_word(uint16_t port, uint16_t flags, uint32_t now_s)
{
	return (uint64_t)(port + 1) << 48 | (uint64_t)flags << 32 | now_s;
}

static void clear_slot(struct dp_fdb *fdb, struct dp_fdb_bucket *bucket, int slot)
{
	fdb->n_entries--;
	fdb->n_static -= bucket->cells[slot].flags & DP_FDB_STATIC;
	atomic_store_explicit(&bucket->keys[slot], 0, memory_order_release);
	atomic_store_explicit(&bucket->cells[slot].word, 0, memory_order_release);
}

static void fill_slot(
	struct dp_fdb *fdb, struct dp_fdb_bucket *bucket, int slot, uint64_t key, uint64_t word)
{
	atomic_store_explicit(&bucket->cells[slot].word, word, memory_order_release);
	atomic_store_explicit(&bucket->keys[slot], key, memory_order_release);
	fdb->n_entries++;
	fdb->n_static += bucket->cells[slot].flags & DP_FDB_STATIC;
}

/* Move one entry of a full bucket to the other bucket it may be in. It is there twice for a
 * moment; a reader that looks in the wrong order may miss it once, which floods one frame. */
static int make_room(struct dp_fdb *fdb, struct dp_fdb_bucket *bucket)
{
	for (int slot = 0; slot < DP_FDB_WAYS; slot++) {
		uint64_t key = atomic_load_explicit(&bucket->keys[slot], memory_order_relaxed);
		uint64_t hash = dp_fdb_hash(fdb, key);
		struct dp_fdb_bucket *other = dp_fdb_first(fdb, hash);
		int to;

		if (other == bucket)
			other = dp_fdb_second(fdb, hash);
		to = free_slot(other);
		if (to < 0)
			continue;
		fill_slot(fdb, other, to, key, atomic_load(&bucket->cells[slot].word));
		clear_slot(fdb, bucket, slot);
		return slot;
	}
	return -ENOSPC;
}

static void tell(const struct dp_fdb *fdb, uint64_t key, uint16_t port_plus1)
{
	if (fdb->changed)
		fdb->changed(fdb->ctx, key, port_plus1);
}

static int insert(struct dp_fdb *fdb, uint64_t key, uint16_t port, uint16_t flags, uint32_t now_s)
{
	uint64_t hash = dp_fdb_hash(fdb, key);
	struct dp_fdb_bucket *bucket = dp_fdb_first(fdb, hash);
	int slot = free_slot(bucket);

	/* The first bucket is the one that a lookup prefetches. */
	if (slot < 0) {
		bucket = dp_fdb_second(fdb, hash);
		slot = free_slot(bucket);
	}
	if (slot < 0)
		slot = make_room(fdb, bucket);
	if (slot < 0 || fdb->n_entries >= fdb->size) {
		fdb->n_full++;
		return -ENOSPC;
	}
	fill_slot(fdb, bucket, slot, key, cell_word(port, flags, now_s));
	tell(fdb, key, (uint16_t)(port + 1));
	return 0;
}

int dp_fdb_put(struct dp_fdb *fdb, uint64_t key, uint16_t port, uint16_t flags, uint32_t now_s)
{
	int slot;
	struct dp_fdb_bucket *bucket = find_bucket(fdb, key, &slot);

	if (!bucket)
		return insert(fdb, key, port, flags, now_s);
	fdb->n_static -= bucket->cells[slot].flags & DP_FDB_STATIC;
	fdb->n_static += flags & DP_FDB_STATIC;
	atomic_store_explicit(
		&bucket->cells[slot].word, cell_word(port, flags, now_s), memory_order_release);
	tell(fdb, key, (uint16_t)(port + 1));
	return 0;
}

int dp_fdb_remove(struct dp_fdb *fdb, uint64_t key)
{
	int slot;
	struct dp_fdb_bucket *bucket = find_bucket(fdb, key, &slot);

	if (!bucket)
		return -ENOENT;
	clear_slot(fdb, bucket, slot);
	tell(fdb, key, 0);
	return 0;
}

unsigned dp_fdb_walk(struct dp_fdb *fdb, uint32_t *at, uint32_t n,
	bool (*fn)(void *ctx, const struct dp_fdb_line *line), void *ctx)
{
	unsigned n_removed = 0;

	for (; n > 0; n--, *at = (*at + 1) & (uint32_t)fdb->mask) {
		struct dp_fdb_bucket *bucket = &fdb->buckets[*at & fdb->mask];

		for (int i = 0; i < DP_FDB_WAYS; i++) {
			union dp_fdb_cell *cell = &bucket->cells[i];
			struct dp_fdb_line line;

			if (!cell->port_plus1)
				continue;
			line.key = atomic_load_explicit(&bucket->keys[i], memory_order_relaxed);
			line.seen_s = atomic_load_explicit(&cell->seen_s, memory_order_relaxed);
			line.port = (uint16_t)(cell->port_plus1 - 1);
			line.flags = cell->flags;
			if (!fn(ctx, &line))
				continue;
			clear_slot(fdb, bucket, i);
			tell(fdb, line.key, 0);
			n_removed++;
		}
	}
	return n_removed;
}
