/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The model: what is configured, as canonical texts in the order of the field tables
 * (api/fields.h). NULL is "not given". Parsing, checking, planning and applying are other files;
 * nothing here or in those that parse touches the system. Any thread, one at a time for a model.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/fields.h"
#include "base/err.h"

#define CONF_KEY_LEN 160

struct conf_item;

struct conf_items {
	struct conf_item *items;
	uint32_t n;
};

/* One bridge, port, ...; v in the order of its noun's table. Nested items are in nested, by
 * api_field_slot, and their fields' v is NULL; one without items is "not given". lists are the YAML
 * form of list fields, by api_field_list_slot, there only while the YAML is read or written; v
 * holds them with commas. */
struct conf_item {
	char *v[API_MAX_FIELDS];
	struct conf_items nested[API_MAX_NESTED];
	struct conf_list {
		char **texts;
		uint32_t n;
	} lists[API_MAX_LISTS];
};

struct conf {
	struct conf_items of[API_N_KEYS];
};

/* Where in a configuration an error is. */
struct conf_where {
	enum api_noun noun;
	int index;         /* -1: nowhere in particular */
	const char *field; /* NULL: the item as a whole */
	const char *list;  /* NULL, or the nested field of the item that `field` is inside of, */
	int list_index;    /* and which of its items */
};

void conf_init(struct conf *conf);
void conf_done(struct conf *conf);

/** errors: -ENOMEM; ret is then empty. */
int conf_copy(const struct conf *conf, struct conf *ret);

/** return: the value's text, NULL when it is not given. An unknown field is the caller's bug. */
const char *conf_get(const struct conf_item *item, enum api_noun noun, const char *field);

/** Like conf_get, but the table's default when it is not given. */
const char *conf_get_or_default(
	const struct conf_item *item, enum api_noun noun, const char *field);

uint64_t conf_get_uint(
	const struct conf_item *item, enum api_noun noun, const char *field, uint64_t otherwise);

/** Set a checked value; NULL removes it. errors: -ENOMEM. */
int conf_set(struct conf_item *item, enum api_noun noun, const char *field, const char *value);

/** return: index of the item of that name, -1 when there is none. hint: where it probably is. */
int conf_find(const struct conf *conf, enum api_noun noun, const char *name, uint32_t hint);

/** The item of that name, or NULL. */
const struct conf_item *conf_item(const struct conf *conf, enum api_noun noun, const char *name);

/** Append an empty item. return: NULL when out of memory. */
struct conf_item *conf_append(struct conf *conf, enum api_noun noun);
void conf_remove(struct conf *conf, enum api_noun noun, uint32_t index);

/** The items that a nested field of an item holds; none for a NULL item. */
const struct conf_items *conf_nested(
	const struct conf_item *item, enum api_noun noun, const char *field);

/** Append an empty item to a nested field. return: NULL when out of memory. */
struct conf_item *conf_append_nested(struct conf_items *items);

/** Free the items; none are left. */
void conf_items_done(struct conf_items *items);

/** True when no field is given. */
bool conf_item_is_empty(const struct conf_item *item, enum api_noun noun);

/** True when two items of a noun, either of which may be NULL, give field number i the same. */
bool conf_equal_field(
	enum api_noun noun, unsigned i, const struct conf_item *a, const struct conf_item *b);

/** Whether a list, as a text with commas, has this text. */
bool conf_list_has(const char *list, const char *text);

/** The noun for people: "port group", "PF". */
const char *conf_noun(enum api_noun noun);

/** What tells an item from its likes: its name; "br0 100 02:00:00:00:00:01"; the noun's. */
void conf_key(enum api_noun noun, const struct conf_item *item, char ret[CONF_KEY_LEN]);
