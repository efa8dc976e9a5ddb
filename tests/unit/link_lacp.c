/* SPDX-License-Identifier: BSD-3-Clause
 *
 * LACP: frames byte by byte, and two systems against each other in simulated time, over links that
 * are cut, lose frames, are crossed with a third system or looped.
 */
#include <errno.h>
#include <string.h>

#include "link/lacp.h"
#include "unit.h"

#define MS      UINT64_C(1000000)
#define S       (1000 * MS)
#define N_LINKS 3

/* Two systems and links from a slot of the one to the same of the other. */
struct world {
	struct lacp a, b;
	bool is_cut[N_LINKS];    /* both ends see no link */
	bool is_silent[N_LINKS]; /* the links stay, frames do not pass */
	unsigned lose_of_8;      /* frames lost, by a fixed random sequence */
	uint32_t random;
	uint64_t now_ns;
	unsigned n_passed;
};

static struct lacp_conf conf(unsigned who, bool active, bool fast)
{
	return (struct lacp_conf){ .system_priority = 32768,
		.system = { 2, 0, 0, 0, 0, (uint8_t)who },
		.key = 1,
		.is_active = active,
		.is_fast = fast };
}

static void set_port(struct lacp *lacp, unsigned slot, bool up, uint64_t now_ns)
{
	const struct lacp_port_conf port = { .is_enabled = up,
		.port = (uint16_t)(slot + 1),
		.priority = 255,
		.speed_mbps = 10000,
		.source = { 2, 1, 0, 0, 0, (uint8_t)slot } };

	lacp_port_set(lacp, slot, &port, now_ns);
}

static void begin(struct world *w, struct lacp_conf a, struct lacp_conf b)
{
	memset(w, 0, sizeof(*w));
	w->now_ns = 1000 * S;
	w->random = 12345;
	lacp_init(&w->a, &a);
	lacp_init(&w->b, &b);
	for (unsigned i = 0; i < N_LINKS; i++) {
		set_port(&w->a, i, true, w->now_ns);
		set_port(&w->b, i, true, w->now_ns);
	}
}

static bool is_lost(struct world *w)
{
	w->random = w->random * 1664525u + 1013904223u;
	return (w->random >> 29) < w->lose_of_8;
}

static void pass(struct world *w, struct lacp *from, struct lacp *to)
{
	uint8_t frame[LACP_FRAME_BYTES];

	for (unsigned i = 0; i < N_LINKS; i++) {
		unsigned n;

		while ((n = lacp_poll(from, i, w->now_ns, frame)) > 0) {
			if (w->is_cut[i] || w->is_silent[i] || is_lost(w))
				continue;
			w->n_passed++;
			assert_int_equal(lacp_receive(to, i, frame, n, w->now_ns), 0);
		}
	}
}

/* In steps of 10 ms. */
static void run(struct world *w, uint64_t for_ns)
{
	for (uint64_t end = w->now_ns + for_ns; w->now_ns < end; w->now_ns += 10 * MS) {
		lacp_run(&w->a, w->now_ns);
		lacp_run(&w->b, w->now_ns);
		pass(w, &w->a, &w->b);
		pass(w, &w->b, &w->a);
	}
	lacp_run(&w->a, w->now_ns);
	lacp_run(&w->b, w->now_ns);
}

static unsigned in_use(const struct lacp *lacp)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < N_LINKS; i++)
		bits |= (unsigned)lacp_is_in_use(lacp, i) << i;
	return bits;
}

static void both_use(const struct world *w, unsigned bits)
{
	assert_int_equal(in_use(&w->a), bits);
	assert_int_equal(in_use(&w->b), bits);
}

static void cut(struct world *w, unsigned link, bool is_cut)
{
	w->is_cut[link] = is_cut;
	set_port(&w->a, link, !is_cut, w->now_ns);
	set_port(&w->b, link, !is_cut, w->now_ns);
}

static void a_frame_is_these_bytes(void **state)
{
	static const uint8_t source[6] = { 2, 0, 0, 0, 0, 9 };
	static const uint8_t head[] = { 0x01, 0x80, 0xc2, 0, 0, 2, 2, 0, 0, 0, 0, 9, 0x88, 0x09, 1,
		1, 1, 20, 0x80, 0, 2, 0, 0, 0, 0, 1, 0, 8, 0, 255, 0, 3, 0x3d, 0, 0, 0, 2, 20, 0, 1,
		2, 0, 0, 0, 0, 2, 0, 9, 0, 7, 0, 4, 0x02, 0, 0, 0, 3, 16 };
	const struct lacp_pdu pdu = {
		{ 0x8000, { 2, 0, 0, 0, 0, 1 }, 8, 255, 3, 0x3d },
		{ 1, { 2, 0, 0, 0, 0, 2 }, 9, 7, 4, LACP_SHORT_TIMEOUT },
	};
	uint8_t frame[LACP_FRAME_BYTES];
	struct lacp_pdu back;

	lacp_encode(&pdu, source, frame);
	assert_memory_equal(frame, head, sizeof(head));
	for (size_t i = sizeof(head); i < sizeof(frame); i++)
		assert_int_equal(frame[i], 0);
	assert_int_equal(lacp_decode(frame, sizeof(frame), &back), 0);
	assert_memory_equal(&back, &pdu, sizeof(pdu));
}

static void what_is_no_lacpdu_is_refused(void **state)
{
	static const uint8_t source[6] = { 2 };
	/* where, and what stands there instead */
	static const uint8_t bad[][2] = { { 5, 3 }, { 12, 8 }, { 14, 2 }, { 15, 0 }, { 16, 2 },
		{ 17, 19 }, { 36, 1 }, { 37, 21 } };
	const struct lacp_pdu pdu = { { 0 }, { 0 } };
	uint8_t frame[LACP_FRAME_BYTES];
	struct lacp_pdu back;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		lacp_encode(&pdu, source, frame);
		frame[bad[i][0]] = bad[i][1];
		assert_int_equal(lacp_decode(frame, sizeof(frame), &back), -EBADMSG);
	}
	lacp_encode(&pdu, source, frame);
	for (size_t n = 0; n < sizeof(frame); n++)
		assert_int_equal(lacp_decode(frame, n, &back), -EBADMSG);
	frame[15] = 2; /* a later version says at least this much */
	assert_int_equal(lacp_decode(frame, sizeof(frame), &back), 0);
}

static void two_systems_use_all_their_links_after_the_wait(void **state)
{
	struct world w;

	for (int modes = 1; modes < 16; modes++) {
		begin(&w, conf(1, modes & 1, modes & 2), conf(2, modes & 4, modes & 8));
		if (!(modes & 5)) /* two that only answer */
			continue;
		run(&w, 1900 * MS);
		both_use(&w, 0);
		run(&w, 600 * MS);
		both_use(&w, 7);
		run(&w, 300 * S);
		both_use(&w, 7);
	}
}

static void two_that_only_answer_never_speak_and_are_alone(void **state)
{
	struct world w;

	begin(&w, conf(1, false, true), conf(2, false, true));
	assert_false(lacp_is_alone(&w.a));
	run(&w, 60 * S);
	both_use(&w, 0);
	assert_int_equal(w.n_passed, 0);
	assert_true(lacp_is_alone(&w.a));
}

static void a_cut_link_is_out_of_use_at_once_and_back_after_the_wait(void **state)
{
	struct world w;

	begin(&w, conf(1, true, false), conf(2, true, false));
	run(&w, 3 * S);
	cut(&w, 1, true);
	lacp_run(&w.a, w.now_ns);
	assert_int_equal(in_use(&w.a), 5);
	run(&w, 10 * S);
	both_use(&w, 5);
	cut(&w, 1, false);
	run(&w, 3 * S);
	both_use(&w, 7);
}

static void a_link_down_at_one_end_alone_is_out_of_use_at_the_other_after_its_timeout(void **state)
{
	struct world w;

	begin(&w, conf(1, true, true), conf(2, true, true));
	run(&w, 3 * S);
	set_port(&w.b, 2, false, w.now_ns);
	w.is_silent[2] = true;
	run(&w, 1900 * MS);
	assert_int_equal(in_use(&w.a), 7);
	run(&w, 1200 * MS);
	assert_int_equal(in_use(&w.a), 3);
	assert_int_equal(w.a.ports[2].rx, LACP_RX_EXPIRED);
	run(&w, 3 * S);
	assert_int_equal(w.a.ports[2].rx, LACP_RX_DEFAULTED);
	assert_false(lacp_is_alone(&w.a));
}

static void who_asked_for_slow_waits_for_ninety_seconds(void **state)
{
	struct world w;

	begin(&w, conf(1, true, false), conf(2, true, false));
	run(&w, 3 * S);
	for (unsigned i = 0; i < N_LINKS; i++)
		w.is_silent[i] = true;
	run(&w, 59 * S);
	both_use(&w, 7);
	run(&w, 32 * S);
	both_use(&w, 0);
	run(&w, 3 * S);
	assert_true(lacp_is_alone(&w.a));
	w.is_silent[0] = false;
	run(&w, 35 * S);
	both_use(&w, 1);
	assert_false(lacp_is_alone(&w.a));
}

static void frames_go_at_the_rate_that_the_receiver_asks_for(void **state)
{
	struct world w;
	uint64_t a, b;

	begin(&w, conf(1, true, false), conf(2, true, true));
	run(&w, 10 * S);
	a = w.a.ports[0].n_sent;
	b = w.b.ports[0].n_sent;
	run(&w, 60 * S);
	assert_in_range(w.a.ports[0].n_sent - a, 59, 61); /* b wants them fast */
	assert_in_range(w.b.ports[0].n_sent - b, 1, 3);
}

static void never_more_than_three_frames_go_in_a_second(void **state)
{
	struct lacp_conf c = conf(1, true, true);
	uint8_t frame[LACP_FRAME_BYTES];
	struct lacp lacp;
	unsigned n = 0;

	lacp_init(&lacp, &c);
	set_port(&lacp, 0, true, S);
	for (uint64_t now = S; now < 11 * S; now += MS) {
		lacp.ports[0].needs_to_transmit = true;
		n += lacp_poll(&lacp, 0, now, frame) > 0;
	}
	assert_int_equal(n, 30);
}

static void a_third_of_the_frames_lost_still_ends_in_use(void **state)
{
	struct world w;

	begin(&w, conf(1, true, true), conf(2, true, true));
	w.lose_of_8 = 3;
	run(&w, 30 * S);
	w.lose_of_8 = 0;
	run(&w, 5 * S);
	both_use(&w, 7);
}

static void a_single_lost_frame_disturbs_nobody(void **state)
{
	struct world w;

	begin(&w, conf(1, true, true), conf(2, true, true));
	run(&w, 5 * S);
	for (unsigned i = 0; i < 20; i++) {
		w.is_silent[1] = true;
		run(&w, 900 * MS);
		both_use(&w, 7);
		w.is_silent[1] = false;
		run(&w, 2 * S);
		both_use(&w, 7);
	}
}

/* Link 2 leads to another system. */
static void ports_of_another_partner_are_not_used_with_those_of_the_first(void **state)
{
	struct lacp_conf third = conf(3, true, true);
	uint8_t frame[LACP_FRAME_BYTES];
	struct lacp c;
	struct world w;

	begin(&w, conf(1, true, true), conf(2, true, true));
	w.is_silent[2] = true;
	lacp_init(&c, &third);
	set_port(&c, 2, true, w.now_ns);
	for (unsigned i = 0; i < 500; i++) {
		run(&w, 10 * MS);
		lacp_run(&c, w.now_ns);
		if (lacp_poll(&c, 2, w.now_ns, frame))
			(void)lacp_receive(&w.a, 2, frame, sizeof(frame), w.now_ns);
	}
	assert_int_equal(w.a.ports[2].rx, LACP_RX_CURRENT);
	assert_int_equal(in_use(&w.a), 3);
	/* When all of the first go, the other takes their place. */
	cut(&w, 0, true);
	cut(&w, 1, true);
	for (unsigned i = 0; i < 500; i++) {
		run(&w, 10 * MS);
		lacp_run(&c, w.now_ns);
		if (lacp_poll(&c, 2, w.now_ns, frame))
			(void)lacp_receive(&w.a, 2, frame, sizeof(frame), w.now_ns);
		lacp_run(&w.a, w.now_ns);
		if (lacp_poll(&w.a, 2, w.now_ns, frame))
			(void)lacp_receive(&c, 2, frame, sizeof(frame), w.now_ns);
	}
	assert_int_equal(in_use(&w.a), 4);
}

static void ports_of_another_key_are_not_used_together(void **state)
{
	struct lacp_port_conf slow = {
		.is_enabled = true, .port = 3, .priority = 255, .speed_mbps = 1000, .source = { 2 }
	};
	struct world w;

	begin(&w, conf(1, true, true), conf(2, true, true));
	lacp_port_set(&w.a, 2, &slow, w.now_ns);
	lacp_port_set(&w.b, 2, &slow, w.now_ns);
	run(&w, 5 * S);
	both_use(&w, 3);
}

static void a_looped_link_is_not_used(void **state)
{
	struct lacp_conf c = conf(1, true, true);
	uint8_t frame[LACP_FRAME_BYTES];
	struct lacp lacp;

	lacp_init(&lacp, &c);
	set_port(&lacp, 0, true, S);
	set_port(&lacp, 1, true, S);
	for (uint64_t now = S; now < 20 * S; now += 10 * MS) {
		lacp_run(&lacp, now);
		for (unsigned i = 0; i < 2; i++)
			if (lacp_poll(&lacp, i, now, frame))
				(void)lacp_receive(&lacp, 1 - i, frame, sizeof(frame), now);
	}
	assert_int_equal(in_use(&lacp), 0);
}

static void a_farewell_takes_the_port_out_at_the_other_end_at_once(void **state)
{
	uint8_t frame[LACP_FRAME_BYTES];
	struct world w;

	begin(&w, conf(1, true, false), conf(2, true, false));
	assert_int_equal(lacp_farewell(&w.a, 1, frame), 0); /* nobody was heard yet */
	run(&w, 3 * S);
	assert_int_equal(lacp_farewell(&w.a, 1, frame), sizeof(frame));
	assert_int_equal(lacp_receive(&w.b, 1, frame, sizeof(frame), w.now_ns), 0);
	lacp_run(&w.b, w.now_ns);
	assert_int_equal(in_use(&w.b), 5);
	lacp_port_del(&w.a, 1);
	w.is_silent[1] = true;
	run(&w, 10 * S);
	assert_int_equal(in_use(&w.a), 5);
	assert_int_equal(in_use(&w.b), 5);
}

static void a_change_of_rate_or_activity_disturbs_nobody_and_one_of_system_begins_anew(void **state)
{
	struct lacp_conf c;
	struct world w;

	begin(&w, conf(1, true, false), conf(2, true, false));
	run(&w, 3 * S);
	c = conf(1, false, true);
	lacp_set(&w.a, &c);
	for (unsigned i = 0; i < 200; i++) {
		run(&w, 50 * MS);
		both_use(&w, 7);
	}
	assert_true(w.b.ports[0].partner.state & LACP_SHORT_TIMEOUT);
	assert_false(w.b.ports[0].partner.state & LACP_ACTIVITY);
	c = conf(9, true, true);
	lacp_set(&w.a, &c);
	run(&w, 500 * MS);
	assert_int_equal(in_use(&w.b), 0);
	run(&w, 5 * S);
	both_use(&w, 7);
}

static void a_marker_is_answered(void **state)
{
	uint8_t frame[LACP_FRAME_BYTES] = { 0x01, 0x80, 0xc2, 0, 0, 2, 2, 0, 0, 0, 0, 5, 0x88, 9, 2,
		1, 1, 16, 0, 1, 2, 0, 0, 0, 0, 5, 0xde, 0xad, 0xbe, 0xef };
	uint8_t answer[LACP_FRAME_BYTES];
	struct world w;

	begin(&w, conf(1, true, true), conf(2, true, true));
	run(&w, 3 * S);
	assert_int_equal(lacp_receive(&w.a, 0, frame, sizeof(frame), w.now_ns), 0);
	assert_int_equal(lacp_poll(&w.a, 0, w.now_ns, answer), sizeof(answer));
	assert_int_equal(answer[16], 2);
	assert_memory_equal(answer + 6, w.a.ports[0].source, 6);
	assert_memory_equal(answer + 17, frame + 17, sizeof(frame) - 17);
	assert_int_equal(lacp_receive(&w.a, 0, answer, sizeof(answer), w.now_ns), -EBADMSG);
	both_use(&w, 7);
}

static void time_is_told_to_the_moment(void **state)
{
	uint64_t next, steps = 0;
	struct world w;

	begin(&w, conf(1, true, true), conf(2, true, false));
	/* Only at the moments that are asked for. */
	for (uint64_t end = w.now_ns + 60 * S; w.now_ns < end; steps++) {
		lacp_run(&w.a, w.now_ns);
		lacp_run(&w.b, w.now_ns);
		for (unsigned i = 0; i < 3; i++) {
			pass(&w, &w.a, &w.b);
			pass(&w, &w.b, &w.a);
			lacp_run(&w.a, w.now_ns);
			lacp_run(&w.b, w.now_ns);
		}
		next = lacp_next_ns(&w.a) < lacp_next_ns(&w.b) ? lacp_next_ns(&w.a)
							       : lacp_next_ns(&w.b);
		assert_true(next > w.now_ns);
		w.now_ns = next;
	}
	both_use(&w, 7);
	assert_in_range(steps, 60, 400);
	lacp_init(&w.a, &w.a.conf);
	assert_true(lacp_next_ns(&w.a) == UINT64_MAX);
}

static void a_port_without_link_says_nothing_and_takes_nothing(void **state)
{
	struct lacp_conf c = conf(1, true, true);
	uint8_t frame[LACP_FRAME_BYTES] = { 0 };
	struct lacp lacp;

	lacp_init(&lacp, &c);
	set_port(&lacp, 0, false, S);
	lacp_run(&lacp, S);
	assert_int_equal(lacp_poll(&lacp, 0, S, frame), 0);
	assert_int_equal(lacp_receive(&lacp, 0, frame, sizeof(frame), S), -ENOENT);
	assert_int_equal(lacp_receive(&lacp, 1, frame, sizeof(frame), S), -ENOENT);
	assert_false(lacp_is_alone(&lacp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_these_bytes),
		cmocka_unit_test(what_is_no_lacpdu_is_refused),
		cmocka_unit_test(two_systems_use_all_their_links_after_the_wait),
		cmocka_unit_test(two_that_only_answer_never_speak_and_are_alone),
		cmocka_unit_test(a_cut_link_is_out_of_use_at_once_and_back_after_the_wait),
		cmocka_unit_test(
			a_link_down_at_one_end_alone_is_out_of_use_at_the_other_after_its_timeout),
		cmocka_unit_test(who_asked_for_slow_waits_for_ninety_seconds),
		cmocka_unit_test(frames_go_at_the_rate_that_the_receiver_asks_for),
		cmocka_unit_test(never_more_than_three_frames_go_in_a_second),
		cmocka_unit_test(a_third_of_the_frames_lost_still_ends_in_use),
		cmocka_unit_test(a_single_lost_frame_disturbs_nobody),
		cmocka_unit_test(ports_of_another_partner_are_not_used_with_those_of_the_first),
		cmocka_unit_test(ports_of_another_key_are_not_used_together),
		cmocka_unit_test(a_looped_link_is_not_used),
		cmocka_unit_test(a_farewell_takes_the_port_out_at_the_other_end_at_once),
		cmocka_unit_test(
			a_change_of_rate_or_activity_disturbs_nobody_and_one_of_system_begins_anew),
		cmocka_unit_test(a_marker_is_answered),
		cmocka_unit_test(time_is_told_to_the_moment),
		cmocka_unit_test(a_port_without_link_says_nothing_and_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
