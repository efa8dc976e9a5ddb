/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a port leads to: its type, mode, socket and device as one kind and one target. Pure.
 */
#pragma once

#include "conf/conf.h"

#define PORT_TARGET_LEN 256

enum conf_port_kind {
	CONF_PORT_VHOST_SERVER, /* target: a socket's path */
	CONF_PORT_VHOST_CLIENT, /* target: a socket's path */
	CONF_PORT_PACKET,       /* target: name of a network interface */
	CONF_PORT_XDP,          /* the same */
	CONF_PORT_PCI,          /* target: PCI address */
	CONF_PORT_TAP,          /* target: name of the interface that the host gets */
	CONF_PORT_PCAP,         /* target: "IN,OUT", either may be empty */
	CONF_PORT_NULL,
	CONF_PORT_TEAM, /* target: empty; port_devices has them */
};

struct port_target {
	enum conf_port_kind kind;
	char target[PORT_TARGET_LEN];
};

/** errors: -ENAMETOOLONG, -EINVAL (the socket of shuntd's own API). */
int port_socket_path(const struct conf_item *port, const char *run_dir, char ret[PORT_TARGET_LEN],
	struct sh_err *err);

#define PORT_MAX_DEVICES 8 /* of a team */

/**
 * The devices of an uplink of several.
 *
 * shape:   ret[PORT_MAX_DEVICES]
 * return:  how many
 * errors:  -EINVAL (none, too many, one of no known kind, one twice)
 */
int port_devices(const struct conf_item *port, struct port_target *ret, struct sh_err *err);

/** errors: -EINVAL (no xdp:, packet: or pci: device). */
int port_device_parse(const char *device, struct port_target *ret);

/** Whether a text, "packet:eth1" or "eth1", means a device. */
bool port_device_is(const struct port_target *device, const char *text);

/** errors: -EINVAL (a device of no known kind), -ENAMETOOLONG. */
int port_target(const struct conf_item *port, const char *run_dir, struct port_target *ret,
	struct sh_err *err);
