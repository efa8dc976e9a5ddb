/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Headers pushed and popped, times to live and remarked DSCPs, and any sequence of changes at all.
 * Default values of new headers are those of OpenFlow 1.3.5, 5.12.1, table 8.
 */
#include "edit_by_hand.h"

static void insert(uint8_t *frame, uint32_t *len, uint32_t at, const char *hex)
{
	uint8_t bytes[64];
	uint32_t n = hex_bytes(hex, strlen(hex), bytes);

	memmove(frame + at + n, frame + at, *len - at);
	memcpy(frame + at, bytes, n);
	*len += n;
}

static void take_out(uint8_t *frame, uint32_t *len, uint32_t at, uint32_t n)
{
	memmove(frame + at, frame + at + n, *len - at - n);
	*len -= n;
}

static void pushed_tag_copies_the_outer_one(void **state)
{
	static const struct {
		const char *frame;
		uint16_t type;
		const char *tag;
	} rows[] = {
		{ "tcp", 0x8100, "81000000" },
		{ "tcp", 0x88a8, "88a80000" },
		{ "udp_in_vlan", 0x88a8, "88a86064" },
		{ "priority_tag", 0x8100, "8100e000" },
		{ "udp6_in_two_vlans", 0x8100, "8100200a" },
		{ "spanning_tree", 0x8100, "81000000" },
		{ "mpls", 0x8100, "81000000" },
		{ "pbb_in_btag", 0x88a8, "88a84009" },
		{ "addresses_alone", 0x8100, "81000000" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t want[MAX_FRAME];
		uint32_t len = golden_bytes(golden_named(rows[i].frame), want), n = len;
		struct bench b;

		bench_begin(&b, want, len);
		assert_true(dp_edit_push_vlan(&b.e, rows[i].type));
		insert(want, &len, 12, rows[i].tag);
		bench_is(&b, want, len, rows[i].frame);
		assert_true(dp_edit_pop_vlan(&b.e));
		take_out(want, &len, 12, 4);
		assert_int_equal(len, n);
		bench_is(&b, want, len, rows[i].frame);
		bench_end(&b);
	}
}

static void popped_tag_is_the_outer_one(void **state)
{
	uint8_t want[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("udp6_in_two_vlans"), want);
	struct bench b;

	bench_begin(&b, want, len);
	assert_true(dp_edit_pop_vlan(&b.e));
	take_out(want, &len, 12, 4);
	bench_is(&b, want, len, "outer");
	assert_int_equal(be16_at(b.key.vlan_vid), 0x1ffe);
	assert_true(dp_edit_pop_vlan(&b.e));
	take_out(want, &len, 12, 4);
	bench_is(&b, want, len, "inner");
	assert_int_equal(be16_at(b.key.vlan_vid), 0);
	assert_false(dp_edit_pop_vlan(&b.e));
	bench_is(&b, want, len, "none");
	bench_end(&b);
}

static void pushed_label_is_behind_tags_and_in_front_of_the_rest(void **state)
{
	static const struct {
		const char *frame;
		uint16_t type;
		uint8_t at; /* of the ethertype */
		const char *entry;
	} rows[] = {
		/* label 0, TC 0, bottom, IP's TTL */
		{ "tcp", 0x8847, 12, "00000140" },
		{ "icmp6_echo", 0x8848, 12, "0000013f" },
		{ "udp_in_vlan", 0x8847, 16, "00000140" },
		{ "udp6_in_two_vlans", 0x8847, 20, "0000013f" },
		/* no TTL to copy */
		{ "arp", 0x8847, 12, "00000100" },
		{ "pbb", 0x8847, 12, "00000100" },
		/* label, TC and TTL of the outer entry; not the bottom */
		{ "mpls", 0x8847, 12, "abcdea21" },
		{ "mpls_stack", 0x8847, 12, "00064209" },
		{ "mpls_in_vlan", 0x8848, 16, "000030ff" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t want[MAX_FRAME], was[MAX_FRAME];
		uint32_t len = golden_bytes(golden_named(rows[i].frame), want), n = len;
		uint16_t type = (uint16_t)be16_at(want + rows[i].at);
		struct bench b;

		memcpy(was, want, len);
		bench_begin(&b, want, len);
		assert_true(dp_edit_push_mpls(&b.e, rows[i].type));
		insert(want, &len, rows[i].at + 2u, rows[i].entry);
		want[rows[i].at] = (uint8_t)(rows[i].type >> 8);
		want[rows[i].at + 1] = (uint8_t)rows[i].type;
		bench_is(&b, want, len, rows[i].frame);
		assert_true(dp_edit_pop_mpls(&b.e, type));
		bench_is(&b, was, n, rows[i].frame);
		bench_end(&b);
	}
}

static void popped_label_leaves_the_type_that_is_said(void **state)
{
	uint8_t want[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("mpls_stack"), want);
	struct bench b;

	bench_begin(&b, want, len);
	assert_true(dp_edit_pop_mpls(&b.e, 0x8847));
	take_out(want, &len, 14, 4);
	hex_bytes("8847", 4, want + 12);
	bench_is(&b, want, len, "first");
	assert_int_equal(be16_at(b.key.mpls_label + 2), 16);
	assert_true(dp_edit_pop_mpls(&b.e, 0x86dd));
	take_out(want, &len, 14, 4);
	hex_bytes("86dd", 4, want + 12);
	bench_is(&b, want, len, "last");
	assert_int_equal(b.key.ip_proto, 17);
	assert_int_equal(b.e.layers.l4, 54);
	assert_false(dp_edit_pop_mpls(&b.e, 0x800));
	bench_is(&b, want, len, "none");
	bench_end(&b);
}

/* IEEE 802.3: the length counts LLC, SNAP and what is behind them. */
static void label_pushed_behind_snap_makes_the_frame_longer(void **state)
{
	uint8_t want[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("snap"), want);
	struct bench b;

	bench_begin(&b, want, len);
	assert_true(dp_edit_push_mpls(&b.e, 0x8847));
	insert(want, &len, 22, "00000140");
	hex_bytes("8847", 4, want + 20);
	want[13] = (uint8_t)(want[13] + 4);
	bench_is(&b, want, len, "push");
	assert_true(dp_edit_pop_mpls(&b.e, 0x0800));
	len = golden_bytes(golden_named("snap"), want);
	bench_is(&b, want, len, "pop");
	bench_end(&b);
}

static void frame_without_a_type_takes_no_label(void **state)
{
	static const char *const names[] = { "spanning_tree", "mpls_cut" };

	for (unsigned i = 0; i < 2; i++) {
		uint8_t want[MAX_FRAME];
		uint32_t len = golden_bytes(golden_named(names[i]), want);
		struct bench b;

		bench_begin(&b, want, len);
		assert_false(dp_edit_push_mpls(&b.e, 0x8847));
		bench_is(&b, want, len, names[i]);
		bench_end(&b);
	}
}

static void pushed_itag_is_in_front_of_the_whole_frame(void **state)
{
	static const struct {
		const char *frame, *header;
	} rows[] = {
		{ "tcp", "88e700000000" },
		{ "udp_in_vlan", "88e760000000" }, /* PCP of the tag */
		{ "pbb", "88e700123456" },         /* I-SID of the outer one */
		{ "pbb_in_btag", "88e740000064" },
		{ "arp", "88e700000000" },
		{ "spanning_tree", "88e700000000" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t want[MAX_FRAME], was[MAX_FRAME];
		uint32_t len = golden_bytes(golden_named(rows[i].frame), want), n = len;
		struct bench b;

		memcpy(was, want, len);
		bench_begin(&b, want, len);
		assert_true(dp_edit_push_pbb(&b.e, 0x88e7));
		insert(want, &len, 12, rows[i].header);
		insert(want, &len, 18, "020000000002020000000001");
		bench_is(&b, want, len, rows[i].frame);
		bench_set(&b, "eth_dst", "0a0b0c0d0e0f", NULL);
		assert_true(dp_edit_pop_pbb(&b.e));
		bench_is(&b, was, n, rows[i].frame);
		bench_end(&b);
	}
}

static void popped_itag_leaves_the_backbone_tag(void **state)
{
	uint8_t want[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("pbb_in_btag"), want);
	struct bench b;

	bench_begin(&b, want, len);
	assert_true(dp_edit_pop_pbb(&b.e));
	memcpy(want, want + 22, 12);
	take_out(want, &len, 16, 18);
	bench_is(&b, want, len, "pop");
	assert_int_equal(be16_at(b.key.vlan_vid), 0x1009);
	assert_int_equal(b.key.ip_proto, 6);
	assert_false(dp_edit_pop_pbb(&b.e));
	bench_end(&b);
}

static void cut_itag_is_not_popped(void **state)
{
	uint8_t want[MAX_FRAME];
	struct bench b;

	golden_bytes(golden_named("pbb"), want);
	for (uint32_t len = 14; len < 32; len++) {
		bench_begin(&b, want, len);
		assert_false(dp_edit_pop_pbb(&b.e));
		bench_is(&b, want, len, "pbb");
		bench_end(&b);
	}
	bench_begin(&b, want, 32);
	assert_true(dp_edit_pop_pbb(&b.e));
	assert_int_equal(b.e.len, 14);
	bench_end(&b);
}

static void push_without_room_changes_nothing(void **state)
{
	uint8_t want[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("mpls_in_vlan"), want);
	struct bench b;

	bench_begin(&b, want, len);
	for (unsigned i = 0; i < DP_EDIT_ROOM / 4; i++)
		assert_true(dp_edit_push_vlan(&b.e, 0x8100));
	len = bench_frame(&b, want);
	assert_int_equal(b.e.room, 0);
	assert_false(dp_edit_push_vlan(&b.e, 0x8100));
	assert_false(dp_edit_push_mpls(&b.e, 0x8847));
	assert_false(dp_edit_push_pbb(&b.e, 0x88e7));
	bench_is(&b, want, len, "full");
	bench_end(&b);
}

static void offload_notes_move_with_the_headers(void **state)
{
	struct bench b;

	bench_named(&b, "tcp");
	b.e.offloads = DP_OFFLOAD_CSUM | DP_OFFLOAD_TSO4;
	b.e.csum_start = 34;
	b.e.csum_offset = 16;
	b.e.l3_start = 14;
	b.e.hdr_len = 58;
	assert_true(dp_edit_push_vlan(&b.e, 0x8100));
	assert_true(dp_edit_push_mpls(&b.e, 0x8847));
	assert_true(dp_edit_push_pbb(&b.e, 0x88e7));
	assert_int_equal(b.e.csum_start, 60);
	assert_int_equal(b.e.csum_offset, 16);
	assert_int_equal(b.e.l3_start, 40);
	assert_int_equal(b.e.hdr_len, 84);
	assert_true(dp_edit_pop_pbb(&b.e));
	assert_true(dp_edit_pop_mpls(&b.e, 0x800));
	assert_true(dp_edit_pop_vlan(&b.e));
	assert_int_equal(b.e.csum_start, 34);
	assert_int_equal(b.e.l3_start, 14);
	assert_int_equal(b.e.hdr_len, 58);
	assert_int_equal(b.e.offloads, DP_OFFLOAD_CSUM | DP_OFFLOAD_TSO4);
	bench_end(&b);
}

static void checksum_in_a_header_that_is_popped_is_left_to_nobody(void **state)
{
	struct bench b;

	bench_named(&b, "pbb");
	b.e.offloads = DP_OFFLOAD_CSUM;
	b.e.csum_start = 20;
	b.e.csum_offset = 2;
	assert_true(dp_edit_pop_pbb(&b.e));
	assert_int_equal(b.e.offloads, 0);
	bench_end(&b);
}

static void ip_ttl_is_counted_down_to_one(void **state)
{
	static const char *const names[] = { "tcp", "udp6_in_two_vlans", "later_fragment" };

	for (unsigned i = 0; i < 3; i++) {
		uint8_t frame[MAX_FRAME], was[MAX_FRAME];
		struct bench b;

		bench_named(&b, names[i]);
		assert_true(dp_edit_set_ip_ttl(&b.e, 3));
		assert_int_equal(dp_edit_dec_ip_ttl(&b.e), DP_TTL_OK);
		assert_int_equal(dp_edit_dec_ip_ttl(&b.e), DP_TTL_OK);
		assert_int_equal(b.key.ip_ttl, 1);
		assert_true(frame_sums_hold(frame, bench_frame(&b, frame)));
		bench_frame(&b, was);
		assert_int_equal(dp_edit_dec_ip_ttl(&b.e), DP_TTL_EXPIRED);
		bench_is(&b, was, b.e.len, names[i]);
		dp_edit_set_ip_ttl(&b.e, 0);
		assert_int_equal(dp_edit_dec_ip_ttl(&b.e), DP_TTL_EXPIRED);
		bench_end(&b);
	}
}

static void mpls_ttl_is_counted_down_to_one(void **state)
{
	struct bench b;

	bench_named(&b, "mpls_in_vlan");
	assert_int_equal(dp_edit_dec_mpls_ttl(&b.e), DP_TTL_OK);
	assert_int_equal(b.e.head[21], 254);
	assert_true(dp_edit_set_mpls_ttl(&b.e, 2));
	assert_int_equal(dp_edit_dec_mpls_ttl(&b.e), DP_TTL_OK);
	assert_int_equal(dp_edit_dec_mpls_ttl(&b.e), DP_TTL_EXPIRED);
	assert_int_equal(b.e.head[21], 1);
	bench_check(&b, "mpls");
	bench_end(&b);
}

static void frame_without_the_header_has_no_ttl(void **state)
{
	static const char *const names[] = { "arp", "mpls_cut", "ihl_too_small", "chain_cut" };

	for (unsigned i = 0; i < 4; i++) {
		uint8_t was[MAX_FRAME];
		uint32_t len = golden_bytes(golden_named(names[i]), was);
		struct bench b;

		bench_begin(&b, was, len);
		assert_int_equal(dp_edit_dec_ip_ttl(&b.e), DP_TTL_NONE);
		assert_int_equal(dp_edit_dec_mpls_ttl(&b.e), DP_TTL_NONE);
		assert_false(dp_edit_set_ip_ttl(&b.e, 9));
		assert_false(dp_edit_set_mpls_ttl(&b.e, 9));
		assert_false(dp_edit_copy_ttl_in(&b.e));
		assert_false(dp_edit_copy_ttl_out(&b.e));
		assert_false(dp_edit_remark_dscp(&b.e, 1));
		bench_is(&b, was, len, names[i]);
		bench_end(&b);
	}
	/* IP beneath a label is not IP's. */
	struct bench b;

	bench_named(&b, "mpls");
	assert_int_equal(dp_edit_dec_ip_ttl(&b.e), DP_TTL_NONE);
	bench_end(&b);
}

/* "at" is the outer TTL's place, then the inner one's. */
static void ttl_is_copied_between_a_label_and_what_is_beneath(void **state)
{
	static const struct {
		const char *name;
		uint8_t out, in;
	} rows[] = { { "mpls", 17, 26 }, { "mpls_stack", 17, 21 }, { "mpls_in_vlan", 21, 30 } };

	for (unsigned i = 0; i < 3; i++) {
		uint8_t want[MAX_FRAME];
		uint32_t len = golden_bytes(golden_named(rows[i].name), want);
		struct bench b;

		bench_begin(&b, want, len);
		assert_true(dp_edit_copy_ttl_in(&b.e));
		want[rows[i].in] = want[rows[i].out];
		frame_put_sums(want, len);
		bench_is(&b, want, len, rows[i].name);
		assert_true(dp_edit_set_mpls_ttl(&b.e, 77));
		assert_true(dp_edit_copy_ttl_out(&b.e));
		bench_is(&b, want, len, rows[i].name);
		bench_end(&b);
	}
}

static void ttl_of_what_is_not_ip_is_not_copied(void **state)
{
	uint8_t was[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("mpls"), was);
	struct bench b;

	was[18] = 0x50; /* no such version */
	bench_begin(&b, was, len);
	assert_false(dp_edit_copy_ttl_in(&b.e));
	assert_false(dp_edit_copy_ttl_out(&b.e));
	bench_is(&b, was, len, "version");
	bench_end(&b);
	/* The stack ends with the frame. */
	was[16] &= 0xfe;
	bench_begin(&b, was, 21);
	assert_false(dp_edit_copy_ttl_in(&b.e));
	bench_is(&b, was, 21, "cut");
	bench_end(&b);
}

static void remarked_packet_may_be_dropped_sooner(void **state)
{
	static const struct {
		uint8_t dscp, levels, want;
	} rows[] = {
		{ 10, 1, 12 },
		{ 10, 2, 14 },
		{ 10, 3, 14 },
		{ 14, 1, 14 },
		{ 34, 1, 36 },
		{ 24, 1, 16 },
		{ 24, 2, 8 },
		{ 8, 3, 0 },
		{ 0, 1, 0 },
		{ 46, 1, 46 },
		{ 42, 1, 42 },
		{ 2, 1, 2 },
		{ 11, 1, 11 },
		{ 10, 0, 10 },
		{ 10, 255, 14 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t frame[MAX_FRAME];
		struct bench b;
		char dscp[3];

		snprintf(dscp, sizeof(dscp), "%02x", rows[i].dscp);
		bench_named(&b, i & 1 ? "tcp" : "icmp6_echo");
		bench_set(&b, "ip_dscp", dscp, NULL);
		assert_true(dp_edit_remark_dscp(&b.e, rows[i].levels));
		assert_int_equal(b.key.ip_dscp, rows[i].want);
		assert_true(frame_sums_hold(frame, bench_frame(&b, frame)));
		bench_check(&b, "remark");
		bench_end(&b);
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Set any field that does not say what follows it. */
static void random_set(struct dp_edit *e, uint32_t *seed)
{
	const struct key_field *f;
	uint8_t value[16], mask[16];

	do
		f = &key_fields[next_random(seed) % N_KEY_FIELDS];
	while (strcmp(f->name, "eth_type") == 0 || strcmp(f->name, "ip_proto") == 0 ||
		strcmp(f->name, "mpls_bos") == 0);
	for (unsigned i = 0; i < sizeof(value); i++) {
		value[i] = (uint8_t)next_random(seed);
		mask[i] = next_random(seed) & 1 ? 0xff : (uint8_t)next_random(seed);
	}
	dp_edit_set(e, f->offset, f->n_bytes, value, mask);
}

static uint16_t type_beneath(const struct dp_edit *e)
{
	if (e->layers.mpls == DP_NO_LAYER || !e->key->mpls_bos)
		return 0x8847;
	return e->head[e->layers.mpls + 4] >> 4 == 6 ? 0x86dd : 0x0800;
}

static void random_edit(struct dp_edit *e, uint32_t *seed)
{
	switch (next_random(seed) % 16) {
	case 0:
		dp_edit_push_vlan(e, next_random(seed) & 1 ? 0x8100 : 0x88a8);
		break;
	case 1:
		dp_edit_pop_vlan(e);
		break;
	case 2:
		/* What is beneath must be known again when the label is popped. */
		if (dp_key_has(e->key) & (DP_HAS_IPV4 | DP_HAS_IPV6 | DP_HAS_MPLS))
			dp_edit_push_mpls(e, 0x8847);
		break;
	case 3:
		dp_edit_pop_mpls(e, type_beneath(e));
		break;
	case 4:
		if (e->room > 40)
			dp_edit_push_pbb(e, 0x88e7);
		break;
	case 5:
		dp_edit_pop_pbb(e);
		break;
	case 6:
		dp_edit_copy_ttl_in(e);
		dp_edit_copy_ttl_out(e);
		break;
	case 7:
		dp_edit_dec_ip_ttl(e);
		dp_edit_dec_mpls_ttl(e);
		break;
	case 8:
		dp_edit_remark_dscp(e, next_random(seed) % 4);
		break;
	default:
		random_set(e, seed);
	}
}

static void any_changes_leave_checksums_right_and_the_key_true(void **state)
{
	uint32_t seed = 1;

	for (unsigned i = 0; i < N_GOLDEN * 40; i++) {
		const struct golden *g = &golden[i % N_GOLDEN];
		uint8_t frame[MAX_FRAME];
		struct bench b;

		if (!g->makes_sense)
			continue;
		bench_named(&b, g->name);
		for (unsigned k = 0; k < 40; k++) {
			random_edit(&b.e, &seed);
			bench_check(&b, g->name);
			if (!frame_sums_hold(frame, bench_frame(&b, frame)))
				fail_msg("%s, round %u, edit %u", g->name, i, k);
		}
		bench_end(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pushed_tag_copies_the_outer_one),
		cmocka_unit_test(popped_tag_is_the_outer_one),
		cmocka_unit_test(pushed_label_is_behind_tags_and_in_front_of_the_rest),
		cmocka_unit_test(popped_label_leaves_the_type_that_is_said),
		cmocka_unit_test(label_pushed_behind_snap_makes_the_frame_longer),
		cmocka_unit_test(frame_without_a_type_takes_no_label),
		cmocka_unit_test(pushed_itag_is_in_front_of_the_whole_frame),
		cmocka_unit_test(popped_itag_leaves_the_backbone_tag),
		cmocka_unit_test(cut_itag_is_not_popped),
		cmocka_unit_test(push_without_room_changes_nothing),
		cmocka_unit_test(offload_notes_move_with_the_headers),
		cmocka_unit_test(checksum_in_a_header_that_is_popped_is_left_to_nobody),
		cmocka_unit_test(ip_ttl_is_counted_down_to_one),
		cmocka_unit_test(mpls_ttl_is_counted_down_to_one),
		cmocka_unit_test(frame_without_the_header_has_no_ttl),
		cmocka_unit_test(ttl_is_copied_between_a_label_and_what_is_beneath),
		cmocka_unit_test(ttl_of_what_is_not_ip_is_not_copied),
		cmocka_unit_test(remarked_packet_may_be_dropped_sooner),
		cmocka_unit_test(any_changes_leave_checksums_right_and_the_key_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
