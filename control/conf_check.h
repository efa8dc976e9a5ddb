/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether a model makes sense as a whole: references, duplicates, what belongs to which type. Pure:
 * what depends on the host comes in struct conf_env.
 */
#pragma once

#include <sched.h>

#include "conf.h"

struct conf_env {
	const char *run_dir;
	cpu_set_t cpus; /* that workers may use */
};

void conf_env_init(struct conf_env *env, const char *run_dir);

/**
 * Make every value canonical.
 *
 * errors:  -EINVAL, with a sentence and its place; -ENOMEM
 */
int conf_normalise(struct conf *conf, struct conf_where *where, struct sh_err *err);

/** Check a normalised model. errors: as conf_normalise, and -ENOENT, -EEXIST, -ENAMETOOLONG. */
int conf_check(const struct conf *conf, const struct conf_env *env, struct conf_where *where,
	struct sh_err *err);

/* The parts of conf_check. */
int conf_check_port(const struct conf *conf, const struct conf_item *port,
	const struct conf_env *env, struct conf_where *where, struct sh_err *err);
int conf_check_unique(const struct conf *conf, const struct conf_env *env, struct conf_where *where,
	struct sh_err *err);

/** Set where to a field and err to a sentence; returns code. */
int conf_fail(struct conf_where *where, const char *field, struct sh_err *err, int code,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));
