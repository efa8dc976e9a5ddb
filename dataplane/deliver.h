/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The last step of delivery: giving frames to a port's send function, and counting what became of
 * them. Runs in workers.
 */
#pragma once

#include "snapshot.h"
#include "worker.h"

/* fast path */

/**
 * Send by a port that is no team; its ring, or none.
 *
 * shape:   items[n], n <= DP_BURST; items[].drop is written
 */
static inline void dp_transmit(
	struct dp_worker *w, const struct dp_snap_port *out, struct dp_item *items, unsigned n)
{
	if (likely(out->n_txq)) {
		(void)out->ops->tx(out->port, out->txq[w->index % out->n_txq], items, (uint16_t)n);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		items[i].drop = DP_DROP_LINK_DOWN;
}

/** Count frames as sent or dropped. return: how many were sent */
static inline unsigned dp_count_items(
	struct dp_port_counters *c, const struct dp_item *items, unsigned n)
{
	unsigned sent = 0;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		if (likely(items[i].drop == DP_N_DROPS)) {
			sent++;
			bytes += items[i].len;
		} else {
			c->drops[items[i].drop]++;
		}
	}
	c->tx_packets += sent;
	c->tx_bytes += bytes;
	return sent;
}
