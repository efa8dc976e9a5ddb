/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parts of the board that need no KVM: serial port, power management, ACPI's tables, CPUID.
 */
#include <errno.h>
#include <linux/serial_reg.h>
#include <string.h>

#include "acpi.h"
#include "cpuid.h"
#include "pm.h"
#include "serial.h"
#include "unit.h"

static struct {
	uint8_t bytes[16];
	unsigned n, n_rooms;
	bool level;
} line;

static void out(void *ctx, uint8_t byte)
{
	line.bytes[line.n++ % sizeof(line.bytes)] = byte;
}

static void irq(void *ctx, bool level)
{
	line.level = level;
}

static void room(void *ctx)
{
	line.n_rooms++;
}

static const struct vmm_serial_host host = { .out = out, .irq = irq, .room = room };
static struct vmm_serial serial;

static int setup(void **state)
{
	memset(&line, 0, sizeof(line));
	vmm_serial_init(&serial, &host, NULL);
	return 0;
}

static void byte_written_is_a_byte_sent(void **state)
{
	vmm_serial_out(&serial, UART_TX, 'a');
	assert_int_equal(line.n, 1);
	assert_int_equal(line.bytes[0], 'a');
	assert_true(vmm_serial_in(&serial, UART_LSR) & UART_LSR_THRE);
}

static void divisor_hides_the_data_port(void **state)
{
	vmm_serial_out(&serial, UART_LCR, UART_LCR_DLAB);
	vmm_serial_out(&serial, UART_DLL, 1);
	assert_int_equal(vmm_serial_in(&serial, UART_DLL), 1);
	assert_int_equal(line.n, 0);
}

static void received_byte_interrupts_until_it_is_read(void **state)
{
	vmm_serial_receive(&serial, (const uint8_t *)"x", 1);
	assert_false(line.level);
	vmm_serial_out(&serial, UART_IER, UART_IER_RDI);
	assert_true(line.level);
	assert_int_equal(vmm_serial_in(&serial, UART_IIR) & 0xf, UART_IIR_RDI);
	assert_int_equal(vmm_serial_in(&serial, UART_RX), 'x');
	assert_false(line.level);
	assert_int_equal(vmm_serial_in(&serial, UART_IIR) & 0xf, UART_IIR_NO_INT);
}

static void empty_transmitter_interrupts_until_it_is_identified(void **state)
{
	vmm_serial_out(&serial, UART_IER, UART_IER_THRI);
	assert_true(line.level);
	assert_int_equal(vmm_serial_in(&serial, UART_IIR) & 0xf, UART_IIR_THRI);
	assert_false(line.level);
	vmm_serial_out(&serial, UART_TX, 'a');
	assert_true(line.level);
}

static void room_is_told_once_after_the_port_was_full(void **state)
{
	uint8_t bytes[VMM_SERIAL_FIFO] = { 0 };

	vmm_serial_receive(&serial, bytes, sizeof(bytes));
	assert_int_equal(vmm_serial_room(&serial), 0);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		vmm_serial_in(&serial, UART_RX);
	assert_int_equal(line.n_rooms, 1);
	assert_int_equal(vmm_serial_room(&serial), VMM_SERIAL_FIFO);
}

static void more_than_fits_is_lost_and_nothing_else(void **state)
{
	uint8_t bytes[VMM_SERIAL_FIFO];

	memset(bytes, 1, sizeof(bytes));
	vmm_serial_receive(&serial, bytes, sizeof(bytes));
	vmm_serial_receive(&serial, (const uint8_t *)"x", 1);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		assert_int_equal(vmm_serial_in(&serial, UART_RX), 1);
	assert_false(vmm_serial_in(&serial, UART_LSR) & UART_LSR_DR);
}

static void loopback_sends_nothing_and_receives_it(void **state)
{
	vmm_serial_out(&serial, UART_MCR, UART_MCR_LOOP | UART_MCR_RTS);
	vmm_serial_out(&serial, UART_TX, 'l');
	assert_int_equal(line.n, 0);
	assert_int_equal(vmm_serial_in(&serial, UART_RX), 'l');
	assert_int_equal(vmm_serial_in(&serial, UART_MSR), UART_MSR_CTS);
}

static void restored_port_interrupts_for_what_it_holds(void **state)
{
	uint8_t saved[VMM_SERIAL_STATE];

	vmm_serial_out(&serial, UART_IER, UART_IER_RDI);
	vmm_serial_receive(&serial, (const uint8_t *)"xy", 2);
	memcpy(saved, &serial.ier, sizeof(saved));
	vmm_serial_reset(&serial);
	assert_false(line.level);
	assert_int_equal(vmm_serial_restore(&serial, saved), 0);
	assert_true(line.level);
	assert_int_equal(vmm_serial_in(&serial, UART_RX), 'x');
	serial.first = VMM_SERIAL_FIFO;
	memcpy(saved, &serial.ier, sizeof(saved));
	assert_int_equal(vmm_serial_restore(&serial, saved), -EINVAL);
	vmm_serial_init(&serial, &host, NULL);
}

static bool sci_level;

static void sci(void *ctx, bool level)
{
	sci_level = level;
}

static void sleep_type_5_is_off_and_others_are_nothing(void **state)
{
	struct vmm_pm pm;

	vmm_pm_init(&pm, sci, NULL);
	assert_int_equal(vmm_pm_out(&pm, VMM_ACPI_PM1_CTL, 2, 0x2400), VMM_PM_NOTHING);
	assert_int_equal(vmm_pm_out(&pm, VMM_ACPI_PM1_CTL, 2, 0x1400), VMM_PM_NOTHING);
	assert_int_equal(vmm_pm_out(&pm, VMM_ACPI_PM1_CTL, 2, 0x3400), VMM_PM_OFF);
	assert_int_equal(vmm_pm_in(&pm, VMM_ACPI_PM1_CTL, 2) & 1, 1);
}

static void power_button_interrupts_until_its_status_is_cleared(void **state)
{
	struct vmm_pm pm;

	vmm_pm_init(&pm, sci, NULL);
	assert_false(vmm_pm_press_button(&pm));
	assert_false(sci_level);
	vmm_pm_out(&pm, VMM_ACPI_PM1_EVENT + 2, 2, 0x100);
	assert_true(sci_level);
	vmm_pm_out(&pm, VMM_ACPI_PM1_EVENT, 2, 0x100);
	assert_false(sci_level);
	assert_true(vmm_pm_press_button(&pm));
	vmm_pm_reset(&pm);
	assert_false(sci_level);
}

static uint8_t sum(const uint8_t *bytes, uint32_t n)
{
	uint8_t total = 0;

	while (n--)
		total = (uint8_t)(total + *bytes++);
	return total;
}

#define TABLES_AT UINT64_C(0xe0000)
static uint8_t tables[0x20000];

static const uint8_t *table_at(uint64_t gpa, const char *signature)
{
	const uint8_t *table = tables + (gpa - TABLES_AT);
	uint32_t n;

	assert_true(gpa >= TABLES_AT && gpa < TABLES_AT + sizeof(tables) - 36);
	memcpy(&n, table + 4, 4);
	assert_memory_equal(table, signature, 4);
	assert_int_equal(sum(table, n), 0);
	return table;
}

static uint64_t word_at(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static const struct vmm_acpi_conf acpi = {
	.n_vcpus = 64, .low = { 0xc0000000, 0x20000000 }, .high = { 1ull << 32, 1ull << 39 }
};

static void tables_lead_from_one_to_the_next(void **state)
{
	const uint8_t *xsdt, *fadt, *madt, *mcfg;
	uint32_t n;

	assert_true(vmm_acpi_build(&acpi, TABLES_AT, tables, sizeof(tables)) > 0);
	assert_memory_equal(tables, "RSD PTR ", 8);
	assert_int_equal(sum(tables, 20), 0);
	assert_int_equal(sum(tables, 36), 0);
	xsdt = table_at(word_at(tables + 24), "XSDT");
	fadt = table_at(word_at(xsdt + 36), "FACP");
	madt = table_at(word_at(xsdt + 44), "APIC");
	mcfg = table_at(word_at(xsdt + 52), "MCFG");
	table_at(word_at(fadt + 140), "DSDT");
	memcpy(&n, fadt + 4, 4);
	assert_int_equal(n, 276);
	assert_int_equal(fadt[116], 1); /* reset register: a port */
	assert_int_equal(word_at(fadt + 120), VMM_ACPI_RESET);
	assert_int_equal(fadt[128], VMM_ACPI_RESET_DO);
	assert_int_equal(word_at(fadt + 148 + 4), VMM_ACPI_PM1_EVENT);
	assert_int_equal(word_at(fadt + 172 + 4), VMM_ACPI_PM1_CTL);
	assert_int_equal(word_at(mcfg + 44), VMM_PCI_ECAM);
	memcpy(&n, madt + 4, 4);
	assert_int_equal(n, 44 + 64 * 8 + 12 + 10 + 10 + 6);
}

static void tables_that_do_not_fit_are_refused(void **state)
{
	int n = vmm_acpi_build(&acpi, TABLES_AT, tables, sizeof(tables));

	for (unsigned size = 0; size < (unsigned)n; size++)
		assert_int_equal(vmm_acpi_build(&acpi, TABLES_AT, tables, size), -ENOSPC);
	assert_int_equal(vmm_acpi_build(&acpi, TABLES_AT, tables, (unsigned)n), n);
}

static struct vmm_cpuid cpuid;

static const struct kvm_cpuid_entry2 *entry(uint32_t function, uint32_t index)
{
	for (unsigned i = 0; i < cpuid.head.nent; i++)
		if (cpuid.entries[i].function == function && cpuid.entries[i].index == index)
			return &cpuid.entries[i];
	fail();
	return NULL;
}

static void filter(const struct kvm_cpuid_entry2 *entries, unsigned n, unsigned vcpu, unsigned all)
{
	const struct vmm_cpuid_conf conf = { .vcpu = vcpu, .n_vcpus = all, .tsc_deadline = true };

	cpuid.head.nent = n;
	memcpy(cpuid.entries, entries, n * sizeof(*entries));
	vmm_cpuid_filter(&cpuid, &conf);
}

static void guest_is_shown_no_virtualization_and_a_hypervisor(void **state)
{
	const struct kvm_cpuid_entry2 entries[] = {
		{ .function = 0, .ebx = 0x68747541 },
		{ .function = 1, .ecx = 1u << 5 | 1u << 3 },
		{ .function = 0x80000001, .ecx = 1u << 2 },
		{ .function = 0x8000000a, .eax = 1, .ebx = 16 },
		{ .function = 0xa, .eax = 0x07300404 },
	};

	filter(entries, 5, 0, 1);
	assert_int_equal(entry(1, 0)->ecx, 1u << 31 | 1u << 24);
	assert_int_equal(entry(0x80000001, 0)->ecx, 0);
	assert_int_equal(entry(0x8000000a, 0)->ebx, 0);
	assert_int_equal(entry(0xa, 0)->eax, 0);
}

static void topology_is_cores_of_one_socket(void **state)
{
	const struct kvm_cpuid_entry2 entries[] = {
		{ .function = 1 },
		{ .function = 4, .index = 0, .eax = 0x121 },
		{ .function = 4, .index = 3, .eax = 0x163 },
		{ .function = 0xb, .index = 0 },
	};

	filter(entries, 4, 2, 3);
	assert_int_equal(entry(1, 0)->ebx, 2u << 24 | 4u << 16);
	assert_int_equal(entry(1, 0)->edx, 1u << 28);
	assert_int_equal((entry(4, 0)->eax >> 14) & 0xfff, 0); /* a core's own */
	assert_int_equal((entry(4, 3)->eax >> 14) & 0xfff, 3); /* of all */
	assert_int_equal(entry(4, 3)->eax >> 26, 3);
	assert_int_equal(entry(0xb, 0)->ebx, 1);
	assert_int_equal(entry(0xb, 1)->eax, 2); /* bits of the id */
	assert_int_equal(entry(0xb, 1)->ebx, 3);
	assert_int_equal(entry(0xb, 1)->edx, 2);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(byte_written_is_a_byte_sent),
		TEST(divisor_hides_the_data_port),
		TEST(received_byte_interrupts_until_it_is_read),
		TEST(empty_transmitter_interrupts_until_it_is_identified),
		TEST(room_is_told_once_after_the_port_was_full),
		TEST(more_than_fits_is_lost_and_nothing_else),
		TEST(restored_port_interrupts_for_what_it_holds),
		TEST(loopback_sends_nothing_and_receives_it),
		TEST(sleep_type_5_is_off_and_others_are_nothing),
		TEST(power_button_interrupts_until_its_status_is_cleared),
		TEST(tables_lead_from_one_to_the_next),
		TEST(tables_that_do_not_fit_are_refused),
		TEST(guest_is_shown_no_virtualization_and_a_hypervisor),
		TEST(topology_is_cores_of_one_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
