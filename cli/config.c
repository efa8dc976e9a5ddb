/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `shunt config show` and `shunt config check`. Checking is shuntd's own, run as a program, so it
 * is the same parser and needs no running daemon.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* The shuntd that belongs to this shunt: beside it, in sbin, or in the build tree. */
static bool find_shuntd(char *path, size_t size)
{
	static const char *const places[] = { "shuntd", "../sbin/shuntd", "../control/shuntd" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (snprintf(path, size, "%s/%s", self, places[i]) < (int)size &&
			access(path, X_OK) == 0)
			return true;
	}
	return false;
}

int cli_config_check(struct cli *cli)
{
	char path[PATH_MAX + 32];
	/* Sockets are relative to the run folder, and their paths have a limit. */
	char *argv[] = { (char *)"shuntd", (char *)"--check", (char *)"-c",
		(char *)(uintptr_t)cli->args.operand, NULL, NULL, NULL };

	fflush(stdout);
	if (cli->run_dir) {
		argv[4] = (char *)"--run-dir";
		argv[5] = (char *)(uintptr_t)cli->run_dir;
	}
	if (find_shuntd(path, sizeof(path)))
		execv(path, argv);
	else
		execvp("shuntd", argv);
	return cli_fail(cli, "cannot run shuntd: is it installed?");
}
