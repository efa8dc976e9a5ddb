/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The files of a snapshot: made here, since a virtual machine's process may open none, and handed
 * to it. Control thread.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "change.h"

#define VM_SNAPSHOT_FILES 17 /* state and memory, and up to 16 disks */

struct vm_snapshot {
	char folder[PATH_MAX];
	bool made_folder;
	unsigned n;
	int fds[VM_SNAPSHOT_FILES];
	unsigned disks[VM_SNAPSHOT_FILES]; /* the number of the disk in each file but the first */
};

/**
 * Make the folder, if it is not there, and its files: `machine`, and one for each disk that the
 * machine writes to, by its number.
 *
 * base:    folder that a relative one lies in
 * errors:  -EEXIST (a snapshot lies there), -ENAMETOOLONG, -errno; what was made is removed again
 */
int vm_snapshot_new(const struct conf_item *vm, const char *base, const char *folder,
	struct vm_snapshot **ret, struct sh_err *err);

/** The process has them now. */
void vm_snapshot_close(struct vm_snapshot *snapshot);

/** Forget it; take its files away unless they are to be kept. NULL is legal. */
void vm_snapshot_free(struct vm_snapshot *snapshot, bool keep);

/** The path of a folder. shape: ret[PATH_MAX]. errors: -ENAMETOOLONG. */
int vm_snapshot_folder(const char *base, const char *folder, char *ret, struct sh_err *err);
