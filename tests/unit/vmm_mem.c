/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The guest's memory: which addresses there are, and what the descriptor allows a back end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"
#include "mem_fill.h"
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

static void enter(void)
{
}

static int save(const struct vmm_mem *mem, uint64_t offset)
{
	int fd = memfd_create("snapshot", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(vmm_mem_save(mem, fd, offset), 0);
	return fd;
}

/* From the end, so that most of it is asked for before its turn comes. */
static void assert_same(const struct vmm_mem *a, const struct vmm_mem *b)
{
	for (uint64_t at = a->size; at; at -= 4096)
		assert_memory_equal(
			vmm_mem_at(a, at - 4096, 4096), vmm_mem_at(b, at - 4096, 4096), 4096);
}

static void memory_comes_back_out_of_a_file_with_holes(void **state)
{
	struct vmm_mem mem = open_mem(32 * MIB);
	uint8_t *bytes = vmm_mem_at(&mem, 0, mem.size);
	struct stat st;

	for (uint64_t at = 0; at < mem.size; at += 3 * MIB)
		bytes[at] = (uint8_t)(1 + at / MIB);
	memset(bytes + 20 * MIB + 4096, 0x5a, MIB);
	bytes[mem.size - 1] = 42;
	for (unsigned lazily = 0; lazily < 2; lazily++) {
		struct vmm_mem again = open_mem(32 * MIB);
		struct vmm_mem_fill fill;
		int fd = save(&mem, MIB);
		struct pollfd whole = { .events = POLLIN };

		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_size, 33 * MIB);
		assert_true(st.st_blocks * 512 < (off_t)(3 * MIB));
		assert_int_equal(vmm_mem_fill_open(&fill, &again, fd, MIB, lazily), 0);
		assert_int_equal(vmm_mem_fill_start(&fill, enter), 0);
		assert_same(&again, &mem);
		whole.fd = fill.whole_fd;
		assert_int_equal(poll(&whole, 1, 20000), 1);
		assert_true(vmm_mem_is_whole(&again));
		vmm_mem_fill_done(&fill);
		vmm_mem_close(&again);
	}
	vmm_mem_close(&mem);
}

static void what_the_guest_has_written_meanwhile_stays(void **state)
{
	struct vmm_mem mem = open_mem(32 * MIB), again = open_mem(32 * MIB);
	struct vmm_mem_fill fill;
	struct pollfd whole = { .events = POLLIN };
	uint8_t *bytes = vmm_mem_at(&again, 0, again.size);

	memset(vmm_mem_at(&mem, 0, mem.size), 1, mem.size);
	assert_int_equal(vmm_mem_fill_open(&fill, &again, save(&mem, 0), 0, true), 0);
	assert_int_equal(vmm_mem_fill_start(&fill, enter), 0);
	for (uint64_t at = mem.size; at; at -= MIB)
		bytes[at - 1] = 2;
	whole.fd = fill.whole_fd;
	assert_int_equal(poll(&whole, 1, 20000), 1);
	for (uint64_t at = mem.size; at; at -= MIB) {
		assert_int_equal(bytes[at - 1], 2);
		assert_int_equal(bytes[at - 2], 1);
	}
	vmm_mem_fill_done(&fill);
	vmm_mem_close(&again);
	vmm_mem_close(&mem);
}

#define ROUNDS      1500
#define MAX_SPINS   4000u
#define PATIENCE_MS 20000

struct toucher {
	pthread_t thread;
	const volatile uint8_t *byte;
	unsigned n_spins;
	int done_fd;
};

static _Atomic bool has_begun;

static void begin(void)
{
	has_begun = true;
}

static void *touch(void *ctx)
{
	struct toucher *toucher = ctx;

	while (!has_begun)
		sched_yield();
	for (volatile unsigned i = 0; i < toucher->n_spins; i++)
		;
	(void)*toucher->byte;
	(void)eventfd_write(toucher->done_fd, 1);
	return NULL;
}

/* A page that is a hole of the file is there when the fill ends, for who came just then as well. */
static void page_that_is_asked_for_as_the_fill_ends_comes(void **state)
{
	struct vmm_mem hole = open_mem(MIB);

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct vmm_mem again = open_mem(MIB);
		struct toucher toucher = { .byte = vmm_mem_at(&again, 0, 1),
			.n_spins = i * 7919 % MAX_SPINS,
			.done_fd = eventfd(0, EFD_CLOEXEC) };
		struct pollfd done = { .fd = toucher.done_fd, .events = POLLIN };
		struct vmm_mem_fill fill;

		has_begun = false;
		assert_int_equal(vmm_mem_fill_open(&fill, &again, save(&hole, 0), 0, true), 0);
		assert_int_equal(pthread_create(&toucher.thread, NULL, touch, &toucher), 0);
		assert_int_equal(vmm_mem_fill_start(&fill, begin), 0);
		if (vmm_mem_is_whole(&again)) /* no userfaultfd here */
			begin();
		assert_int_equal(poll(&done, 1, PATIENCE_MS), 1);
		pthread_join(toucher.thread, NULL);
		close(toucher.done_fd);
		vmm_mem_fill_done(&fill);
		vmm_mem_close(&again);
	}
	vmm_mem_close(&hole);
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
		cmocka_unit_test(memory_comes_back_out_of_a_file_with_holes),
		cmocka_unit_test(page_that_is_asked_for_as_the_fill_ends_comes),
		cmocka_unit_test(what_the_guest_has_written_meanwhile_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
