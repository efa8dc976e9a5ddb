/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The program's verbs that read, on a fake kernel: fields of -j, sentences, exit status.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "program.h"

struct said {
	int status;
	char out[64 * 1024], err[4096];
};

static struct said said;

static int start(void **state)
{
	struct fake_kernel *k = fake_kernel_new();

	fake_kernel_add_pf(k, &(struct fake_pf){ .has_eswitch = true,
				      .modes = { SRIOV_ESWITCH_SWITCHDEV, "none", "basic" } });
	fake_kernel_add_pf(k, &(struct fake_pf){ .no_carrier = true });
	fake_kernel_set_vfs(k, &k->pfs[0], 2);
	k->pfs[0].vfs[1].vlan = 100;
	k->pfs[0].vfs[1].stats.rx_packets = 5;
	*state = k;
	return 0;
}

static int stop(void **state)
{
	fake_kernel_free(*state);
	return 0;
}

/* What goes to a descriptor until it is put back. */
static int divert(int fd, FILE *to)
{
	int old = dup(fd);

	fflush(fd == STDOUT_FILENO ? stdout : stderr);
	assert_true(old >= 0 && dup2(fileno(to), fd) == fd);
	return old;
}

static void put_back(int fd, int old, FILE *from, char *ret, size_t size)
{
	size_t n;

	fflush(fd == STDOUT_FILENO ? stdout : stderr);
	assert_int_equal(dup2(old, fd), fd);
	close(old);
	rewind(from);
	n = fread(ret, 1, size - 1, from);
	ret[n] = '\0';
	fclose(from);
}

static void run(struct fake_kernel *k, const char *words)
{
	char line[256], *argv[16] = { (char[]){ "shunt-sriov" } }, *save = NULL;
	FILE *out = tmpfile(), *err = tmpfile();
	int argc = 1, old_out, old_err;

	snprintf(line, sizeof(line), "%s", words);
	for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	assert_true(out && err);
	old_out = divert(STDOUT_FILENO, out);
	old_err = divert(STDERR_FILENO, err);
	said.status = program_main(&k->env, argc, argv);
	put_back(STDOUT_FILENO, old_out, out, said.out, sizeof(said.out));
	put_back(STDERR_FILENO, old_err, err, said.err, sizeof(said.err));
}

static json_t *run_json(struct fake_kernel *k, const char *words)
{
	json_t *value;

	run(k, words);
	assert_int_equal(said.status, PROGRAM_DONE);
	value = json_loads(said.out, 0, NULL);
	assert_non_null(value);
	return value;
}

static void assert_text(const json_t *object, const char *key, const char *text)
{
	assert_string_equal(json_string_value(json_object_get(object, key)), text);
}

static void list_prints_an_object_a_pf(void **state)
{
	json_t *array = run_json(*state, "-j list"), *pf = json_array_get(array, 0);

	assert_int_equal(json_array_size(array), 2);
	assert_text(pf, "pf", "pf0");
	assert_text(pf, "address", "0000:01:00.0");
	assert_text(pf, "driver", "igb");
	assert_text(pf, "link", "up");
	assert_text(pf, "eswitch", "switchdev");
	assert_int_equal(json_integer_value(json_object_get(pf, "num_vfs")), 2);
	assert_int_equal(json_integer_value(json_object_get(pf, "total_vfs")), 7);
	assert_null(json_object_get(pf, "vfs"));
	assert_text(json_array_get(array, 1), "link", "down");
	assert_true(json_is_null(json_object_get(json_array_get(array, 1), "eswitch")));
	json_decref(array);
}

static void show_prints_each_vf(void **state)
{
	static const char *const keys[] = { "vf", "address", "driver", "netdev", "mac", "vlan",
		"qos", "vlan_proto", "spoofchk", "trust", "link_state", "min_tx_rate",
		"max_tx_rate", "query_rss", "msix_vectors", "iommu_group", "iommu_others", "users",
		"representor", "stats", "hw_addr" };
	json_t *pf = run_json(*state, "-j show pf0");
	json_t *vf = json_array_get(json_object_get(pf, "vfs"), 1);

	assert_int_equal(json_array_size(json_object_get(pf, "vfs")), 2);
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!json_object_get(vf, keys[i]))
			fail_msg("no %s", keys[i]);
	assert_int_equal(json_integer_value(json_object_get(vf, "vlan")), 100);
	assert_text(vf, "vlan_proto", "802.1q");
	assert_text(vf, "netdev", "pf0v1");
	assert_text(vf, "representor", "pf0r1");
	assert_text(vf, "mac", "00:00:00:00:00:00");
	assert_true(json_is_true(json_object_get(vf, "spoofchk")));
	assert_true(json_is_null(json_object_get(vf, "users")));
	json_decref(pf);
}

static void stats_prints_an_object_a_vf(void **state)
{
	json_t *array = run_json(*state, "-j stats"), *vf = json_array_get(array, 1);

	assert_int_equal(json_array_size(array), 2);
	assert_text(vf, "pf", "pf0");
	assert_int_equal(json_integer_value(json_object_get(vf, "vf")), 1);
	assert_int_equal(json_integer_value(json_object_get(vf, "rx_packets")), 5);
	json_decref(array);
	array = run_json(*state, "-j stats pf1");
	assert_int_equal(json_array_size(array), 0);
	json_decref(array);
}

static void tables_are_for_people(void **state)
{
	run(*state, "list");
	assert_int_equal(said.status, PROGRAM_DONE);
	assert_non_null(strstr(said.out, "pf0 0000:01:00.0 igb"));
	/* No device here tells a firmware. */
	assert_null(strstr(said.out, "FIRMWARE"));
	run(*state, "show 01:00.0");
	assert_non_null(strstr(said.out, "total_vfs          7\n"));
	assert_non_null(strstr(said.out, "0000:01:10.2 igbvf  pf0v1"));
	run(*state, "stats pf0");
	assert_non_null(strstr(said.out, "RX PACKETS"));
}

static void a_host_without_sriov_is_said_to_be_one(void **state)
{
	struct fake_kernel *k = fake_kernel_new();

	run(k, "list");
	assert_int_equal(said.status, PROGRAM_DONE);
	assert_string_equal(said.out, "");
	assert_non_null(strstr(said.err, "no device with SR-IOV here"));
	run(k, "-j list");
	assert_string_equal(said.out, "[]\n");
	assert_string_equal(said.err, "");
	fake_kernel_free(k);
}

static void what_was_not_read_is_said_beside_the_answer(void **state)
{
	struct fake_kernel *k = *state;

	k->no_rights = true;
	run(k, "list");
	assert_int_equal(said.status, PROGRAM_DONE);
	assert_non_null(strstr(said.out, "pf0"));
	assert_string_equal(
		said.err, "shunt-sriov: not read: eswitch modes: only root may ask for them\n");
}

static void a_failure_is_one_line(void **state)
{
	run(*state, "show eth9");
	assert_int_equal(said.status, PROGRAM_FAILED);
	assert_string_equal(said.out, "");
	assert_string_equal(said.err,
		"shunt-sriov: show eth9: no such PF 'eth9': there are 0000:01:00.0 (pf0), "
		"0000:11:00.0 (pf1)\n");
}

static void wrong_words_are_usage(void **state)
{
	static const char *const lines[] = { "", "shew pf0", "show", "show pf0 pf1", "list --watch",
		"stats --watch=1", "--loud list", "-j" };

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		run(*state, lines[i]);
		assert_int_equal(said.status, PROGRAM_USAGE);
		assert_non_null(strstr(said.err, "--help'\n"));
		assert_string_equal(said.out, "");
	}
}

static void help_names_every_verb(void **state)
{
	run(*state, "--help");
	assert_int_equal(said.status, PROGRAM_DONE);
	for (unsigned i = 0; i < program_n_verbs; i++)
		assert_non_null(strstr(said.out, program_verbs[i].help));
	run(*state, "stats --help");
	assert_non_null(strstr(said.out, "--watch"));
	run(*state, "--watch --help");
	assert_non_null(strstr(said.out, "-c, --config FILE"));
}

#define WITH_KERNEL(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KERNEL(list_prints_an_object_a_pf),
		WITH_KERNEL(show_prints_each_vf),
		WITH_KERNEL(stats_prints_an_object_a_vf),
		WITH_KERNEL(tables_are_for_people),
		cmocka_unit_test(a_host_without_sriov_is_said_to_be_one),
		WITH_KERNEL(what_was_not_read_is_said_beside_the_answer),
		WITH_KERNEL(a_failure_is_one_line),
		WITH_KERNEL(wrong_words_are_usage),
		WITH_KERNEL(help_names_every_verb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
