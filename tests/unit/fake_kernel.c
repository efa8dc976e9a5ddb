/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The thread of the fake kernel and its folder. Owned by the test that made it; one a process,
 * since write(2) and recvmsg(2) are taken over for the whole process.
 */
#include "fake_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fake_kernel_inside.h"
#include "sriov/nl.h"

#define CHECK(claim)                                                                               \
	do {                                                                                       \
		if (!(claim)) {                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim);                \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static struct fake_kernel *the_kernel;

/* Files */

void fake_path(const struct fake_kernel *k, char *ret, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(ret, PATH_MAX, "%s/", k->root);

	va_start(ap, fmt);
	vsnprintf(ret + n, PATH_MAX - (size_t)n, fmt, ap);
	va_end(ap);
}

static void make_parents(char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
}

void fake_put(struct fake_kernel *k, const void *bytes, size_t n, const char *fmt, ...)
{
	char path[PATH_MAX], part[PATH_MAX - 200];
	va_list ap;
	int fd;

	va_start(ap, fmt);
	vsnprintf(part, sizeof(part), fmt, ap);
	va_end(ap);
	fake_path(k, path, "%s", part);
	make_parents(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	CHECK(syscall(SYS_write, fd, bytes, n) == (long)n);
	close(fd);
}

void fake_kernel_put(struct fake_kernel *k, const char *path, const char *text)
{
	fake_put(k, text, strlen(text), "%s", path);
}

/* Links are by whole paths. */
void fake_link(struct fake_kernel *k, const char *to, const char *fmt, ...)
{
	char path[PATH_MAX], target[PATH_MAX], part[PATH_MAX - 200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(part, sizeof(part), fmt, ap);
	va_end(ap);
	fake_path(k, path, "%s", part);
	fake_path(k, target, "%s", to);
	make_parents(path);
	unlink(path);
	CHECK(symlink(target, path) == 0);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void fake_remove(struct fake_kernel *k, const char *fmt, ...)
{
	char path[PATH_MAX], part[PATH_MAX - 200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(part, sizeof(part), fmt, ap);
	va_end(ap);
	fake_path(k, path, "%s", part);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* What was done */

void fake_log(struct fake_kernel *k, const char *fmt, ...)
{
	char *line = NULL, *log = NULL;
	va_list ap;

	va_start(ap, fmt);
	CHECK(vasprintf(&line, fmt, ap) >= 0);
	va_end(ap);
	CHECK(asprintf(&log, "%s%s\n", k->log, line) >= 0);
	free(line);
	free(k->log);
	k->log = log;
}

void fake_kernel_lock(struct fake_kernel *k)
{
	CHECK(pthread_mutex_lock(&k->inside->lock) == 0);
}

void fake_kernel_unlock(struct fake_kernel *k)
{
	CHECK(pthread_mutex_unlock(&k->inside->lock) == 0);
}

void fake_kernel_order(struct fake_kernel *k, enum fake_fault fault, unsigned n)
{
	fake_kernel_lock(k);
	k->fault = fault;
	k->n_faults = n;
	k->n_requests = k->n_vf_requests = k->n_writes = 0;
	free(k->log);
	k->log = strdup("");
	fake_kernel_unlock(k);
}

/* System calls that the program under test makes */

/* The path of an open file relative to the fake sysfs, "" for any other file. */
static void path_in_sysfs(int fd, char *ret, size_t size)
{
	char link[64], path[PATH_MAX], prefix[PATH_MAX];
	ssize_t n;

	*ret = '\0';
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || !the_kernel)
		return;
	path[n] = '\0';
	fake_path(the_kernel, prefix, "sys/");
	if (strncmp(path, prefix, strlen(prefix)) == 0)
		snprintf(ret, size, "%s", path + strlen(prefix));
}

/* In a child of the program: one datagram to the thread, one back with the result. */
static ssize_t write_to_kernel(const char *path, const void *bytes, size_t n)
{
	struct fake_write w = { 0 };
	int32_t result = -EIO;

	CHECK(strlen(path) < sizeof(w.path) && n < sizeof(w.text));
	strcpy(w.path, path);
	memcpy(w.text, bytes, n);
	if (send(the_kernel->inside->files[1], &w, sizeof(w), MSG_NOSIGNAL) < 0 ||
		recv(the_kernel->inside->files[1], &result, sizeof(result), 0) < 0 || result < 0) {
		errno = -result;
		return -1;
	}
	return (ssize_t)n;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
	char path[FAKE_FILE_LEN];

	path_in_sysfs(fd, path, sizeof(path));
	return *path ? write_to_kernel(path, bytes, n) : (ssize_t)syscall(SYS_write, fd, bytes, n);
}

/* A socket that lost an answer has it replaced by the error. */
ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	uint8_t first = 0;
	struct iovec *iov = m->msg_iov;
	ssize_t n = (ssize_t)syscall(SYS_recvmsg, fd, m, flags);

	if (n == 1 && iov->iov_len > 0)
		memcpy(&first, iov->iov_base, 1);
	if (n != 1 || first != FAKE_LOST_MARK)
		return n;
	if (flags & MSG_PEEK)
		syscall(SYS_recvfrom, fd, &first, 1, 0, NULL, NULL);
	errno = ENOBUFS;
	return -1;
}

/* The thread */

static void serve_socket(struct fake_kernel *k, int fd, bool is_generic)
{
	union {
		struct nlmsghdr nlh;
		uint8_t bytes[SRIOV_MSG_BYTES];
	} request;
	ssize_t n = recv(fd, request.bytes, sizeof(request), MSG_DONTWAIT);

	if (n < (ssize_t)sizeof(request.nlh) || request.nlh.nlmsg_len != (size_t)n)
		return;
	fake_answer(k, fd, is_generic, &request.nlh);
}

static void serve_write(struct fake_kernel *k)
{
	struct fake_write w;
	int32_t result;
	ssize_t n = recv(k->inside->files[0], &w, sizeof(w), MSG_DONTWAIT);

	if (n != sizeof(w))
		return;
	result = fake_take_write(k, &w);
	if (result != FAKE_BLOCKS)
		CHECK(send(k->inside->files[0], &result, sizeof(result), 0) == sizeof(result));
}

static void *run(void *ctx)
{
	struct fake_kernel *k = ctx;
	struct fake_kernel_inside *in = k->inside;
	struct pollfd fds[] = { { in->route[0], POLLIN, 0 }, { in->generic[0], POLLIN, 0 },
		{ in->files[0], POLLIN, 0 }, { in->stop[0], POLLIN, 0 } };

	while (poll(fds, 4, -1) > 0 && !fds[3].revents) {
		fake_kernel_lock(k);
		if (fds[0].revents)
			serve_socket(k, in->route[0], false);
		if (fds[1].revents)
			serve_socket(k, in->generic[0], true);
		if (fds[2].revents)
			serve_write(k);
		/* A socket that was closed on order has nothing to say any more. */
		for (unsigned i = 0; i < 2; i++)
			if (fds[i].revents & POLLHUP)
				fds[i].fd = -1;
		fake_kernel_unlock(k);
	}
	return NULL;
}

static void open_pair(int fds[2], struct sriov_nl **ret)
{
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	if (ret)
		CHECK(sriov_nl_from_fd(fds[1], ret) == 0);
}

struct fake_kernel *fake_kernel_new(void)
{
	struct fake_kernel *k = calloc(1, sizeof(*k));
	struct fake_kernel_inside *in = calloc(1, sizeof(*in));
	const char *tmp = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	char real[PATH_MAX];

	CHECK(k && in && !the_kernel);
	k->inside = in;
	k->log = strdup("");
	snprintf(k->root, sizeof(k->root), "%s/shunt-kernel-XXXXXX", tmp);
	CHECK(mkdtemp(k->root));
	CHECK(realpath(k->root, real) && strlen(real) < sizeof(k->root));
	strcpy(k->root, real);
	snprintf(in->sysfs, sizeof(in->sysfs), "%s/sys", k->root);
	snprintf(in->proc, sizeof(in->proc), "%s/proc", k->root);
	snprintf(in->dev, sizeof(in->dev), "%s/dev", k->root);
	k->env = (struct sriov_env){ .sysfs = in->sysfs, .proc = in->proc, .dev = in->dev };
	open_pair(in->route, &k->env.route);
	open_pair(in->generic, &k->env.generic);
	open_pair(in->files, NULL);
	CHECK(pipe2(in->stop, O_CLOEXEC) == 0);
	CHECK(pthread_mutex_init(&in->lock, NULL) == 0);
	fake_kernel_put(k, "sys/bus/pci/drivers_probe", "");
	fake_kernel_put(k, "sys/bus/pci/drivers/vfio-pci/bind", "");
	fake_kernel_put(k, "sys/bus/pci/drivers/vfio-pci/unbind", "");
	fake_kernel_put(k, "sys/bus/pci/drivers/vfio-pci/new_id", "");
	fake_kernel_put(k, "sys/bus/pci/drivers/vfio-pci/remove_id", "");
	fake_kernel_put(k, "dev/vfio/vfio", "");
	fake_kernel_put(k, "proc/self/net/route", "Iface\tDestination\n");
	fake_kernel_put(k, "proc/self/net/ipv6_route", "");
	the_kernel = k;
	CHECK(pthread_create(&in->thread, NULL, run, k) == 0);
	return k;
}

void fake_kernel_free(struct fake_kernel *k)
{
	struct fake_kernel_inside *in;

	if (!k)
		return;
	in = k->inside;
	CHECK(syscall(SYS_write, in->stop[1], "", 1) == 1);
	CHECK(pthread_join(in->thread, NULL) == 0);
	the_kernel = NULL;
	sriov_nl_free(k->env.route);
	sriov_nl_free(k->env.generic);
	close(in->route[0]);
	close(in->generic[0]);
	for (unsigned i = 0; i < 2; i++) {
		close(in->files[i]);
		close(in->stop[i]);
	}
	pthread_mutex_destroy(&in->lock);
	nftw(k->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(in);
	free(k->log);
	free(k);
}
