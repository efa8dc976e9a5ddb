/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What can go wrong with shunt-sriov, on a kernel that is none: each is one line on stderr that
 * names what it is about, and exit status 1.
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "program.h"

#define MAX_WORDS 16
#define TEXT_LEN  8192

struct said {
	int status;
	char out[TEXT_LEN], err[TEXT_LEN];
};

static int start(void **state)
{
	struct fake_kernel *k = fake_kernel_new();

	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_set_vfs(k, &k->pfs[0], 2);
	setenv("SHUNT_RUN_DIR", k->root, 1);
	*state = k;
	return 0;
}

static int stop(void **state)
{
	fake_kernel_free(*state);
	return 0;
}

/* A stream that goes to a file of its own until it is taken back. */
static int redirect(FILE *stream, FILE *to)
{
	int kept = dup(fileno(stream));

	fflush(stream);
	assert_true(kept >= 0 && dup2(fileno(to), fileno(stream)) >= 0);
	return kept;
}

static void take_back(FILE *stream, int kept, FILE *from, char *ret)
{
	size_t n;

	fflush(stream);
	assert_true(dup2(kept, fileno(stream)) >= 0);
	close(kept);
	rewind(from);
	n = fread(ret, 1, TEXT_LEN - 1, from);
	ret[n] = '\0';
	fclose(from);
}

static int split(char *line, char **argv)
{
	int n = 0;

	argv[n++] = (char *)"shunt-sriov";
	for (char *word = strtok(line, " "); word && n < MAX_WORDS; word = strtok(NULL, " "))
		argv[n++] = word;
	return n;
}

static struct said run(struct fake_kernel *k, const char *words)
{
	char line[512], *argv[MAX_WORDS];
	FILE *out = tmpfile(), *err = tmpfile();
	struct said said;
	int kept_out, kept_err, n;

	assert_non_null(out);
	assert_non_null(err);
	snprintf(line, sizeof(line), "%s", words);
	n = split(line, argv);
	kept_out = redirect(stdout, out);
	kept_err = redirect(stderr, err);
	said.status = program_main(&k->env, n, argv);
	take_back(stdout, kept_out, out, said.out);
	take_back(stderr, kept_err, err, said.err);
	return said;
}

/* One line on stderr, which is this. */
static void assert_said(const struct said *said, int status, const char *line)
{
	char whole[1024];

	snprintf(whole, sizeof(whole), "shunt-sriov: %s\n", line);
	assert_string_equal(said->err, whole);
	assert_int_equal(said->status, status);
}

static void assert_refused(struct fake_kernel *k, const char *words, const char *line)
{
	struct said said = run(k, words);

	assert_said(&said, PROGRAM_FAILED, line);
}

static void assert_done(struct fake_kernel *k, const char *words)
{
	struct said said = run(k, words);

	assert_string_equal(said.err, "");
	assert_int_equal(said.status, PROGRAM_DONE);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
	static const char *const rows[][2] = {
		{ "show eth9", "show eth9: no such PF 'eth9': there are 0000:01:00.0 (pf0)" },
		{ "set pf0", "set pf0: nothing to set; give --KEY VALUE, as --vlan 100" },
		{ "set pf0 --vlan 5",
			"set pf0: --vlan is of a VF; give --vf N, or a range like 0-3" },
		{ "set pf0 --vf 2 --vlan 5", "set pf0: pf0: vf 2: the last of 2 VFs is vf 1" },
		{ "set pf0 --vf 0 --vlan 4096",
			"set pf0: vlan: '4096' is not allowed: a number from 0 to 4094" },
		{ "set pf0 --vf 0 --mac 01:00:5e:00:00:01",
			"set pf0: mac: '01:00:5e:00:00:01' is a multicast address, which no "
			"interface can have" },
		{ "set pf0 --vf 0 --mac 00:00:00:00:00:00",
			"set pf0: mac: '00:00:00:00:00:00' is not allowed: an address that is not "
			"all 0" },
		{ "set pf0 --vf 0 --max-tx-rate 100000", "set pf0: pf0: vf 0: max_tx_rate 100000 "
							 "Mb/s is above the link's 1000 Mb/s" },
		{ "set pf0 --vf 0 --min-tx-rate 20 --max-tx-rate 10",
			"set pf0: min_tx_rate: 20 is more than max_tx_rate, 10" },
		{ "set pf0 --num-vfs 8", "set pf0: pf0: num_vfs 8: the device can have 7" },
		{ "set pf0 --eswitch switchdev", "set pf0: pf0: eswitch: driver 'igb' has no "
						 "devlink eswitch; remove the key" },
		{ "bind pf0 --vf 0",
			"bind pf0: give --vf N and --driver NAME, or 'none' to leave it unbound" },
		{ "apply nosuch.yaml",
			"apply nosuch.yaml: nosuch.yaml: No such file or directory" },
	};
	struct fake_kernel *k = *state;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_refused(k, rows[i][0], rows[i][1]);
	assert_int_equal(k->n_vf_requests, 0);
	assert_int_equal(k->n_writes, 0);
}

static void what_a_driver_refuses_is_named_with_the_kernels_sentence(void **state)
{
	struct fake_kernel *k = *state;

	k->refusals[0] = (struct fake_refusal){ 1u << SRIOV_TRUST, UINT32_MAX, -EOPNOTSUPP,
		"trust is for the firmware to give", 0 };
	assert_refused(k, "set pf0 --vf 1 --trust true --vlan 7",
		"set pf0: pf0 vf 1: vlan 0 -> 7, trust off -> on: driver 'igb': trust: trust is "
		"for the firmware to give (Operation not supported); undone: all is as it was "
		"before");
	assert_int_equal(k->pfs[0].vfs[1].vlan, 0);
}

static void a_user_of_a_vf_is_named_where_it_would_be_taken_from_him(void **state)
{
	struct fake_kernel *k = *state;
	char device[64];

	assert_done(k, "bind pf0 --vf 0 --driver none");
	assert_done(k, "bind pf0 --vf 1 --driver vfio-pci");
	snprintf(device, sizeof(device), "/dev/vfio/%d", k->pfs[0].vfs[1].iommu_group);
	fake_kernel_add_process(k, 42, "qemu", device);
	assert_refused(k, "set pf0 --num-vfs 3",
		"set pf0: pf0: num_vfs 2 -> 0: disturbs vf 1: qemu (42); give --allow-disruptive "
		"to do it");
	assert_refused(k, "bind pf0 --vf 1 --driver igbvf",
		"bind pf0: pf0 vf 1: driver vfio-pci -> none: disturbs qemu (42); give "
		"--allow-disruptive to do it");
}

static void a_pf_that_is_pulled_while_its_vfs_are_made_is_one_line(void **state)
{
	struct fake_kernel *k = *state;

	char line[512];

	fake_kernel_set_vfs(k, &k->pfs[0], 0);
	strcpy(k->bad_writes[0].file, "sriov_numvfs");
	k->bad_writes[0].code = -ENODEV;
	snprintf(line, sizeof(line),
		"set pf0: pf0: num_vfs 0 -> 2: driver 'igb': "
		"%s/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs: writing '2': No such device; "
		"undone: all is as it was before",
		k->root);
	assert_refused(k, "set pf0 --num-vfs 2", line);
}

static void netlink_that_fails_is_one_line(void **state)
{
	static const struct {
		enum fake_fault fault;
		const char *sentence;
	} rows[] = {
		{ FAKE_TRUNCATED,
			"the kernel's answer is cut short; try again, and if it stays so, tell its "
			"makers" },
		{ FAKE_LOST, "parts of the kernel's answer were lost; try again" },
		{ FAKE_INTERRUPTED,
			"what the kernel lists changed all the time while it was read; try again" },
		{ FAKE_GONE, "netlink: Connection reset by peer" },
	};
	struct fake_kernel *k = *state;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[256];

		snprintf(line, sizeof(line), "set pf0: pf0: %s", rows[i].sentence);
		fake_kernel_order(k, rows[i].fault, 100);
		assert_refused(k, "set pf0 --vf 0 --vlan 5", line);
		assert_int_equal(k->pfs[0].vfs[0].vlan, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_cannot_be_is_refused_by_name, start, stop),
		cmocka_unit_test_setup_teardown(
			what_a_driver_refuses_is_named_with_the_kernels_sentence, start, stop),
		cmocka_unit_test_setup_teardown(
			a_user_of_a_vf_is_named_where_it_would_be_taken_from_him, start, stop),
		cmocka_unit_test_setup_teardown(
			a_pf_that_is_pulled_while_its_vfs_are_made_is_one_line, start, stop),
		cmocka_unit_test_setup_teardown(netlink_that_fails_is_one_line, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
