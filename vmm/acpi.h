/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ACPI's tables of the machine, and the ports that they name.
 */
#pragma once

#include "mem.h"
#include "pci_bus.h"

#define VMM_ACPI_SCI       9     /* its interrupt */
#define VMM_ACPI_PM1_EVENT 0x600 /* status and enable, 2 bytes each */
#define VMM_ACPI_PM1_CTL   0x604 /* 2 bytes */
#define VMM_ACPI_RESET     0xcf9 /* 1 byte */
#define VMM_ACPI_RESET_DO  0x06  /* what resets when written there */
#define VMM_ACPI_S5        5     /* the sleep type of "off" */

struct vmm_acpi_conf {
	unsigned n_vcpus;
	struct vmm_pci_window low, high; /* of PCI */
};

/**
 * Write all tables into the n bytes at `to`, which the guest sees at gpa. The first one, the RSDP,
 * begins there. Pure.
 *
 * return:  bytes written
 * errors:  -ENOSPC
 */
int vmm_acpi_build(const struct vmm_acpi_conf *conf, uint64_t gpa, uint8_t *to, unsigned n);
