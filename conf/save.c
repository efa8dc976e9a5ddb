/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Model to configuration text, by libcyaml. Pure.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "conf/yaml.h"

static int split_list(struct conf_item *item, unsigned field, struct conf_list *list)
{
	char *next, *save = NULL;
	size_t n = 1;

	for (const char *p = item->v[field]; *p; p++)
		n += *p == ',';
	list->texts = calloc(n, sizeof(*list->texts));
	if (!list->texts)
		return -ENOMEM;
	for (next = strtok_r(item->v[field], ",", &save); next; next = strtok_r(NULL, ",", &save)) {
		list->texts[list->n] = strdup(next);
		if (!list->texts[list->n])
			return -ENOMEM;
		list->n++;
	}
	free(item->v[field]);
	item->v[field] = NULL;
	return 0;
}

static int split_items(struct conf_items *items, enum api_noun noun);

static int split_item(struct conf_item *item, enum api_noun noun)
{
	const struct api_table *table = &api_tables[noun];
	int r = 0;

	for (unsigned f = 0; r == 0 && f < table->n_fields; f++) {
		const struct api_field *field = &table->fields[f];

		if (api_field_is_nested(field))
			r = split_items(&item->nested[api_field_slot(noun, field)], field->ref);
		else if (api_field_is_list(field) && item->v[f])
			r = split_list(item, f, &item->lists[api_field_list_slot(noun, field)]);
	}
	return r;
}

static int split_items(struct conf_items *items, enum api_noun noun)
{
	for (uint32_t i = 0; i < items->n; i++)
		if (split_item(&items->items[i], noun) < 0)
			return -ENOMEM;
	return 0;
}

static int split_lists(struct conf *conf)
{
	for (enum api_noun noun = 0; noun < API_N_KEYS; noun++)
		if (split_items(&conf->of[noun], noun) < 0)
			return -ENOMEM;
	return 0;
}

int conf_save_text(const struct conf *conf, char **ret, struct sh_err *err)
{
	const cyaml_config_t config = {
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_STYLE_BLOCK,
	};
	struct conf copy;
	char *text = NULL, *ended;
	size_t len = 0;
	cyaml_err_t e = CYAML_ERR_OOM;

	if (conf_copy(conf, &copy) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	if (split_lists(&copy) == 0)
		e = cyaml_save_data(&text, &len, &config, conf_schema(), &copy, 0);
	conf_done(&copy);
	if (e != CYAML_OK)
		return sh_err_set(err, e == CYAML_ERR_OOM ? -ENOMEM : -EIO,
			"the configuration cannot be written as YAML: %s", cyaml_strerror(e));
	ended = realloc(text, len + 1);
	if (!ended) {
		free(text);
		return sh_err_set(err, -ENOMEM, "out of memory");
	}
	ended[len] = '\0';
	*ret = ended;
	return 0;
}
