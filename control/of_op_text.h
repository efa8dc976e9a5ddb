/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The way back of of_compile.h, for traces: what the dataplane does, in ovs-ofctl's words. Pure.
 */
#pragma once

#include "dataplane/pipeline.h"
#include "ofproto/action.h"

/** One operation, as of_actions_format has its action; appended without a final 0. */
void of_op_text(const struct dp_op *op, struct of_buf *out);

/**
 * What a change of headers has come to, as a match that the new frame fulfils: "tcp,nw_ttl=63".
 * Empty when nothing of the frame has changed.
 */
void of_change_text(
	const struct sh_flow_key *was, const struct sh_flow_key *is, struct of_buf *out);
