/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Filters of captures, compiled by a thread of their own: a name in one is looked up, and the
 * control thread must not wait for that. Control thread.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

struct ctl;
struct dp_filter;

/* Called once; the filter, its callee's, when r is 0; err says why not. */
typedef void filter_done_fn(void *ctx, int r, struct dp_filter *filter, const struct sh_err *err);

/**
 * Compile a filter and call done from the event loop.
 *
 * errors:  -ENOMEM, -EAGAIN and others of threads; done is not called then
 */
int filter_compile(struct ctl *ctl, const char *text, uint32_t snaplen, filter_done_fn *done,
	void *ctx, struct sh_err *err);

/** Leave all that are under way to themselves: done is called with -ECANCELED. */
void filter_leave_all(struct ctl *ctl);
