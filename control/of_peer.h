/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One OpenFlow connection on a socket: bytes between the kernel and ofproto/conn.h. Control thread.
 */
#pragma once

#include <sys/queue.h>

#include "of_tls.h"
#include "openflow.h"

struct of_peer {
	LIST_ENTRY(of_peer) link;
	struct openflow *of;
	struct of_conn *conn;
	sd_event_source *source;
	int fd;
	bool is_connecting;
	/* Set behind of_peer_new, for a connection that begins with a TLS handshake. */
	struct of_tls_conn *tls;
	bool is_shaking;
	const struct of_tls *identity; /* what it began with; it may be gone */
	void (*gone)(void *ctx, struct of_peer *peer, int error); /* frees it */
	void *ctx;
	struct sh_err why; /* it ends, if there is more to say than the error */
	uint8_t *in;       /* received, not taken yet */
	size_t n_in;
};

/**
 * Serve a socket, which is the peer's from then on, connected or connecting.
 *
 * shape:   is_service as of_conn_new says
 * errors:  -ENOMEM, -errno of the event loop; the socket is then closed
 */
int of_peer_new(
	struct openflow *of, sd_event *event, int fd, bool is_service, struct of_peer **ret);
void of_peer_free(struct of_peer *peer);

/** errors: -ETIMEDOUT: it does not answer. */
int of_peer_tick(struct of_peer *peer);
