/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the readers of text share: words off the front of a text, and values in the notation of
 * their field. Any thread.
 */
#pragma once

#include "action_kind.h"
#include "ofproto/text.h"

/* "key", "key=value", "key:value" or "key(value)". */
struct of_word {
	char *key, *value; /* value: "" when there is none */
	char mark;         /* what is between them, 0 when nothing is */
};

/**
 * Cut the next word off, at a comma or at white space.
 *
 * return:  1, or 0 at the end
 * errors:  -EINVAL with a sentence (brackets that do not match)
 */
int of_word_next(char **at, struct of_word *ret, struct sh_err *err);

/** A number in C's notation. errors: -EINVAL with a sentence that begins with the key. */
int of_parse_number(
	const char *key, const char *text, uint64_t max, uint64_t *ret, struct sh_err *err);

/** A port by number, by OpenFlow's name or by its own. */
int of_parse_port(const struct of_text_names *names, const char *key, const char *text,
	uint32_t *ret, struct sh_err *err);

/**
 * A field's value, and behind a slash its mask.
 *
 * shape:   value[n_bytes], mask[n_bytes]: all ones where the text has none; text is cut
 */
int of_parse_value(const struct of_text_names *names, enum of_field_id id, const char *key,
	char *text, uint8_t value[16], uint8_t mask[16], struct sh_err *err);

int of_parse_mac(const char *text, uint8_t ret[6]);

/** The field of a name in the table of fields; -1 when there is none. */
int of_parse_field(const char *name);

/** The field that any of its names means where these prerequisites hold, or the first of them; -1
 * when there is none. */
int of_field_pick(const char *name, uint32_t held);

/** "NXM_OF_ETH_SRC[0..15]", "reg0", "reg0[3]". */
int of_parse_subfield(
	const char *key, const char *text, struct of_subfield *ret, struct sh_err *err);

/** "%s: '%s' is not allowed: what is". return: -EINVAL */
int of_parse_refuse(struct sh_err *err, const char *key, const char *text, const char *allowed);

/* parse_match.c: the words of a match, which may need one another. */
#define OF_MAX_TERMS 64

struct of_terms {
	struct of_term {
		struct of_word word;
		uint32_t prereq; /* of its field; it must hold in the end */
		bool is_done;
	} list[OF_MAX_TERMS];
	unsigned n;
};

int of_terms_add(struct of_terms *terms, const struct of_word *word, struct sh_err *err);
int of_terms_match(struct of_terms *terms, const struct of_text_names *names, struct of_match *ret,
	struct sh_err *err);

/** Say which prerequisites a word lacks. return: -EINVAL */
int of_prereq_lacks(struct sh_err *err, const char *key, uint32_t prereq);

/* parse_actions.c: a list of actions, one at a time. */
struct of_action_list {
	const struct of_text_names *names;
	struct of_action_limits limits;
	struct of_action_state *state; /* what the actions so far have made of the headers */
	struct of_actions actions;     /* to be given to of_actions_done */
	bool drops;                    /* "drop" was said */
	struct sh_err *err;
};

/** Add what a word says. errors: -EINVAL with a sentence, -ENOMEM */
int of_action_list_add(struct of_action_list *list, struct of_word *word);

/* parse_learn.c: "table=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]" */
int of_learn_parse(
	char *text, const struct of_text_names *names, struct of_learn **ret, struct sh_err *err);
