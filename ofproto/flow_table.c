/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The index of flows. A table is an array of pages of priorities, each a list of bunches, each a
 * list of flows; a hash table over all tables finds a flow by its key, another one its bunch.
 * Control thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_table.h"

#define PAGE 256

struct of_bunch {
	struct of_hash_node node;
	struct of_level *level;
	TAILQ_ENTRY(of_bunch) in_level;
	struct of_entries entries; /* never empty while the bunch is indexed */
};

struct of_level {
	uint16_t priority;
	uint8_t table;
	TAILQ_HEAD(, of_bunch) bunches;
};

struct of_page {
	unsigned n;
	struct of_level *levels[PAGE];
};

struct of_table {
	uint32_t n_flows;
	struct of_page *pages[PAGE];
};

#define of_node(ptr, type) ((type *)(void *)((char *)(ptr)-offsetof(type, node)))

static const uint64_t *mask_words(const struct of_minimatch *match)
{
	return match->words + match->n;
}

static bool same_mask(const struct of_minimatch *a, const struct of_minimatch *b)
{
	return a->used == b->used &&
	       memcmp(mask_words(a), mask_words(b), a->n * sizeof(*a->words)) == 0;
}

/* Every bit of part is in whole. */
static bool mask_within(const struct of_minimatch *part, const struct of_minimatch *whole)
{
	unsigned i = 0, j = 0;

	if (part->used & ~whole->used)
		return false;
	for (uint32_t left = whole->used; left; left &= left - 1, j++) {
		if (!(part->used & left & -left))
			continue;
		if (mask_words(part)[i++] & ~mask_words(whole)[j])
			return false;
	}
	return true;
}

static uint32_t entry_hash(const struct of_flow_key *key)
{
	return of_hash_add(
		of_minimatch_hash(key->match), (uint64_t)key->table << 16 | key->priority);
}

static uint32_t bunch_hash(const struct of_flow_key *key)
{
	uint32_t hash = of_hash_add(key->match->used, (uint64_t)key->table << 16 | key->priority);

	for (unsigned i = 0; i < key->match->n; i++)
		hash = of_hash_add(hash, mask_words(key->match)[i]);
	return hash;
}

static struct of_flow_key key_of(const struct of_entry *entry)
{
	return (struct of_flow_key){ entry->flow.match, entry->flow.priority, entry->flow.table };
}

struct of_entry *of_flow_table_find(
	const struct of_flow_table *flows, const struct of_flow_key *key)
{
	struct of_hash_node *node = of_hash_first(&flows->entries, entry_hash(key));

	for (; node; node = of_hash_next(node)) {
		struct of_entry *entry = of_node(node, struct of_entry);

		if (entry->flow.table == key->table && entry->flow.priority == key->priority &&
			!entry->is_gone && of_minimatch_equal(entry->flow.match, key->match))
			return entry;
	}
	return NULL;
}

static struct of_bunch *bunch_find(const struct of_flow_table *flows, const struct of_flow_key *key)
{
	struct of_hash_node *node = of_hash_first(&flows->bunches, bunch_hash(key));

	for (; node; node = of_hash_next(node)) {
		struct of_bunch *bunch = of_node(node, struct of_bunch);
		const struct of_entry *entry = TAILQ_FIRST(&bunch->entries);

		if (bunch->level->table == key->table && bunch->level->priority == key->priority &&
			same_mask(entry->flow.match, key->match))
			return bunch;
	}
	return NULL;
}

static struct of_level *level_find(
	const struct of_flow_table *flows, uint8_t table, uint16_t priority)
{
	const struct of_table *t = flows->tables[table];
	const struct of_page *page = t ? t->pages[priority / PAGE] : NULL;

	return page ? page->levels[priority % PAGE] : NULL;
}

/* Forget a level without bunches, and its page with the last one; either may be half made. */
static void level_put(struct of_flow_table *flows, uint8_t table, uint16_t priority)
{
	struct of_table *t = flows->tables[table];
	struct of_page *page = t->pages[priority / PAGE];
	struct of_level *level = page->levels[priority % PAGE];

	if (level && TAILQ_EMPTY(&level->bunches)) {
		page->levels[priority % PAGE] = NULL;
		page->n--;
		free(level);
	}
	if (page->n == 0) {
		t->pages[priority / PAGE] = NULL;
		free(page);
	}
}

static void *made(void *slot, size_t size)
{
	void **at = slot;

	if (!*at)
		*at = calloc(1, size);
	return *at;
}

static struct of_level *level_get(struct of_flow_table *flows, uint8_t table, uint16_t priority)
{
	struct of_table *t = made(&flows->tables[table], sizeof(*t));
	struct of_page *page = t ? made(&t->pages[priority / PAGE], sizeof(*page)) : NULL;
	struct of_level *level = page ? page->levels[priority % PAGE] : NULL;

	if (!page || level)
		return level;
	level = calloc(1, sizeof(*level));
	if (!level) {
		level_put(flows, table, priority);
		return NULL;
	}
	level->priority = priority;
	level->table = table;
	TAILQ_INIT(&level->bunches);
	page->levels[priority % PAGE] = level;
	page->n++;
	return level;
}

static struct of_bunch *bunch_get(struct of_flow_table *flows, const struct of_flow_key *key)
{
	struct of_bunch *bunch = bunch_find(flows, key);

	if (bunch)
		return bunch;
	bunch = calloc(1, sizeof(*bunch));
	if (!bunch)
		return NULL;
	bunch->level = level_get(flows, key->table, key->priority);
	if (!bunch->level) {
		free(bunch);
		return NULL;
	}
	TAILQ_INIT(&bunch->entries);
	TAILQ_INSERT_TAIL(&bunch->level->bunches, bunch, in_level);
	of_hash_insert(&flows->bunches, &bunch->node, bunch_hash(key));
	return bunch;
}

static void bunch_put(struct of_flow_table *flows, struct of_bunch *bunch)
{
	struct of_level *level = bunch->level;

	if (!TAILQ_EMPTY(&bunch->entries))
		return;
	of_hash_remove(&flows->bunches, &bunch->node);
	TAILQ_REMOVE(&level->bunches, bunch, in_level);
	free(bunch);
	level_put(flows, level->table, level->priority);
}

int of_flow_table_insert(struct of_flow_table *flows, struct of_entry *entry)
{
	struct of_flow_key key = key_of(entry);
	struct of_bunch *bunch = bunch_get(flows, &key);

	if (!bunch)
		return -ENOMEM;
	entry->bunch = bunch;
	TAILQ_INSERT_TAIL(&bunch->entries, entry, in_bunch);
	of_hash_insert(&flows->entries, &entry->node, entry_hash(&key));
	of_flow_table_show(flows, entry);
	return 0;
}

void of_flow_table_show(struct of_flow_table *flows, struct of_entry *entry)
{
	entry->is_gone = 0;
	flows->tables[entry->flow.table]->n_flows++;
	flows->n++;
}

void of_flow_table_hide(struct of_flow_table *flows, struct of_entry *entry)
{
	entry->is_gone = 1;
	flows->tables[entry->flow.table]->n_flows--;
	flows->n--;
}

void of_flow_table_remove(struct of_flow_table *flows, struct of_entry *entry)
{
	if (!entry->is_gone)
		of_flow_table_hide(flows, entry);
	of_hash_remove(&flows->entries, &entry->node);
	TAILQ_REMOVE(&entry->bunch->entries, entry, in_bunch);
	bunch_put(flows, entry->bunch);
	entry->bunch = NULL;
}

uint32_t of_flow_table_n(const struct of_flow_table *flows, uint8_t table)
{
	return table < OF_N_TABLES && flows->tables[table] ? flows->tables[table]->n_flows : 0;
}

void of_flow_table_done(struct of_flow_table *flows)
{
	assert(flows->n == 0);
	for (unsigned i = 0; i < OF_N_TABLES; i++)
		free(flows->tables[i]);
	of_hash_done(&flows->entries);
	of_hash_done(&flows->bunches);
	*flows = (struct of_flow_table){ 0 };
}

static bool bunch_overlaps(const struct of_bunch *bunch, const struct of_minimatch *match)
{
	const struct of_entry *entry = TAILQ_FIRST(&bunch->entries);

	if (same_mask(entry->flow.match, match))
		return false;
	for (; entry; entry = TAILQ_NEXT(entry, in_bunch))
		if (!entry->is_gone && of_minimatch_overlaps(entry->flow.match, match))
			return true;
	return false;
}

bool of_flow_table_overlaps(const struct of_flow_table *flows, const struct of_flow_key *key)
{
	const struct of_level *level = level_find(flows, key->table, key->priority);
	const struct of_bunch *bunch;

	if (!level)
		return false;
	TAILQ_FOREACH (bunch, &level->bunches, in_level)
		if (bunch_overlaps(bunch, key->match))
			return true;
	return false;
}

struct walk {
	struct of_flow_table *flows;
	const struct of_minimatch *match;
	const struct of_entry *after; /* begin behind it; NULL: with the first */
	int (*fn)(void *arg, struct of_entry *entry);
	void *arg;
};

/* The last of its flows takes the bunch with it, and the last bunch the level: what comes next is
 * read before fn is called, and nothing behind it. */
static int walk_bunch(const struct walk *walk, struct of_bunch *bunch)
{
	struct of_entry *entry = TAILQ_FIRST(&bunch->entries), *next;
	struct of_flow_key key = { walk->match, bunch->level->priority, bunch->level->table };
	bool goes_on = walk->after && walk->after->bunch == bunch;
	int r = 0;

	if (!mask_within(walk->match, entry->flow.match))
		return 0;
	if (same_mask(walk->match, entry->flow.match)) {
		entry = goes_on ? NULL : of_flow_table_find(walk->flows, &key);
		return entry ? walk->fn(walk->arg, entry) : 0;
	}
	if (goes_on)
		entry = TAILQ_NEXT(walk->after, in_bunch);
	for (; entry && r == 0; entry = next) {
		next = TAILQ_NEXT(entry, in_bunch);
		if (!entry->is_gone && of_minimatch_covers(walk->match, entry->flow.match))
			r = walk->fn(walk->arg, entry);
	}
	return r;
}

static int walk_level(const struct walk *walk, struct of_level *level)
{
	struct of_bunch *bunch = TAILQ_FIRST(&level->bunches), *next;
	int r = 0;

	if (walk->after && walk->after->bunch->level == level)
		bunch = walk->after->bunch;
	for (; bunch && r == 0; bunch = next) {
		next = TAILQ_NEXT(bunch, in_level);
		r = walk_bunch(walk, bunch);
	}
	return r;
}

/* Pages go with their last level, so each is looked up anew. */
static int walk_page(const struct walk *walk, uint8_t table, unsigned page)
{
	const struct of_table *t = walk->flows->tables[table];
	unsigned end = PAGE;
	int r = 0;

	if (walk->after && walk->after->flow.table == table &&
		walk->after->flow.priority / PAGE == page)
		end = walk->after->flow.priority % PAGE + 1;
	for (unsigned i = end; i-- > 0 && r == 0 && t->pages[page];) {
		struct of_level *level = t->pages[page]->levels[i];

		r = level ? walk_level(walk, level) : 0;
	}
	return r;
}

static int walk_table(const struct walk *walk, uint8_t table)
{
	unsigned end = PAGE;
	int r = 0;

	if (walk->after && walk->after->flow.table == table)
		end = walk->after->flow.priority / PAGE + 1;
	for (unsigned i = end; i-- > 0 && r == 0 && of_flow_table_n(walk->flows, table);)
		r = walk_page(walk, table, i);
	return r;
}

int of_flow_table_each(struct of_flow_table *flows, uint8_t table, const struct of_minimatch *match,
	int (*fn)(void *arg, struct of_entry *entry), void *arg)
{
	return of_flow_table_each_after(flows, table, match, NULL, fn, arg);
}

int of_flow_table_each_after(struct of_flow_table *flows, uint8_t table,
	const struct of_minimatch *match, const struct of_entry *after,
	int (*fn)(void *arg, struct of_entry *entry), void *arg)
{
	struct walk walk = { flows, match, after, fn, arg };
	int r = 0;

	if (table != OF_TABLE_ALL)
		return walk_table(&walk, table);
	for (unsigned i = after ? after->flow.table : 0; i < OF_N_TABLES && r == 0; i++)
		r = walk_table(&walk, (uint8_t)i);
	return r;
}
