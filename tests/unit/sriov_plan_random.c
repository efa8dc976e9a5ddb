/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Plans at random, performed on a model of the kernel that has its rules: the number of VFs goes
 * through 0, a VF made anew has a driver's own settings, probing needs autoprobe or an override.
 * What comes out is what was wanted, and there is nothing left to plan.
 */
#include "unit.h"

#include "sriov/plan.h"
#include "sriov_host_by_hand.h"

#define BIT(n)  (1u << (n))
#define N_SEEDS 3000
#define N_LINES 6

static uint32_t random_state;

static uint32_t below(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

static const char *const drivers[] = { "", "igbvf", "vfio-pci" };

static void random_line(struct sriov_want_vf *line, uint32_t n_vfs)
{
	*line = (struct sriov_want_vf){ .first = below(n_vfs),
		.vlan = (uint16_t)below(3),
		.qos = (uint8_t)below(3),
		.vlan_proto = below(2) ? 0x8100 : 0x88a8,
		.spoofchk = below(2),
		.trust = below(2),
		.query_rss = below(2),
		.mac_auto = true,
		.link_state = (enum sriov_link_state)below(3),
		.min_tx_rate = below(3) * 10,
		.max_tx_rate = 100 + below(3),
		.msix_vectors = 1 + below(4) };
	line->last = line->first + below(n_vfs - line->first);
	for (unsigned field = 0; field <= SRIOV_VF_DRIVER; field++)
		if (field != SRIOV_VF_TRUNK && below(4) == 0)
			line->given |= BIT(field);
	strcpy(line->driver, drivers[below(3)]);
}

static void random_vf(struct hand_host *hand, unsigned pf, unsigned i)
{
	struct sriov_vf *vf = &hand->vfs[pf][i];

	hand_vf(hand, pf, i);
	vf->vlan = (uint16_t)below(3);
	vf->qos = (uint8_t)below(3);
	vf->trust = below(2);
	vf->max_tx_rate = 100 + below(2);
	strcpy(vf->driver, drivers[below(3)]);
}

static void random_host(struct hand_host *hand)
{
	hand_init(hand);
	for (unsigned k = 0; k < 2; k++) {
		hand->pfs[k].drivers_autoprobe = below(2);
		hand->pfs[k].eswitch = (enum sriov_eswitch)below(3);
		hand_enable(hand, k, below(2) ? 0 : below(HAND_VFS));
		for (unsigned i = 0; i < hand->pfs[k].n_vfs; i++)
			random_vf(hand, k, i);
	}
}

static void random_want(const struct hand_host *hand, unsigned k, struct sriov_want_pf *want,
	struct sriov_want_vf *lines)
{
	const struct sriov_pf *pf = &hand->pfs[k];
	uint32_t n_vfs = pf->n_vfs;

	*want = (struct sriov_want_pf){ .num_vfs = below(HAND_VFS),
		.drivers_autoprobe = below(2),
		.eswitch = below(2) ? SRIOV_ESWITCH_LEGACY : SRIOV_ESWITCH_SWITCHDEV,
		.mtu = 1500 + below(2),
		.vfs = lines };
	strcpy(want->name, pf->netdev);
	if (below(2))
		want->given |= BIT(SRIOV_PF_NUM_VFS);
	if (below(2))
		want->given |= BIT(SRIOV_PF_AUTOPROBE);
	if (below(2))
		want->given |= BIT(SRIOV_PF_MTU);
	if (below(4) == 0 && pf->eswitch != SRIOV_ESWITCH_UNKNOWN)
		want->given |= BIT(SRIOV_PF_ESWITCH);
	if (want->given & BIT(SRIOV_PF_NUM_VFS))
		n_vfs = want->num_vfs;
	want->n_vfs = n_vfs ? below(N_LINES) : 0;
	for (uint32_t i = 0; i < want->n_vfs; i++)
		random_line(&lines[i], n_vfs);
}

/* The kernel's rules */

static void model_num_vfs(struct hand_host *hand, unsigned k, const struct sriov_step *step)
{
	assert_int_equal(hand->pfs[k].n_vfs, step->number_from);
	assert_true(step->number_from == 0 || step->number_to == 0);
	hand_enable(hand, k, step->number_to);
}

static void model_attrs(struct hand_host *hand, unsigned k, const struct sriov_step *step)
{
	struct sriov_vf *vf = &hand->vfs[k][step->vf];
	struct sriov_vf old = *vf;

	assert_int_equal(step->vf_to.index, step->vf);
	assert_true(!step->fresh || !vf->driver[0]);
	*vf = step->vf_to;
	vf->known = old.known;
	vf->iommu_group = old.iommu_group;
	vf->msix_vectors = old.msix_vectors;
	memcpy(vf->driver, old.driver, sizeof(vf->driver));
	memcpy(vf->address, old.address, sizeof(vf->address));
	for (unsigned attr = 0; attr < SRIOV_N_ATTRS; attr++)
		if (!(step->sets >> attr & 1) && step->fresh) {
			/* What is not set is what the driver gave it. */
			if (attr == SRIOV_MAC)
				memcpy(vf->mac, old.mac, 6);
			if (attr == SRIOV_SPOOFCHK)
				vf->spoofchk = old.spoofchk;
		}
}

static void model_bind(struct hand_host *hand, unsigned k, const struct sriov_step *step)
{
	struct sriov_vf *vf = &hand->vfs[k][step->vf];

	assert_string_equal(vf->driver, "");
	/* drivers/pci/pci-driver.c, pci_device_can_probe() */
	assert_true(step->word_to[0] || hand->pfs[k].drivers_autoprobe);
	strcpy(vf->driver, step->word_to[0] ? step->word_to : "igbvf");
}

static void model_step(struct hand_host *hand, const struct sriov_step *step)
{
	unsigned k = strcmp(step->address, hand->pfs[1].address) == 0;
	struct sriov_pf *pf = &hand->pfs[k];

	assert_true(step->vf < (int)pf->n_vfs);
	switch (step->op) {
	case SRIOV_OP_NUM_VFS:
		model_num_vfs(hand, k, step);
		break;
	case SRIOV_OP_ESWITCH:
		assert_int_equal(pf->n_vfs, 0);
		pf->eswitch = strcmp(step->word_to, "legacy") == 0 ? SRIOV_ESWITCH_LEGACY
								   : SRIOV_ESWITCH_SWITCHDEV;
		break;
	case SRIOV_OP_MTU:
		pf->mtu = step->number_to;
		break;
	case SRIOV_OP_AUTOPROBE:
		assert_int_equal(pf->drivers_autoprobe, step->number_from);
		pf->drivers_autoprobe = step->number_to;
		break;
	case SRIOV_OP_UNBIND:
		assert_string_equal(hand->vfs[k][step->vf].driver, step->word_from);
		hand->vfs[k][step->vf].driver[0] = 0;
		break;
	case SRIOV_OP_MSIX:
		assert_string_equal(hand->vfs[k][step->vf].driver, "");
		hand->vfs[k][step->vf].msix_vectors = step->number_to;
		break;
	case SRIOV_OP_ATTRS:
		model_attrs(hand, k, step);
		break;
	case SRIOV_OP_BIND:
		model_bind(hand, k, step);
		break;
	default:
		fail();
	}
}

/* What was wanted, without the planner's help */

static void assert_line(const struct hand_host *hand, unsigned k, const struct sriov_want_vf *line,
	uint32_t i, uint32_t fields)
{
	const struct sriov_vf *vf = &hand->vfs[k][i];
	uint8_t mac[6];

	sriov_mac_auto(hand->pfs[k].mac, i, mac);
	if (fields & BIT(SRIOV_VF_MAC))
		assert_memory_equal(vf->mac, mac, 6);
	if (fields & BIT(SRIOV_VF_VLAN))
		assert_int_equal(vf->vlan, line->vlan);
	if (fields & BIT(SRIOV_VF_QOS))
		assert_int_equal(vf->qos, line->qos);
	if ((fields & BIT(SRIOV_VF_PROTO)) && (vf->vlan || vf->qos))
		assert_int_equal(vf->vlan_proto, line->vlan_proto);
	if (fields & BIT(SRIOV_VF_SPOOFCHK))
		assert_int_equal(vf->spoofchk, line->spoofchk);
	if (fields & BIT(SRIOV_VF_TRUST))
		assert_int_equal(vf->trust, line->trust);
	if (fields & BIT(SRIOV_VF_LINK_STATE))
		assert_int_equal(vf->link_state, line->link_state);
	if (fields & BIT(SRIOV_VF_MIN_RATE))
		assert_int_equal(vf->min_tx_rate, line->min_tx_rate);
	if (fields & BIT(SRIOV_VF_MAX_RATE))
		assert_int_equal(vf->max_tx_rate, line->max_tx_rate);
	if (fields & BIT(SRIOV_VF_QUERY_RSS))
		assert_int_equal(vf->query_rss, line->query_rss);
	if (fields & BIT(SRIOV_VF_MSIX))
		assert_int_equal(vf->msix_vectors, line->msix_vectors);
	if (fields & BIT(SRIOV_VF_DRIVER))
		assert_string_equal(vf->driver, line->driver);
}

static void assert_wanted(
	const struct hand_host *hand, unsigned k, const struct sriov_want_pf *want)
{
	const struct sriov_pf *pf = &hand->pfs[k];

	if (want->given & BIT(SRIOV_PF_NUM_VFS))
		assert_int_equal(pf->n_vfs, want->num_vfs);
	if (want->given & BIT(SRIOV_PF_AUTOPROBE))
		assert_int_equal(pf->drivers_autoprobe, want->drivers_autoprobe);
	if (want->given & BIT(SRIOV_PF_ESWITCH))
		assert_int_equal(pf->eswitch, want->eswitch);
	if (want->given & BIT(SRIOV_PF_MTU))
		assert_int_equal(pf->mtu, want->mtu);
	for (uint32_t i = 0; i < pf->n_vfs; i++) {
		uint32_t seen = 0;

		/* Backwards: the last line that speaks of a field is the one that counts. */
		for (uint32_t l = want->n_vfs; l > 0; l--) {
			const struct sriov_want_vf *line = &want->vfs[l - 1];

			if (i < line->first || i > line->last)
				continue;
			assert_line(hand, k, line, i, line->given & ~seen);
			seen |= line->given;
			if ((line->given & BIT(SRIOV_VF_VLAN)) && !line->vlan)
				seen |= BIT(SRIOV_VF_QOS) | BIT(SRIOV_VF_PROTO);
		}
	}
}

static void perform_some(struct hand_host *hand, const struct sriov_plan *plan, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		assert_true(strlen(plan->steps[i].text) > 0);
		model_step(hand, &plan->steps[i]);
	}
}

static void perform(struct hand_host *hand, const struct sriov_plan *plan)
{
	perform_some(hand, plan, plan->n);
}

/* At most one message a VF. */
static void assert_few_messages(const struct sriov_plan *plan)
{
	unsigned n[2][HAND_VFS] = { 0 };

	for (uint32_t i = 0; i < plan->n; i++)
		if (plan->steps[i].op == SRIOV_OP_ATTRS) {
			unsigned k = strcmp(plan->steps[i].pf, "eth1") == 0;

			assert_int_equal(++n[k][plan->steps[i].vf], 1);
		}
}

static void a_performed_plan_is_what_was_wanted_and_leaves_nothing(void **state)
{
	for (uint32_t seed = 0; seed < N_SEEDS; seed++) {
		struct sriov_want_vf lines[2][N_LINES];
		struct sriov_want_pf pfs[2];
		struct sriov_want want = { pfs, 2 };
		struct sriov_plan *plan = NULL;
		struct hand_host hand;
		struct sh_err err = { "" };

		random_state = seed;
		random_host(&hand);
		random_want(&hand, 0, &pfs[0], lines[0]);
		random_want(&hand, 1, &pfs[1], lines[1]);
		if (sriov_plan_new(&hand.host, &want, &plan, &err) < 0)
			fail_msg("seed %u: %s", seed, err.text);
		assert_few_messages(plan);
		perform(&hand, plan);
		sriov_plan_free(plan);
		assert_wanted(&hand, 0, &pfs[0]);
		assert_wanted(&hand, 1, &pfs[1]);
		assert_int_equal(sriov_plan_new(&hand.host, &want, &plan, &err), 0);
		if (plan->n)
			fail_msg("seed %u: still to do: %s", seed, plan->steps[0].text);
		sriov_plan_free(plan);
	}
}

static void assert_same_vf(const struct sriov_vf *a, const struct sriov_vf *b)
{
	for (unsigned attr = 0; attr < SRIOV_N_ATTRS; attr++)
		assert_true(sriov_attr_equal((enum sriov_attr)attr, a, b));
	assert_string_equal(a->driver, b->driver);
}

static void the_plan_back_from_any_step_restores_what_was(void **state)
{
	for (uint32_t seed = 0; seed < N_SEEDS; seed++) {
		struct sriov_want_vf lines[N_LINES];
		struct sriov_want_pf pf;
		struct sriov_want want = { &pf, 1 };
		struct sriov_plan *plan = NULL, *back = NULL;
		struct hand_host hand, before;
		struct sh_err err = { "" };

		random_state = seed;
		random_host(&hand);
		before = hand;
		before.pfs[0].vfs = before.vfs[0];
		random_want(&hand, 0, &pf, lines);
		assert_int_equal(sriov_plan_new(&hand.host, &want, &plan, &err), 0);
		hand.host.pfs = hand.pfs;
		perform_some(&hand, plan, below(plan->n + 1));
		assert_int_equal(sriov_plan_back(&hand.host, &before.pfs[0], &back, &err), 0);
		perform(&hand, back);
		assert_int_equal(hand.pfs[0].n_vfs, before.pfs[0].n_vfs);
		assert_int_equal(hand.pfs[0].drivers_autoprobe, before.pfs[0].drivers_autoprobe);
		assert_int_equal(hand.pfs[0].eswitch, before.pfs[0].eswitch);
		assert_int_equal(hand.pfs[0].mtu, before.pfs[0].mtu);
		for (unsigned i = 0; i < hand.pfs[0].n_vfs; i++)
			assert_same_vf(&hand.vfs[0][i], &before.vfs[0][i]);
		sriov_plan_free(plan);
		sriov_plan_free(back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_performed_plan_is_what_was_wanted_and_leaves_nothing),
		cmocka_unit_test(the_plan_back_from_any_step_restores_what_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
