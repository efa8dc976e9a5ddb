/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Instructions from text: what stands beside actions in ovs-ofctl's "actions=". In whatever order
 * they come, they are done in the standard's. Pure; any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "parse.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

/* What a reply can still tell about (of13_wire.h has it to the byte). */
#define MAX_WIRE 0xff00

struct reading {
	struct of_instructions in;
	struct of_action_list apply, write;
	struct of_action_state state;
	uint8_t table;
	bool has_write;
	struct sh_err *err;
};

typedef int word_fn(struct reading *r, struct of_word *word);

static int number(struct reading *rd, const struct of_word *word, uint64_t max, uint64_t *ret)
{
	return of_parse_number(word->key, word->value, max, ret, rd->err);
}

static int once(struct reading *rd, const struct of_word *word, bool *has)
{
	if (*has)
		return sh_err_set(rd->err, -EINVAL, "%.64s is said twice", word->key);
	*has = true;
	return 0;
}

static int meter(struct reading *rd, struct of_word *word)
{
	uint64_t v;
	int r = once(rd, word, &rd->in.has_meter);

	if (r == 0)
		r = number(rd, word, OF_METER_MAX, &v);
	if (r == 0 && v == 0)
		return of_parse_refuse(rd->err, word->key, word->value, "meters begin at 1");
	rd->in.meter = r == 0 ? (uint32_t)v : 0;
	return r;
}

static int clear(struct reading *rd, struct of_word *word)
{
	if (word->mark)
		return of_parse_refuse(rd->err, word->key, word->value, "nothing");
	return once(rd, word, &rd->in.has_clear);
}

static int metadata(struct reading *rd, struct of_word *word)
{
	char *slash = strchr(word->value, '/');
	int r = once(rd, word, &rd->in.has_metadata);

	if (slash)
		*slash = '\0';
	rd->in.metadata_mask = UINT64_MAX;
	if (r == 0)
		r = number(rd, word, UINT64_MAX, &rd->in.metadata);
	if (r == 0 && slash)
		r = of_parse_number(
			word->key, slash + 1, UINT64_MAX, &rd->in.metadata_mask, rd->err);
	return r;
}

static int goto_table(struct reading *rd, struct of_word *word)
{
	uint64_t v;
	int r = once(rd, word, &rd->in.has_goto);

	if (r == 0)
		r = number(rd, word, OF_N_TABLES - 1, &v);
	if (r == 0 && rd->table != OF_TABLE_ALL && v <= rd->table)
		return sh_err_set(rd->err, -EINVAL,
			"goto_table: table %u is not behind the flow's own, %u", (unsigned)v,
			rd->table);
	rd->in.goto_table = r == 0 ? (uint8_t)v : 0;
	return r;
}

static int add_all(struct reading *rd, struct of_action_list *list, char *text)
{
	struct of_word word;
	int r;

	while ((r = of_word_next(&text, &word, rd->err)) > 0) {
		r = of_action_list_add(list, &word);
		if (r < 0)
			break;
	}
	return r;
}

static int write_actions(struct reading *rd, struct of_word *word)
{
	int r = once(rd, word, &rd->has_write);

	return r < 0 ? r : add_all(rd, &rd->write, word->value);
}

static int apply_actions(struct reading *rd, struct of_word *word)
{
	return add_all(rd, &rd->apply, word->value);
}

static const struct {
	const char *name;
	word_fn *fn;
} rows[] = {
	{ "meter", meter },
	{ "clear_actions", clear },
	{ "write_metadata", metadata },
	{ "goto_table", goto_table },
	{ "write_actions", write_actions },
	{ "apply_actions", apply_actions },
};

static int take_word(struct reading *rd, struct of_word *word)
{
	for (unsigned i = 0; i < N(rows); i++)
		if (strcmp(rows[i].name, word->key) == 0)
			return rows[i].fn(rd, word);
	return of_action_list_add(&rd->apply, word);
}

static int take_words(struct reading *rd, char *text)
{
	struct of_word word;
	int r;

	while ((r = of_word_next(&text, &word, rd->err)) > 0) {
		r = take_word(rd, &word);
		if (r < 0)
			return r;
	}
	if (r == 0 && rd->apply.drops &&
		(rd->in.has_goto || rd->in.has_meter || rd->in.has_clear || rd->in.has_metadata ||
			rd->has_write))
		return sh_err_set(rd->err, -EINVAL, "'drop' beside other instructions");
	return r;
}

/* As a whole it goes the way of what a controller sends, which has the rules. */
static int finish(struct reading *rd, const struct of_match *match, struct of_instructions *ret)
{
	const struct of_action_limits limits = { .max_port = rd->apply.limits.max_port,
		.match = match };
	struct of_buf wire = { 0 };
	struct of_cursor c;
	struct of_err of = { 0 };
	int r;

	rd->in.apply = rd->apply.actions;
	rd->in.has_apply = rd->in.apply.n;
	rd->in.write = rd->write.actions;
	rd->in.has_write = rd->has_write;
	of_instructions_encode(&rd->in, &wire);
	c = (struct of_cursor){ wire.data, wire.len };
	if (wire.failed)
		r = -ENOMEM;
	else if (wire.len > MAX_WIRE)
		r = sh_err_set(rd->err, -EINVAL, "more actions than a flow can have");
	else
		r = of_instructions_decode(&c, rd->table, &limits, ret, &of);
	if (r == -EINVAL && wire.len <= MAX_WIRE)
		sh_err_set(
			rd->err, r, "the actions together are not allowed: %s", of_err_name(&of));
	of_buf_done(&wire);
	return r;
}

static void begin(struct reading *rd, const struct of_text_names *names,
	const struct of_match *match, struct sh_err *err)
{
	of_action_state_init(&rd->state, match);
	rd->err = err;
	rd->apply = (struct of_action_list){ .names = names,
		.state = &rd->state,
		.limits = { .max_port = names && names->max_port ? names->max_port : 0xfeff },
		.err = err };
	rd->write = rd->apply;
	rd->write.limits.is_set = true;
}

int of_instructions_parse(const char *text, const struct of_text_names *names,
	const struct of_match *match, uint8_t table, struct of_instructions *ret,
	struct sh_err *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct reading rd = { .table = table };
	int r = copy ? 0 : -ENOMEM;

	begin(&rd, names, match, err);
	if (r == 0)
		r = take_words(&rd, copy);
	if (r == 0)
		r = finish(&rd, match, ret);
	of_actions_done(&rd.apply.actions);
	of_actions_done(&rd.write.actions);
	return r == -ENOMEM ? sh_err_set(err, r, "out of memory") : r;
}
