/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A guest that writes what it likes to PCI's configuration space, by ECAM and by ports, to BARs and
 * MSI-X tables. Input: 8 bytes an access. A device is called only inside of a BAR that it was told
 * of, its BARs stay in their windows, and its ids do not change.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "fuzz.h"
#include "pci_bus.h"

#define LOW_BASE  UINT64_C(0xc0000000)
#define LOW_SIZE  UINT64_C(0x20000000)
#define HIGH_BASE UINT64_C(0x200000000)
#define HIGH_SIZE UINT64_C(0x100000000)
#define N_DEVICES 3

struct device {
	uint64_t size, at;
	bool on;
};

static unsigned n_armed;

static int route(void *ctx, unsigned gsi, uint64_t address, uint32_t data)
{
	CHECK(gsi >= VMM_PCI_FIRST_GSI && gsi < VMM_PCI_FIRST_GSI + N_DEVICES * VMM_MSIX_MAX);
	return data == 0xbad ? -22 : 0;
}

static int irqfd(void *ctx, unsigned gsi, int fd, bool on)
{
	CHECK(fd >= 0);
	CHECK(on || n_armed > 0);
	n_armed = on ? n_armed + 1 : n_armed - 1;
	return 0;
}

static const struct vmm_pci_host host = { .route = route, .irqfd = irqfd };

static uint64_t bar_read(void *ctx, unsigned bar, uint64_t offset, unsigned n)
{
	const struct device *device = ctx;

	CHECK(bar == 0 && device->on && offset < device->size && n <= device->size - offset);
	return UINT64_MAX;
}

static void bar_write(void *ctx, unsigned bar, uint64_t offset, unsigned n, uint64_t value)
{
	(void)bar_read(ctx, bar, offset, n);
	CHECK(n == 8 || value < UINT64_C(1) << (8 * n));
}

static void bar_moved(void *ctx, unsigned bar, bool on, uint64_t gpa)
{
	struct device *device = ctx;

	CHECK(bar == 0 && on != device->on && (on || gpa == device->at));
	CHECK(gpa % device->size == 0);
	CHECK((gpa >= LOW_BASE && gpa + device->size <= LOW_BASE + LOW_SIZE) ||
		(gpa >= HIGH_BASE && gpa + device->size <= HIGH_BASE + HIGH_SIZE));
	device->on = on;
	device->at = gpa;
}

static void device_reset(void *ctx)
{
	CHECK(!((const struct device *)ctx)->on);
}

static const struct vmm_pci_ops ops = {
	.read = bar_read, .write = bar_write, .moved = bar_moved, .reset = device_reset
};

static void add_device(struct vmm_pci *bus, struct device *device, unsigned i)
{
	const struct vmm_pci_id id = { .vendor = 0x1af4, .device = (uint16_t)(0x1040 + i) };
	struct vmm_pci_device *made;

	device->size = UINT64_C(0x1000) << (4 * i);
	CHECK(vmm_pci_add(bus, &id, &ops, device, &made, NULL) == 0);
	CHECK(vmm_pci_bar_add(made, 0, device->size, i & 1, NULL) == 0);
	CHECK(vmm_msix_add(made, 4, 1 + 31 * i, NULL) == 0);
}

/* Bytes: what, slot and BAR, offset (2), value (4). */
static void access_bus(struct vmm_pci *bus, const struct device *devices, const uint8_t *in)
{
	const struct device *device = &devices[in[1] % N_DEVICES];
	unsigned n = 1u << ((in[0] >> 4) & 3);
	uint64_t slot = VMM_PCI_ECAM + ((uint64_t)(in[1] & 31) << 15);
	uint64_t value = 0, gpa = device->at;
	uint16_t offset;
	uint32_t low;

	memcpy(&offset, in + 2, sizeof(offset));
	memcpy(&low, in + 4, sizeof(low));
	switch (in[0] & 7) {
	case 0:
		vmm_pci_write(bus, slot + (offset & 0xff), n, low | (uint64_t)low << 32);
		break;
	case 1:
		vmm_pci_read(bus, slot + (offset & 0xfff), n, &value);
		break;
	case 2:
		vmm_pci_out(bus, offset & 7, n & 7, low);
		break;
	case 3:
		(void)vmm_pci_in(bus, offset & 7, n & 7);
		break;
	case 4: /* beside and inside of a device's BAR */
		vmm_pci_write(bus, gpa - 8 + offset, n, low);
		vmm_pci_read(bus, gpa - 8 + offset, n, &value);
		break;
	case 5: /* where the MSI-X BAR lies now */
		vmm_pci_read(bus, slot + PCI_BASE_ADDRESS_4, 4, &value);
		vmm_pci_write(bus, (value & ~UINT64_C(15)) + (offset & 0xfff), n, low);
		vmm_pci_read(bus, (value & ~UINT64_C(15)) + (offset & 0xfff), n, &value);
		break;
	case 6:
		vmm_pci_write(bus, (uint64_t)low << 8 | offset, n, low);
		break;
	default:
		if (offset == 0)
			vmm_pci_reset(bus);
		break;
	}
}

static void check_ids(struct vmm_pci *bus)
{
	for (unsigned i = 0; i < N_DEVICES; i++) {
		uint64_t id = 0;

		CHECK(vmm_pci_read(bus, VMM_PCI_ECAM + ((i + 1) << 15), 4, &id));
		CHECK(id == (0x1af4 | (0x1040 + i) << 16));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vmm_pci_window low = { LOW_BASE, LOW_SIZE }, high = { HIGH_BASE, HIGH_SIZE };
	struct device devices[N_DEVICES] = { 0 };
	struct vmm_pci *bus;

	n_armed = 0;
	CHECK(vmm_pci_new(&host, NULL, low, high, &bus) == 0);
	for (unsigned i = 0; i < N_DEVICES; i++)
		add_device(bus, &devices[i], i);
	CHECK(vmm_pci_place(bus, NULL) == 0);
	for (; size >= 8; data += 8, size -= 8)
		access_bus(bus, devices, data);
	check_ids(bus);
	vmm_pci_reset(bus);
	CHECK(n_armed == 0);
	vmm_pci_free(bus);
	return 0;
}
