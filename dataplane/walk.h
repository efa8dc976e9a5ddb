/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A frame's walk through the tables of its bridge, in a worker or in a trace: the same code, that
 * only hands what it finds to another sink.
 */
#pragma once

#include "pipeline.h"
#include "rewrite.h"

#define DP_TCP_FIN 0x01
#define DP_TCP_RST 0x04

#define DP_MAX_VARIANTS 256  /* changed heads of a burst */
#define DP_MAX_DEPTH    64   /* resubmits and groups within each other */
#define DP_MAX_STEPS    4096 /* of them for one frame: each may lead to several more */
#define DP_MAX_SETS     48   /* fields in an action set */
#define DP_MAX_OUTPUTS  4096 /* of one frame */

/* A changed head of a frame. What lies behind the head is still the frame's. */
struct dp_variant {
	struct dp_frame frame;
	bool is_shared; /* an output refers to it: the next change takes a copy */
	uint8_t bytes[DP_EDIT_ROOM + DP_HEAD_BYTES + 8];
};

/* OpenFlow 1.3.5, 5.10: at most one action of a kind, done in a fixed order at the end. How much of
 * it there is, the walk knows: most have none, and should not carry it through the cache. */
struct dp_action_set {
	const struct dp_op *ops[DP_N_OPS];
	const struct dp_op *sets[DP_MAX_SETS]; /* DP_OP_SET: one a field */
};

struct dp_walk {
	struct sh_flow_key key;       /* unless is_parsed, only its DP_KEY_OWN_WORDS hold */
	struct dp_edit edit;          /* when is_parsed; key and layers always hold then */
	const struct dp_frame *frame; /* what an output delivers, but for changes in variant */
	struct dp_variant *variant;   /* changed head; NULL: as it came */
	const struct dp_flow *flow;   /* whose program runs; NULL: a packet-out's */
	uint8_t table;                /* to be looked up next, DP_NO_TABLE: none */
	uint8_t depth;
	uint16_t n_steps;
	uint32_t in_port; /* where it came in, as the key has it */
	bool is_parsed;
	uint8_t why; /* enum dp_drop, if it goes nowhere */
	bool is_dropped;
	bool is_miss;
	uint32_t n_out;
	uint32_t set_has; /* bit map of codes in its action set */
	uint8_t n_sets;
};

struct dp_walk_ctx;

/* Where verdicts go. */
struct dp_sink {
	/* A frame goes to a port, to several, or is dropped at one. */
	void (*frame)(struct dp_walk_ctx *c, const struct dp_frame *f, const struct dp_verdict *v);
	/* To the control thread, as to says: an output. */
	void (*control)(struct dp_walk_ctx *c, const struct dp_frame *f, struct dp_to_control *to);
	/* The flow that runs learns from the frame. */
	void (*learn)(struct dp_walk_ctx *c, const struct dp_walk *walk, const struct dp_op *op);
	/* The walk is over: n_out outputs, or none and the reason why. */
	void (*done)(struct dp_walk_ctx *c, const struct dp_walk *walk);
	/* NULL in workers: what a trace tells. */
	void (*looked_up)(struct dp_walk_ctx *c, const struct dp_walk *walk, uint8_t table,
		const struct dp_flow *flow);
	void (*operation)(
		struct dp_walk_ctx *c, const struct dp_walk *walk, const struct dp_op *op);
};

/* Memory of walks. One a worker, one for traces. */
struct dp_walk_space {
	struct dp_walk walks[DP_BURST];
	struct dp_action_set sets[DP_BURST];
	uint32_t n_variants;
	struct dp_variant variants[DP_MAX_VARIANTS];
};

struct dp_walk_ctx {
	struct dp_decide_ctx decide;
	const struct dp_pipeline *pipeline;
	struct dp_walk_space *space;
	struct dp_count *counts; /* NULL: nothing is counted, no meter takes */
	const struct dp_sink *sink;
	void *arg; /* the sink's */
};

/**
 * Walk a burst that came in on ctx->decide.in through the tables.
 *
 * shape:   frames[n], n <= DP_BURST; what is handed to the sink is valid until the next burst
 * thread:  any worker, lock-free
 */
void dp_walk_burst(struct dp_walk_ctx *c, const struct dp_frame *frames, unsigned n);

/**
 * Run a program over one frame, as a packet-out does.
 *
 * units:   in_port as in the key, an OpenFlow number
 * thread:  a worker
 */
void dp_walk_program(struct dp_walk_ctx *c, const struct dp_frame *frame, uint32_t in_port,
	const struct dp_program *program);

/* walk_ops.c: do a list of operations; they may end the walk (is_dropped). */
void dp_walk_run(struct dp_walk_ctx *c, struct dp_walk *walk, const uint64_t *words, unsigned n);

/* walk_set.c */
void dp_set_merge(struct dp_walk_ctx *c, struct dp_walk *walk, const uint64_t *words, unsigned n);
void dp_set_run(struct dp_walk_ctx *c, struct dp_walk *walk);

/* walk_group.c */
void dp_walk_group(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_group *group);

/* walk_meter.c; false: the frame is over the rate */
bool dp_walk_meter(struct dp_walk_ctx *c, struct dp_walk *walk, struct dp_meter *meter);

/* walk.c: look one frame up from a table on, and do what is found, through all gotos. */
void dp_walk_from(struct dp_walk_ctx *c, struct dp_walk *walk, uint8_t table);

/** Begin a resubmit, a group or an output to TABLE; depth-- ends it. false: the walk is over. */
bool dp_walk_deeper(struct dp_walk *walk);

/* The same as if it had come in at another port (DP_OUT_IN_PORT: its own), for this one lookup:
 * what is found works with its own again (ovs-actions(7)). */
void dp_walk_resubmit(struct dp_walk_ctx *c, struct dp_walk *walk, uint8_t table, uint32_t in_port);

/** Bytes of the frame as it is now. */
static inline uint32_t dp_walk_len(const struct dp_walk *walk)
{
	return walk->is_parsed ? walk->edit.len : walk->frame->len;
}

/** Have a head that may be written; false and a reason for the walk when there is no memory. */
bool dp_walk_own(struct dp_walk_ctx *c, struct dp_walk *walk);

/* walk_out.c: outputs of the frame as it is now */
void dp_walk_output(struct dp_walk_ctx *c, struct dp_walk *walk, uint32_t ofport);
void dp_walk_control(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_op *op);

/** The end of the walk, counted as a drop beside what was sent before. */
void dp_walk_lose(struct dp_walk_ctx *c, struct dp_walk *walk, enum dp_drop reason);

/** The frame as the walk has made it; from now on it is not changed any more. */
const struct dp_frame *dp_walk_freeze(struct dp_walk *walk);

/* walk.c: fill the key in from the frame as it came. */
void dp_walk_parse(struct dp_walk *walk);

/* fast path */

/* The words that a key has before its frame is parsed: in_port, actset_output, metadata. */
#define DP_KEY_OWN_WORDS ((UINT32_C(1) << DP_KEY_FRAME_BEGIN / 8) - 1)

/* Words that a table or a flow uses; whether any of them is of the frame. */
static inline bool dp_walk_reads_frame(uint32_t used)
{
	return used & ~DP_KEY_OWN_WORDS;
}

/** Whether the frame ends a TCP connection, or says that there is none. The key is parsed. */
static inline bool dp_walk_ends_tcp(const struct dp_walk *walk)
{
	return walk->key.tcp_flags[1] & (DP_TCP_FIN | DP_TCP_RST) &&
	       dp_key_has(&walk->key) & DP_HAS_TCP;
}

/** Before anything looks at more of the key than that, and before the frame is changed. */
static inline void dp_walk_need_key(struct dp_walk *walk)
{
	if (!walk->is_parsed)
		dp_walk_parse(walk);
}

/** A port of the bridge by its OpenFlow number, or NULL. */
static inline const struct dp_snap_port *dp_walk_port(const struct dp_walk_ctx *c, uint32_t ofport)
{
	const struct dp_snap_bridge *bridge = c->decide.in->bridge;
	uint16_t plus1;

	if (unlikely(ofport == DP_OUT_LOCAL))
		plus1 = bridge->local_plus1;
	else
		plus1 = likely(ofport < bridge->n_ofports) ? bridge->by_ofport[ofport] : 0;
	return likely(plus1) ? c->decide.snapshot->ports[plus1 - 1] : NULL;
}

static inline uint32_t dp_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void dp_put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}
