/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-console (virtio 1.2, 5.3): one port, on a terminal, a pty or a file.
 */
#pragma once

#include "virtio.h"

struct vmm_virtio_console_conf {
	int in_fd;  /* what the guest reads; -1: nothing */
	int out_fd; /* what it writes */
};

/**
 * conf:    the descriptors are borrowed
 * errors:  as vmm_virtio_add
 * thread:  main, before vCPUs start
 */
int vmm_virtio_console_new(
	struct vmm_virtio_set *set, const struct vmm_virtio_console_conf *conf, struct sh_err *err);
