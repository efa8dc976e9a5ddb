/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Port kind team: an uplink of several devices, each a port of its own kind that no bridge has.
 * Here members come, go and take their policy from the team. Which of them are used is
 * team_update.c's. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "team.h"

uint64_t dp_team_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static struct dp_team *team_of(const struct dp_port *port)
{
	return port->conf.kind == DP_PORT_TEAM ? port->kind : NULL;
}

/* What the bridge's other ports are asked, a member is not: the team was. */
static struct dp_port_policy member_policy(const struct dp_port *port)
{
	struct dp_port_policy policy = port->policy;

	memset(&policy.team, 0, sizeof(policy.team));
	memset(&policy.order, 0, sizeof(policy.order));
	policy.ofport = 0;
	return policy;
}

static int member_open(struct dp_port *port, struct dp_member *member, struct sh_err *err)
{
	const struct dp_team *team = port->kind;
	struct dp_port_conf conf = { .kind = (enum dp_port_kind)member->conf.kind,
		.n_queues = port->conf.n_queues };
	const struct dp_port_policy policy = member_policy(port);
	struct sh_err why = { "" };
	int r;

	/* Its lines in the log say whose member it is. */
	snprintf(conf.name, sizeof(conf.name), "%.40s/%s", port->conf.name, member->conf.name);
	snprintf(conf.target, sizeof(conf.target), "%s", member->conf.name);
	r = dp_member_add(port, &conf, &policy, &why, &member->port);
	snprintf(member->error, sizeof(member->error), "%.159s", why.text);
	member->usable = false;
	if (r == 0)
		member->port->team_slot = (uint8_t)(member - team->members);
	return r < 0 ? sh_err_set(err, r, "%s", why.text) : 0;
}

static void member_close(struct dp_member *member)
{
	struct dp_port *port = member->port;

	/* So that nothing chooses it while its port goes. */
	memset(member, 0, sizeof(*member));
	if (port)
		dp_port_del(port);
}

static bool is_same(const struct dp_member_conf *a, const struct dp_member_conf *b)
{
	return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

static struct dp_member *find(struct dp_team *team, const struct dp_member_conf *conf)
{
	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++)
		if (team->members[i].is_there && is_same(&team->members[i].conf, conf))
			return &team->members[i];
	return NULL;
}

static bool is_wanted(const struct dp_team_policy *policy, const struct dp_member *member)
{
	for (unsigned i = 0; i < policy->n_members; i++)
		if (is_same(&policy->members[i], &member->conf))
			return true;
	return false;
}

static struct dp_member *free_slot(struct dp_team *team)
{
	struct dp_member *member = team->members;

	while (member->is_there)
		member++;
	return member;
}

static void close_unwanted(struct dp_team *team)
{
	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++)
		if (team->members[i].is_there &&
			!is_wanted(&team->port->policy.team, &team->members[i]))
			member_close(&team->members[i]);
}

/* New members before old ones go, so that there is always one; but for one that is in the way: the
 * same device by another kind, or all slots taken. */
static int open_new(struct dp_port *port, struct dp_team *team, struct sh_err *err)
{
	const struct dp_team_policy *policy = &port->policy.team;
	unsigned n = 0;

	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++) {
		struct dp_member *member = &team->members[i];

		n += member->is_there;
		for (unsigned k = 0; member->is_there && k < policy->n_members; k++)
			if (strcmp(policy->members[k].name, member->conf.name) == 0 &&
				policy->members[k].kind != member->conf.kind)
				member_close(member);
	}
	if (n + policy->n_members > DP_MAX_MEMBERS)
		close_unwanted(team);
	for (unsigned i = 0; i < policy->n_members; i++) {
		struct dp_member *member;
		int r;

		if (find(team, &policy->members[i]))
			continue;
		member = free_slot(team);
		member->is_there = true;
		member->conf = policy->members[i];
		r = member_open(port, member, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* At the beginning a member that cannot be opened waits for its device: a host whose second NIC is
 * broken starts with the first. */
static int open_members(struct dp_port *port, struct dp_team *team, struct sh_err *err)
{
	const struct dp_team_policy *policy = &port->policy.team;
	unsigned n_open = 0;
	int first = 0;

	for (unsigned i = 0; i < policy->n_members; i++) {
		struct dp_member *member = &team->members[i];
		struct sh_err why = { "" };
		int r;

		member->is_there = true;
		member->conf = policy->members[i];
		r = member_open(port, member, first < 0 ? &why : err);
		n_open += r == 0;
		if (r == 0)
			continue;
		first = first < 0 ? first : r;
		sh_log_warn("port '%s': without '%s' for now: %s", port->conf.name,
			member->conf.name, member->error);
	}
	return n_open || policy->n_members == 0 ? 0 : first;
}

static void team_close(struct dp_port *port)
{
	struct dp_team *team = port->kind;

	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++)
		if (team->members[i].port)
			dp_member_free(team->members[i].port);
	free(team);
}

static int team_open(struct dp_port *port, struct sh_err *err)
{
	struct dp_team *team = calloc(1, sizeof(*team));
	int r;

	if (!team)
		return sh_err_set(err, -ENOMEM, "no memory for a port");
	team->port = port;
	team->n_uses = 1;
	port->kind = team;
	r = open_members(port, team, err);
	if (r < 0) {
		free(team);
		port->kind = NULL;
	}
	return r;
}

static int tell_members(struct dp_port *port, struct dp_team *team, struct sh_err *err)
{
	const struct dp_port_policy policy = member_policy(port);
	int r = 0;

	for (unsigned i = 0; r == 0 && i < DP_MAX_MEMBERS; i++)
		if (team->members[i].port)
			r = dp_port_set_policy(team->members[i].port, &policy, err);
	return r;
}

static int team_changed(struct dp_port *port, struct sh_err *err)
{
	struct dp_team *team = port->kind;
	int r = open_new(port, team, err);

	if (r == 0)
		r = tell_members(port, team, err);
	if (r == 0)
		close_unwanted(team);
	return r;
}

void dp_team_give_up(struct dp_port *port)
{
	struct dp_team *team = team_of(port);
	struct sh_err ignored;

	if (!team)
		return;
	/* The policy is the old one again: what the new one brought goes, what it let go comes. */
	close_unwanted(team);
	(void)open_new(port, team, &ignored);
	(void)tell_members(port, team, &ignored);
}

/* Something about the host's interfaces is new: those that were not there may be now. */
static void team_event(struct dp_port *port)
{
	struct dp_team *team = port->kind;
	struct sh_err ignored;

	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++) {
		struct dp_member *member = &team->members[i];

		if (member->is_there && !member->port && member_open(port, member, &ignored) == 0)
			sh_log_notice("port '%s': '%s' is there at last", port->conf.name,
				member->conf.name);
	}
}

void dp_team_unlink(struct dp_team *team)
{
	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++)
		if (team->members[i].port)
			LIST_REMOVE(team->members[i].port, link);
}

static uint64_t team_missed(const struct dp_port *port)
{
	const struct dp_team *team = port->kind;
	uint64_t n = 0;

	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++) {
		const struct dp_port *member = team->members[i].port;

		if (member && member->ops->missed)
			n += member->ops->missed(member);
	}
	return n;
}

static void team_count(const struct dp_port *port, struct dp_port_stats *stats)
{
	const struct dp_team *team = port->kind;

	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++) {
		const struct dp_port *member = team->members[i].port;
		struct dp_port_stats own = { 0 };

		if (!member || !member->ops->count)
			continue;
		member->ops->count(member, &own);
		stats->rx_packets += own.rx_packets;
		stats->rx_bytes += own.rx_bytes;
		stats->host_packets += own.host_packets;
		stats->shared_packets += own.shared_packets;
		for (unsigned d = 0; d < DP_N_DROPS; d++)
			stats->drops[d] += own.drops[d];
	}
}

static void team_info(const struct dp_port *port, struct dp_port_info *ret)
{
	const struct dp_team *team = port->kind;

	ret->n_rx_queues = ret->n_tx_queues = 0;
	for (unsigned i = 0; i < DP_MAX_MEMBERS; i++) {
		struct dp_port_info info;

		if (!team->members[i].port)
			continue;
		dp_port_get_info(team->members[i].port, &info);
		ret->n_rx_queues += info.n_rx_queues;
		ret->n_tx_queues += info.n_tx_queues;
	}
}

static int team_rx_fd(const struct dp_port *port, unsigned queue)
{
	return -1;
}

/* Workers poll the members, and send by them (dp_team_transmit). */
static uint16_t team_rx(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	return 0;
}

const struct dp_port_ops dp_port_team_ops = {
	.open = team_open,
	.close = team_close,
	.changed = team_changed,
	.event = team_event,
	.missed = team_missed,
	.count = team_count,
	.info = team_info,
	.rx_fd = team_rx_fd,
	.rx = team_rx,
};
