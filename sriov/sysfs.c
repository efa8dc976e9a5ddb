/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading and writing below a root. Keeps nothing; any thread.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bounded.h"
#include "sriov/sysfs.h"

/* "ROOT/PATH" in path[PATH_MAX]; a path cut short names no file, which is then not found. */
#define PUT_PATH(path, root, fmt)                                                                  \
	do {                                                                                       \
		va_list ap_;                                                                       \
		size_t n_ = (size_t)snprintf(path, sizeof(path), "%s/", root);                     \
		va_start(ap_, fmt);                                                                \
		if (n_ < sizeof(path))                                                             \
			vsnprintf((path) + n_, sizeof(path) - n_, fmt, ap_);                       \
		va_end(ap_);                                                                       \
	} while (0)

struct writing {
	const char *path, *text;
};

static int complain(struct sh_err *err, int code, const char *path)
{
	return sh_err_set(err, code, "%s: %s", path, strerror(-code));
}

static int read_bytes(const char *path, void *ret, size_t size, struct sh_err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return complain(err, -errno, path);
	n = read(fd, ret, size);
	return n < 0 ? complain(err, -errno, path) : (int)n;
}

static int read_text(const char *path, char *ret, size_t size, struct sh_err *err)
{
	int n = read_bytes(path, ret, size - 1, err);

	if (n < 0)
		return n;
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

int sriov_sysfs_read(
	const char *root, char *ret, size_t size, struct sh_err *err, const char *fmt, ...)
{
	char path[PATH_MAX];

	PUT_PATH(path, root, fmt);
	return read_text(path, ret, size, err);
}

int sriov_sysfs_read_bytes(
	const char *root, void *ret, size_t size, struct sh_err *err, const char *fmt, ...)
{
	char path[PATH_MAX];

	PUT_PATH(path, root, fmt);
	return read_bytes(path, ret, size, err);
}

int sriov_sysfs_read_number(
	const char *root, int64_t *ret, struct sh_err *err, const char *fmt, ...)
{
	char path[PATH_MAX], text[32], *end;
	long long value;
	int r;

	PUT_PATH(path, root, fmt);
	r = read_text(path, text, sizeof(text), err);
	if (r < 0)
		return r;
	errno = 0;
	value = strtoll(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
	if (end == text || *end || errno)
		return sh_err_set(err, -EIO, "%s: '%s' is no number", path, text);
	*ret = value;
	return 0;
}

int sriov_sysfs_read_link(
	const char *root, char *ret, size_t size, struct sh_err *err, const char *fmt, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *name;
	ssize_t n;

	PUT_PATH(path, root, fmt);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return complain(err, -errno, path);
	target[n] = '\0';
	name = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
	if (strlen(name) >= size)
		return complain(err, -ENAMETOOLONG, path);
	strcpy(ret, name);
	return 0;
}

bool sriov_sysfs_exists(const char *root, const char *fmt, ...)
{
	char path[PATH_MAX];

	PUT_PATH(path, root, fmt);
	return access(path, F_OK) == 0;
}

static int walk(
	const char *path, int (*each)(const char *name, void *ctx), void *ctx, struct sh_err *err)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!folder)
		return complain(err, -errno, path);
	while (r == 0 && (entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = each(entry->d_name, ctx);
	closedir(folder);
	return r;
}

int sriov_sysfs_each(const char *root, int (*each)(const char *name, void *ctx), void *ctx,
	struct sh_err *err, const char *fmt, ...)
{
	char path[PATH_MAX];

	PUT_PATH(path, root, fmt);
	return walk(path, each, ctx, err);
}

static int write_text(void *ctx)
{
	const struct writing *writing = ctx;
	int fd = open(writing->path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	/* The child ends behind this, and closes it. */
	if (fd < 0 || write(fd, writing->text, strlen(writing->text)) < 0)
		return -errno;
	return 0;
}

int sriov_sysfs_write(const char *root, const char *text, unsigned timeout_ms, struct sh_err *err,
	const char *fmt, ...)
{
	char path[PATH_MAX];
	struct writing writing = { path, text };
	struct sriov_bounded call;
	int r;

	PUT_PATH(path, root, fmt);
	timeout_ms = timeout_ms ? timeout_ms : SRIOV_SYSFS_TIMEOUT_MS;
	r = sriov_bounded_start(write_text, &writing, &call);
	if (r == 0)
		r = sriov_bounded_wait(&call, sriov_now_ms() + timeout_ms);
	if (r == -ETIMEDOUT)
		return sh_err_set(err, r,
			"%s: writing '%s' took more than %u ms: the driver blocks; whether it was "
			"done is not known",
			path, text, timeout_ms);
	if (r < 0)
		return sh_err_set(err, r, "%s: writing '%s': %s", path, text, strerror(-r));
	return 0;
}
