/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Items inside an item on the command line: key=value,key=value, once for each of a list; or JSON.
 * A comma that no key= follows is part of the value before it: vcpu=0,cpus=2,3. What comes first
 * without a key is the value of the first: --memory 512M, --disks web1.raw,size=10G.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/value.h"
#include "base/cleanup.h"
#include "cli.h"

/* return: the word's end when it begins with a key of the noun and "=" */
static const char *key_end(enum api_noun noun, const char *word)
{
	size_t n = strcspn(word, "=,");
	char key[64];

	if (word[n] != '=' || n >= sizeof(key))
		return NULL;
	snprintf(key, sizeof(key), "%.*s", (int)n, word);
	return api_field_find(noun, key) ? word + n : NULL;
}

/* The value that begins at text ends before the next key. */
static size_t value_length(enum api_noun noun, const char *text)
{
	size_t n = strcspn(text, ",");

	while (text[n] == ',' && !key_end(noun, text + n + 1))
		n += 1 + strcspn(text + n + 1, ",");
	return n;
}

/* A value that cannot be right goes as it is, so that the daemon's sentence is the one shown. */
static json_t *value_json(enum api_noun noun, const char *key, const char *text)
{
	char canonical[API_VALUE_LEN];
	const struct api_field *field = api_field_find(noun, key);

	if (api_value_check(field, text, canonical, NULL) < 0)
		return json_string(text);
	return api_value_to_json(field, canonical);
}

static int take_pair(enum api_noun noun, const char **text, json_t *object)
{
	const char *end = key_end(noun, *text);
	_cleanup_free_ char *key = NULL, *value = NULL;
	size_t n;

	if (!end)
		return -EINVAL;
	key = strndup(*text, (size_t)(end - *text));
	n = value_length(noun, end + 1);
	value = strndup(end + 1, n);
	if (!key || !value)
		return -ENOMEM;
	*text = end + 1 + n;
	if (**text == ',')
		++*text;
	return json_object_set_new(object, key, value_json(noun, key, value)) < 0 ? -ENOMEM : 0;
}

static int take_first(enum api_noun noun, const char **text, json_t *object)
{
	size_t n = value_length(noun, *text);
	_cleanup_free_ char *value = strndup(*text, n);
	const char *key = api_tables[noun].fields[0].name;

	if (!value)
		return -ENOMEM;
	*text += n;
	if (**text == ',')
		++*text;
	return json_object_set_new(object, key, value_json(noun, key, value)) < 0 ? -ENOMEM : 0;
}

static json_t *pairs_json(enum api_noun noun, const char *text)
{
	json_t *object = json_object();

	/* With a "=" it is a key, if a wrong one. */
	if (object && *text && text[strcspn(text, "=,")] != '=' &&
		take_first(noun, &text, object) < 0) {
		json_decref(object);
		return NULL;
	}
	while (object && *text) {
		if (take_pair(noun, &text, object) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

json_t *cli_nested(const struct api_field *field, const char *text, const json_t *before)
{
	json_t *item, *array;

	if (*text == '[' || (*text == '{' && field->type == API_TYPE_ITEM))
		return json_loads(text, 0, NULL);
	item = *text == '{' ? json_loads(text, 0, NULL) : pairs_json(field->ref, text);
	if (!item || field->type == API_TYPE_ITEM)
		return item;
	array = json_is_array(before) ? json_copy((json_t *)(uintptr_t)before) : json_array();
	if (json_array_append_new(array, item) < 0) {
		json_decref(array);
		return NULL;
	}
	return array;
}
