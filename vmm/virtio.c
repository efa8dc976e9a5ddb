/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A virtio device's life. What the driver does comes from virtio_pci.c in vCPUs' threads, what
 * rings do from the device's loop; the device's lock is between them.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <linux/virtio_config.h>

#include "virtio.h"

#define TRANSPORT_FEATURES                                                                         \
	(VMM_BIT(VIRTIO_F_VERSION_1) | VMM_BIT(VIRTIO_RING_F_INDIRECT_DESC) |                      \
		VMM_BIT(VIRTIO_RING_F_EVENT_IDX) | VMM_BIT(VIRTIO_F_RING_RESET))

#define ISR_QUEUE  1
#define ISR_CONFIG 2

uint64_t vmm_virtio_features(const struct vmm_virtio *dev)
{
	return dev->features | (TRANSPORT_FEATURES & ~dev->withheld);
}

static void serve(struct vmm_vqueue *q)
{
	if (q->running && q->is_served && !q->ring.broken)
		q->dev->ops->queue_serve(q->dev->ctx, (unsigned)(q - q->dev->queues));
	if (q->ring.broken)
		vmm_virtio_break(q->dev, "a ring that makes no sense");
}

static void on_kick(void *ctx)
{
	struct vmm_vqueue *q = ctx;
	eventfd_t ignored;

	pthread_mutex_lock(&q->dev->lock);
	/* The kicks of a queue that others serve are theirs. */
	if (q->running && q->is_served && eventfd_read(q->kick_fd, &ignored) == 0)
		serve(q);
	pthread_mutex_unlock(&q->dev->lock);
}

static void clear_queue(struct vmm_vqueue *q)
{
	q->enabled = false;
	q->call_fd = -1;
	q->ring = (struct vmm_virtq){ .mem = q->dev->mem, .size = q->dev->queue_size };
}

static int open_queues(struct vmm_virtio *dev, struct sh_err *err)
{
	for (unsigned i = 0; i < dev->n_queues; i++) {
		struct vmm_vqueue *q = &dev->queues[i];

		q->dev = dev;
		clear_queue(q);
		q->kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		q->kick = (struct vmm_source){ q->kick_fd, on_kick, q };
		if (q->kick_fd < 0)
			return sh_err_set(err, -errno,
				"device '%s': no eventfd for a queue: raise the limit of open "
				"files",
				dev->name);
	}
	return 0;
}

static void free_device(struct vmm_virtio *dev)
{
	if (dev->has_own_loop)
		vmm_loop_done(&dev->own_loop);
	for (unsigned i = 0; i < dev->n_queues; i++)
		if (dev->queues[i].dev && dev->queues[i].kick_fd >= 0)
			close(dev->queues[i].kick_fd);
	pthread_mutex_destroy(&dev->lock);
	vmm_virtio_pci_free(dev->transport);
	dev->ops->free(dev->ctx);
}

int vmm_virtio_add(struct vmm_virtio_set *set, struct vmm_virtio *dev, struct sh_err *err)
{
	int r;

	dev->mem = set->mem;
	dev->loop = dev->has_own_loop ? &dev->own_loop : set->loop;
	dev->config_fd = -1;
	pthread_mutex_init(&dev->lock, NULL);
	r = open_queues(dev, err);
	if (dev->has_own_loop && vmm_loop_init(&dev->own_loop) < 0)
		r = sh_err_set(err, -EMFILE, "device '%s': no epoll: raise the limit of open files",
			dev->name);
	if (r == 0)
		r = vmm_virtio_pci_new(dev, set->pci, &dev->transport, err);
	if (r < 0) {
		free_device(dev);
		return r;
	}
	dev->next = set->first;
	set->first = dev;
	return 0;
}

int vmm_virtio_start_all(struct vmm_virtio_set *set, void (*enter)(void), struct sh_err *err)
{
	for (struct vmm_virtio *dev = set->first; dev; dev = dev->next) {
		int r = dev->has_own_loop ? vmm_loop_start(&dev->own_loop, dev->name, enter) : 0;

		if (r < 0)
			return sh_err_set(err, r, "device '%s': no thread to be had", dev->name);
	}
	return 0;
}

void vmm_virtio_free_all(struct vmm_virtio_set *set)
{
	while (set->first) {
		struct vmm_virtio *dev = set->first;

		set->first = dev->next;
		free_device(dev);
	}
}

/* Interrupts */

static void interrupt(struct vmm_virtio *dev, int fd, uint8_t why)
{
	atomic_fetch_or(&dev->isr, why);
	if (fd >= 0)
		(void)eventfd_write(fd, 1);
}

void vmm_virtio_config_changed(struct vmm_virtio *dev)
{
	dev->generation++;
	if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(dev, dev->config_fd, ISR_CONFIG);
}

void vmm_virtio_publish(struct vmm_vqueue *q)
{
	if (vmm_virtq_publish(&q->ring))
		interrupt(q->dev, q->call_fd, ISR_QUEUE);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

void vmm_virtio_break(struct vmm_virtio *dev, const char *why)
{
	uint64_t n_suppressed;

	if (dev->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	dev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(dev, dev->config_fd, ISR_CONFIG);
	if (sh_log_limit(&dev->log_limit, now_ns(), &n_suppressed))
		sh_log_warn("device '%s': the guest gave it %s; it must reset it", dev->name, why);
}

/* Queues */

void vmm_virtio_serve(
	struct vmm_vqueue *q, uint32_t (*one)(void *ctx, const struct vmm_chain *chain), void *ctx)
{
	struct vmm_chain chain;
	unsigned left = q->ring.size;
	bool more;

	do {
		int r = 0;

		vmm_virtq_disarm(&q->ring);
		while (left && (r = vmm_virtq_pop(&q->ring, &chain)) > 0) {
			vmm_virtq_push(&q->ring, chain.head, one(ctx, &chain));
			left--;
		}
		vmm_virtio_publish(q);
		if (r < 0)
			return;
		more = vmm_virtq_arm(&q->ring);
	} while (more && left);
	/* Let others have their turn: the guest may never end. */
	if (more)
		(void)eventfd_write(q->kick_fd, 1);
}

static bool may_run(const struct vmm_virtio *dev)
{
	return (dev->status & VIRTIO_CONFIG_S_DRIVER_OK) && !dev->paused;
}

static void start_queue(struct vmm_virtio *dev, unsigned i)
{
	struct vmm_vqueue *q = &dev->queues[i];

	if (!q->enabled || q->running)
		return;
	q->ring.has_event_idx = vmm_virtio_has(dev, VIRTIO_RING_F_EVENT_IDX);
	q->ring.has_indirect = vmm_virtio_has(dev, VIRTIO_RING_F_INDIRECT_DESC);
	if (vmm_virtq_start(&q->ring) < 0) {
		vmm_virtio_break(dev, "a ring that is not in its memory");
		return;
	}
	q->running = true;
	q->is_served = !dev->ops->queue_start || dev->ops->queue_start(dev->ctx, i);
	if (!q->is_served)
		return;
	(void)vmm_loop_add(dev->loop, &q->kick, EPOLLIN);
	/* What came before is served, whether there was a kick for it or not. */
	(void)eventfd_write(q->kick_fd, 1);
}

static void stop_queue(struct vmm_virtio *dev, unsigned i)
{
	struct vmm_vqueue *q = &dev->queues[i];

	if (!q->running)
		return;
	if (q->is_served)
		vmm_loop_del(dev->loop, &q->kick);
	if (dev->ops->queue_stop)
		dev->ops->queue_stop(dev->ctx, i);
	q->running = false;
	vmm_virtq_stop(&q->ring);
}

static void start(struct vmm_virtio *dev)
{
	if (dev->ops->start)
		dev->ops->start(dev->ctx);
	for (unsigned i = 0; i < dev->n_queues; i++)
		start_queue(dev, i);
}

static void stop(struct vmm_virtio *dev)
{
	for (unsigned i = 0; i < dev->n_queues; i++)
		stop_queue(dev, i);
	if (dev->ops->stop)
		dev->ops->stop(dev->ctx);
}

static void reset(struct vmm_virtio *dev)
{
	if (may_run(dev))
		stop(dev);
	if (dev->ops->reset)
		dev->ops->reset(dev->ctx);
	for (unsigned i = 0; i < dev->n_queues; i++)
		clear_queue(&dev->queues[i]);
	dev->status = 0;
	dev->accepted = 0;
	dev->config_fd = -1;
	atomic_store(&dev->isr, 0);
}

/* virtio 1.2, 3.1.1: the steps of a driver, none of which it may take back. */
void vmm_virtio_set_status(struct vmm_virtio *dev, uint8_t status)
{
	uint8_t before = dev->status;

	if (status == 0) {
		reset(dev);
		return;
	}
	status &= (uint8_t)~VIRTIO_CONFIG_S_NEEDS_RESET;
	if (status & VIRTIO_CONFIG_S_FEATURES_OK &&
		((dev->accepted & ~vmm_virtio_features(dev)) ||
			!vmm_virtio_has(dev, VIRTIO_F_VERSION_1)))
		status &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	if (!((before | status) & VIRTIO_CONFIG_S_FEATURES_OK))
		status &= (uint8_t)~VIRTIO_CONFIG_S_DRIVER_OK;
	dev->status |= status;
	if ((dev->status & ~before) & VIRTIO_CONFIG_S_DRIVER_OK && !dev->paused)
		start(dev);
}

void vmm_virtio_queue_enable(struct vmm_virtio *dev, unsigned queue)
{
	dev->queues[queue].enabled = true;
	if (may_run(dev))
		start_queue(dev, queue);
}

void vmm_virtio_queue_reset(struct vmm_virtio *dev, unsigned queue)
{
	stop_queue(dev, queue);
	clear_queue(&dev->queues[queue]);
}

void vmm_virtio_queue_set_call(struct vmm_virtio *dev, unsigned queue, int fd)
{
	struct vmm_vqueue *q = &dev->queues[queue];

	q->call_fd = fd;
	if (q->running && dev->ops->queue_called)
		dev->ops->queue_called(dev->ctx, queue);
}

/* The machine */

void vmm_virtio_pause_all(struct vmm_virtio_set *set)
{
	for (struct vmm_virtio *dev = set->first; dev; dev = dev->next) {
		pthread_mutex_lock(&dev->lock);
		if (may_run(dev))
			stop(dev);
		dev->paused = true;
		pthread_mutex_unlock(&dev->lock);
	}
}

void vmm_virtio_resume_all(struct vmm_virtio_set *set)
{
	for (struct vmm_virtio *dev = set->first; dev; dev = dev->next) {
		pthread_mutex_lock(&dev->lock);
		dev->paused = false;
		if (may_run(dev))
			start(dev);
		pthread_mutex_unlock(&dev->lock);
	}
}
