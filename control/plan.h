/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From one checked model to another: the steps, in an order in which each is possible. Pure.
 */
#pragma once

#include <jansson.h>

#include "conf/conf.h"

enum plan_action {
	PLAN_DEL,
	PLAN_SET,
	PLAN_ADD,
};

struct plan_step {
	enum plan_action action;
	enum api_noun noun;
	int old_index; /* in the old model, -1 for PLAN_ADD */
	int new_index; /* in the new model, -1 for PLAN_DEL */
	char name[CONF_KEY_LEN];
	uint64_t fields; /* bit per field of the table that differs, PLAN_SET; that is given,
			    PLAN_ADD */
	json_t *values;  /* for people: field to its value, or to [from, to] where it changes */
	bool remake;     /* the other half of this PLAN_DEL or PLAN_ADD is in the plan too */
};

struct plan {
	struct plan_step *steps;
	unsigned n;
};

/** errors: -ENOMEM. Equal models make an empty plan. */
int plan_new(const struct conf *from, const struct conf *to, struct plan *ret);
void plan_done(struct plan *plan);

const char *plan_action_name(enum plan_action action);

/** What people should know of the step beside its fields; NULL for nothing. */
const char *plan_step_note(const struct plan_step *step);
