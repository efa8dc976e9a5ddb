/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-balloon (virtio 1.2, 5.5): the guest's memory goes back to the host and comes again.
 */
#pragma once

#include "virtio.h"

struct vmm_balloon;

struct vmm_balloon_info {
	uint64_t target_bytes; /* what the host has asked the guest to give */
	uint64_t actual_bytes; /* what it has given */
	bool has_stats;
	uint64_t stats_age_ms;
	/* as the guest sees its memory; 0 where it does not say */
	uint64_t free_bytes, total_bytes, available_bytes, cache_bytes;
	uint64_t swap_in_bytes, swap_out_bytes, major_faults, minor_faults;
	uint64_t reported_bytes; /* given back by free page reporting, since the start */
};

/** errors: as vmm_virtio_add. thread: main, before vCPUs start. */
int vmm_balloon_new(struct vmm_virtio_set *set, struct vmm_balloon **ret, struct sh_err *err);

/**
 * Ask the guest to give so much in all; it does so as it can, and takes some again before it runs
 * out of memory.
 *
 * errors:  -ERANGE (more than the guest's memory)
 * thread:  any
 */
int vmm_balloon_set(struct vmm_balloon *balloon, uint64_t bytes, struct sh_err *err);

/** What is known now; newer statistics are asked for, for the next call. thread: any. */
void vmm_balloon_get(struct vmm_balloon *balloon, struct vmm_balloon_info *ret);
