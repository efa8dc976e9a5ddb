/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The noun sriov of shunt and the program that does it: help and completion of the one say what the
 * other takes, and no more.
 */
#include "unit.h"

#include <string.h>

#include "cli.h"
#include "program.h"

static const struct cli_verb *verb_of_shunt(const char *program_verb)
{
	for (unsigned i = 0; i < cli_n_verbs; i++)
		if (cli_verbs[i].program_verb &&
			strcmp(cli_verbs[i].program_verb, program_verb) == 0)
			return &cli_verbs[i];
	return NULL;
}

static const struct cli_option *find(const struct cli_option *options, const char *name)
{
	for (; options && options->name; options++)
		if (strcmp(options->name, name) == 0)
			return options;
	return NULL;
}

/* return: 1: with a value; 0: without; -1: shunt does not offer it */
static int offers(const struct cli_verb *verb, const char *name)
{
	const struct cli_option *option = find(verb->options, name);
	char field[32];

	cli_field_name(name, field, sizeof(field));
	if (verb->fields >= 0 && cli_takes_field(verb, field))
		return 1;
	option = option ? option : find(verb->more, name);
	return option ? option->value != NULL : -1;
}

static unsigned n_offered(const struct cli_verb *verb)
{
	const struct cli_option *lists[] = { verb->options, verb->more };
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++)
		for (const struct cli_option *o = lists[i]; o && o->name; o++)
			n++;
	for (unsigned i = 0; verb->fields >= 0 && i < api_tables[verb->fields].n_fields; i++)
		n += cli_takes_field(verb, api_tables[verb->fields].fields[i].name);
	return n;
}

static void shunt_offers_the_verbs_and_options_that_shunt_sriov_takes_and_no_others(void **state)
{
	for (unsigned i = 0; i < program_n_verbs; i++) {
		const struct program_verb *taken = &program_verbs[i];
		const struct cli_verb *verb = verb_of_shunt(taken->name);
		unsigned n = 0;

		if (!verb)
			fail_msg("shunt has no verb '%s'", taken->name);
		for (; taken->options && taken->options[n].name; n++)
			if (offers(verb, taken->options[n].name) !=
				(taken->options[n].value != NULL))
				fail_msg("%s --%s", taken->name, taken->options[n].name);
		if (n_offered(verb) != n)
			fail_msg("%s: shunt offers %u options, shunt-sriov takes %u", taken->name,
				n_offered(verb), n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			shunt_offers_the_verbs_and_options_that_shunt_sriov_takes_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
