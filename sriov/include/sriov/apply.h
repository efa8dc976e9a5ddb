/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Performing a plan: exactly its steps, each with bounded time, everything read back, and undone
 * when one fails.
 */
#pragma once

#include "base/err.h"
#include "sriov/bind.h"
#include "sriov/host.h"
#include "sriov/plan.h"

/* Whom to tell what is done. */
struct sriov_apply_report {
	void (*did)(const struct sriov_step *step, void *ctx); /* NULL: nobody */
	void *ctx;
};

/**
 * Perform a plan that was made for `before`, then read the host again and compare.
 *
 * return:  0: all of it is so, as read back
 * errors:  what went wrong, -errno of the kernel's; the sentence names the step, the driver and the
 *          kernel's own words, and says whether all is as before, or what is not
 * thread:  the caller's; blocks, bounded for each step
 */
int sriov_apply(const struct sriov_hands *hands, const struct sriov_host *before,
	const struct sriov_plan *plan, const struct sriov_apply_report *report, struct sh_err *err);
