/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Keeping the host as it is wanted: what the service does at each look. The loop that decides when
 * to look is verb_watch.c's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "change.h"

#define WATCH_TEXT_LEN 640

/* A PF of the configuration, and how the last look at it went. */
struct watch_pf {
	bool seen;                 /* there has been a look at which it was as wanted */
	bool missing;              /* it was not there, and that was said */
	char said[WATCH_TEXT_LEN]; /* the last complaint; it is not repeated */
	uint64_t retry_ms;         /* after a failed try: not before this time */
	unsigned pause_ms;
};

struct watch {
	struct change_tools *tools;
	unsigned allow; /* SRIOV_ALLOW_ bits */
	bool report_only;
	struct sriov_want want;
	struct watch_pf *pfs; /* want.n_pfs */
};

/** Take a new configuration over. errors: -ENOMEM. */
int watch_set_want(struct watch *watch, struct sriov_want *want);
void watch_done(struct watch *watch);

/**
 * Look at every PF and put back what is not as wanted, logging what that was. A PF that fails is
 * left alone for a while, which doubles, so that its own events do not make it try for ever.
 *
 * units:   now_ms of CLOCK_MONOTONIC
 * return:  0, or in how many ms to look again
 * thread:  the loop's; blocks while drivers work
 */
unsigned watch_look(struct watch *watch, uint64_t now_ms);

/** return: whether every PF is there and as wanted */
bool watch_is_settled(const struct watch *watch);
