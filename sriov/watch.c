/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One look: each PF is planned for on its own, so that one that is missing or fails takes nothing
 * from the others. What is wanted of VFs in use is put back without asking, since it was there
 * before; VFs are never taken away from a user without --allow-disruptive.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "want_conf.h"
#include "watch.h"

#define FIRST_PAUSE_MS 1000u
#define LAST_PAUSE_MS  60000u

int watch_set_want(struct watch *watch, struct sriov_want *want)
{
	struct watch_pf *pfs = calloc(want->n_pfs ? want->n_pfs : 1, sizeof(*pfs));

	if (!pfs)
		return -ENOMEM;
	watch_done(watch);
	watch->want = *want;
	watch->pfs = pfs;
	*want = (struct sriov_want){ 0 };
	return 0;
}

void watch_done(struct watch *watch)
{
	want_done(&watch->want);
	free(TAKE_PTR(watch->pfs));
}

/* Once, until it is something else. */
static void complain(struct watch_pf *pf, enum sh_log_level level, const char *text)
{
	if (strcmp(pf->said, text) == 0)
		return;
	strncpy(pf->said, text, sizeof(pf->said) - 1);
	sh_log(level, "%s", text);
}

struct report {
	const struct watch_pf *pf;
	const char *how;
};

static void log_step(const struct sriov_step *step, void *ctx)
{
	const struct report *report = ctx;
	char text[512];

	sriov_step_print(step, text, sizeof(text));
	sh_log_notice("%s: %s", text, report->how);
}

/* What differs, as one text, so that it is said once. */
static void report_drift(struct watch_pf *pf, const struct sriov_plan *plan)
{
	char text[512], all[WATCH_TEXT_LEN];

	sriov_step_print(&plan->steps[0], text, sizeof(text));
	snprintf(all, sizeof(all), "%s (%u steps in all)", text, plan->n);
	if (strcmp(pf->said, all) == 0)
		return;
	strcpy(pf->said, all);
	for (uint32_t i = 0; i < plan->n; i++)
		log_step(&plan->steps[i],
			&(struct report){ pf, "not as wanted, and left so (--report-only)" });
}

static unsigned fail(struct watch_pf *pf, uint64_t now_ms, const char *text)
{
	complain(pf, SH_LOG_ERR, text);
	pf->pause_ms = pf->pause_ms ? pf->pause_ms * 2 : FIRST_PAUSE_MS;
	if (pf->pause_ms > LAST_PAUSE_MS)
		pf->pause_ms = LAST_PAUSE_MS;
	pf->retry_ms = now_ms + pf->pause_ms;
	return pf->pause_ms;
}

static void settle(struct watch_pf *pf)
{
	if (pf->missing)
		sh_log_notice("a PF that was missing is there");
	pf->missing = false;
	pf->seen = true;
	pf->pause_ms = 0;
	pf->retry_ms = 0;
	pf->said[0] = '\0';
}

static unsigned put_back(struct watch *watch, struct watch_pf *pf, const struct sriov_host *host,
	const struct sriov_plan *plan, uint64_t now_ms)
{
	struct report how = { pf, pf->seen ? "had changed, put back" : "done" };
	struct sriov_apply_report report = { log_step, &how };
	struct sh_err err = { "" };
	int r = sriov_plan_check(plan, watch->allow | SRIOV_ALLOW_TRAFFIC, &err);

	if (r == 0)
		r = sriov_apply(&watch->tools->hands, host, plan, &report, &err);
	if (r < 0)
		return fail(pf, now_ms, err.text);
	settle(pf);
	return 0;
}

static unsigned look_at(struct watch *watch, uint32_t k, uint64_t now_ms)
{
	_cleanup_(sriov_host_freep) struct sriov_host *host = NULL;
	_cleanup_(sriov_plan_freep) struct sriov_plan *plan = NULL;
	struct sriov_want want = { &watch->want.pfs[k], 1 };
	struct watch_pf *pf = &watch->pfs[k];
	struct sh_err err = { "" };
	int r;

	if (now_ms < pf->retry_ms)
		return (unsigned)(pf->retry_ms - now_ms);
	r = sriov_host_read(watch->tools->hands.env, NULL, &host, &err);
	if (r == 0)
		r = sriov_plan_new(host, &want, &plan, &err);
	if (r == -ENOENT || r == -ENODEV) {
		/* It comes with an event. */
		complain(pf, SH_LOG_WARN, err.text);
		pf->missing = true;
		return 0;
	}
	if (r < 0)
		return fail(pf, now_ms, err.text);
	if (plan->n == 0) {
		settle(pf);
		return 0;
	}
	if (watch->report_only) {
		report_drift(pf, plan);
		return 0;
	}
	return put_back(watch, pf, host, plan, now_ms);
}

unsigned watch_look(struct watch *watch, uint64_t now_ms)
{
	unsigned soonest_ms = 0;

	for (uint32_t k = 0; k < watch->want.n_pfs; k++) {
		unsigned ms = look_at(watch, k, now_ms);

		if (ms && (!soonest_ms || ms < soonest_ms))
			soonest_ms = ms;
	}
	return soonest_ms;
}

bool watch_is_settled(const struct watch *watch)
{
	for (uint32_t k = 0; k < watch->want.n_pfs; k++)
		if (!watch->pfs[k].seen)
			return false;
	return true;
}
