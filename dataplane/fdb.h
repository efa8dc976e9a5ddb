/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The forwarding database of one bridge: address and VLAN to port. A fixed table of cache-line
 * buckets, each key in one of two. The control thread is the only writer; any worker reads without
 * a lock and may refresh an entry's time of last use.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <rte_common.h>
#include <rte_prefetch.h>

#define DP_FDB_WAYS   4
#define DP_FDB_STATIC 0x1

struct dp_fdb_bucket {
	_Atomic uint64_t keys[DP_FDB_WAYS];
	union dp_fdb_cell {
		_Atomic uint64_t word;
		struct {
			_Atomic uint32_t seen_s; /* the one field that workers write */
			uint16_t flags;
			uint16_t port_plus1; /* 0: nothing here */
		};
	} cells[DP_FDB_WAYS];
} __rte_cache_aligned;
static_assert(sizeof(struct dp_fdb_bucket) == 64, "a probe is one cache line");

struct dp_fdb {
	struct dp_fdb_bucket *buckets;
	uint64_t mask; /* buckets - 1, a power of two less one */
	uint64_t seed;
	/* control thread only */
	uint32_t size, n_entries, n_static;
	uint64_t n_full;
	uint32_t sweep_at;
	/* Called for every entry that comes, changes or goes (port_plus1 is 0). May be NULL. */
	void (*changed)(void *ctx, uint64_t key, uint16_t port_plus1);
	void *ctx;
};

/* What a lookup returns: a copy, so that it stays true to itself while the table changes. */
struct dp_fdb_hit {
	_Atomic uint32_t *seen_s;
	uint32_t seen;
	uint16_t flags;
	uint16_t port_plus1; /* 0: a miss */
};

/**
 * errors:  -ENOMEM
 * shape:   size is the number of entries it may hold, 1 to 1 Mi
 * thread:  control
 */
int dp_fdb_new(uint32_t size, struct dp_fdb **ret);
void dp_fdb_free(struct dp_fdb *fdb);

/** Add or change. errors: -ENOSPC (full, counted in n_full). thread: control. */
int dp_fdb_put(struct dp_fdb *fdb, uint64_t key, uint16_t port, uint16_t flags, uint32_t now_s);

/** errors: -ENOENT. thread: control. */
int dp_fdb_remove(struct dp_fdb *fdb, uint64_t key);

/* One entry as a walk sees it. */
struct dp_fdb_line {
	uint64_t key;
	uint32_t seen_s;
	uint16_t port, flags;
};

/**
 * Walk n buckets from *at on, wrapping; fn returns true to remove the entry. Returns how many were
 * removed.
 *
 * thread:  control
 */
unsigned dp_fdb_walk(struct dp_fdb *fdb, uint32_t *at, uint32_t n,
	bool (*fn)(void *ctx, const struct dp_fdb_line *line), void *ctx);

static inline uint32_t dp_fdb_n_buckets(const struct dp_fdb *fdb)
{
	return (uint32_t)fdb->mask + 1;
}

/* fast path */

/** The key of an address; mac must be readable for 8 bytes. Never 0 unless both are. */
static inline uint64_t dp_fdb_key(const uint8_t *mac, uint16_t vlan)
{
	uint64_t word;

	memcpy(&word, mac, sizeof(word));
	return word << 16 | vlan;
}

static inline uint64_t dp_fdb_hash(const struct dp_fdb *fdb, uint64_t key)
{
	uint64_t h = (key ^ fdb->seed) * UINT64_C(0xff51afd7ed558ccd);

	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

static inline struct dp_fdb_bucket *dp_fdb_first(const struct dp_fdb *fdb, uint64_t hash)
{
	return &fdb->buckets[hash & fdb->mask];
}

static inline struct dp_fdb_bucket *dp_fdb_second(const struct dp_fdb *fdb, uint64_t hash)
{
	return &fdb->buckets[hash >> 32 & fdb->mask];
}

static inline bool dp_fdb_probe(struct dp_fdb_bucket *bucket, uint64_t key, struct dp_fdb_hit *ret)
{
	for (unsigned i = 0; i < DP_FDB_WAYS; i++) {
		union dp_fdb_cell cell;
		uint64_t word;

		if (atomic_load_explicit(&bucket->keys[i], memory_order_acquire) != key)
			continue;
		word = atomic_load_explicit(&bucket->cells[i].word, memory_order_acquire);
		/* The slot may have been given to another key in between. */
		if (atomic_load_explicit(&bucket->keys[i], memory_order_relaxed) != key)
			continue;
		atomic_init(&cell.word, word);
		ret->seen_s = &bucket->cells[i].seen_s;
		ret->seen = (uint32_t)word;
		ret->flags = cell.flags;
		ret->port_plus1 = cell.port_plus1;
		return cell.port_plus1 != 0;
	}
	return false;
}

/**
 * return:  whether there is an entry; *ret is its copy, with port_plus1 0 on a miss
 * thread:  any worker, lock-free
 */
static inline bool dp_fdb_find(
	const struct dp_fdb *fdb, uint64_t key, uint64_t hash, struct dp_fdb_hit *ret)
{
	ret->port_plus1 = 0;
	return dp_fdb_probe(dp_fdb_first(fdb, hash), key, ret) ||
	       dp_fdb_probe(dp_fdb_second(fdb, hash), key, ret);
}

static inline void dp_fdb_refresh(const struct dp_fdb_hit *hit, uint32_t now_s)
{
	if (hit->seen != now_s)
		atomic_store_explicit(hit->seen_s, now_s, memory_order_relaxed);
}
