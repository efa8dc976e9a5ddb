/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-balloon on shared memory: what the guest gives is given back to the host.
 */
#include <errno.h>
#include <linux/virtio_balloon.h>
#include <string.h>
#include <sys/stat.h>

#include "unit.h"
#include "virtio_balloon.h"
#include "vmm_rig.h"

#define PAGE     4096u
#define LIST     RIG_BUFFERS
#define GIVEN    (RIG_BUFFERS + 0x100000)
#define N_GIVEN  64u
#define ALL      UINT64_MAX
#define NO_STATS (ALL & ~VMM_BIT(VIRTIO_BALLOON_F_STATS_VQ))

static struct {
	struct rig rig;
	struct driver d;
	struct vmm_balloon *balloon;
} t;

static int setup(void **state)
{
	sh_log_set_level(SH_LOG_ERR);
	rig_open(&t.rig, true);
	assert_int_equal(vmm_balloon_new(&t.rig.set, &t.balloon, NULL), 0);
	driver_find(&t.rig, 1, &t.d);
	return 0;
}

static int teardown(void **state)
{
	rig_close(&t.rig);
	return 0;
}

static uint64_t resident(void)
{
	struct stat st;

	assert_int_equal(fstat(t.rig.mem.fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void touch_all(void)
{
	memset(rig_at(&t.rig, GIVEN, N_GIVEN * PAGE), 0x77, N_GIVEN * PAGE);
}

static void give(unsigned queue, const uint32_t *pages, uint32_t n)
{
	const struct rig_buffer list = { LIST, n * 4, false };

	memcpy(rig_at(&t.rig, LIST, n * 4), pages, n * 4);
	assert_int_equal(driver_do(&t.d, queue, &list, 1), 0);
}

static void pages_that_the_guest_gives_go_back_to_the_host(void **state)
{
	uint32_t pages[N_GIVEN];
	uint64_t before;
	uint8_t *memory;

	driver_start(&t.d, ALL, 4);
	touch_all();
	rig_at(&t.rig, LIST, PAGE);
	for (uint32_t i = 0; i < N_GIVEN; i++)
		pages[i] = (uint32_t)(GIVEN / PAGE) + N_GIVEN - 1 - i;
	memcpy(rig_at(&t.rig, LIST, sizeof(pages)), pages, sizeof(pages));
	before = resident();
	give(0, pages, N_GIVEN);
	assert_int_equal(resident(), before - N_GIVEN * PAGE);
	give(1, pages, N_GIVEN);
	memory = rig_at(&t.rig, GIVEN, PAGE);
	assert_int_equal(memory[0], 0);
	memory[0] = 1;
	assert_int_equal(resident(), before - (N_GIVEN - 1) * PAGE);
}

static void pages_come_in_any_order_and_beside_memory(void **state)
{
	const uint32_t first = (uint32_t)(GIVEN / PAGE);
	const uint32_t pages[] = { first + 5, UINT32_MAX, first + 1, first + 2, first,
		(uint32_t)(RIG_MEMORY / PAGE), first + 9 };
	uint64_t before;

	driver_start(&t.d, ALL, 4);
	touch_all();
	memcpy(rig_at(&t.rig, LIST, sizeof(pages)), pages, sizeof(pages));
	before = resident();
	give(0, pages, 7);
	assert_int_equal(resident(), before - 5 * PAGE);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(*(uint8_t *)rig_at(&t.rig, GIVEN + i * PAGE, 1),
			i < 3 || i == 5 || i == 9 ? 0 : 0x77);
}

static void free_pages_are_reported_away(unsigned queue)
{
	const struct rig_buffer free_pages[] = { { GIVEN, 16 * PAGE, true },
		{ GIVEN + 32 * PAGE, 8 * PAGE, true }, { GIVEN + 50 * PAGE + 1, PAGE, true } };
	struct vmm_balloon_info info;
	uint64_t before;

	touch_all();
	before = resident();
	driver_do(&t.d, queue, free_pages, 3);
	assert_int_equal(resident(), before - 24 * PAGE);
	vmm_balloon_get(t.balloon, &info);
	assert_int_equal(info.reported_bytes, 24 * PAGE);
}

static void reported_pages_go_back_to_the_host(void **state)
{
	driver_start(&t.d, ALL, 4);
	free_pages_are_reported_away(3);
}

static void reporting_moves_up_where_there_are_no_statistics(void **state)
{
	driver_start(&t.d, NO_STATS, 3);
	free_pages_are_reported_away(2);
}

static void target_is_announced_and_the_answer_noted(void **state)
{
	struct vmm_balloon_info info;
	struct sh_err err;

	driver_start(&t.d, ALL, 4);
	assert_int_equal(vmm_balloon_set(t.balloon, 1 << 20, NULL), 0);
	assert_int_equal(driver_interrupts(&t.d, 0), 1);
	assert_int_equal(driver_read(&t.d, t.d.device, 4), 256);
	driver_write(&t.d, t.d.device + 4, 4, 200);
	vmm_balloon_get(t.balloon, &info);
	assert_int_equal(info.target_bytes, 1 << 20);
	assert_int_equal(info.actual_bytes, 200 * PAGE);
	assert_int_equal(vmm_balloon_set(t.balloon, RIG_MEMORY + 1, &err), -ERANGE);
	driver_write(&t.d, t.d.device, 4, 0);
	assert_int_equal(driver_read(&t.d, t.d.device, 4), 256);
}

static void offer_stats(uint64_t free_bytes)
{
	const struct virtio_balloon_stat stats[] = { { VIRTIO_BALLOON_S_MEMFREE, free_bytes },
		{ VIRTIO_BALLOON_S_MEMTOT, RIG_MEMORY }, { 999, 1 } };
	const struct rig_buffer buffer = { LIST, sizeof(stats), false };

	memcpy(rig_at(&t.rig, LIST, sizeof(stats)), stats, sizeof(stats));
	driver_offer(&t.d, 2, &buffer, 1);
	driver_kick(&t.d, 2);
	rig_settle(&t.rig);
}

static void statistics_are_kept_and_newer_ones_asked_for(void **state)
{
	struct vmm_balloon_info info;
	uint16_t head;
	uint32_t n;

	driver_start(&t.d, ALL, 4);
	vmm_balloon_get(t.balloon, &info);
	assert_false(info.has_stats);
	offer_stats(1000);
	assert_false(driver_used(&t.d, 2, &head, &n));
	vmm_balloon_get(t.balloon, &info);
	assert_true(info.has_stats);
	assert_int_equal(info.free_bytes, 1000);
	assert_int_equal(info.total_bytes, RIG_MEMORY);
	assert_true(driver_used(&t.d, 2, &head, &n));
	offer_stats(2000);
	vmm_balloon_get(t.balloon, &info);
	assert_int_equal(info.free_bytes, 2000);
}

static void statistics_survive_a_pause(void **state)
{
	struct vmm_balloon_info info;
	uint16_t head;
	uint32_t n;

	driver_start(&t.d, ALL, 4);
	offer_stats(1000);
	vmm_virtio_pause_all(&t.rig.set);
	vmm_balloon_get(t.balloon, &info);
	vmm_virtio_resume_all(&t.rig.set);
	rig_settle(&t.rig);
	assert_false(driver_used(&t.d, 2, &head, &n));
	vmm_balloon_get(t.balloon, &info);
	assert_int_equal(info.free_bytes, 1000);
	assert_true(driver_used(&t.d, 2, &head, &n));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_that_the_guest_gives_go_back_to_the_host),
		TEST(pages_come_in_any_order_and_beside_memory),
		TEST(reported_pages_go_back_to_the_host),
		TEST(reporting_moves_up_where_there_are_no_statistics),
		TEST(target_is_announced_and_the_answer_noted),
		TEST(statistics_are_kept_and_newer_ones_asked_for),
		TEST(statistics_survive_a_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
