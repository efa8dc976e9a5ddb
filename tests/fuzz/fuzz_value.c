/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any text as the value of any field: what is accepted is canonical, stays itself when checked
 * again, and comes back the same from JSON. The first byte chooses the field; the text is also
 * tried as a JSON value.
 */
#include <string.h>

#include "api/value.h"
#include "fuzz.h"

static const struct api_field *choose(unsigned number)
{
	unsigned n = 0;

	for (unsigned noun = 0; noun < API_N_NOUNS; noun++)
		n += api_tables[noun].n_fields;
	number %= n;
	for (unsigned noun = 0; noun < API_N_NOUNS; noun++) {
		if (number < api_tables[noun].n_fields)
			return &api_tables[noun].fields[number];
		number -= api_tables[noun].n_fields;
	}
	return NULL;
}

/* What passed once passes for ever, and JSON does not change it. */
static void check_accepted(const struct api_field *field, const char *canonical)
{
	char again[API_VALUE_LEN];
	struct sh_err err = { "" };
	json_t *value;

	CHECK(strlen(canonical) < API_VALUE_LEN);
	CHECK(api_value_check(field, canonical, again, &err) == 0);
	CHECK(strcmp(again, canonical) == 0);
	value = api_value_to_json(field, canonical);
	/* A text need not be UTF-8, JSON must be. */
	if (!value) {
		CHECK(field->type == API_TYPE_TEXT || field->type == API_TYPE_TEXTS);
		return;
	}
	CHECK(api_value_from_json(field, value, again, &err) == 0);
	CHECK(strcmp(again, canonical) == 0);
	json_decref(value);
}

static void try_json(const struct api_field *field, const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	char canonical[API_VALUE_LEN];
	struct sh_err err = { "" };

	if (!value)
		return;
	if (api_value_from_json(field, value, canonical, &err) == 0)
		check_accepted(field, canonical);
	else
		CHECK(err.text[0]);
	json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char canonical[API_VALUE_LEN];
	const struct api_field *field;
	struct sh_err err = { "" };
	char *text;

	if (size < 1)
		return 0;
	field = choose(data[0]);
	text = fuzz_text(data + 1, size - 1);
	if (api_value_check(field, text, canonical, &err) == 0)
		check_accepted(field, canonical);
	else
		CHECK(strstr(err.text, field->name));
	try_json(field, text);
	free(text);
	return 0;
}
