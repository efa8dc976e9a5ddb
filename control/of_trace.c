/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The dataplane tells a trace step by step (dataplane/pipeline.h); here each step becomes an object
 * of a list. What a flow says beside its actions has no step of its own in the dataplane, so it is
 * told when its actions are over. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "of_op_text.h"
#include "of_trace.h"
#include "ofproto/learn.h"

#define MAX_DEPTH 128

struct tracing {
	json_t *steps, *outputs;
	struct sh_flow_key came;               /* the frame as it came in */
	const struct of_flow *told[MAX_DEPTH]; /* whose actions go on, a depth */
	unsigned drop; /* why nothing left; DP_N_DROPS: something did, or is yet to */
	unsigned n_left;
	bool failed;
};

static json_t *text_of(struct of_buf *buf)
{
	json_t *text =
		buf->failed ? NULL : json_stringn(buf->len ? (char *)buf->data : "", buf->len);

	of_buf_done(buf);
	return text;
}

static json_t *hex_of(const uint8_t *bytes, uint32_t n)
{
	struct of_buf hex = { 0 };

	for (uint32_t i = 0; i < n; i++)
		of_buf_printf(&hex, "%02x", bytes[i]);
	return text_of(&hex);
}

static void append(struct tracing *t, json_t *array, json_t *object)
{
	if (!object || json_array_append_new(array, object) < 0)
		t->failed = true;
}

static void step(struct tracing *t, unsigned depth, const char *what, json_t *value)
{
	append(t, t->steps, json_pack("{s:i, s:o}", "depth", (int)depth, what, value));
}

static void action(struct tracing *t, unsigned depth, struct of_buf *text)
{
	step(t, depth, "action", text_of(text));
}

/* What a flow says behind its actions. */
static void tell_rest(struct tracing *t, unsigned depth)
{
	const struct of_flow *flow = depth < MAX_DEPTH ? t->told[depth] : NULL;
	struct of_instructions rest;
	struct of_buf text = { 0 };

	if (!flow)
		return;
	t->told[depth] = NULL;
	rest = flow->instructions;
	rest.has_meter = rest.has_apply = false;
	if (!rest.has_clear && !rest.has_write && !rest.has_metadata && !rest.has_goto)
		return;
	of_instructions_format(&rest, &text);
	action(t, depth, &text);
}

/* Steps of a depth are over for all that are deeper. */
static void end_deeper(struct tracing *t, unsigned depth)
{
	for (unsigned i = MAX_DEPTH; i-- > depth + 1;)
		tell_rest(t, i);
}

static json_t *flow_object(unsigned table, const struct of_flow *flow)
{
	struct of_buf match_text = { 0 }, actions_text = { 0 };
	struct of_match match;
	char cookie[24];

	of_minimatch_expand(flow->match, &match);
	of_match_format(&match, &match_text);
	of_instructions_format(&flow->instructions, &actions_text);
	snprintf(cookie, sizeof(cookie), "0x%llx", (unsigned long long)flow->cookie);
	return json_pack("{s:i, s:i, s:o, s:s, s:o}", "table", (int)table, "priority",
		(int)flow->priority, "match", text_of(&match_text), "cookie", cookie, "actions",
		text_of(&actions_text));
}

static void tell_start(struct tracing *t, unsigned depth, const struct of_flow *flow)
{
	const struct of_instructions *in = &flow->instructions;
	struct of_buf text = { 0 };

	if (in->has_meter) {
		of_buf_printf(&text, "meter:%u", in->meter);
		action(t, depth, &text);
	}
	if (depth < MAX_DEPTH)
		t->told[depth] = flow;
	if (in->has_apply || in->has_meter || in->has_clear || in->has_write || in->has_metadata ||
		in->has_goto)
		return;
	text = (struct of_buf){ 0 };
	of_buf_puts(&text, "drop");
	action(t, depth, &text);
}

/* The flow that hit; if a conjunction led to it, with the clauses. */
static json_t *lookup_object(struct tracing *t, const struct dp_trace_event *e)
{
	json_t *object = flow_object(e->table, e->owner), *clauses;

	if (!e->n_clauses)
		return object;
	clauses = json_array();
	for (unsigned i = 0; i < e->n_clauses; i++)
		append(t, clauses, flow_object(e->table, e->clauses[i]));
	if (json_object_set_new(object, "clauses", clauses) < 0)
		t->failed = true;
	return object;
}

static void on_table(struct tracing *t, const struct dp_trace_event *e)
{
	const struct of_flow *flow = e->owner;

	end_deeper(t, e->depth);
	tell_rest(t, e->depth);
	step(t, e->depth, "lookup",
		flow ? lookup_object(t, e)
		     : json_pack("{s:i, s:n}", "table", (int)e->table, "match"));
	if (flow)
		tell_start(t, e->depth, flow);
}

/* What a frame that ends its connection makes of the flow's timeouts. */
static void tell_end_of_tcp(struct tracing *t, const struct dp_trace_event *e)
{
	step(t, e->depth, "ends_tcp",
		json_pack("{s:i, s:i}", "idle_timeout", (int)(e->op->arg >> 16), "hard_timeout",
			(int)(e->op->arg & UINT16_MAX)));
}

static void on_operation(struct tracing *t, const struct dp_trace_event *e)
{
	struct of_buf text = { 0 };

	end_deeper(t, e->depth);
	if (e->is_of_set)
		tell_rest(t, e->depth);
	of_op_text(e->op, &text);
	step(t, e->depth, e->is_of_set ? "set_action" : "action", text_of(&text));
	if (e->op->code == DP_OP_FIN_TIMEOUT && e->ends_tcp)
		tell_end_of_tcp(t, e);
}

static json_t *drop_object(unsigned drop)
{
	return json_pack(
		"{s:s, s:s}", "drop", dp_drop_infos[drop].name, "reason", dp_drop_infos[drop].text);
}

static void on_normal(struct tracing *t, const struct dp_trace_event *e)
{
	json_t *says;

	if (e->drop != DP_N_DROPS)
		says = drop_object(e->drop);
	else
		says = json_pack("{s:i, s:s?, s:b, s:b}", "vlan", (int)e->vlan, "known",
			e->port ? dp_port_name(e->port) : NULL, "floods", e->port == NULL, "learns",
			(int)e->learns);
	step(t, e->depth, "normal", says);
}

static json_t *output_object(const struct tracing *t, const struct dp_trace_event *e)
{
	struct of_buf change = { 0 };

	if (e->drop != DP_N_DROPS)
		return json_pack("{s:s, s:I, s:s, s:s}", "port", dp_port_name(e->port), "ofport",
			(json_int_t)e->ofport, "drop", dp_drop_infos[e->drop].name, "reason",
			dp_drop_infos[e->drop].text);
	of_change_text(&t->came, e->key, &change);
	return json_pack("{s:s, s:I, s:i, s:o, s:o}", "port", dp_port_name(e->port), "ofport",
		(json_int_t)e->ofport, "n_bytes", (int)e->n_frame, "changed", text_of(&change),
		"frame", hex_of(e->frame, e->n_frame));
}

static void on_output(struct tracing *t, const struct dp_trace_event *e)
{
	json_t *output = output_object(t, e);

	if (e->drop == DP_N_DROPS)
		t->n_left++;
	else
		t->drop = e->drop;
	step(t, e->depth, "output", json_incref(output));
	append(t, t->outputs, output);
}

static void on_controller(struct tracing *t, const struct dp_trace_event *e)
{
	static const char *const reasons[] = { "no_match", "action", "invalid_ttl" };
	struct of_buf change = { 0 };
	unsigned reason = e->to->reason;
	uint32_t n = e->n_frame < e->to->max_len ? e->n_frame : e->to->max_len;
	json_t *output;

	t->n_left++;
	of_change_text(&t->came, e->key, &change);
	output = json_pack("{s:s, s:I, s:s, s:i, s:i, s:o, s:o}", "port", "CONTROLLER", "ofport",
		(json_int_t)OF_PORT_CONTROLLER, "packet_in",
		reason < sizeof(reasons) / sizeof(*reasons) ? reasons[reason] : "other",
		"controller_id", (int)e->to->controller_id, "n_bytes", (int)n, "changed",
		text_of(&change), "frame", hex_of(e->frame, n));
	step(t, e->depth, "output", json_incref(output));
	append(t, t->outputs, output);
}

/* The flow that would be made. */
static void on_learn(struct tracing *t, const struct dp_trace_event *e)
{
	const struct dp_learn *learn = (const struct dp_learn *)e->op->data;
	struct of_flow flow = { 0 };
	struct of_learn *from;
	struct of_flow_mod mod;

	if (of_learn_unpack(dp_learn_template(learn), learn->n_bytes, &from) < 0 ||
		of_learn_flow(from, e->key, &mod) < 0) {
		t->failed = true;
		return;
	}
	if (of_minimatch_new(&mod.match, &flow.match) == 0) {
		flow.priority = mod.priority;
		flow.cookie = mod.cookie;
		flow.instructions = mod.instructions;
		step(t, e->depth, "learn", flow_object(mod.table, &flow));
	}
	free(flow.match);
	of_instructions_done(&mod.instructions);
	free(from);
}

static void on_end(struct tracing *t, const struct dp_trace_event *e)
{
	if (e->drop != DP_N_DROPS)
		t->drop = e->drop;
	if (t->n_left)
		t->drop = DP_N_DROPS;
	if (e->is_cut)
		return;
	end_deeper(t, 0);
	tell_rest(t, 0);
}

static void on_event(void *ctx, const struct dp_trace_event *e)
{
	static void (*const functions[])(struct tracing * t, const struct dp_trace_event *e) = {
		[DP_TRACE_TABLE] = on_table,
		[DP_TRACE_OPERATION] = on_operation,
		[DP_TRACE_NORMAL] = on_normal,
		[DP_TRACE_OUTPUT] = on_output,
		[DP_TRACE_CONTROLLER] = on_controller,
		[DP_TRACE_LEARN] = on_learn,
		[DP_TRACE_END] = on_end,
	};

	functions[e->kind](ctx, e);
}

/* The frame as flows see it, all fields that it has. */
static json_t *key_text(const struct of_trace_conf *conf, struct tracing *t)
{
	static const struct sh_flow_key nothing;
	struct of_buf text = { 0 };

	if (conf->in_port)
		of_buf_printf(&text, "in_port=%.63s,", conf->in_port);
	of_change_text(&nothing, &t->came, &text);
	of_buf_chomp(&text, 0, ',');
	return text_of(&text);
}

static json_t *result(
	const struct switch_bridge *bridge, const struct of_trace_conf *conf, struct tracing *t)
{
	bool is_dropped = t->drop != DP_N_DROPS;

	return json_pack("{s:s, s:s, s:o, s:o, s:O, s:O, s:s?, s:s?}", "bridge", bridge->name,
		"in_port", conf->in_port ? conf->in_port : "CONTROLLER", "frame",
		hex_of(conf->frame, conf->n_frame), "match", key_text(conf, t), "steps", t->steps,
		"outputs", t->outputs, "drop", is_dropped ? dp_drop_infos[t->drop].name : NULL,
		"reason", is_dropped ? dp_drop_infos[t->drop].text : NULL);
}

/* A bridge that only learns is told by its one flow; one that its controllers left is not. */
static bool goes_by_tables(const struct switch_bridge *bridge)
{
	return dp_bridge_uses_tables(bridge->dp) ||
	       of_switch_is_normal(openflow_switch(bridge->openflow));
}

int of_trace(const struct switch_bridge *bridge, const struct of_trace_conf *conf, json_t **ret,
	struct sh_err *err)
{
	const struct dp_trace_conf trace = { .in_port = conf->number,
		.frame = conf->frame,
		.n_frame = conf->n_frame,
		.by_tables = goes_by_tables(bridge) };
	struct tracing t = { .steps = json_array(), .outputs = json_array(), .drop = DP_N_DROPS };
	int r;

	dp_frame_key(conf->frame, conf->n_frame, &t.came);
	r = dp_trace(bridge->dp, &trace, on_event, &t);
	if (r == -ENODEV)
		sh_err_set(err, r, "bridge '%s' is not in use yet", bridge->name);
	else if (r < 0 || t.failed)
		r = sh_err_set(err, -ENOMEM, "out of memory");
	else
		*ret = result(bridge, conf, &t);
	json_decref(t.steps);
	json_decref(t.outputs);
	return r;
}
