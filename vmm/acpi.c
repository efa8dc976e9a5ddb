/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ACPI 6.5 tables, the fewest that a distribution's kernel needs to find its processors, the PCI
 * bus, the serial ports, and how to power off and reset. Fixed hardware (PM1, SCI), so that no AML
 * runs but names.
 */
#include <errno.h>
#include <string.h>

#include "acpi.h"
#include "aml.h"
#include "serial.h"

#define OEM            "SHUNT "
#define OEM_TABLE      "SHUNTVMM"
#define IOAPIC_ADDRESS 0xfec00000u
#define LAPIC_ADDRESS  0xfee00000u
#define FADT_BYTES     276
#define RSDP_BYTES     36
#define FACS_BYTES     64

struct writer {
	struct aml out;
	uint64_t gpa;   /* of out's first byte */
	unsigned start; /* of the open table */
};

static void w8(struct writer *w, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	aml_bytes(&w->out, &byte, 1);
}

static void w16(struct writer *w, unsigned value)
{
	uint16_t word = (uint16_t)value;

	aml_bytes(&w->out, &word, sizeof(word));
}

static void w32(struct writer *w, uint32_t value)
{
	aml_bytes(&w->out, &value, sizeof(value));
}

static void w64(struct writer *w, uint64_t value)
{
	aml_bytes(&w->out, &value, sizeof(value));
}

static uint8_t checksum(const uint8_t *bytes, unsigned n)
{
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *bytes++);
	return (uint8_t)-sum;
}

static void open_table(struct writer *w, const char *signature, unsigned revision)
{
	static const uint8_t zero[16];

	aml_bytes(&w->out, zero, -w->out.n & 15);
	w->start = w->out.n;
	aml_bytes(&w->out, signature, 4);
	w32(w, 0); /* length */
	w8(w, revision);
	w8(w, 0); /* checksum */
	aml_bytes(&w->out, OEM, 6);
	aml_bytes(&w->out, OEM_TABLE, 8);
	w32(w, 1);
	aml_bytes(&w->out, "SHNT", 4);
	w32(w, 1);
}

/* return: its guest physical address */
static uint64_t close_table(struct writer *w)
{
	uint8_t *table = w->out.bytes + w->start;
	uint32_t n = w->out.n - w->start;

	if (!w->out.full) {
		memcpy(table + 4, &n, sizeof(n));
		table[9] = checksum(table, n);
	}
	return w->gpa + w->start;
}

static void put_pci_root(struct aml *aml, const struct vmm_acpi_conf *conf)
{
	aml_device_open(aml, "PCI0");
	aml_name(aml, "_HID");
	aml_eisa_id(aml, "PNP0A08");
	aml_name(aml, "_CID");
	aml_eisa_id(aml, "PNP0A03");
	aml_name(aml, "_SEG");
	aml_number(aml, 0);
	aml_name(aml, "_BBN");
	aml_number(aml, 0);
	aml_name(aml, "_UID");
	aml_number(aml, 0);
	aml_name(aml, "_CRS");
	aml_resources_open(aml);
	aml_bus_numbers(aml, 0, 0);
	aml_ports(aml, VMM_PCI_PORT, 8);
	aml_port_window(aml, 0, VMM_PCI_PORT - 1);
	aml_port_window(aml, VMM_PCI_PORT + 8, UINT16_MAX);
	aml_memory_window(aml, conf->low.base, conf->low.base + conf->low.size - 1);
	aml_memory_window(aml, conf->high.base, conf->high.base + conf->high.size - 1);
	aml_resources_close(aml);
	aml_close(aml);
}

/* A kernel uses ECAM only if a device of the board holds its place. */
static void put_board(struct aml *aml)
{
	aml_device_open(aml, "MBRD");
	aml_name(aml, "_HID");
	aml_eisa_id(aml, "PNP0C02");
	aml_name(aml, "_UID");
	aml_number(aml, 0);
	aml_name(aml, "_CRS");
	aml_resources_open(aml);
	aml_memory32(aml, (uint32_t)VMM_PCI_ECAM, (uint32_t)VMM_PCI_ECAM_SIZE);
	aml_resources_close(aml);
	aml_close(aml);
}

static void put_serial(struct aml *aml, unsigned i)
{
	aml_device_open(aml, i == 0 ? "COM1" : "COM2");
	aml_name(aml, "_HID");
	aml_eisa_id(aml, "PNP0501");
	aml_name(aml, "_UID");
	aml_number(aml, i + 1);
	aml_name(aml, "_CRS");
	aml_resources_open(aml);
	aml_ports(aml, vmm_serial_port(i), VMM_SERIAL_PORTS);
	aml_irq(aml, vmm_serial_irq(i));
	aml_resources_close(aml);
	aml_close(aml);
}

static uint64_t put_dsdt(struct writer *w, const struct vmm_acpi_conf *conf)
{
	struct aml *aml = &w->out;

	open_table(w, "DSDT", 2);
	aml_name(aml, "\\_S5_");
	aml_package_open(aml, 4);
	aml_number(aml, VMM_ACPI_S5);
	aml_number(aml, VMM_ACPI_S5);
	aml_number(aml, 0);
	aml_number(aml, 0);
	aml_close(aml);
	aml_scope_open(aml, "\\_SB_");
	put_pci_root(aml, conf);
	put_board(aml);
	for (unsigned i = 0; i < VMM_SERIALS; i++)
		put_serial(aml, i);
	aml_close(aml);
	return close_table(w);
}

/* Has no checksum; nobody else holds the global lock. */
static uint64_t put_facs(struct writer *w)
{
	static const uint8_t zero[64];
	unsigned start;

	aml_bytes(&w->out, zero, -w->out.n & 63);
	start = w->out.n;
	aml_bytes(&w->out, "FACS", 4);
	w32(w, FACS_BYTES);
	aml_bytes(&w->out, zero, 24);
	w8(w, 2); /* version */
	aml_bytes(&w->out, zero, FACS_BYTES - 33);
	return w->gpa + start;
}

/* Generic address structure: system I/O. */
static void put_port(struct writer *w, unsigned port, unsigned bytes)
{
	w8(w, port ? 1 : 0);
	w8(w, 8 * bytes);
	w8(w, 0);
	w8(w, bytes == 2 ? 2 : bytes == 4 ? 3 : 1);
	w64(w, port);
}

/* ACPI 6.5, 5.2.9: field after field; no entry to ACPI mode, it is always on. */
static uint64_t put_fadt(struct writer *w, uint64_t facs, uint64_t dsdt)
{
	const uint32_t wbinvd = 1, no_sleep_button = 1 << 5, no_rtc_wake = 1 << 6,
		       reset_register = 1 << 10;
	const unsigned no_vga = 1 << 2, no_rtc = 1 << 5;
	static const uint8_t zero[96];

	open_table(w, "FACP", 6);
	w32(w, (uint32_t)facs);
	w32(w, (uint32_t)dsdt);
	w8(w, 0);
	w8(w, 0); /* preferred profile: unspecified */
	w16(w, VMM_ACPI_SCI);
	aml_bytes(&w->out, zero, 8); /* SMI_CMD to PSTATE_CNT */
	w32(w, VMM_ACPI_PM1_EVENT);
	w32(w, 0);
	w32(w, VMM_ACPI_PM1_CTL);
	aml_bytes(&w->out, zero, 20); /* PM1b, PM2, PM timer, GPE0, GPE1 */
	w8(w, 4);                     /* PM1_EVT_LEN */
	w8(w, 2);                     /* PM1_CNT_LEN */
	aml_bytes(&w->out, zero, 6);  /* lengths of the others, CST_CNT */
	w16(w, 0xfff);                /* no C2 */
	w16(w, 0xfff);                /* no C3 */
	aml_bytes(&w->out, zero, 9);  /* flushing, duty, alarms, century */
	w16(w, no_vga | no_rtc);      /* IAPC_BOOT_ARCH; no 8042 either */
	w8(w, 0);
	w32(w, wbinvd | no_sleep_button | no_rtc_wake | reset_register);
	put_port(w, VMM_ACPI_RESET, 1);
	w8(w, VMM_ACPI_RESET_DO);
	aml_bytes(&w->out, zero, 2);
	w8(w, 5);  /* minor version */
	w64(w, 0); /* X_FIRMWARE_CTRL */
	w64(w, dsdt);
	put_port(w, VMM_ACPI_PM1_EVENT, 4);
	put_port(w, 0, 0);
	put_port(w, VMM_ACPI_PM1_CTL, 2);
	aml_bytes(&w->out, zero, w->start + FADT_BYTES - w->out.n);
	return close_table(w);
}

static void put_override(struct writer *w, unsigned irq, unsigned gsi, unsigned flags)
{
	w8(w, 2);
	w8(w, 10);
	w8(w, 0); /* ISA */
	w8(w, irq);
	w32(w, gsi);
	w16(w, flags);
}

static uint64_t put_madt(struct writer *w, const struct vmm_acpi_conf *conf)
{
	const unsigned pc_compatible = 1, level_active_high = 0xd;

	open_table(w, "APIC", 5);
	w32(w, LAPIC_ADDRESS);
	w32(w, pc_compatible);
	for (unsigned i = 0; i < conf->n_vcpus; i++) {
		w8(w, 0);
		w8(w, 8);
		w8(w, i); /* processor's UID */
		w8(w, i); /* APIC's id */
		w32(w, 1);
	}
	w8(w, 1);
	w8(w, 12);
	w8(w, conf->n_vcpus); /* id of the IOAPIC */
	w8(w, 0);
	w32(w, IOAPIC_ADDRESS);
	w32(w, 0);
	put_override(w, 0, 2, 0);
	put_override(w, VMM_ACPI_SCI, VMM_ACPI_SCI, level_active_high);
	/* Non-maskable interrupts: pin LINT1 of all processors. */
	w8(w, 4);
	w8(w, 6);
	w8(w, 0xff);
	w16(w, 0);
	w8(w, 1);
	return close_table(w);
}

static uint64_t put_mcfg(struct writer *w)
{
	open_table(w, "MCFG", 1);
	w64(w, 0);
	w64(w, VMM_PCI_ECAM);
	w16(w, 0); /* segment */
	w8(w, 0);  /* first bus */
	w8(w, 0);  /* last bus */
	w32(w, 0);
	return close_table(w);
}

static void put_rsdp(uint8_t *to, uint64_t xsdt)
{
	const uint32_t n = 36;

	memcpy(to, "RSD PTR ", 8);
	memcpy(to + 9, OEM, 6);
	to[15] = 2;
	memcpy(to + 20, &n, sizeof(n));
	memcpy(to + 24, &xsdt, sizeof(xsdt));
	to[8] = checksum(to, 20);
	to[32] = checksum(to, n);
}

int vmm_acpi_build(const struct vmm_acpi_conf *conf, uint64_t gpa, uint8_t *to, unsigned n)
{
	static const uint8_t rsdp[RSDP_BYTES];
	struct writer w = { .out = { .bytes = to, .size = n }, .gpa = gpa };
	uint64_t dsdt, fadt, madt, mcfg, xsdt;

	aml_bytes(&w.out, rsdp, sizeof(rsdp));
	dsdt = put_dsdt(&w, conf);
	fadt = put_fadt(&w, put_facs(&w), dsdt);
	madt = put_madt(&w, conf);
	mcfg = put_mcfg(&w);
	open_table(&w, "XSDT", 1);
	w64(&w, fadt);
	w64(&w, madt);
	w64(&w, mcfg);
	xsdt = close_table(&w);
	if (w.out.full)
		return -ENOSPC;
	put_rsdp(to, xsdt);
	return (int)w.out.n;
}
