/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Folders and socket paths that all programs agree on. Runs on any thread; reads the environment,
 * touches no file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/paths.h"
#include "build-config.h"

const char *sh_version(void)
{
	return SHUNT_VERSION;
}

const char *sh_group(void)
{
	return SHUNT_GROUP;
}

const char *sh_run_dir(const char *option)
{
	const char *env = getenv("SHUNT_RUN_DIR");

	if (option)
		return option;
	return env && *env ? env : SHUNT_RUN_DIR;
}

const char *sh_state_dir(const char *option)
{
	return option ? option : SHUNT_STATE_DIR;
}

int sh_socket_path(const char *dir, const char *name, char *ret, size_t size, struct sh_err *err)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path);
	int n;

	n = name[0] == '/' ? snprintf(ret, size, "%s", name)
			   : snprintf(ret, size, "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= max || (size_t)n >= size)
		return sh_err_set(err, -ENAMETOOLONG,
			"socket path of %d bytes is too long (at most %zu): use a shorter name or "
			"run folder",
			n, max - 1);
	return 0;
}
