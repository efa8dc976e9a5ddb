/* SPDX-License-Identifier: BSD-3-Clause
 *
 * JSON objects and items. Pure.
 */
#include <errno.h>
#include <stdio.h>

#include "api/value.h"
#include "conf/json.h"

static json_t *items_to_json(const struct conf_items *items, enum api_noun noun)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < items->n; i++) {
		if (json_array_append_new(array, conf_item_to_json(&items->items[i], noun)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *conf_field_to_json(const struct conf_item *item, enum api_noun noun, unsigned i)
{
	const struct api_field *field = &api_tables[noun].fields[i];
	const struct conf_items *nested;

	if (!api_field_is_nested(field))
		return item && item->v[i] ? api_value_to_json(field, item->v[i]) : json_null();
	nested = conf_nested(item, noun, field->name);
	if (nested->n == 0)
		return json_null();
	return field->type == API_TYPE_ITEM ? conf_item_to_json(nested->items, field->ref)
					    : items_to_json(nested, field->ref);
}

json_t *conf_item_to_json(const struct conf_item *item, enum api_noun noun)
{
	const struct api_table *table = &api_tables[noun];
	json_t *object = json_object();

	for (unsigned i = 0; object && i < table->n_fields; i++) {
		json_t *value = conf_field_to_json(item, noun, i);

		if (json_is_null(value))
			continue;
		if (json_object_set_new(object, table->fields[i].name, value) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static int no_memory(struct sh_err *err)
{
	return sh_err_set(err, -ENOMEM, "out of memory");
}

static int nested_from_json(const struct api_field *field, struct conf_item *item,
	const json_t *object, int index, struct sh_err *err)
{
	char allowed[384];
	int r;

	if (!json_is_object(object))
		return sh_err_set(err, -EINVAL, "%s: this JSON value is not allowed: %s",
			field->name, api_field_allowed(field, allowed, sizeof(allowed)));
	r = conf_item_from_json(item, field->ref, object, err);
	if (r < 0 && index >= 0)
		return sh_err_prefix(err, r, "%s[%d]", field->name, index);
	return r < 0 ? sh_err_prefix(err, r, "%s", field->name) : 0;
}

/* A mapping is changed field by field, as the item around it is. */
static int item_from_json(const struct api_field *field, struct conf_items *items,
	const json_t *object, struct sh_err *err)
{
	int r;

	if (items->n == 0 && !conf_append_nested(items))
		return no_memory(err);
	r = nested_from_json(field, items->items, object, -1, err);
	if (r == 0 && conf_item_is_empty(items->items, field->ref))
		conf_items_done(items);
	return r;
}

/* A list takes the place of the one that was there. */
static int items_from_json(const struct api_field *field, struct conf_items *items,
	const json_t *array, struct sh_err *err)
{
	int r = 0;

	conf_items_done(items);
	if (!json_is_array(array))
		return nested_from_json(field, NULL, NULL, -1, err);
	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		struct conf_item *item = conf_append_nested(items);

		r = item ? nested_from_json(field, item, json_array_get(array, i), (int)i, err)
			 : no_memory(err);
	}
	return r;
}

static int field_from_json(struct conf_item *item, enum api_noun noun,
	const struct api_field *field, const json_t *value, struct sh_err *err)
{
	char text[API_VALUE_LEN] = "";

	if (!json_is_null(value) && api_value_from_json(field, value, text, err) < 0)
		return -EINVAL;
	/* An empty list says no more than none. */
	return conf_set(item, noun, field->name, *text ? text : NULL) < 0 ? no_memory(err) : 0;
}

static int nested_field_from_json(struct conf_item *item, enum api_noun noun,
	const struct api_field *field, const json_t *value, struct sh_err *err)
{
	struct conf_items *nested = &item->nested[api_field_slot(noun, field)];

	if (json_is_null(value)) {
		conf_items_done(nested);
		return 0;
	}
	return field->type == API_TYPE_ITEM ? item_from_json(field, nested, value, err)
					    : items_from_json(field, nested, value, err);
}

int conf_item_from_json(
	struct conf_item *item, enum api_noun noun, const json_t *object, struct sh_err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		const struct api_field *field = api_field_find(noun, key);
		char allowed[384];
		int r;

		if (!field)
			return sh_err_set(err, -EINVAL, "unknown field '%.64s'; allowed: %s", key,
				api_field_names(noun, allowed, sizeof(allowed)));
		r = api_field_is_nested(field)
			    ? nested_field_from_json(item, noun, field, value, err)
			    : field_from_json(item, noun, field, value, err);
		if (r < 0)
			return r;
	}
	return 0;
}

json_t *conf_to_json(const struct conf *conf)
{
	json_t *object = json_object();

	for (enum api_noun noun = 0; object && noun < API_N_KEYS; noun++) {
		const struct conf_items *items = &conf->of[noun];
		json_t *value;

		if (items->n == 0)
			continue;
		value = api_tables[noun].single ? conf_item_to_json(items->items, noun)
						: items_to_json(items, noun);
		if (json_object_set_new(object, api_tables[noun].key, value) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}
