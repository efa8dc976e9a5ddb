/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Actions and instructions: the model, and their wire form (OpenFlow 1.3.5, 7.2.4 and 7.2.5, with
 * Nicira's extensions). What a list means is the dataplane's business; here it is read, checked,
 * written and printed.
 */
#pragma once

#include "ofproto/match.h"

enum of_action_type {
	OF_ACTION_OUTPUT,
	OF_ACTION_GROUP,
	OF_ACTION_SET_QUEUE,
	OF_ACTION_SET_FIELD, /* NX reg_load too: value under a mask */
	OF_ACTION_PUSH_VLAN,
	OF_ACTION_POP_VLAN,
	OF_ACTION_PUSH_MPLS,
	OF_ACTION_POP_MPLS,
	OF_ACTION_PUSH_PBB,
	OF_ACTION_POP_PBB,
	OF_ACTION_COPY_TTL_OUT,
	OF_ACTION_COPY_TTL_IN,
	OF_ACTION_SET_NW_TTL,
	OF_ACTION_DEC_NW_TTL,
	OF_ACTION_SET_MPLS_TTL,
	OF_ACTION_DEC_MPLS_TTL,
	OF_ACTION_MOVE,        /* NX reg_move: bits from one field to another */
	OF_ACTION_RESUBMIT,    /* NX */
	OF_ACTION_LEARN,       /* NX */
	OF_ACTION_CONJUNCTION, /* NX: of a flow that is one clause of conj_id */
	OF_ACTION_NOTE,        /* NX: bytes without meaning */
	OF_ACTION_CONTROLLER,  /* NX: output to the controller with a reason and an id */
	OF_ACTION_OUTPUT_REG,  /* NX: output to the port that a field names */
	OF_ACTION_POP_QUEUE,   /* NX: the queue is what it was before set_queue */
	OF_ACTION_FIN_TIMEOUT, /* NX: a TCP connection ends, and the flow soon after it */
	OF_N_ACTION_TYPES,
};

/* Bits of a field, lowest first. */
struct of_subfield {
	uint8_t field; /* enum of_field_id */
	uint8_t offset, n_bits;
	bool is_nxm; /* named through NXM's in_port, vlan_tci or ip_tos, and written back so */
};

struct of_action {
	uint8_t type; /* enum of_action_type */
	bool is_nx;   /* came in Nicira's form, and is written back so */
	union {
		struct {
			uint32_t port; /* OFPP_* too */
			uint16_t max_len;
		} output;
		struct {
			struct of_subfield from; /* NXM's 16 bits of a port */
			uint16_t max_len;
		} output_reg;
		uint32_t group, queue;
		struct {
			uint8_t field;               /* enum of_field_id */
			uint8_t value[16], mask[16]; /* the first n_bytes of the field */
		} set;
		uint16_t eth_type; /* push and pop */
		uint8_t ttl;
		struct {
			struct of_subfield from, to;
		} move;
		struct {
			uint32_t in_port; /* OFPP_IN_PORT: as it is */
			uint8_t table;    /* 255: this one */
		} resubmit;
		struct {
			uint32_t id;
			uint8_t clause, n_clauses;
		} conjunction;
		struct {
			uint16_t max_len, controller_id;
			uint8_t reason;
		} controller;
		struct {
			uint8_t *data; /* note's bytes; owned */
			uint16_t len;
		} note;
		struct {
			uint16_t idle_s, hard_s; /* 0: as it is */
		} fin_timeout;
		struct of_learn *learn; /* owned */
	};
};

/* NX learn: the flow to be made, as a list of what goes where. */
struct of_learn_spec {
	bool to_match; /* else a load action of the new flow; is_output: neither, an output action
			*/
	bool is_output, from_field;
	uint8_t n_bits;
	struct of_subfield from; /* from_field */
	uint8_t value[16];       /* else: right-aligned constant */
	struct of_subfield to;
};

struct of_learn {
	uint16_t idle_timeout_s, hard_timeout_s, priority, flags;
	uint64_t cookie;
	uint8_t table;
	uint16_t fin_idle_timeout_s, fin_hard_timeout_s;
	unsigned n_specs;
	struct of_learn_spec specs[];
};

struct of_actions {
	unsigned n;
	struct of_action *list; /* owned */
};

void of_actions_done(struct of_actions *actions);
int of_actions_copy(const struct of_actions *from, struct of_actions *ret);
bool of_actions_equal(const struct of_actions *a, const struct of_actions *b);

/* What decoding may check beyond the bytes themselves. */
struct of_action_limits {
	uint32_t max_port; /* ports above, that are not OFPP_*, are BAD_OUT_PORT */
	bool is_set;       /* a write-actions list: NX actions that make no sense there refused */
	bool is_bucket;    /* a group's: so are those that are about a flow */
	const struct of_match *match; /* of the flow, for prerequisites of set-field and the like
				       * (BAD_ACTION MATCH_INCONSISTENT or BAD_SET_ARGUMENT, as the
				       * standard has them); NULL: unchecked, as in groups */
};

/**
 * Decode n_bytes of actions off the cursor.
 *
 * shape:   limits may be NULL
 * errors:  -EINVAL with reterr_of: BAD_ACTION *, BAD_REQUEST BAD_LEN when there are not n_bytes, or
 *          an experimenter's (a mask in set-field, ONF 4250; a bad conjunction, Nicira 15); -ENOMEM
 * thread:  any
 */
int of_actions_decode(struct of_cursor *c, size_t n_bytes, const struct of_action_limits *limits,
	struct of_actions *ret, struct of_err *reterr_of);
void of_actions_encode(const struct of_actions *actions, struct of_buf *out);

/** ovs-ofctl's syntax, "set_field:1->reg0,output:2"; "drop" for none. */
void of_actions_format(const struct of_actions *actions, struct of_buf *out);

struct of_instructions {
	bool has_meter, has_clear, has_write, has_metadata, has_goto;
	bool has_apply; /* with an action at least: an empty list is none */
	uint8_t goto_table;
	uint32_t meter;
	uint64_t metadata, metadata_mask;
	struct of_actions apply, write;
};

void of_instructions_done(struct of_instructions *instructions);
bool of_instructions_equal(const struct of_instructions *a, const struct of_instructions *b);

/**
 * Decode the instructions that are left on the cursor.
 *
 * shape:   table_id is the flow's own, for goto's check; 255: unchecked. limits may be NULL
 * errors:  -EINVAL with reterr_of (BAD_INSTRUCTION *, as actions, METER_MOD_FAILED INVALID_METER);
 *          -ENOMEM
 * thread:  any
 */
int of_instructions_decode(struct of_cursor *c, uint8_t table_id,
	const struct of_action_limits *limits, struct of_instructions *ret,
	struct of_err *reterr_of);
void of_instructions_encode(const struct of_instructions *instructions, struct of_buf *out);

/** "meter:1,set_field:...,output:2,goto_table:3" as ovs-ofctl prints them. */
void of_instructions_format(const struct of_instructions *instructions, struct of_buf *out);
