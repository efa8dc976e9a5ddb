/* SPDX-License-Identifier: BSD-3-Clause
 *
 * libcyaml's schema, filled in once from the field tables. It says which keys there are and what is
 * a mapping, a list or a scalar; each scalar is a text here, and api_value_check knows its type, so
 * that YAML, JSON and the command line are checked by the same code. Any thread after the first
 * call.
 */
#include <stddef.h>

#include "conf/conf.h"
#include "schema.h"

static cyaml_schema_value_t item_schema[API_N_NOUNS];
static cyaml_schema_field_t item_fields[API_N_NOUNS][API_MAX_FIELDS + 1];
static cyaml_schema_field_t top_fields[API_N_KEYS + 1];
static cyaml_schema_value_t top_schema;

static const cyaml_schema_value_t list_entry = {
	.type = CYAML_STRING,
	.flags = CYAML_FLAG_POINTER,
	.data_size = sizeof(char),
	.string = { .min = 0, .max = CYAML_UNLIMITED },
};

/* Other YAML readers take 10:20:30:40:50:01 or 0000000000000001 for numbers. */
static bool needs_quotes(const struct api_field *field)
{
	return field->type == API_TYPE_MAC || field->type == API_TYPE_DPID ||
	       field->type == API_TYPE_VLANS || field->type == API_TYPE_TEXT ||
	       field->type == API_TYPE_RANGE;
}

/* Items of a noun, or its one item, in the struct conf_items at offset. */
static void fill_items(enum api_noun noun, size_t offset, cyaml_schema_field_t *ret)
{
	ret->key = api_tables[noun].key;
	ret->data_offset = (uint32_t)(offset + offsetof(struct conf_items, items));
	if (api_tables[noun].single) {
		ret->value = item_schema[noun];
		ret->value.flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL;
		return;
	}
	ret->count_offset = (uint32_t)(offset + offsetof(struct conf_items, n));
	ret->count_size = sizeof(uint32_t);
	ret->value.type = CYAML_SEQUENCE;
	ret->value.flags = CYAML_FLAG_POINTER_NULL | CYAML_FLAG_OPTIONAL;
	ret->value.data_size = sizeof(struct conf_item);
	ret->value.sequence.entry = &item_schema[noun];
	ret->value.sequence.max = CYAML_UNLIMITED;
}

static void fill_list(unsigned slot, cyaml_schema_field_t *ret)
{
	size_t at = offsetof(struct conf_item, lists) + slot * sizeof(struct conf_list);

	ret->data_offset = (uint32_t)(at + offsetof(struct conf_list, texts));
	ret->count_offset = (uint32_t)(at + offsetof(struct conf_list, n));
	ret->count_size = sizeof(uint32_t);
	ret->value.type = CYAML_SEQUENCE;
	ret->value.flags |= CYAML_FLAG_FLOW;
	ret->value.data_size = sizeof(char *);
	ret->value.sequence.entry = &list_entry;
	ret->value.sequence.max = CYAML_UNLIMITED;
}

static void fill_field(enum api_noun noun, unsigned i, cyaml_schema_field_t *ret)
{
	const struct api_field *field = &api_tables[noun].fields[i];

	if (api_field_is_nested(field)) {
		fill_items(field->ref,
			offsetof(struct conf_item, nested) +
				api_field_slot(noun, field) * sizeof(struct conf_items),
			ret);
		return;
	}
	ret->key = field->name;
	ret->value.flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL;
	if (api_field_is_list(field)) {
		fill_list(api_field_list_slot(noun, field), ret);
		return;
	}
	ret->data_offset = (uint32_t)(offsetof(struct conf_item, v) + i * sizeof(char *));
	ret->value.type = CYAML_STRING;
	if (needs_quotes(field))
		ret->value.flags |= CYAML_FLAG_SCALAR_QUOTE_DOUBLE;
	ret->value.data_size = sizeof(char);
	ret->value.string.max = CYAML_UNLIMITED;
}

static void fill_noun(enum api_noun noun)
{
	cyaml_schema_value_t *item = &item_schema[noun];

	for (unsigned i = 0; i < api_tables[noun].n_fields; i++)
		fill_field(noun, i, &item_fields[noun][i]);
	item->type = CYAML_MAPPING;
	item->data_size = sizeof(struct conf_item);
	item->mapping.fields = item_fields[noun];
}

const cyaml_schema_value_t *conf_schema(void)
{
	if (!top_schema.data_size) {
		/* Backwards: nested nouns come last, and their schema is part of others'. */
		for (int noun = API_N_NOUNS - 1; noun >= 0; noun--)
			fill_noun((enum api_noun)noun);
		for (int noun = 0; noun < API_N_KEYS; noun++)
			fill_items((enum api_noun)noun,
				offsetof(struct conf, of) +
					(size_t)noun * sizeof(struct conf_items),
				&top_fields[noun]);
		top_schema.type = CYAML_MAPPING;
		top_schema.flags = CYAML_FLAG_POINTER;
		top_schema.mapping.fields = top_fields;
		top_schema.data_size = sizeof(struct conf);
	}
	return &top_schema;
}
