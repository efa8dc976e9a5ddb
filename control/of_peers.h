/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sockets of a bridge's OpenFlow connections: those it listens on, those it connects by, and
 * who is connected. Control thread.
 */
#pragma once

#include "openflow.h"

/** Listen on RUNDIR/NAME.mgmt. errors: -errno of the socket */
int of_peers_new(struct ctl *ctl, struct openflow *of, const char *name, struct of_peers **ret,
	struct sh_err *err);
void of_peers_free(struct of_peers *peers);

/**
 * Listen on and connect to these, and no others; connections that stay are not disturbed.
 *
 * Connections by TLS end when the configured files are others: they shall hold for all.
 *
 * errors:  -errno of a socket to listen on, -EINVAL; those before are then as they were
 */
int of_peers_set(struct of_peers *peers, const struct openflow_conf *conf, struct sh_err *err);

/** Part with all who are connected: they, or the bridge, connect again. */
void of_peers_part(struct of_peers *peers);

/** Part with all and listen nowhere; of_peers_set does both again. */
void of_peers_rest(struct of_peers *peers);

/** Connect again, probe, time out. Once a second. */
void of_peers_tick(struct of_peers *peers);
