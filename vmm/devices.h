/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The devices of a machine, made from its definition: disks, NICs, balloon, random numbers, a
 * console. One thread serves the slow ones, each disk has its own.
 */
#pragma once

#include "console.h"
#include "definition.h"
#include "vfio.h"
#include "virtio_balloon.h"
#include "virtio_blk.h"
#include "virtio_net.h"

#define VMM_DEVICE_NAME 16

struct vmm_devices {
	struct vmm_virtio_set set;
	struct vmm_loop loop;
	bool is_open;
	struct vmm_balloon *balloon; /* NULL without */
	unsigned n_disks, n_nics;
	struct vmm_blk *disks[VMM_DISKS];
	struct vmm_vfio vfio;
	struct vmm_vfio_function *vfs[VMM_NICS]; /* NULL: on vhost-user, and then in nics */
	struct vmm_net *nics[VMM_NICS];
	char disk_names[VMM_DISKS][VMM_DEVICE_NAME], nic_names[VMM_NICS][VMM_DEVICE_NAME];
	struct vmm_console console;

	/* NICs whose switch has not been there yet: the guest waits for them */
	unsigned n_missing;
	struct vmm_source missing[VMM_NICS];
	struct vmm_loop *main;
	void (*on_complete)(void *ctx);
	void *ctx;
};

/**
 * Make them and put them on the bus. devices stays where it is.
 *
 * errors:  -errno, with the sentence for the user; half of them are freed by vmm_devices_done
 * thread:  main
 */
int vmm_devices_open(struct vmm_devices *devices, const struct vmm_definition *def,
	const struct vmm_kvm *kvm, struct vmm_pci *pci, const struct vmm_mem *mem,
	struct sh_err *err);

/**
 * Start their threads. on_complete is called in the main loop once the guest may run, which is when
 * the switch of each NIC has been there.
 */
int vmm_devices_start(struct vmm_devices *devices, struct vmm_loop *main,
	void (*on_complete)(void *ctx), void *ctx, struct sh_err *err);

/** Whether a device of the host writes to the guest's memory, which then stays where it is. */
bool vmm_devices_have_vf(const struct vmm_devices *devices);

/** After vCPUs have ended, before the bus is freed. */
void vmm_devices_done(struct vmm_devices *devices);
