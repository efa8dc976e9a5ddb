/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From the model's texts to the dataplane's structs. Pure; what passed conf_check resolves.
 */
#pragma once

#include "conf/conf.h"
#include "dataplane/dp.h"
#include "dataplane/mirror.h"
#include "openflow.h"

int resolve_memory(const struct conf *conf, struct dp_conf *ret);
void resolve_workers(const struct conf *conf, struct dp_workers_conf *ret);
void resolve_bridge(const struct conf_item *bridge, struct dp_bridge_conf *ret);

/** ret points into the item. shape: machine_id as of_dpid_derive says */
void resolve_openflow(
	const struct conf_item *bridge, const char *machine_id, struct openflow_conf *ret);

/** The VLAN policy that the three fields mean. errors: those of conf_vlan_mode. */
int resolve_vlan(const char *vlan, const char *trunk, const char *mode, struct dp_vlan_policy *ret,
	struct sh_err *err);

/** The devices of a team, and the order in which the port wants those of its bridge's. */
int resolve_team(const struct conf *conf, const struct conf_item *port, struct dp_port_policy *ret,
	struct sh_err *err);

/** ret points into the item. errors: -EINVAL (a list of VLANs that is none). */
int resolve_mirror(const struct conf_item *mirror, struct dp_mirror_conf *ret, struct sh_err *err);

/** errors: those of port_target and resolve_vlan. */
int resolve_port(const struct conf *conf, const struct conf_item *port, const char *run_dir,
	struct dp_port_conf *ret_conf, struct dp_port_policy *ret_policy, struct sh_err *err);
