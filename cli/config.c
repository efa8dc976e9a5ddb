/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `shunt config show` and `shunt config check`. Checking is shuntd's own, run as a program, so it
 * is the same parser and needs no running daemon.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "cli.h"

int cli_config_show(struct cli *cli)
{
	_cleanup_(api_client_freep) struct api_client *client = NULL;
	json_t *result = NULL;
	struct sh_err err;
	int r = cli_connect(cli, &err, &client);

	if (r == 0)
		r = api_client_call(client, "config.show", NULL, NULL, NULL, &err, &result);
	if (r < 0)
		return cli_fail(cli, err.text);
	if (cli->json)
		cli_print_json(result);
	else
		fputs(json_string_value(json_object_get(result, "text")), stdout);
	json_decref(result);
	return CLI_DONE;
}

int cli_config_check(struct cli *cli)
{
	/* Sockets are relative to the run folder, and their paths have a limit. */
	char *argv[] = { (char *)"shuntd", (char *)"--check", (char *)"-c",
		(char *)(uintptr_t)cli->args.operand, NULL, NULL, NULL };

	if (cli->run_dir) {
		argv[4] = (char *)"--run-dir";
		argv[5] = (char *)(uintptr_t)cli->run_dir;
	}
	return cli_exec(cli, "shuntd", "control", argv);
}
