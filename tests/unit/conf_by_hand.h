/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Models out of a few lines of YAML, for tests.
 */
#pragma once

#include <string.h>

#include "conf/yaml.h"
#include "ofport.h"

static inline struct conf conf_of(const char *text)
{
	struct conf_env env = { .run_dir = "/run/shunt-test" };
	struct sh_err err = { "" };
	struct conf conf;

	CPU_ZERO(&env.cpus);
	CPU_SET(0, &env.cpus);
	if (conf_load_text(text, strlen(text), "text", &env, &conf, &err) < 0)
		fail_msg("%s", err.text);
	return conf;
}
