/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Flows as text: every word of ovs-ofctl's is read, what is printed is read as what it was, and a
 * mistake is named.
 */
#include "unit.h"

#include <errno.h>

#include "of_hex.h"
#include "ofproto/text.h"

static int port_by_name(void *ctx, const char *name, uint32_t *ret)
{
	*ret = 5;
	return strcmp(name, "web1") == 0 ? 0 : -ENOENT;
}

static const struct of_text_names names = { .port = port_by_name, .max_port = 1000 };

static struct of_flow_mod flow_of(const char *text, enum of_flow_command command)
{
	struct of_flow_mod mod;
	struct sh_err err;

	if (of_flow_parse(text, command, &names, &mod, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return mod;
}

/* The match and the instructions of a flow as they are printed. */
static void assert_flow(const char *text, const char *match, const char *actions)
{
	struct of_flow_mod mod = flow_of(text, OF_FC_ADD);
	struct of_buf m = { 0 }, a = { 0 };

	of_match_format(&mod.match, &m);
	of_instructions_format(&mod.instructions, &a);
	assert_text(&m, match);
	assert_text(&a, actions);
	of_buf_done(&m);
	of_buf_done(&a);
	of_instructions_done(&mod.instructions);
}

static void assert_match(const char *text, const char *printed)
{
	struct of_match match, again;
	struct sh_err err;
	struct of_buf out = { 0 };

	if (of_match_parse(text, &names, &match, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	of_match_format(&match, &out);
	assert_text(&out, printed);
	of_buf_put_u8(&out, '\0');
	assert_int_equal(of_match_parse((char *)out.data, &names, &again, &err), 0);
	assert_memory_equal(&match, &again, sizeof(match));
	of_buf_done(&out);
}

/* Actions of a flow whose match is `match`; printed, they are read as the same. */
static void assert_does(const char *match, const char *actions, const char *printed)
{
	char text[512];

	snprintf(text, sizeof(text), "%s actions=%s", match, actions);
	assert_flow(text, match, printed);
	snprintf(text, sizeof(text), "%s actions=%s", match, printed);
	assert_flow(text, match, printed);
}

static void assert_wrong(enum of_flow_command command, const char *text, const char *sentence)
{
	struct of_flow_mod mod;
	struct sh_err err = { "" };

	assert_int_equal(of_flow_parse(text, command, &names, &mod, &err), -EINVAL);
	assert_string_equal(err.text, sentence);
}

static void every_protocol_has_its_word(void **state)
{
	static const char *const words[] = { "ip", "icmp", "tcp", "udp", "sctp", "ipv6", "icmp6",
		"tcp6", "udp6", "sctp6", "arp", "rarp", "mpls", "mplsm" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		assert_match(words[i], words[i]);
	assert_match("dl_type=0x800,nw_proto=6", "tcp");
	assert_match("ip,nw_proto=6", "tcp");
	assert_match("dl_type=0x88b5", "dl_type=0x88b5");
	assert_match("", "");
}

static void every_field_is_read_and_printed(void **state)
{
	/* clang-format off */
	static const char *const same[] = {
		"in_port=3", "in_port=LOCAL", "in_port=3,in_phy_port=4", "metadata=0x5/0xff",
		"tun_id=0x7", "pkt_mark=0x1/0x3", "conj_id=5", "actset_output=3",
		"reg0=0x5", "reg15=0x1/0xffff", "reg3=0",
		"dl_src=02:00:00:00:00:01", "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00",
		"dl_vlan=100", "dl_vlan=100,dl_vlan_pcp=3", "dl_vlan_pcp=3",
		"vlan_tci=0x1000/0x1000", "vlan_tci=0x0000/0x1fff", "vlan_tci=0x1005/0x100f",
		"vlan_tci=0xb005/0xf00f",
		"ip,nw_src=10.0.0.0/8,nw_dst=10.0.0.1", "ip,nw_src=10.0.0.1/255.0.0.255",
		"ip,nw_tos=40,nw_ecn=2,nw_ttl=64", "ip,nw_proto=47", "ip,nw_frag=later",
		"ip,nw_frag=not_later", "ip,nw_frag=yes", "ip,nw_frag=no", "ip,nw_frag=first",
		"tcp,tp_src=80,tp_dst=0x50/0xfff0", "udp,tp_dst=53", "sctp,tp_src=1", "tcp6,tp_dst=80",
		"tcp,tcp_flags=+syn-ack", "tcp,tcp_flags=syn|ack", "tcp,tcp_flags=0",
		"icmp,icmp_type=8,icmp_code=0", "icmp6,icmp_type=128",
		"icmp6,icmp_type=135,icmp_code=0,nd_target=fe80::1,nd_sll=02:00:00:00:00:01",
		"icmp6,icmp_type=136,nd_tll=02:00:00:00:00:01",
		"arp,arp_spa=10.0.0.1,arp_tpa=10.0.0.0/24,arp_op=1,arp_sha=02:00:00:00:00:01,"
		"arp_tha=02:00:00:00:00:02",
		"ipv6,ipv6_src=2001:db8::/32,ipv6_dst=::1,ipv6_label=0x00005",
		"ipv6,ipv6_label=0x00005/0x0000f", "ipv6,ipv6_exthdr=0x1/0x3",
		"ipv6,ipv6_src=2001::1/ffff::1",
		"mpls,mpls_label=77,mpls_tc=3,mpls_bos=1", "dl_type=0x88e7,pbb_isid=0x7,pbb_uca=1",
	};
	/* clang-format on */

	for (unsigned i = 0; i < sizeof(same) / sizeof(*same); i++)
		assert_match(same[i], same[i]);
}

static void a_field_has_many_names(void **state)
{
	assert_match("eth_src=02:00:00:00:00:01", "dl_src=02:00:00:00:00:01");
	assert_match("eth_type=0x0800,ip_proto=17,udp_src=5", "udp,tp_src=5");
	assert_match("arp,nw_src=10.0.0.1,nw_proto=2", "arp,arp_spa=10.0.0.1,arp_op=2");
	assert_match("icmp,tp_src=8,tp_dst=0", "icmp,icmp_type=8,icmp_code=0");
	assert_match("icmp6,icmpv6_type=128", "icmp6,icmp_type=128");
	assert_match("ip,ip_src=10.0.0.1,ip_dscp=10", "ip,nw_src=10.0.0.1,nw_tos=40");
	assert_match("vlan_vid=0x1064,vlan_pcp=3", "dl_vlan=100,dl_vlan_pcp=3");
	assert_match("vlan_tci=0", "vlan_tci=0x0000/0x1fff");
	assert_match("dl_vlan=0xffff", "vlan_tci=0x0000/0x1fff");
	assert_match("in_port=web1", "in_port=5");
	assert_match("in_port=\"web1\"", "in_port=5");
	assert_match("in_port=65534", "in_port=LOCAL");
	assert_match("tcp,nw_src=*", "tcp");
}

static void the_order_of_words_does_not_matter(void **state)
{
	assert_match("tp_dst=80,nw_dst=10.0.0.1,tcp,in_port=1",
		"tcp,in_port=1,nw_dst=10.0.0.1,tp_dst=80");
	assert_match("nd_target=::1,icmp_type=135,icmp6", "icmp6,icmp_type=135,nd_target=::1");
	assert_match("dl_vlan_pcp=3,dl_vlan=5", "dl_vlan=5,dl_vlan_pcp=3");
	assert_match(" tcp  tp_dst=80\t", "tcp,tp_dst=80");
}

static void a_flow_has_settings_beside_its_match(void **state)
{
	struct of_flow_mod mod = flow_of(
		"table=3,priority=7,cookie=0x55,idle_timeout=10,hard_timeout=20,send_flow_rem,"
		"check_overlap,reset_counts,duration=3.5s,n_packets=4,n_bytes=5,tcp actions=drop",
		OF_FC_ADD);

	assert_int_equal(mod.table, 3);
	assert_int_equal(mod.priority, 7);
	assert_int_equal(mod.cookie, 0x55);
	assert_int_equal(mod.cookie_mask, 0);
	assert_int_equal(mod.idle_timeout_s, 10);
	assert_int_equal(mod.hard_timeout_s, 20);
	assert_int_equal(mod.flags, OF_FF_SEND_FLOW_REM | OF_FF_CHECK_OVERLAP | OF_FF_RESET_COUNTS);
	assert_int_equal(mod.buffer_id, OF_NO_BUFFER);
	mod = flow_of("actions=drop", OF_FC_ADD);
	assert_int_equal(mod.priority, 0x8000);
	assert_int_equal(mod.table, 0);
}

static void flows_to_delete_are_named_by_what_they_have(void **state)
{
	struct of_flow_mod mod = flow_of("", OF_FC_DELETE);

	assert_int_equal(mod.table, OF_TABLE_ALL);
	assert_int_equal(mod.out_port, OF_PORT_ANY);
	assert_int_equal(mod.out_group, OF_GROUP_ANY);
	mod = flow_of("table=1,cookie=0x10/0xf0,out_port=web1,out_group=4", OF_FC_DELETE);
	assert_int_equal(mod.table, 1);
	assert_int_equal(mod.cookie, 0x10);
	assert_int_equal(mod.cookie_mask, 0xf0);
	assert_int_equal(mod.out_port, 5);
	assert_int_equal(mod.out_group, 4);
	mod = flow_of("priority=9,tcp", OF_FC_DELETE_STRICT);
	assert_int_equal(mod.priority, 9);
	assert_int_equal(mod.table, 0);
}

static void every_action_is_read_and_printed(void **state)
{
	/* clang-format off */
	static const char *const same[][2] = {
		{ "", "output:2" }, { "", "NORMAL" }, { "", "FLOOD" }, { "", "ALL" }, { "", "IN_PORT" },
		{ "", "LOCAL" }, { "", "CONTROLLER:128" }, { "", "drop" }, { "", "output:2,output:3" },
		{ "", "controller(reason=no_match,max_len=9,id=3)" }, { "", "controller(id=3)" },
		{ "", "group:7" }, { "", "set_queue:3" }, { "", "TABLE" },
		{ "", "set_field:02:00:00:00:00:01->eth_src" }, { "", "set_field:0x5->reg1" },
		{ "", "set_field:0x7->metadata" }, { "tcp", "set_field:10.0.0.1->ip_dst" },
		{ "tcp", "set_field:80->tcp_dst" }, { "ipv6", "set_field:::1->ipv6_src" },
		{ "ip", "set_field:10->ip_dscp" }, { "ip", "set_field:5->nw_ttl" },
		{ "dl_vlan=5", "set_field:4196->vlan_vid" }, { "arp", "set_field:2->arp_op" },
		{ "", "load:0x5->NXM_NX_REG0[]" }, { "", "load:0x1->NXM_NX_REG0[3]" },
		{ "", "load:0xff->NXM_OF_ETH_SRC[8..15]" }, { "dl_vlan=5", "load:0x1->NXM_OF_VLAN_TCI[0..11]" },
		{ "", "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]" },
		{ "", "move:NXM_NX_REG0[0..15]->NXM_NX_REG1[16..31]" },
		{ "", "push_vlan:0x8100" }, { "dl_vlan=5", "pop_vlan" }, { "", "push_mpls:0x8847" },
		{ "mpls", "pop_mpls:0x0800" }, { "", "push_pbb:0x88e7" }, { "dl_type=0x88e7", "pop_pbb" },
		{ "ip", "dec_ttl" }, { "ip", "mod_nw_ttl:3" }, { "mpls", "dec_mpls_ttl" },
		{ "mpls", "set_mpls_ttl(3)" }, { "mpls", "copy_ttl_out" }, { "mpls", "copy_ttl_in" },
		{ "", "resubmit(,5)" }, { "", "resubmit(2,5)" }, { "", "resubmit:2" },
		{ "", "output:NXM_NX_REG0[]" }, { "", "output:NXM_NX_REG3[4..19]" },
		{ "", "conjunction(5,1/3)" }, { "", "note:00.11.22.33.44.55" },
		{ "", "learn(table=1,idle_timeout=5,priority=9,send_flow_rem,cookie=0x7,"
		      "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],NXM_OF_ETH_SRC[],load:0x5->NXM_NX_REG0[],"
		      "load:NXM_NX_REG1[]->NXM_NX_REG2[],output:NXM_OF_IN_PORT[])" },
		{ "", "learn(table=2,eth_type=0x800,nw_proto=6,load:0x1->NXM_NX_REG0[0..3])" },
		{ "", "learn(table=2,fin_idle_timeout=3,fin_hard_timeout=9,eth_type=0x800,nw_proto=6)" },
		{ "tcp", "fin_timeout(idle_timeout=5,hard_timeout=10)" },
		{ "tcp6", "fin_timeout(hard_timeout=10),output:2" }, { "tcp", "fin_timeout()" },
		{ "", "set_queue:3,output:2,pop_queue" },
		{ "", "goto_table:3" }, { "", "write_metadata:0x5" }, { "", "write_metadata:0x5/0xff" },
		{ "", "clear_actions" }, { "", "meter:3" }, { "", "write_actions(output:2,group:3)" },
		{ "", "write_actions(drop)" },
		{ "tcp", "meter:1,dec_ttl,output:2,clear_actions,write_actions(set_field:1->tcp_src),"
			 "write_metadata:0x1,goto_table:9" },
	};
	/* clang-format on */

	for (unsigned i = 0; i < sizeof(same) / sizeof(*same); i++)
		assert_does(same[i][0], same[i][1], same[i][1]);
}

static void an_action_has_more_than_one_form(void **state)
{
	assert_does("", "2", "output:2");
	assert_does("", "web1", "output:5");
	assert_does("", "output:web1,normal", "output:5,NORMAL");
	assert_does("", "controller", "CONTROLLER:65535");
	assert_does("", "controller:9", "CONTROLLER:9");
	assert_does("", "controller(max_len=9)", "CONTROLLER:9");
	assert_does("", "output:controller", "CONTROLLER:65535");
	assert_does("", "apply_actions(output:2,output:3)", "output:2,output:3");
	assert_does("", "mod_dl_src:02:00:00:00:00:01", "set_field:02:00:00:00:00:01->eth_src");
	assert_does("tcp", "mod_nw_dst:10.0.0.1", "set_field:10.0.0.1->ip_dst");
	assert_does("tcp", "mod_tp_dst:80", "set_field:80->tcp_dst");
	assert_does("udp6", "mod_tp_src:80", "set_field:80->udp_src");
	assert_does(
		"ip", "mod_nw_tos:40,mod_nw_ecn:1", "set_field:10->ip_dscp,set_field:1->nw_ecn");
	assert_does("", "mod_vlan_vid:5", "push_vlan:0x8100,set_field:4101->vlan_vid");
	assert_does("dl_vlan=9", "mod_vlan_vid:5", "set_field:4101->vlan_vid");
	assert_does("dl_vlan=9", "strip_vlan", "pop_vlan");
	assert_does("mpls", "set_mpls_label:5,set_mpls_tc:1",
		"set_field:5->mpls_label,set_field:1->mpls_tc");
	assert_does("", "set_field:0x5/0xf->reg0", "load:0x5->NXM_NX_REG0[0..3]");
	assert_does("", "load:5->reg0[0..3]", "load:0x5->NXM_NX_REG0[0..3]");
	assert_does("", "push_pbb", "push_pbb:0x88e7");
	assert_flow("ip6,actions=dec_ttl(1, 2)", "ipv6", "dec_ttl");
	assert_does("", "enqueue:web1:2", "set_queue:2,output:5,pop_queue");
	assert_does("", "enqueue(3,7)", "set_queue:7,output:3,pop_queue");
	assert_does("", "goto_table:4,output:2", "output:2,goto_table:4");
	assert_flow("actions=", "", "drop");
}

static void a_push_makes_room_for_what_follows(void **state)
{
	assert_does("tcp", "push_vlan:0x8100,set_field:4101->vlan_vid,pop_vlan,dec_ttl",
		"push_vlan:0x8100,set_field:4101->vlan_vid,pop_vlan,dec_ttl");
	assert_wrong(OF_FC_ADD, "tcp actions=push_mpls:0x8847,dec_ttl",
		"dec_ttl: the match must say 'ip' or 'ipv6' too");
}

/* A flow to add, and what is said about it. */
/* clang-format off */
static const char *const mistakes[][2] = {
	{ "tcp", "actions are missing: 'actions=...'" },
	{ "foo=1 actions=drop", "'foo' is no field" },
	{ "nw_src=10.0.0.1 actions=drop", "nw_src: the match must say 'ip' or 'arp' too" },
	{ "tcp,tp_dst=99999 actions=drop",
	  "tp_dst: '99999' is not allowed: a number that fits the field, with a mask behind /" },
	{ "tcp,nw_src=10.0.0.300 actions=drop",
	  "nw_src: '10.0.0.300' is not allowed: an IPv4 address, with a prefix or mask behind /" },
	{ "tcp,nw_src=10.0.0.0/33 actions=drop",
	  "nw_src: '10.0.0.0/33' is not allowed: an IPv4 address, with a prefix or mask behind /" },
	{ "dl_src=1:2:3 actions=drop",
	  "dl_src: '1:2:3' is not allowed: a MAC address, with a mask behind /" },
	{ "tcp,udp actions=drop", "udp: the match names another protocol" },
	{ "tcp,tcp actions=drop,foo", "'foo' beside 'drop': it is the only action or none" },
	{ "in_port=1,in_port=2 actions=drop", "in_port: the match says that already" },
	{ "in_port=web2 actions=drop", "in_port: no such port 'web2'" },
	{ "in_port=1001 actions=drop", "in_port: there is no port 1001: the highest is 1000" },
	{ "in_port actions=drop", "in_port: a value is missing" },
	{ "ip,nw_proto=6/1 actions=drop", "nw_proto takes no mask" },
	{ "nw_tos=3,ip actions=drop",
	  "nw_tos: '3' is not allowed: a multiple of 4; nw_ecn is for the two bits below" },
	{ "dl_vlan=4096 actions=drop",
	  "dl_vlan: '4096' is not allowed: 0 to 4095, or 0xffff for no tag" },
	{ "dl_vlan=0xffff,dl_vlan_pcp=1 actions=drop",
	  "dl_vlan_pcp: the match must say 'dl_vlan' too" },
	{ "dl_vlan_pcp=1,dl_vlan=0xffff actions=drop",
	  "dl_vlan_pcp: the match must say 'dl_vlan' too" },
	{ "priority=65536 actions=drop",
	  "priority: '65536' is not allowed: a number from 0 to 65535" },
	{ "table=254 actions=drop", "table: '254' is not allowed: a number from 0 to 253" },
	{ "out_port=1 actions=drop", "out_port says what to delete" },
	{ "cookie=1/1 actions=drop", "cookie: a flow that is added has no mask" },
	{ "actions=foo", "'foo' is no action and no port" },
	{ "actions=output:web2", "output: no such port 'web2'" },
	{ "actions=output:1001", "output: there is no port 1001: the highest is 1000" },
	{ "actions=output(2", "'output(2': the parentheses do not match" },
	{ "actions=output:2)", "'output:2)': the parentheses do not match" },
	{ "actions=output:2,drop", "'drop' beside other actions" },
	{ "actions=drop,goto_table:3", "'drop' beside other instructions" },
	{ "actions=dec_ttl", "dec_ttl: the match must say 'ip' or 'ipv6' too" },
	{ "actions=set_field:5->tcp_dst", "set_field: the match must say 'tcp' too" },
	{ "actions=set_field:5->foo", "set_field: 'foo' is no field" },
	{ "actions=set_field:5", "set_field: '5' is not allowed: VALUE->FIELD" },
	{ "tcp actions=set_field:1->ip_frag", "set_field: 'ip_frag' cannot be written" },
	{ "actions=load:5->NXM_NX_REG99[]", "load: 'NXM_NX_REG99' is no field" },
	{ "actions=load:5->NXM_NX_REG0[0..1]",
	  "load: '5' is not allowed: BAD_ACTION BAD_ARGUMENT" },
	{ "actions=load:5->NXM_NX_REG0[30..32]", "load: 'NXM_NX_REG0[30..32]' is not allowed: "
	  "a field with bits as NXM_NX_REG0[0..15] or reg0[3]" },
	{ "actions=move:reg0[]->NXM_OF_ETH_SRC[]",
	  "move: 'reg0[]' has 32 bits and 'NXM_OF_ETH_SRC[]' has 48" },
	{ "actions=push_vlan:0x800",
	  "push_vlan: '0x800' is not allowed: BAD_ACTION BAD_ARGUMENT" },
	{ "actions=pop_vlan:3", "pop_vlan: '3' is not allowed: nothing" },
	{ "table=3 actions=goto_table:3", "goto_table: table 3 is not behind the flow's own, 3" },
	{ "actions=meter:0", "meter: '0' is not allowed: meters begin at 1" },
	{ "actions=clear_actions,clear_actions", "clear_actions is said twice" },
	{ "actions=resubmit()", "resubmit: a port or a table is missing" },
	{ "actions=conjunction(1,4/3)",
	  "conjunction: clause 4 of 3 is not allowed: 1 to N of 2 to 64" },
	{ "actions=conjunction(1,1/3),output:2",
	  "the actions together are not allowed: EXPERIMENTER" },
	{ "actions=enqueue:1", "enqueue: '1' is not allowed: PORT:QUEUE" },
	{ "ip,actions=dec_ttl(x)", "dec_ttl: 'x' is not allowed: ids of controllers, or nothing" },
	{ "actions=note:0", "note: '0' is not allowed: pairs of hexadecimal digits" },
	{ "actions=controller(foo=1)",
	  "controller: 'foo' is not allowed: reason, max_len or id" },
	{ "actions=write_actions(note:00)",
	  "note: '00' is not allowed: BAD_ACTION BAD_TYPE" },
	{ "tcp,actions=fin_timeout(timeout=5)",
	  "fin_timeout: 'timeout' is not allowed: idle_timeout or hard_timeout" },
	{ "tcp,actions=fin_timeout(idle_timeout=70000)",
	  "idle_timeout: '70000' is not allowed: a number from 0 to 65535" },
	{ "ip,actions=fin_timeout(idle_timeout=5)", "fin_timeout: the match must say 'tcp' too" },
	{ "actions=learn(foo[]=1)", "foo[]: 'foo' is no field" },
	{ "actions=learn(load:NXM_NX_REG0[]->NXM_OF_ETH_SRC[])",
	  "load: learn copies 32 bits to 48" },
};
/* clang-format on */

static void a_mistake_is_named(void **state)
{
	for (unsigned i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++)
		assert_wrong(OF_FC_ADD, mistakes[i][0], mistakes[i][1]);
	assert_wrong(OF_FC_DELETE, "priority=1",
		"priority names one flow: it is for a strict command alone");
	assert_wrong(OF_FC_DELETE, "tcp actions=drop",
		"actions: a flow that is deleted is named without them");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_protocol_has_its_word),
		cmocka_unit_test(every_field_is_read_and_printed),
		cmocka_unit_test(a_field_has_many_names),
		cmocka_unit_test(the_order_of_words_does_not_matter),
		cmocka_unit_test(a_flow_has_settings_beside_its_match),
		cmocka_unit_test(flows_to_delete_are_named_by_what_they_have),
		cmocka_unit_test(every_action_is_read_and_printed),
		cmocka_unit_test(an_action_has_more_than_one_form),
		cmocka_unit_test(a_push_makes_room_for_what_follows),
		cmocka_unit_test(a_mistake_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
