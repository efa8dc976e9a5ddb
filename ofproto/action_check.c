/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether actions fit the flow's match and what went before them in the list: a field is written
 * only where the match, or a push, says that its header is there (OpenFlow 1.3.5, 6.4 and 7.2.5).
 * Open vSwitch refuses the same with the same code. Pure; any thread.
 */
#include <string.h>

#include "action_kind.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

#define ETH_TYPE_PBB 0x88e7

#define IP (OF_PREREQ_IPV4 | OF_PREREQ_IPV6)

void of_action_state_init(struct of_action_state *state, const struct of_match *match)
{
	memset(state, 0, sizeof(*state));
	if (!match)
		return;
	state->is_checked = true;
	state->match = *match;
	state->n_vlans = match->value.vlan_vid[0] & SH_VLAN_THERE >> 8 ? 1 : 0;
}

static bool holds(const struct of_action_state *state, uint32_t prereq)
{
	if (!prereq || !state->is_checked || state->is_open)
		return true;
	return (of_prereqs_held(&state->match.value, &state->match.mask) & prereq) != 0;
}

static int inconsistent(struct of_err *reterr_of)
{
	return of_bad_action(reterr_of, OF_BA_MATCH_INCONSISTENT);
}

static void set_n_vlans(struct of_action_state *state, unsigned n)
{
	static const uint8_t there[] = { SH_VLAN_THERE >> 8, 0 }, none[] = { 0, 0 };

	state->n_vlans = (uint8_t)n;
	of_match_set(&state->match, OF_FIELD_VLAN_VID, n > 0 ? there : none, there);
}

static void set_proto(struct of_action_state *state, uint8_t proto, bool known)
{
	state->match.value.ip_proto = proto;
	state->match.mask.ip_proto = known ? 0xff : 0;
}

/* What is behind a type that has changed is opaque: no protocol is known. */
static void set_type(struct of_action_state *state, uint16_t eth_type)
{
	uint8_t value[] = { (uint8_t)(eth_type >> 8), (uint8_t)eth_type };

	of_match_set(&state->match, OF_FIELD_ETH_TYPE, value, NULL);
	set_proto(state, 0, false);
}

/* A field was written that says what follows. value: NULL when it is not known as a whole */
static void follow_write(struct of_action_state *state, enum of_field_id id, const uint8_t *value)
{
	if (id == OF_FIELD_ETH_TYPE)
		set_type(state, value ? of_get_u16(value) : 0);
	else if (id == OF_FIELD_IP_PROTO)
		set_proto(state, value ? *value : 0, value != NULL);
}

/* What a header's coming or going leaves behind. */
static void follow(struct of_action_state *state, const struct of_action *a)
{
	switch (a->type) {
	case OF_ACTION_PUSH_VLAN:
		set_n_vlans(state, state->n_vlans < UINT8_MAX ? state->n_vlans + 1u : UINT8_MAX);
		break;
	case OF_ACTION_POP_VLAN:
		set_n_vlans(state, state->n_vlans > 0 ? state->n_vlans - 1u : 0);
		break;
	case OF_ACTION_PUSH_MPLS:
	case OF_ACTION_POP_MPLS:
		set_type(state, a->eth_type);
		break;
	case OF_ACTION_PUSH_PBB:
		set_type(state, ETH_TYPE_PBB);
		set_n_vlans(state, 0);
		state->is_open = false;
		break;
	case OF_ACTION_POP_PBB:
		state->is_open = true;
		break;
	default:
		break;
	}
}

/* Of actions that name no field. */
static const uint32_t needs[OF_N_ACTION_TYPES] = {
	[OF_ACTION_POP_VLAN] = OF_PREREQ_VLAN,
	[OF_ACTION_POP_MPLS] = OF_PREREQ_MPLS,
	[OF_ACTION_POP_PBB] = OF_PREREQ_PBB,
	[OF_ACTION_COPY_TTL_OUT] = OF_PREREQ_MPLS,
	[OF_ACTION_COPY_TTL_IN] = OF_PREREQ_MPLS,
	[OF_ACTION_SET_NW_TTL] = IP,
	[OF_ACTION_DEC_NW_TTL] = IP,
	[OF_ACTION_SET_MPLS_TTL] = OF_PREREQ_MPLS,
	[OF_ACTION_DEC_MPLS_TTL] = OF_PREREQ_MPLS,
	[OF_ACTION_FIN_TIMEOUT] = OF_PREREQ_TCP,
};

static uint32_t to_write(enum of_field_id id)
{
	return id == OF_FIELD_VLAN_VID ? OF_PREREQ_VLAN : of_field(id)->prereq;
}

static bool may_write(const struct of_action_state *state, enum of_field_id id)
{
	return holds(state, to_write(id));
}

uint32_t of_action_needs(const struct of_action *a)
{
	if (a->type == OF_ACTION_SET_FIELD)
		return to_write(a->set.field);
	if (a->type == OF_ACTION_MOVE)
		return of_field(a->move.from.field)->prereq | to_write(a->move.to.field);
	if (a->type == OF_ACTION_OUTPUT_REG)
		return of_field(a->output_reg.from.field)->prereq;
	return needs[a->type];
}

static bool may_read(const struct of_action_state *state, const struct of_subfield *sf)
{
	return sf->is_nxm || holds(state, of_field(sf->field)->prereq);
}

int of_action_check(
	struct of_action_state *state, const struct of_action *a, struct of_err *reterr_of)
{
	bool is_ok = holds(state, needs[a->type]);

	if (a->type == OF_ACTION_SET_FIELD)
		is_ok = may_write(state, a->set.field);
	else if (a->type == OF_ACTION_MOVE)
		is_ok = may_read(state, &a->move.from) && may_write(state, a->move.to.field);
	else if (a->type == OF_ACTION_OUTPUT_REG)
		is_ok = may_read(state, &a->output_reg.from);
	else if (a->type == OF_ACTION_LEARN && state->is_checked)
		return of_learn_check(a->learn, state->is_open ? NULL : &state->match, reterr_of);
	if (!is_ok)
		return inconsistent(reterr_of);
	follow(state, a);
	if (a->type == OF_ACTION_SET_FIELD)
		follow_write(state, a->set.field, of_set_is_whole(a) ? a->set.value : NULL);
	else if (a->type == OF_ACTION_MOVE)
		follow_write(state, a->move.to.field, NULL);
	return 0;
}

int of_action_set_check(
	struct of_action_state *state, const struct of_actions *set, struct of_err *reterr_of)
{
	for (unsigned i = 0; i < set->n; i++)
		follow(state, &set->list[i]);
	for (unsigned i = 0; i < set->n; i++) {
		const struct of_action *a = &set->list[i];
		struct of_action_state here = *state;
		bool is_write = a->type == OF_ACTION_SET_FIELD || a->type == OF_ACTION_MOVE;
		int r = is_write ? of_action_check(&here, a, reterr_of) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}
