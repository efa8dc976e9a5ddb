/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a connection answers to the messages of bundles (ONF's extension 230), right and wrong.
 */
#include "unit.h"

#include "bundle_by_hand.h"

static void expect_reply(struct peer *peer, uint32_t xid, uint32_t id, unsigned type)
{
	const uint8_t *body = peer_expect(peer, T_EXPERIMENTER, xid);

	assert_int_equal(of_get_u32(body), BUNDLE_ONF);
	assert_int_equal(of_get_u32(body + 4), BUNDLE_CONTROL);
	assert_int_equal(of_get_u32(body + 8), id);
	assert_int_equal(of_get_u16(body + 12), type + 1);
	assert_int_equal(of_get_u16(body + 14), 0);
	assert_int_equal(peer->n, 24);
}

static void expect_bundle_error(struct peer *peer, uint32_t xid, unsigned code)
{
	peer_expect_error(peer, xid, OF_ET_EXPERIMENTER, 2300 + code);
	assert_int_equal(of_get_u32(peer->msg + 12), BUNDLE_ONF);
}

static void done(struct peer *peer, uint32_t id, unsigned type)
{
	bundle_control(peer, 9, id, type, BUNDLE_BOTH);
	expect_reply(peer, 9, id, type);
}

static void refused(struct peer *peer, uint32_t id, unsigned type, unsigned flags, unsigned code)
{
	bundle_control(peer, 9, id, type, flags);
	expect_bundle_error(peer, 9, code);
}

static void bundle_is_opened_filled_closed_and_committed(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	done(&peer, 1, OF_BT_OPEN);
	bundle_add_flow(&peer, 1, BUNDLE_BOTH, 5);
	bundle_add_flow(&peer, 1, BUNDLE_BOTH, 6);
	peer_expect_nothing(&peer);
	done(&peer, 1, OF_BT_CLOSE);
	assert_int_equal(rig->n_flows, 0);
	done(&peer, 1, OF_BT_COMMIT);
	assert_int_equal(rig->n_flows, 2);
	refused(&peer, 1, OF_BT_COMMIT, BUNDLE_BOTH, OF_BF_BAD_ID);
}

static void first_message_opens_a_bundle_too(void **state)
{
	struct rig *rig = *state;
	struct peer peer, other;

	peer_connect(&peer, rig, false);
	peer_connect(&other, rig, false);
	bundle_add_flow(&peer, 1, BUNDLE_BOTH, 5);
	refused(&other, 1, OF_BT_COMMIT, BUNDLE_BOTH, OF_BF_BAD_ID); /* another connection's */
	done(&peer, 1, OF_BT_COMMIT);
	assert_int_equal(rig->n_flows, 1);
}

static void discarded_bundle_does_nothing(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	bundle_add_flow(&peer, 1, BUNDLE_BOTH, 5);
	done(&peer, 1, OF_BT_DISCARD);
	refused(&peer, 1, OF_BT_DISCARD, BUNDLE_BOTH, OF_BF_BAD_ID);
	refused(&peer, 1, OF_BT_CLOSE, BUNDLE_BOTH, OF_BF_BAD_ID);
	assert_int_equal(rig->n_flows, 0);
}

static void misused_bundle_is_refused_and_over(void **state)
{
	struct peer peer;

	peer_connect(&peer, *state, false);
	done(&peer, 1, OF_BT_OPEN);
	refused(&peer, 1, OF_BT_OPEN, BUNDLE_BOTH, OF_BF_BAD_ID);
	refused(&peer, 1, OF_BT_COMMIT, BUNDLE_BOTH, OF_BF_BAD_ID);
	done(&peer, 2, OF_BT_OPEN);
	refused(&peer, 2, OF_BT_CLOSE, 1, OF_BF_BAD_FLAGS);
	done(&peer, 2, OF_BT_OPEN);
	refused(&peer, 2, OF_BT_COMMIT, 1, OF_BF_BAD_FLAGS);
	done(&peer, 2, OF_BT_OPEN);
	done(&peer, 2, OF_BT_CLOSE);
	refused(&peer, 2, OF_BT_CLOSE, BUNDLE_BOTH, OF_BF_BUNDLE_CLOSED);
	done(&peer, 2, OF_BT_OPEN);
	done(&peer, 2, OF_BT_CLOSE);
	bundle_add_flow(&peer, 2, BUNDLE_BOTH, 5);
	expect_bundle_error(&peer, 7, OF_BF_BUNDLE_CLOSED);
	done(&peer, 2, OF_BT_OPEN);
	bundle_add_flow(&peer, 2, 1, 5);
	expect_bundle_error(&peer, 7, OF_BF_BAD_FLAGS);
	refused(&peer, 2, OF_BT_DISCARD, BUNDLE_BOTH, OF_BF_BAD_ID);
}

static void unknown_types_and_flags_are_refused(void **state)
{
	struct peer peer;

	peer_connect(&peer, *state, false);
	refused(&peer, 1, OF_BT_OPEN + 1, BUNDLE_BOTH, OF_BF_BAD_TYPE);
	refused(&peer, 1, OF_BT_DISCARD + 2, BUNDLE_BOTH, OF_BF_BAD_TYPE);
	refused(&peer, 1, OF_BT_OPEN, 4, OF_BF_BAD_FLAGS);
}

static void add_wrong(struct peer *peer, unsigned type, size_t n, uint32_t xid, unsigned code)
{
	struct of_buf msg = { 0 };

	of_buf_put_u8(&msg, 4);
	of_buf_put_u8(&msg, (uint8_t)type);
	of_buf_put_u16(&msg, (uint16_t)n);
	of_buf_put_u32(&msg, xid);
	bundle_add(peer, 1, BUNDLE_BOTH, &msg);
	of_buf_done(&msg);
	expect_bundle_error(peer, 7, code);
}

static void message_that_cannot_be_in_a_bundle_is_refused_alone(void **state)
{
	struct of_buf cut = { 0 }, bad = { 0 };
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	bundle_add_flow(&peer, 1, BUNDLE_BOTH, 5);
	add_wrong(&peer, T_BARRIER_REQUEST, 8, 7, OF_BF_MSG_UNSUP);
	add_wrong(&peer, T_METER_MOD, 8, 7, OF_BF_MSG_UNSUP);
	add_wrong(&peer, T_EXPERIMENTER, 8, 7, OF_BF_MSG_UNSUP);
	add_wrong(&peer, T_FLOW_MOD, 8, 8, OF_BF_MSG_BAD_XID);
	add_wrong(&peer, T_FLOW_MOD, 9, 7, OF_BF_MSG_BAD_LEN);
	add_wrong(&peer, T_FLOW_MOD, 7, 7, OF_BF_MSG_BAD_LEN);
	of_buf_put_u32(&cut, 0);
	bundle_add(&peer, 1, BUNDLE_BOTH, &cut);
	expect_bundle_error(&peer, 7, OF_BF_MSG_BAD_LEN);
	bundle_put_header(&bad, T_FLOW_MOD, 8);
	bundle_add(&peer, 1, BUNDLE_BOTH, &bad);
	peer_expect_error(&peer, 7, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
	of_buf_done(&cut);
	of_buf_done(&bad);
	done(&peer, 1, OF_BT_COMMIT);
	assert_int_equal(rig->n_flows, 1);
}

static void failed_message_is_told_by_its_own_error_and_nothing_is_done(void **state)
{
	struct of_buf wrong = { 0 };
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	bundle_add_flow(&peer, 1, BUNDLE_BOTH, 5);
	bundle_add_port_mod(&peer, 1, 1, 1);
	bundle_put_flow_mod(&wrong, OF_FC_ADD, 5, 0);
	wrong.data[32] = 0; /* a buffer, of which there is none */
	bundle_add(&peer, 1, BUNDLE_BOTH, &wrong);
	of_buf_done(&wrong);
	bundle_add_packet_out(&peer, 1, 60);
	peer_expect_nothing(&peer);
	bundle_control(&peer, 9, 1, OF_BT_COMMIT, BUNDLE_BOTH);
	peer_expect_error(&peer, 7, OF_ET_BAD_REQUEST, OF_BR_BUFFER_UNKNOWN);
	expect_bundle_error(&peer, 9, OF_BF_MSG_FAILED);
	assert_int_equal(rig->n_flows, 0);
	assert_int_equal(rig->n_port_mods, 0);
	assert_int_equal(rig->n_packet_outs, 0);
	refused(&peer, 1, OF_BT_DISCARD, BUNDLE_BOTH, OF_BF_BAD_ID);
}

static void port_mods_and_packet_outs_are_done_with_the_rest(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	bundle_add_packet_out(&peer, 1, 60);
	bundle_add_port_mod(&peer, 1, 1, 1);
	bundle_add_flow(&peer, 1, BUNDLE_BOTH, 5);
	done(&peer, 1, OF_BT_COMMIT);
	assert_int_equal(rig->n_flows, 1);
	assert_int_equal(rig->n_port_mods, 1);
	assert_int_equal(rig->n_packet_outs, 1);
}

static void port_mods_are_undone_when_another_fails(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, false);
	rig->refused_config = 0x20;
	bundle_add_flow(&peer, 1, BUNDLE_BOTH, 5);
	bundle_add_port_mod(&peer, 1, 1, 1);
	bundle_add_port_mod(&peer, 1, 1, 0x20);
	bundle_control(&peer, 9, 1, OF_BT_COMMIT, BUNDLE_BOTH);
	peer_expect_error(&peer, 7, OF_ET_PORT_MOD_FAILED, OF_PM_EPERM);
	expect_bundle_error(&peer, 9, OF_BF_MSG_FAILED);
	assert_int_equal(rig->port_config, 0);
	assert_int_equal(rig->n_flows, 0);
	bundle_add_packet_out(&peer, 1, 5);
	bundle_add_port_mod(&peer, 1, 1, 1);
	bundle_control(&peer, 9, 1, OF_BT_COMMIT, BUNDLE_BOTH);
	peer_expect_error(&peer, 7, OF_ET_BAD_REQUEST, OF_BR_BAD_PACKET);
	expect_bundle_error(&peer, 9, OF_BF_MSG_FAILED);
	assert_int_equal(rig->port_config, 0);
}

static void slave_has_no_bundles(void **state)
{
	struct of_buf body = { 0 };
	struct peer peer;

	peer_connect(&peer, *state, false);
	of_buf_put_u32(&body, OF_ROLE_SLAVE);
	of_buf_put_u32(&body, 0);
	of_buf_put_u64(&body, 1);
	assert_int_equal(peer_send_buf(&peer, T_ROLE_REQUEST, 3, &body), 0);
	peer_expect(&peer, T_ROLE_REPLY, 3);
	bundle_control(&peer, 9, 1, OF_BT_OPEN, BUNDLE_BOTH);
	peer_expect_error(&peer, 9, OF_ET_BAD_REQUEST, OF_BR_IS_SLAVE);
	bundle_add_flow(&peer, 1, BUNDLE_BOTH, 5);
	peer_expect_error(&peer, 7, OF_ET_BAD_REQUEST, OF_BR_IS_SLAVE);
}

static void bundle_that_nobody_uses_ends_after_ten_seconds(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, true);
	done(&peer, 1, OF_BT_OPEN);
	rig->now_ns += 9 * RIG_S;
	bundle_add_flow(&peer, 1, BUNDLE_BOTH, 5);
	rig->now_ns += 9 * RIG_S;
	assert_int_equal(of_conn_tick(peer.conn, rig->now_ns), 0);
	peer_expect_nothing(&peer);
	rig->now_ns += RIG_S;
	assert_int_equal(of_conn_tick(peer.conn, rig->now_ns), 0);
	expect_bundle_error(&peer, 9, OF_BF_TIMEOUT);
	refused(&peer, 1, OF_BT_COMMIT, BUNDLE_BOTH, OF_BF_BAD_ID);
}

static void bundles_and_what_they_hold_have_their_limits(void **state)
{
	struct peer peer;
	unsigned n = 0;

	peer_connect(&peer, *state, false);
	for (uint32_t id = 1; id <= 256; id++)
		done(&peer, id, OF_BT_OPEN);
	refused(&peer, 257, OF_BT_OPEN, BUNDLE_BOTH, OF_BF_OUT_OF_BUNDLES);
	bundle_add_flow(&peer, 257, BUNDLE_BOTH, 5);
	expect_bundle_error(&peer, 7, OF_BF_OUT_OF_BUNDLES);
	/* A packet-out of 60 KiB, again and again: until 256 MiB. */
	do {
		bundle_add_packet_out(&peer, 1, 60000);
		n++;
	} while (!peer_read(&peer));
	assert_int_equal(of_get_u16(peer.msg + 10), 2300 + OF_BF_MSG_TOO_MANY);
	assert_int_equal(n, (256u << 20) / (60000 + 56) + 1);
	done(&peer, 1, OF_BT_DISCARD);
	bundle_add_packet_out(&peer, 2, 60000);
	peer_expect_nothing(&peer);
}

#define claim(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		claim(bundle_is_opened_filled_closed_and_committed),
		claim(first_message_opens_a_bundle_too),
		claim(discarded_bundle_does_nothing),
		claim(misused_bundle_is_refused_and_over),
		claim(unknown_types_and_flags_are_refused),
		claim(message_that_cannot_be_in_a_bundle_is_refused_alone),
		claim(failed_message_is_told_by_its_own_error_and_nothing_is_done),
		claim(port_mods_and_packet_outs_are_done_with_the_rest),
		claim(port_mods_are_undone_when_another_fails),
		claim(slave_has_no_bundles),
		claim(bundle_that_nobody_uses_ends_after_ten_seconds),
		claim(bundles_and_what_they_hold_have_their_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
