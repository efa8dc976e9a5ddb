/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The walk: parse a burst, look it up table by table, run what is found. All frames that wait for
 * one table are looked up together, lowest table first, so that each table's lines are called for
 * all of them before the first is read. Runs in workers and in traces.
 */
#include "walk.h"
#include "walk_straight.h"

static void begin(struct dp_walk *walk, const struct dp_frame *f, uint32_t in_port)
{
	memset(&walk->key, 0, DP_KEY_FRAME_BEGIN);
	dp_put_be32(walk->key.in_port, in_port);
	walk->in_port = in_port;
	walk->is_parsed = false;
	walk->frame = f;
	walk->variant = NULL;
	walk->flow = NULL;
	walk->table = 0;
	walk->depth = 0;
	walk->n_steps = 0;
	walk->why = DP_DROP_FLOW;
	walk->is_dropped = walk->is_miss = false;
	walk->n_out = 0;
	walk->set_has = 0;
	walk->n_sets = 0;
}

void dp_walk_parse(struct dp_walk *walk)
{
	const struct dp_frame *f = walk->frame;
	struct sh_flow_key *key = &walk->key;

	walk->edit = (struct dp_edit){ .head = (uint8_t *)(uintptr_t)f->head,
		.n = f->n_head,
		.len = f->len,
		.key = key,
		.offloads = f->offloads };
	if (unlikely(f->offloads)) {
		walk->edit.csum_start = f->csum_start;
		walk->edit.csum_offset = f->csum_offset;
		walk->edit.l3_start = f->l3_start;
		walk->edit.hdr_len = f->hdr_len;
	}
	(void)dp_parse(f->head, f->n_head, f->len, key, &walk->edit.layers);
	memset((uint8_t *)key + DP_KEY_FRAME_END, 0, sizeof(*key) - DP_KEY_FRAME_END);
	dp_put_be32(key->in_phy_port, walk->in_port);
	walk->is_parsed = true;
}

static struct dp_variant *variant_new(struct dp_walk_space *space)
{
	if (space->n_variants == DP_MAX_VARIANTS)
		return NULL;
	return &space->variants[space->n_variants++];
}

/* The head as it is now, copied to where it can be changed, with room in front. */
static void variant_fill(struct dp_variant *v, struct dp_walk *walk)
{
	struct dp_edit *e = &walk->edit;
	uint8_t *head = v->bytes + DP_EDIT_ROOM;

	if (e->n > DP_HEAD_BYTES)
		head = v->bytes + sizeof(v->bytes) - e->n;
	memcpy(head, e->head, e->n);
	v->frame = *walk->frame;
	v->is_shared = false;
	e->head = head;
	e->room = (uint32_t)(head - v->bytes);
	walk->variant = v;
}

bool dp_walk_own(struct dp_walk_ctx *c, struct dp_walk *walk)
{
	struct dp_variant *v = walk->variant;

	if (v && !v->is_shared)
		return true;
	dp_walk_need_key(walk);
	v = variant_new(c->space);
	if (unlikely(!v)) {
		walk->is_dropped = true;
		walk->why = DP_DROP_VARIANTS;
		return false;
	}
	variant_fill(v, walk);
	return true;
}

static inline void count_flow(struct dp_walk_ctx *c, const struct dp_walk *walk)
{
	uint32_t slot = __atomic_load_n(&walk->flow->slot, __ATOMIC_RELAXED);

	if (likely(c->counts))
		dp_count_add(&c->counts[slot], 1, dp_walk_len(walk), c->decide.now_s);
}

static void run_program(
	struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_program *program)
{
	if (unlikely(program->meter) && !dp_walk_meter(c, walk, program->meter))
		return;
	walk->is_miss = program->miss;
	if (program->n_apply)
		dp_walk_run(c, walk, program->words, program->n_apply);
	if (unlikely(walk->is_dropped))
		return;
	if (unlikely(program->clears)) {
		walk->set_has = 0;
		walk->n_sets = 0;
	}
	if (unlikely(program->n_write))
		dp_set_merge(c, walk, program->words + program->n_apply, program->n_write);
	if (unlikely(program->writes_metadata)) {
		uint64_t *word = &walk->key.words[offsetof(struct sh_flow_key, metadata) / 8];

		*word = (*word & ~program->metadata_mask) | program->metadata;
	}
	walk->table = program->goto_table;
}

/* A flow was found or not: do what it says. walk->table says where it goes on. */
static void step(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_flow *flow)
{
	walk->table = DP_NO_TABLE;
	if (unlikely(!flow)) {
		if (!walk->n_out)
			walk->why = DP_DROP_SECURE;
		walk->is_dropped = true;
		return;
	}
	walk->flow = flow;
	count_flow(c, walk);
	run_program(c, walk, atomic_load_explicit(&flow->program, memory_order_acquire));
}

static inline void count_table(
	const struct dp_walk_ctx *c, uint8_t table, unsigned n, unsigned n_matched)
{
	if (likely(c->counts))
		dp_count_add(&c->counts[c->pipeline->slots[table]], n_matched, n, c->decide.now_s);
}

/* return: whether any was not yet */
static bool parse_all(struct dp_walk *const walks[], unsigned n)
{
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		any |= !walks[i]->is_parsed;
		dp_walk_need_key(walks[i]);
	}
	return any;
}

/* Whether a table that does not read frames finds the same for all. */
static bool are_alike(const struct sh_flow_key *const keys[], unsigned n)
{
	static_assert(DP_KEY_OWN_WORDS == 3, "two words");
	uint64_t differ = 0;

	for (unsigned i = 1; i < n; i++)
		differ |= (keys[i]->words[0] ^ keys[0]->words[0]) |
			  (keys[i]->words[1] ^ keys[0]->words[1]);
	return differ == 0;
}

/* Where a table asks for nothing but the port, frames are not parsed, and those that came by one
 * port are looked up once. A flow that asks for more may have come since the table was looked at,
 * and what it was compared with is no key: the lookup counts for nothing then. */
static void look_at(const struct dp_table *t, struct dp_walk *const walks[], unsigned n,
	const struct sh_flow_key *const keys[], const struct dp_flow *flows[])
{
	unsigned n_different = n;
	uint32_t used = 0;

	if (dp_walk_reads_frame(dp_table_used(t)))
		(void)parse_all(walks, n);
	else if (likely(are_alike(keys, n)))
		n_different = 1;
	dp_table_lookup(t, keys, n_different, flows);
	for (unsigned i = 0; i < n_different; i++)
		if (likely(flows[i]))
			used |= flows[i]->mask->used;
	if (unlikely(dp_walk_reads_frame(used)) && unlikely(parse_all(walks, n)))
		dp_table_lookup(t, keys, n, flows);
	else
		for (unsigned i = n_different; i < n; i++)
			flows[i] = flows[0];
}

/* What one table has for the keys of at most DP_BURST walks. */
static void find(struct dp_walk_ctx *c, struct dp_walk *const walks[], unsigned n, uint8_t table,
	const struct dp_flow *flows[])
{
	const struct dp_table *t =
		atomic_load_explicit(&c->pipeline->tables[table], memory_order_acquire);
	const struct sh_flow_key *keys[DP_BURST];
	unsigned n_matched = 0;

	for (unsigned i = 0; i < n; i++) {
		keys[i] = &walks[i]->key;
		flows[i] = NULL;
	}
	if (likely(t))
		look_at(t, walks, n, keys, flows);
	for (unsigned i = 0; i < n; i++) {
		n_matched += flows[i] != NULL;
		if (likely(c->counts && flows[i]))
			rte_prefetch0(&c->counts[flows[i]->slot]);
	}
	count_table(c, table, n, n_matched);
	for (unsigned i = 0; unlikely(c->sink->looked_up) && i < n; i++)
		c->sink->looked_up(c, walks[i], table, flows[i]);
}

/* The ways that wait for one table, at most DP_BURST. */
static inline void look_up(
	struct dp_walk_ctx *c, struct dp_walk *const walks[], unsigned n, uint8_t table)
{
	const struct dp_flow *flows[DP_BURST];

	find(c, walks, n, table, flows);
	for (unsigned i = 0; i < n; i++)
		step(c, walks[i], flows[i]);
}

static void end(struct dp_walk_ctx *c, struct dp_walk *walk)
{
	if (unlikely(walk->set_has && !walk->is_dropped))
		dp_set_run(c, walk);
	c->sink->done(c, walk);
}

bool dp_walk_deeper(struct dp_walk *walk)
{
	if (unlikely(walk->depth >= DP_MAX_DEPTH || walk->n_steps >= DP_MAX_STEPS)) {
		walk->is_dropped = true;
		walk->why = DP_DROP_TOO_DEEP;
		return false;
	}
	walk->depth++;
	walk->n_steps++;
	return true;
}

void dp_walk_from(struct dp_walk_ctx *c, struct dp_walk *walk, uint8_t table)
{
	walk->table = table;
	while (walk->table != DP_NO_TABLE && !walk->is_dropped) {
		struct dp_walk *const one[] = { walk };

		look_up(c, one, 1, walk->table);
	}
}

void dp_walk_resubmit(struct dp_walk_ctx *c, struct dp_walk *walk, uint8_t table, uint32_t in_port)
{
	struct dp_walk *const one[] = { walk };
	const struct dp_flow *flow;
	sh_be32 own;

	memcpy(own, walk->key.in_port, sizeof(own));
	if (in_port != DP_OUT_IN_PORT)
		dp_put_be32(walk->key.in_port, in_port);
	find(c, one, 1, table, &flow);
	memcpy(walk->key.in_port, own, sizeof(own));
	walk->table = table;
	step(c, walk, flow);
	dp_walk_from(c, walk, walk->table);
}

/* Those of the lowest table, and which it is; 0 when all have come to their end. */
static unsigned next_table(struct dp_walk *walks, unsigned n, struct dp_walk *ret[], uint8_t *table)
{
	unsigned found = 0;

	*table = DP_NO_TABLE;
	for (unsigned i = 0; i < n; i++) {
		if (walks[i].table > *table || walks[i].table == DP_NO_TABLE)
			continue;
		if (walks[i].table < *table)
			found = 0;
		*table = walks[i].table;
		ret[found++] = &walks[i];
	}
	return found;
}

static inline bool drops_fragments(const struct dp_walk_ctx *c, struct dp_walk *walk)
{
	if (likely(!c->decide.in->bridge->drops_fragments))
		return false;
	dp_walk_need_key(walk);
	return walk->key.ip_frag;
}

static void enter(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_frame *f)
{
	struct dp_verdict v;
	int reason = dp_decide_enter(&c->decide, f, &v);

	begin(walk, f, c->decide.in->ofport);
	if (unlikely(c->sink->looked_up))
		dp_walk_parse(walk);
	if (likely(reason == DP_N_DROPS) && unlikely(drops_fragments(c, walk)))
		reason = DP_DROP_FRAGMENT;
	if (unlikely(reason != DP_N_DROPS)) {
		walk->why = (uint8_t)reason;
		walk->is_dropped = true;
		walk->table = DP_NO_TABLE;
	}
}

void dp_walk_burst(struct dp_walk_ctx *c, const struct dp_frame *frames, unsigned n)
{
	struct dp_walk *walks = c->space->walks, *together[DP_BURST];
	struct dp_straight way;
	unsigned n_together;
	uint8_t table;

	begin(&walks[0], frames, c->decide.in->ofport);
	if (dp_straight_find(c, &walks[0].key, &way)) {
		dp_straight_burst(c, &way, frames, n);
		return;
	}
	c->space->n_variants = 0;
	for (unsigned i = 0; i < n; i++)
		enter(c, &walks[i], &frames[i]);
	while ((n_together = next_table(walks, n, together, &table)))
		look_up(c, together, n_together, table);
	for (unsigned i = 0; i < n; i++)
		end(c, &walks[i]);
}

void dp_walk_program(struct dp_walk_ctx *c, const struct dp_frame *frame, uint32_t in_port,
	const struct dp_program *program)
{
	struct dp_walk *walk = &c->space->walks[0];

	c->space->n_variants = 0;
	begin(walk, frame, in_port);
	walk->table = DP_NO_TABLE;
	run_program(c, walk, program);
	if (walk->table != DP_NO_TABLE)
		dp_walk_from(c, walk, walk->table);
	end(c, walk);
}
