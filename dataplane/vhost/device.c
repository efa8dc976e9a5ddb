/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The device that a front end talks to: each vhost-user message, and what it makes of the rings.
 * Control thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>

#include "dp_private.h"
#include "offload.h"
#include "sigbus.h"
#include "vhost/vhost.h"

#define BIT(n) (UINT64_C(1) << (n))

#define F_PROTOCOL_FEATURES 30
#define F_IN_ORDER          35

#define MTU_MIN 68 /* virtio 1.2, 5.1.4.1 */
#define MTU_MAX 65535

#define P_MQ                  0
#define P_LOG_SHMFD           1
#define P_RARP                2
#define P_REPLY_ACK           3
#define P_NET_MTU             4
#define P_CONFIGURE_MEM_SLOTS 15

/* No in-flight file: buffers are used in order and none outlives a burst, so the used index says
 * all. No postcopy: a worker must not wait for a page. */
#define PROTOCOL_FEATURES                                                                          \
	(BIT(P_MQ) | BIT(P_LOG_SHMFD) | BIT(P_RARP) | BIT(P_REPLY_ACK) | BIT(P_NET_MTU) |          \
		BIT(P_CONFIGURE_MEM_SLOTS))

uint64_t vhost_offered_features(unsigned n_queues)
{
	/* What concerns the control queue is the front end's, which asks whether we mind. */
	uint64_t f = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ANY_LAYOUT) |
		     BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_CTRL_VQ) |
		     BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) |
		     BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) |
		     BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_HOST_ECN) |
		     BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4) |
		     BIT(VIRTIO_NET_F_GUEST_TSO6) | BIT(VIRTIO_NET_F_GUEST_ECN) |
		     BIT(VIRTIO_NET_F_HOST_USO) | BIT(VIRTIO_NET_F_GUEST_USO4) |
		     BIT(VIRTIO_NET_F_GUEST_USO6) | BIT(VIRTIO_RING_F_INDIRECT_DESC) |
		     BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(VIRTIO_F_RING_PACKED) | BIT(F_IN_ORDER) |
		     BIT(F_PROTOCOL_FEATURES) | BIT(VHOST_F_LOG_ALL);

	return n_queues > 1 ? f | BIT(VIRTIO_NET_F_MQ) : f;
}

static bool has(const struct vhost *v, unsigned feature)
{
	return v->features & BIT(feature);
}

/* Rings */

static void stop_rings(struct vhost *v)
{
	bool any = false;

	for (unsigned i = 0; i < VHOST_N_RINGS; i++)
		any |= atomic_exchange(&v->rings[i].vq.active, false);
	if (any)
		dp_wait_for_workers(v->port->dp);
}

static bool is_aligned(const void *at, unsigned to)
{
	return at && (uintptr_t)at % to == 0;
}

/* virtio 1.2, 2.7 and 2.8: sizes and alignments of the three parts. */
static bool find_ring(const struct vhost *v, struct vhost_ring *ring)
{
	const struct vhost_addr_msg *a = &ring->addr;
	uint64_t n = ring->size;
	struct vq *vq = &ring->vq;

	vq->desc = vhost_mem_ring(&v->mem, a->desc, 16 * n);
	if (vq->packed) {
		vq->driver_event = vhost_mem_ring(&v->mem, a->avail, 4);
		vq->device_event = vhost_mem_ring(&v->mem, a->used, 4);
	} else {
		vq->avail = vhost_mem_ring(&v->mem, a->avail, 6 + 2 * n);
		vq->used = vhost_mem_ring(&v->mem, a->used, 6 + 8 * n);
	}
	return is_aligned(vq->desc, 16) && is_aligned(vq->used, 4) &&
	       is_aligned(vq->avail, vq->packed ? 4 : 2);
}

static bool prepare_ring(struct vhost *v, struct vhost_ring *ring)
{
	struct vq *vq = &ring->vq;
	bool modern = has(v, VIRTIO_F_VERSION_1);

	if (!ring->enabled || !ring->has_addr || !ring->has_kick || ring->size == 0)
		return false;
	vq->packed = has(v, VIRTIO_F_RING_PACKED);
	if (!vq->packed && (ring->size & (ring->size - 1)))
		return false;
	vq->size = (uint16_t)ring->size;
	vq->mask = (uint16_t)(ring->size - 1);
	vq->event_idx = has(v, VIRTIO_RING_F_EVENT_IDX);
	vq->mergeable = has(v, VIRTIO_NET_F_MRG_RXBUF);
	/* virtio 1.2, 5.1.6.1 */
	vq->header_len = modern || vq->mergeable ? 12 : 10;
	vq->has_offloads = has(v, VIRTIO_NET_F_CSUM);
	vq->mem = &v->mem;
	vq->log = has(v, VHOST_F_LOG_ALL) && v->log.bits ? &v->log : NULL;
	/* The constant is a bit's number. A packed ring has no used ring: what is written of it is
	 * found in the memory table. */
	vq->logs_ring = ring->addr.flags & (1u << VHOST_VRING_F_LOG);
	vq->log_used_gpa = ring->addr.log;
	return find_ring(v, ring);
}

static void start_ring(struct vhost *v, unsigned i)
{
	struct vhost_ring *ring = &v->rings[i];

	if (!prepare_ring(v, ring))
		return;
	if (i >= 2 * v->port->conf.n_queues) {
		if (!v->warned_queues)
			sh_log_warn("port '%s': the guest uses queue pair %u, the port has %u: "
				    "raise its queues",
				v->port->conf.name, i / 2 + 1, v->port->conf.n_queues);
		v->warned_queues = true;
		return;
	}
	if (ring->vq.packed)
		ring->vq.next_used = ring->vq.next_used % ring->vq.size;
	vq_start(&ring->vq);
	atomic_store_explicit(&ring->vq.active, true, memory_order_release);
}

/* What the guest takes undone. virtio 1.2, 5.1.3.1: each needs the one before it. */
static uint8_t taken_offloads(const struct vhost *v)
{
	unsigned takes = DP_OFFLOAD_CSUM;

	if (!has(v, VIRTIO_NET_F_GUEST_CSUM))
		return 0;
	if (has(v, VIRTIO_NET_F_GUEST_TSO4))
		takes |= DP_OFFLOAD_TSO4;
	if (has(v, VIRTIO_NET_F_GUEST_TSO6))
		takes |= DP_OFFLOAD_TSO6;
	if (has(v, VIRTIO_NET_F_GUEST_ECN))
		takes |= DP_OFFLOAD_ECN;
	if (has(v, VIRTIO_NET_F_GUEST_USO4))
		takes |= DP_OFFLOAD_USO4;
	if (has(v, VIRTIO_NET_F_GUEST_USO6))
		takes |= DP_OFFLOAD_USO6;
	return (uint8_t)takes;
}

static void start_rings(struct vhost *v)
{
	struct dp_port *port = v->port;

	atomic_store(&port->takes, taken_offloads(v));
	dp_sigbus_guests[0] = v;
	for (unsigned i = 0; i < VHOST_N_RINGS; i++)
		if (!atomic_load(&v->rings[i].vq.active))
			start_ring(v, i);
	dp_sigbus_guests[0] = NULL;
	for (unsigned q = 0; q < DP_MAX_QUEUES; q++) {
		atomic_store(
			&port->txq_ready[q], atomic_load(&v->rings[VHOST_TO_GUEST(q)].vq.active));
		atomic_store(
			&port->rxq_ready[q], atomic_load(&v->rings[VHOST_FROM_GUEST(q)].vq.active));
	}
	dp_port_notify(port);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void reset_ring(struct vhost_ring *ring)
{
	close_fd(&ring->kick_fd);
	close_fd(&ring->vq.call_fd);
	ring->enabled = ring->has_addr = ring->has_kick = false;
	ring->size = 0;
	ring->vq.next_used = ring->vq.next_avail = 0;
	ring->vq.used_wrap = ring->vq.avail_wrap = true;
}

static void unmap_log(struct vhost *v)
{
	if (v->log.bits)
		munmap(v->log.mapping, v->log.mapping_len);
	memset(&v->log, 0, sizeof(v->log));
}

void vhost_reset(struct vhost *v)
{
	stop_rings(v);
	for (unsigned i = 0; i < VHOST_N_RINGS; i++)
		reset_ring(&v->rings[i]);
	vhost_mem_clear(&v->mem);
	unmap_log(v);
	v->features = v->protocol_features = 0;
	v->warned_queues = false;
	atomic_store(&v->rarp, 0);
	start_rings(v);
}

/* Messages. Each function does one; a negative return hangs up. */

struct call {
	struct vhost *v;
	struct vhost_user_msg *msg;
	uint32_t reply_bytes; /* of msg->payload; 0: none */
};

static struct vhost_ring *ring_of(const struct call *c, uint64_t index)
{
	return index < VHOST_N_RINGS ? &c->v->rings[index] : NULL;
}

static int reply_u64(struct call *c, uint64_t value)
{
	c->msg->payload.u64 = value;
	c->reply_bytes = sizeof(value);
	return 0;
}

static int on_get_features(struct call *c)
{
	return reply_u64(c, vhost_offered_features(c->v->port->conf.n_queues));
}

static int on_set_features(struct call *c)
{
	struct vhost *v = c->v;

	if (c->msg->payload.u64 & ~vhost_offered_features(v->port->conf.n_queues))
		return -EINVAL;
	v->features = c->msg->payload.u64;
	/* Without protocol features there is no message to enable a ring. */
	if (!has(v, F_PROTOCOL_FEATURES))
		for (unsigned i = 0; i < VHOST_N_RINGS; i++)
			v->rings[i].enabled = true;
	return 0;
}

static int on_get_protocol_features(struct call *c)
{
	return reply_u64(c, PROTOCOL_FEATURES);
}

static int on_set_protocol_features(struct call *c)
{
	if (c->msg->payload.u64 & ~PROTOCOL_FEATURES)
		return -EINVAL;
	c->v->protocol_features = c->msg->payload.u64;
	return 0;
}

static int on_get_queue_num(struct call *c)
{
	return reply_u64(c, c->v->port->conf.n_queues);
}

static int on_nothing(struct call *c)
{
	return 0;
}

/* Not more: a front end that sends it keeps what it has set up (vhost-user, "RESET_OWNER"). */
static int on_reset_owner(struct call *c)
{
	for (unsigned i = 0; i < VHOST_N_RINGS; i++)
		c->v->rings[i].enabled = false;
	return 0;
}

static int on_set_mem_table(struct call *c)
{
	const struct vhost_mem_msg *m = &c->msg->payload.mem;

	if (c->msg->header.size < 8 || m->n > VHOST_MAX_REGIONS || m->n != c->msg->n_fds ||
		c->msg->header.size < 8 + m->n * sizeof(m->regions[0]))
		return -EINVAL;
	vhost_mem_clear(&c->v->mem);
	for (uint32_t i = 0; i < m->n; i++) {
		int r = vhost_mem_add(&c->v->mem, &m->regions[i], c->msg->fds[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int on_get_max_mem_slots(struct call *c)
{
	return reply_u64(c, VHOST_MAX_REGIONS);
}

static int on_add_mem_reg(struct call *c)
{
	if (c->msg->n_fds != 1)
		return -EINVAL;
	return vhost_mem_add(&c->v->mem, &c->msg->payload.region.region, c->msg->fds[0]);
}

static int on_rem_mem_reg(struct call *c)
{
	vhost_mem_del(&c->v->mem, &c->msg->payload.region.region);
	return 0;
}

static int on_set_log_base(struct call *c)
{
	const struct vhost_log_msg m = c->msg->payload.log;
	struct vhost_log *log = &c->v->log;
	uint64_t end;
	void *at;

	if (c->msg->n_fds != 1 || m.size == 0 || __builtin_add_overflow(m.size, m.offset, &end) ||
		end > INT64_MAX)
		return -EINVAL;
	at = mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_SHARED, c->msg->fds[0], 0);
	if (at == MAP_FAILED)
		return -errno;
	unmap_log(c->v);
	log->mapping = at;
	log->mapping_len = end;
	log->bits = (uint8_t *)at + m.offset;
	log->n_pages = m.size * 8;
	/* The front end waits for an answer, whatever its content. */
	return reply_u64(c, 0);
}

static int on_set_vring_num(struct call *c)
{
	struct vhost_ring *ring = ring_of(c, c->msg->payload.state.index);

	if (!ring || c->msg->payload.state.num == 0 || c->msg->payload.state.num > VQ_MAX_SIZE)
		return -EINVAL;
	ring->size = c->msg->payload.state.num;
	return 0;
}

static int on_set_vring_addr(struct call *c)
{
	struct vhost_ring *ring = ring_of(c, c->msg->payload.addr.index);

	if (!ring)
		return -EINVAL;
	ring->addr = c->msg->payload.addr;
	ring->has_addr = true;
	return 0;
}

/* A packed ring's index has its wrap counter in bit 15. Bits 16 to 31 are the used index's, which
 * some front ends leave out; a device that uses buffers in order needs one of them only. */
static int on_set_vring_base(struct call *c)
{
	struct vhost_ring *ring = ring_of(c, c->msg->payload.state.index);
	uint32_t base = c->msg->payload.state.num;

	if (!ring)
		return -EINVAL;
	if (has(c->v, VIRTIO_F_RING_PACKED)) {
		ring->vq.next_used = base & 0x7fff;
		ring->vq.used_wrap = base >> 15 & 1;
	} else {
		ring->vq.next_used = (uint16_t)base;
	}
	return 0;
}

static int on_get_vring_base(struct call *c)
{
	struct vhost_ring *ring = ring_of(c, c->msg->payload.state.index);
	const struct vq *vq;
	uint32_t base;

	if (!ring)
		return -EINVAL;
	vq = &ring->vq;
	base = vq->next_used;
	if (has(c->v, VIRTIO_F_RING_PACKED)) {
		base |= (uint32_t)vq->used_wrap << 15;
		base |= base << 16;
	}
	/* The ring is stopped until its next kick descriptor comes. */
	close_fd(&ring->kick_fd);
	ring->has_kick = false;
	c->msg->payload.state.num = base;
	c->reply_bytes = sizeof(c->msg->payload.state);
	return 0;
}

static int vring_fd(struct call *c, struct vhost_ring **ret_ring, int *ret_fd)
{
	uint64_t index = c->msg->payload.u64;
	unsigned n_fds = index & VHOST_VRING_NOFD ? 0 : 1;

	*ret_ring = ring_of(c, index & ~(uint64_t)VHOST_VRING_NOFD);
	if (!*ret_ring || c->msg->n_fds != n_fds)
		return -EINVAL;
	*ret_fd = vhost_msg_take_fd(c->msg);
	return 0;
}

static int on_set_vring_kick(struct call *c)
{
	struct vhost_ring *ring;
	int fd, r = vring_fd(c, &ring, &fd);

	if (r < 0)
		return r;
	close_fd(&ring->kick_fd);
	ring->kick_fd = fd;
	ring->has_kick = true;
	return 0;
}

static int on_set_vring_call(struct call *c)
{
	struct vhost_ring *ring;
	int fd, r = vring_fd(c, &ring, &fd);

	if (r < 0)
		return r;
	close_fd(&ring->vq.call_fd);
	ring->vq.call_fd = fd;
	return 0;
}

static int on_set_vring_err(struct call *c)
{
	struct vhost_ring *ring;
	int fd = -1, r = vring_fd(c, &ring, &fd);

	close_fd(&fd);
	return r;
}

static int on_set_vring_enable(struct call *c)
{
	struct vhost_ring *ring = ring_of(c, c->msg->payload.state.index);

	if (!ring)
		return -EINVAL;
	ring->enabled = c->msg->payload.state.num == 1;
	return 0;
}

static int on_send_rarp(struct call *c)
{
	uint64_t mac =
		c->msg->payload.u64; /* its first byte lowest, as the guest has it in memory */

	atomic_store(&c->v->rarp, mac << 16);
	dp_wake_workers(c->v->port->dp);
	return 0;
}

/* The MTU itself is the front end's to tell the guest; frames are held against the port's. */
static int on_net_set_mtu(struct call *c)
{
	uint64_t mtu = c->msg->payload.u64;

	return mtu < MTU_MIN || mtu > MTU_MAX ? -EINVAL : 0;
}

struct handler {
	int (*fn)(struct call *c);
	uint32_t size; /* bytes of payload that it reads at least */
	bool stops;    /* changes what workers read */
};

static const struct handler handlers[VHOST_USER_N_REQUESTS] = {
	[VHOST_USER_GET_FEATURES] = { on_get_features, 0, false },
	[VHOST_USER_SET_FEATURES] = { on_set_features, 8, true },
	[VHOST_USER_SET_OWNER] = { on_nothing, 0, false },
	[VHOST_USER_RESET_OWNER] = { on_reset_owner, 0, true },
	[VHOST_USER_SET_MEM_TABLE] = { on_set_mem_table, 8, true },
	[VHOST_USER_SET_LOG_BASE] = { on_set_log_base, sizeof(struct vhost_log_msg), true },
	[VHOST_USER_SET_LOG_FD] = { on_nothing, 0, false },
	[VHOST_USER_SET_VRING_NUM] = { on_set_vring_num, 8, true },
	[VHOST_USER_SET_VRING_ADDR] = { on_set_vring_addr, sizeof(struct vhost_addr_msg), true },
	[VHOST_USER_SET_VRING_BASE] = { on_set_vring_base, 8, true },
	[VHOST_USER_GET_VRING_BASE] = { on_get_vring_base, 8, true },
	[VHOST_USER_SET_VRING_KICK] = { on_set_vring_kick, 8, true },
	[VHOST_USER_SET_VRING_CALL] = { on_set_vring_call, 8, true },
	[VHOST_USER_SET_VRING_ERR] = { on_set_vring_err, 8, false },
	[VHOST_USER_GET_PROTOCOL_FEATURES] = { on_get_protocol_features, 0, false },
	[VHOST_USER_SET_PROTOCOL_FEATURES] = { on_set_protocol_features, 8, false },
	[VHOST_USER_GET_QUEUE_NUM] = { on_get_queue_num, 0, false },
	[VHOST_USER_SET_VRING_ENABLE] = { on_set_vring_enable, 8, true },
	[VHOST_USER_SEND_RARP] = { on_send_rarp, 8, false },
	[VHOST_USER_NET_SET_MTU] = { on_net_set_mtu, 8, false },
	[VHOST_USER_GET_MAX_MEM_SLOTS] = { on_get_max_mem_slots, 0, false },
	[VHOST_USER_ADD_MEM_REG] = { on_add_mem_reg, sizeof(struct vhost_one_region_msg), true },
	[VHOST_USER_REM_MEM_REG] = { on_rem_mem_reg, sizeof(struct vhost_one_region_msg), true },
};

static int handle(struct call *c)
{
	uint32_t request = c->msg->header.request;
	const struct handler *h = request < VHOST_USER_N_REQUESTS ? &handlers[request] : NULL;
	int r;

	if (!h || !h->fn || c->msg->header.size < h->size)
		return -EPROTO;
	if (h->stops)
		stop_rings(c->v);
	r = h->fn(c);
	if (h->stops && r == 0)
		start_rings(c->v);
	return r;
}

int vhost_handle(struct vhost *v, struct vhost_user_msg *msg)
{
	struct call c = { v, msg, 0 };
	int r = handle(&c), sent;

	/* virtio says nothing of it, vhost-user does: 0 for done. */
	if (!c.reply_bytes && (msg->header.flags & VHOST_NEED_REPLY) &&
		(v->protocol_features & BIT(P_REPLY_ACK)))
		(void)reply_u64(&c, r < 0);
	if (!c.reply_bytes)
		return r;
	sent = vhost_msg_reply(v->fd, msg, c.reply_bytes);
	return r < 0 ? r : sent;
}
