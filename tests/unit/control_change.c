/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Changes that the dataplane or the disk refuses, at each of their steps: model and switch are
 * then what they were before.
 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "conf_by_hand.h"
#include "fake_dp.h"
#include "method.h"

static const char before_text[] =
	"bridges: [ { name: br0 } ]\n"
	"portgroups: [ { name: g, bridge: br0, vlan: 100 } ]\n"
	"ports: [ { name: p, portgroup: g }, { name: up, bridge: br0, type: 'null' } ]\n"
	"fdb: [ { bridge: br0, vlan: 100, mac: '02:00:00:00:00:01', port: p } ]\n"
	"mirrors: [ { name: m, bridge: br0, select_src_port: [ p ], output_port: up },\n"
	"  { name: n, bridge: br0, output_vlan: 9 } ]\n";
static const char after_text[] =
	"workers: { cpus: [ 0 ] }\n"
	"bridges: [ { name: br0, fdb_size: 100 }, { name: br1 } ]\n"
	"portgroups: [ { name: g, bridge: br0, vlan: 200 } ]\n"
	"ports: [ { name: p, portgroup: g, queues: 2 }, { name: q, bridge: br1 } ]\n"
	"fdb: [ { bridge: br0, vlan: 200, mac: '02:00:00:00:00:02', port: p } ]\n"
	"mirrors: [ { name: m, bridge: br0, output_vlan: 10 }, { name: n, bridge: br1,\n"
	"  output_vlan: 9 }, { name: o, bridge: br0, select_dst_port: [ p ], output_vlan: 9 } ]\n";

/* A switch like a text; what cannot be made is kept, as at a start. */
static void start(struct ctl *ctl, const char *text, unsigned fail_at)
{
	struct conf conf = conf_of(text);
	struct sh_err err = { "" };

	memset(ctl, 0, sizeof(*ctl));
	fake_dp_reset();
	fake_dp.fail_at = fail_at;
	conf_env_init(&ctl->env, "/run/shunt-test");
	CPU_SET(0, &ctl->env.cpus);
	assert_int_equal(store_init(&ctl->store, "/nonexistent/x.yaml", "/nonexistent", NULL), 0);
	switch_init(&ctl->sw, ctl, fake_dp_get(), NULL);
	if (ctl_start(ctl, &conf, &err) < 0)
		fail_msg("%s", err.text);
	fake_dp.calls = fake_dp.fail_at = 0;
}

static void stop(struct ctl *ctl)
{
	switch_stop(&ctl->sw);
	switch_done(&ctl->sw);
	conf_done(&ctl->conf);
	fake_dp_reset();
}

static int change_to(struct ctl *ctl, const char *text, struct sh_err *err)
{
	const struct change change = { .file = "text" };
	struct conf to = conf_of(text);

	return ctl_change(ctl, &to, &change, NULL, err);
}

/* Each port and bridge of the model is there, with its device. */
static void assert_switch_is(const struct ctl *ctl, const char *text)
{
	struct conf conf = conf_of(text);

	assert_int_equal(ctl->conf.of[API_PORT].n, conf.of[API_PORT].n);
	assert_int_equal(ctl->sw.n_ports, conf.of[API_PORT].n);
	assert_int_equal(ctl->sw.n_bridges, conf.of[API_BRIDGE].n);
	assert_int_equal(fake_dp.n_ports, conf.of[API_PORT].n);
	assert_int_equal(fake_dp.n_bridges, conf.of[API_BRIDGE].n);
	assert_int_equal(fake_dp.n_entries, conf.of[API_FDB].n);
	assert_int_equal(fake_dp.n_mirrors, conf.of[API_MIRROR].n);
	for (uint32_t i = 0; i < conf.of[API_PORT].n; i++) {
		const char *name = conf_get(&conf.of[API_PORT].items[i], API_PORT, "name");

		assert_non_null(conf_item(&ctl->conf, API_PORT, name));
		assert_non_null(switch_port(&ctl->sw, name));
		assert_non_null(switch_port(&ctl->sw, name)->dp);
	}
	conf_done(&conf);
}

static void change_that_fails_at_any_step_is_undone(void **state)
{
	unsigned n = 0;
	int r;

	do {
		struct sh_err err = { "" };
		struct ctl ctl;

		start(&ctl, before_text, 0);
		fake_dp.fail_at = ++n;
		r = change_to(&ctl, after_text, &err);
		if (r < 0) {
			assert_int_equal(r, -ENODEV);
			assert_non_null(strstr(err.text, "the test wants it so"));
		}
		assert_switch_is(&ctl, r < 0 ? before_text : after_text);
		stop(&ctl);
	} while (r < 0);
	assert_true(n > 8);
}

static const char two_text[] = "bridges: [ { name: br0 }, { name: br1 } ]\n"
			       "ports: [ { name: p, bridge: br0 }, { name: q, bridge: br1 } ]\n";
static const char other_text[] =
	"bridges: [ { name: br0, fdb_size: 100 }, { name: br2 } ]\n"
	"ports: [ { name: p, bridge: br0, queues: 2 }, { name: q, bridge: br2 } ]\n";

/* What only controllers know cannot be made again: it must never have gone. */
static void change_that_fails_leaves_what_controllers_have_made(void **state)
{
	unsigned n = 0;
	int r;

	do {
		struct sh_err err = { "" };
		const struct openflow *openflow;
		struct ctl ctl;

		start(&ctl, two_text, 0);
		openflow = switch_bridge(&ctl.sw, "br1")->openflow;
		switch_port(&ctl.sw, "p")->of_config = OF_PC_NO_FWD;
		switch_port(&ctl.sw, "q")->of_config = OF_PC_NO_RECV;
		fake_dp.fail_at = ++n;
		r = change_to(&ctl, other_text, &err);
		assert_switch_is(&ctl, r < 0 ? two_text : other_text);
		assert_int_equal(switch_port(&ctl.sw, "p")->of_config, OF_PC_NO_FWD);
		assert_true(dp_port_get_policy(switch_port(&ctl.sw, "p")->dp)->no_forward);
		if (r < 0) {
			assert_ptr_equal(switch_bridge(&ctl.sw, "br1")->openflow, openflow);
			assert_int_equal(switch_port(&ctl.sw, "q")->of_config, OF_PC_NO_RECV);
			assert_true(dp_port_get_policy(switch_port(&ctl.sw, "q")->dp)->no_receive);
		} else {
			assert_int_equal(switch_port(&ctl.sw, "q")->of_config, 0);
		}
		stop(&ctl);
	} while (r < 0);
	assert_true(n > 4);
}

static void change_that_cannot_be_stored_is_undone(void **state)
{
	struct sh_err err = { "" };
	struct ctl ctl;

	start(&ctl, before_text, 0);
	assert_int_equal(store_init(&ctl.store, NULL, "/nonexistent", NULL), 0);
	assert_int_equal(change_to(&ctl, after_text, &err), -ENOENT);
	assert_non_null(strstr(err.text, "cannot save the configuration"));
	assert_switch_is(&ctl, before_text);
	stop(&ctl);
}

static void dry_run_changes_nothing(void **state)
{
	const struct change change = { .file = "text", .dry_run = true };
	struct conf to = conf_of(after_text);
	struct plan plan;
	struct ctl ctl;

	start(&ctl, before_text, 0);
	assert_int_equal(ctl_change(&ctl, &to, &change, &plan, NULL), 0);
	assert_true(plan.n > 5);
	plan_done(&plan);
	assert_switch_is(&ctl, before_text);
	assert_int_equal(fake_dp.calls, 0);
	stop(&ctl);
}

/* Calls of the start: bridge, first port (and its entry), second port. */
#define CALL_OF_FIRST_PORT 2

static void port_that_could_not_be_made_comes_with_the_next_apply(void **state)
{
	json_t *params = json_pack("{s:s}", "text", before_text), *result = NULL;
	struct sh_err err = { "" };
	struct ctl ctl;
	int code;

	start(&ctl, before_text, CALL_OF_FIRST_PORT);
	assert_int_equal(fake_dp.n_ports, 1);
	assert_int_equal(method_call(&ctl, "apply", params, NULL, &result, &code, &err), 0);
	assert_switch_is(&ctl, before_text);
	json_decref(result);
	json_decref(params);
	stop(&ctl);
}

static void answer_is_not_there_when_the_commit_of_such_a_port_fails(void **state)
{
	json_t *params = json_pack("{s:s}", "text", before_text), *result = NULL;
	struct sh_err err = { "" };
	struct ctl ctl;
	int code;

	start(&ctl, before_text, CALL_OF_FIRST_PORT);
	fake_dp.fail_at = 3; /* the port, its entry, the commit */
	assert_int_equal(method_call(&ctl, "apply", params, NULL, &result, &code, &err), -ENODEV);
	assert_null(result);
	json_decref(params);
	stop(&ctl);
}

static int setup(void **state)
{
	sh_log_init("test", SH_LOG_ERR);
	return 0;
}

static void assert_del_refused(struct ctl *ctl, const char *method, const char *expected)
{
	json_t *params = json_pack("{s:s}", "name", "x"), *result = NULL;
	struct sh_err err = { "" };
	int code;

	assert_int_equal(method_call(ctl, method, params, NULL, &result, &code, &err), -EBUSY);
	assert_string_equal(err.text, expected);
	json_decref(params);
}

static void what_a_nested_item_names_is_in_use(void **state)
{
	struct ctl ctl;

	start(&ctl,
		"bridges: [ { name: b } ]\n"
		"portgroups: [ { name: x, bridge: b } ]\n"
		"ports: [ { name: x, bridge: b } ]\n"
		"sriov: [ { pf: eth0, vfs: [ { vf: 0 }, { vf: 1, portgroup: x } ] } ]\n"
		"vms: [ { name: v, nics: [ { portgroup: x }, { port: x } ] } ]\n",
		0);
	assert_del_refused(
		&ctl, "portgroup.del", "port group 'x' is in use by port 'v-0', PF 'eth0', VM 'v'");
	assert_del_refused(&ctl, "port.del", "port 'x' is in use by VM 'v'");
	stop(&ctl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(change_that_fails_at_any_step_is_undone),
		cmocka_unit_test(change_that_fails_leaves_what_controllers_have_made),
		cmocka_unit_test(change_that_cannot_be_stored_is_undone),
		cmocka_unit_test(dry_run_changes_nothing),
		cmocka_unit_test(port_that_could_not_be_made_comes_with_the_next_apply),
		cmocka_unit_test(answer_is_not_there_when_the_commit_of_such_a_port_fails),
		cmocka_unit_test(what_a_nested_item_names_is_in_use),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
