/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A machine's snapshot: a folder with the file `machine` (state, then memory) and a file a disk
 * that is written to, `disk0` and so on, by their numbers in the definition. It does not change by
 * being restored. doc/vmm.md says more.
 */
#pragma once

#include "machine.h"
#include "vcpu_state.h"

#define VMM_SNAPSHOT_VERSION 1
#define VMM_SNAPSHOT_MEMORY  (4u << 20) /* where memory begins in the file */
#define VMM_SNAPSHOT_FILES   (1 + VMM_DISKS)

/* What the file begins with: plain data. What is read back is not trusted. */
struct vmm_snapshot {
	char magic[8];
	uint32_t version, bytes; /* bytes: of all this, up to the last vCPU */
	uint64_t checksum;       /* of what comes behind it */

	/* what the definition and the host must give for it */
	uint64_t memory_bytes, cpu;
	uint32_t tsc_khz, n_vcpus, n_disks, read_only_disks, n_nics;
	uint8_t balloon, rng, console, padding;

	uint64_t clock_ns;
	struct vmm_kvm_chips chips;
	uint16_t pm[4]; /* status, enable, control */
	uint8_t serial[VMM_SERIALS][VMM_SERIAL_STATE];
	struct vmm_pci_state pci[VMM_PCI_SLOTS];
	struct vmm_virtio_state virtio[VMM_PCI_SLOTS]; /* in the order of the set */
	struct vmm_vcpu_state vcpus[VMM_VCPUS];
};

/* Open for writing and empty: `machine`, then those of disks. */
struct vmm_files {
	unsigned n;
	int fds[VMM_SNAPSHOT_FILES];
};

/**
 * Take one. A machine that runs is halted meanwhile.
 *
 * errors:  -EAGAIN (not now), -EOPNOTSUPP (a VF), -EINVAL (files), -errno; the files are void then
 * thread:  main
 */
int vmm_snapshot_save(
	struct vmm_machine *machine, const struct vmm_files *files, struct sh_err *err);

/**
 * The machine of the definition's `restore`: first, while files can be opened, read and check its
 * state and begin with its memory; then, when devices are there, put the state in.
 *
 * errors:  -EINVAL (not a snapshot, not of this machine, not of this CPU), -errno
 * thread:  main
 */
int vmm_restore_open(struct vmm_machine *machine, struct sh_err *err);
int vmm_restore_apply(struct vmm_machine *machine, struct sh_err *err);

/* What of it needs no KVM; devices are paused. errors: -EINVAL */
void vmm_snapshot_seal(struct vmm_snapshot *s);
int vmm_snapshot_check(const struct vmm_snapshot *s, uint64_t file_bytes, struct sh_err *err);
void vmm_snapshot_put_devices(
	struct vmm_snapshot *s, struct vmm_pci *pci, struct vmm_virtio_set *set);
int vmm_snapshot_get_devices(const struct vmm_snapshot *s, struct vmm_pci *pci,
	struct vmm_virtio_set *set, struct sh_err *err);
