/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The verbs that change something, called as the command line calls them.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "program.h"

#define MAX_WORDS 16

struct rig {
	struct fake_kernel *k;
	struct fake_pf *pf;
	char file[FAKE_PATH_LEN + 16];
	char out[4096], err[1024]; /* of the last call */
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

static void bad_input_is_one_line_and_exit_1(void **state)
{
	struct rig *rig = *state;

	fake_kernel_set_vfs(rig->k, rig->pf, 2);
	assert_call_fails(rig, "set pf0 --vf 2 --vlan 5",
		"shunt-sriov: set pf0: pf0: vf 2: the last of 2 VFs is vf 1\n");
	assert_call_fails(rig, "set pf0 --vf 0 --vlan 4096",
		"shunt-sriov: set pf0: vlan: '4096' is not allowed: a number from 0 to 4094\n");
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
		WITH_A_RIG(bad_input_is_one_line_and_exit_1),
		WITH_A_RIG(wrong_usage_is_exit_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
