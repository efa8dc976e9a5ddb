/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Filling the guest's memory before its first instruction: kernel, initial RAM disk, command line,
 * the map of memory, and the page that tells the kernel of them.
 */
#pragma once

#include "kernel.h"
#include "mem.h"

/* Guest physical addresses below 1 MiB; doc/vmm.md has the picture. */
#define VMM_BOOT_GDT         UINT64_C(0x500)
#define VMM_BOOT_START_INFO  UINT64_C(0x6000)
#define VMM_BOOT_PARAMS      UINT64_C(0x7000)
#define VMM_BOOT_STACK       UINT64_C(0x8ff0)
#define VMM_BOOT_PAGE_TABLES UINT64_C(0x9000) /* 6 pages: the lowest 4 GiB, one to one */
#define VMM_BOOT_CMDLINE     UINT64_C(0x20000)
#define VMM_BOOT_LOW_END     UINT64_C(0xa0000)
#define VMM_BOOT_ACPI        UINT64_C(0xe0000)
#define VMM_BOOT_ACPI_END    UINT64_C(0x100000)

struct vmm_boot_conf {
	int kernel_fd;
	int initrd_fd;                         /* -1 without */
	const char *kernel_name, *initrd_name; /* for messages */
	const char *cmdline;
	uint64_t rsdp; /* address of ACPI's first table */
};

/* How the first vCPU starts. */
struct vmm_boot {
	enum vmm_entry entry;
	uint64_t start;
	uint64_t info; /* address of what tells the kernel of its machine */
};

/**
 * Load everything. May be done again after a reset: nothing of the guest's memory is needed.
 *
 * errors:  -ENOEXEC, -ENOMEM, -E2BIG, -errno; each with the file's name
 * thread:  main, while no vCPU runs
 */
int vmm_boot_load(const struct vmm_boot_conf *conf, const struct vmm_mem *mem, struct vmm_boot *ret,
	struct sh_err *err);
