/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a port's policy is once its group's is taken in. Pure.
 */
#pragma once

#include "conf/conf.h"

enum conf_vlan_mode {
	CONF_VLAN_ACCESS,
	CONF_VLAN_TRUNK,
	CONF_VLAN_NATIVE_UNTAGGED,
	CONF_VLAN_NATIVE_TAGGED,
};

/** Name of the bridge that a port belongs to, NULL if its group does not exist. */
const char *conf_port_bridge(const struct conf *conf, const struct conf_item *port);

/** The value of a policy field: the port's, else its group's, else NULL. */
const char *conf_policy(const struct conf *conf, const struct conf_item *port, const char *field);

/** True when the port sets the field, and its group exists and sets it or its VLAN policy too. */
bool conf_overrides(const struct conf *conf, const struct conf_item *port, const char *field);

/**
 * What vlan, trunk and vlan_mode (each may be NULL) mean together.
 *
 * errors:  -EINVAL with a sentence; *ret_field is the field to blame
 */
int conf_vlan_mode(const char *vlan, const char *trunk, const char *mode, enum conf_vlan_mode *ret,
	const char **ret_field, struct sh_err *err);
