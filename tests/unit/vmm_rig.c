/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The host below the bus, and the guest's driver above it. KVM's part is played as KVM does: a
 * write where an eventfd is registered writes it, and a vector that may fire reads its eventfd.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm_rig.h"

#define MUST(claim)                                                                                \
	do {                                                                                       \
		if (!(claim)) {                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim);                \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static int route(void *ctx, unsigned gsi, uint64_t address, uint32_t data)
{
	return 0;
}

static int irqfd(void *ctx, unsigned gsi, int fd, bool on)
{
	struct rig *rig = ctx;

	MUST(gsi < RIG_MAX_GSI);
	rig->irq_fds[gsi] = on ? fd : -1;
	return 0;
}

static int ioeventfd(void *ctx, uint64_t gpa, unsigned n, int fd, bool on)
{
	struct rig *rig = ctx;

	if (rig->refuses_ioeventfds)
		return -ENOSPC;
	for (unsigned i = 0; i < RIG_MAX_EVENTS; i++) {
		struct rig_event *event = &rig->events[i];

		if (on ? event->fd >= 0 : event->gpa != gpa || event->fd != fd)
			continue;
		*event = (struct rig_event){ gpa, on ? fd : -1 };
		return 0;
	}
	return -ENOSPC;
}

static const struct vmm_pci_host host_ops = {
	.route = route, .irqfd = irqfd, .ioeventfd = ioeventfd
};

static void make_memory(struct rig *rig, bool shared)
{
	struct vmm_mem *mem = &rig->mem;

	mem->fd = -1;
	mem->size = RIG_MEMORY;
	mem->n_regions = 1;
	mem->regions[0].size = RIG_MEMORY;
	if (shared) {
		mem->fd = memfd_create("guest", MFD_CLOEXEC);
		MUST(mem->fd >= 0 && ftruncate(mem->fd, (off_t)RIG_MEMORY) == 0);
		mem->regions[0].host =
			mmap(NULL, RIG_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, mem->fd, 0);
		MUST(mem->regions[0].host != MAP_FAILED);
	} else {
		mem->regions[0].host = aligned_alloc(4096, RIG_MEMORY);
		MUST(mem->regions[0].host);
		memset(mem->regions[0].host, 0, RIG_MEMORY);
	}
}

void rig_open(struct rig *rig, bool shared)
{
	const struct vmm_pci_window low = { VMM_MEM_HOLE, 0x20000000 };
	const struct vmm_pci_window high = { UINT64_C(1) << 40, UINT64_C(1) << 40 };

	memset(rig, 0, sizeof(*rig));
	for (unsigned i = 0; i < RIG_MAX_EVENTS; i++)
		rig->events[i].fd = -1;
	for (unsigned i = 0; i < RIG_MAX_GSI; i++)
		rig->irq_fds[i] = -1;
	make_memory(rig, shared);
	MUST(vmm_loop_init(&rig->loop) == 0);
	MUST(vmm_pci_new(&host_ops, rig, low, high, &rig->pci) == 0);
	rig->set = (struct vmm_virtio_set){ .pci = rig->pci, .mem = &rig->mem, .loop = &rig->loop };
}

void rig_close(struct rig *rig)
{
	vmm_virtio_free_all(&rig->set);
	vmm_pci_free(rig->pci);
	vmm_loop_done(&rig->loop);
	if (rig->mem.fd >= 0) {
		munmap(rig->mem.regions[0].host, RIG_MEMORY);
		close(rig->mem.fd);
	} else {
		free(rig->mem.regions[0].host);
	}
}

/* Devices with a thread of their own are turned here too. */
bool rig_turn(struct rig *rig, int timeout_ms)
{
	bool any = vmm_loop_once(&rig->loop, 0);

	for (struct vmm_virtio *dev = rig->set.first; dev; dev = dev->next)
		if (dev->has_own_loop)
			any |= vmm_loop_once(&dev->own_loop, any ? 0 : timeout_ms);
	if (!any && timeout_ms)
		any = vmm_loop_once(&rig->loop, timeout_ms);
	return any;
}

void rig_settle(struct rig *rig)
{
	while (rig_turn(rig, 0))
		;
}

void *rig_at(const struct rig *rig, uint64_t gpa, uint64_t n)
{
	void *at = vmm_mem_at(&rig->mem, gpa, n);

	MUST(at);
	return at;
}

/* The driver */

uint64_t driver_read(const struct driver *d, uint64_t at, unsigned n)
{
	uint64_t value;

	MUST(vmm_pci_read(d->rig->pci, at, n, &value));
	return value;
}

void driver_write(const struct driver *d, uint64_t at, unsigned n, uint64_t value)
{
	for (unsigned i = 0; i < RIG_MAX_EVENTS; i++) {
		if (d->rig->events[i].fd >= 0 && d->rig->events[i].gpa == at) {
			MUST(eventfd_write(d->rig->events[i].fd, 1) == 0);
			return;
		}
	}
	MUST(vmm_pci_write(d->rig->pci, at, n, value));
}

static uint64_t bar(const struct driver *d, unsigned i)
{
	return driver_read(d, d->config + PCI_BASE_ADDRESS_0 + 4 * i, 8) & ~UINT64_C(0xf);
}

static void take_cap(struct driver *d, uint64_t at)
{
	uint64_t place;

	if (driver_read(d, at, 1) != PCI_CAP_ID_VNDR)
		return;
	place = bar(d, (unsigned)driver_read(d, at + offsetof(struct virtio_pci_cap, bar), 1)) +
		driver_read(d, at + offsetof(struct virtio_pci_cap, offset), 4);
	switch (driver_read(d, at + offsetof(struct virtio_pci_cap, cfg_type), 1)) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		d->common = place;
		break;
	case VIRTIO_PCI_CAP_ISR_CFG:
		d->isr = place;
		break;
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		d->device = place;
		break;
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		d->notify = place;
		d->notify_step = (unsigned)driver_read(d, at + sizeof(struct virtio_pci_cap), 4);
		break;
	case VIRTIO_PCI_CAP_PCI_CFG:
		d->window = (unsigned)(at - d->config);
		break;
	}
}

/* Vectors are counted through the bus, in the order in which devices were added. */
static unsigned first_gsi(struct rig *rig, unsigned slot)
{
	struct driver before = { .rig = rig };
	unsigned gsi = VMM_PCI_FIRST_GSI;

	for (unsigned i = 1; i < slot; i++) {
		before.config = VMM_PCI_ECAM + ((uint64_t)i << 15);
		for (uint64_t at = driver_read(&before, before.config + PCI_CAPABILITY_LIST, 1); at;
			at = driver_read(&before, before.config + at + 1, 1))
			if (driver_read(&before, before.config + at, 1) == PCI_CAP_ID_MSIX)
				gsi += 1u +
				       (unsigned)driver_read(&before, before.config + at + 2, 2);
	}
	return gsi;
}

static void enable_msix(struct driver *d, uint64_t cap)
{
	unsigned n = 1 + (unsigned)driver_read(d, cap + 2, 2);
	uint64_t table = bar(d, (unsigned)driver_read(d, cap + 4, 4) & 7);

	driver_write(d, cap + 2, 2, PCI_MSIX_FLAGS_ENABLE);
	for (unsigned i = 0; i < n; i++) {
		driver_write(d, table + i * 16, 4, 0xfee00000);
		driver_write(d, table + i * 16 + 12, 4, 0);
	}
}

void driver_find(struct rig *rig, unsigned slot, struct driver *d)
{
	*d = (struct driver){ .rig = rig, .config = VMM_PCI_ECAM + ((uint64_t)slot << 15) };
	if (bar(d, 0) == 0)
		MUST(vmm_pci_place(rig->pci, NULL) == 0);
	driver_write(d, d->config + PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	d->gsi = first_gsi(rig, slot);
	for (uint64_t at = driver_read(d, d->config + PCI_CAPABILITY_LIST, 1); at;
		at = driver_read(d, d->config + at + 1, 1)) {
		take_cap(d, d->config + at);
		if (driver_read(d, d->config + at, 1) == PCI_CAP_ID_MSIX)
			enable_msix(d, d->config + at);
	}
	MUST(d->common && d->isr && d->notify && d->window);
}

static void set(const struct driver *d, unsigned reg, unsigned n, uint64_t value)
{
	driver_write(d, d->common + reg, n, value);
}

uint64_t driver_features(const struct driver *d)
{
	uint64_t features;

	set(d, VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
	features = driver_read(d, d->common + VIRTIO_PCI_COMMON_DF, 4) << 32;
	set(d, VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
	return features | driver_read(d, d->common + VIRTIO_PCI_COMMON_DF, 4);
}

bool driver_negotiate(const struct driver *d, uint64_t features)
{
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	set(d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	set(d, VIRTIO_PCI_COMMON_STATUS, 1, status);
	for (unsigned i = 0; i < 2; i++) {
		set(d, VIRTIO_PCI_COMMON_GFSELECT, 4, i);
		set(d, VIRTIO_PCI_COMMON_GF, 4, (uint32_t)(features >> (32 * i)));
	}
	set(d, VIRTIO_PCI_COMMON_STATUS, 1, status | VIRTIO_CONFIG_S_FEATURES_OK);
	return driver_read(d, d->common + VIRTIO_PCI_COMMON_STATUS, 1) &
	       VIRTIO_CONFIG_S_FEATURES_OK;
}

void driver_queue(struct driver *d, unsigned queue, uint16_t size)
{
	struct rig_queue *q = &d->queues[queue];
	uint64_t at = 0x1000 + queue * RIG_RING_BYTES;

	*q = (struct rig_queue){
		.size = size, .desc = at, .avail = at + 0x1000, .used = at + 0x1800
	};
	memset(rig_at(d->rig, at, RIG_RING_BYTES), 0, RIG_RING_BYTES);
	set(d, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
	set(d, VIRTIO_PCI_COMMON_Q_SIZE, 2, size);
	set(d, VIRTIO_PCI_COMMON_Q_MSIX, 2, queue + 1);
	set(d, VIRTIO_PCI_COMMON_Q_DESCLO, 4, (uint32_t)q->desc);
	set(d, VIRTIO_PCI_COMMON_Q_DESCHI, 4, q->desc >> 32);
	set(d, VIRTIO_PCI_COMMON_Q_AVAILLO, 8, q->avail);
	set(d, VIRTIO_PCI_COMMON_Q_USEDLO, 8, q->used);
	set(d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

void driver_ready(const struct driver *d)
{
	uint64_t status = driver_read(d, d->common + VIRTIO_PCI_COMMON_STATUS, 1);

	set(d, VIRTIO_PCI_COMMON_STATUS, 1, status | VIRTIO_CONFIG_S_DRIVER_OK);
}

void driver_start(struct driver *d, uint64_t features, unsigned n_queues)
{
	MUST(driver_negotiate(d, VMM_BIT(VIRTIO_F_VERSION_1) | (features & driver_features(d))));
	set(d, VIRTIO_PCI_COMMON_MSIX, 2, 0);
	for (unsigned i = 0; i < n_queues; i++)
		driver_queue(d, i, 16);
	driver_ready(d);
	MUST(driver_read(d, d->common + VIRTIO_PCI_COMMON_STATUS, 1) & VIRTIO_CONFIG_S_DRIVER_OK);
}

uint16_t driver_offer(
	struct driver *d, unsigned queue, const struct rig_buffer *buffers, unsigned n)
{
	struct rig_queue *q = &d->queues[queue];
	struct vring_desc *desc = rig_at(d->rig, q->desc, q->size * sizeof(*desc));
	struct vring_avail *avail = rig_at(d->rig, q->avail, 6 + 2u * q->size);
	uint16_t head = q->next_desc;

	for (unsigned i = 0; i < n; i++) {
		uint16_t next = (uint16_t)((q->next_desc + 1) % q->size);

		desc[q->next_desc] = (struct vring_desc){
			.addr = buffers[i].gpa,
			.len = buffers[i].n,
			.flags = (uint16_t)((buffers[i].is_in ? VRING_DESC_F_WRITE : 0) |
					    (i + 1 < n ? VRING_DESC_F_NEXT : 0)),
			.next = next,
		};
		q->next_desc = next;
	}
	avail->ring[q->n_avail % q->size] = head;
	__atomic_store_n(&avail->idx, ++q->n_avail, __ATOMIC_SEQ_CST);
	return head;
}

void driver_kick(const struct driver *d, unsigned queue)
{
	driver_write(d, d->notify + (uint64_t)queue * d->notify_step, 2, queue);
}

bool driver_used(struct driver *d, unsigned queue, uint16_t *ret_head, uint32_t *ret_n)
{
	struct rig_queue *q = &d->queues[queue];
	struct vring_used *used = rig_at(d->rig, q->used, 6 + 8u * q->size);
	struct vring_used_elem *elem = &used->ring[q->n_used % q->size];

	if (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == q->n_used)
		return false;
	q->n_used++;
	*ret_head = (uint16_t)elem->id;
	*ret_n = elem->len;
	return true;
}

uint32_t driver_do(struct driver *d, unsigned queue, const struct rig_buffer *buffers, unsigned n)
{
	uint16_t head = driver_offer(d, queue, buffers, n), done;
	uint32_t n_written;

	driver_kick(d, queue);
	while (!driver_used(d, queue, &done, &n_written))
		MUST(rig_turn(d->rig, RIG_WAIT_MS));
	MUST(done == head);
	return n_written;
}

uint64_t driver_interrupts(const struct driver *d, unsigned vector)
{
	int fd = d->rig->irq_fds[d->gsi + vector];
	eventfd_t n = 0;

	return fd >= 0 && eventfd_read(fd, &n) == 0 ? n : 0;
}
