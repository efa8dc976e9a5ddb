/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a group-mod has to say, judged before anything is done (OpenFlow 1.3.5, 6.7).
 */
#pragma once

#include "state.h"

/**
 * Everything about a group that is to be, but whether one of its number is there.
 *
 * errors:  -EINVAL with reterr_of
 */
int of_group_check(struct of_switch *sw, const struct of_group_mod *mod, struct of_err *reterr_of);

/** Call fn with each group, once, that these buckets forward to. */
void of_buckets_each_group(struct of_switch *sw, const struct of_group *group,
	void (*fn)(void *arg, struct of_group_entry *to), void *arg);
