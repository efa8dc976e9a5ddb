/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Flow monitors: whatever a controller is told, and however slowly it reads, in the end it knows
 * the flows that there are.
 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn_rig.h"

#define MAX_OUT 20000
#define MANY    4000  /* flows, by priority */
#define MOST    12000 /* more than wait in the output when a dump begins */

#define INITIAL 0x01
#define ADD     0x02
#define DELETE  0x04
#define MODIFY  0x08
#define ACTIONS 0x10
#define OWN     0x20
#define ALL     0x1f

enum {
	ADDED,
	DELETED,
	MODIFIED,
	ABBREV
};

/* What a peer knows by what it was told. */
struct view {
	bool there[MOST + 1], acts[MOST + 1];
	unsigned n_updates, n_paused, n_resumed;
	struct {
		unsigned event, reason, priority, len;
		uint32_t xid; /* of ABBREV */
	} last;
};

static int setup(void **state)
{
	const struct of_conns_conf conf = {
		.datapath_id = 1,
		.desc = { "", "", "", "", "" },
		.max_out_bytes = MAX_OUT,
	};
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig_start(rig, &conf);
	*state = rig;
	return 0;
}

static void take_update(struct view *view, const uint8_t *update, unsigned len)
{
	unsigned event = of_get_u16(update), priority;

	update -= 2;
	view->n_updates++;
	view->last.event = event;
	view->last.len = len;
	view->last.xid = of_get_u32(update + 4);
	if (event == ABBREV) {
		assert_int_equal(len, 8);
		return;
	}
	priority = of_get_u16(update + 6);
	assert_true(event <= MODIFIED && priority <= MOST);
	view->last.reason = of_get_u16(update + 4);
	view->last.priority = priority;
	view->there[priority] = event != DELETED;
	view->acts[priority] = len > 32;
}

static void take_updates(struct view *view, const uint8_t *msg, size_t n)
{
	unsigned len;

	for (size_t at = 24; at < n; at += len) {
		len = of_get_u16(msg + at);
		assert_true(len >= 8 && at + len <= n);
		take_update(view, msg + at + 2, len);
	}
}

/* Read one message. return: false when none waits */
static bool hear(struct peer *peer, struct view *view)
{
	if (!peer_read(peer))
		return false;
	if (peer->msg[1] == T_MULTIPART_REPLY) {
		take_updates(view, peer->msg, peer->n);
	} else {
		assert_int_equal(peer->msg[1], T_EXPERIMENTER);
		assert_int_equal(of_get_u32(peer->msg + 8), 0x4f4e4600);
		view->n_paused += of_get_u32(peer->msg + 12) == 1871;
		view->n_resumed += of_get_u32(peer->msg + 12) == 1872;
		assert_true(view->n_resumed <= view->n_paused);
	}
	return true;
}

static void hear_all(struct peer *peer, struct view *view)
{
	while (hear(peer, view))
		;
}

static void check_view(struct rig *rig, const struct view *view)
{
	const struct of_flow_filter all = {
		.table = OF_TABLE_ALL,
		.out_port = OF_PORT_ANY,
		.out_group = OF_GROUP_ANY,
	};
	static bool there[MOST + 1];
	struct of_flow **flows = NULL;
	int n = of_switch_flows(rig->sw, &all, &flows, NULL);

	assert_true(n >= 0);
	memset(there, 0, sizeof(there));
	for (int i = 0; i < n; i++) {
		unsigned priority = flows[i]->priority;

		there[priority] = true;
		assert_int_equal(view->acts[priority], flows[i]->instructions.has_apply);
	}
	assert_memory_equal(view->there, there, sizeof(there));
	of_switch_flows_done(rig->sw, flows, n);
}

static void monitor_port(struct peer *peer, uint32_t id, uint16_t flags, uint32_t port)
{
	struct of_buf body = { 0 };

	of_buf_put_u16(&body, MP_EXPERIMENTER);
	assert_non_null(of_buf_add(&body, 6));
	of_buf_put_u32(&body, 0x4f4e4600);
	of_buf_put_u32(&body, 1870);
	of_buf_put_u32(&body, id);
	of_buf_put_u16(&body, flags);
	of_buf_put_u16(&body, 4); /* match_len */
	of_buf_put_u32(&body, port);
	of_buf_put_u32(&body, UINT32_C(255) << 24);
	of_buf_put_u32(&body, 0x00010004);
	of_buf_put_u32(&body, 0);
	assert_int_equal(peer_send_buf(peer, T_MULTIPART_REQUEST, id, &body), 0);
}

static void monitor(struct peer *peer, uint32_t id, uint16_t flags)
{
	monitor_port(peer, id, flags, OF_PORT_ANY);
}

static void cancel(struct peer *peer, uint32_t id)
{
	struct of_buf body = { 0 };

	of_buf_put_u32(&body, 0x4f4e4600);
	of_buf_put_u32(&body, 1870);
	of_buf_put_u32(&body, id);
	assert_int_equal(peer_send_buf(peer, T_EXPERIMENTER, 6, &body), 0);
}

static void expect_nx_error(struct peer *peer, uint32_t xid, unsigned code)
{
	peer_expect_error(peer, xid, OF_ET_EXPERIMENTER, code);
	assert_int_equal(of_get_u32(peer->msg + 12), 0x2320);
}

static struct view *view_new(void)
{
	struct view *view = calloc(1, sizeof(*view));

	assert_non_null(view);
	return view;
}

static void initial_flows_are_the_reply(void **state)
{
	struct view *view = view_new();
	struct rig *rig = *state;
	struct peer peer, other;

	peer_connect(&peer, rig, true);
	peer_connect(&other, rig, true);
	peer_flow_mod(&other, OF_FC_ADD, 5, 0);
	peer_flow_mod(&other, OF_FC_ADD, 6, 0);
	monitor(&peer, 1, ALL);
	assert_true(hear(&peer, view));
	assert_int_equal(of_get_u32(peer.msg + 4), 1);
	assert_int_equal(view->n_updates, 2);
	check_view(rig, view);
	monitor(&peer, 2, ADD);
	assert_true(hear(&peer, view)); /* an empty reply */
	assert_int_equal(peer.n, 24);
	peer_expect_nothing(&peer);
	free(view);
}

static void changes_of_others_are_told_in_full(void **state)
{
	struct view *view = view_new();
	struct rig *rig = *state;
	struct peer peer, other;

	peer_connect(&peer, rig, true);
	peer_connect(&other, rig, true);
	monitor(&peer, 1, ALL);
	hear_all(&peer, view);
	peer_flow_mod(&other, OF_FC_ADD, 5, 0);
	assert_int_equal(peer.n_wakes, 1);
	hear_all(&peer, view);
	assert_int_equal(of_get_u32(peer.msg + 4), 0); /* xid */
	assert_int_equal(view->last.event, ADDED);
	check_view(rig, view);
	peer_flow_mod(&other, OF_FC_MODIFY_STRICT, 5, 0);
	hear_all(&peer, view);
	assert_int_equal(view->last.event, MODIFIED);
	check_view(rig, view);
	peer_flow_mod(&other, OF_FC_DELETE, 5, 0);
	hear_all(&peer, view);
	assert_int_equal(view->last.event, DELETED);
	assert_int_equal(view->last.reason, OF_RR_DELETE);
	assert_int_equal(view->n_updates, 3);
	free(view);
}

static void own_changes_are_abbreviated_before_the_barrier(void **state)
{
	struct view *view = view_new();
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, true);
	monitor(&peer, 1, ALL);
	hear_all(&peer, view);
	rig_add_flows(rig, 3);
	hear_all(&peer, view);
	assert_int_equal(view->n_updates, 3);
	peer_flow_mod(&peer, OF_FC_DELETE, 0, 0); /* all three */
	assert_int_equal(peer_send(&peer, T_BARRIER_REQUEST, 8, NULL, 0), 0);
	assert_true(hear(&peer, view));
	assert_int_equal(view->n_updates, 4);
	assert_int_equal(view->last.event, ABBREV);
	assert_int_equal(view->last.xid, 77);
	peer_expect(&peer, T_BARRIER_REPLY, 8);
	free(view);
}

static void own_changes_are_told_in_full_when_that_is_asked(void **state)
{
	struct view *view = view_new();
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, true);
	monitor(&peer, 1, ALL | OWN);
	hear_all(&peer, view);
	peer_flow_mod(&peer, OF_FC_ADD, 5, 0);
	hear_all(&peer, view);
	check_view(rig, view);
	free(view);
}

static void only_what_the_flags_name_is_told(void **state)
{
	struct view *view = view_new();
	struct rig *rig = *state;
	struct peer peer, other;

	peer_connect(&peer, rig, true);
	peer_connect(&other, rig, true);
	peer_flow_mod(&other, OF_FC_ADD, 5, 0);
	monitor(&peer, 1, ADD);
	hear_all(&peer, view);
	peer_flow_mod(&other, OF_FC_MODIFY_STRICT, 5, 0);
	peer_flow_mod(&other, OF_FC_DELETE, 5, 0);
	hear_all(&peer, view);
	assert_int_equal(view->n_updates, 0);
	peer_flow_mod(&other, OF_FC_ADD, 6, 0);
	hear_all(&peer, view);
	assert_int_equal(view->n_updates, 1);
	assert_int_equal(view->last.len, 32); /* without actions */
	cancel(&peer, 1);
	peer_flow_mod(&other, OF_FC_ADD, 7, 0);
	peer_expect_nothing(&peer);
	free(view);
}

static void only_flows_to_the_port_are_told(void **state)
{
	struct view *view = view_new();
	struct rig *rig = *state;
	struct peer peer, other;

	peer_connect(&peer, rig, true);
	peer_connect(&other, rig, true);
	monitor_port(&peer, 1, ALL, 1);
	hear_all(&peer, view);
	rig_add_flows(rig, 3); /* they drop */
	hear_all(&peer, view);
	assert_int_equal(view->n_updates, 0);
	peer_flow_mod(&other, OF_FC_ADD, 9, 0);
	hear_all(&peer, view);
	assert_int_equal(view->n_updates, 1);
	free(view);
}

static void ids_are_used_once_and_known_when_they_are_cancelled(void **state)
{
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, true);
	monitor(&peer, 1, ALL);
	peer_expect(&peer, T_MULTIPART_REPLY, 1);
	monitor(&peer, 1, ALL);
	expect_nx_error(&peer, 1, 6);
	monitor(&peer, 2, 0x40);
	expect_nx_error(&peer, 2, 7);
	cancel(&peer, 3);
	expect_nx_error(&peer, 6, 8);
	cancel(&peer, 1);
	monitor(&peer, 1, ALL);
	peer_expect(&peer, T_MULTIPART_REPLY, 1);
}

static void flow_whose_time_is_over_is_told_with_its_reason(void **state)
{
	struct of_flow_mod mod = {
		.command = OF_FC_ADD,
		.priority = 5,
		.hard_timeout_s = 10,
		.buffer_id = OF_NO_BUFFER,
	};
	struct view *view = view_new();
	struct rig *rig = *state;
	struct peer peer;

	peer_connect(&peer, rig, true);
	monitor(&peer, 1, ALL);
	assert_int_equal(of_switch_flow_mod(rig->sw, &mod, rig->now_ns, NULL), 0);
	mod.priority = 6;
	mod.hard_timeout_s = 0;
	mod.idle_timeout_s = 10;
	assert_int_equal(of_switch_flow_mod(rig->sw, &mod, rig->now_ns, NULL), 0);
	rig->now_ns += 10 * RIG_S;
	of_switch_expire(rig->sw, rig->now_ns, 1);
	hear_all(&peer, view);
	assert_int_equal(view->last.event, DELETED);
	assert_int_equal(view->last.reason, OF_RR_HARD_TIMEOUT);
	of_switch_expire(rig->sw, rig->now_ns, 1);
	hear_all(&peer, view);
	assert_int_equal(view->last.priority, 6);
	assert_int_equal(view->last.reason, OF_RR_IDLE_TIMEOUT);
	free(view);
}

static size_t unread(struct peer *peer)
{
	size_t n;

	of_conn_output(peer->conn, &n);
	return n;
}

static void who_reads_too_slowly_is_paused_and_catches_up(void **state)
{
	struct view *view = view_new();
	struct rig *rig = *state;
	struct peer peer, other;

	peer_connect(&peer, rig, true);
	peer_connect(&other, rig, true);
	monitor(&peer, 1, ALL);
	hear_all(&peer, view);
	for (uint16_t i = 1; i <= MANY; i++) {
		rig->now_ns++;
		peer_flow_mod(&other, OF_FC_ADD, i, 0);
	}
	assert_true(unread(&peer) < MAX_OUT + 200);
	peer_flow_mod(&other, OF_FC_MODIFY_STRICT, 3, 0); /* of which it knows */
	peer_flow_mod(&other, OF_FC_DELETE_STRICT, 4, 0);
	peer_flow_mod(&other, OF_FC_DELETE_STRICT, MANY, 0); /* of which it does not */
	hear_all(&peer, view);
	assert_int_equal(view->n_paused, 1);
	assert_int_equal(view->n_resumed, 1);
	check_view(rig, view);
	/* And from then on as before. */
	peer_flow_mod(&other, OF_FC_ADD, 4, 0);
	hear_all(&peer, view);
	check_view(rig, view);
	free(view);
}

static void flow_removed_while_all_are_told_does_not_stay(void **state)
{
	struct view *view = view_new();
	struct rig *rig = *state;
	struct peer peer, other;

	peer_connect(&peer, rig, true);
	peer_connect(&other, rig, true);
	rig_add_flows(rig, MOST);
	monitor(&peer, 1, ALL);
	assert_true(hear(&peer, view));
	rig->now_ns++;
	peer_flow_mod(&other, OF_FC_DELETE, 0, 0);
	peer_flow_mod(&other, OF_FC_ADD, 7, 0);
	hear_all(&peer, view);
	check_view(rig, view);
	free(view);
}

/* Each time it is another flow for the switch, and perhaps one that the peer knows. */
static void come_and_go(struct rig *rig)
{
	struct of_flow_mod mod = {
		.command = OF_FC_ADD,
		.buffer_id = OF_NO_BUFFER,
		.out_port = OF_PORT_ANY,
		.out_group = OF_GROUP_ANY,
	};

	rig->now_ns++;
	assert_int_equal(of_switch_flow_mod(rig->sw, &mod, rig->now_ns, NULL), 0);
	mod.command = OF_FC_DELETE;
	assert_int_equal(of_switch_flow_mod(rig->sw, &mod, rig->now_ns, NULL), 0);
}

static void who_never_reads_is_ended_before_removals_pile_up(void **state)
{
	struct rig *rig = *state;
	struct peer peer;
	size_t n;

	peer_connect(&peer, rig, true);
	monitor(&peer, 1, ALL);
	for (unsigned i = 0; i < 2 * RIG_MAX_FLOWS + MAX_OUT; i++)
		come_and_go(rig);
	assert_int_equal(of_conn_tick(peer.conn, rig->now_ns), -ENOBUFS);
	(void)of_conn_output(peer.conn, &n);
	assert_true(n < 2 * RIG_MAX_FLOWS * 80);
}

static void change_something(struct rig *rig, struct peer *by)
{
	uint16_t priority = (uint16_t)(1 + rand() % MANY);

	switch (rand() % 10) {
	case 0:
		rig_add_flows(rig, (unsigned)rand() % MANY);
		break;
	case 1:
		peer_flow_mod(by, rand() % 2 ? OF_FC_DELETE : OF_FC_MODIFY, 0, 0);
		break;
	case 2:
	case 3:
	case 4:
		peer_flow_mod(by, OF_FC_DELETE_STRICT, priority, 0);
		break;
	case 5:
		peer_flow_mod(by, OF_FC_MODIFY_STRICT, priority, 0);
		break;
	default:
		peer_flow_mod(by, OF_FC_ADD, priority, 0);
	}
}

/* Whatever happens in whatever order, also within one nanosecond. */
static void view_is_right_in_the_end(void **state)
{
	struct view *view = view_new();
	struct rig *rig = *state;
	struct peer peer, other;

	srand(1);
	peer_connect(&peer, rig, true);
	peer_connect(&other, rig, true);
	for (unsigned round = 0; round < 60; round++) {
		unsigned id = round % 3, n = 1 + (unsigned)rand() % 100;

		/* A request is only taken when its output is not full. */
		if (unread(&peer) == 0 && round % 7 == 0) {
			cancel(&peer, id);
			peer_read_all(&peer);
			monitor(&peer, id, ALL);
		}
		while (n-- > 0) {
			rig->now_ns += (unsigned)rand() % 2;
			change_something(rig, &other);
			if (rand() % 4 == 0)
				hear(&peer, view);
		}
		if (rand() % 2 == 0) {
			hear_all(&peer, view);
			check_view(rig, view);
		}
	}
	hear_all(&peer, view);
	check_view(rig, view);
	assert_true(view->n_paused > 3);
	assert_int_equal(view->n_paused, view->n_resumed);
	free(view);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(initial_flows_are_the_reply),
		TEST(changes_of_others_are_told_in_full),
		TEST(own_changes_are_abbreviated_before_the_barrier),
		TEST(own_changes_are_told_in_full_when_that_is_asked),
		TEST(only_what_the_flags_name_is_told),
		TEST(only_flows_to_the_port_are_told),
		TEST(ids_are_used_once_and_known_when_they_are_cancelled),
		TEST(flow_whose_time_is_over_is_told_with_its_reason),
		TEST(who_reads_too_slowly_is_paused_and_catches_up),
		TEST(flow_removed_while_all_are_told_does_not_stay),
		TEST(who_never_reads_is_ended_before_removals_pile_up),
		TEST(view_is_right_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
