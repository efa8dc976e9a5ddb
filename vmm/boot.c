/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Filling the guest's memory for Linux's 64-bit boot protocol and for PVH. Files are mapped only
 * while they are copied, so that they cost no memory afterwards.
 */
#include <asm/bootparam.h>
#include <asm/e820.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "pci_bus.h"

#define PVH_MAGIC   0x336ec578
#define LOADER_TYPE 0xff /* none of the registered ones */
#define MAX_MAP     8

/* Xen, public/arch-x86/hvm/start_info.h, version 1 */
struct pvh_start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist_paddr, cmdline_paddr, rsdp_paddr, memmap_paddr;
	uint32_t memmap_entries, reserved;
};

struct pvh_module {
	uint64_t paddr, size, cmdline_paddr, reserved;
};

struct pvh_map_entry {
	uint64_t addr, size;
	uint32_t type, reserved;
};

struct memory_map {
	unsigned n;
	struct boot_e820_entry entries[MAX_MAP];
};

struct file {
	const uint8_t *bytes;
	size_t n;
};

struct initrd {
	uint64_t gpa, size;
};

static int map_file(int fd, const char *name, struct file *ret, struct sh_err *err)
{
	struct stat st;
	void *bytes;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return sh_err_set(err, -EINVAL, "%s: no file, or an empty one", name);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (bytes == MAP_FAILED)
		return sh_err_set(err, -errno, "%s: %s", name, strerror(errno));
	*ret = (struct file){ bytes, (size_t)st.st_size };
	return 0;
}

static void unmap_file(struct file *file)
{
	if (file->bytes)
		munmap((void *)(uintptr_t)file->bytes, file->n);
}

/* Our own fixed places lie in the lowest MiB, which every guest has. */
static void put(const struct vmm_mem *mem, uint64_t gpa, const void *from, size_t n)
{
	memcpy(vmm_mem_at(mem, gpa, n), from, n);
}

/* Written into the descriptor where there is one: no page of it is touched here, so the guest's
 * own faults are the only ones. Huge pages cannot be written so. gpa is in the first region,
 * where it is also the offset. */
static void put_large(const struct vmm_mem *mem, uint64_t gpa, const uint8_t *from, size_t n)
{
	ssize_t done = mem->fd < 0 ? 0 : pwrite(mem->fd, from, n, (off_t)gpa);

	if (done < 0)
		done = 0;
	if ((size_t)done < n)
		put(mem, gpa + (uint64_t)done, from + done, n - (size_t)done);
}

static void add_entry(struct memory_map *map, uint64_t start, uint64_t end, uint32_t type)
{
	if (end > start)
		map->entries[map->n++] = (struct boot_e820_entry){
			.addr = start, .size = end - start, .type = type
		};
}

static struct memory_map make_map(const struct vmm_mem *mem)
{
	struct memory_map map = { 0 };

	add_entry(&map, 0, VMM_BOOT_LOW_END, E820_RAM);
	add_entry(&map, VMM_BOOT_ACPI, VMM_BOOT_ACPI_END, E820_RESERVED);
	add_entry(&map, VMM_BOOT_ACPI_END, mem->regions[0].size, E820_RAM);
	add_entry(&map, VMM_PCI_ECAM, VMM_PCI_ECAM + VMM_PCI_ECAM_SIZE, E820_RESERVED);
	if (mem->n_regions > 1)
		add_entry(&map, mem->regions[1].gpa, vmm_mem_end(mem), E820_RAM);
	return map;
}

static int copy_kernel(const struct file *file, const struct vmm_kernel *kernel,
	const struct vmm_mem *mem, struct sh_err *err)
{
	for (unsigned i = 0; i < kernel->n_parts; i++) {
		const struct vmm_kernel_part *part = &kernel->parts[i];
		uint8_t *to = vmm_mem_at(mem, part->gpa, part->n_memory);

		if (!to)
			return sh_err_set(err, -ENOMEM, "a part of it lies outside of memory");
		put_large(mem, part->gpa, file->bytes + part->offset, part->n_bytes);
		/* A bzImage clears its own; memory not touched is memory not used. */
		if (!kernel->is_bzimage)
			memset(to + part->n_bytes, 0, part->n_memory - part->n_bytes);
	}
	return 0;
}

/* As high as it may lie. Not in the kernel's way: that may use all of its n_memory. */
static int copy_initrd(const struct vmm_boot_conf *conf, const struct vmm_kernel *kernel,
	const struct vmm_mem *mem, struct initrd *ret, struct sh_err *err)
{
	uint64_t end = mem->regions[0].size, lowest = VMM_BOOT_ACPI_END;
	struct file file = { 0 };
	int r;

	*ret = (struct initrd){ 0 };
	if (conf->initrd_fd < 0)
		return 0;
	r = map_file(conf->initrd_fd, conf->initrd_name, &file, err);
	if (r < 0)
		return r;
	if (end > kernel->initrd_max + 1)
		end = kernel->initrd_max + 1;
	for (unsigned i = 0; i < kernel->n_parts; i++)
		if (kernel->parts[i].gpa + kernel->parts[i].n_memory > lowest)
			lowest = kernel->parts[i].gpa + kernel->parts[i].n_memory;
	if (lowest > end || file.n > end - lowest || ((end - file.n) & ~UINT64_C(0xfff)) < lowest) {
		r = sh_err_set(err, -ENOMEM,
			"%s: its %zu KiB do not fit beside the kernel: give the guest more memory",
			conf->initrd_name, file.n / 1024);
	} else {
		ret->gpa = (end - file.n) & ~UINT64_C(0xfff);
		ret->size = file.n;
		put_large(mem, ret->gpa, file.bytes, file.n);
	}
	unmap_file(&file);
	return r;
}

static int put_cmdline(const struct vmm_boot_conf *conf, const struct vmm_kernel *kernel,
	const struct vmm_mem *mem, struct sh_err *err)
{
	size_t n = strlen(conf->cmdline);
	uint64_t room = VMM_BOOT_LOW_END - VMM_BOOT_CMDLINE - 1;

	if (n > kernel->cmdline_max || n > room)
		return sh_err_set(err, -E2BIG,
			"the command line has %zu bytes, and this kernel takes %u", n,
			kernel->cmdline_max);
	put(mem, VMM_BOOT_CMDLINE, conf->cmdline, n + 1);
	return 0;
}

static void put_boot_params(const struct vmm_boot_conf *conf, const struct file *file,
	const struct vmm_kernel *kernel, const struct initrd *initrd, const struct vmm_mem *mem)
{
	struct boot_params params = { 0 };
	struct memory_map map = make_map(mem);

	if (kernel->is_bzimage)
		memcpy(&params.hdr, file->bytes + 0x1f1,
			kernel->n_header < sizeof(params.hdr) ? kernel->n_header
							      : sizeof(params.hdr));
	params.hdr.type_of_loader = LOADER_TYPE;
	params.hdr.boot_flag = 0xaa55;
	params.hdr.header = 0x53726448;
	params.hdr.cmd_line_ptr = VMM_BOOT_CMDLINE;
	params.hdr.cmdline_size = kernel->cmdline_max;
	params.hdr.ramdisk_image = (uint32_t)initrd->gpa;
	params.hdr.ramdisk_size = (uint32_t)initrd->size;
	params.acpi_rsdp_addr = conf->rsdp;
	params.e820_entries = (uint8_t)map.n;
	memcpy(params.e820_table, map.entries, map.n * sizeof(map.entries[0]));
	put(mem, VMM_BOOT_PARAMS, &params, sizeof(params));
}

static void put_start_info(
	const struct vmm_boot_conf *conf, const struct initrd *initrd, const struct vmm_mem *mem)
{
	struct memory_map map = make_map(mem);
	const uint64_t module_at = VMM_BOOT_START_INFO + sizeof(struct pvh_start_info);
	const uint64_t map_at = module_at + sizeof(struct pvh_module);
	struct pvh_module module = { .paddr = initrd->gpa, .size = initrd->size };
	struct pvh_start_info info = {
		.magic = PVH_MAGIC,
		.version = 1,
		.nr_modules = initrd->size > 0,
		.modlist_paddr = initrd->size ? module_at : 0,
		.cmdline_paddr = VMM_BOOT_CMDLINE,
		.rsdp_paddr = conf->rsdp,
		.memmap_paddr = map_at,
		.memmap_entries = map.n,
	};

	put(mem, VMM_BOOT_START_INFO, &info, sizeof(info));
	put(mem, module_at, &module, sizeof(module));
	for (unsigned i = 0; i < map.n; i++) {
		struct pvh_map_entry entry = {
			.addr = map.entries[i].addr,
			.size = map.entries[i].size,
			.type = map.entries[i].type,
		};

		put(mem, map_at + i * sizeof(entry), &entry, sizeof(entry));
	}
}

/* Null, unused, flat code at 0x10, flat data at 0x18, and a task state for PVH at 0x20. */
static void put_gdt(const struct vmm_mem *mem, enum vmm_entry entry)
{
	const uint64_t code64 = UINT64_C(0x00af9b000000ffff), code32 = UINT64_C(0x00cf9b000000ffff);
	const uint64_t gdt[] = { 0, 0, entry == VMM_ENTRY_PVH ? code32 : code64,
		UINT64_C(0x00cf93000000ffff), UINT64_C(0x00008b0000000067) };

	put(mem, VMM_BOOT_GDT, gdt, sizeof(gdt));
}

/* The lowest 4 GiB one to one, in pages of 2 MiB. */
static void put_page_tables(const struct vmm_mem *mem)
{
	const uint64_t present_writable = 3, large = 0x80;
	uint64_t(*tables)[512] = vmm_mem_at(mem, VMM_BOOT_PAGE_TABLES, 6 * 4096);

	memset(tables, 0, sizeof(uint64_t[2][512]));
	tables[0][0] = (VMM_BOOT_PAGE_TABLES + 0x1000) | present_writable;
	for (uint64_t i = 0; i < 4; i++) {
		tables[1][i] = (VMM_BOOT_PAGE_TABLES + 0x2000 + i * 0x1000) | present_writable;
		for (uint64_t j = 0; j < 512; j++)
			tables[2 + i][j] = (i << 30 | j << 21) | present_writable | large;
	}
}

static int load(const struct vmm_boot_conf *conf, const struct file *file,
	const struct vmm_mem *mem, struct vmm_boot *ret, struct sh_err *err)
{
	struct vmm_kernel kernel;
	struct initrd initrd;
	int r = vmm_kernel_parse(file->bytes, file->n, &kernel, err);

	if (r == 0)
		r = vmm_kernel_place(&kernel, mem->regions[0].size, err);
	if (r == 0)
		r = copy_kernel(file, &kernel, mem, err);
	if (r == 0)
		r = put_cmdline(conf, &kernel, mem, err);
	if (r < 0)
		return sh_err_prefix(err, r, "%s", conf->kernel_name);
	r = copy_initrd(conf, &kernel, mem, &initrd, err);
	if (r < 0)
		return r;
	put_gdt(mem, kernel.entry);
	put_page_tables(mem);
	put_boot_params(conf, file, &kernel, &initrd, mem);
	put_start_info(conf, &initrd, mem);
	*ret = (struct vmm_boot){
		.entry = kernel.entry,
		.start = kernel.start,
		.info = kernel.entry == VMM_ENTRY_PVH ? VMM_BOOT_START_INFO : VMM_BOOT_PARAMS,
	};
	return 0;
}

int vmm_boot_load(const struct vmm_boot_conf *conf, const struct vmm_mem *mem, struct vmm_boot *ret,
	struct sh_err *err)
{
	struct file file = { 0 };
	int r = map_file(conf->kernel_fd, conf->kernel_name, &file, err);

	if (r == 0)
		r = load(conf, &file, mem, ret, err);
	unmap_file(&file);
	return r;
}
