/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernel's receive ring of AF_PACKET: frames come with what the stack knows of them beside, the
 * outer tag and what is left to be done. They are read where they lie; one that is longer than a
 * slot, as TCP's are that the kernel has put together or has yet to cut, waits in the socket's
 * queue and is read from there.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "offload.h"
#include "packet_ring.h"

#define RING_BYTES     ((size_t)8 << 20)
#define SLOT_BYTES     4096u
#define SLOT_JUMBO     16384u /* holds a 9000-byte frame and its headers */
#define JUMBO_MTU      3500   /* from here on */
#define BLOCK_BYTES    (4 * SLOT_JUMBO)
#define SOCKET_BYTES   (8 << 20) /* of long frames that wait */
#define TAG_BYTES      4
#define ADDRESSES_LEN  12
#define MAX_LONG_BYTES (65536u + 14)
#define ROOM_BYTES     (4 * (MAX_LONG_BYTES + TAG_BYTES))
#define HEADER_BYTES   ((uint32_t)sizeof(struct virtio_net_hdr))

static int set_option(int fd, int option, const void *value, socklen_t len)
{
	return setsockopt(fd, SOL_PACKET, option, value, len) < 0 ? -errno : 0;
}

/* Long frames in both directions. What the kernel does not grant is a smaller buffer. */
static void set_buffers(int fd)
{
	int bytes = SOCKET_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static uint32_t slot_bytes_for(int fd, int ifindex)
{
	struct ifreq ifr = { 0 };

	if (!if_indextoname((unsigned)ifindex, ifr.ifr_name) || ioctl(fd, SIOCGIFMTU, &ifr) < 0)
		return SLOT_BYTES;
	return ifr.ifr_mtu < JUMBO_MTU ? SLOT_BYTES : SLOT_JUMBO;
}

static int set_options(const struct packet_ring *ring, int ifindex, int filter)
{
	struct packet_mreq promisc = { .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC };
	struct tpacket_req req = { .tp_block_size = BLOCK_BYTES,
		.tp_block_nr = RING_BYTES / BLOCK_BYTES,
		.tp_frame_size = ring->slot_bytes,
		.tp_frame_nr = ring->n_slots };
	int version = TPACKET_V2, one = 1, r;

	set_buffers(ring->fd);
	r = set_option(ring->fd, PACKET_VERSION, &version, sizeof(version));
	/* What the stack left to be done, and in the other direction what we leave to it. The
	 * kernel cuts for an interface that does not, but not behind PACKET_QDISC_BYPASS. */
	if (r == 0)
		r = set_option(ring->fd, PACKET_VNET_HDR, &one, sizeof(one));
	if (r == 0)
		r = set_option(ring->fd, PACKET_COPY_THRESH, &one, sizeof(one));
	if (r == 0)
		r = set_option(ring->fd, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (r == 0)
		r = set_option(ring->fd, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc));
	if (r == 0 && filter >= 0 &&
		setsockopt(ring->fd, SOL_SOCKET, SO_ATTACH_BPF, &filter, sizeof(filter)) < 0)
		r = -errno;
	if (r == 0)
		r = set_option(ring->fd, PACKET_RX_RING, &req, sizeof(req));
	return r;
}

int packet_ring_open(struct packet_ring *ring, int ifindex, int filter)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex
	};
	int r;

	/* Protocol 0: no frame of another interface may come before the bind. */
	ring->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ring->fd < 0)
		return -errno;
	ring->slot_bytes = slot_bytes_for(ring->fd, ifindex);
	ring->n_slots = (uint32_t)(RING_BYTES / ring->slot_bytes);
	ring->room = malloc(ROOM_BYTES);
	if (!ring->room)
		return -ENOMEM;
	r = set_options(ring, ifindex, filter);
	if (r < 0)
		return r;
	ring->slots = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (ring->slots == MAP_FAILED) {
		ring->slots = NULL;
		return -errno;
	}
	return bind(ring->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
}

void packet_ring_close(struct packet_ring *ring)
{
	if (ring->slots)
		munmap(ring->slots, RING_BYTES);
	if (ring->fd >= 0)
		close(ring->fd);
	free(ring->room);
	ring->slots = ring->room = NULL;
	ring->fd = -1;
	ring->next = ring->n_taken = 0;
}

uint64_t packet_ring_missed(struct packet_ring *ring)
{
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);

	/* The kernel forgets its count with each reading. */
	if (getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
		ring->missed += stats.tp_drops;
	return ring->missed;
}

/* The kernel takes the outer tag off and reports it aside; the switch wants it on the frame, where
 * there is room for it since the header is read. return: where the frame begins now */
static uint8_t *put_tag_back(
	uint8_t *frame, uint32_t *len, const struct tpacket2_hdr *h, struct virtio_net_hdr *header)
{
	uint16_t tpid = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->tp_vlan_tpid : ETH_P_8021Q;
	uint8_t *p = frame - TAG_BYTES;

	if (!(h->tp_status & TP_STATUS_VLAN_VALID) || *len < ADDRESSES_LEN)
		return frame;
	memmove(p, frame, ADDRESSES_LEN);
	p[12] = (uint8_t)(tpid >> 8);
	p[13] = (uint8_t)tpid;
	p[14] = (uint8_t)(h->tp_vlan_tci >> 8);
	p[15] = (uint8_t)h->tp_vlan_tci;
	*len += TAG_BYTES;
	header->csum_start = (uint16_t)(header->csum_start + TAG_BYTES);
	return p;
}

static void give_up(struct dp_frame *f, struct dp_burst *burst, unsigned i)
{
	*f = (struct dp_frame){ .head = burst->heads[i], .refused_plus1 = DP_DROP_RX_GSO + 1 };
}

/* A frame that did not fit its slot is the next one of the socket's queue, unless that was full. */
static uint8_t *take_long(struct packet_ring *ring, const struct tpacket2_hdr *h, uint32_t *len,
	struct virtio_net_hdr *header)
{
	uint8_t *at = ring->room + ring->room_used + TAG_BYTES;
	struct iovec iov[] = { { header, HEADER_BYTES }, { at, MAX_LONG_BYTES } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	if (!(h->tp_status & TP_STATUS_COPY))
		return NULL;
	n = recvmsg(ring->fd, &msg, MSG_DONTWAIT);
	if (n < (ssize_t)HEADER_BYTES || msg.msg_flags & MSG_TRUNC)
		return NULL;
	*len = (uint32_t)n - HEADER_BYTES;
	ring->room_used += RTE_ALIGN_CEIL(*len + TAG_BYTES, RTE_CACHE_LINE_SIZE);
	return at;
}

static void take_slot(
	struct packet_ring *ring, struct tpacket2_hdr *h, struct dp_burst *burst, unsigned i)
{
	struct dp_frame *f = &burst->frames[i];
	uint8_t *at = (uint8_t *)h + h->tp_mac;
	uint32_t len = h->tp_snaplen;
	struct virtio_net_hdr header;

	memcpy(&header, at - HEADER_BYTES, sizeof(header));
	if (unlikely(len < h->tp_len))
		at = take_long(ring, h, &len, &header);
	if (unlikely(!at)) {
		give_up(f, burst, i);
		return;
	}
	at = put_tag_back(at, &len, h, &header);
	dp_frame_from_memory(f, at, len);
	if (unlikely(header.gso_type && !(header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)))
		dp_offload_reopen(at, f->n_head, len, &header);
	dp_offload_take_if_any(f, &header);
}

static struct tpacket2_hdr *slot(const struct packet_ring *ring, unsigned i)
{
	return (void *)(ring->slots + (size_t)i * ring->slot_bytes);
}

uint16_t packet_ring_rx(struct packet_ring *ring, struct dp_burst *burst)
{
	uint16_t got = 0;

	ring->room_used = 0;
	while (got < DP_BURST && ring->room_used + MAX_LONG_BYTES + TAG_BYTES <= ROOM_BYTES) {
		unsigned next = (ring->next + got) % ring->n_slots;
		struct tpacket2_hdr *h = slot(ring, next);

		if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		__builtin_prefetch(slot(ring, (next + 1) % ring->n_slots));
		take_slot(ring, h, burst, got++);
	}
	ring->n_taken = got;
	burst->n = got;
	return got;
}

void packet_ring_rx_done(struct packet_ring *ring)
{
	for (; ring->n_taken; ring->n_taken--) {
		__atomic_store_n(
			&slot(ring, ring->next)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		ring->next = (ring->next + 1) % ring->n_slots;
	}
}
