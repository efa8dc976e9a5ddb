/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Step by step through a plan against the dataplane; on a failure backwards by the opposite steps.
 * Workers see all changes at the commit in the end, but for ports that go, which go at once.
 * Bridges that go only rest until switch_settle, since nobody could give them their flows again.
 * Control thread.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "reconcile.h"
#include "resolve.h"
#include "vms.h"

struct run {
	struct switch_state *sw;
	const struct conf *from, *to;
	bool lenient;
};

static const struct conf_item *old_item(const struct run *run, const struct plan_step *step)
{
	return &run->from->of[step->noun].items[step->old_index];
}

static const struct conf_item *new_item(const struct run *run, const struct plan_step *step)
{
	return &run->to->of[step->noun].items[step->new_index];
}

static int do_workers(const struct run *run, struct sh_err *err)
{
	struct dp_workers_conf workers;

	resolve_workers(run->to, &workers);
	return dp_workers_set(run->sw->dp, &workers, err);
}

static int do_bridge(const struct run *run, const struct plan_step *step, struct sh_err *err)
{
	switch (step->action) {
	case PLAN_DEL:
		switch_bridge_del(run->sw, step->name);
		return 0;
	case PLAN_SET:
		return switch_bridge_set(run->sw, new_item(run, step), err);
	default:
		return switch_bridge_add(run->sw, new_item(run, step), err);
	}
}

/* A group is nothing by itself: its ports follow it. */
static int do_portgroup(const struct run *run, const struct plan_step *step, struct sh_err *err)
{
	const struct conf_items *ports = &run->to->of[API_PORT];

	if (step->action != PLAN_SET)
		return 0;
	for (uint32_t i = 0; i < ports->n; i++) {
		const char *group = conf_get(&ports->items[i], API_PORT, "portgroup");
		int r = 0;

		if (group && strcmp(group, step->name) == 0)
			r = switch_port_set(run->sw, run->to, &ports->items[i], err);
		if (r < 0)
			return sh_err_prefix(
				err, r, "port '%s'", conf_get(&ports->items[i], API_PORT, "name"));
	}
	return 0;
}

/* What uplinks take follows what they announce. */
static int do_lldp(const struct run *run, struct sh_err *err)
{
	const struct conf_items *ports = &run->to->of[API_PORT];

	for (uint32_t i = 0; i < ports->n; i++) {
		const struct conf_item *port = &ports->items[i];
		int r = 0;

		if (strcmp(conf_get_or_default(port, API_PORT, "type"), "uplink") == 0)
			r = switch_port_set(run->sw, run->to, port, err);
		if (r < 0)
			return sh_err_prefix(err, r, "port '%s'", conf_get(port, API_PORT, "name"));
	}
	return 0;
}

static int do_port(const struct run *run, const struct plan_step *step, struct sh_err *err)
{
	switch (step->action) {
	case PLAN_DEL:
		switch_port_del(run->sw, step->name);
		return 0;
	case PLAN_SET:
		return switch_port_set(run->sw, run->to, new_item(run, step), err);
	default:
		return switch_port_add(run->sw, run->to, new_item(run, step), run->lenient, err);
	}
}

static int do_fdb(const struct run *run, const struct plan_step *step, struct sh_err *err)
{
	if (step->action != PLAN_ADD)
		switch_fdb_del(run->sw, old_item(run, step));
	return step->action == PLAN_DEL ? 0 : switch_fdb_add(run->sw, new_item(run, step), err);
}

static int do_mirror(const struct run *run, const struct plan_step *step, struct sh_err *err)
{
	switch (step->action) {
	case PLAN_DEL:
		switch_mirror_del(run->sw, step->name);
		return 0;
	case PLAN_SET:
		return switch_mirror_set(run->sw, new_item(run, step), err);
	default:
		return switch_mirror_add(run->sw, new_item(run, step), err);
	}
}

/* What runs is not taken away; a change of it is for its next start. */
static int do_vm(const struct run *run, const struct plan_step *step, struct sh_err *err)
{
	int r;

	if (step->action != PLAN_DEL)
		return 0;
	r = vms_check_stopped(run->sw->ctl->vms, step->name, err);
	if (r == 0)
		vms_forget(run->sw->ctl->vms, step->name);
	return r;
}

static int do_step(const struct run *run, const struct plan_step *step, struct sh_err *err)
{
	switch (step->noun) {
	case API_WORKERS:
		return do_workers(run, err);
	case API_LLDP:
		return do_lldp(run, err);
	case API_BRIDGE:
		return do_bridge(run, step, err);
	case API_PORTGROUP:
		return do_portgroup(run, step, err);
	case API_PORT:
		return do_port(run, step, err);
	case API_FDB:
		return do_fdb(run, step, err);
	case API_MIRROR:
		return do_mirror(run, step, err);
	case API_VM:
		return do_vm(run, step, err);
	default:
		return 0; /* memory: at the next start; sriov: shunt-sriov watches the store */
	}
}

static struct plan_step opposite(const struct plan_step *step)
{
	static const enum plan_action actions[] = { PLAN_ADD, PLAN_SET, PLAN_DEL };
	struct plan_step undo = *step;

	undo.action = actions[step->action];
	undo.old_index = step->new_index;
	undo.new_index = step->old_index;
	return undo;
}

/* Controllers were told at once that these ports went. */
static void tell_back(const struct switch_state *sw, const struct plan *plan, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (plan->steps[i].noun == API_PORT && plan->steps[i].action == PLAN_DEL)
			switch_port_tell(sw, plan->steps[i].name, OF_PR_ADD);
}

static void undo_steps(const struct run *run, const struct plan *plan, unsigned n)
{
	const struct run back = { run->sw, run->to, run->from, true };
	unsigned n_done = n;
	struct sh_err err = { "" };

	while (n-- > 0) {
		struct plan_step step = opposite(&plan->steps[n]);

		if (do_step(&back, &step, &err) < 0)
			sh_log_err("undo of %s %s '%s' failed: %s",
				plan_action_name(plan->steps[n].action), api_tables[step.noun].noun,
				step.name, err.text);
	}
	if (dp_commit(run->sw->dp, &err) < 0)
		sh_log_err("undo cannot be committed: %s", err.text);
	tell_back(run->sw, plan, n_done);
}

static void report(const struct reconcile_watch *watch, const struct plan *plan, unsigned i)
{
	const struct plan_step *step = &plan->steps[i];
	char text[CONF_KEY_LEN + 32];

	if (!watch)
		return;
	snprintf(text, sizeof(text), "%s %s %s", api_tables[step->noun].noun,
		plan_action_name(step->action), step->name);
	watch->progress(watch->ctx, i + 1, plan->n, text);
}

/* The command names its object itself; a plan of more than one step says where it failed. */
static int name_step(const struct plan *plan, unsigned i, int r, struct sh_err *err)
{
	if (plan->n == 1)
		return r;
	return sh_err_prefix(
		err, r, "%s '%s'", conf_noun(plan->steps[i].noun), plan->steps[i].name);
}

int reconcile(struct switch_state *sw, const struct conf *from, const struct conf *to,
	const struct plan *plan, bool lenient, const struct reconcile_watch *watch,
	struct sh_err *err)
{
	const struct run run = { sw, from, to, lenient };
	int r;

	for (unsigned i = 0; i < plan->n; i++) {
		r = do_step(&run, &plan->steps[i], err);
		if (r < 0) {
			r = name_step(plan, i, r, err);
			/* A change that failed half-way is undone as a whole one is. */
			undo_steps(&run, plan, plan->steps[i].action == PLAN_SET ? i + 1 : i);
			return r;
		}
		report(watch, plan, i);
	}
	r = dp_commit(sw->dp, err);
	if (r < 0)
		undo_steps(&run, plan, plan->n);
	return r;
}

void reconcile_undo(struct switch_state *sw, const struct conf *from, const struct conf *to,
	const struct plan *plan)
{
	const struct run run = { sw, from, to, true };

	undo_steps(&run, plan, plan->n);
}
