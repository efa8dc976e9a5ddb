/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The guest's memory: one memfd, mapped once, with a hole below 4 GiB for devices. A guest physical
 * address (GPA) from the guest goes through vmm_mem_at and nothing else. What lies there may change
 * at any moment: read once, then check.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define VMM_MEM_HOLE    UINT64_C(0xc0000000) /* where memory below 4 GiB ends at the latest */
#define VMM_MEM_HIGH    UINT64_C(0x100000000)
#define VMM_MEM_REGIONS 2

struct vmm_mem_region {
	uint64_t gpa;
	uint64_t size;   /* bytes */
	uint64_t offset; /* in the memfd */
	uint8_t *host;   /* where it is mapped here */
};

struct vmm_mem {
	int fd;
	uint64_t size; /* bytes, of all regions */
	unsigned n_regions;
	struct vmm_mem_region regions[VMM_MEM_REGIONS];
	_Atomic bool
		is_partial; /* what was touched in a snapshot is not all here yet: mem_fill.c */
};

enum vmm_huge {
	VMM_HUGE_AUTO, /* plain memory, huge where the kernel finds it worth while (THP) */
	VMM_HUGE_OFF,
	VMM_HUGE_2M, /* reserved pages (hugetlb) */
	VMM_HUGE_1G,
};

struct vmm_mem_conf {
	uint64_t size; /* bytes, a multiple of the page size */
	enum vmm_huge huge;
	bool mergeable; /* offered to KSM; private memory then, without a descriptor to share */
	int node;       /* of NUMA, -1 for any */
};

/**
 * Make the guest's memory. Nothing is touched: pages come when the guest uses them, but huge pages
 * are reserved now.
 *
 * errors:  -EINVAL, -ENOMEM (with what to do), -errno
 * thread:  main
 */
int vmm_mem_open(const struct vmm_mem_conf *conf, struct vmm_mem *ret, struct sh_err *err);
void vmm_mem_close(struct vmm_mem *mem);

/** Bytes of memory that the host has given so far; 0 when it cannot be told. thread: any. */
uint64_t vmm_mem_resident(const struct vmm_mem *mem);

/** The guest physical address behind the last byte. thread: any. */
uint64_t vmm_mem_end(const struct vmm_mem *mem);

/**
 * The n bytes at a guest physical address.
 *
 * return:  NULL when they are not all in one region
 * errors:  none; any gpa and n are allowed
 * thread:  any
 */
void *vmm_mem_at(const struct vmm_mem *mem, uint64_t gpa, uint64_t n);

/** Whether other processes may see it: they would find zeroes where it is not whole. thread: any.
 */
static inline bool vmm_mem_is_whole(const struct vmm_mem *mem)
{
	return !mem->is_partial;
}

/**
 * Write all that is not zero into a file, from an offset on; the rest of it stays a hole.
 *
 * errors:  -errno
 * thread:  main, while nobody writes to memory
 */
int vmm_mem_save(const struct vmm_mem *mem, int fd, uint64_t offset);
