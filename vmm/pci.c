/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The PCI bus: configuration space by ECAM and by ports, and where BARs lie. The guest's accesses
 * come from vCPU threads, one at a time under the bus's lock, and end in a device's functions; a
 * BAR is decoded only where it lies whole in one of the bus's windows, so it can never cover
 * memory, configuration space or an interrupt controller.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "pci_device.h"

#define CAP_START 0x40
#define CAP_LIMIT 0x100

/* The host bridge: a device without functions. QEMU's ids, which every system knows. */
static const struct vmm_pci_id bridge_id = {
	.vendor = 0x1b36, .device = 0x0008, .subsystem_vendor = 0x1b36, .class_code = 0x060000
};
static const struct vmm_pci_ops bridge_ops;

int vmm_pci_new(const struct vmm_pci_host *host, void *ctx, struct vmm_pci_window low,
	struct vmm_pci_window high, struct vmm_pci **ret)
{
	struct vmm_pci *bus = calloc(1, sizeof(*bus));
	struct vmm_pci_device *bridge;
	int r;

	if (!bus)
		return -ENOMEM;
	pthread_mutex_init(&bus->lock, NULL);
	bus->host = host;
	bus->ctx = ctx;
	bus->low = low;
	bus->high = high;
	bus->next_gsi = VMM_PCI_FIRST_GSI;
	r = vmm_pci_add(bus, &bridge_id, &bridge_ops, NULL, &bridge, NULL);
	if (r < 0) {
		vmm_pci_free(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

void vmm_pci_free(struct vmm_pci *bus)
{
	if (!bus)
		return;
	for (unsigned i = 0; i < bus->n_devices; i++) {
		if (bus->devices[i]->msix)
			msix_free(bus->devices[i]);
		free(bus->devices[i]);
	}
	pthread_mutex_destroy(&bus->lock);
	free(bus);
}

int vmm_pci_add(struct vmm_pci *bus, const struct vmm_pci_id *id, const struct vmm_pci_ops *ops,
	void *ctx, struct vmm_pci_device **ret, struct sh_err *err)
{
	static const uint8_t command_bits[] = { PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
		PCI_COMMAND_INTX_DISABLE >> 8 };
	static const uint8_t line_bits = 0xff;
	struct vmm_pci_device *device;

	if (bus->n_devices == VMM_PCI_SLOTS)
		return sh_err_set(err, -ENOSPC, "the PCI bus is full (%d slots)", VMM_PCI_SLOTS);
	device = calloc(1, sizeof(*device));
	if (!device)
		return sh_err_set(err, -ENOMEM, "out of memory");
	device->bus = bus;
	device->ops = ops;
	device->ctx = ctx;
	device->cap_end = CAP_START;
	put_le(device->config + PCI_VENDOR_ID, id->vendor, 2);
	put_le(device->config + PCI_DEVICE_ID, id->device, 2);
	put_le(device->config + PCI_CLASS_REVISION, id->class_code << 8 | id->revision, 4);
	put_le(device->config + PCI_SUBSYSTEM_VENDOR_ID, id->subsystem_vendor, 2);
	put_le(device->config + PCI_SUBSYSTEM_ID, id->subsystem, 2);
	vmm_pci_config_writable(device, PCI_COMMAND, command_bits, sizeof(command_bits));
	vmm_pci_config_writable(device, PCI_INTERRUPT_LINE, &line_bits, 1);
	bus->devices[bus->n_devices++] = device;
	*ret = device;
	return 0;
}

static uint8_t *bar_register(struct vmm_pci_device *device, unsigned bar)
{
	return device->config + PCI_BASE_ADDRESS_0 + 4 * bar;
}

/* The guest cannot change the bits that say so. */
static bool is_64_bit(const uint8_t *bar_register)
{
	return *bar_register & PCI_BASE_ADDRESS_MEM_TYPE_64;
}

int vmm_pci_bar_add_like(struct vmm_pci_device *device, unsigned bar, uint64_t size, unsigned bits,
	struct sh_err *err)
{
	unsigned n = bits & PCI_BASE_ADDRESS_MEM_TYPE_64 ? 2 : 1; /* registers */
	uint8_t mask[8];

	if (bar + n > VMM_PCI_BARS || device->bars[bar].size || size < 4096 ||
		(size & (size - 1)) || (n == 1 && size > UINT32_MAX))
		return sh_err_set(
			err, -EINVAL, "BAR %u of %llu bytes", bar, (unsigned long long)size);
	device->bars[bar].size = size;
	*bar_register(device, bar) =
		(uint8_t)(bits & (PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH));
	put_le(mask, ~(size - 1), 8);
	vmm_pci_config_writable(device, PCI_BASE_ADDRESS_0 + 4 * bar, mask, 4 * n);
	return 0;
}

int vmm_pci_bar_add(struct vmm_pci_device *device, unsigned bar, uint64_t size, bool prefetchable,
	struct sh_err *err)
{
	return vmm_pci_bar_add_like(device, bar, size,
		PCI_BASE_ADDRESS_MEM_TYPE_64 | (prefetchable ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0),
		err);
}

int vmm_pci_cap_add(struct vmm_pci_device *device, uint8_t id, const void *body, unsigned n)
{
	unsigned at = device->cap_end;
	unsigned link = device->cap_last ? device->cap_last + 1 : PCI_CAPABILITY_LIST;

	if (n > CAP_LIMIT || at + 2 + n > CAP_LIMIT)
		return -ENOSPC;
	device->config[at] = id;
	memcpy(device->config + at + 2, body, n);
	device->config[link] = (uint8_t)at;
	device->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	device->cap_last = at;
	device->cap_end = (at + 2 + n + 3) & ~3u;
	return (int)at;
}

void vmm_pci_config_writable(
	struct vmm_pci_device *device, unsigned offset, const void *mask, unsigned n)
{
	if (offset < VMM_PCI_CONFIG && n <= VMM_PCI_CONFIG - offset)
		memcpy(device->writable + offset, mask, n);
}

int vmm_pci_ioeventfd(struct vmm_pci_device *device, uint64_t gpa, unsigned n, int fd, bool on)
{
	return device->bus->host->ioeventfd(device->bus->ctx, gpa, n, fd, on);
}

int vmm_pci_map(struct vmm_pci_device *device, uint64_t gpa, uint64_t size, void *host, bool on)
{
	return device->bus->host->map(device->bus->ctx, gpa, size, host, on);
}

static bool lies_in(const struct vmm_pci_window *window, uint64_t gpa, uint64_t size)
{
	return gpa >= window->base && size <= window->size &&
	       gpa - window->base <= window->size - size;
}

static uint64_t bar_address(struct vmm_pci_device *device, unsigned bar)
{
	const uint8_t *reg = bar_register(device, bar);

	return get_le(reg, is_64_bit(reg) ? 8 : 4) & (uint64_t)PCI_BASE_ADDRESS_MEM_MASK;
}

static void set_bar(struct vmm_pci_device *device, unsigned i, bool on, uint64_t gpa)
{
	struct bar *bar = &device->bars[i];
	const struct msix *msix = device->msix;
	bool is_msix = msix && msix->owns_bar && msix->place.table_bar == i;

	if (bar->on && !is_msix && device->ops->moved)
		device->ops->moved(device->ctx, i, false, bar->gpa);
	bar->on = on;
	bar->gpa = gpa;
	if (bar->on && !is_msix && device->ops->moved)
		device->ops->moved(device->ctx, i, true, bar->gpa);
}

/* The command register or a BAR may have changed. */
static void update_bars(struct vmm_pci_device *device)
{
	const struct vmm_pci *bus = device->bus;
	bool memory = device->config[PCI_COMMAND] & PCI_COMMAND_MEMORY;

	for (unsigned i = 0; i < VMM_PCI_BARS; i++) {
		const struct bar *bar = &device->bars[i];
		uint64_t gpa;
		bool on;

		if (!bar->size)
			continue;
		gpa = bar_address(device, i);
		on = memory &&
		     (lies_in(&bus->low, gpa, bar->size) || lies_in(&bus->high, gpa, bar->size));
		if (on != bar->on || (on && gpa != bar->gpa))
			set_bar(device, i, on, gpa);
	}
}

/* The next place in a window, in natural alignment. */
static int take_place(struct vmm_pci_window *free_part, uint64_t size, uint64_t *ret)
{
	uint64_t gap = -free_part->base & (size - 1);

	if (gap > free_part->size || size > free_part->size - gap)
		return -ENOSPC;
	*ret = free_part->base + gap;
	free_part->base += gap + size;
	free_part->size -= gap + size;
	return 0;
}

/* Big and prefetchable ones go above memory, where they can; the other window takes what fits. */
static int place_device(
	struct vmm_pci_device *device, struct vmm_pci_window *low, struct vmm_pci_window *high)
{
	for (unsigned i = 0; i < VMM_PCI_BARS; i++) {
		uint8_t *reg = bar_register(device, i);
		uint64_t gpa = 0;
		int r = -ENOSPC;

		if (!device->bars[i].size)
			continue;
		if (!(*reg & PCI_BASE_ADDRESS_MEM_PREFETCH) || !is_64_bit(reg))
			r = take_place(low, device->bars[i].size, &gpa);
		if (r < 0 && is_64_bit(reg))
			r = take_place(high, device->bars[i].size, &gpa);
		if (r < 0)
			return r;
		put_le(reg, gpa | (*reg & ~PCI_BASE_ADDRESS_MEM_MASK & 0xf),
			is_64_bit(reg) ? 8 : 4);
	}
	return 0;
}

int vmm_pci_place(struct vmm_pci *bus, struct sh_err *err)
{
	struct vmm_pci_window low = bus->low, high = bus->high;

	for (unsigned i = 0; i < bus->n_devices; i++) {
		struct vmm_pci_device *device = bus->devices[i];

		if (place_device(device, &low, &high) < 0)
			return sh_err_set(err, -ENOSPC,
				"no room for the BARs of the device in PCI slot %u", i);
		memcpy(device->first, device->config, sizeof(device->first));
	}
	return 0;
}

void vmm_pci_reset(struct vmm_pci *bus)
{
	pthread_mutex_lock(&bus->lock);
	bus->port_address = 0;
	for (unsigned i = 0; i < bus->n_devices; i++) {
		struct vmm_pci_device *device = bus->devices[i];

		if (device->is_gone)
			continue;
		memcpy(device->config, device->first, sizeof(device->config));
		update_bars(device);
		if (device->msix)
			msix_reset(device);
		if (device->ops->reset)
			device->ops->reset(device->ctx);
	}
	pthread_mutex_unlock(&bus->lock);
}

void vmm_pci_remove(struct vmm_pci_device *device)
{
	pthread_mutex_lock(&device->bus->lock);
	device->config[PCI_COMMAND] = 0;
	update_bars(device);
	if (device->msix)
		msix_reset(device);
	device->is_gone = true;
	pthread_mutex_unlock(&device->bus->lock);
}

unsigned vmm_pci_count(const struct vmm_pci *bus)
{
	return bus->n_devices;
}

void vmm_pci_save(struct vmm_pci *bus, unsigned slot, struct vmm_pci_state *ret)
{
	const struct vmm_pci_device *device = bus->devices[slot];

	*ret = (struct vmm_pci_state){ .port_address = bus->port_address };
	memcpy(ret->config, device->config, sizeof(ret->config));
	if (device->msix)
		msix_save(device, ret->msix);
}

/* What no guest can have written is what the device is. */
int vmm_pci_restore(
	struct vmm_pci *bus, unsigned slot, const struct vmm_pci_state *state, struct sh_err *err)
{
	struct vmm_pci_device *device = bus->devices[slot];

	for (unsigned i = 0; i < VMM_PCI_CONFIG; i++)
		if ((state->config[i] ^ device->first[i]) & ~device->writable[i])
			return sh_err_set(err, -EINVAL,
				"another device was in PCI slot %u: the definition must be as it "
				"was",
				slot);
	pthread_mutex_lock(&bus->lock);
	bus->port_address = state->port_address;
	memcpy(device->config, state->config, sizeof(device->config));
	update_bars(device);
	if (device->msix)
		msix_restore(device, state->msix);
	pthread_mutex_unlock(&bus->lock);
	return 0;
}

static bool overlaps(unsigned offset, unsigned n, unsigned start, unsigned end)
{
	return offset < end && offset + n > start;
}

static uint64_t config_read(struct vmm_pci_device *device, unsigned offset, unsigned n)
{
	if (device->ops->config)
		device->ops->config(device->ctx, device->config, offset, n, false);
	return get_le(device->config + offset, n);
}

static void config_write(struct vmm_pci_device *device, unsigned offset, unsigned n, uint64_t value)
{
	const unsigned bars_end = PCI_BASE_ADDRESS_0 + 4 * VMM_PCI_BARS;

	for (unsigned i = 0; i < n; i++) {
		uint8_t mask = device->writable[offset + i];
		uint8_t *byte = &device->config[offset + i];

		*byte = (uint8_t)((*byte & ~mask) | ((value >> (8 * i)) & mask));
	}
	if (overlaps(offset, n, PCI_COMMAND, PCI_COMMAND + 1) ||
		overlaps(offset, n, PCI_BASE_ADDRESS_0, bars_end))
		update_bars(device);
	if (device->msix && overlaps(offset, n, device->msix->cap, device->msix->cap + 4))
		msix_update(device);
	if (device->ops->config)
		device->ops->config(device->ctx, device->config, offset, n, true);
}

static struct vmm_pci_device *in_slot(struct vmm_pci *bus, uint64_t slot)
{
	return slot < bus->n_devices && !bus->devices[slot]->is_gone ? bus->devices[slot] : NULL;
}

/* An ECAM address names bus 0, device, function 0 and a register, or nothing. */
static struct vmm_pci_device *ecam_device(struct vmm_pci *bus, uint64_t offset)
{
	uint64_t slot = offset >> 15, function = (offset >> 12) & 7;

	return function == 0 ? in_slot(bus, slot) : NULL;
}

static struct vmm_pci_device *bar_device(
	struct vmm_pci *bus, uint64_t gpa, unsigned n, unsigned *ret_bar)
{
	for (unsigned i = 0; i < bus->n_devices; i++) {
		for (unsigned j = 0; j < VMM_PCI_BARS; j++) {
			const struct bar *bar = &bus->devices[i]->bars[j];

			if (bar->on && gpa >= bar->gpa && gpa - bar->gpa < bar->size) {
				*ret_bar = j;
				return n <= bar->size - (gpa - bar->gpa) ? bus->devices[i] : NULL;
			}
		}
	}
	return NULL;
}

static bool is_whole(uint64_t gpa, unsigned n)
{
	return (n == 1 || n == 2 || n == 4 || n == 8) && gpa % n == 0;
}

static uint64_t ones(unsigned n)
{
	return n >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * n)) - 1;
}

static bool in_ecam(uint64_t gpa)
{
	return gpa >= VMM_PCI_ECAM && gpa - VMM_PCI_ECAM < VMM_PCI_ECAM_SIZE;
}

bool vmm_pci_read(struct vmm_pci *bus, uint64_t gpa, unsigned n, uint64_t *ret)
{
	struct vmm_pci_device *device = NULL;
	unsigned bar = 0;

	*ret = ones(n);
	if (!is_whole(gpa, n))
		return false;
	pthread_mutex_lock(&bus->lock);
	if (in_ecam(gpa)) {
		device = ecam_device(bus, gpa - VMM_PCI_ECAM);
		if (device)
			*ret = config_read(device, gpa % VMM_PCI_CONFIG, n);
	} else {
		device = bar_device(bus, gpa, n, &bar);
		if (device && msix_has(device, bar, gpa - device->bars[bar].gpa))
			*ret = msix_read(device, bar, gpa - device->bars[bar].gpa, n);
		else if (device && device->ops->read)
			*ret = ones(n) &
			       device->ops->read(device->ctx, bar, gpa - device->bars[bar].gpa, n);
	}
	pthread_mutex_unlock(&bus->lock);
	return device != NULL;
}

bool vmm_pci_write(struct vmm_pci *bus, uint64_t gpa, unsigned n, uint64_t value)
{
	struct vmm_pci_device *device = NULL;
	unsigned bar = 0;

	if (!is_whole(gpa, n))
		return false;
	value &= ones(n);
	pthread_mutex_lock(&bus->lock);
	if (in_ecam(gpa)) {
		device = ecam_device(bus, gpa - VMM_PCI_ECAM);
		if (device)
			config_write(device, gpa % VMM_PCI_CONFIG, n, value);
	} else {
		device = bar_device(bus, gpa, n, &bar);
		if (device && msix_has(device, bar, gpa - device->bars[bar].gpa))
			msix_write(device, bar, gpa - device->bars[bar].gpa, n, value);
		else if (device && device->ops->write)
			device->ops->write(device->ctx, bar, gpa - device->bars[bar].gpa, n, value);
	}
	pthread_mutex_unlock(&bus->lock);
	return device != NULL;
}

/* CONFIG_ADDRESS: enable, bus, device, function, register. */
static struct vmm_pci_device *port_device(struct vmm_pci *bus, unsigned *ret_offset)
{
	uint32_t address = bus->port_address;
	unsigned slot = (address >> 11) & 31;

	*ret_offset = address & 0xfc;
	return (address & 0x80000000) && !(address & 0x00ff0700) ? in_slot(bus, slot) : NULL;
}

uint32_t vmm_pci_in(struct vmm_pci *bus, unsigned port, unsigned n)
{
	struct vmm_pci_device *device;
	uint32_t value = UINT32_MAX;
	unsigned offset;

	pthread_mutex_lock(&bus->lock);
	if (port == 0 && n == 4) {
		value = bus->port_address;
	} else if (port >= 4 && is_whole(port, n) && n <= 4) {
		device = port_device(bus, &offset);
		if (device)
			value = (uint32_t)config_read(device, offset + port - 4, n);
	}
	pthread_mutex_unlock(&bus->lock);
	return value & (uint32_t)ones(n);
}

void vmm_pci_out(struct vmm_pci *bus, unsigned port, unsigned n, uint32_t value)
{
	struct vmm_pci_device *device;
	unsigned offset;

	pthread_mutex_lock(&bus->lock);
	if (port == 0 && n == 4) {
		bus->port_address = value;
	} else if (port >= 4 && is_whole(port, n) && n <= 4) {
		device = port_device(bus, &offset);
		if (device)
			config_write(device, offset + port - 4, n, value);
	}
	pthread_mutex_unlock(&bus->lock);
}
