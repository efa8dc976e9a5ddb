/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A message goes out in one piece or not at all; an answer is kept until it is whole. Neither
 * waits.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "vhost_msg.h"

#define MAX_FDS VMM_MEM_REGIONS

int vhost_send(int fd, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
	const int *fds, unsigned n_fds)
{
	struct vhost_header header = { request, VHOST_VERSION | flags, size };
	struct iovec iov[] = { { &header, sizeof(header) }, { (void *)(uintptr_t)payload, size } };
	union {
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };
	ssize_t n;

	if (n_fds) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == sizeof(header) + size ? 0 : -EAGAIN;
}

/* Descriptors are none of an answer's: the kernel drops those that nobody has room for. */
static int receive(int fd, struct vhost_answer *answer, size_t want)
{
	ssize_t n = recv(fd, answer->bytes + answer->n_read, want - answer->n_read, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	answer->n_read += (size_t)n;
	return answer->n_read == want;
}

int vhost_read(int fd, uint32_t request, struct vhost_answer *answer, uint64_t *ret)
{
	struct vhost_header h;
	int r;

	if (answer->n_read < sizeof(h)) {
		r = receive(fd, answer, sizeof(h));
		if (r <= 0)
			return r;
	}
	memcpy(&h, answer->bytes, sizeof(h));
	if ((h.flags & VHOST_VERSION_MASK) != VHOST_VERSION || !(h.flags & VHOST_REPLY) ||
		h.request != request || h.size != VHOST_ANSWER_BYTES)
		return -EPROTO;
	r = receive(fd, answer, sizeof(answer->bytes));
	if (r <= 0)
		return r;
	memcpy(ret, answer->bytes + sizeof(h), sizeof(*ret));
	answer->n_read = 0;
	return 1;
}
