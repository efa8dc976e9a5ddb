/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The fake kernel's PCI devices: their files, and what a write to one of those does.
 */
#include "fake_kernel_inside.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICE       "sys/devices/pci/"
#define FIRST_GROUP  100
#define MSIX_CAP     0x70
#define MSIX_DEFAULT 3
#define VF_OFFSET    128 /* of routing IDs, and their stride, as igb has them */
#define VF_STRIDE    2

/* A function: the PF itself with vf NULL. */
struct function {
	struct fake_pf *pf;
	struct sriov_vf *vf;
};

static void put_text(struct fake_kernel *k, const char *address, const char *file, const char *text)
{
	fake_put(k, text, strlen(text), DEVICE "%s/%s", address, file);
}

static void put_number(struct fake_kernel *k, const char *address, const char *file, uint32_t n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u\n", n);
	put_text(k, address, file, text);
}

/* The folder of a device, and of a driver. */
static const char *device_path(const char *address)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICE "%s", address);
	return path;
}

static void link_driver(struct fake_kernel *k, const char *address, const char *driver)
{
	char path[128];

	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s", driver);
	fake_link(k, path, DEVICE "%s/driver", address);
}

static struct sriov_vf *vf_at(struct fake_pf *pf, const char *address)
{
	for (uint32_t i = 0; i < pf->n_vfs; i++)
		if (strcmp(pf->vfs[i].address, address) == 0)
			return &pf->vfs[i];
	return NULL;
}

static bool find_function(struct fake_kernel *k, const char *address, struct function *ret)
{
	for (uint32_t i = 0; i < k->n_pfs; i++) {
		struct fake_pf *pf = &k->pfs[i];

		*ret = (struct function){ pf, vf_at(pf, address) };
		if (ret->vf || strcmp(pf->address, address) == 0)
			return true;
	}
	return false;
}

/* netdevs */

static void add_netdev(struct fake_kernel *k, const char *address, const char *name,
	uint32_t ifindex, const uint8_t mac[6], uint32_t mbps)
{
	char file[128], text[32];

	snprintf(file, sizeof(file), "net/%s/ifindex", name);
	put_number(k, address, file, ifindex);
	snprintf(file, sizeof(file), "net/%s/address", name);
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	put_text(k, address, file, text);
	snprintf(file, sizeof(file), "net/%s/speed", name);
	put_number(k, address, file, mbps);
	fake_link(k, device_path(address), DEVICE "%s/net/%s/device", address, name);
	snprintf(file, sizeof(file), DEVICE "%s/net/%s", address, name);
	fake_link(k, file, "sys/class/net/%s", name);
}

static void remove_netdev(struct fake_kernel *k, const char *address, const char *name)
{
	fake_remove(k, "sys/class/net/%s", name);
	fake_remove(k, DEVICE "%s/net", address);
}

void fake_kernel_hide_netdev(struct fake_kernel *k, struct fake_pf *pf, uint32_t vf)
{
	fake_kernel_lock(k);
	remove_netdev(k, pf->vfs[vf].address, pf->vfs[vf].netdev);
	*pf->vfs[vf].netdev = '\0';
	fake_kernel_unlock(k);
}

/* Drivers */

static void make_driver(struct fake_kernel *k, const char *name)
{
	char path[PATH_MAX];

	fake_path(k, path, "sys/bus/pci/drivers/%s/bind", name);
	if (access(path, F_OK) == 0)
		return;
	fake_put(k, "", 0, "sys/bus/pci/drivers/%s/bind", name);
	fake_put(k, "", 0, "sys/bus/pci/drivers/%s/unbind", name);
}

static void put_group_file(struct fake_kernel *k, const struct sriov_vf *vf)
{
	fake_put(k, "", 0, "dev/vfio/%d", vf->iommu_group);
}

static void bind_vf(
	struct fake_kernel *k, struct fake_pf *pf, struct sriov_vf *vf, const char *driver)
{
	snprintf(vf->driver, sizeof(vf->driver), "%s", driver);
	link_driver(k, vf->address, driver);
	if (strcmp(driver, "vfio-pci") == 0) {
		put_group_file(k, vf);
	} else if (strcmp(driver, pf->vf_driver) == 0 && *pf->netdev) {
		snprintf(vf->netdev, sizeof(vf->netdev), "%.10sv%u", pf->netdev, vf->index);
		add_netdev(k, vf->address, vf->netdev, pf->ifindex * 1000 + vf->index, vf->mac,
			pf->mbps);
	}
	fake_log(k, "bind %s %s", vf->address, driver);
}

static void unbind_vf(struct fake_kernel *k, struct sriov_vf *vf)
{
	if (!*vf->driver)
		return;
	if (*vf->netdev)
		remove_netdev(k, vf->address, vf->netdev);
	if (strcmp(vf->driver, "vfio-pci") == 0)
		fake_remove(k, "dev/vfio/%d", vf->iommu_group);
	fake_remove(k, DEVICE "%s/driver", vf->address);
	fake_log(k, "unbind %s %s", vf->address, vf->driver);
	*vf->driver = *vf->netdev = '\0';
}

/* Whether a driver takes a VF: the one that overrides, else the one made for it. */
static bool matches(const struct fake_pf *pf, const struct sriov_vf *vf, const char *driver)
{
	return strcmp(driver, *vf->driver_override ? vf->driver_override : pf->vf_driver) == 0 &&
	       (strcmp(driver, pf->vf_driver) == 0 || strcmp(driver, "vfio-pci") == 0);
}

static void probe(struct fake_kernel *k, struct fake_pf *pf, struct sriov_vf *vf)
{
	if (*vf->driver)
		return;
	if (matches(pf, vf, pf->vf_driver))
		bind_vf(k, pf, vf, pf->vf_driver);
	else if (matches(pf, vf, "vfio-pci"))
		bind_vf(k, pf, vf, "vfio-pci");
}

/* VFs */

static void put_config(struct fake_kernel *k, const struct sriov_vf *vf)
{
	uint8_t config[256] = { [0x06] = 0x10, [0x34] = MSIX_CAP, [MSIX_CAP] = 0x11 };

	config[MSIX_CAP + 2] = (uint8_t)(vf->msix_vectors - 1);
	config[MSIX_CAP + 3] = (uint8_t)((vf->msix_vectors - 1) >> 8 & 7);
	fake_put(k, config, sizeof(config), DEVICE "%s/config", vf->address);
}

static void address_of_vf(const struct fake_pf *pf, uint32_t index, char *ret)
{
	unsigned domain, bus, device, function, id;

	sscanf(pf->address, "%x:%x:%x.%u", &domain, &bus, &device, &function);
	id = (bus << 8 | device << 3 | function) + VF_OFFSET + VF_STRIDE * index;
	snprintf(ret, SRIOV_ADDRESS_LEN, "%04x:%02x:%02x.%u", domain & 0xffff, id >> 8 & 0xff,
		id >> 3 & 31, id & 7);
}

static void add_to_group(struct fake_kernel *k, const char *address, int group)
{
	char path[64];

	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%d", group);
	fake_link(k, path, DEVICE "%s/iommu_group", address);
	fake_link(k, device_path(address), "%s/devices/%s", path, address);
}

static void add_vf(struct fake_kernel *k, struct fake_pf *pf, uint32_t index)
{
	struct sriov_vf *vf = &pf->vfs[index];

	*vf = (struct sriov_vf){ .index = index,
		.known = pf->has,
		.vlan_proto = 0x8100,
		.spoofchk = true,
		.msix_vectors = MSIX_DEFAULT,
		.has_port = true,
		.port = index + 1 };
	vf->iommu_group = FIRST_GROUP * (int)(pf - k->pfs + 1) + (int)(index / pf->vfs_a_group);
	address_of_vf(pf, index, vf->address);
	put_text(k, vf->address, "driver_override", "(null)\n");
	put_text(k, vf->address, "vendor", "0x8086\n");
	put_text(k, vf->address, "device", "0x10ca\n");
	if (pf->total_msix)
		put_text(k, vf->address, "sriov_vf_msix_count", "");
	put_config(k, vf);
	add_to_group(k, vf->address, vf->iommu_group);
	fake_link(k, device_path(pf->address), DEVICE "%s/physfn", vf->address);
	fake_link(k, device_path(vf->address), DEVICE "%s/virtfn%u", pf->address, index);
	fake_link(k, device_path(vf->address), "sys/bus/pci/devices/%s", vf->address);
}

static void remove_vf(struct fake_kernel *k, struct fake_pf *pf, uint32_t index)
{
	struct sriov_vf *vf = &pf->vfs[index];

	unbind_vf(k, vf);
	fake_remove(k, "sys/kernel/iommu_groups/%d/devices/%s", vf->iommu_group, vf->address);
	fake_remove(k, "sys/bus/pci/devices/%s", vf->address);
	fake_remove(k, DEVICE "%s/virtfn%u", pf->address, index);
	fake_remove(k, DEVICE "%s", vf->address);
}

static void set_vfs(struct fake_kernel *k, struct fake_pf *pf, uint32_t n)
{
	while (pf->n_vfs > n)
		remove_vf(k, pf, --pf->n_vfs);
	for (uint32_t i = pf->n_vfs; i < n; i++) {
		add_vf(k, pf, i);
		pf->n_vfs = i + 1;
		if (!pf->no_autoprobe)
			probe(k, pf, &pf->vfs[i]);
	}
	put_number(k, pf->address, "sriov_numvfs", n);
}

void fake_kernel_set_vfs(struct fake_kernel *k, struct fake_pf *pf, uint32_t n)
{
	fake_kernel_lock(k);
	set_vfs(k, pf, n);
	fake_kernel_unlock(k);
}

/* PFs */

static void set_default(uint32_t *value, uint32_t otherwise)
{
	if (!*value)
		*value = otherwise;
}

static void set_defaults(struct fake_pf *pf, uint32_t index)
{
	if (!*pf->address)
		snprintf(pf->address, sizeof(pf->address), "0000:%02x:00.0", 1 + index * 0x10);
	if (!*pf->netdev)
		snprintf(pf->netdev, sizeof(pf->netdev), "pf%u", index);
	if (!*pf->driver)
		strcpy(pf->driver, "igb");
	if (!*pf->vf_driver)
		strcpy(pf->vf_driver, "igbvf");
	if (!pf->mac[5])
		memcpy(pf->mac, (uint8_t[]){ 0x52, 0x54, 0, 0, 0, (uint8_t)(index + 1) }, 6);
	set_default(&pf->ifindex, 10 + index);
	set_default(&pf->total_vfs, 7);
	set_default(&pf->mtu, 1500);
	set_default(&pf->mbps, 1000);
	set_default(&pf->vfs_a_group, 1);
	set_default(&pf->has, 1u << SRIOV_MAC | 1u << SRIOV_VLAN | 1u << SRIOV_SPOOFCHK |
				      1u << SRIOV_TRUST | 1u << SRIOV_LINK_STATE |
				      1u << SRIOV_RATE | 1u << SRIOV_QUERY_RSS | 1u << SRIOV_STATS);
}

static void put_pf(struct fake_kernel *k, struct fake_pf *pf)
{
	put_text(k, pf->address, "vendor", "0x8086\n");
	put_text(k, pf->address, "device", "0x10c9\n");
	put_text(k, pf->address, "numa_node", "0\n");
	put_text(k, pf->address, "driver_override", "(null)\n");
	put_number(k, pf->address, "sriov_totalvfs", pf->total_vfs);
	put_number(k, pf->address, "sriov_numvfs", 0);
	put_number(k, pf->address, "sriov_drivers_autoprobe", !pf->no_autoprobe);
	if (pf->total_msix)
		put_number(k, pf->address, "sriov_vf_total_msix", pf->total_msix);
	make_driver(k, pf->driver);
	make_driver(k, pf->vf_driver);
	link_driver(k, pf->address, pf->driver);
	add_netdev(k, pf->address, pf->netdev, pf->ifindex, pf->mac, pf->mbps);
	fake_link(k, device_path(pf->address), "sys/bus/pci/devices/%s", pf->address);
}

struct fake_pf *fake_kernel_add_pf(struct fake_kernel *k, const struct fake_pf *conf)
{
	struct fake_pf *pf;

	fake_kernel_lock(k);
	pf = &k->pfs[k->n_pfs];
	*pf = *conf;
	set_defaults(pf, k->n_pfs);
	put_pf(k, pf);
	k->n_pfs++;
	fake_kernel_unlock(k);
	return pf;
}

void fake_kernel_unplug(struct fake_kernel *k, struct fake_pf *pf)
{
	fake_kernel_lock(k);
	set_vfs(k, pf, 0);
	remove_netdev(k, pf->address, pf->netdev);
	fake_remove(k, "sys/bus/pci/devices/%s", pf->address);
	fake_remove(k, DEVICE "%s", pf->address);
	/* Nothing has this address, name or number any more; other PFs stay where they are. */
	*pf->address = *pf->netdev = '\0';
	pf->ifindex = 0;
	fake_kernel_unlock(k);
}

void fake_kernel_add_process(
	struct fake_kernel *k, unsigned pid, const char *name, const char *file)
{
	fake_put(k, name, strlen(name), "proc/%u/comm", pid);
	fake_put(k, name, strlen(name) + 1, "proc/%u/cmdline", pid);
	fake_link(k, *file == '/' ? file + 1 : file, "proc/%u/fd/3", pid);
}

/* Writes */

static int32_t take_numvfs(struct fake_kernel *k, struct fake_pf *pf, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text)
		return -EINVAL;
	if (n > pf->total_vfs)
		return -ERANGE;
	if (n != pf->n_vfs && n && pf->n_vfs)
		return -EBUSY;
	set_vfs(k, pf, (uint32_t)n);
	return 0;
}

static int32_t take_override(struct fake_kernel *k, const struct function *f, const char *text)
{
	char line[80];

	if (f->vf)
		snprintf(f->vf->driver_override, sizeof(f->vf->driver_override), "%s", text);
	snprintf(line, sizeof(line), "%s\n", *text ? text : "(null)");
	put_text(k, f->vf ? f->vf->address : f->pf->address, "driver_override", line);
	return 0;
}

/* While no driver has laid out its interrupts. */
static int32_t take_msix(struct fake_kernel *k, const struct function *f, const char *text)
{
	if (!f->vf || !f->pf->total_msix)
		return -EOPNOTSUPP;
	if (*f->vf->driver)
		return -EBUSY;
	f->vf->msix_vectors = (uint32_t)atoi(text);
	put_config(k, f->vf);
	return 0;
}

static int32_t take_bind(struct fake_kernel *k, const char *driver, const char *address)
{
	struct function f;

	if (!find_function(k, address, &f) || !f.vf || !matches(f.pf, f.vf, driver))
		return -ENODEV;
	if (*f.vf->driver)
		return -EBUSY;
	bind_vf(k, f.pf, f.vf, driver);
	return 0;
}

static int32_t take_unbind(struct fake_kernel *k, const char *driver, const char *address)
{
	struct function f;

	if (!find_function(k, address, &f) || !f.vf || strcmp(f.vf->driver, driver) != 0)
		return -ENODEV;
	unbind_vf(k, f.vf);
	return 0;
}

static int32_t take_probe(struct fake_kernel *k, const char *address)
{
	struct function f;

	if (!find_function(k, address, &f))
		return -ENODEV;
	/* drivers/pci/pci-driver.c, pci_device_can_probe() */
	if (f.vf && (!f.pf->no_autoprobe || *f.vf->driver_override))
		probe(k, f.pf, f.vf);
	return 0;
}

/* devices/pci/ADDRESS/FILE */
static int32_t take_device(
	struct fake_kernel *k, const char *address, const char *file, const char *text)
{
	struct function f;

	if (!find_function(k, address, &f))
		return -ENODEV;
	if (strcmp(file, "sriov_numvfs") == 0)
		return take_numvfs(k, f.pf, text);
	if (strcmp(file, "driver_override") == 0)
		return take_override(k, &f, text);
	if (strcmp(file, "sriov_vf_msix_count") == 0)
		return take_msix(k, &f, text);
	if (strcmp(file, "sriov_drivers_autoprobe") == 0) {
		f.pf->no_autoprobe = atoi(text) == 0;
		put_number(k, address, file, !f.pf->no_autoprobe);
		return 0;
	}
	return -EACCES;
}

static int32_t find_bad_write(struct fake_kernel *k, const char *path)
{
	for (unsigned i = 0; i < FAKE_MAX_REFUSALS; i++) {
		struct fake_bad_write *bad = &k->bad_writes[i];
		size_t n = strlen(bad->file), have = strlen(path);

		if (!n || n > have || strcmp(path + have - n, bad->file) != 0)
			continue;
		if (bad->n && --bad->n == 0)
			*bad->file = '\0';
		return bad->blocks ? FAKE_BLOCKS : bad->code;
	}
	return 0;
}

int32_t fake_take_write(struct fake_kernel *k, const struct fake_write *w)
{
	char text[64], a[80], b[80];
	int32_t r = find_bad_write(k, w->path);

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(w->text, "\n"), w->text);
	k->n_writes++;
	fake_log(k, "write %s %s", w->path, text);
	if (r)
		return r;
	if (sscanf(w->path, "devices/pci/%79[^/]/%79s", a, b) == 2)
		return take_device(k, a, b, text);
	if (sscanf(w->path, "bus/pci/drivers/%79[^/]/%79s", a, b) == 2)
		return strcmp(b, "bind") == 0     ? take_bind(k, a, text)
		       : strcmp(b, "unbind") == 0 ? take_unbind(k, a, text)
						  : 0;
	return strcmp(w->path, "bus/pci/drivers_probe") == 0 ? take_probe(k, text) : -EACCES;
}
