/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Inheritance from port group to port, and the meaning of the three VLAN fields in Open vSwitch's
 * words (ovs-vswitchd.conf.db(5), Port: tag, trunks, vlan_mode). Pure.
 */
#include <errno.h>
#include <string.h>

#include "conf/policy.h"

static const char *const vlan_fields[] = { "vlan", "trunk", "vlan_mode" };

static const struct conf_item *group_of(const struct conf *conf, const struct conf_item *port)
{
	return conf_item(conf, API_PORTGROUP, conf_get(port, API_PORT, "portgroup"));
}

const char *conf_port_bridge(const struct conf *conf, const struct conf_item *port)
{
	const struct conf_item *group = group_of(conf, port);

	return group ? conf_get(group, API_PORTGROUP, "bridge")
		     : conf_get(port, API_PORT, "bridge");
}

static bool is_vlan_field(const char *field)
{
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(field, vlan_fields[i]) == 0)
			return true;
	return false;
}

static bool has_vlan_policy(const struct conf_item *item, enum api_noun noun)
{
	for (unsigned i = 0; i < 3; i++)
		if (conf_get(item, noun, vlan_fields[i]))
			return true;
	return false;
}

const char *conf_policy(const struct conf *conf, const struct conf_item *port, const char *field)
{
	const struct conf_item *group = group_of(conf, port);
	const char *own = conf_get(port, API_PORT, field);

	/* A port's VLAN policy is its own as a whole or its group's as a whole. */
	if (own || !group || (is_vlan_field(field) && has_vlan_policy(port, API_PORT)))
		return own;
	return conf_get(group, API_PORTGROUP, field);
}

bool conf_overrides(const struct conf *conf, const struct conf_item *port, const char *field)
{
	const struct conf_item *group = group_of(conf, port);
	const struct api_field *info = api_field_find(API_PORT, field);

	return group && (info->flags & API_INHERITED) && conf_get(port, API_PORT, field) &&
	       (conf_get(group, API_PORTGROUP, field) || is_vlan_field(field));
}

static int blame(const char **ret_field, const char *field, struct sh_err *err, const char *text)
{
	*ret_field = field;
	return sh_err_set(err, -EINVAL, "%s: %s", field, text);
}

int conf_vlan_mode(const char *vlan, const char *trunk, const char *mode, enum conf_vlan_mode *ret,
	const char **ret_field, struct sh_err *err)
{
	bool native = mode && strncmp(mode, "native-", 7) == 0;
	bool access = mode ? strcmp(mode, "access") == 0 : vlan && !trunk;

	if (native && !vlan)
		return blame(ret_field, "vlan_mode", err, "a native mode needs a vlan");
	if (mode && access && !vlan)
		return blame(ret_field, "vlan_mode", err, "access needs a vlan");
	if (access && trunk)
		return blame(ret_field, "trunk", err,
			"an access port carries no trunk: leave it out, or set vlan_mode to trunk, "
			"native-untagged or native-tagged");
	if (!native && !access && vlan && trunk && !mode)
		return blame(ret_field, "vlan_mode", err,
			"vlan and trunk together need native-untagged or native-tagged");
	if (!native && !access && vlan)
		return blame(ret_field, "vlan", err,
			"a trunk has no vlan of its own: leave it out, or set vlan_mode to "
			"native-untagged or native-tagged");
	if (native)
		*ret = strcmp(mode, "native-tagged") == 0 ? CONF_VLAN_NATIVE_TAGGED
							  : CONF_VLAN_NATIVE_UNTAGGED;
	else
		*ret = access ? CONF_VLAN_ACCESS : CONF_VLAN_TRUNK;
	return 0;
}
