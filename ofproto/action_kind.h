/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What each action is made of: its number on the wire, its length, and how it is read, written and
 * printed. action.c walks lists of them. Any thread.
 */
#pragma once

#include "ofproto/action.h"

#define OF_ACTION_EXPERIMENTER 0xffff
#define OF_NICIRA              0x00002320u
#define OF_ONF                 0x4f4e4600u

/* An action's bytes behind its header: 4 of a standard one, 10 of Nicira's. */
struct of_body {
	const uint8_t *at;
	size_t n;
	const struct of_action_limits *limits;
};

struct of_action_kind {
	uint16_t number;   /* type, or Nicira's subtype */
	uint16_t min, max; /* bytes of the whole action */
	uint8_t type;      /* enum of_action_type */
	/* errors: -EINVAL with reterr_of, -ENOMEM. a is zeroed but for type and is_nx */
	int (*decode)(const struct of_body *body, struct of_action *a, struct of_err *reterr_of);
	/* The body alone: the caller writes the header, the length and padding */
	void (*encode)(const struct of_action *a, struct of_buf *out);
	void (*format)(const struct of_action *a, struct of_buf *out);
};

/* NULL when there is none. */
const struct of_action_kind *of_action_kind_standard(uint16_t type);
const struct of_action_kind *of_action_kind_nicira(uint16_t subtype);

/** The form in which an action is written. */
const struct of_action_kind *of_action_kind_of(const struct of_action *a, bool *ret_is_nx);

int of_bad_action(struct of_err *reterr_of, enum of_bad_action code);

/* Errors that have numbers of Open vSwitch's own. */
int of_bad_nicira(struct of_err *reterr_of, uint16_t type);
#define OF_NICIRA_BAD_CONJUNCTION 15

/* Set-field and reg_load: set_field.c. */
int of_set_field_decode(const struct of_body *body, struct of_action *a, struct of_err *reterr_of);
void of_set_field_encode(const struct of_action *a, struct of_buf *out);
void of_set_field_format(const struct of_action *a, struct of_buf *out);
int of_reg_load_decode(const struct of_body *body, struct of_action *a, struct of_err *reterr_of);
int of_reg_load2_decode(const struct of_body *body, struct of_action *a, struct of_err *reterr_of);
void of_reg_load_format(const struct of_action *a, struct of_buf *out);

/** Whole reg_load actions, one a run of bits in the mask. */
void of_reg_load_encode_all(const struct of_action *a, struct of_buf *out);

/* Whether the mask is the whole field's, so that set-field can say it. */
bool of_set_is_whole(const struct of_action *a);

/* Learn: learn.c. */
int of_learn_decode(const struct of_body *body, struct of_action *a, struct of_err *reterr_of);
void of_learn_encode(const struct of_action *a, struct of_buf *out);
void of_learn_format(const struct of_action *a, struct of_buf *out);
struct of_learn *of_learn_copy(const struct of_learn *learn);
bool of_learn_equal(const struct of_learn *a, const struct of_learn *b);

/** Whether the fields that it reads and writes are there. errors: as of_action_check() */
int of_learn_check(
	const struct of_learn *learn, const struct of_match *flow, struct of_err *reterr_of);

/* Which headers there are while a list is walked: action_check.c. */
struct of_action_state {
	bool is_checked; /* there is a match to check against */
	bool is_open;    /* behind pop_pbb: nothing is known of what comes to light */
	uint8_t n_vlans;
	struct of_match match;
};

void of_action_state_init(struct of_action_state *state, const struct of_match *match);

/**
 * Whether an action makes sense where it stands, and what it leaves behind.
 *
 * errors:  -EINVAL with reterr_of: BAD_ACTION MATCH_INCONSISTENT
 */
int of_action_check(
	struct of_action_state *state, const struct of_action *a, struct of_err *reterr_of);

/** What must be there for it: OF_PREREQ_*, of a move those of both fields. */
uint32_t of_action_needs(const struct of_action *a);

/** The same for an action set, whose order is not the list's: headers come and go first. */
int of_action_set_check(
	struct of_action_state *state, const struct of_actions *set, struct of_err *reterr_of);

/** Decode without looking at the limits' match: what goes before is only known to the caller. */
int of_actions_decode_unchecked(struct of_cursor *c, size_t n_bytes,
	const struct of_action_limits *limits, struct of_actions *ret, struct of_err *reterr_of);
int of_actions_check(struct of_action_state *state, const struct of_actions *actions, bool is_set,
	struct of_err *reterr_of);
