/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A flow from text: its match, what it is beside that, and behind "actions=" what it does. Pure;
 * any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "parse.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

#define DEFAULT_PRIORITY 0x8000

struct reading {
	struct of_flow_mod *mod;
	const struct of_text_names *names;
	struct of_terms terms;
	struct sh_err *err;
};

static bool is_strict(const struct reading *rd)
{
	return rd->mod->command != OF_FC_DELETE && rd->mod->command != OF_FC_MODIFY;
}

static bool deletes(const struct reading *rd)
{
	return rd->mod->command >= OF_FC_DELETE;
}

static int set_table(struct reading *rd, struct of_word *word)
{
	uint64_t v;
	int r = of_parse_number(word->key, word->value, OF_N_TABLES - 1, &v, rd->err);

	rd->mod->table = (uint8_t)v;
	return r;
}

static int set_priority(struct reading *rd, struct of_word *word)
{
	uint64_t v;
	int r = of_parse_number(word->key, word->value, UINT16_MAX, &v, rd->err);

	if (r == 0 && !is_strict(rd))
		return sh_err_set(rd->err, -EINVAL,
			"priority names one flow: it is for a strict command alone");
	rd->mod->priority = (uint16_t)v;
	return r;
}

/* "V" of a flow; "V/MASK" of those that are asked for, where -1 is all bits, as people write it. */
static int set_cookie(struct reading *rd, struct of_word *word)
{
	char *slash = strchr(word->value, '/');
	int r;

	if (slash && rd->mod->command == OF_FC_ADD)
		return sh_err_set(rd->err, -EINVAL, "cookie: a flow that is added has no mask");
	if (slash)
		*slash = '\0';
	r = of_parse_number(word->key, word->value, UINT64_MAX, &rd->mod->cookie, rd->err);
	if (rd->mod->command != OF_FC_ADD)
		rd->mod->cookie_mask = UINT64_MAX;
	if (r == 0 && slash && strcmp(slash + 1, "-1") != 0)
		r = of_parse_number(
			word->key, slash + 1, UINT64_MAX, &rd->mod->cookie_mask, rd->err);
	return r;
}

static int set_timeout(struct reading *rd, struct of_word *word)
{
	uint64_t v;
	int r = of_parse_number(word->key, word->value, UINT16_MAX, &v, rd->err);

	if (strcmp(word->key, "idle_timeout") == 0)
		rd->mod->idle_timeout_s = (uint16_t)v;
	else
		rd->mod->hard_timeout_s = (uint16_t)v;
	return r;
}

static int set_out_port(struct reading *rd, struct of_word *word)
{
	if (!deletes(rd))
		return sh_err_set(rd->err, -EINVAL, "out_port says what to delete");
	return of_parse_port(rd->names, word->key, word->value, &rd->mod->out_port, rd->err);
}

static int set_out_group(struct reading *rd, struct of_word *word)
{
	uint64_t v;
	int r = of_parse_number(word->key, word->value, OF_GROUP_MAX, &v, rd->err);

	if (r == 0 && !deletes(rd))
		return sh_err_set(rd->err, -EINVAL, "out_group says what to delete");
	rd->mod->out_group = (uint32_t)v;
	return r;
}

/* What a listing prints beside a flow, and no flow is made of. */
static int skip(struct reading *rd, struct of_word *word)
{
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(struct reading *rd, struct of_word *word);
} settings[] = {
	{ "table", set_table },
	{ "priority", set_priority },
	{ "cookie", set_cookie },
	{ "idle_timeout", set_timeout },
	{ "hard_timeout", set_timeout },
	{ "out_port", set_out_port },
	{ "out_group", set_out_group },
	{ "duration", skip },
	{ "n_packets", skip },
	{ "n_bytes", skip },
	{ "idle_age", skip },
	{ "hard_age", skip },
};

static uint16_t flag_of(const char *key)
{
	static const struct {
		const char *name;
		uint16_t flag;
	} flags[] = {
		{ "send_flow_rem", OF_FF_SEND_FLOW_REM },
		{ "check_overlap", OF_FF_CHECK_OVERLAP },
		{ "reset_counts", OF_FF_RESET_COUNTS },
		{ "no_packet_counts", OF_FF_NO_PKT_COUNTS },
		{ "no_byte_counts", OF_FF_NO_BYT_COUNTS },
	};

	for (unsigned i = 0; i < N(flags); i++)
		if (strcmp(flags[i].name, key) == 0)
			return flags[i].flag;
	return 0;
}

static int take_word(struct reading *rd, struct of_word *word)
{
	uint16_t flag = flag_of(word->key);

	for (unsigned i = 0; i < N(settings); i++)
		if (strcmp(settings[i].name, word->key) == 0)
			return settings[i].fn(rd, word);
	if (!flag)
		return of_terms_add(&rd->terms, word, rd->err);
	if (word->mark)
		return of_parse_refuse(rd->err, word->key, word->value, "nothing");
	rd->mod->flags |= flag;
	return 0;
}

/* Behind "actions=" all is actions; NULL: this is not where it begins. */
static char *actions_at(char *at)
{
	at += strspn(at, ", \t\r\n");
	if (strncmp(at, "actions=", 8) == 0)
		return at + 8;
	return strncmp(at, "action=", 7) == 0 ? at + 7 : NULL;
}

static int take_words(struct reading *rd, char *at, char **ret_actions)
{
	struct of_word word;
	int r;

	*ret_actions = NULL;
	while (!(*ret_actions = actions_at(at))) {
		r = of_word_next(&at, &word, rd->err);
		if (r > 0)
			r = take_word(rd, &word);
		else
			return r;
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_actions(struct reading *rd, const char *actions)
{
	struct of_flow_mod *mod = rd->mod;

	if (deletes(rd))
		return actions ? sh_err_set(rd->err, -EINVAL,
					 "actions: a flow that is deleted is named without them")
			       : 0;
	if (!actions)
		return sh_err_set(rd->err, -EINVAL, "actions are missing: 'actions=...'");
	return of_instructions_parse(
		actions, rd->names, &mod->match, mod->table, &mod->instructions, rd->err);
}

int of_flow_parse(const char *text, enum of_flow_command command, const struct of_text_names *names,
	struct of_flow_mod *ret, struct sh_err *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct of_flow_mod mod = { .command = (uint8_t)command,
		.table = command == OF_FC_DELETE ? OF_TABLE_ALL : 0,
		.priority = DEFAULT_PRIORITY,
		.buffer_id = OF_NO_BUFFER,
		.out_port = OF_PORT_ANY,
		.out_group = OF_GROUP_ANY };
	struct reading rd = { .mod = &mod, .names = names, .err = err };
	char *actions;
	int r;

	if (!copy)
		return sh_err_set(err, -ENOMEM, "out of memory");
	r = take_words(&rd, copy, &actions);
	if (r == 0)
		r = of_terms_match(&rd.terms, names, &mod.match, err);
	if (r == 0)
		r = take_actions(&rd, actions);
	if (r == 0)
		*ret = mod;
	return r;
}
