/* SPDX-License-Identifier: BSD-3-Clause
 *
 * posix_spawn, which copies no page tables: shuntd maps all guests' memory. The definition is the
 * process's standard input, so it is in no file and in no list of processes. Control thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vm_spawn.h"

/* Beside shuntd's own file, where make install puts it, and in a build tree. */
static bool find_beside(char *path, size_t size)
{
	static const char *const places[] = { "shunt-vmm", "../bin/shunt-vmm",
		"../libexec/shunt-vmm", "../vmm/shunt-vmm" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(path, size, "%s/%s", self, places[i]) < (int)size &&
			access(path, X_OK) == 0)
			return true;
	return false;
}

static int definition_fd(const char *text, struct sh_err *err)
{
	_cleanup_close_ int fd = memfd_create("definition", MFD_CLOEXEC);
	size_t n = strlen(text);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) < 0)
		return sh_err_set(err, -ENOMEM, "its definition cannot be handed over");
	return TAKE_FD(fd);
}

static int prepare_files(posix_spawn_file_actions_t *actions, const struct vm_spawn *how, int fd)
{
	int r = posix_spawn_file_actions_adddup2(actions, fd, STDIN_FILENO);

	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, how->log,
			O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0640);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_addchdir_np(actions, how->folder);
	/* Not every file that DPDK opens is closed by exec. */
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	return -r;
}

static int prepare_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawnattr_setsigmask(attr, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attr, &all);
	if (r == 0)
		r = posix_spawnattr_setflags(
			attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return -r;
}

static int spawn(const struct vm_spawn *how, const char *program, int fd, pid_t *ret_pid)
{
	char *const argv[] = { (char *)"shunt-vmm", (char *)"--name", (char *)(uintptr_t)how->name,
		(char *)"--definition", (char *)"-", (char *)"--api-socket",
		(char *)(uintptr_t)how->api_socket, how->restore ? (char *)"--restore" : NULL,
		(char *)(uintptr_t)how->restore, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attr) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	r = prepare_files(&actions, how, fd);
	if (r == 0)
		r = prepare_signals(&attr);
	if (r == 0)
		r = -posix_spawnp(ret_pid, program, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* shuntd is the last that the kernel should end for want of memory; its guests are not. */
static void reset_oom_score(pid_t pid)
{
	char path[64];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) < 0)
		errno = 0;
}

int vm_spawn(const struct vm_spawn *how, struct sh_err *err, pid_t *ret_pid)
{
	_cleanup_close_ int fd = definition_fd(how->definition, err);
	char beside[PATH_MAX + 32];
	const char *program = how->program;
	int r;

	if (fd < 0)
		return fd;
	if (!program)
		program = find_beside(beside, sizeof(beside)) ? beside : "shunt-vmm";
	r = spawn(how, program, fd, ret_pid);
	if (r == -ENOENT)
		return sh_err_set(
			err, r, "cannot run %s in %s: is it installed?", program, how->folder);
	if (r < 0)
		return sh_err_set(err, r, "cannot run %s: %s", program, strerror(-r));
	reset_oom_score(*ret_pid);
	return 0;
}
