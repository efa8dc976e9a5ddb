/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Programs of clauses, and a little world of keys in which they often come together.
 */
#pragma once

#include <stdlib.h>

#include "classifier_private.h"
#include "dataplane/program.h"
#include "rules_by_seed.h"

/* Clause k of n of a number, k from 0. */
struct clause {
	uint32_t id;
	uint8_t k, n;
};

static inline int clause_compare(const void *a, const void *b)
{
	const struct clause *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->n != y->n ? x->n - y->n : x->k - y->k;
}

static inline struct dp_program *clauses_program(struct clause *clauses, unsigned n)
{
	struct dp_builder b = { .head = { .is_clause = true } };
	struct dp_program *program = NULL;

	qsort(clauses, n, sizeof(*clauses), clause_compare);
	for (unsigned i = 0; i < n; i++)
		dp_builder_op(&b, DP_OP_CONJUNCTION, clauses[i].id, 1)->data[0] =
			(uint64_t)clauses[i].n << 8 | clauses[i].k;
	assert_int_equal(dp_builder_end(&b, &program), 0);
	return program;
}

static inline struct rule rule_of(uint16_t priority)
{
	struct rule rule = { .priority = priority };

	return rule;
}

static inline void rule_from(struct rule *rule, uint32_t address, unsigned prefix)
{
	put_be32(rule->mask.ipv4_src, prefix_of(prefix));
	put_be32(rule->value.ipv4_src, address & prefix_of(prefix));
}

static inline void rule_to(struct rule *rule, uint32_t address, unsigned prefix)
{
	put_be32(rule->mask.ipv4_dst, prefix_of(prefix));
	put_be32(rule->value.ipv4_dst, address & prefix_of(prefix));
}

static inline void rule_conj_id(struct rule *rule, uint32_t id)
{
	put_be32(rule->mask.conj_id, UINT32_MAX);
	put_be32(rule->value.conj_id, id);
}

static inline struct sh_flow_key key_from_to(uint32_t from, uint32_t to)
{
	struct sh_flow_key key = { 0 };

	put_be32(key.ipv4_src, from);
	put_be32(key.ipv4_dst, to);
	return key;
}
