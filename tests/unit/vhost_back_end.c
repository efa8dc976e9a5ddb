/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A back end that knows the protocol and moves no frame.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vhost_back_end.h"

#define MUST(claim)                                                                                \
	do {                                                                                       \
		if (!(claim)) {                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim);                \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct message {
	struct vhost_header header;
	union vhost_payload payload;
	int fds[VMM_MEM_REGIONS];
	unsigned n_fds;
};

static void replace_fd(int *fd, int by)
{
	if (*fd >= 0)
		close(*fd);
	*fd = by;
}

static void forget_connection(struct back_end *b)
{
	for (unsigned i = 0; i < BACK_END_RINGS; i++) {
		replace_fd(&b->rings[i].kick_fd, -1);
		replace_fd(&b->rings[i].call_fd, -1);
	}
	replace_fd(&b->mem_fd, -1);
	replace_fd(&b->fd, -1);
	b->is_connected = false;
}

static bool receive(int fd, struct message *m)
{
	char control[CMSG_SPACE(sizeof(m->fds))];
	struct iovec iov = { &m->header, sizeof(m->header) };
	struct msghdr h = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c;

	if (recvmsg(fd, &h, MSG_CMSG_CLOEXEC) != sizeof(m->header))
		return false;
	c = CMSG_FIRSTHDR(&h);
	m->n_fds = c ? (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
	if (c)
		memcpy(m->fds, CMSG_DATA(c), m->n_fds * sizeof(int));
	MUST(m->header.size <= sizeof(m->payload));
	return m->header.size == 0 ||
	       recv(fd, &m->payload, m->header.size, MSG_WAITALL) == (ssize_t)m->header.size;
}

static void answer(struct back_end *b, const struct message *m, const void *value)
{
	struct vhost_header h = { m->header.request, VHOST_VERSION | VHOST_REPLY, 8 };
	uint8_t bytes[sizeof(h) + 8];

	if (m->header.request == b->spoils)
		h.size = 0x10000;
	memcpy(bytes, &h, sizeof(h));
	memcpy(bytes + sizeof(h), value, 8);
	(void)!send(b->fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
}

static int take_fd(struct message *m)
{
	return m->n_fds ? m->fds[--m->n_fds] : -1;
}

static void note_ring(struct back_end *b, struct message *m)
{
	struct back_end_ring *ring = &b->rings[m->payload.state.index % BACK_END_RINGS];

	switch (m->header.request) {
	case VHOST_USER_SET_VRING_NUM:
		ring->size = m->payload.state.num;
		break;
	case VHOST_USER_SET_VRING_BASE:
		ring->base = m->payload.state.num;
		break;
	case VHOST_USER_SET_VRING_ADDR:
		ring->addr = m->payload.addr;
		break;
	case VHOST_USER_SET_VRING_KICK:
		replace_fd(&ring->kick_fd, take_fd(m));
		break;
	case VHOST_USER_SET_VRING_CALL:
		replace_fd(&ring->call_fd, take_fd(m));
		break;
	case VHOST_USER_SET_VRING_ENABLE:
		ring->enabled = m->payload.state.num;
		break;
	case VHOST_USER_GET_VRING_BASE:
		ring->n_stops++;
		answer(b, m, &m->payload.state);
		break;
	}
}

static void note(struct back_end *b, struct message *m)
{
	switch (m->header.request) {
	case VHOST_USER_GET_FEATURES:
		answer(b, m, &b->offers);
		break;
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		answer(b, m, &b->protocol_offers);
		break;
	case VHOST_USER_GET_QUEUE_NUM:
		answer(b, m, &b->n_pairs);
		break;
	case VHOST_USER_SET_FEATURES:
		b->features = m->payload.u64;
		break;
	case VHOST_USER_SET_PROTOCOL_FEATURES:
		b->protocol_features = m->payload.u64;
		break;
	case VHOST_USER_NET_SET_MTU:
		b->mtu = m->payload.u64;
		break;
	case VHOST_USER_SEND_RARP:
		b->rarp = m->payload.u64;
		break;
	case VHOST_USER_SET_MEM_TABLE:
		b->mem = m->payload.mem;
		replace_fd(&b->mem_fd, take_fd(m));
		break;
	default:
		note_ring(b, m);
	}
}

static bool serve(struct back_end *b)
{
	struct message m = { 0 };
	uint64_t failed;

	if (!receive(b->fd, &m) || m.header.request == b->is_mute_at)
		return false;
	MUST(m.header.request < 64);
	pthread_mutex_lock(&b->lock);
	note(b, &m);
	failed = m.header.request == b->refuses;
	if (m.header.flags & VHOST_NEED_REPLY)
		answer(b, &m, &failed);
	b->n_messages++;
	b->n_seen[m.header.request]++;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
	while (m.n_fds)
		close(m.fds[--m.n_fds]);
	return true;
}

static void take_connection(struct back_end *b)
{
	int fd = accept4(b->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	MUST(fd >= 0);
	pthread_mutex_lock(&b->lock);
	b->fd = fd;
	b->is_connected = true;
	b->n_connections++;
	pthread_mutex_unlock(&b->lock);
}

static void *run(void *ctx)
{
	struct back_end *b = ctx;

	for (;;) {
		struct pollfd p[] = { { .fd = b->stop_fd, .events = POLLIN },
			{ .fd = b->fd >= 0 ? b->fd : b->listen_fd, .events = POLLIN } };

		MUST(poll(p, 2, -1) > 0);
		if (p[0].revents)
			return NULL;
		if (b->fd < 0) {
			take_connection(b);
		} else if (!serve(b)) {
			pthread_mutex_lock(&b->lock);
			forget_connection(b);
			pthread_cond_broadcast(&b->changed);
			pthread_mutex_unlock(&b->lock);
		}
	}
}

void back_end_start(struct back_end *b)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->changed, NULL);
	memset(b->rings, 0, sizeof(b->rings));
	memset(b->n_seen, 0, sizeof(b->n_seen));
	b->n_messages = b->n_connections = 0;
	for (unsigned i = 0; i < BACK_END_RINGS; i++)
		b->rings[i].kick_fd = b->rings[i].call_fd = -1;
	b->fd = b->mem_fd = -1;
	b->stop_fd = eventfd(0, EFD_CLOEXEC);
	b->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", b->path);
	MUST(bind(b->listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	MUST(listen(b->listen_fd, 8) == 0);
	MUST(pthread_create(&b->thread, NULL, run, b) == 0);
}

void back_end_stop(struct back_end *b)
{
	MUST(eventfd_write(b->stop_fd, 1) == 0);
	pthread_join(b->thread, NULL);
	unlink(b->path);
	close(b->listen_fd);
	close(b->stop_fd);
	forget_connection(b);
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->changed);
}
