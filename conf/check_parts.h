/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parts of conf_check. Each leaves the place of its error in where, whose item the caller has
 * set, and returns as conf_check does.
 */
#pragma once

#include "conf/check.h"

int conf_check_port(const struct conf *conf, const struct conf_item *port,
	const struct conf_env *env, struct conf_where *where, struct sh_err *err);

/** What belongs to an uplink of several devices, and to no other. */
int conf_check_team(const struct conf_item *port, struct conf_where *where, struct sh_err *err);

/* Which of a team's devices somebody wants, lists with commas or NULL. */
struct conf_order {
	const char *bridge, *active, *standby;
};

/** own_team: the team whose own order it is, or NULL. */
int conf_check_order(const struct conf *conf, const struct conf_order *order,
	const struct conf_item *own_team, struct conf_where *where, struct sh_err *err);

int conf_check_sriov(const struct conf *conf, const struct conf_item *pf, struct conf_where *where,
	struct sh_err *err);
int conf_check_vm(const struct conf *conf, const struct conf_item *vm, struct conf_where *where,
	struct sh_err *err);
int conf_check_mirror(const struct conf *conf, const struct conf_item *mirror,
	struct conf_where *where, struct sh_err *err);
int conf_check_unique(const struct conf *conf, const struct conf_env *env, struct conf_where *where,
	struct sh_err *err);

/** Set where to a field and err to a sentence; returns code. */
int conf_fail(struct conf_where *where, const char *field, struct sh_err *err, int code,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/** errors: -ENOENT "no such port group 'x'". name may be NULL: nothing is named. */
int conf_check_ref(const struct conf *conf, enum api_noun noun, const char *name, const char *field,
	struct conf_where *where, struct sh_err *err);

/** errors: -EINVAL for an address that no station can have. mac may be NULL. */
int conf_check_unicast(
	const char *mac, const char *field, struct conf_where *where, struct sh_err *err);
