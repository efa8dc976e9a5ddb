/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Mirrors inside the dataplane: which ports they concern, how a snapshot has them, and the copying
 * that workers do.
 */
#pragma once

#include "dataplane/mirror.h"
#include "walk.h"
#include "worker.h"

struct dp_mirror_counters {
	uint64_t n_packets, n_bytes;
} __rte_cache_aligned;

struct dp_mirror {
	struct dp_bridge *bridge;
	unsigned slot;              /* among the bridge's */
	struct dp_mirror_conf conf; /* its texts are its own */
	struct dp_port *output;     /* NULL: to a VLAN, or there is no such port */
	struct dp_mirror_counters counters[DP_MAX_WORKERS];
};

/* As workers have it. */
struct dp_snap_mirror {
	struct dp_mirror_counters *counters; /* one a worker; NULL: no mirror in this slot */
	const struct dp_snap_port *output;   /* NULL: to the VLAN */
	bool to_vlan, tags_by_vlan, selects_vlans;
	uint16_t output_vlan;
	uint32_t snaplen; /* UINT32_MAX: all */
	uint64_t vlans[DP_VLAN_WORDS];
};

/* Which mirrors have what frame of a burst already: as in Open vSwitch, each gets it once. A head
 * that a flow changed is another frame. One a worker. */
struct dp_mirror_marks {
	uint64_t burst; /* what it holds is of: frames that were received up to there */
	uint32_t received[DP_BURST]; /* mirrors that get it as it came in */
	uint32_t frames[DP_BURST];
	uint32_t variants[DP_MAX_VARIANTS];
};

/* control thread */

/** What the bridge's mirrors have to do with one port of it, after it came. */
void dp_mirror_bind_port(struct dp_port *port);

/** The port goes. */
void dp_mirror_forget_port(const struct dp_port *port);

/** Whether nothing is learned in the VLAN, since copies go there. */
bool dp_mirror_owns_vlan(const struct dp_bridge *bridge, uint16_t vlan);

/** The bridge goes, and no worker sees it any more. */
void dp_mirror_free_all(struct dp_bridge *bridge);

/** Bytes of a snapshot that its mirrors take, a multiple of 8. */
size_t dp_mirror_snap_bytes(const struct dp *dp);

/** Draw the mirrors of all bridges at `at`; the ports are drawn. */
void dp_mirror_draw(const struct dp *dp, struct dp_snapshot *s, struct dp_snap_mirror *at);

/* workers */

/** Before the burst that came in by a mirrored port is forwarded: which mirrors get what. */
void dp_mirror_begin(struct dp_worker *w, const struct dp_snap_port *in);

/** After it was: they get it. shape: why[burst.n], DP_N_DROPS where a frame was not dropped */
void dp_mirror_received(struct dp_worker *w, const struct dp_decide_ctx *ctx, const uint8_t *why);

/** Frames that a mirrored port was given, came they by `in`. shape: items[n], n <= DP_BURST */
void dp_mirror_sent(struct dp_worker *w, uint16_t in, const struct dp_snap_port *out,
	const struct dp_item *items, unsigned n);
