/* SPDX-License-Identifier: BSD-3-Clause
 *
 * add, set, del, list and show, the same for bridges, port groups and ports. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf_json.h"
#include "method.h"

static int commit(struct ctl *ctl, const struct call *call, struct conf *to, const char *name,
	struct sh_err *err)
{
	const struct change change = { .noun = call->noun, .name = name, .watch = call->watch };

	return ctl_change(ctl, to, &change, NULL, err);
}

int method_item_add(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	struct conf_item *item;
	struct conf to;
	const char *name;
	int r = method_text(call, "name", &name, err);

	if (r < 0)
		return r;
	if (conf_item(&ctl->conf, call->noun, name))
		return sh_err_set(
			err, -EEXIST, "there is already a %s '%s'", conf_noun(call->noun), name);
	if (conf_copy(&ctl->conf, &to) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	item = conf_append(&to, call->noun);
	r = item ? conf_item_from_json(item, call->noun, call->params, err)
		 : sh_err_set(err, -ENOMEM, "out of memory");
	if (r < 0) {
		conf_done(&to);
		return r;
	}
	return commit(ctl, call, &to, name, err);
}

int method_item_set(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct conf_item *item;
	struct conf to;
	const char *name;
	int r = method_text(call, "name", &name, err);

	if (r == 0)
		r = method_find(ctl, call->noun, name, &item, err);
	if (r < 0)
		return r;
	if (conf_copy(&ctl->conf, &to) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	r = conf_item_from_json(&to.of[call->noun].items[item - ctl->conf.of[call->noun].items],
		call->noun, call->params, err);
	if (r < 0) {
		conf_done(&to);
		return r;
	}
	return commit(ctl, call, &to, name, err);
}

/* A port's static entries go with it. */
static void remove_fdb_of(struct conf *conf, const char *port)
{
	for (uint32_t i = conf->of[API_FDB].n; i > 0; i--)
		if (strcmp(conf_get(&conf->of[API_FDB].items[i - 1], API_FDB, "port"), port) == 0)
			conf_remove(conf, API_FDB, i - 1);
}

int method_item_del(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct conf_item *item;
	struct conf to;
	const char *name;
	int r = method_text(call, "name", &name, err);

	if (r == 0)
		r = method_find(ctl, call->noun, name, &item, err);
	if (r == 0)
		r = method_check_unused(ctl, call->noun, name, err);
	if (r < 0)
		return r;
	if (conf_copy(&ctl->conf, &to) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	conf_remove(&to, call->noun, (uint32_t)(item - ctl->conf.of[call->noun].items));
	if (call->noun == API_PORT)
		remove_fdb_of(&to, name);
	return commit(ctl, call, &to, name, err);
}

static json_t *object_of(const struct ctl *ctl, enum api_noun noun, const struct conf_item *item)
{
	switch (noun) {
	case API_BRIDGE:
		return method_bridge_object(ctl, item);
	case API_PORTGROUP:
		return method_portgroup_object(ctl, item);
	default:
		return method_port_object(ctl, item);
	}
}

json_t *method_objects(const struct ctl *ctl, enum api_noun noun)
{
	const struct conf_items *items = &ctl->conf.of[noun];
	json_t *array = json_array();

	for (uint32_t i = 0; i < items->n; i++)
		json_array_append_new(array, object_of(ctl, noun, &items->items[i]));
	return array;
}

int method_item_list(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	*ret = method_objects(ctl, call->noun);
	return 0;
}

int method_item_show(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct conf_item *item;
	const char *name;
	int r = method_text(call, "name", &name, err);

	if (r == 0)
		r = method_find(ctl, call->noun, name, &item, err);
	if (r == 0)
		*ret = object_of(ctl, call->noun, item);
	return r;
}

/* Collects the names of those who use something: the first few, and how many more. */
struct users {
	char text[256];
	unsigned n;
};

static void collect(struct users *users, const struct ctl *ctl, enum api_noun noun,
	const char *field, const char *name)
{
	const struct conf_items *items = &ctl->conf.of[noun];

	for (uint32_t i = 0; i < items->n; i++) {
		const char *value = conf_get(&items->items[i], noun, field);
		size_t n = strlen(users->text);

		if (!value || strcmp(value, name) != 0)
			continue;
		if (users->n++ < 3)
			snprintf(users->text + n, sizeof(users->text) - n, "%s%s '%s'",
				n ? ", " : "", conf_noun(noun), items->items[i].v[0]);
	}
}

int method_check_unused(
	const struct ctl *ctl, enum api_noun noun, const char *name, struct sh_err *err)
{
	struct users users = { .n = 0 };

	if (noun == API_BRIDGE) {
		collect(&users, ctl, API_PORTGROUP, "bridge", name);
		collect(&users, ctl, API_PORT, "bridge", name);
	} else if (noun == API_PORTGROUP) {
		collect(&users, ctl, API_PORT, "portgroup", name);
	}
	if (users.n == 0)
		return 0;
	if (users.n > 3)
		return sh_err_set(err, -EBUSY, "%s '%s' is in use by %s and %u more",
			conf_noun(noun), name, users.text, users.n - 3);
	return sh_err_set(
		err, -EBUSY, "%s '%s' is in use by %s", conf_noun(noun), name, users.text);
}
