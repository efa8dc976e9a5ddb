/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From what is wanted to what is printed. One shunt-sriov changes things at a time: a lock in the
 * run folder keeps the service from seeing another's half-made VFs.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/paths.h"
#include "change.h"
#include "conf/yaml.h"
#include "sriov/sysfs.h"
#include "want_conf.h"

int change_tools_init(struct change_tools *ret, const struct sriov_env *env, struct sh_err *err)
{
	struct change_tools tools = { .lock_fd = -1 };
	int r = sriov_events_init(&tools.events, err);

	if (r < 0)
		return r;
	*ret = tools;
	ret->hands = (struct sriov_hands){ .env = env,
		.events = &ret->events,
		.timeout_ms = SRIOV_SYSFS_TIMEOUT_MS,
		/* modprobe(8) is for this host, whatever root is looked at. */
		.load_modules = strcmp(env->sysfs, "/sys") == 0 };
	return 0;
}

void change_tools_done(struct change_tools *tools)
{
	change_unlock(tools);
	sriov_events_done(&tools->events);
}

int change_lock(struct change_tools *tools, struct sh_err *err)
{
	const char *folder = sh_run_dir(NULL);
	char path[PATH_MAX];
	int fd, r = 0;

	(void)mkdir(folder, 0755);
	snprintf(path, sizeof(path), "%s/sriov.lock", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return sh_err_set(err, -errno, "%s: %s", path, strerror(errno));
	do
		r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	while (r == -EINTR);
	if (r < 0) {
		close(fd);
		return sh_err_set(err, r, "%s: %s", path, strerror(-r));
	}
	tools->lock_fd = fd;
	return 0;
}

void change_unlock(struct change_tools *tools)
{
	sh_closep(&tools->lock_fd);
	tools->lock_fd = -1;
}

unsigned change_allowed(const struct program *program)
{
	return (program_value(program, "allow-disruptive") ? SRIOV_ALLOW_DISRUPTIVE : 0) |
	       (program_value(program, "force") ? SRIOV_ALLOW_FORCE : 0);
}

/* Printing */

static json_t *step_json(const struct sriov_step *step)
{
	return json_pack("{s:s, s:o, s:s, s:b, s:s?, s:b}", "pf", step->pf, "vf",
		step->vf < 0 ? json_null() : json_integer(step->vf), "step", step->text,
		"disruptive", step->disturbs != SRIOV_DISTURBS_NOBODY, "users", step->users,
		"needs_force", step->needs_force);
}

static void print_step(const struct sriov_step *step)
{
	char text[512];

	sriov_step_print(step, text, sizeof(text));
	printf("%s", text);
	if (step->disturbs != SRIOV_DISTURBS_NOBODY)
		printf(" (disturbs %s: needs --allow-disruptive)", step->users);
	if (step->needs_force)
		printf(" (carries the default route: needs --force)");
	putchar('\n');
}

static void print_plan_json(const struct sriov_plan *plan)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < plan->n; i++)
		json_array_append_new(array, step_json(&plan->steps[i]));
	program_print_json(array);
	json_decref(array);
}

static void print_plan(const struct program *program, const struct sriov_plan *plan)
{
	if (program->json) {
		print_plan_json(plan);
		return;
	}
	for (uint32_t i = 0; i < plan->n; i++)
		print_step(&plan->steps[i]);
	if (plan->n == 0)
		printf("nothing to change\n");
}

static void print_done(const struct sriov_step *step, void *ctx)
{
	char text[512];

	sriov_step_print(step, text, sizeof(text));
	printf("%s\n", text);
	fflush(stdout);
}

/* Doing */

static int read_and_plan(struct program *program, const struct sriov_want *want,
	struct sriov_host **ret_host, struct sriov_plan **ret)
{
	int r = sriov_host_read(program->env, NULL, ret_host, &program->err);

	return r < 0 ? r : sriov_plan_new(*ret_host, want, ret, &program->err);
}

int change_show(struct program *program, const struct sriov_want *want)
{
	_cleanup_(sriov_host_freep) struct sriov_host *host = NULL;
	_cleanup_(sriov_plan_freep) struct sriov_plan *plan = NULL;

	if (read_and_plan(program, want, &host, &plan) < 0)
		return program_fail(program);
	print_plan(program, plan);
	return PROGRAM_DONE;
}

static int make(struct program *program, struct change_tools *tools, const struct sriov_want *want)
{
	_cleanup_(sriov_host_freep) struct sriov_host *host = NULL;
	_cleanup_(sriov_plan_freep) struct sriov_plan *plan = NULL;
	struct sriov_apply_report report = { program->json ? NULL : print_done, NULL };
	int r = read_and_plan(program, want, &host, &plan);

	if (r == 0)
		r = sriov_plan_check(plan, change_allowed(program), &program->err);
	if (r == 0)
		r = sriov_apply(&tools->hands, host, plan, &report, &program->err);
	if (r < 0)
		return program_fail(program);
	/* What was done was said as it was done. */
	if (program->json || plan->n == 0)
		print_plan(program, plan);
	return PROGRAM_DONE;
}

int change_make(struct program *program, const struct sriov_want *want)
{
	struct change_tools tools;
	int status;

	if (program_value(program, "dry-run"))
		return change_show(program, want);
	if (change_tools_init(&tools, program->env, &program->err) < 0)
		return program_fail(program);
	status = change_lock(&tools, &program->err) < 0 ? program_fail(program)
							: make(program, &tools, want);
	change_tools_done(&tools);
	return status;
}

static int load(int (*read)(const char *path, const struct conf_env *env, struct conf *ret,
			struct sh_err *err),
	const char *path, struct sriov_want *ret, struct sh_err *err)
{
	struct conf_env env;
	struct conf conf;
	int r;

	conf_env_init_reader(&env, sh_run_dir(NULL));
	r = read(path, &env, &conf, err);
	if (r < 0)
		return r;
	r = want_from_conf(&conf, ret, err);
	conf_done(&conf);
	return r;
}

int change_load(const char *path, struct sriov_want *ret, struct sh_err *err)
{
	return load(conf_load_file, path, ret, err);
}

int change_load_input(const char *path, struct sriov_want *ret, struct sh_err *err)
{
	return load(conf_load_input, path, ret, err);
}
