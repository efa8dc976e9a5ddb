/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the process gives up before the guest runs: its user, its view of files, its capabilities;
 * and what each kind of thread may still ask of the kernel (seccomp).
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum vmm_seccomp {
	VMM_SECCOMP_KILL, /* a forbidden call ends the process */
	VMM_SECCOMP_LOG,  /* it is logged by the kernel (audit), and done */
	VMM_SECCOMP_OFF,
};

enum vmm_thread {
	VMM_THREAD_MAIN,
	VMM_THREAD_VCPU,
	VMM_THREAD_DEVICE,
	VMM_THREAD_MEMORY,
};

struct vmm_confine_conf {
	const char *user;   /* NULL: stay */
	const char *chroot; /* NULL: stay */
	enum vmm_seccomp seccomp;
};

/**
 * Give up user, files and capabilities. What is needed of them must be open.
 *
 * errors:  -errno, with what was refused
 * thread:  main, before any other thread
 */
int vmm_confine_process(const struct vmm_confine_conf *conf, struct sh_err *err);

/** Install the filter of the calling thread; threads that it starts inherit it. */
int vmm_confine_thread(enum vmm_thread kind, struct sh_err *err);

/** For vmm_loop_start: the filter of a device's thread, or the end of the process. */
void vmm_confine_device_thread(void);
