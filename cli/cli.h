/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the files of the command line share: one invocation, and the table of verbs that dispatch,
 * help and completion are all made from.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "api/client.h"
#include "api/fields.h"

/* Exit statuses, DESIGN: 0 done, 1 refused or failed, 2 usage. */
enum {
	CLI_DONE,
	CLI_FAILED,
	CLI_USAGE,
};

enum cli_operand {
	CLI_NO_OPERAND,
	CLI_NAME, /* of a thing of the verb's noun */
	CLI_OPTIONAL_NAME,
	CLI_FILE,
	CLI_WORD,
	CLI_OPTIONAL_WORD,
};

/* An option that is no field of the configuration. */
struct cli_option {
	const char *name; /* with hyphens */
	const char *help;
	const char *value; /* what help calls its value, a text; NULL: it takes none */
};

struct cli_args {
	const char *operand; /* NULL if not given */
	const char *file;    /* behind it, of a verb that takes one; NULL if not given */
	json_t *params; /* what goes to the daemon: the operand, fields, options with a value */
	json_t *flags;  /* options that are no fields: true */
};

struct cli {
	bool json;
	bool goes_on;        /* what is printed goes on below an earlier block */
	const char *run_dir; /* as given, NULL for the default */
	struct cli_args args;
	const struct cli_verb *verb;
	char **rest; /* the words behind the verb, for a verb that is another program's */
	int n_rest;
};

struct cli_verb {
	const char *noun, *verb; /* verb is NULL for a noun that is a command by itself */
	const char *help;
	enum cli_operand operand;
	const char *operand_name; /* as help shows it; NULL for the obvious */
	const char *const *words; /* CLI_WORD: what it may be, NULL at the end */
	const char *second;       /* a file or folder behind its operand, as help shows it: "[FILE]"
				   * may be left out; NULL: it takes none */
	const char *param;        /* of the method, that the operand is; NULL: "name" or none */
	int fields;               /* enum api_noun whose fields are options, or -1 */
	const char *const *only;  /* those fields alone; NULL for all */
	const struct cli_option *options;
	const struct cli_option *more; /* the same, too many for the line of usage */
	const char *method;
	/* What shunt-sriov calls it. The words behind go there as they are. */
	const char *program_verb;
	int (*run)(struct cli *cli);
	void (*print)(struct cli *cli, const json_t *result); /* NULL: prints nothing */
	bool reads;                                           /* -j prints what it returns */
	bool hidden;                                          /* not in help */
};

extern const struct cli_verb cli_verbs[];
extern const unsigned cli_n_verbs;

/* args.c */

/**
 * Read the words behind noun and verb.
 *
 * errors:  -EINVAL and a sentence: an unknown option, a value or operand that is missing
 */
int cli_args_parse(const struct cli_verb *verb, int argc, char **argv, struct cli_args *ret,
	struct sh_err *err);
void cli_args_done(struct cli_args *args);
bool cli_flag(const struct cli *cli, const char *name);

/** "rate_limit_in" for "--rate-limit-in". shape: ret[API_NAME]. */
void cli_field_name(const char *option, char *ret, size_t size);
void cli_option_name(const char *field, char *ret, size_t size);
bool cli_takes_field(const struct cli_verb *verb, const char *field);

/* nested.c */

/**
 * The value of an option whose field holds items: "key=value,key=value", or JSON. before: what the
 * option's earlier occurrences have made of a list, borrowed, or NULL.
 *
 * return:  NULL for what is neither, or when out of memory
 */
json_t *cli_nested(const struct api_field *field, const char *text, const json_t *before);

/* run.c */

/** Run one command line; argv[0] is the program's name. Returns the exit status. */
int cli_main(int argc, char **argv);

/** Call the verb's method with its arguments and print the result. */
int cli_call(struct cli *cli);

/** The same for a list that comes in parts: each block of it is printed as it is there. */
int cli_call_in_parts(struct cli *cli);

/** Say what failed on stderr, in front of it what was asked; returns CLI_FAILED. */
int cli_fail(const struct cli *cli, const char *message);
int cli_connect(const struct cli *cli, struct sh_err *err, struct api_client **ret);
void cli_print_json(const json_t *value);

/* program.c */

/**
 * Become another program of Shunt, the one that belongs to this shunt.
 *
 * shape:   build_folder: where the build tree has it; argv ends with NULL
 * return:  only when it cannot be run: CLI_FAILED, after saying so
 */
int cli_exec(const struct cli *cli, const char *name, const char *build_folder, char **argv);

/* verbs of their own */
int cli_apply(struct cli *cli);
int cli_trace(struct cli *cli);
int cli_capture(struct cli *cli);
int cli_config_show(struct cli *cli);
int cli_config_check(struct cli *cli);
int cli_completion(struct cli *cli);
int cli_console(struct cli *cli);
int cli_vm_create(struct cli *cli);
int cli_vm_folder(struct cli *cli);
int cli_sriov(struct cli *cli);
int cli_complete(int argc, char **argv, const char *run_dir);

/* help.c */
void cli_help(FILE *out, const char *noun, const char *verb);
int cli_help_scdoc(void);
int cli_help_scdoc_fields(void);

/* suggest.c */

/**
 * End a sentence on stderr about a word that is no noun, or no verb of the noun: with what may have
 * been meant, or all that there are.
 */
void cli_suggest(const char *noun, const char *word);

/* printers */
void cli_print_bridges(struct cli *cli, const json_t *result);
void cli_print_flows(struct cli *cli, const json_t *result);
void cli_print_portgroups(struct cli *cli, const json_t *result);
void cli_print_ports(struct cli *cli, const json_t *result);
void cli_print_neighbors(struct cli *cli, const json_t *result);
void cli_print_mirrors(struct cli *cli, const json_t *result);
void cli_print_fdb(struct cli *cli, const json_t *result);
void cli_print_groups(struct cli *cli, const json_t *result);
void cli_print_meters(struct cli *cli, const json_t *result);
void cli_print_uplinks(struct cli *cli, const json_t *result);
void cli_print_uplink(struct cli *cli, const json_t *result);
void cli_print_tables(struct cli *cli, const json_t *result);
void cli_print_workers(struct cli *cli, const json_t *result);
void cli_print_object(struct cli *cli, const json_t *result);
/** One line of an object; values stand below each other. */
void cli_print_field(const json_t *object, const char *key, const char *text);
void cli_print_port_stats(struct cli *cli, const json_t *result);
void cli_print_worker_stats(struct cli *cli, const json_t *result);
void cli_print_trace(struct cli *cli, const json_t *result);
void cli_print_vms(struct cli *cli, const json_t *result);
void cli_print_vm(struct cli *cli, const json_t *result);
void cli_print_tree(struct cli *cli, const json_t *result);
void cli_print_flushed(struct cli *cli, const json_t *result);
void cli_print_version(struct cli *cli, const json_t *result);
