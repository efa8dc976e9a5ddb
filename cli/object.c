/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One object, a field a line. What a field holds of its own is key=value behind it, as it is given
 * on the command line; a line each where there are several, so that grep finds them; and where that
 * is not enough, indented below it.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli.h"
#include "table.h"

#define MIN_WIDTH 18
#define INDENT    2

static int width_of(const json_t *object)
{
	size_t width = MIN_WIDTH;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value)
		if (strlen(key) > width)
			width = strlen(key);
	return (int)width;
}

static void print_line(int indent, int width, const char *key, const char *text)
{
	printf("%*s%-*s%s%s\n", indent, "", *text ? width : 0, key, *text ? " " : "", text);
}

void cli_print_field(const json_t *object, const char *key, const char *text)
{
	print_line(0, width_of(object), key, text);
}

static bool is_items(const json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static bool is_flat(const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value)
		if (json_is_object(value) || is_items(value))
			return false;
	return true;
}

/* A value with blanks is in quotes, or nobody could tell where it ends. */
static char *pairs_text(const json_t *object)
{
	char *text = NULL;
	const char *key;
	json_t *value;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	json_object_foreach ((json_t *)object, key, value) {
		_cleanup_free_ char *one = cli_text(value);
		const char *quote = one && (!*one || strpbrk(one, " \t\"")) ? "\"" : "";

		fprintf(f, "%s%s=%s%s%s", ftell(f) ? " " : "", key, quote, one ? one : "", quote);
	}
	fclose(f);
	return text;
}

static void print_fields(int indent, const json_t *object);

static void print_value(int indent, int width, const char *key, const json_t *value)
{
	_cleanup_free_ char *text = NULL;
	json_t *item;
	size_t i;

	if (is_items(value)) {
		json_array_foreach (value, i, item)
			print_value(indent, width, key, item);
	} else if (json_is_object(value) && !is_flat(value)) {
		print_line(indent, width, key, "");
		print_fields(indent + INDENT, value);
	} else {
		text = json_is_object(value) ? pairs_text(value) : cli_text(value);
		print_line(indent, width, key, text ? text : "");
	}
}

static void print_fields(int indent, const json_t *object)
{
	int width = width_of(object) - indent;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value)
		print_value(indent, width, key, value);
}

void cli_print_object(struct cli *cli, const json_t *result)
{
	print_fields(0, result);
}
