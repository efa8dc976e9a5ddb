/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A dataplane that forwards nothing, so that control can run without DPDK, threads and devices: it
 * keeps what it is told, counts it, and refuses what a test wants refused. It takes the place of
 * dataplane/dp.h's functions at link time.
 */
#pragma once

#include <stdbool.h>

#include "dataplane/pipeline.h"

struct fake_dp {
	unsigned n_bridges, n_ports, n_entries, n_mirrors, n_workers;
	unsigned calls;   /* that may fail, since the last reset */
	unsigned fail_at; /* the call that fails with -ENODEV, counted from 1; 0: none does */
};

extern struct fake_dp fake_dp;

/** The only one; valid without dp_new. */
struct dp *fake_dp_get(void);

/** Forget all bridges, ports and entries. */
void fake_dp_reset(void);
