/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups and meters: what is refused, and what goes with what is removed.
 */
#include "of_rig.h"

#include <errno.h>
#include <stdlib.h>

static struct rig rig;

static int setup(void **state)
{
	rig_init(&rig, 0);
	return 0;
}

static int teardown(void **state)
{
	rig_done(&rig);
	return 0;
}

#define assert_group_refused(mod, code)                                                            \
	assert_refused(&rig, rig_send_group(&rig, mod), OF_ET_GROUP_MOD_FAILED, code)
#define assert_meter_refused(mod, code)                                                            \
	assert_refused(&rig, rig_send_meter(&rig, mod), OF_ET_METER_MOD_FAILED, code)

/* A group with one bucket that forwards to another group. */
static struct of_group_mod to_group(unsigned command, uint32_t group, uint32_t to)
{
	struct of_group_mod mod = rig_group(command, OF_GT_ALL, group, 1);

	rig_group_action(&mod.buckets[0].actions, to);
	return mod;
}

static void add_group(uint32_t group)
{
	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_ALL, group, 1)));
}

static void add_flow_to(uint16_t priority, uint32_t group, uint32_t meter)
{
	struct of_flow_mod mod = rig_mod(OF_FC_ADD, 0, priority, 1);

	mod.flags = OF_FF_SEND_FLOW_REM;
	mod.instructions.has_apply = mod.instructions.has_write = true;
	if (group) {
		rig_group_action(&mod.instructions.apply, group);
		rig_group_action(&mod.instructions.write, group);
	}
	mod.instructions.has_meter = meter != 0;
	mod.instructions.meter = meter;
	assert_done(rig_send(&rig, mod));
}

static int take_group(void *arg, const struct of_group_info *info)
{
	*(struct of_group_info *)arg = *info;
	return 0;
}

static uint32_t refs_of(uint32_t group)
{
	struct of_group_info info = { 0 };

	assert_done(of_switch_groups(rig.sw, group, rig.now_ns, take_group, &info, &rig.err));
	assert_int_equal(info.group, group);
	return info.n_refs;
}

static void group_is_added_once_and_modified_when_there(void **state)
{
	assert_group_refused(rig_group(OF_GC_MODIFY, OF_GT_ALL, 1, 1), OF_GM_UNKNOWN_GROUP);
	add_group(1);
	assert_group_refused(rig_group(OF_GC_ADD, OF_GT_ALL, 1, 1), OF_GM_GROUP_EXISTS);
	assert_int_equal(of_switch_group(rig.sw, 1)->n_buckets, 1);
	assert_done(rig_send_group(&rig, rig_group(OF_GC_MODIFY, OF_GT_SELECT, 1, 3)));
	assert_int_equal(of_switch_group(rig.sw, 1)->n_buckets, 3);
	assert_int_equal(of_switch_group(rig.sw, 1)->type, OF_GT_SELECT);
	assert_int_equal(rig.n_groups, 1);
}

static void add_or_modify_does_either(void **state)
{
	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD_OR_MOD, OF_GT_ALL, 1, 1)));
	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD_OR_MOD, OF_GT_ALL, 1, 2)));
	assert_int_equal(of_switch_group(rig.sw, 1)->n_buckets, 2);
	assert_int_equal(rig.n_groups, 1);
}

static void group_with_a_wrong_number_type_or_command_is_refused(void **state)
{
	assert_group_refused(
		rig_group(OF_GC_ADD, OF_GT_ALL, OF_GROUP_MAX + 1, 1), OF_GM_INVALID_GROUP);
	assert_group_refused(rig_group(OF_GC_ADD, OF_GT_ALL, OF_GROUP_ALL, 1), OF_GM_INVALID_GROUP);
	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_ALL, OF_GROUP_MAX, 1)));
	assert_group_refused(rig_group(OF_GC_ADD, 4, 1, 1), OF_GM_BAD_TYPE);
	assert_group_refused(rig_group(3, OF_GT_ALL, 1, 1), OF_GM_BAD_COMMAND);
	assert_group_refused(rig_group(0x8001, OF_GT_ALL, 1, 1), OF_GM_BAD_COMMAND);
}

static void indirect_group_has_exactly_one_bucket(void **state)
{
	assert_group_refused(rig_group(OF_GC_ADD, OF_GT_INDIRECT, 1, 0), OF_GM_INVALID_GROUP);
	assert_group_refused(rig_group(OF_GC_ADD, OF_GT_INDIRECT, 1, 2), OF_GM_INVALID_GROUP);
	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_INDIRECT, 1, 1)));
}

static void weight_is_for_select_groups(void **state)
{
	static const uint8_t types[] = { OF_GT_ALL, OF_GT_INDIRECT, OF_GT_FF, OF_GT_SELECT };

	for (unsigned i = 0; i < 4; i++) {
		struct of_group_mod mod = rig_group(OF_GC_ADD, types[i], 1, 1);

		mod.buckets[0].weight = 1;
		mod.buckets[0].watch_port = types[i] == OF_GT_FF ? 1 : OF_PORT_ANY;
		if (types[i] == OF_GT_SELECT)
			assert_done(rig_send_group(&rig, mod));
		else
			assert_group_refused(mod, OF_GM_INVALID_GROUP);
	}
}

static void select_group_has_a_weight_or_no_bucket(void **state)
{
	struct of_group_mod mod = rig_group(OF_GC_ADD, OF_GT_SELECT, 1, 2);

	mod.buckets[0].weight = mod.buckets[1].weight = 0;
	assert_group_refused(mod, OF_GM_INVALID_GROUP);
	mod = rig_group(OF_GC_ADD, OF_GT_SELECT, 1, 2);
	mod.buckets[0].weight = 0;
	assert_done(rig_send_group(&rig, mod));
	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_SELECT, 2, 0)));
}

static struct of_group_mod watching(uint8_t type, uint32_t port, uint32_t group)
{
	struct of_group_mod mod = rig_group(OF_GC_ADD, type, 1, 1);

	mod.buckets[0].watch_port = port;
	mod.buckets[0].watch_group = group;
	return mod;
}

static void failover_bucket_watches_something_that_can_be(void **state)
{
	assert_group_refused(watching(OF_GT_FF, OF_PORT_ANY, OF_GROUP_ANY), OF_GM_INVALID_GROUP);
	assert_group_refused(watching(OF_GT_FF, 0, OF_GROUP_ANY), OF_GM_BAD_WATCH);
	assert_group_refused(watching(OF_GT_FF, 101, OF_GROUP_ANY), OF_GM_BAD_WATCH);
	assert_group_refused(watching(OF_GT_FF, OF_PORT_FLOOD, OF_GROUP_ANY), OF_GM_BAD_WATCH);
	assert_group_refused(watching(OF_GT_FF, OF_PORT_ANY, 2), OF_GM_BAD_WATCH);
	add_group(2);
	assert_done(rig_send_group(&rig, watching(OF_GT_FF, OF_PORT_ANY, 2)));
	assert_done(rig_send_group(&rig, rig_group(OF_GC_DELETE, OF_GT_ALL, 1, 0)));
	assert_done(rig_send_group(&rig, watching(OF_GT_FF, OF_PORT_LOCAL, OF_GROUP_ANY)));
	assert_done(rig_send_group(&rig, rig_group(OF_GC_DELETE, OF_GT_ALL, 1, 0)));
	assert_done(rig_send_group(&rig, watching(OF_GT_FF, 100, OF_GROUP_ANY)));
}

static void all_and_indirect_watch_nothing_and_select_may(void **state)
{
	assert_group_refused(watching(OF_GT_ALL, 1, OF_GROUP_ANY), OF_GM_WATCH_UNSUPPORTED);
	assert_group_refused(watching(OF_GT_INDIRECT, 1, OF_GROUP_ANY), OF_GM_WATCH_UNSUPPORTED);
	assert_done(rig_send_group(&rig, watching(OF_GT_SELECT, 0, 0)));
}

static void groups_and_buckets_have_their_limits(void **state)
{
	assert_group_refused(
		rig_group(OF_GC_ADD, OF_GT_ALL, 1, OF_MAX_BUCKETS + 1), OF_GM_OUT_OF_BUCKETS);
	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_ALL, 1, OF_MAX_BUCKETS)));
	for (uint32_t id = 2; id <= 4; id++)
		add_group(id);
	assert_group_refused(rig_group(OF_GC_ADD, OF_GT_ALL, 5, 0), OF_GM_OUT_OF_GROUPS);
	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD_OR_MOD, OF_GT_ALL, 4, 0)));
}

static void bucket_with_a_group_that_there_is_not_is_refused(void **state)
{
	assert_refused(&rig, rig_send_group(&rig, to_group(OF_GC_ADD, 1, 2)), OF_ET_BAD_ACTION,
		OF_BA_BAD_OUT_GROUP);
	assert_int_equal(rig.n_groups, 0);
}

static void chain_is_fine_and_loop_is_refused(void **state)
{
	struct of_group_mod mod;

	assert_group_refused(to_group(OF_GC_ADD, 1, 1), OF_GM_LOOP);
	add_group(1);
	assert_done(rig_send_group(&rig, to_group(OF_GC_ADD, 2, 1)));
	assert_done(rig_send_group(&rig, to_group(OF_GC_ADD, 3, 2)));
	assert_group_refused(to_group(OF_GC_MODIFY, 1, 3), OF_GM_LOOP);
	assert_group_refused(to_group(OF_GC_MODIFY, 2, 2), OF_GM_LOOP);
	mod = watching(OF_GT_FF, OF_PORT_ANY, 3);
	mod.command = OF_GC_MODIFY;
	assert_group_refused(mod, OF_GM_LOOP);
	assert_int_equal(of_switch_group(rig.sw, 1)->type, OF_GT_ALL);
	assert_done(rig_send_group(&rig, to_group(OF_GC_MODIFY, 3, 1)));
	assert_done(rig_send_group(&rig, to_group(OF_GC_MODIFY, 2, 3)));
}

static void group_that_another_forwards_to_is_not_deleted_alone(void **state)
{
	add_group(1);
	assert_done(rig_send_group(&rig, to_group(OF_GC_ADD, 2, 1)));
	assert_group_refused(rig_group(OF_GC_DELETE, OF_GT_ALL, 1, 0), OF_GM_CHAINED_GROUP);
	assert_done(rig_send_group(&rig, rig_group(OF_GC_MODIFY, OF_GT_ALL, 2, 1)));
	assert_done(rig_send_group(&rig, rig_group(OF_GC_DELETE, OF_GT_ALL, 1, 0)));
	assert_null(of_switch_group(rig.sw, 1));
}

static void references_are_counted_once_a_flow_and_once_a_group(void **state)
{
	struct of_group_mod mod = to_group(OF_GC_ADD, 2, 1);

	add_group(1);
	add_flow_to(1, 1, 0);
	add_flow_to(2, 1, 0);
	assert_int_equal(refs_of(1), 2);
	rig_group_action(&mod.buckets[0].actions, 1);
	assert_done(rig_send_group(&rig, mod));
	assert_int_equal(refs_of(1), 3);
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_ADD, 0, 1, 1, 3)));
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_MODIFY_STRICT, 0, 2, 1, 3)));
	assert_int_equal(refs_of(1), 1);
	assert_done(rig_send_group(&rig, rig_group(OF_GC_DELETE, OF_GT_ALL, 2, 0)));
	assert_int_equal(refs_of(1), 0);
}

static unsigned n_told(char kind, unsigned reason)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rig.n_events; i++)
		n += rig.events[i].kind == kind && rig.events[i].reason == reason;
	return n;
}

static void deleted_group_takes_its_flows_along(void **state)
{
	add_group(1);
	add_group(2);
	add_flow_to(1, 1, 0);
	add_flow_to(2, 1, 0);
	add_flow_to(3, 2, 0);
	assert_done(rig_send_group(&rig, rig_group(OF_GC_DELETE, OF_GT_ALL, 1, 0)));
	assert_int_equal(rig_n_flows(&rig), 1);
	assert_int_equal(n_told('r', OF_RR_GROUP_DELETE), 2);
	assert_int_equal(n_told('d', 0), 2);
	assert_int_equal(rig.n_groups, 1);
}

static void deleting_all_goes_from_who_forwards_to_whom(void **state)
{
	add_group(2);
	assert_done(rig_send_group(&rig, to_group(OF_GC_ADD, 1, 2)));
	assert_done(rig_send_group(&rig, to_group(OF_GC_ADD, 4, 1)));
	assert_done(rig_send_group(&rig, to_group(OF_GC_ADD, 3, 4)));
	add_flow_to(1, 2, 0);
	add_flow_to(2, 3, 0);
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_ADD, 0, 3, 1, 3)));
	assert_done(rig_send_group(&rig, rig_group(OF_GC_DELETE, OF_GT_ALL, OF_GROUP_ALL, 0)));
	assert_int_equal(rig_n_flows(&rig), 1);
	assert_int_equal(n_told('r', OF_RR_GROUP_DELETE), 2);
	assert_int_equal(rig.n_deleted, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rig.deleted[i], ((const uint32_t[]){ 3, 4, 1, 2 })[i]);
}

static void deleting_a_group_that_there_is_not_is_no_error(void **state)
{
	assert_done(rig_send_group(&rig, rig_group(OF_GC_DELETE, OF_GT_ALL, 1, 0)));
	assert_done(rig_send_group(&rig, rig_group(OF_GC_DELETE, OF_GT_ALL, OF_GROUP_ALL, 0)));
}

static void deletion_has_no_buckets(void **state)
{
	assert_group_refused(rig_group(OF_GC_DELETE, OF_GT_ALL, 1, 1), OF_GM_INVALID_GROUP);
}

static void group_that_the_provider_refuses_is_as_before(void **state)
{
	struct of_group_mod mod = rig_group(OF_GC_ADD, OF_GT_ALL, 1, 2);

	rig_fail(&rig, 1, -ENOSPC);
	assert_refused(&rig, of_switch_group_mod(rig.sw, &mod, rig.now_ns, &rig.err),
		OF_ET_GROUP_MOD_FAILED, OF_GM_OUT_OF_GROUPS);
	assert_int_equal(mod.n_buckets, 2);
	assert_null(of_switch_group(rig.sw, 1));
	assert_done(rig_send_group(&rig, mod));
	add_group(2);
	rig_fail(&rig, 1, -EINVAL);
	assert_refused(&rig, rig_send_group(&rig, to_group(OF_GC_MODIFY, 1, 2)),
		OF_ET_TABLE_MOD_FAILED, OF_TM_EPERM);
	assert_int_equal(of_switch_group(rig.sw, 1)->n_buckets, 2);
	assert_int_equal(refs_of(2), 0);
}

static int list_group(void *arg, const struct of_group_info *info)
{
	uint32_t *next = arg;

	*next = *next * 10 + info->group;
	return info->group == 3 ? -ECANCELED : 0;
}

static void groups_are_told_in_order_until_the_caller_has_enough(void **state)
{
	uint32_t seen = 0;

	add_group(3);
	add_group(1);
	add_group(4);
	assert_int_equal(
		of_switch_groups(rig.sw, OF_GROUP_ALL, rig.now_ns, list_group, &seen, &rig.err),
		-ECANCELED);
	assert_int_equal(seen, 13);
	assert_done(of_switch_groups(rig.sw, 2, rig.now_ns, list_group, &seen, &rig.err));
	assert_int_equal(seen, 13);
}

static int check_group(void *arg, const struct of_group_info *info)
{
	assert_int_equal(info->type, OF_GT_SELECT);
	assert_int_equal(info->n_packets, 2);
	assert_int_equal(info->n_bytes, 20);
	assert_true(info->duration_ns == 3 * RIG_S);
	assert_int_equal(info->n_buckets, 2);
	assert_int_equal(info->bucket_stats[1].n_packets, 201);
	assert_int_equal(info->bucket_stats[1].n_bytes, 2001);
	++*(unsigned *)arg;
	return 0;
}

static void group_is_told_with_its_counts(void **state)
{
	unsigned n = 0;

	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_SELECT, 2, 2)));
	rig.now_ns += 3 * RIG_S;
	assert_done(rig_send_group(&rig, rig_group(OF_GC_MODIFY, OF_GT_SELECT, 2, 2)));
	assert_done(of_switch_groups(rig.sw, 2, rig.now_ns, check_group, &n, &rig.err));
	assert_int_equal(n, 1);
}

static void meter_is_added_once_and_modified_when_there(void **state)
{
	assert_meter_refused(rig_meter(OF_MC_MODIFY, 1, 1), OF_MM_UNKNOWN_METER);
	assert_done(rig_send_meter(&rig, rig_meter(OF_MC_ADD, 1, 1)));
	assert_meter_refused(rig_meter(OF_MC_ADD, 1, 2), OF_MM_METER_EXISTS);
	assert_int_equal(of_switch_meter(rig.sw, 1)->n_bands, 1);
	assert_done(rig_send_meter(&rig, rig_meter(OF_MC_MODIFY, 1, 2)));
	assert_int_equal(of_switch_meter(rig.sw, 1)->n_bands, 2);
	assert_int_equal(rig.n_meters, 1);
}

static void meter_that_cannot_be_is_refused(void **state)
{
	struct of_meter_mod mod;

	assert_meter_refused(rig_meter(3, 1, 1), OF_MM_BAD_COMMAND);
	assert_meter_refused(rig_meter(OF_MC_ADD, 0, 1), OF_MM_INVALID_METER);
	assert_meter_refused(rig_meter(OF_MC_ADD, OF_METER_MAX + 1, 1), OF_MM_INVALID_METER);
	assert_meter_refused(rig_meter(OF_MC_MODIFY, OF_METER_ALL, 1), OF_MM_INVALID_METER);
	assert_meter_refused(rig_meter(OF_MC_ADD, 1, OF_MAX_BANDS + 1), OF_MM_OUT_OF_BANDS);
	mod = rig_meter(OF_MC_ADD, 1, 1);
	mod.flags = OF_MF_KBPS | OF_MF_PKTPS;
	assert_meter_refused(mod, OF_MM_BAD_FLAGS);
	mod = rig_meter(OF_MC_ADD, 1, 1);
	mod.flags = 0x10;
	assert_meter_refused(mod, OF_MM_BAD_FLAGS);
	mod = rig_meter(OF_MC_ADD, 1, 1);
	mod.bands[0].type = 3;
	assert_meter_refused(mod, OF_MM_BAD_BAND);
	assert_int_equal(rig.n_meters, 0);
}

static void meters_have_their_limit(void **state)
{
	for (uint32_t id = 1; id <= 3; id++)
		assert_done(rig_send_meter(&rig, rig_meter(OF_MC_ADD, id, OF_MAX_BANDS)));
	assert_meter_refused(rig_meter(OF_MC_ADD, 4, 1), OF_MM_OUT_OF_METERS);
}

static void deleted_meter_takes_its_flows_along(void **state)
{
	assert_done(rig_send_meter(&rig, rig_meter(OF_MC_ADD, 1, 1)));
	assert_done(rig_send_meter(&rig, rig_meter(OF_MC_ADD, 2, 1)));
	add_flow_to(1, 0, 1);
	add_flow_to(2, 0, 1);
	add_flow_to(3, 0, 2);
	assert_done(rig_send_meter(&rig, rig_meter(OF_MC_DELETE, 1, 0)));
	assert_int_equal(rig_n_flows(&rig), 1);
	assert_int_equal(n_told('r', OF_RR_DELETE), 2);
	assert_done(rig_send_meter(&rig, rig_meter(OF_MC_DELETE, 1, 0)));
	assert_done(rig_send_meter(&rig, rig_meter(OF_MC_DELETE, OF_METER_ALL, 0)));
	assert_int_equal(rig_n_flows(&rig), 0);
	assert_int_equal(rig.n_meters, 0);
}

static void meter_that_the_provider_refuses_is_as_before(void **state)
{
	rig_fail(&rig, 1, -ENOSPC);
	assert_meter_refused(rig_meter(OF_MC_ADD, 1, 2), OF_MM_OUT_OF_METERS);
	assert_null(of_switch_meter(rig.sw, 1));
	assert_done(rig_send_meter(&rig, rig_meter(OF_MC_ADD, 1, 2)));
	rig_fail(&rig, 1, -ENOMEM);
	assert_meter_refused(rig_meter(OF_MC_MODIFY, 1, 1), OF_MM_UNKNOWN);
	assert_int_equal(of_switch_meter(rig.sw, 1)->n_bands, 2);
}

static int check_meter(void *arg, const struct of_meter_info *info)
{
	assert_int_equal(info->meter, 2);
	assert_int_equal(info->n_flows, 1);
	assert_int_equal(info->flags, OF_MF_KBPS);
	assert_int_equal(info->n_packets, 2);
	assert_true(info->duration_ns == 3 * RIG_S);
	assert_int_equal(info->n_bands, 2);
	assert_int_equal(info->bands[1].rate, 2000);
	assert_int_equal(info->band_stats[1].n_bytes, 2001);
	++*(unsigned *)arg;
	return 0;
}

static void meter_is_told_with_its_counts_and_flows(void **state)
{
	unsigned n = 0;

	assert_done(rig_send_meter(&rig, rig_meter(OF_MC_ADD, 2, 2)));
	add_flow_to(3, 0, 2);
	rig.now_ns += 3 * RIG_S;
	assert_done(of_switch_meters(rig.sw, 2, rig.now_ns, check_meter, &n, &rig.err));
	assert_done(of_switch_meters(rig.sw, OF_METER_ALL, rig.now_ns, check_meter, &n, &rig.err));
	assert_int_equal(n, 2);
	assert_refused(&rig, of_switch_meters(rig.sw, 1, rig.now_ns, check_meter, &n, &rig.err),
		OF_ET_METER_MOD_FAILED, OF_MM_UNKNOWN_METER);
}

int main(void)
{
#define claim(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		claim(group_is_added_once_and_modified_when_there),
		claim(add_or_modify_does_either),
		claim(group_with_a_wrong_number_type_or_command_is_refused),
		claim(indirect_group_has_exactly_one_bucket),
		claim(weight_is_for_select_groups),
		claim(select_group_has_a_weight_or_no_bucket),
		claim(failover_bucket_watches_something_that_can_be),
		claim(all_and_indirect_watch_nothing_and_select_may),
		claim(groups_and_buckets_have_their_limits),
		claim(bucket_with_a_group_that_there_is_not_is_refused),
		claim(chain_is_fine_and_loop_is_refused),
		claim(group_that_another_forwards_to_is_not_deleted_alone),
		claim(references_are_counted_once_a_flow_and_once_a_group),
		claim(deleted_group_takes_its_flows_along),
		claim(deleting_all_goes_from_who_forwards_to_whom),
		claim(deleting_a_group_that_there_is_not_is_no_error),
		claim(deletion_has_no_buckets),
		claim(group_that_the_provider_refuses_is_as_before),
		claim(groups_are_told_in_order_until_the_caller_has_enough),
		claim(group_is_told_with_its_counts),
		claim(meter_is_added_once_and_modified_when_there),
		claim(meter_that_cannot_be_is_refused),
		claim(meters_have_their_limit),
		claim(deleted_meter_takes_its_flows_along),
		claim(meter_that_the_provider_refuses_is_as_before),
		claim(meter_is_told_with_its_counts_and_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
