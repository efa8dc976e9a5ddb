/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A PCI device as the bus sees it: configuration space, BARs, MSI-X. The bus (pci.c) owns
 * configuration space, ECAM, where BARs lie, and the MSI-X tables; a device is a struct of
 * functions behind its BARs. One bus, no bridges, one function a device.
 *
 * Threads: functions of struct vmm_pci_ops run in the vCPU thread that made the access, under the
 * bus's lock; a device with threads of its own locks its own state.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define VMM_PCI_BARS   6
#define VMM_PCI_CONFIG 4096 /* bytes */
#define VMM_MSIX_MAX   64   /* vectors of one device */

struct vmm_pci; /* the bus */
struct vmm_pci_device;

struct vmm_pci_ops {
	/* bar: the index asked for in vmm_pci_bar_add; offset and n (1, 2, 4, 8) lie inside of it
	 */
	uint64_t (*read)(void *ctx, unsigned bar, uint64_t offset, unsigned n);
	void (*write)(void *ctx, unsigned bar, uint64_t offset, unsigned n, uint64_t value);
	/* A BAR came to lie at gpa, or went (on = false): where ioeventfds go. May be NULL. */
	void (*moved)(void *ctx, unsigned bar, bool on, uint64_t gpa);
	/* The guest reset the device or the machine. */
	void (*reset)(void *ctx);
	/* The guest switched MSI-X on or off. May be NULL. */
	void (*msix)(void *ctx, bool on);
	/* The guest is about to read n bytes of configuration space at offset, or has written them
	 * (as far as they are writable); both may be changed in place. May be NULL. */
	void (*config)(void *ctx, uint8_t *config, unsigned offset, unsigned n, bool written);
};

struct vmm_pci_id {
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint32_t class_code; /* 24 bits */
	uint8_t revision;
};

/**
 * Put a device on the bus, before the guest runs. The slot is the next free one.
 *
 * errors:  -ENOSPC (32 slots), -ENOMEM
 * thread:  main, before vCPUs start
 */
int vmm_pci_add(struct vmm_pci *bus, const struct vmm_pci_id *id, const struct vmm_pci_ops *ops,
	void *ctx, struct vmm_pci_device **ret, struct sh_err *err);

/** A 64-bit memory BAR (takes bar and bar + 1). size: a power of 2, at least 4096. */
int vmm_pci_bar_add(struct vmm_pci_device *device, unsigned bar, uint64_t size, bool prefetchable,
	struct sh_err *err);

/**
 * A memory BAR as a device of the host has it. bits: the low ones of its register (64-bit,
 * prefetchable); a 64-bit one takes bar + 1 too.
 */
int vmm_pci_bar_add_like(struct vmm_pci_device *device, unsigned bar, uint64_t size, unsigned bits,
	struct sh_err *err);

/**
 * Append a capability to configuration space; body follows the two bytes of id and next.
 *
 * return:  its offset in configuration space, or -ENOSPC
 */
int vmm_pci_cap_add(struct vmm_pci_device *device, uint8_t id, const void *body, unsigned n);

/** Let the guest write n bytes at an offset of configuration space, where mask has ones. */
void vmm_pci_config_writable(
	struct vmm_pci_device *device, unsigned offset, const void *mask, unsigned n);

/**
 * A write of n bytes (0: of any length) at gpa signals fd and does not end the guest's run. From
 * ops->moved, for a place inside of the BAR.
 *
 * errors:  -EEXIST (another device has it), -errno
 */
int vmm_pci_ioeventfd(struct vmm_pci_device *device, uint64_t gpa, unsigned n, int fd, bool on);

/**
 * Memory of this process in the place of a BAR (or a part of it), so that the guest's accesses do
 * not end its run. host and size are multiples of the page size.
 *
 * errors:  -EEXIST (overlaps other memory), -errno
 */
int vmm_pci_map(struct vmm_pci_device *device, uint64_t gpa, uint64_t size, void *host, bool on);

/** MSI-X with its table and pending bits in a BAR of its own, which the bus serves. */
int vmm_msix_add(
	struct vmm_pci_device *device, unsigned bar, unsigned n_vectors, struct sh_err *err);

struct vmm_msix_place {
	unsigned table_bar, table_offset; /* offset: a multiple of 8 */
	unsigned pba_bar, pba_offset;     /* of the pending bits */
};

/** MSI-X with its table and pending bits inside of BARs that the device has already. */
int vmm_msix_add_at(struct vmm_pci_device *device, const struct vmm_msix_place *place,
	unsigned n_vectors, struct sh_err *err);

/**
 * Take the device from the bus as if it were pulled: the guest reads ones from now on, and no
 * function of the device is called any more. It stays the bus's to free.
 *
 * thread: main
 */
void vmm_pci_remove(struct vmm_pci_device *device);

/**
 * An eventfd that raises the vector when written (irqfd). A masked vector is kept pending. Stays
 * valid as long as the device; may be given to another process (vhost-user).
 *
 * return:  the descriptor, borrowed; -EINVAL for a vector beyond the table
 */
int vmm_msix_fd(struct vmm_pci_device *device, unsigned vector);

/** Raise a vector; one beyond the table raises nothing. thread: any. */
void vmm_msix_raise(struct vmm_pci_device *device, unsigned vector);
