/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads when there is room, writes what is there, and lets the connection decide what it all
 * means. A peer that does not read is read from no more. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "of_peer.h"

#define IN_BYTES (128u << 10) /* more than the longest message */

/* What the event loop should wait for; nothing to read while ofproto takes no more. */
static void watch(struct of_peer *peer)
{
	size_t n;
	uint32_t events = 0;

	if (peer->is_connecting || (of_conn_output(peer->conn, &n) && n))
		events |= EPOLLOUT;
	if (!peer->is_connecting && peer->n_in < IN_BYTES)
		events |= EPOLLIN;
	(void)sd_event_source_set_io_events(peer->source, events);
}

static int take(struct of_peer *peer)
{
	size_t used = 0;
	int r;

	if (!peer->n_in)
		return 0;
	r = of_conn_receive(peer->conn, peer->in, peer->n_in, openflow_now_ns(), &used);
	peer->n_in -= used;
	memmove(peer->in, peer->in + used, peer->n_in);
	openflow_refresh(peer->of);
	return r;
}

static int send_all(struct of_peer *peer)
{
	const uint8_t *bytes;
	size_t n;

	while ((bytes = of_conn_output(peer->conn, &n)) && n) {
		ssize_t sent = send(peer->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		of_conn_sent(peer->conn, (size_t)sent, openflow_now_ns());
	}
	return 0;
}

static int receive(struct of_peer *peer)
{
	ssize_t n = recv(peer->fd, peer->in + peer->n_in, IN_BYTES - peer->n_in, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	peer->n_in += (size_t)n;
	return 0;
}

static int connected(struct of_peer *peer)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	peer->is_connecting = false;
	return -error;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct of_peer *peer = ctx;
	int r = 0, why;

	if (peer->is_connecting)
		r = connected(peer);
	if (r == 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		r = receive(peer);
	why = r;
	if (r == 0 || r == -ECONNRESET)
		r = take(peer);
	/* What is refused is told before the end. */
	if (send_all(peer) < 0 || r < 0 || why < 0) {
		peer->gone(peer->ctx, peer, why < 0 ? why : r);
		return 0;
	}
	/* What came while the output was full may be taken now. */
	if (peer->n_in && take(peer) < 0) {
		peer->gone(peer->ctx, peer, -EPROTO);
		return 0;
	}
	watch(peer);
	return 0;
}

static void on_output(void *ctx)
{
	struct of_peer *peer = ctx;

	if (peer->source)
		watch(peer);
}

int of_peer_new(struct openflow *of, sd_event *event, int fd, bool is_service, struct of_peer **ret)
{
	struct of_peer *peer = calloc(1, sizeof(*peer));
	int r = -ENOMEM;

	if (!peer) {
		close(fd);
		return r;
	}
	peer->of = of;
	peer->fd = fd;
	peer->in = malloc(IN_BYTES);
	if (peer->in)
		r = of_conn_new(openflow_conns(of), is_service, on_output, peer, &peer->conn);
	if (r == 0)
		r = sd_event_add_io(event, &peer->source, fd, EPOLLIN | EPOLLOUT, on_io, peer);
	if (r < 0) {
		of_peer_free(peer);
		return r;
	}
	*ret = peer;
	return 0;
}

void of_peer_free(struct of_peer *peer)
{
	sd_event_source_disable_unref(peer->source);
	peer->source = NULL;
	of_conn_free(peer->conn);
	close(peer->fd);
	free(peer->in);
	free(peer);
}

int of_peer_tick(struct of_peer *peer)
{
	int r = of_conn_tick(peer->conn, openflow_now_ns());

	if (r == 0)
		watch(peer);
	return r;
}
