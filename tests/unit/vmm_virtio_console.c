/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-console and virtio-rng: the two devices that are little more than a descriptor.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"
#include "virtio_console.h"
#include "virtio_rng.h"
#include "vmm_rig.h"

#define TEXT RIG_BUFFERS

static struct {
	struct rig rig;
	struct driver d;
	int input[2], output[2]; /* pipes: what the guest reads and writes */
} t;

static int setup(void **state)
{
	struct vmm_virtio_console_conf conf;

	sh_log_set_level(SH_LOG_ERR);
	rig_open(&t.rig, false);
	/* A terminal of a shell blocks as these do. */
	assert_int_equal(pipe2(t.input, O_CLOEXEC), 0);
	assert_int_equal(pipe2(t.output, O_CLOEXEC), 0);
	conf = (struct vmm_virtio_console_conf){ t.input[0], t.output[1] };
	assert_int_equal(vmm_virtio_console_new(&t.rig.set, &conf, NULL), 0);
	assert_int_equal(vmm_rng_new(&t.rig.set, NULL), 0);
	driver_find(&t.rig, 1, &t.d);
	return 0;
}

static int teardown(void **state)
{
	rig_close(&t.rig);
	close(t.input[0]);
	close(t.output[1]);
	close(t.output[0]);
	if (t.input[1] >= 0)
		close(t.input[1]);
	return 0;
}

static void type_in(const char *text)
{
	assert_int_equal(write(t.input[1], text, strlen(text)), strlen(text));
}

static void offer(uint32_t n)
{
	const struct rig_buffer buffer = { TEXT, n, true };

	memset(rig_at(&t.rig, TEXT, n), 0, n);
	driver_offer(&t.d, 0, &buffer, 1);
	driver_kick(&t.d, 0);
}

static void expect_input(const char *text)
{
	uint16_t head;
	uint32_t n;

	while (!driver_used(&t.d, 0, &head, &n))
		assert_true(rig_turn(&t.rig, RIG_WAIT_MS));
	assert_int_equal(n, strlen(text));
	assert_memory_equal(rig_at(&t.rig, TEXT, n), text, n);
}

static void what_the_guest_writes_comes_out(void **state)
{
	const struct rig_buffer pieces[] = { { TEXT, 3, false }, { TEXT + 100, 2, false } };
	char got[16];

	driver_start(&t.d, 0, 2);
	memcpy(rig_at(&t.rig, TEXT, 3), "hel", 3);
	memcpy(rig_at(&t.rig, TEXT + 100, 2), "lo", 2);
	assert_int_equal(driver_do(&t.d, 1, pieces, 2), 0);
	assert_int_equal(read(t.output[0], got, sizeof(got)), 5);
	assert_memory_equal(got, "hello", 5);
}

static void guest_is_not_held_up_by_output_that_nobody_takes(void **state)
{
	const struct rig_buffer piece = { TEXT, 0x10000, false };

	driver_start(&t.d, 0, 2);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(driver_do(&t.d, 1, &piece, 1), 0);
}

static void input_comes_in_whether_the_buffer_is_there_before_or_after(void **state)
{
	driver_start(&t.d, 0, 2);
	offer(64);
	rig_settle(&t.rig);
	type_in("one");
	expect_input("one");
	type_in("two");
	rig_settle(&t.rig);
	offer(64);
	expect_input("two");
	assert_true(driver_interrupts(&t.d, 1) > 0);
}

static void input_that_is_longer_than_a_buffer_goes_into_the_next(void **state)
{
	driver_start(&t.d, 0, 2);
	type_in("abcdef");
	offer(4);
	expect_input("abcd");
	offer(4);
	expect_input("ef");
}

static void input_waits_without_burning_the_loop(void **state)
{
	driver_start(&t.d, 0, 2);
	type_in("waits");
	rig_settle(&t.rig); /* it ends */
	assert_false(rig_turn(&t.rig, 0));
	offer(64);
	expect_input("waits");
}

static void end_of_input_is_the_end_of_listening(void **state)
{
	driver_start(&t.d, 0, 2);
	offer(64);
	rig_settle(&t.rig);
	close(t.input[1]);
	t.input[1] = -1;
	rig_settle(&t.rig);
	assert_false(rig_turn(&t.rig, 0));
}

static void input_survives_a_reset(void **state)
{
	driver_start(&t.d, 0, 2);
	offer(64);
	rig_settle(&t.rig);
	driver_start(&t.d, 0, 2);
	type_in("again");
	offer(64);
	expect_input("again");
}

static void emergency_write_needs_no_queue(void **state)
{
	char got;

	driver_write(&t.d, t.d.device + 8, 4, 'x');
	assert_int_equal(read(t.output[0], &got, 1), 1);
	assert_int_equal(got, 'x');
}

static void random_bytes_fill_the_buffer_and_differ(void **state)
{
	const struct rig_buffer buffers[] = { { TEXT, 64, true }, { TEXT + 0x1000, 64, true } };
	uint8_t first[64];

	driver_find(&t.rig, 2, &t.d);
	driver_start(&t.d, 0, 1);
	assert_int_equal(driver_do(&t.d, 0, buffers, 2), 128);
	memcpy(first, rig_at(&t.rig, TEXT, 64), 64);
	assert_int_equal(driver_do(&t.d, 0, buffers, 1), 64);
	assert_memory_not_equal(first, rig_at(&t.rig, TEXT, 64), 64);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_guest_writes_comes_out),
		TEST(guest_is_not_held_up_by_output_that_nobody_takes),
		TEST(input_comes_in_whether_the_buffer_is_there_before_or_after),
		TEST(input_that_is_longer_than_a_buffer_goes_into_the_next),
		TEST(input_waits_without_burning_the_loop),
		TEST(end_of_input_is_the_end_of_listening),
		TEST(input_survives_a_reset),
		TEST(emergency_write_needs_no_queue),
		TEST(random_bytes_fill_the_buffer_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
