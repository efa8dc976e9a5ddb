/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What port.list and port.show tell of a port, and port.stats. Control thread.
 */
#include <string.h>

#include "api/value.h"
#include "conf/json.h"
#include "conf/policy.h"
#include "method.h"
#include "conf/port_target.h"

/* Fields that its group gives it, and the names of those that it has of its own against it. */
static void set_inherited(json_t *object, const struct ctl *ctl, const struct conf_item *port)
{
	const struct api_table *table = &api_tables[API_PORT];
	json_t *overrides = json_array();

	for (unsigned i = 0; i < table->n_fields; i++) {
		const struct api_field *field = &table->fields[i];
		const char *text;

		if (!(field->flags & API_INHERITED))
			continue;
		text = conf_policy(&ctl->conf, port, field->name);
		if (text)
			json_object_set_new(object, field->name, api_value_to_json(field, text));
		if (conf_overrides(&ctl->conf, port, field->name))
			json_array_append_new(overrides, json_string(field->name));
	}
	json_object_set_new(object, "overrides", overrides);
}

/* How an uplink's device came to be used, and why not in a better way. */
void method_set_xdp(json_t *object, const struct dp_port_info *info)
{
	static const char *const words[] = {
		[DP_XDP_NATIVE] = "native", [DP_XDP_GENERIC] = "generic", [DP_XDP_PACKET] = "packet"
	};

	if (info->fallback && info->fallback[0])
		json_object_set_new(object, "fallback", json_string(info->fallback));
	if (info->xdp == DP_XDP_NOT_ASKED)
		return;
	json_object_set_new(object, "xdp", json_string(words[info->xdp]));
	json_object_set_new(object, "zero_copy", json_boolean(info->zero_copy));
}

/* What may be left to be done to frames that go to it now. */
static json_t *takes(const struct dp_port_info *info)
{
	json_t *array = json_array();

	if (info->takes_csum)
		json_array_append_new(array, json_string("csum"));
	if (info->takes_tso)
		json_array_append_new(array, json_string("tso"));
	if (info->takes_uso)
		json_array_append_new(array, json_string("uso"));
	return array;
}

static void set_now(json_t *object, const struct switch_port *port, bool has_peer)
{
	struct dp_port_info info = { 0 };
	char mac[18];

	if (port && port->dp)
		dp_port_get_info(port->dp, &info);
	json_object_set_new(object, "link", json_string(info.link_up ? "up" : "down"));
	if (has_peer)
		json_object_set_new(object, "connected", json_boolean(info.peer_connected));
	json_object_set_new(object, "rx_queues", json_integer(info.n_rx_queues));
	json_object_set_new(object, "tx_queues", json_integer(info.n_tx_queues));
	json_object_set_new(object, "macs", json_integer(info.n_macs));
	json_object_set_new(object, "takes", takes(&info));
	method_set_xdp(object, &info);
	if (memcmp(info.mac, "\0\0\0\0\0\0", 6) != 0 && !json_object_get(object, "mac")) {
		api_format_mac(info.mac, mac);
		json_object_set_new(object, "mac", json_string(mac));
	}
	if (port && port->error[0])
		json_object_set_new(object, "error", json_string(port->error));
	else if (info.trouble && info.trouble[0])
		json_object_set_new(object, "error", json_string(info.trouble));
}

/* "packet:eth1 active", "packet:eth2 down (no link)": uplink.show has them at length. */
static void set_team(json_t *object, const struct ctl *ctl, const struct switch_port *port)
{
	json_t *members = port && port->dp ? method_members(ctl, port->dp) : json_array(), *member;
	json_t *states = json_array();
	size_t i;

	json_array_foreach (members, i, member) {
		const char *why = json_string_value(json_object_get(member, "why"));
		char text[256];

		snprintf(text, sizeof(text), "%s %s%s%s%s",
			json_string_value(json_object_get(member, "device")),
			json_string_value(json_object_get(member, "state")), *why ? " (" : "", why,
			*why ? ")" : "");
		json_array_append_new(states, json_string(text));
	}
	json_decref(members);
	json_object_set_new(object, "members", states);
}

static bool is_xdp(const struct conf_item *port)
{
	const char *device = conf_get(port, API_PORT, "device");
	const char *devices = conf_get(port, API_PORT, "devices");

	return (device && strncmp(device, "xdp:", 4) == 0) || (devices && strstr(devices, "xdp:"));
}

json_t *method_port_object(const struct ctl *ctl, const struct conf_item *port)
{
	const char *type = conf_get_or_default(port, API_PORT, "type");
	const char *bridge = conf_port_bridge(&ctl->conf, port);
	const struct switch_port *now = switch_port(&ctl->sw, conf_get(port, API_PORT, "name"));
	json_t *object = conf_item_to_json(port, API_PORT);
	char path[PORT_TARGET_LEN];

	json_object_set_new(object, "type", json_string(type));
	json_object_set_new(object, "bridge", json_string(bridge ? bridge : ""));
	if (!conf_get(port, API_PORT, "enabled"))
		json_object_set_new(object, "enabled", json_true());
	if (strcmp(type, "vhost-user") == 0) {
		json_object_set_new(
			object, "mode", json_string(conf_get_or_default(port, API_PORT, "mode")));
		if (port_socket_path(port, ctl->env.run_dir, path, NULL) == 0)
			json_object_set_new(object, "socket_path", json_string(path));
	}
	if (is_xdp(port))
		json_object_set_new(
			object, "host", json_string(conf_get_or_default(port, API_PORT, "host")));
	set_inherited(object, ctl, port);
	if (strcmp(type, "uplink") == 0)
		method_set_lldp(object, ctl, port, now ? now->dp : NULL);
	set_now(object, now, strcmp(type, "vhost-user") == 0);
	if (conf_get(port, API_PORT, "devices"))
		set_team(object, ctl, now);
	return object;
}

static bool is_shared(const struct dp_port *port)
{
	struct dp_port_info info;

	dp_port_get_info(port, &info);
	return info.xdp == DP_XDP_NATIVE || info.xdp == DP_XDP_GENERIC;
}

static void add_hw(void *ctx, const char *name, uint64_t value)
{
	json_object_set_new(ctx, name, method_count(value));
}

/* A device that keeps no counters has no such field. */
static void set_hw(json_t *object, const struct switch_port *port)
{
	json_t *hw = json_object();

	if (port->dp && dp_port_foreach_hw(port->dp, add_hw, hw) == 0)
		json_object_set(object, "hw", hw);
	json_decref(hw);
}

void method_set_counters(json_t *object, const struct dp_port_stats *stats)
{
	uint64_t dropped[2] = { 0 };

	for (unsigned i = 0; i < DP_N_DROPS; i++)
		dropped[dp_drop_infos[i].side] += stats->drops[i];
	json_object_set_new(object, "rx_packets", method_count(stats->rx_packets));
	json_object_set_new(object, "rx_bytes", method_count(stats->rx_bytes));
	json_object_set_new(object, "tx_packets", method_count(stats->tx_packets));
	json_object_set_new(object, "tx_bytes", method_count(stats->tx_bytes));
	json_object_set_new(object, "rx_dropped", method_count(dropped[DP_DROP_RX]));
	json_object_set_new(object, "tx_dropped", method_count(dropped[DP_DROP_TX]));
	json_object_set_new(object, "rx_missed", method_count(stats->rx_missed));
}

static json_t *drops_by_reason(const struct dp_port_stats *stats)
{
	json_t *drops = json_object();

	for (unsigned i = 0; i < DP_N_DROPS; i++)
		if (stats->drops[i])
			json_object_set_new(
				drops, dp_drop_infos[i].name, method_count(stats->drops[i]));
	return drops;
}

static json_t *stats_object(const struct switch_port *port)
{
	struct dp_port_stats stats = { 0 };
	json_t *object = json_object();

	if (port->dp)
		dp_port_get_stats(port->dp, &stats);
	json_object_set_new(object, "name", json_string(port->name));
	method_set_counters(object, &stats);
	json_object_set_new(object, "rx_copied", method_count(stats.rx_copied));
	json_object_set_new(object, "drops", drops_by_reason(&stats));
	if (port->dp && is_shared(port->dp)) {
		json_object_set_new(object, "host_packets", method_count(stats.host_packets));
		json_object_set_new(object, "shared_packets", method_count(stats.shared_packets));
	}
	return object;
}

int method_port_stats(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct conf_items *ports = &ctl->conf.of[API_PORT];
	const struct conf_item *item;
	const char *only;
	bool hw;
	int r = method_text_optional(call, "name", &only, err);

	if (r == 0)
		r = method_bool(call, "hw", &hw, err);
	if (r == 0 && only)
		r = method_find(ctl, API_PORT, only, &item, err);
	if (r < 0)
		return r;
	*ret = json_array();
	for (uint32_t i = 0; i < ports->n; i++) {
		const char *name = conf_get(&ports->items[i], API_PORT, "name");
		const struct switch_port *port = switch_port(&ctl->sw, name);

		json_t *object;

		if (!port || (only && strcmp(only, name) != 0))
			continue;
		object = stats_object(port);
		if (hw)
			set_hw(object, port);
		json_array_append_new(*ret, object);
	}
	return 0;
}
