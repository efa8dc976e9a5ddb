/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a frame's key is: every field of every kind of frame, and what is left of one whose headers
 * are cut or make no sense. Expected values are Open vSwitch's.
 */
#include <stdlib.h>

#include "frame_by_hand.h"
#include "parse.h"

#define HEAD 128

/* Parse with the head in memory of exactly its size, so that reading past it is found. */
static bool parse(const uint8_t *frame, uint32_t n, uint32_t len, struct sh_flow_key *key,
	struct dp_layers *layers)
{
	uint8_t *head = malloc(n);
	bool r;

	assert_non_null(head);
	memcpy(head, frame, n);
	r = dp_parse(head, n, len, key, layers);
	free(head);
	return r;
}

static void every_frame_has_its_fields_and_no_others(void **state)
{
	for (unsigned i = 0; i < N_GOLDEN; i++) {
		struct sh_flow_key key, want = { 0 };
		struct dp_layers layers;
		uint8_t frame[MAX_FRAME];
		uint32_t len = golden_bytes(&golden[i], frame);

		/* What the frame before it had must go. */
		memset(&key, 0, sizeof(key));
		memset(key.eth_dst, 0xa5,
			offsetof(struct sh_flow_key, tunnel_id) -
				offsetof(struct sh_flow_key, eth_dst));
		key_put(&want, golden[i].fields);
		if (parse(frame, len < HEAD ? len : HEAD, len, &key, &layers) !=
			golden[i].makes_sense)
			fail_msg("%s: sense", golden[i].name);
		keys_equal(&key, &want, golden[i].name);
	}
}

static void fields_that_are_not_of_the_frame_stay(void **state)
{
	struct sh_flow_key key, was;
	struct dp_layers layers;
	uint8_t frame[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("tcp"), frame);

	memset(&key, 0x5a, sizeof(key));
	was = key;
	dp_parse(frame, len, len, &key, &layers);
	assert_memory_equal(&key, &was, offsetof(struct sh_flow_key, eth_dst));
	assert_memory_equal(key.tunnel_id, was.tunnel_id,
		sizeof(key) - offsetof(struct sh_flow_key, tunnel_id));
}

static void check_layers(const char *name, struct dp_layers want)
{
	struct sh_flow_key key;
	struct dp_layers layers;
	uint8_t frame[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named(name), frame);

	parse(frame, len < HEAD ? len : HEAD, len, &key, &layers);
	if (memcmp(&layers, &want, sizeof(want)) != 0)
		fail_msg("%s", name);
}

static void layers_are_where_the_headers_begin(void **state)
{
	const uint8_t no = DP_NO_LAYER;

	check_layers("tcp", (struct dp_layers){ no, no, no, 12, 23, 14, 34, no, no, no });
	check_layers("udp_in_vlan", (struct dp_layers){ 12, no, no, 16, 27, 18, 38, no, no, no });
	check_layers(
		"udp6_in_two_vlans", (struct dp_layers){ 12, no, no, 20, 28, 22, 62, no, no, no });
	check_layers("arp", (struct dp_layers){ no, no, no, 12, no, 14, no, no, no, no });
	check_layers("mpls_in_vlan", (struct dp_layers){ 12, 18, no, 16, no, no, no, no, no, no });
	check_layers("pbb_in_btag", (struct dp_layers){ 12, no, 18, 16, no, no, no, no, no, no });
	check_layers("neighbour_solicitation",
		(struct dp_layers){ no, no, no, 12, 20, 14, 54, 54, 80, no });
	check_layers("neighbour_advertisement",
		(struct dp_layers){ no, no, no, 12, 20, 14, 54, 54, no, 80 });
	check_layers("second_option_counts",
		(struct dp_layers){ no, no, no, 12, 20, 14, 54, 54, 88, no });
	check_layers(
		"later_fragment", (struct dp_layers){ no, no, no, 12, 23, 14, no, no, no, no });
	check_layers("snap", (struct dp_layers){ no, no, no, 20, 31, 22, 42, no, no, no });
	check_layers("spanning_tree", (struct dp_layers){ no, no, no, no, no, no, no, no, no, no });
	check_layers("chain_longer_than_the_head",
		(struct dp_layers){ no, no, no, 12, 54, 14, DP_UNSEEN_LAYER, no, no, no });
}

/* A frame of each length, and a head of each length of a whole frame. */
static void no_cut_frame_is_read_beyond_its_end(void **state)
{
	for (unsigned i = 0; i < N_GOLDEN; i++) {
		struct sh_flow_key key;
		struct dp_layers layers;
		uint8_t frame[MAX_FRAME];
		uint32_t len = golden_bytes(&golden[i], frame);

		for (uint32_t n = 1; n <= len; n++) {
			parse(frame, n, n, &key, &layers);
			parse(frame, n, len, &key, &layers);
		}
	}
}

static void cut_frame_keeps_the_fields_in_front_of_the_cut(void **state)
{
	struct sh_flow_key key, want = { 0 };
	struct dp_layers layers;
	uint8_t frame[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named("udp_in_vlan"), frame);

	/* A head that ends in the middle of UDP's: the packet is whole, the layer is not seen. */
	assert_false(parse(frame, 40, len, &key, &layers));
	key_put(&want, "eth_dst=020000000002 eth_src=020000000001 vlan_vid=1064 vlan_pcp=03 "
		       "eth_type=0800 ip_proto=11 ipv4_src=c0a80a0a ipv4_dst=0a010203 ip_dscp=0a "
		       "ip_ecn=02 ip_ttl=40");
	memcpy(&key, &want, 16);
	memcpy(key.tunnel_id, want.tunnel_id,
		sizeof(key) - offsetof(struct sh_flow_key, tunnel_id));
	keys_equal(&key, &want, "head");
	assert_int_equal(layers.l4, DP_UNSEEN_LAYER);
	/* A frame that ends there is not IP. */
	assert_false(parse(frame, 40, 40, &key, &layers));
	assert_int_equal(key.ip_proto, 0);
	assert_int_equal(layers.l3, DP_NO_LAYER);
	assert_int_equal(layers.type, 16);
}

static void frame_without_a_whole_ethernet_header_has_nothing(void **state)
{
	struct sh_flow_key key = { 0 }, none = { 0 };
	struct dp_layers layers;
	uint8_t frame[13] = { 1, 2, 3 };

	assert_false(parse(frame, sizeof(frame), sizeof(frame), &key, &layers));
	assert_memory_equal(&key, &none, sizeof(key));
	assert_int_equal(layers.type, DP_NO_LAYER);
}

static void frame_has_what_its_fields_need(void **state)
{
	static const struct {
		const char *name;
		uint32_t has;
	} want[] = {
		{ "tcp", DP_HAS_IPV4 | DP_HAS_TCP },
		{ "udp_in_vlan", DP_HAS_VLAN | DP_HAS_IPV4 | DP_HAS_UDP },
		{ "priority_tag", DP_HAS_VLAN | DP_HAS_IPV4 | DP_HAS_UDP },
		{ "sctp6_in_vlan", DP_HAS_VLAN | DP_HAS_IPV6 | DP_HAS_SCTP },
		{ "icmp", DP_HAS_IPV4 | DP_HAS_ICMPV4 },
		{ "icmp6_echo", DP_HAS_IPV6 | DP_HAS_ICMPV6 },
		{ "icmp6_in_ipv4", DP_HAS_IPV4 },
		{ "neighbour_solicitation",
			DP_HAS_IPV6 | DP_HAS_ICMPV6 | DP_HAS_ND | DP_HAS_ND_NS },
		{ "neighbour_advertisement",
			DP_HAS_IPV6 | DP_HAS_ICMPV6 | DP_HAS_ND | DP_HAS_ND_NA },
		{ "solicitation_with_code", DP_HAS_IPV6 | DP_HAS_ICMPV6 },
		{ "rarp_in_vlan", DP_HAS_VLAN | DP_HAS_ARP },
		{ "mpls_stack", DP_HAS_MPLS },
		{ "pbb_in_btag", DP_HAS_VLAN | DP_HAS_PBB },
		{ "first_fragment", DP_HAS_IPV4 | DP_HAS_UDP },
		{ "later_fragment", DP_HAS_IPV4 },
		{ "later_fragment6", DP_HAS_IPV6 },
		{ "spanning_tree", 0 },
	};

	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct sh_flow_key key;
		struct dp_layers layers;
		uint8_t frame[MAX_FRAME];
		uint32_t len = golden_bytes(golden_named(want[i].name), frame);

		dp_parse(frame, len < HEAD ? len : HEAD, len, &key, &layers);
		if (dp_key_has(&key) != want[i].has)
			fail_msg("%s: %x", want[i].name, dp_key_has(&key));
	}
}

static void golden_frames_have_right_checksums(void **state)
{
	for (unsigned i = 0; i < N_GOLDEN; i++) {
		uint8_t frame[MAX_FRAME];
		uint32_t len = golden_bytes(&golden[i], frame);

		if (golden[i].makes_sense && !frame_sums_hold(frame, len))
			fail_msg("%s", golden[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_has_its_fields_and_no_others),
		cmocka_unit_test(fields_that_are_not_of_the_frame_stay),
		cmocka_unit_test(layers_are_where_the_headers_begin),
		cmocka_unit_test(no_cut_frame_is_read_beyond_its_end),
		cmocka_unit_test(cut_frame_keeps_the_fields_in_front_of_the_cut),
		cmocka_unit_test(frame_without_a_whole_ethernet_header_has_nothing),
		cmocka_unit_test(frame_has_what_its_fields_need),
		cmocka_unit_test(golden_frames_have_right_checksums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
