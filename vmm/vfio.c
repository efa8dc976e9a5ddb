/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From the name of a PCI function to its open file (Linux, Documentation/driver-api/vfio.rst): its
 * IOMMU group goes into the machine's container, whose domain maps guest physical addresses to the
 * guest's memory, all of it and locked. Most of this is saying what a user can do where it fails.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vfio.h"

#define DEVICES "/sys/bus/pci/devices"
#define NAME    64

/* The last part of what a link names; "" where there is none. */
static bool __attribute__((format(printf, 2, 3))) read_link(char ret[NAME], const char *format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	va_list args;
	ssize_t n;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	last = strrchr(target, '/');
	snprintf(ret, NAME, "%.*s", NAME - 1, last ? last + 1 : target);
	return n > 0;
}

static int find_address(const char *name, char ret[NAME], struct sh_err *err)
{
	const char *slash = strrchr(name, '/');
	int n = slash ? (int)(slash - name) : 0; /* bytes of the PF's name */

	if (!slash && read_link(ret, DEVICES "/%s", name))
		return 0;
	if (!slash || strchr(name, '/') != slash)
		return sh_err_set(err, -ENODEV, "there is no such PCI device");
	if (read_link(ret, "/sys/class/net/%.*s/device/virtfn%s", n, name, slash + 1) ||
		read_link(ret, DEVICES "/%.*s/virtfn%s", n, name, slash + 1))
		return 0;
	return sh_err_set(
		err, -ENODEV, "there is no such VF: see 'shunt sriov show %.*s'", n, name);
}

/* What binds it: a VF is known by its PF and its index. */
static int not_bound(const char *address, const char *driver, struct sh_err *err)
{
	char pf[NAME], vf[NAME];
	unsigned i = 0;

	driver = *driver ? driver : "no driver";
	if (!read_link(pf, DEVICES "/%s/physfn", address))
		return sh_err_set(err, -EBUSY,
			"it is bound to %s, not to vfio-pci: bind it by driver_override", driver);
	while (read_link(vf, DEVICES "/%s/virtfn%u", pf, i) && strcmp(vf, address) != 0)
		i++;
	return sh_err_set(err, -EBUSY,
		"it is bound to %s, not to vfio-pci: 'shunt sriov bind %s --vf %u --driver "
		"vfio-pci'",
		driver, pf, i);
}

/* As the kernel judges: what has no driver, or one of these, is in nobody's way. */
static bool is_in_the_way(const char *driver)
{
	return *driver && !strstr(driver, "vfio") && strcmp(driver, "pci-stub") != 0 &&
	       strcmp(driver, "pcieport") != 0;
}

static int not_viable(const char *group, struct sh_err *err)
{
	char path[PATH_MAX], driver[NAME] = "", list[256] = "";
	const struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%s/devices", group);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) && n < sizeof(list)) {
		read_link(driver, "%s/%s/driver", path, entry->d_name);
		if (is_in_the_way(driver))
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s (%s)",
				n ? ", " : "", entry->d_name, driver);
	}
	if (dir)
		closedir(dir);
	return sh_err_set(err, -EBUSY,
		"others of its IOMMU group %s are in use by the host: %s: unbind these too, or put "
		"the NIC into a slot of its own",
		group, list);
}

static int open_file(const char *path, struct sh_err *err)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return sh_err_set(err, -errno, "%s: %s", path,
		errno == EBUSY    ? "in use by another process: 'shunt sriov show' names it"
		: errno == EACCES ? "permission denied: give it to the user"
		: errno == ENOENT ? "no such file: load vfio-pci"
				  : strerror(errno));
}

/* KVM has to know of devices that may write past the caches. */
static int tell_kvm(
	struct vmm_vfio *vfio, const struct vmm_kvm *kvm, int32_t group_fd, struct sh_err *err)
{
	struct kvm_create_device create = { .type = KVM_DEV_TYPE_VFIO };
	struct kvm_device_attr attr = { .group = KVM_DEV_VFIO_GROUP,
		.attr = KVM_DEV_VFIO_GROUP_ADD,
		.addr = (uintptr_t)&group_fd };

	if (!vfio->kvm_device && ioctl(kvm->vm, KVM_CREATE_DEVICE, &create) == 0)
		vfio->kvm_device = (int)create.fd;
	if (!vfio->kvm_device || ioctl(vfio->kvm_device, KVM_SET_DEVICE_ATTR, &attr) < 0)
		return sh_err_set(
			err, -errno, "KVM takes no device of the host: %s", strerror(errno));
	return 0;
}

static int map_memory(const struct vmm_vfio *vfio, const struct vmm_mem *mem, struct sh_err *err)
{
	for (unsigned i = 0; i < mem->n_regions; i++) {
		const struct vmm_mem_region *region = &mem->regions[i];
		const struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
			.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
			.vaddr = (uintptr_t)region->host,
			.iova = region->gpa,
			.size = region->size };

		if (ioctl(vfio->container, VFIO_IOMMU_MAP_DMA, &map) == 0)
			continue;
		if (errno == ENOMEM)
			return sh_err_set(err, -ENOMEM,
				"the guest's memory (%llu MiB) cannot be locked: raise the limit "
				"of "
				"locked memory (ulimit -l, LimitMEMLOCK= of a service)",
				(unsigned long long)mem->size >> 20);
		return sh_err_set(err, -errno, "the IOMMU maps no memory at %#llx: %s",
			(unsigned long long)region->gpa, strerror(errno));
	}
	return 0;
}

/* The first group makes the domain what it is. */
static int join(struct vmm_vfio *vfio, const char *group, int fd, const struct vmm_mem *mem,
	struct sh_err *err)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	bool is_first = vfio->n_groups == 1;

	if (ioctl(fd, VFIO_GROUP_GET_STATUS, &status) == 0 &&
		!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return not_viable(group, err);
	if (ioctl(fd, VFIO_GROUP_SET_CONTAINER, &vfio->container) < 0 ||
		(is_first && ioctl(vfio->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0))
		return sh_err_set(err, -errno,
			"the IOMMU does not take its group %s: %s (see the kernel's log)", group,
			strerror(errno));
	return is_first ? map_memory(vfio, mem, err) : 0;
}

/* return: its descriptor, borrowed */
static int open_group(struct vmm_vfio *vfio, const char *number, const struct vmm_mem *mem,
	const struct vmm_kvm *kvm, struct sh_err *err)
{
	char path[NAME + 16];
	int fd, r = 0;

	for (unsigned i = 0; i < vfio->n_groups; i++)
		if (vfio->groups[i].number == atoi(number))
			return vfio->groups[i].fd;
	if (!vfio->container)
		r = open_file("/dev/vfio/vfio", err);
	if (r < 0)
		return r;
	vfio->container = r ? r : vfio->container;
	snprintf(path, sizeof(path), "/dev/vfio/%s", number);
	fd = open_file(path, err);
	if (fd < 0)
		return fd;
	vfio->groups[vfio->n_groups].number = atoi(number);
	vfio->groups[vfio->n_groups++].fd = fd;
	r = join(vfio, number, fd, mem, err);
	if (r == 0)
		r = tell_kvm(vfio, kvm, fd, err);
	return r < 0 ? r : fd;
}

static struct vmm_vfio_region region_of(int fd, unsigned index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
		return (struct vmm_vfio_region){ 0 };
	return (struct vmm_vfio_region){ info.offset, info.size,
		info.flags & VFIO_REGION_INFO_FLAG_MMAP };
}

static int open_device(
	int group_fd, const char *address, struct vmm_vfio_device *ret, struct sh_err *err)
{
	struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	_cleanup_close_ int fd = ioctl(group_fd, VFIO_GROUP_GET_DEVICE_FD, address);

	if (fd < 0 || ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, &irq) < 0)
		return sh_err_set(err, -errno, "VFIO does not open it: %s", strerror(errno));
	if (ioctl(fd, VFIO_DEVICE_RESET) < 0)
		return sh_err_set(err, -ENOTSUP,
			"it cannot be reset (%s), so a guest would find what another left in it",
			strerror(errno));
	*ret = (struct vmm_vfio_device){ .n_vectors = irq.count };
	snprintf(ret->address, sizeof(ret->address), "%.15s", address);
	for (unsigned i = 0; i < VMM_PCI_BARS; i++)
		ret->bars[i] = region_of(fd, VFIO_PCI_BAR0_REGION_INDEX + i);
	ret->config = region_of(fd, VFIO_PCI_CONFIG_REGION_INDEX);
	ret->fd = TAKE_FD(fd);
	return 0;
}

int vmm_vfio_open(struct vmm_vfio *vfio, const char *name, const struct vmm_mem *mem,
	const struct vmm_kvm *kvm, struct vmm_vfio_device *ret, struct sh_err *err)
{
	char address[NAME], driver[NAME], group[NAME];
	int r = find_address(name, address, err);

	if (r < 0)
		return r;
	read_link(driver, DEVICES "/%s/driver", address);
	if (!read_link(group, DEVICES "/%s/iommu_group", address))
		return sh_err_set(err, -ENOTSUP,
			"it has no IOMMU: boot with intel_iommu=on or amd_iommu=on, and switch the "
			"IOMMU on in the firmware");
	if (!strstr(driver, "vfio"))
		return not_bound(address, driver, err);
	r = open_group(vfio, group, mem, kvm, err);
	return r < 0 ? r : open_device(r, address, ret, err);
}

void vmm_vfio_close(struct vmm_vfio *vfio)
{
	for (unsigned i = 0; i < vfio->n_groups; i++)
		close(vfio->groups[i].fd);
	if (vfio->kvm_device)
		close(vfio->kvm_device);
	if (vfio->container)
		close(vfio->container);
	*vfio = (struct vmm_vfio){ 0 };
}
