/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a learn action makes of a frame (ovs-actions(7)). All is pure; any thread.
 */
#pragma once

#include "ofproto/request.h"

/* of_learn's flags: NX_LEARN_F_* */
#define OF_LEARN_SEND_FLOW_REM  0x1
#define OF_LEARN_DELETE_LEARNED 0x2

/** Bits of a frame's key that it reads: for the match of the flow, and all. */
void of_learn_reads(
	const struct of_learn *learn, struct sh_flow_key *ret_match, struct sh_flow_key *ret_all);

/** The action as it stands on the wire, behind Nicira's header, and back.
 * errors: -EINVAL, -ENOMEM. Free with free(). */
void of_learn_pack(const struct of_learn *learn, struct of_buf *out);
int of_learn_unpack(const uint8_t *packed, size_t n, struct of_learn **ret);

/** The flow that comes of it. errors: -ENOMEM */
int of_learn_flow(
	const struct of_learn *learn, const struct sh_flow_key *key, struct of_flow_mod *ret);
