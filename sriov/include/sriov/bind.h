/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which driver a PCI device has: unbound, overridden, probed; to vfio-pci and back.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "sriov/events.h"
#include "sriov/host.h"

/* How the kernel is changed. */
struct sriov_hands {
	const struct sriov_env *env;
	const struct sriov_events *events;
	unsigned timeout_ms; /* of one step */
	bool load_modules;   /* a driver that is not there is loaded by modprobe(8) */
};

/**
 * Take the driver away from a device, and its driver_override when that names the driver.
 *
 * return:  0; a device without driver is left as it is
 * errors:  -ETIMEDOUT (the driver waits for its user), -ENOENT, -EACCES, with a sentence
 * thread:  the caller's; blocks, at most timeout_ms a part
 */
int sriov_unbind(const struct sriov_hands *hands, const char *address, struct sh_err *err);

/**
 * Find out, before a device is taken from its driver, whether another can have it: whether that
 * driver is there or can be loaded, and for vfio whether the device is in an IOMMU group.
 *
 * errors:  -ENOENT (no such driver), -EINVAL, -EOPNOTSUPP (no group), with a sentence
 * thread:  the caller's; blocks for modprobe(8), at most timeout_ms
 */
int sriov_bind_check(const struct sriov_hands *hands, const char *address, const char *driver,
	struct sh_err *err);

/**
 * Give a device without driver to a driver, or to the one that the kernel chooses ("").
 * driver_override stays for drivers that pass a device through, so that no other takes it; for
 * others it is cleared, and on a failure it is as before.
 *
 * errors:  -ENOENT (no such driver), -EBUSY (its IOMMU group holds a device in use), -ENODEV (the
 *          driver does not want it), -ETIMEDOUT, with a sentence
 * thread:  the caller's; blocks, at most timeout_ms a part
 */
int sriov_bind(const struct sriov_hands *hands, const char *address, const char *driver,
	struct sh_err *err);
