/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What bridge.list and bridge.show tell of a bridge. Control thread.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/json.h"
#include "conf/policy.h"
#include "method.h"
#include "dataplane/pipeline.h"
#include "ofproto/dpid.h"

static json_t *ports_of(const struct ctl *ctl, const char *bridge)
{
	const struct conf_items *ports = &ctl->conf.of[API_PORT];
	json_t *names = json_array();

	for (uint32_t i = 0; i < ports->n; i++) {
		const char *on = conf_port_bridge(&ctl->conf, &ports->items[i]);

		if (on && strcmp(on, bridge) == 0)
			json_array_append_new(
				names, json_string(conf_get(&ports->items[i], API_PORT, "name")));
	}
	return names;
}

static void set_default(json_t *object, const struct conf_item *bridge, const char *field)
{
	const struct api_field *info = api_field_find(API_BRIDGE, field);
	uint64_t number = conf_get_uint(bridge, API_BRIDGE, field, 0);

	if (info->type == API_TYPE_UINT && !conf_get(bridge, API_BRIDGE, field))
		number = strtoull(info->def, NULL, 10);
	json_object_set_new(object, field,
		info->type == API_TYPE_UINT
			? json_integer((json_int_t)number)
			: json_string(conf_get_or_default(bridge, API_BRIDGE, field)));
}

/* Frames from and to the controllers, which no port counts. */
static void add_controller(json_t *object, const struct dp_bridge *bridge)
{
	struct dp_port_stats stats;
	json_t *drops = json_object();

	dp_bridge_get_controller_stats(bridge, &stats);
	for (unsigned i = 0; i < DP_N_DROPS; i++)
		if (stats.drops[i])
			json_object_set_new(drops, dp_drop_infos[i].name,
				json_integer((json_int_t)stats.drops[i]));
	json_object_set_new(object, "packet_outs", json_integer((json_int_t)stats.rx_packets));
	json_object_set_new(object, "packet_ins", json_integer((json_int_t)stats.tx_packets));
	json_object_set_new(object, "controller_copied", json_integer((json_int_t)stats.rx_copied));
	json_object_set_new(object, "controller_drops", drops);
}

/* What flows have learned from frames. */
static void add_learns(json_t *object, const struct switch_bridge *bridge)
{
	struct dp_learn_stats stats;

	dp_bridge_get_learn_stats(bridge->dp, &stats);
	json_object_set_new(object, "learns", json_integer((json_int_t)stats.n_taken));
	json_object_set_new(object, "learns_lost", json_integer((json_int_t)stats.n_lost));
	json_object_set_new(object, "learns_refused",
		json_integer((json_int_t)openflow_learns_refused(bridge->openflow)));
}

json_t *method_bridge_object(const struct ctl *ctl, const struct conf_item *bridge)
{
	const char *name = conf_get(bridge, API_BRIDGE, "name");
	const struct switch_bridge *there = switch_bridge(&ctl->sw, name);
	json_t *object = conf_item_to_json(bridge, API_BRIDGE);
	struct dp_fdb_info info = { 0 };
	char dpid[OF_DPID_LEN];

	set_default(object, bridge, "fail_mode");
	set_default(object, bridge, "fail_after_s");
	set_default(object, bridge, "flow_limit");
	set_default(object, bridge, "controller_rate_limit");
	set_default(object, bridge, "fdb_size");
	set_default(object, bridge, "fdb_ageing_s");
	if (!conf_get(bridge, API_BRIDGE, "datapath_id")) {
		of_dpid_format(of_dpid_derive(name, ctl->machine_id), dpid);
		json_object_set_new(object, "datapath_id", json_string(dpid));
	}
	if (there) {
		dp_fdb_get_info(there->dp, &info);
		add_controller(object, there->dp);
		add_learns(object, there);
	}
	json_object_set_new(object, "ports", ports_of(ctl, name));
	json_object_set_new(object, "fdb_entries", json_integer(info.n_entries));
	json_object_set_new(object, "fdb_full", json_integer((json_int_t)info.n_full));
	json_object_set_new(object, "fdb_moves", json_integer((json_int_t)info.n_moves));
	return object;
}
