/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The one place here that knows libsmartcols.
 */
#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "print.h"

/* Numbers as they are, true and false as on and off; nothing for null. */
static void cell_text(const json_t *value, char *ret, size_t size)
{
	*ret = '\0';
	if (json_is_string(value))
		snprintf(ret, size, "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(ret, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value))
		snprintf(ret, size, "%s", json_is_true(value) ? "on" : "off");
}

static bool has_value(const json_t *array, const char *key)
{
	size_t i;
	json_t *object;

	json_array_foreach (array, i, object) {
		const json_t *value = json_object_get(object, key);

		if (value && !json_is_null(value))
			return true;
	}
	return false;
}

static void fill_column(
	struct libscols_table *table, size_t at, const char *key, const json_t *array)
{
	size_t i;
	json_t *object;

	json_array_foreach (array, i, object) {
		char text[256];

		cell_text(json_object_get(object, key), text, sizeof(text));
		scols_line_set_data(scols_table_get_line(table, i), at, text);
	}
}

void print_table(const struct print_column *columns, unsigned n, const json_t *array)
{
	struct libscols_table *table = scols_new_table();
	size_t at = 0;

	for (size_t i = 0; table && i < json_array_size(array); i++)
		scols_table_new_line(table, NULL);
	for (unsigned i = 0; table && i < n; i++) {
		if (json_array_size(array) && !has_value(array, columns[i].key))
			continue;
		scols_table_new_column(
			table, columns[i].header, 0, columns[i].right ? SCOLS_FL_RIGHT : 0);
		fill_column(table, at++, columns[i].key, array);
	}
	if (table)
		scols_print_table(table);
	scols_unref_table(table);
}
