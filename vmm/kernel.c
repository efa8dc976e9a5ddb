/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Kernel files: bzImage (Linux, Documentation/arch/x86/boot.rst) and ELF for x86-64, with the note
 * of PVH (Xen, docs/misc/pvh.pandoc). Everything in them is untrusted.
 */
#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "kernel.h"

#define HEADER_OFFSET      0x1f1
#define HEADER_MAGIC       0x53726448 /* "HdrS" */
#define OLDEST             0x020c     /* the first with xloadflags */
#define ENTRY64            0x200      /* behind the protected-mode part's start */
#define LOWEST             UINT64_C(0x100000)
#define XEN_NOTE_PHYS32    18
#define DEFAULT_INITRD_MAX UINT64_C(0x37ffffff)

static int parse_bzimage(const uint8_t *file, size_t n, struct vmm_kernel *ret, struct sh_err *err)
{
	struct setup_header header = { 0 };
	uint64_t setup_bytes, header_end;

	/* The header ends where the jump at 0x200 says; what a file does not have is 0. */
	header_end = 0x202 + (uint64_t)file[0x201];
	if (header_end > n || header_end <= 0x264)
		return sh_err_set(err, -ENOEXEC, "a bzImage whose header is cut off");
	memcpy(&header, file + HEADER_OFFSET,
		header_end - HEADER_OFFSET < sizeof(header) ? header_end - HEADER_OFFSET
							    : sizeof(header));
	if (header.version < OLDEST || !(header.xloadflags & XLF_KERNEL_64))
		return sh_err_set(err, -ENOEXEC,
			"a bzImage without a 64-bit entry (boot protocol %x.%02x): a kernel for "
			"x86-64 is needed",
			header.version >> 8, header.version & 0xffu);
	setup_bytes = (header.setup_sects ? header.setup_sects + 1u : 5u) * UINT64_C(512);
	if (setup_bytes + ENTRY64 >= n)
		return sh_err_set(err, -ENOEXEC, "a bzImage that is cut off");
	*ret = (struct vmm_kernel){
		.entry = VMM_ENTRY_LINUX64,
		.n_parts = 1,
		.parts[0] = { setup_bytes, n - setup_bytes, header.pref_address, header.init_size },
		.is_bzimage = true,
		.movable = header.relocatable_kernel,
		.alignment = header.kernel_alignment,
		.entry_offset = ENTRY64,
		.n_header = header_end - HEADER_OFFSET,
		.initrd_max = header.initrd_addr_max ? header.initrd_addr_max : DEFAULT_INITRD_MAX,
		.cmdline_max = header.cmdline_size ? header.cmdline_size : 255,
	};
	if (ret->parts[0].n_memory < ret->parts[0].n_bytes)
		ret->parts[0].n_memory = ret->parts[0].n_bytes;
	if (ret->movable && (!ret->alignment || (ret->alignment & (ret->alignment - 1))))
		return sh_err_set(err, -ENOEXEC, "a bzImage aligned to %u", ret->alignment);
	return 0;
}

static bool lies_inside(size_t n, uint64_t offset, uint64_t size)
{
	return offset <= n && size <= n - offset;
}

static uint64_t padded(uint32_t n)
{
	return ((uint64_t)n + 3) & ~UINT64_C(3);
}

/* Xen's PHYS32_ENTRY in one segment of notes. */
static bool find_pvh(const uint8_t *notes, uint64_t n, uint64_t *ret)
{
	while (n >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		uint64_t name, body;
		uint32_t entry;

		memcpy(&note, notes, sizeof(note));
		name = padded(note.n_namesz);
		body = padded(note.n_descsz);
		notes += sizeof(note);
		n -= sizeof(note);
		if (name > n || body > n - name)
			return false;
		if (note.n_type == XEN_NOTE_PHYS32 && note.n_namesz == 4 &&
			memcmp(notes, "Xen", 4) == 0 && note.n_descsz >= sizeof(entry)) {
			memcpy(&entry, notes + name, sizeof(entry));
			*ret = entry;
			return true;
		}
		notes += name + body;
		n -= name + body;
	}
	return false;
}

static int take_segment(const uint8_t *file, size_t n, const Elf64_Phdr *segment,
	struct vmm_kernel *ret, struct sh_err *err)
{
	if (segment->p_type != PT_LOAD && segment->p_type != PT_NOTE)
		return 0;
	if (!lies_inside(n, segment->p_offset, segment->p_filesz))
		return sh_err_set(err, -ENOEXEC, "an ELF file that is cut off");
	if (segment->p_type == PT_NOTE) {
		if (ret->entry != VMM_ENTRY_PVH &&
			find_pvh(file + segment->p_offset, segment->p_filesz, &ret->start))
			ret->entry = VMM_ENTRY_PVH;
		return 0;
	}
	if (segment->p_memsz < segment->p_filesz ||
		segment->p_paddr + segment->p_memsz < segment->p_paddr)
		return sh_err_set(err, -ENOEXEC, "an ELF file with a segment of no size");
	if (segment->p_memsz == 0)
		return 0;
	if (ret->n_parts == VMM_KERNEL_PARTS)
		return sh_err_set(
			err, -ENOEXEC, "an ELF file of more than %d segments", VMM_KERNEL_PARTS);
	ret->parts[ret->n_parts++] = (struct vmm_kernel_part){ segment->p_offset, segment->p_filesz,
		segment->p_paddr, segment->p_memsz };
	return 0;
}

static int parse_elf(const uint8_t *file, size_t n, struct vmm_kernel *ret, struct sh_err *err)
{
	Elf64_Ehdr header;
	int r;

	if (n < sizeof(header))
		return sh_err_set(err, -ENOEXEC, "an ELF file that is cut off");
	memcpy(&header, file, sizeof(header));
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
		header.e_machine != EM_X86_64 || header.e_type != ET_EXEC)
		return sh_err_set(err, -ENOEXEC, "an ELF file, but no kernel for x86-64");
	if (header.e_phentsize != sizeof(Elf64_Phdr) ||
		!lies_inside(n, header.e_phoff, (uint64_t)header.e_phnum * sizeof(Elf64_Phdr)))
		return sh_err_set(err, -ENOEXEC, "an ELF file that is cut off");
	*ret = (struct vmm_kernel){
		.entry = VMM_ENTRY_LINUX64,
		.start = header.e_entry,
		.initrd_max = UINT32_MAX,
		.cmdline_max = 2047,
	};
	for (unsigned i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr segment;

		memcpy(&segment, file + header.e_phoff + i * sizeof(segment), sizeof(segment));
		r = take_segment(file, n, &segment, ret, err);
		if (r < 0)
			return r;
	}
	if (!ret->n_parts)
		return sh_err_set(err, -ENOEXEC, "an ELF file with nothing to load");
	return 0;
}

int vmm_kernel_parse(const void *bytes, size_t n, struct vmm_kernel *ret, struct sh_err *err)
{
	struct vmm_kernel kernel = { 0 };
	const uint8_t *file = bytes;
	uint32_t magic = 0;
	int r;

	if (n >= 0x206)
		memcpy(&magic, file + 0x202, sizeof(magic));
	if (n >= SELFMAG && memcmp(file, ELFMAG, SELFMAG) == 0)
		r = parse_elf(file, n, &kernel, err);
	else if (magic == HEADER_MAGIC)
		r = parse_bzimage(file, n, &kernel, err);
	else
		r = sh_err_set(err, -ENOEXEC, "neither a bzImage nor an ELF file (vmlinux)");
	if (r == 0)
		*ret = kernel;
	return r;
}

static bool fits(uint64_t gpa, uint64_t n, uint64_t end)
{
	return gpa >= LOWEST && gpa <= end && n <= end - gpa;
}

int vmm_kernel_place(struct vmm_kernel *kernel, uint64_t end, struct sh_err *err)
{
	struct vmm_kernel_part *part = &kernel->parts[0];

	if (kernel->is_bzimage && kernel->movable && !fits(part->gpa, part->n_memory, end))
		part->gpa = (LOWEST + kernel->alignment - 1) & ~((uint64_t)kernel->alignment - 1);
	if (kernel->is_bzimage)
		kernel->start = part->gpa + kernel->entry_offset;
	for (unsigned i = 0; i < kernel->n_parts; i++)
		if (!fits(kernel->parts[i].gpa, kernel->parts[i].n_memory, end))
			return sh_err_set(err, -ENOMEM,
				"it needs %llu KiB of memory at %#llx: give the guest more memory",
				(unsigned long long)(kernel->parts[i].n_memory + 1023) / 1024,
				(unsigned long long)kernel->parts[i].gpa);
	return 0;
}
