/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a flow does, compiled: instructions in the order in which OpenFlow has them done, and
 * actions as a flat list of operations. The control thread builds a program; workers run it and
 * never change it; it is freed when no worker can still be running it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dp_bridge;
struct dp_group;
struct dp_meter;

enum dp_op_code {
	DP_OP_OUTPUT,     /* arg: OpenFlow port, or one of DP_OUT_* */
	DP_OP_OUTPUT_REG, /* offset, n_bytes of the key; data: bit, bits << 8, most bytes << 16 */
	DP_OP_CONTROLLER, /* arg: most bytes; data: reason << 16 | controller id */
	DP_OP_GROUP,      /* data: struct dp_group * */
	/* arg of these two: DP_HAS_* of which the frame must have one, 0: none */
	DP_OP_SET,       /* offset, n_bytes of the key; data: value, mask, each padded to 8 bytes */
	DP_OP_MOVE,      /* data: struct dp_move */
	DP_OP_PUSH_VLAN, /* arg: ethertype, of all pushes and of POP_MPLS */
	DP_OP_POP_VLAN,
	DP_OP_PUSH_MPLS,
	DP_OP_POP_MPLS,
	DP_OP_PUSH_PBB,
	DP_OP_POP_PBB,
	DP_OP_COPY_TTL_OUT,
	DP_OP_COPY_TTL_IN,
	DP_OP_SET_IP_TTL, /* arg */
	DP_OP_DEC_IP_TTL,
	DP_OP_SET_MPLS_TTL, /* arg */
	DP_OP_DEC_MPLS_TTL,
	DP_OP_SET_QUEUE, /* arg */
	DP_OP_RESUBMIT,  /* arg: in_port for the search, DP_OUT_IN_PORT: as it is; offset: table */
	DP_OP_CONJUNCTION, /* arg: id; data: clauses << 8 | which of them */
	DP_OP_LEARN,       /* data: struct dp_learn */
	DP_OP_FIN_TIMEOUT, /* arg: timeouts in seconds, idle << 16 | hard, each 0: none */
	DP_N_OPS,
};

#define DP_OUT_IN_PORT    0xfffffff8u
#define DP_OUT_TABLE      0xfffffff9u
#define DP_OUT_NORMAL     0xfffffffau
#define DP_OUT_FLOOD      0xfffffffbu
#define DP_OUT_ALL        0xfffffffcu
#define DP_OUT_CONTROLLER 0xfffffffdu
#define DP_OUT_LOCAL      0xfffffffeu

#define DP_NO_TABLE 0xff

/* What a frame has; of SET and MOVE, what it must have for the field to be its own. */
#define DP_HAS_VLAN   0x0001
#define DP_HAS_IPV4   0x0002
#define DP_HAS_IPV6   0x0004
#define DP_HAS_ARP    0x0008 /* ARP and RARP */
#define DP_HAS_MPLS   0x0010
#define DP_HAS_PBB    0x0020
#define DP_HAS_TCP    0x0040 /* over either IP; not of a later fragment */
#define DP_HAS_UDP    0x0080
#define DP_HAS_SCTP   0x0100
#define DP_HAS_ICMPV4 0x0200
#define DP_HAS_ICMPV6 0x0400
#define DP_HAS_ND     0x0800 /* ICMPv6 135 or 136, code 0 */
#define DP_HAS_ND_NS  0x1000
#define DP_HAS_ND_NA  0x2000

/* An operation; the next one begins n_words 8-byte words behind it. */
struct dp_op {
	uint8_t code;    /* enum dp_op_code */
	uint8_t n_words; /* with this header */
	uint8_t offset, n_bytes;
	uint32_t arg;
	uint64_t data[];
};

/* Bits, counted from the lowest, of fields at offsets in the key. */
struct dp_move {
	uint8_t from_offset, from_bytes, from_bit;
	uint8_t to_offset, to_bytes, to_bit;
	uint8_t n_bits, pad_;
};

/* Bits of a word of the key: those by which what is learned is found, and all that it takes. */
struct dp_learn_word {
	uint64_t at, match, all;
};

/* Learning from a frame: a template that the control thread knows to use, and what of the key it
 * takes. The same template, with the same bits, makes the same flow again. */
struct dp_learn {
	uint64_t id; /* of the template: a hash of it */
	uint32_t n_words, n_bytes;
	struct dp_learn_word words[]; /* [n_words], then the template, n_bytes */
};

struct dp_program {
	uint64_t metadata, metadata_mask; /* as they stand in the key */
	struct dp_meter *meter;
	uint16_t n_apply, n_write; /* 8-byte words of operations */
	uint8_t goto_table;        /* DP_NO_TABLE: the action set is done */
	bool clears;
	bool writes_metadata;
	bool is_clause;   /* n_apply are conjunctions alone, upwards by id, then by clauses */
	uint8_t miss;     /* packet-ins of its outputs to the controller say "no match" */
	uint64_t words[]; /* n_apply, then n_write */
};

static inline const uint8_t *dp_learn_template(const struct dp_learn *learn)
{
	return (const uint8_t *)&learn->words[learn->n_words];
}

#define DP_MAX_OP_WORDS 255

/* A program while it is built. */
struct dp_builder {
	struct dp_program head;
	uint64_t *words;
	size_t n, n_apply, room; /* words */
	bool writes, failed;
};

/** Append an operation with n_data words behind it; returns it, or NULL when out of memory. */
struct dp_op *dp_builder_op(
	struct dp_builder *b, enum dp_op_code code, uint32_t arg, size_t n_data);

/** From here on operations are those of write-actions. */
void dp_builder_begin_write(struct dp_builder *b);

/** Make the program, to be freed with free(), and empty the builder, whatever the outcome.
 * errors: -ENOMEM, -E2BIG (64 Ki words) */
int dp_builder_end(struct dp_builder *b, struct dp_program **ret);
