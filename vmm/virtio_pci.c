/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio over PCI (virtio 1.2, 4.1), modern only: registers in one BAR, MSI-X in another. The bus
 * calls from vCPUs' threads; each access takes the device's lock.
 */
#include <errno.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>

#include "virtio.h"

#define VENDOR     0x1af4
#define DEVICE     0x1040 /* plus the type */
#define BAR        0
#define MSIX_BAR   2
#define PART_BYTES 0x1000u
#define N_PARTS    4
#define BAR_BYTES  (N_PARTS * PART_BYTES)

#define NOTIFY_BYTES 4 /* of a queue */

enum part {
	PART_COMMON,
	PART_ISR,
	PART_DEVICE,
	PART_NOTIFY,
};

struct vmm_virtio_pci {
	struct vmm_virtio *dev;
	struct vmm_pci_device *pci;
	uint32_t device_feature_select, driver_feature_select;
	uint16_t queue_select;
	uint16_t config_vector, vectors[VMM_VIRTIO_QUEUES];
	unsigned window; /* offset of the capability VIRTIO_PCI_CAP_PCI_CFG */
};

/* The common configuration (4.1.4.3): one function a register. */

static struct vmm_vqueue *selected(const struct vmm_virtio_pci *p)
{
	return p->queue_select < p->dev->n_queues ? &p->dev->queues[p->queue_select] : NULL;
}

static uint32_t half_of(uint64_t value, uint32_t select)
{
	return select < 2 ? (uint32_t)(value >> (32 * select)) : 0;
}

static uint32_t get_device_feature_select(struct vmm_virtio_pci *p)
{
	return p->device_feature_select;
}

static void set_device_feature_select(struct vmm_virtio_pci *p, uint32_t value)
{
	p->device_feature_select = value;
}

static uint32_t get_device_feature(struct vmm_virtio_pci *p)
{
	return half_of(vmm_virtio_features(p->dev), p->device_feature_select);
}

static uint32_t get_driver_feature_select(struct vmm_virtio_pci *p)
{
	return p->driver_feature_select;
}

static void set_driver_feature_select(struct vmm_virtio_pci *p, uint32_t value)
{
	p->driver_feature_select = value;
}

static uint32_t get_driver_feature(struct vmm_virtio_pci *p)
{
	return half_of(p->dev->accepted, p->driver_feature_select);
}

static void set_driver_feature(struct vmm_virtio_pci *p, uint32_t value)
{
	uint32_t shift = 32 * p->driver_feature_select;

	if (p->driver_feature_select > 1 || p->dev->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	p->dev->accepted &= ~(UINT64_C(0xffffffff) << shift);
	p->dev->accepted |= (uint64_t)value << shift;
}

/* A vector that is not there reads back as none (4.1.5.1.2.1). */
static uint16_t vector_of(struct vmm_virtio_pci *p, uint32_t value, int *ret_fd)
{
	*ret_fd = vmm_msix_fd(p->pci, value);
	if (*ret_fd >= 0)
		return (uint16_t)value;
	*ret_fd = -1;
	return VIRTIO_MSI_NO_VECTOR;
}

static uint32_t get_config_vector(struct vmm_virtio_pci *p)
{
	return p->config_vector;
}

static void set_config_vector(struct vmm_virtio_pci *p, uint32_t value)
{
	p->config_vector = vector_of(p, value, &p->dev->config_fd);
}

static uint32_t get_n_queues(struct vmm_virtio_pci *p)
{
	return p->dev->n_queues;
}

static uint32_t get_status(struct vmm_virtio_pci *p)
{
	return p->dev->status;
}

static void forget(struct vmm_virtio_pci *p)
{
	p->device_feature_select = p->driver_feature_select = 0;
	p->queue_select = 0;
	p->config_vector = VIRTIO_MSI_NO_VECTOR;
	for (unsigned i = 0; i < VMM_VIRTIO_QUEUES; i++)
		p->vectors[i] = VIRTIO_MSI_NO_VECTOR;
}

static void set_status(struct vmm_virtio_pci *p, uint32_t value)
{
	vmm_virtio_set_status(p->dev, (uint8_t)value);
	if (value == 0)
		forget(p);
}

static uint32_t get_generation(struct vmm_virtio_pci *p)
{
	return p->dev->generation;
}

static uint32_t get_queue_select(struct vmm_virtio_pci *p)
{
	return p->queue_select;
}

static void set_queue_select(struct vmm_virtio_pci *p, uint32_t value)
{
	p->queue_select = (uint16_t)value;
}

static uint32_t get_queue_size(struct vmm_virtio_pci *p)
{
	const struct vmm_vqueue *q = selected(p);

	return q ? q->ring.size : 0;
}

static void set_queue_size(struct vmm_virtio_pci *p, uint32_t value)
{
	struct vmm_vqueue *q = selected(p);

	if (q && !q->enabled && value && value <= p->dev->queue_size && !(value & (value - 1)))
		q->ring.size = (uint16_t)value;
}

static uint32_t get_queue_vector(struct vmm_virtio_pci *p)
{
	return selected(p) ? p->vectors[p->queue_select] : VIRTIO_MSI_NO_VECTOR;
}

static void set_queue_vector(struct vmm_virtio_pci *p, uint32_t value)
{
	int fd;

	if (!selected(p))
		return;
	p->vectors[p->queue_select] = vector_of(p, value, &fd);
	vmm_virtio_queue_set_call(p->dev, p->queue_select, fd);
}

static uint32_t get_queue_enable(struct vmm_virtio_pci *p)
{
	const struct vmm_vqueue *q = selected(p);

	return q && q->enabled;
}

/* 0 is nothing that a driver may write (4.1.4.3.2). */
static void set_queue_enable(struct vmm_virtio_pci *p, uint32_t value)
{
	const struct vmm_vqueue *q = selected(p);

	if (q && value == 1 && !q->enabled)
		vmm_virtio_queue_enable(p->dev, p->queue_select);
}

static uint32_t get_queue_notify_off(struct vmm_virtio_pci *p)
{
	return p->queue_select;
}

static uint32_t get_queue_reset(struct vmm_virtio_pci *p)
{
	return 0; /* it is done when the write returns */
}

static void set_queue_reset(struct vmm_virtio_pci *p, uint32_t value)
{
	if (value != 1 || !selected(p) || !vmm_virtio_has(p->dev, VIRTIO_F_RING_RESET))
		return;
	vmm_virtio_queue_reset(p->dev, p->queue_select);
	p->vectors[p->queue_select] = VIRTIO_MSI_NO_VECTOR;
}

struct common_register {
	unsigned offset, n;
	uint32_t (*get)(struct vmm_virtio_pci *p);
	void (*set)(struct vmm_virtio_pci *p, uint32_t value);
};

static const struct common_register registers[] = {
	{ VIRTIO_PCI_COMMON_DFSELECT, 4, get_device_feature_select, set_device_feature_select },
	{ VIRTIO_PCI_COMMON_DF, 4, get_device_feature, NULL },
	{ VIRTIO_PCI_COMMON_GFSELECT, 4, get_driver_feature_select, set_driver_feature_select },
	{ VIRTIO_PCI_COMMON_GF, 4, get_driver_feature, set_driver_feature },
	{ VIRTIO_PCI_COMMON_MSIX, 2, get_config_vector, set_config_vector },
	{ VIRTIO_PCI_COMMON_NUMQ, 2, get_n_queues, NULL },
	{ VIRTIO_PCI_COMMON_STATUS, 1, get_status, set_status },
	{ VIRTIO_PCI_COMMON_CFGGENERATION, 1, get_generation, NULL },
	{ VIRTIO_PCI_COMMON_Q_SELECT, 2, get_queue_select, set_queue_select },
	{ VIRTIO_PCI_COMMON_Q_SIZE, 2, get_queue_size, set_queue_size },
	{ VIRTIO_PCI_COMMON_Q_MSIX, 2, get_queue_vector, set_queue_vector },
	{ VIRTIO_PCI_COMMON_Q_ENABLE, 2, get_queue_enable, set_queue_enable },
	{ VIRTIO_PCI_COMMON_Q_NOFF, 2, get_queue_notify_off, NULL },
	{ VIRTIO_PCI_COMMON_Q_RESET, 2, get_queue_reset, set_queue_reset },
};

static const struct common_register *register_at(uint64_t offset, unsigned n)
{
	for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		if (registers[i].offset == offset && registers[i].n == n)
			return &registers[i];
	return NULL;
}

/* Three addresses of 64 bits, whole or by halves (4.1.3.1). NULL: no such access. */
static uint64_t *address_at(struct vmm_virtio_pci *p, uint64_t offset, unsigned n)
{
	struct vmm_vqueue *q = selected(p);

	if (!q || offset < VIRTIO_PCI_COMMON_Q_DESCLO || offset >= VIRTIO_PCI_COMMON_Q_NDATA ||
		(n != 4 && n != 8) || offset % n)
		return NULL;
	switch ((offset - VIRTIO_PCI_COMMON_Q_DESCLO) / 8) {
	case 0:
		return &q->ring.desc_gpa;
	case 1:
		return &q->ring.avail_gpa;
	default:
		return &q->ring.used_gpa;
	}
}

static uint64_t common_read(struct vmm_virtio_pci *p, uint64_t offset, unsigned n)
{
	const struct common_register *reg = register_at(offset, n);
	const uint64_t *address = address_at(p, offset, n);
	uint64_t value = 0;

	if (reg)
		return reg->get(p);
	if (address)
		memcpy(&value, (const uint8_t *)address + offset % 8, n);
	return value;
}

static void common_write(struct vmm_virtio_pci *p, uint64_t offset, unsigned n, uint64_t value)
{
	const struct common_register *reg = register_at(offset, n);
	uint64_t *address = address_at(p, offset, n);

	if (reg && reg->set)
		reg->set(p, (uint32_t)value);
	else if (address && !selected(p)->enabled)
		memcpy((uint8_t *)address + offset % 8, &value, n);
}

/* The other parts */

static uint64_t config_read(const struct vmm_virtio *dev, uint64_t offset, unsigned n)
{
	uint64_t value = 0;

	if (offset < dev->config_bytes && n <= dev->config_bytes - offset)
		memcpy(&value, (const uint8_t *)dev->config + offset, n);
	return value;
}

static void config_write(const struct vmm_virtio *dev, uint64_t offset, unsigned n, uint64_t value)
{
	if (dev->ops->config_write && offset < dev->config_bytes && n <= dev->config_bytes - offset)
		dev->ops->config_write(dev->ctx, (unsigned)offset, &value, n);
}

/* Where KVM does not write the eventfd itself. */
static void notify(const struct vmm_virtio *dev, uint64_t offset)
{
	if (offset / NOTIFY_BYTES < dev->n_queues)
		(void)eventfd_write(dev->queues[offset / NOTIFY_BYTES].kick_fd, 1);
}

static uint64_t bar_read(void *ctx, unsigned bar, uint64_t offset, unsigned n)
{
	struct vmm_virtio_pci *p = ctx;
	uint64_t value = 0;

	pthread_mutex_lock(&p->dev->lock);
	switch (offset / PART_BYTES) {
	case PART_COMMON:
		value = common_read(p, offset, n);
		break;
	case PART_ISR:
		value = offset % PART_BYTES ? 0 : atomic_exchange(&p->dev->isr, 0);
		break;
	case PART_DEVICE:
		value = config_read(p->dev, offset % PART_BYTES, n);
		break;
	}
	pthread_mutex_unlock(&p->dev->lock);
	return value;
}

static void bar_write(void *ctx, unsigned bar, uint64_t offset, unsigned n, uint64_t value)
{
	struct vmm_virtio_pci *p = ctx;

	if (offset / PART_BYTES == PART_NOTIFY) {
		notify(p->dev, offset % PART_BYTES);
		return;
	}
	pthread_mutex_lock(&p->dev->lock);
	if (offset / PART_BYTES == PART_COMMON)
		common_write(p, offset, n, value);
	else if (offset / PART_BYTES == PART_DEVICE)
		config_write(p->dev, offset % PART_BYTES, n, value);
	pthread_mutex_unlock(&p->dev->lock);
}

static void bar_moved(void *ctx, unsigned bar, bool on, uint64_t gpa)
{
	struct vmm_virtio_pci *p = ctx;

	/* One that cannot be had costs speed alone: see notify. */
	for (unsigned i = 0; bar == BAR && i < p->dev->n_queues; i++)
		(void)vmm_pci_ioeventfd(p->pci, gpa + PART_NOTIFY * PART_BYTES + i * NOTIFY_BYTES,
			0, p->dev->queues[i].kick_fd, on);
}

/* The window into the BAR (4.1.4.9): the guest says where, then reads or writes its data. */
static void window_access(
	void *ctx, uint8_t *config, unsigned offset, unsigned n_access, bool written)
{
	struct vmm_virtio_pci *p = ctx;
	unsigned data_at = p->window + (unsigned)sizeof(struct virtio_pci_cap);
	struct virtio_pci_cap cap;
	uint64_t value = 0;

	if (offset >= data_at + 4 || offset + n_access <= data_at)
		return;
	memcpy(&cap, config + p->window, sizeof(cap));
	if (cap.bar != BAR || (cap.length != 1 && cap.length != 2 && cap.length != 4) ||
		cap.offset % cap.length || cap.offset > BAR_BYTES - cap.length)
		return;
	if (written) {
		memcpy(&value, config + data_at, cap.length);
		bar_write(p, BAR, cap.offset, cap.length, value);
	} else {
		value = bar_read(p, BAR, cap.offset, cap.length);
		memcpy(config + data_at, &value, cap.length);
	}
}

static void pci_reset(void *ctx)
{
	struct vmm_virtio_pci *p = ctx;

	pthread_mutex_lock(&p->dev->lock);
	set_status(p, 0);
	pthread_mutex_unlock(&p->dev->lock);
}

/* Snapshots */

void vmm_virtio_save(struct vmm_virtio *dev, struct vmm_virtio_state *ret)
{
	const struct vmm_virtio_pci *p = dev->transport;

	pthread_mutex_lock(&dev->lock);
	*ret = (struct vmm_virtio_state){
		.accepted = dev->accepted,
		.device_feature_select = p->device_feature_select,
		.driver_feature_select = p->driver_feature_select,
		.type = dev->type,
		.n_queues = (uint16_t)dev->n_queues,
		.queue_select = p->queue_select,
		.config_vector = p->config_vector,
		.status = dev->status,
		.generation = dev->generation,
		.isr = atomic_load(&dev->isr),
	};
	for (unsigned i = 0; i < dev->n_queues; i++) {
		const struct vmm_virtq *ring = &dev->queues[i].ring;

		ret->queues[i] = (struct vmm_virtio_queue_state){ ring->desc_gpa, ring->avail_gpa,
			ring->used_gpa, ring->size, p->vectors[i], dev->queues[i].enabled };
	}
	if (dev->ops->state)
		(void)dev->ops->state(dev->ctx, ret->own, false);
	pthread_mutex_unlock(&dev->lock);
}

static void restore_queue(
	struct vmm_virtio_pci *p, unsigned i, const struct vmm_virtio_queue_state *state)
{
	struct vmm_virtq *ring = &p->dev->queues[i].ring;

	p->queue_select = (uint16_t)i;
	set_queue_size(p, state->size);
	set_queue_vector(p, state->vector);
	ring->desc_gpa = state->desc_gpa;
	ring->avail_gpa = state->avail_gpa;
	ring->used_gpa = state->used_gpa;
	set_queue_enable(p, state->enabled);
}

static int restore(struct vmm_virtio *dev, const struct vmm_virtio_state *state, struct sh_err *err)
{
	struct vmm_virtio_pci *p = dev->transport;
	uint8_t before_ready = state->status & (uint8_t)~VIRTIO_CONFIG_S_DRIVER_OK;
	uint8_t own[VMM_VIRTIO_OWN_BYTES];

	set_status(p, 0);
	dev->accepted = state->accepted;
	vmm_virtio_set_status(dev, before_ready);
	if ((dev->status ^ state->status) & VIRTIO_CONFIG_S_FEATURES_OK)
		return sh_err_set(err, -EINVAL,
			"device '%s': the guest uses what is not offered here (features %#llx)",
			dev->name,
			(unsigned long long)(state->accepted & ~vmm_virtio_features(dev)));
	for (unsigned i = 0; i < dev->n_queues; i++)
		restore_queue(p, i, &state->queues[i]);
	p->queue_select = state->queue_select;
	p->device_feature_select = state->device_feature_select;
	p->driver_feature_select = state->driver_feature_select;
	set_config_vector(p, state->config_vector);
	memcpy(own, state->own, sizeof(own));
	if (dev->ops->state && dev->ops->state(dev->ctx, own, true) < 0)
		return sh_err_set(err, -EINVAL, "device '%s': it is another one here", dev->name);
	/* It is paused: its queues start when it is resumed. */
	vmm_virtio_set_status(dev, state->status);
	dev->status |= state->status & VIRTIO_CONFIG_S_NEEDS_RESET;
	dev->generation = state->generation;
	atomic_store(&dev->isr, state->isr);
	return 0;
}

int vmm_virtio_restore(
	struct vmm_virtio *dev, const struct vmm_virtio_state *state, struct sh_err *err)
{
	int r;

	if (state->type != dev->type || state->n_queues != dev->n_queues)
		return sh_err_set(err, -EINVAL,
			"device '%s': it was one of type %u with %u queues, not of type %u with %u",
			dev->name, state->type, state->n_queues, dev->type, dev->n_queues);
	pthread_mutex_lock(&dev->lock);
	r = restore(dev, state, err);
	pthread_mutex_unlock(&dev->lock);
	return r;
}

static const struct vmm_pci_ops pci_ops = {
	.read = bar_read,
	.write = bar_write,
	.moved = bar_moved,
	.config = window_access,
	.reset = pci_reset,
};

/* Making one */

static int add_cap(struct vmm_virtio_pci *p, uint8_t type, enum part part, uint32_t n)
{
	struct virtio_pci_notify_cap cap = {
		.cap = { .cap_len =
				 type == VIRTIO_PCI_CAP_NOTIFY_CFG ? sizeof(cap) : sizeof(cap.cap),
			.cfg_type = type,
			.bar = BAR,
			.offset = part * PART_BYTES,
			.length = n },
		.notify_off_multiplier = NOTIFY_BYTES,
	};

	return vmm_pci_cap_add(
		p->pci, PCI_CAP_ID_VNDR, (const uint8_t *)&cap + 2, (unsigned)cap.cap.cap_len - 2);
}

static int add_window(struct vmm_virtio_pci *p)
{
	struct virtio_pci_cfg_cap cap = {
		.cap = { .cap_len = sizeof(cap), .cfg_type = VIRTIO_PCI_CAP_PCI_CFG },
	};
	static const struct virtio_pci_cfg_cap writable = {
		.cap = { .bar = 0xff, .offset = 0xffffffff, .length = 0xffffffff },
		.pci_cfg_data = { 0xff, 0xff, 0xff, 0xff },
	};
	int r = vmm_pci_cap_add(
		p->pci, PCI_CAP_ID_VNDR, (const uint8_t *)&cap + 2, sizeof(cap) - 2);

	if (r < 0)
		return r;
	p->window = (unsigned)r;
	vmm_pci_config_writable(p->pci, p->window, &writable, sizeof(writable));
	return 0;
}

static int add_caps(struct vmm_virtio_pci *p)
{
	const struct vmm_virtio *dev = p->dev;
	int r = add_cap(p, VIRTIO_PCI_CAP_COMMON_CFG, PART_COMMON, VIRTIO_PCI_COMMON_Q_RESET + 2);

	if (r >= 0)
		r = add_cap(p, VIRTIO_PCI_CAP_ISR_CFG, PART_ISR, 1);
	if (r >= 0 && dev->config_bytes)
		r = add_cap(p, VIRTIO_PCI_CAP_DEVICE_CFG, PART_DEVICE, dev->config_bytes);
	if (r >= 0)
		r = add_cap(
			p, VIRTIO_PCI_CAP_NOTIFY_CFG, PART_NOTIFY, dev->n_queues * NOTIFY_BYTES);
	return r >= 0 ? add_window(p) : r;
}

int vmm_virtio_pci_new(struct vmm_virtio *dev, struct vmm_pci *pci, struct vmm_virtio_pci **ret,
	struct sh_err *err)
{
	struct vmm_virtio_pci *p = calloc(1, sizeof(*p));
	const struct vmm_pci_id id = {
		.vendor = VENDOR,
		.device = (uint16_t)(DEVICE + dev->type),
		.subsystem_vendor = VENDOR,
		.subsystem = (uint16_t)(DEVICE + dev->type),
		.class_code = dev->class_code,
		.revision = 1,
	};
	int r;

	if (!p)
		return sh_err_set(err, -ENOMEM, "out of memory");
	p->dev = dev;
	forget(p);
	r = vmm_pci_add(pci, &id, &pci_ops, p, &p->pci, err);
	if (r == 0)
		r = vmm_pci_bar_add(p->pci, BAR, BAR_BYTES, false, err);
	if (r == 0)
		r = vmm_msix_add(p->pci, MSIX_BAR, dev->n_queues + 1, err);
	if (r == 0 && add_caps(p) < 0)
		r = sh_err_set(
			err, -ENOSPC, "device '%s': no room for its capabilities", dev->name);
	if (r < 0) {
		free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void vmm_virtio_pci_free(struct vmm_virtio_pci *p)
{
	free(p);
}
