/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests about flows: flow-mod (OpenFlow 1.3.5, 7.3.4.1), the filter of flow and aggregate
 * statistics, and packet-out. Any thread.
 */
#include <errno.h>

#include "of13_wire.h"

#define ALL_FLAGS                                                                                  \
	(OF_FF_SEND_FLOW_REM | OF_FF_CHECK_OVERLAP | OF_FF_RESET_COUNTS | OF_FF_NO_PKT_COUNTS |    \
		OF_FF_NO_BYT_COUNTS)

static bool is_delete(uint8_t command)
{
	return command == OF_FC_DELETE || command == OF_FC_DELETE_STRICT;
}

static void read_flow_mod(struct of_cursor *c, struct of_flow_mod *mod)
{
	mod->cookie = of13_u64(c);
	mod->cookie_mask = of13_u64(c);
	mod->table = of13_u8(c);
	mod->command = of13_u8(c);
	mod->idle_timeout_s = of13_u16(c);
	mod->hard_timeout_s = of13_u16(c);
	mod->priority = of13_u16(c);
	mod->buffer_id = of13_u32(c);
	mod->out_port = of13_u32(c);
	mod->out_group = of13_u32(c);
	mod->flags = of13_u16(c);
	of13_skip(c, 2);
}

/* Only deletion asks for flows that send there. */
static int check_out(struct of13_in *in)
{
	struct of_flow_mod *mod = &in->ret->flow_mod;

	if (!is_delete(mod->command)) {
		mod->out_port = OF_PORT_ANY;
		mod->out_group = OF_GROUP_ANY;
	}
	if (!of13_port_is_possible(in, mod->out_port))
		return of13_refuse(in, OF_ET_BAD_ACTION, OF_BA_BAD_OUT_PORT);
	return 0;
}

static int check_flow_mod(struct of13_in *in)
{
	const struct of_flow_mod *mod = &in->ret->flow_mod;
	bool all = mod->table == OF_TABLE_ALL && is_delete(mod->command);

	if (mod->table >= OF_N_TABLES && !all)
		return of13_refuse(in, OF_ET_FLOW_MOD_FAILED, OF_FM_BAD_TABLE_ID);
	if (mod->command > OF_FC_DELETE_STRICT)
		return of13_refuse(in, OF_ET_FLOW_MOD_FAILED, OF_FM_BAD_COMMAND);
	if (mod->flags & ~ALL_FLAGS)
		return of13_refuse(in, OF_ET_FLOW_MOD_FAILED, OF_FM_BAD_FLAGS);
	return check_out(in);
}

int of13_decode_flow_mod(struct of13_in *in)
{
	struct of_flow_mod *mod = &in->ret->flow_mod;
	struct of_action_limits limits = *in->limits;
	size_t n;
	int r;

	read_flow_mod(&in->body, mod);
	n = in->body.left;
	r = of_match_decode(&in->body, &mod->match, in->reterr_of);
	if (r == 0)
		r = check_flow_mod(in);
	if (r < 0)
		return r;
	if (n > OF13_MAX_FLOW_LEN)
		return of13_refuse(in, OF_ET_FLOW_MOD_FAILED, OF_FM_UNKNOWN);
	limits.match = &mod->match;
	return of_instructions_decode(
		&in->body, mod->table, &limits, &mod->instructions, in->reterr_of);
}

static int check_filter(struct of13_in *in)
{
	const struct of_flow_filter *flows = &in->ret->flows;

	if (in->body.left > 0)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
	if (flows->table >= OF_N_TABLES && flows->table != OF_TABLE_ALL)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_TABLE_ID);
	if (!of13_port_is_possible(in, flows->out_port))
		return of13_refuse(in, OF_ET_BAD_ACTION, OF_BA_BAD_OUT_PORT);
	return 0;
}

/* OpenFlow 1.3.5, 7.3.5.2 and 7.3.5.3 */
int of13_decode_flow_filter(struct of13_in *in)
{
	struct of_flow_filter *flows = &in->ret->flows;
	int r;

	flows->table = of13_u8(&in->body);
	of13_skip(&in->body, 3);
	flows->out_port = of13_u32(&in->body);
	flows->out_group = of13_u32(&in->body);
	of13_skip(&in->body, 4);
	flows->cookie = of13_u64(&in->body);
	flows->cookie_mask = of13_u64(&in->body);
	r = of_match_decode(&in->body, &flows->match, in->reterr_of);
	return r < 0 ? r : check_filter(in);
}

static bool is_source(const struct of13_in *in, uint32_t port)
{
	return port <= in->limits->max_port || port == OF_PORT_LOCAL ||
	       port == OF_PORT_CONTROLLER || port == OF_PORT_ANY;
}

/* OpenFlow 1.3.5, 7.3.7 */
int of13_decode_packet_out(struct of13_in *in)
{
	struct of_packet_out *out = &in->ret->packet_out;
	uint16_t n_actions;
	int r;

	out->buffer_id = of13_u32(&in->body);
	out->in_port = of13_u32(&in->body);
	n_actions = of13_u16(&in->body);
	of13_skip(&in->body, 6);
	if (n_actions % 8 || n_actions > in->body.left)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
	r = of_actions_decode(&in->body, n_actions, in->limits, &out->actions, in->reterr_of);
	if (r < 0)
		return r;
	if (!is_source(in, out->in_port))
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_PORT);
	if (out->buffer_id != OF_NO_BUFFER)
		return 0;
	out->n_data = in->body.left;
	out->data = of_take(&in->body, in->body.left);
	return 0;
}
