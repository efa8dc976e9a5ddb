/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Completion: bash asks `shunt complete WORD...`, whose last word is the one to be completed.
 * Candidates come from the tables, and names of bridges, port groups and ports from the running
 * switch. Says nothing when there is none.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/paths.h"
#include "cli.h"

/* Of a list the last value is completed. */
static void offer(const char *candidate, const char *word)
{
	const char *comma = strrchr(word, ',');
	int n = comma ? (int)(comma + 1 - word) : 0;

	if (strncmp(candidate, word + n, strlen(word + n)) == 0)
		printf("%.*s%s\n", n, word, candidate);
}

static void offer_names(const char *run_dir, const char *noun, const char *word)
{
	_cleanup_(api_client_freep) struct api_client *client = NULL;
	struct cli cli = { .run_dir = run_dir };
	json_t *result = NULL, *object;
	char method[64];
	size_t i;

	snprintf(method, sizeof(method), "%s.list", noun);
	if (cli_connect(&cli, NULL, &client) < 0 ||
		api_client_call(client, method, NULL, NULL, NULL, NULL, &result) < 0)
		return;
	json_array_foreach (result, i, object) {
		const char *name = json_string_value(json_object_get(object, "name"));

		if (name)
			offer(name, word);
	}
	json_decref(result);
}

static void offer_words(const char *const *words, const char *word)
{
	for (unsigned i = 0; words[i]; i++)
		offer(words[i], word);
}

static void offer_values(const char *run_dir, const struct api_field *f, const char *word)
{
	if (f->type == API_TYPE_ENUM)
		offer_words(f->words, word);
	if (f->type == API_TYPE_BOOL) {
		offer("true", word);
		offer("false", word);
	}
	if (f->type == API_TYPE_NAME || f->type == API_TYPE_NAMES)
		offer_names(run_dir, api_tables[f->ref].noun, word);
}

/* Of an option that is no field, as help names its value: "in|out|both", "PORT". */
static void offer_own_values(const char *run_dir, const char *what, const char *word)
{
	char one[64];

	if (strcmp(what, "PORT") == 0)
		offer_names(run_dir, "port", word);
	if (!strchr(what, '|'))
		return;
	while (*what) {
		size_t n = strcspn(what, "|");

		snprintf(one, sizeof(one), "%.*s", (int)n, what);
		offer(one, word);
		what += n + (what[n] == '|');
	}
}

static void offer_own_options(const struct cli_option *options, const char *word)
{
	char option[80] = "--";

	for (const struct cli_option *o = options; o && o->name; o++) {
		snprintf(option + 2, sizeof(option) - 2, "%s", o->name);
		offer(option, word);
	}
}

static void offer_options(const struct cli_verb *v, const char *word)
{
	char option[80] = "--";

	offer_own_options(v->options, word);
	offer_own_options(v->more, word);
	for (unsigned i = 0; v->fields >= 0 && i < api_tables[v->fields].n_fields; i++) {
		const char *field = api_tables[v->fields].fields[i].name;

		if (!cli_takes_field(v, field))
			continue;
		cli_option_name(field, option + 2, sizeof(option) - 2);
		offer(option, word);
	}
}

static void offer_nouns(const char *word)
{
	const char *last = "";

	for (unsigned i = 0; i < cli_n_verbs; i++) {
		if (strcmp(cli_verbs[i].noun, last) != 0)
			offer(cli_verbs[i].noun, word);
		last = cli_verbs[i].noun;
	}
}

/* Where a noun may stand, help may. */
static void offer_first(const char *word, bool is_help)
{
	offer_nouns(word);
	if (!is_help)
		offer("help", word);
}

static void offer_verbs(const char *noun, const char *word)
{
	for (unsigned i = 0; i < cli_n_verbs; i++)
		if (cli_verbs[i].verb && strcmp(cli_verbs[i].noun, noun) == 0)
			offer(cli_verbs[i].verb, word);
}

static const struct cli_verb *verb_of(const char *noun, const char *verb)
{
	for (unsigned i = 0; i < cli_n_verbs; i++)
		if (strcmp(cli_verbs[i].noun, noun) == 0 &&
			(!cli_verbs[i].verb || strcmp(cli_verbs[i].verb, verb) == 0))
			return &cli_verbs[i];
	return NULL;
}

static const struct api_field *field_before(const struct cli_verb *v, const char *previous)
{
	char field[64];

	if (v->fields < 0 || strncmp(previous, "--", 2) != 0)
		return NULL;
	cli_field_name(previous + 2, field, sizeof(field));
	return cli_takes_field(v, field) ? api_field_find((enum api_noun)v->fields, field) : NULL;
}

/* The verb's own option before the word, if it takes a value. */
static const struct cli_option *option_before(
	const struct cli_option *options, const char *previous)
{
	for (const struct cli_option *o = options; o && o->name; o++)
		if (o->value && strncmp(previous, "--", 2) == 0 &&
			strcmp(o->name, previous + 2) == 0)
			return o;
	return NULL;
}

/* What the verb's operand is a name of; NULL: of nothing that is there already. */
static const char *noun_of_names(const struct cli_verb *v)
{
	if (v->operand_name && strstr(v->operand_name, "PORT"))
		return "port";
	/* A device is added to an uplink that is there. */
	if (v->verb && (strcmp(v->verb, "add") == 0 || strcmp(v->verb, "create") == 0) &&
		strcmp(v->noun, "uplink") != 0)
		return NULL;
	return v->noun;
}

static void offer_rest(const struct cli_verb *v, const char *previous, const char *word,
	bool is_operand, const char *run_dir)
{
	const struct api_field *f = field_before(v, previous);
	const struct cli_option *o = option_before(v->options, previous);

	if (!o)
		o = option_before(v->more, previous);
	if (o)
		offer_own_values(run_dir, o->value, word);
	else if (f)
		offer_values(run_dir, f, word);
	else if (word[0] == '-')
		offer_options(v, word);
	else if (is_operand && (v->operand == CLI_NAME || v->operand == CLI_OPTIONAL_NAME) &&
		 noun_of_names(v))
		offer_names(run_dir, noun_of_names(v), word);
	else if (is_operand && v->words)
		offer_words(v->words, word);
	else if (v->operand != CLI_FILE)
		offer_options(v, word);
}

static const char *const globals[] = { "--json", "--run-dir", "--help", "--version", NULL };

int cli_complete(int argc, char **argv, const char *run_dir)
{
	const struct cli_verb *v;
	const char *word = argc > 0 ? argv[argc - 1] : "";
	bool is_help = argc > 1 && strcmp(argv[0], "help") == 0;
	int first;

	if (is_help) {
		argc--;
		argv++;
	}
	if (argc <= 1 && word[0] == '-')
		offer_words(globals, word);
	else if (argc <= 1)
		offer_first(word, is_help);
	if (argc <= 1)
		return CLI_DONE;
	v = verb_of(argv[0], argc > 2 ? argv[1] : "");
	if (argc == 2 && !(v && !v->verb)) {
		offer_verbs(argv[0], word);
		return CLI_DONE;
	}
	if (!v || is_help)
		return CLI_DONE;
	first = v->verb ? 2 : 1;
	offer_rest(v, argv[argc - 2], word, argc - 1 == first, run_dir);
	return CLI_DONE;
}

int cli_completion(struct cli *cli)
{
	if (strcmp(cli->args.operand, "bash") != 0)
		return cli_fail(cli, "no completion for that shell: only bash");
	puts("# bash completion of shunt: source <(shunt completion bash)\n"
	     "_shunt()\n"
	     "{\n"
	     "\tlocal IFS=$'\\n'\n"
	     "\tCOMPREPLY=($(\"${COMP_WORDS[0]}\" complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" "
	     "2>/dev/null))\n"
	     "}\n"
	     "complete -o default -F _shunt shunt");
	return CLI_DONE;
}
