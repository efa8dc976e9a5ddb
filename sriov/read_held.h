/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What sysfs tells only to who holds the device's lock: while a driver blocks in it, reading blocks
 * too, and cannot be interrupted. So a child reads it, and is waited for only so long.
 */
#pragma once

#include "sriov/host.h"

/* In memory that the child writes. */
struct held {
	int64_t n_vfs; /* -1: not read */
	int64_t total_msix;
	uint32_t n_overrides; /* of the first VFs, read */
	char overrides[SRIOV_MAX_VFS][SRIOV_DRIVER_LEN];
};

/**
 * Read it of one PF and its VFs.
 *
 * return:  0; *ret is to be given to held_free
 * errors:  -ETIMEDOUT, and *ret has what was read until then; -ENOMEM and others of mmap(2) and
 *          fork(2), and *ret is NULL
 */
int held_read(const struct sriov_env *env, const char *address, struct held **ret);
void held_free(struct held *held);
