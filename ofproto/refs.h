/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which flows refer to a group or a meter: so that they go with it, without a walk over all flows.
 * And which teach flows that are to go with them (taught.h).
 * A flow that names a group twice refers to it once.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include "ofproto/action.h"

struct of_entry;
struct of_switch;

LIST_HEAD(of_ref_list, of_ref);

/* A group or a meter, as what refers to it sees it. */
struct of_target {
	struct of_ref_list refs;
	uint64_t mark;  /* the last walk that came by; see of_target_is_fresh */
	uint32_t n;     /* refs */
	bool is_taught; /* neither: part of a struct of_taught */
};

struct of_ref {
	LIST_ENTRY(of_ref) link;
	struct of_target *target;
	struct of_entry *entry;
};

struct of_refs {
	uint32_t n;
	struct of_ref refs[];
};

/** A walk that wants each target once: true when it has not come by yet. */
bool of_target_is_fresh(struct of_target *target, uint64_t mark);

/**
 * What the instructions refer to; *ret is NULL when that is nothing. Free with free().
 *
 * errors:  -EINVAL with reterr_of (BAD_ACTION BAD_OUT_GROUP, METER_MOD_FAILED INVALID_METER: what
 *          Open vSwitch answers); -ENOMEM
 */
int of_refs_new(struct of_switch *sw, const struct of_instructions *instructions,
	struct of_refs **ret, struct of_err *reterr_of);
void of_refs_link(struct of_refs *refs, struct of_entry *entry);
void of_refs_unlink(struct of_switch *sw, struct of_refs *refs);
