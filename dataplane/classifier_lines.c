/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The hash table of one group: an array of cache lines, each with seven slots and a pointer to
 * one more line for when they are full. A slot holds a flow's address and a tag, 16 bits of its
 * hash, so that flows of other keys are hardly ever touched. Control thread; workers read along.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <rte_prefetch.h>

#include "classifier_private.h"

#define MIN_BLOCK 3
#define MAX_BLOCK 1023

/* Lines for when others are full. */
struct dp_line_block {
	struct dp_line_block *next;
	uint32_t n, n_used;
	struct dp_line lines[];
};
static_assert(sizeof(struct dp_line_block) == 64, "its lines are aligned");

uint32_t dp_lines_n_for(uint32_t n_flows)
{
	uint32_t n = 1;

	while (n < n_flows / DP_LINE_LOAD)
		n *= 2;
	return n;
}

int dp_lines_new(uint32_t n, struct dp_lines **ret)
{
	size_t size = sizeof(struct dp_lines) + n * sizeof(struct dp_line);
	struct dp_lines *lines = aligned_alloc(64, size);

	if (!lines)
		return -ENOMEM;
	memset(lines, 0, size);
	lines->n = n;
	lines->n_bytes = size;
	*ret = lines;
	return 0;
}

void dp_lines_free(void *p)
{
	struct dp_lines *lines = p;
	struct dp_line_block *block, *next;

	if (!lines)
		return;
	for (block = lines->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	free(lines);
}

static struct dp_line *line_of(struct dp_lines *lines, uint32_t hash)
{
	return &lines->lines[hash & (lines->n - 1)];
}

static struct dp_line *more_of(struct dp_line *line)
{
	return atomic_load_explicit(&line->more, memory_order_relaxed);
}

static uint64_t word_of(const _Atomic uint64_t *slot)
{
	return atomic_load_explicit(slot, memory_order_relaxed);
}

static int add_block(struct dp_lines *lines)
{
	uint32_t n = lines->n / 16;
	struct dp_line_block *block;
	size_t size;

	if (n < MIN_BLOCK)
		n = MIN_BLOCK;
	if (n > MAX_BLOCK)
		n = MAX_BLOCK;
	size = sizeof(*block) + n * sizeof(struct dp_line);
	block = aligned_alloc(64, size);
	if (!block)
		return -ENOMEM;
	memset(block, 0, size);
	block->n = n;
	block->next = lines->blocks;
	lines->blocks = block;
	lines->n_bytes += size;
	return 0;
}

/* A line of free slots behind the last one. Workers may walk onto it at once. */
static struct dp_line *append(struct dp_lines *lines, struct dp_line *last)
{
	struct dp_line *line;

	if ((!lines->blocks || lines->blocks->n_used == lines->blocks->n) && add_block(lines) < 0)
		return NULL;
	line = &lines->blocks->lines[lines->blocks->n_used++];
	atomic_store_explicit(&last->more, line, memory_order_release);
	return line;
}

_Atomic uint64_t *dp_lines_reserve(struct dp_lines *lines, uint32_t hash, unsigned *ret_chain)
{
	struct dp_line *last = NULL;
	_Atomic uint64_t *found = NULL;

	*ret_chain = 0;
	for (struct dp_line *line = line_of(lines, hash); line; line = more_of(line)) {
		for (unsigned i = 0; i < DP_LINE_SLOTS; i++) {
			uint64_t word = word_of(&line->slots[i]);

			*ret_chain += word >> 48 == dp_line_tag(hash);
			if (!word && !found)
				found = &line->slots[i];
		}
		last = line;
	}
	if (!found && (last = append(lines, last)))
		found = &last->slots[0];
	return found;
}

void dp_lines_unlink(struct dp_lines *lines, const struct dp_flow *flow)
{
	for (struct dp_line *line = line_of(lines, flow->hash); line; line = more_of(line)) {
		for (unsigned i = 0; i < DP_LINE_SLOTS; i++) {
			if (word_of(&line->slots[i]) != dp_line_word(flow))
				continue;
			atomic_store_explicit(&line->slots[i], 0, memory_order_release);
			return;
		}
	}
	assert(!"a flow is in the lines of its group");
}

unsigned dp_lines_same(
	struct dp_lines *lines, uint32_t hash, struct dp_flow *ret_flows[], unsigned max)
{
	unsigned n = 0;

	for (struct dp_line *line = line_of(lines, hash); line; line = more_of(line)) {
		for (unsigned i = 0; i < DP_LINE_SLOTS && n < max; i++) {
			uint64_t word = word_of(&line->slots[i]);

			if (word >> 48 == dp_line_tag(hash))
				ret_flows[n++] = dp_line_flow(word);
		}
	}
	return n;
}

/* A flow a cache miss would make the growth of a large table slow. */
static void prefetch_flows(const struct dp_line *line)
{
	for (unsigned i = 0; i < DP_LINE_SLOTS; i++)
		rte_prefetch0(dp_line_flow(word_of(&line->slots[i])));
}

int dp_lines_each(struct dp_lines *lines, int (*fn)(void *ctx, struct dp_flow *flow), void *ctx)
{
	const uint32_t ahead = 4;

	for (uint32_t at = 0; at < lines->n; at++) {
		if (at + ahead < lines->n)
			prefetch_flows(&lines->lines[at + ahead]);
		for (struct dp_line *line = &lines->lines[at]; line; line = more_of(line)) {
			for (unsigned i = 0; i < DP_LINE_SLOTS; i++) {
				struct dp_flow *flow = dp_line_flow(word_of(&line->slots[i]));
				int r = flow ? fn(ctx, flow) : 0;

				if (r < 0)
					return r;
			}
		}
	}
	return 0;
}
