/* SPDX-License-Identifier: BSD-3-Clause
 *
 * LLDP on the uplinks: announces the host by each device that leads out, and keeps who is at the
 * other end. What is said and heard is link/lldp.h's. Control thread.
 */
#pragma once

#include <sys/queue.h>

#include "conf/conf.h"
#include "link/lldp.h"
#include "uplink.h"

struct ctl;

/* One device of an uplink. */
struct lldp_link {
	LIST_ENTRY(lldp_link) entry;
	struct dp_port *port;
	unsigned slot;
	bool sends, receives, is_up;
	bool is_seen;     /* scratch of a round */
	unsigned n_fast;  /* announcements yet to be made a second apart: somebody new is there */
	uint64_t next_ns; /* when to announce again */
	uint64_t n_sent;
	int n_said; /* bytes of said; 0: nothing that would have to be taken back */
	uint8_t said[LLDP_MAX_FRAME];
	struct lldp_info self; /* what said says */
	uint8_t source[6];
	struct lldp_neighbors neighbors;
};

/* The host's addresses, read now and then. */
struct lldp_host {
	unsigned n;
	struct lldp_address addresses[2];
	uint64_t next_ns;
};

struct lldp {
	LIST_HEAD(, lldp_link) links;
	struct lldp_host host;
};

/** Announce what is due or has changed, forget who fell silent. Once a second, and when a link
 * came or went. */
void lldp_tick(struct ctl *ctl);

/** A frame for the switch itself came by an uplink; any but LLDP's is left alone. */
void lldp_take(struct ctl *ctl, const struct dp_protocol_frame *frame);

/** The port is about to go: tell its neighbours, and forget them. */
void lldp_port_goes(struct ctl *ctl, const struct dp_port *port);

/** The port is about to take another policy: devices that it takes away tell their neighbours. */
void lldp_port_changes(
	struct ctl *ctl, const struct dp_port *port, const struct dp_port_policy *policy);

/** All go, while the dataplane is still there. */
void lldp_stop(struct ctl *ctl);

/** NULL: the port has no such device, or LLDP has not met it yet. */
const struct lldp_link *lldp_link(const struct ctl *ctl, const struct dp_port *port, unsigned slot);

/** "both", "send", "receive" or "off": what holds for a port. */
const char *lldp_mode(const struct conf *conf, const struct conf_item *port);

/* lldp_self.c */

/** What the host says by a device. */
void lldp_self(const struct ctl *ctl, const struct conf_item *port, const struct dp_port *dp,
	const struct uplink_device *device, struct lldp_info *ret);

/** Read the host's addresses again. */
void lldp_host_read(struct lldp_host *host);
