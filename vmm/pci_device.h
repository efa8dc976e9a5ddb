/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What pci.c and msix.c share: a device with its configuration space, BARs and vectors. All of it
 * is under the bus's lock, but the eventfds, which never change.
 */
#pragma once

#include <linux/pci_regs.h>
#include <pthread.h>
#include <string.h>

#include "pci_bus.h"

#define MSIX_BAR_SIZE 4096 /* of a BAR that holds nothing else */
#define MSIX_PBA      2048 /* offset in the BAR */

struct msix_vector {
	uint32_t address_low, address_high, data, control; /* as in the table */
	int fd;
	bool on; /* the host raises it when fd is written */
};

struct msix {
	struct vmm_msix_place place;
	bool owns_bar; /* nothing else is in the BAR */
	bool enabled;
	unsigned cap; /* offset in configuration space */
	unsigned n;
	unsigned first_gsi;
	struct msix_vector vectors[VMM_MSIX_MAX];
};

struct bar {
	uint64_t size; /* 0: there is none */
	uint64_t gpa;
	bool on; /* decoded */
};

struct vmm_pci_device {
	struct vmm_pci *bus;
	const struct vmm_pci_ops *ops;
	void *ctx;
	unsigned cap_end; /* where the next capability goes */
	unsigned cap_last;
	struct bar bars[VMM_PCI_BARS];
	struct msix *msix; /* NULL without */
	bool is_gone;
	uint8_t config[VMM_PCI_CONFIG];
	uint8_t writable[VMM_PCI_CONFIG]; /* bits that the guest may write */
	uint8_t first[VMM_PCI_CONFIG];    /* as it is after reset */
};

struct vmm_pci {
	pthread_mutex_t lock;
	const struct vmm_pci_host *host;
	void *ctx;
	struct vmm_pci_window low, high;
	uint32_t port_address; /* of configuration by ports */
	unsigned next_gsi;
	unsigned n_devices;
	struct vmm_pci_device *devices[VMM_PCI_SLOTS];
};

static inline uint64_t get_le(const uint8_t *p, unsigned n)
{
	uint64_t value = 0;

	memcpy(&value, p, n);
	return value;
}

static inline void put_le(uint8_t *p, uint64_t value, unsigned n)
{
	memcpy(p, &value, n);
}

/* Whether the bus serves this place of a BAR, and not the device. */
bool msix_has(const struct vmm_pci_device *device, unsigned bar, uint64_t offset);
uint64_t msix_read(const struct vmm_pci_device *device, unsigned bar, uint64_t offset, unsigned n);
void msix_write(
	struct vmm_pci_device *device, unsigned bar, uint64_t offset, unsigned n, uint64_t value);

/* Masks, enables or routes changed: tell the host. */
void msix_update(struct vmm_pci_device *device);
void msix_reset(struct vmm_pci_device *device);
void msix_save(const struct vmm_pci_device *device, uint32_t words[][4]);
void msix_restore(struct vmm_pci_device *device, const uint32_t words[][4]);
void msix_free(struct vmm_pci_device *device);
