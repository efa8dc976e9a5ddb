/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a port has from its group, what the three VLAN fields mean, and OpenFlow numbers.
 */
#include "unit.h"

#include <errno.h>

#include "conf_by_hand.h"
#include "conf/policy.h"
#include "resolve.h"

#define BRIDGE "bridges: [ { name: br0 } ]\n"

static struct dp_port_policy policy_of(const struct conf *conf, const char *name)
{
	struct dp_port_policy policy;
	struct dp_port_conf port;

	assert_int_equal(resolve_port(conf, conf_item(conf, API_PORT, name), "/run/shunt-test",
				 &port, &policy, NULL),
		0);
	return policy;
}

static struct dp_vlan_policy vlan_policy(const char *vlan, const char *trunk, const char *mode)
{
	struct dp_vlan_policy policy;
	struct sh_err err = { "" };

	if (resolve_vlan(vlan, trunk, mode, &policy, &err) < 0)
		fail_msg("%s", err.text);
	return policy;
}

static void nothing_given_is_a_trunk_of_all(void **state)
{
	struct dp_vlan_policy policy = vlan_policy(NULL, NULL, NULL);

	assert_int_equal(policy.mode, DP_VLAN_TRUNK);
	assert_true(dp_vlan_set_has(policy.trunk, 0));
	assert_true(dp_vlan_set_has(policy.trunk, 4094));
}

static void vlan_alone_is_access(void **state)
{
	struct dp_vlan_policy policy = vlan_policy("100", NULL, NULL);

	assert_int_equal(policy.mode, DP_VLAN_ACCESS);
	assert_int_equal(policy.vlan, 100);
}

static void trunk_alone_is_a_trunk(void **state)
{
	struct dp_vlan_policy policy = vlan_policy(NULL, "10,20-21", NULL);

	assert_int_equal(policy.mode, DP_VLAN_TRUNK);
	assert_true(dp_vlan_set_has(policy.trunk, 21));
	assert_false(dp_vlan_set_has(policy.trunk, 0));
	assert_false(dp_vlan_set_has(policy.trunk, 11));
}

static void native_vlan_is_always_carried(void **state)
{
	struct dp_vlan_policy policy = vlan_policy("5", "10", "native-untagged");

	assert_int_equal(policy.mode, DP_VLAN_NATIVE_UNTAGGED);
	assert_int_equal(policy.vlan, 5);
	assert_true(dp_vlan_set_has(policy.trunk, 5));
	assert_true(dp_vlan_set_has(policy.trunk, 10));
	assert_false(dp_vlan_set_has(policy.trunk, 6));
	policy = vlan_policy("5", NULL, "native-tagged");
	assert_int_equal(policy.mode, DP_VLAN_NATIVE_TAGGED);
	assert_true(dp_vlan_set_has(policy.trunk, 4094));
}

static void port_takes_what_it_does_not_set_from_its_group(void **state)
{
	struct conf conf = conf_of(BRIDGE
		"portgroups: [ { name: g, bridge: br0, vlan: 100, mtu: 9000, isolated: true, "
		"mac_changes: reject, rate_limit_in: 1M } ]\n"
		"ports: [ { name: p, portgroup: g, mtu: 1400, promiscuous: accept } ]\n");
	struct dp_port_policy policy = policy_of(&conf, "p");

	assert_int_equal(policy.vlan.vlan, 100);
	assert_int_equal(policy.mtu, 1400);
	assert_true(policy.isolated);
	assert_true(policy.reject_mac_changes);
	assert_false(policy.reject_forged_transmits);
	assert_true(policy.promiscuous);
	assert_int_equal(policy.rate_in_bps, 1000000);
	assert_int_equal(policy.rate_out_bps, 0);
	assert_true(policy.admin_up);
	conf_done(&conf);
}

static void vlan_policy_of_a_port_is_not_mixed_with_its_groups(void **state)
{
	struct conf conf = conf_of(BRIDGE "portgroups: [ { name: g, bridge: br0, vlan: 100 } ]\n"
					  "ports: [ { name: p, portgroup: g, trunk: \"7\" } ]\n");
	struct dp_port_policy policy = policy_of(&conf, "p");

	assert_int_equal(policy.vlan.mode, DP_VLAN_TRUNK);
	assert_true(dp_vlan_set_has(policy.vlan.trunk, 7));
	assert_false(dp_vlan_set_has(policy.vlan.trunk, 100));
	conf_done(&conf);
}

static void overrides_are_fields_that_the_group_has_too(void **state)
{
	struct conf conf =
		conf_of(BRIDGE "portgroups: [ { name: g, bridge: br0, mtu: 9000 } ]\n"
			       "ports: [ { name: p, portgroup: g, mtu: 1400, mac_limit: 3 } ]\n");
	const struct conf_item *port = conf_item(&conf, API_PORT, "p");

	assert_true(conf_overrides(&conf, port, "mtu"));
	assert_false(conf_overrides(&conf, port, "mac_limit"));
	assert_false(conf_overrides(&conf, port, "isolated"));
	conf_done(&conf);
}

static void assert_ofport(const struct conf *conf, const char *name, const char *number)
{
	assert_string_equal(conf_get(conf_item(conf, API_PORT, name), API_PORT, "ofport"), number);
}

static void ofports_are_given_kept_or_the_next_free(void **state)
{
	struct conf old = conf_of(BRIDGE "ports: [ { name: a, bridge: br0, ofport: 2 }, "
					 "{ name: b, bridge: br0 }, { name: c, bridge: br0 } ]\n");
	struct conf new = conf_of(BRIDGE "ports: [ { name: c, bridge: br0 }, "
					 "{ name: d, bridge: br0 }, { name: a, bridge: br0 }, "
					 "{ name: e, bridge: br0, ofport: 1 } ]\n");

	assert_int_equal(ofport_assign(&old, NULL, NULL), 0);
	assert_ofport(&old, "a", "2");
	assert_ofport(&old, "b", "1");
	assert_ofport(&old, "c", "3");
	assert_int_equal(ofport_assign(&new, &old, NULL), 0);
	assert_ofport(&new, "a", "2");
	assert_ofport(&new, "c", "3");
	assert_ofport(&new, "e", "1");
	assert_ofport(&new, "d", "4");
	conf_done(&old);
	conf_done(&new);
}

static void ofports_count_for_each_bridge(void **state)
{
	struct conf conf =
		conf_of("bridges: [ { name: br0 }, { name: br1 } ]\n"
			"ports: [ { name: a, bridge: br0 }, { name: b, bridge: br1 } ]\n");

	assert_int_equal(ofport_assign(&conf, NULL, NULL), 0);
	assert_ofport(&conf, "a", "1");
	assert_ofport(&conf, "b", "1");
	conf_done(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_is_a_trunk_of_all),
		cmocka_unit_test(vlan_alone_is_access),
		cmocka_unit_test(trunk_alone_is_a_trunk),
		cmocka_unit_test(native_vlan_is_always_carried),
		cmocka_unit_test(port_takes_what_it_does_not_set_from_its_group),
		cmocka_unit_test(vlan_policy_of_a_port_is_not_mixed_with_its_groups),
		cmocka_unit_test(overrides_are_fields_that_the_group_has_too),
		cmocka_unit_test(ofports_are_given_kept_or_the_next_free),
		cmocka_unit_test(ofports_count_for_each_bridge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
