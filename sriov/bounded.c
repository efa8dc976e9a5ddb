/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A child for one system call. A thread would not do: a process ends only when its last thread has
 * come back from the kernel, and the user would wait for the driver after all.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bounded.h"

uint64_t sriov_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Nothing that a user waits for may stay open in a child that cannot be ended. */
static void run(int (*fn)(void *ctx), void *ctx)
{
	int r;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		close(fd);
	r = fn(ctx);
	_exit(r < 0 ? -r : 0);
}

int sriov_bounded_start(int (*fn)(void *ctx), void *ctx, struct sriov_bounded *ret)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		run(fn, ctx);
	ret->pid = pid;
	ret->pidfd = pidfd_open(pid, 0);
	if (ret->pidfd < 0) {
		int r = -errno;

		kill(pid, SIGKILL);
		waitpid(pid, NULL, WNOHANG);
		return r;
	}
	return 0;
}

int sriov_bounded_collect(struct sriov_bounded *call)
{
	int status = 0;
	pid_t pid;

	do
		pid = waitpid(call->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	close(call->pidfd);
	call->pidfd = -1;
	/* Where SIGCHLD is ignored there is nothing to collect; the answer tells. */
	if (pid < 0)
		return 0;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int sriov_bounded_wait(struct sriov_bounded *call, uint64_t deadline_ms)
{
	struct pollfd fd = { .fd = call->pidfd, .events = POLLIN };

	for (;;) {
		uint64_t now = sriov_now_ms();
		int n = poll(&fd, 1, now < deadline_ms ? (int)(deadline_ms - now) : 0);

		if (n > 0)
			return sriov_bounded_collect(call);
		if (n == 0 || errno != EINTR) {
			sriov_bounded_done(call);
			return -ETIMEDOUT;
		}
	}
}

void sriov_bounded_done(struct sriov_bounded *call)
{
	if (call->pidfd < 0)
		return;
	kill(call->pid, SIGKILL);
	/* In the kernel it cannot be waited for; then it is collected when this program ends. */
	waitpid(call->pid, NULL, WNOHANG);
	close(call->pidfd);
	call->pidfd = -1;
}
