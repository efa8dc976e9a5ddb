/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is there: the physical functions (PFs) of this host that can have virtual functions (VFs),
 * as sysfs, rtnetlink and devlink tell it. Everything that planning and printing know about the
 * host is in these structs; who fills them is host.c, and a test fills them by hand.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SRIOV_ADDRESS_LEN 16 /* "0000:01:00.0" and its 0 */
#define SRIOV_DRIVER_LEN  64
#define SRIOV_FW_LEN      64
#define SRIOV_MAX_VFS     256 /* of one PF that this program handles */

/* Attributes of a VF that can be unknown: what the kernel did not tell has no bit in known. */
enum sriov_attr {
	SRIOV_MAC,
	SRIOV_VLAN, /* with qos and vlan_proto */
	SRIOV_SPOOFCHK,
	SRIOV_TRUST,
	SRIOV_LINK_STATE,
	SRIOV_RATE, /* min and max together: one message carries both */
	SRIOV_QUERY_RSS,
	SRIOV_GUIDS,
	SRIOV_STATS,
	SRIOV_MSIX,
	SRIOV_FN_HW_ADDR, /* of the function behind the VF's devlink port */
	SRIOV_FN_STATE,
	SRIOV_FN_RATE, /* tx_share and tx_max */
	SRIOV_N_ATTRS,
};

enum sriov_link_state {
	SRIOV_LINK_AUTO,
	SRIOV_LINK_ENABLE,
	SRIOV_LINK_DISABLE,
};

enum sriov_eswitch {
	SRIOV_ESWITCH_UNKNOWN, /* no devlink, or the driver does not tell */
	SRIOV_ESWITCH_LEGACY,
	SRIOV_ESWITCH_SWITCHDEV,
};

struct sriov_vf_stats {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
	uint64_t broadcast, multicast, rx_dropped, tx_dropped;
};

struct sriov_vf {
	uint32_t index;
	char address[SRIOV_ADDRESS_LEN];
	char driver[SRIOV_DRIVER_LEN];          /* "" when no driver is bound */
	char driver_override[SRIOV_DRIVER_LEN]; /* "" when none is set */
	char netdev[IFNAMSIZ];                  /* "" when there is none in this namespace */
	char representor[IFNAMSIZ];
	int iommu_group;    /* -1 without IOMMU */
	char *iommu_others; /* "0000:01:10.2, 0000:01:10.4": who else is in the group; NULL: nobody
			     */
	char *users;        /* "qemu-system-x86 (1234), vm web1": who has it open; NULL: nobody */
	bool has_default_route; /* through its netdev */
	uint32_t known;         /* bit per enum sriov_attr */
	uint8_t mac[6];
	uint16_t vlan; /* 0: none */
	uint8_t qos;
	uint16_t vlan_proto; /* 0x8100 or 0x88a8 */
	bool spoofchk, trust, query_rss;
	enum sriov_link_state link_state;
	uint32_t min_tx_rate, max_tx_rate; /* Mb/s, 0: no limit */
	uint64_t node_guid, port_guid;     /* InfiniBand */
	uint32_t msix_vectors;
	struct sriov_vf_stats stats;
	bool has_port; /* devlink: the eswitch has a port for it, with this index */
	uint32_t port;
	uint8_t fn_hw_addr[6];
	bool fn_active;
	uint32_t fn_tx_share, fn_tx_max; /* Mb/s, 0: none */
};

struct sriov_pf {
	char address[SRIOV_ADDRESS_LEN];
	char netdev[IFNAMSIZ]; /* "" when the driver makes none */
	uint32_t ifindex;      /* 0 without netdev */
	char driver[SRIOV_DRIVER_LEN];
	char firmware[SRIOV_FW_LEN]; /* "" when unknown */
	uint16_t vendor, device;
	uint8_t mac[6];
	int numa_node; /* -1 unknown */
	bool link_up;
	uint32_t link_mbps; /* 0 unknown */
	uint32_t mtu;
	uint32_t total_vfs;  /* that the device can have */
	uint32_t total_msix; /* vectors to divide among the VFs; 0: they are fixed */
	uint32_t n_vfs;      /* that are enabled; vfs[n_vfs] */
	bool drivers_autoprobe;
	enum sriov_eswitch eswitch;
	char inline_mode[16], encap_mode[16]; /* devlink's words, "" unknown */
	bool has_default_route;
	struct sriov_vf *vfs;
};

struct sriov_host {
	struct sriov_pf *pfs;
	uint32_t n_pfs;
	char **unread; /* sentences: what could not be read, and why */
	uint32_t n_unread;
};

typedef void sriov_found(const char *address, const char *who, void *ctx);

/* Where the host is looked at: the real roots and sockets, or a test's. */
struct sriov_env {
	const char *sysfs;        /* "/sys" */
	const char *proc;         /* "/proc" */
	const char *dev;          /* "/dev" */
	struct sriov_nl *route;   /* rtnetlink */
	struct sriov_nl *generic; /* generic netlink; NULL: no devlink */
	/* Ask a driver for its firmware's version; NULL: nobody is asked. return: 0 or -errno */
	int (*firmware)(const char *netdev, char *ret, size_t size);
	/* Call found with each netdev in another network namespace: its device's PCI address, and
	 * who is there ("netns blue", "nginx (77)"). NULL: nobody looks. return: 0 or -errno */
	int (*foreign)(const struct sriov_env *env, sriov_found *found, void *ctx);
};

/** This host. errors: those of sriov_nl_new; without generic netlink there is no devlink. */
int sriov_env_init(struct sriov_env *ret, struct sh_err *err);
void sriov_env_done(struct sriov_env *env);

/**
 * Read all PFs, or the one of that name (NULL: all).
 *
 * return:  0; what could not be read for lack of rights is a sentence in ret->unread
 * errors:  -ENOENT "no such PF 'eth9': ...", -ENOMEM, -EIO, -ETIMEDOUT; *ret is untouched
 * thread:  the caller's; blocks for as long as drivers take, at most 10 s a request
 */
int sriov_host_read(
	const struct sriov_env *env, const char *pf, struct sriov_host **ret, struct sh_err *err);
void sriov_host_free(struct sriov_host *host);
static inline void sriov_host_freep(struct sriov_host **host)
{
	sriov_host_free(*host);
}

/**
 * Find a PF by PCI address ("0000:01:00.0", "01:00.0"), netdev, MAC, or "8086:10c9 igb".
 *
 * return:  NULL, and err's sentence, when none or several are meant
 * thread:  any; pure
 */
struct sriov_pf *sriov_host_find(struct sriov_host *host, const char *name, struct sh_err *err);
