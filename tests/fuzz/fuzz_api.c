/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes from a client, in pieces: cut into lines, read as requests, carried out on a switch
 * that forwards nothing. After each request the switch is what the model says, and every answer is
 * a line of JSON. The first byte is the size of the pieces, the second the call of the dataplane
 * that fails.
 */
#include <string.h>

#include "api/rpc.h"
#include "base/log.h"
#include "fake_dp.h"
#include "fuzz.h"
#include "method.h"

static void start(struct ctl *ctl)
{
	struct sh_err err = { "" };
	struct conf none;

	memset(ctl, 0, sizeof(*ctl));
	sh_log_set_level(SH_LOG_ERR);
	conf_init(&ctl->conf);
	ctl->env.run_dir = "/run/shunt";
	for (unsigned i = 0; i < 4; i++)
		CPU_SET(i, &ctl->env.cpus);
	memcpy(ctl->machine_id, "0123456789abcdef0123456789abcdef", 33);
	CHECK(store_init(&ctl->store, "/nonexistent/config.yaml", "/nonexistent", &err) == 0);
	switch_init(&ctl->sw, ctl, fake_dp_get(), NULL);
	conf_init(&none);
	CHECK(ctl_start(ctl, &none, &err) == 0);
}

static void end(struct ctl *ctl)
{
	switch_stop(&ctl->sw);
	switch_done(&ctl->sw);
	conf_done(&ctl->conf);
	fake_dp_reset();
}

static unsigned n_made(const struct ctl *ctl)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ctl->sw.n_ports; i++)
		n += ctl->sw.ports[i].dp != NULL;
	return n;
}

/* The names agree, and so does what the dataplane has. Ports that an undo could not bring back are
 * kept without a device. */
static void check_state(const struct ctl *ctl)
{
	const struct conf_items *bridges = &ctl->conf.of[API_BRIDGE];
	const struct conf_items *ports = &ctl->conf.of[API_PORT];

	CHECK(ctl->sw.n_ports == ports->n);
	for (uint32_t i = 0; i < ports->n; i++)
		CHECK(switch_port(&ctl->sw, conf_get(&ports->items[i], API_PORT, "name")));
	CHECK(fake_dp.n_ports == n_made(ctl));
	CHECK(fake_dp.n_bridges == ctl->sw.n_bridges);
	CHECK(ctl->sw.n_bridges == bridges->n);
	for (uint32_t i = 0; i < bridges->n; i++)
		CHECK(switch_bridge(&ctl->sw, conf_get(&bridges->items[i], API_BRIDGE, "name")));
	CHECK(fake_dp.n_mirrors == ctl->sw.n_mirrors);
	if (fake_dp.fail_at == 0) {
		CHECK(fake_dp.n_entries == ctl->conf.of[API_FDB].n);
		CHECK(fake_dp.n_mirrors == ctl->conf.of[API_MIRROR].n);
	}
}

static void check_answer(char *line)
{
	json_t *object;

	CHECK(line);
	CHECK(strchr(line, '\n') == line + strlen(line) - 1);
	object = json_loads(line, 0, NULL);
	CHECK(object);
	CHECK(!json_object_get(object, "error") != !json_object_get(object, "result"));
	json_decref(object);
	free(line);
}

static void take_line(struct ctl *ctl, const char *line, size_t len)
{
	struct api_request request;
	struct sh_err err = { "" };
	json_t *result = NULL;
	int r, code = api_request_parse(line, len, &request, &err);

	if (code != 0) {
		CHECK(err.text[0]);
		check_answer(api_error_line(request.id, code, 0, err.text));
		api_request_done(&request);
		return;
	}
	r = method_call(ctl, request.method, request.params, NULL, &result, &code, &err);
	check_state(ctl);
	if (r < 0) {
		CHECK(err.text[0]);
		CHECK(!result);
		check_answer(api_error_line(request.id, code, r, err.text));
	} else {
		check_answer(api_reply_line(request.id, result));
	}
	json_decref(result);
	api_request_done(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_lines lines;
	struct ctl ctl;
	size_t piece, at = 2;

	if (size < 2)
		return 0;
	piece = data[0] ? data[0] : size;
	start(&ctl);
	fake_dp.calls = 0;
	fake_dp.fail_at = data[1];
	api_lines_init(&lines);
	while (at < size) {
		size_t len, n = size - at < piece ? size - at : piece;
		const char *line;

		CHECK(api_lines_push(&lines, data + at, n) == 0);
		at += n;
		while (api_lines_next(&lines, &line, &len) > 0)
			take_line(&ctl, line, len);
	}
	api_lines_done(&lines);
	end(&ctl);
	return 0;
}
