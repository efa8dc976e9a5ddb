/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The one place that knows libsmartcols.
 */
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "table.h"

struct cli_table {
	struct libscols_table *scols;
	const struct cli_column *columns;
	unsigned n;
};

struct cli_table *cli_table_new(const struct cli_column *columns, unsigned n, bool tree)
{
	struct cli_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->scols = scols_new_table();
	if (!table->scols) {
		free(table);
		return NULL;
	}
	table->columns = columns;
	table->n = n;
	for (unsigned i = 0; i < n; i++)
		scols_table_new_column(table->scols, columns[i].header, 0,
			(columns[i].right ? SCOLS_FL_RIGHT : 0) |
				(tree && i == 0 ? SCOLS_FL_TREE : 0));
	return table;
}

void cli_table_free(struct cli_table *table)
{
	if (!table)
		return;
	scols_unref_table(table->scols);
	free(table);
}

static char *join(const json_t *array)
{
	char *text = NULL;
	size_t size, i;
	json_t *value;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	json_array_foreach (array, i, value) {
		_cleanup_free_ char *one = cli_text(value);

		fprintf(f, "%s%s", i ? "," : "", one ? one : "");
	}
	fclose(f);
	return text;
}

char *cli_text(const json_t *value)
{
	char *text = NULL;
	int n = 0;

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		return strdup(json_string_value(value));
	case JSON_INTEGER:
		n = asprintf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		n = asprintf(&text, "%.1f", json_real_value(value));
		break;
	case JSON_TRUE:
		return strdup("true");
	case JSON_FALSE:
		return strdup("false");
	case JSON_ARRAY:
		return join(value);
	case JSON_OBJECT:
		return json_dumps(value, JSON_COMPACT);
	case JSON_NULL:
		return strdup("");
	}
	return n < 0 ? NULL : text;
}

void cli_table_set(struct libscols_line *row, unsigned column, const char *text)
{
	if (row)
		scols_line_set_data(row, column, text);
}

struct libscols_line *cli_table_row(
	struct cli_table *table, struct libscols_line *parent, const json_t *object)
{
	struct libscols_line *row = scols_table_new_line(table->scols, parent);

	for (unsigned i = 0; row && object && i < table->n; i++) {
		_cleanup_free_ char *text = NULL;

		if (!table->columns[i].key)
			continue;
		text = cli_text(json_object_get(object, table->columns[i].key));
		cli_table_set(row, i, text ? text : "");
	}
	return row;
}

void cli_table_print(struct cli_table *table)
{
	scols_print_table(table->scols);
}

char *cli_size_text(const json_t *bytes)
{
	static const char units[] = "KMGT";
	double n = (double)json_integer_value(bytes);
	const char *unit = units;
	char *text = NULL;

	if (n < 1024)
		return cli_text(bytes);
	for (n /= 1024; n >= 1024 && unit[1]; unit++)
		n /= 1024;
	if (asprintf(&text, "%.*f%c", n == (double)(json_int_t)n ? 0 : 1, n, *unit) < 0)
		return NULL;
	return text;
}

/* heading: whether there is one. cell: of that column; NULL: all are by their keys */
static void list(const struct cli_column *columns, unsigned n, const json_t *array, bool heading,
	unsigned column, char *(*cell)(const json_t *object))
{
	struct cli_table *table = cli_table_new(columns, n, false);
	json_t *object;
	size_t i;

	if (!table)
		return;
	scols_table_enable_noheadings(table->scols, !heading);
	json_array_foreach (array, i, object) {
		struct libscols_line *row = cli_table_row(table, NULL, object);
		_cleanup_free_ char *text = cell ? cell(object) : NULL;

		if (text)
			cli_table_set(row, column, text);
	}
	cli_table_print(table);
	cli_table_free(table);
}

void cli_table_list_with(const struct cli_column *columns, unsigned n, const json_t *array,
	unsigned column, char *(*cell)(const json_t *object))
{
	list(columns, n, array, true, column, cell);
}

void cli_table_list_block(
	const struct cli_column *columns, unsigned n, const json_t *array, bool heading)
{
	list(columns, n, array, heading, 0, NULL);
}

void cli_table_list(const struct cli_column *columns, unsigned n, const json_t *array)
{
	list(columns, n, array, true, 0, NULL);
}
