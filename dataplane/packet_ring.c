/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernel's receive ring of AF_PACKET: frames come with what the stack knows of them beside, the
 * outer tag and an unfinished checksum, and leave as they would on the wire.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <rte_ip.h>

#include "frame.h"
#include "packet_ring.h"

#define SLOT_BYTES    16384 /* holds a 9000-byte frame and its headers */
#define N_SLOTS       512
#define RING_BYTES    ((size_t)SLOT_BYTES * N_SLOTS)
#define TAG_BYTES     4
#define ADDRESSES_LEN 12

static int set_option(int fd, int option, const void *value, socklen_t len)
{
	return setsockopt(fd, SOL_PACKET, option, value, len) < 0 ? -errno : 0;
}

static int set_options(const struct packet_ring *ring, int ifindex, int filter)
{
	struct packet_mreq promisc = { .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC };
	struct tpacket_req req = { .tp_block_size = SLOT_BYTES * 4,
		.tp_block_nr = N_SLOTS / 4,
		.tp_frame_size = SLOT_BYTES,
		.tp_frame_nr = N_SLOTS };
	int version = TPACKET_V2, one = 1, r;

	r = set_option(ring->fd, PACKET_VERSION, &version, sizeof(version));
	/* Says which frames the stack left without a checksum. */
	if (r == 0)
		r = set_option(ring->fd, PACKET_VNET_HDR, &one, sizeof(one));
	if (r == 0)
		r = set_option(ring->fd, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (r == 0)
		r = set_option(ring->fd, PACKET_QDISC_BYPASS, &one, sizeof(one));
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
	ring->slots = NULL;
	ring->fd = -1;
	ring->next = 0;
}

uint64_t packet_ring_missed(struct packet_ring *ring)
{
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);

	/* The kernel forgets its count with each reading. */
	if (getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
		ring->missed += stats.tp_drops;
	return ring->missed + atomic_load(&ring->n_no_memory);
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
static bool take_slot(struct packet_ring *ring, struct rte_mempool *pool,
	const struct tpacket2_hdr *h, struct rte_mbuf **ret)
{
	uint8_t *frame = (uint8_t *)(uintptr_t)h + h->tp_mac;
	const struct virtio_net_hdr *vh = (const void *)(frame - sizeof(*vh));

	*ret = NULL;
	/* Frames that only a NIC could cut, or that did not fit the slot: counted and dropped. */
	if (vh->gso_type != VIRTIO_NET_HDR_GSO_NONE || h->tp_snaplen < h->tp_len)
		return true;
	finish_checksum(vh, frame, h->tp_snaplen);
	*ret = dp_frame_from_bytes(pool, frame, h->tp_snaplen);
	if (!*ret) {
		atomic_fetch_add_explicit(&ring->n_no_memory, 1, memory_order_relaxed);
		return false;
	}
	*ret = with_tag(*ret, h);
	return true;
}

uint16_t packet_ring_rx(struct packet_ring *ring, struct rte_mempool *pool, struct dp_burst *burst)
{
	uint16_t got = 0;

	while (got < DP_BURST) {
		struct tpacket2_hdr *h = (void *)(ring->slots + (size_t)ring->next * SLOT_BYTES);

		if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		got = (uint16_t)(got + take_slot(ring, pool, h, &burst->mbufs[got]));
		__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		ring->next = (ring->next + 1) % N_SLOTS;
	}
	dp_burst_from_mbufs(burst, got);
	return got;
}
