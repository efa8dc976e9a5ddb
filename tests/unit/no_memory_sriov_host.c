/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every allocation of reading the host failed in turn: all of it is read, or what is missing is
 * said, or a sentence says why not. Without netlink: the kernel of the test allocates too.
 */
#include "unit.h"

#include <string.h>

#include "fail_malloc.h"
#include "fake_kernel_inside.h"

struct reading {
	struct sriov_env env;
	struct sriov_host *host;
	struct sh_err err;
};

static int read_host(void *ctx)
{
	struct reading *reading = ctx;

	reading->err.text[0] = '\0';
	return sriov_host_read(&reading->env, NULL, &reading->host, &reading->err);
}

static void check_host(void *ctx, int r, bool failed)
{
	struct reading *reading = ctx;
	const struct sriov_pf *pf;

	if (r < 0) {
		assert_true(failed);
		assert_string_equal(reading->err.text, "out of memory");
		return;
	}
	pf = reading->host->pfs;
	assert_int_equal(reading->host->n_pfs, 1);
	assert_string_equal(pf->netdev, "pf0");
	assert_int_equal(pf->n_vfs, 2);
	assert_string_equal(pf->vfs[0].iommu_others, "0000:01:10.2");
	assert_string_equal(pf->vfs[1].iommu_others, "0000:01:10.0");
	assert_true(reading->host->n_unread || pf->has_default_route);
	assert_true(reading->host->n_unread ||
		    (pf->vfs[1].users && strcmp(pf->vfs[1].users, "qemu-system-x86 (77)") == 0));
	sriov_host_free(reading->host);
}

static void a_host_is_read_whole_or_refused(void **state)
{
	struct fake_kernel *k = fake_kernel_new();
	struct reading reading;

	(void)state;
	fake_kernel_add_pf(k, &(struct fake_pf){ .vf_driver = "vfio-pci", .vfs_a_group = 2 });
	fake_kernel_set_vfs(k, k->pfs, 2);
	fake_kernel_add_process(k, 77, "qemu-system-x86", "dev/vfio/100");
	fake_kernel_put(k, "sys/class/net/pf0/upper_br0", "");
	fake_kernel_put(k, "proc/self/net/route", "br0 00000000 0100A8C0 0003 0 0 0 00000000\n");
	/* Without its number there is nothing to ask rtnetlink. */
	fake_remove(k, "sys/class/net/pf0/ifindex");
	reading.env = k->env;
	reading.env.generic = NULL;
	assert_true(fail_malloc_each(read_host, check_host, &reading) > 20);
	fake_kernel_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_is_read_whole_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
