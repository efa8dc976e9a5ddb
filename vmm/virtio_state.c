/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A device's state into a snapshot and out of it. Main thread, under the device's lock; the device
 * is paused, so its loop has nothing to do with it.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <linux/virtio_config.h>

#include "virtio_state.h"

void vmm_virtio_save(struct vmm_virtio *dev, struct vmm_virtio_state *ret)
{
	struct vmm_virtio_state state = { .type = dev->type, .n_queues = (uint16_t)dev->n_queues };

	pthread_mutex_lock(&dev->lock);
	state.accepted = dev->accepted;
	state.status = dev->status;
	state.generation = dev->generation;
	state.isr = atomic_load(&dev->isr);
	for (unsigned i = 0; i < dev->n_queues; i++) {
		const struct vmm_vqueue *q = &dev->queues[i];

		state.queues[i] = (struct vmm_virtio_queue_state){
			.desc_gpa = q->ring.desc_gpa,
			.avail_gpa = q->ring.avail_gpa,
			.used_gpa = q->ring.used_gpa,
			.size = q->ring.size,
			.enabled = q->enabled,
		};
	}
	vmm_virtio_pci_save(dev->transport, &state);
	if (dev->ops->save)
		dev->ops->save(dev->ctx, state.own);
	pthread_mutex_unlock(&dev->lock);
	*ret = state;
}

/* What the driver's registers would not have taken either. */
static int check(
	const struct vmm_virtio *dev, const struct vmm_virtio_state *state, struct sh_err *err)
{
	if (state->type != dev->type || state->n_queues != dev->n_queues)
		return sh_err_set(err, -EINVAL,
			"device '%s': the snapshot is of another kind of device (type %u with %u "
			"queues)",
			dev->name, state->type, state->n_queues);
	if (state->accepted & ~vmm_virtio_features(dev))
		return sh_err_set(err, -EINVAL,
			"device '%s': the guest uses what is not offered here (features %#llx)",
			dev->name,
			(unsigned long long)(state->accepted & ~vmm_virtio_features(dev)));
	if (state->status & VIRTIO_CONFIG_S_DRIVER_OK &&
		(!(state->status & VIRTIO_CONFIG_S_FEATURES_OK) ||
			!(state->accepted & VMM_BIT(VIRTIO_F_VERSION_1))))
		return sh_err_set(
			err, -EINVAL, "device '%s': a driver without features", dev->name);
	for (unsigned i = 0; i < dev->n_queues; i++) {
		uint16_t size = state->queues[i].size;

		if (size == 0 || size > dev->queue_size || (size & (size - 1)))
			return sh_err_set(
				err, -EINVAL, "device '%s': a queue of %u", dev->name, size);
	}
	return 0;
}

static void apply(struct vmm_virtio *dev, const struct vmm_virtio_state *state)
{
	dev->accepted = state->accepted;
	dev->status = state->status;
	dev->generation = state->generation;
	atomic_store(&dev->isr, state->isr);
	for (unsigned i = 0; i < dev->n_queues; i++) {
		const struct vmm_virtio_queue_state *from = &state->queues[i];
		struct vmm_vqueue *q = &dev->queues[i];

		q->ring.desc_gpa = from->desc_gpa;
		q->ring.avail_gpa = from->avail_gpa;
		q->ring.used_gpa = from->used_gpa;
		q->ring.size = from->size;
		q->enabled = from->enabled;
	}
	vmm_virtio_pci_restore(dev->transport, state);
}

int vmm_virtio_restore(
	struct vmm_virtio *dev, const struct vmm_virtio_state *state, struct sh_err *err)
{
	int r;

	pthread_mutex_lock(&dev->lock);
	r = check(dev, state, err);
	if (r == 0 && dev->ops->restore && dev->ops->restore(dev->ctx, state->own) < 0)
		r = sh_err_set(
			err, -EINVAL, "device '%s': its own state makes no sense", dev->name);
	if (r == 0)
		apply(dev, state);
	pthread_mutex_unlock(&dev->lock);
	return r;
}
