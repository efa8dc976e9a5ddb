/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The PCI bus without KVM: this test is the host below it and the guest above it.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "pci_bus.h"
#include "unit.h"

#define LOW_BASE  UINT64_C(0xc0000000)
#define HIGH_BASE UINT64_C(0x1000000000)
#define BAR_SIZE  UINT64_C(0x4000)
#define SLOT      (VMM_PCI_ECAM + (1 << 15)) /* of the test's device */
#define FIRST_MSG UINT64_C(0xfee01000)

static struct {
	unsigned n_routes, n_on, n_off, last_gsi;
	uint64_t last_address;
	uint32_t last_data;
	int route_result;
} host;

static struct {
	uint64_t at;
	bool on;
	unsigned n_moves, n_resets, n_msix_on, n_msix_off, last_bar, last_n;
	uint64_t last_offset, last_value;
} device;

static int route(void *ctx, unsigned gsi, uint64_t address, uint32_t data)
{
	host.n_routes++;
	host.last_gsi = gsi;
	host.last_address = address;
	host.last_data = data;
	return host.route_result;
}

static int irqfd(void *ctx, unsigned gsi, int fd, bool on)
{
	if (on)
		host.n_on++;
	else
		host.n_off++;
	return 0;
}

static const struct vmm_pci_host host_ops = { .route = route, .irqfd = irqfd };

static uint64_t bar_read(void *ctx, unsigned bar, uint64_t offset, unsigned n)
{
	device.last_bar = bar;
	device.last_offset = offset;
	device.last_n = n;
	return UINT64_C(0x1122334455667788);
}

static void bar_write(void *ctx, unsigned bar, uint64_t offset, unsigned n, uint64_t value)
{
	device.last_bar = bar;
	device.last_offset = offset;
	device.last_n = n;
	device.last_value = value;
}

static void bar_moved(void *ctx, unsigned bar, bool on, uint64_t gpa)
{
	device.n_moves++;
	device.on = on;
	device.at = gpa;
}

static void device_reset(void *ctx)
{
	device.n_resets++;
}

static void device_msix(void *ctx, bool on)
{
	if (on)
		device.n_msix_on++;
	else
		device.n_msix_off++;
}

static const struct vmm_pci_ops device_ops = {
	.read = bar_read,
	.write = bar_write,
	.moved = bar_moved,
	.reset = device_reset,
	.msix = device_msix,
};

struct rig {
	struct vmm_pci *bus;
	struct vmm_pci_device *device;
};

/* A device with a 16 KiB BAR 0 and two vectors behind BAR 2. */
static int setup(void **state)
{
	const struct vmm_pci_window low = { LOW_BASE, 0x20000000 };
	const struct vmm_pci_window high = { HIGH_BASE, HIGH_BASE };
	const struct vmm_pci_id id = {
		.vendor = 0x1af4, .device = 0x1041, .class_code = 0x020000, .revision = 1
	};
	struct rig *rig = calloc(1, sizeof(*rig));

	memset(&host, 0, sizeof(host));
	memset(&device, 0, sizeof(device));
	assert_int_equal(vmm_pci_new(&host_ops, NULL, low, high, &rig->bus), 0);
	assert_int_equal(vmm_pci_add(rig->bus, &id, &device_ops, NULL, &rig->device, NULL), 0);
	assert_int_equal(vmm_pci_bar_add(rig->device, 0, BAR_SIZE, false, NULL), 0);
	assert_int_equal(vmm_msix_add(rig->device, 2, 2, NULL), 0);
	assert_int_equal(vmm_pci_place(rig->bus, NULL), 0);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	vmm_pci_free(rig->bus);
	free(rig);
	return 0;
}

static uint32_t rd(struct rig *rig, uint64_t gpa, unsigned n)
{
	uint64_t value = 0;

	vmm_pci_read(rig->bus, gpa, n, &value);
	return (uint32_t)value;
}

static void wr(struct rig *rig, uint64_t gpa, unsigned n, uint64_t value)
{
	vmm_pci_write(rig->bus, gpa, n, value);
}

static void decode_on(struct rig *rig)
{
	wr(rig, SLOT + PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
}

static uint64_t msix_table(struct rig *rig)
{
	return rd(rig, SLOT + PCI_BASE_ADDRESS_2, 4) & ~15u;
}

static void msix_control(struct rig *rig, uint16_t flags)
{
	wr(rig, SLOT + 0x40 + PCI_MSIX_FLAGS, 2, flags);
}

static void set_vector(struct rig *rig, unsigned vector, uint32_t data, bool masked)
{
	uint64_t entry = msix_table(rig) + 16 * vector;

	wr(rig, entry, 4, (uint32_t)FIRST_MSG);
	wr(rig, entry + 4, 4, 0);
	wr(rig, entry + 8, 4, data);
	wr(rig, entry + 12, 4, masked);
}

static void ecam_and_ports_show_the_same_device(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rd(rig, SLOT, 4), 0x10411af4);
	assert_int_equal(rd(rig, SLOT + PCI_CLASS_REVISION, 4), 0x02000001);
	vmm_pci_out(rig->bus, 0, 4, 0x80000000 | 1 << 11);
	assert_int_equal(vmm_pci_in(rig->bus, 4, 4), 0x10411af4);
	assert_int_equal(vmm_pci_in(rig->bus, 6, 2), 0x1041);
}

static void empty_slots_read_as_ones(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rd(rig, VMM_PCI_ECAM + (5 << 15), 4), 0xffffffff);
	assert_int_equal(rd(rig, SLOT + (1 << 12), 4), 0xffffffff); /* function 1 */
	vmm_pci_out(rig->bus, 0, 4, 0x80000000 | 1 << 16);          /* bus 1 */
	assert_int_equal(vmm_pci_in(rig->bus, 4, 2), 0xffff);
}

static void ids_cannot_be_written(void **state)
{
	struct rig *rig = *state;

	wr(rig, SLOT, 8, 0);
	assert_int_equal(rd(rig, SLOT, 4), 0x10411af4);
}

static void bar_is_sized_by_writing_ones(void **state)
{
	struct rig *rig = *state;

	wr(rig, SLOT + PCI_BASE_ADDRESS_0, 4, 0xffffffff);
	wr(rig, SLOT + PCI_BASE_ADDRESS_1, 4, 0xffffffff);
	assert_int_equal(rd(rig, SLOT + PCI_BASE_ADDRESS_0, 4), 0xffffc004);
	assert_int_equal(rd(rig, SLOT + PCI_BASE_ADDRESS_1, 4), 0xffffffff);
	wr(rig, SLOT + PCI_BASE_ADDRESS_4, 4, 0xffffffff); /* there is none */
	assert_int_equal(rd(rig, SLOT + PCI_BASE_ADDRESS_4, 4), 0);
}

static void bar_answers_only_while_it_is_decoded(void **state)
{
	struct rig *rig = *state;
	uint64_t value;

	assert_false(vmm_pci_read(rig->bus, LOW_BASE + 8, 4, &value));
	decode_on(rig);
	assert_true(device.on);
	assert_int_equal(device.at, LOW_BASE);
	assert_true(vmm_pci_read(rig->bus, LOW_BASE + 8, 4, &value));
	assert_int_equal(value, 0x55667788);
	assert_int_equal(device.last_offset, 8);
	wr(rig, SLOT + PCI_COMMAND, 2, 0);
	assert_false(device.on);
	assert_false(vmm_pci_write(rig->bus, LOW_BASE + 8, 4, 1));
}

static void guest_moves_a_bar_within_the_windows(void **state)
{
	struct rig *rig = *state;
	uint64_t value;

	decode_on(rig);
	wr(rig, SLOT + PCI_BASE_ADDRESS_0, 8, HIGH_BASE + BAR_SIZE);
	assert_true(device.on);
	assert_int_equal(device.at, HIGH_BASE + BAR_SIZE);
	assert_int_equal(device.n_moves, 3); /* on, off, on */
	assert_true(vmm_pci_read(rig->bus, HIGH_BASE + BAR_SIZE, 1, &value));
	assert_false(vmm_pci_read(rig->bus, LOW_BASE, 1, &value));
}

static void bar_outside_of_the_windows_is_not_decoded(void **state)
{
	const uint64_t places[] = { 0, 0x100000, VMM_PCI_ECAM, 0xfee00000, UINT64_C(0x100000000),
		HIGH_BASE - BAR_SIZE, 2 * HIGH_BASE, ~(BAR_SIZE - 1) };
	struct rig *rig = *state;
	uint64_t value;

	decode_on(rig);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		wr(rig, SLOT + PCI_BASE_ADDRESS_0, 8, places[i]);
		assert_false(device.on);
	}
	assert_true(vmm_pci_read(rig->bus, SLOT, 2, &value));
}

static void crooked_accesses_reach_no_device(void **state)
{
	struct rig *rig = *state;
	uint64_t value;

	decode_on(rig);
	device.last_n = 0;
	assert_false(vmm_pci_read(rig->bus, LOW_BASE + 1, 4, &value));
	assert_int_equal(value, 0xffffffff);
	assert_false(vmm_pci_write(rig->bus, LOW_BASE, 3, 0));
	assert_false(vmm_pci_read(rig->bus, LOW_BASE + 4, 8, &value));
	assert_int_equal(device.last_n, 0);
}

static void vector_fires_while_enabled_and_unmasked(void **state)
{
	struct rig *rig = *state;

	decode_on(rig);
	set_vector(rig, 1, 0x31, false);
	assert_int_equal(host.n_on, 0);
	msix_control(rig, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(host.n_on, 1);
	assert_int_equal(host.last_gsi, VMM_PCI_FIRST_GSI + 1);
	assert_int_equal(host.last_address, FIRST_MSG);
	assert_int_equal(host.last_data, 0x31);
	msix_control(rig, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_int_equal(host.n_off, 1);
}

static void masked_vector_is_pending_until_unmasked(void **state)
{
	struct rig *rig = *state;
	uint64_t pba;

	decode_on(rig);
	msix_control(rig, PCI_MSIX_FLAGS_ENABLE);
	set_vector(rig, 0, 0x31, true);
	vmm_msix_raise(rig->device, 0);
	assert_true(vmm_pci_read(rig->bus, msix_table(rig) + 2048, 8, &pba));
	assert_int_equal(pba, 1);
	/* The host finds the eventfd readable when it gets it, and raises the vector. */
	set_vector(rig, 0, 0x31, false);
	assert_int_equal(host.n_on, 1);
	assert_int_equal(rd(rig, msix_table(rig) + 2048, 4), 0);
}

static void message_may_change_under_an_unmasked_vector(void **state)
{
	struct rig *rig = *state;

	decode_on(rig);
	msix_control(rig, PCI_MSIX_FLAGS_ENABLE);
	set_vector(rig, 0, 0x31, false);
	wr(rig, msix_table(rig) + 8, 4, 0x41);
	assert_int_equal(host.last_data, 0x41);
	assert_int_equal(host.n_on, 1);
}

static void message_that_the_host_refuses_leaves_the_vector_silent(void **state)
{
	struct rig *rig = *state;

	decode_on(rig);
	msix_control(rig, PCI_MSIX_FLAGS_ENABLE);
	host.route_result = -22;
	set_vector(rig, 0, 0x31, false);
	assert_int_equal(host.n_on, 0);
	host.route_result = 0;
	set_vector(rig, 0, 0x31, false);
	assert_int_equal(host.n_on, 1);
}

static void vectors_beyond_the_table_are_nothing(void **state)
{
	struct rig *rig = *state;

	assert_true(vmm_msix_fd(rig->device, 1) >= 0);
	assert_true(vmm_msix_fd(rig->device, 2) < 0);
	vmm_msix_raise(rig->device, 63);
	decode_on(rig);
	wr(rig, msix_table(rig) + 2 * 16, 4, 0x1234);
	assert_int_equal(rd(rig, msix_table(rig) + 2 * 16, 4), 0);
}

static void reset_puts_everything_back(void **state)
{
	struct rig *rig = *state;
	eventfd_t count;

	decode_on(rig);
	msix_control(rig, PCI_MSIX_FLAGS_ENABLE);
	set_vector(rig, 0, 0x31, false);
	wr(rig, SLOT + PCI_BASE_ADDRESS_0, 8, HIGH_BASE);
	vmm_msix_raise(rig->device, 1);
	vmm_pci_reset(rig->bus);
	assert_int_equal(device.n_resets, 1);
	assert_false(device.on);
	assert_int_equal(host.n_off, 1);
	assert_int_equal(rd(rig, SLOT + PCI_COMMAND, 2), 0);
	assert_int_equal(rd(rig, SLOT + PCI_BASE_ADDRESS_0, 4), LOW_BASE | 4);
	assert_int_equal(eventfd_read(vmm_msix_fd(rig->device, 1), &count), -1);
}

static void device_is_told_when_msix_is_switched(void **state)
{
	struct rig *rig = *state;

	decode_on(rig);
	set_vector(rig, 0, 0x31, false);
	assert_int_equal(device.n_msix_on, 0);
	msix_control(rig, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	msix_control(rig, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(device.n_msix_on, 1);
	msix_control(rig, 0);
	assert_int_equal(device.n_msix_off, 1);
	msix_control(rig, PCI_MSIX_FLAGS_ENABLE);
	vmm_pci_reset(rig->bus);
	assert_int_equal(device.n_msix_off, 2);
}

static void removed_device_reads_as_ones_and_is_left_alone(void **state)
{
	struct rig *rig = *state;
	uint64_t value;

	decode_on(rig);
	set_vector(rig, 0, 0x31, false);
	msix_control(rig, PCI_MSIX_FLAGS_ENABLE);
	vmm_pci_remove(rig->device);
	assert_false(device.on);
	assert_int_equal(host.n_off, 1);
	assert_int_equal(device.n_msix_off, 1);
	assert_int_equal(rd(rig, SLOT, 4), 0xffffffff);
	vmm_pci_out(rig->bus, 0, 4, 0x80000000 | 1 << 11);
	assert_int_equal(vmm_pci_in(rig->bus, 4, 4), 0xffffffff);
	decode_on(rig);
	assert_false(vmm_pci_read(rig->bus, LOW_BASE, 4, &value));
	vmm_pci_reset(rig->bus);
	assert_int_equal(device.n_resets, 0);
}

static void bus_holds_31_devices_beside_its_bridge(void **state)
{
	const struct vmm_pci_id id = { .vendor = 1 };
	struct vmm_pci_device *more;
	struct rig *rig = *state;
	struct sh_err err = { "" };
	unsigned n = 1;

	while (vmm_pci_add(rig->bus, &id, &device_ops, NULL, &more, &err) == 0)
		n++;
	assert_int_equal(n, 31);
	assert_non_null(strstr(err.text, "full"));
}

static void restored_device_has_its_registers_and_fires_once(void **state)
{
	struct rig *rig = *state;
	struct vmm_pci_state saved;
	uint64_t value;

	assert_true(vmm_pci_write(rig->bus, SLOT + PCI_COMMAND, 2, PCI_COMMAND_MEMORY));
	vmm_pci_save(rig->bus, 1, &saved);
	saved.msix[1][3] = ~0u;
	vmm_pci_reset(rig->bus);
	assert_false(device.on);
	assert_int_equal(vmm_pci_restore(rig->bus, 1, &saved, NULL), 0);
	assert_true(device.on);
	assert_true(vmm_pci_read(rig->bus, SLOT + PCI_COMMAND, 2, &value));
	assert_int_equal(value, PCI_COMMAND_MEMORY);
	for (unsigned i = 0; i < 2; i++) {
		eventfd_t count = 0;

		assert_int_equal(eventfd_read(vmm_msix_fd(rig->device, i), &count), 0);
		assert_int_equal(count, 1);
	}
	saved.config[PCI_DEVICE_ID] ^= 1;
	assert_int_equal(vmm_pci_restore(rig->bus, 1, &saved, NULL), -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ecam_and_ports_show_the_same_device),
		TEST(empty_slots_read_as_ones),
		TEST(ids_cannot_be_written),
		TEST(bar_is_sized_by_writing_ones),
		TEST(bar_answers_only_while_it_is_decoded),
		TEST(guest_moves_a_bar_within_the_windows),
		TEST(bar_outside_of_the_windows_is_not_decoded),
		TEST(crooked_accesses_reach_no_device),
		TEST(vector_fires_while_enabled_and_unmasked),
		TEST(masked_vector_is_pending_until_unmasked),
		TEST(message_may_change_under_an_unmasked_vector),
		TEST(message_that_the_host_refuses_leaves_the_vector_silent),
		TEST(vectors_beyond_the_table_are_nothing),
		TEST(reset_puts_everything_back),
		TEST(device_is_told_when_msix_is_switched),
		TEST(removed_device_reads_as_ones_and_is_left_alone),
		TEST(bus_holds_31_devices_beside_its_bridge),
		TEST(restored_device_has_its_registers_and_fires_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
