/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Memory that runs out when a test wants it: linked into a test, it takes the place of malloc and
 * its kin for the whole process, libraries included.
 */
#pragma once

#include <stdbool.h>

enum fail_malloc_mode {
	FAIL_ONE,   /* the n-th allocation alone */
	FAIL_AFTER, /* and every one after it */
};

/** From now on the n-th allocation (from 1) fails. thread: one, and no other may run. */
void fail_malloc_arm(unsigned n, enum fail_malloc_mode mode);

/** Stop it. return: whether any allocation has failed. */
bool fail_malloc_disarm(void);

/**
 * Run op again and again with its 1st, 2nd, ... allocation failing until none does; then it must
 * return 0. After each run check is called with what op returned, memory being there again.
 *
 * return:  how many allocations op makes
 */
unsigned fail_malloc_each(
	int (*op)(void *ctx), void (*check)(void *ctx, int r, bool failed), void *ctx);
