/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Building programs: operations in a list that grows, then one allocation that never changes.
 * Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/program.h"

#define MAX_WORDS UINT16_MAX

static bool grow(struct dp_builder *b, size_t n)
{
	size_t room = b->room ? 2 * b->room : 16;
	uint64_t *grown;

	if (b->failed || b->n + n <= b->room)
		return !b->failed;
	while (room < b->n + n)
		room *= 2;
	grown = realloc(b->words, room * sizeof(*grown));
	if (!grown) {
		b->failed = true;
		return false;
	}
	b->words = grown;
	b->room = room;
	return true;
}

struct dp_op *dp_builder_op(struct dp_builder *b, enum dp_op_code code, uint32_t arg, size_t n_data)
{
	struct dp_op *op;

	if (!grow(b, 1 + n_data))
		return NULL;
	op = (struct dp_op *)&b->words[b->n];
	memset(op, 0, (1 + n_data) * sizeof(uint64_t));
	op->code = (uint8_t)code;
	op->n_words = (uint8_t)(1 + n_data);
	op->arg = arg;
	b->n += 1 + n_data;
	if (!b->writes)
		b->n_apply = b->n;
	return op;
}

void dp_builder_begin_write(struct dp_builder *b)
{
	b->writes = true;
}

static void drop(struct dp_builder *b)
{
	free(b->words);
	memset(b, 0, sizeof(*b));
}

int dp_builder_end(struct dp_builder *b, struct dp_program **ret)
{
	struct dp_program *program = NULL;
	int r = b->failed ? -ENOMEM : b->n > MAX_WORDS ? -E2BIG : 0;

	if (r == 0)
		program = malloc(sizeof(*program) + b->n * sizeof(uint64_t));
	if (r == 0 && !program)
		r = -ENOMEM;
	if (r == 0) {
		*program = b->head;
		program->n_apply = (uint16_t)b->n_apply;
		program->n_write = (uint16_t)(b->n - b->n_apply);
		if (b->n)
			memcpy(program->words, b->words, b->n * sizeof(uint64_t));
		*ret = program;
	}
	drop(b);
	return r;
}
