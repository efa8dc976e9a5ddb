/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A disk's file: raw, or a block device. Sparse where nothing was written or all was discarded;
 * locked, so that no two machines write to one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define VMM_SECTOR 512u

struct vmm_disk_conf {
	const char *file;
	uint64_t size; /* bytes, of a file that is not there yet or empty; 0: it must be there */
	bool read_only;
	bool discard;        /* what the guest discards is given back to the host */
	const char *content; /* a file: it becomes the same as this one; NULL: it stays */
};

struct vmm_disk {
	int fd;
	uint64_t size; /* bytes, whole sectors */
	uint32_t block_bytes, physical_block_bytes;
	bool read_only, discard;
};

/**
 * Open it, make it if that is asked for, and lock it.
 *
 * errors:  -ENOENT, -EBUSY (in use by another machine), -EINVAL (no disk), -errno
 * thread:  main
 */
int vmm_disk_open(const struct vmm_disk_conf *conf, struct vmm_disk *ret, struct sh_err *err);
void vmm_disk_close(struct vmm_disk *disk);

/** Bytes that it takes on the host. */
uint64_t vmm_disk_allocated(const struct vmm_disk *disk);

/** All in whole sectors, inside of the disk. errors: -errno. thread: the disk's. */
int vmm_disk_flush(const struct vmm_disk *disk);
int vmm_disk_discard(const struct vmm_disk *disk, uint64_t offset, uint64_t n);
int vmm_disk_write_zeroes(const struct vmm_disk *disk, uint64_t offset, uint64_t n, bool may_unmap);
