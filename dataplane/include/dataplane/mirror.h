/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Mirrors of a bridge: copies of what its ports bring in and are sent go to one more port, which
 * then takes nothing else, or to a VLAN. A bridge without mirrors pays what one without captures
 * pays: one flag a burst.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "dataplane/vlan.h"

struct dp_bridge;
struct dp_mirror;

#define DP_MAX_MIRRORS 32 /* of a bridge */

/* Ports go by their names: a mirror outlives them and finds them again. Names that stand together
 * have commas between; NULL: none. */
struct dp_mirror_conf {
	const char *src_ports; /* what they bring into the switch, */
	const char *dst_ports; /* what the switch sends by them, */
	bool selects_all;      /* or both, of all ports of the bridge */
	bool selects_vlans;    /* of these VLANs alone */
	uint64_t vlans[DP_VLAN_WORDS];
	const char *output_port; /* NULL: to output_vlan */
	uint16_t output_vlan;
	bool tags_by_vlan; /* tagged as output_port's VLAN policy says, not as on the source */
	uint32_t snaplen;  /* bytes of a copy at most, from 14; 0: all */
};

struct dp_mirror_stats {
	uint64_t tx_packets, tx_bytes; /* copies, whether or not the output had room for them */
};

/**
 * Begin to mirror, from the next dp_commit on. Its output forgets the addresses learned there.
 *
 * errors:  -ENOSPC (DP_MAX_MIRRORS), -ENOMEM
 * thread:  control
 */
int dp_mirror_add(struct dp_bridge *bridge, const struct dp_mirror_conf *conf, struct sh_err *err,
	struct dp_mirror **ret);

/** Change it, from the next dp_commit on; it goes on counting. errors: -ENOMEM. */
int dp_mirror_set(struct dp_mirror *mirror, const struct dp_mirror_conf *conf, struct sh_err *err);

/** Takes effect at once, as dp_port_del. thread: control. */
void dp_mirror_del(struct dp_mirror *mirror);

struct dp_bridge *dp_mirror_bridge(const struct dp_mirror *mirror);

/** Sums over the workers; monotonic, each by itself. thread: control. */
void dp_mirror_get_stats(const struct dp_mirror *mirror, struct dp_mirror_stats *ret);
