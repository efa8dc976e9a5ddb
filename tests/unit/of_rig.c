/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The provider that remembers, and requests in few words.
 */
#include "of_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int may_fail(struct rig *rig, struct of_err *reterr_of)
{
	rig->n_calls++;
	if (!rig->fail_at || rig->n_calls < rig->fail_at ||
		rig->n_calls >= rig->fail_at + rig->fail_n)
		return 0;
	if (rig->fail_with == -EINVAL)
		return of_err_set(reterr_of, OF_ET_TABLE_MOD_FAILED,
			rig->n_calls == rig->fail_at ? OF_TM_EPERM : OF_TM_BAD_CONFIG);
	return rig->fail_with;
}

static int flow_add(void *ctx, struct of_flow *flow, struct of_err *reterr_of)
{
	struct rig *rig = ctx;
	struct rig_flow *mine;
	int r = may_fail(rig, reterr_of);

	assert_null(flow->handle);
	if (r < 0)
		return r;
	mine = calloc(1, sizeof(*mine));
	if (!mine)
		return -ENOMEM;
	mine->instructions = flow->instructions;
	mine->cookie = flow->cookie;
	flow->handle = mine;
	rig->n_flows++;
	return 0;
}

static int flow_modify(void *ctx, struct of_flow *flow, const struct of_instructions *fresh,
	bool reset_counts, struct of_err *reterr_of)
{
	struct rig_flow *mine = flow->handle;
	int r = may_fail(ctx, reterr_of);

	if (r < 0)
		return r;
	mine->instructions = *fresh;
	mine->cookie = flow->cookie;
	if (reset_counts)
		mine->counts = (struct of_counts){ 0 };
	return 0;
}

static int flow_stage(void *ctx, const struct of_flow *flow, bool reset_counts, void **ret_staged,
	struct of_err *reterr_of)
{
	struct rig *rig = ctx;
	int r = may_fail(rig, reterr_of);
	struct rig_flow *staged;

	assert_non_null(flow->handle);
	if (r < 0)
		return r;
	staged = calloc(1, sizeof(*staged));
	if (!staged)
		return -ENOMEM;
	*staged = *(struct rig_flow *)flow->handle;
	staged->instructions = flow->instructions;
	staged->cookie = flow->cookie;
	if (reset_counts)
		staged->counts = (struct of_counts){ 0 };
	*ret_staged = staged;
	rig->n_staged++;
	return 0;
}

static void flow_apply(void *ctx, struct of_flow *flow, void *staged)
{
	struct rig *rig = ctx;

	*(struct rig_flow *)flow->handle = *(struct rig_flow *)staged;
	free(staged);
	rig->n_staged--;
}

static void flow_unstage(void *ctx, struct of_flow *flow, void *staged)
{
	struct rig *rig = ctx;

	free(staged);
	rig->n_staged--;
}

static int group_new(void *ctx, struct of_group *group)
{
	struct rig *rig = ctx;
	int r = may_fail(rig, NULL);

	assert_null(group->handle);
	if (r < 0)
		return r == -EINVAL ? -ENOMEM : r;
	rig->n_groups++;
	group->handle = rig;
	return 0;
}

static int group_stage(
	void *ctx, const struct of_group *group, void **ret_staged, struct of_err *reterr_of)
{
	struct rig *rig = ctx;
	int r = may_fail(rig, reterr_of);

	assert_non_null(group->handle);
	if (r < 0)
		return r;
	*ret_staged = rig;
	rig->n_staged++;
	return 0;
}

static void group_apply(void *ctx, struct of_group *group, void *staged)
{
	struct rig *rig = ctx;

	rig->n_staged--;
}

static void hold(void *ctx)
{
	struct rig *rig = ctx;

	assert_false(rig->is_held);
	rig->is_held = true;
	rig->n_holds++;
}

static void release(void *ctx)
{
	struct rig *rig = ctx;

	assert_true(rig->is_held);
	rig->is_held = false;
}

static void flow_del(void *ctx, struct of_flow *flow)
{
	struct rig *rig = ctx;

	assert_non_null(flow->handle);
	free(flow->handle);
	rig->n_flows--;
}

static int group_set(void *ctx, struct of_group *group, struct of_err *reterr_of)
{
	struct rig *rig = ctx;
	int r = may_fail(rig, reterr_of);

	if (r < 0)
		return r;
	if (!group->handle)
		rig->n_groups++;
	group->handle = rig;
	return 0;
}

static void group_del(void *ctx, struct of_group *group)
{
	struct rig *rig = ctx;

	assert_non_null(group->handle);
	rig->deleted[rig->n_deleted++ % 16] = group->id;
	rig->n_groups--;
}

static int meter_set(void *ctx, struct of_meter *meter, struct of_err *reterr_of)
{
	struct rig *rig = ctx;
	int r = may_fail(rig, reterr_of);

	if (r < 0)
		return r;
	if (!meter->handle)
		rig->n_meters++;
	meter->handle = rig;
	return 0;
}

static void meter_del(void *ctx, struct of_meter *meter)
{
	struct rig *rig = ctx;

	assert_non_null(meter->handle);
	rig->n_meters--;
}

static void flow_counts(void *ctx, const struct of_flow *flow, struct of_counts *ret)
{
	*ret = *rig_counts(flow);
}

static void flow_take_fin(
	void *ctx, const struct of_flow *flow, uint16_t *ret_idle_s, uint16_t *ret_hard_s)
{
	struct rig_flow *mine = flow->handle;

	*ret_idle_s = mine->fin_idle_s;
	*ret_hard_s = mine->fin_hard_s;
	mine->fin_idle_s = mine->fin_hard_s = 0;
}

/* Numbers that a test can tell apart: the id, and 100 times it and one more for each part. */
static void count_parts(
	uint32_t id, unsigned n_parts, struct of_counts *ret, struct of_counts *parts)
{
	*ret = (struct of_counts){ id, 10 * id, 0 };
	for (unsigned i = 0; i < n_parts; i++)
		parts[i] = (struct of_counts){ 100 * id + i, 1000 * id + i, 0 };
}

static void group_counts(
	void *ctx, const struct of_group *group, struct of_counts *ret, struct of_counts *buckets)
{
	count_parts(group->id, group->n_buckets, ret, buckets);
}

static void meter_counts(
	void *ctx, const struct of_meter *meter, struct of_counts *ret, struct of_counts *bands)
{
	count_parts(meter->id, meter->n_bands, ret, bands);
}

static void table_counts(void *ctx, uint8_t table, uint64_t *n_lookups, uint64_t *n_matches)
{
	*n_lookups = 1000 + table;
	*n_matches = 500 + table;
}

static const struct of_provider provider = {
	.flow_add = flow_add,
	.flow_modify = flow_modify,
	.group_set = group_set,
	.meter_set = meter_set,
	.group_new = group_new,
	.group_stage = group_stage,
	.group_apply = group_apply,
	.group_unstage = group_apply,
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
};

static void note(struct rig *rig, char kind, unsigned reason, const struct of_flow_info *info)
{
	struct rig_event *event = &rig->events[rig->n_events++ % RIG_EVENTS];

	*event = (struct rig_event){ kind, reason, info->cookie, info->n_packets,
		info->duration_ns };
}

static void flow_removed(void *ctx, const struct of_flow_info *flow, enum of_removed_reason reason)
{
	note(ctx, 'r', reason, flow);
}

static void flow_changed(void *ctx, unsigned what, const struct of_flow_info *flow)
{
	note(ctx, "amd"[what], 0, flow);
}

void rig_init(struct rig *rig, uint32_t max_flows)
{
	struct of_switch_conf conf = { .max_flows = max_flows ? max_flows : 100000,
		.max_groups = 4,
		.max_meters = 3,
		.max_port = 100 };
	struct of_switch_events events = { flow_removed, flow_changed, rig, NULL };

	memset(rig, 0, sizeof(*rig));
	rig->now_ns = 1000 * RIG_S;
	assert_int_equal(of_switch_new(&conf, &provider, rig, &rig->sw), 0);
	of_switch_set_events(rig->sw, &events);
}

void rig_done(struct rig *rig)
{
	of_switch_free(rig->sw);
	assert_int_equal(rig->n_staged, 0);
	assert_false(rig->is_held);
	assert_int_equal(rig->n_flows, 0);
	assert_int_equal(rig->n_groups, 0);
	assert_int_equal(rig->n_meters, 0);
}

void rig_fail(struct rig *rig, unsigned at, int with)
{
	rig->n_calls = 0;
	rig->fail_at = at;
	rig->fail_n = 1;
	rig->fail_with = with;
}

static void put_u32(uint8_t *to, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> (24 - 8 * i));
}

struct of_flow_mod rig_mod(unsigned command, uint8_t table, uint16_t priority, uint32_t in_port)
{
	struct of_flow_mod mod = { .command = (uint8_t)command,
		.table = table,
		.priority = priority,
		.buffer_id = OF_NO_BUFFER,
		.out_port = OF_PORT_ANY,
		.out_group = OF_GROUP_ANY };
	uint8_t value[4];

	put_u32(value, in_port);
	if (in_port)
		of_match_set(&mod.match, OF_FIELD_IN_PORT, value, NULL);
	return mod;
}

void rig_match_ip(struct of_match *match, uint32_t address, unsigned n_bits)
{
	uint8_t value[4], mask[4];

	of_match_set(match, OF_FIELD_ETH_TYPE, (const uint8_t[]){ 8, 0 }, NULL);
	put_u32(value, address);
	put_u32(mask, n_bits ? UINT32_MAX << (32 - n_bits) : 0);
	if (n_bits)
		of_match_set(match, OF_FIELD_IPV4_DST, value, mask);
}

static struct of_action *add_action(struct of_actions *actions, enum of_action_type type)
{
	actions->list = realloc(actions->list, (actions->n + 1) * sizeof(*actions->list));
	assert_non_null(actions->list);
	memset(&actions->list[actions->n], 0, sizeof(*actions->list));
	actions->list[actions->n].type = (uint8_t)type;
	return &actions->list[actions->n++];
}

void rig_output(struct of_actions *actions, uint32_t port)
{
	add_action(actions, OF_ACTION_OUTPUT)->output.port = port;
}

void rig_group_action(struct of_actions *actions, uint32_t group)
{
	add_action(actions, OF_ACTION_GROUP)->group = group;
}

struct of_flow_mod rig_flow_to(
	unsigned command, uint8_t table, uint16_t priority, uint32_t in_port, uint32_t out)
{
	struct of_flow_mod mod = rig_mod(command, table, priority, in_port);

	if (out) {
		mod.instructions.has_apply = true;
		rig_output(&mod.instructions.apply, out);
	}
	return mod;
}

struct of_group_mod rig_group(unsigned command, uint8_t type, uint32_t group, unsigned n_buckets)
{
	struct of_group_mod mod = { (uint16_t)command, type, group, n_buckets, NULL };

	if (n_buckets) {
		mod.buckets = calloc(n_buckets, sizeof(*mod.buckets));
		assert_non_null(mod.buckets);
	}
	for (unsigned i = 0; i < n_buckets; i++) {
		mod.buckets[i].watch_port = OF_PORT_ANY;
		mod.buckets[i].watch_group = OF_GROUP_ANY;
		mod.buckets[i].weight = type == OF_GT_SELECT;
	}
	return mod;
}

struct of_meter_mod rig_meter(unsigned command, uint32_t meter, unsigned n_bands)
{
	struct of_meter_mod mod = { (uint16_t)command, OF_MF_KBPS, meter, n_bands, NULL };

	if (n_bands) {
		mod.bands = calloc(n_bands, sizeof(*mod.bands));
		assert_non_null(mod.bands);
	}
	for (unsigned i = 0; i < n_bands; i++)
		mod.bands[i] = (struct of_band){ OF_MB_DROP, 0, 1000 * (i + 1), 0 };
	return mod;
}

int rig_send(struct rig *rig, struct of_flow_mod mod)
{
	int r = of_switch_flow_mod(rig->sw, &mod, rig->now_ns, &rig->err);

	of_instructions_done(&mod.instructions);
	return r;
}

int rig_send_group(struct rig *rig, struct of_group_mod mod)
{
	int r = of_switch_group_mod(rig->sw, &mod, rig->now_ns, &rig->err);

	for (unsigned i = 0; i < mod.n_buckets; i++)
		of_actions_done(&mod.buckets[i].actions);
	free(mod.buckets);
	return r;
}

int rig_send_meter(struct rig *rig, struct of_meter_mod mod)
{
	int r = of_switch_meter_mod(rig->sw, &mod, rig->now_ns, &rig->err);

	free(mod.bands);
	return r;
}

int rig_flows(struct rig *rig, struct of_flow ***ret_flows)
{
	struct of_flow_filter all = {
		.table = OF_TABLE_ALL, .out_port = OF_PORT_ANY, .out_group = OF_GROUP_ANY
	};
	int n = of_switch_flows(rig->sw, &all, ret_flows, &rig->err);

	assert_true(n >= 0);
	return n;
}

int rig_n_flows(struct rig *rig)
{
	struct of_flow **flows;
	int n = rig_flows(rig, &flows);

	of_switch_flows_done(rig->sw, flows, n);
	assert_int_equal(rig->n_flows, n);
	return n;
}

struct of_flow *rig_find(struct rig *rig, uint8_t table, uint16_t priority, uint32_t in_port)
{
	struct of_flow_mod key = rig_mod(OF_FC_ADD, table, priority, in_port);
	struct of_flow **flows, *found = NULL;
	int n = rig_flows(rig, &flows);

	for (int i = 0; i < n; i++) {
		struct of_match match;

		of_minimatch_expand(flows[i]->match, &match);
		if (flows[i]->table == table && flows[i]->priority == priority &&
			memcmp(&match, &key.match, sizeof(match)) == 0)
			found = flows[i];
	}
	of_switch_flows_done(rig->sw, flows, n);
	return found;
}

static uint32_t first_port(const struct of_instructions *in)
{
	if (!in->has_apply || in->apply.n == 0 || in->apply.list[0].type != OF_ACTION_OUTPUT)
		return 0;
	return in->apply.list[0].output.port;
}

uint32_t rig_out(struct rig *rig, const struct of_flow *flow)
{
	const struct rig_flow *mine = flow->handle;

	assert_int_equal(mine->cookie, flow->cookie);
	assert_ptr_equal(mine->instructions.apply.list, flow->instructions.apply.list);
	return first_port(&flow->instructions);
}

struct of_counts *rig_counts(const struct of_flow *flow)
{
	return &((struct rig_flow *)flow->handle)->counts;
}
