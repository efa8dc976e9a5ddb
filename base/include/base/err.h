/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One sentence for the user beside the -errno for the program. The function that knows what the
 * user can do about a failure writes the sentence; its callers hand it on unchanged.
 */
#pragma once

struct sh_err {
	char text[512];
};

/**
 * Set the sentence and return the code, so that a failing function ends in one line:
 * `return sh_err_set(err, -ENOENT, "no such port group '%s'", name);`
 *
 * return:  code
 * errors:  none; err may be NULL; a sentence too long is cut
 * thread:  any, the caller owns err
 */
int sh_err_set(struct sh_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * Put "CONTEXT: " in front of a sentence that a callee wrote.
 *
 * return:  code
 * thread:  any, the caller owns err
 */
int sh_err_prefix(struct sh_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
