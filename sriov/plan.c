/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The planner. For each PF: what stands in the way goes (VFs, drivers), then the PF changes, then
 * its VFs are made with no driver to bind them, then each VF is configured, and only then drivers
 * come. So no driver and no VM ever sees a VF with another's settings. Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan_text.h"
#include "plan_vf.h"
#include "sriov/plan.h"

#define BIT(n) (UINT32_C(1) << (n))

static const char *const words_autoprobe[] = { "off", "on" };

struct planner {
	struct sriov_plan *plan;
	const struct sriov_host *host;
	const struct sriov_pf *pf;
	const struct sriov_want_pf *want;
	struct sriov_want_vf *vfs; /* folded; n_vfs */
	uint32_t n_vfs;            /* when all is done */
	bool anew;                 /* all VFs are made by this plan */
	bool modes;                /* the eswitch changes */
	bool autoprobe;            /* when all is done */
	bool autoprobe_now;        /* by the steps so far */
	bool wait_link;            /* before the next rate that is set */
	struct sh_err *err;
};

static bool given(const struct planner *p, enum sriov_pf_field field)
{
	return p->want->given & BIT(field);
}

/* return: NULL when out of memory */
static struct sriov_step *add_step(struct planner *p, enum sriov_op op, int vf)
{
	struct sriov_plan *plan = p->plan;
	struct sriov_step *step = plan->steps;

	/* Grow by doubling: at every power of two. */
	if ((plan->n & (plan->n - 1)) == 0) {
		step = realloc(step, (plan->n ? plan->n * 2 : 1) * sizeof(*step));
		if (!step)
			return NULL;
		plan->steps = step;
	}
	step = &plan->steps[plan->n++];
	memset(step, 0, sizeof(*step));
	step->op = op;
	step->vf = vf;
	step->fresh = p->anew;
	memcpy(step->address, p->pf->address, sizeof(step->address));
	snprintf(step->pf, sizeof(step->pf), "%s", sriov_pf_label(p->pf));
	memcpy(step->pf_driver, p->pf->driver, sizeof(step->pf_driver));
	return step;
}

static int no_memory(struct planner *p)
{
	return sh_err_set(p->err, -ENOMEM, "out of memory");
}

/* "vf 0: qemu-system-x86 (1234); vf 3: driver igbvf, enp1s0f0v3". *ret stays NULL for nobody. */
static int list_owners(struct planner *p, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	const char *separator = "";

	if (!f)
		return no_memory(p);
	for (uint32_t i = 0; i < p->pf->n_vfs; i++) {
		const struct sriov_vf *vf = &p->pf->vfs[i];

		if (!vf->users && !vf->driver[0])
			continue;
		fprintf(f, "%svf %u: ", separator, i);
		if (vf->users)
			fputs(vf->users, f);
		else
			fprintf(f, "driver %s%s%s", vf->driver, vf->netdev[0] ? ", " : "",
				vf->netdev);
		separator = "; ";
	}
	if (fclose(f) != 0)
		return no_memory(p);
	if (size)
		*ret = TAKE_PTR(text);
	return 0;
}

static int disturb(
	struct planner *p, struct sriov_step *step, enum sriov_disturb how, const char *users)
{
	if (!users)
		return 0;
	step->disturbs = how;
	step->users = strdup(users);
	return step->users ? 0 : no_memory(p);
}

static int step_num_vfs(struct planner *p, uint32_t from, uint32_t to)
{
	struct sriov_step *step = add_step(p, SRIOV_OP_NUM_VFS, -1);

	if (!step)
		return no_memory(p);
	step->number_from = from;
	step->number_to = to;
	step->needs_force = p->pf->has_default_route;
	sriov_step_describe(step, "num_vfs %u -> %u", from, to);
	if (to)
		return 0;
	if (list_owners(p, &step->users) < 0)
		return -ENOMEM;
	if (step->users)
		step->disturbs = SRIOV_DISTURBS_OWNER;
	return 0;
}

static int step_autoprobe(struct planner *p, bool to)
{
	struct sriov_step *step;

	if (p->autoprobe_now == to)
		return 0;
	step = add_step(p, SRIOV_OP_AUTOPROBE, -1);
	if (!step)
		return no_memory(p);
	step->number_from = p->autoprobe_now;
	step->number_to = to;
	sriov_step_describe(
		step, "drivers_autoprobe %s -> %s", words_autoprobe[!to], words_autoprobe[to]);
	p->autoprobe_now = to;
	return 0;
}

static int step_word(
	struct planner *p, enum sriov_op op, const char *name, const char *from, const char *to)
{
	struct sriov_step *step;

	if (strcmp(from, to) == 0)
		return 0;
	step = add_step(p, op, -1);
	if (!step)
		return no_memory(p);
	snprintf(step->word_from, sizeof(step->word_from), "%s", from);
	snprintf(step->word_to, sizeof(step->word_to), "%s", to);
	step->needs_force = p->pf->has_default_route;
	sriov_step_describe(step, "%s %s -> %s", name, from[0] ? from : "unknown", to);
	return 0;
}

/* The mode first: inline and encap modes are settings of the mode. */
static int plan_modes(struct planner *p)
{
	int r = 0;

	if (given(p, SRIOV_PF_ESWITCH) && p->pf->eswitch != SRIOV_ESWITCH_UNKNOWN)
		r = step_word(p, SRIOV_OP_ESWITCH, "eswitch", sriov_eswitch_name(p->pf->eswitch),
			sriov_eswitch_name(p->want->eswitch));
	if (r == 0 && given(p, SRIOV_PF_INLINE_MODE))
		r = step_word(p, SRIOV_OP_INLINE_MODE, "inline_mode", p->pf->inline_mode,
			p->want->inline_mode);
	if (r == 0 && given(p, SRIOV_PF_ENCAP_MODE))
		r = step_word(p, SRIOV_OP_ENCAP_MODE, "encap_mode", p->pf->encap_mode,
			p->want->encap_mode);
	return r;
}

static int plan_mtu(struct planner *p)
{
	struct sriov_step *step;

	if (!given(p, SRIOV_PF_MTU) || p->pf->mtu == p->want->mtu)
		return 0;
	step = add_step(p, SRIOV_OP_MTU, -1);
	if (!step)
		return no_memory(p);
	step->number_from = p->pf->mtu;
	step->number_to = p->want->mtu;
	sriov_step_describe(step, "mtu %u -> %u", p->pf->mtu, p->want->mtu);
	return 0;
}

static bool any_settings(const struct planner *p)
{
	for (uint32_t i = 0; i < p->n_vfs; i++)
		if (p->vfs[i].given)
			return true;
	return false;
}

static int plan_pf(struct planner *p)
{
	int r = 0;

	if (p->anew && p->pf->n_vfs)
		r = step_num_vfs(p, p->pf->n_vfs, 0);
	if (r == 0)
		r = plan_modes(p);
	if (r == 0)
		r = plan_mtu(p);
	if (r < 0 || !p->anew || !p->n_vfs)
		return r;
	r = step_autoprobe(p, any_settings(p) ? false : p->autoprobe);
	if (r == 0)
		r = step_num_vfs(p, 0, p->n_vfs);
	return r;
}

static const struct sriov_vf *vf_now(const struct planner *p, uint32_t i)
{
	static const struct sriov_vf none = { .iommu_group = -1 };

	return p->anew || i >= p->pf->n_vfs ? &none : &p->pf->vfs[i];
}

static bool wants(const struct planner *p, uint32_t i, enum sriov_vf_field field)
{
	return p->vfs[i].given & BIT(field);
}

static bool msix_changes(const struct planner *p, uint32_t i)
{
	const struct sriov_vf *now = vf_now(p, i);

	return wants(p, i, SRIOV_VF_MSIX) && (p->anew || !(now->known & BIT(SRIOV_MSIX)) ||
						     now->msix_vectors != p->vfs[i].msix_vectors);
}

static bool driver_changes(const struct planner *p, uint32_t i)
{
	return wants(p, i, SRIOV_VF_DRIVER) && strcmp(vf_now(p, i)->driver, p->vfs[i].driver) != 0;
}

static int plan_unbind(struct planner *p, uint32_t i)
{
	const struct sriov_vf *now = vf_now(p, i);
	struct sriov_step *step;

	if (!now->driver[0] || !(driver_changes(p, i) || msix_changes(p, i)))
		return 0;
	step = add_step(p, SRIOV_OP_UNBIND, (int)i);
	if (!step)
		return no_memory(p);
	memcpy(step->word_from, now->driver, sizeof(step->word_from));
	step->needs_force = now->has_default_route;
	sriov_step_describe(step, "driver %s -> none", now->driver);
	return disturb(p, step, SRIOV_DISTURBS_OWNER, now->users);
}

static int plan_msix(struct planner *p, uint32_t i)
{
	const struct sriov_vf *now = vf_now(p, i);
	struct sriov_step *step;

	if (!msix_changes(p, i))
		return 0;
	step = add_step(p, SRIOV_OP_MSIX, (int)i);
	if (!step)
		return no_memory(p);
	step->number_from = now->msix_vectors;
	step->number_to = p->vfs[i].msix_vectors;
	if (now->known & BIT(SRIOV_MSIX))
		sriov_step_describe(
			step, "msix_vectors %u -> %u", step->number_from, step->number_to);
	else
		sriov_step_describe(step, "msix_vectors %u", step->number_to);
	return 0;
}

/* Attributes whose change the user of a VF feels. */
static const uint32_t felt = BIT(SRIOV_MAC) | BIT(SRIOV_VLAN) | BIT(SRIOV_LINK_STATE) |
			     BIT(SRIOV_TRUST) | BIT(SRIOV_SPOOFCHK) | BIT(SRIOV_RATE) |
			     BIT(SRIOV_FN_HW_ADDR) | BIT(SRIOV_FN_STATE) | BIT(SRIOV_FN_RATE);

static int step_attrs(
	struct planner *p, enum sriov_op op, uint32_t i, uint32_t sets, const struct sriov_vf *to)
{
	const struct sriov_vf *now = vf_now(p, i);
	struct sriov_step *step;

	if (!sets)
		return 0;
	step = add_step(p, op, (int)i);
	if (!step)
		return no_memory(p);
	step->sets = sets;
	if (sets & BIT(SRIOV_RATE)) {
		/* Once: it is up then, or has no cable. */
		step->wait_link = p->wait_link;
		p->wait_link = false;
	}
	step->vf_from = *now;
	step->vf_to = *to;
	/* The strings are the host's, and a plan may outlive it. */
	step->vf_from.users = step->vf_from.iommu_others = NULL;
	step->vf_to.users = step->vf_to.iommu_others = NULL;
	sriov_step_describe_attrs(step);
	return sets & felt ? disturb(p, step, SRIOV_DISTURBS_TRAFFIC, now->users) : 0;
}

static int plan_attrs(struct planner *p, uint32_t i)
{
	const uint32_t rate = BIT(SRIOV_FN_RATE);
	const uint32_t function = BIT(SRIOV_FN_HW_ADDR) | BIT(SRIOV_FN_STATE);
	const struct sriov_vf *now = vf_now(p, i);
	struct sriov_vf to;
	uint32_t sets = sriov_want_apply(p->pf, &p->vfs[i], now, &to);
	int r;

	for (unsigned attr = 0; attr < SRIOV_N_ATTRS; attr++)
		if ((now->known >> attr & 1) && sriov_attr_equal(attr, now, &to))
			sets &= ~BIT(attr);
	r = step_attrs(p, SRIOV_OP_ATTRS, i, sets & ~(rate | function), &to);
	if (r == 0)
		r = step_attrs(p, SRIOV_OP_FN_RATE, i, sets & rate, &to);
	/* Its state last: an active function is one that is ready. */
	if (r == 0)
		r = step_attrs(p, SRIOV_OP_FUNCTION, i, sets & function, &to);
	return r;
}

static int step_bind(struct planner *p, uint32_t i, const char *driver)
{
	struct sriov_step *step = add_step(p, SRIOV_OP_BIND, (int)i);

	if (!step)
		return no_memory(p);
	snprintf(step->word_to, sizeof(step->word_to), "%s", driver);
	if (driver[0])
		sriov_step_describe(step, "driver none -> %s", driver);
	else
		sriov_step_describe(step, "driver none -> the kernel's choice");
	return 0;
}

static int plan_bind(struct planner *p, uint32_t i)
{
	if (wants(p, i, SRIOV_VF_DRIVER)) {
		const char *driver = p->vfs[i].driver;

		if (!driver[0] || !(driver_changes(p, i) || msix_changes(p, i)))
			return 0;
		return step_bind(p, i, driver);
	}
	if (p->anew)
		return p->autoprobe && any_settings(p) ? step_bind(p, i, "") : 0;
	if (msix_changes(p, i) && vf_now(p, i)->driver[0])
		return step_bind(p, i, vf_now(p, i)->driver);
	return 0;
}

static int plan_vfs(struct planner *p)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < p->n_vfs; i++) {
		r = plan_unbind(p, i);
		if (r == 0)
			r = plan_msix(p, i);
		if (r == 0)
			r = plan_attrs(p, i);
	}
	/* A VF without driver_override can be probed only while this is on. */
	if (r == 0)
		r = step_autoprobe(p, p->autoprobe);
	for (uint32_t i = 0; r == 0 && i < p->n_vfs; i++)
		r = plan_bind(p, i);
	return r;
}

/* The whole of a VF as it was read, so far as it was. */
static void want_as_is(const struct sriov_vf *vf, struct sriov_want_vf *want)
{
	static const struct {
		enum sriov_attr attr;
		uint32_t fields;
	} of[] = {
		{ SRIOV_MAC, BIT(SRIOV_VF_MAC) },
		{ SRIOV_VLAN, BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_QOS) | BIT(SRIOV_VF_PROTO) },
		{ SRIOV_SPOOFCHK, BIT(SRIOV_VF_SPOOFCHK) },
		{ SRIOV_TRUST, BIT(SRIOV_VF_TRUST) },
		{ SRIOV_LINK_STATE, BIT(SRIOV_VF_LINK_STATE) },
		{ SRIOV_RATE, BIT(SRIOV_VF_MIN_RATE) | BIT(SRIOV_VF_MAX_RATE) },
		{ SRIOV_QUERY_RSS, BIT(SRIOV_VF_QUERY_RSS) },
		{ SRIOV_MSIX, BIT(SRIOV_VF_MSIX) },
		{ SRIOV_FN_HW_ADDR, BIT(SRIOV_VF_HW_ADDR) },
		{ SRIOV_FN_STATE, BIT(SRIOV_VF_FN_STATE) },
		{ SRIOV_FN_RATE, BIT(SRIOV_VF_FN_TX_SHARE) | BIT(SRIOV_VF_FN_TX_MAX) },
	};

	*want = (struct sriov_want_vf){ .first = vf->index,
		.last = vf->index,
		.given = BIT(SRIOV_VF_DRIVER),
		.vlan = vf->vlan,
		.qos = vf->qos,
		.vlan_proto = vf->vlan_proto,
		.spoofchk = vf->spoofchk,
		.trust = vf->trust,
		.query_rss = vf->query_rss,
		.link_state = vf->link_state,
		.min_tx_rate = vf->min_tx_rate,
		.max_tx_rate = vf->max_tx_rate,
		.msix_vectors = vf->msix_vectors,
		.fn_active = vf->fn_active,
		.fn_tx_share = vf->fn_tx_share,
		.fn_tx_max = vf->fn_tx_max };
	memcpy(want->mac, vf->mac, sizeof(want->mac));
	memcpy(want->hw_addr, vf->fn_hw_addr, sizeof(want->hw_addr));
	memcpy(want->driver, vf->driver, sizeof(want->driver));
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (vf->known >> of[i].attr & 1)
			want->given |= of[i].fields;
}

/* What a VF has when it is made, with any driver, need not be given to it. */
static void leave_out_defaults(const struct sriov_pf *pf, struct sriov_want_vf *want)
{
	uint32_t without = 0;

	if (!want->vlan && !want->qos)
		without |= BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_QOS) | BIT(SRIOV_VF_PROTO);
	if (!want->min_tx_rate && !want->max_tx_rate)
		without |= BIT(SRIOV_VF_MIN_RATE) | BIT(SRIOV_VF_MAX_RATE);
	if (!want->trust)
		without |= BIT(SRIOV_VF_TRUST);
	if (!want->query_rss)
		without |= BIT(SRIOV_VF_QUERY_RSS);
	if (want->link_state == SRIOV_LINK_AUTO)
		without |= BIT(SRIOV_VF_LINK_STATE);
	/* Vectors that cannot be divided are as they are. */
	if (!pf->total_msix)
		without |= BIT(SRIOV_VF_MSIX);
	want->given &= ~without;
}

/*
 * VFs that go and come again keep what the configuration does not speak of: not given is not
 * touched.
 */
static int keep_what_was(struct planner *p)
{
	uint32_t n_kept = p->n_vfs < p->pf->n_vfs ? p->n_vfs : p->pf->n_vfs;
	_cleanup_free_ struct sriov_want_vf *lines = NULL;
	struct sriov_want_pf want = *p->want;

	if (!p->anew || !n_kept)
		return 0;
	lines = calloc(n_kept + want.n_vfs, sizeof(*lines));
	if (!lines)
		return no_memory(p);
	for (uint32_t i = 0; i < n_kept; i++) {
		want_as_is(&p->pf->vfs[i], &lines[i]);
		leave_out_defaults(p->pf, &lines[i]);
	}
	if (want.n_vfs)
		memcpy(lines + n_kept, want.vfs, want.n_vfs * sizeof(*lines));
	want.vfs = lines;
	want.n_vfs += n_kept;
	free(TAKE_PTR(p->vfs));
	return sriov_want_fold(p->pf, &want, p->n_vfs, &p->vfs, p->err);
}

static bool word_changes(
	const struct planner *p, enum sriov_pf_field field, const char *now, const char *wanted)
{
	return given(p, field) && strcmp(now, wanted) != 0;
}

static void decide(struct planner *p)
{
	const struct sriov_pf *pf = p->pf;

	p->n_vfs = given(p, SRIOV_PF_NUM_VFS) ? p->want->num_vfs : pf->n_vfs;
	p->autoprobe_now = pf->drivers_autoprobe;
	p->autoprobe =
		given(p, SRIOV_PF_AUTOPROBE) ? p->want->drivers_autoprobe : pf->drivers_autoprobe;
	p->modes = (given(p, SRIOV_PF_ESWITCH) && pf->eswitch != SRIOV_ESWITCH_UNKNOWN &&
			   pf->eswitch != p->want->eswitch) ||
		   word_changes(p, SRIOV_PF_INLINE_MODE, pf->inline_mode, p->want->inline_mode) ||
		   word_changes(p, SRIOV_PF_ENCAP_MODE, pf->encap_mode, p->want->encap_mode);
	/* Drivers refuse to change the mode under VFs, or take their settings away. */
	p->anew = p->n_vfs != pf->n_vfs || p->modes;
	p->wait_link |= p->anew;
}

static int check_count(const struct planner *p)
{
	const char *label = sriov_pf_label(p->pf);

	if (p->n_vfs > p->pf->total_vfs)
		return sh_err_set(p->err, -ERANGE, "%s: num_vfs %u: the device can have %u", label,
			p->n_vfs, p->pf->total_vfs);
	if (p->n_vfs > SRIOV_MAX_VFS)
		return sh_err_set(p->err, -ERANGE, "%s: num_vfs %u: at most %d are handled", label,
			p->n_vfs, SRIOV_MAX_VFS);
	return 0;
}

/* return: who of this PF, or another, stands in the way of giving the group to user space */
static const char *group_blocker(const struct planner *p, const char *address, const char **ret_why)
{
	for (uint32_t k = 0; k < p->host->n_pfs; k++) {
		const struct sriov_pf *pf = &p->host->pfs[k];

		if (strcmp(pf->address, address) == 0 && pf->driver[0]) {
			*ret_why = pf->driver;
			return sriov_pf_label(pf);
		}
		for (uint32_t i = 0; i < pf->n_vfs; i++) {
			const struct sriov_vf *vf = &pf->vfs[i];
			const char *driver = vf->driver;

			if (strcmp(vf->address, address) != 0)
				continue;
			if (pf == p->pf && i < p->n_vfs && wants(p, i, SRIOV_VF_DRIVER))
				driver = p->vfs[i].driver;
			*ret_why = vf->users ? vf->users : driver;
			if (vf->users || (driver[0] && !sriov_driver_passes_through(driver)))
				return vf->address;
		}
	}
	return NULL;
}

static int check_group(const struct planner *p, uint32_t i)
{
	const struct sriov_vf *now = vf_now(p, i);
	const char *why = "", *who;
	char address[SRIOV_ADDRESS_LEN];

	if (!driver_changes(p, i) || !strstr(p->vfs[i].driver, "vfio") || !now->iommu_others)
		return 0;
	for (const char *at = now->iommu_others; *at; at += strspn(at, ", ")) {
		size_t n = strcspn(at, ", ");

		snprintf(address, sizeof(address), "%.*s", (int)n, at);
		at += n;
		who = group_blocker(p, address, &why);
		if (who)
			return sh_err_set(p->err, -EBUSY,
				"%s vf %u: driver %s: IOMMU group %d also holds %s, in use (%s); "
				"unbind that first",
				sriov_pf_label(p->pf), i, p->vfs[i].driver, now->iommu_group, who,
				why);
	}
	return 0;
}

static int plan_one(struct planner *p, bool question)
{
	int r;

	decide(p);
	r = question ? check_count(p) : 0;
	if (r == 0)
		r = sriov_want_fold(p->pf, p->want, p->n_vfs, &p->vfs, p->err);
	if (r == 0 && question)
		r = sriov_want_check(p->pf, p->want, p->vfs, p->n_vfs, p->err);
	for (uint32_t i = 0; r == 0 && question && i < p->n_vfs; i++)
		r = check_group(p, i);
	if (r == 0)
		r = keep_what_was(p);
	if (r == 0)
		r = plan_pf(p);
	if (r == 0)
		r = plan_vfs(p);
	free(TAKE_PTR(p->vfs));
	return r;
}

static int check_named_once(const struct sriov_host *now, const struct sriov_want *want, uint32_t k,
	const struct sriov_pf *pf, struct sh_err *err)
{
	for (uint32_t i = 0; i < k; i++)
		if (sriov_host_find((struct sriov_host *)now, want->pfs[i].name, NULL) == pf)
			return sh_err_set(err, -EINVAL,
				"'%s' and '%s' are the same PF %s; make one entry of them",
				want->pfs[i].name, want->pfs[k].name, pf->address);
	return 0;
}

int sriov_plan_new(const struct sriov_host *now, const struct sriov_want *want,
	struct sriov_plan **ret, struct sh_err *err)
{
	_cleanup_(sriov_plan_freep) struct sriov_plan *plan = calloc(1, sizeof(*plan));
	int r;

	if (!plan)
		return sh_err_set(err, -ENOMEM, "out of memory");
	for (uint32_t k = 0; k < want->n_pfs; k++) {
		struct planner p = { .plan = plan, .host = now, .want = &want->pfs[k], .err = err };

		/* Looks only; a host that is being planned for is not changed. */
		p.pf = sriov_host_find((struct sriov_host *)now, want->pfs[k].name, err);
		if (!p.pf)
			return -ENOENT;
		r = check_named_once(now, want, k, p.pf, err);
		if (r == 0)
			r = plan_one(&p, true);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(plan);
	return 0;
}

static uint32_t fields_as_is(const struct sriov_pf *pf)
{
	uint32_t fields = BIT(SRIOV_PF_NUM_VFS) | BIT(SRIOV_PF_AUTOPROBE);

	if (pf->eswitch != SRIOV_ESWITCH_UNKNOWN)
		fields |= BIT(SRIOV_PF_ESWITCH);
	if (pf->inline_mode[0])
		fields |= BIT(SRIOV_PF_INLINE_MODE);
	if (pf->encap_mode[0])
		fields |= BIT(SRIOV_PF_ENCAP_MODE);
	if (pf->ifindex)
		fields |= BIT(SRIOV_PF_MTU);
	return fields;
}

int sriov_plan_back(const struct sriov_host *now, const struct sriov_pf *before,
	struct sriov_plan **ret, struct sh_err *err)
{
	_cleanup_(sriov_plan_freep) struct sriov_plan *plan = calloc(1, sizeof(*plan));
	_cleanup_free_ struct sriov_want_vf *lines =
		calloc(before->n_vfs ? before->n_vfs : 1, sizeof(*lines));
	struct sriov_want_pf want = { .given = fields_as_is(before),
		.num_vfs = before->n_vfs,
		.drivers_autoprobe = before->drivers_autoprobe,
		.eswitch = before->eswitch,
		.mtu = before->mtu,
		.vfs = lines,
		.n_vfs = before->n_vfs };
	struct planner p = { .plan = plan, .host = now, .want = &want, .err = err };
	int r;

	if (!plan || !lines)
		return sh_err_set(err, -ENOMEM, "out of memory");
	memcpy(want.inline_mode, before->inline_mode, sizeof(want.inline_mode));
	memcpy(want.encap_mode, before->encap_mode, sizeof(want.encap_mode));
	for (uint32_t i = 0; i < before->n_vfs; i++)
		want_as_is(&before->vfs[i], &lines[i]);
	p.pf = sriov_host_find((struct sriov_host *)now, before->address, err);
	if (!p.pf)
		return -ENOENT;
	p.wait_link = before->link_up;
	r = plan_one(&p, false);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(plan);
	return 0;
}

void sriov_plan_free(struct sriov_plan *plan)
{
	if (!plan)
		return;
	for (uint32_t i = 0; i < plan->n; i++)
		free(plan->steps[i].users);
	free(plan->steps);
	free(plan);
}

int sriov_plan_check(const struct sriov_plan *plan, unsigned allow, struct sh_err *err)
{
	for (uint32_t i = 0; i < plan->n; i++) {
		const struct sriov_step *step = &plan->steps[i];
		bool permitted =
			step->disturbs == SRIOV_DISTURBS_NOBODY ||
			(allow & SRIOV_ALLOW_DISRUPTIVE) == SRIOV_ALLOW_DISRUPTIVE ||
			(step->disturbs == SRIOV_DISTURBS_TRAFFIC && (allow & SRIOV_ALLOW_TRAFFIC));
		char text[512];

		sriov_step_print(step, text, sizeof(text));
		if (!permitted)
			return sh_err_set(err, -EBUSY,
				"%s: disturbs %s; give --allow-disruptive to do it", text,
				step->users);
		if (step->needs_force && !(allow & SRIOV_ALLOW_FORCE))
			return sh_err_set(err, -EBUSY,
				"%s: interrupts the NIC that carries the default route; give "
				"--force to do it",
				text);
	}
	return 0;
}
