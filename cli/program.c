/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The other programs of Shunt that the command line becomes: shuntd to check a file, shunt-sriov
 * for the noun sriov. Each is the one that was installed or built with this shunt.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"

/* Where a program may be, seen from this one: beside it, in sbin or libexec, in the build tree. */
static bool find_program(const char *name, const char *build_folder, char *path, size_t size)
{
	const char *folders[] = { ".", "../sbin", "../libexec", build_folder };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		const char *up = folders[i] == build_folder ? "../" : "";

		if (snprintf(path, size, "%s/%s%s/%s", self, up, folders[i], name) < (int)size &&
			access(path, X_OK) == 0)
			return true;
	}
	return false;
}

int cli_exec(const struct cli *cli, const char *name, const char *build_folder, char **argv)
{
	char path[PATH_MAX + 64], message[128];

	fflush(stdout);
	if (find_program(name, build_folder, path, sizeof(path)))
		execv(path, argv);
	else
		execvp(name, argv);
	snprintf(message, sizeof(message), "cannot run %s: %s: is it installed?", name,
		strerror(errno));
	return cli_fail(cli, message);
}

/* What it understands is its own to say, so it gets the words as they are. */
int cli_sriov(struct cli *cli)
{
	_cleanup_free_ char **argv = calloc((size_t)cli->n_rest + 4, sizeof(*argv));
	int n = 0;

	if (!argv)
		return cli_fail(cli, "out of memory");
	argv[n++] = (char *)"shunt-sriov";
	if (cli->json)
		argv[n++] = (char *)"-j";
	argv[n++] = (char *)(uintptr_t)cli->verb->program_verb;
	memcpy(argv + n, cli->rest, (size_t)cli->n_rest * sizeof(*argv));
	return cli_exec(cli, argv[0], "sriov", argv);
}
