/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The model's own operations: look up, set, append, remove, copy, compare.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/value.h"
#include "conf/conf.h"

void conf_init(struct conf *conf)
{
	memset(conf, 0, sizeof(*conf));
}

static void item_done(struct conf_item *item)
{
	for (unsigned i = 0; i < API_MAX_FIELDS; i++)
		free(item->v[i]);
	for (unsigned i = 0; i < API_MAX_NESTED; i++)
		conf_items_done(&item->nested[i]);
	for (unsigned i = 0; i < API_MAX_LISTS; i++) {
		for (uint32_t k = 0; k < item->lists[i].n; k++)
			free(item->lists[i].texts[k]);
		free(item->lists[i].texts);
	}
}

void conf_items_done(struct conf_items *items)
{
	for (uint32_t i = 0; i < items->n; i++)
		item_done(&items->items[i]);
	free(items->items);
	memset(items, 0, sizeof(*items));
}

void conf_done(struct conf *conf)
{
	for (int noun = 0; noun < API_N_KEYS; noun++)
		conf_items_done(&conf->of[noun]);
}

static int items_copy(const struct conf_items *items, struct conf_items *ret);

static int item_copy(const struct conf_item *item, struct conf_item *ret)
{
	for (unsigned i = 0; i < API_MAX_FIELDS; i++) {
		if (!item->v[i])
			continue;
		ret->v[i] = strdup(item->v[i]);
		if (!ret->v[i])
			return -ENOMEM;
	}
	for (unsigned i = 0; i < API_MAX_NESTED; i++)
		if (items_copy(&item->nested[i], &ret->nested[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* What was copied so far is the caller's to free. */
static int items_copy(const struct conf_items *items, struct conf_items *ret)
{
	if (items->n == 0)
		return 0;
	ret->items = calloc(items->n, sizeof(*items->items));
	if (!ret->items)
		return -ENOMEM;
	ret->n = items->n;
	for (uint32_t i = 0; i < items->n; i++)
		if (item_copy(&items->items[i], &ret->items[i]) < 0)
			return -ENOMEM;
	return 0;
}

int conf_copy(const struct conf *conf, struct conf *ret)
{
	conf_init(ret);
	for (int noun = 0; noun < API_N_KEYS; noun++) {
		if (items_copy(&conf->of[noun], &ret->of[noun]) < 0) {
			conf_done(ret);
			return -ENOMEM;
		}
	}
	return 0;
}

const char *conf_get(const struct conf_item *item, enum api_noun noun, const char *field)
{
	int i = api_field_index(noun, field);

	assert(i >= 0);
	return item ? item->v[i] : NULL;
}

const char *conf_get_or_default(const struct conf_item *item, enum api_noun noun, const char *field)
{
	const char *text = conf_get(item, noun, field);

	return text ? text : api_field_find(noun, field)->def;
}

uint64_t conf_get_uint(
	const struct conf_item *item, enum api_noun noun, const char *field, uint64_t otherwise)
{
	const char *text = conf_get(item, noun, field);
	uint64_t value;

	return text && api_parse_uint(text, &value) == 0 ? value : otherwise;
}

int conf_set(struct conf_item *item, enum api_noun noun, const char *field, const char *value)
{
	int i = api_field_index(noun, field);
	char *copy = value ? strdup(value) : NULL;

	assert(i >= 0);
	if (value && !copy)
		return -ENOMEM;
	free(item->v[i]);
	item->v[i] = copy;
	return 0;
}

bool conf_item_is_empty(const struct conf_item *item, enum api_noun noun)
{
	for (unsigned i = 0; i < api_tables[noun].n_fields; i++)
		if (!conf_equal_field(noun, i, item, NULL))
			return false;
	return true;
}

int conf_find(const struct conf *conf, enum api_noun noun, const char *name, uint32_t hint)
{
	const struct conf_items *items = &conf->of[noun];
	char key[CONF_KEY_LEN];

	if (hint < items->n) {
		conf_key(noun, &items->items[hint], key);
		if (strcmp(key, name) == 0)
			return (int)hint;
	}
	for (uint32_t i = 0; i < items->n; i++) {
		conf_key(noun, &items->items[i], key);
		if (strcmp(key, name) == 0)
			return (int)i;
	}
	return -1;
}

const struct conf_item *conf_item(const struct conf *conf, enum api_noun noun, const char *name)
{
	int i = name ? conf_find(conf, noun, name, 0) : -1;

	return i < 0 ? NULL : &conf->of[noun].items[i];
}

struct conf_item *conf_append_nested(struct conf_items *items)
{
	struct conf_item *grown =
		realloc(items->items, ((size_t)items->n + 1) * sizeof(*items->items));

	if (!grown)
		return NULL;
	items->items = grown;
	memset(&grown[items->n], 0, sizeof(grown[0]));
	return &grown[items->n++];
}

struct conf_item *conf_append(struct conf *conf, enum api_noun noun)
{
	return conf_append_nested(&conf->of[noun]);
}

void conf_remove(struct conf *conf, enum api_noun noun, uint32_t index)
{
	struct conf_items *items = &conf->of[noun];

	item_done(&items->items[index]);
	items->n--;
	memmove(&items->items[index], &items->items[index + 1],
		(items->n - index) * sizeof(*items->items));
}

const struct conf_items *conf_nested(
	const struct conf_item *item, enum api_noun noun, const char *field)
{
	static const struct conf_items none;
	const struct api_field *f = api_field_find(noun, field);

	assert(f && api_field_is_nested(f));
	return item ? &item->nested[api_field_slot(noun, f)] : &none;
}

static bool equal_items(enum api_noun noun, const struct conf_items *a, const struct conf_items *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t k = 0; k < a->n; k++)
		for (unsigned i = 0; i < api_tables[noun].n_fields; i++)
			if (!conf_equal_field(noun, i, &a->items[k], &b->items[k]))
				return false;
	return true;
}

bool conf_equal_field(
	enum api_noun noun, unsigned i, const struct conf_item *a, const struct conf_item *b)
{
	const struct api_field *field = &api_tables[noun].fields[i];
	const char *x = a ? a->v[i] : NULL, *y = b ? b->v[i] : NULL;

	if (api_field_is_nested(field))
		return equal_items(field->ref, conf_nested(a, noun, field->name),
			conf_nested(b, noun, field->name));
	return x == y || (x && y && strcmp(x, y) == 0);
}

bool conf_list_has(const char *list, const char *text)
{
	size_t len = strlen(text);

	for (;;) {
		size_t n = strcspn(list, ",");

		if (n == len && memcmp(list, text, n) == 0)
			return true;
		if (list[n] == '\0')
			return false;
		list += n + 1;
	}
}

const char *conf_noun(enum api_noun noun)
{
	switch (noun) {
	case API_PORTGROUP:
		return "port group";
	case API_FDB:
		return "static entry";
	case API_SRIOV:
		return "PF";
	case API_VM:
		return "VM";
	default:
		return api_tables[noun].noun;
	}
}

void conf_key(enum api_noun noun, const struct conf_item *item, char ret[CONF_KEY_LEN])
{
	/* The name is the first field of every table that has one, a PF's as well. */
	const char *name = item->v[0];

	if (api_tables[noun].single)
		name = api_tables[noun].noun;
	if (noun != API_FDB) {
		snprintf(ret, CONF_KEY_LEN, "%s", name ? name : "");
		return;
	}
	snprintf(ret, CONF_KEY_LEN, "%s %s %s", name ? name : "",
		conf_get_or_default(item, noun, "vlan"),
		conf_get(item, noun, "mac") ? conf_get(item, noun, "mac") : "");
}
