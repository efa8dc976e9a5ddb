/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a request owns: actions, instructions, buckets and bands. Whoever keeps one of them clears
 * the pointer in the request. Any thread.
 */
#include <stdlib.h>

#include "ofproto/request.h"

static void packet_out_done(struct of_request *request)
{
	of_actions_done(&request->packet_out.actions);
}

static void flow_mod_done(struct of_request *request)
{
	of_instructions_done(&request->flow_mod.instructions);
}

static void group_mod_done(struct of_request *request)
{
	struct of_group_mod *mod = &request->group_mod;

	for (unsigned i = 0; mod->buckets && i < mod->n_buckets; i++)
		of_actions_done(&mod->buckets[i].actions);
	free(mod->buckets);
}

static void meter_mod_done(struct of_request *request)
{
	free(request->meter_mod.bands);
}

/* Of the kinds that own something. */
static void (*const done[OF_N_REQUESTS])(struct of_request *request) = {
	[OF_REQ_PACKET_OUT] = packet_out_done,
	[OF_REQ_FLOW_MOD] = flow_mod_done,
	[OF_REQ_GROUP_MOD] = group_mod_done,
	[OF_REQ_METER_MOD] = meter_mod_done,
};

void of_request_done(struct of_request *request)
{
	if (request->kind < OF_N_REQUESTS && done[request->kind])
		done[request->kind](request);
	*request = (struct of_request){
		.version = request->version,
		.kind = request->kind,
		.xid = request->xid,
	};
}
