/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks of the model: values one by one, then what each item needs. Pure.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/value.h"
#include "conf/policy.h"
#include "check_parts.h"

void conf_env_init(struct conf_env *env, const char *run_dir)
{
	env->run_dir = run_dir;
	CPU_ZERO(&env->cpus);
	if (sched_getaffinity(0, sizeof(env->cpus), &env->cpus) < 0)
		CPU_SET(0, &env->cpus);
}

void conf_env_init_reader(struct conf_env *env, const char *run_dir)
{
	env->run_dir = run_dir;
	memset(&env->cpus, 0xff, sizeof(env->cpus));
}

int conf_name_nested_place(const struct conf_where *where, int code, struct sh_err *err)
{
	if (!where->list)
		return code;
	if (where->list_index < 0)
		return sh_err_prefix(err, code, "%s", where->list);
	return sh_err_prefix(err, code, "%s[%d]", where->list, where->list_index);
}

int conf_name_place(
	const struct conf *conf, const struct conf_where *where, int code, struct sh_err *err)
{
	char key[CONF_KEY_LEN];

	if (where->index < 0)
		return code;
	conf_name_nested_place(where, code, err);
	conf_key(where->noun, &conf->of[where->noun].items[where->index], key);
	if (api_tables[where->noun].single)
		return sh_err_prefix(err, code, "%s", key);
	return sh_err_prefix(err, code, "%s '%s'", conf_noun(where->noun), key);
}

int conf_fail(struct conf_where *where, const char *field, struct sh_err *err, int code,
	const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	where->field = field;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return sh_err_set(err, code, "%s", text);
}

int conf_check_ref(const struct conf *conf, enum api_noun noun, const char *name, const char *field,
	struct conf_where *where, struct sh_err *err)
{
	if (!name || conf_item(conf, noun, name))
		return 0;
	return conf_fail(where, field, err, -ENOENT, "no such %s '%s'", conf_noun(noun), name);
}

static int normalise_value(struct conf_item *item, enum api_noun noun, unsigned i,
	struct conf_where *where, struct sh_err *err)
{
	const struct api_field *field = &api_tables[noun].fields[i];
	char canonical[API_VALUE_LEN];

	where->field = field->name;
	if (api_value_check(field, item->v[i], canonical, err) < 0)
		return -EINVAL;
	/* An empty list says no more than none. */
	if (conf_set(item, noun, field->name, *canonical ? canonical : NULL) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	return 0;
}

static int normalise_item(
	struct conf_item *item, enum api_noun noun, struct conf_where *where, struct sh_err *err);

static int normalise_nested(struct conf_items *items, const struct api_field *field,
	struct conf_where *where, struct sh_err *err)
{
	int r = 0;

	where->list = field->name;
	for (uint32_t k = 0; r == 0 && k < items->n; k++) {
		where->list_index = field->type == API_TYPE_ITEM ? -1 : (int)k;
		r = normalise_item(&items->items[k], field->ref, where, err);
	}
	if (r < 0)
		return r;
	where->list = NULL;
	if (field->type == API_TYPE_ITEM && items->n &&
		conf_item_is_empty(items->items, field->ref))
		conf_items_done(items);
	return 0;
}

static int normalise_item(
	struct conf_item *item, enum api_noun noun, struct conf_where *where, struct sh_err *err)
{
	const struct api_table *table = &api_tables[noun];
	int r = 0;

	for (unsigned i = 0; r == 0 && i < table->n_fields; i++) {
		const struct api_field *field = &table->fields[i];

		if (api_field_is_nested(field))
			r = normalise_nested(
				&item->nested[api_field_slot(noun, field)], field, where, err);
		else if (item->v[i])
			r = normalise_value(item, noun, i, where, err);
	}
	return r;
}

int conf_normalise(struct conf *conf, struct conf_where *where, struct sh_err *err)
{
	for (enum api_noun noun = 0; noun < API_N_KEYS; noun++) {
		for (uint32_t i = 0; i < conf->of[noun].n; i++) {
			int r;

			*where = (struct conf_where){ .noun = noun, .index = (int)i };
			r = normalise_item(&conf->of[noun].items[i], noun, where, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int check_workers(const struct conf_item *workers, const struct conf_env *env,
	struct conf_where *where, struct sh_err *err)
{
	const char *text = conf_get(workers, API_WORKERS, "cpus");
	cpu_set_t seen;
	unsigned n = 0;

	CPU_ZERO(&seen);
	while (text && *text) {
		char *end;
		unsigned long cpu = strtoul(text, &end, 10);

		if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &env->cpus))
			return conf_fail(where, "cpus", err, -EINVAL,
				"cpus: CPU %lu does not exist or shuntd may not run on it: see "
				"'nproc' and taskset(1)",
				cpu);
		if (CPU_ISSET(cpu, &seen))
			return conf_fail(
				where, "cpus", err, -EINVAL, "cpus: CPU %lu is given twice", cpu);
		CPU_SET(cpu, &seen);
		if (++n > 16)
			return conf_fail(
				where, "cpus", err, -EINVAL, "cpus: no more than 16 workers");
		text = *end == ',' ? end + 1 : end;
	}
	return 0;
}

/* return: whether one of the ways is meant; `is_tls` is set for those that need certificates */
static bool begins_as_target(const char *text, bool *is_tls)
{
	static const char *const kinds[] = { "tcp:", "ptcp:", "unix:", "punix:", "ssl:", "pssl:" };

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		*is_tls = strstr(kinds[i], "ssl") != NULL;
		if (strncmp(text, kinds[i], strlen(kinds[i])) == 0)
			return true;
	}
	return false;
}

static int check_controllers(
	const struct conf_item *bridge, struct conf_where *where, struct sh_err *err)
{
	const char *text = conf_get(bridge, API_BRIDGE, "controllers");
	bool has_identity = conf_get(bridge, API_BRIDGE, "ssl_private_key"), is_tls;

	while (text && *text) {
		int n = (int)strcspn(text, ",");

		if (!begins_as_target(text, &is_tls))
			return conf_fail(where, "controllers", err, -EINVAL,
				"controllers: '%.*s' is not allowed: tcp:, ptcp:, ssl:, pssl:, "
				"unix: or punix:, and an address",
				n, text);
		if (is_tls && !has_identity)
			return conf_fail(where, "controllers", err, -EINVAL,
				"controllers: '%.*s' needs ssl_private_key and ssl_certificate", n,
				text);
		text += n + (text[n] == ',');
	}
	return 0;
}

static int check_tls(const struct conf_item *bridge, struct conf_where *where, struct sh_err *err)
{
	static const char *const fields[] = { "ssl_private_key", "ssl_certificate",
		"ssl_ca_certificate" };
	const char *paths[3];

	for (unsigned i = 0; i < 3; i++) {
		paths[i] = conf_get(bridge, API_BRIDGE, fields[i]);
		if (paths[i] && *paths[i] != '/')
			return conf_fail(where, fields[i], err, -EINVAL,
				"%s: '%s' is not allowed: a path from the root, like /etc/x.pem",
				fields[i], paths[i]);
	}
	if (!paths[0] != !paths[1] || (paths[2] && !paths[0]))
		return conf_fail(where, paths[2] ? fields[2] : fields[!paths[0]], err, -EINVAL,
			"%s is missing", fields[paths[0] != NULL]);
	return 0;
}

static int check_bridge(
	const struct conf_item *bridge, struct conf_where *where, struct sh_err *err)
{
	int r = check_tls(bridge, where, err);

	return r < 0 ? r : check_controllers(bridge, where, err);
}

static int check_portgroup(const struct conf *conf, const struct conf_item *group,
	struct conf_where *where, struct sh_err *err)
{
	const char *bridge = conf_get(group, API_PORTGROUP, "bridge");
	enum conf_vlan_mode mode;
	int r;

	if (!bridge)
		return conf_fail(where, NULL, err, -EINVAL, "bridge is missing");
	r = conf_check_ref(conf, API_BRIDGE, bridge, "bridge", where, err);
	if (r < 0)
		return r;
	r = conf_check_order(conf,
		&(struct conf_order){ bridge, conf_get(group, API_PORTGROUP, "active"),
			conf_get(group, API_PORTGROUP, "standby") },
		NULL, where, err);
	if (r < 0)
		return r;
	return conf_vlan_mode(conf_get(group, API_PORTGROUP, "vlan"),
		conf_get(group, API_PORTGROUP, "trunk"),
		conf_get(group, API_PORTGROUP, "vlan_mode"), &mode, &where->field, err);
}

static int check_fdb(const struct conf *conf, const struct conf_item *entry,
	struct conf_where *where, struct sh_err *err)
{
	const char *bridge = conf_get(entry, API_FDB, "bridge");
	const char *port = conf_get(entry, API_FDB, "port");
	const char *mac = conf_get(entry, API_FDB, "mac");
	const char *on;
	uint8_t bytes[6];

	if (!bridge || !port || !mac)
		return conf_fail(where, NULL, err, -EINVAL, "%s is missing",
			!bridge ? "bridge"
			: !mac  ? "mac"
				: "port");
	if (!conf_item(conf, API_BRIDGE, bridge))
		return conf_fail(where, "bridge", err, -ENOENT, "no such bridge '%s'", bridge);
	if (!conf_item(conf, API_PORT, port))
		return conf_fail(where, "port", err, -ENOENT, "no such port '%s'", port);
	on = conf_port_bridge(conf, conf_item(conf, API_PORT, port));
	if (!on || strcmp(on, bridge) != 0)
		return conf_fail(where, "port", err, -EINVAL, "port '%s' is not on bridge '%s'",
			port, bridge);
	if (api_parse_mac(mac, bytes) < 0 || (bytes[0] & 1))
		return conf_fail(where, "mac", err, -EINVAL,
			"mac: '%s' is a multicast address, which has no one port", mac);
	return 0;
}

static int check_lldp(const struct conf_item *lldp, struct conf_where *where, struct sh_err *err)
{
	const char *address = conf_get(lldp, API_LLDP, "management_address");
	uint8_t bytes[16];

	if (!address || strcmp(address, "none") == 0 || inet_pton(AF_INET, address, bytes) == 1 ||
		inet_pton(AF_INET6, address, bytes) == 1)
		return 0;
	return conf_fail(where, "management_address", err, -EINVAL,
		"management_address: '%s' is not allowed: an IPv4 or IPv6 address, or none",
		address);
}

static int check_item(const struct conf *conf, const struct conf_item *item,
	const struct conf_env *env, struct conf_where *where, struct sh_err *err)
{
	const struct api_table *table = &api_tables[where->noun];

	if (!table->single && where->noun != API_FDB && !item->v[0])
		return conf_fail(where, NULL, err, -EINVAL, "%s is missing", table->fields[0].name);
	switch (where->noun) {
	case API_WORKERS:
		return check_workers(item, env, where, err);
	case API_LLDP:
		return check_lldp(item, where, err);
	case API_BRIDGE:
		return check_bridge(item, where, err);
	case API_PORTGROUP:
		return check_portgroup(conf, item, where, err);
	case API_PORT:
		return conf_check_port(conf, item, env, where, err);
	case API_FDB:
		return check_fdb(conf, item, where, err);
	case API_MIRROR:
		return conf_check_mirror(conf, item, where, err);
	case API_SRIOV:
		return conf_check_sriov(conf, item, where, err);
	case API_VM:
		return conf_check_vm(conf, item, where, err);
	default:
		return 0;
	}
}

int conf_check(const struct conf *conf, const struct conf_env *env, struct conf_where *where,
	struct sh_err *err)
{
	for (enum api_noun noun = 0; noun < API_N_KEYS; noun++) {
		for (uint32_t i = 0; i < conf->of[noun].n; i++) {
			int r;

			*where = (struct conf_where){ .noun = noun, .index = (int)i };
			r = check_item(conf, &conf->of[noun].items[i], env, where, err);
			if (r < 0)
				return r;
		}
	}
	return conf_check_unique(conf, env, where, err);
}
