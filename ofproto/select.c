/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which flows a request means (OpenFlow 1.3.5, 6.4 and 7.3.5.2), and lists of them that outlive
 * what happens meanwhile. Control thread.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "state.h"

static bool outputs_to(const struct of_actions *actions, uint32_t port)
{
	for (unsigned i = 0; i < actions->n; i++) {
		const struct of_action *action = &actions->list[i];

		if (action->type == OF_ACTION_OUTPUT && action->output.port == port)
			return true;
		if (action->type == OF_ACTION_CONTROLLER && port == OF_PORT_CONTROLLER)
			return true;
	}
	return false;
}

static bool forwards_to(const struct of_actions *actions, uint32_t group)
{
	for (unsigned i = 0; i < actions->n; i++)
		if (actions->list[i].type == OF_ACTION_GROUP && actions->list[i].group == group)
			return true;
	return false;
}

bool of_entry_wanted(const struct of_entry *entry, const struct of_flow_filter *filter)
{
	const struct of_instructions *in = &entry->flow.instructions;

	if ((entry->flow.cookie ^ filter->cookie) & filter->cookie_mask)
		return false;
	if (filter->out_port != OF_PORT_ANY && !outputs_to(&in->apply, filter->out_port) &&
		!outputs_to(&in->write, filter->out_port))
		return false;
	return filter->out_group == OF_GROUP_ANY || forwards_to(&in->apply, filter->out_group) ||
	       forwards_to(&in->write, filter->out_group);
}

struct list {
	struct of_switch *sw;
	const struct of_flow_filter *filter;
	struct of_flow **flows;
	size_t n, room, max;
};

static int list_add(void *arg, struct of_entry *entry)
{
	struct list *list = arg;

	if (!of_entry_wanted(entry, list->filter))
		return 0;
	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		struct of_flow **flows = realloc(list->flows, room * sizeof(struct of_flow *));

		if (!flows)
			return -ENOMEM;
		list->flows = flows;
		list->room = room;
	}
	of_entry_follow_tcp(list->sw, entry);
	entry->n_pins++;
	list->flows[list->n++] = &entry->flow;
	return list->n == list->max;
}

int of_switch_flows(struct of_switch *sw, const struct of_flow_filter *filter,
	struct of_flow ***ret_flows, struct of_err *reterr_of)
{
	return of_switch_flows_after(sw, filter, NULL, INT_MAX, ret_flows, reterr_of);
}

int of_switch_flows_after(struct of_switch *sw, const struct of_flow_filter *filter,
	const struct of_flow *after, unsigned max, struct of_flow ***ret_flows,
	struct of_err *reterr_of)
{
	_cleanup_free_ struct of_minimatch *match = NULL;
	struct list list = { .sw = sw, .filter = filter, .max = max };
	int r;

	if (filter->table >= OF_N_TABLES && filter->table != OF_TABLE_ALL)
		return of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_BAD_TABLE_ID);
	if (of_minimatch_new(&filter->match, &match) < 0)
		return -ENOMEM;
	r = of_flow_table_each_after(
		&sw->flows, filter->table, match, (const struct of_entry *)after, list_add, &list);
	if (r < 0) {
		of_switch_flows_done(sw, list.flows, (int)list.n);
		return r;
	}
	*ret_flows = list.flows;
	return (int)list.n;
}

int of_switch_flow_find(const struct of_switch *sw, const struct of_match *match, uint16_t priority,
	uint8_t table, const struct of_flow **ret)
{
	_cleanup_free_ struct of_minimatch *mini = NULL;
	struct of_flow_key key = { .priority = priority, .table = table };
	const struct of_entry *entry;

	if (of_minimatch_new(match, &mini) < 0)
		return -ENOMEM;
	key.match = mini;
	entry = of_flow_table_find(&sw->flows, &key);
	*ret = entry ? &entry->flow : NULL;
	return entry ? 0 : -ENOENT;
}

void of_switch_flows_done(struct of_switch *sw, struct of_flow **flows, int n)
{
	for (int i = 0; i < n; i++)
		of_entry_unref((struct of_entry *)flows[i]);
	free(flows);
}
