/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fields set in frames of each kind. The frame that must come out is the one that went in, with the
 * field's bytes changed by hand and all checksums computed from nothing.
 */
#include "checksum.h"
#include "edit_by_hand.h"

static const struct {
	const char *frame, *field, *value, *mask;
	uint8_t at;
	const char *bytes; /* what the frame then has there */
} sets[] = {
	{ "tcp", "eth_dst", "0a0b0c0d0e0f", NULL, 0, "0a0b0c0d0e0f" },
	{ "tcp", "eth_src", "0a0b0c0d0e0f", NULL, 6, "0a0b0c0d0e0f" },
	{ "tcp", "eth_src", "0a0b0c0d0e0f", "ff0000000001", 6, "0a0000000001" },
	{ "tcp", "ip_dscp", "3f", NULL, 15, "fe" },
	{ "tcp", "ip_dscp", "ff", NULL, 15, "fe" },
	{ "tcp", "ip_dscp", "3f", "01", 15, "2e" },
	{ "tcp", "ip_ecn", "01", NULL, 15, "29" },
	{ "tcp", "ip_ttl", "07", NULL, 22, "07" },
	{ "tcp", "ipv4_src", "0a141e28", NULL, 26, "0a141e28" },
	{ "tcp", "ipv4_src", "0a141e28", "00ff00ff", 26, "c0140a28" },
	{ "tcp", "ipv4_dst", "ffffffff", NULL, 30, "ffffffff" },
	{ "tcp", "l4_src", "0001", NULL, 34, "0001" },
	{ "tcp", "l4_dst", "ff00", "f00f", 36, "f1b0" },
	{ "tcp", "tcp_flags", "0fff", NULL, 46, "6fff" },
	{ "tcp_with_padding", "ipv4_src", "01020304", NULL, 26, "01020304" },
	{ "tcp_with_padding", "l4_src", "fffe", NULL, 34, "fffe" },
	{ "udp_in_vlan", "vlan_vid", "1123", NULL, 14, "6123" },
	{ "udp_in_vlan", "vlan_vid", "1fff", "100f", 14, "606f" },
	{ "udp_in_vlan", "vlan_pcp", "05", NULL, 14, "a064" },
	{ "udp_in_vlan", "ipv4_dst", "01020304", NULL, 34, "01020304" },
	{ "udp_in_vlan", "l4_dst", "0102", NULL, 40, "0102" },
	{ "udp_in_vlan", "ip_ttl", "00", NULL, 26, "00" },
	{ "udp_without_checksum", "ipv4_src", "01020304", NULL, 26, "01020304" },
	{ "udp_without_checksum", "l4_dst", "0102", NULL, 36, "0102" },
	{ "udp6_in_two_vlans", "vlan_vid", "1001", NULL, 14, "2001" },
	{ "udp6_in_two_vlans", "ip_dscp", "15", NULL, 22, "655abcde" },
	{ "udp6_in_two_vlans", "ip_ecn", "02", NULL, 22, "6baabcde" },
	{ "udp6_in_two_vlans", "ipv6_flabel", "000fedcb", NULL, 22, "6b9fedcb" },
	{ "udp6_in_two_vlans", "ipv6_flabel", "ffffffff", "00000ff0", 22, "6b9abffe" },
	{ "udp6_in_two_vlans", "ip_ttl", "01", NULL, 29, "01" },
	{ "udp6_in_two_vlans", "ipv6_src", "fd000000000000000000000000000007", NULL, 30,
		"fd000000000000000000000000000007" },
	{ "udp6_in_two_vlans", "ipv6_dst", "ffffffffffffffffffffffffffffffff",
		"000000000000000000000000000000ff", 46, "fe8000000000000000000000000200ff" },
	{ "udp6_in_two_vlans", "l4_src", "1234", NULL, 62, "1234" },
	{ "sctp", "l4_src", "1234", NULL, 34, "1234" },
	{ "sctp_longer_than_the_head", "l4_src", "1234", NULL, 34, "1234" },
	{ "sctp_longer_than_the_head", "l4_dst", "0000", NULL, 36, "0000" },
	{ "sctp_longer_than_the_head", "ipv4_src", "01020304", NULL, 26, "01020304" },
	{ "sctp_with_padding", "l4_dst", "1234", NULL, 36, "1234" },
	{ "sctp6_in_vlan", "l4_dst", "ffff", NULL, 60, "ffff" },
	{ "sctp6_in_vlan", "ipv6_dst", "fd000000000000000000000000000007", NULL, 42,
		"fd000000000000000000000000000007" },
	{ "icmp", "icmp_type", "08", NULL, 34, "0801" },
	{ "icmp", "icmp_code", "0d", NULL, 34, "030d" },
	{ "icmp", "ipv4_src", "01020304", NULL, 26, "01020304" },
	{ "icmp6_echo", "icmp_type", "81", NULL, 54, "8100" },
	{ "icmp6_echo", "icmp_code", "ff", "80", 54, "8080" },
	{ "icmp6_echo", "ipv6_src", "fd000000000000000000000000000007", NULL, 22,
		"fd000000000000000000000000000007" },
	{ "neighbour_solicitation", "nd_target", "fd000000000000000000000000000007", NULL, 62,
		"fd000000000000000000000000000007" },
	{ "neighbour_solicitation", "nd_sll", "0a0b0c0d0e0f", NULL, 80, "0a0b0c0d0e0f" },
	{ "neighbour_solicitation", "nd_sll", "000000000000", NULL, 80, "000000000000" },
	{ "neighbour_solicitation", "icmp_code", "01", NULL, 54, "8701" },
	{ "neighbour_solicitation", "icmp_type", "01", NULL, 54, "0100" },
	{ "neighbour_advertisement", "nd_tll", "0a0b0c0d0e0f", "0000000000ff", 80, "02aabbccdd0f" },
	{ "solicitation_with_code", "icmp_code", "00", NULL, 54, "8700" },
	{ "second_option_counts", "nd_sll", "0a0b0c0d0e0f", NULL, 88, "0a0b0c0d0e0f" },
	{ "arp", "arp_op", "0001", NULL, 20, "0001" },
	{ "arp", "arp_sha", "0a0b0c0d0e0f", NULL, 22, "0a0b0c0d0e0f" },
	{ "arp", "arp_spa", "01020304", NULL, 28, "01020304" },
	{ "arp", "arp_tha", "0a0b0c0d0e0f", NULL, 32, "0a0b0c0d0e0f" },
	{ "arp", "arp_tpa", "01020304", "ffff0000", 38, "01020002" },
	{ "rarp_in_vlan", "arp_tpa", "01020304", NULL, 42, "01020304" },
	{ "mpls", "mpls_label", "00012345", NULL, 14, "12345b21" },
	{ "mpls", "mpls_label", "ffffffff", "00000001", 14, "abcdfb21" },
	{ "mpls", "mpls_tc", "02", NULL, 14, "abcde521" },
	{ "mpls", "mpls_bos", "00", NULL, 14, "abcdea21" },
	{ "mpls_in_vlan", "mpls_tc", "07", NULL, 18, "00003fff" },
	{ "mpls_in_vlan", "vlan_vid", "1001", NULL, 14, "0001" },
	{ "pbb", "pbb_isid", "abcdef", NULL, 14, "68abcdef" },
	{ "pbb", "pbb_uca", "00", NULL, 14, "60123456" },
	{ "pbb_in_btag", "pbb_isid", "0000ff", "00000f", 18, "0000006f" },
	{ "pbb_in_btag", "eth_dst", "0a0b0c0d0e0f", NULL, 0, "0a0b0c0d0e0f" },
	{ "later_fragment", "ipv4_src", "01020304", NULL, 26, "01020304" },
	{ "later_fragment6", "ipv6_src", "fd000000000000000000000000000007", NULL, 22,
		"fd000000000000000000000000000007" },
	{ "whole_in_fragment_header", "ipv6_dst", "fd000000000000000000000000000007", NULL, 38,
		"fd000000000000000000000000000007" },
	{ "extension_headers", "ipv6_dst", "fd000000000000000000000000000007", NULL, 38,
		"fd000000000000000000000000000007" },
	{ "extension_headers", "l4_src", "0101", NULL, 94, "0101" },
	{ "route_left", "ipv6_dst", "fd000000000000000000000000000007", NULL, 38,
		"fd000000000000000000000000000007" },
	{ "route_left", "ipv6_src", "fd000000000000000000000000000007", NULL, 22,
		"fd000000000000000000000000000007" },
	{ "ipv4_options", "ip_dscp", "00", NULL, 15, "02" },
	{ "ipv4_options", "l4_src", "0101", NULL, 38, "0101" },
	{ "igmp", "ipv4_src", "01020304", NULL, 26, "01020304" },
	{ "snap", "ipv4_dst", "01020304", NULL, 38, "01020304" },
	{ "esp", "ipv6_src", "fd000000000000000000000000000007", NULL, 22,
		"fd000000000000000000000000000007" },
};

static void set_field_changes_its_bytes_and_the_checksums(void **state)
{
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		uint8_t want[MAX_FRAME];
		uint32_t len = golden_bytes(golden_named(sets[i].frame), want);
		struct bench b;
		char what[128];

		snprintf(what, sizeof(what), "%s %s=%s", sets[i].frame, sets[i].field,
			sets[i].value);
		bench_begin(&b, want, len);
		bench_set(&b, sets[i].field, sets[i].value, sets[i].mask);
		hex_bytes(sets[i].bytes, strlen(sets[i].bytes), want + sets[i].at);
		/* Of a label that is not the last one IP is not found. */
		if (strcmp(sets[i].field, "mpls_bos") != 0)
			frame_put_sums(want, len);
		bench_is(&b, want, len, what);
		bench_end(&b);
	}
}

static void field_that_the_frame_does_not_have_is_left_alone(void **state)
{
	static const struct {
		const char *frame, *field;
	} none[] = {
		{ "tcp", "vlan_vid" },
		{ "tcp", "vlan_pcp" },
		{ "tcp", "arp_op" },
		{ "tcp", "mpls_label" },
		{ "tcp", "mpls_tc" },
		{ "tcp", "mpls_bos" },
		{ "tcp", "pbb_isid" },
		{ "tcp", "ipv6_src" },
		{ "tcp", "ipv6_flabel" },
		{ "tcp", "nd_target" },
		{ "tcp", "nd_sll" },
		{ "tcp", "icmp_type" },
		{ "tcp", "icmp_code" },
		{ "tcp", "ip_frag" },
		{ "udp_in_vlan", "tcp_flags" },
		{ "icmp", "l4_src" },
		{ "icmp", "l4_dst" },
		{ "igmp", "l4_src" },
		{ "arp", "ip_ttl" },
		{ "arp", "ip_dscp" },
		{ "arp_of_another_network", "arp_spa" },
		{ "later_fragment", "l4_src" },
		{ "later_fragment6", "l4_dst" },
		{ "icmp6_echo", "nd_target" },
		{ "neighbour_solicitation", "nd_tll" },
		{ "neighbour_solicitation_without_options", "nd_sll" },
		{ "neighbour_advertisement", "nd_sll" },
		{ "udp6_in_two_vlans", "ipv6_exthdr" },
		{ "udp6_in_two_vlans", "ipv4_src" },
		{ "mpls", "ipv4_src" },
		{ "mpls", "ip_ttl" },
		{ "pbb", "ipv4_src" },
		{ "spanning_tree", "eth_type" },
		{ "tcp_cut", "l4_src" },
		{ "total_length_beyond_the_frame", "ipv4_src" },
		{ "chain_cut", "ipv6_src" },
		{ "chain_cut", "ip_proto" },
		{ "chain_longer_than_the_head", "ipv6_src" },
		{ "mpls_cut", "mpls_label" },
		{ "vlan_cut", "vlan_vid" },
	};

	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		const struct key_field *f = key_field_named(none[i].field, strlen(none[i].field));
		uint8_t was[MAX_FRAME], value[16], mask[16];
		uint32_t len = golden_bytes(golden_named(none[i].frame), was);
		struct bench b;

		memset(value, 0x11, sizeof(value));
		memset(mask, 0xff, sizeof(mask));
		bench_begin(&b, was, len);
		dp_edit_set(&b.e, f->offset, f->n_bytes, value, mask);
		bench_is(&b, was, len, none[i].field);
		bench_end(&b);
	}
}

static void field_that_is_not_of_the_frame_changes_in_the_key_alone(void **state)
{
	static const uint8_t value[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t mask[8] = { 0xff, 0, 0xff, 0, 0, 0, 0, 0xf0 };
	static const uint8_t want[8] = { 1, 0, 3, 0, 0, 0, 0, 0 };
	uint8_t was[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("tcp"), was);
	struct bench b;

	bench_begin(&b, was, len);
	dp_edit_set(&b.e, offsetof(struct sh_flow_key, metadata), 8, value, mask);
	dp_edit_set(&b.e, offsetof(struct sh_flow_key, regs[2]), 8, value, mask);
	dp_edit_set(&b.e, offsetof(struct sh_flow_key, regs[15]), 4, value, mask);
	dp_edit_set(&b.e, offsetof(struct sh_flow_key, tunnel_id), 8, value, mask);
	assert_memory_equal(b.key.metadata, want, 8);
	assert_memory_equal(b.key.regs[2], want, 8);
	assert_memory_equal(b.key.regs[15], want, 4);
	assert_memory_equal(b.key.tunnel_id, want, 8);
	bench_is(&b, was, len, "tcp");
	bench_end(&b);
}

/* The type of a message decides what its other fields are. */
static void icmp_type_that_makes_a_solicitation_shows_its_target(void **state)
{
	struct bench b;

	bench_named(&b, "solicitation_with_code");
	assert_int_equal(b.key.nd_target[0], 0);
	bench_set(&b, "icmp_code", "00", NULL);
	assert_int_equal(b.key.nd_target[0], 0xfe);
	bench_end(&b);
}

static void protocol_that_is_set_is_in_the_old_one_s_checksum(void **state)
{
	static const struct {
		const char *frame;
		uint8_t at, l4_sum; /* of the protocol, and of the checksum; 0: that has no part */
	} rows[] = {
		{ "tcp", 23, 50 },
		{ "udp_in_vlan", 27, 44 },
		{ "udp6_in_two_vlans", 28, 68 },
		{ "extension_headers", 86, 110 },
		{ "icmp6_echo", 20, 56 },
		{ "icmp", 23, 0 },
		{ "sctp", 23, 0 },
		{ "udp_without_checksum", 23, 0 },
		{ "later_fragment", 23, 0 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t want[MAX_FRAME], *sum = want + rows[i].l4_sum;
		uint32_t len = golden_bytes(golden_named(rows[i].frame), want);
		struct plain_l4 l4;
		struct bench b;

		bench_begin(&b, want, len);
		bench_set(&b, "ip_proto", "fd", NULL);
		want[rows[i].at] = 0xfd;
		frame_put_sums(want, len);
		if (rows[i].l4_sum) {
			const uint8_t *ip = want + find_ip(want, len);

			assert_true(*ip >> 4 == 4 ? find_l4_of_ipv4(ip, &l4)
						  : find_l4_of_ipv6(ip, &l4));
			memset(sum, 0, 2);
			put_sum(sum, plain_sum(pseudo_sum(&l4), l4.at, l4.n));
		}
		bench_is(&b, want, len, rows[i].frame);
		bench_end(&b);
	}
}

static void ethertype_can_be_set(void **state)
{
	uint8_t want[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("tcp"), want);
	struct bench b;

	bench_begin(&b, want, len);
	bench_set(&b, "eth_type", "8848", NULL);
	hex_bytes("8848", 4, want + 12);
	bench_is(&b, want, len, "eth_type");
	assert_int_equal(b.e.layers.mpls, 14);
	bench_end(&b);
}

/* RFC 768, and the two zeros of one's complement. */
static void udp_checksum_is_right_for_every_port(void **state)
{
	uint8_t want[MAX_FRAME], frame[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("udp_in_vlan"), want);
	unsigned n_ffff = 0;
	struct bench b;

	bench_begin(&b, want, len);
	for (unsigned port = 0; port < 0x10000; port++) {
		uint8_t value[2] = { (uint8_t)(port >> 8), (uint8_t)port };
		static const uint8_t mask[2] = { 0xff, 0xff };

		dp_edit_set(&b.e, offsetof(struct sh_flow_key, l4_src), 2, value, mask);
		memcpy(want + 38, value, 2);
		frame_put_sums(want, len);
		bench_frame(&b, frame);
		assert_memory_equal(frame, want, 64);
		n_ffff += be16_at(want + 44) == 0xffff;
	}
	assert_int_equal(n_ffff, 1);
	bench_end(&b);
}

/* A datagram's checksum is in its first fragment, and only a whole one can be summed up. */
static void address_of_a_first_fragment_changes_the_datagrams_checksum(void **state)
{
	uint8_t whole[MAX_FRAME], frame[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("udp_in_vlan"), whole);
	struct bench b;

	memcpy(frame, whole, len);
	frame[24] = 0x20;                 /* more fragments */
	hex_bytes("0054", 4, frame + 20); /* 64 bytes behind the header */
	memset(frame + 28, 0, 2);
	put_sum(frame + 28, plain_sum(0, frame + 18, 20));
	bench_begin(&b, frame, 38 + 64);
	bench_set(&b, "ipv4_src", "01020304", NULL);
	bench_set(&b, "l4_dst", "7777", NULL);
	hex_bytes("01020304", 8, whole + 30);
	hex_bytes("7777", 4, whole + 40);
	frame_put_sums(whole, len);
	bench_frame(&b, frame);
	assert_memory_equal(frame + 38, whole + 38, 64);
	bench_end(&b);
}

static void crc_of_a_change_is_the_change_of_the_crc(void **state)
{
	static uint8_t bytes[65536], is[4] = { 0x12, 0x34, 0x56, 0x78 };
	static const uint32_t places[] = { 0, 1, 2, 255, 4096, 32768, 65000, 65532 };
	uint8_t was[4];
	uint32_t before;

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * i >> 3);
	before = plain_crc32c(bytes, sizeof(bytes));
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		uint32_t at = places[i], change;

		memcpy(was, bytes + at, 4);
		change = dp_crc32c_change(was, is, 4, (uint32_t)sizeof(bytes) - at - 4);
		memcpy(bytes + at, is, 4);
		assert_int_equal(before ^ change, plain_crc32c(bytes, sizeof(bytes)));
		memcpy(bytes + at, was, 4);
	}
}

/* 0 would take one of the two zeros for the other. */
static void growth_of_a_sum_is_never_zero(void **state)
{
	static const uint8_t was[4] = { 0x12, 0x34, 0xab, 0xcd },
			     is[4] = { 0xab, 0xcd, 0x12, 0x34 };

	assert_int_equal(dp_sum_growth(was, was, 4, false), 0xffff);
	assert_int_equal(dp_sum_growth(was, is, 4, false), 0xffff);
	assert_int_equal(dp_sum_growth(was, is, 2, false), 0xabcd - 0x1234);
	assert_int_equal(dp_sum_growth(was, is, 1, true), 0xab - 0x12);
	assert_int_equal(dp_sum_growth(is, was, 2, false), 0xffff - (0xabcd - 0x1234));
}

/* A frame whose sender left the checksum to whoever sends it out. */
static uint32_t leave_checksum(struct bench *b, const char *name, uint32_t l4_at, uint32_t offset)
{
	uint8_t frame[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named(name), frame), ip = find_ip(frame, len), sum;
	struct plain_l4 l4;

	if (frame[ip] >> 4 == 6)
		find_l4_of_ipv6(frame + ip, &l4);
	else
		find_l4_of_ipv4(frame + ip, &l4);
	assert_ptr_equal(l4.at, frame + l4_at);
	sum = l4.proto == 1 ? 0 : pseudo_sum(&l4);
	put_sum(frame + l4_at + offset, ~sum);
	bench_begin(b, frame, len);
	b->e.offloads = DP_OFFLOAD_CSUM;
	b->e.csum_start = (uint16_t)l4_at;
	b->e.csum_offset = (uint16_t)offset;
	return sum;
}

/* Do what was left, and compare with one who did it first. */
static void check_left_checksum(struct bench *b, const char *what)
{
	uint8_t frame[MAX_FRAME], *l4 = frame + b->e.csum_start;
	uint32_t len = bench_frame(b, frame), ip = find_ip(frame, len);
	uint32_t end =
		ip + (frame[ip] >> 4 == 6 ? 40 + be16_at(frame + ip + 4) : be16_at(frame + ip + 2));
	uint32_t sum = plain_sum(0, l4, end - b->e.csum_start);

	put_sum(l4 + b->e.csum_offset, sum);
	if (!frame_sums_hold(frame, len))
		fail_msg("%s", what);
	bench_check(b, what);
}

static void checksum_left_to_be_done_follows_addresses_alone(void **state)
{
	static const struct {
		const char *name;
		uint8_t at, offset;
		const char *port, *address;
	} left[] = {
		{ "tcp", 34, 16, "l4_src", "ipv4_src" },
		{ "udp_in_vlan", 38, 6, "l4_dst", "ipv4_dst" },
		{ "udp6_in_two_vlans", 62, 6, "l4_src", "ipv6_dst" },
		{ "extension_headers", 94, 16, "l4_src", "ipv6_src" },
		{ "route_left", 78, 6, "l4_src", "ipv6_dst" },
		{ "icmp6_echo", 54, 2, "icmp_type", "ipv6_src" },
		{ "icmp", 34, 2, "icmp_code", "ipv4_src" },
	};

	for (unsigned i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		const char *name = left[i].name;
		struct bench b;
		uint8_t was[2], *sum;

		leave_checksum(&b, name, left[i].at, left[i].offset);
		sum = b.e.head + left[i].at + left[i].offset;
		memcpy(was, sum, 2);
		bench_set(&b, left[i].port, left[i].port[0] == 'i' ? "81" : "7777", NULL);
		assert_memory_equal(sum, was, 2);
		check_left_checksum(&b, name);
		if (left[i].address[3] == '4')
			bench_set(&b, left[i].address, "aabbccdd", NULL);
		else
			bench_set(&b, left[i].address, "fd000000000000000000000000000007", NULL);
		check_left_checksum(&b, name);
		assert_true(dp_edit_push_vlan(&b.e, 0x8100));
		assert_true(dp_edit_push_pbb(&b.e, 0x88e7));
		assert_int_equal(b.e.csum_start, left[i].at + 22);
		check_left_checksum(&b, name);
		bench_end(&b);
	}
}

/* A guest's own tunnel leaves the inner checksum; the outer one is as it is on the wire. */
static void checksum_left_of_an_inner_header_is_not_the_outer_one(void **state)
{
	uint8_t want[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("udp_in_vlan"), want);
	struct bench b;

	bench_begin(&b, want, len);
	b.e.offloads = DP_OFFLOAD_CSUM;
	b.e.csum_start = 80;
	b.e.csum_offset = 16;
	bench_set(&b, "ipv4_src", "01020304", NULL);
	bench_set(&b, "l4_src", "7777", NULL);
	hex_bytes("01020304", 8, want + 30);
	hex_bytes("7777", 4, want + 38);
	frame_put_sums(want, len);
	bench_is(&b, want, len, "tunnel");
	bench_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_field_changes_its_bytes_and_the_checksums),
		cmocka_unit_test(field_that_the_frame_does_not_have_is_left_alone),
		cmocka_unit_test(field_that_is_not_of_the_frame_changes_in_the_key_alone),
		cmocka_unit_test(icmp_type_that_makes_a_solicitation_shows_its_target),
		cmocka_unit_test(protocol_that_is_set_is_in_the_old_one_s_checksum),
		cmocka_unit_test(ethertype_can_be_set),
		cmocka_unit_test(udp_checksum_is_right_for_every_port),
		cmocka_unit_test(address_of_a_first_fragment_changes_the_datagrams_checksum),
		cmocka_unit_test(crc_of_a_change_is_the_change_of_the_crc),
		cmocka_unit_test(growth_of_a_sum_is_never_zero),
		cmocka_unit_test(checksum_left_to_be_done_follows_addresses_alone),
		cmocka_unit_test(checksum_left_of_an_inner_header_is_not_the_outer_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
