/* SPDX-License-Identifier: BSD-3-Clause
 *
 * capture.start: the port and how much of it. Control thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/value.h"
#include "capture.h"
#include "filter.h"
#include "later.h"
#include "method.h"

#define MIN_SNAPLEN 14 /* an Ethernet header */

static int take_directions(const struct call *call, unsigned *ret, struct sh_err *err)
{
	static const char *const words[] = { [DP_CAPTURE_IN] = "in",
		[DP_CAPTURE_OUT] = "out",
		[DP_CAPTURE_IN | DP_CAPTURE_OUT] = "both" };
	const char *text;
	int r = method_text_optional(call, "dir", &text, err);

	if (r < 0)
		return r;
	for (unsigned i = DP_CAPTURE_IN; i <= (DP_CAPTURE_IN | DP_CAPTURE_OUT); i++) {
		if (strcmp(words[i], text ? text : "both") == 0) {
			*ret = i;
			return 0;
		}
	}
	return sh_err_set(err, -EINVAL, "dir: '%.64s' is not allowed: in, out or both", text);
}

static int take_number(const struct call *call, const char *name, uint64_t min, uint64_t max,
	uint64_t *ret, struct sh_err *err)
{
	const char *text;
	uint64_t value;
	int r = method_text_optional(call, name, &text, err);

	if (r < 0 || !text)
		return r;
	if (api_parse_uint(text, &value) < 0 || value < min || value > max)
		return sh_err_set(err, -EINVAL,
			"%s: '%.64s' is not allowed: a number from %" PRIu64 " to %" PRIu64, name,
			text, min, max);
	*ret = value;
	return 0;
}

/* As tcpdump's -s: 0 is all. */
static int take_snaplen(const struct call *call, uint64_t *ret, struct sh_err *err)
{
	const char *text = NULL;
	int r = method_text_optional(call, "snaplen", &text, err);

	if (r < 0 || (text && strcmp(text, "0") == 0))
		return r;
	return take_number(call, "snaplen", MIN_SNAPLEN, CAPTURE_SNAPLEN, ret, err);
}

static int take_conf(const struct call *call, struct dp_capture_conf *conf, uint64_t *n_frames,
	struct sh_err *err)
{
	uint64_t snaplen = CAPTURE_SNAPLEN;
	int r = take_directions(call, &conf->directions, err);

	if (r == 0)
		r = take_snaplen(call, &snaplen, err);
	if (r == 0)
		r = take_number(call, "count", 1, UINT32_MAX, n_frames, err);
	conf->snaplen = (uint32_t)snaplen;
	return r;
}

/* The port, or of a team the one device that is asked for. */
static int find_port(
	const struct ctl *ctl, const struct call *call, struct dp_port **ret, struct sh_err *err)
{
	const struct switch_port *port = NULL;
	const struct conf_item *item = NULL;
	const char *name, *device = NULL;
	const struct dp_port *dp = NULL;
	int r = method_text(call, "name", &name, err);

	if (r == 0)
		r = method_find(ctl, API_PORT, name, &item, err);
	if (r == 0)
		r = method_text_optional(call, "device", &device, err);
	if (r < 0)
		return r;
	port = switch_port(&ctl->sw, name);
	dp = port ? port->dp : NULL;
	if (!dp)
		return sh_err_set(err, -ENODEV, "port '%s' is not there: %s", name,
			port ? port->error : "it was never made");
	if (device)
		r = method_member(dp, device, &dp, err);
	*ret = (struct dp_port *)(uintptr_t)dp;
	return r;
}

/* conf's filter is the capture's then. */
static int begin(struct ctl *ctl, const struct call *call, struct dp_filter *filter, json_t **ret,
	struct sh_err *err)
{
	struct dp_capture_conf conf = { .filter = filter };
	struct dp_port *port = NULL;
	const char *path = NULL;
	uint64_t n_frames = 0;
	int r = find_port(ctl, call, &port, err);

	if (r == 0)
		r = take_conf(call, &conf, &n_frames, err);
	if (r == 0)
		r = capture_start(ctl, port, &conf, n_frames, &path, err);
	if (r == 0)
		*ret = json_pack("{s:s}", "socket", path);
	return r;
}

/* A capture whose filter is being compiled. */
struct request {
	struct ctl *ctl;
	struct later *later;
	json_t *params;
};

/* The port may have gone meanwhile. */
static void on_filter(void *ctx, int r, struct dp_filter *filter, const struct sh_err *why)
{
	struct request *request = ctx;
	const struct call call = { .params = request->params };
	struct sh_err err = *why;
	json_t *result = NULL;

	if (r == 0)
		r = begin(request->ctl, &call, filter, &result, &err);
	if (r < 0)
		dp_filter_free(filter);
	later_finish(request->later, r, result, &err);
	json_decref(request->params);
	free(request);
}

static int begin_later(struct ctl *ctl, const struct call *call, const char *filter,
	uint32_t snaplen, struct sh_err *err)
{
	struct request *request = calloc(1, sizeof(*request));
	int r = -ENOMEM;

	if (!request)
		return sh_err_set(err, r, "out of memory");
	request->ctl = ctl;
	request->later = method_defer(call, err);
	request->params = json_deep_copy(call->params);
	if (!request->later) {
		json_decref(request->params);
		free(request);
		return -EBUSY;
	}
	if (request->params)
		r = filter_compile(ctl, filter, snaplen, on_filter, request, err);
	if (r < 0)
		on_filter(request, r, NULL, err);
	return METHOD_LATER;
}

int method_capture_start(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	struct dp_capture_conf conf = { 0 };
	struct dp_port *port = NULL;
	const char *filter = NULL;
	uint64_t n_frames = 0;
	int r = find_port(ctl, call, &port, err);

	if (r == 0)
		r = take_conf(call, &conf, &n_frames, err);
	if (r == 0)
		r = method_text_optional(call, "filter", &filter, err);
	if (r < 0)
		return r;
	return filter ? begin_later(ctl, call, filter, conf.snaplen, err)
		      : begin(ctl, call, NULL, ret, err);
}
