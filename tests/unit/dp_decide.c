/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The deciding half on a small switch made by hand: what becomes of single frames under each
 * policy. Ports 0 to 3 are access ports of VLAN 100 unless a test says otherwise.
 */
#include "snapshot_by_hand.h"
#include "unit.h"

#define LAST_BYTE_A 0x0a
#define LAST_BYTE_B 0x0b

struct bench {
	struct hand *h;
	uint8_t bytes[64];
	struct dp_frame frame;
	struct dp_verdict v;
	struct dp_output outs[HAND_PORTS];
	unsigned n_outs;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->h = hand_new();
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	hand_free(b->h);
	free(b);
	return 0;
}

static void set_addresses(struct bench *b, uint8_t dst, uint8_t src)
{
	static const uint8_t base[6] = { 2, 0, 0, 0, 0, 0 };

	memcpy(b->bytes, base, 6);
	memcpy(b->bytes + 6, base, 6);
	b->bytes[5] = dst;
	b->bytes[11] = src;
	b->bytes[12] = 0x08;
	b->bytes[13] = 0x00;
	b->frame = (struct dp_frame){
		.head = b->bytes, .n_head = sizeof(b->bytes), .len = sizeof(b->bytes)
	};
}

static void set_tag(struct bench *b, uint16_t tci)
{
	b->bytes[12] = 0x81;
	b->bytes[13] = 0x00;
	b->bytes[14] = (uint8_t)(tci >> 8);
	b->bytes[15] = (uint8_t)tci;
}

static void broadcast(struct bench *b)
{
	memset(b->bytes, 0xff, 6);
}

static void learned(
	struct bench *b, uint8_t last_byte, uint16_t vlan, uint16_t port, uint16_t flags)
{
	const uint8_t mac[8] = { 2, 0, 0, 0, 0, last_byte };

	assert_int_equal(dp_fdb_put(b->h->bridge.fdb, dp_fdb_key(mac, vlan), port, flags, 0), 0);
}

static void decide(struct bench *b, unsigned in)
{
	b->h->ctx.in = &b->h->store[in];
	dp_decide_burst(&b->h->ctx, &b->frame, 1, &b->v);
	b->n_outs = 0;
	if (b->v.kind == DP_VERDICT_MANY)
		b->n_outs = dp_decide_outputs(&b->h->ctx, &b->frame, &b->v, b->outs);
}

static void assert_dropped(const struct bench *b, enum dp_drop reason, uint16_t port)
{
	assert_int_equal(b->v.kind, DP_VERDICT_DROP);
	assert_string_equal(dp_drop_infos[b->v.drop].name, dp_drop_infos[reason].name);
	assert_int_equal(b->v.port, port);
}

static void unknown_destination_is_flooded_to_all_but_the_sender_and_learned(void **state)
{
	struct bench *b = *state;

	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	decide(b, 1);
	assert_true(b->v.learn);
	assert_int_equal(b->n_outs, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_not_equal(b->outs[i].port, 1);
}

static void known_destination_goes_to_its_port_and_refreshes_the_source(void **state)
{
	struct bench *b = *state;
	struct dp_fdb_hit hit;

	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	learned(b, LAST_BYTE_A, 100, 0, 0);
	learned(b, LAST_BYTE_B, 100, 2, 0);
	b->h->ctx.now_s = 77;
	decide(b, 0);
	assert_int_equal(b->v.kind, DP_VERDICT_ONE);
	assert_int_equal(b->v.port, 2);
	assert_int_equal(b->v.tag_op, DP_TAG_KEEP);
	assert_false(b->v.learn);
	dp_fdb_find(
		b->h->bridge.fdb, b->v.src_key, dp_fdb_hash(b->h->bridge.fdb, b->v.src_key), &hit);
	assert_int_equal(hit.seen, 77);
}

static void destination_on_the_sending_port_is_not_reflected(void **state)
{
	struct bench *b = *state;

	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	learned(b, LAST_BYTE_B, 100, 0, 0);
	decide(b, 0);
	assert_dropped(b, DP_DROP_SAME_PORT, 0);
}

static void flooding_stays_inside_the_vlan(void **state)
{
	struct bench *b = *state;

	b->h->store[2].vlan.vlan = 200;
	set_addresses(b, 0, LAST_BYTE_A);
	broadcast(b);
	decide(b, 0);
	assert_int_equal(b->n_outs, 2);
	assert_int_equal(b->outs[0].port, 1);
	assert_int_equal(b->outs[1].port, 3);
}

static void access_frame_gets_its_tag_on_a_trunk_with_the_priority_it_came_with(void **state)
{
	struct bench *b = *state;

	b->h->store[1].vlan.mode = DP_VLAN_TRUNK;
	dp_vlan_set_parse("all", b->h->store[1].vlan.trunk);
	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	learned(b, LAST_BYTE_B, 100, 1, 0);
	decide(b, 0);
	assert_int_equal(b->v.tag_op, DP_TAG_PUSH);
	assert_int_equal(b->v.out_tci, 100);
	set_tag(b, 0xa000);
	decide(b, 0);
	assert_int_equal(b->v.tag_op, DP_TAG_SET);
	assert_int_equal(b->v.out_tci, 0xa064);
}

static void tagged_frame_on_an_access_port_is_dropped(void **state)
{
	struct bench *b = *state;

	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	set_tag(b, 100);
	decide(b, 0);
	assert_dropped(b, DP_DROP_VLAN_INGRESS, 0);
}

static void provider_tag_is_opaque(void **state)
{
	struct bench *b = *state;

	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	set_tag(b, 30);
	b->bytes[12] = 0x88;
	b->bytes[13] = 0xa8;
	decide(b, 0);
	assert_int_equal(b->v.kind, DP_VERDICT_MANY);
	assert_false(b->v.tagged);
	assert_int_equal(b->v.vlan, 100);
}

static void short_frames_and_cut_tags_are_runts(void **state)
{
	struct bench *b = *state;

	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	set_tag(b, 0);
	for (uint32_t len = 0; len < 18; len++) {
		b->frame.len = b->frame.n_head = len;
		decide(b, 0);
		assert_dropped(b, DP_DROP_RUNT, 0);
	}
	b->frame.len = 64;
	b->frame.n_head = 17;
	decide(b, 0);
	assert_dropped(b, DP_DROP_RUNT, 0);
}

static void mtu_counts_without_the_tag_in_both_directions(void **state)
{
	struct bench *b = *state;

	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	learned(b, LAST_BYTE_B, 100, 1, 0);
	b->frame.len = 1514;
	decide(b, 0);
	assert_int_equal(b->v.kind, DP_VERDICT_ONE);
	b->frame.len = 1515;
	decide(b, 0);
	assert_dropped(b, DP_DROP_OVERSIZE, 0);
	set_tag(b, 0);
	b->frame.len = 1518;
	decide(b, 0);
	assert_int_equal(b->v.kind, DP_VERDICT_ONE);
	b->h->store[1].max_frame = dp_max_frame(1000);
	decide(b, 0);
	assert_dropped(b, DP_DROP_TX_OVERSIZE, 1);
}

static void link_local_multicast_is_not_forwarded(void **state)
{
	struct bench *b = *state;
	static const uint8_t stp[6] = { 0x01, 0x80, 0xc2, 0, 0, 0 };

	set_addresses(b, 0, LAST_BYTE_A);
	memcpy(b->bytes, stp, 6);
	for (int last = 0; last <= 0x0f; last++) {
		b->bytes[5] = (uint8_t)last;
		decide(b, 0);
		assert_dropped(b, DP_DROP_LINK_LOCAL, 0);
	}
	b->bytes[5] = 0x10;
	decide(b, 0);
	assert_int_equal(b->v.kind, DP_VERDICT_MANY);
}

static void source_that_cannot_be_one_is_dropped(void **state)
{
	struct bench *b = *state;

	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	b->bytes[6] |= 1;
	decide(b, 0);
	assert_dropped(b, DP_DROP_SOURCE, 0);
	memset(b->bytes + 6, 0, 6);
	decide(b, 0);
	assert_dropped(b, DP_DROP_SOURCE, 0);
}

static void isolated_ports_reach_only_the_others(void **state)
{
	struct bench *b = *state;

	b->h->store[0].isolated = b->h->store[1].isolated = true;
	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	decide(b, 0);
	assert_int_equal(b->n_outs, 2);
	learned(b, LAST_BYTE_B, 100, 1, 0);
	decide(b, 0);
	assert_dropped(b, DP_DROP_ISOLATED, 1);
	decide(b, 2);
	assert_int_equal(b->v.kind, DP_VERDICT_ONE);
}

static void promiscuous_port_hears_a_conversation_of_its_vlan(void **state)
{
	struct bench *b = *state;

	b->h->store[3].promiscuous = true;
	b->h->bridge.n_promiscuous = 1;
	b->h->order[0] = 3;
	b->h->order[3] = 0;
	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	learned(b, LAST_BYTE_B, 100, 1, 0);
	decide(b, 0);
	assert_int_equal(b->n_outs, 2);
	assert_int_equal(b->outs[0].port, 3);
	assert_int_equal(b->outs[1].port, 1);
	b->h->store[3].vlan.vlan = 200;
	decide(b, 0);
	assert_int_equal(b->n_outs, 1);
	assert_int_equal(b->outs[0].port, 1);
}

static void forged_source_is_dropped_and_the_first_one_is_the_ports_own(void **state)
{
	struct bench *b = *state;

	b->h->store[0].reject_forged = b->h->store[0].guards_source = true;
	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	decide(b, 0);
	assert_int_equal(b->v.kind, DP_VERDICT_MANY);
	set_addresses(b, LAST_BYTE_B, 0x0c);
	decide(b, 0);
	assert_dropped(b, DP_DROP_FORGED, 0);
}

static void changed_address_is_not_learned_and_hears_nothing(void **state)
{
	struct bench *b = *state;

	b->h->store[0].reject_mac_changes = b->h->store[0].guards_source = true;
	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	decide(b, 0);
	assert_true(b->v.learn);
	set_addresses(b, LAST_BYTE_B, 0x0c);
	decide(b, 0);
	assert_int_equal(b->v.kind, DP_VERDICT_MANY);
	assert_false(b->v.learn);
	set_addresses(b, 0x0c, LAST_BYTE_B);
	decide(b, 1);
	assert_int_equal(b->n_outs, 2);
	set_addresses(b, LAST_BYTE_A, LAST_BYTE_B);
	decide(b, 1);
	assert_int_equal(b->n_outs, 3);
}

static void address_beyond_the_limit_is_dropped(void **state)
{
	struct bench *b = *state;

	b->h->store[0].mac_limit = 2;
	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	decide(b, 0);
	assert_int_equal(b->v.kind, DP_VERDICT_MANY);
	atomic_store(&b->h->devices[0].n_macs, 2);
	decide(b, 0);
	assert_dropped(b, DP_DROP_MAC_LIMIT, 0);
	learned(b, LAST_BYTE_A, 100, 0, 0);
	decide(b, 0);
	assert_int_equal(b->v.kind, DP_VERDICT_MANY);
}

static void static_entry_is_not_taken_over(void **state)
{
	struct bench *b = *state;

	learned(b, LAST_BYTE_A, 100, 2, DP_FDB_STATIC);
	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	decide(b, 0);
	assert_dropped(b, DP_DROP_STATIC_MOVE, 0);
}

static void storm_limit_spares_known_destinations(void **state)
{
	struct bench *b = *state;
	unsigned n_dropped = 0;

	b->h->store[0].limits_storm = true;
	b->h->store[0].rate_storm =
		(struct dp_bucket_rate){ .tsc_per_unit_q16 = UINT64_C(1000) << 16, .burst_tsc = 0 };
	set_addresses(b, 0, LAST_BYTE_A);
	broadcast(b);
	for (int i = 0; i < 10; i++) {
		decide(b, 0);
		n_dropped += b->v.kind == DP_VERDICT_DROP && b->v.drop == DP_DROP_STORM;
	}
	assert_int_equal(n_dropped, 9);
	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	learned(b, LAST_BYTE_B, 100, 1, 0);
	decide(b, 0);
	assert_int_equal(b->v.kind, DP_VERDICT_ONE);
}

static void port_without_link_or_disabled_gets_nothing(void **state)
{
	struct bench *b = *state;

	learned(b, LAST_BYTE_B, 100, 1, 0);
	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	b->h->store[1].link_up = false;
	decide(b, 0);
	assert_dropped(b, DP_DROP_LINK_DOWN, 1);
	broadcast(b);
	decide(b, 0);
	assert_int_equal(b->n_outs, 2);
	b->h->store[0].admin_up = false;
	decide(b, 0);
	assert_dropped(b, DP_DROP_RX_ADMIN_DOWN, 0);
}

static void entry_of_a_port_that_is_gone_floods(void **state)
{
	struct bench *b = *state;

	learned(b, LAST_BYTE_B, 100, 4000, 0);
	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	decide(b, 0);
	assert_int_equal(b->v.kind, DP_VERDICT_MANY);
	assert_int_equal(b->n_outs, 3);
}

static void port_that_left_the_vlan_of_an_entry_gets_nothing_of_it(void **state)
{
	struct bench *b = *state;

	learned(b, LAST_BYTE_B, 100, 2, 0);
	b->h->store[2].vlan.vlan = 200;
	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	decide(b, 0);
	assert_dropped(b, DP_DROP_VLAN_EGRESS, 2);
}

static void frame_for_an_address_that_the_port_may_not_take_is_dropped(void **state)
{
	const uint8_t own[8] = { 2, 0, 0, 0, 0, 0x77 };
	struct bench *b = *state;

	learned(b, LAST_BYTE_B, 100, 2, DP_FDB_STATIC);
	b->h->store[2].reject_mac_changes = true;
	atomic_store(&b->h->devices[2].own_mac, dp_fdb_key(own, 0));
	set_addresses(b, LAST_BYTE_B, LAST_BYTE_A);
	decide(b, 0);
	assert_dropped(b, DP_DROP_MAC_CHANGE, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(unknown_destination_is_flooded_to_all_but_the_sender_and_learned),
		T(known_destination_goes_to_its_port_and_refreshes_the_source),
		T(destination_on_the_sending_port_is_not_reflected),
		T(flooding_stays_inside_the_vlan),
		T(access_frame_gets_its_tag_on_a_trunk_with_the_priority_it_came_with),
		T(tagged_frame_on_an_access_port_is_dropped),
		T(provider_tag_is_opaque),
		T(short_frames_and_cut_tags_are_runts),
		T(mtu_counts_without_the_tag_in_both_directions),
		T(link_local_multicast_is_not_forwarded),
		T(source_that_cannot_be_one_is_dropped),
		T(isolated_ports_reach_only_the_others),
		T(promiscuous_port_hears_a_conversation_of_its_vlan),
		T(forged_source_is_dropped_and_the_first_one_is_the_ports_own),
		T(changed_address_is_not_learned_and_hears_nothing),
		T(address_beyond_the_limit_is_dropped),
		T(static_entry_is_not_taken_over),
		T(storm_limit_spares_known_destinations),
		T(port_without_link_or_disabled_gets_nothing),
		T(entry_of_a_port_that_is_gone_floods),
		T(port_that_left_the_vlan_of_an_entry_gets_nothing_of_it),
		T(frame_for_an_address_that_the_port_may_not_take_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
