/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks of teams: what belongs to an uplink of several devices, and whether the devices that a
 * port, a port group or the uplink itself wants active and standby are those of one team. Pure.
 */
#include <errno.h>
#include <string.h>

#include "conf/policy.h"
#include "conf/port_target.h"
#include "conf/team.h"
#include "check_parts.h"

static int find_device(const struct port_target devices[PORT_MAX_DEVICES], int n, const char *text)
{
	for (int i = 0; i < n; i++)
		if (port_device_is(&devices[i], text))
			return i;
	return -1;
}

static bool is_team(const struct conf_item *port, struct port_target *devices, int *ret_n)
{
	if (!conf_get(port, API_PORT, "devices"))
		return false;
	*ret_n = port_devices(port, devices, NULL);
	return *ret_n > 0;
}

const struct conf_item *conf_team_of(
	const struct conf *conf, const char *bridge, const char *device)
{
	const struct conf_items *ports = &conf->of[API_PORT];
	struct port_target devices[PORT_MAX_DEVICES];

	for (uint32_t i = 0; bridge && i < ports->n; i++) {
		const char *on;
		int n;

		if (!is_team(&ports->items[i], devices, &n) || find_device(devices, n, device) < 0)
			continue;
		on = conf_port_bridge(conf, &ports->items[i]);
		if (on && strcmp(on, bridge) == 0)
			return &ports->items[i];
	}
	return NULL;
}

const char *conf_list_next(const char *list, char ret[CONF_DEVICE_LEN])
{
	size_t len = strcspn(list, ",");

	if (*list == '\0')
		return NULL;
	if (len >= CONF_DEVICE_LEN)
		len = CONF_DEVICE_LEN - 1; /* longer than any device's name: found to be none */
	memcpy(ret, list, len);
	ret[len] = '\0';
	list += strcspn(list, ",");
	return list + (*list == ',');
}

struct order_check {
	const struct conf *conf;
	const char *bridge;
	const struct conf_item *team; /* once one of its devices was named */
	unsigned named;               /* bits of its devices */
};

static int check_named(struct order_check *c, const char *field, const char *device,
	struct conf_where *where, struct sh_err *err)
{
	const struct conf_item *team = conf_team_of(c->conf, c->bridge, device);
	struct port_target devices[PORT_MAX_DEVICES];
	int i, n;

	if (!team)
		return conf_fail(where, field, err, -EINVAL,
			"%s: '%s' is no device of a team on bridge '%s'", field, device, c->bridge);
	if (c->team && c->team != team)
		return conf_fail(where, field, err, -EINVAL,
			"%s: '%s' is a device of another team than those before it", field, device);
	c->team = team;
	n = port_devices(team, devices, err);
	i = find_device(devices, n, device);
	if (i < 0)
		return i;
	if (c->named >> i & 1)
		return conf_fail(
			where, field, err, -EINVAL, "%s: '%s' is given twice", field, device);
	c->named |= 1u << i;
	return 0;
}

static int check_list(struct order_check *c, const char *field, const char *list,
	struct conf_where *where, struct sh_err *err)
{
	char device[CONF_DEVICE_LEN];
	int r = 0;

	while (r == 0 && list && (list = conf_list_next(list, device)))
		r = check_named(c, field, device, where, err);
	return r;
}

int conf_check_order(const struct conf *conf, const struct conf_order *order,
	const struct conf_item *own_team, struct conf_where *where, struct sh_err *err)
{
	struct order_check c = { .conf = conf, .bridge = order->bridge };
	int r;

	if (!order->active && !order->standby)
		return 0;
	if (!order->active)
		return conf_fail(where, "standby", err, -EINVAL,
			"standby: needs active, the devices that it stands by for");
	r = check_list(&c, "active", order->active, where, err);
	if (r == 0)
		r = check_list(&c, "standby", order->standby, where, err);
	if (r == 0 && own_team && c.team != own_team)
		return conf_fail(where, "active", err, -EINVAL,
			"active: an uplink orders its own devices, and '%s' has others",
			conf_get(c.team, API_PORT, "name"));
	return r;
}

static bool is_in_list(
	const struct port_target devices[PORT_MAX_DEVICES], int n, const char *list, int wanted)
{
	char device[CONF_DEVICE_LEN];

	while (list && (list = conf_list_next(list, device)))
		if (find_device(devices, n, device) == wanted)
			return true;
	return false;
}

/* Without an order all are used. */
static bool is_ordered(const struct conf_item *port,
	const struct port_target devices[PORT_MAX_DEVICES], int n, int wanted)
{
	const char *active = conf_get(port, API_PORT, "active");

	return !active || is_in_list(devices, n, active, wanted) ||
	       is_in_list(devices, n, conf_get(port, API_PORT, "standby"), wanted);
}

static int check_primary(const struct conf_item *port, struct conf_where *where, struct sh_err *err)
{
	const char *primary = conf_get(port, API_PORT, "primary");
	struct port_target devices[PORT_MAX_DEVICES];
	int n = port_devices(port, devices, err);

	if (!primary || n < 0)
		return 0;
	if (strcmp(conf_get_or_default(port, API_PORT, "team"), "active-backup") != 0)
		return conf_fail(
			where, "primary", err, -EINVAL, "primary: belongs to team active-backup");
	if (find_device(devices, n, primary) < 0)
		return conf_fail(where, "primary", err, -EINVAL,
			"primary: '%s' is not one of the devices", primary);
	if (!is_ordered(port, devices, n, find_device(devices, n, primary)))
		return conf_fail(where, "primary", err, -EINVAL,
			"primary: '%s' is neither active nor standby", primary);
	return 0;
}

static bool has_xdp(const struct conf_item *port)
{
	struct port_target devices[PORT_MAX_DEVICES];
	int n = port_devices(port, devices, NULL);

	for (int i = 0; i < n; i++)
		if (devices[i].kind == CONF_PORT_XDP)
			return true;
	return false;
}

static int check_lacp(const struct conf_item *port, struct conf_where *where, struct sh_err *err)
{
	static const char *const of_lacp[] = { "lacp", "lacp_rate", "lacp_priority",
		"lacp_fallback" };

	if (strcmp(conf_get_or_default(port, API_PORT, "team"), "lacp") == 0)
		return 0;
	for (unsigned i = 0; i < sizeof(of_lacp) / sizeof(of_lacp[0]); i++)
		if (conf_get(port, API_PORT, of_lacp[i]))
			return conf_fail(where, of_lacp[i], err, -EINVAL,
				"%s: belongs to team lacp", of_lacp[i]);
	return 0;
}

int conf_check_team(const struct conf_item *port, struct conf_where *where, struct sh_err *err)
{
	static const char *const of_teams[] = { "team", "primary", "failback_delay_ms" };

	int r = check_lacp(port, where, err);

	if (r < 0)
		return r;
	if (conf_get(port, API_PORT, "devices")) {
		if (conf_get(port, API_PORT, "host") && !has_xdp(port))
			return conf_fail(where, "host", err, -EINVAL,
				"host: belongs to a device xdp:INTERFACE, which alone shares it");
		return check_primary(port, where, err);
	}
	for (unsigned i = 0; i < sizeof(of_teams) / sizeof(of_teams[0]); i++)
		if (conf_get(port, API_PORT, of_teams[i]))
			return conf_fail(where, of_teams[i], err, -EINVAL,
				"%s: belongs to an uplink of several devices", of_teams[i]);
	return 0;
}
