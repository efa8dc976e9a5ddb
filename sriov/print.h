/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tables for people, by libsmartcols: a row from a JSON object, columns by its keys.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct print_column {
	const char *header;
	const char *key;
	bool right;
};

/** Print an array of objects; a column in which no row has a value is left out. */
void print_table(const struct print_column *columns, unsigned n, const json_t *array);
