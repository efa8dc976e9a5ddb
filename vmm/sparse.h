/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Files with holes: what they hold, and copies of it.
 */
#pragma once

#include <stdint.h>

/**
 * The next piece of a file that may hold something.
 *
 * at:      where to look from; set to where the piece begins
 * return:  its bytes, at most max; 0 when there is none before end
 * thread:  any
 */
uint64_t vmm_next_data(int fd, uint64_t *at, uint64_t end, uint64_t max);

/** Make `to` the same as the first n_bytes of `from`. errors: -errno. thread: any. */
int vmm_copy_sparse(int from, int to, uint64_t n_bytes);
