/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Changes that happen together: whole, or as if nobody had asked, wherever the provider fails.
 */
#include "of_rig.h"

#include <errno.h>

static struct rig rig;

static struct of_flow_mod with_group(struct of_flow_mod mod, uint32_t group)
{
	mod.instructions.has_apply = true;
	rig_group_action(&mod.instructions.apply, group);
	return mod;
}

static struct of_flow_mod timed(struct of_flow_mod mod)
{
	mod.flags = OF_FF_SEND_FLOW_REM | OF_FF_RESET_COUNTS;
	mod.idle_timeout_s = 7;
	mod.cookie = 0x77;
	return mod;
}

static int setup(void **state)
{
	rig_init(&rig, 0);
	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_ALL, 1, 1)));
	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_ALL, 2, 2)));
	assert_done(rig_send(&rig, with_group(rig_flow_to(OF_FC_ADD, 0, 5, 1, 3), 1)));
	assert_done(rig_send(&rig, timed(rig_flow_to(OF_FC_ADD, 0, 6, 2, 3))));
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_ADD, 1, 7, 3, 3)));
	rig_counts(rig_find(&rig, 0, 5, 1))->n_packets = 11;
	rig_counts(rig_find(&rig, 0, 6, 2))->n_packets = 12;
	rig.n_events = 0;
	rig.now_ns += RIG_S;
	return 0;
}

static int teardown(void **state)
{
	rig_done(&rig);
	return 0;
}

static int refs_of_1(void *arg, const struct of_group_info *info)
{
	*(uint32_t *)arg = info->n_refs * 100 + info->n_buckets;
	return 0;
}

static void assert_as_before(void)
{
	const struct of_flow *timed_flow = rig_find(&rig, 0, 6, 2);
	uint32_t refs = 0;

	assert_int_equal(rig_n_flows(&rig), 3);
	assert_int_equal(rig_out(&rig, rig_find(&rig, 0, 5, 1)), 3);
	assert_int_equal(rig_out(&rig, timed_flow), 3);
	assert_int_equal(rig_out(&rig, rig_find(&rig, 1, 7, 3)), 3);
	assert_int_equal(rig_counts(rig_find(&rig, 0, 5, 1))->n_packets, 11);
	assert_int_equal(rig_counts(timed_flow)->n_packets, 12);
	assert_int_equal(timed_flow->idle_timeout_s, 7);
	assert_int_equal(timed_flow->cookie, 0x77);
	assert_int_equal(timed_flow->made_ns, 1000 * RIG_S);
	assert_done(of_switch_groups(rig.sw, 1, rig.now_ns, refs_of_1, &refs, &rig.err));
	assert_int_equal(refs, 101);
	assert_non_null(of_switch_group(rig.sw, 2));
	assert_null(of_switch_group(rig.sw, 3));
	assert_int_equal(rig.n_groups, 2);
	assert_int_equal(rig.n_staged, 0);
	assert_int_equal(rig.n_events, 0);
}

/* Everything that a bundle can do, some of it twice and undone again. */
static void ask_for_all(void)
{
	unsigned step = 0;

#define AGAIN(what)                                                                                \
	do {                                                                                       \
		of_switch_bundle_step(rig.sw, step++);                                             \
		assert_done(what);                                                                 \
	} while (0)
	AGAIN(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_ALL, 3, 1)));
	AGAIN(rig_send_group(&rig, rig_group(OF_GC_MODIFY, OF_GT_ALL, 1, 3)));
	AGAIN(rig_send_group(&rig, rig_group(OF_GC_MODIFY, OF_GT_ALL, 1, 2)));
	AGAIN(rig_send_group(&rig, rig_group(OF_GC_DELETE, OF_GT_ALL, 2, 0)));
	AGAIN(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_ALL, 2, 4)));
	AGAIN(rig_send(&rig, with_group(rig_flow_to(OF_FC_ADD, 0, 6, 2, 4), 3)));
	AGAIN(rig_send(&rig, rig_flow_to(OF_FC_MODIFY_STRICT, 0, 5, 1, 4)));
	AGAIN(rig_send(&rig, with_group(rig_flow_to(OF_FC_MODIFY_STRICT, 0, 5, 1, 5), 2)));
	AGAIN(rig_send(&rig, rig_flow_to(OF_FC_ADD, 2, 8, 4, 5)));
	AGAIN(rig_send(&rig, rig_flow_to(OF_FC_ADD, 2, 9, 5, 5)));
	AGAIN(rig_send(&rig, rig_mod(OF_FC_DELETE_STRICT, 2, 9, 5)));
	AGAIN(rig_send(&rig, rig_mod(OF_FC_DELETE, 1, 0, 0)));
	AGAIN(rig_send(&rig, rig_flow_to(OF_FC_ADD, 1, 7, 3, 6)));
#undef AGAIN
}

static void bundle_does_all_of_it_at_the_commit(void **state)
{
	uint32_t step, refs = 0;

	of_switch_bundle_begin(rig.sw, true);
	ask_for_all();
	assert_int_equal(rig.n_flows, 3);
	assert_int_equal(rig.n_events, 0);
	assert_done(of_switch_bundle_stage(rig.sw, &step, &rig.err));
	assert_true(rig.is_held);
	of_switch_bundle_commit(rig.sw, rig.now_ns);
	assert_int_equal(rig.n_holds, 1);
	assert_int_equal(rig_n_flows(&rig), 4);
	assert_int_equal(rig_out(&rig, rig_find(&rig, 0, 5, 1)), 5);
	assert_int_equal(rig_out(&rig, rig_find(&rig, 0, 6, 2)), 4);
	assert_int_equal(rig_out(&rig, rig_find(&rig, 1, 7, 3)), 6);
	assert_int_equal(rig_counts(rig_find(&rig, 0, 5, 1))->n_packets, 11);
	assert_int_equal(rig_counts(rig_find(&rig, 1, 7, 3))->n_packets, 0);
	assert_int_equal(rig_find(&rig, 0, 6, 2)->idle_timeout_s, 0);
	assert_done(of_switch_groups(rig.sw, 1, rig.now_ns, refs_of_1, &refs, &rig.err));
	assert_int_equal(refs, 2);
	assert_done(of_switch_groups(rig.sw, 2, rig.now_ns, refs_of_1, &refs, &rig.err));
	assert_int_equal(refs, 104);
	assert_int_equal(rig.n_groups, 3);
}

static void bundle_tells_in_the_order_of_its_requests(void **state)
{
	uint32_t step;
	char told[16] = "";

	of_switch_bundle_begin(rig.sw, false);
	ask_for_all();
	assert_done(of_switch_bundle_stage(rig.sw, &step, &rig.err));
	of_switch_bundle_commit(rig.sw, rig.now_ns);
	for (unsigned i = 0; i < rig.n_events; i++)
		told[i] = rig.events[i].kind;
	/* added over, modified, added, added and deleted again, deleted, added */
	assert_string_equal(told, "amaadda");
	assert_int_equal(rig.n_holds, 0);
}

static void bundle_that_is_aborted_leaves_all_as_it_was(void **state)
{
	of_switch_bundle_begin(rig.sw, true);
	ask_for_all();
	of_switch_bundle_abort(rig.sw, rig.now_ns);
	assert_as_before();
}

static void bundle_leaves_all_as_it_was_wherever_the_provider_fails(void **state)
{
	unsigned n = 0;
	uint32_t step;
	int r = -1;

	while (r < 0) {
		assert_true(++n < 20);
		of_switch_bundle_begin(rig.sw, true);
		ask_for_all();
		rig_fail(&rig, n, n % 2 ? -ENOSPC : -ENOMEM);
		r = of_switch_bundle_stage(rig.sw, &step, &rig.err);
		if (r == 0)
			break;
		assert_int_equal(r, -EINVAL);
		of_switch_bundle_abort(rig.sw, rig.now_ns);
		rig_fail(&rig, 0, 0);
		assert_as_before();
	}
	/* 2 new groups, 3 groups, 2 changed flows, 2 new flows; then none is left that fails */
	assert_int_equal(n, 10);
	of_switch_bundle_abort(rig.sw, rig.now_ns);
	assert_as_before();
}

static void step_of_what_the_provider_refused_is_told(void **state)
{
	uint32_t step;

	of_switch_bundle_begin(rig.sw, true);
	ask_for_all();
	rig_fail(&rig, 8, -ENOSPC);
	assert_refused(&rig, of_switch_bundle_stage(rig.sw, &step, &rig.err), OF_ET_FLOW_MOD_FAILED,
		OF_FM_TABLE_FULL);
	assert_int_equal(step, 8);
	of_switch_bundle_abort(rig.sw, rig.now_ns);
	assert_as_before();
}

static void flow_with_a_timeout_still_expires_after_an_abort(void **state)
{
	of_switch_bundle_begin(rig.sw, true);
	assert_done(rig_send(&rig, rig_mod(OF_FC_DELETE, OF_TABLE_ALL, 0, 0)));
	of_switch_bundle_abort(rig.sw, rig.now_ns);
	assert_as_before();
	of_switch_expire(rig.sw, rig.now_ns + 8 * RIG_S, 10);
	assert_int_equal(rig_n_flows(&rig), 2);
}

static void request_within_a_bundle_is_judged_by_those_before_it(void **state)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 5, 0, 3);

	of_switch_bundle_begin(rig.sw, true);
	mod.flags = OF_FF_CHECK_OVERLAP;
	assert_refused(&rig, rig_send(&rig, mod), OF_ET_FLOW_MOD_FAILED, OF_FM_OVERLAP);
	assert_done(rig_send(&rig, rig_mod(OF_FC_DELETE, OF_TABLE_ALL, 0, 0)));
	mod = rig_flow_to(OF_FC_ADD, 0, 5, 0, 3);
	mod.flags = OF_FF_CHECK_OVERLAP;
	assert_done(rig_send(&rig, mod));
	assert_refused(&rig, rig_send_group(&rig, rig_group(OF_GC_MODIFY, OF_GT_ALL, 3, 1)),
		OF_ET_GROUP_MOD_FAILED, OF_GM_UNKNOWN_GROUP);
	of_switch_bundle_abort(rig.sw, rig.now_ns);
	assert_as_before();
}

#define claim(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		claim(bundle_does_all_of_it_at_the_commit),
		claim(bundle_tells_in_the_order_of_its_requests),
		claim(bundle_that_is_aborted_leaves_all_as_it_was),
		claim(bundle_leaves_all_as_it_was_wherever_the_provider_fails),
		claim(step_of_what_the_provider_refused_is_told),
		claim(flow_with_a_timeout_still_expires_after_an_abort),
		claim(request_within_a_bundle_is_judged_by_those_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
