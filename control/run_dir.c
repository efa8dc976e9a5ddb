/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Folders, and the lock file in the run folder. Control thread, at the start.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "run_dir.h"

int run_dir_make(const char *path, struct sh_err *err)
{
	char part[PATH_MAX];
	struct stat st;

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return sh_err_set(err, -ENAMETOOLONG, "folder name is too long");
	for (char *p = strchr(part + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return sh_err_set(
				err, -errno, "cannot make folder %s: %s", part, strerror(errno));
		*p = '/';
	}
	if (mkdir(part, 0755) < 0 && errno != EEXIST)
		return sh_err_set(err, -errno, "cannot make folder %s: %s", part, strerror(errno));
	if (stat(part, &st) < 0 || !S_ISDIR(st.st_mode))
		return sh_err_set(err, -ENOTDIR, "%s is not a folder", part);
	return 0;
}

static int already_running(int fd, const char *path, struct sh_err *err)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	return sh_err_set(err, -EBUSY,
		"another shuntd (pid %s) runs in %s: stop it, or use another --run-dir", pid, path);
}

int run_dir_lock(const char *path, struct sh_err *err)
{
	char file[PATH_MAX];
	_cleanup_close_ int fd = -1;

	if (snprintf(file, sizeof(file), "%s/shuntd.lock", path) >= (int)sizeof(file))
		return sh_err_set(err, -ENAMETOOLONG, "folder name is too long");
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return sh_err_set(err, -errno, "cannot open %s: %s", file, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? already_running(fd, path, err)
					    : sh_err_set(err, -errno, "cannot lock %s: %s", file,
						      strerror(errno));
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", getpid()) < 0)
		return sh_err_set(err, -errno, "cannot write %s: %s", file, strerror(errno));
	return TAKE_FD(fd);
}
