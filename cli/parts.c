/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lists that may be long: shuntd answers in parts, so that a million flows keep it from nothing
 * else, and they are printed as they come. A list of one block is printed as any other: its columns
 * line up, and its JSON is indented.
 */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli.h"

#define PART  1000
#define BLOCK 20000

/* One array over all blocks, an object a line. */
static void print_json(const json_t *block, bool first, bool last)
{
	const json_t *object;
	size_t i;

	if (first && last) {
		cli_print_json(block);
		return;
	}
	json_array_foreach (block, i, object) {
		fputs(first && i == 0 ? "[\n" : ",\n", stdout);
		json_dumpf(object, stdout, JSON_REAL_PRECISION(15));
	}
	if (last)
		puts("\n]");
}

/* What is behind the object that was got last. If that is gone, behind the one before it: what came
 * after that is gone too, or it would have been found. */
static int ask(const struct cli *cli, struct api_client *client, const json_t *had,
	struct sh_err *err, json_t **ret)
{
	size_t n = json_array_size(had);
	int r;

	do {
		if (n)
			json_object_set(cli->args.params, "after", json_array_get(had, n - 1));
		r = api_client_call(
			client, cli->verb->method, cli->args.params, NULL, NULL, err, ret);
	} while (r == -ESTALE && n-- > 1);
	return r;
}

int cli_call_in_parts(struct cli *cli)
{
	_cleanup_(api_client_freep) struct api_client *client = NULL;
	json_t *part = NULL, *block = json_array();
	struct sh_err err;
	bool more = true;
	int r = cli_connect(cli, &err, &client);

	json_object_set_new(cli->args.params, "limit", json_integer(PART));
	while (r == 0 && more) {
		json_t *next = NULL;

		r = ask(cli, client, part, &err, &next);
		json_decref(part);
		part = next;
		more = json_array_size(part) > 0;
		json_array_extend(block, part);
		if (r < 0 || (more && json_array_size(block) < BLOCK))
			continue;
		if (cli->json)
			print_json(block, !cli->goes_on, !more);
		else if (!cli->goes_on || json_array_size(block))
			cli->verb->print(cli, block);
		json_array_clear(block);
		cli->goes_on = true;
	}
	json_decref(part);
	json_decref(block);
	return r < 0 ? cli_fail(cli, err.text) : CLI_DONE;
}
