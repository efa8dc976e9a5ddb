/* SPDX-License-Identifier: BSD-3-Clause
 *
 * add, set, del, list and show, the same for bridges, port groups, ports, mirrors and virtual
 * machines.
 * Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/json.h"
#include "method.h"
#include "vm_object.h"
#include "vm_port.h"
#include "vms.h"

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
	if (call->noun == API_VM)
		vm_ports_drop(&to, item, conf_item(&to, API_VM, name));
	return commit(ctl, call, &to, name, err);
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
	if (r == 0 && call->noun == API_VM)
		r = vms_check_stopped(ctl->vms, name, err);
	if (r < 0)
		return r;
	if (conf_copy(&ctl->conf, &to) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	if (call->noun == API_PORT)
		conf_remove_port(&to, name);
	else
		conf_remove(&to, call->noun, (uint32_t)(item - ctl->conf.of[call->noun].items));
	if (call->noun == API_VM)
		vm_ports_drop(&to, item, NULL);
	return commit(ctl, call, &to, name, err);
}

static json_t *object_of(const struct ctl *ctl, enum api_noun noun, const struct conf_item *item)
{
	switch (noun) {
	case API_BRIDGE:
		return method_bridge_object(ctl, item);
	case API_PORTGROUP:
		return method_portgroup_object(ctl, item);
	case API_MIRROR:
		return method_mirror_object(ctl, item);
	case API_VM:
		return vm_list_object(ctl, item);
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
	enum api_noun noun; /* of what is used, */
	const char *name;   /* and its name */
	char text[256];
	unsigned n;
};

static bool names_it(const struct users *users, const struct conf_item *item, enum api_noun noun)
{
	const struct api_table *table = &api_tables[noun];

	for (unsigned i = 0; i < table->n_fields; i++) {
		const struct api_field *field = &table->fields[i];
		const struct conf_items *nested;

		if (field->ref == users->noun && item->v[i] &&
			(field->type == API_TYPE_NAME || field->type == API_TYPE_NAMES) &&
			conf_list_has(item->v[i], users->name))
			return true;
		if (!api_field_is_nested(field))
			continue;
		nested = conf_nested(item, noun, field->name);
		for (uint32_t k = 0; k < nested->n; k++)
			if (names_it(users, &nested->items[k], field->ref))
				return true;
	}
	return false;
}

static void collect(struct users *users, const struct ctl *ctl, enum api_noun noun)
{
	const struct conf_items *items = &ctl->conf.of[noun];
	char key[CONF_KEY_LEN];

	for (uint32_t i = 0; i < items->n; i++) {
		size_t n = strlen(users->text);

		if (!names_it(users, &items->items[i], noun) &&
			!(noun == API_VM && users->noun == API_PORT &&
				vm_owns_port(&items->items[i], users->name)))
			continue;
		conf_key(noun, &items->items[i], key);
		if (users->n++ < 3)
			snprintf(users->text + n, sizeof(users->text) - n, "%s%s '%s'",
				n ? ", " : "", conf_noun(noun), key);
	}
}

int method_check_unused(
	const struct ctl *ctl, enum api_noun noun, const char *name, struct sh_err *err)
{
	struct users users = { .noun = noun, .name = name };

	/* A thing does not use itself, and static entries go with their port. */
	for (enum api_noun user = 0; user < API_N_KEYS; user++)
		if (user != noun && user != API_FDB)
			collect(&users, ctl, user);
	if (users.n == 0)
		return 0;
	if (users.n > 3)
		return sh_err_set(err, -EBUSY, "%s '%s' is in use by %s and %u more",
			conf_noun(noun), name, users.text, users.n - 3);
	return sh_err_set(
		err, -EBUSY, "%s '%s' is in use by %s", conf_noun(noun), name, users.text);
}
