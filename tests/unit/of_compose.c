/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Frames that matches make: the dataplane reads each as a frame that its match hits.
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "ofproto/compose.h"
#include "ofproto/text.h"

static struct of_match match_of(const char *text)
{
	struct of_match match;
	struct sh_err err;

	if (of_match_parse(text, NULL, &match, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return match;
}

static void assert_hits_its_frame(const char *text)
{
	struct of_match match = match_of(text);
	struct of_minimatch *mini;
	struct of_buf frame = { 0 };
	struct sh_flow_key key = { 0 };
	struct dp_layers layers;
	struct sh_err err = { "" };

	assert_int_equal(of_frame_compose(&match, &frame, &err), 0);
	assert_true(frame.len >= 60);
	if (!dp_parse(frame.data, (uint32_t)frame.len, (uint32_t)frame.len, &key, &layers))
		fail_msg("%s: a header of its frame is cut or makes no sense", text);
	assert_int_equal(of_minimatch_new(&match, &mini), 0);
	if (!of_minimatch_matches(mini, &key))
		fail_msg("%s: its frame is another", text);
	free(mini);
	of_buf_done(&frame);
}

static void a_match_hits_the_frame_that_is_made_of_it(void **state)
{
	static const char *const matches[] = { "",
		"dl_dst=ff:ff:ff:ff:ff:ff,dl_src=02:00:00:00:00:09", "dl_type=0x88b5",
		"dl_type=0x05ff", "dl_vlan=100,dl_vlan_pcp=5", "dl_vlan=7,tcp", "ip",
		"ip,nw_proto=47",
		"ip,nw_src=10.0.0.0/8,nw_dst=11.1.1.1,nw_tos=40,nw_ecn=1,nw_ttl=9",
		"tcp,tp_dst=80,tcp_flags=+syn-ack", "udp,tp_src=53", "sctp,tp_src=7",
		"icmp,icmp_type=0", "ip,nw_frag=later", "udp,nw_frag=first", "udp,nw_frag=no",
		"arp,arp_op=2,arp_spa=1.2.3.4", "arp,arp_tha=02:00:00:00:00:09", "rarp",
		"ipv6,ipv6_label=0x12345,nw_tos=40,nw_ttl=3", "tcp6,ipv6_dst=2001:db8::/32",
		"udp6,tp_dst=9", "sctp6,tp_dst=7", "udp6,nw_frag=first", "ipv6,nw_frag=later",
		"icmp6,icmp_type=128",
		"icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=02:00:00:00:00:01",
		"icmp6,icmp_type=136,nd_target=fe80::1,nd_tll=02:00:00:00:00:01",
		"mpls,mpls_label=5,mpls_tc=3,mpls_bos=1", "mpls,mpls_bos=0", "mplsm",
		"dl_type=0x88e7,pbb_isid=0x777,pbb_uca=1" };

	for (unsigned i = 0; i < sizeof(matches) / sizeof(*matches); i++)
		assert_hits_its_frame(matches[i]);
}

static void what_is_in_no_frame_is_named(void **state)
{
	static const char *const fields[] = { "metadata", "reg7", "tun_id", "pkt_mark", "conj_id" };
	struct of_buf frame = { 0 };

	for (unsigned i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct of_match match;
		struct sh_err err = { "" };
		char text[64];

		snprintf(text, sizeof(text), "%s=1", fields[i]);
		match = match_of(text);
		assert_int_equal(of_frame_compose(&match, &frame, &err), -EINVAL);
		snprintf(text, sizeof(text), "%s: no frame can be made that has it", fields[i]);
		assert_string_equal(err.text, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_match_hits_the_frame_that_is_made_of_it),
		cmocka_unit_test(what_is_in_no_frame_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
