/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The rules of groups: types and their buckets, what they watch, and that no group forwards to
 * itself, by whatever way. Groups name each other by number; a walk marks whom it has met. Control
 * thread.
 */
#include <errno.h>

#include "group.h"

static int fail(struct of_err *reterr_of, enum of_group_mod_failed code)
{
	return of_err_set(reterr_of, OF_ET_GROUP_MOD_FAILED, code);
}

static bool watches(const struct of_bucket *bucket)
{
	return bucket->watch_port != OF_PORT_ANY || bucket->watch_group != OF_GROUP_ANY;
}

static bool is_port(const struct of_switch *sw, uint32_t port)
{
	return (port > 0 && port <= sw->conf.max_port) || port == OF_PORT_LOCAL;
}

/* Only where the standard asks for them are they looked at: controllers in use leave zeros in the
 * buckets of select groups. */
static int check_watch(
	struct of_switch *sw, const struct of_bucket *bucket, struct of_err *reterr_of)
{
	if (!watches(bucket))
		return fail(reterr_of, OF_GM_INVALID_GROUP);
	if (bucket->watch_port != OF_PORT_ANY && !is_port(sw, bucket->watch_port))
		return fail(reterr_of, OF_GM_BAD_WATCH);
	if (bucket->watch_group != OF_GROUP_ANY && !of_switch_group(sw, bucket->watch_group))
		return fail(reterr_of, OF_GM_BAD_WATCH);
	return 0;
}

static int check_bucket(struct of_switch *sw, const struct of_group_mod *mod,
	const struct of_bucket *bucket, struct of_err *reterr_of)
{
	if (bucket->weight && mod->type != OF_GT_SELECT)
		return fail(reterr_of, OF_GM_INVALID_GROUP);
	if (mod->type == OF_GT_FF)
		return check_watch(sw, bucket, reterr_of);
	if (mod->type != OF_GT_SELECT && watches(bucket))
		return fail(reterr_of, OF_GM_WATCH_UNSUPPORTED);
	return 0;
}

/* Whether a select group could ever select: without buckets it drops, and means to. */
static bool weighs(const struct of_group_mod *mod)
{
	for (unsigned i = 0; i < mod->n_buckets; i++)
		if (mod->buckets[i].weight)
			return true;
	return mod->n_buckets == 0;
}

/* A group of the same number counts as there: whether that is a loop is another question. */
static int check_actions(struct of_switch *sw, const struct of_group_mod *mod,
	const struct of_actions *actions, struct of_err *reterr_of)
{
	for (unsigned i = 0; i < actions->n; i++) {
		const struct of_action *action = &actions->list[i];

		if (action->type == OF_ACTION_GROUP && action->group != mod->group &&
			!of_switch_group(sw, action->group))
			return of_err_set(reterr_of, OF_ET_BAD_ACTION, OF_BA_BAD_OUT_GROUP);
	}
	return 0;
}

/* Groups that were met and whose buckets are still to be looked at. */
struct walk {
	struct of_switch *sw;
	uint32_t wanted;
	struct of_group_entry *rest;
	bool is_found;
};

static void meet(struct walk *walk, uint32_t id)
{
	struct of_group_entry *group = of_ids_find(&walk->sw->groups, id);

	if (id == walk->wanted)
		walk->is_found = true;
	if (!group || !of_target_is_fresh(&group->target, walk->sw->mark))
		return;
	group->next = walk->rest;
	walk->rest = group;
}

/* Watching counts: whether a group is alive may not hang on itself. */
static void meet_buckets(struct walk *walk, const struct of_bucket *buckets, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct of_actions *actions = &buckets[i].actions;

		for (unsigned j = 0; j < actions->n; j++)
			if (actions->list[j].type == OF_ACTION_GROUP)
				meet(walk, actions->list[j].group);
		if (buckets[i].watch_group != OF_GROUP_ANY)
			meet(walk, buckets[i].watch_group);
	}
}

static bool makes_loop(struct of_switch *sw, const struct of_group_mod *mod)
{
	struct walk walk = { .sw = sw, .wanted = mod->group };

	sw->mark++;
	meet_buckets(&walk, mod->buckets, mod->n_buckets);
	while (walk.rest && !walk.is_found) {
		const struct of_group_entry *group = walk.rest;

		walk.rest = group->next;
		meet_buckets(&walk, group->group.buckets, group->group.n_buckets);
	}
	return walk.is_found;
}

int of_group_check(struct of_switch *sw, const struct of_group_mod *mod, struct of_err *reterr_of)
{
	int r = 0;

	if (mod->group > OF_GROUP_MAX)
		return fail(reterr_of, OF_GM_INVALID_GROUP);
	if (mod->type == OF_GT_INDIRECT && mod->n_buckets != 1)
		return fail(reterr_of, OF_GM_INVALID_GROUP);
	if (mod->type == OF_GT_SELECT && !weighs(mod))
		return fail(reterr_of, OF_GM_INVALID_GROUP);
	if (mod->n_buckets > OF_MAX_BUCKETS)
		return fail(reterr_of, OF_GM_OUT_OF_BUCKETS);
	for (unsigned i = 0; i < mod->n_buckets && r == 0; i++)
		r = check_bucket(sw, mod, &mod->buckets[i], reterr_of);
	for (unsigned i = 0; i < mod->n_buckets && r == 0; i++)
		r = check_actions(sw, mod, &mod->buckets[i].actions, reterr_of);
	if (r == 0 && makes_loop(sw, mod))
		r = fail(reterr_of, OF_GM_LOOP);
	return r;
}

void of_buckets_each_group(struct of_switch *sw, const struct of_group *group,
	void (*fn)(void *arg, struct of_group_entry *to), void *arg)
{
	sw->mark++;
	for (unsigned i = 0; i < group->n_buckets; i++) {
		const struct of_actions *actions = &group->buckets[i].actions;

		for (unsigned j = 0; j < actions->n; j++) {
			struct of_group_entry *to =
				actions->list[j].type == OF_ACTION_GROUP
					? of_ids_find(&sw->groups, actions->list[j].group)
					: NULL;

			if (to && of_target_is_fresh(&to->target, sw->mark))
				fn(arg, to);
		}
	}
}
