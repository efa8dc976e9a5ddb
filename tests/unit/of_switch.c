/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Flow-mods, one rule of OpenFlow 1.3.5, 6.4, a test.
 */
#include "of_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static void add(uint8_t table, uint16_t priority, uint32_t in_port, uint32_t out)
{
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_ADD, table, priority, in_port, out)));
}

static uint32_t out_of(uint8_t table, uint16_t priority, uint32_t in_port)
{
	struct of_flow *flow = rig_find(&rig, table, priority, in_port);

	assert_non_null(flow);
	return rig_out(&rig, flow);
}

static void add_ip(uint32_t address, unsigned n_bits, uint16_t priority, uint64_t cookie)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, priority, 0, 1);

	rig_match_ip(&mod.match, address, n_bits);
	mod.cookie = cookie;
	assert_done(rig_send(&rig, mod));
}

static void flows_are_listed_by_table_and_falling_priority(void **state)
{
	static const struct {
		uint8_t table;
		uint16_t priority;
	} order[] = { { 0, 65535 }, { 0, 256 }, { 0, 255 }, { 0, 0 }, { 7, 5 }, { 7, 1 },
		{ 253, 9 } };
	static const unsigned made[] = { 3, 6, 0, 5, 2, 4, 1 };
	struct of_flow **flows;
	int n;

	for (unsigned i = 0; i < 7; i++)
		add(order[made[i]].table, order[made[i]].priority, 1, 2);
	n = rig_flows(&rig, &flows);
	assert_int_equal(n, 7);
	for (int i = 0; i < n; i++) {
		assert_int_equal(flows[i]->table, order[i].table);
		assert_int_equal(flows[i]->priority, order[i].priority);
	}
	of_switch_flows_done(rig.sw, flows, n);
}

static void added_flow_replaces_one_of_same_match_and_priority_and_keeps_its_counts(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 5, 1, 3);
	struct of_flow *flow;

	mod.cookie = 7;
	mod.flags = OF_FF_SEND_FLOW_REM;
	assert_done(rig_send(&rig, mod));
	*rig_counts(rig_find(&rig, 0, 5, 1)) = (struct of_counts){ 11, 700, rig.now_ns };
	rig.now_ns += RIG_S;
	mod = rig_flow_to(OF_FC_ADD, 0, 5, 1, 4);
	mod.cookie = 8;
	mod.idle_timeout_s = 9;
	assert_done(rig_send(&rig, mod));
	assert_int_equal(rig_n_flows(&rig), 1);
	flow = rig_find(&rig, 0, 5, 1);
	assert_int_equal(rig_out(&rig, flow), 4);
	assert_int_equal(flow->cookie, 8);
	assert_int_equal(flow->idle_timeout_s, 9);
	assert_int_equal(flow->flags, 0);
	assert_true(flow->made_ns == rig.now_ns);
	assert_int_equal(rig_counts(flow)->n_packets, 11);
	assert_int_equal(rig.n_events, 2);
	assert_int_equal(rig.events[1].kind, 'a');
}

static void added_flow_clears_counts_if_it_says_so(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 5, 1, 4);

	add(0, 5, 1, 3);
	rig_counts(rig_find(&rig, 0, 5, 1))->n_packets = 11;
	mod.flags = OF_FF_RESET_COUNTS;
	assert_done(rig_send(&rig, mod));
	assert_int_equal(rig_counts(rig_find(&rig, 0, 5, 1))->n_packets, 0);
}

static int add_checked(uint16_t priority, uint32_t in_port, uint32_t address, unsigned n_bits)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, priority, in_port, 1);

	mod.flags = OF_FF_CHECK_OVERLAP;
	if (n_bits)
		rig_match_ip(&mod.match, address, n_bits);
	return rig_send(&rig, mod);
}

static void overlap_is_refused_when_the_request_asks(void **state)
{
	add_ip(0x0a000000, 8, 5, 0);
	assert_refused(&rig, add_checked(5, 1, 0, 0), OF_ET_FLOW_MOD_FAILED, OF_FM_OVERLAP);
	assert_refused(
		&rig, add_checked(5, 0, 0x0a010000, 16), OF_ET_FLOW_MOD_FAILED, OF_FM_OVERLAP);
	assert_int_equal(rig_n_flows(&rig), 1);
	add(0, 5, 1, 1);
	assert_int_equal(rig_n_flows(&rig), 2);
}

static void no_overlap_with_other_priority_other_values_or_itself(void **state)
{
	add_ip(0x0a000000, 8, 5, 0);
	assert_done(add_checked(6, 1, 0, 0));
	assert_done(add_checked(5, 0, 0x0b000000, 8));
	assert_done(add_checked(5, 1, 0x0c010000, 16));
	assert_done(add_checked(5, 0, 0x0a000000, 8));
	assert_int_equal(rig_n_flows(&rig), 4);
}

static void modify_changes_what_a_flow_does_and_nothing_else(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 5, 1, 3);
	struct of_flow *flow;
	uint64_t made_ns = rig.now_ns;

	mod.cookie = 7;
	mod.hard_timeout_s = 8;
	mod.flags = OF_FF_SEND_FLOW_REM;
	assert_done(rig_send(&rig, mod));
	rig_counts(rig_find(&rig, 0, 5, 1))->n_packets = 11;
	rig.now_ns += RIG_S;
	mod = rig_flow_to(OF_FC_MODIFY, 0, 0, 1, 4);
	mod.cookie = 99;
	mod.idle_timeout_s = 1;
	assert_done(rig_send(&rig, mod));
	flow = rig_find(&rig, 0, 5, 1);
	assert_int_equal(rig_out(&rig, flow), 4);
	assert_int_equal(flow->cookie, 7);
	assert_int_equal(flow->hard_timeout_s, 8);
	assert_int_equal(flow->idle_timeout_s, 0);
	assert_int_equal(flow->flags, OF_FF_SEND_FLOW_REM);
	assert_true(flow->made_ns == made_ns);
	assert_int_equal(rig_counts(flow)->n_packets, 11);
	assert_int_equal(rig.n_events, 2);
	assert_int_equal(rig.events[1].kind, 'm');
}

static void modify_that_changes_nothing_is_not_told(void **state)
{
	add(0, 5, 1, 3);
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_MODIFY, 0, 5, 1, 3)));
	assert_int_equal(rig.n_events, 1);
}

static void modify_clears_counts_if_it_says_so(void **state)
{
	for (uint16_t n = 1; n <= 2; n++) {
		struct of_flow_mod mod = rig_flow_to(OF_FC_MODIFY, 0, 0, 0, 4);

		add(0, n, 1, 3);
		rig_counts(rig_find(&rig, 0, n, 1))->n_packets = 11;
		mod.flags = OF_FF_RESET_COUNTS;
		assert_done(rig_send(&rig, mod));
		for (uint16_t i = 1; i <= n; i++)
			assert_int_equal(rig_counts(rig_find(&rig, 0, i, 1))->n_packets, 0);
	}
}

static void modify_adds_nothing(void **state)
{
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_MODIFY, 0, 5, 1, 3)));
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_MODIFY_STRICT, 0, 5, 1, 3)));
	assert_int_equal(rig_n_flows(&rig), 0);
}

static void strict_modify_means_one_match_and_priority(void **state)
{
	add(0, 5, 1, 3);
	add(0, 6, 1, 3);
	add(0, 5, 0, 3);
	add(1, 5, 1, 3);
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_MODIFY_STRICT, 0, 5, 1, 4)));
	assert_int_equal(out_of(0, 5, 1), 4);
	assert_int_equal(out_of(0, 6, 1), 3);
	assert_int_equal(out_of(0, 5, 0), 3);
	assert_int_equal(out_of(1, 5, 1), 3);
}

static void loose_modify_means_what_is_as_specific_or_more(void **state)
{
	add(0, 5, 1, 3);
	add(0, 6, 1, 3);
	add(0, 5, 2, 3);
	add(0, 5, 0, 3);
	add(1, 5, 1, 3);
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_MODIFY, 0, 0, 1, 4)));
	assert_int_equal(out_of(0, 5, 1), 4);
	assert_int_equal(out_of(0, 6, 1), 4);
	assert_int_equal(out_of(0, 5, 2), 3);
	assert_int_equal(out_of(0, 5, 0), 3);
	assert_int_equal(out_of(1, 5, 1), 3);
}

static int delete_ip(unsigned command, uint32_t address, unsigned n_bits)
{
	struct of_flow_mod mod = rig_mod(command, 0, 5, 0);

	rig_match_ip(&mod.match, address, n_bits);
	return rig_send(&rig, mod);
}

static void loose_delete_goes_by_masks_too(void **state)
{
	add_ip(0x0a000000, 8, 5, 0);
	add_ip(0x0a010000, 16, 5, 0);
	add_ip(0x0a010000, 16, 6, 0);
	add_ip(0x0a010101, 32, 7, 0);
	add_ip(0x0a020000, 16, 5, 0);
	assert_done(delete_ip(OF_FC_DELETE_STRICT, 0x0a010000, 12));
	assert_int_equal(rig_n_flows(&rig), 5);
	assert_done(delete_ip(OF_FC_DELETE, 0x0a010000, 16));
	assert_int_equal(rig_n_flows(&rig), 2);
	assert_done(delete_ip(OF_FC_DELETE, 0, 0));
	assert_int_equal(rig_n_flows(&rig), 0);
}

static void cookie_under_its_mask_chooses_flows(void **state)
{
	static const unsigned commands[] = { OF_FC_MODIFY, OF_FC_MODIFY_STRICT, OF_FC_DELETE,
		OF_FC_DELETE_STRICT };
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 5, 1, 3);

	mod.cookie = 0x1234;
	assert_done(rig_send(&rig, mod));
	for (unsigned i = 0; i < 4; i++) {
		mod = rig_flow_to(commands[i], 0, 5, 1, 4);
		mod.cookie = 0x0035;
		mod.cookie_mask = 0xff;
		assert_done(rig_send(&rig, mod));
		assert_int_equal(out_of(0, 5, 1), 3);
	}
	mod = rig_flow_to(OF_FC_MODIFY, 0, 5, 1, 4);
	mod.cookie = 0xff34;
	mod.cookie_mask = 0xff;
	assert_done(rig_send(&rig, mod));
	assert_int_equal(out_of(0, 5, 1), 4);
	mod.command = OF_FC_DELETE_STRICT;
	mod.instructions = (struct of_instructions){ 0 };
	assert_done(rig_send(&rig, mod));
	assert_int_equal(rig_n_flows(&rig), 0);
}

static int delete_by(uint32_t port, uint32_t group)
{
	struct of_flow_mod mod = rig_mod(OF_FC_DELETE, 0, 0, 0);

	mod.out_port = port;
	mod.out_group = group;
	return rig_send(&rig, mod);
}

static void delete_asks_for_an_output_port_and_a_group(void **state)
{
	struct of_flow_mod mod = rig_mod(OF_FC_ADD, 0, 6, 1);

	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_ALL, 9, 0)));
	add(0, 5, 1, 3);
	mod.instructions.has_write = true;
	rig_output(&mod.instructions.write, 4);
	rig_group_action(&mod.instructions.write, 9);
	assert_done(rig_send(&rig, mod));
	assert_done(delete_by(5, OF_GROUP_ANY));
	assert_done(delete_by(OF_PORT_ANY, 8));
	assert_done(delete_by(3, 9));
	assert_int_equal(rig_n_flows(&rig), 2);
	assert_done(delete_by(4, 9));
	assert_int_equal(rig_n_flows(&rig), 1);
	assert_done(delete_by(3, OF_GROUP_ANY));
	assert_int_equal(rig_n_flows(&rig), 0);
}

static void controller_action_is_an_output_to_the_controller(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 5, 1, 3);

	mod.instructions.apply.list[0] = (struct of_action){ .type = OF_ACTION_CONTROLLER };
	assert_done(rig_send(&rig, mod));
	add(0, 6, 1, 3);
	assert_done(delete_by(OF_PORT_CONTROLLER, OF_GROUP_ANY));
	assert_int_equal(rig_n_flows(&rig), 1);
}

static void modify_asks_for_no_output_port(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_MODIFY, 0, 5, 1, 4);

	add(0, 5, 1, 3);
	mod.out_port = 77;
	mod.out_group = 78;
	assert_done(rig_send(&rig, mod));
	assert_int_equal(out_of(0, 5, 1), 4);
}

static void all_tables_can_be_deleted_from_and_nothing_else(void **state)
{
	for (unsigned command = OF_FC_ADD; command <= OF_FC_MODIFY_STRICT; command++)
		for (unsigned table = 254; table <= OF_TABLE_ALL; table++)
			assert_refused(&rig,
				rig_send(&rig, rig_flow_to(command, (uint8_t)table, 5, 1, 3)),
				OF_ET_FLOW_MOD_FAILED, OF_FM_BAD_TABLE_ID);
	assert_refused(&rig, rig_send(&rig, rig_mod(OF_FC_DELETE, 254, 5, 1)),
		OF_ET_FLOW_MOD_FAILED, OF_FM_BAD_TABLE_ID);
	for (uint8_t table = 0; table < 254; table++)
		add(table, 5, 1, 3);
	add(3, 6, 1, 3);
	assert_done(rig_send(&rig, rig_mod(OF_FC_DELETE_STRICT, OF_TABLE_ALL, 5, 1)));
	assert_int_equal(rig_n_flows(&rig), 1);
	add(253, 5, 1, 3);
	assert_done(rig_send(&rig, rig_mod(OF_FC_DELETE, OF_TABLE_ALL, 0, 0)));
	assert_int_equal(rig_n_flows(&rig), 0);
}

static void removal_is_told_of_flows_that_ask_for_it(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 5, 1, 3);

	mod.flags = OF_FF_SEND_FLOW_REM;
	mod.cookie = 7;
	assert_done(rig_send(&rig, mod));
	add(0, 4, 1, 3);
	rig_counts(rig_find(&rig, 0, 5, 1))->n_packets = 11;
	rig.now_ns += 3 * RIG_S;
	rig.n_events = 0;
	assert_done(rig_send(&rig, rig_mod(OF_FC_DELETE, 0, 0, 0)));
	assert_int_equal(rig.n_events, 3);
	assert_int_equal(rig.events[0].kind, 'r');
	assert_int_equal(rig.events[0].reason, OF_RR_DELETE);
	assert_int_equal(rig.events[0].cookie, 7);
	assert_int_equal(rig.events[0].n_packets, 11);
	assert_true(rig.events[0].duration_ns == 3 * RIG_S);
	assert_int_equal(rig.events[1].kind, 'd');
	assert_int_equal(rig.events[2].kind, 'd');
}

static void command_that_there_is_not_is_refused(void **state)
{
	assert_refused(&rig, rig_send(&rig, rig_flow_to(5, 0, 5, 1, 3)), OF_ET_FLOW_MOD_FAILED,
		OF_FM_BAD_COMMAND);
}

static void unknown_group_is_refused_in_apply_and_write(void **state)
{
	for (unsigned command = OF_FC_ADD; command <= OF_FC_MODIFY_STRICT; command++) {
		struct of_flow_mod mod = rig_mod(command, 0, 5, 1);

		mod.instructions.has_apply = true;
		rig_group_action(&mod.instructions.apply, 9);
		assert_refused(&rig, rig_send(&rig, mod), OF_ET_BAD_ACTION, OF_BA_BAD_OUT_GROUP);
		mod = rig_mod(command, 0, 5, 1);
		mod.instructions.has_write = true;
		rig_group_action(&mod.instructions.write, 9);
		assert_refused(&rig, rig_send(&rig, mod), OF_ET_BAD_ACTION, OF_BA_BAD_OUT_GROUP);
	}
	assert_int_equal(rig_n_flows(&rig), 0);
}

static void unknown_meter_is_refused(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 5, 1, 3);

	mod.instructions.has_meter = true;
	mod.instructions.meter = 1;
	assert_refused(&rig, rig_send(&rig, mod), OF_ET_METER_MOD_FAILED, OF_MM_INVALID_METER);
	assert_int_equal(rig_n_flows(&rig), 0);
}

static void flow_beyond_the_limit_is_table_full(void **state)
{
	struct rig small;

	rig_init(&small, 2);
	assert_done(rig_send(&small, rig_flow_to(OF_FC_ADD, 0, 1, 1, 3)));
	assert_done(rig_send(&small, rig_flow_to(OF_FC_ADD, 9, 1, 1, 3)));
	assert_refused(&small, rig_send(&small, rig_flow_to(OF_FC_ADD, 0, 2, 1, 3)),
		OF_ET_FLOW_MOD_FAILED, OF_FM_TABLE_FULL);
	assert_done(rig_send(&small, rig_flow_to(OF_FC_ADD, 9, 1, 1, 4)));
	assert_done(rig_send(&small, rig_mod(OF_FC_DELETE, 9, 1, 1)));
	assert_done(rig_send(&small, rig_flow_to(OF_FC_ADD, 0, 2, 1, 3)));
	assert_int_equal(rig_n_flows(&small), 2);
	rig_done(&small);
}

static void refused_add_leaves_nothing_and_gives_instructions_back(void **state)
{
	static const struct {
		int with;
		uint16_t type, code;
	} cases[] = { { -ENOSPC, OF_ET_FLOW_MOD_FAILED, OF_FM_TABLE_FULL },
		{ -ENOMEM, OF_ET_FLOW_MOD_FAILED, OF_FM_UNKNOWN },
		{ -EINVAL, OF_ET_TABLE_MOD_FAILED, OF_TM_EPERM } };

	for (unsigned i = 0; i < 3; i++) {
		struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 5, 1, 3);

		rig_fail(&rig, 1, cases[i].with);
		assert_refused(&rig, of_switch_flow_mod(rig.sw, &mod, rig.now_ns, &rig.err),
			cases[i].type, cases[i].code);
		assert_int_equal(mod.instructions.apply.n, 1);
		of_instructions_done(&mod.instructions);
		assert_int_equal(rig_n_flows(&rig), 0);
		assert_int_equal(rig.n_events, 0);
	}
}

static void refused_replacement_leaves_the_old_flow(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 5, 1, 4);
	uint64_t made_ns = rig.now_ns;
	struct of_flow *flow;

	add(0, 5, 1, 3);
	rig.now_ns += RIG_S;
	mod.cookie = 8;
	mod.hard_timeout_s = 1;
	rig_fail(&rig, 1, -ENOSPC);
	assert_refused(&rig, rig_send(&rig, mod), OF_ET_FLOW_MOD_FAILED, OF_FM_TABLE_FULL);
	flow = rig_find(&rig, 0, 5, 1);
	assert_int_equal(rig_out(&rig, flow), 3);
	assert_int_equal(flow->cookie, 0);
	assert_true(flow->made_ns == made_ns);
	of_switch_expire(rig.sw, rig.now_ns + 10 * RIG_S, 10);
	assert_int_equal(rig_n_flows(&rig), 1);
	assert_int_equal(rig.n_events, 1);
}

/* With RESET_COUNTS the provider is called twice a flow. */
static void modify_that_fails_in_the_middle_is_undone(void **state)
{
	for (unsigned i = 0; i < 10; i++)
		add((uint8_t)(i % 3 ? 0 : 1), (uint16_t)i, 1 + i, 20 + i);
	rig.n_events = 0;
	for (unsigned at = 1; at <= 6 + 12; at++) {
		struct of_flow_mod mod = rig_flow_to(OF_FC_MODIFY, 0, 0, 0, 4);
		bool resets = at > 6;

		mod.flags = resets ? OF_FF_RESET_COUNTS : 0;
		rig_fail(&rig, resets ? at - 6 : at, -ENOSPC);
		assert_refused(&rig, rig_send(&rig, mod), OF_ET_FLOW_MOD_FAILED, OF_FM_TABLE_FULL);
		assert_int_equal(rig.n_events, 0);
		for (unsigned i = 0; i < 10; i++)
			assert_int_equal(
				out_of((uint8_t)(i % 3 ? 0 : 1), (uint16_t)i, 1 + i), 20 + i);
	}
}

static void flow_that_cannot_be_turned_back_is_the_same_here_and_there(void **state)
{
	add(0, 3, 1, 3);
	add(0, 2, 1, 3);
	add(0, 1, 1, 3);
	rig_fail(&rig, 3, -EINVAL);
	rig.fail_n = 2;
	assert_refused(&rig, rig_send(&rig, rig_flow_to(OF_FC_MODIFY, 0, 0, 0, 4)),
		OF_ET_TABLE_MOD_FAILED, OF_TM_EPERM);
	assert_int_equal(out_of(0, 3, 1), 3);
	assert_int_equal(out_of(0, 2, 1), 4);
	assert_int_equal(out_of(0, 1, 1), 3);
}

int main(void)
{
#define claim(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		claim(flows_are_listed_by_table_and_falling_priority),
		claim(added_flow_replaces_one_of_same_match_and_priority_and_keeps_its_counts),
		claim(added_flow_clears_counts_if_it_says_so),
		claim(overlap_is_refused_when_the_request_asks),
		claim(no_overlap_with_other_priority_other_values_or_itself),
		claim(modify_changes_what_a_flow_does_and_nothing_else),
		claim(modify_that_changes_nothing_is_not_told),
		claim(modify_clears_counts_if_it_says_so),
		claim(modify_adds_nothing),
		claim(strict_modify_means_one_match_and_priority),
		claim(loose_modify_means_what_is_as_specific_or_more),
		claim(loose_delete_goes_by_masks_too),
		claim(cookie_under_its_mask_chooses_flows),
		claim(delete_asks_for_an_output_port_and_a_group),
		claim(controller_action_is_an_output_to_the_controller),
		claim(modify_asks_for_no_output_port),
		claim(all_tables_can_be_deleted_from_and_nothing_else),
		claim(removal_is_told_of_flows_that_ask_for_it),
		claim(command_that_there_is_not_is_refused),
		claim(unknown_group_is_refused_in_apply_and_write),
		claim(unknown_meter_is_refused),
		claim(flow_beyond_the_limit_is_table_full),
		claim(refused_add_leaves_nothing_and_gives_instructions_back),
		claim(refused_replacement_leaves_the_old_flow),
		claim(modify_that_fails_in_the_middle_is_undone),
		claim(flow_that_cannot_be_turned_back_is_the_same_here_and_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
