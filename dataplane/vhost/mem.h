/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A guest's memory as its front end hands it over: up to 64 regions, each a mapped file. Changed by
 * the control thread alone, while no worker is in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <rte_branch_prediction.h>

#define VHOST_MAX_REGIONS 64

struct vhost_region {
	uint64_t gpa, size; /* guest physical address and bytes */
	uint64_t uva;       /* where the front end has it: ring addresses are in these terms */
	uint8_t *at;        /* where we have it */
	void *mapping;      /* what munmap wants */
	uint64_t mapping_len;
};

struct vhost_mem {
	uint32_t n;
	struct vhost_region regions[VHOST_MAX_REGIONS];
};

/* A region as the front end describes it (vhost-user, "Memory region description"). */
struct vhost_region_msg {
	uint64_t gpa, size, uva, offset;
};

/**
 * Map a region; one that is there already is let be.
 *
 * errors:  -EINVAL (size or offset make no sense, or it overlaps another), -ENOSPC, -errno of mmap
 * thread:  control; no worker uses the memory
 */
int vhost_mem_add(struct vhost_mem *mem, const struct vhost_region_msg *msg, int fd);

/** A region that is not there is let be. thread: as vhost_mem_add. */
void vhost_mem_del(struct vhost_mem *mem, const struct vhost_region_msg *msg);
void vhost_mem_clear(struct vhost_mem *mem);

/** Where we have a ring that the front end has at uva; NULL if not len bytes are in one region. */
void *vhost_mem_ring(const struct vhost_mem *mem, uint64_t uva, uint64_t len);

/** Guest physical address of a byte of the memory; UINT64_MAX if it is none. */
uint64_t vhost_mem_gpa(const struct vhost_mem *mem, const void *at);

/** Whether the address is in one of the mappings. Safe in a signal handler. */
bool vhost_mem_has(const struct vhost_mem *mem, const void *at);

/* fast path */

/**
 * Translate a guest physical address.
 *
 * return:  where it is, NULL if nowhere
 * shape:   *len is cut to what lies in the same region
 * thread:  any worker
 */
static inline uint8_t *vhost_mem_at(const struct vhost_mem *mem, uint64_t gpa, uint32_t *len)
{
	for (uint32_t i = 0; i < mem->n; i++) {
		const struct vhost_region *r = &mem->regions[i];
		uint64_t offset = gpa - r->gpa;

		if (unlikely(offset >= r->size))
			continue;
		if (unlikely(*len > r->size - offset))
			*len = (uint32_t)(r->size - offset);
		return r->at + offset;
	}
	return NULL;
}
