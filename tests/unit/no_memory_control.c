/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every allocation of control and of the API's parsers failed in turn: an error comes back, with
 * its sentence, and what was there before is there after. Under the address sanitizer nothing is
 * lost either.
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/client.h"
#include "api/rpc.h"
#include "base/log.h"
#include "conf/yaml.h"
#include "fail_malloc.h"
#include "fake_dp.h"
#include "method.h"
#include "plan.h"

/* libyaml 0.2.5 loses a stack of its own when it runs out of memory, and libcyaml 1.3 its bits of
 * the mapping that it was about to enter. What else libcyaml allocates, control_load sees freed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:yaml_parser_load\nleak:libcyaml.so\n";
}

static const char before_text[] =
	"workers: { cpus: [0] }\n"
	"bridges: [ { name: br0, controllers: [ 'tcp:127.0.0.1:6653', 'tcp:127.0.0.2:6653' ] } ]\n"
	"portgroups: [ { name: g, bridge: br0, vlan: 100, isolated: true } ]\n"
	"ports: [ { name: p, portgroup: g }, { name: up, bridge: br0, type: 'null', trunk: all } "
	"]\n"
	"fdb: [ { bridge: br0, vlan: 100, mac: '02:00:00:00:00:01', port: p } ]\n"
	"mirrors: [ { name: m, bridge: br0, select_src_port: [ p ], select_dst_port: [ p ],\n"
	"  output_port: up } ]\n"
	"sriov: [ { pf: eth0, num_vfs: 2, vfs: [ { vf: 0, vlan: 5 }, { vf: 1, portgroup: g } ] } "
	"]\n"
	"vms: [ { name: v, memory: { size: 64M }, nics: [ { portgroup: g } ] } ]\n";
static const char after_text[] =
	"bridges: [ { name: br0 }, { name: br1 } ]\n"
	"portgroups: [ { name: g, bridge: br0, vlan: 200 } ]\n"
	"ports: [ { name: p, portgroup: g, queues: 2 }, { name: q, bridge: br1 } ]\n"
	"fdb: [ { bridge: br0, vlan: 200, mac: '02:00:00:00:00:02', port: p } ]\n"
	"mirrors: [ { name: m, bridge: br0, select_vlan: '5', output_vlan: 9 }, { name: n,\n"
	"  bridge: br1, output_vlan: 9 } ]\n"
	"sriov: [ { pf: eth0, num_vfs: 2, vfs: [ { vf: '0-1', vlan: 5 } ] } ]\n";

struct world {
	char folder[32];
	struct ctl ctl;
	struct conf before, after; /* never touched */
	struct conf conf;          /* made by the operation under test */
	struct plan plan;
	struct sh_err err;
	/* of a method */
	const char *method;
	json_t *params, *result, *expected;
};

static void load(const struct world *w, const char *text, struct conf *ret)
{
	struct sh_err err = { "" };

	if (conf_load_text(text, strlen(text), "text", &w->ctl.env, ret, &err) < 0)
		fail_msg("%s", err.text);
}

static void assert_same(const struct conf *a, const struct conf *b)
{
	struct plan plan;

	assert_int_equal(plan_new(a, b, &plan), 0);
	assert_int_equal(plan.n, 0);
	plan_done(&plan);
}

/* What was refused for want of memory is refused with a sentence. */
static void assert_refused(const struct world *w, int r)
{
	assert_true(r < 0);
	assert_string_not_equal(w->err.text, "");
}

/* A switch that is `before`, with a store of its own. */
static void start(struct world *w)
{
	struct sh_err err = { "" };
	struct conf conf;

	fake_dp_reset();
	load(w, before_text, &conf);
	memset(&w->ctl.sw, 0, sizeof(w->ctl.sw));
	switch_init(&w->ctl.sw, &w->ctl, fake_dp_get(), NULL);
	assert_int_equal(ctl_start(&w->ctl, &conf, &err), 0);
	assert_int_equal(store_save(&w->ctl.store, &w->ctl.conf, &err), 0);
}

static void stop(struct world *w)
{
	switch_stop(&w->ctl.sw);
	switch_done(&w->ctl.sw);
	conf_done(&w->ctl.conf);
	fake_dp_reset();
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	sh_log_init("test", SH_LOG_ERR);
	strcpy(w->folder, "/tmp/shunt-memory-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	conf_env_init(&w->ctl.env, w->folder);
	CPU_SET(0, &w->ctl.env.cpus);
	assert_int_equal(store_init(&w->ctl.store, NULL, w->folder, NULL), 0);
	load(w, before_text, &w->before);
	load(w, after_text, &w->after);
	start(w);
	/* As the switch has them: with OpenFlow numbers. */
	conf_done(&w->before);
	assert_int_equal(conf_copy(&w->ctl.conf, &w->before), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	stop(w);
	conf_done(&w->before);
	conf_done(&w->after);
	unlink(w->ctl.store.path);
	assert_int_equal(rmdir(w->folder), 0);
	free(w);
	return 0;
}

static int load_text(void *ctx)
{
	struct world *w = ctx;

	w->err.text[0] = '\0';
	return conf_load_text(
		before_text, strlen(before_text), "text", &w->ctl.env, &w->conf, &w->err);
}

static void check_loaded(void *ctx, int r, bool failed)
{
	struct world *w = ctx;

	if (r < 0) {
		assert_refused(w, r);
		return;
	}
	/* The store has the virtual machine's port, too. */
	assert_int_equal(w->conf.of[API_PORT].n, conf_item(&w->conf, API_PORT, "v-0") ? 3 : 2);
	assert_int_equal(w->conf.of[API_FDB].n, 1);
	conf_done(&w->conf);
}

static void configuration_is_read_whole_or_refused(void **state)
{
	assert_true(fail_malloc_each(load_text, check_loaded, *state) > 50);
}

static int load_file(void *ctx)
{
	struct world *w = ctx;

	w->err.text[0] = '\0';
	return store_load(&w->ctl.store, &w->ctl.env, &w->conf, &w->err);
}

static void store_is_read_whole_or_refused(void **state)
{
	assert_true(fail_malloc_each(load_file, check_loaded, *state) > 50);
}

static int make_plan(void *ctx)
{
	struct world *w = ctx;

	return plan_new(&w->before, &w->after, &w->plan);
}

static void check_plan(void *ctx, int r, bool failed)
{
	struct world *w = ctx;

	if (failed) {
		assert_int_equal(r, -ENOMEM);
		return;
	}
	assert_int_equal(r, 0);
	plan_done(&w->plan);
}

static void plan_is_made_whole_or_not_at_all(void **state)
{
	assert_true(fail_malloc_each(make_plan, check_plan, *state) > 20);
}

static int save(void *ctx)
{
	struct world *w = ctx;

	w->err.text[0] = '\0';
	return store_save(&w->ctl.store, &w->after, &w->err);
}

static void check_saved(void *ctx, int r, bool failed)
{
	struct world *w = ctx;
	struct conf there;

	assert_int_equal(store_load(&w->ctl.store, &w->ctl.env, &there, NULL), 0);
	if (r < 0)
		assert_refused(w, r);
	assert_same(&there, r < 0 ? &w->before : &w->after);
	conf_done(&there);
	assert_int_equal(store_save(&w->ctl.store, &w->before, NULL), 0);
}

static void store_keeps_the_old_file_when_the_new_one_cannot_be_made(void **state)
{
	assert_true(fail_malloc_each(save, check_saved, *state) > 50);
}

static int change(void *ctx)
{
	const struct change how = { .file = "text" };
	struct world *w = ctx;
	struct conf to;

	w->err.text[0] = '\0';
	if (conf_copy(&w->after, &to) < 0)
		return sh_err_set(&w->err, -ENOMEM, "out of memory");
	return ctl_change(&w->ctl, &to, &how, NULL, &w->err);
}

static void check_changed(void *ctx, int r, bool failed)
{
	struct world *w = ctx;

	if (r < 0) {
		assert_refused(w, r);
		assert_same(&w->ctl.conf, &w->before);
	}
	assert_int_equal(w->ctl.sw.n_ports, w->ctl.conf.of[API_PORT].n);
	assert_int_equal(w->ctl.sw.n_bridges, w->ctl.conf.of[API_BRIDGE].n);
	assert_int_equal(fake_dp.n_bridges, w->ctl.sw.n_bridges);
	stop(w);
	start(w);
}

static void change_that_runs_out_of_memory_leaves_the_model_as_it_was(void **state)
{
	assert_true(fail_malloc_each(change, check_changed, *state) > 100);
}

static int call(void *ctx)
{
	struct world *w = ctx;
	int code;

	w->err.text[0] = '\0';
	w->result = NULL;
	return method_call(&w->ctl, w->method, w->params, NULL, &w->result, &code, &w->err);
}

/* An answer is the whole one, or none. */
static void check_answer(void *ctx, int r, bool failed)
{
	struct world *w = ctx;

	if (r < 0) {
		assert_refused(w, r);
		assert_null(w->result);
	} else if (!json_equal(w->result, w->expected)) {
		char *text = json_dumps(w->result, JSON_COMPACT | JSON_ENCODE_ANY);

		fail_msg("%s: %s", w->method, text);
	}
	json_decref(w->result);
	w->result = NULL;
}

static void assert_answers_whole(struct world *w, const char *method, json_t *params)
{
	w->method = method;
	w->params = params;
	assert_int_equal(call(w), 0);
	w->expected = w->result;
	(void)fail_malloc_each(call, check_answer, w);
	json_decref(w->expected);
	json_decref(params);
}

static void answer_is_whole_or_an_error(void **state)
{
	static const char *const methods[] = { "show", "bridge.list", "portgroup.list", "port.list",
		"mirror.list", "port.stats", "fdb.list", "vm.list", "worker.list", "worker.stats",
		"config.show", "version" };

	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		assert_answers_whole(*state, methods[i], NULL);
	assert_answers_whole(*state, "port.show", json_pack("{s:s}", "name", "p"));
	assert_answers_whole(*state, "vm.info", json_pack("{s:s}", "name", "v"));
	assert_answers_whole(
		*state, "apply", json_pack("{s:s, s:b}", "text", after_text, "dry_run", 1));
}

static int read_request(void *ctx)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"port.add\","
				   "\"params\":{\"name\":\"p\",\"vlan\":1}}\n";
	struct api_request request;
	struct api_lines lines;
	struct world *w = ctx;
	const char *text;
	size_t len;
	int r;

	w->err.text[0] = '\0';
	api_lines_init(&lines);
	r = api_lines_push(&lines, line, strlen(line));
	if (r == 0 && api_lines_next(&lines, &text, &len) == 1) {
		r = api_request_parse(text, len, &request, &w->err);
		if (r == 0 && strcmp(request.method, "port.add") != 0)
			r = -EBADMSG;
		api_request_done(&request);
	}
	api_lines_done(&lines);
	return r;
}

static void check_request(void *ctx, int r, bool failed)
{
	assert_true(failed ? r < 0 && r != -EBADMSG : r == 0);
}

static void request_is_read_whole_or_refused(void **state)
{
	assert_true(fail_malloc_each(read_request, check_request, *state) > 10);
}

static int write_lines(void *ctx)
{
	static const char *const whole[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"show\",\"params\":{}}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,"
		"\"message\":\"no such port\",\"data\":{\"errno\":\"ENOENT\"}}}\n",
		"{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":"
		"{\"done\":1,\"total\":2,\"text\":\"port add p\"}}\n",
	};
	/* An error whose sentence cannot be written is still an error. */
	static const char refused[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,"
				      "\"message\":\"refused\",\"data\":{\"errno\":\"ENOENT\"}}}\n";
	char *lines[4] = { api_request_line(1, "show", NULL), api_reply_line(NULL, NULL),
		api_error_line(NULL, API_RPC_REFUSED, ENOENT, "no such port"),
		api_progress_line(1, 2, "port add p") };
	int r = 0;

	for (unsigned i = 0; i < 4; i++) {
		if (!lines[i])
			r = -ENOMEM;
		else if (strcmp(lines[i], whole[i]) != 0 && strcmp(lines[i], refused) != 0)
			r = -EBADMSG;
		free(lines[i]);
	}
	return r;
}

static void check_lines(void *ctx, int r, bool failed)
{
	assert_true(r == 0 || (failed && r == -ENOMEM));
}

static void answer_is_written_whole_or_not_at_all(void **state)
{
	assert_true(fail_malloc_each(write_lines, check_lines, *state) > 20);
}

/* A server that has answered before it is asked. */
static int ask(void *ctx)
{
	static const char reply[] = "{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":"
				    "{\"done\":1,\"total\":2,\"text\":\"x\"}}\n"
				    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":[1,2]}}\n";
	const struct sockaddr_un *address = ctx;
	struct api_client *client = NULL;
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer = -1, r;
	json_t *result = NULL;
	struct sh_err err = { "" };

	if (server < 0 || bind(server, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
		listen(server, 1) < 0)
		return -errno;
	r = api_client_new(address->sun_path, &err, &client);
	if (r == 0) {
		peer = accept(server, NULL, NULL);
		if (write(peer, reply, strlen(reply)) < 0)
			r = -errno;
	}
	if (r == 0)
		r = api_client_call(client, "show", NULL, NULL, NULL, &err, &result);
	if (r < 0 && !err.text[0])
		r = -EBADMSG;
	if (r == 0 && json_array_size(json_object_get(result, "a")) != 2)
		r = -EBADMSG;
	json_decref(result);
	api_client_free(client);
	if (peer >= 0)
		close(peer);
	close(server);
	unlink(address->sun_path);
	return r;
}

static void check_asked(void *ctx, int r, bool failed)
{
	assert_true(failed ? r < 0 && r != -EBADMSG : r == 0);
}

static void client_says_that_it_has_no_memory(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct world *w = *state;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/api.sock", w->folder);
	assert_true(fail_malloc_each(ask, check_asked, &address) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			configuration_is_read_whole_or_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(store_is_read_whole_or_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(plan_is_made_whole_or_not_at_all, setup, teardown),
		cmocka_unit_test_setup_teardown(
			store_keeps_the_old_file_when_the_new_one_cannot_be_made, setup, teardown),
		cmocka_unit_test_setup_teardown(
			change_that_runs_out_of_memory_leaves_the_model_as_it_was, setup, teardown),
		cmocka_unit_test_setup_teardown(answer_is_whole_or_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(request_is_read_whole_or_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			answer_is_written_whole_or_not_at_all, setup, teardown),
		cmocka_unit_test_setup_teardown(client_says_that_it_has_no_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
