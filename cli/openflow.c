/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lists of what OpenFlow has made: flows, groups, meters, tables. Actions, buckets and bands are in
 * ovs-ofctl's words, so that what is printed can be given back to it.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "table.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

void cli_print_flows(struct cli *cli, const json_t *result)
{
	static const struct cli_column columns[] = {
		{ "BRIDGE", "bridge", false },
		{ "TABLE", "table", true },
		{ "PRIORITY", "priority", true },
		{ "PACKETS", "n_packets", true },
		{ "BYTES", "n_bytes", true },
		{ "MATCH", "match", false },
		{ "ACTIONS", "actions", false },
	};

	cli_table_list_block(columns, N(columns), result, !cli->goes_on);
}

/* A number of a key that is there, between two texts. */
static void put_number(
	FILE *f, const json_t *object, const char *key, const char *before, const char *behind)
{
	const json_t *value = json_object_get(object, key);

	if (value)
		fprintf(f, "%s%" JSON_INTEGER_FORMAT "%s", before, json_integer_value(value),
			behind);
}

/* A weight of 1 is what a bucket of a select group has if it says nothing. */
static bool tells_weight(const json_t *group, const json_t *bucket)
{
	const char *type = json_string_value(json_object_get(group, "type"));

	return type && strcmp(type, "select") == 0 &&
	       json_integer_value(json_object_get(bucket, "weight")) != 1;
}

static void put_bucket(FILE *f, const json_t *group, const json_t *bucket)
{
	const char *actions = json_string_value(json_object_get(bucket, "actions"));

	fputs("bucket=", f);
	if (tells_weight(group, bucket))
		put_number(f, bucket, "weight", "weight:", ",");
	put_number(f, bucket, "watch_port", "watch_port:", ",");
	put_number(f, bucket, "watch_group", "watch_group:", ",");
	fprintf(f, "actions=%s", actions ? actions : "");
}

static char *buckets_text(const json_t *group)
{
	json_t *bucket;
	char *text = NULL;
	size_t size, i;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	json_array_foreach (json_object_get(group, "buckets"), i, bucket) {
		if (i > 0)
			fputc(',', f);
		put_bucket(f, group, bucket);
	}
	fclose(f);
	return text;
}

void cli_print_groups(struct cli *cli, const json_t *result)
{
	enum {
		COLUMN_BUCKETS = 5,
	};
	static const struct cli_column columns[] = {
		{ "BRIDGE", "bridge", false },
		{ "GROUP", "group", true },
		{ "TYPE", "type", false },
		{ "PACKETS", "n_packets", true },
		{ "USED BY", "refs", true },
		[COLUMN_BUCKETS] = { "BUCKETS", NULL, false },
	};

	cli_table_list_with(columns, N(columns), result, COLUMN_BUCKETS, buckets_text);
}

static char *bands_text(const json_t *meter)
{
	json_t *band;
	char *text = NULL;
	size_t size, i;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fputs("bands=", f);
	json_array_foreach (json_object_get(meter, "bands"), i, band) {
		const char *type = json_string_value(json_object_get(band, "type"));

		fprintf(f, "%stype=%s", i ? " " : "", type ? type : "");
		put_number(f, band, "rate", " rate=", "");
		put_number(f, band, "burst", " burst_size=", "");
		put_number(f, band, "prec_level", " prec_level=", "");
	}
	fclose(f);
	return text;
}

void cli_print_meters(struct cli *cli, const json_t *result)
{
	enum {
		COLUMN_BANDS = 5,
	};
	static const struct cli_column columns[] = {
		{ "BRIDGE", "bridge", false },
		{ "METER", "meter", true },
		{ "UNIT", "unit", false },
		{ "FLOWS", "flows", true },
		{ "PACKETS", "n_packets", true },
		[COLUMN_BANDS] = { "BANDS", NULL, false },
	};

	cli_table_list_with(columns, N(columns), result, COLUMN_BANDS, bands_text);
}

static char *memory_text(const json_t *table)
{
	return cli_size_text(json_object_get(table, "memory_bytes"));
}

void cli_print_tables(struct cli *cli, const json_t *result)
{
	enum {
		COLUMN_MEMORY = 5,
	};
	static const struct cli_column columns[] = {
		{ "BRIDGE", "bridge", false },
		{ "TABLE", "table", true },
		{ "FLOWS", "flows", true },
		{ "MASKS", "masks", true },
		{ "PROBES", "probes", true },
		[COLUMN_MEMORY] = { "MEMORY", NULL, true },
		{ "LOOKUPS", "lookups", true },
		{ "MATCHES", "matches", true },
	};

	cli_table_list_with(columns, N(columns), result, COLUMN_MEMORY, memory_text);
}
