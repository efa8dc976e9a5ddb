/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One invocation: global options, the verb's row, its arguments, the call, the exit status.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/paths.h"
#include "cli.h"

int cli_fail(const struct cli *cli, const char *message)
{
	const struct cli_verb *v = cli->verb;

	fprintf(stderr, "shunt: %s%s%s%s%s: %s\n", v->noun, v->verb ? " " : "",
		v->verb ? v->verb : "", cli->args.operand ? " " : "",
		cli->args.operand ? cli->args.operand : "", message);
	return CLI_FAILED;
}

void cli_print_json(const json_t *value)
{
	/* Numbers come with 17 digits, of which the last two are noise: 0.047989614999999999. */
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	putchar('\n');
}

int cli_connect(const struct cli *cli, struct sh_err *err, struct api_client **ret)
{
	char path[256];
	int r = sh_socket_path(sh_run_dir(cli->run_dir), "shunt.sock", path, sizeof(path), err);

	return r < 0 ? r : api_client_new(path, err, ret);
}

/* Options that take no value are parameters that are true. */
static void add_flags(struct cli *cli)
{
	const char *name;
	json_t *value;

	json_object_foreach (cli->args.flags, name, value) {
		char param[64];

		cli_field_name(name, param, sizeof(param));
		json_object_set(cli->args.params, param, value);
	}
}

int cli_call(struct cli *cli)
{
	_cleanup_(api_client_freep) struct api_client *client = NULL;
	json_t *result = NULL;
	struct sh_err err;
	int r = cli_connect(cli, &err, &client);

	add_flags(cli);
	if (r == 0)
		r = api_client_call(
			client, cli->verb->method, cli->args.params, NULL, NULL, &err, &result);
	if (r < 0)
		return cli_fail(cli, err.text);
	if (cli->json && cli->verb->reads)
		cli_print_json(result);
	else if (cli->verb->print)
		cli->verb->print(cli, result);
	json_decref(result);
	return CLI_DONE;
}

static const struct cli_verb *find_verb(const char *noun, const char *verb)
{
	for (unsigned i = 0; i < cli_n_verbs; i++) {
		const struct cli_verb *v = &cli_verbs[i];

		if (strcmp(v->noun, noun) != 0)
			continue;
		if (!v->verb || (verb && strcmp(v->verb, verb) == 0))
			return v;
	}
	return NULL;
}

static bool is_noun(const char *word)
{
	for (unsigned i = 0; i < cli_n_verbs; i++)
		if (strcmp(cli_verbs[i].noun, word) == 0)
			return true;
	return false;
}

static bool asks_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int no_noun(const char *noun)
{
	fprintf(stderr, "shunt: no noun '%s'", noun);
	cli_suggest(NULL, noun);
	return CLI_USAGE;
}

static int no_verb(const char *noun, const char *verb)
{
	fprintf(stderr, verb ? "shunt: %s: no verb '%s'" : "shunt: %s: a verb is missing", noun,
		verb);
	cli_suggest(noun, verb ? verb : "");
	return CLI_USAGE;
}

/* argv: what help is asked of, a noun, a verb */
static int show_help(int argc, char **argv)
{
	const char *noun = argc > 0 ? argv[0] : NULL, *verb = argc > 1 ? argv[1] : NULL;

	if (noun && !is_noun(noun))
		return no_noun(noun);
	if (verb && !find_verb(noun, verb))
		return no_verb(noun, verb);
	cli_help(stdout, noun, verb);
	return CLI_DONE;
}

/* argv begins with the noun. */
static int run_verb(struct cli *cli, int argc, char **argv)
{
	const char *noun = argv[0], *verb = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
	struct sh_err err = { "" };
	int taken, status;

	if (noun[0] == '-') {
		fprintf(stderr, "shunt: no option %s: see 'shunt --help'\n", noun);
		return CLI_USAGE;
	}
	if (!is_noun(noun))
		return no_noun(noun);
	cli->verb = find_verb(noun, verb);
	if (asks_help(argc, argv)) {
		cli_help(stdout, noun, cli->verb ? cli->verb->verb : NULL);
		return CLI_DONE;
	}
	if (!cli->verb)
		return no_verb(noun, verb);
	taken = cli->verb->verb ? 2 : 1;
	if (cli->verb->program_verb) {
		cli->rest = argv + taken;
		cli->n_rest = argc - taken;
		return cli->verb->run(cli);
	}
	if (cli_args_parse(cli->verb, argc - taken, argv + taken, &cli->args, &err) < 0) {
		cli_fail(cli, err.text);
		return CLI_USAGE;
	}
	status = cli->verb->run(cli);
	cli_args_done(&cli->args);
	return status;
}

/* Global options may stand before the noun or behind everything. return: words that are left, -1
 * for an option without its value */
static int take_globals(struct cli *cli, int argc, char **argv)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "-j") == 0 || strcmp(argv[i], "--json") == 0)
			cli->json = true;
		else if (strcmp(argv[i], "--run-dir") == 0 && i + 1 == argc)
			return -1;
		else if (strcmp(argv[i], "--run-dir") == 0)
			cli->run_dir = argv[++i];
		else if (strncmp(argv[i], "--run-dir=", 10) == 0)
			cli->run_dir = argv[i] + 10;
		else
			argv[n++] = argv[i];
	}
	return n;
}

int cli_main(int argc, char **argv)
{
	struct cli cli = { 0 };

	argv++;
	argc--;
	/* The value of --run-dir is a folder, which bash completes by itself. */
	if (argc > 2 && strcmp(argv[0], "complete") == 0 &&
		strcmp(argv[argc - 2], "--run-dir") == 0)
		return CLI_DONE;
	argc = take_globals(&cli, argc, argv);
	if (argc < 0) {
		fprintf(stderr, "shunt: --run-dir needs a value\n");
		return CLI_USAGE;
	}
	if (argc > 0 && strcmp(argv[0], "complete") == 0)
		return cli_complete(argc - 1, argv + 1, cli.run_dir);
	if (argc > 0 && strcmp(argv[0], "help-scdoc") == 0)
		return cli_help_scdoc();
	if (argc > 0 && strcmp(argv[0], "help-scdoc-fields") == 0)
		return cli_help_scdoc_fields();
	if (argc > 0 && strcmp(argv[0], "--version") == 0) {
		printf("shunt %s\n", sh_version());
		return CLI_DONE;
	}
	if (argc == 0) {
		cli_help(stderr, NULL, NULL);
		return CLI_USAGE;
	}
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 ||
		strcmp(argv[0], "help") == 0)
		return show_help(argc - 1, argv + 1);
	return run_verb(&cli, argc, argv);
}
