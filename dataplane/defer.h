/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What workers may still be reading is freed later: when every worker has been quiescent since, by
 * QSBR. Never waits. Control thread.
 */
#pragma once

#include <stdbool.h>

struct dp;
struct dp_defer;

int dp_defer_new(struct dp *dp, struct dp_defer **ret);

/** No worker runs any more: run all that is left. */
void dp_defer_free(struct dp_defer *defer);

/** Run fn(p) after a grace period; out of memory, wait for one now. */
void dp_defer_call(struct dp_defer *defer, void *p, void (*fn)(void *p));

/** Run what is due. */
void dp_defer_poll(struct dp_defer *defer);
