/* SPDX-License-Identifier: BSD-3-Clause
 *
 * show: the topology in one object. Control thread.
 */
#include <string.h>

#include "conf/policy.h"
#include "method.h"

/* A bridge whose ports are objects in place of names. */
static json_t *bridge_with_ports(const struct ctl *ctl, const struct conf_item *bridge)
{
	const struct conf_items *ports = &ctl->conf.of[API_PORT];
	const char *name = conf_get(bridge, API_BRIDGE, "name");
	json_t *object = method_bridge_object(ctl, bridge);
	json_t *array = json_array();

	for (uint32_t i = 0; i < ports->n; i++) {
		const char *on = conf_port_bridge(&ctl->conf, &ports->items[i]);

		if (on && strcmp(on, name) == 0)
			json_array_append_new(array, method_port_object(ctl, &ports->items[i]));
	}
	json_object_set_new(object, "ports", array);
	return object;
}

int method_show(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct conf_items *bridges = &ctl->conf.of[API_BRIDGE];
	json_t *array = json_array();

	for (uint32_t i = 0; i < bridges->n; i++)
		json_array_append_new(array, bridge_with_ports(ctl, &bridges->items[i]));
	*ret = json_pack("{s:o, s:o, s:o, s:o}", "bridges", array, "portgroups",
		method_objects(ctl, API_PORTGROUP), "mirrors", method_objects(ctl, API_MIRROR),
		"workers", method_worker_objects(ctl));
	return 0;
}
