/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether a model makes sense as a whole: references, duplicates, what belongs to which type. Pure:
 * what depends on the host comes in struct conf_env.
 */
#pragma once

#include <sched.h>

#include "conf/conf.h"

struct conf_env {
	const char *run_dir;
	cpu_set_t cpus; /* that workers may use */
};

/** As shuntd has it: the CPUs that this process may run on. */
void conf_env_init(struct conf_env *env, const char *run_dir);

/** For another reader of shuntd's configuration: whatever CPUs it names. */
void conf_env_init_reader(struct conf_env *env, const char *run_dir);

/**
 * Make every value canonical.
 *
 * errors:  -EINVAL, with a sentence and its place; -ENOMEM
 */
int conf_normalise(struct conf *conf, struct conf_where *where, struct sh_err *err);

/** Check a normalised model. errors: as conf_normalise, and -ENOENT, -EEXIST, -ENAMETOOLONG. */
int conf_check(const struct conf *conf, const struct conf_env *env, struct conf_where *where,
	struct sh_err *err);

/** Put the place in front of a sentence: "port 'web1': ", "PF 'eth0': vfs[1]: ". return: code. */
int conf_name_place(
	const struct conf *conf, const struct conf_where *where, int code, struct sh_err *err);

/** As conf_name_place, but only what is inside the item: nothing, or "vfs[1]: ". */
int conf_name_nested_place(const struct conf_where *where, int code, struct sh_err *err);
