/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The configuration store. A change is acknowledged only after store_save: temporary file, fsync,
 * rename, fsync of the folder. Control thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "store.h"

#define HEADER                                                                                     \
	"# The configuration of shuntd, written by it after every change. Edit it only while\n"    \
	"# shuntd is stopped, or followed by 'systemctl reload shuntd'; see shunt.yaml(5).\n"

int store_init(struct store *store, const char *file, const char *state_dir, struct sh_err *err)
{
	int n;

	memset(store, 0, sizeof(*store));
	store->read_only = file != NULL;
	store->path = file ? file : store->own_path;
	n = snprintf(store->own_path, sizeof(store->own_path), "%s/config.yaml", state_dir);
	if (n >= (int)sizeof(store->own_path) - 8)
		return sh_err_set(err, -ENAMETOOLONG, "state folder's name is too long");
	return 0;
}

int store_load(
	const struct store *store, const struct conf_env *env, struct conf *ret, struct sh_err *err)
{
	int r = conf_load_file(store->path, env, ret, err);

	if (r == -ENOENT && !store->read_only && access(store->path, F_OK) < 0) {
		conf_init(ret);
		return 0;
	}
	return r;
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

static int write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, HEADER);
	if (r == 0)
		r = write_all(fd, text);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

/* A rename is on the disk once its folder is. */
static int sync_folder_of(const char *path)
{
	char folder[4096];
	_cleanup_close_ int fd = -1;
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash)
		return 0;
	*slash = '\0';
	fd = open(*folder ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int store_save(const struct store *store, const struct conf *conf, struct sh_err *err)
{
	_cleanup_free_ char *text = NULL;
	char tmp[sizeof(store->own_path) + 8];
	int r;

	if (store->read_only)
		return 0;
	r = conf_save_text(conf, &text, err);
	if (r < 0)
		return r;
	snprintf(tmp, sizeof(tmp), "%s.tmp", store->path);
	r = write_file(tmp, text);
	if (r == 0 && rename(tmp, store->path) < 0)
		r = -errno;
	if (r == 0)
		r = sync_folder_of(store->path);
	if (r < 0)
		unlink(tmp);
	return r < 0 ? sh_err_set(err, r, "cannot save the configuration in %s: %s", store->path,
			       strerror(-r))
		     : 0;
}
