/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Flow-mods (OpenFlow 1.3.5, 6.4). A request is checked, then everything that may fail is done,
 * then what was there before is let go and others are told: so it happens whole or not at all.
 * Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "ofproto/learn.h"
#include "state.h"

struct op {
	struct of_switch *sw;
	struct of_flow_mod *mod;
	uint64_t now_ns;
	struct of_err *reterr_of;
	struct of_minimatch *match; /* of the request */
	struct of_refs *refs;       /* of its instructions; NULL: none */
};

static int fail(const struct op *op, enum of_flow_mod_failed code)
{
	return of_err_set(op->reterr_of, OF_ET_FLOW_MOD_FAILED, code);
}

static int refuse(const struct op *op, int r)
{
	return of_refuse(r, OF_ET_FLOW_MOD_FAILED, OF_FM_TABLE_FULL, OF_FM_UNKNOWN, op->reterr_of);
}

/* What an add sets whether the flow is new or not. */
static void set_from_mod(struct of_flow *flow, const struct op *op)
{
	const struct of_flow_mod *mod = op->mod;

	flow->cookie = mod->cookie;
	flow->made_ns = op->now_ns;
	flow->reset_ns = op->now_ns;
	flow->learned_s = 0;
	flow->idle_timeout_s = mod->idle_timeout_s;
	flow->hard_timeout_s = mod->hard_timeout_s;
	flow->flags = mod->flags;
}

/* The request's match and instructions become the flow's. */
static struct of_entry *entry_new(struct op *op)
{
	struct of_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	set_from_mod(&entry->flow, op);
	entry->flow.table = op->mod->table;
	entry->flow.priority = op->mod->priority;
	entry->flow.match = TAKE_PTR(op->match);
	entry->flow.instructions = op->mod->instructions;
	op->mod->instructions = (struct of_instructions){ 0 };
	return entry;
}

static void entry_give_back(struct op *op, struct of_entry *entry)
{
	op->mod->instructions = entry->flow.instructions;
	entry->flow.instructions = (struct of_instructions){ 0 };
	of_entry_unref(entry);
}

static int entry_insert(struct op *op, struct of_entry *entry)
{
	struct of_switch *sw = op->sw;
	int r = of_flow_table_insert(&sw->flows, entry);

	if (r < 0)
		return r;
	if (sw->bundle.is_open)
		return 0;
	r = sw->provider->flow_add(sw->provider_ctx, &entry->flow, op->reterr_of);
	if (r < 0)
		of_flow_table_remove(&sw->flows, entry);
	return r;
}

static int add_new(struct op *op, const struct of_flow_key *key)
{
	struct of_switch *sw = op->sw;
	struct of_entry *entry;
	int r;

	if (op->mod->flags & OF_FF_CHECK_OVERLAP && of_flow_table_overlaps(&sw->flows, key))
		return fail(op, OF_FM_OVERLAP);
	if (sw->flows.n >= sw->conf.max_flows)
		return fail(op, OF_FM_TABLE_FULL);
	entry = entry_new(op);
	if (!entry)
		return refuse(op, -ENOMEM);
	r = entry_insert(op, entry);
	if (r < 0) {
		entry_give_back(op, entry);
		return refuse(op, r);
	}
	of_entry_begin(sw, entry, TAKE_PTR(op->refs));
	if (sw->bundle.is_open)
		of_bundle_note_added(sw, entry);
	else
		of_entry_tell(sw, entry, OF_FLOW_ADDED, op->now_ns);
	return 0;
}

static int provider_modify(const struct op *op, struct of_entry *entry,
	const struct of_instructions *fresh, bool reset_counts)
{
	struct of_switch *sw = op->sw;

	return sw->provider->flow_modify(
		sw->provider_ctx, &entry->flow, fresh, reset_counts, op->reterr_of);
}

/* What it did before is in instructions and refs then, unless the bundle keeps it. */
static int note_and_swap(struct op *op, struct of_entry *entry,
	struct of_instructions *instructions, struct of_refs **refs)
{
	int keeps = of_bundle_note_changed(op->sw, entry);

	if (keeps < 0)
		return keeps;
	of_entry_swap(op->sw, entry, instructions, refs);
	if (op->mod->flags & OF_FF_RESET_COUNTS)
		entry->resets = 1;
	if (keeps) {
		*instructions = (struct of_instructions){ 0 };
		*refs = NULL;
	}
	return 0;
}

static int add_over_in_bundle(struct op *op, struct of_entry *entry)
{
	int r = note_and_swap(op, entry, &op->mod->instructions, &op->refs);

	if (r < 0)
		return refuse(op, r);
	set_from_mod(&entry->flow, op);
	of_entry_retime(op->sw, entry);
	entry->is_added_over = 1;
	return 0;
}

/* The flow keeps its counts, if it may, and nothing else; nobody is told that it was removed. */
static int add_over(struct op *op, struct of_entry *entry)
{
	struct of_flow old = entry->flow;
	int r;

	set_from_mod(&entry->flow, op);
	r = provider_modify(
		op, entry, &op->mod->instructions, (op->mod->flags & OF_FF_RESET_COUNTS) != 0);
	if (r < 0) {
		entry->flow = old;
		return refuse(op, r);
	}
	of_entry_swap(op->sw, entry, &op->mod->instructions, &op->refs);
	of_entry_retime(op->sw, entry);
	of_instructions_done(&op->mod->instructions);
	op->mod->instructions = (struct of_instructions){ 0 };
	of_entry_tell(op->sw, entry, OF_FLOW_ADDED, op->now_ns);
	return 0;
}

static int add(struct op *op)
{
	struct of_flow_key key = { op->match, op->mod->priority, op->mod->table };
	struct of_entry *entry = of_flow_table_find(&op->sw->flows, &key);

	if (!entry)
		return add_new(op, &key);
	/* What ended before counts for the flow that was. */
	of_entry_follow_tcp(op->sw, entry);
	return op->sw->bundle.is_open ? add_over_in_bundle(op, entry) : add_over(op, entry);
}

/* A flow that is to be modified, and what it is to do; once it is, what it did. */
struct change {
	struct of_entry *entry;
	struct of_instructions instructions;
	struct of_refs *refs;
};

struct changes {
	struct op *op;
	struct change *list;
	size_t n, room;
};

static void changes_done(struct changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		of_instructions_done(&changes->list[i].instructions);
		free(changes->list[i].refs);
	}
	free(changes->list);
}

static int instructions_copy(const struct of_instructions *from, struct of_instructions *ret)
{
	int r;

	*ret = *from;
	ret->apply = ret->write = (struct of_actions){ 0 };
	r = of_actions_copy(&from->apply, &ret->apply);
	if (r == 0)
		r = of_actions_copy(&from->write, &ret->write);
	if (r < 0)
		of_instructions_done(ret);
	return r;
}

static int changes_room(struct changes *changes)
{
	size_t room = changes->room ? 4 * changes->room : 1;
	struct change *list;

	if (changes->n < changes->room)
		return 0;
	list = realloc(changes->list, room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	changes->list = list;
	changes->room = room;
	return 0;
}

static int changes_add(struct changes *changes, struct of_entry *entry)
{
	const struct op *op = changes->op;
	struct change *change;
	int r = changes_room(changes);

	of_entry_follow_tcp(op->sw, entry);
	if (r < 0)
		return r;
	change = &changes->list[changes->n];
	*change = (struct change){ .entry = entry };
	r = instructions_copy(&op->mod->instructions, &change->instructions);
	if (r < 0)
		return r;
	r = of_refs_new(op->sw, &change->instructions, &change->refs, op->reterr_of);
	if (r < 0) {
		of_instructions_done(&change->instructions);
		return r;
	}
	changes->n++;
	return 0;
}

static int change_swap(const struct op *op, struct change *change, bool reset_counts)
{
	int r = provider_modify(op, change->entry, &change->instructions, reset_counts);

	if (r == 0)
		of_entry_swap(op->sw, change->entry, &change->instructions, &change->refs);
	return r;
}

/* Best effort: a flow that the provider cannot turn back stays as the request wanted it, there as
 * here. The error that is reported is the one that was there first. */
static void changes_undo(struct changes *changes, size_t n)
{
	struct of_err ignored;
	struct op op = *changes->op;

	op.reterr_of = &ignored;
	while (n-- > 0)
		(void)change_swap(&op, &changes->list[n], false);
}

/* Counts cannot be brought back, so they are reset when nothing else is left to fail. */
static int changes_reset(struct changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		struct of_entry *entry = changes->list[i].entry;
		int r = provider_modify(changes->op, entry, &entry->flow.instructions, true);

		if (r < 0)
			return r;
	}
	return 0;
}

static int changes_make(struct changes *changes)
{
	bool reset = (changes->op->mod->flags & OF_FF_RESET_COUNTS) != 0, alone = changes->n == 1;
	size_t n;
	int r = 0;

	for (n = 0; n < changes->n && r == 0; n += r == 0)
		r = change_swap(changes->op, &changes->list[n], reset && alone);
	if (r == 0 && reset && !alone)
		r = changes_reset(changes);
	if (r < 0)
		changes_undo(changes, n);
	return r;
}

/* What of it was done when it fails is undone with the bundle. */
static int changes_note(struct changes *changes)
{
	struct op *op = changes->op;
	int r = 0;

	for (size_t i = 0; i < changes->n && r == 0; i++) {
		struct change *change = &changes->list[i];

		r = note_and_swap(op, change->entry, &change->instructions, &change->refs);
		if (r == 0 && op->mod->flags & OF_FF_RESET_COUNTS)
			change->entry->flow.reset_ns = op->now_ns;
	}
	return r;
}

static void changes_tell(struct changes *changes)
{
	const struct op *op = changes->op;

	for (size_t i = 0; i < changes->n; i++) {
		struct change *change = &changes->list[i];

		if (op->mod->flags & OF_FF_RESET_COUNTS)
			change->entry->flow.reset_ns = op->now_ns;
		if (!of_instructions_equal(
			    &change->instructions, &change->entry->flow.instructions))
			of_entry_tell(op->sw, change->entry, OF_FLOW_MODIFIED, op->now_ns);
	}
}

/* A modify asks for a cookie, but for no port and no group. */
static struct of_flow_filter filter_of(const struct of_flow_mod *mod)
{
	bool is_delete = mod->command == OF_FC_DELETE || mod->command == OF_FC_DELETE_STRICT;

	return (struct of_flow_filter){
		.table = mod->table,
		.out_port = is_delete ? mod->out_port : OF_PORT_ANY,
		.out_group = is_delete ? mod->out_group : OF_GROUP_ANY,
		.cookie = mod->cookie,
		.cookie_mask = mod->cookie_mask,
	};
}

static int modify_one(void *arg, struct of_entry *entry)
{
	struct changes *changes = arg;
	struct of_flow_filter filter = filter_of(changes->op->mod);

	return of_entry_wanted(entry, &filter) ? changes_add(changes, entry) : 0;
}

static int delete_one(void *arg, struct of_entry *entry)
{
	struct op *op = arg;
	struct of_flow_filter filter = filter_of(op->mod);

	if (of_entry_wanted(entry, &filter))
		of_entry_remove(op->sw, entry, OF_RR_DELETE, op->now_ns);
	return 0;
}

/* The flow of one table, or of each, that has exactly this match and priority. */
static int each_strict(struct op *op, int (*fn)(void *arg, struct of_entry *entry), void *arg)
{
	unsigned begin = op->mod->table, end = begin + 1;
	int r = 0;

	if (op->mod->table == OF_TABLE_ALL) {
		begin = 0;
		end = OF_N_TABLES;
	}
	for (unsigned i = begin; i < end && r == 0; i++) {
		struct of_flow_key key = { op->match, op->mod->priority, (uint8_t)i };
		struct of_entry *entry = of_flow_table_n(&op->sw->flows, key.table)
						 ? of_flow_table_find(&op->sw->flows, &key)
						 : NULL;

		r = entry ? fn(arg, entry) : 0;
	}
	return r;
}

static int each_loose(struct op *op, int (*fn)(void *arg, struct of_entry *entry), void *arg)
{
	return of_flow_table_each(&op->sw->flows, op->mod->table, op->match, fn, arg);
}

static int modify_collected(struct changes *changes, int r)
{
	bool in_bundle = changes->op->sw->bundle.is_open;

	if (r == 0)
		r = in_bundle ? changes_note(changes) : changes_make(changes);
	if (r == 0 && !in_bundle)
		changes_tell(changes);
	changes_done(changes);
	return r < 0 ? refuse(changes->op, r) : 0;
}

static int modify(struct op *op)
{
	struct changes changes = { .op = op };

	return modify_collected(&changes, each_loose(op, modify_one, &changes));
}

static int modify_strict(struct op *op)
{
	struct changes changes = { .op = op };

	return modify_collected(&changes, each_strict(op, modify_one, &changes));
}

#define NS_PER_S UINT64_C(1000000000)

/* Rounded up, so that no flow goes too early. */
static void begin_again(struct of_flow *flow, uint64_t now_ns)
{
	if (now_ns > flow->made_ns)
		flow->learned_s = (uint32_t)((now_ns - flow->made_ns + NS_PER_S - 1) / NS_PER_S);
}

/* What is learned most often is what is known already: then nobody else hears of it. */
static int learn(struct op *op)
{
	struct of_flow_key key = { op->match, op->mod->priority, op->mod->table };
	struct of_entry *entry = of_flow_table_find(&op->sw->flows, &key);
	struct changes changes = { .op = op };
	uint64_t old;
	int r = 0;

	if (!entry)
		return add_new(op, &key);
	old = entry->flow.cookie;
	entry->flow.cookie = op->mod->cookie;
	if (old != op->mod->cookie ||
		!of_instructions_equal(&entry->flow.instructions, &op->mod->instructions))
		r = modify_collected(&changes, changes_add(&changes, entry));
	if (r < 0) {
		entry->flow.cookie = old;
		return r;
	}
	begin_again(&entry->flow, op->now_ns);
	return 0;
}

static int delete (struct op *op)
{
	return each_loose(op, delete_one, op);
}

static int delete_strict(struct op *op)
{
	return each_strict(op, delete_one, op);
}

static const struct command {
	int (*run)(struct op *op);
	bool has_instructions; /* and no table but one */
} commands[] = {
	[OF_FC_ADD] = { add, true },
	[OF_FC_MODIFY] = { modify, true },
	[OF_FC_MODIFY_STRICT] = { modify_strict, true },
	[OF_FC_DELETE] = { delete, false },
	[OF_FC_DELETE_STRICT] = { delete_strict, false },
};

static int check_and_run(struct op *op, const struct command *command)
{
	bool is_all = op->mod->table == OF_TABLE_ALL && !command->has_instructions;
	int r;

	if (op->mod->table >= OF_N_TABLES && !is_all)
		return fail(op, OF_FM_BAD_TABLE_ID);
	r = of_bundle_reserve(op->sw, command->has_instructions ? 1 : OF_BUNDLE_ALL);
	if (r == 0 && command->has_instructions)
		r = of_refs_new(op->sw, &op->mod->instructions, &op->refs, op->reterr_of);
	if (r == 0)
		r = of_minimatch_new(&op->mod->match, &op->match);
	return r < 0 ? refuse(op, r) : command->run(op);
}

static int run(struct of_switch *sw, struct of_flow_mod *mod, const struct command *command,
	uint64_t now_ns, struct of_err *reterr_of)
{
	struct of_err ignored;
	struct op op = { .sw = sw, .mod = mod, .now_ns = now_ns };
	int r;

	op.reterr_of = reterr_of ? reterr_of : &ignored;
	r = command ? check_and_run(&op, command) : fail(&op, OF_FM_BAD_COMMAND);
	free(op.refs);
	free(op.match);
	of_taught_flush(sw, now_ns);
	return r;
}

int of_switch_flow_mod(
	struct of_switch *sw, struct of_flow_mod *mod, uint64_t now_ns, struct of_err *reterr_of)
{
	bool is_known = mod->command < sizeof(commands) / sizeof(commands[0]);

	return run(sw, mod, is_known ? &commands[mod->command] : NULL, now_ns, reterr_of);
}

static bool has_teacher(const struct of_switch *sw, const struct of_learn *learn)
{
	return of_taught_find(&sw->taught, learn->cookie, learn->table) ||
	       !(learn->flags & OF_LEARN_DELETE_LEARNED);
}

int of_switch_learn(struct of_switch *sw, const struct of_learn *from,
	const struct sh_flow_key *frame, uint64_t now_ns, struct of_err *reterr_of)
{
	static const struct command command = { learn, true };
	struct of_flow_mod mod;
	int r;

	if (!has_teacher(sw, from))
		return 0;
	r = of_learn_flow(from, frame, &mod);
	if (r < 0)
		return r;
	r = run(sw, &mod, &command, now_ns, reterr_of);
	of_instructions_done(&mod.instructions);
	return r;
}
