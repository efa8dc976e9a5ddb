/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One call of shunt-sriov: global options, the verb's row, its arguments, exit status.
 */
#include <stdio.h>
#include <string.h>

#include "base/paths.h"
#include "program.h"

const char *program_value(const struct program *program, const char *option)
{
	const struct program_option *options = program->verb->options;

	for (unsigned i = 0; options && options[i].name; i++)
		if (strcmp(options[i].name, option) == 0)
			return program->values[i];
	return NULL;
}

int program_fail(const struct program *program)
{
	fprintf(stderr, "shunt-sriov: %s%s%s: %s\n", program->verb->name,
		program->operand ? " " : "", program->operand ? program->operand : "",
		program->err.text);
	return PROGRAM_FAILED;
}

void program_print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

void program_print_unread(const struct sriov_host *host)
{
	for (uint32_t i = 0; i < host->n_unread; i++)
		fprintf(stderr, "shunt-sriov: not read: %s\n", host->unread[i]);
}

static int usage(const struct program *program, const char *what, const char *word)
{
	fprintf(stderr, "shunt-sriov: %s%s%s: see 'shunt-sriov %s%s--help'\n", what,
		word ? " " : "", word ? word : "", program->verb ? program->verb->name : "",
		program->verb ? " " : "");
	return PROGRAM_USAGE;
}

/* Help */

static void print_verb(const struct program_verb *verb)
{
	printf("  %-7s %-8s %s\n", verb->name, verb->operand ? verb->operand : "", verb->help);
	for (unsigned i = 0; verb->options && verb->options[i].name; i++) {
		const struct program_option *option = &verb->options[i];
		char letter[8] = "", text[64];

		if (option->letter)
			snprintf(letter, sizeof(letter), "-%c, ", option->letter);
		snprintf(text, sizeof(text), "%s--%s %s", letter, option->name,
			option->value ? option->value : "");
		printf("      %-26s %s\n", text, option->help);
	}
}

static int help(const struct program *program)
{
	printf("shunt-sriov [-j] VERB [...]: physical functions and their virtual ones\n\n");
	for (unsigned i = 0; i < program_n_verbs; i++)
		if (!program->verb || program->verb == &program_verbs[i])
			print_verb(&program_verbs[i]);
	printf("\nPF is a netdev, a PCI address, a MAC address, or \"8086:10c9 igb\". BOOL is true "
	       "or false.\n-j prints JSON. See shunt-sriov(8).\n");
	return PROGRAM_DONE;
}

/* Arguments */

static bool is_letter(const char *word)
{
	return word[0] == '-' && word[1] && word[1] != '-' && !word[2];
}

/* word is "-k" or "--key", n long */
static int find_option(const struct program_verb *verb, const char *word, size_t n)
{
	for (int i = 0; verb->options && verb->options[i].name; i++) {
		const struct program_option *option = &verb->options[i];

		if (is_letter(word) ? option->letter == word[1]
				    : strlen(option->name) == n - 2 &&
					      strncmp(option->name, word + 2, n - 2) == 0)
			return i;
	}
	return -1;
}

/* "--key value", "--key=value", "-k value" or "--flag"; *at is moved behind what was taken. */
static int take_option(struct program *program, int argc, char **argv, int *at)
{
	const char *word = argv[*at], *equals = strchr(word, '=');
	int i = find_option(program->verb, word, equals ? (size_t)(equals - word) : strlen(word));

	if (i < 0)
		return usage(program, "no such option", argv[*at]);
	if (!program->verb->options[i].value) {
		if (equals)
			return usage(program, "no value belongs to", argv[*at]);
		program->values[i] = "";
		return PROGRAM_DONE;
	}
	if (!equals && *at + 1 >= argc)
		return usage(program, "a value is missing behind", argv[*at]);
	program->values[i] = equals ? equals + 1 : argv[++*at];
	return PROGRAM_DONE;
}

static int take_word(struct program *program, int argc, char **argv, int *at)
{
	const char *word = argv[*at];

	if ((strncmp(word, "--", 2) == 0 && word[2]) || is_letter(word))
		return take_option(program, argc, argv, at);
	if (!program->verb->operand || program->operand)
		return usage(program, "one word too many:", word);
	program->operand = word;
	return PROGRAM_DONE;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run_verb(struct program *program, int argc, char **argv)
{
	struct sriov_env here;
	int r = PROGRAM_DONE;

	for (int i = 0; r == PROGRAM_DONE && i < argc; i++) {
		if (is_help(argv[i]))
			return help(program);
		r = take_word(program, argc, argv, &i);
	}
	if (r != PROGRAM_DONE)
		return r;
	if (program->verb->operand && *program->verb->operand != '[' && !program->operand)
		return usage(program, program->verb->operand, "is missing");
	if (program->env)
		return program->verb->run(program);
	if (sriov_env_init(&here, &program->err) < 0)
		return program_fail(program);
	program->env = &here;
	r = program->verb->run(program);
	sriov_env_done(&here);
	return r;
}

static const struct program_verb *find_verb(const char *name)
{
	for (unsigned i = 0; i < program_n_verbs; i++)
		if (strcmp(program_verbs[i].name, name) == 0)
			return &program_verbs[i];
	return NULL;
}

int program_main(const struct sriov_env *env, int argc, char **argv)
{
	struct program program = { .env = env };
	int at = 1;

	for (; at < argc && *argv[at] == '-' && !find_verb(argv[at]); at++) {
		if (is_help(argv[at]))
			return help(&program);
		if (strcmp(argv[at], "--version") == 0) {
			printf("shunt-sriov %s\n", sh_version());
			return PROGRAM_DONE;
		}
		if (strcmp(argv[at], "-j") != 0 && strcmp(argv[at], "--json") != 0)
			return usage(&program, "no such option", argv[at]);
		program.json = true;
	}
	if (at >= argc)
		return usage(&program, "VERB", "is missing");
	program.verb = find_verb(argv[at]);
	if (!program.verb)
		return usage(&program, "no such verb", argv[at]);
	return run_verb(&program, argc - at - 1, argv + at + 1);
}
