/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The planner: which steps, and in which order.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf_by_hand.h"
#include "plan.h"

#define BRIDGES "bridges: [ { name: br0 }, { name: br1 } ]\n"
#define GROUPS                                                                                     \
	"portgroups: [ { name: a, bridge: br0, vlan: 1 }, { name: b, bridge: br0, vlan: 2 }, "     \
	"{ name: c, bridge: br1 } ]\n"

/* The plan as "del port x; set bridge y: fail_mode". */
static void assert_plan(const char *from_text, const char *to_text, const char *expected)
{
	struct conf from = conf_of(from_text), to = conf_of(to_text);
	char text[1024] = "";
	struct plan plan;

	assert_int_equal(plan_new(&from, &to, &plan), 0);
	for (unsigned i = 0; i < plan.n; i++) {
		const struct plan_step *step = &plan.steps[i];
		size_t n = strlen(text);

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s %s", i ? "; " : "",
			plan_action_name(step->action), api_tables[step->noun].noun, step->name);
		if (step->action != PLAN_SET)
			continue;
		for (unsigned f = 0; f < api_tables[step->noun].n_fields; f++)
			if (step->fields >> f & 1)
				n += (size_t)snprintf(text + n, sizeof(text) - n, " %s",
					api_tables[step->noun].fields[f].name);
	}
	assert_string_equal(text, expected);
	plan_done(&plan);
	conf_done(&from);
	conf_done(&to);
}

static void equal_models_make_an_empty_plan(void **state)
{
	const char *text = BRIDGES GROUPS "ports: [ { name: p, portgroup: a } ]\n"
					  "workers: { cpus: [ 0 ] }\n";

	assert_plan(text, text, "");
}

static void what_is_used_comes_before_its_users(void **state)
{
	assert_plan("",
		"fdb: [ { bridge: br0, mac: 02:00:00:00:00:01, port: p } ]\n"
		"ports: [ { name: p, portgroup: a } ]\n" GROUPS BRIDGES "workers: { poll: busy }\n",
		"set workers workers poll; add bridge br0; add bridge br1; add portgroup a; "
		"add portgroup b; add portgroup c; add port p; add fdb br0 0 02:00:00:00:00:01");
}

static void users_go_before_what_they_use(void **state)
{
	assert_plan("fdb: [ { bridge: br0, mac: 02:00:00:00:00:01, port: p } ]\n"
		    "ports: [ { name: p, bridge: br0 }, { name: q, bridge: br0 } ]\n"
		    "portgroups: [ { name: a, bridge: br0 } ]\nbridges: [ { name: br0 } ]\n",
		"",
		"del fdb br0 0 02:00:00:00:00:01; del port q; del port p; del portgroup a; "
		"del bridge br0");
}

static void order_in_the_file_is_no_change(void **state)
{
	assert_plan(BRIDGES "ports: [ { name: p, bridge: br0 }, { name: q, bridge: br0 } ]\n",
		BRIDGES "ports: [ { name: q, bridge: br0 }, { name: p, bridge: br0 } ]\n", "");
}

static void policy_of_a_port_is_set_in_place(void **state)
{
	assert_plan(BRIDGES GROUPS "ports: [ { name: p, portgroup: a } ]\n",
		BRIDGES GROUPS "ports: [ { name: p, portgroup: a, vlan: 7, enabled: false } ]\n",
		"set port p enabled vlan");
}

static void group_of_the_same_bridge_is_changed_in_place(void **state)
{
	assert_plan(BRIDGES GROUPS "ports: [ { name: p, portgroup: a } ]\n",
		BRIDGES GROUPS "ports: [ { name: p, portgroup: b } ]\n", "set port p portgroup");
}

static void port_that_moves_to_another_bridge_is_remade(void **state)
{
	assert_plan(BRIDGES GROUPS "ports: [ { name: p, portgroup: a } ]\n",
		BRIDGES GROUPS "ports: [ { name: p, portgroup: c } ]\n", "del port p; add port p");
}

static void port_whose_group_moves_to_another_bridge_is_remade(void **state)
{
	assert_plan(BRIDGES "portgroups: [ { name: a, bridge: br0 } ]\n"
			    "ports: [ { name: p, portgroup: a } ]\n",
		BRIDGES "portgroups: [ { name: a, bridge: br1 } ]\n"
			"ports: [ { name: p, portgroup: a } ]\n",
		"del port p; set portgroup a bridge; add port p");
}

static void port_that_leads_elsewhere_is_remade(void **state)
{
	static const char *const changes[] = { "type: null", "mode: client", "socket: other.sock",
		"queues: 2" };

	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char to[256];

		snprintf(to, sizeof(to), BRIDGES "ports: [ { name: p, bridge: br0, %s } ]\n",
			changes[i]);
		assert_plan(BRIDGES "ports: [ { name: p, bridge: br0 } ]\n", to,
			"del port p; add port p");
	}
}

static void default_written_out_does_not_remake_a_port(void **state)
{
	assert_plan(BRIDGES "ports: [ { name: p, bridge: br0 } ]\n",
		BRIDGES "ports: [ { name: p, bridge: br0, type: vhost-user, queues: 1 } ]\n",
		"set port p type queues");
}

static void memory_waits_for_the_next_start(void **state)
{
	struct conf from = conf_of(""), to = conf_of("memory: { size: 64M }\n");
	struct plan plan;

	assert_int_equal(plan_new(&from, &to, &plan), 0);
	assert_int_equal(plan.n, 1);
	assert_non_null(plan_step_note(&plan.steps[0]));
	plan_done(&plan);
	conf_done(&from);
	conf_done(&to);
}

static void workers_no_longer_mentioned_go_back_to_the_default(void **state)
{
	assert_plan("workers: { poll: busy }\n", "", "set workers workers poll");
}

#define PF(lines)                                                                                  \
	"portgroups: [ { name: a, bridge: br0, vlan: 1 } ]\n"                                      \
	"bridges: [ { name: br0 } ]\n"                                                             \
	"sriov: [ { pf: eth0, num_vfs: 4, vfs: [ " lines " ] } ]\n"

static void nested_item_that_changes_is_a_change_of_its_parent(void **state)
{
	assert_plan(PF("{ vf: 0, vlan: 5 }"), PF("{ vf: 0, vlan: 5 }"), "");
	assert_plan(PF("{ vf: 0, vlan: 5 }"), PF("{ vf: 0, vlan: 6 }"), "set sriov eth0 vfs");
	assert_plan(PF("{ vf: 0 }"), PF("{ vf: 0 }, { vf: 1 }"), "set sriov eth0 vfs");
	assert_plan("vms: [ { name: v } ]\n", "vms: [ { name: v, memory: { size: 64M } } ]\n",
		"set vm v memory");
}

static void nested_items_count_for_what_they_use(void **state)
{
	assert_plan("", PF("{ vf: 0, portgroup: a }"),
		"add bridge br0; add portgroup a; add sriov eth0");
	assert_plan(PF("{ vf: 0, portgroup: a }"), "",
		"del sriov eth0; del portgroup a; del bridge br0");
	assert_plan("",
		"vms: [ { name: v, nics: [ { port: p } ] } ]\n" BRIDGES
		"ports: [ { name: p, bridge: br0 } ]\n",
		"add bridge br0; add bridge br1; add port p; add vm v");
}

static void values_of_nested_items_are_told(void **state)
{
	struct conf from = conf_of(PF("{ vf: 0, vlan: 5 }")), to = conf_of(PF("{ vf: '0-1' }"));
	struct plan plan;
	char *text;

	assert_int_equal(plan_new(&from, &to, &plan), 0);
	text = json_dumps(plan.steps[0].values, JSON_COMPACT);
	assert_string_equal(text, "{\"vfs\":[[{\"vf\":0,\"vlan\":5}],[{\"vf\":\"0-1\"}]]}");
	free(text);
	plan_done(&plan);
	conf_done(&from);
	conf_done(&to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_models_make_an_empty_plan),
		cmocka_unit_test(what_is_used_comes_before_its_users),
		cmocka_unit_test(users_go_before_what_they_use),
		cmocka_unit_test(order_in_the_file_is_no_change),
		cmocka_unit_test(policy_of_a_port_is_set_in_place),
		cmocka_unit_test(group_of_the_same_bridge_is_changed_in_place),
		cmocka_unit_test(port_that_moves_to_another_bridge_is_remade),
		cmocka_unit_test(port_whose_group_moves_to_another_bridge_is_remade),
		cmocka_unit_test(port_that_leads_elsewhere_is_remade),
		cmocka_unit_test(default_written_out_does_not_remake_a_port),
		cmocka_unit_test(memory_waits_for_the_next_start),
		cmocka_unit_test(workers_no_longer_mentioned_go_back_to_the_default),
		cmocka_unit_test(nested_item_that_changes_is_a_change_of_its_parent),
		cmocka_unit_test(nested_items_count_for_what_they_use),
		cmocka_unit_test(values_of_nested_items_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
