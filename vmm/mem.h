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
};

/**
 * The n bytes at a guest physical address.
 *
 * return:  NULL when they are not all in one region
 * errors:  none; any gpa and n are allowed
 * thread:  any
 */
void *vmm_mem_at(const struct vmm_mem *mem, uint64_t gpa, uint64_t n);
