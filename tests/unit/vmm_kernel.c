/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Kernel files by hand: what of them is believed. tests/integration/test_vmm_tiny.py boots some.
 */
#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "kernel.h"
#include "unit.h"

#define MIB UINT64_C(0x100000)

static uint8_t file[64 * 1024];
static struct vmm_kernel kernel;
static struct sh_err err;

static struct setup_header *bzimage(void)
{
	struct setup_header *header = (void *)(file + 0x1f1);

	memset(file, 0, sizeof(file));
	file[0x201] = 0x66;
	header->setup_sects = 3;
	header->header = 0x53726448;
	header->version = 0x20f;
	header->xloadflags = XLF_KERNEL_64;
	header->relocatable_kernel = 1;
	header->kernel_alignment = 0x200000;
	header->pref_address = 16 * MIB;
	header->init_size = 32 * MIB;
	header->cmdline_size = 2047;
	header->initrd_addr_max = 0x7fffffff;
	return header;
}

static int parse(size_t n)
{
	err.text[0] = '\0';
	return vmm_kernel_parse(file, n, &kernel, &err);
}

static void bzimage_is_what_follows_its_setup_part(void **state)
{
	bzimage();
	assert_int_equal(parse(sizeof(file)), 0);
	assert_int_equal(kernel.n_parts, 1);
	assert_int_equal(kernel.parts[0].offset, 4 * 512);
	assert_int_equal(kernel.parts[0].n_bytes, sizeof(file) - 4 * 512);
	assert_int_equal(kernel.parts[0].n_memory, 32 * MIB);
	assert_int_equal(kernel.cmdline_max, 2047);
}

static void bzimage_starts_512_bytes_behind_where_it_lies(void **state)
{
	bzimage();
	assert_int_equal(parse(sizeof(file)), 0);
	assert_int_equal(vmm_kernel_place(&kernel, 256 * MIB, &err), 0);
	assert_int_equal(kernel.parts[0].gpa, 16 * MIB);
	assert_int_equal(kernel.start, 16 * MIB + 0x200);
}

static void bzimage_moves_down_where_its_own_place_is_too_high(void **state)
{
	bzimage();
	assert_int_equal(parse(sizeof(file)), 0);
	assert_int_equal(vmm_kernel_place(&kernel, 40 * MIB, &err), 0);
	assert_int_equal(kernel.parts[0].gpa, 2 * MIB);
	assert_int_equal(vmm_kernel_place(&kernel, 33 * MIB, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "more memory"));
}

static void bzimage_that_does_not_move_is_left_where_it_is(void **state)
{
	bzimage()->relocatable_kernel = 0;
	assert_int_equal(parse(sizeof(file)), 0);
	assert_int_equal(vmm_kernel_place(&kernel, 40 * MIB, &err), -ENOMEM);
}

static void setup_of_no_sectors_has_four(void **state)
{
	bzimage()->setup_sects = 0;
	assert_int_equal(parse(sizeof(file)), 0);
	assert_int_equal(kernel.parts[0].offset, 5 * 512);
}

static void wrong_alignment_is_refused(void **state)
{
	bzimage()->kernel_alignment = 3;
	assert_int_equal(parse(sizeof(file)), -ENOEXEC);
	bzimage()->kernel_alignment = 0;
	assert_int_equal(parse(sizeof(file)), -ENOEXEC);
}

static void every_shorter_bzimage_is_read_within_its_bytes(void **state)
{
	bzimage();
	for (size_t n = 0; n < 4 * 512 + 0x200; n++)
		assert_int_equal(parse(n), -ENOEXEC);
}

/* An ELF header with room for program headers behind it. */
static Elf64_Phdr *elf(unsigned n)
{
	Elf64_Ehdr *header = (void *)file;

	memset(file, 0, sizeof(file));
	memcpy(header->e_ident, ELFMAG, SELFMAG);
	header->e_ident[EI_CLASS] = ELFCLASS64;
	header->e_ident[EI_DATA] = ELFDATA2LSB;
	header->e_type = ET_EXEC;
	header->e_machine = EM_X86_64;
	header->e_entry = 0x200100;
	header->e_phoff = sizeof(*header);
	header->e_phentsize = sizeof(Elf64_Phdr);
	header->e_phnum = (uint16_t)n;
	return (void *)(file + sizeof(*header));
}

static Elf64_Phdr load_segment(uint64_t offset, uint64_t n)
{
	return (Elf64_Phdr){ .p_type = PT_LOAD,
		.p_offset = offset,
		.p_filesz = n,
		.p_memsz = n + 100,
		.p_paddr = 2 * MIB };
}

static void elf_is_its_segments(void **state)
{
	Elf64_Phdr *segments = elf(2);

	segments[0] = load_segment(0x1000, 500);
	segments[1] = load_segment(0x2000, 600);
	assert_int_equal(parse(sizeof(file)), 0);
	assert_int_equal(kernel.entry, VMM_ENTRY_LINUX64);
	assert_int_equal(kernel.start, 0x200100);
	assert_int_equal(kernel.n_parts, 2);
	assert_int_equal(kernel.parts[1].offset, 0x2000);
	assert_int_equal(kernel.parts[1].n_memory, 700);
}

static void segments_outside_of_the_file_are_refused(void **state)
{
	Elf64_Phdr *segments = elf(1);

	segments[0] = load_segment(sizeof(file) - 10, 11);
	assert_int_equal(parse(sizeof(file)), -ENOEXEC);
	segments[0] = load_segment(UINT64_MAX - 5, 11);
	assert_int_equal(parse(sizeof(file)), -ENOEXEC);
	segments[0] = load_segment(0x1000, UINT64_MAX - 200);
	assert_int_equal(parse(sizeof(file)), -ENOEXEC);
}

static void segments_that_wrap_around_memory_are_refused(void **state)
{
	Elf64_Phdr *segments = elf(1);

	segments[0] = load_segment(0x1000, 500);
	segments[0].p_paddr = UINT64_MAX - 10;
	assert_int_equal(parse(sizeof(file)), -ENOEXEC);
	segments[0] = load_segment(0x1000, 500);
	segments[0].p_memsz = 499;
	assert_int_equal(parse(sizeof(file)), -ENOEXEC);
}

static void more_segments_than_there_is_room_for_are_refused(void **state)
{
	Elf64_Phdr *segments = elf(VMM_KERNEL_PARTS + 1);

	for (unsigned i = 0; i <= VMM_KERNEL_PARTS; i++)
		segments[i] = load_segment(0x1000, 10);
	assert_int_equal(parse(sizeof(file)), -ENOEXEC);
	assert_non_null(strstr(err.text, "segments"));
}

static void pvh_note_is_found_behind_other_notes(void **state)
{
	static const uint32_t notes[] = { 4, 5, 1, 0x554e47 /* GNU */, 1, 2, /* 5 bytes, padded */
		4, 4, 18, 0x6e6558 /* Xen */, 0x200040 };
	Elf64_Phdr *segments = elf(2);

	segments[0] = load_segment(0x2000, 500);
	segments[1] =
		(Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = 0x1000, .p_filesz = sizeof(notes) };
	memcpy(file + 0x1000, notes, sizeof(notes));
	assert_int_equal(parse(sizeof(file)), 0);
	assert_int_equal(kernel.entry, VMM_ENTRY_PVH);
	assert_int_equal(kernel.start, 0x200040);
	segments[1].p_filesz -= 4; /* cut off: no note */
	assert_int_equal(parse(sizeof(file)), 0);
	assert_int_equal(kernel.entry, VMM_ENTRY_LINUX64);
}

static void files_of_other_machines_are_refused(void **state)
{
	Elf64_Ehdr *header = (void *)file;

	elf(1)[0] = load_segment(0x1000, 10);
	header->e_machine = EM_AARCH64;
	assert_int_equal(parse(sizeof(file)), -ENOEXEC);
	elf(1)[0] = load_segment(0x1000, 10);
	header->e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(parse(sizeof(file)), -ENOEXEC);
	elf(0);
	assert_int_equal(parse(sizeof(file)), -ENOEXEC);
	memset(file, 'x', sizeof(file));
	assert_int_equal(parse(sizeof(file)), -ENOEXEC);
}

static void parts_below_1_mib_are_refused(void **state)
{
	Elf64_Phdr *segments = elf(1);

	segments[0] = load_segment(0x1000, 10);
	segments[0].p_paddr = 0x7000;
	assert_int_equal(parse(sizeof(file)), 0);
	assert_int_equal(vmm_kernel_place(&kernel, 256 * MIB, &err), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bzimage_is_what_follows_its_setup_part),
		cmocka_unit_test(bzimage_starts_512_bytes_behind_where_it_lies),
		cmocka_unit_test(bzimage_moves_down_where_its_own_place_is_too_high),
		cmocka_unit_test(bzimage_that_does_not_move_is_left_where_it_is),
		cmocka_unit_test(setup_of_no_sectors_has_four),
		cmocka_unit_test(wrong_alignment_is_refused),
		cmocka_unit_test(every_shorter_bzimage_is_read_within_its_bytes),
		cmocka_unit_test(elf_is_its_segments),
		cmocka_unit_test(segments_outside_of_the_file_are_refused),
		cmocka_unit_test(segments_that_wrap_around_memory_are_refused),
		cmocka_unit_test(more_segments_than_there_is_room_for_are_refused),
		cmocka_unit_test(pvh_note_is_found_behind_other_notes),
		cmocka_unit_test(files_of_other_machines_are_refused),
		cmocka_unit_test(parts_below_1_mib_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
