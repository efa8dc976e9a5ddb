/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Making the process of a virtual machine.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

struct vm_spawn {
	const char *name;       /* of the VM, for who looks at processes */
	const char *program;    /* NULL: shunt-vmm beside shuntd, else of PATH */
	const char *definition; /* JSON */
	const char *api_socket; /* path */
	const char *log;        /* path; what it writes to stdout and stderr */
	const char *folder;     /* its working folder */
	const char *restore;    /* folder of a snapshot to go on from; NULL: boot */
};

/**
 * Start shunt-vmm in a session of its own, with no file of shuntd's.
 *
 * errors:  -ENOENT (no such program), -errno
 * thread:  control
 */
int vm_spawn(const struct vm_spawn *how, struct sh_err *err, pid_t *ret_pid);
