/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A second reading of the YAML text, by libyaml's document loader, for the line numbers of errors
 * that are found after libcyaml is done. Pure.
 */
#include <errno.h>
#include <string.h>

#include "lines.h"

/* What the reader refuses, it knows by its offset alone. */
static size_t problem_line(const yaml_parser_t *parser, const char *text, size_t len)
{
	size_t line = 1;

	if (parser->error != YAML_READER_ERROR)
		return parser->problem_mark.line + 1;
	for (size_t i = 0; i < len && i < parser->problem_offset; i++)
		line += text[i] == '\n';
	return line;
}

int conf_lines_init(struct conf_lines *lines, const char *text, size_t len, const char *file,
	struct sh_err *err)
{
	yaml_parser_t parser;
	int r = 0;

	memset(lines, 0, sizeof(*lines));
	if (!yaml_parser_initialize(&parser))
		return sh_err_set(err, -ENOMEM, "out of memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &lines->document)) {
		r = sh_err_set(err, parser.error == YAML_MEMORY_ERROR ? -ENOMEM : -EINVAL,
			"%s:%zu: not YAML: %s", file, problem_line(&parser, text, len),
			parser.problem ? parser.problem : "cannot be read");
		memset(lines, 0, sizeof(*lines));
	}
	yaml_parser_delete(&parser);
	return r;
}

void conf_lines_done(struct conf_lines *lines)
{
	yaml_document_delete(&lines->document);
}

static bool is_text(const yaml_node_t *node, const char *text)
{
	return node && node->type == YAML_SCALAR_NODE && node->data.scalar.length == strlen(text) &&
	       memcmp(node->data.scalar.value, text, strlen(text)) == 0;
}

/* The value of a key; *ret_line is the key's. */
static yaml_node_t *in_mapping(
	yaml_document_t *document, yaml_node_t *node, const char *key, unsigned *ret_line)
{
	if (!node || node->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(document, pair->key);

		if (!is_text(name, key))
			continue;
		*ret_line = (unsigned)name->start_mark.line + 1;
		return yaml_document_get_node(document, pair->value);
	}
	return NULL;
}

static yaml_node_t *in_sequence(
	yaml_document_t *document, yaml_node_t *node, int index, unsigned *ret_line)
{
	yaml_node_t *item;

	if (!node || node->type != YAML_SEQUENCE_NODE || index < 0 ||
		index >= node->data.sequence.items.top - node->data.sequence.items.start)
		return NULL;
	item = yaml_document_get_node(document, node->data.sequence.items.start[index]);
	if (item)
		*ret_line = (unsigned)item->start_mark.line + 1;
	return item;
}

unsigned conf_lines_of(struct conf_lines *lines, const struct conf_where *where)
{
	const struct api_table *table = &api_tables[where->noun];
	yaml_node_t *node = yaml_document_get_root_node(&lines->document);
	unsigned line = 1;

	if (where->index < 0)
		return line;
	node = in_mapping(&lines->document, node, table->key, &line);
	if (!table->single)
		node = in_sequence(&lines->document, node, where->index, &line);
	if (where->list) {
		node = in_mapping(&lines->document, node, where->list, &line);
		if (node && node->type == YAML_SEQUENCE_NODE)
			node = in_sequence(&lines->document, node, where->list_index, &line);
	}
	if (where->field)
		in_mapping(&lines->document, node, where->field, &line);
	return line;
}

unsigned conf_lines_of_key(struct conf_lines *lines, const char *key, unsigned from)
{
	unsigned best = 0;

	/* Nodes are numbered in the order of the text, but for keys of mappings around them. */
	for (int i = 1; yaml_document_get_node(&lines->document, i); i++) {
		yaml_node_t *node = yaml_document_get_node(&lines->document, i);
		unsigned line = (unsigned)node->start_mark.line + 1;

		if (is_text(node, key) && line >= from && (best == 0 || line < best))
			best = line;
	}
	return best ? best : from;
}
