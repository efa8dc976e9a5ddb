/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who is told what without having asked, long replies, and what a controller costs that does not
 * read.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "conn_rig.h"

#define MAX_OUT 100000

static int setup(void **state)
{
	const struct of_conns_conf conf = {
		.datapath_id = 1,
		.desc = { "", "", "", "", "" },
		.max_out_bytes = MAX_OUT,
		.packet_in_rate = 1000,
		.packet_in_burst = 10,
	};
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig_start(rig, &conf);
	*state = rig;
	return 0;
}

static void see_id(struct rig *rig, unsigned reason, uint16_t controller_id)
{
	static const uint8_t frame[100] = { 2, 0, 0, 0, 0, 1 };
	const struct of_packet_in in = {
		.reason = (uint8_t)reason,
		.table = 3,
		.max_len = 20,
		.controller_id = controller_id,
		.key = { .in_port = { 0, 0, 0, 1 } },
		.frame = frame,
		.n_frame = sizeof(frame),
		.total_len = sizeof(frame),
	};

	of_conns_packet_in(rig->conns, &in, rig->now_ns);
}

static void see(struct rig *rig, unsigned reason)
{
	see_id(rig, reason, 0);
}

static void change_port(struct rig *rig)
{
	const struct of_port_info port = { .no = 1 };

	of_conns_port_status(rig->conns, &port, OF_PR_MODIFY);
}

static void be_slave(struct peer *peer)
{
	const uint8_t body[16] = { 0, 0, 0, OF_ROLE_SLAVE };

	assert_int_equal(peer_send(peer, T_ROLE_REQUEST, 3, body, sizeof(body)), 0);
	peer_expect(peer, T_ROLE_REPLY, 3);
}

static struct of_conn_counts counts_of(const struct peer *peer)
{
	struct of_conn_counts counts;

	of_conn_counts(peer->conn, &counts);
	return counts;
}

/* Who */

static void equal_gets_all_but_invalid_ttl_by_default(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	see(rig, OF_PI_NO_MATCH);
	peer_expect(&peer, T_PACKET_IN, 0);
	see(rig, OF_PI_ACTION);
	peer_expect(&peer, T_PACKET_IN, 0);
	see(rig, OF_PI_INVALID_TTL);
	peer_expect_nothing(&peer);
	change_port(rig);
	peer_expect(&peer, T_PORT_STATUS, 0);
	peer_flow_mod(&peer, OF_FC_ADD, 1, RIG_SEND_FLOW_REM);
	peer_flow_mod(&peer, OF_FC_DELETE, 1, 0);
	peer_expect(&peer, T_FLOW_REMOVED, 0);
	peer_expect_nothing(&peer);
}

static void slave_gets_port_status_alone_by_default(void **state)
{
	struct rig *rig = *state;
	struct peer peer, other;

	peer_connect(&peer, rig, false);
	peer_connect(&other, rig, false);
	be_slave(&peer);
	see(rig, OF_PI_ACTION);
	peer_flow_mod(&other, OF_FC_ADD, 1, RIG_SEND_FLOW_REM);
	peer_flow_mod(&other, OF_FC_DELETE, 1, 0);
	peer_expect_nothing(&peer);
	change_port(rig);
	peer_expect(&peer, T_PORT_STATUS, 0);
}

static void set_async(struct peer *peer, uint32_t packet_in, uint32_t slave_packet_in)
{
	struct of_buf body = { 0 };

	of_buf_put_u32(&body, packet_in);
	of_buf_put_u32(&body, slave_packet_in);
	assert_non_null(of_buf_add(&body, 16));
	assert_int_equal(peer_send_buf(peer, T_SET_ASYNC, 5, &body), 0);
}

static void masks_that_are_set_hold_for_their_role(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	set_async(&peer, 4, 2);
	assert_int_equal(peer_send(&peer, T_GET_ASYNC_REQUEST, 6, NULL, 0), 0);
	const uint8_t *body = peer_expect(&peer, T_GET_ASYNC_REPLY, 6);

	assert_int_equal(of_get_u32(body), 4);
	assert_int_equal(of_get_u32(body + 4), 2);
	assert_int_equal(of_get_u32(body + 8), 0);
	see(rig, OF_PI_NO_MATCH);
	see(rig, OF_PI_ACTION);
	change_port(rig);
	peer_expect_nothing(&peer);
	see(rig, OF_PI_INVALID_TTL);
	peer_expect(&peer, T_PACKET_IN, 0);
	be_slave(&peer);
	see(rig, OF_PI_INVALID_TTL);
	peer_expect_nothing(&peer);
	see(rig, OF_PI_ACTION);
	peer_expect(&peer, T_PACKET_IN, 0);
}

static void service_is_told_nothing_before_it_asks(void **state)
{
	struct rig *rig = *state;
	struct peer by_config, by_async;

	peer_connect(&by_config, rig, true);
	peer_connect(&by_async, rig, true);
	see(rig, OF_PI_ACTION);
	change_port(rig);
	peer_expect_nothing(&by_config);
	assert_int_equal(peer_send(&by_config, T_SET_CONFIG, 1, "\0\0\1\0", 4), 0);
	set_async(&by_async, 2, 0);
	see(rig, OF_PI_ACTION);
	peer_expect(&by_config, T_PACKET_IN, 0);
	peer_expect(&by_async, T_PACKET_IN, 0);
}

static void nobody_is_told_before_the_handshake(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_open(&peer, rig, false);
	peer_expect(&peer, T_HELLO, 0);
	see(rig, OF_PI_ACTION);
	change_port(rig);
	peer_expect_nothing(&peer);
}

static void packet_in_goes_to_those_with_its_controller_id(void **state)
{
	const uint8_t set_id[] = { 0, 0, 0x23, 0x20, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 7 };
	struct rig *rig = *state;
	struct peer a, b;

	peer_connect(&a, rig, false);
	peer_connect(&b, rig, false);
	assert_int_equal(peer_send(&b, T_EXPERIMENTER, 5, set_id, sizeof(set_id)), 0);
	see_id(rig, OF_PI_ACTION, 7);
	peer_expect_nothing(&a);
	peer_expect(&b, T_PACKET_IN, 0);
	see_id(rig, OF_PI_ACTION, 0);
	peer_expect(&a, T_PACKET_IN, 0);
	peer_expect_nothing(&b);
}

/* Nothing is buffered, so whatever max_len says the frame would be lost. */
static void packet_in_holds_the_whole_frame_and_no_buffer(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	see(rig, OF_PI_ACTION);
	const uint8_t *body = peer_expect(&peer, T_PACKET_IN, 0);

	assert_int_equal(of_get_u32(body), OF_NO_BUFFER);
	assert_int_equal(of_get_u16(body + 4), 100);
	assert_int_equal(body[6], OF_PI_ACTION);
	assert_int_equal(body[7], 3);
	assert_int_equal(peer.msg[peer.n - 100], 2);
	assert_int_equal(peer.n, 24 + 16 + 2 + 100);
}

/* An action may name any reason; a mask has a bit for 32 of them. */
static void packet_in_with_a_reason_beyond_the_masks_is_for_nobody(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	see(rig, 32 + OF_PI_ACTION);
	see(rig, UINT8_MAX);
	peer_expect_nothing(&peer);
}

static void packet_in_is_nx2_when_that_is_asked(void **state)
{
	uint8_t set_format[] = { 0, 0, 0x23, 0x20, 0, 0, 0, 16, 0, 0, 0, 2 };
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	assert_int_equal(peer_send(&peer, T_EXPERIMENTER, 5, set_format, 12), 0);
	see(rig, OF_PI_ACTION);
	assert_int_equal(of_get_u32(peer_expect(&peer, T_EXPERIMENTER, 0) + 4), 30);
	set_format[11] = 9;
	assert_int_equal(peer_send(&peer, T_EXPERIMENTER, 5, set_format, 12), 0);
	peer_expect_error(&peer, 5, OF_ET_BAD_REQUEST, OF_BR_EPERM);
}

static void port_mod_is_told_to_all_but_who_did_it(void **state)
{
	const uint8_t body[32] = { 0, 0, 0, 1 };
	struct rig *rig = *state;
	struct peer a, b;

	peer_connect(&a, rig, false);
	peer_connect(&b, rig, false);
	assert_int_equal(peer_send(&a, T_PORT_MOD, 5, body, sizeof(body)), 0);
	assert_int_equal(rig->n_port_mods, 1);
	peer_expect_nothing(&a);
	assert_int_equal(b.n_wakes, 1);
	peer_expect(&b, T_PORT_STATUS, 0);
}

/* How much */

static void packet_ins_over_the_rate_are_counted_and_not_sent(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	for (unsigned i = 0; i < 50; i++)
		see(rig, OF_PI_ACTION);
	assert_int_equal(peer_read_all(&peer), 10);
	assert_int_equal(counts_of(&peer).n_packet_ins, 10);
	assert_int_equal(counts_of(&peer).n_limited, 40);
	rig->now_ns += RIG_S / 1000 * 3; /* three more */
	for (unsigned i = 0; i < 50; i++)
		see(rig, OF_PI_ACTION);
	assert_int_equal(peer_read_all(&peer), 3);
	rig->now_ns += 3600 * RIG_S;
	for (unsigned i = 0; i < 50; i++)
		see(rig, OF_PI_ACTION);
	assert_int_equal(peer_read_all(&peer), 10);
}

static size_t unread(struct peer *peer)
{
	size_t n;

	of_conn_output(peer->conn, &n);
	return n;
}

static void who_does_not_read_costs_bounded_memory(void **state)
{
	static const uint8_t echo[4096] = { 4, 2, 0x10, 0 };
	struct rig *rig = *state;
	struct peer peer;
	size_t used = 1;

	peer_connect(&peer, rig, false);
	for (unsigned i = 0; used > 0; i++) {
		assert_true(i < 1000);
		assert_int_equal(peer_bytes(&peer, echo, sizeof(echo), &used), 0);
	}
	for (unsigned i = 0; i < 5000; i++) {
		rig->now_ns += RIG_S;
		see(rig, OF_PI_ACTION);
		change_port(rig);
	}
	assert_int_equal(counts_of(&peer).n_packet_ins, 0);
	assert_true(counts_of(&peer).n_async_dropped > 5000);
	assert_true(unread(&peer) > MAX_OUT);
	assert_true(unread(&peer) < 2 * MAX_OUT + 200);
	/* It is heard again once it reads. */
	peer_read_all(&peer);
	assert_int_equal(peer_bytes(&peer, echo, sizeof(echo), &used), 0);
	assert_int_equal(used, sizeof(echo));
	see(rig, OF_PI_ACTION);
	assert_int_equal(peer_read_all(&peer), 2);
}

static void wake_comes_when_output_does(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	assert_int_equal(peer.n_wakes, 0);
	see(rig, OF_PI_ACTION);
	assert_int_equal(peer.n_wakes, 1);
	see(rig, OF_PI_ACTION);
	assert_int_equal(peer.n_wakes, 1);
	peer_read_all(&peer);
	see(rig, OF_PI_ACTION);
	assert_int_equal(peer.n_wakes, 2);
}

/* Long replies */

/* return: entries of the flow-stats message that was read; their priorities are marked */
static unsigned mark_flows(const struct peer *peer, bool *seen, unsigned n)
{
	unsigned found = 0;
	uint16_t len;

	for (size_t at = 16; at < peer->n; at += len, found++) {
		unsigned priority = of_get_u16(peer->msg + at + 12);

		len = of_get_u16(peer->msg + at);
		assert_true(len >= 48 && at + len <= peer->n);
		assert_true(priority >= 1 && priority <= n && !seen[priority]);
		seen[priority] = true;
	}
	return found;
}

#define MANY 20000

static void long_reply_is_written_as_it_is_read(void **state)
{
	static bool seen[MANY + 1];
	struct rig *rig = *state;
	struct peer peer;
	unsigned n = 0, n_packet_ins = 0;
	bool more = true;

	peer_connect(&peer, rig, false);
	rig_add_flows(rig, MANY);
	peer_ask_flows(&peer, 5, MP_FLOW);
	while (more) {
		assert_true(unread(&peer) < MAX_OUT + UINT16_MAX);
		rig->now_ns += RIG_S / 1000;
		see(rig, OF_PI_ACTION);
		assert_true(peer_read(&peer));
		if (peer.msg[1] == T_PACKET_IN) {
			n_packet_ins++;
			continue;
		}
		assert_int_equal(peer.msg[1], T_MULTIPART_REPLY);
		assert_int_equal(of_get_u32(peer.msg + 4), 5);
		more = of_get_u16(peer.msg + 10) & 1;
		n += mark_flows(&peer, seen, MANY);
	}
	assert_int_equal(n, MANY);
	assert_true(n_packet_ins > 5);
}

static void requests_wait_for_the_end_of_a_long_reply(void **state)
{
	const uint8_t barrier[] = { 4, T_BARRIER_REQUEST, 0, 8, 0, 0, 0, 9 };
	struct rig *rig = *state;
	struct peer peer;
	size_t used;

	peer_connect(&peer, rig, false);
	rig_add_flows(rig, MANY);
	peer_ask_flows(&peer, 5, MP_FLOW);
	do {
		assert_int_equal(peer_bytes(&peer, barrier, sizeof(barrier), &used), 0);
		assert_true(peer_read(&peer));
		assert_true(used == 0 || peer.msg[1] == T_BARRIER_REPLY || unread(&peer) > 0);
	} while (used == 0);
	assert_int_equal(rig->n_barriers, 1);
	peer_read_all(&peer);
	assert_int_equal(peer.msg[1], T_BARRIER_REPLY);
}

static void flows_may_go_while_they_are_told(void **state)
{
	struct rig *rig = *state;
	struct peer peer, other;

	peer_connect(&peer, rig, false);
	peer_connect(&other, rig, false);
	rig_add_flows(rig, MANY);
	peer_ask_flows(&peer, 5, MP_FLOW);
	peer_flow_mod(&other, OF_FC_DELETE, 0, 0);
	assert_int_equal(rig->n_flows, 0);
	peer_read_all(&peer);
	peer_ask_flows(&peer, 6, MP_FLOW);
	peer_expect(&peer, T_MULTIPART_REPLY, 6);
	assert_int_equal(peer.n, 16);
	rig_add_flows(rig, MANY);
	peer_ask_flows(&peer, 7, MP_FLOW); /* and nobody reads it */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(equal_gets_all_but_invalid_ttl_by_default),
		TEST(slave_gets_port_status_alone_by_default),
		TEST(masks_that_are_set_hold_for_their_role),
		TEST(service_is_told_nothing_before_it_asks),
		TEST(nobody_is_told_before_the_handshake),
		TEST(packet_in_goes_to_those_with_its_controller_id),
		TEST(packet_in_holds_the_whole_frame_and_no_buffer),
		TEST(packet_in_with_a_reason_beyond_the_masks_is_for_nobody),
		TEST(packet_in_is_nx2_when_that_is_asked),
		TEST(port_mod_is_told_to_all_but_who_did_it),
		TEST(packet_ins_over_the_rate_are_counted_and_not_sent),
		TEST(who_does_not_read_costs_bounded_memory),
		TEST(wake_comes_when_output_does),
		TEST(long_reply_is_written_as_it_is_read),
		TEST(requests_wait_for_the_end_of_a_long_reply),
		TEST(flows_may_go_while_they_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
