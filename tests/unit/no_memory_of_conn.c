/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every allocation of a connection's life failed in turn, and of a bundle's: it ends with -ENOMEM,
 * or a request was refused, and nothing is lost or leaked.
 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "bundle_by_hand.h"
#include "fail_malloc.h"

/* hello; flows; a monitor of all; the flows; description; a message in two pieces */
static const uint8_t dialogue[] = {
	4, 0, 0, 8, 0, 0, 0, 1,                                         /* hello */
	4, 18, 0, 56, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, /* flow stats */
	255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, /* ... */
	4, 18, 0, 48, 0, 0, 0, 3, 255, 255, 0, 0, 0, 0, 0, 0, 0x4f, 0x4e, 0x46, 0, 0, 0, 7, 0x4e, 0,
	0, 0, 1, 0, 0x3f, 0, 4, 255, 255, 255, 255, 255, 0, 0, 0, 0, 1, 0, 4, 0, 0, 0,
	0, /* monitor */
	4, 14, 0, 56, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0,
	0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 1, 0, 4, 0,
	0, 0, 0, /* delete */
	4, 14, 0, 56, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 1, 0, 4, 0,
	0, 0, 0,                                          /* add */
	4, 18, 0, 16, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, /* description */
};

static int feed(struct of_conn *conn, const uint8_t *bytes, size_t n)
{
	size_t used;

	return of_conn_receive(conn, bytes, n, RIG_S, &used);
}

static void read_all(struct of_conn *conn)
{
	size_t n;

	while (of_conn_output(conn, &n))
		of_conn_sent(conn, n, RIG_S);
}

static int live(void *ctx)
{
	struct rig *rig = ctx;
	struct of_conn *conn;
	int r = of_conn_new(rig->conns, false, NULL, NULL, &conn);

	if (r < 0)
		return r;
	r = feed(conn, dialogue, sizeof(dialogue) - 5);
	if (r == 0)
		r = feed(conn, dialogue + sizeof(dialogue) - 5, 5);
	read_all(conn);
	if (r == 0)
		r = of_conn_tick(conn, RIG_S);
	of_conn_free(conn);
	return r;
}

static void check_lived(void *ctx, int r, bool failed)
{
	struct rig *rig = ctx;

	assert_true(r == 0 || (failed && r == -ENOMEM));
	assert_int_equal(of_conns_n(rig->conns), 0);
}

static void connection_without_memory_ends_or_refuses(void **state)
{
	struct rig rig;

	rig_start(&rig, NULL);
	rig_add_flows(&rig, 100);
	assert_true(fail_malloc_each(live, check_lived, &rig) > 10);
	rig_end(&rig);
}

/* A bundle of all kinds for a switch of five flows and a group; what is asked of it is its state.
 */

static struct rig rig;
static struct peer peer, asker;
static struct of_buf before, after;

static void put_state(struct of_buf *ret)
{
	static const uint8_t groups[8] = { 0, 7 };

	of_buf_done(ret);
	peer_ask_flows(&asker, 1, MP_FLOW);
	assert_int_equal(peer_send(&asker, T_MULTIPART_REQUEST, 1, groups, sizeof(groups)), 0);
	while (peer_read(&asker))
		of_buf_put(ret, asker.msg, asker.n);
	of_buf_put_u32(ret, rig.port_config);
	of_buf_put_u32(ret, rig.n_packet_outs);
	assert_false(ret->failed);
}

static void add_mod(struct peer *to, unsigned command, unsigned priority)
{
	struct of_buf msg = { 0 };

	bundle_put_flow_mod(&msg, command, priority, 0);
	bundle_add(to, 1, BUNDLE_BOTH, &msg);
	of_buf_done(&msg);
}

static void fill(void)
{
	bundle_add_port_mod(&peer, 1, 1, 1);
	bundle_add_group(&peer, 1, OF_GC_DELETE, 1);
	bundle_add_group(&peer, 1, OF_GC_ADD, 1);
	bundle_add_group(&peer, 1, OF_GC_ADD, 2);
	bundle_add_group(&peer, 1, OF_GC_MODIFY, 3);
	add_mod(&peer, OF_FC_DELETE_STRICT, 1);
	add_mod(&peer, OF_FC_MODIFY, 0);
	for (unsigned priority = 4; priority < 40; priority++)
		add_mod(&peer, OF_FC_ADD, priority);
	bundle_add_packet_out(&peer, 1, 60);
}

static void ready(void)
{
	rig_start(&rig, NULL);
	peer_connect(&asker, &rig, true);
	peer_connect(&peer, &rig, false);
	for (uint16_t priority = 1; priority <= 5; priority++)
		peer_flow_mod(&peer, OF_FC_ADD, priority, 0);
	bundle_add_group(&peer, 1, OF_GC_ADD, 1);
	bundle_add_group(&peer, 1, OF_GC_ADD, 3);
	bundle_control(&peer, 9, 1, OF_BT_COMMIT, BUNDLE_BOTH);
	assert_int_equal(peer_read_all(&peer), 1);
}

static void ready_to_commit(void)
{
	ready();
	fill();
	peer_expect_nothing(&peer);
	put_state(&before);
}

static void again(void (*begin)(void))
{
	rig_end(&rig);
	begin();
}

static int commit(void *ctx)
{
	static const uint8_t msg[] = { 4, T_EXPERIMENTER, 0, 24, 0, 0, 0, 9, 0x4f, 0x4e, 0x46, 0, 0,
		0, BUNDLE_CONTROL >> 8, BUNDLE_CONTROL & 0xff, 0, 0, 0, 1, 0, OF_BT_COMMIT, 0,
		BUNDLE_BOTH };

	return feed(peer.conn, msg, sizeof(msg));
}

static bool is_state(const struct of_buf *expected)
{
	struct of_buf now = { 0 };
	bool same;

	put_state(&now);
	same = now.len == expected->len && memcmp(now.data, expected->data, now.len) == 0;
	of_buf_done(&now);
	return same;
}

/* A packet that there is no memory for may be lost when all else is done. */
static bool is_done(void)
{
	bool done = is_state(&after);

	if (!done && rig.n_packet_outs == 0) {
		rig.n_packet_outs = 1;
		done = is_state(&after);
		rig.n_packet_outs = 0;
	}
	return done;
}

static void check_committed(void *ctx, int r, bool failed)
{
	assert_true(r == 0 || (failed && r == -ENOMEM));
	assert_true(failed ? is_done() || is_state(&before) : is_done());
	again(ready_to_commit);
}

static void commit_without_memory_does_all_or_nothing(void **state)
{
	ready_to_commit();
	assert_int_equal(commit(NULL), 0);
	peer_expect(&peer, T_EXPERIMENTER, 9);
	put_state(&after);
	assert_false(is_state(&before));
	again(ready_to_commit);
	assert_true(fail_malloc_each(commit, check_committed, NULL) > 10);
	rig_end(&rig);
	of_buf_done(&before);
	of_buf_done(&after);
}

#define N_ADDED 20

static void put_adds(struct of_buf *msgs)
{
	for (unsigned priority = 100; priority < 100 + N_ADDED; priority++) {
		bundle_put_header(msgs, T_EXPERIMENTER, 80);
		bundle_put_head(msgs, BUNDLE_ADD, 1, 0, BUNDLE_BOTH);
		bundle_put_flow_mod(msgs, OF_FC_ADD, priority, 0);
	}
}

static int open_and_add(void *ctx)
{
	struct of_buf *messages = ctx;

	return feed(peer.conn, messages->data, messages->len);
}

static void check_added(void *ctx, int r, bool failed)
{
	unsigned n = rig.n_flows, n_refused;

	assert_true(r == 0 || (failed && r == -ENOMEM));
	if (r == 0) {
		n_refused = peer_read_all(&peer);
		assert_true(failed || n_refused == 0);
		assert_int_equal(commit(NULL), 0);
		assert_int_equal(rig.n_flows, n + N_ADDED - n_refused);
	}
	again(ready);
}

static void bundle_without_memory_has_what_was_not_refused(void **state)
{
	struct of_buf messages = { 0 };

	put_adds(&messages);
	ready();
	assert_true(fail_malloc_each(open_and_add, check_added, &messages) > 3);
	rig_end(&rig);
	of_buf_done(&messages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connection_without_memory_ends_or_refuses),
		cmocka_unit_test(commit_without_memory_does_all_or_nothing),
		cmocka_unit_test(bundle_without_memory_has_what_was_not_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
