/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A block is its type, its length, a body and its length again (draft-ietf-opsawg-pcapng, 3.1), all
 * in this machine's byte order, since shuntd runs on it. One thread.
 */
#include <string.h>

#include "tally.h"

enum {
	BLOCK_COUNTS = 5,
	BLOCK_FRAME = 6,
	OPT_COMMENT = 1,
	ISB_LOST = 5,
	HEADER = 8,      /* type and length */
	MIN_BLOCK = 12,  /* and the length again */
	COUNTS_BODY = 12 /* interface and time */
};

static uint32_t load32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static void take_option(struct tally *t, uint16_t code, const uint8_t *value, uint16_t n)
{
	if (code == ISB_LOST && n == sizeof(t->n_lost))
		memcpy(&t->n_lost, value, n);
	if (code == OPT_COMMENT && n < sizeof(t->why)) {
		memcpy(t->why, value, n);
		t->why[n] = '\0';
	}
}

static void take_counts(struct tally *t)
{
	size_t end = (t->len < sizeof(t->block) ? t->len : sizeof(t->block)) - 4;
	size_t at = HEADER + COUNTS_BODY;

	while (at + 4 <= end) {
		uint32_t head = load32(t->block + at);
		uint16_t code = (uint16_t)head, n = (uint16_t)(head >> 16);

		if (code == 0 || at + 4 + n > end)
			break;
		take_option(t, code, t->block + at + 4, n);
		at += 4 + (((size_t)n + 3) & ~(size_t)3);
	}
	t->is_whole = true;
}

static void end_block(struct tally *t)
{
	uint32_t type = load32(t->block);

	if (type == BLOCK_FRAME)
		t->n_frames++;
	if (type == BLOCK_COUNTS)
		take_counts(t);
	t->n = t->len = 0;
}

/* return: how many of the bytes belong to the block that passes */
static size_t pass_some(struct tally *t, const uint8_t *bytes, size_t n)
{
	size_t some = t->n < HEADER ? HEADER - t->n : t->len - t->n;

	if (some > n)
		some = n;
	if (t->n < sizeof(t->block))
		memcpy(t->block + t->n, bytes,
			some < sizeof(t->block) - t->n ? some : sizeof(t->block) - t->n);
	t->n += (uint32_t)some;
	if (t->n == HEADER) {
		t->len = load32(t->block + 4);
		if (t->len < MIN_BLOCK) /* no pcapng: nothing of it can be told */
			t->len = UINT32_MAX;
	}
	return some;
}

void tally_pass(struct tally *t, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	while (n > 0) {
		size_t some = pass_some(t, at, n);

		at += some;
		n -= some;
		if (t->n >= HEADER && t->n == t->len)
			end_block(t);
	}
}
