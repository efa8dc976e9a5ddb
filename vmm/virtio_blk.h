/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-blk (virtio 1.2, 5.2): a disk of one queue, served by a thread of its own.
 */
#pragma once

#include "disk.h"
#include "virtio.h"

struct vmm_blk;

/**
 * disk:    taken over, also on failure
 * name:    of the device, for the log and as its serial number; kept
 * errors:  as vmm_virtio_add
 * thread:  main, before vCPUs start
 */
int vmm_blk_new(struct vmm_virtio_set *set, const char *name, struct vmm_disk disk,
	struct vmm_blk **ret, struct sh_err *err);

/** The disk, for what it takes on the host. thread: any. */
const struct vmm_disk *vmm_blk_disk(const struct vmm_blk *blk);
