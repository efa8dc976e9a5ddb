/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The state of a snapshot as bytes, whole and not.
 */
#include <errno.h>
#include <string.h>

#include "sections.h"
#include "unit.h"

static struct vmm_sections sections;
static struct vmm_snapshot_header header;

#define FILE_BYTES ((uint64_t)VMM_SNAPSHOT_MEMORY + 4096)

static int setup(void **state)
{
	assert_int_equal(vmm_sections_init(&sections), 0);
	vmm_sections_put(&sections, "abcd", 0, "one", 3);
	vmm_sections_put(&sections, "abcd", 1, "four", 4);
	vmm_sections_put(&sections, "wxyz", 0, "", 0);
	vmm_sections_seal(&sections, 4096, &header);
	return 0;
}

static int teardown(void **state)
{
	vmm_sections_done(&sections);
	return 0;
}

static void section_is_found_by_its_letters_and_its_number(void **state)
{
	char text[4];

	assert_int_equal(vmm_sections_get(&sections, "abcd", 1, text, 4, NULL), 0);
	assert_memory_equal(text, "four", 4);
	assert_int_equal(vmm_sections_get(&sections, "wxyz", 0, text, 0, NULL), 0);
	assert_int_equal(vmm_sections_get(&sections, "abcd", 2, text, 4, NULL), -EINVAL);
	assert_int_equal(vmm_sections_get(&sections, "abce", 0, text, 3, NULL), -EINVAL);
}

static void section_of_another_length_is_refused(void **state)
{
	struct sh_err err;
	char text[8];

	assert_int_equal(vmm_sections_get(&sections, "abcd", 0, text, 4, &err), -EINVAL);
	assert_string_equal(err.text, "its part 'abcd' 0 has 3 bytes, not 4");
}

static void state_cut_off_anywhere_is_read_to_its_end_alone(void **state)
{
	char text[4];

	for (size_t whole = sections.n; sections.n > 0; sections.n--) {
		int r = vmm_sections_get(&sections, "wxyz", 0, text, 0, NULL);

		assert_int_equal(r, sections.n == whole ? 0 : -EINVAL);
	}
}

static void what_has_no_room_is_told(void **state)
{
	static uint8_t big[VMM_SNAPSHOT_MEMORY];

	vmm_sections_put(&sections, "bigg", 0, big, sizeof(big) - VMM_SNAPSHOT_STATE);
	assert_true(sections.is_full);
}

static void header_says_what_is_wrong_with_a_file(void **state)
{
	struct vmm_snapshot_header bad = header;
	struct sh_err err;

	assert_int_equal(vmm_snapshot_check(&header, FILE_BYTES, &err), 0);
	assert_int_equal(vmm_sections_check(&sections, &header, &err), 0);
	assert_int_equal(vmm_snapshot_check(&header, FILE_BYTES - 1, &err), -EINVAL);
	assert_string_equal(err.text, "it is cut off");
	assert_int_equal(vmm_snapshot_check(&header, 0, &err), -EINVAL);
	bad.state_bytes = VMM_SNAPSHOT_MEMORY;
	assert_int_equal(vmm_snapshot_check(&bad, FILE_BYTES, &err), -EINVAL);
	bad = header;
	bad.version++;
	assert_int_equal(vmm_snapshot_check(&bad, FILE_BYTES, &err), -EINVAL);
	assert_string_equal(err.text, "it is of version 2, this program's are of 1");
	bad.magic[0] = 0;
	assert_int_equal(vmm_snapshot_check(&bad, FILE_BYTES, &err), -EINVAL);
	sections.bytes[sections.n - 1] ^= 1;
	assert_int_equal(vmm_sections_check(&sections, &header, &err), -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(section_is_found_by_its_letters_and_its_number),
		TEST(section_of_another_length_is_refused),
		TEST(state_cut_off_anywhere_is_read_to_its_end_alone),
		TEST(what_has_no_room_is_told),
		TEST(header_says_what_is_wrong_with_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
