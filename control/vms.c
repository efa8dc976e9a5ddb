/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Life of the processes. A process is known by its pidfd, whether it is a child or was found; its
 * end is what the pidfd says, never a closed connection. Control thread.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/paths.h"
#include "vm_definition.h"
#include "vm_scope.h"
#include "vm_socket.h"
#include "vm_spawn.h"
#include "vms.h"

#define CONNECT_EVERY_US 10000u
#define START_S          30u /* a guest's memory in huge pages takes its time */
#define KILL_S           3u
#define REPLY_US         10000000u

struct vm {
	LIST_ENTRY(vm) next;
	struct vms *vms;
	char name[64];
	enum vm_state state;
	pid_t pid;
	int pidfd; /* -1 when it does not run */
	bool is_child;
	sd_event_source *process, *timer; /* of its end; of the next attempt to connect */
	struct vm_link *link;             /* NULL: none yet, or lost */
	struct later *starter, *killer;
	unsigned n_starting_s, n_killing_s;
	bool is_restored; /* its disks may be copied before it answers */
	char error[256];
};

struct vms {
	struct ctl *ctl;
	sd_event *event;
	struct vms_conf conf;
	struct vm_scopes *scopes;
	char folder[96]; /* of sockets and logs */
	LIST_HEAD(, vm) list;
};

static struct vm *find(const struct vms *vms, const char *name)
{
	struct vm *vm;

	if (vms)
		LIST_FOREACH (vm, &vms->list, next)
			if (strcmp(vm->name, name) == 0)
				return vm;
	return NULL;
}

static void answer(struct later **later, int r, json_t *result, const struct sh_err *err)
{
	struct later *asked = TAKE_PTR(*later);

	if (asked)
		later_finish(asked, r, result, err);
	else
		json_decref(result);
}

static void file_of(const struct vm *vm, const char *ending, char ret[256])
{
	snprintf(ret, 256, "%s/%s.%s", vm->vms->folder, vm->name, ending);
}

/* The last line that the process wrote is why it ended. */
static void read_last_line(const struct vm *vm, char ret[256])
{
	char path[256], line[512];
	_cleanup_fclose_ FILE *f = NULL;

	ret[0] = '\0';
	file_of(vm, "log", path);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			snprintf(ret, 256, "%.255s", line);
	}
}

/* What users read begins with the object, not with the program. */
static const char *without_program(const char *line)
{
	static const char program[] = "shunt-vmm: ";

	return strncmp(line, program, strlen(program)) == 0 ? line + strlen(program) : line;
}

static void drop_link(struct vm *vm, const char *why)
{
	struct vm_link *link = TAKE_PTR(vm->link);
	struct sh_err err;

	sh_err_set(&err, -ESRCH, "%s", why);
	vm_link_free(link, -ESRCH, &err);
}

static void say_end(struct vm *vm, const siginfo_t *info)
{
	char line[256];

	vm->error[0] = '\0';
	if (vm->is_child && info->si_code == CLD_EXITED && info->si_status == 0) {
		sh_log_notice("VM '%s': powered off", vm->name);
		return;
	}
	if (!vm->is_child) {
		sh_log_notice("VM '%s': ended", vm->name);
		return;
	}
	read_last_line(vm, line);
	if (info->si_code == CLD_EXITED)
		snprintf(vm->error, sizeof(vm->error), "%s",
			line[0] ? without_program(line) : "its process failed");
	else
		snprintf(vm->error, sizeof(vm->error), "its process was ended by signal %d",
			info->si_status);
	if (vm->killer)
		sh_log_notice("VM '%s': killed", vm->name);
	else
		sh_log_err("VM '%s': %s", vm->name, vm->error);
}

static void forget_process(struct vm *vm)
{
	sd_event_source_disable_unref(TAKE_PTR(vm->process));
	sd_event_source_disable_unref(TAKE_PTR(vm->timer));
	if (vm->pidfd >= 0)
		close(vm->pidfd);
	vm->pidfd = -1;
	vm->pid = 0;
	vm->state = VM_STOPPED;
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	siginfo_t info = { 0 };
	struct vm *vm = ctx;
	struct sh_err err;
	char path[256];

	if (vm->is_child && waitid(P_PIDFD, (id_t)vm->pidfd, &info, WEXITED | WNOHANG) < 0)
		info.si_code = CLD_KILLED;
	say_end(vm, &info);
	forget_process(vm);
	drop_link(vm, "the virtual machine has ended");
	/* A process of another user cannot remove it. */
	file_of(vm, "sock", path);
	unlink(path);
	sh_err_set(&err, -EIO, "%s", vm->error);
	if (vm->error[0])
		answer(&vm->starter, -EIO, NULL, &err);
	answer(&vm->starter, 0, json_pack("{s:s}", "state", "stopped"), NULL);
	answer(&vm->killer, 0, NULL, NULL);
	return 0;
}

static void on_started(void *ctx, int r, const json_t *result, const struct sh_err *err)
{
	const char *state = json_string_value(json_object_get(result, "state"));
	struct vm *vm = ctx;

	/* The end of the process says more. */
	if (r == -ESRCH)
		return;
	if (r < 0) {
		sh_log_warn("VM '%s': %s", vm->name, err->text);
		return;
	}
	if (vm->state == VM_STARTING)
		sh_log_notice("VM '%s': runs as process %d", vm->name, (int)vm->pid);
	vm->state = state && strcmp(state, "paused") == 0 ? VM_PAUSED : VM_RUNNING;
	answer(&vm->starter, 0,
		json_pack("{s:s, s:i}", "state", vms_state_name(vm->state), "pid", (int)vm->pid),
		NULL);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx);

static void connect_soon(struct vm *vm)
{
	sd_event_source_disable_unref(TAKE_PTR(vm->timer));
	if (sd_event_add_time_relative(vm->vms->event, &vm->timer, CLOCK_MONOTONIC,
		    CONNECT_EVERY_US, 0, on_timer, vm) < 0)
		sh_log_err("VM '%s': no timer", vm->name);
}

/* It may have closed for reasons of its own; while the process is there, try again. */
static void on_closed(void *ctx)
{
	struct vm *vm = ctx;

	drop_link(vm, "the virtual machine has closed the connection");
	connect_soon(vm);
}

static int connect_to(struct vm *vm)
{
	const struct vm_link_owner owner = { on_closed, vm };
	struct sh_err err;
	char path[256];
	int r;

	file_of(vm, "sock", path);
	r = vm_link_new(vm->vms->event, path, &owner, &vm->link);
	if (r == 0)
		r = vm_link_call(vm->link, &(struct vm_link_call){ "vm.info", json_object(), NULL },
			on_started, vm, &err);
	if (r < 0)
		drop_link(vm, "the virtual machine cannot be reached");
	return r;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct vm *vm = ctx;

	if (connect_to(vm) < 0)
		connect_soon(vm);
	return 0;
}

/* From now on its end is seen. */
static int watch_process(struct vm *vm, pid_t pid)
{
	int r;

	vm->pidfd = pidfd_open(pid, 0);
	if (vm->pidfd < 0)
		return -errno;
	vm->pid = pid;
	vm->state = VM_STARTING;
	vm->n_starting_s = vm->n_killing_s = 0;
	r = sd_event_add_io(vm->vms->event, &vm->process, vm->pidfd, EPOLLIN, on_end, vm);
	if (r < 0)
		forget_process(vm);
	return r;
}

static struct vm *vm_of(struct vms *vms, const char *name)
{
	struct vm *vm = find(vms, name);

	if (vm)
		return vm;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return NULL;
	vm->vms = vms;
	vm->pidfd = -1;
	snprintf(vm->name, sizeof(vm->name), "%s", name);
	LIST_INSERT_HEAD(&vms->list, vm, next);
	return vm;
}

static int start_process(
	struct vm *vm, const struct conf_item *item, const char *restore, struct sh_err *err)
{
	const struct vms *vms = vm->vms;
	_cleanup_free_ char *definition = NULL;
	char log[256], socket[256];
	pid_t pid;
	int r = vm_definition(vms->ctl, item, &definition, err);

	if (r < 0)
		return r;
	vm_sockets_admit(&vms->ctl->conf, item, vms->conf.run_dir);
	file_of(vm, "log", log);
	file_of(vm, "sock", socket);
	r = vm_spawn(&(struct vm_spawn){ vm->name, vms->conf.program, definition, socket, log,
			     vms->conf.state_dir, restore },
		err, &pid);
	if (r < 0)
		return r;
	vm->is_child = true;
	r = watch_process(vm, pid);
	if (r < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return sh_err_set(err, r, "its process cannot be watched: %s", strerror(-r));
	}
	vm_scope_start(vms->scopes, vm->name, pid);
	return 0;
}

int vms_start(struct vms *vms, const struct conf_item *item, const char *restore,
	struct later *later, struct sh_err *err)
{
	const char *name = conf_get(item, API_VM, "name");
	struct vm *vm = vm_of(vms, name);
	int r;

	if (!vm)
		return sh_err_set(err, -ENOMEM, "out of memory");
	if (vm->state != VM_STOPPED)
		return sh_err_set(err, -EALREADY, "it is %s already", vms_state_name(vm->state));
	r = start_process(vm, item, restore, err);
	if (r < 0)
		return r;
	vm->starter = later;
	vm->is_restored = restore != NULL;
	connect_soon(vm);
	return 0;
}

/* return: whether a process serves its socket */
static bool adopt(struct vms *vms, const char *name)
{
	struct vm *vm = vm_of(vms, name);
	int r;

	if (!vm || connect_to(vm) < 0)
		return false;
	vm->is_child = false;
	r = watch_process(vm, vm_link_pid(vm->link));
	if (r == 0)
		return true;
	drop_link(vm, "the virtual machine cannot be watched");
	sh_log_err("VM '%s': its process cannot be watched: %s", name, strerror(-r));
	return false;
}

void vms_autostart(struct vms *vms)
{
	const struct conf_items *items = &vms->ctl->conf.of[API_VM];

	for (uint32_t i = 0; i < items->n; i++) {
		const struct conf_item *item = &items->items[i];
		const char *name = conf_get(item, API_VM, "name");
		struct sh_err err = { "" };

		if (adopt(vms, name) ||
			strcmp(conf_get_or_default(item, API_VM, "autostart"), "true") != 0)
			continue;
		if (vms_start(vms, item, NULL, NULL, &err) < 0)
			sh_log_err("VM '%s': cannot be started: %s", name, err.text);
	}
}

int vms_new(struct ctl *ctl, sd_event *event, const struct vms_conf *conf, struct sh_err *err,
	struct vms **ret)
{
	struct vms *vms = calloc(1, sizeof(*vms));
	int n;

	if (!vms || vm_scopes_new(event, &vms->scopes) < 0) {
		free(vms);
		return sh_err_set(err, -ENOMEM, "out of memory");
	}
	vms->ctl = ctl;
	vms->event = event;
	vms->conf = *conf;
	LIST_INIT(&vms->list);
	n = snprintf(vms->folder, sizeof(vms->folder), "%s/vm", conf->run_dir);
	if (n >= (int)sizeof(vms->folder)) {
		vms_free(vms);
		return sh_err_set(err, -ENAMETOOLONG, "the run folder's name is too long");
	}
	if (mkdir(vms->folder, 0755) < 0 && errno != EEXIST) {
		n = -errno;
		sh_err_set(err, n, "cannot make folder %s: %s", vms->folder, strerror(-n));
		vms_free(vms);
		return n;
	}
	*ret = vms;
	return 0;
}

void vms_free(struct vms *vms)
{
	struct sh_err err = { "shuntd is stopping" };
	struct vm *vm;

	while (vms && (vm = LIST_FIRST(&vms->list))) {
		LIST_REMOVE(vm, next);
		answer(&vm->starter, -ECANCELED, NULL, &err);
		answer(&vm->killer, -ECANCELED, NULL, &err);
		drop_link(vm, err.text);
		forget_process(vm);
		free(vm);
	}
	if (vms)
		vm_scopes_free(vms->scopes);
	free(vms);
}

static void tick(struct vm *vm)
{
	struct sh_err err = { "" };

	if (vm->link)
		vm_link_tick(vm->link, REPLY_US);
	if (vm->state == VM_STARTING && !vm->is_restored && ++vm->n_starting_s > START_S) {
		sh_err_set(&err, -ETIMEDOUT, "it is not up after %u s", START_S);
		answer(&vm->starter, -ETIMEDOUT, NULL, &err);
		pidfd_send_signal(vm->pidfd, SIGKILL, NULL, 0);
	}
	if (vm->killer && ++vm->n_killing_s > KILL_S)
		pidfd_send_signal(vm->pidfd, SIGKILL, NULL, 0);
}

void vms_tick(struct vms *vms)
{
	struct vm *vm;

	LIST_FOREACH (vm, &vms->list, next)
		tick(vm);
}

enum vm_state vms_state(const struct vms *vms, const char *name)
{
	const struct vm *vm = find(vms, name);

	return vm ? vm->state : VM_STOPPED;
}

const char *vms_state_name(enum vm_state state)
{
	static const char *const names[] = { "stopped", "starting", "running", "paused" };

	return names[state];
}

const char *vms_folder(const struct vms *vms)
{
	return vms ? vms->conf.state_dir : ".";
}

pid_t vms_pid(const struct vms *vms, const char *name)
{
	const struct vm *vm = find(vms, name);

	return vm ? vm->pid : 0;
}

const char *vms_error(const struct vms *vms, const char *name)
{
	const struct vm *vm = find(vms, name);

	return vm ? vm->error : "";
}

int vms_check_stopped(const struct vms *vms, const char *name, struct sh_err *err)
{
	enum vm_state state = vms_state(vms, name);

	if (state == VM_STOPPED)
		return 0;
	return sh_err_set(err, -EBUSY, "it is %s: 'shunt vm stop' or 'shunt vm kill' first",
		vms_state_name(state));
}

void vms_forget(struct vms *vms, const char *name)
{
	struct vm *vm = find(vms, name);
	char path[256];

	if (!vm || vm->state != VM_STOPPED)
		return;
	file_of(vm, "log", path);
	unlink(path);
	LIST_REMOVE(vm, next);
	free(vm);
}

static int find_running(struct vms *vms, const char *name, struct vm **ret, struct sh_err *err)
{
	struct vm *vm = find(vms, name);

	if (!vm || vm->state == VM_STOPPED)
		return sh_err_set(err, -ESRCH, "it is not running");
	*ret = vm;
	return 0;
}

int vms_call(struct vms *vms, const char *name, const struct vm_link_call *what, vm_reply_fn *fn,
	void *ctx, struct sh_err *err)
{
	struct vm *vm = NULL;
	int r = find_running(vms, name, &vm, err);

	if (r == 0 && (!vm->link || vm->state == VM_STARTING))
		r = sh_err_set(err, -EAGAIN, "it is starting: try again");
	if (r < 0) {
		json_decref(what->params);
		return r;
	}
	return vm_link_call(vm->link, what, fn, ctx, err);
}

static void on_kill_reply(void *ctx, int r, const json_t *result, const struct sh_err *err)
{
	struct vm *vm = ctx;

	if (r < 0 && r != -ESRCH && vm->pidfd >= 0)
		pidfd_send_signal(vm->pidfd, SIGKILL, NULL, 0);
}

int vms_kill(struct vms *vms, const char *name, struct later *later, struct sh_err *err)
{
	struct vm *vm = NULL;
	int r = find_running(vms, name, &vm, err);

	if (r < 0)
		return r;
	if (vm->killer)
		return sh_err_set(err, -EALREADY, "it is being killed already");
	vm->killer = later;
	vm->n_killing_s = 0;
	if (!vm->link ||
		vm_link_call(vm->link, &(struct vm_link_call){ "vm.kill", json_object(), NULL },
			on_kill_reply, vm, err) < 0)
		pidfd_send_signal(vm->pidfd, SIGKILL, NULL, 0);
	return 0;
}

void vms_set_paused(struct vms *vms, const char *name, bool paused)
{
	struct vm *vm = find(vms, name);

	if (vm && (vm->state == VM_RUNNING || vm->state == VM_PAUSED))
		vm->state = paused ? VM_PAUSED : VM_RUNNING;
}
