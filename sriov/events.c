/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Two netlink sockets that are only listened to.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "bounded.h"
#include "sriov/events.h"

#define UEVENTS_OF_KERNEL  1
#define BUFFER_BYTES       8192
#define RECEIVE_ROOM_BYTES (1 << 20)

static int listen_to(int protocol, unsigned groups, int *ret, struct sh_err *err)
{
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int room = RECEIVE_ROOM_BYTES;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return sh_err_set(
			err, -errno, "listening to the kernel's events: %s", strerror(errno));
	/* 256 VFs make thousands of events at once; without the right it is smaller. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		(void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	*ret = TAKE_FD(fd);
	return 0;
}

int sriov_events_init(struct sriov_events *ret, struct sh_err *err)
{
	struct sriov_events events = { -1, -1 };
	int r = listen_to(NETLINK_KOBJECT_UEVENT, UEVENTS_OF_KERNEL, &events.devices_fd, err);

	if (r == 0)
		r = listen_to(NETLINK_ROUTE, RTMGRP_LINK, &events.links_fd, err);
	if (r < 0) {
		sriov_events_done(&events);
		return r;
	}
	*ret = events;
	return 0;
}

void sriov_events_done(struct sriov_events *events)
{
	sh_closep(&events->devices_fd);
	sh_closep(&events->links_fd);
	events->devices_fd = events->links_fd = -1;
}

/* "add@/devices/pci0000:00/...": others, of disks and power supplies, are none of ours. */
static bool is_of_pci(const char *bytes, size_t n)
{
	return memmem(bytes, n, "/pci", 4);
}

bool sriov_events_take(const struct sriov_events *events, int fd)
{
	char bytes[BUFFER_BYTES];
	bool taken = false;

	for (;;) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n > 0)
			taken |= fd == events->links_fd || is_of_pci(bytes, (size_t)n);
		else if (n < 0 && errno == ENOBUFS)
			taken = true;
		else if (n == 0 || errno != EINTR)
			return taken;
	}
}

int sriov_events_wait(
	const struct sriov_events *events, unsigned timeout_ms, int (*is_so)(void *ctx), void *ctx)
{
	uint64_t deadline_ms = sriov_now_ms() + timeout_ms;

	for (;;) {
		struct pollfd fds[] = { { .fd = events->devices_fd, .events = POLLIN },
			{ .fd = events->links_fd, .events = POLLIN } };
		uint64_t now_ms;
		int r = is_so(ctx);

		if (r != 0)
			return r < 0 ? r : 0;
		now_ms = sriov_now_ms();
		if (now_ms >= deadline_ms)
			return -ETIMEDOUT;
		if (poll(fds, 2, (int)(deadline_ms - now_ms)) < 0 && errno != EINTR)
			return -errno;
		for (unsigned i = 0; i < 2; i++)
			if (fds[i].revents)
				sriov_events_take(events, fds[i].fd);
	}
}
