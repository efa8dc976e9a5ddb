/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What sysfs tells of a PF and its VFs. A file that is not there is a thing that the device does
 * not have; a device that is not there went away.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "sriov/sysfs.h"

#define DEVICES          "bus/pci/devices/"
#define PCI_CONFIG_BYTES 256
#define PCI_HEADER_BYTES 64 /* what everybody may read */
#define PCI_STATUS       0x06
#define PCI_HAS_CAPS     0x10
#define PCI_FIRST_CAP    0x34
#define PCI_CAP_MSIX     0x11
#define PCI_MSIX_SIZE    0x7ff
#define PCI_MAX_CAPS     48

struct group {
	const char *self;
	FILE *others;
	unsigned n;
};

static int64_t number(
	const struct sriov_env *env, const struct sriov_pf *pf, const char *file, int64_t otherwise)
{
	int64_t value = otherwise;

	sriov_sysfs_read_number(env->sysfs, &value, NULL, DEVICES "%s/%s", pf->address, file);
	return value;
}

static int take_name(const char *name, void *ctx)
{
	if (strlen(name) >= IFNAMSIZ)
		return 0;
	strcpy(ctx, name);
	return 1;
}

/* virtio-net's netdev is a device below. */
static int take_virtio(const char *name, void *ctx)
{
	if (strncmp(name, "virtio", 6) != 0 || strlen(name) >= SRIOV_DRIVER_LEN)
		return 0;
	strcpy(ctx, name);
	return 1;
}

static void read_netdev(const struct sriov_env *env, const char *address, char ret[IFNAMSIZ])
{
	char below[SRIOV_DRIVER_LEN] = "";

	if (sriov_sysfs_each(env->sysfs, take_name, ret, NULL, DEVICES "%s/net", address) >= 0)
		return;
	sriov_sysfs_each(env->sysfs, take_virtio, below, NULL, DEVICES "%s", address);
	if (*below)
		sriov_sysfs_each(
			env->sysfs, take_name, ret, NULL, DEVICES "%s/%s/net", address, below);
}

static void read_driver(const struct sriov_env *env, const char *address, char *ret)
{
	sriov_sysfs_read_link(
		env->sysfs, ret, SRIOV_DRIVER_LEN, NULL, DEVICES "%s/driver", address);
}

int reader_pf_identity(struct sriov_reader *reader, struct sriov_pf *pf)
{
	const struct sriov_env *env = reader->env;
	unsigned m[6];
	char mac[32];

	read_netdev(env, pf->address, pf->netdev);
	read_driver(env, pf->address, pf->driver);
	pf->vendor = (uint16_t)number(env, pf, "vendor", 0);
	pf->device = (uint16_t)number(env, pf, "device", 0);
	if (!*pf->netdev || sriov_sysfs_read(env->sysfs, mac, sizeof(mac), NULL,
				    "class/net/%s/address", pf->netdev) < 0)
		return 0;
	if (sscanf(mac, "%2x:%2x:%2x:%2x:%2x:%2x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) == 6)
		for (unsigned i = 0; i < 6; i++)
			pf->mac[i] = (uint8_t)m[i];
	return 0;
}

static void read_netdev_files(const struct sriov_env *env, struct sriov_pf *pf)
{
	int64_t value = 0;

	if (!*pf->netdev)
		return;
	if (sriov_sysfs_read_number(env->sysfs, &value, NULL, "class/net/%s/ifindex", pf->netdev) ==
		0)
		pf->ifindex = (uint32_t)value;
	/* -1 or EINVAL without a link. */
	value = 0;
	if (sriov_sysfs_read_number(env->sysfs, &value, NULL, "class/net/%s/speed", pf->netdev) ==
			0 &&
		value > 0)
		pf->link_mbps = (uint32_t)value;
	if (env->firmware)
		env->firmware(pf->netdev, pf->firmware, sizeof(pf->firmware));
}

/* VFs */

static int add_other(const char *name, void *ctx)
{
	struct group *group = ctx;

	if (strcmp(name, group->self) != 0)
		fprintf(group->others, "%s%s", group->n++ ? ", " : "", name);
	return 0;
}

static int read_group(const struct sriov_env *env, struct sriov_vf *vf)
{
	struct group group = { .self = vf->address };
	char name[16], *others = NULL;
	size_t size;

	vf->iommu_group = -1;
	if (sriov_sysfs_read_link(env->sysfs, name, sizeof(name), NULL, DEVICES "%s/iommu_group",
		    vf->address) < 0)
		return 0;
	vf->iommu_group = atoi(name);
	group.others = open_memstream(&others, &size);
	if (!group.others)
		return -ENOMEM;
	sriov_sysfs_each(
		env->sysfs, add_other, &group, NULL, DEVICES "%s/iommu_group/devices", vf->address);
	if (fclose(group.others) != 0) {
		free(others);
		return -ENOMEM;
	}
	if (group.n)
		vf->iommu_others = others;
	else
		free(others);
	return 0;
}

int sriov_msix_vectors(const uint8_t *config, size_t n)
{
	uint8_t at;

	if (n < PCI_HEADER_BYTES)
		return -EACCES;
	if (!(config[PCI_STATUS] & PCI_HAS_CAPS))
		return 0;
	at = config[PCI_FIRST_CAP] & 0xfc;
	/* A broken device's list may go round and round. */
	for (unsigned i = 0; at && i < PCI_MAX_CAPS; i++) {
		if (at + 4u > n)
			return -EACCES;
		if (config[at] == PCI_CAP_MSIX)
			return ((config[at + 2] | config[at + 3] << 8) & PCI_MSIX_SIZE) + 1;
		at = config[at + 1] & 0xfc;
	}
	return 0;
}

static int read_msix(struct sriov_reader *reader, const struct sriov_pf *pf, struct sriov_vf *vf)
{
	uint8_t config[PCI_CONFIG_BYTES];
	int n = sriov_sysfs_read_bytes(
		reader->env->sysfs, config, sizeof(config), NULL, DEVICES "%s/config", vf->address);

	if (n == -ENOENT)
		return 0;
	n = n < 0 ? n : sriov_msix_vectors(config, (size_t)n);
	if (n < 0)
		return reader_unread(reader,
			"interrupt vectors of %s's VFs: only root may read a device's "
			"configuration",
			reader_pf_name(pf));
	vf->msix_vectors = (uint32_t)n;
	vf->known |= 1u << SRIOV_MSIX;
	return 0;
}

static int read_vf(struct sriov_reader *reader, const struct sriov_pf *pf, struct sriov_vf *vf)
{
	const struct sriov_env *env = reader->env;
	int r;

	if (sriov_sysfs_read_link(env->sysfs, vf->address, sizeof(vf->address), NULL,
		    DEVICES "%s/virtfn%u", pf->address, vf->index) < 0)
		return reader_unread(reader, "VF %u of %s went away while it was read", vf->index,
			reader_pf_name(pf));
	read_driver(env, vf->address, vf->driver);
	sriov_sysfs_read(env->sysfs, vf->driver_override, sizeof(vf->driver_override), NULL,
		DEVICES "%s/driver_override", vf->address);
	if (strcmp(vf->driver_override, "(null)") == 0)
		*vf->driver_override = '\0';
	read_netdev(env, vf->address, vf->netdev);
	r = read_group(env, vf);
	return r < 0 ? r : read_msix(reader, pf, vf);
}

static int read_vfs(struct sriov_reader *reader, struct sriov_pf *pf)
{
	int64_t n = number(reader->env, pf, "sriov_numvfs", 0);
	int r = 0;

	if (n <= 0)
		return 0;
	if (n > SRIOV_MAX_VFS) {
		r = reader_unread(reader, "%s has %lld VFs; those above %d are not shown",
			reader_pf_name(pf), (long long)n, SRIOV_MAX_VFS);
		n = SRIOV_MAX_VFS;
	}
	pf->vfs = calloc((size_t)n, sizeof(*pf->vfs));
	if (!pf->vfs)
		return -ENOMEM;
	pf->n_vfs = (uint32_t)n;
	for (uint32_t i = 0; r == 0 && i < pf->n_vfs; i++) {
		pf->vfs[i].index = i;
		pf->vfs[i].iommu_group = -1;
		r = read_vf(reader, pf, &pf->vfs[i]);
	}
	return r;
}

int reader_pf_sysfs(struct sriov_reader *reader, struct sriov_pf *pf)
{
	const struct sriov_env *env = reader->env;
	int r;

	pf->total_vfs = (uint32_t)number(env, pf, "sriov_totalvfs", 0);
	pf->total_msix = (uint32_t)number(env, pf, "sriov_vf_total_msix", 0);
	pf->numa_node = (int)number(env, pf, "numa_node", -1);
	pf->drivers_autoprobe = number(env, pf, "sriov_drivers_autoprobe", 1) != 0;
	read_netdev_files(env, pf);
	r = read_vfs(reader, pf);
	/* What was pulled out while it was read has told half of it. */
	if (r == 0 && !sriov_sysfs_exists(env->sysfs, DEVICES "%s", pf->address))
		return -ENOENT;
	return r;
}
