/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The ports of a bridge as OpenFlow sees them: number, name, state and counters from the model, and
 * what port-mod changes. Control thread.
 */
#pragma once

#include "change.h"
#include "ofproto/info.h"
#include "ofproto/text.h"

/** Call fn for each port of the bridge that could be made, by number; stops at a non-zero. */
int of_ports_foreach(const struct ctl *ctl, const char *bridge,
	int (*fn)(void *arg, const struct of_port_info *port, const struct of_port_stats *stats),
	void *arg);

/** errors: -ENOENT */
int of_ports_find(const struct ctl *ctl, const char *bridge, uint32_t no, struct of_port_info *info,
	struct of_port_stats *stats);

/** The same by name. */
int of_ports_find_name(const struct ctl *ctl, const char *name, struct of_port_info *info);

/** The number of a port of the bridge. errors: -ENOENT */
int of_ports_number(const struct ctl *ctl, const char *bridge, const char *name, uint32_t *ret);

/* A bridge's ports by name, for texts about flows: points to itself, so it stays where it is. */
struct of_ports_names {
	const struct ctl *ctl;
	const char *bridge;
	struct of_text_names text;
};

void of_ports_names(const struct ctl *ctl, const char *bridge, struct of_ports_names *ret);

/** Whether of_ports_mod would refuse it. errors: -EINVAL with reterr_of (PORT_MOD_FAILED) */
int of_ports_check(const struct ctl *ctl, const char *bridge, const struct of_port_mod *mod,
	struct of_err *reterr_of);

/** errors: -EINVAL with reterr_of (PORT_MOD_FAILED) */
int of_ports_mod(struct ctl *ctl, const char *bridge, const struct of_port_mod *mod,
	struct of_err *reterr_of);
