/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Counters: tables for ports and workers, and the drop reasons of one port.
 */
#include <stdio.h>

#include "cli.h"
#include "table.h"

/* Of an interface that the switch shares with the host. */
static void print_shares(const json_t *port)
{
	static const char *const names[][2] = { { "host_packets", "to the host alone" },
		{ "shared_packets", "to the host too" } };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const json_t *count = json_object_get(port, names[i][0]);

		if (count)
			printf("%-26s %12" JSON_INTEGER_FORMAT "\n", names[i][1],
				json_integer_value(count));
	}
}

/* The device's own, but for what is 0: a NIC has many. */
static void print_hw(const json_t *ports)
{
	const char *name;
	json_t *port, *n;
	size_t i;

	json_array_foreach (ports, i, port)
		json_object_foreach (json_object_get(port, "hw"), name, n)
			if (json_integer_value(n))
				printf("%s hw %-32s %12" JSON_INTEGER_FORMAT "\n",
					json_string_value(json_object_get(port, "name")), name,
					json_integer_value(n));
}

void cli_print_port_stats(struct cli *cli, const json_t *result)
{
	static const struct cli_column columns[] = {
		{ "NAME", "name", false },
		{ "RX PACKETS", "rx_packets", true },
		{ "RX BYTES", "rx_bytes", true },
		{ "RX DROPPED", "rx_dropped", true },
		{ "COPIED", "rx_copied", true },
		{ "MISSED", "rx_missed", true },
		{ "TX PACKETS", "tx_packets", true },
		{ "TX BYTES", "tx_bytes", true },
		{ "TX DROPPED", "tx_dropped", true },
	};
	const char *reason;
	json_t *count;

	cli_table_list(columns, sizeof(columns) / sizeof(columns[0]), result);
	print_hw(result);
	if (!cli->args.operand)
		return;
	json_object_foreach (json_object_get(json_array_get(result, 0), "drops"), reason, count)
		printf("dropped %-18s %12" JSON_INTEGER_FORMAT "\n", reason,
			json_integer_value(count));
	print_shares(json_array_get(result, 0));
}

void cli_print_worker_stats(struct cli *cli, const json_t *result)
{
	static const struct cli_column columns[] = {
		{ "WORKER", "worker", true },
		{ "CPU", "cpu", true },
		{ "RX PACKETS", "rx_packets", true },
		{ "TX PACKETS", "tx_packets", true },
		{ "COPIED", "copied", true },
		{ "DROPPED", "dropped", true },
		{ "BUSY CYCLES", "busy_cycles", true },
		{ "IDLE CYCLES", "idle_cycles", true },
		{ "CYCLES/PACKET", "cycles_per_packet", true },
	};

	cli_table_list(columns, sizeof(columns) / sizeof(columns[0]), result);
}
