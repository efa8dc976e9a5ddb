/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `shunt vm console NAME`: this terminal as the guest's serial console, until Ctrl-].
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"

#define LEAVE 0x1d /* Ctrl-] */

static int write_all(int fd, const char *bytes, ssize_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, bytes, (size_t)n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		bytes += done;
		n -= done;
	}
	return 0;
}

enum end {
	MORE, /* none yet */
	ENDED,
	LEFT, /* by Ctrl-] */
};

static enum end copy(int from, int to, bool is_keyboard)
{
	char bytes[4096];
	ssize_t n = read(from, bytes, sizeof(bytes));
	const char *leave = n > 0 && is_keyboard ? memchr(bytes, LEAVE, (size_t)n) : NULL;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return MORE;
	if (n <= 0 || write_all(to, bytes, leave ? leave - bytes : n) < 0)
		return ENDED;
	return leave ? LEFT : MORE;
}

/* Input that ends, of a pipe, leaves the output to be read. */
static void run(int console)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = console, .events = POLLIN } };

	while (poll(fds, 2, -1) > 0 || errno == EINTR) {
		enum end input = fds[0].revents ? copy(STDIN_FILENO, console, true) : MORE;

		if (input == LEFT)
			return;
		if (input == ENDED)
			fds[0].fd = -1;
		if (fds[1].revents && copy(console, STDOUT_FILENO, false) != MORE)
			return;
	}
}

static int ask_for_console(struct cli *cli, char *path, size_t size, struct sh_err *err)
{
	_cleanup_(api_client_freep) struct api_client *client = NULL;
	json_t *result = NULL;
	const char *serial;
	int r = cli_connect(cli, err, &client);

	if (r == 0)
		r = api_client_call(client, "vm.info", cli->args.params, NULL, NULL, err, &result);
	if (r < 0)
		return r;
	serial = json_string_value(json_object_get(result, "serial"));
	if (!serial)
		r = sh_err_set(err, -ESRCH, "it is not running");
	else if (strncmp(serial, "/dev/pts/", 9) != 0)
		r = sh_err_set(err, -ENOTTY, "its serial console is '%s', no terminal", serial);
	else
		snprintf(path, size, "%s", serial);
	json_decref(result);
	return r;
}

int cli_console(struct cli *cli)
{
	struct termios before, raw;
	_cleanup_close_ int console = -1;
	bool is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	struct sh_err err = { "" };
	char path[256];

	if (ask_for_console(cli, path, sizeof(path), &err) < 0)
		return cli_fail(cli, err.text);
	console = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (console < 0) {
		sh_err_set(&err, -errno, "cannot open %s: %s", path, strerror(errno));
		return cli_fail(cli, err.text);
	}
	if (is_terminal) {
		fprintf(stderr, "console of %s; Ctrl-] leaves it\n", cli->args.operand);
		raw = before;
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	run(console);
	if (is_terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	return CLI_DONE;
}
