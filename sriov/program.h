/* SPDX-License-Identifier: BSD-3-Clause
 *
 * shunt-sriov, the program: one file a verb, verbs in a table. One thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "sriov/host.h"

enum {
	PROGRAM_DONE = 0,
	PROGRAM_FAILED = 1, /* one line on stderr says why */
	PROGRAM_USAGE = 2,
};

#define PROGRAM_MAX_OPTIONS 32

struct program_option {
	const char *name;  /* "dry-run"; written --dry-run */
	const char *value; /* "N": takes one; NULL: none */
	const char *help;
	char letter; /* 'c' for -c as well; 0: none */
};

struct program;

struct program_verb {
	const char *name;
	const char *operand;                  /* "PF"; "[PF]" may be left out; NULL: none */
	const struct program_option *options; /* up to one without a name, which ends them */
	const char *help;
	/** return: PROGRAM_DONE, or what program_fail returns */
	int (*run)(struct program *program);
};

struct program {
	const struct sriov_env *env;
	const struct program_verb *verb;
	bool json;
	const char *operand; /* NULL: not given */
	const char
		*values[PROGRAM_MAX_OPTIONS]; /* of verb->options; "" for a flag; NULL: not given */
	struct sh_err err;
};

extern const struct program_verb program_verbs[];
extern const unsigned program_n_verbs;

/** What an option was given, "" for a flag; NULL: not given. */
const char *program_value(const struct program *program, const char *option);

/** "shunt-sriov: VERB OPERAND: SENTENCE" on stderr, of program->err. return: PROGRAM_FAILED */
int program_fail(const struct program *program);

/** One call of the program, argv[0] included. env NULL: this host. return: exit status */
int program_main(const struct sriov_env *env, int argc, char **argv);

/* What verbs share */

/** JSON on stdout. */
void program_print_json(const json_t *value);

/** What could not be read, a line each on stderr. */
void program_print_unread(const struct sriov_host *host);

/** return: NULL when out of memory */
json_t *program_pf_json(const struct sriov_pf *pf, bool with_vfs);
json_t *program_vf_json(const struct sriov_vf *vf);

int program_list(struct program *program);
int program_show(struct program *program);
int program_stats(struct program *program);
int program_plan(struct program *program);
int program_apply(struct program *program);
int program_set(struct program *program);
int program_bind(struct program *program);
int program_watch(struct program *program);
