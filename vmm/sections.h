/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The state of a snapshot as bytes: sections of plain data, each with four letters, a number and a
 * length. Pure. What is read back is not trusted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define VMM_SNAPSHOT_VERSION 1
#define VMM_SNAPSHOT_STATE   4096u      /* where sections begin in the file */
#define VMM_SNAPSHOT_MEMORY  (4u << 20) /* where memory does */

/* The file's first bytes; written last. */
struct vmm_snapshot_header {
	char magic[8];
	uint32_t version, state_bytes;
	uint64_t memory_bytes;
	uint64_t checksum; /* of the state */
};

struct vmm_sections {
	uint8_t *bytes; /* room for VMM_SNAPSHOT_MEMORY - VMM_SNAPSHOT_STATE */
	size_t n;
	bool is_full; /* something had no room */
};

/** errors: -ENOMEM */
int vmm_sections_init(struct vmm_sections *ret);
void vmm_sections_done(struct vmm_sections *s);

/** Append one. tag: four letters. */
void vmm_sections_put(
	struct vmm_sections *s, const char *tag, unsigned i, const void *data, size_t n);

/** errors: -EINVAL: there is none, or it has another length. */
int vmm_sections_get(const struct vmm_sections *s, const char *tag, unsigned i, void *ret, size_t n,
	struct sh_err *err);

void vmm_sections_seal(
	const struct vmm_sections *s, uint64_t memory_bytes, struct vmm_snapshot_header *ret);

/**
 * What a file of that size begins with; then, when s has the header's state_bytes, the rest.
 *
 * errors:  -EINVAL, with what is wrong
 */
int vmm_snapshot_check(
	const struct vmm_snapshot_header *header, uint64_t file_bytes, struct sh_err *err);
int vmm_sections_check(
	const struct vmm_sections *s, const struct vmm_snapshot_header *header, struct sh_err *err);

/** FNV-1a. */
uint64_t vmm_checksum(const void *data, size_t n);
