/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-rng (virtio 1.2, 5.4): random bytes from the host's kernel.
 */
#pragma once

#include "virtio.h"

/** errors: as vmm_virtio_add. thread: main, before vCPUs start. */
int vmm_rng_new(struct vmm_virtio_set *set, struct sh_err *err);
