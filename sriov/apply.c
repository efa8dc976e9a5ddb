/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From a plan to a host that is so: step after step, then a look at everything, and the way back
 * when something went wrong. The way back is planned too, from what is then true to what was.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "perform.h"
#include "sriov/apply.h"

#define ROUNDS_BACK 3 /* VFs made again have a driver's settings, which a second round sees */

/* A PF as it was last read: before's, or one that was read since. */
struct pf_now {
	const struct sriov_pf *pf;
	struct sriov_host *host; /* whose pf is, when it was read since */
};

struct applier {
	const struct sriov_hands *hands;
	const struct sriov_host *before;
	const struct sriov_apply_report *report;
	struct pf_now *now; /* before->n_pfs */
};

static int find_pf(const struct applier *a, const char *address)
{
	for (uint32_t k = 0; k < a->before->n_pfs; k++)
		if (strcmp(a->before->pfs[k].address, address) == 0)
			return (int)k;
	return -ENOENT;
}

static int read_again(struct applier *a, struct pf_now *now, struct sh_err *err)
{
	struct sriov_host *host;
	int r = sriov_host_read(a->hands->env, now->pf->address, &host, err);

	if (r < 0)
		return r;
	/* It may have gone away while it was read. */
	if (host->n_pfs == 0) {
		sriov_host_free(host);
		return sh_err_set(err, -ENODEV, "PF %s is gone", now->pf->address);
	}
	sriov_host_free(now->host);
	now->host = host;
	now->pf = &host->pfs[0];
	return 0;
}

static int perform_step(struct applier *a, const struct sriov_step *step, struct sh_err *err)
{
	int k = find_pf(a, step->address), r;

	if (k < 0)
		return sh_err_set(err, -EINVAL, "the plan is of another host");
	r = sriov_step_perform(a->hands, a->now[k].pf, step, err);
	if (r == 1)
		r = read_again(a, &a->now[k], err);
	return r;
}

/* Whether what a later step does hides what this one did. */
static bool is_superseded(const struct sriov_plan *plan, uint32_t i)
{
	const struct sriov_step *step = &plan->steps[i];

	for (uint32_t k = i + 1; k < plan->n; k++) {
		const struct sriov_step *later = &plan->steps[k];

		if (strcmp(later->address, step->address) != 0 || later->vf != step->vf)
			continue;
		if (later->op == step->op ||
			(step->op == SRIOV_OP_UNBIND && later->op == SRIOV_OP_BIND))
			return true;
	}
	return false;
}

static int read_all_again(struct applier *a, const struct sriov_plan *plan, struct sh_err *err)
{
	const char *last = "";

	for (uint32_t i = 0; i < plan->n; i++) {
		const char *address = plan->steps[i].address;
		int k = find_pf(a, address), r;

		if (k < 0 || strcmp(address, last) == 0)
			continue;
		r = read_again(a, &a->now[k], err);
		if (r < 0)
			return r;
		last = address;
	}
	return 0;
}

static int verify(struct applier *a, const struct sriov_plan *plan, struct sh_err *err)
{
	int r = read_all_again(a, plan, err);

	for (uint32_t i = 0; r == 0 && i < plan->n; i++)
		if (!is_superseded(plan, i))
			r = sriov_step_verify(a->now[find_pf(a, plan->steps[i].address)].pf,
				&plan->steps[i], err);
	return r;
}

/* As many steps as can be done; *err is the first that could not. */
static void perform_back(
	struct applier *a, uint32_t k, const struct sriov_plan *plan, struct sh_err *err)
{
	for (uint32_t i = 0; i < plan->n; i++) {
		struct sh_err why = { "" };
		int r = sriov_step_perform(a->hands, a->now[k].pf, &plan->steps[i], &why);

		if (r == 1)
			r = read_again(a, &a->now[k], &why);
		if (r < 0 && !err->text[0])
			*err = why;
		/* Then the VFs are there, with settings that can be compared. */
		if (plan->steps[i].op == SRIOV_OP_NUM_VFS && plan->steps[i].number_to)
			return;
	}
}

/* The steps that are left on the way back; an empty plan when all is as before. */
static int plan_back(struct applier *a, uint32_t k, struct sriov_plan **ret, struct sh_err *err)
{
	int r = read_again(a, &a->now[k], err);

	if (r == 0)
		r = sriov_plan_back(a->now[k].host, &a->before->pfs[k], ret, err);
	return r;
}

/* return: 0 when the PF is as before; else -errno, with what is not */
static int put_back(struct applier *a, uint32_t k, struct sh_err *err)
{
	struct sh_err cause = { "" };
	char text[384];
	int r = 0;

	for (unsigned round = 0; round <= ROUNDS_BACK; round++) {
		_cleanup_(sriov_plan_freep) struct sriov_plan *plan = NULL;

		r = plan_back(a, k, &plan, err);
		if (r < 0 || plan->n == 0)
			return r;
		if (round == ROUNDS_BACK || cause.text[0]) {
			sriov_step_print(&plan->steps[0], text, sizeof(text));
			return sh_err_set(err, -EIO,
				"%u steps are left to do by hand, first '%s'%s%s", plan->n, text,
				cause.text[0] ? ": " : "", cause.text);
		}
		/* A step that fails may fail for good: one more look, to say what is true. */
		perform_back(a, k, plan, &cause);
	}
	return r;
}

/*
 * Undo, youngest PF first. The sentence of what went wrong gets an end that says what is true now.
 */
static int undo(struct applier *a, const struct sriov_plan *plan, uint32_t n_done, int code,
	struct sh_err *err)
{
	const char *last = "";
	struct sh_err wrong = *err, back = { "" };

	for (uint32_t i = n_done; i > 0; i--) {
		const char *address = plan->steps[i - 1].address;
		int k = find_pf(a, address), r;

		if (k < 0 || strcmp(address, last) == 0)
			continue;
		last = address;
		r = put_back(a, (uint32_t)k, &back);
		if (r < 0)
			return sh_err_set(err, code, "%.300s; putting %s back failed: %s",
				wrong.text, plan->steps[i - 1].pf, back.text);
	}
	return sh_err_set(err, code, "%.400s; undone: all is as it was before", wrong.text);
}

/*
 * A driver that blocks in sysfs holds the device: to read it, let alone to change it back, would
 * block as well.
 */
static bool holds_device(const struct sriov_step *step, int code)
{
	return code == -ETIMEDOUT && (step->op == SRIOV_OP_NUM_VFS || step->op == SRIOV_OP_UNBIND);
}

static int say_blocked(const struct sriov_plan *plan, uint32_t i, int code, struct sh_err *err)
{
	struct sh_err wrong = *err;

	return sh_err_set(err, code,
		"%.300s; not undone, since nothing can be changed until it lets go: %u of %u steps "
		"are done, see 'shunt-sriov show %s' then",
		wrong.text, i, plan->n, plan->steps[i].pf);
}

/*
 * Of VFs that are there. The module of a VF that is yet to be made may come with it, by its alias.
 */
static int check_drivers(struct applier *a, const struct sriov_plan *plan, struct sh_err *err)
{
	for (uint32_t i = 0; i < plan->n; i++) {
		const struct sriov_step *step = &plan->steps[i];
		int k = find_pf(a, step->address), r;

		if (k < 0 || step->op != SRIOV_OP_BIND || !step->word_to[0] ||
			(uint32_t)step->vf >= a->before->pfs[k].n_vfs)
			continue;
		r = sriov_bind_check(
			a->hands, a->before->pfs[k].vfs[step->vf].address, step->word_to, err);
		if (r < 0)
			return sh_err_prefix(err, r, "%s vf %d", step->pf, step->vf);
	}
	return 0;
}

static int apply(struct applier *a, const struct sriov_plan *plan, struct sh_err *err)
{
	int r = check_drivers(a, plan, err);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < plan->n; i++) {
		r = perform_step(a, &plan->steps[i], err);
		if (holds_device(&plan->steps[i], r))
			return say_blocked(plan, i, r, err);
		/* A step that failed may be half done: it is undone as well. */
		if (r < 0)
			return undo(a, plan, i + 1, r, err);
		if (a->report && a->report->did)
			a->report->did(&plan->steps[i], a->report->ctx);
	}
	r = verify(a, plan, err);
	return r < 0 ? undo(a, plan, plan->n, r, err) : 0;
}

int sriov_apply(const struct sriov_hands *hands, const struct sriov_host *before,
	const struct sriov_plan *plan, const struct sriov_apply_report *report, struct sh_err *err)
{
	_cleanup_free_ struct pf_now *now = NULL;
	struct applier a = { hands, before, report, NULL };
	int r;

	if (plan->n == 0)
		return 0;
	now = calloc(before->n_pfs, sizeof(*now));
	if (!now)
		return sh_err_set(err, -ENOMEM, "out of memory");
	a.now = now;
	for (uint32_t k = 0; k < before->n_pfs; k++)
		now[k].pf = &before->pfs[k];
	r = apply(&a, plan, err);
	for (uint32_t k = 0; k < before->n_pfs; k++)
		sriov_host_free(now[k].host);
	return r;
}
