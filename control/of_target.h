/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where OpenFlow connections come from and go to, as Open vSwitch writes it. Pure.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"

#define OF_TARGET_LEN   256
#define OF_DEFAULT_PORT 6653 /* OpenFlow 1.3.5, 6.3.1 */

struct of_target {
	char text[OF_TARGET_LEN]; /* as it was given: what tells targets apart */
	bool is_passive;          /* to listen on; else to connect to */
	bool is_tls;
	struct sockaddr_storage address;
	socklen_t address_len;
};

/**
 * Read one target of a list and go on behind its comma.
 *
 * shape:   tcp:HOST[:PORT] ssl:HOST[:PORT] unix:PATH ptcp:[PORT][:HOST] pssl:[PORT][:HOST]
 *          punix:PATH; HOST is an address, IPv6 in brackets; a relative PATH is one in run_dir;
 *          a ptcp or pssl without HOST listens on the loopback address
 * errors:  -EINVAL, -ENAMETOOLONG with what is allowed
 * thread:  any
 */
int of_target_parse(
	const char **list, const char *run_dir, struct of_target *ret, struct sh_err *err);
