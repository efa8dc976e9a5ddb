/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Error sentences, socket paths and log limits.
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/paths.h"
#include "unit.h"

static void error_prefix_keeps_the_sentence_of_the_callee(void **state)
{
	struct sh_err err;

	assert_int_equal(sh_err_set(&err, -ENOENT, "no such port '%s'", "a"), -ENOENT);
	assert_int_equal(sh_err_prefix(&err, -EIO, "port add %s", "b"), -EIO);
	assert_string_equal(err.text, "port add b: no such port 'a'");
}

static void error_sentence_too_long_is_cut_and_ended(void **state)
{
	struct sh_err err;

	sh_err_set(&err, -EINVAL, "%01000d", 7);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void socket_path_of_107_bytes_fits_and_of_108_does_not(void **state)
{
	char name[109], path[200];
	struct sh_err err;

	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[107] = '\0';
	assert_int_equal(sh_socket_path("/run", name, path, sizeof(path), &err), 0);
	assert_string_equal(path, name);
	name[107] = 'x';
	name[108] = '\0';
	assert_int_equal(sh_socket_path("/run", name, path, sizeof(path), &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.text, "at most 107"));
}

static void relative_socket_path_is_below_the_run_folder(void **state)
{
	char path[200];

	assert_int_equal(sh_socket_path("/run/shunt", "a.sock", path, sizeof(path), NULL), 0);
	assert_string_equal(path, "/run/shunt/a.sock");
}

static void log_limit_lets_one_line_a_second_through_and_counts_the_rest(void **state)
{
	struct sh_log_limit limit = { 0 };
	uint64_t n = 99;

	assert_true(sh_log_limit(&limit, 5000000000ull, &n));
	assert_int_equal(n, 0);
	for (int i = 0; i < 10000; i++)
		assert_false(sh_log_limit(&limit, 5999999999ull, &n));
	assert_true(sh_log_limit(&limit, 6000000000ull, &n));
	assert_int_equal(n, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_prefix_keeps_the_sentence_of_the_callee),
		cmocka_unit_test(error_sentence_too_long_is_cut_and_ended),
		cmocka_unit_test(socket_path_of_107_bytes_fits_and_of_108_does_not),
		cmocka_unit_test(relative_socket_path_is_below_the_run_folder),
		cmocka_unit_test(log_limit_lets_one_line_a_second_through_and_counts_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
