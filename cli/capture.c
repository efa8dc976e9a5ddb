/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `shunt capture PORT -w FILE`: asks the daemon for a capture and writes what comes from its
 * socket, until the port goes, enough frames came, or the user ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "tally.h"

#define COPY_BYTES (256u << 10)

/* Where to. What was in the file is kept until the capture runs. */
struct output {
	int fd;
	const char *path; /* NULL: standard output */
	bool is_made;     /* by this program */
};

static int open_output(const char *path, struct output *ret, struct sh_err *err)
{
	if (!path || strcmp(path, "-") == 0) {
		if (isatty(STDOUT_FILENO))
			return sh_err_set(err, -EINVAL,
				"a capture is nothing to read on a terminal: give -w FILE, or "
				"-w - and a pipe, as in: shunt capture web1 -w - | tcpdump -nr -");
		ret->fd = dup(STDOUT_FILENO);
		return ret->fd < 0 ? sh_err_set(err, -errno, "%s", strerror(errno)) : 0;
	}
	ret->path = path;
	ret->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ret->is_made = ret->fd >= 0;
	if (ret->fd < 0 && errno == EEXIST)
		ret->fd = open(path, O_WRONLY | O_CLOEXEC);
	return ret->fd < 0 ? sh_err_set(err, -errno, "%s: %s", path, strerror(errno)) : 0;
}

/* return: as r, of a capture that did not begin when r < 0 */
static int empty_output(const struct output *out, int r, struct sh_err *err)
{
	struct stat st;

	if (r < 0 && out->is_made)
		unlink(out->path);
	if (r >= 0 && out->path && fstat(out->fd, &st) == 0 && S_ISREG(st.st_mode) &&
		ftruncate(out->fd, 0) < 0)
		return sh_err_set(err, -errno, "%s: %s", out->path, strerror(errno));
	return r;
}

static int connect_to(const char *path, struct sh_err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return sh_err_set(err, -errno, "%s: %s", path, strerror(errno));
	return TAKE_FD(fd);
}

/* return: a descriptor to read when the user wants the end, or his terminal is gone */
static int watch_signals(struct sh_err *err)
{
	struct sigaction hangup;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) /* nohup */
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? sh_err_set(err, -errno, "signalfd: %s", strerror(errno)) : fd;
}

struct copying {
	int from, to, signals;
	bool is_asked; /* to end */
	size_t at, n;  /* of the bytes: those that are still to be written */
	size_t at_once;
	struct tally tally;
	char bytes[COPY_BYTES];
};

/* A reader that does not read must not keep the user from ending it: what goes into a pipe is no
 * more at once than poll() has said there is room for. */
static size_t bytes_at_once(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? COPY_BYTES : PIPE_BUF;
}

static int write_some(struct copying *c)
{
	size_t most = c->n - c->at < c->at_once ? c->n - c->at : c->at_once;
	ssize_t n = write(c->to, c->bytes + c->at, most);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	c->at += (size_t)n;
	return 1;
}

/* return: 1 when there may be more, 0 at the end */
static int read_some(struct copying *c)
{
	ssize_t n = read(c->from, c->bytes, sizeof(c->bytes));

	if (n < 0)
		return errno == EINTR ? 1 : errno == ECONNRESET ? 0 : -errno;
	c->at = 0;
	c->n = (size_t)n;
	tally_pass(&c->tally, c->bytes, c->n);
	return n > 0;
}

/* The daemon sends the rest when this side says that it wants no more. Who asks again does not want
 * the rest either. return: whether that is so */
static bool hear_user(struct copying *c)
{
	struct signalfd_siginfo which;

	if (read(c->signals, &which, sizeof(which)) < 0)
		return false;
	if (c->is_asked)
		return true;
	shutdown(c->from, SHUT_WR);
	c->is_asked = true;
	return false;
}

/* As writing to it would. */
static int reader_is_gone(void)
{
	raise(SIGPIPE);
	return -EPIPE;
}

static int copy(struct copying *c)
{
	int r = 1;

	while (r > 0) {
		bool is_full = c->at < c->n;
		struct pollfd fds[] = { { is_full ? -1 : c->from, POLLIN, 0 },
			{ c->to, is_full ? POLLOUT : 0, 0 }, { c->signals, POLLIN, 0 } };

		if (poll(fds, 3, -1) < 0)
			r = errno == EINTR ? 1 : -errno;
		else if (fds[2].revents && hear_user(c))
			r = -ECANCELED;
		else if (is_full && fds[1].revents)
			r = write_some(c);
		else if (fds[1].revents)
			r = reader_is_gone();
		else if (fds[0].revents)
			r = read_some(c);
	}
	return r;
}

/* return: the socket to read from */
static int start(struct cli *cli, int *ret_signals, struct sh_err *err)
{
	_cleanup_(api_client_freep) struct api_client *client = NULL;
	json_t *result = NULL;
	int r = cli_connect(cli, err, &client);

	if (r == 0) /* before the capture: it may be ended as soon as it is seen to run */
		r = *ret_signals = watch_signals(err);
	if (r >= 0)
		r = api_client_call(
			client, cli->verb->method, cli->args.params, NULL, NULL, err, &result);
	if (r < 0)
		return r;
	r = connect_to(json_string_value(json_object_get(result, "socket")), err);
	json_decref(result);
	return r;
}

static int say_end(const struct cli *cli, const struct tally *t)
{
	char text[256];

	snprintf(text, sizeof(text), "%" PRIu64 " frame%s captured, %" PRIu64 " lost%s%s",
		t->n_frames, t->n_frames == 1 ? "" : "s", t->n_lost, t->why[0] ? ": " : "", t->why);
	cli_fail(cli, text);
	return 0;
}

static int copy_all(
	struct cli *cli, int in, int signals, const struct output *out, struct sh_err *err)
{
	_cleanup_free_ struct copying *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return sh_err_set(err, -ENOMEM, "out of memory");
	c->from = in;
	c->to = out->fd;
	c->signals = signals;
	c->at_once = bytes_at_once(out->fd);
	r = copy(c);
	if (r == -ECANCELED)
		return sh_err_set(err, r, "ended before all was written");
	if (r < 0)
		return sh_err_set(
			err, r, "%s: %s", out->path ? out->path : "standard output", strerror(-r));
	if (!c->tally.is_whole)
		return sh_err_set(err, -EPIPE,
			"shuntd has ended, after %" PRIu64 " frames: the last may be cut short",
			c->tally.n_frames);
	return say_end(cli, &c->tally);
}

static int capture(struct cli *cli, struct sh_err *err)
{
	json_auto_t *file = json_incref(json_object_get(cli->args.params, "write"));
	_cleanup_close_ int in = -1, signals = -1;
	struct output out = { -1, NULL, false };
	int r;

	json_object_del(cli->args.params, "write");
	r = open_output(json_string_value(file), &out, err);
	if (r < 0)
		return r;
	in = r = empty_output(&out, start(cli, &signals, err), err);
	if (r >= 0)
		r = copy_all(cli, in, signals, &out, err);
	close(out.fd);
	return r;
}

int cli_capture(struct cli *cli)
{
	struct sh_err err = { "" };

	return capture(cli, &err) < 0 ? cli_fail(cli, err.text) : CLI_DONE;
}
