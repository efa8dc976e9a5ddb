/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Drivers of PCI devices, by sysfs: Documentation/ABI/testing/sysfs-bus-pci of Linux.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bounded.h"
#include "sriov/bind.h"
#include "sriov/plan.h"
#include "sriov/sysfs.h"

#define DEVICE "bus/pci/devices/%s"
#define DRIVER "bus/pci/drivers/%s"
#define GROUP  DEVICE "/iommu_group"

struct binding {
	const struct sriov_hands *hands;
	const char *address;
	const char *driver; /* awaited; "" none */
};

/* *ret is "" when no driver is bound. errors: -ENODEV: the device is gone */
static int read_driver(const struct sriov_env *env, const char *address, char *ret, size_t size,
	struct sh_err *err)
{
	ret[0] = '\0';
	if (sriov_sysfs_read_link(env->sysfs, ret, size, NULL, DEVICE "/driver", address) == 0)
		return 0;
	if (!sriov_sysfs_exists(env->sysfs, DEVICE, address))
		return sh_err_set(err, -ENODEV, "PCI device %s is gone", address);
	return 0;
}

static int has_driver(void *ctx)
{
	const struct binding *b = ctx;
	char driver[SRIOV_DRIVER_LEN];
	int r = read_driver(b->hands->env, b->address, driver, sizeof(driver), NULL);

	return r < 0 ? r : strcmp(driver, b->driver) == 0;
}

static int set_override(const struct sriov_hands *hands, const char *address, const char *driver,
	struct sh_err *err)
{
	/* A line's end alone takes it away. */
	return sriov_sysfs_write(hands->env->sysfs, driver[0] ? driver : "\n", hands->timeout_ms,
		err, DEVICE "/driver_override", address);
}

static void read_override(const struct sriov_env *env, const char *address, char *ret, size_t size)
{
	ret[0] = '\0';
	if (sriov_sysfs_read(env->sysfs, ret, size, NULL, DEVICE "/driver_override", address) < 0 ||
		strcmp(ret, "(null)") == 0)
		ret[0] = '\0';
}

int sriov_unbind(const struct sriov_hands *hands, const char *address, struct sh_err *err)
{
	char driver[SRIOV_DRIVER_LEN], override[SRIOV_DRIVER_LEN];
	struct binding gone = { hands, address, "" };
	int r = read_driver(hands->env, address, driver, sizeof(driver), err);

	if (r < 0)
		return r;
	read_override(hands->env, address, override, sizeof(override));
	if (override[0] && strcmp(override, driver) == 0)
		r = set_override(hands, address, "", err);
	if (r < 0 || !driver[0])
		return r;
	r = sriov_sysfs_write(
		hands->env->sysfs, address, hands->timeout_ms, err, DRIVER "/unbind", driver);
	if (r < 0)
		return r;
	r = sriov_events_wait(hands->events, hands->timeout_ms, has_driver, &gone);
	if (r < 0)
		return sh_err_set(err, r, "%s: driver '%s' did not let go: %s", address, driver,
			strerror(-r));
	return 0;
}

static int run_modprobe(void *ctx)
{
	const char *module = ctx;

	execlp("modprobe", "modprobe", "-q", "--", module, (char *)NULL);
	return -errno;
}

/* Load the driver when it is not there; errors: -ENOENT */
static int need_driver(const struct sriov_hands *hands, const char *driver, struct sh_err *err)
{
	struct sriov_bounded call;
	char module[SRIOV_DRIVER_LEN];

	if (strchr(driver, '/') || driver[0] == '.')
		return sh_err_set(err, -EINVAL, "'%s' is no name of a driver", driver);
	if (sriov_sysfs_exists(hands->env->sysfs, DRIVER, driver))
		return 0;
	snprintf(module, sizeof(module), "%s", driver);
	if (hands->load_modules && sriov_bounded_start(run_modprobe, module, &call) == 0)
		sriov_bounded_wait(&call, sriov_now_ms() + hands->timeout_ms);
	if (sriov_sysfs_exists(hands->env->sysfs, DRIVER, driver))
		return 0;
	return sh_err_set(err, -ENOENT,
		"no PCI driver '%s' in this kernel; load its module, as by 'modprobe %s'", driver,
		driver);
}

struct group {
	const struct sriov_env *env;
	const char *address; /* of the device that is about to be given away */
	char busy[SRIOV_ADDRESS_LEN], driver[SRIOV_DRIVER_LEN];
};

static int look_at_member(const char *name, void *ctx)
{
	struct group *group = ctx;

	if (strcmp(name, group->address) == 0 ||
		read_driver(group->env, name, group->driver, sizeof(group->driver), NULL) < 0)
		return 0;
	/* What vfio itself takes for harmless: bridges, and what it holds. */
	if (!group->driver[0] || sriov_driver_passes_through(group->driver) ||
		strcmp(group->driver, "pcieport") == 0)
		return 0;
	snprintf(group->busy, sizeof(group->busy), "%s", name);
	return 1;
}

#define GROUP_LEN 32

static int need_group(const struct sriov_hands *hands, const char *address,
	char ret_number[GROUP_LEN], struct sh_err *err)
{
	if (sriov_sysfs_read_link(hands->env->sysfs, ret_number, GROUP_LEN, NULL, GROUP, address) ==
		0)
		return 0;
	return sh_err_set(err, -EOPNOTSUPP,
		"%s is in no IOMMU group, which vfio needs; boot with intel_iommu=on or "
		"amd_iommu=on and switch the IOMMU on in the firmware",
		address);
}

static int check_group(const struct sriov_hands *hands, const char *address, struct sh_err *err)
{
	struct group group = { .env = hands->env, .address = address };
	char number[GROUP_LEN];
	int r = need_group(hands, address, number, err);

	if (r < 0)
		return r;
	if (sriov_sysfs_each(hands->env->sysfs, look_at_member, &group, NULL, GROUP "/devices",
		    address) <= 0)
		return 0;
	return sh_err_set(err, -EBUSY,
		"%s: IOMMU group %s also holds %s, in use by driver '%s'; unbind that first",
		address, number, group.busy, group.driver);
}

static int probe(const struct sriov_hands *hands, const char *address, struct sh_err *err)
{
	return sriov_sysfs_write(
		hands->env->sysfs, address, hands->timeout_ms, err, "bus/pci/drivers_probe");
}

static int probe_and_wait(const struct sriov_hands *hands, const char *address, const char *driver,
	struct sh_err *err)
{
	struct binding bound = { hands, address, driver };
	int r = probe(hands, address, err);

	if (r == 0) {
		r = sriov_events_wait(hands->events, hands->timeout_ms, has_driver, &bound);
		if (r < 0)
			sh_err_set(err, r, "%s: driver '%s' did not take it (see dmesg): %s",
				address, driver, strerror(-r));
	}
	return r;
}

int sriov_bind_check(const struct sriov_hands *hands, const char *address, const char *driver,
	struct sh_err *err)
{
	char number[GROUP_LEN];
	int r = need_driver(hands, driver, err);

	/* Who else is in the group may leave it yet: sriov_bind looks. */
	return r == 0 && strstr(driver, "vfio") ? need_group(hands, address, number, err) : r;
}

int sriov_bind(const struct sriov_hands *hands, const char *address, const char *driver,
	struct sh_err *err)
{
	char override[SRIOV_DRIVER_LEN];
	int r;

	if (!driver[0])
		return probe(hands, address, err);
	r = need_driver(hands, driver, err);
	if (r == 0 && strstr(driver, "vfio"))
		r = check_group(hands, address, err);
	if (r < 0)
		return r;
	read_override(hands->env, address, override, sizeof(override));
	r = set_override(hands, address, driver, err);
	if (r < 0)
		return r;
	r = probe_and_wait(hands, address, driver, err);
	if (r < 0)
		set_override(hands, address, override, NULL);
	else if (!sriov_driver_passes_through(driver))
		r = set_override(hands, address, "", err);
	return r;
}
