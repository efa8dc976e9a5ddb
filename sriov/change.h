/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What verbs that change something share: read the host, plan, refuse what was not permitted, then
 * show the plan or perform it.
 */
#pragma once

#include "program.h"
#include "sriov/apply.h"
#include "sriov/want.h"

/* clang-format off */
#define CHANGE_OPTIONS \
	{ .name = "allow-disruptive", .help = "do what disturbs VFs in use, too" }, \
	{ .name = "force", .help = "even to the NIC that carries the default route" }, \
	{ .name = "dry-run", .help = "show the steps and do none" }
/* clang-format on */

/* The kernel's events and how to change it, for as long as something is changed. */
struct change_tools {
	struct sriov_events events;
	struct sriov_hands hands;
	int lock_fd; /* of all shunt-sriov on this host, while one changes something */
};

int change_tools_init(struct change_tools *ret, const struct sriov_env *env, struct sh_err *err);
void change_tools_done(struct change_tools *tools);

/** Wait until no other shunt-sriov changes anything, and keep it so until change_unlock. */
int change_lock(struct change_tools *tools, struct sh_err *err);
void change_unlock(struct change_tools *tools);

/** What --allow-disruptive and --force permit: SRIOV_ALLOW_ bits. */
unsigned change_allowed(const struct program *program);

/** Plan and print. return: exit status */
int change_show(struct program *program, const struct sriov_want *want);

/** Plan, perform, print what was done; with --dry-run change_show. return: exit status */
int change_make(struct program *program, const struct sriov_want *want);

/** Read a configuration file. errors: those of conf_load_file and want_from_conf */
int change_load(const char *path, struct sriov_want *ret, struct sh_err *err);

/** The same; the path "-" is standard input. */
int change_load_input(const char *path, struct sriov_want *ret, struct sh_err *err);
