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
#include "conf_json.h"
#include "conf_yaml.h"

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
	"fdb:\n"
	"  - { bridge: br0, vlan: 10, mac: \"02:00:00:00:00:01\", port: web1 }\n";

static void assert_equal_confs(const struct conf *a, const struct conf *b)
{
	for (int noun = 0; noun < API_N_NOUNS; noun++) {
		assert_int_equal(a->of[noun].n, b->of[noun].n);
		for (uint32_t i = 0; i < a->of[noun].n; i++) {
			for (unsigned f = 0; f < API_MAX_FIELDS; f++) {
				const char *x = a->of[noun].items[i].v[f];
				const char *y = b->of[noun].items[i].v[f];

				assert_string_equal(x ? x : "(none)", y ? y : "(none)");
			}
		}
	}
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
		for (int noun = 0; noun < API_N_NOUNS; noun++)
			assert_int_equal(conf.of[noun].n, 0);
		conf_done(&conf);
	}
}

static void json_and_yaml_hold_the_same(void **state)
{
	struct conf conf, back;

	assert_int_equal(load(every_field, &conf, NULL), 0);
	conf_init(&back);
	for (int noun = 0; noun < API_N_NOUNS; noun++) {
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
	conf_done(&conf);
}

static int set_json(struct conf_item *item, const char *text, struct sh_err *err)
{
	json_t *object = json_loads(text, JSON_ALLOW_NUL, NULL);
	int r;

	assert_non_null(object);
	r = conf_item_from_json(item, API_PORT, object, err);
	json_decref(object);
	return r;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bad_file_is_refused_with_file_line_field_and_what_is_allowed),
		cmocka_unit_test(what_is_saved_loads_as_the_same),
		cmocka_unit_test(values_become_canonical),
		cmocka_unit_test(an_empty_file_is_an_empty_configuration),
		cmocka_unit_test(json_and_yaml_hold_the_same),
		cmocka_unit_test(json_types_are_those_of_the_fields),
		cmocka_unit_test(json_null_removes_a_field),
		cmocka_unit_test(json_of_the_wrong_kind_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
