/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One question at a time on a netlink socket: send, put the answer together, ask again when a part
 * was lost. Talks to the kernel, or in tests to whoever holds the other end.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "bounded.h"
#include "nl_answer.h"
#include "sriov/msg.h"
#include "sriov/nl.h"

#define FIRST_BUFFER_BYTES (32u << 10)
#define MAX_BUFFER_BYTES   (16u << 20)
#define MAX_TRIES          5

struct sriov_nl {
	int fd;
	uint32_t seq;
	uint32_t port;
	unsigned timeout_ms;
	uint16_t family; /* 0: not asked for yet */
	uint8_t *buffer; /* of one datagram */
	size_t n_buffer;
};

struct sending {
	int fd;
	const struct nlmsghdr *request;
};

int sriov_nl_from_fd(int fd, struct sriov_nl **ret)
{
	struct sriov_nl *nl = calloc(1, sizeof(*nl));

	if (!nl)
		return -ENOMEM;
	nl->buffer = malloc(FIRST_BUFFER_BYTES);
	if (!nl->buffer) {
		free(nl);
		return -ENOMEM;
	}
	nl->fd = fd;
	nl->n_buffer = FIRST_BUFFER_BYTES;
	nl->timeout_ms = SRIOV_NL_TIMEOUT_MS;
	*ret = nl;
	return 0;
}

/* Sentences with errors, and no request sent back with them; old kernels do without. */
static void ask_for_sentences(int fd)
{
	int on = 1;

	(void)!setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)!setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
}

static int bind_port(int fd, uint32_t *ret)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	socklen_t n = sizeof(address);

	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		getsockname(fd, (struct sockaddr *)&address, &n) < 0)
		return -errno;
	*ret = address.nl_pid;
	return 0;
}

int sriov_nl_new(int protocol, struct sriov_nl **ret, struct sh_err *err)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct sriov_nl *nl;
	uint32_t port = 0;
	int r;

	if (fd < 0)
		return sh_err_set(err, -errno, "netlink socket: %s", strerror(errno));
	ask_for_sentences(fd);
	r = bind_port(fd, &port);
	if (r < 0)
		return sh_err_set(err, r, "netlink socket: %s", strerror(-r));
	r = sriov_nl_from_fd(fd, &nl);
	if (r < 0)
		return sh_err_set(err, r, "out of memory");
	TAKE_FD(fd);
	nl->port = port;
	*ret = nl;
	return 0;
}

void sriov_nl_free(struct sriov_nl *nl)
{
	if (!nl)
		return;
	close(nl->fd);
	free(nl->buffer);
	free(nl);
}

void sriov_nl_set_timeout(struct sriov_nl *nl, unsigned timeout_ms)
{
	nl->timeout_ms = timeout_ms;
}

static int send_request(void *ctx)
{
	const struct sending *sending = ctx;
	ssize_t n;

	do
		n = send(sending->fd, sending->request, sending->request->nlmsg_len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static bool is_of_kernel(const struct sockaddr_nl *from, socklen_t n)
{
	return n < sizeof(*from) || from->nl_family != AF_NETLINK || from->nl_pid == 0;
}

/* A datagram as large as it is: one of 256 VFs is larger than any fixed buffer that one would
 * choose. return: bytes, 0 for one that is not the kernel's; -EAGAIN: there is none;
 * -ECONNRESET: there never will be. */
static ssize_t receive(struct sriov_nl *nl)
{
	struct sockaddr_nl from;
	struct iovec iov = { nl->buffer, nl->n_buffer };
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
	};
	ssize_t n = recvmsg(nl->fd, &m, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	if (n >= 0 && (size_t)n > nl->n_buffer && (size_t)n <= MAX_BUFFER_BYTES) {
		uint8_t *buffer = realloc(nl->buffer, (size_t)n);

		if (!buffer)
			return -ENOMEM;
		nl->buffer = buffer;
		nl->n_buffer = (size_t)n;
	}
	if (n >= 0) {
		iov = (struct iovec){ nl->buffer, nl->n_buffer };
		m.msg_namelen = sizeof(from);
		n = recvmsg(nl->fd, &m, MSG_DONTWAIT);
	}
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	return is_of_kernel(&from, m.msg_namelen) ? n : 0;
}

/* All datagrams that are there. return: 0; -ENOBUFS: some were lost. */
static int drain(struct sriov_nl *nl, struct nl_answer *answer, struct sh_err *err)
{
	while (!answer->done) {
		ssize_t n = receive(nl);
		int r;

		if (n == -EAGAIN || n == -EINTR)
			return 0;
		if (n == -ENOBUFS)
			return sh_err_set(
				err, -ENOBUFS, "parts of the kernel's answer were lost; try again");
		if (n < 0)
			return sh_err_set(err, (int)n, "netlink: %s", strerror((int)-n));
		r = nl_answer_add(answer, nl->buffer, (size_t)n, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What an earlier question left behind, and the error that stands for what was lost of it. */
static void forget_old(struct sriov_nl *nl)
{
	ssize_t n;

	do
		n = receive(nl);
	while (n >= 0 || n == -ENOBUFS || n == -EINTR);
}

static int wait_for_answer(struct sriov_nl *nl, struct sriov_bounded *call, uint64_t deadline_ms,
	struct nl_answer *answer, struct sh_err *err)
{
	while (!answer->done) {
		/* A negative descriptor, that of a call which is over, is passed over by poll. */
		struct pollfd fds[] = { { .fd = nl->fd, .events = POLLIN },
			{ .fd = call->pidfd, .events = POLLIN } };
		uint64_t now = sriov_now_ms();
		int n = poll(fds, 2, now < deadline_ms ? (int)(deadline_ms - now) : 0), r = 0;

		if (n < 0 && errno != EINTR)
			return sh_err_set(err, -errno, "netlink: %s", strerror(errno));
		if (n == 0)
			return sh_err_set(err, -ETIMEDOUT,
				"no answer from the kernel in %u ms: a driver blocks",
				nl->timeout_ms);
		if (n > 0 && fds[1].revents)
			r = sriov_bounded_collect(call);
		if (r < 0)
			return sh_err_set(err, r, "netlink: %s", strerror(-r));
		if (n > 0 && fds[0].revents)
			r = drain(nl, answer, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* return: 0; -EAGAIN with answer->interrupted, or -ENOBUFS: ask again */
static int ask_once(struct sriov_nl *nl, struct nlmsghdr *request, uint64_t deadline_ms,
	struct nl_answer *answer, struct sh_err *err)
{
	struct sending sending = { nl->fd, request };
	struct sriov_bounded call;
	int r;

	forget_old(nl);
	request->nlmsg_seq = ++nl->seq;
	request->nlmsg_pid = nl->port;
	*answer = (struct nl_answer){ .seq = nl->seq, .port = nl->port };
	r = sriov_bounded_start(send_request, &sending, &call);
	if (r < 0)
		return sh_err_set(err, r, "a child for the request: %s", strerror(-r));
	r = wait_for_answer(nl, &call, deadline_ms, answer, err);
	/* The answer comes from within the call: it is about to return. */
	if (answer->done && call.pidfd >= 0)
		sriov_bounded_wait(&call, deadline_ms);
	sriov_bounded_done(&call);
	if (r == 0 && answer->interrupted)
		return sh_err_set(err, -EAGAIN,
			"what the kernel lists changed all the time while it was read; try again");
	return r;
}

static int hand_on(const struct nl_answer *answer, sriov_nl_reply *reply, void *ctx)
{
	int r = 0;

	for (size_t at = 0; reply && r >= 0 && at < answer->n_bytes;) {
		const struct nlmsghdr *nlh =
			(const struct nlmsghdr *)(const void *)(answer->bytes + at);

		r = reply(nlh, ctx);
		at += NLMSG_ALIGN((size_t)nlh->nlmsg_len);
	}
	return r < 0 ? r : 0;
}

int sriov_nl_ask(struct sriov_nl *nl, struct nlmsghdr *request, sriov_nl_reply *reply, void *ctx,
	struct sh_err *err)
{
	uint64_t deadline_ms = sriov_now_ms() + nl->timeout_ms;
	int r = -EAGAIN;

	request->nlmsg_flags |= NLM_F_REQUEST;
	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		request->nlmsg_flags |= NLM_F_ACK;
	for (unsigned i = 0; i < MAX_TRIES; i++) {
		struct nl_answer answer;
		bool again;

		r = ask_once(nl, request, deadline_ms, &answer, err);
		again = answer.interrupted || (r == -ENOBUFS && !answer.done);
		if (r == 0)
			r = hand_on(&answer, reply, ctx);
		nl_answer_done(&answer);
		if (r == 0 || !again)
			break;
	}
	return r;
}

static int take_family(const struct nlmsghdr *reply, void *ctx)
{
	struct sriov_nl *nl = ctx;

	return sriov_family_parse(reply, &nl->family);
}

int sriov_nl_family(struct sriov_nl *nl, const char *name, uint16_t *ret, struct sh_err *err)
{
	struct sriov_msg msg;
	int r = 0;

	if (!nl->family)
		r = sriov_nl_ask(nl, sriov_msg_get_family(&msg, name), take_family, nl, err);
	if (r < 0)
		return sh_err_prefix(err, r, "generic netlink's %s", name);
	if (!nl->family)
		return sh_err_set(err, -ENOENT, "this kernel has no %s", name);
	*ret = nl->family;
	return 0;
}
