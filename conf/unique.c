/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What may be there once only: names, sockets, devices, OpenFlow numbers. Keys are sorted, so that
 * thousands of ports are checked in no time. Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "conf/policy.h"
#include "conf/port_target.h"
#include "check_parts.h"

#define KEY_LEN 384

struct key {
	char text[KEY_LEN];
	uint32_t index;
};

/* Writes an item's key number i; returns false when the item has none. */
typedef bool key_fn(const struct conf *conf, const struct conf_env *env,
	const struct conf_item *item, enum api_noun noun, unsigned i, char ret[KEY_LEN]);

static bool by_name(const struct conf *conf, const struct conf_env *env,
	const struct conf_item *item, enum api_noun noun, unsigned i, char ret[KEY_LEN])
{
	conf_key(noun, item, ret);
	return !api_tables[noun].single;
}

static bool by_socket(const struct conf *conf, const struct conf_env *env,
	const struct conf_item *item, enum api_noun noun, unsigned i, char ret[KEY_LEN])
{
	struct port_target target;

	if (port_target(item, env->run_dir, &target, NULL) < 0)
		return false;
	snprintf(ret, KEY_LEN, "%s", target.target);
	return target.kind == CONF_PORT_VHOST_SERVER || target.kind == CONF_PORT_VHOST_CLIENT;
}

static bool device_of_team(const struct conf_item *item, unsigned i, char ret[KEY_LEN])
{
	struct port_target devices[PORT_MAX_DEVICES];
	int n = port_devices(item, devices, NULL);

	if (n < 0 || i >= (unsigned)n)
		return false;
	snprintf(ret, KEY_LEN, "%s", devices[i].target);
	return true;
}

/* Many may read one pcap file; interfaces of internal ports have their unique names. */
static bool by_device(const struct conf *conf, const struct conf_env *env,
	const struct conf_item *item, enum api_noun noun, unsigned i, char ret[KEY_LEN])
{
	struct port_target target;

	if (conf_get(item, API_PORT, "devices"))
		return device_of_team(item, i, ret);
	if (port_target(item, env->run_dir, &target, NULL) < 0)
		return false;
	snprintf(ret, KEY_LEN, "%s", target.target);
	return target.kind == CONF_PORT_PACKET || target.kind == CONF_PORT_XDP ||
	       target.kind == CONF_PORT_PCI;
}

/* Devices are unique by now: what is there twice is an internal port and an uplink. On two bridges
 * that is a way from one to the other. */
static bool by_interface(const struct conf *conf, const struct conf_env *env,
	const struct conf_item *item, enum api_noun noun, unsigned i, char ret[KEY_LEN])
{
	const char *bridge = conf_port_bridge(conf, item);
	struct port_target target;
	char name[KEY_LEN];

	if (port_target(item, env->run_dir, &target, NULL) == 0 && target.kind == CONF_PORT_TAP)
		snprintf(name, sizeof(name), "%s", target.target);
	else if (!by_device(conf, env, item, noun, i, name))
		return false;
	snprintf(ret, KEY_LEN, "%.300s on bridge '%.64s'", name, bridge ? bridge : "");
	return true;
}

static bool by_ofport(const struct conf *conf, const struct conf_env *env,
	const struct conf_item *item, enum api_noun noun, unsigned i, char ret[KEY_LEN])
{
	const char *ofport = conf_get(item, API_PORT, "ofport");
	const char *bridge = conf_port_bridge(conf, item);

	snprintf(ret, KEY_LEN, "%s on bridge '%s'", ofport ? ofport : "", bridge ? bridge : "");
	return ofport != NULL;
}

static bool by_datapath_id(const struct conf *conf, const struct conf_env *env,
	const struct conf_item *item, enum api_noun noun, unsigned i, char ret[KEY_LEN])
{
	const char *id = conf_get(item, API_BRIDGE, "datapath_id");

	snprintf(ret, KEY_LEN, "%s", id ? id : "");
	return id != NULL;
}

static int compare(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static unsigned keys_of(const struct conf_item *item, key_fn *fn)
{
	return (fn == by_device || fn == by_interface) && conf_get(item, API_PORT, "devices")
		       ? PORT_MAX_DEVICES
		       : 1;
}

/* One more, since a key is written before it is known to be one. */
static size_t count_room(const struct conf_items *items, key_fn *fn)
{
	size_t n = 1;

	for (uint32_t i = 0; i < items->n; i++)
		n += keys_of(&items->items[i], fn);
	return n;
}

static int check_keys(const struct conf *conf, const struct conf_env *env, enum api_noun noun,
	key_fn *fn, const char *field, struct conf_where *where, struct sh_err *err)
{
	const struct conf_items *items = &conf->of[noun];
	_cleanup_free_ struct key *keys = calloc(count_room(items, fn), sizeof(*keys));
	char other[CONF_KEY_LEN];
	uint32_t n = 0;

	if (!keys)
		return sh_err_set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < items->n; i++) {
		unsigned k = 0;

		while (k < keys_of(&items->items[i], fn) &&
			fn(conf, env, &items->items[i], noun, k++, keys[n].text))
			keys[n++].index = i;
	}
	qsort(keys, n, sizeof(*keys), compare);
	for (uint32_t i = 1; i < n; i++) {
		if (strcmp(keys[i - 1].text, keys[i].text) != 0)
			continue;
		*where = (struct conf_where){
			.noun = noun, .index = (int)keys[i].index, .field = field
		};
		conf_key(noun, &items->items[keys[i - 1].index], other);
		if (fn == by_name)
			return sh_err_set(
				err, -EEXIST, "there is already a %s '%s'", conf_noun(noun), other);
		if (fn == by_interface)
			return sh_err_set(err, -EEXIST,
				"port '%s' has interface %s already, and an internal port and an "
				"uplink of one interface would send frames round for ever",
				other, keys[i].text);
		return sh_err_set(err, -EEXIST, "%s: %s is already used by %s '%s'", field,
			keys[i].text, conf_noun(noun), other);
	}
	return 0;
}

int conf_check_unique(const struct conf *conf, const struct conf_env *env, struct conf_where *where,
	struct sh_err *err)
{
	static const struct {
		enum api_noun noun;
		key_fn *fn;
		const char *field;
	} keys[] = {
		{ API_BRIDGE, by_name, "name" },
		{ API_PORTGROUP, by_name, "name" },
		{ API_PORT, by_name, "name" },
		{ API_FDB, by_name, "mac" },
		{ API_PORT, by_socket, "socket" },
		{ API_PORT, by_device, "device" },
		{ API_PORT, by_interface, "device" },
		{ API_PORT, by_ofport, "ofport" },
		{ API_BRIDGE, by_datapath_id, "datapath_id" },
		{ API_MIRROR, by_name, "name" },
		{ API_SRIOV, by_name, "pf" },
		{ API_VM, by_name, "name" },
	};
	int r = 0;

	for (unsigned i = 0; r == 0 && i < sizeof(keys) / sizeof(keys[0]); i++)
		r = check_keys(conf, env, keys[i].noun, keys[i].fn, keys[i].field, where, err);
	return r;
}
