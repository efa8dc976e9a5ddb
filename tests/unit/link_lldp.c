/* SPDX-License-Identifier: BSD-3-Clause
 *
 * LLDP: frames byte by byte, what is refused and what is left out, neighbours in simulated time.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "link/lldp.h"
#include "unit.h"

#define S UINT64_C(1000000000)

static const uint8_t source[6] = { 2, 0, 0, 0, 0, 0xa };

/* Ethernet header, chassis 02:00:00:00:00:01, port "eth1", TTL 121. */
static const uint8_t mandatory[] = { 0x01, 0x80, 0xc2, 0, 0, 0x0e, 2, 0, 0, 0, 0, 0xa, 0x88, 0xcc,
	0x02, 7, 4, 2, 0, 0, 0, 0, 1, 0x04, 5, 5, 'e', 't', 'h', '1', 0x06, 2, 0, 121 };

static struct lldp_info small(void)
{
	struct lldp_info info = { .ttl_s = 121 };

	info.chassis = (struct lldp_id){ LLDP_CHASSIS_MAC, 6, { 2, 0, 0, 0, 0, 1 } };
	info.port = (struct lldp_id){ LLDP_PORT_IFNAME, 4, "eth1" };
	return info;
}

/* The mandatory TLVs and these bytes behind. return: bytes of the frame */
static size_t frame_with(uint8_t *frame, const void *more, size_t n)
{
	memcpy(frame, mandatory, sizeof(mandatory));
	memcpy(frame + sizeof(mandatory), more, n);
	return sizeof(mandatory) + n;
}

static int decode_with(const void *more, size_t n, struct lldp_info *ret)
{
	uint8_t frame[2048];
	size_t len = frame_with(frame, more, n);

	return lldp_decode(frame, len, ret);
}

static void a_small_frame_is_these_bytes(void **state)
{
	uint8_t frame[LLDP_MAX_FRAME];
	struct lldp_info info = small();

	assert_int_equal(lldp_encode(&info, source, frame), 60);
	assert_memory_equal(frame, mandatory, sizeof(mandatory));
	for (size_t i = sizeof(mandatory); i < 60; i++)
		assert_int_equal(frame[i], 0);
}

static void a_shutdown_says_the_ids_and_no_time(void **state)
{
	uint8_t frame[LLDP_MAX_FRAME];
	struct lldp_info info = small(), back;

	strcpy(info.system_name, "not said");
	assert_int_equal(lldp_encode_shutdown(&info, source, frame), 60);
	assert_int_equal(lldp_decode(frame, 60, &back), 0);
	assert_int_equal(back.ttl_s, 0);
	assert_int_equal(back.port.n, 4);
	assert_string_equal(back.system_name, "");
}

static void everything_comes_back_as_it_was_said(void **state)
{
	uint8_t frame[LLDP_MAX_FRAME];
	struct lldp_info info = small(), back;
	int n;

	strcpy(info.port_description, "port up0");
	strcpy(info.system_name, "höst");
	strcpy(info.system_description, "Shunt");
	info.capabilities = LLDP_CAP_BRIDGE | 0x10;
	info.enabled = LLDP_CAP_BRIDGE;
	info.n_addresses = 2;
	info.addresses[0] = (struct lldp_address){ 1, 4, { 10, 0, 0, 1 }, 2, 7 };
	info.addresses[1] = (struct lldp_address){ 2, 16, { 0x20, 1 }, 2, 8 };
	info.pvid = 100;
	info.max_frame = 1522;
	info.n_vlans = 2;
	info.vlans[0] = (struct lldp_vlan){ 100, "production" };
	info.vlans[1] = (struct lldp_vlan){ 200, "" };
	n = lldp_encode(&info, source, frame);
	assert_true(n > 60);
	assert_int_equal(lldp_decode(frame, (size_t)n, &back), 0);
	assert_memory_equal(&back, &info, sizeof(info));
}

static void what_does_not_fit_is_left_out_and_the_rest_is_well_formed(void **state)
{
	uint8_t frame[LLDP_MAX_FRAME];
	struct lldp_info info = small(), back;
	int n;

	memset(info.port_description, 'p', 255);
	memset(info.system_name, 'n', 255);
	memset(info.system_description, 'd', 255);
	info.n_vlans = LLDP_MAX_VLANS;
	for (unsigned i = 0; i < LLDP_MAX_VLANS; i++) {
		info.vlans[i].id = (uint16_t)(i + 1);
		memset(info.vlans[i].name, 'v', 32);
	}
	n = lldp_encode(&info, source, frame);
	assert_in_range(n, 1400, LLDP_MAX_FRAME);
	assert_int_equal(lldp_decode(frame, (size_t)n, &back), 0);
	assert_string_equal(back.system_description, info.system_description);
	assert_in_range(back.n_vlans, 1, LLDP_MAX_VLANS - 1);
}

static void an_empty_id_is_not_said(void **state)
{
	uint8_t frame[LLDP_MAX_FRAME];
	struct lldp_info info = small();

	info.port.n = 0;
	assert_int_equal(lldp_encode(&info, source, frame), -EINVAL);
}

static void a_frame_cut_anywhere_before_its_end_of_mandatory_parts_is_refused(void **state)
{
	struct lldp_info back;

	for (size_t n = 0; n < sizeof(mandatory); n++)
		assert_int_equal(lldp_decode(mandatory, n, &back), -EBADMSG);
	assert_int_equal(lldp_decode(mandatory, sizeof(mandatory), &back), 0);
}

static void mandatory_parts_out_of_order_twice_or_too_long_are_refused(void **state)
{
	static const uint8_t ttl_again[] = { 0x06, 2, 0, 120 };
	static const uint8_t chassis_again[] = { 0x02, 2, 7, 'x' };
	uint8_t frame[sizeof(mandatory)];
	struct lldp_info back;

	assert_int_equal(decode_with(ttl_again, sizeof(ttl_again), &back), -EBADMSG);
	assert_int_equal(decode_with(chassis_again, sizeof(chassis_again), &back), -EBADMSG);
	memcpy(frame, mandatory, sizeof(frame));
	frame[14] = 0x04; /* a port id first */
	assert_int_equal(lldp_decode(frame, sizeof(frame), &back), -EBADMSG);
	memcpy(frame, mandatory, sizeof(frame));
	frame[15] = 1; /* a chassis id without a byte */
	assert_int_equal(lldp_decode(frame, sizeof(frame), &back), -EBADMSG);
	memcpy(frame, mandatory, sizeof(frame));
	frame[31] = 1; /* half a TTL */
	assert_int_equal(lldp_decode(frame, sizeof(frame), &back), -EBADMSG);
}

static void other_frames_are_none_of_lldp(void **state)
{
	uint8_t frame[sizeof(mandatory)];

	for (unsigned last = 0; last < 256; last++) {
		memcpy(frame, mandatory, sizeof(frame));
		frame[5] = (uint8_t)last;
		assert_int_equal(lldp_is_frame(frame, sizeof(frame)),
			last == 0x0e || last == 0x03 || last == 0x00);
	}
	memcpy(frame, mandatory, sizeof(frame));
	frame[13] = 0xcd;
	assert_false(lldp_is_frame(frame, sizeof(frame)));
}

static void optional_parts_that_are_not_well_formed_are_left_out_alone(void **state)
{
	static const uint8_t bad[] = {
		0x0e, 3, 0, 4, 0,                          /* capabilities of 3 bytes */
		0x10, 9, 9, 1, 10, 0, 0, 1, 2, 0, 0,       /* an address beyond its TLV */
		0x10, 9, 1, 1, 10, 0, 0, 1, 2, 0, 0,       /* one without bytes */
		0xfe, 3, 0, 0x80, 0xc2,                    /* an organization without subtype */
		0xfe, 8, 0, 0x80, 0xc2, 3, 0, 100, 9, 'x', /* a VLAN name beyond its TLV */
		0xfe, 5, 0, 0x80, 0xc2, 1, 0,              /* half a PVID */
		0x12, 2, 1, 2,                             /* nobody knows it */
		0x0a, 1, 'n', 0, 0,                        /* a name, the end */
	};
	struct lldp_info back;

	assert_int_equal(decode_with(bad, sizeof(bad), &back), 0);
	assert_int_equal(back.capabilities, 0);
	assert_int_equal(back.n_addresses, 0);
	assert_int_equal(back.n_vlans, 0);
	assert_int_equal(back.pvid, 0);
	assert_string_equal(back.system_name, "n");
}

static void a_part_beyond_the_frame_refuses_it(void **state)
{
	static const uint8_t name[] = { 0x0a, 4, 'n', 'a', 'm' }, half[] = { 0x0a };
	static const uint8_t end_with_bytes[] = { 0x00, 1, 0 };
	struct lldp_info back;

	assert_int_equal(decode_with(name, sizeof(name), &back), -EBADMSG);
	assert_int_equal(decode_with(half, sizeof(half), &back), -EBADMSG);
	assert_int_equal(decode_with(end_with_bytes, sizeof(end_with_bytes), &back), -EBADMSG);
}

static void the_first_of_two_texts_counts_and_what_is_behind_the_end_does_not(void **state)
{
	static const uint8_t texts[] = { 0x0a, 1, 'a', 0x0a, 1, 'b', 0, 0, 0x0c, 1, 'x' };
	struct lldp_info back;

	assert_int_equal(decode_with(texts, sizeof(texts), &back), 0);
	assert_string_equal(back.system_name, "a");
	assert_string_equal(back.system_description, "");
}

static void texts_are_made_fit_for_people(void **state)
{
	static const struct {
		const char *said, *shown;
	} texts[] = {
		{ "plain", "plain" },
		{ "\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x82",
			"\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x82" },
		{ "a\x1b[31mred", "a?[31mred" },
		{ "\xc2\x9b[31m", "??[31m" },   /* a control character of C1 */
		{ "\xff\xc3", "??" },           /* none of UTF-8, and a half */
		{ "\xc0\xaf", "??" },           /* longer than it need be */
		{ "\xed\xa0\x80", "???" },      /* a half of UTF-16 */
		{ "\xf4\x90\x80\x80", "????" }, /* beyond Unicode */
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t n = strlen(texts[i].said);
		uint8_t more[64] = { 0x0a, (uint8_t)n };
		struct lldp_info back;

		memcpy(more + 2, texts[i].said, n);
		assert_int_equal(decode_with(more, n + 2, &back), 0);
		assert_string_equal(back.system_name, texts[i].shown);
	}
}

static void ids_and_addresses_are_shown_as_what_they_are(void **state)
{
	const struct lldp_id mac = { LLDP_CHASSIS_MAC, 6, { 2, 0, 0, 0, 0, 1 } };
	const struct lldp_id text = { LLDP_CHASSIS_LOCAL, 3, "abc" };
	const struct lldp_id bytes = { LLDP_CHASSIS_LOCAL, 3, { 1, 2, 0xff } };
	const struct lldp_id ip = { LLDP_CHASSIS_ADDRESS, 5, { 1, 10, 0, 0, 1 } };
	const struct lldp_id short_mac = { LLDP_PORT_MAC, 2, { 0xa, 0xb } };
	const struct lldp_address ip6 = {
		.family = 2, .n = 16, .bytes = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 }
	};
	char shown[64];

	lldp_chassis_text(&mac, shown, sizeof(shown));
	assert_string_equal(shown, "02:00:00:00:00:01");
	lldp_chassis_text(&text, shown, sizeof(shown));
	assert_string_equal(shown, "abc");
	lldp_chassis_text(&bytes, shown, sizeof(shown));
	assert_string_equal(shown, "0102ff");
	lldp_chassis_text(&ip, shown, sizeof(shown));
	assert_string_equal(shown, "10.0.0.1");
	lldp_port_text(&short_mac, shown, sizeof(shown));
	assert_string_equal(shown, "0a0b");
	lldp_address_text(&ip6, shown, sizeof(shown));
	assert_string_equal(shown, "2001:db8::1");
}

static int hear(struct lldp_neighbors *n, unsigned who, uint16_t ttl_s, uint64_t now_ns)
{
	uint8_t frame[LLDP_MAX_FRAME];
	struct lldp_info info = small();

	info.ttl_s = ttl_s;
	info.port.bytes[3] = (uint8_t)who;
	return lldp_neighbors_take(n, frame, (size_t)lldp_encode(&info, source, frame), now_ns);
}

static void a_neighbour_is_kept_until_its_time_is_up(void **state)
{
	struct lldp_neighbors n = { 0 };

	assert_int_equal(hear(&n, 'a', 10, 0), 1);
	assert_int_equal(hear(&n, 'b', 20, 0), 1);
	assert_int_equal(hear(&n, 'a', 10, 5 * S), 0);
	assert_int_equal(lldp_neighbors_age(&n, 15 * S - 1), 0);
	assert_int_equal(lldp_neighbors_age(&n, 15 * S), 1);
	assert_int_equal(n.n, 1);
	assert_int_equal(n.of[0]->info.port.bytes[3], 'b');
	assert_int_equal(n.of[0]->expires_ns, 20 * S);
	assert_int_equal(n.n_aged, 1);
	lldp_neighbors_done(&n);
	assert_int_equal(n.n, 0);
}

static void a_shutdown_takes_the_neighbour_away_at_once(void **state)
{
	struct lldp_neighbors n = { 0 };

	assert_int_equal(hear(&n, 'a', 120, 0), 1);
	assert_int_equal(hear(&n, 'b', 0, 0), 0); /* of somebody who was not there */
	assert_int_equal(n.n, 1);
	assert_int_equal(hear(&n, 'a', 0, S), 0);
	assert_int_equal(n.n, 0);
	assert_int_equal(n.n_aged, 0);
}

static void neighbours_beyond_the_room_are_counted_and_those_known_go_on(void **state)
{
	struct lldp_neighbors n = { 0 };

	for (unsigned i = 0; i < LLDP_MAX_NEIGHBORS; i++)
		assert_int_equal(hear(&n, 'a' + i, 120, 0), 1);
	assert_int_equal(hear(&n, 'Z', 120, 0), -ENOSPC);
	assert_int_equal(hear(&n, 'a', 120, 7), 0);
	assert_int_equal(n.n_full, 1);
	assert_int_equal(n.n_received, LLDP_MAX_NEIGHBORS + 2);
	lldp_neighbors_done(&n);
}

static void a_frame_that_cannot_be_read_is_counted_and_changes_nothing(void **state)
{
	struct lldp_neighbors n = { 0 };

	assert_int_equal(hear(&n, 'a', 120, 0), 1);
	assert_int_equal(lldp_neighbors_take(&n, mandatory, 30, S), -EBADMSG);
	assert_int_equal(n.n, 1);
	assert_int_equal(n.n_discarded, 1);
	lldp_neighbors_done(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_frame_is_these_bytes),
		cmocka_unit_test(a_shutdown_says_the_ids_and_no_time),
		cmocka_unit_test(everything_comes_back_as_it_was_said),
		cmocka_unit_test(what_does_not_fit_is_left_out_and_the_rest_is_well_formed),
		cmocka_unit_test(an_empty_id_is_not_said),
		cmocka_unit_test(a_frame_cut_anywhere_before_its_end_of_mandatory_parts_is_refused),
		cmocka_unit_test(mandatory_parts_out_of_order_twice_or_too_long_are_refused),
		cmocka_unit_test(other_frames_are_none_of_lldp),
		cmocka_unit_test(optional_parts_that_are_not_well_formed_are_left_out_alone),
		cmocka_unit_test(a_part_beyond_the_frame_refuses_it),
		cmocka_unit_test(the_first_of_two_texts_counts_and_what_is_behind_the_end_does_not),
		cmocka_unit_test(texts_are_made_fit_for_people),
		cmocka_unit_test(ids_and_addresses_are_shown_as_what_they_are),
		cmocka_unit_test(a_neighbour_is_kept_until_its_time_is_up),
		cmocka_unit_test(a_shutdown_takes_the_neighbour_away_at_once),
		cmocka_unit_test(neighbours_beyond_the_room_are_counted_and_those_known_go_on),
		cmocka_unit_test(a_frame_that_cannot_be_read_is_counted_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
