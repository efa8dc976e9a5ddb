/* SPDX-License-Identifier: BSD-3-Clause
 *
 * capture.start: the port and how much of it. Control thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "api/value.h"
#include "capture.h"
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
	if (r == 0)
		r = method_text_optional(call, "filter", &conf->filter, err);
	conf->snaplen = (uint32_t)snaplen;
	return r;
}

/* The port, or of a team the one device that is asked for. */
static int find_port(const struct ctl *ctl, const struct call *call, const char *name,
	struct dp_port **ret, struct sh_err *err)
{
	const struct switch_port *port = switch_port(&ctl->sw, name);
	const struct dp_port *dp = port ? port->dp : NULL;
	const char *device = NULL;
	int r = method_text_optional(call, "device", &device, err);

	if (r < 0)
		return r;
	if (!dp)
		return sh_err_set(err, -ENODEV, "port '%s' is not there: %s", name,
			port ? port->error : "it was never made");
	if (device)
		r = method_member(dp, device, &dp, err);
	*ret = (struct dp_port *)(uintptr_t)dp;
	return r;
}

int method_capture_start(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct conf_item *item = NULL;
	struct dp_capture_conf conf;
	struct dp_port *port = NULL;
	const char *name, *path = NULL;
	uint64_t n_frames = 0;
	int r = method_text(call, "name", &name, err);

	if (r == 0)
		r = method_find(ctl, API_PORT, name, &item, err);
	if (r == 0)
		r = take_conf(call, &conf, &n_frames, err);
	if (r == 0)
		r = find_port(ctl, call, name, &port, err);
	if (r == 0)
		r = capture_start(ctl, port, &conf, n_frames, &path, err);
	if (r == 0)
		*ret = json_pack("{s:s}", "socket", path);
	return r;
}
