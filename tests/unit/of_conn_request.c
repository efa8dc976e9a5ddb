/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a connection answers to requests, in each role; against the switch itself, with a provider
 * that records.
 */
#include "unit.h"

#include <errno.h>

#include "conn_rig.h"

/* Requests */

static void barrier_is_answered_after_the_provider_has_done_all(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	peer_flow_mod(&peer, OF_FC_ADD, 1, 0);
	assert_int_equal(rig->n_flows, 1);
	assert_int_equal(rig->n_barriers, 0);
	peer_sync(&peer);
	assert_int_equal(rig->n_barriers, 1);
	assert_true(rig->is_barrier_open);
}

static void features_are_those_of_the_switch(void **state)
{
	struct peer peer;

	peer_connect(&peer, *state, false);
	assert_int_equal(peer_send(&peer, T_FEATURES_REQUEST, 5, NULL, 0), 0);
	const uint8_t *body = peer_expect(&peer, T_FEATURES_REPLY, 5);

	assert_true(of_get_u64(body) == 0x0123456789abcdef);
	assert_int_equal(of_get_u32(body + 8), 0); /* buffers */
	assert_int_equal(body[12], 254);
	assert_int_equal(body[13], 0); /* auxiliary */
	assert_int_equal(of_get_u32(body + 16), 0xf);
}

static void packet_out(struct peer *peer, uint32_t in_port, uint32_t buffer, size_t n_data)
{
	struct of_buf body = { 0 };

	of_buf_put_u32(&body, buffer);
	of_buf_put_u32(&body, in_port);
	of_buf_put_u16(&body, 8);
	assert_non_null(of_buf_add(&body, 6));
	of_buf_put_u64(&body, UINT64_C(0x12) << 48 | UINT64_C(8) << 32); /* pop_vlan */
	if (n_data)
		assert_non_null(of_buf_add(&body, n_data));
	assert_int_equal(peer_send_buf(peer, T_PACKET_OUT, 6, &body), 0);
}

static void packet_out_goes_to_the_provider_or_is_refused(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	packet_out(&peer, OF_PORT_CONTROLLER, OF_NO_BUFFER, 60);
	packet_out(&peer, 1, OF_NO_BUFFER, 61);
	peer_expect_nothing(&peer);
	assert_int_equal(rig->n_packet_outs, 2);
	assert_int_equal(rig->n_out_data, 61);
	packet_out(&peer, RIG_MAX_PORT + 1, OF_NO_BUFFER, 60);
	peer_expect_error(&peer, 6, OF_ET_BAD_REQUEST, OF_BR_BAD_PORT);
	packet_out(&peer, OF_PORT_FLOOD, OF_NO_BUFFER, 60);
	peer_expect_error(&peer, 6, OF_ET_BAD_REQUEST, OF_BR_BAD_PORT);
	packet_out(&peer, 1, 5, 0);
	peer_expect_error(&peer, 6, OF_ET_BAD_REQUEST, OF_BR_BUFFER_UNKNOWN);
	packet_out(&peer, 1, OF_NO_BUFFER, 0);
	peer_expect_error(&peer, 6, OF_ET_BAD_REQUEST, OF_BR_BAD_PACKET);
	assert_int_equal(rig->n_packet_outs, 2);
}

static void packet_out_without_room_is_dropped_and_counted(void **state)
{
	struct of_conn_counts counts;
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	rig->packet_out_r = -EAGAIN;
	packet_out(&peer, 1, OF_NO_BUFFER, 60);
	peer_expect_nothing(&peer);
	of_conn_counts(peer.conn, &counts);
	assert_int_equal(counts.n_out_dropped, 1);
}

static void set_config(struct peer *peer, uint16_t flags, uint16_t miss_send_len)
{
	struct of_buf body = { 0 };

	of_buf_put_u16(&body, flags);
	of_buf_put_u16(&body, miss_send_len);
	assert_int_equal(peer_send_buf(peer, T_SET_CONFIG, 8, &body), 0);
}

static void check_config(struct peer *peer, uint16_t flags, uint16_t miss_send_len)
{
	assert_int_equal(peer_send(peer, T_GET_CONFIG_REQUEST, 9, NULL, 0), 0);
	const uint8_t *body = peer_expect(peer, T_GET_CONFIG_REPLY, 9);

	assert_int_equal(of_get_u16(body), flags);
	assert_int_equal(of_get_u16(body + 2), miss_send_len);
}

static void fragments_are_the_switchs_and_miss_send_len_the_connections(void **state)
{
	struct rig *rig = *state;
	struct peer peer, other;

	peer_connect(&peer, rig, false);
	peer_connect(&other, rig, true);
	check_config(&peer, 0, 128);
	set_config(&peer, 1, 200);
	assert_int_equal(rig->fragments, 1);
	check_config(&peer, 1, 200);
	check_config(&other, 1, 0);
	set_config(&peer, 2, 300); /* nothing reassembles */
	peer_expect_error(&peer, 8, OF_ET_SWITCH_CONFIG_FAILED, OF_SC_BAD_FLAGS);
	check_config(&peer, 1, 200);
}

static void table_mod(struct peer *peer, uint8_t table, uint32_t config)
{
	struct of_buf body = { 0 };

	of_buf_put_u32(&body, (uint32_t)table << 24);
	of_buf_put_u32(&body, config);
	assert_int_equal(peer_send_buf(peer, T_TABLE_MOD, 8, &body), 0);
}

static void table_mod_may_say_nothing_but_what_is_deprecated(void **state)
{
	struct peer peer;

	peer_connect(&peer, *state, false);
	table_mod(&peer, 0, 0);
	table_mod(&peer, 255, 3);
	peer_expect_nothing(&peer);
	table_mod(&peer, 254, 0);
	peer_expect_error(&peer, 8, OF_ET_TABLE_MOD_FAILED, OF_TM_BAD_TABLE);
	table_mod(&peer, 0, 4);
	peer_expect_error(&peer, 8, OF_ET_TABLE_MOD_FAILED, OF_TM_BAD_CONFIG);
}

static void queue_get_config(struct peer *peer, uint32_t port)
{
	struct of_buf body = { 0 };

	of_buf_put_u32(&body, port);
	of_buf_put_u32(&body, 0);
	assert_int_equal(peer_send_buf(peer, T_QUEUE_GET_CONFIG_REQUEST, 8, &body), 0);
}

static void ports_have_no_queues(void **state)
{
	struct peer peer;

	peer_connect(&peer, *state, false);
	queue_get_config(&peer, 1);
	assert_int_equal(of_get_u32(peer_expect(&peer, T_QUEUE_GET_CONFIG_REPLY, 8)), 1);
	assert_int_equal(peer.n, 16);
	queue_get_config(&peer, OF_PORT_ANY);
	peer_expect(&peer, T_QUEUE_GET_CONFIG_REPLY, 8);
	queue_get_config(&peer, 3);
	peer_expect_error(&peer, 8, OF_ET_QUEUE_OP_FAILED, OF_QO_BAD_PORT);
}

static void flow_mod_that_names_a_buffer_is_refused(void **state)
{
	uint8_t body[48] = { 0 };
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	body[41] = 1; /* OXM */
	body[43] = 4;
	assert_int_equal(peer_send(&peer, T_FLOW_MOD, 8, body, sizeof(body)), 0);
	peer_expect_error(&peer, 8, OF_ET_BAD_REQUEST, OF_BR_BUFFER_UNKNOWN);
	assert_int_equal(rig->n_flows, 0);
}

/* Multipart: type, bytes of the body, and either the bytes of the reply's body or an error. */
static const struct mp_case {
	uint16_t type;
	const char *body;
	size_t n_body, n_reply;
	int error_type, error_code;
} mp_cases[] = {
	{ 0, "", 0, 1056, 0, 0 },
	{ 3, "", 0, 254 * 24, 0, 0 },
	{ 4, "\xff\xff\xff\xff\0\0\0\0", 8, 2 * 112, 0, 0 },
	{ 4, "\0\0\0\2\0\0\0\0", 8, 112, 0, 0 },
	{ 4, "\0\0\0\3\0\0\0\0", 8, 0, OF_ET_BAD_REQUEST, OF_BR_BAD_PORT },
	{ 5, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 0, 0, 0 },
	{ 5, "\0\0\0\1\xff\xff\xff\xff", 8, 0, 0, 0 },
	{ 5, "\0\0\0\3\xff\xff\xff\xff", 8, 0, OF_ET_QUEUE_OP_FAILED, OF_QO_BAD_PORT },
	{ 5, "\0\0\0\1\0\0\0\1", 8, 0, OF_ET_QUEUE_OP_FAILED, OF_QO_BAD_QUEUE },
	{ 6, "\xff\xff\xff\xfc\0\0\0\0", 8, 0, 0, 0 },
	{ 7, "", 0, 0, 0, 0 },
	{ 8, "", 0, 40, 0, 0 },
	{ 9, "\xff\xff\xff\xff\0\0\0\0", 8, 0, 0, 0 },
	{ 9, "\0\0\0\1\0\0\0\0", 8, 0, OF_ET_METER_MOD_FAILED, OF_MM_UNKNOWN_METER },
	{ 10, "\xff\xff\xff\xff\0\0\0\0", 8, 0, 0, 0 },
	{ 11, "", 0, 16, 0, 0 },
	{ 12, "\0\0\0\0\0\0\0\0", 8, 0, OF_ET_TABLE_FEATURES_FAILED, OF_TF_EPERM },
	{ 13, "", 0, 2 * 64, 0, 0 },
	{ 14, "", 0, 0, OF_ET_BAD_REQUEST, OF_BR_BAD_MULTIPART },
};

static void multipart_requests_get_their_reply_or_error(void **state)
{
	struct peer peer;

	peer_connect(&peer, *state, false);
	for (unsigned i = 0; i < sizeof(mp_cases) / sizeof(mp_cases[0]); i++) {
		const struct mp_case *c = &mp_cases[i];
		struct of_buf body = { 0 };

		of_buf_put_u16(&body, c->type);
		assert_non_null(of_buf_add(&body, 6));
		of_buf_put(&body, c->body, c->n_body);
		assert_int_equal(peer_send_buf(&peer, T_MULTIPART_REQUEST, i, &body), 0);
		if (c->error_type) {
			peer_expect_error(
				&peer, i, (unsigned)c->error_type, (unsigned)c->error_code);
		} else {
			assert_int_equal(
				of_get_u16(peer_expect(&peer, T_MULTIPART_REPLY, i)), c->type);
			assert_int_equal(peer.n, 16 + c->n_reply);
		}
		peer_expect_nothing(&peer);
	}
}

static void aggregate_is_the_sum_of_all_flows(void **state)
{
	struct peer peer;

	peer_connect(&peer, *state, false);
	rig_add_flows(*state, 10);
	peer_ask_flows(&peer, 5, MP_AGGREGATE);
	const uint8_t *body = peer_expect(&peer, T_MULTIPART_REPLY, 5) + 8;

	assert_int_equal(of_get_u64(body), 20);
	assert_int_equal(of_get_u64(body + 8), 1280);
	assert_int_equal(of_get_u32(body + 16), 10);
}

/* Roles */

static void ask_role(struct peer *peer, uint32_t role, uint64_t generation)
{
	struct of_buf body = { 0 };

	of_buf_put_u32(&body, role);
	of_buf_put_u32(&body, 0);
	of_buf_put_u64(&body, generation);
	assert_int_equal(peer_send_buf(peer, T_ROLE_REQUEST, 3, &body), 0);
}

static void check_role(struct peer *peer, uint32_t role, uint64_t generation)
{
	const uint8_t *body = peer_expect(peer, T_ROLE_REPLY, 3);

	assert_int_equal(of_get_u32(body), role);
	assert_true(of_get_u64(body + 8) == generation);
	assert_int_equal(of_conn_role(peer->conn), role);
}

static void new_master_makes_the_old_one_a_slave(void **state)
{
	struct peer a, b, c;

	peer_connect(&a, *state, false);
	peer_connect(&b, *state, false);
	peer_connect(&c, *state, false);
	ask_role(&a, OF_ROLE_NOCHANGE, 99);
	check_role(&a, OF_ROLE_EQUAL, UINT64_MAX);
	ask_role(&a, OF_ROLE_MASTER, 5);
	check_role(&a, OF_ROLE_MASTER, 5);
	ask_role(&b, OF_ROLE_MASTER, 5);
	check_role(&b, OF_ROLE_MASTER, 5);
	assert_int_equal(of_conn_role(a.conn), OF_ROLE_SLAVE);
	assert_int_equal(of_conn_role(c.conn), OF_ROLE_EQUAL);
}

static void generation_that_is_older_is_stale(void **state)
{
	struct peer peer;

	peer_connect(&peer, *state, false);
	ask_role(&peer, OF_ROLE_MASTER, UINT64_MAX);
	check_role(&peer, OF_ROLE_MASTER, UINT64_MAX);
	ask_role(&peer, OF_ROLE_SLAVE, 3); /* it wraps around */
	check_role(&peer, OF_ROLE_SLAVE, 3);
	ask_role(&peer, OF_ROLE_MASTER, 2);
	peer_expect_error(&peer, 3, OF_ET_ROLE_REQUEST_FAILED, OF_RR_STALE);
	assert_int_equal(of_conn_role(peer.conn), OF_ROLE_SLAVE);
	ask_role(&peer, OF_ROLE_EQUAL, 0); /* of which it does not count */
	check_role(&peer, OF_ROLE_EQUAL, 3);
	ask_role(&peer, 4, 9);
	peer_expect_error(&peer, 3, OF_ET_ROLE_REQUEST_FAILED, OF_RR_BAD_ROLE);
}

static void slave_reads_and_does_not_write(void **state)
{
	static const uint8_t writes[] = { T_PACKET_OUT, T_FLOW_MOD, T_GROUP_MOD, T_PORT_MOD,
		T_TABLE_MOD, T_METER_MOD };
	struct rig *rig = *state;
	uint8_t zeros[48] = { 0 };
	struct peer peer;

	peer_connect(&peer, rig, false);
	ask_role(&peer, OF_ROLE_SLAVE, 1);
	check_role(&peer, OF_ROLE_SLAVE, 1);
	for (unsigned i = 0; i < sizeof(writes); i++) {
		assert_int_equal(peer_send(&peer, writes[i], i, zeros, sizeof(zeros)), 0);
		peer_expect_error(&peer, i, OF_ET_BAD_REQUEST, OF_BR_IS_SLAVE);
	}
	zeros[1] = 12; /* table features, with a body */
	assert_int_equal(peer_send(&peer, T_MULTIPART_REQUEST, 5, zeros, 16), 0);
	peer_expect_error(&peer, 5, OF_ET_BAD_REQUEST, OF_BR_IS_SLAVE);
	peer_flow_mod(&peer, OF_FC_ADD, 1, 0);
	peer_expect_error(&peer, 77, OF_ET_BAD_REQUEST, OF_BR_IS_SLAVE);
	set_config(&peer, 1, 300);
	assert_int_equal(rig->fragments, 0);
	check_config(&peer, 0, 300);
	peer_ask_flows(&peer, 5, MP_FLOW);
	peer_expect(&peer, T_MULTIPART_REPLY, 5);
	assert_int_equal(rig->n_flows, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(barrier_is_answered_after_the_provider_has_done_all),
		TEST(features_are_those_of_the_switch),
		TEST(packet_out_goes_to_the_provider_or_is_refused),
		TEST(packet_out_without_room_is_dropped_and_counted),
		TEST(fragments_are_the_switchs_and_miss_send_len_the_connections),
		TEST(table_mod_may_say_nothing_but_what_is_deprecated),
		TEST(ports_have_no_queues),
		TEST(flow_mod_that_names_a_buffer_is_refused),
		TEST(multipart_requests_get_their_reply_or_error),
		TEST(aggregate_is_the_sum_of_all_flows),
		TEST(new_master_makes_the_old_one_a_slave),
		TEST(generation_that_is_older_is_stale),
		TEST(slave_reads_and_does_not_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
