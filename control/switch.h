/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is there now: the dataplane's bridges and ports by name, and the ports that could not be
 * made, with the reason. Control thread.
 */
#pragma once

#include "conf/conf.h"
#include "dataplane/dp.h"
#include "dataplane/mirror.h"
#include "openflow.h"

struct switch_bridge {
	char name[DP_NAME_LEN];
	struct dp_bridge *dp;
	struct openflow *openflow;
	bool goes; /* the change that runs has deleted it, and may have to bring it back */
};

struct switch_port {
	char name[DP_NAME_LEN];
	struct dp_port *dp; /* NULL: it could not be made */
	char error[256];    /* why */
	uint32_t of_config; /* what controllers set by port-mod: OF_PC_*; not stored */
	uint64_t made_ns;
};

/* What a port had that the configuration does not know, while a change has deleted it. */
struct switch_kept {
	char port[DP_NAME_LEN];
	const struct dp_bridge *bridge;
	uint32_t of_config;
};

struct switch_mirror {
	char name[DP_NAME_LEN];
	struct dp_mirror *dp;
};

struct ctl;

struct switch_state {
	struct ctl *ctl;
	struct dp *dp;
	sd_event *event;
	struct switch_bridge *bridges;
	struct switch_port *ports;
	struct switch_mirror *mirrors;
	struct switch_kept *kept; /* room as ports */
	unsigned n_bridges, n_ports, n_mirrors, n_kept;
	unsigned bridges_room, ports_room,
		mirrors_room; /* never less, so that an undo finds room */
};

void switch_init(struct switch_state *sw, struct ctl *ctl, struct dp *dp, sd_event *event);

/** Ends OpenFlow, while the dataplane is still there. */
void switch_stop(struct switch_state *sw);

/** Forgets the names; the dataplane's own end takes its bridges and ports with it. */
void switch_done(struct switch_state *sw);

/** Once a second. */
void switch_tick(struct switch_state *sw);

/** NULL when the bridge is none that has a name. */
struct switch_bridge *switch_bridge_of(const struct switch_state *sw, const struct dp_bridge *dp);

/** Tell the controllers of its bridge that a port came, went or changed. */
void switch_port_tell(const struct switch_state *sw, const char *name, enum of_port_reason reason);

/* NULL when there is none. A pointer is valid until the next add or del. */
struct switch_bridge *switch_bridge(const struct switch_state *sw, const char *name);
struct switch_port *switch_port(const struct switch_state *sw, const char *name);
struct switch_mirror *switch_mirror(const struct switch_state *sw, const char *name);

/** Make a bridge; or bring back the one that the same change has deleted, as it was. */
int switch_bridge_add(struct switch_state *sw, const struct conf_item *item, struct sh_err *err);
int switch_bridge_set(struct switch_state *sw, const struct conf_item *item, struct sh_err *err);

/** It stops to listen and to connect, but is there, with its flows, until switch_settle. */
void switch_bridge_del(struct switch_state *sw, const char *name);

/** The change is done, or undone: what went is gone. Fails at nothing that an undo would mend. */
void switch_settle(struct switch_state *sw);

/**
 * Make a port with the static entries that conf has for it. When keep is set, a port that cannot
 * be made is logged and kept with its error, and 0 is returned. One that the same change has
 * deleted from the same bridge is again what controllers had made of it by port-mod.
 *
 * errors:  those of dp_port_add, -ENOMEM
 */
int switch_port_add(struct switch_state *sw, const struct conf *conf, const struct conf_item *item,
	bool keep, struct sh_err *err);
int switch_port_set(struct switch_state *sw, const struct conf *conf, const struct conf_item *item,
	struct sh_err *err);
void switch_port_del(struct switch_state *sw, const char *name);

/** Try again to make the ports that could not be made. return: how many now are. */
unsigned switch_retry(struct switch_state *sw, const struct conf *conf);

int switch_fdb_add(struct switch_state *sw, const struct conf_item *item, struct sh_err *err);
void switch_fdb_del(struct switch_state *sw, const struct conf_item *item);

/* switch_mirror.c. A mirror of ports that could not be made finds them when they are. */
int switch_mirror_add(struct switch_state *sw, const struct conf_item *item, struct sh_err *err);
int switch_mirror_set(struct switch_state *sw, const struct conf_item *item, struct sh_err *err);
void switch_mirror_del(struct switch_state *sw, const char *name);
