/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Opening KVM: that it is there, may be used, and runs guests at all, and then a machine with the
 * in-kernel interrupt controllers and timer. Each failure is a sentence that says what to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kvm.h"

/* Three pages that Intel's KVM needs, and one for its identity map: below the BIOS's place, in no
 * window and no memory of the guest. */
#define TSS_ADDRESS      UINT64_C(0xfffbd000)
#define IDENTITY_ADDRESS UINT64_C(0xfffbc000)

static const struct {
	int cap;
	const char *what;
} needed[] = {
	{ KVM_CAP_IRQCHIP, "interrupt controllers" },
	{ KVM_CAP_IRQ_ROUTING, "interrupt routing" },
	{ KVM_CAP_IRQFD, "irqfd" },
	{ KVM_CAP_IOEVENTFD, "ioeventfd" },
	{ KVM_CAP_PIT2, "a timer" },
	{ KVM_CAP_IMMEDIATE_EXIT, "immediate exit" },
	{ KVM_CAP_XSAVE, "xsave" },
};

bool vmm_kvm_cpu_can(const char *cpuinfo)
{
	const char *line = cpuinfo;

	while (line) {
		const char *end = strchr(line, '\n');
		size_t n = end ? (size_t)(end - line) : strlen(line);

		if (strncmp(line, "flags", 5) == 0) {
			const char *vmx = memmem(line, n, " vmx", 4);
			const char *svm = memmem(line, n, " svm", 4);
			const char *found = vmx ? vmx : svm;

			/* svm_lock and the like are other words. */
			return found && (found + 4 == line + n || found[4] == ' ');
		}
		line = end ? end + 1 : NULL;
	}
	return false;
}

static bool cpu_can(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/cpuinfo", "re");
	char text[16384];
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	return vmm_kvm_cpu_can(text);
}

static int open_device(struct sh_err *err)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	switch (errno) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return sh_err_set(err, -errno,
			"no KVM (/dev/kvm): load kvm_intel or kvm_amd, and switch on "
			"virtualization in the firmware");
	case EACCES:
	case EPERM:
		return sh_err_set(err, -errno,
			"/dev/kvm: permission denied: run as a member of its group (kvm)");
	default:
		return sh_err_set(err, -errno, "/dev/kvm: %s", strerror(errno));
	}
}

static int check(int fd, bool slow_ok, struct sh_err *err)
{
	int version = ioctl(fd, KVM_GET_API_VERSION, 0);

	if (version != KVM_API_VERSION)
		return sh_err_set(err, -ENOTSUP, "KVM's interface is version %d, not %d", version,
			KVM_API_VERSION);
	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (ioctl(fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
			return sh_err_set(err, -ENOTSUP,
				"KVM of this kernel has no %s: a newer one is needed",
				needed[i].what);
	if (!slow_ok && !cpu_can())
		return sh_err_set(err, -ENOTSUP,
			"KVM of this machine cannot run ordinary guests: its CPU has neither vmx "
			"nor svm, so a guest is interpreted (--slow-kvm runs it so)");
	return 0;
}

static int make_machine(struct vmm_kvm *kvm, struct sh_err *err)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity = IDENTITY_ADDRESS;
	int size = ioctl(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	kvm->vm = ioctl(kvm->fd, KVM_CREATE_VM, 0);
	if (size <= 0 || kvm->vm < 0)
		return sh_err_set(err, -errno, "KVM makes no machine: %s", strerror(errno));
	kvm->run_size = (size_t)size;
	if (ioctl(kvm->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 ||
		ioctl(kvm->vm, KVM_SET_TSS_ADDR, TSS_ADDRESS) < 0 ||
		ioctl(kvm->vm, KVM_CREATE_IRQCHIP, 0) < 0 ||
		ioctl(kvm->vm, KVM_CREATE_PIT2, &pit) < 0)
		return sh_err_set(
			err, -errno, "KVM makes no interrupt controllers: %s", strerror(errno));
	if (vmm_kvm_irq_init(kvm) < 0)
		return sh_err_set(err, -EIO, "KVM takes no interrupt routes");
	return 0;
}

int vmm_kvm_open(bool slow_ok, struct vmm_kvm *ret, struct sh_err *err)
{
	struct vmm_kvm kvm = { .fd = -1, .vm = -1 };
	int r = open_device(err);

	if (r < 0)
		return r;
	kvm.fd = r;
	r = check(kvm.fd, slow_ok, err);
	if (r == 0)
		r = make_machine(&kvm, err);
	if (r < 0) {
		vmm_kvm_close(&kvm);
		return r;
	}
	*ret = kvm;
	pthread_mutex_init(&ret->lock, NULL);
	return 0;
}

void vmm_kvm_close(struct vmm_kvm *kvm)
{
	if (kvm->vm >= 0)
		close(kvm->vm);
	if (kvm->fd >= 0)
		close(kvm->fd);
	free(kvm->routing);
	*kvm = (struct vmm_kvm){ .fd = -1, .vm = -1 };
}

static int set_slot(struct vmm_kvm *kvm, unsigned slot, uint64_t gpa, uint64_t size, void *host)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	if (ioctl(kvm->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return -errno;
	return 0;
}

int vmm_kvm_add_memory(struct vmm_kvm *kvm, const struct vmm_mem *mem, struct sh_err *err)
{
	for (unsigned i = 0; i < mem->n_regions; i++) {
		const struct vmm_mem_region *region = &mem->regions[i];
		int r = set_slot(kvm, i, region->gpa, region->size, region->host);

		if (r < 0)
			return sh_err_set(
				err, r, "KVM takes no memory for the guest: %s", strerror(-r));
		kvm->slots[i] = (struct vmm_kvm_slot){ region->gpa, region->size };
	}
	return 0;
}

static struct vmm_kvm_slot *find_slot(struct vmm_kvm *kvm, uint64_t gpa, uint64_t size)
{
	for (unsigned i = 0; i < VMM_KVM_SLOTS; i++)
		if (kvm->slots[i].gpa == gpa && kvm->slots[i].size == size)
			return &kvm->slots[i];
	return NULL;
}

static int map(void *ctx, uint64_t gpa, uint64_t size, void *host, bool on)
{
	struct vmm_kvm *kvm = ctx;
	struct vmm_kvm_slot *slot;
	int r = -ENOSPC;

	pthread_mutex_lock(&kvm->lock);
	slot = on ? find_slot(kvm, 0, 0) : find_slot(kvm, gpa, size);
	if (slot)
		r = set_slot(kvm, (unsigned)(slot - kvm->slots), gpa, on ? size : 0, host);
	if (slot && r == 0)
		*slot = on ? (struct vmm_kvm_slot){ gpa, size } : (struct vmm_kvm_slot){ 0, 0 };
	pthread_mutex_unlock(&kvm->lock);
	return r;
}

static int ioeventfd(void *ctx, uint64_t gpa, unsigned n, int fd, bool on)
{
	struct vmm_kvm *kvm = ctx;
	struct kvm_ioeventfd what = {
		.addr = gpa,
		.len = n,
		.fd = fd,
		.flags = on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN,
	};

	return ioctl(kvm->vm, KVM_IOEVENTFD, &what) < 0 ? -errno : 0;
}

static int route(void *ctx, unsigned gsi, uint64_t address, uint32_t data)
{
	struct vmm_kvm *kvm = ctx;
	struct kvm_irq_routing_entry entry = {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = (uint32_t)address,
			.address_hi = (uint32_t)(address >> 32),
			.data = data },
	};
	struct kvm_irq_routing *all = kvm->routing;
	unsigned i = 0;
	int r;

	pthread_mutex_lock(&kvm->lock);
	while (i < all->nr &&
		(all->entries[i].type != KVM_IRQ_ROUTING_MSI || all->entries[i].gsi != gsi))
		i++;
	if (i == VMM_KVM_ROUTES) {
		r = -ENOSPC;
	} else {
		struct kvm_irq_routing_entry before = all->entries[i];

		all->entries[i] = entry;
		all->nr += i == all->nr;
		r = ioctl(kvm->vm, KVM_SET_GSI_ROUTING, all) < 0 ? -errno : 0;
		/* A route that is refused must not stay in the way of the others. */
		if (r < 0 && before.type == KVM_IRQ_ROUTING_MSI)
			all->entries[i] = before;
		else if (r < 0)
			all->nr--;
	}
	pthread_mutex_unlock(&kvm->lock);
	return r;
}

static int irqfd(void *ctx, unsigned gsi, int fd, bool on)
{
	struct vmm_kvm *kvm = ctx;
	struct kvm_irqfd what = {
		.fd = (uint32_t)fd,
		.gsi = gsi,
		.flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	return ioctl(kvm->vm, KVM_IRQFD, &what) < 0 ? -errno : 0;
}

const struct vmm_pci_host vmm_kvm_pci_host = {
	.route = route,
	.irqfd = irqfd,
	.ioeventfd = ioeventfd,
	.map = map,
};
