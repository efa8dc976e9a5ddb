/* SPDX-License-Identifier: BSD-3-Clause
 *
 * flow.list: flows in ovs-ofctl's words, in parts. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "method.h"
#include "of_ports.h"

#define NS_PER_S 1e9

/* What is asked for, and how far it is. */
struct flow_list {
	struct ctl *ctl;
	const char *match; /* NULL: all */
	struct method_part part;
	json_t *array;
};

static json_t *actions_text(const struct of_instructions *instructions)
{
	struct of_buf buf = { 0 };

	of_instructions_format(instructions, &buf);
	return method_of_text(&buf);
}

static json_t *match_text(const struct of_match *match)
{
	struct of_buf buf = { 0 };

	of_match_format(match, &buf);
	return method_of_text(&buf);
}

static json_t *flow_object(const char *bridge, const struct of_flow_info *flow)
{
	char cookie[24];

	/* JSON's integers have no 64 bits without a sign. */
	snprintf(cookie, sizeof(cookie), "0x%llx", (unsigned long long)flow->cookie);
	return json_pack("{s:s, s:i, s:i, s:o, s:o, s:s, s:I, s:I, s:f, s:i, s:i}", "bridge",
		bridge, "table", (int)flow->table, "priority", (int)flow->priority, "match",
		match_text(&flow->match), "actions", actions_text(flow->instructions), "cookie",
		cookie, "n_packets", (json_int_t)flow->n_packets, "n_bytes",
		(json_int_t)flow->n_bytes, "duration_s", (double)flow->duration_ns / NS_PER_S,
		"idle_timeout_s", (int)flow->idle_timeout_s, "hard_timeout_s",
		(int)flow->hard_timeout_s);
}

static int read_filter(const struct flow_list *list, const struct of_ports_names *names,
	struct of_flow_filter *ret, struct sh_err *err)
{
	struct of_flow_mod mod;
	int r = of_flow_parse(
		list->match ? list->match : "", OF_FC_DELETE, &names->text, &mod, err);

	if (r < 0)
		return r;
	*ret = (struct of_flow_filter){ .table = mod.table,
		.out_port = mod.out_port,
		.out_group = mod.out_group,
		.cookie = mod.cookie,
		.cookie_mask = mod.cookie_mask,
		.match = mod.match };
	of_instructions_done(&mod.instructions);
	return 0;
}

/* The flow that "after" names, as an answer named it. */
static int find_after(const struct flow_list *list, const struct of_switch *sw,
	const struct of_ports_names *names, const struct of_flow **ret, struct sh_err *err)
{
	const char *text = json_string_value(json_object_get(list->part.after, "match"));
	json_int_t table, priority;
	struct of_match match;
	int r = method_after(&list->part, "table", OF_N_TABLES - 1, &table, err);

	if (r == 0)
		r = method_after(&list->part, "priority", UINT16_MAX, &priority, err);
	if (r == 0)
		r = of_match_parse(text ? text : "", &names->text, &match, err);
	if (r < 0)
		return r;
	r = of_switch_flow_find(sw, &match, (uint16_t)priority, (uint8_t)table, ret);
	if (r == -ENOENT)
		return sh_err_set(err, -ESTALE, "after: that flow is gone");
	return r < 0 ? sh_err_set(err, r, "out of memory") : 0;
}

/* after: whether the list goes on in this bridge. */
static int list_bridge(
	struct flow_list *list, const struct switch_bridge *bridge, bool after, struct sh_err *err)
{
	struct of_switch *sw = openflow_switch(bridge->openflow);
	const struct of_flow *last = NULL;
	struct of_ports_names names;
	struct of_flow_filter filter;
	struct of_flow **flows;
	int n, r;

	of_ports_names(list->ctl, bridge->name, &names);
	r = read_filter(list, &names, &filter, err);
	if (r == 0 && after)
		r = find_after(list, sw, &names, &last, err);
	if (r < 0)
		return r;
	if (last && filter.table != OF_TABLE_ALL && filter.table != last->table)
		return sh_err_set(err, -EINVAL, "after: is of another table than is asked for");
	n = of_switch_flows_after(sw, &filter, last,
		(unsigned)(list->part.limit - json_array_size(list->array)), &flows, NULL);
	if (n < 0)
		return sh_err_set(err, n, "out of memory");
	for (int i = 0; i < n && r == 0; i++) {
		struct of_flow_info info;

		of_switch_flow_info(sw, flows[i], openflow_now_ns(), &info);
		if (json_array_append_new(list->array, flow_object(bridge->name, &info)) < 0)
			r = sh_err_set(err, -ENOMEM, "out of memory");
	}
	of_switch_flows_done(sw, flows, n);
	return r;
}

/* Bridge by bridge, from the one on where the list goes on. */
static int list_all(struct flow_list *list, const char *only, struct sh_err *err)
{
	bool waits = list->part.after != NULL;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < list->ctl->sw.n_bridges; i++) {
		const struct switch_bridge *bridge = &list->ctl->sw.bridges[i];
		bool after = waits && strcmp(list->part.from, bridge->name) == 0;

		if ((waits && !after) || (only && strcmp(only, bridge->name) != 0))
			continue;
		waits = false;
		if (json_array_size(list->array) < list->part.limit)
			r = list_bridge(list, bridge, after, err);
	}
	return r == 0 && waits ? sh_err_set(err, -ESTALE, "after: its bridge is gone") : r;
}

int method_flow_list(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	struct flow_list list = { .ctl = ctl };
	const struct conf_item *item;
	const char *only;
	int r = method_text_optional(call, "bridge", &only, err);

	if (r == 0 && only)
		r = method_find(ctl, API_BRIDGE, only, &item, err);
	if (r == 0)
		r = method_text_optional(call, "match", &list.match, err);
	if (r == 0)
		r = method_part(call, 1, &list.part, err);
	if (r < 0)
		return r;
	list.array = json_array();
	r = list.array ? list_all(&list, only, err) : sh_err_set(err, -ENOMEM, "out of memory");
	if (r == 0)
		r = method_part_check(&list.part, list.array, err);
	if (r < 0)
		json_decref(list.array);
	else
		*ret = list.array;
	return r;
}
