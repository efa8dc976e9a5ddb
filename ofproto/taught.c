/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who still teaches flows of a cookie in a table. Flows are not removed where a teacher is, for
 * that may be in a walk over flows, but when the request is done. Control thread.
 */
#include <stdlib.h>

#include "state.h"

void of_taught_init(struct of_taught_set *set)
{
	TAILQ_INIT(&set->unused);
}

static uint32_t hash_of(uint64_t cookie, uint8_t table)
{
	return of_hash_add(table, cookie);
}

static struct of_taught *taught_of(struct of_hash_node *node)
{
	return node ? (struct of_taught *)((uintptr_t)node - offsetof(struct of_taught, node))
		    : NULL;
}

struct of_taught *of_taught_find(const struct of_taught_set *set, uint64_t cookie, uint8_t table)
{
	struct of_hash_node *node = of_hash_first(&set->by_cookie, hash_of(cookie, table));

	for (; node; node = of_hash_next(node)) {
		struct of_taught *taught = taught_of(node);

		if (taught->cookie == cookie && taught->table == table)
			return taught;
	}
	return NULL;
}

static void list(struct of_taught_set *set, struct of_taught *taught)
{
	if (!taught->is_listed)
		TAILQ_INSERT_TAIL(&set->unused, taught, link);
	taught->is_listed = true;
}

struct of_taught *of_taught_get(struct of_taught_set *set, uint64_t cookie, uint8_t table)
{
	struct of_taught *taught = of_taught_find(set, cookie, table);

	if (taught)
		return taught;
	taught = calloc(1, sizeof(*taught));
	if (!taught)
		return NULL;
	taught->target.is_taught = true;
	taught->cookie = cookie;
	taught->table = table;
	of_hash_insert(&set->by_cookie, &taught->node, hash_of(cookie, table));
	list(set, taught);
	return taught;
}

void of_taught_drop(struct of_taught_set *set, struct of_taught *taught)
{
	taught->is_over = true;
	list(set, taught);
}

struct removal {
	struct of_switch *sw;
	uint64_t cookie, now_ns;
};

static int remove_one(void *arg, struct of_entry *entry)
{
	struct removal *removal = arg;

	if (entry->flow.cookie == removal->cookie)
		of_entry_remove(removal->sw, entry, OF_RR_DELETE, removal->now_ns);
	return 0;
}

static void end(struct of_switch *sw, struct of_taught *taught, uint64_t now_ns)
{
	static const struct of_minimatch everything;
	struct removal removal = { sw, taught->cookie, now_ns };

	of_hash_remove(&sw->taught.by_cookie, &taught->node);
	if (taught->is_over)
		(void)of_flow_table_each(
			&sw->flows, taught->table, &everything, remove_one, &removal);
	free(taught);
}

void of_taught_forgive(struct of_taught_set *set)
{
	struct of_taught *taught;

	TAILQ_FOREACH (taught, &set->unused, link)
		taught->is_over = false;
}

/* Within a bundle what is over may be back before its end. */
void of_taught_flush(struct of_switch *sw, uint64_t now_ns)
{
	struct of_taught *taught;

	if (sw->bundle.is_open)
		return;
	while ((taught = TAILQ_FIRST(&sw->taught.unused))) {
		TAILQ_REMOVE(&sw->taught.unused, taught, link);
		taught->is_listed = false;
		if (taught->target.n)
			taught->is_over = false;
		else
			end(sw, taught, now_ns);
	}
}
