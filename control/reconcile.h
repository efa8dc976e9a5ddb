/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Carrying out a plan: all of it, or nothing.
 */
#pragma once

#include "plan.h"
#include "switch.h"

struct reconcile_watch {
	/* Called after each step. */
	void (*progress)(void *ctx, unsigned done, unsigned total, const char *text);
	void *ctx;
};

/**
 * Make the switch what `to` says; it is what `from` says.
 *
 * The caller settles the switch (switch_settle) when the change is over.
 *
 * lenient: a port that cannot be made is kept with its error (start; undo)
 * errors:  of the step that failed; all before it are undone, and the switch is `from` again
 * thread:  control
 */
int reconcile(struct switch_state *sw, const struct conf *from, const struct conf *to,
	const struct plan *plan, bool lenient, const struct reconcile_watch *watch,
	struct sh_err *err);

/**
 * Go back from `to`, which a whole reconcile with this plan has just reached, to `from`. What fails
 * is logged. Needs no memory for itself.
 */
void reconcile_undo(struct switch_state *sw, const struct conf *from, const struct conf *to,
	const struct plan *plan);
