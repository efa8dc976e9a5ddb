/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The dataplane as the control thread sees it: one struct dp, with workers, bridges and ports. All
 * functions here are called by the control thread, none blocks for longer than the workers take to
 * leave what was removed. Changes to bridges, ports and workers are collected and take effect
 * together, at dp_commit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dataplane/drop.h"
#include "dataplane/protocol.h"
#include "dataplane/team.h"
#include "dataplane/vlan.h"

struct dp;
struct dp_bridge;
struct dp_port;
struct dp_to_control;

#define DP_NAME_LEN          64
#define DP_MAX_WORKERS       16
#define DP_MAX_PORTS         4096
#define DP_MAX_OFPORT        0xfeffu
#define DP_OFPORT_CONTROLLER 0xfffffffdu
#define DP_OFPORT_LOCAL      0xfffffffeu
#define DP_MAX_QUEUES        8 /* pairs a vhost-user port */

enum dp_hugepages {
	DP_HUGEPAGES_AUTO, /* huge pages if there are enough, else plain memory and a warning */
	DP_HUGEPAGES_ON,
	DP_HUGEPAGES_OFF,
};

enum dp_poll {
	DP_POLL_ADAPTIVE,
	DP_POLL_BUSY,
};

struct dp_conf {
	uint64_t memory_bytes;
	enum dp_hugepages hugepages;
};

/**
 * Start DPDK and make an empty dataplane with no worker. Once a process, since DPDK is.
 *
 * errors:  -ENOMEM (memory or huge pages), -errno of DPDK's start
 * thread:  control
 */
int dp_new(const struct dp_conf *conf, struct sh_err *err, struct dp **ret);
void dp_free(struct dp *dp);

/**
 * Become readable when the dataplane has something for the control thread: addresses to learn,
 * a link that changed, a peer that connected or left.
 */
int dp_event_fd(struct dp *dp);

/** Do what dp_event_fd announced. thread: control. */
void dp_dispatch(struct dp *dp);

/** Ageing and time-outs; call it once a second. thread: control. */
void dp_tick(struct dp *dp);

/** Called from dp_dispatch; port is valid during the call. */
struct dp_events {
	void (*link_changed)(void *ctx, struct dp_port *port, bool up);
	void (*interfaces_changed)(void *ctx); /* one of the host's came, went or changed */
	/* of a team's member; workers forward by it */
	void (*member_changed)(void *ctx, struct dp_port *team, unsigned slot, bool up);
	/* of an uplink whose policy takes them */
	void (*protocol_frame)(void *ctx, const struct dp_protocol_frame *frame);
	/* a worker hands something to the control thread; what is valid during the call */
	void (*to_control)(void *ctx, struct dp_bridge *bridge, const struct dp_to_control *what);
	void *ctx;
};
void dp_set_events(struct dp *dp, const struct dp_events *events);

/* Workers */

struct dp_workers_conf {
	unsigned n;
	unsigned cpus[DP_MAX_WORKERS];
	enum dp_poll poll;
};

/**
 * Stop the workers there are and start these; ports and tables stay.
 *
 * errors:  -EINVAL (a CPU that does not exist or is not allowed), -EAGAIN (no thread to be had)
 * thread:  control
 */
int dp_workers_set(struct dp *dp, const struct dp_workers_conf *conf, struct sh_err *err);

/** The last CPU that this process may run on. */
unsigned dp_default_cpu(void);

struct dp_worker_stats {
	unsigned worker, cpu;
	uint64_t rx_packets, tx_packets;
	uint64_t copied;  /* extra copies made of received frames: rx + copied = tx + dropped */
	uint64_t dropped; /* for any reason, on either side */
	uint64_t busy_cycles, idle_cycles;
	unsigned n_rx_queues;
};

unsigned dp_n_workers(const struct dp *dp);
void dp_worker_get_stats(const struct dp *dp, unsigned worker, struct dp_worker_stats *ret);

/** Zero the worker statistics (not the ports'). */
void dp_worker_clear_stats(struct dp *dp);

/* Bridges */

struct dp_bridge_conf {
	char name[DP_NAME_LEN];
	uint32_t fdb_size;     /* entries, 1 to 1 Mi; a change empties the learned entries */
	uint32_t fdb_ageing_s; /* 0: learned entries stay */
};

int dp_bridge_add(struct dp *dp, const struct dp_bridge_conf *conf, struct sh_err *err,
	struct dp_bridge **ret);
int dp_bridge_set(struct dp_bridge *bridge, const struct dp_bridge_conf *conf, struct sh_err *err);

/** The bridge must have no port. */
void dp_bridge_del(struct dp_bridge *bridge);

/* Ports */

enum dp_port_kind {
	DP_PORT_VHOST_SERVER, /* target: path of the socket that shuntd makes */
	DP_PORT_VHOST_CLIENT, /* target: path of the socket that shuntd connects to, for ever */
	DP_PORT_PACKET,       /* target: name of a network interface, by AF_PACKET */
	DP_PORT_XDP,          /* target: the same, by AF_XDP, shared with the host */
	DP_PORT_PCI,          /* target: PCI address of a NIC bound to a DPDK driver */
	DP_PORT_TAP,          /* target: name of the interface that the host gets */
	DP_PORT_PCAP, /* target: "IN,OUT", pcap files to read and to write; either may be empty */
	DP_PORT_NULL, /* receives nothing, swallows what is sent */
	DP_PORT_TEAM, /* target: empty; the policy says which devices */
};

/* What makes the port; a change of any of these is a new port. */
struct dp_port_conf {
	char name[DP_NAME_LEN];
	enum dp_port_kind kind;
	char target[256];
	unsigned n_queues; /* pairs, 1 to DP_MAX_QUEUES; what a vhost-user peer may use at most */
};

/* Which frames of an interface that the switch shares with the host go on to the host. */
enum dp_host {
	DP_HOST_OWN,
	DP_HOST_NONE,
	DP_HOST_ALL_BUT_VMS,
};

/* What may be left to be done to the frames that come from a port and go to it: each less. */
enum dp_offload_level {
	DP_OFFLOADS_ALL,  /* checksums, segmentation of TCP and of UDP */
	DP_OFFLOADS_TSO,  /* checksums, segmentation of TCP */
	DP_OFFLOADS_CSUM, /* checksums */
	DP_OFFLOADS_NONE,
};

/* What may change while the port forwards. */
struct dp_port_policy {
	struct dp_vlan_policy vlan;
	bool admin_up;
	bool promiscuous;             /* gets a copy of every unicast frame of its VLANs */
	bool reject_mac_changes;      /* learns no address but its own */
	bool reject_forged_transmits; /* sends from no address but its own */
	bool isolated;                /* exchanges no frame with other isolated ports */
	uint8_t mac[6];     /* the port's own address; zero: the first that it sends from */
	uint16_t mtu;       /* bytes behind the Ethernet header and one tag, 68 to 9000 */
	uint32_t mac_limit; /* addresses learned on it at most, 0: no limit */
	uint64_t rate_in_bps, rate_out_bps; /* bits a second, 0: no limit; in: from the guest */
	uint64_t burst_in_bytes, burst_out_bytes;  /* 0: 10 ms of the rate, at least 64 KiB */
	uint32_t ofport;                           /* OpenFlow's number, DP_OFPORT_LOCAL; 0: none */
	bool no_receive, no_forward, no_packet_in; /* OpenFlow's port configuration */
	enum dp_host host;                         /* of DP_PORT_XDP */
	unsigned takes_protocols;                  /* DP_TAKES_*: for the switch itself */
	struct dp_team_policy team;                /* of DP_PORT_TEAM */
	/* of its own members, or of the bridge's team, for its frames */
	struct dp_team_order order;
	enum dp_offload_level offload;
	uint32_t storm_pps; /* broadcast, multicast and unknown unicast received, 0: no limit */
};

/**
 * Make a port. It forwards from the next dp_commit on, once its link is up.
 *
 * errors:  -ENODEV (no such device or interface), -EADDRINUSE (somebody serves the socket),
 *          -EBUSY (device in use), -ENOSPC (DP_MAX_PORTS), -errno of the system call that failed
 * thread:  control
 */
int dp_port_add(struct dp_bridge *bridge, const struct dp_port_conf *conf,
	const struct dp_port_policy *policy, struct sh_err *err, struct dp_port **ret);
int dp_port_set_policy(
	struct dp_port *port, const struct dp_port_policy *policy, struct sh_err *err);

/** Takes effect at once: commits, waits until no worker uses the port, then closes it. */
void dp_port_del(struct dp_port *port);

/** Publish what changed and return when every worker forwards by it. */
int dp_commit(struct dp *dp, struct sh_err *err);

enum dp_xdp {
	DP_XDP_NOT_ASKED,
	DP_XDP_NATIVE,
	DP_XDP_GENERIC,
	DP_XDP_PACKET, /* in its place: AF_PACKET */
};

struct dp_port_info {
	bool link_up;         /* never of a disabled port */
	bool peer_connected;  /* vhost-user: the socket has a peer */
	unsigned n_rx_queues; /* ready now */
	unsigned n_tx_queues;
	unsigned n_macs;       /* learned on it now */
	uint8_t mac[6];        /* its own address, configured or seen; zero: none yet */
	enum dp_xdp xdp;       /* of DP_PORT_XDP */
	bool zero_copy;        /* the driver receives into memory of ours */
	const char *fallback;  /* why not in a better way; "": there is none */
	const char *trouble;   /* why the device is not used at all now; "": it is */
	uint8_t device_mac[6]; /* of an uplink's device; zero: unknown */
	uint32_t speed_mbps;   /* of an uplink's device, 0: unknown */
	bool takes_csum, takes_tso, takes_uso; /* frames go to it with that left to be done */
};

struct dp_port_stats {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t rx_copied;      /* extra copies made of frames received here */
	uint64_t host_packets;   /* of DP_PORT_XDP: left to the host alone, not received here */
	uint64_t shared_packets; /* received here, and by the host too */
	uint64_t rx_missed; /* lost by the device or the kernel before the switch received them */
	uint64_t drops[DP_N_DROPS];
};

const char *dp_port_name(const struct dp_port *port);
struct dp_bridge *dp_port_bridge(const struct dp_port *port);

/** As it was set last; valid until it is set again. */
const struct dp_port_policy *dp_port_get_policy(const struct dp_port *port);
void dp_port_get_info(const struct dp_port *port, struct dp_port_info *ret);

/** Sums over the workers; monotonic, each counter by itself. thread: control. */
void dp_port_get_stats(const struct dp_port *port, struct dp_port_stats *ret);

/**
 * Call fn for each counter that the port's device keeps of itself, by the names of its driver.
 *
 * errors:  -EOPNOTSUPP (no such device), -ENOMEM, -errno of the driver
 * thread:  control
 */
int dp_port_foreach_hw(const struct dp_port *port,
	void (*fn)(void *ctx, const char *name, uint64_t value), void *ctx);

/* Forwarding database */

struct dp_fdb_entry {
	uint8_t mac[6];
	uint16_t vlan;
	const struct dp_port *port;
	uint32_t age_s; /* since the last frame from it; 0 for a static entry */
	uint32_t place; /* in the table: entries are listed in this order */
	bool is_static;
};

struct dp_fdb_info {
	uint32_t n_entries, n_static, size;
	uint64_t n_full;  /* addresses not learned because the table was full */
	uint64_t n_moves; /* of addresses from port to port */
};

#define DP_FDB_SHARES_PLACE 4 /* entries, at the most */

/**
 * Call fn for the entries of the places from `place` on: a part of a list. Those of a place are in
 * one part, so it may be up to DP_FDB_SHARES_PLACE - 1 entries shorter than it might.
 *
 * shape:   max entries, DP_FDB_SHARES_PLACE at the least; none at all means the end
 * thread:  control
 */
void dp_fdb_foreach(const struct dp_bridge *bridge, uint32_t place, size_t max,
	void (*fn)(void *ctx, const struct dp_fdb_entry *entry), void *ctx);
void dp_fdb_get_info(const struct dp_bridge *bridge, struct dp_fdb_info *ret);

/** Add a static entry or turn a learned one into it. errors: -ENOSPC (table full). */
int dp_fdb_add(struct dp_bridge *bridge, const uint8_t mac[6], uint16_t vlan, struct dp_port *port,
	struct sh_err *err);

/** Forget an entry, learned or static. errors: -ENOENT. */
int dp_fdb_del(struct dp_bridge *bridge, const uint8_t mac[6], uint16_t vlan, struct sh_err *err);

/** Forget learned entries: of one port if not NULL, of one VLAN if not negative; returns a count.
 */
unsigned dp_fdb_flush(struct dp_bridge *bridge, const struct dp_port *port, int vlan);
