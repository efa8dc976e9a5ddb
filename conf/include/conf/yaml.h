/* SPDX-License-Identifier: BSD-3-Clause
 *
 * YAML text to model and back. Pure but for the reading of conf_load_file and
 * conf_load_input.
 */
#pragma once

#include <stddef.h>

#include "conf/conf.h"
#include "conf/check.h"

/**
 * Read, normalise and check a configuration; file is its name in messages.
 *
 * errors:  -EINVAL, -ENOMEM; the sentence starts with "FILE:LINE: "
 * thread:  any
 */
int conf_load_text(const char *text, size_t len, const char *file, const struct conf_env *env,
	struct conf *ret, struct sh_err *err);

/** errors: as conf_load_text, and -errno of reading the file (-ENOENT: there is none). */
int conf_load_file(
	const char *path, const struct conf_env *env, struct conf *ret, struct sh_err *err);

/** The same, for who reads once: the path "-" is standard input. */
int conf_load_input(
	const char *path, const struct conf_env *env, struct conf *ret, struct sh_err *err);

/** return: 0 and a text to free. errors: -ENOMEM. */
int conf_save_text(const struct conf *conf, char **ret, struct sh_err *err);
