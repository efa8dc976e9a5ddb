/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Starting DPDK: its arguments, its memory, its log.
 */
#pragma once

#include <rte_mempool.h>

#include "dataplane/dp.h"

/**
 * Start DPDK once a process and make the pool of frames.
 *
 * errors:  -ENOMEM (memory or huge pages), -errno of rte_eal_init
 * thread:  control
 */
int dp_eal_start(const struct dp_conf *conf, struct sh_err *err, struct rte_mempool **ret);
void dp_eal_stop(void);
