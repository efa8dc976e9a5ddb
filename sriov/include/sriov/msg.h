/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages to the kernel and what its answers mean: rtnetlink for links and their VFs, generic
 * netlink's devlink for eswitches, ports of functions and rates. All pure: nothing here has a
 * socket. Requests are as ip(8) and devlink(8) send them, but several attributes of a VF go in one.
 */
#pragma once

#include <linux/netlink.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "sriov/host.h"

#define SRIOV_MSG_BYTES 4096 /* more than any request here needs */
#define SRIOV_MAX_VLANS 32   /* in a list for one VF */

struct sriov_msg {
	alignas(8) uint8_t bytes[SRIOV_MSG_BYTES];
};

/* Links */

struct sriov_vlan {
	uint16_t vlan; /* 0: none */
	uint8_t qos;
	uint16_t proto; /* 0x8100 or 0x88a8 */
};

struct sriov_link {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	uint8_t mac[6];
	uint32_t mtu;
	bool carrier;
	bool has_n_vfs;
	uint32_t n_vfs;
	char parent[SRIOV_ADDRESS_LEN]; /* PCI address of its device; "" unknown (before Linux 5.14)
					 */
};

enum {
	SRIOV_WITH_VFS = 1,   /* their attributes */
	SRIOV_WITH_STATS = 2, /* and their counters; 200 VFs with counters fit no answer */
};

/** RTM_GETLINK of one link; of all with ifindex 0. */
struct nlmsghdr *sriov_msg_get_link(struct sriov_msg *msg, uint32_t ifindex, unsigned with);

/** Set the attributes of one VF whose bits (enum sriov_attr) are in attrs, in one message:
 * SRIOV_MAC to SRIOV_GUIDS. The kernel sets them one by one, and stops at the first it refuses. */
struct nlmsghdr *sriov_msg_set_vf(
	struct sriov_msg *msg, uint32_t ifindex, const struct sriov_vf *vf, uint32_t attrs);

/** Set a list of VLANs of one VF; 1 <= n <= SRIOV_MAX_VLANS. Linux itself takes one. */
struct nlmsghdr *sriov_msg_set_vf_vlans(struct sriov_msg *msg, uint32_t ifindex, uint32_t vf,
	const struct sriov_vlan *vlans, unsigned n);

struct nlmsghdr *sriov_msg_set_mtu(struct sriov_msg *msg, uint32_t ifindex, uint32_t mtu);

/** return: 0; -EPROTO when it is no link, or its attributes do not add up */
int sriov_link_parse(const struct nlmsghdr *reply, struct sriov_link *ret);

/**
 * Fill in what a link's message says of its VFs; vfs[n], each at its index.
 *
 * return:  how many VFs were told of
 * errors:  -EPROTO: the list does not add up, as when it is longer than an attribute can be; what
 *          came before is filled in
 */
int sriov_link_parse_vfs(const struct nlmsghdr *reply, struct sriov_vf *vfs, uint32_t n);

/* devlink */

struct nlmsghdr *sriov_msg_get_family(struct sriov_msg *msg, const char *name);
/** return: 0; -EPROTO */
int sriov_family_parse(const struct nlmsghdr *reply, uint16_t *ret);

/* An eswitch: what is "" or UNKNOWN is not told, or not set. */
struct sriov_eswitch_modes {
	enum sriov_eswitch mode;
	char inline_mode[16]; /* "none", "link", "network", "transport" */
	char encap_mode[16];  /* "none", "basic" */
};

/** DEVLINK_CMD_GET: whether a device has devlink at all; everybody may ask. */
struct nlmsghdr *sriov_msg_get_devlink(struct sriov_msg *msg, uint16_t family, const char *address);

struct nlmsghdr *sriov_msg_get_eswitch(struct sriov_msg *msg, uint16_t family, const char *address);
/** return: NULL when a mode is none of devlink's words */
struct nlmsghdr *sriov_msg_set_eswitch(struct sriov_msg *msg, uint16_t family, const char *address,
	const struct sriov_eswitch_modes *modes);
int sriov_eswitch_parse(const struct nlmsghdr *reply, struct sriov_eswitch_modes *ret);

/* A port of an eswitch behind which a VF is. */
struct sriov_port {
	char address[SRIOV_ADDRESS_LEN]; /* of the eswitch's PF */
	uint32_t index;
	bool is_vf;
	uint16_t pf, vf;
	char netdev[IFNAMSIZ]; /* representor; "" none here */
	bool has_hw_addr, has_state;
	uint8_t hw_addr[6];
	bool active;
};

/** DEVLINK_CMD_PORT_GET of all ports. */
struct nlmsghdr *sriov_msg_get_ports(struct sriov_msg *msg, uint16_t family);
int sriov_port_parse(const struct nlmsghdr *reply, struct sriov_port *ret);

/** DEVLINK_CMD_PORT_SET of a port's function; hw_addr and active may be NULL: not set. */
struct nlmsghdr *sriov_msg_set_port_fn(struct sriov_msg *msg, uint16_t family, const char *address,
	uint32_t port, const uint8_t *hw_addr, const bool *active);

/* A devlink rate, in Mb/s; 0: none. */
struct sriov_fn_rate {
	char address[SRIOV_ADDRESS_LEN];
	uint32_t port;
	bool is_leaf;
	uint32_t tx_share, tx_max;
};

/** DEVLINK_CMD_RATE_GET of all. */
struct nlmsghdr *sriov_msg_get_rates(struct sriov_msg *msg, uint16_t family);
int sriov_rate_parse(const struct nlmsghdr *reply, struct sriov_fn_rate *ret);

/** DEVLINK_CMD_RATE_SET of a port's function, in Mb/s; each may be NULL: not set. */
struct nlmsghdr *sriov_msg_set_rate(struct sriov_msg *msg, uint16_t family, const char *address,
	uint32_t port, const uint32_t *tx_share, const uint32_t *tx_max);
