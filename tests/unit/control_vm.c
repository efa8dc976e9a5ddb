/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ports and addresses of virtual machines, and what their processes are told.
 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "api/value.h"
#include "conf_by_hand.h"
#include "vm_definition.h"
#include "vm_port.h"

#define GROUPS                                                                                     \
	"bridges: [ { name: b } ]\n"                                                               \
	"portgroups: [ { name: g, bridge: b, mtu: 1400 }, { name: h, bridge: b } ]\n"

static struct conf settled(const char *text, const struct conf *old)
{
	struct conf conf = conf_of(text), none;
	struct conf_where where;
	struct sh_err err = { "" };

	conf_init(&none);
	if (vm_ports_settle(&conf, old ? old : &none, "host", &where, &err) < 0)
		fail_msg("%s", err.text);
	return conf;
}

static const char *port_get(const struct conf *conf, const char *name, const char *field)
{
	const struct conf_item *port = conf_item(conf, API_PORT, name);

	assert_non_null(port);
	return conf_get(port, API_PORT, field);
}

static void interface_with_a_group_brings_a_port(void **state)
{
	struct conf conf = settled(GROUPS "vms: [ { name: v, nics: [ { vf: e/0 }, { portgroup: g, "
					  "queues: 2 } ] }, { name: w } ]\n",
		NULL);

	assert_int_equal(conf.of[API_PORT].n, 1);
	assert_string_equal(port_get(&conf, "v-1", "portgroup"), "g");
	assert_string_equal(port_get(&conf, "v-1", "queues"), "2");
	conf_done(&conf);
}

static void port_of_an_interface_keeps_what_is_its_own(void **state)
{
	struct conf old =
		settled(GROUPS "vms: [ { name: v, nics: [ { portgroup: g } ] } ]\n", NULL);
	struct conf conf =
		settled(GROUPS "ports: [ { name: v-0, bridge: b, ofport: 9, isolated: true } ]\n"
			       "vms: [ { name: v, nics: [ { portgroup: h } ] } ]\n",
			&old);

	assert_string_equal(port_get(&conf, "v-0", "portgroup"), "h");
	assert_null(port_get(&conf, "v-0", "bridge"));
	assert_string_equal(port_get(&conf, "v-0", "ofport"), "9");
	assert_string_equal(port_get(&conf, "v-0", "isolated"), "true");
	conf_done(&conf);
	conf_done(&old);
}

static void port_that_is_no_vms_is_not_taken(void **state)
{
	struct conf old = conf_of(GROUPS "ports: [ { name: v-0, bridge: b } ]\n");
	struct conf conf = conf_of(GROUPS "ports: [ { name: v-0, bridge: b } ]\n"
					  "vms: [ { name: v, nics: [ { portgroup: g } ] } ]\n");
	struct conf_where where;
	struct sh_err err = { "" };

	assert_int_equal(vm_ports_settle(&conf, &old, "host", &where, &err), -EEXIST);
	assert_string_equal(where.list, "nics");
	assert_int_equal(where.list_index, 0);
	conf_done(&conf);
	conf_done(&old);
}

static void ports_that_no_interface_brings_any_more_are_dropped_with_their_entries(void **state)
{
	struct conf was = settled(GROUPS
		"vms: [ { name: v, nics: [ { portgroup: g }, { portgroup: g }, { port: x } ] } ]\n"
		"ports: [ { name: x, bridge: b }, { name: v-1, portgroup: g } ]\n"
		"fdb: [ { bridge: b, mac: 02:00:00:00:00:01, port: v-1 } ]\n",
		NULL);
	struct conf is = conf_of(GROUPS "vms: [ { name: v, nics: [ { portgroup: g } ] } ]\n");
	struct conf conf;

	assert_int_equal(conf_copy(&was, &conf), 0);
	vm_ports_drop(&conf, was.of[API_VM].items, is.of[API_VM].items);
	assert_non_null(conf_item(&conf, API_PORT, "v-0"));
	assert_null(conf_item(&conf, API_PORT, "v-1"));
	assert_int_equal(conf.of[API_FDB].n, 0);
	vm_ports_drop(&conf, was.of[API_VM].items, NULL);
	assert_null(conf_item(&conf, API_PORT, "v-0"));
	assert_non_null(conf_item(&conf, API_PORT, "x"));
	conf_done(&conf);
	conf_done(&was);
	conf_done(&is);
}

static void address_is_stable_local_and_each_interfaces_own(void **state)
{
	struct conf conf =
		conf_of(GROUPS "vms: [ { name: v, nics: [ { portgroup: g }, { portgroup: "
			       "g }, { portgroup: g, mac: 02:00:00:00:00:09 } ] } ]\n");
	const struct conf_item *vm = conf.of[API_VM].items;
	char first[18], again[18], second[18], elsewhere[18], given[18];
	uint8_t mac[6];

	vm_nic_mac(vm, 0, "host", first);
	vm_nic_mac(vm, 0, "host", again);
	vm_nic_mac(vm, 1, "host", second);
	vm_nic_mac(vm, 0, "other", elsewhere);
	vm_nic_mac(vm, 2, "host", given);
	assert_int_equal(api_parse_mac(first, mac), 0);
	assert_int_equal(mac[0] & 3, 2);
	assert_string_equal(first, again);
	assert_string_not_equal(first, second);
	assert_string_not_equal(first, elsewhere);
	assert_string_equal(given, "02:00:00:00:00:09");
	conf_done(&conf);
}

static void definition_has_socket_address_and_mtu_of_each_interface(void **state)
{
	struct ctl ctl = { .env.run_dir = "/run/shunt-test", .machine_id = "host" };
	struct sh_err err = { "" };
	char *text;

	ctl.conf = settled(GROUPS
		"ports: [ { name: p, bridge: b, socket: /x.sock, mac: 02:00:00:00:00:05 } ]\n"
		"vms: [ { name: v, nics: [ { portgroup: g, mac: 02:00:00:00:00:09 }, { port: p, "
		"mtu: 9000 } ] } ]\n",
		NULL);
	assert_int_equal(vm_definition(&ctl, ctl.conf.of[API_VM].items, &text, &err), 0);
	assert_string_equal(text, "{\"name\":\"v\",\"nics\":["
				  "{\"portgroup\":\"g\",\"mac\":\"02:00:00:00:00:09\","
				  "\"socket\":\"/run/shunt-test/v-0.sock\",\"mtu\":1400},"
				  "{\"port\":\"p\",\"mtu\":9000,\"socket\":\"/x.sock\","
				  "\"mac\":\"02:00:00:00:00:05\"}]}");
	free(text);
	conf_done(&ctl.conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interface_with_a_group_brings_a_port),
		cmocka_unit_test(port_of_an_interface_keeps_what_is_its_own),
		cmocka_unit_test(port_that_is_no_vms_is_not_taken),
		cmocka_unit_test(
			ports_that_no_interface_brings_any_more_are_dropped_with_their_entries),
		cmocka_unit_test(address_is_stable_local_and_each_interfaces_own),
		cmocka_unit_test(definition_has_socket_address_and_mtu_of_each_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
