/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads when there is room, writes what is there, and lets the connection decide what it all
 * means, with TLS between or without. A peer that does not read is read from no more. Control
 * thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "of_peer.h"

#define IN_BYTES (128u << 10) /* more than the longest message */

static bool has_room(const struct of_peer *peer)
{
	return peer->n_in < IN_BYTES;
}

static uint32_t wanted(const struct of_peer *peer)
{
	uint32_t events = peer->tls ? of_tls_conn_wants(peer->tls) : 0;
	size_t n;

	if (peer->is_connecting)
		return EPOLLOUT;
	if (peer->is_shaking)
		return events;
	if (of_conn_output(peer->conn, &n) && n)
		events |= EPOLLOUT;
	/* What TLS has decrypted and nobody has read makes no event: one that is always there. */
	if (peer->tls && has_room(peer) && of_tls_conn_has_more(peer->tls))
		events |= EPOLLOUT;
	return has_room(peer) ? events | EPOLLIN : events;
}

/* What the event loop should wait for; nothing to read while ofproto takes no more. */
static void watch(struct of_peer *peer)
{
	(void)sd_event_source_set_io_events(peer->source, wanted(peer));
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

static ssize_t send_some(struct of_peer *peer, const uint8_t *bytes, size_t n)
{
	ssize_t sent;

	if (peer->tls)
		return of_tls_conn_write(peer->tls, bytes, n, &peer->why);
	sent = send(peer->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	return sent < 0 ? -errno : sent;
}

static int send_all(struct of_peer *peer)
{
	const uint8_t *bytes;
	size_t n;

	while ((bytes = of_conn_output(peer->conn, &n)) && n) {
		ssize_t sent = send_some(peer, bytes, n);

		if (sent < 0)
			return sent == -EAGAIN || sent == -EINTR ? 0 : (int)sent;
		of_conn_sent(peer->conn, (size_t)sent, openflow_now_ns());
	}
	return 0;
}

static ssize_t receive_some(struct of_peer *peer, uint8_t *bytes, size_t room)
{
	ssize_t n;

	if (peer->tls)
		return of_tls_conn_read(peer->tls, bytes, room, &peer->why);
	n = recv(peer->fd, bytes, room, MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

static int receive(struct of_peer *peer)
{
	ssize_t n = receive_some(peer, peer->in + peer->n_in, IN_BYTES - peer->n_in);

	if (n < 0)
		return n == -EAGAIN || n == -EINTR ? 0 : (int)n;
	if (n == 0)
		return sh_err_set(&peer->why, -ECONNRESET, "it closed the connection");
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

/* errors: -EAGAIN: not yet */
static int establish(struct of_peer *peer)
{
	int r = peer->is_connecting ? connected(peer) : 0;

	if (r < 0 || !peer->is_shaking)
		return r;
	r = of_tls_conn_handshake(peer->tls, &peer->why);
	peer->is_shaking = r < 0;
	return r;
}

static bool may_read(const struct of_peer *peer, uint32_t events)
{
	if (peer->tls) /* the socket's events are not the connection's */
		return has_room(peer);
	return events & (EPOLLIN | EPOLLHUP | EPOLLERR);
}

static int exchange(struct of_peer *peer, uint32_t events)
{
	int came = may_read(peer, events) ? receive(peer) : 0;
	int taken = came == 0 || came == -ECONNRESET ? take(peer) : 0;
	/* What is refused is told before the end. */
	int sent = send_all(peer);

	if (came < 0 || taken < 0 || sent < 0)
		return came < 0 ? came : taken < 0 ? taken : sent;
	/* What came while the output was full may be taken now. */
	return peer->n_in ? take(peer) : 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct of_peer *peer = ctx;
	int r = establish(peer);

	if (r == 0)
		r = exchange(peer, events);
	if (r < 0 && r != -EAGAIN)
		peer->gone(peer->ctx, peer, r);
	else
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
	of_tls_conn_free(peer->tls);
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
