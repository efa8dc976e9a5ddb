/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups (OpenFlow 1.3.5, 5.6 and 6.7): made, changed, and removed with the flows that refer to
 * them. A group that another one forwards to is not removed alone, so that what a bucket names is
 * there. Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "group.h"

struct op {
	struct of_switch *sw;
	struct of_group_mod *mod;
	uint64_t now_ns;
	struct of_err *reterr_of;
};

static int fail(const struct op *op, enum of_group_mod_failed code)
{
	return of_err_set(op->reterr_of, OF_ET_GROUP_MOD_FAILED, code);
}

static int refuse(const struct op *op, int r)
{
	return of_refuse(
		r, OF_ET_GROUP_MOD_FAILED, OF_GM_OUT_OF_GROUPS, OF_GM_OUT_OF_GROUPS, op->reterr_of);
}

static void buckets_free(struct of_bucket *buckets, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		of_actions_done(&buckets[i].actions);
	free(buckets);
}

void of_group_buckets_free(struct of_group *group)
{
	buckets_free(group->buckets, group->n_buckets);
}

void of_group_entry_free(struct of_group_entry *entry)
{
	of_group_buckets_free(&entry->group);
	free(entry);
}

/* Exchange type and buckets of a request and a group. */
static void swap(struct of_group *group, struct of_group_mod *mod)
{
	struct of_group old = *group;

	group->type = mod->type;
	group->n_buckets = mod->n_buckets;
	group->buckets = mod->buckets;
	mod->type = old.type;
	mod->n_buckets = old.n_buckets;
	mod->buckets = old.buckets;
}

static void chain(void *arg, struct of_group_entry *to)
{
	to->n_chained++;
}

static void unchain(void *arg, struct of_group_entry *to)
{
	to->n_chained--;
}

static int provider_set(const struct op *op, struct of_group *group)
{
	return op->sw->provider->group_set(op->sw->provider_ctx, group, op->reterr_of);
}

static int entry_insert(const struct op *op, struct of_group_entry *entry)
{
	int r = of_ids_insert(&op->sw->groups, op->mod->group, entry);

	if (r < 0)
		return r;
	swap(&entry->group, op->mod);
	if (op->sw->bundle.is_open) {
		of_bundle_note_group_added(op->sw, entry);
		return 0;
	}
	r = provider_set(op, &entry->group);
	if (r < 0) {
		swap(&entry->group, op->mod);
		of_ids_remove(&op->sw->groups, op->mod->group);
	}
	return r;
}

static int add(struct op *op)
{
	struct of_group_entry *entry;
	int r;

	if (of_switch_group(op->sw, op->mod->group))
		return fail(op, OF_GM_GROUP_EXISTS);
	if (op->sw->groups.n >= op->sw->conf.max_groups)
		return fail(op, OF_GM_OUT_OF_GROUPS);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return refuse(op, -ENOMEM);
	entry->group.id = op->mod->group;
	entry->group.made_ns = op->now_ns;
	LIST_INIT(&entry->target.refs);
	r = entry_insert(op, entry);
	if (r < 0) {
		of_group_entry_free(entry);
		return refuse(op, r);
	}
	of_buckets_each_group(op->sw, &entry->group, chain, NULL);
	return 0;
}

static int modify(struct op *op)
{
	struct of_group_entry *entry = of_ids_find(&op->sw->groups, op->mod->group);
	bool in_bundle = op->sw->bundle.is_open;
	struct of_group old;
	int r;

	if (!entry)
		return fail(op, OF_GM_UNKNOWN_GROUP);
	r = in_bundle ? of_bundle_note_group_changed(op->sw, entry) : 0;
	if (r < 0)
		return refuse(op, r);
	bool keeps = r > 0;

	swap(&entry->group, op->mod);
	r = in_bundle ? 0 : provider_set(op, &entry->group);
	if (r < 0) {
		swap(&entry->group, op->mod);
		return refuse(op, r);
	}
	old = (struct of_group){ .n_buckets = op->mod->n_buckets, .buckets = op->mod->buckets };
	of_buckets_each_group(op->sw, &old, unchain, NULL);
	of_buckets_each_group(op->sw, &entry->group, chain, NULL);
	if (!keeps)
		of_group_buckets_free(&old);
	op->mod->buckets = NULL;
	op->mod->n_buckets = 0;
	return 0;
}

static int add_or_modify(struct op *op)
{
	return of_switch_group(op->sw, op->mod->group) ? modify(op) : add(op);
}

/* No flow and no group refers to it. */
static void entry_remove(struct of_switch *sw, struct of_group_entry *entry)
{
	of_ids_remove(&sw->groups, entry->group.id);
	if (sw->bundle.is_open) {
		of_bundle_note_group_removed(sw, entry);
		return;
	}
	sw->provider->group_del(sw->provider_ctx, &entry->group);
	of_group_entry_free(entry);
}

static void unchain_and_list(void *arg, struct of_group_entry *to)
{
	struct of_group_entry **free_ones = arg;

	if (--to->n_chained == 0) {
		to->next = *free_ones;
		*free_ones = to;
	}
}

static void remove_flows(struct of_switch *sw, unsigned reason, uint64_t now_ns)
{
	for (uint32_t i = 0; i < sw->groups.n; i++) {
		struct of_group_entry *entry = sw->groups.list[i].what;

		of_entries_remove_by(sw, &entry->target, reason, now_ns);
	}
}

/* Who forwards goes before whom it forwards to. There is no loop, so all go. */
static void remove_all(struct of_switch *sw)
{
	struct of_group_entry *free_ones = NULL;

	for (uint32_t i = 0; i < sw->groups.n; i++) {
		struct of_group_entry *entry = sw->groups.list[i].what;

		if (entry->n_chained == 0) {
			entry->next = free_ones;
			free_ones = entry;
		}
	}
	while (free_ones) {
		struct of_group_entry *entry = free_ones;

		free_ones = entry->next;
		of_buckets_each_group(sw, &entry->group, unchain_and_list, &free_ones);
		entry_remove(sw, entry);
	}
}

void of_groups_count_chains(struct of_switch *sw)
{
	for (uint32_t i = 0; i < sw->groups.n; i++)
		((struct of_group_entry *)sw->groups.list[i].what)->n_chained = 0;
	for (uint32_t i = 0; i < sw->groups.n; i++) {
		const struct of_group_entry *entry = sw->groups.list[i].what;

		of_buckets_each_group(sw, &entry->group, chain, NULL);
	}
}

void of_groups_clear(struct of_switch *sw, uint64_t now_ns)
{
	remove_flows(sw, OF_REMOVED_SILENTLY, now_ns);
	remove_all(sw);
}

static int delete (struct op *op)
{
	struct of_group_entry *entry = of_ids_find(&op->sw->groups, op->mod->group);

	if (op->mod->n_buckets)
		return fail(op, OF_GM_INVALID_GROUP);
	if (op->mod->group == OF_GROUP_ALL) {
		remove_flows(op->sw, OF_RR_GROUP_DELETE, op->now_ns);
		remove_all(op->sw);
		return 0;
	}
	if (!entry)
		return 0;
	if (entry->n_chained)
		return fail(op, OF_GM_CHAINED_GROUP);
	of_entries_remove_by(op->sw, &entry->target, OF_RR_GROUP_DELETE, op->now_ns);
	of_buckets_each_group(op->sw, &entry->group, unchain, NULL);
	entry_remove(op->sw, entry);
	return 0;
}

static int run(struct op *op)
{
	int r;

	if (op->mod->type > OF_GT_FF)
		return fail(op, OF_GM_BAD_TYPE);
	r = of_bundle_reserve(op->sw, op->mod->command == OF_GC_DELETE ? OF_BUNDLE_ALL : 1);
	if (r < 0)
		return refuse(op, r);
	if (op->mod->command == OF_GC_DELETE)
		return delete (op);
	if (op->mod->command > OF_GC_DELETE && op->mod->command != OF_GC_ADD_OR_MOD)
		return fail(op, OF_GM_BAD_COMMAND);
	r = of_group_check(op->sw, op->mod, op->reterr_of);
	if (r < 0)
		return r;
	if (op->mod->command == OF_GC_ADD_OR_MOD)
		return add_or_modify(op);
	return op->mod->command == OF_GC_ADD ? add(op) : modify(op);
}

int of_switch_group_mod(
	struct of_switch *sw, struct of_group_mod *mod, uint64_t now_ns, struct of_err *reterr_of)
{
	struct of_err ignored;
	struct op op = { sw, mod, now_ns, reterr_of ? reterr_of : &ignored };
	int r = run(&op);

	of_taught_flush(sw, now_ns);
	return r;
}

struct of_group *of_switch_group(const struct of_switch *sw, uint32_t id)
{
	struct of_group_entry *entry = of_ids_find(&sw->groups, id);

	return entry ? &entry->group : NULL;
}
