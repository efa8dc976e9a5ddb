/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as a kernel's file: what is accepted lies whole in the file and, once it is placed,
 * whole in memory. Input that is no kernel by its first bytes is made one: byte 0 chooses which.
 */
#include <string.h>

#include "fuzz.h"
#include "kernel.h"

#define MIB UINT64_C(0x100000)

static void check(const uint8_t *file, size_t n)
{
	struct vmm_kernel kernel;
	struct sh_err err = { "" };
	const uint64_t end = 128 * MIB;

	if (vmm_kernel_parse(file, n, &kernel, &err) < 0) {
		CHECK(err.text[0]);
		return;
	}
	CHECK(kernel.n_parts >= 1 && kernel.n_parts <= VMM_KERNEL_PARTS);
	for (unsigned i = 0; i < kernel.n_parts; i++) {
		const struct vmm_kernel_part *part = &kernel.parts[i];

		CHECK(part->offset <= n && part->n_bytes <= n - part->offset);
		CHECK(part->n_memory >= part->n_bytes);
	}
	if (kernel.is_bzimage)
		CHECK(0x1f1 + kernel.n_header <= n);
	if (vmm_kernel_place(&kernel, end, &err) < 0)
		return;
	for (unsigned i = 0; i < kernel.n_parts; i++)
		CHECK(kernel.parts[i].gpa >= MIB && kernel.parts[i].gpa <= end &&
			kernel.parts[i].n_memory <= end - kernel.parts[i].gpa);
}

static void disguise(uint8_t *file, size_t n, unsigned kind)
{
	static const uint8_t elf[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
		0, 62, 0 };

	if (kind == 1 && n >= 64) {
		memcpy(file, elf, sizeof(elf));
		file[54] = 56;
		file[55] = 0;
	} else if (kind == 2 && n >= 0x238) {
		memcpy(file + 0x202, "HdrS", 4);
		file[0x207] = 2;
		file[0x236] |= 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *file;

	check(data, size);
	if (size < 2)
		return 0;
	file = malloc(size - 1);
	CHECK(file);
	memcpy(file, data + 1, size - 1);
	disguise(file, size - 1, data[0] % 3);
	check(file, size - 1);
	free(file);
	return 0;
}
