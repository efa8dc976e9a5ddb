/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One bridge's OpenFlow state: flow tables, groups, meters, and what requests do to them
 * (OpenFlow 1.3.5, 5, 6.4 to 6.7). Control thread; nothing here waits.
 */
#pragma once

#include "ofproto/provider.h"

#define OF_MAX_BUCKETS 1024 /* of a group */
#define OF_MAX_BANDS   8    /* of a meter */

struct of_switch;

/* A flow as ofproto keeps it. At a million of them every byte counts. */
struct of_flow {
	void *handle; /* the provider's */
	struct of_minimatch *match;
	struct of_instructions instructions;
	uint64_t cookie, made_ns;
	uint64_t reset_ns; /* when its counts began: it was not idle before */
	uint16_t priority, idle_timeout_s, hard_timeout_s, flags;
	uint8_t table;
	uint32_t learned_s; /* from made to when it was last learned: the hard timeout begins there
			     */
};

struct of_group {
	void *handle;
	uint32_t id;
	uint8_t type;
	unsigned n_buckets;
	struct of_bucket *buckets;
	uint64_t made_ns;
};

struct of_meter {
	void *handle;
	uint32_t id;
	uint16_t flags;
	unsigned n_bands;
	struct of_band *bands;
	uint64_t made_ns;
};

/* What the switch tells those who are connected. Called during the functions below, when what is
 * told has happened; what is called may read the switch and not change it. */
struct of_switch_events {
	/* Of flows with OF_FF_SEND_FLOW_REM. */
	void (*flow_removed)(
		void *ctx, const struct of_flow_info *flow, enum of_removed_reason reason);
	/* For flow monitors: a flow was added (what 0), modified (1) or removed (2). */
	void (*flow_changed)(void *ctx, unsigned what, const struct of_flow_info *flow);
	void *ctx;
	/* Of a bundle: what is told next is of this step. May be NULL. */
	void (*step)(void *ctx, uint32_t step);
};

struct of_switch_conf {
	uint32_t max_flows; /* of all tables together */
	uint32_t max_groups, max_meters;
	uint32_t max_port; /* numbers above, that are not OFPP_*, are no ports */
};

/* provider and its ctx must outlive the switch. errors: -ENOMEM */
int of_switch_new(const struct of_switch_conf *conf, const struct of_provider *provider,
	void *provider_ctx, struct of_switch **ret);
void of_switch_free(struct of_switch *sw);
void of_switch_set_events(struct of_switch *sw, const struct of_switch_events *events);
const struct of_provider *of_switch_provider(const struct of_switch *sw, void **ret_ctx);

/**
 * Do what a request says, whole or not at all. (If the provider fails in the middle of a modify of
 * many flows, and then to turn one of them back, that one stays modified, and the error is told.)
 *
 * shape:   a flow-mod's instructions, a group-mod's buckets and a meter-mod's bands are taken over
 *          (and their pointers cleared in the request) when they are kept
 * units:   now in nanoseconds of CLOCK_MONOTONIC
 * errors:  -EINVAL with reterr_of
 * thread:  control
 */
int of_switch_flow_mod(
	struct of_switch *sw, struct of_flow_mod *mod, uint64_t now_ns, struct of_err *reterr_of);

int of_switch_group_mod(
	struct of_switch *sw, struct of_group_mod *mod, uint64_t now_ns, struct of_err *reterr_of);
int of_switch_meter_mod(
	struct of_switch *sw, struct of_meter_mod *mod, uint64_t now_ns, struct of_err *reterr_of);

/**
 * Requests that happen together: between begin and commit flow-mods and group-mods are answered as
 * if each had been done, but nothing is forwarded by them and nobody is told. stage does all that
 * may still fail; new flows are forwarded by from there on, beside those that are to go. commit
 * does the rest, in any case, and tells. abort, in place of either, leaves all as it was at the
 * begin: flows with their counts, timeouts and cookies, groups, and who refers to them. No other
 * function that changes the switch may be called before commit or abort.
 *
 * If it is atomic and changes up to 256 flows and groups, frames wait from stage on: each sees all
 * of it or nothing. Of a larger one a frame may see a part, but never less than it saw before.
 *
 * shape:   step: a number of the caller's for each request, not descending; *ret_step is that of
 *          the request that failed
 * errors:  of stage: -EINVAL with reterr_of; call abort then
 * thread:  control
 */
void of_switch_bundle_begin(struct of_switch *sw, bool is_atomic);
void of_switch_bundle_step(struct of_switch *sw, uint32_t step);
int of_switch_bundle_stage(struct of_switch *sw, uint32_t *ret_step, struct of_err *reterr_of);
void of_switch_bundle_commit(struct of_switch *sw, uint64_t now_ns);
void of_switch_bundle_abort(struct of_switch *sw, uint64_t now_ns);

/**
 * Learn from a frame: the flow is added if it is not there. One that is keeps its counts and
 * timeouts, and does what it is taught now; its hard timeout begins again. With delete_learned
 * nothing is learned when the flow that teaches has left already.
 *
 * errors:  as of_switch_flow_mod(); -ENOMEM
 * thread:  control
 */
int of_switch_learn(struct of_switch *sw, const struct of_learn *learn,
	const struct sh_flow_key *frame, uint64_t now_ns, struct of_err *reterr_of);

/** Remove flows whose time is over: looks at most at `most` of them, and goes on where it ended. */
void of_switch_expire(struct of_switch *sw, uint64_t now_ns, unsigned most);

/** Forget everything; flow_changed is called, flow_removed is not. Then the flow that makes a
 * bridge learn and forward by itself, if standalone: table 0, priority 0, NORMAL. errors: -ENOMEM,
 * without it. */
int of_switch_reset(struct of_switch *sw, bool standalone, uint64_t now_ns);

/** The only flow is one that sends every frame of table 0 to NORMAL, of whatever priority: the
 * dataplane may forward without walking tables. It costs nothing to ask. */
bool of_switch_is_normal(const struct of_switch *sw);

/**
 * Flows that a filter names, in the order of table and priority (highest first), each pinned so
 * that it may be removed meanwhile: a reply may be written over a longer time.
 *
 * shape:   *ret_flows[n], to be given back by of_switch_flows_done
 * return:  n
 * errors:  -ENOMEM; -EINVAL with reterr_of (BAD_TABLE_ID)
 */
int of_switch_flows(struct of_switch *sw, const struct of_flow_filter *filter,
	struct of_flow ***ret_flows, struct of_err *reterr_of);

/** The same for at most max flows (>= 1) behind another one: a list in parts. after: NULL to begin;
 * else a flow of the switch, in the table of the filter if that names one */
int of_switch_flows_after(struct of_switch *sw, const struct of_flow_filter *filter,
	const struct of_flow *after, unsigned max, struct of_flow ***ret_flows,
	struct of_err *reterr_of);
void of_switch_flows_done(struct of_switch *sw, struct of_flow **flows, int n);

/** The flow of exactly this match, priority and table. errors: -ENOENT, -ENOMEM */
int of_switch_flow_find(const struct of_switch *sw, const struct of_match *match, uint16_t priority,
	uint8_t table, const struct of_flow **ret);

/** Fill in info as of now; info points into the flow. Of one that is pinned and was removed, what
 * it had counted then. */
void of_switch_flow_info(const struct of_switch *sw, const struct of_flow *flow, uint64_t now_ns,
	struct of_flow_info *info);

/* In the order of their numbers, until fn returns something else than 0, which is then returned.
 * OF_GROUP_ALL, OF_METER_ALL for all; info points into the switch and is valid during the call. A
 * group that is not there is no error, a meter is (as Open vSwitch has it).
 * errors: -EINVAL with reterr_of, -ENOMEM */
int of_switch_groups(const struct of_switch *sw, uint32_t group, uint64_t now_ns,
	int (*fn)(void *arg, const struct of_group_info *info), void *arg,
	struct of_err *reterr_of);
int of_switch_meters(const struct of_switch *sw, uint32_t meter, uint64_t now_ns,
	int (*fn)(void *arg, const struct of_meter_info *info), void *arg,
	struct of_err *reterr_of);

/** max_flows is that of all tables together. */
void of_switch_table_info(const struct of_switch *sw, uint8_t table, struct of_table_info *ret);
const struct of_switch_conf *of_switch_limits(const struct of_switch *sw);

/** Flows that are there stay, however many; no more are added from max_flows on. */
void of_switch_set_max_flows(struct of_switch *sw, uint32_t max_flows);

/* By id, for the provider: NULL when it is not there. */
struct of_group *of_switch_group(const struct of_switch *sw, uint32_t id);
struct of_meter *of_switch_meter(const struct of_switch *sw, uint32_t id);
