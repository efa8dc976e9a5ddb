/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Teams: texts to the dataplane's structs. Pure.
 */
#include <stdio.h>
#include <string.h>

#include "conf/policy.h"
#include "conf/port_target.h"
#include "conf/team.h"
#include "resolve.h"

_Static_assert((int)PORT_MAX_DEVICES == (int)DP_MAX_MEMBERS, "as many as the dataplane takes");

static enum dp_team_mode resolve_mode(const struct conf_item *port)
{
	const char *mode = conf_get_or_default(port, API_PORT, "team");

	return strcmp(mode, "balance-mac") == 0   ? DP_TEAM_BALANCE_MAC
	       : strcmp(mode, "balance-tcp") == 0 ? DP_TEAM_BALANCE_TCP
	       : strcmp(mode, "lacp") == 0        ? DP_TEAM_LACP
						  : DP_TEAM_ACTIVE_BACKUP;
}

/* "packet:eth1" and "eth1" are "eth1". */
static void member_name(const struct port_target *devices, int n, const char *text, char *ret)
{
	for (int i = 0; i < n; i++)
		if (port_device_is(&devices[i], text))
			snprintf(ret, DP_MEMBER_NAME_LEN, "%.15s", devices[i].target);
}

static int resolve_devices(
	const struct conf_item *port, struct dp_team_policy *ret, struct sh_err *err)
{
	struct port_target devices[PORT_MAX_DEVICES];
	const char *primary = conf_get(port, API_PORT, "primary");
	int n = port_devices(port, devices, err);

	if (n < 0)
		return n;
	ret->mode = resolve_mode(port);
	ret->failback_delay_ms = (uint32_t)conf_get_uint(port, API_PORT, "failback_delay_ms", 1000);
	ret->n_members = (uint8_t)n;
	for (int i = 0; i < n; i++) {
		ret->members[i].kind = devices[i].kind == CONF_PORT_XDP   ? DP_PORT_XDP
				       : devices[i].kind == CONF_PORT_PCI ? DP_PORT_PCI
									  : DP_PORT_PACKET;
		snprintf(ret->members[i].name, DP_MEMBER_NAME_LEN, "%.15s", devices[i].target);
	}
	if (primary)
		member_name(devices, n, primary, ret->primary);
	return 0;
}

static uint8_t resolve_list(
	const struct port_target *devices, int n, const char *list, char ret[][DP_MEMBER_NAME_LEN])
{
	char device[CONF_DEVICE_LEN];
	uint8_t found = 0;

	while (list && (list = conf_list_next(list, device)) && found < DP_MAX_MEMBERS)
		member_name(devices, n, device, ret[found++]);
	return found;
}

static void resolve_order(
	const struct conf *conf, const struct conf_item *port, struct dp_team_order *ret)
{
	const char *active = conf_policy(conf, port, "active");
	const char *standby = conf_policy(conf, port, "standby");
	struct port_target devices[PORT_MAX_DEVICES];
	const struct conf_item *team;
	char first[CONF_DEVICE_LEN];
	int n;

	if (!active || !conf_list_next(active, first))
		return;
	team = conf_team_of(conf, conf_port_bridge(conf, port), first);
	n = team ? port_devices(team, devices, NULL) : 0;
	if (n <= 0)
		return;
	ret->n_active = resolve_list(devices, n, active, ret->active);
	ret->n_standby = resolve_list(devices, n, standby, ret->standby);
}

int resolve_team(const struct conf *conf, const struct conf_item *port, struct dp_port_policy *ret,
	struct sh_err *err)
{
	resolve_order(conf, port, &ret->order);
	return conf_get(port, API_PORT, "devices") ? resolve_devices(port, &ret->team, err) : 0;
}
