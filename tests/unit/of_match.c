/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Matches on the wire and as text, and what flows keep of them.
 */
#include "unit.h"

#include <errno.h>

#include "of_hex.h"
#include "ofproto/match.h"

#define IP    "80000a02 0800 "
#define IPV6  "80000a02 86dd "
#define ARP   "80000a02 0806 "
#define TCP   IP "80001401 06 "
#define ICMP6 IPV6 "80001401 3a "
#define NS    ICMP6 "80003a01 87 "

static int decode(const char *oxm, struct of_match *ret, struct of_err *err)
{
	struct hex h = hex(oxm);

	return of_oxm_decode(h.bytes, h.n, ret, err);
}

static struct of_match match_of(const char *oxm)
{
	struct of_match match;
	struct of_err err = { 0 };

	if (decode(oxm, &match, &err) < 0)
		fail_msg("%s: %s", oxm, of_err_name(&err));
	return match;
}

static void assert_refused(const char *oxm, const char *why)
{
	struct of_match match = { .value.ip_ttl = 42 };
	struct of_err err = { 0 };

	assert_int_equal(decode(oxm, &match, &err), -EINVAL);
	assert_err(&err, why);
	assert_int_equal(match.value.ip_ttl, 42);
}

static void assert_prints(const char *oxm, const char *text)
{
	struct of_match match = match_of(oxm);
	struct of_buf out = { 0 };

	of_match_format(&match, &out);
	assert_text(&out, text);
	of_buf_done(&out);
}

static void assert_encodes(const char *oxm, const char *expected)
{
	struct of_match match = match_of(oxm);
	struct of_buf out = { 0 };

	of_oxm_encode(&match, &out);
	assert_bytes(&out, expected);
	of_buf_done(&out);
}

static struct of_minimatch *mini_of(const char *oxm)
{
	struct of_match match = match_of(oxm);
	struct of_minimatch *mini;

	assert_int_equal(of_minimatch_new(&match, &mini), 0);
	return mini;
}

/* Each field exactly, as 1.3's order has them: what goes in comes out. */
static void every_field_survives_decode_and_encode(void **state)
{
	static const char *const matches[] = {
		"80000004 00000001 80000204 00000002",
		"80000408 0102030405060708",
		"80000606 0a0b0c0d0e0f 80000806 020304050607",
		IP "80000c02 1064 80000e01 07",
		IP "80001001 3f 80001201 03 80001401 59 80001604 0a000001 80001804 0a000002",
		TCP "80001a02 1234 80001c02 0050",
		IP "80001401 11 80001e02 1234 80002002 0035",
		IP "80001401 84 80002202 1234 80002402 0035",
		IP "80001401 01 80002601 08 80002801 01",
		ARP "80002a02 0002 80002c04 0a000001 80002e04 0a000002 80003006 020000000001"
		    " 80003206 020000000002",
		IPV6 "80003410 20010db8000000000000000000000001"
		     " 80003610 20010db8000000000000000000000002 80003804 000fffff",
		ICMP6 "80003a01 80 80003c01 00",
		NS "80003e10 fe800000000000000000000000000001 80004006 020000000001",
		ICMP6 "80003a01 88 80003e10 fe800000000000000000000000000001 80004206 020000000001",
		"80000a02 8847 80004404 000fffff 80004601 07 80004801 01",
		"80000a02 88e7 80004a03 010203 80005201 01",
		"80004c08 0000000000000007",
		IPV6 "80004f04 0001 0001",
		TCP "ffff5406 4f4e4600 0012",
		"ffff5608 4f4e4600 00000003",
		IP "00013a01 40 00013401 01",
		"00014204 00000001 00014a04 00000002",
		"00010004 00000001 00011e04 0000000f",
	};

	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches); i++)
		assert_encodes(matches[i], matches[i]);
}

static void masked_fields_survive_decode_and_encode(void **state)
{
	static const char *const matches[] = {
		"80000510 0102030400000000 ffffffff00000000",
		"8000070c 010000000000 010000000000",
		"80000d04 1000 1000",
		IP "80001708 0a000000 ff000000 80001908 0a000000 ff00ff00",
		TCP "80001b04 1200 ff00",
		IPV6 "80003520 20010db8000000000000000000000000 ffffffff000000000000000000000000",
		IPV6 "80003908 00000001 0000000f",
		"80000a02 88e7 80004b06 010000 ff0000",
		TCP "ffff5508 4f4e4600 0002 0012",
		"00010108 00000001 0000ffff",
	};

	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches); i++)
		assert_encodes(matches[i], matches[i]);
}

static void all_ones_mask_is_exact_and_zero_mask_is_nothing(void **state)
{
	assert_encodes(IP "80001708 0a000001 ffffffff", IP "80001604 0a000001");
	assert_encodes("80000d04 1064 1fff", "80000c02 1064");
	assert_encodes("80000b04 0800 ffff", IP);
	assert_encodes(IP "80001708 00000000 00000000", IP);
	assert_encodes("80000b04 0000 0000", "");
}

static void fields_come_out_in_their_order(void **state)
{
	assert_encodes(IP "80000004 00000001 80000408 0000000000000001",
		"80000004 00000001 80000408 0000000000000001" IP);
}

static void unknown_field_is_refused(void **state)
{
	assert_refused("80005001 00", "BAD_MATCH BAD_FIELD"); /* 40: nobody's */
	assert_refused("00050001 00", "BAD_MATCH BAD_FIELD");
	assert_refused("ffff5406 12345678 0012", "BAD_MATCH BAD_FIELD");
}

static void field_that_is_cut_or_of_a_wrong_length_is_refused(void **state)
{
	assert_refused("80000004 000000", "BAD_MATCH BAD_LEN");
	assert_refused("8000", "BAD_MATCH BAD_LEN");
	assert_refused("80000002 0001", "BAD_MATCH BAD_LEN");
	assert_refused("80000c04 00001064", "BAD_MATCH BAD_LEN");
	assert_refused("80000d03 100000", "BAD_MATCH BAD_LEN");
	assert_refused("ffff5402 4f4e", "BAD_MATCH BAD_LEN");
}

static void bits_outside_the_mask_are_refused(void **state)
{
	assert_refused(IP "80001708 0a000001 ff000000", "BAD_MATCH BAD_WILDCARDS");
}

static void mask_where_the_field_takes_none_is_refused(void **state)
{
	assert_refused("80000b04 0800 0f00", "BAD_MATCH BAD_MASK");
	assert_refused("80000108 00000001 0000ffff", "BAD_MATCH BAD_MASK");
	assert_refused(IP "80001102 01 01", "BAD_MATCH BAD_MASK");
}

static void value_out_of_range_is_refused(void **state)
{
	assert_refused("80000c02 2064", "BAD_MATCH BAD_VALUE");
	assert_refused("80000c02 1064 80000e01 08", "BAD_MATCH BAD_VALUE");
	assert_refused(IP "80001001 40", "BAD_MATCH BAD_VALUE");
	assert_refused(IP "80001201 04", "BAD_MATCH BAD_VALUE");
	assert_refused(IPV6 "80003804 00100000", "BAD_MATCH BAD_VALUE");
	assert_refused("80000a02 8847 80004404 00100000", "BAD_MATCH BAD_VALUE");
	assert_refused("80000a02 8847 80004801 02", "BAD_MATCH BAD_VALUE");
	assert_refused("80000004 0000ff00", "BAD_MATCH BAD_VALUE");
}

static void match_without_prerequisite_is_refused(void **state)
{
	static const char *const matches[] = {
		"80000204 00000001",
		"80000e01 01",
		"80000c02 0000 80000e01 01",
		"80001001 01",
		"80001604 0a000001",
		IPV6 "80001604 0a000001",
		IP "80001a02 0050",
		IP "80001401 11 80001a02 0050",
		IP "80001401 3a 80003a01 87",
		ARP "80001401 06",
		IP "80002a02 0001",
		ICMP6 "80003e10 00000000000000000000000000000001",
		NS "80004206 020000000001",
		IP "80004404 00000001",
		IP "80004a03 000001",
		"80001a02 0050" TCP, /* behind it is too late */
		NS "80003c01 01 80004006 020000000001",
		NS "80004006 020000000001 80003c01 01",
	};

	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches); i++)
		assert_refused(matches[i], "BAD_MATCH BAD_PREREQ");
}

static void field_that_comes_twice_is_refused(void **state)
{
	assert_refused("80000004 00000001 80000004 00000001", "BAD_MATCH DUP_FIELD");
	assert_refused(TCP "80001a02 0001 00001202 0001", "BAD_MATCH DUP_FIELD");
	assert_refused("80000c02 1064 00000802 1064", "BAD_MATCH DUP_FIELD");
}

static void vlan_is_none_any_or_one(void **state)
{
	struct of_match none = match_of("80000c02 0000");
	struct of_match any = match_of("80000d04 1000 1000");

	assert_memory_equal(none.mask.vlan_vid, "\x1f\xff", 2);
	assert_memory_equal(none.value.vlan_vid, "\0\0", 2);
	assert_memory_equal(any.mask.vlan_vid, "\x10\0", 2);
	assert_prints("80000c02 0000", "vlan_tci=0x0000/0x1fff");
	assert_prints("80000d04 1000 1000", "vlan_tci=0x1000/0x1000");
	assert_prints("80000c02 100a 80000e01 03", "dl_vlan=10,dl_vlan_pcp=3");
	assert_prints("80000d04 1000 1000 80000e01 03", "dl_vlan_pcp=3");
	assert_prints("80000d04 1002 1002", "vlan_tci=0x1002/0x1002");
}

static void nxm_fields_of_another_cut_are_understood(void **state)
{
	assert_encodes("00000002 fffe", "80000004 fffffffe");
	assert_encodes("00000802 700a", "80000c02 100a 80000e01 03");
	assert_encodes("00000802 0000", "80000c02 0000");
	assert_encodes(IP "00000a01 fc", IP "80001001 3f");
	assert_refused("00000904 2000 2000", "BAD_MATCH BAD_MASK");
	assert_refused("00000904 e000 e000", "BAD_MATCH BAD_PREREQ");
	assert_refused(IP "00000a01 01", "BAD_MATCH BAD_VALUE");
}

static void match_prints_as_ovs_ofctl_does(void **state)
{
	assert_prints("", "");
	assert_prints(TCP "80000004 00000001 80001908 0a000000 ff000000",
		"tcp,in_port=1,nw_dst=10.0.0.0/8");
	assert_prints("80000004 fffffffe", "in_port=LOCAL");
	assert_prints("00010004 00000001 00010308 00000010 000000f0", "reg0=0x1,reg1=0x10/0xf0");
	assert_prints(IP "80001401 2f 80001001 01 80001201 02 00013a01 40",
		"ip,nw_proto=47,nw_tos=4,nw_ecn=2,nw_ttl=64");
	assert_prints(TCP "80001a02 0050 80001d04 1200 ff00 ffff5508 4f4e4600 0002 0012",
		"tcp,tp_src=80,tp_dst=0x1200/0xff00,tcp_flags=+syn-ack");
	assert_prints(TCP "ffff5406 4f4e4600 0012", "tcp,tcp_flags=syn|ack");
	assert_prints("80000606 0a0b0c0d0e0f 8000090c 010000000000 010000000000",
		"dl_src=01:00:00:00:00:00/01:00:00:00:00:00,dl_dst=0a:0b:0c:0d:0e:0f");
	assert_prints("80000a02 88cc", "dl_type=0x88cc");
	assert_prints(ARP "80002a02 0001 80002e04 0a000001 80003006 020000000001",
		"arp,arp_tpa=10.0.0.1,arp_op=1,arp_sha=02:00:00:00:00:01");
	assert_prints(NS "80003e10 fe800000000000000000000000000001 80004006 020000000001",
		"icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=02:00:00:00:00:01");
	assert_prints(IPV6 "80003520 20010db8000000000000000000000000"
			   " ffffffff000000000000000000000000 80003804 00000012",
		"ipv6,ipv6_src=2001:db8::/32,ipv6_label=0x00012");
	assert_prints(
		"80000a02 8847 80004404 00000005 80004801 01", "mpls,mpls_label=5,mpls_bos=1");
	assert_prints(IP "00013401 03", "ip,nw_frag=later");
	assert_prints("80000510 0000000000000001 0000000000000003", "metadata=0x1/0x3");
}

static void match_header_is_checked(void **state)
{
	static const struct {
		const char *bytes, *why;
	} wrong[] = {
		{ "0000 0004 00000000", "BAD_MATCH BAD_TYPE" },
		{ "0001 0003 00000000", "BAD_MATCH BAD_LEN" },
		{ "0001 0009 00000000", "BAD_MATCH BAD_LEN" },
		{ "0001", "BAD_MATCH BAD_LEN" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct hex h = hex(wrong[i].bytes);
		struct of_cursor c = { h.bytes, h.n };
		struct of_match match;
		struct of_err err;

		assert_int_equal(of_match_decode(&c, &match, &err), -EINVAL);
		assert_err(&err, wrong[i].why);
	}
}

static void match_is_padded_to_eight(void **state)
{
	const char *const bytes = "0001 000c 80000004 00000001 00000000";
	struct hex h = hex("0001000c 80000004 00000001 00000000 ff");
	struct of_cursor c = { h.bytes, h.n };
	struct of_match match;
	struct of_buf out = { 0 };

	assert_int_equal(of_match_decode(&c, &match, NULL), 0);
	assert_int_equal(c.left, 1);
	of_match_encode(&match, &out);
	assert_bytes(&out, bytes);
	of_buf_done(&out);
}

static void minimatch_keeps_the_match(void **state)
{
	struct of_match match = match_of(TCP "80001c02 0050 00011e04 0000000f"), back;
	struct of_minimatch *a = mini_of(TCP "80001c02 0050 00011e04 0000000f");
	struct of_minimatch *b = mini_of(TCP "80001c02 0051 00011e04 0000000f");

	of_minimatch_expand(a, &back);
	assert_memory_equal(&back, &match, sizeof(match));
	assert_true(of_minimatch_equal(a, a));
	assert_false(of_minimatch_equal(a, b));
	assert_int_not_equal(of_minimatch_hash(a), of_minimatch_hash(b));
	assert_true(of_minimatch_matches(a, &match.value));
	assert_false(of_minimatch_matches(b, &match.value));
	free(a);
	free(b);
}

static void wider_match_covers_the_narrower(void **state)
{
	struct of_minimatch *all = mini_of(""), *ip = mini_of(IP);
	struct of_minimatch *net = mini_of(IP "80001908 0a000000 ff000000");
	struct of_minimatch *host = mini_of(IP "80001804 0a000001");
	struct of_minimatch *other = mini_of(IP "80001804 0b000001");

	assert_true(of_minimatch_covers(all, host));
	assert_true(of_minimatch_covers(ip, net));
	assert_true(of_minimatch_covers(net, host));
	assert_true(of_minimatch_covers(host, host));
	assert_false(of_minimatch_covers(host, net));
	assert_false(of_minimatch_covers(net, other));
	assert_false(of_minimatch_covers(ip, all));
	free(all), free(ip), free(net), free(host), free(other);
}

static void matches_overlap_unless_they_disagree(void **state)
{
	struct of_minimatch *port = mini_of("80000004 00000001"), *tcp = mini_of(TCP);
	struct of_minimatch *net = mini_of(IP "80001908 0a000000 ff000000");
	struct of_minimatch *other = mini_of(IP "80001804 0b000001");
	struct of_minimatch *arp = mini_of(ARP);

	assert_true(of_minimatch_overlaps(port, tcp));
	assert_true(of_minimatch_overlaps(tcp, net));
	assert_true(of_minimatch_overlaps(tcp, other));
	assert_false(of_minimatch_overlaps(net, other));
	assert_false(of_minimatch_overlaps(arp, tcp));
	free(port), free(tcp), free(net), free(other), free(arp);
}

static void every_field_is_found_by_its_headers(void **state)
{
	for (int i = 0; i < OF_N_FIELDS; i++) {
		const struct of_field *f = of_field((enum of_field_id)i);

		assert_non_null(f->name);
		assert_true(f->header || f->nxm);
		if (f->header)
			assert_int_equal(of_field_by_header(f->header), i);
		if (f->nxm)
			assert_int_equal(of_field_by_header(f->nxm), i);
		assert_int_equal((f->header ? f->header : f->nxm) & 0xff, f->n_bytes);
		assert_true(f->n_bits <= 8 * f->n_bytes && f->n_bits + 8 > 8 * f->n_bytes - 8);
	}
	assert_int_equal(of_field_by_header(0x80000004u | 0x100), -1);
	assert_int_equal(of_field_by_header(0x80000108u), OF_FIELD_IN_PORT);
}

static void errors_have_the_standards_names(void **state)
{
	static const struct of_err last[] = {
		{ OF_ET_BAD_REQUEST, OF_BR_MULTIPART_BUFFER_OVERFLOW, 0 },
		{ OF_ET_BAD_ACTION, OF_BA_BAD_SET_ARGUMENT, 0 },
		{ OF_ET_METER_MOD_FAILED, OF_MM_OUT_OF_BANDS, 0 },
		{ OF_ET_GROUP_MOD_FAILED, OF_GM_EPERM, 0 },
	};
	struct of_err beyond = { OF_ET_TABLE_FEATURES_FAILED, OF_TF_EPERM + 1, 0 };

	assert_err(&last[0], "BAD_REQUEST MULTIPART_BUFFER_OVERFLOW");
	assert_err(&last[1], "BAD_ACTION BAD_SET_ARGUMENT");
	assert_err(&last[2], "METER_MOD_FAILED OUT_OF_BANDS");
	assert_err(&last[3], "GROUP_MOD_FAILED EPERM");
	assert_err(&beyond, "unknown error");
	beyond.type = 14;
	assert_err(&beyond, "unknown error");
}

static void cursor_gives_no_more_than_there_is(void **state)
{
	struct hex h = hex("0102030405");
	struct of_cursor c = { h.bytes, h.n };

	assert_int_equal(of_get_u32(of_take(&c, 4)), 0x01020304);
	assert_null(of_take(&c, 2));
	assert_int_equal(c.left, 1);
	assert_non_null(of_take(&c, 1));
	assert_null(of_take(&c, 1));
	assert_null(of_take(&c, SIZE_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_survives_decode_and_encode),
		cmocka_unit_test(masked_fields_survive_decode_and_encode),
		cmocka_unit_test(all_ones_mask_is_exact_and_zero_mask_is_nothing),
		cmocka_unit_test(fields_come_out_in_their_order),
		cmocka_unit_test(unknown_field_is_refused),
		cmocka_unit_test(field_that_is_cut_or_of_a_wrong_length_is_refused),
		cmocka_unit_test(bits_outside_the_mask_are_refused),
		cmocka_unit_test(mask_where_the_field_takes_none_is_refused),
		cmocka_unit_test(value_out_of_range_is_refused),
		cmocka_unit_test(match_without_prerequisite_is_refused),
		cmocka_unit_test(field_that_comes_twice_is_refused),
		cmocka_unit_test(vlan_is_none_any_or_one),
		cmocka_unit_test(nxm_fields_of_another_cut_are_understood),
		cmocka_unit_test(match_prints_as_ovs_ofctl_does),
		cmocka_unit_test(match_header_is_checked),
		cmocka_unit_test(match_is_padded_to_eight),
		cmocka_unit_test(minimatch_keeps_the_match),
		cmocka_unit_test(wider_match_covers_the_narrower),
		cmocka_unit_test(matches_overlap_unless_they_disagree),
		cmocka_unit_test(every_field_is_found_by_its_headers),
		cmocka_unit_test(errors_have_the_standards_names),
		cmocka_unit_test(cursor_gives_no_more_than_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
