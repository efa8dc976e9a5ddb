/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lists and single objects: which columns a noun has. What a cell holds is the daemon's word.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/paths.h"
#include "cli.h"
#include "table.h"

#define LIST(columns, result)                                                                      \
	cli_table_list(columns, sizeof(columns) / sizeof((columns)[0]), result)

void cli_print_bridges(struct cli *cli, const json_t *result)
{
	static const struct cli_column columns[] = {
		{ "NAME", "name", false },
		{ "FAIL MODE", "fail_mode", false },
		{ "DATAPATH ID", "datapath_id", false },
		{ "ADDRESSES", "fdb_entries", true },
		{ "PORTS", "ports", false },
	};

	LIST(columns, result);
}

void cli_print_portgroups(struct cli *cli, const json_t *result)
{
	static const struct cli_column columns[] = {
		{ "NAME", "name", false },
		{ "BRIDGE", "bridge", false },
		{ "VLAN", "vlan", true },
		{ "TRUNK", "trunk", false },
		{ "VLAN MODE", "vlan_mode", false },
		{ "PORTS", "ports", false },
	};

	LIST(columns, result);
}

void cli_print_ports(struct cli *cli, const json_t *result)
{
	static const struct cli_column columns[] = {
		{ "NAME", "name", false },
		{ "OFPORT", "ofport", true },
		{ "BRIDGE", "bridge", false },
		{ "PORT GROUP", "portgroup", false },
		{ "TYPE", "type", false },
		{ "VLAN", "vlan", true },
		{ "TRUNK", "trunk", false },
		{ "LINK", "link", false },
		{ "ADDRESSES", "macs", true },
		{ "ERROR", "error", false },
	};

	LIST(columns, result);
}

void cli_print_neighbors(struct cli *cli, const json_t *result)
{
	static const struct cli_column columns[] = {
		{ "PORT", "port", false },
		{ "DEVICE", "device", false },
		{ "SYSTEM", "system_name", false },
		{ "CHASSIS", "chassis_id", false },
		{ "THEIR PORT", "port_id", false },
		{ "DESCRIPTION", "port_description", false },
		{ "VLAN", "vlan", true },
		{ "ADDRESSES", "management_addresses", false },
		{ "AGE S", "age_s", true },
	};

	LIST(columns, result);
}

void cli_print_mirrors(struct cli *cli, const json_t *result)
{
	static const struct cli_column columns[] = {
		{ "NAME", "name", false },
		{ "BRIDGE", "bridge", false },
		{ "ALL", "select_all", false },
		{ "FROM", "select_src_port", false },
		{ "TO", "select_dst_port", false },
		{ "VLANS", "select_vlan", false },
		{ "OUTPUT PORT", "output_port", false },
		{ "OUTPUT VLAN", "output_vlan", true },
		{ "TX PACKETS", "tx_packets", true },
		{ "TX BYTES", "tx_bytes", true },
	};

	LIST(columns, result);
}

void cli_print_fdb(struct cli *cli, const json_t *result)
{
	static const struct cli_column columns[] = {
		{ "BRIDGE", "bridge", false },
		{ "VLAN", "vlan", true },
		{ "MAC", "mac", false },
		{ "PORT", "port", false },
		{ "AGE S", "age_s", true },
		{ "STATIC", "static", false },
	};

	cli_table_list_block(columns, sizeof(columns) / sizeof(columns[0]), result, !cli->goes_on);
}

void cli_print_workers(struct cli *cli, const json_t *result)
{
	static const struct cli_column columns[] = {
		{ "WORKER", "worker", true },
		{ "CPU", "cpu", true },
		{ "POLL", "poll", false },
		{ "RX QUEUES", "rx_queues", true },
	};

	LIST(columns, result);
}

void cli_print_flushed(struct cli *cli, const json_t *result)
{
	json_int_t n = json_integer_value(json_object_get(result, "flushed"));

	printf("%" JSON_INTEGER_FORMAT " %s forgotten\n", n, n == 1 ? "address" : "addresses");
}

void cli_print_version(struct cli *cli, const json_t *result)
{
	cli_print_field(result, "shunt", sh_version());
	cli_print_object(cli, result);
}
