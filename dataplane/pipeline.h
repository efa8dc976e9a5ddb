/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A bridge's flow tables inside the dataplane: what workers walk, and what the control thread
 * changes under them.
 */
#pragma once

#include "classifier.h"
#include "counts.h"
#include "dp_private.h"

struct dp_pipeline {
	struct dp_bridge *bridge;
	struct dp_reclaim reclaim;
	_Atomic(struct dp_table *) tables[DP_N_TABLES]; /* NULL: never had a flow */
	uint32_t slots[DP_N_TABLES];                    /* packets: matched; bytes: looked up */
	uint32_t learn_slot;                            /* packets: handed over; bytes: lost */
	_Atomic uint32_t n_changed; /* flows that do something else now, or have left */
	uint64_t seed;
	struct dp_port *controller; /* frames from and to the controller are counted here */
};

/* What a group's workers see of it; replaced as a whole. */
struct dp_bucket_live {
	uint32_t id, slot, watch_port;
	uint16_t weight;
	const struct dp_group *watch_group;
	struct dp_program *program;
};

struct dp_buckets {
	uint8_t type;
	unsigned n;
	struct dp_bucket_live of[];
};

struct dp_group {
	struct dp_bridge *bridge;
	_Atomic(struct dp_buckets *) buckets;
	uint32_t slot;
};

struct dp_band_live {
	struct dp_bucket_rate rate;
	struct dp_bucket bucket;
	uint32_t slot, per_second;
	uint8_t levels;
	bool remarks;
};

struct dp_bands {
	unsigned n;
	bool counts_packets;
	struct dp_band_live of[];
};

struct dp_meter {
	struct dp_bridge *bridge;
	_Atomic(struct dp_bands *) bands;
	uint32_t slot;
};

/** Give a bridge its tables, all empty. errors: -ENOMEM, -ENOSPC (ports, counters) */
int dp_pipeline_new(struct dp_bridge *bridge);
void dp_pipeline_free(struct dp_pipeline *pipeline);

/** The controller's side of the bridge as a port, that no bridge lists. */
int dp_controller_port_new(struct dp_bridge *bridge, struct dp_port **ret);
void dp_controller_port_free(struct dp_port *port);

/** Give a slot back after a grace period. */
void dp_slot_defer(struct dp *dp, uint32_t slot);
