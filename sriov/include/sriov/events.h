/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the kernel tells by itself: devices that come, go and are bound (uevents), links that change
 * (rtnetlink). Nobody believes what an event says; it is the sign to look again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct sriov_events {
	int devices_fd; /* NETLINK_KOBJECT_UEVENT; -1: none */
	int links_fd;   /* rtnetlink's group of links; -1: none */
};

/** errors: those of socket(2) and bind(2). thread: the owner's. */
int sriov_events_init(struct sriov_events *ret, struct sh_err *err);
void sriov_events_done(struct sriov_events *events);

/**
 * Take all events that wait on one of the two sockets.
 *
 * return:  true when there was one that speaks of PCI devices or of links, or when some were lost
 * thread:  the owner's; never blocks
 */
bool sriov_events_take(const struct sriov_events *events, int fd);

/**
 * Wait until is_so(ctx) holds: looks, then looks again after every event.
 *
 * units:   timeout_ms
 * return:  0
 * errors:  -ETIMEDOUT, and is_so's own below 0
 * thread:  the owner's; blocks
 */
int sriov_events_wait(
	const struct sriov_events *events, unsigned timeout_ms, int (*is_so)(void *ctx), void *ctx);
