/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a snapshot keeps of a virtio device: what its driver has said by registers. Where a ring has
 * come to is in the guest's memory, since a paused device has nothing under way. Plain data, fixed
 * in size; what is read back is not trusted.
 */
#pragma once

#include "virtio.h"

#define VMM_VIRTIO_OWN_BYTES 16 /* of the device itself */

struct vmm_virtio_queue_state {
	uint64_t desc_gpa, avail_gpa, used_gpa;
	uint16_t size, vector;
	uint8_t enabled, padding[3];
};

struct vmm_virtio_state {
	uint64_t accepted;
	uint32_t device_feature_select, driver_feature_select;
	uint16_t type, n_queues, queue_select, config_vector;
	uint8_t status, generation, isr, padding[5];
	uint8_t own[VMM_VIRTIO_OWN_BYTES];
	struct vmm_virtio_queue_state queues[VMM_VIRTIO_QUEUES];
};

/** Of a device that is paused. thread: main. */
void vmm_virtio_save(struct vmm_virtio *dev, struct vmm_virtio_state *ret);

/**
 * Into a device that is paused and that no driver has touched; its MSI-X is restored before, and
 * the back end of a NIC has been there.
 *
 * errors:  -EINVAL, with what does not fit; the device is as it was
 * thread:  main
 */
int vmm_virtio_restore(
	struct vmm_virtio *dev, const struct vmm_virtio_state *state, struct sh_err *err);

/* virtio_pci.c: the registers' part. */
void vmm_virtio_pci_save(const struct vmm_virtio_pci *pci, struct vmm_virtio_state *ret);
void vmm_virtio_pci_restore(struct vmm_virtio_pci *pci, const struct vmm_virtio_state *state);
