/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks of one port: where it belongs, what its type needs and what its type has no use for. Pure.
 */
#include <errno.h>
#include <string.h>

#include "api/value.h"
#include "base/paths.h"
#include "conf/policy.h"
#include "conf/port_target.h"
#include "check_parts.h"

#define IFNAME_MAX 15 /* IFNAMSIZ without its 0 */

static const char *type_of(const struct conf_item *port)
{
	return conf_get_or_default(port, API_PORT, "type");
}

static int check_place(const struct conf *conf, const struct conf_item *port,
	struct conf_where *where, struct sh_err *err)
{
	const char *group = conf_get(port, API_PORT, "portgroup");
	const char *bridge = conf_get(port, API_PORT, "bridge");

	if (!group && !bridge)
		return conf_fail(where, NULL, err, -EINVAL, "give a portgroup or a bridge");
	if (group && bridge)
		return conf_fail(where, "bridge", err, -EINVAL,
			"give a portgroup or a bridge, not both: the group names its bridge");
	if (group && !conf_item(conf, API_PORTGROUP, group))
		return conf_fail(
			where, "portgroup", err, -ENOENT, "no such port group '%s'", group);
	if (bridge && !conf_item(conf, API_BRIDGE, bridge))
		return conf_fail(where, "bridge", err, -ENOENT, "no such bridge '%s'", bridge);
	return 0;
}

/* A field that the type would ignore is a misunderstanding worth a word. */
static int check_belongs(const struct conf_item *port, struct conf_where *where, struct sh_err *err)
{
	static const struct {
		const char *field, *types[3];
	} owners[] = {
		{ "mode", { "vhost-user" } },
		{ "socket", { "vhost-user" } },
		{ "device", { "uplink", "pcap" } },
		{ "host", { "uplink" } },
		{ "lldp", { "uplink" } },
		{ "devices", { "uplink" } },
		{ "team", { "uplink" } },
		{ "primary", { "uplink" } },
		{ "failback_delay_ms", { "uplink" } },
	};
	const char *type = type_of(port);

	for (unsigned i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		const char *const *types = owners[i].types;

		if (!conf_get(port, API_PORT, owners[i].field) || strcmp(type, types[0]) == 0 ||
			(types[1] && strcmp(type, types[1]) == 0))
			continue;
		return conf_fail(where, owners[i].field, err, -EINVAL,
			"%s: belongs to type %s%s%s, and this port is of type %s", owners[i].field,
			types[0], types[1] ? " or " : "", types[1] ? types[1] : "", type);
	}
	return 0;
}

static int check_vhost(const struct conf_item *port, const struct conf_env *env,
	struct conf_where *where, struct sh_err *err)
{
	char path[PORT_TARGET_LEN];
	int r = port_socket_path(port, env->run_dir, path, err);

	if (r < 0) {
		where->field = conf_get(port, API_PORT, "socket") ? "socket" : "name";
		return r;
	}
	return 0;
}

static int check_type(const struct conf_item *port, const struct conf_env *env,
	struct conf_where *where, struct sh_err *err)
{
	const char *type = type_of(port);
	struct port_target target;
	int r;

	if (strcmp(type, "vhost-user") == 0)
		return check_vhost(port, env, where, err);
	if (strcmp(type, "internal") == 0 && strlen(port->v[0]) > IFNAME_MAX)
		return conf_fail(where, "name", err, -EINVAL,
			"name: an internal port's interface has its name, which is at most %d "
			"characters",
			IFNAME_MAX);
	r = port_target(port, env->run_dir, &target, err);
	if (r < 0) {
		where->field = conf_get(port, API_PORT, "devices") ? "devices" : "device";
		return r;
	}
	if (target.kind != CONF_PORT_XDP && target.kind != CONF_PORT_TEAM &&
		conf_get(port, API_PORT, "host"))
		return conf_fail(where, "host", err, -EINVAL,
			"host: belongs to a device xdp:INTERFACE, which alone shares it");
	return conf_check_team(port, where, err);
}

static int check_order(const struct conf *conf, const struct conf_item *port,
	struct conf_where *where, struct sh_err *err)
{
	const struct conf_order order = { conf_port_bridge(conf, port),
		conf_policy(conf, port, "active"), conf_policy(conf, port, "standby") };
	bool is_team = conf_get(port, API_PORT, "devices");

	/* What comes from the group alone is checked there, once. */
	if (!is_team && !conf_get(port, API_PORT, "active") && !conf_get(port, API_PORT, "standby"))
		return 0;
	return conf_check_order(conf, &order, is_team ? port : NULL, where, err);
}

int conf_check_port(const struct conf *conf, const struct conf_item *port,
	const struct conf_env *env, struct conf_where *where, struct sh_err *err)
{
	const char *mac = conf_get(port, API_PORT, "mac");
	enum conf_vlan_mode mode;
	uint8_t bytes[6];
	int r = check_place(conf, port, where, err);

	if (r == 0)
		r = check_belongs(port, where, err);
	if (r == 0)
		r = check_type(port, env, where, err);
	if (r == 0)
		r = conf_vlan_mode(conf_policy(conf, port, "vlan"),
			conf_policy(conf, port, "trunk"), conf_policy(conf, port, "vlan_mode"),
			&mode, &where->field, err);
	if (r == 0)
		r = check_order(conf, port, where, err);
	if (r == 0 && mac && (api_parse_mac(mac, bytes) < 0 || (bytes[0] & 1)))
		return conf_fail(where, "mac", err, -EINVAL,
			"mac: '%s' is a multicast address, which no port can have", mac);
	return r;
}
