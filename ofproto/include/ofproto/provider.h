/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the dataplane has to do for OpenFlow: the seam. ofproto owns this struct, control
 * implements it, the dataplane knows nothing of it. All functions are called by the control
 * thread; a flow, group or meter is passed by the struct that ofproto keeps, whose `handle` is the
 * implementer's own, and is not NULL while it has the flow, group or meter.
 *
 * What was changed is forwarded by at the latest when barrier() returns.
 */
#pragma once

#include "base/err.h"
#include "ofproto/info.h"

struct of_flow;
struct of_group;
struct of_meter;

struct of_counts {
	uint64_t n_packets, n_bytes;
	uint64_t used_ns; /* when the last frame was matched, CLOCK_MONOTONIC; 0: never */
};

struct of_provider {
	/* errors of the first three: -ENOSPC (no room: TABLE_FULL and the like), -ENOMEM, or
	 * -EINVAL with reterr_of */
	int (*flow_add)(void *ctx, struct of_flow *flow, struct of_err *reterr_of);
	/* New instructions, same match; counts stay unless reset. On failure the old ones stay. */
	int (*flow_modify)(void *ctx, struct of_flow *flow, const struct of_instructions *fresh,
		bool reset_counts, struct of_err *reterr_of);
	int (*group_set)(
		void *ctx, struct of_group *group, struct of_err *reterr_of); /* add, modify */
	int (*meter_set)(void *ctx, struct of_meter *meter, struct of_err *reterr_of);
	/* Changes of several flows and groups at a time (of_switch_bundle_stage): a group without
	 * buckets; then, of what is there and is to do what it says now, all that may fail; and
	 * that is done, or not. errors: as above */
	int (*group_new)(void *ctx, struct of_group *group);
	int (*group_stage)(void *ctx, const struct of_group *group, void **ret_staged,
		struct of_err *reterr_of);
	void (*group_apply)(void *ctx, struct of_group *group, void *staged);
	void (*group_unstage)(void *ctx, struct of_group *group, void *staged);
	int (*flow_stage)(void *ctx, const struct of_flow *flow, bool reset_counts,
		void **ret_staged, struct of_err *reterr_of);
	void (*flow_apply)(void *ctx, struct of_flow *flow, void *staged);
	void (*flow_unstage)(void *ctx, struct of_flow *flow, void *staged);
	/* What is changed between hold and release no frame sees a part of; a few hundred changes
	 * at the most, for frames wait. */
	void (*hold)(void *ctx);
	void (*release)(void *ctx);

	void (*flow_del)(void *ctx, struct of_flow *flow);
	void (*group_del)(void *ctx, struct of_group *group);
	void (*meter_del)(void *ctx, struct of_meter *meter);

	void (*flow_counts)(void *ctx, const struct of_flow *flow, struct of_counts *ret);
	/* Of a flow with fin_timeout: the lowest timeouts that its frames have asked for since the
	 * last call, 0: none. */
	void (*flow_take_fin)(
		void *ctx, const struct of_flow *flow, uint16_t *ret_idle_s, uint16_t *ret_hard_s);
	/* shape: buckets[n_buckets] */
	void (*group_counts)(void *ctx, const struct of_group *group, struct of_counts *ret,
		struct of_counts *buckets);
	/* shape: bands[n_bands] */
	void (*meter_counts)(void *ctx, const struct of_meter *meter, struct of_counts *ret,
		struct of_counts *bands);
	void (*table_counts)(void *ctx, uint8_t table, uint64_t *n_lookups, uint64_t *n_matches);

	/* errors: -EINVAL with reterr_of, as packet_out would; -ENOMEM */
	int (*packet_check)(void *ctx, const struct of_packet_out *out, struct of_err *reterr_of);
	/* errors: -EINVAL with reterr_of; -EAGAIN (the workers have too many waiting) */
	int (*packet_out)(void *ctx, const struct of_packet_out *out, struct of_err *reterr_of);
	/* Return when every worker forwards by everything before. */
	void (*barrier)(void *ctx);

	/* Call fn for every port, in the order of their numbers, until it returns non-zero. */
	int (*ports)(void *ctx,
		int (*fn)(void *arg, const struct of_port_info *port,
			const struct of_port_stats *stats),
		void *arg);
	/* errors: -ENOENT */
	int (*port)(void *ctx, uint32_t no, struct of_port_info *info, struct of_port_stats *stats);
	/* errors: -EINVAL with reterr_of, where port_mod would refuse it */
	int (*port_check)(void *ctx, const struct of_port_mod *mod, struct of_err *reterr_of);
	int (*port_mod)(void *ctx, const struct of_port_mod *mod, struct of_err *reterr_of);
	/* fragments: 0 normal, 1 drop */
	void (*set_fragments)(void *ctx, unsigned handling);
};
