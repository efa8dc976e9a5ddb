/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Port kind uplink with device packet:IFNAME: an interface of the host by AF_PACKET. Frames come
 * through a ring that the kernel fills, so receiving makes no system call; a burst is sent with
 * one. The interface's link follows the kernel's.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <rte_ip.h>

#include "dp_private.h"
#include "frame.h"

#define SLOT_BYTES    16384 /* holds a 9000-byte frame and its headers */
#define N_SLOTS       512
#define RING_BYTES    ((size_t)SLOT_BYTES * N_SLOTS)
#define TAG_BYTES     4
#define ADDRESSES_LEN 12

struct packet {
	int fd;
	int ifindex;
	uint8_t *ring;
	unsigned next; /* slot that the kernel fills next; one worker receives at a time */
	_Atomic uint64_t n_no_memory;
	uint64_t missed; /* control thread */
};

static int set_option(int fd, int option, const void *value, socklen_t len)
{
	return setsockopt(fd, SOL_PACKET, option, value, len) < 0 ? -errno : 0;
}

static int packet_options(struct packet *p)
{
	struct packet_mreq promisc = { .mr_ifindex = p->ifindex, .mr_type = PACKET_MR_PROMISC };
	struct tpacket_req req = { .tp_block_size = SLOT_BYTES * 4,
		.tp_block_nr = N_SLOTS / 4,
		.tp_frame_size = SLOT_BYTES,
		.tp_frame_nr = N_SLOTS };
	int version = TPACKET_V2, one = 1, r;

	r = set_option(p->fd, PACKET_VERSION, &version, sizeof(version));
	/* Says which frames the stack left without a checksum. */
	if (r == 0)
		r = set_option(p->fd, PACKET_VNET_HDR, &one, sizeof(one));
	if (r == 0)
		r = set_option(p->fd, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (r == 0)
		r = set_option(p->fd, PACKET_QDISC_BYPASS, &one, sizeof(one));
	if (r == 0)
		r = set_option(p->fd, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc));
	if (r == 0)
		r = set_option(p->fd, PACKET_RX_RING, &req, sizeof(req));
	return r;
}

static int packet_bind(struct packet *p)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = p->ifindex
	};
	int r;

	/* Protocol 0: no frame of another interface may come before the bind. */
	p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0)
		return -errno;
	r = packet_options(p);
	if (r < 0)
		return r;
	p->ring = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	if (p->ring == MAP_FAILED) {
		p->ring = NULL;
		return -errno;
	}
	return bind(p->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
}

static void packet_unbind(struct packet *p)
{
	if (p->ring)
		munmap(p->ring, RING_BYTES);
	if (p->fd >= 0)
		close(p->fd);
	p->ring = NULL;
	p->fd = -1;
	p->next = 0;
}

static void packet_free(struct packet *p)
{
	packet_unbind(p);
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

/* An interface that went away may come back under its name; it is another one to the kernel. */
static void follow_name(struct dp_port *port)
{
	struct packet *p = port->kind;
	int r, ifindex = (int)if_nametoindex(port->conf.target);

	if (ifindex == p->ifindex)
		return;
	if (ifindex == 0) {
		p->ifindex = 0; /* it may come back with its old number */
		return;
	}
	set_ready(port, false);
	/* From here on no worker is in the ring of the old one. */
	if (dp_commit(port->dp, NULL) < 0)
		return;
	packet_unbind(p);
	p->ifindex = ifindex;
	r = packet_bind(p);
	if (r == 0)
		return;
	packet_unbind(p);
	p->ifindex = 0; /* the next event tries again */
	sh_log_warn("port '%s': interface '%s' is back but cannot be opened: %s", port->conf.name,
		port->conf.target, strerror(-r));
}

/* Link up: the interface is there, it is the one we opened, and it is running. */
static void packet_event(struct dp_port *port)
{
	struct packet *p = port->kind;
	struct ifreq ifr = { 0 };

	follow_name(port);
	snprintf(ifr.ifr_name, IFNAMSIZ, "%.15s", port->conf.target);
	set_ready(port, (int)if_nametoindex(port->conf.target) == p->ifindex &&
				ioctl(p->fd, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP) &&
				(ifr.ifr_flags & IFF_RUNNING));
}

static int packet_open(struct dp_port *port, struct sh_err *err)
{
	unsigned ifindex = if_nametoindex(port->conf.target);
	struct packet *p;
	int r;

	if (!ifindex)
		return sh_err_set(err, -ENODEV,
			"no network interface '%s': see 'ip link' for those there are",
			port->conf.target);
	p = calloc(1, sizeof(*p));
	if (!p)
		return sh_err_set(err, -ENOMEM, "no memory for a port");
	p->fd = -1;
	p->ifindex = (int)ifindex;
	r = packet_bind(p);
	if (r < 0) {
		packet_free(p);
		return sh_err_set(err, r, "interface '%s': cannot open it: %s%s", port->conf.target,
			strerror(-r), r == -EPERM ? " (needs root or CAP_NET_RAW)" : "");
	}
	port->kind = p;
	packet_event(port);
	return 0;
}

static uint64_t packet_missed(const struct dp_port *port)
{
	struct packet *p = port->kind;
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);

	/* The kernel forgets its count with each reading. */
	if (getsockopt(p->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
		p->missed += stats.tp_drops;
	return p->missed + atomic_load(&p->n_no_memory);
}

static int packet_rx_fd(const struct dp_port *port, unsigned queue)
{
	return ((const struct packet *)port->kind)->fd;
}

/* The stack leaves a checksum to the NIC that never comes: fill it in. */
static void finish_checksum(const struct virtio_net_hdr *vh, uint8_t *frame, uint32_t len)
{
	uint32_t at = (uint32_t)vh->csum_start + vh->csum_offset;
	uint16_t sum;

	if (!(vh->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || at + 2 > len || vh->csum_start >= len)
		return;
	/* The field holds the pseudo header's sum, so that it counts in. */
	sum = (uint16_t)~rte_raw_cksum(frame + vh->csum_start, len - vh->csum_start);
	if (sum == 0) /* to UDP, 0 says that there is none */
		sum = 0xffff;
	memcpy(frame + at, &sum, sizeof(sum));
}

/* The kernel takes the outer tag off and reports it aside; the switch wants it on the frame. */
static struct rte_mbuf *with_tag(struct rte_mbuf *m, const struct tpacket2_hdr *h)
{
	uint16_t tpid = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->tp_vlan_tpid : ETH_P_8021Q;
	uint8_t *p;

	if (!(h->tp_status & TP_STATUS_VLAN_VALID) || m->data_len < ADDRESSES_LEN)
		return m;
	p = (uint8_t *)rte_pktmbuf_prepend(m, TAG_BYTES);
	if (!p)
		return m;
	memmove(p, p + TAG_BYTES, ADDRESSES_LEN);
	p[12] = (uint8_t)(tpid >> 8);
	p[13] = (uint8_t)tpid;
	p[14] = (uint8_t)(h->tp_vlan_tci >> 8);
	p[15] = (uint8_t)h->tp_vlan_tci;
	return m;
}

/* return: whether the burst grew by it. */
static bool take_slot(struct dp_port *port, const struct tpacket2_hdr *h, struct rte_mbuf **ret)
{
	struct packet *p = port->kind;
	uint8_t *frame = (uint8_t *)(uintptr_t)h + h->tp_mac;
	const struct virtio_net_hdr *vh = (const void *)(frame - sizeof(*vh));

	*ret = NULL;
	/* Frames that only a NIC could cut, or that did not fit the slot: counted and dropped. */
	if (vh->gso_type != VIRTIO_NET_HDR_GSO_NONE || h->tp_snaplen < h->tp_len)
		return true;
	finish_checksum(vh, frame, h->tp_snaplen);
	*ret = dp_frame_from_bytes(dp_port_pool(port), frame, h->tp_snaplen);
	if (!*ret) {
		atomic_fetch_add_explicit(&p->n_no_memory, 1, memory_order_relaxed);
		return false;
	}
	*ret = with_tag(*ret, h);
	return true;
}

static uint16_t packet_rx(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	struct packet *p = port->kind;
	uint16_t got = 0;

	while (got < DP_BURST) {
		struct tpacket2_hdr *h = (void *)(p->ring + (size_t)p->next * SLOT_BYTES);

		if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		got = (uint16_t)(got + take_slot(port, h, &burst->mbufs[got]));
		__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		p->next = (p->next + 1) % N_SLOTS;
	}
	dp_burst_from_mbufs(burst, got);
	return got;
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
	static const struct virtio_net_hdr none;
	uint8_t heads[DP_BURST][DP_HEAD_MAX + 4];
	struct iovec iov[DP_BURST][DP_MAX_PIECES + 1];
	struct mmsghdr msgs[DP_BURST];
	struct packet *p = port->kind;

	memset(msgs, 0, sizeof(msgs[0]) * n);
	for (uint16_t i = 0; i < n; i++) {
		iov[i][0].iov_base = (void *)(uintptr_t)&none;
		iov[i][0].iov_len = sizeof(none);
		msgs[i].msg_hdr.msg_iov = iov[i];
		msgs[i].msg_hdr.msg_iovlen =
			1 + dp_item_iov(&items[i], heads[i], &iov[i][1], DP_MAX_PIECES);
	}
	return send_all(p->fd, msgs, items, n);
}

const struct dp_port_ops dp_port_packet_ops = {
	.open = packet_open,
	.close = packet_close,
	.event = packet_event,
	.missed = packet_missed,
	.rx_fd = packet_rx_fd,
	.rx = packet_rx,
	.rx_done = dp_port_free_burst,
	.tx = packet_tx,
};
