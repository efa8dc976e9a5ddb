/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a learn action makes of a frame: bits of its key, or constants, become the match and the
 * actions of a flow. Pure; any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "action_kind.h"
#include "base/bits.h"
#include "ofproto/learn.h"
#include "oxm.h"

/* Set bits of a field that lies at p. */
static void put_bits(uint8_t *p, const struct of_subfield *sf, sh_u128 bits)
{
	unsigned n = of_field(sf->field)->n_bytes;
	sh_u128 old = sh_load_be(p, n) & ~(sh_ones(sf->n_bits) << sf->offset);

	sh_store_be(p, n, old | (bits & sh_ones(sf->n_bits)) << sf->offset);
}

static uint8_t *at(struct sh_flow_key *key, const struct of_subfield *sf)
{
	return (uint8_t *)key + of_field(sf->field)->offset;
}

static sh_u128 bits_of(const struct of_learn_spec *spec, const struct sh_flow_key *key)
{
	const struct of_field *f = of_field(spec->from.field);

	if (!spec->from_field)
		return sh_load_be(spec->value, sizeof(spec->value)) & sh_ones(spec->n_bits);
	return sh_load_be((const uint8_t *)key + f->offset, f->n_bytes) >> spec->from.offset &
	       sh_ones(spec->n_bits);
}

void of_learn_reads(
	const struct of_learn *learn, struct sh_flow_key *ret_match, struct sh_flow_key *ret_all)
{
	memset(ret_match, 0, sizeof(*ret_match));
	memset(ret_all, 0, sizeof(*ret_all));
	for (unsigned i = 0; i < learn->n_specs; i++) {
		const struct of_learn_spec *spec = &learn->specs[i];

		if (!spec->from_field)
			continue;
		put_bits(at(ret_all, &spec->from), &spec->from, ~(sh_u128)0);
		if (spec->to_match)
			put_bits(at(ret_match, &spec->from), &spec->from, ~(sh_u128)0);
	}
}

static void match_bits(struct of_match *match, const struct of_learn_spec *spec, sh_u128 bits)
{
	put_bits(at(&match->value, &spec->to), &spec->to, bits);
	put_bits(at(&match->mask, &spec->to), &spec->to, ~(sh_u128)0);
}

static void load_bits(struct of_actions *actions, const struct of_learn_spec *spec, sh_u128 bits)
{
	struct of_action *a = &actions->list[actions->n++];

	a->type = OF_ACTION_SET_FIELD;
	a->set.field = spec->to.field;
	put_bits(a->set.value, &spec->to, bits);
	put_bits(a->set.mask, &spec->to, ~(sh_u128)0);
	a->is_nx = !of_set_is_whole(a);
}

/* Where Open vSwitch lets a learned flow send its frames; to elsewhere it does not send them. */
static bool is_output(uint32_t port)
{
	return port < OF_PORT_MAX || port == OF_PORT_IN_PORT || port == OF_PORT_FLOOD ||
	       port == OF_PORT_ALL || port == OF_PORT_LOCAL;
}

/* A port of the key is whole; one that was kept elsewhere may be NXM's 16 bits. */
static void output_to(struct of_actions *actions, sh_u128 bits)
{
	uint32_t port = (uint32_t)bits;

	if (bits <= UINT16_MAX)
		port = of_port_from_16((uint16_t)bits);
	if (bits > UINT32_MAX || !is_output(port))
		return;
	actions->list[actions->n++].output.port = port; /* OF_ACTION_OUTPUT is 0 */
}

static void apply(
	const struct of_learn_spec *spec, const struct sh_flow_key *key, struct of_flow_mod *mod)
{
	struct of_actions *actions = &mod->instructions.apply;

	if (spec->to_match)
		match_bits(&mod->match, spec, bits_of(spec, key));
	else if (spec->is_output)
		output_to(actions, bits_of(spec, key));
	else
		load_bits(actions, spec, bits_of(spec, key));
}

/* In front of all else, as in Open vSwitch. */
static void put_fin_timeout(const struct of_learn *learn, struct of_actions *actions)
{
	struct of_action *a = &actions->list[actions->n];

	if (!learn->fin_idle_timeout_s && !learn->fin_hard_timeout_s)
		return;
	a->type = OF_ACTION_FIN_TIMEOUT;
	a->is_nx = true;
	a->fin_timeout.idle_s = learn->fin_idle_timeout_s;
	a->fin_timeout.hard_s = learn->fin_hard_timeout_s;
	actions->n++;
}

int of_learn_flow(
	const struct of_learn *learn, const struct sh_flow_key *key, struct of_flow_mod *ret)
{
	struct of_action *list = calloc(learn->n_specs + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	*ret = (struct of_flow_mod){
		.cookie = learn->cookie,
		.command = OF_FC_ADD,
		.table = learn->table,
		.idle_timeout_s = learn->idle_timeout_s,
		.hard_timeout_s = learn->hard_timeout_s,
		.priority = learn->priority,
		.flags = learn->flags & OF_LEARN_SEND_FLOW_REM ? OF_FF_SEND_FLOW_REM : 0,
		.buffer_id = OF_NO_BUFFER,
		.out_port = OF_PORT_ANY,
		.out_group = OF_GROUP_ANY,
		.instructions.apply.list = list,
	};
	put_fin_timeout(learn, &ret->instructions.apply);
	for (unsigned i = 0; i < learn->n_specs; i++)
		apply(&learn->specs[i], key, ret);
	ret->instructions.has_apply = ret->instructions.apply.n > 0;
	if (!ret->instructions.has_apply) {
		free(list);
		ret->instructions.apply.list = NULL;
	}
	return 0;
}
