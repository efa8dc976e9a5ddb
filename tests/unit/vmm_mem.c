/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The guest's memory: which addresses there are, and what the descriptor allows a back end.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "unit.h"

#define MIB UINT64_C(0x100000)
#define GIB (1024 * MIB)

static struct vmm_mem open_mem(uint64_t size)
{
	const struct vmm_mem_conf conf = { .size = size, .node = -1 };
	struct vmm_mem mem = { 0 };
	struct sh_err err = { "" };

	assert_int_equal(vmm_mem_open(&conf, &mem, &err), 0);
	return mem;
}

static void memory_below_the_hole_is_one_region(void **state)
{
	struct vmm_mem mem = open_mem(32 * MIB);

	assert_int_equal(mem.n_regions, 1);
	assert_non_null(vmm_mem_at(&mem, 0, 32 * MIB));
	assert_non_null(vmm_mem_at(&mem, 32 * MIB - 1, 1));
	assert_null(vmm_mem_at(&mem, 32 * MIB - 1, 2));
	assert_null(vmm_mem_at(&mem, 32 * MIB, 1));
	assert_int_equal(vmm_mem_end(&mem), 32 * MIB);
	vmm_mem_close(&mem);
}

static void memory_above_the_hole_follows_in_the_same_descriptor(void **state)
{
	struct vmm_mem mem = open_mem(5 * GIB);
	uint8_t *last = vmm_mem_at(&mem, VMM_MEM_HIGH + 2 * GIB - 1, 1);
	uint8_t byte = 0;

	assert_int_equal(mem.n_regions, 2);
	assert_null(vmm_mem_at(&mem, VMM_MEM_HOLE - 4, 8));
	assert_null(vmm_mem_at(&mem, VMM_MEM_HOLE, 1));
	assert_null(vmm_mem_at(&mem, VMM_MEM_HIGH - 1, 2));
	assert_non_null(vmm_mem_at(&mem, VMM_MEM_HIGH, 1));
	assert_null(vmm_mem_at(&mem, VMM_MEM_HIGH + 2 * GIB, 1));
	*last = 42;
	assert_int_equal(pread(mem.fd, &byte, 1, (off_t)(5 * GIB - 1)), 1);
	assert_int_equal(byte, 42);
	vmm_mem_close(&mem);
}

static void lengths_that_wrap_around_are_outside(void **state)
{
	struct vmm_mem mem = open_mem(5 * GIB);

	assert_null(vmm_mem_at(&mem, 4096, UINT64_MAX));
	assert_null(vmm_mem_at(&mem, UINT64_MAX, 1));
	assert_null(vmm_mem_at(&mem, UINT64_MAX - 4095, 4096 + 8));
	vmm_mem_close(&mem);
}

static void descriptor_can_not_be_cut(void **state)
{
	struct vmm_mem mem = open_mem(32 * MIB);

	assert_int_equal(ftruncate(mem.fd, 0), -1);
	assert_int_equal(errno, EPERM);
	vmm_mem_close(&mem);
}

static void memory_costs_the_host_what_the_guest_has_touched(void **state)
{
	const struct vmm_mem_conf conf = { .size = 64 * MIB, .huge = VMM_HUGE_OFF, .node = -1 };
	struct vmm_mem mem = { 0 };
	struct sh_err err = { "" };

	assert_int_equal(vmm_mem_open(&conf, &mem, &err), 0);
	assert_int_equal(vmm_mem_resident(&mem), 0);
	memset(vmm_mem_at(&mem, 8 * MIB, 4 * MIB), 1, 4 * MIB);
	assert_int_equal(vmm_mem_resident(&mem), 4 * MIB);
	vmm_mem_close(&mem);
}

static void mergeable_memory_has_no_descriptor(void **state)
{
	const struct vmm_mem_conf conf = { .size = 32 * MIB, .mergeable = true, .node = -1 };
	struct vmm_mem mem = { 0 };
	struct sh_err err = { "" };

	assert_int_equal(vmm_mem_open(&conf, &mem, &err), 0);
	assert_int_equal(mem.fd, -1);
	assert_non_null(vmm_mem_at(&mem, 0, 32 * MIB));
	vmm_mem_close(&mem);
}

static void huge_pages_that_are_not_there_are_an_error_with_a_way_out(void **state)
{
	const struct vmm_mem_conf conf = {
		.size = UINT64_C(1) << 46, .huge = VMM_HUGE_1G, .node = -1
	};
	struct vmm_mem mem = { 0 };
	struct sh_err err = { "" };

	assert_true(vmm_mem_open(&conf, &mem, &err) < 0);
	assert_non_null(strstr(err.text, "vm.nr_hugepages"));
	assert_int_equal(mem.n_regions, 0);
}

static void numa_node_that_is_not_there_is_an_error(void **state)
{
	const struct vmm_mem_conf conf = { .size = 32 * MIB, .node = 1000 };
	struct vmm_mem mem = { 0 };
	struct sh_err err = { "" };

	assert_true(vmm_mem_open(&conf, &mem, &err) < 0);
	assert_non_null(strstr(err.text, "NUMA node 1000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_below_the_hole_is_one_region),
		cmocka_unit_test(memory_above_the_hole_follows_in_the_same_descriptor),
		cmocka_unit_test(lengths_that_wrap_around_are_outside),
		cmocka_unit_test(descriptor_can_not_be_cut),
		cmocka_unit_test(memory_costs_the_host_what_the_guest_has_touched),
		cmocka_unit_test(mergeable_memory_has_no_descriptor),
		cmocka_unit_test(huge_pages_that_are_not_there_are_an_error_with_a_way_out),
		cmocka_unit_test(numa_node_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
