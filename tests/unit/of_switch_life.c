/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Timeouts, lists of flows that outlive their flows, and the switch as a whole.
 */
#include "of_rig.h"

#include <errno.h>
#include <malloc.h>
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

static void add_timed(uint16_t priority, uint16_t idle_s, uint16_t hard_s)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, priority, 1, 3);

	mod.idle_timeout_s = idle_s;
	mod.hard_timeout_s = hard_s;
	mod.flags = OF_FF_SEND_FLOW_REM;
	assert_done(rig_send(&rig, mod));
}

static int left_after(uint64_t ns)
{
	rig.now_ns += ns;
	of_switch_expire(rig.sw, rig.now_ns, 1000);
	return rig_n_flows(&rig);
}

static const struct rig_event *last_removed(void)
{
	const struct rig_event *found = NULL;

	for (unsigned i = 0; i < rig.n_events; i++)
		if (rig.events[i].kind == 'r')
			found = &rig.events[i];
	assert_non_null(found);
	return found;
}

static void flow_without_timeout_stays(void **state)
{
	add_timed(1, 0, 0);
	assert_int_equal(left_after(100000 * RIG_S), 1);
}

static void hard_timeout_counts_from_the_addition_whatever_happens(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_MODIFY, 0, 1, 1, 4);

	add_timed(1, 0, 5);
	assert_int_equal(left_after(5 * RIG_S - 1), 1);
	rig_counts(rig_find(&rig, 0, 1, 1))->used_ns = rig.now_ns;
	mod.flags = OF_FF_RESET_COUNTS;
	assert_done(rig_send(&rig, mod));
	assert_int_equal(left_after(1), 0);
	assert_int_equal(last_removed()->reason, OF_RR_HARD_TIMEOUT);
	assert_true(last_removed()->duration_ns == 5 * RIG_S);
}

static void idle_timeout_counts_from_the_last_frame(void **state)
{
	add_timed(1, 5, 0);
	rig.now_ns += 4 * RIG_S;
	*rig_counts(rig_find(&rig, 0, 1, 1)) = (struct of_counts){ 11, 700, rig.now_ns };
	assert_int_equal(left_after(5 * RIG_S - 1), 1);
	assert_int_equal(left_after(1), 0);
	assert_int_equal(last_removed()->reason, OF_RR_IDLE_TIMEOUT);
	assert_int_equal(last_removed()->n_packets, 11);
}

static void idle_timeout_of_a_flow_without_frames_counts_from_its_addition(void **state)
{
	add_timed(1, 5, 0);
	assert_int_equal(left_after(5 * RIG_S - 1), 1);
	assert_int_equal(left_after(1), 0);
}

static void reset_of_counts_is_no_idleness(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_MODIFY, 0, 1, 1, 4);

	add_timed(1, 5, 0);
	rig.now_ns += 4 * RIG_S;
	rig_counts(rig_find(&rig, 0, 1, 1))->used_ns = rig.now_ns;
	mod.flags = OF_FF_RESET_COUNTS;
	assert_done(rig_send(&rig, mod));
	assert_int_equal(left_after(2 * RIG_S), 1);
	assert_int_equal(left_after(3 * RIG_S), 0);
}

static void both_over_is_a_hard_timeout(void **state)
{
	add_timed(1, 5, 5);
	assert_int_equal(left_after(5 * RIG_S), 0);
	assert_int_equal(last_removed()->reason, OF_RR_HARD_TIMEOUT);
}

static void replaced_flow_has_the_new_timeouts(void **state)
{
	add_timed(1, 0, 5);
	rig.now_ns += 4 * RIG_S;
	add_timed(1, 0, 5);
	assert_int_equal(left_after(4 * RIG_S), 1);
	add_timed(1, 0, 0);
	assert_int_equal(left_after(100 * RIG_S), 1);
	add_timed(1, 1, 0);
	assert_int_equal(left_after(RIG_S), 0);
}

/* A flow with fin_timeout(idle_timeout=5,hard_timeout=50). */
static void add_ending(unsigned command, uint16_t priority, uint16_t idle_s, uint16_t hard_s)
{
	struct of_flow_mod mod = rig_flow_to(command, 0, priority, 1, 3);
	struct of_action *list = calloc(2, sizeof(*list));

	assert_non_null(list);
	list[0] = (struct of_action){ .type = OF_ACTION_FIN_TIMEOUT, .is_nx = true };
	list[0].fin_timeout.idle_s = 5;
	list[0].fin_timeout.hard_s = 50;
	list[1] = mod.instructions.apply.list[0];
	free(mod.instructions.apply.list);
	mod.instructions.apply = (struct of_actions){ 2, list };
	mod.idle_timeout_s = idle_s;
	mod.hard_timeout_s = hard_s;
	mod.flags = OF_FF_SEND_FLOW_REM;
	assert_done(rig_send(&rig, mod));
}

static void end_tcp(uint16_t priority, uint16_t idle_s, uint16_t hard_s)
{
	struct rig_flow *mine = rig_find(&rig, 0, priority, 1)->handle;

	mine->fin_idle_s = idle_s;
	mine->fin_hard_s = hard_s;
}

static void assert_timeouts(uint16_t priority, uint16_t idle_s, uint16_t hard_s)
{
	const struct of_flow *flow = rig_find(&rig, 0, priority, 1);

	assert_int_equal(flow->idle_timeout_s, idle_s);
	assert_int_equal(flow->hard_timeout_s, hard_s);
}

static void end_of_tcp_lowers_timeouts_and_raises_none(void **state)
{
	add_ending(OF_FC_ADD, 1, 0, 0);
	add_ending(OF_FC_ADD, 2, 60, 40);
	add_ending(OF_FC_ADD, 3, 3, 70);
	for (uint16_t priority = 1; priority <= 3; priority++)
		end_tcp(priority, 5, 50);
	assert_int_equal(left_after(0), 3);
	assert_timeouts(1, 5, 50);
	assert_timeouts(2, 5, 40);
	assert_timeouts(3, 3, 50);
	assert_int_equal(left_after(4 * RIG_S), 2);
	assert_int_equal(left_after(1 * RIG_S), 0);
	assert_int_equal(last_removed()->reason, OF_RR_IDLE_TIMEOUT);
}

static void flow_whose_tcp_goes_on_stays(void **state)
{
	add_ending(OF_FC_ADD, 1, 0, 0);
	assert_int_equal(left_after(100000 * RIG_S), 1);
	end_tcp(1, 0, 50);
	assert_int_equal(left_after(0), 0);
	assert_int_equal(last_removed()->reason, OF_RR_HARD_TIMEOUT);
}

static void end_of_tcp_is_over_for_a_flow_that_is_added_again(void **state)
{
	add_ending(OF_FC_ADD, 1, 0, 0);
	end_tcp(1, 5, 50);
	add_ending(OF_FC_ADD, 1, 60, 0);
	assert_int_equal(left_after(0), 1);
	assert_timeouts(1, 60, 0);
	end_tcp(1, 5, 0);
	add_ending(OF_FC_MODIFY, 1, 0, 0);
	assert_timeouts(1, 5, 0);
}

static void flow_that_is_modified_to_end_with_tcp_does(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_MODIFY, 0, 1, 1, 4);

	add_timed(1, 0, 0);
	add_ending(OF_FC_MODIFY, 1, 0, 0);
	end_tcp(1, 5, 0);
	assert_done(rig_send(&rig, mod));
	assert_int_equal(left_after(4 * RIG_S), 1);
	assert_int_equal(left_after(1 * RIG_S), 0);
}

static void each_call_looks_at_so_many_and_the_next_one_goes_on(void **state)
{
	for (uint16_t i = 0; i < 10; i++)
		add_timed(i, 0, i < 5 ? 100 : 1);
	rig.now_ns += RIG_S;
	of_switch_expire(rig.sw, rig.now_ns, 7);
	assert_int_equal(rig_n_flows(&rig), 8);
	of_switch_expire(rig.sw, rig.now_ns, 2);
	assert_int_equal(rig_n_flows(&rig), 6);
	of_switch_expire(rig.sw, rig.now_ns, 1);
	assert_int_equal(rig_n_flows(&rig), 5);
	of_switch_expire(rig.sw, rig.now_ns, 1000);
	assert_int_equal(rig_n_flows(&rig), 5);
}

static void pinned_flow_can_still_be_told_about(void **state)
{
	struct of_flow_info info;
	struct of_flow **flows;
	int n;

	add_timed(1, 5, 6);
	add_timed(2, 0, 0);
	rig_counts(rig_find(&rig, 0, 1, 1))->n_packets = 11;
	n = rig_flows(&rig, &flows);
	assert_done(rig_send(&rig, rig_mod(OF_FC_DELETE, OF_TABLE_ALL, 0, 0)));
	assert_int_equal(rig_n_flows(&rig), 0);
	assert_int_equal(n, 2);
	of_switch_flow_info(rig.sw, flows[1], rig.now_ns + RIG_S, &info);
	assert_int_equal(info.priority, 1);
	assert_int_equal(info.idle_timeout_s, 5);
	assert_int_equal(info.hard_timeout_s, 6);
	assert_int_equal(info.n_packets, 11);
	assert_true(info.duration_ns == RIG_S);
	assert_int_equal(info.match.value.in_port[3], 1);
	assert_int_equal(info.instructions->apply.list[0].output.port, 3);
	of_switch_flows_done(rig.sw, flows, n);
}

static void flow_may_be_pinned_twice(void **state)
{
	struct of_flow **a, **b;
	int n_a, n_b;

	add_timed(1, 0, 0);
	n_a = rig_flows(&rig, &a);
	n_b = rig_flows(&rig, &b);
	of_switch_flows_done(rig.sw, a, n_a);
	assert_done(rig_send(&rig, rig_mod(OF_FC_DELETE, OF_TABLE_ALL, 0, 0)));
	assert_int_equal(b[0]->priority, 1);
	of_switch_flows_done(rig.sw, b, n_b);
}

static int count_flows(const struct of_flow_filter *filter)
{
	struct of_flow **flows = NULL;
	int n = of_switch_flows(rig.sw, filter, &flows, &rig.err);

	if (n >= 0)
		of_switch_flows_done(rig.sw, flows, n);
	return n;
}

static void filter_chooses_by_table_match_cookie_and_output(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 1, 5, 1, 3), key = rig_mod(0, 0, 0, 2);
	struct of_flow_filter filter = {
		.table = 1, .out_port = OF_PORT_ANY, .out_group = OF_GROUP_ANY
	};

	mod.cookie = 7;
	assert_done(rig_send(&rig, mod));
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_ADD, 0, 5, 2, 4)));
	assert_int_equal(count_flows(&filter), 1);
	filter.table = 2;
	assert_int_equal(count_flows(&filter), 0);
	filter.table = OF_TABLE_ALL;
	assert_int_equal(count_flows(&filter), 2);
	filter.cookie = filter.cookie_mask = 7;
	assert_int_equal(count_flows(&filter), 1);
	filter.cookie_mask = 0;
	filter.out_port = 4;
	assert_int_equal(count_flows(&filter), 1);
	filter.out_port = OF_PORT_ANY;
	filter.match = key.match;
	assert_int_equal(count_flows(&filter), 1);
	filter.out_group = 1;
	assert_int_equal(count_flows(&filter), 0);
}

static void flows_of_a_table_that_there_is_not_are_refused(void **state)
{
	struct of_flow_filter filter = {
		.table = 254, .out_port = OF_PORT_ANY, .out_group = OF_GROUP_ANY
	};

	assert_refused(&rig, count_flows(&filter), OF_ET_BAD_REQUEST, OF_BR_BAD_TABLE_ID);
}

static void switch_is_normal_while_its_only_flow_says_so(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 7, 0, OF_PORT_NORMAL);

	assert_false(of_switch_is_normal(rig.sw));
	assert_done(rig_send(&rig, mod));
	assert_true(of_switch_is_normal(rig.sw));
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_ADD, 1, 7, 1, 3)));
	assert_false(of_switch_is_normal(rig.sw));
	assert_done(rig_send(&rig, rig_mod(OF_FC_DELETE, 1, 0, 0)));
	assert_true(of_switch_is_normal(rig.sw));
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_MODIFY, 0, 0, 0, 3)));
	assert_false(of_switch_is_normal(rig.sw));
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_ADD, 0, 7, 0, OF_PORT_NORMAL)));
	assert_true(of_switch_is_normal(rig.sw));
	assert_done(rig_send(&rig, rig_mod(OF_FC_DELETE, 0, 0, 0)));
	assert_false(of_switch_is_normal(rig.sw));
}

static void other_flows_to_normal_do_not_make_it_so(void **state)
{
	struct of_flow_mod mods[] = { rig_flow_to(OF_FC_ADD, 1, 7, 0, OF_PORT_NORMAL),
		rig_flow_to(OF_FC_ADD, 0, 7, 1, OF_PORT_NORMAL),
		rig_flow_to(OF_FC_ADD, 0, 7, 0, OF_PORT_FLOOD),
		rig_flow_to(OF_FC_ADD, 0, 7, 0, OF_PORT_NORMAL),
		rig_flow_to(OF_FC_ADD, 0, 7, 0, OF_PORT_NORMAL) };

	mods[3].instructions.has_goto = true;
	mods[3].instructions.goto_table = 1;
	rig_output(&mods[4].instructions.apply, 1);
	for (unsigned i = 0; i < 5; i++) {
		assert_done(rig_send(&rig, mods[i]));
		assert_false(of_switch_is_normal(rig.sw));
		assert_done(rig_send(&rig, rig_mod(OF_FC_DELETE, OF_TABLE_ALL, 0, 0)));
	}
}

static void reset_forgets_everything_and_says_no_flow_removed(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 5, 5, 1, 3);

	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_ALL, 1, 0)));
	assert_done(rig_send_meter(&rig, rig_meter(OF_MC_ADD, 1, 1)));
	mod.instructions.has_meter = true;
	mod.instructions.meter = 1;
	rig_group_action(&mod.instructions.apply, 1);
	mod.flags = OF_FF_SEND_FLOW_REM;
	assert_done(rig_send(&rig, mod));
	assert_done(of_switch_reset(rig.sw, false, rig.now_ns));
	assert_int_equal(rig.n_flows + rig.n_groups + rig.n_meters, 0);
	assert_int_equal(rig.n_events, 2);
	assert_int_equal(rig.events[1].kind, 'd');
	assert_false(of_switch_is_normal(rig.sw));
	assert_done(of_switch_reset(rig.sw, true, rig.now_ns));
	assert_done(of_switch_reset(rig.sw, true, rig.now_ns));
	assert_int_equal(rig_n_flows(&rig), 1);
	assert_true(of_switch_is_normal(rig.sw));
	assert_int_equal(rig_out(&rig, rig_find(&rig, 0, 0, 0)), OF_PORT_NORMAL);
}

static void table_info_counts_its_own_flows(void **state)
{
	struct of_table_info info;

	assert_done(rig_send(&rig, rig_flow_to(OF_FC_ADD, 1, 5, 1, 3)));
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_ADD, 1, 6, 1, 3)));
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_ADD, 2, 5, 1, 3)));
	of_switch_table_info(rig.sw, 1, &info);
	assert_int_equal(info.table, 1);
	assert_int_equal(info.n_flows, 2);
	assert_int_equal(info.max_flows, 100000);
	assert_int_equal(info.n_lookups, 1001);
	assert_int_equal(info.n_matches, 501);
	of_switch_table_info(rig.sw, 3, &info);
	assert_int_equal(info.n_flows, 0);
}

static void switch_can_be_asked_for_what_it_was_given(void **state)
{
	void *ctx;

	assert_non_null(of_switch_provider(rig.sw, &ctx)->flow_add);
	assert_ptr_equal(ctx, &rig);
	assert_int_equal(of_switch_limits(rig.sw)->max_groups, 4);
	of_switch_free(NULL);
}

/* What the allocator has given out; always 0 under the sanitizer's. */
static size_t in_use_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void flow_with_one_output_takes_less_than_400_bytes(void **state)
{
	size_t before = in_use_bytes(), after;
	const unsigned n = 50000;

	for (uint32_t i = 0; i < n; i++) {
		struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 5, 0, 3);

		rig_match_ip(&mod.match, 0x0a000000 | i, 32);
		assert_done(rig_send(&rig, mod));
	}
	after = in_use_bytes();
	assert_true(after - before < n * (400 + sizeof(struct rig_flow)));
}

int main(void)
{
#define claim(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		claim(flow_without_timeout_stays),
		claim(hard_timeout_counts_from_the_addition_whatever_happens),
		claim(idle_timeout_counts_from_the_last_frame),
		claim(idle_timeout_of_a_flow_without_frames_counts_from_its_addition),
		claim(reset_of_counts_is_no_idleness),
		claim(both_over_is_a_hard_timeout),
		claim(replaced_flow_has_the_new_timeouts),
		claim(each_call_looks_at_so_many_and_the_next_one_goes_on),
		claim(pinned_flow_can_still_be_told_about),
		claim(end_of_tcp_lowers_timeouts_and_raises_none),
		claim(flow_whose_tcp_goes_on_stays),
		claim(end_of_tcp_is_over_for_a_flow_that_is_added_again),
		claim(flow_that_is_modified_to_end_with_tcp_does),
		claim(flow_may_be_pinned_twice),
		claim(filter_chooses_by_table_match_cookie_and_output),
		claim(flows_of_a_table_that_there_is_not_are_refused),
		claim(switch_is_normal_while_its_only_flow_says_so),
		claim(other_flows_to_normal_do_not_make_it_so),
		claim(reset_forgets_everything_and_says_no_flow_removed),
		claim(table_info_counts_its_own_flows),
		claim(switch_can_be_asked_for_what_it_was_given),
		claim(flow_with_one_output_takes_less_than_400_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
