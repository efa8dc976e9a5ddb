/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What all virtio devices share, whatever carries them: queues with their eventfds, the device's
 * status, its configuration, and its life from the driver's "ready" to a reset.
 *
 * A device is a struct of functions. All of them are called under the device's lock: in a vCPU's
 * thread for what registers do, in the loop's for what rings do.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "loop.h"
#include "mem.h"
#include "pci.h"
#include "virtq.h"

#define VMM_BIT(n) (UINT64_C(1) << (n))

#define VMM_VIRTIO_QUEUES    17 /* 8 pairs and a control queue */
#define VMM_VIRTIO_OWN_BYTES 16

struct vmm_virtio;

struct vmm_virtio_ops {
	/* Each may be NULL but free. */

	void (*free)(void *ctx);
	/* The driver is ready: what it accepted is in `accepted`. Its queues start after this. */
	void (*start)(void *ctx);
	/* The driver resets the device or the machine pauses; its queues have stopped before. */
	void (*stop)(void *ctx);
	/* All that the driver has said is forgotten. */
	void (*reset)(void *ctx);
	/* The queue may be used. return: whether the loop serves it; false: somebody else waits for
	 * its kick_fd and writes its call_fd. */
	bool (*queue_start)(void *ctx, unsigned queue);
	/* When it returns nobody touches the ring. */
	void (*queue_stop)(void *ctx, unsigned queue);
	/* There may be chains. */
	void (*queue_serve)(void *ctx, unsigned queue);
	/* Another interrupt than before, while the queue runs. */
	void (*queue_called)(void *ctx, unsigned queue);
	/* The driver writes to the configuration, inside of it. */
	void (*config_write)(void *ctx, unsigned offset, const void *from, unsigned n);
	/* What it has beside queues, for a snapshot, or out of one. errors: -EINVAL */
	int (*state)(void *ctx, uint8_t own[VMM_VIRTIO_OWN_BYTES], bool restore);
};

struct vmm_vqueue {
	struct vmm_virtio *dev;
	struct vmm_virtq ring;
	bool enabled; /* by the driver */
	bool running, is_served;
	int kick_fd; /* the driver has put something in */
	int call_fd; /* interrupts the driver; borrowed; -1: none */
	struct vmm_source kick;
};

struct vmm_virtio {
	/* of the device */
	const char *name; /* for the log */
	const struct vmm_virtio_ops *ops;
	void *ctx;
	uint16_t type;       /* virtio 1.2, 5 */
	uint32_t class_code; /* of PCI */
	unsigned n_queues;
	uint16_t queue_size; /* the largest, a power of 2 */
	uint64_t features;   /* offered, without the transport's */
	uint64_t withheld;   /* of the transport's: not offered */
	void *config;
	unsigned config_bytes;
	bool has_own_loop; /* a thread of its own */

	/* of virtio.c */
	struct vmm_virtio *next; /* in the set */
	struct vmm_loop *loop, own_loop;
	struct vmm_virtio_pci *transport;
	const struct vmm_mem *mem;
	pthread_mutex_t lock;
	uint64_t accepted;
	uint8_t status, generation;
	bool paused;
	int config_fd; /* interrupts the driver for its configuration; borrowed; -1: none */
	_Atomic uint8_t isr;
	struct sh_log_limit log_limit;
	struct vmm_vqueue queues[VMM_VIRTIO_QUEUES];
};

/* All virtio devices of a machine, and what they are made with. */
struct vmm_virtio_set {
	struct vmm_pci *pci;
	const struct vmm_mem *mem;
	struct vmm_loop *loop; /* of devices that have none of their own */
	struct vmm_virtio *first;
};

/**
 * Put a device, of which what is "of the device" is set, into the set and on the bus.
 *
 * errors:  -ENOSPC, -ENOMEM, -EMFILE; the device is freed then
 * thread:  main, before vCPUs start
 */
int vmm_virtio_add(struct vmm_virtio_set *set, struct vmm_virtio *dev, struct sh_err *err);

/** Start the threads of devices that have one of their own. enter: as vmm_loop_start. */
int vmm_virtio_start_all(struct vmm_virtio_set *set, void (*enter)(void), struct sh_err *err);

/** Free all devices. thread: main, after vCPUs and the set's loop have ended, before the bus. */
void vmm_virtio_free_all(struct vmm_virtio_set *set);

/** No ring is touched between them; requests under way are finished first. thread: main. */
void vmm_virtio_pause_all(struct vmm_virtio_set *set);
void vmm_virtio_resume_all(struct vmm_virtio_set *set);

/** All features that a device offers. */
uint64_t vmm_virtio_features(const struct vmm_virtio *dev);

/* For transports, under the lock: */

/** The driver writes the device's status; 0 resets. virtio 1.2, 2.1 and 3.1. */
void vmm_virtio_set_status(struct vmm_virtio *dev, uint8_t status);
void vmm_virtio_queue_enable(struct vmm_virtio *dev, unsigned queue);
void vmm_virtio_queue_reset(struct vmm_virtio *dev, unsigned queue);
void vmm_virtio_queue_set_call(struct vmm_virtio *dev, unsigned queue, int fd);

/* For devices, under the lock: */

/** The driver broke the rules: it must reset the device. */
void vmm_virtio_break(struct vmm_virtio *dev, const char *why);
void vmm_virtio_config_changed(struct vmm_virtio *dev);

/** Show what was pushed and interrupt if that is wanted. */
void vmm_virtio_publish(struct vmm_vqueue *queue);

/**
 * Serve a queue's chains one by one.
 *
 * one:     does what a chain says; returns how many bytes it wrote
 */
void vmm_virtio_serve(struct vmm_vqueue *queue,
	uint32_t (*one)(void *ctx, const struct vmm_chain *chain), void *ctx);

static inline bool vmm_virtio_has(const struct vmm_virtio *dev, unsigned feature)
{
	return dev->accepted & VMM_BIT(feature);
}

/* What a snapshot keeps of a device: what its driver has said by registers. Where a ring has come
 * to is in the guest's memory, since a paused device has nothing under way. */
struct vmm_virtio_state {
	uint64_t accepted;
	uint32_t device_feature_select, driver_feature_select;
	uint16_t type, n_queues, queue_select, config_vector;
	uint8_t status, generation, isr, padding[5];
	uint8_t own[VMM_VIRTIO_OWN_BYTES];
	struct vmm_virtio_queue_state {
		uint64_t desc_gpa, avail_gpa, used_gpa;
		uint16_t size, vector;
		uint32_t enabled;
	} queues[VMM_VIRTIO_QUEUES];
};

/** Of a device that is paused. thread: main. */
void vmm_virtio_save(struct vmm_virtio *dev, struct vmm_virtio_state *ret);

/**
 * Into a device that is paused: by its registers, so that nothing comes in that a driver could not
 * have said. Its MSI-X is restored before, and the back end of a NIC has been there.
 *
 * errors:  -EINVAL, with what does not fit
 * thread:  main
 */
int vmm_virtio_restore(
	struct vmm_virtio *dev, const struct vmm_virtio_state *state, struct sh_err *err);

struct vmm_virtio_pci;

/** The device's transport, virtio_pci.c. */
int vmm_virtio_pci_new(struct vmm_virtio *dev, struct vmm_pci *pci, struct vmm_virtio_pci **ret,
	struct sh_err *err);
void vmm_virtio_pci_free(struct vmm_virtio_pci *pci);
