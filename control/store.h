/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where the configuration lives: the file that shuntd owns, or a read-only one given with -c.
 */
#pragma once

#include "conf/yaml.h"

struct store {
	const char *path;
	bool read_only;
	char own_path[4096];
};

/** file: of -c, or NULL for STATE_DIR/config.yaml. errors: -ENAMETOOLONG. */
int store_init(struct store *store, const char *file, const char *state_dir, struct sh_err *err);

/** Read the configuration; an own file that is not there yet is an empty one. */
int store_load(const struct store *store, const struct conf_env *env, struct conf *ret,
	struct sh_err *err);

/**
 * Write the configuration so that a crash at any moment leaves the old or the new one, whole.
 *
 * errors:  -errno with a sentence; the file is then the old one. Read-only: nothing to do
 * thread:  control
 */
int store_save(const struct store *store, const struct conf *conf, struct sh_err *err);
