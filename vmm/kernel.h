/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a kernel's file says about itself: which parts go where, and how it is entered. Reading is
 * pure: bytes in, numbers out, all of them checked against the file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define VMM_KERNEL_PARTS 16

enum vmm_entry {
	VMM_ENTRY_LINUX64, /* long mode, boot_params in rsi */
	VMM_ENTRY_PVH,     /* protected mode, hvm_start_info in ebx */
};

struct vmm_kernel_part {
	uint64_t offset, n_bytes; /* in the file */
	uint64_t gpa, n_memory;   /* bytes; what the file does not fill is 0 */
};

struct vmm_kernel {
	enum vmm_entry entry;
	uint64_t start; /* guest physical address of the first instruction */
	unsigned n_parts;
	struct vmm_kernel_part parts[VMM_KERNEL_PARTS];

	/* bzImage alone: it has one part, which may be moved */
	bool is_bzimage;
	bool movable;
	uint32_t alignment;
	uint64_t entry_offset; /* of start, behind the part's gpa */
	uint64_t n_header;     /* bytes of the setup header, at 0x1f1 of the file */
	uint64_t initrd_max;   /* highest address of its last byte */
	uint32_t cmdline_max;  /* bytes without the final 0 */
};

/**
 * Read a bzImage or a 64-bit ELF (vmlinux, by its PVH note if it has one).
 *
 * errors:  -ENOEXEC, with what the file is not
 * thread:  any
 */
int vmm_kernel_parse(const void *file, size_t n, struct vmm_kernel *ret, struct sh_err *err);

/**
 * Choose where a movable kernel goes, in memory that ends at `end`.
 *
 * errors:  -ENOMEM: it does not fit
 */
int vmm_kernel_place(struct vmm_kernel *kernel, uint64_t end, struct sh_err *err);
