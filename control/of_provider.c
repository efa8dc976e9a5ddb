/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What ofproto asks of the dataplane (ofproto/provider.h), done on one bridge. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "conf/policy.h"
#include "of_compile.h"
#include "of_ports.h"
#include "openflow.h"

static bool is_miss(uint16_t priority, const struct of_minimatch *match)
{
	return priority == 0 && match->used == 0;
}

static int compile(const struct openflow_provider *p, const struct of_flow *flow,
	const struct of_instructions *instructions, struct dp_program **ret,
	struct of_err *reterr_of)
{
	const struct of_compile_ctx ctx = { p->sw, is_miss(flow->priority, flow->match) };

	return of_compile_instructions(&ctx, instructions, ret, reterr_of);
}

static int flow_add(void *ctx, struct of_flow *flow, struct of_err *reterr_of)
{
	const struct openflow_provider *p = ctx;
	struct dp_flow_conf conf = { .table = flow->table,
		.priority = flow->priority,
		.cookie = flow->cookie,
		.owner = flow };
	struct dp_program *program;
	struct of_match match;
	struct dp_flow *made;
	int r = compile(p, flow, &flow->instructions, &program, reterr_of);

	if (r < 0)
		return r;
	of_minimatch_expand(flow->match, &match);
	conf.value = match.value;
	conf.mask = match.mask;
	r = dp_flow_add(p->bridge, &conf, program, &made);
	if (r < 0)
		free(program);
	else
		flow->handle = made;
	return r;
}

static int flow_modify(void *ctx, struct of_flow *flow, const struct of_instructions *fresh,
	bool reset_counts, struct of_err *reterr_of)
{
	struct openflow_provider *p = ctx;
	struct dp_flow *handle = flow->handle;
	struct dp_program *program;
	int r = compile(p, flow, fresh, &program, reterr_of);

	if (r < 0)
		return r;
	if (reset_counts)
		r = dp_flow_clear(p->bridge, handle);
	if (r == 0 && reset_counts)
		of_normal_clear(&p->normal, p, flow);
	if (r == 0)
		r = dp_flow_set(p->bridge, &handle, flow->cookie, program);
	if (r < 0)
		free(program);
	else
		flow->handle = handle;
	return r;
}

static int flow_stage(void *ctx, const struct of_flow *flow, bool reset_counts, void **ret_staged,
	struct of_err *reterr_of)
{
	const struct openflow_provider *p = ctx;
	struct dp_change *change;
	struct dp_program *program;
	int r = compile(p, flow, &flow->instructions, &program, reterr_of);

	if (r < 0)
		return r;
	r = dp_change_new(p->bridge, flow->handle, flow->cookie, program, reset_counts, &change);
	if (r < 0)
		free(program);
	else
		*ret_staged = change;
	return r;
}

static void flow_apply(void *ctx, struct of_flow *flow, void *staged)
{
	struct openflow_provider *p = ctx;
	struct dp_flow *handle = flow->handle;

	if (dp_change_make(p->bridge, &handle, staged))
		of_normal_clear(&p->normal, p, flow);
	flow->handle = handle;
}

static void flow_unstage(void *ctx, struct of_flow *flow, void *staged)
{
	const struct openflow_provider *p = ctx;

	dp_change_drop(p->bridge, staged);
}

static void flow_del(void *ctx, struct of_flow *flow)
{
	struct openflow_provider *p = ctx;

	of_normal_forget(&p->normal, flow);
	dp_flow_del(p->bridge, flow->handle);
	flow->handle = NULL;
}

static void to_counts(const struct dp_counts *from, struct of_counts *ret)
{
	*ret = (struct of_counts){ .n_packets = from->n_packets, .n_bytes = from->n_bytes };
	if (from->age_s != UINT32_MAX)
		ret->used_ns = openflow_now_ns() - from->age_s * UINT64_C(1000000000);
}

static void flow_counts(void *ctx, const struct of_flow *flow, struct of_counts *ret)
{
	const struct openflow_provider *p = ctx;
	struct dp_counts counts;

	dp_flow_get_counts(p->bridge, flow->handle, &counts);
	to_counts(&counts, ret);
	of_normal_add(&p->normal, p, flow, ret);
}

static void flow_take_fin(
	void *ctx, const struct of_flow *flow, uint16_t *ret_idle_s, uint16_t *ret_hard_s)
{
	const struct openflow_provider *p = ctx;

	dp_flow_take_fin(p->bridge, flow->handle, ret_idle_s, ret_hard_s);
}

/* Groups */

/* The same for the same work, whatever its place in the list; two alike differ by their order. */
static uint32_t bucket_id(
	const struct of_bucket *bucket, const struct dp_bucket_conf *before, unsigned n_before)
{
	struct of_buf bytes = { 0 };
	uint32_t h = UINT32_C(2166136261);

	of_buf_put_u32(&bytes, bucket->watch_port);
	of_buf_put_u32(&bytes, bucket->watch_group);
	of_actions_encode(&bucket->actions, &bytes);
	for (size_t i = 0; i < bytes.len; i++)
		h = (h ^ bytes.data[i]) * UINT32_C(16777619);
	of_buf_done(&bytes);
	for (unsigned i = 0; i < n_before; i++)
		h += before[i].id == h;
	return h;
}

static int compile_bucket(const struct openflow_provider *p, const struct of_bucket *from,
	struct dp_bucket_conf *ret, struct of_err *reterr_of)
{
	const struct of_compile_ctx ctx = { p->sw, false };
	const struct of_group *watched = of_switch_group(p->sw, from->watch_group);

	ret->weight = from->weight;
	ret->watch_port = from->watch_port;
	ret->watch_group = watched ? watched->handle : NULL;
	/* A group that is gone is down, as a port is that is none. */
	if (from->watch_group != OF_GROUP_ANY && !ret->watch_group)
		ret->watch_port = OF_PORT_CONTROLLER;
	return of_compile_bucket(&ctx, &from->actions, &ret->program, reterr_of);
}

static int stage_buckets(const struct openflow_provider *p, struct dp_group *made,
	const struct of_group *group, struct dp_buckets **ret, struct of_err *reterr_of)
{
	struct dp_bucket_conf *buckets = calloc(group->n_buckets + 1, sizeof(*buckets));
	int r = buckets ? 0 : -ENOMEM;
	unsigned n = 0;

	for (; r == 0 && n < group->n_buckets; n++) {
		r = compile_bucket(p, &group->buckets[n], &buckets[n], reterr_of);
		buckets[n].id = bucket_id(&group->buckets[n], buckets, n);
	}
	if (r == 0)
		r = dp_group_stage(made, (enum dp_group_type)group->type, buckets, n, ret);
	for (unsigned i = 0; r < 0 && i < n; i++)
		free(buckets[i].program);
	free(buckets);
	return r;
}

static int set_buckets(const struct openflow_provider *p, struct dp_group *made,
	const struct of_group *group, struct of_err *reterr_of)
{
	struct dp_buckets *staged;
	int r = stage_buckets(p, made, group, &staged, reterr_of);

	if (r == 0)
		dp_group_apply(made, staged);
	return r;
}

struct watchers {
	const struct openflow_provider *p;
	uint32_t watched;
};

static bool watches(const struct of_group_info *group, uint32_t watched)
{
	for (unsigned i = 0; i < group->n_buckets; i++)
		if (group->buckets[i].watch_group == watched)
			return true;
	return false;
}

/* The buckets of those that watch a group name it by its handle, which has changed. */
static int look_again(void *arg, const struct of_group_info *info)
{
	const struct watchers *w = arg;
	const struct of_group *group = of_switch_group(w->p->sw, info->group);

	if (!group || !group->handle || group->id == w->watched || !watches(info, w->watched))
		return 0;
	return set_buckets(w->p, group->handle, group, NULL);
}

static int tell_watchers(const struct openflow_provider *p, uint32_t watched)
{
	struct watchers w = { p, watched };

	return of_switch_groups(p->sw, OF_GROUP_ALL, openflow_now_ns(), look_again, &w, NULL);
}

static int group_set(void *ctx, struct of_group *group, struct of_err *reterr_of)
{
	const struct openflow_provider *p = ctx;
	struct dp_group *made = group->handle;
	bool is_new = !made;
	int r = made ? 0 : dp_group_new(p->bridge, &made);

	if (r == 0)
		r = set_buckets(p, made, group, reterr_of);
	if (r < 0 && made && is_new)
		dp_group_free(made);
	if (r == 0)
		group->handle = made;
	if (r == 0 && is_new)
		r = tell_watchers(p, group->id);
	return r;
}

static int group_new(void *ctx, struct of_group *group)
{
	const struct openflow_provider *p = ctx;
	struct dp_group *made;
	int r = dp_group_new(p->bridge, &made);

	if (r == 0)
		group->handle = made;
	return r;
}

static int group_stage(
	void *ctx, const struct of_group *group, void **ret_staged, struct of_err *reterr_of)
{
	struct dp_buckets *staged;
	int r = stage_buckets(ctx, group->handle, group, &staged, reterr_of);

	if (r == 0)
		*ret_staged = staged;
	return r;
}

static void group_apply(void *ctx, struct of_group *group, void *staged)
{
	dp_group_apply(group->handle, staged);
}

static void group_unstage(void *ctx, struct of_group *group, void *staged)
{
	dp_group_unstage(group->handle, staged);
}

static void group_del(void *ctx, struct of_group *group)
{
	const struct openflow_provider *p = ctx;
	struct dp_group *gone = group->handle;

	group->handle = NULL;
	/* One that cannot be told for want of memory must not find it: it keeps watching nothing.
	 */
	if (tell_watchers(p, group->id) < 0)
		dp_group_empty(gone);
	else
		dp_group_free(gone);
}

static void group_counts(
	void *ctx, const struct of_group *group, struct of_counts *ret, struct of_counts *buckets)
{
	struct dp_counts all, *each = calloc(group->n_buckets + 1, sizeof(*each));

	*ret = (struct of_counts){ 0 };
	memset(buckets, 0, group->n_buckets * sizeof(*buckets));
	if (!each)
		return;
	dp_group_get_counts(group->handle, &all, each);
	to_counts(&all, ret);
	for (unsigned i = 0; i < group->n_buckets; i++)
		to_counts(&each[i], &buckets[i]);
	free(each);
}

/* Meters */

static int meter_set(void *ctx, struct of_meter *meter, struct of_err *reterr_of)
{
	const struct openflow_provider *p = ctx;
	struct dp_band_conf bands[OF_MAX_BANDS];
	struct dp_meter *made = meter->handle;
	int r = 0;

	if (meter->n_bands > OF_MAX_BANDS)
		return of_err_set(reterr_of, OF_ET_METER_MOD_FAILED, OF_MM_OUT_OF_BANDS);
	for (unsigned i = 0; i < meter->n_bands; i++)
		bands[i] =
			(struct dp_band_conf){ .remarks = meter->bands[i].type == OF_MB_DSCP_REMARK,
				.levels = meter->bands[i].prec_level,
				.rate = meter->bands[i].rate,
				.burst = meter->flags & OF_MF_BURST ? meter->bands[i].burst : 0 };
	if (!made)
		r = dp_meter_new(p->bridge, &made);
	if (r == 0)
		r = dp_meter_set(made, meter->flags & OF_MF_PKTPS, bands, meter->n_bands);
	if (r < 0 && made && !meter->handle)
		dp_meter_free(made);
	if (r == 0)
		meter->handle = made;
	return r;
}

static void meter_del(void *ctx, struct of_meter *meter)
{
	dp_meter_free(meter->handle);
	meter->handle = NULL;
}

static void meter_counts(
	void *ctx, const struct of_meter *meter, struct of_counts *ret, struct of_counts *bands)
{
	struct dp_counts all, each[OF_MAX_BANDS];

	dp_meter_get_counts(meter->handle, &all, each);
	to_counts(&all, ret);
	for (unsigned i = 0; i < meter->n_bands; i++)
		to_counts(&each[i], &bands[i]);
}

static void table_counts(void *ctx, uint8_t table, uint64_t *n_lookups, uint64_t *n_matches)
{
	const struct openflow_provider *p = ctx;
	struct dp_pipeline_table_info info;

	dp_table_get_stats(p->bridge, table, &info);
	*n_lookups = info.n_lookups;
	*n_matches = info.n_matches;
}

/* Frames, ports and the rest */

static int compile_out(const struct openflow_provider *p, const struct of_packet_out *out,
	struct dp_program **ret, struct of_err *reterr_of)
{
	const struct of_compile_ctx compile_ctx = { p->sw, false };

	if (out->n_data < 14)
		return of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_BAD_PACKET);
	return of_compile_actions(&compile_ctx, &out->actions, ret, reterr_of);
}

static int packet_check(void *ctx, const struct of_packet_out *out, struct of_err *reterr_of)
{
	struct dp_program *program;
	int r = compile_out(ctx, out, &program, reterr_of);

	if (r == 0)
		free(program);
	return r;
}

static int packet_out(void *ctx, const struct of_packet_out *out, struct of_err *reterr_of)
{
	const struct openflow_provider *p = ctx;
	struct dp_program *program;
	int r = compile_out(p, out, &program, reterr_of);

	if (r < 0)
		return r;
	r = dp_packet_out(p->bridge, out->in_port, out->data, (uint32_t)out->n_data, program);
	if (r < 0)
		free(program);
	return r;
}

static void hold(void *ctx)
{
	const struct openflow_provider *p = ctx;

	dp_hold(p->ctl->sw.dp);
}

static void release(void *ctx)
{
	const struct openflow_provider *p = ctx;

	dp_release(p->ctl->sw.dp);
}

static void barrier(void *ctx)
{
	const struct openflow_provider *p = ctx;

	openflow_refresh(p->of);
	dp_barrier(p->ctl->sw.dp);
}

static int ports(void *ctx,
	int (*fn)(void *arg, const struct of_port_info *port, const struct of_port_stats *stats),
	void *arg)
{
	const struct openflow_provider *p = ctx;

	return of_ports_foreach(p->ctl, p->name, fn, arg);
}

static int port(void *ctx, uint32_t no, struct of_port_info *info, struct of_port_stats *stats)
{
	const struct openflow_provider *p = ctx;

	return of_ports_find(p->ctl, p->name, no, info, stats);
}

static int port_mod(void *ctx, const struct of_port_mod *mod, struct of_err *reterr_of)
{
	const struct openflow_provider *p = ctx;

	return of_ports_mod(p->ctl, p->name, mod, reterr_of);
}

static int port_check(void *ctx, const struct of_port_mod *mod, struct of_err *reterr_of)
{
	const struct openflow_provider *p = ctx;

	return of_ports_check(p->ctl, p->name, mod, reterr_of);
}

static void set_fragments(void *ctx, unsigned handling)
{
	const struct openflow_provider *p = ctx;

	dp_bridge_drop_fragments(p->bridge, handling == 1);
	(void)dp_commit(p->ctl->sw.dp, NULL);
}

const struct of_provider openflow_provider = {
	.flow_add = flow_add,
	.flow_modify = flow_modify,
	.group_set = group_set,
	.meter_set = meter_set,
	.group_new = group_new,
	.group_stage = group_stage,
	.group_apply = group_apply,
	.group_unstage = group_unstage,
	.flow_stage = flow_stage,
	.flow_apply = flow_apply,
	.flow_unstage = flow_unstage,
	.hold = hold,
	.release = release,
	.flow_del = flow_del,
	.group_del = group_del,
	.meter_del = meter_del,
	.flow_counts = flow_counts,
	.flow_take_fin = flow_take_fin,
	.group_counts = group_counts,
	.meter_counts = meter_counts,
	.table_counts = table_counts,
	.packet_check = packet_check,
	.packet_out = packet_out,
	.barrier = barrier,
	.ports = ports,
	.port = port,
	.port_check = port_check,
	.port_mod = port_mod,
	.set_fragments = set_fragments,
};
