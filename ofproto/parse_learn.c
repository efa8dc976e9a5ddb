/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Nicira's learn from text, the way back of of_learn_format. Pure; any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ofproto/learn.h"
#include "parse.h"
#include "subfield.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

#define MAX_SPECS        64
#define DEFAULT_PRIORITY 0x8000

/* Words with a number. */
static int set_number(
	struct of_learn *learn, const struct of_word *word, uint64_t v, struct sh_err *err)
{
	static const char *const names[] = { "idle_timeout", "hard_timeout", "fin_idle_timeout",
		"fin_hard_timeout", "priority" };
	uint16_t *const fields[] = { &learn->idle_timeout_s, &learn->hard_timeout_s,
		&learn->fin_idle_timeout_s, &learn->fin_hard_timeout_s, &learn->priority };

	for (unsigned i = 0; i < N(names); i++) {
		if (strcmp(names[i], word->key) != 0)
			continue;
		if (of_parse_number(word->key, word->value, UINT16_MAX, &v, err) < 0)
			return -EINVAL;
		*fields[i] = (uint16_t)v;
		return 1;
	}
	return 0;
}

/* return: 1 when it was one of these words, 0 when not */
static int set_fixed(struct of_learn *learn, const struct of_word *word, struct sh_err *err)
{
	uint64_t v = 0;
	int r = 0;

	if (strcmp(word->key, "table") == 0) {
		r = of_parse_number(word->key, word->value, OF_N_TABLES - 1, &v, err);
		learn->table = (uint8_t)v;
	} else if (strcmp(word->key, "cookie") == 0) {
		r = of_parse_number(word->key, word->value, UINT64_MAX, &learn->cookie, err);
	} else if (strcmp(word->key, "send_flow_rem") == 0 && !word->mark) {
		learn->flags |= OF_LEARN_SEND_FLOW_REM;
	} else if (strcmp(word->key, "delete_learned") == 0 && !word->mark) {
		learn->flags |= OF_LEARN_DELETE_LEARNED;
	} else {
		return set_number(learn, word, v, err);
	}
	return r < 0 ? r : 1;
}

/* A constant of so many bits, at the low end. */
static int set_constant(struct of_learn_spec *spec, const char *key, const char *text,
	unsigned n_bits, struct sh_err *err)
{
	static const char hex[] = "0123456789abcdef";
	size_t n;
	uint64_t v;

	/* Wider than a number: hexadecimal digits */
	if (n_bits <= 64 || strncmp(text, "0x", 2) != 0) {
		uint64_t max = n_bits >= 64 ? UINT64_MAX : (UINT64_C(1) << n_bits) - 1;

		if (of_parse_number(key, text, max, &v, err) < 0)
			return -EINVAL;
		for (unsigned i = 0; i < 8; i++)
			spec->value[15 - i] = (uint8_t)(v >> 8 * i);
		return 0;
	}
	text += 2;
	n = strlen(text);
	if (n > 32 || strspn(text, hex) != n)
		return of_parse_refuse(err, key, text, "hexadecimal digits");
	for (size_t i = 0; i < n; i++)
		spec->value[15 - i / 2] |=
			(uint8_t)((strchr(hex, text[n - 1 - i]) - hex) << (i % 2 ? 4 : 0));
	return 0;
}

/* Starts as a number does: a field's name does not. */
static bool is_constant(const char *text)
{
	return *text >= '0' && *text <= '9';
}

static int check_widths(const struct of_learn_spec *spec, const char *key, struct sh_err *err)
{
	if (!spec->from_field || spec->is_output || spec->from.n_bits == spec->to.n_bits)
		return 0;
	return sh_err_set(err, -EINVAL, "%.64s: learn copies %u bits to %u", key, spec->from.n_bits,
		spec->to.n_bits);
}

/* "load:FROM->TO" */
static int load_spec(struct of_learn_spec *spec, const struct of_word *word, struct sh_err *err)
{
	char *arrow = strstr(word->value, "->");
	int r;

	if (!arrow)
		return of_parse_refuse(err, word->key, word->value, "VALUE->FIELD");
	*arrow = '\0';
	r = of_parse_subfield(word->key, arrow + 2, &spec->to, err);
	if (r < 0)
		return r;
	spec->from_field = !is_constant(word->value);
	if (spec->from_field)
		return of_parse_subfield(word->key, word->value, &spec->from, err);
	return set_constant(spec, word->key, word->value, spec->to.n_bits, err);
}

static int output_spec(struct of_learn_spec *spec, const struct of_word *word, struct sh_err *err)
{
	spec->is_output = spec->from_field = true;
	return of_parse_subfield(word->key, word->value, &spec->from, err);
}

/* "eth_type=0x800": a value in the field's own notation */
static int value_spec(struct of_learn_spec *spec, const struct of_word *word, int id,
	const struct of_text_names *names, struct sh_err *err)
{
	unsigned n_bytes = of_field((enum of_field_id)id)->n_bytes;
	uint8_t value[16], mask[16];
	int r;

	if (strchr(word->value, '/'))
		return sh_err_set(err, -EINVAL, "%.64s takes no mask in learn", word->key);
	r = of_parse_value(names, (enum of_field_id)id, word->key, word->value, value, mask, err);
	if (r == 0)
		r = of_parse_subfield(word->key, word->key, &spec->to, err);
	if (r == 0)
		memcpy(spec->value + 16 - n_bytes, value, n_bytes);
	return r;
}

/* "TO[]", "TO[]=FROM[]", "TO[0..3]=5" */
static int match_spec(struct of_learn_spec *spec, const struct of_word *word,
	const struct of_text_names *names, struct sh_err *err)
{
	int id = of_parse_field(word->key), r;

	spec->to_match = true;
	if (id >= 0 && word->mark && !strchr(word->value, '['))
		return value_spec(spec, word, id, names, err);
	r = of_parse_subfield(word->key, word->key, &spec->to, err);
	if (r < 0)
		return r;
	spec->from_field = !is_constant(word->value);
	if (!spec->from_field)
		return set_constant(spec, word->key, word->value, spec->to.n_bits, err);
	return of_parse_subfield(word->key, word->mark ? word->value : word->key, &spec->from, err);
}

static int add_spec(struct of_learn *learn, const struct of_word *word,
	const struct of_text_names *names, struct sh_err *err)
{
	struct of_learn_spec *spec = &learn->specs[learn->n_specs];
	int r;

	if (learn->n_specs == MAX_SPECS)
		return sh_err_set(err, -EINVAL, "%.64s is one word too many in learn", word->key);
	if (strcmp(word->key, "load") == 0)
		r = load_spec(spec, word, err);
	else if (strcmp(word->key, "output") == 0)
		r = output_spec(spec, word, err);
	else
		r = match_spec(spec, word, names, err);
	if (r == 0)
		r = check_widths(spec, word->key, err);
	if (r < 0)
		return r;
	spec->n_bits = spec->from_field ? spec->from.n_bits : spec->to.n_bits;
	learn->n_specs++;
	return 0;
}

int of_learn_parse(
	char *text, const struct of_text_names *names, struct of_learn **ret, struct sh_err *err)
{
	struct of_learn *learn = calloc(1, sizeof(*learn) + MAX_SPECS * sizeof(*learn->specs));
	struct of_word word;
	int r;

	if (!learn)
		return sh_err_set(err, -ENOMEM, "out of memory");
	learn->priority = DEFAULT_PRIORITY;
	learn->table = 1;
	while ((r = of_word_next(&text, &word, err)) > 0) {
		r = set_fixed(learn, &word, err);
		if (r == 0)
			r = add_spec(learn, &word, names, err);
		if (r < 0)
			break;
	}
	if (r < 0) {
		free(learn);
		return r;
	}
	*ret = learn;
	return 0;
}
