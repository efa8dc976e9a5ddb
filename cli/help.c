/* SPDX-License-Identifier: BSD-3-Clause
 *
 * --help of the program, of a noun and of a verb, and the same for the man pages shunt(1) and
 * shunt.yaml(5): all read from the tables of verbs and fields.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define USAGE_WIDTH 42

static const char *operand_of(const struct cli_verb *v)
{
	if (v->operand == CLI_NO_OPERAND || v->operand_name)
		return v->operand_name ? v->operand_name : "";
	return v->operand == CLI_OPTIONAL_NAME ? "[NAME]" : "NAME";
}

static void usage_of(const struct cli_verb *v, char *line, size_t size)
{
	const char *operand = operand_of(v);
	size_t n;

	snprintf(line, size, "%s%s%s%s%s%s%s%s", v->noun, v->verb ? " " : "",
		v->verb ? v->verb : "", *operand ? " " : "", operand, v->second ? " " : "",
		v->second ? v->second : "", v->fields >= 0 ? " [--FIELD VALUE ...]" : "");
	if (v->more && v->fields < 0)
		strncat(line, " [--OPTION ...]", size - strlen(line) - 1);
	for (const struct cli_option *o = v->options; o && o->name; o++) {
		n = strlen(line);
		snprintf(line + n, size - n, " [--%s%s%s]", o->name, o->value ? " " : "",
			o->value ? o->value : "");
	}
}

static void print_line(FILE *out, const struct cli_verb *v)
{
	char usage[160];

	usage_of(v, usage, sizeof(usage));
	if (strlen(usage) > USAGE_WIDTH) {
		fprintf(out, "  %s\n", usage);
		usage[0] = '\0';
	}
	fprintf(out, "  %-*s %s\n", USAGE_WIDTH, usage, v->help);
}

static void print_field(FILE *out, const struct api_field *f)
{
	char option[64], allowed[384];

	cli_option_name(f->name, option, sizeof(option));
	fprintf(out, "  --%-18s %s\n", option, f->help);
	fprintf(out, "  %20s %s%s%s\n", "", api_field_allowed(f, allowed, sizeof(allowed)),
		f->def ? "; default: " : "", f->def ? f->def : "");
}

static void print_options(FILE *out, const struct cli_option *options)
{
	for (const struct cli_option *o = options; o && o->name; o++)
		fprintf(out, "  --%-18s %s\n", o->name, o->help);
}

static void print_verb(FILE *out, const struct cli_verb *v)
{
	char usage[160];

	usage_of(v, usage, sizeof(usage));
	fprintf(out, "usage: shunt [-j] [--run-dir D] %s\n\n%s\n", usage, v->help);
	if (v->options || v->more || v->fields >= 0)
		fputc('\n', out);
	print_options(out, v->options);
	print_options(out, v->more);
	if (v->fields < 0)
		return;
	for (unsigned i = 0; i < api_tables[v->fields].n_fields; i++)
		if (cli_takes_field(v, api_tables[v->fields].fields[i].name))
			print_field(out, &api_tables[v->fields].fields[i]);
}

static void print_all(FILE *out, const char *noun)
{
	fprintf(out, "usage: shunt [-j] [--run-dir D] NOUN VERB [NAME] [--key value ...]\n\n");
	for (unsigned i = 0; i < cli_n_verbs; i++)
		if (!cli_verbs[i].hidden && (!noun || strcmp(cli_verbs[i].noun, noun) == 0))
			print_line(out, &cli_verbs[i]);
	fprintf(out,
		"\n  -j, --json       print JSON on verbs that read\n"
		"  --run-dir D      where shuntd has its socket; else $SHUNT_RUN_DIR, else the "
		"default\n"
		"  --help           behind a noun or a verb: more about it\n"
		"\nExit status: 0 done, 1 refused or failed, 2 wrong usage.\n");
}

void cli_help(FILE *out, const char *noun, const char *verb)
{
	for (unsigned i = 0; noun && i < cli_n_verbs; i++) {
		const struct cli_verb *v = &cli_verbs[i];

		if (strcmp(v->noun, noun) == 0 &&
			(!v->verb || (verb && strcmp(v->verb, verb) == 0))) {
			print_verb(out, v);
			return;
		}
	}
	print_all(out, noun);
}

/* Below: the generated parts of shunt(1) and shunt.yaml(5). scdoc wants its markup characters
 * escaped. */
static void print_escaped(const char *text)
{
	for (; *text; text++) {
		if (strchr("_*\\#~<>", *text))
			putchar('\\');
		putchar(*text);
	}
}

/* Help is in lower case and without a full stop; a man page wants a sentence. */
static void print_sentence(const char *text)
{
	putchar(toupper((unsigned char)*text));
	print_escaped(text + 1);
	putchar('.');
}

static void scdoc_own_options(const struct cli_option *options)
{
	for (const struct cli_option *o = options; o && o->name; o++) {
		printf("\t*--%s*: ", o->name);
		print_escaped(o->help);
		printf("\n\n");
	}
}

static void scdoc_options(const struct cli_verb *v)
{
	scdoc_own_options(v->options);
	scdoc_own_options(v->more);
	if (v->fields < 0)
		return;
	printf("\tOptions:");
	for (unsigned i = 0; i < api_tables[v->fields].n_fields; i++) {
		char option[64];

		if (!cli_takes_field(v, api_tables[v->fields].fields[i].name))
			continue;
		cli_option_name(api_tables[v->fields].fields[i].name, option, sizeof(option));
		printf(" *--%s*", option);
	}
	printf("\n\n");
}

int cli_help_scdoc(void)
{
	for (unsigned i = 0; i < cli_n_verbs; i++) {
		const struct cli_verb *v = &cli_verbs[i];
		char usage[160];

		if (v->hidden)
			continue;
		usage_of(v, usage, sizeof(usage));
		printf("*shunt ");
		print_escaped(usage);
		printf("*\n\t");
		print_sentence(v->help);
		printf("\n\n");
		scdoc_options(v);
	}
	return CLI_DONE;
}

static void scdoc_field(const struct api_field *f)
{
	char allowed[384];

	putchar('*');
	print_escaped(f->name);
	printf("*: ");
	print_escaped(api_field_allowed(f, allowed, sizeof(allowed)));
	printf("\n\t");
	print_sentence(f->help);
	if (f->def) {
		printf(" Default: ");
		print_escaped(f->def);
		putchar('.');
	}
	if (f->flags & API_MAKING)
		printf(" A change makes the port anew.");
	printf("\n\n");
}

static void scdoc_table(enum api_noun noun, const char *inside)
{
	const struct api_table *table = &api_tables[noun];

	printf("## %s%s%s\n\n%s: ", inside, *inside ? ": " : "", table->key,
		table->single ? "One mapping" : "A list");
	print_escaped(table->help);
	printf(".\n\n");
	for (unsigned i = 0; i < table->n_fields; i++)
		if (noun != API_PORT || !(table->fields[i].flags & API_INHERITED))
			scdoc_field(&table->fields[i]);
	if (noun == API_PORT)
		printf("A port also takes every field of a port group from *vlan* on. What it has "
		       "of its own wins over its group's.\n\n");
	for (unsigned i = 0; i < table->n_fields; i++)
		if (api_field_is_nested(&table->fields[i]))
			scdoc_table(table->fields[i].ref, table->key);
}

int cli_help_scdoc_fields(void)
{
	for (enum api_noun noun = 0; noun < API_N_KEYS; noun++)
		scdoc_table(noun, "");
	return CLI_DONE;
}
