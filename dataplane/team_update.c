/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which members of a team are used: looked at anew before every snapshot, since that is what
 * follows any change of a link, a policy or a protocol's mind. Keeps the time that members must
 * work for before others give way to them. Control thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "team.h"

static uint8_t bit(unsigned slot)
{
	return (uint8_t)(1u << slot);
}

static bool may_send(const struct dp_team *team, const struct dp_member *member)
{
	if (!member->port || !dp_port_link_up(member->port) || !team->port->policy.admin_up)
		return false;
	return team->port->policy.team.mode != DP_TEAM_LACP || team->falls_back ||
	       member->distributes;
}

static bool is_settled(const struct dp_team *team, const struct dp_member *member, uint64_t now_ms)
{
	return member->usable &&
	       now_ms >= member->usable_since_ms + team->port->policy.team.failback_delay_ms;
}

static void look_at_members(struct dp_team *team, uint64_t now_ms)
{
	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++) {
		struct dp_member *member = &team->members[i];
		bool usable = may_send(team, member);

		if (usable && !member->usable)
			member->usable_since_ms = now_ms;
		member->usable = usable;
	}
}

/* return: the slot, -1 when the team has no such member */
static int slot_of(const struct dp_team *team, const char *name)
{
	for (int i = 0; i < DP_MAX_MEMBERS; i++)
		if (team->members[i].is_there && strcmp(team->members[i].conf.name, name) == 0)
			return i;
	return -1;
}

static uint8_t slots_of(const struct dp_team *team, const char names[][DP_MEMBER_NAME_LEN],
	unsigned n, uint8_t *ret)
{
	uint8_t found = 0;

	for (unsigned i = 0; i < n; i++) {
		int slot = slot_of(team, names[i]);

		if (slot >= 0)
			ret[found++] = (uint8_t)slot;
	}
	return found;
}

/* The primary is of the team's own order; another one's first is preferred there. */
static void list_members(
	const struct dp_team *team, const struct dp_team_order *order, struct dp_team_view *v)
{
	const struct dp_team_policy *policy = &team->port->policy.team;
	bool is_own = order == &team->uses[0].order;

	v->preferred = is_own && policy->primary[0] ? slot_of(team, policy->primary) : -1;
	if (order->n_active) {
		v->n_active = slots_of(team, order->active, order->n_active, v->active);
		v->n_standby = slots_of(team, order->standby, order->n_standby, v->standby);
		if (v->preferred < 0 && v->n_active)
			v->preferred = v->active[0];
		return;
	}
	for (unsigned i = 0; i < policy->n_members; i++) {
		int slot = slot_of(team, policy->members[i].name);

		if (slot >= 0)
			v->active[v->n_active++] = (uint8_t)slot;
	}
}

static void view(const struct dp_team *team, const struct dp_team_order *order, uint64_t now_ms,
	struct dp_team_view *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->mode = team->port->policy.team.mode;
	if (ret->mode == DP_TEAM_LACP && team->falls_back)
		ret->mode = DP_TEAM_ACTIVE_BACKUP;
	list_members(team, order, ret);
	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++) {
		const struct dp_member *member = &team->members[i];

		if (member->usable)
			ret->usable |= bit(i);
		if (is_settled(team, member, now_ms))
			ret->settled |= bit(i);
		if (member->collects && member->port && dp_port_link_up(member->port))
			ret->collects |= bit(i);
	}
}

/* Uses that nobody wants any more make room; the team's own is the first. */
static void drop_unwanted(struct dp_team *team)
{
	unsigned n = 1;

	for (unsigned i = 1; i < team->n_uses; i++)
		if (team->uses[i].is_wanted)
			team->uses[n++] = team->uses[i];
	team->n_uses = n;
}

static unsigned find_use(const struct dp_team *team, const struct dp_team_order *order)
{
	unsigned i = 1;

	while (i < team->n_uses && memcmp(&team->uses[i].order, order, sizeof(*order)) != 0)
		i++;
	return i;
}

static bool is_pinned_here(const struct dp_team *team, const struct dp_port *port)
{
	const struct dp_team_order *order = &port->policy.order;

	return port->bridge == team->port->bridge && port != team->port && !port->team &&
	       order->n_active && slot_of(team, order->active[0]) >= 0;
}

/* Ports that pin the same order share a use. One too many has the team's own. */
static void take_order(struct dp_team *team, struct dp_port *port)
{
	unsigned i = find_use(team, &port->policy.order);
	uint64_t n_suppressed;

	if (i == team->n_uses && i < DP_TEAM_MAX_USES) {
		memset(&team->uses[i], 0, sizeof(team->uses[i]));
		team->uses[team->n_uses++].order = port->policy.order;
	}
	if (i == DP_TEAM_MAX_USES) {
		if (sh_log_limit(&team->log, dp_team_now_ms() * 1000000, &n_suppressed))
			sh_log_warn("port '%s': team '%s' has %d orders already, its own is taken",
				port->conf.name, team->port->conf.name, DP_TEAM_MAX_USES);
		return;
	}
	team->uses[i].is_wanted = true;
	port->team_use = (uint8_t)i;
	port->team_use_of = (uint16_t)(team->port->index + 1);
}

static void collect_orders(struct dp *dp, struct dp_team *team)
{
	struct dp_port *port;

	team->uses[0].order = team->port->policy.order;
	for (unsigned i = 0; i < team->n_uses; i++)
		team->uses[i].is_wanted = false;
	LIST_FOREACH (port, &dp->ports, link) {
		unsigned i;

		if (!is_pinned_here(team, port))
			continue;
		i = find_use(team, &port->policy.order);
		if (i < team->n_uses)
			team->uses[i].is_wanted = true;
	}
	drop_unwanted(team);
	LIST_FOREACH (port, &dp->ports, link) {
		if (port->team_use_of == team->port->index + 1)
			port->team_use_of = 0;
		if (is_pinned_here(team, port))
			take_order(team, port);
	}
}

/* Those that cannot be used, and why: "eth1 (no link)". */
static void list_down(const struct dp_team *team, char *ret, size_t size)
{
	struct dp_member_info members[DP_MAX_MEMBERS];
	unsigned n_members = dp_team_members(team->port, members);
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < n_members && n < size; i++)
		if (members[i].state == DP_MEMBER_DOWN)
			n += (size_t)snprintf(ret + n, size - n, "%s%s (%s)",
				n ? ", " : ", not by ", members[i].name, members[i].why);
}

static void log_choice(const struct dp_team *team, const struct dp_team_choice *c)
{
	char by[DP_MAX_MEMBERS * (DP_MEMBER_NAME_LEN + 2)] = "", down[256];
	size_t n = 0;

	list_down(team, down, sizeof(down));
	for (unsigned i = 0; i < c->n; i++)
		n += (size_t)snprintf(by + n, sizeof(by) - n, "%s%s", i ? ", " : "",
			team->members[c->slots[i]].conf.name);
	if (c->n)
		sh_log_notice("port '%s': frames go by %s%s", team->port->conf.name, by, down);
	else
		sh_log_warn("port '%s': none of its devices can be used%s", team->port->conf.name,
			down);
}

static bool announces(const struct dp_team *team)
{
	enum dp_team_mode mode = team->port->policy.team.mode;

	/* With the other modes the peer's team finds the way by itself. */
	return mode == DP_TEAM_ACTIVE_BACKUP || mode == DP_TEAM_BALANCE_MAC ||
	       (mode == DP_TEAM_LACP && team->falls_back);
}

static void choose(struct dp_team *team, unsigned i, uint64_t now_ms)
{
	struct dp_team_use *use = &team->uses[i];
	struct dp_team_choice old = use->choice;
	struct dp_team_view v;

	view(team, &use->order, now_ms, &v);
	dp_team_choose(&v, &old, &use->choice);
	if (i == 0 && (dp_team_moved(&old, &use->choice) || old.n != use->choice.n))
		log_choice(team, &use->choice);
}

/* Addresses begin to go by another member when the choice changes, and when their port takes
 * another order. */
static void note_moved(
	struct dp *dp, struct dp_team *team, const struct dp_team_choice before[DP_TEAM_MAX_USES])
{
	const struct dp_port *port;

	LIST_FOREACH (port, &dp->ports, link) {
		struct dp_team_use *use = &team->uses[dp_team_use_of(team->port, port)];
		uint64_t moved;

		if (port->bridge != team->port->bridge || port == team->port || port->team)
			continue;
		moved = dp_team_moved(&before[port->team_use_before], &use->choice);
		use->moved |= moved;
		if (moved)
			dp_team_announce(team);
	}
}

static void choose_all(struct dp *dp, struct dp_team *team, uint64_t now_ms)
{
	struct dp_team_choice before[DP_TEAM_MAX_USES];
	struct dp_port *port;

	for (unsigned i = 0; i < team->n_uses; i++)
		before[i] = team->uses[i].choice;
	LIST_FOREACH (port, &dp->ports, link)
		port->team_use_before = (uint8_t)dp_team_use_of(team->port, port);
	collect_orders(dp, team);
	for (unsigned i = 0; i < team->n_uses; i++)
		choose(team, i, now_ms);
	if (announces(team))
		note_moved(dp, team, before);
}

static void note_wake_up(struct dp_team *team, uint64_t now_ms)
{
	team->wake_ms = 0;
	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++) {
		const struct dp_member *member = &team->members[i];
		uint64_t at = member->usable_since_ms + team->port->policy.team.failback_delay_ms;

		if (member->usable && at > now_ms && (!team->wake_ms || at < team->wake_ms))
			team->wake_ms = at;
	}
}

/* The offloads that all members take. */
static void note_offloads(struct dp_team *team)
{
	uint8_t takes = 0xff;
	bool any = false;

	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++) {
		if (!team->members[i].port)
			continue;
		takes &= atomic_load(&team->members[i].port->takes);
		any = true;
	}
	atomic_store(&team->port->takes, any ? takes : 0);
}

static bool any_sends(const struct dp_team *team)
{
	for (unsigned i = 0; i < team->n_uses; i++)
		if (team->uses[i].choice.n)
			return true;
	return false;
}

static void arm_timer(struct dp *dp, uint64_t at_ms)
{
	const struct itimerspec when = { .it_value = { .tv_sec = (time_t)(at_ms / 1000),
						 .tv_nsec = (long)(at_ms % 1000) * 1000000 } };

	/* At 0 it is disarmed. */
	(void)timerfd_settime(dp->team_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

void dp_teams_update(struct dp *dp)
{
	uint64_t now_ms = dp_team_now_ms(), next = 0;
	struct dp_port *port;

	LIST_FOREACH (port, &dp->ports, link) {
		struct dp_team *team = port->kind;

		if (port->conf.kind != DP_PORT_TEAM)
			continue;
		look_at_members(team, now_ms);
		choose_all(dp, team, now_ms);
		note_offloads(team);
		note_wake_up(team, now_ms);
		atomic_store(&port->txq_ready[0], any_sends(team));
		next = sooner(next, sooner(team->wake_ms, team->n_rounds ? team->round_ms : 0));
	}
	arm_timer(dp, next);
}

void dp_teams_dispatch(struct dp *dp)
{
	uint64_t expired, now_ms, next = 0;
	struct dp_port *port;

	if (read(dp->team_fd, &expired, sizeof(expired)) < 0)
		return;
	now_ms = dp_team_now_ms();
	LIST_FOREACH (port, &dp->ports, link) {
		struct dp_team *team = port->kind;

		if (port->conf.kind != DP_PORT_TEAM)
			continue;
		if (team->wake_ms && now_ms >= team->wake_ms)
			dp->stale = true;
		next = sooner(next, team->wake_ms);
		next = sooner(next, dp_team_announce_more(team, now_ms));
	}
	arm_timer(dp, next);
}

static void draw_use(
	const struct dp_team *team, const struct dp_team_use *use, struct dp_snap_use *ret)
{
	const struct dp_team_choice *c = &use->choice;

	ret->n = c->n;
	ret->unicast = c->unicast;
	ret->group = c->group;
	if (c->n)
		ret->first = team->members[c->slots[0]].port->index;
	for (unsigned b = 0; c->n && b < DP_TEAM_BUCKETS; b++)
		ret->by_bucket[b] = team->members[c->buckets[b]].port->index;
}

void dp_team_draw(const struct dp_team *team, struct dp_snap_team *ret)
{
	enum dp_team_mode mode = team->port->policy.team.mode;

	ret->mode = (uint8_t)mode;
	ret->n_uses = (uint8_t)team->n_uses;
	for (unsigned i = 0; i < team->n_uses; i++) {
		draw_use(team, &team->uses[i], &ret->uses[i]);
		ret->unicast |= ret->uses[i].unicast;
		ret->group |= ret->uses[i].group;
	}
	ret->is_many_links = mode == DP_TEAM_BALANCE_MAC || mode == DP_TEAM_ACTIVE_BACKUP;
	/* One that sends by a single member hears its own frames of no other. */
	ret->drops_own =
		team->n_uses > 1 || mode == DP_TEAM_BALANCE_MAC || mode == DP_TEAM_BALANCE_TCP;
}
