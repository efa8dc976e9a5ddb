/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A machine without KVM for devices of shunt-vmm: memory, a bus and a loop that the test turns by
 * hand, and a driver that does what a guest's does, by registers and rings alone.
 */
#pragma once

#include "pci_bus.h"
#include "virtio.h"

#define RIG_MEMORY     (UINT64_C(2) << 20)
#define RIG_RING_BYTES 0x2000  /* from one ring to the next, from GPA 0x1000 on */
#define RIG_BUFFERS    0x80000 /* where buffers may be */
#define RIG_MAX_EVENTS 64
#define RIG_MAX_GSI    256
#define RIG_WAIT_MS    20000

struct rig_event {
	uint64_t gpa;
	int fd; /* -1: none */
};

struct rig {
	struct vmm_mem mem;
	struct vmm_pci *pci;
	struct vmm_loop loop;
	struct vmm_virtio_set set;
	bool refuses_ioeventfds; /* notifications come through registers */
	struct rig_event events[RIG_MAX_EVENTS];
	int irq_fds[RIG_MAX_GSI]; /* of a vector that may fire; -1 */
};

/* shared: memory in a memfd that another process can map; else an allocation of its own, so that
 * the sanitizer sees a byte beside it. Aborts when it cannot be had, as all below. */
void rig_open(struct rig *rig, bool shared);
void rig_close(struct rig *rig);

/* Serve what is ready; with a time, wait for something first. */
bool rig_turn(struct rig *rig, int timeout_ms);
void rig_settle(struct rig *rig);

struct rig_buffer {
	uint64_t gpa;
	uint32_t n;
	bool is_in; /* the device writes it */
};

struct rig_queue {
	uint16_t size, n_avail, n_used, next_desc;
	uint64_t desc, avail, used;
};

struct driver {
	struct rig *rig;
	uint64_t config; /* GPA of its configuration space */
	uint64_t common, isr, device, notify, msix;
	unsigned notify_step, window;
	unsigned gsi; /* of its first vector */
	struct rig_queue queues[VMM_VIRTIO_QUEUES];
};

/* After all devices were added: in slot 1 lies the first of them. */
void driver_find(struct rig *rig, unsigned slot, struct driver *ret);

uint64_t driver_read(const struct driver *d, uint64_t at, unsigned n);
void driver_write(const struct driver *d, uint64_t at, unsigned n, uint64_t value);

/* Up to FEATURES_OK. return: whether the device accepts. */
bool driver_negotiate(const struct driver *d, uint64_t features);
uint64_t driver_features(const struct driver *d);
/* Vector queue + 1; vector 0 is the configuration's. */
void driver_queue(struct driver *d, unsigned queue, uint16_t size);
void driver_ready(const struct driver *d);
/* All of it: what of these features is offered, n queues of 16. */
void driver_start(struct driver *d, uint64_t features, unsigned n_queues);

/* Offer a chain. return: its head. */
uint16_t driver_offer(
	struct driver *d, unsigned queue, const struct rig_buffer *buffers, unsigned n);
void driver_kick(const struct driver *d, unsigned queue);
bool driver_used(struct driver *d, unsigned queue, uint16_t *ret_head, uint32_t *ret_n);
/* Offer, kick, and turn until it is used. return: bytes written. */
uint32_t driver_do(struct driver *d, unsigned queue, const struct rig_buffer *buffers, unsigned n);

/* How often a vector fired since the last call. */
uint64_t driver_interrupts(const struct driver *d, unsigned vector);

void *rig_at(const struct rig *rig, uint64_t gpa, uint64_t n);
