/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The planner. First everything goes that has to go, users before what they use; then everything
 * changes or comes, what is used before its users. Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/json.h"
#include "conf/policy.h"
#include "plan.h"

static const enum api_noun del_order[] = { API_VM, API_SRIOV, API_MIRROR, API_FDB, API_PORT,
	API_PORTGROUP, API_BRIDGE };
static const enum api_noun add_order[] = { API_MEMORY, API_WORKERS, API_LLDP, API_BRIDGE,
	API_PORTGROUP, API_PORT, API_FDB, API_MIRROR, API_SRIOV, API_VM };

struct planner {
	const struct conf *from, *to;
	struct plan plan;
};

/* What the step is called by already. */
static bool is_name(enum api_noun noun, unsigned i)
{
	return i == 0 && (noun == API_SRIOV || api_field_find(noun, "name"));
}

/* return: NULL when out of memory */
static json_t *describe(const struct planner *planner, const struct plan_step *step)
{
	const struct conf_item *old = NULL, *new = NULL;
	json_t *values = json_object();

	if (step->old_index >= 0)
		old = &planner->from->of[step->noun].items[step->old_index];
	if (step->new_index >= 0)
		new = &planner->to->of[step->noun].items[step->new_index];
	for (unsigned i = 0; i < api_tables[step->noun].n_fields; i++) {
		const char *name = api_tables[step->noun].fields[i].name;
		json_t *value;

		if (!(step->fields >> i & 1) || is_name(step->noun, i))
			continue;
		value = conf_field_to_json(new, step->noun, i);
		if (step->action == PLAN_SET)
			value = json_pack("[o, o]", conf_field_to_json(old, step->noun, i), value);
		if (json_object_set_new(values, name, value) < 0) {
			json_decref(values);
			return NULL;
		}
	}
	return values;
}

static int add_step(struct planner *planner, const struct plan_step *step)
{
	struct plan *plan = &planner->plan;
	const struct conf *conf = step->new_index >= 0 ? planner->to : planner->from;
	int index = step->new_index >= 0 ? step->new_index : step->old_index;
	struct plan_step *steps = plan->steps;

	/* Grow by doubling: at every power of two. */
	if ((plan->n & (plan->n - 1)) == 0) {
		steps = realloc(steps, (plan->n ? plan->n * 2 : 1) * sizeof(*steps));
		if (!steps)
			return -ENOMEM;
		plan->steps = steps;
	}
	steps[plan->n] = *step;
	steps[plan->n].values = describe(planner, step);
	if (!steps[plan->n].values)
		return -ENOMEM;
	conf_key(step->noun, &conf->of[step->noun].items[index], steps[plan->n].name);
	plan->n++;
	return 0;
}

static bool equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static uint64_t differing(enum api_noun noun, const struct conf_item *a, const struct conf_item *b)
{
	uint64_t fields = 0;

	for (unsigned i = 0; i < api_tables[noun].n_fields; i++)
		if (!conf_equal_field(noun, i, a, b))
			fields |= UINT64_C(1) << i;
	return fields;
}

static const char *value_of(const struct conf_item *item, enum api_noun noun, unsigned i)
{
	return item->v[i] ? item->v[i] : api_tables[noun].fields[i].def;
}

/* A port that moves to another bridge, or leads elsewhere, is another port. */
static bool must_remake(
	const struct planner *planner, const struct conf_item *a, const struct conf_item *b)
{
	for (unsigned i = 0; i < api_tables[API_PORT].n_fields; i++)
		if ((api_tables[API_PORT].fields[i].flags & API_MAKING) &&
			!equal(value_of(a, API_PORT, i), value_of(b, API_PORT, i)))
			return true;
	return !equal(conf_port_bridge(planner->from, a), conf_port_bridge(planner->to, b));
}

static int plan_dels(struct planner *planner, enum api_noun noun)
{
	const struct conf_items *old = &planner->from->of[noun];

	/* Youngest first: the reverse of the order in which they came. */
	for (uint32_t k = old->n; k > 0; k--) {
		struct plan_step step = {
			.action = PLAN_DEL, .noun = noun, .old_index = (int)k - 1, .new_index = -1
		};
		char key[CONF_KEY_LEN];
		int j;

		conf_key(noun, &old->items[k - 1], key);
		j = conf_find(planner->to, noun, key, k - 1);
		if (j >= 0) {
			if (noun != API_PORT || !must_remake(planner, &old->items[k - 1],
							&planner->to->of[noun].items[j]))
				continue;
			step.remake = true;
		}
		if (add_step(planner, &step) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int plan_item(struct planner *planner, enum api_noun noun, uint32_t index)
{
	const struct conf_item *item = &planner->to->of[noun].items[index];
	struct plan_step step = { .action = PLAN_SET, .noun = noun, .new_index = (int)index };
	const struct conf_item *old = NULL;
	char key[CONF_KEY_LEN];

	conf_key(noun, item, key);
	step.old_index = conf_find(planner->from, noun, key, index);
	if (step.old_index >= 0)
		old = &planner->from->of[noun].items[step.old_index];
	if (old && noun == API_PORT && must_remake(planner, old, item))
		step.remake = true;
	step.fields = differing(noun, old, item);
	if (!old || step.remake)
		step.action = PLAN_ADD;
	if (step.remake) {
		step.fields = differing(noun, NULL, item);
		step.old_index = -1;
	}
	if (step.action == PLAN_SET && !step.fields)
		return 0;
	return add_step(planner, &step);
}

/* The switch always has workers and memory: they change, even when they were not mentioned. */
static int plan_single(struct planner *planner, enum api_noun noun)
{
	const struct conf_items *old = &planner->from->of[noun], *new = &planner->to->of[noun];
	struct plan_step step = { .action = PLAN_SET, .noun = noun };

	step.old_index = old->n ? 0 : -1;
	step.new_index = new->n ? 0 : -1;
	step.fields = differing(noun, old->n ? old->items : NULL, new->n ? new->items : NULL);
	return step.fields ? add_step(planner, &step) : 0;
}

static int plan_adds(struct planner *planner, enum api_noun noun)
{
	if (api_tables[noun].single)
		return plan_single(planner, noun);
	for (uint32_t i = 0; i < planner->to->of[noun].n; i++)
		if (plan_item(planner, noun, i) < 0)
			return -ENOMEM;
	return 0;
}

int plan_new(const struct conf *from, const struct conf *to, struct plan *ret)
{
	struct planner planner = { .from = from, .to = to };
	int r = 0;

	for (unsigned i = 0; r == 0 && i < sizeof(del_order) / sizeof(del_order[0]); i++)
		r = plan_dels(&planner, del_order[i]);
	for (unsigned i = 0; r == 0 && i < sizeof(add_order) / sizeof(add_order[0]); i++)
		r = plan_adds(&planner, add_order[i]);
	if (r < 0) {
		plan_done(&planner.plan);
		return r;
	}
	*ret = planner.plan;
	return 0;
}

void plan_done(struct plan *plan)
{
	for (unsigned i = 0; i < plan->n; i++)
		json_decref(plan->steps[i].values);
	free(plan->steps);
	plan->steps = NULL;
	plan->n = 0;
}

const char *plan_action_name(enum plan_action action)
{
	static const char *const names[] = { "del", "set", "add" };

	return names[action];
}

const char *plan_step_note(const struct plan_step *step)
{
	switch (step->noun) {
	case API_MEMORY:
		return "takes effect at the next start of shuntd";
	case API_SRIOV:
		return "carried out by shunt-sriov --watch";
	case API_VM:
		return step->action == PLAN_SET ? "takes effect at its next start" : NULL;
	default:
		return NULL;
	}
}
