/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What portgroup.list and portgroup.show tell of a port group. Control thread.
 */
#include <string.h>

#include "conf/json.h"
#include "method.h"

json_t *method_portgroup_object(const struct ctl *ctl, const struct conf_item *group)
{
	const struct conf_items *ports = &ctl->conf.of[API_PORT];
	const char *name = conf_get(group, API_PORTGROUP, "name");
	json_t *object = conf_item_to_json(group, API_PORTGROUP);
	json_t *names = json_array();

	for (uint32_t i = 0; i < ports->n; i++) {
		const char *of = conf_get(&ports->items[i], API_PORT, "portgroup");

		if (of && strcmp(of, name) == 0)
			json_array_append_new(
				names, json_string(conf_get(&ports->items[i], API_PORT, "name")));
	}
	json_object_set_new(object, "ports", names);
	return object;
}
