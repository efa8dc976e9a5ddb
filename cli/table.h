/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tables with aligned columns on stdout, by libsmartcols. A row may have a parent, which makes the
 * first column a tree.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct cli_table;
struct libscols_line;

struct cli_column {
	const char *header;
	const char *key; /* of the JSON object in a row; NULL where the caller fills the cell */
	bool right;
};

struct cli_table *cli_table_new(const struct cli_column *columns, unsigned n, bool tree);
void cli_table_free(struct cli_table *table);

/** A row from a JSON object, by the columns' keys; object may be NULL for an empty row. */
struct libscols_line *cli_table_row(
	struct cli_table *table, struct libscols_line *parent, const json_t *object);
void cli_table_set(struct libscols_line *row, unsigned column, const char *text);
void cli_table_print(struct cli_table *table);

/** Print an array of objects. */
void cli_table_list(const struct cli_column *columns, unsigned n, const json_t *array);

/** The same, in blocks: the first one alone has a heading. */
void cli_table_list_on(
	const struct cli_column *columns, unsigned n, const json_t *array, bool heading);

/**
 * A JSON value as people read it: lists with commas, reals with one decimal, nothing for null.
 *
 * return:  text to be freed, NULL when out of memory
 */
char *cli_text(const json_t *value);
