/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Listens to rtnetlink's link group. The messages are not read for what they say: they are the
 * moment to ask the kernel, so a lost one costs nothing but the next. Control thread.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dp_private.h"
#include "links.h"

int dp_links_start(struct dp *dp)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };

	dp->link_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (dp->link_fd < 0)
		return -errno;
	return bind(dp->link_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
}

void dp_links_dispatch(struct dp *dp)
{
	char buffer[8192];
	struct dp_port *port;
	bool any = false;
	ssize_t n;

	/* ENOBUFS tells that messages were lost, which is news too. */
	while ((n = recv(dp->link_fd, buffer, sizeof(buffer), 0)) > 0 ||
		(n < 0 && errno == ENOBUFS))
		any = true;
	if (!any)
		return;
	LIST_FOREACH (port, &dp->ports, link)
		if (port->conf.kind == DP_PORT_PACKET || port->conf.kind == DP_PORT_XDP ||
			port->conf.kind == DP_PORT_TEAM)
			atomic_store(&port->notified, true);
	if (dp->events.interfaces_changed)
		dp->events.interfaces_changed(dp->events.ctx);
}
