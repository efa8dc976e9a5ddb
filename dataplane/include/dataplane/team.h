/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Teams: uplinks of several devices. What is configured of one, what is true of its members, and
 * what a protocol that speaks on them (LACP, LLDP) needs. Part of dp.h; control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dp_port;

#define DP_MAX_MEMBERS     8
#define DP_MEMBER_NAME_LEN 16

enum dp_team_mode {
	DP_TEAM_ACTIVE_BACKUP, /* one sends and receives, the others wait */
	DP_TEAM_BALANCE_MAC,   /* by source address; the other side knows of no team */
	DP_TEAM_BALANCE_TCP,   /* by addresses and ports; the other side has a static team */
	DP_TEAM_LACP,          /* the same, of those members that dp_team_permit lets */
};

/* A device of a team: DP_PORT_PACKET, DP_PORT_XDP or DP_PORT_PCI. */
struct dp_member_conf {
	int kind;                      /* enum dp_port_kind */
	char name[DP_MEMBER_NAME_LEN]; /* of the interface, or the PCI address */
};

/* Which members somebody wants, in order of preference; what is in neither is not used. n_active
 * is 0: all are active, none is preferred. */
struct dp_team_order {
	uint8_t n_active, n_standby;
	char active[DP_MAX_MEMBERS][DP_MEMBER_NAME_LEN];
	char standby[DP_MAX_MEMBERS][DP_MEMBER_NAME_LEN];
};

/* Of a port of kind DP_PORT_TEAM. All of it may change while the port forwards. */
struct dp_team_policy {
	enum dp_team_mode mode;
	uint8_t n_members;
	struct dp_member_conf members[DP_MAX_MEMBERS];
	char primary[DP_MEMBER_NAME_LEN]; /* of active-backup; "": none */
	uint32_t failback_delay_ms;       /* how long a member works before others give way */
};

enum dp_member_state {
	DP_MEMBER_ACTIVE,  /* frames go by it */
	DP_MEMBER_STANDBY, /* could take over */
	DP_MEMBER_WAITING, /* works, but not for long enough yet */
	DP_MEMBER_DOWN,
	DP_MEMBER_UNUSED, /* the team's own order does not name it */
};

struct dp_member_info {
	unsigned slot; /* stays with the member as long as it is in the team */
	int kind;
	char name[DP_MEMBER_NAME_LEN];
	enum dp_member_state state; /* by the team's own order */
	bool link_up;
	uint8_t mac[6];      /* of the device; zero: unknown */
	uint32_t speed_mbps; /* 0: unknown */
	char why[128];       /* it is in this state; "": nothing to say */
};

/** return: how many members, 0 of a port that is no team. shape: ret[DP_MAX_MEMBERS] */
unsigned dp_team_members(const struct dp_port *port, struct dp_member_info *ret);

/** The hidden port of a member, for counters and captures; NULL: its device could not be opened. */
const struct dp_port *dp_team_member_port(const struct dp_port *port, unsigned slot);

/** How often an address was announced on a member that took over. */
uint64_t dp_team_announced(const struct dp_port *port);

/**
 * Names of the members that frames from a port leave by now, in order; how many.
 *
 * shape:   ret[DP_MAX_MEMBERS]
 */
unsigned dp_team_used_by(
	const struct dp_port *team, const struct dp_port *from, char ret[][DP_MEMBER_NAME_LEN]);

/**
 * What the protocol says of a member of a team in mode DP_TEAM_LACP. Both are false at first; why
 * is copied. Takes effect within this turn of the event loop.
 */
void dp_team_permit(
	struct dp_port *team, unsigned slot, bool collects, bool distributes, const char *why);

/** Until it is taken back, DP_TEAM_LACP is as active-backup, whatever dp_team_permit said. */
void dp_team_fall_back(struct dp_port *team, bool on);
