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
	CONF_PORT_PCI,          /* target: PCI address */
	CONF_PORT_TAP,          /* target: name of the interface that the host gets */
	CONF_PORT_PCAP,         /* target: "IN,OUT", either may be empty */
	CONF_PORT_NULL,
};

struct port_target {
	enum conf_port_kind kind;
	char target[PORT_TARGET_LEN];
};

/** errors: -ENAMETOOLONG, -EINVAL (the socket of shuntd's own API). */
int port_socket_path(const struct conf_item *port, const char *run_dir, char ret[PORT_TARGET_LEN],
	struct sh_err *err);

/** errors: -EINVAL (a device of no known kind), -ENAMETOOLONG. */
int port_target(const struct conf_item *port, const char *run_dir, struct port_target *ret,
	struct sh_err *err);
