/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Verbs and printers of virtual machines.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "table.h"

enum {
	COLUMN_MEMORY = 4,
};

static char *memory_text(const json_t *vm)
{
	return cli_size_text(json_object_get(vm, "memory"));
}

void cli_print_vms(struct cli *cli, const json_t *result)
{
	static const struct cli_column columns[] = {
		{ "NAME", "name", false },
		{ "STATE", "state", false },
		{ "PID", "pid", true },
		{ "VCPUS", "vcpus", true },
		[COLUMN_MEMORY] = { "MEMORY", NULL, true },
		{ "PORTS", "ports", false },
		{ "ERROR", "error", false },
	};

	cli_table_list_with(
		columns, sizeof(columns) / sizeof(columns[0]), result, COLUMN_MEMORY, memory_text);
}

/* What is bytes, wherever it stands in a VM object. */
static bool is_size(const char *key)
{
	static const char *const sizes[] = { "size", "resident", "merged", "memory", "memory_asked",
		"allocated", "target", "free", "available", "cache", "reported" };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (strcmp(sizes[i], key) == 0)
			return true;
	return false;
}

static void say_sizes(json_t *value)
{
	const char *key;
	json_t *inner;
	size_t i;

	json_array_foreach (value, i, inner)
		say_sizes(inner);
	json_object_foreach (value, key, inner) {
		_cleanup_free_ char *text = NULL;

		if (json_is_integer(inner) && is_size(key))
			text = cli_size_text(inner);
		if (text)
			json_object_set_new(value, key, json_string(text));
		else
			say_sizes(inner);
	}
}

void cli_print_vm(struct cli *cli, const json_t *result)
{
	json_t *vm = json_deep_copy(result);

	say_sizes(vm);
	cli_print_object(cli, vm);
	json_decref(vm);
}

/* Options win over the file. */
int cli_vm_create(struct cli *cli)
{
	json_error_t error;
	json_t *object;
	struct sh_err err;

	if (!cli->args.file)
		return cli_call(cli);
	if (strcmp(cli->args.file, "-") == 0)
		object = json_loadf(stdin, JSON_REJECT_DUPLICATES, &error);
	else
		object = json_load_file(cli->args.file, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(object)) {
		json_decref(object);
		if (!object && error.line < 0) /* it cannot be opened, as the text says */
			return cli_fail(cli, error.text);
		sh_err_set(&err, -EINVAL, "%s:%d: not JSON: %s", cli->args.file,
			object ? 1 : error.line, object ? "an object is expected" : error.text);
		return cli_fail(cli, err.text);
	}
	json_object_update_missing(cli->args.params, object);
	json_decref(object);
	return cli_call(cli);
}

/* A path means what it means here, not where shuntd is. */
int cli_vm_folder(struct cli *cli)
{
	char here[PATH_MAX], path[2 * PATH_MAX];
	const char *folder = cli->args.file;

	if (*folder != '/' && !getcwd(here, sizeof(here)))
		return cli_fail(cli, "the current folder has no name: give a whole path");
	snprintf(path, sizeof(path), "%s%s%s", *folder == '/' ? "" : here,
		*folder == '/' ? "" : "/", folder);
	if (json_object_set_new(cli->args.params, "dir", json_string(path)) < 0)
		return cli_fail(cli, "the folder's name is no text in UTF-8");
	return cli_call(cli);
}
