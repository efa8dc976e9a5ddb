/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Uplinks and the devices they have: uplink.list, uplink.show, and uplink.add and uplink.del, which
 * change the devices of a team while frames go by the others. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/value.h"
#include "conf/policy.h"
#include "conf/port_target.h"
#include "conf/team.h"
#include "method.h"

#define DEVICE_LEN (DP_MEMBER_NAME_LEN + 8) /* as the configuration has it: packet:eth1 */

static const char *kind_word(int kind)
{
	return kind == DP_PORT_XDP ? "xdp" : kind == DP_PORT_PCI ? "pci" : "packet";
}

static void set_counters(json_t *object, const struct dp_port *port)
{
	struct dp_port_stats stats = { 0 };

	if (port)
		dp_port_get_stats(port, &stats);
	method_set_counters(object, &stats);
}

/* The device itself: its address and speed, and how it came to be used. */
static void set_device(json_t *object, const struct dp_port *port)
{
	struct dp_port_info info = { 0 };
	char mac[18];

	if (port)
		dp_port_get_info(port, &info);
	if (memcmp(info.device_mac, "\0\0\0\0\0\0", 6) != 0) {
		api_format_mac(info.device_mac, mac);
		json_object_set_new(object, "mac", json_string(mac));
	}
	if (info.speed_mbps)
		json_object_set_new(object, "speed_mbps", method_count(info.speed_mbps));
	method_set_xdp(object, &info);
}

static void name_device(const struct dp_member_info *info, char ret[DEVICE_LEN])
{
	snprintf(ret, DEVICE_LEN, "%s:%s", kind_word(info->kind), info->name);
}

int method_member(const struct dp_port *team, const char *device, const struct dp_port **ret,
	struct sh_err *err)
{
	struct dp_member_info members[DP_MAX_MEMBERS];
	unsigned n = dp_team_members(team, members);

	for (unsigned i = 0; i < n; i++) {
		char name[DEVICE_LEN];

		name_device(&members[i], name);
		if (strcmp(device, name) != 0 && strcmp(device, members[i].name) != 0)
			continue;
		*ret = dp_team_member_port(team, members[i].slot);
		return *ret ? 0
			    : sh_err_set(err, -ENODEV, "device '%s' is not there: %s", name,
				      members[i].why);
	}
	return sh_err_set(
		err, -ENOENT, "no device '%.64s' in it%s", device, n ? "" : ": it is no team");
}

static json_t *member_object(
	const struct ctl *ctl, const struct dp_port *team, const struct dp_member_info *info)
{
	static const char *const states[] = {
		[DP_MEMBER_ACTIVE] = "active",
		[DP_MEMBER_STANDBY] = "standby",
		[DP_MEMBER_WAITING] = "waiting",
		[DP_MEMBER_DOWN] = "down",
		[DP_MEMBER_UNUSED] = "unused",
	};
	const struct dp_port *port = dp_team_member_port(team, info->slot);
	char device[DEVICE_LEN];
	json_t *object = json_object();

	name_device(info, device);
	json_object_set_new(object, "device", json_string(device));
	json_object_set_new(object, "state", json_string(states[info->state]));
	json_object_set_new(object, "why", json_string(info->why));
	json_object_set_new(object, "link", json_string(info->link_up ? "up" : "down"));
	set_device(object, port);
	method_set_lacp(object, ctl, team, info->slot);
	set_counters(object, port);
	return object;
}

json_t *method_members(const struct ctl *ctl, const struct dp_port *team)
{
	struct dp_member_info members[DP_MAX_MEMBERS];
	unsigned n = dp_team_members(team, members);
	json_t *array = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(array, member_object(ctl, team, &members[i]));
	return array;
}

static const char *why_down(const struct dp_port_info *info)
{
	if (info->link_up)
		return "";
	return info->trouble && info->trouble[0] ? info->trouble : "no link";
}

/* An uplink of one device is shown as a team that has no choice. */
static json_t *only_member(const struct conf_item *item, const struct dp_port *port)
{
	json_t *object = json_object(), *array = json_array();
	struct dp_port_info info = { 0 };

	if (port)
		dp_port_get_info(port, &info);
	json_object_set_new(object, "device", json_string(conf_get(item, API_PORT, "device")));
	json_object_set_new(object, "state", json_string(info.link_up ? "active" : "down"));
	json_object_set_new(object, "why", json_string(why_down(&info)));
	json_object_set_new(object, "link", json_string(info.link_up ? "up" : "down"));
	set_device(object, port);
	set_counters(object, port);
	json_array_append_new(array, object);
	return array;
}

static bool is_uplink(const struct conf_item *port)
{
	return strcmp(conf_get_or_default(port, API_PORT, "type"), "uplink") == 0;
}

static json_t *members_of(const struct ctl *ctl, const struct conf_item *item)
{
	const struct switch_port *port = switch_port(&ctl->sw, conf_get(item, API_PORT, "name"));
	const struct dp_port *dp = port ? port->dp : NULL;

	if (conf_get(item, API_PORT, "device"))
		return only_member(item, dp);
	return dp ? method_members(ctl, dp) : json_array();
}

int method_find_uplink(
	const struct ctl *ctl, const char *name, const struct conf_item **ret, struct sh_err *err)
{
	int r = method_find(ctl, API_PORT, name, ret, err);

	if (r == 0 && !is_uplink(*ret))
		return sh_err_set(err, -EINVAL, "port '%s' is no uplink", name);
	return r;
}

static int find_uplink(const struct ctl *ctl, const struct call *call, const struct conf_item **ret,
	struct sh_err *err)
{
	const char *name;
	int r = method_text(call, "name", &name, err);

	return r < 0 ? r : method_find_uplink(ctl, name, ret, err);
}

int method_uplink_list(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct conf_items *ports = &ctl->conf.of[API_PORT];

	*ret = json_array();
	for (uint32_t i = 0; i < ports->n; i++) {
		const struct conf_item *item = &ports->items[i];
		json_t *members, *member;
		size_t k;

		if (!is_uplink(item))
			continue;
		members = members_of(ctl, item);
		json_array_foreach (members, k, member) {
			json_object_set_new(
				member, "name", json_string(conf_get(item, API_PORT, "name")));
			json_array_append(*ret, member);
		}
		json_decref(members);
	}
	return 0;
}

/* Which devices the frames of a port leave by, where it has an order of its own. */
static void add_order(const struct ctl *ctl, const struct dp_port *team,
	const struct conf_item *item, json_t *ret)
{
	const char *name = conf_get(item, API_PORT, "name");
	const struct switch_port *port = switch_port(&ctl->sw, name);
	char devices[DP_MAX_MEMBERS][DP_MEMBER_NAME_LEN];
	json_t *array, *object;
	unsigned n;

	if (!port || !port->dp || !conf_policy(&ctl->conf, item, "active"))
		return;
	array = json_array();
	n = dp_team_used_by(team, port->dp, devices);
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(array, json_string(devices[i]));
	object = json_object();
	json_object_set_new(object, "port", json_string(name));
	json_object_set_new(object, "devices", array);
	json_array_append_new(ret, object);
}

static json_t *orders_of(const struct ctl *ctl, const struct conf_item *uplink)
{
	const struct conf_items *ports = &ctl->conf.of[API_PORT];
	const struct switch_port *team = switch_port(&ctl->sw, conf_get(uplink, API_PORT, "name"));
	const char *bridge = conf_port_bridge(&ctl->conf, uplink);
	json_t *array = json_array();

	for (uint32_t i = 0; team && team->dp && i < ports->n; i++) {
		const char *on = conf_port_bridge(&ctl->conf, &ports->items[i]);

		if (&ports->items[i] != uplink && bridge && on && strcmp(on, bridge) == 0)
			add_order(ctl, team->dp, &ports->items[i], array);
	}
	return array;
}

int method_uplink_show(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	static const char *const of_teams[] = { "team", "failback_delay_ms" };
	const struct switch_port *port;
	const struct conf_item *item;
	int r = find_uplink(ctl, call, &item, err);

	if (r < 0)
		return r;
	port = switch_port(&ctl->sw, conf_get(item, API_PORT, "name"));
	*ret = method_port_object(ctl, item);
	json_object_set_new(*ret, "members", members_of(ctl, item));
	if (!conf_get(item, API_PORT, "devices"))
		return 0;
	for (unsigned i = 0; i < sizeof(of_teams) / sizeof(of_teams[0]); i++)
		json_object_set_new(*ret, of_teams[i],
			api_value_to_json(api_field_find(API_PORT, of_teams[i]),
				conf_get_or_default(item, API_PORT, of_teams[i])));
	json_object_set_new(*ret, "orders", orders_of(ctl, item));
	json_object_set_new(*ret, "announced",
		method_count(port && port->dp ? dp_team_announced(port->dp) : 0));
	return 0;
}

static int change_devices(struct ctl *ctl, const struct call *call, const struct conf_item *item,
	const char *devices, struct sh_err *err)
{
	const char *name = conf_get(item, API_PORT, "name");
	const struct change change = { .noun = API_PORT, .name = name, .watch = call->watch };
	uint32_t index = (uint32_t)(item - ctl->conf.of[API_PORT].items);
	struct conf to;

	if (conf_copy(&ctl->conf, &to) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	if (conf_set(&to.of[API_PORT].items[index], API_PORT, "devices", devices) < 0) {
		conf_done(&to);
		return sh_err_set(err, -ENOMEM, "out of memory");
	}
	return ctl_change(ctl, &to, &change, NULL, err);
}

static int find_team(const struct ctl *ctl, const struct call *call, const struct conf_item **ret,
	const char **ret_device, struct sh_err *err)
{
	int r = find_uplink(ctl, call, ret, err);

	if (r == 0)
		r = method_text(call, "device", ret_device, err);
	if (r == 0 && !conf_get(*ret, API_PORT, "devices"))
		return sh_err_set(err, -EINVAL,
			"port '%s' has one device and is no team: 'shunt port set %s --device none "
			"--devices %s,...' makes it one",
			conf_get(*ret, API_PORT, "name"), conf_get(*ret, API_PORT, "name"),
			conf_get(*ret, API_PORT, "device"));
	return r;
}

int method_uplink_add(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct conf_item *item;
	char devices[API_VALUE_LEN];
	const char *device;
	int r = find_team(ctl, call, &item, &device, err);

	if (r < 0)
		return r;
	if (strchr(device, ','))
		return sh_err_set(err, -EINVAL, "device: one at a time");
	snprintf(devices, sizeof(devices), "%.1700s,%.255s", conf_get(item, API_PORT, "devices"),
		device);
	return change_devices(ctl, call, item, devices, err);
}

/* The list without the device. return: whether it was there */
static bool leave_out(const char *list, const char *device, char ret[API_VALUE_LEN])
{
	struct port_target target;
	char each[CONF_DEVICE_LEN];
	bool found = false;
	size_t n = 0;

	ret[0] = '\0';
	while ((list = conf_list_next(list, each))) {
		if (port_device_parse(each, &target) == 0 && port_device_is(&target, device))
			found = true;
		else
			n += (size_t)snprintf(
				ret + n, API_VALUE_LEN - n, "%s%s", n ? "," : "", each);
	}
	return found;
}

int method_uplink_del(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct conf_item *item;
	char devices[API_VALUE_LEN];
	const char *device;
	int r = find_team(ctl, call, &item, &device, err);

	if (r < 0)
		return r;
	if (!leave_out(conf_get(item, API_PORT, "devices"), device, devices))
		return sh_err_set(err, -ENOENT, "port '%s' has no device '%.64s'",
			conf_get(item, API_PORT, "name"), device);
	if (!devices[0])
		return sh_err_set(
			err, -EBUSY, "'%.64s' is the last device: delete the port", device);
	return change_devices(ctl, call, item, devices, err);
}
