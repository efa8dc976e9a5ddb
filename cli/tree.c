/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `shunt show`: bridges, their port groups, the ports in them, ports without a group, mirrors,
 * workers.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli.h"
#include "table.h"

enum {
	COLUMN_NAME,
	COLUMN_TYPE,
	COLUMN_VLAN,
	COLUMN_LINK,
	COLUMN_MACS,
	COLUMN_WHERE
};

static const struct cli_column columns[] = {
	[COLUMN_NAME] = { "SWITCH", "name", false },
	[COLUMN_TYPE] = { "TYPE", "type", false },
	[COLUMN_VLAN] = { "VLAN", NULL, false },
	[COLUMN_LINK] = { "LINK", "link", false },
	[COLUMN_MACS] = { "ADDRESSES", "macs", true },
	[COLUMN_WHERE] = { "WHERE", NULL, false },
};

static const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* "100", "trunk 10,20", "10 + trunk 20 native-untagged" */
static void set_vlan(struct libscols_line *row, const json_t *object)
{
	const json_t *vlan = json_object_get(object, "vlan");
	const char *trunk = string_of(object, "trunk"), *mode = string_of(object, "vlan_mode");
	bool is_native = strncmp(mode, "native", 6) == 0;
	char text[256], native[32] = "";

	if (vlan)
		snprintf(native, sizeof(native), "%" JSON_INTEGER_FORMAT, json_integer_value(vlan));
	if (vlan && *trunk)
		snprintf(text, sizeof(text), "%s + trunk %.180s %s", native, trunk,
			is_native ? mode : "");
	else if (*trunk)
		snprintf(text, sizeof(text), "trunk %.180s", trunk);
	else if (vlan)
		snprintf(text, sizeof(text), "%s", native);
	else
		snprintf(text, sizeof(text), "trunk all");
	cli_table_set(row, COLUMN_VLAN, text);
}

static void add_port(struct cli_table *table, struct libscols_line *parent, const json_t *port)
{
	struct libscols_line *row = cli_table_row(table, parent, port);
	const char *where = string_of(port, "error");
	_cleanup_free_ char *devices = NULL;

	if (!*where)
		where = string_of(port, "socket_path");
	if (!*where)
		where = string_of(port, "device");
	if (!*where)
		where = devices = cli_text(json_object_get(port, "devices"));
	set_vlan(row, port);
	cli_table_set(row, COLUMN_WHERE, where ? where : "");
}

/* "web1, web2 > mon", "vlan 10 > vlan 99": what is copied, and where to. */
static void set_copies(struct libscols_line *row, const json_t *mirror)
{
	static const char *const lists[] = { "select_src_port", "select_dst_port" };
	const json_t *vlan = json_object_get(mirror, "output_vlan");
	char text[256] = "", to[80];
	size_t n = 0;

	for (unsigned i = 0; i < 2; i++) {
		json_t *name;
		size_t k;

		json_array_foreach (json_object_get(mirror, lists[i]), k, name)
			if (n + 80 < sizeof(text))
				n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s",
					n ? ", " : "", i ? "to" : "from", json_string_value(name));
	}
	if (json_is_true(json_object_get(mirror, "select_all")))
		snprintf(text, sizeof(text), "all");
	snprintf(to, sizeof(to), "%.70s", string_of(mirror, "output_port"));
	if (vlan)
		snprintf(to, sizeof(to), "VLAN %" JSON_INTEGER_FORMAT, json_integer_value(vlan));
	n = strlen(text);
	snprintf(text + n, sizeof(text) - n, " > %s", to);
	cli_table_set(row, COLUMN_WHERE, text);
	cli_table_set(row, COLUMN_VLAN, string_of(mirror, "select_vlan"));
}

static void add_mirrors(struct cli_table *table, struct libscols_line *parent,
	const json_t *mirrors, const char *bridge)
{
	json_t *mirror;
	size_t i;

	json_array_foreach (mirrors, i, mirror) {
		struct libscols_line *row;

		if (strcmp(string_of(mirror, "bridge"), bridge) != 0)
			continue;
		row = cli_table_row(table, parent, NULL);
		cli_table_set(row, COLUMN_NAME, string_of(mirror, "name"));
		cli_table_set(row, COLUMN_TYPE, "mirror");
		set_copies(row, mirror);
	}
}

/* Ports of one group; of no group for "". */
static void add_ports(struct cli_table *table, struct libscols_line *parent, const json_t *ports,
	const char *group)
{
	json_t *port;
	size_t i;

	json_array_foreach (ports, i, port)
		if (strcmp(string_of(port, "portgroup"), group) == 0)
			add_port(table, parent, port);
}

static void add_bridge(struct cli_table *table, const json_t *bridge, const json_t *result)
{
	const json_t *groups = json_object_get(result, "portgroups");
	struct libscols_line *row = cli_table_row(table, NULL, NULL);
	const json_t *ports = json_object_get(bridge, "ports");
	_cleanup_free_ char *n_addresses = cli_text(json_object_get(bridge, "fdb_entries"));
	char text[128];
	json_t *group;
	size_t i;

	snprintf(text, sizeof(text), "bridge, %s", string_of(bridge, "fail_mode"));
	cli_table_set(row, COLUMN_NAME, string_of(bridge, "name"));
	cli_table_set(row, COLUMN_TYPE, text);
	cli_table_set(row, COLUMN_MACS, n_addresses ? n_addresses : "");
	json_array_foreach (groups, i, group) {
		struct libscols_line *group_row;

		if (strcmp(string_of(group, "bridge"), string_of(bridge, "name")) != 0)
			continue;
		group_row = cli_table_row(table, row, NULL);
		cli_table_set(group_row, COLUMN_NAME, string_of(group, "name"));
		cli_table_set(group_row, COLUMN_TYPE, "port group");
		set_vlan(group_row, group);
		add_ports(table, group_row, ports, string_of(group, "name"));
	}
	add_ports(table, row, ports, "");
	add_mirrors(table, row, json_object_get(result, "mirrors"), string_of(bridge, "name"));
}

static void print_worker(const json_t *worker)
{
	json_int_t n = json_integer_value(json_object_get(worker, "rx_queues"));

	printf("worker %" JSON_INTEGER_FORMAT " on CPU %" JSON_INTEGER_FORMAT
	       ", poll %s, %" JSON_INTEGER_FORMAT " receive queue%s\n",
		json_integer_value(json_object_get(worker, "worker")),
		json_integer_value(json_object_get(worker, "cpu")), string_of(worker, "poll"), n,
		n == 1 ? "" : "s");
}

void cli_print_tree(struct cli *cli, const json_t *result)
{
	const json_t *bridges = json_object_get(result, "bridges");
	struct cli_table *table =
		cli_table_new(columns, sizeof(columns) / sizeof(columns[0]), true);
	json_t *value;
	size_t i;

	if (!table)
		return;
	json_array_foreach (bridges, i, value)
		add_bridge(table, value, result);
	if (json_array_size(bridges))
		cli_table_print(table);
	else
		printf("no bridge yet: shunt bridge add br0\n");
	cli_table_free(table);
	putchar('\n');
	json_array_foreach (json_object_get(result, "workers"), i, value)
		print_worker(value);
}
