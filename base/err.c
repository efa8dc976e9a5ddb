/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sentence beside an error code. Talks to nobody; runs on any thread, since each caller owns
 * the struct it passes.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

int sh_err_set(struct sh_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

int sh_err_prefix(struct sh_err *err, int code, const char *fmt, ...)
{
	struct sh_err old;
	va_list ap;
	size_t n;

	if (!err)
		return code;
	old = *err;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, ": %s", old.text);
	return code;
}
