/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the files of the classifier share. Two halves: what workers read (probes, masks, lines,
 * flows) and what the control thread keeps beside it (groups, priorities, interned masks).
 *
 * Why no worker ever misses a flow that was there during its whole lookup: a lookup loads one
 * pointer, to an array of probes that never changes. When that array was published, each flow of
 * the table was in a slot of the lines of one of its probes, and that probe's max_priority was not
 * below the flow's. From then on the lines are only changed by filling a free slot and by emptying
 * the slot of a flow that is deleted; no flow moves from slot to slot. Whatever moves flows (lines
 * that grow or shrink, a group that is split) makes new lines from the old ones and publishes a new
 * array; the old lines are not written any more, and are freed after a grace period. So a slot that
 * a flow is in stays as it is for as long as any worker may look into it.
 */
#pragma once

#include <stdalign.h>

#include "classifier.h"
#include "hash.h"

/* What is done about many masks depends on how many groups there are: below DP_GROUPS_OWN each mask
 * gets a group; below DP_GROUPS_COARSE the coarse form of a mask gets one; then flows go where they
 * can, and chains of one hash that become longer than DP_CHAIN_MAX (TupleMerge's limit) are split;
 * from DP_GROUPS_MANY on, only those that are longer than DP_CHAIN_LONG. */
#define DP_GROUPS_OWN    8
#define DP_GROUPS_COARSE 16
#define DP_GROUPS_MANY   28
#define DP_GROUPS_MAX    64
#define DP_CHAIN_MAX     40
#define DP_CHAIN_LONG    400

/* Workers read: lines. */

#define DP_LINE_SLOTS 7

/* One cache line of a group's hash table. */
struct dp_line {
	alignas(64) _Atomic uint64_t slots[DP_LINE_SLOTS]; /* dp_line_word(), 0: free */
	_Atomic(struct dp_line *) more;
};
static_assert(sizeof(struct dp_line) == 64, "a probe is one cache line");

struct dp_line_block;

/* The hash table; hash & (n - 1) is the line. */
struct dp_lines {
	uint32_t n;                   /* a power of two */
	struct dp_line_block *blocks; /* what its lines' more points into */
	size_t n_bytes;
	struct dp_line lines[];
};

/* Of the bits of a hash that do not choose the line; not 0, as a free slot has. */
static inline uint64_t dp_line_tag(uint32_t hash)
{
	return hash >> 16 | 0x8000;
}

/* User space's addresses have 47 or 48 bits; its tag is above. */
static inline uint64_t dp_line_word(const struct dp_flow *flow)
{
	return (uint64_t)(uintptr_t)flow | dp_line_tag(flow->hash) << 48;
}

static inline struct dp_flow *dp_line_flow(uint64_t word)
{
	return (struct dp_flow *)(uintptr_t)(word & UINT64_C(0xffffffffffff));
}

/* How many lines n_flows begin with; they double when there are more than DP_LINE_LOAD a line. */
#define DP_LINE_LOAD 4
uint32_t dp_lines_n_for(uint32_t n_flows);

int dp_lines_new(uint32_t n, struct dp_lines **ret);
void dp_lines_free(void *lines);

/** A free slot for that hash, and how many flows of its tag are there; NULL: out of memory. */
_Atomic uint64_t *dp_lines_reserve(struct dp_lines *lines, uint32_t hash, unsigned *ret_chain);

/** Workers find the flow from now on. */
static inline void dp_lines_link(_Atomic uint64_t *slot, const struct dp_flow *flow)
{
	atomic_store_explicit(slot, dp_line_word(flow), memory_order_release);
}

void dp_lines_unlink(struct dp_lines *lines, const struct dp_flow *flow);

/** Up to max flows of the hash's tag; returns how many. */
unsigned dp_lines_same(
	struct dp_lines *lines, uint32_t hash, struct dp_flow *ret_flows[], unsigned max);

/** Call fn for each flow, until it returns below 0; returns that, or 0. */
int dp_lines_each(struct dp_lines *lines, int (*fn)(void *ctx, struct dp_flow *flow), void *ctx);

/* Workers read: probes. */

struct dp_probe {
	const struct dp_mask *mask;
	const struct dp_line *lines;
	uint32_t index; /* number of lines - 1 */
	uint16_t max_priority;
};

/* Highest priority first. */
struct dp_probes {
	uint32_t n;
	uint32_t used;                  /* bit map of words that flows' masks use */
	const struct dp_table *clauses; /* NULL: none */
	struct dp_probe probes[];
};

/* Masks. */

struct dp_mask_entry {
	struct dp_mask_entry *next;
	uint32_t hash;
	uint32_t n_refs; /* flows and groups */
	uint32_t n_flows;
	size_t n_bytes;
	alignas(64) struct dp_mask mask; /* workers read */
};

struct dp_masks {
	struct dp_mask_entry **buckets;
	uint32_t n_buckets, n;
	size_t n_bytes;
};

void dp_masks_done(struct dp_masks *masks);

/** A reference to the one object of that mask. errors: NULL: out of memory. */
const struct dp_mask *dp_masks_get(struct dp_masks *masks, const struct sh_flow_key *mask);
void dp_mask_ref(const struct dp_mask *mask);
void dp_masks_put(
	struct dp_masks *masks, const struct dp_mask *mask, const struct dp_reclaim *reclaim);
void dp_mask_count_flow(const struct dp_mask *mask, int change);
uint32_t dp_masks_n_used(const struct dp_masks *masks); /* by flows */

/** Whether each bit of coarse is one of fine. */
bool dp_mask_covers(const struct dp_mask *coarse, const struct dp_mask *fine);
unsigned dp_mask_n_bits(const struct dp_mask *mask);

/** Packed words (a mask's bits, a flow's values) back at their places. */
void dp_mask_unpack(const struct dp_mask *mask, const uint64_t *packed, struct sh_flow_key *ret);

/** Leave whole bytes of what tells flows apart best: no ports, no small fields, short prefixes. */
void dp_mask_make_coarse(struct sh_flow_key *mask);

static inline uint32_t dp_mask_hash(
	const struct dp_mask *mask, const uint64_t words[SH_KEY_WORDS], uint64_t seed)
{
	uint64_t h = seed;

	for (unsigned i = 0; i < mask->n; i++)
		h = dp_hash_mix(h, words[mask->at[i]] & mask->bits[i]);
	return (uint32_t)(h ^ h >> 32);
}

/* How many flows have which priority, so that the highest is known when one leaves. */
struct dp_priorities {
	uint32_t *pages[256]; /* [256] by the low byte; NULL: none in it */
	uint32_t n_in[256];
	int above; /* the highest plus 1; 0: none */
};

void dp_priorities_done(struct dp_priorities *p);
int dp_priorities_add(struct dp_priorities *p, uint16_t priority); /* errors: -ENOMEM */
void dp_priorities_del(struct dp_priorities *p, uint16_t priority);
size_t dp_priorities_n_bytes(const struct dp_priorities *p);

/* -1: none */
static inline int dp_priorities_max(const struct dp_priorities *p)
{
	return p->above - 1;
}

/* Groups. */

struct dp_mask_group {
	const struct dp_mask *mask;
	struct dp_lines *lines;
	uint32_t n_flows;
	uint32_t n_finer;  /* of them with a mask that is not the group's */
	int published_max; /* what workers see; -1: they do not see the group */
	uint8_t id;
	struct dp_priorities priorities;
};

struct dp_table {
	_Atomic(struct dp_probes *) probes;
	uint64_t seed;
	_Atomic uint32_t n_changes; /* of a table of clauses */
	/* control thread only */
	alignas(64) const struct dp_reclaim *reclaim;
	struct dp_masks masks;
	struct dp_table *clauses;                    /* NULL: never had any */
	struct dp_mask_group *groups[DP_GROUPS_MAX]; /* by id */
	uint32_t n_groups, n_flows;
	size_t flow_bytes;
	uint8_t number;
	bool is_stale; /* what workers see is right, but not the best */
};

/** A group without flows, not yet in the table; takes a reference to the mask. */
int dp_mask_group_new(const struct dp_mask *mask, uint32_t n_lines, struct dp_mask_group **ret);

/** Free it; its lines and its mask after a grace period. It is not published any more. */
void dp_mask_group_retire(struct dp_table *table, struct dp_mask_group *group);

/** Count a flow in whose hash is set, and find it a slot; NULL: out of memory. */
_Atomic uint64_t *dp_mask_group_reserve(
	struct dp_mask_group *group, struct dp_flow *flow, unsigned *ret_chain);
void dp_mask_group_uncount(struct dp_mask_group *group, const struct dp_flow *flow);

/** Give a flow of the table its group and its hash. */
void dp_mask_group_claim(
	const struct dp_table *table, const struct dp_mask_group *group, struct dp_flow *flow);

/** The group for a new flow of that mask, made if need be; NULL: out of memory. */
struct dp_mask_group *dp_table_choose_group(struct dp_table *table, const struct dp_mask *mask);
struct dp_mask_group *dp_table_find_group(const struct dp_table *table, const struct dp_mask *mask);

/** Under its id, or the next free one. */
void dp_table_put_group(struct dp_table *table, struct dp_mask_group *group);
void dp_table_take_group(struct dp_table *table, struct dp_mask_group *group);

/** Make the lines larger or smaller. A failure leaves them as they are. */
void dp_mask_group_resize(struct dp_table *table, struct dp_mask_group *group, uint32_t n_lines);

/** The chain of that hash is long: give some of its masks a group of their own if it helps. */
void dp_mask_group_split(struct dp_table *table, struct dp_mask_group *group, uint32_t hash);

/** Show workers the groups as they are now, and retire empty ones. errors: -ENOMEM, is_stale. */
int dp_table_publish(struct dp_table *table);

static inline void dp_table_defer(const struct dp_table *table, void *p, void (*fn)(void *p))
{
	table->reclaim->defer(table->reclaim->ctx, p, fn);
}

/* Workers. */

/** A lookup among the flows that are no clauses. */
void dp_table_search(const struct dp_table *table, const struct dp_probes *probes,
	const struct sh_flow_key *const keys[], unsigned n, const struct dp_flow *ret[]);

/** What clauses make of a frame that was found *found, or NULL, among the others. */
void dp_conjunction_find(const struct dp_table *table, const struct dp_probes *probes,
	const struct sh_flow_key *key, const struct dp_flow **found);
