/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Flow tables, groups and meters of a bridge as the control thread sees them. Changes of single
 * entries take effect in place, at once; dp_barrier returns when every worker forwards by all of
 * them. Control thread, but where it says otherwise.
 */
#pragma once

#include "base/flow_key.h"
#include "dataplane/dp.h"
#include "dataplane/program.h"

#define DP_N_TABLES 254

struct dp_flow;

struct dp_flow_conf {
	uint8_t table;
	uint16_t priority;
	uint64_t cookie; /* told in packet-ins */
	void *owner;     /* told in traces */
	struct sh_flow_key value, mask;
};

struct dp_counts {
	uint64_t n_packets, n_bytes;
	uint32_t age_s; /* since the last frame; UINT32_MAX: none yet */
};

/** A bridge forwards by its tables, or learns and forwards by itself (the default). From dp_commit
 * on. */
void dp_bridge_use_tables(struct dp_bridge *bridge, bool use);
bool dp_bridge_uses_tables(const struct dp_bridge *bridge);

/** IP fragments are dropped, not matched. From dp_commit on. */
void dp_bridge_drop_fragments(struct dp_bridge *bridge, bool drop);

/**
 * Add a flow; the program is taken over.
 *
 * errors:  -ENOMEM, -ENOSPC (no counter left); the program is then the caller's still
 */
int dp_flow_add(struct dp_bridge *bridge, const struct dp_flow_conf *conf,
	struct dp_program *program, struct dp_flow **ret);

/**
 * Replace what it does, and its cookie; its counters stay. The flow may become another.
 *
 * errors:  -ENOMEM, -ENOSPC (clauses of too many masks); the program is then the caller's still
 */
int dp_flow_set(struct dp_bridge *bridge, struct dp_flow **flow, uint64_t cookie,
	struct dp_program *program);

/**
 * The same in two steps: new does all that may fail, make does the rest and cannot, drop leaves the
 * flow as it was. What a change of many flows does in between is up to the caller.
 *
 * shape:   resets: it counts from 0 again
 * return:  of make: whether it does
 * errors:  of new: as of dp_flow_set
 */
struct dp_change;
int dp_change_new(struct dp_bridge *bridge, const struct dp_flow *flow, uint64_t cookie,
	struct dp_program *program, bool resets, struct dp_change **ret);
bool dp_change_make(struct dp_bridge *bridge, struct dp_flow **flow, struct dp_change *change);
void dp_change_drop(struct dp_bridge *bridge, struct dp_change *change);

/** Count from 0 again. errors: -ENOSPC */
int dp_flow_clear(struct dp_bridge *bridge, struct dp_flow *flow);
void dp_flow_del(struct dp_bridge *bridge, struct dp_flow *flow);
void dp_flow_get_counts(
	const struct dp_bridge *bridge, const struct dp_flow *flow, struct dp_counts *ret);

/** The lowest timeouts that DP_OP_FIN_TIMEOUT of the flow's program asked for since the last call;
 * 0: none. units: seconds */
void dp_flow_take_fin(struct dp_bridge *bridge, const struct dp_flow *flow, uint16_t *ret_idle_s,
	uint16_t *ret_hard_s);

struct dp_pipeline_table_info {
	uint32_t n_flows, n_masks, n_groups;
	uint64_t n_bytes; /* of memory */
	uint64_t n_lookups, n_matches;
};
void dp_table_get_stats(
	const struct dp_bridge *bridge, uint8_t table, struct dp_pipeline_table_info *ret);

/* Groups */

enum dp_group_type {
	DP_GROUP_ALL,
	DP_GROUP_SELECT,
	DP_GROUP_INDIRECT,
	DP_GROUP_FAST_FAILOVER
};

struct dp_bucket_conf {
	uint32_t id;         /* of what it does: it stays when other buckets come and go */
	uint16_t weight;     /* select */
	uint32_t watch_port; /* OpenFlow number, DP_OUT_NONE: none */
	struct dp_group *watch_group;
	struct dp_program *program; /* taken over */
};

#define DP_OUT_NONE 0xffffffffu

int dp_group_new(struct dp_bridge *bridge, struct dp_group **ret);

/** errors: -ENOMEM, -ENOSPC; the programs are then the caller's still, and the group as it was. */
int dp_group_set(struct dp_group *group, enum dp_group_type type,
	const struct dp_bucket_conf *buckets, unsigned n);

/** The same in two steps, as dp_change_new. errors: as of dp_group_set */
struct dp_buckets;
int dp_group_stage(struct dp_group *group, enum dp_group_type type,
	const struct dp_bucket_conf *buckets, unsigned n, struct dp_buckets **ret);
void dp_group_apply(struct dp_group *group, struct dp_buckets *staged);
void dp_group_unstage(struct dp_group *group, struct dp_buckets *staged);

/** Take its buckets; what names it finds it down. */
void dp_group_empty(struct dp_group *group);

/** No program and no bucket may name it any more. */
void dp_group_free(struct dp_group *group);

/* shape: buckets[n] of the last dp_group_set */
void dp_group_get_counts(
	const struct dp_group *group, struct dp_counts *ret, struct dp_counts *buckets);

/* Meters */

struct dp_band_conf {
	bool remarks;         /* else drops */
	uint8_t levels;       /* of drop precedence */
	uint32_t rate, burst; /* kb/s or packets/s; kb or packets */
};

int dp_meter_new(struct dp_bridge *bridge, struct dp_meter **ret);

/** errors: -ENOMEM, -ENOSPC; the meter is then as it was. */
int dp_meter_set(
	struct dp_meter *meter, bool counts_packets, const struct dp_band_conf *bands, unsigned n);

/** No program may name it any more. */
void dp_meter_free(struct dp_meter *meter);
void dp_meter_get_counts(
	const struct dp_meter *meter, struct dp_counts *ret, struct dp_counts *bands);

/* To and from the control thread */

enum dp_to_control_kind {
	DP_TO_CONTROL_FRAME, /* output to the controller */
	DP_TO_CONTROL_LEARN, /* DP_OP_LEARN */
};

/* What a worker handed to the control thread. */
struct dp_to_control {
	uint8_t kind, reason, table;
	uint16_t max_len, controller_id;
	uint64_t cookie;
	struct sh_flow_key key;
	uint32_t frame_len;   /* bytes of the whole frame */
	uint32_t n_bytes;     /* of which are here; of LEARN, of the template */
	const uint8_t *bytes; /* the frame, or the template */
};

/**
 * Have a worker run a program over a frame as if it had come in on a port.
 *
 * shape:   in_port is an OpenFlow number; one that is no port of the bridge: from the controller
 * errors:  -EAGAIN (too many wait), -ENOMEM; the program is then the caller's still
 */
int dp_packet_out(struct dp_bridge *bridge, uint32_t in_port, const void *frame, uint32_t len,
	struct dp_program *program);

/** Return when every worker forwards by everything before, packet-outs too. */
void dp_barrier(struct dp *dp);

/**
 * From the return of hold to release no worker is in a burst: what changes in between, no frame
 * sees a part of. Frames wait in their rings meanwhile, so let it be less than a millisecond.
 * dp_barrier must not be called in between.
 */
void dp_hold(struct dp *dp);
void dp_release(struct dp *dp);

/** Frames from and to the controller, not counted on any other port. */
void dp_bridge_get_controller_stats(const struct dp_bridge *bridge, struct dp_port_stats *ret);

struct dp_learn_stats {
	uint64_t n_taken, n_lost; /* by the control thread; for want of room on the way to it */
};
void dp_bridge_get_learn_stats(const struct dp_bridge *bridge, struct dp_learn_stats *ret);

/* Traces: what would become of a frame, by the code that workers run. Nothing is sent, counted,
 * learned or taken off a rate limit. */

enum dp_trace_kind {
	DP_TRACE_TABLE,      /* looked up: owner, of the flow that hit, or NULL */
	DP_TRACE_OPERATION,  /* is about to be done */
	DP_TRACE_NORMAL,     /* what the learning bridge says */
	DP_TRACE_OUTPUT,     /* by port, as frame; or dropped there */
	DP_TRACE_CONTROLLER, /* to the control thread, as an output */
	DP_TRACE_LEARN,      /* to the control thread, which learns from the key */
	DP_TRACE_END,        /* n_out outputs, or drop says why there is none */
};

/* What is said of one step. Valid during the call. */
struct dp_trace_event {
	enum dp_trace_kind kind;
	unsigned depth;                /* of resubmits and groups */
	const struct sh_flow_key *key; /* the frame at this moment; of OUTPUT, as it leaves */
	uint8_t table;
	void *owner;
	void *const *clauses; /* TABLE: owners of the clauses that led to it */
	unsigned n_clauses;
	const struct dp_op *op;
	bool is_of_set;             /* OPERATION: of the action set, which is done at the end */
	bool ends_tcp;              /* OPERATION: the frame ends a TCP connection */
	bool is_cut;                /* END: something ended the walk before all was done */
	const struct dp_port *port; /* OUTPUT; of NORMAL, where the destination is known to be */
	uint32_t ofport;            /* OUTPUT */
	unsigned drop;              /* enum dp_drop; DP_N_DROPS: none */
	uint16_t vlan;              /* NORMAL */
	bool learns;                /* NORMAL: the source would be learned */
	const struct dp_to_control *to;
	const uint8_t *frame; /* OUTPUT that is not dropped, CONTROLLER */
	uint32_t n_frame;     /* bytes */
	uint32_t n_out;
};

struct dp_trace_conf {
	uint32_t in_port; /* OpenFlow number; one that is no port of the bridge: the controller */
	const uint8_t *frame;
	uint32_t n_frame; /* bytes */
	bool by_tables;   /* else as the learning bridge alone */
};

/** A frame as flows see it: the fields that come from the frame. thread: any. */
void dp_frame_key(const uint8_t *frame, uint32_t n_frame, struct sh_flow_key *ret);

/**
 * Follow a frame, and call fn for every step in turn.
 *
 * errors:  -ENOMEM; -ENODEV (the bridge is not in use yet)
 * thread:  control
 */
int dp_trace(struct dp_bridge *bridge, const struct dp_trace_conf *conf,
	void (*fn)(void *ctx, const struct dp_trace_event *event), void *ctx);
