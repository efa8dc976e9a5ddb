/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A function of the host with any configuration space, on the bus of a guest that writes what it
 * likes. Input: 4 bytes that shape BARs, 256 of configuration space, then 8 an access. What is
 * mapped into the guest lies in the bus's windows, is whole pages of a BAR without those of the
 * MSI-X table, and goes as it came; ids stay.
 */
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "fuzz.h"
#include "pci_bus.h"
#include "vfio.h"

#define LOW_BASE   UINT64_C(0xc0000000)
#define LOW_SIZE   UINT64_C(0x20000000)
#define HIGH_BASE  UINT64_C(0x200000000)
#define HIGH_SIZE  UINT64_C(0x100000000)
#define SLOT       (VMM_PCI_ECAM + (1 << 15))
#define BAR_STEP   0x10000 /* from one to the next in the file */
#define CONFIG_AT  (VMM_PCI_BARS * BAR_STEP)
#define FILE_BYTES (CONFIG_AT + 4096)
#define MAX_MAPS   32

static struct mapping {
	uint64_t gpa, size;
	void *host;
} maps[MAX_MAPS];

static int route(void *ctx, unsigned gsi, uint64_t address, uint32_t data)
{
	CHECK(gsi >= VMM_PCI_FIRST_GSI && gsi < VMM_PCI_FIRST_GSI + VMM_MSIX_MAX);
	return 0;
}

static int irqfd(void *ctx, unsigned gsi, int fd, bool on)
{
	CHECK(fd >= 0);
	return 0;
}

static bool lies_in(const struct mapping *m, uint64_t base, uint64_t size)
{
	return m->gpa >= base && m->gpa + m->size <= base + size;
}

/* Overlapping ones are refused, as KVM refuses them. */
static int map(void *ctx, uint64_t gpa, uint64_t size, void *host, bool on)
{
	const struct mapping new = { gpa, size, host };
	struct mapping *place = NULL;

	CHECK(size && size % 4096 == 0 && gpa % 4096 == 0);
	CHECK(lies_in(&new, LOW_BASE, LOW_SIZE) || lies_in(&new, HIGH_BASE, HIGH_SIZE));
	for (unsigned i = 0; i < MAX_MAPS; i++) {
		struct mapping *m = &maps[i];

		if (on && m->size && gpa < m->gpa + m->size && m->gpa < gpa + size)
			return -17;
		if (on ? !m->size : m->gpa == gpa && m->size == size && m->host == host)
			place = m;
	}
	CHECK(place);
	*place = on ? new : (struct mapping){ 0 };
	return 0;
}

static const struct vmm_pci_host host = { .route = route, .irqfd = irqfd, .map = map };

static void check_unmapped(void)
{
	for (unsigned i = 0; i < MAX_MAPS; i++)
		CHECK(!maps[i].size);
}

static uint64_t bar_address(struct vmm_pci *bus, uint64_t i)
{
	uint64_t low = 0, high = 0;

	vmm_pci_read(bus, SLOT + PCI_BASE_ADDRESS_0 + 4 * i, 4, &low);
	vmm_pci_read(bus, SLOT + PCI_BASE_ADDRESS_0 + 4 * i + 4, 4, &high);
	return (low & ~UINT64_C(15)) | (low & PCI_BASE_ADDRESS_MEM_TYPE_64 ? high << 32 : 0);
}

/* A guest may lay one BAR over another. */
static bool other_bar_lies_at(
	struct vmm_pci *bus, const struct vmm_vfio_device *device, uint64_t bar, uint64_t gpa)
{
	for (unsigned i = 0; i < VMM_PCI_BARS; i++) {
		uint64_t size = device->bars[i].size;

		if (i != bar && size && gpa - bar_address(bus, i) < size)
			return true;
	}
	return false;
}

/* Nothing of the MSI-X table, as the guest is told of it, can be reached past the bus. */
static void check_table(struct vmm_pci *bus, const struct vmm_vfio_device *device)
{
	uint64_t at = 0, word = 0, gpa;

	vmm_pci_read(bus, SLOT + PCI_CAPABILITY_LIST, 1, &at);
	vmm_pci_read(bus, SLOT + at + PCI_MSIX_TABLE, 4, &word);
	gpa = bar_address(bus, word & PCI_MSIX_TABLE_BIR) + (word & PCI_MSIX_TABLE_OFFSET);
	if (other_bar_lies_at(bus, device, word & PCI_MSIX_TABLE_BIR, gpa))
		return;
	for (unsigned i = 0; i < MAX_MAPS; i++)
		CHECK(!(maps[i].size && gpa >= maps[i].gpa && gpa < maps[i].gpa + maps[i].size));
}

static int make_device(const uint8_t *data, struct vmm_vfio_device *ret)
{
	*ret = (struct vmm_vfio_device){ .fd = memfd_create("device", MFD_CLOEXEC),
		.n_vectors = data[3],
		.config = { CONFIG_AT, 256, false } };
	CHECK(ret->fd >= 0 && ftruncate(ret->fd, FILE_BYTES) == 0);
	CHECK(pwrite(ret->fd, data + 4, 256, CONFIG_AT) == 256);
	for (unsigned i = 0; i < VMM_PCI_BARS; i++)
		if (data[0] >> i & 1)
			ret->bars[i] = (struct vmm_vfio_region){ i * BAR_STEP,
				UINT64_C(16) << (data[1 + i % 2] % 13), data[0] & 64 };
	return ret->fd;
}

/* Bytes: what, length, offset (2), value (4). */
static void access_bus(struct vmm_pci *bus, const uint8_t *in)
{
	unsigned n = 1u << (in[1] & 3);
	uint64_t value = 0, gpa;
	uint16_t offset;
	uint32_t low;

	memcpy(&offset, in + 2, sizeof(offset));
	memcpy(&low, in + 4, sizeof(low));
	switch (in[0] & 3) {
	case 0:
		vmm_pci_write(bus, SLOT + (offset & 0xff), n, low | (uint64_t)low << 32);
		break;
	case 1: /* into one of its BARs */
		gpa = bar_address(bus, (in[0] >> 2) % VMM_PCI_BARS) + offset;
		vmm_pci_write(bus, gpa, n, low);
		vmm_pci_read(bus, gpa, n, &value);
		break;
	case 2:
		vmm_pci_read(bus, SLOT + (offset & 0xfff), n, &value);
		break;
	default:
		vmm_pci_reset(bus);
		check_unmapped();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vmm_pci_window low = { LOW_BASE, LOW_SIZE }, high = { HIGH_BASE, HIGH_SIZE };
	struct vmm_vfio_function *function;
	struct vmm_vfio_device device;
	struct vmm_pci *bus;
	uint64_t id = 0;

	if (size < 260)
		return 0;
	sh_log_set_level(SH_LOG_ERR); /* without VFIO each reset fails */
	CHECK(vmm_pci_new(&host, NULL, low, high, &bus) == 0);
	make_device(data, &device);
	if (vmm_vfio_function_new(bus, "net0", &device, &function, NULL) < 0) {
		close(device.fd);
		vmm_pci_free(bus);
		return 0;
	}
	CHECK(vmm_pci_place(bus, NULL) == 0);
	for (size_t i = 260; i + 8 <= size; i += 8) {
		access_bus(bus, data + i);
		check_table(bus, &device);
	}
	CHECK(vmm_pci_read(bus, SLOT, 4, &id) && memcmp(&id, data + 4, 4) == 0);
	vmm_pci_reset(bus);
	check_unmapped();
	vmm_vfio_function_free(function);
	vmm_pci_free(bus);
	return 0;
}
