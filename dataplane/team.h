/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A team inside the dataplane. Its members are ports that no bridge has: they are polled and sent
 * to as any port, and what they receive counts as the team's. Control thread, but for what is
 * marked.
 */
#pragma once

#include "dp_private.h"
#include "team_choose.h"

#define DP_TEAM_MAX_USES 32 /* different orders of one team's members */

struct dp_snap_port;

/* What one order has made of the members, as workers see it. */
struct dp_snap_use {
	uint8_t n;                           /* members that send */
	uint8_t unicast, group;              /* bits of members that such frames are taken from */
	uint16_t first;                      /* of those that send: the index of its port */
	uint16_t by_bucket[DP_TEAM_BUCKETS]; /* indexes of ports */
};

struct dp_snap_team {
	uint8_t mode; /* by which frames are shared out */
	uint8_t n_uses;
	uint8_t unicast, group; /* of any use */
	bool drops_own;     /* frames come back by another member: those of our own are dropped */
	bool is_many_links; /* members may lead to different switches of one network */
	struct dp_snap_use uses[DP_TEAM_MAX_USES]; /* the team's own first */
};

struct dp_member {
	struct dp_port *port; /* NULL: the device could not be opened, or the slot is free */
	struct dp_member_conf conf;
	bool is_there; /* the slot is taken */
	bool usable;   /* when last looked at, */
	uint64_t usable_since_ms;
	bool collects, distributes;
	char says[64];   /* the protocol, why it permits that */
	char error[160]; /* why it could not be opened */
};

/* An order of members, and what was chosen by it. */
struct dp_team_use {
	struct dp_team_order order;
	struct dp_team_choice choice;
	uint64_t moved; /* buckets whose addresses are to be announced */
	bool is_wanted; /* scratch */
};

struct dp_team {
	struct dp_port *port;
	struct dp_member members[DP_MAX_MEMBERS];
	struct dp_team_use uses[DP_TEAM_MAX_USES];
	unsigned n_uses;
	bool falls_back;
	uint64_t wake_ms; /* when a member will have worked for long enough; 0: none waits */

	/* announcements: rounds left, when the next begins or goes on, and where it is */
	unsigned n_rounds;
	uint64_t round_ms;
	uint32_t at_bucket;
	uint64_t n_announced;

	struct sh_log_limit log;
};

/** Look at all members again, choose, and arm the timer. Before a snapshot is drawn. */
void dp_teams_update(struct dp *dp);

void dp_team_draw(const struct dp_team *team, struct dp_snap_team *ret);

/** Take the members off the list of ports: no further snapshot has them. */
void dp_team_unlink(struct dp_team *team);

/** Timers of all teams are due, or may be. */
void dp_teams_dispatch(struct dp *dp);

/** Have addresses told on the members that took over. */
void dp_team_announce(struct dp_team *team);

/** Go on with it if it is time. return: when next, 0: never */
uint64_t dp_team_announce_more(struct dp_team *team, uint64_t now_ms);

/** Which use of a team holds for frames of a port. */
static inline unsigned dp_team_use_of(const struct dp_port *team, const struct dp_port *port)
{
	return port->team_use_of == team->index + 1 ? port->team_use : 0;
}

uint64_t dp_team_now_ms(void);

/* workers */

struct dp_worker;

/**
 * Send by the members that are chosen for frames from a port; counts on the members.
 *
 * shape:   items[n], n <= DP_BURST; items[].drop is written
 */
void dp_team_transmit(struct dp_worker *w, const struct dp_snap_port *in,
	const struct dp_snap_port *out, struct dp_item *items, unsigned n);
