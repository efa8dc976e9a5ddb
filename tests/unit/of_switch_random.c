/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Random requests to a switch and to a plain list that does each of them by the book, a flow after
 * the other (OpenFlow 1.3.5, 6.4 to 6.8). Now and then the provider fails. After each request both
 * have answered the same, and now and then all flows are compared.
 */
#include "of_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define N_REQUESTS  60000
#define MAX_FLOWS   150
#define COMPARE     20
#define N_GROUPS    6 /* numbers from 1; the switch takes 4 */
#define N_METERS    4 /* the switch takes 3 */
#define REMOVED_SUM 31

struct model_flow {
	uint8_t table;
	uint16_t priority, idle_s, hard_s, flags;
	uint64_t cookie, made_ns, reset_ns;
	struct of_match match;
	struct of_counts counts;
	uint32_t port, group, meter; /* what it does; 0: not that */
};

static struct rig rig;
static struct model_flow flows[MAX_FLOWS + 1];
static unsigned n_flows;
static bool group_there[N_GROUPS + 1], meter_there[N_METERS + 1];
static uint32_t group_to[N_GROUPS + 1]; /* the group that it forwards to; 0: none */
static unsigned n_removed;              /* with a message to the controller */
static uint64_t removed_sum;            /* of their cookies and reasons, in any order */
static uint64_t seed;

static uint32_t below(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % n;
}

/* What the model answers: an error, or 0. */
struct answer {
	uint16_t type, code;
	bool is_refused;
};

static struct answer refuse(unsigned type, unsigned code)
{
	return (struct answer){ (uint16_t)type, (uint16_t)code, true };
}

static const struct answer fine;

/* b says all that a says, and maybe more. */
static bool covers(const struct of_match *a, const struct of_match *b)
{
	const uint8_t *value[] = { (const uint8_t *)&a->value, (const uint8_t *)&b->value };
	const uint8_t *mask[] = { (const uint8_t *)&a->mask, (const uint8_t *)&b->mask };

	for (size_t i = 0; i < sizeof(a->value); i++)
		if ((mask[0][i] & mask[1][i]) != mask[0][i] ||
			(value[1][i] & mask[0][i]) != value[0][i])
			return false;
	return true;
}

static bool overlap(const struct of_match *a, const struct of_match *b)
{
	const uint8_t *value[] = { (const uint8_t *)&a->value, (const uint8_t *)&b->value };
	const uint8_t *mask[] = { (const uint8_t *)&a->mask, (const uint8_t *)&b->mask };

	for (size_t i = 0; i < sizeof(a->value); i++)
		if ((value[0][i] ^ value[1][i]) & mask[0][i] & mask[1][i])
			return false;
	return true;
}

static bool same_match(const struct of_match *a, const struct of_match *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void model_remove(unsigned i, unsigned reason)
{
	if (flows[i].flags & OF_FF_SEND_FLOW_REM) {
		n_removed++;
		removed_sum += flows[i].cookie * REMOVED_SUM + reason;
	}
	memmove(&flows[i], &flows[i + 1], (n_flows - i - 1) * sizeof(flows[0]));
	n_flows--;
}

/* The request that is being made, in the model's words. */
struct request {
	struct of_flow_mod mod; /* without instructions */
	uint32_t port, group, meter;
	bool fails; /* the provider, at its first call */
};

static struct answer model_add(const struct request *q)
{
	struct model_flow fresh = { q->mod.table, q->mod.priority, q->mod.idle_timeout_s,
		q->mod.hard_timeout_s, q->mod.flags, q->mod.cookie, rig.now_ns, rig.now_ns,
		q->mod.match, { 0 }, q->port, q->group, q->meter };
	unsigned i, n_overlaps = 0;

	for (i = 0; i < n_flows; i++)
		if (flows[i].table == fresh.table && flows[i].priority == fresh.priority &&
			same_match(&flows[i].match, &fresh.match))
			break;
	for (unsigned j = 0; j < n_flows; j++)
		n_overlaps += flows[j].table == fresh.table &&
			      flows[j].priority == fresh.priority &&
			      overlap(&flows[j].match, &fresh.match);
	if (i == n_flows && fresh.flags & OF_FF_CHECK_OVERLAP && n_overlaps)
		return refuse(OF_ET_FLOW_MOD_FAILED, OF_FM_OVERLAP);
	if ((i == n_flows && n_flows == MAX_FLOWS) || q->fails)
		return refuse(OF_ET_FLOW_MOD_FAILED, OF_FM_TABLE_FULL);
	if (i < n_flows && !(fresh.flags & OF_FF_RESET_COUNTS))
		fresh.counts = flows[i].counts;
	flows[i] = fresh;
	n_flows += i == n_flows;
	return fine;
}

static bool wanted(const struct request *q, const struct model_flow *flow)
{
	const struct of_flow_mod *mod = &q->mod;
	bool is_strict = mod->command == OF_FC_MODIFY_STRICT || mod->command == OF_FC_DELETE_STRICT;

	if (mod->table != OF_TABLE_ALL && mod->table != flow->table)
		return false;
	if ((flow->cookie & mod->cookie_mask) != (mod->cookie & mod->cookie_mask))
		return false;
	if (mod->command >= OF_FC_DELETE &&
		((mod->out_port != OF_PORT_ANY && mod->out_port != flow->port) ||
			(mod->out_group != OF_GROUP_ANY && mod->out_group != flow->group)))
		return false;
	return is_strict ? mod->priority == flow->priority && same_match(&mod->match, &flow->match)
			 : covers(&mod->match, &flow->match);
}

static struct answer model_modify(const struct request *q)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_flows; i++)
		n += wanted(q, &flows[i]);
	if (n && q->fails)
		return refuse(OF_ET_FLOW_MOD_FAILED, OF_FM_TABLE_FULL);
	for (unsigned i = 0; i < n_flows; i++) {
		if (!wanted(q, &flows[i]))
			continue;
		flows[i].port = q->port;
		flows[i].group = q->group;
		flows[i].meter = q->meter;
		if (q->mod.flags & OF_FF_RESET_COUNTS) {
			flows[i].counts = (struct of_counts){ 0 };
			flows[i].reset_ns = rig.now_ns;
		}
	}
	return fine;
}

static struct answer model_delete(const struct request *q)
{
	for (unsigned i = 0; i < n_flows;)
		if (wanted(q, &flows[i]))
			model_remove(i, OF_RR_DELETE);
		else
			i++;
	return fine;
}

static struct answer model_flow_mod(const struct request *q)
{
	bool is_delete = q->mod.command >= OF_FC_DELETE;

	if (q->mod.table == OF_TABLE_ALL && !is_delete)
		return refuse(OF_ET_FLOW_MOD_FAILED, OF_FM_BAD_TABLE_ID);
	if (is_delete)
		return model_delete(q);
	if (q->meter && !meter_there[q->meter])
		return refuse(OF_ET_METER_MOD_FAILED, OF_MM_INVALID_METER);
	if (q->group && !group_there[q->group])
		return refuse(OF_ET_BAD_ACTION, OF_BA_BAD_OUT_GROUP);
	return q->mod.command == OF_FC_ADD ? model_add(q) : model_modify(q);
}

static struct of_match random_match(void)
{
	static const unsigned n_bits[] = { 0, 8, 16, 24, 32 };
	struct of_flow_mod mod = rig_mod(OF_FC_ADD, 0, 0, below(3));

	if (below(4))
		rig_match_ip(&mod.match, 0x0a000000 | below(2) << 16 | below(2) << 8 | below(3),
			n_bits[below(5)]);
	return mod.match;
}

static struct request random_flow_mod(void)
{
	static const uint8_t commands[] = { OF_FC_ADD, OF_FC_ADD, OF_FC_ADD, OF_FC_ADD, OF_FC_ADD,
		OF_FC_ADD, OF_FC_MODIFY, OF_FC_MODIFY_STRICT, OF_FC_DELETE, OF_FC_DELETE_STRICT,
		OF_FC_DELETE_STRICT };
	static const uint16_t priorities[] = { 0, 1, 255, 256, 65535 };
	struct request q = { .mod = rig_mod(commands[below(11)], (uint8_t)below(3),
				     priorities[below(5)], 0) };

	q.mod.match = random_match();
	if (below(20) == 0)
		q.mod.table = OF_TABLE_ALL;
	q.mod.cookie = below(8);
	q.mod.cookie_mask = below(3) ? 0 : 1 + below(7);
	q.mod.flags = (uint16_t)(below(3) ? 0 : below(8));
	q.mod.idle_timeout_s = (uint16_t)(below(3) ? 0 : 50 + below(50));
	q.mod.hard_timeout_s = (uint16_t)(below(3) ? 0 : 50 + below(200));
	if (below(3) == 0)
		q.mod.out_port = 1 + below(4);
	if (below(10) == 0)
		q.mod.out_group = 1 + below(N_GROUPS);
	q.port = below(5);
	q.group = below(3) ? 0 : 1 + below(N_GROUPS);
	q.meter = below(5) ? 0 : 1 + below(N_METERS);
	q.fails = below(40) == 0;
	/* Most loose deletions would empty the table. */
	if (q.mod.command == OF_FC_DELETE && below(4))
		rig_match_ip(&q.mod.match, 0x0a000001, 32);
	return q;
}

static struct of_flow_mod with_instructions(const struct request *q)
{
	struct of_flow_mod mod = q->mod;

	if (mod.command >= OF_FC_DELETE)
		return mod;
	mod.instructions.has_apply = q->port != 0;
	mod.instructions.has_write = q->group != 0;
	mod.instructions.has_meter = q->meter != 0;
	mod.instructions.meter = q->meter;
	if (q->port)
		rig_output(&mod.instructions.apply, q->port);
	if (q->group)
		rig_group_action(&mod.instructions.write, q->group);
	return mod;
}

static void assert_same_answer(int r, struct answer expected)
{
	if (expected.is_refused)
		assert_refused(&rig, r, expected.type, expected.code);
	else
		assert_done(r);
}

static void do_flow_mod(void)
{
	struct request q = random_flow_mod();

	rig_fail(&rig, q.fails, -ENOSPC);
	/* A modify fails at any of its flows. */
	if (q.fails && q.mod.command != OF_FC_ADD) {
		unsigned n = 0;

		for (unsigned i = 0; i < n_flows; i++)
			n += wanted(&q, &flows[i]);
		rig.fail_at = 1 + below(n ? n : 1);
	}
	assert_same_answer(rig_send(&rig, with_instructions(&q)), model_flow_mod(&q));
}

static void model_remove_by(uint32_t group, uint32_t meter, unsigned reason)
{
	for (unsigned i = 0; i < n_flows;)
		if ((group && flows[i].group == group) || (meter && flows[i].meter == meter))
			model_remove(i, reason);
		else
			i++;
}

static unsigned n_there(const bool *there, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 1; i <= n; i++)
		sum += there[i];
	return sum;
}

static struct answer model_group_delete(uint32_t group)
{
	for (uint32_t i = 1; i <= N_GROUPS; i++)
		if (group_there[i] && group_to[i] == group && group_there[group])
			return refuse(OF_ET_GROUP_MOD_FAILED, OF_GM_CHAINED_GROUP);
	model_remove_by(group, 0, OF_RR_GROUP_DELETE);
	group_there[group] = false;
	return fine;
}

static bool leads_to(uint32_t from, uint32_t to)
{
	for (; from; from = group_there[from] ? group_to[from] : 0)
		if (from == to)
			return true;
	return false;
}

static struct answer model_group_mod(unsigned command, uint32_t group, uint32_t to, bool fails)
{
	bool is_there = group_there[group];

	if (command == OF_GC_DELETE)
		return model_group_delete(group);
	if (to && to != group && !group_there[to])
		return refuse(OF_ET_BAD_ACTION, OF_BA_BAD_OUT_GROUP);
	if (leads_to(to, group))
		return refuse(OF_ET_GROUP_MOD_FAILED, OF_GM_LOOP);
	if (command == OF_GC_ADD && is_there)
		return refuse(OF_ET_GROUP_MOD_FAILED, OF_GM_GROUP_EXISTS);
	if (command == OF_GC_MODIFY && !is_there)
		return refuse(OF_ET_GROUP_MOD_FAILED, OF_GM_UNKNOWN_GROUP);
	if ((!is_there && n_there(group_there, N_GROUPS) == 4) || fails)
		return refuse(OF_ET_GROUP_MOD_FAILED, OF_GM_OUT_OF_GROUPS);
	group_there[group] = true;
	group_to[group] = to;
	return fine;
}

static void do_group_mod(void)
{
	static const unsigned commands[] = { OF_GC_ADD, OF_GC_ADD, OF_GC_MODIFY, OF_GC_ADD_OR_MOD,
		OF_GC_DELETE };
	unsigned command = commands[below(5)];
	uint32_t group = 1 + below(N_GROUPS), to = below(2) ? 0 : 1 + below(N_GROUPS);
	bool fails = below(20) == 0;
	struct of_group_mod mod =
		rig_group(command, OF_GT_ALL, group, command == OF_GC_DELETE ? 0 : 1);

	if (to && mod.n_buckets)
		rig_group_action(&mod.buckets[0].actions, to);
	rig_fail(&rig, fails, -ENOSPC);
	assert_same_answer(rig_send_group(&rig, mod), model_group_mod(command, group, to, fails));
}

static struct answer model_meter_mod(unsigned command, uint32_t meter)
{
	bool is_there = meter_there[meter];

	if (command == OF_MC_DELETE) {
		model_remove_by(0, meter, OF_RR_DELETE);
		meter_there[meter] = false;
		return fine;
	}
	if (command == OF_MC_MODIFY)
		return is_there ? fine : refuse(OF_ET_METER_MOD_FAILED, OF_MM_UNKNOWN_METER);
	if (is_there)
		return refuse(OF_ET_METER_MOD_FAILED, OF_MM_METER_EXISTS);
	if (n_there(meter_there, N_METERS) == 3)
		return refuse(OF_ET_METER_MOD_FAILED, OF_MM_OUT_OF_METERS);
	meter_there[meter] = true;
	return fine;
}

static void do_meter_mod(void)
{
	unsigned command = below(3);
	uint32_t meter = 1 + below(N_METERS);

	rig_fail(&rig, 0, 0);
	assert_same_answer(rig_send_meter(&rig, rig_meter(command, meter, 1)),
		model_meter_mod(command, meter));
}

static void model_expire(void)
{
	for (unsigned i = 0; i < n_flows;) {
		const struct model_flow *flow = &flows[i];
		uint64_t used_ns = flow->counts.used_ns > flow->reset_ns ? flow->counts.used_ns
									 : flow->reset_ns;

		if (flow->hard_s && rig.now_ns - flow->made_ns >= flow->hard_s * RIG_S)
			model_remove(i, OF_RR_HARD_TIMEOUT);
		else if (flow->idle_s && rig.now_ns - used_ns >= flow->idle_s * RIG_S)
			model_remove(i, OF_RR_IDLE_TIMEOUT);
		else
			i++;
	}
}

static void do_expire(void)
{
	rig.now_ns += (1 + below(10)) * RIG_S;
	of_switch_expire(rig.sw, rig.now_ns, MAX_FLOWS);
	model_expire();
}

static struct model_flow *model_find(const struct of_flow *flow)
{
	struct of_match match;

	of_minimatch_expand(flow->match, &match);
	for (unsigned i = 0; i < n_flows; i++)
		if (flows[i].table == flow->table && flows[i].priority == flow->priority &&
			same_match(&flows[i].match, &match))
			return &flows[i];
	fail_msg("a flow that the model does not have");
	return NULL;
}

/* A frame is matched by some flow. */
static void do_count(void)
{
	struct of_flow **list;
	int n = rig_flows(&rig, &list);

	if (n > 0) {
		const struct of_flow *flow = list[below((uint32_t)n)];
		struct of_counts counts = { below(1000), below(1000), rig.now_ns };

		*rig_counts(flow) = counts;
		model_find(flow)->counts = counts;
	}
	of_switch_flows_done(rig.sw, list, n);
}

static void compare_flow(const struct of_flow *flow)
{
	const struct model_flow *model = model_find(flow);
	const struct of_instructions *in = &flow->instructions;

	assert_true(flow->cookie == model->cookie);
	assert_true(flow->made_ns == model->made_ns);
	assert_int_equal(flow->idle_timeout_s, model->idle_s);
	assert_int_equal(flow->hard_timeout_s, model->hard_s);
	assert_int_equal(flow->flags, model->flags);
	assert_int_equal(rig_out(&rig, flow), model->port);
	assert_int_equal(in->has_meter ? in->meter : 0, model->meter);
	assert_int_equal(in->has_write ? in->write.list[0].group : 0, model->group);
	assert_memory_equal(rig_counts(flow), &model->counts, sizeof(model->counts));
}

/* A list in parts is the list. */
static void compare_parts(struct of_flow **whole, int n)
{
	const struct of_flow_filter all = {
		.table = OF_TABLE_ALL, .out_port = OF_PORT_ANY, .out_group = OF_GROUP_ANY
	};
	int max = (int)below(5) + 1, n_part, at = 0;

	do {
		struct of_flow **part = NULL;

		n_part = of_switch_flows_after(
			rig.sw, &all, at ? whole[at - 1] : NULL, (unsigned)max, &part, &rig.err);
		assert_int_equal(n_part, n - at < max ? n - at : max);
		for (int i = 0; i < n_part; i++)
			assert_ptr_equal(part[i], whole[at + i]);
		of_switch_flows_done(rig.sw, part, n_part);
		at += n_part;
	} while (n_part == max);
}

static void compare_flows(void)
{
	struct of_flow **list;
	int n = rig_flows(&rig, &list);

	assert_int_equal(n, n_flows);
	for (int i = 0; i < n; i++) {
		compare_flow(list[i]);
		assert_true(i == 0 || list[i - 1]->table < list[i]->table ||
			    (list[i - 1]->table == list[i]->table &&
				    list[i - 1]->priority >= list[i]->priority));
	}
	compare_parts(list, n);
	of_switch_flows_done(rig.sw, list, n);
}

static int compare_group(void *arg, const struct of_group_info *info)
{
	uint32_t n_refs = 0;

	for (unsigned i = 0; i < n_flows; i++)
		n_refs += flows[i].group == info->group;
	for (uint32_t i = 1; i <= N_GROUPS; i++)
		n_refs += group_there[i] && group_to[i] == info->group;
	assert_true(group_there[info->group]);
	assert_int_equal(info->n_refs, n_refs);
	return 0;
}

static int compare_meter(void *arg, const struct of_meter_info *info)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < n_flows; i++)
		n += flows[i].meter == info->meter;
	assert_int_equal(info->n_flows, n);
	return 0;
}

static void compare_tables(void)
{
	uint32_t n[3] = { 0 };

	for (unsigned i = 0; i < n_flows; i++)
		n[flows[i].table]++;
	for (uint8_t i = 0; i < 3; i++) {
		struct of_table_info info;

		of_switch_table_info(rig.sw, i, &info);
		assert_int_equal(info.n_flows, n[i]);
	}
}

static void compare_removed(void)
{
	uint64_t sum = 0;
	unsigned n = 0;

	assert_true(rig.n_events <= RIG_EVENTS);
	for (unsigned i = 0; i < rig.n_events; i++) {
		if (rig.events[i].kind != 'r')
			continue;
		n++;
		sum += rig.events[i].cookie * REMOVED_SUM + rig.events[i].reason;
	}
	assert_int_equal(n, n_removed);
	assert_true(sum == removed_sum);
	n_removed = rig.n_events = 0;
	removed_sum = 0;
}

static void compare(void)
{
	compare_flows();
	compare_tables();
	compare_removed();
	assert_done(
		of_switch_groups(rig.sw, OF_GROUP_ALL, rig.now_ns, compare_group, NULL, &rig.err));
	assert_done(
		of_switch_meters(rig.sw, OF_METER_ALL, rig.now_ns, compare_meter, NULL, &rig.err));
	assert_int_equal(rig.n_groups, n_there(group_there, N_GROUPS));
	assert_int_equal(rig.n_meters, n_there(meter_there, N_METERS));
}

static void switch_and_list_agree_on_random_requests(void **state)
{
	unsigned most = 0;

	seed = 20130625;
	rig_init(&rig, MAX_FLOWS);
	for (unsigned i = 0; i < N_REQUESTS; i++) {
		unsigned what = below(100);

		if (what < 3)
			do_group_mod();
		else if (what < 4)
			do_meter_mod();
		else if (what < 6)
			do_expire();
		else if (what < 15)
			do_count();
		else
			do_flow_mod();
		if (i % COMPARE == 0)
			compare();
		most = n_flows > most ? n_flows : most;
	}
	compare();
	assert_int_equal(most, MAX_FLOWS);
	rig_done(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(switch_and_list_agree_on_random_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
