/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A network interface of the host as an uplink sees it: asked for by ioctls, and what it does with
 * VLAN tags. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "dataplane/vlan.h"

struct interface {
	int ifindex; /* 0: there is none of that name */
	uint32_t mtu;
	unsigned n_queues; /* that it receives on */
	uint8_t mac[6];
	bool is_running; /* up, with a link */
	bool is_ethernet;
};

/** errors: -errno of the first ioctl that failed. -ENODEV: ret->ifindex is 0. */
int interface_get(const char *name, struct interface *ret);

/** As interface_get, of one that can be an uplink; *err says what to do. errors: -ENODEV, -EINVAL
 * (not of Ethernet), -errno. */
int interface_find(const char *name, struct interface *ret, struct sh_err *err);

/** units: Mb/s, 0: unknown. */
uint32_t interface_speed(const char *name);

/**
 * Have the NIC leave VLAN tags where they are in received frames, or take them off again.
 *
 * return:  1 when it was on before, 0 when it was off
 * errors:  -EOPNOTSUPP (the driver does not let it be changed), -errno
 */
int interface_set_rx_vlan(const char *name, bool on);

/** The VLANs of the host's VLAN interfaces on it, and 0 for untagged frames. */
void interface_read_host_vlans(const char *name, uint64_t ret[DP_VLAN_WORDS]);
