/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any words behind any noun and verb of the command line, one a line; the first byte chooses the
 * verb. What is accepted is fields of its noun and its own flags, nothing else.
 */
#include <string.h>

#include "cli.h"
#include "fuzz.h"

#define MAX_WORDS 64

static int split(char *text, char **words)
{
	int n = 0;

	for (char *line = text; line && n < MAX_WORDS;) {
		char *end = strchr(line, '\n');

		words[n++] = line;
		if (end)
			*end++ = '\0';
		line = end;
	}
	return n;
}

static bool has_flag(const struct cli_verb *verb, const char *name)
{
	for (const struct cli_option *o = verb->options; o && o->name; o++)
		if (strcmp(o->name, name) == 0)
			return true;
	return false;
}

/* An option with a value is a parameter by its name with underscores. */
static bool has_value(const struct cli_verb *verb, const char *key)
{
	char name[64];

	for (const struct cli_option *o = verb->options; o && o->name; o++) {
		cli_field_name(o->name, name, sizeof(name));
		if (strcmp(name, key) == 0)
			return true;
	}
	return false;
}

static void check_accepted(const struct cli_verb *verb, const struct cli_args *args)
{
	const char *key;
	json_t *value;

	json_object_foreach (args->params, key, value)
		CHECK(strcmp(key, verb->param ? verb->param : "name") == 0 ||
			cli_takes_field(verb, key) || has_value(verb, key));
	json_object_foreach (args->flags, key, value)
		CHECK(has_flag(verb, key));
	CHECK(!args->operand || verb->operand != CLI_NO_OPERAND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cli_verb *verb;
	struct sh_err err = { "" };
	char *words[MAX_WORDS];
	struct cli_args args;
	char *text;

	if (size < 1)
		return 0;
	verb = &cli_verbs[data[0] % cli_n_verbs];
	text = fuzz_text(data + 1, size - 1);
	if (cli_args_parse(verb, size > 1 ? split(text, words) : 0, words, &args, &err) == 0) {
		check_accepted(verb, &args);
		cli_args_done(&args);
	} else {
		CHECK(err.text[0]);
	}
	free(text);
	return 0;
}
