/* SPDX-License-Identifier: BSD-3-Clause
 *
 * shuntd's life: start, the event loop, reload, end.
 */
#pragma once

#include "base/err.h"

struct daemon_conf {
	const char *file; /* -c, or NULL */
	const char *run_dir;
	const char *state_dir;
	const char *vmm; /* program of virtual machines, or NULL */
};

/** return: after SIGTERM or SIGINT. errors: it did not start. */
int daemon_run(const struct daemon_conf *conf, struct sh_err *err);

/**
 * --check: read the configuration and nothing else; the file "-" is standard input.
 *
 * errors:  as conf_load_input
 */
int daemon_check(const struct daemon_conf *conf, struct sh_err *err);
