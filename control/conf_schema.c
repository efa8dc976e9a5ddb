/* SPDX-License-Identifier: BSD-3-Clause
 *
 * libcyaml's schema, filled in once from the field tables. It says which keys there are and what is
 * a mapping, a list or a scalar; each scalar is a text here, and api_value_check knows its type, so
 * that YAML, JSON and the command line are checked by the same code. Any thread after the first
 * call.
 */
#include <stddef.h>

#include "conf.h"
#include "conf_schema.h"

static cyaml_schema_value_t item_schema[API_N_NOUNS];
static cyaml_schema_field_t item_fields[API_N_NOUNS][API_MAX_FIELDS + 1];
static cyaml_schema_field_t top_fields[API_N_NOUNS + 1];
static cyaml_schema_value_t top_schema;

static const cyaml_schema_value_t list_entry = {
	.type = CYAML_STRING,
	.flags = CYAML_FLAG_POINTER,
	.data_size = sizeof(char),
	.string = { .min = 0, .max = CYAML_UNLIMITED },
};

static bool is_list(const struct api_field *field)
{
	return field->type == API_TYPE_UINTS || field->type == API_TYPE_TEXTS;
}

/* Other YAML readers take 10:20:30:40:50:01 or 0000000000000001 for numbers. */
static bool needs_quotes(const struct api_field *field)
{
	return field->type == API_TYPE_MAC || field->type == API_TYPE_DPID ||
	       field->type == API_TYPE_VLANS || field->type == API_TYPE_TEXT;
}

static void fill_field(const struct api_field *field, unsigned i, cyaml_schema_field_t *ret)
{
	ret->key = field->name;
	ret->value.flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL;
	if (is_list(field)) {
		ret->data_offset = offsetof(struct conf_item, list);
		ret->count_offset = offsetof(struct conf_item, n_list);
		ret->count_size = sizeof(uint32_t);
		ret->value.type = CYAML_SEQUENCE;
		ret->value.flags |= CYAML_FLAG_FLOW;
		ret->value.data_size = sizeof(char *);
		ret->value.sequence.entry = &list_entry;
		ret->value.sequence.max = CYAML_UNLIMITED;
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
	const struct api_table *table = &api_tables[noun];
	cyaml_schema_value_t *item = &item_schema[noun];
	cyaml_schema_field_t *top = &top_fields[noun];

	for (unsigned i = 0; i < table->n_fields; i++)
		fill_field(&table->fields[i], i, &item_fields[noun][i]);
	item->type = CYAML_MAPPING;
	item->data_size = sizeof(struct conf_item);
	item->mapping.fields = item_fields[noun];
	top->key = table->key;
	top->data_offset = (uint32_t)offsetof(struct conf, of[noun].items);
	if (table->single) {
		top->value = *item;
		top->value.flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL;
		return;
	}
	top->count_offset = (uint32_t)offsetof(struct conf, of[noun].n);
	top->count_size = sizeof(uint32_t);
	top->value.type = CYAML_SEQUENCE;
	top->value.flags = CYAML_FLAG_POINTER_NULL | CYAML_FLAG_OPTIONAL;
	top->value.data_size = sizeof(struct conf_item);
	top->value.sequence.entry = item;
	top->value.sequence.max = CYAML_UNLIMITED;
}

const cyaml_schema_value_t *conf_schema(void)
{
	if (!top_schema.data_size) {
		for (int noun = 0; noun < API_N_NOUNS; noun++)
			fill_noun((enum api_noun)noun);
		top_schema.type = CYAML_MAPPING;
		top_schema.flags = CYAML_FLAG_POINTER;
		top_schema.mapping.fields = top_fields;
		top_schema.data_size = sizeof(struct conf);
	}
	return &top_schema;
}
