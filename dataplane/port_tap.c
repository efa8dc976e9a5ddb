/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Port kind internal: a tap interface that the host uses like a NIC on the switch. One descriptor,
 * which workers read and write without blocking. The interface is up while the port is enabled.
 * Frames come and go with a virtio header: what the host's stack and the guests leave to be done
 * crosses as it is, so one system call carries up to 64 KiB.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "offload.h"

/* Newer than the headers of Debian 12. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define HEADER_BYTES    ((uint32_t)sizeof(struct virtio_net_hdr))
#define MAX_FRAME_BYTES (65536u + 14 + 8) /* with all that is to be cut */
/* What one burst is read into, frame behind frame: small ones stay close together. */
#define ROOM_BYTES (4 * MAX_FRAME_BYTES)

struct tap {
	int fd;
	int ctl;       /* socket for the interface's ioctls */
	uint8_t *room; /* one worker receives at a time */
	/* What the interface was last told. It may have been renamed or moved since, so it is left
	 * alone by changes that do not concern it. */
	uint16_t mtu;
	uint8_t mac[6];
	enum dp_offload_level offload;
	bool is_told, up;
};

static int tap_error(struct dp_port *port, int code, const char *what, struct sh_err *err)
{
	return sh_err_set(err, code, "interface '%s': %s: %s%s", port->conf.target, what,
		strerror(-code),
		code == -EPERM ? " (an internal port needs root or CAP_NET_ADMIN)" : "");
}

static int tap_ioctl(struct tap *tap, struct dp_port *port, unsigned long request,
	struct ifreq *ifr, struct sh_err *err)
{
	snprintf(ifr->ifr_name, IFNAMSIZ, "%.15s", port->conf.target);
	if (ioctl(tap->ctl, request, ifr) < 0)
		return tap_error(port, -errno, "cannot configure it", err);
	return 0;
}

static int set_mtu(struct tap *tap, struct dp_port *port, struct sh_err *err)
{
	struct ifreq ifr = { .ifr_mtu = port->policy.mtu };

	return tap_ioctl(tap, port, SIOCSIFMTU, &ifr, err);
}

static int set_mac(struct tap *tap, struct dp_port *port, struct sh_err *err)
{
	static const uint8_t zero[6];
	struct ifreq ifr = { .ifr_hwaddr.sa_family = ARPHRD_ETHER };

	if (memcmp(port->policy.mac, zero, 6) == 0)
		return 0;
	memcpy(ifr.ifr_hwaddr.sa_data, port->policy.mac, 6);
	return tap_ioctl(tap, port, SIOCSIFHWADDR, &ifr, err);
}

static int set_up(struct tap *tap, struct dp_port *port, struct sh_err *err)
{
	struct ifreq ifr = { 0 };
	int r = tap_ioctl(tap, port, SIOCGIFFLAGS, &ifr, err);

	if (r < 0)
		return r;
	ifr.ifr_flags =
		(short)(port->policy.admin_up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP);
	return tap_ioctl(tap, port, SIOCSIFFLAGS, &ifr, err);
}

/* What the host's stack may leave to be done: all of it, or all but the segmentation of UDP, which
 * came with Linux 6.2. It takes the same from us. */
static unsigned long tun_flags(unsigned offloads)
{
	unsigned long flags = 0;

	if (offloads & DP_OFFLOAD_CSUM)
		flags |= TUN_F_CSUM;
	if (offloads & DP_OFFLOAD_TSO)
		flags |= TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	if (offloads & DP_OFFLOAD_USO)
		flags |= TUN_F_USO4 | TUN_F_USO6;
	return flags;
}

static int set_offloads(struct tap *tap, struct dp_port *port, struct sh_err *err)
{
	uint8_t takes = dp_offload_mask(port->policy.offload);
	int r = ioctl(tap->fd, TUNSETOFFLOAD, tun_flags(takes));

	if (r < 0 && errno == EINVAL) {
		takes &= (uint8_t)~DP_OFFLOAD_USO;
		r = ioctl(tap->fd, TUNSETOFFLOAD, tun_flags(takes));
	}
	if (r < 0)
		return tap_error(port, -errno, "cannot set its offloads", err);
	atomic_store(&port->takes, takes);
	return 0;
}

static int tap_changed(struct dp_port *port, struct sh_err *err)
{
	const struct dp_port_policy *policy = &port->policy;
	struct tap *tap = port->kind;
	int r = 0;

	if (!tap->is_told || policy->mtu != tap->mtu)
		r = set_mtu(tap, port, err);
	if (r == 0 && (!tap->is_told || memcmp(policy->mac, tap->mac, 6) != 0))
		r = set_mac(tap, port, err);
	if (r == 0 && (!tap->is_told || policy->admin_up != tap->up))
		r = set_up(tap, port, err);
	if (r == 0 && (!tap->is_told || policy->offload != tap->offload))
		r = set_offloads(tap, port, err);
	if (r < 0)
		return r;
	tap->offload = policy->offload;
	tap->mtu = policy->mtu;
	memcpy(tap->mac, policy->mac, 6);
	tap->up = policy->admin_up;
	tap->is_told = true;
	return 0;
}

static void tap_close(struct dp_port *port)
{
	struct tap *tap = port->kind;

	if (!tap)
		return;
	if (tap->fd >= 0)
		close(tap->fd);
	if (tap->ctl >= 0)
		close(tap->ctl);
	free(tap->room);
	free(tap);
}

static int tap_attach(struct tap *tap, struct dp_port *port, struct sh_err *err)
{
	struct ifreq ifr = { .ifr_flags =
				     (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL) };

	tap->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	tap->ctl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (tap->fd < 0 || tap->ctl < 0)
		return tap_error(port, -errno, "cannot open /dev/net/tun", err);
	snprintf(ifr.ifr_name, IFNAMSIZ, "%.15s", port->conf.target);
	if (ioctl(tap->fd, TUNSETIFF, &ifr) < 0)
		return tap_error(port, -errno,
			errno == EBUSY || errno == EEXIST ? "an interface of this name exists"
							  : "cannot create it",
			err);
	return tap_changed(port, err);
}

static int tap_open(struct dp_port *port, struct sh_err *err)
{
	struct tap *tap;
	int r;

	if (strlen(port->conf.target) >= IFNAMSIZ)
		return sh_err_set(err, -ENAMETOOLONG,
			"interface name '%s' is too long: at most %d characters", port->conf.target,
			IFNAMSIZ - 1);
	tap = calloc(1, sizeof(*tap));
	if (!tap)
		return sh_err_set(err, -ENOMEM, "no memory for a port");
	tap->fd = tap->ctl = -1;
	tap->room = malloc(ROOM_BYTES);
	port->kind = tap;
	r = tap->room ? tap_attach(tap, port, err)
		      : sh_err_set(err, -ENOMEM, "no memory for a port");
	if (r < 0) {
		tap_close(port);
		port->kind = NULL;
		return r;
	}
	atomic_store(&port->rxq_ready[0], true);
	atomic_store(&port->txq_ready[0], true);
	return 0;
}

static int tap_rx_fd(const struct dp_port *port, unsigned queue)
{
	return ((const struct tap *)port->kind)->fd;
}

static uint16_t tap_rx(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	struct tap *tap = port->kind;
	uint8_t *at = tap->room, *last = at + ROOM_BYTES - MAX_FRAME_BYTES;
	uint16_t got = 0;

	for (; got < DP_BURST && at <= last; got++) {
		struct dp_frame *f = &burst->frames[got];
		struct virtio_net_hdr header;
		struct iovec iov[] = { { &header, HEADER_BYTES }, { at, MAX_FRAME_BYTES } };
		ssize_t n = readv(tap->fd, iov, 2);

		if (n < (ssize_t)HEADER_BYTES)
			break;
		dp_frame_from_memory(f, at, (uint32_t)n - HEADER_BYTES);
		dp_offload_take_if_any(f, &header);
		at += RTE_ALIGN_CEIL((uint32_t)n - HEADER_BYTES, RTE_CACHE_LINE_SIZE);
	}
	burst->n = got;
	return got;
}

/* A refused frame is not tried again: an interface that is down takes none. */
static uint16_t tap_tx(struct dp_port *port, unsigned queue, struct dp_item *items, uint16_t n)
{
	struct tap *tap = port->kind;
	uint16_t sent = 0;

	for (uint16_t i = 0; i < n; i++) {
		uint8_t head[DP_HEAD_MAX + 4];
		struct virtio_net_hdr header;
		struct iovec iov[DP_MAX_PIECES + 1] = { { &header, HEADER_BYTES } };
		unsigned n_iov = dp_item_iov(&items[i], head, iov + 1, DP_MAX_PIECES);
		bool taken;

		dp_offload_put_item(&items[i], &header);
		taken = n_iov && writev(tap->fd, iov, (int)n_iov + 1) >= 0;
		items[i].drop = taken ? DP_N_DROPS : DP_DROP_TX_ERROR;
		sent = (uint16_t)(sent + taken);
	}
	return sent;
}

const struct dp_port_ops dp_port_tap_ops = {
	.open = tap_open,
	.close = tap_close,
	.changed = tap_changed,
	.rx_fd = tap_rx_fd,
	.rx = tap_rx,
	.tx = tap_tx,
};
