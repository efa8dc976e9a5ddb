/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a bridge's groups and meters hold, and its tables in numbers, for the command line. Control
 * thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "method.h"

struct listing {
	json_t *array;
	const struct switch_bridge *bridge;
	bool failed;
};

/* Call fn for the bridge that the call names, or for all. */
static int each_bridge(struct ctl *ctl, const struct call *call,
	int (*fn)(struct listing *listing, struct sh_err *err), json_t **ret, struct sh_err *err)
{
	const struct conf_item *item;
	const char *only;
	int r = method_text_optional(call, "bridge", &only, err);

	if (r == 0 && only)
		r = method_find(ctl, API_BRIDGE, only, &item, err);
	if (r < 0)
		return r;
	*ret = json_array();
	for (unsigned i = 0; r == 0 && i < ctl->sw.n_bridges; i++) {
		struct listing listing = { .array = *ret, .bridge = &ctl->sw.bridges[i] };

		if (!only || strcmp(only, listing.bridge->name) == 0)
			r = fn(&listing, err);
		if (listing.failed)
			r = sh_err_set(err, -ENOMEM, "out of memory");
	}
	if (r < 0) {
		json_decref(*ret);
		*ret = NULL;
	}
	return r;
}

json_t *method_of_text(struct of_buf *buf)
{
	json_t *text = buf->failed ? NULL : json_stringn((const char *)buf->data, buf->len);

	if (!buf->len && !buf->failed)
		text = json_string("");
	of_buf_done(buf);
	return text;
}

static void add(struct listing *listing, json_t *object)
{
	if (!object || json_array_append_new(listing->array, object) < 0)
		listing->failed = true;
}

static json_t *bucket_object(const struct of_group_info *group, unsigned i)
{
	const struct of_bucket *b = &group->buckets[i];
	struct of_buf buf = { 0 };
	json_t *object;

	of_actions_format(&b->actions, &buf);
	object = json_pack("{s:i, s:o, s:I}", "weight", (int)b->weight, "actions",
		method_of_text(&buf), "n_packets", (json_int_t)group->bucket_stats[i].n_packets);
	if (b->watch_port != OF_PORT_ANY)
		json_object_set_new(object, "watch_port", json_integer(b->watch_port));
	if (b->watch_group != OF_GROUP_ANY)
		json_object_set_new(object, "watch_group", json_integer(b->watch_group));
	return object;
}

static json_t *buckets_array(const struct of_group_info *group)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < group->n_buckets; i++)
		json_array_append_new(array, bucket_object(group, i));
	return array;
}

static int add_group(void *arg, const struct of_group_info *group)
{
	static const char *const types[] = { "all", "select", "indirect", "ff" };
	struct listing *listing = arg;

	add(listing,
		json_pack("{s:s, s:I, s:s, s:I, s:I, s:i, s:o}", "bridge", listing->bridge->name,
			"group", (json_int_t)group->group, "type", types[group->type], "n_packets",
			(json_int_t)group->n_packets, "n_bytes", (json_int_t)group->n_bytes, "refs",
			(int)group->n_refs, "buckets", buckets_array(group)));
	return 0;
}

static int list_groups(struct listing *listing, struct sh_err *err)
{
	struct of_switch *sw = openflow_switch(listing->bridge->openflow);

	(void)of_switch_groups(sw, OF_GROUP_ALL, openflow_now_ns(), add_group, listing, NULL);
	return 0;
}

int method_group_list(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	return each_bridge(ctl, call, list_groups, ret, err);
}

static json_t *band_object(const struct of_meter_info *meter, unsigned i)
{
	const struct of_band *band = &meter->bands[i];
	bool remarks = band->type == OF_MB_DSCP_REMARK;
	json_t *object = json_pack("{s:s, s:I, s:I}", "type", remarks ? "dscp_remark" : "drop",
		"rate", (json_int_t)band->rate, "n_packets",
		(json_int_t)meter->band_stats[i].n_packets);

	if (meter->flags & OF_MF_BURST)
		json_object_set_new(object, "burst", json_integer(band->burst));
	if (remarks)
		json_object_set_new(object, "prec_level", json_integer(band->prec_level));
	return object;
}

static json_t *bands_array(const struct of_meter_info *meter)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < meter->n_bands; i++)
		json_array_append_new(array, band_object(meter, i));
	return array;
}

static int add_meter(void *arg, const struct of_meter_info *meter)
{
	struct listing *listing = arg;

	add(listing, json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:o}", "bridge",
			     listing->bridge->name, "meter", (json_int_t)meter->meter, "unit",
			     meter->flags & OF_MF_PKTPS ? "pktps" : "kbps", "flows",
			     (json_int_t)meter->n_flows, "n_packets", (json_int_t)meter->n_packets,
			     "n_bytes", (json_int_t)meter->n_bytes, "bands", bands_array(meter)));
	return 0;
}

static int list_meters(struct listing *listing, struct sh_err *err)
{
	struct of_switch *sw = openflow_switch(listing->bridge->openflow);

	(void)of_switch_meters(sw, OF_METER_ALL, openflow_now_ns(), add_meter, listing, NULL);
	return 0;
}

int method_meter_list(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	return each_bridge(ctl, call, list_meters, ret, err);
}

/* Tables that hold a flow, or were asked for one. */
static int list_tables(struct listing *listing, struct sh_err *err)
{
	for (unsigned table = 0; table < DP_N_TABLES; table++) {
		struct dp_pipeline_table_info info;

		dp_table_get_stats(listing->bridge->dp, (uint8_t)table, &info);
		if (!info.n_flows && !info.n_lookups)
			continue;
		add(listing,
			json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "bridge",
				listing->bridge->name, "table", (int)table, "flows",
				(json_int_t)info.n_flows, "masks", (json_int_t)info.n_masks,
				"probes", (json_int_t)info.n_groups, "memory_bytes",
				(json_int_t)info.n_bytes, "lookups", (json_int_t)info.n_lookups,
				"matches", (json_int_t)info.n_matches));
	}
	return 0;
}

int method_table_list(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	return each_bridge(ctl, call, list_tables, ret, err);
}
