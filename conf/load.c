/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Configuration text to model: libyaml for the syntax, libcyaml for the shape, api_value_check for
 * the values, conf_check for the whole; each error with its line. Pure but for conf_load_file and
 * conf_load_input.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "lines.h"
#include "schema.h"
#include "conf/yaml.h"

#define MAX_FILE_BYTES (16u << 20)

/* What libcyaml says of its first error: a message, then a backtrace, innermost place first. */
struct complaint {
	char message[256];
	char field[64];     /* innermost mapping field */
	char top_field[64]; /* outermost one */
	unsigned line;
};

static void read_backtrace(struct complaint *complaint, const char *text)
{
	char field[64];
	size_t line;

	if (sscanf(text, " in mapping field '%63[^']' (line: %zu", field, &line) == 2) {
		if (!complaint->field[0])
			memcpy(complaint->field, field, sizeof(field));
		memcpy(complaint->top_field, field, sizeof(field));
	} else if (sscanf(text, " in mapping (line: %zu", &line) != 1 &&
		   sscanf(text, " in sequence entry '%*u' (line: %zu", &line) != 1) {
		return;
	}
	if (!complaint->line)
		complaint->line = (unsigned)line;
}

static void __attribute__((format(printf, 3, 0)))
on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct complaint *complaint = ctx;
	char text[256];
	const char *p = text;

	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(p, "Load: ", 6) == 0)
		p += 6;
	if (strncmp(p, "Backtrace", 9) == 0)
		return;
	if (!complaint->message[0] && *p != ' ')
		snprintf(complaint->message, sizeof(complaint->message), "%s", p);
	else
		read_backtrace(complaint, p);
}

static void list_keys(char *ret, unsigned size)
{
	unsigned n = 0;

	for (int noun = 0; noun < API_N_KEYS && n < size; noun++)
		n += (unsigned)snprintf(
			ret + n, size - n, "%s%s", noun ? ", " : "", api_tables[noun].key);
}

/* The noun whose fields stand at the innermost place that the complaint names. */
static enum api_noun noun_at(const struct complaint *complaint)
{
	enum api_noun noun = API_N_NOUNS;

	for (int key = 0; key < API_N_KEYS; key++)
		if (strcmp(api_tables[key].key, complaint->top_field) == 0)
			noun = (enum api_noun)key;
	if (noun != API_N_NOUNS && strcmp(complaint->field, complaint->top_field) != 0) {
		const struct api_field *field = api_field_find(noun, complaint->field);

		noun = field && api_field_is_nested(field) ? field->ref : API_N_NOUNS;
	}
	return noun;
}

static int explain_unknown(struct conf_lines *lines, const char *file,
	const struct complaint *complaint, const char *key, struct sh_err *err)
{
	enum api_noun noun = noun_at(complaint);
	char allowed[384];

	if (noun == API_N_NOUNS)
		list_keys(allowed, sizeof(allowed));
	else
		api_field_names(noun, allowed, sizeof(allowed));
	return sh_err_set(err, -EINVAL, "%s:%u: unknown field '%.64s'%s%s; allowed: %s", file,
		conf_lines_of_key(lines, key, complaint->line), key,
		complaint->field[0] ? " in " : "", complaint->field, allowed);
}

/* libcyaml's words for shapes, and for the events that begin them. */
static const char *shape(const char *word)
{
	static const char *const shapes[][2] = { { "MAPPING", "fields" }, { "SEQUENCE", "a list" },
		{ "STRING", "one value" }, { "SCALAR", "one value" } };

	for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (strncmp(word, shapes[i][0], strlen(shapes[i][0])) == 0)
			return shapes[i][1];
	return "something else";
}

static int explain_shape(
	const char *file, unsigned line, const struct complaint *complaint, struct sh_err *err)
{
	char expected[32], got[32];

	if (sscanf(complaint->message, "Expecting %31[A-Z], got event: %31[A-Z]", expected, got) !=
		2)
		return 0;
	return sh_err_set(err, -EINVAL, "%s:%u: %s%s%s expected here, not %s", file, line,
		complaint->field, complaint->field[0] ? ": " : "", shape(expected), shape(got));
}

static int explain(struct conf_lines *lines, const char *file, const struct complaint *complaint,
	struct sh_err *err)
{
	static const char unknown[] = "Unexpected key: ", twice[] = "Mapping field already seen: ";
	const char *m = complaint->message;
	unsigned line = complaint->line ? complaint->line : 1;

	if (strncmp(m, unknown, strlen(unknown)) == 0)
		return explain_unknown(lines, file, complaint, m + strlen(unknown), err);
	if (strncmp(m, twice, strlen(twice)) == 0)
		return sh_err_set(err, -EINVAL, "%s:%u: field '%.64s' is given twice", file, line,
			m + strlen(twice));
	if (explain_shape(file, line, complaint, err) < 0)
		return -EINVAL;
	return sh_err_set(err, -EINVAL, "%s:%u: %s%s%s", file, line, complaint->field,
		complaint->field[0] ? ": " : "", m[0] ? m : "not a configuration");
}

static int join_list(struct conf_list *list, char **ret, struct sh_err *err)
{
	size_t size = 1, used = 0;
	char *text;

	for (uint32_t k = 0; k < list->n; k++)
		size += strlen(list->texts[k]) + 1;
	text = calloc(1, size);
	if (!text)
		return sh_err_set(err, -ENOMEM, "out of memory");
	for (uint32_t k = 0; k < list->n; k++) {
		used += (size_t)snprintf(
			text + used, size - used, "%s%s", k ? "," : "", list->texts[k]);
		free(list->texts[k]);
	}
	free(list->texts);
	*list = (struct conf_list){ 0 };
	*ret = text;
	return 0;
}

static int settle(struct conf_items *items, enum api_noun noun, struct sh_err *err);

/* What libcyaml left of one field. */
static int settle_field(struct conf_item *item, enum api_noun noun, unsigned f, struct sh_err *err)
{
	const struct api_field *field = &api_tables[noun].fields[f];
	struct conf_list *list;

	if (api_field_is_nested(field))
		return settle(&item->nested[api_field_slot(noun, field)], field->ref, err);
	if (!api_field_is_list(field))
		return 0;
	list = &item->lists[api_field_list_slot(noun, field)];
	return list->n ? join_list(list, &item->v[f], err) : 0;
}

/* From what libcyaml leaves to what the model promises. */
static int settle(struct conf_items *items, enum api_noun noun, struct sh_err *err)
{
	const struct api_table *table = &api_tables[noun];
	int r = 0;

	if (table->single)
		items->n = items->items ? 1 : 0;
	for (uint32_t i = 0; r == 0 && i < items->n; i++) {
		for (unsigned f = 0; r == 0 && f < table->n_fields; f++)
			r = settle_field(&items->items[i], noun, f, err);
	}
	return r;
}

static int settle_all(struct conf *conf, struct sh_err *err)
{
	int r = 0;

	for (enum api_noun noun = 0; r == 0 && noun < API_N_KEYS; noun++)
		r = settle(&conf->of[noun], noun, err);
	return r;
}

static int load_shape(const char *text, size_t len, const char *file, struct conf_lines *lines,
	struct conf *ret, struct sh_err *err)
{
	struct complaint complaint = { 0 };
	const cyaml_config_t config = {
		.log_fn = on_log,
		.log_ctx = &complaint,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	struct conf *loaded = NULL;
	cyaml_err_t e = cyaml_load_data(
		(const uint8_t *)text, len, &config, conf_schema(), (cyaml_data_t **)&loaded, NULL);

	if (e != CYAML_OK) {
		if (!complaint.message[0])
			snprintf(complaint.message, sizeof(complaint.message), "%s",
				e == CYAML_ERR_ALIAS ? "YAML aliases are not allowed"
						     : cyaml_strerror(e));
		return explain(lines, file, &complaint, err);
	}
	if (loaded)
		*ret = *loaded;
	free(loaded);
	return settle_all(ret, err);
}

static int check(struct conf *conf, const char *file, const struct conf_env *env,
	struct conf_lines *lines, struct sh_err *err)
{
	struct conf_where where = { .index = -1 };
	int r = conf_normalise(conf, &where, err);

	if (r == 0)
		r = conf_check(conf, env, &where, err);
	if (r == 0)
		return 0;
	if (where.index < 0)
		return sh_err_prefix(err, r, "%s", file);
	conf_name_place(conf, &where, r, err);
	return sh_err_prefix(err, r, "%s:%u", file, conf_lines_of(lines, &where));
}

/* Nothing but comments, or "---", is an empty configuration. */
static bool is_empty(struct conf_lines *lines)
{
	const yaml_node_t *root = yaml_document_get_root_node(&lines->document);

	return !root || (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0);
}

int conf_load_text(const char *text, size_t len, const char *file, const struct conf_env *env,
	struct conf *ret, struct sh_err *err)
{
	struct conf_lines lines;
	struct conf conf;
	int r = conf_lines_init(&lines, text, len, file, err);

	if (r < 0)
		return r;
	conf_init(&conf);
	if (!is_empty(&lines))
		r = load_shape(text, len, file, &lines, &conf, err);
	if (r == 0)
		r = check(&conf, file, env, &lines, err);
	conf_lines_done(&lines);
	if (r < 0)
		conf_done(&conf);
	else
		*ret = conf;
	return r;
}

static int load_stream(
	FILE *f, const char *path, const struct conf_env *env, struct conf *ret, struct sh_err *err)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t n;

	if (!f || fstat(fileno(f), &st) < 0)
		return sh_err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
		return sh_err_set(err, -EINVAL, "%s: not a file", path);
	text = malloc(MAX_FILE_BYTES + 1);
	if (!text)
		return sh_err_set(err, -ENOMEM, "out of memory");
	n = fread(text, 1, MAX_FILE_BYTES + 1, f);
	if (ferror(f))
		return sh_err_set(err, -EIO, "%s: cannot be read", path);
	if (n > MAX_FILE_BYTES)
		return sh_err_set(
			err, -EFBIG, "%s: longer than %u MiB", path, MAX_FILE_BYTES >> 20);
	return conf_load_text(text, n, path, env, ret, err);
}

int conf_load_file(
	const char *path, const struct conf_env *env, struct conf *ret, struct sh_err *err)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	return load_stream(f, path, env, ret, err);
}

int conf_load_input(
	const char *path, const struct conf_env *env, struct conf *ret, struct sh_err *err)
{
	return strcmp(path, "-") == 0 ? load_stream(stdin, path, env, ret, err)
				      : conf_load_file(path, env, ret, err);
}
