/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-net as a vhost-user front end. The guest's rings go to the back end as they are; where one
 * has come to is in the guest's memory, so a back end that was restarted goes on there and no frame
 * that the guest has offered is lost. While none is there the guest's link stays up for LINK_MS,
 * so that a restart is a pause to it and nothing else. All in the loop of the slow devices or in
 * vCPUs' threads, under the device's lock.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>

#include "base/paths.h"
#include "vhost_user.h"
#include "virtio_net.h"

/* Newer than the headers of Debian 12: virtio 1.3, 5.1.3. */
#ifndef VIRTIO_NET_F_HOST_USO
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO   56
#endif

#define QUEUE_SIZE 256
#define MAX_PAIRS  8
#define LINK_MS    2000

/* What the back end must know how to do, and what is done here. */
#define BACK_END_FEATURES                                                                          \
	(VMM_BIT(VIRTIO_NET_F_CSUM) | VMM_BIT(VIRTIO_NET_F_GUEST_CSUM) |                           \
		VMM_BIT(VIRTIO_NET_F_GUEST_TSO4) | VMM_BIT(VIRTIO_NET_F_GUEST_TSO6) |              \
		VMM_BIT(VIRTIO_NET_F_GUEST_ECN) | VMM_BIT(VIRTIO_NET_F_HOST_TSO4) |                \
		VMM_BIT(VIRTIO_NET_F_HOST_TSO6) | VMM_BIT(VIRTIO_NET_F_HOST_ECN) |                 \
		VMM_BIT(VIRTIO_NET_F_HOST_USO) | VMM_BIT(VIRTIO_NET_F_GUEST_USO4) |                \
		VMM_BIT(VIRTIO_NET_F_GUEST_USO6) | VMM_BIT(VIRTIO_NET_F_MRG_RXBUF))
#define RING_FEATURES (VMM_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VMM_BIT(VIRTIO_RING_F_EVENT_IDX))
#define OWN_FEATURES                                                                               \
	(VMM_BIT(VIRTIO_NET_F_MAC) | VMM_BIT(VIRTIO_NET_F_STATUS) |                                \
		VMM_BIT(VIRTIO_NET_F_CTRL_VQ) | VMM_BIT(VIRTIO_NET_F_CTRL_RX) |                    \
		VMM_BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) | VMM_BIT(VIRTIO_NET_F_GUEST_ANNOUNCE))

struct vmm_net {
	struct vmm_virtio virtio;
	struct virtio_net_config config;
	struct vmm_vhost vhost;
	struct vmm_source link_timer;
	int ready_fd;
	uint8_t mac[6]; /* as configured */
	uint16_t mtu;
	unsigned n_pairs;    /* that the guest may use */
	unsigned n_active;   /* of them, that it does use */
	bool is_started;     /* the driver is ready and the machine runs */
	bool has_been_ready; /* the back end; what is offered is fixed since */
	bool shall_announce;
};

/* Which queue is what (virtio 1.2, 5.1.2): the control queue comes behind the pairs that can be. */

static unsigned control_queue(const struct vmm_net *n)
{
	return vmm_virtio_has(&n->virtio, VIRTIO_NET_F_MQ) ? 2 * n->n_pairs : 2;
}

static bool is_data(const struct vmm_net *n, unsigned queue)
{
	return queue < control_queue(n);
}

static bool is_active(const struct vmm_net *n, unsigned queue)
{
	return queue / 2 < n->n_active;
}

/* The back end */

/* return: whether it went well; otherwise the back end is hung up on. */
static bool went_well(struct vmm_net *n, const char *what, int code)
{
	if (code == 0)
		return true;
	if (code != -ECONNRESET && code != -EPIPE)
		sh_log_warn("device '%s': %s refused by '%s': %s", n->virtio.name, what,
			n->vhost.path, strerror(-code));
	vmm_vhost_hang_up(&n->vhost, code != -ECONNRESET && code != -EPIPE);
	return false;
}

static bool can_tell(const struct vmm_net *n)
{
	return n->is_started && n->vhost.is_ready && vmm_mem_is_whole(n->virtio.mem);
}

/* The used index is the guest's to spoil, and so is what follows from it. */
static void start_ring(struct vmm_net *n, unsigned i)
{
	const struct vmm_vqueue *q = &n->virtio.queues[i];
	const struct vmm_vhost_ring ring = {
		.size = q->ring.size,
		.base = __atomic_load_n(&q->ring.used->idx, __ATOMIC_ACQUIRE),
		.desc_gpa = q->ring.desc_gpa,
		.avail_gpa = q->ring.avail_gpa,
		.used_gpa = q->ring.used_gpa,
		.kick_fd = q->kick_fd,
		.call_fd = q->call_fd,
	};
	int r = vmm_vhost_ring_start(&n->vhost, i, &ring);

	if (r == 0)
		r = vmm_vhost_ring_enable(&n->vhost, i, is_active(n, i));
	if (!went_well(n, "a ring is", r))
		return;
	/* A kick and an interrupt that the last back end took with it. */
	(void)eventfd_write(q->kick_fd, 1);
	if (q->call_fd >= 0)
		(void)eventfd_write(q->call_fd, 1);
}

static void announce(struct vmm_net *n)
{
	n->shall_announce = false;
	(void)went_well(n, "an announcement is", vmm_vhost_announce(&n->vhost, n->config.mac));
	if (!vmm_virtio_has(&n->virtio, VIRTIO_NET_F_GUEST_ANNOUNCE))
		return;
	n->config.status |= VIRTIO_NET_S_ANNOUNCE;
	vmm_virtio_config_changed(&n->virtio);
}

/* return: whether the back end is there and knows of features and memory. */
static bool tell_features(struct vmm_net *n)
{
	uint64_t wanted = n->virtio.accepted & (BACK_END_FEATURES | RING_FEATURES);
	bool mtu = vmm_virtio_has(&n->virtio, VIRTIO_NET_F_MTU);

	if (!can_tell(n))
		return false;
	if (wanted & ~n->vhost.features) {
		sh_log_err("device '%s': '%s' offers less than the guest uses (features %#llx): "
			   "start the switch that it began with, or restart the machine",
			n->virtio.name, n->vhost.path,
			(unsigned long long)(wanted & ~n->vhost.features));
		vmm_vhost_hang_up(&n->vhost, true);
		return false;
	}
	return went_well(n, "features or memory are",
		vmm_vhost_start(&n->vhost, n->virtio.accepted, mtu ? n->mtu : 0));
}

static void set_link(struct vmm_net *n, bool up)
{
	uint16_t status = (uint16_t)(n->config.status & ~VIRTIO_NET_S_LINK_UP);

	if (up)
		status |= VIRTIO_NET_S_LINK_UP;
	if (status == n->config.status)
		return;
	n->config.status = status;
	if (n->has_been_ready)
		sh_log_notice("device '%s': link %s", n->virtio.name, up ? "up" : "down");
	vmm_virtio_config_changed(&n->virtio);
}

static void set_link_timer(const struct vmm_net *n, unsigned ms)
{
	const struct itimerspec spec = { .it_value = { ms / 1000, ms % 1000 * 1000000L } };

	(void)timerfd_settime(n->link_timer.fd, 0, &spec, NULL);
}

static void on_link_timer(void *ctx)
{
	struct vmm_net *n = ctx;
	uint64_t expirations;

	pthread_mutex_lock(&n->virtio.lock);
	if (read(n->link_timer.fd, &expirations, sizeof(expirations)) > 0 && !n->vhost.is_ready)
		set_link(n, false);
	pthread_mutex_unlock(&n->virtio.lock);
}

/* What the guest is offered follows from the first back end; a later one must do as much. */
static void fix_offers(struct vmm_net *n)
{
	const struct vmm_vhost *v = &n->vhost;

	if (n->n_pairs > v->n_pairs || !(v->features & VMM_BIT(VIRTIO_NET_F_MQ)))
		n->n_pairs = v->features & VMM_BIT(VIRTIO_NET_F_MQ) ? v->n_pairs : 1;
	n->virtio.features = OWN_FEATURES | (v->features & BACK_END_FEATURES);
	n->virtio.withheld = RING_FEATURES & ~v->features;
	if (n->n_pairs > 1)
		n->virtio.features |= VMM_BIT(VIRTIO_NET_F_MQ);
	if (n->mtu)
		n->virtio.features |= VMM_BIT(VIRTIO_NET_F_MTU);
	n->config.max_virtqueue_pairs = (uint16_t)n->n_pairs;
}

static void tell_all(struct vmm_net *n)
{
	if (!tell_features(n))
		return;
	for (unsigned i = 0; i < control_queue(n); i++)
		if (n->virtio.queues[i].running && can_tell(n))
			start_ring(n, i);
	/* It knows no address yet, and the guest may be silent for long. */
	if (can_tell(n) && n->shall_announce)
		announce(n);
	else if (can_tell(n))
		(void)went_well(
			n, "an announcement is", vmm_vhost_announce(&n->vhost, n->config.mac));
}

static void on_ready(void *ctx)
{
	struct vmm_net *n = ctx;
	bool first = !n->has_been_ready;

	if (first)
		fix_offers(n);
	tell_all(n);
	if (!n->vhost.is_ready)
		return;
	set_link_timer(n, 0);
	set_link(n, true);
	n->has_been_ready = true;
	if (first)
		(void)eventfd_write(n->ready_fd, 1);
}

static void on_lost(void *ctx)
{
	struct vmm_net *n = ctx;

	sh_log_notice("device '%s': '%s' has gone", n->virtio.name, n->vhost.path);
	set_link_timer(n, LINK_MS);
}

static const struct vmm_vhost_ops vhost_ops = { .ready = on_ready, .lost = on_lost };

/* The driver */

static void start(void *ctx)
{
	struct vmm_net *n = ctx;

	n->is_started = true;
	(void)tell_features(n);
	if (n->shall_announce && can_tell(n))
		announce(n);
}

static void stop(void *ctx)
{
	((struct vmm_net *)ctx)->is_started = false;
}

static void reset(void *ctx)
{
	struct vmm_net *n = ctx;

	n->n_active = 1;
	n->config.status = (uint16_t)(n->config.status & ~VIRTIO_NET_S_ANNOUNCE);
	memcpy(n->config.mac, n->mac, sizeof(n->mac));
}

static bool queue_start(void *ctx, unsigned queue)
{
	struct vmm_net *n = ctx;

	if (is_data(n, queue) && can_tell(n))
		start_ring(n, queue);
	return queue == control_queue(n);
}

static void queue_stop(void *ctx, unsigned queue)
{
	struct vmm_net *n = ctx;

	if (is_data(n, queue) && can_tell(n))
		(void)went_well(n, "the end of a ring is", vmm_vhost_ring_stop(&n->vhost, queue));
}

static void queue_called(void *ctx, unsigned queue)
{
	struct vmm_net *n = ctx;

	if (is_data(n, queue) && can_tell(n))
		(void)went_well(n, "an interrupt is",
			vmm_vhost_ring_call(&n->vhost, queue, n->virtio.queues[queue].call_fd));
}

/* The control queue (virtio 1.2, 5.1.6.5). Each command is given its data; 0 or an error. */

static int set_pairs(struct vmm_net *n, const uint8_t *data, size_t n_data)
{
	uint16_t pairs;

	if (n_data < sizeof(pairs) || !vmm_virtio_has(&n->virtio, VIRTIO_NET_F_MQ))
		return -EINVAL;
	memcpy(&pairs, data, sizeof(pairs));
	if (pairs < VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MIN || pairs > n->n_pairs)
		return -EINVAL;
	n->n_active = pairs;
	for (unsigned i = 0; i < control_queue(n); i++)
		if (n->virtio.queues[i].running && can_tell(n))
			(void)went_well(n, "a queue pair is",
				vmm_vhost_ring_enable(&n->vhost, i, is_active(n, i)));
	return 0;
}

static int set_mac(struct vmm_net *n, const uint8_t *data, size_t n_data)
{
	if (n_data < sizeof(n->config.mac))
		return -EINVAL;
	memcpy(n->config.mac, data, sizeof(n->config.mac));
	return 0;
}

static int announced(struct vmm_net *n)
{
	n->config.status = (uint16_t)(n->config.status & ~VIRTIO_NET_S_ANNOUNCE);
	return 0;
}

static int command(struct vmm_net *n, const struct virtio_net_ctrl_hdr *header, const uint8_t *data,
	size_t n_data)
{
	switch (header->class << 8 | header->cmd) {
	case VIRTIO_NET_CTRL_RX << 8 | VIRTIO_NET_CTRL_RX_PROMISC:
	case VIRTIO_NET_CTRL_RX << 8 | VIRTIO_NET_CTRL_RX_ALLMULTI:
	case VIRTIO_NET_CTRL_MAC << 8 | VIRTIO_NET_CTRL_MAC_TABLE_SET:
		return 0; /* what a port receives is its policy's, in the switch */
	case VIRTIO_NET_CTRL_MAC << 8 | VIRTIO_NET_CTRL_MAC_ADDR_SET:
		return set_mac(n, data, n_data);
	case VIRTIO_NET_CTRL_ANNOUNCE << 8 | VIRTIO_NET_CTRL_ANNOUNCE_ACK:
		return announced(n);
	case VIRTIO_NET_CTRL_MQ << 8 | VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET:
		return set_pairs(n, data, n_data);
	default:
		return -EOPNOTSUPP;
	}
}

static uint32_t one_command(void *ctx, const struct vmm_chain *c)
{
	uint8_t bytes[sizeof(struct virtio_net_ctrl_hdr) + 6], ack = VIRTIO_NET_ERR;
	size_t n_bytes = vmm_iov_read(c->iov, c->n_out, 0, bytes, sizeof(bytes));
	struct virtio_net_ctrl_hdr header;

	if (n_bytes >= sizeof(header)) {
		memcpy(&header, bytes, sizeof(header));
		if (command(ctx, &header, bytes + sizeof(header), n_bytes - sizeof(header)) == 0)
			ack = VIRTIO_NET_OK;
	}
	return (uint32_t)vmm_iov_write(c->iov + c->n_out, c->n_in, 0, &ack, sizeof(ack));
}

static void queue_serve(void *ctx, unsigned queue)
{
	struct vmm_net *n = ctx;

	vmm_virtio_serve(&n->virtio.queues[queue], one_command, n);
}

static int state(void *ctx, uint8_t own[VMM_VIRTIO_OWN_BYTES], bool restore)
{
	struct vmm_net *n = ctx;
	struct {
		uint8_t mac[6];
		uint16_t n_active, n_pairs;
	} s = { .n_active = (uint16_t)n->n_active, .n_pairs = (uint16_t)n->n_pairs };

	if (!restore) {
		memcpy(s.mac, n->config.mac, sizeof(s.mac));
		memcpy(own, &s, sizeof(s));
		return 0;
	}
	memcpy(&s, own, sizeof(s));
	if (s.n_pairs != n->n_pairs || s.n_active == 0 || s.n_active > n->n_pairs)
		return -EINVAL;
	n->n_active = s.n_active;
	memcpy(n->config.mac, s.mac, sizeof(s.mac));
	return 0;
}

static void free_net(void *ctx)
{
	struct vmm_net *n = ctx;

	vmm_vhost_close(&n->vhost);
	if (n->link_timer.fd >= 0)
		close(n->link_timer.fd);
	if (n->ready_fd >= 0)
		close(n->ready_fd);
	free(n);
}

static const struct vmm_virtio_ops ops = {
	.free = free_net,
	.start = start,
	.stop = stop,
	.reset = reset,
	.queue_start = queue_start,
	.queue_stop = queue_stop,
	.queue_called = queue_called,
	.queue_serve = queue_serve,
	.state = state,
};

/* Making one */

static int check(
	const struct vmm_virtio_set *set, const struct vmm_net_conf *conf, struct sh_err *err)
{
	char path[108];

	if (set->mem->fd < 0)
		return sh_err_set(err, -EINVAL,
			"device '%s': a switch cannot reach memory that is mergeable: leave "
			"mergeable out, or take a VF",
			conf->name);
	if (conf->n_pairs < 1 || conf->n_pairs > MAX_PAIRS)
		return sh_err_set(
			err, -EINVAL, "device '%s': queues: 1 to %d", conf->name, MAX_PAIRS);
	return sh_socket_path("", conf->socket, path, sizeof(path), err);
}

static int open_fds(struct vmm_net *n, struct sh_err *err)
{
	int r = 0;

	n->ready_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	n->link_timer =
		(struct vmm_source){ timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
			on_link_timer, n };
	if (n->ready_fd < 0 || n->link_timer.fd < 0)
		r = -errno;
	return r < 0 ? sh_err_set(err, r, "device '%s': %s: raise the limit of open files",
			       n->virtio.name, strerror(-r))
		     : 0;
}

static int connect_device(struct vmm_net *n, struct sh_err *err)
{
	int r = vmm_loop_add(n->virtio.loop, &n->link_timer, EPOLLIN);

	n->vhost.loop = n->virtio.loop;
	if (r == 0)
		r = vmm_vhost_open(&n->vhost);
	return r < 0 ? sh_err_set(err, r, "device '%s': %s: raise the limit of open files",
			       n->virtio.name, strerror(-r))
		     : 0;
}

static void describe(struct vmm_net *n, struct vmm_virtio_set *set, const struct vmm_net_conf *conf)
{
	memcpy(n->mac, conf->mac, sizeof(n->mac));
	memcpy(n->config.mac, conf->mac, sizeof(n->mac));
	n->mtu = n->config.mtu = conf->mtu;
	n->n_pairs = conf->n_pairs;
	n->n_active = 1;
	n->ready_fd = n->link_timer.fd = -1;
	n->virtio = (struct vmm_virtio){
		.name = conf->name,
		.ops = &ops,
		.ctx = n,
		.type = VIRTIO_ID_NET,
		.class_code = 0x020000,
		.n_queues = 2 * conf->n_pairs + 1,
		.queue_size = QUEUE_SIZE,
		.config = &n->config,
		.config_bytes = offsetof(struct virtio_net_config, speed),
	};
	n->vhost = (struct vmm_vhost){
		.name = conf->name,
		.path = conf->socket,
		.ops = &vhost_ops,
		.ctx = n,
		.mem = set->mem,
		.lock = &n->virtio.lock,
		.socket.fd = -1,
		.inotify.fd = -1,
		.timer.fd = -1,
		.folder_fd = -1,
	};
}

int vmm_net_new(struct vmm_virtio_set *set, const struct vmm_net_conf *conf, struct vmm_net **ret,
	struct sh_err *err)
{
	struct vmm_net *n;
	int r = check(set, conf, err);

	if (r < 0)
		return r;
	n = calloc(1, sizeof(*n));
	if (!n)
		return sh_err_set(err, -ENOMEM, "out of memory");
	describe(n, set, conf);
	r = open_fds(n, err);
	if (r < 0) {
		free_net(n);
		return r;
	}
	r = vmm_virtio_add(set, &n->virtio, err);
	if (r == 0)
		r = connect_device(n, err);
	if (r == 0)
		*ret = n;
	return r;
}

int vmm_net_ready_fd(const struct vmm_net *net)
{
	return net->ready_fd;
}

bool vmm_net_has_been_ready(const struct vmm_net *net)
{
	struct pollfd p = { .fd = net->ready_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

bool vmm_net_link_is_up(struct vmm_net *net)
{
	bool up;

	pthread_mutex_lock(&net->virtio.lock);
	up = net->config.status & VIRTIO_NET_S_LINK_UP;
	pthread_mutex_unlock(&net->virtio.lock);
	return up;
}

void vmm_net_announce(struct vmm_net *net)
{
	pthread_mutex_lock(&net->virtio.lock);
	net->shall_announce = true;
	if (can_tell(net))
		announce(net);
	pthread_mutex_unlock(&net->virtio.lock);
}

void vmm_net_memory_is_whole(struct vmm_net *net)
{
	pthread_mutex_lock(&net->virtio.lock);
	tell_all(net);
	pthread_mutex_unlock(&net->virtio.lock);
}
