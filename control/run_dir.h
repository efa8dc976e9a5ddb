/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The run folder and the state folder: making them, and being the only shuntd there.
 */
#pragma once

#include "base/err.h"

/** Make a folder and those above it. errors: -errno with a sentence. */
int run_dir_make(const char *path, struct sh_err *err);

/**
 * Lock the run folder until the process ends.
 *
 * return:  the lock's descriptor
 * errors:  -EBUSY (another shuntd has it, with its pid), -errno
 */
int run_dir_lock(const char *path, struct sh_err *err);
