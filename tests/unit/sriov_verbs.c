/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The verbs that change something, called as the command line calls them.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/fields.h"
#include "fake_kernel.h"
#include "program.h"

#define MAX_WORDS 16

struct rig {
	struct fake_kernel *k;
	struct fake_pf *pf;
	char file[FAKE_PATH_LEN + 16];
	char out[8192], err[1024]; /* of the last call */
};

static int start(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig->k = fake_kernel_new();
	rig->pf = fake_kernel_add_pf(rig->k, &(struct fake_pf){ 0 });
	/* The lock lies there. */
	setenv("SHUNT_RUN_DIR", rig->k->root, 1);
	snprintf(rig->file, sizeof(rig->file), "%s/x.yaml", rig->k->root);
	*state = rig;
	return 0;
}

static int stop(void **state)
{
	struct rig *rig = *state;

	fake_kernel_free(rig->k);
	free(rig);
	return 0;
}

static FILE *redirect(FILE *stream, int *ret_old)
{
	FILE *f = tmpfile();

	fflush(stream);
	*ret_old = dup(fileno(stream));
	assert_true(f && *ret_old >= 0 && dup2(fileno(f), fileno(stream)) >= 0);
	return f;
}

static void restore(FILE *stream, int old, FILE *f, char *ret, size_t size)
{
	size_t n;

	fflush(stream);
	dup2(old, fileno(stream));
	close(old);
	rewind(f);
	n = fread(ret, 1, size - 1, f);
	ret[n] = '\0';
	fclose(f);
}

/* Words of a line, without quotes; FILE is the rig's. return: exit status */
static int call(struct rig *rig, const char *line)
{
	char words[512], *argv[MAX_WORDS + 1] = { "shunt-sriov" };
	int argc = 1, old_out, old_err, status;
	FILE *out, *err;

	snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok(words, " "); word && argc < MAX_WORDS; word = strtok(NULL, " "))
		argv[argc++] = strcmp(word, "FILE") == 0 ? rig->file : word;
	out = redirect(stdout, &old_out);
	err = redirect(stderr, &old_err);
	status = program_main(&rig->k->env, argc, argv);
	restore(stderr, old_err, err, rig->err, sizeof(rig->err));
	restore(stdout, old_out, out, rig->out, sizeof(rig->out));
	return status;
}

static void assert_call(struct rig *rig, const char *line, int status, const char *out)
{
	if (call(rig, line) != status)
		fail_msg("%s: %s%s", line, rig->out, rig->err);
	assert_string_equal(rig->out, out);
}

static void assert_call_fails(struct rig *rig, const char *line, const char *sentence)
{
	assert_call(rig, line, 1, "");
	assert_string_equal(rig->err, sentence);
}

#define CONFIG "sriov: [ { pf: pf0, num_vfs: 2, vfs: [ { vf: 1, vlan: 9, driver: vfio-pci } ] } ]\n"
#define STEPS                                                                                      \
	"pf0: drivers_autoprobe on -> off\n"                                                       \
	"pf0: num_vfs 0 -> 2\n"                                                                    \
	"pf0 vf 1: vlan 9\n"                                                                       \
	"pf0: drivers_autoprobe off -> on\n"                                                       \
	"pf0 vf 0: driver none -> the kernel's choice\n"                                           \
	"pf0 vf 1: driver none -> vfio-pci\n"

static void a_file_is_planned_applied_and_then_there_is_nothing_to_change(void **state)
{
	struct rig *rig = *state;

	fake_kernel_put(rig->k, "x.yaml", CONFIG);
	assert_call(rig, "plan FILE", 0, STEPS);
	assert_call(rig, "apply FILE --dry-run", 0, STEPS);
	assert_int_equal(rig->pf->n_vfs, 0);
	assert_call(rig, "apply FILE", 0, STEPS);
	assert_int_equal(rig->pf->vfs[1].vlan, 9);
	assert_string_equal(rig->pf->vfs[1].driver, "vfio-pci");
	assert_call(rig, "apply FILE", 0, "nothing to change\n");
	assert_call(rig, "plan FILE", 0, "nothing to change\n");
	assert_call(rig, "-j plan FILE", 0, "[]\n");
	assert_call(rig, "-j apply FILE", 0, "[]\n");
}

static void a_plan_as_json_names_whom_it_disturbs(void **state)
{
	struct rig *rig = *state;

	fake_kernel_put(rig->k, "x.yaml", "sriov: [ { pf: pf0, num_vfs: 0 } ]\n");
	fake_kernel_set_vfs(rig->k, rig->pf, 1);
	assert_call(rig, "-j plan FILE", 0,
		"[\n  {\n    \"pf\": \"pf0\",\n    \"vf\": null,\n    \"step\": \"num_vfs 1 -> "
		"0\",\n"
		"    \"disruptive\": true,\n    \"users\": \"vf 0: driver igbvf, pf0v0\",\n"
		"    \"needs_force\": false\n  }\n]\n");
	assert_call(rig, "plan FILE", 0,
		"pf0: num_vfs 1 -> 0 (disturbs vf 0: driver igbvf, pf0v0: needs "
		"--allow-disruptive)\n");
}

static void what_disturbs_is_refused_until_it_is_allowed(void **state)
{
	struct rig *rig = *state;

	fake_kernel_set_vfs(rig->k, rig->pf, 1);
	assert_call_fails(rig, "set pf0 --num-vfs 0",
		"shunt-sriov: set pf0: pf0: num_vfs 1 -> 0: disturbs vf 0: driver igbvf, pf0v0; "
		"give "
		"--allow-disruptive to do it\n");
	assert_int_equal(rig->pf->n_vfs, 1);
	assert_call(rig, "set pf0 --num-vfs 0 --allow-disruptive", 0, "pf0: num_vfs 1 -> 0\n");
	assert_int_equal(rig->pf->n_vfs, 0);
}

static void the_nic_of_the_default_route_is_changed_by_force_alone(void **state)
{
	struct rig *rig = *state;

	fake_kernel_put(rig->k, "proc/self/net/route",
		"Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
		"pf0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
	assert_call_fails(rig, "set pf0 --num-vfs 1",
		"shunt-sriov: set pf0: pf0: num_vfs 0 -> 1: interrupts the NIC that carries the "
		"default route; give --force to do it\n");
	assert_call(rig, "set pf0 --num-vfs 1 --force", 0, "pf0: num_vfs 0 -> 1\n");
}

static void single_settings_are_set_without_a_file(void **state)
{
	struct rig *rig = *state;

	fake_kernel_set_vfs(rig->k, rig->pf, 3);
	assert_call(rig, "set pf0 --vf 1-2 --vlan 5 --max-tx-rate=100", 0,
		"pf0 vf 1: vlan 0 -> 5, max_tx_rate 0 -> 100\n"
		"pf0 vf 2: vlan 0 -> 5, max_tx_rate 0 -> 100\n");
	assert_int_equal(rig->pf->vfs[2].max_tx_rate, 100);
	assert_call(rig, "set pf0 --mtu 1600 --vf 1 --trust true", 0,
		"pf0: mtu 1500 -> 1600\npf0 vf 1: trust off -> on\n");
	assert_call(rig, "set pf0 --vf 1 --trust true", 0, "nothing to change\n");
}

static void a_vf_is_bound_to_vfio_and_back(void **state)
{
	struct rig *rig = *state;

	fake_kernel_set_vfs(rig->k, rig->pf, 1);
	assert_call(rig, "bind pf0 --vf 0 --driver vfio-pci", 0,
		"pf0 vf 0: driver igbvf -> none\npf0 vf 0: driver none -> vfio-pci\n");
	assert_call(rig, "bind pf0 --vf 0 --driver igbvf", 0,
		"pf0 vf 0: driver vfio-pci -> none\npf0 vf 0: driver none -> igbvf\n");
	assert_call(rig, "bind pf0 --vf 0 --driver none", 0, "pf0 vf 0: driver igbvf -> none\n");
	assert_string_equal(rig->pf->vfs[0].driver, "");
	assert_call_fails(rig, "bind pf0 --vf 0",
		"shunt-sriov: bind pf0: give --vf N and --driver NAME, or 'none' to leave it "
		"unbound\n");
}

static void a_driver_that_cannot_have_the_vf_is_found_out_before_the_vf_is_taken_away(void **state)
{
	struct rig *rig = *state;
	unsigned n_writes;
	char path[256];

	fake_kernel_set_vfs(rig->k, rig->pf, 1);
	n_writes = rig->k->n_writes;
	assert_call_fails(rig, "bind pf0 --vf 0 --driver nosuch",
		"shunt-sriov: bind pf0: pf0 vf 0: no PCI driver 'nosuch' in this kernel; load its "
		"module, as by 'modprobe nosuch'\n");
	assert_call_fails(rig, "set pf0 --vf 0 --vlan 5 --driver nosuch",
		"shunt-sriov: set pf0: pf0 vf 0: no PCI driver 'nosuch' in this kernel; load its "
		"module, as by 'modprobe nosuch'\n");
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/iommu_group", rig->k->root,
		rig->pf->vfs[0].address);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(call(rig, "bind pf0 --vf 0 --driver vfio-pci"), 1);
	assert_non_null(strstr(rig->err, "is in no IOMMU group, which vfio needs"));
	assert_int_equal(rig->k->n_writes, n_writes);
	assert_int_equal(rig->pf->vfs[0].vlan, 0);
	assert_string_equal(rig->pf->vfs[0].driver, "igbvf");
}

static void key_of(const char *option, char *ret, size_t size)
{
	snprintf(ret, size, "%s", option);
	for (char *c = ret; *c; c++)
		*c = *c == '-' ? '_' : *c;
}

/* What -j told, as a word of a command line; *ret is "" when it told nothing. */
static void word_of(const json_t *value, char *ret, size_t size)
{
	*ret = '\0';
	if (json_is_string(value))
		snprintf(ret, size, "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(ret, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value))
		snprintf(ret, size, "%s", json_is_true(value) ? "true" : "false");
}

static const struct program_verb *verb_set(void)
{
	for (unsigned i = 0; i < program_n_verbs; i++)
		if (strcmp(program_verbs[i].name, "set") == 0)
			return &program_verbs[i];
	fail_msg("no verb 'set'");
	return NULL;
}

/* return: how many keys of `set` object has; each that it has is set to what it is already */
static unsigned write_back(
	struct rig *rig, enum api_noun noun, const json_t *object, const char *vf)
{
	const struct program_option *option = verb_set()->options;
	char line[128], key[32], word[64];
	unsigned n = 0;

	for (; option->name; option++) {
		key_of(option->name, key, sizeof(key));
		word_of(json_object_get(object, key), word, sizeof(word));
		if (!*word || strcmp(key, "vf") == 0 || api_field_index(noun, key) < 0)
			continue;
		snprintf(line, sizeof(line), "set pf1 %s --%s %s", vf, option->name, word);
		assert_call(rig, line, 0, "nothing to change\n");
		n++;
	}
	return n;
}

static void what_is_read_as_json_can_be_written_and_changes_nothing(void **state)
{
	struct rig *rig = *state;
	struct fake_pf *pf = fake_kernel_add_pf(
		rig->k, &(struct fake_pf){ .has_eswitch = true,
				.total_msix = 64,
				.has = (1u << SRIOV_N_ATTRS) - 1,
				.modes = { SRIOV_ESWITCH_SWITCHDEV, "none", "basic" } });
	json_t *told, *vfs;

	fake_kernel_set_vfs(rig->k, pf, 2);
	assert_int_equal(call(rig, "set pf1 --vf 0-1 --mac auto --vlan 7 --vlan-proto 802.1ad"), 0);
	assert_int_equal(call(rig, "set pf1 --vf 1 --vlan-proto 802.1q"), 0);
	assert_int_equal(call(rig, "set pf1 --vf 0-1 --hw-addr 02:00:00:00:00:09"), 0);
	assert_int_equal(call(rig, "-j show pf1"), 0);
	told = json_loads(rig->out, 0, NULL);
	vfs = json_object_get(told, "vfs");
	assert_int_equal(write_back(rig, API_SRIOV, told, ""), 6);
	assert_int_equal(write_back(rig, API_SRIOV_VF, json_array_get(vfs, 0), "--vf 0"), 16);
	assert_int_equal(write_back(rig, API_SRIOV_VF, json_array_get(vfs, 1), "--vf 1"), 16);
	json_decref(told);
}

static void bad_input_is_one_line_and_exit_1(void **state)
{
	struct rig *rig = *state;

	fake_kernel_set_vfs(rig->k, rig->pf, 2);
	assert_call_fails(rig, "set pf0 --vf 2 --vlan 5",
		"shunt-sriov: set pf0: pf0: vf 2: the last of 2 VFs is vf 1\n");
	assert_call_fails(rig, "set pf0 --vf 0 --vlan 4096",
		"shunt-sriov: set pf0: vlan: '4096' is not allowed: a number from 0 to 4094\n");
	assert_call_fails(rig, "set pf0 --vf 0 --msix-vectors 0",
		"shunt-sriov: set pf0: msix_vectors: '0' is not allowed: a number from 1 to "
		"2048\n");
	assert_call_fails(rig, "set pf0 --vlan 5",
		"shunt-sriov: set pf0: --vlan is of a VF; give --vf N, or a range like 0-3\n");
	assert_call_fails(rig, "set pf0 --vf 0",
		"shunt-sriov: set pf0: nothing to set; give --KEY VALUE, as --vlan 100\n");
	assert_call_fails(rig, "set pf0 --vf 0 --mac 01:00:5e:00:00:01",
		"shunt-sriov: set pf0: mac: '01:00:5e:00:00:01' is a multicast address, which no "
		"interface can have\n");
	assert_int_equal(call(rig, "plan /nonexistent/x.yaml"), 1);
	assert_non_null(strstr(rig->err, "/nonexistent/x.yaml"));
}

static void wrong_usage_is_exit_2(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(call(rig, "apply"), 2);
	assert_int_equal(call(rig, "set pf0 --nosuch 1"), 2);
	assert_int_equal(call(rig, "plan FILE more"), 2);
	assert_int_equal(call(rig, "--watch -x"), 2);
}

#define WITH_A_RIG(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_A_RIG(a_file_is_planned_applied_and_then_there_is_nothing_to_change),
		WITH_A_RIG(a_plan_as_json_names_whom_it_disturbs),
		WITH_A_RIG(what_disturbs_is_refused_until_it_is_allowed),
		WITH_A_RIG(the_nic_of_the_default_route_is_changed_by_force_alone),
		WITH_A_RIG(single_settings_are_set_without_a_file),
		WITH_A_RIG(a_vf_is_bound_to_vfio_and_back),
		WITH_A_RIG(
			a_driver_that_cannot_have_the_vf_is_found_out_before_the_vf_is_taken_away),
		WITH_A_RIG(what_is_read_as_json_can_be_written_and_changes_nothing),
		WITH_A_RIG(bad_input_is_one_line_and_exit_1),
		WITH_A_RIG(wrong_usage_is_exit_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
