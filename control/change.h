/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The state of shuntd, and the one way by which it changes: check, plan, reconcile, save.
 */
#pragma once

#include <sys/queue.h>

#include "conf/check.h"
#include "lacp.h"
#include "lldp.h"
#include "plan.h"
#include "reconcile.h"
#include "store.h"
#include "switch.h"

struct vms;

struct ctl {
	struct conf conf; /* what holds now; the switch is made like it */
	struct conf_env env;
	struct store store;
	struct switch_state sw;
	struct vms *vms; /* NULL: none can run */
	struct lldp lldp;
	struct lacp_teams lacp;
	char machine_id[40];
	LIST_HEAD(, capture) captures;
	LIST_HEAD(, filtering) filterings; /* of captures that are to begin */
	unsigned n_captures, last_capture; /* how many there are; number of the latest */
};

struct change {
	bool dry_run;
	const char *file;   /* errors start with it: the change is a file's, not one object's */
	enum api_noun noun; /* else: the object that the caller's message names */
	const char *name;
	const struct reconcile_watch *watch;
};

/**
 * Turn the switch and the store into `to`, which is consumed, whatever the result. ret_plan (may
 * be NULL) is what was done, or would be; its indexes are of no use to the caller.
 *
 * errors:  a refusal or a failure, with its sentence; nothing has then changed
 * thread:  control
 */
int ctl_change(struct ctl *ctl, struct conf *to, const struct change *change, struct plan *ret_plan,
	struct sh_err *err);

/** Make what the configuration says out of nothing; ports that cannot be made are kept. */
int ctl_start(struct ctl *ctl, struct conf *conf, struct sh_err *err);

/** The address that the host as a whole goes by, made of its machine id; always the same. */
void ctl_system_mac(const struct ctl *ctl, uint8_t ret[6]);

/** Try again to make the ports that could not be made. */
int ctl_retry(struct ctl *ctl, struct sh_err *err);

/** Read the file again and become what it says. */
int ctl_reload(struct ctl *ctl, const struct reconcile_watch *watch, struct sh_err *err);
