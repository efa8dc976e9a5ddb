/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Drivers and IOMMU groups of PCI devices, by the links of sysfs. Control thread.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "uplink/pci.h"

#define LINK_BYTES 64 /* of the last part of a link's path */
#define MAX_VFS    256

/* The last part of the path that a link of the device holds; "" when there is no such link. */
static void read_link(
	const char *sysfs, const char *address, const char *name, char ret[LINK_BYTES])
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	ssize_t n;

	ret[0] = '\0';
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", sysfs, address, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	slash = strrchr(target, '/');
	snprintf(ret, LINK_BYTES, "%.*s", LINK_BYTES - 1, slash ? slash + 1 : target);
}

/* return: which of the PF's virtual functions it is, -1 when that is not to be found */
static int vf_index(const char *sysfs, const char *pf, const char *address)
{
	for (int i = 0; i < MAX_VFS; i++) {
		char name[32], vf[LINK_BYTES];

		snprintf(name, sizeof(name), "virtfn%d", i);
		read_link(sysfs, pf, name, vf);
		if (vf[0] == '\0')
			return -1;
		if (strcmp(vf, address) == 0)
			return i;
	}
	return -1;
}

static void command_for(const char *sysfs, const char *address, char *ret, size_t size)
{
	char pf[LINK_BYTES];
	int vf;

	read_link(sysfs, address, "physfn", pf);
	vf = pf[0] ? vf_index(sysfs, pf, address) : -1;
	if (vf >= 0)
		snprintf(ret, size, "shunt sriov bind %s --vf %d --driver vfio-pci", pf, vf);
	else
		snprintf(ret, size, "dpdk-devbind.py --bind=vfio-pci %s", address);
}

/* Drivers by which programs drive a device. */
static int is_for_programs(const char *driver)
{
	return strcmp(driver, "vfio-pci") == 0 || strcmp(driver, "uio_pci_generic") == 0 ||
	       strcmp(driver, "igb_uio") == 0;
}

void pci_explain(const char *sysfs, const char *address, char *ret, size_t size)
{
	char path[PATH_MAX], driver[LINK_BYTES], group[LINK_BYTES], command[192];

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", sysfs, address);
	if (access(path, F_OK) < 0) {
		snprintf(ret, size, "there is no such PCI device: lspci -D lists those there are");
		return;
	}
	read_link(sysfs, address, "driver", driver);
	read_link(sysfs, address, "iommu_group", group);
	command_for(sysfs, address, command, sizeof(command));
	if (driver[0] == '\0')
		snprintf(ret, size, "no driver has it; bind it to vfio-pci: %s", command);
	else if (!is_for_programs(driver))
		snprintf(ret, size, "the kernel's driver %s has it; bind it to vfio-pci: %s",
			driver, command);
	else if (strcmp(driver, "vfio-pci") == 0 && group[0] == '\0')
		snprintf(ret, size,
			"vfio-pci has it, but there is no IOMMU: switch it on in the firmware, and "
			"boot with intel_iommu=on or amd_iommu=on");
	else
		snprintf(ret, size,
			"%s has it, but DPDK cannot take it: another program may use it, or the "
			"kernel another device of IOMMU group %s; after 'shunt log set info' the "
			"log "
			"has DPDK's words",
			driver, group[0] ? group : "-");
}
