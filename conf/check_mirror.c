/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks of one mirror: that its ports are there and on its bridge, that it has one output, and
 * that no output is a source. Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/policy.h"
#include "check_parts.h"

#define NAME_LEN 64

static const char *get(const struct conf_item *mirror, const char *field)
{
	return conf_get(mirror, API_MIRROR, field);
}

/* The mirror of the port, if its copies go there. */
static const char *mirror_to(const struct conf *conf, const char *port)
{
	const struct conf_items *mirrors = &conf->of[API_MIRROR];

	for (uint32_t i = 0; i < mirrors->n; i++) {
		const char *output = get(&mirrors->items[i], "output_port");

		if (output && strcmp(output, port) == 0)
			return get(&mirrors->items[i], "name");
	}
	return NULL;
}

static int check_port(const struct conf *conf, const char *bridge, const char *field,
	const char *port, struct conf_where *where, struct sh_err *err)
{
	const struct conf_item *item = conf_item(conf, API_PORT, port);
	const char *on = item ? conf_port_bridge(conf, item) : NULL;

	if (!item)
		return conf_fail(where, field, err, -ENOENT, "%s: no such port '%s'", field, port);
	if (!on || strcmp(on, bridge) != 0)
		return conf_fail(where, field, err, -EINVAL, "%s: port '%s' is not on bridge '%s'",
			field, port, bridge);
	return 0;
}

static int check_sources(const struct conf *conf, const struct conf_item *mirror, const char *field,
	struct conf_where *where, struct sh_err *err)
{
	const char *at = get(mirror, field);

	while (at && *at) {
		size_t n = strcspn(at, ",");
		char name[NAME_LEN];
		const char *other;
		int r;

		snprintf(name, sizeof(name), "%.*s", (int)n, at);
		r = check_port(conf, get(mirror, "bridge"), field, name, where, err);
		if (r < 0)
			return r;
		other = mirror_to(conf, name);
		if (other)
			return conf_fail(where, field, err, -EINVAL,
				"%s: port '%s' is the output of mirror '%s', which carries nothing "
				"but its copies",
				field, name, other);
		at += n + (at[n] == ',');
	}
	return 0;
}

static int check_output(const struct conf *conf, const struct conf_item *mirror,
	struct conf_where *where, struct sh_err *err)
{
	const char *port = get(mirror, "output_port"), *vlan = get(mirror, "output_vlan");

	if (!port && !vlan)
		return conf_fail(
			where, NULL, err, -EINVAL, "give an output_port or an output_vlan");
	if (port && vlan)
		return conf_fail(where, "output_vlan", err, -EINVAL,
			"give an output_port or an output_vlan, not both");
	if (vlan && get(mirror, "output_tags"))
		return conf_fail(where, "output_tags", err, -EINVAL,
			"output_tags: belongs to an output_port: the copies that go to a VLAN "
			"have its tag");
	if (!port)
		return 0;
	return check_port(conf, get(mirror, "bridge"), "output_port", port, where, err);
}

static int check_selection(
	const struct conf_item *mirror, struct conf_where *where, struct sh_err *err)
{
	const char *all = get(mirror, "select_all"), *vlan = get(mirror, "select_vlan");
	const char *output_vlan = get(mirror, "output_vlan");

	if (vlan && output_vlan && strcmp(vlan, output_vlan) == 0)
		return conf_fail(where, "select_vlan", err, -EINVAL,
			"select_vlan: %s is the output_vlan, and what is there already is not "
			"copied: nothing is selected",
			vlan);

	if (all && strcmp(all, "false") == 0 && !get(mirror, "select_src_port") &&
		!get(mirror, "select_dst_port"))
		return conf_fail(where, "select_all", err, -EINVAL,
			"select_all: with false and no port in select_src_port or select_dst_port "
			"nothing is selected");
	return 0;
}

int conf_check_mirror(const struct conf *conf, const struct conf_item *mirror,
	struct conf_where *where, struct sh_err *err)
{
	const char *bridge = get(mirror, "bridge");
	int r;

	if (!bridge)
		return conf_fail(where, NULL, err, -EINVAL, "bridge is missing");
	r = conf_check_ref(conf, API_BRIDGE, bridge, "bridge", where, err);
	if (r == 0)
		r = check_output(conf, mirror, where, err);
	if (r == 0)
		r = check_selection(mirror, where, err);
	if (r == 0)
		r = check_sources(conf, mirror, "select_src_port", where, err);
	if (r == 0)
		r = check_sources(conf, mirror, "select_dst_port", where, err);
	return r;
}
