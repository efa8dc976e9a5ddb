/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading and writing configurations: the corpus of bad ones, each with the sentence that it must
 * be refused with, and round trips of good ones through YAML and JSON.
 */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/value.h"
#include "conf/json.h"
#include "conf/yaml.h"

#define EXPECT "# expect: FILE:"

static struct conf_env test_env(void)
{
	struct conf_env env = { .run_dir = "/run/shunt-test" };

	CPU_ZERO(&env.cpus);
	CPU_SET(0, &env.cpus);
	CPU_SET(1, &env.cpus);
	return env;
}

static int load(const char *text, struct conf *ret, struct sh_err *err)
{
	struct conf_env env = test_env();

	return conf_load_text(text, strlen(text), "FILE", &env, ret, err);
}

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 65536);

	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, f) > 0);
	fclose(f);
	return text;
}

static void check_bad(const char *name)
{
	char path[512], expected[512];
	struct sh_err err = { "" };
	struct conf conf;
	char *text;

	snprintf(path, sizeof(path), "%s/%s", CONFIG_CORPUS, name);
	text = read_all(path);
	assert_int_equal(strncmp(text, EXPECT, strlen(EXPECT)), 0);
	snprintf(expected, sizeof(expected), "%.*s", (int)strcspn(text, "\n"),
		text + strlen("# expect: "));
	expected[strcspn(expected, "\n")] = '\0';
	assert_true(load(text, &conf, &err) < 0);
	assert_string_equal(err.text, expected);
	free(text);
}

static void each_bad_file_is_refused_with_file_line_field_and_what_is_allowed(void **state)
{
	DIR *dir = opendir(CONFIG_CORPUS);
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		check_bad(entry->d_name);
		n++;
	}
	closedir(dir);
	assert_true(n > 80);
}

static const char every_field[] =
	"workers: { cpus: [0, 1], poll: busy }\n"
	"memory: { size: 64M, hugepages: off }\n"
	"bridges:\n"
	"  - { name: br0, fail_mode: secure, datapath_id: \"00000000000000AB\",\n"
	"      controllers: [ \"tcp:127.0.0.1:6653\", \"ptcp:6654\" ], fdb_size: 128,\n"
	"      fdb_ageing_s: 0 }\n"
	"portgroups:\n"
	"  - { name: g, bridge: br0, vlan: 010, trunk: \"10,20-29\", vlan_mode: native-tagged,\n"
	"      promiscuous: accept, mac_changes: reject, forged_transmits: reject,\n"
	"      mac_limit: 5, isolated: true, rate_limit_in: 100M, rate_limit_out: 1000,\n"
	"      storm_limit: 7, mtu: 9000 }\n"
	"ports:\n"
	"  - { name: web1, portgroup: g, type: vhost-user, mode: client, socket: /tmp/x.sock,\n"
	"      queues: 8, ofport: 65279, mac: \"02:00:00:00:00:AA\", enabled: false }\n"
	"  - { name: null, bridge: br0, type: null }\n"
	"  - { name: up0, bridge: br0, type: uplink, device: \"pci:0000:01:00.0\", trunk: all }\n"
	"  - { name: cap, bridge: br0, type: pcap, device: \"in.pcap,\" }\n"
	"  - { name: sock, bridge: br0 }\n"
	"fdb:\n"
	"  - { bridge: br0, vlan: 10, mac: \"02:00:00:00:00:01\", port: web1 }\n"
	"mirrors:\n"
	"  - { name: m, bridge: br0, select_all: false, select_src_port: [ up0, sock ],\n"
	"      select_dst_port: [ sock ], select_vlan: \"10,20-29\", output_port: cap,\n"
	"      output_tags: by-vlan, snaplen: 0128 }\n"
	"  - { name: n, bridge: br0, output_vlan: 99 }\n"
	"sriov:\n"
	"  - { pf: \"8086:10c9 igb\", num_vfs: 7, drivers_autoprobe: false, eswitch: legacy,\n"
	"      inline_mode: none, encap_mode: basic, mtu: 9000, vfs: [\n"
	"      { vf: \"0-06\", portgroup: g, mac: auto, qos: 3, vlan_proto: 802.1ad, trunk: all,\n"
	"        spoofchk: true, trust: false, link_state: auto, min_tx_rate: 1, max_tx_rate: 2,\n"
	"        query_rss: true, msix_vectors: 5, driver: vfio-pci, state: active,\n"
	"        hw_addr: \"02:00:00:00:00:BB\", fn_tx_max: 4, fn_tx_share: 3 },\n"
	"      { vf: 3, vlan: 100, mac: \"02:00:00:00:00:AA\" } ] }\n"
	"  - { pf: eth1 }\n"
	"vms:\n"
	"  - { name: web1, vcpus: 2, memory: { size: 512M, hugepages: 2M, mergeable: false,\n"
	"      numa_node: 0 }, kernel: vmlinuz, initrd: initrd.gz, cmdline: \"root=/dev/vda "
	"a,b\",\n"
	"      disks: [ { file: web1.raw, size: 10G, discard: true, readonly: false } ],\n"
	"      nics: [ { portgroup: g, mac: 02:00:00:00:00:0C, queues: 2, mtu: 1400 }, { port: "
	"sock }, { vf: eth0/0 } ],\n"
	"      pin: [ { vcpu: 0, cpus: [ 02, 3 ] }, { vcpu: 1, cpus: [ 3 ] } ], balloon: false,\n"
	"      rng: true, serial: pty, user: nobody, chroot: /var/empty,\n"
	"      autostart: true }\n"
	"  - { name: web2, memory: {}, disks: [] }\n";

static void assert_equal_confs(const struct conf *a, const struct conf *b)
{
	for (enum api_noun noun = 0; noun < API_N_KEYS; noun++) {
		assert_int_equal(a->of[noun].n, b->of[noun].n);
		for (uint32_t i = 0; i < a->of[noun].n; i++)
			for (unsigned f = 0; f < api_tables[noun].n_fields; f++)
				if (!conf_equal_field(
					    noun, f, &a->of[noun].items[i], &b->of[noun].items[i]))
					fail_msg("%s %u: %s", api_tables[noun].key, i,
						api_tables[noun].fields[f].name);
	}
}

static void mark_given(
	const struct conf_item *item, enum api_noun noun, bool given[API_N_NOUNS][API_MAX_FIELDS])
{
	for (unsigned f = 0; f < api_tables[noun].n_fields; f++) {
		const struct api_field *field = &api_tables[noun].fields[f];

		given[noun][f] |= !conf_equal_field(noun, f, item, NULL);
		if (!api_field_is_nested(field))
			continue;
		for (uint32_t i = 0; i < conf_nested(item, noun, field->name)->n; i++)
			mark_given(
				&conf_nested(item, noun, field->name)->items[i], field->ref, given);
	}
}

static void every_field_of_mirrors_sriov_and_vms_is_in_the_round_trips(void **state)
{
	bool given[API_N_NOUNS][API_MAX_FIELDS] = { 0 };
	struct conf conf;

	assert_int_equal(load(every_field, &conf, NULL), 0);
	for (enum api_noun noun = 0; noun < API_N_KEYS; noun++)
		for (uint32_t i = 0; i < conf.of[noun].n; i++)
			mark_given(&conf.of[noun].items[i], noun, given);
	for (enum api_noun noun = API_MIRROR; noun < API_N_NOUNS; noun++)
		for (unsigned f = 0; f < api_tables[noun].n_fields; f++)
			if (!given[noun][f])
				fail_msg("%s: %s", api_tables[noun].key,
					api_tables[noun].fields[f].name);
	conf_done(&conf);
}

static void what_is_saved_loads_as_the_same(void **state)
{
	struct sh_err err = { "" };
	struct conf first, second;
	char *text;

	assert_int_equal(load(every_field, &first, &err), 0);
	assert_int_equal(conf_save_text(&first, &text, &err), 0);
	assert_int_equal(load(text, &second, &err), 0);
	assert_equal_confs(&first, &second);
	free(text);
	conf_done(&first);
	conf_done(&second);
}

/* A value of one of the items nested in the first item of a noun. */
static const char *nested(
	const struct conf *conf, enum api_noun noun, const char *list, uint32_t i, const char *name)
{
	const struct conf_items *items = conf_nested(conf->of[noun].items, noun, list);

	assert_true(i < items->n);
	return conf_get(&items->items[i], api_field_find(noun, list)->ref, name);
}

static void values_become_canonical(void **state)
{
	struct conf conf;

	assert_int_equal(load(every_field, &conf, NULL), 0);
	assert_string_equal(conf_get(&conf.of[API_BRIDGE].items[0], API_BRIDGE, "datapath_id"),
		"00000000000000ab");
	assert_string_equal(
		conf_get(&conf.of[API_PORTGROUP].items[0], API_PORTGROUP, "vlan"), "10");
	assert_string_equal(
		conf_get(&conf.of[API_PORT].items[0], API_PORT, "mac"), "02:00:00:00:00:aa");
	assert_string_equal(conf_get(&conf.of[API_WORKERS].items[0], API_WORKERS, "cpus"), "0,1");
	assert_string_equal(nested(&conf, API_SRIOV, "vfs", 0, "vf"), "0-6");
	assert_string_equal(nested(&conf, API_SRIOV, "vfs", 0, "hw_addr"), "02:00:00:00:00:bb");
	assert_string_equal(nested(&conf, API_SRIOV, "vfs", 1, "mac"), "02:00:00:00:00:aa");
	assert_string_equal(nested(&conf, API_VM, "pin", 0, "cpus"), "2,3");
	/* What says nothing is as if it were not there. */
	assert_int_equal(conf_nested(&conf.of[API_VM].items[1], API_VM, "memory")->n, 0);
	conf_done(&conf);
}

static void an_empty_file_is_an_empty_configuration(void **state)
{
	static const char *const texts[] = { "", "# nothing\n", "---\n", "{}\n",
		"ports: []\nbridges: []\n" };

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sh_err err = { "" };
		struct conf conf;

		if (load(texts[i], &conf, &err) < 0)
			fail_msg("'%s': %s", texts[i], err.text);
		for (int noun = 0; noun < API_N_KEYS; noun++)
			assert_int_equal(conf.of[noun].n, 0);
		conf_done(&conf);
	}
}

static void json_and_yaml_hold_the_same(void **state)
{
	struct conf conf, back;

	assert_int_equal(load(every_field, &conf, NULL), 0);
	conf_init(&back);
	for (int noun = 0; noun < API_N_KEYS; noun++) {
		for (uint32_t i = 0; i < conf.of[noun].n; i++) {
			json_t *object = conf_item_to_json(&conf.of[noun].items[i], noun);
			struct sh_err err = { "" };

			assert_non_null(object);
			if (conf_item_from_json(conf_append(&back, noun), noun, object, &err) < 0)
				fail_msg("%s", err.text);
			json_decref(object);
		}
	}
	assert_equal_confs(&conf, &back);
	conf_done(&conf);
	conf_done(&back);
}

static void json_types_are_those_of_the_fields(void **state)
{
	struct conf conf;
	json_t *root;

	assert_int_equal(load(every_field, &conf, NULL), 0);
	root = conf_to_json(&conf);
	assert_int_equal(json_integer_value(json_array_get(
				 json_object_get(json_object_get(root, "workers"), "cpus"), 1)),
		1);
	root = (json_decref(root),
		conf_item_to_json(&conf.of[API_PORTGROUP].items[0], API_PORTGROUP));
	assert_true(json_is_integer(json_object_get(root, "vlan")));
	assert_true(json_is_true(json_object_get(root, "isolated")));
	assert_string_equal(json_string_value(json_object_get(root, "rate_limit_in")), "100M");
	assert_int_equal(json_integer_value(json_object_get(root, "rate_limit_out")), 1000);
	json_decref(root);
	root = conf_item_to_json(&conf.of[API_VM].items[0], API_VM);
	assert_true(json_is_integer(json_object_get(root, "vcpus")));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(root, "memory"), "size")),
		"512M");
	assert_int_equal(json_array_size(json_object_get(root, "nics")), 3);
	json_decref(root);
	conf_done(&conf);
}

static int set_json_of(
	struct conf_item *item, enum api_noun noun, const char *text, struct sh_err *err)
{
	json_t *object = json_loads(text, JSON_ALLOW_NUL, NULL);
	int r;

	assert_non_null(object);
	r = conf_item_from_json(item, noun, object, err);
	json_decref(object);
	return r;
}

static int set_json(struct conf_item *item, const char *text, struct sh_err *err)
{
	return set_json_of(item, API_PORT, text, err);
}

static void json_null_removes_a_field(void **state)
{
	struct conf conf;
	struct conf_item *port;

	conf_init(&conf);
	port = conf_append(&conf, API_PORT);
	assert_int_equal(set_json(port, "{\"name\": \"a\", \"vlan\": 7}", NULL), 0);
	assert_string_equal(conf_get(port, API_PORT, "vlan"), "7");
	assert_int_equal(set_json(port, "{\"vlan\": null}", NULL), 0);
	assert_null(conf_get(port, API_PORT, "vlan"));
	conf_done(&conf);
}

static void json_of_the_wrong_kind_is_refused(void **state)
{
	static const char *const bad[] = { "{\"vlan\": 4095}", "{\"vlan\": -1}", "{\"vlan\": 1.5}",
		"{\"vlan\": {}}", "{\"vlan\": [1]}", "{\"nam\": \"x\"}",
		"{\"name\": \"a\\u0000b\"}", "{\"enabled\": 1}", "{\"socket\": \"a\\nb\"}" };
	struct conf conf;
	struct conf_item *port;

	conf_init(&conf);
	port = conf_append(&conf, API_PORT);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sh_err err = { "" };

		assert_int_equal(set_json(port, bad[i], &err), -EINVAL);
		assert_true(err.text[0]);
	}
	conf_done(&conf);
}

/* As JSON, to be compared with a text. */
static void assert_vm_is(const struct conf_item *vm, const char *expected)
{
	json_t *object = conf_item_to_json(vm, API_VM);
	char *text = json_dumps(object, JSON_COMPACT);

	assert_string_equal(text, expected);
	free(text);
	json_decref(object);
}

static void json_list_replaces_and_json_mapping_changes(void **state)
{
	struct conf_item *vm;
	struct conf conf;

	conf_init(&conf);
	vm = conf_append(&conf, API_VM);
	assert_int_equal(
		set_json_of(vm, API_VM,
			"{\"memory\": {\"size\": \"1G\", \"mergeable\": true},"
			" \"disks\": [{\"file\": \"a\"}, {\"file\": \"b\", \"size\": \"1M\"}]}",
			NULL),
		0);
	assert_int_equal(
		set_json_of(vm, API_VM,
			"{\"memory\": {\"size\": \"2G\"}, \"disks\": [{\"file\": \"c\"}]}", NULL),
		0);
	assert_vm_is(vm, "{\"memory\":{\"size\":\"2G\",\"mergeable\":true},"
			 "\"disks\":[{\"file\":\"c\"}]}");
	assert_int_equal(
		set_json_of(vm, API_VM,
			"{\"memory\": {\"size\": null, \"mergeable\": null}, \"disks\": null}",
			NULL),
		0);
	assert_vm_is(vm, "{}");
	conf_done(&conf);
}

static void nested_json_of_the_wrong_kind_is_refused_with_its_place(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"memory\": \"1G\"}", "memory: this JSON value is not allowed: a mapping of "
					  "size, hugepages, mergeable, numa_node" },
		{ "{\"memory\": []}", "memory: this JSON value is not allowed: a mapping of "
				      "size, hugepages, mergeable, numa_node" },
		{ "{\"memory\": {\"size\": \"x\"}}",
			"memory: size: 'x' is not allowed: a size of at "
			"least 1M, like 512M or 1G" },
		{ "{\"pin\": {}}",
			"pin: this JSON value is not allowed: a list of mappings of vcpu, cpus" },
		{ "{\"pin\": [1]}",
			"pin: this JSON value is not allowed: a list of mappings of vcpu, cpus" },
		{ "{\"pin\": [{}, {\"vcpu\": 64}]}",
			"pin[1]: vcpu: '64' is not allowed: a number from 0 to 63" },
		{ "{\"pin\": [{\"cpu\": 1}]}", "pin[0]: unknown field 'cpu'; allowed: vcpu, cpus" },
	};
	struct conf conf;
	struct conf_item *vm;

	conf_init(&conf);
	vm = conf_append(&conf, API_VM);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sh_err err = { "" };

		assert_int_equal(set_json_of(vm, API_VM, rows[i][0], &err), -EINVAL);
		assert_string_equal(err.text, rows[i][1]);
	}
	conf_done(&conf);
}

static void a_reader_takes_cpus_that_it_may_not_use(void **state)
{
	static const char text[] = "workers: { cpus: [ 1000 ] }\n";
	struct conf_env env = test_env();
	struct conf conf;

	assert_true(conf_load_text(text, strlen(text), "FILE", &env, &conf, NULL) < 0);
	conf_env_init_reader(&env, "/run/shunt-test");
	assert_int_equal(conf_load_text(text, strlen(text), "FILE", &env, &conf, NULL), 0);
	conf_done(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bad_file_is_refused_with_file_line_field_and_what_is_allowed),
		cmocka_unit_test(every_field_of_mirrors_sriov_and_vms_is_in_the_round_trips),
		cmocka_unit_test(what_is_saved_loads_as_the_same),
		cmocka_unit_test(values_become_canonical),
		cmocka_unit_test(an_empty_file_is_an_empty_configuration),
		cmocka_unit_test(json_and_yaml_hold_the_same),
		cmocka_unit_test(json_types_are_those_of_the_fields),
		cmocka_unit_test(json_null_removes_a_field),
		cmocka_unit_test(json_of_the_wrong_kind_is_refused),
		cmocka_unit_test(json_list_replaces_and_json_mapping_changes),
		cmocka_unit_test(nested_json_of_the_wrong_kind_is_refused_with_its_place),
		cmocka_unit_test(a_reader_takes_cpus_that_it_may_not_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
