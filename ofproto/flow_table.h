/* SPDX-License-Identifier: BSD-3-Clause
 *
 * All flows of a switch, ordered by table and priority, and within a priority by mask: flows of
 * one table, priority and mask are a bunch. One of them is found by its match at once, two of them
 * never overlap, and a request whose mask asks for more than theirs passes all of them by.
 */
#pragma once

#include <sys/queue.h>

#include "hash.h"
#include "ofproto/switch.h"

struct of_refs;

/* A flow and what holds it. At a million of them every byte counts. */
struct of_entry {
	struct of_flow flow;
	struct of_hash_node node;
	uint32_t n_pins : 26;                     /* of replies that are being written */
	uint32_t is_timed : 1, ends_with_tcp : 1; /* it is in `expiring`; it has a fin_timeout */
	/* by the open bundle (bundle.c): removed, still indexed; what it did is kept; */
	uint32_t is_gone : 1, is_noted : 1;
	uint32_t is_added_over : 1, resets : 1; /* and by what; its counts are to begin again */
	struct of_bunch *bunch;                 /* NULL: it was removed */
	struct of_refs *refs;                   /* to groups and a meter; NULL: none */
	union {
		struct {
			TAILQ_ENTRY(of_entry) in_bunch, expiring;
		};
		struct of_counts last; /* of one that was removed */
	};
};

static_assert(sizeof(struct of_entry) <= 200, "a million flows fit in memory");

TAILQ_HEAD(of_entries, of_entry);

struct of_flow_table {
	uint32_t n;
	struct of_hash entries, bunches;
	struct of_table *tables[OF_N_TABLES]; /* NULL: never had a flow */
};

/* What a flow is found by. */
struct of_flow_key {
	const struct of_minimatch *match;
	uint16_t priority;
	uint8_t table;
};

/* All zeros is an empty one; done when it is empty again. */
void of_flow_table_done(struct of_flow_table *flows);

/** errors: -ENOMEM. Its key must not be there. */
int of_flow_table_insert(struct of_flow_table *flows, struct of_entry *entry);
void of_flow_table_remove(struct of_flow_table *flows, struct of_entry *entry);

/* What is hidden is found by nobody, but is back by show, which cannot fail; remove takes it too.
 */
void of_flow_table_hide(struct of_flow_table *flows, struct of_entry *entry);
void of_flow_table_show(struct of_flow_table *flows, struct of_entry *entry);
uint32_t of_flow_table_n(const struct of_flow_table *flows, uint8_t table);

struct of_entry *of_flow_table_find(
	const struct of_flow_table *flows, const struct of_flow_key *key);

/** Some flow of the same priority and another match that a frame could match too. */
bool of_flow_table_overlaps(const struct of_flow_table *flows, const struct of_flow_key *key);

/**
 * Call fn with each flow of a table, or of OF_TABLE_ALL, that a match covers: tables upwards,
 * priorities downwards. fn may remove the flow that it is given, and no other.
 *
 * return:  what fn returned when it was not 0; then no more are visited
 */
int of_flow_table_each(struct of_flow_table *flows, uint8_t table, const struct of_minimatch *match,
	int (*fn)(void *arg, struct of_entry *entry), void *arg);

/** The same from the flow behind another on: one that is indexed, of the table if there is one
 * only. It costs nothing to come there. after: NULL for all */
int of_flow_table_each_after(struct of_flow_table *flows, uint8_t table,
	const struct of_minimatch *match, const struct of_entry *after,
	int (*fn)(void *arg, struct of_entry *entry), void *arg);
