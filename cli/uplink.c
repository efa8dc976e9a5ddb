/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Uplinks: a line a device, and one uplink with all there is to say of it.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli.h"
#include "table.h"

#define N(columns) (sizeof(columns) / sizeof((columns)[0]))

#define DEVICE_COLUMNS                                                                             \
	{ "DEVICE", "device", false }, { "STATE", "state", false }, { "LINK", "link", false },     \
		{ "MBIT/S", "speed_mbps", true }, { "RX PACKETS", "rx_packets", true },            \
		{ "RX DROPPED", "rx_dropped", true }, { "TX PACKETS", "tx_packets", true },        \
		{ "TX DROPPED", "tx_dropped", true }, { "LACP PARTNER", "partner", false },        \
	{                                                                                          \
		"WHY", "why", false                                                                \
	}

void cli_print_uplinks(struct cli *cli, const json_t *result)
{
	static const struct cli_column columns[] = { { "NAME", "name", false }, DEVICE_COLUMNS };

	cli_table_list(columns, N(columns), result);
}

/* Tables of their own behind the rest. */
static bool is_table(const char *key)
{
	return strcmp(key, "members") == 0 || strcmp(key, "orders") == 0;
}

/* What one end of a device says, the device itself in the first of its rows. */
static json_t *party_row(const json_t *member, const char *end)
{
	const json_t *lacp = json_object_get(member, "lacp");
	bool is_ours = strcmp(end, "actor") == 0;
	json_t *row = json_deep_copy(json_object_get(lacp, end));

	json_object_set_new(row, "end", json_string(is_ours ? "this" : "partner"));
	if (is_ours) {
		json_object_set(row, "device", json_object_get(member, "device"));
		json_object_set(row, "receive", json_object_get(lacp, "receive"));
		json_object_set(row, "mux", json_object_get(lacp, "mux"));
	}
	return row;
}

static void print_lacp(const json_t *members)
{
	static const struct cli_column columns[] = { { "LACP", "device", false },
		{ "RECEIVE", "receive", false }, { "MUX", "mux", false }, { "END", "end", false },
		{ "SYSTEM", "system", false }, { "PRIORITY", "system_priority", true },
		{ "KEY", "key", true }, { "PORT", "port", true },
		{ "PORT PRIORITY", "port_priority", true }, { "STATE", "state", false } };
	json_t *rows = json_array(), *member;
	size_t i;

	json_array_foreach (members, i, member) {
		if (!json_object_get(member, "lacp"))
			continue;
		json_array_append_new(rows, party_row(member, "actor"));
		json_array_append_new(rows, party_row(member, "partner"));
	}
	if (json_array_size(rows)) {
		printf("\n");
		cli_table_list(columns, N(columns), rows);
	}
	json_decref(rows);
}

void cli_print_uplink(struct cli *cli, const json_t *result)
{
	static const struct cli_column devices[] = { DEVICE_COLUMNS };
	static const struct cli_column orders[] = { { "PORT", "port", false },
		{ "ITS FRAMES GO BY", "devices", false } };
	const json_t *pinned = json_object_get(result, "orders");
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)result, key, value) {
		_cleanup_free_ char *text = is_table(key) ? NULL : cli_text(value);

		if (text)
			cli_print_field(result, key, text);
	}
	printf("\n");
	cli_table_list(devices, N(devices), json_object_get(result, "members"));
	print_lacp(json_object_get(result, "members"));
	if (json_array_size(pinned) == 0)
		return;
	printf("\n");
	cli_table_list(orders, N(orders), pinned);
}
