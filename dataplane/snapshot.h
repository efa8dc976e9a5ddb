/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The immutable picture of ports and bridges that workers forward by. The control thread makes a
 * new one for every change, publishes it through one pointer, and frees the old one when no worker
 * can still be reading it.
 */
#pragma once

#include "fdb.h"
#include "port.h"
#include "vlan_rules.h"

struct dp_fresh;
struct dp_pipeline;
struct dp_snap_mirror;
struct dp_snap_port;
struct dp_snap_team;

struct dp_snap_bridge {
	struct dp_fdb *fdb;
	struct dp_fresh *fresh; /* NULL: no team needs it */
	uint16_t index;
	bool uses_tables; /* else it learns and forwards by itself */
	bool drops_fragments;
	uint16_t n_ports, n_promiscuous;
	const uint16_t *ports; /* indexes of all its ports; those promiscuous come first */
	const struct dp_pipeline *pipeline;
	const struct dp_snap_port *controller; /* where packet-outs that name no port come in */
	uint32_t n_ofports;
	const uint16_t *by_ofport; /* [n_ofports], index + 1; 0: no port */
	uint16_t local_plus1;
	bool has_unlearned;
	const struct dp_snap_mirror *mirrors; /* by their slot */
	uint64_t unlearned[DP_VLAN_WORDS];    /* VLANs in which nothing is learned */
};

/* A port's policy as the fast path reads it: the first cache line is what every frame needs. */
struct dp_snap_port {
	const struct dp_snap_bridge *bridge;
	struct dp_port *port;
	const struct dp_port_ops *ops;
	uint32_t max_frame;
	uint32_t mac_limit;
	uint16_t index;
	bool admin_up, link_up;
	bool merges; /* frames come off a wire one by one */
	bool promiscuous, isolated, reject_mac_changes, reject_forged;
	/* limits, storm and own_mac are checked only when this says so */
	bool guards_source, limits_in, limits_storm, limits_out;
	bool no_receive, no_forward, no_packet_in; /* OpenFlow's port configuration */
	uint32_t ofport;
	uint8_t offloads; /* DP_OFFLOAD_* that frames from it and to it may have */
	uint8_t n_txq;
	uint8_t txq[DP_MAX_QUEUES];
	struct dp_capture *captures;     /* NULL: nobody captures here */
	const struct dp_snap_team *team; /* it is one */
	struct dp_snap_port *master;     /* the team whose member it is */
	uint8_t member_bit;              /* among the team's */
	bool is_choosy;                  /* not all frames are taken from it, or not by all ports */
	uint8_t team_use;                /* of its frames that leave by */
	uint16_t team_use_of;            /* this team, index + 1 */
	uint8_t takes_protocols;
	bool is_watched; /* by captures, its members' too, and by the mirrors below */
	bool is_mirror_output;
	uint32_t mirrors_in, mirrors_out; /* bit a slot of the bridge's mirrors */

	struct dp_vlan_policy vlan __rte_cache_aligned;
	struct dp_bucket_rate rate_in, rate_out, rate_storm;
} __rte_cache_aligned;

struct dp_snap_rxq {
	struct dp_snap_port *port;
	uint16_t queue;
};

struct dp_snapshot {
	uint64_t generation;
	uint32_t n_ports; /* one more than the highest index */
	struct dp_snap_port **ports;
	uint32_t n_bridges;
	struct dp_snap_bridge *bridges;
	struct {
		uint32_t n;
		struct dp_snap_rxq *queues;
	} polls[DP_MAX_WORKERS];
};

/**
 * Draw the dataplane as the control thread's model is now.
 *
 * errors:  -ENOMEM
 * thread:  control
 */
int dp_snapshot_new(struct dp *dp, struct dp_snapshot **ret);
void dp_snapshot_free(struct dp_snapshot *snapshot);

/** The bridge as a snapshot has it; NULL: not yet, or no longer. thread: any. */
static inline const struct dp_snap_bridge *dp_snapshot_bridge(
	const struct dp_snapshot *s, const struct dp_pipeline *pipeline)
{
	for (uint32_t i = 0; i < s->n_bridges; i++)
		if (s->bridges[i].pipeline == pipeline)
			return &s->bridges[i];
	return NULL;
}
