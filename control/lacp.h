/* SPDX-License-Identifier: BSD-3-Clause
 *
 * LACP on the teams that want it: link/lacp.h's machines, fed with the frames, links and time of
 * this host, and told to the dataplane. Control thread.
 */
#pragma once

#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "conf/conf.h"
#include "dataplane/dp.h"
#include "link/lacp.h"

struct ctl;

struct lacp_team {
	LIST_ENTRY(lacp_team) entry;
	struct dp_port *port;
	struct lacp lacp;
	bool falls_back; /* if nobody answers; as configured */
	bool is_alone;   /* nobody does, as told to the dataplane */
	bool is_seen;    /* scratch of a round */
	struct {
		bool is_in_use;
		char why[64];
	} told[LACP_MAX_PORTS]; /* to the dataplane */
	char names[LACP_MAX_PORTS][DP_MEMBER_NAME_LEN];
};

struct lacp_teams {
	LIST_HEAD(, lacp_team) teams;
	sd_event_source *timer; /* NULL: not needed yet */
};

/** Follow configuration and links. Once a second, and when any of these changed. */
void lacp_tick(struct ctl *ctl);

/** A frame for the switch itself came by an uplink; any but LACP's is left alone. */
void lacp_take(struct ctl *ctl, const struct dp_protocol_frame *frame);

/**
 * The port is about to take another policy: have partners stop using devices that go. policy is
 * NULL when the port itself goes.
 */
void lacp_port_changes(
	struct ctl *ctl, const struct dp_port *port, const struct dp_port_policy *policy);

/** All go, while the dataplane is still there. */
void lacp_stop(struct ctl *ctl);

/** NULL: the port is no team with LACP. */
const struct lacp_team *lacp_team(const struct ctl *ctl, const struct dp_port *port);
