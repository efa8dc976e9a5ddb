/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What mirror.list and mirror.show tell of a mirror. Control thread.
 */
#include "conf/json.h"
#include "method.h"
#include "resolve.h"

json_t *method_mirror_object(const struct ctl *ctl, const struct conf_item *mirror)
{
	const struct switch_mirror *there =
		switch_mirror(&ctl->sw, conf_get(mirror, API_MIRROR, "name"));
	json_t *object = conf_item_to_json(mirror, API_MIRROR);
	struct dp_mirror_stats stats = { 0 };
	struct dp_mirror_conf conf;

	if (resolve_mirror(mirror, &conf, NULL) == 0)
		json_object_set_new(object, "select_all", json_boolean(conf.selects_all));
	if (conf.output_port)
		json_object_set_new(object, "output_tags",
			json_string(conf_get_or_default(mirror, API_MIRROR, "output_tags")));
	if (there)
		dp_mirror_get_stats(there->dp, &stats);
	json_object_set_new(object, "tx_packets", json_integer((json_int_t)stats.tx_packets));
	json_object_set_new(object, "tx_bytes", json_integer((json_int_t)stats.tx_bytes));
	return object;
}
