/* SPDX-License-Identifier: BSD-3-Clause
 *
 * apply, config.show, log.set and version. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/paths.h"
#include "conf/yaml.h"
#include "method.h"

static json_t *step_object(const struct plan_step *step)
{
	const struct api_table *table = &api_tables[step->noun];
	json_t *object = json_pack("{s:s, s:s, s:s, s:O}", "action", plan_action_name(step->action),
		"noun", table->noun, "name", step->name, "fields", step->values);

	if (plan_step_note(step))
		json_object_set_new(object, "note", json_string(plan_step_note(step)));
	return object;
}

/* What is allowed and may not be what was meant. */
static json_t *warnings_of(const struct conf *conf)
{
	json_t *warnings = json_array();

	for (uint32_t i = 0; i < conf->of[API_BRIDGE].n; i++) {
		const struct conf_item *bridge = &conf->of[API_BRIDGE].items[i];

		if (conf_get(bridge, API_BRIDGE, "ssl_certificate") &&
			!conf_get(bridge, API_BRIDGE, "ssl_ca_certificate"))
			json_array_append_new(warnings,
				json_sprintf("bridge '%s': without ssl_ca_certificate, whoever "
					     "speaks TLS is taken for a controller",
					conf_get(bridge, API_BRIDGE, "name")));
	}
	return warnings;
}

static int apply_conf(struct ctl *ctl, const struct call *call, struct conf *conf,
	const struct change *change, json_t **ret, struct sh_err *err)
{
	json_t *steps = json_array(), *warnings = warnings_of(conf);
	struct plan plan;
	int r = ctl_change(ctl, conf, change, &plan, err);

	if (r < 0) {
		json_decref(steps);
		json_decref(warnings);
		return r;
	}
	for (unsigned i = 0; i < plan.n; i++)
		json_array_append_new(steps, step_object(&plan.steps[i]));
	*ret = json_pack("{s:o, s:b, s:o}", "steps", steps, "changed",
		plan.n > 0 && !change->dry_run, "warnings", warnings);
	plan_done(&plan);
	return 0;
}

int method_apply(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	struct change change = { .watch = call->watch };
	const char *text, *file;
	struct conf conf;
	int r = method_text(call, "text", &text, err);

	if (r == 0)
		r = method_text_optional(call, "file", &file, err);
	if (r == 0)
		r = method_bool(call, "dry_run", &change.dry_run, err);
	if (r < 0)
		return r;
	change.file = file ? file : "configuration";
	r = conf_load_text(text, strlen(text), change.file, &ctl->env, &conf, err);
	if (r == 0)
		r = apply_conf(ctl, call, &conf, &change, ret, err);
	if (r < 0 || change.dry_run)
		return r;
	r = ctl_retry(ctl, err);
	if (r < 0) {
		json_decref(*ret);
		*ret = NULL;
	}
	return r;
}

int method_config_show(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	_cleanup_free_ char *text = NULL;
	int r = conf_save_text(&ctl->conf, &text, err);

	if (r == 0)
		*ret = json_pack("{s:s}", "text", text);
	return r;
}

int method_log_set(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	enum sh_log_level level;
	const char *word;
	int r = method_text(call, "level", &word, err);

	if (r < 0)
		return r;
	if (sh_log_level_parse(word, &level) < 0)
		return sh_err_set(err, -EINVAL,
			"level: '%.64s' is not allowed: err, warn, notice, info or debug", word);
	sh_log_set_level(level);
	*ret = json_pack("{s:s}", "level", sh_log_level_name(level));
	return 0;
}

int method_version(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	*ret = json_pack("{s:s, s:i, s:s, s:s, s:b}", "version", sh_version(), "pid", (int)getpid(),
		"run_dir", ctl->env.run_dir, "state_file", ctl->store.path, "read_only",
		(int)ctl->store.read_only);
	return 0;
}
