/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The bus as the machine sees it: made over a few functions of the host (interrupts, kicks, memory
 * slots), so that a test can be the host; then driven by the guest's accesses.
 */
#pragma once

#include "pci.h"

#define VMM_PCI_SLOTS     32
#define VMM_PCI_ECAM      UINT64_C(0xe0000000)
#define VMM_PCI_ECAM_SIZE (UINT64_C(1) << 20) /* of one bus */
#define VMM_PCI_FIRST_GSI 24                  /* behind the pins of the IOAPIC */
#define VMM_PCI_PORT      0xcf8               /* configuration by ports, 8 of them */

/* What the bus needs from below. Each returns 0 or -errno. */
struct vmm_pci_host {
	/* The interrupt of a GSI becomes this message. */
	int (*route)(void *ctx, unsigned gsi, uint64_t address, uint32_t data);
	/* A write to fd raises the GSI, from now on or no longer. */
	int (*irqfd)(void *ctx, unsigned gsi, int fd, bool on);
	int (*ioeventfd)(void *ctx, uint64_t gpa, unsigned n, int fd, bool on);
	int (*map)(void *ctx, uint64_t gpa, uint64_t size, void *host, bool on);
};

/* Where BARs may lie. */
struct vmm_pci_window {
	uint64_t base, size; /* bytes */
};

/**
 * A bus with a host bridge in slot 0. low is below 4 GiB, high above all memory.
 *
 * errors:  -ENOMEM
 * thread:  main
 */
int vmm_pci_new(const struct vmm_pci_host *host, void *ctx, struct vmm_pci_window low,
	struct vmm_pci_window high, struct vmm_pci **ret);
void vmm_pci_free(struct vmm_pci *bus);

/**
 * Give every BAR its first place; what configuration space holds now is what it holds after reset.
 *
 * errors:  -ENOSPC
 * thread:  main, after the last device was added
 */
int vmm_pci_place(struct vmm_pci *bus, struct sh_err *err);

/** The machine was reset. thread: main, while no vCPU runs. */
void vmm_pci_reset(struct vmm_pci *bus);

/* What a snapshot keeps of the device in a slot. */
struct vmm_pci_state {
	uint8_t config[VMM_PCI_CONFIG];
	uint32_t msix[VMM_MSIX_MAX][4];
	uint32_t port_address; /* of the bus */
};

unsigned vmm_pci_count(const struct vmm_pci *bus);

/** While no vCPU runs. errors: -EINVAL: it is another device. thread: main. */
void vmm_pci_save(struct vmm_pci *bus, unsigned slot, struct vmm_pci_state *ret);
int vmm_pci_restore(
	struct vmm_pci *bus, unsigned slot, const struct vmm_pci_state *state, struct sh_err *err);

/**
 * An access of the guest at gpa, of n bytes (1 to 8). A read of what is not there gives ones.
 *
 * return:  false when nothing lies there
 * thread:  any vCPU's
 */
bool vmm_pci_read(struct vmm_pci *bus, uint64_t gpa, unsigned n, uint64_t *ret);
bool vmm_pci_write(struct vmm_pci *bus, uint64_t gpa, unsigned n, uint64_t value);

/** Configuration by ports: port is 0 to 7, of those from VMM_PCI_PORT on. thread: any vCPU's. */
uint32_t vmm_pci_in(struct vmm_pci *bus, unsigned port, unsigned n);
void vmm_pci_out(struct vmm_pci *bus, unsigned port, unsigned n, uint32_t value);
