/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A small switch without DPDK: one bridge, four ports, as the fast path sees it. For tests and
 * fuzzing of the deciding half.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "decide.h"

#define HAND_PORTS 4

struct hand {
	struct dp_snapshot snapshot;
	struct dp_snap_bridge bridge;
	struct dp_snap_port *ports[HAND_PORTS];
	struct dp_snap_port store[HAND_PORTS];
	struct dp_port devices[HAND_PORTS];
	uint16_t order[HAND_PORTS];
	struct dp_decide_ctx ctx;
};

/* All four are access ports of VLAN 100 with an MTU of 1500, up and without a policy. */
static inline struct hand *hand_new(void)
{
	struct hand *h = aligned_alloc(64, (sizeof(*h) + 63) / 64 * 64);

	if (!h)
		abort();
	memset(h, 0, sizeof(*h));
	if (dp_fdb_new(1024, &h->bridge.fdb) < 0)
		abort();
	for (uint16_t i = 0; i < HAND_PORTS; i++) {
		struct dp_snap_port *p = &h->store[i];

		p->bridge = &h->bridge;
		p->port = &h->devices[i];
		p->index = i;
		p->admin_up = p->link_up = true;
		p->max_frame = dp_max_frame(1500);
		p->vlan.mode = DP_VLAN_ACCESS;
		p->vlan.vlan = 100;
		h->ports[i] = p;
		h->order[i] = i;
	}
	h->bridge.ports = h->order;
	h->bridge.n_ports = HAND_PORTS;
	h->snapshot.ports = h->ports;
	h->snapshot.n_ports = HAND_PORTS;
	h->snapshot.bridges = &h->bridge;
	h->ctx.snapshot = &h->snapshot;
	h->ctx.in = &h->store[0];
	h->ctx.now_tsc = 1;
	h->ctx.now_s = 1;
	return h;
}

static inline void hand_free(struct hand *h)
{
	dp_fdb_free(h->bridge.fdb);
	free(h);
}
