/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a snapshot's file begins with, whole and not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot.h"
#include "unit.h"

#define MEMORY_BYTES 4096
#define FILE_BYTES   ((uint64_t)VMM_SNAPSHOT_MEMORY + MEMORY_BYTES)

static struct vmm_snapshot *s;
static struct sh_err err;

static int setup(void **state)
{
	s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->memory_bytes = MEMORY_BYTES;
	s->n_vcpus = 2;
	s->clock_ns = 42;
	vmm_snapshot_seal(s);
	return 0;
}

static int teardown(void **state)
{
	free(s);
	return 0;
}

static void assert_refused(uint64_t file_bytes, const char *words)
{
	assert_int_equal(vmm_snapshot_check(s, file_bytes, &err), -EINVAL);
	assert_string_equal(err.text, words);
}

static void sealed_state_is_accepted(void **state)
{
	assert_int_equal(vmm_snapshot_check(s, FILE_BYTES, &err), 0);
	s->n_vcpus = VMM_VCPUS;
	vmm_snapshot_seal(s);
	assert_int_equal(s->bytes, sizeof(*s));
	assert_int_equal(vmm_snapshot_check(s, FILE_BYTES, &err), 0);
}

static void file_of_another_length_is_refused(void **state)
{
	assert_refused(FILE_BYTES - 1, "it is cut off, or longer than it says");
	assert_refused(FILE_BYTES + 1, "it is cut off, or longer than it says");
	assert_refused(0, "it is cut off, or longer than it says");
	s->bytes--;
	assert_refused(FILE_BYTES, "it is cut off, or longer than it says");
}

static void more_vcpus_than_there_may_be_are_not_looked_at(void **state)
{
	s->n_vcpus = UINT32_MAX;
	assert_refused(FILE_BYTES, "it is cut off, or longer than it says");
}

static void another_version_is_named(void **state)
{
	s->version++;
	assert_refused(FILE_BYTES, "it is of version 2, this program's are of 1");
	s->magic[0] = 0;
	assert_refused(FILE_BYTES, "it is none, or was not finished");
}

static void any_byte_that_changed_is_seen(void **state)
{
	for (size_t at = offsetof(struct vmm_snapshot, cpu); at < s->bytes; at += 997) {
		uint8_t *byte = (uint8_t *)s + at;

		if (at >= offsetof(struct vmm_snapshot, n_vcpus) &&
			at < offsetof(struct vmm_snapshot, n_disks))
			continue;
		*byte ^= 1;
		assert_refused(FILE_BYTES, "it is damaged: its checksum is another one");
		*byte ^= 1;
	}
}

static void machine_that_has_none_says_why(void **state)
{
	struct vmm_definition def = { .n_nics = 2, .nics = { { .socket = "s" } } };
	struct vmm_machine machine = { .conf.def = &def };
	struct vmm_files files = { .n = 1 };

	assert_int_equal(vmm_snapshot_save(&machine, &files, &err), -EAGAIN);
	assert_string_equal(err.text, "it waits for its switch");
	machine.is_complete = true;
	machine.mem.is_partial = true;
	assert_int_equal(vmm_snapshot_save(&machine, &files, &err), -EAGAIN);
	assert_string_equal(err.text, "its memory still comes out of another snapshot: try again");
	def.nics[1].vf = "eth0/0";
	assert_int_equal(vmm_snapshot_save(&machine, &files, &err), -EOPNOTSUPP);
	assert_string_equal(
		err.text, "nics[1] is a VF, whose state nobody can read: take it away first");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sealed_state_is_accepted),
		TEST(file_of_another_length_is_refused),
		TEST(more_vcpus_than_there_may_be_are_not_looked_at),
		TEST(another_version_is_named),
		TEST(any_byte_that_changed_is_seen),
		TEST(machine_that_has_none_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
