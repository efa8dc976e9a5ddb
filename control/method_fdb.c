/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The forwarding database: what was learned, and static entries, which the store keeps. Control
 * thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/value.h"
#include "conf/json.h"
#include "conf/policy.h"
#include "method.h"

struct listing {
	json_t *array;
	const char *bridge;
};

static void list_entry(void *ctx, const struct dp_fdb_entry *entry)
{
	const struct listing *listing = ctx;
	char mac[18];

	api_format_mac(entry->mac, mac);
	json_array_append_new(listing->array,
		json_pack("{s:s, s:i, s:s, s:s, s:i, s:b, s:i}", "bridge", listing->bridge, "vlan",
			(int)entry->vlan, "mac", mac, "port", dp_port_name(entry->port), "age_s",
			(int)entry->age_s, "static", (int)entry->is_static, "place",
			(int)entry->place));
}

/* The bridge that a parameter names, or NULL for all. */
static int bridge_param(
	const struct ctl *ctl, const struct call *call, const char **ret, struct sh_err *err)
{
	const struct conf_item *item;
	int r = method_text_optional(call, "bridge", ret, err);

	return r == 0 && *ret ? method_find(ctl, API_BRIDGE, *ret, &item, err) : r;
}

/* Bridge by bridge, from the one on where the list goes on. */
static int list_all(struct ctl *ctl, const char *only, const struct method_part *part,
	json_t *array, struct sh_err *err)
{
	const char *from = part->from;
	json_int_t place = 0;

	if (from && method_after(part, "place", INT32_MAX - 1, &place, err) < 0)
		return -EINVAL;
	for (unsigned i = 0; i < ctl->sw.n_bridges; i++) {
		struct listing listing = { array, ctl->sw.bridges[i].name };
		bool goes_on = from && strcmp(from, listing.bridge) == 0;

		if ((from && !goes_on) || (only && strcmp(only, listing.bridge) != 0))
			continue;
		from = NULL;
		dp_fdb_foreach(ctl->sw.bridges[i].dp, goes_on ? (uint32_t)place + 1 : 0,
			part->limit - json_array_size(array), list_entry, &listing);
	}
	return from ? sh_err_set(err, -ESTALE, "after: its bridge is gone") : 0;
}

int method_fdb_list(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	struct method_part part;
	const char *only;
	int r = bridge_param(ctl, call, &only, err);

	if (r == 0)
		r = method_part(call, DP_FDB_SHARES_PLACE, &part, err);
	if (r < 0)
		return r;
	*ret = json_array();
	if (!*ret)
		return sh_err_set(err, -ENOMEM, "out of memory");
	r = list_all(ctl, only, &part, *ret, err);
	if (r == 0)
		r = method_part_check(&part, *ret, err);
	if (r < 0) {
		json_decref(*ret);
		*ret = NULL;
	}
	return r;
}

static int commit(struct ctl *ctl, const struct call *call, struct conf *to, const char *key,
	struct sh_err *err)
{
	const struct change change = { .noun = API_FDB, .name = key, .watch = call->watch };

	return ctl_change(ctl, to, &change, NULL, err);
}

static int fill_field(struct conf_item *item, const char *field, const char *value)
{
	if (!value || conf_get(item, API_FDB, field))
		return 0;
	return conf_set(item, API_FDB, field, value);
}

/* What is not said is as its port has it: the bridge, and the VLAN of frames without a tag. An
 * entry in another VLAN would be there and do nothing. */
static int fill(const struct conf *conf, struct conf_item *item, struct sh_err *err)
{
	const char *name = conf_get(item, API_FDB, "port");
	const struct conf_item *port = name ? conf_item(conf, API_PORT, name) : NULL;

	if (!port)
		return 0;
	if (fill_field(item, "bridge", conf_port_bridge(conf, port)) < 0 ||
		fill_field(item, "vlan", conf_policy(conf, port, "vlan")) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	return 0;
}

int method_fdb_add(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	char key[CONF_KEY_LEN];
	struct conf_item *item;
	struct conf to;
	int r;

	if (conf_copy(&ctl->conf, &to) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	item = conf_append(&to, API_FDB);
	r = item ? conf_item_from_json(item, API_FDB, call->params, err)
		 : sh_err_set(err, -ENOMEM, "out of memory");
	if (r == 0)
		r = fill(&to, item, err);
	if (r == 0) {
		conf_key(API_FDB, item, key);
		if (conf_find(&ctl->conf, API_FDB, key, 0) >= 0)
			r = sh_err_set(err, -EEXIST, "there is already an entry '%s'", key);
	}
	if (r < 0) {
		conf_done(&to);
		return r;
	}
	return commit(ctl, call, &to, key, err);
}

struct search {
	const uint8_t *mac;
	unsigned n;
	uint16_t vlan;
};

static void search_entry(void *ctx, const struct dp_fdb_entry *entry)
{
	struct search *search = ctx;

	if (memcmp(entry->mac, search->mac, 6) != 0)
		return;
	search->vlan = entry->vlan;
	search->n++;
}

/* No VLAN is needed where the address is in one alone. */
static int find_vlan(const struct ctl *ctl, struct conf_item *item, struct sh_err *err)
{
	const struct switch_bridge *bridge =
		switch_bridge(&ctl->sw, conf_get(item, API_FDB, "bridge"));
	struct search search = { 0 };
	uint8_t mac[6];
	char text[8];

	if (!bridge || conf_get(item, API_FDB, "vlan") ||
		api_parse_mac(conf_get(item, API_FDB, "mac"), mac) < 0)
		return 0;
	search.mac = mac;
	dp_fdb_foreach(bridge->dp, 0, SIZE_MAX, search_entry, &search);
	if (search.n > 1)
		return sh_err_set(
			err, -EINVAL, "vlan is missing: the address is in %u VLANs", search.n);
	if (search.n == 0)
		return 0;
	snprintf(text, sizeof(text), "%u", search.vlan);
	if (conf_set(item, API_FDB, "vlan", text) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	return 0;
}

static int del_learned(const struct ctl *ctl, const struct conf_item *item, struct sh_err *err)
{
	const char *mac = conf_get(item, API_FDB, "mac");
	struct switch_bridge *bridge = switch_bridge(&ctl->sw, conf_get(item, API_FDB, "bridge"));
	uint64_t vlan = conf_get_uint(item, API_FDB, "vlan", 0);
	uint8_t bytes[6];

	if (!bridge)
		return sh_err_set(
			err, -ENOENT, "no such bridge '%s'", conf_get(item, API_FDB, "bridge"));
	if (api_parse_mac(mac, bytes) < 0 || dp_fdb_del(bridge->dp, bytes, (uint16_t)vlan, err) < 0)
		return sh_err_set(err, -ENOENT, "no entry for %s in VLAN %u of bridge '%s'", mac,
			(unsigned)vlan, bridge->name);
	return 0;
}

static int del_entry(
	struct ctl *ctl, const struct call *call, struct conf_item *item, struct sh_err *err)
{
	char key[CONF_KEY_LEN];
	struct conf to;
	int index, r;

	if (!conf_get(item, API_FDB, "bridge") || !conf_get(item, API_FDB, "mac"))
		return sh_err_set(err, -EINVAL, "give a bridge and a mac");
	r = find_vlan(ctl, item, err);
	if (r < 0)
		return r;
	conf_key(API_FDB, item, key);
	index = conf_find(&ctl->conf, API_FDB, key, 0);
	if (index < 0)
		return del_learned(ctl, item, err);
	if (conf_copy(&ctl->conf, &to) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	conf_remove(&to, API_FDB, (uint32_t)index);
	return commit(ctl, call, &to, key, err);
}

int method_fdb_del(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	struct conf scratch;
	struct conf_item *item;
	int r;

	conf_init(&scratch);
	item = conf_append(&scratch, API_FDB);
	r = item ? conf_item_from_json(item, API_FDB, call->params, err)
		 : sh_err_set(err, -ENOMEM, "out of memory");
	if (r == 0)
		r = del_entry(ctl, call, item, err);
	conf_done(&scratch);
	return r;
}

static int flush_port(const struct ctl *ctl, const struct call *call, const struct dp_port **ret,
	struct sh_err *err)
{
	const struct conf_item *item;
	const char *name;
	int r = method_text_optional(call, "port", &name, err);

	*ret = NULL;
	if (r < 0 || !name)
		return r;
	r = method_find(ctl, API_PORT, name, &item, err);
	if (r < 0)
		return r;
	*ret = switch_port(&ctl->sw, name)->dp;
	return *ret ? 0 : sh_err_set(err, -ENODEV, "port '%s' could not be made", name);
}

static int flush_vlan(const struct call *call, int *ret, struct sh_err *err)
{
	const json_t *value = json_object_get(call->params, "vlan");
	char text[API_VALUE_LEN];
	int r;

	*ret = -1;
	if (!value || json_is_null(value))
		return 0;
	r = api_value_from_json(api_field_find(API_FDB, "vlan"), value, text, err);
	if (r == 0)
		*ret = atoi(text);
	return r;
}

int method_fdb_flush(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct dp_port *port = NULL;
	const char *only;
	unsigned n = 0;
	int vlan = -1, r = bridge_param(ctl, call, &only, err);

	if (r == 0)
		r = flush_port(ctl, call, &port, err);
	if (r == 0)
		r = flush_vlan(call, &vlan, err);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < ctl->sw.n_bridges; i++)
		if (!only || strcmp(only, ctl->sw.bridges[i].name) == 0)
			n += dp_fdb_flush(ctl->sw.bridges[i].dp, port, vlan);
	*ret = json_pack("{s:i}", "flushed", (int)n);
	return 0;
}
