/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A message is kept until it is whole, so a peer that sends half of one holds up nobody.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost/msg.h"

static void take_fds(struct vhost_user_msg *msg, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (msg->n_fds < VHOST_MAX_REGIONS)
				msg->fds[msg->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

static int receive(int fd, struct vhost_user_msg *msg, size_t want)
{
	union {
		char bytes[CMSG_SPACE(VHOST_MAX_REGIONS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { (char *)&msg->header + msg->n_read, want - msg->n_read };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	take_fds(msg, &m);
	if (n == 0)
		return -ECONNRESET;
	/* More than any message has, or than this process may have open. */
	if (m.msg_flags & MSG_CTRUNC)
		return -EPROTO;
	msg->n_read += (size_t)n;
	return msg->n_read == want;
}

static_assert(offsetof(struct vhost_user_msg, payload) ==
		      offsetof(struct vhost_user_msg, header) + sizeof(struct vhost_header),
	"both are read in one piece");

int vhost_msg_read(int fd, struct vhost_user_msg *msg)
{
	int r = 1;

	if (msg->n_read < sizeof(msg->header)) {
		r = receive(fd, msg, sizeof(msg->header));
		if (r <= 0)
			return r;
	}
	if ((msg->header.flags & VHOST_VERSION_MASK) != VHOST_VERSION ||
		msg->header.size > sizeof(msg->payload))
		return -EPROTO;
	if (msg->n_read < sizeof(msg->header) + msg->header.size)
		r = receive(fd, msg, sizeof(msg->header) + msg->header.size);
	return r;
}

void vhost_msg_done(struct vhost_user_msg *msg)
{
	for (unsigned i = 0; i < msg->n_fds; i++)
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
	msg->n_fds = 0;
	msg->n_read = 0;
}

int vhost_msg_take_fd(struct vhost_user_msg *msg)
{
	for (unsigned i = 0; i < msg->n_fds; i++) {
		int fd = msg->fds[i];

		if (fd < 0)
			continue;
		msg->fds[i] = -1;
		return fd;
	}
	return -1;
}

int vhost_msg_reply(int fd, const struct vhost_user_msg *msg, uint32_t size)
{
	struct vhost_header header = { msg->header.request, VHOST_VERSION | VHOST_REPLY, size };
	struct iovec iov[] = { { &header, sizeof(header) },
		{ (void *)(uintptr_t)&msg->payload, size } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return -errno;
	return (size_t)n == sizeof(header) + size ? 0 : -EAGAIN;
}
