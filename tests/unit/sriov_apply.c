/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Performing plans on a kernel that is none: in which order, with how many messages, and what is
 * true when a step fails, whichever it is.
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fake_kernel.h"
#include "sriov/apply.h"

#define BIT(n)     (1u << (n))
#define TIMEOUT_MS 20000 /* of one step; nobody waits for it but where a driver blocks */
#define SHORT_MS   300

static const struct sriov_events no_events = { -1, -1 };

/* Makes one step fail, by a fault ordered just before it. */
struct saboteur {
	struct fake_kernel *k;
	const struct sriov_plan *plan;
	uint32_t n_done, target;
	bool unplug; /* the PF, instead */
};

static int start(void **state)
{
	*state = fake_kernel_new();
	return 0;
}

static int stop(void **state)
{
	fake_kernel_free(*state);
	return 0;
}

static struct sriov_host *read_host(struct fake_kernel *k)
{
	struct sriov_host *host = NULL;
	struct sh_err err = { "" };

	if (sriov_host_read(&k->env, NULL, &host, &err) < 0)
		fail_msg("%s", err.text);
	return host;
}

static struct sriov_plan *plan_for(const struct sriov_host *host, struct sriov_want_pf *pf)
{
	struct sriov_want want = { pf, 1 };
	struct sriov_plan *plan = NULL;
	struct sh_err err = { "" };

	if (sriov_plan_new(host, &want, &plan, &err) < 0)
		fail_msg("%s", err.text);
	return plan;
}

static struct sriov_hands hands_of(struct fake_kernel *k)
{
	return (struct sriov_hands){
		.env = &k->env, .events = &no_events, .timeout_ms = TIMEOUT_MS
	};
}

/* return: of sriov_apply */
static int apply(struct fake_kernel *k, struct sriov_want_pf *pf,
	const struct sriov_apply_report *report, struct sh_err *err)
{
	struct sriov_hands hands = hands_of(k);
	struct sriov_host *host = read_host(k);
	struct sriov_plan *plan = plan_for(host, pf);
	int r = sriov_apply(&hands, host, plan, report, err);

	sriov_plan_free(plan);
	sriov_host_free(host);
	return r;
}

static void assert_applied(struct fake_kernel *k, struct sriov_want_pf *pf)
{
	struct sh_err err = { "" };

	if (apply(k, pf, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

static void assert_nothing_to_do(struct fake_kernel *k, struct sriov_want_pf *pf)
{
	struct sriov_host *host = read_host(k);
	struct sriov_plan *plan = plan_for(host, pf);

	if (plan->n)
		fail_msg("still to do: %s", plan->steps[0].text);
	sriov_plan_free(plan);
	sriov_host_free(host);
}

/* What most tests want: of three VFs, each other things. */
static struct sriov_want_vf lines[] = {
	{ .last = 2,
		.given = BIT(SRIOV_VF_MAC) | BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_TRUST) |
			 BIT(SRIOV_VF_MAX_RATE),
		.mac_auto = true,
		.vlan = 100,
		.trust = true,
		.max_tx_rate = 200 },
	{ .first = 1, .last = 1, .given = BIT(SRIOV_VF_DRIVER), .driver = "vfio-pci" },
	{ .first = 2,
		.last = 2,
		.given = BIT(SRIOV_VF_DRIVER) | BIT(SRIOV_VF_SPOOFCHK),
		.driver = "" },
};

static struct sriov_want_pf wanted(uint32_t num_vfs)
{
	return (struct sriov_want_pf){ .name = "pf0",
		.given = BIT(SRIOV_PF_NUM_VFS) | BIT(SRIOV_PF_MTU),
		.num_vfs = num_vfs,
		.mtu = 9000,
		.vfs = lines,
		.n_vfs = 3 };
}

static void what_is_applied_is_so_and_applying_again_is_nothing(void **state)
{
	struct fake_kernel *k = *state;
	struct fake_pf *pf = fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	struct sriov_want_pf want = wanted(3);

	assert_applied(k, &want);
	assert_int_equal(pf->n_vfs, 3);
	assert_int_equal(pf->mtu, 9000);
	assert_int_equal(pf->vfs[0].vlan, 100);
	assert_true(pf->vfs[2].trust);
	assert_int_equal(pf->vfs[1].max_tx_rate, 200);
	assert_string_equal(pf->vfs[0].driver, "igbvf");
	assert_string_equal(pf->vfs[1].driver, "vfio-pci");
	assert_string_equal(pf->vfs[2].driver, "");
	assert_false(pf->vfs[2].spoofchk);
	assert_nothing_to_do(k, &want);
}

/* The line number of a text in the kernel's log; from the end of the text before. */
static const char *after(const char *log, const char *text)
{
	const char *at = strstr(log, text);

	if (!at)
		fail_msg("no '%s' in:\n%s", text, log);
	return at + strlen(text);
}

static void no_driver_sees_a_vf_before_it_is_configured(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_want_pf want = wanted(3);
	const char *log;

	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	assert_applied(k, &want);
	log = after(k->log, "sriov_drivers_autoprobe 0");
	log = after(log, "sriov_numvfs 3");
	log = after(log, "vf pf0 0 ");
	log = after(log, "vf pf0 1 ");
	log = after(log, "vf pf0 2 ");
	log = after(log, "sriov_drivers_autoprobe 1");
	log = after(log, "drivers_probe");
	assert_null(strstr(log, "vf pf0 "));
}

static void an_override_stays_only_for_who_passes_a_vf_through(void **state)
{
	struct fake_kernel *k = *state;
	struct fake_pf *pf = fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	struct sriov_want_vf line = { .given = BIT(SRIOV_VF_DRIVER), .driver = "vfio-pci" };
	struct sriov_want_pf want = { .name = "pf0", .vfs = &line, .n_vfs = 1 };

	fake_kernel_set_vfs(k, pf, 1);
	assert_applied(k, &want);
	assert_string_equal(pf->vfs[0].driver_override, "vfio-pci");
	strcpy(line.driver, "igbvf");
	assert_applied(k, &want);
	assert_string_equal(pf->vfs[0].driver, "igbvf");
	assert_string_equal(pf->vfs[0].driver_override, "");
}

static void one_message_a_vf_is_enough_for_256(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_want_vf line = { .last = SRIOV_MAX_VFS - 1,
		.given = BIT(SRIOV_VF_MAC) | BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_QOS) |
			 BIT(SRIOV_VF_SPOOFCHK) | BIT(SRIOV_VF_TRUST) | BIT(SRIOV_VF_LINK_STATE) |
			 BIT(SRIOV_VF_MIN_RATE) | BIT(SRIOV_VF_MAX_RATE) | BIT(SRIOV_VF_QUERY_RSS),
		.mac_auto = true,
		.vlan = 7,
		.qos = 1,
		.trust = true,
		.query_rss = true,
		.link_state = SRIOV_LINK_ENABLE,
		.min_tx_rate = 1,
		.max_tx_rate = 3 };
	struct sriov_want_pf want = { .name = "pf0",
		.given = BIT(SRIOV_PF_NUM_VFS) | BIT(SRIOV_PF_AUTOPROBE),
		.num_vfs = SRIOV_MAX_VFS,
		.vfs = &line,
		.n_vfs = 1 };

	fake_kernel_add_pf(k, &(struct fake_pf){ .total_vfs = SRIOV_MAX_VFS });
	assert_applied(k, &want);
	assert_int_equal(k->n_vf_requests, SRIOV_MAX_VFS);
	assert_true(k->n_requests < 2 * SRIOV_MAX_VFS);
	assert_nothing_to_do(k, &want);
}

/* Failures */

static void order_bad_write(struct fake_kernel *k, const char *file)
{
	struct fake_bad_write *bad = &k->bad_writes[0];

	snprintf(bad->file, sizeof(bad->file), "%s", file);
	bad->code = -EIO;
	bad->n = 1;
}

static void order_refusal(struct fake_kernel *k, uint32_t attrs, uint32_t vf)
{
	/* The whole message, and then the attribute by itself. */
	k->refusals[0] = (struct fake_refusal){
		.attrs = attrs & -attrs, .vf = vf, .code = -EINVAL, .sentence = "not today", .n = 2
	};
}

/* MTU cannot be refused: it is the one step that does not fail here. */
static void sabotage(struct fake_kernel *k, const struct sriov_step *step)
{
	fake_kernel_lock(k);
	if (step->op == SRIOV_OP_NUM_VFS)
		order_bad_write(k, "/sriov_numvfs");
	else if (step->op == SRIOV_OP_AUTOPROBE)
		order_bad_write(k, "/sriov_drivers_autoprobe");
	else if (step->op == SRIOV_OP_UNBIND)
		order_bad_write(k, "/unbind");
	else if (step->op == SRIOV_OP_BIND)
		order_bad_write(k, "/drivers_probe");
	else if (step->op == SRIOV_OP_MSIX)
		order_bad_write(k, "/sriov_vf_msix_count");
	else if (step->op == SRIOV_OP_ATTRS)
		order_refusal(k, step->sets, (uint32_t)step->vf);
	fake_kernel_unlock(k);
}

static void on_done(const struct sriov_step *step, void *ctx)
{
	struct saboteur *s = ctx;

	if (++s->n_done != s->target)
		return;
	if (s->unplug)
		fake_kernel_unplug(s->k, &s->k->pfs[0]);
	else
		sabotage(s->k, &s->plan->steps[s->target]);
}

static void assert_as_before(
	struct fake_kernel *k, const struct sriov_host *before, const struct sh_err *err)
{
	struct sriov_host *now = read_host(k);
	struct sriov_plan *plan = NULL;

	assert_non_null(strstr(err->text, "; undone: all is as it was before"));
	assert_int_equal(sriov_plan_back(now, &before->pfs[0], &plan, NULL), 0);
	if (plan->n)
		fail_msg("'%s', but left to do: %s", err->text, plan->steps[0].text);
	for (uint32_t i = 0; i < now->pfs[0].n_vfs; i++)
		assert_string_equal(
			now->pfs[0].vfs[i].driver_override, before->pfs[0].vfs[i].driver_override);
	sriov_plan_free(plan);
	sriov_host_free(now);
}

/* Each step fails in turn, but those of a kind that cannot. */
static void assert_every_failure_is_undone(struct fake_kernel *k, struct sriov_want_pf *want)
{
	struct sriov_hands hands = hands_of(k);
	struct sriov_host *before = read_host(k);
	struct sriov_plan *plan = plan_for(before, want);

	assert_true(plan->n > 3);
	for (uint32_t i = 0; i < plan->n; i++) {
		struct saboteur saboteur = { .k = k, .plan = plan, .target = i };
		struct sriov_apply_report report = { on_done, &saboteur };
		struct sh_err err = { "" };

		if (plan->steps[i].op == SRIOV_OP_MTU)
			continue;
		if (i == 0)
			sabotage(k, &plan->steps[0]);
		if (sriov_apply(&hands, before, plan, &report, &err) >= 0)
			fail_msg("step %u (%s) did not fail", i, plan->steps[i].text);
		assert_int_equal(saboteur.n_done, i);
		assert_non_null(strstr(err.text, plan->steps[i].text));
		assert_as_before(k, before, &err);
	}
	sriov_plan_free(plan);
	sriov_host_free(before);
}

static void a_failure_at_every_step_is_undone_where_there_were_no_vfs(void **state)
{
	struct sriov_want_pf want = wanted(3);

	fake_kernel_add_pf(*state, &(struct fake_pf){ 0 });
	assert_every_failure_is_undone(*state, &want);
}

static void a_failure_at_every_step_is_undone_where_vfs_went_and_came(void **state)
{
	struct fake_kernel *k = *state;
	struct fake_pf *pf = fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	struct sriov_want_vf old[] = {
		{ .given = BIT(SRIOV_VF_DRIVER) | BIT(SRIOV_VF_VLAN),
			.vlan = 5,
			.driver = "vfio-pci" },
		{ .first = 1, .last = 1, .given = BIT(SRIOV_VF_DRIVER) },
	};
	struct sriov_want_pf first = { .name = "pf0", .vfs = old, .n_vfs = 2 };
	struct sriov_want_pf want = wanted(4);

	fake_kernel_set_vfs(k, pf, 2);
	assert_applied(k, &first);
	assert_every_failure_is_undone(k, &want);
}

static void a_failure_at_every_step_is_undone_where_vfs_stay(void **state)
{
	struct fake_kernel *k = *state;
	struct fake_pf *pf = fake_kernel_add_pf(
		k, &(struct fake_pf){ .total_msix = 64,
			   .has = BIT(SRIOV_MAC) | BIT(SRIOV_VLAN) | BIT(SRIOV_SPOOFCHK) |
				  BIT(SRIOV_TRUST) | BIT(SRIOV_RATE) | BIT(SRIOV_MSIX) });
	struct sriov_want_pf want = wanted(3);
	struct sriov_want_vf with_vectors[4];

	memcpy(with_vectors, lines, sizeof(lines));
	with_vectors[3] = (struct sriov_want_vf){ .given = BIT(SRIOV_VF_MSIX), .msix_vectors = 8 };
	want.vfs = with_vectors;
	want.n_vfs = 4;
	want.given = BIT(SRIOV_PF_AUTOPROBE);
	fake_kernel_set_vfs(k, pf, 3);
	assert_every_failure_is_undone(k, &want);
}

static void an_attribute_that_is_refused_is_named_with_driver_and_the_kernels_words(void **state)
{
	struct fake_kernel *k = *state;
	struct fake_pf *pf = fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	struct sriov_want_vf line = {
		.given = BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_TRUST), .vlan = 9, .trust = true
	};
	struct sriov_want_pf want = { .name = "pf0", .vfs = &line, .n_vfs = 1 };
	struct sh_err err = { "" };

	fake_kernel_set_vfs(k, pf, 1);
	k->refusals[0] = (struct fake_refusal){ .attrs = BIT(SRIOV_TRUST),
		.vf = UINT32_MAX,
		.code = -EOPNOTSUPP,
		.sentence = "no VF is trusted here" };
	assert_int_equal(apply(k, &want, NULL, &err), -EOPNOTSUPP);
	assert_ptr_equal(
		strstr(err.text, "pf0 vf 0: vlan 0 -> 9, trust off -> on: driver 'igb': trust: "),
		err.text);
	assert_non_null(strstr(err.text, "no VF is trusted here"));
	assert_non_null(strstr(err.text, "; undone: all is as it was before"));
	assert_int_equal(pf->vfs[0].vlan, 0);
}

static void attributes_that_a_driver_takes_only_one_by_one_are_set_one_by_one(void **state)
{
	struct fake_kernel *k = *state;
	struct fake_pf *pf = fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	struct sriov_want_vf line = {
		.given = BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_TRUST), .vlan = 9, .trust = true
	};
	struct sriov_want_pf want = { .name = "pf0", .vfs = &line, .n_vfs = 1 };

	fake_kernel_set_vfs(k, pf, 1);
	order_refusal(k, BIT(SRIOV_TRUST), 0);
	k->refusals[0].n = 1;
	assert_applied(k, &want);
	assert_true(pf->vfs[0].trust);
	assert_int_equal(pf->vfs[0].vlan, 9);
}

static void what_cannot_be_undone_is_said(void **state)
{
	struct fake_kernel *k = *state;
	struct fake_pf *pf = fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	struct sriov_want_vf both[] = {
		{ .given = BIT(SRIOV_VF_VLAN), .vlan = 9 },
		{ .first = 1, .last = 1, .given = BIT(SRIOV_VF_TRUST), .trust = true },
	};
	struct sriov_want_pf want = { .name = "pf0", .vfs = both, .n_vfs = 2 };
	struct sriov_host *before;
	struct sriov_plan *plan;
	struct sriov_hands hands = hands_of(k);
	struct sh_err err = { "" };

	fake_kernel_set_vfs(k, pf, 2);
	before = read_host(k);
	plan = plan_for(before, &want);
	/* What was done to VF 0 cannot be undone, since from then on nothing is taken. */
	k->refusals[0] =
		(struct fake_refusal){ .attrs = BIT(SRIOV_TRUST), .vf = 1, .code = -EPERM };
	k->refusals[1] = (struct fake_refusal){ .attrs = BIT(SRIOV_VLAN), .vf = 0, .code = -EPERM };
	pf->vfs[0].vlan = 9;
	assert_int_equal(sriov_apply(&hands, before, plan, NULL, &err), -EPERM);
	assert_non_null(strstr(err.text, "putting pf0 back failed: 1 steps are left to do by hand, "
					 "first 'pf0 vf 0: vlan 9 -> 0'"));
	sriov_plan_free(plan);
	sriov_host_free(before);
}

static void a_driver_that_blocks_ends_the_step_in_time(void **state)
{
	struct fake_kernel *k = *state;
	struct fake_pf *pf = fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	struct sriov_want_pf want = wanted(3);
	struct sriov_hands hands = hands_of(k);
	struct sriov_host *host = read_host(k);
	struct sriov_plan *plan = plan_for(host, &want);
	struct sh_err err = { "" };

	hands.timeout_ms = SHORT_MS;
	order_bad_write(k, "/sriov_numvfs");
	k->bad_writes[0].blocks = true;
	assert_int_equal(sriov_apply(&hands, host, plan, NULL, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "the driver blocks"));
	assert_int_equal(pf->n_vfs, 0);
	assert_false(pf->no_autoprobe);
	sriov_plan_free(plan);
	sriov_host_free(host);
}

static void a_pf_that_is_pulled_out_half_way_is_said_to_be_gone(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_want_pf want = wanted(3);
	struct saboteur saboteur = { .k = k, .target = 3, .unplug = true };
	struct sriov_apply_report report = { on_done, &saboteur };
	struct sh_err err = { "" };

	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	assert_true(apply(k, &want, &report, &err) < 0);
	assert_non_null(strstr(err.text, "putting pf0 back failed: "));
	assert_non_null(strstr(err.text, "0000:01:00.0"));
}

static void a_group_that_is_in_use_is_found_when_its_vfs_are_made(void **state)
{
	struct fake_kernel *k = *state;
	struct fake_pf *pf = fake_kernel_add_pf(k, &(struct fake_pf){ .vfs_a_group = 2 });
	struct sriov_hands hands = hands_of(k);
	struct sh_err err = { "" };

	fake_kernel_set_vfs(k, pf, 2);
	assert_int_equal(sriov_unbind(&hands, pf->vfs[0].address, &err), 0);
	assert_int_equal(sriov_bind(&hands, pf->vfs[0].address, "vfio-pci", &err), -EBUSY);
	assert_non_null(strstr(err.text, "in use by driver 'igbvf'; unbind that first"));
	assert_int_equal(sriov_unbind(&hands, pf->vfs[1].address, &err), 0);
	assert_int_equal(sriov_bind(&hands, pf->vfs[0].address, "vfio-pci", &err), 0);
}

static void a_driver_that_is_not_there_or_does_not_want_the_vf_is_said(void **state)
{
	struct fake_kernel *k = *state;
	struct fake_pf *pf = fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	struct sriov_hands hands = hands_of(k);
	struct sh_err err = { "" };

	fake_kernel_set_vfs(k, pf, 1);
	assert_int_equal(sriov_unbind(&hands, pf->vfs[0].address, &err), 0);
	assert_int_equal(sriov_bind(&hands, pf->vfs[0].address, "nosuch", &err), -ENOENT);
	assert_string_equal(err.text,
		"no PCI driver 'nosuch' in this kernel; load its module, as by "
		"'modprobe nosuch'");
	assert_int_equal(sriov_bind(&hands, pf->vfs[0].address, "../igbvf", &err), -EINVAL);
	hands.timeout_ms = SHORT_MS;
	assert_int_equal(sriov_bind(&hands, pf->vfs[0].address, "igb", &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "driver 'igb' did not take it"));
	assert_string_equal(pf->vfs[0].driver_override, "");
}

#define ON_A_KERNEL(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_KERNEL(what_is_applied_is_so_and_applying_again_is_nothing),
		ON_A_KERNEL(no_driver_sees_a_vf_before_it_is_configured),
		ON_A_KERNEL(an_override_stays_only_for_who_passes_a_vf_through),
		ON_A_KERNEL(one_message_a_vf_is_enough_for_256),
		ON_A_KERNEL(a_failure_at_every_step_is_undone_where_there_were_no_vfs),
		ON_A_KERNEL(a_failure_at_every_step_is_undone_where_vfs_went_and_came),
		ON_A_KERNEL(a_failure_at_every_step_is_undone_where_vfs_stay),
		ON_A_KERNEL(
			an_attribute_that_is_refused_is_named_with_driver_and_the_kernels_words),
		ON_A_KERNEL(attributes_that_a_driver_takes_only_one_by_one_are_set_one_by_one),
		ON_A_KERNEL(what_cannot_be_undone_is_said),
		ON_A_KERNEL(a_driver_that_blocks_ends_the_step_in_time),
		ON_A_KERNEL(a_pf_that_is_pulled_out_half_way_is_said_to_be_gone),
		ON_A_KERNEL(a_group_that_is_in_use_is_found_when_its_vfs_are_made),
		ON_A_KERNEL(a_driver_that_is_not_there_or_does_not_want_the_vf_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
