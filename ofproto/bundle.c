/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Changes that happen together: while a bundle is open, flow-mods and group-mods change what the
 * switch knows, each change is noted, and the provider is asked nothing. Then it is asked for all
 * that may fail, new flows before old ones go; then for the rest; and then others are told. Before
 * that, all is undone by the notes. A flow or group has one note of what it was at the begin, so
 * there are no more of them than flows, groups and requests. Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "state.h"

enum kind {
	FLOW_ADDED,
	FLOW_CHANGED,
	FLOW_REMOVED,
	GROUP_ADDED,
	GROUP_CHANGED,
	GROUP_REMOVED,
	GROUP_TOUCHED /* it watches one that is new */
};

/* What a flow was. Its handle is not: the provider has one of it all the time. */
struct old_flow {
	struct of_flow flow;
	struct of_refs *refs;
};

struct of_change {
	uint8_t kind, reason; /* of a removal: OF_RR_* or OF_REMOVED_SILENTLY */
	uint32_t step;
	union {
		struct of_entry *flow;
		struct of_group_entry *group;
	};
	union {
		struct old_flow *old_flow;  /* FLOW_CHANGED */
		struct of_group *old_group; /* GROUP_CHANGED */
	};
	void *staged; /* the provider's; NULL: nothing */
};

#define FIRST_ROOM 16
#define MOST_HELD  256 /* changes for which frames wait: well below a millisecond */

static struct of_change *note(struct of_switch *sw, enum kind kind)
{
	struct of_bundle *bundle = &sw->bundle;
	struct of_change *change = &bundle->changes[bundle->n++];

	*change = (struct of_change){ .kind = (uint8_t)kind, .step = bundle->step };
	return change;
}

static int make_room(struct of_bundle *bundle, size_t n)
{
	size_t room = bundle->room ? 2 * bundle->room : FIRST_ROOM;
	struct of_change *changes;

	if (n <= bundle->room - bundle->n)
		return 0;
	if (room < bundle->n + n)
		room = bundle->n + n;
	changes = realloc(bundle->changes, room * sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	bundle->changes = changes;
	bundle->room = room;
	return 0;
}

int of_bundle_reserve(struct of_switch *sw, size_t n)
{
	if (!sw->bundle.is_open)
		return 0;
	return make_room(&sw->bundle, n == OF_BUNDLE_ALL ? sw->flows.n + sw->groups.n + 1u : n);
}

void of_bundle_note_added(struct of_switch *sw, struct of_entry *entry)
{
	entry->is_noted = 1;
	note(sw, FLOW_ADDED)->flow = entry;
}

void of_bundle_note_removed(struct of_switch *sw, struct of_entry *entry, unsigned reason)
{
	struct of_change *change = note(sw, FLOW_REMOVED);

	change->flow = entry;
	change->reason = (uint8_t)reason;
}

int of_bundle_note_changed(struct of_switch *sw, struct of_entry *entry)
{
	struct of_change *change;
	struct old_flow *old;

	if (entry->is_noted)
		return 0;
	old = make_room(&sw->bundle, 1) < 0 ? NULL : malloc(sizeof(*old));
	if (!old)
		return -ENOMEM;
	*old = (struct old_flow){ entry->flow, entry->refs };
	entry->is_noted = 1;
	change = note(sw, FLOW_CHANGED);
	change->flow = entry;
	change->old_flow = old;
	return 1;
}

void of_bundle_note_group_added(struct of_switch *sw, struct of_group_entry *entry)
{
	sw->bundle.has_groups = true;
	entry->is_noted = true;
	note(sw, GROUP_ADDED)->group = entry;
}

void of_bundle_note_group_removed(struct of_switch *sw, struct of_group_entry *entry)
{
	sw->bundle.has_groups = true;
	entry->is_gone = true;
	note(sw, GROUP_REMOVED)->group = entry;
}

int of_bundle_note_group_changed(struct of_switch *sw, struct of_group_entry *entry)
{
	struct of_change *change;
	struct of_group *old;

	if (entry->is_noted)
		return 0;
	old = make_room(&sw->bundle, 1) < 0 ? NULL : malloc(sizeof(*old));
	if (!old)
		return -ENOMEM;
	*old = entry->group;
	sw->bundle.has_groups = true;
	entry->is_noted = true;
	change = note(sw, GROUP_CHANGED);
	change->group = entry;
	change->old_group = old;
	return 1;
}

void of_switch_bundle_begin(struct of_switch *sw, bool is_atomic)
{
	sw->bundle.is_open = true;
	sw->bundle.is_atomic = is_atomic;
}

void of_switch_bundle_step(struct of_switch *sw, uint32_t step)
{
	sw->bundle.step = step;
}

static void hold(struct of_switch *sw)
{
	struct of_bundle *bundle = &sw->bundle;

	bundle->is_held = bundle->is_atomic && bundle->n > 1 && bundle->n <= MOST_HELD;
	if (bundle->is_held)
		sw->provider->hold(sw->provider_ctx);
}

static void release(struct of_switch *sw)
{
	if (sw->bundle.is_held)
		sw->provider->release(sw->provider_ctx);
	sw->bundle.is_held = false;
}

static void close_bundle(struct of_switch *sw)
{
	release(sw);
	free(sw->bundle.changes);
	sw->bundle = (struct of_bundle){ 0 };
}

/* What the provider is asked for before anything else changes. A row a kind; those that a later
 * change of the bundle took back are not asked for. */

static int new_group(struct of_switch *sw, struct of_change *change, struct of_err *reterr_of)
{
	if (change->kind != GROUP_ADDED || change->group->is_gone)
		return 0;
	return sw->provider->group_new(sw->provider_ctx, &change->group->group);
}

static int stage_group(struct of_switch *sw, struct of_change *change, struct of_err *reterr_of)
{
	if ((change->kind != GROUP_ADDED && change->kind != GROUP_CHANGED &&
		    change->kind != GROUP_TOUCHED) ||
		change->group->is_gone)
		return 0;
	return sw->provider->group_stage(
		sw->provider_ctx, &change->group->group, &change->staged, reterr_of);
}

static int stage_flow(struct of_switch *sw, struct of_change *change, struct of_err *reterr_of)
{
	const struct of_entry *entry = change->flow;

	if (change->kind != FLOW_CHANGED || entry->is_gone)
		return 0;
	return sw->provider->flow_stage(
		sw->provider_ctx, &entry->flow, entry->resets, &change->staged, reterr_of);
}

static int add_flow(struct of_switch *sw, struct of_change *change, struct of_err *reterr_of)
{
	if (change->kind != FLOW_ADDED || change->flow->is_gone)
		return 0;
	return sw->provider->flow_add(sw->provider_ctx, &change->flow->flow, reterr_of);
}

static bool watches_new(const struct of_switch *sw, const struct of_group *group)
{
	for (unsigned i = 0; i < group->n_buckets; i++) {
		const struct of_group_entry *watched =
			group->buckets[i].watch_group == OF_GROUP_ANY
				? NULL
				: of_ids_find(&sw->groups, group->buckets[i].watch_group);

		if (watched && watched->is_noted)
			return true;
	}
	return false;
}

/* Buckets name a watched group by its handle, so who watches a new one is set again. (One that was
 * only changed has the handle that it had, and is set again for nothing.) */
static int touch_watchers(struct of_switch *sw)
{
	for (uint32_t i = 0; sw->bundle.has_groups && i < sw->groups.n; i++) {
		struct of_group_entry *entry = sw->groups.list[i].what;
		int r = entry->is_noted || !watches_new(sw, &entry->group)
				? 0
				: make_room(&sw->bundle, 1);

		if (r < 0)
			return r;
		if (!entry->is_noted && watches_new(sw, &entry->group))
			note(sw, GROUP_TOUCHED)->group = entry;
	}
	return 0;
}

typedef int stage_fn(struct of_switch *sw, struct of_change *change, struct of_err *reterr_of);

static int each(struct of_switch *sw, stage_fn *fn, uint32_t *ret_step, struct of_err *reterr_of)
{
	int r = 0;

	for (size_t i = 0; i < sw->bundle.n && r == 0; i++) {
		struct of_change *change = &sw->bundle.changes[i];

		r = fn(sw, change, reterr_of);
		if (r < 0)
			*ret_step = change->step;
		if (r < 0 && change->kind < GROUP_ADDED)
			r = of_refuse(r, OF_ET_FLOW_MOD_FAILED, OF_FM_TABLE_FULL, OF_FM_UNKNOWN,
				reterr_of);
		else if (r < 0)
			r = of_refuse(r, OF_ET_GROUP_MOD_FAILED, OF_GM_OUT_OF_GROUPS,
				OF_GM_OUT_OF_GROUPS, reterr_of);
	}
	return r;
}

int of_switch_bundle_stage(struct of_switch *sw, uint32_t *ret_step, struct of_err *reterr_of)
{
	int r;

	*ret_step = sw->bundle.step;
	r = each(sw, new_group, ret_step, reterr_of);
	if (r == 0 && touch_watchers(sw) < 0)
		r = of_err_set(reterr_of, OF_ET_GROUP_MOD_FAILED, OF_GM_OUT_OF_GROUPS);
	if (r == 0)
		r = each(sw, stage_group, ret_step, reterr_of);
	if (r == 0)
		r = each(sw, stage_flow, ret_step, reterr_of);
	if (r == 0)
		hold(sw);
	if (r == 0)
		r = each(sw, add_flow, ret_step, reterr_of);
	return r;
}

/* Undo */

static void unstage(struct of_switch *sw, struct of_change *change)
{
	if (change->kind == FLOW_ADDED && change->flow->flow.handle) {
		sw->provider->flow_del(sw->provider_ctx, &change->flow->flow);
		change->flow->flow.handle = NULL;
	}
	if (!change->staged)
		return;
	if (change->kind == FLOW_CHANGED)
		sw->provider->flow_unstage(sw->provider_ctx, &change->flow->flow, change->staged);
	else
		sw->provider->group_unstage(
			sw->provider_ctx, &change->group->group, change->staged);
}

static void undo_add(struct of_switch *sw, struct of_entry *entry)
{
	of_entry_hide(sw, entry);
	of_flow_table_remove(&sw->flows, entry);
	free(TAKE_PTR(entry->refs));
	of_entry_unref(entry);
}

static void undo_change(struct of_switch *sw, struct of_entry *entry, struct old_flow *old)
{
	struct of_flow then = old->flow;

	of_entry_swap(sw, entry, &old->flow.instructions, &old->refs);
	of_instructions_done(&old->flow.instructions);
	free(old->refs);
	free(old);
	then.handle = entry->flow.handle;
	entry->flow = then;
	of_entry_retime(sw, entry);
	entry->is_noted = entry->is_added_over = entry->resets = 0;
}

static void undo_group_change(struct of_group_entry *entry, struct of_group *old)
{
	void *handle = entry->group.handle;

	of_group_buckets_free(&entry->group);
	entry->group = *old;
	entry->group.handle = handle;
	entry->is_noted = false;
	free(old);
}

static void undo(struct of_switch *sw, struct of_change *change)
{
	switch (change->kind) {
	case FLOW_ADDED:
		undo_add(sw, change->flow);
		break;
	case FLOW_CHANGED:
		undo_change(sw, change->flow, change->old_flow);
		break;
	case GROUP_ADDED:
		of_ids_remove(&sw->groups, change->group->group.id);
		break;
	case GROUP_CHANGED:
		undo_group_change(change->group, change->old_group);
		break;
	case GROUP_REMOVED:
		/* It was there, so there is room. */
		(void)of_ids_insert(&sw->groups, change->group->group.id, change->group);
		change->group->is_gone = false;
		break;
	default:
		break;
	}
}

/* New groups go last: no flow of the provider's leads to them any more. */
static void drop_new_groups(struct of_switch *sw)
{
	for (size_t i = 0; i < sw->bundle.n; i++) {
		struct of_change *change = &sw->bundle.changes[i];

		if (change->kind != GROUP_ADDED)
			continue;
		if (change->group->group.handle)
			sw->provider->group_del(sw->provider_ctx, &change->group->group);
		of_group_entry_free(change->group);
	}
}

void of_switch_bundle_abort(struct of_switch *sw, uint64_t now_ns)
{
	struct of_bundle *bundle = &sw->bundle;

	for (size_t i = bundle->n; i-- > 0;)
		unstage(sw, &bundle->changes[i]);
	release(sw);
	for (size_t i = bundle->n; i-- > 0;)
		if (bundle->changes[i].kind == FLOW_REMOVED)
			of_entry_show(sw, bundle->changes[i].flow);
	for (size_t i = bundle->n; i-- > 0;)
		undo(sw, &bundle->changes[i]);
	if (bundle->has_groups)
		of_groups_count_chains(sw);
	drop_new_groups(sw);
	close_bundle(sw);
	of_taught_forgive(&sw->taught);
	of_taught_flush(sw, now_ns);
}

/* Do */

static void apply(struct of_switch *sw, struct of_change *change)
{
	if (!change->staged)
		return;
	if (change->kind == FLOW_CHANGED)
		sw->provider->flow_apply(sw->provider_ctx, &change->flow->flow, change->staged);
	else
		sw->provider->group_apply(sw->provider_ctx, &change->group->group, change->staged);
}

static void apply_all(struct of_switch *sw)
{
	struct of_bundle *bundle = &sw->bundle;

	for (size_t i = 0; i < bundle->n; i++)
		apply(sw, &bundle->changes[i]);
	for (size_t i = 0; i < bundle->n; i++)
		if (bundle->changes[i].kind == FLOW_REMOVED)
			of_entry_bury(sw, bundle->changes[i].flow);
	for (size_t i = 0; i < bundle->n; i++) {
		struct of_change *change = &bundle->changes[i];

		if (change->kind == GROUP_REMOVED && change->group->group.handle)
			sw->provider->group_del(sw->provider_ctx, &change->group->group);
	}
}

static void end_change(
	struct of_switch *sw, struct of_entry *entry, struct old_flow *old, uint64_t now_ns)
{
	if (entry->is_added_over)
		of_entry_tell(sw, entry, OF_FLOW_ADDED, now_ns);
	else if (!of_instructions_equal(&old->flow.instructions, &entry->flow.instructions))
		of_entry_tell(sw, entry, OF_FLOW_MODIFIED, now_ns);
	of_instructions_done(&old->flow.instructions);
	free(old->refs);
	free(old);
}

static void end_group_change(struct of_group *old)
{
	of_group_buckets_free(old);
	free(old);
}

/* The last note of a flow or group is the one that may free it. */
static void end(struct of_switch *sw, struct of_change *change, uint64_t now_ns)
{
	switch (change->kind) {
	case FLOW_ADDED:
		change->flow->is_noted = change->flow->is_added_over = change->flow->resets = 0;
		of_entry_tell(sw, change->flow, OF_FLOW_ADDED, now_ns);
		break;
	case FLOW_CHANGED:
		end_change(sw, change->flow, change->old_flow, now_ns);
		change->flow->is_noted = change->flow->is_added_over = change->flow->resets = 0;
		break;
	case FLOW_REMOVED:
		of_entry_end(sw, change->flow, change->reason, now_ns);
		break;
	case GROUP_ADDED:
		change->group->is_noted = false;
		break;
	case GROUP_CHANGED:
		change->group->is_noted = false;
		end_group_change(change->old_group);
		break;
	case GROUP_REMOVED:
		of_group_entry_free(change->group);
		break;
	default:
		break;
	}
}

/* In their order, so that each is told as of its request. */
static void end_all(struct of_switch *sw, struct of_bundle *bundle, uint64_t now_ns)
{
	for (size_t i = 0; i < bundle->n; i++) {
		struct of_change *change = &bundle->changes[i];

		if (sw->events.step && (i == 0 || change->step != change[-1].step))
			sw->events.step(sw->events.ctx, change->step);
		end(sw, change, now_ns);
	}
}

void of_switch_bundle_commit(struct of_switch *sw, uint64_t now_ns)
{
	struct of_bundle bundle;

	apply_all(sw);
	release(sw);
	bundle = sw->bundle;
	sw->bundle = (struct of_bundle){ 0 };
	end_all(sw, &bundle, now_ns);
	free(bundle.changes);
	of_taught_flush(sw, now_ns);
}
