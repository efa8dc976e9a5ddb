/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Learned flows that go with their teachers: learn(delete_learned) says that when no flow is left
 * that learns with this cookie into this table, the flows of that table with that cookie go too.
 * Control thread.
 */
#pragma once

#include "hash.h"
#include "refs.h"

struct of_taught {
	struct of_target target; /* what teachers refer to */
	struct of_hash_node node;
	TAILQ_ENTRY(of_taught) link; /* while nobody may refer to it any more */
	bool is_listed, is_over;     /* over: somebody did */
	uint64_t cookie;
	uint8_t table;
};

TAILQ_HEAD(of_taughts, of_taught);

struct of_taught_set {
	struct of_hash by_cookie;
	struct of_taughts unused;
};

void of_taught_init(struct of_taught_set *set);

/** The one of that cookie and table; NULL: there is none. */
struct of_taught *of_taught_find(const struct of_taught_set *set, uint64_t cookie, uint8_t table);

/** The same, made if need be; NULL: out of memory. It lives while it is referred to, or until the
 * next flush. */
struct of_taught *of_taught_get(struct of_taught_set *set, uint64_t cookie, uint8_t table);

/** Its last teacher has left. */
void of_taught_drop(struct of_taught_set *set, struct of_taught *taught);

/** What was dropped since the last flush was not: those who referred to it never did. */
void of_taught_forgive(struct of_taught_set *set);

/** At the end of a request: what has no teacher any more goes, and its flows. */
void of_taught_flush(struct of_switch *sw, uint64_t now_ns);
