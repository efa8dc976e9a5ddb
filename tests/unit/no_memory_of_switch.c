/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests to a switch whose memory runs out at the first, second, third and so on allocation:
 * refused with nothing changed, or done.
 */
#include "of_rig.h"

#include <errno.h>
#include <stdlib.h>

#include "fail_malloc.h"

static struct rig rig;

/* Two flows of which one refers to a group, in tables of their own; and what a request finds. */
static void begin(void)
{
	struct of_flow_mod mod = rig_flow_to(OF_FC_ADD, 0, 5, 1, 3);

	rig_init(&rig, 0);
	assert_done(rig_send_group(&rig, rig_group(OF_GC_ADD, OF_GT_ALL, 1, 1)));
	rig_group_action(&mod.instructions.apply, 1);
	assert_done(rig_send(&rig, mod));
	assert_done(rig_send(&rig, rig_flow_to(OF_FC_ADD, 0, 600, 2, 3)));
}

static int refs_of_1(void *arg, const struct of_group_info *info)
{
	*(uint32_t *)arg = info->n_refs;
	return 0;
}

/* n flows, of which the first two output to a port, and n_refs to group 1. */
static void assert_state(int n, uint32_t port, uint32_t n_refs)
{
	uint32_t refs = 0;

	assert_int_equal(rig_n_flows(&rig), n);
	assert_int_equal(rig_out(&rig, rig_find(&rig, 0, 5, 1)), port);
	assert_int_equal(rig_out(&rig, rig_find(&rig, 0, 600, 2)), port);
	assert_done(of_switch_groups(rig.sw, 1, rig.now_ns, refs_of_1, &refs, &rig.err));
	assert_int_equal(refs, n_refs);
}

static struct of_flow_mod mod;

static int send_mod(void *ctx)
{
	return of_switch_flow_mod(rig.sw, &mod, rig.now_ns, &rig.err);
}

static void renew(void)
{
	of_instructions_done(&mod.instructions);
	rig_done(&rig);
	begin();
}

static struct of_flow_mod with_group(struct of_flow_mod made)
{
	rig_group_action(&made.instructions.apply, 1);
	return made;
}

static void check_add(void *ctx, int r, bool failed)
{
	assert_true(r == 0 || failed);
	if (r < 0)
		assert_refused(&rig, r, OF_ET_FLOW_MOD_FAILED, OF_FM_UNKNOWN);
	assert_state(r < 0 ? 2 : 3, 3, r < 0 ? 1 : 2);
	renew();
	mod = with_group(rig_flow_to(OF_FC_ADD, 7, 5, 1, 4));
}

static void flow_is_added_or_not(void **state)
{
	begin();
	mod = with_group(rig_flow_to(OF_FC_ADD, 7, 5, 1, 4));
	assert_true(fail_malloc_each(send_mod, check_add, NULL) > 5);
	of_instructions_done(&mod.instructions);
	rig_done(&rig);
}

static void check_modify(void *ctx, int r, bool failed)
{
	assert_true(r == 0 || failed);
	if (r < 0)
		assert_refused(&rig, r, OF_ET_FLOW_MOD_FAILED, OF_FM_UNKNOWN);
	assert_state(2, r < 0 ? 3 : 4, r < 0 ? 1 : 2);
	renew();
	mod = with_group(rig_flow_to(OF_FC_MODIFY, 0, 0, 0, 4));
}

static void many_flows_are_modified_or_none(void **state)
{
	begin();
	mod = with_group(rig_flow_to(OF_FC_MODIFY, 0, 0, 0, 4));
	assert_true(fail_malloc_each(send_mod, check_modify, NULL) > 5);
	of_instructions_done(&mod.instructions);
	rig_done(&rig);
}

static void check_delete(void *ctx, int r, bool failed)
{
	assert_true(r == 0 || failed);
	assert_int_equal(rig_n_flows(&rig), r < 0 ? 2 : 0);
	renew();
	mod = rig_mod(OF_FC_DELETE, OF_TABLE_ALL, 0, 0);
}

static void flows_are_deleted_or_not(void **state)
{
	begin();
	mod = rig_mod(OF_FC_DELETE, OF_TABLE_ALL, 0, 0);
	assert_true(fail_malloc_each(send_mod, check_delete, NULL) > 0);
	rig_done(&rig);
}

static struct of_group_mod group_mod;

static int send_group(void *ctx)
{
	return of_switch_group_mod(rig.sw, &group_mod, rig.now_ns, &rig.err);
}

static void check_group(void *ctx, int r, bool failed)
{
	assert_true(r == 0 || failed);
	if (r < 0)
		assert_refused(&rig, r, OF_ET_GROUP_MOD_FAILED, OF_GM_OUT_OF_GROUPS);
	assert_int_equal(rig.n_groups, r < 0 ? 1 : 2);
	assert_int_equal(group_mod.n_buckets, r < 0 ? 2 : 0);
	free(group_mod.buckets);
	group_mod = rig_group(OF_GC_ADD, OF_GT_ALL, 2, 2);
	renew();
}

static void group_is_added_or_not(void **state)
{
	begin();
	group_mod = rig_group(OF_GC_ADD, OF_GT_ALL, 2, 2);
	assert_true(fail_malloc_each(send_group, check_group, NULL) > 0);
	free(group_mod.buckets);
	rig_done(&rig);
}

static struct of_meter_mod meter_mod;

static int send_meter(void *ctx)
{
	return of_switch_meter_mod(rig.sw, &meter_mod, rig.now_ns, &rig.err);
}

static void check_meter(void *ctx, int r, bool failed)
{
	assert_true(r == 0 || failed);
	if (r < 0)
		assert_refused(&rig, r, OF_ET_METER_MOD_FAILED, OF_MM_UNKNOWN);
	assert_int_equal(rig.n_meters, r < 0 ? 0 : 1);
	free(meter_mod.bands);
	meter_mod = rig_meter(OF_MC_ADD, 2, 2);
	renew();
}

static void meter_is_added_or_not(void **state)
{
	begin();
	meter_mod = rig_meter(OF_MC_ADD, 2, 2);
	assert_true(fail_malloc_each(send_meter, check_meter, NULL) > 0);
	free(meter_mod.bands);
	rig_done(&rig);
}

static int list_flows(void *ctx)
{
	struct of_flow_filter all = {
		.table = OF_TABLE_ALL, .out_port = OF_PORT_ANY, .out_group = OF_GROUP_ANY
	};
	struct of_flow **flows;
	int n = of_switch_flows(rig.sw, &all, &flows, &rig.err);

	if (n < 0)
		return n;
	of_switch_flows_done(rig.sw, flows, n);
	return 0;
}

/* Nothing stays pinned: the sanitizer would find it at the end. */
static void check_list(void *ctx, int r, bool failed)
{
	assert_int_equal(r, failed ? -ENOMEM : 0);
}

static void flows_are_listed_or_not(void **state)
{
	begin();
	for (uint16_t i = 0; i < 40; i++)
		assert_done(rig_send(&rig, rig_flow_to(OF_FC_ADD, 1, i, 1, 3)));
	assert_true(fail_malloc_each(list_flows, check_list, NULL) > 2);
	rig_done(&rig);
}

static int list_groups(void *ctx)
{
	uint32_t refs;

	return of_switch_groups(rig.sw, OF_GROUP_ALL, rig.now_ns, refs_of_1, &refs, &rig.err);
}

static void groups_are_listed_or_not(void **state)
{
	begin();
	assert_true(fail_malloc_each(list_groups, check_list, NULL) > 0);
	rig_done(&rig);
}

static int reset(void *ctx)
{
	return of_switch_reset(rig.sw, true, rig.now_ns);
}

static void check_reset(void *ctx, int r, bool failed)
{
	assert_true(r == 0 || (failed && r == -ENOMEM));
	assert_int_equal(rig_n_flows(&rig), r < 0 ? 0 : 1);
	renew();
}

static void reset_forgets_everything_and_may_lack_its_flow(void **state)
{
	begin();
	assert_true(fail_malloc_each(reset, check_reset, NULL) > 0);
	rig_done(&rig);
}

static int make(void *ctx)
{
	struct of_switch_conf conf = { .max_flows = 1 };
	struct of_switch *sw = NULL;
	void *rig_ctx;
	const struct of_provider *provider = of_switch_provider(rig.sw, &rig_ctx);
	int r = of_switch_new(&conf, provider, rig_ctx, &sw);

	of_switch_free(sw);
	return r;
}

static void switch_is_made_or_not(void **state)
{
	begin();
	assert_true(fail_malloc_each(make, check_list, NULL) > 0);
	rig_done(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flow_is_added_or_not),
		cmocka_unit_test(many_flows_are_modified_or_none),
		cmocka_unit_test(flows_are_deleted_or_not),
		cmocka_unit_test(group_is_added_or_not),
		cmocka_unit_test(meter_is_added_or_not),
		cmocka_unit_test(flows_are_listed_or_not),
		cmocka_unit_test(groups_are_listed_or_not),
		cmocka_unit_test(reset_forgets_everything_and_may_lack_its_flow),
		cmocka_unit_test(switch_is_made_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
