/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A port inside the dataplane: what every kind has, and the struct of functions that a kind fills
 * in. The control thread owns it; workers reach it through the snapshot.
 */
#pragma once

#include <stdatomic.h>
#include <sys/queue.h>
#include <rte_common.h>
#include <rte_mbuf.h>

#include "bucket.h"
#include "dataplane/dp.h"

#define DP_BURST     32
#define DP_NO_WORKER (-1)

struct dp_capture;
struct dp_port;
struct dp_burst;
struct dp_item;

/* What a kind of port can do. Queues are numbered from 0 in each direction. */
struct dp_port_ops {
	/* control thread */
	int (*open)(struct dp_port *port, struct sh_err *err);
	void (*close)(struct dp_port *port);
	/* The policy's MTU, address or admin state changed. May be NULL. */
	int (*changed)(struct dp_port *port, struct sh_err *err);
	/* Something was announced by dp_port_notify. May be NULL. */
	void (*event)(struct dp_port *port);
	/* Once a second, the control thread. May be NULL. */
	void (*tick)(struct dp_port *port);
	/* Counters of the device's own; returns -errno on a failure. May be NULL. */
	int (*foreach_hw)(const struct dp_port *port,
		void (*fn)(void *ctx, const char *name, uint64_t value), void *ctx);
	/* Frames that the device or the kernel lost before the port saw them. May be NULL. */
	uint64_t (*missed)(const struct dp_port *port);
	/* Adds frames that were counted outside of the workers. May be NULL. */
	void (*count)(const struct dp_port *port, struct dp_port_stats *stats);
	/* How the device is used. May be NULL. */
	void (*info)(const struct dp_port *port, struct dp_port_info *ret);
	/* Workers forward by what was changed on any port. May be NULL. */
	void (*committed)(struct dp_port *port);
	/* An address of the bridge was found behind another port, or there no longer; key as in the
	 * forwarding database. May be NULL. */
	void (*learned)(struct dp_port *port, uint64_t key, bool there);
	/* A descriptor that becomes readable when the queue has frames, -1 if it must be polled. */
	int (*rx_fd)(const struct dp_port *port, unsigned queue);

	/* workers: at most one at a time in a receive queue, any number in a send queue */
	uint16_t (*rx)(struct dp_port *port, unsigned queue, struct dp_burst *burst);
	/* The burst was delivered: give back what its frames lie in. May be NULL. */
	void (*rx_done)(struct dp_port *port, unsigned queue, struct dp_burst *burst);
	/* Copies what it sends. Returns how many were sent; the others have their reason in
	 * items[].drop, all that were sent DP_N_DROPS. */
	uint16_t (*tx)(struct dp_port *port, unsigned queue, struct dp_item *items, uint16_t n);
	/* Ask for, or stop, a wake-up when frames come. May be NULL. */
	void (*rx_arm)(struct dp_port *port, unsigned queue, bool on);
};

/* One worker's counters of one port: only that worker writes them. */
struct dp_port_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, copied;
	uint64_t drops[DP_N_DROPS];
} __rte_cache_aligned;

struct dp_port {
	LIST_ENTRY(dp_port) link;
	struct dp *dp;
	struct dp_bridge *bridge;
	struct dp_port *team; /* whose member it is; the bridge sees that. NULL: its own master */
	const struct dp_port_ops *ops;
	void *kind;   /* the kind's own state */
	void *beside; /* that of the kind which another stands in for, NULL: none does */
	uint16_t index;
	struct dp_port_conf conf;
	struct dp_port_policy policy;
	uint8_t team_slot;       /* of a member */
	uint8_t team_use;        /* the order that its frames take through a team, */
	uint16_t team_use_of;    /* and which, index + 1; others' own order */
	uint8_t team_use_before; /* scratch of a choice */
	bool is_controller;      /* the controller's side of a bridge: not listed */
	bool link_up;            /* as the workers have it since the last snapshot */
	bool was_up;             /* link state last announced */
	char fallback[256];      /* why the device is used in a worse way than it could be */
	char trouble[256];       /* why it is not used at all now, though the port is there */
	int8_t rxq_worker[DP_MAX_QUEUES]; /* who polls it, DP_NO_WORKER: nobody */
	unsigned n_macs_seen;             /* scratch of a recount */
	struct dp_capture *captures;      /* chain, NULL: none */
	uint32_t mirrors_in, mirrors_out; /* bit a slot of the bridge's mirrors */
	bool is_mirror_output;

	/* Written by the thread that serves the device, read by the control thread. */
	_Atomic bool rxq_ready[DP_MAX_QUEUES], txq_ready[DP_MAX_QUEUES];
	_Atomic bool connected;
	_Atomic bool notified;
	_Atomic uint8_t takes; /* DP_OFFLOAD_*: a sent frame may have it undone */

	struct dp_port_counters *counters; /* one for each worker */

	/* Written by workers. */
	struct dp_bucket bucket_in __rte_cache_aligned;
	struct dp_bucket bucket_storm;
	struct dp_bucket bucket_heard;
	struct dp_bucket bucket_out __rte_cache_aligned;
	_Atomic uint64_t own_mac; /* as in a key: address << 16; 0: none yet */
	_Atomic uint32_t n_macs;  /* written by the control thread */
};

extern const struct dp_port_ops dp_port_vhost_ops, dp_port_packet_ops, dp_port_tap_ops,
	dp_port_xdp_ops, dp_port_ethdev_ops, dp_port_null_ops, dp_port_team_ops,
	dp_port_controller_ops;

/** The port that the bridge sees: the team in place of a member. */
static inline struct dp_port *dp_port_outside(const struct dp_port *port)
{
	return port->team ? port->team : (struct dp_port *)(uintptr_t)port;
}

/** Make a member of a team: a port that no bridge has. errors: those of dp_port_add. */
int dp_member_add(struct dp_port *team, const struct dp_port_conf *conf,
	const struct dp_port_policy *policy, struct sh_err *err, struct dp_port **ret);

/** The end of a member whose team no worker sees any more. */
void dp_member_free(struct dp_port *member);

/** A change of a team's policy failed and the old one holds: back to that. */
void dp_team_give_up(struct dp_port *port);

/** Have the control thread call ops->event and look at the link again. thread: any. */
void dp_port_notify(struct dp_port *port);

/** Have the bridge's ports that asked for it hear of addresses, those known now too. */
void dp_port_watch_addresses(struct dp_bridge *bridge);
void dp_port_tell_addresses(struct dp_port *port);

/** Pool that receive functions take frames from. */
struct rte_mempool *dp_port_pool(const struct dp_port *port);

/** For ports whose frames lie in mbufs: rx_done of all of them. thread: the worker. */
void dp_port_free_burst(struct dp_port *port, unsigned queue, struct dp_burst *burst);

/** Its own address is the configured one again, or the first that comes. thread: control. */
void dp_port_forget_own_mac(struct dp_port *port);

/** Say, and log when it is news, why the device is not used now; "": it is. thread: control. */
void dp_port_set_trouble(struct dp_port *port, const char *text);

/** ops->info of what its target's interface is. */
void dp_port_interface_info(const struct dp_port *port, struct dp_port_info *ret);

bool dp_port_link_up(const struct dp_port *port);

/** Wait until no worker is inside a burst that began before. thread: any but a worker. */
void dp_wait_for_workers(struct dp *dp);

/** Longest frame that fits the MTU: Ethernet header, one VLAN tag. units: bytes. */
static inline uint32_t dp_max_frame(uint16_t mtu)
{
	return mtu + 14u + 4u;
}
