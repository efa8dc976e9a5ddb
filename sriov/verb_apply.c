/* SPDX-License-Identifier: BSD-3-Clause
 *
 * shunt-sriov plan FILE, apply FILE: the key `sriov:` of a configuration, shown as steps or done.
 */
#include "change.h"
#include "want_conf.h"

static int with_file(struct program *program,
	int (*what)(struct program *program, const struct sriov_want *want))
{
	struct sriov_want want;
	int status;

	if (change_load_input(program->operand, &want, &program->err) < 0)
		return program_fail(program);
	status = what(program, &want);
	want_done(&want);
	return status;
}

int program_plan(struct program *program)
{
	return with_file(program, change_show);
}

int program_apply(struct program *program)
{
	return with_file(program, change_make);
}
