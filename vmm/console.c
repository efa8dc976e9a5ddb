/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bytes between a serial port and the host. Output is written in the vCPU's thread; where nobody
 * reads a pseudo-terminal it is dropped, so that no reader can stop the guest. Input is read in
 * the main thread, as much as the port has room for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "console.h"

#define QUIT 0x1d /* Ctrl-] */

static void out(void *ctx, uint8_t byte)
{
	struct vmm_console *console = ctx;

	/* Full, or interrupted because the guest shall stop: the byte is lost, as on a wire. */
	if (console->out_fd >= 0 && write(console->out_fd, &byte, 1) < 0)
		return;
}

static void irq(void *ctx, bool level)
{
	struct vmm_console *console = ctx;

	vmm_kvm_irq(console->kvm, console->irq, level);
}

static void room(void *ctx)
{
	struct vmm_console *console = ctx;

	(void)vmm_loop_add(console->loop, &console->source, EPOLLIN);
}

static const struct vmm_serial_host host = { .out = out, .irq = irq, .room = room };

static void on_input(void *ctx)
{
	struct vmm_console *console = ctx;
	unsigned n = vmm_serial_room(&console->serial);
	uint8_t bytes[VMM_SERIAL_FIFO];
	ssize_t got;

	if (!n) {
		vmm_loop_del(console->loop, &console->source);
		/* Either room() comes, or the guest was faster. */
		if (vmm_serial_room(&console->serial))
			room(console);
		return;
	}
	got = read(console->in_fd, bytes, n);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		vmm_loop_del(console->loop, &console->source);
		return;
	}
	if (console->is_raw && memchr(bytes, QUIT, (size_t)got))
		console->on_quit(console->ctx);
	vmm_serial_receive(&console->serial, bytes, (unsigned)got);
}

static int open_pty(struct vmm_console *console)
{
	_cleanup_close_ int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios raw;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
		ptsname_r(master, console->path, sizeof(console->path)) != 0)
		return -errno;
	console->slave_fd = open(console->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (console->slave_fd < 0 || tcgetattr(console->slave_fd, &raw) < 0)
		return -errno;
	cfmakeraw(&raw);
	if (tcsetattr(console->slave_fd, TCSANOW, &raw) < 0 ||
		fcntl(master, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	console->in_fd = console->out_fd = TAKE_FD(master);
	return 0;
}

static int open_stdio(struct vmm_console *console)
{
	struct termios raw;

	console->in_fd = STDIN_FILENO;
	console->out_fd = STDOUT_FILENO;
	if (!isatty(STDIN_FILENO))
		return 0;
	if (tcgetattr(STDIN_FILENO, &console->before) < 0)
		return -errno;
	raw = console->before;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST; /* our own messages keep their lines */
	console->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	return 0;
}

static int open_file(struct vmm_console *console, const char *path)
{
	console->out_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
	return console->out_fd < 0 ? -errno : 0;
}

int vmm_console_open(const char *what, struct vmm_console *ret, struct sh_err *err)
{
	struct vmm_console console = { .in_fd = -1, .out_fd = -1, .slave_fd = -1 };
	int r = 0;

	if (strcmp(what, "pty") == 0)
		r = open_pty(&console);
	else if (strcmp(what, "stdio") == 0)
		r = open_stdio(&console);
	else if (strcmp(what, "off") != 0)
		r = open_file(&console, what);
	if (r < 0) {
		vmm_console_close(&console);
		return sh_err_set(err, r, "serial: %s: %s", what, strerror(-r));
	}
	*ret = console;
	return 0;
}

int vmm_console_attach(
	struct vmm_console *console, struct vmm_kvm *kvm, unsigned i, struct vmm_loop *loop)
{
	int r;

	vmm_serial_init(&console->serial, &host, console);
	console->kvm = kvm;
	console->loop = loop;
	console->irq = vmm_serial_irq(i);
	console->source = (struct vmm_source){ console->in_fd, on_input, console };
	if (console->in_fd < 0)
		return 0;
	r = vmm_loop_add(loop, &console->source, EPOLLIN);
	/* What cannot be waited for, as /dev/null, brings nothing. */
	return r == -EPERM ? 0 : r;
}

void vmm_console_close(struct vmm_console *console)
{
	if (console->is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &console->before);
	if (console->out_fd > STDERR_FILENO)
		close(console->out_fd);
	if (console->slave_fd >= 0)
		close(console->slave_fd);
	console->in_fd = console->out_fd = console->slave_fd = -1;
	console->is_raw = false;
}
