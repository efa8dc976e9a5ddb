/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A function of the host as the guest sees it. Its registers are mapped into the guest, but the
 * pages with the MSI-X table and pending bits, which the bus serves: a vector's eventfd goes from
 * the host's interrupt handler to KVM. Configuration space is our own, with identity, BARs and few
 * capabilities of the device; of what the guest writes only the command register reaches it, since
 * all else of the device is the host's to set. Threads as in pci.h.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "vfio.h"

#define PAGE       UINT64_C(4096)
#define CONFIG     256 /* of capabilities beyond, the guest gets none */
#define MAX_PIECES (3 * VMM_PCI_BARS)
#define PCIE_BODY  0x3a /* of version 2, behind id and next */

/* A part of a BAR that the guest reaches without us. */
struct piece {
	unsigned bar;
	uint64_t offset, size;
	void *host;
	bool mapped;
};

struct vmm_vfio_function {
	const char *name;
	struct vmm_vfio_device device;
	struct vmm_pci_device *pci;
	unsigned n_vectors, n_pieces;
	struct piece pieces[MAX_PIECES];
	int request_fd;
	struct vmm_source request;
	struct vmm_loop *loop;
	bool has_warned;
};

/* With the calls that disks make too, so that no thread's filter needs another. */
static bool transfer(const struct vmm_vfio_function *f, const struct vmm_vfio_region *region,
	uint64_t offset, void *bytes, unsigned n, bool is_write)
{
	const struct iovec iov = { bytes, n };
	off_t at = (off_t)(region->offset + offset);

	if (offset > region->size || n > region->size - offset)
		return false;
	return (is_write ? pwritev2(f->device.fd, &iov, 1, at, 0)
			 : preadv2(f->device.fd, &iov, 1, at, 0)) == (ssize_t)n;
}

static uint64_t bar_read(void *ctx, unsigned bar, uint64_t offset, unsigned n)
{
	const struct vmm_vfio_function *f = ctx;
	uint64_t value = 0;

	return transfer(f, &f->device.bars[bar], offset, &value, n, false) ? value : UINT64_MAX;
}

static void bar_write(void *ctx, unsigned bar, uint64_t offset, unsigned n, uint64_t value)
{
	const struct vmm_vfio_function *f = ctx;

	/* What a device does not take is lost, as on any bus. */
	(void)transfer(f, &f->device.bars[bar], offset, &value, n, true);
}

static void moved(void *ctx, unsigned bar, bool on, uint64_t gpa)
{
	struct vmm_vfio_function *f = ctx;

	for (unsigned i = 0; i < f->n_pieces; i++) {
		struct piece *piece = &f->pieces[i];
		int r;

		if (piece->bar != bar || !(on || piece->mapped))
			continue;
		/* What cannot lie there (over another BAR) is reached by bar_read. */
		r = vmm_pci_map(f->pci, gpa + piece->offset, piece->size, piece->host, on);
		piece->mapped = on && r == 0;
	}
}

/* The device always decodes its BARs: where the guest sees them, the bus decides. */
static void set_command(const struct vmm_vfio_function *f, uint16_t command)
{
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE;
	(void)transfer(f, &f->device.config, PCI_COMMAND, &command, sizeof(command), true);
}

static void config(void *ctx, uint8_t *bytes, unsigned offset, unsigned n, bool written)
{
	uint16_t command;

	memcpy(&command, bytes + PCI_COMMAND, sizeof(command));
	if (written && offset < PCI_COMMAND + sizeof(command) && offset + n > PCI_COMMAND)
		set_command(ctx, command);
}

/* First no bus master, so that nothing of it reaches the next kernel's memory in any case. */
static void reset(void *ctx)
{
	const struct vmm_vfio_function *f = ctx;

	set_command(f, 0);
	if (ioctl(f->device.fd, VFIO_DEVICE_RESET) < 0)
		sh_log_warn("%s: its reset fails: %s", f->name, strerror(errno));
}

static int set_irqs(const struct vmm_vfio_function *f, unsigned index, const int *fds, unsigned n)
{
	union {
		struct vfio_irq_set set;
		uint8_t room[sizeof(struct vfio_irq_set) + VMM_MSIX_MAX * sizeof(*fds)];
	} irqs = { .set = { .argsz = (uint32_t)(sizeof(irqs.set) + n * sizeof(*fds)),
			   .flags = VFIO_IRQ_SET_ACTION_TRIGGER |
				    (n ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE),
			   .index = index,
			   .count = n } };

	memcpy(irqs.room + sizeof(irqs.set), fds, n * sizeof(*fds));
	return ioctl(f->device.fd, VFIO_DEVICE_SET_IRQS, &irqs) < 0 ? -errno : 0;
}

/* All vectors at once: the host's table is masked by nobody, masks are the bus's eventfds. */
static void msix(void *ctx, bool on)
{
	struct vmm_vfio_function *f = ctx;
	int fds[VMM_MSIX_MAX], r;

	for (unsigned i = 0; i < f->n_vectors; i++)
		fds[i] = vmm_msix_fd(f->pci, i);
	r = set_irqs(f, VFIO_PCI_MSIX_IRQ_INDEX, fds, on ? f->n_vectors : 0);
	if (r < 0 && !f->has_warned)
		sh_log_warn("%s: the host has no interrupts for it: %s", f->name, strerror(-r));
	f->has_warned |= r < 0;
}

static const struct vmm_pci_ops ops = {
	.read = bar_read,
	.write = bar_write,
	.moved = moved,
	.reset = reset,
	.msix = msix,
	.config = config,
};

static uint32_t get(const uint8_t *config, unsigned offset, unsigned n)
{
	uint32_t value = 0;

	memcpy(&value, config + offset, n);
	return value;
}

/* return: 0 where there is none of n bytes. A list that runs in a circle ends too. */
static unsigned find_cap(const uint8_t config[CONFIG], uint8_t id, unsigned n)
{
	unsigned at = config[PCI_CAPABILITY_LIST] & ~3u;

	for (unsigned i = 0; i < CONFIG / 4 && at && config[at] != id; i++)
		at = config[at + PCI_CAP_LIST_NEXT] & ~3u;
	return config[at] == id && at >= PCI_STD_HEADER_SIZEOF && at + n <= CONFIG ? at : 0;
}

/* Memory BARs where and as the device has them; smaller ones take a page. */
static int add_bars(struct vmm_vfio_function *f, const uint8_t *config, struct sh_err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < VMM_PCI_BARS; i++) {
		uint64_t size = f->device.bars[i].size;
		unsigned bits = config[PCI_BASE_ADDRESS_0 + 4 * i];

		if (!size || (bits & PCI_BASE_ADDRESS_SPACE_IO))
			continue;
		r = vmm_pci_bar_add_like(f->pci, i, size < PAGE ? PAGE : size, bits, err);
		i += !!(bits & PCI_BASE_ADDRESS_MEM_TYPE_64);
	}
	return r;
}

static bool is_inside(const struct vmm_vfio_function *f, unsigned bar, uint64_t offset, uint64_t n)
{
	return bar < VMM_PCI_BARS && offset + n <= f->device.bars[bar].size;
}

static int add_msix(struct vmm_vfio_function *f, const uint8_t *config, struct vmm_msix_place *ret,
	struct sh_err *err)
{
	unsigned at = find_cap(config, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF), n;
	uint32_t table, pba;

	if (!at || !f->device.n_vectors)
		return sh_err_set(err, -ENOTSUP, "it has no MSI-X");
	table = get(config, at + PCI_MSIX_TABLE, 4);
	pba = get(config, at + PCI_MSIX_PBA, 4);
	n = (get(config, at + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1;
	n = n < f->device.n_vectors ? n : f->device.n_vectors;
	f->n_vectors = n < VMM_MSIX_MAX ? n : VMM_MSIX_MAX;
	*ret = (struct vmm_msix_place){ table & PCI_MSIX_TABLE_BIR, table & PCI_MSIX_TABLE_OFFSET,
		pba & PCI_MSIX_PBA_BIR, pba & PCI_MSIX_PBA_OFFSET };
	if (!is_inside(f, ret->table_bar, ret->table_offset, f->n_vectors * 16) ||
		!is_inside(f, ret->pba_bar, ret->pba_offset, 8))
		return sh_err_set(err, -EIO, "its MSI-X table is in no BAR");
	return vmm_msix_add_at(f->pci, ret, f->n_vectors, err);
}

/* A PCI Express device without a link, as is right for one on a root bus, and without a reset of
 * its own, which would go past the bus. */
static int add_express(struct vmm_vfio_function *f, const uint8_t *config)
{
	unsigned at = find_cap(config, PCI_CAP_ID_EXP, PCI_EXP_DEVSTA);
	uint8_t body[PCIE_BODY] = { 2 | PCI_EXP_TYPE_RC_END << 4 };
	uint32_t has = get(config, at + PCI_EXP_DEVCAP, 4) & ~(uint32_t)PCI_EXP_DEVCAP_FLR;

	memcpy(body + PCI_EXP_DEVCAP - 2, &has, sizeof(has));
	memcpy(body + PCI_EXP_DEVCTL - 2, config + at + PCI_EXP_DEVCTL, 2);
	return at ? vmm_pci_cap_add(f->pci, PCI_CAP_ID_EXP, body, sizeof(body)) : 0;
}

static void add_piece(struct vmm_vfio_function *f, unsigned bar, uint64_t offset, uint64_t size)
{
	void *host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f->device.fd,
		(off_t)(f->device.bars[bar].offset + offset));

	/* Without, accesses go through bar_read: slow, but the same. */
	if (host != MAP_FAILED)
		f->pieces[f->n_pieces++] =
			(struct piece){ .bar = bar, .offset = offset, .size = size, .host = host };
}

/* A BAR without the pages that hold (a part of) the MSI-X table or pending bits. */
static void map_bar(struct vmm_vfio_function *f, unsigned bar, const struct vmm_msix_place *place)
{
	const struct {
		unsigned bar;
		uint64_t start, n;
	} holes[] = {
		{ place->table_bar, place->table_offset, UINT64_C(16) * f->n_vectors },
		{ place->pba_bar, place->pba_offset, 8 },
	};
	uint64_t size = f->device.bars[bar].size, next;

	if (!f->device.bars[bar].can_map || size % PAGE)
		return;
	for (uint64_t at = 0; at < size; at = next) {
		uint64_t end = size;

		next = size;
		for (unsigned i = 0; i < 2; i++) {
			uint64_t hole_end = (holes[i].start + holes[i].n + PAGE - 1) & ~(PAGE - 1);

			if (holes[i].bar != bar || hole_end <= at || holes[i].start >= end)
				continue;
			end = holes[i].start & ~(PAGE - 1);
			next = hole_end;
		}
		if (end > at)
			add_piece(f, bar, at, end - at);
	}
}

static int fill(struct vmm_vfio_function *f, struct vmm_pci *bus, struct sh_err *err)
{
	struct vmm_msix_place place;
	uint8_t config[CONFIG];
	struct vmm_pci_id id;
	int r;

	if (!transfer(f, &f->device.config, 0, config, sizeof(config), false))
		return sh_err_set(err, -EIO, "its configuration space cannot be read");
	id = (struct vmm_pci_id){
		.vendor = (uint16_t)get(config, PCI_VENDOR_ID, 2),
		.device = (uint16_t)get(config, PCI_DEVICE_ID, 2),
		.subsystem_vendor = (uint16_t)get(config, PCI_SUBSYSTEM_VENDOR_ID, 2),
		.subsystem = (uint16_t)get(config, PCI_SUBSYSTEM_ID, 2),
		.class_code = get(config, PCI_CLASS_REVISION, 4) >> 8,
		.revision = config[PCI_CLASS_REVISION],
	};
	r = vmm_pci_add(bus, &id, &ops, f, &f->pci, err);
	if (r == 0)
		r = add_bars(f, config, err);
	if (r == 0)
		r = add_msix(f, config, &place, err);
	if (r == 0 && add_express(f, config) < 0)
		r = sh_err_set(err, -ENOSPC, "no room for its capabilities");
	if (r < 0)
		return r;
	for (unsigned i = 0; i < VMM_PCI_BARS; i++)
		map_bar(f, i, &place);
	set_command(f, 0);
	return 0;
}

static void release(struct vmm_vfio_function *f)
{
	for (unsigned i = 0; i < f->n_pieces; i++)
		munmap(f->pieces[i].host, f->pieces[i].size);
	if (f->request_fd >= 0)
		close(f->request_fd);
	close(f->device.fd);
	f->device.fd = -1;
}

int vmm_vfio_function_new(struct vmm_pci *bus, const char *name,
	const struct vmm_vfio_device *device, struct vmm_vfio_function **ret, struct sh_err *err)
{
	struct vmm_vfio_function *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return sh_err_set(err, -ENOMEM, "out of memory");
	f->name = name;
	f->device = *device;
	f->request_fd = -1;
	r = fill(f, bus, err);
	if (r < 0)
		free(f);
	else
		*ret = f;
	return r;
}

/* The host unbinds the device, or takes its VFs away: that waits until the file is closed. */
static void on_request(void *ctx)
{
	struct vmm_vfio_function *f = ctx;

	vmm_loop_del(f->loop, &f->request);
	vmm_pci_remove(f->pci);
	release(f);
	sh_log_warn("%s: the host takes %s back: the guest runs on without it", f->name,
		f->device.address);
}

int vmm_vfio_function_start(struct vmm_vfio_function *f, struct vmm_loop *loop)
{
	int r;

	f->request_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->request_fd < 0)
		return -errno;
	f->loop = loop;
	f->request = (struct vmm_source){ f->request_fd, on_request, f };
	r = set_irqs(f, VFIO_PCI_REQ_IRQ_INDEX, &f->request_fd, 1);
	return r < 0 ? r : vmm_loop_add(loop, &f->request, EPOLLIN);
}

const struct vmm_vfio_device *vmm_vfio_function_device(const struct vmm_vfio_function *f)
{
	return &f->device;
}

void vmm_vfio_function_free(struct vmm_vfio_function *f)
{
	if (f && f->device.fd >= 0) {
		reset(f);
		release(f);
	}
	free(f);
}
