/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a learn action makes of a frame, and what the switch does with it.
 */
#include "of_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ofproto/learn.h"
#include "ofproto/text.h"

static struct rig rig;

static int setup(void **state)
{
	rig_init(&rig, 3);
	return 0;
}

static int teardown(void **state)
{
	rig_done(&rig);
	return 0;
}

static struct of_flow_mod parse(const char *text)
{
	static const struct of_text_names names = { .max_port = 0xff00 };
	struct of_flow_mod mod;
	struct sh_err err;

	if (of_flow_parse(text, OF_FC_ADD, &names, &mod, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return mod;
}

static void put_be32(uint8_t *to, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* A frame from port in_port and address 02:00:00:00:00:NN. */
static struct sh_flow_key frame_from(uint32_t in_port, uint8_t nn)
{
	struct sh_flow_key key = { .eth_src = { 2, 0, 0, 0, 0, nn } };

	put_be32(key.in_port, in_port);
	return key;
}

/* The flow as text, "MATCH actions=ACTIONS". */
static void assert_makes(const char *learn, const struct sh_flow_key *key, const char *flow)
{
	struct of_flow_mod teacher = parse(learn), mod;
	struct of_buf text = { 0 };

	assert_int_equal(of_learn_flow(teacher.instructions.apply.list[0].learn, key, &mod), 0);
	of_match_format(&mod.match, &text);
	of_buf_puts(&text, " actions=");
	of_instructions_format(&mod.instructions, &text);
	of_buf_put_u8(&text, 0);
	assert_string_equal((char *)text.data, flow);
	of_buf_done(&text);
	of_instructions_done(&mod.instructions);
	of_instructions_done(&teacher.instructions);
}

static void bits_of_a_frame_and_constants_become_match_and_actions(void **state)
{
	struct sh_flow_key key = frame_from(7, 0xa);

	put_be32(key.regs[2], 0x12345678);
	assert_makes("actions=learn(NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])",
		&key, "dl_dst=02:00:00:00:00:0a actions=output:7");
	assert_makes("actions=learn(NXM_NX_REG0[4..7]=NXM_NX_REG2[0..3],"
		     "NXM_NX_REG0[8..15]=NXM_NX_REG2[24..31],reg1=5,"
		     "load:NXM_NX_REG2[8..23]->NXM_NX_REG3[0..15],load:0x9->NXM_NX_REG4[],"
		     "load:0x3->NXM_NX_REG3[16..19])",
		&key,
		"reg0=0x1280/0xfff0,reg1=0x5 "
		"actions=load:0x3456->NXM_NX_REG3[0..15],set_field:0x9->reg4,"
		"load:0x3->NXM_NX_REG3[16..19]");
	assert_makes(
		"tcp actions=learn(eth_type=0x800,nw_proto=6,NXM_OF_TCP_DST[]=NXM_OF_TCP_SRC[])",
		&key, "tcp,tp_dst=0 actions=drop");
	assert_makes("actions=learn(NXM_OF_VLAN_TCI[0..11],load:NXM_OF_IN_PORT[]->"
		     "NXM_NX_REG0[0..15])",
		&key, "vlan_tci=0x0000/0x0fff actions=load:0x7->NXM_NX_REG0[0..15]");
}

/* ports that no flow can send to make no output, as with Open vSwitch */
static void flow_that_is_to_end_with_its_connection_has_fin_timeout(void **state)
{
	struct sh_flow_key key = frame_from(7, 0xa);

	assert_makes("actions=learn(fin_idle_timeout=3,eth_type=0x800,nw_proto=6,"
		     "output:NXM_OF_IN_PORT[])",
		&key, "tcp actions=fin_timeout(idle_timeout=3),output:7");
	assert_makes("actions=learn(fin_hard_timeout=9,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])", &key,
		"dl_dst=02:00:00:00:00:0a actions=fin_timeout(hard_timeout=9)");
}

static void only_ports_become_outputs(void **state)
{
	struct sh_flow_key key = frame_from(1, 0xa);
	const char *learn = "actions=learn(reg1=5,output:NXM_NX_REG2[])";

	put_be32(key.regs[2], 0xfff8);
	assert_makes(learn, &key, "reg1=0x5 actions=IN_PORT");
	put_be32(key.regs[2], 0xfffd);
	assert_makes(learn, &key, "reg1=0x5 actions=drop");
	put_be32(key.regs[2], 0xfffffffb);
	assert_makes(learn, &key, "reg1=0x5 actions=FLOOD");
	put_be32(key.regs[2], 0x00010000);
	assert_makes(learn, &key, "reg1=0x5 actions=output:65536");
}

static void what_it_reads_is_told_bit_by_bit(void **state)
{
	struct of_flow_mod teacher = parse("actions=learn(NXM_NX_REG0[]=NXM_NX_REG1[],"
					   "load:NXM_NX_REG3[4..7]->NXM_NX_REG5[0..3],reg7=1)");
	struct sh_flow_key match, all, wanted = { 0 };

	of_learn_reads(teacher.instructions.apply.list[0].learn, &match, &all);
	put_be32(wanted.regs[1], UINT32_MAX);
	assert_memory_equal(&match, &wanted, sizeof(wanted));
	put_be32(wanted.regs[3], 0xf0);
	assert_memory_equal(&all, &wanted, sizeof(wanted));
	of_instructions_done(&teacher.instructions);
}

static void it_is_packed_and_unpacked_whole(void **state)
{
	struct of_flow_mod teacher = parse(
		"actions=learn(table=4,idle_timeout=5,hard_timeout=6,priority=7,send_flow_rem,"
		"delete_learned,cookie=0x8,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],"
		"output:NXM_OF_IN_PORT[])");
	struct of_buf packed = { 0 }, text = { 0 }, again = { 0 };
	struct of_action a = { .type = OF_ACTION_LEARN, .is_nx = true };
	const struct of_actions one = { 1, &a };

	of_learn_pack(teacher.instructions.apply.list[0].learn, &packed);
	assert_int_equal(of_learn_unpack(packed.data, packed.len, &a.learn), 0);
	of_actions_format(&teacher.instructions.apply, &text);
	of_actions_format(&one, &again);
	assert_int_equal(text.len, again.len);
	assert_memory_equal(text.data, again.data, text.len);
	for (size_t n = 0; n < 22; n++)
		assert_true(of_learn_unpack(packed.data, n, &a.learn) < 0);
	free(a.learn);
	of_buf_done(&packed);
	of_buf_done(&text);
	of_buf_done(&again);
	of_instructions_done(&teacher.instructions);
}

/* Learning in the switch: into table 1, by priority 9. */

#define LEARN(more)                                                                                \
	"actions=learn(table=1,priority=9," more "NXM_OF_IN_PORT[]=NXM_OF_IN_PORT[],"              \
	"output:NXM_NX_REG0[])"

/* in_port=IN, to a port. */
static int learn_as(const char *text, uint32_t in_port, uint32_t out)
{
	struct of_flow_mod teacher = parse(text);
	struct sh_flow_key key = frame_from(in_port, 1);
	int r;

	put_be32(key.regs[0], out);
	r = of_switch_learn(
		rig.sw, teacher.instructions.apply.list[0].learn, &key, rig.now_ns, &rig.err);
	of_instructions_done(&teacher.instructions);
	return r;
}

static int left_after(uint64_t ns)
{
	rig.now_ns += ns;
	of_switch_expire(rig.sw, rig.now_ns, 1000);
	return rig_n_flows(&rig);
}

static void flow_is_learned_once_and_changed_where_it_says_another_thing(void **state)
{
	struct of_flow *flow;

	assert_done(learn_as(LEARN("hard_timeout=5,"), 1, 2));
	flow = rig_find(&rig, 1, 9, 1);
	assert_non_null(flow);
	assert_int_equal(rig_out(&rig, flow), 2);
	*rig_counts(flow) = (struct of_counts){ 3, 300, rig.now_ns };
	assert_done(learn_as(LEARN("hard_timeout=5,"), 1, 2));
	assert_int_equal(rig.n_events, 1);
	assert_done(learn_as(LEARN("hard_timeout=50,"), 1, 3));
	assert_ptr_equal(rig_find(&rig, 1, 9, 1), flow);
	assert_int_equal(rig_out(&rig, flow), 3);
	assert_int_equal(rig_counts(flow)->n_packets, 3);
	assert_int_equal(flow->hard_timeout_s, 5);
	assert_int_equal(rig.n_events, 2);
	assert_int_equal(rig.events[1].kind, 'm');
}

static void hard_timeout_begins_again_with_each_time_it_is_learned(void **state)
{
	assert_done(learn_as(LEARN("hard_timeout=5,"), 1, 2));
	assert_int_equal(left_after(4 * RIG_S), 1);
	assert_done(learn_as(LEARN("hard_timeout=5,"), 1, 2));
	assert_int_equal(left_after(5 * RIG_S - 1), 1);
	assert_int_equal(left_after(1), 0);
}

static void added_flow_starts_its_hard_timeout_anew(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 1, 9, 1, 2);

	assert_done(learn_as(LEARN("hard_timeout=5,"), 1, 2));
	rig.now_ns += 4 * RIG_S;
	assert_done(learn_as(LEARN("hard_timeout=5,"), 1, 2));
	mod.hard_timeout_s = 3;
	assert_done(rig_send(&rig, mod));
	assert_int_equal(left_after(3 * RIG_S), 0);
}

static void full_tables_learn_nothing(void **state)
{
	for (uint32_t i = 1; i <= 3; i++)
		assert_done(learn_as(LEARN(""), i, 9));
	assert_refused(&rig, learn_as(LEARN(""), 4, 9), OF_ET_FLOW_MOD_FAILED, OF_FM_TABLE_FULL);
	assert_done(learn_as(LEARN(""), 3, 8));
	assert_int_equal(rig_n_flows(&rig), 3);
}

#define DELETED LEARN("cookie=0x5,delete_learned,")

static void teach(uint16_t priority, const char *actions)
{
	struct of_flow_mod mod = parse(actions);

	mod.priority = priority;
	assert_done(rig_send(&rig, mod));
}

static void untaught(unsigned command, uint16_t priority)
{
	struct of_flow_mod mod = rig_mod(command, 0, priority, 0);

	assert_done(rig_send(&rig, mod));
}

static void what_was_taught_goes_with_the_last_teacher(void **state)
{
	teach(1, DELETED);
	teach(2, DELETED);
	assert_done(learn_as(DELETED, 1, 2));
	untaught(OF_FC_DELETE_STRICT, 1);
	assert_int_equal(rig_n_flows(&rig), 2);
	untaught(OF_FC_DELETE_STRICT, 2);
	assert_int_equal(rig_n_flows(&rig), 0);
}

static void teacher_that_is_replaced_by_itself_keeps_what_it_taught(void **state)
{
	teach(1, DELETED);
	assert_done(learn_as(DELETED, 1, 2));
	teach(1, DELETED);
	assert_int_equal(rig_n_flows(&rig), 2);
	untaught(OF_FC_MODIFY_STRICT, 1);
	assert_int_equal(rig_n_flows(&rig), 1);
}

static void other_cookies_and_tables_stay(void **state)
{
	teach(1, DELETED);
	assert_done(learn_as(LEARN("cookie=0x6,"), 1, 2));
	untaught(OF_FC_DELETE_STRICT, 1);
	assert_non_null(rig_find(&rig, 1, 9, 1));
	assert_int_equal(rig_n_flows(&rig), 1);
}

static void frame_that_comes_after_its_teacher_left_teaches_nothing(void **state)
{
	assert_done(learn_as(DELETED, 1, 2));
	assert_int_equal(rig_n_flows(&rig), 0);
}

static void refused_teacher_deletes_nothing(void **state)
{
	struct of_flow_mod mod = parse(DELETED);

	assert_done(learn_as(LEARN("cookie=0x5,"), 1, 2));
	rig_fail(&rig, 1, -ENOSPC);
	assert_refused(&rig, rig_send(&rig, mod), OF_ET_FLOW_MOD_FAILED, OF_FM_TABLE_FULL);
	assert_int_equal(rig_n_flows(&rig), 1);
}

static void teacher_that_expires_takes_what_it_taught_along(void **state)
{
	struct of_flow_mod mod = parse(DELETED);

	mod.hard_timeout_s = 2;
	assert_done(rig_send(&rig, mod));
	assert_done(learn_as(DELETED, 1, 2));
	assert_int_equal(left_after(2 * RIG_S), 0);
}

#define switch_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_of_a_frame_and_constants_become_match_and_actions),
		cmocka_unit_test(flow_that_is_to_end_with_its_connection_has_fin_timeout),
		cmocka_unit_test(only_ports_become_outputs),
		cmocka_unit_test(what_it_reads_is_told_bit_by_bit),
		cmocka_unit_test(it_is_packed_and_unpacked_whole),
		switch_test(flow_is_learned_once_and_changed_where_it_says_another_thing),
		switch_test(hard_timeout_begins_again_with_each_time_it_is_learned),
		switch_test(added_flow_starts_its_hard_timeout_anew),
		switch_test(full_tables_learn_nothing),
		switch_test(what_was_taught_goes_with_the_last_teacher),
		switch_test(teacher_that_is_replaced_by_itself_keeps_what_it_taught),
		switch_test(other_cookies_and_tables_stay),
		switch_test(frame_that_comes_after_its_teacher_left_teaches_nothing),
		switch_test(refused_teacher_deletes_nothing),
		switch_test(teacher_that_expires_takes_what_it_taught_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
