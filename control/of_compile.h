/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From OpenFlow's instructions and actions to the dataplane's programs: the one place that knows
 * both. Control thread.
 */
#pragma once

#include "dataplane/pipeline.h"
#include "ofproto/switch.h"

/* Of the flow that a program is for. */
struct of_compile_ctx {
	const struct of_switch *sw; /* where groups and meters are found */
	bool is_miss;               /* the table-miss flow: packet-ins say so */
};

/** errors: -EINVAL with reterr_of (no such group or meter), -ENOMEM, -E2BIG */
int of_compile_instructions(const struct of_compile_ctx *ctx, const struct of_instructions *from,
	struct dp_program **ret, struct of_err *reterr_of);

/** A list that is applied at once, as of a packet-out. */
int of_compile_actions(const struct of_compile_ctx *ctx, const struct of_actions *from,
	struct dp_program **ret, struct of_err *reterr_of);

/** A bucket's, which is an action set: done in the set's order. */
int of_compile_bucket(const struct of_compile_ctx *ctx, const struct of_actions *from,
	struct dp_program **ret, struct of_err *reterr_of);
