/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Actions from text, one row a word. What a word says is written as a controller would send it and
 * read back, so the rules, and what becomes of it, are the same for both. Pure; any thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "subfield.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

#define MAX_WIRE 0xff00 /* bytes of one action */

#define REG_LOAD     7
#define REG_LOAD_LEN 24

typedef int word_fn(struct of_action_list *list, struct of_word *word, uint8_t arg);

static int refuse(struct of_action_list *list, const struct of_word *word, const char *allowed)
{
	return of_parse_refuse(list->err, word->key, word->value, allowed);
}

static int out_of_memory(struct of_action_list *list)
{
	return sh_err_set(list->err, -ENOMEM, "out of memory");
}

/* The actions of `more` are taken over. */
static int append(struct of_action_list *list, struct of_actions *more)
{
	struct of_actions *all = &list->actions;
	struct of_action *grown = realloc(all->list, (all->n + more->n + 1) * sizeof(*all->list));

	if (!grown)
		return out_of_memory(list);
	all->list = grown;
	if (more->n)
		memcpy(grown + all->n, more->list, more->n * sizeof(*grown));
	all->n += more->n;
	free(more->list);
	*more = (struct of_actions){ 0 };
	return 0;
}

/* What OpenFlow says to it, as a sentence. */
static int explain(struct of_action_list *list, const struct of_word *word,
	const struct of_action *a, const struct of_err *of)
{
	if (of->type != OF_ET_BAD_ACTION || of->code != OF_BA_MATCH_INCONSISTENT)
		return of_parse_refuse(list->err, word->key, word->value, of_err_name(of));
	if (a->type == OF_ACTION_LEARN)
		return sh_err_set(list->err, -EINVAL,
			"%.64s: a field's header is neither in the match nor in learn's own",
			word->key);
	return of_prereq_lacks(list->err, word->key, of_action_needs(a));
}

static int check(
	struct of_action_list *list, const struct of_word *word, const struct of_actions *actions)
{
	for (unsigned i = 0; i < actions->n && !list->limits.is_set; i++) {
		struct of_err of = { 0 };

		if (of_action_check(list->state, &actions->list[i], &of) < 0)
			return explain(list, word, &actions->list[i], &of);
	}
	return 0;
}

/* Take over what lies in a buffer as on the wire. */
static int take(struct of_action_list *list, const struct of_word *word, struct of_buf *wire)
{
	struct of_cursor c = { wire->data, wire->len };
	struct of_actions actions = { 0 };
	struct of_err of = { 0 };
	int r = wire->failed ? -ENOMEM : 0;

	if (wire->len > MAX_WIRE)
		r = sh_err_set(list->err, -EINVAL, "%.64s is too long", word->key);
	else if (r == 0)
		r = of_actions_decode_unchecked(&c, wire->len, &list->limits, &actions, &of);
	if (r == -EINVAL && wire->len <= MAX_WIRE)
		r = of_parse_refuse(list->err, word->key, word->value, of_err_name(&of));
	if (r == 0)
		r = check(list, word, &actions);
	if (r == 0)
		r = append(list, &actions);
	of_actions_done(&actions);
	of_buf_done(wire);
	return r == -ENOMEM ? out_of_memory(list) : r;
}

static int add(struct of_action_list *list, const struct of_word *word, struct of_action *a)
{
	const struct of_actions one = { 1, a };
	struct of_buf wire = { 0 };

	of_actions_encode(&one, &wire);
	return take(list, word, &wire);
}

static int number(
	struct of_action_list *list, const struct of_word *word, uint64_t max, uint64_t *ret)
{
	return of_parse_number(word->key, word->value, max, ret, list->err);
}

/* Outputs */

static int to_controller(struct of_action_list *list, const struct of_word *word, uint16_t max_len)
{
	struct of_action a = { .type = OF_ACTION_OUTPUT };

	a.output.port = OF_PORT_CONTROLLER;
	a.output.max_len = max_len;
	return add(list, word, &a);
}

static int to_port(struct of_action_list *list, const struct of_word *word, uint32_t port)
{
	struct of_action a = { .type = OF_ACTION_OUTPUT };

	if (port == OF_PORT_CONTROLLER)
		return to_controller(list, word, UINT16_MAX);
	a.output.port = port;
	return add(list, word, &a);
}

/* A port, or the field that names it. */
static int output(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	struct of_action a = {
		.type = OF_ACTION_OUTPUT_REG, .is_nx = true, .output_reg.max_len = UINT16_MAX
	};
	struct sh_err ignored;
	uint32_t port;
	int r = of_parse_port(list->names, word->key, word->value, &port, list->err);

	if (r == 0)
		return to_port(list, word, port);
	if (of_parse_subfield(word->key, word->value, &a.output_reg.from, &ignored) < 0)
		return r;
	return add(list, word, &a);
}

/* "PORT:QUEUE": the queue for this output alone */
static int enqueue(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	struct of_action set = { .type = OF_ACTION_SET_QUEUE };
	struct of_action pop = { .type = OF_ACTION_POP_QUEUE };
	char *queue = word->value + strcspn(word->value, ":,");
	uint32_t port;
	uint64_t v;
	int r;

	if (!*queue)
		return refuse(list, word, "PORT:QUEUE");
	*queue++ = '\0';
	r = of_parse_port(list->names, word->key, word->value, &port, list->err);
	if (r == 0)
		r = of_parse_number(word->key, queue, UINT32_MAX, &v, list->err);
	if (r < 0)
		return r;
	set.queue = (uint32_t)v;
	r = add(list, word, &set);
	if (r == 0)
		r = to_port(list, word, port);
	return r < 0 ? r : add(list, word, &pop);
}

static const char *const reasons[] = { "no_match", "action", "invalid_ttl", "action_set", "group",
	"packet_out" };

#define REASON_ACTION 1

static int reason_of(const char *text, uint64_t *ret, struct sh_err *err)
{
	for (unsigned i = 0; i < N(reasons); i++) {
		if (strcmp(reasons[i], text) != 0)
			continue;
		*ret = i;
		return 0;
	}
	return of_parse_number("reason", text, UINT8_MAX, ret, err);
}

static int controller_word(
	struct of_action_list *list, const struct of_word *word, struct of_action *a)
{
	uint64_t v = 0;
	int r;

	if (strcmp(word->key, "reason") == 0) {
		r = reason_of(word->value, &v, list->err);
		a->controller.reason = (uint8_t)v;
	} else if (strcmp(word->key, "max_len") == 0) {
		r = number(list, word, UINT16_MAX, &v);
		a->controller.max_len = (uint16_t)v;
	} else if (strcmp(word->key, "id") == 0) {
		r = number(list, word, UINT16_MAX, &v);
		a->controller.controller_id = (uint16_t)v;
	} else {
		r = sh_err_set(list->err, -EINVAL,
			"controller: '%.64s' is not allowed: reason, max_len or id", word->key);
	}
	return r;
}

/* Without a reason or an id of its own it is the standard's output. */
static int controller(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	struct of_action a = { .type = OF_ACTION_CONTROLLER, .is_nx = true };
	char *at = word->value;
	struct of_word inner;
	uint64_t max_len;
	int r;

	a.controller.max_len = UINT16_MAX;
	a.controller.reason = REASON_ACTION;
	if (!word->mark)
		return to_controller(list, word, UINT16_MAX);
	if (word->mark != '(') {
		r = number(list, word, UINT16_MAX, &max_len);
		return r < 0 ? r : to_controller(list, word, (uint16_t)max_len);
	}
	while ((r = of_word_next(&at, &inner, list->err)) > 0) {
		r = controller_word(list, &inner, &a);
		if (r < 0)
			return r;
	}
	if (r == 0 && a.controller.reason == REASON_ACTION && !a.controller.controller_id)
		return to_controller(list, word, a.controller.max_len);
	return r < 0 ? r : add(list, word, &a);
}

static int drop(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	list->drops = true;
	return word->mark ? refuse(list, word, "nothing") : 0;
}

/* With one number, or none */

static int bare(struct of_action_list *list, struct of_word *word, uint8_t type)
{
	struct of_action a = { .type = type };

	return word->mark ? refuse(list, word, "nothing") : add(list, word, &a);
}

/* Controllers' ids are forgotten, as those that come from a controller. */
static int dec_ttl(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	struct of_action a = { .type = OF_ACTION_DEC_NW_TTL };

	if (word->mark && (!*word->value || word->value[strspn(word->value, "0123456789, ")]))
		return refuse(list, word, "ids of controllers, or nothing");
	return add(list, word, &a);
}

static int with_u32(struct of_action_list *list, struct of_word *word, uint8_t type)
{
	struct of_action a = { .type = type };
	uint64_t v;
	int r = number(list, word, UINT32_MAX, &v);

	a.group = (uint32_t)v;
	return r < 0 ? r : add(list, word, &a);
}

static int with_type(struct of_action_list *list, struct of_word *word, uint8_t type)
{
	struct of_action a = { .type = type };
	uint64_t v = 0x88e7;
	int r = type == OF_ACTION_PUSH_PBB && !word->mark ? 0 : number(list, word, UINT16_MAX, &v);

	a.eth_type = (uint16_t)v;
	return r < 0 ? r : add(list, word, &a);
}

static int with_ttl(struct of_action_list *list, struct of_word *word, uint8_t type)
{
	struct of_action a = { .type = type };
	uint64_t v;
	int r = number(list, word, UINT8_MAX, &v);

	a.ttl = (uint8_t)v;
	return r < 0 ? r : add(list, word, &a);
}

/* Fields */

/* Cut "VALUE->TARGET" in two. */
static int cut_arrow(struct of_action_list *list, const struct of_word *word, char **ret_target)
{
	char *arrow = strstr(word->value, "->");

	if (!arrow)
		return refuse(list, word, "VALUE->FIELD");
	*arrow = '\0';
	*ret_target = arrow + 2;
	return 0;
}

static int set_value(
	struct of_action_list *list, const struct of_word *word, enum of_field_id id, char *text)
{
	struct of_action a = { .type = OF_ACTION_SET_FIELD };
	static const uint8_t none[16];
	int r;

	if (!of_field(id)->writable || id == OF_FIELD_IN_PORT)
		return sh_err_set(list->err, -EINVAL, "%.64s: '%s' cannot be written", word->key,
			of_field(id)->name);
	a.set.field = (uint8_t)id;
	r = of_parse_value(list->names, id, word->key, text, a.set.value, a.set.mask, list->err);
	if (r < 0)
		return r;
	if (memcmp(a.set.mask, none, sizeof(none)) == 0)
		return refuse(list, word, "a mask that takes nothing in");
	a.is_nx = !of_set_is_whole(&a);
	/* A VLAN's id is one of a tag that is there. */
	if (id == OF_FIELD_VLAN_VID && !a.is_nx)
		a.set.value[0] |= SH_VLAN_THERE >> 8;
	return add(list, word, &a);
}

static uint32_t held(const struct of_action_list *list)
{
	return of_match_prereqs(&list->state->match);
}

static int set_field(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	char *target = NULL;
	int id, r = cut_arrow(list, word, &target);

	if (r < 0)
		return r;
	id = of_field_pick(target, held(list));
	if (id < 0)
		return sh_err_set(
			list->err, -EINVAL, "%.64s: '%.64s' is no field", word->key, target);
	return set_value(list, word, (enum of_field_id)id, word->value);
}

static int mod_field(struct of_action_list *list, struct of_word *word, uint8_t id)
{
	return set_value(list, word, id, word->value);
}

static int mod_tp(struct of_action_list *list, struct of_word *word, uint8_t is_dst)
{
	int id = of_field_pick(is_dst ? "tp_dst" : "tp_src", held(list));

	return set_value(list, word, (enum of_field_id)id, word->value);
}

static int mod_tos(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	struct of_action a = { .type = OF_ACTION_SET_FIELD };
	uint64_t v;

	if (number(list, word, UINT8_MAX, &v) < 0)
		return -EINVAL;
	if (v & 3)
		return refuse(list, word, "a multiple of 4");
	a.set.field = OF_FIELD_IP_DSCP;
	a.set.value[0] = (uint8_t)(v >> 2);
	of_field_ones(OF_FIELD_IP_DSCP, a.set.mask);
	return add(list, word, &a);
}

/* As in OpenFlow 1.0: a frame that has no tag is given one. */
static int mod_vlan(struct of_action_list *list, struct of_word *word, uint8_t id)
{
	struct of_action push = { .type = OF_ACTION_PUSH_VLAN };
	uint64_t v;
	int r = number(list, word, id == OF_FIELD_VLAN_VID ? 4095 : 7, &v);

	push.eth_type = 0x8100;
	if (r == 0 && !list->state->n_vlans)
		r = add(list, word, &push);
	return r < 0 ? r : set_value(list, word, id, word->value);
}

/* Nicira's reg_load, byte by byte: a value into any bits of a field. */
static int load(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	struct of_subfield to;
	struct of_buf wire = { 0 };
	unsigned offset, n_bits;
	uint64_t value;
	uint32_t header;
	char *target = NULL;
	int r = cut_arrow(list, word, &target);

	if (r == 0)
		r = number(list, word, UINT64_MAX, &value);
	if (r == 0)
		r = of_parse_subfield(word->key, target, &to, list->err);
	if (r < 0)
		return r;
	header = of_subfield_header(&to, &offset, &n_bits);
	if (n_bits > 64)
		return of_parse_refuse(list->err, word->key, target, "64 bits at the most");
	of_buf_put_u16(&wire, OF_ACTION_EXPERIMENTER);
	of_buf_put_u16(&wire, REG_LOAD_LEN);
	of_buf_put_u32(&wire, OF_NICIRA);
	of_buf_put_u16(&wire, REG_LOAD);
	of_buf_put_u16(&wire, (uint16_t)(offset << 6 | (n_bits - 1)));
	of_buf_put_u32(&wire, header);
	of_buf_put_u64(&wire, value);
	return take(list, word, &wire);
}

static int move(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	struct of_action a = { .type = OF_ACTION_MOVE, .is_nx = true };
	char *target = NULL;
	int r = cut_arrow(list, word, &target);

	if (r == 0)
		r = of_parse_subfield(word->key, word->value, &a.move.from, list->err);
	if (r == 0)
		r = of_parse_subfield(word->key, target, &a.move.to, list->err);
	if (r == 0 && a.move.from.n_bits != a.move.to.n_bits)
		return sh_err_set(list->err, -EINVAL,
			"%.64s: '%.64s' has %u bits and '%.64s' has %u", word->key, word->value,
			a.move.from.n_bits, target, a.move.to.n_bits);
	return r < 0 ? r : add(list, word, &a);
}

/* Nicira's others */

/* "PORT", "PORT,TABLE", ",TABLE" */
static int resubmit(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	struct of_action a = { .type = OF_ACTION_RESUBMIT, .is_nx = true };
	char *comma = strchr(word->value, ',');
	uint64_t table = OF_TABLE_ALL;
	int r = 0;

	if (comma)
		*comma = '\0';
	a.resubmit.in_port = OF_PORT_IN_PORT;
	if (*word->value)
		r = of_parse_port(
			list->names, word->key, word->value, &a.resubmit.in_port, list->err);
	if (r == 0 && comma && comma[1])
		r = of_parse_number(word->key, comma + 1, OF_TABLE_ALL, &table, list->err);
	if (r == 0 && !*word->value && !comma)
		return sh_err_set(
			list->err, -EINVAL, "%.64s: a port or a table is missing", word->key);
	a.resubmit.table = (uint8_t)table;
	return r < 0 ? r : add(list, word, &a);
}

/* "ID,K/N" */
static int conjunction(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	struct of_action a = { .type = OF_ACTION_CONJUNCTION, .is_nx = true };
	char *comma = strchr(word->value, ','), *slash = comma ? strchr(comma, '/') : NULL;
	uint64_t id = 0, clause = 0, n = 0;
	int r;

	if (!slash)
		return refuse(list, word, "ID,K/N");
	*comma = *slash = '\0';
	comma += 1 + strspn(comma + 1, " ");
	r = of_parse_number(word->key, word->value, UINT32_MAX, &id, list->err);
	if (r == 0)
		r = of_parse_number(word->key, comma, 64, &clause, list->err);
	if (r == 0)
		r = of_parse_number(word->key, slash + 1, 64, &n, list->err);
	if (r == 0 && (n < 2 || clause == 0 || clause > n))
		return sh_err_set(list->err, -EINVAL,
			"%.64s: clause %u of %u is not allowed: 1 to N of 2 to 64", word->key,
			(unsigned)clause, (unsigned)n);
	a.conjunction.id = (uint32_t)id;
	a.conjunction.clause = (uint8_t)(clause - 1);
	a.conjunction.n_clauses = (uint8_t)n;
	return r < 0 ? r : add(list, word, &a);
}

/* "00.11.22", with dots or without */
static int note(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	struct of_action a = { .type = OF_ACTION_NOTE, .is_nx = true };
	struct of_buf bytes = { 0 };
	unsigned b;
	int n = 0, r;

	for (const char *at = word->value; *at; at += n) {
		if (*at == '.' && at != word->value)
			at++;
		if (strspn(at, "0123456789abcdefABCDEF") < 2 || sscanf(at, "%2x%n", &b, &n) != 1) {
			of_buf_done(&bytes);
			return refuse(list, word, "pairs of hexadecimal digits");
		}
		of_buf_put_u8(&bytes, (uint8_t)b);
	}
	if (bytes.failed || bytes.len > MAX_WIRE) {
		r = bytes.failed ? out_of_memory(list)
				 : sh_err_set(list->err, -EINVAL, "%.64s is too long", word->key);
	} else {
		a.note.data = bytes.data;
		a.note.len = (uint16_t)bytes.len;
		r = add(list, word, &a);
	}
	of_buf_done(&bytes);
	return r;
}

/* "idle_timeout=5,hard_timeout=10" */
static int fin_timeout(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	struct of_action a = { .type = OF_ACTION_FIN_TIMEOUT, .is_nx = true };
	char *text = word->value;
	struct of_word part;
	uint64_t v;
	int r;

	while ((r = of_word_next(&text, &part, list->err)) > 0) {
		bool is_idle = strcmp(part.key, "idle_timeout") == 0;

		if (!is_idle && strcmp(part.key, "hard_timeout") != 0)
			return of_parse_refuse(
				list->err, word->key, part.key, "idle_timeout or hard_timeout");
		r = of_parse_number(part.key, part.value, UINT16_MAX, &v, list->err);
		if (r < 0)
			return r;
		*(is_idle ? &a.fin_timeout.idle_s : &a.fin_timeout.hard_s) = (uint16_t)v;
	}
	return r < 0 ? r : add(list, word, &a);
}

static int learn(struct of_action_list *list, struct of_word *word, uint8_t arg)
{
	struct of_action a = { .type = OF_ACTION_LEARN, .is_nx = true };
	int r = of_learn_parse(word->value, list->names, &a.learn, list->err);

	if (r < 0)
		return r;
	r = add(list, word, &a);
	free(a.learn);
	return r;
}

/* clang-format off */
static const struct row {
	const char *name;
	word_fn *fn;
	uint8_t arg;
} rows[] = {
	{ "output", output, 0 },
	{ "controller", controller, 0 },
	{ "CONTROLLER", controller, 0 },
	{ "drop", drop, 0 },
	{ "group", with_u32, OF_ACTION_GROUP },
	{ "set_queue", with_u32, OF_ACTION_SET_QUEUE },
	{ "enqueue", enqueue, 0 },
	{ "pop_queue", bare, OF_ACTION_POP_QUEUE },
	{ "set_field", set_field, 0 },
	{ "load", load, 0 },
	{ "move", move, 0 },
	{ "push_vlan", with_type, OF_ACTION_PUSH_VLAN },
	{ "pop_vlan", bare, OF_ACTION_POP_VLAN },
	{ "strip_vlan", bare, OF_ACTION_POP_VLAN },
	{ "push_mpls", with_type, OF_ACTION_PUSH_MPLS },
	{ "pop_mpls", with_type, OF_ACTION_POP_MPLS },
	{ "push_pbb", with_type, OF_ACTION_PUSH_PBB },
	{ "pop_pbb", bare, OF_ACTION_POP_PBB },
	{ "copy_ttl_out", bare, OF_ACTION_COPY_TTL_OUT },
	{ "copy_ttl_in", bare, OF_ACTION_COPY_TTL_IN },
	{ "dec_ttl", dec_ttl, 0 },
	{ "dec_mpls_ttl", bare, OF_ACTION_DEC_MPLS_TTL },
	{ "mod_nw_ttl", with_ttl, OF_ACTION_SET_NW_TTL },
	{ "set_mpls_ttl", with_ttl, OF_ACTION_SET_MPLS_TTL },
	{ "set_mpls_label", mod_field, OF_FIELD_MPLS_LABEL },
	{ "set_mpls_tc", mod_field, OF_FIELD_MPLS_TC },
	{ "set_tunnel", mod_field, OF_FIELD_TUNNEL_ID },
	{ "set_tunnel64", mod_field, OF_FIELD_TUNNEL_ID },
	{ "mod_dl_src", mod_field, OF_FIELD_ETH_SRC },
	{ "mod_dl_dst", mod_field, OF_FIELD_ETH_DST },
	{ "mod_nw_src", mod_field, OF_FIELD_IPV4_SRC },
	{ "mod_nw_dst", mod_field, OF_FIELD_IPV4_DST },
	{ "mod_nw_ecn", mod_field, OF_FIELD_IP_ECN },
	{ "mod_nw_tos", mod_tos, 0 },
	{ "mod_tp_src", mod_tp, false },
	{ "mod_tp_dst", mod_tp, true },
	{ "mod_vlan_vid", mod_vlan, OF_FIELD_VLAN_VID },
	{ "set_vlan_vid", mod_vlan, OF_FIELD_VLAN_VID },
	{ "mod_vlan_pcp", mod_vlan, OF_FIELD_VLAN_PCP },
	{ "set_vlan_pcp", mod_vlan, OF_FIELD_VLAN_PCP },
	{ "resubmit", resubmit, 0 },
	{ "conjunction", conjunction, 0 },
	{ "note", note, 0 },
	{ "learn", learn, 0 },
	{ "fin_timeout", fin_timeout, 0 },
};
/* clang-format on */

static const struct row *find(const char *name)
{
	for (unsigned i = 0; i < N(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

int of_action_list_add(struct of_action_list *list, struct of_word *word)
{
	const struct row *row = find(word->key);
	uint32_t port;

	if (list->drops)
		return sh_err_set(list->err, -EINVAL,
			"'%.64s' beside 'drop': it is the only action or none", word->key);
	if (row && row->fn == drop && list->actions.n)
		return sh_err_set(list->err, -EINVAL, "'drop' beside other actions");
	if (row)
		return row->fn(list, word, row->arg);
	/* A port's number or name alone is an output. */
	if (!word->mark && of_parse_port(list->names, word->key, word->key, &port, NULL) == 0)
		return to_port(list, word, port);
	return sh_err_set(list->err, -EINVAL, "'%.64s' is no action and no port", word->key);
}
