/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Actions and instructions: on the wire, as text, and what is refused.
 */
#include "unit.h"

#include <errno.h>

#include "of_hex.h"
#include "ofproto/action.h"
#include "ofproto/request.h"

#define IP   "80000a02 0800 "
#define TCP  IP "80001401 06 "
#define VLAN "80000c02 1064 "
#define MPLS "80000a02 8847 "

#define NX   "ffff 0018 00002320 "
#define NX16 "ffff 0010 00002320 "

/* Actions */
#define OUTPUT_2      "0000 0010 00000002 0000 000000000000 "
#define PUSH_VLAN     "0011 0008 8100 0000 "
#define POP_VLAN      "0012 0008 00000000 "
#define PUSH_MPLS     "0013 0008 8847 0000 "
#define POP_MPLS_IP   "0014 0008 0800 0000 "
#define PUSH_PBB      "001a 0008 88e7 0000 "
#define POP_PBB       "001b 0008 00000000 "
#define DEC_TTL       "0018 0008 00000000 "
#define DEC_MPLS_TTL  "0010 0008 00000000 "
#define SET_VID       "0019 0010 80000c02 1064 000000000000 "
#define SET_PCP       "0019 0010 80000e01 03 00000000000000 "
#define SET_IP_DST    "0019 0010 80001804 0a000001 00000000 "
#define SET_TCP_DST   "0019 0010 80001c02 0050 000000000000 "
#define SET_LABEL     "0019 0010 80004404 00000005 00000000 "
#define SET_TYPE_IP   "0019 0010 80000a02 0800 000000000000 "
#define SET_TYPE_MPLS "0019 0010 80000a02 8848 000000000000 "
#define SET_PROTO_TCP "0019 0010 80001401 06 00000000000000 "
#define SET_PROTO_UDP "0019 0010 80001401 11 00000000000000 "
#define CONJUNCTION   NX16 "0022 00 02 00000007 "

static struct of_match flow;

static int decode(const char *bytes, const struct of_action_limits *limits, struct of_actions *ret,
	struct of_err *err)
{
	struct hex h = hex(bytes);
	struct of_cursor c = { h.bytes, h.n };

	return of_actions_decode(&c, h.n, limits, ret, err);
}

static struct of_action_limits limits_of(const char *match)
{
	struct of_action_limits limits = { .max_port = 100, .match = match ? &flow : NULL };
	struct hex h = hex(match ? match : "");

	assert_int_equal(of_oxm_decode(h.bytes, h.n, &flow, NULL), 0);
	return limits;
}

/* match: the flow's, or NULL: none to check against. */
static struct of_actions actions_of(const char *match, const char *bytes)
{
	struct of_action_limits limits = limits_of(match);
	struct of_actions actions;
	struct of_err err = { 0 };

	if (decode(bytes, &limits, &actions, &err) < 0)
		fail_msg("%s: %s", bytes, of_err_name(&err));
	return actions;
}

static void assert_accepted(const char *match, const char *bytes)
{
	struct of_actions actions = actions_of(match, bytes);

	of_actions_done(&actions);
}

static void assert_refused(const char *match, const char *bytes, const char *why)
{
	struct of_action_limits limits = limits_of(match);
	struct of_actions actions;
	struct of_err err = { 0 };

	assert_int_equal(decode(bytes, &limits, &actions, &err), -EINVAL);
	assert_err(&err, why);
}

static void assert_experimenter(const char *bytes, uint32_t experimenter, unsigned code)
{
	struct of_action_limits limits = limits_of(NULL);
	struct of_actions actions;
	struct of_err err = { 0 };

	assert_int_equal(decode(bytes, &limits, &actions, &err), -EINVAL);
	assert_int_equal(err.type, OF_ET_EXPERIMENTER);
	assert_int_equal(err.code, code);
	assert_int_equal(err.experimenter, experimenter);
}

/* Out again as it came in, and as text. */
static void assert_actions(const char *bytes, const char *text)
{
	struct of_actions actions = actions_of(NULL, bytes);
	struct of_buf out = { 0 };

	of_actions_format(&actions, &out);
	assert_text(&out, text);
	of_buf_done(&out);
	of_actions_encode(&actions, &out);
	assert_bytes(&out, bytes);
	of_buf_done(&out);
	of_actions_done(&actions);
}

static void standard_actions_survive_and_print(void **state)
{
	assert_actions("", "drop");
	assert_actions(OUTPUT_2, "output:2");
	assert_actions("0000 0010 fffffffd ffff 000000000000", "CONTROLLER:65535");
	assert_actions("0000 0010 fffffff8 0000 000000000000"
		       "0000 0010 fffffffa 0000 000000000000",
		"IN_PORT,NORMAL");
	assert_actions("0016 0008 00000007", "group:7");
	assert_actions("0015 0008 00000003", "set_queue:3");
	assert_actions(PUSH_VLAN SET_VID, "push_vlan:0x8100,set_field:4196->vlan_vid");
	assert_actions(POP_VLAN, "pop_vlan");
	assert_actions(PUSH_MPLS SET_LABEL DEC_MPLS_TTL,
		"push_mpls:0x8847,set_field:5->mpls_label,dec_mpls_ttl");
	assert_actions("000f 0008 05 000000" POP_MPLS_IP, "set_mpls_ttl(5),pop_mpls:0x0800");
	assert_actions(DEC_TTL "0017 0008 40 000000", "dec_ttl,mod_nw_ttl:64");
	assert_actions("000b 0008 00000000 000c 0008 00000000", "copy_ttl_out,copy_ttl_in");
	assert_actions(PUSH_PBB POP_PBB, "push_pbb:0x88e7,pop_pbb");
}

static void set_field_survives_and_prints(void **state)
{
	assert_actions(SET_IP_DST, "set_field:10.0.0.1->ip_dst");
	assert_actions(
		"0019 0010 80000606 020000000001 0000", "set_field:02:00:00:00:00:01->eth_dst");
	assert_actions("0019 0018 80003610 20010db8000000000000000000000001",
		"set_field:2001:db8::1->ipv6_dst");
	assert_actions("0019 0010 80004c08 0000000000000005", "set_field:0x5->tun_id");
	assert_actions("0019 0010 00010004 00000000 00000000", "set_field:0->reg0");
	assert_actions("0019 0010 80004a03 010203 0000000000", "set_field:0x10203->pbb_isid");
}

static void niciras_actions_survive_and_print(void **state)
{
	assert_actions(NX "0007 001f 00010004 0000000000000001", "load:0x1->NXM_NX_REG0[]");
	assert_actions(NX "0007 0107 00010004 0000000000000012", "load:0x12->NXM_NX_REG0[4..11]");
	assert_actions(NX "0007 000f 00000002 000000000000fffe", "load:0xfffe->NXM_OF_IN_PORT[]");
	assert_actions(
		NX "0007 000b 00000802 0000000000000005", "load:0x5->NXM_OF_VLAN_TCI[0..11]");
	assert_actions(
		NX "0007 0342 00000802 0000000000000003", "load:0x3->NXM_OF_VLAN_TCI[13..15]");
	assert_actions(NX "0006 0030 0000 0000 00000406 00000206",
		"move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]");
	assert_actions(NX "0006 0010 0000 0010 00000002 00010004",
		"move:NXM_OF_IN_PORT[]->NXM_NX_REG0[16..31]");
	assert_actions(NX16 "000e fff8 03 000000", "resubmit(,3)");
	assert_actions(NX16 "000e 0005 03 000000", "resubmit(5,3)");
	assert_actions(NX16 "0001 0005 00000000", "resubmit:5");
	assert_actions(NX "000f 001f 00010004 ffff 000000000000", "output:NXM_NX_REG0[]");
	assert_actions(NX16 "0008 010203040506", "note:01.02.03.04.05.06");
	assert_actions(NX16 "0014 ffff 0000 01 00", "CONTROLLER:65535");
	assert_actions(NX16 "0005 000000000000", "pop_queue");
	assert_actions(NX16 "0013 0005 000a 0000", "fin_timeout(idle_timeout=5,hard_timeout=10)");
	assert_actions(
		NX16 "0014 0080 0007 02 00", "controller(reason=invalid_ttl,max_len=128,id=7)");
	assert_actions(
		CONJUNCTION NX16 "0022 01 02 00000007", "conjunction(7,1/2),conjunction(7,2/2)");
}

static void load_of_a_match_field_is_set_field_or_reg_load(void **state)
{
	struct of_actions actions = actions_of("",
		NX "0021 00010204 00000007 000000000000" NX "0021 00010308 00000700 0000ff00 0000");
	struct of_buf out = { 0 };

	of_actions_format(&actions, &out);
	assert_text(&out, "set_field:0x7->reg1,load:0x7->NXM_NX_REG1[8..15]");
	of_buf_done(&out);
	of_actions_done(&actions);
}

static void niciras_ttl_is_the_standards(void **state)
{
	struct of_actions actions =
		actions_of(IP, NX16 "0012 000000000000" NX "0015 0001 00000000 0000 000000000000");
	struct of_buf out = { 0 };

	of_actions_encode(&actions, &out);
	assert_bytes(&out, DEC_TTL DEC_TTL);
	of_buf_done(&out);
	of_actions_done(&actions);
}

/* NXM_OF_VLAN_TCI[0..11], NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[], output:NXM_OF_IN_PORT[] */
#define LEARN                                                                                      \
	"ffff 0048 00002320 0010 001e 0000 8000 0000000000000009 0000 01 00 0000 0000 "            \
	"000c 00000802 0000 00000802 0000 "                                                        \
	"0030 00000406 0000 00000206 0000 "                                                        \
	"1010 00000002 0000 00000000"

static void learn_survives_and_prints(void **state)
{
	assert_actions(LEARN, "learn(table=1,idle_timeout=30,cookie=0x9,NXM_OF_VLAN_TCI[0..11],"
			      "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])");
	assert_actions(
		"ffff 0048 00002320 0010 0000 0000 0001 0000000000000000 0001 00 00 0000 0000 "
		"2010 0800 00000602 0000 "
		"2004 0005 00010004 0004 "
		"2810 0007 00010204 0000 "
		"2010 fffe 00000002 0000",
		"learn(table=0,priority=1,send_flow_rem,eth_type=0x800,NXM_NX_REG0[4..7]=0x5,"
		"load:0x7->NXM_NX_REG1[0..15],in_port=LOCAL)");
}

static void learn_widens_a_whole_port(void **state)
{
	struct of_actions actions = actions_of("", LEARN);
	const struct of_learn *learn = actions.list[0].learn;

	assert_int_equal(learn->n_specs, 3);
	assert_true(learn->specs[2].is_output);
	assert_int_equal(learn->specs[2].n_bits, 32);
	assert_int_equal(learn->specs[2].from.field, OF_FIELD_IN_PORT);
	of_actions_done(&actions);
}

#define LEARN_HEAD "ffff 0030 00002320 0010 0000 0000 8000 0000000000000000 0000 01 00 0000 0000 "

static void bad_learn_is_refused(void **state)
{
	assert_refused("", LEARN_HEAD "0020 00000e04 0000 00001004 0000 0000",
		"BAD_ACTION MATCH_INCONSISTENT");
	assert_refused(NULL, LEARN_HEAD "0000 00000e04 0000 00001004 0000 0000",
		"BAD_ACTION BAD_ARGUMENT");
	assert_refused(NULL, LEARN_HEAD "0020 00ff0e04 0000 00001004 0000 0000",
		"BAD_ACTION BAD_SET_TYPE");
	assert_refused(
		NULL, LEARN_HEAD "0020 00000e04 0001 00001004 0000 0000", "BAD_ACTION BAD_SET_LEN");
	assert_refused(NULL, LEARN_HEAD "3020 00000e04 0001 00001004 0000 0000",
		"BAD_ACTION BAD_ARGUMENT");
	assert_refused(
		NULL, LEARN_HEAD "2070 00000e04 0001 00001004 0000 0000", "BAD_ACTION BAD_LEN");
	assert_refused(NULL, LEARN_HEAD "0802 00013401 0000 00013401 0000 0000",
		"BAD_ACTION BAD_SET_ARGUMENT");
}

static void unknown_actions_are_refused(void **state)
{
	assert_refused(NULL, "0001 0008 00000000", "BAD_ACTION BAD_TYPE");
	assert_refused(NULL, "ffff 0008 00012345", "BAD_ACTION BAD_EXPERIMENTER");
	assert_refused(NULL, NX16 "000a 000000000000", "BAD_ACTION BAD_EXP_TYPE");
	assert_refused(NULL, "ffff 0010 4f4e4600 0c80 000000000000", "BAD_ACTION BAD_EXP_TYPE");
}

static void bad_lengths_are_refused(void **state)
{
	assert_refused(NULL, "0000 0008 00000001", "BAD_ACTION BAD_LEN");
	assert_refused(NULL, "0000 0018 00000001 0000 000000000000", "BAD_ACTION BAD_LEN");
	assert_refused(NULL, "0012 0000 00000000", "BAD_ACTION BAD_LEN");
	assert_refused(NULL, "0012 0010 00000000 0000000000000000", "BAD_ACTION BAD_LEN");
	assert_refused(NULL, "ffff 0008 00002320", "BAD_ACTION BAD_LEN");
	assert_refused(NULL, "0012 0008", "BAD_REQUEST BAD_LEN");
	assert_refused(NULL, NX16 "0007 001f 00010004", "BAD_ACTION BAD_LEN");
}

static void bad_ports_groups_and_types_are_refused(void **state)
{
	static const char *const ports[] = { "00000000", "00000065", "ffffff00", "fffffff7",
		"ffffffff" };
	char bytes[64];

	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		snprintf(bytes, sizeof(bytes), "0000 0010 %s 0000 000000000000", ports[i]);
		assert_refused(NULL, bytes, "BAD_ACTION BAD_OUT_PORT");
	}
	assert_accepted(NULL, "0000 0010 00000064 0000 000000000000");
	assert_accepted(NULL, "0016 0008 ffffff00");
	assert_refused(NULL, "0016 0008 ffffff01", "BAD_ACTION BAD_OUT_GROUP");
	assert_refused(NULL, "0011 0008 0800 0000", "BAD_ACTION BAD_ARGUMENT");
	assert_refused(NULL, "0013 0008 8100 0000", "BAD_ACTION BAD_ARGUMENT");
	assert_refused(NULL, "001a 0008 8100 0000", "BAD_ACTION BAD_ARGUMENT");
	assert_refused(NULL, NX16 "000e 0005 03 000001", "BAD_ACTION BAD_ARGUMENT");
}

static void bad_set_fields_are_refused(void **state)
{
	assert_refused(NULL, "0019 0010 80005001 00 00000000000000", "BAD_ACTION BAD_SET_TYPE");
	assert_refused(NULL, "0019 0010 80001802 0a00 000000000000", "BAD_ACTION BAD_SET_LEN");
	assert_refused(NULL, "0019 0008 80001804", "BAD_ACTION BAD_SET_LEN");
	assert_refused(NULL, "0019 0010 80000004 00000001 00000000", "BAD_ACTION BAD_SET_ARGUMENT");
	assert_refused(NULL, "0019 0010 80004e02 0004 000000000000", "BAD_ACTION BAD_SET_ARGUMENT");
	assert_accepted(NULL, SET_TYPE_IP);
	assert_refused(NULL, "0019 0010 80000c02 0064 000000000000", "BAD_ACTION BAD_SET_ARGUMENT");
	assert_refused(NULL, "0019 0010 80000c02 3064 000000000000", "BAD_ACTION BAD_SET_ARGUMENT");
	assert_refused(NULL, "0019 0010 80000e01 08 00000000000000", "BAD_ACTION BAD_SET_ARGUMENT");
	assert_refused(NULL, "0019 0010 80001001 40 00000000000000", "BAD_ACTION BAD_SET_ARGUMENT");
	assert_refused(NULL, "0019 0010 80001804 0a000001 00000001", "BAD_ACTION BAD_SET_ARGUMENT");
	assert_experimenter("0019 0010 80001908 0a000000 ff000000", 0x4f4e4600, 4250);
}

static void bad_loads_and_moves_are_refused(void **state)
{
	assert_refused(NULL, NX "0007 000f 00010004 0000000000010000", "BAD_ACTION BAD_ARGUMENT");
	assert_refused(NULL, NX "0007 041f 00010004 0000000000000000", "BAD_ACTION BAD_SET_LEN");
	assert_refused(
		NULL, NX "0007 0001 00013401 0000000000000001", "BAD_ACTION BAD_SET_ARGUMENT");
	assert_refused(NULL, NX "0007 000f 00ff0602 0000000000000800", "BAD_ACTION BAD_SET_TYPE");
	assert_refused(NULL, NX "0007 000f 00000802 0000000000000000", "BAD_ACTION BAD_SET_LEN");
	assert_refused(NULL, NX "0006 0000 0000 0000 00010004 00010204", "BAD_ACTION BAD_SET_LEN");
	assert_refused(NULL, NX "0006 0020 0001 0000 00010004 00010204", "BAD_ACTION BAD_SET_LEN");
	assert_refused(
		NULL, NX "0006 0002 0000 0000 00010004 00013401", "BAD_ACTION BAD_SET_ARGUMENT");
}

static void bad_conjunctions_are_refused(void **state)
{
	assert_experimenter(NX16 "0022 02 02 00000007", 0x2320, 15);
	assert_experimenter(NX16 "0022 00 01 00000007", 0x2320, 15);
	assert_experimenter(CONJUNCTION OUTPUT_2, 0x2320, 15);
	assert_accepted(NULL, CONJUNCTION NX16 "0008 000000000000");
}

static void action_that_the_match_does_not_bear_is_refused(void **state)
{
	static const struct {
		const char *match, *actions;
	} wrong[] = {
		{ "", SET_IP_DST },
		{ IP, SET_TCP_DST },
		{ IP, SET_LABEL },
		{ "", SET_VID },
		{ "80000c02 0000", SET_PCP },
		{ "", POP_VLAN },
		{ VLAN, POP_VLAN POP_VLAN },
		{ "", PUSH_VLAN POP_VLAN SET_PCP },
		{ "", DEC_TTL },
		{ IP, DEC_MPLS_TTL },
		{ IP, POP_MPLS_IP },
		{ IP, POP_PBB },
		{ IP, PUSH_MPLS DEC_TTL },
		{ IP, PUSH_MPLS SET_IP_DST },
		{ TCP, PUSH_MPLS POP_MPLS_IP SET_TCP_DST },
		{ IP, PUSH_PBB SET_IP_DST },
		{ IP, SET_TYPE_MPLS SET_IP_DST },
		{ TCP, SET_PROTO_UDP SET_TCP_DST },
		{ TCP, NX "0006 0008 0000 0000 00010004 00000c01" SET_TCP_DST },
		{ "", NX "0007 001f 00001004 0000000000000001" },
		{ "", NX "0006 0020 0000 0000 00000e04 00010004" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_refused(wrong[i].match, wrong[i].actions, "BAD_ACTION MATCH_INCONSISTENT");
}

static void headers_that_were_pushed_may_be_written(void **state)
{
	assert_accepted(IP, SET_IP_DST);
	assert_accepted(TCP, SET_TCP_DST);
	assert_accepted("", PUSH_VLAN SET_VID SET_PCP POP_VLAN);
	assert_accepted(VLAN, PUSH_VLAN POP_VLAN SET_VID POP_VLAN);
	assert_accepted(IP, PUSH_MPLS SET_LABEL DEC_MPLS_TTL POP_MPLS_IP SET_IP_DST);
	assert_accepted("", PUSH_PBB "0019 0010 80004a03 010203 0000000000");
	assert_accepted("", PUSH_PBB POP_PBB SET_IP_DST);
	assert_accepted(IP, PUSH_VLAN SET_IP_DST);
	assert_accepted("", SET_TYPE_IP SET_PROTO_TCP SET_TCP_DST);
	assert_accepted(IP, SET_TYPE_MPLS SET_LABEL);
}

static void copies_are_equal_and_their_own(void **state)
{
	static const char *const lists[] = { "", OUTPUT_2, SET_IP_DST, PUSH_VLAN, LEARN,
		NX16 "0008 010203040506", CONJUNCTION, NX16 "000e 0005 03 000000",
		NX "0006 0030 0000 0000 00000406 00000206", NX16 "0014 0080 0007 02 00", DEC_TTL,
		"0017 0008 40 000000", "0016 0008 00000007" };
	enum {
		N = sizeof(lists) / sizeof(*lists)
	};
	struct of_actions a[N], copy;

	for (int i = 0; i < N; i++)
		a[i] = actions_of(NULL, lists[i]);
	for (int i = 0; i < N; i++) {
		assert_int_equal(of_actions_copy(&a[i], &copy), 0);
		for (int j = 0; j < N; j++)
			assert_int_equal(of_actions_equal(&copy, &a[j]), i == j);
		of_actions_done(&copy);
	}
	for (int i = 0; i < N; i++)
		of_actions_done(&a[i]);
}

/* Instructions */

static int decode_in(const char *bytes, uint8_t table, const char *match,
	struct of_instructions *ret, struct of_err *err)
{
	struct of_action_limits limits = limits_of(match);
	struct hex h = hex(bytes);
	struct of_cursor c = { h.bytes, h.n };

	return of_instructions_decode(&c, table, &limits, ret, err);
}

static void assert_instructions(const char *bytes, const char *expected, const char *text)
{
	struct of_instructions in;
	struct of_buf out = { 0 };

	assert_int_equal(decode_in(bytes, 0, "", &in, NULL), 0);
	of_instructions_format(&in, &out);
	assert_text(&out, text);
	of_buf_done(&out);
	of_instructions_encode(&in, &out);
	assert_bytes(&out, expected);
	of_buf_done(&out);
	of_instructions_done(&in);
}

static void assert_in_refused(const char *bytes, const char *match, const char *why)
{
	struct of_instructions in;
	struct of_err err = { 0 };

	assert_int_equal(decode_in(bytes, 5, match, &in, &err), -EINVAL);
	assert_err(&err, why);
}

#define GOTO_9      "0001 0008 09 000000 "
#define METADATA    "0002 0018 00000000 0000000000000001 000000000000000f "
#define WRITE       "0003 0018 00000000 " OUTPUT_2
#define APPLY       "0004 0018 00000000 " OUTPUT_2
#define CLEAR       "0005 0008 00000000 "
#define METER_1     "0006 0008 00000001 "
#define EMPTY_APPLY "0004 0008 00000000 "

static void instructions_come_out_in_the_order_of_execution(void **state)
{
	assert_instructions(GOTO_9 METADATA WRITE CLEAR APPLY METER_1,
		METER_1 APPLY CLEAR WRITE METADATA GOTO_9,
		"meter:1,output:2,clear_actions,write_actions(output:2),"
		"write_metadata:0x1/0xf,goto_table:9");
	assert_instructions("", "", "drop");
	assert_instructions(EMPTY_APPLY, "", "drop");
	assert_instructions("0003 0008 00000000", "0003 0008 00000000", "write_actions(drop)");
}

static void bad_instructions_are_refused(void **state)
{
	assert_in_refused(APPLY APPLY, "", "BAD_INSTRUCTION DUP_INST");
	assert_in_refused("0007 0008 00000000", "", "BAD_INSTRUCTION UNKNOWN_INST");
	assert_in_refused("0000 0008 00000000", "", "BAD_INSTRUCTION UNKNOWN_INST");
	assert_in_refused("ffff 0008 00002320", "", "BAD_INSTRUCTION BAD_EXPERIMENTER");
	assert_in_refused("0001 0010 09 000000 0000000000000000", "", "BAD_INSTRUCTION BAD_LEN");
	assert_in_refused("0002 0008 00000000", "", "BAD_INSTRUCTION BAD_LEN");
	assert_in_refused("0004 0000 00000000", "", "BAD_INSTRUCTION BAD_LEN");
	assert_in_refused("0004 0010 00000000", "", "BAD_INSTRUCTION BAD_LEN");
	assert_in_refused("0004 0004", "", "BAD_INSTRUCTION BAD_LEN");
	assert_in_refused("0001 0008 05 000000", "", "BAD_INSTRUCTION BAD_TABLE_ID");
	assert_in_refused("0001 0008 fe 000000", "", "BAD_INSTRUCTION BAD_TABLE_ID");
	assert_in_refused("0006 0008 00000000", "", "METER_MOD_FAILED INVALID_METER");
	assert_in_refused("0006 0008 ffff0001", "", "METER_MOD_FAILED INVALID_METER");
	assert_in_refused("0004 0010 00000000 0001 0008 00000000", "", "BAD_ACTION BAD_TYPE");
}

static void action_set_takes_no_learn_note_or_conjunction(void **state)
{
	assert_in_refused("0003 0018 00000000" NX16 "0008 000000000000", "", "BAD_ACTION BAD_TYPE");
	assert_in_refused("0003 0018 00000000" CONJUNCTION, "", "BAD_ACTION BAD_TYPE");
	assert_in_refused(
		"0003 0018 00000000" NX16 "0013 0005 000a 0000", "", "BAD_ACTION BAD_TYPE");
}

static void conjunction_goes_with_no_other_instruction(void **state)
{
	struct of_instructions in;
	struct of_err err = { 0 };

	assert_int_equal(
		decode_in(GOTO_9 "0004 0018 00000000" CONJUNCTION, 0, "", &in, &err), -EINVAL);
	assert_int_equal(err.type, OF_ET_EXPERIMENTER);
}

/* The set is carried out in the standard's order, not the list's, and behind apply-actions. */
static void action_set_is_checked_by_its_own_order(void **state)
{
	struct of_instructions in;

	assert_int_equal(decode_in("0003 0020 00000000" SET_VID PUSH_VLAN, 0, "", &in, NULL), 0);
	of_instructions_done(&in);
	assert_int_equal(decode_in("0003 0018 00000000" SET_VID "0004 0010 00000000" PUSH_VLAN, 0,
				 "", &in, NULL),
		0);
	of_instructions_done(&in);
	assert_in_refused("0003 0018 00000000" SET_VID, "", "BAD_ACTION MATCH_INCONSISTENT");
	assert_in_refused("0004 0018 00000000" SET_IP_DST, "", "BAD_ACTION MATCH_INCONSISTENT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard_actions_survive_and_print),
		cmocka_unit_test(set_field_survives_and_prints),
		cmocka_unit_test(niciras_actions_survive_and_print),
		cmocka_unit_test(load_of_a_match_field_is_set_field_or_reg_load),
		cmocka_unit_test(niciras_ttl_is_the_standards),
		cmocka_unit_test(learn_survives_and_prints),
		cmocka_unit_test(learn_widens_a_whole_port),
		cmocka_unit_test(bad_learn_is_refused),
		cmocka_unit_test(unknown_actions_are_refused),
		cmocka_unit_test(bad_lengths_are_refused),
		cmocka_unit_test(bad_ports_groups_and_types_are_refused),
		cmocka_unit_test(bad_set_fields_are_refused),
		cmocka_unit_test(bad_loads_and_moves_are_refused),
		cmocka_unit_test(bad_conjunctions_are_refused),
		cmocka_unit_test(action_that_the_match_does_not_bear_is_refused),
		cmocka_unit_test(headers_that_were_pushed_may_be_written),
		cmocka_unit_test(copies_are_equal_and_their_own),
		cmocka_unit_test(instructions_come_out_in_the_order_of_execution),
		cmocka_unit_test(bad_instructions_are_refused),
		cmocka_unit_test(action_set_takes_no_learn_note_or_conjunction),
		cmocka_unit_test(conjunction_goes_with_no_other_instruction),
		cmocka_unit_test(action_set_is_checked_by_its_own_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
