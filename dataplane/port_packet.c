/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Port kind uplink with device packet:IFNAME: an interface of the host by AF_PACKET. Frames come
 * through a ring that the kernel fills, so receiving makes no system call; a burst is sent with
 * one. What is left to be done to a frame is left to the kernel, and to the interface if that can.
 * The interface's link follows the kernel's.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dp_private.h"
#include "offload.h"
#include "packet_ring.h"
#include "uplink/interface.h"

struct packet {
	struct packet_ring ring; /* its socket sends too */
	int ifindex;
};

static void packet_free(struct packet *p)
{
	packet_ring_close(&p->ring);
	free(p);
}

static void packet_close(struct dp_port *port)
{
	packet_free(port->kind);
}

static void set_ready(struct dp_port *port, bool ready)
{
	atomic_store(&port->rxq_ready[0], ready);
	atomic_store(&port->txq_ready[0], ready);
}

static void open_again(struct dp_port *port, int ifindex)
{
	struct packet *p = port->kind;
	struct sh_err why;
	int r;

	set_ready(port, false);
	/* From here on no worker is in the ring of the old one. */
	if (dp_commit(port->dp, NULL) < 0)
		return;
	packet_ring_close(&p->ring);
	p->ifindex = ifindex;
	r = packet_ring_open(&p->ring, p->ifindex, -1);
	if (r == 0) {
		dp_port_set_trouble(port, "");
		return;
	}
	packet_ring_close(&p->ring);
	p->ifindex = 0; /* the next event tries again */
	(void)sh_err_set(&why, r, "interface '%s' is back but cannot be opened: %s",
		port->conf.target, strerror(-r));
	dp_port_set_trouble(port, why.text);
}

/* An interface that went away may come back under its name; it is another one to the kernel.
 * return: whether there is one, and open */
static bool follow_name(struct dp_port *port, struct interface *ret)
{
	struct packet *p = port->kind;
	struct sh_err why;

	if (interface_find(port->conf.target, ret, &why) < 0) {
		p->ifindex = 0; /* it may come back with its old number */
		dp_port_set_trouble(port, why.text);
		return false;
	}
	if (ret->ifindex != p->ifindex)
		open_again(port, ret->ifindex);
	return ret->ifindex == p->ifindex;
}

/* Link up: the interface is there, it is the one we opened, and it is running. */
static void packet_event(struct dp_port *port)
{
	struct interface now;

	set_ready(port, follow_name(port, &now) && now.is_running);
}

static int packet_open(struct dp_port *port, struct sh_err *err)
{
	struct interface now;
	struct packet *p;
	int r = interface_find(port->conf.target, &now, err);

	if (r < 0)
		return r;
	p = calloc(1, sizeof(*p));
	if (!p)
		return sh_err_set(err, -ENOMEM, "no memory for a port");
	p->ring.fd = -1;
	p->ifindex = now.ifindex;
	r = packet_ring_open(&p->ring, p->ifindex, -1);
	if (r < 0) {
		packet_free(p);
		return sh_err_set(err, r, "interface '%s': cannot open it: %s%s", port->conf.target,
			strerror(-r), r == -EPERM ? " (needs root or CAP_NET_RAW)" : "");
	}
	port->kind = p;
	/* The kernel does for the interface what that cannot do itself. */
	atomic_store(&port->takes, DP_OFFLOAD_ALL);
	packet_event(port);
	return 0;
}

static uint64_t packet_missed(const struct dp_port *port)
{
	return packet_ring_missed(&((struct packet *)port->kind)->ring);
}

static int packet_rx_fd(const struct dp_port *port, unsigned queue)
{
	return ((const struct packet *)port->kind)->ring.fd;
}

static uint16_t packet_rx(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	struct packet *p = port->kind;

	return packet_ring_rx(&p->ring, burst);
}

static void packet_rx_done(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	struct packet *p = port->kind;

	packet_ring_rx_done(&p->ring);
}

/* A frame that the interface refuses (too long for it) must not cost the ones behind it. */
static uint16_t send_all(int fd, struct mmsghdr *msgs, struct dp_item *items, uint16_t n)
{
	uint16_t at = 0, sent = 0;

	while (at < n) {
		int r = sendmmsg(fd, msgs + at, (unsigned)(n - at), MSG_DONTWAIT);

		if (r <= 0) {
			items[at++].drop = errno == EAGAIN || errno == ENOBUFS ? DP_DROP_TX_FULL
									       : DP_DROP_TX_ERROR;
			continue;
		}
		sent = (uint16_t)(sent + r);
		for (; r > 0; r--)
			items[at++].drop = DP_N_DROPS;
	}
	return sent;
}

static uint16_t packet_tx(struct dp_port *port, unsigned queue, struct dp_item *items, uint16_t n)
{
	struct virtio_net_hdr headers[DP_BURST];
	uint8_t heads[DP_BURST][DP_HEAD_MAX + 4];
	struct iovec iov[DP_BURST][DP_MAX_PIECES + 1];
	struct mmsghdr msgs[DP_BURST];
	struct packet *p = port->kind;

	memset(msgs, 0, sizeof(msgs[0]) * n);
	for (uint16_t i = 0; i < n; i++) {
		dp_offload_put_item(&items[i], &headers[i]);
		iov[i][0] = (struct iovec){ &headers[i], sizeof(headers[i]) };
		msgs[i].msg_hdr.msg_iov = iov[i];
		msgs[i].msg_hdr.msg_iovlen =
			1 + dp_item_iov(&items[i], heads[i], &iov[i][1], DP_MAX_PIECES);
	}
	return send_all(p->ring.fd, msgs, items, n);
}

const struct dp_port_ops dp_port_packet_ops = {
	.open = packet_open,
	.close = packet_close,
	.event = packet_event,
	.missed = packet_missed,
	.info = dp_port_interface_info,
	.rx_fd = packet_rx_fd,
	.rx = packet_rx,
	.rx_done = packet_rx_done,
	.tx = packet_tx,
};
