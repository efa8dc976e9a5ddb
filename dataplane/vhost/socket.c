/* SPDX-License-Identifier: BSD-3-Clause
 *
 * vhost-user sockets: a server's that listens for one front end at a time, and a client's that
 * connects the moment inotify reports its socket. No wait for any peer; control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "dp_private.h"
#include "vhost/vhost.h"

#define MS_NS         UINT64_C(1000000)
#define FAST_TRIES    200  /* at 1 ms: between a peer's bind and its listen */
#define MUTE_RETRY_MS 20   /* where a peer takes the connection and leaves without a word */
#define SLOW_RETRY_MS 1000 /* where no event can tell, as in a folder that is not there */
#define BACKLOG       128
#define MAX_MESSAGES  64 /* of one peer in a row, so that all get their turn */

static LIST_HEAD(, vhost) guests = LIST_HEAD_INITIALIZER(guests);

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static int watch(struct vhost *v, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = v };

	return epoll_ctl(v->port->dp->vhost_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", path);
	return address;
}

static int stream_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* A socket that nobody serves any more is in the way; one that somebody serves is his. */
static int clear_path(const char *path)
{
	const struct sockaddr_un addr = address_of(path);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = stream_socket();
	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	return unlink(path) < 0 ? -errno : 0;
}

static int listen_at(struct vhost *v)
{
	const struct sockaddr_un addr = address_of(v->port->conf.target);
	_cleanup_close_ int fd = stream_socket();
	int r;

	if (fd < 0)
		return fd;
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	r = watch(v, fd);
	if (r == 0)
		v->listen_fd = TAKE_FD(fd);
	return r;
}

/* The front end is there. While it is, another one waits in the listen queue. */
static void take_peer(struct vhost *v, int fd)
{
	v->fd = fd;
	v->has_spoken = false;
	if (v->listen_fd >= 0)
		(void)epoll_ctl(v->port->dp->vhost_fd, EPOLL_CTL_DEL, v->listen_fd, NULL);
	if (watch(v, fd) < 0)
		sh_log_err("port '%s': cannot watch its socket", v->port->conf.name);
	atomic_store(&v->port->connected, true);
	dp_port_notify(v->port);
}

static void watch_folder(struct vhost *v)
{
	char folder[sizeof(v->port->conf.target)];
	char *slash;

	memcpy(folder, v->port->conf.target, sizeof(folder));
	slash = strrchr(folder, '/');
	if (!slash)
		return;
	slash[slash == folder ? 1 : 0] = '\0';
	v->watch = inotify_add_watch(
		v->port->dp->inotify_fd, folder, IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
}

static void schedule(struct vhost *v, uint64_t delay_ns)
{
	struct itimerspec spec = { 0 };
	struct vhost *other;
	uint64_t now = now_ns(), first = 0;

	v->next_try_ns = now + delay_ns;
	LIST_FOREACH (other, &guests, link)
		if (other->next_try_ns && (!first || other->next_try_ns < first))
			first = other->next_try_ns;
	spec.it_value.tv_sec = (time_t)(first / 1000000000ull);
	spec.it_value.tv_nsec = (long)(first % 1000000000ull);
	(void)timerfd_settime(v->port->dp->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static int connect_now(struct vhost *v)
{
	const struct sockaddr_un addr = address_of(v->port->conf.target);
	_cleanup_close_ int fd = stream_socket();

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	take_peer(v, TAKE_FD(fd));
	return 0;
}

static void try_connect(struct vhost *v)
{
	struct stat st;
	bool is_there = stat(v->port->conf.target, &st) == 0 && S_ISSOCK(st.st_mode);

	v->next_try_ns = 0;
	if (is_there && connect_now(v) == 0) {
		v->n_tries = 0;
		return;
	}
	if (v->watch < 0)
		watch_folder(v);
	/* Bound but not listening yet, or left behind by a peer that died. */
	if (is_there && v->n_tries++ < FAST_TRIES)
		schedule(v, MS_NS);
	else
		schedule(v, SLOW_RETRY_MS * MS_NS);
}

static void drop_peer(struct vhost *v)
{
	if (v->fd < 0)
		return;
	vhost_reset(v);
	vhost_msg_done(&v->msg);
	close(v->fd);
	v->fd = -1;
	atomic_store(&v->broken, false);
	atomic_store(&v->port->connected, false);
	dp_port_notify(v->port);
}

/* The next peer: one that waits, or the one to connect to. */
static void hang_up(struct vhost *v)
{
	drop_peer(v);
	v->n_tries = 0;
	if (v->is_client && v->has_spoken)
		try_connect(v);
	else if (v->is_client)
		schedule(v, MUTE_RETRY_MS * MS_NS);
	else if (watch(v, v->listen_fd) < 0)
		sh_log_err("port '%s': cannot watch its socket", v->port->conf.name);
}

static void read_messages(struct vhost *v)
{
	for (unsigned i = 0; i < MAX_MESSAGES; i++) {
		int r = vhost_msg_read(v->fd, &v->msg);

		if (r == 0)
			return;
		if (r > 0) {
			r = vhost_handle(v, &v->msg);
			if (r < 0)
				sh_log_info("port '%s': vhost-user message %u refused: %s",
					v->port->conf.name, v->msg.header.request, strerror(-r));
			else
				v->has_spoken = true;
			vhost_msg_done(&v->msg);
		}
		if (r < 0) {
			hang_up(v);
			return;
		}
	}
}

static void accept_peer(struct vhost *v)
{
	int fd = accept4(v->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		take_peer(v, fd);
}

int vhost_open_socket(struct vhost *v, struct sh_err *err)
{
	const char *path = v->port->conf.target;
	int r;

	LIST_INSERT_HEAD(&guests, v, link);
	if (v->is_client) {
		watch_folder(v);
		try_connect(v);
		return 0;
	}
	r = clear_path(path);
	if (r == 0)
		r = listen_at(v);
	if (r == 0)
		return 0;
	LIST_REMOVE(v, link);
	if (r == -EEXIST)
		return sh_err_set(err, r, "'%s' is in the way and is no socket: remove it", path);
	if (r == -EADDRINUSE)
		return sh_err_set(err, r, "socket '%s' is served by another program", path);
	return sh_err_set(err, r, "cannot make socket '%s': %s", path, strerror(-r));
}

void vhost_close_socket(struct vhost *v)
{
	drop_peer(v);
	if (v->listen_fd >= 0) {
		close(v->listen_fd);
		(void)unlink(v->port->conf.target);
	}
	LIST_REMOVE(v, link);
}

void vhost_serve(struct vhost *v)
{
	if (!atomic_load(&v->broken))
		return;
	sh_log_warn("port '%s': the guest took back memory in use or broke a ring: hung up",
		v->port->conf.name);
	if (v->fd >= 0)
		hang_up(v);
	atomic_store(&v->broken, false);
}

void dp_vhost_tick(void)
{
	struct vhost *v;

	LIST_FOREACH (v, &guests, link) {
		if (v->fd >= 0 && v->msg.n_read && v->is_late) {
			sh_log_info("port '%s': half a vhost-user message and no more: hung up",
				v->port->conf.name);
			hang_up(v);
		}
		v->is_late = v->msg.n_read > 0;
	}
}

int dp_vhost_start(struct dp *dp)
{
	dp->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	dp->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	dp->vhost_fd = epoll_create1(EPOLL_CLOEXEC);
	return dp->inotify_fd < 0 || dp->timer_fd < 0 || dp->vhost_fd < 0 ? -errno : 0;
}

/* Which socket appeared is not asked: trying those that wait costs a stat each. */
static bool drain_news(struct dp *dp)
{
	char events[4096] __attribute__((aligned(8)));
	bool any = false;

	while (read(dp->inotify_fd, events, sizeof(events)) > 0)
		any = true;
	return any;
}

static void connect_clients(struct dp *dp)
{
	bool appeared = drain_news(dp);
	uint64_t expirations, now = now_ns();
	struct vhost *v;

	(void)!read(dp->timer_fd, &expirations, sizeof(expirations));
	LIST_FOREACH (v, &guests, link) {
		if (!v->is_client || v->fd >= 0)
			continue;
		if (appeared)
			v->n_tries = 0;
		if (appeared || (v->next_try_ns && v->next_try_ns <= now))
			try_connect(v);
	}
}

void dp_vhost_dispatch(struct dp *dp)
{
	struct epoll_event events[64];
	int n = epoll_wait(dp->vhost_fd, events, 64, 0);

	for (int i = 0; i < n; i++) {
		struct vhost *v = events[i].data.ptr;

		if (v->fd >= 0)
			read_messages(v);
		else
			accept_peer(v);
	}
	connect_clients(dp);
}
