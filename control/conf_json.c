/* SPDX-License-Identifier: BSD-3-Clause
 *
 * JSON objects and items. Pure.
 */
#include <errno.h>
#include <stdio.h>

#include "api/value.h"
#include "conf_json.h"

json_t *conf_item_to_json(const struct conf_item *item, enum api_noun noun)
{
	const struct api_table *table = &api_tables[noun];
	json_t *object = json_object();

	for (unsigned i = 0; object && i < table->n_fields; i++) {
		const struct api_field *field = &table->fields[i];

		if (item->v[i] && json_object_set_new(object, field->name,
					  api_value_to_json(field, item->v[i])) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static int unknown_field(enum api_noun noun, const char *key, struct sh_err *err)
{
	const struct api_table *table = &api_tables[noun];
	char allowed[384];
	size_t n = 0;

	for (unsigned i = 0; i < table->n_fields && n < sizeof(allowed); i++)
		n += (size_t)snprintf(allowed + n, sizeof(allowed) - n, "%s%s", i ? ", " : "",
			table->fields[i].name);
	return sh_err_set(err, -EINVAL, "unknown field '%.64s'; allowed: %s", key, allowed);
}

int conf_item_from_json(
	struct conf_item *item, enum api_noun noun, const json_t *object, struct sh_err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		const struct api_field *field = api_field_find(noun, key);
		char text[API_VALUE_LEN];
		const char *set = text;

		if (!field)
			return unknown_field(noun, key, err);
		if (json_is_null(value))
			set = NULL;
		else if (api_value_from_json(field, value, text, err) < 0)
			return -EINVAL;
		if (conf_set(item, noun, key, set && *set ? set : NULL) < 0)
			return sh_err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

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

json_t *conf_to_json(const struct conf *conf)
{
	json_t *object = json_object();

	for (enum api_noun noun = 0; object && noun < API_N_NOUNS; noun++) {
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
