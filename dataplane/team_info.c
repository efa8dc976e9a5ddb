/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is true of a team's members, for people, and what a protocol says of them. Control thread.
 */
#include <string.h>

#include "team.h"

static const struct dp_team *team_of(const struct dp_port *port)
{
	return port->conf.kind == DP_PORT_TEAM ? port->kind : NULL;
}

static bool is_named(const struct dp_team_order *order, const char *name)
{
	for (unsigned i = 0; i < order->n_active; i++)
		if (strcmp(order->active[i], name) == 0)
			return true;
	for (unsigned i = 0; i < order->n_standby; i++)
		if (strcmp(order->standby[i], name) == 0)
			return true;
	return order->n_active == 0;
}

static bool is_chosen(const struct dp_team_use *use, unsigned slot)
{
	for (unsigned i = 0; i < use->choice.n; i++)
		if (use->choice.slots[i] == slot)
			return true;
	return false;
}

static void say(struct dp_member_info *ret, enum dp_member_state state, const char *why)
{
	ret->state = state;
	snprintf(ret->why, sizeof(ret->why), "%.127s", why);
}

static void say_why_down(
	const struct dp_team *team, const struct dp_member *member, struct dp_member_info *ret)
{
	if (!member->port)
		say(ret, DP_MEMBER_DOWN, member->error);
	else if (!team->port->policy.admin_up)
		say(ret, DP_MEMBER_DOWN, "the port is disabled");
	else if (!ret->link_up)
		say(ret, DP_MEMBER_DOWN,
			member->port->trouble[0] ? member->port->trouble : "no link");
	else
		say(ret, DP_MEMBER_DOWN, member->says);
}

/* return: milliseconds that it has to work on before others give way to it */
static uint64_t left_to_wait(const struct dp_team *team, const struct dp_member *member)
{
	uint64_t now_ms = dp_team_now_ms();
	uint64_t at = member->usable_since_ms + team->port->policy.team.failback_delay_ms;

	return at > now_ms ? at - now_ms : 0;
}

static void say_waits(uint64_t left_ms, struct dp_member_info *ret)
{
	char why[64];

	snprintf(why, sizeof(why), "works again, waits %u ms more", (unsigned)left_ms);
	say(ret, DP_MEMBER_WAITING, why);
}

static void say_state(
	const struct dp_team *team, const struct dp_member *member, struct dp_member_info *ret)
{
	const struct dp_team_use *own = &team->uses[0];
	uint64_t left_ms = left_to_wait(team, member);

	if (!is_named(&own->order, member->conf.name))
		say(ret, DP_MEMBER_UNUSED, "neither active nor standby names it");
	else if (!member->usable)
		say_why_down(team, member, ret);
	else if (is_chosen(own, ret->slot))
		say(ret, DP_MEMBER_ACTIVE, member->says);
	else if (left_ms)
		say_waits(left_ms, ret);
	else
		say(ret, DP_MEMBER_STANDBY, member->says);
}

static void fill(const struct dp_team *team, unsigned slot, struct dp_member_info *ret)
{
	const struct dp_member *member = &team->members[slot];
	struct dp_port_info info;

	memset(ret, 0, sizeof(*ret));
	ret->slot = slot;
	ret->kind = member->conf.kind;
	memcpy(ret->name, member->conf.name, sizeof(ret->name));
	if (member->port) {
		dp_port_get_info(member->port, &info);
		ret->link_up = dp_port_link_up(member->port);
		memcpy(ret->mac, info.device_mac, sizeof(ret->mac));
		ret->speed_mbps = info.speed_mbps;
	}
	say_state(team, member, ret);
}

unsigned dp_team_members(const struct dp_port *port, struct dp_member_info *ret)
{
	const struct dp_team *team = team_of(port);
	unsigned n = 0;

	for (unsigned i = 0; team && i < port->policy.team.n_members; i++)
		for (unsigned slot = 0; slot < DP_MAX_MEMBERS; slot++)
			if (team->members[slot].is_there &&
				strcmp(team->members[slot].conf.name,
					port->policy.team.members[i].name) == 0)
				fill(team, slot, &ret[n++]);
	return n;
}

const struct dp_port *dp_team_member_port(const struct dp_port *port, unsigned slot)
{
	const struct dp_team *team = team_of(port);

	return team && slot < DP_MAX_MEMBERS ? team->members[slot].port : NULL;
}

unsigned dp_team_used_by(
	const struct dp_port *port, const struct dp_port *from, char ret[][DP_MEMBER_NAME_LEN])
{
	const struct dp_team *team = team_of(port);
	const struct dp_team_choice *c;

	if (!team)
		return 0;
	c = &team->uses[dp_team_use_of(port, from)].choice;
	for (unsigned i = 0; i < c->n; i++)
		memcpy(ret[i], team->members[c->slots[i]].conf.name, DP_MEMBER_NAME_LEN);
	return c->n;
}

static void take_effect(struct dp *dp)
{
	dp->stale = true;
	dp_wake_control(dp);
}

void dp_team_permit(
	struct dp_port *port, unsigned slot, bool collects, bool distributes, const char *why)
{
	struct dp_team *team = port->kind;
	struct dp_member *member;

	if (!team_of(port) || slot >= DP_MAX_MEMBERS || !team->members[slot].is_there)
		return;
	member = &team->members[slot];
	snprintf(member->says, sizeof(member->says), "%.63s", why);
	if (member->collects == collects && member->distributes == distributes)
		return;
	member->collects = collects;
	member->distributes = distributes;
	take_effect(port->dp);
}

void dp_team_fall_back(struct dp_port *port, bool on)
{
	struct dp_team *team = port->kind;

	if (!team_of(port) || team->falls_back == on)
		return;
	team->falls_back = on;
	take_effect(port->dp);
}
