/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A function of the host on the guest's bus, without VFIO: its device file is a memfd, with the
 * configuration space of an igb VF and registers that can be looked at. What needs ioctls is proven
 * by real VFs in tests/integration/test_vmm_vfio.py.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "pci_bus.h"
#include "unit.h"
#include "vfio.h"

#define LOW_BASE  UINT64_C(0xc0000000)
#define HIGH_BASE UINT64_C(0x1000000000)
#define SLOT      (VMM_PCI_ECAM + (1 << 15))
#define BAR_BYTES 0x4000
#define CONFIG_AT 0x10000 /* in the file; BAR i is at i * BAR_BYTES before it, and 3 at 0x4000 */
#define BAR3_AT   0x4000
#define MSIX_CAP  0x70
#define EXP_CAP   0xa0
#define PBA       0x2000
#define N_MAPS    8

static struct {
	struct {
		uint64_t gpa, size;
		void *host;
	} maps[N_MAPS];
	unsigned n_maps;
	int result;
} host;

static int route(void *ctx, unsigned gsi, uint64_t address, uint32_t data)
{
	return 0;
}

static int irqfd(void *ctx, unsigned gsi, int fd, bool on)
{
	return 0;
}

static int map(void *ctx, uint64_t gpa, uint64_t size, void *at, bool on)
{
	unsigned i = 0;

	if (on && host.result < 0)
		return host.result;
	while (i < N_MAPS && (on ? host.maps[i].size : host.maps[i].gpa != gpa))
		i++;
	assert_true(i < N_MAPS);
	host.maps[i].gpa = on ? gpa : 0;
	host.maps[i].size = on ? size : 0;
	host.maps[i].host = at;
	host.n_maps += on ? 1 : -1u;
	return 0;
}

static const struct vmm_pci_host host_ops = { .route = route, .irqfd = irqfd, .map = map };

struct rig {
	struct vmm_pci *bus;
	struct vmm_vfio_device device;
	struct vmm_vfio_function *function;
	uint8_t *file;
};

static void put(struct rig *rig, unsigned offset, uint32_t value, unsigned n)
{
	memcpy(rig->file + CONFIG_AT + offset, &value, n);
}

static uint32_t command_of_device(const struct rig *rig)
{
	uint16_t value;

	memcpy(&value, rig->file + CONFIG_AT + PCI_COMMAND, sizeof(value));
	return value;
}

/* Power management, MSI, MSI-X, PCI Express, and an extended capability. */
static void fill_config(struct rig *rig)
{
	put(rig, PCI_VENDOR_ID, 0x10ca8086, 4);
	put(rig, PCI_STATUS, PCI_STATUS_CAP_LIST, 2);
	put(rig, PCI_CLASS_REVISION, 0x02000001, 4);
	put(rig, PCI_BASE_ADDRESS_0, 0xc, 4);
	put(rig, PCI_BASE_ADDRESS_3, 0xc, 4);
	put(rig, PCI_CAPABILITY_LIST, 0x40, 1);
	put(rig, 0x40, MSIX_CAP << 8 | PCI_CAP_ID_PM, 2);
	put(rig, MSIX_CAP, EXP_CAP << 8 | PCI_CAP_ID_MSIX, 2);
	put(rig, MSIX_CAP + PCI_MSIX_FLAGS, 2, 2);
	put(rig, MSIX_CAP + PCI_MSIX_TABLE, 3, 4);
	put(rig, MSIX_CAP + PCI_MSIX_PBA, PBA | 3, 4);
	put(rig, EXP_CAP, PCI_CAP_ID_EXP, 2);
	put(rig, EXP_CAP + PCI_EXP_FLAGS, 2, 2);
	put(rig, EXP_CAP + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR | 1, 4);
	put(rig, 0x100, 0x1000e, 4); /* ARI */
}

static int setup(void **state)
{
	const struct vmm_pci_window low = { LOW_BASE, 0x20000000 }, high = { HIGH_BASE, HIGH_BASE };
	struct rig *rig = calloc(1, sizeof(*rig));

	memset(&host, 0, sizeof(host));
	sh_log_set_level(SH_LOG_ERR);
	rig->device.fd = memfd_create("device", MFD_CLOEXEC);
	assert_int_equal(ftruncate(rig->device.fd, 0x20000), 0);
	rig->file = mmap(NULL, 0x20000, PROT_READ | PROT_WRITE, MAP_SHARED, rig->device.fd, 0);
	assert_ptr_not_equal(rig->file, MAP_FAILED);
	fill_config(rig);
	strcpy(rig->device.address, "0000:01:10.0");
	rig->device.n_vectors = 3;
	rig->device.bars[0] = (struct vmm_vfio_region){ 0, BAR_BYTES, true };
	rig->device.bars[3] = (struct vmm_vfio_region){ BAR3_AT, BAR_BYTES, true };
	rig->device.config = (struct vmm_vfio_region){ CONFIG_AT, 4096, false };
	assert_int_equal(vmm_pci_new(&host_ops, NULL, low, high, &rig->bus), 0);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	vmm_vfio_function_free(rig->function); /* closes the file, if it is the function's */
	if (!rig->function)
		close(rig->device.fd);
	vmm_pci_free(rig->bus);
	munmap(rig->file, 0x20000);
	free(rig);
	return 0;
}

static void start(struct rig *rig)
{
	assert_int_equal(
		vmm_vfio_function_new(rig->bus, "net0", &rig->device, &rig->function, NULL), 0);
	assert_int_equal(vmm_pci_place(rig->bus, NULL), 0);
}

static uint64_t rd(struct rig *rig, uint64_t gpa, unsigned n)
{
	uint64_t value = 0;

	vmm_pci_read(rig->bus, gpa, n, &value);
	return value;
}

static void wr(struct rig *rig, uint64_t gpa, unsigned n, uint64_t value)
{
	vmm_pci_write(rig->bus, gpa, n, value);
}

static uint64_t bar(struct rig *rig, unsigned i)
{
	return rd(rig, SLOT + PCI_BASE_ADDRESS_0 + 4 * i, 4) +
	       (rd(rig, SLOT + PCI_BASE_ADDRESS_0 + 4 * i + 4, 4) << 32) - 0xc;
}

static void decode(struct rig *rig, bool on)
{
	wr(rig, SLOT + PCI_COMMAND, 2, on ? PCI_COMMAND_MEMORY : 0);
}

static void guest_finds_the_device_with_its_ids_and_bars(void **state)
{
	struct rig *rig = *state;

	start(rig);
	assert_int_equal(rd(rig, SLOT, 4), 0x10ca8086);
	assert_int_equal(rd(rig, SLOT + PCI_CLASS_REVISION, 4), 0x02000001);
	assert_int_equal(bar(rig, 0), HIGH_BASE);
	assert_int_equal(bar(rig, 3), HIGH_BASE + BAR_BYTES);
	wr(rig, SLOT + PCI_BASE_ADDRESS_3, 4, UINT32_MAX);
	assert_int_equal(rd(rig, SLOT + PCI_BASE_ADDRESS_3, 4), 0xffffc00c);
	assert_int_equal(rd(rig, SLOT + PCI_BASE_ADDRESS_2, 4), 0);
}

static void guest_sees_msix_and_express_of_its_capabilities(void **state)
{
	struct rig *rig = *state;
	unsigned at;

	start(rig);
	at = (unsigned)rd(rig, SLOT + PCI_CAPABILITY_LIST, 1);
	assert_int_equal(rd(rig, SLOT + at, 1), PCI_CAP_ID_MSIX);
	assert_int_equal(rd(rig, SLOT + at + PCI_MSIX_TABLE, 4), 3);
	assert_int_equal(rd(rig, SLOT + at + PCI_MSIX_PBA, 4), PBA | 3);
	at = (unsigned)rd(rig, SLOT + at + 1, 1);
	assert_int_equal(rd(rig, SLOT + at, 1), PCI_CAP_ID_EXP);
	assert_int_equal(rd(rig, SLOT + at + PCI_EXP_FLAGS, 2), PCI_EXP_TYPE_RC_END << 4 | 2);
	assert_int_equal(rd(rig, SLOT + at + PCI_EXP_DEVCAP, 4), 1);
	assert_int_equal(rd(rig, SLOT + at + 1, 1), 0);
	assert_int_equal(rd(rig, SLOT + 0x100, 4), 0);
}

static void registers_are_mapped_without_the_pages_of_msix(void **state)
{
	struct rig *rig = *state;

	start(rig);
	assert_int_equal(host.n_maps, 0);
	decode(rig, true);
	assert_int_equal(host.n_maps, 3);
	assert_int_equal(host.maps[0].gpa, HIGH_BASE);
	assert_int_equal(host.maps[0].size, BAR_BYTES);
	assert_int_equal(host.maps[1].gpa, HIGH_BASE + BAR_BYTES + 0x1000);
	assert_int_equal(host.maps[1].size, 0x1000);
	assert_int_equal(host.maps[2].gpa, HIGH_BASE + BAR_BYTES + PBA + 0x1000);
	rig->file[BAR3_AT + 0x1234] = 0x77;
	assert_int_equal(((uint8_t *)host.maps[1].host)[0x234], 0x77);
	wr(rig, SLOT + PCI_BASE_ADDRESS_0, 4, LOW_BASE);
	wr(rig, SLOT + PCI_BASE_ADDRESS_1, 4, 0);
	assert_int_equal(host.maps[0].gpa, LOW_BASE);
	decode(rig, false);
	assert_int_equal(host.n_maps, 0);
}

static void registers_that_cannot_be_mapped_are_reached_all_the_same(void **state)
{
	struct rig *rig = *state;

	host.result = -EEXIST;
	start(rig);
	decode(rig, true);
	assert_int_equal(host.n_maps, 0);
	wr(rig, HIGH_BASE + 0x10, 4, 0x12345678);
	assert_memory_equal(rig->file + 0x10, "\x78\x56\x34\x12", 4);
	rig->file[0x18] = 0x5a;
	assert_int_equal(rd(rig, HIGH_BASE + 0x18, 8), 0x5a);
	decode(rig, false);
}

static void msix_table_is_the_bus_s_and_what_lies_beside_it_the_device_s(void **state)
{
	struct rig *rig = *state;
	uint64_t table;

	start(rig);
	decode(rig, true);
	table = bar(rig, 3);
	wr(rig, table + 8, 4, 0x41);
	assert_int_equal(rd(rig, table + 8, 4), 0x41);
	assert_int_equal(rig->file[BAR3_AT + 8], 0);
	assert_int_equal(rd(rig, table + PBA, 8), 0);
	wr(rig, table + 3 * 16, 4, 0x42);
	assert_int_equal(rig->file[BAR3_AT + 3 * 16], 0x42);
	rig->file[BAR3_AT + PBA + 8] = 0x43;
	assert_int_equal(rd(rig, table + PBA + 8, 4), 0x43);
}

static void command_register_reaches_the_device_which_always_decodes(void **state)
{
	struct rig *rig = *state;
	const unsigned always = PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE;

	start(rig);
	assert_int_equal(command_of_device(rig), always);
	wr(rig, SLOT + PCI_COMMAND, 2, 0xffff);
	assert_int_equal(command_of_device(rig), always | PCI_COMMAND_MASTER);
	wr(rig, SLOT + PCI_COMMAND, 4, 0);
	assert_int_equal(command_of_device(rig), always);
	wr(rig, SLOT + PCI_COMMAND, 1, PCI_COMMAND_MASTER);
	vmm_pci_reset(rig->bus);
	assert_int_equal(command_of_device(rig), always);
}

static void short_bars_take_a_page_and_32_bit_ones_stay_below(void **state)
{
	struct rig *rig = *state;

	put(rig, PCI_BASE_ADDRESS_0, 0x8, 4);
	put(rig, PCI_BASE_ADDRESS_1, 0x1, 4); /* ports */
	rig->device.bars[0].size = 0x100;
	rig->device.bars[1] = (struct vmm_vfio_region){ 0, 32, false };
	start(rig);
	decode(rig, true);
	assert_int_equal(rd(rig, SLOT + PCI_BASE_ADDRESS_0, 4), LOW_BASE | 8);
	assert_int_equal(rd(rig, SLOT + PCI_BASE_ADDRESS_1, 4), 0);
	assert_int_equal(host.n_maps, 2); /* of the other BAR */
	rig->file[0xff] = 0x11;
	assert_int_equal(rd(rig, LOW_BASE + 0xff, 1), 0x11);
	assert_int_equal(rd(rig, LOW_BASE + 0x100, 4), 0xffffffff);
}

static void device_that_the_bus_cannot_serve_is_refused(void **state)
{
	struct rig *rig = *state;
	struct sh_err err;

	put(rig, MSIX_CAP + PCI_MSIX_TABLE, 0x4000 | 3, 4);
	assert_int_equal(
		vmm_vfio_function_new(rig->bus, "net0", &rig->device, &rig->function, &err), -EIO);
	assert_non_null(strstr(err.text, "table"));
	put(rig, 0x41, EXP_CAP, 1);
	assert_int_equal(
		vmm_vfio_function_new(rig->bus, "net0", &rig->device, &rig->function, &err),
		-ENOTSUP);
	assert_non_null(strstr(err.text, "no MSI-X"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guest_finds_the_device_with_its_ids_and_bars),
		TEST(guest_sees_msix_and_express_of_its_capabilities),
		TEST(registers_are_mapped_without_the_pages_of_msix),
		TEST(registers_that_cannot_be_mapped_are_reached_all_the_same),
		TEST(msix_table_is_the_bus_s_and_what_lies_beside_it_the_device_s),
		TEST(command_register_reaches_the_device_which_always_decodes),
		TEST(short_bars_take_a_page_and_32_bit_ones_stay_below),
		TEST(device_that_the_bus_cannot_serve_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
