/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Flows that the command line adds and deletes, and traces: flow.add, flow.del, trace. What is
 * asked for is done as if a controller had asked. Control thread.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "method.h"
#include "of_ports.h"
#include "of_trace.h"
#include "ofproto/compose.h"
#include "ofproto/text.h"

#define MAX_FRAME 65535

/* The bridge that the call names; the only one, if it names none. */
static int the_bridge(struct ctl *ctl, const struct call *call, const struct switch_bridge **ret,
	struct sh_err *err)
{
	const struct conf_item *item;
	const char *name;
	int r = method_text_optional(call, "bridge", &name, err);

	if (r == 0 && name)
		r = method_find(ctl, API_BRIDGE, name, &item, err);
	if (r < 0)
		return r;
	if (!name && ctl->sw.n_bridges != 1)
		return sh_err_set(
			err, -EINVAL, "bridge is missing: there are %u", ctl->sw.n_bridges);
	*ret = name ? switch_bridge(&ctl->sw, name) : &ctl->sw.bridges[0];
	return *ret ? 0 : sh_err_set(err, -ENOENT, "no such bridge '%.64s'", name);
}

static int refused(const struct of_err *of, int r, struct sh_err *err)
{
	if (r == -ENOMEM)
		return sh_err_set(err, r, "out of memory");
	if (of->type == OF_ET_FLOW_MOD_FAILED && of->code == OF_FM_TABLE_FULL)
		return sh_err_set(err, -ENOSPC, "the tables have no room for more flows");
	if (of->type == OF_ET_FLOW_MOD_FAILED && of->code == OF_FM_OVERLAP)
		return sh_err_set(
			err, -EEXIST, "check_overlap: another flow of the same priority overlaps");
	if (of->type == OF_ET_BAD_ACTION && of->code == OF_BA_BAD_OUT_GROUP)
		return sh_err_set(err, -ENOENT, "group: there is no such group");
	if (of->type == OF_ET_METER_MOD_FAILED)
		return sh_err_set(err, -ENOENT, "meter: there is no such meter");
	if (of->type == OF_ET_BAD_ACTION && of->code == OF_BA_TOO_MANY)
		return sh_err_set(err, -E2BIG, "learn: too long, use fewer words");
	return sh_err_set(err, r, "refused: %s", of_err_name(of));
}

/* When it returns, every worker forwards by it. */
static int change(struct ctl *ctl, const struct call *call, const char *text,
	enum of_flow_command command, struct sh_err *err)
{
	const struct switch_bridge *bridge;
	struct of_err of = { 0 };
	struct of_flow_mod mod;
	int r = the_bridge(ctl, call, &bridge, err);

	if (r == 0) {
		struct of_ports_names names;

		of_ports_names(ctl, bridge->name, &names);
		r = of_flow_parse(text, command, &names.text, &mod, err);
	}
	if (r < 0)
		return r;
	r = of_switch_flow_mod(openflow_switch(bridge->openflow), &mod, openflow_now_ns(), &of);
	of_instructions_done(&mod.instructions);
	if (r < 0)
		return refused(&of, r, err);
	openflow_refresh(bridge->openflow);
	dp_barrier(ctl->sw.dp);
	return 0;
}

int method_flow_add(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const char *text;
	int r = method_text(call, "flow", &text, err);

	return r < 0 ? r : change(ctl, call, text, OF_FC_ADD, err);
}

int method_flow_del(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const char *text;
	bool is_strict;
	int r = method_text_optional(call, "match", &text, err);

	if (r == 0)
		r = method_bool(call, "strict", &is_strict, err);
	if (r < 0)
		return r;
	return change(
		ctl, call, text ? text : "", is_strict ? OF_FC_DELETE_STRICT : OF_FC_DELETE, err);
}

/* Traces */

static int digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* Hexadecimal digits, with blanks and colons where they help. */
static int read_hex(const char *text, struct of_buf *ret, struct sh_err *err)
{
	for (const char *at = text; *at; at += 2) {
		int high, low;

		at += strspn(at, " :\t\n");
		if (!*at)
			break;
		high = digit(at[0]);
		low = high < 0 ? -1 : digit(at[1]);
		if (low < 0 || ret->len == MAX_FRAME)
			return sh_err_set(err, -EINVAL,
				low < 0 ? "frame: '%.16s' is no pair of "
					  "hexadecimal digits"
					: "frame: too long at '%.16s'",
				at);
		of_buf_put_u8(ret, (uint8_t)(high << 4 | low));
	}
	return ret->failed ? sh_err_set(err, -ENOMEM, "out of memory") : 0;
}

/* A match says where the frame comes in, too. */
static int read_match(const char *text, const struct of_text_names *names, uint32_t *in_port,
	struct of_buf *ret, struct sh_err *err)
{
	struct of_match match;
	int r = of_match_parse(text, names, &match, err);

	if (r == 0)
		r = of_frame_compose(&match, ret, err);
	if (r == 0 && of_get_u32(match.mask.in_port))
		*in_port = of_get_u32(match.value.in_port);
	return r;
}

static int read_frame(const struct call *call, const struct of_text_names *names, uint32_t *in_port,
	struct of_buf *ret, struct sh_err *err)
{
	const char *hex, *match;
	int r = method_text_optional(call, "frame", &hex, err);

	if (r == 0)
		r = method_text_optional(call, "match", &match, err);
	if (r < 0)
		return r;
	if (!hex == !match)
		return sh_err_set(
			err, -EINVAL, "give a match or a frame%s", hex ? ", not both" : "");
	return match ? read_match(match, names, in_port, ret, err) : read_hex(hex, ret, err);
}

/* "in_port" of the call: a number or a name, as in a match. */
static int read_in_port(const struct call *call, const struct of_text_names *names, uint32_t *ret,
	struct sh_err *err)
{
	struct of_match match = { 0 };
	char text[128];
	const char *port;
	int r = method_text_optional(call, "in_port", &port, err);

	if (r < 0 || !port)
		return r;
	snprintf(text, sizeof(text), "in_port=%s", port);
	r = of_match_parse(text, names, &match, err);
	if (r == 0)
		*ret = of_get_u32(match.value.in_port);
	return r;
}

static int trace(struct ctl *ctl, const struct switch_bridge *bridge, uint32_t in_port,
	const struct of_buf *frame, json_t **ret, struct sh_err *err)
{
	struct of_trace_conf conf = {
		.number = in_port, .frame = frame->data, .n_frame = (uint32_t)frame->len
	};
	struct of_port_info info;

	if (in_port != OF_PORT_CONTROLLER) {
		if (of_ports_find(ctl, bridge->name, in_port, &info, NULL) < 0)
			return sh_err_set(err, -ENOENT, "in_port: bridge '%s' has no port %u",
				bridge->name, in_port);
		conf.in_port = info.name;
	}
	return of_trace(bridge, &conf, ret, err);
}

int method_trace(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct switch_bridge *bridge;
	uint32_t in_port = OF_PORT_CONTROLLER;
	struct of_buf frame = { 0 };
	struct of_ports_names names;
	int r = the_bridge(ctl, call, &bridge, err);

	if (r < 0)
		return r;
	of_ports_names(ctl, bridge->name, &names);
	r = read_frame(call, &names.text, &in_port, &frame, err);
	if (r == 0)
		r = read_in_port(call, &names.text, &in_port, err);
	if (r == 0)
		r = trace(ctl, bridge, in_port, &frame, ret, err);
	of_buf_done(&frame);
	return r;
}
