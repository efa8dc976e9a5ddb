/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Making and removing a snapshot's files. A file that is there is never written over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm_snapshot.h"

int vm_snapshot_folder(const char *base, const char *folder, char *ret, struct sh_err *err)
{
	int n = snprintf(ret, PATH_MAX, "%s%s%s", *folder == '/' ? "" : base,
		*folder == '/' ? "" : "/", folder);

	/* The names of files come behind it. */
	return n + 16 < PATH_MAX ? 0 : sh_err_set(err, -ENAMETOOLONG, "dir: the name is too long");
}

static void path_of(const struct vm_snapshot *s, unsigned i, char ret[PATH_MAX + 16])
{
	if (i == 0)
		snprintf(ret, PATH_MAX + 16, "%s/machine", s->folder);
	else
		snprintf(ret, PATH_MAX + 16, "%s/disk%u", s->folder, s->disks[i]);
}

static int add_file(struct vm_snapshot *s, unsigned disk, struct sh_err *err)
{
	char path[PATH_MAX + 16];

	s->disks[s->n] = disk;
	path_of(s, s->n, path);
	s->fds[s->n] = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->fds[s->n] < 0)
		return sh_err_set(err, -errno, "%s: %s", path,
			errno == EEXIST ? "a snapshot lies there already" : strerror(errno));
	s->n++;
	return 0;
}

static int add_files(struct vm_snapshot *s, const struct conf_item *vm, struct sh_err *err)
{
	const struct conf_items *disks = conf_nested(vm, API_VM, "disks");
	int r = add_file(s, 0, err);

	for (uint32_t i = 0; r == 0 && i < disks->n && s->n < VM_SNAPSHOT_FILES; i++)
		if (strcmp(conf_get_or_default(&disks->items[i], API_VM_DISK, "readonly"),
			    "true") != 0)
			r = add_file(s, i, err);
	return r;
}

int vm_snapshot_new(const struct conf_item *vm, const char *base, const char *folder,
	struct vm_snapshot **ret, struct sh_err *err)
{
	struct vm_snapshot *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return sh_err_set(err, -ENOMEM, "out of memory");
	r = vm_snapshot_folder(base, folder, s->folder, err);
	if (r == 0) {
		s->made_folder = mkdir(s->folder, 0700) == 0;
		if (!s->made_folder && errno != EEXIST)
			r = sh_err_set(err, -errno, "%s: %s", s->folder, strerror(errno));
	}
	if (r == 0)
		r = add_files(s, vm, err);
	if (r < 0) {
		vm_snapshot_free(s, false);
		return r;
	}
	*ret = s;
	return 0;
}

void vm_snapshot_close(struct vm_snapshot *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (s->fds[i] >= 0)
			close(s->fds[i]);
		s->fds[i] = -1;
	}
}

void vm_snapshot_free(struct vm_snapshot *s, bool keep)
{
	char path[PATH_MAX + 16];

	if (!s)
		return;
	vm_snapshot_close(s);
	for (unsigned i = 0; !keep && i < s->n; i++) {
		path_of(s, i, path);
		unlink(path);
	}
	if (!keep && s->made_folder)
		rmdir(s->folder);
	free(s);
}
