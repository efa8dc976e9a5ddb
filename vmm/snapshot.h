/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A machine's snapshot: a folder with the file `machine` (state and memory, sections.h) and a file
 * a disk that is written to, `disk0` and so on, by their numbers in the definition. It does not
 * change by being restored. doc/vmm.md says what is in it.
 */
#pragma once

#include "machine.h"

#define VMM_SNAPSHOT_FILES (1 + VMM_DISKS)

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
void vmm_snapshot_put_devices(
	struct vmm_sections *s, struct vmm_pci *pci, struct vmm_virtio_set *set);
int vmm_snapshot_get_devices(const struct vmm_sections *s, struct vmm_pci *pci,
	struct vmm_virtio_set *set, struct sh_err *err);
