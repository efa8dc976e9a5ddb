/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where a host keeps Shunt's sockets and state, and the version, as the build was told.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

const char *sh_version(void);

/** The group whose members may use the API socket. */
const char *sh_group(void);

/** The run folder: the option if it is given, else $SHUNT_RUN_DIR, else the built-in one. */
const char *sh_run_dir(const char *option);

/** The state folder: the option if it is given, else the built-in one. */
const char *sh_state_dir(const char *option);

/**
 * Write "DIR/NAME" (or NAME alone when it is absolute) as the path of a UNIX socket.
 *
 * units:   size in bytes, at least that of sockaddr_un.sun_path (108)
 * errors:  -ENAMETOOLONG when the path, with its final 0, does not fit sun_path
 * thread:  any
 */
int sh_socket_path(const char *dir, const char *name, char *ret, size_t size, struct sh_err *err);
