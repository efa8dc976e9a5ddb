/* SPDX-License-Identifier: BSD-3-Clause
 *
 * shunt-sriov set PF [--vf N] --key value ..., bind PF --vf N --driver D: a configuration of one PF
 * made of the command line, so that it is checked, planned and performed as a file is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/paths.h"
#include "change.h"
#include "conf/check.h"
#include "want_conf.h"

#define NAME_LEN 32

/* "max-tx-rate" is the field max_tx_rate. */
static void field_name(const char *option, char ret[NAME_LEN])
{
	snprintf(ret, NAME_LEN, "%s", option);
	for (char *c = ret; *c; c++)
		if (*c == '-')
			*c = '_';
}

static int set_field(struct program *program, struct conf_item *pf, struct conf_item *vf,
	const char *option, const char *value)
{
	enum api_noun noun = API_SRIOV_VF;
	char field[NAME_LEN];

	field_name(option, field);
	if (api_field_index(API_SRIOV, field) >= 0)
		noun = API_SRIOV;
	else if (api_field_index(API_SRIOV_VF, field) < 0)
		return 0;
	if (noun == API_SRIOV_VF && !vf)
		return sh_err_set(&program->err, -EINVAL,
			"--%s is of a VF; give --vf N, or a range like 0-3", option);
	if (conf_set(noun == API_SRIOV ? pf : vf, noun, field, value) < 0)
		return sh_err_set(&program->err, -ENOMEM, "out of memory");
	return 1;
}

static int fill(struct program *program, struct conf *conf)
{
	const struct program_option *options = program->verb->options;
	struct conf_item *pf = conf_append(conf, API_SRIOV), *vf = NULL;
	unsigned n_fields = 0;

	if (!pf || conf_set(pf, API_SRIOV, "pf", program->operand) < 0)
		return sh_err_set(&program->err, -ENOMEM, "out of memory");
	if (program_value(program, "vf")) {
		vf = conf_append_nested(&pf->nested[0]);
		if (!vf)
			return sh_err_set(&program->err, -ENOMEM, "out of memory");
	}
	for (unsigned i = 0; options[i].name; i++) {
		int r = program->values[i]
				? set_field(program, pf, vf, options[i].name, program->values[i])
				: 0;

		if (r < 0)
			return r;
		n_fields += (unsigned)r;
	}
	if (n_fields > (vf ? 1u : 0u))
		return 0;
	return sh_err_set(
		&program->err, -EINVAL, "nothing to set; give --KEY VALUE, as --vlan 100");
}

static int read_arguments(struct program *program, struct conf *conf, struct sriov_want *ret)
{
	struct conf_where where = { .index = -1 };
	struct conf_env env;
	int r = fill(program, conf);

	if (r < 0)
		return r;
	conf_env_init_reader(&env, sh_run_dir(NULL));
	r = conf_normalise(conf, &where, &program->err);
	if (r == 0)
		r = conf_check(conf, &env, &where, &program->err);
	return r < 0 ? r : want_from_conf(conf, ret, &program->err);
}

int program_set(struct program *program)
{
	struct sriov_want want;
	struct conf conf;
	int status;

	conf_init(&conf);
	if (read_arguments(program, &conf, &want) < 0) {
		status = program_fail(program);
	} else {
		status = change_make(program, &want);
		want_done(&want);
	}
	conf_done(&conf);
	return status;
}

int program_bind(struct program *program)
{
	if (program_value(program, "vf") && program_value(program, "driver"))
		return program_set(program);
	sh_err_set(&program->err, -EINVAL,
		"give --vf N and --driver NAME, or 'none' to leave it unbound");
	return program_fail(program);
}
