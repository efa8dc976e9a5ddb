/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Teams that speak LACP: who they are and what is true of their members goes into the machines,
 * what comes out goes to the wire and to the dataplane. One timer for all. Control thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "change.h"
#include "dataplane/pipeline.h"
#include "lacp.h"
#include "ofproto/dpid.h"

#define N_KEYS      8190u /* so that 8 ports of each have numbers of their own */
#define ACCURACY_US 1000u

_Static_assert((int)LACP_MAX_PORTS == (int)DP_MAX_MEMBERS, "a port for each member");

static struct lacp_team *find(const struct ctl *ctl, const struct dp_port *port)
{
	struct lacp_team *team;

	LIST_FOREACH (team, &ctl->lacp.teams, entry)
		if (team->port == port)
			return team;
	return NULL;
}

const struct lacp_team *lacp_team(const struct ctl *ctl, const struct dp_port *port)
{
	return find(ctl, port);
}

/* Made of the name, so that it stays over restarts; the partner tells our teams apart by it. */
static uint16_t key_of(const struct ctl *ctl, const struct dp_port *port)
{
	return (uint16_t)(of_dpid_derive(dp_port_name(port), ctl->machine_id) % N_KEYS + 1);
}

static void read_conf(const struct ctl *ctl, const struct conf_item *item,
	const struct dp_port *port, struct lacp_conf *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->system_priority = (uint16_t)conf_get_uint(item, API_PORT, "lacp_priority", 32768);
	ctl_system_mac(ctl, ret->system);
	ret->key = key_of(ctl, port);
	ret->is_active = strcmp(conf_get_or_default(item, API_PORT, "lacp"), "active") == 0;
	ret->is_fast = strcmp(conf_get_or_default(item, API_PORT, "lacp_rate"), "fast") == 0;
}

static void set_members(struct lacp_team *team, uint64_t now_ns)
{
	struct dp_member_info members[DP_MAX_MEMBERS];
	unsigned n = dp_team_members(team->port, members), there = 0;
	bool is_on = dp_port_get_policy(team->port)->admin_up;

	for (unsigned i = 0; i < n; i++) {
		const struct dp_member_info *m = &members[i];
		struct lacp_port_conf conf = { .is_enabled = m->link_up && is_on,
			.port = (uint16_t)(team->lacp.conf.key * LACP_MAX_PORTS + m->slot),
			.priority = 255,
			.speed_mbps = m->speed_mbps };

		memcpy(conf.source, m->mac, sizeof(conf.source));
		memcpy(team->names[m->slot], m->name, sizeof(team->names[m->slot]));
		lacp_port_set(&team->lacp, m->slot, &conf, now_ns);
		there |= 1u << m->slot;
	}
	for (unsigned slot = 0; slot < LACP_MAX_PORTS; slot++)
		if (!(there >> slot & 1))
			lacp_port_del(&team->lacp, slot);
}

static const char *why_not(const struct lacp_port *port)
{
	if (port->mux == LACP_MUX_COLLECTING_DISTRIBUTING)
		return "";
	switch (port->rx) {
	case LACP_RX_DISABLED:
		return "";
	case LACP_RX_EXPIRED:
		return "LACP: no answer yet";
	case LACP_RX_DEFAULTED:
		return "LACP: nobody answers";
	default:
		return port->is_selected ? "LACP: negotiates" : "LACP: another partner's";
	}
}

static void tell_member(struct lacp_team *team, unsigned slot)
{
	bool is_in_use = lacp_is_in_use(&team->lacp, slot);
	const char *why = why_not(&team->lacp.ports[slot]);

	if (team->told[slot].is_in_use == is_in_use && strcmp(team->told[slot].why, why) == 0)
		return;
	if (team->told[slot].is_in_use != is_in_use)
		sh_log_notice("port '%s': '%s' is %s by LACP%s%s", dp_port_name(team->port),
			team->names[slot], is_in_use ? "in use" : "out of use", *why ? ": " : "",
			*why ? why + strlen("LACP: ") : "");
	dp_team_permit(team->port, slot, is_in_use, is_in_use, why);
	team->told[slot].is_in_use = is_in_use;
	snprintf(team->told[slot].why, sizeof(team->told[slot].why), "%s", why);
}

static void send(struct lacp_team *team, unsigned slot, const uint8_t *frame, unsigned n)
{
	int r = dp_protocol_send(team->port, slot, frame, n);

	/* It is said again before long. */
	if (r < 0)
		sh_log_debug("port '%s': '%s': an LACPDU was not sent: %s",
			dp_port_name(team->port), team->names[slot], strerror(-r));
}

static void carry_out(struct lacp_team *team, uint64_t now_ns)
{
	bool is_alone = team->falls_back && lacp_is_alone(&team->lacp);

	for (unsigned slot = 0; slot < LACP_MAX_PORTS; slot++) {
		uint8_t frame[LACP_FRAME_BYTES];
		unsigned n;

		/* In use first, then said to be: the partner shall find it so. */
		if (team->lacp.ports[slot].exists)
			tell_member(team, slot);
		while ((n = lacp_poll(&team->lacp, slot, now_ns, frame)) > 0)
			send(team, slot, frame, n);
	}
	if (is_alone == team->is_alone)
		return;
	sh_log_notice("port '%s': %s", dp_port_name(team->port),
		is_alone ? "nobody answers by LACP: it falls back to one device"
			 : "a partner answers by LACP");
	dp_team_fall_back(team->port, is_alone);
	team->is_alone = is_alone;
}

static int on_time(sd_event_source *source, uint64_t usec, void *ctx);

static void set_timer(struct ctl *ctl)
{
	uint64_t next_ns = UINT64_MAX;
	const struct lacp_team *team;

	LIST_FOREACH (team, &ctl->lacp.teams, entry)
		next_ns = lacp_next_ns(&team->lacp) < next_ns ? lacp_next_ns(&team->lacp) : next_ns;
	if (next_ns == UINT64_MAX)
		return;
	if (!ctl->lacp.timer && sd_event_add_time(ctl->sw.event, &ctl->lacp.timer, CLOCK_MONOTONIC,
					next_ns / 1000 + 1, ACCURACY_US, on_time, ctl) < 0)
		return; /* the tick of each second does it too */
	(void)sd_event_source_set_time(ctl->lacp.timer, next_ns / 1000 + 1);
	(void)sd_event_source_set_enabled(ctl->lacp.timer, SD_EVENT_ONESHOT);
}

static void run(struct ctl *ctl, struct lacp_team *team)
{
	uint64_t now_ns = openflow_now_ns();

	lacp_run(&team->lacp, now_ns);
	carry_out(team, now_ns);
	set_timer(ctl);
}

static int on_time(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct ctl *ctl = ctx;
	struct lacp_team *team;

	LIST_FOREACH (team, &ctl->lacp.teams, entry)
		run(ctl, team);
	return 0;
}

static void forget(struct lacp_team *team)
{
	LIST_REMOVE(team, entry);
	free(team);
}

static struct lacp_team *make(struct ctl *ctl, struct dp_port *port, const struct lacp_conf *conf)
{
	struct lacp_team *team = calloc(1, sizeof(*team));

	if (!team)
		return NULL;
	team->port = port;
	lacp_init(&team->lacp, conf);
	LIST_INSERT_HEAD(&ctl->lacp.teams, team, entry);
	return team;
}

static void look_at(struct ctl *ctl, const struct switch_port *port)
{
	const struct conf_item *item = conf_item(&ctl->conf, API_PORT, port->name);
	struct lacp_team *team;
	struct lacp_conf conf;

	if (!port->dp || !item || strcmp(conf_get_or_default(item, API_PORT, "team"), "lacp") != 0)
		return;
	read_conf(ctl, item, port->dp, &conf);
	team = find(ctl, port->dp);
	if (!team)
		team = make(ctl, port->dp, &conf);
	if (!team)
		return; /* tried again in a second */
	if (memcmp(&team->lacp.conf, &conf, sizeof(conf)) != 0)
		lacp_set(&team->lacp, &conf);
	team->falls_back =
		strcmp(conf_get_or_default(item, API_PORT, "lacp_fallback"), "true") == 0;
	team->is_seen = true;
	set_members(team, openflow_now_ns());
	run(ctl, team);
}

void lacp_tick(struct ctl *ctl)
{
	struct lacp_team *team, *next;

	for (unsigned i = 0; i < ctl->sw.n_ports; i++)
		look_at(ctl, &ctl->sw.ports[i]);
	for (team = LIST_FIRST(&ctl->lacp.teams); team; team = next) {
		next = LIST_NEXT(team, entry);
		if (!team->is_seen) {
			dp_team_fall_back(team->port, false);
			forget(team);
		} else
			team->is_seen = false;
	}
}

void lacp_take(struct ctl *ctl, const struct dp_protocol_frame *frame)
{
	struct lacp_team *team = find(ctl, frame->port);

	if (!team || frame->slot >= LACP_MAX_PORTS || frame->len < LACP_FRAME_BYTES ||
		frame->bytes[12] != LACP_ETHERTYPE >> 8 ||
		frame->bytes[13] != (LACP_ETHERTYPE & 0xff))
		return;
	/* What cannot be read is counted there. */
	(void)lacp_receive(&team->lacp, frame->slot, frame->bytes, frame->len, openflow_now_ns());
	run(ctl, team);
}

static bool stays(const struct dp_member_info *member, const struct dp_port_policy *policy)
{
	if (!policy || !policy->admin_up || policy->team.mode != DP_TEAM_LACP)
		return false;
	for (unsigned i = 0; i < policy->team.n_members; i++)
		if (strcmp(policy->team.members[i].name, member->name) == 0)
			return true;
	return false;
}

/* The dataplane forgets what it was told; the machine begins anew if the member comes back. */
static void withdraw(struct lacp_team *team, unsigned slot)
{
	dp_team_permit(team->port, slot, false, false, "");
	memset(&team->told[slot], 0, sizeof(team->told[slot]));
	lacp_port_del(&team->lacp, slot);
}

static void part(struct lacp_team *team, unsigned slot)
{
	uint8_t frame[LACP_FRAME_BYTES];
	unsigned n = lacp_farewell(&team->lacp, slot, frame);

	if (n)
		send(team, slot, frame, n);
	withdraw(team, slot);
}

void lacp_port_changes(
	struct ctl *ctl, const struct dp_port *port, const struct dp_port_policy *policy)
{
	struct dp_member_info members[DP_MAX_MEMBERS];
	struct lacp_team *team = find(ctl, port);
	unsigned n = team ? dp_team_members(port, members) : 0, n_parted = 0;

	for (unsigned i = 0; i < n; i++) {
		if (stays(&members[i], policy))
			continue;
		part(team, members[i].slot);
		n_parted++;
	}
	if (n_parted)
		dp_barrier(ctl->sw.dp);
	if (team && !policy)
		forget(team);
}

void lacp_stop(struct ctl *ctl)
{
	while (!LIST_EMPTY(&ctl->lacp.teams))
		lacp_port_changes(ctl, LIST_FIRST(&ctl->lacp.teams)->port, NULL);
	ctl->lacp.timer = sd_event_source_disable_unref(ctl->lacp.timer);
}
