/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Files below a root: what is read from them, writes that fail or block, and errors that name them.
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fake_kernel.h"
#include "sriov/sysfs.h"

#define PF "bus/pci/devices/0000:01:00.0"

static int start(void **state)
{
	struct fake_kernel *k = fake_kernel_new();

	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	*state = k;
	return 0;
}

static int stop(void **state)
{
	fake_kernel_free(*state);
	return 0;
}

static void lines_numbers_and_links_are_read(void **state)
{
	struct fake_kernel *k = *state;
	const char *sysfs = k->env.sysfs;
	char text[32];
	int64_t n;

	assert_int_equal(sriov_sysfs_read(sysfs, text, sizeof(text), NULL, "%s/vendor", PF), 0);
	assert_string_equal(text, "0x8086");
	assert_int_equal(sriov_sysfs_read_number(sysfs, &n, NULL, PF "/vendor"), 0);
	assert_int_equal(n, 0x8086);
	assert_int_equal(sriov_sysfs_read_number(sysfs, &n, NULL, PF "/sriov_totalvfs"), 0);
	assert_int_equal(n, 7);
	assert_int_equal(sriov_sysfs_read_link(sysfs, text, sizeof(text), NULL, PF "/driver"), 0);
	assert_string_equal(text, "igb");
	assert_true(sriov_sysfs_exists(sysfs, PF));
	assert_false(sriov_sysfs_exists(sysfs, PF "/virtfn0"));
}

static void errors_name_the_file(void **state)
{
	struct fake_kernel *k = *state;
	struct sh_err err;
	char text[32], wanted[256];
	int64_t n;

	assert_int_equal(
		sriov_sysfs_read(k->env.sysfs, text, sizeof(text), &err, PF "/x"), -ENOENT);
	snprintf(wanted, sizeof(wanted), "%s/" PF "/x: No such file or directory", k->env.sysfs);
	assert_string_equal(err.text, wanted);
	assert_int_equal(
		sriov_sysfs_read_number(k->env.sysfs, &n, &err, PF "/driver_override"), -EIO);
	assert_non_null(strstr(err.text, "driver_override: '(null)' is no number"));
	assert_int_equal(
		sriov_sysfs_write(k->env.sysfs, "8", 0, &err, PF "/sriov_numvfs"), -ERANGE);
	assert_non_null(strstr(err.text, "/sriov_numvfs: writing '8': "));
}

static void a_write_reaches_the_driver(void **state)
{
	struct fake_kernel *k = *state;
	int64_t n;

	assert_int_equal(sriov_sysfs_write(k->env.sysfs, "3", 0, NULL, PF "/sriov_numvfs"), 0);
	assert_int_equal(sriov_sysfs_read_number(k->env.sysfs, &n, NULL, PF "/sriov_numvfs"), 0);
	assert_int_equal(n, 3);
	assert_true(sriov_sysfs_exists(k->env.sysfs, PF "/virtfn2/driver"));
	assert_int_equal(sriov_sysfs_write(k->env.sysfs, "2", 0, NULL, PF "/sriov_numvfs"), -EBUSY);
}

static void a_write_makes_no_file(void **state)
{
	struct fake_kernel *k = *state;

	assert_int_equal(sriov_sysfs_write(k->env.sysfs, "1", 0, NULL, PF "/sriov_numvf"), -ENOENT);
	assert_false(sriov_sysfs_exists(k->env.sysfs, PF "/sriov_numvf"));
}

static void a_driver_that_blocks_is_left_to_itself(void **state)
{
	struct fake_kernel *k = *state;
	struct sh_err err;

	fake_kernel_lock(k);
	k->bad_writes[0] = (struct fake_bad_write){ "sriov_numvfs", 0, true, 1 };
	fake_kernel_unlock(k);
	assert_int_equal(
		sriov_sysfs_write(k->env.sysfs, "3", 200, &err, PF "/sriov_numvfs"), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "took more than 200 ms: the driver blocks"));
	assert_int_equal(sriov_sysfs_write(k->env.sysfs, "3", 0, &err, PF "/sriov_numvfs"), 0);
}

#define WITH_KERNEL(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KERNEL(lines_numbers_and_links_are_read),
		WITH_KERNEL(errors_name_the_file),
		WITH_KERNEL(a_write_reaches_the_driver),
		WITH_KERNEL(a_write_makes_no_file),
		WITH_KERNEL(a_driver_that_blocks_is_left_to_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
