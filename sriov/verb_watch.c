/* SPDX-License-Identifier: BSD-3-Clause
 *
 * shunt-sriov --watch: the service. An event of the kernel (a link, a PCI device) or of the
 * configuration's file says when to look; a look follows within a fifth of a second, however many
 * events there are, and every ten seconds without any, for what makes none.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/paths.h"
#include "watch.h"

#define FIRST_LOOK_US  20000u    /* after an event: others come with it */
#define BETWEEN_US     200000u   /* from the end of a look to the next */
#define IDLE_US        10000000u /* without events */
#define READY_AFTER_US 30000000u /* systemd goes on, even if a PF is not there */

struct service {
	struct watch watch;
	struct change_tools tools;
	sd_event *event;
	sd_event_source *look, *ready;
	char path[PATH_MAX]; /* of the configuration */
	const char *file;    /* its name in its folder */
	bool is_store;       /* shuntd's: may be missing, which is an empty one */
	bool stale;          /* the file is to be read again */
	bool is_ready;
	int inotify_fd;
	uint64_t looked_us; /* when the last look ended */
	uint64_t due_us;    /* of the next */
};

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Never later than it is due already. */
static void look_at(struct service *s, uint64_t at_us)
{
	if (at_us < s->looked_us + BETWEEN_US)
		at_us = s->looked_us + BETWEEN_US;
	if (s->due_us && s->due_us <= at_us)
		return;
	s->due_us = at_us;
	sd_event_source_set_time(s->look, at_us);
	sd_event_source_set_enabled(s->look, SD_EVENT_ONESHOT);
}

static void look_soon(struct service *s)
{
	look_at(s, now_us() + FIRST_LOOK_US);
}

static void be_ready(struct service *s, const char *status)
{
	if (s->is_ready)
		return;
	s->is_ready = true;
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

/* A file that cannot be read changes nothing: what was wanted before still is. */
static int read_configuration(struct service *s, struct sh_err *err)
{
	struct sriov_want want = { 0 };
	int r = change_load(s->path, &want, err);

	if (r == -ENOENT && s->is_store && access(s->path, F_OK) < 0)
		r = 0;
	if (r < 0)
		return r;
	r = watch_set_want(&s->watch, &want);
	return r < 0 ? sh_err_set(err, r, "out of memory") : 0;
}

static void read_again(struct service *s)
{
	struct sh_err err = { "" };

	s->stale = false;
	if (read_configuration(s, &err) < 0)
		sh_log_err("%s; going on with what was read before", err.text);
	else
		sh_log_notice("configuration '%s' read: %u PFs", s->path, s->watch.want.n_pfs);
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct service *s = userdata;
	struct sh_err err = { "" };
	unsigned again_ms = 0;

	s->due_us = 0;
	if (s->stale)
		read_again(s);
	if (change_lock(&s->tools, &err) < 0)
		sh_log_err("%s", err.text);
	else
		again_ms = watch_look(&s->watch, now_us() / 1000);
	change_unlock(&s->tools);
	s->looked_us = now_us();
	look_at(s, s->looked_us + (again_ms ? again_ms * UINT64_C(1000) : IDLE_US));
	if (watch_is_settled(&s->watch))
		be_ready(s, "all PFs are as wanted");
	return 0;
}

static int on_kernel(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct service *s = userdata;

	/* What was lost (ENOBUFS) counts as an event, and a look looks at everything. */
	if (sriov_events_take(&s->tools.events, fd))
		look_soon(s);
	return 0;
}

static int on_file(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct service *s = userdata;
	alignas(struct inotify_event) char bytes[4096];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		for (char *at = bytes; at < bytes + n;) {
			const struct inotify_event *event =
				(const struct inotify_event *)(void *)at;

			if (event->len == 0 || strcmp(event->name, s->file) == 0)
				s->stale = true;
			at += sizeof(*event) + event->len;
		}
	if (s->stale)
		look_soon(s);
	return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct service *s = userdata;

	sd_notify(0, "STOPPING=1");
	return sd_event_exit(s->event, 0);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct service *s = userdata;

	s->stale = true;
	look_soon(s);
	return 0;
}

static int on_ready(sd_event_source *source, uint64_t usec, void *userdata)
{
	be_ready(userdata, "not all PFs are as wanted");
	return 0;
}

/* The folder is watched, not the file: a file is replaced by a rename. */
static int watch_folder(struct service *s, struct sh_err *err)
{
	char folder[PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", s->path);
	slash = strrchr(folder, '/');
	s->file = slash ? s->path + (slash - folder) + 1 : s->path;
	if (slash)
		slash[slash == folder] = '\0';
	s->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (s->inotify_fd < 0 ||
		inotify_add_watch(s->inotify_fd, slash ? folder : ".",
			IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE) < 0)
		return sh_err_set(err, -errno, "watching folder '%s': %s", slash ? folder : ".",
			strerror(errno));
	return 0;
}

static int add_signals(struct service *s)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	r = sd_event_add_signal(s->event, NULL, SIGTERM, on_stop, s);
	if (r >= 0)
		r = sd_event_add_signal(s->event, NULL, SIGINT, on_stop, s);
	if (r >= 0)
		r = sd_event_add_signal(s->event, NULL, SIGHUP, on_reload, s);
	return r;
}

static int add_sources(struct service *s)
{
	uint64_t start_us = now_us();
	int r = sd_event_new(&s->event);

	if (r >= 0)
		r = add_signals(s);
	if (r >= 0)
		r = sd_event_add_io(
			s->event, NULL, s->tools.events.devices_fd, EPOLLIN, on_kernel, s);
	if (r >= 0)
		r = sd_event_add_io(
			s->event, NULL, s->tools.events.links_fd, EPOLLIN, on_kernel, s);
	if (r >= 0)
		r = sd_event_add_io(s->event, NULL, s->inotify_fd, EPOLLIN, on_file, s);
	if (r >= 0)
		r = sd_event_add_time(
			s->event, &s->look, CLOCK_MONOTONIC, start_us, 1000, on_look, s);
	if (r >= 0)
		r = sd_event_add_time(s->event, &s->ready, CLOCK_MONOTONIC,
			start_us + READY_AFTER_US, 0, on_ready, s);
	return r;
}

static int start(struct service *s, const struct program *program, struct sh_err *err)
{
	const char *file = program_value(program, "config");
	int n, r;

	s->is_store = !file;
	n = file ? snprintf(s->path, sizeof(s->path), "%s", file)
		 : snprintf(s->path, sizeof(s->path), "%s/config.yaml", sh_state_dir(NULL));
	if (n >= (int)sizeof(s->path))
		return sh_err_set(err, -ENAMETOOLONG, "the configuration's name is too long");
	s->watch.tools = &s->tools;
	s->watch.allow = change_allowed(program);
	s->watch.report_only = program_value(program, "report-only");
	/* Watched before it is read: no change falls between. */
	r = watch_folder(s, err);
	if (r == 0)
		r = read_configuration(s, err);
	if (r == 0)
		r = change_tools_init(&s->tools, program->env, err);
	if (r < 0)
		return r;
	r = add_sources(s);
	return r < 0 ? sh_err_set(err, r, "event loop: %s", strerror(-r)) : 0;
}

int program_watch(struct program *program)
{
	struct service s = { .inotify_fd = -1, .tools = { .events = { -1, -1 }, .lock_fd = -1 } };
	int r = start(&s, program, &program->err);

	sh_log_init("shunt-sriov", SH_LOG_NOTICE);
	if (r == 0) {
		sh_log_notice(
			"watching '%s'%s", s.path, s.watch.report_only ? ", only reporting" : "");
		r = sd_event_loop(s.event);
		if (r < 0)
			sh_err_set(&program->err, r, "event loop: %s", strerror(-r));
	}
	sd_event_source_unref(s.look);
	sd_event_source_unref(s.ready);
	sd_event_unref(s.event);
	change_tools_done(&s.tools);
	watch_done(&s.watch);
	sh_closep(&s.inotify_fd);
	return r < 0 ? program_fail(program) : PROGRAM_DONE;
}
