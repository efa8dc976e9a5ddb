/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A PCI function of the host, most often a VF of a NIC, that the guest drives itself (VFIO). vfio.c
 * finds and opens it, and gives its IOMMU the guest's memory; vfio_function.c is what the guest
 * sees of it on its own bus. Main thread, but for the guest's accesses.
 */
#pragma once

#include "kvm.h"
#include "loop.h"

#define VMM_VFIO_FUNCTIONS 8

/* All functions of a machine: one IOMMU domain, which holds its memory. Zeroes are none. */
struct vmm_vfio {
	int container, kvm_device;
	unsigned n_groups;
	struct {
		int number, fd;
	} groups[VMM_VFIO_FUNCTIONS];
};

/* A part of the device's file. */
struct vmm_vfio_region {
	uint64_t offset, size; /* bytes; size 0: there is none */
	bool can_map;
};

struct vmm_vfio_device {
	int fd;
	char address[16]; /* 0000:01:10.0 */
	struct vmm_vfio_region bars[VMM_PCI_BARS], config;
	unsigned n_vectors; /* of MSI-X */
};

/**
 * Open a function that is bound to vfio-pci, and reset it; before the process gives up its rights.
 * The first one locks all of the guest's memory. name: a PCI address, or a VF as "eth0/0".
 *
 * errors:  -ENODEV, -EBUSY (its driver, its group, another process), -ENOMEM (locked memory),
 *          -ENOTSUP, -errno; each with what to do
 */
int vmm_vfio_open(struct vmm_vfio *vfio, const char *name, const struct vmm_mem *mem,
	const struct vmm_kvm *kvm, struct vmm_vfio_device *ret, struct sh_err *err);

/** After the functions were freed. */
void vmm_vfio_close(struct vmm_vfio *vfio);

struct vmm_vfio_function;

/**
 * Put an opened function on the guest's bus. What it is called in the log is not copied.
 *
 * errors:  -ENOTSUP (no MSI-X), -EIO (a configuration space that contradicts itself), -errno; the
 *          device stays the caller's then
 */
int vmm_vfio_function_new(struct vmm_pci *bus, const char *name,
	const struct vmm_vfio_device *device, struct vmm_vfio_function **ret, struct sh_err *err);

/** Give it up in this loop when the host asks for it. errors: -errno */
int vmm_vfio_function_start(struct vmm_vfio_function *function, struct vmm_loop *loop);

/** Its device, whose fd is -1 once the host has taken it back. */
const struct vmm_vfio_device *vmm_vfio_function_device(const struct vmm_vfio_function *function);

/** Reset it and give it back, after vCPUs have ended. */
void vmm_vfio_function_free(struct vmm_vfio_function *function);
