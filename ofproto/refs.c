/* SPDX-License-Identifier: BSD-3-Clause
 *
 * References of flows to groups and meters: one block a flow, each of its members in the list of
 * what it refers to. Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "ofproto/learn.h"
#include "state.h"

bool of_target_is_fresh(struct of_target *target, uint64_t mark)
{
	if (target->mark == mark)
		return false;
	target->mark = mark;
	return true;
}

static bool teaches(const struct of_action *action)
{
	return action->type == OF_ACTION_LEARN && action->learn->flags & OF_LEARN_DELETE_LEARNED;
}

/* At the most. */
static uint32_t count_targets(const struct of_actions *actions)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < actions->n; i++)
		n += actions->list[i].type == OF_ACTION_GROUP || teaches(&actions->list[i]);
	return n;
}

static void add_target(struct of_refs *refs, struct of_target *target, uint64_t mark)
{
	if (of_target_is_fresh(target, mark))
		refs->refs[refs->n++].target = target;
}

static int add_groups(struct of_switch *sw, struct of_refs *refs, const struct of_actions *actions,
	struct of_err *reterr_of)
{
	for (unsigned i = 0; i < actions->n; i++) {
		const struct of_action *action = &actions->list[i];
		struct of_group_entry *group;

		if (action->type != OF_ACTION_GROUP)
			continue;
		group = of_ids_find(&sw->groups, action->group);
		if (!group)
			return of_err_set(reterr_of, OF_ET_BAD_ACTION, OF_BA_BAD_OUT_GROUP);
		add_target(refs, &group->target, sw->mark);
	}
	return 0;
}

static int add_taught(struct of_switch *sw, struct of_refs *refs, const struct of_actions *actions)
{
	for (unsigned i = 0; i < actions->n; i++) {
		const struct of_learn *learn = actions->list[i].learn;
		struct of_taught *taught;

		if (!teaches(&actions->list[i]))
			continue;
		taught = of_taught_get(&sw->taught, learn->cookie, learn->table);
		if (!taught)
			return -ENOMEM;
		add_target(refs, &taught->target, sw->mark);
	}
	return 0;
}

static int add_meter(struct of_switch *sw, struct of_refs *refs,
	const struct of_instructions *instructions, struct of_err *reterr_of)
{
	struct of_meter_entry *meter;

	if (!instructions->has_meter)
		return 0;
	meter = of_ids_find(&sw->meters, instructions->meter);
	if (!meter)
		return of_err_set(reterr_of, OF_ET_METER_MOD_FAILED, OF_MM_INVALID_METER);
	add_target(refs, &meter->target, sw->mark);
	return 0;
}

int of_refs_new(struct of_switch *sw, const struct of_instructions *instructions,
	struct of_refs **ret, struct of_err *reterr_of)
{
	uint32_t most = count_targets(&instructions->apply) + count_targets(&instructions->write) +
			instructions->has_meter;
	struct of_refs *refs;
	int r;

	*ret = NULL;
	if (most == 0)
		return 0;
	refs = calloc(1, sizeof(*refs) + most * sizeof(*refs->refs));
	if (!refs)
		return -ENOMEM;
	sw->mark++;
	r = add_meter(sw, refs, instructions, reterr_of);
	r = r < 0 ? r : add_groups(sw, refs, &instructions->apply, reterr_of);
	r = r < 0 ? r : add_groups(sw, refs, &instructions->write, reterr_of);
	r = r < 0 ? r : add_taught(sw, refs, &instructions->apply);
	if (r < 0) {
		free(refs);
		return r;
	}
	*ret = refs;
	return 0;
}

void of_refs_link(struct of_refs *refs, struct of_entry *entry)
{
	for (uint32_t i = 0; refs && i < refs->n; i++) {
		struct of_ref *ref = &refs->refs[i];

		ref->entry = entry;
		LIST_INSERT_HEAD(&ref->target->refs, ref, link);
		ref->target->n++;
	}
}

void of_refs_unlink(struct of_switch *sw, struct of_refs *refs)
{
	for (uint32_t i = 0; refs && i < refs->n; i++) {
		struct of_target *target = refs->refs[i].target;

		LIST_REMOVE(&refs->refs[i], link);
		if (--target->n == 0 && target->is_taught)
			of_taught_drop(&sw->taught, (struct of_taught *)target);
	}
}
