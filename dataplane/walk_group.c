/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups (OpenFlow 1.3.5, 5.6): buckets each do their work on a frame of their own. Runs in
 * workers and in traces.
 */
#include <math.h>

#include "hash.h"
#include "walk.h"

/* What a bucket may change, to be put back after it. */
struct saved {
	struct sh_flow_key key;
	struct dp_edit edit;
	const struct dp_frame *frame;
	struct dp_variant *variant;
};

static void save(struct saved *s, struct dp_walk *walk)
{
	s->key = walk->key;
	s->edit = walk->edit;
	s->frame = walk->frame;
	s->variant = walk->variant;
	/* The bucket's changes must not reach what comes after it. */
	(void)dp_walk_freeze(walk);
}

static void restore(const struct saved *s, struct dp_walk *walk)
{
	walk->key = s->key;
	walk->edit = s->edit;
	walk->frame = s->frame;
	walk->variant = s->variant;
}

static void run_bucket(
	struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_bucket_live *bucket)
{
	struct saved s;

	save(&s, walk);
	if (likely(c->counts))
		dp_count_add(&c->counts[bucket->slot], 1, walk->edit.len, c->decide.now_s);
	dp_walk_run(c, walk, bucket->program->words, bucket->program->n_apply);
	/* A bucket that drops its frame drops no other bucket's. */
	walk->is_dropped = false;
	restore(&s, walk);
}

static bool is_live(const struct dp_walk_ctx *c, const struct dp_bucket_live *b, unsigned depth)
{
	const struct dp_snap_port *port;
	const struct dp_buckets *buckets;

	if (b->watch_port != DP_OUT_NONE) {
		port = dp_walk_port(c, b->watch_port);
		return port && port->link_up && port->admin_up;
	}
	if (!b->watch_group || depth > DP_MAX_DEPTH)
		return !b->watch_group;
	buckets = atomic_load_explicit(&b->watch_group->buckets, memory_order_acquire);
	for (unsigned i = 0; buckets && i < buckets->n; i++)
		if (is_live(c, &buckets->of[i], depth + 1))
			return true;
	return false;
}

/* Addresses and ports of the frame: what makes a flow a flow. */
static uint64_t hash_key(const struct sh_flow_key *key)
{
	uint32_t ports;
	uint64_t h = key->ip_proto;

	memcpy(&ports, key->l4_src, sizeof(ports));
	h = dp_hash_mix(h, key->words[offsetof(struct sh_flow_key, eth_dst) / 8]);
	h = dp_hash_mix(h, key->words[offsetof(struct sh_flow_key, eth_src) / 8]);
	h = dp_hash_mix(h, key->words[offsetof(struct sh_flow_key, ipv4_src) / 8]);
	h = dp_hash_mix(h, ports);
	for (unsigned i = 0; i < 4; i++)
		h = dp_hash_mix(h, key->words[offsetof(struct sh_flow_key, ipv6_src) / 8 + i]);
	return h;
}

/* Weighted rendezvous hashing: every bucket draws a number from the flow and its own id, and the
 * largest wins; so a bucket that leaves takes along its own flows alone. */
static const struct dp_bucket_live *pick(const struct dp_walk_ctx *c,
	const struct dp_buckets *buckets, const struct sh_flow_key *key)
{
	uint64_t flow = hash_key(key);
	const struct dp_bucket_live *best = NULL;
	float best_score = 0;

	for (unsigned i = 0; i < buckets->n; i++) {
		const struct dp_bucket_live *b = &buckets->of[i];
		uint64_t h = dp_hash_mix(dp_hash_mix(flow, b->id), UINT64_C(0xd6e8feb86659fd93));
		/* In (0, 1): the exponent of an exponential variable of rate weight. */
		float u = ((float)(h >> 40) + 0.5f) * 0x1p-24f;
		float score;

		if (!b->weight || !is_live(c, b, 0))
			continue;
		score = -logf(u) / (float)b->weight;
		if (!best || score < best_score) {
			best = b;
			best_score = score;
		}
	}
	return best;
}

static const struct dp_bucket_live *first_live(
	const struct dp_walk_ctx *c, const struct dp_buckets *buckets)
{
	for (unsigned i = 0; i < buckets->n; i++)
		if (is_live(c, &buckets->of[i], 0))
			return &buckets->of[i];
	return NULL;
}

void dp_walk_group(struct dp_walk_ctx *c, struct dp_walk *walk, const struct dp_group *group)
{
	const struct dp_buckets *buckets =
		atomic_load_explicit(&group->buckets, memory_order_acquire);
	const struct dp_bucket_live *one = NULL;

	if (!buckets || !dp_walk_deeper(walk))
		return;
	if (likely(c->counts))
		dp_count_add(&c->counts[group->slot], 1, walk->edit.len, c->decide.now_s);
	if (buckets->type == DP_GROUP_ALL) {
		for (unsigned i = 0; i < buckets->n; i++)
			run_bucket(c, walk, &buckets->of[i]);
	} else if (buckets->type == DP_GROUP_SELECT) {
		one = pick(c, buckets, &walk->key);
	} else if (buckets->type == DP_GROUP_FAST_FAILOVER) {
		one = first_live(c, buckets);
	} else if (buckets->n) {
		one = &buckets->of[0];
	}
	if (one)
		run_bucket(c, walk, one);
	walk->depth--;
}
