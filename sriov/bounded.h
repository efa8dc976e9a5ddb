/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A system call that may block in a driver for as long as the driver likes, made by a child so that
 * the caller's time is bounded.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sriov_bounded {
	pid_t pid;
	int pidfd; /* readable when the call has returned; -1: collected */
};

/** Time of CLOCK_MONOTONIC. thread: any. */
uint64_t sriov_now_ms(void);

/**
 * Let a child call fn(ctx), which makes system calls and nothing else.
 *
 * errors:  -EAGAIN, -ENOMEM of fork(2)
 * thread:  any
 */
int sriov_bounded_start(int (*fn)(void *ctx), void *ctx, struct sriov_bounded *ret);

/** What fn returned, once the call has; waits for it. return: 0, or fn's -errno. */
int sriov_bounded_collect(struct sriov_bounded *call);

/** Wait at most until a time. return: fn's, or -ETIMEDOUT, and the child is left to itself. */
int sriov_bounded_wait(struct sriov_bounded *call, uint64_t deadline_ms);

/** End what is still running, as soon as the kernel lets it. */
void sriov_bounded_done(struct sriov_bounded *call);
