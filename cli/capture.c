/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `shunt capture PORT -w FILE`: asks the daemon for a capture and writes what comes from its
 * socket, until the port goes, enough frames came, or the user ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"

#define COPY_BYTES (256u << 10)

static int open_output(const char *path, struct sh_err *err)
{
	int fd;

	if (!path || strcmp(path, "-") == 0) {
		if (isatty(STDOUT_FILENO))
			return sh_err_set(err, -EINVAL,
				"a capture is nothing to read on a terminal: give -w FILE, or "
				"-w - and a pipe, as in: shunt capture web1 -w - | tcpdump -nr -");
		return dup(STDOUT_FILENO);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd < 0 ? sh_err_set(err, -errno, "%s: %s", path, strerror(errno)) : fd;
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

/* return: a descriptor to read when the user wants the end */
static int watch_signals(struct sh_err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? sh_err_set(err, -errno, "signalfd: %s", strerror(errno)) : fd;
}

static int write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		bytes += done;
		n -= (size_t)done;
	}
	return 0;
}

/* return: 1 when there may be more, 0 at the end */
static int copy_some(int from, int to)
{
	static char buffer[COPY_BYTES];
	ssize_t n = read(from, buffer, sizeof(buffer));
	int r;

	if (n <= 0)
		return n < 0 && errno == EINTR ? 1 : (int)n;
	r = write_all(to, buffer, (size_t)n);
	return r < 0 ? r : 1;
}

/* The daemon sends the rest when this side says that it wants no more. */
static int copy(int from, int to, int signals)
{
	struct pollfd fds[] = { { from, POLLIN, 0 }, { signals, POLLIN, 0 } };
	int r = 1;

	while (r > 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents) {
			shutdown(from, SHUT_WR);
			fds[1].fd = -1;
			fds[1].revents = 0;
		}
		if (fds[0].revents)
			r = copy_some(from, to);
	}
	return r;
}

static int capture(struct cli *cli, struct sh_err *err)
{
	_cleanup_(api_client_freep) struct api_client *client = NULL;
	const json_t *file = json_object_get(cli->args.params, "write");
	_cleanup_close_ int out = open_output(json_string_value(file), err);
	_cleanup_close_ int in = -1, signals = -1;
	json_t *result = NULL;
	int r = out < 0 ? out : 0;

	json_object_del(cli->args.params, "write");
	if (r == 0)
		r = cli_connect(cli, err, &client);
	if (r == 0) /* before the capture: it may be ended as soon as it is seen to run */
		r = signals = watch_signals(err);
	if (r >= 0)
		r = api_client_call(
			client, cli->verb->method, cli->args.params, NULL, NULL, err, &result);
	if (r < 0)
		return r;
	in = r = connect_to(json_string_value(json_object_get(result, "socket")), err);
	json_decref(result);
	if (r < 0)
		return r;
	r = copy(in, out, signals);
	return r < 0 ? sh_err_set(err, r, "%s", strerror(-r)) : 0;
}

int cli_capture(struct cli *cli)
{
	struct sh_err err = { "" };

	return capture(cli, &err) < 0 ? cli_fail(cli, err.text) : CLI_DONE;
}
