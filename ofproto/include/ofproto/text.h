/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Flows as people write them, in ovs-ofctl's syntax: ovs-fields(7) for what is matched,
 * ovs-actions(7) for what is done. The way back of of_match_format and of_instructions_format: what
 * they print is read as what it was. Pure.
 */
#pragma once

#include "base/err.h"
#include "ofproto/request.h"

/* Names that the text may use. */
struct of_text_names {
	/* The OpenFlow number of a port. return: 0, or -ENOENT */
	int (*port)(void *ctx, const char *name, uint32_t *ret);
	void *ctx;
	uint32_t max_port; /* numbers above, that are not OFPP_*, are no ports */
};

/**
 * Read a match, "in_port=web1,tcp,nw_dst=10.0.0.0/8". The order of its words does not matter, and
 * what a field needs must be said ("tcp" with "tp_dst").
 *
 * shape:   names may be NULL: ports by number alone
 * errors:  -EINVAL with a sentence that begins with the wrong word, -ENOMEM
 * thread:  any
 */
int of_match_parse(const char *text, const struct of_text_names *names, struct of_match *ret,
	struct sh_err *err);

/**
 * Read a flow for a command: "table=1,priority=7,tcp,actions=output:2". To delete, there are no
 * actions, and a match alone will do. Counters that a listing has are read over.
 *
 * shape:   names may be NULL; ret is to be given to of_instructions_done
 * errors:  as of_match_parse
 * thread:  any
 */
int of_flow_parse(const char *text, enum of_flow_command command, const struct of_text_names *names,
	struct of_flow_mod *ret, struct sh_err *err);

/**
 * Read instructions: actions, and goto_table and its like beside them.
 *
 * shape:   match is that of the flow, table its own
 * errors:  as of_match_parse
 * thread:  any
 */
int of_instructions_parse(const char *text, const struct of_text_names *names,
	const struct of_match *match, uint8_t table, struct of_instructions *ret,
	struct sh_err *err);
