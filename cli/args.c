/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The words behind noun and verb: an operand, fields of the configuration with hyphens for
 * underscores, and a verb's own options. Values go to the daemon as JSON; whether they are allowed
 * is the daemon's to say.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/value.h"
#include "cli.h"

#define MAX_NAME 64

static void translate(const char *from, char *ret, size_t size, char a, char b)
{
	size_t i;

	for (i = 0; from[i] && i + 1 < size; i++)
		ret[i] = from[i] == a ? b : from[i];
	ret[i] = '\0';
}

void cli_field_name(const char *option, char *ret, size_t size)
{
	translate(option, ret, size, '-', '_');
}

void cli_option_name(const char *field, char *ret, size_t size)
{
	translate(field, ret, size, '_', '-');
}

bool cli_takes_field(const struct cli_verb *verb, const char *field)
{
	if (verb->fields < 0 || !api_field_find((enum api_noun)verb->fields, field))
		return false;
	if (!verb->only)
		return strcmp(field, "name") != 0;
	for (unsigned i = 0; verb->only[i]; i++)
		if (strcmp(verb->only[i], field) == 0)
			return true;
	return false;
}

static const struct cli_option *find_option(const struct cli_verb *verb, const char *name)
{
	for (const struct cli_option *o = verb->options; o && o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

/* "none" takes a field away, unless the field has a meaning of its own for it. */
static bool takes_away(const struct cli_verb *verb, const struct api_field *f, const char *text)
{
	if (!verb->verb || strcmp(verb->verb, "set") != 0 || strcmp(text, "none") != 0)
		return false;
	for (unsigned i = 0; f->type == API_TYPE_ENUM && f->words[i]; i++)
		if (strcmp(f->words[i], text) == 0)
			return false;
	return true;
}

/* A value that cannot be right goes as it is, so that the daemon's sentence is the one shown. */
static json_t *field_value(const struct cli_verb *verb, const char *field, const char *text)
{
	const struct api_field *f = api_field_find((enum api_noun)verb->fields, field);
	char canonical[API_VALUE_LEN];

	if (takes_away(verb, f, text))
		return json_null();
	if (api_value_check(f, text, canonical, NULL) < 0)
		return json_string(text);
	return api_value_to_json(f, canonical);
}

static int set_nested(
	const struct api_field *field, struct cli_args *args, const char *text, struct sh_err *err)
{
	json_t *value = cli_nested(field, text, json_object_get(args->params, field->name));
	char allowed[384];

	if (!value)
		return sh_err_set(err, -EINVAL,
			"%s: '%s' is not allowed: key=value,..., or JSON; %s", field->name, text,
			api_field_allowed(field, allowed, sizeof(allowed)));
	return json_object_set_new(args->params, field->name, value) < 0 ? -ENOMEM : 0;
}

static int set_value(const struct cli_verb *verb, struct cli_args *args, const char *field,
	const struct cli_option *option, const char *text, struct sh_err *err)
{
	const struct api_field *f =
		option ? NULL : api_field_find((enum api_noun)verb->fields, field);
	json_t *value;

	if (f && api_field_is_nested(f) && strcmp(text, "none") != 0)
		return set_nested(f, args, text, err);
	value = option ? json_string(text) : field_value(verb, field, text);

	if (!value)
		return sh_err_set(err, -EINVAL, "'%s' is no text in UTF-8", field);
	return json_object_set_new(args->params, field, value) < 0 ? -ENOMEM : 0;
}

/* What an option is called, from its word on: "key" of "--key", "write" of "-w" when one of the
 * verb's own options begins so. return: NULL for what is no option */
static const char *option_word(const struct cli_verb *verb, const char *word)
{
	if (strncmp(word, "--", 2) == 0)
		return word[2] ? word + 2 : NULL;
	if (word[0] != '-' || word[1] == '\0' || word[2] != '\0')
		return NULL;
	for (const struct cli_option *o = verb->options; o && o->name; o++)
		if (o->name[0] == word[1])
			return o->name;
	return NULL;
}

/* "--key value", "--key=value" or "--flag"; *i is moved behind what was taken. */
static int parse_option(const struct cli_verb *verb, int argc, char **argv, int *i,
	struct cli_args *args, struct sh_err *err)
{
	const char *word = option_word(verb, argv[*i]), *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	char name[MAX_NAME], field[MAX_NAME];
	const struct cli_option *option;

	snprintf(name, sizeof(name), "%.*s", (int)len, word);
	cli_field_name(name, field, sizeof(field));
	option = find_option(verb, name);
	if (option && !option->value && equals)
		return sh_err_set(err, -EINVAL, "--%s takes no value", name);
	if (option && !option->value)
		return json_object_set_new(args->flags, name, json_true()) < 0 ? -ENOMEM : 0;
	if (!option && !cli_takes_field(verb, field))
		return sh_err_set(err, -EINVAL, "no option --%s: see 'shunt %s%s%s --help'", name,
			verb->noun, verb->verb ? " " : "", verb->verb ? verb->verb : "");
	if (!equals && *i + 1 >= argc)
		return sh_err_set(err, -EINVAL, "--%s needs a value", name);
	return set_value(verb, args, field, option, equals ? equals + 1 : argv[++*i], err);
}

static int check_operand(const struct cli_verb *verb, struct cli_args *args, struct sh_err *err)
{
	const char *what = verb->operand_name ? verb->operand_name : "NAME";
	bool needed = verb->operand != CLI_NO_OPERAND && verb->operand != CLI_OPTIONAL_NAME &&
		      verb->operand != CLI_OPTIONAL_WORD;
	bool is_name = verb->operand == CLI_NAME || verb->operand == CLI_OPTIONAL_NAME;
	const char *param = is_name ? "name" : verb->param;

	if (needed && !args->operand)
		return sh_err_set(err, -EINVAL, "%s is missing", what);
	if (verb->verb && strcmp(verb->verb, "set") == 0 && verb->fields >= 0 &&
		json_object_size(args->params) == 0)
		return sh_err_set(
			err, -EINVAL, "nothing to set: see 'shunt %s set --help'", verb->noun);
	if (verb->second && verb->second[0] != '[' && !args->file)
		return sh_err_set(err, -EINVAL, "%s is missing", verb->second);
	if (!args->operand || !param)
		return 0;
	if (json_object_set_new(args->params, param, json_string(args->operand)) < 0)
		return sh_err_set(err, -EINVAL, "the %s is no text in UTF-8", param);
	return 0;
}

int cli_args_parse(const struct cli_verb *verb, int argc, char **argv, struct cli_args *ret,
	struct sh_err *err)
{
	struct cli_args args = { .params = json_object(), .flags = json_object() };
	int r = 0;

	for (int i = 0; i < argc && r == 0; i++) {
		if (option_word(verb, argv[i]))
			r = parse_option(verb, argc, argv, &i, &args, err);
		else if (args.operand && verb->second && !args.file)
			args.file = argv[i];
		else if (args.operand || verb->operand == CLI_NO_OPERAND)
			r = sh_err_set(err, -EINVAL, "'%s' is one word too many", argv[i]);
		else
			args.operand = argv[i];
	}
	if (r == 0)
		r = check_operand(verb, &args, err);
	if (r < 0) {
		cli_args_done(&args);
		return r == -ENOMEM ? sh_err_set(err, r, "out of memory") : r;
	}
	*ret = args;
	return 0;
}

void cli_args_done(struct cli_args *args)
{
	json_decref(args->params);
	json_decref(args->flags);
}

bool cli_flag(const struct cli *cli, const char *name)
{
	return json_is_true(json_object_get(cli->args.flags, name));
}
