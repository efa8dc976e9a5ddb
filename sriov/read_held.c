/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A child reads into shared memory. drivers/pci/iov.c of Linux takes the lock for sriov_numvfs and
 * sriov_vf_total_msix, drivers/pci/pci-sysfs.c for driver_override.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "bounded.h"
#include "read_held.h"
#include "sriov/sysfs.h"

#define DEVICE     "bus/pci/devices/%s/"
#define TIMEOUT_MS 3000

struct reading {
	const struct sriov_env *env;
	const char *address;
	struct held *held;
};

static int read_all(void *ctx)
{
	const struct reading *reading = ctx;
	struct held *held = reading->held;
	const char *root = reading->env->sysfs;
	int64_t n_vfs = 0;

	sriov_sysfs_read_number(root, &n_vfs, NULL, DEVICE "sriov_numvfs", reading->address);
	held->n_vfs = n_vfs;
	sriov_sysfs_read_number(
		root, &held->total_msix, NULL, DEVICE "sriov_vf_total_msix", reading->address);
	for (uint32_t i = 0; i < n_vfs && i < SRIOV_MAX_VFS; i++) {
		char *override = held->overrides[i];

		if (sriov_sysfs_read(root, override, SRIOV_DRIVER_LEN, NULL,
			    DEVICE "virtfn%u/driver_override", reading->address, i) < 0 ||
			strcmp(override, "(null)") == 0)
			*override = '\0';
		/* The parent looks at those before, even if the next one never comes. */
		atomic_thread_fence(memory_order_release);
		held->n_overrides = i + 1;
	}
	return 0;
}

int held_read(const struct sriov_env *env, const char *address, struct held **ret)
{
	struct held *held = mmap(
		NULL, sizeof(*held), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct reading reading = { env, address, held };
	struct sriov_bounded call;
	int r;

	*ret = NULL;
	if (held == MAP_FAILED)
		return -errno;
	held->n_vfs = -1;
	r = sriov_bounded_start(read_all, &reading, &call);
	if (r == 0)
		r = sriov_bounded_wait(&call, sriov_now_ms() + TIMEOUT_MS);
	if (r < 0 && r != -ETIMEDOUT) {
		held_free(held);
		return r;
	}
	*ret = held;
	return r;
}

void held_free(struct held *held)
{
	if (held)
		munmap(held, sizeof(*held));
}
