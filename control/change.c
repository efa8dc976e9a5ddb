/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every mutation, from a single command to a whole file, comes through here. Control thread.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "change.h"
#include "ofport.h"
#include "ofproto/dpid.h"
#include "resolve.h"
#include "vm_port.h"

/* An error in another object than the command's own names that object. */
static int name_place(const struct conf *conf, const struct conf_where *where,
	const struct change *change, int r, struct sh_err *err)
{
	char key[CONF_KEY_LEN];

	if (where->index < 0)
		return r;
	conf_key(where->noun, &conf->of[where->noun].items[where->index], key);
	if (!change->file && change->name && where->noun == change->noun &&
		strcmp(key, change->name) == 0)
		return conf_name_nested_place(where, r, err);
	return conf_name_place(conf, where, r, err);
}

static int check(struct ctl *ctl, struct conf *to, const struct change *change, struct sh_err *err)
{
	struct conf_where where = { .index = -1 };
	int r = vm_ports_settle(to, &ctl->conf, ctl->machine_id, &where, err);

	if (r == 0)
		r = ofport_assign(to, &ctl->conf, err);
	if (r == 0)
		r = conf_check(to, &ctl->env, &where, err);
	return r < 0 ? name_place(to, &where, change, r, err) : 0;
}

/* Controllers hear of ports when they forward and are kept. */
static void tell_controllers(struct ctl *ctl, const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->n; i++) {
		const struct plan_step *step = &plan->steps[i];

		if (step->noun == API_PORT && step->action == PLAN_ADD)
			switch_port_tell(&ctl->sw, step->name, OF_PR_ADD);
		else if (step->noun == API_PORT && step->action == PLAN_SET)
			switch_port_tell(&ctl->sw, step->name, OF_PR_MODIFY);
	}
}

static int apply(struct ctl *ctl, struct conf *to, const struct change *change,
	const struct plan *plan, struct sh_err *err)
{
	int r = reconcile(&ctl->sw, &ctl->conf, to, plan, false, change->watch, err);

	if (r == 0) {
		r = store_save(&ctl->store, to, err);
		/* What cannot be kept shall not be. */
		if (r < 0)
			reconcile_undo(&ctl->sw, &ctl->conf, to, plan);
	}
	switch_settle(&ctl->sw);
	if (r < 0)
		return r;
	conf_done(&ctl->conf);
	ctl->conf = *to;
	conf_init(to);
	tell_controllers(ctl, plan);
	return 0;
}

int ctl_change(struct ctl *ctl, struct conf *to, const struct change *change, struct plan *ret_plan,
	struct sh_err *err)
{
	struct plan plan = { 0 };
	int r = check(ctl, to, change, err);

	if (r == 0 && plan_new(&ctl->conf, to, &plan) < 0)
		r = sh_err_set(err, -ENOMEM, "out of memory");
	if (r == 0 && !change->dry_run && plan.n)
		r = apply(ctl, to, change, &plan, err);
	conf_done(to);
	if (r == 0 && ret_plan)
		*ret_plan = plan;
	else
		plan_done(&plan);
	return r;
}

static int start_workers(struct ctl *ctl, struct sh_err *err)
{
	struct dp_workers_conf workers;

	/* The plan had a step for workers that the configuration mentions. */
	if (dp_n_workers(ctl->sw.dp))
		return 0;
	resolve_workers(&ctl->conf, &workers);
	return dp_workers_set(ctl->sw.dp, &workers, err);
}

int ctl_start(struct ctl *ctl, struct conf *conf, struct sh_err *err)
{
	struct conf_where where = { .index = -1 };
	struct conf none;
	struct plan plan;
	int r;

	conf_init(&none);
	r = vm_ports_settle(conf, &none, ctl->machine_id, &where, err);
	if (r == 0)
		r = ofport_assign(conf, NULL, err);
	if (r == 0 && plan_new(&none, conf, &plan) < 0)
		r = sh_err_set(err, -ENOMEM, "out of memory");
	if (r < 0)
		return r;
	r = reconcile(&ctl->sw, &none, conf, &plan, true, NULL, err);
	switch_settle(&ctl->sw);
	plan_done(&plan);
	if (r < 0)
		return r;
	ctl->conf = *conf;
	conf_init(conf);
	return start_workers(ctl, err);
}

int ctl_reload(struct ctl *ctl, const struct reconcile_watch *watch, struct sh_err *err)
{
	const struct change change = { .file = ctl->store.path, .watch = watch };
	struct conf conf;
	int r = conf_load_file(ctl->store.path, &ctl->env, &conf, err);

	/* A store that was never written, or was removed, is no order to remove everything. */
	if (r == -ENOENT && !ctl->store.read_only)
		r = 0;
	else if (r == 0)
		r = ctl_change(ctl, &conf, &change, NULL, err);
	return r < 0 ? r : ctl_retry(ctl, err);
}

void ctl_system_mac(const struct ctl *ctl, uint8_t ret[6])
{
	uint64_t bits = of_dpid_derive("", ctl->machine_id);

	for (unsigned i = 0; i < 6; i++)
		ret[i] = (uint8_t)(bits >> 8 * (5 - i));
}

int ctl_retry(struct ctl *ctl, struct sh_err *err)
{
	return switch_retry(&ctl->sw, &ctl->conf) ? dp_commit(ctl->sw.dp, err) : 0;
}
