/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A bridge as an OpenFlow switch: its tables, the controllers that are connected, and what the
 * dataplane does for them. Control thread.
 */
#pragma once

#include <systemd/sd-event.h>

#include "dataplane/pipeline.h"
#include "of_normal.h"
#include "of_tls.h"
#include "ofproto/conn.h"

struct ctl;
struct openflow;
struct of_peers; /* sockets, of_peers.h */

struct openflow_conf {
	uint64_t datapath_id;
	bool secure;             /* fail mode */
	unsigned alone_after_s;  /* else: without a controller, to learn again */
	uint32_t flow_limit;     /* of all tables together */
	uint32_t rate_limit;     /* packet-ins a second to each controller; 0: none */
	const char *controllers; /* comma-separated, or NULL */
	struct of_tls_conf tls;  /* empty paths: no ssl: and pssl: */
};

/**
 * Make the bridge a switch that listens on RUNDIR/NAME.mgmt and connects to its controllers.
 *
 * errors:  -errno of the socket, -ENOMEM
 */
int openflow_new(struct ctl *ctl, const char *name, struct dp_bridge *bridge,
	const struct openflow_conf *conf, struct sh_err *err, struct openflow **ret);
void openflow_free(struct openflow *of);
int openflow_set(struct openflow *of, const struct openflow_conf *conf, struct sh_err *err);

/** Part with all and listen nowhere, until openflow_set. */
void openflow_rest(struct openflow *of);

/** What was set holds for good: the tables begin anew where the fail mode is another. */
void openflow_settle(struct openflow *of);

/** Time-outs of flows and of connections. Once a second. */
void openflow_tick(struct openflow *of);

/** A worker handed something over. */
void openflow_take(struct openflow *of, const struct dp_to_control *what);

/** Flows that frames taught and that could not be made. */
uint64_t openflow_learns_refused(const struct openflow *of);

/** A port of the bridge came, went or changed; still, or already, in the model. */
void openflow_port_changed(struct openflow *of, const char *port, enum of_port_reason reason);

/**
 * Forward by the tables, or as a learning bridge while they say no more than that, or while a
 * standalone bridge has lost its controllers. Called after whatever may have changed that.
 */
void openflow_refresh(struct openflow *of);

struct of_conns *openflow_conns(struct openflow *of);
struct of_switch *openflow_switch(struct openflow *of);
uint64_t openflow_now_ns(void);

/* of_provider.c */
struct openflow_provider {
	struct ctl *ctl;
	struct openflow *of;
	const char *name; /* of the bridge */
	struct dp_bridge *bridge;
	struct of_switch *sw;
	struct of_normal normal;
};
extern const struct of_provider openflow_provider;
