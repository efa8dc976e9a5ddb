/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every allocation of reading a command line failed in turn: all of it is read, or a sentence says
 * why not.
 */
#include "unit.h"

#include <string.h>

#include "cli.h"
#include "fail_malloc.h"

static const struct cli_verb *verb_of(const char *noun, const char *verb)
{
	for (unsigned i = 0; i < cli_n_verbs; i++)
		if (strcmp(cli_verbs[i].noun, noun) == 0 && cli_verbs[i].verb &&
			strcmp(cli_verbs[i].verb, verb) == 0)
			return &cli_verbs[i];
	fail_msg("no such verb");
	return NULL;
}

struct reading {
	const struct cli_verb *verb;
	struct cli_args args;
	struct sh_err err;
};

static int read_words(void *ctx)
{
	char *words[] = { (char *)"web1", (char *)"--portgroup", (char *)"production",
		(char *)"--vlan=100", (char *)"--trunk", (char *)"10,20-29" };
	struct reading *reading = ctx;

	reading->err.text[0] = '\0';
	return cli_args_parse(reading->verb, 6, words, &reading->args, &reading->err);
}

static void check_read(void *ctx, int r, bool failed)
{
	struct reading *reading = ctx;

	if (r < 0) {
		assert_true(failed);
		assert_string_not_equal(reading->err.text, "");
		return;
	}
	assert_int_equal(json_object_size(reading->args.params), 4);
	cli_args_done(&reading->args);
}

static void command_line_is_read_whole_or_refused(void **state)
{
	struct reading reading = { .verb = verb_of("port", "add") };

	assert_true(fail_malloc_each(read_words, check_read, &reading) > 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_line_is_read_whole_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
