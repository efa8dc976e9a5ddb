/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A connection's bytes, handshake, and how long it lives.
 */
#include "unit.h"

#include <errno.h>

#include "conn_rig.h"

/* Bytes and handshake */

static void hello_with_all_versions_is_the_first_that_is_sent(void **state)
{
	struct peer peer;

	peer_open(&peer, *state, false);
	const uint8_t *body = peer_expect(&peer, T_HELLO, 0);

	assert_int_equal(of_get_u16(body), 1);
	assert_int_equal(of_get_u32(body + 4), 1 << OF13_VERSION);
	assert_false(of_conn_is_up(peer.conn));
}

static const struct hello_case {
	const char *name;
	uint8_t bytes[16];
	bool is_spoken;
} hello_cases[] = {
	{ "the same number", { 4, 0, 0, 8, 0, 0, 0, 1 }, true },
	{ "a higher number", { 6, 0, 0, 8, 0, 0, 0, 1 }, true },
	{ "a lower number", { 1, 0, 0, 8, 0, 0, 0, 1 }, false },
	{ "a bit map with it", { 6, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 8, 0, 0, 0, 0x70 }, true },
	{ "a bit map without it", { 6, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 8, 0, 0, 0, 0x60 }, false },
	{ "another element", { 4, 0, 0, 16, 0, 0, 0, 1, 0, 9, 0, 8, 0, 0, 0, 0x60 }, true },
	{ "an element too long", { 4, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 99, 0, 0, 0, 0x60 }, true },
	{ "an element too short", { 4, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0x60 }, true },
};

static void version_is_the_highest_in_both_bit_maps_or_the_lower_number(void **state)
{
	for (unsigned i = 0; i < sizeof(hello_cases) / sizeof(hello_cases[0]); i++) {
		const struct hello_case *c = &hello_cases[i];
		struct peer peer;
		size_t used;
		int r;

		peer_open(&peer, *state, false);
		peer_expect(&peer, T_HELLO, 0);
		r = peer_bytes(&peer, c->bytes, c->bytes[3], &used);
		if (r != (c->is_spoken ? 0 : -EPROTO))
			fail_msg("%s", c->name);
		assert_int_equal(of_conn_is_up(peer.conn), c->is_spoken);
		if (!c->is_spoken) {
			peer_expect_error(&peer, 1, OF_ET_HELLO_FAILED, OF_HF_INCOMPATIBLE);
			assert_true(peer.n > OF_HEADER_LEN + 4 + 10); /* a text */
		}
		peer_expect_nothing(&peer);
		of_conn_free(peer.conn);
	}
}

static void what_comes_before_hello_ends_the_connection(void **state)
{
	struct peer peer;

	peer_open(&peer, *state, false);
	peer_expect(&peer, T_HELLO, 0);
	assert_int_equal(peer_send(&peer, T_FEATURES_REQUEST, 7, NULL, 0), -EPROTO);
	peer_expect_error(&peer, 7, OF_ET_HELLO_FAILED, OF_HF_INCOMPATIBLE);
	assert_int_equal(peer_send(&peer, T_HELLO, 8, NULL, 0), -EPROTO);
	assert_false(of_conns_controlled(((struct rig *)*state)->conns));
}

static void messages_may_come_in_any_cuts(void **state)
{
	const uint8_t bytes[] = { 4, 0, 0, 8, 0, 0, 0, 1, 4, 2, 0, 10, 0, 0, 0, 2, 'a', 'b', 4, 2,
		0, 9, 0, 0, 0, 3, 'c' };

	for (size_t cut = 1; cut <= sizeof(bytes); cut++) {
		struct peer peer;
		size_t used;

		peer_open(&peer, *state, false);
		for (size_t at = 0; at < sizeof(bytes); at += used) {
			size_t n = sizeof(bytes) - at < cut ? sizeof(bytes) - at : cut;

			assert_int_equal(peer_bytes(&peer, bytes + at, n, &used), 0);
			assert_int_equal(used, n);
		}
		peer_expect(&peer, T_HELLO, 0);
		assert_memory_equal(peer_expect(&peer, T_ECHO_REPLY, 2), "ab", 2);
		assert_memory_equal(peer_expect(&peer, T_ECHO_REPLY, 3), "c", 1);
		peer_expect_nothing(&peer);
		of_conn_free(peer.conn);
	}
}

static void longest_message_is_answered(void **state)
{
	static uint8_t bytes[UINT16_MAX] = { 4, 2, 0xff, 0xff, 0, 0, 0, 9 };
	struct peer peer;
	size_t used, used_2;

	peer_connect(&peer, *state, false);
	bytes[UINT16_MAX - 1] = 0x5a;
	assert_int_equal(peer_bytes(&peer, bytes, 40000, &used), 0);
	assert_int_equal(used, 40000);
	assert_int_equal(peer_bytes(&peer, bytes + used, sizeof(bytes) - used, &used_2), 0);
	assert_int_equal(used + used_2, sizeof(bytes));
	peer_expect(&peer, T_ECHO_REPLY, 9);
	assert_int_equal(peer.n, UINT16_MAX);
	assert_int_equal(peer.msg[UINT16_MAX - 1], 0x5a);
}

static void message_shorter_than_its_header_ends_the_connection(void **state)
{
	const uint8_t bytes[] = { 4, 2, 0, 7, 0, 0, 0, 9 };
	struct peer peer;
	size_t used;

	peer_connect(&peer, *state, false);
	assert_int_equal(peer_bytes(&peer, bytes, sizeof(bytes), &used), -EPROTO);
	peer_expect_error(&peer, 9, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
}

static void message_of_another_version_is_refused_and_no_more(void **state)
{
	const uint8_t bytes[] = { 1, 5, 0, 8, 0, 0, 0, 9 };
	struct peer peer;
	size_t used;

	peer_connect(&peer, *state, false);
	assert_int_equal(peer_bytes(&peer, bytes, sizeof(bytes), &used), 0);
	peer_expect_error(&peer, 9, OF_ET_BAD_REQUEST, OF_BR_BAD_VERSION);
	peer_sync(&peer);
}

static void error_holds_the_request(void **state)
{
	uint8_t body[100];
	struct peer peer;

	peer_connect(&peer, *state, false);
	for (unsigned i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)i;
	assert_int_equal(peer_send(&peer, 0x77, 5, body, sizeof(body)), 0);
	peer_expect_error(&peer, 5, OF_ET_BAD_REQUEST, OF_BR_BAD_TYPE);
	assert_int_equal(peer.n, OF_HEADER_LEN + 4 + OF_HEADER_LEN + sizeof(body));
	assert_memory_equal(peer.msg + OF_HEADER_LEN + 4 + OF_HEADER_LEN, body, sizeof(body));
}

static void error_and_second_hello_are_not_answered(void **state)
{
	struct peer peer;

	peer_connect(&peer, *state, false);
	assert_int_equal(peer_send(&peer, T_ERROR, 1, "\0\1\0\1", 4), 0);
	assert_int_equal(peer_send(&peer, T_ERROR, 1, NULL, 0), 0);
	assert_int_equal(peer_send(&peer, T_HELLO, 1, NULL, 0), 0);
	assert_int_equal(peer_send(&peer, T_ECHO_REPLY, 1, NULL, 0), 0);
	peer_expect_nothing(&peer);
}

/* Life */

static void pass(struct rig *rig, uint64_t seconds)
{
	rig->now_ns += seconds * RIG_S;
}

static void silent_connection_is_asked_and_then_given_up(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	pass(rig, 4);
	assert_int_equal(of_conn_tick(peer.conn, rig->now_ns), 0);
	peer_expect_nothing(&peer);
	pass(rig, 1);
	assert_int_equal(of_conn_tick(peer.conn, rig->now_ns), 0);
	assert_int_equal(peer.n_wakes, 1);
	peer_expect(&peer, T_ECHO_REQUEST, 0);
	pass(rig, 14);
	assert_int_equal(of_conn_tick(peer.conn, rig->now_ns), 0);
	peer_expect_nothing(&peer); /* once is enough */
	pass(rig, 1);
	assert_int_equal(of_conn_tick(peer.conn, rig->now_ns), -ETIMEDOUT);
}

static void any_bytes_are_an_answer(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	for (unsigned i = 0; i < 5; i++) {
		pass(rig, 5);
		assert_int_equal(of_conn_tick(peer.conn, rig->now_ns), 0);
		peer_expect(&peer, T_ECHO_REQUEST, 0);
		pass(rig, 10);
		assert_int_equal(peer_send(&peer, T_ECHO_REPLY, 0, NULL, 0), 0);
	}
}

static void service_is_not_probed(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, true);
	pass(rig, 3600);
	assert_int_equal(of_conn_tick(peer.conn, rig->now_ns), 0);
	peer_expect_nothing(&peer);
}

static void handshake_that_never_comes_is_given_up(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_open(&peer, rig, true);
	assert_int_equal(of_conn_tick(peer.conn, rig->now_ns), 0);
	pass(rig, 15);
	assert_int_equal(of_conn_tick(peer.conn, rig->now_ns), -ETIMEDOUT);
}

static void controllers_control_and_services_do_not(void **state)
{
	struct rig *rig = *state;
	struct peer service, controller;

	peer_connect(&service, rig, true);
	assert_false(of_conns_controlled(rig->conns));
	peer_open(&controller, rig, false);
	assert_false(of_conns_controlled(rig->conns));
	assert_int_equal(peer_send(&controller, T_HELLO, 1, NULL, 0), 0);
	assert_true(of_conns_controlled(rig->conns));
	assert_int_equal(of_conns_n(rig->conns), 2);
	of_conn_free(controller.conn);
	assert_false(of_conns_controlled(rig->conns));
	assert_int_equal(of_conns_n(rig->conns), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hello_with_all_versions_is_the_first_that_is_sent),
		TEST(version_is_the_highest_in_both_bit_maps_or_the_lower_number),
		TEST(what_comes_before_hello_ends_the_connection),
		TEST(messages_may_come_in_any_cuts),
		TEST(longest_message_is_answered),
		TEST(message_shorter_than_its_header_ends_the_connection),
		TEST(message_of_another_version_is_refused_and_no_more),
		TEST(error_holds_the_request),
		TEST(error_and_second_hello_are_not_answered),
		TEST(silent_connection_is_asked_and_then_given_up),
		TEST(any_bytes_are_an_answer),
		TEST(service_is_not_probed),
		TEST(handshake_that_never_comes_is_given_up),
		TEST(controllers_control_and_services_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
