/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A frame under edit as a test has it: the head alone in memory of exactly its size and the room in
 * front, as a worker has it, and the frame put together again.
 */
#pragma once

#include "frame_by_hand.h"
#include "rewrite.h"

#define HEAD 128

struct bench {
	struct sh_flow_key key;
	struct dp_edit e;
	uint8_t *memory;
	uint8_t rest[MAX_FRAME]; /* of the frame, behind the head */
	uint32_t n_rest;
};

static inline void bench_begin(struct bench *b, const uint8_t *frame, uint32_t len)
{
	uint32_t n = len < HEAD ? len : HEAD;

	memset(b, 0, sizeof(*b));
	b->memory = malloc(DP_EDIT_ROOM + n);
	assert_non_null(b->memory);
	b->e = (struct dp_edit){ .head = b->memory + DP_EDIT_ROOM, .n = n, .len = len };
	b->e.room = DP_EDIT_ROOM;
	b->e.key = &b->key;
	memcpy(b->e.head, frame, n);
	b->n_rest = len - n;
	memcpy(b->rest, frame + n, b->n_rest);
	dp_parse(b->e.head, n, len, &b->key, &b->e.layers);
}

static inline void bench_named(struct bench *b, const char *name)
{
	uint8_t frame[MAX_FRAME];
	uint32_t len = golden_bytes(golden_named(name), frame);

	bench_begin(b, frame, len);
}

static inline void bench_end(struct bench *b)
{
	free(b->memory);
}

/* The whole frame as it is now. return: its length */
static inline uint32_t bench_frame(const struct bench *b, uint8_t *to)
{
	assert_int_equal(b->e.n + b->n_rest, b->e.len);
	assert_ptr_equal(b->e.head, b->memory + b->e.room);
	memcpy(to, b->e.head, b->e.n);
	memcpy(to + b->e.n, b->rest, b->n_rest);
	return b->e.len;
}

/* Key and layers are what parsing the head now would find. */
static inline void bench_check(const struct bench *b, const char *what)
{
	struct sh_flow_key key = b->key;
	struct dp_layers layers;

	dp_parse(b->e.head, b->e.n, b->e.len, &key, &layers);
	keys_equal(&b->key, &key, what);
	if (memcmp(&layers, &b->e.layers, sizeof(layers)) != 0)
		fail_msg("%s: layers", what);
}

static inline void bench_is(
	const struct bench *b, const uint8_t *want, uint32_t len, const char *what)
{
	uint8_t frame[MAX_FRAME];

	assert_int_equal(bench_frame(b, frame), len);
	for (uint32_t i = 0; i < len; i++)
		if (frame[i] != want[i])
			fail_msg("%s: byte %u is %02x, not %02x", what, i, frame[i], want[i]);
	bench_check(b, what);
}

/* Set a field by its name; mask NULL: all of it. */
static inline void bench_set(
	struct bench *b, const char *field, const char *value, const char *mask)
{
	const struct key_field *f = key_field_named(field, strlen(field));
	uint8_t v[16], m[16];

	assert_int_equal(hex_bytes(value, strlen(value), v), f->n_bytes);
	memset(m, 0xff, sizeof(m));
	if (mask)
		assert_int_equal(hex_bytes(mask, strlen(mask), m), f->n_bytes);
	dp_edit_set(&b->e, f->offset, f->n_bytes, v, m);
}
