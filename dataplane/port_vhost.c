/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Port kind vhost-user: the rings of a guest behind the port's struct of functions. Runs in
 * workers, but for open, close and event.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <rte_common.h>

#include "dp_private.h"
#include "rarp.h"
#include "sigbus.h"
#include "vhost/vhost.h"

static int vhost_open(struct dp_port *port, struct sh_err *err)
{
	struct vhost *v = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*v), 64));
	int r;

	if (!v)
		return sh_err_set(err, -ENOMEM, "no memory for a port");
	memset(v, 0, sizeof(*v));
	v->port = port;
	v->is_client = port->conf.kind == DP_PORT_VHOST_CLIENT;
	v->watch = v->listen_fd = v->fd = -1;
	for (unsigned i = 0; i < VHOST_N_RINGS; i++) {
		v->rings[i].kick_fd = v->rings[i].vq.call_fd = -1;
		rte_spinlock_init(&v->rings[i].vq.lock);
	}
	port->kind = v;
	vhost_reset(v);
	r = vhost_open_socket(v, err);
	if (r < 0) {
		port->kind = NULL;
		free(v);
	}
	return r;
}

static void vhost_close(struct dp_port *port)
{
	struct vhost *v = port->kind;

	vhost_close_socket(v);
	free(v);
}

static void vhost_event(struct dp_port *port)
{
	vhost_serve(port->kind);
}

static int vhost_rx_fd(const struct dp_port *port, unsigned queue)
{
	return ((const struct vhost *)port->kind)->rings[VHOST_FROM_GUEST(queue)].kick_fd;
}

static inline bool is_active(const struct vq *vq)
{
	return atomic_load_explicit(&vq->active, memory_order_acquire);
}

/* What follows is rare: a ring that its driver broke ends the connection. */
static void check_broken(struct vhost *v, struct vq *vq)
{
	if (likely(!atomic_load_explicit(&vq->broken, memory_order_relaxed)))
		return;
	if (!atomic_exchange(&v->broken, true))
		dp_port_notify(v->port);
}

/* The guest's address is here now, says its monitor after a migration. */
static void make_rarp(struct dp_burst *b, uint64_t key)
{
	uint64_t mac = key >> 16;
	uint32_t n = dp_rarp_build(b->heads[0], (const uint8_t *)&mac, false, 0);

	b->frames[0] = (struct dp_frame){ .head = b->heads[0], .n_head = n, .len = n };
	b->n = 1;
	b->n_buffers = 0;
}

static uint16_t vhost_rx(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	struct vhost *v = port->kind;
	struct vq *vq = &v->rings[VHOST_FROM_GUEST(queue)].vq;

	if (unlikely(!is_active(vq)))
		return 0;
	if (unlikely(queue == 0 && atomic_load_explicit(&v->rarp, memory_order_relaxed))) {
		make_rarp(burst, atomic_exchange(&v->rarp, 0));
		return 1;
	}
	dp_sigbus_guests[0] = v;
	if (vq_receive(vq, burst) == 0) {
		dp_sigbus_guests[0] = NULL;
		check_broken(v, vq);
	}
	return burst->n;
}

/* The ring may have been stopped meanwhile, but it is there until this worker's round ends. */
static void vhost_rx_done(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	struct vhost *v = port->kind;

	vq_receive_done(&v->rings[VHOST_FROM_GUEST(queue)].vq, burst);
	dp_sigbus_guests[0] = NULL;
}

static uint16_t vhost_tx(struct dp_port *port, unsigned queue, struct dp_item *items, uint16_t n)
{
	struct vhost *v = port->kind;
	struct vq *vq = &v->rings[VHOST_TO_GUEST(queue)].vq;
	bool shared = port->dp->shares_queues;
	uint16_t sent;

	if (unlikely(!is_active(vq))) {
		for (uint16_t i = 0; i < n; i++)
			items[i].drop = DP_DROP_LINK_DOWN;
		return 0;
	}
	dp_sigbus_guests[1] = v;
	if (shared)
		rte_spinlock_lock(&vq->lock);
	sent = vq_send(vq, items, n);
	if (shared)
		rte_spinlock_unlock(&vq->lock);
	if (unlikely(sent < n))
		check_broken(v, vq);
	dp_sigbus_guests[1] = NULL;
	return sent;
}

static void vhost_rx_arm(struct dp_port *port, unsigned queue, bool on)
{
	struct vhost *v = port->kind;
	struct vq *vq = &v->rings[VHOST_FROM_GUEST(queue)].vq;

	if (!is_active(vq))
		return;
	dp_sigbus_guests[0] = v;
	vq_want_kicks(vq, on);
	dp_sigbus_guests[0] = NULL;
}

const struct dp_port_ops dp_port_vhost_ops = {
	.open = vhost_open,
	.close = vhost_close,
	.event = vhost_event,
	.rx_fd = vhost_rx_fd,
	.rx = vhost_rx,
	.rx_done = vhost_rx_done,
	.tx = vhost_tx,
	.rx_arm = vhost_rx_arm,
};
