/* SPDX-License-Identifier: BSD-3-Clause
 *
 * uplink.neighbors: who LLDP heard at the other ends of the devices that lead out. Control thread.
 */
#include <string.h>

#include "api/value.h"
#include "lldp.h"
#include "method.h"

#define NS_PER_S UINT64_C(1000000000)

static void set_mac(json_t *object, const char *key, const uint8_t mac[6])
{
	char text[18];

	api_format_mac(mac, text);
	json_object_set_new(object, key, json_string(text));
}

static const char *word(const char *const *words, unsigned n, unsigned type)
{
	return type < n && words[type] ? words[type] : "reserved";
}

/* IEEE 802.1AB-2016, tables 8-2 and 8-3 */
static const char *const chassis_types[] = { NULL, "component", "interface-alias", "port-component",
	"mac", "address", "interface-name", "local" };
static const char *const port_types[] = { NULL, "interface-alias", "port-component", "mac",
	"address", "interface-name", "circuit", "local" };

static void set_ids(json_t *object, const struct lldp_info *info)
{
	char text[2 * 255 + 1];

	lldp_chassis_text(&info->chassis, text, sizeof(text));
	json_object_set_new(object, "chassis_id", json_string(text));
	json_object_set_new(
		object, "chassis_id_type", json_string(word(chassis_types, 8, info->chassis.type)));
	lldp_port_text(&info->port, text, sizeof(text));
	json_object_set_new(object, "port_id", json_string(text));
	json_object_set_new(
		object, "port_id_type", json_string(word(port_types, 8, info->port.type)));
}

/* IEEE 802.1AB-2016, table 8-4 */
static json_t *capabilities(uint16_t bits)
{
	static const char *const words[] = { "other", "repeater", "bridge", "access-point",
		"router", "telephone", "docsis", "station", "c-vlan", "s-vlan", "two-port-relay" };
	json_t *array = json_array();

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (bits >> i & 1)
			json_array_append_new(array, json_string(words[i]));
	return array;
}

static json_t *addresses(const struct lldp_info *info)
{
	json_t *array = json_array();
	char text[64];

	for (unsigned i = 0; i < info->n_addresses; i++) {
		lldp_address_text(&info->addresses[i], text, sizeof(text));
		json_array_append_new(array, json_string(text));
	}
	return array;
}

static json_t *vlans(const struct lldp_info *info)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < info->n_vlans; i++)
		json_array_append_new(array, json_pack("{s:i, s:s}", "vlan", (int)info->vlans[i].id,
						     "name", info->vlans[i].name));
	return array;
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (*text)
		json_object_set_new(object, key, json_string(text));
}

static void set_neighbor(json_t *object, const struct lldp_neighbor *neighbor, uint64_t now_ns)
{
	const struct lldp_info *info = &neighbor->info;

	set_ids(object, info);
	set_text(object, "system_name", info->system_name);
	set_text(object, "system_description", info->system_description);
	set_text(object, "port_description", info->port_description);
	set_mac(object, "mac", neighbor->source);
	json_object_set_new(object, "ttl_s", json_integer(info->ttl_s));
	json_object_set_new(
		object, "age_s", method_count((now_ns - neighbor->heard_ns) / NS_PER_S));
	json_object_set_new(object, "capabilities", capabilities(info->capabilities));
	json_object_set_new(object, "enabled_capabilities", capabilities(info->enabled));
	json_object_set_new(object, "management_addresses", addresses(info));
	json_object_set_new(object, "vlans", vlans(info));
	if (info->pvid)
		json_object_set_new(object, "vlan", json_integer(info->pvid));
	if (info->max_frame)
		json_object_set_new(object, "max_frame", json_integer(info->max_frame));
}

static void list_device(const struct ctl *ctl, const struct switch_port *port,
	const struct uplink_device *device, json_t *array)
{
	const struct lldp_link *link = lldp_link(ctl, port->dp, device->slot);

	for (unsigned i = 0; link && i < link->neighbors.n; i++) {
		json_t *object =
			json_pack("{s:s, s:s}", "port", port->name, "device", device->name);

		set_neighbor(object, link->neighbors.of[i], openflow_now_ns());
		json_array_append_new(array, object);
	}
}

static void list_port(const struct ctl *ctl, const struct conf_item *item, json_t *array)
{
	const struct switch_port *port = switch_port(&ctl->sw, conf_get(item, API_PORT, "name"));
	struct uplink_device devices[UPLINK_MAX_DEVICES];
	unsigned n = port && port->dp ? uplink_devices(item, port->dp, devices) : 0;

	for (unsigned i = 0; i < n; i++)
		list_device(ctl, port, &devices[i], array);
}

int method_uplink_neighbors(
	struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct conf_items *ports = &ctl->conf.of[API_PORT];
	const struct conf_item *only = NULL;
	const char *name;
	int r = method_text_optional(call, "name", &name, err);

	if (r == 0 && name)
		r = method_find_uplink(ctl, name, &only, err);
	if (r < 0)
		return r;
	*ret = json_array();
	for (uint32_t i = 0; i < ports->n; i++)
		if (!only || only == &ports->items[i])
			list_port(ctl, &ports->items[i], *ret);
	return 0;
}

void method_set_lldp(json_t *object, const struct ctl *ctl, const struct conf_item *item,
	const struct dp_port *dp)
{
	struct uplink_device devices[UPLINK_MAX_DEVICES];
	unsigned n = dp ? uplink_devices(item, dp, devices) : 0;
	uint64_t sent = 0, received = 0, discarded = 0, aged = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct lldp_link *link = lldp_link(ctl, dp, devices[i].slot);

		if (!link)
			continue;
		sent += link->n_sent;
		received += link->neighbors.n_received;
		discarded += link->neighbors.n_discarded + link->neighbors.n_full;
		aged += link->neighbors.n_aged;
	}
	json_object_set_new(object, "lldp", json_string(lldp_mode(&ctl->conf, item)));
	json_object_set_new(object, "lldp_stats",
		json_pack("{s:o, s:o, s:o, s:o}", "sent", method_count(sent), "received",
			method_count(received), "discarded", method_count(discarded), "aged",
			method_count(aged)));
}
