/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An answer to a method that comes after the method has returned: its maker knows to whom, its
 * owner when.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"

struct later {
	/* Answers and frees; result is consumed, NULL for {}; err is of use when r < 0. */
	void (*finish)(struct later *later, int r, json_t *result, const struct sh_err *err);
};

static inline void later_finish(
	struct later *later, int r, json_t *result, const struct sh_err *err)
{
	later->finish(later, r, result, err);
}
