/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a port leads to: its type, mode, socket and device as the dataplane's kind and target. Pure.
 */
#pragma once

#include "conf.h"
#include "dataplane/dp.h"

#define PORT_TARGET_LEN 256

struct port_target {
	enum dp_port_kind kind;
	char target[PORT_TARGET_LEN];
};

/** errors: -ENAMETOOLONG, -EINVAL (the socket of shuntd's own API). */
int port_socket_path(const struct conf_item *port, const char *run_dir, char ret[PORT_TARGET_LEN],
	struct sh_err *err);

/** errors: -EINVAL (a device of no known kind), -ENAMETOOLONG. */
int port_target(const struct conf_item *port, const char *run_dir, struct port_target *ret,
	struct sh_err *err);
