/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every allocation of planning failed in turn: a whole plan, or a sentence and none.
 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "conf/yaml.h"
#include "fail_malloc.h"
#include "sriov/plan.h"
#include "sriov_host_by_hand.h"
#include "want_conf.h"

#define BIT(n) (1u << (n))

struct planning {
	struct hand_host hand;
	struct sriov_want want;
	struct sriov_plan *plan;
	struct sh_err err;
};

static int make_plan(void *ctx)
{
	struct planning *planning = ctx;

	planning->err.text[0] = '\0';
	planning->plan = NULL;
	return sriov_plan_new(
		&planning->hand.host, &planning->want, &planning->plan, &planning->err);
}

static int make_plan_back(void *ctx)
{
	struct planning *planning = ctx;
	struct sriov_pf before = planning->hand.pfs[0];

	before.n_vfs = 1;
	planning->err.text[0] = '\0';
	planning->plan = NULL;
	return sriov_plan_back(&planning->hand.host, &before, &planning->plan, &planning->err);
}

static void check_plan(void *ctx, int r, bool failed)
{
	struct planning *planning = ctx;

	if (r < 0) {
		assert_true(failed);
		assert_int_equal(r, -ENOMEM);
		assert_string_equal(planning->err.text, "out of memory");
		assert_null(planning->plan);
		return;
	}
	assert_true(planning->plan->n > 3);
	sriov_plan_free(planning->plan);
}

/* VFs that go, with a user, and come again, with settings and drivers. */
static void start(struct planning *planning, struct sriov_want_pf *pf, struct sriov_want_vf *line)
{
	static char user[] = "qemu-system-x86 (1)";

	memset(planning, 0, sizeof(*planning));
	hand_init(&planning->hand);
	hand_enable(&planning->hand, 0, 3);
	planning->hand.vfs[0][0].users = user;
	*line = (struct sriov_want_vf){ .last = 4,
		.given = BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_DRIVER),
		.vlan = 7,
		.driver = "vfio-pci" };
	*pf = (struct sriov_want_pf){ .name = "eth0",
		.given = BIT(SRIOV_PF_NUM_VFS),
		.num_vfs = 5,
		.vfs = line,
		.n_vfs = 1 };
	planning->want = (struct sriov_want){ pf, 1 };
}

static void a_plan_is_made_whole_or_not_at_all(void **state)
{
	struct planning planning;
	struct sriov_want_pf pf;
	struct sriov_want_vf line;

	start(&planning, &pf, &line);
	assert_true(fail_malloc_each(make_plan, check_plan, &planning) > 8);
}

static void a_plan_back_is_made_whole_or_not_at_all(void **state)
{
	struct planning planning;
	struct sriov_want_pf pf;
	struct sriov_want_vf line;

	start(&planning, &pf, &line);
	assert_true(fail_malloc_each(make_plan_back, check_plan, &planning) > 4);
}

struct wanting {
	struct conf conf;
	struct sriov_want want;
	struct sh_err err;
};

static int make_want(void *ctx)
{
	struct wanting *wanting = ctx;

	wanting->err.text[0] = '\0';
	return want_from_conf(&wanting->conf, &wanting->want, &wanting->err);
}

static void check_want(void *ctx, int r, bool failed)
{
	struct wanting *wanting = ctx;

	if (r < 0) {
		assert_true(failed);
		assert_string_equal(wanting->err.text, "out of memory");
		return;
	}
	assert_int_equal(wanting->want.n_pfs, 2);
	want_done(&wanting->want);
}

static void what_is_wanted_is_read_whole_or_not_at_all(void **state)
{
	static const char text[] = "sriov: [ { pf: eth0, vfs: [ { vf: 0, vlan: 5 } ] }, "
				   "{ pf: eth1, num_vfs: 2 } ]\n";
	struct wanting wanting = { 0 };
	struct conf_env env;

	conf_env_init_reader(&env, "/run/shunt");
	assert_int_equal(
		conf_load_text(text, sizeof(text) - 1, "x.yaml", &env, &wanting.conf, &wanting.err),
		0);
	assert_int_equal(fail_malloc_each(make_want, check_want, &wanting), 3);
	conf_done(&wanting.conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_is_made_whole_or_not_at_all),
		cmocka_unit_test(a_plan_back_is_made_whole_or_not_at_all),
		cmocka_unit_test(what_is_wanted_is_read_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
