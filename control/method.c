/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The table of methods, and reading of parameters. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/rpc.h"
#include "method.h"

struct method {
	const char *name;
	method_fn *fn;
	enum api_noun noun;
	const char *params; /* the names allowed, with spaces around; NULL: the noun's fields */
};

#define ITEM_METHODS(word, of)                                                                     \
	{ word ".add", method_item_add, of, NULL }, { word ".set", method_item_set, of, NULL },    \
		{ word ".del", method_item_del, of, " name " },                                    \
		{ word ".list", method_item_list, of, " " },                                       \
	{                                                                                          \
		word ".show", method_item_show, of, " name "                                       \
	}

static const struct method methods[] = {
	ITEM_METHODS("bridge", API_BRIDGE),
	ITEM_METHODS("portgroup", API_PORTGROUP),
	ITEM_METHODS("port", API_PORT),
	ITEM_METHODS("mirror", API_MIRROR),
	{ "vm.create", method_item_add, API_VM, NULL },
	{ "vm.set", method_item_set, API_VM, NULL },
	{ "vm.del", method_item_del, API_VM, " name " },
	{ "vm.list", method_item_list, API_VM, " " },
	{ "vm.start", method_vm_start, API_VM, " name " },
	{ "vm.stop", method_vm_stop, API_VM, " name " },
	{ "vm.kill", method_vm_kill, API_VM, " name " },
	{ "vm.pause", method_vm_pause, API_VM, " name " },
	{ "vm.resume", method_vm_resume, API_VM, " name " },
	{ "vm.info", method_vm_info, API_VM, " name " },
	{ "vm.balloon", method_vm_balloon, API_VM, " name size " },
	{ "vm.pin", method_vm_pin, API_VM, " name vcpu cpus " },
	{ "vm.snapshot", method_vm_snapshot, API_VM, " name dir " },
	{ "vm.restore", method_vm_restore, API_VM, " name dir " },
	{ "uplink.neighbors", method_uplink_neighbors, API_PORT, " name " },
	{ "show", method_show, API_N_NOUNS, " " },
	{ "port.stats", method_port_stats, API_PORT, " name hw " },
	{ "uplink.list", method_uplink_list, API_PORT, " " },
	{ "uplink.show", method_uplink_show, API_PORT, " name " },
	{ "uplink.add", method_uplink_add, API_PORT, " name device " },
	{ "uplink.del", method_uplink_del, API_PORT, " name device " },
	{ "fdb.list", method_fdb_list, API_FDB, " bridge limit after " },
	{ "fdb.add", method_fdb_add, API_FDB, NULL },
	{ "fdb.del", method_fdb_del, API_FDB, " bridge mac vlan " },
	{ "fdb.flush", method_fdb_flush, API_FDB, " bridge port vlan " },
	{ "flow.add", method_flow_add, API_FDB, " bridge flow " },
	{ "flow.del", method_flow_del, API_FDB, " bridge match strict " },
	{ "trace", method_trace, API_FDB, " bridge match in_port frame " },
	{ "flow.list", method_flow_list, API_FDB, " bridge match limit after " },
	{ "group.list", method_group_list, API_FDB, " bridge " },
	{ "meter.list", method_meter_list, API_FDB, " bridge " },
	{ "table.list", method_table_list, API_FDB, " bridge " },
	{ "capture.start", method_capture_start, API_PORT,
		" name dir device filter snaplen count " },
	{ "worker.list", method_worker_list, API_WORKERS, " " },
	{ "worker.stats", method_worker_stats, API_WORKERS, " clear " },
	{ "apply", method_apply, API_N_NOUNS, " text file dry_run " },
	{ "config.show", method_config_show, API_N_NOUNS, " " },
	{ "log.set", method_log_set, API_N_NOUNS, " level " },
	{ "version", method_version, API_N_NOUNS, " " },
};

static const struct method *find_method(const char *name)
{
	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

static bool word_in(const char *words, const char *word)
{
	size_t n = strlen(word);

	if (n == 0 || strchr(word, ' '))
		return false;
	for (const char *p = strstr(words, word); p; p = strstr(p + 1, word))
		if (p[-1] == ' ' && p[n] == ' ')
			return true;
	return false;
}

static int check_params(const struct method *method, const json_t *params, struct sh_err *err)
{
	const char *key;
	json_t *value;

	if (!method->params)
		return 0;
	json_object_foreach ((json_t *)params, key, value) {
		if (word_in(method->params, key))
			continue;
		if (strcmp(method->params, " ") == 0)
			return sh_err_set(
				err, -EINVAL, "unknown field '%.64s'; none is allowed", key);
		return sh_err_set(err, -EINVAL, "unknown field '%.64s'; allowed:%.*s", key,
			(int)strlen(method->params) - 1, method->params);
	}
	return 0;
}

/* jansson's builders are chained, so what failed inside is a hole in the result; the allocator
 * knows. Everything of jansson's in shuntd runs in the control thread. */
static bool json_out_of_memory;

static void *json_alloc(size_t size)
{
	void *p = malloc(size);

	json_out_of_memory = json_out_of_memory || !p;
	return p;
}

/* A result with a hole is none. A change may have been made before its answer failed. */
static int check_result(json_t **ret, struct sh_err *err)
{
	if (!json_out_of_memory)
		return 0;
	json_decref(*ret);
	*ret = NULL;
	return sh_err_set(err, -ENOMEM, "out of memory for the answer");
}

int method_call(struct ctl *ctl, const char *name, const json_t *params,
	const struct method_caller *caller, json_t **ret, int *ret_code, struct sh_err *err)
{
	const struct method *method = find_method(name);
	struct call call = {
		.params = params, .watch = caller ? caller->watch : NULL, .caller = caller
	};
	int r;

	*ret_code = API_RPC_NO_METHOD;
	if (!method)
		return sh_err_set(err, -ENOSYS, "no such method '%.64s'", name);
	call.noun = method->noun;
	json_set_alloc_funcs(json_alloc, free);
	json_out_of_memory = false;
	r = check_params(method, params, err);
	if (r == 0)
		r = method->fn(ctl, &call, ret, err);
	if (r == 0)
		r = check_result(ret, err);
	*ret_code = method_code(r);
	return r;
}

int method_code(int r)
{
	return r == -EINVAL || r == -ERANGE ? API_RPC_INVALID_PARAMS : API_RPC_REFUSED;
}

struct later *method_defer(const struct call *call, struct sh_err *err)
{
	struct later *later = NULL;

	if (call->caller && call->caller->defer)
		later = call->caller->defer(call->caller->ctx);
	if (!later)
		sh_err_set(err, -EBUSY, "too many requests wait for an answer: try again");
	return later;
}

int method_text_optional(
	const struct call *call, const char *name, const char **ret, struct sh_err *err)
{
	const json_t *value = json_object_get(call->params, name);

	*ret = NULL;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return sh_err_set(err, -EINVAL, "%s: this JSON value is not allowed: a text", name);
	*ret = json_string_value(value);
	return 0;
}

int method_text(const struct call *call, const char *name, const char **ret, struct sh_err *err)
{
	int r = method_text_optional(call, name, ret, err);

	if (r < 0)
		return r;
	return *ret ? 0 : sh_err_set(err, -EINVAL, "%s is missing", name);
}

int method_bool(const struct call *call, const char *name, bool *ret, struct sh_err *err)
{
	const json_t *value = json_object_get(call->params, name);

	*ret = json_is_true(value);
	if (value && !json_is_boolean(value) && !json_is_null(value))
		return sh_err_set(
			err, -EINVAL, "%s: this JSON value is not allowed: true or false", name);
	return 0;
}

int method_find(const struct ctl *ctl, enum api_noun noun, const char *name,
	const struct conf_item **ret, struct sh_err *err)
{
	*ret = conf_item(&ctl->conf, noun, name);
	if (!*ret)
		return sh_err_set(err, -ENOENT, "no such %s '%.64s'", conf_noun(noun), name);
	return 0;
}
