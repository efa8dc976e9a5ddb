/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finding a back end's socket. It appears in its folder, of which inotify tells at once; between
 * its bind and its listen there is no event, so there it is tried every millisecond for a while.
 * What no event can tell (a folder that is not there yet) is looked at every second.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "vhost_user.h"

#define FAST_TRIES    200 /* at 1 ms */
#define SLOW_RETRY_MS 1000

static void schedule(struct vmm_vhost *v, unsigned ms)
{
	const struct itimerspec spec = { .it_value = { ms / 1000, ms % 1000 * 1000000L } };

	(void)timerfd_settime(v->timer.fd, 0, &spec, NULL);
}

#define PATH_BYTES sizeof(((struct sockaddr_un *)0)->sun_path)

/* return: the name in the folder. */
static const char *split_path(const char *path, char folder[PATH_BYTES])
{
	char *slash;

	snprintf(folder, PATH_BYTES, "%s", path);
	slash = strrchr(folder, '/');
	if (!slash) {
		snprintf(folder, PATH_BYTES, ".");
		return path;
	}
	slash[slash == folder] = '\0';
	return strrchr(path, '/') + 1;
}

static void watch_folder(struct vmm_vhost *v)
{
	char folder[PATH_BYTES];

	(void)split_path(v->path, folder);
	v->watch = inotify_add_watch(v->inotify.fd, folder, IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
}

/* return: the socket, or -errno. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* By its folder, since the path may not lead there any more (--chroot), and by its path, since the
 * folder may be another one. Nobody else in this process asks for the current folder. */
static int connect_now(const struct vmm_vhost *v)
{
	char folder[PATH_BYTES];
	int fd = -ENOENT;

	if (v->folder_fd >= 0 && fchdir(v->folder_fd) == 0)
		fd = connect_to(split_path(v->path, folder));
	return fd == -ENOENT ? connect_to(v->path) : fd;
}

static void say_that_it_waits(struct vmm_vhost *v, int code)
{
	if (v->has_said)
		return;
	v->has_said = true;
	if (code == -ENOENT || code == -ECONNREFUSED)
		sh_log_notice("device '%s': nobody serves '%s': waiting for it", v->name, v->path);
	else
		sh_log_warn("device '%s': cannot connect to '%s': %s: waiting", v->name, v->path,
			strerror(-code));
}

static void try_connect(struct vmm_vhost *v)
{
	int fd = connect_now(v);

	if (fd >= 0) {
		v->n_tries = 0;
		vmm_vhost_connected(v, fd);
		return;
	}
	say_that_it_waits(v, fd);
	if (v->watch < 0)
		watch_folder(v);
	/* Bound but not listening yet, or left behind by a back end that died. */
	schedule(v, fd != -ENOENT && v->n_tries++ < FAST_TRIES ? 1 : SLOW_RETRY_MS);
}

/* Which socket appeared is not asked. A watch whose folder went is made anew. */
static bool drain_news(struct vmm_vhost *v)
{
	char events[4096] __attribute__((aligned(8)));
	bool any = false;
	ssize_t n;

	while ((n = read(v->inotify.fd, events, sizeof(events))) > 0) {
		any = true;
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(events + at);

			if (event->mask & IN_IGNORED)
				v->watch = -1;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return any;
}

static void on_news(void *ctx)
{
	struct vmm_vhost *v = ctx;

	pthread_mutex_lock(v->lock);
	if (drain_news(v) && v->socket.fd < 0) {
		v->n_tries = 0;
		try_connect(v);
	}
	pthread_mutex_unlock(v->lock);
}

static void on_timer(void *ctx)
{
	struct vmm_vhost *v = ctx;
	uint64_t n;

	pthread_mutex_lock(v->lock);
	if (read(v->timer.fd, &n, sizeof(n)) > 0 && v->socket.fd < 0)
		try_connect(v);
	pthread_mutex_unlock(v->lock);
}

int vmm_vhost_search(struct vmm_vhost *v)
{
	char folder[PATH_BYTES];
	int r;

	v->watch = -1;
	(void)split_path(v->path, folder);
	v->folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	v->inotify = (struct vmm_source){ inotify_init1(IN_NONBLOCK | IN_CLOEXEC), on_news, v };
	v->timer = (struct vmm_source){ timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
		on_timer, v };
	if (v->inotify.fd < 0 || v->timer.fd < 0)
		return -errno;
	r = vmm_loop_add(v->loop, &v->inotify, EPOLLIN);
	if (r == 0)
		r = vmm_loop_add(v->loop, &v->timer, EPOLLIN);
	if (r < 0)
		return r;
	watch_folder(v);
	/* In the loop, where its answers will be read. */
	schedule(v, 1);
	return 0;
}

void vmm_vhost_search_again(struct vmm_vhost *v, bool failed)
{
	v->n_tries = 0;
	schedule(v, failed ? SLOW_RETRY_MS : 1);
}

void vmm_vhost_search_end(struct vmm_vhost *v)
{
	if (v->inotify.fd >= 0)
		close(v->inotify.fd);
	if (v->timer.fd >= 0)
		close(v->timer.fd);
	if (v->folder_fd >= 0)
		close(v->folder_fd);
	v->inotify.fd = v->timer.fd = v->folder_fd = -1;
}
