/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `shunt apply FILE`: sends the file's text, prints the plan that the daemon made of it, and shows
 * progress when it takes long.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "table.h"

#define MAX_FILE (900u << 10) /* what fits a line of the API with its escapes */

static int read_all(const char *path, char **ret, struct sh_err *err)
{
	_cleanup_fclose_ FILE *opened = NULL;
	_cleanup_free_ char *text = malloc(MAX_FILE + 2);
	FILE *f = stdin;
	size_t n;

	if (!text)
		return sh_err_set(err, -ENOMEM, "out of memory");
	if (strcmp(path, "-") != 0) {
		f = opened = fopen(path, "re");
		if (!f)
			return sh_err_set(err, -errno, "%s", strerror(errno));
	}
	n = fread(text, 1, MAX_FILE + 1, f);
	if (ferror(f))
		return sh_err_set(err, -errno, "%s", strerror(errno));
	/* A command in front of a pipe that failed is no order to remove everything. */
	if (n == 0 && f == stdin)
		return sh_err_set(err, -EINVAL, "is empty: for a switch without anything say ---");
	if (n > MAX_FILE)
		return sh_err_set(err, -EFBIG, "is larger than %u KiB", MAX_FILE >> 10);
	if (memchr(text, '\0', n))
		return sh_err_set(err, -EINVAL, "is no text");
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

static void show_progress(void *ctx, int done, int total, const char *text)
{
	/* One line that is written over on a terminal, a line each elsewhere. */
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%d of %d  %s%s", done, total, text,
			done == total ? "\n" : "");
	else
		fprintf(stderr, "%d of %d  %s\n", done, total, text);
}

static void print_fields(const json_t *fields, bool is_change)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)fields, key, value) {
		/* A change is a pair, from and to. */
		_cleanup_free_ char *from = cli_text(is_change ? json_array_get(value, 0) : NULL);
		_cleanup_free_ char *to = cli_text(is_change ? json_array_get(value, 1) : value);

		if (is_change)
			printf(" %s %s -> %s", key, from && *from ? from : "none",
				to && *to ? to : "none");
		else
			printf(" %s %s", key, to ? to : "");
	}
}

static const char *sign_of(const char *action)
{
	if (strcmp(action, "add") == 0)
		return "+";
	return strcmp(action, "del") == 0 ? "-" : "~";
}

static void print_plan(const json_t *result)
{
	json_t *step, *warning;
	size_t i;

	json_array_foreach (json_object_get(result, "steps"), i, step) {
		const char *action = json_string_value(json_object_get(step, "action"));
		const char *noun = json_string_value(json_object_get(step, "noun"));
		const char *name = json_string_value(json_object_get(step, "name"));
		const char *note = json_string_value(json_object_get(step, "note"));

		printf("%s %s%s%s", sign_of(action ? action : ""), noun ? noun : "",
			name && *name ? " " : "", name ? name : "");
		print_fields(json_object_get(step, "fields"), action && strcmp(action, "set") == 0);
		printf("%s%s%s\n", note ? " (" : "", note ? note : "", note ? ")" : "");
	}
	if (json_array_size(json_object_get(result, "steps")) == 0)
		printf("nothing to change\n");
	json_array_foreach (json_object_get(result, "warnings"), i, warning)
		fprintf(stderr, "shunt: warning: %s\n", json_string_value(warning));
}

int cli_apply(struct cli *cli)
{
	_cleanup_(api_client_freep) struct api_client *client = NULL;
	_cleanup_free_ char *text = NULL;
	json_t *result = NULL, *params;
	struct sh_err err;
	int r = read_all(cli->args.operand, &text, &err);

	if (r < 0)
		return cli_fail(cli, err.text);
	params = json_pack("{s:s, s:s, s:b}", "text", text, "file", cli->args.operand, "dry_run",
		cli_flag(cli, "dry-run"));
	if (!params)
		return cli_fail(cli, "is no text in UTF-8");
	r = cli_connect(cli, &err, &client);
	if (r == 0)
		r = api_client_call(client, "apply", params, show_progress, NULL, &err, &result);
	json_decref(params);
	if (r < 0)
		return cli_fail(cli, err.text);
	if (cli->json)
		cli_print_json(result);
	else
		print_plan(result);
	json_decref(result);
	return CLI_DONE;
}
