/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any text as a configuration: it is refused with a sentence that names the file, or it is a model
 * that makes sense, that can be planned from and to another one, and that is the same after it was
 * written and read again.
 */
#include <string.h>

#include "conf/json.h"
#include "conf/yaml.h"
#include "fuzz.h"
#include "plan.h"

static const char other_text[] =
	"bridges: [ { name: br0 }, { name: other, fail_mode: secure } ]\n"
	"portgroups: [ { name: g, bridge: br0, vlan: 7 } ]\n"
	"ports: [ { name: p, portgroup: g }, { name: q, bridge: other } ]\n"
	"fdb: [ { bridge: br0, vlan: 7, mac: 02:00:00:00:00:01, port: p } ]\n"
	"sriov: [ { pf: eth0, num_vfs: 4, vfs: [ { vf: 0-3, portgroup: g }, { vf: 1, mac: auto } ] "
	"} "
	"]\n"
	"vms: [ { name: v, vcpus: 2, memory: { size: 64M }, disks: [ { file: a } ],\n"
	"  nics: [ { portgroup: g }, { vf: eth0/0 } ], pin: [ { vcpu: 1, cpus: [ 0 ] } ] } ]\n";

static struct conf_env env_of_the_test(void)
{
	struct conf_env env = { .run_dir = "/run/shunt" };

	CPU_ZERO(&env.cpus);
	for (unsigned i = 0; i < 4; i++)
		CPU_SET(i, &env.cpus);
	return env;
}

/* return: steps of the plan */
static unsigned plan_between(const struct conf *from, const struct conf *to)
{
	struct plan plan;
	unsigned n;

	CHECK(plan_new(from, to, &plan) == 0);
	n = plan.n;
	for (unsigned i = 0; i < n; i++) {
		const struct plan_step *s = &plan.steps[i];

		CHECK(s->action == PLAN_ADD || s->old_index < (int)from->of[s->noun].n);
		CHECK(s->action == PLAN_DEL || s->new_index < (int)to->of[s->noun].n);
		CHECK(s->action != PLAN_SET || s->fields);
	}
	plan_done(&plan);
	return n;
}

static bool is_utf8(const struct conf *conf)
{
	json_t *all = conf_to_json(conf);

	json_decref(all);
	return all != NULL;
}

static void check_accepted(const struct conf *conf, const struct conf_env *env)
{
	struct conf_where where = { .index = -1 };
	struct sh_err err = { "" };
	struct conf other, again;
	char *text;

	CHECK(conf_check(conf, env, &where, &err) == 0);
	CHECK(is_utf8(conf));
	CHECK(conf_load_text(other_text, strlen(other_text), "other", env, &other, &err) == 0);
	CHECK(plan_between(conf, conf) == 0);
	plan_between(&other, conf);
	plan_between(conf, &other);
	CHECK(conf_save_text(conf, &text, &err) == 0);
	if (conf_load_text(text, strlen(text), "again", env, &again, &err) < 0) {
		fprintf(stderr, "%s\n%s\n", text, err.text);
		abort();
	}
	CHECK(plan_between(conf, &again) == 0);
	conf_done(&again);
	conf_done(&other);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct conf_env env = env_of_the_test();
	struct sh_err err = { "" };
	struct conf conf;
	char *copy = malloc(size ? size : 1);

	CHECK(copy);
	memcpy(copy, data, size);
	if (conf_load_text(copy, size, "fuzz", &env, &conf, &err) == 0) {
		check_accepted(&conf, &env);
		conf_done(&conf);
	} else {
		CHECK(strncmp(err.text, "fuzz", 4) == 0);
	}
	free(copy);
	return 0;
}
