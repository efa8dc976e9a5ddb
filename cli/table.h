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

/** The same for one block of a list; only the first has a heading. */
void cli_table_list_block(
	const struct cli_column *columns, unsigned n, const json_t *array, bool heading);

/** The same, the cells of one column being texts, to be freed, that a function makes of each row.
 */
void cli_table_list_with(const struct cli_column *columns, unsigned n, const json_t *array,
	unsigned column, char *(*cell)(const json_t *object));

/** "512M", "1.3G": bytes in the unit that people say them in; a text to be freed. */
char *cli_size_text(const json_t *bytes);

/**
 * A JSON value as people read it: lists with commas, reals with one decimal, nothing for null.
 *
 * return:  text to be freed, NULL when out of memory
 */
char *cli_text(const json_t *value);
