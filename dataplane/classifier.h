/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One OpenFlow table as workers search it: for a key, the flow of the highest priority whose match
 * it satisfies. Flows are grouped by mask; a group is a hash table over the words that its mask
 * uses; groups are searched in the order of their highest priority, and no further than one can
 * still win. Masks that are finer than a group's may live in it (TupleMerge), so that many masks
 * do not mean many probes.
 *
 * Flows that are clauses of conjunctions (ovs-fields(7)) stand apart, in a table of their own that
 * is only searched while it has any: classifier_conjunction.c.
 *
 * One writer, the control thread, changes entries in place; any number of workers search
 * meanwhile, without a lock. What is unlinked is freed by the caller's deferral once no worker can
 * still see it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/flow_key.h"

struct dp_program;
struct dp_table;

#define DP_TABLE_BURST 32 /* keys of one lookup */

/* The words that a mask uses; one object for all flows with that mask, never changed. */
struct dp_mask {
	uint32_t used; /* bit map of words */
	uint8_t n;
	uint8_t at[SH_KEY_WORDS]; /* which words, ascending */
	uint64_t bits[];          /* [n] */
};

struct dp_flow {
	_Atomic(const struct dp_program *)
		program; /* the caller's: it may change it and frees it */
	const struct dp_mask *mask;
	uint64_t cookie;
	uint32_t slot; /* of its counters */
	uint32_t hash; /* under its group's mask; the table's own */
	uint16_t priority;
	uint8_t table;
	uint8_t group;     /* the table's own */
	bool is_clause;    /* its program is made of conjunctions */
	uint64_t values[]; /* [mask->n], 0 outside the mask; behind them the owner */
};

/** What the control thread keeps with a flow: it lies where no worker looks. */
static inline void **dp_flow_owner(const struct dp_flow *flow)
{
	return (void **)(uintptr_t)&flow->values[flow->mask->n];
}

/** What it was added with. */
void dp_flow_get_match(
	const struct dp_flow *flow, struct sh_flow_key *ret_value, struct sh_flow_key *ret_mask);

/* How what workers may still read is freed later: fn(p) after a grace period. Never blocks. */
struct dp_reclaim {
	void (*defer)(void *ctx, void *p, void (*fn)(void *p));
	void *ctx;
};

/* reclaim must outlive the table; number is what its flows say in table. errors: -ENOMEM */
int dp_table_new(const struct dp_reclaim *reclaim, uint8_t number, struct dp_table **ret);
void dp_table_free(struct dp_table *table); /* no worker sees it; flows in it are freed too */

/**
 * Make a flow and link it. Workers find it from now on; it stays where it is until it is deleted.
 *
 * shape:   value's bits outside the mask are 0; no flow of the same match and priority is there
 * errors:  -ENOMEM, nothing changed
 * thread:  control
 */
int dp_table_add(struct dp_table *table, const struct sh_flow_key *value,
	const struct sh_flow_key *mask, uint16_t priority, uint64_t cookie, uint32_t slot,
	const struct dp_program *program, struct dp_flow **ret);

#define DP_CLAUSE_MASKS 512 /* different masks of a table's clauses */

/**
 * The same for a clause, whose program is_clause. A frame that clauses of one priority, above that
 * of the flow that it matches otherwise, are complete for matches as if its conj_id was theirs.
 *
 * errors:  -ENOMEM, -ENOSPC (DP_CLAUSE_MASKS), nothing changed
 * thread:  control
 */
int dp_table_add_clause(struct dp_table *table, const struct sh_flow_key *value,
	const struct sh_flow_key *mask, uint16_t priority, uint64_t cookie, uint32_t slot,
	const struct dp_program *program, struct dp_flow **ret);

/** A clause of the table was given another program. thread: control. */
void dp_table_clause_changed(struct dp_table *table);

/** Unlink, and free after a grace period. thread: control. */
void dp_table_del(struct dp_table *table, struct dp_flow *flow);

/**
 * Look up a burst: hash all, prefetch all, compare all, group by group.
 *
 * shape:   keys[n], ret[n] (NULL where nothing matches), n <= DP_TABLE_BURST
 * return:  none
 * errors:  none
 * thread:  any worker, lock-free; entries change under it (single writer, QSBR)
 * source:  tuple space search, SIGCOMM 1999; TupleMerge, ToN 2019
 */
void dp_table_lookup(const struct dp_table *table, const struct sh_flow_key *const keys[],
	unsigned n, const struct dp_flow *ret[]);

/**
 * The clauses by which a lookup finds what it finds.
 *
 * shape:   ret[max]
 * return:  how many; 0 when it was no conjunction that led to it
 * thread:  any worker, or control
 */
unsigned dp_table_clauses(const struct dp_table *table, const struct sh_flow_key *key,
	const struct dp_flow *ret[], unsigned max);

/**
 * The words of keys that a lookup may look at.
 *
 * return:  a bit map; a flow that is linked after this may look at more
 * thread:  any worker, lock-free
 */
uint32_t dp_table_used(const struct dp_table *table);

struct dp_table_info {
	uint32_t n_flows, n_masks; /* masks that flows have */
	uint32_t n_groups;         /* probes that a miss costs */
	size_t bytes;              /* of memory, flows included */
};
void dp_table_get_info(const struct dp_table *table, struct dp_table_info *ret);
